/* SPDX-License-Identifier: MIT */
/*
 * What the C and C++ programs of the bench share: clocks, memory, and the command line
 * `PROGRAM ROW N [TASKS]`, which prints one line of numbers.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* What runs before the clock starts; the same whatever N is, so that counts for N and 2N differ by
 * N operations. */
enum { BENCH_WARM_UP = 10000 };

struct bench_row {
        const char *name;
        void (*run)(long n, long tasks); /* tasks (or threads): 0 if the row does not ask */
};

static inline int64_t bench_now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What all threads of the process have consumed, in nanoseconds: user and system time. */
static inline int64_t bench_cpu(void)
{
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Resident memory in bytes. */
static inline long bench_resident(void)
{
        FILE *file = fopen("/proc/self/statm", "r");
        long size, pages;

        if (!file || fscanf(file, "%ld %ld", &size, &pages) != 2) {
                fprintf(stderr, "bench: cannot read /proc/self/statm\n");
                exit(1);
        }
        fclose(file);
        return pages * sysconf(_SC_PAGESIZE);
}

static inline void bench_check(int r, const char *what)
{
        if (r >= 0)
                return;
        fprintf(stderr, "bench: %s: %s\n", what, strerror(-r));
        exit(1);
}

/* Ends the program so that the driver tries again with a longer pause. */
static inline void bench_all_asleep(int sound)
{
        if (sound)
                return;
        fprintf(stderr, "bench: they did not all sleep at the same time\n");
        exit(3);
}

static inline double bench_per(int64_t total, long n)
{
        return (double)total / (double)n;
}

static inline void bench_result(double value)
{
        printf("%.3f\n", value);
}

static inline void bench_results(double first, double second)
{
        printf("%.3f %.3f\n", first, second);
}

/* The most that one of them got over the least; infinite if one got nothing. */
static inline double bench_share(const long *counts, long n)
{
        long least = counts[0], most = counts[0];

        for (long i = 1; i < n; i++) {
                least = counts[i] < least ? counts[i] : least;
                most = counts[i] > most ? counts[i] : most;
        }
        return (double)most / (double)least;
}

/* Spreads the ends of sleeps evenly over `range`, in an order without a pattern. */
static inline int64_t bench_spread(long i, int64_t range)
{
        return (int64_t)((uint64_t)i * UINT64_C(2654435761) % (uint64_t)range);
}

/*
 * Threads that want one lock: each calls `once` again and again, first until all of them do, which
 * is given a fifth of `ms` milliseconds, then for `ms` milliseconds, which count.  Prints the time
 * of one call, all threads taken together, and the share of the luckiest.
 *
 * By time and not by number, for a lock that is handed over is up to a thousand times slower when
 * it is wanted by all of them than when they come one after the other.
 */
struct bench_contender {
        pthread_t thread;
        pthread_barrier_t *barrier;
        const int *stage; /* 0: warm-up, 1: it counts, 2: the end */
        void (*once)(void);
        long before, calls;
        int64_t begun, ended;
};

static inline void *bench_contend(void *arg)
{
        struct bench_contender *me = (struct bench_contender *)arg;

        pthread_barrier_wait(me->barrier);
        for (me->before = 0; __atomic_load_n(me->stage, __ATOMIC_RELAXED) == 0; me->before++)
                me->once();
        me->begun = bench_now();
        for (me->calls = 0; __atomic_load_n(me->stage, __ATOMIC_RELAXED) == 1; me->calls++)
                me->once();
        me->ended = bench_now();
        return NULL;
}

static inline void bench_contended(void (*once)(void), const long *calls, long ms, long threads)
{
        struct bench_contender all[64];
        int64_t begun = INT64_MAX, ended = 0;
        pthread_barrier_t barrier;
        long counts[64], sum = 0, before = 0;
        int stage = 0;

        pthread_barrier_init(&barrier, NULL, (unsigned)threads + 1);
        for (long i = 0; i < threads; i++) {
                all[i].barrier = &barrier;
                all[i].stage = &stage;
                all[i].once = once;
                bench_check(-pthread_create(&all[i].thread, NULL, bench_contend, &all[i]),
                            "pthread_create");
        }
        pthread_barrier_wait(&barrier);
        usleep((unsigned)ms * 200);
        __atomic_store_n(&stage, 1, __ATOMIC_RELAXED);
        usleep((unsigned)ms * 1000);
        __atomic_store_n(&stage, 2, __ATOMIC_RELAXED);
        for (long i = 0; i < threads; i++) {
                pthread_join(all[i].thread, NULL);
                begun = all[i].begun < begun ? all[i].begun : begun;
                ended = all[i].ended > ended ? all[i].ended : ended;
                counts[i] = all[i].calls;
                sum += counts[i];
                before += all[i].before;
        }
        bench_check(before + sum == *calls ? 0 : -EINVAL, "the lock does not exclude");
        bench_results(bench_per(ended - begun, sum), bench_share(counts, threads));
}

/*
 * So many threads put, and so many get, first a few items and then n; `each` says how many each of
 * them passes.
 */
static inline void bench_pass_items(void *(*puts)(void *), void *(*gets)(void *), long *each,
                                    long n, long pairs)
{
        pthread_t threads[64];
        int64_t start = 0;

        for (int round = 0; round < 2; round++) {
                *each = (round ? n : BENCH_WARM_UP) / pairs;
                start = bench_now();
                for (long i = 0; i < 2 * pairs; i++)
                        bench_check(-pthread_create(&threads[i], NULL, i % 2 ? gets : puts, NULL),
                                    "pthread_create");
                for (long i = 0; i < 2 * pairs; i++)
                        pthread_join(threads[i], NULL);
        }
        bench_result(bench_per(bench_now() - start, n));
}

static inline int bench_main(int argc, char **argv, const struct bench_row *rows)
{
        long n = argc > 2 ? atol(argv[2]) : 0, tasks = argc > 3 ? atol(argv[3]) : 0;

        for (; n > 0 && rows->name; rows++)
                if (strcmp(rows->name, argv[1]) == 0) {
                        rows->run(n, tasks);
                        return 0;
                }
        fprintf(stderr, "usage: %s ROW N [TASKS]\n", argv[0]);
        return 2;
}

#endif
