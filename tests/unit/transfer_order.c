/* SPDX-License-Identifier: MIT */
/* Adaptive transfer: the order of those who wait, while one of them is on his way. */
#include <string.h>

#include <pthread.h>
#include <sched.h>

#include "log.h"

static struct cede_mutex m;

static int lock_once(void *name)
{
        int r = cede_mutex_lock(&m);

        note("%s:%s", (const char *)name, word(r));
        if (r == 0)
                cede_mutex_unlock(&m);
        return 0;
}

/* The priority changes on the way: it goes back to where it belongs now. */
TASK_TEST(a_change_of_priority_on_the_way_counts)
{
        const struct cede_spawn_options second = { .priority = 1 }, first = { .priority = 2 };
        struct cede_scope c;
        struct cede_task *a;

        EXPECT_EQ(cede_mutex_init(&m, CEDE_PRIORITY), 0);
        EXPECT_EQ(cede_mutex_set_transfer(&m, CEDE_ADAPTIVE), 0);
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, &first, lock_once, "a", &a), 0);
        EXPECT_EQ(cede_spawn_with(&c, &second, lock_once, "b", NULL), 0);
        EXPECT_EQ(cede_yield(), 0);
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_mutex_try_lock(&m), 0);
        cede_task_set_priority(a, 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_mutex_waiting(&m), 2);
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("b:ok a:ok");
        cede_mutex_finish(&m);
}

enum { PLAYERS = 5, ROUNDS = 200 };

static int rounds_left;

static int take_turns(void *name)
{
        while (rounds_left > 0) {
                EXPECT_EQ(cede_mutex_lock(&m), 0);
                if (rounds_left-- > 0)
                        note("%s", (const char *)name);
                for (int i = 0; i < PLAYERS; i++)
                        EXPECT_EQ(cede_yield(), 0); /* the others have all come */
                cede_mutex_unlock(&m);
                EXPECT_EQ(cede_yield(), 0);
        }
        return 0;
}

static void draw_turns(enum cede_transfer transfer)
{
        static char names[PLAYERS][2] = { "a", "b", "c", "d", "e" };
        struct cede_scope c;

        EXPECT_EQ(cede_mutex_init(&m, CEDE_RANDOM), 0);
        EXPECT_EQ(cede_mutex_set_transfer(&m, transfer), 0);
        rounds_left = ROUNDS;
        cede_scope_open(&c);
        for (int i = 0; i < PLAYERS; i++)
                EXPECT_EQ(cede_spawn(&c, take_turns, names[i]), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_mutex_finish(&m);
}

/* Where nobody passes, who is nudged was drawn like who is handed to: nobody is favoured. */
TASK_TEST(random_order_draws_the_same_whatever_the_transfer)
{
        char strict[2 * ROUNDS];
        const char *log;

        draw_turns(CEDE_STRICT);
        log = log_take();
        EXPECT_EQ(strlen(log), sizeof(strict) - 1);
        memcpy(strict, log, sizeof(strict));
        draw_turns(CEDE_ADAPTIVE);
        EXPECT_LOG(strict);
}

/* Who is on his way does not hold up those behind him, if there are permits for these. */

static struct cede_sem permits;

static int acquire(void *arg)
{
        (void)arg;
        return cede_sem_acquire(&permits);
}

static void *acquire_in_a_thread(void *arg)
{
        EXPECT_EQ(acquire(arg), 0);
        return NULL;
}

/* The task cannot come back before the thread has ended. */
TASK_TEST(whoever_there_is_a_permit_for_is_woken)
{
        struct cede_scope c;
        pthread_t thread;

        EXPECT_EQ(cede_sem_set_transfer(&permits, CEDE_ADAPTIVE), 0);
        cede_scope_open(&c);
        spawn_now(&c, acquire, NULL);
        EXPECT_EQ(pthread_create(&thread, NULL, acquire_in_a_thread, NULL), 0);
        while (cede_sem_waiting(&permits) < 2)
                sched_yield();
        cede_sem_release(&permits);
        cede_sem_release(&permits);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_sem_value(&permits), 0);
        cede_sem_finish(&permits);
}
