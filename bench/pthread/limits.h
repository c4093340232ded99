/* SPDX-License-Identifier: MIT */
/* What no scheduler can be faster than. */
#ifndef BENCH_PTHREAD_LIMITS_H
#define BENCH_PTHREAD_LIMITS_H

void row_scale_tree(long n, long threads);
void row_futex(long n, long tasks);

#endif
