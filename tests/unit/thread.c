/* SPDX-License-Identifier: MIT */
/*
 * Plain threads that wait like tasks: on a semaphore, with deadlines, cancels and shields, beside
 * tasks and callbacks.  Who arrives when is seen by cede_sem_waiting(), not left to time.
 */
#include "base/prng.h"
#include "threads.h"

/* Grants. */

TEST(free_permit_is_taken_without_a_run)
{
        EXPECT_EQ(cede_sem_init(&sem, 1, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        EXPECT_EQ(cede_sem_try_acquire(&sem), -EAGAIN);
        EXPECT_EQ(cede_sem_release(&sem), 0);
        expect_left(1);
}

TEST(waiting_thread_is_granted)
{
        int result = 1;
        pthread_t thread;

        empty(CEDE_FIFO);
        thread = start(acquire, &result);
        until_waiting(1);
        EXPECT_EQ(cede_sem_release(&sem), 0);
        EXPECT_EQ(cede_sem_try_acquire(&sem), -EAGAIN); /* handed over, not up for grabs */
        join(thread);
        EXPECT_EQ(result, 0);
        expect_left(0);
}

/* Long after the moment for which a thread spins: it sleeps on its futex by then. */
TEST(thread_that_sleeps_is_woken)
{
        int result = 1;
        pthread_t thread;

        empty(CEDE_FIFO);
        thread = start(acquire, &result);
        until_waiting(1);
        EXPECT_EQ(cede_sleep(CEDE_MS(30)), 0);
        EXPECT_EQ(cede_sem_release(&sem), 0);
        join(thread);
        EXPECT_EQ(result, 0);
        expect_left(0);
}

static struct cede_sem ping, pong;

static void *answer(void *rounds)
{
        for (int i = 0; i < *(int *)rounds; i++) {
                EXPECT_EQ(cede_sem_acquire(&ping), 0);
                EXPECT_EQ(cede_sem_release(&pong), 0);
        }
        return NULL;
}

/* Each grant meets the other on its way to sleep, at another point each time. */
TEST(two_threads_wake_each_other, .seconds = 60)
{
        int rounds = test_slowed() ? 300 : 5000;
        pthread_t thread = start(answer, &rounds);

        for (int i = 0; i < rounds; i++) {
                EXPECT_EQ(cede_sem_release(&ping), 0);
                EXPECT_EQ(cede_sem_acquire(&pong), 0);
        }
        join(thread);
        EXPECT_EQ(cede_sem_value(&ping) + cede_sem_value(&pong), 0);
}

/* A stack and thread-locals used again by the next thread start from nothing. */
TEST(threads_come_and_go)
{
        empty(CEDE_FIFO);
        for (int i = 0; i < 200; i++) {
                int result = 1;
                pthread_t thread = start(acquire, &result);

                until_waiting(1);
                EXPECT_EQ(cede_sem_release(&sem), 0);
                join(thread);
                EXPECT_EQ(result, 0);
        }
        expect_left(0);
}

/* Deadlines, without another party: the thread itself sees to them. */

TEST(own_deadline_times_out)
{
        int r = 1;

        empty(CEDE_FIFO);
        for (int i = 0; i < 2; i++) {
                int64_t end = cede_in(CEDE_MS(5));

                CEDE_TIMEOUT(CEDE_MS(5)) {
                        r = cede_sem_acquire(&sem);
                        EXPECT(cede_now() >= end - CEDE_MS(5));
                        EXPECT_EQ(cede_checkpoint(), -ETIMEDOUT); /* a level, not an event */
                        EXPECT_EQ(cede_sem_acquire(&sem), -ETIMEDOUT);
                        EXPECT_EQ(cede_sleep(CEDE_SEC(100)), -ETIMEDOUT);
                        EXPECT_EQ(cede_yield(), -ETIMEDOUT);
                }
                EXPECT(cede_now() >= end);
                EXPECT_EQ(r, -ETIMEDOUT);
                EXPECT_EQ(cede_checkpoint(), 0); /* left with the scope */
        }
        expect_left(0);
}

TEST(deadline_further_out_is_a_cancellation)
{
        empty(CEDE_FIFO);
        CEDE_TIMEOUT(CEDE_MS(5)) {
                CEDE_TIMEOUT(CEDE_SEC(100)) {
                        EXPECT_EQ(cede_sem_acquire(&sem), -ECANCELED);
                        EXPECT_EQ(cede_sem_acquire(&sem), -ECANCELED);
                }
                EXPECT_EQ(cede_sem_acquire(&sem), -ETIMEDOUT);
        }
        EXPECT_EQ(cede_checkpoint(), 0);
        expect_left(0);
}

TEST(inner_deadline_leaves_the_outer_scope_alone)
{
        empty(CEDE_FIFO);
        CEDE_TIMEOUT(CEDE_SEC(100)) {
                CEDE_TIMEOUT(CEDE_MS(2))
                        EXPECT_EQ(cede_sem_acquire(&sem), -ETIMEDOUT);
                EXPECT_EQ(cede_checkpoint(), 0);
                EXPECT(cede_deadline() != CEDE_NEVER);
        }
        EXPECT_EQ(cede_deadline(), CEDE_NEVER);
        expect_left(0);
}

TEST(expired_deadline_still_tries_once)
{
        EXPECT_EQ(cede_sem_init(&sem, 1, CEDE_FIFO), 0);
        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_sem_acquire(&sem), 0);
                EXPECT_EQ(cede_sem_acquire(&sem), -ETIMEDOUT);
        }
        EXPECT_EQ(cede_sem_release(&sem), 0);
        expect_left(1);
}

TEST(shield_holds_deadlines_off)
{
        int r = 1;

        EXPECT_EQ(cede_sem_init(&sem, 1, CEDE_FIFO), 0);
        CEDE_TIMEOUT(0) {
                CEDE_SHIELD {
                        EXPECT_EQ(cede_deadline(), CEDE_NEVER);
                        EXPECT_EQ(cede_checkpoint(), 0);
                        EXPECT_EQ(cede_sleep(CEDE_MS(1)), 0);
                        CEDE_TIMEOUT(CEDE_MS(2)) {
                                EXPECT_EQ(cede_sem_acquire(&sem), 0);
                                r = cede_sem_acquire(&sem);
                        }
                        EXPECT_EQ(r, -ETIMEDOUT);
                        EXPECT_EQ(cede_checkpoint(), 0);
                }
                EXPECT_EQ(cede_checkpoint(), -ETIMEDOUT);
        }
        expect_left(0);
}

TEST(a_thousand_timeouts_leave_nobody_queued)
{
        empty(CEDE_PRIORITY);
        for (int i = 0; i < 1000; i++)
                CEDE_TIMEOUT(CEDE_US(i % 20))
                        EXPECT_EQ(cede_sem_acquire(&sem), -ETIMEDOUT);
        EXPECT_EQ(cede_sem_release(&sem), 0);
        expect_left(1);
}

TEST(scope_that_timed_out_says_so)
{
        struct cede_scope s;
        int r;

        cede_scope_open_with(&s, &(struct cede_scope_options){ .deadline = cede_in(CEDE_MS(1)) });
        r = cede_sleep(CEDE_SEC(100));
        EXPECT_EQ(r, -ETIMEDOUT);
        EXPECT_EQ(cede_scope_close(&s, r), -ETIMEDOUT);
        cede_scope_open(&s);
        EXPECT_EQ(cede_scope_close(&s, 7), 7);
}

/* Runs in a thread that is a party itself. */

static int run_body(void *arg)
{
        int r = 1;

        (void)arg;
        EXPECT(cede_task_self() != NULL);
        EXPECT_EQ(cede_checkpoint(), 0); /* the thread's own scopes are its own affair */
        CEDE_TIMEOUT(CEDE_MS(1))
                r = cede_sem_acquire(&sem);
        EXPECT_EQ(r, -ETIMEDOUT);
        return 5;
}

static void *wait_run_wait(void *arg)
{
        struct cede_scope s;

        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        EXPECT_EQ(cede_run(run_body, NULL), 5);
        EXPECT(cede_task_self() == NULL);
        atomic_store((atomic_int *)arg, 1);
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        cede_scope_open(&s);
        EXPECT_EQ(cede_run(run_body, NULL), 5);
        CEDE_TIMEOUT(CEDE_MS(1))
                EXPECT_EQ(cede_sem_acquire(&sem), -ETIMEDOUT);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        atomic_store((atomic_int *)arg, 2);
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        return NULL;
}

TEST(run_between_waits_of_its_thread)
{
        atomic_int step = 0;
        pthread_t thread;

        empty(CEDE_FIFO);
        thread = start(wait_run_wait, &step);
        /* Each run waits for a while in vain: a permit is given when the thread itself waits. */
        for (int i = 0; i < 3; i++) {
                until(&step, i);
                until_waiting(1);
                EXPECT_EQ(cede_sem_release(&sem), 0);
        }
        join(thread);
        expect_left(0);
}

/* Wake-ups that mean nothing: signals end the system call with EINTR. */

static atomic_int signals;

static void count_signal(int number)
{
        (void)number;
        atomic_fetch_add(&signals, 1);
}

static void *acquire_with_a_deadline(void *arg)
{
        struct victim *v = arg;

        CEDE_TIMEOUT(CEDE_SEC(1000)) {
                errno = 77;
                v->result = cede_sem_acquire(&sem);
                v->second = errno; /* it has not moved */
        }
        return NULL;
}

TEST(signals_do_not_end_a_wait)
{
        struct sigaction action = { .sa_handler = count_signal };
        struct victim v = { .result = 1 };
        pthread_t thread;

#if defined(__SANITIZE_THREAD__)
        SKIP("ThreadSanitizer holds signals back until a system call that it knows");
#endif
        EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
        empty(CEDE_FIFO);
        thread = start(acquire_with_a_deadline, &v);
        until_waiting(1);
        for (int i = 0; i < 200; i++) {
                int before = atomic_load(&signals);

                EXPECT_EQ(pthread_kill(thread, SIGUSR1), 0);
                until(&signals, before + 1);
                EXPECT_EQ(cede_sem_waiting(&sem), 1);
        }
        EXPECT_EQ(v.result, 1);
        EXPECT_EQ(cede_sem_release(&sem), 0);
        join(thread);
        EXPECT_EQ(v.result, 0);
        EXPECT_EQ(v.second, 77);
        expect_left(0);
}

/* What a thread may not do. */

TEST_ABORTS(close_of_an_outer_scope_first,
            "scope is closed that is not the innermost one of thread")
{
        struct cede_scope outer, inner;

        cede_scope_open(&outer);
        cede_scope_open(&inner);
        cede_scope_close(&outer, 0);
}

TEST_ABORTS(cancel_of_the_run_without_a_run, "means the run, and there is none here")
{
        cede_scope_cancel(NULL);
}
