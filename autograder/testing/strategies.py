"""Strategies named for what they draw. Shapes first: one example, one class, wide, tall, never only square."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Sizes = int | st.SearchStrategy[int]


def sizes(low: int = 1, high: int = 6) -> st.SearchStrategy[int]:
    """A length of an axis."""
    return st.integers(low, high)


def _drawn(draw: Any, size: Sizes) -> int:
    if isinstance(size, int):
        return size
    length: int = draw(size)
    return length


def _finite(bound: float, dtype: Any) -> st.SearchStrategy[float]:
    width = np.dtype(dtype).itemsize * 8
    return st.floats(-bound, bound, width=width, allow_subnormal=False)


def float_arrays(shape: Any, *, bound: float = 10.0, dtype: Any = np.float64) -> st.SearchStrategy[np.ndarray]:
    """Arrays of `shape` (a tuple, or a strategy of tuples) with entries in [-bound, bound]."""
    return hnp.arrays(dtype, shape, elements=_finite(bound, dtype), fill=st.nothing())


@st.composite
def logits(
    draw: Any, n: Sizes | None = None, k: Sizes | None = None, *, bound: float = 20.0, dtype: Any = np.float64
) -> np.ndarray:
    """(n, k) logits in [-bound, bound]; 1 <= n <= 5 and 2 <= k <= 6 unless given."""
    shape = (_drawn(draw, n if n is not None else sizes(1, 5)), _drawn(draw, k if k is not None else sizes(2, 6)))
    z: np.ndarray = draw(float_arrays(shape, bound=bound, dtype=dtype))
    return z


@st.composite
def labels(draw: Any, n: int, k: int) -> np.ndarray:
    """(n,) int64 labels, 0 <= y < k."""
    y: np.ndarray = draw(hnp.arrays(np.int64, (n,), elements=st.integers(0, k - 1)))
    return y


@st.composite
def labelled_logits(
    draw: Any, n: Sizes | None = None, k: Sizes | None = None, *, bound: float = 20.0, dtype: Any = np.float64
) -> tuple[np.ndarray, np.ndarray]:
    """(z, y): (n, k) logits and (n,) labels that belong to them."""
    z = draw(logits(n, k, bound=bound, dtype=dtype))
    return z, draw(labels(*z.shape))


@st.composite
def probabilities(draw: Any, n: Sizes | None = None, k: Sizes | None = None) -> np.ndarray:
    """(n, k) rows that are positive and sum to 1."""
    shape = (_drawn(draw, n if n is not None else sizes(1, 5)), _drawn(draw, k if k is not None else sizes(2, 6)))
    p = draw(hnp.arrays(np.float64, shape, elements=st.floats(1 / 64, 1), fill=st.nothing()))
    rows: np.ndarray = p / p.sum(axis=1, keepdims=True)
    return rows


@st.composite
def images(
    draw: Any,
    n: Sizes | None = None,
    c: Sizes | None = None,
    h: Sizes | None = None,
    w: Sizes | None = None,
    *,
    bound: float = 3.0,
    dtype: Any = np.float64,
) -> np.ndarray:
    """(n, c, h, w) images; height and width are drawn apart, so most are not square."""
    shape = (
        _drawn(draw, n if n is not None else sizes(1, 3)),
        _drawn(draw, c if c is not None else sizes(1, 3)),
        _drawn(draw, h if h is not None else sizes(2, 7)),
        _drawn(draw, w if w is not None else sizes(2, 7)),
    )
    x: np.ndarray = draw(float_arrays(shape, bound=bound, dtype=dtype))
    return x


def rngs() -> st.SearchStrategy[np.random.Generator]:
    """A `numpy.random.Generator`. A call that draws from it leaves it advanced, as locally."""
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)
