/* SPDX-License-Identifier: MIT */
/*
 * Work that other threads do for a loop's tasks: what is counted, and sleeping by a virtual clock
 * on a thread that is not the loop's.
 *
 * The clock stands still while outside work is awake.  So the sleeper tells the loop, which from
 * then on counts it as asleep and sets the timer, in one step of its own thread; when the timer
 * fires, it counts as awake again before it is woken.  At no moment can time move past what the
 * thread is yet to do at the present one.
 */
#include "base/alloc.h"
#include "base/futex.h"
#include "sched/loop.h"

struct sleeper {
        struct cede__post post;
        struct cede__timer timer;
        struct cede__outside *outside;
        int64_t until;
        _Atomic uint32_t over;
};

_Thread_local struct cede__outside *cede__outside_served;

struct cede__outside *cede__outside_enter(struct cede__loop *loop, const void *crew,
                                          unsigned threads)
{
        struct cede__outside *o = loop->outside.next;

        while (o && o->crew != crew)
                o = o->next;
        if (!o) {
                o = cede__alloc(sizeof(*o));
                if (!o)
                        return NULL;
                o->loop = loop;
                o->crew = crew;
                o->threads = threads;
                o->next = loop->outside.next;
                loop->outside.next = o;
        }
        o->pieces++;
        return o;
}

void cede__outside_leave(struct cede__outside *outside)
{
        struct cede__outside **link = &outside->loop->outside.next;

        if (--outside->pieces)
                return;
        while (*link != outside)
                link = &(*link)->next;
        *link = outside->next;
        cede__free(outside);
}

/* Of each crew no more are under way than it has threads; the others wait for those. */
static bool awake(const struct cede__outside *first)
{
        for (const struct cede__outside *o = first; o; o = o->next)
                if ((o->pieces < o->threads ? o->pieces : o->threads) > o->asleep)
                        return true;
        return false;
}

bool cede__loop_outside_awake(const struct cede__loop *loop)
{
        return awake(&loop->outside);
}

bool cede__pools_awake(const struct cede__loop *loop)
{
        return awake(loop->outside.next);
}

static void fire(struct cede__timer *timer)
{
        struct sleeper *s = cede__container_of(timer, struct sleeper, timer);

        s->outside->asleep--;
        atomic_store_explicit(&s->over, 1, memory_order_release); /* pairs with the load below */
        cede__futex_wake(&s->over); /* only the address is used: the sleeper may be gone */
}

static void start(struct cede__post *post)
{
        struct sleeper *s = cede__container_of(post, struct sleeper, post);

        s->outside->asleep++;
        cede__timer_set(&s->outside->loop->timers, &s->timer, s->until);
}

void cede__outside_sleep(struct cede__outside *outside, int64_t t)
{
        struct sleeper s = {
                .post.run = start, .timer.fire = fire, .outside = outside, .until = t
        };

        cede__loop_post(outside->loop, &s.post);
        while (!atomic_load_explicit(&s.over, memory_order_acquire))
                cede__futex_wait(&s.over, 0, CEDE_NEVER);
}
