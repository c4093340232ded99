/* SPDX-License-Identifier: MIT */
/* libuv: timers without tasks, and work for its threads. */
#include "../bench.h"
#include <uv.h>

static void count(uv_timer_t *timer)
{
        ++*(long *)timer->data;
}

/* Timers, which need no task: the first one fires `seconds` after the last one was set. */
static void row_timers(long n, long seconds)
{
        int64_t cpu = bench_cpu();
        uv_timer_t *timers = malloc((size_t)n * sizeof(*timers));
        uv_loop_t *loop = uv_default_loop();
        long fired = 0;

        for (long i = 0; i < n; i++) {
                uv_timer_init(loop, &timers[i]);
                timers[i].data = &fired;
                uv_timer_start(&timers[i], count,
                               (uint64_t)(seconds * 1000 + bench_spread(i, 1000)), 0);
        }
        uv_run(loop, UV_RUN_DEFAULT);
        bench_check(fired == n ? 0 : -EINVAL, "timers that fired");
        bench_result(bench_per(bench_cpu() - cpu, n));
        free(timers);
}

/* One round trip after the other: the loop runs until the answer is there. */

static void work(uv_work_t *request)
{
        (void)request;
}

static void done(uv_work_t *request, int status)
{
        bench_check(status, "uv_queue_work");
        ++*(long *)request->data;
}

static void round_trips(long n)
{
        long answers = 0;
        uv_work_t request = { .data = &answers };

        for (long i = 0; i < n; i++) {
                bench_check(uv_queue_work(uv_default_loop(), &request, work, done),
                            "uv_queue_work");
                uv_run(uv_default_loop(), UV_RUN_DEFAULT);
        }
        bench_check(answers == n ? 0 : -EINVAL, "answers");
}

static void row_offload(long n, long tasks)
{
        int64_t start;

        (void)tasks;
        round_trips(1000);
        start = bench_now();
        round_trips(n);
        bench_result(bench_per(bench_now() - start, n));
}

int main(int argc, char **argv)
{
        static const struct bench_row rows[] = {
                { "timers", row_timers },
                { "offload", row_offload },
                { NULL, NULL },
        };

        return bench_main(argc, argv, rows);
}
