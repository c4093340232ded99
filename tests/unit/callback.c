/* SPDX-License-Identifier: MIT */
/*
 * Callbacks that wait: in the same queues as tasks, called by the run's loop, never inside whoever
 * releases.
 */
#include "callbacks.h"
#include <stdlib.h>

static void queue(struct turn *t, int number, int priority)
{
        *t = (struct turn){ .callback = { .fn = say, .priority = priority }, .number = number };
        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &t->callback), 0);
}

static int say_when_granted(void *arg)
{
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        note("t%d", (int)(intptr_t)arg);
        return 0;
}

static int say_ready(void *arg)
{
        note("r%d", (int)(intptr_t)arg);
        return 0;
}

TASK_TEST(granted_callback_is_called_in_its_turn_not_by_the_releaser)
{
        struct turn t;

        queue(&t, 1, 0);
        EXPECT_EQ(cede_sem_waiting(&sem), 1);
        EXPECT_EQ(cede_sem_release(&sem), 0);
        note("released");
        EXPECT_EQ(cede_sem_waiting(&sem), 0);
        EXPECT_EQ(cede_sem_try_acquire(&sem), -EAGAIN); /* the callback holds it already */
        give_turns();
        EXPECT_LOG("released c1");
}

TASK_TEST(free_permit_is_granted_but_not_called_at_once)
{
        struct turn t;

        EXPECT_EQ(cede_sem_release_n(&sem, 2), 0);
        queue(&t, 1, 0);
        note("queued");
        EXPECT_EQ(cede_sem_value(&sem), 1);
        give_turns();
        EXPECT_LOG("queued c1");
        EXPECT_EQ(cede_sem_value(&sem), 1);
}

TASK_TEST(turns_are_first_come_first_served_with_tasks)
{
        struct cede_scope s;
        struct turn a, b;

        cede_scope_open(&s);
        spawn_now(&s, say_when_granted, (void *)1);
        queue(&a, 2, 0);
        spawn_now(&s, say_when_granted, (void *)3);
        queue(&b, 4, 0);
        EXPECT_EQ(cede_spawn(&s, say_ready, (void *)0), 0);
        EXPECT_EQ(cede_sem_release_n(&sem, 3), 0);
        EXPECT_EQ(cede_spawn(&s, say_ready, (void *)5), 0);
        EXPECT_EQ(cede_sem_release(&sem), 0);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_LOG("r0 t1 c2 t3 r5 c4");
}

TASK_TEST(highest_priority_goes_first)
{
        struct turn t[4];

        EXPECT_EQ(cede_sem_init(&sem, 0, CEDE_PRIORITY), 0);
        for (int i = 0; i < 4; i++)
                queue(&t[i], i, (int[]){ 1, 3, 2, 3 }[i]);
        EXPECT_EQ(cede_sem_release_n(&sem, 4), 0);
        give_turns();
        EXPECT_LOG("c1 c3 c2 c0");
}

TASK_TEST(newest_goes_first_where_the_order_says_so)
{
        struct turn t[3];

        EXPECT_EQ(cede_sem_init(&sem, 0, CEDE_LIFO), 0);
        for (int i = 0; i < 3; i++)
                queue(&t[i], i, 0);
        EXPECT_EQ(cede_sem_release_n(&sem, 3), 0);
        give_turns();
        EXPECT_LOG("c2 c1 c0");
}

TASK_TEST(more_than_the_maximum_is_refused)
{
        struct turn t = { .callback.fn = say };

        EXPECT_EQ(cede_sem_set_max(&sem, 3), 0);
        EXPECT_EQ(cede_sem_acquire_async(&sem, 4, &t.callback), -EINVAL);
        EXPECT_EQ(cede_sem_acquire_async(&sem, 0, &t.callback), -EINVAL);
        EXPECT_EQ(cede_callback_cancel(&t.callback), -EALREADY);
        EXPECT_EQ(cede_sem_waiting(&sem), 0);
}

/* Cancel. */

TASK_TEST(cancelled_callback_is_never_called)
{
        struct turn a, b;

        queue(&a, 1, 0);
        queue(&b, 2, 0);
        EXPECT_EQ(cede_callback_cancel(&a.callback), 0);
        EXPECT_EQ(cede_callback_cancel(&a.callback), -EALREADY);
        EXPECT_EQ(cede_sem_waiting(&sem), 1);
        EXPECT_EQ(cede_sem_release_n(&sem, 2), 0);
        EXPECT_EQ(cede_callback_cancel(&b.callback), -EALREADY); /* granted, not called yet */
        give_turns();
        EXPECT_LOG("c2");
        EXPECT_EQ(cede_callback_cancel(&b.callback), -EALREADY);
        EXPECT_EQ(cede_sem_value(&sem), 1);
        queue(&a, 3, 0); /* it is the caller's again */
        give_turns();
        EXPECT_LOG("c3");
}

TASK_TEST(cancelled_head_makes_room)
{
        struct turn big = { .callback.fn = say }, small;

        EXPECT_EQ(cede_sem_release(&sem), 0);
        EXPECT_EQ(cede_sem_acquire_async(&sem, 3, &big.callback), 0);
        queue(&small, 1, 0);
        give_turns();
        EXPECT_LOG("");
        EXPECT_EQ(cede_callback_cancel(&big.callback), 0);
        EXPECT_LOG("");
        give_turns();
        EXPECT_LOG("c1");
}

/* What fn may do. */

struct chain {
        struct cede_callback callback;
        int left;
        const char *low, *high; /* of the stack, at fn */
};

static void pass_on(struct cede_callback *callback, int result)
{
        struct chain *c = cede__container_of(callback, struct chain, callback);
        const char *here = __builtin_frame_address(0);

        EXPECT_EQ(result, 0);
        c->low = !c->low || here < c->low ? here : c->low;
        c->high = here > c->high ? here : c->high;
        EXPECT_EQ(cede_sem_release(&sem), 0);
        if (--c->left > 0)
                EXPECT_EQ(cede_sem_acquire_async(&sem, 1, callback), 0);
}

TASK_TEST(chain_of_100000_needs_the_stack_of_one)
{
        static struct chain c = { .callback.fn = pass_on, .left = 100000 };

        EXPECT_EQ(cede_sem_release(&sem), 0);
        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &c.callback), 0);
        while (c.left > 0)
                give_turns();
        EXPECT(c.high - c.low < 1024);
        EXPECT_EQ(cede_sem_value(&sem), 1);
}

static unsigned hops;

static void hop(struct cede_callback *callback, int result)
{
        (void)callback;
        EXPECT_EQ(result, 0);
        hops++;
        EXPECT_EQ(cede_sem_release(&sem), 0);
}

TASK_TEST(release_to_100000_waiters_that_release)
{
        enum { N = 100000 };
        struct cede_callback *all = calloc(N, sizeof(*all));

        EXPECT(all);
        for (int i = 0; i < N; i++) {
                all[i].fn = hop;
                EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &all[i]), 0);
        }
        EXPECT_EQ(cede_sem_release(&sem), 0);
        EXPECT_EQ(hops, 0);
        while (hops < N)
                give_turns();
        EXPECT_EQ(cede_sem_value(&sem), 1);
        free(all);
}

static void free_itself(struct cede_callback *callback, int result)
{
        (void)result;
        note("freed");
        free(callback);
}

TASK_TEST(callback_frees_itself)
{
        struct cede_callback *c = calloc(1, sizeof(*c));

        EXPECT(c);
        c->fn = free_itself;
        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, c), 0);
        EXPECT_EQ(cede_sem_release(&sem), 0);
        give_turns();
        EXPECT_LOG("freed");
}

static void spawn_one(struct cede_callback *callback, int result)
{
        (void)callback;
        EXPECT_EQ(result, 0);
        EXPECT_EQ(cede_checkpoint(), 0);
        EXPECT(cede_task_self() == NULL);
        EXPECT_EQ(cede_spawn(NULL, say_ready, (void *)9), 0);
}

TASK_TEST(callback_spawns_a_task)
{
        struct cede_callback c = { .fn = spawn_one };

        EXPECT_EQ(cede_sem_release(&sem), 0);
        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &c), 0);
        give_turns();
        give_turns();
        EXPECT_LOG("r9");
        EXPECT(cede_task_self() != NULL);
}

/*
 * A callback's turn comes when a task has just ended.  What lies behind the callback in memory must
 * not matter: all stack classes, whatever is looked for there.
 */
static int release_and_end(void *arg)
{
        (void)arg;
        return cede_sem_release(&sem);
}

TASK_TEST(callback_follows_the_end_of_a_task)
{
        for (int i = 0; i < 16; i++) {
                struct {
                        struct turn turn;
                        unsigned char behind[64];
                } t;
                struct cede_scope s;

                for (size_t j = 0; j < sizeof(t.behind); j++)
                        t.behind[j] = (unsigned char)i;
                queue(&t.turn, i, 0);
                t.turn.number = i * 0x01010101;
                cede_scope_open(&s);
                EXPECT_EQ(cede_spawn(&s, release_and_end, NULL), 0);
                EXPECT_EQ(cede_scope_close(&s, 0), 0);
        }
        EXPECT(log_used > 16);
}

static void wait_in_fn(struct cede_callback *callback, int result)
{
        (void)callback, (void)result;
        (void)!cede_sem_acquire(&sem);
}

static void sleep_in_fn(struct cede_callback *callback, int result)
{
        (void)callback, (void)result;
        cede_sleep(CEDE_SEC(1));
}

static void scope_in_fn(struct cede_callback *callback, int result)
{
        struct cede_scope s;

        (void)callback, (void)result;
        cede_scope_open(&s);
}

static int call_one(void *fn)
{
        struct cede_callback c = { .fn = *(void (**)(struct cede_callback *, int))fn };

        EXPECT_EQ(cede_sem_release(&sem), 0);
        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &c), 0);
        return cede_yield();
}

TEST_ABORTS(waiting_in_a_callback, "a callback has to wait")
{
        void (*fn)(struct cede_callback *, int) = wait_in_fn;

        run_virtual(call_one, &fn);
}

TEST_ABORTS(sleeping_in_a_callback, "a callback has to wait")
{
        void (*fn)(struct cede_callback *, int) = sleep_in_fn;

        cede_run(call_one, &fn);
}

TEST_ABORTS(scope_in_a_callback, "a callback must not open a scope")
{
        void (*fn)(struct cede_callback *, int) = scope_in_fn;

        run_virtual(call_one, &fn);
}

TEST_ABORTS(callback_outside_of_a_run, "give it a post function")
{
        struct turn t;

        queue(&t, 1, 0);
}

TEST_ABORTS(run_of_a_callback_that_was_not_granted, "not granted")
{
        struct cede_callback c = { .fn = say };

        cede_callback_run(&c);
}

/* The end of a run. */

static struct turn last;

static int leave_it_waiting(void *arg)
{
        (void)arg;
        queue(&last, 1, 0);
        return 0;
}

TEST_ABORTS(run_that_ends_while_a_callback_waits, "a run ends while callbacks wait")
{
        cede_run(leave_it_waiting, NULL);
}

static int leave_it_granted(void *arg)
{
        (void)arg;
        queue(&last, 1, 0);
        return cede_sem_release(&sem);
}

TEST(run_that_ends_calls_what_was_granted)
{
        EXPECT_EQ(cede_run(leave_it_granted, NULL), 0);
        EXPECT_LOG("c1");
}

static int leave_it_to_spawn(void *arg)
{
        (void)arg;
        last.callback = (struct cede_callback){ .fn = spawn_one };
        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &last.callback), 0);
        return cede_sem_release(&sem);
}

TEST(task_spawned_while_the_run_ends_still_runs)
{
        EXPECT_EQ(cede_run(leave_it_to_spawn, NULL), 0);
        EXPECT_LOG("r9");
}
