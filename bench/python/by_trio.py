# SPDX-License-Identifier: MIT
"""trio's tasks and locks."""

import coroutines
import trio
from common import main


async def run_all(many, body):
    async with trio.open_nursery() as nursery:
        for i in range(many):
            nursery.start_soon(body, i)


async def on_thread():
    await trio.to_thread.run_sync(int)


rows = coroutines.rows(run_all, trio.lowlevel.checkpoint, on_thread, trio)
main({name: lambda *numbers, row=row: trio.run(row, *numbers) for name, row in rows.items()})
