#!/usr/bin/env python3
"""tests/run: whatever is planted in a small tree, it gives the right closing line and status."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from common import ROOT, main

SCRIPT = "#!/bin/sh\n"
TASKS = {"tests/unit/p.c": "TASK_TEST(a)\n",  # has the tests a and b, and is called with -j 1
         "build/tests/p": SCRIPT + """shift 2
case "$*" in --list) echo a b; exit;; "") set a b;; esac
for t; do echo "ok $t"; done
"""}
# name: (files to plant, CI, closing line, status, a part of what is printed). Programs are scripts.
CASES = {
    "passes": ({"build/tests/p": SCRIPT + "echo 'ok a (1 ms)'\n"}, "", (1, 0, 0), "ok p"),
    "fails": ({"build/tests/p": SCRIPT + "echo 'FAIL a: why'; exit 1\n"}, "", (0, 1, 0),
              "FAIL p/a: why"),
    "crashes": ({"build/tests/p": SCRIPT + "echo 'ok a (1 ms)'; kill -SEGV $$\n"}, "", (1, 1, 0),
                "FAIL p: killed by signal 11"),
    "is_silent": ({"build/tests/p": SCRIPT}, "", (0, 1, 0), "FAIL p: reported no test"),
    "fails_without_a_line": ({"build/tests/p": SCRIPT + "echo 'ok a'; exit 1\n"}, "", (1, 1, 0),
                             "FAIL p: exit status 1"),
    "is_missing": ({}, "", (0, 1, 0), "FAIL p: FileNotFoundError"),
    "skips": ({"build/tests/p": SCRIPT + "echo 'skip a: no'; echo ok b\n"}, "", (1, 0, 1),
              "skip p/a: no"),
    "skips_in_ci": ({"build/tests/p": SCRIPT + "echo 'skip a: no'; echo ok b\n"}, "true",
                    (1, 1, 0), "FAIL p/a: skipped in CI (no)"),
    "skips_in_ci_allowed": ({"build/tests/p": SCRIPT + "echo 'skip a: no'; echo ok b\n",
                             "tests/allowed-skips.txt": "p/a # why\n"}, "true", (1, 0, 1), "skip"),
    "example": ({"build/tests/p": SCRIPT + "echo ok a\n",
                 "build/examples/e": SCRIPT + 'echo "$1"; exit 3\n',
                 "tests/examples/expected/e.txt": "a b\n",
                 "tests/examples/cases.txt": 'e.txt 3 e "a b"\n'}, "", (2, 0, 0), "ok examples/e"),
    "example_differs": ({"build/tests/p": SCRIPT + "echo ok a\n",
                         "build/examples/e": SCRIPT + "echo no\n",
                         "tests/examples/expected/e.txt": "yes\n",
                         "tests/examples/cases.txt": "e.txt 0 e\n"}, "", (1, 1, 0), "    +no"),
    "example_status": ({"build/tests/p": SCRIPT + "echo ok a\n",
                        "build/examples/e": SCRIPT + "exit 3\n",
                        "tests/examples/cases.txt": "- 0 e\n"}, "", (1, 1, 0), "exit status 3"),
    "cli": ({"build/tests/p": SCRIPT + "echo ok a\n",
             "tests/cli/c.sh": SCRIPT + 'echo "FAIL x: $CEDE"; exit 1\n'}, "", (1, 1, 0),
            "FAIL cli/c/x: /"),
    "with_two_workers": (TASKS, "", (4, 0, 0), "ok p@2 (2 tests"),
    "with_two_workers_but_for_one": ({**TASKS, "tests/one-loop.txt": "p/b # why\n"}, "", (3, 0, 0),
                                     "ok p@2 ("),
    "with_two_workers_not_at_all": ({**TASKS, "tests/one-loop.txt": "p # why\n"}, "", (2, 0, 0),
                                    "ok p (2 tests"),
    "with_two_workers_but_for_none": ({**TASKS, "tests/one-loop.txt": "p/c # why\n"}, "", (2, 1, 0),
                                      "FAIL p@2: not a test, in tests/one-loop.txt: p/c"),
}


def plant(tree, files):
    defaults = {"build/tests/programs.list": "p\n", "tests/allowed-skips.txt": "",
                "tests/one-loop.txt": "",
                "tests/examples/cases.txt": "", "tests/examples/expected/none": ""}
    for name, text in {**defaults, **files}.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)
    shutil.copy(ROOT / "tests/run", tree / "tests/run")


def make_check(files, ci, counts, part):
    def check(_root):
        with tempfile.TemporaryDirectory(prefix="cede-check-") as folder:
            plant(Path(folder), files)
            run = subprocess.run([f"{folder}/tests/run", "--two-workers",
                                  "--builddir", f"{folder}/build"],
                                 env={**os.environ, "CI": ci}, capture_output=True, text=True)
        closing = "{} passed, {} failed, {} skipped".format(*counts)
        status = 1 if counts[1] else 0
        if (run.stdout.splitlines() or [""])[-1] == closing and run.returncode == status \
                and part in run.stdout:
            return []
        return [f"expected {closing}, status {status} and \"{part}\"; status {run.returncode}:",
                *(run.stdout + run.stderr).splitlines()]
    return check


checks = []
for name, case in CASES.items():
    check = make_check(*case)
    check.__name__ = name
    checks.append(check)
main(checks, [])
