/* SPDX-License-Identifier: MIT */
/*
 * Condition between threads and tasks: no notification is lost, or consumed by one who has given
 * up.  The outcome of each race is open; what is counted must add up.
 */
#include <pthread.h>
#include <sched.h>

#include "log.h"

static struct cede_condition c;
static struct cede_mutex m;

static unsigned load(const unsigned *counter)
{
        return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void add(unsigned *counter, unsigned n)
{
        __atomic_fetch_add(counter, n, __ATOMIC_ACQ_REL);
}

/* Waiters that give up all the time, against a notifier: every notification has a taker. */

enum { WAITERS = 3 };

static unsigned notified, woken, timed_out, active; /* atomic */
static int rounds;

static void wait_impatiently(int i)
{
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        CEDE_TIMEOUT(CEDE_US(1 + i % 40)) {
                int r = cede_condition_wait(&c, &m);

                EXPECT(cede_mutex_owned(&m));
                EXPECT(r == 0 || r == -ETIMEDOUT);
                add(r == 0 ? &woken : &timed_out, 1);
        }
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

static void *impatient_thread(void *arg)
{
        (void)arg;
        for (int i = 0; i < rounds; i++)
                wait_impatiently(i);
        add(&active, -1U);
        return NULL;
}

static int impatient_task(void *arg)
{
        (void)arg;
        for (int i = 0; i < rounds; i++)
                wait_impatiently(i);
        return 0;
}

static int impatient_tasks(void *arg)
{
        struct cede_scope s;

        cede_scope_open(&s);
        for (int i = 0; i < WAITERS; i++)
                EXPECT_EQ(cede_spawn(&s, impatient_task, arg), 0);
        return cede_scope_close(&s, 0);
}

static void *loop_main(void *arg)
{
        EXPECT_EQ(cede_run(impatient_tasks, arg), 0);
        add(&active, -1U);
        return NULL;
}

static void race(enum cede_order order, bool locked)
{
        pthread_t threads[WAITERS + 1];

        rounds = test_slowed() ? 30 : 2000;
        EXPECT_EQ(cede_condition_init(&c, order), 0);
        active = WAITERS + 1;
        for (int i = 0; i <= WAITERS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, i ? impatient_thread : loop_main, NULL),
                          0);
        while (load(&active)) {
                if (locked)
                        EXPECT_EQ(cede_mutex_lock(&m), 0);
                add(&notified, cede_condition_notify(&c, 1));
                if (locked)
                        EXPECT_EQ(cede_mutex_unlock(&m), 0);
                sched_yield();
        }
        for (int i = 0; i <= WAITERS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        EXPECT_EQ(woken, notified);
        EXPECT_EQ(woken + timed_out, 2U * WAITERS * (unsigned)rounds);
        EXPECT_EQ(cede_condition_waiting(&c), 0);
        EXPECT_EQ(cede_mutex_waiting(&m), 0);
        EXPECT(!cede_mutex_locked(&m));
}

TEST(each_notification_under_the_mutex_has_one_taker)
{
        race(CEDE_FIFO, true);
}

TEST(each_notification_without_the_mutex_has_one_taker)
{
        race(CEDE_PRIORITY, false);
}

/* Cancelled by another thread: the scope is published, and closed only when that is over. */

static struct cede_scope *victim; /* atomic */
static unsigned waits, over;      /* over: atomic */

static void *wait_to_be_cancelled(void *arg)
{
        (void)arg;
        for (int i = 0; i == 0 || (i < rounds && test_has_time()); i++) {
                struct cede_scope s;
                int r;

                EXPECT_EQ(cede_mutex_lock(&m), 0);
                cede_scope_open(&s);
                __atomic_store_n(&victim, &s, __ATOMIC_RELEASE);
                r = cede_condition_wait(&c, &m);
                EXPECT(cede_mutex_owned(&m));
                EXPECT(r == 0 || r == -ECANCELED);
                add(r == 0 ? &woken : &timed_out, 1);
                while (__atomic_load_n(&victim, __ATOMIC_ACQUIRE))
                        sched_yield();
                cede_scope_close(&s, 0);
                EXPECT_EQ(cede_mutex_unlock(&m), 0);
                waits++;
        }
        add(&over, 1);
        return NULL;
}

static void *canceller_main(void *arg)
{
        (void)arg;
        while (!load(&over)) {
                struct cede_scope *s = __atomic_load_n(&victim, __ATOMIC_ACQUIRE);

                if (s) {
                        cede_scope_cancel(s);
                        __atomic_store_n(&victim, NULL, __ATOMIC_RELEASE);
                } else {
                        sched_yield();
                }
        }
        add(&active, -1U);
        return NULL;
}

TEST(cancelled_or_notified_but_never_both)
{
        pthread_t waiter, canceller;

        rounds = test_slowed() ? 50 : 5000;
        active = 1;
        EXPECT_EQ(pthread_create(&waiter, NULL, wait_to_be_cancelled, NULL), 0);
        EXPECT_EQ(pthread_create(&canceller, NULL, canceller_main, NULL), 0);
        while (load(&active)) {
                add(&notified, cede_condition_notify(&c, 1));
                sched_yield();
        }
        EXPECT_EQ(pthread_join(waiter, NULL), 0);
        EXPECT_EQ(pthread_join(canceller, NULL), 0);
        EXPECT_EQ(woken, notified);
        EXPECT_EQ(woken + timed_out, waits);
        EXPECT_EQ(cede_condition_waiting(&c), 0);
}

/* Producers and consumers over a buffer of a few places: threads, and tasks of two loops. */

enum { PLACES = 4, PRODUCERS = 2, CONSUMERS = 3 };

static struct cede_condition filled, emptied = CEDE_CONDITION_INIT(CEDE_LIFO);
static int buffer[PLACES], used, closed; /* under m */
static long produced, consumed, sum;     /* likewise */

static int produce(void *arg)
{
        (void)arg;
        for (int i = 1; i <= rounds; i++) {
                EXPECT_EQ(cede_mutex_lock(&m), 0);
                while (used == PLACES)
                        EXPECT_EQ(cede_condition_wait(&emptied, &m), 0);
                buffer[used++] = i;
                produced++;
                cede_condition_notify(&filled, 1);
                EXPECT_EQ(cede_mutex_unlock(&m), 0);
        }
        return 0;
}

static bool some_or_closed(void *arg)
{
        (void)arg;
        return used > 0 || closed;
}

static int consume(void *arg)
{
        bool more = true;

        (void)arg;
        while (more) {
                EXPECT_EQ(cede_mutex_lock(&m), 0);
                EXPECT_EQ(cede_condition_wait_for(&filled, &m, some_or_closed, NULL), 0);
                more = used > 0;
                if (more) {
                        sum += buffer[--used];
                        consumed++;
                }
                EXPECT_EQ(cede_mutex_unlock(&m), 0);
                cede_condition_notify(&emptied, 1); /* without the mutex */
        }
        return 0;
}

static int spawn_several(int (*fn)(void *), int n)
{
        struct cede_scope s;

        cede_scope_open(&s);
        for (int i = 0; i < n; i++)
                EXPECT_EQ(cede_spawn(&s, fn, NULL), 0);
        return cede_scope_close(&s, 0);
}

static int producers(void *arg)
{
        (void)arg;
        return spawn_several(produce, PRODUCERS);
}

static int consumers(void *arg)
{
        (void)arg;
        return spawn_several(consume, CONSUMERS);
}

static void *producer_loop(void *arg)
{
        EXPECT_EQ(cede_run(producers, arg), 0);
        return NULL;
}

static void *consumer_loop(void *arg)
{
        EXPECT_EQ(cede_run(consumers, arg), 0);
        return NULL;
}

static void *producer_thread(void *arg)
{
        produce(arg);
        return NULL;
}

static void *consumer_thread(void *arg)
{
        consume(arg);
        return NULL;
}

TEST(producers_and_consumers_of_all_kinds)
{
        void *(*const fns[4])(void *) = { producer_loop, producer_thread, consumer_loop,
                                          consumer_thread };
        pthread_t threads[4];
        long items;

        rounds = test_slowed() ? 50 : 3000;
        items = (long)(PRODUCERS + 1) * rounds;
        for (int i = 0; i < 4; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, fns[i], NULL), 0);
        EXPECT_EQ(pthread_join(threads[0], NULL), 0);
        EXPECT_EQ(pthread_join(threads[1], NULL), 0);
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        closed = 1;
        cede_condition_notify_all(&filled);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(pthread_join(threads[2], NULL), 0);
        EXPECT_EQ(pthread_join(threads[3], NULL), 0);
        EXPECT_EQ(produced, items);
        EXPECT_EQ(consumed, items);
        EXPECT_EQ(sum, (long)(PRODUCERS + 1) * rounds * (rounds + 1) / 2);
        EXPECT_EQ(cede_condition_waiting(&filled) + cede_condition_waiting(&emptied), 0);
        EXPECT(!cede_mutex_locked(&m));
}
