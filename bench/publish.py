#!/usr/bin/env python3
"""Puts build-bench/bench.json, which a run of all rows has left, into docs/, with a picture of
it, and the table of targets into README.md. bench/run --publish does so at its end.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import output
import picture

ROOT = Path(__file__).resolve().parent.parent
DATA, PICTURE, README = ROOT / "docs/bench.json", ROOT / "docs/bench.svg", ROOT / "README.md"
BEGIN, END = "<!-- made by bench/publish.py: -->\n", "<!-- until here -->\n"


def table(data):
    """The targets, met and missed, in Markdown."""
    lines = [f"{data['date']}, {data['machine']['processor']}, {data['machine']['cores']} cores, "
             f"{data['versions']['cede']}; medians of {data['rounds']} runs. "
             f"{output.busy(data)}", "",
             "| | target | measured | |", "|---|---|---:|---|"]
    for row in data["rows"]:
        for goal in row["goals"]:
            name = f"{row['title']}, {row['units'][goal['unit']]}"
            if goal["met"] is None:
                lines.append(f"| {name} | {goal['wanted']} | | not measured |")
                continue
            most = output.value(goal["most"])
            wanted = most if most == goal["wanted"] else f"{goal['wanted']} = {most}"
            got = "inf" if goal["got"] is None else output.value(goal["got"])
            verdict = "met" if goal["met"] else "**missed**"
            lines.append(f"| {name} | {wanted} | {got} | {verdict} |")
    return "\n".join(lines) + "\n"


def insert(readme, data):
    """The text of README.md with this table in its place."""
    before, rest = readme.split(BEGIN)
    return before + BEGIN + table(data) + END + rest.split(END)[1]


def put(data):
    DATA.write_text(output.as_json(data))
    PICTURE.write_text(picture.draw(data))
    README.write_text(insert(README.read_text(), data))


if __name__ == "__main__":
    put(json.loads((ROOT / "build-bench/bench.json").read_text()))
