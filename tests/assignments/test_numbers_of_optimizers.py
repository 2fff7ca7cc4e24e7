"""The numbers in the handout of `optimizers` are what the oracle of its hidden tests computes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from measured import span

ROOT = Path(__file__).resolve().parents[2]
HANDOUT = " ".join((ROOT / "assignments/optimizers/README.md").read_text(encoding="utf-8").split())


def places(number: float) -> str:
    """To five places, unless fewer are exact."""
    return f"{number:g}" if abs(number - round(number, 4)) < 1e-12 else f"{number:.5f}"


BETAS = {"betas": (0.5, 0.75), "eps": 0.0}
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {}),
    "momentum 1/2": ("SGD", {"momentum": 0.5}),
    "momentum 1/2, Nesterov": ("SGD", {"momentum": 0.5, "nesterov": True}),
    "SGD, weight_decay 1/2": ("SGD", {"weight_decay": 0.5}),
    "AdaGrad": ("AdaGrad", {"eps": 0.0}),
    "RMSProp, decay 3/4": ("RMSProp", {"decay": 0.75, "eps": 0.0}),
    "Adam, betas (1/2, 3/4)": ("Adam", BETAS),
    "AdamW, the same, weight_decay 1/2": ("AdamW", {**BETAS, "weight_decay": 0.5}),
}
STEPS = [[np.array([3.0])], [np.array([4.0])]]


def weights(oracle, label: str) -> list[float]:
    name, arguments = ROWS[label]
    path = oracle.oracle_path(name, {"lr": 0.1, **arguments}, [np.array([1.0])], STEPS)
    return [float(params[0][0]) for params in path]


@pytest.mark.parametrize("label", ROWS)
def test_the_table_of_two_steps(oracle, label):
    first, second = weights(oracle, label)
    assert f"| {label} | {places(first)} | {places(second)} |" in HANDOUT


def test_what_stands_beside_the_steps(oracle):
    v = [3.0, oracle.weighted_sum([3.0, 4.0], 0.5)]
    assert f"v = {v[0]:g}, then {v[1]:g}" in HANDOUT
    assert f"g + v/2 = {3 + v[0] / 2:g}, then {4 + v[1] / 2:g}" in HANDOUT
    w = weights(oracle, "SGD, weight_decay 1/2")[0]
    assert f"g + w/2 = {3 + 1 / 2:g}, then {4 + w / 2:g}" in HANDOUT
    assert f"sqrt(s) = {np.sqrt(9):g}, then {np.sqrt(9 + 16):g}" in HANDOUT
    s = [Fraction(1, 4) * 9, Fraction(3, 4) * Fraction(9, 4) + Fraction(1, 4) * 16]
    assert f"s = {s[0]}, then {s[1]}" in HANDOUT
    first, second = oracle.weighted_mean([3.0, 4.0], 0.5), oracle.weighted_mean([9.0, 16.0], 0.75)
    assert f"m' = 3, v' = 9, then m' = {Fraction(first).limit_denominator(9)}, v' = {second:.0f}" in HANDOUT


def test_the_penalties(oracle):
    params = [np.array([[1.0, -2.0], [0.0, 3.0]]), np.array([-4.0])]
    l1, l2 = (oracle.oracle_penalty(f"{name}_penalty", params, 0.5)[0] for name in ("l1", "l2"))
    assert f"Of [[1, -2], [0, 3]] and [-4] with lam = 1/2 they are {l1:g} and {l2:g}." in HANDOUT


def listed(values) -> str:
    return f"[{', '.join(str(Fraction(value).limit_denominator(99)) for value in np.ravel(values))}]"


def test_the_example_of_batch_normalization(oracle):
    x, gamma, beta = np.array([[0.0], [3.0], [6.0]]), np.array([2.0]), np.array([1.0])
    mean, var = oracle.oracle_statistics(x)
    y = oracle.oracle_batch_norm(x, gamma, beta, 3.0, mean, var)
    u = oracle.oracle_batch_norm(x, 1 + 0 * gamma, 0 * beta, 3.0, mean, var)
    root = np.sqrt(var[0] + 3)
    assert (
        f"mean = {mean[0]:g}, var = {var[0]:g}, sqrt(var + eps) = {root:g}, u = {listed(u)}, y = {listed(y)}" in HANDOUT
    )
    running = Fraction(0 + mean[0]) / 2, (1 + x.var(ddof=1)) / 2
    assert f"running mean = (0 + 3) / 2 = {running[0]}, running var = (1 + 9) / 2 = {running[1]:g}" in HANDOUT
    dx, dgamma, dbeta = oracle.oracle_batch_norm_backward(np.array([[1.0], [0.0], [2.0]]), x, gamma, 3.0)
    told = f"dbeta = {dbeta[0]:g}, dgamma = {dgamma[0]:g}, dx = 2/3 (dy - 1 - u/3) = {listed(dx)}"
    assert told in HANDOUT
    y = oracle.oracle_batch_norm(np.array([[1.5], [4.5]]), gamma, beta, 4.0, np.array([1.5]), np.array([5.0]))
    assert f"with eps = 4: [1.5, 4.5] becomes {listed(y)}." in HANDOUT


def test_the_training_check(oracle):
    """What the training check is told to be is what it is, and its bar stands where right answers are above it."""
    lesson, recipes = oracle.letters(batch_norm=False)(0), oracle.RECIPES
    assert f"gets {'-'.join(map(str, oracle.WIDTHS))} and {len(lesson.x):,} pictures of 8x8 pixels" in HANDOUT
    assert f"{oracle.EPOCHS} epochs, batches of {oracle.BATCH_SIZE}, five times" in HANDOUT
    assert len(recipes) == 5
    assert f"makes up {lesson.y.max() + 1} letters" in HANDOUT
    told = f"SGD with lr {recipes['SGD'][1]['lr']}, momentum {recipes['momentum'][1]['momentum']} with lr "
    told += f"{recipes['momentum'][1]['lr']}, AdaGrad with {recipes['AdaGrad'][1]['lr']}, Adam with "
    told += f"{recipes['Adam'][1]['lr']}, and Adam with batch normalization and keep_prob "
    told += f"{recipes['Adam-batch-norm-dropout'][2]['keep_prob']}."
    assert told in HANDOUT
    assert f"passes {len(lesson.held_out)} other pictures" in HANDOUT
    assert f"{oracle.BAR:g} % must be read rightly; right answers read {span('optimizers')} %" in HANDOUT
