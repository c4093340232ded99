/* SPDX-License-Identifier: MIT */
/* What libc offers: threads, mutexes, semaphores, conditions; contexts; a bare spin lock. */
#include "../bench.h"
#include "limits.h"
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <ucontext.h>

enum { BATCH = 1000, STACK = 64 * 1024 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int64_t start;

/* swapcontext back and forth: two switches a round. */

static ucontext_t here, there;

static void bounce(void)
{
        for (;;)
                swapcontext(&there, &here);
}

static void bounces(long n)
{
        for (long i = 0; i < n; i += 2)
                swapcontext(&here, &there);
}

static void row_swapcontext(long n, long tasks)
{
        static char stack[STACK];

        (void)tasks;
        getcontext(&there);
        there.uc_stack.ss_sp = stack;
        there.uc_stack.ss_size = sizeof(stack);
        makecontext(&there, bounce, 0);
        bounces(BENCH_WARM_UP);
        start = bench_now();
        bounces(n);
        bench_result(bench_per(bench_now() - start, n));
}

/* Batches of threads, joined one after the other. */

static void *returns(void *arg)
{
        return arg;
}

static void batch(void)
{
        static pthread_t thread[BATCH];

        for (long i = 0; i < BATCH; i++)
                bench_check(-pthread_create(&thread[i], NULL, returns, NULL), "pthread_create");
        for (long i = 0; i < BATCH; i++)
                pthread_join(thread[i], NULL);
}

static void row_spawn(long n, long tasks)
{
        (void)tasks;
        batch();
        start = bench_now();
        for (long i = 0; i < n; i += BATCH)
                batch();
        bench_result(bench_per(bench_now() - start, n));
}

/* Pairs of operations by one thread. */

static void mutex_pairs(long n)
{
        for (long i = 0; i < n; i++) {
                pthread_mutex_lock(&mutex);
                pthread_mutex_unlock(&mutex);
        }
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static void read_pairs(long n)
{
        for (long i = 0; i < n; i++) {
                pthread_rwlock_rdlock(&rwlock);
                pthread_rwlock_unlock(&rwlock);
        }
}

static void write_pairs(long n)
{
        for (long i = 0; i < n; i++) {
                pthread_rwlock_wrlock(&rwlock);
                pthread_rwlock_unlock(&rwlock);
        }
}

static sem_t sem;

static void sem_pairs(long n)
{
        for (long i = 0; i < n; i++) {
                sem_wait(&sem);
                sem_post(&sem);
        }
}

static atomic_int held;

/* An exchange and a store: the least that any lock can do. */
static void fas_pairs(long n)
{
        for (long i = 0; i < n; i++) {
                while (atomic_exchange_explicit(&held, 1, memory_order_acquire))
                        ;
                atomic_store_explicit(&held, 0, memory_order_release);
        }
}

static void repeat(void (*pairs)(long n), long n)
{
        pairs(BENCH_WARM_UP);
        start = bench_now();
        pairs(n);
        bench_result(bench_per(bench_now() - start, n));
}

/* As long as there is but one thread, libc locks without atomic operations. */
static void row_mutex_alone(long n, long tasks)
{
        (void)tasks;
        repeat(mutex_pairs, n);
}

static void *sleeps(void *arg)
{
        pause();
        return arg;
}

static void row_mutex(long n, long tasks)
{
        pthread_t thread;

        bench_check(-pthread_create(&thread, NULL, sleeps, NULL), "pthread_create");
        row_mutex_alone(n, tasks);
}

static void row_read(long n, long tasks)
{
        (void)tasks;
        repeat(read_pairs, n);
}

static void row_write(long n, long tasks)
{
        (void)tasks;
        repeat(write_pairs, n);
}

static void row_semaphore(long n, long tasks)
{
        (void)tasks;
        sem_init(&sem, 0, 1);
        repeat(sem_pairs, n);
}

static void row_fas(long n, long tasks)
{
        (void)tasks;
        repeat(fas_pairs, n);
}

/* Threads that want one lock. */

static long counter;

static void increment(void)
{
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
}

static void increment_by_semaphore(void)
{
        sem_wait(&sem);
        counter++;
        sem_post(&sem);
}

static void row_contended(long ms, long threads)
{
        bench_contended(increment, &counter, ms, threads);
}

static void row_contended_semaphore(long ms, long threads)
{
        sem_init(&sem, 0, 1);
        bench_contended(increment_by_semaphore, &counter, ms, threads);
}

/* Two threads pass a turn back and forth. */

static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long turns, warm_up = 100, goal;

static void *plays(void *arg)
{
        pthread_mutex_lock(&mutex);
        while (turns < goal) {
                while (turns < goal && turns % 2 != (arg != NULL))
                        pthread_cond_wait(&changed, &mutex);
                if (++turns == warm_up)
                        start = bench_now();
                pthread_cond_signal(&changed);
        }
        pthread_mutex_unlock(&mutex);
        return NULL;
}

static void row_condition(long n, long tasks)
{
        pthread_t thread;

        (void)tasks;
        goal = n + warm_up;
        bench_check(-pthread_create(&thread, NULL, plays, NULL), "pthread_create");
        plays(&goal);
        pthread_join(thread, NULL);
        bench_result(bench_per(bench_now() - start, n));
}

/* Work for another thread: a request, and the wait for its answer. */

static bool requested;

static void *works(void *arg)
{
        pthread_mutex_lock(&mutex);
        for (;;) {
                while (!requested)
                        pthread_cond_wait(&changed, &mutex);
                requested = false;
                sem_post(&sem);
        }
        return arg;
}

static void round_trips(long n)
{
        for (long i = 0; i < n; i++) {
                pthread_mutex_lock(&mutex);
                requested = true;
                pthread_mutex_unlock(&mutex);
                pthread_cond_signal(&changed);
                sem_wait(&sem);
        }
}

static void row_offload(long n, long tasks)
{
        pthread_t thread;

        (void)tasks;
        sem_init(&sem, 0, 0);
        bench_check(-pthread_create(&thread, NULL, works, NULL), "pthread_create");
        round_trips(1000);
        start = bench_now();
        round_trips(n);
        bench_result(bench_per(bench_now() - start, n));
}

/* Items through a ring, with a mutex and two conditions. */

enum { CAPACITY = 1024 };

static long ring[CAPACITY], first, count, each;
static pthread_cond_t room = PTHREAD_COND_INITIALIZER;

static void *puts_all(void *arg)
{
        for (long i = 0; i < each; i++) {
                pthread_mutex_lock(&mutex);
                while (count == CAPACITY)
                        pthread_cond_wait(&room, &mutex);
                ring[(first + count++) % CAPACITY] = i;
                pthread_mutex_unlock(&mutex);
                pthread_cond_signal(&changed);
        }
        return arg;
}

static void *gets_all(void *arg)
{
        for (long i = 0; i < each; i++) {
                pthread_mutex_lock(&mutex);
                while (count == 0)
                        pthread_cond_wait(&changed, &mutex);
                first = (first + 1) % CAPACITY;
                count--;
                pthread_mutex_unlock(&mutex);
                pthread_cond_signal(&room);
        }
        return arg;
}

static void row_queue_threads(long n, long tasks)
{
        bench_pass_items(puts_all, gets_all, &each, n, tasks);
}

int main(int argc, char **argv)
{
        static const struct bench_row rows[] = {
                { "swapcontext", row_swapcontext },
                { "spawn", row_spawn },
                { "mutex", row_mutex },
                { "mutex_alone", row_mutex_alone },
                { "fas", row_fas },
                { "semaphore", row_semaphore },
                { "read", row_read },
                { "write", row_write },
                { "contended", row_contended },
                { "contended_semaphore", row_contended_semaphore },
                { "condition", row_condition },
                { "offload", row_offload },
                { "scale_tree", row_scale_tree },
                { "futex", row_futex },
                { "queue_threads", row_queue_threads },
                { NULL, NULL },
        };

        return bench_main(argc, argv, rows);
}
