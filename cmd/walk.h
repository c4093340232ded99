/* SPDX-License-Identifier: MIT */
/* A walk over a tree, and the tasks that it consists of. */
#ifndef CEDE_CMD_WALK_H
#define CEDE_CMD_WALK_H

#include "explore.h"
#include "place.h"
#include <stdatomic.h>
#include <sys/types.h>

/* But for `stop`, all of it belongs to the loop's thread. */
struct walk {
        const struct options *options;
        struct top *top;
        dev_t device;             /* DIR's */
        struct cede_limit starts; /* a slot for each task that waits for its turn or has it */
        struct cede_sem turns;    /* a permit for each directory and file that may be open */
        unsigned open, peak_open; /* permits taken */
        unsigned peak_waiting;    /* to start, or for a turn */
        struct totals totals;     /* the result: complete when walk_tree returns */
        struct totals seen;       /* so far, for the progress line */
        unsigned messages;        /* how many errors have been told */
        bool line_shown;          /* the progress line stands on the terminal */
        atomic_bool stop;         /* jobs leave off: the run has been cancelled */
};

/* Visits the whole tree, in the calling task.  0, -ECANCELED, or a failure that ended it. */
int walk_tree(struct walk *w);

/* progress.c */

/*
 * A task of a `struct walk`: until it is cancelled it keeps the progress line up to date; then it
 * makes the jobs stop.
 */
int progress_watch(void *walk);

/* Tells that something could not be read. */
void progress_complain(struct walk *w, const struct place *place, int error);

#endif
