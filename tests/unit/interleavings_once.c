/* SPDX-License-Identifier: MIT */
/* Threads at a once: every schedule of first calls, of failure, and of being cancelled. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_once *once;
static int result[3];
static unsigned calls, failures;
static bool inside;
static struct cede_scope scope;
static uintptr_t opened, cancelled;

/* Over all schedules. */
static unsigned passed, refused;

static void prepare(void)
{
        once = interleave_memory(0);
        EXPECT_EQ(cede_once_init(once, CEDE_FIFO), 0);
        result[0] = result[1] = result[2] = 0;
        calls = failures = 0;
        opened = cancelled = 0;
        inside = false;
}

/* Nobody else is here, and it has not succeeded yet. */
static int do_it(void *arg)
{
        (void)arg;
        EXPECT(!inside && !cede_once_is_done(once));
        inside = true;
        calls++;
        interleave_step("do");
        inside = false;
        return 0;
}

static int fail_at_first(void *arg)
{
        int r = do_it(arg);

        return calls == 1 ? -EBUSY : r;
}

static void run(int *ret_result, int (*fn)(void *arg))
{
        *ret_result = cede_once_run(once, fn, NULL);
        EXPECT(calls > 0 || *ret_result < 0);
}

static void first(void)
{
        run(&result[0], do_it);
}

static void second(void)
{
        run(&result[1], do_it);
}

static void third(void)
{
        run(&result[2], do_it);
}

static void was_done_once(void)
{
        EXPECT_EQ(result[0] | result[1] | result[2], 0);
        EXPECT_EQ(calls, 1);
        EXPECT_EQ(cede_once_waiting(once), 0);
        cede_once_finish(once);
}

TEST(three_first_calls)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { first, second, third },
                                                   .check = was_done_once,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
}

static void first_may_fail(void)
{
        run(&result[0], fail_at_first);
}

static void second_may_fail(void)
{
        run(&result[1], fail_at_first);
}

static void third_may_fail(void)
{
        run(&result[2], fail_at_first);
}

static void one_has_failed(void)
{
        unsigned busy = 0;

        for (int i = 0; i < 3; i++) {
                EXPECT(result[i] == 0 || result[i] == -EBUSY);
                busy += result[i] == -EBUSY;
        }
        EXPECT_EQ(busy, 1);
        EXPECT_EQ(calls, 2);
        EXPECT(cede_once_is_done(once));
        EXPECT_EQ(cede_once_waiting(once), 0);
}

TEST(first_call_fails)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare,
                .threads = { first_may_fail, second_may_fail, third_may_fail },
                .check = one_has_failed,
                .preemptions = 2 });

        EXPECT(r.schedules > 1);
}

/* One may be cancelled before it comes, or while it waits. */

static void first_in_scope(void)
{
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("run");
        first();
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void cancel_it(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void done_or_cancelled(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        passed += result[0] == 0;
        refused += result[0] != 0;
        result[0] = 0;
        was_done_once();
}

TEST(pass_or_cancel)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { first_in_scope, second, cancel_it },
                                                   .check = done_or_cancelled,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(passed > 0);
        EXPECT(refused > 0);
}

/* Who has waited ends its life, whatever the one who has done it still does. */

static void second_and_gone(void)
{
        interleave_until(&opened);
        second();
        interleave_gone(once);
}

/* Until its mutex has flags beside the owner. */
static int let_the_second_come(void *arg)
{
        uintptr_t owner = once->mutex.word & ~(uintptr_t)3;

        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_until_not(&once->mutex.word, owner);
        return do_it(arg);
}

static void first_lets_it_wait(void)
{
        result[0] = cede_once_run(once, let_the_second_come, NULL);
}

TEST(passed_and_gone)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { first_lets_it_wait, second_and_gone },
                                        .preemptions = 3 });

        EXPECT(r.schedules > 1);
}
