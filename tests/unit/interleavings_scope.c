/* SPDX-License-Identifier: MIT */
/* Scopes of threads: every schedule of sleeps, shields, deadlines and cancels from elsewhere. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_sem *sem;
static int result[2];

static struct cede_scope scope, inner;
static uintptr_t opened, cancelled;

/* Over all schedules. */
static unsigned first, second;

static void prepare(void)
{
        sem = interleave_memory(0);
        EXPECT_EQ(cede_sem_init(sem, 0, CEDE_FIFO), 0);
        result[0] = result[1] = 1;
        opened = cancelled = 0;
}

static void expect_left(long permits)
{
        EXPECT_EQ(cede_sem_value(sem), permits);
        EXPECT_EQ(cede_sem_waiting(sem), 0);
}

static void open_outer(int64_t deadline)
{
        cede_scope_open_with(&scope, &(struct cede_scope_options){ .deadline = deadline });
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("inside");
}

static void close_outer(uintptr_t cancels)
{
        for (uintptr_t n = 0; n < cancels; n++)
                interleave_until_not(&cancelled, n);
        cede_scope_close(&scope, 0);
        EXPECT_EQ(cede_checkpoint(), 0);
}

static void cancel(struct cede_scope *s)
{
        interleave_until(&opened);
        cede_scope_cancel(s);
        __atomic_fetch_add(&cancelled, 1, __ATOMIC_RELEASE);
}

static void cancel_outer(void)
{
        cancel(&scope);
}

static void cancel_inner(void)
{
        cancel(&inner);
}

static void release(void)
{
        EXPECT_EQ(cede_sem_release(sem), 0);
}

static void release_later(void)
{
        EXPECT_EQ(cede_sleep(CEDE_MS(2)), 0);
        EXPECT_EQ(cede_sem_release(sem), 0);
}

/* Sleeping. */

static void sleep_for_ever(void)
{
        open_outer(0);
        result[0] = cede_sleep_until(CEDE_NEVER);
        close_outer(1);
}

static void was_cancelled(void)
{
        EXPECT_EQ(result[0], -ECANCELED);
}

TEST(cancel_ends_a_sleep)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { sleep_for_ever, cancel_outer },
                                                   .check = was_cancelled,
                                                   .early = 1 });

        EXPECT(r.complete || test_slowed());
        EXPECT(r.schedules > 1);
}

static void sleep_a_while(void)
{
        int64_t end;

        open_outer(0);
        end = cede_in(CEDE_MS(1));
        result[0] = cede_sleep_until(end);
        if (result[0] == 0)
                EXPECT(cede_now() >= end);
        close_outer(1);
}

static void slept_or_cancelled(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        first += result[0] == 0;
        second += result[0] != 0;
}

TEST(end_of_a_sleep_or_cancel)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { sleep_a_while, cancel_outer },
                                                   .check = slept_or_cancelled,
                                                   .early = 1,
                                                   .expiring = 1 });

        EXPECT(r.complete || test_slowed());
        EXPECT(first > 0);
        EXPECT(second > 0);
}

/* Cancelled, or too late: one or the other, and a cancellation takes the deadline's place. */

static void wait_till_the_end(void)
{
        open_outer(cede_in(CEDE_MS(1)));
        result[0] = cede_sem_acquire(sem);
        result[1] = cede_sem_acquire(sem);
        close_outer(1);
}

static void late_or_cancelled(void)
{
        EXPECT(result[0] == -ETIMEDOUT || result[0] == -ECANCELED);
        EXPECT(result[1] == -ECANCELED || result[0] == -ETIMEDOUT);
        first += result[0] == -ETIMEDOUT;
        second += result[0] == -ECANCELED;
        expect_left(0);
}

TEST(deadline_or_cancel)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { wait_till_the_end, cancel_outer },
                                                   .check = late_or_cancelled,
                                                   .preemptions = 4,
                                                   .expiring = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(first > 0);
        EXPECT(second > 0);
}

/* Three ways to end one wait. */

static void wait_in_time(void)
{
        open_outer(cede_in(CEDE_MS(1)));
        result[0] = cede_sem_acquire(sem);
        close_outer(1);
}

static unsigned third;

static void one_of_three(void)
{
        EXPECT(result[0] == 0 || result[0] == -ETIMEDOUT || result[0] == -ECANCELED);
        first += result[0] == 0;
        second += result[0] == -ETIMEDOUT;
        third += result[0] == -ECANCELED;
        expect_left(result[0] != 0);
}

TEST(grant_or_deadline_or_cancel)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { wait_in_time, cancel_outer, release },
                                        .check = one_of_three,
                                        .preemptions = 3,
                                        .expiring = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(first > 0);
        EXPECT(second > 0);
        EXPECT(third > 0);
}

/* Shields. */

static void wait_behind_a_shield(void)
{
        open_outer(0);
        CEDE_SHIELD {
                struct cede_scope innermost;

                cede_scope_open(&innermost);
                result[0] = cede_sem_acquire(sem);
                cede_scope_close(&innermost, 0);
        }
        result[1] = cede_sem_acquire(sem);
        close_outer(1);
}

static void only_the_first_was_granted(void)
{
        EXPECT_EQ(result[0], 0);
        EXPECT_EQ(result[1], -ECANCELED);
        expect_left(0);
}

TEST(shield_holds_a_cancel_off)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { wait_behind_a_shield, cancel_outer, release },
                                        .check = only_the_first_was_granted,
                                        .preemptions = 3 });

        EXPECT(r.schedules > 1);
}

/* The deadline is further out, and has no effect before the shield is left; then it has. */
static void be_shielded_for_too_long(void)
{
        open_outer(cede_in(CEDE_MS(1)));
        CEDE_SHIELD {
                EXPECT_EQ(cede_deadline(), CEDE_NEVER);
                result[0] = cede_sem_acquire(sem);
        }
        result[1] = cede_sem_acquire(sem);
        EXPECT_EQ(cede_scope_close(&scope, -ECANCELED), -ETIMEDOUT);
        EXPECT_EQ(cede_checkpoint(), 0);
}

static void late_after_the_shield(void)
{
        EXPECT_EQ(result[0], 0);
        EXPECT_EQ(result[1], -ETIMEDOUT);
        expect_left(0);
}

TEST(deadline_passes_inside_a_shield)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { be_shielded_for_too_long, release_later },
                                        .check = late_after_the_shield,
                                        .early = 1,
                                        .expiring = 1,
                                        .preemptions = 3 });

        EXPECT(r.schedules > 1);
}

/* An inner scope and the one around it are cancelled by two others at once. */

static void wait_in_both(void)
{
        cede_scope_open(&scope);
        cede_scope_open(&inner);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("inside");
        result[0] = cede_sem_acquire(sem);
        interleave_until_not(&cancelled, 0);
        interleave_until_not(&cancelled, 1);
        EXPECT_EQ(cede_scope_close(&inner, 0), 0);
        result[1] = cede_sem_acquire(sem);
        close_outer(0);
}

static void both_were_cancelled(void)
{
        EXPECT_EQ(result[0], -ECANCELED);
        EXPECT_EQ(result[1], -ECANCELED);
        expect_left(0);
}

TEST(two_cancel_at_once)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { wait_in_both, cancel_inner, cancel_outer },
                                        .check = both_were_cancelled,
                                        .preemptions = 3 });

        EXPECT(r.schedules > 1);
}
