/* SPDX-License-Identifier: MIT */
/*
 * Latch: a number of things still to be done, and a queue of those who wait until all are.
 *
 *      static struct cede_latch jobs;          // all-zero: nothing to be done, nobody waits
 *
 *      r = cede_latch_add(&jobs, 1);           // before a job is handed to somebody
 *      ...
 *      cede_latch_done(&jobs);                 // at its end, by whoever did it
 *
 *      r = cede_latch_wait(&jobs);             // until the count is zero
 *
 * It can be used again and again, as Go's WaitGroup: when the count comes to zero, all who wait at
 * that moment go on, even if something is added before they run, and even if they are cancelled
 * before: the wait has returned 0 then.  Who comes later waits for what was added.  A count that is
 * only set once and counted down is C++'s std::latch.
 *
 * Adding and being done cost one compare-and-swap each, and never wait or yield.
 */
#ifndef CEDE_LATCH_H
#define CEDE_LATCH_H

#include <cede/base.h>
#include <cede/internal.h>
#include <cede/order.h>
#include <limits.h>

CEDE_BEGIN_DECLS

struct cede_callback;
struct cede_case;

/* Visible so that it can be embedded; the fields belong to sync/latch.c. */
struct cede_latch {
        uintptr_t word;       /* atomic: count << 2 | somebody waits << 1 | locked by the library */
        struct cede__waitq q; /* under the word's lock bit */
        const char *name;
};

/* A static initialiser; a negative count does not compile. */
#define CEDE_LATCH_INIT(count, order)                                                              \
        {                                                                                          \
                (uintptr_t)(count) * 4 / CEDE__IS((count) >= 0 && (count) <= LONG_MAX / 4),        \
                        CEDE__WAITQ_INIT(order), NULL                                              \
        }

/*
 * Makes `l` a latch with this count, whose waiters become ready in this order.  -EINVAL: the count
 * is negative or beyond LONG_MAX / 4, or the order is none.
 */
CEDE_API int cede_latch_init(struct cede_latch *l, long count,
                             enum cede_order order) CEDE_MUST_CHECK;

/* Ends a latch's life.  Ends the program with a report if anybody waits for it. */
CEDE_API void cede_latch_finish(struct cede_latch *l);

/* Names a latch, for reports.  The name is kept, not copied. */
CEDE_API void cede_latch_set_name(struct cede_latch *l, const char *name);

/*
 * Adds n to the count.  From any thread; who adds for a job does so before the job can be done.
 * -EINVAL: n < 1, or the count would be beyond LONG_MAX / 4; nothing was added.
 */
CEDE_API int cede_latch_add(struct cede_latch *l, long n) CEDE_MUST_CHECK;

/*
 * Takes one from the count, or n, and wakes all who wait if that leaves zero.  From any thread.
 * -EOVERFLOW: the count is less than that; nothing was taken.  -EINVAL: n < 1.
 */
CEDE_API int cede_latch_done(struct cede_latch *l);
CEDE_API int cede_latch_done_n(struct cede_latch *l, long n);

/*
 * Waits until the count is zero.
 *
 * -ECANCELED  the caller is cancelled (also if it is zero)
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed, and it is not zero
 */
CEDE_API int cede_latch_wait(struct cede_latch *l) CEDE_MUST_CHECK;

/* Waits for a latch with a callback.  0: it will be called, from its loop, with result 0. */
CEDE_API int cede_latch_wait_async(struct cede_latch *l,
                                   struct cede_callback *callback) CEDE_MUST_CHECK;

/* Returns the case that a latch's count is zero, for cede_wait_any (any.h). */
CEDE_API struct cede_case cede_latch_case(struct cede_latch *l);

/* Returns the count, or how many parties wait, now: stale when read. */
CEDE_API long cede_latch_count(const struct cede_latch *l);
CEDE_API unsigned cede_latch_waiting(const struct cede_latch *l);

struct cede_latch_stats {
        long count;            /* what is still to be done */
        unsigned waiting;      /* parties waiting now */
        unsigned peak_waiting; /* the most that ever waited at a time */
};

/* Stores a consistent snapshot of a latch's counters. */
CEDE_API void cede_latch_stats(struct cede_latch *l, struct cede_latch_stats *ret_stats);

CEDE_END_DECLS

#endif
