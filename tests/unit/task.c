/* SPDX-License-Identifier: MIT */
/* Tasks: turns, spawning, joining, names, regions without suspension. */
#include "log.h"

static struct cede_sem never;

static int say(void *text)
{
        note("%s", (const char *)text);
        return 0;
}

static int say_twice(void *text)
{
        note("%s1", (const char *)text);
        give_turns();
        note("%s2", (const char *)text);
        return 0;
}

/* Turns */

TASK_TEST(spawned_task_runs_when_the_spawner_gives_way)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, say, "child"), 0);
        note("spawner");
        give_turns();
        note("spawner");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("spawner child spawner");
}

TASK_TEST(ready_tasks_run_in_the_order_in_which_they_became_ready)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, say_twice, "a"), 0);
        EXPECT_EQ(cede_spawn(&c, say_twice, "b"), 0);
        EXPECT_EQ(cede_spawn(&c, say_twice, "c"), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a1 b1 c1 a2 b2 c2");
}

TASK_TEST(yield_lets_every_other_ready_task_run_first)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, say_twice, "a"), 0);
        EXPECT_EQ(cede_spawn(&c, say_twice, "b"), 0);
        give_turns();
        note("main");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a1 b1 main a2 b2");
}

/* Sleeps, semaphores, cancellations, priorities: everything that could depend on chance. */
static struct cede_sem mixed;

static int mixed_task(void *arg)
{
        int i = (int)(intptr_t)arg;

        CEDE_TIMEOUT(CEDE_MS(i * 7 % 5 + 1)) {
                int r = cede_sem_acquire(&mixed);

                note("%d%c%d", i, word(r)[0], now_ms());
                if (r == 0) {
                        r = cede_sleep(CEDE_MS(i % 3));
                        cede_sem_release(&mixed);
                }
        }
        return 0;
}

static int mixed_program(void *arg)
{
        struct cede_scope c;

        (void)arg;
        EXPECT_EQ(cede_sem_init(&mixed, 2, CEDE_RANDOM), 0);
        cede_scope_open(&c);
        for (int i = 0; i < 200; i++)
                EXPECT_EQ(cede_spawn_with(&c, &(struct cede_spawn_options){ .priority = i % 4 },
                                          mixed_task, (void *)(intptr_t)i, NULL),
                          0);
        return cede_scope_close(&c, 0);
}

TEST(same_program_twice_takes_the_same_course)
{
        static char first[sizeof(log_text)];

        EXPECT_EQ(run_virtual(mixed_program, NULL), 0);
        snprintf(first, sizeof(first), "%s", log_take());
        EXPECT(first[0]);
        EXPECT_EQ(run_virtual(mixed_program, NULL), 0);
        EXPECT_LOG(first);
}

/* Joining */

static int return_7(void *arg)
{
        (void)arg;
        return 7;
}

static int sleep_then_return_7(void *arg)
{
        int r = cede_sleep(CEDE_SEC(1));

        (void)arg;
        return r < 0 ? r : 7;
}

TASK_TEST(join_waits_and_hands_over_the_result)
{
        struct cede_scope c;
        struct cede_task *task;
        int result = 0;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, NULL, sleep_then_return_7, NULL, &task), 0);
        EXPECT_EQ(cede_task_join(task, &result), 0);
        EXPECT_EQ(result, 7);
        EXPECT_EQ(cede_now(), CEDE_SEC(1));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(join_of_an_ended_task_does_not_yield)
{
        struct cede_scope c;
        struct cede_task *task;
        int result = 0;

        cede_scope_open(&c);
        task = spawn_held(&c, return_7, NULL);
        EXPECT_EQ(cede_spawn(&c, say, "other"), 0);
        CEDE_NO_SUSPEND
                EXPECT_EQ(cede_task_join(task, &result), 0);
        EXPECT_EQ(result, 7);
        EXPECT_LOG("");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(result_may_be_ignored)
{
        struct cede_scope c;
        struct cede_task *task;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, NULL, sleep_then_return_7, NULL, &task), 0);
        EXPECT_EQ(cede_task_join(task, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static int fail(void *arg)
{
        (void)arg;
        return -EIO;
}

TASK_TEST(failure_is_told_to_the_joiner_and_to_the_scope)
{
        struct cede_scope outer, c;
        struct cede_task *task;
        int result = 0;

        cede_scope_open(&outer);
        cede_scope_open_with(&c, &(struct cede_scope_options){ .flags = CEDE_COLLECT });
        EXPECT_EQ(cede_spawn_with(&c, NULL, fail, NULL, &task), 0);
        EXPECT_EQ(cede_task_join(task, &result), 0);
        EXPECT_EQ(result, -EIO);
        EXPECT_EQ(cede_scope_close(&c, 0), -EIO);
        EXPECT_EQ(cede_scope_close(&outer, 0), 0);
}

TASK_TEST(joining_oneself_is_a_deadlock)
{
        EXPECT_EQ(cede_task_join(cede_task_self(), NULL), -EDEADLK);
}

static int join_it(void *task)
{
        int result = 0, r = cede_task_join(task, &result);

        note("%s%d", word(r), result);
        return r;
}

TASK_TEST(second_joiner_is_refused)
{
        struct cede_scope c;
        struct cede_task *task;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, NULL, sleep_then_return_7, NULL, &task), 0);
        EXPECT_EQ(cede_spawn(&c, join_it, task), 0);
        give_turns();
        EXPECT_EQ(cede_task_join(task, NULL), -EBUSY);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("ok7");
}

TASK_TEST(cancelled_joiner_leaves_the_task_alone)
{
        struct cede_scope c;
        struct cede_task *task, *joiner;
        int result = 0;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, NULL, sleep_then_return_7, NULL, &task), 0);
        joiner = spawn_held(&c, join_it, task);
        cede_task_cancel(joiner);
        give_turns();
        EXPECT_LOG("cancelled0");
        EXPECT_EQ(cede_task_join(task, &result), 0); /* the handle is still good */
        EXPECT_EQ(result, 7);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(timed_out_joiner_may_join_again)
{
        struct cede_scope c;
        struct cede_task *task;
        int result = 0;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, NULL, sleep_then_return_7, NULL, &task), 0);
        for (int i = 0; i < 3; i++)
                CEDE_TIMEOUT(CEDE_MS(100))
                        EXPECT_EQ(cede_task_join(task, &result), -ETIMEDOUT);
        EXPECT_EQ(cede_task_join(task, &result), 0);
        EXPECT_EQ(result, 7);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(cancelled_task_joins_nobody)
{
        struct cede_scope c, inner;
        struct cede_task *task;

        cede_scope_open(&c);
        task = spawn_held(&c, return_7, NULL);
        cede_scope_open(&inner);
        cede_scope_cancel(&inner);
        EXPECT_EQ(cede_task_join(task, NULL), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&inner, 0), 0);
        EXPECT_EQ(cede_task_join(task, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(join_of_a_cancelled_task)
{
        struct cede_scope c;
        struct cede_task *task;
        int result = 0;

        cede_scope_open(&c);
        task = spawn_held(&c, sleep_then_return_7, NULL);
        cede_task_cancel(task);
        EXPECT_EQ(cede_task_join(task, &result), 0);
        EXPECT_EQ(result, -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static int close_with_a_joined_child(void *arg)
{
        struct cede_task **ret_task = arg;
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, NULL, sleep_then_return_7, NULL, ret_task), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        note("closed");
        return 0;
}

/* The child's end makes both ready, joiner first; the scope is gone before or after it looks. */
TASK_TEST(joiner_gets_the_result_although_the_scope_closes)
{
        struct cede_scope c;
        struct cede_task *task;
        int result = 0;

        cede_scope_open(&c);
        spawn_now(&c, close_with_a_joined_child, &task);
        EXPECT_EQ(cede_task_join(task, &result), 0);
        EXPECT_EQ(result, 7);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("closed");
}

TASK_TEST(handles_that_nobody_joins_go_with_the_scope)
{
        struct cede_run_stats stats;

        for (int round = 0; round < 100; round++) {
                struct cede_task *tasks[100];
                struct cede_scope c;

                cede_scope_open(&c);
                for (int i = 0; i < 100; i++)
                        EXPECT_EQ(cede_spawn_with(&c, NULL, return_7, NULL, &tasks[i]), 0);
                give_turns();
                EXPECT_EQ(cede_task_join(tasks[50], NULL), 0);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
        }
        cede_run_stats(&stats);
        EXPECT_EQ(stats.live, 1);
        EXPECT_EQ(stats.peak_live, 101);
}

TASK_TEST(ended_task_that_is_held_can_be_cancelled_to_no_effect)
{
        struct cede_scope c;
        struct cede_task *task;
        int result = 0;

        cede_scope_open(&c);
        task = spawn_held(&c, return_7, NULL);
        cede_task_cancel(task);
        cede_task_set_priority(task, 3);
        EXPECT_EQ(cede_task_join(task, &result), 0);
        EXPECT_EQ(result, 7);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

/* Names, numbers, priorities */

static int tell_about_myself(void *arg)
{
        struct cede_task *me = cede_task_self();

        (void)arg;
        note("%llu:%s:%d", (unsigned long long)cede_task_id(me), cede_task_name(me),
             cede_task_priority(me));
        cede_task_set_name(me, "renamed");
        cede_task_set_priority(me, -1);
        note("%s:%d", cede_task_name(me), cede_task_priority(me));
        return 0;
}

TASK_TEST(identity)
{
        struct cede_scope c;

        EXPECT_EQ(cede_task_id(cede_task_self()), 1);
        EXPECT_STR(cede_task_name(cede_task_self()), "main");
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c,
                                  &(struct cede_spawn_options){ .name = "worker", .priority = 4 },
                                  tell_about_myself, NULL, NULL),
                  0);
        EXPECT_EQ(cede_spawn(&c, tell_about_myself, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("2:worker:4 renamed:-1 3:task:0 renamed:-1");
}

TEST(outside_of_any_task_there_is_no_self)
{
        EXPECT(!cede_task_self());
}

TASK_TEST(task_without_a_function_is_refused)
{
        struct cede_run_stats stats;

        EXPECT_EQ(cede_spawn(NULL, NULL, NULL), -EINVAL);
        cede_run_stats(&stats);
        EXPECT_EQ(stats.spawned, 1);
}

TASK_TEST(stack_that_is_too_large_is_refused)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, &(struct cede_spawn_options){ .stack_size = (size_t)1 << 40 },
                                  say, "x", NULL),
                  -EINVAL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("");
}

static int use_half_a_megabyte(void *arg)
{
        volatile char big[512 * 1024];

        (void)arg;
        big[0] = 1;
        big[sizeof(big) - 1] = 1;
        return big[0] - big[sizeof(big) - 1];
}

TASK_TEST(stack_of_a_size_of_ones_own)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, &(struct cede_spawn_options){ .stack_size = 600 * 1024 },
                                  use_half_a_megabyte, NULL, NULL),
                  0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

/* Regions without suspension */

TASK_TEST(region_allows_all_that_does_not_wait)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&never, 1, CEDE_FIFO), 0);
        cede_scope_open(&c);
        CEDE_NO_SUSPEND {
                CEDE_NO_SUSPEND {
                        EXPECT_EQ(cede_sem_acquire(&never), 0);
                        cede_sem_release(&never);
                        EXPECT_EQ(cede_spawn(&c, say, "child"), 0);
                }
                EXPECT_EQ(cede_checkpoint(), 0);
        }
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static int leave_a_region(void)
{
        CEDE_NO_SUSPEND
                return 3;
        return 0;
}

TASK_TEST(region_ends_when_it_is_left_early)
{
        EXPECT_EQ(leave_a_region(), 3);
        CEDE_NO_SUSPEND
                break;
        give_turns();
}

static int wait_in_a_region(void *arg)
{
        (void)arg;
        CEDE_NO_SUSPEND
                return cede_sem_acquire(&never);
        return 0;
}

TEST_ABORTS(waiting_in_a_region_aborts, "task \"main\" has to wait inside a CEDE_NO_SUSPEND")
{
        run_virtual(wait_in_a_region, NULL);
}

static int yield_in_a_nested_region(void *arg)
{
        (void)arg;
        CEDE_NO_SUSPEND {
                CEDE_NO_SUSPEND(void)
                        !cede_checkpoint();
                return cede_yield();
        }
        return 0;
}

TEST_ABORTS(yielding_in_the_outer_region_aborts, "inside a CEDE_NO_SUSPEND region")
{
        run_virtual(yield_in_a_nested_region, NULL);
}
