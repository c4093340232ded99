/* SPDX-License-Identifier: MIT */
/*
 * Semaphore: a number of permits, and a queue of those who wait for some.
 *
 *      static struct cede_sem connections = CEDE_SEM_INIT(64, CEDE_FIFO);
 *
 *      int r = cede_sem_acquire(&connections);
 *      if (r < 0)
 *              return r;                       // cancelled or out of time: no permit was taken
 *      ...
 *      cede_sem_release(&connections);
 *
 * Fairness.  Arrivals never pass waiters: while anybody is queued, a free permit belongs to the
 * head of the queue, and the holder that releases and acquires again goes behind those its order
 * puts first.  A request for many permits at the head is not starved by small ones behind it.
 * With CEDE_ADAPTIVE (order.h) arrivals may pass, for a millisecond.
 *
 * Hand-over.  A release gives the permits to the waiters at that moment; the releaser goes on
 * without yielding.  A waiter that was granted returns 0 even if it is cancelled before it gets to
 * run; the cancellation is delivered by its next blocking call.  No permit is lost or forged that
 * way.
 *
 * Permits have no owner: any task may release what another acquired.  An all-zero semaphore is
 * valid, with no permits, FIFO.  Acquiring and releasing without waiters costs one compare-and-swap
 * each and never yields.
 */
#ifndef CEDE_SEM_H
#define CEDE_SEM_H

#include <cede/base.h>
#include <cede/order.h>
#include <limits.h>

CEDE_BEGIN_DECLS

struct cede_callback;
struct cede_case;

/* Visible so that it can be embedded; the fields belong to sync/sem.c. */
struct cede_sem {
        uintptr_t word;       /* atomic: permits << 3 | flags */
        long max;             /* 0: no maximum; else release beyond it fails */
        struct cede__waitq q; /* under the word's lock bit */
        uint64_t handoffs;    /* grants to waiters; under the lock bit */
        unsigned nudged;      /* likewise: waiters that were woken to try again */
        long promised;        /* likewise: how much they want */
        enum cede_transfer transfer;
        const char *name; /* for reports; NULL: anonymous */
};

/* A static initialiser; a negative number of permits does not compile. */
#define CEDE_SEM_INIT(permits, order)                                                              \
        {                                                                                          \
                (uintptr_t)(permits) * 8 / CEDE__IS((permits) >= 0 && (permits) <= LONG_MAX / 8),  \
                        0, CEDE__WAITQ_INIT(order), 0, 0, 0, CEDE_STRICT, NULL                     \
        }

/*
 * Makes `s` a semaphore with so many permits, and no maximum.
 * -EINVAL: permits is negative or beyond LONG_MAX / 8, or the order is none.
 */
CEDE_API int cede_sem_init(struct cede_sem *s, long permits, enum cede_order order) CEDE_MUST_CHECK;

/* Ends a semaphore's life.  Ends the program with a report if anybody still waits on it. */
CEDE_API void cede_sem_finish(struct cede_sem *s);

/*
 * Sets an option of a semaphore, before it is shared: a name for reports (kept, not copied); a
 * maximum (0: none); how permits get to waiters (order.h); the seed of CEDE_RANDOM.  -EINVAL: a
 * maximum below the permits it has now, or a transfer that is none.
 */
CEDE_API void cede_sem_set_name(struct cede_sem *s, const char *name);
CEDE_API int cede_sem_set_max(struct cede_sem *s, long max) CEDE_MUST_CHECK;
CEDE_API int cede_sem_set_transfer(struct cede_sem *s, enum cede_transfer transfer) CEDE_MUST_CHECK;
CEDE_API void cede_sem_set_seed(struct cede_sem *s, uint64_t seed);

/*
 * Takes one permit, or n at once, waiting for them if need be.  On failure nothing was taken.
 *
 * -ECANCELED  the caller is cancelled (also if permits are free); it does not queue
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed; permits that are free are
 *             still taken
 * -EINVAL     n < 1, or more than the maximum: it could never be granted, and blocks nobody
 */
CEDE_API int cede_sem_acquire(struct cede_sem *s) CEDE_MUST_CHECK;
CEDE_API int cede_sem_acquire_n(struct cede_sem *s, long n) CEDE_MUST_CHECK;

/*
 * Takes n permits for a callback (callback.h).  0: it will be called, once it holds the permits.
 * -EINVAL: n < 1, or more than the maximum.
 */
CEDE_API int cede_sem_acquire_async(struct cede_sem *s, long n,
                                    struct cede_callback *callback) CEDE_MUST_CHECK;

/*
 * Returns the case of taking n permits, for cede_wait_any (any.h).  That fails, and not this, if n
 * is less than 1 or more than the maximum.
 */
CEDE_API struct cede_case cede_sem_case(struct cede_sem *s, long n);

/*
 * Takes one permit, or n at once, if that needs no waiting; also from plain threads and from
 * cancelled tasks.
 *
 * -EAGAIN  not enough permits, or somebody is queued for them
 * -EINVAL  n < 1, or more than the maximum
 */
CEDE_API int cede_sem_try_acquire(struct cede_sem *s) CEDE_MUST_CHECK;
CEDE_API int cede_sem_try_acquire_n(struct cede_sem *s, long n) CEDE_MUST_CHECK;

/*
 * Gives back one permit, or n, and hands them to the waiters they suffice for.  Never blocks or
 * yields; from any thread.
 * -EOVERFLOW: that would exceed the maximum; nothing was given back.  -EINVAL: n < 1.
 */
CEDE_API int cede_sem_release(struct cede_sem *s);
CEDE_API int cede_sem_release_n(struct cede_sem *s, long n);

/*
 * Takes a permit, calls fn(arg), and gives it back, whatever fn returns.  Returns fn's result, or
 * why it was not called: -ECANCELED or -ETIMEDOUT, as from cede_sem_acquire.
 */
CEDE_API int cede_sem_run(struct cede_sem *s, int (*fn)(void *arg), void *arg) CEDE_MUST_CHECK;

/*
 * Returns the permits that are free now, or how many parties wait now: of use for reports and
 * tests, stale when read.
 */
CEDE_API long cede_sem_value(const struct cede_sem *s);
CEDE_API unsigned cede_sem_waiting(const struct cede_sem *s);

struct cede_sem_stats {
        long value;            /* permits free */
        unsigned waiting;      /* parties waiting now */
        unsigned peak_waiting; /* the most that ever waited at a time */
        uint64_t handoffs;     /* grants to a waiter, as opposed to permits taken without waiting */
};

/* Stores a consistent snapshot of a semaphore's counters. */
CEDE_API void cede_sem_stats(struct cede_sem *s, struct cede_sem_stats *ret_stats);

CEDE_END_DECLS

#endif
