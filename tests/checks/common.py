"""What the checks share.

A check is a list of functions: each takes the root of a source tree and returns the problems that
it found there, as lines. main() runs them over this tree and then runs the self-tests, which plant
a bad tree in a temporary directory: a check that cannot fail checks nothing.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(os.path.abspath(__file__)).parent.parent.parent
BUILD = Path(os.environ.get("CEDE_BUILD", ROOT / "build"))


class Skipped(Exception):
    """Raised by a check that misses a tool; the text says which."""


def files(root, *suffixes, under=None):
    """The files of the tree, relative: tracked ones and new ones, not what git ignores."""
    git = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(root),
                          "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True)
    if git.returncode == 0 and git.stdout:
        names = {Path(os.fsdecode(name)) for name in git.stdout.split(b"\0") if name}
    else:
        # A release archive, or a planted tree.
        names = {path.relative_to(root) for path in Path(root).rglob("*")}
        names = {n for n in names if not n.parts[0].startswith((".git", "build"))}
    return sorted(n for n in names
                  if (Path(root) / n).is_file() and (not suffixes or n.suffix in suffixes)
                  and (under is None or n.parts[0] in under))


def read(root, name):
    return (Path(root) / name).read_text(encoding="utf-8", errors="replace")


def listed(path):
    """The entries of a list file: {first word: the rest of its line}; comments after #."""
    entries = {}
    for line in path.read_text().splitlines():
        word, _, rest = line.split("#")[0].strip().partition(" ")
        if word:
            entries[word] = rest.strip()
    return entries


def report(name, problems):
    if problems:
        print(f"FAIL {name}: {problems[0]}" + (f" (and {len(problems) - 1} more)"
                                              if len(problems) > 1 else ""))
        for problem in problems:
            print(f"    {problem}")
    else:
        print(f"ok {name}")
    return not problems


def attempt(name, function, *arguments):
    try:
        return report(name, function(*arguments))
    except Skipped as reason:
        print(f"skip {name}: {reason}")
        return True


def planted(function, tree, expected):
    """The problems of a self-test: `function` must find `expected` in this tree {path: text}.

    `expected` is a part of one of the problems; None says that nothing may be found."""
    with tempfile.TemporaryDirectory(prefix="cede-check-") as folder:
        for name, text in tree.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = function(Path(folder))
    if expected is None:
        return [f"found in a sound tree: {problem}" for problem in found]
    if any(expected in problem for problem in found):
        return []
    return [f"did not find \"{expected}\", but: {found or 'nothing'}"]


def main(checks, self_tests):
    """checks: functions of the root. self_tests: (name, function, tree, expected)."""
    sound = all([attempt(check.__name__, check, ROOT) for check in checks])
    for name, function, tree, expected in self_tests:
        sound &= attempt(f"self_test_{name}", planted, function, tree, expected)
    sys.exit(0 if sound else 1)
