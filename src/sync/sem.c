/* SPDX-License-Identifier: MIT */
/*
 * Semaphore.
 *
 * The word holds the free permits and three flags:
 *
 *      LOCKED   somebody works on the queue: everyone else spins (for some dozen instructions)
 *      QUEUED   somebody is queued: who releases has to look
 *      CLOSED   nobody may pass the queue
 *
 * Without flags, acquire and release are one compare-and-swap.  With CLOSED set nobody takes a
 * permit past the queue; with LOCKED set nobody changes the word but the holder of the lock.  So:
 *
 *  (1) Permits change by compare-and-swap on a word without flags, or under the lock: none is lost.
 *  (2) Under the lock, before it is dropped, everyone at the head who fits is granted; so a waiter
 *      that fits never sleeps beside a free permit.
 *  (3) A grant takes the permits and unlinks the waiter under the lock, and wakes it afterwards
 *      (wait/wait.h): between the two, value and waiters already tell the truth.
 *
 * Strict head of line: (2) stops at the first who does not fit, so that a large request is not
 * starved by small ones behind it.  Whoever leaves the head by cancellation makes room: (2) runs
 * then too.
 *
 * With adaptive transfer (sync/transfer.h) CLOSED is not set while somebody has been nudged, and
 * (2) reads: is granted, or is nudged if what is free, less what those on their way were nudged
 * for, suffices.
 */
#include <cede/sem.h>

#include "base/spin.h"
#include "sync/any.h"
#include "sync/transfer.h"
#include "task/callback.h"
#include "wait/wait.h"
#include <errno.h>
#include <limits.h>

enum { LOCKED = 1, QUEUED = 2, CLOSED = 4, ONE = 8 };

static const long permits_max = LONG_MAX / ONE;

/* How many permits there can ever be. */
static long ceiling(const struct cede_sem *s)
{
        return s->max ? s->max : permits_max;
}

/* Takes the lock; returns the free permits. */
static long lock(struct cede_sem *s)
{
        return (long)(cede__spin_lock(&s->word, LOCKED) / ONE);
}

/* Drops it, leaving this many permits. */
static void unlock(struct cede_sem *s, long permits)
{
        uintptr_t flags = !s->q.head                                  ? 0 :
                          cede__transfer_closed(&s->q, s->nudged > 0) ? QUEUED | CLOSED :
                                                                        QUEUED;

        cede__spin_unlock(&s->word, (uintptr_t)permits * ONE | flags);
}

/* Those whom a change of the semaphore lets go on. */
struct outcome {
        struct cede__grants granted, nudged;
};

static void finish_all(struct outcome *o)
{
        cede__grants_finish(&o->granted, 0);
        cede__grants_finish(&o->nudged, CEDE__NUDGED);
}

#define OUTCOME_INIT(o)                                                                            \
        {                                                                                          \
                CEDE__GRANTS_INIT((o).granted), CEDE__GRANTS_INIT((o).nudged)                      \
        }

/* Under the lock: serves the head of the queue while it fits.  Returns the permits left. */
static long grant(struct cede_sem *s, long permits, struct outcome *o)
{
        struct cede__waiter *w;

        while ((w = cede__transfer_head(&s->q)) && w->need <= permits - s->promised) {
                if (!cede__claim(w->party)) {
                        cede__waitq_remove(&s->q, &w->node);
                        continue; /* being cancelled: its canceller is about to come here */
                }
                cede__waitq_grant(&s->q, &w->node);
                if (w->strict) {
                        permits -= w->need;
                        s->handoffs++;
                        cede__grants_add(&o->granted, w);
                } else {
                        s->nudged++;
                        s->promised += w->need;
                        cede__grants_add(&o->nudged, w);
                }
        }
        return permits;
}

static void withdraw(struct cede__waiter *w)
{
        struct cede_sem *s = w->object;
        struct outcome outcome = OUTCOME_INIT(outcome);
        long permits = lock(s);

        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(&s->q, &w->node);
        unlock(s, grant(s, permits, &outcome));
        finish_all(&outcome);
}

static void resort(struct cede__waiter *w)
{
        struct cede_sem *s = w->object;
        struct outcome outcome = OUTCOME_INIT(outcome);
        long permits = lock(s);

        if (cede__waitq_linked(&w->node))
                cede__waitq_resort(&s->q, &w->node, cede__party_rank(w->party));
        unlock(s, grant(s, permits, &outcome));
        finish_all(&outcome);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_sem *s = w->object;

        cede__text_add(t, "%s (wants %ld, %ld free, %u waiting)", s->name ? s->name : "unnamed",
                       w->need, cede_sem_value(s), cede_sem_waiting(s));
}

static const struct cede__waitable semaphore = { "semaphore", withdraw, resort, describe, NULL };

/* Takes n permits if that passes nobody. */
static bool take(struct cede_sem *s, long n)
{
        uintptr_t word = __atomic_load_n(&s->word, __ATOMIC_RELAXED);

        while (!(word & (LOCKED | CLOSED)) && (long)(word / ONE) >= n)
                if (__atomic_compare_exchange_n(&s->word, &word, word - (uintptr_t)n * ONE, true,
                                                __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                        return true;
        return false;
}

/*
 * Puts a party into the queue.  1: it did not have to wait, took n permits, and has claimed its
 * wait; 0: it is queued; -errno: neither.
 */
static int enter(struct cede_sem *s, long n, struct cede__party *me, struct cede__waiter *w,
                 const void *site)
{
        bool closed, first;
        long permits;

        if (n < 1 || n > ceiling(s))
                return -EINVAL;
        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        permits = lock(s);
        closed = cede__transfer_closed(&s->q, s->nudged > 0);
        cede__wait_begin(w, me, &semaphore, s, n, site);
        cede__transfer_begin(w, s->transfer);
        cede__waitq_insert(&s->q, &w->node, cede__party_rank(me));
        first = cede__waitq_head(&s->q) == &w->node;
        if ((first || !closed) && n <= permits && cede__claim(me)) {
                /* Its order lets it go first, or somebody else is on his way; and it fits. */
                (first ? cede__waitq_grant : cede__waitq_remove)(&s->q, &w->node);
                unlock(s, permits - n);
                return 1;
        }
        if (cede__cancelled(me) && cede__claim(me)) {
                /* The deadline has passed and that was the one try. */
                cede__waitq_remove(&s->q, &w->node);
                unlock(s, permits);
                cede__wait_forget(me);
                return cede__cancelled(me);
        }
        cede__waitq_stay(&s->q);
        unlock(s, permits);
        return 0;
}

/* A thread that finds none free looks again a few times, if it may pass others. */
static bool take_soon(struct cede_sem *s, long n, const struct cede__party *me)
{
        unsigned turn = 0;

        if (s->transfer == CEDE_STRICT || !me->kind->may_spin || cede__cancelled(me))
                return false;
        do {
                if (take(s, n))
                        return true;
        } while (!(__atomic_load_n(&s->word, __ATOMIC_RELAXED) & CLOSED) &&
                 cede__spin_turn(&turn, true));
        return false;
}

/* The party was nudged: as enter. */
static int enter_again(struct cede_sem *s, struct cede__waiter *w)
{
        struct outcome outcome = OUTCOME_INIT(outcome);
        struct cede__party *me = w->party;
        long permits = lock(s), n = w->need;
        int cancel = cede__cancelled(me), r = 0;

        s->nudged--;
        s->promised -= n;
        if (n <= permits && cancel != -ECANCELED) {
                permits -= n;
                r = 1;
        } else if (cancel) {
                r = cancel;
        } else {
                cede__wait_begin(w, me, &semaphore, s, n, w->site);
                cede__transfer_again(w);
                cede__waitq_return(&s->q, &w->node, cede__party_rank(me));
                cede__waitq_stay(&s->q);
        }
        unlock(s, grant(s, permits, &outcome));
        finish_all(&outcome);
        return r;
}

static CEDE__NOINLINE int acquire_slowly(struct cede_sem *s, long n, const void *site)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r;

        if (n > 0 && take_soon(s, n, me))
                return 0;
        r = enter(s, n, me, &w, site);
        if (r > 0)
                cede__wait_forget(me);
        while (r == 0) {
                r = cede__wait(me);
                if (r <= 0)
                        return r;
                r = enter_again(s, &w);
        }
        return r < 0 ? r : 0;
}

int cede_sem_acquire_async(struct cede_sem *s, long n, struct cede_callback *callback)
{
        struct cede__party *party = cede__callback_begin(callback);
        int r = enter(s, n, party, &callback->waiter, CEDE__CALL_SITE);

        if (r < 0)
                cede__callback_refused(callback);
        if (r > 0)
                cede__wait_finish(party, 0);
        return r < 0 ? r : 0;
}

static int attempt_case(struct cede_case *c, struct cede__party *me)
{
        int r = cede_sem_try_acquire_n(c->object, (long)c->need);

        (void)me;
        return r == -EAGAIN ? 0 : r < 0 ? r : 1;
}

static int enter_case(struct cede_case *c, struct cede__party *me, const void *site)
{
        return enter(c->object, (long)c->need, me, &c->waiter, site);
}

struct cede_case cede_sem_case(struct cede_sem *s, long n)
{
        static const struct cede__case_kind permits = { "semaphore", attempt_case, enter_case,
                                                        NULL };

        return (struct cede_case){ .kind = &permits, .object = s, .need = n };
}

int cede_sem_acquire(struct cede_sem *s)
{
        const struct cede__party *me = cede__self;

        return cede__likely(me && !cede__cancelled(me) && take(s, 1)) ?
                       0 :
                       acquire_slowly(s, 1, CEDE__CALL_SITE);
}

int cede_sem_acquire_n(struct cede_sem *s, long n)
{
        return cede__likely(n > 0 && !cede__cancelled(cede__party_here()) && take(s, n)) ?
                       0 :
                       acquire_slowly(s, n, CEDE__CALL_SITE);
}

int cede_sem_try_acquire(struct cede_sem *s)
{
        return cede_sem_try_acquire_n(s, 1);
}

int cede_sem_try_acquire_n(struct cede_sem *s, long n)
{
        if (n < 1 || n > ceiling(s))
                return -EINVAL;
        while (!take(s, n)) {
                uintptr_t word = __atomic_load_n(&s->word, __ATOMIC_RELAXED);

                if (word & CLOSED || (long)(word / ONE) < n)
                        return -EAGAIN;
                cede__spin_wait(&s->word, word); /* only locked: see what comes of it */
        }
        return 0;
}

static CEDE__NOINLINE int release(struct cede_sem *s, long n)
{
        uintptr_t word = __atomic_load_n(&s->word, __ATOMIC_RELAXED);
        long max = ceiling(s);
        struct outcome outcome = OUTCOME_INIT(outcome);
        long permits;

        if (n < 1)
                return -EINVAL;
        while (!(word & (LOCKED | QUEUED))) {
                if (n > max - (long)(word / ONE))
                        return -EOVERFLOW;
                if (__atomic_compare_exchange_n(&s->word, &word, word + (uintptr_t)n * ONE, true,
                                                __ATOMIC_RELEASE, __ATOMIC_RELAXED))
                        return 0;
        }
        permits = lock(s);
        if (n > max - permits) {
                unlock(s, permits);
                return -EOVERFLOW;
        }
        unlock(s, grant(s, permits + n, &outcome));
        finish_all(&outcome);
        return 0;
}

int cede_sem_release(struct cede_sem *s)
{
        uintptr_t word = __atomic_load_n(&s->word, __ATOMIC_RELAXED);

        /* Without a maximum, and below what a word can hold. */
        if (cede__likely(!s->max && !(word & (LOCKED | QUEUED)) &&
                         word < (uintptr_t)permits_max * ONE) &&
            __atomic_compare_exchange_n(&s->word, &word, word + ONE, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
                return 0;
        return release(s, 1);
}

int cede_sem_release_n(struct cede_sem *s, long n)
{
        return release(s, n);
}

int cede_sem_init(struct cede_sem *s, long permits, enum cede_order order)
{
        if (permits < 0 || permits > permits_max || !cede__waitq_order_valid(order))
                return -EINVAL;
        *s = (struct cede_sem){ .word = (uintptr_t)permits * ONE };
        cede__waitq_init(&s->q, order);
        return 0;
}

void cede_sem_finish(struct cede_sem *s)
{
        if (s->q.head || s->nudged)
                cede__die("semaphore %s is finished while %u wait on it; join them first",
                          s->name ? s->name : "unnamed", s->q.waiting);
}

void cede_sem_set_name(struct cede_sem *s, const char *name)
{
        s->name = name;
}

int cede_sem_set_max(struct cede_sem *s, long max)
{
        if (max < 0 || max > permits_max || (max && max < cede_sem_value(s)))
                return -EINVAL;
        s->max = max;
        return 0;
}

int cede_sem_set_transfer(struct cede_sem *s, enum cede_transfer transfer)
{
        if (!cede__transfer_valid(transfer))
                return -EINVAL;
        s->transfer = transfer;
        return 0;
}

void cede_sem_set_seed(struct cede_sem *s, uint64_t seed)
{
        s->q.seed = seed;
}

long cede_sem_value(const struct cede_sem *s)
{
        return (long)(__atomic_load_n(&s->word, __ATOMIC_RELAXED) / ONE);
}

unsigned cede_sem_waiting(const struct cede_sem *s)
{
        return __atomic_load_n(&s->q.waiting, __ATOMIC_RELAXED);
}

void cede_sem_stats(struct cede_sem *s, struct cede_sem_stats *ret_stats)
{
        long permits = lock(s);

        *ret_stats = (struct cede_sem_stats){ permits, s->q.waiting, s->q.peak, s->handoffs };
        unlock(s, permits);
}

int cede_sem_run(struct cede_sem *s, int (*fn)(void *arg), void *arg)
{
        int r = cede_sem_acquire(s);

        if (r == 0) {
                r = fn(arg);
                cede_sem_release(s);
        }
        return r;
}
