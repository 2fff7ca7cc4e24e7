"""What a terminal of 80 columns shows: no word is broken, one line for each function to write, the first cause last."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from autograder.cli import console
from autograder.testing import assert_close
from autograder.testing.mismatch import Mismatch


def printed(table, width=80) -> str:
    out = Console(file=io.StringIO(), width=width)
    out.print(table)
    return out.file.getvalue()  # type: ignore[attr-defined]


def test_a_table_breaks_between_words_and_at_underscores_alone():
    rows = console.table("Name", "Title", "Points", "Hand in", "Device", "Staff's half", numbers=("Points",))
    rows.add_row("optimizers", "Optimizers, normalization, regularization", "100", "optimizers.py", "cpu", "yes")
    rows.add_row("autoencoder", "Autoencoder", "100", "autoencoder.py, layers.py, weights.npz", "cpu", "yes")
    text = printed(rows)
    assert max(map(len, text.splitlines())) <= 80
    shown = set(text.split())
    for word in "optimizers.py autoencoder.py, Optimizers, normalization, regularization Staff's half Device".split():
        assert word in shown
    rows = console.table("Wrong f", "dies by", "points lost", "outside")
    name = "test_that_the_gradient_of_each_layer_is_that_of_its_loss_by_central_differences"
    rows.add_row("draws_each_batch_anew_" * 3, name, "12", "3")
    for line in printed(rows).splitlines()[4:]:
        for word in line.split():
            assert word.isdigit() or word.endswith(("_", "differences")), line


def test_a_stub_has_a_line_for_each_function(deepgrade, tiny):
    result = deepgrade("check", cwd=tiny.folder, COLUMNS="80")
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[-2:] == [
        "mean_squared_error: is not implemented yet (1 test)",
        "mean_squared_error_grad: is not implemented yet (1 test)",
    ] or lines[-1:] == ["mean_squared_error: is not implemented yet (2 tests)"]
    assert len(lines) < 15


def test_the_first_cause_comes_last(deepgrade, tiny):
    path = tiny.folder / "tiny.py"
    path.write_text("def mean_squared_error(p, y):\n    raise ValueError('no such axis')\n")
    result = deepgrade("check", cwd=tiny.folder)
    said = result.stdout
    assert said.index("The server runs hidden tests too") < said.index("test_gradient_vanishes_at_the_target: blocked")
    assert said.index("test_gradient_vanishes_at_the_target: blocked") < said.index("raised ValueError: no such axis")
    assert "ValueError: ValueError" not in said


@pytest.mark.parametrize("part", ["small", "error_of_a_small_example", "Small-Example"])
def test_a_part_of_a_tests_name_will_do(deepgrade, tiny, part):
    told = json.loads(deepgrade("check", tiny.folder, "--test", part, "--json").stdout)
    assert [test["name"] for test in told["tests"]] == ["test_error_of_a_small_example"]


def test_near_names_are_offered(deepgrade, tiny):
    result = deepgrade("check", tiny.folder, "--test", "tset_gradient_vanish_at_target")
    assert result.returncode == 2
    assert "did you mean test_gradient_vanishes_at_the_target?" in result.stderr
    result = deepgrade("check", tiny.folder, "--test", "xyz")
    assert "it has test_error_of_a_small_example, test_gradient_vanishes_at_the_target" in result.stderr


def test_small_arrays_are_shown_whole_and_large_ones_are_not():
    with pytest.raises(Mismatch) as failure:
        assert_close(np.arange(12.0).reshape(3, 4), np.ones((3, 4)))
    assert str(failure.value).splitlines()[1:] == [
        "found     [[ 0.,  1.,  2.,  3.],",
        "           [ 4.,  5.,  6.,  7.],",
        "           [ 8.,  9., 10., 11.]]",
        "expected  [[1., 1., 1., 1.],",
        "           [1., 1., 1., 1.],",
        "           [1., 1., 1., 1.]]",
    ]
    with pytest.raises(Mismatch) as failure:
        assert_close(np.zeros(13), np.ones(13))
    assert "\n" not in str(failure.value)
