# SPDX-License-Identifier: MIT
"""What the Python programs share: `PROGRAM ROW N [TASKS]` prints one line of numbers."""

import os
import sys
import time

WARM_UP = 1000
BATCH = 10000


def now():
    return time.perf_counter_ns()


def result(*numbers):
    print(*(f"{number:.3f}" for number in numbers))


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def spread(i):
    """In seconds, evenly over one, in an order without a pattern."""
    return i * 2654435761 % 10**9 / 1e9


def too_early():
    """The exit status asks for a longer pause before the first sleeper wakes."""
    print("bench: they did not all sleep at the same time", file=sys.stderr)
    sys.exit(3)


class Handoff:
    """The state of the hand-off row: who took the lock how often, and since when."""

    def __init__(self, n, many):
        self.counts, self.taken, self.warm_up, self.goal = [0] * many, 0, 2 * many, n + 2 * many

    def take(self, me):
        if self.taken == self.warm_up:
            self.start = now()
        if self.warm_up <= self.taken < self.goal:
            self.counts[me] += 1
        self.taken += 1

    def print(self):
        least = min(self.counts)
        result((now() - self.start) / (self.taken - self.warm_up),
               max(self.counts) / least if least else float("inf"))


def main(rows):
    """rows: functions of n, or of n and the number of tasks (or seconds), by name."""
    row = rows.get(sys.argv[1]) if len(sys.argv) > 2 else None
    if not row:
        print(f"usage: {sys.argv[0]} ROW N [TASKS]", file=sys.stderr)
        sys.exit(2)
    row(*map(int, sys.argv[2:]))
