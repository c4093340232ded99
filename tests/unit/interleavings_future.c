/* SPDX-License-Identifier: MIT */
/* Futures and threads: every schedule of resolve, await, cancel and of the last reference. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_future *future, *inner, *link;
static struct cede_as_completed *each;
static struct cede_scope scope;
static void *value;
static int result[3], five = 5;
static unsigned cancels;
static uintptr_t opened, cancelled, published;

/* Over all schedules. */
static unsigned granted, refused;

static void prepare(void)
{
        future = interleave_memory(0);
        each = interleave_memory(1);
        value = NULL;
        result[0] = result[1] = result[2] = 1;
        cancels = 0;
        opened = cancelled = published = 0;
}

static void resolve(void)
{
        result[1] = cede_future_resolve(future, &five);
}

static void resolve_too(void)
{
        result[2] = cede_future_resolve(future, &five);
}

static void explore(struct interleaving how)
{
        struct interleaved r;

        how.prepare = how.prepare ? how.prepare : prepare;
        r = interleave(&how);
        EXPECT(r.complete || how.preemptions || test_slowed());
        EXPECT(r.schedules > 1);
}

/* The one who awaits ends the future at once: the resolver must be done with it. */
static void await_and_end(void)
{
        EXPECT_EQ(cede_future_await(future, &value), 0);
        cede_future_finish(future);
        interleave_gone(future);
}

static void was_resolved(void)
{
        EXPECT(value == &five);
        EXPECT_EQ(result[1], 0);
}

TEST(await_meets_resolve)
{
        explore((struct interleaving){
                .threads = { await_and_end, resolve }, .check = was_resolved, .early = 1 });
}

static void await(void)
{
        EXPECT_EQ(cede_future_await(future, &value), 0);
}

static void was_resolved_once(void)
{
        EXPECT(value == &five);
        EXPECT(result[1] != result[2]);
        EXPECT_EQ(result[1] + result[2], -EALREADY);
        granted += result[1] == 0;
        refused += result[1] != 0;
}

TEST(resolve_meets_resolve)
{
        explore((struct interleaving){ .threads = { await, resolve, resolve_too },
                                       .check = was_resolved_once,
                                       .preemptions = 3 });
        EXPECT(granted > 0 && refused > 0);
}

/* The caller is cancelled, or the future resolved; never both, and nobody is left behind. */

static void await_in_scope(void)
{
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        result[0] = cede_future_await(future, &value);
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void cancel_scope(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void awaited_or_cancelled(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        EXPECT_EQ(result[1], 0);
        EXPECT(value == (result[0] == 0 ? &five : NULL));
        EXPECT_EQ(cede_future_waiting(future), 0);
        granted += result[0] == 0;
        refused += result[0] != 0;
}

TEST(await_meets_resolve_and_a_cancel_of_the_caller)
{
        explore((struct interleaving){ .threads = { await_in_scope, resolve, cancel_scope },
                                       .check = awaited_or_cancelled,
                                       .preemptions = 3 });
        EXPECT(granted > 0 && refused > 0);
}

/* Cancelling the future: the canceller is called once, and whoever comes first decides. */

static void count_cancel(struct cede_future *f, void *arg)
{
        (void)arg;
        EXPECT(f == future);
        cancels++;
}

static void prepare_canceller(void)
{
        prepare();
        cede_future_set_canceller(future, count_cancel, NULL);
}

static void cancel_future(void)
{
        cede_future_cancel(future);
}

static void await_any(void)
{
        result[0] = cede_future_await(future, &value);
}

static void resolved_or_cancelled(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        EXPECT_EQ(result[1], result[0] == 0 ? 0 : -EALREADY);
        EXPECT(cancels <= 1 && (cancels == 1 || result[0] == 0));
        granted += result[0] == 0;
        refused += result[0] != 0;
}

TEST(resolve_meets_two_cancels)
{
        explore((struct interleaving){
                .prepare = prepare_canceller,
                .threads = { await_any, resolve, cancel_future, cancel_future },
                .check = resolved_or_cancelled,
                .preemptions = 2 });
        EXPECT(granted > 0 && refused > 0);
}

/* The last reference, on whichever thread, frees it once. */

static void prepare_counted(void)
{
        prepare();
        future = cede_future_new();
        EXPECT(future && cede_future_ref(future));
}

static void await_and_unref(void)
{
        EXPECT_EQ(cede_future_await(future, &value), 0);
        cede_future_unref(future);
}

static void resolve_and_unref(void)
{
        result[1] = cede_future_resolve(future, &five);
        cede_future_unref(future);
}

TEST(last_reference_frees_it)
{
        explore((struct interleaving){ .prepare = prepare_counted,
                                       .threads = { await_and_unref, resolve_and_unref },
                                       .check = was_resolved });
        test_expect_no_memory();
}

/*
 * A waiter for several is closed while another thread posts to it.  Whether something has come is
 * for the test to ask, and after closing nothing of it is touched.
 */

static void open_and_close(void)
{
        size_t i;

        EXPECT_EQ(cede_as_completed_open(each, &future, 1), 0);
        interleave_step("opened");
        CEDE_TIMEOUT(0)
                result[0] = cede_as_completed_next(each, &i);
        cede_as_completed_close(each);
        EXPECT_EQ(cede_future_waiting(future), 0);
        interleave_gone(each);
}

static void came_or_did_not(void)
{
        EXPECT(result[0] == 1 || result[0] == -ETIMEDOUT);
        granted += result[0] == 1;
        refused += result[0] != 1;
}

TEST(closing_meets_resolve)
{
        explore((struct interleaving){ .threads = { open_and_close, resolve },
                                       .check = came_or_did_not,
                                       .preemptions = 3 });
        EXPECT(granted > 0 && refused > 0);
}

/*
 * A link whose callback returns a future that nobody will ever resolve, and that is cancelled while
 * its source is resolved.  The cancellation must arrive, wherever the link stands just then: else
 * the run waits for ever.
 */

static int follow_inner(void *unused, void *arg, void **ret_value)
{
        (void)unused;
        (void)arg;
        *ret_value = cede_future_ref(inner);
        return CEDE_CHAIN;
}

static int await_link(void *arg)
{
        (void)arg;
        link = cede_future_then(future, follow_inner, NULL, NULL);
        EXPECT(cede_future_ref(link));
        __atomic_store_n(&published, 1, __ATOMIC_RELEASE);
        result[0] = cede_future_await(link, NULL);
        cede_future_unref(link);
        return 0;
}

static void run_link(void)
{
        EXPECT_EQ(cede_run(await_link, NULL), 0);
}

static void cancel_link(void)
{
        interleave_until(&published);
        cede_future_cancel(link);
        cede_future_unref(link);
}

static void prepare_link(void)
{
        prepare_counted();
        inner = cede_future_new();
        EXPECT(inner);
        cede_future_unref(future); /* one is for the check */
}

static void link_was_cancelled(void)
{
        EXPECT_EQ(result[0], -ECANCELED);
        EXPECT(result[1] == 0 || result[1] == -EALREADY);
        granted += cede_future_is_done(inner);
        refused += result[1] != 0;
        cede_future_unref(inner);
        cede_future_unref(future);
}

TEST(cancel_of_a_link_meets_the_resolve_of_its_source)
{
        explore((struct interleaving){ .prepare = prepare_link,
                                       .threads = { run_link, resolve, cancel_link },
                                       .check = link_was_cancelled,
                                       .preemptions = 2 });
        EXPECT(granted > 0 && refused > 0);
}

/* A task's future is cancelled while the task begins, waits, and ends. */

static int yield_once(void *arg)
{
        (void)arg;
        return cede_yield();
}

static int await_task(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_spawn_future(NULL, yield_once, NULL, &link), 0);
        EXPECT(cede_future_ref(link));
        __atomic_store_n(&published, 1, __ATOMIC_RELEASE);
        result[0] = cede_future_await(link, NULL);
        cede_future_unref(link);
        return 0;
}

static void run_task(void)
{
        EXPECT_EQ(cede_run(await_task, NULL), 0);
}

static void ended_or_cancelled(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        granted += result[0] == 0;
        refused += result[0] != 0;
}

TEST(cancel_of_a_task_meets_its_end)
{
        explore((struct interleaving){ .threads = { run_task, cancel_link },
                                       .check = ended_or_cancelled,
                                       .preemptions = 3 });
        EXPECT(granted > 0 && refused > 0);
}
