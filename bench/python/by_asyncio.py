# SPDX-License-Identifier: MIT
"""asyncio's tasks and locks."""

import asyncio
import concurrent.futures
import time
import coroutines
from common import WARM_UP, main, now, resident, result, spread, too_early

pool = concurrent.futures.ThreadPoolExecutor(4)


async def run_all(many, body):
    await asyncio.gather(*(asyncio.create_task(body(i)) for i in range(many)))


async def on_thread():
    await asyncio.get_running_loop().run_in_executor(pool, int)


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


async def timers(n, seconds):
    cpu, base, left = time.process_time_ns(), time.monotonic() + seconds, n
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def ring():
        nonlocal left
        left -= 1
        if not left:
            over.set()

    for i in range(n):
        loop.call_at(base + spread(i), ring)
    if time.monotonic() > base:
        too_early()
    await over.wait()
    result((time.process_time_ns() - cpu) / n)


async def future(n):
    loop, current, start, done = asyncio.get_running_loop(), None, 0, False

    async def awaits():
        nonlocal current, start, done
        for i in range(n + WARM_UP):
            if i == WARM_UP:
                start = now()
            current = loop.create_future()
            await current
        done = True

    async def resolves():
        while not done:
            current.set_result(None)
            await asyncio.sleep(0)

    await asyncio.gather(awaits(), resolves())
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


async def blocked(n):
    memory, start, sem = resident(), now(), asyncio.Semaphore(0)
    tasks = [asyncio.create_task(sem.acquire()) for _ in range(n)]
    await asyncio.sleep(0)  # all of them wait now
    took = now() - start
    result((resident() - memory) / n, took / n)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


rows = coroutines.rows(run_all, lambda: asyncio.sleep(0), on_thread, asyncio)
rows.update({row.__name__: row for row in (future, queue, sleepers, timers, blocked)})
main({name: lambda *numbers, row=row: asyncio.run(row(*numbers)) for name, row in rows.items()})
