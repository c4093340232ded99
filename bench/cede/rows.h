/* SPDX-License-Identifier: MIT */
/* The rows of the bench for this library: each runs n operations and prints what they took. */
#ifndef BENCH_CEDE_ROWS_H
#define BENCH_CEDE_ROWS_H

#include "../bench.h"
#include <cede.h>

/* Runs fn(&n) as the main task, on so many threads; ends the program if it fails. */
static inline void in_run_of(int (*fn)(void *arg), long n, unsigned workers)
{
        const struct cede_run_options options = { .workers = workers };

        bench_check(cede_run_with(fn, &n, &options), "cede_run");
}

/* With every default. */
static inline void in_run(int (*fn)(void *arg), long n)
{
        in_run_of(fn, n, 0);
}

void row_switch(long n, long tasks);
void row_spawn(long n, long tasks);
void row_spawn_yield(long n, long tasks);
void row_handoff(long n, long tasks);
void row_event(long n, long tasks);
void row_condition(long n, long tasks);
void row_future(long n, long tasks);
void row_future_embedded(long n, long tasks);

void row_scale_spawn(long n, long workers);
void row_scale_tree(long n, long workers);

void row_mutex(long n, long tasks);
void row_semaphore(long n, long tasks);
void row_read(long n, long tasks);
void row_write(long n, long tasks);
void row_contended(long n, long tasks);
void row_contended_adaptive(long n, long tasks);
void row_offload(long n, long tasks);
void row_queue(long n, long tasks);
void row_queue_threads(long n, long tasks);

void row_sleepers(long n, long tasks);
void row_timers(long n, long tasks);
void row_blocked(long n, long tasks);
void row_waiting(long n, long tasks);

#endif
