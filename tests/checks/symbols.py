#!/usr/bin/env python3
"""Exported symbols: libcede.so shows what symbols.txt lists, no more and no less, and that is what
the public headers declare.

A name that is added or gone is a decision about the interface; symbols.py --update writes it down.
"""

import re
import subprocess
import sys
from common import BUILD, ROOT, files, listed, main, read

LIST = ROOT / "tests/checks/symbols.txt"
HEADING = """\
# What libcede.so exports; tests/checks/symbols.py compares, and rewrites this list with --update.
# Names in cede__ are internal: one is listed only if a macro or an inline function needs it.
"""


def exported():
    """The names that the built library defines, without symbol versions."""
    library = BUILD / "src/libcede.so"
    out = subprocess.run(["nm", "-D", "--defined-only", str(library)], capture_output=True,
                         text=True, check=True).stdout
    # A: the names of the versions themselves.
    rows = (line.split() for line in out.splitlines())
    return sorted({re.sub("@.*", "", row[-1]) for row in rows if row[-2] != "A"})


def compare(found, expected):
    return ([f"{name} is exported, and is no name of this library" for name in found
             if not name.startswith("cede_")] +
            [f"{name} is exported, but not in tests/checks/symbols.txt" for name in found
             if name.startswith("cede_") and name not in expected] +
            [f"{name} is in tests/checks/symbols.txt, but not exported" for name in expected
             if name not in found])


def symbols(_root):
    return compare(exported(), listed(LIST))


def declared(root):
    """Every function that a public header declares as CEDE_API, without those in comments."""
    names = set()
    for header in files(root, ".h", under=("include",)):
        code = re.sub(r"/\*.*?\*/", "", read(root, header), flags=re.S)
        names |= set(re.findall(r"^(?:extern )?CEDE_API\b[^;(]*?\b(\w+)\s*[(;]", code, re.M))
    return names


def headers(root):
    """Against the list, which symbols() compares with the library."""
    names = declared(root)
    expected = set(listed(root / "tests/checks/symbols.txt"))
    return ([f"{name} is declared, but not in tests/checks/symbols.txt"
             for name in sorted(names - expected)] +
            [f"{name} is exported, but no header declares it" for name in sorted(expected - names)])


def compare_planted(root):
    return compare(*((root / name).read_text().split() for name in ("found", "expected")))


if "--update" in sys.argv:
    LIST.write_text(HEADING + "".join(name + "\n" for name in exported()))
    sys.exit(0)

PLANTED = """\
/*
CEDE_API int cede_no(void);
*/
CEDE_API int *cede_a(int (*f)(int));
"""

main([symbols, headers], [
    ("declared", headers, {"include/a.h": PLANTED, "tests/checks/symbols.txt": "cede_a\n"}, None),
    ("undeclared", headers,
     {"include/a.h": PLANTED, "tests/checks/symbols.txt": "cede_a\ncede_b\n"},
     "cede_b is exported, but no header declares it"),
    ("unlisted", headers, {"include/a.h": PLANTED, "tests/checks/symbols.txt": ""},
     "cede_a is declared, but not in"),
    ("equal", compare_planted, {"found": "cede_a", "expected": "cede_a"}, None),
    ("extra", compare_planted, {"found": "cede_a cede__b", "expected": "cede_a"},
     "cede__b is exported, but not in"),
    ("gone", compare_planted, {"found": "cede_a", "expected": "cede_a cede_b"}, "but not exported"),
    ("foreign", compare_planted, {"found": "helper", "expected": "helper"}, "no name of this"),
])
