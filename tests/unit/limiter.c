/* SPDX-License-Identifier: MIT */
/* Capacity limiter: tokens with owners, and a number of them that changes. */
#include <pthread.h>
#include <sched.h>

#include "log.h"

static struct cede_limiter l = CEDE_LIMITER_INIT(2, CEDE_FIFO),
                           other = CEDE_LIMITER_INIT(1, CEDE_FIFO);
static struct cede_borrower borrowers[8];

static struct cede_limiter_stats now(void)
{
        struct cede_limiter_stats stats;

        cede_limiter_stats(&l, &stats);
        return stats;
}

/* Takes a token for borrower `n`, and keeps it. */
static int borrow(void *n)
{
        int r = cede_limiter_acquire(&l, &borrowers[(intptr_t)n]);

        note("%d:%s", (int)(intptr_t)n, word(r));
        return 0;
}

TASK_TEST(a_token_has_an_owner)
{
        struct cede_scope c;

        EXPECT_EQ(cede_limiter_acquire(&l, &borrowers[0]), 0);
        EXPECT_EQ(cede_limiter_acquire(&l, &borrowers[0]), -EALREADY);
        EXPECT_EQ(cede_limiter_try_acquire(&l, &borrowers[0]), -EALREADY);
        EXPECT_EQ(cede_limiter_acquire(&other, &borrowers[0]), -EALREADY);
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[1]), -EPERM);
        EXPECT_EQ(cede_limiter_release(&other, &borrowers[0]), -EPERM);
        EXPECT_EQ(now().borrowed, 1);
        EXPECT_EQ(cede_limiter_try_acquire(&l, &borrowers[1]), 0);
        EXPECT_EQ(cede_limiter_try_acquire(&l, &borrowers[2]), -EAGAIN);
        cede_scope_open(&c);
        spawn_now(&c, borrow, N(2));
        EXPECT_EQ(cede_limiter_acquire(&l, &borrowers[2]), -EALREADY); /* it waits */
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[2]), -EPERM);
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[0]), 0);
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[0]), -EPERM);
        EXPECT_EQ(cede_limiter_try_acquire(&l, &borrowers[0]), -EAGAIN); /* handed over already */
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("2:ok");
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[2]), 0);
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[1]), 0);
        cede_limiter_finish(&l);
}

TASK_TEST(fewer_tokens_evict_nobody_and_more_admit_exactly_so_many)
{
        struct cede_scope c;

        cede_scope_open(&c);
        for (intptr_t i = 0; i < 6; i++)
                spawn_now(&c, borrow, N(i));
        EXPECT_LOG("0:ok 1:ok");
        EXPECT_EQ(cede_limiter_set_tokens(&l, 0), 0);
        EXPECT_EQ(now().borrowed, 2);
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[0]), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("");
        EXPECT_EQ(cede_limiter_set_tokens(&l, 3), 0); /* one is still out: two more */
        EXPECT_EQ(now().borrowed, 3);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("2:ok 3:ok");
        EXPECT_EQ(cede_limiter_set_tokens(&l, 1), 0);
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[1]), 0);
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[2]), 0);
        EXPECT_EQ(now().waiting, 2);
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[3]), 0);
        EXPECT_EQ(now().waiting, 1);
        EXPECT_EQ(cede_limiter_set_tokens(&l, 100), 0);
        EXPECT_EQ(cede_limiter_set_tokens(&l, -1), -EINVAL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("4:ok 5:ok");
        EXPECT_EQ(now().peak_waiting, 4);
        EXPECT_EQ(now().tokens, 100);
}

TASK_TEST(orders)
{
        struct cede_scope c;

        EXPECT_EQ(cede_limiter_init(&l, 0, CEDE_LIFO), 0);
        cede_scope_open(&c);
        for (intptr_t i = 0; i < 3; i++)
                spawn_now(&c, borrow, N(i));
        EXPECT_EQ(cede_limiter_set_tokens(&l, 3), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("2:ok 1:ok 0:ok");
}

TASK_TEST(who_gives_up_can_ask_again)
{
        struct cede_task *second;
        struct cede_scope c;

        EXPECT_EQ(cede_limiter_set_tokens(&l, 0), 0);
        cede_scope_open(&c);
        spawn_now(&c, borrow, N(0));
        second = spawn_held(&c, borrow, N(1));
        cede_task_cancel(second);
        EXPECT_EQ(now().waiting, 1);
        EXPECT_EQ(cede_yield(), 0);
        CEDE_TIMEOUT(CEDE_MS(5))
                EXPECT_EQ(cede_limiter_acquire(&l, &borrowers[1]), -ETIMEDOUT);
        CEDE_TIMEOUT(0)
                EXPECT_EQ(cede_limiter_acquire(&l, &borrowers[1]), -ETIMEDOUT);
        EXPECT_EQ(now().waiting, 1);
        EXPECT_EQ(cede_limiter_set_tokens(&l, 2), 0);
        CEDE_TIMEOUT(0)
                EXPECT_EQ(cede_limiter_acquire(&l, &borrowers[1]), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("1:cancelled 0:ok");
}

TASK_TEST(a_grant_beats_a_cancel)
{
        struct cede_task *task;
        struct cede_scope c;

        EXPECT_EQ(cede_limiter_set_tokens(&l, 0), 0);
        cede_scope_open(&c);
        task = spawn_held(&c, borrow, N(0));
        EXPECT_EQ(cede_limiter_set_tokens(&l, 1), 0);
        cede_task_cancel(task);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("0:ok");
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[0]), 0);
}

static void called(struct cede_callback *callback, int result)
{
        (void)callback;
        note("called:%s", word(result));
}

TASK_TEST(callbacks_and_several_objects)
{
        struct cede_callback first = { .fn = called }, second = { .fn = called };
        struct cede_case cases[] = { cede_limiter_case(&other, &borrowers[2]),
                                     cede_limiter_case(&l, &borrowers[3]) };

        EXPECT_EQ(cede_limiter_set_tokens(&l, 1), 0);
        EXPECT_EQ(cede_limiter_acquire_async(&l, &borrowers[0], &first), 0);
        EXPECT_EQ(cede_limiter_acquire_async(&l, &borrowers[0], &second), -EALREADY);
        EXPECT_EQ(cede_limiter_acquire_async(&l, &borrowers[1], &second), 0);
        EXPECT_EQ(cede_callback_cancel(&second), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("called:ok");
        EXPECT_EQ(cede_wait_any(cases, 2), 0);
        cases[0] = cede_limiter_case(&other, &borrowers[4]);
        CEDE_TIMEOUT(CEDE_MS(1))
                EXPECT_EQ(cede_wait_any(cases, 2), -ETIMEDOUT);
        EXPECT_EQ(now().waiting, 0);
        EXPECT_EQ(cede_limiter_acquire_async(&l, &borrowers[3], &second), 0); /* it was let go */
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[0]), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("called:ok");
        EXPECT_EQ(cede_limiter_release(&l, &borrowers[3]), 0);
        EXPECT_EQ(cede_limiter_release(&other, &borrowers[2]), 0);
}

TEST(what_makes_no_sense_is_refused)
{
        EXPECT_EQ(cede_limiter_init(&l, -1, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_limiter_init(&l, 1, (enum cede_order)7), -EINVAL);
}

TEST(finished_while_tokens_are_out, .ending = TEST_ABORTED,
     .says = "limiter uplink is finished while 1 of its tokens are out")
{
        cede_limiter_set_name(&l, "uplink");
        EXPECT_EQ(cede_limiter_try_acquire(&l, &borrowers[0]), 0);
        cede_limiter_finish(&l);
}

/* Threads: never more tokens out than there are, while their number changes. */

enum { THREADS = 4, ROUNDS = 2000, MOST = 3 };

static int out;

static void *borrow_often(void *arg)
{
        struct cede_borrower me = { 0 };

        for (int i = 0; i < ROUNDS; i++) {
                int r = 0;

                CEDE_TIMEOUT(i % 3 ? CEDE_SEC(1000) : CEDE_MS(1) / 100)
                        r = cede_limiter_acquire(&l, &me);
                if (r < 0)
                        continue;
                EXPECT(__atomic_add_fetch(&out, 1, __ATOMIC_RELAXED) <= MOST);
                __atomic_sub_fetch(&out, 1, __ATOMIC_RELAXED);
                EXPECT_EQ(cede_limiter_release(&l, &me), 0);
        }
        return arg;
}

TEST(threads_lose_no_token)
{
        pthread_t threads[THREADS];

        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, borrow_often, NULL), 0);
        for (int i = 0; i < ROUNDS; i++) {
                EXPECT_EQ(cede_limiter_set_tokens(&l, i % (MOST + 1)), 0);
                sched_yield();
        }
        EXPECT_EQ(cede_limiter_set_tokens(&l, MOST), 0);
        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        EXPECT_EQ(now().borrowed, 0);
        EXPECT_EQ(now().waiting, 0);
}
