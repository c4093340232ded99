/* SPDX-License-Identifier: MIT */
/* Rows of tasks that take turns: switch, spawn, hand-off, event, condition. */
#include "rows.h"

enum { BATCH = 10000 };

static long many; /* tasks */

/* A ring: each task yields to the next. */

static int yields(void *arg)
{
        int r = 0;

        for (long left = *(long *)arg; left > 0 && r >= 0; left--)
                r = cede_yield();
        return r;
}

static int ring(long each)
{
        int r = 0;

        CEDE_SCOPE(tasks, &r)
                for (long i = 0; i < many && r >= 0; i++)
                        r = cede_spawn(&tasks, yields, &each);
        return r;
}

static int switches(void *arg)
{
        long each = *(long *)arg / many;
        int r = ring(BENCH_WARM_UP / many);
        int64_t start = bench_now();

        if (r >= 0)
                r = ring(each);
        bench_result(bench_per(bench_now() - start, each * many));
        return r;
}

void row_switch(long n, long tasks)
{
        many = tasks;
        in_run(switches, n);
}

/* Batches of tasks that do next to nothing, each joined by closing its scope. */

static int (*body)(void *arg);

static int returns(void *arg)
{
        (void)arg;
        return 0;
}

static int yields_once(void *arg)
{
        (void)arg;
        return cede_yield();
}

static int batches(long n)
{
        int r = 0;

        for (; n > 0 && r >= 0; n -= BATCH)
                CEDE_SCOPE(tasks, &r)
                        for (long i = 0; i < BATCH && r >= 0; i++)
                                r = cede_spawn(&tasks, body, NULL);
        return r;
}

static int spawns(void *arg)
{
        long n = *(long *)arg;
        int r = batches(BATCH);
        int64_t start = bench_now();

        if (r >= 0)
                r = batches(n);
        bench_result(bench_per(bench_now() - start, n));
        return r;
}

void row_spawn(long n, long tasks)
{
        (void)tasks;
        body = returns;
        in_run(spawns, n);
}

void row_scale_spawn(long n, long workers)
{
        body = returns;
        in_run_of(spawns, n, (unsigned)workers);
}

void row_spawn_yield(long n, long tasks)
{
        (void)tasks;
        body = yields_once;
        in_run(spawns, n);
}

/* Hand-off: all want one mutex, and whoever has it yields before giving it back. */

static struct cede_mutex mutex;
static long taken, warm_up, goal, *counts;
static int64_t start;

static int wants_it(void *arg)
{
        long *own = arg;

        while (taken < goal) {
                int r = cede_mutex_lock(&mutex);

                if (r < 0)
                        return r;
                if (taken == warm_up)
                        start = bench_now();
                *own += taken >= warm_up && taken < goal;
                taken++;
                r = cede_yield();
                cede_mutex_unlock(&mutex);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The clock stops with the last acquisition that counts; the tasks that still stand in the queue
 * then are `many` of `goal`. */
static int handoffs(void *arg)
{
        int r = 0;
        long n = *(long *)arg;

        counts = calloc((size_t)many, sizeof(*counts));
        warm_up = 2 * many;
        goal = n + warm_up;
        CEDE_SCOPE(tasks, &r)
                for (long i = 0; i < many && r >= 0; i++)
                        r = cede_spawn(&tasks, wants_it, &counts[i]);
        bench_results(bench_per(bench_now() - start, taken - warm_up), bench_share(counts, many));
        free(counts);
        return r;
}

void row_handoff(long n, long tasks)
{
        many = tasks;
        in_run(handoffs, n);
}

/* Event: from setting it until the last of the waiters runs. */

static struct cede_event event;
static long woken;
static int64_t last;

static int waits(void *arg)
{
        int r = cede_event_wait(&event);

        (void)arg;
        if (++woken == many)
                last = bench_now();
        return r;
}

static int broadcast(int64_t *total)
{
        int r = 0;

        woken = 0;
        cede_event_clear(&event);
        CEDE_SCOPE(tasks, &r) {
                for (long i = 0; i < many && r >= 0; i++)
                        r = cede_spawn(&tasks, waits, NULL);
                if (r >= 0)
                        r = cede_yield(); /* all of them wait now */
                start = bench_now();
                cede_event_set(&event);
        }
        *total += last - start;
        return r;
}

static int broadcasts(void *arg)
{
        long n = *(long *)arg;
        int64_t total = 0;
        int r = broadcast(&total);

        total = 0;
        for (long i = 0; i < n && r >= 0; i += many)
                r = broadcast(&total);
        bench_result(bench_per(total, n));
        return r;
}

void row_event(long n, long tasks)
{
        many = tasks;
        in_run(broadcasts, n);
}

/* Condition: two tasks pass a turn back and forth. */

static struct cede_condition changed;
static int whose;

static int plays(void *arg)
{
        int me = (int)(intptr_t)arg, r = cede_mutex_lock(&mutex);

        while (taken < goal && r >= 0) {
                while (whose != me && r >= 0)
                        r = cede_condition_wait(&changed, &mutex);
                if (++taken == warm_up)
                        start = bench_now();
                whose = !me;
                cede_condition_notify(&changed, 1);
        }
        cede_mutex_unlock(&mutex);
        return r;
}

static int ping_pong(void *arg)
{
        int r = 0;

        warm_up = BENCH_WARM_UP;
        goal = *(long *)arg + warm_up;
        CEDE_SCOPE(players, &r)
                for (int i = 0; i < 2 && r >= 0; i++)
                        r = cede_spawn(&players, plays, (void *)(intptr_t)i);
        bench_result(bench_per(bench_now() - start, goal - warm_up));
        return r;
}

void row_condition(long n, long tasks)
{
        (void)tasks;
        in_run(ping_pong, n);
}
