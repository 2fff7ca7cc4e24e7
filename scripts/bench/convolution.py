"""How fast the reference's convolution is, both ways, beside torch's and beside a plain loop, one thread each.

(32, 3, 32, 32) maps, 16 kernels of 5x5, stride 1, no padding, the same arrays for all. Times are the processor's, over
all threads, so that waiting for it does not count. In each round everyone is timed once, after one round that is
not counted; the shortest times are compared, since noise only ever adds. Without torch, it is left out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

# Before numpy: its arithmetic reads them once.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

from autograder.student.local import Local  # noqa: E402
from bench.page import REPOSITORY, Section  # noqa: E402

MAPS, KERNELS = (32, 3, 32, 32), (16, 3, 5, 5)
PLAIN_ROUNDS = 2  # of the plain loop, which is so much slower that noise does not matter


class Measured(NamedTuple):
    """Shortest processor seconds of forward and backward together; None: torch is not installed."""

    dtype: str
    reference: float
    torch: float | None
    loop: float

    @property
    def to_torch(self) -> float | None:
        """How many times as long as torch's the reference takes."""
        return None if self.torch is None else self.reference / self.torch

    @property
    def to_loop(self) -> float:
        """How many times as long as the reference the plain loop takes."""
        return self.loop / self.reference


def timed(dtype: Any, rounds: int) -> Measured:
    """Time forward and backward in one floating dtype."""
    rng = np.random.default_rng(0)
    x, w, b = (rng.normal(size=shape).astype(dtype) for shape in (MAPS, KERNELS, KERNELS[:1]))
    dout = rng.normal(size=(MAPS[0], KERNELS[0], 28, 28)).astype(dtype)
    reference = Local(REPOSITORY / "solutions" / "conv", "conv")

    def with_reference() -> Any:
        out, cache = reference.conv2d_forward(x, w, b, 1, 0)
        return out, *reference.conv2d_backward(dout, cache)

    others = {"reference": with_reference}
    with_torch = _with_torch(x, w, b, dout)
    if with_torch is not None:
        others["torch"] = with_torch
    best = _shortest(others, rounds)
    loop = _shortest({"loop": lambda: plain_loop(x, w, b, dout)}, PLAIN_ROUNDS - 1)["loop"]
    for mine, theirs in zip(with_reference(), plain_loop(x, w, b, dout), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-3 * float(np.abs(theirs).max()))
    return Measured(np.dtype(dtype).name, best["reference"], best.get("torch"), loop)


def plain_loop(x: Any, w: Any, b: Any, dout: Any) -> Any:
    """What a first version does: a loop over the pictures and over the places of the output."""
    n, k, rows, columns = dout.shape
    p, q = w.shape[2:]
    out, dx, dw = np.zeros_like(dout), np.zeros_like(x), np.zeros_like(w)
    for i in range(n):
        for r in range(rows):
            for s in range(columns):
                patch = x[i, :, r : r + p, s : s + q]
                out[i, :, r, s] = (w * patch).sum(axis=(1, 2, 3)) + b
    for i in range(n):
        for r in range(rows):
            for s in range(columns):
                d = dout[i, :, r, s].reshape(k, 1, 1, 1)
                dw += d * x[i, :, r : r + p, s : s + q]
                dx[i, :, r : r + p, s : s + q] += (d * w).sum(axis=0)
    return out, dx, dw, dout.sum(axis=(0, 2, 3))


def _with_torch(x: Any, w: Any, b: Any, dout: Any) -> Callable[[], Any] | None:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    leaves = [torch.tensor(array, requires_grad=True) for array in (x, w, b)]
    upstream = torch.tensor(dout)

    def work() -> Any:
        out = torch.nn.functional.conv2d(*leaves)
        return out, torch.autograd.grad(out, leaves, upstream)

    return work


def _shortest(work: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    best = dict.fromkeys(work, float("inf"))
    for number in range(rounds + 1):
        for name, run in work.items():
            began = time.process_time()
            run()
            if number:
                best[name] = min(best[name], time.process_time() - began)
    return best


def measure(rounds: int) -> Section:
    columns = (
        "forward and backward",
        "reference",
        "torch",
        "times torch (goal: 3)",
        "plain loop",
        "times the reference",
    )
    section = Section("make bench ARGS=convolution", columns)
    for dtype in (np.float32, np.float64):
        found = timed(dtype, rounds or 30)
        torch, ratio = "not installed", ""
        if found.torch is not None:
            torch, ratio = f"{1e3 * found.torch:.2f} ms", f"{found.to_torch:.2f}"
        reference, loop = f"{1e3 * found.reference:.2f} ms", f"{1e3 * found.loop:.0f} ms"
        section.rows.append((found.dtype, reference, torch, ratio, loop, f"{found.to_loop:.0f}"))
    return section
