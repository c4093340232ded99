# SPDX-License-Identifier: MIT
"""trio's tasks and locks."""

import trio
import trio.testing
from common import BATCH, WARM_UP, Handoff, main, now, result


async def run_all(many, body):
    async with trio.open_nursery() as nursery:
        for i in range(many):
            nursery.start_soon(body, i)


async def switch(n, many):
    each = n // many

    async def yields(_):
        for _ in range(each):
            await trio.lowlevel.checkpoint()

    start = now()
    await run_all(many, yields)
    result((now() - start) / n)


async def spawns(n, body):
    await run_all(BATCH, body)
    start = now()
    for _ in range(0, n, BATCH):
        await run_all(BATCH, body)
    result((now() - start) / n)


async def spawn(n):
    async def returns(_):
        pass

    await spawns(n, returns)


async def spawn_yield(n):
    async def yields(_):
        await trio.lowlevel.checkpoint()

    await spawns(n, yields)


async def pairs(n, lock):
    for _ in range(WARM_UP):
        await lock.acquire()
        lock.release()
    start = now()
    for _ in range(n):
        await lock.acquire()
        lock.release()
    result((now() - start) / n)


async def mutex(n):
    await pairs(n, trio.Lock())


async def semaphore(n):
    await pairs(n, trio.Semaphore(1))


async def handoff(n, many):
    state, lock = Handoff(n, many), trio.Lock()

    async def wants_it(me):
        while state.taken < state.goal:
            async with lock:
                state.take(me)
                await trio.lowlevel.checkpoint()

    await run_all(many, wants_it)
    state.print()


async def event(n, many):
    total = 0
    for batch in range(-many, n, many):
        signal, woken, last = trio.Event(), 0, 0

        async def waits(_):
            nonlocal woken, last
            await signal.wait()
            woken += 1
            if woken == many:
                last = now()

        async with trio.open_nursery() as nursery:
            for i in range(many):
                nursery.start_soon(waits, i)
            await trio.testing.wait_all_tasks_blocked()
            start = now()
            signal.set()
        if batch >= 0:
            total += last - start
    result(total / n)


async def condition(n):
    changed, turns, start = trio.Condition(), 0, 0

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
    for _ in range(WARM_UP):
        await trio.to_thread.run_sync(int)
    start = now()
    for _ in range(n):
        await trio.to_thread.run_sync(int)
    result((now() - start) / n)


main({row.__name__: lambda *numbers, row=row: trio.run(row, *numbers)
      for row in (switch, spawn, spawn_yield, mutex, semaphore, handoff, event, condition,
                  offload)})
