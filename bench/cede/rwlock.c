/* SPDX-License-Identifier: MIT */
/* Rows of the read-write lock, without contention. */
#include "rows.h"

#if __has_include(<cede/rwlock.h>)

static struct cede_rwlock lock;

static int read_pairs(long n)
{
        int r = 0;

        for (long i = 0; i < n && r >= 0; i++) {
                r = cede_rwlock_read_lock(&lock);
                if (r >= 0)
                        r = cede_rwlock_read_unlock(&lock);
        }
        return r;
}

static int write_pairs(long n)
{
        int r = 0;

        for (long i = 0; i < n && r >= 0; i++) {
                r = cede_rwlock_write_lock(&lock);
                if (r >= 0)
                        r = cede_rwlock_write_unlock(&lock);
        }
        return r;
}

static int (*pairs)(long n);

static int repeat(void *arg)
{
        long n = *(long *)arg;
        int r = pairs(BENCH_WARM_UP);
        int64_t start = bench_now();

        if (r >= 0)
                r = pairs(n);
        bench_result(bench_per(bench_now() - start, n));
        return r;
}

void row_read(long n, long tasks)
{
        (void)tasks;
        pairs = read_pairs;
        in_run(repeat, n);
}

void row_write(long n, long tasks)
{
        (void)tasks;
        pairs = write_pairs;
        in_run(repeat, n);
}

#else

void row_read(long n, long tasks)
{
        (void)n;
        (void)tasks;
        fprintf(stderr, "bench: this library has no read-write lock\n");
        exit(4); /* not offered, as opposed to failed */
}

void row_write(long n, long tasks)
{
        row_read(n, tasks);
}

#endif
