#!/usr/bin/env python3
"""gdb/cede.py: tasks, their backtraces, and a task selected, in a live program and in a core file.

The program is examples/philosophers, stopped when somebody begins to eat for the first time. Then
everybody else waits: for a fork, and the main task for its children. It is looked at as it was
built, and built without optimisation, with each of the two context switches."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(os.path.abspath(__file__)).parents[2]
BUILD = Path(os.environ.get("CEDE_BUILD", ROOT / "build"))

N = "philosophers.c:N)"  # for any number
TREE = ["run of thread 1 (6 tasks)",
        "  main (1): waits for the end of 5 children, at dine (" + N,
        "    philosopher 0 (2) philosopher(): waits for mutex fork 1, at take_forks (" + N,
        "    philosopher 1 (3) philosopher(): waits for mutex fork 2, at take_forks (" + N,
        "    philosopher 2 (4) philosopher(): waits for mutex fork 3, at take_forks (" + N,
        "    philosopher 3 (5) philosopher(): running",
        "    philosopher 4 (6) philosopher(): waits for mutex fork 0, at take_forks (" + N]


def gdb(arguments, *commands, cwd=None):
    words = ["gdb", "-q", "-nx", "-batch"]
    for command in ("set pagination off", "set confirm off", "set debuginfod enabled off",
                    "set width 0", f"source {ROOT}/gdb/cede.py", *commands):
        words += ["-ex", command]
    return subprocess.run(words + arguments, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=300, cwd=cwd).stdout


def live(program, *commands, cwd=None):
    """What the commands print, each after a line with its number, at the first meal."""
    marked = [word for i, command in enumerate(commands) for word in (f"echo ={i}=\\n", command)]
    output = gdb(["--args", str(program)], "break eat", "run", *marked, cwd=cwd)
    return re.split(r"^=\d+=\n", output, flags=re.M)[1:] or [output]


def frames(output):
    return re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?([\w.]+) \(", output, re.M)


def compare_tree(output):
    if re.sub(r":\d+\)$", ":N)", output, flags=re.M).splitlines() == TREE:
        return None
    return "the tree is not as expected:\n" + output


def suspended(output):
    """The backtrace of philosopher 1: from the wait down to the bottom of its stack."""
    found = frames(output)
    rest = iter(found)
    for name in ("cede_mutex_lock", "take_forks", "philosopher", "cede__task_run"):
        if name not in rest:
            return f"{name} is not where it belongs in {found}:\n{output}"
    if "eat" in found or "main" in found or "me=1" not in output:
        return f"other frames than philosopher 1's:\n{output}"
    return None


def tasks(program):
    return compare_tree(live(program, "cede tasks")[0])


def backtrace(program):
    one, everybody, main = live(program, "cede bt 3", "cede bt all", "cede bt 1")
    parts = re.split(r"^(?=\w.* \(\d+\))", everybody, flags=re.M)[1:]
    if len(parts) != 6:
        return f"bt all shows {len(parts)} tasks:\n{everybody}"
    if "eat" not in frames(parts[4]):
        return f"the running task's frames are not the thread's:\n{parts[4]}"
    if not {"cede_run_with", "main"} & set(frames(main)) or "eat" in frames(main):
        return f"the main task is not on the thread's own stack:\n{main}"
    return suspended(one) or suspended(parts[2])


def select(program):
    """A task can be selected and looked at; the program goes on as if nothing had happened."""
    plain = subprocess.run([str(program)], capture_output=True, text=True).stdout
    output = live(
        program, "info registers", "cede task 3", "bt", "cede task", "info registers",
        "python gdb.execute('cede task 3', to_string=True); gdb.execute('continue')",
        "python print('selected' if unwinder.registers else 'deselected')",
        "python gdb.execute('delete'); gdb.execute('continue')")
    before, selected, shown, back, after, _, later, rest = output
    if not re.match(r"\[philosopher 1 \(3\) philosopher\(\): waits for mutex fork 2", selected):
        return f"cede task 3 selected:\n{selected}"
    # The thread's innermost frame comes first; what is inlined there has frames as well.
    own = [line for line in shown.splitlines() if not re.search(r"\beat \(|arg=0x4\b|me=3\b", line)]
    problem = suspended("\n".join(own))
    if problem:
        return problem
    if "eat (" not in back or before != after:
        return f"deselected, the thread is not where it was:\n{back}{before}{after}"
    if later != "deselected\n":
        return "the task is still selected when the program has gone on"
    printed = [line for line in "".join(output).splitlines() if line.startswith("t=")]
    if printed != plain.splitlines() or "exited normally" not in rest:
        return f"it printed\n{rest}\ninstead of\n{plain}"
    return None


def core(program):
    """A core file that the kernel wrote."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern:
        return f"skip core files go to {pattern}"
    with tempfile.TemporaryDirectory(prefix="cede-core-") as folder:
        subprocess.run(["sh", "-c", 'ulimit -c unlimited && exec "$@"', "sh", "gdb", "-q", "-nx",
                        "-batch", "-ex", "set debuginfod enabled off", "-ex", "break eat", "-ex",
                        "run", "-ex", "signal SIGABRT", "--args", str(program)],
                       capture_output=True, cwd=folder)
        files = list(Path(folder).glob("core*"))
        if not files:
            return "skip the system writes no core files"
        output = gdb([str(program), str(files[0])], "echo =0=\\n", "cede tasks", "echo =1=\\n",
                     "cede bt 3", "echo =2=\\n", "cede task 3", "bt")
    parts = re.split(r"^=\d=\n", output, flags=re.M)
    return compare_tree(parts[1]) or suspended(parts[2])


def no_run(program):
    """Without a process, and before a run, it says so."""
    output = gdb(["--args", str(program)], "break main", "run", "cede tasks")
    if "no thread is inside of cede_run" not in output:
        return output
    return None


def build(folder, *options):
    made = subprocess.run(["meson", "setup", str(folder), str(ROOT), "-Dbuildtype=debug", *options],
                          capture_output=True, text=True)
    if made.returncode == 0:
        made = subprocess.run(["ninja", "-C", str(folder), "examples/philosophers"],
                              capture_output=True, text=True)
    if made.returncode:
        raise RuntimeError(made.stdout)
    return folder / "examples/philosophers"


def report(name, problem):
    verdict, _, rest = (problem or "").partition(" ")
    if verdict == "skip":
        print(f"skip {name}: {rest}")
    elif problem:
        first, *details = problem.splitlines()
        print(f"FAIL {name}: {first}")
        print("".join(f"    {line}\n" for line in details), end="")
    else:
        print(f"ok {name}")
    sys.stdout.flush()
    return verdict == "skip" or not problem


def main():
    program = BUILD / "examples/philosophers"
    checks = [tasks, backtrace, select, core, no_run]
    if not shutil.which("gdb") or "eat (" not in live(program, "bt")[0]:
        for check in checks:
            print(f"skip {check.__name__}: gdb is not there, or cannot run a program here")
        return 0
    sound = all([report(check.__name__, check(program)) for check in checks])
    with tempfile.TemporaryDirectory(prefix="cede-gdb-") as folder:
        for name, options in (("debug", ()), ("portable", ("-Dportable_context=true",))):
            other = build(Path(folder) / name, *options)
            for check in (tasks, backtrace, select):
                sound &= report(f"{name}_{check.__name__}", check(other))
    return 0 if sound else 1


sys.exit(main())
