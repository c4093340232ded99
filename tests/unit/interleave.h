/* SPDX-License-Identifier: MIT */
/*
 * Tests of threads that race: every order of their steps, one schedule after the other.
 *
 *      static void acquire(void) { ... }
 *      static void release(void) { ... }
 *
 *      TEST(grant_meets_begin)
 *      {
 *              interleave(&(struct interleaving){ .prepare = empty,
 *                                                 .threads = { acquire, release },
 *                                                 .check = one_permit_is_left });
 *      }
 *
 * The functions run on real threads, one at a time: at each step (base/chooser.h) it is decided who
 * goes on.  All decisions there are get explored, depth first, in schedules with no preemption
 * first, then with one, and so on.  A preemption is a switch away from a thread that could go on.
 *
 * What fails ends the test, and the schedule is printed as a string.  With it as INTERLEAVE in the
 * environment only that schedule runs, and each of its steps is printed:
 *
 *      INTERLEAVE=a3b2a4 build/tests/PROGRAM --no-fork NAME
 *
 * Besides failed expectations these are failures: all threads sleep, and none has a deadline; a
 * schedule that does not end; a touch of memory that is `interleave_gone`, or of a thread's wait
 * after the thread has gone on.
 *
 * The threads see each other's writes in program order: what only a weaker memory order allows is
 * not found.  Time stands still, until nobody can go on but by a deadline.
 */
#ifndef INTERLEAVE_H
#define INTERLEAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INTERLEAVE_THREADS = 4, INTERLEAVE_START = 1000000000 };

struct interleaving {
        void (*prepare)(void); /* before each schedule */
        void (*threads[INTERLEAVE_THREADS + 1])(void);
        void (*check)(void); /* after each schedule */

        unsigned preemptions; /* at most, in one schedule; 0: any number; never many if slowed */
        unsigned early;       /* how many sleeps may end for no reason, in one schedule */
        unsigned expiring;    /* how many deadlines may pass while others could still go on */

        /* Instead of all: so many drawn at random, with any number of preemptions. */
        unsigned long draws;
        uint64_t seed;
};

struct interleaved {
        unsigned long schedules; /* of the last round: those of earlier ones are among them */
        unsigned preemptions;    /* the most there were, or were allowed */
        bool complete;           /* there is no schedule that would take more */
};

struct interleaved interleave(const struct interleaving *what);

/* A step of the test's own: others may go on here. */
void interleave_step(const char *name);

/* Wait for another thread of the same interleaving: until the flag is set; while it has a value. */
void interleave_until(const uintptr_t *flag);
void interleave_until_not(const uintptr_t *flag, uintptr_t value);

/*
 * As one of the threads: runs what the library starts a thread for, such as a second worker.  It
 * has to start one.
 */
void interleave_worker(void);

/* Memory of the size of a page at most, zeroed before each schedule. */
void *interleave_memory(unsigned number);

/* It must not be touched any more, in this schedule. */
void interleave_gone(void *memory);

#endif
