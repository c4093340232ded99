#!/usr/bin/env python3
"""cede explore: its totals against an independent count, what it prints, orders and limits."""

import json
import os
import pty
import random
import re
import signal
import socket
import subprocess
from explore_common import (CEDE, KEYS, cede, check, count, equal, explore, make_tree, same_totals,
                            uniform, main)


# Totals.

def totals_of_a_generated_tree(folder):
    make_tree(folder, random.Random(7), 5)
    with socket.socket(socket.AF_UNIX) as s:
        os.chdir(folder)
        s.bind("socket")
        with open("sparse", "wb") as file:
            file.truncate(5 << 32)
    os.makedirs("empty/within/empty")
    check(count(folder)["directories"] > 100, "the tree is too small to mean anything")
    for order in ("fifo", "lifo", "priority"):
        for limit in ("1", "3", "64", "2000"):
            result = explore("--order", order, "--limit", limit, str(folder))
            same_totals(result, count(folder), f"{order} {limit}")
            equal(result["order"], order, "order")
    os.unlink("sparse")
    for order in ("fifo", "lifo", "priority"):
        same_totals(explore("--lines", "--order", order, "--limit", "5", "."), count(".", True),
                    f"{order} with lines")


def totals_of_a_real_tree(_folder):
    def find(*what):
        return subprocess.run(["find", "/usr/share", *what], capture_output=True).stdout

    result = explore("/usr/share")
    sizes = find("-type", "f", "-printf", "%s\n").split()
    equal(result["files"], len(sizes), "files")
    equal(result["bytes"], sum(map(int, sizes)), "bytes")
    equal(result["directories"], find("-type", "d", "-printf", ".").count(b"."), "directories")
    equal(result["symlinks"], find("-type", "l", "-printf", ".").count(b"."), "symlinks")
    equal(result["allocated"], 512 * sum(map(int, find("-printf", "%b\n").split())), "allocated")


def lines_as_wc_counts_them(_folder):
    cat = subprocess.run("find /usr/include -type f -print0 | xargs -0 cat | wc -l", shell=True,
                         capture_output=True)
    for order in ("fifo", "lifo"):
        result = explore("--lines", "--order", order, "/usr/include")
        equal(result["lines"], int(cat.stdout), "lines")


def a_tree_of_one_directory(folder):
    same_totals(explore(str(folder)), {"files": 0, "directories": 1, "bytes": 0, "errors": 0,
                                       "peak_live": 1, "peak_waiting": 0, "peak_open": 1}, "empty")
    run = cede(str(folder))
    check(b"1 directory" in run.stdout and b"0 files" in run.stdout, run.stdout)


# Output.

def workers_find_the_same(folder):
    """Whatever the number of threads, and the order, and how they share the tasks."""
    def found(*options):
        result = explore("--lines", "--top", "1000", *options, str(folder))
        return {key: result[key] for key in ("files", "directories", "symlinks", "other", "bytes",
                                             "lines", "errors", "top")}

    alone = found()
    for workers in ("2", "3", "8"):
        for order in ("lifo", "fifo", "priority"):
            for limit in ("1", "64"):
                equal(found("--workers", workers, "--order", order, "--limit", limit), alone,
                      f"{workers} workers, {order}, {limit}")
    equal(explore("--workers", "3", str(folder))["workers"], 3, "workers")
    for bad in ("0", "-1", "65", "two"):
        equal(cede("--workers", bad, str(folder)).returncode, 2, bad)


def json_has_the_documented_keys(folder):
    result = explore(str(folder))
    equal(set(result), KEYS, "keys")
    told = cede("--help").stdout.decode().split("JSON is one object")[1]
    told = set(re.findall(r"\w+", " ".join(re.findall(r"^  ((?:\w+, )*\w+)(?:  |$)", told, re.M))))
    equal(told, KEYS | {"path_hex"}, "keys that --help tells")
    equal(result["workers"], 1, "workers")
    equal(result["lines"], None, "lines")
    equal(result["limit"], 64, "limit")
    equal(result["order"], "lifo", "order")
    equal(result["interrupted"], False, "interrupted")
    check(0 < result["seconds"] < 60, result["seconds"])
    check(100_000 < result["peak_memory"] < 1 << 30, result["peak_memory"])


def expected_top(folder):
    sizes = {}
    for path, directories, files in os.walk(os.fsencode(folder), topdown=False):
        paths = [os.path.join(path, name) for name in files]
        sizes[path] = sum(os.lstat(p).st_size for p in paths
                          if os.path.isfile(p) and not os.path.islink(p))
        sizes[path] += sum(sizes.get(os.path.join(path, name), 0) for name in directories)
    return sorted(((size, path) for path, size in sizes.items()), key=lambda e: (-e[0], e[1]))


def path_of(entry):
    return bytes.fromhex(entry["path_hex"]) if "path_hex" in entry else entry["path"].encode()


def the_largest_directories(folder):
    make_tree(folder, random.Random(11), 5)
    expected = expected_top(folder)
    check(len(expected) > 100, "too few directories")
    for n in (0, 1, 2, 3, 7, len(expected) - 1, len(expected), 2_000_000_000):
        got = explore("--top", str(n), str(folder))["top"]
        equal([(e["bytes"], path_of(e)) for e in got], expected[:n], f"--top {n}")
    equal(len(explore(str(folder))["top"]), 5, "default")
    text = cede("-n", "3", str(folder)).stdout.decode().splitlines()
    start = text.index("largest directories") + 1
    equal(text[start].split()[-1], str(folder), "first line")
    equal(text[start + 3], "", "after three lines")
    # A slash at the end of DIR is not doubled.
    got = explore("--top", "2", f"{folder}/")["top"][1]
    check("//" not in got["path"], got)


def names_of_any_bytes(folder):
    names = [b"new\nline", b"invalid \xff\xfe", b"cut \xe6\xbc", b"quote\"back\\slash", b"\x1b[31m",
             b"\x01\x7f", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xc2\x85",
             "\u00e4\u6f22\U0001f600".encode(), b"%s%n", b"-rf", b" "]
    for size, name in enumerate(names):
        path = os.path.join(os.fsencode(folder), name)
        os.mkdir(path)
        with open(os.path.join(path, name), "wb") as file:
            file.write(b"\n" * size)
    result = explore("--lines", "--top", "100", str(folder))
    equal(result["lines"], sum(range(len(names))), "lines")
    expected = {os.path.join(os.fsencode(folder), name) for name in names}
    equal({path_of(e) for e in result["top"]}, expected | {os.fsencode(folder)}, "names")
    run = cede("--top", "100", str(folder))
    equal(run.returncode, 0, "status")
    text = run.stdout.decode("utf-8")
    listed = text.split("largest directories\n")[1].split("\n\n")[0].splitlines()
    equal(len(listed), len(names) + 1, "one line for each directory")
    check(not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text.replace("\n", "")), "controls")
    for escaped in ("new\\nline", "invalid \\xff\\xfe", "back\\\\slash", "\\x1b[31m", "\U0001f600"):
        check(any(escaped in line for line in listed), escaped)
    odd = os.path.join(os.fsencode(folder), b"invalid \xff\xfe")
    equal(path_of(explore(odd)), odd, "DIR itself")


def a_report_for_people(folder):
    (folder / "a").write_bytes(b"x\n" * 600)
    (folder / "l").symlink_to("a")
    text = cede("--lines", str(folder)).stdout.decode()
    for part in ("1 file,", "1 directory,", "1 symlink,", "0 other", "1,200 bytes (1.2 KiB)",
                 " on disk, 600 lines", "order lifo", "limit 64", "2 tasks live", "0 waiting"):
        check(part in text, f"{part!r} is missing in {text!r}")
    # The directory gives its turn back while the file's thread is on its way to take one.
    check("1 open" in text or "2 open" in text, text)


def output_errors_are_told(folder):
    for arguments in ((), ("--json",), ("--compare",), ("--help",)):
        with open("/dev/full", "wb") as full:
            run = cede(*arguments, str(folder), stdout=full)
        equal(run.returncode, 1, f"status into /dev/full of {arguments}")
        # musl's buffer is smaller than the help, and it does not keep the reason.
        check(b"No space left" in run.stderr or
              arguments == ("--help",) and b"I/O error" in run.stderr, run.stderr)
    run = cede(str(folder), stdout=None, preexec_fn=lambda: os.close(1))
    equal(run.returncode, 1, "status without standard output")
    check(b"Bad file descriptor" in run.stderr, run.stderr)


def a_broken_pipe(folder):
    for i in range(300):
        (folder / str(i)).mkdir()
    for arguments in ("", "--json -n 1000", "--compare"):
        run = subprocess.run(["bash", "-c", f'"{CEDE}" explore {arguments} "{folder}" | true;'
                              'echo ${PIPESTATUS[0]}'], capture_output=True, timeout=300)
        # Whether the reader has gone by then is not certain when there is little to write.
        check(run.stdout in (b"0\n", b"1\n"), arguments, run.stdout, run.stderr)
    for _ in range(5):
        reader, writer = os.pipe()
        os.close(reader)
        run = cede("--json", str(folder), stdout=writer)
        os.close(writer)
        equal(run.returncode, 1, "status")
        check(b"Broken pipe" in run.stderr, run.stderr)


def progress_on_a_terminal_only(_folder):
    master, slave = pty.openpty()
    process = subprocess.Popen([CEDE, "explore", "--lines", "/usr"], stdout=subprocess.DEVNULL,
                               stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while shown.count(b"\r") < 3:
            shown += os.read(master, 4096)
        process.send_signal(signal.SIGINT)
        while True:
            shown += os.read(master, 4096)
    except OSError:  # the end, on a pseudo-terminal
        pass
    process.wait()
    os.close(master)
    check(b" directories, " in shown and b"waiting" in shown, shown[:500])
    check(shown.endswith(b"\r\x1b[K"), "it is not erased at the end:", shown[-200:])
    equal(cede("--lines", "/usr/include").stderr, b"", "not on a terminal")


# Usage.

def help_and_version(_folder):
    for arguments, part in ((["--help"], b"explore"), (["explore", "--help"], b"--one-file-system"),
                            (["--version"], b"cede 0.")):
        run = subprocess.run([CEDE, *arguments], capture_output=True)
        equal((run.returncode, run.stderr), (0, b""), arguments)
        check(part in run.stdout, arguments, run.stdout)


def wrong_usage(folder):
    here = str(folder)
    for arguments in ([], ["nonsense"], ["--nonsense"], ["explore"], ["explore", here, here],
                      ["explore", ""], ["explore", "--compare", ""],
                      ["explore", "--nonsense", here], ["explore", "--order", "best", here],
                      ["explore", "--limit", "0", here], ["explore", "--limit", "-1", here],
                      ["explore", "--limit", "8x", here], ["explore", "--limit", "", here],
                      ["explore", "--limit", "9" * 30, here], ["explore", "--top", "-1", here],
                      ["explore", here, "--top"],
                      ["explore", "--compare", "--order", "fifo", here]):
        run = subprocess.run([CEDE, *arguments], capture_output=True)
        equal((run.returncode, run.stdout), (2, b""), f"{arguments}")
        check(run.stderr, "no message for", arguments)
    check(b"DIR is empty" in cede("").stderr, "what is wrong with an empty name is not told")


def what_is_no_directory(folder):
    (folder / "file").write_text("x")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "self").symlink_to("self")
    for name, reason in (("file", b"Not a directory"), ("missing", b"No such file or directory"),
                         ("file/x", b"Not a directory"), ("dangling", b"No such file"),
                         ("self", b"Too many levels|Symbolic link loop"),  # musl says the latter
                         ("x" * 300, b"File ?name too long")):
        for extra in ([], ["--json"], ["--compare"]):
            run = cede(*extra, str(folder / name))
            equal((run.returncode, run.stdout), (1, b""), f"{name} {extra}")
            check(re.search(reason, run.stderr), name, run.stderr)
            check(os.fsencode(name) in run.stderr, name, run.stderr)
            equal(run.stderr.count(b"\n"), 1, "lines of message")


def dir_itself_may_be_a_link(folder):
    (folder / "real/sub").mkdir(parents=True)
    (folder / "link").symlink_to("real")
    equal(explore(str(folder / "link"))["directories"], 2, "directories")
    os.chdir(folder / "real")
    equal(explore("../link/")["directories"], 2, "directories by a relative path")
    equal([e["path"] for e in explore("..")["top"]],
          ["..", "../real", "../real/sub"], "paths below ..")


# Order and limit.

def peaks_of_a_uniform_tree(folder):
    """With one permit all is determined: the numbers of examples/explore_tree."""
    for branch, depth, fifo, lifo in ((2, 3, (15, 8), (7, 4)), (10, 3, (1111, 1000), (31, 28))):
        top = folder / str(branch)
        top.mkdir()
        uniform(top, branch, depth)
        for order, peaks in (("fifo", fifo), ("lifo", lifo), ("priority", lifo)):
            result = explore("--limit", "1", "--order", order, str(top))
            equal((result["peak_live"], result["peak_waiting"]), peaks, f"{branch} {order}")
            equal(result["peak_open"], 1, "peak_open")


def the_limit_is_reached_and_kept(folder):
    uniform(folder, 12, 3)
    for limit in (1, 2, 8, 64):
        for order in ("fifo", "lifo", "priority"):
            result = explore("--limit", str(limit), "--order", order, str(folder))
            equal((result["limit"], result["peak_open"]), (limit, limit), f"{order} {limit}")
    fifo = explore("--limit", "8", "--order", "fifo", "/usr")
    lifo = explore("--limit", "8", "--order", "lifo", "/usr")
    equal((fifo["peak_open"], lifo["peak_open"]), (8, 8), "peak_open on /usr")
    check(fifo["peak_live"] > 2 * lifo["peak_live"], "live:", fifo["peak_live"], lifo["peak_live"])
    check(fifo["peak_waiting"] > 2 * lifo["peak_waiting"], "waiting")


def compare_shows_both(folder):
    uniform(folder, 12, 3)
    run = cede("--compare", "--limit", "4", str(folder))
    equal((run.returncode, run.stderr), (0, b""), "status")
    lines = run.stdout.decode().splitlines()
    rows = {line.split()[0]: line.split() for line in lines if line.startswith(("fifo", "lifo"))}
    equal(set(rows), {"fifo", "lifo"}, "rows")
    header = next(line for line in lines if line.startswith("order"))
    for column in ("peak live", "peak waiting", "peak open", "peak memory", "seconds"):
        check(column in header, column)
    live = {order: int(row[1].replace(",", "")) for order, row in rows.items()}
    equal(rows["fifo"][3], "4", "peak open")
    check(live["fifo"] > 3 * live["lifo"], live)
    fifo, lifo = json.loads(cede("--compare", "--json", "--limit", "4", str(folder)).stdout)
    equal((fifo["order"], lifo["order"]), ("fifo", "lifo"), "JSON")
    same_totals(fifo, count(folder), "fifo")
    same_totals(lifo, count(folder), "lifo")
    # A page of stack for each of the 1,700 that wait at a time, or for few of them.
    check(fifo["peak_memory"] > lifo["peak_memory"] + (3 << 20), fifo["peak_memory"],
          lifo["peak_memory"])


main([totals_of_a_generated_tree, totals_of_a_real_tree, lines_as_wc_counts_them,
      a_tree_of_one_directory, workers_find_the_same, json_has_the_documented_keys,
      the_largest_directories, names_of_any_bytes,
      a_report_for_people, output_errors_are_told, a_broken_pipe,
      progress_on_a_terminal_only, help_and_version, wrong_usage, what_is_no_directory,
      dir_itself_may_be_a_link, peaks_of_a_uniform_tree, the_limit_is_reached_and_kept,
      compare_shows_both])
