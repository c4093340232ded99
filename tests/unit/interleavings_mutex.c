/* SPDX-License-Identifier: MIT */
/* Threads at a mutex: every schedule of lock, unlock, cancel, time-out and circles of owners. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct cede_mutex *mutex, *other;
static int result[2], users, inside;

static struct cede_scope scope;
static uintptr_t locked, opened, cancelled;

/* Over all schedules. */
static unsigned granted, refused, at_once, handed_over, circles;

static void prepare(void)
{
        mutex = interleave_memory(0);
        other = interleave_memory(1);
        EXPECT_EQ(cede_mutex_init(mutex, CEDE_FIFO), 0);
        EXPECT_EQ(cede_mutex_init(other, CEDE_FIFO), 0);
        result[0] = result[1] = 1;
        users = 2;
        inside = 0;
        locked = opened = cancelled = 0;
}

static void is_free(void)
{
        struct cede_mutex_stats stats;

        cede_mutex_stats(mutex, &stats);
        EXPECT(!cede_mutex_locked(mutex));
        EXPECT_EQ(stats.waiting, 0);
        at_once += stats.handoffs == 0;
        handed_over += stats.handoffs > 0;
}

/* Exclusion. */

static void use(void)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        EXPECT_EQ(inside++, 0);
        interleave_step("use");
        EXPECT_EQ(--inside, 0);
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
}

static void use_twice(void)
{
        use();
        interleave_step("again");
        use();
}

static void try_to_use(void)
{
        int r = cede_mutex_try_lock(mutex);

        EXPECT(r == 0 || r == -EAGAIN);
        granted += r == 0;
        refused += r != 0;
        if (r < 0)
                return;
        EXPECT_EQ(inside++, 0);
        interleave_step("use");
        EXPECT_EQ(--inside, 0);
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
}

TEST(excludes)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare, .threads = { use, use }, .check = is_free, .early = 1 });

        EXPECT(r.complete || test_slowed());
        EXPECT(at_once > 0);
        EXPECT(handed_over > 0);
}

TEST(excludes_who_comes_again)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { use_twice, use_twice },
                                                   .check = is_free,
                                                   .preemptions = 4 });

        EXPECT(r.schedules > 1);
        EXPECT(handed_over > 0);
}

TEST(excludes_three)
{
        struct interleaved r = interleave(&(struct interleaving){ .prepare = prepare,
                                                                  .threads = { use, use, use },
                                                                  .check = is_free,
                                                                  .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(handed_over > 0);
}

TEST(excludes_at_random)
{
        interleave(&(struct interleaving){ .prepare = prepare,
                                           .threads = { use_twice, use_twice, use_twice, use },
                                           .check = is_free,
                                           .early = 2,
                                           .draws = test_slowed() ? 500 : 5000 });
        EXPECT(handed_over > 0);
}

TEST(one_that_only_tries)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { use, try_to_use, use },
                                                   .check = is_free,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

/* The last user ends the mutex's life as soon as it has unlocked it, whatever others still do. */

static void use_and_leave(void)
{
        bool last;

        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        last = --users == 0;
        interleave_step("use");
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
        if (last) {
                cede_mutex_finish(mutex);
                interleave_gone(mutex);
        }
}

TEST(unlocked_and_gone)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare, .threads = { use_and_leave, use_and_leave }, .early = 1 });

        EXPECT(r.complete || test_slowed());
}

/* Cancelled and too late. */

static void hold(void)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        __atomic_store_n(&locked, 1, __ATOMIC_RELEASE);
        EXPECT_EQ(inside++, 0);
        interleave_step("use");
        EXPECT_EQ(--inside, 0);
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
}

static void lock_and_unlock(void)
{
        result[0] = cede_mutex_lock(mutex);
        if (result[0] == 0) {
                EXPECT_EQ(inside++, 0);
                interleave_step("use");
                EXPECT_EQ(--inside, 0);
                EXPECT_EQ(cede_mutex_unlock(mutex), 0);
        }
}

static void lock_in_scope(void)
{
        interleave_until(&locked);
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("lock");
        lock_and_unlock();
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
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
        is_free();
}

TEST(grant_or_cancel)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { hold, lock_in_scope, cancel_it },
                                                   .check = granted_or_cancelled,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
        EXPECT(handed_over > 0);
}

static void lock_in_time(void)
{
        interleave_until(&locked);
        CEDE_TIMEOUT(CEDE_MS(1))
                lock_and_unlock();
}

static void granted_or_late(void)
{
        EXPECT(result[0] == 0 || result[0] == -ETIMEDOUT);
        granted += result[0] == 0;
        refused += result[0] != 0;
        is_free();
}

/* Somebody has used the lock bit before: how that begins is in the other tests' schedules. */
static void prepare_shared(void)
{
        struct cede_mutex_stats stats;

        prepare();
        cede_mutex_stats(mutex, &stats);
}

TEST(grant_or_deadline)
{
        struct interleaved r = interleave(&(struct interleaving){ .prepare = prepare_shared,
                                                                  .threads = { hold, lock_in_time },
                                                                  .check = granted_or_late,
                                                                  .expiring = 1,
                                                                  .early = 1 });

        EXPECT(r.complete || test_slowed());
        EXPECT(granted > 0);
        EXPECT(refused > 0);
        EXPECT(handed_over > 0);
}

/* Two that lock two mutexes, each the other one first. */

static void lock_both(struct cede_mutex *first, struct cede_mutex *second, int *ret_result)
{
        EXPECT_EQ(cede_mutex_lock(first), 0);
        interleave_step("second");
        *ret_result = cede_mutex_lock(second);
        if (*ret_result == 0)
                EXPECT_EQ(cede_mutex_unlock(second), 0);
        interleave_step("unlock");
        EXPECT_EQ(cede_mutex_unlock(first), 0);
}

static void lock_forwards(void)
{
        lock_both(mutex, other, &result[0]);
}

static void lock_backwards(void)
{
        lock_both(other, mutex, &result[1]);
}

static void one_at_most_is_told(void)
{
        EXPECT(result[0] == 0 || result[0] == -EDEADLK);
        EXPECT(result[1] == 0 || result[1] == -EDEADLK);
        EXPECT(result[0] == 0 || result[1] == 0);
        granted += result[0] == 0 && result[1] == 0;
        refused += result[0] != 0;
        circles += result[1] != 0;
        EXPECT(!cede_mutex_locked(mutex));
        EXPECT(!cede_mutex_locked(other));
}

TEST(circle_of_two_owners)
{
        int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_WRONLY);
        struct interleaved r;

        dup2(null, STDERR_FILENO); /* each circle is reported */
        r = interleave(&(struct interleaving){ .prepare = prepare,
                                               .threads = { lock_forwards, lock_backwards },
                                               .check = one_at_most_is_told,
                                               .preemptions = 3 });
        dup2(saved, STDERR_FILENO);
        close(saved);
        close(null);
        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
        EXPECT(circles > 0);
}
