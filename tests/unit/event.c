/* SPDX-License-Identifier: MIT */
/* Event: setting wakes all that wait at that moment, whatever happens to them or to it after. */
#include <pthread.h>
#include <sched.h>

#include "log.h"

static struct cede_event e;

static int await(void *name)
{
        int r = cede_event_wait(&e);

        note("%s:%s", (const char *)name, word(r));
        return 0;
}

static int await_then_checkpoint(void *name)
{
        await(name);
        note("then:%s", word(cede_checkpoint()));
        return 0;
}

TASK_TEST(set_wakes_all_and_nobody_waits_any_more)
{
        struct cede_scope c;

        EXPECT(!cede_event_is_set(&e));
        cede_scope_open(&c);
        spawn_now(&c, await, "a");
        spawn_now(&c, await, "b");
        EXPECT_EQ(cede_event_waiting(&e), 2);
        cede_event_set(&e);
        EXPECT(cede_event_is_set(&e));
        EXPECT_EQ(cede_event_waiting(&e), 0);
        EXPECT_LOG(""); /* not inside of set */
        spawn_now(&c, await, "late");
        EXPECT_EQ(cede_event_wait(&e), 0);
        cede_event_set(&e); /* nothing */
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok b:ok late:ok");
        cede_event_finish(&e);
}

TASK_TEST(cleared_before_they_run)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, await, "a");
        spawn_now(&c, await, "b");
        cede_event_set(&e);
        cede_event_clear(&e);
        EXPECT(!cede_event_is_set(&e));
        spawn_now(&c, await, "late");
        EXPECT_LOG("a:ok b:ok");
        EXPECT_EQ(cede_event_waiting(&e), 1);
        cede_event_clear(&e); /* nothing; the late one still waits */
        EXPECT_EQ(cede_event_waiting(&e), 1);
        cede_event_set(&e);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("late:ok");
}

TASK_TEST(cancelled_before_they_run)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, await_then_checkpoint, "a");
        cede_event_set(&e);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok then:cancelled");
}

TASK_TEST(cancelled_before_it_is_set)
{
        struct cede_scope c;
        struct cede_task *a;

        cede_scope_open(&c);
        a = spawn_held(&c, await_then_checkpoint, "a");
        spawn_now(&c, await, "b");
        cede_task_cancel(a);
        EXPECT_EQ(cede_event_waiting(&e), 1);
        cede_event_set(&e);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled then:cancelled b:ok");
}

TASK_TEST(cancelled_fails_although_it_is_set)
{
        struct cede_scope c;

        cede_event_set(&e);
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_event_wait(&e), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_event_wait(&e), 0);
}

TASK_TEST(expired_deadline_looks_once)
{
        EXPECT_EQ(cede_sleep(1), 0);
        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_event_wait(&e), -ETIMEDOUT);
                EXPECT_EQ(cede_event_waiting(&e), 0);
                cede_event_set(&e);
                EXPECT_EQ(cede_event_wait(&e), 0);
        }
}

TASK_TEST(timeouts_leave_nothing_behind)
{
        struct cede_event_stats stats;

        for (int i = 0; i < 1000; i++)
                CEDE_TIMEOUT(CEDE_MS(1))
                        EXPECT_EQ(cede_event_wait(&e), -ETIMEDOUT);
        cede_event_stats(&e, &stats);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT_EQ(stats.peak_waiting, 1);
        EXPECT_EQ(now_ms(), 1000);
        cede_event_finish(&e);
}

/* A waiting task whose priority changes is sorted anew. */
TASK_TEST(priority_set_while_waiting)
{
        struct cede_scope c;
        struct cede_task *a, *b;

        EXPECT_EQ(cede_event_init(&e, CEDE_PRIORITY), 0);
        cede_scope_open(&c);
        a = spawn_held(&c, await, "a");
        b = spawn_held(&c, await, "b");
        spawn_now(&c, await, "c");
        cede_task_set_priority(b, 1);
        cede_task_set_priority(a, -1);
        cede_event_set(&e);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("b:ok c:ok a:ok");
}

/* Callbacks */

static void on_event(struct cede_callback *callback, int result)
{
        note("callback%d:%s", callback->priority, word(result));
}

TASK_TEST(callbacks_are_called_once_and_not_inside_of_set)
{
        struct cede_callback a = { .fn = on_event, .priority = 1 };
        struct cede_callback b = { .fn = on_event, .priority = 2 };
        struct cede_callback late = { .fn = on_event, .priority = 3 };

        EXPECT_EQ(cede_event_wait_async(&e, &a), 0);
        EXPECT_EQ(cede_event_wait_async(&e, &b), 0);
        EXPECT_EQ(cede_callback_cancel(&a), 0);
        cede_event_set(&e);
        cede_event_clear(&e);
        EXPECT_LOG("");
        EXPECT_EQ(cede_callback_cancel(&b), -EALREADY);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback2:ok");
        cede_event_set(&e);
        EXPECT_EQ(cede_event_wait_async(&e, &late), 0);
        EXPECT_LOG(""); /* nor inside of wait_async */
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback3:ok");
}

/* Threads */

enum { THREADS = 4 };

static unsigned passed; /* atomic */

static void *await_in_thread(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_event_wait(&e), 0);
        __atomic_fetch_add(&passed, 1, __ATOMIC_RELAXED);
        return NULL;
}

TEST(threads_wait_for_a_set_that_is_cleared_at_once)
{
        for (int i = 0; i < (test_slowed() ? 20 : 300); i++) {
                pthread_t threads[THREADS];

                passed = 0;
                for (int k = 0; k < THREADS; k++)
                        EXPECT_EQ(pthread_create(&threads[k], NULL, await_in_thread, NULL), 0);
                while (cede_event_waiting(&e) < THREADS)
                        sched_yield();
                cede_event_set(&e);
                cede_event_clear(&e);
                for (int k = 0; k < THREADS; k++)
                        EXPECT_EQ(pthread_join(threads[k], NULL), 0);
                EXPECT_EQ(passed, THREADS);
                EXPECT_EQ(cede_event_waiting(&e), 0);
        }
}

/* Publication: what was written before set is seen after wait. */
static int value;

static void *set_in_thread(void *arg)
{
        (void)arg;
        value = 42;
        cede_event_set(&e);
        return NULL;
}

static int read_value(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_event_wait(&e), 0);
        EXPECT_EQ(value, 42);
        return 0;
}

TEST(set_in_a_thread_wakes_a_task)
{
        for (int i = 0; i < (test_slowed() ? 20 : 300); i++) {
                pthread_t thread;

                value = 0;
                cede_event_clear(&e);
                EXPECT_EQ(pthread_create(&thread, NULL, set_in_thread, NULL), 0);
                EXPECT_EQ(cede_run(read_value, NULL), 0);
                EXPECT_EQ(pthread_join(thread, NULL), 0);
        }
}

TEST(init_refuses_what_is_no_order)
{
        EXPECT_EQ(cede_event_init(&e, (enum cede_order)99), -EINVAL);
}

static int finish_while_awaited_main(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_event_set_name(&e, "dawn");
        cede_scope_open(&c);
        spawn_now(&c, await, "a");
        cede_event_finish(&e);
        return cede_scope_close(&c, 0);
}

TEST_ABORTS(finish_while_awaited, "event dawn is finished while 1 wait for it")
{
        EXPECT_EQ(run_virtual(finish_while_awaited_main, NULL), 0);
}
