/* SPDX-License-Identifier: MIT */
/* Read-write lock: who goes first, hand-over, downgrade, cancel and deadline.  Orders: matrix.c. */
#include "log.h"
#include <string.h>

static struct cede_rwlock l;

/* A task that reads, or writes, for as many seconds as the digit behind its name says. */
static int use(const char *name, int (*lock)(struct cede_rwlock *l),
               int (*unlock)(struct cede_rwlock *l))
{
        int r = lock(&l);

        if (r < 0 && r != -EOWNERDEAD) {
                note("%c:%s", *name, word(r));
                return 0;
        }
        note("%c%d+", *name, now_ms() / 1000);
        if (name[1])
                r = cede_sleep(CEDE_SEC(name[1] - '0'));
        note("%c%d-", *name, now_ms() / 1000);
        EXPECT_EQ(unlock(&l), 0);
        return 0;
}

static int reader(void *name)
{
        return use(name, cede_rwlock_read_lock, cede_rwlock_read_unlock);
}

static int writer(void *name)
{
        return use(name, cede_rwlock_write_lock, cede_rwlock_write_unlock);
}

static void is_free(void)
{
        EXPECT_EQ(cede_rwlock_reading(&l), 0);
        EXPECT(!cede_rwlock_written(&l));
        EXPECT_EQ(cede_rwlock_waiting(&l), 0);
        cede_rwlock_finish(&l);
}

/* Who comes in when: upper case writes.  Each is spawned, and gets as far as it can, at once. */
static void arrive(struct cede_scope *s, const char *const names[])
{
        for (; *names; names++) {
                bool writes = **names >= 'A' && **names <= 'Z';

                spawn_now(s, writes ? writer : reader, (void *)(uintptr_t)*names);
        }
}

#define ARRIVE(s, ...) arrive(s, (const char *const[]){ __VA_ARGS__, NULL })

/* Preference */

TASK_TEST(readers_share_and_a_writer_is_alone)
{
        struct cede_scope s;

        cede_scope_open(&s);
        ARRIVE(&s, "a3", "b2");
        EXPECT_EQ(cede_rwlock_reading(&l), 2);
        EXPECT(!cede_rwlock_written(&l));
        EXPECT_EQ(cede_rwlock_try_write_lock(&l), -EAGAIN);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        EXPECT_EQ(now_ms(), 3000);
        EXPECT(cede_rwlock_written(&l) && cede_rwlock_owned(&l));
        EXPECT_EQ(cede_rwlock_reading(&l), 0);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a0+ b0+ b2- a3-");
        is_free();
}

TASK_TEST(fair_writer_that_waits_stops_later_readers)
{
        struct cede_scope s;
        struct cede_rwlock_stats stats;

        cede_scope_open(&s);
        ARRIVE(&s, "a3", "b3", "W2", "c3");
        EXPECT_EQ(cede_rwlock_waiting(&l), 2);
        EXPECT_EQ(cede_rwlock_try_read_lock(&l), -EAGAIN);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a0+ b0+ a3- b3- W3+ W5- c5+ c8-");
        cede_rwlock_stats(&l, &stats);
        EXPECT_EQ(stats.handoffs, 2);
        EXPECT_EQ(stats.peak_waiting, 2);
        EXPECT_EQ(stats.reading, 0);
        is_free();
}

TASK_TEST(fair_readers_at_the_head_enter_together_up_to_the_first_writer)
{
        struct cede_scope s;

        cede_scope_open(&s);
        ARRIVE(&s, "V1", "a2", "b1", "W1", "c1", "X1");
        EXPECT_EQ(cede_rwlock_waiting(&l), 5);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("V0+ V1- a1+ b1+ b2- a3- W3+ W4- c4+ c5- X5+ X6-");
        is_free();
}

TASK_TEST(readers_first_pass_a_writer_that_waits)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_set_preference(&l, CEDE_READERS_FIRST), 0);
        cede_scope_open(&s);
        ARRIVE(&s, "a3", "b3", "W2", "c5");
        EXPECT_EQ(cede_rwlock_waiting(&l), 1);
        EXPECT_EQ(cede_rwlock_try_read_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_reading(&l), 4);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a0+ b0+ c0+ a3- b3- c5- W5+ W7-");
        is_free();
}

TASK_TEST(readers_first_go_before_writers_when_one_leaves)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_set_preference(&l, CEDE_READERS_FIRST), 0);
        cede_scope_open(&s);
        ARRIVE(&s, "V1", "W1", "a1", "X1", "b2");
        EXPECT_EQ(cede_rwlock_waiting(&l), 4);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("V0+ V1- a1+ b1+ a2- b3- W3+ W4- X4+ X5-");
        is_free();
}

TASK_TEST(writers_first_go_before_readers_that_came_earlier)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_set_preference(&l, CEDE_WRITERS_FIRST), 0);
        cede_scope_open(&s);
        ARRIVE(&s, "V1", "a1", "W1", "b1", "X1");
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("V0+ V1- W1+ W2- X2+ X3- a3+ b3+ a4- b4-");
        is_free();
}

TASK_TEST(writers_first_stop_readers_while_one_waits)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_set_preference(&l, CEDE_WRITERS_FIRST), 0);
        cede_scope_open(&s);
        ARRIVE(&s, "a2", "W1", "b1");
        EXPECT_EQ(cede_rwlock_try_read_lock(&l), -EAGAIN);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a0+ a2- W2+ W3- b3+ b4-");
        is_free();
}

/* Hand-over */

TASK_TEST(unlocking_hands_over_and_nobody_passes)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        cede_scope_open(&s);
        ARRIVE(&s, "W", "a", "b");
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT(cede_rwlock_written(&l) && !cede_rwlock_owned(&l));
        EXPECT_EQ(cede_rwlock_waiting(&l), 2);
        EXPECT_EQ(cede_rwlock_try_read_lock(&l), -EAGAIN);
        EXPECT_EQ(cede_rwlock_try_write_lock(&l), -EAGAIN);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0); /* behind all of them */
        EXPECT_LOG("W0+ W0- a0+ a0- b0+ b0-");
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        is_free();
}

TASK_TEST(writer_hands_over_to_readers_who_count_at_once)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        cede_scope_open(&s);
        ARRIVE(&s, "a", "b", "W", "c");
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_reading(&l), 2);
        EXPECT_EQ(cede_rwlock_waiting(&l), 2);
        EXPECT_LOG(""); /* nobody has run yet */
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a0+ a0- b0+ b0- W0+ W0- c0+ c0-");
        is_free();
}

TASK_TEST(without_waiters_nothing_yields)
{
        struct cede_scope s;

        cede_scope_open(&s);
        EXPECT_EQ(cede_spawn(&s, reader, "a"), 0);
        for (int i = 0; i < 3; i++) {
                EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
                EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
                EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
                EXPECT_EQ(cede_rwlock_downgrade(&l), 0);
                EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        }
        EXPECT_LOG("");
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a0+ a0-");
        is_free();
}

/* Downgrade */

TASK_TEST(downgrade_lets_the_next_readers_in_and_no_writer)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_downgrade(&l), -EPERM);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        cede_scope_open(&s);
        ARRIVE(&s, "a", "b", "W", "c");
        EXPECT_EQ(cede_rwlock_downgrade(&l), 0);
        EXPECT(!cede_rwlock_written(&l));
        EXPECT_EQ(cede_rwlock_reading(&l), 3);
        EXPECT_EQ(cede_rwlock_downgrade(&l), -EPERM);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), -EPERM);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        EXPECT_LOG("a0+ a0- b0+ b0-");
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("W1+ W1- c1+ c1-");
        is_free();
}

static void downgrade_with(enum cede_preference preference, unsigned long reading)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_init(&l, CEDE_FIFO), 0);
        EXPECT_EQ(cede_rwlock_set_preference(&l, preference), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        cede_scope_open(&s);
        ARRIVE(&s, "W", "a", "b");
        EXPECT_EQ(cede_rwlock_downgrade(&l), 0);
        EXPECT_EQ(cede_rwlock_reading(&l), reading);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        (void)log_take();
        is_free();
}

TASK_TEST(downgrade_lets_readers_pass_a_writer_only_where_they_go_first)
{
        downgrade_with(CEDE_FAIR, 1);
        downgrade_with(CEDE_READERS_FIRST, 3);
        downgrade_with(CEDE_WRITERS_FIRST, 1);
}

/* Cancel and deadline */

TASK_TEST(writer_cancelled_at_the_head_lets_the_readers_behind_it_in)
{
        struct cede_scope s;
        struct cede_task *w;

        for (int i = 0; i < 3; i++) {
                EXPECT_EQ(cede_rwlock_init(&l, CEDE_FIFO), 0);
                EXPECT_EQ(cede_rwlock_set_preference(&l, (enum cede_preference)i), 0);
                EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
                cede_scope_open(&s);
                w = spawn_held(&s, writer, "W");
                ARRIVE(&s, "a", "b");
                EXPECT_EQ(cede_rwlock_reading(&l), 1); /* READERS_FIRST: they have left again */
                cede_task_cancel(w);
                EXPECT_EQ(cede_rwlock_waiting(&l), 0);
                EXPECT_EQ(cede_rwlock_reading(&l), i == CEDE_READERS_FIRST ? 1 : 3); /* at once */
                EXPECT_EQ(cede_scope_close(&s, 0), 0);
                EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
                EXPECT(strstr(log_take(), "W:cancelled"));
                is_free();
        }
}

static int lock_then_checkpoint(void *writes)
{
        int r = writes ? cede_rwlock_write_lock(&l) : cede_rwlock_read_lock(&l);

        note("%s", word(r));
        note("then:%s", word(cede_checkpoint()));
        EXPECT_EQ(writes ? cede_rwlock_write_unlock(&l) : cede_rwlock_read_unlock(&l), 0);
        return 0;
}

TASK_TEST(granted_and_cancelled_before_it_runs_holds_it)
{
        for (int writes = 0; writes < 2; writes++) {
                struct cede_scope s;
                struct cede_task *task;

                EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
                cede_scope_open(&s);
                task = spawn_held(&s, lock_then_checkpoint, N(writes));
                EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
                cede_task_cancel(task);
                EXPECT_EQ(cede_rwlock_try_write_lock(&l), -EAGAIN);
                EXPECT_EQ(cede_scope_close(&s, 0), 0);
                EXPECT_LOG("ok then:cancelled");
                EXPECT_EQ(cede_rwlock_try_write_lock(&l), 0);
                EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
                is_free();
        }
}

TASK_TEST(cancelled_does_not_lock_a_free_one)
{
        struct cede_scope s;

        cede_scope_open(&s);
        cede_scope_cancel(&s);
        EXPECT_EQ(cede_rwlock_read_lock(&l), -ECANCELED);
        EXPECT_EQ(cede_rwlock_write_lock(&l), -ECANCELED);
        is_free();
        EXPECT_EQ(cede_rwlock_try_read_lock(&l), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
}

static int lock_out_of_time(void *arg)
{
        (void)arg;
        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_rwlock_write_lock(&l), -ETIMEDOUT);
                EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
                EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
                EXPECT_EQ(cede_rwlock_waiting(&l), 0);
        }
        return 0;
}

TASK_TEST(expired_deadline_tries_once)
{
        struct cede_scope s;

        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_checkpoint(), -ETIMEDOUT);
                EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
                EXPECT_EQ(cede_rwlock_downgrade(&l), 0);
        }
        cede_scope_open(&s);
        spawn_now(&s, lock_out_of_time, NULL);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        is_free();
}

static int time_out_often(void *arg)
{
        (void)arg;
        for (int i = 0; i < 1000; i++)
                CEDE_TIMEOUT(CEDE_MS(1))
                        EXPECT_EQ(i % 2 ? cede_rwlock_read_lock(&l) : cede_rwlock_write_lock(&l),
                                  -ETIMEDOUT);
        return 0;
}

TASK_TEST(a_thousand_timeouts_leave_nothing_behind)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        cede_scope_open(&s);
        spawn_now(&s, time_out_often, NULL);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_EQ(now_ms(), 1000);
        EXPECT_EQ(cede_rwlock_waiting(&l), 0);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        is_free();
}

/* A change of rank in the queue that lets somebody pass. */
TASK_TEST(reader_that_gets_ahead_of_a_writer_is_let_in_at_that_moment)
{
        struct cede_scope s;
        struct cede_task *a;

        EXPECT_EQ(cede_rwlock_init(&l, CEDE_PRIORITY), 0);
        EXPECT_EQ(cede_rwlock_read_lock(&l), 0);
        cede_scope_open(&s);
        ARRIVE(&s, "W");
        a = spawn_held(&s, reader, "a");
        EXPECT_EQ(cede_rwlock_reading(&l), 1);
        cede_task_set_priority(a, 1);
        EXPECT_EQ(cede_rwlock_reading(&l), 2);
        EXPECT_EQ(cede_rwlock_waiting(&l), 1);
        EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("a0+ a0- W0+ W0-");
        is_free();
}

static int spawn_ranked(struct cede_scope *s, int priority, int (*fn)(void *), const char *name)
{
        int r = cede_spawn_with(s, &(struct cede_spawn_options){ .priority = priority }, fn,
                                (void *)(uintptr_t)name, NULL);

        return r < 0 ? r : cede_yield();
}

TASK_TEST(priority_acts_among_readers_and_writers_alike)
{
        struct cede_scope s;

        EXPECT_EQ(cede_rwlock_init(&l, CEDE_PRIORITY), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&l), 0);
        cede_scope_open(&s);
        EXPECT_EQ(spawn_ranked(&s, 1, reader, "a"), 0);
        EXPECT_EQ(spawn_ranked(&s, 3, writer, "W"), 0);
        EXPECT_EQ(spawn_ranked(&s, 2, reader, "b"), 0);
        EXPECT_EQ(spawn_ranked(&s, 4, reader, "c"), 0);
        EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        EXPECT_EQ(cede_rwlock_reading(&l), 1);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("c0+ c0- W0+ W0- b0+ b0- a0+ a0-");
        is_free();
}
