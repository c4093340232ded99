#!/usr/bin/env python3
"""Format: what can be said about the sources without compiling them."""

import re
import shutil
import subprocess
from common import ROOT, Skipped, files, listed, main, read

CODE = (".c", ".h", ".S")
TEXT = CODE + (".py", ".md", ".txt", ".sh", ".build", ".map", "")
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca|setjmp|longjmp|sigsetjmp"
                    r"|siglongjmp|_setjmp|_longjmp)\s*\(")
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
MAKEFILES = ("Makefile", "debian/rules")  # which need tabs
LONGEST_FILE, LONGEST_LINE = 500, 100


def clang_format(root):
    if not shutil.which("clang-format"):
        raise Skipped("clang-format is not installed")
    names = [str(root / name) for name in files(root, ".c", ".h")]
    if not names:
        return []
    style = f"--style=file:{ROOT}/.clang-format"
    run = subprocess.run(["clang-format", style, "--dry-run", "-Werror", *names],
                         capture_output=True, text=True)
    places = re.findall(r"^(\S+:\d+):\d+: error:", run.stderr, re.M)
    problems = [f"{place.replace(f'{root}/', '')}: not as clang-format has it (make format)"
                for place in dict.fromkeys(places)]
    return problems or ([run.stderr] if run.returncode else [])


def lengths(root):
    allowed = listed(ROOT / "tests/checks/long-files.txt")
    problems = [f"tests/checks/long-files.txt: {name} needs a reason"
                for name, reason in allowed.items() if not reason]
    for name in files(root, *CODE, ".py", ".build"):
        lines = read(root, name).splitlines()
        if len(lines) > LONGEST_FILE and str(name) not in allowed:
            problems.append(f"{name}: {len(lines)} lines, more than {LONGEST_FILE}")
        problems += [f"{name}:{number}: {len(line)} columns, more than {LONGEST_LINE}"
                     for number, line in enumerate(lines, 1) if len(line) > LONGEST_LINE]
    return problems


def blanks(root):
    problems = []
    for name in files(root, *TEXT):
        # What programs print is kept as they print it.
        if name.parts[:3] == ("tests", "examples", "expected"):
            continue
        text = read(root, name)
        if text and not text.endswith("\n"):
            problems.append(f"{name}: no newline at the end")
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip():
                problems.append(f"{name}:{number}: blanks at the end of the line")
            if "\t" in line and str(name) not in MAKEFILES:
                problems.append(f"{name}:{number}: tab")
    return problems


def banned_calls(root):
    """Those that overflow or hide a jump: a stack is always unwound by returning."""
    problems = []
    for name in files(root, ".c", ".h"):
        # Comments and strings are emptied, their line breaks stay.
        code = COMMENT_OR_STRING.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), read(root, name))
        for number, line in enumerate(code.splitlines(), 1):
            for match in BANNED.finditer(line):
                problems.append(f"{name}:{number}: {match.group(1)}() is banned")
    return problems


def spelling(root):
    if not shutil.which("codespell"):
        raise Skipped("codespell is not installed")
    names = [str(root / name) for name in files(root)]
    words = [line.split("#")[0].strip()
             for line in (ROOT / "tests/checks/words.txt").read_text().splitlines()]
    run = subprocess.run(["codespell", "--ignore-words-list", ",".join(filter(None, words)) or "-",
                          *names], capture_output=True, text=True)
    return [line.replace(f"{root}/", "") for line in run.stdout.splitlines()]


def stands_alone(root):
    """No file refers to the place where it was written."""
    # Written so that this file does not contain what it looks for.
    places = re.compile("/wor" + "k/|[.][.]/shar" + "ed")
    return [f"{name}:{number}: refers to a directory outside the project"
            for name in files(root)
            for number, line in enumerate(read(root, name).splitlines(), 1) if places.search(line)]


def dead_files(root):
    """Every file of src/, include/, examples/ and cmd/ is named by a meson.build (or #included)."""
    everything = files(root)
    builds = {name: set(re.findall(r"'([^'\n]+)'", read(root, name)))
              for name in everything if name.name == "meson.build"}
    included = {target for name in files(root, *CODE)
                for target in re.findall(r'#\s*include\s*["<]([^">]+)', read(root, name))}
    problems = []
    for name in everything:
        if name.parts[0] not in ("src", "include", "examples", "cmd"):
            continue
        if name.name == "meson.build" or name.suffix == ".md":
            continue
        listed_by = any(
            # A list may leave out the suffix: foreach name : ['a', 'b'].
            {str(name.relative_to(build.parent)),
             str(name.relative_to(build.parent).with_suffix(""))} & words
            for build, words in builds.items() if name.is_relative_to(build.parent))
        if listed_by or name.suffix == ".h" and str(name.relative_to(name.parts[0])) in included:
            continue
        problems.append(f"{name}: no meson.build names it")
    return problems


CALL = "int f(char *p)\n{\n        return %s(p);\n}\n"

main([clang_format, lengths, blanks, banned_calls, spelling, stands_alone, dead_files], [
    ("clang_format", clang_format, {"a.c": "int  f( void ) {return 0;}\n"}, "a.c:1: not as clang"),
    ("long_file", lengths, {"a.c": "\n" * 501}, "a.c: 501 lines"),
    ("long_line", lengths, {"a.c": "/* " + "x" * 100 + " */\n"}, "a.c:1: 106 columns"),
    ("trailing_blank", blanks, {"a.c": "int a; \n"}, "a.c:1: blanks"),
    ("tab", blanks, {"a.c": "\tint a;\n"}, "a.c:1: tab"),
    ("no_newline", blanks, {"a.c": "int a;"}, "no newline"),
    ("banned", banned_calls, {"a.c": CALL % "gets"}, "a.c:3: gets() is banned"),
    ("banned_in_comment", banned_calls, {"a.c": '/* not\n gets() */ char *a = "gets()";\n'}, None),
    ("not_banned", banned_calls, {"a.c": CALL % "fgets"}, None),
    ("spelling", spelling, {"a.md": "We rec" + "ieve.\n"}, "rec" + "ieve"),
    ("place", stands_alone, {"a.md": "see /wor" + "k/main\n"}, "a.md:1: refers"),
    ("dead_file", dead_files, {"src/meson.build": "files('base/a.c')\n", "src/base/a.c": "",
                               "src/base/b.c": ""}, "src/base/b.c: no meson.build names it"),
    ("live_files", dead_files, {"examples/meson.build": "foreach n : ['a']\n", "examples/a.c": "",
                                "src/meson.build": "x = 'base/a.c'\n",
                                "src/base/a.c": '#include "base/a.h"\n', "src/base/a.h": ""}, None),
])
