#!/usr/bin/env python3
"""Headers: each compiles alone, twice in a row. The public ones also as strict C and as C++."""

import concurrent.futures
import subprocess
from common import BUILD, files, main

WARNINGS = ["-Wall", "-Wextra", "-Werror"]
LANGUAGES = [
    ("gcc", "c", ["-std=c99", "-pedantic-errors"]),
    ("gcc", "c", ["-std=c11", "-pedantic-errors"]),
    ("g++", "c++", ["-std=c++11", "-pedantic-errors"]),
    ("g++", "c++", ["-std=c++17", "-pedantic-errors"]),
]


def compile_all(jobs):
    """jobs: (header's name for #include, label, command). Two at a time, the problems in order."""
    def one(job):
        name, label, command = job
        text = f'#include "{name}"\n#include "{name}"\n'
        run = subprocess.run(command + ["-fsyntax-only", "-"], input=text, text=True,
                             capture_output=True)
        return [f"{name} as {label}: {line}" for line in run.stderr.splitlines() if "error:" in line
                ] or ([f"{name} as {label}: {run.stderr}"] if run.returncode else [])

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return sum(pool.map(one, jobs), [])


def public(root):
    jobs = []
    for header in files(root, ".h", under=("include",)):
        name = str(header.relative_to("include"))
        for compiler, language, options in LANGUAGES:
            jobs.append((name, options[0], [compiler, "-x", language, *options, *WARNINGS,
                                            f"-I{root}/include"]))
    return compile_all(jobs)


def internal(root):
    return compile_all([
        (str(header.relative_to("src")), "gnu17",
         ["gcc", "-x", "c", "-std=gnu17", "-D_GNU_SOURCE", *WARNINGS,
          f"-I{root}/include", f"-I{root}/src", f"-I{BUILD}/src"])
        for header in files(root, ".h", under=("src",))])


main([public, internal], [
    ("sound", public, {"include/a.h": "#ifndef A_H\n#define A_H\nint a(void);\n#endif\n"}, None),
    ("needs_other", public, {"include/a.h": "#ifndef A_H\n#define A_H\nsize_t a(void);\n#endif\n"},
     "a.h as -std=c11"),
    ("not_c11", public, {"include/a.h": "#ifndef A_H\n#define A_H\nint a[0];\n#endif\n"},
     "a.h as -std=c11"),
    ("not_cxx", public, {"include/a.h": "#ifndef A_H\n#define A_H\nint a(int class);\n#endif\n"},
     "a.h as -std=c++11"),
    ("no_guard", public, {"include/a.h": "enum a { A };\n"}, "redeclaration"),
    ("internal", internal, {"src/base/a.h": "#include <base/none.h>\n"}, "base/a.h as gnu17"),
])
