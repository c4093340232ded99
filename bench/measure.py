"""Measuring a row: all contenders in turn, round after round, so that a machine that grows slower
or faster meanwhile does so for all of them."""

import os
import resource
import statistics
import subprocess

import contenders
from missing import Missing
from rows import BARE_ENTRY, BEST

RUN_LIMIT = 60   # seconds; a run that takes longer is given up
TOO_EARLY = 3    # exit status: the sleepers need a longer pause before the first of them wakes
NOT_OFFERED = 4  # exit status: the row asks for what this version does not have
PAUSE_MAX = 24   # seconds


class TooEarly(Exception):
    """The row has to be run again with a longer pause."""


def execute(words, environment):
    """What a process that ends well prints; Missing if it does not."""
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={**os.environ, **environment}) as process:
        try:
            out, err = process.communicate(timeout=RUN_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Missing(f"took more than {RUN_LIMIT} s") from None
    if process.returncode == TOO_EARLY:
        raise TooEarly
    if process.returncode:
        lines = err.decode(errors="replace").strip().splitlines()
        raise Missing(lines[-1] if lines else f"exit status {process.returncode}",
                      process.returncode != NOT_OFFERED)
    return out.decode(errors="replace")


def numbers_of(text, count):
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != count or any(number < 0 for number in numbers):
        raise Missing(f"printed {text.strip()[:60]!r} instead of {count} numbers")
    return numbers


class Runner:
    """An entry of a row, and what it has measured: `samples`, a list of numbers for each run; or
    `missing`, why not, and whether that is a failure."""

    def __init__(self, row, entry, directory):
        self.row, self.entry, self.directory = row, entry, directory
        self.n = None if entry is BARE_ENTRY else entry.n or row.n
        self.tasks = row.tasks
        self.samples, self.missing, self.failed = [], None, False

    def command(self):
        return contenders.command(self.entry, self.row, self.n, self.tasks, self.directory)

    def words(self):
        """The command as one would type it in the directory of the sources."""
        words = [f"{k}={v}" for k, v in self.entry.environment.items()] + self.command()
        return [word.replace(f"{contenders.ROOT}/", "") for word in words]

    def run(self):
        """The numbers of one run."""
        while True:
            try:
                out = execute(self.command(), self.entry.environment)
                return numbers_of(out, 1 if self.entry is BARE_ENTRY else len(self.row.units))
            except TooEarly:
                self.tasks *= 2
                if self.tasks > PAUSE_MAX:
                    raise Missing("they never all sleep at the same time") from None

    def calibrate(self, seconds):
        """Finds how many operations take about so long."""
        bare = self.entry is BARE_ENTRY
        step = 1000 if bare else self.row.step
        if self.n or (self.row.whole and not bare):
            return
        self.n = step
        for _ in range(6):
            took = max(self.run()[0], 0.01) * self.n / 1e9
            steps = max(1, round(self.n / step * min(seconds / took, 100)))
            grown = steps / (self.n / step)
            self.n = steps * step
            if 0.5 < grown < 2 or steps == 1:
                return

    def check(self):
        if self.row.check and self.entry.ours:
            self.row.check(self.command()[1:], self.directory)  # without the word `whole`

    def attempt(self, function, *arguments):
        if not self.missing:
            try:
                return function(*arguments)
            except Missing as reason:
                self.missing, self.failed = str(reason), reason.failed
        return None

    def median(self, unit):
        return statistics.median(s[unit] for s in self.samples)

    def extremes(self, unit):
        values = [s[unit] for s in self.samples]
        return min(values), max(values)


class Result:
    """What became of a row: its runners, the yardstick's, and how busy others were meanwhile."""

    def __init__(self, row, runners, bare, others):
        self.row, self.runners, self.bare, self.others = row, runners, bare, others

    def present(self):
        return [r for r in self.runners if not r.missing]

    def best_rival(self, unit):
        rivals = [r for r in self.present() if not r.entry.ours and not r.entry.limit]
        return min(rivals, key=lambda r: r.median(unit), default=None)

    def reference(self, of, unit):
        """What a goal refers to; None if it was not measured."""
        if of is None:
            return 1.0
        if of == BEST:
            best = self.best_rival(unit)
            return best.median(unit) if best else None
        if of == BARE_ENTRY.label:
            return None if self.bare.missing else self.bare.median(0)
        found = next((r for r in self.present() if r.entry.label == of), None)
        return found.median(unit) if found else None


class Load:
    """How much of the processors others use, while this and its children run."""

    def __init__(self):
        self.start = self.read()

    @staticmethod
    def read():
        with open("/proc/stat") as file:
            user, nice, system, idle, wait, irq, softirq, steal = map(
                int, file.readline().split()[1:9])
        usages = (resource.getrusage(who) for who in
                  (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        own = sum(u.ru_utime + u.ru_stime for u in usages)
        hertz = os.sysconf("SC_CLK_TCK")
        busy = (user + nice + system + irq + softirq + steal) / hertz
        return busy, busy + (idle + wait) / hertz, own

    def others(self):
        """From 0 to 1, since it was made."""
        busy, total, own = (now - then for now, then in zip(self.read(), self.start))
        return max(0.0, (busy - own) / total) if total > 0 else 0.0


def measure(row, unavailable, rounds, seconds, directory, progress):
    """unavailable: {contender: why}. progress(label) is called before each run."""
    load = Load()
    runners = [Runner(row, entry, directory) for entry in row.entries]
    bare = Runner(row, BARE_ENTRY, directory)
    for runner in [bare] + runners:
        runner.missing = unavailable.get(runner.entry.contender)
        progress(runner.entry.label)
        runner.attempt(runner.check)
        runner.attempt(runner.calibrate, seconds)
    for _ in range(min(rounds, row.rounds or rounds)):
        for runner in [bare] + runners:
            progress(runner.entry.label)
            numbers = runner.attempt(runner.run)
            if numbers:
                runner.samples.append(numbers)
    return Result(row, runners, bare, load.others())
