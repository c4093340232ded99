/* SPDX-License-Identifier: MIT */
/*
 * Transfer: what happens between a release and the next holder (<cede/order.h> says what for).
 *
 * Strict: the head of the queue is granted, under the object's lock.
 *
 * Adaptive: the object is left free, and the head is *nudged*: claimed and unlinked as if it were
 * granted, but its wait ends with CEDE__NUDGED, and it tries again by itself.  Meanwhile others may
 * take what is free.
 *
 *      releaser                    nudged waiter                newcomer
 *      --------------------------  ---------------------------  ------------------------
 *      lock; free; claim the head,
 *        unlink it; nudged = true
 *      unlock: the WAITERS bit is                               compare-and-swap: takes it,
 *        not set                                                  and gives it back, ...
 *      finish(CEDE__NUDGED)
 *                                  lock; nudged = false;
 *                                  free? take it.  Else back
 *                                  to the front, WAITERS set
 *                                                               release sees WAITERS: lock,
 *                                                                 nudge or grant the head
 *
 *  (1) The queue is closed (WAITERS is set; in a semaphore, CLOSED) unless nobody waits, or a
 *      nudged one is on its way and the head need not be handed to.  So the fast ways of taking are
 *      the same in both transfers: as long as somebody is on his way, nobody is locked out.
 *  (2) One is on its way at a mutex; at a semaphore, so many as there are permits for, since one of
 *      them may be long on its way, and others must not wait for that beside a free permit.  Each
 *      comes back to the lock, cancelled or not, and whatever it does there, the object is served
 *      again under that lock: what is free and fits the head is granted or announced by another
 *      nudge.  So a nudge is never lost.
 *  (3) A waiter that is `strict` is never nudged but granted, and keeps WAITERS set while it is the
 *      head: nobody passes it.  A waiter becomes so by itself, when it comes back in vain after a
 *      millisecond, on its own clock (a virtual one stands still, hence the number of tries).  From
 *      then on it waits until enough has been released, and nobody is faster.
 */
#ifndef CEDE_SYNC_TRANSFER_H
#define CEDE_SYNC_TRANSFER_H

#include "wait/wait.h"
#include <cede/order.h>
#include <cede/time.h>

enum { CEDE__TRIES = 100 };

static inline bool cede__transfer_valid(enum cede_transfer transfer)
{
        return (unsigned)transfer <= CEDE_ADAPTIVE;
}

/* A waiter comes. */
static inline void cede__transfer_begin(struct cede__waiter *w, enum cede_transfer transfer)
{
        w->strict = transfer == CEDE_STRICT || !w->party->kind->may_block || w->party->waiter != w;
        if (w->strict)
                return;
        w->since = cede_now();
        w->tries = 0;
}

/* It has tried in vain. */
static inline void cede__transfer_again(struct cede__waiter *w)
{
        w->strict = ++w->tries >= CEDE__TRIES || cede_now() - w->since >= CEDE_MS(1);
}

static inline struct cede__waiter *cede__transfer_head(const struct cede__waitq *q)
{
        return q->head ? cede__container_of(q->head, struct cede__waiter, node) : NULL;
}

/* Under the lock: whether newcomers have to queue, and releases to look at the queue. */
static inline bool cede__transfer_closed(const struct cede__waitq *q, bool nudged)
{
        return q->head && !(nudged && !cede__transfer_head(q)->strict);
}

#endif
