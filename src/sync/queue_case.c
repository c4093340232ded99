/* SPDX-License-Identifier: MIT */
/*
 * A queue as one of several objects that a party waits for.
 *
 * The party may be granted another object, or be cancelled, while it enters this one.  So it claims
 * its own wait before it takes an item, or gives one away; if that fails its wait is over already,
 * and it does not queue up.  Having claimed it, it may find that all those who seemed to wait on
 * the other side were being cancelled, and that there is nothing to be had: meanwhile other objects
 * may have passed it over, since it was claimed.  Then it is nudged, and enters all of them anew.
 */
#include "sync/any.h"
#include "sync/queue.h"
#include <errno.h>

/* What a case's functions return: its result is 0, -EPIPE or CEDE__NUDGED; else it has none. */
static int result_of(struct cede_case *c, int r)
{
        c->result = r;
        return r == -EAGAIN ? 0 : r < 0 && r != -EPIPE ? r : 1;
}

/* Under the lock, which it drops: the party has claimed its wait. */
static int taken(struct cede_case *c, int r, struct cede__waiter *other)
{
        cede__queue_unlock(c->object);
        cede__queue_finish(other);
        return result_of(c, r > 0 ? 0 : r == 0 ? CEDE__NUDGED : r);
}

static int attempt_get(struct cede_case *c, struct cede__party *me)
{
        (void)me;
        return result_of(c, cede_queue_try_get(c->object, c->item));
}

static int enter_get(struct cede_case *c, struct cede__party *me, const void *site)
{
        struct cede_queue *q = c->object;
        struct cede__waiter *putter = NULL;
        int r;

        cede__queue_lock(q);
        if (!q->store.count && !q->putters.head && !(q->state & CEDE__QUEUE_CLOSED)) {
                r = cede__queue_up(q, CEDE__QUEUE_GET, c->item, me, &c->waiter, site);
        } else {
                cede__queue_begin(q, CEDE__QUEUE_GET, c->item, me, &c->waiter, site);
                if (cede__claim(me)) {
                        r = cede__queue_take(q, c->item, &putter);
                        return taken(c, r, putter);
                }
                r = 0;
        }
        cede__queue_unlock(q);
        return r;
}

static int attempt_put(struct cede_case *c, struct cede__party *me)
{
        (void)me;
        return result_of(c, cede_queue_try_put_with(c->object, c->item, (int)c->need));
}

static int enter_put(struct cede_case *c, struct cede__party *me, const void *site)
{
        struct cede_queue *q = c->object;
        struct cede__waiter *getter = NULL;
        int r;

        cede__queue_lock(q);
        c->waiter.rank = (int)c->need;
        if (q->store.count >= q->capacity && !q->getters.head && !(q->state & CEDE__QUEUE_CLOSED)) {
                r = cede__queue_up(q, CEDE__QUEUE_PUT, c->item, me, &c->waiter, site);
        } else {
                cede__queue_begin(q, CEDE__QUEUE_PUT, c->item, me, &c->waiter, site);
                if (cede__claim(me)) {
                        r = cede__queue_offer(q, c->item, (int)c->need, &getter);
                        return taken(c, r, getter);
                }
                r = 0;
        }
        cede__queue_unlock(q);
        return r;
}

struct cede_case cede_queue_get_case(struct cede_queue *q, void *ret_item)
{
        static const struct cede__case_kind get = { "an item of queue", attempt_get, enter_get,
                                                    NULL };

        return (struct cede_case){ .kind = &get, .object = q, .item = ret_item };
}

struct cede_case cede_queue_put_case(struct cede_queue *q, const void *item, int priority)
{
        static const struct cede__case_kind put = { "room in queue", attempt_put, enter_put, NULL };

        return (struct cede_case){
                .kind = &put, .object = q, .item = (void *)(uintptr_t)item, .need = priority
        };
}
