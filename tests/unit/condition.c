/* SPDX-License-Identifier: MIT */
/*
 * Condition: who is notified, and what a cancellation or a deadline does to a notification.  Orders
 * of the condition: matrix.c.
 */
#include <pthread.h>
#include <sched.h>

#include "log.h"

static struct cede_condition c;
static struct cede_mutex m, recursive = CEDE_RECURSIVE_MUTEX_INIT(CEDE_FIFO);

static const char *result(int r)
{
        return r == -EOWNERDEAD ? "dead" : word(r);
}

static int await(void *name)
{
        int r;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        r = cede_condition_wait(&c, &m);
        note("%s:%s", (const char *)name, result(r));
        EXPECT(cede_mutex_owned(&m));
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        return 0;
}

static int await_then_checkpoint(void *name)
{
        await(name);
        note("then:%s", word(cede_checkpoint()));
        return 0;
}

static struct cede_task *spawn_with_priority(struct cede_scope *scope, int priority, void *name)
{
        struct cede_task *task;

        EXPECT_EQ(cede_spawn_with(scope, &(struct cede_spawn_options){ .priority = priority },
                                  await, name, &task),
                  0);
        give_turns();
        return task;
}

TASK_TEST(not_the_owner)
{
        EXPECT_EQ(cede_condition_wait(&c, &m), -EPERM);
        EXPECT_EQ(cede_condition_wait_for(&c, &m, NULL, NULL), -EPERM);
        EXPECT_EQ(cede_condition_waiting(&c), 0);
        EXPECT(!cede_mutex_locked(&m));
        EXPECT_EQ(cede_condition_notify(&c, 1), 0);
        EXPECT_EQ(cede_condition_notify_all(&c), 0);
}

static int not_the_owner_either(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_condition_wait(&c, &m), -EPERM);
        return 0;
}

TASK_TEST(locked_by_somebody_else)
{
        struct cede_scope s;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open(&s);
        spawn_now(&s, not_the_owner_either, NULL);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT(cede_mutex_owned(&m));
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

TASK_TEST(notify_n_wakes_n_in_order)
{
        static const char *const names[] = { "0", "1", "2", "3", "4", "5" };
        struct cede_scope s;
        struct cede_condition_stats stats;

        cede_scope_open(&s);
        for (int i = 0; i < 6; i++)
                spawn_now(&s, await, (void *)(uintptr_t)names[i]);
        EXPECT(!cede_mutex_locked(&m)); /* given up while they wait */
        EXPECT_EQ(cede_condition_notify(&c, 0), 0);
        EXPECT_EQ(cede_condition_notify(&c, 1), 1);
        EXPECT_EQ(cede_condition_waiting(&c), 5);
        EXPECT_LOG("");
        give_turns();
        EXPECT_LOG("0:ok");
        EXPECT_EQ(cede_condition_notify(&c, 2), 2);
        EXPECT_EQ(cede_condition_notify(&c, 100), 3);
        EXPECT_EQ(cede_condition_waiting(&c), 0);
        EXPECT_EQ(cede_condition_notify_all(&c), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("1:ok 2:ok 3:ok 4:ok 5:ok");
        cede_condition_stats(&c, &stats);
        EXPECT_EQ(stats.peak_waiting, 6);
        EXPECT_EQ(stats.waiting, 0);
}

/* Those notified stand in the mutex's queue, and go by its order from there on. */
static void both_orders(enum cede_order first, enum cede_order second, const char *expected)
{
        struct cede_scope s;

        EXPECT_EQ(cede_condition_init(&c, first), 0);
        EXPECT_EQ(cede_mutex_init(&m, second), 0);
        cede_scope_open(&s);
        spawn_with_priority(&s, 1, "a");
        spawn_with_priority(&s, 3, "b");
        spawn_with_priority(&s, 2, "c");
        spawn_with_priority(&s, 4, "d");
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_condition_notify(&c, 3), 3);
        EXPECT_EQ(cede_mutex_waiting(&m), 3);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        while (cede_mutex_locked(&m))
                give_turns();
        EXPECT_LOG(expected);
        EXPECT_EQ(cede_condition_notify_all(&c), 1);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        log_take();
}

TASK_TEST(order_of_the_condition_then_order_of_the_mutex)
{
        both_orders(CEDE_FIFO, CEDE_FIFO, "a:ok b:ok c:ok");
        both_orders(CEDE_FIFO, CEDE_LIFO, "c:ok b:ok a:ok");
        both_orders(CEDE_FIFO, CEDE_PRIORITY, "b:ok c:ok a:ok");
        both_orders(CEDE_LIFO, CEDE_FIFO, "d:ok c:ok b:ok");
        both_orders(CEDE_LIFO, CEDE_LIFO, "b:ok c:ok d:ok");
        both_orders(CEDE_LIFO, CEDE_PRIORITY, "d:ok b:ok c:ok");
        both_orders(CEDE_PRIORITY, CEDE_FIFO, "d:ok b:ok c:ok");
        both_orders(CEDE_PRIORITY, CEDE_LIFO, "c:ok b:ok d:ok");
        both_orders(CEDE_PRIORITY, CEDE_PRIORITY, "d:ok b:ok c:ok");
}

/* A waiting task whose priority changes is sorted anew, in whichever queue it stands. */
TASK_TEST(priority_set_before_and_after_the_notification)
{
        struct cede_scope s;
        struct cede_task *a, *b, *d;

        EXPECT_EQ(cede_condition_init(&c, CEDE_PRIORITY), 0);
        EXPECT_EQ(cede_mutex_init(&m, CEDE_PRIORITY), 0);
        cede_scope_open(&s);
        a = spawn_with_priority(&s, 1, "a");
        b = spawn_with_priority(&s, 2, "b");
        d = spawn_with_priority(&s, 3, "d");
        cede_task_set_priority(a, 4); /* a d b */
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_condition_notify(&c, 2), 2);
        cede_task_set_priority(d, 5); /* in the mutex's queue */
        cede_task_set_priority(b, 6); /* still in the condition's */
        EXPECT_EQ(cede_mutex_waiting(&m), 2);
        EXPECT_EQ(cede_condition_waiting(&c), 1);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        give_turns();
        give_turns();
        EXPECT_LOG("d:ok a:ok");
        EXPECT_EQ(cede_condition_notify(&c, 1), 1);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("b:ok");
}

/* Cancellation */

TASK_TEST(notified_then_cancelled_has_been_notified)
{
        struct cede_scope s;
        struct cede_task *a;

        EXPECT_EQ(cede_condition_notify(&c, 1), 0); /* is not remembered */
        cede_scope_open(&s);
        a = spawn_held(&s, await_then_checkpoint, "a");
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_condition_notify(&c, 1), 1);
        cede_task_cancel(a); /* it stands in the mutex's queue, and stays there */
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        give_turns();
        EXPECT_LOG("");
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a:ok then:cancelled");
}

TASK_TEST(cancelled_consumes_no_notification)
{
        struct cede_scope s;
        struct cede_task *a;

        cede_scope_open(&s);
        a = spawn_held(&s, await_then_checkpoint, "a");
        spawn_now(&s, await, "b");
        cede_task_cancel(a);
        EXPECT_EQ(cede_condition_waiting(&c), 1);
        EXPECT_EQ(cede_condition_notify(&c, 1), 1);
        EXPECT_EQ(cede_condition_notify(&c, 1), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        /* b owns the mutex since the notification, so a comes back to it after b. */
        EXPECT_LOG("b:ok a:cancelled then:cancelled");
}

TASK_TEST(cancelled_comes_back_to_the_mutex_for_certain)
{
        struct cede_scope s;
        struct cede_task *a;

        cede_scope_open(&s);
        a = spawn_held(&s, await, "a");
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_task_cancel(a);
        give_turns();
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        cede_task_cancel(a);
        cede_scope_cancel(&s);
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        EXPECT_LOG("");
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a:cancelled");
}

static int await_for_a_second(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        CEDE_TIMEOUT(CEDE_SEC(1)) {
                int r = cede_condition_wait(&c, &m);

                note("%s@%d", word(r), now_ms());
                EXPECT(cede_mutex_owned(&m));
                note("%s", word(cede_condition_wait(&c, &m))); /* out of time: at once, held */
                EXPECT(cede_mutex_owned(&m));
        }
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        return 0;
}

TASK_TEST(timed_out_waits_for_the_mutex_beyond_its_deadline)
{
        struct cede_scope s;

        cede_scope_open(&s);
        spawn_now(&s, await_for_a_second, NULL);
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(5)), 0);
        EXPECT_EQ(cede_condition_waiting(&c), 0);
        EXPECT_EQ(cede_condition_notify(&c, 1), 0); /* it has given up */
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("timeout@5000 timeout");
}

TASK_TEST(cancelled_before_the_wait_keeps_the_mutex)
{
        struct cede_scope s;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open(&s);
        cede_scope_cancel(&s);
        EXPECT_EQ(cede_condition_wait(&c, &m), -ECANCELED);
        EXPECT(cede_mutex_owned(&m));
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_condition_waiting(&c), 0);
}

/* With the mutex */

static int await_recursively(void *name)
{
        int r;

        for (int i = 0; i < 3; i++)
                EXPECT_EQ(cede_mutex_lock(&recursive), 0);
        r = cede_condition_wait(&c, &recursive);
        note("%s:%s", (const char *)name, word(r));
        for (int i = 0; i < 3; i++) {
                EXPECT(cede_mutex_owned(&recursive));
                EXPECT_EQ(cede_mutex_unlock(&recursive), 0);
        }
        EXPECT(!cede_mutex_owned(&recursive));
        return 0;
}

TASK_TEST(depth_of_a_recursive_mutex_is_restored)
{
        struct cede_scope s;
        struct cede_task *b;

        cede_scope_open(&s);
        spawn_now(&s, await_recursively, "a");
        EXPECT(!cede_mutex_locked(&recursive));
        b = spawn_held(&s, await_recursively, "b");
        EXPECT_EQ(cede_mutex_lock(&recursive), 0);
        EXPECT_EQ(cede_condition_notify(&c, 1), 1);
        EXPECT_EQ(cede_mutex_unlock(&recursive), 0); /* once is enough for a depth of its own */
        give_turns();
        EXPECT_LOG("a:ok");
        cede_task_cancel(b);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("b:cancelled");
}

static int lock_and_end(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_condition_notify(&c, 2), 2);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        return 0;
}

TASK_TEST(owner_ends_while_the_notified_come_back)
{
        struct cede_scope s;
        struct cede_task *d;

        cede_scope_open(&s);
        spawn_now(&s, await, "a");
        spawn_now(&s, await, "b");
        d = spawn_held(&s, await, "d");
        spawn_now(&s, lock_and_end, NULL);
        cede_task_cancel(d);
        give_turns();
        EXPECT_EQ(cede_mutex_waiting(&m), 3);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a:dead b:ok d:cancelled");
        EXPECT(!cede_mutex_locked(&m));
}

static int lock_and_end_at_once(void *arg)
{
        (void)arg;
        return cede_mutex_lock(&m);
}

TASK_TEST(notified_when_the_mutex_is_free_and_orphaned)
{
        struct cede_scope s;

        cede_scope_open(&s);
        spawn_now(&s, await, "a");
        spawn_now(&s, lock_and_end_at_once, NULL);
        EXPECT(!cede_mutex_locked(&m));
        EXPECT_EQ(cede_condition_notify_all(&c), 1);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a:dead");
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

/* wait_for */

static int items;

static bool some(void *wanted)
{
        EXPECT(cede_mutex_owned(&m));
        note("look:%d", items);
        return items >= *(int *)wanted;
}

static int await_items(void *wanted)
{
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        note("%s", word(cede_condition_wait_for(&c, &m, some, wanted)));
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        return 0;
}

TASK_TEST(wait_for_looks_again_after_each_notification)
{
        int wanted = 2;
        struct cede_scope s;

        cede_scope_open(&s);
        spawn_now(&s, await_items, &wanted);
        for (items = 1; items <= 2; items++) {
                EXPECT_EQ(cede_condition_notify_all(&c), 1);
                give_turns();
        }
        EXPECT_EQ(cede_condition_waiting(&c), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("look:0 look:1 look:2 ok");
        EXPECT_EQ(await_items(&wanted), 0); /* true already: does not wait */
        EXPECT_LOG("look:3 ok");
}

TASK_TEST(wait_for_ends_with_the_deadline)
{
        int wanted = 1;
        struct cede_scope s;

        cede_scope_open(&s);
        CEDE_TIMEOUT(CEDE_SEC(1))
                EXPECT_EQ(await_items(&wanted), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("look:0 timeout");
        EXPECT_EQ(now_ms(), 1000);
}

TEST(init_refuses_what_is_no_order)
{
        EXPECT_EQ(cede_condition_init(&c, (enum cede_order)99), -EINVAL);
}

static int finish_while_awaited_main(void *arg)
{
        struct cede_scope s;

        (void)arg;
        cede_condition_set_name(&c, "news");
        cede_scope_open(&s);
        spawn_now(&s, await, "a");
        cede_condition_finish(&c);
        return cede_scope_close(&s, 0);
}

TEST_ABORTS(finish_while_awaited, "condition news is finished while 1 wait for it")
{
        EXPECT_EQ(run_virtual(finish_while_awaited_main, NULL), 0);
}
