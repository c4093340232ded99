/* SPDX-License-Identifier: MIT */
/*
 * Two workers: every schedule of starting and stealing, of a request and an end, of being quiet and
 * being woken.
 *
 * A worker that was roused dozes for some microseconds, which pass when the other one has nothing
 * to do either.  A millisecond passes only if somebody was not woken, and looks again by himself.
 */
#include "interleave.h"
#include "task/run.h"
#include "test.h"
#include <cede.h>
#include <errno.h>
#include <pthread.h>

enum { CHILDREN = 2 };

static pthread_t first;
static uintptr_t ran[CHILDREN], begun, over, cancelled;
static int result[CHILDREN];

/* Over all schedules. */
static unsigned here, there, in_time, too_late;

static void prepare(void)
{
        for (int i = 0; i < CHILDREN; i++)
                ran[i] = 0;
        begun = over = cancelled = 0;
        result[0] = result[1] = 1;
}

static int with(int (*fn)(void *), enum cede_clock clock)
{
        first = pthread_self();
        return cede_run_with(fn, NULL, &(struct cede_run_options){ .workers = 2, .clock = clock });
}

static void expect_no_pause(void)
{
        EXPECT(cede_now() < INTERLEAVE_START + CEDE_MS(1));
}

static int count_where(void *arg)
{
        uintptr_t *mine = arg;

        EXPECT_EQ(*mine, 0);
        if (pthread_equal(first, pthread_self()))
                here++;
        else
                there++;
        __atomic_store_n(mine, 1, __ATOMIC_RELEASE);
        return 0;
}

/* Each is started once, by the one or the other. */

static int spawn_two(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        for (int i = 0; i < CHILDREN; i++)
                EXPECT_EQ(cede_spawn(&c, count_where, &ran[i]), 0);
        return cede_scope_close(&c, 0);
}

static void start_or_steal(void)
{
        EXPECT_EQ(with(spawn_two, CEDE_CLOCK_REAL), 0);
}

static void both_ran(void)
{
        EXPECT(ran[0] && ran[1]);
        expect_no_pause();
}

TEST(start_meets_steal, .seconds = 60)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { start_or_steal, interleave_worker },
                                                   .check = both_ran,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(here > 0);
        EXPECT(there > 0 || test_slowed());
}

/* Whoever spawns does not give way: the other one has to be awake, or to be roused. */

static int spawn_and_keep_the_worker(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        for (int i = 0; i < CHILDREN; i++) {
                EXPECT_EQ(cede_spawn(&c, count_where, &ran[i]), 0);
                interleave_until(&ran[i]);
        }
        return cede_scope_close(&c, 0);
}

static void be_roused(void)
{
        EXPECT_EQ(with(spawn_and_keep_the_worker, CEDE_CLOCK_REAL), 0);
}

static void ran_there(void)
{
        EXPECT_EQ(here, 0);
        EXPECT(ran[0] && ran[1]);
        expect_no_pause();
}

TEST(spawn_meets_a_worker_about_to_sleep, .seconds = 60)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { be_roused, interleave_worker },
                                                   .check = ran_there,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
}

/* A task there is cancelled from here: before it starts, while it waits, while it ends. */

static struct cede_sem sem;

static void prepare_sem(void)
{
        prepare();
        EXPECT_EQ(cede_sem_init(&sem, 0, CEDE_FIFO), 0);
}

static int wait_for_ever(void *arg)
{
        (void)arg;
        __atomic_store_n(&begun, 1, __ATOMIC_RELEASE);
        result[0] = cede_sem_acquire(&sem);
        return 0;
}

static int cancel_at_any_time(void *arg)
{
        struct cede_scope c;
        struct cede_task *task;

        (void)arg;
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, NULL, wait_for_ever, NULL, &task), 0);
        interleave_step("between spawn and cancel");
        in_time += !begun;
        too_late += begun != 0;
        cede_task_cancel(task);
        return cede_scope_close(&c, 0);
}

static void start_or_cancel(void)
{
        EXPECT_EQ(with(cancel_at_any_time, CEDE_CLOCK_REAL), 0);
}

static void was_cancelled(void)
{
        EXPECT_EQ(result[0], -ECANCELED);
        EXPECT_EQ(cede_sem_waiting(&sem), 0);
        expect_no_pause();
}

TEST(request_meets_start, .seconds = 60)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare_sem,
                                        .threads = { start_or_cancel, interleave_worker },
                                        .check = was_cancelled,
                                        .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(in_time > 0);
        EXPECT(too_late > 0 || test_slowed());
}

/* There; the task is here, on its scope's worker. */
static int cancel_it(void *task)
{
        __atomic_store_n(&begun, 1, __ATOMIC_RELEASE);
        interleave_until(&over);
        cede_task_cancel(*(struct cede_task **)task);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
        return 0;
}

static int end_soon(void *arg)
{
        (void)arg;
        __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
        interleave_step("about to end");
        return cede_checkpoint();
}

static int return_zero(void *arg)
{
        (void)arg;
        return 0;
}

static int cancel_who_ends(void *arg)
{
        struct cede_task *task, *second;
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, cancel_it, &task), 0);
        interleave_until(&begun);
        EXPECT_EQ(cede_spawn_with(&c, NULL, end_soon, NULL, &task), 0);
        while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE))
                EXPECT_EQ(cede_yield(), 0); /* it runs, to its end */
        interleave_until(&cancelled);
        EXPECT(!atomic_load(&cede__worker_here()->requests)); /* nothing is left of it there */
        EXPECT_EQ(cede_task_join(task, &result[0]), 0);
        EXPECT_EQ(cede_spawn_with(&c, NULL, return_zero, NULL, &second), 0);
        EXPECT(task == second); /* it has the record of the first */
        EXPECT_EQ(cede_task_join(second, &result[1]), 0);
        return cede_scope_close(&c, 0);
}

static void end_or_cancel(void)
{
        EXPECT_EQ(with(cancel_who_ends, CEDE_CLOCK_REAL), 0);
}

static void first_was_cancelled_perhaps(void)
{
        EXPECT(result[0] == 0 || result[0] == -ECANCELED);
        in_time += result[0] != 0;
        too_late += result[0] == 0;
        EXPECT_EQ(result[1], 0);
        expect_no_pause();
}

TEST(request_meets_end, .seconds = 60)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_sem,
                                                   .threads = { end_or_cancel, interleave_worker },
                                                   .check = first_was_cancelled_perhaps,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(in_time > 0);
        EXPECT(in_time > 0);
}

/* Both have a scope under one limit. */

static struct cede_limit limit;
static int inside;

static void prepare_limit(void)
{
        prepare();
        inside = 0;
        EXPECT_EQ(cede_limit_init(&limit, 1, CEDE_FIFO), 0);
}

static int be_alone(void *arg)
{
        (void)arg;
        EXPECT_EQ(++inside, 1);
        interleave_step("inside");
        inside--;
        return 0;
}

static int spawn_limited(void *arg)
{
        struct cede_scope c;

        __atomic_store_n(&begun, 1, __ATOMIC_RELEASE);
        (void)arg;
        cede_scope_open_with(&c, &(struct cede_scope_options){ .limit = &limit });
        for (int i = 0; i < 2; i++)
                EXPECT_EQ(cede_spawn(&c, be_alone, NULL), 0);
        return cede_scope_close(&c, 0);
}

static int spawn_limited_on_both(void *arg)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, spawn_limited, NULL), 0);
        interleave_until(&begun);
        EXPECT_EQ(spawn_limited(arg), 0);
        return cede_scope_close(&c, 0);
}

static void use_one_limit(void)
{
        EXPECT_EQ(with(spawn_limited_on_both, CEDE_CLOCK_REAL), 0);
}

static void limit_is_unused(void)
{
        struct cede_limit_stats stats;

        cede_limit_stats(&limit, &stats);
        EXPECT_EQ(stats.running, 0);
        cede_limit_finish(&limit);
        expect_no_pause();
}

TEST(one_limit_of_two_workers, .seconds = 60)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_limit,
                                                   .threads = { use_one_limit, interleave_worker },
                                                   .check = limit_is_unused,
                                                   .preemptions = 2 });

        EXPECT(r.schedules > 1);
}

/* Time moves when both are quiet: not while something is under way to one of them. */

static int be_sent_something(void *arg)
{
        (void)arg;
        __atomic_store_n(&begun, 1, __ATOMIC_RELEASE);
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        interleave_step("woken");
        EXPECT_EQ(cede_now(), 0);
        return 0;
}

static int send_and_sleep(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, be_sent_something, NULL), 0);
        interleave_until(&begun);
        EXPECT_EQ(cede_sem_release(&sem), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(1));
        return cede_scope_close(&c, 0);
}

static void sleep_while_it_arrives(void)
{
        EXPECT_EQ(with(send_and_sleep, CEDE_CLOCK_VIRTUAL), 0);
}

TEST(quiescence_meets_what_one_sends_the_other, .seconds = 60)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare_sem,
                                        .threads = { sleep_while_it_arrives, interleave_worker },
                                        .check = expect_no_pause,
                                        .preemptions = 3 });

        EXPECT(r.schedules > 1);
}

/* Somebody else wakes one of them, who sends something to the other. */

static struct cede_sem back;
static int64_t sent; /* when */

static int be_woken(void *arg)
{
        (void)arg;
        __atomic_store_n(&begun, 1, __ATOMIC_RELEASE);
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        sent = cede_now();
        interleave_step("woken");
        EXPECT_EQ(cede_now(), sent);
        return cede_sem_release(&back);
}

static int wait_for_a_second(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, be_woken, NULL), 0);
        interleave_until(&begun);
        CEDE_TIMEOUT(CEDE_SEC(1))
                result[0] = cede_sem_acquire(&back);
        EXPECT_EQ(cede_now(), result[0] == 0 ? sent : CEDE_SEC(1));
        return cede_scope_close(&c, 0);
}

static void wait_virtually(void)
{
        EXPECT_EQ(cede_sem_init(&back, 0, CEDE_FIFO), 0);
        EXPECT_EQ(with(wait_for_a_second, CEDE_CLOCK_VIRTUAL), 0);
}

static void release(void)
{
        interleave_until(&begun);
        EXPECT_EQ(cede_sem_release(&sem), 0);
}

static void granted_or_late(void)
{
        EXPECT(result[0] == 0 || result[0] == -ETIMEDOUT);
        in_time += result[0] == 0;
        too_late += result[0] != 0;
}

TEST(quiescence_meets_a_wake_up, .seconds = 60)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare_sem,
                                        .threads = { wait_virtually, interleave_worker, release },
                                        .check = granted_or_late,
                                        .draws = test_slowed() ? 1000 : 20000,
                                        .seed = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(in_time > 0);
        EXPECT(too_late > 0);
}
