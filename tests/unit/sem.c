/* SPDX-License-Identifier: MIT */
/* Semaphore: permits, hand-over, cancellation and time-outs of single waiters. */
#include <limits.h>
#include <pthread.h>

#include "log.h"

static struct cede_sem s; /* all-zero at the start of each test */

/* Waits for one permit, says how that ended, and what the next blocking call says. */
static int want(void *name)
{
        int r = cede_sem_acquire(&s);

        note("%s:%s", (const char *)name, word(r));
        return r;
}

static int want_then_yield(void *name)
{
        int r = cede_sem_acquire(&s);

        note("%s:%s", (const char *)name, word(r));
        note("then:%s", word(cede_yield()));
        if (r == 0)
                cede_sem_release(&s);
        return 0;
}

static int want_3(void *name)
{
        int r = cede_sem_acquire_n(&s, 3);

        note("%s:%s", (const char *)name, word(r));
        return r;
}

/* Without waiters */

TASK_TEST(acquire_takes_and_release_gives_back)
{
        EXPECT_EQ(cede_sem_init(&s, 2, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_acquire(&s), 0);
        EXPECT_EQ(cede_sem_value(&s), 1);
        EXPECT_EQ(cede_sem_acquire_n(&s, 1), 0);
        EXPECT_EQ(cede_sem_value(&s), 0);
        EXPECT_EQ(cede_sem_release_n(&s, 2), 0);
        EXPECT_EQ(cede_sem_value(&s), 2);
        cede_sem_finish(&s);
}

static struct cede_sem five = CEDE_SEM_INIT(5, CEDE_LIFO);

TASK_TEST(static_initialiser)
{
        EXPECT_EQ(cede_sem_value(&five), 5);
        EXPECT_EQ(cede_sem_waiting(&five), 0);
        EXPECT_EQ(cede_sem_acquire_n(&five, 5), 0);
        EXPECT_EQ(cede_sem_try_acquire(&five), -EAGAIN);
        EXPECT_EQ(cede_sem_release_n(&five, 5), 0);
}

TASK_TEST(all_zero_has_no_permits_and_is_fifo)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_sem_try_acquire(&s), -EAGAIN);
        spawn_now(&c, want, "a");
        spawn_now(&c, want, "b");
        cede_sem_release_n(&s, 2);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok b:ok");
}

TEST(init_refuses_what_can_never_be_right)
{
        EXPECT_EQ(cede_sem_init(&s, -1, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_sem_init(&s, LONG_MAX / 8 + 1, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_sem_init(&s, 0, (enum cede_order)(CEDE_RANDOM + 1)), -EINVAL);
        EXPECT_EQ(cede_sem_init(&s, 0, (enum cede_order) - 1), -EINVAL);
        EXPECT_EQ(cede_sem_init(&s, LONG_MAX / 8, CEDE_RANDOM), 0);
        EXPECT_EQ(cede_sem_value(&s), LONG_MAX / 8);
        EXPECT_EQ(cede_sem_release(&s), -EOVERFLOW);
}

TASK_TEST(fewer_than_one_permit_is_refused)
{
        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_acquire_n(&s, 0), -EINVAL);
        EXPECT_EQ(cede_sem_acquire_n(&s, -1), -EINVAL);
        EXPECT_EQ(cede_sem_try_acquire_n(&s, 0), -EINVAL);
        EXPECT_EQ(cede_sem_try_acquire_n(&s, LONG_MIN), -EINVAL);
        EXPECT_EQ(cede_sem_release_n(&s, 0), -EINVAL);
        EXPECT_EQ(cede_sem_release_n(&s, LONG_MIN), -EINVAL);
        EXPECT_EQ(cede_sem_value(&s), 1);
}

TASK_TEST(try_works_outside_and_inside_of_cancelled_scopes)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_sem_try_acquire(&s), 0);
        EXPECT_EQ(cede_sem_try_acquire(&s), -EAGAIN);
        EXPECT_EQ(cede_sem_release(&s), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static void *use_from_thread(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_sem_try_acquire(&s), 0);
        EXPECT_EQ(cede_sem_try_acquire(&s), -EAGAIN);
        EXPECT_EQ(cede_sem_release(&s), 0);
        EXPECT_EQ(cede_sem_release(&s), 0);
        return NULL;
}

TASK_TEST(plain_threads_may_try_and_release)
{
        struct cede_scope c;
        pthread_t thread;

        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        EXPECT_EQ(pthread_create(&thread, NULL, use_from_thread, NULL), 0);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        EXPECT_EQ(cede_sem_acquire_n(&s, 2), 0);
        cede_scope_open(&c);
        spawn_now(&c, want, "a");
        cede_sem_release(&s);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

/* The maximum */

TASK_TEST(release_beyond_the_maximum_changes_nothing)
{
        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_set_max(&s, 2), 0);
        EXPECT_EQ(cede_sem_release_n(&s, 2), -EOVERFLOW);
        EXPECT_EQ(cede_sem_value(&s), 1);
        EXPECT_EQ(cede_sem_release(&s), 0);
        EXPECT_EQ(cede_sem_release(&s), -EOVERFLOW);
        EXPECT_EQ(cede_sem_value(&s), 2);
}

TASK_TEST(maximum_holds_while_somebody_waits)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 2, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_set_max(&s, 3), 0);
        EXPECT_EQ(cede_sem_acquire(&s), 0);
        cede_scope_open(&c);
        spawn_now(&c, want_3, "three");
        EXPECT_EQ(cede_sem_value(&s), 1);
        EXPECT_EQ(cede_sem_release_n(&s, 3), -EOVERFLOW);
        EXPECT_EQ(cede_sem_value(&s), 1);
        EXPECT_EQ(cede_sem_waiting(&s), 1);
        EXPECT_EQ(cede_sem_release_n(&s, 2), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("three:ok");
}

TASK_TEST(maximum_below_the_permits_is_refused)
{
        EXPECT_EQ(cede_sem_init(&s, 3, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_set_max(&s, 2), -EINVAL);
        EXPECT_EQ(cede_sem_set_max(&s, -1), -EINVAL);
        EXPECT_EQ(cede_sem_set_max(&s, 3), 0);
        EXPECT_EQ(cede_sem_release(&s), -EOVERFLOW);
        EXPECT_EQ(cede_sem_set_max(&s, 0), 0);
        EXPECT_EQ(cede_sem_release(&s), 0);
}

TASK_TEST(request_beyond_the_maximum_fails_at_once_and_blocks_nobody)
{
        EXPECT_EQ(cede_sem_init(&s, 2, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_set_max(&s, 2), 0);
        EXPECT_EQ(cede_sem_acquire_n(&s, 3), -EINVAL);
        EXPECT_EQ(cede_sem_try_acquire_n(&s, 3), -EINVAL);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        EXPECT_EQ(cede_sem_acquire_n(&s, 2), 0);
}

TASK_TEST(impossible_request_without_a_maximum)
{
        EXPECT_EQ(cede_sem_init(&s, 2, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_acquire_n(&s, LONG_MAX), -EINVAL);
        EXPECT_EQ(cede_sem_try_acquire_n(&s, LONG_MAX), -EINVAL);
        EXPECT_EQ(cede_sem_acquire_n(&s, 2), 0);
}

/* Hand-over */

TASK_TEST(arrivals_never_pass_waiters)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, want, "waiter");
        cede_sem_release(&s);
        EXPECT_EQ(cede_sem_try_acquire(&s), -EAGAIN);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("waiter:ok");
}

TASK_TEST(try_honours_the_queue_although_permits_are_free)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 2, CEDE_FIFO), 0);
        cede_scope_open(&c);
        spawn_now(&c, want_3, "three");
        EXPECT_EQ(cede_sem_value(&s), 2);
        EXPECT_EQ(cede_sem_try_acquire(&s), -EAGAIN);
        cede_sem_release(&s);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(value_and_waiting_tell_the_truth_during_hand_over)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, want, "a");
        EXPECT_EQ(cede_sem_waiting(&s), 1);
        cede_sem_release(&s);
        EXPECT_EQ(cede_sem_value(&s), 0); /* it is a's, who has not run yet */
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        cede_sem_release(&s);
        EXPECT_EQ(cede_sem_value(&s), 1);
        EXPECT_LOG("");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok");
}

TASK_TEST(releaser_goes_on_without_yielding)
{
        struct cede_run_stats before, after;
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, want, "a");
        cede_run_stats(&before);
        cede_sem_release(&s);
        note("released");
        cede_run_stats(&after);
        EXPECT_EQ(after.turns, before.turns);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("released a:ok");
}

static int say(void *text)
{
        note("%s", (const char *)text);
        return 0;
}

TASK_TEST(uncontended_operations_never_yield)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 3, CEDE_FIFO), 0);
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, say, "other"), 0);
        for (int i = 0; i < 1000; i++) {
                EXPECT_EQ(cede_sem_acquire(&s), 0);
                EXPECT_EQ(cede_sem_acquire_n(&s, 2), 0);
                cede_sem_release_n(&s, 3);
        }
        note("main");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("main other");
}

TASK_TEST(holder_that_acquires_again_goes_behind_the_queue)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_acquire(&s), 0);
        cede_scope_open(&c);
        spawn_now(&c, want_then_yield, "w1");
        spawn_now(&c, want_then_yield, "w2");
        cede_sem_release(&s);
        EXPECT_EQ(cede_sem_acquire(&s), 0);
        note("holder");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("w1:ok then:ok w2:ok then:ok holder");
}

/* A waiter is in the queue before anything else can run (compare tokio-rs/tokio#8365). */
TASK_TEST(waiter_is_queued_before_anybody_else_runs)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, want, "first"), 0);
        EXPECT_EQ(cede_spawn(&c, want, "second"), 0);
        give_turns();
        EXPECT_EQ(cede_sem_waiting(&s), 2);
        cede_sem_release_n(&s, 2);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("first:ok second:ok");
}

/* Several permits */

TASK_TEST(large_request_at_the_head_is_not_starved)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, want_3, "three");
        spawn_now(&c, want, "one");
        cede_sem_release(&s);
        cede_sem_release(&s);
        give_turns();
        EXPECT_LOG("");
        EXPECT_EQ(cede_sem_value(&s), 2);
        cede_sem_release(&s);
        give_turns();
        EXPECT_LOG("three:ok");
        cede_sem_release(&s);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("one:ok");
}

/* The follower fits as soon as the head has left (golang/go#37852). */
TASK_TEST(cancelled_head_lets_the_follower_pass)
{
        struct cede_scope c;
        struct cede_task *head;

        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        cede_scope_open(&c);
        head = spawn_held(&c, want_3, "head");
        spawn_now(&c, want, "follower");
        cede_task_cancel(head);
        EXPECT_EQ(cede_sem_value(&s), 0);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("follower:ok head:cancelled");
}

static int want_3_for_a_second(void *name)
{
        CEDE_TIMEOUT(CEDE_SEC(1)) {
                int r = cede_sem_acquire_n(&s, 3);

                note("%s:%s@%d", (const char *)name, word(r), now_ms());
        }
        return 0;
}

TASK_TEST(timed_out_head_lets_the_followers_pass)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 2, CEDE_FIFO), 0);
        cede_scope_open(&c);
        spawn_now(&c, want_3_for_a_second, "head");
        spawn_now(&c, want, "f1");
        spawn_now(&c, want, "f2");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("f1:ok f2:ok head:timeout@1000");
}

TASK_TEST(one_release_serves_all_whom_it_suffices_for)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, want, "a");
        spawn_now(&c, want_3, "b");
        spawn_now(&c, want, "c");
        spawn_now(&c, want, "d");
        cede_sem_release_n(&s, 5);
        EXPECT_EQ(cede_sem_waiting(&s), 1);
        EXPECT_EQ(cede_sem_value(&s), 0);
        cede_sem_release(&s);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok b:ok c:ok d:ok");
}

/* Statistics, names, end of life */

TASK_TEST(statistics_count_hand_overs_and_the_peak)
{
        struct cede_sem_stats stats;
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_acquire(&s), 0);
        cede_scope_open(&c);
        for (int i = 0; i < 3; i++)
                spawn_now(&c, want, "w");
        cede_sem_release(&s);
        EXPECT_EQ(cede_spawn(&c, want, "w"), 0);
        give_turns();
        cede_sem_stats(&s, &stats);
        EXPECT_EQ(stats.value, 0);
        EXPECT_EQ(stats.waiting, 3);
        EXPECT_EQ(stats.peak_waiting, 3);
        EXPECT_EQ(stats.handoffs, 1);
        cede_sem_release_n(&s, 7);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_sem_acquire(&s), 0);
        cede_sem_stats(&s, &stats);
        EXPECT_EQ(stats.value, 3);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT_EQ(stats.peak_waiting, 3);
        EXPECT_EQ(stats.handoffs, 4);
}

static int finish_with_a_waiter(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_spawn(NULL, want, "w"), 0);
        give_turns();
        cede_sem_set_name(&s, "turnstile");
        cede_sem_finish(&s);
        return 0;
}

TEST_ABORTS(finish_with_waiters_aborts, "semaphore turnstile is finished while 1 wait")
{
        run_virtual(finish_with_a_waiter, NULL);
}

TEST(acquire_outside_of_a_run_takes_what_is_free)
{
        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_acquire(&s), 0);
        EXPECT_EQ(cede_sem_value(&s), 0);
}
