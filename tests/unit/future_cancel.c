/* SPDX-License-Identifier: MIT */
/* Cancelling links, after Twisted's test_defer; and from other threads. */
#include "futures.h"

static struct cede_future f;

static void note_canceller(struct cede_future *future, void *arg)
{
        (void)future;
        note("canceller%d", (int)(intptr_t)arg);
}

TASK_TEST(cancelling_a_link_cancels_what_it_waits_for)
{
        struct cede_future *a = cede_future_then(&f, add, NULL, N(1));
        struct cede_future *b = cede_future_then(a, add, handle, N(2));

        cede_future_set_canceller(&f, note_canceller, N(1));
        cede_future_cancel(b);
        EXPECT_EQ(cede_future_result(&f, NULL), -ECANCELED);
        EXPECT(!cede_future_is_done(b)); /* its callbacks decide */
        EXPECT_EQ(value_of(b), 2);
        EXPECT_EQ(cede_future_await(a, NULL), -ECANCELED);
        EXPECT_LOG("canceller1 handle:cancelled");
        cede_future_unref(a);
        cede_future_unref(b);
}

TASK_TEST(cancelling_a_link_cancels_the_future_that_it_follows)
{
        struct cede_future *inner = cede_future_new();
        struct cede_future *a = cede_future_then(&f, follow, NULL, inner);

        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        EXPECT_EQ(cede_yield(), 0);
        cede_future_set_canceller(inner, note_canceller, N(2));
        cede_future_cancel(a);
        EXPECT_EQ(cede_future_await(a, NULL), -ECANCELED);
        EXPECT_LOG("follow canceller2");
        cede_future_unref(inner);
        cede_future_unref(a);
}

/* The value is there already: it is delivered, and what the callback goes on to wait for is not. */
TASK_TEST(cancelled_when_its_callback_is_about_to_run)
{
        struct cede_future *inner = cede_future_new();
        struct cede_future *a = cede_future_then(&f, follow, NULL, inner);
        struct cede_future *b = cede_future_then(&f, add, NULL, N(1));

        EXPECT_EQ(cede_future_resolve(&f, N(5)), 0);
        cede_future_cancel(a);
        cede_future_cancel(b);
        EXPECT_EQ(cede_future_await(a, NULL), -ECANCELED);
        EXPECT(cede_future_is_done(inner));
        EXPECT_EQ(value_of(b), 6);
        EXPECT_LOG("follow add1");
        cede_future_unref(inner);
        cede_future_unref(a);
        cede_future_unref(b);
}

static void resolve_instead(struct cede_future *future, void *arg)
{
        EXPECT_EQ(cede_future_resolve(future, arg), 0);
}

/* The same if there is a value because the canceller has found one. */
TASK_TEST(cancelled_link_whose_source_is_resolved_by_its_canceller)
{
        struct cede_future *inner = cede_future_new();
        struct cede_future *a = cede_future_then(&f, follow, NULL, inner);

        cede_future_set_canceller(&f, resolve_instead, N(5));
        cede_future_cancel(a);
        EXPECT_EQ(cede_future_await(a, NULL), -ECANCELED);
        EXPECT(cede_future_is_done(inner));
        EXPECT_LOG("follow");
        cede_future_unref(inner);
        cede_future_unref(a);
}

/* A fallback that was chosen because of the cancellation is not cancelled by it. */
TASK_TEST(handled_cancellation_does_not_reach_the_fallback)
{
        struct cede_future *inner = cede_future_new();
        struct cede_future *a = cede_future_then(&f, NULL, recover, inner);

        cede_future_cancel(a);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT(!cede_future_is_done(inner));
        EXPECT_EQ(cede_future_resolve(inner, N(3)), 0);
        EXPECT_EQ(value_of(a), 3);
        EXPECT_LOG("recover:cancelled");
        cede_future_unref(inner);
        cede_future_unref(a);
}

static int follow_later(void *value, void *arg, void **ret_value)
{
        (void)value;
        *ret_value = cede_future_ref(*(struct cede_future **)arg);
        return CEDE_CHAIN;
}

/* Links that follow each other wait for ever; to cancel one of them does not take as long. */
static void circle(int length)
{
        struct cede_future *links[7], *into;

        for (int i = 0; i < length; i++)
                links[i] = cede_future_then(&f, follow_later, NULL, &links[(i + 1) % length]);
        into = cede_future_then(links[0], add, handle, N(1));
        EXPECT_EQ(cede_yield(), 0);
        cede_future_cancel(into);
        cede_future_cancel(links[length - 1]);
        EXPECT(!cede_future_is_done(links[0]));
        EXPECT_EQ(cede_future_fail(links[0], -ECANCELED), 0);
        EXPECT_EQ(value_of(into), 1);
        EXPECT_LOG("handle:cancelled");
        for (int i = 0; i < length; i++) {
                EXPECT_EQ(cede_future_await(links[i], NULL), -ECANCELED);
                cede_future_unref(links[i]);
        }
        cede_future_unref(into);
}

TASK_TEST(cancelling_one_of_a_circle_comes_to_an_end)
{
        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        for (int length = 2; length <= 7; length++)
                circle(length);
}

/* The walk up the links needs no more stack than one. */
static int pass(void *value, void *arg, void **ret_value)
{
        (void)arg;
        *ret_value = value;
        return 0;
}

static int cancel_deep(void *arg)
{
        (void)arg;
        cede_future_cancel(chain[100000]);
        EXPECT(cede_future_is_done(chain[0]));
        EXPECT_EQ(cede_future_await(chain[100000], NULL), -ECANCELED);
        return 0;
}

TASK_TEST(cancelling_a_chain_of_100000_in_a_small_stack)
{
        struct cede_spawn_options small = { .stack_size = 16 * 1024 };
        struct cede_task *task;

        make_chain(100000, pass);
        EXPECT_EQ(cede_spawn_with(NULL, &small, cancel_deep, NULL, &task), 0);
        EXPECT_EQ(cede_task_join(task, NULL), 0);
        for (int i = 0; i <= 100000; i++)
                cede_future_unref(chain[i]);
}

/* Resolved, or cancelled, in another thread: the callbacks run in the run that added them. */

static pthread_t home;
static struct cede_future *root, *tail;

static int in_the_run(void *value, void *arg, void **ret_value)
{
        (void)arg;
        EXPECT(pthread_equal(home, pthread_self()));
        *ret_value = value;
        return 0;
}

static int in_the_run_too(int error, void *arg, void **ret_value)
{
        (void)ret_value;
        (void)arg;
        EXPECT(pthread_equal(home, pthread_self()));
        return error;
}

static void *resolve_root(void *arg)
{
        (void)cede_future_resolve(root, arg); /* unless it is cancelled */
        cede_future_unref(root);
        return NULL;
}

static void *cancel_tail(void *arg)
{
        cede_future_cancel(tail);
        cede_future_unref(tail);
        return arg;
}

static int resolve_and_cancel(void *arg)
{
        pthread_t threads[2];
        struct cede_future *a;
        int r;

        (void)arg;
        home = pthread_self();
        for (int i = 0; i < (test_slowed() ? 50 : 1000); i++) {
                root = cede_future_new();
                a = cede_future_then(root, in_the_run, in_the_run_too, NULL);
                tail = cede_future_then(a, in_the_run, in_the_run_too, NULL);
                EXPECT(root && a && tail);
                cede_future_unref(a);
                cede_future_ref(tail);
                threads[0] = start(resolve_root, N(5));
                threads[1] = start(cancel_tail, NULL);
                r = cede_future_await(tail, NULL);
                EXPECT(r == 0 || r == -ECANCELED);
                join(threads[0]);
                join(threads[1]);
                cede_future_unref(tail);
        }
        return 0;
}

TEST(threads_resolve_and_cancel)
{
        EXPECT_EQ(cede_run(resolve_and_cancel, NULL), 0);
}

/* Several workers: each task resolves what the link of another one waits for. */

enum { RING = 8 };

static struct cede_future *ring[RING];
static pthread_t made_on[RING];

static int on_its_worker(void *value, void *arg, void **ret_value)
{
        EXPECT(pthread_equal(made_on[(intptr_t)arg], pthread_self()));
        *ret_value = (char *)value + 1;
        return 0;
}

static int pass_on(void *arg)
{
        int me = (int)(intptr_t)arg;
        struct cede_future *got;

        made_on[me] = pthread_self();
        got = cede_future_then(ring[me], on_its_worker, NULL, arg);
        if (me < RING - 1)
                EXPECT_EQ(cede_future_resolve(ring[me + 1], N(value_of(got))), 0);
        else
                EXPECT_EQ(value_of(got), RING);
        cede_future_unref(got);
        return 0;
}

static int send_round(void *arg)
{
        (void)arg;
        for (int round = 0; round < (test_slowed() ? 20 : 200); round++) {
                int r = 0;

                for (int i = 0; i < RING; i++)
                        ring[i] = cede_future_new();
                CEDE_SCOPE(all, &r) {
                        for (int i = 0; i < RING && r == 0; i++)
                                r = cede_spawn(&all, pass_on, N(i));
                        EXPECT_EQ(cede_future_resolve(ring[0], N(0)), 0);
                }
                EXPECT_EQ(r, 0);
                for (int i = 0; i < RING; i++)
                        cede_future_unref(ring[i]);
        }
        return 0;
}

TEST(links_of_several_workers)
{
        EXPECT_EQ(cede_run_with(send_round, NULL, &(struct cede_run_options){ .workers = 3 }), 0);
}
