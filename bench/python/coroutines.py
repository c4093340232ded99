# SPDX-License-Identifier: MIT
"""The rows that asyncio and trio have alike, for coroutines of either."""

from common import BATCH, WARM_UP, Handoff, now, result


def rows(run_all, give_way, on_thread, library):
    """Functions by name, of n, or of n and the number of tasks.

    run_all(many, body) runs body(0) .. body(many - 1) as tasks, to their ends; give_way() lets the
    others run; on_thread() calls a function that does nothing on another thread; library has Lock,
    Semaphore, Event and Condition."""

    async def timed(n, operations, warm_up=WARM_UP):
        await operations(warm_up)
        start = now()
        await operations(n)
        result((now() - start) / n)

    async def switch(n, many):
        async def ring(n):
            async def yields(_):
                for _ in range(n // many):
                    await give_way()

            await run_all(many, yields)

        await timed(n, ring)

    async def spawns(n, body):
        async def batches(n):
            for _ in range(0, n, BATCH):
                await run_all(BATCH, body)

        await timed(n, batches, BATCH)

    async def spawn(n):
        async def returns(_):
            pass

        await spawns(n, returns)

    async def spawn_yield(n):
        async def yields(_):
            await give_way()

        await spawns(n, yields)

    async def pairs(n, lock):
        async def some(n):
            for _ in range(n):
                await lock.acquire()
                lock.release()

        await timed(n, some)

    async def mutex(n):
        await pairs(n, library.Lock())

    async def semaphore(n):
        await pairs(n, library.Semaphore(1))

    async def handoff(n, many):
        state, lock = Handoff(n, many), library.Lock()

        async def wants_it(me):
            while state.taken < state.goal:
                async with lock:
                    state.take(me)
                    await give_way()

        await run_all(many, wants_it)
        state.print()

    async def event(n, many):
        total = 0
        for batch in range(-many, n, many):
            signal, waiting, woken, start, last = library.Event(), 0, 0, 0, 0

            async def waits(i):
                nonlocal waiting, woken, start, last
                if i == many:
                    while waiting < many:
                        await give_way()
                    start = now()
                    signal.set()
                    return
                waiting += 1
                await signal.wait()
                woken += 1
                if woken == many:
                    last = now()

            await run_all(many + 1, waits)
            if batch >= 0:
                total += last - start
        result(total / n)

    async def condition(n):
        changed, turns, start = library.Condition(), 0, 0

        async def plays(me):
            nonlocal turns, start
            async with changed:
                while turns < n + WARM_UP:
                    while turns < n + WARM_UP and turns % 2 != me:
                        await changed.wait()
                    turns += 1
                    if turns == WARM_UP:
                        start = now()
                    changed.notify()

        await run_all(2, plays)
        result((now() - start) / n)

    async def offload(n):
        async def round_trips(n):
            for _ in range(n):
                await on_thread()

        await timed(n, round_trips)

    return {row.__name__: row for row in (switch, spawn, spawn_yield, mutex, semaphore, handoff,
                                          event, condition, offload)}
