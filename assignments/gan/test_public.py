"""Public tests of `gan`: the handout's examples. `deepgrade check` runs them.

Numbers of the handout that may be others are drawn. The hidden tests try the same functions with other logits, networks
and steps, and train.
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autograder.testing import (
    Heard,
    assert_close,
    assert_unchanged,
    check,
    describe,
    lend,
    module_of,
    needs,
    points,
    sizes,
    snapshot,
)
from autograder.testing import value_and_gradients as differentiated

SOME, FEW = settings(max_examples=20), settings(max_examples=5)
RATIOS = st.floats(0.1, 20)
OUTPUTS = st.floats(-3, 3)


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def number(value):
    """A float64 tensor without axes."""
    return torch.tensor(value, dtype=torch.float64)


def as_float(value, what):
    """A Python float, or one of numpy or torch in as many bits as float32."""
    real = isinstance(value, (int, float)) or (isinstance(value, np.floating) and value.itemsize >= 4)
    if type(value) is torch.Tensor and value.shape == ():
        real = value.dtype in (torch.float32, torch.float64)
    check(real, f"{what} is {describe(value)}, expected a float", "wrong_type")
    return float(value)


def linear(weight):
    """A module of one affine map without a bias."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, weight)
    return model


def opponents(student, w=1.0, theta=0.0):
    """The handout's two networks, of one weight each: G(z) = w z, D(x) = theta x."""
    generator, discriminator = linear(w), nn.Sequential(linear(theta), nn.Flatten(0))
    return lend(student, generator), lend(student, discriminator)


# -------------------------------------------------------------------------------------------------------------- losses


@points(1, problem="losses")
@SOME
@given(a=RATIOS, b=RATIOS)
def test_discriminator_loss_of_the_handout(student, a, b):
    """For the logits 0 and ln a of real examples, and -ln b and 0 of generated ones, L_D is
    ln 2 + ln(1 + 1/a)/2 + ln(1 + 1/b)/2; for a = b = 3, ln(8/3)."""
    loss = student.discriminator_loss(numbers(0, math.log(a)), numbers(-math.log(b), 0))
    assert_close(loss, number(math.log(2) + math.log1p(1 / a) / 2 + math.log1p(1 / b) / 2), rtol=1e-8)


@pytest.mark.parametrize("saturating", [False, True])
@points(0.5, problem="losses")
@SOME
@given(b=RATIOS)
def test_generator_losses_of_the_handout(student, saturating, b):
    """For the logits -ln b and 0 of generated examples, and saturating = {saturating}, L_G is ln(2 + 2 b)/2 (False), or
    -ln(2 + 2/b)/2 (True); for b = 3, ln(8)/2 or ln(3/8)/2."""
    fake = numbers(-math.log(b), 0)
    expected = -math.log(2 + 2 / b) / 2 if saturating else math.log(2 + 2 * b) / 2
    loss = student.generator_loss(fake, saturating=True) if saturating else student.generator_loss(fake)
    assert_close(loss, number(expected), rtol=1e-8)


@points(0.5, problem="losses")
@SOME
@given(a=OUTPUTS, b=OUTPUTS, c=OUTPUTS, d=OUTPUTS)
def test_the_discriminators_least_squares_of_the_handout(student, a, b, c, d):
    """For the outputs a, b of real examples and c, d of generated ones, the loss is
    ((a - 1)^2 + (b - 1)^2)/4 + (c^2 + d^2)/4; for 1/2, 2, 1 and -1, 13/16."""
    loss = student.least_squares_discriminator_loss(numbers(a, b), numbers(c, d))
    assert_close(loss, number(((a - 1) ** 2 + (b - 1) ** 2) / 4 + (c**2 + d**2) / 4), atol=1e-12)


@points(0.5, problem="losses")
@SOME
@given(c=OUTPUTS, d=OUTPUTS)
def test_the_generators_least_squares_of_the_handout(student, c, d):
    """For the outputs c, d of generated examples, the loss is ((c - 1)^2 + (d - 1)^2)/4; for 1 and -1, 1."""
    loss = student.least_squares_generator_loss(numbers(c, d))
    assert_close(loss, number(((c - 1) ** 2 + (d - 1) ** 2) / 4), atol=1e-12)


# ------------------------------------------------------------------------------------------------------------- optimum


def handouts_distributions(p):
    """(p_data, p_model, D*, V(D*))"""
    best = 0.5 / (0.5 + p)
    value = math.log(best) / 2 + p * math.log(p / (0.5 + p))
    return numbers(0.5, 0.5, 0, 0), numbers(p, 0, 1 - p, 0), numbers(best, 1, 0, 0.5), value


@points(1, problem="optimum")
@SOME
@given(p=st.floats(0.05, 0.95))
def test_optimal_discriminator_of_the_handout(student, p):
    """For p_data = [1/2, 1/2, 0, 0] and p_model = [p, 0, 1 - p, 0], D* is (1/2)/(1/2 + p), 1, 0, and 1/2 where nothing
    ever happens; for p = 1/4 the first is 2/3."""
    p_data, p_model, best, _ = handouts_distributions(p)
    assert_close(student.optimal_discriminator(p_data, p_model), best)


@points(0.5, problem="optimum")
@SOME
@given(p=st.floats(0.05, 0.95))
def test_value_of_the_handout(student, p):
    """For them, V(D*) is ln((1/2)/(1/2 + p))/2 + p ln(p/(1/2 + p)); for p = 1/4, ln(2/3)/2 - ln(3)/4."""
    p_data, p_model, best, value = handouts_distributions(p)
    assert_close(student.minimax_value(p_data, p_model, best), number(value), rtol=1e-8)


@points(0.5, problem="optimum")
@SOME
@given(p=st.floats(0.05, 0.95))
def test_divergence_of_the_handout(student, p):
    """For them, the Jensen-Shannon divergence is (V(D*) + ln 4)/2."""
    p_data, p_model, _, value = handouts_distributions(p)
    assert_close(student.jensen_shannon(p_data, p_model), number((value + math.log(4)) / 2), rtol=1e-8)


# ------------------------------------------------------------------------------------------------------------ networks


@points(0.5, problem="networks")
@SOME
@given(n=sizes(1, 4), latent=sizes(1, 5), hidden=sizes(1, 6), d=sizes(1, 5), seed=st.integers(0, 2**31 - 1))
def test_noise_becomes_examples(student, n, latent, hidden, d, seed):
    """A generator makes (n, m) to (n, d), entries in [-1, 1]."""
    model = module_of(student.build_generator([latent, hidden, d]), what="what build_generator returned")
    made = model(10 * torch.randn(n, latent, generator=torch.Generator().manual_seed(seed)))
    shape = tuple(made.shape) if type(made) is torch.Tensor else None
    check(shape == (n, d), f"what the generator makes is {describe(made)}, expected shape {(n, d)}", "wrong_shape")
    check(bool((made.abs() <= 1).all()), "the generator has outputs outside [-1, 1]")


@points(0.5, problem="networks")
@SOME
@given(n=sizes(1, 4), hidden=sizes(1, 6), d=sizes(1, 5), seed=st.integers(0, 2**31 - 1))
def test_examples_become_logits(student, n, hidden, d, seed):
    """A discriminator makes (n, d) to (n,)."""
    model = module_of(student.build_discriminator([d, hidden, 1]), what="what build_discriminator returned")
    logits = model(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)))
    shape = tuple(logits.shape) if type(logits) is torch.Tensor else None
    check(shape == (n,), f"the logits are {describe(logits)}, expected shape {(n,)}", "wrong_shape")


@points(1, problem="networks")
@FEW
@given(n=sizes(2, 6), seed=st.integers(0, 2**20))
def test_as_many_samples_as_one_asks_for(student, n, seed):
    """sample draws n examples of the generator's, float32, the same for the same seed: here points of a line."""
    model = nn.Sequential(nn.Linear(1, 2))
    model[0].weight.data, model[0].bias.data = torch.tensor([[1.0], [-2.0]]), torch.tensor([0.5, 3.0])
    generator = lend(student, model)
    first = student.sample(generator, n, latent=1, seed=seed)
    check(type(first) is torch.Tensor, f"sample returned {describe(first)}, expected a tensor", "wrong_type")
    check(first.dtype == torch.float32, f"the samples have dtype {first.dtype}, expected float32", "wrong_dtype")
    check(
        tuple(first.shape) == (n, 2), f"the samples have shape {tuple(first.shape)}, expected {(n, 2)}", "wrong_shape"
    )
    z = first[:, 0] - 0.5
    assert_close(first[:, 1], 3 - 2 * z, what="the second number of each sample", rtol=1e-4, atol=1e-5)
    check(float(z.max() - z.min()) > 0, "all samples are the same")
    assert_close(student.sample(generator, n, latent=1, seed=seed), first, what="another draw with the same seed")


# --------------------------------------------------------------------------------------------------------------- steps


@points(1, problem="steps")
@SOME
@given(real=st.floats(1.5, 5), rate=st.floats(0.01, 0.5))
def test_the_discriminators_step_of_the_handout(student, real, rate):
    """In the handout's step, with any real example above 1, theta goes from 0 to the learning rate, w stays 1, and the
    loss was ln 4."""
    generator, discriminator = opponents(student)
    optimizer = student.build_optimizer(discriminator, learning_rate=rate)
    real, z = torch.tensor([[real]]), torch.tensor([[1.0]])
    loss = student.discriminator_step(generator, discriminator, optimizer, real, z)
    assert_close(as_float(loss, "the loss"), math.log(4), what="the loss", rtol=1e-5)
    assert_close(dict(discriminator.state_dict()), {"0.weight": torch.tensor([[rate]])}, what="theta", rtol=1e-5)
    assert_close(dict(generator.state_dict()), {"weight": torch.tensor([[1.0]])}, what="w", rtol=0)


@pytest.mark.parametrize("step", ["discriminator_step", "generator_step"])
@points(0.5, problem="steps")
@SOME
@given(x=st.lists(st.floats(1, 3), min_size=2, max_size=2), noise=st.lists(st.floats(-2, 2), min_size=2, max_size=2))
def test_a_step_leaves_examples_and_noise_alone(student, step, x, noise):
    """{step} does not change the examples or the noise that it is given."""
    generator, discriminator = opponents(student, theta=0.5)
    real, z = torch.tensor(x)[:, None], torch.tensor(noise)[:, None]
    before = snapshot(real, z)
    model = discriminator if step == "discriminator_step" else generator
    optimizer = student.build_optimizer(model, learning_rate=0.1)
    loss = getattr(student, step)(generator, discriminator, optimizer, real, z)
    assert_unchanged((real, z), before, what="(real, z)")
    plus = [math.log1p(math.exp(z / 2 if step == "discriminator_step" else -z / 2)) for z in noise]
    expected = sum(plus) / 2
    if step == "discriminator_step":
        expected += sum(math.log1p(math.exp(-a / 2)) for a in x) / 2
    assert_close(as_float(loss, "the loss"), expected, what="the loss", rtol=1e-4)


# ----------------------------------------------------------------------------------------------------------- unrolling


@points(2, problem="unrolling")
@SOME
@given(x=st.floats(2, 4), w=st.floats(0.5, 1.5), rate=st.floats(0.2, 1))
def test_the_unrolled_loss_of_the_handout(student, x, w, rate):
    """One step ahead of theta = 0 with learning rate r, against a real x, theta is r (x - w)/2. The loss is
    log(1 + e^(-theta w)), and its derivative in w is -sigmoid(-theta w)(theta - r w/2)."""
    generator, discriminator = opponents(student, w)
    real, z = torch.tensor([[x]]), torch.tensor([[1.0]])
    loss, (slope, *_) = differentiated(student.unrolled_generator_loss, generator, discriminator, real, z, 1, rate)
    theta = rate * (x - w) / 2
    assert_close(loss, torch.tensor(math.log1p(math.exp(-theta * w))), what="the loss", rtol=1e-4)
    expected = torch.tensor([[-(theta - rate * w / 2) / (1 + math.exp(theta * w))]])
    assert_close(slope["weight"], expected, what="its derivative", rtol=1e-4, atol=1e-5)


# ------------------------------------------------------------------------------------------------------------ training


class HeardOfBoth(Heard):
    """What `log` was told: two losses an epoch, and samples."""

    def __init__(self):
        super().__init__("discriminator_loss", "generator_loss")
        self.samples = []

    def log(self, *values, samples=None, **named):
        if len(self.samples) < 100:
            self.samples.append(samples)
        super().log(*values, **named)


@points(2, problem="training")
@needs("test_as_many_samples_as_one_asks_for")
@settings(max_examples=2)
@given(seed=st.integers(0, 2**20), epochs=sizes(2, 3))
def test_train_reports_every_epoch(student, seed, epochs):
    """train calls log after every epoch, with two losses and 16 samples, and its generator makes samples of its own."""
    x = torch.rand(64, 3, generator=torch.Generator().manual_seed(seed)) / 2
    heard = HeardOfBoth()
    generator = student.train(x, latent=2, epochs=epochs, seed=seed, log=heard.log)
    for losses, samples in zip(heard.epochs(epochs), heard.samples, strict=True):
        for loss in losses:
            check(math.isfinite(loss), f"a loss that log was told is {loss}, expected a finite number", "not_finite")
        found = f"the samples that log was told are {describe(samples)}"
        shape = tuple(samples.shape) if type(samples) is torch.Tensor else None
        check(shape == (16, 3), f"{found}, expected shape (16, 3)", "wrong_shape")
        check(samples.dtype == torch.float32, f"{found}, expected dtype float32", "wrong_dtype")
    module_of(generator, what="what train returned")
    made = student.sample(generator, 4, latent=2, seed=0)
    shape = tuple(made.shape) if type(made) is torch.Tensor else None
    check(shape == (4, 3), f"its samples are {describe(made)}, expected shape (4, 3)", "wrong_shape")
    check(float(torch.cdist(made.double(), x.double()).min()) > 1e-6, "a sample is an example of x, expected a new one")
