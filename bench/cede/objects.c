/* SPDX-License-Identifier: MIT */
/* Rows of one object: mutex and semaphore, without contention and with; offload. */
#include "rows.h"

static struct cede_mutex mutex;
static struct cede_sem sem = CEDE_SEM_INIT(1, CEDE_FIFO);

static int mutex_pairs(long n)
{
        int r = 0;

        for (long i = 0; i < n && r >= 0; i++) {
                r = cede_mutex_lock(&mutex);
                if (r >= 0)
                        r = cede_mutex_unlock(&mutex);
        }
        return r;
}

static int sem_pairs(long n)
{
        int r = 0;

        for (long i = 0; i < n && r >= 0; i++) {
                r = cede_sem_acquire(&sem);
                if (r >= 0)
                        r = cede_sem_release(&sem);
        }
        return r;
}

static int nothing(void *arg)
{
        (void)arg;
        return 0;
}

static int round_trips(long n)
{
        int r = 0;

        for (long i = 0; i < n && r >= 0; i++)
                r = cede_offload(nothing, NULL);
        return r;
}

static int (*operations)(long n);
static long warm_up = BENCH_WARM_UP;

static int repeat(void *arg)
{
        long n = *(long *)arg;
        int r = operations(warm_up);
        int64_t start = bench_now();

        if (r >= 0)
                r = operations(n);
        bench_result(bench_per(bench_now() - start, n));
        return r;
}

void row_mutex(long n, long tasks)
{
        (void)tasks;
        operations = mutex_pairs;
        in_run(repeat, n);
}

void row_semaphore(long n, long tasks)
{
        (void)tasks;
        operations = sem_pairs;
        in_run(repeat, n);
}

void row_offload(long n, long tasks)
{
        (void)tasks;
        operations = round_trips;
        warm_up = 1000;
        in_run(repeat, n);
}

/* Plain threads that want one mutex. */

static long counter;

static void increment(void)
{
        bench_check(cede_mutex_lock(&mutex), "cede_mutex_lock");
        counter++;
        cede_mutex_unlock(&mutex);
}

void row_contended(long ms, long threads)
{
        bench_contended(increment, &counter, ms, threads);
}

void row_contended_adaptive(long ms, long threads)
{
#ifdef HAVE_TRANSFER
        cede_mutex_set_transfer(&mutex, CEDE_ADAPTIVE);
        row_contended(ms, threads);
#else
        (void)ms;
        (void)threads;
        fprintf(stderr, "bench: this library has no adaptive transfer\n");
        exit(4); /* not offered, as opposed to failed */
#endif
}
