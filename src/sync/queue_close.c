/* SPDX-License-Identifier: MIT */
/* The end of a queue: closing it, and waiting until the work on its items is done. */
#include "base/alloc.h"
#include "sync/queue.h"
#include "sync/store.h"
#include <errno.h>

static void collect(struct cede__waitq *waiters, struct cede__grants *ret_claimed)
{
        struct cede__waiter *w;

        while ((w = cede__queue_next(waiters)))
                cede__grants_add(ret_claimed, w);
}

/* Closing */

/* Under the lock. */
static void shut(struct cede_queue *q, struct cede__grants *ret_failed)
{
        __atomic_store_n(&q->state, q->state | CEDE__QUEUE_CLOSED, __ATOMIC_RELAXED);
        collect(&q->getters, ret_failed);
        collect(&q->putters, ret_failed);
}

void cede_queue_close(struct cede_queue *q)
{
        struct cede__grants failed = CEDE__GRANTS_INIT(failed);

        cede__queue_lock(q);
        shut(q, &failed);
        cede__queue_unlock(q);
        cede__grants_finish(&failed, -EPIPE);
}

size_t cede_queue_close_now(struct cede_queue *q, void (*drop)(void *item, void *arg), void *arg)
{
        struct cede__grants failed = CEDE__GRANTS_INIT(failed);
        struct cede__grants joined = CEDE__GRANTS_INIT(joined);
        struct cede__store dropped;
        size_t count;

        cede__queue_lock(q);
        shut(q, &failed);
        dropped = q->store;
        count = dropped.count;
        q->store.memory = NULL;
        q->store.room = q->store.first = 0;
        cede__store_count(&q->store, 0);
        /* The work on some of them may have been said to be done before they were gotten. */
        q->done = q->puts - q->done > count ? q->done + count : q->puts;
        if (q->done == q->puts)
                collect(&q->joiners, &joined);
        cede__queue_unlock(q);
        cede__grants_finish(&failed, -EPIPE);
        cede__grants_finish(&joined, 0);
        for (; dropped.count; cede__store_remove(&dropped))
                if (drop)
                        drop(cede__store_head(&dropped), arg);
        cede__free(dropped.memory);
        return count;
}

/* Joining */

int cede_queue_task_done(struct cede_queue *q)
{
        struct cede__grants joined = CEDE__GRANTS_INIT(joined);
        int r = 0;

        cede__queue_lock(q);
        if (q->done == q->puts)
                r = -EOVERFLOW;
        else if (++q->done == q->puts)
                collect(&q->joiners, &joined);
        cede__queue_unlock(q);
        cede__grants_finish(&joined, 0);
        return r;
}

static int enter_join(struct cede_queue *q, struct cede__party *me, struct cede__waiter *w,
                      const void *site)
{
        int r = 1;

        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        cede__queue_lock(q);
        if (q->done != q->puts)
                r = cede__queue_up(q, CEDE__QUEUE_JOIN, NULL, me, w, site);
        cede__queue_unlock(q);
        return r;
}

int cede_queue_join(struct cede_queue *q)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r = enter_join(q, me, &w, CEDE__CALL_SITE);

        if (r == 0)
                return cede__wait(me);
        return r < 0 ? r : 0;
}

int cede_queue_join_async(struct cede_queue *q, struct cede_callback *callback)
{
        struct cede__party *party = cede__callback_begin(callback);

        return cede__queue_entered(callback,
                                   enter_join(q, party, &callback->waiter, CEDE__CALL_SITE));
}
