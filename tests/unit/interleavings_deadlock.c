/* SPDX-License-Identifier: MIT */
/*
 * Threads that close a circle of owners: every schedule.  In each of them somebody is told, if the
 * circle comes about, or all would sleep, which fails; and no more than one is.
 */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct cede_mutex *mutexes[3];
static struct cede_condition *condition;
static int result[3];
static uintptr_t owned, cancelled; /* the scope is closed after the latter */
static enum cede_transfer transfer;

static struct cede_scope scope;

/* Over all schedules. */
static unsigned told, untold;

static void prepare(void)
{
        for (unsigned i = 0; i < 3; i++) {
                mutexes[i] = interleave_memory(i);
                EXPECT_EQ(cede_mutex_init(mutexes[i], CEDE_FIFO), 0);
                EXPECT_EQ(cede_mutex_set_transfer(mutexes[i], transfer), 0);
                result[i] = 0;
        }
        condition = interleave_memory(3);
        EXPECT_EQ(cede_condition_init(condition, CEDE_FIFO), 0);
        owned = cancelled = 0;
}

static void one_at_most_is_told(void)
{
        int n = 0;

        for (int i = 0; i < 3; i++) {
                EXPECT(result[i] == 0 || result[i] == -EDEADLK || result[i] == -ECANCELED);
                EXPECT(!cede_mutex_locked(mutexes[i]));
                EXPECT_EQ(cede_mutex_waiting(mutexes[i]), 0);
                n += result[i] == -EDEADLK;
        }
        EXPECT(n <= 1);
        told += n == 1;
        untold += n == 0;
}

/* Each circle is reported: without that being shown. */
static struct interleaved explore(struct interleaving what)
{
        int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_WRONLY);
        struct interleaved r;

        what.prepare = prepare;
        what.check = one_at_most_is_told;
        dup2(null, STDERR_FILENO);
        r = interleave(&what);
        dup2(saved, STDERR_FILENO);
        close(saved);
        close(null);
        EXPECT(r.schedules > 1);
        return r;
}

static void lock_next(int first, int second)
{
        EXPECT_EQ(cede_mutex_lock(mutexes[first]), 0);
        interleave_step("second");
        result[first] = cede_mutex_lock(mutexes[second]);
        if (result[first] == 0)
                EXPECT_EQ(cede_mutex_unlock(mutexes[second]), 0);
        EXPECT_EQ(cede_mutex_unlock(mutexes[first]), 0);
}

static void lock_0_1(void)
{
        lock_next(0, 1);
}

static void lock_1_2(void)
{
        lock_next(1, 2);
}

static void lock_2_0(void)
{
        lock_next(2, 0);
}

static void three_owners(enum cede_transfer how)
{
        transfer = how;
        explore((struct interleaving){ .threads = { lock_0_1, lock_1_2, lock_2_0 },
                                       .preemptions = 3 });
        EXPECT(told > 0);
        EXPECT(untold > 0);
}

TEST(circle_of_three, .seconds = 60)
{
        three_owners(CEDE_STRICT);
}

TEST(circle_of_three_adaptive_ones, .seconds = 60)
{
        three_owners(CEDE_ADAPTIVE);
}

/* Who waits for the condition holds 0, and comes back to 1; the other holds 1, and locks 0. */

static void wait_holding_0(void)
{
        int r;

        EXPECT_EQ(cede_mutex_lock(mutexes[0]), 0);
        EXPECT_EQ(cede_mutex_lock(mutexes[1]), 0);
        cede_scope_open(&scope);
        __atomic_store_n(&owned, 1, __ATOMIC_RELEASE);
        r = cede_condition_wait(condition, mutexes[1]);
        EXPECT(r == 0 || r == -ECANCELED);
        EXPECT_EQ(cede_mutex_unlock(mutexes[1]), 0);
        EXPECT_EQ(cede_mutex_unlock(mutexes[0]), 0);
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void lock_0_holding_1(void)
{
        interleave_until(&owned);
        lock_next(1, 0);
}

static void notify_it(void)
{
        interleave_until(&owned);
        interleave_until((const uintptr_t *)&condition->q.head);
        EXPECT_EQ(cede_condition_notify(condition, 1), 1);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE); /* nobody will be */
}

static void cancel_it(void)
{
        interleave_until(&owned);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

TEST(notified_against_a_lock, .seconds = 60)
{
        transfer = CEDE_STRICT;
        explore((struct interleaving){ .threads = { wait_holding_0, lock_0_holding_1, notify_it },
                                       .preemptions = 2 });
        EXPECT(told > 0);
        EXPECT(untold > 0);
}

TEST(cancelled_condition_against_a_lock, .seconds = 60)
{
        transfer = CEDE_STRICT;
        explore((struct interleaving){ .threads = { wait_holding_0, lock_0_holding_1, cancel_it },
                                       .preemptions = 2 });
        EXPECT(told > 0);
        EXPECT(untold > 0);
}

/* One in the circle is cancelled: nobody is left behind, and never two are told. */

static void lock_0_1_in_a_scope(void)
{
        cede_scope_open(&scope);
        __atomic_store_n(&owned, 1, __ATOMIC_RELEASE);
        if (cede_mutex_try_lock(mutexes[0]) == 0) {
                interleave_step("second");
                result[0] = cede_mutex_lock(mutexes[1]);
                if (result[0] == 0)
                        EXPECT_EQ(cede_mutex_unlock(mutexes[1]), 0);
                EXPECT_EQ(cede_mutex_unlock(mutexes[0]), 0);
        }
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void lock_1_0(void)
{
        lock_next(1, 0);
}

TEST(cancelled_in_the_circle, .seconds = 60)
{
        transfer = CEDE_STRICT;
        explore((struct interleaving){ .threads = { lock_0_1_in_a_scope, lock_1_0, cancel_it },
                                       .preemptions = 2 });
        EXPECT(told > 0);
        EXPECT(untold > 0);
}
