"""Reads four pages with a solution to an assignment: letters found, lines, character error rate of each, and of all.

    python scripts/bench_ocr.py                        the reference
    python scripts/bench_ocr.py --code FOLDER          ocr.py of another folder
    python scripts/bench_ocr.py --json

The rate is Levenshtein's distance, newlines read like characters, over the number of letters. The pages are the four
photographs where DEEPGRADE_DATA names a folder that has them, and drawn ones elsewhere; the table says which.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

from autograder import datasets

REPOSITORY = Path(__file__).resolve().parent.parent


def load(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("ocr", folder / "ocr.py")
    if spec is None or spec.loader is None or not (folder / "ocr.py").is_file():
        raise SystemExit(f"{folder / 'ocr.py'}: there is no such file; name a folder that holds one")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(folder: Path) -> list[dict[str, Any]]:
    """A row for each page, and one for all together."""
    code, classify, rows = load(folder), datasets.character_reader(), []
    for page in datasets.pages():
        began = time.perf_counter()
        boxes, _ = code.find_letters(page.image)
        lines = [len(line) for line in code.group_lines(boxes)]
        finding = time.perf_counter() - began
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
                "seconds": finding,
            }
        )
    total: dict[str, Any] = {name: sum(row[name] for row in rows) for name in ("letters", "found", "wrong")}
    total |= {"page": "all", "source": rows[0]["source"], "lines": "", "seconds": sum(row["seconds"] for row in rows)}
    rows.append(total)
    return [{**row, "cer_percent": 100 * row["wrong"] / row["letters"]} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description="Read four pages, and say how well.")
    parser.add_argument("--code", type=Path, default=REPOSITORY / "solutions" / "ocr", metavar="FOLDER")
    parser.add_argument("--json", action="store_true", help="for scripts")
    options = parser.parse_args()
    rows = measure(options.code)
    if options.json:
        print(json.dumps(rows))
        return
    table = Table(title=f"Reading four pages ({rows[0]['source']})")
    for name, justify in (("page", "left"), ("letters", "right"), ("found", "right"), ("lines", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("character error rate", justify="right")
    table.add_column("finding (s)", justify="right")
    for row in rows:
        rate = f"{row['cer_percent']:.2f} %  ({row['wrong']} of {row['letters']})"
        table.add_row(row["page"], str(row["letters"]), str(row["found"]), row["lines"], rate, f"{row['seconds']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
