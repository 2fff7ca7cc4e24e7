"""What the hidden tests of `gan` advise a student who misses a bar, and which samples they call copies."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from loading import load

from autograder.judge.training_run import Run

torch = pytest.importorskip("torch")

PATH = Path(__file__).resolve().parents[2] / "solutions" / "gan" / "test_hidden.py"
SAMPLES = torch.rand(100, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def hidden():
    return load(PATH)


def heard(discriminator, generator):
    return [
        {"epoch": float(epoch), "discriminator_loss": d, "generator_loss": g}
        for epoch, (d, g) in enumerate(zip(discriminator, generator, strict=True), 1)
    ]


@pytest.mark.parametrize(
    "points, answer, words",
    [
        ([], SAMPLES, "Nothing was reported"),
        (heard([math.nan] * 3, [math.nan] * 3), SAMPLES, "Nothing was reported"),
        (heard([1.3, math.inf], [0.8, 0.9]), SAMPLES, "no number in the end"),
        (heard([1.3, 0.01], [0.8, 9.0]), SAMPLES, "discriminator has won"),
        (heard([1.39, 1.38, 1.386], [0.7] * 3), SAMPLES, "stays at ln 4"),
        (heard([1.39, 1.2, 1.25], [0.8] * 3), SAMPLES, "look at the samples"),
        (heard([1.39, 1.2, 1.25], [0.8] * 3), SAMPLES[:1].expand(100, 64), "nearly all the same"),
    ],
)
def test_advice_says_what_to_look_at(hidden, points, answer, words):
    assert words in hidden.advise(Run(answer, 70.0, 1.0, heard=points))


def shown_and_held_out(hidden):
    data = hidden.pictures()(5)
    return data, data.x[: hidden.SAMPLES], data.held_out


def test_others_of_the_kind_are_no_copies(hidden):
    data, _, held_out = shown_and_held_out(hidden)
    hidden.assert_no_copies(data, held_out)


@pytest.mark.parametrize("way", ["as they are", "with noise", "fainter", "means of two neighbours"])
def test_what_was_shown_is_no_sample(hidden, way):
    data, stored, _ = shown_and_held_out(hidden)
    if way == "with noise":
        stored = stored + 0.2 * torch.randn(stored.shape, generator=torch.Generator().manual_seed(1))
    elif way == "fainter":
        stored = 0.8 * stored - 0.1
    elif way == "means of two neighbours":
        stored = (stored + data.x[torch.cdist(stored, data.x).topk(2, largest=False).indices[:, 1]]) / 2
    with pytest.raises(hidden.Mismatch, match="are copies of training examples, expected at most 20 %") as caught:
        hidden.assert_no_copies(data, stored)
    assert caught.value.measured == str(caught.value)
    assert caught.value.advice == hidden.DEALT_OUT
