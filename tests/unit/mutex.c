/* SPDX-License-Identifier: MIT */
/* Mutex: owners, hand-over, recursion, owners that end, callbacks.  Orders: matrix.c. */
#include <pthread.h>
#include <sched.h>

#include "capture.h"
#include "log.h"
#include <string.h>

static struct cede_mutex m, recursive = CEDE_RECURSIVE_MUTEX_INIT(CEDE_FIFO);

/* Runs fn(arg) in a plain thread, to its end. */
static void in_thread(void *(*fn)(void *), void *arg)
{
        pthread_t thread;

        EXPECT_EQ(pthread_create(&thread, NULL, fn, arg), 0);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
}

static int lock_note_unlock(void *name)
{
        int r = cede_mutex_lock(&m);

        note("%s:%s", (const char *)name, r == -EOWNERDEAD ? "dead" : word(r));
        if (r == 0 || r == -EOWNERDEAD) {
                EXPECT(cede_mutex_owned(&m));
                EXPECT_EQ(cede_mutex_unlock(&m), 0);
        }
        return 0;
}

static int lock_then_checkpoint(void *name)
{
        int r = cede_mutex_lock(&m);

        note("%s:%s", (const char *)name, word(r));
        note("then:%s", word(cede_checkpoint()));
        if (r == 0)
                EXPECT_EQ(cede_mutex_unlock(&m), 0);
        return 0;
}

/* Owners */

static int stranger(void *arg)
{
        (void)arg;
        EXPECT(cede_mutex_locked(&m));
        EXPECT(!cede_mutex_owned(&m));
        EXPECT_EQ(cede_mutex_unlock(&m), -EPERM);
        EXPECT_EQ(cede_mutex_try_lock(&m), -EAGAIN);
        return 0;
}

static void *stranger_thread(void *arg)
{
        stranger(arg);
        return NULL;
}

TASK_TEST(only_the_owner_unlocks)
{
        struct cede_scope c;

        EXPECT_EQ(cede_mutex_unlock(&m), -EPERM); /* not locked */
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open(&c);
        spawn_now(&c, stranger, NULL);
        in_thread(stranger_thread, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT(cede_mutex_owned(&m));
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), -EPERM);
        cede_mutex_finish(&m);
}

TEST(thread_owns_and_a_thread_is_refused)
{
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        in_thread(stranger_thread, NULL);
        EXPECT_EQ(cede_mutex_lock(&m), -EDEADLK);
        EXPECT_EQ(cede_mutex_try_lock(&m), -EDEADLK);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT(!cede_mutex_locked(&m));
}

TASK_TEST(locking_it_again_is_a_deadlock)
{
        EXPECT_EQ(cede_mutex_try_lock(&m), 0);
        EXPECT_EQ(cede_mutex_lock(&m), -EDEADLK);
        EXPECT_EQ(cede_mutex_try_lock(&m), -EDEADLK);
        EXPECT_EQ(cede_mutex_waiting(&m), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT(!cede_mutex_locked(&m));
}

static int try_recursive(void *expected)
{
        EXPECT_EQ(cede_mutex_try_lock(&recursive), (int)(intptr_t)expected);
        return 0;
}

TASK_TEST(recursive_one_is_unlocked_as_often_as_locked)
{
        struct cede_scope c;

        cede_scope_open(&c);
        for (int i = 0; i < 1000; i++)
                EXPECT_EQ(i % 2 ? cede_mutex_lock(&recursive) : cede_mutex_try_lock(&recursive), 0);
        for (int i = 0; i < 1000; i++) {
                if (i % 100 == 0)
                        spawn_now(&c, try_recursive, (void *)(intptr_t)-EAGAIN);
                EXPECT(cede_mutex_owned(&recursive));
                EXPECT_EQ(cede_mutex_unlock(&recursive), 0);
        }
        EXPECT(!cede_mutex_locked(&recursive));
        EXPECT_EQ(cede_mutex_unlock(&recursive), -EPERM);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static int lock_recursive_twice(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&recursive), 0);
        EXPECT_EQ(cede_mutex_lock(&recursive), 0);
        note("twice");
        EXPECT_EQ(cede_mutex_unlock(&recursive), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT(cede_mutex_owned(&recursive));
        EXPECT_EQ(cede_mutex_unlock(&recursive), 0);
        EXPECT(!cede_mutex_owned(&recursive));
        return 0;
}

TASK_TEST(recursive_one_is_handed_over_at_the_last_unlock)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_mutex_lock(&recursive), 0);
        EXPECT_EQ(cede_mutex_lock(&recursive), 0);
        spawn_now(&c, lock_recursive_twice, NULL);
        EXPECT_EQ(cede_mutex_unlock(&recursive), 0);
        EXPECT(cede_mutex_owned(&recursive));
        EXPECT_EQ(cede_mutex_unlock(&recursive), 0);
        EXPECT(cede_mutex_locked(&recursive) && !cede_mutex_owned(&recursive));
        EXPECT_EQ(cede_mutex_lock(&recursive), 0); /* after the other has gone */
        EXPECT_LOG("twice");
        EXPECT_EQ(cede_mutex_unlock(&recursive), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

/* Hand-over */

TASK_TEST(unlocking_hands_over_and_there_is_no_gap)
{
        struct cede_scope c;
        struct cede_mutex_stats stats;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open(&c);
        spawn_now(&c, lock_note_unlock, "a");
        spawn_now(&c, lock_note_unlock, "b");
        EXPECT_EQ(cede_mutex_waiting(&m), 2);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT(cede_mutex_locked(&m));
        EXPECT(!cede_mutex_owned(&m));
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        EXPECT_EQ(cede_mutex_try_lock(&m), -EAGAIN);
        EXPECT_EQ(cede_mutex_unlock(&m), -EPERM);
        EXPECT_EQ(cede_mutex_lock(&m), 0); /* behind b */
        EXPECT_LOG("a:ok b:ok");
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_mutex_stats(&m, &stats);
        EXPECT_EQ(stats.handoffs, 3);
        EXPECT_EQ(stats.peak_waiting, 2);
        EXPECT_EQ(stats.waiting, 0);
}

TASK_TEST(granted_and_cancelled_before_it_runs_owns_it)
{
        struct cede_scope c;
        struct cede_task *a;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open(&c);
        a = spawn_held(&c, lock_then_checkpoint, "a");
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        cede_task_cancel(a);
        EXPECT_EQ(cede_mutex_try_lock(&m), -EAGAIN);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok then:cancelled");
        EXPECT(!cede_mutex_locked(&m));
}

TASK_TEST(cancelled_does_not_lock_a_free_one)
{
        struct cede_scope c;

        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_mutex_lock(&m), -ECANCELED);
        EXPECT(!cede_mutex_locked(&m));
        EXPECT_EQ(cede_mutex_try_lock(&m), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static void *cancelled_thread(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_mutex_lock(&m), -ECANCELED);
        EXPECT(!cede_mutex_locked(&m));
        cede_scope_close(&c, 0);
        return NULL;
}

TEST(cancelled_thread_does_not_lock_a_free_one)
{
        in_thread(cancelled_thread, NULL);
}

static int lock_out_of_time(void *arg)
{
        (void)arg;
        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_mutex_lock(&m), -ETIMEDOUT);
                EXPECT_EQ(cede_mutex_waiting(&m), 0);
        }
        return 0;
}

static void *lock_out_of_time_in_thread(void *arg)
{
        lock_out_of_time(arg);
        return NULL;
}

TASK_TEST(expired_deadline_tries_once)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sleep(CEDE_MS(1)), 0);
        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_checkpoint(), -ETIMEDOUT);
                EXPECT_EQ(cede_mutex_lock(&m), 0);
        }
        cede_scope_open(&c);
        spawn_now(&c, lock_out_of_time, NULL);
        in_thread(lock_out_of_time_in_thread, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

static int time_out_often(void *arg)
{
        (void)arg;
        for (int i = 0; i < 1000; i++)
                CEDE_TIMEOUT(CEDE_MS(1))
                        EXPECT_EQ(cede_mutex_lock(&m), -ETIMEDOUT);
        return 0;
}

TASK_TEST(a_thousand_timeouts_leave_nothing_behind)
{
        struct cede_scope c;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open(&c);
        spawn_now(&c, time_out_often, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(now_ms(), 1000);
        EXPECT_EQ(cede_mutex_waiting(&m), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

/* Owners that end */

static int lock_and_end(void *mutex)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        EXPECT_EQ(cede_yield(), 0);
        return 0;
}

static void *lock_and_end_thread(void *mutex)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        return NULL;
}

TASK_TEST(task_ends_holding_it_and_nobody_waits)
{
        struct cede_scope c;

        cede_mutex_set_name(&m, "ledger");
        capture_begin();
        cede_scope_open(&c);
        spawn_now(&c, lock_and_end, &m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT(strstr(capture_end(), "ends without unlocking mutex ledger\n"));
        EXPECT(!cede_mutex_locked(&m));
        EXPECT_EQ(cede_mutex_lock(&m), -EOWNERDEAD);
        EXPECT(cede_mutex_owned(&m));
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_mutex_lock(&m), 0); /* it is said once */
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

static int lock_and_end_after_a_second(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        return cede_sleep_until(CEDE_SEC(1));
}

TASK_TEST(task_ends_holding_it_and_two_wait)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, lock_and_end_after_a_second, NULL);
        spawn_now(&c, lock_note_unlock, "a");
        spawn_now(&c, lock_note_unlock, "b");
        EXPECT_EQ(cede_mutex_waiting(&m), 2);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:dead b:ok");
        EXPECT(!cede_mutex_locked(&m));
}

/* The one it is handed to ends as well, and so on. */
static int inherit_and_end(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), -EOWNERDEAD);
        return 0;
}

TASK_TEST(orphaned_again_by_the_one_it_was_handed_to)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, lock_and_end_after_a_second, NULL);
        for (int i = 0; i < 3; i++)
                spawn_now(&c, inherit_and_end, NULL);
        spawn_now(&c, lock_note_unlock, "a");
        spawn_now(&c, lock_note_unlock, "b");
        EXPECT_EQ(cede_mutex_waiting(&m), 5);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:dead b:ok");
}

static int cancelled_heir(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), -EOWNERDEAD);
        note("heir:%s", word(cede_checkpoint()));
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        return 0;
}

TASK_TEST(heir_that_is_cancelled_before_it_runs_is_told_all_the_same)
{
        struct cede_scope c;
        struct cede_task *heir;

        cede_scope_open(&c);
        spawn_now(&c, lock_and_end_after_a_second, NULL);
        heir = spawn_held(&c, cancelled_heir, NULL);
        EXPECT_EQ(cede_sleep_until(CEDE_SEC(1)), 0); /* the owner ends, then this task goes on */
        EXPECT_EQ(cede_mutex_waiting(&m), 0);
        EXPECT(cede_mutex_locked(&m));
        cede_task_cancel(heir);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("heir:cancelled");
}

TEST(thread_ends_holding_it_and_nobody_waits)
{
        capture_begin();
        in_thread(lock_and_end_thread, &m);
        EXPECT(strstr(capture_end(), "a plain thread ends without unlocking mutex (unnamed)\n"));
        EXPECT(!cede_mutex_locked(&m));
        EXPECT_EQ(cede_mutex_try_lock(&m), -EOWNERDEAD);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        cede_mutex_finish(&m);
}

/* Ends holding the mutex, once somebody waits for it. */
static void *lock_and_end_when_awaited(void *locked)
{
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        __atomic_store_n((bool *)locked, true, __ATOMIC_RELEASE);
        while (cede_mutex_waiting(&m) == 0)
                sched_yield();
        return NULL;
}

static void *lock_after_death(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), -EOWNERDEAD);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        return NULL;
}

static int lock_after_death_in_task(void *arg)
{
        lock_after_death(arg);
        return 0;
}

static pthread_t start_dying_owner(void)
{
        static bool locked;
        pthread_t thread;

        locked = false;
        EXPECT_EQ(pthread_create(&thread, NULL, lock_and_end_when_awaited, &locked), 0);
        while (!__atomic_load_n(&locked, __ATOMIC_ACQUIRE))
                sched_yield();
        return thread;
}

TEST(thread_ends_holding_it_and_a_thread_or_a_task_waits)
{
        for (int i = 0; i < 20; i++) {
                pthread_t dying = start_dying_owner();

                if (i % 2)
                        in_thread(lock_after_death, NULL);
                else
                        EXPECT_EQ(cede_run(lock_after_death_in_task, NULL), 0);
                EXPECT_EQ(pthread_join(dying, NULL), 0);
                EXPECT(!cede_mutex_locked(&m));
        }
}

static int lock_several_and_end(void *three)
{
        struct cede_mutex *mutexes = three;

        for (int i = 0; i < 3; i++)
                EXPECT_EQ(cede_mutex_lock(&mutexes[i]), 0);
        EXPECT_EQ(cede_mutex_lock(&recursive), 0);
        EXPECT_EQ(cede_mutex_lock(&recursive), 0);
        return cede_mutex_unlock(&mutexes[1]);
}

TASK_TEST(all_that_are_still_held_are_passed_on)
{
        static struct cede_mutex three[3];
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, lock_several_and_end, three);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        for (int i = 0; i < 3; i++) {
                EXPECT_EQ(cede_mutex_lock(&three[i]), i == 1 ? 0 : -EOWNERDEAD);
                EXPECT_EQ(cede_mutex_unlock(&three[i]), 0);
        }
        EXPECT_EQ(cede_mutex_lock(&recursive), -EOWNERDEAD);
        EXPECT_EQ(cede_mutex_unlock(&recursive), 0); /* once: its depth has died with the owner */
        EXPECT(!cede_mutex_locked(&recursive));
}

/* Limits of use */

TEST(init_refuses_what_is_no_order)
{
        EXPECT_EQ(cede_mutex_init(&m, (enum cede_order)99), -EINVAL);
        EXPECT_EQ(cede_mutex_init_recursive(&m, (enum cede_order) - 1), -EINVAL);
        EXPECT_EQ(cede_mutex_init_recursive(&m, CEDE_RANDOM), 0);
        cede_mutex_finish(&m);
}

TEST_ABORTS(finish_while_locked, "mutex till is finished while it is locked, or 0 wait for it")
{
        cede_mutex_set_name(&m, "till");
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_mutex_finish(&m);
}
