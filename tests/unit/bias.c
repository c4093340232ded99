/* SPDX-License-Identifier: MIT */
/* Lock that leans: when it leans towards whom, and that it excludes while it is taken away. */
#include "bias.h"
#include <pthread.h>
#include <sched.h>

enum { LOCKS = 5000, LEAST = 10, TURN = 5000 };

static struct cede__bias lock;
static long counter;

static void *increment_once(void *arg)
{
        (void)arg;
        cede__bias_lock(&lock);
        counter++;
        cede__bias_unlock(&lock);
        return NULL;
}

static void in_a_thread(void)
{
        pthread_t thread;

        EXPECT_EQ(pthread_create(&thread, NULL, increment_once, NULL), 0);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
}

TEST(leans_towards_who_takes_it_often_in_a_row)
{
        skip_without_barriers();
        for (int i = 0; i < CEDE__BIAS_STREAK; i++) {
                EXPECT_EQ(lock.owner, 0);
                increment_once(NULL);
        }
        EXPECT_EQ(lock.owner, cede__thread_number);
        increment_once(NULL);
        EXPECT(lock.biased);
        EXPECT_EQ(counter, CEDE__BIAS_STREAK + 1);
}

TEST(another_thread_in_between_starts_the_count_anew)
{
        skip_without_barriers();
        for (int i = 0; i < 3; i++) {
                for (int k = 0; k < CEDE__BIAS_STREAK - 1; k++)
                        increment_once(NULL);
                EXPECT_EQ(lock.owner, 0);
                in_a_thread();
        }
        EXPECT_EQ(counter, 3 * CEDE__BIAS_STREAK);
}

TEST(never_leans_again)
{
        skip_without_barriers();
        for (int i = 0; i < CEDE__BIAS_STREAK; i++)
                increment_once(NULL);
        in_a_thread();
        for (int i = 0; i < 3 * CEDE__BIAS_STREAK; i++)
                increment_once(NULL);
        EXPECT(lock.owner != 0 && lock.owner != cede__thread_number);
        EXPECT(!lock.biased);
        EXPECT_EQ(counter, 4 * CEDE__BIAS_STREAK + 1);
}

TEST(without_barriers_it_does_not_lean)
{
        for (int i = 0; i < 3 * CEDE__BIAS_STREAK; i++)
                increment_once(NULL); /* nobody has asked for barriers */
        EXPECT_EQ(lock.owner, 0);
}

/*
 * Two threads, for each of many locks: one towards which it leans increments, until the other comes
 * and takes it away.  A run without the barrier fails now and then, by far not always.
 */

static struct {
        struct cede__bias lock;
        long counter, mine;
        int leans; /* atomic */
} table[LOCKS];

static int locks;

static void *take_away(void *arg)
{
        (void)arg;
        for (int i = 0; i < locks; i++) {
                for (int turns = 1; !__atomic_load_n(&table[i].leans, __ATOMIC_ACQUIRE); turns++)
                        if (turns % TURN == 0)
                                sched_yield();
                for (int k = 0; k < 3; k++) {
                        cede__bias_lock(&table[i].lock);
                        table[i].counter++;
                        cede__bias_unlock(&table[i].lock);
                }
        }
        return NULL;
}

TEST(excludes_while_it_is_taken_away)
{
        pthread_t thread;

        skip_without_barriers();
        locks = test_slowed() ? LOCKS / 20 : LOCKS;
        EXPECT_EQ(pthread_create(&thread, NULL, take_away, NULL), 0);
        for (int i = 0; i < locks; i++) {
                cede__bias_lock(&table[i].lock);
                cede__bias_take(&table[i].lock);
                cede__bias_unlock(&table[i].lock);
                __atomic_store_n(&table[i].leans, 1, __ATOMIC_RELEASE);
                do {
                        cede__bias_lock(&table[i].lock);
                        table[i].counter++;
                        cede__bias_unlock(&table[i].lock);
                        if (table[i].mine % TURN == TURN - 1)
                                sched_yield();
                } while (++table[i].mine < LEAST ||
                         __atomic_load_n(&table[i].lock.owner, __ATOMIC_RELAXED) ==
                                 cede__thread_number);
        }
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        for (int i = 0; i < locks; i++)
                EXPECT_EQ(table[i].counter, table[i].mine + 3);
}
