#!/usr/bin/env python3
"""cede explore: Ctrl-C and SIGTERM, at any moment, from programs and from a terminal."""

import json
import os
import pty
import random
import signal
import subprocess
import time
from pathlib import Path
from explore_common import (CEDE, SLOWED, Failed, cede, check, equal, explore, has_open,
                            make_endless, make_tree, uniform, main)

PATIENCE = 20 * SLOWED


# At any moment.

def session_of(pid):
    """A process's session; None when it has gone."""
    try:
        # After the name, which may have any characters: state, parent, group, session.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3])
    except (FileNotFoundError, ProcessLookupError):
        return None


def left_in_session(session):
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and session_of(pid) == session]


def expect_no_session(pid, what):
    """A process that was killed at its end may leave a sanitizer's helper for a moment."""
    patience = time.monotonic() + PATIENCE
    while left_in_session(pid) and time.monotonic() < patience:
        time.sleep(0.01)
    equal(left_in_session(pid), [], f"processes left by {what}")


def how_long(arguments):
    start = time.monotonic()
    equal(cede(*arguments).returncode, 0, f"status of {arguments}")
    return time.monotonic() - start


def check_interrupted(arguments, status, out, err, number=signal.SIGINT):
    """What it has printed goes with its status, which this returns."""
    what = f"{arguments}: {number.name}, status {status}, {out[-300:]!r} {err!r}"
    check(status in (0, 128 + number, -number), what)
    equal(err, b"", what)
    check(b"deadlock" not in out, what)
    if status == -number and not out:
        return status  # before it has begun, when the signal still has its default effect
    # The same is so again once all has been printed, until the process is gone.
    if "--json" in arguments and out:
        results = json.loads(out)
        results = results if isinstance(results, list) else [results]
        equal(any(result["interrupted"] for result in results), status == 128 + number, what)
    elif "--json" not in arguments and (out or "--compare" not in arguments):
        equal(b"interrupted by " + number.name.encode() in out, status == 128 + number, what)
    return status


def a_hundred_times(folder):
    """As from a terminal: to the whole foreground group, at any moment since the process began."""
    rng = random.Random(1)
    make_tree(folder, random.Random(5), 5)
    kinds = [["--lines"], ["--json", "--lines", "--limit", "2"], ["--order", "priority"],
             ["--json", "--compare", "--lines"]]
    window = [1.3 * how_long([*kind, str(folder)]) for kind in kinds]
    seen = set()
    for trial in range(100):
        arguments = [*kinds[trial % 4], str(folder)]
        process = subprocess.Popen([CEDE, "explore", *arguments], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True)
        time.sleep(rng.random() * window[trial % 4])
        # Not waited for yet, so its number is still its own.
        os.killpg(process.pid, signal.SIGINT)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Failed(f"no end of {arguments}") from None
        status = check_interrupted(arguments, process.returncode, out, err)
        seen.add(status)
        # How long it takes changes with what else the machine does: about half are to end before.
        window[trial % 4] *= {0: 0.8, 130: 1.25}.get(status, 1)
        expect_no_session(process.pid, arguments)
    check({0, 130} <= seen, "not all kinds of end were met:", seen)


def on_a_terminal(folder):
    """^C is typed; the terminal sends the signal."""
    rng = random.Random(2)
    make_tree(folder, random.Random(5), 5)
    for arguments in (["--lines"], ["--compare"]):
        usual = how_long([*arguments, str(folder)])
        for _ in range(20):
            # Before its exec the child is this program, whose clean-up is not the child's to do.
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
            pid, master = pty.fork()
            if pid == 0:
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
                os.execv(CEDE, [CEDE, "explore", *arguments, str(folder)])
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
            time.sleep(rng.random() * 1.3 * usual)
            try:
                os.write(master, b"\x03")
            except OSError:
                pass  # it has ended, and the terminal with it
            shown = b""
            try:
                while chunk := os.read(master, 4096):
                    shown += chunk
            except OSError:  # the end, on a pseudo-terminal
                pass
            os.close(master)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            what = f"{arguments}: status {status}, {shown!r}"
            check(status in (0, 130, -signal.SIGINT, -signal.SIGHUP), what)
            check(b"deadlock" not in shown and b"cede:" not in shown, what)
            if status == 130 and "--compare" not in arguments:
                check(b"interrupted by SIGINT" in shown, what)
            expect_no_session(pid, what)


# In the middle of something.

def caught_signals(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return int(line.split()[1], 16)
    return 0


def interrupt(arguments, signals, delay, reads=None):
    """(status, stdout, stderr); the signals come once it has opened the file `reads`."""
    process = subprocess.Popen([CEDE, "explore", *arguments], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # It can only print what it has once it runs: in /proc/PID the handlers are to be seen.
    while not (caught_signals(process.pid) & 1 << signal.SIGTERM - 1 and
               (not reads or has_open(process.pid, reads))):
        check(process.poll() is None, "it has ended before it could be interrupted")
        time.sleep(0.0005)
    time.sleep(delay)
    for number in signals:
        process.send_signal(number)
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Failed(f"no end after {signals} at {delay}") from None
    return process.returncode, out, err


def ctrl_c_at_any_moment(_folder):
    rng = random.Random(time.time_ns())
    whole = explore("/usr")
    interrupted = 0
    for trial in range(20):
        number = rng.choice((signal.SIGINT, signal.SIGTERM))
        delay = rng.choice((0.002, 0.02, 0.3)) * rng.random()
        extra = [[], ["--order", "fifo"], ["--limit", "1"], ["--compare"]][trial % 4]
        arguments = ["--json", "--lines", *extra, "/usr"]
        status, out, err = interrupt(arguments, [number], delay)
        check_interrupted(arguments, status, out, err, number)
        interrupted += status == 128 + number
        for result in json.loads(f"[{out.decode().strip().strip('[]')}]"):
            check(result["files"] <= whole["files"] + 1000, number, delay, extra, result)
    check(interrupted, "all have ended before the signal came")


def ctrl_c_in_a_large_file(folder):
    """Reading it to the end takes many minutes."""
    make_endless(folder / "large")
    for delay in (0, 0.2):
        status, out, _ = interrupt(["--lines", str(folder)], [signal.SIGINT], delay,
                                   folder / "large")
        equal(status, 130, "status")
        check(b"interrupted by SIGINT" in out and b"1 file" in out, out)


def walk_that_is_killed(folder):
    """Each of the two that are compared has a process of its own; what killed it is told."""
    make_endless(folder / "large")
    for number, name in ((signal.SIGKILL, b"SIGKILL"), (signal.SIGRTMAX, b"signal 64")):
        process = subprocess.Popen([CEDE, "explore", "--compare", "--lines", str(folder)],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not (walks := children.read_text().split()):
            check(process.poll() is None, "it has ended before it had a child")
            time.sleep(0.0005)
        os.kill(int(walks[0]), number)
        out, err = process.communicate(timeout=PATIENCE)
        check(b"cede: a walk was killed by %s\n" % name in err, err)
        equal((process.returncode, out), (1, b""), "status and output")


def the_same_signal_twice(folder):
    """As timeout(1) sends it: to the program, and at once again to its group."""
    make_endless(folder / "large")
    for _ in range(5):
        status, out, _ = interrupt(["--lines", str(folder)], [signal.SIGTERM] * 2, 0.05,
                                   folder / "large")
        equal(status, 143, "status")
        check(b"interrupted by SIGTERM" in out, out)


def ctrl_c_that_is_ignored(folder):
    uniform(folder, 5, 3)
    run = cede(str(folder), preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    equal(run.returncode, 0, "status")
    process = subprocess.Popen([CEDE, "explore", "--lines", "/usr/share"],
                               stdout=subprocess.PIPE,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60 * SLOWED)
    equal(process.returncode, 0, "status after an ignored signal")
    check(b"interrupted" not in out, out)


main([a_hundred_times, on_a_terminal, ctrl_c_at_any_moment, ctrl_c_in_a_large_file,
      walk_that_is_killed, the_same_signal_twice, ctrl_c_that_is_ignored])
