/* SPDX-License-Identifier: MIT */
/*
 * Mutex.
 *
 * The word is the owning party's address, with two flags below it (sem.c has the same two):
 *
 *      LOCKED   somebody works on the queue
 *      WAITERS  nobody may pass the queue
 *
 * Without flags, locking is a compare-and-swap of 0 for the owner, and unlocking one of the owner
 * for 0.  Unlocking with waiters makes the head of the queue the owner, in one step under the lock
 * bit, and wakes it afterwards: the word never shows a mutex that is free while somebody waits for
 * it.  With adaptive transfer it does, but only while somebody has been nudged (sync/transfer.h).
 *
 * A waiter that comes from a condition has been claimed already (`need` is CEDE__MOVED), and cannot
 * be cancelled any more; it is granted without a claim.
 *
 * What a party holds is a list through the mutexes (and other locks), which only the party itself
 * touches: it enters a mutex when its lock call returns, not when it is granted.  When a party
 * ends, what is still in the list is passed on, and whoever gets it learns that its owner is dead.
 */
#include "sync/mutex.h"
#include "sync/any.h"
#include "sync/lock_order.h"
#include "sync/mutex_word.h"
#include "sync/transfer.h"
#include "task/callback.h"
#include "task/deadlock.h"
#include "task/task.h"
#include <errno.h>

struct cede__party *cede__mutex_owner(const struct cede_mutex *m)
{
        uintptr_t word = __atomic_load_n(&m->word, __ATOMIC_RELAXED);

        return (struct cede__party *)(word & ~(uintptr_t)FLAGS);
}

static void unlock(struct cede_mutex *m, struct cede__party *new_owner)
{
        cede__spin_unlock(&m->word,
                          (uintptr_t)new_owner |
                                  (cede__transfer_closed(&m->q, m->nudged) ? WAITERS : 0));
}

/*
 * Under the lock bit: takes the head of the queue out, to be granted or nudged.  NULL: nobody
 * waits, or somebody who was nudged is on his way.
 */
static struct cede__waiter *next_waiter(struct cede_mutex *m)
{
        struct cede__waiter *w;

        while ((w = cede__transfer_head(&m->q)) && (w->strict || !m->nudged)) {
                if (w->need == CEDE__MOVED || cede__claim(w->party)) {
                        cede__waitq_grant(&m->q, &w->node);
                        return w;
                }
                cede__waitq_remove(&m->q, &w->node); /* being cancelled */
        }
        return NULL;
}

/* Under the lock bit, which it drops: the mutex is free; hands it to the next one, or nudges it. */
static void pass_on(struct cede_mutex *m)
{
        struct cede__waiter *next = next_waiter(m);
        int result = CEDE__NUDGED;

        if (!next) {
                unlock(m, NULL);
                return;
        }
        if (next->strict) {
                result = m->orphaned ? -EOWNERDEAD : 0;
                m->orphaned = false;
                m->handoffs++;
                unlock(m, next->party);
        } else {
                m->nudged = true;
                unlock(m, NULL);
        }
        cede__wait_grant(next, result);
}

static void withdraw(struct cede__waiter *w)
{
        struct cede_mutex *m = w->object;
        struct cede__party *present = lock(m);

        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(&m->q, &w->node);
        if (present)
                unlock(m, present);
        else
                pass_on(m); /* it was free, but w could not claim it: others may stand behind w */
}

void cede__mutex_resort(struct cede_mutex *m, struct cede__waiter *w)
{
        struct cede__party *present = lock(m);

        if (cede__waitq_linked(&w->node))
                cede__waitq_resort(&m->q, &w->node, cede__party_rank(w->party));
        unlock(m, present);
}

static void resort(struct cede__waiter *w)
{
        cede__mutex_resort(w->object, w);
}

void cede__mutex_describe(const struct cede_mutex *m, struct cede__text *t)
{
        cede__text_add(t, "%s (held by ", m->name ? m->name : "unnamed");
        cede__owner_describe(cede__mutex_owner(m), t);
        cede__text_add(t, ", %u waiting)", cede_mutex_waiting(m));
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        cede__mutex_describe(w->object, t);
}

static struct cede__party *owner(const struct cede__waiter *w)
{
        return cede__waits(w->party) ? cede__mutex_owner(w->object) : NULL;
}

static const struct cede__waitable mutex = { "mutex", withdraw, resort, describe, owner };

/* For those who have to have it: after waiting for a condition. */
static const struct cede__waitable mutex_firmly = { "mutex", NULL, resort, describe, owner };

/* The owner before the caller has ended. */
static CEDE__COLD int orphan(struct cede_mutex *m)
{
        m->orphaned = false;
        return -EOWNERDEAD;
}

/* The caller's lock call is about to return: from now on it holds the mutex. */
static int entered(struct cede_mutex *m, struct cede__party *me, int result, const void *site)
{
        if (cede__unlikely(cede__lock_order()))
                cede__lock_order_note(m, me->held, site);
        hold(m, me);
        return cede__unlikely(m->orphaned) ? orphan(m) : result;
}

/*
 * Puts a party into the queue.  1: it did not have to wait, is the owner, and has claimed its wait;
 * 0: it is queued; -errno: neither.
 */
static int enter(struct cede_mutex *m, struct cede__party *me, struct cede__waiter *w,
                 const struct cede__waitable *kind, const void *site)
{
        struct cede__party *present = lock(m);
        bool closed = cede__transfer_closed(&m->q, m->nudged), first;

        cede__wait_begin(w, me, kind, m, 0, site);
        cede__transfer_begin(w, m->transfer);
        cede__waitq_insert(&m->q, &w->node, cede__party_rank(me));
        first = cede__waitq_head(&m->q) == &w->node;
        if (!present && (first || !closed) && cede__claim(me)) {
                (first ? cede__waitq_grant : cede__waitq_remove)(&m->q, &w->node);
                unlock(m, me);
                return 1;
        }
        if (kind->withdraw && cede__cancelled(me) && cede__claim(me)) {
                /* The deadline has passed and that was the one try. */
                cede__waitq_remove(&m->q, &w->node);
                unlock(m, present);
                cede__wait_forget(me);
                return cede__cancelled(me);
        }
        cede__waitq_stay(&m->q);
        unlock(m, present);
        return 0;
}

/* The party was nudged: as enter. */
static int enter_again(struct cede_mutex *m, struct cede__waiter *w)
{
        struct cede__party *me = w->party, *present;
        unsigned turn = 0;
        int cancel;

        while (me->kind->may_spin && cede__mutex_owner(m) && cede__spin_turn(&turn, false))
                ;
        present = lock(m);
        cancel = w->kind->withdraw ? cede__cancelled(me) : 0;
        m->nudged = false;
        if (!present && cancel != -ECANCELED) {
                unlock(m, me);
                return 1;
        }
        if (!cancel) {
                cede__wait_begin(w, me, w->kind, m, 0, w->site);
                cede__transfer_again(w);
                cede__waitq_return(&m->q, &w->node, cede__party_rank(me));
                cede__waitq_stay(&m->q);
        }
        if (present)
                unlock(m, present);
        else
                pass_on(m);
        return cancel;
}

/* Waits, unless the owner waits for the caller in turn.  1: it is the owner, by itself. */
static int wait_unless_circular(struct cede_mutex *m, struct cede__waiter *w)
{
        struct cede__party *me = w->party;
        struct cede__edge edge;
        int r;

        do {
                /* Once more if it was nudged in vain: somebody else is the owner now. */
                if (cede__edge_enter(&edge, w)) {
                        withdraw(w);
                        cede__wait_forget(me);
                        r = -EDEADLK;
                } else {
                        r = cede__wait(me);
                }
                cede__edge_leave(&edge);
        } while (r == CEDE__NUDGED && (r = enter_again(m, w)) == 0);
        return r;
}

/*
 * A thread that finds it locked looks again a few times, if it may pass others and nobody is to be
 * served first.
 */
static bool take_soon(struct cede_mutex *m, struct cede__party *me)
{
        bool may_wait = m->transfer != CEDE_STRICT && me->kind->may_spin;
        unsigned turn = 0;
        uintptr_t word;

        do {
                word = __atomic_load_n(&m->word, __ATOMIC_RELAXED);
                if (!word && take(m, me))
                        return true;
        } while (may_wait && !(word & WAITERS) && cede__spin_turn(&turn, true));
        return false;
}

static CEDE__NOINLINE int lock_slowly(struct cede_mutex *m, const struct cede__waitable *kind,
                                      const void *site)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r;

        if (cede__mutex_owner(m) == me && !m->recursive)
                return -EDEADLK;
        if (cede__mutex_owner(m) == me) {
                m->depth++;
                return 0;
        }
        if (kind->withdraw && cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        if (take_soon(m, me))
                return entered(m, me, 0, site);
        r = enter(m, me, &w, kind, site);
        if (r == 0)
                r = wait_unless_circular(m, &w);
        else if (r > 0)
                cede__wait_forget(me);
        return r < 0 && r != -EOWNERDEAD ? r : entered(m, me, r < 0 ? r : 0, site);
}

int cede_mutex_lock(struct cede_mutex *m)
{
        struct cede__party *me = cede__self;

        if (cede__unlikely(!me || cede__cancelled(me) || cede__lock_order() || !take(m, me)))
                return lock_slowly(m, &mutex, CEDE__CALL_SITE);
        hold(m, me);
        return cede__unlikely(m->orphaned) ? orphan(m) : 0;
}

int cede_mutex_try_lock(struct cede_mutex *m)
{
        struct cede__party *me = cede__party_here();

        while (!take(m, me)) {
                if (cede__mutex_owner(m) == me && m->recursive) {
                        m->depth++;
                        return 0;
                }
                if (__atomic_load_n(&m->word, __ATOMIC_RELAXED) & ~(uintptr_t)LOCKED)
                        return cede__mutex_owner(m) == me ? -EDEADLK : -EAGAIN;
                cede__spin_wait(&m->word, LOCKED); /* only worked on: see what comes of it */
        }
        return entered(m, me, 0, CEDE__CALL_SITE);
}

/* It could not be let go. */
static CEDE__NOINLINE void serve(struct cede_mutex *m)
{
        lock(m);
        pass_on(m);
}

static void release(struct cede_mutex *m, struct cede__party *me)
{
        if (cede__controlled() && cede__store_unless_controlled(&m->word, 0, &m->shared))
                return;
        if (cede__unlikely(!let_go(m, me)))
                serve(m);
}

static CEDE__NOINLINE int unlock_slowly(struct cede_mutex *m)
{
        struct cede__party *me = cede__party_here();

        if (cede__mutex_owner(m) != me)
                return -EPERM;
        if (m->depth) {
                m->depth--;
                return 0;
        }
        cede__hold_remove(&me->held, &m->hold);
        release(m, me);
        return 0;
}

/*
 * Who has locked it last, and nothing since, holds it: that is seen without looking at the word.
 * The list is changed after the mutex was freed, so that an atomic instruction has no store to wait
 * for; it is the caller's own, and of the mutex nothing is touched any more.
 */
int cede_mutex_unlock(struct cede_mutex *m)
{
        struct cede__party *me = cede__self;
        struct cede__hold *rest;
        bool freed;

        if (cede__unlikely(!me || me->held != &m->hold || m->depth || cede__chooser))
                return unlock_slowly(m);
        rest = m->hold.next;
        if (cede__unlikely(rest != NULL))
                m->hold.next = NULL;
        freed = (!__atomic_load_n(&m->shared, __ATOMIC_RELAXED) &&
                 cede__store_unless(&m->word, 0, &m->shared)) ||
                let_go(m, me);
        me->held = rest;
        if (cede__unlikely(!freed))
                serve(m);
        return 0;
}

/* Of a party that ends. */
static void abandon(struct cede__hold *hold, struct cede__party *me)
{
        struct cede_mutex *m = cede__container_of(hold, struct cede_mutex, hold);
        struct cede__text t;

        cede__text_open(&t, 2);
        cede__text_add(&t, "cede: ");
        cede__party_describe(me, &t);
        cede__text_add(&t, " ends without unlocking mutex %s\n", m->name ? m->name : "(unnamed)");
        lock(m);
        m->orphaned = true;
        m->depth = 0;
        pass_on(m);
}

/* This file is linked if anybody can hold a mutex. */
static __attribute__((constructor)) void set_hook(void)
{
        cede__mutex_abandon = abandon;
}

/* For conditions */

bool cede__mutex_owned_by(const struct cede_mutex *m, const struct cede__party *party)
{
        return cede__mutex_owner(m) == party;
}

unsigned cede__mutex_leave(struct cede_mutex *m, struct cede__party *me)
{
        unsigned depth = m->depth;

        m->depth = 0;
        cede__hold_remove(&me->held, &m->hold);
        cede__step("release", &m->word);
        release(m, me);
        return depth;
}

int cede__mutex_return(struct cede_mutex *m, unsigned depth, const void *site)
{
        struct cede__party *me = cede__party_here();
        int r = take(m, me) ? entered(m, me, 0, site) : lock_slowly(m, &mutex_firmly, site);

        m->depth = depth;
        return r;
}

int cede__mutex_returned(struct cede_mutex *m, unsigned depth, int result, const void *site)
{
        m->depth = depth;
        return entered(m, cede__party_here(), result, site);
}

void cede__mutex_move(struct cede_mutex *m, struct cede__waiter *w)
{
        struct cede__party *party = w->party, *present = lock(m);

        w->strict = true; /* it does not come back to try */
        cede__waitq_insert(&m->q, &w->node, cede__party_rank(party));
        cede__waitq_stay(&m->q);
        if (present)
                unlock(m, present);
        else
                pass_on(m);
}

/* For waiting for any of several */

static int attempt_case(struct cede_case *c, struct cede__party *me)
{
        int r = cede_mutex_try_lock(c->object);

        (void)me;
        c->result = r == -EOWNERDEAD ? r : 0;
        return r == -EAGAIN ? 0 : r == -EDEADLK ? r : 1;
}

static int granted_case(struct cede_case *c, struct cede__party *me, int result)
{
        return entered(c->object, me, result, c->waiter.site);
}

static int enter_case(struct cede_case *c, struct cede__party *me, const void *site)
{
        int r = enter(c->object, me, &c->waiter, &mutex, site);

        if (r > 0)
                c->result = entered(c->object, me, 0, site);
        return r;
}

struct cede_case cede_mutex_case(struct cede_mutex *m)
{
        static const struct cede__case_kind lock_case = { "mutex", attempt_case, enter_case,
                                                          granted_case };

        return (struct cede_case){ .kind = &lock_case, .object = m };
}

/* For callbacks */

int cede_mutex_lock_async(struct cede_mutex *m, struct cede_callback *callback)
{
        struct cede__party *party = cede__callback_begin(callback);
        int r = m->recursive ? -EINVAL :
                cede__mutex_owner(m) == party ?
                               -EDEADLK :
                               enter(m, party, &callback->waiter, &mutex, CEDE__CALL_SITE);

        if (r < 0) {
                cede__callback_refused(callback);
                return r;
        }
        if (r > 0) {
                r = m->orphaned ? -EOWNERDEAD : 0;
                m->orphaned = false;
                cede__wait_finish(party, r);
        }
        return 0;
}

int cede_mutex_unlock_async(struct cede_mutex *m, struct cede_callback *callback)
{
        struct cede__party *party = &callback->fiber.party;

        if (cede__mutex_owner(m) != party)
                return -EPERM;
        release(m, party);
        return 0;
}

void cede_mutex_stats(struct cede_mutex *m, struct cede_mutex_stats *ret_stats)
{
        struct cede__party *present = lock(m);

        *ret_stats = (struct cede_mutex_stats){ m->q.waiting, m->q.peak, m->handoffs };
        unlock(m, present);
}
