/* SPDX-License-Identifier: MIT */
/* Threads at a barrier: every schedule of arriving, being cancelled, running out of time, reset. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_barrier *barrier;
static int result[3];
static struct cede_scope scope;
static uintptr_t opened, cancelled;

/* Over all schedules. */
static unsigned passed, broken;

static void prepare_for(long parties)
{
        barrier = interleave_memory(0);
        EXPECT_EQ(cede_barrier_init(barrier, parties, CEDE_FIFO), 0);
        result[0] = result[1] = result[2] = 1000;
        opened = cancelled = 0;
}

static void prepare_two(void)
{
        prepare_for(2);
}

static void prepare_three(void)
{
        prepare_for(3);
}

static void first(void)
{
        result[0] = cede_barrier_wait(barrier);
}

static void second(void)
{
        result[1] = cede_barrier_wait(barrier);
}

static void third(void)
{
        result[2] = cede_barrier_wait(barrier);
}

static void each_has_a_number(void)
{
        EXPECT_EQ(1 << result[0] | 1 << result[1] | 1 << result[2], 7);
        EXPECT_EQ(cede_barrier_waiting(barrier), 0);
}

TEST(three_meet)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_three,
                                                   .threads = { first, second, third },
                                                   .check = each_has_a_number,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
}

/* Whoever is first away meets the others again: nobody of the old round is in the new one. */

static void twice(int *ret_results)
{
        for (int round = 0; round < 2; round++) {
                int r = cede_barrier_wait(barrier);

                EXPECT(r == 0 || r == 1);
                *ret_results = *ret_results * 10 + r;
                interleave_step("again");
        }
}

static void first_twice(void)
{
        result[0] = 0;
        twice(&result[0]);
}

static void second_twice(void)
{
        result[1] = 0;
        twice(&result[1]);
}

static void two_rounds(void)
{
        struct cede_barrier_stats stats;

        EXPECT_EQ(result[0] + result[1], 11);
        cede_barrier_stats(barrier, &stats);
        EXPECT_EQ(stats.rounds, 2);
}

TEST(two_meet_twice)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_two,
                                                   .threads = { first_twice, second_twice },
                                                   .check = two_rounds,
                                                   .preemptions = 3,
                                                   .early = 1 });

        EXPECT(r.schedules > 1);
}

/* One is cancelled: all have passed, or all but it are told. */

static void first_in_scope(void)
{
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("arrive");
        first();
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void cancel_it(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void all_or_none(void)
{
        if (result[0] >= 0) {
                EXPECT_EQ(1 << result[0] | 1 << result[1], 3);
                passed++;
        } else {
                EXPECT_EQ(result[0], -ECANCELED);
                EXPECT_EQ(result[1], -ENOTRECOVERABLE);
                broken++;
        }
        EXPECT_EQ(cede_barrier_is_broken(barrier), result[0] < 0);
        EXPECT_EQ(cede_barrier_waiting(barrier), 0);
}

TEST(pass_or_cancel)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_two,
                                                   .threads = { first_in_scope, second, cancel_it },
                                                   .check = all_or_none,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(passed > 0);
        EXPECT(broken > 0);
}

static void two_others_are_told(void)
{
        if (result[0] >= 0) {
                each_has_a_number();
                passed++;
        } else {
                EXPECT_EQ(result[0], -ECANCELED);
                EXPECT_EQ(result[1], -ENOTRECOVERABLE);
                EXPECT_EQ(result[2], -ENOTRECOVERABLE);
                broken++;
        }
}

TEST(three_pass_or_one_is_cancelled)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare_three,
                                        .threads = { first_in_scope, second, third, cancel_it },
                                        .check = two_others_are_told,
                                        .preemptions = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(passed > 0);
        EXPECT(broken > 0);
}

/* Cancelled, and reset: sent away by one of the two, and whoever resets last finds it whole. */

static void reset(void)
{
        interleave_until(&opened);
        cede_barrier_reset(barrier);
}

static void sent_away(void)
{
        EXPECT(result[0] == -ECANCELED || result[0] == -ENOTRECOVERABLE);
        if (result[0] == -ENOTRECOVERABLE)
                EXPECT(!cede_barrier_is_broken(barrier));
        passed += result[0] == -ENOTRECOVERABLE;
        broken += cede_barrier_is_broken(barrier);
        EXPECT_EQ(cede_barrier_waiting(barrier), 0);
}

TEST(reset_or_cancel)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_two,
                                                   .threads = { first_in_scope, reset, cancel_it },
                                                   .check = sent_away,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(passed > 0);
        EXPECT(broken > 0);
}

/* A deadline passes while the other one arrives. */

static void first_in_time(void)
{
        CEDE_TIMEOUT(CEDE_MS(1))
                first();
}

static void all_in_time_or_none(void)
{
        if (result[0] == -ETIMEDOUT)
                result[0] = -ECANCELED;
        all_or_none();
}

TEST(pass_or_deadline)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_two,
                                                   .threads = { first_in_time, second },
                                                   .check = all_in_time_or_none,
                                                   .preemptions = 4,
                                                   .expiring = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(passed > 0);
        EXPECT(broken > 0);
}

/* The first one who has passed ends its life, whatever the last one still does. */

static void first_and_gone(void)
{
        first();
        if (result[0] == 0) {
                cede_barrier_finish(barrier);
                interleave_gone(barrier);
        }
}

static void second_and_gone(void)
{
        second();
        if (result[1] == 0) {
                cede_barrier_finish(barrier);
                interleave_gone(barrier);
        }
}

TEST(passed_and_gone)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_two,
                                                   .threads = { first_and_gone, second_and_gone },
                                                   .preemptions = 4 });

        EXPECT(r.schedules > 1);
}
