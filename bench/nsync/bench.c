/* SPDX-License-Identifier: MIT */
/* nsync: a mutex without hand-over, and a condition. */
#include "../bench.h"
#include <nsync.h>

static nsync_mu mutex = NSYNC_MU_INIT;
static int64_t start;

static void pairs(long n)
{
        for (long i = 0; i < n; i++) {
                nsync_mu_lock(&mutex);
                nsync_mu_unlock(&mutex);
        }
}

static void row_mutex(long n, long tasks)
{
        (void)tasks;
        pairs(BENCH_WARM_UP);
        start = bench_now();
        pairs(n);
        bench_result(bench_per(bench_now() - start, n));
}

/* The same lock, shared. */

static void read_pairs(long n)
{
        for (long i = 0; i < n; i++) {
                nsync_mu_rlock(&mutex);
                nsync_mu_runlock(&mutex);
        }
}

static void row_read(long n, long tasks)
{
        (void)tasks;
        read_pairs(BENCH_WARM_UP);
        start = bench_now();
        read_pairs(n);
        bench_result(bench_per(bench_now() - start, n));
}

/* Threads that want one lock. */

static long counter;

static void increment(void)
{
        nsync_mu_lock(&mutex);
        counter++;
        nsync_mu_unlock(&mutex);
}

static void row_contended(long ms, long threads)
{
        bench_contended(increment, &counter, ms, threads);
}

/* Two threads pass a turn back and forth. */

static nsync_cv changed = NSYNC_CV_INIT;
static long turns, warm_up = 100, goal;

static void *plays(void *arg)
{
        nsync_mu_lock(&mutex);
        while (turns < goal) {
                while (turns < goal && turns % 2 != (arg != NULL))
                        nsync_cv_wait(&changed, &mutex);
                if (++turns == warm_up)
                        start = bench_now();
                nsync_cv_signal(&changed);
        }
        nsync_mu_unlock(&mutex);
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

int main(int argc, char **argv)
{
        static const struct bench_row rows[] = {
                { "mutex", row_mutex },
                { "read", row_read },
                { "contended", row_contended },
                { "condition", row_condition },
                { NULL, NULL },
        };

        return bench_main(argc, argv, rows);
}
