# SPDX-License-Identifier: MIT
"""asyncio's tasks and locks."""

import asyncio
import concurrent.futures
import time
from common import BATCH, WARM_UP, Handoff, main, now, resident, result, spread, too_early


async def run_all(many, body):
    await asyncio.gather(*(asyncio.create_task(body(i)) for i in range(many)))


async def switch(n, many):
    each = n // many

    async def yields(_):
        for _ in range(each):
            await asyncio.sleep(0)

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
        await asyncio.sleep(0)

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
    await pairs(n, asyncio.Lock())


async def semaphore(n):
    await pairs(n, asyncio.Semaphore(1))


async def handoff(n, many):
    state, lock = Handoff(n, many), asyncio.Lock()

    async def wants_it(me):
        while state.taken < state.goal:
            async with lock:
                state.take(me)
                await asyncio.sleep(0)

    await run_all(many, wants_it)
    state.print()


async def event(n, many):
    total = 0
    for batch in range(-many, n, many):
        signal, woken, last = asyncio.Event(), 0, 0

        async def waits(_):
            nonlocal woken, last
            await signal.wait()
            woken += 1
            if woken == many:
                last = now()

        tasks = [asyncio.create_task(waits(i)) for i in range(many)]
        await asyncio.sleep(0)  # all of them wait now
        start = now()
        signal.set()
        await asyncio.gather(*tasks)
        if batch >= 0:
            total += last - start
    result(total / n)


async def condition(n):
    changed, turns, start = asyncio.Condition(), 0, 0

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


async def queue(n, pairs):
    items = asyncio.Queue(1024)

    async def passes(i):
        for _ in range(n // pairs):
            if i % 2:
                await items.get()
            else:
                await items.put(i)

    start = now()
    await run_all(2 * pairs, passes)
    result((now() - start) / n)


async def offload(n):
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(WARM_UP):
            await loop.run_in_executor(pool, int)
        start = now()
        for _ in range(n):
            await loop.run_in_executor(pool, int)
        result((now() - start) / n)


async def sleepers(n, seconds):
    cpu, base, begun, early = time.process_time_ns(), time.monotonic() + seconds, 0, 0

    async def sleeps(i):
        nonlocal begun, early
        begun += 1
        await asyncio.sleep(base + spread(i) - time.monotonic())
        early += begun < n

    await run_all(n, sleeps)
    if early:
        too_early()
    result((time.process_time_ns() - cpu) / n)


async def blocked(n):
    memory, start, sem = resident(), now(), asyncio.Semaphore(0)
    tasks = [asyncio.create_task(sem.acquire()) for _ in range(n)]
    await asyncio.sleep(0)  # all of them wait now
    took = now() - start
    result((resident() - memory) / n, took / n)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


main({row.__name__: lambda *numbers, row=row: asyncio.run(row(*numbers))
      for row in (switch, spawn, spawn_yield, mutex, semaphore, handoff, event, condition, queue,
                  offload, sleepers, blocked)})
