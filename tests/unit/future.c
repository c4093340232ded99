/* SPDX-License-Identifier: MIT */
/* Future: done once, awaited by tasks, threads and callbacks; references; errors nobody sees. */
#include "log.h"
#include "threads.h"
#include <stdlib.h>

static struct cede_future f;
static int five = 5, six = 6;

static int await(void *name)
{
        void *value = NULL;
        int r = cede_future_await(&f, &value);

        note("%s:%s", (const char *)name, r == 0 && value == &five ? "five" : word(r));
        return 0;
}

static int await_then_checkpoint(void *name)
{
        await(name);
        note("then:%s", word(cede_checkpoint()));
        return 0;
}

TASK_TEST(resolve_wakes_all_and_nobody_waits_any_more)
{
        struct cede_scope c;
        struct cede_future_stats stats;
        void *value = NULL;

        EXPECT(!cede_future_is_done(&f));
        EXPECT_EQ(cede_future_result(&f, &value), -EAGAIN);
        cede_scope_open(&c);
        spawn_now(&c, await, "a");
        spawn_now(&c, await, "b");
        EXPECT_EQ(cede_future_waiting(&f), 2);
        EXPECT_EQ(cede_future_resolve(&f, &five), 0);
        EXPECT_EQ(cede_future_waiting(&f), 0);
        EXPECT(cede_future_is_done(&f));
        EXPECT_LOG(""); /* not inside of resolve */
        spawn_now(&c, await, "late");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:five b:five late:five");
        EXPECT_EQ(cede_future_result(&f, &value), 0);
        EXPECT(value == &five);
        cede_future_stats(&f, &stats);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT_EQ(stats.peak_waiting, 2);
        cede_future_finish(&f);
}

TASK_TEST(is_done_once)
{
        void *value = NULL;

        EXPECT_EQ(cede_future_resolve(&f, &five), 0);
        EXPECT_EQ(cede_future_resolve(&f, &six), -EALREADY);
        EXPECT_EQ(cede_future_fail(&f, -EIO), -EALREADY);
        cede_future_cancel(&f);
        EXPECT_EQ(cede_future_await(&f, &value), 0);
        EXPECT(value == &five);
}

TASK_TEST(fails_with_its_error_and_leaves_the_value_alone)
{
        void *value = &six;

        EXPECT_EQ(cede_future_fail(&f, 0), -EINVAL);
        EXPECT_EQ(cede_future_fail(&f, 5), -EINVAL);
        EXPECT(!cede_future_is_done(&f));
        EXPECT_EQ(cede_future_fail(&f, -EIO), 0);
        EXPECT_EQ(cede_future_resolve(&f, &five), -EALREADY);
        EXPECT_EQ(cede_future_await(&f, &value), -EIO);
        EXPECT_EQ(cede_future_result(&f, &value), -EIO);
        EXPECT(value == &six);
        EXPECT_EQ(cede_future_await(NULL, NULL), -EINVAL);
}

static int say(void *text)
{
        note("%s", (const char *)text);
        return 0;
}

TASK_TEST(await_of_a_finished_one_does_not_yield)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, say, "other"), 0);
        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        EXPECT_EQ(cede_future_await(&f, NULL), 0);
        note("awaited");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("awaited other");
}

/* A grant beats a cancel; a cancelled caller fails all the same. */

TASK_TEST(resolved_and_then_cancelled_before_it_runs)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, await_then_checkpoint, "a");
        EXPECT_EQ(cede_future_resolve(&f, &five), 0);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:five then:cancelled");
}

TASK_TEST(cancelling_who_waits_leaves_the_future_pending)
{
        struct cede_scope c;
        struct cede_task *a;

        cede_scope_open(&c);
        a = spawn_held(&c, await_then_checkpoint, "a");
        spawn_now(&c, await, "b");
        cede_task_cancel(a);
        EXPECT_EQ(cede_future_waiting(&f), 1);
        EXPECT_EQ(cede_future_result(&f, NULL), -EAGAIN); /* so it was the caller's */
        EXPECT_EQ(cede_future_resolve(&f, &five), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled then:cancelled b:five");
}

TASK_TEST(cancelled_caller_fails_although_it_is_done)
{
        struct cede_scope c;

        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_future_await(&f, NULL), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_future_await(&f, NULL), 0);
}

TASK_TEST(expired_deadline_looks_once)
{
        EXPECT_EQ(cede_sleep(1), 0);
        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_future_await(&f, NULL), -ETIMEDOUT);
                EXPECT_EQ(cede_future_waiting(&f), 0);
                EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
                EXPECT_EQ(cede_future_await(&f, NULL), 0);
        }
}

TASK_TEST(timeouts_leave_nothing_behind)
{
        struct cede_future_stats stats;

        for (int i = 0; i < 1000; i++)
                CEDE_TIMEOUT(CEDE_MS(1))
                        EXPECT_EQ(cede_future_await(&f, NULL), -ETIMEDOUT);
        cede_future_stats(&f, &stats);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT_EQ(stats.peak_waiting, 1);
        EXPECT_EQ(now_ms(), 1000);
        cede_future_finish(&f);
}

TASK_TEST(waiters_become_ready_in_its_order)
{
        struct cede_scope c;
        struct cede_task *a;

        f = (struct cede_future)CEDE_FUTURE_INIT(CEDE_PRIORITY);
        cede_scope_open(&c);
        a = spawn_held(&c, await, "a");
        spawn_now(&c, await, "b");
        cede_task_set_priority(a, -1);
        EXPECT_EQ(cede_future_resolve(&f, &five), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("b:five a:five");
        EXPECT_EQ(cede_future_init(&f, (enum cede_order)99), -EINVAL);
}

/* Cancelling the future. */

TASK_TEST(cancel_fails_it_for_all_who_wait)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, await_then_checkpoint, "a");
        cede_future_cancel(&f);
        EXPECT_EQ(cede_future_result(&f, NULL), -ECANCELED);
        EXPECT_EQ(cede_future_resolve(&f, &five), -EALREADY);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled then:ok"); /* the caller is not cancelled */
        cede_future_cancel(&f);
}

static void note_canceller(struct cede_future *future, void *arg)
{
        EXPECT(!cede_future_is_done(future));
        note("canceller%d", (int)(intptr_t)arg);
        cede_future_cancel(future); /* nothing: it is at it */
}

static void resolve_instead(struct cede_future *future, void *arg)
{
        EXPECT_EQ(cede_future_resolve(future, arg), 0);
}

static void fail_instead(struct cede_future *future, void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_future_fail(future, -EIO), 0);
}

TASK_TEST(cancel_calls_the_canceller_once)
{
        cede_future_set_canceller(&f, note_canceller, N(1));
        cede_future_cancel(&f);
        cede_future_cancel(&f);
        EXPECT_LOG("canceller1");
        EXPECT_EQ(cede_future_await(&f, NULL), -ECANCELED);
}

TASK_TEST(canceller_is_not_called_for_what_is_done)
{
        cede_future_set_canceller(&f, note_canceller, N(1));
        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        cede_future_cancel(&f);
        EXPECT_LOG("");
}

TASK_TEST(canceller_may_resolve_or_fail)
{
        struct cede_future g = { 0 };
        void *value = NULL;

        cede_future_set_canceller(&f, resolve_instead, &five);
        cede_future_cancel(&f);
        EXPECT_EQ(cede_future_result(&f, &value), 0);
        EXPECT(value == &five);
        cede_future_set_canceller(&g, fail_instead, NULL);
        cede_future_cancel(&g);
        EXPECT_EQ(cede_future_result(&g, NULL), -EIO);
}

/* Callbacks. */

static void on_done(struct cede_callback *callback, int result)
{
        void *value = NULL;

        EXPECT_EQ(result, 0);
        EXPECT_EQ(cede_future_result(&f, &value), 0);
        EXPECT(value == &five);
        note("callback%d", callback->priority);
}

TASK_TEST(callbacks_are_called_once_and_not_inside_of_resolve)
{
        struct cede_callback a = { .fn = on_done, .priority = 1 };
        struct cede_callback b = { .fn = on_done, .priority = 2 };
        struct cede_callback late = { .fn = on_done, .priority = 3 };

        EXPECT_EQ(cede_future_await_async(&f, &a), 0);
        EXPECT_EQ(cede_future_await_async(&f, &b), 0);
        EXPECT_EQ(cede_callback_cancel(&a), 0);
        EXPECT_EQ(cede_future_resolve(&f, &five), 0);
        EXPECT_LOG("");
        EXPECT_EQ(cede_callback_cancel(&b), -EALREADY);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback2");
        EXPECT_EQ(cede_future_await_async(&f, &late), 0);
        EXPECT_LOG(""); /* nor inside of await_async */
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback3");
}

static unsigned called;

static void count_call(struct cede_callback *callback, int result)
{
        (void)callback;
        called += result == 0;
}

TASK_TEST(resolve_with_100000_callbacks)
{
        enum { COUNT = 100000 };
        struct cede_callback *all = calloc(COUNT, sizeof(*all));

        EXPECT(all);
        for (int i = 0; i < COUNT; i++) {
                all[i].fn = count_call;
                EXPECT_EQ(cede_future_await_async(&f, &all[i]), 0);
        }
        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
        EXPECT_EQ(called, 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(called, COUNT);
        free(all);
}

/* One of several things to wait for (any.c has what concerns them all). */

static int wait_any(void *name)
{
        struct cede_event never = { 0 };
        struct cede_case cases[] = { cede_event_case(&never), cede_future_case(&f) };
        int r = cede_wait_any(cases, 2);

        note("%s:%d=%s", (const char *)name, r, word(cases[1].result));
        EXPECT_EQ(cede_event_waiting(&never), 0);
        return 0;
}

TASK_TEST(is_a_case_of_wait_any)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, wait_any, "a");
        EXPECT_EQ(cede_future_waiting(&f), 1);
        EXPECT_EQ(cede_future_resolve(&f, &five), 0);
        EXPECT_EQ(cede_yield(), 0);
        spawn_now(&c, wait_any, "late");
        EXPECT_LOG("a:1=ok late:1=ok");
        f = (struct cede_future){ 0 };
        spawn_now(&c, wait_any, "b");
        EXPECT_EQ(cede_future_fail(&f, -EBUSY), 0);
        EXPECT_EQ(cede_yield(), 0);
        spawn_now(&c, wait_any, "late");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("b:1=busy late:1=busy");
        EXPECT_EQ(cede_future_waiting(&f), 0);
}

/* References, and errors that nobody looks at. */

TASK_TEST(last_reference_frees_it)
{
        struct cede_future *g = cede_future_new();

        EXPECT(g);
        EXPECT(cede_future_ref(g) == g);
        cede_future_unref(g);
        EXPECT_EQ(cede_future_resolve(g, &five), 0);
        EXPECT_EQ(cede_future_await(g, NULL), 0);
        cede_future_unref(g); /* the harness sees it leak otherwise */
        cede_future_unref(NULL);
        EXPECT(cede_future_ref(NULL) == NULL);
        cede_future_unref(cede_future_ref(&f)); /* embedded: nothing */
        EXPECT_EQ(cede_future_resolve(&f, NULL), 0);
}

static struct cede_future *failed(int error)
{
        struct cede_future *g = cede_future_new();

        EXPECT(g);
        cede_future_set_name(g, "reply");
        EXPECT_EQ(cede_future_fail(g, error), 0);
        return g;
}

TEST_ABORTS(error_that_nobody_looked_at, "cede: future reply failed with error 5 at ")
{
        cede_future_unref(failed(-EIO));
        abort();
}

TEST_ABORTS(error_of_an_embedded_one_that_nobody_looked_at, "cede: future unnamed failed with")
{
        EXPECT_EQ(cede_future_fail(&f, -EIO), 0);
        cede_future_finish(&f);
        abort();
}

/* Nothing is said where somebody has looked, or need not: stderr is a file here. */
TEST(errors_that_were_seen_are_not_reported)
{
        char path[512];

        snprintf(path, sizeof(path), "%s/stderr", test_folder());
        EXPECT(freopen(path, "w", stderr));
        for (int g = 0; g < 4; g++) {
                struct cede_future *one = failed(g == 3 ? -ECANCELED : -EIO);

                if (g == 0)
                        EXPECT_EQ(cede_future_await(one, NULL), -EIO);
                if (g == 1)
                        EXPECT_EQ(cede_future_result(one, NULL), -EIO);
                if (g == 2)
                        cede_future_ignore(one);
                cede_future_unref(one);
        }
        fflush(stderr);
        EXPECT_EQ(ftell(stderr), 0);
}

static int finish_while_awaited_main(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_future_set_name(&f, "reply");
        cede_scope_open(&c);
        spawn_now(&c, await, "a");
        cede_future_finish(&f);
        return cede_scope_close(&c, 0);
}

TEST_ABORTS(finish_while_awaited, "future reply goes while 1 wait for it")
{
        EXPECT_EQ(run_virtual(finish_while_awaited_main, NULL), 0);
}

static int await_for_ever(void *arg)
{
        (void)arg;
        cede_future_set_name(&f, "reply");
        return cede_future_await(&f, NULL);
}

TEST_ABORTS(what_nobody_resolves_is_a_deadlock, "future reply (1 waiting)")
{
        EXPECT_EQ(run_virtual(await_for_ever, NULL), -EDEADLK);
        abort();
}

/* Threads. */

enum { THREADS = 4 };

static struct cede_future *shared;
static unsigned won, got; /* atomic */

static void *await_in_thread(void *arg)
{
        void *value = NULL;

        (void)arg;
        EXPECT_EQ(cede_future_await(shared, &value), 0);
        EXPECT_EQ(*(int *)value, 5);
        __atomic_fetch_add(&got, 1, __ATOMIC_RELAXED);
        cede_future_unref(shared); /* the last one of all frees it */
        return NULL;
}

static void *resolve_in_thread(void *arg)
{
        if (cede_future_resolve(shared, arg) == 0)
                __atomic_fetch_add(&won, 1, __ATOMIC_RELAXED);
        cede_future_unref(shared);
        return NULL;
}

TEST(threads_await_what_threads_resolve)
{
        for (int i = 0; i < (test_slowed() ? 20 : 300); i++) {
                pthread_t threads[2 * THREADS];

                shared = cede_future_new();
                EXPECT(shared);
                won = got = 0;
                for (int k = 1; k < 2 * THREADS; k++)
                        cede_future_ref(shared);
                for (int k = 0; k < 2 * THREADS; k++)
                        threads[k] = start(k % 2 ? resolve_in_thread : await_in_thread, &five);
                for (int k = 0; k < 2 * THREADS; k++)
                        join(threads[k]);
                EXPECT_EQ(won, 1);
                EXPECT_EQ(got, THREADS);
        }
}

static int await_shared(void *arg)
{
        void *value = NULL;

        (void)arg;
        EXPECT_EQ(cede_future_await(shared, &value), 0);
        EXPECT(value == &five);
        cede_future_unref(shared);
        return 0;
}

TEST(resolve_in_a_thread_wakes_a_task)
{
        for (int i = 0; i < (test_slowed() ? 20 : 300); i++) {
                pthread_t thread;

                shared = cede_future_new();
                EXPECT(shared);
                cede_future_ref(shared);
                thread = start(resolve_in_thread, &five);
                EXPECT_EQ(cede_run(await_shared, NULL), 0);
                join(thread);
        }
}
