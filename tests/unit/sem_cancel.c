/* SPDX-License-Identifier: MIT */
/* Semaphore: what a grant, a cancellation and a deadline do to each other. */
#include "log.h"

static struct cede_sem s;

static int want(void *name)
{
        int r = cede_sem_acquire(&s);

        note("%s:%s", (const char *)name, word(r));
        return r;
}

/* Notes the acquire's result and the next blocking call's, and gives back what it got. */
static int want_then_yield(void *name)
{
        int r = cede_sem_acquire(&s);

        note("%s:%s", (const char *)name, word(r));
        note("then:%s", word(cede_yield()));
        if (r == 0)
                cede_sem_release(&s);
        return 0;
}

static int want_for_a_second(void *name)
{
        CEDE_TIMEOUT(CEDE_SEC(1)) {
                int r = cede_sem_acquire(&s);

                note("%s:%s@%d", (const char *)name, word(r), now_ms());
        }
        return 0;
}

/* CPython 3.9's semaphore hangs for ever here. */
TASK_TEST(granted_then_cancelled_loses_no_permit)
{
        struct cede_scope c;
        struct cede_task *a;

        cede_scope_open(&c);
        a = spawn_held(&c, want_then_yield, "a");
        cede_sem_release(&s);
        cede_task_cancel(a);
        EXPECT_EQ(cede_sem_acquire(&s), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok then:cancelled");
        EXPECT_EQ(cede_sem_value(&s), 0);
}

TASK_TEST(grant_beats_cancel)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, want_then_yield, "a");
        cede_sem_release(&s);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok then:cancelled");
        EXPECT_EQ(cede_sem_value(&s), 1);
}

TASK_TEST(cancel_beats_a_later_release)
{
        struct cede_scope c;
        struct cede_task *a;

        cede_scope_open(&c);
        a = spawn_held(&c, want_then_yield, "a");
        cede_task_cancel(a);
        cede_sem_release(&s);
        EXPECT_EQ(cede_sem_value(&s), 1); /* a is no waiter any more, though it has not run yet */
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled then:cancelled");
        EXPECT_EQ(cede_sem_value(&s), 1);
}

static int release_at_1s(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_sleep_until(CEDE_SEC(1)), 0);
        cede_sem_release(&s);
        return 0;
}

/* At one instant, timers fire in the order of creation, all before any task runs. */
TASK_TEST(release_at_the_instant_of_the_deadline_comes_too_late)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, release_at_1s, NULL);
        spawn_now(&c, want_for_a_second, "a");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:timeout@1000");
        EXPECT_EQ(cede_sem_value(&s), 1);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
}

static int granted_at_the_deadline(void *arg)
{
        (void)arg;
        CEDE_TIMEOUT(CEDE_SEC(1)) {
                int r = cede_sem_acquire(&s);

                note("%s@%d", word(r), now_ms());
                note("then:%s", word(cede_checkpoint()));
        }
        note("after:%s", word(cede_checkpoint()));
        return 0;
}

TASK_TEST(grant_just_before_the_deadline_stays)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, granted_at_the_deadline, NULL);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1) - 1), 0);
        cede_sem_release(&s);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("ok@999 then:ok after:ok");
}

/* Two waiters of which the first is granted and then cancelled; it hands on what it got. */
TASK_TEST(cancelled_after_the_grant_gives_back_to_the_next)
{
        struct cede_scope c;
        struct cede_task *a;

        cede_scope_open(&c);
        a = spawn_held(&c, want_then_yield, "a");
        spawn_now(&c, want_then_yield, "b");
        cede_sem_release(&s);
        cede_task_cancel(a);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok then:cancelled b:ok then:ok");
        EXPECT_EQ(cede_sem_value(&s), 1);
}

TASK_TEST(cancelled_task_fails_although_a_permit_is_free)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_sem_acquire(&s), -ECANCELED);
        EXPECT_EQ(cede_sem_acquire_n(&s, 1), -ECANCELED);
        EXPECT_EQ(cede_sem_value(&s), 1);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_sem_acquire(&s), 0);
}

TASK_TEST(cancelled_task_does_not_queue)
{
        struct cede_sem_stats stats;
        struct cede_scope c;

        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_sem_acquire(&s), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_sem_stats(&s, &stats);
        EXPECT_EQ(stats.peak_waiting, 0);
}

TASK_TEST(expired_deadline_still_tries_once)
{
        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_checkpoint(), -ETIMEDOUT);
                EXPECT_EQ(cede_sem_acquire(&s), 0);
                EXPECT_EQ(cede_sem_acquire(&s), -ETIMEDOUT);
        }
        EXPECT_EQ(cede_sem_value(&s), 0);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        EXPECT_EQ(cede_now(), 0);
}

TASK_TEST(expired_deadline_of_an_outer_scope_is_a_cancellation)
{
        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        CEDE_TIMEOUT(0) {
                struct cede_scope c;

                cede_scope_open(&c);
                EXPECT_EQ(cede_sem_acquire(&s), -ECANCELED);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
        }
        EXPECT_EQ(cede_sem_value(&s), 1);
}

static int try_once(void *name)
{
        CEDE_TIMEOUT(0)
                note("%s:%s", (const char *)name, word(cede_sem_acquire(&s)));
        return 0;
}

TASK_TEST(the_one_try_passes_nobody)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, want, "waiter");
        cede_sem_release(&s);
        cede_sem_release(&s);
        spawn_now(&c, want, "next");
        spawn_now(&c, want, "waiter2");
        spawn_now(&c, try_once, "late");
        cede_sem_release(&s);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("waiter:ok next:ok late:timeout waiter2:ok");
}

TASK_TEST(time_out_takes_nothing)
{
        CEDE_TIMEOUT(CEDE_SEC(1))
                EXPECT_EQ(cede_sem_acquire(&s), -ETIMEDOUT);
        EXPECT_EQ(cede_now(), CEDE_SEC(1));
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        cede_sem_release(&s);
        EXPECT_EQ(cede_sem_value(&s), 1);
}

TASK_TEST(a_thousand_time_outs_leave_nothing_behind)
{
        struct cede_scope c;
        struct cede_sem_stats stats;

        cede_scope_open(&c);
        for (int i = 0; i < 1000; i++)
                EXPECT_EQ(cede_spawn(&c, try_once, "x"), 0);
        for (int i = 0; i < 1000; i++)
                CEDE_TIMEOUT(CEDE_US(1))
                        EXPECT_EQ(cede_sem_acquire(&s), -ETIMEDOUT);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_sem_stats(&s, &stats);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT_EQ(stats.value, 0);
        EXPECT_EQ(stats.peak_waiting, 1);
        cede_sem_finish(&s);
}

TASK_TEST(shielded_waiter_is_not_cancelled)
{
        struct cede_scope c, shield;

        cede_scope_open(&c);
        cede_scope_cancel(&c);
        cede_scope_open_with(&shield, &(struct cede_scope_options){ .flags = CEDE_SHIELD_SCOPE });
        EXPECT_EQ(cede_spawn(&shield, release_at_1s, NULL), 0);
        EXPECT_EQ(cede_sem_acquire(&s), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(1));
        EXPECT_EQ(cede_scope_close(&shield, 0), 0);
        EXPECT_EQ(cede_sem_acquire(&s), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

/* Waits are ended at the moment of the cancellation, not when the victim gets to run. */
TASK_TEST(all_waiters_of_a_cancelled_scope_leave_at_once)
{
        struct cede_scope c;

        cede_scope_open(&c);
        for (int i = 0; i < 5; i++)
                spawn_now(&c, want, "w");
        EXPECT_EQ(cede_sem_waiting(&s), 5);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("w:cancelled w:cancelled w:cancelled w:cancelled w:cancelled");
}

static int give_answer(void *arg)
{
        EXPECT_EQ(cede_sem_value(&s), 0);
        return *(int *)arg;
}

TASK_TEST(run_takes_a_permit_and_gives_it_back)
{
        int forty_two = 42, failed = -EIO;

        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_run(&s, give_answer, &forty_two), 42);
        EXPECT_EQ(cede_sem_run(&s, give_answer, &failed), -EIO);
        EXPECT_EQ(cede_sem_value(&s), 1);
        EXPECT_EQ(cede_sem_try_acquire(&s), 0);
        CEDE_TIMEOUT(CEDE_MS(1))
                EXPECT_EQ(cede_sem_run(&s, give_answer, &failed), -ETIMEDOUT);
        EXPECT_EQ(cede_sem_value(&s), 0);
}
