/* SPDX-License-Identifier: MIT */
/*
 * Barrier.
 *
 * The word has two bits: BROKEN, and LOCKED while somebody works on the queue.  In the queue are
 * those who have arrived in this round, so their number is the next one's index: nobody leaves it
 * but all together, when the round is complete or broken.
 *
 *  (1) The last to arrive takes all out of the queue and claims them in one step, under the lock.
 *      The next round begins with that step: who arrives later finds the queue empty.
 *  (2) Only after the action, if there is one, they are finished; they belong to whoever has
 *      claimed them, so nothing else ends their waits meanwhile.
 *  (3) One that cannot be claimed is being cancelled.  Then the round is broken, although all have
 *      arrived, and those that were claimed get that result:
 *
 *      canceller                          the last to arrive
 *      ---------------------------------  -------------------------------------------------
 *      claim: wins
 *                                         lock; takes all out; a claim fails: BROKEN; unlock
 *      withdraw: lock; it is not linked:
 *        nothing is to be done; unlock
 *                                         finish the others with -ENOTRECOVERABLE
 *      finish(-ECANCELED)
 *
 * With the withdrawal first, it is the canceller who breaks the round, and the last one finds it
 * broken.  A barrier that was reset in between is not broken again, since the waiter of the old
 * round is not linked.
 */
#include <cede/barrier.h>

#include "base/spin.h"
#include "task/callback.h"
#include "wait/wait.h"
#include <errno.h>

enum { LOCKED = 1, BROKEN = 2 };
enum { WAITS = INT_MIN }; /* neither an index nor an error */

static uintptr_t lock(struct cede_barrier *b)
{
        return cede__spin_lock(&b->word, LOCKED);
}

static void unlock(struct cede_barrier *b, uintptr_t broken)
{
        cede__spin_unlock(&b->word, broken);
}

/* Under the lock: ends the round.  False: somebody is being cancelled. */
static bool take_all(struct cede_barrier *b, struct cede__grants *taken)
{
        struct cede__wnode *head;
        bool all = true;

        while ((head = cede__waitq_head(&b->q))) {
                struct cede__waiter *w = cede__container_of(head, struct cede__waiter, node);

                cede__waitq_grant(&b->q, head);
                if (cede__claim(w->party))
                        cede__grants_add(taken, w);
                else
                        all = false;
        }
        return all;
}

/* Each with its own index. */
static void pass(const struct cede__grants *taken)
{
        struct cede__wnode *node = taken->first;

        while (node) {
                struct cede__waiter *w = cede__container_of(node, struct cede__waiter, node);

                node = node->child; /* before finish: afterwards w is gone */
                cede__wait_grant(w, (int)w->need);
        }
}

/* Takes all out who wait, and leaves the barrier broken, or whole. */
static void send_away(struct cede_barrier *b, uintptr_t broken)
{
        struct cede__grants taken = CEDE__GRANTS_INIT(taken);

        lock(b);
        take_all(b, &taken);
        unlock(b, broken);
        cede__grants_finish(&taken, -ENOTRECOVERABLE);
}

static void withdraw(struct cede__waiter *w)
{
        struct cede__grants taken = CEDE__GRANTS_INIT(taken);
        struct cede_barrier *b = w->object;
        uintptr_t broken = lock(b);

        if (cede__waitq_linked(&w->node)) {
                cede__waitq_remove(&b->q, &w->node);
                take_all(b, &taken);
                broken = BROKEN;
        }
        unlock(b, broken);
        cede__grants_finish(&taken, -ENOTRECOVERABLE);
}

static void resort(struct cede__waiter *w)
{
        struct cede_barrier *b = w->object;
        uintptr_t broken = lock(b);

        if (cede__waitq_linked(&w->node))
                cede__waitq_resort(&b->q, &w->node, cede__party_rank(w->party));
        unlock(b, broken);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_barrier *b = w->object;

        cede__text_add(t, "%s (%u of %u arrived)", b->name ? b->name : "unnamed",
                       cede_barrier_waiting(b), b->parties);
}

static const struct cede__waitable barrier = { "barrier", withdraw, resort, describe, NULL };

/* By the last one, who holds all others. */
static int act(struct cede_barrier *b, int (*action)(void *arg), int index)
{
        struct cede__grants next = CEDE__GRANTS_INIT(next); /* came meanwhile, if it fails */
        int r = action(b->arg);
        uintptr_t broken = lock(b);

        b->acting--;
        if (r < 0) {
                take_all(b, &next);
                broken = BROKEN;
        }
        unlock(b, broken);
        cede__grants_finish(&next, -ENOTRECOVERABLE);
        return r < 0 ? r : index;
}

/* An index: the round is complete; WAITS: it is queued; -errno: neither, the barrier is broken. */
static int arrive(struct cede_barrier *b, struct cede__party *me, struct cede__waiter *w,
                  const void *site)
{
        struct cede__grants taken = CEDE__GRANTS_INIT(taken);
        int cancel = cede__cancelled(me), r;
        int (*action)(void *arg) = NULL;
        uintptr_t broken;

        if (!b->parties)
                return -EINVAL;
        broken = lock(b);
        r = (int)b->q.waiting;
        if (cancel == -ECANCELED)
                r = cancel;
        else if (broken)
                r = -ENOTRECOVERABLE;
        else if ((uint32_t)r + 1 < b->parties && cancel)
                r = cancel; /* the deadline has passed */

        if (r >= 0 && (uint32_t)r + 1 < b->parties) {
                cede__wait_begin(w, me, &barrier, b, r, site);
                cede__waitq_insert(&b->q, &w->node, cede__party_rank(me));
                cede__waitq_stay(&b->q);
                unlock(b, 0);
                return WAITS;
        }
        if (!take_all(b, &taken) && r >= 0)
                r = -ENOTRECOVERABLE;
        if (r >= 0) {
                action = b->action;
                b->acting += action != NULL;
                b->rounds++;
        }
        unlock(b, r < 0 ? BROKEN : 0);
        if (action)
                r = act(b, action, r);
        if (r < 0)
                cede__grants_finish(&taken, -ENOTRECOVERABLE);
        else
                pass(&taken);
        return r;
}

int cede_barrier_wait(struct cede_barrier *b)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r = arrive(b, me, &w, CEDE__CALL_SITE);

        return r == WAITS ? cede__wait(me) : r;
}

int cede_barrier_wait_async(struct cede_barrier *b, struct cede_callback *callback)
{
        struct cede__party *party = cede__callback_begin(callback);
        int r = arrive(b, party, &callback->waiter, CEDE__CALL_SITE);

        if (r >= 0) {
                cede__wait_finish(party, r);
        } else if (r != WAITS) {
                cede__callback_refused(callback);
                return r;
        }
        return 0;
}

void cede_barrier_abort(struct cede_barrier *b)
{
        send_away(b, BROKEN);
}

void cede_barrier_reset(struct cede_barrier *b)
{
        send_away(b, 0);
}

int cede_barrier_init(struct cede_barrier *b, long parties, enum cede_order order)
{
        if (parties < 1 || parties > INT_MAX || !cede__waitq_order_valid(order))
                return -EINVAL;
        *b = (struct cede_barrier){ .parties = (uint32_t)parties };
        cede__waitq_init(&b->q, order);
        return 0;
}

void cede_barrier_finish(struct cede_barrier *b)
{
        if (b->q.head || b->acting)
                cede__die("barrier %s is finished while %u wait at it, or its action runs; abort "
                          "it and join them first",
                          b->name ? b->name : "unnamed", b->q.waiting);
}

void cede_barrier_set_name(struct cede_barrier *b, const char *name)
{
        b->name = name;
}

void cede_barrier_set_action(struct cede_barrier *b, int (*action)(void *arg), void *arg)
{
        b->action = action;
        b->arg = arg;
}

bool cede_barrier_is_broken(const struct cede_barrier *b)
{
        return __atomic_load_n(&b->word, __ATOMIC_ACQUIRE) & BROKEN;
}

unsigned cede_barrier_waiting(const struct cede_barrier *b)
{
        return __atomic_load_n(&b->q.waiting, __ATOMIC_RELAXED);
}

void cede_barrier_stats(struct cede_barrier *b, struct cede_barrier_stats *ret_stats)
{
        uintptr_t broken = lock(b);

        *ret_stats = (struct cede_barrier_stats){ b->q.waiting, b->q.peak, b->rounds };
        unlock(b, broken);
}
