"""The contenders: how each is built, how it is started, and which version it is.

A command is a list of words. {out} is the build directory of the bench, {here} this directory,
{dir} the tree that is walked. What a machine lacks is a reason, not an error.
"""

import os
import shutil
import subprocess
from pathlib import Path

from missing import Missing

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUT = Path(os.environ.get("CEDE_BENCH_OUT", ROOT / "build-bench"))
PKG_CONFIG = "$(PKG_CONFIG_PATH={out}/prefix/lib/pkgconfig pkg-config --cflags --libs cede)"
C = "gcc -O2 -g -pthread -D_GNU_SOURCE"
CXX = "g++ -O2 -g -pthread -D_GNU_SOURCE"


class Contender:
    """build: shell commands, run in the directory of its sources if anything there is newer than
    what they make. start: the words before those of a row. version: a shell command."""

    def __init__(self, start, build=(), makes=None, sources=(), version=None):
        self.start, self.build, self.makes, self.sources = start.split(), build, makes, sources
        self.version = version


def fill(text, directory="/usr"):
    return text.format(out=OUT, here=HERE, dir=directory)


def c_program(name, libraries, package, compiler=C, suffix="c"):
    version = f"dpkg-query -W -f '${{{{Package}}}} ${{{{Version}}}}' {package}"
    build = f"{compiler} {name}/*.{suffix} -o {{out}}/bench-{name} {libraries}"
    return Contender("{out}/bench-" + name, makes=f"bench-{name}", build=[build],
                     sources=[name, "bench.h", "work.h"], version=version)


def python(name):
    version = ("echo asyncio of $(/usr/bin/python3 -V)" if name == "asyncio" else
               f'/usr/bin/python3 -c "import {name}; print(\'{name}\', {name}.__version__)"')
    return Contender(f"/usr/bin/python3 -B {{here}}/python/by_{name}.py", version=version)


CONTENDERS = {
    "cede": Contender(
        "{out}/bench-cede", makes="bench-cede",
        sources=["cede", "bench.h", "work.h", "../src", "../include"],
        build=["cd .. && scripts/build {out}/lib --prefix={out}/prefix --libdir=lib -Dtests=false",
               "meson install -C {out}/lib --quiet >/dev/null",
               C + " $(grep -qw cede_mutex_set_transfer {out}/prefix/include/cede/mutex.h &&"
               " echo -DHAVE_TRANSFER) cede/*.c -o {out}/bench-cede " + PKG_CONFIG +
               " -Wl,-rpath,{out}/prefix/lib"],
        version="echo cede $(git -C {here} describe --always --dirty 2>/dev/null)"),
    "pthread": c_program("pthread", "", "libc6"),
    "nsync": c_program("nsync", "-lnsync", "libnsync-dev"),
    "libuv": c_program("libuv", "-luv", "libuv1-dev"),
    "boost": c_program("boost", "-lboost_fiber -lboost_context", "libboost-fiber-dev", CXX, "cc"),
    "tbb": c_program("tbb", "-ltbb", "libtbb-dev", CXX, "cc"),
    "go": Contender(
        "{out}/bench-go", makes="bench-go", sources=["go"],
        build=["cd go && GOCACHE={out}/go-cache GOFLAGS= GOPATH=/usr/share/gocode GO111MODULE=off"
               " go build -o {out}/bench-go ."],
        version="go version"),
    "rust": Contender(
        "{out}/rust/target/release/bench", makes="rust/target/release/bench", sources=["rust"],
        # A copy, since cargo writes a lock file beside the sources.
        build=["mkdir -p {out}/rust && cp -r rust/. {out}/rust && cd {out}/rust &&"
               " cargo build --release --quiet"],
        version="rustc --version && ls -d /usr/share/cargo/registry/tokio-1* "
                "/usr/share/cargo/registry/parking_lot-* | xargs -n1 basename"),
    "java": Contender(
        "java -cp {out}/java Bench", makes="java/Bench.class", sources=["java"],
        build=["javac -d {out}/java java/Bench.java"], version="java -version 2>&1 | head -n 1"),
    **{name: python(name) for name in ("asyncio", "trio", "gevent", "twisted")},
    "whole": Contender("{out}/bench-whole", makes="bench-whole", sources=["whole.c", "bench.h"],
                       build=[C + " whole.c -o {out}/bench-whole"]),
    "explore": Contender("env LD_LIBRARY_PATH={out}/prefix/lib {out}/prefix/bin/cede explore {dir}",
                         version="test -x {out}/prefix/bin/cede && echo as installed"),
    "walk": Contender("{out}/bench-go tree {dir}", version="go version"),
    # Each with a condition that no entry meets and that takes a stat of each entry.
    "find": Contender("find {dir} -newermt 2200-01-01", version="find --version | head -n 1"),
    "du": Contender("du -s {dir}", version="du --version | head -n 1"),
    "fd": Contender("fdfind --unrestricted --changed-before 1900-01-01 . {dir}",
                    version="fdfind --version"),
    "bfs": Contender("bfs {dir} -newermt 2200-01-01", version="bfs --version | head -n 1"),
}


def newest(paths):
    times = [0.0]
    for path in paths:
        files = path.rglob("*") if path.is_dir() else [path]
        times += [f.stat().st_mtime for f in files if f.is_file()]
    return max(times)


def shell(command):
    return subprocess.run(["sh", "-c", command], cwd=HERE, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)


def prepare(name, log):
    """Builds the contender if need be; log(command) for each command. Raises Missing."""
    contender = CONTENDERS[name]
    if contender.makes:
        made = OUT / contender.makes
        sources = [HERE / source for source in contender.sources]
        if not made.exists() or made.stat().st_mtime < newest(sources):
            OUT.mkdir(parents=True, exist_ok=True)
            for command in map(fill, contender.build):
                log(command)
                run = shell(command)
                if run.returncode:
                    lines = [line for line in run.stderr.splitlines() if line.strip()]
                    telling = [line for line in lines if "error" in line or "not found" in line]
                    reason = (telling or lines[-1:] or ["no reason given"])[0]
                    raise Missing(f"not built: {reason.strip()}")
    program = fill(contender.start[0])
    if not shutil.which(program):
        raise Missing(f"{program} is not installed")


def version(name):
    """One line; raises Missing if the contender cannot even say that."""
    run = shell(fill(CONTENDERS[name].version))
    if run.returncode or not run.stdout.strip():
        lines = run.stderr.strip().splitlines()
        raise Missing(lines[-1] if lines else "says no version")
    return ", ".join(run.stdout.strip().splitlines())


def command(entry, row, n, tasks, directory):
    """The words to start one run of an entry."""
    words = [fill(word, directory) for word in CONTENDERS[entry.contender].start]
    words += entry.words
    if row.whole and not entry.limit:
        return [fill(CONTENDERS["whole"].start[0])] + words
    return words + [str(n)] + ([str(tasks)] if tasks else [])
