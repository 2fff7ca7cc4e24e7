"""The table of threats: runs every test that is marked with a row of tests/threats.toml, and writes docs/security.md.

    tests/support/threats.py             # run them all, and write the table
    tests/support/threats.py --all       # the same, in a run of the whole suite
    tests/support/threats.py --check     # run nothing: is the table of today's tests, and is every row tried?

The table stands between two marks of that page; the rest of the page is written by hand.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import os
import platform
import re
import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cases
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROWS = REPOSITORY / "tests" / "threats.toml"
PAGE = REPOSITORY / "docs" / "security.md"
BEGIN, END = "<!-- threats: written by `make threats` -->", "<!-- threats: end -->"
ATTACK = re.compile(
    r"tests/test_hostile(?:_training|_suites)?\.py::test_an_attack_(?:gets_what_it_deserves|gains_nothing)\[(\w+)(?:-again)?\]$"
)
BAD = ("failed", "error")


@dataclass
class Found:
    """Of all marked tests: which rows each tries, and how it ended; by the name under which the page lists it."""

    rows: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    outcomes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def saw(self, nodeid: str, properties: list[tuple[str, Any]], outcome: str = "") -> None:
        for name, value in properties:
            if name == "threat":
                self.rows[listed(nodeid)] |= set(value[0])
                self.outcomes[listed(nodeid)] |= {outcome} - {""}

    # hooks of pytest

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            self.saw(item.nodeid, item.user_properties)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.saw(report.nodeid, report.user_properties, report.outcome)


def listed(nodeid: str) -> str:
    """An attack goes by its folder, any other test by its function."""
    attack = ATTACK.search(nodeid)
    if attack:
        return f"hostile/{attack[1]}"
    return nodeid.partition("[")[0].removeprefix("tests/")


def threats() -> dict[str, dict[int, list[str]]]:
    """Group -> row -> [what is tried, what must happen] and what of it is not tried, and why."""
    with ROWS.open("rb") as file:
        groups = tomllib.load(file)
    return {group: {int(row): words for row, words in rows.items()} for group, rows in groups.items()}


def collect() -> Found:
    found, said = Found(), io.StringIO()
    with contextlib.redirect_stdout(said):
        code = pytest.main(["--collect-only", "-m", "threat", str(REPOSITORY / "tests")], [found])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        sys.exit(f"the tests cannot be collected: {said.getvalue()[-2000:]}")
    return found


def run(processes: str, *, everything: bool) -> Found:
    found = Found()
    os.environ[cases.ALL] = "1"  # the page is of every case, whatever the commit
    parallel = ["--numprocesses", processes, "--dist", "loadfile", "--no-loadscope-reorder"]
    chosen = ["--deselect", "tests/test_threats.py"] if everything else ["-m", "threat"]
    pytest.main([*chosen, *parallel, str(REPOSITORY / "tests")], [found])
    return found


def table(found: Found) -> str:
    """Markdown: a table for each group."""
    lines = []
    for group, rows in threats().items():
        lines += [f"### {group.capitalize()}", "", "| row | what is tried | what must happen | seen | by |"]
        lines += ["|---:|---|---|---|---|"]
        for row, (tried, expected, *why_not) in rows.items():
            tests = sorted(test for test, numbers in found.rows.items() if row in numbers)
            words = [" ".join(f"`{test}`" for test in tests)] if tests else []
            if why_not or not tests:
                words.append(f"Not tried: {cell(why_not[0]) if why_not else 'nobody knows why'}.")
            names = " ".join(words)
            lines.append(f"| {row} | {cell(tried)} | {cell(expected)} | {seen(found, tests)} | {names} |")
        lines.append("")
    return "\n".join(lines)


def cell(words: str) -> str:
    return words.replace("|", "\\|")


def seen(found: Found, tests: list[str]) -> str:
    outcomes = set().union(*(found.outcomes[test] for test in tests)) if tests else set()
    if outcomes & {*BAD}:
        return "**no**"
    if "passed" not in outcomes:
        return "not run"
    skipped = [test for test in tests if "passed" not in found.outcomes[test]]
    return f"yes, but for {len(skipped)} skipped" if skipped else "yes"


def write(found: Found) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    where = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    today = datetime.datetime.now(datetime.UTC).date()
    words = f"{len(found.rows)} tests and attacks, run on {today} ({where}):"
    PAGE.write_text(f"{before}{BEGIN}\n\n{words}\n\n{table(found)}\n{END}{after}", encoding="utf-8")


def complaints(found: Found) -> list[str]:
    """What the page does not say of today's tests, and rows that nothing tries."""
    known = {row: words for rows in threats().values() for row, words in rows.items()}
    tried = set().union(*found.rows.values()) if found.rows else set()
    said = [
        f"row {row} is tried by nothing, and tests/threats.toml does not say why"
        for row, words in known.items()
        if row not in tried and len(words) < 3
    ]
    said += [
        f"{test} tries row {row}, which is none of tests/threats.toml"
        for test, rows in found.rows.items()
        for row in sorted(rows - known.keys())
    ]
    page = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    on_page: dict[str, set[int]] = defaultdict(set)
    for line in page.splitlines():
        if match := re.match(r"\| (\d+) \|", line):
            for test in re.findall(r"`((?:hostile/|[\w/]+\.py::)\w+)`", line.rpartition(" | ")[2]):
                on_page[test].add(int(match[1]))
    if on_page != found.rows:
        other = sorted(test for test in on_page.keys() | found.rows.keys() if on_page.get(test) != found.rows.get(test))
        said.append(f"docs/security.md is of other tests ({', '.join(other[:5])}); write it with `make threats`")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="run nothing; exit 1 where the page is not of today's tests"
    )
    parser.add_argument("--all", action="store_true", help="run every test of the suite, not these alone")
    parser.add_argument("--processes", default="auto", help="how many tests at once")
    options = parser.parse_args()
    if options.check:
        said = complaints(collect())
        print("\n".join(said) or "docs/security.md is of today's tests, and every row is tried")
        sys.exit(1 if said else 0)
    found = run(options.processes, everything=options.all)
    write(found)
    bad = sorted(test for test, outcomes in found.outcomes.items() if outcomes & {*BAD})
    print("\n".join(f"failed: {test}" for test in bad) or f"{len(found.rows)} tests and attacks; {PAGE} is written")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
