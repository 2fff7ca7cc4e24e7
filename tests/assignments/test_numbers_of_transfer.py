"""The numbers in the handout of `transfer` are what its reference, its tests and its calibration say."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from autograder import datasets
from autograder.course.course import Course
from autograder.datasets.resnet import WEIGHTS

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = Course(ROOT)["transfer"]
HANDOUT = " ".join((ASSIGNMENT.folder / "README.md").read_text(encoding="utf-8").split())
SOLUTION = ROOT / "solutions" / "transfer"


def test_the_size_of_the_network(reference):
    model = reference.resnet20(datasets.pretrained_resnet20())
    count = sum(parameter.numel() for parameter in model.parameters())
    assert f"It has {count:,} weights, {reference.freeze(model)} of them in the head." in HANDOUT
    assert f"{round(WEIGHTS.stat().st_size / 1000)} kB of named arrays" in HANDOUT


def test_the_examples_of_pictures(reference):
    found = reference.as_pictures(torch.tensor([[[-1.0, 0.0], [3.0, 1.0]], [[2.0, 2.0], [2.0, 2.0]]]))
    assert found.tolist() == [[[0, 1 / 4], [1, 1 / 2]], [[0, 0], [0, 0]]]
    assert "The map [[-1, 0], [3, 1]] becomes [[0, 1/4], [1, 1/2]]; a map that is 2 everywhere becomes 0" in HANDOUT
    grid = reference.picture_grid(torch.tensor([[[0.1]], [[0.2]], [[0.3]]]), 2).tolist()
    rows = " ".join(" ".join(f"{value:.3g}" for value in row) for row in grid)
    assert rows in HANDOUT


def test_the_example_of_the_best_classes(reference):
    (best,) = reference.top_k(torch.tensor([[0.0, math.log(6), math.log(3)]]), 2, ["cat", "dog", "owl"])
    (first, p), (second, q) = best
    assert f"the best two are the {first} with {p:.1f} and the {second} with {q:.1f}" in HANDOUT
    assert f"{first}: {100 * p:.1f} % | {second}: {100 * q:.1f} %" in HANDOUT


def test_the_bars(oracle):
    profile = oracle.PROFILES["cpu"]
    for said in (
        f"{profile.count} pictures of ten letters: {profile.side}x{profile.side} pixels",
        f"In {profile.epochs} epochs, {profile.everything:g} % of other pictures must be right",
        f"a longer head must reach {profile.head:g} % in {3 * profile.epochs} epochs",
    ):
        assert said in HANDOUT, said
    assert profile.ratio == 4
    assert "may take four times as long as the reference" in HANDOUT


def test_what_right_answers_reach():
    measured = json.loads((SOLUTION / "calibration.json").read_text(encoding="utf-8"))["cpu"]
    told = re.findall(r"right answers reach (\d+) to (\d+) %", HANDOUT)
    tests = ("test_everything_fine_tuned_reads_letters", "test_a_longer_head_alone_goes_far")
    for (low, high), name in zip(told, tests, strict=True):
        (found,) = measured[name]["measured"].values()
        assert (int(low), int(high)) == (round(min(found["values"])), round(max(found["values"])))
        assert min(found["values"]) > found["bar"] + 5
