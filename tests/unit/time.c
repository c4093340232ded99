/* SPDX-License-Identifier: MIT */
/* The virtual and the real clock, and sleeping by them. */
#include <stdlib.h>
#include <time.h>

#include "log.h"

static struct cede_sem never;

static int64_t monotonic(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * CEDE_SEC(1) + t.tv_nsec;
}

TASK_TEST(virtual_clock_starts_at_zero_and_is_exact)
{
        EXPECT_EQ(cede_now(), 0);
        EXPECT_EQ(cede_sleep(1), 0);
        EXPECT_EQ(cede_now(), 1);
        EXPECT_EQ(cede_sleep(CEDE_SEC(3600)), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(3600) + 1);
        EXPECT_EQ(cede_sleep_until(CEDE_SEC(3600) + 2), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(3600) + 2);
}

TASK_TEST(virtual_clock_carries_centuries)
{
        EXPECT_EQ(cede_sleep(CEDE_SEC(3600LL * 24 * 366 * 250)), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(3600LL * 24 * 366 * 250));
        EXPECT_EQ(cede_sleep(1), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(3600LL * 24 * 366 * 250) + 1);
}

TASK_TEST(virtual_clock_takes_no_real_time)
{
        int64_t start = monotonic();

        EXPECT_EQ(cede_sleep(CEDE_SEC(100)), 0);
        EXPECT(monotonic() - start < CEDE_SEC(100));
}

static int spin_by_yielding(void *arg)
{
        (void)arg;
        for (int i = 0; i < 1000; i++) {
                EXPECT_EQ(cede_yield(), 0);
                EXPECT_EQ(cede_now(), 0);
        }
        return 0;
}

TASK_TEST(virtual_clock_stands_still_while_anybody_is_ready)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, spin_by_yielding, NULL), 0);
        EXPECT_EQ(cede_sleep(1), 0);
        note("slept");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static int sleep_then_say(void *arg)
{
        int ms = (int)(intptr_t)arg;

        EXPECT_EQ(cede_sleep(CEDE_MS(ms)), 0);
        note("%d", ms);
        return 0;
}

TASK_TEST(sleepers_wake_in_time_order)
{
        static const int ms[] = { 30, 10, 70, 20, 5000, 1, 64, 63, 65, 4096 };
        struct cede_scope c;

        cede_scope_open(&c);
        for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++)
                EXPECT_EQ(cede_spawn(&c, sleep_then_say, (void *)(intptr_t)ms[i]), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("1 10 20 30 63 64 65 70 4096 5000");
}

static int sleep_until_then_say(void *name)
{
        EXPECT_EQ(cede_sleep_until(CEDE_MS(1000)), 0);
        note("%s", (const char *)name);
        return 0;
}

/* Set from far away and from nearby, for one instant. */
TASK_TEST(timers_of_one_instant_fire_in_the_order_of_their_creation)
{
        static const char *const names[] = { "a", "b", "c", "d", "e" };
        static const int at_ms[] = { 0, 1, 500, 998, 999 };
        struct cede_scope c;

        cede_scope_open(&c);
        for (int i = 0; i < 5; i++) {
                EXPECT_EQ(cede_sleep_until(CEDE_MS(at_ms[i])), 0);
                spawn_now(&c, sleep_until_then_say, (void *)(uintptr_t)names[i]);
        }
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a b c d e");
        EXPECT_EQ(cede_now(), CEDE_MS(1000));
}

TASK_TEST(sleep_of_nothing_or_less_yields)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_then_say, (void *)0), 0);
        EXPECT_EQ(cede_spawn(&c, sleep_then_say, (void *)-1), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_spawn(&c, sleep_then_say, (void *)INT32_MIN), 0);
        note("main");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("main 0 -1 -2147483648");
        EXPECT_EQ(cede_now(), 0);
}

TASK_TEST(sleep_until_the_past_yields)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sleep(CEDE_MS(5000)), 0);
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_then_say, (void *)0), 0);
        EXPECT_EQ(cede_sleep_until(CEDE_MS(3000)), 0);
        EXPECT_EQ(cede_sleep_until(INT64_MIN), 0);
        EXPECT_EQ(cede_now(), CEDE_MS(5000));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(in_counts_from_now_and_never_overflows)
{
        EXPECT_EQ(cede_sleep(10), 0);
        EXPECT_EQ(cede_in(5), 15);
        EXPECT_EQ(cede_in(0), 10);
        EXPECT_EQ(cede_in(-5), 10);
        EXPECT_EQ(cede_in(INT64_MIN), 10);
        EXPECT_EQ(cede_in(CEDE_NEVER), CEDE_NEVER);
        EXPECT_EQ(cede_in(CEDE_NEVER - 5), CEDE_NEVER);
}

static int sleep_for_ever(void *arg)
{
        int r = cede_sleep_until(CEDE_NEVER);

        (void)arg;
        note("%s@%d", word(r), now_ms());
        return r;
}

TASK_TEST(never_does_not_come)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_for_ever, NULL), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(3)), 0);
        EXPECT_LOG("");
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("cancelled@3000");
}

static int only_sleep_for_ever(void *arg)
{
        return sleep_for_ever(arg);
}

TEST(nobody_but_sleepers_for_ever_is_a_deadlock)
{
        EXPECT_EQ(run_virtual(only_sleep_for_ever, NULL), -EDEADLK);
        EXPECT_LOG("cancelled@0");
}

TEST(nobody_but_sleepers_for_ever_is_a_deadlock_on_the_real_clock)
{
        EXPECT_EQ(cede_run(only_sleep_for_ever, NULL), -EDEADLK);
}

/* The real clock */

static int real_sleeps(void *arg)
{
        (void)arg;
        for (int i = 0; i < 30; i++) {
                int64_t ns = CEDE_US(17) * i, start = monotonic();

                EXPECT_EQ(cede_sleep(ns), 0);
                EXPECT(monotonic() - start >= ns);
        }
        EXPECT(cede_now() <= monotonic());
        EXPECT(cede_now() >= monotonic() - CEDE_SEC(5));
        return 0;
}

TEST(real_sleep_never_ends_early)
{
        EXPECT_EQ(cede_run(real_sleeps, NULL), 0);
}

static int real_sleeper(void *arg)
{
        int64_t until = *(int64_t *)arg;

        EXPECT_EQ(cede_sleep_until(until), 0);
        EXPECT(monotonic() >= until);
        return 0;
}

static int many_real_sleepers(void *arg)
{
        static int64_t until[500];
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        for (int i = 0; i < 500; i++) {
                until[i] = cede_now() + CEDE_US(i * 7919 % 5000);
                EXPECT_EQ(cede_spawn(&c, real_sleeper, &until[i]), 0);
        }
        return cede_scope_close(&c, 0);
}

TEST(many_real_sleeps_never_end_early)
{
        EXPECT_EQ(cede_run(many_real_sleepers, NULL), 0);
}

static int real_deadline(void *arg)
{
        int64_t start = monotonic();

        (void)arg;
        CEDE_TIMEOUT(CEDE_MS(5))
                EXPECT_EQ(cede_sem_acquire(&never), -ETIMEDOUT);
        EXPECT(monotonic() - start >= CEDE_MS(5));
        return 0;
}

TEST(real_deadline_is_never_early)
{
        EXPECT_EQ(cede_run(real_deadline, NULL), 0);
}

/* A task that computes and never waits can be stopped, if it asks. */
static int compute_and_checkpoint(void *arg)
{
        (void)arg;
        CEDE_TIMEOUT(CEDE_MS(5)) {
                while (cede_checkpoint() == 0)
                        ;
                EXPECT_EQ(cede_checkpoint(), -ETIMEDOUT);
        }
        return 0;
}

TEST(checkpoint_notices_the_deadline)
{
        EXPECT_EQ(cede_run(compute_and_checkpoint, NULL), 0);
}

static int yield_until_the_deadline(void *arg)
{
        (void)arg;
        CEDE_TIMEOUT(CEDE_MS(5)) {
                int r;

                do
                        r = cede_yield();
                while (r == 0);
                EXPECT_EQ(r, -ETIMEDOUT);
        }
        return 0;
}

TEST(yield_notices_the_deadline)
{
        EXPECT_EQ(cede_run(yield_until_the_deadline, NULL), 0);
}

TEST(outside_of_a_run_now_is_the_monotonic_clock)
{
        int64_t before = monotonic(), now = cede_now();

        EXPECT(now >= before);
        EXPECT(now <= monotonic());
}

TEST(plain_threads_sleep_too)
{
        int64_t start = cede_now();

        EXPECT_EQ(cede_sleep(CEDE_MS(2)), 0);
        EXPECT(cede_now() >= start + CEDE_MS(2));
}

/* A crowd */

static int64_t latest;
static int woken, last_of_instant;

struct sleeper {
        int64_t at;
        int number;
};

static int sleep_in_a_crowd(void *arg)
{
        const struct sleeper *s = arg;

        EXPECT_EQ(cede_sleep_until(s->at), 0);
        EXPECT_EQ(cede_now(), s->at);
        EXPECT(s->at >= latest);
        EXPECT(s->at > latest || s->number > last_of_instant);
        latest = s->at;
        last_of_instant = s->number;
        woken++;
        return 0;
}

TASK_TEST(crowd_of_sleepers_wakes_in_order, .seconds = 120)
{
        const int n = test_slowed() ? 5000 : 100000;
        struct sleeper *sleepers = calloc((size_t)n, sizeof(*sleepers));
        struct cede_scope c;
        uint64_t random = 1;

        EXPECT(sleepers);
        cede_scope_open(&c);
        for (int i = 0; i < n; i++) {
                random = random * UINT64_C(6364136223846793005) + 1;
                sleepers[i] = (struct sleeper){ (int64_t)(random >> 33) % (n / 2) + 1, i };
                EXPECT_EQ(cede_spawn_with(&c, &(struct cede_spawn_options){ .stack_size = 16384 },
                                          sleep_in_a_crowd, &sleepers[i], NULL),
                          0);
        }
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(woken, n);
        free(sleepers);
}
