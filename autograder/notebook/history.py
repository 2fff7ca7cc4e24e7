"""The cells that ran in this notebook, as its kernel remembers them. They are read as text and not run again."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any

from autograder.course.cells import Cell, Extraction, module_of

NOTEBOOK = "this notebook"  # its name in messages: a kernel does not know the file


def shell() -> Any:
    """IPython's shell, or None in plain Python. IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def module(own: Collection[str]) -> Extraction:
    """The module in the cells that ran, in the order in which they ran.

    own : modules that are handed in beside it.
    """
    current = shell()
    if current is None:
        return module_of([])
    sources = current.history_manager.input_hist_raw  # with magics as they were typed; the first entry is empty
    cells = [Cell(number, source) for number, source in enumerate(sources) if source]
    return module_of(cells, own)
