"""Tests of one's own for softmax that catch every wrong answer and accept every right one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.testing import (
    assert_close,
    assert_gradient,
    assert_raises,
    assert_unchanged,
    labelled_logits,
    logits,
    probabilities,
    snapshot,
)

ROWS_FAR_APART = np.array([[1e4, 1e4 - 1.0, 0.0], [-1e4, -1e4 + 1.0, 0.0], [3.0, 2.0, -1.0]])


def log_softmax_of(z):
    """The formula, row by row, shifted by each row's own maximum."""
    return np.array([row - row.max() - np.log(np.exp(row - row.max()).sum()) for row in z]).reshape(z.shape)


@given(p=probabilities())
def test_softmax_undoes_the_logarithm(student, p):
    """softmax(log p) = p."""
    assert_close(student.softmax(np.log(p)), p, atol=1e-13)


@given(z=logits(n=1))
def test_softmax_of_one_example(student, z):
    """One row in, one row out."""
    assert_close(student.softmax(z), np.exp(log_softmax_of(z)), rtol=1e-12)


def test_softmax_of_rows_far_apart(student):
    """Each row is shifted by a maximum of its own."""
    assert_close(student.softmax(ROWS_FAR_APART), np.exp(log_softmax_of(ROWS_FAR_APART)), atol=1e-11)


@given(z=logits())
def test_log_softmax_is_its_formula(student, z):
    """z less the logarithm of the sum of exponentials of its row."""
    assert_close(student.log_softmax(z), log_softmax_of(z), rtol=1e-11, atol=1e-11)


def test_log_softmax_keeps_small_probabilities(student):
    """log_softmax([[0, 1000]]) = [[-1000, 0]]."""
    assert_close(student.log_softmax(np.array([[0.0, 1000.0]])), np.array([[-1000.0, 0.0]]), atol=1e-9)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_float32_stays_float32(student, name):
    """The result has z's dtype."""
    z = np.array([[0.5, -1.0, 2.0]], dtype=np.float32)
    expected = log_softmax_of(z) if name == "log_softmax" else np.exp(log_softmax_of(z))
    assert_close(getattr(student, name)(z), expected.astype(np.float32), rtol=1e-5, atol=1e-6)


@given(z=logits())
def test_softmax_leaves_its_argument(student, z):
    """z is as it was."""
    before = snapshot(z)
    student.softmax(z)
    assert_unchanged(z, before)


@given(batch=labelled_logits())
def test_cross_entropy_is_the_mean_surprise(student, batch):
    """The mean of -log_softmax at the labels; one number."""
    z, y = batch
    expected = -np.mean([row[label] for row, label in zip(log_softmax_of(z), y, strict=True)])
    assert_close(student.cross_entropy(z, y), float(expected), rtol=1e-11, atol=1e-11)


def test_cross_entropy_of_large_logits(student):
    """A label whose probability rounds to 0 costs 1000 nats."""
    assert_close(student.cross_entropy(np.array([[0.0, 1000.0]]), np.array([0])), 1000.0)


@pytest.mark.parametrize("label", [-1, 3])
@pytest.mark.parametrize("name", ["cross_entropy", "cross_entropy_grad"])
def test_labels_out_of_range_are_refused(student, name, label):
    """ValueError for a label that names no class."""
    with assert_raises(ValueError):
        getattr(student, name)(np.zeros((2, 3)), np.array([0, label]))


@given(batch=labelled_logits(bound=3.0))
def test_gradient_is_the_derivative_of_the_formula(student, batch):
    """By central differences of the formula, and not of the student's own loss."""
    z, y = batch

    def loss(at):
        return -np.mean(log_softmax_of(at)[np.arange(len(y)), y])

    assert_gradient(loss, z, student.cross_entropy_grad(z, y))


@given(batch=labelled_logits())
def test_gradient_leaves_its_arguments(student, batch):
    """z and y are as they were."""
    z, y = batch
    before = snapshot(z, y)
    student.cross_entropy_grad(z, y)
    assert_unchanged((z, y), before)


@given(c=st.integers(-9, 9))
def test_equal_logits_cost_the_logarithm_of_the_classes(student, c):
    """ln k nats, whatever the labels."""
    assert_close(student.cross_entropy(np.full((2, 5), float(c)), np.array([1, 4])), np.log(5), atol=1e-12)
