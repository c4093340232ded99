/* SPDX-License-Identifier: MIT */
/*
 * Waiting for any one of several objects.
 *
 * One party, one cell, one wait; but a waiter in each object's queue.  Whoever grants one of them
 * claims the cell, as ever, so only one can.  To the others the party then looks like one that is
 * being cancelled: their granters cannot claim it, take its waiter out, and try the next one.
 *
 *      releaser of A                releaser of B              the party
 *      ---------------------------  -------------------------  -------------------------------
 *                                                              cell = WAITING; enter A; enter B
 *      lock A; the head is ours;
 *        claim: wins; unlink
 *                                   lock B; the head is ours;
 *                                     claim: fails; unlink it,
 *                                     grant the next; unlock
 *      finish: DONE
 *                                                              wakes; `granted` says A
 *                                                              lock B; unlink if still linked;
 *                                                                grant whom it stood in the way
 *
 *  (1) A grant may come while the party is still entering the next object.  It goes on to enter it,
 *      with a waiter that nobody can claim, and finds its wait over when it blocks.
 *  (2) The party does not return, nor wait again, before it has taken its waiters out of all the
 *      queues, under their locks.  So nobody claims a later wait of it by means of an old waiter.
 *  (3) Which one was granted is noted in its waiter by whoever claimed it, before it finishes: only
 *      one does.  If none was, it was a cancellation.
 *  (4) A canceller takes the waiters out in the same way, at once, so that those behind it do not
 *      wait until it runs.  If the party is a thread, it may still be entering: then the canceller
 *      sees those before `entered`, and the thread takes out the rest, before it returns.
 *
 * A time is the deadline of a scope around the wait.
 */
#include "sync/any.h"
#include <cede/scope.h>
#include <cede/time.h>
#include <errno.h>
#include <limits.h>

struct any {
        struct cede__waiter waiter; /* in no queue: the party's wait */
        struct cede_case *cases;
        unsigned entered; /* atomic: so many may be in a queue */
};

static unsigned entered(const struct any *any)
{
        return __atomic_load_n(&any->entered, __ATOMIC_ACQUIRE); /* pairs with enter_all */
}

/* Takes all but one out of their queues. */
static void leave(struct any *any, const struct cede_case *taken)
{
        for (unsigned i = 0; i < entered(any); i++) {
                struct cede__waiter *w = &any->cases[i].waiter;

                if (any->cases[i].kind->enter && &any->cases[i] != taken)
                        w->kind->withdraw(w);
        }
}

static void withdraw(struct cede__waiter *w)
{
        leave(cede__container_of(w, struct any, waiter), NULL);
}

static void resort(struct cede__waiter *all)
{
        struct any *any = cede__container_of(all, struct any, waiter);

        for (unsigned i = 0; i < entered(any); i++) {
                struct cede__waiter *w = &any->cases[i].waiter;

                if (any->cases[i].kind->enter && w->kind->resort)
                        w->kind->resort(w);
        }
}

static void describe(const struct cede__waiter *all, struct cede__text *t)
{
        const struct any *any = cede__container_of(all, struct any, waiter);

        for (unsigned i = 0; i < entered(any); i++) {
                const struct cede_case *c = &any->cases[i];

                cede__text_add(t, "%s%s", i ? ", " : "", c->kind->name);
                if (c->kind->enter) {
                        cede__text_add(t, " ");
                        c->waiter.kind->describe(&c->waiter, t);
                }
        }
}

static const struct cede__waitable any_of = { "any of", withdraw, resort, describe, NULL };

/* A time */

static int time_has_come(struct cede_case *c, struct cede__party *me)
{
        (void)me;
        return cede_now() >= c->need;
}

static const struct cede__case_kind a_time = { "a time", time_has_come, NULL, NULL };

struct cede_case cede_time_case(int64_t t)
{
        return (struct cede_case){ .kind = &a_time, .need = t };
}

static struct cede_case *earliest(struct cede_case *cases, unsigned count)
{
        struct cede_case *first = NULL;

        for (unsigned i = 0; i < count; i++)
                if (!cases[i].kind->enter && (!first || cases[i].need < first->need))
                        first = &cases[i];
        return first && first->need != CEDE_NEVER ? first : NULL;
}

/* Taking one */

/* The index of one that could be taken at once; -EAGAIN: none can. */
static int attempt(struct cede_case *cases, unsigned count, struct cede__party *me)
{
        if (count < 1 || count > INT_MAX)
                return -EINVAL;
        for (unsigned i = 0; i < count; i++) {
                int r = cases[i].kind->attempt(&cases[i], me);

                if (r)
                        return r < 0 ? r : (int)i;
        }
        return -EAGAIN;
}

/* 1: *ret_taken was taken at once, and the wait is forgotten; else as enter. */
static int enter_all(struct any *any, unsigned count, struct cede__party *me,
                     struct cede_case **ret_taken, const void *site)
{
        for (unsigned i = 0; i < count; i++) {
                struct cede_case *c = &any->cases[i];
                int r = c->kind->enter ? c->kind->enter(c, me, site) : 0;

                if (r > 0) {
                        cede__wait_forget(me);
                        *ret_taken = c;
                }
                if (r)
                        return r;
                __atomic_store_n(&any->entered, i + 1, __ATOMIC_RELEASE);
        }
        return 0;
}

/* An object refused: ends the wait.  False: another object, or a canceller, has ended it. */
static bool give_up(struct cede__party *me)
{
        bool over = __atomic_load_n(&me->cell, __ATOMIC_RELAXED) == CEDE__IDLE; /* by the object */

        if (!over && !cede__claim(me))
                return false;
        cede__wait_forget(me);
        return true;
}

static struct cede_case *granted(const struct any *any)
{
        for (unsigned i = 0; i < entered(any); i++)
                if (any->cases[i].kind->enter && any->cases[i].waiter.granted)
                        return &any->cases[i];
        return NULL;
}

static int wait_once(struct cede_case *cases, unsigned count, struct cede__party *me,
                     const void *site)
{
        struct any any = { .cases = cases };
        struct cede_case *taken = NULL;
        int r;

        cede__wait_begin(&any.waiter, me, &any_of, NULL, count, site);
        r = enter_all(&any, count, me, &taken, site);
        if (r == 0 || (r < 0 && !give_up(me))) {
                r = cede__wait(me);
                taken = granted(&any);
                if (taken)
                        taken->result =
                                taken->kind->granted ? taken->kind->granted(taken, me, r) : r;
        }
        leave(&any, taken);
        return taken ? (int)(taken - cases) : r;
}

/* A case that was nudged has got nothing, and the others may have passed over the party. */
static int wait_any(struct cede_case *cases, unsigned count, struct cede__party *me,
                    const void *site)
{
        int r;

        do
                r = wait_once(cases, count, me, site);
        while (r >= 0 && cases[r].result == CEDE__NUDGED);
        return r;
}

/* The same, until a time comes. */
static int wait_until(struct cede_case *cases, unsigned count, struct cede__party *me,
                      struct cede_case *time, const void *site)
{
        struct cede_scope scope;
        int r;

        cede_scope_open_with(&scope, &(struct cede_scope_options){ .deadline = time->need });
        r = wait_any(cases, count, me, site);
        if (cede_scope_close(&scope, r < 0 ? r : 0) != -ETIMEDOUT || r >= 0)
                return r < 0 && cede__cancelled(me) ? cede__cancelled(me) : r;
        if (cede__cancelled(me))
                return cede__cancelled(me); /* the caller's deadline has passed as well */
        time->result = 0;
        return (int)(time - cases);
}

int cede_wait_any(struct cede_case *cases, unsigned count)
{
        struct cede__party *me = cede__party_here();
        struct cede_case *time;
        int r;

        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        r = attempt(cases, count, me);
        if (r != -EAGAIN)
                return r;
        if (cede__cancelled(me))
                return cede__cancelled(me);
        if (!me->kind->may_block)
                me->kind->block(me); /* says so */
        time = earliest(cases, count);
        return time ? wait_until(cases, count, me, time, CEDE__CALL_SITE) :
                      wait_any(cases, count, me, CEDE__CALL_SITE);
}

int cede_try_any(struct cede_case *cases, unsigned count)
{
        return attempt(cases, count, cede__party_here());
}
