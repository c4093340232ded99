/* SPDX-License-Identifier: MIT */
/*
 * Condition: wait, with a mutex given up meanwhile, until somebody says that something has changed.
 *
 *      r = cede_mutex_lock(&m);
 *      while (r == 0 && queue_is_empty())
 *              r = cede_condition_wait(&changed, &m);
 *      ...
 *      cede_mutex_unlock(&m);                  // whatever r is: the mutex is held again
 *
 * A notification goes to a waiter that then stands in the mutex's queue; from there on it cannot be
 * cancelled, so a notification is never lost to somebody who has given up, and a waiter that has
 * timed out consumes none.  If it was cancelled or timed out before, it returns that, and holds the
 * mutex all the same: the wait for the mutex itself cannot be cancelled.
 *
 * Since it cannot fail, a circle of owners that it closes (mutex.h) is broken by the -EDEADLK of
 * another lock call in the circle.
 *
 * There are no spurious wake-ups.  The predicate is still to be looked at again, since between the
 * notification and the mutex others may have had their turn.
 */
#ifndef CEDE_CONDITION_H
#define CEDE_CONDITION_H

#include <cede/base.h>
#include <cede/internal.h>
#include <cede/mutex.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

/* Visible so that it can be embedded; the fields belong to sync/condition.c. */
struct cede_condition {
        uintptr_t word;       /* atomic: the library's lock bit */
        struct cede__waitq q; /* under it */
        const char *name;
};

#define CEDE_CONDITION_INIT(order)                                                                 \
        {                                                                                          \
                0, CEDE__WAITQ_INIT(order), NULL                                                   \
        }

/* Makes `c` a condition that notifies waiters in this order.  -EINVAL: the order is none. */
CEDE_API int cede_condition_init(struct cede_condition *c, enum cede_order order) CEDE_MUST_CHECK;

/* Ends a condition's life.  Ends the program with a report if anybody waits. */
CEDE_API void cede_condition_finish(struct cede_condition *c);

/* Names a condition, for reports.  The name is kept, not copied. */
CEDE_API void cede_condition_set_name(struct cede_condition *c, const char *name);

/*
 * Unlocks m, waits for a notification, and locks m again.
 *
 * -ECANCELED, -ETIMEDOUT  it was not notified; m is held
 * -EOWNERDEAD             as from cede_mutex_lock; m is held
 * -EPERM                  the caller does not own m; nothing was done
 */
CEDE_API int cede_condition_wait(struct cede_condition *c, struct cede_mutex *m) CEDE_MUST_CHECK;

/*
 * Waits until predicate(arg) is true, which is asked with m held: the loop around
 * cede_condition_wait.  Once that fails with -ECANCELED, -ETIMEDOUT, -EOWNERDEAD or -EPERM, so does
 * this, with m held in the same way.
 */
CEDE_API int cede_condition_wait_for(struct cede_condition *c, struct cede_mutex *m,
                                     bool (*predicate)(void *arg), void *arg) CEDE_MUST_CHECK;

/*
 * Wakes up to n waiters, or all.  Never waits or yields; from any thread, with or without the
 * mutex. Returns how many were woken.
 */
CEDE_API unsigned cede_condition_notify(struct cede_condition *c, unsigned n);
CEDE_API unsigned cede_condition_notify_all(struct cede_condition *c);

/* Returns how many parties wait on a condition now; stale when read. */
CEDE_API unsigned cede_condition_waiting(const struct cede_condition *c);

struct cede_condition_stats {
        unsigned waiting;      /* parties waiting now */
        unsigned peak_waiting; /* the most that ever waited at a time */
};

/* Stores a consistent snapshot of a condition's counters. */
CEDE_API void cede_condition_stats(struct cede_condition *c,
                                   struct cede_condition_stats *ret_stats);

CEDE_END_DECLS

#endif
