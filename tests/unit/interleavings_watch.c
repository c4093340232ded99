/* SPDX-License-Identifier: MIT */
/* Threads at a watch: every schedule of reading, waiting, setting, closing and being cancelled. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_watch *watch;
static int *value;
static int last[2], result[2];
static struct cede_scope scope;
static uintptr_t opened, cancelled;

/* Over all schedules. */
static unsigned saw_both, skipped, passed, refused;

static void prepare(void)
{
        watch = interleave_memory(0);
        value = interleave_memory(1);
        EXPECT_EQ(cede_watch_init(watch, value, sizeof(*value), CEDE_FIFO), 0);
        last[0] = last[1] = 0;
        result[0] = result[1] = 1;
        opened = cancelled = 0;
}

/* Returns how many values it has seen. */
static unsigned follow(int *ret_last)
{
        uint64_t seen = cede_watch_get(watch, ret_last);
        unsigned n = 1;

        while (cede_watch_wait(watch, seen) == 0) {
                interleave_step("get");
                seen = cede_watch_get(watch, ret_last);
                n++;
        }
        return n;
}

static void reader(void)
{
        unsigned n = follow(&last[0]);

        saw_both += n == 3;
        skipped += n < 3;
}

static void second_reader(void)
{
        follow(&last[1]);
}

static void set_two(void)
{
        EXPECT_EQ(cede_watch_set(watch, &(int){ 1 }), 0);
        interleave_step("set");
        EXPECT_EQ(cede_watch_set(watch, &(int){ 2 }), 0);
        interleave_step("close");
        cede_watch_close(watch);
}

static void last_was_seen(void)
{
        EXPECT_EQ(last[0], 2);
        EXPECT_EQ(cede_watch_waiting(watch), 0);
}

TEST(reader_sees_the_last)
{
        struct interleaved r = interleave(&(struct interleaving){ .prepare = prepare,
                                                                  .threads = { reader, set_two },
                                                                  .check = last_was_seen,
                                                                  .preemptions = 4,
                                                                  .early = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(saw_both > 0);
        EXPECT(skipped > 0);
}

static void last_was_seen_by_both(void)
{
        EXPECT_EQ(last[1], 2);
        last_was_seen();
}

TEST(two_readers_see_the_last)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { reader, second_reader, set_two },
                                                   .check = last_was_seen_by_both,
                                                   .preemptions = 2 });

        EXPECT(r.schedules > 1);
}

/* Changed, or cancelled. */

static void wait_in_scope(void)
{
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("wait");
        result[0] = cede_watch_wait(watch, 0);
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void wait_too(void)
{
        result[1] = cede_watch_wait(watch, 0);
}

static void set_one(void)
{
        EXPECT_EQ(cede_watch_set(watch, &(int){ 1 }), 0);
}

static void cancel_it(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void changed_or_cancelled(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        EXPECT_EQ(result[1], 0);
        EXPECT_EQ(cede_watch_waiting(watch), 0);
        passed += result[0] == 0;
        refused += result[0] != 0;
}

TEST(change_or_cancel)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { wait_in_scope, wait_too, set_one, cancel_it },
                                        .check = changed_or_cancelled,
                                        .preemptions = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(passed > 0);
        EXPECT(refused > 0);
}

/* Who has waited ends its life, whatever the writer still does. */

static void wait_and_finish(void)
{
        EXPECT_EQ(cede_watch_wait(watch, 0), 0);
        cede_watch_finish(watch);
        interleave_gone(watch);
}

TEST(changed_and_gone)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare, .threads = { wait_and_finish, set_one }, .early = 1 });

        EXPECT(r.complete || test_slowed());
        EXPECT(r.schedules > 1);
}
