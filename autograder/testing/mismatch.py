"""What is wrong with an answer: every failure of a comparison is a `Mismatch`."""

from __future__ import annotations

from typing import Literal

import numpy as np

Kind = Literal[
    "wrong_value",
    "wrong_shape",
    "wrong_dtype",
    "wrong_type",
    "not_finite",
    "changed_input",
    "no_error",
    "unstable",
    "too_slow",
    "too_costly",
    "below_bar",
    "above_chance",
]


class Mismatch(AssertionError):
    """What came back is not what the law demands."""

    def __init__(self, message: str, kind: Kind = "wrong_value", advice: str = "", measured: str = "") -> None:
        """Students read these two of hidden tests, too, so they must hold nothing hidden and few digits:

        advice : what to look at next.   measured : a number beside its bar, behind the sentence of the kind.
        """
        super().__init__(message)
        self.kind, self.advice, self.measured = kind, advice, measured


def check(condition: object, message: str, kind: Kind = "wrong_value") -> None:
    """Fail with `message` unless `condition` holds; `message` says what was found and what was expected."""
    if not (isinstance(condition, (bool, np.bool_)) and bool(condition)):
        raise Mismatch(message, kind)
