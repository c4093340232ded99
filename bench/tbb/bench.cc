/* SPDX-License-Identifier: MIT */
/* oneTBB: task groups.  Its tasks cannot yield, and wait only for the end of others. */
#include "../work.h"
#include <oneapi/tbb/concurrent_queue.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

namespace
{

constexpr long BATCH = 10000;

void batch()
{
        tbb::task_group group;

        for (long i = 0; i < BATCH; i++)
                group.run([] {});
        group.wait();
}

void row_scale_spawn(long n, long threads)
{
        tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
        tbb::task_arena arena(static_cast<int>(threads));

        arena.execute([n] {
                int64_t start;

                batch();
                start = bench_now();
                for (long i = 0; i < n; i += BATCH)
                        batch();
                bench_result(bench_per(bench_now() - start, n));
        });
}

void row_spawn(long n, long)
{
        row_scale_spawn(n, 1);
}

uint64_t visit(uint64_t node)
{
        tbb::task_group group;
        uint64_t sums[2];

        if (node >= WORK_LEAVES)
                return work_leaf(node);
        for (unsigned i = 0; i < 2; i++)
                group.run([&sums, node, i] { sums[i] = visit(2 * node + i); });
        group.wait();
        return sums[0] + sums[1];
}

void row_scale_tree(long n, long threads)
{
        tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
        tbb::task_arena arena(static_cast<int>(threads));

        arena.execute([n] {
                int64_t start;

                work_check(visit(1));
                start = bench_now();
                for (long left = n; left > 0; left -= WORK_LEAVES)
                        visit(1);
                bench_result(bench_per(bench_now() - start, n));
        });
}

tbb::concurrent_bounded_queue<long> queue;
long each;

void *puts_all(void *arg)
{
        for (long i = 0; i < each; i++)
                queue.push(i);
        return arg;
}

void *gets_all(void *arg)
{
        long item;

        for (long i = 0; i < each; i++)
                queue.pop(item);
        return arg;
}

void row_queue_threads(long n, long pairs)
{
        queue.set_capacity(1024);
        bench_pass_items(puts_all, gets_all, &each, n, pairs);
}

} // namespace

int main(int argc, char **argv)
{
        static const struct bench_row rows[] = {
                { "spawn", row_spawn },
                { "scale_spawn", row_scale_spawn },
                { "scale_tree", row_scale_tree },
                { "queue_threads", row_queue_threads },
                { nullptr, nullptr },
        };

        return bench_main(argc, argv, rows);
}
