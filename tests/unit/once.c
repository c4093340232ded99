/* SPDX-License-Identifier: MIT */
/* Once: many first callers, one that does it; when it fails or is cancelled, another one tries. */
#include <pthread.h>
#include <string.h>

#include "capture.h"
#include "log.h"

static struct cede_once o;
static int64_t takes;
static int outcome;
static unsigned calls; /* atomic */

/* What is to be done once. */
static int open_it(void *name)
{
        int result = outcome;

        __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
        if (name)
                note("%s..", (const char *)name);
        if (takes && cede_sleep(takes) < 0)
                return -ECANCELED;
        return result;
}

static int call(void *name)
{
        int r = cede_once_run(&o, open_it, name);

        note("%s:%s", (const char *)name, word(r));
        return 0;
}

static int call_then_checkpoint(void *name)
{
        call(name);
        note("then:%s", word(cede_checkpoint()));
        return 0;
}

TASK_TEST(first_call_does_it_and_the_others_wait)
{
        struct cede_scope c;

        takes = CEDE_MS(10);
        outcome = 7;
        cede_scope_open(&c);
        spawn_now(&c, call, "a");
        spawn_now(&c, call, "b");
        spawn_now(&c, call, "c");
        EXPECT(!cede_once_is_done(&o));
        EXPECT_EQ(cede_once_waiting(&o), 2);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a.. a:ok b:ok c:ok");
        EXPECT_EQ(now_ms(), 10);
        EXPECT(cede_once_is_done(&o));
        call("late");
        EXPECT_LOG("late:ok");
        cede_once_finish(&o);
}

TASK_TEST(those_who_wait_pass_in_one_step)
{
        struct cede_scope c;

        takes = CEDE_MS(10);
        cede_scope_open(&c);
        spawn_now(&c, call, "a");
        spawn_now(&c, call_then_checkpoint, "b");
        spawn_now(&c, call_then_checkpoint, "c");
        while (!cede_once_is_done(&o))
                EXPECT_EQ(cede_sleep(CEDE_MS(1)), 0);
        EXPECT_EQ(cede_once_waiting(&o), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(failure_goes_to_its_caller_and_the_next_one_tries)
{
        struct cede_scope c;

        takes = CEDE_MS(10);
        outcome = -EBUSY;
        cede_scope_open(&c);
        spawn_now(&c, call, "a");
        spawn_now(&c, call, "b");
        outcome = 0;
        spawn_now(&c, call, "c");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a.. a:busy b.. b:ok c:ok");
        EXPECT_EQ(now_ms(), 20);
        EXPECT_EQ(calls, 2);
}

TASK_TEST(failure_with_nobody_waiting_is_tried_again_later)
{
        outcome = -EBUSY;
        call("a");
        outcome = 0;
        call("b");
        call("c");
        EXPECT_LOG("a.. a:busy b.. b:ok c:ok");
}

TASK_TEST(next_one_is_chosen_by_the_order)
{
        struct cede_scope c;

        EXPECT_EQ(cede_once_init(&o, CEDE_LIFO), 0);
        takes = CEDE_MS(10);
        outcome = -EBUSY;
        cede_scope_open(&c);
        spawn_now(&c, call, "a");
        spawn_now(&c, call, "b");
        spawn_now(&c, call, "c");
        EXPECT_EQ(cede_sleep(CEDE_MS(5)), 0);
        outcome = 0;
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a.. a:busy c.. c:ok b:ok");
}

/* Cancellation */

TASK_TEST(cancelled_while_doing_it)
{
        struct cede_scope c;
        struct cede_task *a;

        takes = CEDE_MS(10);
        cede_scope_open(&c);
        a = spawn_held(&c, call_then_checkpoint, "a");
        spawn_now(&c, call, "b");
        cede_task_cancel(a);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a.. a:cancelled then:cancelled b.. b:ok");
}

TASK_TEST(cancelled_while_waiting_for_it)
{
        struct cede_scope c;
        struct cede_task *b;

        takes = CEDE_MS(10);
        cede_scope_open(&c);
        spawn_now(&c, call, "a");
        b = spawn_held(&c, call_then_checkpoint, "b");
        spawn_now(&c, call, "c");
        cede_task_cancel(b);
        EXPECT_EQ(cede_once_waiting(&o), 1);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a.. b:cancelled then:cancelled a:ok c:ok");
}

static int call_and_cancel(void *scope)
{
        int r = cede_once_run(&o, open_it, NULL);

        cede_scope_cancel(scope);
        return r;
}

TASK_TEST(cancelled_when_it_was_done_already)
{
        struct cede_scope c;

        takes = CEDE_MS(10);
        cede_scope_open(&c);
        spawn_now(&c, call_and_cancel, &c);
        spawn_now(&c, call_then_checkpoint, "b");
        spawn_now(&c, call_then_checkpoint, "c");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("b:ok then:cancelled c:ok then:cancelled");
}

TASK_TEST(cancelled_caller_gets_what_is_done_and_does_nothing)
{
        struct cede_scope c;

        cede_scope_open(&c);
        cede_scope_cancel(&c);
        call("a");
        EXPECT_EQ(calls, 0);
        CEDE_SHIELD
                call("b");
        call("c");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled b.. b:ok c:ok");
}

TASK_TEST(deadline_ends_the_wait_and_not_the_doing)
{
        struct cede_scope c;

        takes = CEDE_MS(10);
        cede_scope_open(&c);
        spawn_now(&c, call, "a");
        CEDE_TIMEOUT(CEDE_MS(5))
                call("b");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a.. b:timeout a:ok");
        takes = 0;
        EXPECT_EQ(cede_once_init(&o, CEDE_FIFO), 0);
        CEDE_TIMEOUT(0)
                call("c");
        EXPECT_LOG("c.. c:ok");
}

/* Callbacks */

static void on_turn(struct cede_callback *callback, int result)
{
        note("callback%d:%s", callback->priority, result == CEDE_ONCE_DONE ? "done" : word(result));
        if (callback->priority == 9)
                EXPECT_EQ(cede_once_run(&o, open_it, NULL), 0);
}

TASK_TEST(callbacks_do_it_in_turn)
{
        struct cede_callback a = { .fn = on_turn, .priority = 1 };
        struct cede_callback b = { .fn = on_turn, .priority = 2 };
        struct cede_callback late = { .fn = on_turn, .priority = 3 };
        struct cede_scope c;

        EXPECT_EQ(cede_once_begin_async(&o, &a), 0);
        EXPECT_EQ(cede_once_begin_async(&o, &b), 0);
        cede_scope_open(&c);
        spawn_now(&c, call, "task");
        EXPECT_LOG("callback1:ok");
        EXPECT_EQ(cede_once_end_async(&o, &b, 0), -EPERM);
        EXPECT_EQ(cede_once_end_async(&o, &a, -EBUSY), 0);
        EXPECT_EQ(cede_callback_cancel(&b), -EALREADY);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback2:ok");
        EXPECT_EQ(cede_once_end_async(&o, &b, 0), 0);
        EXPECT(cede_once_is_done(&o));
        EXPECT_EQ(cede_once_begin_async(&o, &late), 0);
        EXPECT_LOG(""); /* not inside of it */
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("task:ok callback3:done");
        EXPECT_EQ(cede_once_end_async(&o, &late, 0), -EPERM);
        cede_once_finish(&o);
}

TASK_TEST(callback_waits_for_a_task_or_is_cancelled)
{
        struct cede_callback a = { .fn = on_turn, .priority = 1 };
        struct cede_callback b = { .fn = on_turn, .priority = 2 };
        struct cede_scope c;

        takes = CEDE_MS(1);
        cede_scope_open(&c);
        spawn_now(&c, call, "task");
        EXPECT_EQ(cede_once_begin_async(&o, &a), 0);
        EXPECT_EQ(cede_once_begin_async(&o, &b), 0);
        EXPECT_EQ(cede_callback_cancel(&a), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("task.. task:ok callback2:done");
}

TASK_TEST(done_inside_of_a_callback)
{
        struct cede_event e = CEDE_EVENT_INIT(CEDE_FIFO);
        struct cede_callback nine = { .fn = on_turn, .priority = 9 };

        cede_event_set(&e);
        EXPECT_EQ(cede_event_wait_async(&e, &nine), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback9:ok");
        EXPECT(cede_once_is_done(&o));
        cede_once_finish(&o);
}

enum { MANY = 100000 };

static unsigned called;

static void count_it(struct cede_callback *callback, int result)
{
        (void)callback;
        called += result == CEDE_ONCE_DONE;
}

TASK_TEST(hundred_thousand_callbacks_need_no_stack)
{
        static struct cede_callback callbacks[MANY];
        struct cede_callback first = { .fn = on_turn };

        EXPECT_EQ(cede_once_begin_async(&o, &first), 0);
        for (unsigned i = 0; i < MANY; i++) {
                callbacks[i].fn = count_it;
                EXPECT_EQ(cede_once_begin_async(&o, &callbacks[i]), 0);
        }
        EXPECT_EQ(cede_once_end_async(&o, &first, 0), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(called, MANY);
}

/* Threads */

enum { THREADS = 4 };

static struct round {
        struct cede_once once;
        unsigned calls, failures; /* of the function; atomic */
        int value;
} rounds[300];

/* Every second try fails. */
static int set_value(void *arg)
{
        struct round *round = arg;

        if (__atomic_fetch_add(&round->calls, 1, __ATOMIC_RELAXED) % 2 == 0)
                return -EBUSY;
        EXPECT_EQ(round->value, 0);
        round->value = 42;
        return 0;
}

static void *call_all(void *arg)
{
        for (unsigned i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
                int r = cede_once_run(&rounds[i].once, set_value, &rounds[i]);

                if (r == -EBUSY) {
                        __atomic_fetch_add(&rounds[i].failures, 1, __ATOMIC_RELAXED);
                        r = cede_once_run(&rounds[i].once, set_value, &rounds[i]);
                }
                EXPECT_EQ(r, 0);
                EXPECT_EQ(rounds[i].value, 42);
        }
        return arg;
}

TEST(threads_see_what_was_done_once)
{
        pthread_t threads[THREADS];

        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, call_all, NULL), 0);
        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        for (unsigned i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
                EXPECT_EQ(rounds[i].calls, 2);
                EXPECT_EQ(rounds[i].failures, 1);
                cede_once_finish(&rounds[i].once);
        }
}

static int end_the_thread(void *arg)
{
        (void)arg;
        pthread_exit(NULL);
}

static void *call_and_end(void *arg)
{
        EXPECT_EQ(cede_once_run(&o, end_the_thread, arg), 0);
        return NULL;
}

/* The thread that does it ends in the middle of it: the next one tries. */
TEST(owner_that_ends)
{
        pthread_t thread;

        capture_begin();
        EXPECT_EQ(pthread_create(&thread, NULL, call_and_end, NULL), 0);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        EXPECT_EQ(cede_once_run(&o, open_it, NULL), 0);
        EXPECT(strstr(capture_end(), "ends without unlocking") != NULL);
        EXPECT_EQ(calls, 1);
}

/* What goes wrong */

TEST(no_function_and_no_order)
{
        EXPECT_EQ(cede_once_run(&o, NULL, NULL), -EINVAL);
        EXPECT(!cede_once_is_done(&o));
        EXPECT_EQ(cede_once_init(&o, (enum cede_order)99), -EINVAL);
}

static int finish_it(void *arg)
{
        (void)arg;
        cede_once_set_name(&o, "config");
        cede_once_finish(&o);
        return 0;
}

TEST_ABORTS(finish_while_it_is_done, "once config is finished while somebody does it")
{
        EXPECT_EQ(cede_once_run(&o, finish_it, NULL), 0);
}
