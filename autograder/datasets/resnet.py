"""A ResNet-20 that knows the ten classes of CIFAR-10: its weights, as data.

    weights = pretrained_resnet20()     # {"conv1.weight": (16, 3, 3, 3) float32, ..}, the names of its state_dict

`tools/train_resnet20.py` trains it, and says on what; its log is beside it. The file is safetensors, a list of named
arrays that can hold no code, with the weights rounded to 16 bits.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

WEIGHTS = Path(__file__).with_name("resnet20.safetensors")


def pretrained_resnet20() -> dict[str, np.ndarray]:
    """The weights by name, float32 (and int64 counts of batch norm). Needs the package safetensors."""
    return {name: array.copy() for name, array in _weights().items()}


@cache
def _weights() -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file  # with the extra `torch` alone: the other assignments do without

    arrays = load_file(WEIGHTS)
    return {name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in arrays.items()}
