/* SPDX-License-Identifier: MIT */
/*
 * A run: the loop, its main task, the scope around everything, and the memory for task records.
 * All of it is used by the loop's thread only.
 */
#ifndef CEDE_TASK_RUN_H
#define CEDE_TASK_RUN_H

#include "sched/loop.h"
#include "task/task.h"
#include <cede/run.h>

enum { CEDE__OFFLOAD_THREADS_MAX = 1024 };

struct cede__run {
        struct cede__loop loop; /* first: the loop's hooks get from it to the run */
        struct cede_task main;
        struct cede_scope root; /* what cede_spawn(NULL, ...) spawns into */
        struct cede_run_options options;
        unsigned stack_class; /* of tasks that do not say */
        struct cede_run_stats stats;
        uint64_t last_id;
        unsigned joins;           /* tasks that wait for another one's end */
        unsigned owners_closing;  /* tasks that wait for their children, and hold a mutex */
        unsigned callback_pauses; /* how often its end waited for callbacks */
        bool deadlocked;
        bool waits_for_outside; /* and said so */
        uint64_t quiet_since;   /* the turn at which it was last asked whether something could */
        unsigned quiet_looks;   /* how often since then */
        struct cede_task *free_records;                /* used before; linked through fiber.next */
        struct cede_task *unused_records, *unused_end; /* of the newest chunk */
        struct cede__records *records;                 /* all chunks */

        /* Set by the layer of offloading once it is used; called when all tasks have ended. */
        struct cede__pool *pool;
        void (*pool_finish)(struct cede__pool *pool);
};

static inline struct cede__run *cede__run_of(struct cede__loop *loop)
{
        return cede__container_of(loop, struct cede__run, loop);
}

/* The run of this thread, NULL outside of any. */
static inline struct cede__run *cede__run_here(void)
{
        return cede__loop_here ? cede__run_of(cede__loop_here) : NULL;
}

/* Task records: zeroed but for the links; NULL without memory. */
struct cede_task *cede__record_take(struct cede__run *run);
void cede__record_give(struct cede__run *run, struct cede_task *task);
void cede__records_finish(struct cede__run *run);
/* Whether there is a task of this run at this address; nothing there is read. */
bool cede__record_of(const struct cede__run *run, const struct cede__party *party);

/* The loop hooks for a task's life and for its stack. */
void cede__task_run(struct cede__fiber *fiber);
unsigned cede__task_stack_class(const struct cede__fiber *fiber);

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
