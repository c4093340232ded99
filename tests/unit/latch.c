/* SPDX-License-Identifier: MIT */
/* Latch: waiting until nothing is left to be done. */
#include <pthread.h>

#include "log.h"

static struct cede_latch l;

static int await(void *name)
{
        int r = cede_latch_wait(&l);

        note("%s:%s", (const char *)name, word(r));
        return 0;
}

static int await_then_checkpoint(void *name)
{
        await(name);
        note("then:%s", word(cede_checkpoint()));
        return 0;
}

static void add(long n)
{
        EXPECT_EQ(cede_latch_add(&l, n), 0);
}

static void done(void)
{
        EXPECT_EQ(cede_latch_done(&l), 0);
}

TASK_TEST(nothing_to_be_done_needs_no_wait)
{
        EXPECT_EQ(cede_latch_wait(&l), 0);
        add(1);
        done();
        EXPECT_EQ(cede_latch_wait(&l), 0);
        cede_latch_finish(&l);
}

TASK_TEST(last_one_done_wakes_all)
{
        struct cede_scope c;

        add(2);
        cede_scope_open(&c);
        spawn_now(&c, await, "a");
        spawn_now(&c, await, "b");
        add(3);
        EXPECT_EQ(cede_latch_done_n(&l, 3), 0);
        done();
        EXPECT_EQ(cede_latch_count(&l), 1);
        EXPECT_EQ(cede_latch_waiting(&l), 2);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("");
        done();
        EXPECT_LOG(""); /* not inside of done */
        EXPECT_EQ(cede_latch_waiting(&l), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok b:ok");
        cede_latch_finish(&l);
}

TASK_TEST(added_to_before_they_run)
{
        struct cede_scope c;

        add(1);
        cede_scope_open(&c);
        spawn_now(&c, await, "a");
        spawn_now(&c, await, "b");
        done();
        add(1);
        spawn_now(&c, await, "late");
        EXPECT_LOG("a:ok b:ok");
        EXPECT_EQ(cede_latch_waiting(&l), 1);
        done();
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("late:ok");
}

/* A worker adds for those that it starts itself, before it is done. */

static struct cede_scope workers;
static unsigned worked;

static int fork_twice(void *depth)
{
        intptr_t left = (intptr_t)depth;

        for (int i = 0; left && i < 2; i++) {
                add(1);
                EXPECT_EQ(cede_spawn(&workers, fork_twice, N(left - 1)), 0);
        }
        EXPECT_EQ(cede_sleep(CEDE_MS(left)), 0);
        worked++;
        done();
        return 0;
}

TASK_TEST(workers_that_start_workers)
{
        cede_scope_open(&workers);
        add(1);
        EXPECT_EQ(cede_spawn(&workers, fork_twice, N(4)), 0);
        EXPECT_EQ(cede_latch_wait(&l), 0);
        EXPECT_EQ(worked, 31);
        EXPECT_EQ(cede_scope_close(&workers, 0), 0);
}

TASK_TEST(cancelled_before_they_run)
{
        struct cede_scope c;

        add(1);
        cede_scope_open(&c);
        spawn_now(&c, await_then_checkpoint, "a");
        done();
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok then:cancelled");
}

TASK_TEST(cancelled_before_it_is_done)
{
        struct cede_scope c;
        struct cede_task *a;

        add(1);
        cede_scope_open(&c);
        a = spawn_held(&c, await_then_checkpoint, "a");
        spawn_now(&c, await, "b");
        cede_task_cancel(a);
        EXPECT_EQ(cede_latch_waiting(&l), 1);
        done();
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled then:cancelled b:ok");
}

TASK_TEST(cancelled_fails_although_nothing_is_left)
{
        struct cede_scope c;

        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_latch_wait(&l), -ECANCELED);
        add(1);
        EXPECT_EQ(cede_latch_wait(&l), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        done();
        EXPECT_EQ(cede_latch_wait(&l), 0);
}

TASK_TEST(expired_deadline_looks_once)
{
        add(1);
        EXPECT_EQ(cede_sleep(1), 0);
        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_latch_wait(&l), -ETIMEDOUT);
                EXPECT_EQ(cede_latch_waiting(&l), 0);
                done();
                EXPECT_EQ(cede_latch_wait(&l), 0);
        }
}

TASK_TEST(timeouts_leave_nothing_behind)
{
        struct cede_latch_stats stats;

        add(7);
        for (int i = 0; i < 1000; i++)
                CEDE_TIMEOUT(CEDE_MS(1))
                        EXPECT_EQ(cede_latch_wait(&l), -ETIMEDOUT);
        cede_latch_stats(&l, &stats);
        EXPECT_EQ(stats.count, 7);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT_EQ(stats.peak_waiting, 1);
        cede_latch_finish(&l);
}

TASK_TEST(priority_set_while_waiting)
{
        struct cede_scope c;
        struct cede_task *a;

        EXPECT_EQ(cede_latch_init(&l, 1, CEDE_PRIORITY), 0);
        cede_scope_open(&c);
        a = spawn_held(&c, await, "a");
        spawn_now(&c, await, "b");
        cede_task_set_priority(a, -1);
        done();
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("b:ok a:ok");
}

/* Several at once */

TASK_TEST(one_case_of_several)
{
        struct cede_event e = CEDE_EVENT_INIT(CEDE_FIFO);
        struct cede_case cases[] = { cede_latch_case(&l), cede_event_case(&e) };

        EXPECT_EQ(cede_try_any(cases, 2), 0);
        add(1);
        cases[0] = cede_latch_case(&l);
        EXPECT_EQ(cede_try_any(cases, 2), -EAGAIN);
        CEDE_TIMEOUT(CEDE_MS(1))
                EXPECT_EQ(cede_wait_any(cases, 2), -ETIMEDOUT);
        EXPECT_EQ(cede_latch_waiting(&l), 0);
        EXPECT_EQ(cede_event_waiting(&e), 0);
}

static int await_either(void *event)
{
        struct cede_case cases[] = { cede_event_case(event), cede_latch_case(&l) };

        note("%d", cede_wait_any(cases, 2));
        return 0;
}

TASK_TEST(ends_a_wait_for_several)
{
        struct cede_event e = CEDE_EVENT_INIT(CEDE_FIFO);
        struct cede_scope c;

        add(1);
        cede_scope_open(&c);
        spawn_now(&c, await_either, &e);
        spawn_now(&c, await_either, &e);
        done();
        cede_event_set(&e);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("1 1");
        EXPECT_EQ(cede_event_waiting(&e), 0);
}

/* Callbacks */

static void on_zero(struct cede_callback *callback, int result)
{
        note("callback%d:%s", callback->priority, word(result));
}

TASK_TEST(callbacks_are_called_once_and_not_inside_of_done)
{
        struct cede_callback a = { .fn = on_zero, .priority = 1 };
        struct cede_callback b = { .fn = on_zero, .priority = 2 };
        struct cede_callback late = { .fn = on_zero, .priority = 3 };

        add(1);
        EXPECT_EQ(cede_latch_wait_async(&l, &a), 0);
        EXPECT_EQ(cede_latch_wait_async(&l, &b), 0);
        EXPECT_EQ(cede_callback_cancel(&a), 0);
        done();
        EXPECT_LOG("");
        EXPECT_EQ(cede_callback_cancel(&b), -EALREADY);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback2:ok");
        EXPECT_EQ(cede_latch_wait_async(&l, &late), 0);
        EXPECT_LOG(""); /* nor inside of wait_async */
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback3:ok");
}

enum { MANY = 100000 };

static unsigned called;

static void count_it(struct cede_callback *callback, int result)
{
        (void)callback;
        EXPECT_EQ(result, 0);
        called++;
}

TASK_TEST(hundred_thousand_callbacks_need_no_stack)
{
        static struct cede_callback callbacks[MANY];

        add(1);
        for (unsigned i = 0; i < MANY; i++) {
                callbacks[i].fn = count_it;
                EXPECT_EQ(cede_latch_wait_async(&l, &callbacks[i]), 0);
        }
        done();
        EXPECT_EQ(called, 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(called, MANY);
}

/* Threads: what was done is seen by who has waited for it, over many rounds. */

enum { THREADS = 3 };

static int parts[THREADS];
static struct cede_latch go = CEDE_LATCH_INIT(0, CEDE_FIFO);

static void *work(void *arg)
{
        int *part = arg;

        EXPECT_EQ(cede_latch_wait(&go), 0);
        ++*part;
        done();
        return NULL;
}

static int await_parts(void *round)
{
        EXPECT_EQ(cede_latch_done(&go), 0);
        EXPECT_EQ(cede_latch_wait(&l), 0);
        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(parts[i], (int)(intptr_t)round);
        return 0;
}

TEST(what_threads_have_done_is_seen)
{
        for (int round = 1; round <= (test_slowed() ? 20 : 300); round++) {
                pthread_t threads[THREADS];

                EXPECT_EQ(cede_latch_add(&go, 1), 0);
                add(THREADS);
                for (int i = 0; i < THREADS; i++)
                        EXPECT_EQ(pthread_create(&threads[i], NULL, work, &parts[i]), 0);
                EXPECT_EQ(cede_run(await_parts, N(round)), 0);
                for (int i = 0; i < THREADS; i++)
                        EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        }
        cede_latch_finish(&go);
}

/* Threads add and are done at the same time as others wait: the count is exact in the end. */

static void *add_and_be_done(void *arg)
{
        unsigned rounds = test_slowed() ? 500 : 20000;

        for (unsigned i = 0; i < rounds; i++) {
                add(2);
                done();
                if (i % 8 == 0) {
                        CEDE_TIMEOUT(CEDE_US(10)) {
                                int r = cede_latch_wait(&l);

                                EXPECT(r == 0 || r == -ETIMEDOUT);
                        }
                }
                done();
        }
        return arg;
}

TEST(threads_count_exactly)
{
        pthread_t threads[THREADS];
        struct cede_latch_stats stats;

        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, add_and_be_done, NULL), 0);
        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        cede_latch_stats(&l, &stats);
        EXPECT_EQ(stats.count, 0);
        EXPECT_EQ(stats.waiting, 0);
        cede_latch_finish(&l);
}

/* What goes wrong */

TEST(count_has_its_limits)
{
        const long most = LONG_MAX / 4;

        EXPECT_EQ(cede_latch_done(&l), -EOVERFLOW);
        EXPECT_EQ(cede_latch_add(&l, 0), -EINVAL);
        EXPECT_EQ(cede_latch_add(&l, -1), -EINVAL);
        EXPECT_EQ(cede_latch_done_n(&l, 0), -EINVAL);
        EXPECT_EQ(cede_latch_done_n(&l, -1), -EINVAL);
        add(2);
        EXPECT_EQ(cede_latch_done_n(&l, 3), -EOVERFLOW);
        EXPECT_EQ(cede_latch_count(&l), 2);
        EXPECT_EQ(cede_latch_add(&l, most - 1), -EINVAL);
        add(most - 2);
        EXPECT_EQ(cede_latch_count(&l), most);
        EXPECT_EQ(cede_latch_done_n(&l, most), 0);
        EXPECT_EQ(cede_latch_count(&l), 0);
        EXPECT_EQ(cede_latch_init(&l, -1, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_latch_init(&l, most + 1, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_latch_init(&l, most, CEDE_FIFO), 0);
        EXPECT_EQ(cede_latch_init(&l, 1, (enum cede_order)99), -EINVAL);
}

TASK_TEST(too_much_is_done_while_somebody_waits)
{
        struct cede_scope c;

        add(2);
        cede_scope_open(&c);
        spawn_now(&c, await, "a");
        EXPECT_EQ(cede_latch_done_n(&l, 3), -EOVERFLOW);
        EXPECT_EQ(cede_latch_waiting(&l), 1);
        EXPECT_EQ(cede_latch_done_n(&l, 2), 0);
        EXPECT_EQ(cede_latch_done(&l), -EOVERFLOW);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok");
}

static int finish_early(void *arg)
{
        struct cede_scope c;

        (void)arg;
        add(1);
        cede_latch_set_name(&l, "jobs");
        cede_scope_open(&c);
        spawn_now(&c, await, "a");
        cede_latch_finish(&l);
        return cede_scope_close(&c, 0);
}

TEST_ABORTS(finish_while_somebody_waits, "latch jobs is finished while 1 wait for it")
{
        EXPECT_EQ(run_virtual(finish_early, NULL), 0);
}
