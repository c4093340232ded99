/* SPDX-License-Identifier: MIT */
/*
 * Once, and a value that is made once.
 *
 * Whoever does it owns the mutex inside: so it is in the list of what it holds, as any owner that
 * somebody may wait for, and if it ends, the mutex is passed on.  The others stand in that mutex's
 * queue.  If it fails, unlocking hands the mutex to the first of them, which tries.  If it
 * succeeds, all of them pass in one step, and none waits until another one has run:
 *
 *      A, does it                     B                             C
 *      -----------------------------  ----------------------------  ----------------------------
 *                                     done? no                      done? no
 *                                     lock bit; owned by A, so
 *                                       it is queued
 *      done = true
 *      lock bit; takes B out and
 *        claims it; free
 *      finish B: DONE                                               takes it, for it is free;
 *                                                                     done? yes: frees it again
 *
 *  (1) `done` is set by the owner only, before it frees the mutex, and never cleared.  Who becomes
 *      the owner asks once more: so it is not done again.
 *  (2) Nobody is queued at a mutex that is free, and nobody for long at one that is done: who finds
 *      an owner under the lock bit queues, and that owner, even if it is C, takes it out again.
 */
#include <cede/once.h>

#include "sync/lock_order.h"
#include "sync/mutex.h"
#include "sync/mutex_word.h"
#include "task/callback.h"
#include "task/deadlock.h"
#include <errno.h>

enum { MINE = 1, DONE = CEDE_ONCE_DONE };

bool cede_once_is_done(const struct cede_once *o)
{
        return __atomic_load_n(&o->done, __ATOMIC_ACQUIRE); /* pairs with succeed */
}

static void unlock(struct cede_mutex *m, struct cede__party *owner)
{
        cede__spin_unlock(&m->word, (uintptr_t)owner | (m->q.head ? WAITERS : 0));
}

static void withdraw(struct cede__waiter *w)
{
        struct cede_once *o = w->object;
        struct cede__party *owner = lock(&o->mutex);

        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(&o->mutex.q, &w->node);
        unlock(&o->mutex, owner);
}

static void resort(struct cede__waiter *w)
{
        struct cede_once *o = w->object;

        cede__mutex_resort(&o->mutex, w);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_once *o = w->object;

        cede__text_add(t, "%s (done by ", o->mutex.name ? o->mutex.name : "unnamed");
        cede__owner_describe(cede__mutex_owner(&o->mutex), t);
        cede__text_add(t, ", %u waiting)", cede_once_waiting(o));
}

static struct cede__party *owner(const struct cede__waiter *w)
{
        const struct cede_once *o = w->object;

        return cede__waits(w->party) ? cede__mutex_owner(&o->mutex) : NULL;
}

static const struct cede__waitable once = { "once", withdraw, resort, describe, owner };

/* MINE: it is the owner, and its wait is forgotten; 0: it waits; -errno: neither. */
static int enter(struct cede_once *o, struct cede__party *me, struct cede__waiter *w,
                 const void *site)
{
        struct cede_mutex *m = &o->mutex;
        struct cede__party *present = lock(m);
        int r = 0;

        cede__wait_begin(w, me, &once, o, 0, site);
        w->strict = true; /* it is handed to */
        if ((!present || cede__cancelled(me)) && cede__claim(me)) {
                r = present ? cede__cancelled(me) : MINE;
                present = present ? present : me;
                cede__wait_forget(me);
        } else if (present) {
                cede__waitq_insert(&m->q, &w->node, cede__party_rank(me));
                cede__waitq_stay(&m->q);
        } /* else it is being cancelled, and need not queue for that */
        unlock(m, present);
        return r;
}

/* As enter, having waited if need be; or DONE: all was done while it did. */
static int await(struct cede_once *o, struct cede__party *me, const void *site)
{
        struct cede__waiter w;
        struct cede__edge edge;
        int r;

        if (cede__mutex_owner(&o->mutex) == me)
                return -EDEADLK;
        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        if (take(&o->mutex, me))
                return MINE;
        r = enter(o, me, &w, site);
        if (r)
                return r;
        if (cede__edge_enter(&edge, &w)) {
                withdraw(&w);
                cede__wait_forget(me);
                r = -EDEADLK;
        } else {
                r = cede__wait(me);
        }
        cede__edge_leave(&edge);
        return r == 0 || r == -EOWNERDEAD ? MINE : r;
}

/* By the owner: all who wait pass. */
static void succeed(struct cede_once *o, struct cede__party *me)
{
        struct cede__grants passed = CEDE__GRANTS_INIT(passed);
        struct cede_mutex *m = &o->mutex;
        struct cede__wnode *head;

        __atomic_store_n(&o->done, true, __ATOMIC_RELEASE);
        cede__step("free", &m->word);
        if (let_go(m, me))
                return;
        lock(m);
        while ((head = cede__waitq_head(&m->q))) {
                struct cede__waiter *w = cede__container_of(head, struct cede__waiter, node);

                cede__waitq_grant(&m->q, head);
                if (cede__claim(w->party))
                        cede__grants_add(&passed, w);
        }
        unlock(m, NULL);
        cede__grants_finish(&passed, DONE);
}

static CEDE__NOINLINE int run_slowly(struct cede_once *o, int (*fn)(void *arg), void *arg,
                                     const void *site)
{
        struct cede__party *me = cede__party_here();
        int r = fn ? await(o, me, site) : -EINVAL;

        if (r != MINE)
                return r < 0 ? r : 0;
        if (cede__unlikely(cede__lock_order()))
                cede__lock_order_note(&o->mutex, me->held, site);
        hold(&o->mutex, me);
        o->mutex.orphaned = false;
        r = cede_once_is_done(o) ? 0 : fn(arg);
        if (r < 0) {
                cede_mutex_unlock(&o->mutex);
                return r;
        }
        cede__hold_remove(&me->held, &o->mutex.hold);
        succeed(o, me);
        return 0;
}

int cede_once_run(struct cede_once *o, int (*fn)(void *arg), void *arg)
{
        if (cede__likely(cede_once_is_done(o)))
                return 0;
        return run_slowly(o, fn, arg, CEDE__CALL_SITE);
}

/* For callbacks */

int cede_once_begin_async(struct cede_once *o, struct cede_callback *callback)
{
        struct cede__party *party = cede__callback_begin(callback);
        int r = cede__mutex_owner(&o->mutex) == party ?
                        -EDEADLK :
                        enter(o, party, &callback->waiter, CEDE__CALL_SITE);

        if (r < 0)
                cede__callback_refused(callback);
        if (r != MINE)
                return r;
        o->mutex.orphaned = false;
        if (cede_once_is_done(o)) {
                succeed(o, party);
                cede__wait_finish(party, CEDE_ONCE_DONE);
        } else {
                cede__wait_finish(party, CEDE_ONCE_MINE);
        }
        return 0;
}

int cede_once_end_async(struct cede_once *o, struct cede_callback *callback, int result)
{
        if (!cede__mutex_owned_by(&o->mutex, &callback->fiber.party))
                return -EPERM;
        if (result < 0)
                return cede_mutex_unlock_async(&o->mutex, callback);
        succeed(o, &callback->fiber.party);
        return 0;
}

int cede_once_init(struct cede_once *o, enum cede_order order)
{
        int r = cede_mutex_init(&o->mutex, order);

        if (r < 0)
                return r;
        o->mutex.origin = CEDE__CALL_SITE; /* its class, for the lock-order check */
        o->done = false;
        return 0;
}

void cede_once_finish(struct cede_once *o)
{
        if (cede__mutex_owner(&o->mutex) || o->mutex.q.head)
                cede__die("once %s is finished while somebody does it, or %u wait for it",
                          o->mutex.name ? o->mutex.name : "unnamed", o->mutex.q.waiting);
}

void cede_once_set_name(struct cede_once *o, const char *name)
{
        cede_mutex_set_name(&o->mutex, name);
}

unsigned cede_once_waiting(const struct cede_once *o)
{
        return cede_mutex_waiting(&o->mutex);
}

/* Lazy */

void *cede_lazy_value(const struct cede_lazy *l)
{
        return __atomic_load_n(&l->value, __ATOMIC_ACQUIRE); /* pairs with make */
}

static int make(void *lazy)
{
        struct cede_lazy *l = lazy;
        void *value = NULL;
        int r = l->make ? l->make(l->arg, &value) : -EINVAL;

        if (r >= 0 && !value)
                return -EINVAL;
        if (r >= 0)
                __atomic_store_n(&l->value, value, __ATOMIC_RELEASE);
        return r;
}

int cede_lazy_get(struct cede_lazy *l, void **ret_value)
{
        void *value = cede_lazy_value(l);

        if (cede__unlikely(!value)) {
                int r = run_slowly(&l->once, make, l, CEDE__CALL_SITE);

                if (r < 0)
                        return r;
                value = cede_lazy_value(l);
        }
        *ret_value = value;
        return 0;
}

void cede_lazy_init(struct cede_lazy *l, int (*make_it)(void *arg, void **ret_value), void *arg)
{
        *l = (struct cede_lazy){ .make = make_it, .arg = arg };
        l->once.mutex.origin = CEDE__CALL_SITE;
}

void cede_lazy_finish(struct cede_lazy *l)
{
        cede_once_finish(&l->once);
}

void cede_lazy_set_name(struct cede_lazy *l, const char *name)
{
        cede_once_set_name(&l->once, name);
}
