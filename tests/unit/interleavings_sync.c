/* SPDX-License-Identifier: MIT */
/* Threads at a condition and at an event: every schedule of wait, notify, set, clear and cancel. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_mutex *mutex;
static struct cede_condition *condition;
static struct cede_event *event;
static int result[3];
static unsigned notified;
static bool ready; /* under the mutex */

static struct cede_scope scope;
static uintptr_t locked, opened, cancelled;

/* Over all schedules. */
static unsigned granted, refused;

static void prepare(void)
{
        mutex = interleave_memory(0);
        condition = interleave_memory(1);
        event = interleave_memory(2);
        EXPECT_EQ(cede_mutex_init(mutex, CEDE_FIFO), 0);
        EXPECT_EQ(cede_condition_init(condition, CEDE_FIFO), 0);
        EXPECT_EQ(cede_event_init(event, CEDE_FIFO), 0);
        result[0] = result[1] = result[2] = 1;
        notified = 0;
        ready = false;
        locked = opened = cancelled = 0;
}

static void cancel_it(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

/* Condition. */

static void nobody_is_left(void)
{
        EXPECT_EQ(cede_condition_waiting(condition), 0);
        EXPECT_EQ(cede_mutex_waiting(mutex), 0);
        EXPECT(!cede_mutex_locked(mutex));
}

static void wait_until_ready(void)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        while (!ready)
                EXPECT_EQ(cede_condition_wait(condition, mutex), 0);
        EXPECT(cede_mutex_owned(mutex));
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
}

static void make_ready(void)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        ready = true;
        interleave_step("notify");
        notified += cede_condition_notify(condition, 1);
        interleave_step("unlock");
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
}

static void make_ready_and_notify_outside(void)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        ready = true;
        interleave_step("unlock");
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
        interleave_step("notify");
        notified += cede_condition_notify(condition, 1);
}

static void was_ready(void)
{
        granted += notified;
        refused += !notified;
        nobody_is_left();
}

static void notify_with(void (*notifier)(void))
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { wait_until_ready, notifier },
                                                   .check = was_ready,
                                                   .preemptions = 4,
                                                   .early = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

TEST(notified_under_the_mutex)
{
        notify_with(make_ready);
}

TEST(notified_without_the_mutex)
{
        notify_with(make_ready_and_notify_outside);
}

/* Notified, or cancelled; not both, and a notification that is counted has had its effect. */

static void wait_locked(int *ret_result)
{
        __atomic_store_n(&locked, locked + 1, __ATOMIC_RELEASE);
        *ret_result = cede_condition_wait(condition, mutex);
        EXPECT(cede_mutex_owned(mutex));
        interleave_step("unlock");
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
}

static void wait_once(int *ret_result)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        wait_locked(ret_result);
}

static void wait_in_scope(void)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("wait");
        wait_locked(&result[0]);
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void was_cancelled(void)
{
        EXPECT_EQ(result[0], -ECANCELED);
        nobody_is_left();
}

TEST(cancel_ends_the_wait)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { wait_in_scope, cancel_it },
                                                   .check = was_cancelled,
                                                   .preemptions = 5,
                                                   .early = 1 });

        EXPECT(r.schedules > 1);
}

/* As soon as it is certain that somebody waits, or has been cancelled. */
static void notify_one(void)
{
        interleave_until(&locked);
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
        interleave_step("notify");
        notified += cede_condition_notify(condition, 1);
}

static void notified_or_cancelled(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        EXPECT_EQ(notified, result[0] == 0);
        granted += result[0] == 0;
        refused += result[0] != 0;
        nobody_is_left();
}

TEST(notification_or_cancel)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { wait_in_scope, notify_one, cancel_it },
                                        .check = notified_or_cancelled,
                                        .preemptions = 2 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

static void wait_in_time(void)
{
        CEDE_TIMEOUT(CEDE_MS(1))
                wait_once(&result[0]);
}

static void notified_or_late(void)
{
        EXPECT(result[0] == 0 || result[0] == -ETIMEDOUT);
        EXPECT_EQ(notified, result[0] == 0);
        granted += result[0] == 0;
        refused += result[0] != 0;
        nobody_is_left();
}

TEST(notification_or_deadline)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { wait_in_time, notify_one },
                                                   .check = notified_or_late,
                                                   .preemptions = 4,
                                                   .expiring = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

/* One of two is cancelled; the other one gets the notification in any case, in the end. */

static void wait_second(void)
{
        wait_once(&result[1]);
}

static void notify_one_and_then_all(void)
{
        notify_one();
        interleave_until(&cancelled);
        interleave_step("lock");
        interleave_until_not(&locked, 1);
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        notified += cede_condition_notify_all(condition);
        EXPECT_EQ(cede_mutex_unlock(mutex), 0);
}

static void each_notification_has_one_taker(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        EXPECT_EQ(result[1], 0);
        EXPECT_EQ(notified, (result[0] == 0) + (result[1] == 0));
        granted += result[0] == 0;
        refused += result[0] != 0;
        nobody_is_left();
}

TEST(two_wait_and_one_is_cancelled)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare,
                .threads = { wait_in_scope, wait_second, notify_one_and_then_all, cancel_it },
                .check = each_notification_has_one_taker,
                .preemptions = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

/* The one who was waited for ends the life of both, whatever the notifier still does. */

static void wait_and_leave(void)
{
        wait_once(&result[0]);
        EXPECT_EQ(result[0], 0);
        cede_condition_finish(condition);
        cede_mutex_finish(mutex);
        interleave_gone(condition);
        interleave_gone(mutex);
}

TEST(notified_and_gone)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { wait_and_leave, notify_one },
                                                   .early = 1,
                                                   .preemptions = 4 });

        EXPECT(r.schedules > 1);
}

/* Event. */

static void wait_for_event(void)
{
        result[0] = cede_event_wait(event);
}

static void wait_for_event_too(void)
{
        result[1] = cede_event_wait(event);
}

static void set(void)
{
        cede_event_set(event);
}

static void all_passed(void)
{
        EXPECT_EQ(result[0], 0);
        EXPECT_EQ(cede_event_waiting(event), 0);
        EXPECT(cede_event_is_set(event));
}

TEST(set_meets_wait)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { wait_for_event, set },
                                                   .check = all_passed,
                                                   .early = 1 });

        EXPECT(r.complete || test_slowed());
        EXPECT(r.schedules > 1);
}

static void two_passed(void)
{
        EXPECT_EQ(result[1], 0);
        all_passed();
}

TEST(set_lets_all_pass)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { wait_for_event, wait_for_event_too, set },
                                        .check = two_passed,
                                        .preemptions = 3 });

        EXPECT(r.schedules > 1);
}

static void wait_and_finish(void)
{
        EXPECT_EQ(cede_event_wait(event), 0);
        cede_event_finish(event);
        interleave_gone(event);
}

TEST(set_and_gone)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare, .threads = { wait_and_finish, set }, .early = 1 });

        EXPECT(r.complete || test_slowed());
}

/* Set and cleared at once: whoever waited before has passed; who comes later waits for the next. */

static void set_and_clear(void)
{
        cede_event_set(event);
        interleave_step("clear");
        cede_event_clear(event);
        interleave_step("look");
        notified = cede_event_waiting(event);
        interleave_step("set");
        cede_event_set(event);
}

static void passed_sooner_or_later(void)
{
        all_passed();
        granted += !notified;
        refused += notified;
}

TEST(set_clear_and_wait)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { wait_for_event, set_and_clear },
                                                   .check = passed_sooner_or_later,
                                                   .early = 1 });

        EXPECT(r.complete || test_slowed());
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

static void wait_for_event_in_scope(void)
{
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("wait");
        wait_for_event();
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void passed_or_cancelled(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        EXPECT_EQ(cede_event_waiting(event), 0);
        granted += result[0] == 0;
        refused += result[0] != 0;
}

TEST(set_or_cancel)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { wait_for_event_in_scope, set, cancel_it },
                                        .check = passed_or_cancelled,
                                        .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}
