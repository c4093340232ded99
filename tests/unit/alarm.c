/* SPDX-License-Identifier: MIT */
/* Callbacks that wait for a time: timers without tasks. */
#include "threads.h"
#include <stdlib.h>
#include <string.h>

struct alarm {
        struct cede_callback callback;
        int number;
};

static void ring(struct cede_callback *callback, int result)
{
        EXPECT_EQ(result, 0);
        note("%d@%d", cede__container_of(callback, struct alarm, callback)->number, now_ms());
}

static void set(struct alarm *a, int number, int64_t t)
{
        *a = (struct alarm){ .callback = { .fn = ring }, .number = number };
        EXPECT_EQ(cede_sleep_until_async(t, &a->callback), 0);
}

TASK_TEST(they_ring_in_the_order_of_time_and_then_of_creation)
{
        static const int ms[] = { 5, 3, 70000, 3, 1, 70000 };
        struct alarm a[6];

        for (int i = 0; i < 6; i++)
                set(&a[i], i, CEDE_MS(ms[i]));
        EXPECT_EQ(cede_sleep(CEDE_SEC(100)), 0);
        EXPECT_LOG("4@1 1@3 3@3 0@5 2@70000 5@70000");
}

static int sleeper(void *ms)
{
        int r = cede_sleep(CEDE_MS((intptr_t)ms));

        note("task@%d", now_ms());
        return r;
}

TASK_TEST(they_take_their_turn_among_tasks)
{
        struct cede_scope s;
        struct alarm a, b;

        cede_scope_open(&s);
        set(&a, 1, CEDE_MS(2));
        spawn_now(&s, sleeper, N(2));
        set(&b, 2, CEDE_MS(2));
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("1@2 task@2 2@2");
}

TASK_TEST(one_that_is_due_already_is_not_called_at_once)
{
        struct alarm a, b;

        EXPECT_EQ(cede_sleep(CEDE_MS(7)), 0);
        set(&a, 1, cede_now());
        set(&b, 2, -1);
        note("set");
        EXPECT_EQ(cede_callback_cancel(&a.callback), -EALREADY);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("set 1@7 2@7");
}

static void release(struct cede_callback *callback, int result)
{
        EXPECT_EQ(result, 0);
        EXPECT(callback->fn == release);
        EXPECT_EQ(cede_sem_release(&sem), 0);
}

TASK_TEST(waiting_for_one_is_no_deadlock)
{
        struct cede_callback c = { .fn = release };

        EXPECT_EQ(cede_sleep_until_async(CEDE_MS(3), &c), 0);
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        EXPECT_EQ(now_ms(), 3);
}

static int real(void *arg)
{
        struct cede_callback c = { .fn = release };
        int64_t start = cede_now();

        (void)arg;
        EXPECT_EQ(cede_sleep_until_async(start + CEDE_MS(2), &c), 0);
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        EXPECT(cede_now() >= start + CEDE_MS(2));
        return 0;
}

TEST(they_ring_on_the_real_clock)
{
        const struct cede_run_options two = { .workers = 2 };

        EXPECT_EQ(cede_run(real, NULL), 0);
        EXPECT_EQ(cede_run_with(real, NULL, &two), 0);
}

struct ticker {
        struct cede_callback callback;
        int left;
};

static void tick(struct cede_callback *callback, int result)
{
        struct ticker *t = cede__container_of(callback, struct ticker, callback);

        EXPECT_EQ(result, 0);
        note("%d", now_ms());
        if (--t->left)
                EXPECT_EQ(cede_sleep_until_async(cede_in(CEDE_MS(10)), callback), 0);
}

TASK_TEST(one_may_be_set_again_when_it_rings)
{
        struct ticker t = { { .fn = tick }, 3 };

        EXPECT_EQ(cede_sleep_until_async(0, &t.callback), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        EXPECT_LOG("0 10 20");
}

TASK_TEST(a_cancelled_one_is_never_called)
{
        struct alarm a, b, c;

        set(&a, 1, CEDE_MS(1));
        set(&b, 2, CEDE_MS(1));
        set(&c, 3, CEDE_NEVER);
        EXPECT_EQ(cede_callback_cancel(&a.callback), 0);
        EXPECT_EQ(cede_callback_cancel(&c.callback), 0);
        memset(&a, 0xff, sizeof(a)); /* it is the caller's again */
        memset(&c, 0xff, sizeof(c));
        EXPECT_EQ(cede_sleep(CEDE_MS(2)), 0);
        EXPECT_LOG("2@1");
        EXPECT_EQ(cede_callback_cancel(&b.callback), -EALREADY);
}

static void to_a_loop(struct cede_callback *callback)
{
        cede_callback_run(callback);
}

TASK_TEST(one_with_a_post_function_is_refused)
{
        struct cede_callback c = { .fn = ring, .post = to_a_loop };

        EXPECT_EQ(cede_sleep_until_async(CEDE_MS(1), &c), -EINVAL);
}

/* Many, of which every third is cancelled before its time, by the one that rings before it. */

enum { MANY = 30000 };

static struct alarm *many;
static int64_t last;
static int rung;

static void ring_of_many(struct cede_callback *callback, int result)
{
        int i = cede__container_of(callback, struct alarm, callback)->number;

        EXPECT_EQ(result, 0);
        EXPECT(i % 3 != 2 && cede_now() >= last);
        last = cede_now();
        rung++;
        if (i % 3 == 1)
                EXPECT_EQ(cede_callback_cancel(&many[i + 1].callback), 0);
}

TASK_TEST(many_are_each_called_or_cancelled, .seconds = 60)
{
        uint64_t random = 1;
        int64_t t = 0;

        many = calloc(MANY, sizeof(*many));
        EXPECT(many != NULL);
        for (int i = 0; i < MANY; i++) {
                random = random * UINT64_C(6364136223846793005) + 1;
                t = i % 3 == 2 ? t + 1 + (int64_t)(random >> 40) : (int64_t)(random >> 33) + 1;
                many[i].number = i;
                many[i].callback.fn = ring_of_many;
                EXPECT_EQ(cede_sleep_until_async(t, &many[i].callback), 0);
        }
        EXPECT_EQ(cede_sleep(CEDE_SEC(10)), 0);
        EXPECT_EQ(rung, MANY - MANY / 3);
        free(many);
}

/* Misuse. */

static void *cancel_it(void *callback)
{
        (void)!cede_callback_cancel(callback);
        return NULL;
}

static int cancel_elsewhere(void *arg)
{
        struct alarm a;

        (void)arg;
        set(&a, 1, CEDE_SEC(1000));
        join(start(cancel_it, &a.callback));
        return 0;
}

TEST_ABORTS(cancelled_by_another_thread, "is cancelled from another thread")
{
        run_virtual(cancel_elsewhere, NULL);
}

static struct alarm left;

static int leave_it(void *arg)
{
        (void)arg;
        set(&left, 1, cede_in(CEDE_SEC(1000)));
        return 0;
}

TEST_ABORTS(run_that_ends_before_it_rings, "a run ends while callbacks wait")
{
        cede_run(leave_it, NULL);
}
