/* SPDX-License-Identifier: MIT */
/*
 * Waiting for several futures; the cases of asyncio's tests of gather, wait and as_completed that
 * concern them.
 */
#include "log.h"
#include "threads.h"

enum { COUNT = 3, MANY = 20 };

static struct cede_future f[MANY];
static struct cede_future *all[MANY];

struct answer {
        int at; /* s */
        int error;
};

static int give(void *arg)
{
        struct answer answer = *(struct answer *)((void **)arg)[0];
        struct cede_future *future = ((void **)arg)[1];
        int number = (int)(future - f);

        if (cede_sleep(CEDE_SEC(answer.at)) < 0)
                return 0; /* the test is over */
        if (answer.error)
                (void)cede_future_fail(future, answer.error); /* unless it was cancelled */
        else
                (void)cede_future_resolve(future, N(number));
        return 0;
}

/* f[i] is done at answers[i].at. */
static void answer_all(struct cede_scope *scope, const struct answer *answers, int n)
{
        static void *args[MANY][2];

        for (int i = 0; i < n; i++) {
                all[i] = &f[i];
                if (answers[i].at < 0)
                        continue; /* never */
                args[i][0] = (void *)&answers[i];
                args[i][1] = &f[i];
                EXPECT_EQ(cede_spawn(scope, give, args[i]), 0);
        }
}

static const struct answer in_time[COUNT] = { { 3, 0 }, { 1, 0 }, { 2, 0 } };
static const struct answer second_fails[COUNT] = { { 3, -EIO }, { 1, -EBUSY }, { 2, 0 } };

TASK_TEST(gather_waits_for_all)
{
        void *values[COUNT] = { 0 };

        answer_all(NULL, in_time, COUNT);
        EXPECT_EQ(cede_gather(all, COUNT, values), 0);
        EXPECT_EQ(now_ms(), 3000);
        for (int i = 0; i < COUNT; i++)
                EXPECT(values[i] == N(i));
        EXPECT_EQ(cede_gather(all, COUNT, NULL), 0); /* once more: they are done */
        EXPECT_EQ(cede_gather(NULL, 0, NULL), 0);
        EXPECT_EQ(now_ms(), 3000);
}

TASK_TEST(gather_returns_the_first_failure_at_once_and_the_others_go_on)
{
        void *values[COUNT] = { N(70), N(71), N(72) };

        answer_all(NULL, second_fails, COUNT);
        EXPECT_EQ(cede_gather(all, COUNT, values), -EBUSY);
        EXPECT_EQ(now_ms(), 1000);
        EXPECT(values[0] == N(70) && values[1] == N(71) && values[2] == N(72));
        EXPECT_EQ(cede_futures_done(all, COUNT), 1);
        EXPECT_EQ(cede_future_await(all[2], NULL), 0);
        EXPECT_EQ(cede_future_await(all[0], NULL), -EIO);
        EXPECT_EQ(now_ms(), 3000);
        for (int i = 0; i < COUNT; i++)
                EXPECT_EQ(cede_future_waiting(all[i]), 0);
}

static int say(void *text)
{
        note("%s", (const char *)text);
        return 0;
}

TASK_TEST(gather_of_what_is_done_does_not_yield)
{
        for (int i = 0; i < COUNT; i++) {
                all[i] = &f[i];
                EXPECT_EQ(cede_future_resolve(all[i], N(i)), 0);
        }
        EXPECT_EQ(cede_spawn(NULL, say, "other"), 0);
        EXPECT_EQ(cede_gather(all, COUNT, NULL), 0);
        EXPECT_EQ(cede_futures_wait(all, COUNT, CEDE_FIRST_FAILURE), COUNT);
        EXPECT_EQ(cede_race(all, COUNT), 0);
        EXPECT_LOG("");
}

TASK_TEST(gather_of_one_that_stands_there_twice)
{
        void *values[2];

        answer_all(NULL, in_time, 1);
        all[1] = all[0];
        EXPECT_EQ(cede_gather(all, 2, values), 0);
        EXPECT(values[0] == values[1]);
}

TASK_TEST(gather_tells_of_a_future_that_is_cancelled)
{
        answer_all(NULL, in_time, COUNT);
        cede_future_cancel(all[2]);
        EXPECT_EQ(cede_gather(all, COUNT, NULL), -ECANCELED);
        EXPECT_EQ(cede_checkpoint(), 0);
        EXPECT_EQ(cede_future_result(all[2], NULL), -ECANCELED);
        EXPECT_EQ(cede_future_result(all[0], NULL), -EAGAIN);
}

static int gather_all(void *arg)
{
        int r = cede_gather(all, (size_t)(intptr_t)arg, NULL);

        note("gather:%s", word(r));
        return 0;
}

/* No future is lost: they go on, and can be awaited anew. */
TASK_TEST(cancelled_gather_leaves_the_futures_alone)
{
        struct cede_scope c;

        answer_all(NULL, in_time, COUNT);
        cede_scope_open(&c);
        spawn_now(&c, gather_all, N(COUNT));
        EXPECT_EQ(cede_sleep(CEDE_MS(1500)), 0); /* one of them is done */
        for (int i = 0; i < COUNT; i++)
                EXPECT_EQ(cede_future_waiting(all[i]), i != 1);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("gather:cancelled");
        for (int i = 0; i < COUNT; i++)
                EXPECT_EQ(cede_future_waiting(all[i]), 0);
        EXPECT_EQ(cede_gather(all, COUNT, NULL), 0);
        EXPECT_EQ(now_ms(), 3000);
}

TASK_TEST(gather_with_a_deadline)
{
        int r = 0;

        answer_all(NULL, in_time, COUNT);
        CEDE_TIMEOUT(CEDE_MS(2500))
                r = cede_gather(all, COUNT, NULL);
        EXPECT_EQ(r, -ETIMEDOUT);
        EXPECT_EQ(cede_futures_done(all, COUNT), 2);
        EXPECT_EQ(now_ms(), 2500);
}

TASK_TEST(more_than_a_few)
{
        static struct answer answers[MANY];
        void *values[MANY];

        for (int i = 0; i < MANY; i++)
                answers[i] = (struct answer){ (i * 7) % MANY, 0 };
        answer_all(NULL, answers, MANY);
        EXPECT_EQ(cede_gather(all, MANY, values), 0);
        for (int i = 0; i < MANY; i++)
                EXPECT(values[i] == N(i));
        EXPECT_EQ(now_ms(), (MANY - 1) * 1000);
}

/* Wait. */

TASK_TEST(wait_for_all_looks_at_no_error)
{
        answer_all(NULL, second_fails, COUNT);
        EXPECT_EQ(cede_futures_wait(all, COUNT, CEDE_ALL), COUNT);
        EXPECT_EQ(now_ms(), 3000);
        EXPECT_EQ(cede_futures_wait(all, COUNT, (enum cede_when)3), -EINVAL);
        EXPECT_EQ(cede_futures_wait(NULL, 0, CEDE_FIRST_COMPLETED), 0);
}

TASK_TEST(wait_for_the_first)
{
        answer_all(NULL, in_time, COUNT);
        EXPECT_EQ(cede_futures_wait(all, COUNT, CEDE_FIRST_COMPLETED), 1);
        EXPECT_EQ(now_ms(), 1000);
        EXPECT(cede_future_is_done(all[1]));
        EXPECT_EQ(cede_futures_wait(all, COUNT, CEDE_FIRST_COMPLETED), 1); /* at once */
        EXPECT_EQ(now_ms(), 1000);
}

TASK_TEST(wait_for_the_first_failure)
{
        static const struct answer last_fails[COUNT] = { { 3, -EIO }, { 1, 0 }, { 2, -EBUSY } };

        answer_all(NULL, last_fails, COUNT);
        EXPECT_EQ(cede_futures_wait(all, COUNT, CEDE_FIRST_FAILURE), 2);
        EXPECT_EQ(now_ms(), 2000);
}

TASK_TEST(wait_for_a_failure_that_does_not_come)
{
        answer_all(NULL, in_time, COUNT);
        EXPECT_EQ(cede_futures_wait(all, COUNT, CEDE_FIRST_FAILURE), COUNT);
        EXPECT_EQ(now_ms(), 3000);
}

TASK_TEST(wait_with_a_deadline)
{
        int r = 0;

        answer_all(NULL, in_time, COUNT);
        CEDE_TIMEOUT(CEDE_MS(1500))
                r = cede_futures_wait(all, COUNT, CEDE_ALL);
        EXPECT_EQ(r, -ETIMEDOUT);
        EXPECT_EQ(cede_futures_done(all, COUNT), 1);
        EXPECT_EQ(cede_futures_wait(all, COUNT, CEDE_ALL), COUNT);
}

/* As completed. */

TASK_TEST(one_by_one_in_the_order_in_which_they_are_done)
{
        struct cede_as_completed each;
        size_t i;
        int r;

        answer_all(NULL, in_time, COUNT);
        EXPECT_EQ(cede_as_completed_open(&each, all, COUNT), 0);
        while ((r = cede_as_completed_next(&each, &i)) > 0)
                note("%d@%d", (int)i, now_ms() / 1000);
        EXPECT_EQ(r, 0);
        cede_as_completed_close(&each);
        EXPECT_LOG("1@1 2@2 0@3");
}

/* A cancelled or late call loses nothing, and what came while nobody waited is there. */
TASK_TEST(one_by_one_with_a_deadline)
{
        struct cede_as_completed each;
        size_t i = 9;
        int r = 0;

        answer_all(NULL, in_time, COUNT);
        EXPECT_EQ(cede_as_completed_open(&each, all, COUNT), 0);
        CEDE_TIMEOUT(CEDE_MS(500))
                r = cede_as_completed_next(&each, &i);
        EXPECT_EQ(r, -ETIMEDOUT);
        EXPECT_EQ(i, 9);
        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0);
        while ((r = cede_as_completed_next(&each, &i)) > 0)
                note("%d@%d", (int)i, now_ms());
        cede_as_completed_close(&each);
        EXPECT_LOG("1@2500 2@2500 0@3000");
}

TASK_TEST(one_by_one_left_early)
{
        struct cede_as_completed each;
        size_t i;

        answer_all(NULL, in_time, COUNT);
        EXPECT_EQ(cede_as_completed_open(&each, all, COUNT), 0);
        EXPECT_EQ(cede_as_completed_next(&each, &i), 1);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0); /* one has come and is not taken, one never will */
        cede_as_completed_close(&each);
        EXPECT_EQ(cede_future_waiting(all[0]), 0);
        all[1] = NULL;
        EXPECT_EQ(cede_as_completed_open(&each, all, COUNT), -EINVAL);
}

/* Race. */

static void note_canceller(struct cede_future *future, void *arg)
{
        (void)arg;
        note("cancel%d", (int)(future - f));
}

TASK_TEST(race_cancels_the_others)
{
        answer_all(NULL, in_time, COUNT);
        for (int i = 0; i < COUNT; i++)
                cede_future_set_canceller(all[i], note_canceller, NULL);
        EXPECT_EQ(cede_race(all, COUNT), 1);
        EXPECT_EQ(now_ms(), 1000);
        EXPECT_LOG("cancel0 cancel2");
        EXPECT_EQ(cede_future_result(all[0], NULL), -ECANCELED);
        EXPECT_EQ(cede_future_result(all[1], NULL), 0);
        EXPECT_EQ(cede_race(all, 0), -EINVAL);
}

TASK_TEST(race_that_a_failure_wins)
{
        answer_all(NULL, second_fails, COUNT);
        EXPECT_EQ(cede_race(all, COUNT), 1);
        EXPECT_EQ(cede_future_result(all[1], NULL), -EBUSY);
}

TASK_TEST(race_with_a_deadline_cancels_none)
{
        int r = 0;

        answer_all(NULL, in_time, COUNT);
        CEDE_TIMEOUT(CEDE_MS(500))
                r = cede_race(all, COUNT);
        EXPECT_EQ(r, -ETIMEDOUT);
        EXPECT_EQ(cede_futures_done(all, COUNT), 0);
        EXPECT_EQ(cede_gather(all, COUNT, NULL), 0);
}

/* In and from plain threads. */

enum { THREADS = 4 };

static void *resolve_some(void *arg)
{
        for (int i = (int)(intptr_t)arg; i < MANY; i += THREADS)
                (void)cede_future_resolve(&f[i], N(i)); /* unless it lost a race */
        return NULL;
}

static void expect_all(void **values)
{
        for (int i = 0; i < MANY; i++)
                EXPECT(values[i] == N(i));
}

TEST(threads_resolve_what_a_thread_gathers)
{
        for (int round = 0; round < (test_slowed() ? 40 : 1000); round++) {
                pthread_t threads[THREADS];
                void *values[MANY];
                int winner;

                for (int i = 0; i < MANY; i++) {
                        f[i] = (struct cede_future){ 0 };
                        all[i] = &f[i];
                }
                for (int i = 0; i < THREADS; i++)
                        threads[i] = start(resolve_some, N(i));
                if (round % 2) {
                        EXPECT_EQ(cede_gather(all, MANY, values), 0);
                        expect_all(values);
                } else {
                        winner = cede_race(all, MANY);
                        EXPECT(winner >= 0 && winner < MANY);
                        EXPECT_EQ(cede_futures_done(all, MANY), MANY);
                        EXPECT_EQ(cede_future_result(all[winner], NULL), 0);
                }
                for (int i = 0; i < THREADS; i++)
                        join(threads[i]);
        }
}

/* Taking the waiters back meets those who are just posting to them. */
TEST(threads_resolve_while_a_thread_gives_up)
{
        for (int round = 0; round < (test_slowed() ? 40 : 1000); round++) {
                pthread_t threads[THREADS];
                int r = 0;

                for (int i = 0; i < MANY; i++) {
                        f[i] = (struct cede_future){ 0 };
                        all[i] = &f[i];
                }
                for (int i = 0; i < THREADS; i++)
                        threads[i] = start(resolve_some, N(i));
                CEDE_TIMEOUT(CEDE_US(round % 50))
                        r = cede_gather(all, MANY, NULL);
                EXPECT(r == 0 || r == -ETIMEDOUT);
                for (int i = 0; i < MANY; i++)
                        EXPECT_EQ(cede_future_waiting(all[i]), 0);
                for (int i = 0; i < THREADS; i++)
                        join(threads[i]);
        }
}
