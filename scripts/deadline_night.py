"""A deadline night, simulated: how long does a report take with so many students and so many cores?

    scripts/deadline_night.py --students 5000 --assignment softmax --assignment backprop

The model, so that it can be judged:

    first upload    of each student, so long before the deadline that the density falls as 1 / (time left + 10 min): the
                    pressure of a deadline is inverse to the time that is left (Alfi, Parisi and Pietronero, Nature
                    Physics 3, 746, 2007, on two conferences' registrations); the assignment is open for two weeks
    next upload     after a report the student is satisfied with a chance of 0.4; else thinks for 15 minutes (median
                    of a lognormal, sigma 1) and hands in again, if the deadline has not passed by then
    grading         one job occupies one core; its time has the mean of `make bench` on this repository's page, and
                    varies as a lognormal of sigma 0.4
    order           first come, first served. A student waits for his report before he hands in again, so the shares
                    that hold back a flood have nothing to do here.

What was measured is the time of a grading. What was not, and stands in the options: how students behave, and how this
machine's cores compare with yours. The same seed prints the same figures.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from autograder.cli.console import table

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "benchmarks.md"
RATE = re.compile(r"^\| (\w+): graded by the service \| ([\d.]+) a minute a core \|", re.MULTILINE)

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
OPEN = 14 * DAY
SOFTEN = 10 * MINUTE  # nearer to the deadline than this the pressure grows no more
SATISFIED = 0.4
THINK, THINK_SIGMA = 15 * MINUTE, 1.0
GRADE_SIGMA = 0.4
CORES = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
GOAL = 5 * MINUTE  # for 95 of 100 reports on uploads of the last hour


@dataclass(frozen=True)
class Night:
    """What came of it. Waits are seconds from the receipt to the report, of the uploads of the last hour."""

    assignment: str
    cores: int
    uploads: int
    last_hour: int
    busiest_minute: int
    load: float  # work that came in the last hour / what the cores can do in an hour
    median: float
    p95: float
    p99: float
    longest: float
    after: float  # seconds after the deadline until the last report


def rates(page: str) -> dict[str, float]:
    """Jobs a minute of one core, by assignment, as `make bench` has written them."""
    return {name: float(rate) for name, rate in RATE.findall(page)}


def first_upload(draw: random.Random) -> float:
    """Seconds since the opening: the inverse of the distribution, at a uniform random number."""
    left = SOFTEN * ((1 + OPEN / SOFTEN) ** draw.random() - 1)
    return OPEN - left


Upload = tuple[float, int, float]  # when it came, of which student, the seconds of its grading


def simulate(assignment: str, jobs_per_minute: float, *, students: int, cores: int, seed: int) -> Night:
    uploads, waits = _run(jobs_per_minute, students=students, cores=cores, seed=seed)
    received = [at for at, _, _ in uploads]
    work = sum(seconds for at, _, seconds in uploads if at >= OPEN - HOUR)
    last = sorted(wait for at, wait in zip(received, waits, strict=True) if at >= OPEN - HOUR)
    minutes: dict[int, int] = {}
    for at in received:
        minutes[int(at // MINUTE)] = minutes.get(int(at // MINUTE), 0) + 1
    return Night(
        assignment,
        cores,
        uploads=len(received),
        last_hour=len(last),
        busiest_minute=max(minutes.values()),
        load=work / (cores * HOUR),
        median=quantile(last, 0.5),
        p95=quantile(last, 0.95),
        p99=quantile(last, 0.99),
        longest=last[-1],
        after=max(0.0, max(at + wait for at, wait in zip(received, waits, strict=True)) - OPEN),
    )


def arrivals(jobs_per_minute: float, *, students: int, cores: int, seed: int) -> list[Upload]:
    """All uploads, in the order of time."""
    return _run(jobs_per_minute, students=students, cores=cores, seed=seed)[0]


def _run(jobs_per_minute: float, *, students: int, cores: int, seed: int) -> tuple[list[Upload], list[float]]:
    """All uploads, and the seconds until the report of each."""
    draw = random.Random(seed)
    mean = MINUTE / jobs_per_minute
    # Each student draws from a source of his own: with other hardware he behaves the same as far as he can.
    sources = [random.Random(draw.getrandbits(64)) for _ in range(students)]
    waiting = [(first_upload(source), number) for number, source in enumerate(sources)]
    heapq.heapify(waiting)
    free = [0.0] * cores  # when each core has done what it has taken
    uploads: list[Upload] = []
    waits: list[float] = []
    while waiting:
        at, student = heapq.heappop(waiting)
        source = sources[student]
        seconds = mean * math.exp(source.gauss(0, GRADE_SIGMA) - GRADE_SIGMA**2 / 2)
        done = max(at, heapq.heappop(free)) + seconds
        heapq.heappush(free, done)
        uploads.append((at, student, seconds))
        waits.append(done - at)
        satisfied, thinks = source.random() < SATISFIED, THINK * math.exp(source.gauss(0, THINK_SIGMA))
        if not satisfied and done + thinks < OPEN:
            heapq.heappush(waiting, (done + thinks, student))
    return uploads, waits


def quantile(ordered: Sequence[float], q: float) -> float:
    """The smallest value that at least the share q does not exceed."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def enough(nights: Sequence[Night]) -> Night | None:
    """The smallest machine on which 95 of 100 reports of the last hour come within the goal."""
    return next((night for night in sorted(nights, key=lambda night: night.cores) if night.p95 <= GOAL), None)


def span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 100 * MINUTE else f"{seconds / HOUR:.1f} h"


def draw(nights: Sequence[Night], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    for name in dict.fromkeys(night.assignment for night in nights):
        chosen = [night for night in nights if night.assignment == name]
        (line,) = axes.plot(
            [night.cores for night in chosen],
            [night.p95 / MINUTE for night in chosen],
            "o-",
            label=f"{name}, 95 of 100",
        )
        axes.plot(
            [night.cores for night in chosen],
            [night.median / MINUTE for night in chosen],
            "o--",
            color=line.get_color(),
            alpha=0.5,
            label=f"{name}, median",
        )
    axes.axhline(GOAL / MINUTE, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(sorted({night.cores for night in nights}), [str(c) for c in sorted({n.cores for n in nights})])
    axes.minorticks_off()
    axes.set_xlabel("cores that grade")
    axes.set_ylabel("minutes from receipt to report")
    axes.set_title("Uploads of the last hour before the deadline")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> int:
    about, _, model = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=model, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--students", type=int, default=5000)
    parser.add_argument("--assignment", action="append", metavar="NAME", help="again for more; all measured ones")
    parser.add_argument("--rate", type=float, metavar="JOBS", help="jobs a minute of one core, instead of the measured")
    parser.add_argument("--cores", type=int, action="append", metavar="N", help="again for more; a row of sizes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--png", type=Path, metavar="FILE", help="draw waiting time over cores")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    if options.students < 1 or min(options.cores or [1]) < 1 or (options.rate is not None and options.rate <= 0):
        parser.error("--students, --cores and --rate must be above zero")
    measured = rates(PAGE.read_text(encoding="utf-8"))
    names = options.assignment or sorted(measured) or ["any"]
    console = Console(highlight=False)
    nights: list[Night] = []
    for name in names:
        rate = options.rate or measured.get(name)
        if rate is None:
            parser.error(
                f"{name}: {PAGE.relative_to(REPOSITORY)} has no rate of it; run `make bench ARGS=jobs`, or say --rate"
            )
        for cores in options.cores or CORES:
            nights.append(simulate(name, rate, students=options.students, cores=cores, seed=options.seed))
            if not options.cores and nights[-1].p99 <= 2 * MINUTE / rate * 2 and nights[-1].load < 0.5:
                break  # more cores change nothing
    if options.png:
        draw(nights, options.png)
    if options.json:
        json.dump([asdict(night) for night in nights], sys.stdout, indent=2)
        print()
        return 0
    rows = table(
        "Assignment", "Cores", "Uploads", "Last hour", "Load", "Median", "95 %", "99 %", "Longest", "Last report after",
        numbers=("Cores", "Uploads", "Last hour", "Load", "Median", "95 %", "99 %", "Longest", "Last report after"),
        title=f"{options.students} students, seed {options.seed}; waits of the uploads of the last hour",
    )  # fmt: skip
    for night in nights:
        waits = (night.median, night.p95, night.p99, night.longest, night.after)
        rows.add_row(
            night.assignment,
            str(night.cores),
            str(night.uploads),
            str(night.last_hour),
            f"{night.load:.2f}",
            *map(span, waits),
        )
    console.print(rows)
    for name in names:
        best = enough([night for night in nights if night.assignment == name])
        words = f"{best.cores} cores" if best else "more cores than were tried"
        console.print(
            f"{name}: {words} for 95 of 100 reports of the last hour within {span(GOAL)}"
            + (f"; the busiest minute brings {best.busiest_minute} uploads" if best else "")
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
