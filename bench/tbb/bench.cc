/* SPDX-License-Identifier: MIT */
/* oneTBB: task groups, on one thread.  Its tasks cannot yield or wait. */
#include "../bench.h"
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

} // namespace

int main(int argc, char **argv)
{
        static const struct bench_row rows[] = { { "spawn", row_spawn }, { nullptr, nullptr } };

        return bench_main(argc, argv, rows);
}
