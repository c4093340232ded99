#!/usr/bin/env python3
"""The manual: everything public has a page, the pages are sound, and they say what programs say."""

import re
import shutil
import subprocess
import sys
from common import BUILD, ROOT, Skipped, files, listed, main, read

sys.path.insert(0, str(ROOT / "man"))
import header as headers  # noqa: E402
import page as writer  # noqa: E402
from words import begins_with_verb  # noqa: E402

MAN = BUILD / "man"
REFERENCE = re.compile(r"(?:\\fB(?:\\%)?|^\.BR )([\w\\-]+)(?:\\fR| )\((\d)\)", re.M)


def run(*command, **options):
    return subprocess.run([str(word) for word in command], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


def written():
    """{path: text} of the pages that are more than a reference to another one."""
    found = {path: path.read_text() for path in sorted(MAN.glob("man?/*"))}
    return {path: text for path, text in found.items() if not text.startswith(".so ")}


def groups(root):
    """(header, group) of all groups of functions in the public headers."""
    for name in files(root, ".h", under=("include",)):
        for group in headers.Header(root / name).groups:
            if group.functions:
                yield name, group


def symbols(_root):
    """Every exported function has a page, which names it."""
    problems = []
    for name in listed(ROOT / "tests/checks/symbols.txt"):
        path = MAN / f"man3/{name}.3"
        if name.startswith("cede__"):
            continue
        if not path.exists():
            problems.append(f"{name} has no manual page")
            continue
        alias = re.match(r"\.so (\S+)$", path.read_text().strip())
        text = (MAN / alias[1] if alias else path).read_text()
        heading = re.search(r"^\.SH NAME\n(.*?)^\.SH", text, re.M | re.S)
        if not heading or not re.search(rf"\b{name}\b", heading[1]):
            problems.append(f"{name} is not among the names of its page")
    return problems


def comments(root):
    """What a page is made of: a comment that begins with a verb, and a text for each error."""
    manual = writer.Manual([headers.Header(ROOT / "include/cede/base.h")], "", "", {})
    problems = []
    for name, group in groups(root):
        first = group.functions[0].name
        if not begins_with_verb(group.summary()):
            problems.append(f"{name}: the comment above {first} does not begin with its verb, like "
                            f"\"Takes a permit.\": {group.summary()!r}")
        for code, why in manual.divide(group)[2]:
            if not why:
                problems.append(f"{name}: {code} of {first} is explained neither there nor in "
                                "base.h")
    return problems


def sections(_root):
    """A function's page has what a reader looks for."""
    problems = []
    for name, group in groups(ROOT):
        path = MAN / f"man3/{group.functions[0].name}.3"
        found = re.findall(r"^\.SH (.*)", path.read_text(), re.M) if path.exists() else []
        wanted = ["NAME", "LIBRARY", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"]
        if any(f.result != "void " for f in group.functions):
            wanted.append("RETURN VALUE")
            if any(f.result == "int " for f in group.functions) and \
                    any("-E" in str(block.content) for block in group.comment):
                wanted.append("ERRORS")
        problems += [f"{path.name} (from {name}) has no section {section}"
                     for section in wanted if section not in found]
    return problems


def references(_root):
    """No page refers to a page of ours that there is not."""
    problems = []
    for path, text in written().items():
        for name, section in REFERENCE.findall(text):
            name = name.replace("\\", "")
            ours = name.lower().startswith("cede")
            if ours and not (MAN / f"man{section}/{name}.{section}").exists():
                problems.append(f"{path.name}: there is no {name}({section})")
    return problems


def mandoc(_root):
    if not shutil.which("mandoc"):
        raise Skipped("mandoc is not installed")
    return run("mandoc", "-Tlint", *(path.relative_to(MAN) for path in written()),
               cwd=MAN).stdout.splitlines()


def groff(_root):
    if not shutil.which("man"):
        raise Skipped("man is not installed")
    problems = []
    for path in written():
        done = subprocess.run(["man", "--warnings=w", "-l", str(path)], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)
        problems += [f"{path.name}: {line}" for line in done.stderr.splitlines()]
    return problems


def descriptions(_root):
    """What `man -k` finds a page by."""
    if not shutil.which("lexgrog"):
        raise Skipped("lexgrog is not installed")
    return [line for line in run("lexgrog", *written()).stdout.splitlines()
            if "parse failed" in line]


def options_of(text):
    return set(re.findall(r"(?<![\w-])(--?[a-z][\w-]*)", text))


def compare_options(command, told, described):
    return ([f"{command}: {option} is not in its manual page"
             for option in sorted(told - described)] +
            [f"{command}: its manual page describes {option}, --help does not"
             for option in sorted(described - told)])


def commands(_root):
    """cede(1) names each command, whose page describes the options that --help tells of."""
    told = run(BUILD / "cede", "--help").stdout
    page = (MAN / "man1/cede.1").read_text()
    problems = []
    for name in re.findall(r"^  (\w+) ", told, re.M):
        path = MAN / f"man1/cede-{name}.1"
        if f"\n.B {name}\n" not in page or f"cede\\-{name}" not in page:
            problems.append(f"cede(1) does not describe the command {name}")
        if not path.exists():
            problems.append(f"there is no cede-{name}(1)")
            continue
        text = re.sub(r"\\f.", "", path.read_text().replace("\\-", "-"))
        described = re.search(r"^\.SH OPTIONS\n(.*?)^\.SH", text, re.M | re.S)[1]
        labels = " ".join(re.findall(r"^\.TP\n\.\w+ (.*)", described, re.M))
        # Options are at the beginning of their lines.
        listed_ones = re.findall(r"^  +(-.*?)(?:  |$)", run(BUILD / "cede", name, "--help").stdout,
                                 re.M)
        problems += compare_options(name, options_of(" ".join(listed_ones)), options_of(labels))
    return problems


def compare_planted(root):
    return compare_options("x", *(options_of(read(root, name)) for name in ("told", "described")))


FUNCTION = "/* A title. */\n\n%s\nCEDE_API int cede_a(int n);\n"

main([symbols, comments, sections, references, mandoc, groff, descriptions, commands], [
    ("verb", comments, {"include/a.h": FUNCTION % "/* Takes one.  -EINVAL: n < 1. */"}, None),
    ("no_verb", comments, {"include/a.h": FUNCTION % "/* The same for one. */"},
     "cede_a does not begin with its verb"),
    ("no_comment", comments, {"include/a.h": FUNCTION % ""}, "cede_a does not begin"),
    ("shared_error", comments, {"include/a.h": FUNCTION % "/* Takes one, or fails by -ENOMEM. */"},
     None),
    ("unexplained_error", comments,
     {"include/a.h": FUNCTION % "/* Takes one, or fails by -EXDEV. */"}, "-EXDEV of cede_a is"),
    ("options", compare_planted, {"told": "-a, --all N", "described": "-a , --all \"n\""}, None),
    ("option_untold", compare_planted, {"told": "-a", "described": "-a -b"}, "describes -b"),
    ("option_not_described", compare_planted, {"told": "-a -b", "described": "-a"}, "-b is not in"),
])
