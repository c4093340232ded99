"""The rows of the bench: what is measured, with whom, and what is wanted of cede.

README.md says what each contender does in each row, and where they cannot be compared.
"""

import walk

BARE = "bare switch"   # the yardstick: measured again in every row
BEST = "best rival"
FUTEX = "futex, there and back"


class Entry:
    """One contender's part of a row: `PROGRAM WORDS...`, with numbers of its own where it needs
    them. A limit is what the machine allows, not a rival."""

    def __init__(self, label, contender, *words, n=None, limit=False, environment=None):
        self.label, self.contender, self.words, self.n = label, contender, words, n
        self.limit, self.environment = limit, environment or {}
        self.ours = contender in ("cede", "explore")


class Row:
    """`units` names the numbers that its programs print.

    n: operations of one run (contended: milliseconds); None: as many as take the time that the
    driver asks for, a multiple of `step`. tasks: the second number of the command line (sleepers:
    seconds before the first wakes). whole: processes are measured as a whole, by whole.c.
    check: is given the command and the tree, and raises Missing if cede does not do the job.
    rounds: at most so many, where a run takes long.
    goals: for each unit what the first entry shall not exceed, or None: (factor, BARE or BEST or a
    label), or (number, None)."""

    def __init__(self, name, title, units, entries, n=None, step=1000, tasks=None, goals=(),
                 whole=False, check=None, rounds=None):
        self.name, self.title, self.units, self.entries = name, title, units, entries
        self.n, self.step, self.tasks, self.whole, self.check = n, step, tasks, whole, check
        self.rounds = rounds
        self.goals = goals or [None] * len(units)


BARE_ENTRY = Entry(BARE, "boost", "bare", limit=True)
ONE = {"GOMAXPROCS": "1"}


def same(word, *contenders):
    """Entries for contenders that call the row the same."""
    labels = {"boost": "Boost.Fiber", "go": "Go", "rust": "tokio", "java": "Java",
              "libuv": "libuv", "tbb": "oneTBB"}
    return [Entry(labels.get(name, name), name, word) for name in contenders]


def go_both(word):
    return [Entry("Go", "go", word), Entry("Go, 1 thread", "go", word, environment=ONE)]


PYTHON = ("asyncio", "trio", "gevent")


def contended(threads):
    return Row(
        f"contended_{threads}", f"mutex wanted by {threads} threads",
        ["ns per acquisition", "most / least of a thread"], [
            Entry("cede, adaptive", "cede", "contended_adaptive"),
            Entry("cede, strict", "cede", "contended"),
            *same("contended", "pthread", "nsync", "go", "java"),
            Entry("sem_t", "pthread", "contended_semaphore"),
            Entry("Rust std", "rust", "contended_std"),
            Entry("parking_lot", "rust", "contended_parking_lot"),
        ], n=200, tasks=threads, goals=[(1.2, BEST), None])


WORKERS = ("cede", "tbb", "go", "rust")


def scale(name, title, unit, step, entries):
    """Rows of the same with one thread and with two."""
    return [Row(f"{name}_{n}", f"{title}, {n} thread{'s' * (n > 1)}", [f"ns per {unit}"], entries,
                step=step, tasks=n) for n in (1, 2)]


def queue(pairs, number):
    return Row(
        f"queue_{pairs}", f"items through a queue of 1,024, {number}", ["ns per item"], [
            *same("queue", "cede", "boost"), *go_both("queue"),
            *(same("queue", "rust") if pairs == 1 else []), *same("queue", "asyncio", "gevent"),
        ], tasks=pairs, goals=[(0.55, "Boost.Fiber")])


def queue_threads(pairs, number):
    return Row(
        f"queue_threads_{pairs}", f"items through a queue of 1,024, {number}", ["ns per item"], [
            Entry("cede", "cede", "queue_threads"), Entry("Rust std", "rust", "queue_std"),
            Entry("crossbeam", "rust", "queue_crossbeam"), *same("queue", "go", "java"),
            Entry("oneTBB", "tbb", "queue_threads"),
            Entry("mutex, two conditions", "pthread", "queue_threads"),
        ], tasks=pairs, goals=[(1.0, BEST)])


ROWS = [
    Row("switch", "task switch, a ring of 10 tasks", ["ns per switch"], [
        *same("switch", "cede", "boost"), *go_both("switch"), *same("switch", "rust", *PYTHON),
        Entry("swapcontext", "pthread", "swapcontext", limit=True),
    ], tasks=10, goals=[(1.2, BARE)]),
    Row("switch_1000", "task switch, a ring of 1,000 tasks", ["ns per switch"], [
        *same("switch", "cede", "boost"), *go_both("switch"), *same("switch", "rust", *PYTHON),
    ], tasks=1000),
    Row("spawn", "spawn and join, batches of 10,000", ["ns per task"], [
        *same("spawn", "cede", "tbb", "boost"), *go_both("spawn"),
        *same("spawn", "rust", *PYTHON, "pthread"),
    ], step=10000, goals=[(2.5, BARE)]),
    Row("spawn_yield", "the same, each yields once", ["ns per task"], [
        *same("spawn_yield", "cede", "boost"), *go_both("spawn_yield"),
        *same("spawn_yield", "rust", *PYTHON),
    ], step=10000, goals=[(6, BARE)]),
    Row("mutex", "uncontended mutex, lock and unlock", ["ns per pair"], [
        *same("mutex", "cede", "pthread", "nsync", "go", "java"),
        Entry("Rust std", "rust", "mutex_std"), Entry("parking_lot", "rust", "mutex_parking_lot"),
        *same("mutex", "boost", "rust", *PYTHON, "twisted"),
        Entry("exchange and store", "pthread", "fas", limit=True),
        Entry("pthread, no threads yet", "pthread", "mutex_alone", limit=True),
    ], goals=[(1.0, BEST)]),
    Row("semaphore", "uncontended semaphore, acquire and release", ["ns per pair"], [
        *same("semaphore", "cede"), Entry("sem_t", "pthread", "semaphore"),
        *same("semaphore", "go", "java", "rust", *PYTHON, "twisted"),
    ], goals=[(1.0, BEST)]),
    Row("read", "uncontended read-write lock, to read", ["ns per pair"], [
        *same("read", "cede", "pthread", "nsync", "go", "java"),
        Entry("Rust std", "rust", "read_std"), Entry("parking_lot", "rust", "read_parking_lot"),
    ], goals=[(1.0, BEST)]),
    Row("write", "uncontended read-write lock, to write", ["ns per pair"], [
        *same("write", "cede", "pthread"), Entry("nsync", "nsync", "mutex"),
        *same("write", "go", "java"),
        Entry("Rust std", "rust", "write_std"), Entry("parking_lot", "rust", "write_parking_lot"),
    ], goals=[(1.0, BEST)]),
    Row("handoff", "hand-off among 1,000 tasks, each yields as owner",
        ["ns per acquisition", "most / least of a task"], [
            *same("handoff", "cede", "boost"), Entry("Go mutex", "go", "handoff"),
            Entry("Go channel", "go", "handoff_channel"),
            Entry("Go channel, 1 thread", "go", "handoff_channel", environment=ONE),
            *same("handoff", "rust", *PYTHON),
        ], tasks=1000, goals=[(100 / 184, "Boost.Fiber"), (1.0, None)]),
    contended(2),
    contended(4),
    contended(8),
    Row("event", "event, 10,000 tasks woken at once", ["ns per task"], [
        *same("event", "cede", "boost"), *go_both("event"), *same("event", "rust", *PYTHON),
    ], step=10000, tasks=10000),
    Row("condition", "condition, two of them pass a turn back and forth", ["ns per turn"], [
        *same("condition", "cede", "boost"), *go_both("condition"),
        *same("condition", "pthread", "nsync"), Entry("Rust std", "rust", "condition_std"),
        Entry("parking_lot", "rust", "condition_parking_lot"),
        *same("condition", "java", "asyncio", "trio"),
    ]),
    Row("future", "a new future, awaited by one task and resolved by another", ["ns per future"], [
        *same("future", "cede"), Entry("cede, embedded", "cede", "future_embedded"),
        *same("future", "boost"), *go_both("future"), *same("future", "rust", "asyncio"),
    ]),
    queue(1, "task to task"),
    queue(4, "four tasks to four"),
    queue_threads(1, "thread to thread"),
    queue_threads(4, "four threads to four"),
    Row("offload", "a function on another thread, there and back", ["ns per call"], [
        *same("offload", "cede", "pthread", "libuv", "rust", "java", *PYTHON),
        Entry(FUTEX, "pthread", "futex", limit=True),
    ], goals=[(1.1, FUTEX)]),
    Row("sleepers", "a million tasks asleep", ["CPU ns per sleeper"], [
        *same("sleepers", "cede", "go", "rust"),
        Entry("Boost.Fiber, 100,000", "boost", "sleepers", n=100000),
        Entry("asyncio, 50,000", "asyncio", "sleepers", n=50000),
    ], n=1000000, tasks=3, rounds=3, goals=[(1.0, "tokio")]),
    Row("timers", "a million timers without tasks", ["CPU ns per timer"], [
        *same("timers", "cede", "libuv"), Entry("asyncio, 100,000", "asyncio", "timers", n=100000),
    ], n=1000000, tasks=3, rounds=3, goals=[(0.25, "libuv")]),
    Row("blocked", "a million tasks blocked on a semaphore",
        ["bytes per task", "ns per task"], [
            *same("blocked", "cede", "go", "rust"),
            Entry("Boost.Fiber, 100,000", "boost", "blocked", n=100000),
            Entry("asyncio, 100,000", "asyncio", "blocked", n=100000),
            Entry("gevent, 30,000", "gevent", "blocked", n=30000),
        ], n=1000000, goals=[(4.3 * 1024, None), (1.0, "Go")]),
    Row("waiting", "a million tasks waiting to start",
        ["bytes per task", "ns per task"], [
            *same("waiting", "cede"), *same("blocked", "rust"),
        ], n=1000000, goals=[(200, None), (1.0, "tokio")]),
    *scale("scale_spawn", "spawn and join, batches of 10,000", "task", 10000,
           same("scale_spawn", *WORKERS)),
    *scale("scale_tree", "a tree of tasks that compute", "leaf", 1024,
           [*same("scale_tree", *WORKERS),
            Entry("shared out beforehand", "pthread", "scale_tree", limit=True)]),
    Row("walk", "a tree is walked, each entry asked", ["seconds", "MiB at most"], [
        Entry("cede", "explore"), Entry("cede, 2 workers", "explore", "--workers", "2"),
        Entry("Go", "walk"), Entry("Go, 1 thread", "walk", environment=ONE),
        *(Entry(name, name) for name in ("find", "du", "bfs", "fd")),
        Entry("fd, 1 thread", "fd", "-j1"), Entry("fd, 2 threads", "fd", "-j2"),
    ], whole=True, check=walk.same_as_find, goals=[(0.9, BEST), None]),
]
