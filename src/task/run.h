/* SPDX-License-Identifier: MIT */
/*
 * A run: its workers, and the scope around everything.  Used by the first worker's thread only,
 * but for what is constant.
 */
#ifndef CEDE_TASK_RUN_H
#define CEDE_TASK_RUN_H

#include "task/worker.h"
#include <cede/run.h>

enum { CEDE__OFFLOAD_THREADS_MAX = 1024 };

struct cede__run {
        struct cede_scope root;          /* what cede_spawn(NULL, ...) spawns into */
        struct cede_run_options options; /* constant */
        unsigned stack_class;            /* of tasks that do not say; constant */
        bool deadlocked;
        bool waits_for_outside; /* and said so */
        uint64_t quiet_since;   /* the turn at which it was last asked whether something could */
        unsigned quiet_looks;   /* how often since then */
        /* Set by the layer of offloading once it is used; called when all tasks have ended. */
        uintptr_t offload_lock;        /* until there is one */
        struct cede__offload *offload; /* atomic */
        void (*offload_finish)(struct cede__offload *offload);
        atomic_uint offload_threads; /* how many it has started */

        atomic_uint resting;   /* workers that may be roused; share.c */
        atomic_bool searching; /* one that was roused has not found anything yet */
        atomic_bool stopping;  /* somebody makes the others stand still; stop.c */
        _Atomic uint32_t stand;
        unsigned workers;    /* constant */
        unsigned started;    /* so many of them */
        uintptr_t time_lock; /* quiet.c */
        struct cede__worker worker[];
};

static inline struct cede__run *cede__run_of(struct cede__loop *loop)
{
        return cede__worker_of(loop)->run;
}

/* The run of this thread, NULL outside of any. */
static inline struct cede__run *cede__run_here(void)
{
        return cede__loop_here ? cede__run_of(cede__loop_here) : NULL;
}

/* The calling worker, if it is the first one, and its main task is what calls.  Else dies. */
struct cede__worker *cede__run_main_here(void);

/* Calls what was granted to callbacks of this worker, before it ends. */
void cede__run_drain(struct cede__worker *me);

/* The bottom of every task's stack, for the loop's hooks. */
void cede__task_run(void *loop);

/*
 * Nothing in the run can wake anybody.  If nothing outside can either: reports and cancels
 * everything, the second time aborts.  Else says so once, and when to look again.
 */
int64_t cede__run_quiescent(struct cede__loop *loop);

/* The other reports that the loop's hooks ask for. */
void cede__run_report(struct cede__loop *loop);
void cede__run_overrun(struct cede__fiber *fiber, int64_t limit);

/* Whether a fault at this address was a task's stack overflow; then it is reported. */
bool cede__run_explain_fault(const void *address, const void *sp);

#endif
