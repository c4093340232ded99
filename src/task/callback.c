/* SPDX-License-Identifier: MIT */
/*
 * Callbacks as parties.
 *
 * A callback is a fiber without a stack: granted, it goes into its loop's ready queue like a task,
 * and when its turn comes, it is called on the stack of whoever is about to switch.  It has no
 * scope, so nobody cancels it but cede_callback_cancel, which needs no lock: its waiter does not
 * move.
 */
#include "task/callback.h"
#include "task/run.h"
#include <errno.h>

/* What a callback is in: never cancelled, without a deadline. */
static struct cede_scope nowhere = { .due = CEDE_NEVER, .deadline = CEDE_NEVER };

static struct cede_callback *callback_of(struct cede__party *party)
{
        return cede__container_of(cede__fiber_of(party), struct cede_callback, fiber);
}

static void block(struct cede__party *party)
{
        (void)party;
        cede__die("a callback has to wait; use the functions for callbacks (_async), or spawn "
                  "a task");
}

static void finish(struct cede__party *party, int result)
{
        struct cede_callback *c = callback_of(party);

        if (!c->post) {
                cede__fiber_finish(party, result);
                return;
        }
        party->result = result;
        cede__step("finish", &party->cell);
        /* pairs with the acquire in cancel; what post does publishes it to the other thread */
        __atomic_store_n(&party->cell, CEDE__DONE, __ATOMIC_RELEASE);
        c->post(c);
}

const struct cede__party_kind cede__callback_party = { block, finish, false, false };

struct cede__party *cede__callback_begin(struct cede_callback *c)
{
        struct cede__loop *loop = cede__loop_here;

        if (!c->fn)
                cede__die("a callback waits that has no function");
        if (!loop && !c->post)
                cede__die("a callback waits outside of a run: give it a post function");
        c->fiber = (struct cede__fiber){ .loop = c->post ? NULL : loop,
                                         .stack_class = CEDE__STACKLESS };
        c->fiber.party.kind = &cede__callback_party;
        c->fiber.party.priority = c->priority;
        c->fiber.party.scope = &nowhere;
        if (!c->post)
                atomic_fetch_add_explicit(&loop->callbacks, 1, memory_order_relaxed);
        return &c->fiber.party;
}

/* It is the caller's again. */
static void over(struct cede_callback *c)
{
        __atomic_store_n(&c->fiber.party.cell, CEDE__IDLE, __ATOMIC_RELAXED);
        if (c->fiber.loop)
                atomic_fetch_sub_explicit(&c->fiber.loop->callbacks, 1, memory_order_release);
}

void cede__callback_refused(struct cede_callback *c)
{
        over(c);
}

/* fn may free the callback, so nothing of it is touched afterwards. */
void cede_callback_run(struct cede_callback *c)
{
        struct cede__party *before = cede__self;
        struct cede__party me = { .kind = &cede__callback_party, .scope = &nowhere };
        int result;

        if (__atomic_load_n(&c->fiber.party.cell, __ATOMIC_ACQUIRE) != CEDE__DONE)
                cede__die("cede_callback_run is called for a callback that was not granted");
        result = c->fiber.party.result; /* after the acquire */
        over(c);
        cede__self = &me; /* so that waiting in fn is noticed */
        c->fn(c, result);
        cede__party_abandon(&me); /* what fn has locked by itself, and kept */
        cede__self = before;
}

void cede__callback_call(struct cede__fiber *fiber)
{
        cede_callback_run(callback_of(&fiber->party));
}

int cede_callback_cancel(struct cede_callback *c)
{
        if (!cede__claim_from(&c->fiber.party, CEDE__WAITING))
                return -EALREADY;
        c->waiter.kind->withdraw(&c->waiter);
        over(c);
        return 0;
}
