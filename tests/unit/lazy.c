/* SPDX-License-Identifier: MIT */
/* Lazy values: made at the first call, the same for all. */
#include "log.h"

static int64_t takes;
static int outcome;
static unsigned made;
static void *product = &made;

static int make(void *arg, void **ret_value)
{
        int result = outcome;

        EXPECT(arg == &takes);
        made++;
        if (takes && cede_sleep(takes) < 0)
                return -ECANCELED;
        *ret_value = product;
        return result;
}

static struct cede_lazy l = CEDE_LAZY_INIT(make, &takes);

static int get(void *name)
{
        void *value = &takes;
        int r = cede_lazy_get(&l, &value);

        EXPECT(value == (r < 0 ? (void *)&takes : product)); /* untouched on failure */
        note("%s:%s", (const char *)name, word(r));
        return 0;
}

/* Three concurrent first calls open the database once. */
TASK_TEST(three_first_callers_and_one_value)
{
        struct cede_scope c;

        takes = CEDE_MS(10);
        EXPECT(!cede_lazy_value(&l));
        cede_scope_open(&c);
        spawn_now(&c, get, "a");
        spawn_now(&c, get, "b");
        spawn_now(&c, get, "c");
        EXPECT(!cede_lazy_value(&l));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(now_ms(), 10);
        get("late");
        EXPECT_LOG("a:ok b:ok c:ok late:ok");
        EXPECT_EQ(made, 1);
        EXPECT(cede_lazy_value(&l) == product);
        cede_lazy_finish(&l);
}

TASK_TEST(failure_is_tried_again)
{
        struct cede_scope c;

        takes = CEDE_MS(10);
        outcome = -EBUSY;
        cede_scope_open(&c);
        spawn_now(&c, get, "a");
        spawn_now(&c, get, "b");
        outcome = 0;
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:busy b:ok");
        EXPECT_EQ(made, 2);
}

TASK_TEST(cancelled_maker_leaves_it_to_the_next)
{
        struct cede_scope c;
        struct cede_task *a;

        takes = CEDE_MS(10);
        cede_scope_open(&c);
        a = spawn_held(&c, get, "a");
        spawn_now(&c, get, "b");
        cede_task_cancel(a);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled b:ok");
}

TASK_TEST(cancelled_caller_gets_what_is_there)
{
        struct cede_scope c;

        cede_scope_open(&c);
        cede_scope_cancel(&c);
        get("a");
        CEDE_SHIELD
                get("b");
        get("c");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled b:ok c:ok");
}

static int make_by_itself(void *arg, void **ret_value)
{
        return cede_lazy_get(arg, ret_value);
}

TASK_TEST(value_that_needs_itself)
{
        struct cede_lazy self;
        void *value;

        cede_lazy_init(&self, make_by_itself, &self);
        EXPECT_EQ(cede_lazy_get(&self, &value), -EDEADLK);
        cede_lazy_finish(&self);
}

TEST(no_function_and_no_value)
{
        static struct cede_lazy none;
        void *value;

        EXPECT_EQ(cede_lazy_get(&none, &value), -EINVAL);
        product = NULL;
        takes = 0;
        EXPECT_EQ(cede_lazy_get(&l, &value), -EINVAL);
        product = &made;
        EXPECT_EQ(cede_lazy_get(&l, &value), 0);
        EXPECT(value == &made);
}

static int finish_in_it(void *arg, void **ret_value)
{
        *ret_value = arg;
        cede_lazy_set_name(arg, "database");
        cede_lazy_finish(arg);
        return 0;
}

TEST_ABORTS(finish_while_it_is_made, "once database is finished while somebody does it")
{
        struct cede_lazy early;
        void *value;

        cede_lazy_init(&early, finish_in_it, &early);
        EXPECT_EQ(cede_lazy_get(&early, &value), 0);
}
