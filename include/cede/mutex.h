/* SPDX-License-Identifier: MIT */
/*
 * Mutex: a lock with an owner.
 *
 *      static struct cede_mutex m;             // all-zero: unlocked, FIFO
 *
 *      int r = cede_mutex_lock(&m);
 *      if (r < 0)
 *              return r;                       // cancelled or out of time: not locked
 *      ...
 *      cede_mutex_unlock(&m);
 *
 * The owner is the task or the thread that locked it, and nobody else may unlock it.  Unlocking
 * hands the mutex to the next waiter at that moment, in the mutex's order; the new owner runs when
 * its turn comes, and until then the mutex counts as locked by it.  Whoever unlocks and locks again
 * goes behind those whom the order puts first.  Between threads that hold it briefly, this costs a
 * thread switch each time; cede_mutex_set_transfer(&m, CEDE_ADAPTIVE) trades it for speed.
 *
 * An owner that ends without unlocking leaves the mutex to the next, whose lock call returns
 * -EOWNERDEAD: it owns the mutex, and must judge what state the protected data is in.  The end of
 * such an owner is reported on standard error.
 *
 * Callbacks own what they lock by their handle: cede_mutex_lock_async, cede_mutex_unlock_async.
 */
#ifndef CEDE_MUTEX_H
#define CEDE_MUTEX_H

#include <cede/base.h>
#include <cede/internal.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

struct cede_callback;
struct cede_case;

/* Visible so that it can be embedded; the fields belong to sync/mutex.c. */
struct cede_mutex {
        uintptr_t word;         /* atomic: owner | somebody waits << 1 | locked by the library */
        struct cede__hold hold; /* in the list of what the owner holds; the owner's */
        unsigned depth;         /* recursive: how often the owner has locked it; the owner's */
        uint8_t shared;         /* atomic: whether the lock bit may be used */
        bool recursive;         /* constant */
        bool orphaned;          /* the last owner ended holding it; under the lock bit */
        bool nudged;            /* a waiter was woken to try again; under the lock bit */
        enum cede_transfer transfer;
        struct cede__waitq q; /* under the word's lock bit */
        uint64_t handoffs;    /* likewise */
        const char *name;
        /* For lock_order.h: where it was initialised, its level, where it was locked last. */
        const void *origin;
        unsigned level;
        const void *site;
};

#define CEDE_MUTEX_INIT(order)                                                                     \
        {                                                                                          \
                0, { NULL, NULL }, 0, 0, false, false, false, CEDE_STRICT,                         \
                        CEDE__WAITQ_INIT(order), 0, NULL, NULL, 0, NULL                            \
        }

/* The same for one that its owner may lock again; it is unlocked as often. */
#define CEDE_RECURSIVE_MUTEX_INIT(order)                                                           \
        {                                                                                          \
                0, { NULL, NULL }, 0, 0, true, false, false, CEDE_STRICT, CEDE__WAITQ_INIT(order), \
                        0, NULL, NULL, 0, NULL                                                     \
        }

/*
 * Makes `m` an unlocked mutex, which is handed over in this order.  A recursive one may be locked
 * again by its owner, and is unlocked as often.  -EINVAL: the order is none.
 */
CEDE_API int cede_mutex_init(struct cede_mutex *m, enum cede_order order) CEDE_MUST_CHECK;
CEDE_API int cede_mutex_init_recursive(struct cede_mutex *m, enum cede_order order) CEDE_MUST_CHECK;

/* Ends a mutex's life.  Ends the program with a report if it is locked or anybody waits. */
CEDE_API void cede_mutex_finish(struct cede_mutex *m);

/*
 * Sets an option of a mutex, before it is shared: a name for reports (kept, not copied); how it
 * gets to waiters (order.h).  -EINVAL: a transfer that is none.
 */
CEDE_API void cede_mutex_set_name(struct cede_mutex *m, const char *name);
CEDE_API int cede_mutex_set_transfer(struct cede_mutex *m,
                                     enum cede_transfer transfer) CEDE_MUST_CHECK;

/*
 * Locks a mutex, waiting if need be.
 *
 * -ECANCELED  the caller is cancelled (also if the mutex is free)
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed; a free mutex is still locked
 * -EDEADLK    the caller owns it already (and it is not recursive), or waiting closed a circle:
 *             the owner waits for a mutex of the caller, directly or round some corners, or for the
 *             end of the caller, or for a slot of a limit that the caller holds.  Such a circle is
 *             reported on standard error, with all in it; only the wait that closes it fails, or,
 *             where that cannot fail (see condition.h and limit.h), another one, perhaps this.  A
 *             wait under a deadline counts for none: it ends anyway
 * -EOWNERDEAD it IS locked now, and its last owner ended without unlocking it
 */
CEDE_API int cede_mutex_lock(struct cede_mutex *m) CEDE_MUST_CHECK;

/*
 * Returns the case of locking a mutex, for cede_wait_any (any.h).  When it is taken the caller owns
 * the mutex; the case's result may say, as cede_mutex_lock, that the last owner is dead.
 */
CEDE_API struct cede_case cede_mutex_case(struct cede_mutex *m);

/*
 * Locks a mutex if that needs no waiting.
 *
 * -EAGAIN   it is locked by somebody else, or somebody waits for it
 * -EDEADLK  the caller owns it already, and it is not recursive
 */
CEDE_API int cede_mutex_try_lock(struct cede_mutex *m) CEDE_MUST_CHECK;

/* Unlocks a mutex.  Never waits or yields.  -EPERM: the caller does not own it. */
CEDE_API int cede_mutex_unlock(struct cede_mutex *m);

/*
 * Locks a mutex for a callback, or unlocks it.  0: the callback will be called, owning the mutex,
 * with 0 or -EOWNERDEAD; it is unlocked.
 *
 * -EINVAL   lock: the mutex is recursive
 * -EDEADLK  lock: this callback owns it already
 * -EPERM    unlock: this callback does not own it
 */
CEDE_API int cede_mutex_lock_async(struct cede_mutex *m,
                                   struct cede_callback *owner) CEDE_MUST_CHECK;
CEDE_API int cede_mutex_unlock_async(struct cede_mutex *m, struct cede_callback *owner);

/*
 * Locks a mutex, calls fn(arg), and unlocks it, whatever fn returns.  Returns fn's result, or why
 * it was not called: -ECANCELED, -ETIMEDOUT, -EDEADLK or -EOWNERDEAD, as from cede_mutex_lock; the
 * mutex is not held then.
 */
CEDE_API int cede_mutex_run(struct cede_mutex *m, int (*fn)(void *arg), void *arg) CEDE_MUST_CHECK;

/* Returns whether a mutex is locked, or locked by the caller.  The former is stale when read. */
CEDE_API bool cede_mutex_locked(const struct cede_mutex *m);
CEDE_API bool cede_mutex_owned(const struct cede_mutex *m);

/* Returns how many parties wait for a mutex now; stale when read. */
CEDE_API unsigned cede_mutex_waiting(const struct cede_mutex *m);

struct cede_mutex_stats {
        unsigned waiting;      /* parties waiting now */
        unsigned peak_waiting; /* the most that ever waited at a time */
        uint64_t handoffs;     /* times it was handed to a waiter */
};

/* Stores a consistent snapshot of a mutex's counters. */
CEDE_API void cede_mutex_stats(struct cede_mutex *m, struct cede_mutex_stats *ret_stats);

CEDE_END_DECLS

#endif
