#!/usr/bin/env python3
"""The portable context switch: builds the library with it, and runs the tests that switch on it."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(os.path.abspath(__file__)).parent.parent.parent

# Tests of what lies below the switch are the same code in either build.
BELOW = {"list", "prng", "text", "waitq", "wait", "timer"}


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          errors="replace", stdin=subprocess.DEVNULL, **options)


def show(output):
    print("".join(f"    {line}\n" for line in output.splitlines()[-40:]), end="")


def main():
    with tempfile.TemporaryDirectory(prefix="cede-portable-") as folder:
        build = Path(folder) / "build"
        made = run("meson", "setup", build, ROOT, "-Dportable_context=true")
        names = []
        if made.returncode == 0:
            names = [n for n in (build / "tests/programs.list").read_text().split()
                     if n not in BELOW]
            made = run("ninja", "-C", build, *(f"tests/{name}" for name in names))
        if made.returncode:
            print("FAIL build: the portable variant does not build")
            show(made.stdout)
            return 1
        print("ok build")
        failed = False
        for name in names:
            done = run(build / "tests" / name, "-j", "2")
            verdicts = re.findall(r"^(?:FAIL|skip) .*", done.stdout, re.M)
            if done.returncode:
                failed = True
                print(f"FAIL {name}: {verdicts[0] if verdicts else f'status {done.returncode}'}")
                show(done.stdout + done.stderr)
            else:
                print(f"ok {name}")
        # The backtrace of a suspended task through this switch.
        done = run(sys.executable, ROOT / "tests/cli/gdb.py",
                   env={**os.environ, "CEDE_BUILD": str(build)})
        for line in done.stdout.splitlines():
            verdict, _, rest = line.partition(" ")
            failed |= verdict == "FAIL"
            print(f"{verdict} gdb_{rest}" if verdict in ("ok", "FAIL", "skip") else line)
        return 1 if failed else 0


sys.exit(main())
