/* SPDX-License-Identifier: MIT */
/* Barriers with an action, with callbacks, between threads and tasks, and used wrongly. */
#include <pthread.h>

#include "barrier.h"
#include "wait/wait.h"

/* Actions */

static int action_result;
static int64_t action_takes;

static int act(void *name)
{
        note("%s", (const char *)name);
        return action_takes && cede_sleep(action_takes) < 0 ? -ECANCELED : action_result;
}

TASK_TEST(action_comes_before_all)
{
        struct cede_scope c;

        cede_barrier_set_action(&b, act, "action");
        cede_scope_open(&c);
        spawn_now(&c, arrive, "x");
        spawn_now(&c, arrive, "y");
        arrive("z");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("action z:2 x:0 y:1");
}

TASK_TEST(action_that_fails_breaks_it)
{
        struct cede_scope c;

        action_result = -EBUSY;
        cede_barrier_set_action(&b, act, "action");
        cede_scope_open(&c);
        spawn_now(&c, arrive, "x");
        spawn_now(&c, arrive, "y");
        arrive("z");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("action z:busy x:broken y:broken");
        expect_state(0, 1, true);
        action_result = 0;
        cede_barrier_reset(&b);
        cede_barrier_set_action(&b, NULL, NULL);
        expect_it_works();
}

/* While it takes its time nobody of the round goes on, or can be cancelled; others may come. */
TASK_TEST(action_may_wait)
{
        struct cede_scope c;
        struct cede_task *x;

        action_takes = CEDE_MS(10);
        cede_barrier_set_action(&b, act, "action");
        cede_scope_open(&c);
        x = spawn_held(&c, arrive_then_checkpoint, "x");
        spawn_now(&c, arrive, "y");
        spawn_now(&c, arrive, "z");
        cede_task_cancel(x);
        spawn_now(&c, arrive, "next");
        expect_state(1, 1, false);
        EXPECT_LOG("action");
        EXPECT_EQ(cede_sleep(CEDE_MS(11)), 0);
        EXPECT_LOG("z:2 x:0 then:cancelled y:1");
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("next:cancelled");
}

TASK_TEST(action_that_is_cancelled_breaks_it_for_newcomers_too)
{
        struct cede_scope c;
        struct cede_task *z;

        action_takes = CEDE_MS(10);
        cede_barrier_set_action(&b, act, "action");
        cede_scope_open(&c);
        spawn_now(&c, arrive, "x");
        spawn_now(&c, arrive, "y");
        z = spawn_held(&c, arrive, "z");
        spawn_now(&c, arrive, "next");
        cede_task_cancel(z);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("action z:cancelled next:broken x:broken y:broken");
        expect_state(0, 1, true);
}

/* Callbacks */

static void on_turn(struct cede_callback *callback, int result)
{
        char name[] = "callback0";

        name[8] = (char)('0' + callback->priority);
        note_result(name, result);
}

TASK_TEST(callbacks_arrive)
{
        struct cede_callback first = { .fn = on_turn, .priority = 1 };
        struct cede_callback last = { .fn = on_turn, .priority = 2 };
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_barrier_wait_async(&b, &first), 0);
        spawn_now(&c, arrive, "x");
        EXPECT_EQ(cede_barrier_wait_async(&b, &last), 0);
        EXPECT_LOG("");
        EXPECT_EQ(cede_callback_cancel(&first), -EALREADY);
        EXPECT_EQ(cede_callback_cancel(&last), -EALREADY);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("callback1:0 x:1 callback2:2");
}

TASK_TEST(callback_that_is_cancelled_breaks_it)
{
        struct cede_callback one = { .fn = on_turn, .priority = 1 };
        struct cede_callback two = { .fn = on_turn, .priority = 2 };
        struct cede_callback late = { .fn = on_turn, .priority = 3 };

        EXPECT_EQ(cede_barrier_wait_async(&b, &one), 0);
        EXPECT_EQ(cede_barrier_wait_async(&b, &two), 0);
        EXPECT_EQ(cede_callback_cancel(&one), 0);
        EXPECT_EQ(cede_barrier_wait_async(&b, &late), -ENOTRECOVERABLE);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback2:broken");
}

/* The two steps of a cancellation by another thread, with something done in between. */

static void never_posted(struct cede_callback *callback)
{
        (void)callback;
        EXPECT(false);
}

static struct cede_callback victim = { .fn = on_turn, .post = never_posted };

static void claim_the_victim(void)
{
        EXPECT_EQ(cede_barrier_wait_async(&b, &victim), 0);
        EXPECT(cede__claim_from(&victim.fiber.party, CEDE__WAITING));
}

static void withdraw_the_victim(void)
{
        victim.waiter.kind->withdraw(&victim.waiter);
}

TASK_TEST(all_arrive_while_one_is_being_cancelled)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, arrive, "x");
        claim_the_victim();
        arrive("z");
        expect_state(0, 0, true);
        withdraw_the_victim();
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("z:broken x:broken");
}

TASK_TEST(waiter_of_before_a_reset_does_not_break_it_after_that)
{
        claim_the_victim();
        cede_barrier_reset(&b);
        withdraw_the_victim();
        expect_state(0, 0, false);
        expect_it_works();
}

enum { MANY = 100000 };

static unsigned sum, called;

static void count_it(struct cede_callback *callback, int result)
{
        (void)callback;
        called++;
        sum += (unsigned)result;
}

TASK_TEST(hundred_thousand_callbacks_need_no_stack)
{
        static struct cede_callback callbacks[MANY];

        EXPECT_EQ(cede_barrier_init(&b, MANY, CEDE_FIFO), 0);
        for (unsigned i = 0; i < MANY; i++) {
                callbacks[i].fn = count_it;
                EXPECT_EQ(cede_barrier_wait_async(&b, &callbacks[i]), 0);
        }
        EXPECT_EQ(called, 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(called, MANY);
        EXPECT_EQ(sum, (unsigned)((uint64_t)MANY * (MANY - 1) / 2));
}

/* Threads and tasks: in each round every number is given once. */

enum { THREADS = 3, TASKS = 2, ROUNDS = 2000 };

static unsigned seen[ROUNDS]; /* atomic */
static unsigned rounds;

static int meet(void *arg)
{
        (void)arg;
        for (unsigned i = 0; i < rounds; i++) {
                int r = cede_barrier_wait(&b);

                EXPECT(r >= 0 && r < THREADS + TASKS);
                EXPECT(!(__atomic_fetch_or(&seen[i], 1U << r, __ATOMIC_RELAXED) & 1U << r));
        }
        return 0;
}

static void *meet_in_thread(void *arg)
{
        meet(arg);
        return NULL;
}

static int meet_in_tasks(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        for (int i = 0; i < TASKS; i++)
                EXPECT_EQ(cede_spawn(&c, meet, NULL), 0);
        return cede_scope_close(&c, 0);
}

TEST(threads_and_tasks_meet)
{
        pthread_t threads[THREADS];

        rounds = test_slowed() ? ROUNDS / 20 : ROUNDS;
        EXPECT_EQ(cede_barrier_init(&b, THREADS + TASKS, CEDE_FIFO), 0);
        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, meet_in_thread, NULL), 0);
        EXPECT_EQ(cede_run(meet_in_tasks, NULL), 0);
        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        for (unsigned i = 0; i < rounds; i++)
                EXPECT_EQ(seen[i], (1U << (THREADS + TASKS)) - 1);
        expect_state(0, rounds, false);
}

/*
 * Threads with hardly any patience, who make it whole again whenever it is broken: each round that
 * was completed has given each number once, and no other has given any.
 */

enum { IMPATIENT = 3 };

static uint64_t given[IMPATIENT]; /* atomic */

static void *meet_impatiently(void *seed)
{
        unsigned dice = (unsigned)(uintptr_t)seed, tries = test_slowed() ? 1000 : 20000;

        for (unsigned i = 0; i < tries; i++) {
                CEDE_TIMEOUT(CEDE_US(dice % 64)) {
                        int r = cede_barrier_wait(&b);

                        EXPECT(r >= 0 || r == -ETIMEDOUT || r == -ENOTRECOVERABLE);
                        if (r >= 0)
                                __atomic_fetch_add(&given[r], 1, __ATOMIC_RELAXED);
                        else
                                cede_barrier_reset(&b);
                }
                dice = dice * 1103515245 + 12345;
                dice ^= dice >> 16;
        }
        cede_barrier_abort(&b);
        return NULL;
}

TEST(impatient_threads_meet_or_do_not)
{
        pthread_t threads[IMPATIENT];
        struct cede_barrier_stats stats;

        for (uintptr_t i = 0; i < IMPATIENT; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, meet_impatiently, (void *)(i + 1)), 0);
        for (int i = 0; i < IMPATIENT; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        cede_barrier_stats(&b, &stats);
        for (int i = 0; i < IMPATIENT; i++)
                EXPECT_EQ(given[i], stats.rounds);
        EXPECT_EQ(stats.waiting, 0);
        cede_barrier_finish(&b);
}

/* What goes wrong */

TEST(init_refuses_what_makes_no_sense)
{
        static struct cede_barrier none;

        EXPECT_EQ(cede_barrier_init(&b, 0, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_barrier_init(&b, -1, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_barrier_init(&b, INT_MAX + 1L, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_barrier_init(&b, 1, (enum cede_order)99), -EINVAL);
        EXPECT_EQ(cede_barrier_wait(&none), -EINVAL);
}

TASK_TEST(uninitialised_barrier_refuses_a_callback)
{
        static struct cede_barrier none;
        struct cede_callback callback = { .fn = on_turn };

        EXPECT_EQ(cede_barrier_wait_async(&none, &callback), -EINVAL);
}

static int finish_early(void *arg)
{
        struct cede_scope c;

        cede_barrier_set_name(&b, "dawn");
        cede_scope_open(&c);
        spawn_now(&c, arrive, "x");
        if (arg) {
                action_takes = CEDE_MS(10);
                cede_barrier_set_action(&b, act, "action");
                spawn_now(&c, arrive, "y");
                spawn_now(&c, arrive, "z");
        }
        cede_barrier_finish(&b);
        return cede_scope_close(&c, 0);
}

TEST_ABORTS(finish_while_somebody_waits, "barrier dawn is finished while 1 wait at it")
{
        EXPECT_EQ(run_virtual(finish_early, NULL), 0);
}

TEST_ABORTS(finish_while_the_action_runs, "barrier dawn is finished while 0 wait at it, or its")
{
        EXPECT_EQ(run_virtual(finish_early, &b), 0);
}
