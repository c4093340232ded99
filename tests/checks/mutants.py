#!/usr/bin/env python3
"""tests/check-mutants: a mutant that is noticed passes, every other outcome fails. In a tree of one
function and one test program."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from common import ROOT, main

TREE = {
    ".gitignore": "/build*/\n",
    "meson.build": "project('planted', 'c')\nsubdir('tests')\n",
    "tests/meson.build": "executable('program', 'program.c', '../answer.c')\n",
    "answer.c": "int answer(void)\n{\n        return 42;\n}\n",
    "tests/program.c": """\
#include <stdio.h>
#include <string.h>
int answer(void);
int main(int argc, char **argv)
{
        if (argc > 1 && strcmp(argv[1], "--list") == 0)
                return puts("right") < 0;
        puts(answer() == 42 ? "ok right (1 ms)" : "FAIL right: wrong answer");
        return answer() != 42;
}
""",
}
HEAD = "Why: the answer matters\nTest: program right\n\n"
DIFF = """\
--- a/answer.c
+++ b/answer.c
@@ -1,4 +1,4 @@
 int answer(void)
 {
-        return %s;
+        return %s;
 }
"""
PATCHES = {
    "noticed": (HEAD + DIFF % (42, 43), "ok noticed"),
    "crashes": (HEAD + DIFF % (42, "*(volatile int *)0"), "ok crashes"),
    "unnoticed": (HEAD + DIFF % (42, "40 + 2"), "FAIL unnoticed: program right did not notice"),
    "unbuilt": (HEAD + DIFF % (42, "nothing"), "FAIL unbuilt: does not build"),
    "stale": (HEAD + DIFF % (41, 43), "FAIL stale: does not apply"),
    "unexplained": ("Test: program right\n\n" + DIFF % (42, 43), "FAIL unexplained: needs"),
    "untested": ("Why: because\n\n" + DIFF % (42, 43), "FAIL untested: needs"),
    "misnamed": (HEAD.replace("right", "left") + DIFF % (42, 43),
                 "FAIL misnamed: program left is not green"),
}


def outcomes(_root):
    with tempfile.TemporaryDirectory(prefix="cede-check-") as folder:
        tree = Path(folder)
        for name, text in {**TREE, **{f"tests/mutants/{name}.patch": patch
                                      for name, (patch, _) in PATCHES.items()}}.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        shutil.copy(ROOT / "tests/check-mutants", tree / "tests/check-mutants")
        subprocess.run(["git", "init", "-q", folder], check=True)
        run = subprocess.run([f"{folder}/tests/check-mutants"], capture_output=True, text=True)
    lines = run.stdout.splitlines()
    problems = [f"expected {line}" for _, line in PATCHES.values()
                if not any(got.startswith(line) for got in lines)]
    passing = sum(line.startswith("ok") for _, line in PATCHES.values())
    closing = f"{passing} passed, {len(PATCHES) - passing} failed, 0 skipped"
    if lines[-1:] != [closing] or run.returncode != 1:
        problems.append(f"expected {closing}, status 1; got status {run.returncode}")
    return problems and problems + lines + run.stderr.splitlines()


main([outcomes], [])
