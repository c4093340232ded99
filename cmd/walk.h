/* SPDX-License-Identifier: MIT */
/* A walk over a tree, and the tasks that it consists of. */
#ifndef CEDE_CMD_WALK_H
#define CEDE_CMD_WALK_H

#include "explore.h"
#include "place.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

struct walk {
        const struct options *options;
        dev_t device;             /* DIR's */
        struct cede_limit starts; /* a slot for each task that waits for its turn or has it */
        struct totals totals;     /* the result: complete when walk_tree returns */

        pthread_mutex_t lock; /* of what follows, and of the totals of visits */
        struct top *top;
        unsigned peak_waiting; /* to start, or for a turn */
        struct totals seen;    /* so far, for the progress line */
        unsigned messages;     /* how many errors have been told */
        bool line_shown;       /* the progress line stands on the terminal */

        /* For the threads as well; turn.c explains the first two. */
        struct cede_sem turns;       /* a permit for each directory and file that may be open */
        struct cede_sem admission;   /* and one for each who may wait for a turn */
        atomic_uint open, peak_open; /* turns taken */
        atomic_bool stop;            /* jobs leave off: the run has been cancelled */
};

/* Visits the whole tree, in the calling task.  0, -ECANCELED, or a failure that ended it. */
int walk_tree(struct walk *w);

/*
 * turn.c: so many may be open; so many threads run jobs, at least two.  -EINVAL: no such limit or
 * order.
 */
int turns_init(struct walk *w, long limit, unsigned threads);
void turns_finish(struct walk *w);
unsigned turns_waiting(const struct walk *w);

/* A turn for the calling task, which keeps it until it gives it back. */
int turn_take(struct walk *w);
void turn_give(struct walk *w);

/*
 * Runs a job that opens something, on a thread, in the calling task's turn.  *result is the job's
 * own result; what is returned is below 0 if it has not run at all.
 */
int turn_job(int (*job)(void *), void *arg, const int *result);

/* The same in a turn of the job's own, which the thread takes, waiting with this priority. */
int turn_run(struct walk *w, int priority, int (*job)(void *), void *arg, const int *result);

/* progress.c */

/*
 * A task of a `struct walk`: until it is cancelled it keeps the progress line up to date; then it
 * makes the jobs stop.
 */
int progress_watch(void *walk);

/* Tells that something could not be read.  Under the lock. */
void progress_complain(struct walk *w, const struct place *place, int error);

#endif
