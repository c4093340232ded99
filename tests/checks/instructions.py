#!/usr/bin/env python3
"""Instructions per operation, counted by valgrind: what the fast paths cost, whatever the machine
is doing meanwhile.

A row of the bench runs with N operations and with 2 N; what it takes to start is in both, and the
difference is N operations. instructions.py --update writes bench/instructions.txt anew.
"""

import concurrent.futures
import re
import shutil
import subprocess
import sys
import tempfile
from common import BUILD, ROOT, Skipped, listed, main

LIST = ROOT / "bench/instructions.txt"
HEADING = """\
# Instructions of one operation, by a row of the bench; tests/checks/instructions.py compares what
# is built, and rewrites this list with --update (gcc 12, x86-64).
"""
GROWTH = 1.10   # more than that is a failure; a compiler's whims are less
ROWS = {        # N, tasks
    "switch": (20000, 10),
    "spawn": (20000, 0),
    "spawn_yield": (10000, 0),
    "mutex": (20000, 0),
    "semaphore": (20000, 0),
    "handoff": (2000, 100),
    "event": (10000, 10000),
    "condition": (20000, 0),
}


def total(row, n, tasks):
    with tempfile.NamedTemporaryFile(prefix="cede-callgrind-") as out:
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}",
             str(BUILD / "bench/bench_cede"), row, str(n), str(tasks)],
            capture_output=True, text=True, timeout=300)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not collected:
        raise RuntimeError(f"{row}: {run.stderr[-500:]}")
    return int(collected.group(1))


def count():
    """{row: instructions of one operation}"""
    if not shutil.which("valgrind"):
        raise Skipped("valgrind is not installed")

    def one(row):
        n, tasks = ROWS[row]
        return (total(row, 2 * n, tasks) - total(row, n, tasks)) / n

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(ROWS, pool.map(one, ROWS)))


def compare(counts, known):
    problems = [f"{row} is not in bench/instructions.txt" for row in counts if row not in known]
    problems += [f"{row} is in bench/instructions.txt, but is not counted" for row in known
                 if row not in counts]
    for row in counts.keys() & known.keys():
        if counts[row] > known[row] * GROWTH:
            problems.append(f"{row}: {counts[row]:.1f} instructions, {known[row]:.1f} before; if "
                            "it is worth it: tests/checks/instructions.py --update")
    return problems


def numbers(path):
    return {row: float(rest) for row, rest in listed(path).items()}


def instructions(_root):
    return compare(count(), numbers(LIST))


def compare_planted(root):
    return compare(numbers(root / "now"), numbers(root / "known"))


if "--update" in sys.argv:
    LIST.write_text(HEADING + "".join(f"{row} {n:.1f}\n" for row, n in count().items()))
    sys.exit(0)

main([instructions], [
    ("equal", compare_planted, {"now": "a 100", "known": "a 100"}, None),
    ("a_little_more", compare_planted, {"now": "a 109", "known": "a 100"}, None),
    ("less", compare_planted, {"now": "a 50", "known": "a 100"}, None),
    ("grown", compare_planted, {"now": "a 111\nb 1", "known": "a 100\nb 1"}, "a: 111.0 instr"),
    ("unknown", compare_planted, {"now": "a 1\nb 1", "known": "a 1"}, "b is not in"),
    ("not_counted", compare_planted, {"now": "a 1", "known": "a 1\nb 1"}, "b is in"),
])
