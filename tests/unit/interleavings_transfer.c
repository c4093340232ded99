/* SPDX-License-Identifier: MIT */
/* Adaptive transfer between threads: every schedule of nudges, passing, and giving up. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_sem *sem;
static struct cede_mutex *mutex;
static int result, inside, users;

static struct cede_scope scope;
static uintptr_t locked, opened, cancelled;

/* Over all schedules. */
static unsigned granted, refused;

static void prepare(void)
{
        sem = interleave_memory(0);
        mutex = interleave_memory(1);
        EXPECT_EQ(cede_sem_init(sem, 1, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_set_transfer(sem, CEDE_ADAPTIVE), 0);
        EXPECT_EQ(cede_mutex_init(mutex, CEDE_FIFO), 0);
        EXPECT_EQ(cede_mutex_set_transfer(mutex, CEDE_ADAPTIVE), 0);
        result = 1;
        inside = 0;
        users = 2;
        locked = opened = cancelled = 0;
}

static void all_is_free(void)
{
        EXPECT_EQ(cede_sem_value(sem), 1);
        EXPECT_EQ(cede_sem_waiting(sem), 0);
        EXPECT(!cede_mutex_locked(mutex));
        EXPECT_EQ(cede_mutex_waiting(mutex), 0);
        cede_sem_finish(sem); /* nobody is still on his way */
        cede_mutex_finish(mutex);
}

static void inside_once(void)
{
        EXPECT_EQ(inside++, 0);
        interleave_step("use");
        EXPECT_EQ(--inside, 0);
}

static void use_sem(void)
{
        EXPECT_EQ(cede_sem_acquire(sem), 0);
        inside_once();
        EXPECT_EQ(cede_sem_release(sem), 0);
}

static void use_mutex(void)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        inside_once();
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
}

static void use_sem_twice(void)
{
        use_sem();
        interleave_step("again");
        use_sem();
}

static void use_mutex_twice(void)
{
        use_mutex();
        interleave_step("again");
        use_mutex();
}

/* The second turn may pass the one who was nudged. */

static void pass(void (*once)(void), void (*twice)(void))
{
        struct interleaved r = interleave(&(struct interleaving){ .prepare = prepare,
                                                                  .threads = { once, twice },
                                                                  .check = all_is_free,
                                                                  .preemptions = 5 });

        EXPECT(r.schedules > 1);
}

TEST(semaphore_is_taken_past_the_nudged)
{
        pass(use_sem, use_sem_twice);
}

TEST(mutex_is_taken_past_the_nudged)
{
        pass(use_mutex, use_mutex_twice);
}

static void three(void (*use)(void))
{
        struct interleaved r = interleave(&(struct interleaving){ .prepare = prepare,
                                                                  .threads = { use, use, use },
                                                                  .check = all_is_free,
                                                                  .preemptions = 3 });

        EXPECT(r.schedules > 1);
}

TEST(semaphore_between_three)
{
        three(use_sem);
}

TEST(mutex_between_three)
{
        three(use_mutex);
}

/* The nudged one is cancelled on his way, or too late: somebody else gets the nudge. */

static void hold(void)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        __atomic_store_n(&locked, 1, __ATOMIC_RELEASE);
        inside_once();
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
}

static void lock_in_scope(void)
{
        interleave_until(&locked);
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("lock");
        result = cede_mutex_lock(mutex);
        if (result == 0) {
                inside_once();
                EXPECT_EQ(cede_mutex_unlock(mutex), 0);
        }
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void cancel_it(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void locked_or_cancelled(void)
{
        EXPECT(result == 0 || result == -ECANCELED);
        granted += result == 0;
        refused += result != 0;
        all_is_free();
}

TEST(nudge_or_cancel)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { hold, lock_in_scope, cancel_it },
                                                   .check = locked_or_cancelled,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

TEST(cancelled_one_hands_the_nudge_on)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { hold, lock_in_scope, cancel_it, use_mutex },
                                        .check = locked_or_cancelled,
                                        .preemptions = 2 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

static void acquire_in_time(void)
{
        CEDE_TIMEOUT(CEDE_MS(1)) {
                result = cede_sem_acquire(sem);
                if (result == 0)
                        inside_once();
                if (result == 0)
                        EXPECT_EQ(cede_sem_release(sem), 0);
        }
}

static void acquired_or_late(void)
{
        EXPECT(result == 0 || result == -ETIMEDOUT);
        granted += result == 0;
        refused += result != 0;
        all_is_free();
}

TEST(nudge_or_deadline)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { use_sem_twice, acquire_in_time },
                                                   .check = acquired_or_late,
                                                   .preemptions = 4,
                                                   .expiring = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

/* The last user ends the mutex's life at once. */

static void use_and_leave(void)
{
        bool last;

        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        last = --users == 0;
        inside_once();
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
        if (last) {
                cede_mutex_finish(mutex);
                interleave_gone(mutex);
        }
}

TEST(unlocked_and_gone)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { use_and_leave, use_and_leave },
                                                   .preemptions = 6,
                                                   .early = 1 });

        EXPECT(r.schedules > 1);
}
