"""The numbers in the handout of `backprop` are what its oracle, its tests and its calibration say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
HANDOUT = " ".join((ROOT / "assignments/backprop/README.md").read_text(encoding="utf-8").split())
LN3 = float(np.log(3.0))


def test_the_worked_example(oracle, public):
    z, hidden = oracle.oracle_forward(public.X, public.PARAMS, "sigmoid")
    np.testing.assert_allclose(hidden[0], [[0.0, 0.0], [LN3, LN3]], atol=1e-12)
    np.testing.assert_allclose(oracle.value_of("sigmoid", hidden[0]), [[1 / 2, 1 / 2], [3 / 4, 3 / 4]], rtol=1e-12)
    np.testing.assert_allclose(z, [[2, 3 / 2], [11 / 4, 9 / 4]], rtol=1e-12)
    assert "z = [[2, 3/2], [11/4, 9/4]]" in HANDOUT
    assert "the slopes a (1 - a) are [[1/4, 1/4], [3/16, 3/16]]" in HANDOUT
    ((dw_1, db_1), (dw_2, db_2)), dx = oracle.oracle_backward(public.DZ, public.X, public.PARAMS, "sigmoid")
    np.testing.assert_allclose(dw_2, [[2, -3 / 4], [2, -3 / 4]], rtol=1e-12)
    np.testing.assert_allclose(db_2, [3, -1], rtol=1e-12)
    np.testing.assert_allclose(db_1, [13 / 16, 1 / 2], rtol=1e-12)
    np.testing.assert_allclose(dw_1, [[9 / 16 * LN3, 0], [9 / 16, 0]], atol=1e-12)
    np.testing.assert_allclose(dx, [[5 / 4, -LN3 / 2], [9 / 16, 0]], atol=1e-12)
    for part in (
        "dw_2 = [[2, -3/4], [2, -3/4]] db_2 = [3, -1] da_1 = [[1, 2], [3, 0]]",
        "delta_1 = [[1/4, 1/2], [9/16, 0]] db_1 = [13/16, 1/2]",
        "dw_1 = [[9/16 ln 3, 0], [9/16, 0]] dx = [[5/4, -ln 3 / 2], [9/16, 0]]",
    ):
        assert part in HANDOUT


def test_the_widest_interval(oracle):
    w = np.arange(4.1, 12, 0.1)
    widths = [oracle.oracle_width(float(each)) for each in w]
    assert f"{w[int(np.argmax(widths))]:.1f}" == "6.9"
    assert f"{max(widths):.2f}" == "0.45"
    assert r"greatest, about 0.45, at \|w\| = 6.9" in HANDOUT


def test_what_the_trained_network_must_read(oracle):
    widths = "-".join(map(str, oracle.WIDTHS))
    assert f"your `train` gets {widths} with {oracle.RECIPE['activation']}s" in HANDOUT
    recipe = "learning rate {learning_rate}, batches of {batch_size} and {epochs} epochs".format(**oracle.RECIPE)
    assert recipe in HANDOUT
    lesson = oracle.letters(0)
    assert f"{len(lesson.x):,} pictures of {len(lesson.names)} letters" in HANDOUT
    assert f"{len(lesson.labels)} other pictures of these letters" in HANDOUT
    kept = json.loads((ROOT / "solutions/backprop/calibration.json").read_text(encoding="utf-8"))
    (measured,) = kept["cpu"]["test_the_network_reads_characters"]["measured"].values()
    assert measured["bar"] == oracle.BAR
    assert f"{oracle.BAR:g} % must be read rightly" in HANDOUT
    least, most = min(measured["values"]), max(measured["values"])
    assert f"Right answers read {least:.1f} to {most:.1f} %" in HANDOUT
