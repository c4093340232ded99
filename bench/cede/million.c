/* SPDX-License-Identifier: MIT */
/* Rows of a million tasks: asleep, blocked on a semaphore, waiting to start. */
#include "rows.h"

/* Sleepers.  The first one wakes when the last one has gone to sleep; that it was so is checked. */
static int64_t base, pause_before;
static long asleep, peak;

static int sleeps(void *arg)
{
        int r;

        if (++asleep > peak)
                peak = asleep;
        r = cede_sleep_until(base + bench_spread((long)(intptr_t)arg, CEDE_SEC(1)));
        asleep--;
        return r;
}

static int sleepers(void *arg)
{
        long n = *(long *)arg;
        int64_t cpu = bench_cpu();
        int r = 0;

        base = cede_now() + pause_before;
        CEDE_SCOPE(tasks, &r)
                for (long i = 0; i < n && r >= 0; i++)
                        r = cede_spawn(&tasks, sleeps, (void *)(intptr_t)i);
        bench_all_asleep(peak == n);
        bench_result(bench_per(bench_cpu() - cpu, n));
        return r;
}

void row_sleepers(long n, long seconds)
{
        pause_before = CEDE_SEC(seconds);
        in_run(sleepers, n);
}

/* Blocked on a semaphore: what each occupies, and what it took to get there. */

static struct cede_sem sem; /* no permits */

static int acquires(void *arg)
{
        (void)arg;
        return cede_sem_acquire(&sem);
}

static int blocked(void *arg)
{
        long n = *(long *)arg, memory = bench_resident();
        int64_t start = bench_now();
        int r = 0;

        CEDE_SCOPE(tasks, &r) {
                for (long i = 0; i < n && r >= 0; i++)
                        r = cede_spawn(&tasks, acquires, NULL);
                if (r >= 0)
                        r = cede_yield(); /* all of them wait now */
                start = bench_now() - start;
                bench_check(cede_sem_waiting(&sem) == n ? 0 : -EAGAIN, "not all are blocked");
                bench_results(bench_per(bench_resident() - memory, n), bench_per(start, n));
                cede_sem_release_n(&sem, n);
        }
        return r;
}

void row_blocked(long n, long tasks)
{
        (void)tasks;
        in_run(blocked, n);
}

/* Waiting to start, because a limit of one task has been reached. */

static struct cede_limit limit = CEDE_LIMIT_INIT(1, CEDE_FIFO);

static int nothing(void *arg)
{
        (void)arg;
        return 0;
}

static int waiting(void *arg)
{
        const struct cede_scope_options one = { .limit = &limit };
        long n = *(long *)arg, memory = bench_resident();
        int64_t start = bench_now();
        struct cede_limit_stats stats;
        int r = 0;

        CEDE_SCOPE_WITH(tasks, &r, &one)
        {
                r = cede_spawn(&tasks, acquires, NULL);
                for (long i = 0; i < n && r >= 0; i++)
                        r = cede_spawn(&tasks, nothing, NULL);
                if (r >= 0)
                        r = cede_yield(); /* the first one has begun */
                start = bench_now() - start;
                cede_limit_stats(&limit, &stats);
                bench_check(stats.queued == n ? 0 : -EAGAIN, "not all are queued");
                bench_results(bench_per(bench_resident() - memory, n), bench_per(start, n));
                cede_sem_release(&sem);
        }
        return r;
}

void row_waiting(long n, long tasks)
{
        (void)tasks;
        in_run(waiting, n);
}

/* Timers without tasks. */

struct timer {
        struct cede_callback callback;
        long *left;
};

static void rings(struct cede_callback *callback, int result)
{
        struct timer *t = (struct timer *)callback; /* its first field */

        (void)result;
        if (--*t->left == 0)
                bench_check(cede_sem_release(&sem), "cede_sem_release");
}

static int timers(void *arg)
{
        long n = *(long *)arg, left = n;
        int64_t cpu = bench_cpu(), first = cede_now() + pause_before;
        struct timer *all = malloc((size_t)n * sizeof(*all));
        int r = 0;

        for (long i = 0; i < n && r >= 0; i++) {
                all[i].callback = (struct cede_callback){ .fn = rings };
                all[i].left = &left;
                r = cede_sleep_until_async(first + bench_spread(i, CEDE_SEC(1)), &all[i].callback);
        }
        bench_all_asleep(left == n && cede_now() < first);
        if (r >= 0)
                r = cede_sem_acquire(&sem);
        bench_result(bench_per(bench_cpu() - cpu, n));
        free(all);
        return r;
}

void row_timers(long n, long seconds)
{
        pause_before = CEDE_SEC(seconds);
        in_run(timers, n);
}
