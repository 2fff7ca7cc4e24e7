"""Kill matrices as pages: what `verify` saw, kept beside the code and checked to be of today's sources.

    docs/kill_matrices/softmax.md     sources: <sha256>; a table of wrong answers, with the tests that kill each and the
                                      points that it loses; what probes earn

A page tells which sources it was seen with. When any of these changes, the page is stale until it is written again.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from autograder.verify.soundness import Kill, Soundness

SOURCES = re.compile(r"^Sources: `([0-9a-f]{64})`", re.MULTILINE)


def write(soundness: Soundness, folder: Path) -> Path:
    """Write the page of one assignment. Raises ValueError for one that is unsound, and for a part of its mutants."""
    if not soundness.sound or not soundness.kills or soundness.every > 1:
        raise ValueError(f"{soundness.assignment} is unsound, or was tried in part, so there is nothing to show")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{soundness.assignment}.md"
    path.write_text(page(soundness), encoding="utf-8")
    return path


def sources_of(path: Path) -> str | None:
    """The hash of the sources that a page was seen with; None where it tells none."""
    found = SOURCES.search(path.read_text(encoding="utf-8"))
    return found[1] if found else None


def page(soundness: Soundness) -> str:
    """Markdown: the wrong answers to each function, the test that each names, and all others that kill it.

    Where each met only the test that it names (training them all on everything takes hours), the page says so.
    """
    met = "" if soundness.whole else ", the only one that it met"
    quick = "" if soundness.whole else "--quick "
    counts = {test: sum(test in kill.killed_by for kill in soundness.kills) for test in soundness.tests}
    lines = [
        f"# Kill matrix of {soundness.assignment}",
        "",
        f"Written by `deepgrade verify {quick}--write docs/kill_matrices {soundness.assignment}`; do not edit.",
        "",
        f"{len(soundness.kills)} wrong answers; every one dies by the test it names{met}. Full marks: the reference, "
        f"{', '.join(soundness.variants)}.",
        "",
        f"Sources: `{soundness.sources_sha256}`",
    ]
    for target, kills in itertools.groupby(sorted(soundness.kills, key=_target), _target):
        lines += ["", f"## {target}", "", *_head(soundness.whole)]
        lines += [_row(kill, soundness.whole) for kill in kills]
    lines += _points_lost(soundness)
    lines += ["", "## How many each test kills", "", "| test | wrong answers |", "|---|---:|"]
    lines += [f"| `{test}` | {count} |" for test, count in counts.items()]
    lines += ["", "## Probes", "", f"What files earn that know nothing; at most {_limit(soundness)} points each."]
    lines += ["", "| probe | points | by |", "|---|---:|---|"]
    lines += [f"| {one.probe} | {one.points:g} | {_code(one.tests)} |" for one in soundness.probes]
    return "\n".join(lines) + "\n"


def _target(kill: Kill) -> str:
    return kill.target


def _head(whole: bool) -> list[str]:
    if not whole:
        return ["| wrong answer | dies by | and by |", "|---|---|---|"]
    return ["| wrong answer | points lost | of these, outside | dies by | and by |", "|---|---:|---:|---|---|"]


def _row(kill: Kill, whole: bool) -> str:
    points = f" {kill.points_lost:g} | {kill.points_lost_outside:g} |" if whole else ""
    others = _code([test for test in kill.killed_by if test != kill.named])
    return f"| {kill.mutant.replace('_', ' ')} |{points} `{kill.named}` | {others} |"


def _points_lost(soundness: Soundness) -> list[str]:
    """Median, 95 % and maximum over all wrong answers: with the whole matrix alone."""
    found = soundness.points_lost
    if found is None:
        return []
    rows = [("points lost", found.lost), ("of these, outside", found.outside)]
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
