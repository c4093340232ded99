/* SPDX-License-Identifier: MIT */
/*
 * Boost.Context's register switch by itself, which is the bench's yardstick, and Boost.Fiber.
 *
 * Fibers get pooled stacks of 8 KiB without guards: that is Boost.Fiber at its fastest and smallest.
 */
#include "../bench.h"
#include <boost/context/detail/fcontext.hpp>
#include <boost/fiber/all.hpp>
#include <algorithm>
#include <vector>

namespace
{

namespace fibers = boost::fibers;
using boost::context::detail::fcontext_t;
using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

constexpr long BATCH = 10000;

/* Back and forth between two contexts: two switches a round. */

void bounce(transfer_t from)
{
        for (;;)
                from = jump_fcontext(from.fctx, nullptr);
}

transfer_t bounces(transfer_t other, long n)
{
        for (long i = 0; i < n; i += 2)
                other = jump_fcontext(other.fctx, nullptr);
        return other;
}

void row_bare(long n, long)
{
        static char stack[64 * 1024] __attribute__((aligned(64)));
        transfer_t other = { make_fcontext(stack + sizeof(stack), sizeof(stack), bounce), nullptr };
        int64_t start;

        other = bounces(other, BENCH_WARM_UP);
        start = bench_now();
        bounces(other, n);
        bench_result(bench_per(bench_now() - start, n));
}

/* Fibers. */

fibers::pooled_fixedsize_stack stacks(8 * 1024);

template <typename Function> fibers::fiber spawn(Function body)
{
        return fibers::fiber(fibers::launch::post, std::allocator_arg, stacks, std::move(body));
}

template <typename Function> void run_all(long many, Function body)
{
        std::vector<fibers::fiber> all;

        all.reserve(static_cast<size_t>(many));
        for (long i = 0; i < many; i++)
                all.push_back(spawn([body, i] { body(i); }));
        for (auto &fiber : all)
                fiber.join();
}

void ring(long many, long each)
{
        run_all(many, [each](long) {
                for (long left = each; left > 0; left--)
                        boost::this_fiber::yield();
        });
}

void row_switch(long n, long many)
{
        int64_t start;

        ring(many, BENCH_WARM_UP / many);
        start = bench_now();
        ring(many, n / many);
        bench_result(bench_per(bench_now() - start, n));
}

template <typename Function> void spawns(long n, Function body)
{
        int64_t start;

        run_all(BATCH, body);
        start = bench_now();
        for (long i = 0; i < n; i += BATCH)
                run_all(BATCH, body);
        bench_result(bench_per(bench_now() - start, n));
}

void row_spawn(long n, long)
{
        spawns(n, [](long) {});
}

void row_spawn_yield(long n, long)
{
        spawns(n, [](long) { boost::this_fiber::yield(); });
}

void pairs(fibers::mutex &mutex, long n)
{
        for (long i = 0; i < n; i++) {
                mutex.lock();
                mutex.unlock();
        }
}

void row_mutex(long n, long)
{
        fibers::mutex mutex;
        int64_t start;

        pairs(mutex, BENCH_WARM_UP);
        start = bench_now();
        pairs(mutex, n);
        bench_result(bench_per(bench_now() - start, n));
}

void row_handoff(long n, long many)
{
        std::vector<long> counts(static_cast<size_t>(many));
        long taken = 0, warm_up = 2 * many, goal = n + warm_up;
        fibers::mutex mutex;
        int64_t start = 0;

        run_all(many, [&](long me) {
                while (taken < goal) {
                        mutex.lock();
                        if (taken == warm_up)
                                start = bench_now();
                        counts[static_cast<size_t>(me)] += taken >= warm_up && taken < goal;
                        taken++;
                        boost::this_fiber::yield();
                        mutex.unlock();
                }
        });
        bench_results(bench_per(bench_now() - start, taken - warm_up),
                      bench_share(counts.data(), many));
}

/* There is no event: a condition, notified once everybody waits. */
void row_event(long n, long many)
{
        int64_t total = 0;

        for (long i = -many; i < n; i += many) {
                fibers::mutex mutex;
                fibers::condition_variable condition;
                bool set = false;
                long waiting = 0, woken = 0;
                int64_t start = 0, last = 0;
                fibers::fiber setter = spawn([&] {
                        while (waiting < many)
                                boost::this_fiber::yield();
                        start = bench_now();
                        std::unique_lock<fibers::mutex> lock(mutex);
                        set = true;
                        lock.unlock();
                        condition.notify_all();
                });

                run_all(many, [&](long) {
                        std::unique_lock<fibers::mutex> lock(mutex);
                        waiting++;
                        condition.wait(lock, [&] { return set; });
                        if (++woken == many)
                                last = bench_now();
                });
                setter.join();
                if (i >= 0)
                        total += last - start;
        }
        bench_result(bench_per(total, n));
}

void row_condition(long n, long)
{
        fibers::mutex mutex;
        fibers::condition_variable changed;
        long turns = 0, goal = n + BENCH_WARM_UP;
        int64_t start = 0;

        run_all(2, [&](long me) {
                std::unique_lock<fibers::mutex> lock(mutex);

                while (turns < goal) {
                        changed.wait(lock, [&] { return turns >= goal || turns % 2 == me; });
                        if (++turns == BENCH_WARM_UP)
                                start = bench_now();
                        changed.notify_one();
                }
        });
        bench_result(bench_per(bench_now() - start, n));
}

void row_future(long n, long)
{
        fibers::promise<void> *current = nullptr;
        long left = n + BENCH_WARM_UP;
        int64_t start = 0;

        run_all(2, [&](long me) {
                if (me == 0)
                        for (; left > 0; left--) {
                                fibers::promise<void> promise;
                                fibers::future<void> future = promise.get_future();

                                if (left == n)
                                        start = bench_now();
                                current = &promise;
                                future.get();
                        }
                else
                        while (left > 0) {
                                current->set_value();
                                boost::this_fiber::yield();
                        }
        });
        bench_result(bench_per(bench_now() - start, n));
}

void row_sleepers(long n, long seconds)
{
        int64_t cpu = bench_cpu();
        auto base = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
        long asleep = 0, peak = 0;

        run_all(n, [&](long i) {
                peak = std::max(peak, ++asleep);
                boost::this_fiber::sleep_until(
                        base + std::chrono::nanoseconds(bench_spread(i, 1000000000)));
                asleep--;
        });
        bench_all_asleep(peak == n);
        bench_result(bench_per(bench_cpu() - cpu, n));
}

/* There is no semaphore: a mutex, which is a queue of fibers as well. */
void row_blocked(long n, long)
{
        long memory = bench_resident(), waiting = 0;
        int64_t start = bench_now();
        fibers::mutex mutex;

        fibers::fiber last = spawn([&] {
                mutex.lock();
                while (waiting < n)
                        boost::this_fiber::yield();
                start = bench_now() - start;
                bench_results(bench_per(bench_resident() - memory, n), bench_per(start, n));
                mutex.unlock();
        });
        run_all(n, [&](long) {
                waiting++;
                mutex.lock();
                mutex.unlock();
        });
        last.join();
}

void row_queue(long n, long pairs)
{
        /* Its capacity is one less than it is told, a power of two. */
        fibers::buffered_channel<long> channel(1024);
        auto pass = [&](long items) {
                run_all(2 * pairs, [&](long i) {
                        long item;

                        for (long left = items / pairs; left > 0; left--)
                                if (i % 2)
                                        channel.pop(item);
                                else
                                        channel.push(left);
                });
        };
        int64_t start;

        pass(BENCH_WARM_UP);
        start = bench_now();
        pass(n);
        bench_result(bench_per(bench_now() - start, n));
}

} // namespace

int main(int argc, char **argv)
{
        fibers::mutex mutex;
        fibers::condition_variable condition;
        std::unique_lock<fibers::mutex> lock(mutex);
        static const struct bench_row rows[] = {
                { "bare", row_bare },
                { "switch", row_switch },
                { "spawn", row_spawn },
                { "spawn_yield", row_spawn_yield },
                { "mutex", row_mutex },
                { "handoff", row_handoff },
                { "event", row_event },
                { "condition", row_condition },
                { "future", row_future },
                { "queue", row_queue },
                { "sleepers", row_sleepers },
                { "blocked", row_blocked },
                { nullptr, nullptr },
        };

        /* The first use of a lock prepares a random device, which takes more than 8 KiB of stack. */
        condition.wait_for(lock, std::chrono::seconds(0));
        lock.unlock();
        return bench_main(argc, argv, rows);
}
