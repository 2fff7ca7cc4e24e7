"""The numbers in the handout of `autoencoder` are what its oracle, its tests and its calibration say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from measured import span
from narrowing import not_none

ROOT = Path(__file__).resolve().parents[2]
HANDOUT = " ".join((ROOT / "assignments/autoencoder/README.md").read_text(encoding="utf-8").split())


def fractions(array, of: int) -> str:
    """Rows of numbers as the handout writes them: in lowest terms."""
    rows = [", ".join(_fraction(value, of) for value in np.atleast_1d(row)) for row in array]
    return "[" + ", ".join(f"[{row}]" if np.ndim(array) > 1 else row for row in rows) + "]"


def _fraction(value: float, of: int) -> str:
    count = round(value * of)
    assert abs(value * of - count) < 1e-9
    shared = np.gcd(count, of)
    return f"{count // shared}" if shared == of else f"{count // shared}/{of // shared}"


def test_the_example_forward(oracle, public):
    code, _ = oracle.oracle_encode(public.X, public.PARAMS)
    r = oracle.oracle_reconstruct(public.X, public.PARAMS)
    assert f"code = {fractions(code, 1)} r = {fractions(r, 4)}" in HANDOUT
    assert f"r - x = {fractions(r - public.X, 4)}" in HANDOUT
    assert f"= {_fraction(oracle.oracle_loss(public.X, public.PARAMS), 16)} " in HANDOUT


def test_the_example_backward(oracle, public):
    (dw_1, db_1), (dw_2, db_2) = oracle.oracle_grads(public.X, public.PARAMS)
    assert f"dw_2 = {fractions(dw_2, 32)} db_2 = {fractions(db_2, 32)}" in HANDOUT
    (first,), (second,) = dw_1 / public.LN3
    told = f"dw_1 = [[{_fraction(first, 64)} ln 3], [{_fraction(second, 64)} ln 3]]"
    assert f"{told} db_1 = [{_fraction(db_1[0] / public.LN3, 64)} ln 3]" in HANDOUT


def test_momentum_and_decibels(oracle, public):
    assert "learning rate 1/2 and momentum 1/2, m goes 0, -1/2, -3/4 and p goes 1, 1/2, -1/4" in HANDOUT
    params, velocity, path = [(np.ones(1),)], [(np.zeros(1),)], []
    for _ in range(2):
        params, velocity = oracle.oracle_momentum(params, velocity, [(np.ones(1),)], 0.5, 0.5)
        path.append((float(velocity[0][0][0]), float(params[0][0][0])))
    assert path == [(-1 / 2, 1 / 2), (-3 / 4, -1 / 4)]
    first, second = oracle.oracle_psnr(public.X, public.R)
    assert f"10 log10(16) = {first:.2f} dB and 10 log10(6.4) = {second:.2f} dB" in HANDOUT


def test_the_example_of_components(oracle, public):
    mean, components = oracle.oracle_pca(public.CROSS, 2)
    assert f"have the mean [{mean[0]:g}, {mean[1]:g}]" in HANDOUT
    signs = np.sign(components[:, :1])
    assert np.allclose(components * signs, [[3 / 5, 4 / 5], [4 / 5, -3 / 5]])
    assert "the components +-[3/5, 4/5] and +-[4/5, -3/5]" in HANDOUT


def test_the_training_check(oracle):
    lesson, recipe = oracle.letters(0), oracle.RECIPE
    assert f"gets {'-'.join(map(str, oracle.WIDTHS))} with Xavier weights" in HANDOUT
    assert f"and {len(lesson.x):,} pictures of {lesson.labels.max() + 1} letters" in HANDOUT
    assert f"momentum {recipe['momentum']}, batches of {recipe['batch_size']} and {recipe['epochs']} epochs" in HANDOUT
    assert f"learning rate {recipe['learning_rate']:.0e}".replace("e-0", "e-") in HANDOUT
    assert f"passes {len(lesson.held_out)} other pictures" in HANDOUT
    assert f"has to reach {oracle.BAR} dB; right answers reach {span('autoencoder', 1)} dB" in HANDOUT


def test_what_others_reach(oracle):
    """PCA, the nearest training picture, and the mean image: to a fifth of a decibel."""
    lesson = oracle.letters(0)
    mean, components = oracle.oracle_pca(lesson.x, 32)
    nearest = [lesson.x[np.sum((lesson.x - image) ** 2, axis=1).argmin()] for image in lesson.held_out]
    others = {
        r"PCA with 32 components about ([\d.]+)": mean + (lesson.held_out - mean) @ components.T @ components,
        r"the nearest training picture about ([\d.]+),": nearest,
        r"the mean image about ([\d.]+)\.": [mean] * len(lesson.held_out),
    }
    for told, images in others.items():
        reached = oracle.oracle_psnr(lesson.held_out, images).mean()
        assert abs(float(not_none(re.search(told, HANDOUT))[1]) - reached) < 0.2, told
