/* SPDX-License-Identifier: MIT */
/* Rows of several workers: spawn and join, and a tree of tasks that compute. */
#include "../work.h"
#include "rows.h"

struct node {
        uint64_t number, sum;
};

static int visit(void *arg)
{
        struct node *me = arg, child[2];
        int r = 0;

        if (me->number >= WORK_LEAVES) {
                me->sum = work_leaf(me->number);
                return 0;
        }
        CEDE_SCOPE(children, &r)
                for (unsigned i = 0; i < 2 && r >= 0; i++) {
                        child[i].number = 2 * me->number + i;
                        r = cede_spawn(&children, visit, &child[i]);
                }
        me->sum = r >= 0 ? child[0].sum + child[1].sum : 0;
        return r;
}

static int trees(void *arg)
{
        long n = *(long *)arg;
        struct node root = { .number = 1 };
        int r = visit(&root);
        int64_t start;

        work_check(root.sum);
        start = bench_now();
        for (long left = n; left > 0 && r >= 0; left -= WORK_LEAVES)
                r = visit(&root);
        bench_result(bench_per(bench_now() - start, n));
        return r;
}

void row_scale_tree(long n, long workers)
{
        in_run_of(trees, n, (unsigned)workers);
}
