"""The cells that ran in this notebook, as its kernel remembers them. They are read as text and not run again."""

from __future__ import annotations

import sys
from typing import Any

from autograder.course.cells import Cell, Extraction, module_of

NOTEBOOK = "this notebook"  # its name in messages: a kernel does not know the file


def shell() -> Any:
    """IPython's shell, or None in plain Python. IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def is_in_a_notebook() -> bool:
    """Is there a page that shows HTML, and not a terminal?"""
    return "ipykernel" in sys.modules and shell() is not None


def module() -> Extraction:
    """The module in the cells that ran, in the order in which they ran."""
    current = shell()
    if current is None:
        return module_of([])
    sources = current.history_manager.input_hist_raw  # with magics as they were typed; the first entry is empty
    return module_of(Cell(number, source) for number, source in enumerate(sources) if source)
