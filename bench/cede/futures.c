/* SPDX-License-Identifier: MIT */
/* The row of futures: one task awaits a new one each time, another one resolves it. */
#include "rows.h"

static struct cede_future *current;
static long left;
static bool embedded;

static int resolves(void *arg)
{
        int r = 0;

        (void)arg;
        while (left > 0 && r >= 0) {
                r = cede_future_resolve(current, NULL);
                if (r >= 0)
                        r = cede_yield();
        }
        return r;
}

static int await_new(void)
{
        int r;

        current = cede_future_new();
        if (!current)
                return -ENOMEM;
        r = cede_future_await(current, NULL);
        cede_future_unref(current);
        return r;
}

static int await_embedded(void)
{
        struct cede_future future = { 0 };

        current = &future;
        return cede_future_await(&future, NULL);
}

static int awaits(void *arg)
{
        int64_t start = 0;
        long n = *(long *)arg;
        int r = 0;

        for (left = n + BENCH_WARM_UP; left > 0 && r >= 0; left--) {
                if (left == n)
                        start = bench_now();
                r = embedded ? await_embedded() : await_new();
        }
        bench_result(bench_per(bench_now() - start, n));
        return r;
}

static int both(void *arg)
{
        int r = 0;

        CEDE_SCOPE(tasks, &r) {
                r = cede_spawn(&tasks, awaits, arg);
                if (r >= 0)
                        r = cede_spawn(&tasks, resolves, NULL);
        }
        return r;
}

void row_future(long n, long tasks)
{
        (void)tasks;
        in_run(both, n);
}

void row_future_embedded(long n, long tasks)
{
        (void)tasks;
        embedded = true;
        in_run(both, n);
}
