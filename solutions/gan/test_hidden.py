"""Hidden tests of `gan`: losses and steps against an oracle in which no logit passes a sigmoid, and samples by a judge.

The oracle writes losses as log(e^0 + e^z), takes networks of its own through the same steps with torch's own Adam, and
unrolls by lists of tensors. Networks that are lent are drawn with tanh inside, so that no step sits at a kink, and work
in float64, so that a step is right to many digits. Samples are judged by a classifier that scripts/train_gan_judge.py
trained: by the classes that it sees in them, and by Frechet's distance between its features of samples and of data.
"""

import copy
import math
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from torch import nn
from torch.nn import functional

from autograder import datasets
from autograder.testing import (
    Mismatch,
    assert_close,
    assert_equal,
    assert_raises,
    assert_unchanged,
    check,
    lend,
    limits,
    needs,
    points,
    sizes,
    snapshot,
    value_and_gradients,
)

SEEDS = st.integers(0, 2**31 - 1)
DTYPES = st.sampled_from([torch.float64, torch.float32])
BETAS = (0.5, 0.99)

# ---------------------------------------------------------------------------------------------------------- the oracle


def plus(z):
    """log(1 + e^z)."""
    return torch.logaddexp(z, torch.zeros_like(z))


def oracle_d_loss(real, fake):
    return torch.sum(plus(-real)) / len(real) + torch.sum(plus(fake)) / len(fake)


def oracle_g_loss(fake):
    return torch.sum(plus(-fake)) / len(fake)


def oracle_unrolled(generator, discriminator, real, z, steps, rate):
    forged = generator(z)
    names = [name for name, _ in discriminator.named_parameters()]
    theta = list(discriminator.parameters())
    for _ in range(steps):
        apply = partial(torch.func.functional_call, discriminator, dict(zip(names, theta, strict=True)))
        slopes = torch.autograd.grad(oracle_d_loss(apply(real), apply(forged)), theta, create_graph=True)
        theta = [p - rate * slope for p, slope in zip(theta, slopes, strict=True)]
    return oracle_g_loss(torch.func.functional_call(discriminator, dict(zip(names, theta, strict=True)), forged))


def oracle_adam(model, rate):
    return torch.optim.Adam(model.parameters(), lr=rate, betas=BETAS)


def oracle_d_step(generator, discriminator, optimizer, real, z):
    loss = oracle_d_loss(discriminator(real), discriminator(generator(z).detach()))
    gradients = torch.autograd.grad(loss, list(discriminator.parameters()))
    return apply_gradients(discriminator, optimizer, gradients, loss)


def oracle_g_step(generator, discriminator, optimizer, real, z, unroll=0, rate=0.05):
    loss = oracle_unrolled(generator, discriminator, real, z, unroll, rate)
    return apply_gradients(generator, optimizer, torch.autograd.grad(loss, list(generator.parameters())), loss)


def apply_gradients(model, optimizer, gradients, loss):
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()
    return float(loss.detach())


def entropy(p):
    return -sum(v * math.log(v) for v in p.tolist() if v > 0)


# ---------------------------------------------------------------------------------------------------- what tests draw


def drawn(seed, *shape, scale=1.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed % 2**31)
    return (scale * torch.randn(*shape, generator=generator, dtype=torch.float64)).to(dtype)


def network(widths, seed, *end):
    """A small network, smooth, with biases that are not zero; float32 numbers that float64 can work with."""
    layers = []
    for place, (fan_in, fan_out) in enumerate(pairwise(widths)):
        affine = nn.Linear(fan_in, fan_out)
        affine.weight.data = drawn(seed + place, fan_out, fan_in, scale=1.2 / math.sqrt(fan_in), dtype=torch.float32)
        affine.bias.data = drawn(seed + place + 50, fan_out, scale=0.5, dtype=torch.float32)
        layers += [affine, nn.Tanh()]
    return nn.Sequential(*layers[:-1], *end)


def precise(model):
    """A copy in float64."""
    return copy.deepcopy(model).double()


def lent(student, model):
    return lend(student, copy.deepcopy(model)).double()


def state(model):
    """The named tensors of a module, copied."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def opponents(seed, d, m):
    """(generator, discriminator)"""
    return network([m, 4, d], seed, nn.Tanh()), network([d, 5, 1], seed + 7, nn.Flatten(0))


@st.composite
def games(draw):
    """(generator, discriminator, [(real, z), ..]): what a few steps are made with."""
    seed, d, m = draw(SEEDS), draw(sizes(1, 4)), draw(sizes(1, 3))
    counts = draw(st.lists(st.tuples(sizes(1, 5), sizes(1, 5)), min_size=2, max_size=4))
    batches = [
        (drawn(seed + 10 * i, n, d, scale=0.6), drawn(seed + 10 * i + 5, k, m)) for i, (n, k) in enumerate(counts)
    ]
    return *opponents(seed, d, m), batches


@st.composite
def two_distributions(draw):
    """(p_data, p_model): each sums to 1, some entries are 0, in places in both."""
    k, seed = draw(sizes(1, 6)), draw(SEEDS)
    rng = np.random.default_rng(seed)
    pair = rng.random((2, k + 1)) + 0.05
    pair *= rng.random((2, k + 1)) > 0.3
    pair[:, 0] += 0.1
    pair[:, rng.integers(1, k + 1)] *= 0
    return tuple(torch.tensor(row / row.sum()) for row in pair)


def assert_number(actual, expected, what, rtol=1e-8, atol=1e-8):
    """A tensor without axes. To eight digits: from 20 on, torch's softplus(z) is z, which is off by e^-20."""
    check(type(actual) is torch.Tensor, f"{what} is no tensor", "wrong_type")
    assert_close(actual, expected, what=what, rtol=rtol, atol=atol)


# -------------------------------------------------------------------------------------------------------------- losses


@points(3, problem="losses")
@settings(max_examples=30)
@given(seed=SEEDS, n=sizes(1, 6), m=sizes(1, 6))
def test_discriminator_loss_is_its_formula(student, seed, n, m):
    """L_D = -mean log sigmoid(real) - mean log(1 - sigmoid(fake)): two means, each over its own logits."""
    real, fake = drawn(seed, n, scale=3), drawn(seed + 1, m, scale=3)
    assert_number(student.discriminator_loss(real, fake), oracle_d_loss(real, fake), "the loss")


@points(3, problem="losses")
@settings(max_examples=30)
@given(seed=SEEDS, m=sizes(1, 6))
def test_generator_losses_are_their_formulas(student, seed, m):
    """L_G = -mean log sigmoid(fake) unless it is to saturate, and mean log(1 - sigmoid(fake)) then."""
    fake = drawn(seed, m, scale=3)
    assert_number(student.generator_loss(fake), oracle_g_loss(fake), "the loss")
    assert_number(student.generator_loss(fake, saturating=False), oracle_g_loss(fake), "the non-saturating loss")
    assert_number(student.generator_loss(fake, saturating=True), -torch.mean(plus(fake)), "the saturating loss")


FAR = st.sampled_from([-1e4, -1e3, -200.0, -30.0, 30.0, 200.0, 1e3, 1e4])


@points(4, problem="losses")
@settings(max_examples=30)
@given(real=st.lists(FAR, min_size=1, max_size=4), fake=st.lists(FAR, min_size=1, max_size=4), dtype=DTYPES)
def test_losses_stay_right_for_huge_logits(student, real, fake, dtype):
    """For logits of +-1e3 and beyond, in float32 too, losses are the large numbers that they are, and never NaN."""
    real, fake = torch.tensor(real, dtype=dtype), torch.tensor(fake, dtype=dtype)
    rtol = 1e-8 if dtype == torch.float64 else 1e-5
    wide = real.double(), fake.double()
    for what, found, expected in (
        ("discriminator_loss", student.discriminator_loss(real, fake), oracle_d_loss(*wide)),
        ("generator_loss", student.generator_loss(fake), oracle_g_loss(wide[1])),
        ("the saturating loss", student.generator_loss(fake, saturating=True), -torch.mean(plus(wide[1]))),
    ):
        assert_number(found, expected.to(dtype), what, rtol=rtol, atol=rtol)


@points(4, problem="losses")
@settings(max_examples=30)
@given(seed=SEEDS, n=sizes(1, 5), m=sizes(1, 5), far=st.sampled_from([1.0, 3.0, 1e3]))
def test_gradients_of_losses_are_probabilities(student, seed, n, m, far):
    """dL_D/dreal = (sigmoid(real) - 1)/n, dL_D/dfake = sigmoid(fake)/m, dL_G/dfake = (sigmoid(fake) - 1)/m, or
    -sigmoid(fake)/m where it saturates; for huge logits, too."""
    real, fake = drawn(seed, n, scale=far), drawn(seed + 1, m, scale=far)
    _, (d_real, d_fake) = value_and_gradients(student.discriminator_loss, real, fake)
    near = {"rtol": 1e-7, "atol": 1e-8}
    assert_close(d_real, (torch.sigmoid(real) - 1) / n, what="dL_D/dreal", **near)
    assert_close(d_fake, torch.sigmoid(fake) / m, what="dL_D/dfake", **near)
    _, (slope,) = value_and_gradients(student.generator_loss, fake)
    assert_close(slope, (torch.sigmoid(fake) - 1) / m, what="dL_G/dfake", **near)
    _, (slope, _) = value_and_gradients(student.generator_loss, fake, True)
    assert_close(slope, -torch.sigmoid(fake) / m, what="the saturating dL_G/dfake", **near)


@points(3, problem="losses")
@settings(max_examples=25)
@given(seed=SEEDS, n=sizes(1, 5), m=sizes(1, 5))
def test_least_squares_losses_are_their_formulas(student, seed, n, m):
    """Half the mean square of what real outputs lack to 1, and of fake ones (to 0, or to 1 for the generator); their
    gradients are (real - 1)/n, fake/m and (fake - 1)/m."""
    real, fake = drawn(seed, n, scale=2), drawn(seed + 1, m, scale=2)
    expected = ((real - 1) ** 2).sum() / (2 * n) + (fake**2).sum() / (2 * m)
    value, (d_real, d_fake) = value_and_gradients(student.least_squares_discriminator_loss, real, fake)
    assert_number(value, expected, "the discriminator's loss")
    assert_close(d_real, (real - 1) / n, what="its gradient in real")
    assert_close(d_fake, fake / m, what="its gradient in fake")
    value, (slope,) = value_and_gradients(student.least_squares_generator_loss, fake)
    assert_number(value, ((fake - 1) ** 2).sum() / (2 * m), "the generator's loss")
    assert_close(slope, (fake - 1) / m, what="its gradient")


@points(2, problem="losses")
@settings(max_examples=25)
@given(seed=SEEDS, n=sizes(1, 5), dtype=DTYPES)
def test_losses_keep_the_dtype_and_their_inputs(student, seed, n, dtype):
    """Every loss is a tensor without axes, of the dtype of its logits, which stay as they are."""
    real, fake = drawn(seed, n, dtype=dtype), drawn(seed + 1, n, dtype=dtype)
    before = snapshot(real, fake)
    for name, arguments in (
        ("discriminator_loss", (real, fake)),
        ("generator_loss", (fake,)),
        ("least_squares_discriminator_loss", (real, fake)),
        ("least_squares_generator_loss", (fake,)),
    ):
        loss = getattr(student, name)(*arguments)
        check(type(loss) is torch.Tensor, f"{name} is no tensor", "wrong_type")
        check(loss.shape == (), f"{name} has shape {tuple(loss.shape)}, expected no axes", "wrong_shape")
        check(loss.dtype == dtype, f"{name} has dtype {loss.dtype}, expected {dtype}", "wrong_dtype")
        assert_unchanged((real, fake), before, what="(real, fake)")


# ------------------------------------------------------------------------------------------------------------- optimum


@points(3, problem="optimum")
@settings(max_examples=30)
@given(pair=two_distributions())
def test_optimal_discriminator_is_its_formula(student, pair):
    """D* = p_data / (p_data + p_model) where either is positive, and 1/2 where neither is."""
    expected = [p / (p + q) if p + q > 0 else 0.5 for p, q in zip(*(side.tolist() for side in pair), strict=True)]
    before = snapshot(*pair)
    assert_close(student.optimal_discriminator(*pair), torch.tensor(expected, dtype=torch.float64), what="D*")
    assert_unchanged(pair, before, what="(p_data, p_model)")


@points(4, problem="optimum")
@settings(max_examples=30)
@given(pair=two_distributions(), seed=SEEDS)
def test_minimax_value_is_its_formula(student, pair, seed):
    """V = sum p_data log d + p_model log(1 - d): 0 log 0 is 0, and ruling out what happens costs infinitely much."""
    p_data, p_model = pair
    d = torch.rand(len(p_data), generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 0.9 + 0.05
    d = torch.where(p_data == 0, torch.where(p_model == 0, d.round(), 0.0), torch.where(p_model == 0, 1.0, d))
    terms = [
        (p * math.log(v) if p > 0 else 0) + (q * math.log(1 - v) if q > 0 else 0)
        for p, q, v in zip(p_data.tolist(), p_model.tolist(), d.tolist(), strict=True)
    ]
    assert_number(student.minimax_value(p_data, p_model, d), torch.tensor(sum(terms), dtype=torch.float64), "V")
    wrong = torch.where(p_data == 0, 0.5, 0.0)
    assert_number(student.minimax_value(p_data, p_model, wrong), torch.tensor(-math.inf, dtype=torch.float64), "V")


@points(2, problem="optimum")
@settings(max_examples=25)
@given(pair=two_distributions(), seed=SEEDS)
def test_nobody_does_better_than_the_optimum(student, pair, seed):
    """V is greatest at D*, and where p_data = p_model it is -log 4 there."""
    best = student.minimax_value(*pair, student.optimal_discriminator(*pair))
    other = torch.rand(len(pair[0]), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    seen = pair[0] + pair[1] > 0
    near = torch.where(seen, pair[0] / torch.where(seen, pair[0] + pair[1], 1.0), 0.5)
    for d in (other, near, 0.99 * near + 0.01 * other):
        check(float(best) >= float(student.minimax_value(*pair, d)) - 1e-9, "another d has a greater V than D*")
    even = student.minimax_value(pair[0], pair[0], student.optimal_discriminator(pair[0], pair[0]))
    assert_number(even, torch.tensor(-math.log(4), dtype=torch.float64), "V where the two agree")


@points(3, problem="optimum")
@settings(max_examples=30)
@given(pair=two_distributions())
def test_jensen_shannon_is_between_none_and_one_bit(student, pair):
    """JS is the entropy of the mean less the mean entropy: symmetric, 0 for equals, log 2 where the two never meet."""
    p, q = pair
    expected = entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2
    zero, one = torch.zeros_like(p), torch.ones(1, dtype=torch.float64)
    for what, found, value in (
        ("JS(p, q)", student.jensen_shannon(p, q), expected),
        ("JS(q, p)", student.jensen_shannon(q, p), expected),
        ("JS(p, p)", student.jensen_shannon(p, p), 0.0),
        ("JS of strangers", student.jensen_shannon(torch.cat([p, zero]), torch.cat([zero, q])), math.log(2)),
        ("JS of certainties", student.jensen_shannon(one, one), 0.0),
    ):
        assert_number(found, torch.tensor(value, dtype=torch.float64), what)


# ------------------------------------------------------------------------------------------------------------ networks


def layers_of(model, widths):
    """[(weight, bias), ..] from a state dict, checked against the widths."""
    found = [tensor for _, tensor in state(model).items()]
    shapes = [shape for fan_in, fan_out in pairwise(widths) for shape in ((fan_out, fan_in), (fan_out,))]
    check(
        [tuple(tensor.shape) for tensor in found] == shapes,
        f"the state_dict holds the shapes {[tuple(tensor.shape) for tensor in found]}, expected {shapes}",
        "wrong_shape",
    )
    return list(zip(found[::2], found[1::2], strict=True))


WIDTHS = st.lists(sizes(1, 6), min_size=1, max_size=4)


@points(4, problem="networks")
@settings(max_examples=30)
@given(widths=WIDTHS, d=sizes(1, 4), n=st.integers(0, 4), seed=SEEDS)
def test_a_generator_is_its_formula(student, widths, d, n, seed):
    """Affine maps in the order of the state_dict, a ReLU after each but the last, and tanh, for any n."""
    widths = [*widths, d]
    model, z = student.build_generator(widths), drawn(seed, n, widths[0], scale=3, dtype=torch.float32)
    a = z.double()
    layers = layers_of(model, widths)
    for place, (w, b) in enumerate(layers, 1):
        a = torch.einsum("ni,oi->no", a, w.double()) + b.double()
        a = torch.tanh(a) if place == len(layers) else torch.where(a > 0, a, 0.0)
    assert_close(model(z).detach(), a.float(), what="G(z)", rtol=1e-4, atol=1e-5)


@points(4, problem="networks")
@settings(max_examples=30)
@given(widths=WIDTHS, n=st.integers(0, 4), seed=SEEDS)
def test_a_discriminator_is_its_formula(student, widths, n, seed):
    """Affine maps with a leaky ReLU of slope 0.2 after each but the last, and logits with one axis, for any n."""
    widths = [*widths, 1]
    model, x = student.build_discriminator(widths), drawn(seed, n, widths[0], scale=3, dtype=torch.float32)
    a = x.double()
    layers = layers_of(model, widths)
    for place, (w, b) in enumerate(layers, 1):
        a = torch.einsum("ni,oi->no", a, w.double()) + b.double()
        a = a if place == len(layers) else torch.where(a > 0, a, 0.2 * a)
    assert_close(model(x).detach(), a[:, 0].float(), what="D(x)", rtol=1e-4, atol=1e-5)


@points(1, problem="networks")
@settings(max_examples=10)
@given(d=sizes(1, 4), wrong=sizes(2, 4))
def test_a_discriminator_ends_in_one_logit(student, d, wrong):
    """build_discriminator raises ValueError if the last width is not 1."""
    with assert_raises(ValueError, what=f"build_discriminator([{d}, 3, {wrong}])"):
        student.build_discriminator([d, 3, wrong])


@points(1, problem="networks")
def test_weights_are_drawn_as_torch_draws_them(student):
    """Weights and biases are uniform on +-1/sqrt(fan_in), as nn.Linear draws them, and each draw is another."""
    for build, widths in ((student.build_generator, [40, 60, 30]), (student.build_discriminator, [50, 60, 1])):
        for fan_in, (w, b) in zip(widths, layers_of(build(widths), widths), strict=False):
            bound = 1 / math.sqrt(fan_in)
            check(
                bool((w.abs() <= bound + 1e-6).all() and (b.abs() <= bound + 1e-6).all()), "a weight is out of bounds"
            )
            if w.numel() >= 1000:
                check(float(w.std()) >= 0.9 * bound / math.sqrt(3), "the weights do not fill their interval")
        first, second = state(build(widths)), state(build(widths))
        same = all(torch.equal(*pair) for pair in zip(first.values(), second.values(), strict=True))
        check(not same, "two networks have the same weights")


@points(3, problem="networks")
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 5), m=sizes(1, 4), d=sizes(1, 4))
def test_samples_are_the_generators_and_the_seeds(student, seed, n, m, d):
    """sample gives an (n, d) float32 tensor of what the generator makes: the same for the same seed, and for another
    seed another; drawing leaves the generator as it is."""
    model = network([m, d], seed, nn.Tanh())
    generator = lend(student, copy.deepcopy(model))
    first = student.sample(generator, n, latent=m, seed=seed)
    check(type(first) is torch.Tensor, "sample returns no tensor", "wrong_type")
    check(
        tuple(first.shape) == (n, d), f"the samples have shape {tuple(first.shape)}, expected {(n, d)}", "wrong_shape"
    )
    check(first.dtype == torch.float32, f"the samples have dtype {first.dtype}, expected float32", "wrong_dtype")
    student.sample(generator, 3, latent=m, seed=seed + 2)
    assert_equal(student.sample(generator, n, latent=m, seed=seed), first, what="a second draw with the same seed")
    if n:
        other = student.sample(generator, n, latent=m, seed=seed + 1)
        check(not torch.allclose(other, first), "another seed draws the very same samples")
    assert_equal(state(generator), state(model), what="the generator's state")


@points(2, problem="networks")
@settings(max_examples=4)
@given(seed=st.integers(0, 10**6), m=st.sampled_from([1, 3]))
def test_noise_is_standard_normal(student, seed, m):
    """z is standard normal, number for number: mean 0, variance 1, without correlations."""
    model = nn.Sequential(nn.Linear(m, m))
    nn.init.eye_(model[0].weight)
    nn.init.zeros_(model[0].bias)
    z = student.sample(lend(student, model), 4000, latent=m, seed=seed).double().numpy()
    check(z.shape == (4000, m), f"the samples have shape {z.shape}, expected {(4000, m)}", "wrong_shape")
    share = np.sort([(1 + math.erf(v / math.sqrt(2))) / 2 for v in z.ravel()])
    # Kolmogorov's distance; for 4000 draws and more it exceeds 0.055 once in 10,000,000,000 right answers.
    distance = np.abs(share - (np.arange(len(share)) + 0.5) / len(share)).max()
    check(distance <= 0.055, f"z is not standard normal (Kolmogorov distance {distance:.3f})")
    off = np.abs(z.T @ z / len(z) - np.eye(m)).max()
    check(off <= 0.15, f"an entry of z's covariance is off by {off:.2f}")


# --------------------------------------------------------------------------------------------------------------- steps

TO_MANY_DIGITS = {"rtol": 1e-6, "atol": 1e-7}  # Adam divides by the root of a mean of squares, which may be small
losses_first = needs("test_discriminator_loss_is_its_formula", "test_generator_losses_are_their_formulas")


def assert_state(model, expected, what):
    assert_close(state(model), state(expected), what=what, **TO_MANY_DIGITS)


@points(4, problem="steps")
@losses_first
@settings(max_examples=12)
@given(game=games(), rate=st.floats(0.001, 0.1))
def test_discriminator_steps_follow_adam(student, game, rate):
    """Each step is one of Adam, betas (0.5, 0.99), down discriminator_loss(D(real), D(G(z))), and returns that loss as
    it was before the step."""
    generator, discriminator, batches = game
    mine, theirs = precise(discriminator), lent(student, discriminator)
    forger, their_forger = precise(generator), lent(student, generator)
    optimizer, their_optimizer = oracle_adam(mine, rate), student.build_optimizer(theirs, learning_rate=rate)
    for number, (real, z) in enumerate(batches, 1):
        expected = oracle_d_step(forger, mine, optimizer, real, z)
        loss = student.discriminator_step(their_forger, theirs, their_optimizer, real, z)
        assert_close(loss, expected, what=f"the loss of step {number}", any_float=True, **TO_MANY_DIGITS)
        assert_state(theirs, mine, f"the discriminator after step {number}")


@points(4, problem="steps")
@losses_first
@settings(max_examples=12)
@given(game=games(), rate=st.floats(0.001, 0.1))
def test_generator_steps_follow_adam(student, game, rate):
    """Each step is one of Adam down the non-saturating generator_loss(D(G(z))), and returns that loss as it was."""
    generator, discriminator, batches = game
    mine, theirs = precise(generator), lent(student, generator)
    critic, their_critic = precise(discriminator), lent(student, discriminator)
    optimizer, their_optimizer = oracle_adam(mine, rate), student.build_optimizer(theirs, learning_rate=rate)
    for number, (real, z) in enumerate(batches, 1):
        expected = oracle_g_step(mine, critic, optimizer, real, z)
        loss = student.generator_step(theirs, their_critic, their_optimizer, real, z)
        assert_close(loss, expected, what=f"the loss of step {number}", any_float=True, **TO_MANY_DIGITS)
        assert_state(theirs, mine, f"the generator after step {number}")


@points(3, problem="steps")
@settings(max_examples=12)
@given(game=games(), unroll=st.integers(0, 2))
def test_a_step_moves_one_network_alone(student, game, unroll):
    """discriminator_step leaves the generator as it is, to the last bit, and generator_step the discriminator; unrolled
    steps, too."""
    generator, discriminator, batches = game
    real, z = batches[0]
    forger, critic = lent(student, generator), lent(student, discriminator)
    student.discriminator_step(forger, critic, student.build_optimizer(critic, learning_rate=0.1), real, z)
    assert_equal(state(forger), state(precise(generator)), what="the generator's state after discriminator_step")
    before = state(critic)
    optimizer = student.build_optimizer(forger, learning_rate=0.1)
    student.generator_step(forger, critic, optimizer, real, z, unroll=unroll)
    assert_equal(state(critic), before, what="the discriminator's state after generator_step")


@points(5, problem="steps")
@needs("test_discriminator_steps_follow_adam", "test_generator_steps_follow_adam")
@settings(max_examples=12)
@given(game=games(), order=st.lists(st.booleans(), min_size=4, max_size=6))
def test_steps_in_turn_follow_the_game(student, game, order):
    """Steps of both in any order are each as if alone: no gradient that one left behind is in the other's step."""
    generator, discriminator, batches = game
    forger, critic = precise(generator), precise(discriminator)
    theirs = lent(student, generator), lent(student, discriminator)
    for_g, for_d = oracle_adam(forger, 0.02), oracle_adam(critic, 0.03)
    their_for_g = student.build_optimizer(theirs[0], learning_rate=0.02)
    their_for_d = student.build_optimizer(theirs[1], learning_rate=0.03)
    for number, discriminators_turn in enumerate([False, True, *order]):
        real, z = batches[number % len(batches)]
        if discriminators_turn:
            oracle_d_step(forger, critic, for_d, real, z)
            student.discriminator_step(*theirs, their_for_d, real, z)
        else:
            oracle_g_step(forger, critic, for_g, real, z)
            student.generator_step(*theirs, their_for_g, real, z)
    assert_state(theirs[0], forger, "the generator")
    assert_state(theirs[1], critic, "the discriminator")


# ----------------------------------------------------------------------------------------------------------- unrolling


@points(3, problem="unrolling")
@losses_first
@settings(max_examples=15)
@given(game=games(), steps=st.integers(0, 4), rate=st.floats(0.05, 0.8))
def test_the_unrolled_loss_is_that_of_a_later_discriminator(student, game, steps, rate):
    """The loss is the generator's against the discriminator after `steps` plain gradient steps on the same batch."""
    generator, discriminator, ((real, z), *_) = game
    expected = oracle_unrolled(precise(generator), precise(discriminator), real, z, steps, rate).detach()
    theirs = lent(student, generator), lent(student, discriminator)
    loss, _ = value_and_gradients(student.unrolled_generator_loss, *theirs, real, z, steps, rate)
    assert_number(loss, expected, "the loss", rtol=1e-7)


@points(4, problem="unrolling")
@needs("test_the_unrolled_loss_is_that_of_a_later_discriminator")
@settings(max_examples=15)
@given(game=games(), steps=st.integers(0, 4), rate=st.floats(0.05, 0.8))
def test_its_gradient_passes_through_every_step(student, game, steps, rate):
    """The gradient in the generator's parameters counts how the steps themselves depend on G(z), not only the end."""
    generator, discriminator, ((real, z), *_) = game
    mine = precise(generator)
    value = oracle_unrolled(mine, precise(discriminator), real, z, steps, rate)
    expected = torch.autograd.grad(value, list(mine.parameters()))
    expected = {name: slope for (name, _), slope in zip(mine.named_parameters(), expected, strict=True)}
    theirs = lent(student, generator), lent(student, discriminator)
    _, (slopes, *_) = value_and_gradients(student.unrolled_generator_loss, *theirs, real, z, steps, rate)
    assert_close(slopes, expected, what="the gradient", rtol=1e-6, atol=1e-9)


@points(1, problem="unrolling")
@settings(max_examples=10)
@given(game=games(), steps=st.integers(0, 3))
def test_looking_ahead_moves_nobody(student, game, steps):
    """unrolled_generator_loss leaves both networks, the examples and the noise as they are."""
    generator, discriminator, ((real, z), *_) = game
    theirs, before = (lent(student, generator), lent(student, discriminator)), snapshot(real, z)
    student.unrolled_generator_loss(*theirs, real, z, steps, 0.3)
    assert_equal(state(theirs[0]), state(precise(generator)), what="the generator's state")
    assert_equal(state(theirs[1]), state(precise(discriminator)), what="the discriminator's state")
    assert_unchanged((real, z), before, what="(real, z)")


@points(2, problem="unrolling")
@needs("test_its_gradient_passes_through_every_step", "test_steps_in_turn_follow_the_game")
@settings(max_examples=10)
@given(game=games(), unroll=st.integers(1, 3), rate=st.floats(0.1, 0.8))
def test_unrolled_generator_steps_follow_adam(student, game, unroll, rate):
    """generator_step with unroll and unroll_rate goes down the unrolled loss, in turn with the discriminator's."""
    generator, discriminator, batches = game
    forger, critic = precise(generator), precise(discriminator)
    theirs = lent(student, generator), lent(student, discriminator)
    for_g, for_d = oracle_adam(forger, 0.02), oracle_adam(critic, 0.03)
    their_for_g = student.build_optimizer(theirs[0], learning_rate=0.02)
    their_for_d = student.build_optimizer(theirs[1], learning_rate=0.03)
    for real, z in batches:
        expected = oracle_g_step(forger, critic, for_g, real, z, unroll, rate)
        loss = student.generator_step(*theirs, their_for_g, real, z, unroll=unroll, unroll_rate=rate)
        assert_close(loss, expected, what="the loss", any_float=True, **TO_MANY_DIGITS)
        oracle_d_step(forger, critic, for_d, real, z)
        student.discriminator_step(*theirs, their_for_d, real, z)
    assert_state(theirs[0], forger, "the generator")
    assert_state(theirs[1], critic, "the discriminator")


# --------------------------------------------------------------------------------------------- training: what it needs

trains = needs(
    "test_steps_in_turn_follow_the_game",
    "test_samples_are_the_generators_and_the_seeds",
    "test_train_reports_every_epoch",
)
LATENT, SAMPLES = 16, 1000


@cache
def weights():
    found = load_file(Path(__file__).with_name("judge.safetensors"))
    return {name: torch.tensor(array.astype(np.float32)) for name, array in found.items()}


@torch.no_grad()
def looked_at(x, name):
    """((n, 32) features, (n,) classes), by the judge's classifier for the data set of that name."""
    side = math.isqrt(x.shape[1])
    w = {key.removeprefix(f"{name}."): value for key, value in weights().items()}
    a = x.reshape(-1, 1, side, side)
    a = functional.relu(functional.conv2d(a, w["w0"], w["b0"], stride=2 if side > 16 else 1, padding=1))
    a = functional.relu(functional.conv2d(a, w["w1"], w["b1"], padding=1))
    features = functional.relu(functional.linear(functional.max_pool2d(a, 2).flatten(1), w["w2"], w["b2"]))
    return features.double().numpy(), functional.linear(features, w["w3"], w["b3"]).argmax(1).numpy()


def frechet(a, b):
    """Frechet's distance of two normal distributions with the means and covariances of a and b, features by rows:

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2))
    """
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    return float(((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


@dataclass(frozen=True)
class Profile:
    """The settings of one kind of device; bars and ratio of the reference, over seeds."""

    name: str  # of the data set, and of the judge's classifier for it
    epochs: int
    frechet: float  # greatest distance to the data
    covered: float  # percent of the samples, of the class that comes least often
    ratio: float  # times the reference's seconds


@dataclass(frozen=True)
class Data:
    x: torch.Tensor  # (n, d), -1 to 1
    real: torch.Tensor  # others of the same kind, which stay with the judge
    name: str
    latent: int
    epochs: int
    unroll: int = 0


PROFILES = {"cpu": Profile("digits", 80, 45.0, 2.0, 4.0), "gpu": Profile("fashion", 20, 60.0, 2.0, 4.0)}


def pictures(profile, *, only=None, epochs=None):
    """From a seed to Data: the set's own training split, mixed; `only` some classes of it."""
    load = {"digits": datasets.digits, "fashion": datasets.fashion_mnist}[profile.name]

    def inputs(seed):
        train, test = load("train"), load("test")
        rows = np.random.default_rng(seed).permutation(len(train))
        if only is not None:
            rows = rows[np.isin(train.y[rows], only)]
        x, real = (torch.tensor(2 * part.x - 1, dtype=torch.float32) for part in (train, test))
        return Data(x[torch.from_numpy(rows)], real, profile.name, LATENT, epochs or profile.epochs)

    return inputs


def noise(seed):
    """As pictures are, and nothing to learn."""
    x = 2 * torch.rand(64, 64, generator=torch.Generator().manual_seed(seed)) - 1
    return Data(x, x, "digits", LATENT, 1)


def forging(stages):
    """`work`: trains, and asks for samples; the samples that `log` hears at the beginning, half way and at the end are
    put into `stages`, for the report."""

    def work(module, data, *, device, seed, log):
        heard = []

        def listen(samples=None, **words):
            heard.append(samples)
            log(**words)

        generator = module.train(
            data.x, latent=data.latent, epochs=data.epochs, unroll=data.unroll, device=device, seed=seed, log=listen
        )
        answer = module.sample(generator, SAMPLES, latent=data.latent, seed=seed + 1)
        stages[:] = [heard[place] for place in (0, len(heard) // 2, -1)] if heard else []
        return answer

    return work


def checked(data, answer):
    """The samples, if they are any."""
    expected = (SAMPLES, data.x.shape[1])
    check(type(answer) is torch.Tensor, "sample returns no tensor", "wrong_type")
    check(tuple(answer.shape) == expected, f"the samples have shape {tuple(answer.shape)}", "wrong_shape")
    check(bool(torch.isfinite(answer).all()), "the samples hold infinity or NaN", "not_finite")
    return answer.float()


def distance(data, answer):
    return frechet(looked_at(checked(data, answer), data.name)[0], looked_at(data.real, data.name)[0])


def show(record, title, rows):
    """Rows of ten samples each."""
    side = math.isqrt(next(iter(rows.values())).shape[1])
    record.images(title, {name: ((part[:10] + 1) / 2).reshape(-1, side, side).numpy() for name, part in rows.items()})


def shown_stages(stages, d):
    """Those that are what the contract says."""
    names = ("first epoch", "half way", "last epoch")
    return {
        name: part.float().nan_to_num()
        for name, part in zip(names, stages, strict=False)
        if type(part) is torch.Tensor and tuple(part.shape) == (16, d)
    }


# -------------------------------------------------------------------------------------------------------------- advice

LOSSES = ("discriminator_loss", "generator_loss")  # that `log` hears of
ALIKE = 0.05  # mean standard deviation of a pixel over the samples, of a range of 2; digits have 0.5
WON = 0.5  # a discriminator's loss; the reference's stays above 0.9, and ln 4 is a guess
LEFT_OUT = (
    "The generator leaves out a class: it makes the few pictures that pass, and no others. Is noise drawn anew for "
    "every step, and does the discriminator make a step for each of the generator's?"
)


def advise(run):
    """What to look at next, for a generator that misses its bar: from its samples, and from both losses."""
    if float(run.answer.float().std(dim=0).mean()) < ALIKE:
        return (
            "The samples are nearly all the same, whatever the noise: is noise drawn anew for every step and every "
            "sample, and does the generator make of it what it makes?"
        )
    ends = [run.heard[-1][name] for name in LOSSES] if run.heard else [math.nan]
    if all(map(math.isnan, ends)):
        return (
            "Nothing was reported, so there are no curves to look at: call log(discriminator_loss=.., "
            "generator_loss=.., ..) after every epoch."
        )
    if not all(map(math.isfinite, ends)):
        return "A loss is no number in the end: take both from logits, without a logarithm of a sigmoid."
    d, g = ends
    if d < WON:
        return (
            f"The discriminator has won: its loss ended at {d:.3g}, the generator's at {g:.3g}, and from who is always "
            "found out nothing can be learned. Is the generator's loss the one that does not saturate, and does each "
            "of its steps go down it?"
        )
    known = [point[LOSSES[0]] for point in run.heard[2 * len(run.heard) // 3 :]]
    if all(abs(loss - math.log(4)) < 0.02 for loss in known):
        return (
            "The discriminator's loss stays at ln 4 = 1.386: it guesses, and from who guesses nothing can be learned. "
            "Does it make its step in every batch, on its own parameters, down the loss of real and generated examples?"
        )
    return (
        f"The losses ended at {d:.3g} and {g:.3g}, as those of a game that is on; look at the samples. Pictures "
        "without form want more steps: does every batch of every epoch make one of each? A few that come again and "
        "again want fresh noise in every step, and optimizers that are kept from step to step."
    )


# ------------------------------------------------------------------------------------------------------------ training


@points(3, problem="training")
@needs("test_train_reports_every_epoch")
def test_the_same_seed_trains_the_same_generator(student):
    """On the CPU the same seed trains the same generator, another seed another, and train leaves its data alone."""
    x = torch.rand(96, 4, generator=torch.Generator().manual_seed(5)) - 0.5
    before = snapshot(x)

    def trained(seed):
        generator = student.train(x, latent=3, epochs=2, seed=seed)
        return student.sample(generator, 6, latent=3, seed=1)

    first = trained(1)
    assert_unchanged(x, before, what="x")
    assert_close(trained(1), first, what="what the second generator makes", rtol=1e-4, atol=1e-5)
    check(not torch.allclose(trained(2), first, rtol=1e-4, atol=1e-5), "another seed trains the very same generator")


@points(7, problem="training")
@trains
@limits(seconds=60, test_seconds=180)
def test_samples_come_near_the_data(training, record):
    """Trained on pictures, the generator makes others like them: to the judge's classifier, 1,000 samples are close to
    data that it has not seen, and no class has less than a fiftieth; in at most four times the reference's time."""
    profile, stages = training.profile(**PROFILES), []
    run = training.run(forging(stages), pictures(profile), distance, warm_up=noise, series=LOSSES, title="Both losses")
    real = pictures(profile)(0).real
    show(record, "Samples", {**shown_stages(stages, real.shape[1]), "samples": run.answer, "real ones": real})
    training.comes_within(profile.frechet, name="Frechet distance to the data", unit="", advise=advise)
    _, classes = looked_at(run.answer.float(), profile.name)
    rarest = 100 * np.bincount(classes, minlength=10).min() / SAMPLES
    record.number("Measured by the grader", "share of the rarest class", rarest, bar=profile.covered, unit="%")
    if rarest < profile.covered:
        said = f"a class has {rarest:.1f} % of the samples, expected {profile.covered} % or more"
        raise Mismatch(said, "below_bar", LEFT_OUT)
    training.keeps_pace(profile.ratio)


SOME = (3, 8)  # two classes


def share_of_some(data, answer):
    _, classes = looked_at(checked(data, answer), data.name)
    return 100 * float(np.isin(classes, SOME).mean())


@points(2, problem="training")
@trains
@limits(seconds=60, test_seconds=180)
def test_what_was_not_shown_is_not_made(training):
    """Trained on two classes alone, the generator makes those: three in four of its samples, to the judge."""
    profile = training.profile(**PROFILES)
    work, data = forging([]), pictures(profile, only=SOME, epochs=profile.epochs // 2)
    training.run(work, data, share_of_some, warm_up=noise, series=LOSSES, title="Both losses")
    training.reaches(75.0, name="samples of the two classes", advise=advise)


# The ring: eight narrow normal distributions in the plane. A mode is kept if a hundredth of the samples is near it.
RADIUS, WIDTH, NEAR = 0.7, 0.02, 0.15
CENTRES = RADIUS * np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)


def ring(seed):
    rng = np.random.default_rng(seed)
    turn = rng.uniform(0, np.pi / 4)
    turned = CENTRES @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    x = turned[rng.integers(8, size=2048)] + rng.normal(0, WIDTH, (2048, 2))
    return Data(torch.tensor(x, dtype=torch.float32), torch.tensor(turned), "ring", 8, 25, unroll=5)


def modes(data, answer):
    far = np.linalg.norm(checked(data, answer).numpy()[:, None] - data.real.numpy()[None], axis=2)  # (n, 8)
    return int(((far < NEAR).mean(axis=0) >= 0.01).sum())


@points(3, problem="training")
@trains
@needs("test_unrolled_generator_steps_follow_adam")
@limits(seconds=60, test_seconds=180)
def test_unrolled_training_keeps_the_modes_of_a_ring(training):
    """Looking five steps ahead, the generator keeps at least six of the eight narrow modes of a ring."""
    training.run(forging([]), ring, modes, series=LOSSES, title="Both losses, on the ring")
    training.reaches(6, name="modes of eight", unit="", advise=advise)
