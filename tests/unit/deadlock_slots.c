/* SPDX-License-Identifier: MIT */
/* Circles through the slots of a limit (deadlock_rules.c has those of scopes and joins). */
#include "deadlock.h"

static struct cede_mutex m;
static struct cede_limit limit;

static void open_limited(struct cede_scope *c)
{
        cede_scope_open_with(c, &(struct cede_scope_options){ .limit = &limit });
}

static void slots(long max)
{
        EXPECT_EQ(cede_limit_init(&limit, max, CEDE_FIFO), 0);
        cede_limit_set_name(&limit, "visits");
}

static int nothing(void *arg)
{
        (void)arg;
        return 0;
}

/* main closes; a child waits to start; the slot's holder, of another scope, waits for main. */
TASK_TEST(queued_start_waits_for_the_holder_of_the_slot)
{
        struct cede_scope a, b;

        capture_begin();
        slots(1);
        lock(&m);
        open_limited(&a);
        spawn_now(&a, lock_and_note, &m);
        open_limited(&b);
        spawn_now(&b, nothing, NULL);
        EXPECT_EQ(cede_scope_close(&b, 0), 0);
        EXPECT_LOG("deadlock");
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&a, 0), 0);
        EXPECT(strstr(expect_reports(1), "waits to start, for a slot of limit visits (1 of 1 "));
}

/* The holder is the last to come to rest. */
TASK_TEST(holder_that_locks_what_is_held_until_it_ends_fails)
{
        struct cede_scope a, b;

        capture_begin();
        slots(1);
        lock(&m);
        open_limited(&a);
        EXPECT_EQ(cede_spawn(&a, lock_and_note, &m), 0);
        open_limited(&b);
        EXPECT_EQ(cede_spawn(&b, nothing, NULL), 0);
        EXPECT_EQ(cede_scope_close(&b, 0), 0);
        EXPECT_LOG("deadlock");
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&a, 0), 0);
        expect_reports(1);
}

/* A slot comes free when any of its holders ends. */
TASK_TEST(all_holders_must_be_stuck)
{
        struct cede_scope a, b;

        capture_begin();
        slots(3);
        lock(&m);
        open_limited(&a);
        spawn_now(&a, lock_and_note, &m);
        spawn_now(&a, sleep_a_second, NULL);
        spawn_now(&a, lock_and_note, &m);
        open_limited(&b);
        spawn_now(&b, nothing, NULL);
        EXPECT_EQ(cede_scope_close(&b, 0), 0);
        EXPECT_EQ(now_ms(), 1000);
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&a, 0), 0);
        EXPECT_LOG("ok ok");
        expect_reports(0);
}

TASK_TEST(two_holders_that_are_both_stuck)
{
        struct cede_scope a, b;
        const char *text;

        capture_begin();
        slots(2);
        lock(&m);
        open_limited(&a);
        spawn_now(&a, lock_and_note, &m);
        spawn_now(&a, lock_and_note, &m);
        open_limited(&b);
        spawn_now(&b, nothing, NULL);
        EXPECT_EQ(cede_scope_close(&b, 0), 0);
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&a, 0), 0);
        EXPECT_LOG("deadlock ok");
        text = expect_reports(1);
        EXPECT(strstr(text, "each of these waits for others of them, and for nobody else"));
        EXPECT_EQ(count_of(text, " (2): ") + count_of(text, " (3): "), 2);
}

static int close_with_a_sleeper(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_a_second, NULL), 0);
        return cede_scope_close(&c, 0);
}

/* Who lends its slot holds none: then it is for the other one alone to give. */
TASK_TEST(slot_that_is_lent_is_held_by_who_has_it_now)
{
        struct cede_scope a, b;

        capture_begin();
        slots(1);
        lock(&m);
        open_limited(&a);
        spawn_now(&a, close_with_a_sleeper, NULL);
        spawn_now(&a, lock_and_note, &m); /* by the slot that was lent */
        open_limited(&b);
        spawn_now(&b, nothing, NULL);
        EXPECT_EQ(cede_scope_close(&b, 0), 0);
        EXPECT_LOG("deadlock");
        EXPECT_EQ(now_ms(), 0);
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&a, 0), 0);
        expect_reports(1);
}

/* The one that lent it is not stuck, as long as its child is not, and the slot is not needed. */
TASK_TEST(parent_whose_child_moves_is_not_stuck_yet)
{
        struct cede_scope a;

        capture_begin();
        slots(1);
        lock(&m);
        open_limited(&a);
        spawn_now(&a, close_with_a_sleeper, NULL);
        spawn_now(&a, lock_and_note, &m);
        EXPECT_EQ(cede_sleep(CEDE_MS(500)), 0);
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&a, 0), 0);
        EXPECT_LOG("ok");
        expect_reports(0);
}

static int lock_and_note_when(void *mutex)
{
        int r = lock_briefly(mutex);

        note("%s@%d", word(r), now_ms());
        return 0;
}

static struct cede_scope *closing_scope;

/* By way of a grandchild that the scope's limit does not count. */
static int spawn_into_the_closing_scope(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        EXPECT_EQ(cede_spawn(closing_scope, nothing, NULL), 0);
        return cede_sleep(CEDE_SEC(1));
}

static int lend(void *arg)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, spawn_into_the_closing_scope, arg), 0);
        return cede_scope_close(&c, 0);
}

/* The start is queued in a scope that is being closed, and that is the last edge. */
TASK_TEST(start_that_is_queued_in_a_closing_scope)
{
        struct cede_scope a, b;

        capture_begin();
        slots(1);
        lock(&m);
        open_limited(&a);
        open_limited(&b);
        closing_scope = &b;
        spawn_now(&b, lend, NULL);
        spawn_now(&a, lock_and_note_when, &m);
        EXPECT_EQ(cede_scope_close(&b, 0), 0);
        EXPECT_LOG("deadlock@1000");
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&a, 0), 0);
        expect_reports(1);
}

/* Its holder stands before them in the list of children. */
TASK_TEST(backlog_does_not_hide_the_holder)
{
        struct cede_scope a, b;

        capture_begin();
        slots(1);
        lock(&m);
        open_limited(&a);
        spawn_now(&a, lock_and_note, &m);
        for (int i = 0; i < 20000; i++)
                EXPECT_EQ(cede_spawn(&a, nothing, NULL), 0);
        open_limited(&b);
        EXPECT_EQ(cede_spawn(&b, nothing, NULL), 0);
        EXPECT_EQ(cede_scope_close(&b, 0), 0);
        EXPECT_LOG("deadlock");
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&a, 0), 0);
        expect_reports(1);
}
