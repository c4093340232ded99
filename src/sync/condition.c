/* SPDX-License-Identifier: MIT */
/*
 * Condition.
 *
 * A notification is a claim, as everywhere: it competes with cancellation and time-out for the
 * waiter, and a waiter that was lost to those consumes none.  A waiter that was claimed moves, as
 * it is, to the queue of its mutex; so those notified do not all wake up to find the mutex taken.
 *
 *      waiter                          notifier                        canceller
 *      ------------------------------  ------------------------------  -----------------------
 *      queue up here; leave the mutex
 *      wait                            claim: won; move to the mutex   claim: lost
 *                                                  or
 *                                      claim: lost; take the next      claim: won; unlink;
 *                                                                        finish(-ECANCELED)
 *      own the mutex? else get it,
 *        not to be cancelled
 *
 * The waiter is queued before it leaves the mutex, so a notification given under the mutex, or
 * after it, finds it.
 */
#include <cede/condition.h>

#include "base/spin.h"
#include "sync/mutex.h"
#include "task/deadlock.h"
#include <errno.h>
#include <limits.h>

enum { LOCKED = 1 };

struct wait {
        struct cede__waiter waiter;
        struct cede_mutex *mutex;
        struct cede__edge edge; /* entered by who notifies it */
        bool holds_others;      /* mutexes, while it waits */
};

static void lock(struct cede_condition *c)
{
        cede__spin_lock(&c->word, LOCKED);
}

static void unlock(struct cede_condition *c)
{
        cede__spin_unlock(&c->word, 0);
}

static void withdraw(struct cede__waiter *w)
{
        struct cede_condition *c = w->object;

        lock(c);
        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(&c->q, &w->node);
        unlock(c);
}

static struct wait *wait_of(const struct cede__waiter *w)
{
        return cede__container_of(w, struct wait, waiter);
}

/* Whether it was notified: then it has to do with the mutex only, and the condition may be gone. */
static bool moved(const struct cede__waiter *w)
{
        return __atomic_load_n(&w->need, __ATOMIC_ACQUIRE) == CEDE__MOVED;
}

static void resort(struct cede__waiter *w)
{
        struct cede_condition *c = w->object;

        if (!moved(w)) {
                lock(c);
                if (!moved(w) && cede__waitq_linked(&w->node))
                        cede__waitq_resort(&c->q, &w->node, cede__party_rank(w->party));
                unlock(c);
        }
        if (moved(w))
                cede__mutex_resort(wait_of(w)->mutex, w);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_condition *c = w->object;

        if (moved(w)) {
                cede__text_add(t, "(notified), and for mutex ");
                cede__mutex_describe(wait_of(w)->mutex, t);
        } else {
                cede__text_add(t, "%s (%u waiting)", c->name ? c->name : "unnamed",
                               cede_condition_waiting(c));
        }
}

/* Claimed by its notification, and not granted since. */
static struct cede__party *owner(const struct cede__waiter *w)
{
        bool over =
                (__atomic_load_n(&w->party->cell, __ATOMIC_ACQUIRE) & CEDE__STATE) != CEDE__CLAIMED;

        return over || !moved(w) ? NULL : cede__mutex_owner(wait_of(w)->mutex);
}

static const struct cede__waitable condition = { "condition", withdraw, resort, describe, owner };

static int wait_at(struct cede_condition *c, struct cede_mutex *m, const void *site)
{
        struct cede__party *me = cede__party_here();
        struct wait wait = { .mutex = m, .holds_others = me->held != &m->hold || m->hold.next };
        unsigned depth;
        int r;

        if (!cede__mutex_owned_by(m, me))
                return -EPERM;
        if (cede__cancelled(me))
                return cede__cancelled(me);
        lock(c);
        cede__wait_begin(&wait.waiter, me, &condition, c, 0, site);
        cede__waitq_insert(&c->q, &wait.waiter.node, cede__party_rank(me));
        cede__waitq_stay(&c->q);
        unlock(c);
        depth = cede__mutex_leave(m, me);
        r = cede__wait(me);
        cede__edge_leave(&wait.edge);
        if (r == 0 || r == -EOWNERDEAD)
                return cede__mutex_returned(m, depth, r, site);
        if (cede__mutex_return(m, depth, site) == -EOWNERDEAD)
                return -EOWNERDEAD;
        return r;
}

int cede_condition_wait(struct cede_condition *c, struct cede_mutex *m)
{
        return wait_at(c, m, CEDE__CALL_SITE);
}

int cede_condition_wait_for(struct cede_condition *c, struct cede_mutex *m,
                            bool (*predicate)(void *arg), void *arg)
{
        int r = cede__mutex_owned_by(m, cede__party_here()) ? 0 : -EPERM;

        while (r == 0 && !predicate(arg))
                r = wait_at(c, m, CEDE__CALL_SITE);
        return r;
}

/*
 * In one step, so that none who starts to wait meanwhile takes the place of one who waits now; and
 * afterwards the condition is not used any more.
 */
static unsigned claim(struct cede_condition *c, unsigned n, struct cede__grants *claimed)
{
        struct cede__wnode *head;
        unsigned count = 0;

        lock(c);
        while (count < n && (head = cede__waitq_head(&c->q))) {
                struct cede__waiter *w = cede__container_of(head, struct cede__waiter, node);

                if (cede__claim(w->party)) {
                        cede__waitq_grant(&c->q, head);
                        __atomic_store_n(&w->need, CEDE__MOVED, __ATOMIC_RELEASE);
                        cede__grants_add(claimed, w);
                        count++;
                } else {
                        cede__waitq_remove(&c->q, head); /* being cancelled */
                }
        }
        unlock(c);
        return count;
}

unsigned cede_condition_notify(struct cede_condition *c, unsigned n)
{
        struct cede__grants claimed = CEDE__GRANTS_INIT(claimed);
        unsigned count = claim(c, n, &claimed);
        struct cede__wnode *node = claimed.first;

        while (node) {
                struct cede__waiter *w = cede__container_of(node, struct cede__waiter, node);
                struct cede__moved after;

                node = node->child; /* before it moves */
                after = cede__edge_enter_moved(&wait_of(w)->edge, w, wait_of(w)->holds_others);
                cede__mutex_move(wait_of(w)->mutex, w);
                cede__edge_look_moved(after);
        }
        return count;
}

unsigned cede_condition_notify_all(struct cede_condition *c)
{
        return cede_condition_notify(c, UINT_MAX);
}

int cede_condition_init(struct cede_condition *c, enum cede_order order)
{
        if (!cede__waitq_order_valid(order))
                return -EINVAL;
        *c = (struct cede_condition){ 0 };
        cede__waitq_init(&c->q, order);
        return 0;
}

void cede_condition_finish(struct cede_condition *c)
{
        if (c->q.head)
                cede__die("condition %s is finished while %u wait for it; notify and join them "
                          "first",
                          c->name ? c->name : "unnamed", c->q.waiting);
}

void cede_condition_set_name(struct cede_condition *c, const char *name)
{
        c->name = name;
}

unsigned cede_condition_waiting(const struct cede_condition *c)
{
        return __atomic_load_n(&c->q.waiting, __ATOMIC_RELAXED);
}

void cede_condition_stats(struct cede_condition *c, struct cede_condition_stats *ret_stats)
{
        lock(c);
        *ret_stats = (struct cede_condition_stats){ c->q.waiting, c->q.peak };
        unlock(c);
}
