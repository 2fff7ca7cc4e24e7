"""What a report says of what student code can choose: few steps of everything, and a bounded number of it."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.judge.recorder import FIGURES, TEST_BYTES, Recorder, Room
from autograder.report import rounding

quick = settings(max_examples=200, deadline=None, database=None)
floats = st.floats(allow_nan=True, allow_infinity=True)
pytestmark = pytest.mark.threat(53, 56)


def digits(value: float) -> int:
    """Significant ones, as it is written."""
    return len(f"{abs(value):.17e}".partition("e")[0].replace(".", "").rstrip("0")) if value else 0


@quick
@given(value=floats)
def test_a_number_has_three_digits_and_no_extreme_size(value):
    said = rounding.number(value)
    assert math.isnan(said) or said == 0 or 1e-10 < abs(said) <= 1e9
    assert math.isnan(said) or said == float(f"{said:.2e}")
    assert np.isnan(said) == (not abs(value) <= 1e9)


@quick
@given(value=st.floats(-1e6, 1e6), bar=st.floats(-1e4, 1e4).map(lambda v: round(v, 2)))
@example(84.996, 85.0)
@example(85.0, 85.0)
@example(99.96, 100.0)
@example(0.0, -0.001)
def test_a_value_stays_on_its_side_of_the_bar(value, bar):
    said = rounding.beside(value, bar)
    assert (said > bar) == (value > bar)
    assert (said < bar) == (value < bar)


@quick
@given(values=st.lists(floats, max_size=300), x=st.lists(floats, max_size=300))
def test_a_curve_has_few_points_of_a_thousand_steps(values, x):
    places, series = rounding.curve(x, {"loss": values})
    assert len(places) <= rounding.POINTS >= len(series["loss"])
    assert places == sorted(set(places))
    finite = [abs(value) for value in series["loss"] if math.isfinite(value)]
    if top := max(finite, default=0.0):
        step = 10.0 ** (math.floor(math.log10(top)) - 2)
        assert all(abs(value / step - round(value / step)) < 1e-6 for value in finite)


def test_a_curve_of_three_hundred_thousand_points_is_small_and_keeps_its_ends():
    record = Recorder()
    losses = np.random.default_rng(0).normal(size=300_000)
    record.curve("t", "epoch", range(1, 300_001), **{f"s{i}": losses for i in range(9)})
    (figure,) = record.figures
    assert len(msgspec.json.encode(figure)) < 5_000
    assert (figure.data["x"][0], figure.data["x"][-1]) == (1.0, 300_000.0)
    assert len(figure.data["series"]) == rounding.SERIES


def test_no_text_is_hidden_in_a_curves_x():
    spelled = [float(ord(letter)) for letter in "the hidden input is 0.25"]
    assert rounding.curve(spelled, {"loss": spelled})[0] == list(range(1, len(spelled) + 1))


@quick
@given(seed=st.integers(0, 99), k=st.integers(1, 40))
def test_a_confusion_matrix_keeps_its_most_frequent_mistakes_in_few_steps(seed, k):
    matrix = np.random.default_rng(seed).integers(0, 500, (k, k)).tolist()
    found = np.array(rounding.confusion(matrix))
    mistakes = found[~np.eye(k, dtype=bool)]
    assert (mistakes > 0).sum() <= rounding.MISTAKES
    assert {int(str(count)[0]) for count in mistakes if count} <= {1, 2, 5}
    assert rounding.confusion(found.tolist()) == found.tolist()


@quick
@given(shape=st.tuples(st.integers(1, 200), st.integers(1, 200)), count=st.integers(1, 20))
def test_pictures_have_few_pixels_and_levels(shape, count):
    pictures = np.random.default_rng(0).random((count, *shape))
    rows = rounding.pictures({str(i): pictures for i in range(9)})
    found = [np.array(picture) for _, row in rows for picture in row]
    assert len(rows) == rounding.ROWS
    assert sum(picture.size for picture in found) <= rounding.PIXELS
    assert len(np.unique(np.concatenate([picture.ravel() for picture in found]))) <= rounding.LEVELS


def test_what_is_no_picture_is_a_dot():
    for nonsense in ("text", None, np.zeros(3), np.empty((0, 4)), [[1, 2], [3]]):
        ((_, row),) = rounding.pictures({"a": [nonsense]})
        assert np.shape(row[0]) == (1, 1)


def test_total_seconds_have_few_steps():
    said = {rounding.total_seconds(hundredth / 100) for hundredth in range(1, 400_000)}
    assert len(said) <= len(rounding.STEPS) + 3
    assert rounding.total_seconds(0.0) == 0.0


def test_a_test_records_so_much_and_no_more():
    record = Recorder()
    for _ in range(1000):
        record.number("t", "n", 1.0)
    assert len(record.figures) == FIGURES
    large = np.random.default_rng(0).random((640, 640))
    record = Recorder()
    for _ in range(FIGURES):
        record.page("t", large, [], [])
    assert 0 < len(record.figures) < FIGURES
    assert sum(len(msgspec.json.encode(figure)) for figure in record.figures) <= TEST_BYTES


def test_all_tests_of_a_report_share_one_room():
    room = Room(2_000)
    recorders = [Recorder(room) for _ in range(100)]
    for record in recorders:
        record.number("t", "n", 1.0)
    sizes = [len(msgspec.json.encode(figure)) for record in recorders for figure in record.figures]
    assert 0 < sum(sizes) <= 2_000
