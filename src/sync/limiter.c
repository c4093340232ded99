/* SPDX-License-Identifier: MIT */
/*
 * Capacity limiter.
 *
 * Everything is under one lock bit: tokens are taken for long, compared with a permit.  A token is
 * lent in the step in which it is granted, so, as in sem.c, nobody who fits sleeps beside a token;
 * and when there are fewer tokens than are out, `borrowed` comes down to them first.
 *
 * A borrower names its limiter from when it is queued until it has given the token back, or has
 * stopped waiting.  The name is set by compare-and-swap from NULL, so of two that want a token for
 * one borrower, be it of two limiters, one is refused; the rest of it is under the lock of the
 * limiter that it names.
 */
#include <cede/limiter.h>

#include "base/spin.h"
#include "sync/any.h"
#include "task/callback.h"
#include "wait/wait.h"
#include <errno.h>

static void lock(struct cede_limiter *l)
{
        cede__spin_lock(&l->lock, 1);
}

static void unlock(struct cede_limiter *l)
{
        cede__spin_unlock(&l->lock, 0);
}

/* Under the lock, like all that follow: whether the borrower could be taken on. */
static bool take_on(struct cede_limiter *l, struct cede_borrower *b)
{
        struct cede_limiter *none = NULL;

        return __atomic_compare_exchange_n(&b->limiter, &none, l, false, __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED);
}

static struct cede_limiter *limiter_of(const struct cede_borrower *b)
{
        return __atomic_load_n(&b->limiter, __ATOMIC_ACQUIRE);
}

static void let_go(struct cede_borrower *b)
{
        b->waiter = NULL;
        __atomic_store_n(&b->limiter, NULL, __ATOMIC_RELEASE); /* now others may take it on */
}

static struct cede_borrower *borrower_of(const struct cede__waiter *w)
{
        return (struct cede_borrower *)w->need;
}

static void grant(struct cede_limiter *l, struct cede__grants *granted)
{
        struct cede__wnode *head;

        while (l->borrowed < l->tokens && (head = cede__waitq_head(&l->q))) {
                struct cede__waiter *w = cede__container_of(head, struct cede__waiter, node);

                if (!cede__claim(w->party)) {
                        cede__waitq_remove(&l->q, head);
                        continue; /* being cancelled: its canceller is about to come here */
                }
                cede__waitq_grant(&l->q, head);
                l->borrowed++;
                borrower_of(w)->waiter = NULL;
                cede__grants_add(granted, w);
        }
}

static void withdraw(struct cede__waiter *w)
{
        struct cede__grants granted = CEDE__GRANTS_INIT(granted);
        struct cede_borrower *b = borrower_of(w);
        struct cede_limiter *l = w->object;

        lock(l);
        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(&l->q, &w->node);
        if (limiter_of(b) == l && b->waiter == w)
                let_go(b);
        grant(l, &granted);
        unlock(l);
        cede__grants_finish(&granted, 0);
}

static void resort(struct cede__waiter *w)
{
        struct cede_limiter *l = w->object;

        lock(l);
        if (cede__waitq_linked(&w->node))
                cede__waitq_resort(&l->q, &w->node, cede__party_rank(w->party));
        unlock(l);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_limiter *l = w->object;

        cede__text_add(t, "%s (%ld of %ld tokens are out, %u waiting)",
                       l->name ? l->name : "unnamed",
                       __atomic_load_n(&l->borrowed, __ATOMIC_RELAXED),
                       __atomic_load_n(&l->tokens, __ATOMIC_RELAXED),
                       __atomic_load_n(&l->q.waiting, __ATOMIC_RELAXED));
}

static const struct cede__waitable limiter = { "limiter", withdraw, resort, describe, NULL };

/* 1: it is lent, and the party has claimed its wait; 0: it is queued; -errno: neither. */
static int enter(struct cede_limiter *l, struct cede_borrower *b, struct cede__party *me,
                 struct cede__waiter *w, const void *site)
{
        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        lock(l);
        if (!take_on(l, b)) {
                unlock(l);
                return -EALREADY;
        }
        cede__wait_begin(w, me, &limiter, l, (long)b, site);
        cede__waitq_insert(&l->q, &w->node, cede__party_rank(me));
        if (cede__waitq_head(&l->q) == &w->node && l->borrowed < l->tokens && cede__claim(me)) {
                cede__waitq_grant(&l->q, &w->node);
                l->borrowed++;
                unlock(l);
                return 1;
        }
        if (cede__cancelled(me) && cede__claim(me)) {
                /* The deadline has passed and that was the one try. */
                cede__waitq_remove(&l->q, &w->node);
                let_go(b);
                unlock(l);
                cede__wait_forget(me);
                return cede__cancelled(me);
        }
        b->waiter = w;
        cede__waitq_stay(&l->q);
        unlock(l);
        return 0;
}

int cede_limiter_acquire(struct cede_limiter *l, struct cede_borrower *b)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r = enter(l, b, me, &w, CEDE__CALL_SITE);

        if (r == 0)
                return cede__wait(me);
        if (r > 0)
                cede__wait_forget(me);
        return r < 0 ? r : 0;
}

int cede_limiter_acquire_async(struct cede_limiter *l, struct cede_borrower *b,
                               struct cede_callback *callback)
{
        struct cede__party *party = cede__callback_begin(callback);
        int r = enter(l, b, party, &callback->waiter, CEDE__CALL_SITE);

        if (r < 0)
                cede__callback_refused(callback);
        if (r > 0)
                cede__wait_finish(party, 0);
        return r < 0 ? r : 0;
}

int cede_limiter_try_acquire(struct cede_limiter *l, struct cede_borrower *b)
{
        int r = 0;

        lock(l);
        if (limiter_of(b))
                r = -EALREADY;
        else if (l->q.head || l->borrowed >= l->tokens)
                r = -EAGAIN;
        else if (!take_on(l, b))
                r = -EALREADY;
        else
                l->borrowed++;
        unlock(l);
        return r;
}

static int attempt_case(struct cede_case *c, struct cede__party *me)
{
        int r = cede_limiter_try_acquire(c->object, c->item);

        (void)me;
        return r == -EAGAIN ? 0 : r < 0 ? r : 1;
}

static int enter_case(struct cede_case *c, struct cede__party *me, const void *site)
{
        return enter(c->object, c->item, me, &c->waiter, site);
}

struct cede_case cede_limiter_case(struct cede_limiter *l, struct cede_borrower *b)
{
        static const struct cede__case_kind token = { "limiter", attempt_case, enter_case, NULL };

        return (struct cede_case){ .kind = &token, .object = l, .item = b };
}

int cede_limiter_release(struct cede_limiter *l, struct cede_borrower *b)
{
        struct cede__grants granted = CEDE__GRANTS_INIT(granted);

        lock(l);
        if (limiter_of(b) != l || b->waiter) {
                unlock(l);
                return -EPERM;
        }
        let_go(b);
        l->borrowed--;
        grant(l, &granted);
        unlock(l);
        cede__grants_finish(&granted, 0);
        return 0;
}

int cede_limiter_set_tokens(struct cede_limiter *l, long tokens)
{
        struct cede__grants granted = CEDE__GRANTS_INIT(granted);

        if (tokens < 0)
                return -EINVAL;
        lock(l);
        l->tokens = tokens;
        grant(l, &granted);
        unlock(l);
        cede__grants_finish(&granted, 0);
        return 0;
}

int cede_limiter_init(struct cede_limiter *l, long tokens, enum cede_order order)
{
        if (tokens < 0 || !cede__waitq_order_valid(order))
                return -EINVAL;
        *l = (struct cede_limiter){ .tokens = tokens };
        cede__waitq_init(&l->q, order);
        return 0;
}

void cede_limiter_finish(struct cede_limiter *l)
{
        if (l->q.head || l->borrowed)
                cede__die("limiter %s is finished while %ld of its tokens are out and %u wait for "
                          "one; join them first",
                          l->name ? l->name : "unnamed", l->borrowed, l->q.waiting);
}

void cede_limiter_set_name(struct cede_limiter *l, const char *name)
{
        l->name = name;
}

void cede_limiter_stats(struct cede_limiter *l, struct cede_limiter_stats *ret_stats)
{
        lock(l);
        *ret_stats = (struct cede_limiter_stats){ l->tokens, l->borrowed, l->q.waiting, l->q.peak };
        unlock(l);
}
