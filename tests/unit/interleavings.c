/* SPDX-License-Identifier: MIT */
/* The scheduler of interleave.h itself: it runs every schedule once, and finds what there is. */
#include "base/futex.h"
#include "interleave.h"
#include "test.h"
#include <stdlib.h>

static unsigned x, lost;
static uintptr_t never;
static _Atomic uint32_t word;
static char *page;

static void prepare(void)
{
        x = 0;
        page = interleave_memory(0);
        atomic_store(&word, 0);
}

/* Counting: orders of a, a, ... and b, b, ... are binomial coefficients. */

static void two_steps(void)
{
        interleave_step("first");
        interleave_step("second");
}

static void one_step(void)
{
        interleave_step("only");
}

static unsigned long count(void (*a)(void), void (*b)(void), void (*c)(void))
{
        return interleave(&(struct interleaving){ .threads = { a, b, c } }).schedules;
}

TEST(every_schedule_is_run_once)
{
        EXPECT_EQ(count(two_steps, NULL, NULL), 1);
        if (test_slowed()) { /* with one preemption at most: see below */
                EXPECT_EQ(count(two_steps, two_steps, NULL), 6);
                EXPECT_EQ(count(two_steps, one_step, NULL), 5);
                return;
        }
        EXPECT_EQ(count(two_steps, two_steps, NULL), 20);        /* 6! / 3! 3! */
        EXPECT_EQ(count(two_steps, one_step, NULL), 10);         /* 5! / 3! 2! */
        EXPECT_EQ(count(one_step, one_step, one_step), 90);      /* 6! / 2! 2! 2! */
        EXPECT_EQ(count(two_steps, two_steps, two_steps), 1680); /* 9! / 3! 3! 3! */
}

TEST(preemptions_are_bounded)
{
        struct interleaving plan = { .threads = { two_steps, two_steps }, .preemptions = 1 };
        struct interleaved r = interleave(&plan);

        EXPECT(!r.complete);
        EXPECT_EQ(r.preemptions, 1);
        EXPECT_EQ(r.schedules, 6); /* ab, ba; and each cut at one of two places */
}

/* Finding. */

static void increment(void)
{
        unsigned seen = x;

        interleave_step("write");
        x = seen + 1;
}

static void count_lost(void)
{
        lost += x != 2;
}

static void stop_if_lost(void)
{
        if (x != 2)
                abort();
}

TEST_ABORTS(lost_update_is_found, "INTERLEAVE=ab2a\n")
{
        interleave(&(struct interleaving){
                .prepare = prepare, .threads = { increment, increment }, .check = stop_if_lost });
}

TEST(schedule_is_followed)
{
        struct interleaving plan = { .prepare = prepare,
                                     .threads = { increment, increment },
                                     .check = count_lost };

        setenv("INTERLEAVE", "a2b2", 1);
        EXPECT_EQ(interleave(&plan).schedules, 1);
        EXPECT_EQ(lost, 0);
        setenv("INTERLEAVE", "ab2a", 1);
        EXPECT_EQ(interleave(&plan).schedules, 1);
        EXPECT_EQ(lost, 1);
        unsetenv("INTERLEAVE");
}

static void wait_for_nothing(void)
{
        interleave_until(&never);
}

TEST_ABORTS(wait_without_end_is_found, "all threads wait, and none has a deadline")
{
        interleave(&(struct interleaving){ .threads = { two_steps, wait_for_nothing } });
}

static void sleep_on_the_word(void)
{
        if (atomic_load(&word) == 0)
                cede__futex_wait(&word, 0, INT64_MAX);
}

static void wake_and_then_set(void)
{
        cede__futex_wake(&word);
        interleave_step("set");
        atomic_store(&word, 1);
}

static void set_and_wake(void)
{
        interleave_step("set");
        atomic_store(&word, 1);
        cede__futex_wake(&word);
}

TEST_ABORTS(lost_wake_is_found, "a: sleeps in sleep")
{
        interleave(&(struct interleaving){ .prepare = prepare,
                                           .threads = { sleep_on_the_word, wake_and_then_set } });
}

TEST(no_wake_is_lost)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare, .threads = { sleep_on_the_word, set_and_wake }, .early = 1 });

        EXPECT(r.complete || test_slowed());
        EXPECT(r.schedules > 1);
}

static void go_on_for_ever(void)
{
        for (;;)
                interleave_step("again");
}

TEST_ABORTS(schedule_without_end_is_found, "does not end")
{
        interleave(&(struct interleaving){ .threads = { go_on_for_ever } });
}

static void leave_the_page(void)
{
        interleave_step("leave");
        interleave_gone(page);
}

static void use_the_page(void)
{
        interleave_step("use");
        *(volatile char *)page = 1;
}

TEST_DIES(touch_of_what_is_gone_is_found, "INTERLEAVE=a2b")
{
        interleave(&(struct interleaving){ .prepare = prepare,
                                           .threads = { leave_the_page, use_the_page } });
}
