#!/usr/bin/env python3
"""The documents: their links lead somewhere, and their programs compile and print what they say."""

import re
import subprocess
import tempfile
from pathlib import Path
from common import BUILD, ROOT, files, main, read

LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]*)\)")

# The pages whose pieces of code stand in a function, and what they take as given.
PIECES = "docs/which.md"
GIVEN = """
#include <cede.h>
extern bool arrived;
extern int counter, first, item, now;
extern void *value;
extern struct cede_condition changed;
extern struct cede_event ready;
extern struct cede_future *sum;
extern struct cede_mutex m;
extern struct cede_pool *pool;
extern struct cede_sem connections;
int work(void *arg);
void use(void);
"""


def fenced(text, language):
    """What stands between the fences of this language ("": of none)."""
    return [code for name, code in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
            if name == language]


def text_of(root, name):
    """A document without its code."""
    return re.sub(r"^```.*?^```$", "", read(root, name), flags=re.M | re.S)


def anchors(root, name):
    """What the headings of a document are called in links."""
    titles = re.findall(r"^#+ (.*)", text_of(root, name), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(root):
    """A link to a file of the tree, or to a heading in one."""
    problems = []
    for name in files(root, ".md"):
        for link in LINK.findall(text_of(root, name)):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = root / name.parent / path if path else root / name
            if not target.exists():
                problems.append(f"{name}: there is no {link}")
            elif anchor and anchor not in anchors(root, target):
                problems.append(f"{name}: there is no heading {link}")
    return problems


def compiled(source, *arguments):
    """The first error in a C file of this text; nothing, if all is well."""
    with tempfile.TemporaryDirectory(prefix="cede-check-") as folder:
        path = Path(folder) / "program.c"
        path.write_text(source)
        said = subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror",
                               "-I", ROOT / "include", path, *arguments], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False).stdout
    return next((line for line in said.splitlines() if "error:" in line), said)


def programs(root):
    """The programs in README.md print what one of its pieces says, below their command."""
    problems = []
    text = read(root, "README.md")
    for number, source in enumerate(code for code in fenced(text, "c") if "int main(" in code):
        with tempfile.TemporaryDirectory(prefix="cede-check-") as folder:
            program = Path(folder) / "program"
            said = compiled(source, "-o", program, BUILD / "src/libcede.so",
                            f"-Wl,-rpath,{BUILD / 'src'}")
            if said:
                problems.append(f"README.md: program {number + 1} does not compile: {said}")
                continue
            printed = subprocess.run([program], text=True, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, check=False).stdout
        if printed not in ["".join(line for line in shown.splitlines(True)
                                   if not line.startswith("$ ")) for shown in fenced(text, "")]:
            problems.append(f"README.md: it does not show what program {number + 1} prints: "
                            f"{printed!r}")
    return problems


def pieces(root):
    """The pieces of code in docs/which.md compile."""
    problems = []
    for number, code in enumerate(fenced(read(root, PIECES), "c")):
        said = compiled(f"{GIVEN}int piece(void);\nint piece(void)\n{{\nint r = 0;\n{code}"
                        "return r;\n}\n", "-fsyntax-only")
        if said:
            problems.append(f"{PIECES}: piece {number + 1} does not compile: {said}")
    return problems


HELLO = "#include <stdio.h>\nint main(void) {{ return puts({0}) < 0; }}\n"


def readme(source, output):
    return {"README.md": f"```c\n{source}```\n\n```\n$ ./program\n{output}```\n"}


main([links, programs, pieces], [
    ("no_file", links, {"a.md": "see [b](b.md)\n"}, "there is no b.md"),
    ("no_heading", links, {"a.md": "# Two words\n\n[a](#two-words), [b](#three)\n"},
     "there is no heading #three"),
    ("good_link", links, {"a.md": "[b](docs/b.md#the-second)\n[c](https://a.example/b)\n",
                          "docs/b.md": "# B\n\n## The `second`\n\n[a](../a.md)\n"}, None),
    ("not_compiled", programs, readme(HELLO.format("1"), "1\n"), "does not compile"),
    ("other_output", programs, readme(HELLO.format('"a"'), "b\n"), "it does not show"),
    ("same_output", programs, readme(HELLO.format('"a"'), "a\n"), None),
    ("piece", pieces, {PIECES: "```c\nr = cede_sem_aquire(&connections);\n```\n"},
     "piece 1 does not compile"),
    ("good_piece", pieces, {PIECES: "```c\nr = cede_sem_acquire(&connections);\n```\n"}, None),
])
