"""Figures of a report as PNG. The worker draws them once; the web process never draws.

A picture is named by the hash of its numbers. It is sent only to a viewer whose view of the report contains these
numbers, so a picture never shows more than the view.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator

import msgspec

from autograder.report import visibility
from autograder.report.numbers import beside
from autograder.report.schema import Figure, Report

log = logging.getLogger("deepgrade.worker")


def key(figure: Figure) -> str:
    return hashlib.sha256(msgspec.json.encode(figure)).hexdigest()[:32]


def figures_of(report: Report) -> Iterator[Figure]:
    for test in report.tests:
        yield from test.figures


def draw_all(report: Report) -> dict[str, bytes]:
    """PNGs by key, for all views. A figure that cannot be drawn is left out; its description remains."""
    views = (visibility.view(report, "student"), visibility.view(report, "staff"))
    figures_by_key = {key(figure): figure for view in views for figure in figures_of(view)}
    if not figures_by_key:
        return {}
    from autograder.report import figures  # matplotlib: the web process has no use for it, and a worker not always

    pictures = {}
    for name, figure in figures_by_key.items():
        try:
            pictures[name] = figures.draw(figure)
        except Exception:
            log.exception("a figure of kind %s cannot be drawn", figure.kind)
    return pictures


def description(figure: Figure) -> str:
    """A description of the picture, for people who cannot see it."""
    data = figure.data
    if figure.kind == "curve":
        ends = [f"{name} from {_number(ys[0])} to {_number(ys[-1])}" for name, ys in data["series"].items() if ys]
        return f"{figure.title}. Curves against {data['x_label']}: {'; '.join(ends)}."
    if figure.kind == "confusion":
        total = sum(map(sum, data["matrix"]))
        right = sum(row[i] for i, row in enumerate(data["matrix"]))
        return f"{figure.title}. Confusion matrix of {len(data['names'])} classes: {right} of {total} are right."
    if figure.kind == "images":
        return f"{figure.title}. Rows of pictures: {', '.join(str(row['label']) for row in data['rows'])}."
    if figure.kind == "page":
        return f"{figure.title}. A page with {len(data['boxes'])} boxes; read: {' / '.join(data['lines'])}"
    rows = [f"{row['name']} {_beside_its_bar(row)} {row.get('unit', '')}".rstrip() for row in data["rows"]]
    return f"{figure.title}. {'; '.join(rows)}."


def _beside_its_bar(row: dict[str, object]) -> str:
    value, bar = row["value"], row.get("bar")
    if isinstance(value, (int, float)) and isinstance(bar, (int, float)):
        return beside(value, bar)
    return _number(value)


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else str(value)
