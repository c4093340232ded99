/* SPDX-License-Identifier: MIT */
/* Between the scheduler of threads (interleave.c) and what it asks (interleave_paths.c). */
#ifndef INTERLEAVE_INTERNAL_H
#define INTERLEAVE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "interleave.h"

/* How a thread goes on: as it would, or its sleep ends for no reason, or by its deadline. */
enum interleave__how { GO, EARLY, EXPIRED };

struct interleave__option {
        uint8_t thread;
        uint8_t how;
        bool preempts; /* takes the turn of one that could go on */
};

enum { OPTIONS_MAX = 3 * INTERLEAVE_THREADS };

/* Which of these; the first is the natural one.  Called for every step, with one option as well. */
unsigned interleave__choose(const struct interleave__option *options, unsigned n);

/* The schedule so far, as a string. */
void interleave__describe(char *text, size_t size);

/* Runs one schedule, with interleave__choose deciding.  Fails the test, or returns. */
void interleave__run(void);

/* Ends the test, because of the schedule so far. */
void interleave__fail(const char *format, ...)
        __attribute__((noreturn, cold, format(printf, 1, 2)));

/* Runs the schedules there are. */
struct interleaved interleave__explore(const struct interleaving *what);

/* Of the schedule that runs. */
extern unsigned interleave__preempted, interleave__early, interleave__expired;

/* Whether the steps are to be printed. */
bool interleave__loud(void);

#endif
