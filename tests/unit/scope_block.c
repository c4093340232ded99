/* SPDX-License-Identifier: MIT */
/* Scopes: the block forms, spawning from elsewhere, and misuse that ends the program. */
#include "log.h"

static struct cede_sem never;

static int sleep_a_second(void *name)
{
        int r = cede_sleep(CEDE_SEC(1));

        note("%s:%s@%d", (const char *)name, word(r), now_ms());
        return r;
}

static int fail_at_once(void *arg)
{
        (void)arg;
        return -EIO;
}

TASK_TEST(timeout_block)
{
        int r = 0;

        CEDE_TIMEOUT(CEDE_SEC(1))
                r = cede_sem_acquire(&never);
        EXPECT_EQ(r, -ETIMEDOUT);
        EXPECT_EQ(cede_now(), CEDE_SEC(1));
        EXPECT_EQ(cede_checkpoint(), 0);
}

TASK_TEST(timeout_block_that_never_ends)
{
        CEDE_TIMEOUT(CEDE_NEVER) {
                EXPECT_EQ(cede_deadline(), CEDE_NEVER);
                EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        }
}

TASK_TEST(timeout_block_of_negative_length_is_over_at_once)
{
        CEDE_TIMEOUT(-5)
                EXPECT_EQ(cede_yield(), -ETIMEDOUT);
}

TASK_TEST(scope_block_waits_and_receives_the_result)
{
        int r = 0;

        CEDE_SCOPE(c, &r)
                r = cede_spawn(&c, sleep_a_second, "a");
        EXPECT_EQ(r, 0);
        EXPECT_LOG("a:ok@1000");
        CEDE_SCOPE(c, &r) {
                EXPECT_EQ(cede_spawn(&c, sleep_a_second, "b"), 0);
                r = cede_spawn(&c, fail_at_once, NULL);
        }
        EXPECT_EQ(r, -EIO);
        EXPECT_LOG("b:cancelled@1000");
}

TASK_TEST(scope_block_hands_the_bodys_result_to_close)
{
        int r = 0;

        CEDE_SCOPE(c, &r) {
                EXPECT_EQ(cede_spawn(&c, sleep_a_second, "a"), 0);
                r = -ENOENT;
        }
        EXPECT_EQ(r, -ENOENT);
        EXPECT_LOG("a:cancelled@0");
}

TASK_TEST(scope_block_with_options)
{
        struct cede_limit one = CEDE_LIMIT_INIT(1, CEDE_FIFO);
        int r = 0;

        CEDE_SCOPE_WITH(c, &r, &(struct cede_scope_options){ .limit = &one, .flags = CEDE_COLLECT })
        {
                EXPECT_EQ(cede_spawn(&c, fail_at_once, NULL), 0);
                EXPECT_EQ(cede_spawn(&c, sleep_a_second, "a"), 0);
                EXPECT_EQ(cede_spawn(&c, sleep_a_second, "b"), 0);
        }
        EXPECT_EQ(r, -EIO);
        EXPECT_LOG("a:ok@1000 b:ok@2000");
        cede_limit_finish(&one);
}

TASK_TEST(no_options_are_the_defaults)
{
        struct cede_scope c;

        cede_scope_open_with(&c, NULL);
        EXPECT_EQ(cede_deadline(), CEDE_NEVER);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static int leave_by_return(void)
{
        CEDE_SCOPE(c, NULL) {
                EXPECT_EQ(cede_spawn(&c, sleep_a_second, "a"), 0);
                give_turns();
                return 42;
        }
        return 0;
}

TASK_TEST(return_from_a_scope_block_cancels_and_waits)
{
        EXPECT_EQ(leave_by_return(), 42);
        EXPECT_LOG("a:cancelled@0");
        give_turns();
}

TASK_TEST(break_from_a_scope_block_cancels_and_waits)
{
        int r = 7;

        CEDE_SCOPE(c, &r) {
                EXPECT_EQ(cede_spawn(&c, sleep_a_second, "a"), 0);
                give_turns();
                break;
        }
        EXPECT_EQ(r, 7);
        EXPECT_LOG("a:cancelled@0");
        give_turns();
}

TASK_TEST(continue_ends_a_block_like_its_end)
{
        int r = 0;

        CEDE_SCOPE(c, &r) {
                EXPECT_EQ(cede_spawn(&c, sleep_a_second, "a"), 0);
                continue;
        }
        EXPECT_EQ(r, 0);
        EXPECT_LOG("a:ok@1000");
}

static int leave_three_blocks(void)
{
        CEDE_SHIELD {
                CEDE_TIMEOUT(CEDE_SEC(5)) {
                        CEDE_SCOPE(c, NULL) {
                                EXPECT_EQ(cede_spawn(&c, sleep_a_second, "a"), 0);
                                give_turns();
                                goto out;
                        }
                }
        }
out:
        return cede_deadline() == CEDE_NEVER;
}

TASK_TEST(goto_leaves_several_blocks_from_the_innermost_outwards)
{
        EXPECT(leave_three_blocks());
        EXPECT_LOG("a:cancelled@0");
}

TASK_TEST(nested_timeouts_time_out_from_the_inside)
{
        int64_t deadlines[2] = { 0, 0 };

        CEDE_TIMEOUT(CEDE_SEC(2)) {
                CEDE_TIMEOUT(CEDE_SEC(1)) {
                        EXPECT_EQ(cede_sem_acquire(&never), -ETIMEDOUT);
                        deadlines[0] = cede_now();
                }
                EXPECT_EQ(cede_sem_acquire(&never), -ETIMEDOUT);
                deadlines[1] = cede_now();
        }
        EXPECT_EQ(deadlines[0], CEDE_SEC(1));
        EXPECT_EQ(deadlines[1], CEDE_SEC(2));
}

TASK_TEST(inner_timeout_later_than_the_outer_one_is_a_cancellation)
{
        CEDE_TIMEOUT(CEDE_SEC(1)) {
                CEDE_TIMEOUT(CEDE_SEC(2))
                        EXPECT_EQ(cede_sem_acquire(&never), -ECANCELED);
                EXPECT_EQ(cede_now(), CEDE_SEC(1));
        }
}

/* Spawning from elsewhere */

static struct cede_scope *outer_scope;

static int spawn_into_outer(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_spawn(outer_scope, sleep_a_second, "guest"), 0);
        note("host");
        return 0;
}

TASK_TEST(child_spawns_into_an_outer_scope)
{
        struct cede_scope outer, inner;

        cede_scope_open(&outer);
        outer_scope = &outer;
        cede_scope_open(&inner);
        EXPECT_EQ(cede_spawn(&inner, spawn_into_outer, NULL), 0);
        EXPECT_EQ(cede_scope_close(&inner, 0), 0);
        EXPECT_LOG("host");
        EXPECT_EQ(cede_scope_close(&outer, 0), 0);
        EXPECT_LOG("guest:ok@1000");
}

TASK_TEST(child_spawns_a_sibling_while_its_parent_closes)
{
        struct cede_scope c;

        cede_scope_open(&c);
        outer_scope = &c;
        EXPECT_EQ(cede_spawn(&c, spawn_into_outer, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("host guest:ok@1000");
}

TASK_TEST(spawned_into_a_cancelled_scope_it_runs_all_the_same)
{
        struct cede_scope c;

        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_a_second, "a"), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled@0");
}

TASK_TEST(hundred_thousand_children, .seconds = 60)
{
        const int n = test_slowed() ? 5000 : 100000;
        struct cede_run_stats stats;
        struct cede_scope c;

        cede_scope_open(&c);
        for (int i = 0; i < n; i++)
                EXPECT_EQ(cede_spawn(&c, fail_at_once, NULL), 0);
        cede_run_stats(&stats);
        EXPECT_EQ(stats.live, n + 1);
        EXPECT_EQ(stats.stacks, 0); /* none has begun */
        EXPECT_EQ(cede_scope_close(&c, 0), -EIO);
        cede_run_stats(&stats);
        EXPECT_EQ(stats.live, 1);
        EXPECT_EQ(stats.spawned, n + 1);
        EXPECT_EQ(stats.peak_stacks, 1); /* one after the other on the same */
}

/* Misuse */

static int close_in_the_wrong_order(void *arg)
{
        struct cede_scope a, b;

        (void)arg;
        cede_scope_open(&a);
        cede_scope_open(&b);
        return cede_scope_close(&a, 0);
}

TEST_ABORTS(closing_in_the_wrong_order_aborts, "not the innermost one of task \"main\"")
{
        run_virtual(close_in_the_wrong_order, NULL);
}

static int close_anothers(void *scope)
{
        return cede_scope_close(scope, 0);
}

static int let_another_close(void *arg)
{
        struct cede_scope a;

        (void)arg;
        cede_scope_open(&a);
        EXPECT_EQ(cede_spawn(&a, close_anothers, &a), 0);
        return cede_scope_close(&a, 0);
}

TEST_ABORTS(closing_the_scope_of_another_task_aborts, "not the innermost one of task \"task\"")
{
        run_virtual(let_another_close, NULL);
}

static int leave_a_scope_open(void *arg)
{
        static struct cede_scope a;

        (void)arg;
        cede_scope_open(&a);
        return 0;
}

static int have_a_child_leave_a_scope_open(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, &(struct cede_spawn_options){ .name = "messy" },
                                  leave_a_scope_open, NULL, NULL),
                  0);
        return cede_scope_close(&c, 0);
}

TEST_ABORTS(task_that_returns_with_an_open_scope_aborts,
            "task \"messy\" returned with a scope open")
{
        run_virtual(have_a_child_leave_a_scope_open, NULL);
}

TEST_ABORTS(main_that_returns_with_an_open_scope_aborts, "returned with a scope open")
{
        run_virtual(leave_a_scope_open, NULL);
}

static int spawn_into_a_closed_scope(void *arg)
{
        struct cede_scope a;

        (void)arg;
        cede_scope_open(&a);
        EXPECT_EQ(cede_scope_close(&a, 0), 0);
        return cede_spawn(&a, fail_at_once, NULL);
}

TEST_ABORTS(spawning_into_a_closed_scope_aborts, "scope that is closed")
{
        run_virtual(spawn_into_a_closed_scope, NULL);
}

TEST_ABORTS(spawning_outside_of_a_run_aborts, "outside of a run; call cede_run first")
{
        struct cede_scope a;

        cede_scope_open(&a); /* a plain thread may have scopes, but no children */
        (void)!cede_spawn(&a, NULL, NULL);
}
