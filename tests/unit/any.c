/* SPDX-License-Identifier: MIT */
/* Waiting for any of several objects: exactly one is taken, and nobody is left standing behind. */
#include <pthread.h>
#include <sched.h>

#include "log.h"

static struct cede_sem s = CEDE_SEM_INIT(0, CEDE_FIFO), other = CEDE_SEM_INIT(0, CEDE_FIFO);
static struct cede_mutex m = CEDE_MUTEX_INIT(CEDE_FIFO);
static struct cede_event e = CEDE_EVENT_INIT(CEDE_FIFO);

/* Waits for 2 of `s`, 1 of `other`, the mutex, and the event, in this order. */
static int any_of_four(void *name)
{
        struct cede_case cases[] = { cede_sem_case(&s, 2), cede_sem_case(&other, 1),
                                     cede_mutex_case(&m), cede_event_case(&e) };
        int r = cede_wait_any(cases, 4);

        if (r < 0)
                note("%s:%s", (const char *)name, word(r));
        else
                note("%s:%d=%s", (const char *)name, r, word(cases[r].result));
        if (r == 2)
                EXPECT_EQ(cede_mutex_unlock(&m), 0);
        return 0;
}

static void nothing_is_left(void)
{
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        EXPECT_EQ(cede_sem_waiting(&other), 0);
        EXPECT_EQ(cede_mutex_waiting(&m), 0);
        EXPECT_EQ(cede_event_waiting(&e), 0);
}

TASK_TEST(each_object_can_end_it)
{
        struct cede_scope c;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open(&c);
        spawn_now(&c, any_of_four, "a");
        EXPECT_EQ(cede_sem_waiting(&s), 1);
        EXPECT_EQ(cede_sem_waiting(&other), 1);
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        EXPECT_EQ(cede_event_waiting(&e), 1);
        EXPECT_EQ(cede_sem_release_n(&s, 2), 0);
        EXPECT_LOG(""); /* not inside of the release */
        EXPECT_EQ(cede_yield(), 0);
        nothing_is_left();
        spawn_now(&c, any_of_four, "b");
        EXPECT_EQ(cede_sem_release(&other), 0);
        spawn_now(&c, any_of_four, "c");
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        spawn_now(&c, any_of_four, "d");
        cede_event_set(&e);
        cede_event_clear(&e);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        nothing_is_left();
        EXPECT_LOG("a:0=ok b:1=ok c:2=ok d:3=ok");
        EXPECT_EQ(cede_sem_value(&s) + cede_sem_value(&other), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

/* Holds the mutex where the test itself is to wait for it. */
static void ignore(struct cede_callback *callback, int result)
{
        (void)callback;
        (void)result;
}

static struct cede_callback somebody = { .fn = ignore };

static int hold_the_mutex(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_yield(), 0);
        return 0; /* holding it: whoever gets it is told */
}

TASK_TEST(what_can_be_had_is_taken_in_the_order_of_the_cases)
{
        cede_event_set(&e);
        EXPECT_EQ(cede_sem_release(&other), 0);
        EXPECT_EQ(cede_sem_release(&s), 0);
        any_of_four("a");
        any_of_four("b");
        EXPECT_EQ(cede_mutex_lock_async(&m, &somebody), 0);
        any_of_four("c");
        EXPECT_LOG("a:1=ok b:2=ok c:3=ok");
        EXPECT_EQ(cede_sem_value(&s), 1); /* less than two: left alone */
        nothing_is_left();
        EXPECT_EQ(cede_mutex_unlock_async(&m, &somebody), 0);
}

static int acquire_one(void *name)
{
        int r = cede_sem_acquire(&s);

        note("%s:%s", (const char *)name, word(r));
        return 0;
}

/* Two permits are wanted by the one in front, one is there: it stands in the way. */
TASK_TEST(when_it_is_taken_elsewhere_those_behind_it_go_on)
{
        struct cede_scope c;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_sem_release(&s), 0);
        cede_scope_open(&c);
        spawn_now(&c, any_of_four, "any");
        spawn_now(&c, acquire_one, "behind");
        EXPECT_LOG("");
        cede_event_set(&e);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("any:3=ok behind:ok");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

TASK_TEST(cancelled_it_lets_those_behind_it_pass_at_once)
{
        struct cede_scope c;
        struct cede_task *any;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_sem_release(&s), 0);
        cede_scope_open(&c);
        any = spawn_held(&c, any_of_four, "any");
        spawn_now(&c, acquire_one, "behind");
        cede_task_cancel(any);
        nothing_is_left();
        EXPECT_EQ(cede_sem_value(&s), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("behind:ok any:cancelled");
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

TASK_TEST(a_grant_beats_a_cancel_and_a_second_grant_goes_elsewhere)
{
        struct cede_scope c;
        struct cede_task *any;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open(&c);
        any = spawn_held(&c, any_of_four, "any");
        EXPECT_EQ(cede_sem_release_n(&s, 2), 0);
        cede_task_cancel(any);
        EXPECT_EQ(cede_sem_release(&other), 0);
        cede_event_set(&e);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT(!cede_mutex_locked(&m));
        EXPECT_EQ(cede_sem_value(&other), 1);
        EXPECT_EQ(cede_sem_value(&s), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("any:0=ok");
        nothing_is_left();
}

/* Times */

static void expect_time(int64_t deadline, int64_t t1, int64_t t2, int expected, int at_ms)
{
        struct cede_case cases[] = { cede_sem_case(&s, 1), cede_time_case(t1), cede_time_case(t2) };
        struct cede_scope c;
        int r;

        cede_scope_open_with(&c, &(struct cede_scope_options){ .deadline = deadline });
        r = cede_wait_any(cases, 3);
        EXPECT_EQ(r, expected);
        EXPECT_EQ(now_ms(), at_ms);
        EXPECT_EQ(cede_scope_close(&c, r < 0 ? r : 0), r < 0 ? r : 0);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
}

TASK_TEST(a_time_is_a_case)
{
        expect_time(CEDE_NEVER, CEDE_MS(30), CEDE_MS(20), 2, 20);
        expect_time(CEDE_NEVER, CEDE_MS(30), CEDE_NEVER, 1, 30);
        expect_time(CEDE_NEVER, CEDE_MS(5), CEDE_MS(4), 1, 30); /* both are over: the first */
        expect_time(CEDE_MS(40), CEDE_MS(50), CEDE_MS(60), -ETIMEDOUT, 40);
        expect_time(CEDE_MS(70), CEDE_MS(50), CEDE_MS(60), 1, 50);
}

static int sleep_and_release(void *ms)
{
        EXPECT_EQ(cede_sleep(CEDE_MS((intptr_t)ms)), 0);
        EXPECT_EQ(cede_sem_release(&s), 0);
        return 0;
}

TASK_TEST(granted_before_the_time)
{
        struct cede_case cases[] = { cede_time_case(CEDE_MS(10)), cede_sem_case(&s, 1) };
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, sleep_and_release, N(5)), 0);
        EXPECT_EQ(cede_wait_any(cases, 2), 1);
        EXPECT_EQ(now_ms(), 5);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_checkpoint(), 0);
}

/* What goes wrong */

TASK_TEST(refusals_take_nothing)
{
        struct cede_case none = cede_event_case(&e), both[2];
        struct cede_scope c;

        EXPECT_EQ(cede_wait_any(&none, 0), -EINVAL);
        both[0] = cede_event_case(&e);
        both[1] = cede_sem_case(&s, 0);
        EXPECT_EQ(cede_wait_any(both, 2), -EINVAL);
        EXPECT_EQ(cede_sem_set_max(&s, 3), 0);
        both[1] = cede_sem_case(&s, 4);
        EXPECT_EQ(cede_wait_any(both, 2), -EINVAL);
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        both[1] = cede_mutex_case(&m);
        EXPECT_EQ(cede_wait_any(both, 2), -EDEADLK);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_try_any(&none, 1), -EAGAIN);
        cede_event_set(&e);
        EXPECT_EQ(cede_try_any(&none, 1), 0);
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_wait_any(&none, 1), -ECANCELED); /* although it is set */
        EXPECT_EQ(cede_try_any(&none, 1), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        nothing_is_left();
}

TASK_TEST(passed_deadline_still_tries_each_once)
{
        CEDE_TIMEOUT(0) {
                any_of_four("free");
                EXPECT_EQ(cede_mutex_lock_async(&m, &somebody), 0);
                any_of_four("taken");
                EXPECT_EQ(cede_mutex_unlock_async(&m, &somebody), 0);
        }
        EXPECT_LOG("free:2=ok taken:timeout");
        nothing_is_left();
}

TASK_TEST(owner_that_ends_is_told_of)
{
        struct cede_case locking = cede_mutex_case(&m);
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, hold_the_mutex, NULL);
        EXPECT_EQ(cede_wait_any(&locking, 1), 0);
        EXPECT_EQ(locking.result, -EOWNERDEAD);
        EXPECT(cede_mutex_owned(&m));
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

/* Orders */

static int any_of_two(void *name)
{
        struct cede_case cases[] = { cede_sem_case(&s, 1), cede_event_case(&e) };
        int r = cede_wait_any(cases, 2);

        note("%s%d", (const char *)name, r);
        return 0;
}

static struct cede_task *spawn_with_priority(struct cede_scope *c, const char *name, int priority)
{
        struct cede_task *task;

        EXPECT_EQ(cede_spawn_with(c, &(struct cede_spawn_options){ .priority = priority },
                                  any_of_two, (void *)(uintptr_t)name, &task),
                  0);
        EXPECT_EQ(cede_yield(), 0);
        return task;
}

TASK_TEST(priority_change_sorts_it_anew_everywhere)
{
        struct cede_scope c;
        struct cede_task *low;

        EXPECT_EQ(cede_sem_init(&s, 0, CEDE_PRIORITY), 0);
        EXPECT_EQ(cede_event_init(&e, CEDE_PRIORITY), 0);
        cede_scope_open(&c);
        low = spawn_with_priority(&c, "low", 1);
        spawn_with_priority(&c, "mid", 2);
        spawn_with_priority(&c, "high", 3);
        cede_task_set_priority(low, 4);
        EXPECT_EQ(cede_sem_release(&s), 0);
        cede_event_set(&e);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("low0 high1 mid1");
}

/* With adaptive transfer others are woken to try again; who waits for several is handed to. */
TASK_TEST(adaptive_objects_hand_over_to_it)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sem_set_transfer(&s, CEDE_ADAPTIVE), 0);
        cede_scope_open(&c);
        spawn_now(&c, any_of_two, "a");
        EXPECT_EQ(cede_sem_release(&s), 0);
        EXPECT_EQ(cede_sem_value(&s), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a0");
}

/* Threads: every permit is taken once, whoever else waits for it, whatever ends their waits. */

enum { THREADS = 4, ROUNDS = 3000 };

static unsigned taken[THREADS];

static void *take_from_either(void *arg)
{
        unsigned me = (unsigned)(uintptr_t)arg;

        for (unsigned i = 0; i < ROUNDS; i++) {
                struct cede_case cases[] = { cede_sem_case(me % 2 ? &s : &other, 1),
                                             cede_sem_case(me % 2 ? &other : &s, 1),
                                             cede_time_case(cede_in((int64_t)(i % 50) * 1000)) };
                int r = cede_wait_any(cases, 3);

                EXPECT(r >= 0);
                taken[me] += r < 2;
        }
        return NULL;
}

static void *give_to_both(void *arg)
{
        for (unsigned i = 0; i < ROUNDS; i++) {
                EXPECT_EQ(cede_sem_release(i % 3 ? &s : &other), 0);
                if (i % 16 == 0)
                        sched_yield();
        }
        return arg;
}

TEST(threads_lose_nothing)
{
        pthread_t threads[THREADS], giver;
        unsigned sum = 0;

        for (uintptr_t i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, take_from_either, (void *)i), 0);
        EXPECT_EQ(pthread_create(&giver, NULL, give_to_both, NULL), 0);
        for (unsigned i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        EXPECT_EQ(pthread_join(giver, NULL), 0);
        for (unsigned i = 0; i < THREADS; i++)
                sum += taken[i];
        EXPECT_EQ(sum + (unsigned)cede_sem_value(&s) + (unsigned)cede_sem_value(&other), ROUNDS);
        nothing_is_left();
}
