"""A section's figures: a table in the terminal, and the same between two marks of docs/benchmarks.md.

What stands around the marks is written by hand. A section that has no marks yet gets them at the end of the page.
"""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from autograder.cli.console import table

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAGE = REPOSITORY / "docs" / "benchmarks.md"
console = Console(highlight=False)


@dataclass
class Section:
    """What one command measured."""

    command: str  # that prints it again
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    note: str = ""  # of the machine or the data, beside the usual

    def show(self) -> None:
        printed = table(*self.columns, numbers=tuple(self.columns[1:]), title=self.command)
        for row in self.rows:
            printed.add_row(*row)
        console.print(printed)

    def write(self, name: str) -> None:
        text = PAGE.read_text(encoding="utf-8")
        begin, end = f"<!-- make bench {name}: begin -->", f"<!-- make bench {name}: end -->"
        if begin not in text:
            text = f"{text.rstrip()}\n\n{begin}\n{end}\n"
        head, _, rest = text.partition(begin)
        _, _, tail = rest.partition(end)
        where = f"{machine()}{f'; {self.note}' if self.note else ''}"
        lines = [f"`{self.command}`, {datetime.date.today():%Y-%m-%d}, {where}.", ""]
        lines += [f"| {' | '.join(self.columns)} |", f"|{'---|' * len(self.columns)}"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        PAGE.write_text(f"{head}{begin}\n" + "\n".join(lines) + f"\n{end}{tail}", encoding="utf-8")
        console.print(f"{PAGE.relative_to(REPOSITORY)}: {name} is written")


def shown(seconds: Sequence[float], unit: float, name: str) -> tuple[str, str]:
    """The median, and the range."""
    middle, low, high = (f"{value / unit:.3g}" for value in (statistics.median(seconds), min(seconds), max(seconds)))
    return f"{middle} {name}", f"{low} to {high}"


def machine() -> str:
    model = platform.processor()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}, numpy {np.__version__}"


Measure = Callable[[int], Section]  # from the number of rounds
