/* SPDX-License-Identifier: MIT */
/*
 * Limit: how many child tasks run at a time, and who starts next.
 *
 *      static struct cede_limit visits = CEDE_LIMIT_INIT(64, CEDE_LIFO);
 *
 *      static int visit(void *arg)
 *      {
 *              struct cede_scope children;
 *              cede_scope_open_with(&children, &(struct cede_scope_options){ .limit = &visits });
 *              ...  cede_spawn(&children, visit, child) for each child  ...
 *              return cede_scope_close(&children, r);
 *      }
 *
 * A task spawned into a scope with a limit starts when a slot is free, and holds it to its end.
 * Until then it is a small record without a stack.  One limit may serve many scopes, as above,
 * where all visits of the walk share it.
 *
 * A task that holds a slot and waits in cede_scope_close for its children lends the slot meanwhile;
 * when they have ended, it takes the next free slot, its last child's for instance, before any
 * queued start.  That is why the recursion above cannot deadlock, whatever the limit.  Waiting for
 * anything else does not lend.  If all who hold the slots wait, round some corners, for somebody
 * who waits for a slot, that is a circle of owners (mutex.h): it is reported, and one of their lock
 * or join calls fails with -EDEADLK.
 *
 * An all-zero limit admits any number.
 */
#ifndef CEDE_LIMIT_H
#define CEDE_LIMIT_H

#include <cede/base.h>
#include <cede/internal.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

/* Visible so that it can be embedded; the fields belong to task/limit.c. */
struct cede_limit {
        uintptr_t lock;             /* of all below, if the run has several workers */
        long max;                   /* slots; 0: unlimited */
        long used;                  /* slots held now */
        struct cede__waitq starts;  /* unstarted tasks */
        struct cede__waitq resumes; /* parents that take their slot back: served first, FIFO */
        const char *name;
        struct cede_scope *scopes; /* with children that hold or await slots */
};

#define CEDE_LIMIT_INIT(max, order)                                                                \
        {                                                                                          \
                0, (max) / CEDE__IS((max) >= 0), 0, CEDE__WAITQ_INIT(order),                       \
                        CEDE__WAITQ_INIT(CEDE_FIFO), NULL, NULL                                    \
        }

/*
 * Makes `l` a limit of `max` tasks (0: any number) that start in this order.  -EINVAL: max is
 * negative, or the order is none.
 */
CEDE_API int cede_limit_init(struct cede_limit *l, long max, enum cede_order order) CEDE_MUST_CHECK;

/* Ends a limit's life.  Ends the program with a report if tasks hold or await slots. */
CEDE_API void cede_limit_finish(struct cede_limit *l);

/* Sets a limit's name for reports (kept, not copied), or its seed for CEDE_RANDOM. */
CEDE_API void cede_limit_set_name(struct cede_limit *l, const char *name);
CEDE_API void cede_limit_set_seed(struct cede_limit *l, uint64_t seed);

struct cede_limit_stats {
        long running;         /* slots held */
        unsigned queued;      /* tasks waiting to start */
        unsigned resuming;    /* parents waiting for their slot */
        unsigned peak_queued; /* the most that ever waited to start at a time */
};

/* Stores a consistent snapshot of a limit's counters. */
CEDE_API void cede_limit_stats(struct cede_limit *l, struct cede_limit_stats *ret_stats);

CEDE_END_DECLS

#endif
