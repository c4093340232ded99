/* SPDX-License-Identifier: MIT */
/*
 * Where the loop meets the outside world: posts, signals, time, and sleeping when there is
 * nothing.
 */
#include "base/chooser.h"
#include "base/clock.h"
#include "base/futex.h"
#include "sched/loop.h"

/* On the real clock, timers and time are looked at after this many turns, if not before. */
enum { TURNS = 64 };

/*
 * When no stack could be had: how long until the next try, and how many before giving up; more if
 * somebody else may still end, and give back his.
 */
enum { HUNGRY_PAUSE = 10 * 1000 * 1000, HUNGRY_TURNS = 100, HUNGRY_LONG = 1000 };

void cede__loop_knock(struct cede__loop *loop, uintptr_t flag)
{
        cede__step("knock", cede__futex_low(&loop->knock));
        /* seq_cst: what was prepared before is seen by the loop that sees the flag */
        if (atomic_fetch_or(&loop->knock, flag) & CEDE__KNOCK_SLEEPING)
                cede__loop_wake(loop);
}

void cede__loop_post(struct cede__loop *loop, struct cede__post *post)
{
        uintptr_t seen = atomic_load_explicit(&loop->knock, memory_order_relaxed), flags;
        bool waking = false;

        cede__step("post", cede__futex_low(&loop->knock));
        do {
                flags = seen & CEDE__KNOCK_FLAGS;
                post->next = (struct cede__post *)(seen - flags);
                if (flags & CEDE__KNOCK_SLEEPING && !waking) {
                        __atomic_add_fetch(&loop->waking, 1, __ATOMIC_SEQ_CST);
                        waking = true;
                }
        } while (!atomic_compare_exchange_weak(&loop->knock, &seen, (uintptr_t)post | flags));
        /* From here on the loop may be gone, unless it has been told to wait. */
        if (flags & CEDE__KNOCK_SLEEPING)
                cede__loop_wake(loop);
        if (waking)
                __atomic_sub_fetch(&loop->waking, 1, __ATOMIC_RELEASE);
}

/* The posts are a stack: turned round, they are in the order of posting. */
static void run_posts(struct cede__post *post)
{
        struct cede__post *ordered = NULL;

        while (post) {
                struct cede__post *next = post->next;

                post->next = ordered;
                ordered = post;
                post = next;
        }
        while (ordered) {
                post = ordered;
                ordered = post->next; /* before: afterwards the post is gone */
                post->run(post);
        }
}

int64_t cede__loop_now(const struct cede__loop *loop)
{
        return loop->is_virtual ? atomic_load_explicit(&loop->virtual_now, memory_order_relaxed) :
                                  cede__clock_now();
}

void cede__loop_poll(struct cede__loop *loop)
{
        unsigned turns = cede__chooser ? 1 : TURNS; /* a chooser is asked at every turn */

        __atomic_store_n(&loop->turns_before, cede__loop_turns(loop) + turns, __ATOMIC_RELAXED);
        __atomic_store_n(&loop->turns, turns, __ATOMIC_RELAXED);
        if (atomic_load_explicit(&loop->knock, memory_order_relaxed)) {
                uintptr_t word;

                cede__step("take posts", &loop->knock);
                word = atomic_exchange(&loop->knock, 0);
                run_posts((struct cede__post *)(word & ~(uintptr_t)CEDE__KNOCK_FLAGS));
                if (word & CEDE__KNOCK_INTERRUPT)
                        loop->hooks->interrupt(loop);
                if (word & CEDE__KNOCK_REPORT)
                        loop->hooks->report(loop);
        }
        if (loop->timers.count && !loop->is_virtual)
                cede__timers_fire(&loop->timers, cede__clock_now());
}

/* `rests`: it may be roused to take over something from another loop. */
static void sleep_unless_knocked(struct cede__loop *loop, int64_t deadline, bool rests)
{
        uintptr_t quiet = 0;

        cede__step("announce sleep", &loop->knock);
        if (!atomic_compare_exchange_strong(&loop->knock, &quiet, CEDE__KNOCK_SLEEPING))
                return;
        if (!rests || loop->hooks->rest(loop))
                while (atomic_load(&loop->knock) == CEDE__KNOCK_SLEEPING &&
                       (deadline == CEDE_NEVER || cede__clock_now() < deadline))
                        cede__futex_wait(cede__futex_low(&loop->knock), CEDE__KNOCK_SLEEPING,
                                         deadline);
        cede__step("end sleep", &loop->knock);
        atomic_fetch_and(&loop->knock, ~(uintptr_t)CEDE__KNOCK_SLEEPING);
}

static void sleep_until(struct cede__loop *loop, int64_t deadline)
{
        sleep_unless_knocked(loop, deadline, loop->shared);
        if (loop->shared)
                loop->hooks->rise(loop);
}

void cede__loop_rouse(struct cede__loop *loop)
{
        _Atomic uint32_t *low = cede__futex_low(&loop->knock);

        if (atomic_fetch_and(&loop->knock, ~(uintptr_t)CEDE__KNOCK_SLEEPING) & CEDE__KNOCK_SLEEPING)
                cede__futex_wake(low);
}

void cede__loop_doze(struct cede__loop *loop, int64_t ns)
{
        sleep_unless_knocked(loop, cede__clock_now() + ns, false);
        cede__loop_poll(loop);
}

void cede__loop_feed(struct cede__loop *loop)
{
        if (cede__likely(!loop->starved.first))
                return;
        *loop->ready.last = loop->starved.first;
        loop->ready.last = loop->starved.last;
        cede__fibers_init(&loop->starved);
}

/* Whether several loops have one virtual clock, which only all of them together can move on. */
static bool time_is_common(const struct cede__loop *loop)
{
        return loop->is_virtual && loop->shared;
}

/* Some tasks found no stack, and nobody will give one back soon: pauses, or gives up in the end. */
static void go_hungry(struct cede__loop *loop, int64_t next)
{
        int64_t soon = cede__clock_now() + HUNGRY_PAUSE;
        unsigned turns =
                loop->timers.count || cede__loop_outside_awake(loop) ? HUNGRY_LONG : HUNGRY_TURNS;

        if (time_is_common(loop) && !loop->hooks->quiescent(loop))
                return;
        if (++loop->refusals > turns)
                cede__die("out of memory: no stack for a task, and none was given back for a "
                          "while; use smaller stacks, or a scope with a limit");
        sleep_until(loop, next < soon ? next : soon);
}

bool cede__loop_jump(struct cede__loop *loop)
{
        int64_t now;

        if (!loop->is_virtual || time_is_common(loop) || !loop->timers.count ||
            cede__loop_outside_awake(loop))
                return false;
        now = cede__timers_jump(&loop->timers);
        atomic_store_explicit(&loop->virtual_now, now, memory_order_relaxed);
        cede__timers_fire(&loop->timers, now);
        return true;
}

/* Nothing is ready; what is the loop waiting for? */
static void wait_for_something(struct cede__loop *loop)
{
        bool common = time_is_common(loop);
        int64_t next = loop->is_virtual ? CEDE_NEVER : cede__timers_next(&loop->timers);

        if (loop->starved.first && !loop->fed) {
                loop->fed = true; /* once at any time: perhaps the system has memory again */
                cede__loop_feed(loop);
                return;
        }
        loop->fed = false;
        if (cede__loop_jump(loop))
                return;
        if (loop->starved.first) {
                go_hungry(loop, next);
        } else if (!common && (loop->timers.count || cede__loop_outside_awake(loop))) {
                sleep_until(loop, next);
        } else {
                int64_t pause = loop->hooks->quiescent(loop);

                if (pause)
                        sleep_until(loop, cede__clock_add(cede__clock_now(), pause));
        }
}

void cede__loop_idle(struct cede__loop *loop)
{
        cede__loop_poll(loop);
        while (!loop->ready.first) {
                wait_for_something(loop);
                cede__loop_poll(loop);
                if (loop->shared)
                        loop->hooks->find(loop);
        }
}

bool cede__loop_await_outside(struct cede__loop *loop)
{
        if (!loop->outside.next)
                return false;
        cede__loop_poll(loop);
        if (loop->outside.next && !loop->ready.first)
                wait_for_something(loop);
        return true;
}
