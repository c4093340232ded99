/* SPDX-License-Identifier: MIT */
/*
 * Who is stuck and who is not: scopes, slots, joins, deadlines, shields, callbacks.  Each test has
 * a circle that must be seen, and most have one beside it that is none.
 */
#include "deadlock.h"

static struct cede_mutex m, other, third;
static struct cede_sem gate;

/* Scopes */

TASK_TEST(child_that_locks_what_its_closing_parent_holds_fails)
{
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        lock(&m);
        EXPECT_EQ(cede_spawn(&c, lock_and_note, &m), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        unlock(&m);
        EXPECT_LOG("deadlock");
        EXPECT(strstr(expect_reports(1), "main (1): waits for the end of 1 child, at "));
}

/* Not of the closing scope: it would have been found by way of its parents, not of its siblings. */
static int close_holding_m(void *arg)
{
        struct cede_scope c;
        int r;

        (void)arg;
        lock(&m);
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_a_second, NULL), 0);
        EXPECT_EQ(cede_spawn(&c, lock_and_note, &other), 0);
        EXPECT_EQ(cede_spawn(&c, sleep_a_second, NULL), 0);
        r = cede_scope_close(&c, 0);
        unlock(&m);
        return r;
}

TASK_TEST(one_stuck_child_of_three_suffices_and_the_owner_may_be_no_ancestor)
{
        struct cede_scope c;

        capture_begin();
        lock(&other);
        cede_scope_open(&c);
        spawn_now(&c, close_holding_m, NULL);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_mutex_lock(&m), -EDEADLK);
        unlock(&other);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("ok");
        expect_reports(1);
}

static void close_over_a_waiting_child(unsigned flags)
{
        struct cede_scope c;
        int r;

        cede_scope_open_with(&c, &(struct cede_scope_options){ .flags = flags });
        lock(&m);
        EXPECT_EQ(cede_spawn(&c, sleep_a_second, NULL), 0);
        spawn_now(&c, lock_and_note, &m);
        r = cede_scope_close(&c, 0);
        unlock(&m);
        EXPECT_EQ(r, -EDEADLK);
        EXPECT_LOG("cancelled");
}

TASK_TEST(closing_that_closes_a_circle_cancels_the_children)
{
        capture_begin();
        close_over_a_waiting_child(0);
        EXPECT_EQ(now_ms(), 0);
        EXPECT_EQ(cede_checkpoint(), 0);
        EXPECT(strstr(expect_reports(1), "the scope's children are cancelled"));
}

TASK_TEST(closing_a_collecting_scope_cancels_them_as_well)
{
        capture_begin();
        close_over_a_waiting_child(CEDE_COLLECT);
        expect_reports(1);
}

static int grandparent(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, lock_and_note, &m), 0);
        return cede_scope_close(&c, 0);
}

TASK_TEST(closing_reaches_a_grandchild)
{
        struct cede_scope c;

        capture_begin();
        lock(&m);
        cede_scope_open(&c);
        spawn_now(&c, grandparent, NULL);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), -EDEADLK);
        unlock(&m);
        EXPECT_LOG("cancelled");
        expect_reports(1);
}

static int lock_in_time(void *arg)
{
        (void)arg;
        CEDE_TIMEOUT(CEDE_SEC(1))
                note("%s", word(lock_briefly(&m)));
        return 0;
}

static int lock_when_told(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_sem_acquire(&gate), 0);
        return 0;
}

TASK_TEST(child_with_a_deadline_or_that_waits_for_something_else_is_not_stuck)
{
        struct cede_scope c;

        capture_begin();
        lock(&m);
        cede_scope_open(&c);
        spawn_now(&c, lock_in_time, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("timeout");
        cede_scope_open_with(&c, &(struct cede_scope_options){ .deadline = cede_in(CEDE_SEC(1)) });
        spawn_now(&c, lock_and_note, &m);
        EXPECT_EQ(cede_scope_close(&c, 0), -ETIMEDOUT);
        EXPECT_LOG("cancelled");
        cede_scope_open(&c);
        spawn_now(&c, lock_when_told, NULL);
        EXPECT_EQ(cede_sem_release(&gate), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        unlock(&m);
        expect_reports(0);
}

static struct cede_scope *shield;

static int lock_shielded(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open_with(&c, &(struct cede_scope_options){ .flags = CEDE_SHIELD_SCOPE });
        shield = &c;
        note("%s", word(lock_briefly(&m)));
        return cede_scope_close(&c, 0);
}

static int cancel_the_shielded(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        cede_scope_cancel(shield);
        return 0;
}

TASK_TEST(shielded_child_is_reported_and_no_more)
{
        struct cede_scope around, c;

        capture_begin();
        lock(&m);
        cede_scope_open(&around);
        spawn_now(&around, cancel_the_shielded, NULL);
        cede_scope_open_with(&c, &(struct cede_scope_options){ .deadline = cede_in(CEDE_SEC(9)) });
        spawn_now(&c, lock_shielded, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(now_ms(), 1000);
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&around, 0), 0);
        EXPECT_LOG("cancelled");
        EXPECT(strstr(expect_reports(1), "none of these waits can be ended"));
}

static int hold_third_and_lock_m(void *arg)
{
        (void)arg;
        lock(&third);
        EXPECT_EQ(cede_yield(), 0); /* somebody comes to wait for it */
        EXPECT_EQ(cede_yield(), 0);
        note("%s", word(lock_briefly(&m)));
        unlock(&third);
        return 0;
}

/* It was reported when it came about; who comes to wait for one in it is not part of it. */
TASK_TEST(circle_that_stands_is_not_reported_again)
{
        struct cede_scope around, c;

        capture_begin();
        lock(&m);
        cede_scope_open(&around);
        spawn_now(&around, cancel_the_shielded, NULL);
        cede_scope_open(&c);
        spawn_now(&c, lock_shielded, NULL);
        EXPECT_EQ(cede_spawn(&around, hold_third_and_lock_m, NULL), 0);
        EXPECT_EQ(cede_spawn(&around, lock_and_note, &third), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&around, 0), 0);
        EXPECT_LOG("cancelled ok ok");
        expect_reports(1);
}

/* Joins */

static struct cede_task *joined;

static int join_it(void *arg)
{
        int r = cede_task_join(joined, NULL);

        (void)arg;
        note("join:%s", word(r));
        return 0;
}

static int hold_m_and_join(void *arg)
{
        lock(&m);
        (void)join_it(arg);
        unlock(&m);
        return 0;
}

static int lock_after_two_turns(void *arg)
{
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_yield(), 0);
        return lock_and_note(arg);
}

TASK_TEST(lock_of_what_the_joiner_holds)
{
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        joined = spawn_held(&c, lock_after_two_turns, &m);
        EXPECT_EQ(cede_spawn(&c, hold_m_and_join, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("deadlock join:ok");
        expect_reports(1);
}

TASK_TEST(join_of_who_waits_for_the_caller_fails)
{
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        lock(&m);
        joined = spawn_held(&c, lock_and_note, &m);
        EXPECT_EQ(cede_task_join(joined, NULL), -EDEADLK);
        unlock(&m);
        EXPECT_EQ(cede_task_join(joined, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("ok");
        expect_reports(1);
}

static int parent_whose_child_joins_it(void *arg)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, join_it, arg), 0);
        return cede_scope_close(&c, 0);
}

TASK_TEST(child_that_joins_its_parent)
{
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        joined = spawn_held(&c, parent_whose_child_joins_it, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("join:deadlock");
        expect_reports(1);
}

TASK_TEST(join_under_a_deadline_is_part_of_no_circle)
{
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        lock(&m);
        joined = spawn_held(&c, lock_and_note, &m);
        CEDE_TIMEOUT(CEDE_SEC(1))
                EXPECT_EQ(cede_task_join(joined, NULL), -ETIMEDOUT);
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("ok");
        expect_reports(0);
}

/* Waits that are over */

static int hold_other_and_lock_m(void *arg)
{
        int r;

        (void)arg;
        lock(&other);
        r = lock_briefly(&m);
        note("%s", word(r));
        unlock(&other);
        return 0;
}

/* Its wait was ended a moment ago, and it has not had its turn since. */
TASK_TEST(cancelled_waiter_that_has_not_run_yet_is_not_stuck)
{
        struct cede_scope c;
        struct cede_task *t;

        capture_begin();
        cede_scope_open(&c);
        lock(&m);
        t = spawn_held(&c, hold_other_and_lock_m, NULL);
        spawn_now(&c, lock_and_note, &m); /* so that somebody does wait for main */
        cede_task_cancel(t);
        EXPECT_EQ(cede_mutex_lock(&other), 0);
        EXPECT_LOG("cancelled");
        unlock(&other);
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        expect_reports(0);
}

static void unlock_it(struct cede_callback *callback, int result)
{
        EXPECT_EQ(result, 0);
        EXPECT_EQ(cede_mutex_unlock_async(&m, callback), 0);
}

static void keep_it(struct cede_callback *callback, int result)
{
        (void)callback;
        EXPECT_EQ(result, 0);
}

static int unlock_for_the_callback(void *callback)
{
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        EXPECT_EQ(cede_mutex_unlock_async(&m, callback), 0);
        return 0;
}

/* What a callback owns, anybody with the handle can unlock. */
TASK_TEST(callbacks_are_part_of_no_circle)
{
        struct cede_callback keeper = { .fn = keep_it }, pending = { .fn = unlock_it };
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        EXPECT_EQ(cede_mutex_lock_async(&m, &keeper), 0);
        EXPECT_EQ(cede_yield(), 0);
        lock(&other);
        spawn_now(&c, unlock_for_the_callback, &keeper);
        EXPECT_EQ(cede_mutex_lock_async(&m, &pending), 0);
        lock(&m); /* after the keeper and the pending one */
        EXPECT_EQ(now_ms(), 1000);
        unlock(&m);
        unlock(&other);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        expect_reports(0);
}
