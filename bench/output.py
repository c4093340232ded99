"""The results as text, and as JSON."""

import json
import math
import os
import platform
import re
import subprocess

from rows import BARE

BUSY = 0.05   # of the processors; what others use beyond that is told


def value(number):
    """Three digits or all before the point: 0.512, 5.12, 51.2, 5,120."""
    if math.isinf(number):
        return "inf"
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.{max(0, 2 - math.floor(math.log10(number)))}f}" if number >= 0.01 else "0"


def ratio(number, reference):
    return value(number / reference) if reference and number >= 0.01 * reference else "-"


def goal_of(result, unit):
    """What became of a goal, as JSON has it; None without one. met is None if it is not known."""
    if not result.row.goals[unit]:
        return None
    (factor, of), first = result.row.goals[unit], result.runners[0]
    reference = result.reference(of, unit)
    goal = {"unit": unit, "contender": first.entry.label,
            "wanted": f"{value(factor)} x {of}" if of else value(factor),
            "most": factor * reference if reference else None,
            "got": None if first.missing else finite(first.median(unit))}
    known = reference and not first.missing
    return {**goal, "met": first.median(unit) <= goal["most"] if known else None}


def sentence(goal):
    start = f"goal of {goal['contender']}: {goal['wanted']}"
    if goal["met"] is None:
        return f"{start}; not measured"
    part = (math.inf if goal["got"] is None else goal["got"]) / goal["most"]
    verdict = (f"met, with {value(part)} of it" if goal["met"] else
               f"missed, by a factor of {value(part)}")
    return f"{start} = {value(goal['most'])}; {verdict}"


def table(result):
    """The lines of a row: a table for each of its units, best first."""
    lines = []
    for unit, name in enumerate(result.row.units):
        best = result.best_rival(unit)
        bare = result.reference(BARE, unit)
        by_time = "ns" in name.split()
        lines.append(f"{result.row.title}: {name}")
        lines.append(f"  {'':24} {'median':>10} {'min':>10} {'max':>10}  x best rival"
                     + ("  x bare switch" if by_time else ""))
        runners = result.present() + ([result.bare] if by_time and not result.bare.missing else [])
        for r in sorted(runners, key=lambda r: r.median(unit if r is not result.bare else 0)):
            which = unit if r is not result.bare else 0
            median, (least, most) = r.median(which), r.extremes(which)
            mark = "*" if r.entry.ours else "-" if r.entry.limit else " "
            numbers = " ".join(f"{value(number):>10}" for number in (median, least, most))
            lines.append(
                f"{mark} {r.entry.label:24} {numbers}"
                f"  {ratio(median, best and best.median(unit)):>12}"
                + (f"  {ratio(median, bare):>13}" if by_time else ""))
        goal = goal_of(result, unit)
        if goal:
            lines.append(f"  {sentence(goal)}")
    lines += [f"  without {r.entry.label}: {r.missing}" for r in result.runners if r.missing]
    if result.others > BUSY:
        lines.append(f"  other programs used {result.others:.0%} of the processors meanwhile")
    return lines


def first_line(path, start):
    with open(path) as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith(start)), "?")


def machine():
    release = platform.freedesktop_os_release().get("PRETTY_NAME", "?")
    return {
        "processor": first_line("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGESIZE') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": release,
        "compiler": subprocess.run(["gcc", "--version"], capture_output=True,
                                   text=True).stdout.split("\n")[0],
    }


def finite(number):
    """JSON knows no infinity."""
    return number if math.isfinite(number) else None


def as_data(environment, results):
    """What is known about a run, for JSON. Without a number where one is infinite."""
    rows = []
    for result in results:
        units = range(len(result.row.units))
        best = [result.best_rival(unit) for unit in units]
        rows.append({
            "name": result.row.name, "title": result.row.title, "units": result.row.units,
            "goals": [goal for goal in (goal_of(result, unit) for unit in units) if goal],
            "best": [b.entry.label if b else None for b in best],
            "bare_switch": [sample[0] for sample in result.bare.samples],
            "others": round(result.others, 3),
            "contenders": [{
                "label": r.entry.label, "ours": r.entry.ours, "limit": r.entry.limit,
                "missing": r.missing,
                "command": " ".join(r.words()) if not r.missing else None,
                "medians": [] if r.missing else [finite(r.median(unit)) for unit in units],
                "samples": [[finite(sample[unit]) for sample in r.samples] for unit in units],
            } for r in result.runners],
        })
    return {**environment, "rows": rows}


def busy(data):
    """What disturbed a run."""
    most = max((row["others"] for row in data["rows"]), default=0)
    if most <= BUSY:
        return "Nothing else ran."
    return f"Other programs used up to {most:.0%} of the processors meanwhile, which blurs it."


def as_json(data):
    """Lists of numbers or words in a line each."""
    text = json.dumps(data, indent=1)
    return re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"
