/* SPDX-License-Identifier: MIT */
/* The leaves of the tree, shared out to threads evenly beforehand: no scheduler can be faster. */
#include "../work.h"
#include "limits.h"

struct part {
        pthread_t thread;
        long trees;
        uint64_t first, end, sum;
};

static void *compute(void *arg)
{
        struct part *p = arg;

        for (long left = p->trees; left > 0; left--)
                for (uint64_t i = p->first; i < p->end; i++)
                        p->sum += work_leaf(i);
        return NULL;
}

/* The sum of so many trees; of each a thread computes its part. */
static uint64_t share_out(long trees, long threads)
{
        struct part parts[64];
        uint64_t each = WORK_LEAVES / (uint64_t)threads, sum = 0;

        for (long i = 0; i < threads; i++) {
                parts[i] =
                        (struct part){ .trees = trees, .first = WORK_LEAVES + (uint64_t)i * each };
                parts[i].end = parts[i].first + each;
                bench_check(-pthread_create(&parts[i].thread, NULL, compute, &parts[i]),
                            "pthread_create");
        }
        for (long i = 0; i < threads; i++) {
                pthread_join(parts[i].thread, NULL);
                sum += parts[i].sum;
        }
        return sum;
}

void row_scale_tree(long n, long threads)
{
        int64_t start;

        work_check(share_out(1, threads));
        start = bench_now();
        share_out(n / WORK_LEAVES, threads);
        bench_result(bench_per(bench_now() - start, n));
}
