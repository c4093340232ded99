/* SPDX-License-Identifier: MIT */
/* Read-write lock: writers as owners, owners that end, circles of owners. */
#include "deadlock.h"

static struct cede_rwlock l, other;
static struct cede_mutex m;

/* Runs fn(arg) in a plain thread, to its end. */
static void in_thread(void *(*fn)(void *), void *arg)
{
        pthread_t thread;

        EXPECT_EQ(pthread_create(&thread, NULL, fn, arg), 0);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
}

static void is_free(void)
{
        EXPECT_EQ(cede_rwlock_reading(&l), 0);
        EXPECT(!cede_rwlock_written(&l));
        cede_rwlock_finish(&l);
}

/* Owners */

static int stranger(void *arg)
{
        (void)arg;
        EXPECT(cede_rwlock_written(&l) && !cede_rwlock_owned(&l));
        EXPECT_EQ(cede_rwlock_write_unlock(&l), -EPERM);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), -EPERM);
        EXPECT_EQ(cede_rwlock_downgrade(&l), -EPERM);
        EXPECT_EQ(cede_rwlock_try_write_lock(&l), -EAGAIN);
        EXPECT_EQ(cede_rwlock_try_read_lock(&l), -EAGAIN);
        return 0;
}

static void *stranger_thread(void *arg)
{
        stranger(arg);
        return NULL;
}

TASK_TEST(only_the_writer_unlocks)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        cede_scope_open(&s);
        spawn_now(&s, stranger, NULL);
        in_thread(stranger_thread, NULL);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT(cede_rwlock_owned(&l));
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), -EPERM);
        is_free();
}

static void lock_again(void)
{
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&l), -EDEADLK);
        EXPECT_EQ(cede_rwlock_read_lock(&l), -EDEADLK);
        EXPECT_EQ(cede_rwlock_try_write_lock(&l), -EDEADLK);
        EXPECT_EQ(cede_rwlock_try_read_lock(&l), -EDEADLK);
        EXPECT_EQ(cede_rwlock_waiting(&l), 0);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        is_free();
}

TASK_TEST(writer_that_asks_again_is_a_deadlock)
{
        lock_again();
}

TEST(thread_that_writes_and_asks_again_is_a_deadlock)
{
        lock_again();
}

/* Owners that end */

static int write_and_end(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        EXPECT_EQ(cede_yield(), 0);
        return 0;
}

static void *write_and_end_thread(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        return NULL;
}

static int never_called(void *arg)
{
        (void)arg;
        EXPECT(false);
        return 0;
}

TASK_TEST(readers_learn_of_a_dead_writer_until_another_one_has_written)
{
        struct cede_scope s;

        cede_rwlock_set_name(&l, "ledger");
        capture_begin();
        cede_scope_open(&s);
        EXPECT_EQ(cede_spawn(&s, write_and_end, NULL), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT(strstr(capture_end(),
                      " ends without unlocking read-write lock ledger, which it writes\n"));
        EXPECT_EQ(cede_rwlock_read_lock(&l), -EOWNERDEAD);
        EXPECT_EQ(cede_rwlock_try_read_lock(&l), -EOWNERDEAD);
        EXPECT_EQ(cede_rwlock_reading(&l), 2);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_run(&l, never_called, NULL), -EOWNERDEAD);
        EXPECT_EQ(cede_rwlock_reading(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&l), -EOWNERDEAD);
        EXPECT(cede_rwlock_owned(&l));
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        is_free();
}

static int read_and_note(void *name)
{
        int r = cede_rwlock_read_lock(&l);

        note("%s:%s", (const char *)name, r == -EOWNERDEAD ? "dead" : word(r));
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        return 0;
}

static int write_and_note(void *name)
{
        int r = cede_rwlock_write_lock(&l);

        note("%s:%s", (const char *)name, r == -EOWNERDEAD ? "dead" : word(r));
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        return 0;
}

static int write_and_end_after_a_second(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        return cede_sleep(CEDE_SEC(1));
}

TASK_TEST(writer_ends_and_those_who_wait_are_told)
{
        struct cede_scope s;

        cede_scope_open(&s);
        spawn_now(&s, write_and_end_after_a_second, NULL);
        spawn_now(&s, read_and_note, "a");
        spawn_now(&s, read_and_note, "b");
        spawn_now(&s, write_and_note, "w");
        spawn_now(&s, read_and_note, "c");
        spawn_now(&s, write_and_note, "x");
        EXPECT_EQ(cede_rwlock_waiting(&l), 5);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a:dead b:dead w:dead c:ok x:ok");
        is_free();
}

TEST(thread_ends_writing_it)
{
        capture_begin();
        in_thread(write_and_end_thread, NULL);
        EXPECT(strstr(capture_end(), "a plain thread ends without unlocking read-write lock "
                                     "(unnamed), which it writes\n"));
        EXPECT(!cede_rwlock_written(&l));
        EXPECT_EQ(cede_rwlock_try_write_lock(&l), -EOWNERDEAD);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_run(&l, return_it, N(3)), 3);
        is_free();
}

static int hold_all_and_end(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        lock(&m);
        EXPECT_EQ(cede_rwlock_write_lock(&other), 0);
        EXPECT_EQ(cede_rwlock_downgrade(&other), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&other), 0);
        return 0;
}

TASK_TEST(mutexes_and_locks_that_are_still_held_are_passed_on)
{
        struct cede_scope s;

        cede_scope_open(&s);
        EXPECT_EQ(cede_spawn(&s, hold_all_and_end, NULL), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_EQ(cede_rwlock_write_run(&l, never_called, NULL), -EOWNERDEAD);
        EXPECT_EQ(cede_rwlock_write_run(&other, return_it, N(0)), 0);
        EXPECT_EQ(cede_mutex_lock(&m), -EOWNERDEAD);
        unlock(&m);
        is_free();
}

/* Circles */

static int write_then_lock(void *arg)
{
        int r;

        (void)arg;
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        EXPECT_EQ(cede_yield(), 0);
        r = lock_briefly(&m);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        note("mutex:%s", word(r));
        return 0;
}

static void circle_with(int (*lock_it)(struct cede_rwlock *l),
                        int (*unlock_it)(struct cede_rwlock *l), const char *expected)
{
        struct cede_scope s;

        capture_begin();
        lock(&m);
        cede_scope_open(&s);
        spawn_now(&s, write_then_lock, NULL);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        EXPECT_EQ(lock_it(&l), -EDEADLK);
        EXPECT_EQ(cede_rwlock_waiting(&l), 0);
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("mutex:ok");
        EXPECT(strstr(expect_reports(1), expected));
        EXPECT_EQ(lock_it(&l), 0);
        EXPECT_EQ(unlock_it(&l), 0);
        is_free();
}

TASK_TEST(circle_of_a_mutex_and_a_writer_closed_by_a_reader)
{
        cede_rwlock_set_name(&l, "table");
        circle_with(cede_rwlock_read_lock, cede_rwlock_read_unlock,
                    "waits for read lock table (held by ");
}

TASK_TEST(circle_of_a_mutex_and_a_writer_closed_by_a_writer)
{
        circle_with(cede_rwlock_write_lock, cede_rwlock_write_unlock,
                    "waits for write lock unnamed (held by ");
}

/* Closed at the mutex: there the edge of the lock is what is found. */
static int lock_then_read(void *arg)
{
        int r;

        (void)arg;
        lock(&m);
        r = cede_rwlock_read_lock(&l);
        if (r == 0)
                EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        unlock(&m);
        note("read:%s", word(r));
        return 0;
}

TASK_TEST(circle_of_a_mutex_and_a_writer_closed_at_the_mutex)
{
        struct cede_scope s;

        capture_begin();
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        cede_scope_open(&s);
        spawn_now(&s, lock_then_read, NULL);
        EXPECT_EQ(cede_mutex_lock(&m), -EDEADLK);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("read:ok");
        expect_reports(1);
        is_free();
}

static atomic_int step;
static int thread_result;

static void *lock_both_in_thread(void *arg)
{
        (void)arg;
        lock(&m);
        atomic_store(&step, 1);
        until(&step, 2);
        thread_result = cede_rwlock_write_lock(&l);
        if (thread_result == 0)
                EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        unlock(&m);
        return NULL;
}

/* Of a thread nothing may be read but what it has entered in the table. */
TASK_TEST(circle_of_a_task_that_writes_and_a_thread_that_holds_a_mutex)
{
        pthread_t thread;
        int r;

        capture_begin();
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        EXPECT_EQ(pthread_create(&thread, NULL, lock_both_in_thread, NULL), 0);
        until(&step, 1);
        atomic_store(&step, 2);
        while (cede_rwlock_waiting(&l) == 0)
                sched_yield();
        r = cede_mutex_lock(&m); /* whichever of them looks last closes the circle */
        if (r == 0)
                unlock(&m);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        EXPECT(r == -EDEADLK || thread_result == -EDEADLK);
        EXPECT(r == 0 || thread_result == 0);
        expect_reports(1);
        is_free();
}

/* Who waits for readers waits for nobody known. */
static int read_then_lock(void *arg)
{
        int r = 0;

        (void)arg;
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        CEDE_TIMEOUT(CEDE_SEC(1))
                r = lock_briefly(&m);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        return r == -ETIMEDOUT ? 0 : -EINVAL;
}

TASK_TEST(waiting_for_readers_is_no_edge)
{
        struct cede_scope s;

        capture_begin();
        lock(&m);
        cede_scope_open(&s);
        spawn_now(&s, read_then_lock, NULL);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        EXPECT_EQ(now_ms(), 1000);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        expect_reports(0);
}
