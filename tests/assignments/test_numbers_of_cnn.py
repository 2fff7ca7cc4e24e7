"""The numbers in the handout of `cnn` are what its oracle, its tests and its recipes say."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from autograder.course.course import Course

pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = Course(ROOT)["cnn"]
LINES = (ASSIGNMENT.folder / "README.md").read_text(encoding="utf-8").splitlines()
HANDOUT = " ".join(" ".join(LINES).split())


def count(shapes: list[tuple[int, ...]]) -> str:
    return f"{sum(math.prod(shape) for shape in shapes):,}"


def row_of(beginning: str) -> str:
    (found,) = [line for line in LINES if line.startswith(f"| {beginning} |") or line.startswith(f"| {beginning},")]
    return found


@pytest.mark.parametrize("widths", [[784, 200, 100, 10], [784, 50, 10]])
def test_the_parameters_of_dense_networks(oracle, widths):
    (row,) = [line for line in LINES if line.startswith(f"| `build_mlp({widths})` |")]
    assert f"| {count(oracle.mlp_shapes(widths))} |" in row


def test_the_widest_layer_that_40000_parameters_allow(reference):
    assert reference.widest_layer(784, 10, 40_000) == 50
    assert "the widest that 40,000 allow" in row_of("`build_mlp([784, 50, 10])`")


@pytest.mark.parametrize(
    "batch_norm, beginning", [(False, "`build_cnn((1, 28, 28), 10, [8, 16]"), (True, "the same with")]
)
def test_the_parameters_of_the_convolutional_network(oracle, batch_norm, beginning):
    words = {"kernel_size": 5, "padding": 0, "batch_norm": batch_norm}
    (row,) = [line for line in LINES if line.startswith(f"| {beginning}")]
    assert f"| {count(oracle.cnn_shapes((1, 28, 28), 10, [8, 16], words))} |" in row


def test_the_public_tests_ask_the_handouts_numbers(oracle, public):
    for function in (
        public.test_parameters_of_the_handouts_dense_networks,
        public.test_parameters_of_the_handouts_convolutional_networks,
    ):
        (mark,) = [mark for mark in function.pytestmark if mark.name == "parametrize"]
        for _, number in mark.args[1]:
            assert f" {number:,} |" in HANDOUT


@pytest.mark.parametrize("name", ["SMALL", "WIDE", "FRUGAL", "STAGES", "CHARACTERS", "NORMALISED"])
def test_each_recipe_stands_in_the_handout_with_its_bar(oracle, name):
    recipe = getattr(oracle, name)
    builder, arguments, words = recipe.build
    parts = [repr(part).replace("'", '"') for part in arguments if part != "relu"]
    call = f"`{builder}({', '.join([*parts, *(f'{word}={value}' for word, value in words.items())])})`"
    (row,) = [line for line in LINES if line.startswith(f"| {call}")]
    drawn = recipe.drawn
    letters = f"{drawn.get('classes', 10)} letters"
    assert re.search(rf"\| {letters}, (faint, )?{drawn['side']}x{drawn['side']} \| {recipe.bar:g} % \|$", row), row
    told = re.search(r"([\d,]+) parameters", row)
    assert not told or told[1] == count(recipe.shapes)


def test_what_a_cnn_and_batch_norm_must_bring(oracle):
    assert f"at most {oracle.PACE:g} times the reference's time" in HANDOUT
    assert oracle.FAINT.bar is None
    assert f"at least {oracle.GAIN:g} percentage points" in HANDOUT
    assert oracle.FAINT.train == oracle.NORMALISED.train


def test_the_record(oracle):
    few, others = oracle.QUICK["sizes"]
    side = oracle.QUICK["side"]
    assert f"It gets {few} colour pictures of {side}x{side} pixels" in HANDOUT
    assert f"{oracle.RECORD_BAR:g} % of {others} others" in HANDOUT
    assert f"in at most {oracle.RECORD_PACE:g} times the reference's time" in HANDOUT
