/* SPDX-License-Identifier: MIT */
/*
 * Future: done once, awaited by any number of parties.
 *
 * Two who resolve at once meet at the lock bit: one finds DONE clear and sets it, the other gets
 * -EALREADY.  A party that begins to wait does so under the lock, so either it finds DONE, or it
 * is in the queue that the resolver takes out when it sets DONE: nobody sleeps beside a future that
 * is done.
 *
 * Lifetime.  The store that drops the lock and sets DONE is the resolver's last touch of the
 * future: the waiters that it then finishes lie elsewhere, and whoever sees DONE may free it.
 */
#include "future/future.h"

#include "base/alloc.h"
#include "sync/any.h"
#include "task/callback.h"
#include "wait/wait.h"
#include <errno.h>

static void withdraw(struct cede__waiter *w)
{
        struct cede_future *f = w->object;
        uintptr_t flags = cede__future_lock(f);

        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(&f->q, &w->node);
        cede__future_unlock(f, flags);
}

static void resort(struct cede__waiter *w)
{
        struct cede_future *f = w->object;
        uintptr_t flags = cede__future_lock(f);

        if (cede__waitq_linked(&w->node))
                cede__waitq_resort(&f->q, &w->node, cede__party_rank(w->party));
        cede__future_unlock(f, flags);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_future *f = w->object;

        cede__text_add(t, "%s (%u waiting)", f->name ? f->name : "unnamed", cede_future_waiting(f));
}

static const struct cede__waitable future = { "future", withdraw, resort, describe, NULL };

/* 1: it is done, and the party has claimed its wait; 0: it is queued; -errno: neither. */
static int enter(struct cede_future *f, struct cede__party *me, struct cede__waiter *w,
                 const void *site)
{
        uintptr_t flags;
        int r = 0;

        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        flags = cede__future_lock(f);
        cede__wait_begin(w, me, &future, f, 0, site);
        if (flags & CEDE__FUTURE_DONE && cede__claim(me)) {
                r = 1;
        } else if (cede__cancelled(me) && cede__claim(me)) {
                r = cede__cancelled(me); /* the deadline has passed */
                cede__wait_forget(me);
        } else {
                cede__waitq_insert(&f->q, &w->node, cede__party_rank(me));
                cede__waitq_stay(&f->q);
        }
        cede__future_unlock(f, flags);
        return r;
}

int cede__future_wait(struct cede_future *f, const void *site)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r;

        if (cede__likely(cede__future_done(f) && !cede__cancelled(me)))
                return 0;
        r = enter(f, me, &w, site);
        if (r == 0)
                return cede__wait(me);
        if (r > 0)
                cede__wait_forget(me);
        return r < 0 ? r : 0;
}

void cede__future_wait_async(struct cede_future *f, struct cede_callback *callback,
                             const void *site)
{
        struct cede__party *party = cede__callback_begin(callback);

        if (enter(f, party, &callback->waiter, site) > 0)
                cede__wait_finish(party, 0);
}

int cede__future_settle(struct cede_future *f, void *value, int error, const void *site)
{
        struct cede__grants granted = CEDE__GRANTS_INIT(granted);
        uintptr_t flags = cede__future_lock(f);
        struct cede__wnode *head;

        if (flags & CEDE__FUTURE_DONE) {
                cede__future_unlock(f, flags);
                return -EALREADY;
        }
        f->value = error ? NULL : value;
        f->error = error == -ECANCELED && flags & CEDE__FUTURE_LATE ? -ETIMEDOUT : error;
        f->site = site;
        while ((head = cede__waitq_head(&f->q))) {
                struct cede__waiter *w = cede__container_of(head, struct cede__waiter, node);

                cede__waitq_grant(&f->q, head);
                if (cede__claim(w->party))
                        cede__grants_add(&granted, w);
        }
        cede__future_unlock(f, flags | CEDE__FUTURE_DONE);
        cede__grants_finish(&granted, 0);
        return 0;
}

int cede__future_take(struct cede_future *f, void **ret_value)
{
        int error = f->error;

        if (error < 0)
                cede_future_ignore(f);
        else if (ret_value)
                *ret_value = f->value;
        return error;
}

int cede_future_resolve(struct cede_future *f, void *value)
{
        return cede__future_settle(f, value, 0, NULL);
}

int cede_future_fail(struct cede_future *f, int error)
{
        return error < 0 ? cede__future_settle(f, NULL, error, CEDE__CALL_SITE) : -EINVAL;
}

int cede_future_await(struct cede_future *f, void **ret_value)
{
        int r = f ? cede__future_wait(f, CEDE__CALL_SITE) : -EINVAL;

        return r < 0 ? r : cede__future_take(f, ret_value);
}

int cede_future_await_async(struct cede_future *f, struct cede_callback *callback)
{
        cede__future_wait_async(f, callback, CEDE__CALL_SITE);
        return 0;
}

static int attempt_case(struct cede_case *c, struct cede__party *me)
{
        struct cede_future *f = c->object;

        (void)me;
        if (!cede__future_done(f))
                return 0;
        c->result = cede__future_take(f, NULL);
        return 1;
}

static int enter_case(struct cede_case *c, struct cede__party *me, const void *site)
{
        struct cede_future *f = c->object;
        int r = enter(f, me, &c->waiter, site);

        if (r > 0)
                c->result = cede__future_take(f, NULL);
        return r;
}

static int granted_case(struct cede_case *c, struct cede__party *me, int result)
{
        (void)me;
        (void)result; /* which is 0 */
        return cede__future_take(c->object, NULL);
}

struct cede_case cede_future_case(struct cede_future *f)
{
        static const struct cede__case_kind done = { "future", attempt_case, enter_case,
                                                     granted_case };

        return (struct cede_case){ .kind = &done, .object = f };
}

int cede_future_result(struct cede_future *f, void **ret_value)
{
        return cede__future_done(f) ? cede__future_take(f, ret_value) : -EAGAIN;
}

bool cede_future_is_done(const struct cede_future *f)
{
        return cede__future_done(f);
}

unsigned cede_future_waiting(const struct cede_future *f)
{
        return __atomic_load_n(&f->q.waiting, __ATOMIC_RELAXED);
}

void cede_future_stats(struct cede_future *f, struct cede_future_stats *ret_stats)
{
        uintptr_t flags = cede__future_lock(f);

        *ret_stats = (struct cede_future_stats){ f->q.waiting, f->q.peak };
        cede__future_unlock(f, flags);
}

void cede_future_ignore(struct cede_future *f)
{
        cede__future_unlock(f, cede__future_lock(f) | CEDE__FUTURE_SEEN);
}

void cede_future_set_name(struct cede_future *f, const char *name)
{
        f->name = name;
}

int cede_future_init(struct cede_future *f, enum cede_order order)
{
        if (!cede__waitq_order_valid(order))
                return -EINVAL;
        *f = (struct cede_future){ 0 };
        cede__waitq_init(&f->q, order);
        return 0;
}

void cede_future_finish(struct cede_future *f)
{
        /* The acquire: whoever made it done, or has seen its error, did so on another thread. */
        uintptr_t flags = __atomic_load_n(&f->word, __ATOMIC_ACQUIRE);

        if (f->q.head)
                cede__die("future %s goes while %u wait for it; resolve or fail it first, and let "
                          "who waits have a reference",
                          f->name ? f->name : "unnamed", f->q.waiting);
        if (f->error < 0 && f->error != -ECANCELED && !(flags & CEDE__FUTURE_SEEN))
                cede__future_report(f);
}

void *cede__future_make(size_t size, const struct cede__future_kind *kind)
{
        struct cede_future *f = cede__alloc(size);

        if (f) {
                f->references = 1;
                f->kind = kind;
        }
        return f;
}

struct cede_future *cede_future_new(void)
{
        return cede__future_make(sizeof(struct cede_future), NULL);
}

struct cede_future *cede_future_ref(struct cede_future *f)
{
        if (f && __atomic_load_n(&f->references, __ATOMIC_RELAXED))
                __atomic_fetch_add(&f->references, 1, __ATOMIC_RELAXED);
        return f;
}

void cede_future_unref(struct cede_future *f)
{
        if (!f || !__atomic_load_n(&f->references, __ATOMIC_RELAXED))
                return;
        cede__step("unref", &f->references);
        /* Release: what was done with it.  Acquire: all that others did, before it is freed. */
        if (__atomic_fetch_sub(&f->references, 1, __ATOMIC_ACQ_REL) > 1)
                return;
        cede_future_finish(f);
        cede__free(f);
}
