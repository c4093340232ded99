/* SPDX-License-Identifier: MIT */
/* Callbacks, and tasks of a loop, that other threads grant and cancel: every schedule. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_sem *sem;
static struct cede_callback *callback;
static int result[2];
static unsigned called;
static uintptr_t queued, over, opened, cancelled;

static struct cede_scope scope;

/* Over all schedules. */
static unsigned granted, refused;

static void prepare(void)
{
        sem = interleave_memory(0);
        callback = interleave_memory(1);
        EXPECT_EQ(cede_sem_init(sem, 0, CEDE_FIFO), 0);
        result[0] = result[1] = 1;
        called = 0;
        queued = over = opened = cancelled = 0;
}

static void release(void)
{
        EXPECT_EQ(cede_sem_release(sem), 0);
}

static void count_outcome(int r, int otherwise)
{
        EXPECT(r == 0 || r == otherwise);
        granted += r == 0;
        refused += r != 0;
        EXPECT_EQ(cede_sem_value(sem), r == 0 ? 0 : 1);
        EXPECT_EQ(cede_sem_waiting(sem), 0);
}

/* Callbacks of a foreign loop, which is the first thread. */

static void post(struct cede_callback *c)
{
        EXPECT(c == callback);
        __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
}

static void call(struct cede_callback *c, int r)
{
        EXPECT(c == callback);
        EXPECT_EQ(r, 0);
        called++;
        interleave_gone(c);
}

static void queue_and_run(void)
{
        *callback = (struct cede_callback){ .fn = call, .post = post };
        EXPECT_EQ(cede_sem_acquire_async(sem, 1, callback), 0);
        interleave_until(&over);
        cede_callback_run(callback);
}

static void was_called(void)
{
        EXPECT_EQ(called, 1);
        count_outcome(0, 0);
}

TEST(callback_is_granted_and_gone)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare, .threads = { queue_and_run, release }, .check = was_called });

        EXPECT(r.complete || test_slowed());
        EXPECT(r.schedules > 1);
}

/* Runs it when it has been posted and nobody will cancel it any more. */
static void queue_and_perhaps_run(void)
{
        *callback = (struct cede_callback){ .fn = call, .post = post };
        EXPECT_EQ(cede_sem_acquire_async(sem, 1, callback), 0);
        __atomic_store_n(&queued, 1, __ATOMIC_RELEASE);
        interleave_until(&cancelled);
        if (result[0] == 0) {
                interleave_gone(callback); /* it is ours again */
        } else {
                interleave_until(&over);
                cede_callback_run(callback);
        }
}

static void cancel_callback(void)
{
        interleave_until(&queued);
        result[0] = cede_callback_cancel(callback);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void called_or_cancelled(void)
{
        EXPECT(result[0] == 0 || result[0] == -EALREADY);
        EXPECT_EQ(called, result[0] != 0);
        EXPECT_EQ(over, result[0] != 0);
        count_outcome(result[0] == 0 ? -EALREADY : 0, -EALREADY);
}

TEST(callback_is_granted_or_cancelled)
{
        struct interleaved r = interleave(&(struct interleaving){
                .prepare = prepare,
                .threads = { queue_and_perhaps_run, release, cancel_callback },
                .check = called_or_cancelled });

        EXPECT(r.complete || test_slowed());
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}

/*
 * A task that waits is granted by another thread: the post meets a loop about to sleep.  A loop
 * that is not woken looks again after a while, so what tells is that no time has passed.
 */

static int acquire(void *arg)
{
        (void)arg;
        result[0] = cede_sem_acquire(sem);
        return 0;
}

static int spawn_one(void *arg)
{
        struct cede_scope s;

        cede_scope_open(&s);
        EXPECT_EQ(cede_spawn(&s, acquire, arg), 0);
        return cede_scope_close(&s, 0);
}

static void run_a_task(void)
{
        EXPECT_EQ(cede_run(spawn_one, NULL), 0);
}

static void was_granted(void)
{
        EXPECT_EQ(result[0], 0);
        EXPECT_EQ(cede_now(), INTERLEAVE_START);
        count_outcome(result[0], 0);
}

TEST(task_is_granted_by_a_thread)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare,
                                                   .threads = { run_a_task, release },
                                                   .check = was_granted,
                                                   .preemptions = 6,
                                                   .early = 1 });

        EXPECT(r.schedules > 1);
}

/* A task's scope is cancelled by another thread: that is a post as well. */

static int acquire_in_scope(void *arg)
{
        (void)arg;
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        result[0] = cede_sem_acquire(sem);
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
        EXPECT_EQ(cede_checkpoint(), 0);
        return 0;
}

static void run_to_be_cancelled(void)
{
        EXPECT_EQ(cede_run(acquire_in_scope, NULL), 0);
}

static void cancel_scope(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void granted_or_cancelled(void)
{
        EXPECT_EQ(cede_now(), INTERLEAVE_START);
        count_outcome(result[0], -ECANCELED);
}

TEST(task_is_granted_or_cancelled)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare,
                                        .threads = { run_to_be_cancelled, release, cancel_scope },
                                        .check = granted_or_cancelled,
                                        .preemptions = 4 });

        EXPECT(r.schedules > 1);
        EXPECT(granted > 0);
        EXPECT(refused > 0);
}
