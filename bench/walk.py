"""Whether a walk by cede finds what find finds, before its time counts."""

import json
import subprocess
from collections import Counter

from missing import Missing

TRIES = 3   # the tree may change between the two


def by_find(directory):
    """The totals as cede explore names them: every entry's type, size and blocks of 512 bytes."""
    listing = subprocess.run(["find", directory, "-printf", "%y %s %b\\n"], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    kinds, totals = Counter(), Counter()
    for line in listing.splitlines():
        kind, size, blocks = line.split()
        kinds[kind] += 1
        totals["bytes"] += int(size) if kind == "f" else 0
        totals["allocated"] += int(blocks) * 512
    totals["files"], totals["directories"], totals["symlinks"] = (kinds[k] for k in "fdl")
    totals["other"] = kinds.total() - sum(kinds[k] for k in "fdl")
    return totals


def same_as_find(command, directory):
    """command: that of cede explore, a list of words."""
    for _ in range(TRIES):
        expected = by_find(directory)
        run = subprocess.run([*command, "--json"], capture_output=True, text=True)
        found = json.loads(run.stdout) if run.returncode in (0, 1) else {}
        wrong = [key for key, value in expected.items() if found.get(key) != value]
        if not wrong:
            return
    raise Missing(f"{wrong[0]}: {found.get(wrong[0])}, but find has {expected[wrong[0]]}")
