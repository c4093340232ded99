/* SPDX-License-Identifier: MIT */
/* A run that a foreign event loop drives: steps, the deadline, and the descriptor. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "log.h"

static struct cede_sem s = CEDE_SEM_INIT(0, CEDE_FIFO);
static bool finished;
static unsigned steps, waits;

/* The foreign loop: polls the descriptor until `finished`.  Returns the last step's result. */
static int drive(void)
{
        struct pollfd fd = { .fd = cede_run_fd(), .events = POLLIN };
        int r;

        EXPECT(fd.fd >= 0);
        EXPECT_EQ(cede_run_fd(), fd.fd);
        while ((r = cede_run_step()) == 0 && !finished) {
                int64_t deadline = cede_run_deadline(), ns = deadline - cede_now();

                steps++;
                waits += ns > 0;
                EXPECT(poll(&fd, 1,
                            deadline == CEDE_NEVER ? -1 :
                            ns <= 0                ? 0 :
                                                     (int)(ns / CEDE_MS(1)) + 1) >= 0 ||
                       errno == EINTR);
        }
        return r;
}

static int yield_thrice(void *name)
{
        for (int i = 0; i < 3; i++) {
                note("%s%d", (const char *)name, i);
                EXPECT_EQ(cede_yield(), 0);
        }
        return 0;
}

TEST(a_step_gives_each_ready_task_one_turn)
{
        EXPECT_EQ(cede_run_begin(NULL), 0);
        EXPECT_EQ(cede_spawn(NULL, yield_thrice, "a"), 0);
        EXPECT_EQ(cede_spawn(NULL, yield_thrice, "b"), 0);
        EXPECT(cede_run_deadline() <= cede_now());
        EXPECT_LOG("");
        EXPECT_EQ(cede_run_step(), 0);
        EXPECT_LOG("a0 b0");
        EXPECT_EQ(cede_run_step(), 0);
        EXPECT_EQ(cede_run_step(), 0);
        EXPECT_LOG("a1 b1 a2 b2");
        EXPECT_EQ(cede_run_step(), 0);
        EXPECT_EQ(cede_run_deadline(), CEDE_NEVER);
        EXPECT_EQ(cede_run_end(7), 7);
}

static int sleep_briefly(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_sleep(CEDE_MS(100)), 0);
        finished = true;
        return 0;
}

TEST(the_deadline_is_that_of_the_next_timer)
{
        int64_t begun = cede_now();

        EXPECT_EQ(cede_run_begin(NULL), 0);
        EXPECT_EQ(cede_spawn(NULL, sleep_briefly, NULL), 0);
        EXPECT_EQ(drive(), 0);
        EXPECT(cede_now() - begun >= CEDE_MS(100));
        EXPECT(waits > 0 || test_slowed());
        EXPECT(steps < 100); /* it did not spin */
        EXPECT_EQ(cede_run_end(0), 0);
}

static int tick(void *arg)
{
        (void)arg;
        for (int i = 0; i < 3; i++) {
                EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
                note("tick@%d", now_ms());
        }
        finished = true;
        return 0;
}

TEST(virtual_time_moves_by_steps)
{
        EXPECT_EQ(cede_run_begin(&log_virtual), 0);
        EXPECT_EQ(cede_spawn(NULL, tick, NULL), 0);
        EXPECT_EQ(drive(), 0);
        EXPECT_LOG("tick@1000 tick@2000 tick@3000");
        EXPECT_EQ(waits, 0);
        EXPECT_EQ(cede_run_end(0), 0);
}

/* What comes from outside */

enum { PERMITS = 20000 };

static void *release_many(void *arg)
{
        for (int i = 0; i < PERMITS; i++)
                EXPECT_EQ(cede_sem_release(&s), 0);
        return arg;
}

static int acquire_many(void *arg)
{
        (void)arg;
        for (int i = 0; i < PERMITS; i++)
                EXPECT_EQ(cede_sem_acquire(&s), 0);
        finished = true;
        return 0;
}

/* A lost call would leave the foreign loop waiting for ever. */
TEST(other_threads_ring)
{
        pthread_t thread;

        EXPECT_EQ(cede_run_begin(NULL), 0);
        EXPECT_EQ(cede_spawn(NULL, acquire_many, NULL), 0);
        EXPECT_EQ(pthread_create(&thread, NULL, release_many, NULL), 0);
        EXPECT_EQ(drive(), 0);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        EXPECT_EQ(cede_sem_value(&s), 0);
        EXPECT_EQ(cede_run_end(0), 0);
}

static int offload_often(void *arg)
{
        (void)arg;
        for (int i = 0; i < 200; i++)
                EXPECT_EQ(cede_offload(return_it, N(i)), i);
        finished = true;
        return 0;
}

TEST(offloaded_functions_ring)
{
        EXPECT_EQ(cede_run_begin(NULL), 0);
        EXPECT_EQ(cede_spawn(NULL, offload_often, NULL), 0);
        EXPECT_EQ(drive(), 0);
        EXPECT_EQ(cede_run_end(0), 0);
}

TEST(once_taken_in_the_bell_is_quiet)
{
        struct pollfd fd = { .events = POLLIN };
        pthread_t thread;

        EXPECT_EQ(cede_run_begin(NULL), 0);
        EXPECT_EQ(cede_spawn(NULL, acquire_many, NULL), 0);
        fd.fd = cede_run_fd();
        EXPECT_EQ(cede_run_step(), 0);
        EXPECT_EQ(cede_run_deadline(), CEDE_NEVER);
        EXPECT_EQ(poll(&fd, 1, 0), 0);
        EXPECT_EQ(pthread_create(&thread, NULL, release_many, NULL), 0);
        EXPECT_EQ(poll(&fd, 1, -1), 1);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        while (!finished)
                EXPECT_EQ(cede_run_step(), 0);
        EXPECT_EQ(cede_run_deadline(), CEDE_NEVER);
        EXPECT_EQ(poll(&fd, 1, 0), 0);
        EXPECT_EQ(cede_run_end(0), 0);
        EXPECT_EQ(fcntl(fd.fd, F_GETFD), -1); /* closed */
}

static int wait_for_ever(void *arg)
{
        (void)arg;
        return cede_sem_acquire(&s);
}

TEST(a_cancel_signal_ends_the_steps)
{
        EXPECT_EQ(cede_run_begin(&(struct cede_run_options){ .cancel_signals =
                                                                     (const int[]){ SIGUSR1, 0 } }),
                  0);
        EXPECT_EQ(cede_spawn(NULL, wait_for_ever, NULL), 0);
        EXPECT_EQ(cede_run_step(), 0);
        EXPECT_EQ(cede_run_deadline(), CEDE_NEVER);
        EXPECT_EQ(raise(SIGUSR1), 0);
        EXPECT_EQ(drive(), -ECANCELED);
        EXPECT_EQ(cede_run_end(-ECANCELED), -ECANCELED);
        EXPECT_EQ(cede_interrupted(), SIGUSR1);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
}

/* The foreign code is a task */

static void on_permit(struct cede_callback *callback, int result)
{
        (void)callback;
        EXPECT_EQ(result, 0);
        note("called");
}

TEST(foreign_code_may_do_what_a_task_may)
{
        struct cede_callback callback = { .fn = on_permit };

        EXPECT_EQ(cede_run_begin(&log_virtual), 0);
        EXPECT(cede_task_self());
        EXPECT_EQ(cede_sem_acquire_async(&s, 1, &callback), 0);
        EXPECT_EQ(cede_sem_release(&s), 0);
        EXPECT_LOG("");
        EXPECT(cede_run_deadline() <= cede_now());
        EXPECT_EQ(cede_run_step(), 0);
        EXPECT_LOG("called");
        EXPECT_EQ(cede_run_deadline(), CEDE_NEVER);
        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0); /* although it has said that it is about to wait */
        EXPECT_EQ(now_ms(), 2000);
        EXPECT_EQ(cede_run_begin(NULL), -EBUSY);
        EXPECT_EQ(cede_run_end(0), 0);
        EXPECT(!cede_task_self());
}

TEST(steps_with_several_workers)
{
        EXPECT_EQ(cede_run_begin(&(struct cede_run_options){ .workers = 2 }), 0);
        EXPECT_EQ(cede_spawn(NULL, offload_often, NULL), 0);
        while (!__atomic_load_n(&finished, __ATOMIC_RELAXED))
                EXPECT_EQ(cede_run_step(), 0);
        EXPECT_EQ(cede_run_end(0), 0);
}

static atomic_uint ran;
static atomic_bool other_is_busy;

/* Has the other worker for itself, until all the others have run. */
static int keep_the_other_worker_busy(void *arg)
{
        (void)arg;
        atomic_store(&other_is_busy, true);
        while (atomic_load(&ran) < 100)
                sched_yield();
        return 0;
}

static int run_once(void *arg)
{
        (void)arg;
        if (atomic_fetch_add(&ran, 1) + 1 == 100)
                finished = true;
        return 0;
}

/* More than the worker takes from what it keeps back in one step, and nobody else takes any. */
TEST(deadline_has_come_while_tasks_wait_to_start)
{
        EXPECT_EQ(cede_run_begin(&(struct cede_run_options){ .workers = 2 }), 0);
        EXPECT_EQ(cede_spawn(NULL, keep_the_other_worker_busy, NULL), 0);
        while (!atomic_load(&other_is_busy))
                sched_yield();
        for (int i = 0; i < 100; i++)
                EXPECT_EQ(cede_spawn(NULL, run_once, NULL), 0);
        while (!finished) {
                EXPECT_EQ(cede_run_step(), 0);
                EXPECT(finished || cede_run_deadline() <= cede_now());
        }
        EXPECT_EQ(cede_run_end(0), 0);
}

TEST(options_are_looked_at)
{
        EXPECT_EQ(cede_run_begin(&(struct cede_run_options){ .watchdog = -1 }), -EINVAL);
        EXPECT_EQ(cede_run_begin(NULL), 0);
        EXPECT_EQ(cede_run_end(-EIO), -EIO);
}

static int step(void *arg)
{
        (void)arg;
        return cede_run_step();
}

TEST(a_task_cannot_drive_its_own_run, .ending = TEST_ABORTED,
     .says = "a run is ended or driven where it was not begun")
{
        EXPECT_EQ(cede_run_begin(NULL), 0);
        EXPECT_EQ(cede_spawn(NULL, step, NULL), 0);
        (void)cede_run_step();
}

TEST(nobody_drives_a_run_from_outside, .ending = TEST_ABORTED,
     .says = "a run is ended or driven where it was not begun")
{
        (void)cede_run_deadline();
}

TEST(several_workers_on_a_virtual_clock_are_not_driven, .ending = TEST_ABORTED,
     .says = "with several workers and a virtual clock")
{
        EXPECT_EQ(cede_run_begin(
                          &(struct cede_run_options){ .clock = CEDE_CLOCK_VIRTUAL, .workers = 2 }),
                  0);
        (void)cede_run_step();
}
