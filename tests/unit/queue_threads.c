/* SPDX-License-Identifier: MIT */
/*
 * Queue between threads, tasks of several workers and callbacks: every item arrives once, those of
 * one producer in order, whatever is cancelled and runs out of time meanwhile.
 */
#include "queues.h"
#include "workers.h"
#include <pthread.h>

enum { PARTIES_MAX = 4 };

/* Items: the producer's number, and which of its items it is. */
static const long per_producer = 1000000;

struct traffic {
        long capacity; /* -1: unbounded */
        int producers, consumers;
        bool tasks, impatient;
};

static struct traffic traffic;
static long each; /* how many items a producer puts */
static uint64_t received[PARTIES_MAX * 2], sums[PARTIES_MAX * 2]; /* each consumer's own */
static atomic_int producing;

/* Runs out of time again and again, at last without a deadline. */
static int put_impatiently(long item)
{
        for (int i = 0; i < 3; i++) {
                int r = -1;

                CEDE_TIMEOUT(1 + i * 1000)
                        r = cede_queue_put(&q, &item);
                if (r != -ETIMEDOUT)
                        return r;
        }
        return cede_queue_put(&q, &item);
}

static int get_impatiently(long *ret_item)
{
        for (int i = 0; i < 3; i++) {
                int r = -1;

                CEDE_TIMEOUT(1 + i * 1000)
                        r = cede_queue_get(&q, ret_item);
                if (r != -ETIMEDOUT)
                        return r;
        }
        return cede_queue_get(&q, ret_item);
}

static int produce(void *number)
{
        long me = (intptr_t)number;

        for (long i = 1; i <= each; i++) {
                long item = me * per_producer + i;

                if (traffic.impatient)
                        EXPECT_EQ(put_impatiently(item), 0);
                else
                        EXPECT_EQ(cede_queue_put(&q, &item), 0);
        }
        if (atomic_fetch_sub(&producing, 1) == 1)
                cede_queue_close(&q);
        return 0;
}

static int consume(void *number)
{
        intptr_t me = (intptr_t)number;
        long last[PARTIES_MAX * 2] = { 0 }, item;
        int r;

        while ((r = traffic.impatient ? get_impatiently(&item) : cede_queue_get(&q, &item)) == 0) {
                long from = item / per_producer;

                EXPECT(item % per_producer > last[from]);
                last[from] = item % per_producer;
                sums[me] += (uint64_t)(item % per_producer);
                received[me]++;
                EXPECT_EQ(cede_queue_task_done(&q), 0);
        }
        EXPECT_EQ(r, -EPIPE);
        return 0;
}

static void *produce_in_thread(void *number)
{
        produce(number);
        return NULL;
}

static void *consume_in_thread(void *number)
{
        consume(number);
        return NULL;
}

static int tasks(void *arg)
{
        int r = 0;

        (void)arg;
        CEDE_SCOPE(all, &r) {
                for (int i = 0; i < traffic.consumers; i++)
                        EXPECT_EQ(cede_spawn(&all, consume, N(PARTIES_MAX + i)), 0);
                for (int i = 0; i < traffic.producers; i++)
                        EXPECT_EQ(cede_spawn(&all, produce, N(PARTIES_MAX + i)), 0);
        }
        return r;
}

static void check_received(int parties)
{
        uint64_t n = 0, sum = 0, most = (uint64_t)each;
        struct cede_queue_stats stats;

        for (int i = 0; i < PARTIES_MAX * 2; i++) {
                n += received[i];
                sum += sums[i];
        }
        EXPECT_EQ(n, (uint64_t)parties * most);
        EXPECT_EQ(sum, (uint64_t)parties * (most * (most + 1) / 2));
        EXPECT_EQ(cede_queue_join(&q), 0);
        cede_queue_stats(&q, &stats);
        EXPECT_EQ(stats.size, 0);
        EXPECT_EQ(stats.puts, n);
        EXPECT_EQ(stats.unfinished, 0);
        EXPECT_EQ(stats.getters + stats.putters, 0);
        EXPECT(traffic.capacity < 0 || (long)stats.peak_size <= traffic.capacity);
        cede_queue_finish(&q);
}

static void run_traffic(struct traffic t)
{
        pthread_t producers[PARTIES_MAX], consumers[PARTIES_MAX];

        traffic = t;
        each = test_slowed() ? 500 : t.impatient || t.capacity < 2 ? 3000 : 20000;
        atomic_store(&producing, t.tasks ? 2 * t.producers : t.producers);
        make(t.capacity < 0 ? CEDE_UNBOUNDED : (size_t)t.capacity, CEDE_FIFO);
        for (int i = 0; i < t.consumers; i++)
                EXPECT_EQ(pthread_create(&consumers[i], NULL, consume_in_thread, N(i)), 0);
        for (int i = 0; i < t.producers; i++)
                EXPECT_EQ(pthread_create(&producers[i], NULL, produce_in_thread, N(i)), 0);
        if (t.tasks)
                EXPECT_EQ(run_on(2, tasks, NULL), 0);
        for (int i = 0; i < t.producers; i++)
                EXPECT_EQ(pthread_join(producers[i], NULL), 0);
        for (int i = 0; i < t.consumers; i++)
                EXPECT_EQ(pthread_join(consumers[i], NULL), 0);
        check_received(t.tasks ? 2 * t.producers : t.producers);
}

#define TRAFFIC(name, ...)                                                                         \
        TEST(name)                                                                                 \
        {                                                                                          \
                run_traffic((struct traffic){ __VA_ARGS__ });                                      \
        }

TRAFFIC(one_thread_to_one, 1000, 1, 1, false, false)
TRAFFIC(one_thread_to_one_through_one_place, 1, 1, 1, false, false)
TRAFFIC(threads_to_threads, 100, 3, 3, false, false)
TRAFFIC(threads_to_threads_unbounded, -1, 3, 2, false, false)
TRAFFIC(threads_to_threads_at_a_rendezvous, 0, 2, 2, false, false)
TRAFFIC(impatient_threads, 2, 3, 3, false, true)
TRAFFIC(impatient_threads_at_a_rendezvous, 0, 2, 2, false, true)
TRAFFIC(threads_and_tasks_of_two_workers, 50, 2, 2, true, false)
TRAFFIC(threads_and_tasks_of_two_workers_at_a_rendezvous, 0, 2, 2, true, false)
TRAFFIC(impatient_threads_and_tasks, 3, 2, 2, true, true)

/* Cancelled while they get: an item is either theirs or still there. */

static atomic_int got, cancelled_ones;

static int get_until_cancelled(void *arg)
{
        long item;
        int r;

        (void)arg;
        while ((r = cede_queue_get(&q, &item)) == 0)
                atomic_fetch_add(&got, 1);
        EXPECT(r == -ECANCELED || r == -EPIPE);
        atomic_fetch_add(&cancelled_ones, r == -ECANCELED);
        return 0;
}

static void *put_many(void *n)
{
        for (long i = 0; i < (intptr_t)n; i++)
                EXPECT_EQ(cede_queue_put(&q, &i), 0);
        return NULL;
}

/* Cancels each generation of getters while items go on coming. */
WORKERS_TEST(cancelled_while_items_come)
{
        const intptr_t n = times(20000);
        struct cede_scope c;
        pthread_t thread;
        int rounds = 0;

        make(4, CEDE_FIFO);
        EXPECT_EQ(pthread_create(&thread, NULL, put_many, N(n)), 0);
        while (atomic_load(&got) < n) {
                cede_scope_open(&c);
                for (int i = 0; i < 3; i++)
                        EXPECT_EQ(cede_spawn(&c, get_until_cancelled, NULL), 0);
                for (int i = 0; i < 20; i++)
                        EXPECT_EQ(cede_yield(), 0);
                cede_scope_cancel(&c);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
                rounds++;
        }
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        EXPECT_EQ(atomic_load(&got), n);
        EXPECT(atomic_load(&cancelled_ones) > 0 && rounds > 0);
        EXPECT_EQ(cede_queue_size(&q), 0);
        EXPECT_EQ(cede_queue_getters(&q), 0);
        cede_queue_finish(&q);
}

/* Close, from another thread, while all of them put and get. */

static atomic_long in, out;

static void *put_until_closed(void *arg)
{
        long item = 1;
        int r;

        (void)arg;
        while ((r = cede_queue_put(&q, &item)) == 0)
                atomic_fetch_add(&in, 1);
        EXPECT_EQ(r, -EPIPE);
        return NULL;
}

static void *get_until_closed(void *arg)
{
        long item;
        int r;

        (void)arg;
        while ((r = cede_queue_get(&q, &item)) == 0)
                atomic_fetch_add(&out, item);
        EXPECT_EQ(r, -EPIPE);
        return NULL;
}

static void count_dropped(void *item, void *arg)
{
        (void)arg;
        atomic_fetch_add(&out, *(long *)item);
}

static void close_in_between(bool now)
{
        for (int round = 0; round < times(200); round++) {
                pthread_t threads[4];

                atomic_store(&in, 0);
                atomic_store(&out, 0);
                make((size_t)round % 4, CEDE_FIFO);
                for (int i = 0; i < 4; i++)
                        EXPECT_EQ(pthread_create(&threads[i], NULL,
                                                 i % 2 ? put_until_closed : get_until_closed, NULL),
                                  0);
                while (atomic_load(&out) < round)
                        sched_yield();
                if (now)
                        cede_queue_close_now(&q, count_dropped, NULL);
                else
                        cede_queue_close(&q);
                for (int i = 0; i < 4; i++)
                        EXPECT_EQ(pthread_join(threads[i], NULL), 0);
                EXPECT_EQ(atomic_load(&in), atomic_load(&out));
                cede_queue_finish(&q);
        }
}

TEST(closed_while_threads_put_and_get)
{
        close_in_between(false);
}

TEST(closed_at_once_while_threads_put_and_get)
{
        close_in_between(true);
}

/* The one who gets the last item ends the queue's life, whatever the putter still does. */

static struct cede_queue *heap_queue;

static void *get_and_free(void *arg)
{
        long item;

        (void)arg;
        EXPECT_EQ(cede_queue_get(heap_queue, &item), 0);
        EXPECT_EQ(item, 42);
        cede_queue_finish(heap_queue);
        free(heap_queue);
        return NULL;
}

TEST(freed_by_who_got_the_last_item)
{
        for (int i = 0; i < times(500); i++) {
                pthread_t thread;
                long item = 42;

                heap_queue = malloc(sizeof(*heap_queue));
                EXPECT_EQ(cede_queue_init(heap_queue, sizeof(long), (size_t)i % 2, CEDE_FIFO), 0);
                EXPECT_EQ(pthread_create(&thread, NULL, get_and_free, NULL), 0);
                EXPECT_EQ(cede_queue_put(heap_queue, &item), 0);
                EXPECT_EQ(pthread_join(thread, NULL), 0);
        }
}
