"""What the tests of cede explore share: running it, counting for oneself, making trees."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(os.path.abspath(__file__)).parent.parent.parent
CEDE = os.path.abspath(os.environ.get("CEDE", ROOT / "build/cede"))
SLOWED = float(os.environ.get("TEST_TIMEOUT", "1"))
KEYS = {"path", "files", "directories", "symlinks", "other", "bytes", "allocated", "lines",
        "errors", "peak_live", "peak_waiting", "peak_open", "peak_memory", "seconds", "order",
        "limit", "workers", "interrupted", "top"}
COUNTS = ("files", "directories", "symlinks", "other", "bytes")
NOBODY = 65534


class Failed(Exception):
    """A test found something wrong."""


class Skipped(Exception):
    """The machine cannot run a test; the text says why."""


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what))


def equal(got, expected, what):
    check(got == expected, f"{what}: {got!r}, expected {expected!r}")


def cede(*arguments, seconds=60, **options):
    """Runs `cede explore ARGUMENTS`; the result has status, stdout, stderr (bytes)."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               **options}
    program = options.pop("program", CEDE)
    try:
        return subprocess.run([program, "explore", *arguments], timeout=seconds * SLOWED, **options)
    except subprocess.TimeoutExpired:
        raise Failed(f"explore {arguments} hangs") from None


def explore(*arguments, status=0, **options):
    """The parsed JSON of a run that ends with this status."""
    run = cede("--json", *arguments, **options)
    equal(run.returncode, status, f"status of {arguments}, {run.stderr[-500:]}")
    result = json.loads(run.stdout.decode("utf-8"))
    if status == 0:
        equal(run.stderr, b"", f"stderr of {arguments}")
    return result


def count(directory, lines=False):
    """The same totals, counted by os.walk and lstat."""
    totals = dict.fromkeys(COUNTS, 0)
    totals["lines"] = 0 if lines else None
    totals["directories"] = 1
    for folder, directories, files in os.walk(os.fsencode(directory)):
        for name in directories + files:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if os.path.islink(path):
                totals["symlinks"] += 1
            elif os.path.isdir(path):
                totals["directories"] += 1
            elif os.path.isfile(path):
                totals["files"] += 1
                totals["bytes"] += status.st_size
                if lines:
                    with open(path, "rb") as file:
                        totals["lines"] += file.read().count(b"\n")
            else:
                totals["other"] += 1
    return totals


def same_totals(result, expected, what):
    for key, value in expected.items():
        equal(result[key], value, f"{what}: {key}")


def make_tree(top, rng, depth=4):
    """Some of everything: sizes around those of buffers, links of all kinds, odd names."""
    for i in range(rng.randint(0, 6)):
        size = rng.choice([0, 1, 31, 32, 33, 255 * 32, 4096, 70000, 131071, 131073])
        data = rng.choice([b"\n", b"line\n", b"no newline at the end", b"\0\xff\n\n"])
        (top / f"file{i}").write_bytes((data * (size // len(data) + 1))[:size])
    if rng.random() < 0.3:
        (top / "loop").symlink_to(".")
        (top / "up").symlink_to("..")
        (top / "dangling").symlink_to("nowhere")
    if rng.random() < 0.3:
        os.mkfifo(top / "fifo")
    if rng.random() < 0.3 and (top / "file0").exists():
        os.link(top / "file0", top / "hard")
        (top / "link").symlink_to("file0")
    for i in range(rng.randint(0, 5) if depth else 0):
        child = top / rng.choice([f"dir{i}", f"dir {i}\n", f"d\"\\{i}", f"\u00e4\u6f22{i}"])
        child.mkdir()
        make_tree(child, rng, depth - 1)


def make_endless(file):
    """All of it is a hole: nothing on the disk, and many minutes to read."""
    with open(file, "wb") as made:
        made.truncate(1 << 42)


def has_open(pid, file):
    """Whether a process that has not been waited for has this file open."""
    for entry in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            if os.readlink(entry) == os.path.realpath(file):
                return True
        except FileNotFoundError:
            pass  # closed meanwhile
    return False


def uniform(top, branch, depth):
    for i in range(branch if depth else 0):
        (top / str(i)).mkdir()
        uniform(top / str(i), branch, depth - 1)


def run(test, top):
    folder = Path(tempfile.mkdtemp(dir=top))
    folder.chmod(0o755)
    try:
        test(folder)
        print(f"ok {test.__name__}")
        return True
    except Skipped as reason:
        print(f"skip {test.__name__}: {reason}")
        return True
    except Exception as error:
        kind = "" if isinstance(error, Failed) else f"{type(error).__name__}: "
        text = f"{kind}{error}".replace("\n", "\\n")
        print(f"FAIL {test.__name__}: {text[:1000]}")
        return False
    finally:
        sys.stdout.flush()
        os.chdir("/")


def main(tests):
    """Runs the tests, or those named on the command line, each in a folder of its own."""
    # Started in the background, this would hand on that SIGINT is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    wanted = sys.argv[1:]
    top = Path(tempfile.mkdtemp(prefix="cede-explore-"))
    top.chmod(0o755)
    try:
        sound = [run(test, top) for test in tests if not wanted or test.__name__ in wanted]
    finally:
        subprocess.run(["rm", "-rf", str(top)])
    sys.exit(0 if all(sound) else 1)
