/* SPDX-License-Identifier: MIT */
/* oneTBB: task groups, on one thread.  Its tasks cannot yield or wait. */
#include "../bench.h"
#include <oneapi/tbb/concurrent_queue.h>
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

void row_spawn(long n, long)
{
        tbb::task_arena arena(1);

        arena.execute([n] {
                int64_t start;

                batch();
                start = bench_now();
                for (long i = 0; i < n; i += BATCH)
                        batch();
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
                { "queue_threads", row_queue_threads },
                { nullptr, nullptr },
        };

        return bench_main(argc, argv, rows);
}
