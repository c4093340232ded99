/* SPDX-License-Identifier: MIT */
/* Pools: results, errors, cancelling, room, and map. */
#include "capture.h"
#include "pools.h"

/* Without any run: everything works from a plain thread. */

TEST(results_and_errors_come_back)
{
        create(2, 0, CEDE_FIFO);
        EXPECT_EQ(outcome(submit(return_it, N(0))), 0);
        EXPECT_EQ(outcome(submit(return_it, N(42))), 42);
        EXPECT_EQ(outcome(submit(return_it, N(INT32_MAX))), INT32_MAX);
        EXPECT_EQ(outcome(submit(return_it, N(-EIO))), -EIO);
        EXPECT_EQ(stats().threads, 2);
        destroy();
}

static int own_name(void *arg)
{
        return pthread_getname_np(pthread_self(), arg, 16);
}

TEST(threads_have_the_pools_name)
{
        char name[16] = "";

        create(1, 0, CEDE_FIFO);
        /* The creator names the thread, perhaps after its start, but before create returns. */
        EXPECT_EQ(outcome(submit(own_name, name)), 0);
        EXPECT_STR(name, "test-pool");
        destroy();
}

static int blocked_signals(void *arg)
{
        sigset_t set;

        (void)arg;
        pthread_sigmask(SIG_SETMASK, NULL, &set);
        return sigismember(&set, SIGINT) && sigismember(&set, SIGTERM) &&
               !sigismember(&set, SIGSEGV);
}

TEST(signals_go_elsewhere)
{
        create(1, 0, CEDE_FIFO);
        EXPECT_EQ(outcome(submit(blocked_signals, NULL)), 1);
        destroy();
}

TEST(bad_arguments)
{
        struct cede_pool *none = NULL;
        struct cede_future *future = NULL;

        EXPECT_EQ(cede_pool_create(&(struct cede_pool_options){ .threads = 1025 }, &none), -EINVAL);
        EXPECT_EQ(cede_pool_create(&(struct cede_pool_options){ .order = 99 }, &none), -EINVAL);
        EXPECT(!none);
        EXPECT_EQ(cede_pool_submit(NULL, return_it, NULL, &future), -EINVAL);
        EXPECT_EQ(cede_pool_shutdown(NULL, false), -EINVAL);
        cede_pool_destroy(NULL);
        EXPECT_EQ(cede_pool_create(NULL, &pool), 0);
        EXPECT(stats().threads >= 4);
        EXPECT_EQ(cede_pool_submit(pool, NULL, NULL, &future), -EINVAL);
        EXPECT_EQ(cede_pool_try_submit(pool, NULL, NULL, &future), -EINVAL);
        EXPECT_EQ(cede_pool_map(pool, NULL, NULL, 0, NULL), -EINVAL);
        EXPECT_EQ(cede_pool_map(pool, return_it, NULL, 1, NULL), -EINVAL);
        EXPECT_EQ(cede_pool_map(pool, return_it, NULL, 0, NULL), 0);
        EXPECT(!future);
        destroy();
}

/* Cancelling */

TEST(cancelled_while_queued_it_never_runs)
{
        struct cede_future *first, *queued;

        create(1, 1, CEDE_FIFO);
        first = occupy();
        queued = submit(count_it, N(1));
        EXPECT_EQ(stats().queued, 1);
        cede_future_cancel(queued);
        EXPECT(cede_future_is_done(queued)); /* although the thread is busy */
        EXPECT_EQ(stats().queued, 0);
        cede_future_cancel(queued);
        EXPECT_EQ(outcome(queued), -ECANCELED);
        queued = submit(count_it, N(2)); /* its room is free again */
        sem_post(&go);
        EXPECT_EQ(outcome(first), 7);
        EXPECT_EQ(outcome(queued), 2);
        EXPECT_EQ(runs, 2);
        destroy();
}

TEST(cancelled_while_running_it_is_waited_for)
{
        struct cede_future *first;

        create(1, 0, CEDE_FIFO);
        first = occupy();
        cede_future_cancel(first);
        EXPECT(!cede_future_is_done(first));
        sem_post(&go);
        EXPECT_EQ(outcome(first), 7);
        destroy();
}

TEST(unseen_error_is_reported)
{
        const char *text;

        create(1, 0, CEDE_FIFO);
        capture_begin();
        EXPECT_EQ(cede_pool_submit(pool, return_it, N(-EIO), NULL), 0);
        cede_future_unref(submit(return_it, N(-ENOENT)));
        EXPECT_EQ(cede_pool_submit(pool, return_it, N(-ECANCELED), NULL), 0);
        EXPECT_EQ(cede_pool_submit(pool, return_it, N(5), NULL), 0);
        EXPECT_EQ(cede_pool_shutdown(pool, false), 0);
        text = capture_end();
        EXPECT(strstr(text, "failed with error 5 at "));
        EXPECT(strstr(text, "failed with error 2 at "));
        EXPECT(!strstr(text, "error 125"));
        cede_pool_destroy(pool);
}

/* Room */

TEST(full_queue_refuses_to_try)
{
        struct cede_future *first, *second, *third = NULL;

        create(1, 1, CEDE_FIFO);
        first = occupy();
        second = submit(return_it, N(2));
        EXPECT_EQ(cede_pool_try_submit(pool, return_it, N(3), &third), -EAGAIN);
        EXPECT(!third);
        sem_post(&go);
        EXPECT_EQ(outcome(first), 7);
        EXPECT_EQ(outcome(second), 2);
        destroy();
}

TASK_TEST(waiting_for_room_can_be_cancelled)
{
        struct cede_future *first, *second;
        struct cede_task *task;
        struct cede_scope c;

        create(1, 1, CEDE_FIFO);
        first = occupy();
        second = submit(count_it, N(2));
        cede_scope_open(&c);
        task = spawn_held(&c, submit_one, N(3));
        EXPECT_EQ(stats().waiting, 1);
        cede_task_cancel(task);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("3:cancelled");
        EXPECT_EQ(stats().waiting, 0);
        CEDE_TIMEOUT(0)
                EXPECT_EQ(cede_pool_submit(pool, count_it, NULL, NULL), -ETIMEDOUT);
        spawn_now(&c, submit_one, N(4));
        sem_post(&go);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("4:ok");
        EXPECT_EQ(outcome(first), 7);
        EXPECT_EQ(outcome(second), 2);
        EXPECT_EQ(runs, 3);
        destroy();
}

TASK_TEST(cancelled_caller_submits_nothing)
{
        struct cede_scope c;

        create(1, 0, CEDE_FIFO);
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_pool_submit(pool, count_it, NULL, NULL), -ECANCELED);
        EXPECT_EQ(cede_pool_try_submit(pool, count_it, NULL, NULL), 0);
        EXPECT_EQ(cede_pool_shutdown(pool, false), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_pool_submit(pool, count_it, NULL, NULL),
                  -EPIPE); /* shut down all the same */
        destroy();
        EXPECT_EQ(runs, 1);
}

static int say_it(void *name)
{
        note("%s", (const char *)name);
        return 0;
}

TEST(queued_jobs_run_in_the_pools_order)
{
        static const int priorities[] = { 1, 3, 1, 2 };
        static const char *const names[] = { "a", "b", "c", "d" };
        struct cede_future *first;

        create(1, 0, CEDE_PRIORITY);
        first = occupy();
        for (int i = 0; i < 4; i++) {
                cede_thread_set_priority(priorities[i]);
                EXPECT_EQ(cede_pool_submit(pool, say_it, (void *)(uintptr_t)names[i], NULL), 0);
        }
        EXPECT_EQ(stats().queued, 4);
        sem_post(&go);
        EXPECT_EQ(outcome(first), 7);
        EXPECT_EQ(cede_pool_shutdown(pool, false), 0);
        EXPECT_EQ(stats().peak_queued, 4);
        EXPECT_EQ(stats().unfinished, 0);
        cede_pool_destroy(pool);
        EXPECT_LOG("b d a c");
}

/* Map */

TEST(map_keeps_the_order_of_its_arguments)
{
        void *args[100];
        int results[100];

        create(4, 3, CEDE_LIFO); /* fewer places than jobs */
        for (int i = 0; i < 100; i++)
                args[i] = N(i);
        EXPECT_EQ(cede_pool_map(pool, return_it, args, 100, results), 0);
        for (int i = 0; i < 100; i++)
                EXPECT_EQ(results[i], i);
        EXPECT_EQ(cede_pool_map(pool, return_it, args, 100, NULL), 0);
        destroy();
}

/* The only thread is in the second, the third is queued behind it. */
TEST(map_withdraws_what_is_queued_behind_a_failure)
{
        void *args[] = { N(1), N(-EIO), N(-ENOENT), N(4) };
        int results[4], r;

        create(1, 0, CEDE_FIFO);
        r = cede_pool_map(pool, count_it, args, 4, results);
        EXPECT_EQ(r, -EIO); /* the first in order, whatever the thread has done since */
        EXPECT_EQ(results[0], 1);
        EXPECT_EQ(results[1], -EIO);
        EXPECT(results[2] == -ENOENT || results[2] == -ECANCELED);
        EXPECT(results[3] == 4 || results[3] == -ECANCELED);
        EXPECT_EQ(runs, 2 + (results[2] == -ENOENT) + (results[3] == 4));
        destroy();
}

static int map_results[3];

static int map_three(void *arg)
{
        void *args[] = { N(1), N(2), N(3) };

        (void)arg;
        note("map:%s", word(cede_pool_map(pool, until_told, args, 3, map_results)));
        return 0;
}

TASK_TEST(map_that_is_cancelled_waits_for_what_runs)
{
        struct cede_task *task;
        struct cede_scope c;

        create(1, 0, CEDE_FIFO);
        sem_init(&begun, 0, 0);
        sem_init(&go, 0, 0);
        cede_scope_open(&c);
        task = spawn_held(&c, map_three, NULL);
        while (sem_wait(&begun) < 0)
                ;
        cede_task_cancel(task);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG(""); /* it uses its argument yet */
        sem_post(&go);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("map:cancelled");
        EXPECT_EQ(map_results[0], 1);
        EXPECT_EQ(map_results[1], -ECANCELED);
        EXPECT_EQ(map_results[2], -ECANCELED);
        EXPECT_EQ(runs, 1);
        destroy();
}
