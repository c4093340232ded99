/* SPDX-License-Identifier: MIT */
/* A run from start to end: results, stragglers, options, several runs. */
#include <pthread.h>

#include "log.h"

static struct cede_sem never;

TEST(result_of_the_main_function)
{
        EXPECT_EQ(cede_run(return_it, NULL), 0);
        EXPECT_EQ(cede_run(return_it, (void *)5), 5);
        EXPECT_EQ(cede_run(return_it, (void *)-EIO), -EIO);
        EXPECT_EQ(cede_run(return_it, (void *)-ECANCELED), -ECANCELED);
}

TEST(exit_status)
{
        EXPECT_EQ(cede_exit_status(0), 0);
        EXPECT_EQ(cede_exit_status(5), 0);
        EXPECT_EQ(cede_exit_status(-1), 1);
        EXPECT_EQ(cede_exit_status(INT32_MIN), 1);
}

static int nested(void *arg)
{
        (void)arg;
        note("%s", word(cede_run(return_it, NULL)));
        return 3;
}

TEST(run_inside_of_a_run_is_refused)
{
        EXPECT_EQ(cede_run(nested, NULL), 3);
        EXPECT_LOG("busy");
}

static int stack_address(void *arg)
{
        char here;

        *(uintptr_t *)arg = (uintptr_t)&here;
        return 0;
}

TEST(main_function_runs_on_the_callers_stack)
{
        uintptr_t there = 0;
        char here;

        EXPECT_EQ(cede_run(stack_address, &there), 0);
        EXPECT(((uintptr_t)&here > there ? (uintptr_t)&here - there : there - (uintptr_t)&here) <
               65536);
}

/* What outlives the main function */

static int straggler(void *arg)
{
        int r = cede_sem_acquire(&never);

        (void)arg;
        note("%s@%d", word(r), now_ms());
        return r;
}

static int leave_a_straggler(void *arg)
{
        EXPECT_EQ(cede_spawn(NULL, straggler, NULL), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        note("main");
        return (int)(intptr_t)arg;
}

TEST(stragglers_are_cancelled_and_waited_for)
{
        EXPECT_EQ(run_virtual(leave_a_straggler, (void *)4), 4);
        EXPECT_LOG("main cancelled@1000");
}

TEST(stragglers_do_not_change_a_failure)
{
        EXPECT_EQ(run_virtual(leave_a_straggler, (void *)-EIO), -EIO);
}

static int leave_an_unstarted_task(void *arg)
{
        (void)arg;
        return cede_spawn(NULL, straggler, NULL);
}

TEST(unstarted_straggler_runs)
{
        EXPECT_EQ(run_virtual(leave_an_unstarted_task, NULL), 0);
        EXPECT_LOG("cancelled@0");
}

static int spawn_while_winding_up(void *arg)
{
        intptr_t generations = (intptr_t)arg;
        int r = cede_sleep(1);

        note("%d", (int)generations);
        if (generations > 1)
                EXPECT_EQ(cede_spawn(NULL, spawn_while_winding_up, (void *)(generations - 1)), 0);
        return r;
}

static int leave_a_dynasty(void *arg)
{
        return cede_spawn(NULL, spawn_while_winding_up, arg);
}

TEST(stragglers_may_spawn_stragglers)
{
        EXPECT_EQ(run_virtual(leave_a_dynasty, (void *)3), 0);
        EXPECT_LOG("3 2 1");
}

static int shielded_straggler(void *arg)
{
        (void)arg;
        CEDE_SHIELD
                EXPECT_EQ(cede_sleep(CEDE_SEC(5)), 0);
        note("done@%d", now_ms());
        return 0;
}

static int leave_a_shielded_one(void *arg)
{
        (void)arg;
        spawn_now(NULL, shielded_straggler, NULL);
        return 0;
}

TEST(shielded_straggler_is_waited_for)
{
        EXPECT_EQ(run_virtual(leave_a_shielded_one, NULL), 0);
        EXPECT_LOG("done@5000");
}

static int have_a_failing_child(void *arg)
{
        int r;

        EXPECT_EQ(cede_spawn(NULL, return_it, arg), 0);
        EXPECT_EQ(cede_spawn(NULL, straggler, NULL), 0);
        r = cede_sleep(CEDE_SEC(1));
        note("main:%s@%d", word(r), now_ms());
        return 0;
}

TEST(failing_task_of_the_run_cancels_everything_and_is_the_result)
{
        EXPECT_EQ(run_virtual(have_a_failing_child, (void *)-EIO), -EIO);
        EXPECT_LOG("cancelled@0 main:cancelled@0"); /* the straggler was about to start */
}

static int fail_after_main(void *arg)
{
        (void)!cede_sleep(CEDE_SEC(1));
        return (int)(intptr_t)arg;
}

static int return_before_the_failure(void *arg)
{
        spawn_now(NULL, fail_after_main, (void *)-EIO);
        return (int)(intptr_t)arg;
}

TEST(straggler_that_fails_makes_the_run_fail)
{
        EXPECT_EQ(run_virtual(return_before_the_failure, NULL), -EIO);
        EXPECT_EQ(run_virtual(return_before_the_failure, (void *)-ENOENT), -ENOENT);
}

/* Options */

static void refused(struct cede_run_options options)
{
        EXPECT_EQ(cede_run_with(return_it, NULL, &options), -EINVAL);
        EXPECT_EQ(cede_run(return_it, NULL), 0);
}

TEST(options_that_make_no_sense_are_refused)
{
        static const int unknown[] = { 12345, 0 }, uncatchable[] = { 9, 0 };

        refused((struct cede_run_options){ .clock = (enum cede_clock)7 });
        refused((struct cede_run_options){ .watchdog = -1 });
        refused((struct cede_run_options){ .offload_threads = 2, .offload_threads_min = 3 });
        refused((struct cede_run_options){ .offload_threads_min = 1025 });
        refused((struct cede_run_options){ .offload_order = (enum cede_order)17 });
        refused((struct cede_run_options){ .stack_size = (size_t)1 << 50 });
        refused((struct cede_run_options){ .cancel_signals = unknown });
        refused((struct cede_run_options){ .cancel_signals = uncatchable });
        refused((struct cede_run_options){ .report_signal = 12345 });
        refused((struct cede_run_options){ .report_signal = -1 });
}

TEST(no_options_are_the_defaults)
{
        EXPECT_EQ(cede_run_with(return_it, (void *)6, NULL), 6);
}

static int use_half_a_megabyte(void *arg)
{
        volatile char big[512 * 1024];

        (void)arg;
        big[0] = big[sizeof(big) - 1] = 1;
        return big[0] - big[sizeof(big) - 1];
}

static int spawn_the_large(void *arg)
{
        return cede_spawn(NULL, use_half_a_megabyte, arg);
}

TEST(stack_size_of_all_tasks)
{
        EXPECT_EQ(cede_run_with(spawn_the_large, NULL,
                                &(struct cede_run_options){ .stack_size = 1024 * 1024 }),
                  0);
}

/* Statistics */

static int sleep_a_bit(void *arg)
{
        (void)arg;
        return cede_sleep(1);
}

TASK_TEST(statistics)
{
        struct cede_run_stats s;
        struct cede_scope c;

        cede_run_stats(&s);
        EXPECT_EQ(s.spawned, 1);
        EXPECT_EQ(s.live, 1);
        EXPECT_EQ(s.stacks, 0);
        EXPECT_EQ(s.turns, 0);
        cede_scope_open(&c);
        for (int i = 0; i < 5; i++)
                EXPECT_EQ(cede_spawn(&c, sleep_a_bit, NULL), 0);
        EXPECT_EQ(cede_yield(), 0);
        cede_run_stats(&s);
        EXPECT_EQ(s.live, 6);
        EXPECT_EQ(s.stacks, 5);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_run_stats(&s);
        EXPECT_EQ(s.spawned, 6);
        EXPECT_EQ(s.live, 1);
        EXPECT_EQ(s.peak_live, 6);
        EXPECT_EQ(s.stacks, 0);
        EXPECT_EQ(s.peak_stacks, 5);
        EXPECT_EQ(s.turns, 5 + 1 + 5 + 1); /* they start, main, they wake, main */
}

TASK_TEST(checkpoints_are_no_turns)
{
        struct cede_run_stats before, after;

        cede_run_stats(&before);
        for (int i = 0; i < 1000; i++)
                EXPECT_EQ(cede_checkpoint(), 0);
        cede_run_stats(&after);
        EXPECT_EQ(after.turns, before.turns);
}

TEST(statistics_outside_of_a_run_are_zero)
{
        struct cede_run_stats s = { .live = 7 };

        cede_run_stats(&s);
        EXPECT_EQ(s.live, 0);
        EXPECT_EQ(s.spawned, 0);
}

/* Several runs */

static int small_program(void *arg)
{
        struct cede_local *key = arg;
        struct cede_scope c;

        cede_scope_open(&c);
        for (int i = 0; i < 20; i++)
                EXPECT_EQ(cede_spawn(&c, sleep_a_bit, NULL), 0);
        EXPECT_EQ(cede_local_set(key, &c), 0);
        EXPECT_EQ(cede_offload(return_it, NULL), 0);
        EXPECT_EQ(cede_spawn(NULL, straggler, NULL), 0);
        return cede_scope_close(&c, 0);
}

/* The harness looks for what they leave behind. */
TEST(hundred_runs_in_a_row)
{
        static struct cede_local key;

        for (int i = 0; i < 100; i++) {
                EXPECT_EQ(i % 2 ? cede_run(small_program, &key) : run_virtual(small_program, &key),
                          0);
                log_take();
        }
}

static int count_up(void *arg)
{
        int *n = arg;

        for (int i = 0; i < 1000; i++) {
                ++*n;
                EXPECT_EQ(cede_yield(), 0);
        }
        return 0;
}

static int ten_count_up(void *arg)
{
        struct cede_scope c;

        cede_scope_open(&c);
        for (int i = 0; i < 10; i++)
                EXPECT_EQ(cede_spawn(&c, count_up, arg), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(1));
        return *(int *)arg;
}

static void *run_in_thread(void *arg)
{
        (void)arg;
        for (int i = 0; i < 5; i++) {
                int n = 0;

                EXPECT_EQ(run_virtual(ten_count_up, &n), 10000);
        }
        return NULL;
}

TEST(runs_in_several_threads_at_a_time)
{
        pthread_t threads[4];

        for (int i = 0; i < 4; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, run_in_thread, NULL), 0);
        run_in_thread(NULL);
        for (int i = 0; i < 4; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
}
