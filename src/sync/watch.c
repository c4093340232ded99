/* SPDX-License-Identifier: MIT */
/*
 * Watch.
 *
 * The word has two bits: CLOSED, and LOCKED while somebody works on the value or the queue.
 * Whoever is queued has seen the latest version, since all others pass at once; so a set, which
 * makes a newer one, takes all out of the queue in the same step, and so does closing.
 *
 *      reader                                 writer
 *      -------------------------------------  ----------------------------------------
 *      get: lock; copy, version 7; unlock
 *                                             lock; copy, version 8; nobody is queued;
 *                                               unlock
 *      wait(7): lock; 8 is newer: passes
 *
 * A waiter is told that there is something newer, and reads it when it runs: by then it may have
 * changed again, and it gets the latest.  Nothing of the watch is touched on its behalf after it
 * was granted.
 */
#include <cede/watch.h>

#include "base/spin.h"
#include "sync/any.h"
#include "task/callback.h"
#include "wait/wait.h"
#include <errno.h>
#include <string.h>

enum { LOCKED = 1, CLOSED = 2 };
enum { PASSES = 1 };

static uintptr_t lock(struct cede_watch *w)
{
        return cede__spin_lock(&w->word, LOCKED);
}

static void unlock(struct cede_watch *w, uintptr_t closed)
{
        cede__spin_unlock(&w->word, closed);
}

static void withdraw(struct cede__waiter *waiter)
{
        struct cede_watch *w = waiter->object;
        uintptr_t closed = lock(w);

        if (cede__waitq_linked(&waiter->node))
                cede__waitq_remove(&w->q, &waiter->node);
        unlock(w, closed);
}

static void resort(struct cede__waiter *waiter)
{
        struct cede_watch *w = waiter->object;
        uintptr_t closed = lock(w);

        if (cede__waitq_linked(&waiter->node))
                cede__waitq_resort(&w->q, &waiter->node, cede__party_rank(waiter->party));
        unlock(w, closed);
}

static void describe(const struct cede__waiter *waiter, struct cede__text *t)
{
        const struct cede_watch *w = waiter->object;

        cede__text_add(t, "%s (%u waiting)", w->name ? w->name : "unnamed", cede_watch_waiting(w));
}

static const struct cede__waitable watch = { "watch", withdraw, resort, describe, NULL };

/* Under the lock: how a wait ends at once; 0: it does not. */
static int outcome(const struct cede_watch *w, uint64_t seen, uintptr_t closed)
{
        return seen > w->version ? -EINVAL : seen < w->version ? PASSES : closed ? -EPIPE : 0;
}

/*
 * PASSES or -EPIPE: that is so, and the party has claimed its wait; 0: it is queued; another
 * -errno: neither.
 */
static int enter(struct cede_watch *w, uint64_t seen, struct cede__party *me,
                 struct cede__waiter *waiter, const void *site)
{
        uintptr_t closed;
        int r;

        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        closed = lock(w);
        r = outcome(w, seen, closed);
        if (r == -EINVAL) {
                unlock(w, closed);
                return r;
        }
        cede__wait_begin(waiter, me, &watch, w, 0, site);
        if (r && cede__claim(me)) {
                ; /* as it is */
        } else if (cede__cancelled(me) && cede__claim(me)) {
                r = cede__cancelled(me); /* the deadline has passed */
                cede__wait_forget(me);
        } else {
                cede__waitq_insert(&w->q, &waiter->node, cede__party_rank(me));
                cede__waitq_stay(&w->q);
                r = 0;
        }
        unlock(w, closed);
        return r;
}

int cede_watch_wait(struct cede_watch *w, uint64_t seen)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter waiter;
        int r = enter(w, seen, me, &waiter, CEDE__CALL_SITE);

        if (r == 0)
                return cede__wait(me);
        if (r == PASSES || r == -EPIPE)
                cede__wait_forget(me);
        return r < 0 ? r : 0;
}

int cede_watch_wait_async(struct cede_watch *w, uint64_t seen, struct cede_callback *callback)
{
        struct cede__party *party = cede__callback_begin(callback);
        int r = enter(w, seen, party, &callback->waiter, CEDE__CALL_SITE);

        if (r == PASSES)
                cede__wait_finish(party, 0);
        if (r < 0)
                cede__callback_refused(callback);
        return r < 0 ? r : 0;
}

static int attempt_case(struct cede_case *c, struct cede__party *me)
{
        struct cede_watch *w = c->object;
        uintptr_t closed = lock(w);
        int r = outcome(w, (uint64_t)c->need, closed);

        (void)me;
        unlock(w, closed);
        c->result = r == -EPIPE ? r : 0;
        return r == -EPIPE ? PASSES : r;
}

static int enter_case(struct cede_case *c, struct cede__party *me, const void *site)
{
        int r = enter(c->object, (uint64_t)c->need, me, &c->waiter, site);

        c->result = r == -EPIPE ? r : 0;
        return r == -EPIPE ? PASSES : r;
}

struct cede_case cede_watch_case(struct cede_watch *w, uint64_t seen)
{
        static const struct cede__case_kind newer = { "watch", attempt_case, enter_case, NULL };

        return (struct cede_case){ .kind = &newer, .object = w, .need = (int64_t)seen };
}

/* Under the lock, which it drops: all who wait go on, with this result. */
static void wake_all(struct cede_watch *w, uintptr_t closed, int result)
{
        struct cede__grants woken = CEDE__GRANTS_INIT(woken);
        struct cede__wnode *head;

        while ((head = cede__waitq_head(&w->q))) {
                struct cede__waiter *waiter = cede__container_of(head, struct cede__waiter, node);

                cede__waitq_grant(&w->q, head);
                if (cede__claim(waiter->party))
                        cede__grants_add(&woken, waiter);
        }
        unlock(w, closed);
        cede__grants_finish(&woken, result);
}

int cede_watch_set(struct cede_watch *w, const void *value)
{
        if (!value && w->size)
                return -EINVAL;
        if (lock(w)) {
                unlock(w, CLOSED);
                return -EPIPE;
        }
        if (w->size)
                memcpy(w->value, value, w->size);
        w->version++;
        wake_all(w, 0, 0);
        return 0;
}

uint64_t cede_watch_get(struct cede_watch *w, void *ret_value)
{
        uintptr_t closed = lock(w);
        uint64_t version = w->version;

        if (ret_value && w->size)
                memcpy(ret_value, w->value, w->size);
        unlock(w, closed);
        return version;
}

void cede_watch_close(struct cede_watch *w)
{
        lock(w);
        wake_all(w, CLOSED, -EPIPE);
}

int cede_watch_init(struct cede_watch *w, void *value, size_t size, enum cede_order order)
{
        if ((size && !value) || !cede__waitq_order_valid(order))
                return -EINVAL;
        *w = (struct cede_watch){ .value = value, .size = size };
        cede__waitq_init(&w->q, order);
        return 0;
}

void cede_watch_finish(struct cede_watch *w)
{
        if (w->q.head)
                cede__die("watch %s is finished while %u wait for a change; close it and join them "
                          "first",
                          w->name ? w->name : "unnamed", w->q.waiting);
}

void cede_watch_set_name(struct cede_watch *w, const char *name)
{
        w->name = name;
}

bool cede_watch_is_closed(const struct cede_watch *w)
{
        return __atomic_load_n(&w->word, __ATOMIC_ACQUIRE) & CLOSED;
}

unsigned cede_watch_waiting(const struct cede_watch *w)
{
        return __atomic_load_n(&w->q.waiting, __ATOMIC_RELAXED);
}

void cede_watch_stats(struct cede_watch *w, struct cede_watch_stats *ret_stats)
{
        uintptr_t closed = lock(w);

        *ret_stats = (struct cede_watch_stats){ w->version, w->q.waiting, w->q.peak };
        unlock(w, closed);
}
