/* SPDX-License-Identifier: MIT */
/*
 * Links: callbacks chained to a future.  The cases are those of Twisted's test_defer for callbacks
 * and chaining, as far as they concern futures that are one object per link.
 */
#include "futures.h"

static struct cede_future f;

TASK_TEST(callbacks_transform_the_value)
{
        struct cede_future *a = cede_future_then(&f, add, NULL, N(1));
        struct cede_future *b = cede_future_then(a, twice, NULL, NULL);

        EXPECT_EQ(cede_future_resolve(&f, N(5)), 0);
        EXPECT_LOG(""); /* not inside of resolve */
        EXPECT_EQ(value_of(b), 12);
        EXPECT_EQ(value_of(a), 6);
        EXPECT_LOG("add1 twice");
        cede_future_unref(a);
        cede_future_unref(b);
}

TASK_TEST(callbacks_are_called_in_the_order_in_which_they_were_added)
{
        struct cede_future *a[3];

        for (int i = 0; i < 3; i++)
                a[i] = cede_future_then(&f, add, NULL, N(i));
        EXPECT_EQ(cede_future_resolve(&f, N(0)), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("add0 add1 add2");
        for (int i = 0; i < 3; i++)
                cede_future_unref(a[i]);
}

TASK_TEST(callback_added_to_a_finished_future_is_called_too)
{
        struct cede_future *a;

        EXPECT_EQ(cede_future_resolve(&f, N(5)), 0);
        a = cede_future_then(&f, add, NULL, N(1));
        EXPECT_LOG(""); /* not inside of then */
        EXPECT_EQ(value_of(a), 6);
        cede_future_unref(a);
}

/* The caller may give the intermediate references back at once. */
TASK_TEST(links_keep_one_another)
{
        struct cede_future *root = cede_future_new();
        struct cede_future *a = cede_future_then(root, add, NULL, N(1));
        struct cede_future *b = cede_future_then(a, add, NULL, N(2));

        EXPECT(root && a && b);
        cede_future_unref(a);
        EXPECT_EQ(cede_future_resolve(root, N(5)), 0);
        cede_future_unref(root);
        EXPECT_EQ(value_of(b), 8);
        cede_future_unref(b);
}

TASK_TEST(nobody_needs_to_keep_the_link)
{
        cede_future_unref(cede_future_then(&f, add, NULL, N(1)));
        EXPECT_EQ(cede_future_resolve(&f, N(5)), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("add1");
}

TASK_TEST(failure_skips_callbacks_until_one_handles_it)
{
        struct cede_future *a = cede_future_then(&f, add, NULL, N(1));
        struct cede_future *b = cede_future_then(a, twice, NULL, NULL);
        struct cede_future *c = cede_future_then(b, add, handle, N(7));
        struct cede_future *d = cede_future_then(c, add, handle, N(1));

        EXPECT_EQ(cede_future_fail(&f, -EIO), 0);
        EXPECT_EQ(value_of(d), 8);
        EXPECT_LOG("handle:error add1");
        EXPECT_EQ(cede_future_result(b, NULL), -EIO);
        cede_future_unref(a);
        cede_future_unref(b);
        cede_future_unref(c);
        cede_future_unref(d);
}

TASK_TEST(callback_that_fails_fails_its_link)
{
        struct cede_future *a = cede_future_then(&f, fail, handle, N(-EBUSY));
        struct cede_future *b = cede_future_then(a, NULL, fail_again, N(-EDEADLK));

        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        EXPECT_EQ(cede_future_await(b, NULL), -EDEADLK);
        EXPECT_EQ(cede_future_await(a, NULL), -EBUSY); /* its own on_error was not for that */
        EXPECT_LOG("fail again:busy");
        cede_future_unref(a);
        cede_future_unref(b);
}

TASK_TEST(without_callbacks_all_is_passed_through)
{
        struct cede_future g = { 0 };
        struct cede_future *a = cede_future_then(&f, NULL, NULL, NULL);
        struct cede_future *b = cede_future_then(&g, NULL, NULL, NULL);

        EXPECT_EQ(cede_future_resolve(&f, N(5)), 0);
        EXPECT_EQ(cede_future_fail(&g, -EIO), 0);
        EXPECT_EQ(value_of(a), 5);
        EXPECT_EQ(cede_future_await(b, NULL), -EIO);
        cede_future_unref(a);
        cede_future_unref(b);
}

TASK_TEST(then_of_nothing_is_nothing)
{
        EXPECT(cede_future_then(NULL, add, NULL, NULL) == NULL);
}

/* Chaining. */

TASK_TEST(link_follows_the_future_that_its_callback_returns)
{
        struct cede_future *inner = cede_future_new();
        struct cede_future *a = cede_future_then(&f, follow, NULL, inner);

        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("follow");
        EXPECT(!cede_future_is_done(a));
        EXPECT_EQ(cede_future_resolve(inner, N(9)), 0);
        EXPECT_EQ(value_of(a), 9);
        cede_future_unref(inner);
        cede_future_unref(a);
}

TASK_TEST(link_follows_one_that_is_done_or_fails)
{
        struct cede_future *good = cede_future_new(), *bad = cede_future_new();
        struct cede_future *a, *b;

        EXPECT_EQ(cede_future_resolve(good, N(9)), 0);
        EXPECT_EQ(cede_future_fail(bad, -EIO), 0);
        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        a = cede_future_then(&f, follow, NULL, good);
        b = cede_future_then(&f, follow, handle, bad);
        EXPECT_EQ(value_of(a), 9);
        EXPECT_EQ(cede_future_await(b, NULL), -EIO);
        cede_future_unref(good);
        cede_future_unref(bad);
        cede_future_unref(a);
        cede_future_unref(b);
}

TASK_TEST(failure_may_be_recovered_from_by_another_future)
{
        struct cede_future *inner = cede_future_new();
        struct cede_future *a = cede_future_then(&f, NULL, recover, inner);

        EXPECT_EQ(cede_future_fail(&f, -EIO), 0);
        EXPECT_EQ(cede_future_resolve(inner, N(3)), 0);
        EXPECT_EQ(value_of(a), 3);
        EXPECT_LOG("recover:error");
        cede_future_unref(inner);
        cede_future_unref(a);
}

static int follow_itself(void *value, void *arg, void **ret_value)
{
        (void)value;
        *ret_value = cede_future_ref(*(struct cede_future **)arg);
        return CEDE_CHAIN;
}

TASK_TEST(link_that_is_to_follow_itself_fails)
{
        struct cede_future *a = NULL;

        a = cede_future_then(&f, follow_itself, NULL, &a);
        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        EXPECT_EQ(cede_future_await(a, NULL), -EDEADLK);
        cede_future_unref(a);
}

/* Neither resolving nor freeing 100,000 links takes more stack than one. */
static const char *low, *high; /* of the stack, in the callbacks */

static int deep(void *value, void *arg, void **ret_value)
{
        const char *here = __builtin_frame_address(0);

        (void)arg;
        low = !low || here < low ? here : low;
        high = here > high ? here : high;
        *ret_value = (char *)value + 1;
        return 0;
}

TASK_TEST(chain_of_100000_needs_the_stack_of_one)
{
        enum { LENGTH = 100000 };

        make_chain(LENGTH, deep);
        for (int i = 1; i < LENGTH; i++)
                cede_future_unref(chain[i]); /* what is done goes as the chain proceeds */
        EXPECT_EQ(cede_future_resolve(chain[0], N(0)), 0);
        EXPECT_EQ(value_of(chain[LENGTH]), LENGTH);
        EXPECT(high - low < 1024);
        cede_future_unref(chain[0]);
        cede_future_unref(chain[LENGTH]);
}

/* Each callback returns the next future: the links pile up, the stack does not. */
static int nest(void *value, void *arg, void **ret_value)
{
        intptr_t left = (intptr_t)arg;

        (void)value;
        if (left == 0)
                return 0;
        *ret_value = cede_future_then(&f, nest, NULL, N(left - 1));
        return CEDE_CHAIN;
}

TASK_TEST(chaining_100000_deep_by_callbacks)
{
        struct cede_future *a = cede_future_then(&f, nest, NULL, N(100000));

        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        EXPECT_EQ(cede_future_await(a, NULL), 0);
        cede_future_unref(a);
}

TASK_TEST(link_resolved_by_hand_calls_nothing)
{
        struct cede_future *a = cede_future_then(&f, add, NULL, N(1));

        EXPECT_EQ(cede_future_resolve(a, N(40)), 0);
        EXPECT_EQ(cede_future_resolve(&f, N(5)), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(value_of(a), 40);
        EXPECT_LOG("");
        cede_future_unref(a);
}

/* Misuse. */

static int return_two(void *value, void *arg, void **ret_value)
{
        (void)value;
        (void)arg;
        (void)ret_value;
        return 2;
}

static int wait_in_a_callback(void *value, void *arg, void **ret_value)
{
        (void)value;
        (void)arg;
        (void)ret_value;
        return cede_sleep(1);
}

static int call_then(void *on_value)
{
        int (*fn)(void *, void *, void **) = *(int (**)(void *, void *, void **))on_value;

        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        return cede_future_await(cede_future_then(&f, fn, NULL, NULL), NULL);
}

TEST_ABORTS(callback_that_returns_what_means_nothing, "a callback of a future returned 2")
{
        int (*fn)(void *, void *, void **) = return_two;

        EXPECT_EQ(run_virtual(call_then, &fn), 0);
}

TEST_ABORTS(callback_that_waits, "a callback has to wait")
{
        int (*fn)(void *, void *, void **) = wait_in_a_callback;

        EXPECT_EQ(run_virtual(call_then, &fn), 0);
}

TEST_ABORTS(then_outside_of_a_run, "a callback waits outside of a run")
{
        cede_future_unref(cede_future_then(&f, add, NULL, NULL));
}

static void no_canceller(struct cede_future *future, void *arg)
{
        (void)future;
        (void)arg;
}

static int set_canceller_of_a_link(void *arg)
{
        (void)arg;
        cede_future_set_canceller(cede_future_then(&f, add, NULL, NULL), no_canceller, NULL);
        return 0;
}

TEST_ABORTS(canceller_of_a_link, "a canceller is set for a future that stands for a link")
{
        EXPECT_EQ(run_virtual(set_canceller_of_a_link, NULL), 0);
}

/* The error of a link that nobody looks at is reported; that of its source was looked at. */
static int lose_an_error(void *arg)
{
        (void)arg;
        cede_future_set_name(&f, "source");
        cede_future_unref(cede_future_then(&f, NULL, NULL, NULL));
        EXPECT_EQ(cede_future_fail(&f, -EIO), 0);
        EXPECT_EQ(cede_yield(), 0);
        cede_future_finish(&f);
        return 0;
}

TEST_ABORTS(error_of_a_link_that_nobody_looked_at, "cede: future unnamed failed with error 5 at ")
{
        EXPECT_EQ(run_virtual(lose_an_error, NULL), 0);
        abort();
}
