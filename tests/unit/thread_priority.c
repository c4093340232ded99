/* SPDX-License-Identifier: MIT */
/*
 * Priorities of plain threads, among themselves and beside tasks and callbacks, in the queues of a
 * semaphore, a mutex and a condition.
 *
 * Each arrival is waited for before the next one, and so is each who was served: the log says in
 * which order they stood.
 */
#include "threads.h"
#include <string.h>

/* One who arrives: T is a thread, t a task, c a callback. */
struct arrival {
        char kind;
        int priority;
        pthread_t thread;
        struct cede_callback callback;
};

static char served[64];
static atomic_int served_count;

static void serve(const struct arrival *a)
{
        int n = atomic_load(&served_count);

        EXPECT(n < (int)sizeof(served) / 2 - 1);
        served[2 * n] = a->kind;
        served[2 * n + 1] = (char)('0' + a->priority);
        atomic_store(&served_count, n + 1);
}

/* Gives way to tasks, if there are any, until so many were served. */
static void until_served(int n)
{
        while (atomic_load(&served_count) < n) {
                EXPECT_EQ(cede_yield(), 0);
                sched_yield();
        }
}

static void *thread_arrives(void *arrival)
{
        const struct arrival *a = arrival;

        cede_thread_set_priority(a->priority);
        EXPECT_EQ(cede_thread_priority(), a->priority);
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        serve(a);
        return NULL;
}

static int task_arrives(void *arrival)
{
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        serve(arrival);
        return 0;
}

static void callback_arrives(struct cede_callback *callback, int result)
{
        EXPECT_EQ(result, 0);
        serve(cede__container_of(callback, struct arrival, callback));
}

static void arrive(struct arrival *a)
{
        const struct cede_spawn_options options = { .priority = a->priority };

        if (a->kind == 'T') {
                a->thread = start(thread_arrives, a);
        } else if (a->kind == 't') {
                EXPECT_EQ(cede_spawn_with(NULL, &options, task_arrives, a, NULL), 0);
        } else {
                a->callback =
                        (struct cede_callback){ .fn = callback_arrives, .priority = a->priority };
                EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &a->callback), 0);
        }
}

/* "T1t3c2": who arrives, one after the other; then as many permits are given, one by one. */
static int queue_up(void *text)
{
        const char *who = text;
        struct arrival arrivals[16];
        int n = 0;

        for (; who[2 * n]; n++) {
                arrivals[n] = (struct arrival){ who[2 * n], who[2 * n + 1] - '0', 0, { 0 } };
                arrive(&arrivals[n]);
                while (cede_sem_waiting(&sem) != (unsigned)n + 1) {
                        EXPECT_EQ(cede_yield(), 0);
                        sched_yield();
                }
        }
        for (int i = 0; i < n; i++) {
                EXPECT_EQ(cede_sem_release(&sem), 0);
                until_served(i + 1);
        }
        for (int i = 0; i < n; i++)
                if (arrivals[i].kind == 'T')
                        join(arrivals[i].thread);
        return 0;
}

static void expect_order(const char *arriving, const char *expected)
{
        empty(CEDE_PRIORITY);
        atomic_store(&served_count, 0);
        memset(served, 0, sizeof(served));
        EXPECT_EQ(strchr(arriving, 't') || strchr(arriving, 'c') ?
                          cede_run(queue_up, (void *)(uintptr_t)arriving) :
                          queue_up((void *)(uintptr_t)arriving),
                  0);
        EXPECT_STR(served, expected);
        expect_left(0);
}

TEST(it_is_0_until_it_is_set)
{
        EXPECT_EQ(cede_thread_priority(), 0);
        cede_thread_set_priority(-7);
        EXPECT_EQ(cede_thread_priority(), -7);
        cede_thread_set_priority(INT32_MAX);
        EXPECT_EQ(cede_thread_priority(), INT32_MAX);
        cede_thread_set_priority(0);
        EXPECT_EQ(cede_thread_priority(), 0);
}

/* Each thread sets its own before it waits for the first time. */
TEST(threads_in_a_semaphore)
{
        expect_order("T2T5T0T9T1", "T9T5T2T1T0");
}

TEST(threads_beside_tasks)
{
        expect_order("T2t5T7t0T4t8", "t8T7t5T4T2t0");
}

TEST(threads_beside_tasks_and_callbacks)
{
        expect_order("c4T3t2T6c1t5c9T8", "c9T8T6t5c4T3t2c1");
}

/* Among equals the first to come goes first, of whatever kind: a thread's is no other 0. */
TEST(equals_in_order_of_arrival)
{
        expect_order("T5t5c5T5t5T0t0c0T0", "T5t5c5T5t5T0t0c0T0");
}

static void *change_and_wait_again(void *arg)
{
        static const int priorities[] = { 3, 0, 6 };

        for (unsigned i = 0; i < 3; i++) {
                cede_thread_set_priority(priorities[i]);
                EXPECT_EQ(cede_sem_acquire(&sem), 0);
                serve(&(struct arrival){ .kind = 'T', .priority = priorities[i] });
        }
        return arg;
}

/* Beside two that came later, with 1 and 5. */
TEST(it_counts_from_the_next_wait_on)
{
        struct arrival others[] = { { 'x', 1, 0, { 0 } }, { 'x', 5, 0, { 0 } } };
        pthread_t thread;

        empty(CEDE_PRIORITY);
        thread = start(change_and_wait_again, NULL);
        until_waiting(1);
        for (unsigned i = 0; i < 2; i++) {
                others[i].thread = start(thread_arrives, &others[i]);
                until_waiting(2 + i);
        }
        for (int i = 0; i < 5; i++) {
                EXPECT_EQ(cede_sem_release(&sem), 0);
                until_served(i + 1);
                /* It is back in the queue, unless it has ended. */
                until_waiting(i < 2 ? 2 : i < 4);
        }
        join(thread);
        for (unsigned i = 0; i < 2; i++)
                join(others[i].thread);
        EXPECT_STR(served, "x5T3x1T0T6");
        expect_left(0);
}

static void *own_priority(void *arg)
{
        EXPECT_EQ(cede_thread_priority(), 0); /* not its creator's, nor its predecessor's */
        cede_thread_set_priority((int)(intptr_t)arg);
        EXPECT_EQ(cede_thread_priority(), (intptr_t)arg);
        return NULL;
}

TEST(each_thread_has_its_own)
{
        cede_thread_set_priority(4);
        for (intptr_t i = 1; i < 50; i++)
                join(start(own_priority, (void *)i));
        EXPECT_EQ(cede_thread_priority(), 4);
}

/* Mutex and condition. */

static struct cede_mutex mutex;
static struct cede_condition condition;
static bool may_go;

static void *lock_and_serve(void *arrival)
{
        const struct arrival *a = arrival;

        cede_thread_set_priority(a->priority);
        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
        serve(a);
        EXPECT_EQ(cede_mutex_unlock(&mutex), 0);
        return NULL;
}

static int task_locks(void *arrival)
{
        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
        serve(arrival);
        EXPECT_EQ(cede_mutex_unlock(&mutex), 0);
        return 0;
}

static int queue_for_the_mutex(void *arg)
{
        struct arrival a[] = { { 'T', 2, 0, { 0 } }, { 't', 3, 0, { 0 } }, { 'T', 8, 0, { 0 } },
                               { 't', 8, 0, { 0 } }, { 'T', 0, 0, { 0 } }, { 'T', 5, 0, { 0 } } };

        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
        for (unsigned i = 0; i < 6; i++) {
                struct cede_spawn_options options = { .priority = a[i].priority };

                if (a[i].kind == 'T')
                        a[i].thread = start(lock_and_serve, &a[i]);
                else
                        EXPECT_EQ(cede_spawn_with(NULL, &options, task_locks, &a[i], NULL), 0);
                while (cede_mutex_waiting(&mutex) != i + 1)
                        EXPECT_EQ(cede_yield(), 0);
        }
        EXPECT_EQ(cede_mutex_unlock(&mutex), 0);
        until_served(6);
        for (unsigned i = 0; i < 6; i++)
                if (a[i].kind == 'T')
                        join(a[i].thread);
        (void)arg;
        return 0;
}

TEST(threads_and_tasks_in_a_mutex)
{
        EXPECT_EQ(cede_mutex_init(&mutex, CEDE_PRIORITY), 0);
        EXPECT_EQ(cede_run(queue_for_the_mutex, NULL), 0);
        EXPECT_STR(served, "T8t8T5t3T2T0");
        cede_mutex_finish(&mutex);
}

static void *wait_for_the_condition(void *arrival)
{
        const struct arrival *a = arrival;

        cede_thread_set_priority(a->priority);
        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
        while (!may_go)
                EXPECT_EQ(cede_condition_wait(&condition, &mutex), 0);
        serve(a);
        EXPECT_EQ(cede_mutex_unlock(&mutex), 0);
        return NULL;
}

/* FIFO at the condition: it is the mutex's queue, to which all of them move, that sorts them. */
TEST(notified_threads_in_a_mutex)
{
        struct arrival a[] = { { 'T', 1, 0, { 0 } }, { 'T', 6, 0, { 0 } }, { 'T', 3, 0, { 0 } } };

        EXPECT_EQ(cede_mutex_init(&mutex, CEDE_PRIORITY), 0);
        EXPECT_EQ(cede_condition_init(&condition, CEDE_FIFO), 0);
        for (unsigned i = 0; i < 3; i++) {
                a[i].thread = start(wait_for_the_condition, &a[i]);
                while (cede_condition_waiting(&condition) != i + 1)
                        sched_yield();
        }
        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
        may_go = true;
        EXPECT_EQ(cede_condition_notify_all(&condition), 3);
        EXPECT_EQ(cede_mutex_unlock(&mutex), 0);
        for (unsigned i = 0; i < 3; i++)
                join(a[i].thread);
        EXPECT_STR(served, "T6T3T1");
        cede_condition_finish(&condition);
        cede_mutex_finish(&mutex);
}

/* Runs and offloaded functions. */

static int main_task(void *arg)
{
        EXPECT_EQ(cede_task_priority(cede_task_self()), 0);
        cede_task_set_priority(cede_task_self(), 3);
        (void)arg;
        return 0;
}

TEST(a_run_has_another)
{
        cede_thread_set_priority(9);
        EXPECT_EQ(cede_run(main_task, NULL), 0);
        EXPECT_EQ(cede_thread_priority(), 9);
}

static int leave_a_priority(void *arg)
{
        EXPECT_EQ(cede_thread_priority(), 0);
        cede_thread_set_priority(5);
        *(pthread_t *)arg = pthread_self();
        return 0;
}

static int offload_twice(void *arg)
{
        pthread_t threads[2];

        cede_task_set_priority(cede_task_self(), 8); /* is the task's */
        for (unsigned i = 0; i < 2; i++)
                EXPECT_EQ(cede_offload(leave_a_priority, &threads[i]), 0);
        EXPECT(pthread_equal(threads[0], threads[1]));
        (void)arg;
        return 0;
}

TEST(offloaded_functions_begin_with_0)
{
        EXPECT_EQ(cede_run_with(offload_twice, NULL,
                                &(struct cede_run_options){ .offload_threads = 1 }),
                  0);
}

/* Not for others. */

static int set_in_a_task(void *arg)
{
        (void)arg;
        cede_thread_set_priority(1);
        return 0;
}

TEST_ABORTS(not_in_a_task, "set by cede_task_set_priority")
{
        (void)!cede_run(set_in_a_task, NULL);
}

static void ask_in_a_callback(struct cede_callback *callback, int result)
{
        (void)callback;
        (void)result;
        (void)!cede_thread_priority();
}

static int call_back(void *arg)
{
        struct cede_callback callback = { .fn = ask_in_a_callback };

        (void)arg;
        EXPECT_EQ(cede_sem_init(&sem, 1, CEDE_FIFO), 0);
        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &callback), 0);
        return cede_yield();
}

TEST_ABORTS(not_in_a_callback, "in a task or a callback")
{
        (void)!cede_run(call_back, NULL);
}
