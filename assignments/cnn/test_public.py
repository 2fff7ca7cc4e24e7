"""Public tests of `cnn`: run them with `deepgrade check`. The server runs these, and hidden ones."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autograder.testing import Heard, assert_close, assert_equal, check, describe, lend, points

SEEDS = st.integers(0, 2**31 - 1)


def batches_of(answer):
    """The batches as a list, if they are int64 tensors with one axis."""
    data = answer is None or isinstance(answer, (bool, int, float, str, dict, torch.Tensor))
    check(not data, f"minibatches returned {describe(answer)}, expected a list of tensors", "wrong_type")
    batches = list(answer)
    for batch in batches:
        check(type(batch) is torch.Tensor, f"a batch is {describe(batch)}, expected a tensor", "wrong_type")
        check(batch.dtype == torch.int64, f"a batch has dtype {batch.dtype}, expected int64", "wrong_dtype")
        check(batch.dim() == 1, f"a batch has shape {tuple(batch.shape)}, expected one axis", "wrong_shape")
    return batches


def as_float(value, what):
    """A Python float, or one of numpy or torch in as many bits as float32."""
    real = isinstance(value, (int, float)) or (isinstance(value, np.floating) and value.itemsize >= 4)
    if type(value) is torch.Tensor and value.shape == ():
        real = value.dtype in (torch.float32, torch.float64)
    check(real, f"{what} is {describe(value)}, expected a float", "wrong_type")
    return float(value)


# ----------------------------------------------------------------------------------------------------------- builders


@points(1, problem="builders")
def test_widths_of_the_handout(student):
    """784 inputs, 10 classes and 40,000 parameters leave room for 50 hidden units."""
    assert_equal(student.widest_layer(784, 10, 40_000), 50, what="the width")


@pytest.mark.parametrize(
    "widths, parameters", [([784, 200, 100, 10], 178_110), ([784, 50, 10], 39_760)], ids=["three layers", "two layers"]
)
@points(0.25, problem="builders")
def test_parameters_of_the_handouts_dense_networks(student, widths, parameters):
    """The dense network {widths} of the handout has {parameters} parameters."""
    model = student.build_mlp(widths, "tanh", 0.5)
    assert_equal(student.count_parameters(model), parameters, what="the number of parameters")


@pytest.mark.parametrize(
    "kind, parameters", [("without batch norm", 5_994), ("with batch norm", 6_018)], ids=["plain", "batch norm"]
)
@points(0.25, problem="builders")
def test_parameters_of_the_handouts_convolutional_networks(student, kind, parameters):
    """The convolutional network of the handout has {parameters} parameters {kind}."""
    batch_norm = kind == "with batch norm"
    model = student.build_cnn((1, 28, 28), 10, [8, 16], kernel_size=5, batch_norm=batch_norm)
    assert_equal(student.count_parameters(model), parameters, what="the number of parameters")


# --------------------------------------------------------------------------------------------------------------- loop


@points(1, problem="loop")
@settings(max_examples=10)
@given(seed=SEEDS)
def test_batches_of_the_handout(student, seed):
    """10 examples in batches of 4: sizes 4, 4 and 2, and together the numbers 0 to 9."""
    batches = batches_of(student.minibatches(10, 4, seed))
    assert_equal([len(batch) for batch in batches], [4, 4, 2], what="the sizes")
    assert_equal(torch.cat(batches).sort().values, torch.arange(10), what="all of them, sorted")


@points(1, problem="loop")
@settings(max_examples=20)
@given(x=st.floats(-3, 3), label=st.integers(0, 1), rate=st.floats(0.01, 2))
def test_a_step_of_the_handout(student, x, label, rate):
    """One example x, two classes, weights 0: after one step the weight of its class is learning_rate x / 2, and that of
    the other class the opposite."""
    model = nn.Sequential(nn.Linear(1, 2, bias=False)).double()
    nn.init.zeros_(model[0].weight)
    lent = lend(student, model)
    inputs, labels = torch.full((1, 1), x, dtype=torch.float64), torch.full((1,), label)
    student.train(lent, inputs, labels, epochs=1, batch_size=1, learning_rate=rate)
    expected = torch.full((2, 1), -rate * x / 2, dtype=torch.float64)
    expected[label] *= -1
    assert_close(lent.state_dict()["0.weight"], expected, what="the weights", atol=1e-12)


@points(1, problem="loop")
@settings(max_examples=3)
@given(seed=SEEDS)
def test_two_clouds_are_told_apart(student, seed):
    """A dense network learns two clouds of points, and log hears the loss fall."""
    draw = torch.Generator().manual_seed(seed)
    y = torch.arange(40) % 2
    x = torch.where(y[:, None] == 0, -1.0, 1.0) + 0.2 * torch.randn(40, 2, generator=draw)
    heard = Heard("loss", "accuracy")
    model = student.build_mlp([2, 8, 2])
    student.train(model, x, y, epochs=20, batch_size=8, learning_rate=0.1, log=heard.log)
    losses = [as_float(loss, "the loss that log hears") for loss, _ in heard.epochs(20)]
    check(losses[-1] < losses[0], f"the loss goes from {losses[0]} to {losses[-1]}, expected a fall")
    assert_equal(student.predict(model, x), y, what="the classes")
