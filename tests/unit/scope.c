/* SPDX-License-Identifier: MIT */
/* Scopes: what closing returns, what a child's failure does, deadlines, block forms, misuse. */
#include "log.h"

static struct cede_sem never; /* no permits, ever */

/* Sleeps for so many seconds, then succeeds. */
static int sleep_s(void *arg)
{
        int s = (int)(intptr_t)arg, r = cede_sleep(CEDE_SEC(s));

        note("%d:%s@%d", s, word(r), now_ms());
        return r;
}

/* The same and then fails. */
static int fail_after_s(void *arg)
{
        int s = (int)(intptr_t)arg, r = cede_sleep(CEDE_SEC(s));

        note("fail%d:%s@%d", s, word(r), now_ms());
        return -EIO;
}

#define S(n) ((void *)(intptr_t)(n))

static void open_with_deadline(struct cede_scope *c, int64_t deadline)
{
        cede_scope_open_with(c, &(struct cede_scope_options){ .deadline = deadline });
}

/* Closing */

TASK_TEST(close_waits_for_every_child)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(2)), 0);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(1)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("1:ok@1000 2:ok@2000");
}

TASK_TEST(close_of_an_empty_scope_does_not_suspend)
{
        struct cede_scope c;

        CEDE_NO_SUSPEND {
                cede_scope_open(&c);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
        }
}

TASK_TEST(close_passes_the_bodys_result_on)
{
        struct cede_scope c;

        for (int result = -3; result <= 3; result++) {
                cede_scope_open(&c);
                EXPECT_EQ(cede_scope_close(&c, result), result);
        }
}

TASK_TEST(positive_results_of_children_are_successes)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(0)), 0);
        EXPECT_EQ(cede_scope_close(&c, 7), 7);
}

TASK_TEST(failing_body_cancels_the_children)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(1)), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_scope_close(&c, -EIO), -EIO);
        EXPECT_LOG("1:cancelled@0");
}

TASK_TEST(failing_body_cancels_the_children_of_a_collecting_scope_too)
{
        struct cede_scope c;

        cede_scope_open_with(&c, &(struct cede_scope_options){ .flags = CEDE_COLLECT });
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(1)), 0);
        EXPECT_EQ(cede_scope_close(&c, -EIO), -EIO);
        EXPECT_LOG("1:cancelled@0");
}

/* Failure of a child */

TASK_TEST(first_failure_cancels_siblings_and_body)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(3)), 0);
        EXPECT_EQ(cede_spawn(&c, fail_after_s, S(1)), 0);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(4)), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(9)), -ECANCELED);
        note("body@%d", now_ms());
        EXPECT_EQ(cede_scope_close(&c, -ECANCELED), -EIO);
        EXPECT_LOG("fail1:ok@1000 body@1000 3:cancelled@1000 4:cancelled@1000");
}

TASK_TEST(first_failure_outranks_later_ones_and_the_body)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, fail_after_s, S(1)), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, -ENOENT), -EIO);
}

static int fail_when_cancelled(void *arg)
{
        EXPECT_EQ(cede_sleep(CEDE_SEC(9)), -ECANCELED);
        return (int)(intptr_t)arg;
}

TASK_TEST(first_of_several_failing_children_counts)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, fail_when_cancelled, S(-ENOENT)), 0);
        EXPECT_EQ(cede_spawn(&c, fail_after_s, S(1)), 0);
        EXPECT_EQ(cede_spawn(&c, fail_when_cancelled, S(-EPERM)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), -EIO);
}

TASK_TEST(bodys_failure_outranks_a_later_one_of_a_child)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, fail_after_s, S(1)), 0);
        EXPECT_EQ(cede_scope_close(&c, -ENOENT), -ENOENT);
}

TASK_TEST(failure_while_the_body_is_in_close)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(3)), 0);
        EXPECT_EQ(cede_spawn(&c, fail_after_s, S(1)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), -EIO);
        EXPECT_EQ(now_ms(), 1000);
}

TASK_TEST(collecting_scope_lets_the_others_go_on)
{
        struct cede_scope c;

        cede_scope_open_with(&c, &(struct cede_scope_options){ .flags = CEDE_COLLECT });
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(3)), 0);
        EXPECT_EQ(cede_spawn(&c, fail_after_s, S(1)), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), -EIO);
        EXPECT_LOG("fail1:ok@1000 3:ok@3000");
}

static int nested_failure(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(5)), 0);
        EXPECT_EQ(cede_spawn(&c, fail_after_s, S(1)), 0);
        return cede_scope_close(&c, 0);
}

TASK_TEST(failures_travel_outwards_level_by_level)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, nested_failure, NULL), 0);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(4)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), -EIO);
        EXPECT_LOG("fail1:ok@1000 5:cancelled@1000 4:cancelled@1000");
}

TASK_TEST(failure_stays_inside_its_scope_if_that_is_handled)
{
        struct cede_scope outer, inner;

        cede_scope_open(&outer);
        EXPECT_EQ(cede_spawn(&outer, sleep_s, S(2)), 0);
        cede_scope_open(&inner);
        EXPECT_EQ(cede_spawn(&inner, fail_after_s, S(1)), 0);
        EXPECT_EQ(cede_scope_close(&inner, 0), -EIO);
        EXPECT_EQ(cede_checkpoint(), 0);
        EXPECT_EQ(cede_scope_close(&outer, 0), 0);
        EXPECT_LOG("fail1:ok@1000 2:ok@2000");
}

TASK_TEST(individually_cancelled_child_is_no_failure)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(2)), 0);
        cede_task_cancel(spawn_held(&c, sleep_s, S(5)));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("5:cancelled@0 2:ok@2000");
}

static int give_up(void *arg)
{
        (void)arg;
        return -ECANCELED;
}

TASK_TEST(cancelled_by_its_own_idea_is_a_failure)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, give_up, NULL), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), -ECANCELED);
}

TASK_TEST(cancelled_scope_closes_with_the_bodys_result)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(2)), 0);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 5), 5);
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, cede_yield()), -ECANCELED);
}

/* Deadlines */

TASK_TEST(own_deadline_times_out_at_its_instant)
{
        struct cede_scope c;

        open_with_deadline(&c, CEDE_SEC(1));
        EXPECT_EQ(cede_sem_acquire(&never), -ETIMEDOUT);
        EXPECT_EQ(cede_now(), CEDE_SEC(1));
        EXPECT_EQ(cede_sleep(1), -ETIMEDOUT);
        EXPECT_EQ(cede_yield(), -ETIMEDOUT);
        EXPECT_EQ(cede_checkpoint(), -ETIMEDOUT);
        EXPECT_EQ(cede_scope_close(&c, -ETIMEDOUT), -ETIMEDOUT);
        EXPECT_EQ(cede_yield(), 0);
}

TASK_TEST(deadline_further_out_is_a_cancellation_inside)
{
        struct cede_scope outer, inner;

        open_with_deadline(&outer, CEDE_SEC(1));
        open_with_deadline(&inner, CEDE_SEC(2));
        EXPECT_EQ(cede_sem_acquire(&never), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&inner, -ECANCELED), -ECANCELED);
        EXPECT_EQ(cede_sem_acquire(&never), -ETIMEDOUT);
        EXPECT_EQ(cede_scope_close(&outer, -ECANCELED), -ETIMEDOUT);
        EXPECT_EQ(cede_now(), CEDE_SEC(1));
}

TASK_TEST(deadline_that_cuts_nothing_short_is_not_reported)
{
        struct cede_scope c;

        open_with_deadline(&c, CEDE_SEC(1));
        CEDE_SHIELD
                EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(deadline_cuts_children_short)
{
        struct cede_scope c;

        open_with_deadline(&c, CEDE_SEC(2));
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(1)), 0);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(3)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), -ETIMEDOUT);
        EXPECT_LOG("1:ok@1000 3:cancelled@2000");
}

TASK_TEST(deadline_cuts_children_of_a_collecting_scope_short)
{
        struct cede_scope c;

        cede_scope_open_with(
                &c, &(struct cede_scope_options){ .flags = CEDE_COLLECT, .deadline = CEDE_SEC(2) });
        EXPECT_EQ(cede_spawn(&c, fail_after_s, S(1)), 0);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(3)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), -EIO);
        EXPECT_LOG("fail1:ok@1000 3:cancelled@2000");
}

TASK_TEST(failure_before_the_deadline_outranks_it)
{
        struct cede_scope c;

        open_with_deadline(&c, CEDE_SEC(2));
        EXPECT_EQ(cede_spawn(&c, fail_after_s, S(1)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), -EIO);
        EXPECT_EQ(now_ms(), 1000);
}

TASK_TEST(deadline_that_is_over_before_the_scope_opens)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sleep(CEDE_SEC(5)), 0);
        open_with_deadline(&c, CEDE_SEC(4));
        EXPECT_EQ(cede_checkpoint(), -ETIMEDOUT);
        EXPECT_EQ(cede_spawn(&c, sleep_s, S(1)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), -ETIMEDOUT);
        EXPECT_LOG("1:cancelled@5000");
}

TASK_TEST(closed_in_time_the_deadline_is_forgotten)
{
        struct cede_scope c;

        open_with_deadline(&c, CEDE_SEC(1));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(2));
}

TASK_TEST(late_deadline_does_not_claim_a_cancellation)
{
        struct cede_scope outer, inner;

        cede_scope_open(&outer);
        open_with_deadline(&inner, CEDE_SEC(2));
        cede_scope_cancel(&outer);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), -ECANCELED);
        CEDE_SHIELD
                EXPECT_EQ(cede_sleep(CEDE_SEC(3)), 0);
        EXPECT_EQ(cede_scope_close(&inner, -ECANCELED), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&outer, 0), 0);
}

static int cancelled_with_a_long_good_bye(void *arg)
{
        int r = cede_sleep(CEDE_SEC(9));

        (void)arg;
        CEDE_SHIELD
                EXPECT_EQ(cede_sleep(CEDE_SEC(3)), 0);
        return r;
}

TASK_TEST(individually_cancelled_child_is_no_timeout)
{
        struct cede_scope c;

        open_with_deadline(&c, CEDE_SEC(2));
        cede_task_cancel(spawn_held(&c, cancelled_with_a_long_good_bye, NULL));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(3));
}

static int note_deadline(void *arg)
{
        struct cede_scope c;

        (void)arg;
        note("%lld", (long long)(cede_deadline() / CEDE_SEC(1)));
        open_with_deadline(&c, CEDE_SEC(5));
        note("%lld", (long long)(cede_deadline() / CEDE_SEC(1)));
        return cede_scope_close(&c, 0);
}

TASK_TEST(deadline_is_the_earliest_that_applies)
{
        struct cede_scope outer, inner;

        EXPECT_EQ(cede_deadline(), CEDE_NEVER);
        open_with_deadline(&outer, CEDE_SEC(10));
        EXPECT_EQ(cede_deadline(), CEDE_SEC(10));
        open_with_deadline(&inner, CEDE_SEC(20));
        EXPECT_EQ(cede_deadline(), CEDE_SEC(10));
        EXPECT_EQ(cede_spawn(&inner, note_deadline, NULL), 0);
        CEDE_SHIELD {
                EXPECT_EQ(cede_deadline(), CEDE_NEVER);
                CEDE_SCOPE(c, NULL)
                        EXPECT_EQ(cede_deadline(), CEDE_NEVER);
        }
        EXPECT_EQ(cede_scope_close(&inner, 0), 0);
        CEDE_TIMEOUT(CEDE_SEC(3))
                EXPECT_EQ(cede_deadline(), CEDE_SEC(3));
        EXPECT_EQ(cede_scope_close(&outer, 0), 0);
        EXPECT_EQ(cede_deadline(), CEDE_NEVER);
        EXPECT_LOG("10 5");
}
