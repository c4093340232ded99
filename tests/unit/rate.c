/* SPDX-License-Identifier: MIT */
/* Rate limiter: when permissions come, who goes next, and what a cancelled caller leaves behind. */
#include <pthread.h>
#include <stdatomic.h>

#include "log.h"

static struct cede_rate rate = CEDE_RATE_INIT(10, CEDE_SEC(1), 3, CEDE_FIFO);

static int acquire_one(void *name)
{
        int r = cede_rate_acquire(&rate, 1);

        note("%s:%s@%d", (const char *)name, word(r), now_ms());
        return 0;
}

TASK_TEST(a_burst_and_then_one_at_a_time)
{
        for (int i = 0; i < 5; i++)
                acquire_one("a");
        EXPECT_LOG("a:ok@0 a:ok@0 a:ok@0 a:ok@100 a:ok@200");
        EXPECT_EQ(cede_sleep(CEDE_MS(250)), 0); /* two and a half come in */
        for (int i = 0; i < 3; i++)
                acquire_one("b");
        EXPECT_LOG("b:ok@450 b:ok@450 b:ok@500");
        EXPECT_EQ(cede_sleep(CEDE_SEC(100)), 0); /* no more than the burst is kept */
        for (int i = 0; i < 4; i++)
                acquire_one("c");
        EXPECT_LOG("c:ok@100500 c:ok@100500 c:ok@100500 c:ok@100600");
        cede_rate_finish(&rate);
}

TASK_TEST(several_at_once)
{
        EXPECT_EQ(cede_rate_acquire(&rate, 2), 0);
        EXPECT_EQ(cede_rate_acquire(&rate, 3), 0);
        EXPECT_EQ(now_ms(), 200);
        EXPECT_EQ(cede_rate_acquire(&rate, 0), -EINVAL);
        EXPECT_EQ(cede_rate_acquire(&rate, 4), -EINVAL); /* it could never be */
        EXPECT_EQ(cede_rate_acquire(&rate, -1), -EINVAL);
        EXPECT_EQ(now_ms(), 200);
}

/* A large request at the head is not starved. */
static int acquire_three(void *name)
{
        int r = cede_rate_acquire(&rate, 3);

        note("%s:%s@%d", (const char *)name, word(r), now_ms());
        return 0;
}

TASK_TEST(callers_go_in_order)
{
        struct cede_scope c;

        EXPECT_EQ(cede_rate_acquire(&rate, 3), 0);
        cede_scope_open(&c);
        spawn_now(&c, acquire_one, "a");
        spawn_now(&c, acquire_three, "b");
        spawn_now(&c, acquire_one, "c");
        EXPECT_EQ(cede_rate_waiting(&rate), 3);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok@100 b:ok@400 c:ok@500");
        EXPECT_EQ(cede_rate_waiting(&rate), 0);
}

TASK_TEST(the_newest_goes_first)
{
        struct cede_scope c;

        EXPECT_EQ(cede_rate_init(&rate, 10, CEDE_SEC(1), 1, CEDE_LIFO), 0);
        EXPECT_EQ(cede_rate_acquire(&rate, 1), 0);
        cede_scope_open(&c);
        spawn_now(&c, acquire_one, "head"); /* nobody passes it */
        spawn_now(&c, acquire_one, "a");
        spawn_now(&c, acquire_one, "b");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("head:ok@100 b:ok@200 a:ok@300");
}

TASK_TEST(who_gives_up_uses_up_nothing)
{
        struct cede_task *head;
        struct cede_scope c;

        EXPECT_EQ(cede_rate_acquire(&rate, 3), 0);
        cede_scope_open(&c);
        head = spawn_held(&c, acquire_three, "head");
        spawn_now(&c, acquire_one, "next");
        EXPECT_EQ(cede_sleep(CEDE_MS(150)), 0);
        cede_task_cancel(head);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("head:cancelled@150 next:ok@150"); /* one had come in at 100 */
        CEDE_TIMEOUT(CEDE_MS(10))
                acquire_one("late");
        EXPECT_LOG("late:timeout@160");
        acquire_one("then");
        EXPECT_LOG("then:ok@200");
}

TASK_TEST(cancelled_or_late_callers)
{
        struct cede_scope c;

        CEDE_TIMEOUT(0) {
                for (int i = 0; i < 4; i++)
                        acquire_one("late"); /* what is there is still taken */
        }
        EXPECT_LOG("late:ok@0 late:ok@0 late:ok@0 late:timeout@0");
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        acquire_one("cancelled");
        EXPECT_EQ(cede_rate_try_acquire(&rate, 3, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("cancelled:cancelled@1000");
}

TASK_TEST(trying_tells_when_to_try_again)
{
        int64_t again = -1;

        EXPECT_EQ(cede_rate_try_acquire(&rate, 4, &again), -EINVAL);
        EXPECT_EQ(cede_rate_try_acquire(&rate, 3, &again), 0);
        EXPECT_EQ(cede_rate_try_acquire(&rate, 2, &again), -EAGAIN);
        EXPECT_EQ(again, CEDE_MS(200));
        EXPECT_EQ(cede_sleep_until(again - 1), 0);
        EXPECT_EQ(cede_rate_try_acquire(&rate, 2, &again), -EAGAIN);
        EXPECT_EQ(cede_sleep_until(again), 0);
        EXPECT_EQ(cede_rate_try_acquire(&rate, 2, NULL), 0);
        EXPECT_EQ(now_ms(), 200);
}

TASK_TEST(trying_passes_nobody)
{
        int64_t again = 0;
        struct cede_scope c;

        EXPECT_EQ(cede_rate_acquire(&rate, 3), 0);
        cede_scope_open(&c);
        spawn_now(&c, acquire_three, "head");
        EXPECT_EQ(cede_sleep(CEDE_MS(150)), 0);
        EXPECT_EQ(cede_rate_try_acquire(&rate, 1, &again), -EAGAIN);
        EXPECT(again > CEDE_MS(150));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("head:ok@300");
}

/* 3 in a second do not divide evenly: 7,000 of them take exactly as long as they should. */
TASK_TEST(it_does_not_drift)
{
        EXPECT_EQ(cede_rate_init(&rate, 3, CEDE_SEC(1), 1, CEDE_FIFO), 0);
        for (int i = 0; i < 7000; i++)
                EXPECT_EQ(cede_rate_acquire(&rate, 1), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(6999) / 3);
        EXPECT_EQ(cede_rate_init(&rate, 7, 3, 1, CEDE_FIFO), 0); /* more than one in a nanosecond */
        for (int i = 0; i < 7000; i++)
                EXPECT_EQ(cede_rate_acquire(&rate, 1), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(2333) + 3000);
}

TEST(what_makes_no_sense_is_refused)
{
        EXPECT_EQ(cede_rate_init(&rate, 0, 1, 1, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_rate_init(&rate, 1, 0, 1, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_rate_init(&rate, 1, 1, 0, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_rate_init(&rate, 1, CEDE_NEVER / 4, 2, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_rate_init(&rate, 1, 1, 1, (enum cede_order)9), -EINVAL);
        EXPECT_EQ(cede_rate_init(&rate, 1, CEDE_NEVER / 4, 1, CEDE_FIFO), 0);
}

/* Threads, on the real clock: never more than the rate allows. */

enum { THREADS = 3, EACH = 40 };

static atomic_int taken;

static void *take_many(void *arg)
{
        int64_t begun = *(int64_t *)arg;

        for (int i = 0; i < EACH; i++) {
                EXPECT_EQ(cede_rate_acquire(&rate, 1), 0);
                atomic_fetch_add(&taken, 1);
                /* Those counted by others before they looked at their clocks were there before. */
                EXPECT((atomic_load(&taken) - 5 - THREADS) * CEDE_MS(1) / 2 <= cede_now() - begun);
        }
        return NULL;
}

TEST(threads_share_a_rate)
{
        pthread_t threads[THREADS];
        int64_t begun = cede_now();

        EXPECT_EQ(cede_rate_init(&rate, 2, CEDE_MS(1), 5, CEDE_FIFO), 0);
        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, take_many, &begun), 0);
        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        EXPECT(cede_now() - begun >= (THREADS * EACH - 5) * CEDE_MS(1) / 2);
        cede_rate_finish(&rate);
}
