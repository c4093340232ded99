#!/usr/bin/env python3
"""Writes the manual pages into man1, man3 and man7 of a directory.

The pages of functions (3) and of headers (7) come from the comments of the public headers, which
are the reference: header.py says how these are read. The pages of commands (1) and the overview
cede(7) are roff in this directory, in which @VERSION@, @DATE@, @PARTS@ (the list of headers) and
@EXAMPLE@ (the program in cede.h) are replaced.

    generate.py --version 0.1.0 OUTPUT INCLUDE/cede.h ...
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from header import Header
from page import Manual

HERE = Path(os.path.abspath(__file__)).parent


def pages(manual, version, date):
    """{path of a page: its text}"""
    found = {}
    for header in manual.headers:
        if header.name == "cede":
            continue
        found[f"man7/cede_{header.name}.7"] = manual.header_page(header).text()
        for group in header.groups:
            if not group.functions and not (group.macros and group.macros[0][0] in manual.places):
                continue
            page = manual.group_page(header, group)
            found[f"man3/{page.name}.3"] = page.text()
            for alias in page.aliases:
                found[f"man3/{alias}.3"] = f".so man3/{page.name}.3\n"
    replacements = {"@VERSION@": version, "@DATE@": date, "@PARTS@": manual.parts(),
                    "@EXAMPLE@": manual.whole_example()}
    for source in sorted(HERE.glob("*.[17]")):
        text = source.read_text()
        for word, instead in replacements.items():
            text = text.replace(word, instead)
        found[f"man{source.suffix[1:]}/{source.name}"] = text
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version", required=True)
    parser.add_argument("--examples", type=Path, help="a directory of programs to refer to")
    parser.add_argument("output", type=Path)
    parser.add_argument("headers", type=Path, nargs="+")
    options = parser.parse_args()
    newest = max(path.stat().st_mtime for path in options.headers)
    date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", newest))))
    headers = [Header(path) for path in sorted(options.headers) if path.stem != "internal"]
    examples = sorted(options.examples.glob("*.c")) if options.examples else []
    manual = Manual(headers, options.version, date, {p.name: p.read_text() for p in examples})
    # Made aside and moved as a whole, so that the directories are newer than what they come from.
    with tempfile.TemporaryDirectory(dir=options.output) as name:
        for path, text in pages(manual, options.version, date).items():
            (Path(name) / path).parent.mkdir(exist_ok=True)
            (Path(name) / path).write_text(text)
        for folder in sorted(Path(name).iterdir()):
            shutil.rmtree(options.output / folder.name, ignore_errors=True)
            folder.rename(options.output / folder.name)


if __name__ == "__main__":
    main()
