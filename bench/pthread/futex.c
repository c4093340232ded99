/* SPDX-License-Identifier: MIT */
/* Two threads on one processor wake each other by a futex: the least that a round trip between
 * threads costs when both of them sleep. */
#include "../bench.h"
#include "limits.h"
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>

static uint32_t turn;

/* Waits until it is `mine`, and passes it on. */
static void pass(uint32_t mine)
{
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != mine)
                syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !mine, NULL, NULL, 0);
        __atomic_store_n(&turn, !mine, __ATOMIC_RELEASE);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* *n times; which does not change. */
static void *answer(void *n)
{
        for (long left = *(long *)n; left > 0; left--)
                pass(1);
        return NULL;
}

void row_futex(long n, long tasks)
{
        int64_t start;
        pthread_t thread;
        cpu_set_t one;

        (void)tasks;
        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        bench_check(sched_setaffinity(0, sizeof(one), &one) < 0 ? -errno : 0, "sched_setaffinity");
        bench_check(-pthread_create(&thread, NULL, answer, &n), "pthread_create");
        start = bench_now();
        for (long left = n; left > 0; left--)
                pass(0);
        pthread_join(thread, NULL);
        bench_result(bench_per(bench_now() - start, n));
}
