#!/usr/bin/env python3
"""Layers: src/LAYER/* includes its own and lower layers only (layers.txt), as "layer/name.h".
What depends on the platform or on a sanitizer is decided in src/base and src/arch only: above them,
the build picks the file or a function of base answers the question."""

import re
from common import ROOT, files, listed, main, read

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
CONDITION = re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b(.*)")
PLATFORM = re.compile(
    r"\b(__x86_64__|__i386__|__amd64__|__aarch64__|__arm__|__riscv\w*|__powerpc\w*|__s390\w*"
    r"|__CET__|__linux__|__gnu_linux__|__GLIBC__|__ANDROID__|__FreeBSD__|__APPLE__|__unix__"
    r"|__SANITIZE_\w+|__has_feature|\w*VALGRIND|CEDE__\w*[AT]SAN\w*)\b")
PLATFORM_LAYERS = ("base", "arch")


def sources(root):
    return files(root, ".c", ".h", ".S", under=("src",))


def layers(root):
    order = list(listed(ROOT / "tests/checks/layers.txt"))
    problems = []
    for name in sources(root):
        if len(name.parts) != 3 or name.parts[1] not in order:
            problems.append(f"{name}: not in the directory of a layer of tests/checks/layers.txt")
            continue
        own = order.index(name.parts[1])
        for number, line in enumerate(read(root, name).splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, target = match.groups()
            layer = target.split("/")[0]
            if target == "cede.h" or layer == "cede":
                continue
            if quote == "<" and layer not in order:
                continue  # a header of the system
            if layer not in order:
                problems.append(f'{name}:{number}: "{target}" is not named as "layer/name.h"')
            elif order.index(layer) > own:
                problems.append(f"{name}:{number}: {order[own]} includes {target}, "
                                f"of the higher layer {layer}")
    return problems


def platform(root):
    problems = []
    for name in sources(root):
        if len(name.parts) > 2 and name.parts[1] in PLATFORM_LAYERS:
            continue
        # A condition may go on over several lines; each keeps its number.
        text = re.sub(r"\\\n", lambda m: "\\\v", read(root, name))
        number = 0
        for line in text.split("\n"):
            number += 1
            match = CONDITION.match(line)
            found = match and PLATFORM.search(match.group(1))
            if found:
                problems.append(f"{name}:{number}: #if on {found.group(1)} outside base and arch")
            number += line.count("\v")
    return problems


main([layers, platform], [
    ("sound", layers, {"src/wait/a.c": '#include "base/list.h"\n#include "wait/a.h"\n'
                                       '#include <cede/sem.h>\n#include <sys/stat.h>\n'}, None),
    ("upward", layers, {"src/wait/a.c": '\n#include "task/task.h"\n'}, "a.c:2: wait includes"),
    ("upward_angle", layers, {"src/wait/a.h": "#include <sync/sem.h>\n"}, "higher layer sync"),
    ("bare_name", layers, {"src/wait/a.c": '#include "a.h"\n'}, 'not named as "layer/name.h"'),
    ("no_layer", layers, {"src/other/a.c": ""}, "not in the directory of a layer"),
    ("platform_in_base", platform, {"src/base/a.c": "#ifdef __x86_64__\n#endif\n"}, None),
    ("platform", platform, {"src/wait/a.c": "#ifdef __x86_64__\n#endif\n"}, "a.c:1: #if on __x86"),
    ("sanitizer", platform,
     {"src/sync/a.c": "#if X && \\\n defined(__SANITIZE_ADDRESS__)\n#endif\n"},
     "__SANITIZE_ADDRESS__"),
])
