/* SPDX-License-Identifier: MIT */
/* Threads at a latch: every schedule of waiting, adding, being done and being cancelled. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_latch *latch;
static int result[2], work;
static struct cede_scope scope;
static uintptr_t opened, cancelled;

/* Over all schedules. */
static unsigned passed, refused;

static void prepare(void)
{
        latch = interleave_memory(0);
        EXPECT_EQ(cede_latch_init(latch, 2, CEDE_FIFO), 0);
        result[0] = result[1] = 1;
        opened = cancelled = 0;
        work = 0;
}

static void await(void)
{
        result[0] = cede_latch_wait(latch);
}

static void await_too(void)
{
        result[1] = cede_latch_wait(latch);
}

static void be_done(void)
{
        __atomic_fetch_add(&work, 1, __ATOMIC_RELAXED);
        interleave_step("done");
        EXPECT_EQ(cede_latch_done(latch), 0);
}

static void be_done_after_adding(void)
{
        EXPECT_EQ(cede_latch_add(latch, 1), 0);
        be_done();
        be_done();
}

static void two_passed(void)
{
        EXPECT_EQ(result[0], 0);
        EXPECT_EQ(result[1], 0);
        EXPECT_EQ(cede_latch_count(latch), 0);
        EXPECT_EQ(cede_latch_waiting(latch), 0);
}

TEST(two_wait_for_two)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { await, await_too, be_done, be_done },
                                        .check = two_passed,
                                        .preemptions = 2 });

        EXPECT(r.schedules > 1);
}

static void await_and_count(void)
{
        await();
        result[1] = 0;
        EXPECT_EQ(__atomic_load_n(&work, __ATOMIC_RELAXED), 3);
}

TEST(added_to_while_others_are_done)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare,
                .threads = { await_and_count, be_done_after_adding, be_done },
                .check = two_passed,
                .preemptions = 3 });

        EXPECT(r.schedules > 1);
}

/* Done, or cancelled. */

static void await_in_scope(void)
{
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("wait");
        await();
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void cancel_it(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void be_done_twice(void)
{
        be_done();
        be_done();
}

static void passed_or_cancelled(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        passed += result[0] == 0;
        refused += result[0] != 0;
        result[0] = result[1] = 0;
        two_passed();
}

TEST(done_or_cancelled)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { await_in_scope, be_done_twice, cancel_it },
                                        .check = passed_or_cancelled,
                                        .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(passed > 0);
        EXPECT(refused > 0);
}

/* Who has waited ends its life, whatever the last one who was done still does. */

static void await_and_finish(void)
{
        await();
        cede_latch_finish(latch);
        interleave_gone(latch);
}

TEST(done_and_gone)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare, .threads = { await_and_finish, be_done_twice }, .early = 1 });

        EXPECT(r.complete || test_slowed());
        EXPECT(r.schedules > 1);
}
