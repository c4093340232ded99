#!/usr/bin/env python3
"""gdb shows where a suspended task stands, and unwinds through every instruction of a switch.

The program is tests/context, whose task `called_by_task` is suspended in `suspended_here` when its
main function calls `look_at`. A context is what the switch saved: on x86-64 a stack pointer, with
the instruction of the switch that follows the store; in the portable build a ucontext_t."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

BUILD = Path(os.environ.get("CEDE_BUILD", Path(__file__).resolve().parents[2] / "build"))
PROGRAM = [str(BUILD / "tests/context"), "--no-fork", "a_suspended_task_can_be_looked_at"]

# The registers of a ucontext_t that unwinding starts from, by their index in gregs (x86-64).
GREGS = {"rip": 16, "rsp": 15, "rbp": 10, "rbx": 11, "r12": 4, "r13": 5, "r14": 6, "r15": 7}


def gdb(*commands):
    words = ["gdb", "-q", "-nx", "-batch"]
    for command in ("set pagination off", "set confirm off", "set debuginfod enabled off",
                    "set environment ASAN_OPTIONS=detect_leaks=0", *commands):
        words += ["-ex", command]
    return subprocess.run(words + ["--args", *PROGRAM], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=300).stdout


def frames(output):
    """The functions of a backtrace, innermost first."""
    return re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?([\w.]+) \(", output, re.M)


def missing(found, *expected):
    """A complaint unless `expected` are among the frames, in this order."""
    rest = iter(found)
    lost = [name for name in expected if name not in rest]
    return f"{lost[0]} is not where it belongs in {found}" if lost else None


def suspended_task(portable):
    start = ["break look_at", "run",
             "set $context = (char *)((struct cede_task *)suspended)->fiber.context"]
    if portable:
        place = ["set $gregs = ((ucontext_t *)$context)->uc_mcontext.gregs"]
        place += [f"set ${name}_there = $gregs[{index}]" for name, index in GREGS.items()]
        place += [f"set ${name} = ${name}_there" for name in GREGS]
    else:
        # The instruction after the one that stores the stack pointer in (%rdi).
        start.append("python a = gdb.selected_frame().architecture(); "
                     "s = int(gdb.parse_and_eval('(long)&cede__context_switch')); "
                     "i = [x for x in a.disassemble(s, s + 48) if '(%rdi)' in x['asm']][0]; "
                     "gdb.set_convenience_variable('after_store', i['addr'] + i['length'])")
        place = ["set $rsp = $context", "set $rip = $after_store"]
    found = frames(gdb(*start, *place, "bt"))
    problem = missing(found, "suspended_here", "called_by_task")
    if not problem and (found[0] != "cede__context_switch" or "main" in found):
        problem = f"does not go from the switch to the bottom of the task's stack: {found}"
    return problem


def every_instruction(_portable):
    """In the switch of `suspended_here`: first it is seen as the caller, then the one resumed."""
    output = gdb("break suspended_here", "run", "break cede__context_switch", "continue",
                 *["bt", "echo ---\\n", "stepi"] * 22)
    traces = [frames(part) for part in output.split("---\n")]
    traces = [t for t in traces if t and t[0] == "cede__context_switch"]
    sides = ["left" if not missing(t, "suspended_here", "called_by_task") else
             "came" if not missing(t, "look_at_a_suspended_task", "main") else "neither"
             for t in traces]
    # 7 instructions up to the store, 8 after it; once it has changed sides it stays there.
    if len(sides) < 14 or sides != ["left"] * sides.count("left") + ["came"] * sides.count("came"):
        return f"seen from its instructions in turn: {sides}\n{output[-3000:]}"
    return None


def main():
    probe = ""
    if shutil.which("gdb"):
        probe = gdb("break look_at", "run", "info address cede__context_start", "bt")
    if "look_at" not in frames(probe):
        for check in (suspended_task, every_instruction):
            print(f"skip {check.__name__}: gdb is not there, or cannot run a program here")
        return 0
    portable = 'Symbol "cede__context_start" is' not in probe
    failed = False
    # The portable switch is libc's, and so are the descriptions of its instructions.
    for check in (suspended_task,) if portable else (suspended_task, every_instruction):
        problem = check(portable)
        failed |= bool(problem)
        print(f"FAIL {check.__name__}: {problem}" if problem else f"ok {check.__name__}")
    return 1 if failed else 0


sys.exit(main())
