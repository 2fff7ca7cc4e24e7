"""Reads single characters: a small trained network, applied in numpy.

    classify = character_reader()
    classify(crops)                     # "ABC": one character for each of the (n, 32, 32) pictures

Three convolutions (3x3, ReLU, 2x2 max pooling) and two dense layers, 70,000 weights, which
`tools/train_ocr_classifier.py` trains on handwritten characters and on glyphs of matplotlib's fonts. The weights are
an `.npz` of plain float16 arrays beside this file, so every installation has them.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

CLASSES = string.ascii_uppercase + string.digits
SIDE = 32  # pixels of a crop
WEIGHTS = Path(__file__).with_name("reader36.npz")
AT_ONCE = 64  # pictures; bounds the memory of the convolutions


def character_reader() -> Callable[[np.ndarray], str]:
    """A function from crops, (n, 32, 32) with dark ink (0) on white (1), to a string of n of "A" .. "Z", "0" .. "9".

    A letter's longer side should take 20 to 26 of the 32 pixels, centred, on paper without grain. The function raises
    ValueError for another shape.
    """
    weights = _weights()

    def classify(crops: np.ndarray) -> str:
        pictures = np.asarray(crops, dtype=np.float32)
        if pictures.ndim != 3 or pictures.shape[1:] != (SIDE, SIDE):
            raise ValueError(f"crops have the shape {pictures.shape}, expected (n, {SIDE}, {SIDE})")
        if not len(pictures):
            return ""
        parts = np.split(pictures, range(AT_ONCE, len(pictures), AT_ONCE))
        labels = [_logits(part, weights).argmax(axis=1) for part in parts]
        return "".join(CLASSES[label] for label in np.concatenate(labels))

    return classify


@cache
def _weights() -> dict[str, np.ndarray]:
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def _logits(pictures: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """(n, 36) from (n, 32, 32)."""
    a = (1 - pictures)[..., None]  # ink, (n, h, w, channels)
    for layer in range(3):
        w, b = weights[f"w{layer}"], weights[f"b{layer}"]  # (out, in, 3, 3), (out,)
        padded = np.pad(a, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))  # (n, h, w, in, 3, 3)
        n, h, wide = windows.shape[:3]
        z = windows.reshape(n * h * wide, -1) @ w.reshape(len(w), -1).T + b
        a = np.maximum(z, 0).reshape(n, h // 2, 2, wide // 2, 2, len(w)).max(axis=(2, 4))
    a = a.transpose(0, 3, 1, 2).reshape(len(a), -1)  # the layout that the dense layer was trained on
    a = np.maximum(a @ weights["w3"].T + weights["b3"], 0)
    logits: np.ndarray = a @ weights["w4"].T + weights["b4"]
    return logits
