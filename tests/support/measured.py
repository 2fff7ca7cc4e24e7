"""What a calibration measured, as a handout tells it: "97 to 100 %"."""

from __future__ import annotations

import json
import math
from pathlib import Path

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions"


def span(name: str, decimals: int = 0) -> str:
    """ "LEAST to MOST" of what right answers reached in the training tests of an assignment, the least rounded down and
    the most rounded up."""
    measured = json.loads((SOLUTIONS / name / "calibration.json").read_text(encoding="utf-8"))["cpu"]
    values = [value for test in measured.values() for one in test["measured"].values() for value in one["values"]]
    least, most = math.floor(min(values) * 10**decimals), math.ceil(max(values) * 10**decimals)
    return f"{least / 10**decimals:.{decimals}f} to {most / 10**decimals:.{decimals}f}"
