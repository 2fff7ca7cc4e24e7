"""The numbers in the handout of `conv` are what its oracle, its tests and its manifest say."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
from loading import load
from measured import span
from narrowing import not_none

from autograder.course.course import Course

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = Course(ROOT)["conv"]
HANDOUT = " ".join((ASSIGNMENT.folder / "README.md").read_text(encoding="utf-8").split())
X = np.array([[[[1.0, 2.0, 0.0], [3.0, 1.0, -1.0], [2.0, 0.0, 4.0]]]])
W, B = np.array([[[[1.0, 0.0], [2.0, -1.0]]]]), np.array([1.0])


def rows_of(array: np.ndarray) -> list[str]:
    """Each row of a matrix as the handout writes it, whatever the blanks are."""
    return [",".join(f"{value:g}" for value in row) for row in array]


def stand_in(text: str, array: np.ndarray) -> bool:
    """All rows of the matrix stand in the text, in this order."""
    place = 0
    for row in rows_of(array):
        place = text.find(f"[{row}]", place)
        if place < 0:
            return False
    return True


def section(title: str) -> str:
    """A part of the handout without blanks."""
    whole = (ASSIGNMENT.folder / "README.md").read_text(encoding="utf-8")
    return re.sub(r"\s", "", whole.partition(f"# {title}\n")[2].partition("\n## ")[0])


def test_the_worked_example_of_convolution(oracle, public):
    text = section("An example to check by hand")
    out = oracle.oracle_conv(X, W, B)
    dx, dw, db = oracle.oracle_conv_backward(public.DOUT, X, W)
    assert np.array_equal(public.X, X)
    assert np.array_equal(public.W, W)
    for array in (X[0, 0], W[0, 0], public.DOUT[0, 0], out[0, 0], dw[0, 0], dx[0, 0]):
        assert stand_in(text, array), array
    assert f"db=[{db[0]:g}]" in text
    assert f"1*1+2*0+3*2-1*1+1={1 * 1 + 2 * 0 + 3 * 2 - 1 * 1 + 1}" in text
    assert out[0, 0, 0, 0] == 1 * 1 + 2 * 0 + 3 * 2 - 1 * 1 + 1
    assert f"1*1-1*2+2*3+0*1={1 * 1 - 1 * 2 + 2 * 3 + 0 * 1}" in text
    assert dw[0, 0, 0, 0] == 1 * 1 - 1 * 2 + 2 * 3 + 0 * 1
    padded = oracle.oracle_conv(X, W, B, (2, 2), (1, 1))
    assert stand_in(text, padded[0, 0])
    assert "themapis5x5withitszeros" in text
    assert oracle.with_zeros(X, (1, 1)).shape == (1, 1, 5, 5)


def test_the_worked_example_of_pooling(oracle, public):
    text = section("Pooling")
    out = oracle.oracle_pool(np.max, X, (2, 2), (1, 1))[0, 0]
    dx = oracle.oracle_pool_backward(np.max, public.DPOOLED, X, (2, 2), (1, 1))[0, 0]
    quarters = 4 * oracle.oracle_pool_backward(np.mean, public.DPOOLED, X, (2, 2), (1, 1))[0, 0]
    # Side by side in the handout, so row by row.
    assert all(f"[{row}]" in text for array in (out, dx, quarters) for row in rows_of(array))
    means = oracle.oracle_pool(np.mean, X, (2, 2), (1, 1))[0, 0]
    assert "[7/4,1/2]" in text
    assert "[3/2,1]" in text
    assert np.array_equal(means, [[7 / 4, 1 / 2], [3 / 2, 1]])
    assert all(f"[{row}]" in text for row in rows_of(public.DPOOLED[0, 0]))


def test_what_is_graded():
    table = [int(points) for points in re.findall(r"\|(\d+)\|", section("What is graded"))]
    assert table == [problem.points for problem in ASSIGNMENT.manifest.problems]


def test_the_points_of_the_public_tests(public):
    marks = [
        mark for test in vars(public).values() for mark in getattr(test, "pytestmark", []) if mark.name == "points"
    ]
    assert f"{sum(mark.args[0] for mark in marks):g} of the 100 points are for the public tests" in HANDOUT


def test_what_is_timed(oracle):
    side = f"{oracle.SIDE} x {oracle.SIDE}"
    assert f"forward and backward on one map of {side}" in HANDOUT
    assert f"At most {oracle.LIMIT:g} times the reference's time is right ({oracle.MEANS_LIMIT:g} times" in HANDOUT


def test_the_training_check(oracle, monkeypatch):
    lesson, recipe = oracle.letters(0), oracle.RECIPE
    kernels = " and ".join(str(len(w)) for w, _ in lesson.params[:-1])
    assert f"a network with {kernels} kernels of 3x3 and {len(lesson.x):,} colour pictures of 12x12 pixels" in HANDOUT
    told = f"rate {recipe['learning_rate']}, batches of {recipe['batch_size']}, {recipe['epochs']} epochs"
    assert f"learning {told}" in HANDOUT
    assert f"passes {len(lesson.held_out)} other pictures" in HANDOUT
    assert f"{oracle.BAR:g} % must be read rightly; right answers read {span('conv')} %" in HANDOUT
    # The figure beside it, of a last layer on kernels that were brought along.
    monkeypatch.setitem(sys.modules, "reference", load(ROOT / "solutions/conv/conv.py"))
    brought = load(ROOT / "solutions/conv/probes/pretrained.py")
    params = brought.train(lesson.x, lesson.y, lesson.params)
    read = 100 * np.mean(oracle.predictions(lesson, params) == lesson.labels)
    printed = not_none(re.search(r"trained on digits about (\d+) %", HANDOUT))
    assert abs(read - int(printed[1])) < 8


def test_the_precisions():
    wide, narrow = (f"{np.finfo(dtype).eps:.1e}".replace("e-0", "e-") for dtype in (np.float64, np.float32))
    assert f"(eps is {wide} in float64, {narrow} in float32)" in HANDOUT
