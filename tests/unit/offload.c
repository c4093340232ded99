/* SPDX-License-Identifier: MIT */
/* Offload: results, cancellation, bounds, orders, and what the virtual clock does meanwhile. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

TASK_TEST(result_comes_back)
{
        EXPECT_EQ(cede_offload(return_it, N(0)), 0);
        EXPECT_EQ(cede_offload(return_it, N(42)), 42);
        EXPECT_EQ(cede_offload(return_it, N(-EIO)), -EIO);
        EXPECT_EQ(cede_offload(return_it, N(INT32_MIN)), INT32_MIN);
}

static int note_thread(void *arg)
{
        *(pthread_t *)arg = pthread_self();
        EXPECT(!cede_task_self());
        return 0;
}

TASK_TEST(function_runs_on_another_thread)
{
        pthread_t thread = pthread_self();

        EXPECT_EQ(cede_offload(note_thread, &thread), 0);
        EXPECT(!pthread_equal(thread, pthread_self()));
        EXPECT(cede_task_self());
}

/* A job that tells when it has begun and goes on when told to. */

static sem_t begun, go;
static atomic_int runs;

static int job_until_told(void *arg)
{
        atomic_fetch_add(&runs, 1);
        sem_post(&begun);
        while (sem_wait(&go) < 0)
                ;
        return (int)(intptr_t)arg;
}

static struct cede_task *then_cancel; /* by the task below, as soon as its function is done */

static int offload_until_told(void *arg)
{
        int r = cede_offload(job_until_told, arg);

        if (then_cancel)
                cede_task_cancel(then_cancel);
        note("held:%d", r);
        note("then:%s", word(cede_yield()));
        return 0;
}

/* Occupies the only thread; returns once the function runs. */
static void occupy(struct cede_scope *c, struct cede_task **ret_task)
{
        sem_init(&begun, 0, 0);
        sem_init(&go, 0, 0);
        EXPECT_EQ(cede_spawn_with(c, NULL, offload_until_told, N(7), ret_task), 0);
        EXPECT_EQ(cede_yield(), 0);
        while (sem_wait(&begun) < 0)
                ;
}

static int job_that_says(void *name)
{
        note("%s", (const char *)name);
        atomic_fetch_add(&runs, 1);
        return 3;
}

static int offload_job_that_says(void *name)
{
        int r = cede_offload(job_that_says, name);

        if (r < 0)
                note("%s:%s", (const char *)name, word(r));
        return r == -ECANCELED ? r : 0;
}

/* For where the loop says something while the pool's thread works: the log has one writer. */
static int job_that_counts(void *arg)
{
        (void)arg;
        atomic_fetch_add(&runs, 1);
        return 3;
}

static int offload_job_that_counts(void *arg)
{
        EXPECT_EQ(cede_offload(job_that_counts, arg), 3);
        return 0;
}

static void (*the_body)(void);

static int run_body(void *arg)
{
        (void)arg;
        the_body();
        return 0;
}

static int one_thread(void (*body)(void), unsigned queue, enum cede_order order)
{
        the_body = body;
        return cede_run_with(run_body, NULL,
                             &(struct cede_run_options){ .clock = CEDE_CLOCK_VIRTUAL,
                                                         .offload_threads = 1,
                                                         .offload_queue = queue,
                                                         .offload_order = order });
}

static void cancel_a_queued_job(void)
{
        struct cede_scope c;
        struct cede_task *queued;

        cede_scope_open(&c);
        occupy(&c, NULL);
        queued = spawn_held(&c, offload_job_that_says, "queued");
        cede_task_cancel(queued);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("queued:cancelled"); /* although the thread is still busy */
        sem_post(&go);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("held:7 then:ok");
}

TEST(cancelled_while_queued_it_never_runs)
{
        EXPECT_EQ(one_thread(cancel_a_queued_job, 0, CEDE_FIFO), 0);
        EXPECT_EQ(runs, 1);
}

static void cancel_a_running_job(void)
{
        struct cede_scope c;
        struct cede_task *task;

        cede_scope_open(&c);
        occupy(&c, &task);
        cede_task_cancel(task);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("");
        sem_post(&go);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("held:7 then:cancelled");
}

TEST(cancelled_while_running_it_is_waited_for)
{
        EXPECT_EQ(one_thread(cancel_a_running_job, 0, CEDE_FIFO), 0);
}

TASK_TEST(cancelled_before_it_is_not_run)
{
        struct cede_scope c;

        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_offload(job_that_says, "never"), -ECANCELED);
        CEDE_SHIELD
                EXPECT_EQ(cede_offload(job_that_says, "shielded"), 3);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("shielded");
}

TASK_TEST(deadline_passed_before_it_is_not_run)
{
        CEDE_TIMEOUT(0)
                EXPECT_EQ(cede_offload(job_that_says, "never"), -ETIMEDOUT);
        EXPECT_EQ(runs, 0);
}

/* Bounds and orders */

static void fill_the_queue(void)
{
        struct cede_scope c;
        struct cede_task *third;

        cede_scope_open(&c);
        occupy(&c, NULL);
        spawn_now(&c, offload_job_that_counts, NULL);
        third = spawn_held(&c, offload_job_that_says, "third");
        spawn_now(&c, offload_job_that_counts, NULL);
        cede_task_cancel(third);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("third:cancelled");
        sem_post(&go);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(runs, 3);
}

TEST(full_queue_makes_callers_wait_for_room)
{
        EXPECT_EQ(one_thread(fill_the_queue, 1, CEDE_FIFO), 0);
}

/* It is given room and, before it gets its turn, cancelled. */
static void cancel_one_that_was_given_room(void)
{
        struct cede_scope c;

        cede_scope_open(&c);
        occupy(&c, NULL);
        spawn_now(&c, offload_job_that_says, "second");
        then_cancel = spawn_held(&c, offload_job_that_says, "third");
        sem_post(&go);
        while (atomic_load(&runs) < 2)
                sched_yield(); /* until the thread has nothing more to say */
        EXPECT_LOG("second");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(runs, 2);
        EXPECT_LOG("held:7 third:cancelled then:ok");
}

TEST(cancelled_after_it_was_given_room_it_never_runs)
{
        EXPECT_EQ(one_thread(cancel_one_that_was_given_room, 1, CEDE_FIFO), 0);
}

static struct cede_task *queue_four(struct cede_scope *c)
{
        static const struct {
                const char *name;
                int priority;
        } jobs[] = { { "a", 1 }, { "b", 3 }, { "c", 1 }, { "d", 2 } };
        struct cede_task *first = NULL, *task;

        cede_scope_open(c);
        occupy(c, NULL);
        for (int i = 0; i < 4; i++) {
                EXPECT_EQ(cede_spawn_with(
                                  c, &(struct cede_spawn_options){ .priority = jobs[i].priority },
                                  offload_job_that_says, (void *)(uintptr_t)jobs[i].name, &task),
                          0);
                first = first ? first : task;
                EXPECT_EQ(cede_yield(), 0);
        }
        return first;
}

static int changed_priority; /* of "a", if not 0 */
static const char *expected;

static void run_four(void)
{
        struct cede_scope c;
        struct cede_task *first = queue_four(&c);

        if (changed_priority)
                cede_task_set_priority(first, changed_priority);
        sem_post(&go);
        while (atomic_load(&runs) < 5)
                sched_yield(); /* the loop says nothing meanwhile: the log is the thread's */
        EXPECT_LOG(expected);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static void four_in_order(enum cede_order order, int priority, const char *log)
{
        changed_priority = priority;
        expected = log;
        EXPECT_EQ(one_thread(run_four, 0, order), 0);
}

TEST(queued_jobs_run_in_fifo_order)
{
        four_in_order(CEDE_FIFO, 0, "a b c d");
}

TEST(queued_jobs_run_in_lifo_order)
{
        four_in_order(CEDE_LIFO, 0, "d c b a");
}

TEST(queued_jobs_run_in_priority_order)
{
        four_in_order(CEDE_PRIORITY, 0, "b d a c");
}

TEST(priority_change_sorts_a_queued_job_anew)
{
        four_in_order(CEDE_PRIORITY, 9, "a b d c");
}

TEST(priority_change_leaves_fifo_jobs_alone)
{
        four_in_order(CEDE_FIFO, 9, "a b c d");
}

/* Time */

static int take_real_time(void *arg)
{
        int64_t before = cede_now();
        struct timespec ms = { .tv_nsec = 20 * 1000 * 1000 };

        nanosleep(&ms, NULL);
        EXPECT_EQ(cede_now(), before);
        *(int64_t *)arg = before;
        return 0;
}

static int tick(void *arg)
{
        (void)arg;
        for (int i = 0; i < 3; i++) {
                EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
                note("tick@%d", now_ms());
        }
        return 0;
}

TASK_TEST(virtual_clock_stands_still_while_a_job_runs)
{
        struct cede_scope c;
        int64_t when = -1;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, tick, NULL), 0);
        EXPECT_EQ(cede_sleep(CEDE_MS(500)), 0);
        EXPECT_EQ(cede_offload(take_real_time, &when), 0);
        EXPECT_EQ(when, CEDE_MS(500));
        EXPECT_EQ(cede_now(), CEDE_MS(500));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static int sleep_2s(void *arg)
{
        int64_t *span = arg;

        span[0] = cede_now();
        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0);
        span[1] = cede_now();
        return 5;
}

TASK_TEST(virtual_clock_moves_while_a_job_sleeps)
{
        struct cede_scope c;
        int64_t span[2];

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, tick, NULL), 0);
        EXPECT_EQ(cede_offload(sleep_2s, span), 5);
        note("result@%d", now_ms());
        EXPECT_EQ(span[0], 0);
        EXPECT_EQ(span[1], CEDE_SEC(2));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(strlen(log_take()), strlen("tick@1000 tick@2000 result@2000 tick@3000"));
}

static int offload_2s(void *span)
{
        return cede_offload(sleep_2s, span);
}

static int five_jobs(void *arg)
{
        static const int starts[] = { 0, 0, 2, 2, 4 };
        int64_t spans[5][2];
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        for (int i = 0; i < 5; i++)
                EXPECT_EQ(cede_spawn(&c, offload_2s, spans[i]), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        for (int i = 0; i < 5; i++) {
                EXPECT_EQ(spans[i][0], CEDE_SEC(starts[i]));
                EXPECT_EQ(spans[i][1], CEDE_SEC(starts[i] + 2));
        }
        EXPECT_EQ(cede_now(), CEDE_SEC(6));
        return 0;
}

TEST(five_jobs_of_2s_on_two_threads_take_6s)
{
        EXPECT_EQ(cede_run_with(five_jobs, NULL,
                                &(struct cede_run_options){ .clock = CEDE_CLOCK_VIRTUAL,
                                                            .offload_threads = 2 }),
                  0);
}

TASK_TEST(deadline_does_not_cut_a_running_job_short)
{
        int64_t span[2];

        CEDE_TIMEOUT(CEDE_SEC(1)) {
                EXPECT_EQ(cede_offload(sleep_2s, span), 5);
                EXPECT_EQ(cede_now(), CEDE_SEC(2));
                EXPECT_EQ(cede_checkpoint(), -ETIMEDOUT);
        }
}

static int two_jobs_and_a_deadline(void *arg)
{
        struct cede_scope c;
        int64_t span[2], unused[2] = { -1, -1 };

        (void)arg;
        cede_scope_open(&c);
        spawn_now(&c, offload_2s, span);
        CEDE_TIMEOUT(CEDE_SEC(1))
                EXPECT_EQ(cede_offload(sleep_2s, unused), -ETIMEDOUT);
        EXPECT_EQ(cede_now(), CEDE_SEC(1));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(unused[0], -1);
        return 0;
}

TEST(deadline_withdraws_a_queued_job)
{
        EXPECT_EQ(cede_run_with(two_jobs_and_a_deadline, NULL,
                                &(struct cede_run_options){ .clock = CEDE_CLOCK_VIRTUAL,
                                                            .offload_threads = 1 }),
                  0);
}

TEST_ABORTS(offloading_outside_of_a_task_aborts, "works inside of a task only")
{
        (void)!cede_offload(return_it, N(0));
}
