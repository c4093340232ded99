# SPDX-License-Identifier: MIT
"""gevent's greenlets and locks."""

import gevent
import gevent.event
import gevent.lock
import gevent.queue
from common import BATCH, WARM_UP, Handoff, main, now, resident, result


def run_all(many, body):
    gevent.joinall([gevent.spawn(body, i) for i in range(many)], raise_error=True)


def switch(n, many):
    each = n // many

    def yields(_):
        for _ in range(each):
            gevent.sleep(0)

    start = now()
    run_all(many, yields)
    result((now() - start) / n)


def spawns(n, body):
    run_all(BATCH, body)
    start = now()
    for _ in range(0, n, BATCH):
        run_all(BATCH, body)
    result((now() - start) / n)


def spawn(n):
    spawns(n, lambda _: None)


def spawn_yield(n):
    spawns(n, lambda _: gevent.sleep(0))


def pairs(n, lock):
    for _ in range(WARM_UP):
        lock.acquire()
        lock.release()
    start = now()
    for _ in range(n):
        lock.acquire()
        lock.release()
    result((now() - start) / n)


def mutex(n):
    pairs(n, gevent.lock.RLock())


def semaphore(n):
    pairs(n, gevent.lock.Semaphore(1))


def handoff(n, many):
    state, lock = Handoff(n, many), gevent.lock.RLock()

    def wants_it(me):
        while state.taken < state.goal:
            with lock:
                state.take(me)
                gevent.sleep(0)

    run_all(many, wants_it)
    state.print()


def event(n, many):
    total = 0
    for batch in range(-many, n, many):
        signal, woken, last, waiting = gevent.event.Event(), 0, 0, 0

        def waits():
            nonlocal woken, last, waiting
            waiting += 1
            signal.wait()
            woken += 1
            if woken == many:
                last = now()

        greenlets = [gevent.spawn(waits) for _ in range(many)]
        while waiting < many:
            gevent.sleep(0)
        start = now()
        signal.set()
        gevent.joinall(greenlets)
        if batch >= 0:
            total += last - start
    result(total / n)


def queue(n, pairs):
    items = gevent.queue.Queue(1024)

    def passes(i):
        for _ in range(n // pairs):
            if i % 2:
                items.get()
            else:
                items.put(i)

    start = now()
    run_all(2 * pairs, passes)
    result((now() - start) / n)


def offload(n):
    pool = gevent.get_hub().threadpool
    for _ in range(WARM_UP):
        pool.apply(int)
    start = now()
    for _ in range(n):
        pool.apply(int)
    result((now() - start) / n)


def blocked(n):
    memory, start, sem, waiting = resident(), now(), gevent.lock.Semaphore(0), 0

    def acquires():
        nonlocal waiting
        waiting += 1
        sem.acquire()

    greenlets = [gevent.spawn(acquires) for _ in range(n)]
    while waiting < n:
        gevent.sleep(0)
    took = now() - start
    result((resident() - memory) / n, took / n)
    for _ in range(n):
        sem.release()
    gevent.joinall(greenlets)


main({row.__name__: row for row in (switch, spawn, spawn_yield, mutex, semaphore, handoff, event,
                                    queue, offload, blocked)})
