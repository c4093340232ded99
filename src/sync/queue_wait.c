/* SPDX-License-Identifier: MIT */
/* Those who wait at a queue: for an item, for room, for the work on all items to be done. */
#include "sync/queue.h"
#include <errno.h>

void cede__queue_unlock(struct cede_queue *q)
{
        unsigned state = q->state & ~(unsigned)(CEDE__QUEUE_GETTERS | CEDE__QUEUE_PUTTERS);

        if (q->getters.head)
                state |= CEDE__QUEUE_GETTERS;
        if (q->putters.head)
                state |= CEDE__QUEUE_PUTTERS;
        __atomic_store_n(&q->state, state, __ATOMIC_RELAXED);
        cede__queue_unlock_plain(q);
}

static void withdraw_from(struct cede_queue *q, struct cede__waitq *waiters, struct cede__waiter *w)
{
        cede__queue_lock(q);
        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(waiters, &w->node);
        cede__queue_unlock(q);
}

static void resort_in(struct cede_queue *q, struct cede__waitq *waiters, struct cede__waiter *w)
{
        cede__queue_lock(q);
        if (cede__waitq_linked(&w->node))
                cede__waitq_resort(waiters, &w->node, cede__party_rank(w->party));
        cede__queue_unlock(q);
}

static void withdraw_getter(struct cede__waiter *w)
{
        struct cede_queue *q = w->object;

        withdraw_from(q, &q->getters, w);
}

static void withdraw_putter(struct cede__waiter *w)
{
        struct cede_queue *q = w->object;

        withdraw_from(q, &q->putters, w);
}

static void withdraw_joiner(struct cede__waiter *w)
{
        struct cede_queue *q = w->object;

        withdraw_from(q, &q->joiners, w);
}

static void resort_getter(struct cede__waiter *w)
{
        struct cede_queue *q = w->object;

        resort_in(q, &q->getters, w);
}

static void resort_putter(struct cede__waiter *w)
{
        struct cede_queue *q = w->object;

        resort_in(q, &q->putters, w);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_queue *q = w->object;

        cede__text_add(t, "%s (%zu in it, %u wait to get, %u to put%s)",
                       q->name ? q->name : "unnamed", cede_queue_size(q), cede_queue_getters(q),
                       cede_queue_putters(q), cede_queue_closed(q) ? ", closed" : "");
}

static const struct cede__waitable kinds[] = {
        [CEDE__QUEUE_GET] = { "an item of queue", withdraw_getter, resort_getter, describe, NULL },
        [CEDE__QUEUE_PUT] = { "room in queue", withdraw_putter, resort_putter, describe, NULL },
        [CEDE__QUEUE_JOIN] = { "the work of queue", withdraw_joiner, NULL, describe, NULL },
};

void cede__queue_begin(struct cede_queue *q, enum cede__queue_wait kind, const void *item,
                       struct cede__party *me, struct cede__waiter *w, const void *site)
{
        cede__wait_begin(w, me, &kinds[kind], q, (long)(uintptr_t)item, site);
}

int cede__queue_up(struct cede_queue *q, enum cede__queue_wait kind, const void *item,
                   struct cede__party *me, struct cede__waiter *w, const void *site)
{
        struct cede__waitq *waiters = kind == CEDE__QUEUE_GET ? &q->getters :
                                      kind == CEDE__QUEUE_PUT ? &q->putters :
                                                                &q->joiners;
        int cancel = cede__cancelled(me);

        if (cancel)
                return cancel; /* the deadline has passed, and that was the one try */
        if (kind == CEDE__QUEUE_GET && q->getters_max && waiters->waiting >= q->getters_max - 1)
                return -ENODATA;
        if (kind == CEDE__QUEUE_PUT && q->putters_max && waiters->waiting >= q->putters_max - 1)
                return -ENOBUFS;
        cede__queue_begin(q, kind, item, me, w, site);
        cede__waitq_insert(waiters, &w->node, cede__party_rank(me));
        cede__waitq_stay(waiters);
        return 0;
}

struct cede__waiter *cede__queue_next(struct cede__waitq *waiters)
{
        struct cede__wnode *head;

        while ((head = cede__waitq_head(waiters))) {
                struct cede__waiter *w = cede__container_of(head, struct cede__waiter, node);

                if (cede__claim(w->party)) {
                        cede__waitq_grant(waiters, head);
                        return w;
                }
                cede__waitq_remove(waiters, head); /* being cancelled */
        }
        return NULL;
}

int cede__queue_entered(struct cede_callback *callback, int r)
{
        if (r < 0)
                cede__callback_refused(callback);
        if (r > 0)
                cede__wait_finish(&callback->fiber.party, 0);
        return r < 0 ? r : 0;
}
