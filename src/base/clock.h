/* SPDX-License-Identifier: MIT */
/* The real clock, and absolute times that cannot overflow. */
#ifndef CEDE_BASE_CLOCK_H
#define CEDE_BASE_CLOCK_H

#include "base/chooser.h"
#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC in nanoseconds. */
static inline int64_t cede__clock_now(void)
{
        struct timespec t;
        int64_t chosen;

        if (cede__controlled() && cede__chooser->now(cede__chooser, &chosen))
                return chosen;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline struct timespec cede__clock_timespec(int64_t ns)
{
        return (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

/* now + ns, where a negative ns counts as 0 and a sum out of range as "never". */
static inline int64_t cede__clock_add(int64_t now, int64_t ns)
{
        int64_t sum;

        if (ns < 0)
                return now;
        return __builtin_add_overflow(now, ns, &sum) ? INT64_MAX : sum;
}

#endif
