#!/usr/bin/env python3
"""The harness: every test of harness_samples that must fail does, for its own reason."""

import os
import re
import subprocess
from common import BUILD, main

# A pattern for each verdict. Crashes and lost memory read otherwise where a sanitizer tells them.
EXPECTED = {
    "pass": r"ok ",
    "pass_tidy": r"ok ",
    "pass_folder": r"ok ",
    "fail_folder": r"FAIL .*expected false$",
    "pass_skip": r"skip .*: not today$",
    "pass_aborts": r"ok ",
    "pass_dies_by_signal": r"ok ",
    "pass_dies_by_status": r"ok ",
    "fail_expect": r"FAIL .*samples\.c:\d+: expected 1 \+ 1 == 3$",
    "fail_expect_eq": r"FAIL .*expected 6 \* 9 == 42: 54 and 42$",
    "fail_expect_str": r'FAIL .*: "one" and "two"$',
    "fail_expect_in_child_process": r"FAIL .*expected pid == 1: 0 and 1$",
    "fail_crash": r"FAIL .*(signal 11|exit status 1\b)",
    "fail_exit": r"FAIL .*exited before the end",
    "fail_timeout": r"FAIL .*timed out after 0\.3 s",
    "fail_fd": r"FAIL .*leaked fd \d+ \(/dev/null\)",
    "fail_fd_closed": r"FAIL .*closed fd 0",
    "fail_memory": r"FAIL .*leaked memory",
    "fail_memory_half_way": r"FAIL .*leaked memory",
    "fail_memory_strdup": r"FAIL .*leaked memory",
    "fail_library_memory": r"FAIL .*leaked 1 allocations of the library",
    "fail_child_process": r"FAIL .*left a child process behind",
    "fail_aborts_returns": r"FAIL .*returned, and should have aborted",
    "fail_aborts_silently": r'FAIL .*died without saying "final words"',
    "fail_aborts_otherwise": r"FAIL .*signal 15 .*should have aborted",
    "fail_dies_returns": r"FAIL .*returned, and should have died",
    "fail_dies_exit_0": r"FAIL .*exit status 0, and should have died",
}


def samples(*arguments):
    environment = {**os.environ, "TEST_TIMEOUT": "1"}
    return subprocess.run([str(BUILD / "tests/harness_samples"), *arguments], text=True,
                          capture_output=True, env=environment)


def verdicts(_root):
    run = samples()
    lines = run.stdout.splitlines()
    problems = []
    for name, pattern in EXPECTED.items():
        found = [line for line in lines if re.match(rf"(ok|FAIL|skip) {name}\b", line)]
        if len(found) != 1 or not re.match(pattern, found[0]):
            problems.append(f"{name}: expected {pattern}, got {found}")
    folder = re.search("the folder is (/tmp/.*)", run.stdout)
    if not folder or os.path.exists(folder.group(1)):
        problems.append("the folder of a test that has failed is still there, or was not named")
    listed = samples("--list").stdout.split()
    problems += [f"{name}: in one list only" for name in set(listed) ^ set(EXPECTED)]
    failing = sum(name.startswith("fail") for name in EXPECTED)
    closing = f"{len(EXPECTED) - failing - 1} passed, {failing} failed, 1 skipped"
    if lines[-1:] != [closing] or run.returncode != 1:
        problems.append(f"ended with {lines[-1:]}, status {run.returncode}, not with {closing}, 1")
    return problems


def command_line(_root):
    cases = [
        (["pass"], 0, "1 passed, 0 failed, 0 skipped"),
        (["-k", "pass_dies"], 0, "2 passed, 0 failed, 0 skipped"),
        (["-j", "1", "-k", "expect_eq"], 1, "0 passed, 1 failed, 0 skipped"),
        (["--no-fork", "pass", "pass_aborts"], 0, "1 passed, 0 failed, 1 skipped"),
        (["--no-fork", "fail_expect"], 1, "run fail_expect"),
        (["no_such_test"], 2, None),
        (["--no-such-option"], 2, None),
    ]
    problems = []
    for arguments, status, last in cases:
        run = samples(*arguments)
        if run.returncode != status or (run.stdout.splitlines() or [None])[-1] != last:
            problems.append(f"{' '.join(arguments)}: status {run.returncode}, "
                            f"printed {run.stdout!r}")
    return problems


main([verdicts, command_line], [])
