#!/usr/bin/env python3
"""cede explore: trees that cannot be read, limits of the system."""

import json
import os
import random
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from explore_common import (CEDE, NOBODY, SLOWED, Skipped, cede, check, count, equal, explore,
                            has_open, make_endless, make_tree, same_totals, main)


# What cannot be read.

def as_nobody(folder):
    """Options to run the program as a user that permissions apply to."""
    if os.geteuid() != 0:
        return {}
    # Where the build stands, that user may not look.
    copy = Path(tempfile.mkdtemp(dir=folder.parent, prefix="program-"))
    copy.chmod(0o755)
    shutil.copy(CEDE, copy / "cede")
    (copy / "src").mkdir()
    for library in (Path(CEDE).parent / "src").glob("libcede.so*"):
        if library.is_file():
            shutil.copy(library, copy / "src")

    def become_nobody():
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    return {"program": str(copy / "cede"), "preexec_fn": become_nobody,
            "env": {**os.environ, "LD_LIBRARY_PATH": str(copy / "src")}}


def unreadable_entries(folder):
    options = as_nobody(folder)
    for name in ("shut", "no_search", "open"):
        (folder / name / "sub").mkdir(parents=True)
        (folder / name / "file").write_text("one\ntwo\n")
    (folder / "secret").write_text("1\n2\n3\n")
    (folder / "secret").chmod(0)
    (folder / "shut").chmod(0o000)
    (folder / "no_search").chmod(0o444)
    try:
        # no_search: its names can be read, not what they are; sub is known to be a directory.
        result = explore(str(folder), status=1, **options)
        same_totals(result, {"directories": 6, "files": 2, "bytes": 14, "errors": 3}, "plain")
        result = explore("--lines", str(folder), status=1, **options)
        same_totals(result, {"directories": 6, "files": 2, "lines": 2, "errors": 4}, "lines")
        run = cede(str(folder), **options)
        check(f"cede: {folder}/shut: Permission denied\n".encode() in run.stderr, run.stderr)
        check(b"/no_search/file: Permission denied" in run.stderr, run.stderr)
        check(b"3 entries could not be read" in run.stdout, run.stdout)
        run = cede("--quiet", str(folder), **options)
        equal((run.returncode, run.stderr), (1, b""), "--quiet")
        run = cede("--compare", str(folder), **options)
        equal(run.returncode, 1, "--compare")
        equal(run.stderr.count(b"shut: Permission denied"), 1, "told once")
        run = cede(str(folder / "shut"), **options)
        equal(run.returncode, 1, "DIR unreadable")
        check(b"shut: Permission denied" in run.stderr, run.stderr)
    finally:
        (folder / "shut").chmod(0o755)
        (folder / "no_search").chmod(0o755)


def a_directory_that_cannot_be_read_occupies_its_own(folder):
    options = as_nobody(folder)
    (folder / "shut").mkdir(0o000)
    try:
        result = explore(str(folder), status=1, **options)
        blocks = os.lstat(folder).st_blocks + os.lstat(folder / "shut").st_blocks
        equal(result["allocated"], 512 * blocks, "allocated")
    finally:
        (folder / "shut").chmod(0o755)


def many_errors_are_counted_and_few_told(folder):
    options = as_nobody(folder)
    for i in range(40):
        (folder / f"bad\n{i}").mkdir(0)
    run = cede(str(folder), **options)
    equal(run.returncode, 1, "status")
    check(b"40 entries could not be read" in run.stdout, run.stdout)
    equal(run.stderr.count(b"Permission denied\n"), 10, "messages")
    equal(run.stderr.count(b"bad\\n"), 10, "escaped names")
    check(b"only counted" in run.stderr, run.stderr)


def what_vanishes_is_no_error(folder):
    keep = folder / "keep"
    for i in range(200):
        (keep / str(i)).mkdir(parents=True)
        (keep / str(i) / "f").write_text("x\n")
    # In memory names go fast enough to be hit between being listed and being looked at.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else folder.parent
    busy = tempfile.mkdtemp(prefix="cede-explore-", dir=memory)
    for i in range(1000):
        os.mknod(f"{busy}/{i}")
    over = threading.Event()

    def churn():
        while not over.is_set():
            for i in range(1000):
                os.rename(f"{busy}/{i}", f"{busy}/gone")
                os.rename(f"{busy}/gone", f"{busy}/{i}")
            for i in range(50):
                (folder / f"d{i}").mkdir()
                (folder / f"d{i}/f").write_text("y\n")
            for i in range(50):
                (folder / f"d{i}/f").unlink()
                (folder / f"d{i}").rmdir()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for i in range(40):
            result = explore("--lines", "--limit", str(1 + i), str(folder))
            # What is there all the time. The rest may be listed, or not, or more than once.
            for key, least in (("directories", 202), ("files", 200), ("lines", 200)):
                check(result[key] >= least, key, result)
            explore("--lines", busy)
    finally:
        over.set()
        thread.join()
        shutil.rmtree(busy)


# Limits of the system.

def few_descriptors(folder):
    make_tree(folder, random.Random(3), 5)
    expected = count(folder, lines=True)

    def run(descriptors, *arguments):
        def lower():
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        return cede("--json", "--lines", *arguments, str(folder), preexec_fn=lower)

    for descriptors in (64, 10, 6, 5, 4):
        result = run(descriptors, "--limit", "1000")
        equal(result.returncode, 0, f"status with {descriptors}: {result.stderr}")
        same_totals(json.loads(result.stdout), expected, f"with {descriptors}")
        check(b"--limit 1000" in result.stderr, "nothing is said of the limit:", result.stderr)
        check(json.loads(result.stdout)["limit"] < descriptors, "limit", result.stdout)
    result = run(64)
    equal((result.returncode, result.stderr), (0, b""), "the default limit")
    check(json.loads(result.stdout)["peak_open"] <= 61, result.stdout)


def descriptors_run_out_for_a_while(folder):
    """Somebody takes them all, and gives them back."""
    make_tree(folder, random.Random(3), 5)
    for i in range(20):
        (folder / f"x{i}").write_text("line\n")
    expected = count(folder, lines=True)
    expected["files"] += 1
    expected["bytes"] += 1 << 42
    large = folder / "large"
    make_endless(large)
    # With one turn nothing else is open while that is read, and the order leaves half for later.
    names = os.listdir(folder)
    order = "fifo" if names.index("large") < len(names) / 2 else "lifo"
    process = subprocess.Popen([CEDE, "explore", "--json", "--lines", "--limit", "1", "--order",
                                order, str(folder)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    while not has_open(process.pid, large):
        check(process.poll() is None, "it ended without reading all")
        time.sleep(0.001)
    usual = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, usual[1]))
    os.truncate(large, 0)
    while has_open(process.pid, large):
        time.sleep(0.001)
    time.sleep(0.1)
    running = process.poll() is None
    if running:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, usual)
    out, err = process.communicate(timeout=60 * SLOWED)
    check(running, "it ended although it could open nothing:", process.returncode, out, err)
    equal((process.returncode, err), (0, b""), "status")
    same_totals(json.loads(out), expected, "totals")


def two_hundred_thousand_entries(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    for i in range(200_000):
        os.mknod(f"entry{i}", 0o100644, dir_fd=descriptor)
    os.close(descriptor)
    expected = {"files": 200_000, "directories": 1, "errors": 0, "bytes": 0}
    same_totals(explore(str(folder)), expected, "plain")
    for order in ("lifo", "fifo"):
        result = explore("--lines", "--order", order, str(folder))
        same_totals(result, expected, order)
        equal(result["peak_live"], 200_001, "a task for each file")
        if "TEST_SLOWED" not in os.environ:
            check(result["peak_memory"] < 150 << 20, "memory", result["peak_memory"])


def deeper_than_a_path_can_be(folder):
    def descend(name, levels, top):
        """A chain of directories, a file of two lines in each."""
        os.mkdir(top)
        here = os.open(top, os.O_RDONLY)
        for _ in range(levels):
            os.mkdir(name, dir_fd=here)
            there = os.open(name, os.O_RDONLY, dir_fd=here)
            file = os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=there)
            os.write(file, b"1\n2\n")
            os.close(file)
            os.close(here)
            here = there
        os.close(here)

    for name, levels in (("n" * 200, 60), ("d", 4000), ("x" * 255, 16)):
        top = folder / f"deep{levels}"
        descend(name, levels, top)
        for order in ("lifo", "fifo"):
            result = explore("--lines", "--order", order, "--top", "100000", str(top))
            same_totals(result, {"directories": levels + 1, "files": levels, "bytes": 4 * levels,
                                 "lines": 2 * levels, "errors": 0}, f"{levels} levels")
            equal(result["top"][-1]["path"], str(top) + f"/{name}" * levels, "the longest path")
            if levels > 100:
                break
    subprocess.run(["rm", "-rf", str(folder)])


def other_file_systems(folder):
    (folder / "in/side").mkdir(parents=True)
    (folder / "mount").mkdir()
    run = subprocess.run(
        ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs none "$2/mount" || exit 99; '
         'mkdir "$2/mount/d"; echo x >"$2/mount/f"; "$1" explore --json "$2"; '
         '"$1" explore -x --json "$2" >&2', "sh", CEDE, str(folder)], capture_output=True)
    if not run.stdout:
        raise Skipped("no mount namespaces here")
    same_totals(json.loads(run.stdout), {"directories": 5, "files": 1, "bytes": 2}, "plain")
    # The mount point is an entry of this file system; what is in it is not.
    same_totals(json.loads(run.stderr), {"directories": 4, "files": 0, "bytes": 0}, "-x")


main([unreadable_entries, a_directory_that_cannot_be_read_occupies_its_own,
      many_errors_are_counted_and_few_told, what_vanishes_is_no_error, few_descriptors,
      descriptors_run_out_for_a_while, two_hundred_thousand_entries, deeper_than_a_path_can_be,
      other_file_systems])
