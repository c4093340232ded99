/* SPDX-License-Identifier: MIT */
/*
 * Latch.
 *
 * The word is the count, with two flags below it:
 *
 *      LOCKED   somebody works on the queue
 *      QUEUED   somebody is queued: who comes to zero has to look
 *
 * The count changes by compare-and-swap on a word that is not locked, or under the lock.  Nobody is
 * queued while it is zero: a waiter enters the queue under the lock, having seen that it is not,
 * and whoever makes it zero with QUEUED set does so under the lock, and takes all out in the same
 * step:
 *
 *      waiter                            done
 *      --------------------------------  -------------------------------------------
 *      lock; the count is 1: enter the
 *        queue; unlock, with QUEUED
 *                                        the word is 1 | QUEUED: lock; take all out;
 *                                          unlock with 0; finish them
 *
 * and if the compare-and-swap of 1 for 0 comes first, the waiter finds zero under the lock.
 */
#include <cede/latch.h>

#include "base/spin.h"
#include "sync/any.h"
#include "task/callback.h"
#include "wait/wait.h"
#include <errno.h>

enum { LOCKED = 1, QUEUED = 2, ONE = 4 };

static const long count_max = LONG_MAX / ONE;

static long lock(struct cede_latch *l)
{
        return (long)(cede__spin_lock(&l->word, LOCKED) / ONE);
}

static void unlock(struct cede_latch *l, long count)
{
        cede__spin_unlock(&l->word, (uintptr_t)count * ONE | (l->q.head ? QUEUED : 0));
}

static void withdraw(struct cede__waiter *w)
{
        struct cede_latch *l = w->object;
        long count = lock(l);

        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(&l->q, &w->node);
        unlock(l, count);
}

static void resort(struct cede__waiter *w)
{
        struct cede_latch *l = w->object;
        long count = lock(l);

        if (cede__waitq_linked(&w->node))
                cede__waitq_resort(&l->q, &w->node, cede__party_rank(w->party));
        unlock(l, count);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_latch *l = w->object;

        cede__text_add(t, "%s (%ld to be done, %u waiting)", l->name ? l->name : "unnamed",
                       cede_latch_count(l), cede_latch_waiting(l));
}

static const struct cede__waitable latch = { "latch", withdraw, resort, describe, NULL };

/* 1: it is zero, and the party has claimed its wait; 0: it is queued; -errno: neither. */
static int enter(struct cede_latch *l, struct cede__party *me, struct cede__waiter *w,
                 const void *site)
{
        long count;
        int r = 0;

        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        count = lock(l);
        cede__wait_begin(w, me, &latch, l, 0, site);
        if (!count && cede__claim(me)) {
                r = 1;
        } else if (cede__cancelled(me) && cede__claim(me)) {
                r = cede__cancelled(me); /* the deadline has passed */
                cede__wait_forget(me);
        } else {
                cede__waitq_insert(&l->q, &w->node, cede__party_rank(me));
                cede__waitq_stay(&l->q);
        }
        unlock(l, count);
        return r;
}

int cede_latch_wait(struct cede_latch *l)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r;

        if (cede__likely(!cede_latch_count(l) && !cede__cancelled(me)))
                return 0;
        r = enter(l, me, &w, CEDE__CALL_SITE);
        if (r == 0)
                return cede__wait(me);
        if (r > 0)
                cede__wait_forget(me);
        return r < 0 ? r : 0;
}

int cede_latch_wait_async(struct cede_latch *l, struct cede_callback *callback)
{
        struct cede__party *party = cede__callback_begin(callback);

        if (enter(l, party, &callback->waiter, CEDE__CALL_SITE) > 0)
                cede__wait_finish(party, 0);
        return 0;
}

static int attempt_case(struct cede_case *c, struct cede__party *me)
{
        (void)me;
        return !cede_latch_count(c->object);
}

static int enter_case(struct cede_case *c, struct cede__party *me, const void *site)
{
        return enter(c->object, me, &c->waiter, site);
}

struct cede_case cede_latch_case(struct cede_latch *l)
{
        static const struct cede__case_kind zero = { "latch", attempt_case, enter_case, NULL };

        return (struct cede_case){ .kind = &zero, .object = l };
}

int cede_latch_add(struct cede_latch *l, long n)
{
        uintptr_t word = __atomic_load_n(&l->word, __ATOMIC_RELAXED);

        if (n < 1)
                return -EINVAL;
        for (;;) {
                if (word & LOCKED) {
                        cede__spin_wait(&l->word, word);
                        word = __atomic_load_n(&l->word, __ATOMIC_RELAXED);
                        continue;
                }
                if (n > count_max - (long)(word / ONE))
                        return -EINVAL;
                if (__atomic_compare_exchange_n(&l->word, &word, word + (uintptr_t)n * ONE, true,
                                                __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                        return 0;
        }
}

/* Under the lock: all who wait pass. */
static void take_all(struct cede_latch *l, struct cede__grants *passed)
{
        struct cede__wnode *head;

        while ((head = cede__waitq_head(&l->q))) {
                struct cede__waiter *w = cede__container_of(head, struct cede__waiter, node);

                cede__waitq_grant(&l->q, head);
                if (cede__claim(w->party))
                        cede__grants_add(passed, w);
        }
}

int cede_latch_done(struct cede_latch *l)
{
        return cede_latch_done_n(l, 1);
}

int cede_latch_done_n(struct cede_latch *l, long n)
{
        uintptr_t word = __atomic_load_n(&l->word, __ATOMIC_RELAXED);
        struct cede__grants passed = CEDE__GRANTS_INIT(passed);
        long count;

        if (n < 1)
                return -EINVAL;
        /* Nothing but a count that is left, or nobody who waits for it. */
        while (!(word & LOCKED) && (!(word & QUEUED) || n != (long)(word / ONE))) {
                if (n > (long)(word / ONE))
                        return -EOVERFLOW;
                if (__atomic_compare_exchange_n(&l->word, &word, word - (uintptr_t)n * ONE, true,
                                                __ATOMIC_RELEASE, __ATOMIC_RELAXED))
                        return 0;
        }
        count = lock(l);
        if (n > count) {
                unlock(l, count);
                return -EOVERFLOW;
        }
        if (n == count)
                take_all(l, &passed);
        unlock(l, count - n);
        cede__grants_finish(&passed, 0);
        return 0;
}

int cede_latch_init(struct cede_latch *l, long count, enum cede_order order)
{
        if (count < 0 || count > count_max || !cede__waitq_order_valid(order))
                return -EINVAL;
        *l = (struct cede_latch){ .word = (uintptr_t)count * ONE };
        cede__waitq_init(&l->q, order);
        return 0;
}

void cede_latch_finish(struct cede_latch *l)
{
        if (l->q.head)
                cede__die("latch %s is finished while %u wait for it; count it down and join them "
                          "first",
                          l->name ? l->name : "unnamed", l->q.waiting);
}

void cede_latch_set_name(struct cede_latch *l, const char *name)
{
        l->name = name;
}

long cede_latch_count(const struct cede_latch *l)
{
        return (long)(__atomic_load_n(&l->word, __ATOMIC_ACQUIRE) / ONE);
}

unsigned cede_latch_waiting(const struct cede_latch *l)
{
        return __atomic_load_n(&l->q.waiting, __ATOMIC_RELAXED);
}

void cede_latch_stats(struct cede_latch *l, struct cede_latch_stats *ret_stats)
{
        long count = lock(l);

        *ret_stats = (struct cede_latch_stats){ count, l->q.waiting, l->q.peak };
        unlock(l, count);
}
