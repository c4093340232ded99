/* SPDX-License-Identifier: MIT */
/*
 * The tree of tasks of the scaling rows: each task spawns two, down to 1024 leaves, and joins them;
 * a leaf computes for about a microsecond.  The programs in C and C++ share the leaf, the others
 * have the same one.
 */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "bench.h"

enum { WORK_DEPTH = 10, WORK_LEAVES = 1 << WORK_DEPTH, WORK_STEPS = 1000 };

/*
 * Steps that each need the one before, and that no compiler can take together.  Node i of a tree
 * has the children 2i and 2i + 1.
 */
static inline uint64_t work_leaf(uint64_t node)
{
        for (int i = 0; i < WORK_STEPS; i++)
                node = (node ^ node >> 29) * UINT64_C(6364136223846793005);
        return node;
}

static inline uint64_t work_alone(void)
{
        uint64_t sum = 0;

        for (uint64_t i = WORK_LEAVES; i < 2 * WORK_LEAVES; i++)
                sum += work_leaf(i);
        return sum;
}

static inline void work_check(uint64_t sum)
{
        bench_check(sum == work_alone() ? 0 : -EINVAL, "the sum of the leaves");
}

#endif
