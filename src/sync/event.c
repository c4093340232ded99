/* SPDX-License-Identifier: MIT */
/*
 * Event.
 *
 * The word has two bits: SET, and LOCKED while somebody works on the queue.  Nobody is queued while
 * it is set: setting takes all waiters out in the same step in which it sets the bit.
 */
#include <cede/event.h>

#include "base/spin.h"
#include "sync/any.h"
#include "task/callback.h"
#include "wait/wait.h"
#include <errno.h>

enum { LOCKED = 1, SET = 2 };

static uintptr_t lock(struct cede_event *e)
{
        return cede__spin_lock(&e->word, LOCKED);
}

static void unlock(struct cede_event *e, uintptr_t set)
{
        cede__spin_unlock(&e->word, set);
}

static void withdraw(struct cede__waiter *w)
{
        struct cede_event *e = w->object;
        uintptr_t set = lock(e);

        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(&e->q, &w->node);
        unlock(e, set);
}

static void resort(struct cede__waiter *w)
{
        struct cede_event *e = w->object;
        uintptr_t set = lock(e);

        if (cede__waitq_linked(&w->node))
                cede__waitq_resort(&e->q, &w->node, cede__party_rank(w->party));
        unlock(e, set);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_event *e = w->object;

        cede__text_add(t, "%s (%u waiting)", e->name ? e->name : "unnamed", cede_event_waiting(e));
}

static const struct cede__waitable event = { "event", withdraw, resort, describe, NULL };

/* 1: it is set, and the party has claimed its wait; 0: it is queued; -errno: neither. */
static int enter(struct cede_event *e, struct cede__party *me, struct cede__waiter *w,
                 const void *site)
{
        uintptr_t set;
        int r = 0;

        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        set = lock(e);
        cede__wait_begin(w, me, &event, e, 0, site);
        if (set && cede__claim(me)) {
                r = 1;
        } else if (cede__cancelled(me) && cede__claim(me)) {
                r = cede__cancelled(me); /* the deadline has passed */
                cede__wait_forget(me);
        } else {
                cede__waitq_insert(&e->q, &w->node, cede__party_rank(me));
                cede__waitq_stay(&e->q);
        }
        unlock(e, set);
        return r;
}

int cede_event_wait(struct cede_event *e)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r;

        if (cede__likely(cede_event_is_set(e) && !cede__cancelled(me)))
                return 0;
        r = enter(e, me, &w, CEDE__CALL_SITE);
        if (r == 0)
                return cede__wait(me);
        if (r > 0)
                cede__wait_forget(me);
        return r < 0 ? r : 0;
}

int cede_event_wait_async(struct cede_event *e, struct cede_callback *callback)
{
        struct cede__party *party = cede__callback_begin(callback);

        if (enter(e, party, &callback->waiter, CEDE__CALL_SITE) > 0)
                cede__wait_finish(party, 0);
        return 0;
}

static int attempt_case(struct cede_case *c, struct cede__party *me)
{
        (void)me;
        return cede_event_is_set(c->object);
}

static int enter_case(struct cede_case *c, struct cede__party *me, const void *site)
{
        return enter(c->object, me, &c->waiter, site);
}

struct cede_case cede_event_case(struct cede_event *e)
{
        static const struct cede__case_kind set = { "event", attempt_case, enter_case, NULL };

        return (struct cede_case){ .kind = &set, .object = e };
}

void cede_event_set(struct cede_event *e)
{
        struct cede__grants granted = CEDE__GRANTS_INIT(granted);
        struct cede__wnode *head;

        lock(e);
        while ((head = cede__waitq_head(&e->q))) {
                struct cede__waiter *w = cede__container_of(head, struct cede__waiter, node);

                cede__waitq_grant(&e->q, head);
                if (cede__claim(w->party))
                        cede__grants_add(&granted, w);
        }
        unlock(e, SET);
        cede__grants_finish(&granted, 0);
}

void cede_event_clear(struct cede_event *e)
{
        lock(e);
        unlock(e, 0);
}

int cede_event_init(struct cede_event *e, enum cede_order order)
{
        if (!cede__waitq_order_valid(order))
                return -EINVAL;
        *e = (struct cede_event){ 0 };
        cede__waitq_init(&e->q, order);
        return 0;
}

void cede_event_finish(struct cede_event *e)
{
        if (e->q.head)
                cede__die("event %s is finished while %u wait for it; set it and join them first",
                          e->name ? e->name : "unnamed", e->q.waiting);
}

void cede_event_set_name(struct cede_event *e, const char *name)
{
        e->name = name;
}

bool cede_event_is_set(const struct cede_event *e)
{
        return __atomic_load_n(&e->word, __ATOMIC_ACQUIRE) & SET;
}

unsigned cede_event_waiting(const struct cede_event *e)
{
        return __atomic_load_n(&e->q.waiting, __ATOMIC_RELAXED);
}

void cede_event_stats(struct cede_event *e, struct cede_event_stats *ret_stats)
{
        uintptr_t set = lock(e);

        *ret_stats = (struct cede_event_stats){ e->q.waiting, e->q.peak };
        unlock(e, set);
}
