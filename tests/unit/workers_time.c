/* SPDX-License-Identifier: MIT */
/* A virtual clock that several workers share: it moves when all of them wait. */
#include <string.h>

#include "capture.h"
#include "placing.h"
#include "workers.h"

static const struct cede_run_options virtual_two = { .clock = CEDE_CLOCK_VIRTUAL, .workers = 2 };

#define TWO_TEST(id, ...)                                                                          \
        static void two_##id(void);                                                                \
        static int two_main_##id(void *arg)                                                        \
        {                                                                                          \
                (void)arg;                                                                         \
                place_main();                                                                      \
                two_##id();                                                                        \
                return 0;                                                                          \
        }                                                                                          \
        TEST(id, __VA_ARGS__)                                                                      \
        {                                                                                          \
                EXPECT_EQ(cede_run_with(two_main_##id, NULL, &virtual_two), 0);                    \
        }                                                                                          \
        static void two_##id(void)

/* On the other worker, from its start on; returns once it has started. */
static void spawn_there(struct cede_scope *scope, int (*fn)(void *), void *arg)
{
        int before = atomic_load(&started);

        EXPECT_EQ(cede_spawn(scope, fn, arg), 0);
        until_started(before + 1);
}

static int sleep_in_steps(void *arg)
{
        int64_t step = (intptr_t)arg, begin = cede_now();

        EXPECT(!is_here());
        atomic_fetch_add(&started, 1);
        for (int i = 1; i <= 5; i++) {
                EXPECT_EQ(cede_sleep(step), 0);
                EXPECT_EQ(cede_now(), begin + i * step);
                note("%d", now_ms());
        }
        return 0;
}

TWO_TEST(timers_of_both_fire_in_their_order)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_there(&c, sleep_in_steps, (void *)(intptr_t)CEDE_MS(200));
        for (int i = 0; i < 5; i++) {
                EXPECT_EQ(cede_sleep_until(CEDE_MS(150 * i + 70)), 0);
                EXPECT_EQ(cede_now(), CEDE_MS(150 * i + 70));
                note("h%d", now_ms());
        }
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("h70 200 h220 h370 400 h520 600 h670 800 1000");
        EXPECT_EQ(now_ms(), 1000);
}

static struct cede_sem nothing = CEDE_SEM_INIT(0, CEDE_FIFO);

/* Time is the same for both, wherever the timer was by which it came. */
static int ask_the_time(void *ret_time)
{
        EXPECT(!is_here());
        atomic_fetch_add(&started, 1);
        EXPECT_EQ(cede_sem_acquire(&nothing), -ECANCELED);
        *(int64_t *)ret_time = cede_now();
        return 0;
}

TWO_TEST(a_worker_without_timers_knows_the_time)
{
        struct cede_scope c;
        int64_t time = 0;

        cede_scope_open(&c);
        spawn_there(&c, ask_the_time, &time);
        EXPECT_EQ(cede_sleep(CEDE_SEC(3)), 0);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(time, CEDE_SEC(3));
}

static int compute(void *arg)
{
        int64_t begin = cede_now();

        (void)arg;
        atomic_fetch_add(&started, 1);
        for (int i = 0; i < 1000; i++) {
                sched_yield(); /* the other worker waits by now, in all likelihood */
                EXPECT_EQ(cede_now(), begin);
        }
        note("computed");
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        EXPECT_EQ(cede_now(), begin + CEDE_SEC(1));
        return 0;
}

TWO_TEST(time_stands_still_while_one_computes)
{
        struct cede_scope c;

        for (int i = 0; i < 5; i++) {
                cede_scope_open(&c);
                spawn_there(&c, compute, NULL);
                EXPECT_EQ(cede_sleep(CEDE_SEC(10)), 0);
                note("slept");
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
        }
        EXPECT_LOG("computed slept computed slept computed slept computed slept computed slept");
        EXPECT_EQ(cede_now(), CEDE_SEC(50));
}

/* What is sent back and forth takes no time; all timers of a run come in order. */
static struct cede_sem ping = CEDE_SEM_INIT(0, CEDE_FIFO), pong = CEDE_SEM_INIT(0, CEDE_FIFO);

static int answer(void *arg)
{
        (void)arg;
        EXPECT(!is_here());
        atomic_fetch_add(&started, 1);
        for (int i = 1; i <= times(2000); i++) {
                EXPECT_EQ(cede_sem_acquire(&ping), 0);
                EXPECT_EQ(cede_now(), i * CEDE_SEC(1));
                if (i % 3 == 0)
                        EXPECT_EQ(cede_sleep(CEDE_MS(i % 7)), 0);
                cede_sem_release(&pong);
        }
        return 0;
}

TWO_TEST(what_is_sent_arrives_at_the_same_time, .seconds = 60)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_there(&c, answer, NULL);
        for (int i = 1; i <= times(2000); i++) {
                EXPECT_EQ(cede_sleep_until(i * CEDE_SEC(1)), 0);
                cede_sem_release(&ping);
                EXPECT_EQ(cede_sem_acquire(&pong), 0);
                EXPECT_EQ(cede_now(), i * CEDE_SEC(1) + (i % 3 ? 0 : CEDE_MS(i % 7)));
        }
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

/*
 * Threads that are no part of the run wake its tasks at any moment.  Whoever has woken one does not
 * see time move until it waits again, and it never goes back.
 */
static struct cede_sem from_outside = CEDE_SEM_INIT(0, CEDE_FIFO);

static void *release_often(void *arg)
{
        (void)arg;
        for (int i = 0; i < times(20000); i++)
                cede_sem_release(&from_outside);
        return NULL;
}

static int be_woken(void *arg)
{
        int64_t last = 0;

        (void)arg;
        atomic_fetch_add(&started, 1);
        for (int i = 0; i < times(20000); i++) {
                EXPECT_EQ(cede_sem_acquire(&from_outside), 0);
                EXPECT(cede_now() >= last);
                last = cede_now();
                for (int j = 0; j < 20; j++)
                        EXPECT_EQ(cede_now(), last);
        }
        return 0;
}

TWO_TEST(time_stands_still_for_who_is_woken_from_outside, .seconds = 60)
{
        struct cede_scope c;
        pthread_t thread;

        cede_scope_open(&c);
        spawn_there(&c, be_woken, NULL);
        EXPECT_EQ(pthread_create(&thread, NULL, release_often, NULL), 0);
        for (int i = 0; i < times(20000); i++)
                EXPECT_EQ(cede_sleep(1), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        EXPECT_EQ(cede_now(), times(20000));
}

/*
 * The pool's threads work for both: while all of them sleep, jobs of the other worker have none,
 * and time moves all the same.
 */
static int sleep_outside(void *ms)
{
        EXPECT_EQ(cede_sleep(CEDE_MS((intptr_t)ms)), 0);
        return 0;
}

static int offload_a_sleep(void *ms)
{
        atomic_fetch_add(&started, 1);
        EXPECT_EQ(cede_offload(sleep_outside, ms), 0);
        note("%d@%d", (int)(intptr_t)ms, now_ms());
        return 0;
}

static int offload_two(void *arg)
{
        struct cede_scope c;

        (void)arg;
        place_main();
        cede_scope_open(&c);
        spawn_there(&c, offload_a_sleep, N(1000));
        EXPECT_EQ(cede_sleep(CEDE_MS(1)), 0); /* it sleeps by now */
        hold_there();
        EXPECT_EQ(cede_spawn(&c, offload_a_sleep, N(100)), 0);
        EXPECT_EQ(cede_yield(), 0);
        let_go_there();
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("1000@1000 100@1100");
        return 0;
}

TEST(time_moves_while_all_threads_of_the_pool_sleep)
{
        struct cede_run_options options = virtual_two;

        options.offload_threads = 1;
        for (int i = 0; i < times(50); i++)
                EXPECT_EQ(cede_run_with(offload_two, NULL, &options), 0);
}

static int wait_for_nothing(void *arg)
{
        (void)arg;
        return cede_sem_acquire(&nothing);
}

static int sleep_and_deadlock(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        for (int i = 0; i < 4; i++)
                EXPECT_EQ(cede_spawn(&c, wait_for_nothing, NULL), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(5)), 0);
        EXPECT_EQ(cede_sem_waiting(&nothing), 4);
        note("%d", now_ms());
        return cede_scope_close(&c, 0);
}

TEST(a_deadlock_is_reported_when_no_timer_is_left)
{
#ifdef __SANITIZE_THREAD__
        SKIP("ThreadSanitizer has an extra thread in a forked process, which counts as foreign");
#endif
        capture_begin();
        EXPECT_EQ(cede_run_with(sleep_and_deadlock, NULL, &virtual_two), -EDEADLK);
        EXPECT(strstr(capture_end(), "deadlock: no task is ready"));
        EXPECT_LOG("5000");
}
