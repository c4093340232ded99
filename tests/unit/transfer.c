/* SPDX-License-Identifier: MIT */
/* Adaptive transfer: who may pass whom, for how long, and that no nudge is lost. */
#include <string.h>

#include "capture.h"
#include "log.h"

static struct cede_mutex m;
static struct cede_sem s;

static void adaptive_mutex(enum cede_order order)
{
        EXPECT_EQ(cede_mutex_init(&m, order), 0);
        EXPECT_EQ(cede_mutex_set_transfer(&m, CEDE_ADAPTIVE), 0);
        EXPECT_EQ(cede_mutex_lock(&m), 0);
}

static void adaptive_sem(long permits)
{
        EXPECT_EQ(cede_sem_init(&s, permits, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_set_transfer(&s, CEDE_ADAPTIVE), 0);
}

static int lock_once(void *name)
{
        int r = cede_mutex_lock(&m);

        note("%s:%s", (const char *)name, word(r));
        if (r == 0)
                cede_mutex_unlock(&m);
        return 0;
}

static int lock_for_a_second(void *name)
{
        CEDE_TIMEOUT(CEDE_SEC(1))
                lock_once(name);
        return 0;
}

static int acquire_once(void *name)
{
        int r = cede_sem_acquire(&s);

        note("%s:%s", (const char *)name, word(r));
        if (r == 0)
                cede_sem_release(&s);
        return 0;
}

static int acquire_three(void *name)
{
        int r = cede_sem_acquire_n(&s, 3);

        note("%s:%s", (const char *)name, word(r));
        return 0;
}

TEST(an_unknown_transfer_is_refused)
{
        EXPECT_EQ(cede_mutex_set_transfer(&m, (enum cede_transfer)2), -EINVAL);
        EXPECT_EQ(cede_sem_set_transfer(&s, (enum cede_transfer) - 1), -EINVAL);
}

/* Passing */

TASK_TEST(the_unlocker_may_lock_again_before_the_waiter_runs)
{
        struct cede_scope c;

        adaptive_mutex(CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, lock_once, "a");
        for (int i = 0; i < 10; i++) {
                cede_mutex_unlock(&m);
                EXPECT_EQ(cede_mutex_try_lock(&m), 0);
                EXPECT_EQ(cede_mutex_waiting(&m), 0); /* it is on its way */
        }
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_mutex_waiting(&m), 1); /* in vain */
        EXPECT_LOG("");
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok");
        cede_mutex_finish(&m);
}

TASK_TEST(a_permit_may_be_taken_again_before_the_waiter_runs)
{
        struct cede_scope c;

        adaptive_sem(0);
        cede_scope_open(&c);
        spawn_now(&c, acquire_once, "a");
        cede_sem_release(&s);
        EXPECT_EQ(cede_sem_value(&s), 1);
        EXPECT_EQ(cede_sem_try_acquire(&s), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_sem_waiting(&s), 1);
        cede_sem_release(&s);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok");
        EXPECT_EQ(cede_sem_value(&s), 1);
        cede_sem_finish(&s);
}

/* Those who wait keep their order, also when the first has tried in vain. */
static void try_in_vain(enum cede_order order)
{
        static char names[3][2] = { "a", "b", "c" };
        struct cede_scope c;

        adaptive_mutex(order);
        cede_scope_open(&c);
        for (int i = 0; i < 3; i++) {
                const struct cede_spawn_options o = { .priority = i == 1 };

                EXPECT_EQ(cede_spawn_with(&c, &o, lock_once, names[i], NULL), 0);
        }
        EXPECT_EQ(cede_yield(), 0);
        for (int i = 0; i < 5; i++) {
                cede_mutex_unlock(&m);
                EXPECT_EQ(cede_mutex_lock(&m), 0);
                EXPECT_EQ(cede_yield(), 0);
                EXPECT_EQ(cede_mutex_waiting(&m), 3);
        }
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_mutex_finish(&m);
}

TASK_TEST(fifo_is_kept)
{
        try_in_vain(CEDE_FIFO);
        EXPECT_LOG("a:ok b:ok c:ok");
}

TASK_TEST(lifo_is_kept)
{
        try_in_vain(CEDE_LIFO);
        EXPECT_LOG("c:ok b:ok a:ok");
}

TASK_TEST(priority_is_kept)
{
        try_in_vain(CEDE_PRIORITY);
        EXPECT_LOG("b:ok a:ok c:ok");
}

/* The bound */

static int lock_and_tell(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        note("got it at %dus", (int)(cede_now() / 1000));
        cede_mutex_unlock(&m);
        return 0;
}

/* The owner unlocks every 300 us, and has locked again before the waiter runs. */
TASK_TEST(who_has_waited_for_a_millisecond_is_not_passed_any_more)
{
        struct cede_mutex_stats stats;
        struct cede_scope c;

        adaptive_mutex(CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, lock_and_tell, NULL);
        for (int i = 0; i < 10; i++) {
                EXPECT_EQ(cede_sleep(CEDE_US(300)), 0);
                cede_mutex_unlock(&m);
                EXPECT_EQ(cede_mutex_lock(&m), 0);
        }
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        /* It tries in vain at 300, 600, 900, and at 1200 it has waited too long. */
        EXPECT_LOG("got it at 1500us");
        cede_mutex_stats(&m, &stats);
        EXPECT_EQ(stats.handoffs, 1);
        cede_mutex_finish(&m);
}

static int lock_and_stop(void *arg)
{
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        *(bool *)arg = true;
        cede_mutex_unlock(&m);
        return 0;
}

TASK_TEST(where_time_stands_still_the_tries_are_bounded)
{
        struct cede_scope c;
        bool got = false;
        int rounds = 0;

        adaptive_mutex(CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, lock_and_stop, &got);
        for (; !got && rounds < 1000; rounds++) {
                cede_mutex_unlock(&m);
                EXPECT_EQ(cede_mutex_lock(&m), 0);
                EXPECT_EQ(cede_yield(), 0);
        }
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT(got);
        EXPECT_EQ(rounds, 101);
}

/* Small requests that come all the time do not starve a large one. */
TASK_TEST(a_large_request_is_not_starved)
{
        struct cede_scope c;
        int rounds = 0;

        adaptive_sem(3);
        EXPECT_EQ(cede_sem_acquire_n(&s, 3), 0);
        cede_scope_open(&c);
        spawn_now(&c, acquire_three, "large");
        while (cede_sem_waiting(&s) || cede_sem_value(&s)) {
                cede_sem_release_n(&s, 3);           /* enough for the large one ... */
                if (cede_sem_try_acquire(&s) == 0) { /* ... but one is taken at once */
                        EXPECT_EQ(cede_yield(), 0);
                        EXPECT_EQ(cede_sem_waiting(&s), 1);
                        EXPECT_EQ(cede_sem_try_acquire(&s), -EAGAIN); /* it does not fit: queue */
                        EXPECT_EQ(cede_sem_release(&s), 0);
                        EXPECT_EQ(cede_sem_try_acquire_n(&s, 3), 0); /* passes it once more */
                }
                EXPECT_EQ(cede_yield(), 0);
                EXPECT(++rounds < 1000);
        }
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("large:ok");
}

/* No nudge is lost */

TASK_TEST(nudged_then_cancelled_passes_the_nudge_on)
{
        struct cede_scope c;
        struct cede_task *a;

        adaptive_mutex(CEDE_FIFO);
        cede_scope_open(&c);
        a = spawn_held(&c, lock_once, "a");
        spawn_now(&c, lock_once, "b");
        cede_mutex_unlock(&m);
        cede_task_cancel(a);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled b:ok");
        cede_mutex_finish(&m);
}

TASK_TEST(nudged_then_cancelled_passes_the_permit_on)
{
        struct cede_scope c;
        struct cede_task *a;

        adaptive_sem(0);
        cede_scope_open(&c);
        a = spawn_held(&c, acquire_once, "a");
        spawn_now(&c, acquire_once, "b");
        cede_sem_release(&s);
        cede_task_cancel(a);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled b:ok");
        EXPECT_EQ(cede_sem_value(&s), 1);
        cede_sem_finish(&s);
}

/* A deadline that passes on the way: what is free is still taken, as by any call. */
TASK_TEST(nudged_at_its_deadline_takes_what_is_free)
{
        struct cede_scope c;

        adaptive_mutex(CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, lock_for_a_second, "a");
        EXPECT_EQ(cede_sleep(CEDE_MS(999)), 0);
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok");
}

TASK_TEST(in_vain_at_the_deadline_is_a_timeout)
{
        struct cede_scope c;

        adaptive_mutex(CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, lock_for_a_second, "a");
        spawn_now(&c, lock_once, "b");
        EXPECT_EQ(cede_sleep(CEDE_MS(500)), 0);
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        EXPECT_LOG("a:timeout");
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("b:ok");
        cede_mutex_finish(&m);
}

static int take_one(void *name)
{
        EXPECT_EQ(cede_sem_acquire(&s), 0);
        note("%s", (const char *)name);
        return 0;
}

TASK_TEST(several_permits_reach_several_waiters)
{
        struct cede_scope c;

        adaptive_sem(0);
        cede_scope_open(&c);
        spawn_now(&c, take_one, "a");
        spawn_now(&c, take_one, "b");
        spawn_now(&c, take_one, "c");
        cede_sem_release_n(&s, 3);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a b c");
        EXPECT_EQ(cede_sem_value(&s), 0);
        cede_sem_finish(&s);
}

static void on_turn(struct cede_callback *callback, int result)
{
        EXPECT_EQ(result, 0);
        note("callback");
        EXPECT_EQ(cede_mutex_unlock_async(&m, callback), 0);
}

TASK_TEST(a_callback_is_handed_to)
{
        struct cede_callback callback = { .fn = on_turn };
        struct cede_scope c;

        adaptive_mutex(CEDE_FIFO);
        cede_scope_open(&c);
        EXPECT_EQ(cede_mutex_lock_async(&m, &callback), 0);
        spawn_now(&c, lock_once, "a");
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_mutex_try_lock(&m), -EAGAIN);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("callback a:ok");
        cede_mutex_finish(&m);
}

/* Also while somebody else, who came before, is on his way to try again. */
TASK_TEST(a_callback_is_handed_to_while_another_is_on_his_way)
{
        struct cede_callback callback = { .fn = on_turn };
        struct cede_scope c;

        adaptive_mutex(CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, lock_once, "a");
        EXPECT_EQ(cede_mutex_lock_async(&m, &callback), 0);
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_mutex_try_lock(&m), -EAGAIN); /* the callback must not be passed */
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok callback");
        cede_mutex_finish(&m);
}

/* Ends and circles */

static int end_with_it(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_yield(), 0);
        return 0;
}

static int inherit(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), -EOWNERDEAD);
        note("heir");
        cede_mutex_unlock(&m);
        return 0;
}

TASK_TEST(the_next_owner_learns_that_the_last_one_is_dead)
{
        struct cede_scope c;

        adaptive_mutex(CEDE_FIFO);
        cede_mutex_unlock(&m);
        cede_scope_open(&c);
        capture_begin();
        EXPECT_EQ(cede_spawn(&c, end_with_it, NULL), 0);
        EXPECT_EQ(cede_spawn(&c, inherit, NULL), 0);
        EXPECT_EQ(cede_spawn(&c, lock_once, "a"), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT(strstr(capture_end(), "without unlocking"));
        EXPECT_LOG("heir a:ok");
}

TASK_TEST(a_mutex_is_not_finished_while_somebody_is_on_his_way, .ending = TEST_ABORTED,
          .says = "is finished while")
{
        struct cede_scope c;

        adaptive_mutex(CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, lock_once, "a");
        cede_mutex_unlock(&m);
        cede_mutex_finish(&m);
}

static struct cede_mutex other;

static int hold_the_other(void *arg)
{
        int r;

        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&other), 0);
        r = cede_mutex_lock(&m); /* told to try again, but main has locked it meanwhile */
        note("a:%s", word(r));
        cede_mutex_unlock(&other);
        return 0;
}

/* Main waits for the other mutex while `a` is awake, so it is `a` that closes the circle. */
TASK_TEST(a_try_in_vain_may_close_a_circle)
{
        struct cede_scope c;

        adaptive_mutex(CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, hold_the_other, NULL);
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        capture_begin();
        EXPECT_EQ(cede_mutex_lock(&other), 0);
        EXPECT(strstr(capture_end(), "deadlock: each of these waits"));
        EXPECT_LOG("a:deadlock");
        cede_mutex_unlock(&other);
        cede_mutex_unlock(&m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_mutex_finish(&m);
}
