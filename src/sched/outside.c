/* SPDX-License-Identifier: MIT */
/*
 * Sleeping by a virtual clock on a thread that is not the loop's.
 *
 * The clock stands still while outside work is awake.  So the sleeper tells the loop, which from
 * then on counts it as asleep and sets the timer, in one step of its own thread; when the timer
 * fires, it counts as awake again before it is woken.  At no moment can time move past what the
 * thread is yet to do at the present one.
 */
#include "base/futex.h"
#include "sched/loop.h"

struct sleeper {
        struct cede__post post;
        struct cede__timer timer;
        struct cede__loop *loop;
        int64_t until;
        _Atomic uint32_t over;
};

static void fire(struct cede__timer *timer)
{
        struct sleeper *s = cede__container_of(timer, struct sleeper, timer);

        s->loop->outside_asleep--;
        atomic_store_explicit(&s->over, 1, memory_order_release); /* pairs with the load below */
        cede__futex_wake(&s->over); /* only the address is used: the sleeper may be gone */
}

static void start(struct cede__post *post)
{
        struct sleeper *s = cede__container_of(post, struct sleeper, post);

        s->loop->outside_asleep++;
        cede__timer_set(&s->loop->timers, &s->timer, s->until);
}

void cede__loop_sleep_outside(struct cede__loop *loop, int64_t t)
{
        struct sleeper s = { .post.run = start, .timer.fire = fire, .loop = loop, .until = t };

        cede__loop_post(loop, &s.post);
        while (!atomic_load_explicit(&s.over, memory_order_acquire))
                cede__futex_wait(&s.over, 0, CEDE_NEVER);
}
