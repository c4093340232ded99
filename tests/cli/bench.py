#!/usr/bin/env python3
"""The bench: this library's rows run, and the driver measures planted contenders correctly."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as xml
from explore_common import CEDE, ROOT, Failed, check, equal, main

sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "bench"))

import contenders
import measure
import output
import picture
import publish
import walk
from missing import Missing
from rows import BARE, BEST, ROWS, Entry, Row

BUILD = os.environ.get("CEDE_BUILD", ROOT / "build")
SMALL = {"contended": 5, "contended_adaptive": 5, "sleepers": 100, "timers": 100, "blocked": 1000,
         "waiting": 1000, "handoff": 20, "event": 20}


def rows_of_this_library_run(_folder):
    for row in ROWS:
        for entry in row.entries:
            check(entry.contender in contenders.CONTENDERS, entry.contender, "is unknown")
            if entry.contender != "cede":
                continue
            word = entry.words[0]
            tasks = 1 if word in ("sleepers", "timers") else min(row.tasks or 0, 10)
            run = subprocess.run([f"{BUILD}/bench/bench_cede", word,
                                  str(SMALL.get(word, row.step)), str(tasks)],
                                 capture_output=True, text=True, timeout=300)
            if run.returncode == measure.NOT_OFFERED:
                continue
            equal(run.returncode, 0, f"status of {word}, {run.stderr}")
            measure.numbers_of(run.stdout, len(row.units))


def shares(_folder):
    """Who is handed the mutex in turn gets as much as anybody."""
    run = subprocess.run([f"{BUILD}/bench/bench_cede", "handoff", "200", "20"],
                         capture_output=True, text=True, timeout=300)
    equal(run.stdout.split()[1:], ["1.000"], "most over least")


def plant(folder, **programs):
    """Contenders that are shell scripts; each notes its name in `log` before it runs."""
    planted = {}
    for name, script in {"boost": "echo 2.0", **programs}.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\necho {name} >> {folder}/log\ncd {folder}\n{script}\n")
        path.chmod(0o755)
        planted[name] = contenders.Contender(str(path), version="echo 1")
    return planted


MACHINE = {"date": "today", "machine": {"processor": "P", "cores": 2}, "rounds": 1,
           "versions": {"cede": "cede 0"}}


def take_data(folder, row, rounds, unavailable=None, **programs):
    """The result of a row with planted contenders, and the same as JSON has it."""
    real = contenders.CONTENDERS
    contenders.CONTENDERS = plant(folder, **programs)
    try:
        result = measure.measure(row, unavailable or {}, rounds, 0.1, "/", lambda label: None)
        data = json.loads(output.as_json(output.as_data(MACHINE, [result])))
    finally:
        contenders.CONTENDERS = real
    return result, data


def take(folder, *arguments, **programs):
    """The result, and who ran in which order."""
    result, _ = take_data(folder, *arguments, **programs)
    return result, (folder / "log").read_text().split()


def row_of(*labels, units=("ns",), **options):
    return Row("row", "A row", list(units), [Entry(label, label, "x") for label in labels],
               **{"n": 1000, **options})


# Prints 1, then 2, then 30...: one number for each run.
SERIES = "echo . >> count; set -- %s; shift $(($(wc -l < count) - 1)); echo $1"


def rounds_are_interleaved(folder):
    _, order = take(folder, row_of("cede", "a", "b"), 3, cede="echo 1", a="echo 1", b="echo 1")
    equal(order[-12:], ["boost", "cede", "a", "b"] * 3, "the order of the runs")
    equal(order.count("cede"), 3, "runs of cede")


def medians_and_ratios(folder):
    result, _ = take(folder, row_of("cede", "a", "b", goals=[(1.5, BARE)]), 3,
                     cede=SERIES % "4 100 3", a="echo 8", b="echo 16")
    ours = result.runners[0]
    equal((ours.median(0), ours.extremes(0)), (4.0, (3.0, 100.0)), "median and extremes")
    equal(result.best_rival(0).entry.label, "a", "best rival")
    lines = output.table(result)
    words = [line.split() for line in lines if line.startswith("* cede")]
    equal(words, [["*", "cede", "4.00", "3.00", "100", "0.500", "2.00"]], "the line of cede")
    check("  goal of cede: 1.50 x bare switch = 3.00; missed, by a factor of 1.33" in lines,
          "the goal is not in", lines)


def goals_that_are_met(folder):
    result, _ = take(folder, row_of("cede", "a", goals=[(1.0, BEST)]), 1, cede="echo 3",
                     a="echo 4")
    check("  goal of cede: 1.00 x best rival = 4.00; met, with 0.750 of it" in
          output.table(result), "verdict in", output.table(result))


def goals_without_what_they_refer_to(folder):
    result, _ = take(folder, row_of("cede", "a", goals=[(1.0, "b")]), 1, cede="echo 3", a="echo 4")
    check("  goal of cede: 1.00 x b; not measured" in output.table(result), output.table(result))


def limits_are_no_rivals(folder):
    row = row_of("cede", "a")
    row.entries.append(Entry("limit", "limit", "x", limit=True))
    result, _ = take(folder, row, 1, cede="echo 3", a="echo 4", limit="echo 1")
    equal(result.best_rival(0).entry.label, "a", "best rival")


def the_missing_are_named(folder):
    result, _ = take(folder, row_of("cede", "absent", "crashes", "mumbles", "old", "a"), 2,
                     {"absent": "not here"}, cede="echo 3", absent="echo 1", a="echo 4",
                     crashes="echo 1; echo no luck >&2; exit 7", mumbles="echo about 5",
                     old=f"echo too old >&2; exit {measure.NOT_OFFERED}")
    text = "\n".join(output.table(result))
    for line in ("without absent: not here", "without crashes: no luck",
                 "without mumbles: printed 'about 5' instead of 1 numbers",
                 "without old: too old"):
        check(line in text, "not in", text)
    equal([r.entry.label for r in result.runners if r.failed], ["crashes", "mumbles"], "failures")
    equal([r.entry.label for r in result.present()], ["cede", "a"], "who is left")


def runs_last_as_long_as_asked(folder):
    result, _ = take(folder, row_of("cede", n=None, step=10), 1, cede="echo 1000")
    equal(result.runners[0].n, 100000, "operations of 1000 ns in 0.1 s")
    result, _ = take(folder, row_of("cede", n=None, step=10), 1, cede="echo 1e9")
    equal(result.runners[0].n, 10, "operations of a second in 0.1 s")


def sleepers_get_more_time(folder):
    result, order = take(folder, row_of("cede", tasks=3), 1,
                         cede=f'[ "$3" -gt 6 ] || exit {measure.TOO_EARLY}; echo 5')
    equal(order.count("cede"), 3, "attempts")
    equal(result.runners[0].tasks, 12, "seconds")


def the_picture_shows_everyone(folder):
    row = row_of("cede", "a", "b", units=("ns", "bytes"))
    _, data = take_data(folder, row, 1, cede="echo 2 9", a="echo 4 3", b="echo 8 inf")
    tree = xml.fromstring(picture.draw(data))
    space = "{http://www.w3.org/2000/svg}"
    tips = [t.text for t in tree.iter(f"{space}title")]
    equal(tips[1:], ["a: 1.00", "b: 2.00", "cede: 0.50", "a: 1.00", "b: inf", "cede: 3.00"], "dots")
    dots = list(tree.iter(f"{space}circle"))[:2]
    check(float(dots[0].get("cx")) < float(dots[1].get("cx")), "a stands left of b")
    squares = [r.get("class") for r in tree.iter(f"{space}rect")]
    equal(squares[:2], ["ours", "behind"], "colours")


def the_table_of_targets(folder):
    """In words, of what JSON keeps of a run."""
    row = row_of("cede", "a", units=("ns", "most / least", "bytes"),
                 goals=[(1.0, BEST), (1.0, None), (2.0, "b")])
    _, data = take_data(folder, row, 1, cede="echo 3 inf 1", a="echo 4 1 1")
    equal(publish.table(data).splitlines()[4:],
          ["| A row, ns | 1.00 x best rival = 4.00 | 3.00 | met |",
           "| A row, most / least | 1.00 | inf | **missed** |",
           "| A row, bytes | 2.00 x b | | not measured |"], "lines")


def what_is_published_is_of_one_run(_folder):
    """The picture and the README's table are made by the script, from the numbers beside them."""
    data = json.loads(publish.DATA.read_text())
    equal(publish.PICTURE.read_text(), picture.draw(data), "docs/bench.svg")
    readme = publish.README.read_text()
    equal(publish.insert(readme, data), readme, "the table of README.md")


def a_walk_is_checked_against_find(folder):
    (folder / "sub").mkdir()
    (folder / "sub/file").write_text("12345")
    (folder / "link").symlink_to("nowhere")
    os.sync()  # some file systems decide only now what a file occupies
    walk.same_as_find([CEDE, "explore", str(folder)], str(folder))
    short = {**walk.by_find(str(folder)), "allocated": 0}
    try:
        walk.same_as_find(["sh", "-c", f"echo '{json.dumps(short)}'"], str(folder))
    except Missing as reason:
        check(reason.failed and "allocated: 0, but" in str(reason), reason)
    else:
        raise Failed("a walk that leaves something out is let pass")


def rows_are_chosen(_folder):
    def status(*arguments):
        return subprocess.run([ROOT / "bench/run", *arguments], capture_output=True).returncode

    listed = subprocess.run([ROOT / "bench/run", "--list"], capture_output=True, text=True).stdout
    equal([line.split()[0] for line in listed.splitlines()], [row.name for row in ROWS], "rows")
    equal(status("mutex", "no_such_row"), 2, "a row that is not there")
    equal(status("mutex", "--publish"), 2, "a part is not published")


main([rows_of_this_library_run, shares, rounds_are_interleaved, medians_and_ratios,
      goals_that_are_met, limits_are_no_rivals, the_missing_are_named, runs_last_as_long_as_asked,
      sleepers_get_more_time, the_picture_shows_everyone, goals_without_what_they_refer_to,
      the_table_of_targets, what_is_published_is_of_one_run, a_walk_is_checked_against_find,
      rows_are_chosen])
