/* SPDX-License-Identifier: MIT */
/*
 * Barrier: parties wait for each other; when all have arrived, all go on.
 *
 *      static struct cede_barrier phase = CEDE_BARRIER_INIT(3, CEDE_FIFO);
 *
 *      int r = cede_barrier_wait(&phase);      // in each of three tasks or threads
 *      if (r < 0)
 *              return r;                       // somebody will never come: see below
 *      if (r == 0)
 *              print_totals();                 // one of them, in every round
 *
 * Rounds.  The call returns how many had arrived in its round before: 0, 1, ... n-1, each once.
 * The last to arrive (n-1) goes on without waiting, the others become ready in the barrier's order.
 * A barrier is used for any number of rounds: whoever arrives after the last of a round belongs to
 * the next one, even if nobody of that round has run yet.
 *
 * Broken.  A call that fails with -ECANCELED or -ETIMEDOUT breaks the barrier, since those who wait
 * would wait in vain: all of them get -ENOTRECOVERABLE, and so does everybody who comes later,
 * until cede_barrier_reset.  That holds for a caller that was cancelled before it came, and for a
 * callback that is cancelled.  A round that is complete is not broken any more: those who have not
 * run yet return their number, even if they are cancelled.
 *
 * There is no case for cede_wait_any: who leaves a barrier breaks it.
 *
 * The states are those of Python's threading.Barrier.
 */
#ifndef CEDE_BARRIER_H
#define CEDE_BARRIER_H

#include <cede/base.h>
#include <cede/internal.h>
#include <cede/order.h>
#include <limits.h>

CEDE_BEGIN_DECLS

struct cede_callback;

/* Visible so that it can be embedded; the fields belong to sync/barrier.c. */
struct cede_barrier {
        uintptr_t word; /* atomic: broken << 1 | locked by the library */
        uint32_t parties;
        uint32_t acting;      /* actions under way; under the word's lock bit, like the rest */
        struct cede__waitq q; /* those who have arrived in this round */
        int (*action)(void *arg);
        void *arg;
        uint64_t rounds;
        const char *name;
};

/* A static initialiser; less than one party does not compile.  An all-zero barrier is not valid. */
#define CEDE_BARRIER_INIT(parties, order)                                                          \
        {                                                                                          \
                0, (uint32_t)(parties) / CEDE__IS((parties) >= 1 && (parties) <= INT_MAX), 0,      \
                        CEDE__WAITQ_INIT(order), NULL, NULL, 0, NULL                               \
        }

/*
 * Makes `b` a barrier for so many parties, who become ready in this order.  -EINVAL: less than one
 * party, or more than INT_MAX, or the order is none.
 */
CEDE_API int cede_barrier_init(struct cede_barrier *b, long parties,
                               enum cede_order order) CEDE_MUST_CHECK;

/* Ends a barrier's life.  Ends the program with a report if anybody waits at it. */
CEDE_API void cede_barrier_finish(struct cede_barrier *b);

/* Names a barrier, for reports.  The name is kept, not copied. */
CEDE_API void cede_barrier_set_name(struct cede_barrier *b, const char *name);

/*
 * Sets, before the barrier is shared, what is done at the end of each round: the last to arrive
 * calls action(arg), in its own call, before anybody goes on.  It may wait (not in a callback); the
 * others can no longer be cancelled meanwhile.  If it returns less than 0, the call of the last one
 * does so too, the others get -ENOTRECOVERABLE, and the barrier is broken.  NULL: nothing.
 */
CEDE_API void cede_barrier_set_action(struct cede_barrier *b, int (*action)(void *arg), void *arg);

/*
 * Arrives at a barrier, and waits until all parties have.  Returns how many had arrived before, in
 * this round; or the error of the action.
 *
 * -ECANCELED        the caller is cancelled (also if it is the last one); the barrier is broken
 * -ETIMEDOUT        the deadline of the caller's innermost scope has passed, and others are still
 *                   to come; the barrier is broken
 * -ENOTRECOVERABLE  the barrier was broken, by somebody else or by cede_barrier_abort, or was reset
 * -EINVAL           it has no parties: it was not initialised
 */
CEDE_API int cede_barrier_wait(struct cede_barrier *b) CEDE_MUST_CHECK;

/*
 * Arrives at a barrier with a callback.  0: it will be called, with how many had arrived before, or
 * with -ENOTRECOVERABLE.
 * -ENOTRECOVERABLE: the barrier is broken.  -EINVAL: it has no parties.  Also what the action
 * returns, if that is less than 0.
 */
CEDE_API int cede_barrier_wait_async(struct cede_barrier *b,
                                     struct cede_callback *callback) CEDE_MUST_CHECK;

/*
 * Breaks a barrier, or makes it as new again.  Whoever waits gets -ENOTRECOVERABLE, in both.
 * Neither waits or yields; from any thread.
 */
CEDE_API void cede_barrier_abort(struct cede_barrier *b);
CEDE_API void cede_barrier_reset(struct cede_barrier *b);

/* Returns whether a barrier is broken. */
CEDE_API bool cede_barrier_is_broken(const struct cede_barrier *b);

/* Returns how many parties wait at a barrier now; stale when read. */
CEDE_API unsigned cede_barrier_waiting(const struct cede_barrier *b);

struct cede_barrier_stats {
        unsigned waiting;      /* parties waiting now */
        unsigned peak_waiting; /* the most that ever waited at a time */
        uint64_t rounds;       /* those that were completed */
};

/* Stores a consistent snapshot of a barrier's counters. */
CEDE_API void cede_barrier_stats(struct cede_barrier *b, struct cede_barrier_stats *ret_stats);

CEDE_END_DECLS

#endif
