/* SPDX-License-Identifier: MIT */
/* Queue: closing, joining, limits of those who wait, and what ends in an error. */
#include "queues.h"

TASK_TEST(close_lets_getters_drain)
{
        long item = 3;

        make(5, CEDE_FIFO);
        put(1);
        put(2);
        cede_queue_close(&q);
        EXPECT(cede_queue_closed(&q));
        EXPECT_EQ(cede_queue_put(&q, &item), -EPIPE);
        EXPECT_EQ(cede_queue_try_put(&q, &item), -EPIPE);
        EXPECT_EQ(get(), 1);
        EXPECT_EQ(cede_queue_try_get(&q, &item), 0);
        EXPECT_EQ(item, 2);
        EXPECT_EQ(cede_queue_get(&q, &item), -EPIPE);
        EXPECT_EQ(cede_queue_try_get(&q, &item), -EPIPE);
        cede_queue_close(&q); /* nothing */
        cede_queue_finish(&q);
}

TASK_TEST(close_fails_all_who_wait)
{
        struct cede_scope c;

        make(0, CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, get_it, "a");
        spawn_now(&c, get_it, "b");
        cede_queue_close(&q);
        EXPECT_EQ(cede_queue_getters(&q), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:closed b:closed");
        cede_queue_finish(&q);

        make(1, CEDE_FIFO);
        put(0);
        cede_scope_open(&c);
        spawn_now(&c, put_it, N(1));
        spawn_now(&c, put_it, N(2));
        cede_queue_close(&q);
        EXPECT_EQ(cede_queue_putters(&q), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("1:closed 2:closed");
        EXPECT_EQ(get(), 0); /* theirs did not get in */
        EXPECT_EQ(cede_queue_try_get(&q, &(long){ 0 }), -EPIPE);
        cede_queue_finish(&q);
}

TASK_TEST(an_item_handed_over_before_the_close_stays)
{
        struct cede_scope c;

        make(0, CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, get_it, "a");
        spawn_now(&c, get_it, "b");
        put(1);
        cede_queue_close(&q);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:1 b:closed");
        cede_queue_finish(&q);
}

static void say_dropped(void *item, void *prefix)
{
        note("%s%ld", (const char *)prefix, *(const long *)item);
}

static void close_now(enum cede_order order, const char *expected)
{
        make(20, order);
        for (int i = 0; i < 20; i++)
                put(i);
        for (int i = 0; i < 15; i++)
                get();
        for (int i = 20; i < 23; i++)
                put(i); /* FIFO: the ring has wrapped */
        EXPECT_EQ(cede_queue_close_now(&q, say_dropped, "-"), 8);
        EXPECT_LOG(expected);
        EXPECT_EQ(cede_queue_size(&q), 0);
        EXPECT_EQ(cede_queue_try_get(&q, &(long){ 0 }), -EPIPE);
        EXPECT_EQ(cede_queue_close_now(&q, NULL, NULL), 0);
        cede_queue_finish(&q);
}

TASK_TEST(close_now_gives_the_items_to_drop)
{
        close_now(CEDE_FIFO, "-15 -16 -17 -18 -19 -20 -21 -22");
        close_now(CEDE_LIFO, "-22 -21 -20 -4 -3 -2 -1 -0");
        close_now(CEDE_PRIORITY, "-15 -16 -17 -18 -19 -20 -21 -22");
}

/* Items that were dropped leave join's count; those that were taken do not. */
TASK_TEST(close_now_and_join)
{
        struct cede_scope c;

        make(5, CEDE_FIFO);
        for (int i = 0; i < 3; i++)
                put(i);
        get();
        cede_scope_open(&c);
        spawn_now(&c, join_it, "j");
        EXPECT_EQ(cede_queue_close_now(&q, NULL, NULL), 2);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("");
        EXPECT_EQ(cede_queue_task_done(&q), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("j:ok");
        EXPECT_EQ(cede_queue_task_done(&q), -EOVERFLOW);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_queue_finish(&q);

        make(5, CEDE_FIFO);
        put(1);
        cede_scope_open(&c);
        spawn_now(&c, join_it, "j");
        EXPECT_EQ(cede_queue_close_now(&q, NULL, NULL), 1);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("j:ok");
        cede_queue_finish(&q);
}

/* The work may be said to be done before the item is gotten: then it is not counted twice. */
TASK_TEST(close_now_drops_items_whose_work_was_done_already)
{
        struct cede_queue_stats stats;

        make(5, CEDE_FIFO);
        put(0);
        put(1);
        EXPECT_EQ(cede_queue_task_done(&q), 0);
        EXPECT_EQ(cede_queue_close_now(&q, NULL, NULL), 2);
        cede_queue_stats(&q, &stats);
        EXPECT_EQ(stats.unfinished, 0);
        CEDE_TIMEOUT(CEDE_SEC(1))
                EXPECT_EQ(cede_queue_join(&q), 0);
        EXPECT_EQ(cede_queue_task_done(&q), -EOVERFLOW);
        cede_queue_finish(&q);
}

TASK_TEST(close_now_fails_all_who_wait)
{
        struct cede_scope c;

        make(1, CEDE_FIFO);
        put(0);
        cede_scope_open(&c);
        spawn_now(&c, put_it, N(1));
        EXPECT_EQ(cede_queue_close_now(&q, say_dropped, "-"), 1);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("-0 1:closed");
        EXPECT_EQ(cede_queue_join(&q), 0);
        cede_queue_finish(&q);
}

/* Joining */

TASK_TEST(join_returns_at_zero)
{
        struct cede_scope c;
        struct cede_queue_stats stats;

        make(0, CEDE_FIFO);
        EXPECT_EQ(cede_queue_join(&q), 0); /* nothing was put */
        EXPECT_EQ(cede_queue_task_done(&q), -EOVERFLOW);
        cede_scope_open(&c);
        spawn_now(&c, get_it, "a");
        spawn_now(&c, put_it, N(1)); /* handed over: counts as well */
        spawn_now(&c, put_it, N(2)); /* waits: does not count yet */
        cede_queue_stats(&q, &stats);
        EXPECT_EQ(stats.puts, 1);
        EXPECT_EQ(stats.unfinished, 1);
        EXPECT_EQ(get(), 2);
        spawn_now(&c, join_it, "j");
        spawn_now(&c, join_it, "k");
        EXPECT_EQ(cede_queue_task_done(&q), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("1:ok a:1 2:ok");
        EXPECT_EQ(cede_queue_task_done(&q), 0);
        EXPECT_LOG(""); /* not inside of task_done */
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("j:ok k:ok");
        EXPECT_EQ(cede_queue_task_done(&q), -EOVERFLOW);
        EXPECT_EQ(cede_queue_join(&q), 0);
        cede_queue_finish(&q);
}

TASK_TEST(join_is_over_even_if_more_is_put_before_it_runs)
{
        struct cede_scope c;

        make(5, CEDE_FIFO);
        put(1);
        cede_scope_open(&c);
        spawn_now(&c, join_it, "j");
        EXPECT_EQ(cede_queue_task_done(&q), 0);
        put(2);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("j:ok");
        EXPECT_EQ(cede_queue_close_now(&q, NULL, NULL), 2);
        cede_queue_finish(&q);
}

TASK_TEST(join_is_cancelled_and_runs_out_of_time)
{
        struct cede_scope c;

        make(5, CEDE_FIFO);
        put(1);
        CEDE_TIMEOUT(CEDE_MS(5))
                EXPECT_EQ(cede_queue_join(&q), -ETIMEDOUT);
        EXPECT_EQ(now_ms(), 5);
        cede_scope_open(&c);
        spawn_now(&c, join_it, "j");
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_queue_task_done(&q), 0);
        EXPECT_EQ(cede_queue_join(&q), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("j:cancelled");
        EXPECT_EQ(get(), 1);
        cede_queue_finish(&q);
}

static void on_end(struct cede_callback *callback, int result)
{
        note("callback%d:%s", callback->priority, outcome(result));
}

/* As Twisted's DeferredQueue: a size and a backlog, beyond which it fails at once. */
TASK_TEST(backlog)
{
        struct cede_scope c;
        long item = 9;

        make(1, CEDE_FIFO);
        cede_queue_set_backlog(&q, 2, 0);
        cede_scope_open(&c);
        spawn_now(&c, get_it, "a");
        spawn_now(&c, get_it, "b");
        EXPECT_EQ(cede_queue_get(&q, &item), -ENODATA);
        put(1);
        put(2);
        put(3);
        EXPECT_EQ(cede_queue_put(&q, &item), -ENOBUFS);
        EXPECT_EQ(cede_queue_size(&q), 1);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:1 b:2");
        EXPECT_EQ(get(), 3);
        cede_queue_finish(&q);
}

TASK_TEST(backlog_and_size_of_zero)
{
        struct cede_callback refused = { .fn = on_end };
        struct cede_scope c;
        long item = 9;

        make(0, CEDE_FIFO);
        cede_queue_set_backlog(&q, 0, 0);
        EXPECT_EQ(cede_queue_get(&q, &item), -ENODATA);
        EXPECT_EQ(cede_queue_put(&q, &item), -ENOBUFS);
        EXPECT_EQ(cede_queue_get_async(&q, &item, &refused), -ENODATA);
        EXPECT_EQ(cede_queue_put_async(&q, &item, 0, &refused), -ENOBUFS);
        cede_queue_set_backlog(&q, CEDE_UNBOUNDED, 0);
        cede_scope_open(&c);
        spawn_now(&c, get_it, "a");
        put(1); /* straight to the one who waits */
        EXPECT_EQ(cede_queue_put(&q, &item), -ENOBUFS);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:1");
        cede_queue_finish(&q);
}

/* Numbers */

TASK_TEST(stats)
{
        struct cede_queue_stats s;

        make(3, CEDE_FIFO);
        for (int i = 0; i < 3; i++)
                put(i);
        get();
        EXPECT_EQ(cede_queue_task_done(&q), 0);
        cede_queue_stats(&q, &s);
        EXPECT_EQ(s.size, 2);
        EXPECT_EQ(s.peak_size, 3);
        EXPECT_EQ(s.puts, 3);
        EXPECT_EQ(s.unfinished, 2);
        EXPECT_EQ(s.getters + s.putters + s.peak_getters + s.peak_putters, 0);
        cede_queue_finish(&q);
}

/* Memory */

static unsigned no_memory(struct cede__chooser *c, enum cede__choice kind, unsigned n)
{
        (void)c;
        (void)n;
        return kind == CEDE__CHOOSE_FAULT;
}

TASK_TEST(a_put_without_memory_changes_nothing)
{
        struct cede__chooser refusing = { .choose = no_memory };
        long item = 16;

        make(CEDE_UNBOUNDED, CEDE_FIFO);
        for (int i = 0; i < 16; i++)
                put(i);
        cede__chooser = &refusing;
        EXPECT_EQ(cede_queue_put(&q, &item), -ENOMEM);
        EXPECT_EQ(cede_queue_try_put(&q, &item), -ENOMEM);
        cede__chooser = NULL;
        EXPECT_EQ(cede_queue_size(&q), 16);
        put(16);
        for (int i = 0; i <= 16; i++)
                EXPECT_EQ(get(), i);
        cede_queue_finish(&q);
}

TASK_TEST(items_larger_than_memory)
{
        static char item[1];

        EXPECT_EQ(cede_queue_init(&q, SIZE_MAX / 64, CEDE_UNBOUNDED, CEDE_PRIORITY), 0);
        EXPECT_EQ(cede_queue_try_put(&q, item), -ENOMEM);
        cede_queue_finish(&q);
}

/* Misuse */

TASK_TEST(what_can_never_be_right)
{
        long item;

        EXPECT_EQ(cede_queue_init(&q, 8, 1, CEDE_EDF), -EINVAL);
        EXPECT_EQ(cede_queue_init(&q, 8, 1, (enum cede_order)99), -EINVAL);
        EXPECT_EQ(cede_queue_init(&q, (size_t)-1, 1, CEDE_FIFO), -EINVAL);
        make(1, CEDE_FIFO);
        EXPECT_EQ(cede_queue_set_order(&q, (enum cede_order)99), -EINVAL);
        EXPECT_EQ(cede_queue_put(&q, NULL), -EINVAL);
        EXPECT_EQ(cede_queue_get(&q, NULL), -EINVAL);
        EXPECT_EQ(cede_queue_try_put(&q, NULL), -EINVAL);
        EXPECT_EQ(cede_queue_try_get(&q, NULL), -EINVAL);
        put(1);
        EXPECT_EQ(cede_queue_put(&q, NULL), -EINVAL);
        EXPECT_EQ(cede_queue_get(&q, NULL), -EINVAL);
        EXPECT_EQ(cede_queue_get(&q, &item), 0);
        cede_queue_finish(&q);
}

static int finish_while_awaited_main(void *arg)
{
        struct cede_scope c;

        (void)arg;
        make(0, CEDE_FIFO);
        cede_queue_set_name(&q, "jobs");
        cede_scope_open(&c);
        spawn_now(&c, get_it, "a");
        cede_queue_finish(&q);
        return cede_scope_close(&c, 0);
}

TEST_ABORTS(finish_while_awaited, "queue jobs is finished while 1 wait for items, 0 for room")
{
        EXPECT_EQ(run_virtual(finish_while_awaited_main, NULL), 0);
}

static int stuck_main(void *arg)
{
        (void)arg;
        make(0, CEDE_FIFO);
        cede_queue_set_name(&q, "jobs");
        return cede_queue_get(&q, &(long){ 0 });
}

TEST_DIES(a_deadlock_is_reported,
          "waits for an item of queue jobs (0 in it, 1 wait to get, 0 to put)")
{
        exit(run_virtual(stuck_main, NULL) == -EDEADLK ? 1 : 0);
}
