/* SPDX-License-Identifier: MIT */
/*
 * Capacity limiter: a number of tokens, each borrowed by somebody in particular.
 *
 *      static struct cede_limiter uplink = CEDE_LIMITER_INIT(10, CEDE_FIFO);
 *
 *      struct cede_borrower transfer = { 0 };          // in the transfer's own struct
 *
 *      r = cede_limiter_acquire(&uplink, &transfer);
 *      if (r < 0)
 *              return r;               // cancelled, out of time, or has one already
 *      ...
 *      cede_limiter_release(&uplink, &transfer);
 *
 * Unlike a semaphore's permits, tokens are owned: a borrower holds at most one of a limiter, and
 * who holds none gives none back.  So a mistake is an error at once, and not a limit that creeps
 * up. Who the borrower is, is the program's choice: a task, a connection, a job that several
 * tasks work on one after the other.
 *
 * The number of tokens can be changed at any time.  Fewer: nobody loses a token, and none is given
 * out until enough have come back.  More: so many waiters as there is room for now are admitted.
 *
 * An all-zero limiter has no tokens, and admits nobody until it is given some.  After trio's
 * CapacityLimiter.
 */
#ifndef CEDE_LIMITER_H
#define CEDE_LIMITER_H

#include <cede/base.h>
#include <cede/internal.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

struct cede_callback;
struct cede_case;
struct cede_limiter;

/* All-zero: it holds no token.  The fields are the limiter's, as long as it holds or wants one. */
struct cede_borrower {
        struct cede_limiter *limiter; /* atomic: whose token it holds or waits for */
        struct cede__waiter *waiter;  /* under that limiter's lock: it waits */
};

/* Visible so that it can be embedded; the fields belong to sync/limiter.c. */
struct cede_limiter {
        uintptr_t lock;       /* of all below */
        long tokens;          /* how many there are */
        long borrowed;        /* how many are out; more than there are, after there were more */
        struct cede__waitq q; /* for a token */
        const char *name;
};

#define CEDE_LIMITER_INIT(tokens, order)                                                           \
        {                                                                                          \
                0, (tokens) / CEDE__IS((tokens) >= 0), 0, CEDE__WAITQ_INIT(order), NULL            \
        }

/*
 * Makes `l` a limiter with so many tokens, which waiters get in this order.  -EINVAL: tokens is
 * negative, or the order is none.
 */
CEDE_API int cede_limiter_init(struct cede_limiter *l, long tokens,
                               enum cede_order order) CEDE_MUST_CHECK;

/* Ends a limiter's life.  Ends the program with a report if tokens are out or anybody waits. */
CEDE_API void cede_limiter_finish(struct cede_limiter *l);

/* Names a limiter, for reports.  The name is kept, not copied. */
CEDE_API void cede_limiter_set_name(struct cede_limiter *l, const char *name);

/*
 * Sets the number of tokens, and admits those whom that lets in.  Never waits; from any thread.
 * -EINVAL: tokens is negative.
 */
CEDE_API int cede_limiter_set_tokens(struct cede_limiter *l, long tokens) CEDE_MUST_CHECK;

/*
 * Borrows a token, waiting for one if need be.  On failure nothing was borrowed.
 *
 * -ECANCELED  the caller is cancelled (also if tokens are free)
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed; a free token is still lent
 * -EALREADY   the borrower holds a token of this or another limiter, or waits for one
 */
CEDE_API int cede_limiter_acquire(struct cede_limiter *l,
                                  struct cede_borrower *borrower) CEDE_MUST_CHECK;

/*
 * Borrows a token for a callback (callback.h).  0: it will be called, once the borrower holds the
 * token.  -EALREADY: the borrower holds one, or waits for one.
 */
CEDE_API int cede_limiter_acquire_async(struct cede_limiter *l, struct cede_borrower *borrower,
                                        struct cede_callback *callback) CEDE_MUST_CHECK;

/*
 * Borrows a token if that needs no waiting; also from cancelled tasks.
 *
 * -EAGAIN    there is none, or somebody waits for one
 * -EALREADY  the borrower holds a token, or waits for one
 */
CEDE_API int cede_limiter_try_acquire(struct cede_limiter *l,
                                      struct cede_borrower *borrower) CEDE_MUST_CHECK;

/*
 * Gives a token back, and hands it to who is next.  Never waits or yields; from any thread.
 * -EPERM: the borrower holds no token of this limiter; nothing was given back.
 */
CEDE_API int cede_limiter_release(struct cede_limiter *l, struct cede_borrower *borrower);

/* Returns the case of borrowing a token, for cede_wait_any (any.h). */
CEDE_API struct cede_case cede_limiter_case(struct cede_limiter *l, struct cede_borrower *borrower);

struct cede_limiter_stats {
        long tokens;           /* there are */
        long borrowed;         /* are out */
        unsigned waiting;      /* parties waiting now */
        unsigned peak_waiting; /* the most that ever waited at a time */
};

/* Stores a consistent snapshot of a limiter's counters. */
CEDE_API void cede_limiter_stats(struct cede_limiter *l, struct cede_limiter_stats *ret_stats);

CEDE_END_DECLS

#endif
