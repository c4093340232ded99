/* SPDX-License-Identifier: MIT */
/* A thread that waits for any of several objects: every schedule of grants and cancels. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_sem *a, *b;
static int result, follower;
static long wanted_of_a;

static struct cede_scope scope;
static uintptr_t opened, cancelled;

/* Over all schedules: how often each outcome was seen. */
static unsigned took_a, took_b, refused;

static void prepare(void)
{
        a = interleave_memory(0);
        b = interleave_memory(1);
        EXPECT_EQ(cede_sem_init(a, 0, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_init(b, 0, CEDE_FIFO), 0);
        result = follower = 9;
        wanted_of_a = 1;
        opened = cancelled = 0;
}

static void prepare_blocked_head(void)
{
        prepare();
        wanted_of_a = 2;
        EXPECT_EQ(cede_sem_release(a), 0);
}

static void take_either(void)
{
        struct cede_case cases[] = { cede_sem_case(a, wanted_of_a), cede_sem_case(b, 1) };

        result = cede_wait_any(cases, 2);
}

static void release_a(void)
{
        EXPECT_EQ(cede_sem_release(a), 0);
}

static void release_b(void)
{
        EXPECT_EQ(cede_sem_release(b), 0);
}

static void count(void)
{
        took_a += result == 0;
        took_b += result == 1;
        refused += result == -ECANCELED;
        EXPECT(result == 0 || result == 1 || result == -ECANCELED);
        EXPECT_EQ(cede_sem_waiting(a), 0);
        EXPECT_EQ(cede_sem_waiting(b), 0);
}

static void took_one_of_two(void)
{
        count();
        EXPECT_EQ(cede_sem_value(a), result == 0 ? 0 : 1);
        EXPECT_EQ(cede_sem_value(b), result == 1 ? 0 : 1);
}

TEST(two_releases_meet)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { take_either, release_a, release_b },
                                                   .check = took_one_of_two,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 100 || test_slowed());
        EXPECT(took_a > 0);
        EXPECT(took_b > 0);
        EXPECT_EQ(refused, 0);
}

/* Somebody waits for `b` alone. */

static void take_b(void)
{
        follower = cede_sem_acquire(b);
}

static void release_b_then_a(void)
{
        release_b();
        release_a();
        release_b();
}

static void both_were_served(void)
{
        count();
        EXPECT_EQ(follower, 0);
        EXPECT_EQ(cede_sem_value(a) + cede_sem_value(b), 1);
}

TEST(others_at_the_object_that_is_left_go_on)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { take_either, take_b, release_b_then_a },
                                        .check = both_were_served,
                                        .preemptions = 3 });

        EXPECT(r.schedules > 100 || test_slowed());
        EXPECT(took_a > 0);
        EXPECT(took_b > 0);
}

/* Cancelled meanwhile */

static void take_either_unless_cancelled(void)
{
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        take_either();
        interleave_until(&cancelled); /* the scope is used until then */
        EXPECT_EQ(cede_scope_close(&scope, 0), 0);
}

static void cancel_it(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void took_one_or_none(void)
{
        count();
        EXPECT_EQ(cede_sem_value(a), result == 0 ? 0 : 1);
        EXPECT_EQ(cede_sem_value(b), 0);
}

TEST(grant_meets_cancel)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare,
                .threads = { take_either_unless_cancelled, release_a, cancel_it },
                .check = took_one_or_none,
                .preemptions = 3 });

        EXPECT(r.schedules > 100 || test_slowed());
        EXPECT(took_a > 0);
        EXPECT(refused > 0);
}

/* It wants two of `a`, where one is free: who comes behind it waits for it to leave. */

static void take_a(void)
{
        follower = cede_sem_acquire(a);
}

static void the_follower_passed(void)
{
        count();
        EXPECT_EQ(follower, 0);
        EXPECT_EQ(cede_sem_value(a), 0);
}

TEST(follower_passes_when_it_is_cancelled)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare_blocked_head,
                .threads = { take_either_unless_cancelled, take_a, cancel_it },
                .check = the_follower_passed,
                .preemptions = 3 });

        EXPECT(r.schedules > 100 || test_slowed());
        EXPECT_EQ(took_a, 0);
        EXPECT(refused > 0);
}

TEST(follower_passes_when_it_is_granted_elsewhere)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_blocked_head,
                                                   .threads = { take_either, take_a, release_b },
                                                   .check = the_follower_passed,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 100 || test_slowed());
        EXPECT_EQ(took_a, 0);
        EXPECT(took_b > 0);
}
