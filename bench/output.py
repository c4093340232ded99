"""The results as text, and as JSON."""

import json
import math
import os
import platform
import subprocess

from rows import BARE, BEST


def value(number):
    """Three digits or all before the point: 0.512, 5.12, 51.2, 5,120."""
    if math.isinf(number):
        return "inf"
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.{max(0, 2 - math.floor(math.log10(number)))}f}" if number >= 0.01 else "0"


def ratio(number, reference):
    return value(number / reference) if reference and number >= 0.01 * reference else "-"


def judge(result, unit):
    """What became of the goal, as a sentence; None without one."""
    goal, first = result.row.goals[unit], result.runners[0]
    if not goal:
        return None
    factor, of = goal
    wanted = f"{value(factor)} x {of}" if of else value(factor)
    reference = result.reference(of, unit)
    if first.missing:
        return f"goal of {first.entry.label}: {wanted}; not measured"
    if not reference:
        return f"goal of {first.entry.label}: {wanted}; {of} was not measured"
    part = first.median(unit) / (factor * reference)
    verdict = (f"met, with {value(part)} of it" if part <= 1 else
               f"missed, by a factor of {value(part)}")
    return f"goal of {first.entry.label}: {wanted} = {value(factor * reference)}; {verdict}"


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
        sentence = judge(result, unit)
        if sentence:
            lines.append(f"  {sentence}")
    lines += [f"  without {r.entry.label}: {r.missing}" for r in result.runners if r.missing]
    if result.others > 0.05:
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


def as_json(environment, results):
    rows = []
    for result in results:
        rows.append({
            "name": result.row.name, "title": result.row.title, "units": result.row.units,
            "goals": [judge(result, unit) for unit in range(len(result.row.units))],
            "bare_switch": [sample[0] for sample in result.bare.samples],
            "others": round(result.others, 3),
            "contenders": [{
                "label": r.entry.label, "ours": r.entry.ours, "limit": r.entry.limit,
                "missing": r.missing, "command": r.command() if not r.missing else None,
                "environment": r.entry.environment,
                "samples": [[finite(number) for number in sample] for sample in r.samples],
            } for r in result.runners],
        })
    return json.dumps({**environment, "best_rival_is": BEST, "rows": rows}, indent=1) + "\n"
