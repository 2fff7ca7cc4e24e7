"""The numbers in the handout of `softmax` are what the oracle, the hidden tests and the manifest say."""

from __future__ import annotations

import inspect
from fractions import Fraction
from pathlib import Path

import numpy as np

from autograder.course.course import Course

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = Course(ROOT)["softmax"]
HANDOUT = " ".join((ASSIGNMENT.folder / "README.md").read_text(encoding="utf-8").split())
DOCSTRINGS = " ".join((ASSIGNMENT.folder / "softmax.py").read_text(encoding="utf-8").split())


def fraction(number: float) -> Fraction:
    return Fraction(float(number)).limit_denominator(100)


def rows(array: np.ndarray, denominators: list[int] | None = None) -> str:
    """A matrix of fractions as the handout writes it; with denominators, over that of each row."""
    written = []
    for i, row in enumerate(array):
        over = denominators[i] if denominators else None
        written.append(", ".join(f"{fraction(value) * over}/{over}" if over else str(fraction(value)) for value in row))
    return f"[{', '.join(f'[{row}]' for row in written)}]"


def numbers(array: np.ndarray) -> str:
    return f"[{', '.join(f'{value:g}' for value in array)}]"


def test_where_exponentials_overflow():
    assert "exp(710) is infinite in float64, exp(89) in float32" in HANDOUT
    for dtype, first in ((np.float64, 710), (np.float32, 89)):
        with np.errstate(over="ignore"):
            assert np.isinf(np.exp(dtype(first)))
        assert np.isfinite(np.exp(dtype(first - 1)))
    assert "exp(-1000) rounds to 0" in HANDOUT
    assert np.exp(-1000.0) == 0


def test_the_worked_example(oracle, public):
    z, y = public.Z, public.Y
    assert f"labels {y.tolist()}" in HANDOUT
    assert f"[[0, 0, 0], {numbers(z[1].round(4))}]" in HANDOUT
    assert f"softmax = {rows(oracle.oracle_softmax(z), [3, 8])}" in HANDOUT
    assert f"(ln 3 + ln 4) / 2 = {oracle.oracle_cross_entropy(z, y):.4f}" in HANDOUT
    assert np.isclose(oracle.oracle_cross_entropy(z, y), (np.log(3) + np.log(4)) / 2)
    assert f"gradient = {rows(oracle.oracle_gradient(z, y))}" in HANDOUT


def test_the_logarithm_in_the_docstring(oracle):
    found = oracle.oracle_log_softmax(np.array([[0.0, 1000.0]]))
    assert f"log_softmax([[0, 1000]]) = [{numbers(found[0])}]" in DOCSTRINGS


def test_the_step_from_zero(oracle):
    x, y = np.array([[1.0], [3.0], [5.0]]), np.array([0, 1, 1])
    w, b = oracle.oracle_step(x, y, oracle.start(x, y), 0.5, 0.0)
    told = f"w = [[{fraction(w[0, 0])}, {fraction(w[0, 1])}]], b = [{fraction(b[0])}, {fraction(b[1])}]"
    assert f"learning rate 0.5 on x = [[1], [3], [5]], y = [0, 1, 1] leads to {told}" in HANDOUT


def test_the_three_regions(oracle, public):
    w, b = public.WEIGHTS
    assert f"w = [{', '.join(numbers(row) for row in w)}] and b = {numbers(b)}" in HANDOUT
    a, c = w[:, 0] - w[:, 1], b[0] - b[1]
    assert (a[0], a[1], c) == (2, 0, -2)
    assert "the line 2 x_1 - 2 = 0" in HANDOUT
    image = np.array([3.0, 7.0]) - 2 * (a @ [3.0, 7.0] + c) / (a @ a) * a
    assert f"the mirror image of [3, 7] in it is {numbers(image)}" in HANDOUT
    point = oracle.oracle_meeting_point(w, b)
    assert f"all three regions meet at {numbers(point.round(9) + 0.0)}" in HANDOUT
    assert np.allclose(point @ w + b, 1)
    assert "where every logit is 1" in HANDOUT


def test_how_training_is_graded(oracle):
    body = inspect.getsource(oracle.test_training_learns_three_clouds)
    x, y = oracle.clouds(0)
    assert all(setting in body for setting in ("epochs=20", "size=32", "range(20)"))
    assert f"{len(x)} points of three clouds, for 20 epochs with batches of 32" in HANDOUT
    assert len(np.unique(y)) == 3
    assert f"{100 * oracle.NEAR:g} % of their length apart" in HANDOUT


def test_the_time_of_one_call():
    assert ASSIGNMENT.manifest.limits.seconds == 3
    assert "one call may take three seconds" in HANDOUT
