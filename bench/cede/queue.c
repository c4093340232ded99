/* SPDX-License-Identifier: MIT */
/* Rows of queues: items pass through a queue of bounded capacity, between tasks or threads. */
#include "rows.h"

enum { CAPACITY = 1024 };

static struct cede_queue queue = CEDE_QUEUE_INIT(sizeof(long), CAPACITY, CEDE_FIFO);
static long pairs, each;

static int put_all(void *arg)
{
        int r = 0;

        (void)arg;
        for (long i = 0; i < each && r >= 0; i++)
                r = cede_queue_put(&queue, &i);
        return r;
}

static int get_all(void *arg)
{
        int r = 0;

        (void)arg;
        for (long i = 0, item; i < each && r >= 0; i++)
                r = cede_queue_get(&queue, &item);
        return r;
}

static int pass_items(long n)
{
        int r = 0;

        each = n / pairs;
        CEDE_SCOPE(all, &r) {
                for (long i = 0; i < pairs && r >= 0; i++) {
                        r = cede_spawn(&all, put_all, NULL);
                        if (r >= 0)
                                r = cede_spawn(&all, get_all, NULL);
                }
        }
        return r;
}

static int pass_between_tasks(void *arg)
{
        long n = *(long *)arg;
        int r = pass_items(BENCH_WARM_UP);
        int64_t start = bench_now();

        if (r >= 0)
                r = pass_items(n);
        bench_result(bench_per(bench_now() - start, n));
        return r;
}

void row_queue(long n, long tasks)
{
        pairs = tasks > 0 ? tasks : 1;
        in_run(pass_between_tasks, n);
}

static void *puts_all(void *arg)
{
        bench_check(put_all(arg), "cede_queue_put");
        return NULL;
}

static void *gets_all(void *arg)
{
        bench_check(get_all(arg), "cede_queue_get");
        return NULL;
}

void row_queue_threads(long n, long tasks)
{
        bench_pass_items(puts_all, gets_all, &each, n, tasks);
}
