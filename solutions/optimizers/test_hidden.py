"""Hidden tests of `optimizers`: laws over random params and gradients, judged by an oracle that shares no formula.

The oracle has no state. It keeps every gradient seen so far and writes moments as the weighted sums over that history
that they are: a corrected moment is a weighted mean, and no power of beta is ever subtracted from 1. Batch
normalization's gradient is a product with the Jacobian, feature by feature. All of it is compared with torch in
tests/oracles/test_optimizers.py.
"""

from itertools import pairwise, permutations
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder import datasets
from autograder.testing import (
    assert_close,
    assert_equal,
    assert_raises,
    assert_shaped_like,
    assert_unchanged,
    check,
    limits,
    mutable,
    needs,
    points,
    sizes,
    snapshot,
)

# ------------------------------------------------------------------------------------------------- oracle: optimizers


def weighted_sum(history, decay):
    """The newest value, plus decay times the one before it, plus decay^2 times ..."""
    return sum(decay**age * value for age, value in enumerate(reversed(history)))


def weighted_mean(history, decay):
    return weighted_sum(history, decay) / weighted_sum([1.0] * len(history), decay)


def sgd_step(p, history, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    history[-1] = history[-1] + weight_decay * p
    velocity = weighted_sum(history, momentum)
    return p - lr * (history[-1] + momentum * velocity if nesterov else velocity)


def adagrad_step(p, history, lr=0.01, eps=1e-10):
    return p - lr * history[-1] / (np.sqrt(np.sum(np.square(history), axis=0)) + eps)


def rmsprop_step(p, history, lr=0.001, decay=0.9, eps=1e-8):
    mean_square = (1 - decay) * weighted_sum([g**2 for g in history], decay)
    return p - lr * history[-1] / (mean_square**0.5 + eps)


def adam_step(p, history, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    first, second = weighted_mean(history, betas[0]), weighted_mean([g**2 for g in history], betas[1])
    return p - lr * first / (second**0.5 + eps)


def adamw_step(p, history, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    return adam_step(p, history, lr, betas, eps) - lr * weight_decay * p


RULES = {"SGD": sgd_step, "AdaGrad": adagrad_step, "RMSProp": rmsprop_step, "Adam": adam_step, "AdamW": adamw_step}
ADAPTIVE = ("AdaGrad", "RMSProp", "Adam", "AdamW")


def oracle_path(name, arguments, params, steps):
    """[params after each step]; steps is a list of lists of gradients."""
    histories = [[] for _ in params]
    path = []
    for grads in steps:
        for history, g in zip(histories, grads, strict=True):
            history.append(g)
        params = [RULES[name](p, history, **arguments) for p, history in zip(params, histories, strict=True)]
        path.append(params)
    return path


class Task(NamedTuple):
    params: list
    steps: list  # of lists of gradients
    scale: float  # about the size of the gradients


SCALES = st.sampled_from([1.0, 1.0, 1e-3, 1e3, 1e-9, 1e9, 1e-90, 1e90])


@st.composite
def tasks(draw, count=None, scale=SCALES, silent=True):
    """Params of several shapes and the gradients of some steps, tiny or huge. silent: some entries get no gradient."""
    shapes = draw(st.lists(hnp.array_shapes(max_dims=3, max_side=3), min_size=1, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(scale)
    sizes_of = [size * 10 ** rng.uniform(-1, 1) for _ in shapes]
    steps = [
        [
            s * rng.normal(size=shape) * (rng.random(shape) < 0.8 if silent else 1)
            for s, shape in zip(sizes_of, shapes, strict=True)
        ]
        for _ in range(draw(st.integers(1, 10) if count is None else count))
    ]
    return Task([rng.normal(size=shape) for shape in shapes], steps, size)


rates, decays = st.floats(0.01, 0.5), st.floats(0.05, 1.0)
epsilons = st.floats(-3, 1).map(lambda power: 10**power)  # times the size of the gradients
# Numbers of a usual size: products with the tiniest floats are all rounding.
FACTORS = st.floats(0.02, 50).flatmap(lambda factor: st.sampled_from([factor, -factor]))
STRENGTHS = st.just(0.0) | st.floats(1e-3, 3)
# None, or one that leaves something: the square of a tiny gradient times a tiny beta is subnormal, and all rounding.
shares = st.just(0.0) | st.floats(1e-3, 0.995)
betas_pairs = st.tuples(st.just(0.0) | st.floats(1e-3, 0.98), shares)


def assert_follows(student, name, arguments, task):
    """The student's optimizer takes the oracle's path, step by step."""
    expected = oracle_path(name, arguments, task.params, task.steps)
    params = snapshot(task.params)
    optimizer = getattr(student, name)(mutable(params), **arguments)
    for number, (grads, right) in enumerate(zip(task.steps, expected, strict=True), 1):
        optimizer.step(grads)
        assert_params(params, right, [task.params, *expected], f"params after step {number}")


def assert_params(actual, expected, path, what):
    """To nine digits of how far from 0 each array has been on its path: sums of a few products, in any order."""
    check(len(actual) == len(expected), f"{what}: there are {len(actual)} arrays, not {len(expected)}", "wrong_shape")
    for i, (found, right) in enumerate(zip(actual, expected, strict=True)):
        scale = max(float(np.abs(place[i]).max()) for place in [*path, expected])
        assert_close(found, right, what=f"array {i} of the {what}", rtol=1e-9, atol=1e-9 * scale)


# ----------------------------------------------------------------------------------------------------------- momentum


@points(3, problem="momentum")
@settings(max_examples=30)
@given(task=tasks(), lr=rates, momentum=st.floats(0.05, 0.99), nesterov=st.booleans(), weight_decay=decays)
def test_sgd_is_its_formula(student, task, lr, momentum, nesterov, weight_decay):
    """SGD with momentum, Nesterov's momentum and weight decay follows its rule, step by step, for arrays of any shape,
    and for tiny and huge gradients."""
    arguments = {"lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    assert_follows(student, "SGD", arguments, task)


@points(1, problem="momentum")
@settings(max_examples=15)
@given(task=tasks(), lr=rates, nesterov=st.sampled_from([None, False, True]))
def test_sgd_without_momentum_is_plain(student, task, lr, nesterov):
    """Unless told otherwise SGD has neither momentum nor weight decay; without momentum, nesterov changes nothing."""
    params = snapshot(task.params)
    optimizer = student.SGD(mutable(params), lr, **({} if nesterov is None else {"nesterov": nesterov}))
    for grads in task.steps:
        optimizer.step(grads)
    path = oracle_path("SGD", {"lr": lr}, task.params, task.steps)
    expected = [p - lr * sum(grads) for p, *grads in zip(task.params, *task.steps, strict=True)]
    assert_params(params, expected, [task.params, *path], "params")


@points(1, problem="momentum")
@settings(max_examples=15)
@given(task=tasks(), lr=rates, momentum=st.floats(0.05, 0.95), nesterov=st.booleans(), factor=FACTORS)
def test_sgd_moves_in_proportion_to_the_gradients(student, task, lr, momentum, nesterov, factor):
    """If all gradients are multiplied by a number, so is all movement of SGD (without weight decay)."""
    starts = [np.zeros_like(p) for p in task.params]
    moved = []
    for c in (1.0, factor):
        params = snapshot(starts)
        optimizer = student.SGD(mutable(params), lr=lr, momentum=momentum, nesterov=nesterov)
        for grads in task.steps:
            optimizer.step([c * g for g in grads])
        moved.append(params)
    path = oracle_path("SGD", {"lr": lr}, starts, [[abs(factor) * np.abs(g) for g in grads] for grads in task.steps])
    assert_params(moved[1], [factor * p for p in moved[0]], path, "movement")


@points(2, problem="momentum")
@settings(max_examples=8)
@given(lr=rates, momentum=st.floats(0, 0.8), nesterov=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_a_steady_gradient_meets_the_effective_rate(student, lr, momentum, nesterov, seed):
    """Under a gradient that stays the same, the steps of SGD tend to effective_learning_rate = lr / (1 - momentum)."""
    assert_close(student.effective_learning_rate(lr, momentum), lr / (1 - momentum), any_float=True)
    p, g = np.zeros(3), np.random.default_rng(seed).normal(size=3)
    params = [p]
    optimizer = student.SGD(mutable(params), lr=lr, momentum=momentum, nesterov=nesterov)
    for _ in range(90):  # 0.8^90 is 2e-9
        last = params[0].copy()
        optimizer.step([g])
    assert_close(params[0] - last, -lr / (1 - momentum) * g, what="the step", rtol=1e-6)


@points(2, problem="momentum")
@settings(max_examples=25)
@given(lr=st.floats(0.01, 2), lam=st.floats(0, 4), n=sizes(9, 400), batch_size=sizes(1, 500))
def test_weight_decay_shrinks_weights_where_the_loss_is_flat(student, lr, lam, n, batch_size):
    """weight_decay_factor is what one epoch of steps w <- (1 - lr lam / n) w makes of a weight, the last batch counting
    as a step; it tends to exp(-lr lam / batch_size)."""
    expected = 1.0
    for _ in range(0, n, batch_size):
        expected -= lr * lam / n * expected
    assert_close(student.weight_decay_factor(lr, lam, n, batch_size), expected, rtol=1e-9, any_float=True)
    many = 10**6 * batch_size  # the factor's distance from its limit is about (lr lam)^2 / (2 batch_size many)
    limit = float(np.exp(-lr * lam / batch_size))
    assert_close(student.weight_decay_factor(lr, lam, many, batch_size), limit, rtol=1e-4, any_float=True)


@points(1, problem="momentum")
@settings(max_examples=25)
@given(
    bad=st.sampled_from(
        [{"lr": 0.0}, {"lr": -0.1}, {"momentum": 1.0}, {"momentum": 1.5}, {"momentum": -0.1}, {"weight_decay": -1e-3}]
    )
)
def test_impossible_settings_of_sgd_are_refused(student, bad):
    """SGD raises ValueError for lr <= 0, for momentum outside [0, 1) and for weight_decay < 0, and so does
    effective_learning_rate for such a momentum."""
    with assert_raises(ValueError, what=f"SGD with {bad}"):
        student.SGD([np.ones(2)], **{"lr": 0.1, **bad})
    if "momentum" in bad:
        with assert_raises(ValueError, what=f"effective_learning_rate with {bad}"):
            student.effective_learning_rate(0.1, bad["momentum"])


def assert_share_nothing(student, name, arguments, one, two):
    """Two optimizers of one class, for params of the same shapes, take turns."""
    paths = [oracle_path(name, arguments, one, two[0]), oracle_path(name, arguments, one, two[1])]
    params = [snapshot(one), snapshot(one)]
    optimizers = [getattr(student, name)(mutable(each), **arguments) for each in params]
    for number, both in enumerate(zip(*two, strict=True)):
        for which, grads in enumerate(both):
            optimizers[which].step(grads)
            assert_params(params[which], paths[which][number], [one, *paths[which]], f"params of optimizer {which + 1}")


@points(2, problem="momentum")
@settings(max_examples=10)
@given(task=tasks(count=st.just(8)), lr=rates, momentum=st.floats(0.3, 0.9))
def test_two_sgds_share_nothing(student, task, lr, momentum):
    """Two SGDs that are alive at once do not share their velocities."""
    arguments = {"lr": lr, "momentum": momentum}
    assert_share_nothing(student, "SGD", arguments, task.params, (task.steps[:4], task.steps[4:]))


@points(1, problem="momentum")
@settings(max_examples=10)
@given(task=tasks(), momentum=st.floats(0.1, 0.9), nesterov=st.booleans())
def test_sgd_leaves_the_gradients_alone(student, task, momentum, nesterov):
    """SGD does not change the gradients that it is given, with weight decay neither."""
    optimizer = student.SGD(snapshot(task.params), lr=0.1, momentum=momentum, nesterov=nesterov, weight_decay=0.3)
    before = snapshot(task.steps)
    for grads in task.steps:
        optimizer.step(grads)
    assert_unchanged(task.steps, before, what="the gradients")


def spoiled(grads, how):
    """A list of gradients that does not fit: one too few, one too many, or one that would broadcast."""
    if how == "one too few":
        return grads[:-1]
    if how == "one too many":
        return [*grads, grads[-1]]
    return [*grads[:-1], grads[-1][..., None]]


SPOILED = st.sampled_from(["one too few", "one too many", "another shape"])


def assert_refuses(student, name, arguments, task, how):
    """A step that cannot be made raises ValueError, and leaves params and state as they were."""
    expected = oracle_path(name, arguments, task.params, task.steps)
    params = snapshot(task.params)
    optimizer = getattr(student, name)(mutable(params), **arguments)
    for grads, right in zip(task.steps, expected, strict=True):
        before = snapshot(params)
        with assert_raises(ValueError, what=f"{name}.step with gradients of which there is {how}"):
            optimizer.step(spoiled(grads, how))
        assert_unchanged(params, before, what="params")
        optimizer.step(grads)
        assert_params(params, right, [task.params, *expected], "params after a step that was refused")


@points(1, problem="momentum")
@settings(max_examples=15)
@given(task=tasks(count=st.integers(1, 3)), how=SPOILED)
def test_sgd_refuses_gradients_that_do_not_fit(student, task, how):
    """SGD.step raises ValueError for too few or too many gradients, or one of another shape, and changes nothing."""
    assert_refuses(student, "SGD", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.1}, task, how)


@points(2, problem="momentum")
@settings(max_examples=4)
@given(task=tasks(count=st.just(2), scale=st.just(1.0)))
def test_the_arrays_themselves_are_changed(student, task):
    """Each optimizer changes the arrays that it was given, and the list goes on holding these very arrays."""
    for name in RULES:
        arrays = snapshot(task.params)
        params = list(arrays)
        optimizer = getattr(student, name)(mutable(params), lr=0.3)
        for grads in task.steps:
            optimizer.step(grads)
        path = oracle_path(name, {"lr": 0.3}, task.params, task.steps)
        assert_params(arrays, path[-1], [task.params, *path], f"arrays given to {name}")
        kept = len(params) == len(arrays) and all(p is a for p, a in zip(params, arrays, strict=True))
        check(kept, f"{name} puts other arrays into the list of params", "changed_input")


# ----------------------------------------------------------------------------------------------------------- adaptive


@points(3, problem="adaptive")
@settings(max_examples=25)
@given(task=tasks(), lr=rates, eps=epsilons)
def test_adagrad_is_its_formula(student, task, lr, eps):
    """AdaGrad follows its rule, step by step: a sum of squares for every entry, and eps outside the root."""
    assert_follows(student, "AdaGrad", {"lr": lr, "eps": eps * task.scale}, task)


@points(3, problem="adaptive")
@settings(max_examples=25)
@given(task=tasks(), lr=rates, decay=shares, eps=epsilons)
def test_rmsprop_is_its_formula(student, task, lr, decay, eps):
    """RMSProp follows its rule, step by step, for any decay: a running mean of squares, and eps outside the root."""
    assert_follows(student, "RMSProp", {"lr": lr, "decay": decay, "eps": eps * task.scale}, task)


@points(4, problem="adaptive")
@settings(max_examples=30)
@given(task=tasks(), lr=rates, betas=betas_pairs, eps=epsilons)
def test_adam_is_its_formula(student, task, lr, betas, eps):
    """Adam follows its rule, step by step from a fresh state, for any betas and for small and large eps."""
    assert_follows(student, "Adam", {"lr": lr, "betas": betas, "eps": eps * task.scale}, task)


@points(3, problem="adaptive")
@settings(max_examples=25)
@given(task=tasks(), lr=rates, betas=betas_pairs, eps=epsilons, weight_decay=decays)
def test_adamw_is_its_formula(student, task, lr, betas, eps, weight_decay):
    """AdamW follows its rule, step by step: Adam's update of the gradients alone, and lr weight_decay p besides."""
    arguments = {"lr": lr, "betas": betas, "eps": eps * task.scale, "weight_decay": weight_decay}
    assert_follows(student, "AdamW", arguments, task)


@points(2, problem="adaptive")
@settings(max_examples=20)
@given(task=tasks(count=st.just(1), silent=False), lr=rates, betas=betas_pairs, decay=st.floats(0, 0.99), eps=epsilons)
def test_the_first_step_shows_the_bias_correction(student, task, lr, betas, decay, eps):
    """Adam's first step is lr g / (|g| + eps) whatever the betas are; RMSProp, which corrects nothing, steps
    lr g / (sqrt(1 - decay) |g| + eps)."""
    eps *= task.scale
    for name, arguments, share in (("Adam", {"betas": betas}, 1.0), ("RMSProp", {"decay": decay}, (1 - decay) ** 0.5)):
        params = snapshot(task.params)
        getattr(student, name)(mutable(params), lr=lr, eps=eps, **arguments).step(task.steps[0])
        expected = [p - lr * g / (share * np.abs(g) + eps) for p, g in zip(task.params, task.steps[0], strict=True)]
        assert_params(params, expected, [task.params], f"params of {name}")


@points(1, problem="adaptive")
@settings(max_examples=3)
@given(task=tasks(count=st.just(120)), lr=rates, eps=epsilons)
def test_a_hundred_steps_are_as_right_as_one(student, task, lr, eps):
    """After 120 steps AdaGrad, RMSProp and Adam with its slow betas (0.9, 0.999) are still where they should be."""
    for name in ("AdaGrad", "RMSProp", "Adam"):
        arguments = {"lr": lr, "eps": eps * task.scale}
        params = snapshot(task.params)
        optimizer = getattr(student, name)(mutable(params), **arguments)
        for grads in task.steps:
            optimizer.step(grads)
        path = oracle_path(name, arguments, task.params, task.steps)
        assert_params(params, path[-1], [task.params, *path], f"params of {name} after 120 steps")


@points(1, problem="adaptive")
@settings(max_examples=8)
@given(
    task=tasks(scale=st.just(1.0), silent=False), lr=rates,
    factor=st.sampled_from([1e-80, 1e-20, 1e-6, 0.01, 300.0, 1e7, 1e20, 1e80]),
)  # fmt: skip
def test_the_size_of_the_gradients_does_not_matter(student, task, lr, factor):
    """With eps = 0, the adaptive optimizers step alike if all gradients are multiplied by a positive number."""
    for name in ADAPTIVE:
        params = [snapshot(task.params), snapshot(task.params)]
        for each, c in zip(params, (1.0, factor), strict=True):
            optimizer = getattr(student, name)(mutable(each), lr=lr, eps=0.0)
            for grads in task.steps:
                optimizer.step([c * g for g in grads])
        still = (np.allclose(p, old, rtol=1e-9, atol=0) for p, old in zip(params[0], task.params, strict=True))
        check(not any(still), f"{name} does not move the params")
        assert_params(params[1], params[0], [task.params], f"params of {name}")


@points(1, problem="adaptive")
@settings(max_examples=15)
@given(task=tasks(count=st.integers(1, 6)), lr=rates, weight_decay=decays)
def test_decay_of_adamw_is_decoupled(student, task, lr, weight_decay):
    """Where the gradient is zero AdamW shrinks every weight by 1 - lr weight_decay a step, and Adam leaves it."""
    zeros = [np.zeros_like(p) for p in task.params]
    decayed, kept = snapshot(task.params), snapshot(task.params)
    adamw, adam = student.AdamW(mutable(decayed), lr=lr, weight_decay=weight_decay), student.Adam(mutable(kept), lr=lr)
    for _ in task.steps:
        adamw.step(zeros)
        adam.step(zeros)
    factor = (1 - lr * weight_decay) ** len(task.steps)
    assert_close(decayed, [factor * p for p in task.params], what="params of AdamW", rtol=1e-9)
    assert_close(kept, task.params, what="params of Adam", rtol=1e-9)


@points(1, problem="adaptive")
@settings(max_examples=6)
@given(task=tasks(scale=st.sampled_from([1e-10, 1e-8, 1e-4])))
def test_settings_have_the_promised_defaults(student, task):
    """Without settings, the adaptive optimizers use the defaults of their signatures."""
    tiny = task._replace(params=[p * 1e-2 for p in task.params])
    for name in ADAPTIVE:
        assert_follows(student, name, {}, tiny)


BAD = [
    *[(name, {"lr": lr}) for name in ADAPTIVE for lr in (0.0, -0.5)],
    *[(name, {"eps": -1e-9}) for name in ADAPTIVE],
    *[("RMSProp", {"decay": decay}) for decay in (-0.1, 1.0, 1.1)],
    *[(name, {"betas": betas}) for name in ("Adam", "AdamW") for betas in ((1.0, 0.9), (0.9, 1.0), (-0.1, 0.5))],
    *[(name, {"betas": betas}) for name in ("Adam", "AdamW") for betas in ((0.5, -0.1), (1.2, 0.9), (0.9, 7.0))],
    ("AdamW", {"weight_decay": -0.01}),
]


@points(1, problem="adaptive")
def test_impossible_settings_are_refused(student):
    """The adaptive optimizers raise ValueError for lr <= 0, eps < 0, weight_decay < 0 and for a decay or beta outside
    [0, 1)."""
    for name, bad in BAD:
        with assert_raises(ValueError, what=f"{name} with {bad}"):
            getattr(student, name)([np.ones(2)], **bad)


MILD = {
    "AdaGrad": {"lr": 0.3, "eps": 0.1},
    "RMSProp": {"lr": 0.2, "decay": 0.7, "eps": 0.1},
    "Adam": {"lr": 0.2, "betas": (0.6, 0.8), "eps": 0.1},
    "AdamW": {"lr": 0.2, "betas": (0.6, 0.8), "eps": 0.1, "weight_decay": 0.2},
}


@points(1, problem="adaptive")
@settings(max_examples=4)
@given(task=tasks(count=st.just(6), scale=st.just(1.0)))
def test_two_adaptive_optimizers_share_nothing(student, task):
    """Two optimizers of one class that are alive at once share neither moments nor step count."""
    for name in ADAPTIVE:
        assert_share_nothing(student, name, MILD[name], task.params, (task.steps[:3], task.steps[3:]))


@points(1, problem="adaptive")
@settings(max_examples=6)
@given(task=tasks(count=st.integers(1, 3), scale=st.just(1.0)), how=SPOILED)
def test_adaptive_optimizers_are_careful_with_gradients(student, task, how):
    """The adaptive optimizers leave the gradients as they were, and refuse those that do not fit with ValueError,
    changing neither params nor state."""
    before = snapshot(task.steps)
    for name in ADAPTIVE:
        assert_refuses(student, name, MILD[name], task, how)
        assert_unchanged(task.steps, before, what=f"the gradients given to {name}")


# ---------------------------------------------------------------------------------------------------------- penalties

weights_lists = st.builds(
    lambda shapes, seed: [
        np.random.default_rng([seed, i]).normal(size=shape) * (np.random.default_rng([seed, 9, i]).random(shape) < 0.8)
        for i, shape in enumerate(shapes)
    ],
    st.lists(hnp.array_shapes(max_dims=3, max_side=4), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
)


@points(2, problem="penalties")
@settings(max_examples=20)
@given(params=weights_lists, lam=STRENGTHS)
def test_l1_is_its_formula(student, params, lam):
    """l1_penalty is lam sum |w| over all arrays; its gradient is lam sign(w), and 0 at 0; params stay as they were."""
    before = snapshot(params)
    value, grads = student.l1_penalty(params, lam)
    flat = np.concatenate([w.ravel() for w in params])
    assert_close(value, lam * float(np.sum(np.where(flat < 0, -flat, flat))), terms=flat.size, any_float=True)
    expected = [np.where(w > 0, lam, 0.0) - np.where(w < 0, lam, 0.0) for w in params]
    assert_close(grads, expected, what="the gradients of l1")
    assert_unchanged(params, before, what="params")


@points(2, problem="penalties")
@settings(max_examples=20)
@given(params=weights_lists, lam=STRENGTHS)
def test_l2_is_its_formula(student, params, lam):
    """l2_penalty is lam / 2 sum w^2 over all arrays; its gradient is lam w; params stay as they were."""
    before = snapshot(params)
    value, grads = student.l2_penalty(params, lam)
    flat = np.concatenate([w.ravel() for w in params])
    assert_close(value, lam * float(flat @ flat) / 2, terms=flat.size, any_float=True)
    assert_close(grads, [lam * w for w in params], what="the gradients of l2")
    assert_unchanged(params, before, what="params")


@points(1, problem="penalties")
@settings(max_examples=10)
@given(lam=st.floats(-3, -1e-3), keep_prob=st.sampled_from([0.0, -0.2, 1.0001, 3.0]), training=st.booleans())
def test_impossible_strengths_are_refused(student, lam, keep_prob, training):
    """l1_penalty and l2_penalty raise ValueError for lam < 0, and dropout_forward for keep_prob outside (0, 1]."""
    for name in ("l1_penalty", "l2_penalty"):
        with assert_raises(ValueError, what=f"{name} with lam {lam}"):
            getattr(student, name)([np.ones(3)], lam)
    with assert_raises(ValueError, what=f"dropout_forward with keep_prob {keep_prob}"):
        student.dropout_forward(np.ones((2, 3)), keep_prob, np.random.default_rng(0), training=training)


any_shape = hnp.array_shapes(max_dims=4, max_side=5)
seeds, keep_probs = st.integers(0, 2**32 - 1), st.floats(0.1, 1.0)


def nonzero(seed, shape):
    rng = np.random.default_rng([seed, 1])
    return rng.uniform(0.1, 2, shape) * np.where(rng.random(shape) < 0.5, -1, 1)


@points(2, problem="penalties")
@settings(max_examples=25)
@given(shape=any_shape, seed=seeds, keep_prob=keep_probs)
def test_dropout_divides_what_it_keeps(student, shape, seed, keep_prob):
    """Training, every entry of y is 0 or x / keep_prob, for arrays of any shape, and x stays as it was; with keep_prob
    = 1 nothing is dropped."""
    x = nonzero(seed, shape)
    before = snapshot(x)
    for keep in (keep_prob, 1.0):
        y, _ = student.dropout_forward(x, keep, np.random.default_rng(seed), training=True)
        assert_unchanged(x, before, what="x")
        check(type(y) is np.ndarray and y.shape == x.shape, "y is no array of x's shape", "wrong_shape")
        assert_close(y, np.where(y != 0, x / keep, 0.0) if keep < 1 else x, what="y")


@points(2, problem="penalties")
@settings(max_examples=8)
@given(seed=seeds, keep_prob=st.sampled_from([0.1, 0.25, 0.4, 0.5, 0.65, 0.8, 0.95]), rows=st.sampled_from([1, 8, 64]))
def test_dropout_keeps_each_entry_with_its_probability(student, seed, keep_prob, rows):
    """Training, each entry is kept with probability keep_prob, independently of all others, in its row and column."""
    n = 4096
    y, _ = student.dropout_forward(np.ones((rows, n // rows)), keep_prob, np.random.default_rng(seed), training=True)
    check(type(y) is np.ndarray and y.shape == (rows, n // rows), "y has another shape", "wrong_shape")
    kept = (np.asarray(y) != 0).astype(float)
    sd = np.sqrt(keep_prob * (1 - keep_prob))
    # Seven standard deviations: a right answer is beyond them less than once in 100,000,000,000 times.
    share = kept.mean()
    check(abs(share - keep_prob) <= 7 * sd / np.sqrt(n), f"{share:.3f} of all entries were kept, expected {keep_prob}")
    z = (kept - keep_prob) / sd
    for axis, name in ((0, "column"), (1, "row")):
        if min(z.shape) > 1:
            pairs = (z * np.roll(z, 1, axis=axis)).mean()
            check(abs(pairs) <= 8 / np.sqrt(n), f"neighbours in a {name} are kept together (correlation {pairs:.2f})")


@points(1, problem="penalties")
@settings(max_examples=15)
@given(shape=any_shape, seed=seeds, keep_prob=keep_probs)
def test_dropout_is_the_identity_where_it_is_not_training(student, shape, seed, keep_prob):
    """Not training, y = x and dx = dy, and nothing is drawn from rng."""
    x, dy = nonzero(seed, shape), nonzero(seed + 1, shape)
    rng = np.random.default_rng(seed)
    y, cache = student.dropout_forward(x, keep_prob, rng, training=False)
    assert_close(y, x, what="y")
    assert_close(student.dropout_backward(dy, cache), dy, what="dx")
    check(
        rng.bit_generator.state == np.random.default_rng(seed).bit_generator.state,
        "rng was drawn from", "changed_input",
    )  # fmt: skip


@points(1, problem="penalties")
@settings(max_examples=10)
@given(seed=seeds, keep_prob=st.floats(0.3, 0.7))
def test_dropout_draws_from_its_rng_alone(student, seed, keep_prob):
    """The same rng drops the same entries, the next call others."""
    x = nonzero(seed, (8, 16))
    rng = np.random.default_rng(seed)
    first, _ = student.dropout_forward(x, keep_prob, rng, training=True)
    second, _ = student.dropout_forward(x, keep_prob, rng, training=True)
    again, _ = student.dropout_forward(x, keep_prob, np.random.default_rng(seed), training=True)
    assert_equal(again, first, what="y from the same rng")
    check(not np.array_equal(first, second), "the second call dropped the same entries as the first")


@points(2, problem="penalties")
@needs("test_dropout_divides_what_it_keeps")
@settings(max_examples=20)
@given(shape=any_shape, seed=seeds, keep_prob=st.floats(0.1, 0.9))
def test_dropout_backward_uses_the_mask_of_its_forward(student, shape, seed, keep_prob):
    """dx = dy / keep_prob where x was kept and 0 where it was dropped, whatever other forwards came since; twice the
    same, and dy stays as it was."""
    x, dy = nonzero(seed, shape), nonzero(seed + 1, shape)
    rng = np.random.default_rng(seed)
    y, cache = student.dropout_forward(x, keep_prob, rng, training=True)
    student.dropout_forward(x, keep_prob, rng, training=True)
    before = snapshot(dy)
    expected = np.where(np.asarray(y) != 0, dy / keep_prob, 0.0)
    for call in ("dx", "dx of a second call"):
        assert_close(student.dropout_backward(dy, cache), expected, what=call)
        assert_unchanged(dy, before, what="dy")


# ------------------------------------------------------------------------------------------------- oracle: batch norm


def oracle_statistics(x):
    """(mean, biased variance), with sums that the order of a student's cannot matter to."""
    n = len(x)
    mean = np.array([np.sum(column.astype(np.longdouble)) / n for column in x.T])
    var = np.array([np.sum((column - m) ** 2) / n for column, m in zip(x.T, mean, strict=True)])
    return mean.astype(np.float64), var.astype(np.float64)


def oracle_batch_norm(x, gamma, beta, eps, mean, var):
    return np.stack(
        [g * (c - m) / (v + eps) ** 0.5 + b for c, g, b, m, v in zip(x.T, gamma, beta, mean, var, strict=True)], axis=1
    )


def oracle_batch_norm_backward(dy, x, gamma, eps):
    """(dx, dgamma, dbeta), training: by the Jacobian of each feature, an (n, n) matrix."""
    n = len(x)
    mean, var = oracle_statistics(x)
    dx, dgamma = np.empty_like(x), np.empty_like(gamma)
    for j in range(x.shape[1]):
        u = (x[:, j] - mean[j]) / (var[j] + eps) ** 0.5
        jacobian = (np.eye(n) - 1 / n - np.outer(u, u) / n) * gamma[j] / (var[j] + eps) ** 0.5
        dx[:, j] = jacobian.T @ dy[:, j]
        dgamma[j] = u @ dy[:, j]
    return dx, dgamma, np.ones(n) @ dy


class Batch(NamedTuple):
    x: np.ndarray  # (n, d)
    gamma: np.ndarray  # (d,)
    beta: np.ndarray
    running: dict
    dy: np.ndarray  # (n, d)
    momentum: float
    eps: float


COUNTS, FEATURES, EPSILONS = sizes(2, 8), sizes(1, 5), st.sampled_from([1e-8, 1e-5, 1e-2, 0.5, 4.0])


@st.composite
def batches(draw, n=COUNTS, d=FEATURES, eps=EPSILONS):
    """Batches with other means and spreads in every feature, and no neutral gamma, beta or running statistics."""
    count, width = draw(n), draw(d)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = 10 ** rng.uniform(-1, 1, width)
    return Batch(
        rng.normal(size=(count, width)) * spread + rng.normal(0, 3, width),
        rng.uniform(0.3, 2, width) * rng.choice([-1, 1], width), rng.normal(0, 2, width),
        {"mean": rng.normal(0, 3, width), "var": rng.uniform(0.2, 5, width)},
        rng.normal(0, 2, (count, width)), draw(st.floats(0.02, 0.98)), draw(eps),
    )  # fmt: skip


def ask_norm(student, b, training=True):
    running = mutable(b.running) if training else b.running
    answer = student.batch_norm_forward(
        b.x, b.gamma, b.beta, running, training=training, momentum=b.momentum, eps=b.eps
    )
    check(type(answer) in (list, tuple) and len(answer) == 2, "batch_norm_forward returns no pair", "wrong_type")
    return answer


def ask_norm_backward(student, dy, cache):
    answer = student.batch_norm_backward(dy, cache)
    check(type(answer) in (list, tuple) and len(answer) == 3, "batch_norm_backward returns no triple", "wrong_type")
    return answer


# --------------------------------------------------------------------------------------------------------- batch norm


@points(3, problem="batch_norm")
@settings(max_examples=25)
@given(b=batches())
def test_batches_are_normalized(student, b):
    """Training, y = gamma (x - mean) / sqrt(var + eps) + beta with the batch's mean and its biased variance."""
    y, _ = ask_norm(student, b)
    assert_close(y, oracle_batch_norm(b.x, b.gamma, b.beta, b.eps, *oracle_statistics(b.x)), what="y", rtol=1e-9)


@points(3, problem="batch_norm")
@settings(max_examples=20)
@given(b=batches(), more=st.integers(0, 3), seed=seeds)
def test_running_statistics_average_the_batches(student, b, more, seed):
    """Training, running becomes (1 - momentum) running + momentum times the batch's mean and its unbiased variance,
    batch after batch."""
    rng = np.random.default_rng(seed)
    mean, var = (snapshot(b.running[name]) for name in ("mean", "var"))
    for count in [len(b.x), *rng.integers(2, 9, more)]:
        b = b._replace(x=b.x if count == len(b.x) else rng.normal(1, 2, (count, b.x.shape[1])))
        mean = mean + b.momentum * (b.x.mean(axis=0) - mean)
        var = var + b.momentum * (b.x.var(axis=0, ddof=1) - var)
        ask_norm(student, b)
        assert_close(b.running, {"mean": mean, "var": var}, what="running", rtol=1e-9)


@points(2, problem="batch_norm")
@settings(max_examples=20)
@given(b=batches(n=sizes(1, 6)))
def test_running_statistics_are_used_where_it_is_not_training(student, b):
    """Not training, y = gamma (x - running mean) / sqrt(running var + eps) + beta, for one example too, and running
    stays as it is."""
    before = snapshot(b.running)
    y, _ = ask_norm(student, b, training=False)
    expected = oracle_batch_norm(b.x, b.gamma, b.beta, b.eps, before["mean"], before["var"])
    assert_close(y, expected, what="y", rtol=1e-9)
    assert_unchanged(b.running, before, what="running")


@points(1, problem="batch_norm")
@needs("test_batches_are_normalized")
@settings(max_examples=15)
@given(b=batches(n=sizes(3, 8), eps=st.sampled_from([1e-5, 1e-2])), sign=st.sampled_from([-1.0, 1.0]))
def test_far_and_constant_features_are_normalized_too(student, b, sign):
    """Features whose mean is 500,000 times their spread are normalized as others are, and constant ones become beta."""
    x = b.x + sign * 5e5 * b.x.std(axis=0)
    x[:, 0] = x[0, 0]
    y, _ = ask_norm(student, b._replace(x=x))
    expected = oracle_batch_norm(x, b.gamma, b.beta, b.eps, *oracle_statistics(x))
    # What the mean is rounded to, 1e-16 of it, is 1e-10 of the spread; the mean of squares would lose 1e-5 of it.
    assert_close(y, expected, what="y", rtol=1e-6, atol=1e-6)
    assert_close(y[:, 0], np.full(len(x), b.beta[0]), what="a constant feature", rtol=1e-6, atol=1e-6)


def assert_norm_grads(answer, expected, size):
    """To nine digits of `size`, what the sums are made of."""
    for name, found, right in zip(("dx", "dgamma", "dbeta"), answer, expected, strict=True):
        assert_close(found, right, what=name, rtol=1e-9, atol=1e-9 * size)


@points(3, problem="batch_norm")
@needs("test_batches_are_normalized")
@settings(max_examples=25)
@given(b=batches())
def test_gradients_go_through_mean_and_variance(student, b):
    """Training, dx, dgamma and dbeta are right to nine digits: the gradient goes through mean and variance, too."""
    _, cache = ask_norm(student, b)
    expected = oracle_batch_norm_backward(b.dy, b.x, b.gamma, b.eps)
    # Each is a sum over the batch that may nearly cancel; its terms are of this size.
    size = float(np.abs(b.dy).max()) * np.abs(b.gamma).max() / np.sqrt(np.min(b.x.var(axis=0)) + b.eps)
    assert_norm_grads(ask_norm_backward(student, b.dy, cache), expected, max(size, float(np.abs(b.dy).max())))


@points(1, problem="batch_norm")
@needs("test_running_statistics_are_used_where_it_is_not_training")
@settings(max_examples=15)
@given(b=batches(n=sizes(1, 6)))
def test_running_statistics_are_constants_to_the_gradient(student, b):
    """Not training, dx = gamma / sqrt(running var + eps) dy: the running statistics do not depend on x."""
    _, cache = ask_norm(student, b, training=False)
    scale = (b.running["var"] + b.eps) ** -0.5
    u = (b.x - b.running["mean"]) * scale
    expected = (b.dy * b.gamma * scale, np.sum(b.dy * u, axis=0), np.sum(b.dy, axis=0))
    assert_norm_grads(ask_norm_backward(student, b.dy, cache), expected, float(np.abs(b.dy).max()))


@points(1, problem="batch_norm")
@needs("test_gradients_go_through_mean_and_variance")
@settings(max_examples=15)
@given(one=batches(n=sizes(4, 4), d=sizes(3, 3)), two=batches(n=sizes(4, 4), d=sizes(3, 3)), training=st.booleans())
def test_each_cache_belongs_to_its_own_forward(student, one, two, training):
    """Other forwards between a forward and its backward, training or not, do not matter, and a second backward gives
    the same answer."""
    one = one._replace(eps=0.5)
    _, cache = ask_norm(student, one, training=training)
    scale = (one.running["var"] + one.eps) ** -0.5
    ask_norm(student, two._replace(running=one.running))
    ask_norm(student, two, training=False)
    if training:
        expected = oracle_batch_norm_backward(one.dy, one.x, one.gamma, one.eps)
    else:
        expected = (one.dy * one.gamma * scale,)
    for call in ("dx", "dx of a second call"):
        dx = ask_norm_backward(student, one.dy, cache)[0]
        assert_close(dx, expected[0], what=call, rtol=1e-8, atol=1e-8 * np.abs(one.dy).max())


@points(1, problem="batch_norm")
@settings(max_examples=15)
@given(b=batches(), training=st.booleans())
def test_batch_norm_leaves_its_arguments_alone(student, b, training):
    """Neither pass changes x, gamma, beta or dy."""
    before = snapshot(b.x, b.gamma, b.beta, b.dy)
    _, cache = ask_norm(student, b, training=training)
    ask_norm_backward(student, b.dy, cache)
    assert_unchanged((b.x, b.gamma, b.beta, b.dy), before, what="(x, gamma, beta, dy)")


@points(1, problem="batch_norm")
@settings(max_examples=10)
@given(b=batches(n=sizes(1, 1)))
def test_a_batch_of_one_has_no_variance(student, b):
    """Training on a batch of a single example raises ValueError, and leaves running as it was."""
    before = snapshot(b.running)
    with assert_raises(ValueError, what="batch_norm_forward with one example"):
        ask_norm(student, b)
    assert_unchanged(b.running, before, what="running")


# --------------------------------------------------------------------------------------------------- oracle: training


def oracle_model(widths, rng, batch_norm, *, neutral=True):
    """A model as `initialize` makes it; where it is not neutral, biases, gamma, beta and running are drawn, too."""
    layers = [
        (
            rng.normal(size=shape) * (2 / shape[0]) ** 0.5,
            np.zeros(shape[1]) if neutral else rng.normal(0, 0.5, shape[1]),
        )
        for shape in pairwise(widths)
    ]
    norms = []
    for width in widths[1:-1] if batch_norm else []:
        spread = 0.0 if neutral else 0.3
        running = {"mean": spread * rng.normal(size=width), "var": 1 + spread * rng.random(width)}
        norms.append(
            {"gamma": 1 + spread * rng.random(width), "beta": spread * rng.normal(size=width), "running": running}
        )
    return {"layers": layers, "norms": norms}


def oracle_logits(model, x):
    """Not training: with the running statistics."""
    for i, (w, b) in enumerate(model["layers"]):
        x = np.einsum("ni,ij->nj", x, w) + b
        if i < len(model["layers"]) - 1:
            if model["norms"]:
                norm, running = model["norms"][i], model["norms"][i]["running"]
                x = oracle_batch_norm(x, norm["gamma"], norm["beta"], 1e-5, running["mean"], running["var"])
            x = x * (x > 0)
    return x


def oracle_loss(z, y):
    """(cross-entropy summed over the examples, gradient of its mean, right answers)."""
    log_sum = np.logaddexp.reduce(z, axis=1)
    truth = np.arange(z.shape[1]) == y[:, None]
    return (
        float((log_sum - z[truth]).sum()),
        (np.exp(z - log_sum[:, None]) - truth) / len(y),
        int((z.argmax(1) == y).sum()),
    )


class Oracle:
    """A model that is trained by the rules above; its arrays are replaced, never changed."""

    def __init__(self, model, name, arguments, lambda1=0.0, lambda2=0.0):
        self.layers = [list(pair) for pair in model["layers"]]
        self.norms = [{**norm, "running": dict(norm["running"])} for norm in model["norms"]]
        self.name, self.arguments, self.lambdas = name, arguments, (lambda1, lambda2)
        self.histories = [[] for _ in self._params()]

    def model(self):
        return {"layers": [tuple(pair) for pair in self.layers], "norms": self.norms}

    def _params(self):
        return [*(p for pair in self.layers for p in pair), *(n[key] for n in self.norms for key in ("gamma", "beta"))]

    def step(self, x, y):
        """(cross-entropy summed over the batch, right answers), both before the step."""
        inputs, pre, opened = [x], [], []
        for i, (w, b) in enumerate(self.layers[:-1]):
            pre.append(np.einsum("ni,ij->nj", inputs[-1], w) + b)
            out = pre[-1]
            if self.norms:
                norm, (mean, var) = self.norms[i], oracle_statistics(out)
                out = oracle_batch_norm(out, norm["gamma"], norm["beta"], 1e-5, mean, var)
                unbiased = var * len(x) / (len(x) - 1)
                norm["running"] = {
                    name: 0.9 * norm["running"][name] + 0.1 * new for name, new in (("mean", mean), ("var", unbiased))
                }
            opened.append(out > 0)
            inputs.append(out * opened[-1])
        w, b = self.layers[-1]
        loss, delta, right = oracle_loss(np.einsum("ni,ij->nj", inputs[-1], w) + b, y)
        layer_grads, norm_grads = [], []
        for i in range(len(self.layers) - 1, -1, -1):
            w = self.layers[i][0]
            penalty = self.lambdas[0] * np.sign(w) + self.lambdas[1] * w
            layer_grads = [np.einsum("ni,nj->ij", inputs[i], delta) + penalty, np.einsum("nj->j", delta), *layer_grads]
            if i:
                delta = np.einsum("nj,ij->ni", delta, w) * opened[i - 1]
                if self.norms:
                    delta, dgamma, dbeta = oracle_batch_norm_backward(
                        delta, pre[i - 1], self.norms[i - 1]["gamma"], 1e-5
                    )
                    norm_grads = [dgamma, dbeta, *norm_grads]
        moved = []
        for p, g, history in zip(self._params(), layer_grads + norm_grads, self.histories, strict=True):
            history.append(g)
            moved.append(RULES[self.name](p, history, **self.arguments))
        count = 2 * len(self.layers)
        self.layers = [moved[i : i + 2] for i in range(0, count, 2)]
        for i, norm in enumerate(self.norms):
            norm["gamma"], norm["beta"] = moved[count + 2 * i : count + 2 * i + 2]
        return loss, right


# ----------------------------------------------------------------------------------------------------------- training

# Large eps: a gradient that is zero but for rounding (a bias before batch normalization) moves nothing.
TRAINERS = {
    "SGD": {"lr": 0.05, "momentum": 0.7, "nesterov": True, "weight_decay": 0.05},
    "AdaGrad": {"lr": 0.05, "eps": 0.05},
    "RMSProp": {"lr": 0.02, "decay": 0.8, "eps": 0.05},
    "Adam": {"lr": 0.03, "betas": (0.7, 0.9), "eps": 0.05},
    "AdamW": {"lr": 0.03, "betas": (0.7, 0.9), "eps": 0.05, "weight_decay": 0.2},
}
names_of_trainers = st.sampled_from(list(TRAINERS))

passes_first = needs(
    "test_sgd_is_its_formula",
    *(f"test_{name.lower()}_is_its_formula" for name in ADAPTIVE),
    "test_l1_is_its_formula",
    "test_l2_is_its_formula",
    "test_running_statistics_average_the_batches",
    "test_gradients_go_through_mean_and_variance",
)


class Lesson(NamedTuple):
    x: np.ndarray  # (n, d)
    y: np.ndarray  # (n,)
    model: dict


SOME, WITH_OR_WITHOUT = sizes(5, 9), st.booleans()


@st.composite
def lessons(draw, n=SOME, batch_norm=WITH_OR_WITHOUT):
    """A model with up to two hidden layers, and data for it."""
    widths = [draw(sizes(1, 4)), *draw(st.lists(sizes(2, 5), max_size=2)), draw(sizes(2, 4))]
    rng = np.random.default_rng(draw(seeds))
    count = draw(n)
    model = oracle_model(widths, rng, draw(batch_norm), neutral=False)
    return Lesson(rng.normal(size=(count, widths[0])), rng.integers(0, widths[-1], count), model)


def assert_models(found, right):
    check(isinstance(found, dict) and {"layers", "norms"} <= set(found), "train returns no model", "wrong_type")
    for part in ("layers", "norms"):
        assert_close(found[part], right[part], what=f"the model's {part}", rtol=1e-6, atol=1e-6)


@points(3, problem="training")
@passes_first
@settings(max_examples=20)
@given(lesson=lessons(), name=names_of_trainers, epochs=st.integers(0, 4), strengths=st.tuples(decays, decays))
def test_training_takes_the_optimizers_steps(student, lesson, name, epochs, strengths):
    """With all examples in one batch, train makes one step an epoch with the given optimizer: gradients of the mean
    cross-entropy plus l1 and l2 penalties on the weights alone, batch normalization included."""
    x, y, model = lesson
    lambda1, lambda2 = 0.1 * strengths[0], 0.1 * strengths[1]
    oracle = Oracle(model, name, TRAINERS[name], lambda1, lambda2)
    for _ in range(epochs):
        oracle.step(x, y)
    trained = student.train(
        x, y, model, getattr(student, name), TRAINERS[name], epochs=epochs, batch_size=len(x) + 1,
        rng=np.random.default_rng(0), lambda1=lambda1, lambda2=lambda2,
    )  # fmt: skip
    assert_models(trained, oracle.model())


@points(2, problem="training")
@passes_first
@settings(max_examples=3)
@given(name=names_of_trainers, seed=seeds)
def test_each_epoch_is_a_new_order_of_all_examples(student, name, seed):
    """In every epoch each example comes once with its label, in an order that is drawn anew, and makes its step; the
    optimizer's state lasts from epoch to epoch."""
    rng = np.random.default_rng(seed)
    # One layer and three labels: no two orders end at the same place, as they may where hidden units are dead.
    x, y, model = rng.normal(size=(3, 3)), rng.permutation(4)[:3], oracle_model([3, 4], rng, False, neutral=False)
    ends = {}
    for orders in ((a, b) for a in permutations(range(3)) for b in permutations(range(3))):
        oracle = Oracle(model, name, TRAINERS[name])
        for i in (*orders[0], *orders[1]):
            oracle.step(x[i : i + 1], y[i : i + 1])
        ends[orders] = oracle.model()
    repeated = 0
    for number in range(12):
        trained = student.train(
            x, y, model, getattr(student, name), TRAINERS[name], epochs=2, batch_size=1,
            rng=np.random.default_rng([seed, number]),
        )  # fmt: skip
        w = trained["layers"][0][0]
        check(np.shape(w) == model["layers"][0][0].shape, "the first layer has another shape", "wrong_shape")
        near = min(ends, key=lambda orders: float(np.abs(ends[orders]["layers"][0][0] - w).sum()))
        assert_models(trained, ends[near])
        repeated += near[0] == near[1]
    # By chance all twelve repeat their order once in 2,000,000,000 times.
    check(repeated < 12, "every second epoch has the order of the first")


@points(1, problem="training")
@passes_first
@settings(max_examples=15)
@given(lesson=lessons(n=sizes(5, 9)), batch_size=sizes(3, 4), epochs=st.integers(1, 3), name=names_of_trainers)
def test_log_hears_means_over_all_examples(student, lesson, batch_size, epochs, name):
    """log(epoch, loss, accuracy, model) is called after every epoch, from 1 on, with means over examples, not over
    batches and without penalties, and with the model of that moment."""
    x, y, model = lesson
    model = {**model, "norms": []}

    def heard_at(lr):
        heard = []

        def log(epoch, loss, accuracy, model):
            heard.append((epoch, loss, accuracy, snapshot(model)))

        trained = student.train(
            x, y, model, getattr(student, name), {"lr": lr}, epochs=epochs, batch_size=batch_size,
            rng=np.random.default_rng(1), lambda1=0.3, lambda2=0.2, log=log,
        )  # fmt: skip
        check(len(heard) == epochs, f"log was called {len(heard)} times in {epochs} epochs", "wrong_shape")
        return heard, trained

    # So slow that the order of the batches does not matter.
    loss, _, right = oracle_loss(oracle_logits(model, x), y)
    for number, (epoch, mean, share, _) in enumerate(heard_at(1e-12)[0], 1):
        assert_equal(epoch, number, what="epoch")
        assert_close(mean, loss / len(x), what=f"the loss of epoch {number}", rtol=1e-6, any_float=True)
        assert_close(share, right / len(x), what=f"the accuracy of epoch {number}", any_float=True)
    heard, trained = heard_at(0.01)
    assert_models(heard[-1][3], trained)


@points(1, problem="training")
@passes_first
@settings(max_examples=10)
@given(lesson=lessons(), name=names_of_trainers)
def test_train_leaves_its_arguments_alone(student, lesson, name):
    """train changes neither the data, nor the model that it starts from, nor the settings."""
    arguments = dict(TRAINERS[name])
    before = snapshot(*lesson, arguments)
    student.train(
        *lesson, getattr(student, name), arguments, epochs=2, batch_size=len(lesson.x), rng=np.random.default_rng(3),
        lambda1=0.1, lambda2=0.1,
    )  # fmt: skip
    assert_unchanged((*lesson, arguments), before, what="(x, y, model, settings)")


@points(2, problem="training")
@passes_first
@needs("test_dropout_keeps_each_entry_with_its_probability", "test_dropout_backward_uses_the_mask_of_its_forward")
@settings(max_examples=8)
@given(seed=seeds, name=names_of_trainers, batch_norm=st.booleans(), keep_prob=st.floats(0.3, 0.7))
def test_dropout_and_order_come_from_rng(student, seed, name, batch_norm, keep_prob):
    """train drops hidden units if keep_prob < 1; the same rng trains the same model, another rng another one."""
    rng = np.random.default_rng([seed, 1])
    x, y = rng.normal(size=(12, 3)), rng.integers(0, 4, 12)
    model = oracle_model([3, 16, 16, 4], rng, batch_norm)

    def trained(stream, batch_size=12, **more):
        found = student.train(
            x, y, model, getattr(student, name), TRAINERS[name], epochs=2, batch_size=batch_size,
            rng=np.random.default_rng([seed, stream]), **more,
        )  # fmt: skip
        return found["layers"]

    def differ(one, two):
        return not np.allclose(one[-1][0], two[-1][0], rtol=1e-6, atol=0)

    dropped = trained(2, keep_prob=keep_prob)
    assert_close(trained(2, keep_prob=keep_prob), dropped, what="layers trained with the same rng", rtol=1e-9)
    check(differ(trained(3, keep_prob=keep_prob), dropped), "with dropout, another rng trains the very same model")
    check(differ(trained(2), dropped), "keep_prob makes no difference")
    ordered = trained(2, batch_size=4)
    assert_close(trained(2, batch_size=4), ordered, what="layers trained with the same rng", rtol=1e-9)
    check(differ(trained(3, batch_size=4), ordered), "another rng gives the batches the very same order")


WIDTHS, EPOCHS, BATCH_SIZE = [64, 32, 32, 20], 15, 32
RECIPES = {
    "SGD": ("SGD", {"lr": 0.1}, {}),
    "momentum": ("SGD", {"lr": 0.02, "momentum": 0.9}, {}),
    "AdaGrad": ("AdaGrad", {"lr": 0.05}, {}),
    "Adam": ("Adam", {"lr": 0.003}, {}),
    "Adam-batch-norm-dropout": ("Adam", {"lr": 0.003}, {"keep_prob": 0.8}),
}
BAR = 95.0  # percent; measured: see calibration.json


class Letters(NamedTuple):
    """What a training gets, and what only the judge keeps: `held_out` and `labels`."""

    x: np.ndarray
    y: np.ndarray
    model: dict
    held_out: np.ndarray
    labels: np.ndarray


def letters(batch_norm):
    """From a seed to 20 letters that nobody has seen, 8x8, the pixels in an order of the judge's own, and a model."""

    def inputs(seed):
        made = datasets.alphabet(seed, classes=20, sizes=(1200, 600), scattered=True)
        model = oracle_model(WIDTHS, np.random.default_rng([seed, 1]), batch_norm)
        return Letters(made.train.x, made.train.y, model, made.held_out.x, made.held_out.y)

    return inputs


def learning(recipe):
    name, arguments, more = RECIPES[recipe]

    def work(module, data, *, device, seed, log):
        def listen(epoch, loss, accuracy, model):
            log(epoch, loss, accuracy)

        optimizer, rng = getattr(module, name), np.random.default_rng(seed)
        return module.train(
            data.x, data.y, data.model, optimizer, dict(arguments),
            epochs=EPOCHS, batch_size=BATCH_SIZE, rng=rng, log=listen, **more,
        )  # fmt: skip

    return work


def percent_right(data, model):
    """The judge passes the held-out letters through the model itself: what counts is what was learned."""
    assert_shaped_like(model, data.model, what="the trained model")
    return 100 * float(np.mean(oracle_logits(model, data.held_out).argmax(axis=1) == data.labels))


@pytest.mark.parametrize("recipe", RECIPES)
@points(0.8, problem="training")
@limits(seconds=60, test_seconds=180)
@passes_first
@needs("test_training_takes_the_optimizers_steps", "test_each_epoch_is_a_new_order_of_all_examples")
def test_the_network_reads_letters(training, recipe):
    """Trained on 20 letters that nobody has seen before, by SGD, momentum, AdaGrad, Adam, and Adam with batch
    normalization and dropout, 64-32-32-20 reads other pictures of them."""
    inputs = letters(batch_norm="keep_prob" in RECIPES[recipe][2])
    training.run(learning(recipe), inputs, percent_right, title=f"Training by {recipe}")
    training.reaches(BAR, name=f"{recipe}: accuracy on other pictures of the letters")
