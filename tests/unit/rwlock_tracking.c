/* SPDX-License-Identifier: MIT */
/* Read-write lock: what is told of readers that are tracked. */
#include "base/alloc.h"
#include "base/chooser.h"
#include "deadlock.h"

static struct cede_rwlock l;

static void track(void)
{
        EXPECT_EQ(cede_rwlock_init(&l, CEDE_FIFO), 0);
        cede_rwlock_set_tracking(&l, true);
        cede_rwlock_set_name(&l, "table");
}

static void is_free(void)
{
        EXPECT_EQ(cede_rwlock_reading(&l), 0);
        EXPECT_EQ(cede_rwlock_waiting(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), -EPERM);
        cede_rwlock_finish(&l);
}

static int write_briefly(void *arg)
{
        int r = cede_rwlock_write_lock(&l);

        (void)arg;
        if (r == 0)
                EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        note("w:%s", word(r));
        return 0;
}

static void read_twice(void)
{
        EXPECT_EQ(cede_rwlock_read_lock(&l), -EDEADLK);
        EXPECT_EQ(cede_rwlock_try_read_lock(&l), -EAGAIN);
        CEDE_TIMEOUT(CEDE_SEC(1))
                EXPECT_EQ(cede_rwlock_read_lock(&l), -EDEADLK);
        EXPECT_EQ(cede_rwlock_waiting(&l), 1);
        EXPECT_EQ(cede_rwlock_reading(&l), 1);
}

TASK_TEST(recursive_read_behind_a_writer_is_reported_and_does_not_hang)
{
        struct cede_scope s;
        const char *text;

        track();
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        cede_scope_open(&s);
        spawn_now(&s, write_briefly, NULL);
        capture_begin();
        read_twice();
        text = capture_end();
        EXPECT_EQ(count_of(text, "cede: deadlock: "), 2);
        EXPECT(strstr(text, " reads read-write lock table and wants to read it once more, at "));
        EXPECT_EQ(now_ms(), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("w:ok");
        is_free();
}

TASK_TEST(recursive_read_that_need_not_wait_is_allowed)
{
        struct cede_scope s;

        track();
        EXPECT_EQ(cede_rwlock_set_preference(&l, CEDE_READERS_FIRST), 0);
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        cede_scope_open(&s);
        spawn_now(&s, write_briefly, NULL);
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_reading(&l), 3);
        for (int i = 0; i < 3; i++)
                EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), -EPERM);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("w:ok");
        is_free();
}

static int read_once(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        note("read");
        return 0;
}

/* The mistake is the reader's: another one that comes behind the writer waits as ever. */
TASK_TEST(reader_that_is_another_one_waits)
{
        struct cede_scope s;

        track();
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        cede_scope_open(&s);
        spawn_now(&s, write_briefly, NULL);
        spawn_now(&s, read_once, NULL);
        EXPECT_EQ(cede_rwlock_waiting(&l), 2);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("w:ok read");
        is_free();
}

TASK_TEST(upgrade_is_a_deadlock)
{
        struct cede_case write = cede_rwlock_write_case(&l);

        track();
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&l), -EDEADLK);
        EXPECT_EQ(cede_rwlock_try_write_lock(&l), -EDEADLK);
        EXPECT_EQ(cede_wait_any(&write, 1), -EDEADLK);
        EXPECT_EQ(cede_rwlock_reading(&l), 1);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_downgrade(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&l), -EDEADLK);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        is_free();
}

static int unlock_of_another(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_rwlock_read_unlock(&l), -EPERM);
        return 0;
}

static void *unlock_of_another_in_thread(void *arg)
{
        unlock_of_another(arg);
        return NULL;
}

TASK_TEST(somebody_else_does_not_unlock)
{
        struct cede_scope s;
        pthread_t thread;

        track();
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        cede_scope_open(&s);
        spawn_now(&s, unlock_of_another, NULL);
        EXPECT_EQ(pthread_create(&thread, NULL, unlock_of_another_in_thread, NULL), 0);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_EQ(cede_rwlock_reading(&l), 1);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        is_free();
}

static int read_twice_and_end(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        return cede_sleep(CEDE_SEC(1));
}

TASK_TEST(reader_that_ends_leaves_it_to_those_who_wait)
{
        struct cede_scope s;

        track();
        capture_begin();
        cede_scope_open(&s);
        spawn_now(&s, read_twice_and_end, NULL);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0); /* not -EOWNERDEAD: nothing was written */
        EXPECT_EQ(now_ms(), 1000);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT(strstr(capture_end(),
                      " ends without unlocking read-write lock table, which it reads\n"));
        is_free();
}

static void on_turn(struct cede_callback *callback, int result)
{
        (void)callback;
        note("c:%s", word(result));
}

TASK_TEST(callbacks_are_not_tracked_but_counted)
{
        struct cede_callback a = { .fn = on_turn }, b = a, w = a;

        track();
        EXPECT_EQ(cede_rwlock_read_lock_async(&l, &a), 0);
        EXPECT_EQ(cede_rwlock_write_lock_async(&l, &w), 0);
        EXPECT_EQ(cede_rwlock_read_lock_async(&l, &b), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("c:ok");
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), -EPERM);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_rwlock_downgrade_async(&l, &w), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("c:ok c:ok");
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        is_free();
}

static unsigned refuse_memory(struct cede__chooser *self, enum cede__choice kind, unsigned n)
{
        (void)self;
        return kind == CEDE__CHOOSE_FAULT ? n - 1 : 0;
}

TEST(reader_for_whom_there_is_no_memory_is_not_tracked)
{
        struct cede__chooser chooser = { .choose = refuse_memory };
        size_t live;

        track();
        live = cede__alloc_live();
        cede__chooser = &chooser;
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        cede__chooser = NULL;
        EXPECT_EQ(cede__alloc_live(), live);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        EXPECT_EQ(cede__alloc_live(), live + 1);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede__alloc_live(), live);
        is_free();
}

/* Two tracked locks at once, left in the order in which they were locked. */
TASK_TEST(several_locks_are_told_apart)
{
        static struct cede_rwlock second;

        track();
        cede_rwlock_set_tracking(&second, true);
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&second), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&second), -EPERM);
        EXPECT_EQ(cede_rwlock_downgrade(&second), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&second), -EDEADLK);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&second), 0);
        is_free();
        cede_rwlock_finish(&second);
}
