/* SPDX-License-Identifier: MIT */
/* Threads at a read-write lock: every schedule of reading, writing, downgrading and giving up. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_rwlock *l;
static int reading, writing, users, result;
static enum cede_preference preference;

static struct cede_scope scope;
static uintptr_t locked, opened, cancelled;

/* Over all schedules. */
static unsigned shared, at_once, handed_over, granted, refused;

static void prepare(void)
{
        l = interleave_memory(0);
        EXPECT_EQ(cede_rwlock_init(l, CEDE_FIFO), 0);
        EXPECT_EQ(cede_rwlock_set_preference(l, preference), 0);
        reading = writing = 0;
        locked = opened = cancelled = 0;
        result = 1;
}

static void is_free(void)
{
        struct cede_rwlock_stats stats;

        cede_rwlock_stats(l, &stats);
        EXPECT_EQ(stats.reading, 0);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT(!cede_rwlock_written(l));
        at_once += stats.handoffs == 0;
        handed_over += stats.handoffs > 0;
        cede_rwlock_finish(l);
}

static void look(void)
{
        EXPECT_EQ(writing, 0);
        reading++;
        shared += reading > 1;
        interleave_step("read");
        EXPECT_EQ(writing, 0);
        reading--;
}

static void change(void)
{
        EXPECT_EQ(reading + writing++, 0);
        interleave_step("write");
        EXPECT_EQ(reading, 0);
        EXPECT_EQ(--writing, 0);
}

static void read_it(void)
{
        EXPECT_EQ(cede_rwlock_read_lock(l), 0);
        look();
        EXPECT_EQ(cede_rwlock_read_unlock(l), 0);
}

static void write_it(void)
{
        EXPECT_EQ(cede_rwlock_write_lock(l), 0);
        change();
        EXPECT_EQ(cede_rwlock_write_unlock(l), 0);
}

static void write_then_read(void)
{
        EXPECT_EQ(cede_rwlock_write_lock(l), 0);
        change();
        EXPECT_EQ(cede_rwlock_downgrade(l), 0);
        look();
        EXPECT_EQ(cede_rwlock_read_unlock(l), 0);
}

static void try_both(void)
{
        int r = cede_rwlock_try_read_lock(l);

        EXPECT(r == 0 || r == -EAGAIN);
        granted += r == 0;
        refused += r != 0;
        if (r == 0) {
                look();
                EXPECT_EQ(cede_rwlock_read_unlock(l), 0);
        }
        interleave_step("again");
        r = cede_rwlock_try_write_lock(l);
        EXPECT(r == 0 || r == -EAGAIN);
        granted += r == 0;
        refused += r != 0;
        if (r == 0) {
                change();
                EXPECT_EQ(cede_rwlock_write_unlock(l), 0);
        }
}

TEST(reader_and_writer)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare, .threads = { read_it, write_it }, .check = is_free });

        EXPECT(r.complete || test_slowed());
        EXPECT(at_once > 0);
        EXPECT(handed_over > 0);
}

TEST(two_readers)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare, .threads = { read_it, read_it }, .check = is_free });

        EXPECT(r.complete || test_slowed());
        EXPECT(shared > 0);
}

TEST(two_readers_and_a_writer)
{
        for (int i = 0; i < 3; i++) {
                struct interleaved r;

                preference = (enum cede_preference)i;
                r = interleave(&(struct interleaving){ .prepare = prepare,
                                                       .threads = { read_it, write_it, read_it },
                                                       .check = is_free,
                                                       .preemptions = 2 });
                EXPECT(r.schedules > 1);
        }
        EXPECT(shared > 0);
        EXPECT(handed_over > 0);
}

TEST(two_writers_and_a_reader)
{
        for (int i = 0; i < 3; i++) {
                struct interleaved r;

                preference = (enum cede_preference)i;
                r = interleave(&(struct interleaving){ .prepare = prepare,
                                                       .threads = { write_it, read_it, write_it },
                                                       .check = is_free,
                                                       .preemptions = 2 });
                EXPECT(r.schedules > 1);
        }
        EXPECT(handed_over > 0);
}

TEST(downgrade_among_others)
{
        for (int i = 0; i < 3; i++) {
                preference = (enum cede_preference)i;
                interleave(
                        &(struct interleaving){ .prepare = prepare,
                                                .threads = { write_then_read, read_it, write_it },
                                                .check = is_free,
                                                .preemptions = 2 });
        }
        EXPECT(shared > 0);
        EXPECT(handed_over > 0);
}

TEST(one_that_only_tries)
{
        interleave(&(struct interleaving){ .prepare = prepare,
                                           .threads = { read_it, try_both, write_it },
                                           .check = is_free,
                                           .preemptions = 2 });
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

TEST(excludes_at_random)
{
        for (int i = 0; i < 3; i++) {
                preference = (enum cede_preference)i;
                interleave(&(struct interleaving){
                        .prepare = prepare,
                        .threads = { read_it, write_it, write_then_read, read_it },
                        .check = is_free,
                        .early = 2,
                        .draws = test_slowed() ? 200 : 2000 });
        }
        EXPECT(shared > 0);
        EXPECT(handed_over > 0);
}

/* The last user ends the lock's life as soon as it has unlocked it, whatever others still do. */

static void end_if(bool last)
{
        if (!last)
                return;
        cede_rwlock_finish(l);
        interleave_gone(l);
}

static void read_and_leave(void)
{
        bool last;

        EXPECT_EQ(cede_rwlock_read_lock(l), 0);
        last = --users == 0;
        interleave_step("use");
        EXPECT_EQ(cede_rwlock_read_unlock(l), 0);
        end_if(last);
}

static void write_and_leave(void)
{
        bool last;

        EXPECT_EQ(cede_rwlock_write_lock(l), 0);
        last = --users == 0;
        interleave_step("use");
        EXPECT_EQ(cede_rwlock_write_unlock(l), 0);
        end_if(last);
}

static void prepare_two(void)
{
        prepare();
        users = 2;
}

TEST(unlocked_and_gone)
{
        for (int i = 0; i < 2; i++) {
                struct interleaved r = interleave(&(struct interleaving){
                        .prepare = prepare_two,
                        .threads = { i ? write_and_leave : read_and_leave, write_and_leave },
                        .preemptions = 4 });

                EXPECT(r.schedules > 1);
        }
}

/* A writer gives up, with a reader behind it. */

static void hold(void)
{
        EXPECT_EQ(cede_rwlock_read_lock(l), 0);
        __atomic_store_n(&locked, 1, __ATOMIC_RELEASE);
        look();
        EXPECT_EQ(cede_rwlock_read_unlock(l), 0);
}

static void write_in_scope(void)
{
        interleave_until(&locked);
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("lock");
        result = cede_rwlock_write_lock(l);
        if (result == 0) {
                change();
                EXPECT_EQ(cede_rwlock_write_unlock(l), 0);
        }
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void cancel_it(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void read_behind(void)
{
        interleave_until(&opened);
        read_it();
}

static void granted_or_cancelled(void)
{
        EXPECT(result == 0 || result == -ECANCELED);
        granted += result == 0;
        refused += result != 0;
        is_free();
}

/* Somebody has used the lock bit before: how that begins is in the other tests' schedules. */
static void prepare_shared(void)
{
        struct cede_rwlock_stats stats;

        prepare();
        cede_rwlock_stats(l, &stats);
}

TEST(grant_or_cancel_with_a_reader_behind)
{
        interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { hold, write_in_scope, read_behind, cancel_it },
                                        .check = granted_or_cancelled,
                                        .preemptions = 1 });
        EXPECT(granted > 0);
        EXPECT(refused > 0);
        EXPECT(handed_over > 0);
}

static void write_in_time(void)
{
        interleave_until(&locked);
        CEDE_TIMEOUT(CEDE_MS(1)) {
                result = cede_rwlock_write_lock(l);
                if (result == 0) {
                        change();
                        EXPECT_EQ(cede_rwlock_write_unlock(l), 0);
                }
        }
}

static void granted_or_late(void)
{
        EXPECT(result == 0 || result == -ETIMEDOUT);
        granted += result == 0;
        refused += result != 0;
        is_free();
}

TEST(grant_or_deadline)
{
        interleave(&(struct interleaving){ .prepare = prepare_shared,
                                           .threads = { hold, write_in_time },
                                           .check = granted_or_late,
                                           .preemptions = 3,
                                           .expiring = 1,
                                           .early = 1 });
        EXPECT(granted > 0);
        EXPECT(refused > 0);
        EXPECT(handed_over > 0);
}
