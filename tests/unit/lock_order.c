/* SPDX-License-Identifier: MIT */
/* The lock-order check: what it reports, what it does not, and that it learns across parties. */
#include "capture.h"
#include "test.h"
#include <cede.h>
#include <pthread.h>
#include <string.h>

static struct cede_mutex a, b, c;

static void lock_both(struct cede_mutex *first, struct cede_mutex *second)
{
        EXPECT_EQ(cede_mutex_lock(first), 0);
        EXPECT_EQ(cede_mutex_lock(second), 0);
        EXPECT_EQ(cede_mutex_unlock(second), 0);
        EXPECT_EQ(cede_mutex_unlock(first), 0);
}

/* At the end of a test: what was learned is no leak. */
static void expect_inversions(unsigned n)
{
        cede_lock_order_check(false);
        EXPECT_EQ(cede_lock_order_inversions(), n);
}

TEST(inversion_is_reported_though_nobody_waits)
{
        cede_lock_order_check(true);
        lock_both(&a, &b);
        EXPECT_EQ(cede_lock_order_inversions(), 0);
        lock_both(&b, &a);
        expect_inversions(1);
}

TEST(inversion_is_reported_once)
{
        cede_lock_order_check(true);
        for (int i = 0; i < 3; i++) {
                lock_both(&a, &b);
                lock_both(&b, &a);
        }
        expect_inversions(1);
}

TEST(inversion_round_a_corner_is_reported)
{
        cede_lock_order_check(true);
        lock_both(&a, &b);
        lock_both(&b, &c);
        EXPECT_EQ(cede_lock_order_inversions(), 0);
        lock_both(&c, &a);
        expect_inversions(1);
}

TEST(same_order_is_in_order)
{
        cede_lock_order_check(true);
        for (int i = 0; i < 3; i++) {
                lock_both(&a, &b);
                lock_both(&b, &c);
                lock_both(&a, &c);
        }
        expect_inversions(0);
}

TEST(nothing_is_learned_while_it_is_off)
{
        lock_both(&a, &b);
        lock_both(&b, &a);
        cede_lock_order_check(true);
        lock_both(&b, &a);
        expect_inversions(0);
}

static void *lock_b_then_a(void *arg)
{
        lock_both(&b, &a);
        return arg;
}

TEST(threads_and_tasks_are_one_order)
{
        pthread_t thread;

        cede_lock_order_check(true);
        lock_both(&a, &b);
        EXPECT_EQ(pthread_create(&thread, NULL, lock_b_then_a, NULL), 0);
        pthread_join(thread, NULL);
        expect_inversions(1);
}

/* Mutexes initialised by the same call are one class. */

static struct cede_mutex node[2];

/* Not unrolled into two calls. */
static __attribute__((noinline)) void init_node(struct cede_mutex *m)
{
        EXPECT_EQ(cede_mutex_init(m, CEDE_FIFO), 0);
}

static void init_nodes(void)
{
        init_node(&node[0]);
        init_node(&node[1]);
}

TEST(two_of_a_class_are_reported)
{
        cede_lock_order_check(true);
        init_nodes();
        lock_both(&node[0], &node[1]);
        expect_inversions(1);
}

TEST(two_of_a_class_with_ascending_levels_are_in_order)
{
        cede_lock_order_check(true);
        init_nodes();
        cede_mutex_set_level(&node[1], 1);
        lock_both(&node[0], &node[1]);
        EXPECT_EQ(cede_lock_order_inversions(), 0);
        lock_both(&node[1], &node[0]);
        expect_inversions(1);
}

TEST(class_is_the_call_and_not_the_mutex)
{
        cede_lock_order_check(true);
        init_nodes();
        lock_both(&node[0], &a);
        lock_both(&a, &node[1]); /* another mutex, the same class */
        expect_inversions(1);
}

TEST(report_names_both_and_says_where)
{
        const char *text;

        cede_mutex_set_name(&a, "accounts");
        cede_mutex_set_name(&b, "ledger");
        cede_lock_order_check(true);
        lock_both(&a, &b);
        capture_begin();
        lock_both(&b, &a);
        text = capture_end();
        EXPECT(strstr(text, "mutex accounts is locked at "));
        EXPECT(strstr(text, "holding ledger, locked at "));
        EXPECT(strstr(text, "the opposite order was used at "));
        expect_inversions(1);
}
