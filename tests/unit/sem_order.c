/* SPDX-License-Identifier: MIT */
/* Semaphore: who goes next, under every order, however a waiter in the queue ends. */
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum { WAITERS = 6, SEED = 7 };

/*
 * Six waiters, arriving in this order.  Priorities and deadlines have ties, which arrival breaks.
 */
static const struct {
        int priority, deadline; /* seconds */
} ranks[WAITERS] = { { 1, 300 }, { 5, 100 }, { 1, 200 }, { 9, 100 }, { 5, 400 }, { 0, 200 } };

/* Who goes when: indexes into the above. */
static const char *const expected[CEDE_RANDOM + 1] = {
        [CEDE_FIFO] = "0 1 2 3 4 5", [CEDE_LIFO] = "5 4 3 2 1 0", [CEDE_PRIORITY] = "3 1 4 0 2 5",
        [CEDE_EDF] = "1 3 2 5 0 4",  [CEDE_RANDOM] = NULL, /* whatever the seed makes of it */
};

static struct cede_sem s;
static int ended; /* how the last one to end did */

static int wait_for_turn(void *arg)
{
        int i = (int)(intptr_t)arg;
        struct cede_scope c;

        cede_scope_open_with(
                &c, &(struct cede_scope_options){ .deadline = CEDE_SEC(ranks[i].deadline) });
        ended = cede_sem_acquire(&s);
        note("%d", i);
        return cede_scope_close(&c, ended == -ECANCELED ? ended : 0);
}

static void queue_up(struct cede_scope *c, struct cede_task **tasks)
{
        for (int i = 0; i < WAITERS; i++) {
                EXPECT_EQ(cede_spawn_with(
                                  c, &(struct cede_spawn_options){ .priority = ranks[i].priority },
                                  wait_for_turn, (void *)(intptr_t)i, &tasks[i]),
                          0);
                give_turns();
        }
        EXPECT_EQ(cede_sem_waiting(&s), WAITERS);
}

/* Releases one by one; the order in which they were served. */
static const char *serve(void)
{
        while (cede_sem_waiting(&s) > 0) {
                cede_sem_release(&s);
                give_turns();
                EXPECT_EQ(ended, 0);
        }
        return log_take();
}

/* The same without one of them. */
static const char *without(const char *order, int i)
{
        static char rest[64];
        char gone = (char)('0' + i);
        size_t used = 0;

        for (const char *p = order; *p; p++)
                if (*p != gone && *p != ' ') {
                        if (used)
                                rest[used++] = ' ';
                        rest[used++] = *p;
                }
        rest[used] = 0;
        return rest;
}

/* How they are served under this order if none is disturbed. */
static const char *undisturbed(enum cede_order order)
{
        static char served[64];
        struct cede_task *tasks[WAITERS];
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 0, order), 0);
        cede_sem_set_seed(&s, SEED);
        cede_scope_open(&c);
        queue_up(&c, tasks);
        snprintf(served, sizeof(served), "%s", serve());
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_sem_value(&s), 0);
        if (expected[order])
                EXPECT_STR(served, expected[order]);
        return served;
}

enum ending { GRANTED_THEN_CANCELLED, CANCELLED };

static void end_one(enum ending ending, struct cede_task *victim, int i)
{
        char alone[2] = { (char)('0' + i), 0 };

        switch (ending) {
        case GRANTED_THEN_CANCELLED:
                cede_sem_release(&s);
                EXPECT_EQ(cede_sem_value(&s), 0);
                cede_task_cancel(victim);
                break;
        case CANCELLED:
                cede_task_cancel(victim);
                break;
        }
        EXPECT_EQ(cede_sem_waiting(&s), WAITERS - 1);
        EXPECT_LOG("");
        give_turns();
        EXPECT_EQ(ended, ending == CANCELLED ? -ECANCELED : 0);
        EXPECT_LOG(alone);
}

/* One waiter after the other leaves the queue otherwise than in its turn; the rest keep theirs. */
static void one_ends(enum cede_order order, enum ending ending)
{
        const char *all = undisturbed(order);

        for (int i = 0; i < WAITERS; i++) {
                struct cede_task *tasks[WAITERS];
                struct cede_scope c;

                if (ending == GRANTED_THEN_CANCELLED && i != all[0] - '0')
                        continue; /* only the head is granted */
                EXPECT_EQ(cede_sem_init(&s, 0, order), 0);
                cede_sem_set_seed(&s, SEED);
                cede_scope_open(&c);
                queue_up(&c, tasks);
                end_one(ending, tasks[i], i);
                if (order == CEDE_RANDOM)
                        EXPECT_EQ(strlen(serve()), strlen("0 1 2 3 4"));
                else
                        EXPECT_STR(serve(), without(all, i));
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
                EXPECT_EQ(cede_sem_value(&s), 0);
                cede_sem_finish(&s);
        }
}

/* All whose deadline has come leave; the rest keep their order. */
static void some_time_out(enum cede_order order)
{
        static char rest[64];
        struct cede_task *tasks[WAITERS];
        struct cede_scope c;

        snprintf(rest, sizeof(rest), "%s", undisturbed(order));
        for (int i = 0; i < WAITERS; i++)
                if (ranks[i].deadline <= 200)
                        memmove(rest, without(rest, i), sizeof(rest));
        EXPECT_EQ(cede_sem_init(&s, 0, order), 0);
        cede_sem_set_seed(&s, SEED);
        cede_scope_open(&c);
        queue_up(&c, tasks);
        EXPECT_EQ(cede_sleep_until(CEDE_SEC(200)), 0);
        give_turns();
        EXPECT_LOG("1 3 2 5"); /* by deadline, then in the order in which they were set */
        EXPECT_EQ(ended, -ETIMEDOUT);
        EXPECT_EQ(cede_sem_waiting(&s), 2);
        if (order == CEDE_RANDOM)
                EXPECT_EQ(strlen(serve()), strlen(rest));
        else
                EXPECT_STR(serve(), rest);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_sem_finish(&s);
}

/* Every order with every ending. */
#define MATRIX(name, order)                                                                        \
        TASK_TEST(name##_order)                                                                    \
        {                                                                                          \
                undisturbed(order);                                                                \
        }                                                                                          \
        TASK_TEST(name##_order_with_one_granted_then_cancelled)                                    \
        {                                                                                          \
                one_ends(order, GRANTED_THEN_CANCELLED);                                           \
        }                                                                                          \
        TASK_TEST(name##_order_with_one_cancelled)                                                 \
        {                                                                                          \
                one_ends(order, CANCELLED);                                                        \
        }                                                                                          \
        TASK_TEST(name##_order_with_some_timed_out)                                                \
        {                                                                                          \
                some_time_out(order);                                                              \
        }                                                                                          \
        TASK_TEST(priority_change_of_a_waiter_in_##name##_order)                                   \
        {                                                                                          \
                change_a_priority(order);                                                          \
        }                                                                                          \
        TASK_TEST(setting_the_same_priority_in_##name##_order)                                     \
        {                                                                                          \
                keep_all_priorities(order);                                                        \
        }

/* The last in the queue becomes the most important one: that matters where priority does. */
static void change_a_priority(enum cede_order order)
{
        struct cede_task *tasks[WAITERS];
        const char *all = undisturbed(order);
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 0, order), 0);
        cede_sem_set_seed(&s, SEED);
        cede_scope_open(&c);
        queue_up(&c, tasks);
        cede_task_set_priority(tasks[0], 3);
        cede_task_set_priority(tasks[2], 50);
        cede_task_set_priority(tasks[3], -50);
        EXPECT_STR(serve(), order == CEDE_PRIORITY ? "2 1 4 0 5 3" : all);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static void keep_all_priorities(enum cede_order order)
{
        struct cede_task *tasks[WAITERS];
        const char *all = undisturbed(order);
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 0, order), 0);
        cede_sem_set_seed(&s, SEED);
        cede_scope_open(&c);
        queue_up(&c, tasks);
        for (int i = 0; i < WAITERS; i += 2)
                cede_task_set_priority(tasks[i], cede_task_priority(tasks[i]));
        cede_task_set_priority(tasks[1], 5);
        EXPECT_STR(serve(), all);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

MATRIX(fifo, CEDE_FIFO)
MATRIX(lifo, CEDE_LIFO)
MATRIX(priority, CEDE_PRIORITY)
MATRIX(edf, CEDE_EDF)
MATRIX(random, CEDE_RANDOM)

/* Newcomers */

static int want(void *arg)
{
        long n = (long)(intptr_t)arg;

        note("%ld:%s", n, word(cede_sem_acquire_n(&s, n)));
        return 0;
}

static void newcomer_that_fits(enum cede_order order, int priority, const char *log)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 1, order), 0);
        cede_scope_open(&c);
        spawn_now(&c, want, (void *)3);
        EXPECT_EQ(cede_spawn_with(&c, &(struct cede_spawn_options){ .priority = priority }, want,
                                  (void *)1, NULL),
                  0);
        give_turns();
        EXPECT_LOG(log);
        cede_sem_release_n(&s, 3);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        log_take();
        EXPECT_EQ(cede_sem_value(&s), 0);
}

TASK_TEST(newcomer_at_the_head_of_a_lifo_queue_is_granted_at_once)
{
        newcomer_that_fits(CEDE_LIFO, 0, "1:ok");
}

TASK_TEST(newcomer_with_the_highest_priority_is_granted_at_once)
{
        newcomer_that_fits(CEDE_PRIORITY, 1, "1:ok");
}

TASK_TEST(newcomer_of_equal_priority_passes_nobody)
{
        newcomer_that_fits(CEDE_PRIORITY, 0, "");
}

TASK_TEST(newcomer_passes_nobody_in_fifo_order)
{
        newcomer_that_fits(CEDE_FIFO, 5, "");
}

TASK_TEST(raised_priority_grants_at_that_moment_if_it_fits)
{
        struct cede_scope c;
        struct cede_task *small;

        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_PRIORITY), 0);
        cede_scope_open(&c);
        spawn_now(&c, want, (void *)3);
        small = spawn_held(&c, want, (void *)1);
        cede_task_set_priority(small, 1);
        EXPECT_EQ(cede_sem_value(&s), 0);
        EXPECT_EQ(cede_sem_waiting(&s), 1);
        cede_sem_release_n(&s, 3);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("1:ok 3:ok");
}

/* Tasks of several depths that all wait at once (see the directory walk this order is made for). */
TASK_TEST(grants_in_between_arrivals)
{
        static const struct {
                enum cede_order order;
                const char *log;
        } cases[] = { { CEDE_FIFO, "0 1 2 3" }, { CEDE_LIFO, "1 3 2 0" } };

        for (int i = 0; i < 2; i++) {
                struct cede_scope c;

                EXPECT_EQ(cede_sem_init(&s, 0, cases[i].order), 0);
                cede_scope_open(&c);
                spawn_now(&c, wait_for_turn, (void *)0);
                spawn_now(&c, wait_for_turn, (void *)1);
                cede_sem_release(&s);
                spawn_now(&c, wait_for_turn, (void *)2);
                spawn_now(&c, wait_for_turn, (void *)3);
                cede_sem_release_n(&s, 3);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
                EXPECT_LOG(cases[i].log);
        }
}

/* Random order */

TASK_TEST(random_order_is_a_function_of_the_seed)
{
        char first[64];

        snprintf(first, sizeof(first), "%s", undisturbed(CEDE_RANDOM));
        for (int i = 0; i < 5; i++)
                EXPECT_STR(undisturbed(CEDE_RANDOM), first);
}

/* Each of six waiters is first about one time in six, whenever it came. */
TASK_TEST(random_order_prefers_nobody)
{
        int first[WAITERS] = { 0 };
        const int rounds = test_slowed() ? 600 : 6000;

        for (int seed = 0; seed < rounds; seed++) {
                struct cede_task *tasks[WAITERS];
                struct cede_scope c;

                EXPECT_EQ(cede_sem_init(&s, 0, CEDE_RANDOM), 0);
                cede_sem_set_seed(&s, (uint64_t)seed);
                cede_scope_open(&c);
                queue_up(&c, tasks);
                first[serve()[0] - '0']++;
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
        }
        for (int i = 0; i < WAITERS; i++) {
                EXPECT(first[i] > rounds / WAITERS * 7 / 10);
                EXPECT(first[i] < rounds / WAITERS * 13 / 10);
        }
}
