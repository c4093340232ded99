#!/usr/bin/env python3
"""The example programs on mutexes, events, conditions and semaphores: for each the property that it
is there to show, with inputs that stand nowhere else."""

import collections
import heapq
import itertools
import random
import re
import sys
from examples import check, in_parallel, main, run


def good(*words):
    """The lines of a run that must succeed."""
    done = run(*words)
    check(done.returncode == 0 and not done.stderr, f"{words}: {done}")
    check(done.stdout.endswith("\n"), f"{words}: {done.stdout!r}")
    return done.stdout.splitlines()


def timed(*words):
    """[(seconds, text)] of a run that must succeed."""
    return [timed_line(line) for line in good(*words)]


def timed_line(line):
    match = re.fullmatch(r"t=([0-9.]+) (.*)", line)
    check(match, f"no time in {line!r}")
    return float(match.group(1)), match.group(2)


# Those that take turns.

def print_in_order():
    for order in itertools.permutations("123"):
        for between in ("", ",", " "):
            lines = good("print_in_order", between.join(order))
            check(lines == [f"start {' '.join(order)}: firstsecondthird"], f"{order}: {lines}")


def foobar():
    in_parallel(lambda n, first: check(good("foobar", n, "--first", first) == ["foobar" * n],
                                       f"foobar {n}, {first} first"),
                itertools.product((1, 2, 3, 10, 5000), ("foo", "bar")))


def zero_even_odd():
    in_parallel(lambda n, first: check(good("zero_even_odd", n, "--first", first)
                                       == ["".join(f"0{i}" for i in range(1, n + 1))],
                                       f"zero_even_odd {n}, {first} first"),
                itertools.product((1, 2, 3, 6, 11, 3000), ("zero", "even", "odd")))


def fizz_buzz():
    def one(n, first):
        words = ["fizz" * (i % 3 == 0) + "buzz" * (i % 5 == 0) or str(i) for i in range(1, n + 1)]
        check(good("fizz_buzz", n, "--first", first) == [" ".join(words)],
              f"fizz_buzz {n}, {first} first")
    in_parallel(one, itertools.product((1, 2, 3, 5, 15, 16, 2000),
                                       ("number", "fizz", "buzz", "fizzbuzz")))


def water():
    """Every molecule is whole before the next one begins, and no atom is lost."""
    def one(atoms):
        line, = good("water", atoms)
        groups = [line[i:i + 3] for i in range(0, len(line), 3)]
        check(len(line) == len(atoms) and all(sorted(group) == ["H", "H", "O"] for group in groups),
              f"water {atoms}: {line}")
    dice = random.Random(1)
    orders = {"".join(order) for order in itertools.permutations("HHHHOO")}
    orders |= {"O" * 50 + "H" * 100, "H" * 100 + "O" * 50}
    orders |= {"".join(dice.sample("HHO" * 40, 120)) for _ in range(20)}
    in_parallel(one, [(atoms,) for atoms in sorted(orders)])


# The crossing, the queue, the table.

def traffic_light():
    """Cars pass one at a time, as they come, and the light is green on the road of each."""
    def one(seed):
        dice = random.Random(seed)
        n = dice.randrange(1, 30)
        cars = dice.sample(range(1, 100), n)
        ways = [dice.randrange(1, 5) for _ in cars]
        # Several may come at one moment: then as they stand in the list.
        comes = [dice.randrange(0, 40) for _ in cars]
        takes = dice.choice((0, 1, 3))
        green, free, expected = "A", 0, []
        for i in sorted(range(n), key=lambda i: comes[i]):
            road = "AABB"[ways[i] - 1]
            begin = max(comes[i], free)
            if road != green:
                expected.append((begin, f"Traffic Light On Road {road} Is Green"))
            green, free = road, begin + takes
            expected.append((free, f"Car {cars[i]} Has Passed Road {road} In Direction {ways[i]}"))
        lists = [",".join(map(str, numbers)) for numbers in (cars, ways, comes)]
        got = timed("traffic_light", "--cars", lists[0], "--directions", lists[1],
                    "--arrivals", lists[2], "--seconds", takes)
        check(got == expected, f"seed {seed}: {got}, expected {expected}")
    in_parallel(one, [(seed,) for seed in range(20)])


def verification_queue():
    """Each user waits for the referee who is free first, and for nothing else."""
    def one(referees, users, every, takes):
        got = timed("verification_queue", "--referees", referees, "--users", users,
                    "--every", every, "--takes", takes)
        free = [0] * referees
        expected = []
        for user in range(1, users + 1):
            come = (user - 1) * every
            begin = max(come, heapq.heappop(free))
            heapq.heappush(free, begin + takes)
            expected += [(come, f"ADDED u{user}"), (begin, f"REMOVED u{user}"),
                         (begin + takes, f"VERIFIED u{user}")]
        what = f"referees {referees} users {users} every {every} takes {takes}: {got}"
        check(got[-1] == (max(free), "All users in test queue have been verified"), what)
        check(sorted((t, text.split(" by ")[0]) for t, text in got[:-1]) == sorted(expected), what)
        busy = {}  # referee: user
        for _, text in got[:-1]:
            match = re.fullmatch(r"(REMOVED|VERIFIED) (u\d+) by ([A-Z])", text)
            if match and match.group(1) == "REMOVED":
                check(match.group(3) not in busy, f"{what}: two users at one referee")
                busy[match.group(3)] = match.group(2)
            elif match:
                check(busy.pop(match.group(3), None) == match.group(2), f"{what}: {text}")
    in_parallel(one, itertools.product((1, 2, 3, 7, 26), (1, 2, 6, 20), (0, 1, 2), (0, 1, 4)))


def verification_queue_gone_wrong():
    def removed(lines):
        return [t for t, text in lines if text.startswith("REMOVED")]
    for referees in (1, 2, 3):
        lines = timed("verification_queue", "--referees", referees, "--seed", "threads")
        check(removed(lines) == [0, 4, 8, 12, 16, 20], f"threads: {lines}")
        check(lines[-1][0] == 24 and "for ever" in lines[-1][1], f"threads: {lines}")
    lines = timed("verification_queue", "--seed", "asyncio")
    check(removed(lines) == [0, 4, 9, 13, 18], f"asyncio: {lines}")
    check((22, "All users in test queue have been verified") in lines
          and lines[-1] == (22, "note: 1 still in the queue, u6 first"), f"asyncio: {lines}")
    # If there is time enough, there is nothing to note.
    lines = timed("verification_queue", "--seed", "asyncio", "--takes", "1")
    check(len(removed(lines)) == 6 and "note" not in lines[-1][1], f"asyncio: {lines}")


def producer_consumer():
    """A put waits for room, a get for an item, and each takes its time after that."""
    def one(items, capacity, produce, consume):
        lines = timed("producer_consumer", "--items", items, "--capacity", capacity,
                      "--produce", produce, "--consume", consume)
        puts, gets, ready, free = [], [], 0, 0
        for i in range(items):
            ready = puts[-1] + produce if puts else 0
            # Room is made by the get of the item that many places before.
            puts.append(max(ready, gets[i - capacity] if capacity and i >= capacity else 0))
            if capacity == 0:
                puts[-1] = max(ready, free)
            gets.append(max(puts[-1], free))
            free = gets[-1] + consume
        what = f"items {items} capacity {capacity} produce {produce} consume {consume}: {lines}"
        check([t for t, text in lines if text.startswith("put ")] == puts, what)
        check([(t, text) for t, text in lines if text.startswith("get ")]
              == [(t, f"get {i + 1}") for i, t in enumerate(gets)], what)
        end = max(free, puts[-1]) if puts else 0
        check(lines[-1] == (end, "consumer done"), what)
    in_parallel(one, itertools.product((0, 1, 7), (0, 1, 2, 5), (0, 1, 3), (0, 1, 2)))


def queue_workers():
    """Every item is done once, as soon as a worker is free; then everybody goes home."""
    def one(items, workers, seconds):
        lines = timed("queue_workers", "--items", items, "--workers", workers,
                      "--seconds", seconds)
        done = [(t, int(text.split()[1])) for t, text in lines if text.startswith("item ")]
        what = f"items {items} workers {workers}: {lines}"
        check(done == [((i // workers + 1) * seconds, i + 1) for i in range(items)], what)
        check(lines[len(done)][1] == "all items are done", what)
        home = sorted(int(re.fullmatch(r"worker (\d+) goes home", text)[1])
                      for _, text in lines[len(done) + 1:])
        check(home == list(range(1, workers + 1)), what)
        check(len({t for t, _ in lines[len(done):]}) == 1, what)
    in_parallel(one, itertools.product((0, 1, 3, 10), (1, 3, 12), (1, 2.5)))


def deferred_queue():
    """With the mutex one after the other; without, each consumer at its own pace."""
    def one(items, consumers, unlocked):
        got = good("deferred_queue", "--items", items, "--consumers", consumers,
                   *(["--unlocked"] if unlocked else []))
        most = got.pop()
        at_once = min(items, consumers if unlocked else 1)
        check(most == f"most inside at once: {at_once}", f"{got}, {most}")
        lines = [timed_line(line) for line in got]
        for i in range(items):
            start = i // consumers if unlocked else i
            check((start, f"begin {i + 1}") in lines and (start + 1, f"end {i + 1}") in lines,
                  f"items {items} consumers {consumers} unlocked {unlocked}: {lines}")
    in_parallel(one, itertools.product((0, 1, 4, 9), (1, 2, 5), (False, True)))


def deferred_queue_overflows():
    """Consumers that wait take one each, the queue so many; the rest is refused."""
    def one(items, consumers, size):
        got = good("deferred_queue", "--items", items, "--consumers", consumers, "--size", size)
        refused = [line for line in got if "overflow" in line]
        check(refused == [f"t=0 overflow: no room for {i}"
                          for i in range(consumers + size + 1, items + 1)], f"{got}")
        check(sum("end" in line for line in got) == min(items, consumers + size), f"{got}")
    in_parallel(one, itertools.product((1, 6, 20), (1, 3), (0, 1, 4)))


def deferred_queue_underflows():
    """As many consumers wait as may; if nobody may, nobody does, and no item is worked on."""
    def one(consumers, backlog):
        got = good("deferred_queue", "--items", 6, "--consumers", consumers, "--backlog", backlog)
        refused = [line for line in got if line.startswith("t=0 underflow")]
        check(refused == [f"t=0 underflow: consumer {i} may not wait"
                          for i in range(backlog + 1, consumers + 1)], f"{got}")
        check(sum("end" in line for line in got) == (6 if backlog else 0), f"{got}")
    in_parallel(one, itertools.product((1, 3, 20), (0, 1, 4)))


def bounded_blocking_queue():
    """Every number comes out once, in order if one task enqueues; what is left is counted."""
    def one(seed):
        rng = random.Random(seed)
        capacity, count = rng.randint(1, 5), rng.randint(1, 40)
        numbers = [rng.randint(0, 99) for _ in range(count)]
        left = rng.randint(0, min(capacity, len(numbers)))
        operations = [str(n) for n in numbers] + ["."] * (len(numbers) - left)
        rng.shuffle(operations)
        order = [int(word) for word in operations if word != "."]
        producers = rng.choice((1, 1, 2, 7))
        line, = good("bounded_blocking_queue", ",".join(operations), "--capacity", capacity,
                     "--producers", producers, "--consumers", rng.randint(1, 5))
        words = line.split()
        taken = [int(word) for word in words[:-2]]
        check(words[-2:] == ["size", str(left)] and len(taken) == len(numbers) - left, line)
        check(taken == order[:len(taken)] if producers == 1 else
              not collections.Counter(taken) - collections.Counter(numbers), line)
    in_parallel(one, [(seed,) for seed in range(30)])


def web_crawler():
    """Every page once, and no slot is free while a page is known: K servers and one queue."""
    links = {"star": lambda page, n: range(n) if page == 0 else [0],
             "clique": lambda page, n: range(n),
             "chain": lambda page, n: [page + 1],
             "tree": lambda page, n: [2 * page + 1, 2 * page + 2]}

    def one(site, pages, permits):
        now, known, seen, fetching = 0, collections.deque([0]), {0}, []
        while known or fetching:
            while known and len(fetching) < permits:
                fetching.append((now + 15, known.popleft()))
            now, page = fetching.pop(0)  # all take as long, so the first to begin is the first done
            found = [p for p in links[site](page, pages) if p < pages and p not in seen]
            seen.update(found)
            known.extend(found)
        line, = good("web_crawler", "--site", site, "--pages", pages, "--permits", permits)
        check(line == f"pages={pages} end_ms={now}", f"{site} {pages} {permits}: {line}, not {now}")
    in_parallel(one, itertools.product(links, (1, 2, 3, 10, 64, 101), (1, 2, 3, 10, 1000)))


def philosophers():
    """Neighbours never eat at the same time, and everybody has eaten often enough."""
    def one(seats, meals, seconds):
        lines = timed("philosophers", "--seats", seats, "--meals", meals, "--seconds", seconds)
        check(lines.pop()[1] == f"{seats * meals} meals eaten", f"{seats} {meals}: {lines}")
        eating, eaten = set(), [0] * seats
        for _, text in lines:
            who = int(text.split()[0])
            if "has eaten" in text:
                eating.remove(who)
                continue
            eaten[who] += 1
            check(text == f"{who} eats meal {eaten[who]}", f"{seats} {meals}: {text}")
            check(not eating & {who, (who + 1) % seats, (who - 1) % seats},
                  f"{seats} {meals}: {who} eats while {eating} do")
            eating.add(who)
        check(eaten == [meals] * seats and not eating, f"{seats} {meals}: {eaten}")
    in_parallel(one, itertools.product((2, 3, 5, 8, 50), (0, 1, 4), (0, 1)))


def naive_philosophers():
    for seats in (2, 3, 5, 9):
        done = run("philosophers", "--naive", "--seats", seats, "--meals", 2)
        check(done.returncode == 1 and done.stdout.endswith(
            f"deadlock: 0 of {2 * seats} meals eaten\n"), f"{seats}: {done}")
        check("eats" not in done.stdout and "cede: deadlock" in done.stderr, f"{seats}: {done}")
        for i in range(seats):
            check(f"philosopher {i} " in done.stderr and f"fork {i} " in done.stderr,
                  f"{seats}: {done.stderr!r} does not name {i}")


# Mutexes.

def deadlock():
    done = run("deadlock")
    check(done.returncode == 1 and "cede: deadlock" in done.stderr, f"{done}")
    for party, mutex, holder in (("T1", "B", "T2"), ("T2", "A", "T1")):
        check(re.search(rf"{party} \(\d+\): waits for mutex {mutex} \(held by {holder} ",
                        done.stderr), f"{done.stderr!r} does not say what {party} waits for")
    check(all(line.startswith("t=1 ") for line in done.stdout.splitlines()), f"{done.stdout!r}")


def deadlock_order_warns():
    done = run("deadlock", "--order")
    warnings = [line for line in done.stderr.splitlines() if line.startswith("cede: lock order")]
    check(done.returncode == 0 and len(warnings) == 1, f"{done}")
    check("mutex A" in warnings[0] and "holding B" in warnings[0] and
          done.stderr.count("deadlock.c:") == 4 and "deadlock:" not in done.stderr, f"{done}")


def deadlock_ends_by_a_time_out():
    for first, second in ((1, 3), (3, 1), (0, 0.001), (100, 7.5)):
        loser, winner = ("T1", "T2") if first < second else ("T2", "T1")
        at = 1 + min(first, second)
        lines = timed("deadlock", "--timeout", f"{first},{second}")
        check(lines == [(at, f"{loser} gives up"), (at, f"{winner} acquires")],
              f"{first},{second}: {lines}")


def lock_timeout():
    """Whoever gives up before the mutex is free does so; all others get it at that moment."""
    def one(seed):
        dice = random.Random(seed)
        hold = dice.randrange(1, 20)
        waits = [dice.choice([t for t in range(40) if t != hold]) for _ in range(20)]
        expected = [(t, "Could not acquire lock") for t in sorted(waits) if t < hold]
        expected += [(hold, "holder released")]
        expected += [(hold, "Lock acquired")] * sum(t > hold for t in waits)
        got = timed("lock_timeout", "--hold", hold, "--timeout", ",".join(map(str, waits)))
        check(got == expected, f"hold {hold} waits {waits}: {got}")
    in_parallel(one, [(seed,) for seed in range(10)])


def counter():
    def one(count, words):
        lines = good("counter", "--count", count, *words)
        check(lines == [f"Final counter value: {10 * count}"], f"{count} {words}: {lines}")
    in_parallel(one, itertools.product((1, 99, 100, 101, 5000), (
        ("--with", "tasks"), ("--with", "tasks", "--unlocked"), ("--with", "threads"))))


def counter_without_a_lock():
    """Threads yield between reading and writing, so it takes no luck to lose something."""
    value = int(good("counter", "--with", "threads", "--unlocked")[0].split()[-1])
    check(0 < value < 1000000, f"{value} of 1000000 increments")


def ownership():
    for depth in (1, 2, 7):
        lines = good_but_for_the_report("ownership", "--depth", depth)
        answers = {line.split(": ")[0]: line.split(": ")[1] for line in lines}
        locks = answers.pop(f"a recursive mutex, {depth} deep, after each unlock")
        check(locks.split() == ["locked"] * (depth - 1) + ["free"], f"{depth}: {locks}")
        check(list(answers.values()) == ["-EPERM", "-EDEADLK", "0", "0", "-EOWNERDEAD", "yes"],
              f"{depth}: {lines}")


def good_but_for_the_report(*words):
    done = run(*words)
    check(done.returncode == 0 and done.stderr.count("\n") == 1
          and "ends without unlocking" in done.stderr, f"{words}: {done}")
    return done.stdout.splitlines()


# Readers and writers.

def rwlock_model(preference, writers, reading, writing):
    """[(seconds, text)]: nobody else comes, or goes, at the moment at which somebody goes."""
    names = {1: ["W"]}.get(writers, [f"W{i}" for i in range(1, writers + 1)])
    comes = [(0, "R1"), (0, "R2"), (1, names[0]), (2, "R3")]
    comes += [(3 + i, name) for i, name in enumerate(names[1:])]
    queue, inside, lines = [], [], []
    now = 0
    while comes or inside or queue:
        now = min([t for t, _ in comes] + [t for t, _ in inside])
        for t, name in [entry for entry in inside if entry[0] == now]:
            inside.remove((t, name))
            lines.append((now, f"{name} out"))
        while comes and comes[0][0] == now:
            queue.append(comes.pop(0)[1])
        while queue:
            first = next((name for name in queue
                          if preference != "fair" and name[0] == preference[0].upper()), queue[0])
            if inside and (first[0] == "W" or inside[0][1][0] == "W"):
                break
            queue.remove(first)
            inside.append((now + (writing if first[0] == "W" else reading), first))
            lines.append((now, f"{first} in"))
    return lines


def rwlock():
    for preference, writers, (reading, writing) in itertools.product(
            ("fair", "readers", "writers"), (1, 2, 5),
            ((2.75, 1.125), (0.625, 3.25), (5.375, 0.5))):
        words = ("rwlock", "--prefer", preference, "--writers", writers, "--reading", reading,
                 "--writing", writing)
        lines, expected = timed(*words), rwlock_model(preference, writers, reading, writing)
        check(sorted(lines) == sorted(expected), f"{words}: {lines} instead of {expected}")


def monitor():
    for who, accounts, transfers, balance in itertools.product(("tasks", "threads"), (1, 2, 6),
                                                               (1, 400), (1, 3, 50)):
        line, = good("monitor", "--with", who, "--accounts", accounts, "--transfers", transfers,
                     "--balance", balance)
        match = re.fullmatch(r"transfers=(\d+) sum=(\d+)\.\.(\d+) lowest=(\d+)", line)
        check(match, f"{line!r}")
        paid, least, most, lowest = (int(number) for number in match.groups())
        check(paid == accounts * transfers and least == most == accounts * balance
              and lowest <= balance, f"{accounts} accounts, {who}: {line}")


def monitor_whose_users_are_rash():
    line, = good("monitor", "--rash")
    check(re.fullmatch(r"transfers=4000 sum=400\.\.400 lowest=-\d+", line), f"{line!r}")


# Events and conditions.

def event():
    for workers, seconds in ((1, 7), (5, 0), (100, 2.5)):
        names = [f"worker {i}" if workers > 1 else "worker" for i in range(1, workers + 1)]
        lines = timed("event", "--workers", workers, "--seconds", seconds)
        check(lines == [(0, f"{name} waiting") for name in names] + [(seconds, "event set")]
              + [(seconds, f"{name} finished") for name in names], f"{workers}: {lines}")


def condition():
    for consumers, first in itertools.product((0, 1, 2, 1000), ("consumer", "producer")):
        lines = good("condition", "--consumers", consumers, "--first", first)
        check(lines == ["Producing data"] + ["Consuming data"] * consumers,
              f"{consumers}, {first} first: {lines}")


def barrier():
    """Each round begins for all when the last one has come, and the numbers are the arrivals."""
    def one(seed):
        dice = random.Random(seed)
        workers, rounds = dice.randrange(1, 20), dice.randrange(1, 5)
        # No two arrive at one moment: that is what the examples with an expected output are for.
        works = dice.sample(range(1, 100), workers)
        expected, begin = [], 0
        for number in range(1, rounds + 1):
            order = sorted(range(workers), key=lambda i: works[i])
            begin, last = begin + max(works), begin
            expected += [(last + works[i], f"w{i + 1} arrives round {number}") for i in order]
            expected += [(begin, f"w{i + 1} passes round {number} idx {order.index(i)}")
                         for i in order[-1:] + order[:-1]]
        got = timed("barrier", "--rounds", rounds, "--seconds", ",".join(map(str, works)))
        check(got == expected, f"seed {seed}: {got}, expected {expected}")
    in_parallel(one, [(seed,) for seed in range(20)])


# Threads.

def threads_write_whole_lines():
    for seconds in [0] * 30 + [0.05] * 3 + [0.5]:
        lines = timed("two_tasks", "--with", "threads", "--seconds", seconds)
        texts = [text for _, text in lines]
        check(sorted(texts[:-1]) == [f"Task {i} {what}" for i in (1, 2)
                                     for what in ("finished", "started")]
              and texts[-1] == "All tasks completed", f"{lines}")
        for number in (1, 2):
            check(texts.index(f"Task {number} started") < texts.index(f"Task {number} finished"),
                  f"{lines}")


def threads_run_at_the_same_time():
    """Both have started before one has finished, however late that is."""
    lines = timed("two_tasks", "--with", "threads", "--seconds", 2)
    check(all("started" in text for _, text in lines[:2]), f"{lines}")
    check(all(t >= 1.999 for t, _ in lines[2:]), f"{lines}")


TESTS = [print_in_order, foobar, zero_even_odd, fizz_buzz, water, traffic_light,
         producer_consumer, queue_workers, deferred_queue, deferred_queue_overflows,
         deferred_queue_underflows, web_crawler,
         bounded_blocking_queue, verification_queue, verification_queue_gone_wrong, philosophers,
         naive_philosophers, deadlock, deadlock_order_warns, deadlock_ends_by_a_time_out,
         lock_timeout, counter, counter_without_a_lock, ownership, rwlock, monitor,
         monitor_whose_users_are_rash, event, condition, barrier,
         threads_write_whole_lines, threads_run_at_the_same_time]

if __name__ == "__main__":
    sys.exit(main(TESTS))
