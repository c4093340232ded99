#!/usr/bin/env python3
"""`make install`: what it puts where, and that programs can be made with it.

The library is built into a directory of its own and installed twice: beneath a prefix that no
linker looks in, and as a package is made, with DESTDIR and the prefix /usr."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from common import ROOT, Skipped, attempt, files

PRINTED = "t=0 guest 1\nt=1 guest 2\nt=2 guest 3\nt=3 guests 3, late 1, offloaded 42\n"
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
COMPILERS = [("gcc", "c", "c99"), ("gcc", "c", "gnu99"), ("gcc", "c", "c11"), ("gcc", "c", "gnu17"),
             ("clang", "c", "c11"), ("clang", "c", "gnu17"),
             ("g++", "c++", "c++11"), ("g++", "c++", "c++17"),
             ("clang++", "c++", "c++11"), ("clang++", "c++", "c++17")]


def run(*command, **options):
    """What the command prints; raises an exception with all of it if it fails."""
    done = subprocess.run([str(word) for word in command], text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: status {done.returncode}\n"
                           f"{done.stdout[-4000:]}")
    return done.stdout


def make_install(folder, prefix, destdir=""):
    run("make", "-C", ROOT, "--no-print-directory", "install", f"BUILD={folder}/build",
        "OPTIONS=-Dtests=false", f"PREFIX={prefix}", f"DESTDIR={destdir}")


def installed(top):
    """Every file and link beneath `top`, and the directory of libraries, named lib."""
    libraries = next(top.rglob("libcede.so")).parent.relative_to(top)
    names = {path.relative_to(top) for path in top.rglob("*") if not path.is_dir()}
    return {str("lib" / name.relative_to(libraries) if name.is_relative_to(libraries) else name)
            for name in names}, top / libraries


def layout(top):
    """Problems of one installation: what is there, and what is not."""
    found, libraries = installed(top)
    expected = {str(name) for name in files(ROOT, ".h", under=("include",))}
    expected |= {"bin/cede", "lib/libcede.a", "lib/pkgconfig/cede.pc", "lib/libcede.so"}
    expected |= {f"share/doc/cede/{name}" for name in files(ROOT, under=("examples",))
                 if name.name != "meson.build"}
    expected |= {"share/cede/gdb.py"}
    found -= {name for name in found if name.startswith("share/gdb/auto-load/")}  # see gdb()
    # tests/checks/manual.py looks at the pages; here, that the sections are where man finds them.
    expected |= {"share/man/man1/cede.1", "share/man/man3/cede_run.3", "share/man/man7/cede.7"}
    found -= {name for name in found if name.startswith("share/man/") and name not in expected}
    version = re.search(r"^Version: (\S+)$", (libraries / "pkgconfig/cede.pc").read_text(), re.M)[1]
    major = version.split(".", maxsplit=1)[0]
    expected |= {f"lib/libcede.so.{major}", f"lib/libcede.so.{version}"}
    problems = [f"{name} is not installed" for name in sorted(expected - found)]
    problems += [f"{name} is installed, and not expected" for name in sorted(found - expected)]
    if f"[libcede.so.{major}]" not in run("readelf", "-d", libraries / "libcede.so"):
        problems.append(f"libcede.so: its soname is not libcede.so.{major}")
    return problems


def search_path(program):
    """Where the program tells the linker to look for libraries."""
    return re.findall(r"\(R(?:UN)?PATH\).*\[(.*)\]", run("readelf", "-d", program))


def foreign_prefix(top):
    """The command finds its library in a prefix that the linker does not know."""
    problems = layout(top)
    environment = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    if not run(top / "bin/cede", "--version", env=environment).startswith("cede "):
        problems.append("bin/cede does not run")
    return problems


def staged(destdir):
    """In the usual prefix there is no search path, and nothing knows where it was staged."""
    top = destdir / "usr"
    problems = layout(top)
    problems += [f"bin/cede looks for libraries in {place}"
                 for place in search_path(top / "bin/cede")]
    problems += [f"{path.relative_to(destdir)} is not beneath the prefix"
                 for path in destdir.rglob("*") if path != top and not path.is_relative_to(top)]
    if str(destdir) in (installed(top)[1] / "pkgconfig/cede.pc").read_text():
        problems.append("cede.pc names the directory where it was staged")
    return problems


def gdb(top):
    """gdb has commands of ours by what it loads together with the library."""
    if not shutil.which("gdb"):
        raise Skipped("gdb is not installed")
    libraries = installed(top)[1].relative_to("/")
    version = re.search(r"\.so\.(\d+\..*)", str(next(installed(top)[1].glob("libcede.so.*.*"))))[1]
    loaded = top / "share/gdb/auto-load" / libraries / f"libcede.so.{version}-gdb.py"
    told = run("gdb", "-nx", "-batch", "-ex", f"source {loaded}", "-ex", "help cede tasks")
    return [] if told.startswith("The task tree of each run") else told.splitlines()


def exports(top):
    """What the archive shows is of this library; what the library shows has a version."""
    libraries = installed(top)[1]
    problems = []
    for line in run("nm", "--defined-only", "--extern-only", libraries / "libcede.a").splitlines():
        name = line.split()[-1] if len(line.split()) == 3 else None
        if name and not name.startswith("cede_"):
            problems.append(f"libcede.a: {name} is no name of this library")
    versions = re.findall(r"^(\S+) \{", (ROOT / "src/cede.map").read_text(), re.M)
    for line in run("nm", "-D", "--defined-only", libraries / "libcede.so").splitlines():
        name, _, version = line.split()[-1].partition("@@")
        if name not in versions and version not in versions:
            problems.append(f"libcede.so: {name} has no version of src/cede.map")
    return problems


def program(top, folder, compiler, language, standard, link):
    """Compiles, links and runs a program with what pkg-config says."""
    if not shutil.which(compiler):
        raise Skipped(f"{compiler} is not installed")
    libraries = installed(top)[1]
    environment = {**os.environ, "PKG_CONFIG_PATH": str(libraries / "pkgconfig")}
    if top.name == "usr":  # of a tree that is not the system's
        environment |= {"PKG_CONFIG_SYSROOT_DIR": str(top.parent),
                        "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1", "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1"}
    static = ["--static"] if link == "static" else []
    flags = run("pkg-config", "--cflags", "cede", env=environment).split()
    flags += [f"-std={standard}", *WARNINGS, "-x", language, ROOT / "tests/install/program.c"]
    libs = run("pkg-config", "--libs", *static, "cede", env=environment).split()
    binary = folder / f"{compiler}-{standard}-{link}"
    run(compiler, *flags, "-x", "none", "-o", binary, *(["-static"] if static else []), *libs)
    needed = "libcede.so" in run("readelf", "-d", binary)
    if needed == bool(static):
        return [f"linked {link}, but libcede.so is{'' if needed else ' not'} needed"]
    printed = run(binary, env={**environment, "LD_LIBRARY_PATH": "" if static else str(libraries)})
    return [] if printed == PRINTED else ["it printed:", *printed.splitlines()]


def caught(check, *arguments):
    """The problems; a command that fails is one."""
    try:
        return check(*arguments)
    except RuntimeError as error:
        return str(error).splitlines()


def main():
    with tempfile.TemporaryDirectory(prefix="cede-install-") as name:
        folder = Path(name)
        prefix, destdir = folder / "prefix", folder / "stage"
        make_install(folder, prefix)
        sound = attempt("foreign_prefix", caught, foreign_prefix, prefix)
        sound &= attempt("exports", caught, exports, prefix)
        sound &= attempt("gdb", caught, gdb, prefix)
        for compiler, language, standard in COMPILERS:
            for link in ("shared", "static"):
                sound &= attempt(f"{compiler}_{standard}_{link}", caught, program, prefix,
                                 folder, compiler, language, standard, link)
        make_install(folder, "/usr", destdir)
        sound &= attempt("staged", caught, staged, destdir)
        for link in ("shared", "static"):
            sound &= attempt(f"staged_{link}", caught, program, destdir / "usr", folder, "gcc", "c",
                             "gnu17", link)
    return 0 if sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
