/* SPDX-License-Identifier: MIT */
/* Queues among several objects that are waited for: exactly one item is taken, or given away. */
#include "queues.h"
#include "workers.h"
#include <pthread.h>

static struct cede_queue p;
static struct cede_sem sem;

static void make_both(size_t capacity)
{
        make(capacity, CEDE_FIFO);
        EXPECT_EQ(cede_queue_init(&p, sizeof(long), capacity, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_init(&sem, 0, CEDE_FIFO), 0);
}

static void finish_both(void)
{
        EXPECT_EQ(cede_queue_getters(&q) + cede_queue_getters(&p), 0);
        EXPECT_EQ(cede_queue_putters(&q) + cede_queue_putters(&p), 0);
        cede_queue_finish(&q);
        cede_queue_finish(&p);
        cede_sem_finish(&sem);
}

/* An item of q, an item of p, or a permit. */
static int any_item(void *name)
{
        long item = -1;
        struct cede_case cases[] = { cede_queue_get_case(&q, &item), cede_queue_get_case(&p, &item),
                                     cede_sem_case(&sem, 1) };
        int r = cede_wait_any(cases, 3);

        if (r < 0)
                note("%s:%s", (const char *)name, word(r));
        else
                note("%s:%d=%s,%ld", (const char *)name, r, outcome(cases[r].result), item);
        return 0;
}

/* Into q, into p, or a permit. */
static int any_room(void *number)
{
        long item = (intptr_t)number;
        struct cede_case cases[] = { cede_queue_put_case(&q, &item, 0),
                                     cede_queue_put_case(&p, &item, 0), cede_sem_case(&sem, 1) };
        int r = cede_wait_any(cases, 3);

        if (r < 0)
                note("%ld:%s", item, word(r));
        else
                note("%ld:%d=%s", item, r, outcome(cases[r].result));
        return 0;
}

TASK_TEST(an_item_of_either)
{
        struct cede_scope c;
        long item = 7;

        make_both(2);
        put(1);
        EXPECT_EQ(cede_queue_put(&p, &item), 0);
        any_item("now");
        EXPECT_LOG("now:0=ok,1");
        any_item("now");
        EXPECT_LOG("now:1=ok,7");
        cede_scope_open(&c);
        spawn_now(&c, any_item, "a");
        EXPECT_EQ(cede_queue_getters(&q), 1);
        EXPECT_EQ(cede_queue_getters(&p), 1);
        item = 8;
        EXPECT_EQ(cede_queue_put(&p, &item), 0);
        put(2); /* not for a: it has one */
        EXPECT_EQ(cede_queue_size(&q), 1);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("a:1=ok,8");
        EXPECT_EQ(get(), 2);
        spawn_now(&c, any_item, "b");
        EXPECT_EQ(cede_sem_release(&sem), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("b:2=ok,-1");
        finish_both();
}

TASK_TEST(room_in_either)
{
        struct cede_scope c;

        make_both(1);
        any_room(N(1));
        any_room(N(2));
        EXPECT_LOG("1:0=ok 2:1=ok");
        cede_scope_open(&c);
        spawn_now(&c, any_room, N(3));
        EXPECT_EQ(cede_queue_putters(&q), 1);
        EXPECT_EQ(get(), 1);
        EXPECT_EQ(cede_queue_size(&q), 1); /* it is in */
        EXPECT_EQ(cede_queue_close_now(&p, NULL, NULL), 1);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("3:0=ok");
        EXPECT_EQ(get(), 3);
        finish_both();
}

TASK_TEST(rendezvous_of_two_that_wait_for_several)
{
        struct cede_scope c;

        make_both(0);
        cede_scope_open(&c);
        spawn_now(&c, any_room, N(5));
        spawn_now(&c, any_item, "a");
        spawn_now(&c, any_item, "b");
        spawn_now(&c, any_room, N(6));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:0=ok,5 5:0=ok 6:0=ok b:0=ok,6");
        finish_both();
}

TASK_TEST(a_queue_that_is_closed)
{
        struct cede_scope c;

        make_both(0);
        cede_scope_open(&c);
        spawn_now(&c, any_item, "a");
        cede_queue_close(&p);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("a:1=closed,-1");
        any_item("b");
        EXPECT_LOG("b:1=closed,-1");
        any_room(N(1));
        EXPECT_LOG("1:1=closed");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        finish_both();
}

TASK_TEST(cancelled_while_it_waits_for_several)
{
        struct cede_scope c;

        make_both(0);
        cede_scope_open(&c);
        spawn_now(&c, any_item, "a");
        spawn_now(&c, any_item, "b");
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_queue_getters(&q), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled b:cancelled");
        finish_both();
}

/* Threads: each puts into either queue, and gets from either, until all have passed. */

static atomic_long sum;
static long each;

static void *put_into_either(void *arg)
{
        (void)arg;
        for (long i = 1; i <= each; i++) {
                struct cede_case cases[] = { cede_queue_put_case(i % 2 ? &q : &p, &i, 0),
                                             cede_queue_put_case(i % 2 ? &p : &q, &i, 0) };
                int r = cede_wait_any(cases, 2);

                EXPECT(r == 0 || r == 1);
                EXPECT_EQ(cases[r].result, 0);
        }
        return NULL;
}

static void *get_from_either(void *arg)
{
        (void)arg;
        for (long i = 1; i <= each; i++) {
                long item = 0;
                struct cede_case cases[] = { cede_queue_get_case(i % 2 ? &q : &p, &item),
                                             cede_queue_get_case(i % 2 ? &p : &q, &item) };
                int r = cede_wait_any(cases, 2);

                EXPECT(r == 0 || r == 1);
                EXPECT_EQ(cases[r].result, 0);
                atomic_fetch_add(&sum, item);
        }
        return NULL;
}

static void between_threads(size_t capacity)
{
        pthread_t threads[4];

        make_both(capacity);
        each = test_slowed() ? 200 : 3000;
        atomic_store(&sum, 0);
        for (int i = 0; i < 4; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL,
                                         i % 2 ? put_into_either : get_from_either, NULL),
                          0);
        for (int i = 0; i < 4; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        EXPECT_EQ(atomic_load(&sum), 2 * (each * (each + 1) / 2));
        EXPECT_EQ(cede_queue_size(&q) + cede_queue_size(&p), 0);
        finish_both();
}

TEST(either_of_two_queues_between_threads)
{
        between_threads(1);
        between_threads(3);
}

TEST(either_of_two_rendezvous_between_threads)
{
        between_threads(0);
}
