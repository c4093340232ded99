/* SPDX-License-Identifier: MIT */
/* Read-write lock: callbacks, any of several, locking for a function, limits of use. */
#include "log.h"

static struct cede_rwlock l, other;

static void is_free(void)
{
        EXPECT_EQ(cede_rwlock_reading(&l), 0);
        EXPECT(!cede_rwlock_written(&l));
        EXPECT_EQ(cede_rwlock_waiting(&l), 0);
        cede_rwlock_finish(&l);
}

static int write_and_end(void *arg)
{
        (void)arg;
        return cede_rwlock_write_lock(&l);
}

/* Callbacks */

static void on_turn(struct cede_callback *callback, int result)
{
        note("%d:%s", callback->priority, result == -EOWNERDEAD ? "dead" : word(result));
}

TASK_TEST(callbacks_read_and_write_in_turn)
{
        struct cede_callback a = { .fn = on_turn, .priority = 1 }, b = a, w = a, c = a;

        b.priority = 2;
        w.priority = 3;
        c.priority = 4;
        EXPECT_EQ(cede_rwlock_read_lock_async(&l, &a), 0);
        EXPECT_EQ(cede_rwlock_read_lock_async(&l, &b), 0);
        EXPECT_EQ(cede_rwlock_reading(&l), 2); /* at once, though nobody was called */
        EXPECT_EQ(cede_rwlock_write_lock_async(&l, &w), 0);
        EXPECT_EQ(cede_rwlock_read_lock_async(&l, &c), 0);
        EXPECT_EQ(cede_rwlock_waiting(&l), 2);
        EXPECT_LOG("");
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("1:ok 2:ok");
        EXPECT_EQ(cede_rwlock_write_unlock_async(&l, &w), -EPERM);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT(cede_rwlock_written(&l));
        EXPECT_EQ(cede_callback_cancel(&w), -EALREADY);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("3:ok");
        EXPECT_EQ(cede_rwlock_write_unlock(&l), -EPERM);
        EXPECT_EQ(cede_rwlock_write_lock_async(&l, &w), -EDEADLK);
        EXPECT_EQ(cede_rwlock_downgrade_async(&l, &w), 0);
        EXPECT_EQ(cede_rwlock_downgrade_async(&l, &w), -EPERM);
        EXPECT_EQ(cede_rwlock_reading(&l), 2);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("4:ok");
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock_async(&l, &w), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_rwlock_write_unlock_async(&l, &w), 0);
        EXPECT_LOG("3:ok");
        is_free();
}

TASK_TEST(callback_that_is_cancelled_lets_those_behind_it_in)
{
        struct cede_callback w = { .fn = on_turn, .priority = 1 }, a = w;

        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock_async(&l, &w), 0);
        EXPECT_EQ(cede_rwlock_read_lock_async(&l, &a), 0);
        EXPECT_EQ(cede_callback_cancel(&w), 0);
        EXPECT_EQ(cede_rwlock_reading(&l), 2);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("1:ok");
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        is_free();
}

TASK_TEST(callbacks_are_told_of_a_dead_writer)
{
        struct cede_callback a = { .fn = on_turn, .priority = 1 }, w = { .fn = on_turn }, b = a;
        struct cede_scope s;

        cede_scope_open(&s);
        EXPECT_EQ(cede_spawn(&s, write_and_end, NULL), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_EQ(cede_rwlock_read_lock_async(&l, &a), 0);
        EXPECT_EQ(cede_rwlock_write_lock_async(&l, &w), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_rwlock_read_lock_async(&l, &b), 0);
        EXPECT_EQ(cede_rwlock_write_unlock_async(&l, &w), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("1:dead 0:dead 1:ok");
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        is_free();
}

enum { MANY = 100000 };

static struct cede_callback many[MANY];
static unsigned called;

static void count_it(struct cede_callback *callback, int result)
{
        (void)callback;
        EXPECT_EQ(result, 0);
        called++;
}

static void unlock_and_count(struct cede_callback *callback, int result)
{
        count_it(callback, result);
        EXPECT_EQ(cede_rwlock_write_unlock_async(&l, callback), 0);
}

TASK_TEST(hundred_thousand_callbacks_need_no_stack)
{
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        for (int i = 0; i < MANY; i++) {
                many[i] = (struct cede_callback){ .fn = count_it };
                EXPECT_EQ(cede_rwlock_read_lock_async(&l, &many[i]), 0);
        }
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_reading(&l), MANY);
        EXPECT_EQ(called, 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(called, MANY);
        for (int i = 0; i < MANY; i++)
                EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        for (int i = 0; i < MANY; i++) {
                many[i] = (struct cede_callback){ .fn = unlock_and_count };
                EXPECT_EQ(cede_rwlock_write_lock_async(&l, &many[i]), 0);
        }
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0); /* behind all of them */
        EXPECT_EQ(called, 2 * MANY);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        is_free();
}

/* Any of several */

static int any_of_two(void *name)
{
        struct cede_case cases[] = { cede_rwlock_write_case(&l), cede_rwlock_read_case(&other) };
        int r = cede_wait_any(cases, 2);

        note("%s:%d", (const char *)name, r);
        if (r < 0)
                return 0;
        EXPECT_EQ(cases[r].result, 0);
        EXPECT_EQ(cede_rwlock_owned(&l), r == 0);
        EXPECT_EQ(r == 0 ? cede_rwlock_write_unlock(&l) : cede_rwlock_read_unlock(&other), 0);
        return 0;
}

TASK_TEST(either_lock_can_end_a_wait_for_any)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&other), 0);
        cede_scope_open(&s);
        spawn_now(&s, any_of_two, "a");
        EXPECT_EQ(cede_rwlock_try_read_lock(&l), -EAGAIN); /* a writer waits */
        EXPECT_EQ(cede_rwlock_downgrade(&other), 0);
        EXPECT_EQ(cede_rwlock_reading(&other), 2);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("a:1");
        EXPECT_EQ(cede_rwlock_waiting(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&other), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&other), 0);
        spawn_now(&s, any_of_two, "b");
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT(cede_rwlock_written(&l));
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("b:0");
        EXPECT_EQ(cede_rwlock_waiting(&other), 0);
        EXPECT_EQ(cede_rwlock_write_unlock(&other), 0);
        EXPECT_EQ(any_of_two("c"), 0);
        EXPECT_LOG("c:0"); /* at once: the first in the array */
        is_free();
}

static int any_then_end(void *arg)
{
        struct cede_case cases[] = { cede_rwlock_write_case(&l) };

        (void)arg;
        EXPECT_EQ(cede_wait_any(cases, 1), 0);
        return 0;
}

TASK_TEST(writer_by_any_is_an_owner_and_the_next_is_told)
{
        struct cede_case again[] = { cede_rwlock_read_case(&l), cede_rwlock_write_case(&l) };
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        EXPECT_EQ(cede_wait_any(again, 2), -EDEADLK);
        cede_scope_open(&s);
        spawn_now(&s, any_then_end, NULL);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_wait_any(again, 2), 0);
        EXPECT_EQ(again[0].result, -EOWNERDEAD);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_try_any(again + 1, 1), 0);
        EXPECT_EQ(again[1].result, -EOWNERDEAD);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        is_free();
}

/* run */

static int fn_result = 7;

static int inside(void *writes)
{
        note(writes ? "writes" : "reads");
        EXPECT_EQ(cede_rwlock_owned(&l), writes != NULL);
        EXPECT_EQ(cede_rwlock_reading(&l), writes ? 0 : 1);
        return fn_result;
}

static int run_cancelled(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_rwlock_read_run(&l, inside, NULL), -ECANCELED);
        EXPECT_EQ(cede_rwlock_write_run(&l, inside, N(1)), -ECANCELED);
        return 0;
}

TASK_TEST(run_unlocks_whatever_the_function_returns)
{
        struct cede_scope s;
        struct cede_task *task;

        EXPECT_EQ(cede_rwlock_read_run(&l, inside, NULL), 7);
        EXPECT_EQ(cede_rwlock_write_run(&l, inside, N(1)), 7);
        fn_result = -EIO;
        EXPECT_EQ(cede_rwlock_read_run(&l, inside, NULL), -EIO);
        EXPECT_EQ(cede_rwlock_write_run(&l, inside, N(1)), -EIO);
        EXPECT_LOG("reads writes reads writes");
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        cede_scope_open(&s);
        task = spawn_held(&s, run_cancelled, NULL);
        cede_task_cancel(task);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("");
        is_free();
}

/* Limits of use */

TEST(refuses_what_is_no_order_and_no_preference)
{
        EXPECT_EQ(cede_rwlock_init(&l, (enum cede_order)99), -EINVAL);
        EXPECT_EQ(cede_rwlock_init(&l, (enum cede_order) - 1), -EINVAL);
        EXPECT_EQ(cede_rwlock_init(&l, CEDE_RANDOM), 0);
        EXPECT_EQ(cede_rwlock_set_preference(&l, (enum cede_preference)3), -EINVAL);
        EXPECT_EQ(cede_rwlock_set_preference(&l, (enum cede_preference) - 1), -EINVAL);
        is_free();
}

TEST(unlocking_what_is_not_locked_so)
{
        static struct cede_rwlock lifo = CEDE_RWLOCK_INIT(CEDE_LIFO);

        EXPECT_EQ(cede_rwlock_read_unlock(&lifo), -EPERM);
        EXPECT_EQ(cede_rwlock_write_unlock(&lifo), -EPERM);
        EXPECT_EQ(cede_rwlock_write_lock(&lifo), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&lifo), -EPERM);
        EXPECT(cede_rwlock_owned(&lifo));
        EXPECT_EQ(cede_rwlock_write_unlock(&lifo), 0);
        EXPECT_EQ(cede_rwlock_read_lock(&lifo), 0);
        EXPECT_EQ(cede_rwlock_write_unlock(&lifo), -EPERM);
        EXPECT_EQ(cede_rwlock_read_unlock(&lifo), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&lifo), -EPERM);
        cede_rwlock_finish(&lifo);
}

TEST_ABORTS(finish_while_read,
            "read-write lock map is finished while it is locked, or 0 wait for it")
{
        cede_rwlock_set_name(&l, "map");
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        cede_rwlock_finish(&l);
}

TEST_ABORTS(finish_while_written,
            "read-write lock unnamed is finished while it is locked, or 0 wait for it")
{
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        cede_rwlock_finish(&l);
}
