"""A test file's own constants, as they are written, for every test.

A student's function may change what a test passes to it, here as on a laptop, and `Z = np.array(...)` at the top of a
test file is passed as it is. The next test must not find what another left behind.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from types import ModuleType

import numpy as np

from autograder.testing.comparable import is_tensor

CHANGEABLE = (np.ndarray, list, dict, tuple)  # a tuple, for what is in it


@contextlib.contextmanager
def restored(module: ModuleType) -> Iterator[None]:
    """Whatever happens inside, afterwards the module's arrays, tensors and containers are as they were."""
    kept = {}
    for name, value in vars(module).items():
        if (isinstance(value, CHANGEABLE) or is_tensor(value)) and not name.startswith("__"):
            with contextlib.suppress(Exception):  # something in it cannot be copied, and is no data
                kept[name] = copy.deepcopy(value)
    try:
        yield
    finally:
        vars(module).update(kept)
