/* SPDX-License-Identifier: MIT */
/*
 * Queue: the order of items and of those who wait for them, hand-over, cancellation.  Several cases
 * are those of CPython's test_queue.py and asyncio's test_queues.py, written anew.
 */
#include "queues.h"

/* One party alone */

TASK_TEST(items_come_out_in_the_order_they_went_in)
{
        make(CEDE_UNBOUNDED, CEDE_FIFO);
        for (long i = 0; i < 1000; i++)
                EXPECT_EQ(cede_queue_put(&q, &i), 0);
        EXPECT_EQ(cede_queue_size(&q), 1000);
        for (long i = 0; i < 1000; i++)
                EXPECT_EQ(get(), i);
        cede_queue_finish(&q);
}

/* The ring wraps around at each size it has on the way, and is moved while it is wrapped. */
TASK_TEST(a_ring_that_grows_while_it_is_wrapped)
{
        long in = 0, out = 0;

        make(1000, CEDE_FIFO);
        for (int round = 0; round < 300; round++) {
                for (int i = 0; i < 7; i++, in++)
                        EXPECT_EQ(cede_queue_put(&q, &in), 0);
                for (int i = 0; i < 4; i++, out++)
                        EXPECT_EQ(get(), out);
        }
        for (; out < in; out++)
                EXPECT_EQ(get(), out);
        cede_queue_finish(&q);
}

TASK_TEST(lifo_is_a_stack)
{
        make(CEDE_UNBOUNDED, CEDE_LIFO);
        for (long i = 0; i < 100; i++)
                EXPECT_EQ(cede_queue_put(&q, &i), 0);
        for (long i = 99; i >= 50; i--)
                EXPECT_EQ(get(), i);
        put(7);
        EXPECT_EQ(get(), 7);
        for (long i = 49; i >= 0; i--)
                EXPECT_EQ(get(), i);
        cede_queue_finish(&q);
}

TASK_TEST(priority_highest_first_and_fifo_among_equals)
{
        make(CEDE_UNBOUNDED, CEDE_PRIORITY);
        for (long i = 0; i < 500; i++)
                EXPECT_EQ(cede_queue_put_with(&q, &i, (int)(i * 7919 % 5) - 2), 0);
        for (int priority = 2; priority >= -2; priority--)
                for (long i = 0; i < 500; i++)
                        if ((int)(i * 7919 % 5) - 2 == priority)
                                EXPECT_EQ(get(), i);
        cede_queue_finish(&q);
}

/* Puts and gets in a random order, compared with a list that is searched. */
TASK_TEST(priority_against_a_list)
{
        static int priorities[4000];
        long in = 0, best;
        int left = 0;

        make(CEDE_UNBOUNDED, CEDE_PRIORITY);
        for (uint64_t i = 0; i < 8000; i++) {
                if (cede__prng(1, i) % 5 < 3 && in < 4000) {
                        priorities[in] = (int)(cede__prng(2, i) % 50);
                        EXPECT_EQ(cede_queue_put_with(&q, &in, priorities[in]), 0);
                        in++;
                        left++;
                } else if (left) {
                        best = -1;
                        for (long k = 0; k < in; k++)
                                if (priorities[k] >= 0 &&
                                    (best < 0 || priorities[k] > priorities[best]))
                                        best = k;
                        EXPECT_EQ(get(), best);
                        priorities[best] = -1;
                        left--;
                }
        }
        cede_queue_finish(&q);
}

struct parcel {
        char text[37];
};

static void parcels(enum cede_order order)
{
        struct parcel p;

        EXPECT_EQ(cede_queue_init(&q, sizeof(p), 50, order), 0);
        for (int i = 0; i < 50; i++) {
                snprintf(p.text, sizeof(p.text), "parcel %d of this and that", i);
                EXPECT_EQ(cede_queue_put_with(&q, &p, i), 0);
        }
        for (int i = 0; i < 50; i++) {
                char expected[sizeof(p.text)];

                EXPECT_EQ(cede_queue_get(&q, &p), 0);
                snprintf(expected, sizeof(expected), "parcel %d of this and that",
                         order == CEDE_FIFO ? i : 49 - i);
                EXPECT_STR(p.text, expected);
        }
        cede_queue_finish(&q);
}

TASK_TEST(items_of_any_size)
{
        parcels(CEDE_FIFO);
        parcels(CEDE_LIFO);
        parcels(CEDE_PRIORITY);
}

TASK_TEST(items_without_bytes_are_counted)
{
        EXPECT_EQ(cede_queue_init(&q, 0, CEDE_UNBOUNDED, CEDE_FIFO), 0);
        for (int i = 0; i < 1000; i++)
                EXPECT_EQ(cede_queue_put(&q, NULL), 0);
        for (int i = 0; i < 1000; i++)
                EXPECT_EQ(cede_queue_get(&q, NULL), 0);
        EXPECT_EQ(cede_queue_try_get(&q, NULL), -EAGAIN);
        cede_queue_finish(&q);
}

TASK_TEST(try_does_not_wait)
{
        long item = 1;

        make(1, CEDE_FIFO);
        EXPECT_EQ(cede_queue_try_get(&q, &item), -EAGAIN);
        EXPECT_EQ(item, 1);
        EXPECT_EQ(cede_queue_try_put(&q, &item), 0);
        EXPECT_EQ(cede_queue_try_put(&q, &item), -EAGAIN);
        item = 0;
        EXPECT_EQ(cede_queue_try_get(&q, &item), 0);
        EXPECT_EQ(item, 1);
        cede_queue_finish(&q);
}

/* Hand-over */

TASK_TEST(a_put_hands_over_and_goes_on)
{
        struct cede_scope c;
        long item;

        make(10, CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, get_it, "a");
        spawn_now(&c, get_it, "b");
        EXPECT_EQ(cede_queue_getters(&q), 2);
        put(1);
        EXPECT_EQ(cede_queue_getters(&q), 1);
        EXPECT_EQ(cede_queue_size(&q), 0);
        EXPECT_EQ(cede_queue_try_get(&q, &item), -EAGAIN); /* it is not stolen */
        put(2);
        put(3);
        EXPECT_LOG("");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:1 b:2");
        EXPECT_EQ(get(), 3);
        cede_queue_finish(&q);
}

TASK_TEST(a_get_lets_in_who_waits_to_put)
{
        struct cede_scope c;
        long item = 9;

        make(1, CEDE_FIFO);
        put(0);
        cede_scope_open(&c);
        spawn_now(&c, put_it, N(1));
        spawn_now(&c, put_it, N(2));
        EXPECT_EQ(cede_queue_putters(&q), 2);
        EXPECT_EQ(get(), 0);
        EXPECT_EQ(cede_queue_putters(&q), 1);
        EXPECT_EQ(cede_queue_size(&q), 1);
        EXPECT_EQ(cede_queue_try_put(&q, &item), -EAGAIN); /* it does not pass */
        EXPECT_EQ(get(), 1);
        EXPECT_EQ(get(), 2);
        EXPECT_EQ(cede_queue_try_get(&q, &item), -EAGAIN);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("1:ok 2:ok");
        cede_queue_finish(&q);
}

/* The item that waits outside counts from when it is in: then its priority does. */
TASK_TEST(the_priority_of_an_item_that_waited)
{
        struct cede_scope c;
        long low = 1;

        make(1, CEDE_PRIORITY);
        EXPECT_EQ(cede_queue_put_with(&q, &low, 0), 0);
        cede_scope_open(&c);
        spawn_now(&c, put_with_priority_of_its_own, N(5));
        EXPECT_EQ(get(), 1);
        EXPECT_EQ(cede_queue_try_put_with(&q, &low, 9), -EAGAIN);
        EXPECT_EQ(get(), 5);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_queue_finish(&q);
}

TASK_TEST(rendezvous_put_returns_when_it_was_taken)
{
        struct cede_scope c;
        long item = 3;

        make(0, CEDE_FIFO);
        EXPECT_EQ(cede_queue_try_put(&q, &item), -EAGAIN);
        cede_scope_open(&c);
        spawn_now(&c, put_it, N(1));
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("");
        EXPECT_EQ(cede_queue_putters(&q), 1);
        EXPECT_EQ(cede_queue_size(&q), 0);
        EXPECT_EQ(get(), 1);
        EXPECT_EQ(cede_queue_try_get(&q, &item), -EAGAIN);
        spawn_now(&c, get_it, "a");
        EXPECT_EQ(cede_queue_try_put(&q, &item), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("1:ok a:3");
        cede_queue_finish(&q);
}

static struct cede_queue zeroed;

static int arrive(void *name)
{
        EXPECT_EQ(cede_queue_put(&zeroed, NULL), 0);
        note("%s", (const char *)name);
        return 0;
}

TASK_TEST(all_zero_is_a_rendezvous_without_data)
{
        struct cede_scope c;

        EXPECT_EQ(cede_queue_try_put(&zeroed, NULL), -EAGAIN);
        cede_scope_open(&c);
        spawn_now(&c, arrive, "a");
        EXPECT_EQ(cede_queue_get(&zeroed, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a");
        cede_queue_finish(&zeroed);
}

static struct cede_queue fixed = CEDE_QUEUE_INIT(sizeof(long), 2, CEDE_FIFO);
static struct cede_queue stacked = CEDE_QUEUE_INIT(sizeof(long), 2, CEDE_LIFO);

TASK_TEST(static_initialisers)
{
        for (long i = 0; i < 2; i++) {
                EXPECT_EQ(cede_queue_try_put(&fixed, &i), 0);
                EXPECT_EQ(cede_queue_try_put(&stacked, &i), 0);
        }
        for (long i = 0, item; i < 2; i++) {
                EXPECT_EQ(cede_queue_try_put(&fixed, &i), i ? 0 : -EAGAIN);
                EXPECT_EQ(cede_queue_try_get(&fixed, &item), 0);
                EXPECT_EQ(item, i);
                EXPECT_EQ(cede_queue_try_get(&stacked, &item), 0);
                EXPECT_EQ(item, 1 - i);
        }
        cede_queue_finish(&fixed);
        cede_queue_finish(&stacked);
}

/* Order among those who wait */

TASK_TEST(getters_and_putters_in_the_order_of_the_queue)
{
        static const struct {
                enum cede_order order;
                const char *gets, *puts;
        } cases[] = {
                { CEDE_FIFO, "a:1 b:2 c:3", "123" },
                { CEDE_LIFO, "c:1 b:2 a:3", "321" },
                { CEDE_PRIORITY, "b:1 a:2 c:3", "213" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct cede_scope c;
                char order[4] = "";

                make(0, CEDE_FIFO);
                EXPECT_EQ(cede_queue_set_order(&q, cases[i].order), 0);
                cede_scope_open(&c);
                spawn_at(&c, get_it, "a", 0);
                spawn_at(&c, get_it, "b", 1);
                spawn_at(&c, get_it, "c", 0);
                for (long item = 1; item <= 3; item++)
                        EXPECT_EQ(cede_queue_try_put(&q, &item), 0);
                EXPECT_EQ(cede_yield(), 0);
                EXPECT_LOG(cases[i].gets);
                spawn_at(&c, put_it, N(1), 0);
                spawn_at(&c, put_it, N(2), 1);
                spawn_at(&c, put_it, N(3), 0);
                for (int k = 0; k < 3; k++)
                        order[k] = (char)('0' + get());
                EXPECT_STR(order, cases[i].puts);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
                log_take();
                cede_queue_finish(&q);
        }
}

TASK_TEST(priority_set_while_waiting)
{
        struct cede_scope c;
        struct cede_task *a, *b;

        make(0, CEDE_FIFO);
        EXPECT_EQ(cede_queue_set_order(&q, CEDE_PRIORITY), 0);
        cede_scope_open(&c);
        a = spawn_held(&c, get_it, "a");
        b = spawn_held(&c, get_it, "b");
        cede_task_set_priority(b, 1);
        put(1);
        put(2);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("b:1 a:2");
        EXPECT_EQ(cede_task_join(a, NULL), 0);
        EXPECT_EQ(cede_task_join(b, NULL), 0);
        a = spawn_held(&c, put_it, N(1));
        spawn_now(&c, put_it, N(2));
        cede_task_set_priority(a, -1);
        EXPECT_EQ(get(), 2);
        EXPECT_EQ(get(), 1);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_queue_finish(&q);
}

/* Cancellation and deadlines */

TASK_TEST(granted_then_cancelled_has_its_item)
{
        struct cede_scope c;
        struct cede_task *a, *b;

        make(0, CEDE_FIFO);
        cede_scope_open(&c);
        a = spawn_held(&c, get_it_then_checkpoint, "a");
        put(1);
        cede_task_cancel(a);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("a:1 then:cancelled");
        b = spawn_held(&c, put_it, N(2));
        EXPECT_EQ(get(), 2);
        cede_task_cancel(b);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("2:ok");
        cede_queue_finish(&q);
}

TASK_TEST(cancelled_ones_neither_get_nor_put)
{
        struct cede_scope c;
        struct cede_task *a;

        make(1, CEDE_FIFO);
        cede_scope_open(&c);
        a = spawn_held(&c, get_it, "a");
        spawn_now(&c, get_it, "b");
        cede_task_cancel(a);
        EXPECT_EQ(cede_queue_getters(&q), 1);
        put(1);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("a:cancelled b:1");
        put(2);
        a = spawn_held(&c, put_it, N(3));
        spawn_now(&c, put_it, N(4));
        cede_task_cancel(a);
        EXPECT_EQ(cede_queue_putters(&q), 1);
        EXPECT_EQ(get(), 2);
        EXPECT_EQ(get(), 4);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("3:cancelled 4:ok");
        EXPECT_EQ(cede_queue_size(&q), 0);
        cede_queue_finish(&q);
}

TASK_TEST(cancelled_fails_although_it_could_be_done)
{
        struct cede_scope c;
        long item = 1;

        make(2, CEDE_FIFO);
        put(1);
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_queue_put(&q, &item), -ECANCELED);
        EXPECT_EQ(cede_queue_get(&q, &item), -ECANCELED);
        EXPECT_EQ(cede_queue_try_put(&q, &item), 0);
        EXPECT_EQ(cede_queue_try_get(&q, &item), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_queue_size(&q), 1);
        cede_queue_finish(&q);
}

TASK_TEST(expired_deadline_tries_once)
{
        long item = 1;

        make(1, CEDE_FIFO);
        EXPECT_EQ(cede_sleep(1), 0);
        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_queue_get(&q, &item), -ETIMEDOUT);
                EXPECT_EQ(cede_queue_put(&q, &item), 0);
                EXPECT_EQ(cede_queue_put(&q, &item), -ETIMEDOUT);
                EXPECT_EQ(cede_queue_get(&q, &item), 0);
        }
        EXPECT_EQ(cede_queue_getters(&q) + cede_queue_putters(&q), 0);
        cede_queue_finish(&q);
}

TASK_TEST(timeouts_leave_nothing_behind)
{
        struct cede_queue_stats stats;
        long item = 1;

        make(0, CEDE_FIFO);
        for (int i = 0; i < 1000; i++) {
                CEDE_TIMEOUT(CEDE_MS(1))
                        EXPECT_EQ(cede_queue_get(&q, &item), -ETIMEDOUT);
                CEDE_TIMEOUT(CEDE_MS(1))
                        EXPECT_EQ(cede_queue_put(&q, &item), -ETIMEDOUT);
        }
        cede_queue_stats(&q, &stats);
        EXPECT_EQ(stats.getters + stats.putters, 0);
        EXPECT_EQ(stats.peak_getters, 1);
        EXPECT_EQ(stats.peak_putters, 1);
        EXPECT_EQ(stats.puts, 0);
        EXPECT_EQ(now_ms(), 2000);
        cede_queue_finish(&q);
}
