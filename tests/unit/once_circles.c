/* SPDX-License-Identifier: MIT */
/* Who does a once owns it: circles of owners, also with mutexes, and the order of locks. */
#include <string.h>

#include "capture.h"
#include "log.h"

static struct cede_once o, other;
static unsigned calls;

static int open_it(void *arg)
{
        (void)arg;
        calls++;
        return 0;
}

static int again(void *arg)
{
        note("inner:%s", word(cede_once_run(&o, open_it, NULL)));
        (void)arg;
        return 0;
}

TASK_TEST(called_in_itself)
{
        EXPECT_EQ(cede_once_run(&o, again, NULL), 0);
        EXPECT_LOG("inner:deadlock");
        EXPECT(cede_once_is_done(&o));
        EXPECT_EQ(calls, 0);
}

static int needs(void *once)
{
        int r = cede_sleep(CEDE_MS(1));

        return r < 0 ? r : cede_once_run(once, open_it, NULL);
}

static int call_one(void *arg)
{
        note("one:%s", word(cede_once_run(&o, needs, &other)));
        (void)arg;
        return 0;
}

static int call_other(void *arg)
{
        note("other:%s", word(cede_once_run(&other, needs, &o)));
        (void)arg;
        return 0;
}

/* The second one fails, and the first does for itself what that was to do. */
TASK_TEST(two_that_need_each_other)
{
        struct cede_scope c;
        const char *text;

        cede_once_set_name(&o, "config");
        cede_once_set_name(&other, "database");
        capture_begin();
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, call_one, NULL), 0);
        EXPECT_EQ(cede_spawn(&c, call_other, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        text = capture_end();
        EXPECT_LOG("other:deadlock one:ok");
        EXPECT(strstr(text, "cede: deadlock: each of these") != NULL);
        EXPECT(strstr(text, "waits for once config (done by") != NULL);
        EXPECT(strstr(text, "waits for once database (done by") != NULL);
        EXPECT(cede_once_is_done(&o) && cede_once_is_done(&other));
}

static struct cede_mutex m;

static int lock_then_call(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        note("locker:%s", word(cede_once_run(&o, open_it, NULL)));
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        return 0;
}

static int lock_in_it(void *arg)
{
        int r = cede_sleep(CEDE_MS(1));

        (void)arg;
        if (r == 0)
                r = cede_mutex_lock(&m);
        if (r == 0)
                r = cede_mutex_unlock(&m);
        return r;
}

static int call_with_lock(void *arg)
{
        (void)arg;
        note("once:%s", word(cede_once_run(&o, lock_in_it, NULL)));
        return 0;
}

TASK_TEST(circle_with_a_mutex)
{
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        spawn_now(&c, call_with_lock, NULL);
        spawn_now(&c, lock_then_call, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        capture_end();
        EXPECT_LOG("once:deadlock locker:ok");
}

static int lock_and_fail(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        return -EBUSY;
}

TASK_TEST(lock_order_check_knows_it)
{
        cede_lock_order_check(true);
        EXPECT_EQ(cede_once_run(&o, lock_and_fail, NULL), -EBUSY);
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_lock_order_inversions(), 0);
        capture_begin();
        EXPECT_EQ(cede_once_run(&o, open_it, NULL), 0);
        capture_end();
        EXPECT_EQ(cede_lock_order_inversions(), 1);
        EXPECT_EQ(cede_once_run(&o, open_it, NULL), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        cede_lock_order_check(false);
}
