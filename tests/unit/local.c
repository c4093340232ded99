/* SPDX-License-Identifier: MIT */
/* Task-local values. */
#include <stdlib.h>
#include <string.h>

#include "log.h"

static struct cede_local plain, other;

TASK_TEST(unset_value_is_null)
{
        EXPECT(!cede_local_get(&plain));
}

TASK_TEST(keys_are_independent)
{
        int a, b;

        EXPECT_EQ(cede_local_set(&plain, &a), 0);
        EXPECT_EQ(cede_local_set(&other, &b), 0);
        EXPECT(cede_local_get(&plain) == &a);
        EXPECT(cede_local_get(&other) == &b);
        EXPECT_EQ(cede_local_set(&plain, NULL), 0);
        EXPECT(!cede_local_get(&plain));
        EXPECT(cede_local_get(&other) == &b);
}

static int set_yield_get(void *arg)
{
        EXPECT(!cede_local_get(&plain)); /* not inherited */
        EXPECT_EQ(cede_local_set(&plain, arg), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT(cede_local_get(&plain) == arg);
        return 0;
}

TASK_TEST(each_task_has_its_own)
{
        struct cede_scope c;
        int values[3];

        EXPECT_EQ(cede_local_set(&plain, &c), 0);
        cede_scope_open(&c);
        for (int i = 0; i < 3; i++)
                EXPECT_EQ(cede_spawn(&c, set_yield_get, &values[i]), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT(cede_local_get(&plain) == &c);
}

static void destroy(void *value)
{
        note("~%s", (const char *)value);
        free(value);
}

static struct cede_local owned = { destroy }, owned2 = { destroy };

static int own(void *name)
{
        EXPECT_EQ(cede_local_set(&owned, strdup(name)), 0);
        EXPECT_EQ(cede_yield(), 0);
        note("%s", (const char *)cede_local_get(&owned));
        return 0;
}

TASK_TEST(value_is_destroyed_when_its_task_ends)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, own, "a"), 0);
        EXPECT_EQ(cede_spawn(&c, own, "b"), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a ~a b ~b");
}

static int own_both(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_local_set(&owned, strdup("first")), 0);
        EXPECT_EQ(cede_local_set(&owned2, strdup("second")), 0);
        return 0;
}

TASK_TEST(newest_value_is_destroyed_first)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, own_both, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("~second ~first");
}

static int replace(void *arg)
{
        char *old = strdup("old");

        (void)arg;
        EXPECT_EQ(cede_local_set(&owned, old), 0);
        EXPECT_EQ(cede_local_set(&owned, strdup("new")), 0);
        free(old); /* ours again */
        return 0;
}

TASK_TEST(replaced_value_is_the_callers)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, replace, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("~new");
}

static int set_and_unset(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_local_set(&owned, arg), 0);
        EXPECT_EQ(cede_local_set(&owned, NULL), 0);
        return 0;
}

TASK_TEST(null_is_not_destroyed)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, set_and_unset, &c), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("");
}

static int cancelled_owner(void *arg)
{
        int r;

        (void)arg;
        EXPECT_EQ(cede_local_set(&owned, strdup("cancelled")), 0);
        r = cede_sleep(CEDE_SEC(1));
        return r;
}

TASK_TEST(cancelled_task_destroys_its_values_too)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, cancelled_owner, NULL);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("~cancelled");
}

static int main_owns(void *arg)
{
        return own(arg);
}

TEST(main_destroys_its_values_at_the_end_of_the_run)
{
        EXPECT_EQ(run_virtual(main_owns, "m"), 0);
        EXPECT_LOG("m ~m");
}

static void set_anew(void *value);
static struct cede_local stubborn = { set_anew };

static void set_anew(void *value)
{
        int *left = value;

        note("%d", *left);
        if (--*left > 0)
                EXPECT_EQ(cede_local_set(&stubborn, left), 0);
}

static int set_stubborn(void *value)
{
        return cede_local_set(&stubborn, value);
}

TASK_TEST(value_that_a_destructor_sets_is_destroyed_too)
{
        struct cede_scope c;
        int left = 3;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, set_stubborn, &left), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("3 2 1");
}

TEST_ABORTS(get_outside_of_a_task_aborts, "works inside of a task only")
{
        EXPECT(!cede_local_get(&plain));
}
