/* SPDX-License-Identifier: MIT */
/* Threads at a semaphore: every schedule of acquire, release, cancel and time-out. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_sem *sem;
static int result[3];
static long held;

/* The victim's, see cancel_it. */
static struct cede_scope scope;
static uintptr_t opened, cancelled;

/* How often each outcome was seen, over all schedules. */
static unsigned granted, refused, at_once, handed_over;

static void prepare_with(long permits, enum cede_order order)
{
        sem = interleave_memory(0);
        EXPECT_EQ(cede_sem_init(sem, permits, order), 0);
        for (int i = 0; i < 3; i++)
                result[i] = 1;
        held = 0;
        opened = cancelled = 0;
}

static void prepare_0(void)
{
        prepare_with(0, CEDE_FIFO);
}

static void prepare_1(void)
{
        prepare_with(1, CEDE_FIFO);
}

static void expect_left(long permits)
{
        struct cede_sem_stats stats;

        cede_sem_stats(sem, &stats);
        EXPECT_EQ(stats.value, permits);
        EXPECT_EQ(stats.waiting, 0);
        at_once += stats.handoffs == 0;
        handed_over += stats.handoffs > 0;
}

static void acquire(void)
{
        result[0] = cede_sem_acquire(sem);
}

static void acquire_second(void)
{
        result[1] = cede_sem_acquire(sem);
}

static void release(void)
{
        EXPECT_EQ(cede_sem_release(sem), 0);
}

static void release_2(void)
{
        EXPECT_EQ(cede_sem_release_n(sem, 2), 0);
}

/* Acquire and release. */

static void acquired_one(void)
{
        EXPECT_EQ(result[0], 0);
        expect_left(0);
}

static void meet(unsigned early)
{
        struct interleaved r = interleave(&(struct interleaving){ .prepare = prepare_0,
                                                                  .threads = { acquire, release },
                                                                  .check = acquired_one,
                                                                  .early = early });

        EXPECT(r.complete || test_slowed());
        EXPECT(at_once > 0);
        EXPECT(handed_over > 0);
}

TEST(acquire_meets_release)
{
        meet(0);
}

TEST(sleep_may_end_for_no_reason)
{
        meet(2);
}

static void acquired_two(void)
{
        EXPECT_EQ(result[0], 0);
        EXPECT_EQ(result[1], 0);
        expect_left(0);
}

TEST(two_acquire_what_one_releases_at_once)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare_0,
                                        .threads = { acquire, acquire_second, release_2 },
                                        .check = acquired_two,
                                        .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(at_once > 0);
        EXPECT(handed_over > 0);
}

/* Nobody but who holds the only permit. */

static void use(void)
{
        EXPECT_EQ(cede_sem_acquire(sem), 0);
        EXPECT_EQ(held++, 0);
        interleave_step("use");
        EXPECT_EQ(--held, 0);
        EXPECT_EQ(cede_sem_release(sem), 0);
}

static void use_twice(void)
{
        use();
        interleave_step("again");
        use();
}

static void one_is_left(void)
{
        expect_left(1);
}

TEST(one_permit_excludes)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare_1, .threads = { use, use }, .check = one_is_left });

        EXPECT(r.complete || test_slowed());
        EXPECT(at_once > 0);
        EXPECT(handed_over > 0);
}

TEST(one_permit_excludes_three)
{
        struct interleaved r = interleave(&(struct interleaving){ .prepare = prepare_1,
                                                                  .threads = { use, use, use },
                                                                  .check = one_is_left,
                                                                  .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(handed_over > 0);
}

TEST(one_permit_excludes_at_random)
{
        interleave(&(struct interleaving){ .prepare = prepare_1,
                                           .threads = { use_twice, use_twice, use_twice },
                                           .check = one_is_left,
                                           .early = 2,
                                           .draws = test_slowed() ? 500 : 10000 });
        EXPECT(handed_over > 0);
}

static void try_to_use(void)
{
        result[1] = cede_sem_try_acquire(sem);
        if (result[1] < 0) {
                EXPECT_EQ(result[1], -EAGAIN);
                refused++;
                return;
        }
        granted++;
        EXPECT_EQ(held++, 0);
        interleave_step("use");
        EXPECT_EQ(--held, 0);
        EXPECT_EQ(cede_sem_release(sem), 0);
}

TEST(one_that_only_tries)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_1,
                                                   .threads = { use, try_to_use, use },
                                                   .check = one_is_left,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

/* Who has acquired may end the semaphore's life, whatever its releaser still does. */

static void acquire_and_finish(void)
{
        EXPECT_EQ(cede_sem_acquire(sem), 0);
        cede_sem_finish(sem);
        interleave_gone(sem);
}

TEST(acquired_and_gone)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare_0, .threads = { acquire_and_finish, release }, .early = 1 });

        EXPECT(r.complete || test_slowed());
}

/* Cancelled by another thread. */

static void acquire_in_scope(void)
{
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("acquire");
        result[0] = cede_sem_acquire(sem);
        interleave_until(&cancelled); /* a scope may be cancelled until it is closed only */
        cede_scope_close(&scope, 0);
        EXPECT_EQ(cede_checkpoint(), 0);
}

static void cancel_it(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void granted_or_cancelled(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        granted += result[0] == 0;
        refused += result[0] != 0;
        expect_left(result[0] == 0 ? 0 : 1);
}

TEST(cancel_meets_begin)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_1,
                                                   .threads = { acquire_in_scope, cancel_it },
                                                   .check = granted_or_cancelled });

        EXPECT(r.complete || test_slowed());
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

static void was_cancelled(void)
{
        EXPECT_EQ(result[0], -ECANCELED);
        expect_left(0);
}

TEST(cancel_ends_the_wait)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_0,
                                                   .threads = { acquire_in_scope, cancel_it },
                                                   .check = was_cancelled,
                                                   .early = 1 });

        EXPECT(r.complete || test_slowed());
}

TEST(grant_or_cancel)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare_0,
                                        .threads = { acquire_in_scope, cancel_it, release },
                                        .check = granted_or_cancelled,
                                        .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
        EXPECT(handed_over > 0);
}

/* The head wants two of the one permit there is; who stands behind it gets it. */

static void acquire_2_in_scope(void)
{
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        result[0] = cede_sem_acquire_n(sem, 2);
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void head_left(void)
{
        EXPECT_EQ(result[0], -ECANCELED);
        EXPECT_EQ(result[1], 0);
        expect_left(0);
}

TEST(cancelled_head_makes_room)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare_1,
                .threads = { acquire_2_in_scope, acquire_second, cancel_it },
                .check = head_left,
                .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(at_once > 0);
        EXPECT(handed_over > 0);
}

/* Deadlines. */

static void acquire_in_time(void)
{
        CEDE_TIMEOUT(CEDE_MS(1))
                result[0] = cede_sem_acquire(sem);
        EXPECT_EQ(cede_checkpoint(), 0);
}

static void granted_or_late(void)
{
        EXPECT(result[0] == 0 || result[0] == -ETIMEDOUT);
        granted += result[0] == 0;
        refused += result[0] != 0;
        expect_left(result[0] == 0 ? 0 : 1);
}

static void in_time(unsigned expiring, void (*check)(void))
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_0,
                                                   .threads = { acquire_in_time, release },
                                                   .check = check,
                                                   .expiring = expiring,
                                                   .early = 1 });

        EXPECT(r.complete || test_slowed());
        EXPECT(handed_over > 0);
}

TEST(grant_or_deadline)
{
        in_time(1, granted_or_late);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

TEST(grant_in_time_is_never_late)
{
        in_time(0, acquired_one);
}
