/* SPDX-License-Identifier: MIT */
/* The rows of the bench for this library: each runs n operations and prints what they took. */
#ifndef BENCH_CEDE_ROWS_H
#define BENCH_CEDE_ROWS_H

#include "../bench.h"
#include <cede.h>

/* Runs fn(&n) as the main task, with every default; ends the program if it fails. */
static inline void in_run(int (*fn)(void *arg), long n)
{
        bench_check(cede_run(fn, &n), "cede_run");
}

void row_switch(long n, long tasks);
void row_spawn(long n, long tasks);
void row_spawn_yield(long n, long tasks);
void row_handoff(long n, long tasks);
void row_event(long n, long tasks);
void row_condition(long n, long tasks);

void row_mutex(long n, long tasks);
void row_semaphore(long n, long tasks);
void row_contended(long n, long tasks);
void row_contended_adaptive(long n, long tasks);
void row_offload(long n, long tasks);
void row_queue(long n, long tasks);
void row_queue_threads(long n, long tasks);

void row_sleepers(long n, long tasks);
void row_blocked(long n, long tasks);
void row_waiting(long n, long tasks);

#endif
