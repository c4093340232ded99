/* SPDX-License-Identifier: MIT */
#include "sched/loop.h"
#include "arch/context.h"
#include "base/chooser.h"
#include "base/clock.h"

_Thread_local struct cede__loop *cede__loop_here;

/* Where a suspended fiber goes on: its registers, the library's frames, and its own. */
enum { HOT_FRAMES = 192 };

/* Turns for which the stacks are touched together. */
enum { AHEAD = 16 };

/* After so many turns of others those that found no stack try again. */
enum { PATIENCE = 64 };

static struct cede__sanity *sanity_of(struct cede__fiber *fiber)
{
        return fiber->stack ? &fiber->stack->sanity : &fiber->loop->native;
}

static struct cede__fiber *pop(struct cede__fibers *q, struct cede__fiber **link)
{
        struct cede__fiber *fiber = *link;

        *link = fiber->next;
        if (q->last == &fiber->next)
                q->last = link;
        return fiber;
}

static CEDE__NOINLINE struct cede__fiber *pick_slowly(struct cede__loop *loop)
{
        struct cede__fiber **link = &loop->ready.first;

        if (loop->turns == 0 || atomic_load_explicit(&loop->knock, memory_order_relaxed))
                cede__loop_poll(loop);
        if (loop->shared)
                loop->hooks->find(loop);
        if (!*link)
                cede__loop_idle(loop);
        else if (cede__loop_turns(loop) - loop->refused_at > PATIENCE)
                cede__loop_feed(loop); /* not each time they have just been refused */
        if (cede__chooser) {
                unsigned n = 0;

                for (struct cede__fiber *f = *link; f; f = f->next)
                        n++;
                if (n > 1)
                        for (n = cede__chooser->choose(cede__chooser, CEDE__CHOOSE_READY, n); n;
                             n--)
                                link = &(*link)->next;
        }
        return pop(&loop->ready, link);
}

/*
 * The next fiber in turn, waiting for one if need be.  With a chooser every turn takes the slow
 * way.
 */
static inline struct cede__fiber *pick(struct cede__loop *loop)
{
        unsigned left = loop->turns - 1;

        __atomic_store_n(&loop->turns, left, __ATOMIC_RELAXED); /* the watchdog reads it */
        if (cede__unlikely(left == 0 || !loop->ready.first ||
                           atomic_load_explicit(&loop->knock, memory_order_relaxed)))
                return pick_slowly(loop);
        return pop(&loop->ready, &loop->ready.first);
}

/* Makes sure that the fiber can be switched to.  False: there is no stack, so it has to wait. */
static bool bind(struct cede__loop *loop, struct cede__fiber *fiber)
{
        if (fiber->context)
                return true;
        if (fiber->stack_class == CEDE__STACKLESS) {
                loop->hooks->call(fiber);
                return false;
        }
        fiber->stack = cede__stack_take(&loop->stacks, fiber->stack_class);
        if (!fiber->stack) {
                cede__fibers_push(&loop->starved, fiber);
                loop->refused_at = cede__loop_turns(loop);
                return false;
        }
        loop->refusals = 0;
        cede__sanity_renew(&fiber->stack->sanity);
        fiber->context = cede__context_make(fiber->stack->low, fiber->stack->usable,
                                            loop->hooks->bottom, loop);
        return true;
}

CEDE__NOINLINE struct cede__fiber *cede__loop_succeed_slowly(struct cede__loop *loop,
                                                             struct cede__stack *stack)
{
        struct cede__fiber *next;

        cede__self = NULL;
        cede__loop_feed(loop); /* there is this stack */
        do {
                next = pick(loop);
                if (!next->context && next->stack_class == stack->size_class) {
                        next->stack = stack;
                        next->context = stack; /* anything but NULL: it has started */
                        cede__self = &next->party;
                        return next;
                }
        } while (!bind(loop, next));
        return next;
}

/* Touches what the fibers that are next will need of their stacks; see stack/stack.h. */
static CEDE__NOINLINE void look_ahead(const struct cede__loop *loop)
{
        const struct cede__fiber *fiber = loop->ready.first;
        const char *contexts[AHEAD];
        unsigned n = 0;

        for (; n < AHEAD && fiber && fiber->context; n++) {
                contexts[n] = fiber->context;
                cede__touch(contexts[n]);
                fiber = fiber->next;
        }
        while (n-- > 0)
                cede__prefetch(contexts[n], 64, HOT_FRAMES - 64);
}

/* Still running on `stack`, but from here to the switch nobody takes one. */
void cede__loop_quit(struct cede__loop *loop, struct cede__stack *stack, struct cede__fiber *next)
{
        if (cede__stack_pool_is_large(&loop->stacks)) {
                if (loop->turns % AHEAD == 0)
                        look_ahead(loop);
        } else if (next->next) {
                cede__prefetch(next->next->context, 0, HOT_FRAMES);
        }
        cede__stack_give(&loop->stacks, stack);
        cede__loop_feed(loop);
        cede__self = &next->party;
        cede__sanity_leave(&stack->sanity, sanity_of(next), true);
        cede__context_switch(&loop->gone, next->context);
}

static inline void give_way(struct cede__fiber *me, struct cede__fiber *next, bool is_fresh)
{
        if (next == me)
                return;
        cede__self = &next->party;
        cede__sanity_leave(sanity_of(me), sanity_of(next), false);
        if (is_fresh)
                cede__context_begin(&me->context, next->context);
        else
                cede__context_switch(&me->context, next->context);
        cede__sanity_arrive(sanity_of(me), false);
}

static CEDE__NOINLINE void suspend_slowly(struct cede__fiber *me)
{
        struct cede__fiber *next;
        bool is_fresh;

        do {
                next = pick(me->loop);
                is_fresh = !next->context;
        } while (!bind(me->loop, next));
        give_way(me, next, is_fresh);
}

/* Most often the next one is ready to be switched to: that is all in this function then. */
void cede__loop_suspend(struct cede__fiber *me)
{
        struct cede__loop *loop = me->loop;
        struct cede__fiber *next = loop->ready.first;
        unsigned left = loop->turns - 1;

        if (cede__unlikely(!next || !next->context || !left ||
                           atomic_load_explicit(&loop->knock, memory_order_relaxed))) {
                suspend_slowly(me);
                return;
        }
        __atomic_store_n(&loop->turns, left, __ATOMIC_RELAXED);
        loop->ready.first = next->next;
        if (!next->next)
                loop->ready.last = &loop->ready.first;
        give_way(me, next, false);
}

static void ready_posted(struct cede__post *post)
{
        struct cede__waiter *w = cede__container_of(post, struct cede__waiter, post);
        struct cede__fiber *fiber = cede__fiber_of(w->party);

        cede__loop_ready(fiber->loop, fiber);
}

/* The fiber cannot run before it was appended to the ready queue, so its waiter is still there. */
void cede__fiber_finish(struct cede__party *party, int result)
{
        struct cede__fiber *fiber = cede__fiber_of(party);
        struct cede__waiter *w = party->waiter;

        party->result = result;
        __atomic_store_n(&party->cell, CEDE__DONE, __ATOMIC_RELAXED);
        if (cede__likely(fiber->loop == cede__loop_here)) {
                cede__loop_ready(fiber->loop, fiber);
        } else {
                /* What was written so far is published with the post. */
                w->post.run = ready_posted;
                cede__loop_post(fiber->loop, &w->post);
        }
}

bool cede__loop_drain(struct cede__loop *loop)
{
        cede__loop_poll(loop);
        while (loop->ready.first) {
                struct cede__fiber *fiber = pop(&loop->ready, &loop->ready.first);

                if (fiber->stack_class != CEDE__STACKLESS) {
                        cede__fibers_push(&loop->ready, fiber);
                        return false;
                }
                loop->hooks->call(fiber);
                cede__loop_poll(loop);
        }
        return true;
}

uint64_t cede__loop_turns(const struct cede__loop *loop)
{
        return __atomic_load_n(&loop->turns_before, __ATOMIC_RELAXED) -
               __atomic_load_n(&loop->turns, __ATOMIC_RELAXED);
}

void cede__loop_init(struct cede__loop *loop, const struct cede__loop_hooks *hooks, bool is_virtual)
{
        loop->hooks = hooks;
        loop->is_virtual = is_virtual;
        loop->turns = 1;
        loop->turns_before = 1;
        loop->outside.loop = loop;
        cede__fibers_init(&loop->ready);
        cede__fibers_init(&loop->starved);
        cede__timers_init(&loop->timers, is_virtual ? 0 : cede__clock_now());
}

void cede__loop_finish(struct cede__loop *loop)
{
        cede__loop_unbell(loop);
        cede__stack_pool_finish(&loop->stacks);
}

void cede__loop_enter(struct cede__loop *loop, struct cede__fiber *main)
{
        cede__sanity_native(&loop->native);
        main->context = main; /* anything but NULL: it has started */
        cede__loop_here = loop;
        cede__self = &main->party;
}

void cede__loop_leave(void)
{
        cede__self = NULL;
        cede__loop_here = NULL;
}
