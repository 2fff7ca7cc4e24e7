"""Make autograder/datasets/digits.npz from the file that scikit-learn bundles; run once, by hand.

    python tools/make_digits.py .../sklearn/datasets/data/digits.csv.gz

Of every class 30 examples go to validation and 30 to the test, the others to training; in each part classes take
turns (0, 1, .., 9, 0, ..) until the rarest is used up. `RandomState`, because numpy promises to keep its stream.
"""

from __future__ import annotations

import sys
from itertools import zip_longest
from pathlib import Path

import numpy as np

TARGET = Path(__file__).resolve().parent.parent / "autograder" / "datasets" / "digits.npz"
HELD_OUT = 30  # a class, for validation and again for the test


def main(source: str) -> None:
    table = np.loadtxt(source, delimiter=",").astype(np.uint8)  # 64 pixels and the label
    images, labels = table[:, :64].reshape(-1, 8, 8), table[:, 64]
    rng = np.random.RandomState(1797)
    classes = [rng.permutation(np.flatnonzero(labels == label)) for label in range(10)]
    parts = (
        [rows[2 * HELD_OUT :] for rows in classes],
        [rows[:HELD_OUT] for rows in classes],
        [rows[HELD_OUT : 2 * HELD_OUT] for rows in classes],
    )
    order = [row for part in parts for turn in zip_longest(*part) for row in turn if row is not None]
    np.savez_compressed(TARGET, images=images[order], labels=labels[order])
    print(f"{TARGET}: {len(order)} examples, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
