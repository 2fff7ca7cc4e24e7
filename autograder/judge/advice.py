"""What to look at next, for a student whose network misses its bar: one sentence, from the curve and the result.

It is made of the student's own reports and of the one value that the judge measured; no label and no picture of the
held-out data can be told from it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.judge.training_run import Run
from autograder.report.numbers import beside

FLAT = 0.98  # a loss that keeps more than this share of its first value has not moved
ONE_CLASS = 0.9  # of all answers
GAP = 10.0  # percent, between what is reported on the training data and what was measured
SETTLED = 0.01  # of the loss, over the last third of the curve


def of_a_classifier(run: Run, bar: float, unit: str) -> str:
    """A sentence, or two, from points with `epoch`, `loss`, and perhaps `accuracy` (a share).

    Where the answer is labels or scores of classes, a network that always says the same is found out.
    """
    heard, value, answer = run.heard, run.value, run.answer
    losses = [point["loss"] for point in heard if "loss" in point]
    if not losses or all(math.isnan(loss) for loss in losses):
        return (
            "Nothing was reported, so there is no curve to look at: call log(epoch=.., loss=.., accuracy=..) after "
            "every epoch, and look at the loss first."
        )
    broken = next((number for number, loss in enumerate(losses, 1) if not math.isfinite(loss)), None)
    if broken is not None:
        return (
            f"The loss stopped being a number at report {broken}: a smaller learning rate helps, or there is a "
            "logarithm or a division of something that became 0."
        )
    first, last = losses[0], losses[-1]
    share = _share_of_one_class(answer)
    if last > 1.05 * first:
        return (
            f"The loss rose from {first:.3g} to {last:.3g}: the steps are too large, or gradients of earlier batches "
            "are still in there; is zero_grad called in every step?"
        )
    if len(losses) > 1 and last > FLAT * first:
        return (
            f"The loss hardly moved, from {first:.3g} to {last:.3g}: does every step do zero_grad, backward and step, "
            "with a learning rate above 0, on parameters that the optimizer was given?"
        )
    if share is not None and share > ONE_CLASS:
        return (
            f"{100 * share:.0f} % of the answers are one class: are labels and pictures in the same order, and does "
            "every batch hold all classes?"
        )
    reported = heard[-1].get("accuracy", math.nan)
    if unit == "%" and math.isfinite(reported) and 100 * reported - value > GAP:
        return (
            f"You reported {100 * reported:.1f} % on the training data, and {value:.1f} % was measured on data the "
            "network has not seen. Either it predicts in another way than it trains (eval mode, normalisation, the "
            "axis of argmax), or it has learned the examples by heart: fewer parameters, dropout or weight decay help."
        )
    tail = losses[-max(2, len(losses) // 3) :]
    if tail[0] - tail[-1] > SETTLED * max(tail[0], 1e-12):
        return (
            f"The loss was still falling when the training ended (from {tail[0]:.3g} to {tail[-1]:.3g} over the last "
            "third): it learns, but too slowly. A larger learning rate, momentum or smaller batches help."
        )
    of = f" {unit}" if unit else ""
    return (
        f"The loss has settled at {last:.3g}, and {beside(value, bar)}{of} came of it where {bar:g}{of} are "
        "wanted: the network is too small or too strongly regularised, or the learning rate should fall towards the "
        "end."
    )


def _share_of_one_class(answer: Any) -> float | None:
    """How often the commonest class is the answer; None where the answer is no labels and no scores."""
    try:
        array = np.asarray(answer)
    except Exception:
        return None
    if array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind == "f":
        array = array.argmax(axis=1)
    if array.ndim != 1 or array.dtype.kind not in "iu" or not len(array):
        return None
    return float(np.unique(array, return_counts=True)[1].max() / len(array))
