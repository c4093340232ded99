/* SPDX-License-Identifier: MIT */
/*
 * Adaptive transfer under threads and tasks, with deadlines of any length: mutual exclusion holds,
 * and nothing is left.
 */
#include <pthread.h>

#include "base/prng.h"
#include "log.h"

static struct cede_mutex m;
static struct cede_sem s = CEDE_SEM_INIT(4, CEDE_FIFO);

enum { PARTIES = 4, TURNS = 3000 };

static long counter, inside, taken; /* the first one under the mutex; the others are atomic */

/* Tries for a moment, or for a good while. */
static int64_t patience(uint64_t r)
{
        return r % 8 ? CEDE_SEC(100) : CEDE_US(r % 50);
}

static void count_one(uint64_t r)
{
        int locked = -ETIMEDOUT;

        CEDE_TIMEOUT(patience(r))
                locked = cede_mutex_lock(&m);
        if (locked == 0) {
                long seen = counter;

                if (r % 3 == 0)
                        EXPECT_EQ(cede_yield(), 0);
                counter = seen + 1;
                __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
                cede_mutex_unlock(&m);
        } else {
                EXPECT_EQ(locked, -ETIMEDOUT);
        }
}

static void hold_some(uint64_t r)
{
        long n = 1 + (long)(r % 3);
        int got = -ETIMEDOUT;

        CEDE_TIMEOUT(patience(r))
                got = cede_sem_acquire_n(&s, n);
        if (got == 0) {
                EXPECT(__atomic_add_fetch(&inside, n, __ATOMIC_RELAXED) <= 4);
                if (r % 5 == 0)
                        EXPECT_EQ(cede_yield(), 0);
                __atomic_sub_fetch(&inside, n, __ATOMIC_RELAXED);
                EXPECT_EQ(cede_sem_release_n(&s, n), 0);
        } else {
                EXPECT_EQ(got, -ETIMEDOUT);
        }
}

static int take_turns(void *arg)
{
        uint64_t seed = (uint64_t)(uintptr_t)arg;
        int turns = test_slowed() ? TURNS / 10 : TURNS;

        for (int i = 0; i < 100 || (i < turns && test_has_time()); i++) {
                count_one(cede__prng(seed, 2 * (uint64_t)i) >> 20);
                hold_some(cede__prng(seed, 2 * (uint64_t)i + 1) >> 20);
        }
        return 0;
}

static void *take_turns_in_a_thread(void *arg)
{
        take_turns(arg);
        return NULL;
}

static int take_turns_in_tasks(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        for (uintptr_t i = 1; i <= PARTIES; i++)
                EXPECT_EQ(cede_spawn(&c, take_turns, (void *)i), 0);
        return cede_scope_close(&c, 0);
}

TEST(threads_and_tasks_share_and_nothing_is_lost, .seconds = 60)
{
        pthread_t threads[PARTIES];

        EXPECT_EQ(cede_mutex_set_transfer(&m, CEDE_ADAPTIVE), 0);
        EXPECT_EQ(cede_sem_set_transfer(&s, CEDE_ADAPTIVE), 0);
        for (uintptr_t i = 0; i < PARTIES; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, take_turns_in_a_thread,
                                         (void *)(i + 100)),
                          0);
        EXPECT_EQ(cede_run(take_turns_in_tasks, NULL), 0);
        for (int i = 0; i < PARTIES; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        EXPECT_EQ(counter, taken);
        EXPECT(taken > 0);
        EXPECT_EQ(cede_sem_value(&s), 4);
        cede_mutex_finish(&m);
        cede_sem_finish(&s);
}
