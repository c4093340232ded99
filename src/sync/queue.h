/* SPDX-License-Identifier: MIT */
/* What the parts of a queue share. */
#ifndef CEDE_SYNC_QUEUE_H
#define CEDE_SYNC_QUEUE_H

#include "base/bias.h"
#include "task/callback.h"
#include "wait/wait.h"
#include <cede/queue.h>

/* state: flags.  As long as there are none, items are put and taken the quick way. */
enum {
        CEDE__QUEUE_ODD = 1, /* items are not FIFO, or not of eight bytes; in CEDE_QUEUE_INIT too */
        CEDE__QUEUE_GETTERS = 2, /* somebody waits to get */
        CEDE__QUEUE_PUTTERS = 4, /* somebody waits to put */
        CEDE__QUEUE_CLOSED = 8,
};

static inline void cede__queue_lock(struct cede_queue *q)
{
        cede__bias_lock(&q->lock);
}

/* Where neither the flags nor the queues of waiters have changed. */
static inline void cede__queue_unlock_plain(struct cede_queue *q)
{
        cede__bias_unlock(&q->lock);
}

void cede__queue_unlock(struct cede_queue *q);

enum cede__queue_wait { CEDE__QUEUE_GET, CEDE__QUEUE_PUT, CEDE__QUEUE_JOIN };

/* Under the lock: begins a wait without queueing up, or one of the several waiters of one. */
void cede__queue_begin(struct cede_queue *q, enum cede__queue_wait kind, const void *item,
                       struct cede__party *me, struct cede__waiter *w, const void *site);

/*
 * Under the lock: begins a wait, and queues up; `item` is where the item is, or is to go.  0, or
 * why the party does not wait.
 */
int cede__queue_up(struct cede_queue *q, enum cede__queue_wait kind, const void *item,
                   struct cede__party *me, struct cede__waiter *w, const void *site);

/* Under the lock: takes out the first who waits, claimed.  NULL: nobody. */
struct cede__waiter *cede__queue_next(struct cede__waitq *waiters);

/*
 * Under the lock: puts or takes an item, as far as that can be done without waiting.  1: done, and
 * *ret_getter or *ret_putter is who is to be finished after the lock was dropped, unless it is
 * NULL; 0: full, or empty; -errno.
 */
int cede__queue_offer(struct cede_queue *q, const void *item, int priority,
                      struct cede__waiter **ret_getter);
int cede__queue_take(struct cede_queue *q, void *ret_item, struct cede__waiter **ret_putter);

static inline void cede__queue_finish(struct cede__waiter *w)
{
        if (w)
                cede__wait_grant(w, 0);
}

/*
 * Of the functions for callbacks, what they return: 1, it did not have to wait, and is called in
 * its turn; 0, it waits; -errno, neither.
 */
int cede__queue_entered(struct cede_callback *callback, int r);

#endif
