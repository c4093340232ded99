/* SPDX-License-Identifier: MIT */
/*
 * Ten threads, or ten tasks, increment one counter.
 *
 * An increment reads, adds and writes.  Threads may change places between any two of these, and
 * then one writes over what the other has counted: they need the mutex.  Tasks of one loop change
 * places only where they wait or yield; since there is no such place in the increment, nothing is
 * lost, with the mutex or without.
 *
 * It is the same mutex for both.  Its transfer is adaptive: a thread that runs already may lock it
 * before one that would have to be woken first.  Handing it over strictly, each time to the next in
 * the queue, the system would have to switch threads at each increment.
 */
#include "example.h"

#include <cede.h>
#include <stdatomic.h>
#include <stdio.h>

enum { WORKERS = 10 };

/* Atomic, so that unlocked threads are wrong, but not undefined: the increment is not atomic. */
static atomic_long counter;
static struct cede_mutex mutex;

enum { TASKS, THREADS };
static int way = THREADS;
static bool unlocked;
static long count;

static void increment(bool pause)
{
        long seen = atomic_load_explicit(&counter, memory_order_relaxed);

        /* The system takes the processor away when it likes.  Asked for, it can be relied on. */
        if (pause)
                cede_yield();
        atomic_store_explicit(&counter, seen + 1, memory_order_relaxed);
}

static int increment_all(void *arg)
{
        int r = 0;

        (void)arg;
        for (long i = 0; i < count && r == 0; i++) {
                if (!unlocked)
                        r = cede_mutex_lock(&mutex);
                if (r < 0)
                        return r;
                increment(i % 100 == 0 && unlocked && way == THREADS);
                if (!unlocked)
                        cede_mutex_unlock(&mutex);
                if (way == TASKS)
                        r = cede_yield(); /* lets the others count */
        }
        return r;
}

static int with_tasks(void)
{
        int r = 0;

        CEDE_SCOPE(workers, &r) {
                for (int i = 0; i < WORKERS && r >= 0; i++)
                        r = cede_spawn(&workers, increment_all, NULL);
        }
        return r;
}

static int with_threads(void)
{
        return run_threads(WORKERS, increment_all, NULL);
}

static int count_up(void *arg)
{
        int r;

        (void)arg;
        r = cede_mutex_set_transfer(&mutex, CEDE_ADAPTIVE);
        if (r < 0)
                return r;
        if (!count)
                count = way == TASKS ? 10000 : 100000;
        r = way == TASKS ? with_tasks() : with_threads();
        if (r < 0)
                return r;
        printf("Final counter value: %ld\n", counter);
        return 0;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "with", "tasks|threads", "who counts (threads)", .choice = &way },
                { "unlocked", NULL, "without the mutex", .flag = &unlocked },
                { "count", "N",
                  "how often each of the ten increments (tasks 10000, threads 100000)",
                  .number = &count, .min = 1, .max = 100000000 },
                { 0 },
        };

        return example_main(argc, argv, "Ten tasks or threads increment one counter.", options,
                            count_up);
}
