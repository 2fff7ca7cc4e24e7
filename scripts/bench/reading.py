"""Four pages read by the reference of `ocr`: letters found, lines, character error rate of each, and of all.

The rate is Levenshtein's distance, newlines read like characters, over the number of letters. The pages are the four
photographs where DEEPGRADE_DATA names a folder that has them, and drawn ones elsewhere; the table says which.
"""

from __future__ import annotations

from typing import Any

from autograder import datasets
from autograder.student.local import Local
from bench.page import REPOSITORY, Section


def read(code: Local) -> list[dict[str, Any]]:
    """A row for each page, and one for all together."""
    classify, rows = datasets.character_reader(), []
    for page in datasets.pages():
        boxes, _ = code.find_letters(page.image)
        lines = [len(line) for line in code.group_lines(boxes)]
        wrong = code.character_error_rate(code.read_text(page.image, classify), page.text) * len(page.text)
        rows.append(
            {
                "page": page.name,
                "source": page.source,
                "letters": page.count,
                "found": len(boxes),
                "lines": "all"
                if lines == list(map(len, page.lines))
                else f"{len(lines)} of {len(page.lines)}, or other lengths",
                "wrong": round(wrong),
            }
        )
    total: dict[str, Any] = {name: sum(row[name] for row in rows) for name in ("letters", "found", "wrong")}
    total |= {"page": "all", "source": rows[0]["source"], "lines": ""}
    rows.append(total)
    return [{**row, "cer_percent": 100 * row["wrong"] / row["letters"]} for row in rows]


def measure(rounds: int) -> Section:
    rows = read(Local(REPOSITORY / "solutions" / "ocr", "ocr"))
    columns = ("page", "letters", "found", "lines", "wrong", "character error rate")
    section = Section("make bench ARGS=reading", columns, note=rows[0]["source"])
    for row in rows:
        counts = (str(row["letters"]), str(row["found"]), row["lines"], str(row["wrong"]))
        section.rows.append((row["page"], *counts, f"{row['cer_percent']:.2f} %"))
    return section
