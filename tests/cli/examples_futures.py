#!/usr/bin/env python3
"""The example programs on futures: for each the property that it is there to show, by models of
them that know nothing of the library, with inputs that stand nowhere else."""

import itertools
import random
import sys
from examples import check, in_parallel, main
from examples_sync import good, timed, timed_line


def in_order(lines):
    """What happens at one time may come in any order; the times may not."""
    check([t for t, _ in lines] == sorted(t for t, _ in lines), f"times go back: {lines}")
    return sorted(lines)


def counted(variant, latencies, failing, cancelled, at):
    """What network_counter prints: of each call, when it is done and what it says."""
    free, count, lines = 0, 0, []
    for call, latency in enumerate(latencies, 1):
        begin = free if variant == "locked" else 0
        end, text = begin + latency, None
        if call == cancelled and at < end:
            end, text = at, f"d{call} cancelled"
        if end < begin:  # it was still waiting for the lock
            lines.append((end, text))
            continue
        count += 1
        seen = len(latencies) if variant == "racy" else count
        if not text:
            text = f"d{call} failed" if call == failing else f"{seen} d{call}"
        lines.append((end, text))
        free = end
    return sorted(lines)


def network_counter():
    """Locked, one after the other; racy, all have counted before the first is done."""
    def one(seed, variant):
        dice = random.Random(seed)
        latencies = [dice.randrange(0, 9) for _ in range(dice.randrange(1, 12))]
        failing = dice.choice((None, dice.randrange(1, len(latencies) + 1)))
        cancelled = dice.choice((None, dice.randrange(1, len(latencies) + 1)))
        at = dice.randrange(0, 30) + 0.5
        words = ["--latency", ",".join(map(str, latencies))]
        words += ["--fail", failing] if failing else []
        words += ["--cancel", f"{cancelled}@{at}"] if cancelled else []
        got = in_order(timed("network_counter", "--variant", variant, *words))
        expected = counted(variant, latencies, failing, cancelled, at)
        check(got == expected, f"{variant} {words}: {got}, expected {expected}")
        if variant == "locked":  # locks that are not shared are none
            got = in_order(timed("network_counter", "--variant", variant, *words, "--own-locks"))
            expected = counted("racy", latencies, failing, cancelled, at)
            check(got == expected, f"{words} --own-locks: {got}, expected {expected}")
    in_parallel(one, itertools.product(range(25), ("racy", "locked", "local")))


def gather():
    """The first failure is known at once; who goes on and who is cancelled depends on the way."""
    def one(takes, failing):
        words = ["--takes", ",".join(map(str, takes)), "--fail", failing]
        jobs = sorted((t, name) for t, name in zip(takes, "abc"))
        done = [(t, f"{name} done") for t, name in jobs]
        bad, fails = "abc"[failing - 1], takes[failing - 1]
        failed = [(t, f"{name} failed" if name == bad else text)
                  for (t, text), (_, name) in zip(done, jobs)]
        expected = {
            "gather": done + [(max(takes), "results a b c")],
            "failure": failed + [(fails, f"gather returned {bad}'s error")],
            "scope": [line for line in failed if line[0] <= fails]
                     + [(fails, f"{name} cancelled") for t, name in jobs if t > fails]
                     + [(fails, f"scope returned {bad}'s error")],
            "first": done + [(min(takes), "done 1 pending 2")],
            "each": done + [(t, f"the next result is {name}'s") for t, name in jobs],
        }
        for variant, lines in expected.items():
            got = in_order(timed("gather", "--variant", variant, *words))
            check(got == sorted(lines), f"{variant} {words}: {got}, expected {sorted(lines)}")
    in_parallel(one, itertools.product(itertools.permutations((0.5, 2, 7)), (1, 2, 3)))


def gather_in_time():
    for takes, patience in itertools.product(itertools.permutations((1, 2, 4)), (0.5, 1.5, 3, 5)):
        got = timed("gather", "--variant", "timeout", "--takes", ",".join(map(str, takes)),
                    "--timeout", patience)
        jobs = sorted(zip(takes, "abc"))
        expected = [(t, f"{name} done") for t, name in jobs if t < patience]
        if len(expected) < 3:
            left = [(patience, f"{name} cancelled") for t, name in zip(takes, "abc")
                    if t > patience]
            expected += [(patience, f"given up: done {len(expected)} of 3")] + left
        check(got == expected, f"{takes} {patience}: {got}, expected {expected}")


def deferred():
    for n in (0, 1, 5, 999):
        check(good("deferred", "--variant", "chain", "--value", n) == [str((n + 1) * 2)], f"{n}")
        lines = good("deferred", "--variant", "failure", "--value", n)
        check(lines == [f"refuse {n}", "an error: EIO", f"a value: {n}", str(n)],
              f"{n}: {lines}")


def account_service():
    """Each call waits for the database to be opened, once, and for its answer; for nobody else."""
    def one(calls, opens, answer, timeout, cancel):
        words = ["--calls", calls, "--open", opens, "--answer", answer, "--timeout", timeout]
        lines = good("account_service", "--variant", "together", *words,
                     *(["--cancel", cancel] if cancel else []))
        times = lines.pop()
        got = [(t, text.split(" account ")[0]) for t, text in map(timed_line, lines)]
        late = 'DEADLINE_EXCEEDED "Database connection timed out"'
        # begin: when it was begun to be opened, by whoever has come to do it; done: when it is.
        expected, begin, done = [], 0, None
        for i in range(calls):
            stop = cancel if cancel and i == 0 else None
            opened = done if done is not None else begin + opens
            ends = [(opened + answer, "OK balance 100")]
            if opened > timeout:
                ends = [(timeout, late)]
            elif answer > timeout:
                ends = [(opened + timeout, late)]
            if stop is not None:
                ends.append((stop, "CANCELLED, and the caller is cancelled"))
            end = min(ends)
            expected.append(end)
            if done is None and end[0] >= opened:
                done = opened
            elif done is None:
                begin = end[0]
        what = f"{words} cancel {cancel}: {lines}, {times}, expected {expected}"
        check(got == expected, what)
        check(times == f"database opened: {0 if done is None else 1}", what)
    in_parallel(one, itertools.product((1, 3, 50), (0, 1, 5), (0, 2, 4), (3, 100), (None, 0.5)))


def account_service_swallows_nothing():
    """The cancelled call is a failure of nobody; the accounts of two keys differ."""
    for variant, status in (("error", "UNAVAILABLE"), ("slow", "DEADLINE_EXCEEDED"),
                            ("cancelled", "CANCELLED"), ("unknown", "UNKNOWN")):
        (_, text), = timed("account_service", "--variant", variant)
        check(text.split(",")[0].split()[0] == status, f"{variant}: {text}")
        check(("the caller is cancelled" in text) == (variant == "cancelled"), f"{variant}: {text}")
    lines = [good("account_service", "--variant", "success", "--key", key) for key in ("a", "b")]
    check(lines[0] != lines[1], f"{lines}")


TESTS = [network_counter, gather, gather_in_time, deferred, account_service,
         account_service_swallows_nothing]

if __name__ == "__main__":
    sys.exit(main(TESTS))
