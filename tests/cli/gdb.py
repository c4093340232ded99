#!/usr/bin/env python3
"""gdb shows where a suspended task stands, and unwinds through every instruction of a switch.

The program is tests/context, whose task `called_by_task` is suspended in `suspended_here` when its
main function calls `look_at`. A context is what the switch saved: on x86-64 a stack pointer, with
the instruction of the switch that follows the store; in the portable build a ucontext_t. Of another
processor (CEDE_WRAPPER is what emulates it), gdb/cede.py knows what the switch saved."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CEDE_BUILD", ROOT / "build"))
WRAPPER = os.environ.get("CEDE_WRAPPER", "").split()  # qemu-PROCESSOR -L FOLDER
GDB = "gdb-multiarch" if WRAPPER else "gdb"
# A processor that does not sign return addresses: qemu before 8 does not tell gdb how to read them.
QEMU_CPU = {"qemu-aarch64": {"QEMU_CPU": "cortex-a72"}}
PROGRAM = [str(BUILD / "tests/context"), "--no-fork", "a_suspended_task_can_be_looked_at"]

# The registers of a ucontext_t that unwinding starts from, by their index in gregs (x86-64).
GREGS = {"rip": 16, "rsp": 15, "rbp": 10, "rbx": 11, "r12": 4, "r13": 5, "r14": 6, "r15": 7}


def gdb(*commands):
    return emulated(*commands) if WRAPPER else execute(
        "set environment ASAN_OPTIONS=detect_leaks=0", *commands)


def execute(*commands):
    words = [GDB, "-q", "-nx", "-batch"]
    for command in ("set pagination off", "set confirm off", "set debuginfod enabled off",
                    *commands):
        words += ["-ex", command]
    return subprocess.run(words + ["--args", *PROGRAM], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=300).stdout


def emulated(*commands):
    """The emulator has started the program before gdb comes, and waits for it at a socket."""
    with tempfile.TemporaryDirectory(prefix="cede-gdb-") as folder:
        at = f"{folder}/socket"
        process = subprocess.Popen([WRAPPER[0], "-g", at, *WRAPPER[1:], *PROGRAM],
                                   env={**os.environ, **QEMU_CPU.get(WRAPPER[0], {})},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            while not listens(at) and process.poll() is None:
                time.sleep(0.01)
            return execute(f"set sysroot {WRAPPER[-1]}", f"target remote {at}",
                           *("continue" if command == "run" else command for command in commands))
        finally:
            process.kill()
            process.wait()


def listens(at):
    """Whether the socket exists, and connections to it are accepted (flag __SO_ACCEPTCON)."""
    lines = (line.split() for line in Path("/proc/net/unix").read_text().splitlines())
    return any(line[-1] == at and line[3] == "00010000" for line in lines)


def frames(output):
    """The functions of a backtrace, innermost first."""
    return re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?([\w.]+) \(", output, re.M)


def missing(found, *expected):
    """A complaint unless `expected` are among the frames, in this order."""
    rest = iter(found)
    lost = [name for name in expected if name not in rest]
    return f"{lost[0]} is not where it belongs in {found}" if lost else None


def suspended_elsewhere():
    """As `cede bt` does it, which itself needs the thread's variables: the emulator has no such."""
    output = gdb(
        "break look_at", "run", f"source {ROOT}/gdb/cede.py",
        "python unwinder.select(type('', (), {'thread': gdb.selected_thread, "
        "'fiber': gdb.parse_and_eval('((struct cede_task *)suspended)->fiber')}))", "bt")
    found = frames(output)
    problem = missing(found, "look_at", "suspended_here", "called_by_task", "cede__context_start")
    if not problem and (found[-1] != "cede__context_start" or "Backtrace stopped" in output):
        problem = f"does not end at the bottom of the task's stack:\n{output}"
    return problem


def suspended_task(portable):
    if WRAPPER:
        return suspended_elsewhere()
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
    """In the switch of `suspended_here`: it is seen as the caller until the stack is another one,
    then the one resumed."""
    output = gdb("break suspended_here", "run", "break cede__context_switch", "continue",
                 *["bt", "output (long)$sp", "echo \\n---\\n", "stepi"] * (60 if WRAPPER else 22))
    steps = [(frames(part), int(part.split()[-1])) for part in output.split("\n---\n")[:-1]]
    steps = [(trace, sp) for trace, sp in steps if trace[:1] == ["cede__context_switch"]]
    sides = ["left" if not missing(trace, "suspended_here", "called_by_task") else
             "came" if not missing(trace, "look_at_a_suspended_task", "main") else "neither"
             for trace, _ in steps]
    stacks = ["left" if abs(sp - steps[0][1]) < 4096 else "came" for _, sp in steps]
    # On x86-64 8 instructions up to the change of stacks, 7 after it, elsewhere more; and from one
    # to the next nothing but the place in the switch changes.
    if (sides != stacks or stacks.count("left") < 8 or stacks.count("came") < 7
            or len({tuple(trace) for trace, _ in steps}) != 2):
        return f"seen from its instructions in turn: {sides}\n{output[-3000:]}"
    return None


def main():
    probe = ""
    if shutil.which(GDB):
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
