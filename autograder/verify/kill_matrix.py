"""Kill matrices as pages: the results of `verify`, stored beside the code and compared with the current sources.

    docs/kill_matrices/softmax.md     sources: <sha256>; a table of wrong answers, with the tests that kill each and the
                                      points that it loses; what probes earn

A page names the hash of its sources. When a source changes, the page is stale until it is written again.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from autograder.verify.soundness import Kill, Soundness

SOURCES = re.compile(r"^Sources: `([0-9a-f]{64})`", re.MULTILINE)
HEAD = ("| wrong answer | points lost | of these, outside | dies by | and by |", "|---|---:|---:|---|---|")


def write(soundness: Soundness, folder: Path) -> Path:
    """Write the page of one assignment. Raises ValueError if it is unsound, or if `verify` made no matrix."""
    if not soundness.sound or not soundness.kills or not soundness.whole:
        raise ValueError(f"{soundness.assignment} is unsound, or has no kill matrix, so there is nothing to show")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{soundness.assignment}.md"
    path.write_text(page(soundness), encoding="utf-8")
    return path


def sources_of(path: Path) -> str | None:
    """The hash of the sources in a page; None if the page has none."""
    match = SOURCES.search(path.read_text(encoding="utf-8"))
    return match[1] if match else None


def page(soundness: Soundness) -> str:
    """Markdown: the wrong answers to each function, the test that each names, and all other tests that kill it."""
    summary = f"{len(soundness.kills)} wrong answers; every one dies by the test it names."
    counts = {test: sum(test in kill.killed_by for kill in soundness.kills) for test in soundness.tests}
    lines = [
        f"# Kill matrix of {soundness.assignment}",
        "",
        f"Written by `deepgrade verify --matrix --write docs/kill_matrices {soundness.assignment}`; do not edit.",
        "",
        f"{summary} Full marks: the reference, {', '.join(soundness.variants)}.",
        "",
        f"Sources: `{soundness.sources_sha256}`",
    ]
    for target, kills in itertools.groupby(sorted(soundness.kills, key=_target), _target):
        lines += ["", f"## {target}", "", *HEAD]
        lines += [_row(kill) for kill in kills]
    lines += _points_lost(soundness)
    lines += ["", "## How many each test kills", "", "| test | wrong answers |", "|---|---:|"]
    lines += [f"| `{test}` | {count} |" for test, count in counts.items()]
    lines += ["", "## Probes", "", f"What files earn that know nothing; at most {_limit(soundness)} points each."]
    lines += ["", "| probe | points | by |", "|---|---:|---|"]
    lines += [f"| {earning.probe} | {earning.points:g} | {_code(earning.tests)} |" for earning in soundness.probes]
    return "\n".join(lines) + "\n"


def _target(kill: Kill) -> str:
    return kill.target


def _row(kill: Kill) -> str:
    others = _code([test for test in kill.killed_by if test != kill.named])
    points = f"{kill.points_lost:g} | {kill.points_lost_outside:g}"
    return f"| {kill.mutant.replace('_', ' ')} | {points} | `{kill.named}` | {others} |"


def _points_lost(soundness: Soundness) -> list[str]:
    """Median, 95 % and maximum over all wrong answers."""
    spreads = soundness.points_lost
    if spreads is None:
        return []
    rows = [("points lost", spreads.lost), ("of these, outside", spreads.outside)]
    return [
        "",
        "## Points lost",
        "",
        "Outside: in tests of another problem than that of the test that the wrong answer names.",
        "",
        "| | median | 95 % | most |",
        "|---|---:|---:|---:|",
        *[f"| {name} | {row.median:g} | {row.high:g} | {row.most:g} |" for name, row in rows],
    ]


def _code(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _limit(soundness: Soundness) -> str:
    return f"{soundness.probes[0].limit:g}" if soundness.probes else "0"
