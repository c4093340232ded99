"""The results as a picture: for each row the ratio of each contender to the best rival."""

import math
import textwrap
from xml.sax.saxutils import escape

from output import busy

LEFT, RIGHT, LINE, WIDTH = 330, 200, 26, 1080
SMALLEST, LARGEST = 0.05, 1000.0   # of the axis, as far as the results reach

# Colours that can be told apart on white and on black; text follows the reader's choice.
STYLE = """
  text { font: 13px sans-serif; fill: #222; }
  .faint { stroke: #888; stroke-opacity: 0.25; }
  .one { stroke: #888; stroke-width: 1.5; }
  .rival { fill: none; stroke: #888; stroke-width: 1.5; }
  .ours { fill: #1a7f4b; }
  .behind { fill: #c2410c; }
  .number { font-weight: bold; }
  .small { font-size: 11px; }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd; }
    .ours { fill: #3fbf7f; }
    .behind { fill: #f08a4b; }
  }
"""


def lines_of(rows):
    """(title, best rival, [(label, ratio, ours)]) for each unit of each row that has a rival."""
    found = []
    for row in rows:
        there = [c for c in row["contenders"] if not c["missing"] and not c["limit"]]
        for unit, name in enumerate(row["units"]):
            medians = {c["label"]: math.inf if c["medians"][unit] is None else c["medians"][unit]
                       for c in there}
            best = row["best"][unit]
            if not best or not any(c["ours"] for c in there):
                continue
            title = f"  {name}" if unit else row["title"]
            if name.startswith("bytes"):
                title += ", bytes"
            found.append((title, best, [(c["label"], medians[c["label"]] / medians[best], c["ours"])
                                        for c in there]))
    return found


def caption(data):
    """Lines that say when it was measured, where, and with what."""
    machine, versions = data.get("machine", {}), data.get("versions", {})
    names = ("cede", "boost", "go", "rust", "tbb", "libuv", "java")
    where = [str(machine[key]) for key in ("processor", "kernel", "system") if key in machine]
    where.append(f"{machine.get('cores', '?')} cores")
    text = "; ".join([data.get("date", ""), *where,
                      *(versions[name] for name in names if name in versions)])
    return textwrap.wrap(f"{text}. {busy(data)}", 160)


def number(ratio):
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def draw(data):
    lines = lines_of(data["rows"])
    ratios = [1] + [ratio for _, _, dots in lines for _, ratio, _ in dots]
    low = max(min(ratios), SMALLEST) / 1.3
    high = min(max(ratios), LARGEST) * 1.3
    above = caption(data)
    top = 70 + 16 * len(above)
    height = top + LINE * len(lines) + 40

    def x(ratio):
        ratio = min(max(ratio, low), high)
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(ratio / low) / math.log(high / low)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}" role="img">',
           "<title>Ratios to the best rival</title>", f"<style>{STYLE}</style>",
           '<text x="16" y="26" class="number">Time or memory, as a multiple of the best rival\'s '
           '(less is better)</text>']
    for i, line in enumerate(above):
        out.append(f'<text x="16" y="{46 + 16 * i}" class="small">{escape(line)}</text>')
    for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        if low <= tick <= high:
            style = "one" if tick == 1 else "faint"
            out.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top - 12}" '
                       f'y2="{height - 36}" class="{style}"/>'
                       f'<text x="{x(tick):.1f}" y="{top - 18}" class="small" '
                       f'text-anchor="middle">{tick:g}</text>')
    for i, (title, best, dots) in enumerate(lines):
        y = top + LINE * i + LINE / 2
        out.append(f'<text x="16" y="{y + 4:.1f}" xml:space="preserve">{escape(title)}</text>')
        for label, ratio, ours in sorted(dots, key=lambda dot: dot[2]):
            tip = f"<title>{escape(label)}: {number(ratio)}</title>"
            if ours:
                style = "ours" if ratio <= 1 else "behind"
                out.append(f'<rect x="{x(ratio) - 5.5:.1f}" y="{y - 5.5:.1f}" width="11" '
                           f'height="11" class="{style}">{tip}</rect>')
            else:
                out.append(f'<circle cx="{x(ratio):.1f}" cy="{y:.1f}" r="4" class="rival">'
                           f"{tip}</circle>")
        first = next(ratio for _, ratio, ours in dots if ours)
        style = "ours" if first <= 1 else "behind"
        out.append(f'<text x="{WIDTH - 140}" y="{y + 4:.1f}" text-anchor="end" '
                   f'class="number {style}">{number(first)}</text>'
                   f'<text x="{WIDTH - 132}" y="{y + 4:.1f}" class="small">'
                   f"\u00d7 {escape(best)}</text>")
    y = height - 12
    out.append(f'<rect x="16" y="{y - 10}" width="11" height="11" class="ours"/>'
               f'<text x="34" y="{y}" class="small">cede, ahead</text>'
               f'<rect x="124" y="{y - 10}" width="11" height="11" class="behind"/>'
               f'<text x="142" y="{y}" class="small">cede, behind</text>'
               f'<circle cx="242" cy="{y - 4}" r="4" class="rival"/>'
               f'<text x="254" y="{y}" class="small">a rival</text></svg>')
    return "\n".join(out) + "\n"
