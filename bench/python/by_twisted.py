# SPDX-License-Identifier: MIT
"""Twisted's locks of Deferreds, outside of its reactor, which an uncontended lock does not need."""

from common import WARM_UP, main, now, result
from twisted.internet import defer


@defer.inlineCallbacks
def pairs(n, lock):
    for _ in range(WARM_UP):
        yield lock.acquire()
        lock.release()
    start = now()
    for _ in range(n):
        yield lock.acquire()
        lock.release()
    result((now() - start) / n)


def mutex(n):
    pairs(n, defer.DeferredLock())


def semaphore(n):
    pairs(n, defer.DeferredSemaphore(1))


main({row.__name__: row for row in (mutex, semaphore)})
