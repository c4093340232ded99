/* SPDX-License-Identifier: MIT */
/* Pools: shutting down; and what runs, their ends and their virtual clocks have of jobs. */
#include "base/thread.h"
#include "pools.h"

/* Shutting down */

TEST(after_shutdown_nothing_is_submitted)
{
        struct cede_future *future = NULL;

        create(1, 0, CEDE_FIFO);
        EXPECT_EQ(cede_pool_shutdown(pool, false), 0);
        EXPECT_EQ(cede_pool_submit(pool, count_it, NULL, &future), -EPIPE);
        EXPECT_EQ(cede_pool_try_submit(pool, count_it, NULL, &future), -EPIPE);
        EXPECT_EQ(cede_pool_map(pool, count_it, (void *[]){ NULL }, 1, NULL), -EPIPE);
        EXPECT_EQ(cede_pool_shutdown(pool, true), 0);
        cede_pool_destroy(pool);
        EXPECT_EQ(runs, 0);
}

TEST(shutdown_runs_what_is_queued)
{
        struct cede_future *jobs[50];

        create(2, 0, CEDE_FIFO);
        for (int i = 0; i < 50; i++)
                jobs[i] = submit(count_it, N(i));
        EXPECT_EQ(cede_pool_shutdown(pool, false), 0);
        EXPECT_EQ(runs, 50);
        for (int i = 0; i < 50; i++) {
                EXPECT(cede_future_is_done(jobs[i]));
                EXPECT_EQ(outcome(jobs[i]), i);
        }
        cede_pool_destroy(pool);
}

static int shut_down(void *cancel_queued)
{
        note("down:%s", word(cede_pool_shutdown(pool, cancel_queued)));
        return 0;
}

TASK_TEST(shutdown_can_cancel_what_is_queued)
{
        struct cede_future *first, *jobs[3];
        struct cede_scope c;

        create(1, 3, CEDE_FIFO);
        first = occupy();
        for (int i = 0; i < 3; i++)
                jobs[i] = submit(count_it, N(i));
        cede_scope_open(&c);
        spawn_now(&c, submit_one, N(9)); /* waits for room */
        spawn_now(&c, shut_down, N(1));
        for (int i = 0; i < 3; i++) {
                EXPECT(cede_future_is_done(jobs[i]));
                EXPECT_EQ(outcome(jobs[i]), -ECANCELED);
        }
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("9:closed"); /* the running one is waited for */
        sem_post(&go);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("down:ok");
        EXPECT_EQ(outcome(first), 7);
        EXPECT_EQ(runs, 1);
        cede_pool_destroy(pool);
}

TASK_TEST(shutdown_lets_go_who_waits_for_room)
{
        struct cede_future *first, *second;
        struct cede_scope c;

        create(1, 1, CEDE_FIFO);
        first = occupy();
        second = submit(count_it, N(2));
        cede_scope_open(&c);
        spawn_now(&c, submit_one, N(3));
        spawn_now(&c, submit_one, N(4));
        spawn_now(&c, shut_down, NULL);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("3:closed 4:closed");
        sem_post(&go);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("down:ok");
        EXPECT_EQ(outcome(first), 7);
        EXPECT_EQ(outcome(second), 2);
        cede_pool_destroy(pool);
}

static int shut_down_own(void *arg)
{
        (void)arg;
        return cede_pool_shutdown(pool, false);
}

TEST(job_does_not_shut_down_its_own_pool)
{
        create(1, 0, CEDE_FIFO);
        EXPECT_EQ(outcome(submit(shut_down_own, NULL)), -EDEADLK);
        EXPECT_EQ(outcome(submit(return_it, N(3))), 3);
        destroy();
}

TEST_ABORTS(destroyed_before_it_was_shut_down, "call cede_pool_shutdown first")
{
        create(1, 0, CEDE_FIFO);
        cede_pool_destroy(pool);
}

/* Runs */

static int take_real_time(void *arg)
{
        const struct timespec some_ms = { .tv_nsec = 20 * 1000 * 1000 };

        EXPECT_EQ(cede_now(), CEDE_MS(500));
        nanosleep(&some_ms, NULL);
        EXPECT_EQ(cede_now(), CEDE_MS(500));
        return (int)(intptr_t)arg;
}

static int tick(void *arg)
{
        (void)arg;
        for (int i = 0; i < 3; i++) {
                EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
                note("tick@%d", now_ms());
        }
        return 0;
}

TASK_TEST(virtual_clock_stands_still_while_a_job_runs)
{
        struct cede_scope c;

        create(2, 0, CEDE_FIFO);
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, tick, NULL), 0);
        EXPECT_EQ(cede_sleep(CEDE_MS(500)), 0);
        EXPECT_EQ(outcome(submit(take_real_time, N(3))), 3);
        EXPECT_EQ(cede_now(), CEDE_MS(500));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("tick@1000 tick@2000 tick@3000");
        destroy();
}

static int sleep_2s(void *arg)
{
        int64_t *span = arg;

        span[0] = cede_now();
        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0);
        span[1] = cede_now();
        return 5;
}

TASK_TEST(five_jobs_of_2s_on_two_threads_take_6s)
{
        static const int starts[] = { 0, 0, 2, 2, 4 };
        int64_t spans[5][2];
        void *args[5];

        create(2, 0, CEDE_FIFO);
        for (int i = 0; i < 5; i++)
                args[i] = spans[i];
        EXPECT_EQ(cede_pool_map(pool, sleep_2s, args, 5, NULL), 0);
        for (int i = 0; i < 5; i++) {
                EXPECT_EQ(spans[i][0], CEDE_SEC(starts[i]));
                EXPECT_EQ(spans[i][1], CEDE_SEC(starts[i] + 2));
        }
        EXPECT_EQ(now_ms(), 6000);
        destroy();
}

static int slow_job(void *arg)
{
        const struct timespec some_ms = { .tv_nsec = 20 * 1000 * 1000 };

        (void)arg;
        nanosleep(&some_ms, NULL);
        return 6;
}

static int64_t mapped[3][2];

static int map_within_a_second(void *arg)
{
        void *args[] = { mapped[0], mapped[1], mapped[2] };
        int results[3];

        (void)arg;
        CEDE_TIMEOUT(CEDE_SEC(1))
                EXPECT_EQ(cede_pool_map(pool, sleep_2s, args, 3, results), -ETIMEDOUT);
        EXPECT_EQ(now_ms(), 2000); /* those that run are waited for */
        EXPECT_EQ(results[0], 5);
        EXPECT_EQ(results[1], 5);
        EXPECT_EQ(results[2], -ECANCELED);
        return 0;
}

TASK_TEST(map_with_a_deadline_withdraws_what_is_queued)
{
        create(2, 0, CEDE_FIFO);
        EXPECT_EQ(map_within_a_second(NULL), 0);
        EXPECT_EQ(mapped[2][1], 0);
        destroy();
}

TASK_TEST(job_is_one_of_several_to_wait_for)
{
        struct cede_future *slow, *quick;
        int64_t span[2];

        create(2, 0, CEDE_FIFO);
        slow = submit(sleep_2s, span);
        quick = submit(return_it, N(3));
        EXPECT_EQ(cede_future_await(quick, NULL), 0);
        EXPECT_EQ(cede_future_timeout(slow, CEDE_SEC(1)), 0); /* too late to withdraw it */
        EXPECT_EQ(cede_race((struct cede_future *[]){ slow, quick }, 2), 1);
        EXPECT_EQ(outcome(slow), 5);
        EXPECT_EQ(now_ms(), 2000);
        EXPECT_EQ(outcome(quick), 3);
        destroy();
}

/* Two pools and an offloaded function: the clock moves only when all of them sleep. */
TASK_TEST(each_pool_counts_for_itself)
{
        struct cede_pool *other;
        struct cede_future *asleep[3];
        int64_t spans[4][2];

        create(1, 0, CEDE_FIFO);
        EXPECT_EQ(cede_pool_create(&(struct cede_pool_options){ .threads = 2 }, &other), 0);
        for (int i = 0; i < 3; i++)
                EXPECT_EQ(cede_pool_submit(other, sleep_2s, spans[i], &asleep[i]), 0);
        EXPECT_EQ(outcome(submit(slow_job, NULL)), 6);
        EXPECT_EQ(now_ms(), 0);
        EXPECT_EQ(cede_offload(sleep_2s, spans[3]), 5);
        EXPECT_EQ(spans[3][0], 0);
        for (int i = 0; i < 3; i++) {
                EXPECT_EQ(outcome(asleep[i]), 5);
                EXPECT_EQ(spans[i][0], CEDE_SEC(i / 2 * 2));
        }
        EXPECT_EQ(now_ms(), 4000);
        EXPECT_EQ(cede_pool_shutdown(other, false), 0);
        cede_pool_destroy(other);
        destroy();
}

static int leave_three(void *spans)
{
        for (int i = 0; i < 3; i++)
                EXPECT_EQ(cede_pool_submit(pool, sleep_2s, (int64_t(*)[2])spans + i, NULL), 0);
        return 0;
}

TEST(run_waits_for_its_jobs)
{
        int64_t spans[3][2] = { 0 };

        create(2, 0, CEDE_FIFO);
        EXPECT_EQ(cede_run_with(leave_three, spans,
                                &(struct cede_run_options){ .clock = CEDE_CLOCK_VIRTUAL }),
                  0);
        EXPECT_EQ(spans[0][1], CEDE_SEC(2));
        EXPECT_EQ(spans[2][1], CEDE_SEC(4)); /* by a clock that has ended now */
        EXPECT_EQ(outcome(submit(return_it, N(1))), 1);
        destroy();
}

static pthread_key_t key;
static atomic_int ended;

/* At the end of the pool's thread, when the run is long gone. */
static void look_at_the_clock(void *arg)
{
        (void)arg;
        EXPECT(cede_now() > CEDE_SEC(2)); /* the real one, which began with the system */
        atomic_fetch_add(&ended, 1);
}

static int sleep_with_a_key(void *span)
{
        pthread_setspecific(key, span);
        return sleep_2s(span);
}

static int leave_one(void *span)
{
        return cede_pool_submit(pool, sleep_with_a_key, span, NULL);
}

TEST(thread_of_a_pool_has_done_with_the_run)
{
        int64_t span[2];

        EXPECT_EQ(pthread_key_create(&key, look_at_the_clock), 0);
        create(1, 0, CEDE_FIFO);
        EXPECT_EQ(run_virtual(leave_one, span), 0);
        EXPECT_EQ(span[1], CEDE_SEC(2));
        destroy();
        EXPECT_EQ(ended, 1);
        pthread_key_delete(key);
}

static int wait_for_ever(void *arg)
{
        (void)arg;
        create(2, 0, CEDE_FIFO);
        if (cede__thread_count() > 3)
                SKIP("ThreadSanitizer has an extra thread in a forked process, which counts as "
                     "foreign");
        EXPECT_EQ(outcome(submit(return_it, N(1))), 1);
        EXPECT_EQ(cede_sem_init(&sem, 0, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_acquire(&sem), -ECANCELED);
        return 0;
}

TEST(threads_count_as_idle_while_there_is_no_job)
{
        struct cede_future *first;

        create(2, 0, CEDE_FIFO);
        EXPECT_EQ(atomic_load(&cede__threads_idle), 2);
        first = occupy();
        EXPECT_EQ(atomic_load(&cede__threads_idle), 0);
        sem_post(&go);
        EXPECT_EQ(outcome(first), 7);
        EXPECT_EQ(cede_pool_shutdown(pool, false), 0);
        EXPECT_EQ(atomic_load(&cede__threads_idle), 2);
        cede_pool_destroy(pool);
        EXPECT_EQ(atomic_load(&cede__threads_idle), 0);
}

TEST(pool_without_jobs_hides_no_deadlock)
{
        EXPECT_EQ(cede_run(wait_for_ever, NULL), -EDEADLK);
        destroy();
}

static int await_slow_job(void *arg)
{
        (void)arg;
        create(1, 0, CEDE_FIFO);
        return outcome(submit(slow_job, NULL));
}

TEST(waiting_for_a_job_is_no_deadlock)
{
        EXPECT_EQ(cede_run(await_slow_job, NULL), 6);
        destroy();
}

static void on_turn(struct cede_callback *callback, int result)
{
        struct cede_future *future = NULL;

        (void)callback;
        EXPECT_EQ(result, 0);
        EXPECT_EQ(cede_pool_try_submit(pool, count_it, N(1), &future), 0);
        cede_future_unref(future);
}

TASK_TEST(callback_submits)
{
        struct cede_callback callback = { .fn = on_turn };

        create(1, 0, CEDE_FIFO);
        EXPECT_EQ(cede_sem_init(&sem, 1, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &callback), 0);
        EXPECT_EQ(cede_yield(), 0);
        destroy();
        EXPECT_EQ(runs, 1);
}

static int nested(void *arg)
{
        return 1 + outcome(submit(count_it, arg));
}

TEST(job_submits_to_its_own_pool)
{
        create(2, 0, CEDE_FIFO);
        EXPECT_EQ(outcome(submit(nested, N(4))), 5);
        destroy();
}
