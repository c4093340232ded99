#!/usr/bin/env python3
"""Branch protection: compiled with it, the context switch says that it obeys, and it does.

A library obeys (its property note says so) only if each of its objects does. The processors here
may know nothing of it; so this looks at what the assembler makes of src/arch/."""

import re
import shutil
import subprocess
import tempfile
from common import ROOT, Skipped, main

# Compiler, its options, the file, the property, what must not be said, what stands at each entry.
KINDS = {
    "x86_64": ("gcc", ["-fcf-protection=full"], "x86_64.S", "IBT", "SHSTK", "endbr64"),
    "x86_64_branch": ("gcc", ["-fcf-protection=branch"], "x86_64.S", "IBT", "SHSTK", "endbr64"),
    "aarch64": ("aarch64-linux-gnu-gcc", ["-mbranch-protection=standard"], "aarch64.S",
                "BTI", "PAC", "bti"),
}


def make_check(compiler, options, name, obeys, denied, pad):
    def check(_root):
        target = subprocess.run([compiler, "-dumpmachine"], capture_output=True, text=True).stdout \
            if shutil.which(compiler) else ""
        if not target.startswith(name.split(".", maxsplit=1)[0]):
            raise Skipped(f"no compiler {compiler} for it")
        tools = compiler.removesuffix("gcc")
        with tempfile.TemporaryDirectory(prefix="cede-check-") as folder:
            made = f"{folder}/made.o"
            subprocess.run([compiler, *options, "-c", str(ROOT / "src/arch" / name), "-o", made],
                           check=True)
            notes = subprocess.run([tools + "readelf", "-n", made], capture_output=True,
                                   text=True).stdout
            code = subprocess.run([tools + "objdump", "-d", made], capture_output=True,
                                  text=True).stdout
        problems = []
        told = re.findall(r"Properties: (?:x86|AArch64) feature: (.*)", notes)
        if len(told) != 1 or obeys not in told[0] or denied in told[0]:
            problems.append(f"{name} should say {obeys} and not {denied}: {told}")
        entries = re.findall(r"<(cede__context_\w+)>:\n(.*)", code)
        if len(entries) != (3 if name == "x86_64.S" else 2):
            problems.append(f"{name} has these entries: {entries}")
        problems += [f"{entry} does not begin with {pad}: {first}" for entry, first in entries
                     if not re.search(rf"\b{pad}\b", first)]
        return problems
    return check


checks = []
for kind, row in KINDS.items():
    checks.append(make_check(*row))
    checks[-1].__name__ = kind
main(checks, [])
