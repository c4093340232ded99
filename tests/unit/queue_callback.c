/* SPDX-License-Identifier: MIT */
/* Queue: callbacks that get and put. */
#include "queues.h"

enum { CALLBACKS = 100000 };

struct turn {
        struct cede_callback callback;
        long item;
};

static long sum;

static void on_item(struct cede_callback *callback, int result)
{
        struct turn *t = cede__container_of(callback, struct turn, callback);

        note("%ld:%s", t->item, word(result));
}

TASK_TEST(callbacks_get_and_put)
{
        struct turn a = { { .fn = on_item }, 0 }, b = a, c = a, d = a;

        make(1, CEDE_FIFO);
        EXPECT_EQ(cede_queue_get_async(&q, &a.item, &a.callback), 0);
        EXPECT_EQ(cede_queue_get_async(&q, &b.item, &b.callback), 0);
        EXPECT_EQ(cede_callback_cancel(&a.callback), 0);
        put(1);
        EXPECT_EQ(b.item, 1);
        EXPECT_LOG(""); /* not inside of put */
        EXPECT_EQ(cede_callback_cancel(&b.callback), -EALREADY);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("1:ok");
        c.item = 2;
        d.item = 3;
        EXPECT_EQ(cede_queue_put_async(&q, &c.item, 0, &c.callback), 0);
        EXPECT_EQ(cede_queue_put_async(&q, &d.item, 0, &d.callback), 0);
        EXPECT_LOG(""); /* nor inside of put_async */
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("2:ok");
        EXPECT_EQ(get(), 2);
        EXPECT_EQ(get(), 3);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("3:ok");
        cede_queue_finish(&q);
}

/* Each callback puts the item for the next one: called in there, they would use up the stack. */
static void pass_on(struct cede_callback *callback, int result)
{
        struct turn *t = cede__container_of(callback, struct turn, callback);

        EXPECT_EQ(result, 0);
        sum += t->item;
        EXPECT_EQ(cede_queue_try_put(&q, &(long){ 1 }), 0);
}

TASK_TEST(a_long_chain_of_callbacks)
{
        struct turn *turns = calloc(CALLBACKS, sizeof(*turns));

        make(1, CEDE_FIFO);
        for (long i = 0; i < CALLBACKS; i++) {
                turns[i].callback.fn = pass_on;
                EXPECT_EQ(cede_queue_get_async(&q, &turns[i].item, &turns[i].callback), 0);
        }
        put(1);
        while (cede_queue_getters(&q))
                EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(sum, CALLBACKS);
        EXPECT_EQ(get(), 1);
        free(turns);
        cede_queue_finish(&q);
}

/* The result says how the wait ended. */

static void on_end(struct cede_callback *callback, int result)
{
        note("callback%d:%s", callback->priority, outcome(result));
}

TASK_TEST(callbacks_learn_of_the_end)
{
        struct cede_callback j = { .fn = on_end, .priority = 1 }, k = { .fn = on_end };
        struct cede_callback g = { .fn = on_end, .priority = 2 };
        struct cede_callback p = { .fn = on_end, .priority = 3 }, refused = { .fn = on_end };
        long item = 1;

        make(0, CEDE_FIFO);
        EXPECT_EQ(cede_queue_join_async(&q, &k), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback0:ok");
        EXPECT_EQ(cede_queue_get_async(&q, &item, &g), 0);
        EXPECT_EQ(cede_queue_try_put(&q, &(long){ 7 }), 0);
        EXPECT_EQ(cede_queue_join_async(&q, &j), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback2:ok");
        EXPECT_EQ(item, 7);
        EXPECT_EQ(cede_queue_put_async(&q, &item, 0, &p), 0);
        cede_queue_close(&q);
        EXPECT_EQ(cede_queue_task_done(&q), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback3:closed callback1:ok");
        EXPECT_EQ(cede_queue_get_async(&q, &item, &refused), -EPIPE);
        EXPECT_EQ(cede_queue_put_async(&q, &item, 0, &refused), -EPIPE);
        cede_queue_finish(&q);
}
