"""Public tests of `gan`: the handout's examples. `deepgrade check` runs them.

The hidden tests try the same functions with other logits, networks and steps, and train.
"""

import copy
import math

import torch
from hypothesis import given, settings
from torch import nn

from autograder.testing import assert_close, assert_unchanged, check, lend, needs, points, sizes, snapshot
from autograder.testing import value_and_gradients as differentiated

LN3 = math.log(3)


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def linear(weight):
    """A module of one affine map without a bias."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, weight)
    return model


# The handout's two networks, of one weight each: G(z) = z, D(x) = 0.
GENERATOR, DISCRIMINATOR = linear(1.0), nn.Sequential(linear(0.0), nn.Flatten(0))


# -------------------------------------------------------------------------------------------------------------- losses


@points(1, problem="losses")
def test_discriminator_loss_of_the_handout(student):
    """For the logits 0 and ln 3 of real examples, and -ln 3 and 0 of generated ones, L_D is ln(8/3)."""
    loss = student.discriminator_loss(numbers(0, LN3), numbers(-LN3, 0))
    assert_close(loss, numbers(math.log(8 / 3))[0], rtol=1e-8)


@points(1, problem="losses")
def test_generator_losses_of_the_handout(student):
    """For the logits -ln 3 and 0 of generated examples, L_G is ln(8)/2, or ln(3/8)/2 if it is to saturate."""
    fake = numbers(-LN3, 0)
    assert_close(student.generator_loss(fake), numbers(math.log(8) / 2)[0], rtol=1e-8)
    assert_close(student.generator_loss(fake, saturating=True), numbers(math.log(3 / 8) / 2)[0], rtol=1e-8)


@points(1, problem="losses")
def test_least_squares_losses_of_the_handout(student):
    """For the outputs 1/2 and 2 of real examples, and 1 and -1 of generated ones, the losses are 13/16 and 1."""
    real, fake = numbers(0.5, 2), numbers(1, -1)
    assert_close(student.least_squares_discriminator_loss(real, fake), numbers(13 / 16)[0])
    assert_close(student.least_squares_generator_loss(fake), numbers(1)[0])


# ------------------------------------------------------------------------------------------------------------- optimum


@points(1, problem="optimum")
def test_optimal_discriminator_of_the_handout(student):
    """The handout's two distributions have D* = 2/3, 1, 0, and 1/2 where nothing ever happens."""
    found = student.optimal_discriminator(numbers(0.5, 0.5, 0, 0), numbers(0.25, 0, 0.75, 0))
    assert_close(found, numbers(2 / 3, 1, 0, 0.5))


@points(1, problem="optimum")
def test_value_and_divergence_of_the_handout(student):
    """For them, V(D*) is ln(2/3)/2 - ln(3)/4, and the Jensen-Shannon divergence is (V + ln 4)/2."""
    p_data, p_model = numbers(0.5, 0.5, 0, 0), numbers(0.25, 0, 0.75, 0)
    value = math.log(2 / 3) / 2 - LN3 / 4
    assert_close(student.minimax_value(p_data, p_model, numbers(2 / 3, 1, 0, 0.5)), numbers(value)[0], rtol=1e-8)
    assert_close(student.jensen_shannon(p_data, p_model), numbers((value + math.log(4)) / 2)[0], rtol=1e-8)


# ------------------------------------------------------------------------------------------------------------ networks


@points(1, problem="networks")
@settings(max_examples=15)
@given(n=sizes(1, 4), latent=sizes(1, 5), hidden=sizes(1, 6), d=sizes(1, 5))
def test_noise_becomes_examples_and_examples_become_logits(student, n, latent, hidden, d):
    """A generator makes (n, m) to (n, d), entries in [-1, 1], and a discriminator makes (n, d) to (n,)."""
    made = student.build_generator([latent, hidden, d])(torch.randn(n, latent))
    check(
        tuple(made.shape) == (n, d), f"the generator's shape is {tuple(made.shape)}, expected {(n, d)}", "wrong_shape"
    )
    check(bool((made.abs() <= 1).all()), "the generator has outputs outside [-1, 1]")
    logits = student.build_discriminator([d, hidden, 1])(torch.randn(n, d))
    check(tuple(logits.shape) == (n,), f"the logits have shape {tuple(logits.shape)}, expected {(n,)}", "wrong_shape")


@points(1, problem="networks")
def test_as_many_samples_as_one_asks_for(student):
    """sample draws n examples, the same for the same seed."""
    generator = lend(student, nn.Sequential(nn.Linear(3, 2), nn.Tanh()))
    first = student.sample(generator, 5, latent=3, seed=1)
    check(tuple(first.shape) == (5, 2), f"the samples have shape {tuple(first.shape)}, expected (5, 2)", "wrong_shape")
    assert_close(student.sample(generator, 5, latent=3, seed=1), first, what="another draw with the same seed")


# --------------------------------------------------------------------------------------------------------------- steps


@points(1, problem="steps")
def test_the_discriminators_step_of_the_handout(student):
    """In the handout's step, theta goes from 0 to 1/10, w stays 1, and the loss was ln 4."""
    generator, discriminator = (lend(student, copy.deepcopy(model)) for model in (GENERATOR, DISCRIMINATOR))
    optimizer = student.build_optimizer(discriminator, learning_rate=0.1)
    real, z = torch.tensor([[3.0]]), torch.tensor([[1.0]])
    loss = student.discriminator_step(generator, discriminator, optimizer, real, z)
    assert_close(loss, math.log(4), what="the loss", rtol=1e-5, any_float=True)
    assert_close(dict(discriminator.state_dict()), {"0.weight": torch.tensor([[0.1]])}, what="theta", rtol=1e-5)
    assert_close(dict(generator.state_dict()), {"weight": torch.tensor([[1.0]])}, what="w", rtol=0)


@points(1, problem="steps")
def test_a_step_leaves_examples_and_noise_alone(student):
    """Neither step changes the examples or the noise that it is given."""
    generator, discriminator = (lend(student, copy.deepcopy(model)) for model in (GENERATOR, DISCRIMINATOR))
    real, z = torch.tensor([[3.0], [2.0]]), torch.tensor([[1.0], [-1.0]])
    before = snapshot(real, z)
    optimizer = student.build_optimizer(discriminator, learning_rate=0.1)
    student.discriminator_step(generator, discriminator, optimizer, real, z)
    assert_unchanged((real, z), before, what="(real, z), by discriminator_step,")
    optimizer = student.build_optimizer(generator, learning_rate=0.1)
    student.generator_step(generator, discriminator, optimizer, real, z)
    assert_unchanged((real, z), before, what="(real, z), by generator_step,")


# ----------------------------------------------------------------------------------------------------------- unrolling


@points(2, problem="unrolling")
def test_the_unrolled_loss_of_the_handout(student):
    """One step ahead, the handout's loss is log(1 + 1/e), and its derivative in w is -sigmoid(-1)/2."""
    generator, discriminator = (lend(student, copy.deepcopy(model)) for model in (GENERATOR, DISCRIMINATOR))
    real, z = torch.tensor([[3.0]]), torch.tensor([[1.0]])
    loss, (slope, *_) = differentiated(student.unrolled_generator_loss, generator, discriminator, real, z, 1, 1.0)
    assert_close(loss, torch.tensor(math.log(1 + math.exp(-1))), what="the loss", rtol=1e-5)
    expected = torch.tensor([[-0.5 / (1 + math.exp(1))]])
    assert_close(slope["weight"], expected, what="its derivative", rtol=1e-5)


# ------------------------------------------------------------------------------------------------------------ training


@points(2, problem="training")
@needs("test_as_many_samples_as_one_asks_for")
def test_train_reports_every_epoch(student):
    """train calls log after every epoch, with two losses and 16 samples, and its generator can be drawn from."""
    x = torch.rand(64, 3, generator=torch.Generator().manual_seed(1)) / 2
    heard = []

    def log(epoch, discriminator_loss, generator_loss, samples):
        heard.append((epoch, tuple(samples.shape), math.isfinite(discriminator_loss + generator_loss)))

    generator = student.train(x, latent=2, epochs=3, seed=0, log=log)
    check(heard == [(epoch, (16, 3), True) for epoch in (1, 2, 3)], f"log heard {heard}, expected three epochs")
    samples = student.sample(generator, 4, latent=2, seed=0)
    check(tuple(samples.shape) == (4, 3), f"its samples have shape {tuple(samples.shape)}, expected (4, 3)")
