"""Hidden tests of `optimizers`: laws over random params and gradients, judged by an oracle that shares no formula.

The oracle has no state. It keeps every gradient seen so far and writes moments as the weighted sums over that history
that they are: a corrected moment is a weighted mean, and no power of beta is ever subtracted from 1. Batch
normalization's gradient is a product with the Jacobian, feature by feature. All of it is compared with torch in
tests/oracles/test_optimizers.py.

The laws of a rule draw ordinary cases: several vectors and matrices, gradients of about 1, an eps that is too small to
be seen. What is at an edge (eps, zero gradients, odd shapes, tiny and huge gradients, one example) has its own law.
"""

from itertools import pairwise, permutations, product
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder import datasets
from autograder.testing import (
    Heard,
    assert_close,
    assert_equal,
    assert_not_narrow,
    assert_raises,
    assert_shaped_like,
    assert_unchanged,
    check,
    describe,
    items_of,
    limits,
    mutable,
    needs,
    points,
    sizes,
    snapshot,
    values_of,
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


# -------------------------------------------------------------------------------------------------- what tests draw


class Task(NamedTuple):
    params: list
    steps: list  # of lists of gradients

    def times(self, factor):
        """The same with other gradients: all of them times a number."""
        return self._replace(steps=[[factor * g for g in grads] for grads in self.steps])


seeds = st.integers(0, 2**32 - 1)
SEVERAL = st.integers(2, 6)
ORDINARY = st.lists(hnp.array_shapes(max_dims=2, min_side=2, max_side=4), min_size=2, max_size=3)
ODD = st.lists(st.sampled_from([(1,), (4,), (1, 1), (1, 4), (4, 1), (2, 3, 2), (1, 2, 1)]), min_size=1, max_size=3)


def signed(rng, shape):
    """Numbers of either sign, none of them near 0."""
    return rng.uniform(0.5, 3, shape) * rng.choice([-1.0, 1.0], shape)


@st.composite
def tasks(draw, count=SEVERAL, shapes=ORDINARY):
    """Some arrays, and their gradients in some steps."""
    chosen, number = draw(shapes), draw(count)
    rng = np.random.default_rng(draw(seeds))
    return Task([signed(rng, s) for s in chosen], [[signed(rng, s) for s in chosen] for _ in range(number)])


rates, momenta, strengths = st.floats(0.01, 0.5), st.floats(0.05, 0.95), st.floats(0.05, 1.0)
UNSEEN = 1e-12  # an eps that is beside gradients of 1 as good as none
# What is right up to an eps that is put elsewhere, or that is replaced by the usual 1e-8.
SIX_DIGITS, NINE_DIGITS = 1e-6, 1e-9
# The weight of the gradients before this one: so small that no second moment is far below the square of its gradient.
kept_shares = st.floats(0.05, 0.95)
betas_pairs = st.tuples(kept_shares, kept_shares)


def assert_follows(student, name, arguments, task, rtol=SIX_DIGITS):
    """The student's optimizer takes the oracle's path, step by step."""
    expected = oracle_path(name, arguments, task.params, task.steps)
    params = snapshot(task.params)
    optimizer = getattr(student, name)(mutable(params), **arguments)
    for number, (grads, right) in enumerate(zip(task.steps, expected, strict=True), 1):
        optimizer.step(grads)
        assert_params(params, right, [task.params, *expected], f"params after step {number}", rtol)


def assert_params(actual, expected, path, what, rtol=SIX_DIGITS):
    """Of all that an array is made of, the greatest number it has been on its path decides how near is near."""
    check(len(actual) == len(expected), f"{what}: there are {len(actual)} arrays, not {len(expected)}", "wrong_shape")
    for i, (found, right) in enumerate(zip(actual, expected, strict=True)):
        scale = max(float(np.abs(place[i]).max()) for place in [*path, expected])
        assert_close(found, right, what=f"array {i} of the {what}", rtol=rtol, atol=rtol * scale)


# ----------------------------------------------------------------------------------------------------------- momentum


@points(1.75, problem="momentum")
@settings(max_examples=15)
@given(task=tasks(), lr=rates)
def test_plain_descent_is_its_formula(student, task, lr):
    """SGD without momentum takes each entry to p - lr g, step by step."""
    plain = {"lr": lr, "momentum": 0.0, "weight_decay": 0.0}  # what is taken where they are not named is another law's
    assert_follows(student, "SGD", plain, task, NINE_DIGITS)


@points(3.5, problem="momentum")
@settings(max_examples=20)
@given(task=tasks(), lr=rates, momentum=momenta)
def test_sgd_with_momentum_is_its_formula(student, task, lr, momentum):
    """SGD with momentum follows its rule, step by step: v <- momentum v + g, p <- p - lr v."""
    assert_follows(student, "SGD", {"lr": lr, "momentum": momentum}, task, NINE_DIGITS)


@points(1.75, problem="momentum")
@settings(max_examples=15)
@given(task=tasks(), lr=rates, momentum=momenta)
def test_nesterovs_momentum_is_its_formula(student, task, lr, momentum):
    """With nesterov, SGD takes each entry to p - lr (g + momentum v), with the new v."""
    assert_follows(student, "SGD", {"lr": lr, "momentum": momentum, "nesterov": True}, task, NINE_DIGITS)


@points(1.75, problem="momentum")
@needs("test_sgd_with_momentum_is_its_formula")
@settings(max_examples=15)
@given(task=tasks(), lr=rates, momentum=momenta, weight_decay=strengths)
def test_weight_decay_enters_the_velocity(student, task, lr, momentum, weight_decay):
    """weight_decay of SGD is added to the gradient, g <- g + weight_decay p, before the velocity sees it."""
    arguments = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
    assert_follows(student, "SGD", arguments, task, NINE_DIGITS)


@points(0.5, problem="momentum")
@needs("test_nesterovs_momentum_is_its_formula", "test_weight_decay_enters_the_velocity")
@settings(max_examples=10)
@given(task=tasks(), lr=rates, momentum=momenta, weight_decay=strengths)
def test_nesterov_and_weight_decay_go_together(student, task, lr, momentum, weight_decay):
    """With nesterov and weight decay, both terms of g + momentum v hold the decayed gradient."""
    arguments = {"lr": lr, "momentum": momentum, "nesterov": True, "weight_decay": weight_decay}
    assert_follows(student, "SGD", arguments, task, NINE_DIGITS)


@points(0.5, problem="momentum")
@needs("test_plain_descent_is_its_formula")
@settings(max_examples=10)
@given(task=tasks(), lr=rates)
def test_sgd_is_plain_unless_told_otherwise(student, task, lr):
    """Unless told otherwise SGD has neither momentum nor weight decay, and where momentum is 0 nesterov changes
    nothing."""
    expected = oracle_path("SGD", {"lr": lr}, task.params, task.steps)
    for more in ({}, {"nesterov": True}):
        params = snapshot(task.params)
        optimizer = student.SGD(mutable(params), lr, **more)
        for grads in task.steps:
            optimizer.step(grads)
        assert_params(params, expected[-1], [task.params, *expected], "params", NINE_DIGITS)


@points(0.5, problem="momentum")
@needs("test_sgd_with_momentum_is_its_formula")
@settings(max_examples=4)
@given(lr=rates, momentum=st.floats(0.2, 0.8), seed=seeds)
def test_a_steady_gradient_meets_the_effective_rate(student, lr, momentum, seed):
    """Under a gradient that stays the same, the steps of SGD tend to lr / (1 - momentum) times the gradient."""
    g, steps = signed(np.random.default_rng(seed), (3,)), 90  # 0.8^90 is 2e-9
    params = [np.zeros(3)]
    optimizer = student.SGD(mutable(params), lr=lr, momentum=momentum)
    for _ in range(steps):
        optimizer.step([g])
    # Step t is lr (1 - momentum^t) / (1 - momentum) g long; this is their sum.
    late = momentum * (1 - momentum**steps) / (1 - momentum)
    expected = -lr / (1 - momentum) * (steps - late) * g
    assert_close(params, [expected], what=f"params after {steps} steps", rtol=NINE_DIGITS)


@points(1, problem="momentum")
@settings(max_examples=15)
@given(lr=rates, momentum=st.just(0.0) | st.floats(0.01, 0.99))
def test_the_effective_rate_is_its_formula(student, lr, momentum):
    """effective_learning_rate is lr / (1 - momentum)."""
    assert_close(student.effective_learning_rate(lr, momentum), lr / (1 - momentum), rtol=NINE_DIGITS)


@points(0.5, problem="momentum")
@settings(max_examples=10)
@given(lr=rates, momentum=st.sampled_from([1.0, 1.5, -0.1]))
def test_no_rate_is_effective_for_an_impossible_momentum(student, lr, momentum):
    """effective_learning_rate raises ValueError for a momentum below 0, of 1 or above; for 0.9 it is 10 lr."""
    with assert_raises(ValueError, what=f"effective_learning_rate with momentum {momentum}"):
        student.effective_learning_rate(lr, momentum)
    assert_close(student.effective_learning_rate(lr, 0.9), 10 * lr, rtol=NINE_DIGITS)


def shrunk(lr, lam, n, batch_size):
    """What one epoch makes of a weight of 1, step by step."""
    weight = 1.0
    for _ in range(0, n, batch_size):
        weight -= lr * lam / n * weight
    return weight


@points(1, problem="momentum")
@settings(max_examples=20)
@given(lr=st.floats(0.01, 2), lam=st.floats(0.1, 4), n=sizes(20, 400), batch_size=sizes(2, 9))
def test_weight_decay_shrinks_weights_where_the_loss_is_flat(student, lr, lam, n, batch_size):
    """weight_decay_factor is what one epoch of steps w <- (1 - lr lam / n) w makes of a weight, the last batch counting
    as a step."""
    found = student.weight_decay_factor(lr, lam, n, batch_size)
    assert_close(found, shrunk(lr, lam, n, batch_size), rtol=NINE_DIGITS)


@points(0.5, problem="momentum")
@settings(max_examples=15)
@given(
    lr=st.floats(0.01, 2), lam=st.just(0.0) | st.floats(0.1, 0.4), n=sizes(1, 6), batch_size=st.sampled_from([1, 6, 50])
)
def test_the_factor_of_an_epoch_of_one_batch(student, lr, lam, n, batch_size):
    """weight_decay_factor holds at its edges: one example, batches of one, one batch of all or more, and no decay."""
    found = student.weight_decay_factor(lr, lam, n, batch_size)
    assert_close(found, shrunk(lr, lam, n, batch_size), rtol=NINE_DIGITS)


@points(0.5, problem="momentum")
@settings(max_examples=10)
@given(lr=st.floats(0.01, 2), lam=st.floats(0.1, 4), batch_size=sizes(1, 500))
def test_the_factor_tends_to_an_exponential(student, lr, lam, batch_size):
    """For large n, weight_decay_factor tends to exp(-lr lam / batch_size)."""
    many = 10**6 * batch_size  # the factor's distance from its limit is about (lr lam)^2 / (2 batch_size many)
    limit = float(np.exp(-lr * lam / batch_size))
    assert_close(student.weight_decay_factor(lr, lam, many, batch_size), limit, rtol=1e-4, atol=1e-4)


# ----------------------------------------------------------------------------------------------------------- adaptive


@points(2.25, problem="adaptive")
@settings(max_examples=15)
@given(task=tasks(), lr=rates)
def test_adagrad_is_its_formula(student, task, lr):
    """AdaGrad follows its rule, step by step: every entry is divided by the root of its own sum of squares."""
    assert_follows(student, "AdaGrad", {"lr": lr, "eps": UNSEEN}, task)


@points(2, problem="adaptive")
@settings(max_examples=15)
@given(task=tasks(), lr=rates, decay=kept_shares)
def test_rmsprop_is_its_formula(student, task, lr, decay):
    """RMSProp follows its rule, step by step, for any decay: every entry is divided by the root of a running mean of
    its squares."""
    assert_follows(student, "RMSProp", {"lr": lr, "decay": decay, "eps": UNSEEN}, task)


@points(2, problem="adaptive")
@settings(max_examples=20)
@given(task=tasks(), lr=rates, betas=betas_pairs)
def test_adam_is_its_formula(student, task, lr, betas):
    """Adam follows its rule, step by step from a fresh state, for any betas."""
    assert_follows(student, "Adam", {"lr": lr, "betas": betas, "eps": UNSEEN}, task)


@points(2, problem="adaptive")
@settings(max_examples=20)
@given(task=tasks(), lr=rates, betas=betas_pairs, weight_decay=strengths)
def test_adamw_is_its_formula(student, task, lr, betas, weight_decay):
    """AdamW follows its rule, step by step: Adam's update of the gradients alone, and lr weight_decay p besides."""
    arguments = {"lr": lr, "betas": betas, "eps": UNSEEN, "weight_decay": weight_decay}
    assert_follows(student, "AdamW", arguments, task)


# ------------------------------------------------------------------------------------- what holds for each optimizer

LAWS = {
    "SGD": "test_sgd_with_momentum_is_its_formula",
    "AdaGrad": "test_adagrad_is_its_formula",
    "RMSProp": "test_rmsprop_is_its_formula",
    "Adam": "test_adam_is_its_formula",
    "AdamW": "test_adamw_is_its_formula",
}
USUAL = {
    "SGD": {"lr": 0.1, "momentum": 0.6},
    "AdaGrad": {"lr": 0.3},
    "RMSProp": {"lr": 0.2, "decay": 0.7},
    "Adam": {"lr": 0.2, "betas": (0.6, 0.8)},
    "AdamW": {"lr": 0.2, "betas": (0.6, 0.8), "weight_decay": 0.2},
}


def each(*, names=tuple(RULES), worth=0.25, alone=False):
    """A case for each optimizer, in its own problem; it depends on the law of that optimizer's rule and on no other.

    worth : points of each case, or a dict of them.   alone : it depends on no law at all.
    """
    cases = []
    for name in names:
        problem = "momentum" if name == "SGD" else "adaptive"
        number = worth[name] if isinstance(worth, dict) else worth
        laws = [] if alone else [needs(LAWS[name])]
        cases.append(pytest.param(name, marks=[points(number, problem=problem), *laws]))
    return pytest.mark.parametrize("name", cases)


@each(names=ADAPTIVE, worth=0.75)
@settings(max_examples=10)
@given(task=tasks(), lr=rates, eps=st.floats(-2, 1).map(lambda power: 10**power))
def test_eps_stands_outside_the_root(student, name, task, lr, eps):
    """{name} adds the eps that it is given to the root, not below it, and to the root of the corrected moment."""
    assert_follows(student, name, {**USUAL[name], "lr": lr, "eps": eps}, task, NINE_DIGITS)


@each(names=ADAPTIVE)
@settings(max_examples=8)
@given(task=tasks(), factor=st.sampled_from([1e-80, 1e-20, 1e-6, 0.01, 300.0, 1e7, 1e20, 1e80]))
def test_the_size_of_the_gradients_does_not_matter(student, name, task, factor):
    """With eps = 0, {name} steps alike if all gradients are multiplied by a positive number, tiny or huge."""
    arguments = {**USUAL[name], "eps": 0.0}
    expected = oracle_path(name, arguments, task.params, task.steps)
    params = snapshot(task.params)
    optimizer = getattr(student, name)(mutable(params), **arguments)
    for grads in task.times(factor).steps:
        optimizer.step(grads)
    assert_params(params, expected[-1], [task.params, *expected], f"params after {len(expected)} steps", NINE_DIGITS)


@points(0.5, problem="momentum")
@needs("test_sgd_with_momentum_is_its_formula")
@settings(max_examples=8)
@given(task=tasks(), factor=st.sampled_from([1e-80, 1e-20, 1e-6, -0.01, -300.0, 1e7, 1e20, 1e80]))
def test_sgd_moves_in_proportion_to_the_gradients(student, task, factor):
    """If all gradients are multiplied by a number, tiny, huge or negative, so is all movement of SGD."""
    starts = [np.zeros_like(p) for p in task.params]
    path = oracle_path("SGD", USUAL["SGD"], starts, task.steps)
    params = snapshot(starts)
    optimizer = student.SGD(mutable(params), **USUAL["SGD"])
    for grads in task.times(factor).steps:
        optimizer.step(grads)
    path = [[factor * p for p in params] for params in path]
    assert_params(params, path[-1], path, f"params after {len(path)} steps", NINE_DIGITS)


EDGES = {
    "SGD": [{}],
    "AdaGrad": [{}],
    "RMSProp": [{}, {"decay": 0.0}],
    "Adam": [{}, {"betas": (0.0, 0.9)}, {"betas": (0.6, 0.0)}],
    "AdamW": [{}, {"betas": (0.0, 0.9)}, {"betas": (0.6, 0.0)}, {"weight_decay": 0.0}],
}


@each(worth={"SGD": 0.5, "AdaGrad": 0.5, "RMSProp": 0.75, "Adam": 0.75, "AdamW": 0.75})
@settings(max_examples=12)
@given(task=tasks(shapes=ODD), seed=seeds, share=st.sampled_from([0.0, 0.6, 1.0]))
def test_zeros_and_odd_arrays_are_no_exception(student, name, task, seed, share):
    """{name} follows its rule for entries whose gradient is 0, now and then or always; for one array alone, arrays of
    one entry, with axes of length 1, and of three axes; and, where it has such a setting, for a decay or a beta of
    0."""
    rng = np.random.default_rng(seed)
    task = task._replace(steps=[[g * (rng.random(g.shape) < share) for g in grads] for grads in task.steps])
    for more in EDGES[name]:
        assert_follows(student, name, {**USUAL[name], **more}, task)


@each(names=ADAPTIVE)
@settings(max_examples=2)
@given(task=tasks(count=st.just(120), shapes=st.just([(3,), (2, 2)])))
def test_a_hundred_steps_are_as_right_as_one(student, name, task):
    """After 120 steps, with a long memory, {name} is still where it should be."""
    long = {"AdaGrad": {}, "RMSProp": {"decay": 0.98}}.get(name, {"betas": (0.9, 0.98)})
    arguments = {**USUAL[name], **long}
    params = snapshot(task.params)
    optimizer = getattr(student, name)(mutable(params), **arguments)
    for grads in task.steps:
        optimizer.step(grads)
    path = oracle_path(name, arguments, task.params, task.steps)
    assert_params(params, path[-1], [task.params, *path], "params after 120 steps")


@each(alone=True)  # state that all share spoils every other law, too
@settings(max_examples=5)
@given(task=tasks(count=st.just(6)))
def test_two_optimizers_share_nothing(student, name, task):
    """Two optimizers of the class {name} that are alive at once, and step in turn, share neither state nor step
    count."""
    starts, halves = (task.params, [-p for p in task.params]), (task.steps[:3], task.steps[3:])
    paths = [oracle_path(name, USUAL[name], start, steps) for start, steps in zip(starts, halves, strict=True)]
    params = [snapshot(start) for start in starts]
    optimizers = [getattr(student, name)(mutable(each), **USUAL[name]) for each in params]
    for number, both in enumerate(zip(*halves, strict=True)):
        for which, grads in enumerate(both):
            optimizers[which].step(grads)
            path = [starts[which], *paths[which]]
            assert_params(params[which], paths[which][number], path, f"params of the optimizer number {which + 1}")


@each()
@settings(max_examples=4)
@given(task=tasks(count=st.just(2)))
def test_the_arrays_themselves_are_changed(student, name, task):
    """{name} changes the arrays that it was given, and the list goes on holding these very arrays."""
    arrays = snapshot(task.params)
    params = list(arrays)
    optimizer = getattr(student, name)(mutable(params), **USUAL[name])
    for grads in task.steps:
        optimizer.step(grads)
    path = oracle_path(name, USUAL[name], task.params, task.steps)
    assert_params(arrays, path[-1], [task.params, *path], "arrays that were given")
    kept = len(params) == len(arrays) and all(p is a for p, a in zip(params, arrays, strict=True))
    check(kept, f"{name} puts other arrays into the list of params", "changed_input")


@each()
@settings(max_examples=6)
@given(task=tasks(count=st.integers(2, 4)))
def test_the_gradients_are_left_alone(student, name, task):
    """{name} does not change the gradients that it is given, whatever its settings are."""
    before = snapshot(task.steps)
    assert_follows(student, name, USUAL[name], task)
    assert_unchanged(task.steps, before, what="the gradients")
    for more in ({"nesterov": True}, {"weight_decay": 0.3}) if name == "SGD" else ():
        optimizer = student.SGD(mutable(snapshot(task.params)), **USUAL[name], **more)
        for grads in task.steps:
            optimizer.step(grads)
        assert_unchanged(task.steps, before, what=f"the gradients, with {more},")


def spoiled(grads, how):
    """A list of gradients that does not fit."""
    return {
        "one too few": grads[:-1],
        "one too many": [*grads, grads[-1]],
        "one of another shape": [*grads[:-1], grads[-1][..., None]],  # which would broadcast
    }[how]


@each()
@settings(max_examples=8)
@given(
    task=tasks(count=st.integers(1, 3)), how=st.sampled_from(["one too few", "one too many", "one of another shape"])
)
def test_gradients_that_do_not_fit_are_refused(student, name, task, how):
    """{name}.step raises ValueError for too few or too many gradients, or one of another shape, and changes neither
    params nor state: the next step is what it would have been."""
    expected = oracle_path(name, USUAL[name], task.params, task.steps)
    params = snapshot(task.params)
    optimizer = getattr(student, name)(mutable(params), **USUAL[name])
    for grads, right in zip(task.steps, expected, strict=True):
        before = snapshot(params)
        with assert_raises(ValueError, what=f"{name}.step with gradients of which there is {how}"):
            optimizer.step(spoiled(grads, how))
        assert_unchanged(params, before, what="params")
        optimizer.step(grads)
        assert_params(params, right, [task.params, *expected], "params after a step that was refused")


BAD = {
    "SGD": [{"momentum": 1.0}, {"momentum": 1.5}, {"momentum": -0.1}, {"weight_decay": -1e-3}],
    "AdaGrad": [{"eps": -1e-9}],
    "RMSProp": [{"eps": -1e-9}, {"decay": -0.1}, {"decay": 1.0}, {"decay": 1.1}],
    "Adam": [{"eps": -1e-9}, *({"betas": b} for b in ((1.0, 0.9), (0.9, 1.0), (-0.1, 0.5), (0.5, -0.1), (0.9, 7.0)))],
    "AdamW": [
        {"eps": -1e-9},
        {"betas": (1.0, 0.9)},
        {"betas": (0.9, 1.0)},
        {"betas": (1.2, 0.9)},
        {"weight_decay": -0.01},
    ],
}


@each()
@settings(max_examples=2)
@given(task=tasks(count=st.just(1)))
def test_impossible_settings_are_refused(student, name, task):
    """{name} raises ValueError for settings that its docstring rules out (lr <= 0, and such a momentum, decay, beta,
    eps or weight_decay as there is), and takes what is allowed."""
    for bad in ({"lr": 0.0}, {"lr": -0.5}, *BAD[name]):
        with assert_raises(ValueError, what=f"{name} with {bad}"):
            getattr(student, name)([np.ones(2)], **{"lr": 0.1, **bad})
    assert_follows(student, name, USUAL[name], task)


@each(names=ADAPTIVE)
@settings(max_examples=6)
@given(seed=seeds, count=st.integers(3, 6))
def test_settings_have_the_promised_defaults(student, name, seed, count):
    """Without settings, {name} uses the defaults of its signature."""
    rng = np.random.default_rng(seed)
    # Gradients of the sizes of the eps, and larger ones; and so small params that a step with the usual lr is seen.
    sizes_of = np.array([1e-10, 1e-8, 1e-4])
    steps = [[sizes_of * signed(rng, 3), 1e-4 * signed(rng, (2, 2))] for _ in range(count)]
    assert_follows(student, name, {}, Task([0.01 * signed(rng, 3), 0.01 * signed(rng, (2, 2))], steps), NINE_DIGITS)


# ---------------------------------------------------------------------------------------------------------- penalties

WEIGHTS = st.lists(hnp.array_shapes(max_dims=2, min_side=2, max_side=4), min_size=2, max_size=4)
PENALTIES = ("l1_penalty", "l2_penalty")


def each_penalty(worth):
    """A case for each of the two, which depends on its own laws alone."""
    cases = []
    for name in PENALTIES:
        law = f"{name[:2]}_is_its_formula"
        marks = [points(worth, problem="penalties"), needs(f"test_{law}", f"test_the_gradient_of_{law}")]
        cases.append(pytest.param(name, marks=marks))
    return pytest.mark.parametrize("name", cases)


@st.composite
def weights(draw, shapes=WEIGHTS):
    """Arrays without zeros."""
    chosen, rng = draw(shapes), np.random.default_rng(draw(seeds))
    return [signed(rng, shape) for shape in chosen]


def ask_penalty(student, name, params, lam):
    return items_of(getattr(student, name)(params, lam), "P", "grads", what=f"{name}'s answer")


def oracle_penalty(name, params, lam):
    """(P, grads)"""
    flat = np.concatenate([w.ravel() for w in params])
    if name == "l1_penalty":
        signs = [np.where(w > 0, lam, 0.0) - np.where(w < 0, lam, 0.0) for w in params]
        return lam * float(np.sum(np.where(flat < 0, -flat, flat))), signs
    return lam * float(flat @ flat) / 2, [lam * w for w in params]


@points(1, problem="penalties")
@settings(max_examples=15)
@given(params=weights(), lam=st.floats(0.01, 3))
def test_l1_is_its_formula(student, params, lam):
    """l1_penalty is lam sum |w| over all entries of all arrays."""
    value, _ = ask_penalty(student, "l1_penalty", params, lam)
    assert_close(value, oracle_penalty("l1_penalty", params, lam)[0], what="P", rtol=NINE_DIGITS)


@points(1, problem="penalties")
@settings(max_examples=15)
@given(params=weights(), lam=st.floats(0.01, 3))
def test_the_gradient_of_l1_is_its_formula(student, params, lam):
    """The gradient of l1_penalty is lam sign(w)."""
    _, grads = ask_penalty(student, "l1_penalty", params, lam)
    expected = oracle_penalty("l1_penalty", params, lam)[1]
    assert_close(values_of(grads, expected), expected, what="grads", rtol=NINE_DIGITS)


@points(1, problem="penalties")
@settings(max_examples=15)
@given(params=weights(), lam=st.floats(0.01, 3))
def test_l2_is_its_formula(student, params, lam):
    """l2_penalty is lam / 2 sum w^2 over all entries of all arrays."""
    value, _ = ask_penalty(student, "l2_penalty", params, lam)
    assert_close(value, oracle_penalty("l2_penalty", params, lam)[0], what="P", rtol=NINE_DIGITS)


@points(1, problem="penalties")
@settings(max_examples=15)
@given(params=weights(), lam=st.floats(0.01, 3))
def test_the_gradient_of_l2_is_its_formula(student, params, lam):
    """The gradient of l2_penalty is lam w."""
    _, grads = ask_penalty(student, "l2_penalty", params, lam)
    expected = oracle_penalty("l2_penalty", params, lam)[1]
    assert_close(values_of(grads, expected), expected, what="grads", rtol=NINE_DIGITS)


@points(0.5, problem="penalties")
@needs("test_the_gradient_of_l1_is_its_formula")
@settings(max_examples=10)
@given(params=weights(), lam=st.floats(0.01, 3), seed=seeds)
def test_the_sign_of_zero_is_zero(student, params, lam, seed):
    """The gradient of l1_penalty is 0 for weights that are 0, and lam sign(w) for the others beside them."""
    rng = np.random.default_rng(seed)
    params = [w * (rng.random(w.shape) < 0.5) for w in params]
    _, grads = ask_penalty(student, "l1_penalty", params, lam)
    expected = oracle_penalty("l1_penalty", params, lam)[1]
    assert_close(values_of(grads, expected), expected, what="grads", rtol=NINE_DIGITS)


@each_penalty(0.25)
@settings(max_examples=12)
@given(params=weights(shapes=ODD), lam=st.just(0.0) | st.floats(0.01, 3))
def test_a_penalty_holds_at_its_edges(student, name, params, lam):
    """{name} and its gradients, each in the shape of its array, are right for one array alone, one entry, axes of
    length 1, three axes, and for lam = 0."""
    answer = ask_penalty(student, name, params, lam)
    value, grads = oracle_penalty(name, params, lam)
    assert_close(answer[0], value, what="P", rtol=NINE_DIGITS)
    assert_close(answer[1], grads, what="grads", rtol=NINE_DIGITS)


@each_penalty(0.25)
@settings(max_examples=8)
@given(params=weights(), lam=st.floats(0.01, 3))
def test_a_penalty_leaves_its_arguments_alone(student, name, params, lam):
    """{name} does not change params."""
    before = snapshot(params)
    answer = ask_penalty(student, name, params, lam)
    assert_unchanged(params, before, what="params")
    assert_close(answer[0], oracle_penalty(name, params, lam)[0], what="P", rtol=NINE_DIGITS)


@each_penalty(0.25)
@settings(max_examples=8)
@given(params=weights(), lam=st.floats(0.01, 3))
def test_negative_strengths_are_refused(student, name, params, lam):
    """{name} raises ValueError for lam < 0, and not for lam > 0."""
    with assert_raises(ValueError, what=f"{name} with lam {-lam}"):
        getattr(student, name)(params, -lam)
    answer = ask_penalty(student, name, params, lam)
    assert_close(answer[0], oracle_penalty(name, params, lam)[0], what="P", rtol=NINE_DIGITS)


keep_probs = st.floats(0.2, 0.9)
TWO_AXES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6)
ODD_SHAPES = [(1,), (30,), (1, 1), (1, 20), (20, 1), (2, 3, 2), (2, 1, 2, 3)]


def ask_dropout(student, x, keep_prob, rng, *, training=True):
    """(y, cache), after the type, shape and dtype of y."""
    answer = student.dropout_forward(x, keep_prob, rng, training=training)
    y, cache = items_of(answer, "y", "cache", what="dropout_forward's answer")
    fits = isinstance(y, np.ndarray) and y.shape == x.shape and y.dtype == np.float64
    check(fits, f"y is {describe(y)}, expected a float64 array of shape {x.shape}", "wrong_shape")
    return y, cache


def assert_dropped(student, x, keep_prob, seed):
    y, _ = ask_dropout(student, x, keep_prob, np.random.default_rng(seed))
    assert_close(y, np.where(y != 0, x / keep_prob, 0.0), what="y", rtol=NINE_DIGITS)
    return y


@points(1.5, problem="penalties")
@settings(max_examples=15)
@given(shape=TWO_AXES, seed=seeds, keep_prob=keep_probs)
def test_dropout_divides_what_it_keeps(student, shape, seed, keep_prob):
    """Training, every entry of y is 0 or x / keep_prob, and both occur."""
    y = assert_dropped(student, signed(np.random.default_rng([seed, 1]), shape), keep_prob, seed)
    many = assert_dropped(student, signed(np.random.default_rng([seed, 2]), (20, 30)), keep_prob, seed)
    kept = int((y != 0).sum() + (many != 0).sum())
    check(0 < kept < y.size + many.size, f"{kept} of {y.size + many.size} entries were kept")


@points(0.75, problem="penalties")
@settings(max_examples=8)
@given(seed=seeds, keep_prob=st.sampled_from([0.1, 0.25, 0.4, 0.5, 0.65, 0.8, 0.95]))
def test_dropout_keeps_each_entry_with_its_probability(student, seed, keep_prob):
    """Training, each entry is kept with probability keep_prob."""
    n = 4096
    y, _ = ask_dropout(student, np.ones((64, n // 64)), keep_prob, np.random.default_rng(seed))
    share, sd = float((y != 0).mean()), np.sqrt(keep_prob * (1 - keep_prob))
    # Seven standard deviations: a right answer is beyond them less than once in 100,000,000,000 times.
    check(abs(share - keep_prob) <= 7 * sd / np.sqrt(n), f"{share:.3f} of all entries were kept, expected {keep_prob}")


@points(0.5, problem="penalties")
@settings(max_examples=6)
@given(seed=seeds, keep_prob=st.sampled_from([0.25, 0.4, 0.5, 0.65, 0.8]), rows=st.sampled_from([8, 64]))
def test_dropout_draws_for_each_entry_by_itself(student, seed, keep_prob, rows):
    """Training, each entry is kept or dropped independently of all others, in its row and in its column."""
    n = 4096
    y, _ = ask_dropout(student, np.ones((rows, n // rows)), keep_prob, np.random.default_rng(seed))
    kept = (y != 0).astype(float)
    check(0 < kept.mean() < 1, "all entries were kept, or none")
    z = (kept - kept.mean()) / kept.std()  # how many are kept is another law's
    for axis, name in ((0, "column"), (1, "row")):
        pairs = float((z * np.roll(z, 1, axis=axis)).mean())
        check(abs(pairs) <= 8 / np.sqrt(n), f"neighbours in a {name} are kept together (correlation {pairs:.2f})")


@points(0.25, problem="penalties")
@needs("test_dropout_divides_what_it_keeps")
@settings(max_examples=4)
@given(seed=seeds, keep_prob=keep_probs)
def test_dropout_takes_arrays_of_any_shape(student, seed, keep_prob):
    """Training, dropout works on one entry, one axis, axes of length 1, and three or four axes, too."""
    rng = np.random.default_rng([seed, 1])
    kept = sum(
        int((assert_dropped(student, signed(rng, shape), keep_prob, seed + 1) != 0).sum()) for shape in ODD_SHAPES
    )
    check(kept > 0, "nothing was kept")


@points(0.25, problem="penalties")
@settings(max_examples=8)
@given(shape=TWO_AXES, seed=seeds)
def test_with_keep_prob_one_nothing_is_dropped(student, shape, seed):
    """With keep_prob = 1, y = x and dx = dy, training or not."""
    rng = np.random.default_rng([seed, 1])
    x, dy = signed(rng, shape), signed(rng, shape)
    for training in (True, False):
        y, cache = ask_dropout(student, x, 1.0, np.random.default_rng(seed), training=training)
        assert_close(y, x, what="y", rtol=NINE_DIGITS)
        assert_close(student.dropout_backward(dy, cache), dy, what="dx", rtol=NINE_DIGITS)


@points(0.25, problem="penalties")
@settings(max_examples=8)
@given(shape=TWO_AXES, seed=seeds, keep_prob=keep_probs, training=st.booleans())
def test_dropout_leaves_its_input_alone(student, shape, seed, keep_prob, training):
    """dropout_forward does not change x."""
    x = signed(np.random.default_rng([seed, 1]), shape)
    before = snapshot(x)
    y, _ = ask_dropout(student, x, keep_prob, np.random.default_rng(seed), training=training)
    assert_unchanged(x, before, what="x")
    expected = np.where(y != 0, x / keep_prob, 0.0) if training else x
    assert_close(y, expected, what="y", rtol=NINE_DIGITS)
    many, _ = ask_dropout(student, np.ones((20, 30)), keep_prob, np.random.default_rng(seed), training=training)
    check((many != 0).any(), "nothing was kept")


@points(0.25, problem="penalties")
@settings(max_examples=8)
@given(keep_prob=st.sampled_from([0.0, -0.2, 1.0001, 3.0]), seed=seeds, training=st.booleans())
def test_impossible_keep_probs_are_refused(student, keep_prob, seed, training):
    """dropout_forward raises ValueError for keep_prob outside (0, 1], training or not, and not for 1/2."""
    x = signed(np.random.default_rng([seed, 1]), (20, 30))
    with assert_raises(ValueError, what=f"dropout_forward with keep_prob {keep_prob}"):
        student.dropout_forward(x, keep_prob, np.random.default_rng(seed), training=training)
    y, _ = ask_dropout(student, x, 0.5, np.random.default_rng(seed), training=training)
    assert_close(y, np.where(y != 0, 2 * x, 0.0) if training else x, what="y", rtol=NINE_DIGITS)
    check((y != 0).any(), "nothing was kept")


@points(0.5, problem="penalties")
@settings(max_examples=10)
@given(shape=TWO_AXES, seed=seeds, keep_prob=keep_probs)
def test_dropout_is_the_identity_where_it_is_not_training(student, shape, seed, keep_prob):
    """Not training, y = x, whatever keep_prob is."""
    x = signed(np.random.default_rng([seed, 1]), shape)
    y, _ = ask_dropout(student, x, keep_prob, np.random.default_rng(seed), training=False)
    assert_close(y, x, what="y", rtol=NINE_DIGITS)


@points(0.25, problem="penalties")
@needs("test_dropout_is_the_identity_where_it_is_not_training")
@settings(max_examples=8)
@given(shape=TWO_AXES, seed=seeds, keep_prob=keep_probs)
def test_nothing_is_drawn_where_it_is_not_training(student, shape, seed, keep_prob):
    """Not training, nothing is drawn from rng, and rng may be None."""
    x = signed(np.random.default_rng([seed, 1]), shape)
    rng = np.random.default_rng(seed)
    y, _ = ask_dropout(student, x, keep_prob, rng, training=False)
    assert_close(y, x, what="y", rtol=NINE_DIGITS)
    untouched = np.random.default_rng(seed).bit_generator.state
    check(rng.bit_generator.state == untouched, "rng was drawn from", "changed_input")
    y, _ = ask_dropout(student, x, keep_prob, None, training=False)
    assert_close(y, x, what="y, without an rng", rtol=NINE_DIGITS)


@points(0.5, problem="penalties")
@needs("test_dropout_divides_what_it_keeps")
@settings(max_examples=8)
@given(seed=seeds, keep_prob=st.floats(0.3, 0.7))
def test_dropout_draws_from_its_rng_alone(student, seed, keep_prob):
    """The same rng drops the same entries, the next call others."""
    x = signed(np.random.default_rng([seed, 1]), (8, 16))
    rng = np.random.default_rng(seed)
    first, second = (ask_dropout(student, x, keep_prob, rng)[0] for _ in range(2))
    again, _ = ask_dropout(student, x, keep_prob, np.random.default_rng(seed))
    for y in (first, second, again):
        assert_close(y, np.where(y != 0, x / keep_prob, 0.0), what="y", rtol=NINE_DIGITS)
    assert_equal(again, first, what="y from the same rng")
    check(not np.array_equal(first, second), "the second call dropped the same entries as the first")


@st.composite
def drops(draw, shape=TWO_AXES):
    """(x, dy, keep_prob, rng)"""
    sides, seed = draw(shape), draw(seeds)
    rng = np.random.default_rng([seed, 1])
    return signed(rng, sides), signed(rng, sides), draw(keep_probs), np.random.default_rng(seed)


@points(1.25, problem="penalties")
@needs("test_dropout_divides_what_it_keeps")
@settings(max_examples=15)
@given(case=drops())
def test_dropout_backward_uses_the_mask_of_its_forward(student, case):
    """dx = dy / keep_prob where x was kept, and 0 where it was dropped."""
    x, dy, keep_prob, rng = case
    y, cache = ask_dropout(student, x, keep_prob, rng)
    dx = student.dropout_backward(dy, cache)
    assert_close(values_of(dx, dy), np.where(y != 0, dy / keep_prob, 0.0), what="dx", rtol=NINE_DIGITS)
    many, cache = ask_dropout(student, np.ones((20, 30)), keep_prob, rng)
    dx = student.dropout_backward(np.ones((20, 30)), cache)
    assert_close(values_of(dx, many), many, what="dx for dy = x", rtol=NINE_DIGITS)
    check((many != 0).any(), "nothing was kept")


@points(0.25, problem="penalties")
@needs("test_dropout_backward_uses_the_mask_of_its_forward")
@settings(max_examples=8)
@given(case=drops())
def test_each_mask_belongs_to_its_own_forward(student, case):
    """dx is right whatever other forwards came since, and a second call with the same cache gives the same answer."""
    x, dy, keep_prob, rng = case
    y, cache = ask_dropout(student, x, keep_prob, rng)
    ask_dropout(student, x, keep_prob, rng)
    ask_dropout(student, x, keep_prob, rng, training=False)
    expected = np.where(y != 0, dy / keep_prob, 0.0)
    for call in ("dx", "dx of a second call"):
        dx = student.dropout_backward(dy, mutable(cache))  # what it does to its cache, the second call meets
        assert_close(values_of(dx, dy), expected, what=call, rtol=NINE_DIGITS)
    many, cache = ask_dropout(student, np.ones((20, 30)), keep_prob, rng)
    assert_close(
        values_of(student.dropout_backward(np.ones((20, 30)), cache), many),
        many,
        what="dx for dy = x",
        rtol=NINE_DIGITS,
    )


@points(0.25, problem="penalties")
@needs("test_dropout_is_the_identity_where_it_is_not_training")
@settings(max_examples=8)
@given(case=drops())
def test_dropout_backward_is_the_identity_where_it_is_not_training(student, case):
    """Not training, dx = dy."""
    x, dy, keep_prob, rng = case
    _, cache = ask_dropout(student, x, keep_prob, rng, training=False)
    assert_close(values_of(student.dropout_backward(dy, cache), dy), dy, what="dx", rtol=NINE_DIGITS)


@points(0.25, problem="penalties")
@needs("test_dropout_backward_uses_the_mask_of_its_forward")
@settings(max_examples=10)
@given(case=drops(shape=st.sampled_from(ODD_SHAPES)))
def test_dropout_backward_keeps_shapes_and_dy(student, case):
    """dx has dy's shape, for one entry, one axis, axes of length 1 and more axes too, and dy stays as it was."""
    x, dy, keep_prob, rng = case
    y, cache = ask_dropout(student, x, keep_prob, rng)
    before = snapshot(dy)
    dx = student.dropout_backward(dy, cache)
    assert_unchanged(dy, before, what="dy")
    assert_close(dx, np.where(y != 0, dy / keep_prob, 0.0), what="dx", rtol=NINE_DIGITS)
    many, cache = ask_dropout(student, np.ones((20, 30)), keep_prob, rng)
    assert_close(student.dropout_backward(np.ones((20, 30)), cache), many, what="dx for dy = x", rtol=NINE_DIGITS)


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

    def normalized(self):
        """y, training."""
        return oracle_batch_norm(self.x, self.gamma, self.beta, self.eps, *oracle_statistics(self.x))

    def evaluated(self):
        """y, not training."""
        return oracle_batch_norm(self.x, self.gamma, self.beta, self.eps, self.running["mean"], self.running["var"])

    def gradients(self, training):
        """(dx, dgamma, dbeta)"""
        if training:
            return oracle_batch_norm_backward(self.dy, self.x, self.gamma, self.eps)
        scale = (self.running["var"] + self.eps) ** -0.5
        u = (self.x - self.running["mean"]) * scale
        return self.dy * self.gamma * scale, np.sum(self.dy * u, axis=0), np.sum(self.dy, axis=0)


COUNTS, FEATURES, EPSILONS = sizes(3, 8), sizes(2, 5), st.sampled_from([1e-5, 1e-2, 0.5, 4.0])


@st.composite
def batches(draw, n=COUNTS, d=FEATURES, eps=EPSILONS):
    """Batches with other means and spreads in every feature, and no neutral gamma, beta or running statistics."""
    count, width = draw(n), draw(d)
    rng = np.random.default_rng(draw(seeds))
    spread = 10 ** rng.uniform(-1, 1, width)
    return Batch(
        rng.normal(size=(count, width)) * spread + rng.normal(0, 3, width),
        rng.uniform(0.3, 2, width) * rng.choice([-1, 1], width), rng.normal(0, 2, width),
        {"mean": rng.normal(0, 3, width), "var": rng.uniform(0.2, 5, width)},
        rng.normal(0, 2, (count, width)), draw(st.floats(0.05, 0.95)), draw(eps),
    )  # fmt: skip


def ask_norm(student, b, training=True, **options):
    """(y, cache). Training, b.running is what it becomes.   options : in place of the batch's own."""
    running = mutable(b.running) if training else b.running
    options = options or {"momentum": b.momentum, "eps": b.eps}
    answer = student.batch_norm_forward(b.x, b.gamma, b.beta, running, training=training, **options)
    y, cache = items_of(answer, "y", "cache", what="batch_norm_forward's answer")
    assert_not_narrow(y, what="y")  # laws about `running` do not compare it
    return y, cache


def ask_norm_backward(student, dy, cache):
    answer = student.batch_norm_backward(dy, cache)
    return items_of(answer, "dx", "dgamma", "dbeta", what="batch_norm_backward's answer")


def assert_normed(found, right, what="y", **options):
    """To nine digits, in whatever shape: another law holds the shapes."""
    assert_close(values_of(found, right), right, what=what, **{"rtol": NINE_DIGITS, **options})


def running_of(b, name):
    """What became of the running mean or variance."""
    check(name in b.running, f'running has no "{name}" any more', "wrong_type")
    return b.running[name]


def assert_running(b, expected, name):
    assert_normed(running_of(b, name), expected, what=f'running["{name}"]')


def assert_norm_grads(b, answer, expected, names):
    """To nine digits of what the sums are made of: each is a sum over the batch that may nearly cancel."""
    size = float(np.abs(b.dy).max()) * max(1.0, float(np.abs(b.gamma).max() / np.sqrt(np.min(b.x.var(axis=0)) + b.eps)))
    for name, found, right in zip(("dx", "dgamma", "dbeta"), answer, expected, strict=True):
        if name in names:
            assert_normed(found, right, what=name, atol=1e-9 * size)


# --------------------------------------------------------------------------------------------------------- batch norm


@points(2.5, problem="batch_norm")
@settings(max_examples=20)
@given(b=batches())
def test_batches_are_normalized(student, b):
    """Training, y = gamma (x - mean) / sqrt(var + eps) + beta with the batch's mean and its biased variance."""
    assert_normed(ask_norm(student, b)[0], b.normalized())


@st.composite
def several_batches(draw):
    """A batch, and others that come after it."""
    first, rng = draw(batches()), np.random.default_rng(draw(seeds))
    counts = rng.integers(3, 9, draw(st.integers(1, 3)))
    return [first, *(first._replace(x=rng.normal(1, 2, (count, first.x.shape[1]))) for count in counts)]


@points(1, problem="batch_norm")
@settings(max_examples=12)
@given(several=several_batches())
def test_the_running_mean_averages_the_batches(student, several):
    """Training, running["mean"] becomes (1 - momentum) running["mean"] + momentum times the batch's mean, batch after
    batch."""
    mean = snapshot(several[0].running["mean"])
    for b in several:
        mean = mean + b.momentum * (b.x.mean(axis=0) - mean)
        ask_norm(student, b)
        assert_running(b, mean, "mean")


@points(1.5, problem="batch_norm")
@settings(max_examples=12)
@given(several=several_batches())
def test_the_running_variance_averages_unbiased_ones(student, several):
    """Training, running["var"] becomes (1 - momentum) running["var"] + momentum times the batch's unbiased variance,
    batch after batch."""
    var = snapshot(several[0].running["var"])
    for b in several:
        var = var + b.momentum * (b.x.var(axis=0, ddof=1) - var)
        ask_norm(student, b)
        assert_running(b, var, "var")


@points(2.25, problem="batch_norm")
@settings(max_examples=15)
@given(b=batches())
def test_running_statistics_are_used_where_it_is_not_training(student, b):
    """Not training, y = gamma (x - running mean) / sqrt(running var + eps) + beta."""
    expected = b.evaluated()
    assert_normed(ask_norm(student, b, training=False)[0], expected)


@points(0.5, problem="batch_norm")
@needs("test_running_statistics_are_used_where_it_is_not_training")
@settings(max_examples=10)
@given(b=batches(n=sizes(1, 1)))
def test_one_example_is_evaluated_too(student, b):
    """Not training, one example alone is normalized, and keeps both axes."""
    assert_close(ask_norm(student, b, training=False)[0], b.evaluated(), what="y", rtol=NINE_DIGITS)


@points(0.25, problem="batch_norm")
@needs("test_running_statistics_are_used_where_it_is_not_training")
@settings(max_examples=8)
@given(b=batches())
def test_running_statistics_stay_where_it_is_not_training(student, b):
    """Not training, running stays as it is."""
    before, expected = snapshot(b.running), b.evaluated()
    y, _ = ask_norm(student, b, training=False)
    assert_unchanged(b.running, before, what="running")
    assert_normed(y, expected)


@points(0.5, problem="batch_norm")
@needs("test_batches_are_normalized")
@settings(max_examples=10)
@given(b=batches(eps=st.sampled_from([1e-5, 1e-2])), sign=st.sampled_from([-1.0, 1.0]))
def test_far_features_are_normalized_too(student, b, sign):
    """Training, features whose mean is 500,000 times their spread are normalized as others are."""
    b = b._replace(x=b.x + sign * 5e5 * b.x.std(axis=0))
    # What the mean is rounded to, 1e-16 of it, is 1e-10 of the spread; the mean of squares would lose 1e-5 of it.
    assert_normed(ask_norm(student, b)[0], b.normalized(), rtol=1e-6, atol=1e-6)


@points(0.5, problem="batch_norm")
@needs("test_batches_are_normalized")
@settings(max_examples=10)
@given(b=batches())
def test_constant_features_become_beta(student, b):
    """Training, a feature that is the same number in all examples becomes beta, beside others that are normalized."""
    b.x[:, 0] = b.x[0, 0]
    assert_normed(ask_norm(student, b)[0], b.normalized(), rtol=1e-6, atol=1e-6)


@points(0.25, problem="batch_norm")
@needs("test_batches_are_normalized", "test_the_running_variance_averages_unbiased_ones")
@settings(max_examples=10)
@given(b=batches(n=sizes(2, 2)) | batches(d=sizes(1, 1)))
def test_two_examples_or_one_feature_are_a_batch(student, b):
    """Training, two examples are enough, and so is one feature, for y and for the running variance."""
    var = snapshot(b.running["var"]) + b.momentum * (b.x.var(axis=0, ddof=1) - b.running["var"])
    assert_normed(ask_norm(student, b)[0], b.normalized())
    assert_running(b, var, "var")


@points(0.25, problem="batch_norm")
@needs("test_the_running_mean_averages_the_batches")
@settings(max_examples=6)
@given(b=batches(), momentum=st.sampled_from([0.0, 1.0]))
def test_momentum_may_be_zero_or_one(student, b, momentum):
    """Training, with momentum 0 the running mean stays, and with 1 it is the batch's."""
    mean = b.x.mean(axis=0) if momentum else snapshot(b.running["mean"])
    y, _ = ask_norm(student, b, momentum=momentum, eps=b.eps)
    assert_running(b, mean, "mean")
    assert_normed(y, b.normalized())


@points(0.25, problem="batch_norm")
@needs("test_batches_are_normalized", "test_the_running_mean_averages_the_batches")
@settings(max_examples=6)
@given(b=batches(eps=st.just(1e-5)))
def test_batch_norm_has_the_promised_defaults(student, b):
    """Without settings, momentum is 0.1 and eps is 1e-5, training or not."""
    b = b._replace(x=0.01 * b.x)  # so that eps is seen
    expected, mean = b.normalized(), snapshot(b.running["mean"]) + 0.1 * (b.x.mean(axis=0) - b.running["mean"])
    answer = student.batch_norm_forward(b.x, b.gamma, b.beta, mutable(b.running), training=True)
    assert_normed(items_of(answer, "y", "cache", what="batch_norm_forward's answer")[0], expected)
    assert_running(b, mean, "mean")
    b = b._replace(running={"mean": mean, "var": 1e-4 * np.ones_like(mean)})
    answer = student.batch_norm_forward(b.x, b.gamma, b.beta, b.running, training=False)
    y, _ = items_of(answer, "y", "cache", what="batch_norm_forward's answer, not training,")
    assert_normed(y, b.evaluated(), what="y, not training")


@points(2, problem="batch_norm")
@needs("test_batches_are_normalized")
@settings(max_examples=20)
@given(b=batches())
def test_gradients_go_through_mean_and_variance(student, b):
    """Training, dx is right to nine digits: the gradient goes through mean and variance, too."""
    _, cache = ask_norm(student, b)
    assert_norm_grads(b, ask_norm_backward(student, b.dy, cache), b.gradients(training=True), ["dx"])


@points(1, problem="batch_norm")
@needs("test_batches_are_normalized")
@settings(max_examples=15)
@given(b=batches())
def test_gradients_of_gamma_and_beta_are_sums(student, b):
    """Training, dgamma = sum_i dy_i u_i and dbeta = sum_i dy_i, over the examples of the batch."""
    _, cache = ask_norm(student, b)
    assert_norm_grads(b, ask_norm_backward(student, b.dy, cache), b.gradients(training=True), ["dgamma", "dbeta"])


@points(1, problem="batch_norm")
@needs("test_running_statistics_are_used_where_it_is_not_training")
@settings(max_examples=15)
@given(b=batches())
def test_running_statistics_are_constants_to_the_gradient(student, b):
    """Not training, dx = gamma / sqrt(running var + eps) dy: the running statistics do not depend on x. dgamma and
    dbeta are sums, as they are training."""
    expected = b.gradients(training=False)
    _, cache = ask_norm(student, b, training=False)
    assert_norm_grads(b, ask_norm_backward(student, b.dy, cache), expected, ["dx", "dgamma", "dbeta"])


@points(0.5, problem="batch_norm")
@needs("test_gradients_go_through_mean_and_variance", "test_gradients_of_gamma_and_beta_are_sums")
@settings(max_examples=10)
@given(b=batches() | batches(d=sizes(1, 1)), training=st.booleans())
def test_batch_norm_keeps_the_promised_shapes(student, b, training):
    """y and dx are (n, d); dgamma, dbeta and the running statistics are (d,), for one feature, too."""
    expected = (b.normalized() if training else b.evaluated(), b.gradients(training))
    y, cache = ask_norm(student, b, training=training)
    answer = ask_norm_backward(student, b.dy, cache)
    assert_close(y, expected[0], what="y", rtol=NINE_DIGITS)
    for name, found, right in zip(("dx", "dgamma", "dbeta"), answer, expected[1], strict=True):
        assert_close(found, right, what=name, rtol=1e-6, atol=1e-6 * max(1.0, float(np.abs(right).max())))
    for name in ("mean", "var"):
        found = running_of(b, name)
        fits = isinstance(found, np.ndarray) and found.shape == b.gamma.shape
        check(fits, f'running["{name}"] is {describe(found)}, expected the shape {b.gamma.shape}', "wrong_shape")


@points(0.75, problem="batch_norm")
@needs("test_gradients_go_through_mean_and_variance", "test_running_statistics_are_constants_to_the_gradient")
@settings(max_examples=10)
@given(one=batches(n=sizes(4, 4), d=sizes(3, 3)), two=batches(n=sizes(4, 4), d=sizes(3, 3)), training=st.booleans())
def test_each_cache_belongs_to_its_own_forward(student, one, two, training):
    """Other forwards between a forward and its backward, training or not, do not matter, and a second backward gives
    the same answer."""
    expected = one.gradients(training)
    _, cache = ask_norm(student, one, training=training)
    ask_norm(student, two._replace(running=one.running))
    ask_norm(student, two, training=False)
    for _ in range(2):
        answer = ask_norm_backward(student, one.dy, mutable(cache))  # what it does to its cache, the second call meets
        assert_norm_grads(one, answer, expected, ["dx", "dgamma", "dbeta"])


@points(0.25, problem="batch_norm")
@settings(max_examples=8)
@given(b=batches(), training=st.booleans())
def test_the_forward_pass_leaves_its_arguments_alone(student, b, training):
    """batch_norm_forward does not change x, gamma or beta."""
    before = snapshot(b.x, b.gamma, b.beta)
    expected = b.normalized() if training else b.evaluated()
    y, _ = ask_norm(student, b, training=training)
    assert_unchanged((b.x, b.gamma, b.beta), before, what="(x, gamma, beta)")
    assert_normed(y, expected)


@points(0.25, problem="batch_norm")
@needs("test_gradients_of_gamma_and_beta_are_sums", "test_running_statistics_are_constants_to_the_gradient")
@settings(max_examples=8)
@given(b=batches(), training=st.booleans())
def test_the_backward_pass_leaves_its_arguments_alone(student, b, training):
    """batch_norm_backward does not change dy."""
    before, expected = snapshot(b.dy), b.gradients(training)
    _, cache = ask_norm(student, b, training=training)
    answer = ask_norm_backward(student, b.dy, cache)
    assert_unchanged(b.dy, before, what="dy")
    assert_norm_grads(b, answer, expected, ["dgamma", "dbeta"])


@points(0.5, problem="batch_norm")
@settings(max_examples=8)
@given(b=batches())
def test_a_batch_of_one_has_no_variance(student, b):
    """Training on a batch of a single example raises ValueError, and leaves running as it was; on more it does not."""
    one = b._replace(x=b.x[:1], running=snapshot(b.running))
    with assert_raises(ValueError, what="batch_norm_forward with one example"):
        ask_norm(student, one)
    assert_unchanged(one.running, b.running, what="running")
    assert_normed(ask_norm(student, b)[0], b.normalized())


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

    def step(self, x, y, masks=None):
        """(cross-entropy summed over the batch, right answers), both before the step.

        masks : of dropout, for each hidden layer, scaled; without them nothing is dropped.
        """
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
            opened.append((out > 0) * (1.0 if masks is None else masks[i]))
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

TRAINERS = {
    "SGD": {"lr": 0.05, "momentum": 0.7},
    "AdaGrad": {"lr": 0.05},
    "RMSProp": {"lr": 0.02, "decay": 0.8},
    "Adam": {"lr": 0.03, "betas": (0.7, 0.9)},
    "AdamW": {"lr": 0.03, "betas": (0.7, 0.9), "weight_decay": 0.2},
}
# What is no matter of the optimizer is trained with the plainest of them, so that it depends on no other rule.
PLAIN, PLAIN_AND_SLOW = {"lr": 0.1}, {"lr": 0.01}
needs_plain_descent = needs("test_plain_descent_is_its_formula")


class Lesson(NamedTuple):
    x: np.ndarray  # (n, d)
    y: np.ndarray  # (n,)
    model: dict


SOME = sizes(5, 9)


@st.composite
def lessons(draw, n=SOME, batch_norm=False):
    """A model with one or two hidden layers, and data for it. With batch normalization the two are equally wide."""
    widths = draw(st.lists(sizes(2, 5), min_size=1, max_size=2))
    widths = [draw(sizes(2, 4)), *(widths[:1] * len(widths) if batch_norm else widths), draw(sizes(2, 4))]
    rng = np.random.default_rng(draw(seeds))
    count = draw(n)
    model = oracle_model(widths, rng, batch_norm, neutral=False)
    return Lesson(rng.normal(size=(count, widths[0])), rng.integers(0, widths[-1], count), model)


def assert_models(found, right, what="the trained model", parts=("layers", "norms")):
    whole = isinstance(found, dict) and {"layers", "norms"} <= set(found)
    check(whole, f'{what} is {describe(found)}, expected a dict with "layers" and "norms"', "wrong_type")
    for part in parts:
        assert_close(found[part], right[part], what=f"{what}'s {part}", rtol=1e-6, atol=1e-6)


def ask_train(student, lesson, name="SGD", arguments=PLAIN, **options):
    return student.train(
        *lesson, getattr(student, name), dict(arguments), **{"rng": np.random.default_rng(0), "epochs": 1, **options}
    )


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[points(0.5, problem="training"), needs(LAWS[name])]) for name in TRAINERS],
)
@settings(max_examples=10)
@given(lesson=lessons(), epochs=st.integers(1, 4), more=st.integers(0, 2))
def test_training_takes_the_optimizers_steps(student, name, lesson, epochs, more):
    """With all examples in one batch, train makes one step of {name} an epoch, with the settings that it is given and
    the gradients of the mean cross-entropy; the optimizer's state lasts from epoch to epoch."""
    oracle = Oracle(lesson.model, name, TRAINERS[name])
    for _ in range(epochs):
        oracle.step(lesson.x, lesson.y)
    trained = ask_train(student, lesson, name, TRAINERS[name], epochs=epochs, batch_size=len(lesson.x) + more)
    assert_models(trained, oracle.model())


@points(0.25, problem="training")
@needs_plain_descent
@settings(max_examples=5)
@given(lesson=lessons(), batch_size=sizes(1, 9))
def test_no_epochs_are_no_training(student, lesson, batch_size):
    """With epochs = 0 train returns the model as it was given, and log is not called; with one it does not."""
    heard = Heard("loss", "accuracy", objects=("model",))
    untrained = ask_train(student, lesson, epochs=0, batch_size=batch_size, log=heard.log)
    assert_models(untrained, lesson.model, "the model after no epochs")
    heard.epochs(0)
    oracle = Oracle(lesson.model, "SGD", PLAIN)
    oracle.step(lesson.x, lesson.y)
    assert_models(ask_train(student, lesson, batch_size=len(lesson.x)), oracle.model(), "the model after one epoch")


@pytest.mark.parametrize(
    ("name", "strength"),
    [
        pytest.param("l1_penalty", "lambda1", marks=needs("test_the_gradient_of_l1_is_its_formula")),
        pytest.param("l2_penalty", "lambda2", marks=needs("test_the_gradient_of_l2_is_its_formula")),
    ],
)
@points(0.5, problem="training")
@needs_plain_descent
@settings(max_examples=10)
@given(lesson=lessons(), epochs=st.integers(1, 3), value=st.floats(0.05, 0.3))
def test_training_penalizes_the_weights_alone(student, name, strength, lesson, epochs, value):
    """train adds {name} with {strength} to the loss, of the weights of all layers, and of no bias."""
    oracle = Oracle(lesson.model, "SGD", PLAIN, **{strength: value})
    for _ in range(epochs):
        oracle.step(lesson.x, lesson.y)
    trained = ask_train(student, lesson, epochs=epochs, batch_size=len(lesson.x), **{strength: value})
    assert_models(trained, oracle.model())


normalizes_first = needs(
    "test_batches_are_normalized",
    "test_gradients_go_through_mean_and_variance",
    "test_gradients_of_gamma_and_beta_are_sums",
    "test_batch_norm_keeps_the_promised_shapes",
)


def oracle_normalized(lesson, epochs):
    oracle = Oracle(lesson.model, "SGD", PLAIN, lambda2=0.1)
    for _ in range(epochs):
        oracle.step(lesson.x, lesson.y)
    return oracle.model()


def without_running(model):
    norms = [{name: norm[name] for name in ("gamma", "beta") if name in norm} for norm in model["norms"]]
    return {"layers": model["layers"], "norms": norms}


@points(0.5, problem="training")
@needs_plain_descent
@needs("test_the_gradient_of_l2_is_its_formula")
@normalizes_first
@settings(max_examples=10)
@given(lesson=lessons(batch_norm=True), epochs=st.integers(1, 3))
def test_training_goes_through_batch_norm(student, lesson, epochs):
    """With batch normalization, train moves gamma and beta as well, normalizes with the batch's statistics, and
    penalizes neither gamma nor beta."""
    trained = ask_train(student, lesson, epochs=epochs, batch_size=len(lesson.x), lambda2=0.1)
    expected = oracle_normalized(lesson, epochs)
    assert_models(trained, expected, parts=())
    norms = trained["norms"]
    alike = isinstance(norms, (list, tuple)) and all(isinstance(norm, dict) for norm in norms)
    check(alike, f"the trained model's norms are {describe(norms)}, expected a list of dicts", "wrong_type")
    assert_models(without_running(trained), without_running(expected))


@points(0.25, problem="training")
@needs("test_training_goes_through_batch_norm")
@needs("test_the_running_mean_averages_the_batches", "test_the_running_variance_averages_unbiased_ones")
@settings(max_examples=8)
@given(lesson=lessons(batch_norm=True), epochs=st.integers(1, 3))
def test_trained_running_statistics_are_returned(student, lesson, epochs):
    """The trained model's running statistics are those that its batches left."""
    trained = ask_train(student, lesson, epochs=epochs, batch_size=len(lesson.x), lambda2=0.1)
    assert_models(trained, oracle_normalized(lesson, epochs))


SMALL = st.sampled_from([(3, 1), (3, 2), (4, 2), (4, 3)])  # (n, batch_size); at most six ways to cut an epoch


@st.composite
def small_lessons(draw, case=SMALL):
    """(lesson, batch_size): few examples, all different and with different labels.

    One layer: no two orders end at the same place, as they may where hidden units are dead.
    """
    n, batch_size = draw(case)
    rng = np.random.default_rng(draw(seeds))
    model = oracle_model([3, 5], rng, False, neutral=False)
    return Lesson(2 * rng.normal(size=(n, 3)), rng.permutation(5)[:n], model), batch_size


def partitions(n, batch_size):
    """Every way to cut n examples into batches, once each: the order of batches counts, that within one does not."""
    cuts = ([order[i : i + batch_size] for i in range(0, n, batch_size)] for order in permutations(range(n)))
    return sorted({tuple(tuple(sorted(batch)) for batch in batches) for batches in cuts})


class Way(NamedTuple):
    """One of the ways that an rng may choose."""

    cuts: tuple  # how each epoch is cut into batches
    models: list  # after each epoch
    losses: list  # what log hears
    accuracies: list


def ways_to_train(lesson, batch_size, epochs):
    n, found = len(lesson.x), []
    for cuts in product(partitions(n, batch_size), repeat=epochs):
        oracle, way = Oracle(lesson.model, "SGD", PLAIN), Way(cuts, [], [], [])
        for batches in cuts:
            told = [oracle.step(lesson.x[list(batch)], lesson.y[list(batch)]) for batch in batches]
            way.models.append(oracle.model())
            way.losses.append(sum(loss for loss, _ in told) / n)
            way.accuracies.append(sum(right for _, right in told) / n)
        found.append(way)
    return found


def way_taken(trained, ways):
    """The one that led to the trained model; there must be one."""
    assert_models(trained, ways[0].models[-1], parts=())
    right = ways[0].models[-1]["layers"]
    assert_close(trained["layers"], right, what="the trained layers", atol=np.inf)  # types and shapes alone
    w = trained["layers"][0][0]
    distances = [float(np.abs(way.models[-1]["layers"][0][0] - w).max()) for way in ways]
    nearest = ways[int(np.argmin(distances))]
    off = min(distances)
    check(off <= 1e-7, f"no order of the examples leads to these weights; the nearest ones are {off:.2g} off")
    assert_models(trained, nearest.models[-1])
    return nearest


@points(1, problem="training")
@needs_plain_descent
@settings(max_examples=12)
@given(case=small_lessons(), epochs=st.integers(1, 2), seed=seeds)
def test_an_epoch_is_a_partition_of_the_examples(student, case, epochs, seed):
    """In every epoch each example comes once, with its label, in batches of batch_size, and the last batch holds what
    is left: the weights reached are those of one of the possible orders."""
    lesson, batch_size = case
    trained = ask_train(student, lesson, epochs=epochs, batch_size=batch_size, rng=np.random.default_rng(seed))
    way_taken(trained, ways_to_train(lesson, batch_size, epochs))


@points(0.75, problem="training")
@needs("test_an_epoch_is_a_partition_of_the_examples")
@settings(max_examples=1)
@given(cases=st.tuples(small_lessons(case=st.just((3, 1))), small_lessons(case=st.just((4, 2)))), seed=seeds)
def test_each_epoch_is_a_new_order_of_all_examples(student, cases, seed):
    """All orders of the examples occur, in the first epoch and in the second, and the two are drawn apart."""
    for lesson, batch_size in cases:
        ways = ways_to_train(lesson, batch_size, epochs=2)
        taken = [
            way_taken(
                ask_train(student, lesson, epochs=2, batch_size=batch_size, rng=np.random.default_rng([seed, i])), ways
            )
            for i in range(150)
        ]
        # Of six equally likely ways, one is missing from 150 draws once in 100,000,000,000 right answers.
        for epoch in (0, 1):
            count = len({way.cuts[epoch] for way in taken})
            check(count == 6, f"epoch {epoch + 1} only ever takes {count} of 6 ways to cut {len(lesson.x)} examples")
        same = sum(first == second for first, second in (way.cuts for way in taken))
        check(same < 75, f"in {same} of 150 runs the second epoch repeats the first one, expected about 25")


def listen(student, lesson, batch_size, epochs, **options):
    """(trained, [(loss, accuracy, model) that log was told after each epoch])"""
    heard = Heard("loss", "accuracy", objects=("model",))
    trained = ask_train(student, lesson, batch_size=batch_size, epochs=epochs, log=heard.log, **options)
    return trained, heard.epochs(epochs)


@points(0.5, problem="training")
@needs("test_an_epoch_is_a_partition_of_the_examples")
@settings(max_examples=12)
@given(case=small_lessons(), epochs=st.integers(1, 2), seed=seeds)
def test_log_hears_the_mean_loss_of_an_example(student, case, epochs, seed):
    """log hears after every epoch, from 1 on, the mean cross-entropy of an example: over examples and not over
    batches, each before the step on its batch."""
    trained, heard = listen(student, *case, epochs, rng=np.random.default_rng(seed))
    way = way_taken(trained, ways_to_train(*case, epochs))
    for number, ((loss, _, _), right) in enumerate(zip(heard, way.losses, strict=True), 1):
        assert_close(loss, right, what=f"the loss of epoch {number}", rtol=1e-6)


@points(0.5, problem="training")
@needs("test_an_epoch_is_a_partition_of_the_examples")
@settings(max_examples=15)
@given(case=small_lessons(), epochs=st.integers(1, 2), seed=seeds)
def test_log_hears_the_share_of_right_answers(student, case, epochs, seed):
    """log hears the share of right answers of each epoch, over its examples, each before the step on its batch."""
    trained, heard = listen(student, *case, epochs, rng=np.random.default_rng(seed))
    way = way_taken(trained, ways_to_train(*case, epochs))
    for number, ((_, accuracy, _), right) in enumerate(zip(heard, way.accuracies, strict=True), 1):
        assert_close(accuracy, right, what=f"the accuracy of epoch {number}", rtol=1e-6)


@points(0.25, problem="training")
@needs("test_an_epoch_is_a_partition_of_the_examples")
@settings(max_examples=6)
@given(case=small_lessons(), seed=seeds)
def test_log_sees_the_model_of_the_moment(student, case, seed):
    """log sees the model as it is after that epoch, or a copy of it."""
    trained, heard = listen(student, *case, 2, rng=np.random.default_rng(seed))
    way = way_taken(trained, ways_to_train(*case, 2))
    for number, (_, _, model) in enumerate(heard, 1):
        assert_models(model, way.models[number - 1], f"the model that log sees after epoch {number}")


@points(0.25, problem="training")
@needs("test_log_hears_the_mean_loss_of_an_example", "test_training_penalizes_the_weights_alone")
@settings(max_examples=6)
@given(lesson=lessons(), values=st.tuples(strengths, strengths))
def test_log_hears_no_penalties(student, lesson, values):
    """What log hears of the loss is the cross-entropy alone, where the weights are penalized, too."""
    oracle = Oracle(lesson.model, "SGD", PLAIN, *values)
    expected = [oracle.step(lesson.x, lesson.y)[0] / len(lesson.x) for _ in range(2)]
    options = {"lambda1": values[0], "lambda2": values[1]}
    _, heard = listen(student, lesson, len(lesson.x), 2, **options)
    for number, ((loss, _, _), right) in enumerate(zip(heard, expected, strict=True), 1):
        assert_close(loss, right, what=f"the loss of epoch {number}", rtol=1e-6)


drops_first = needs(
    "test_dropout_divides_what_it_keeps",
    "test_dropout_keeps_each_entry_with_its_probability",
    "test_dropout_backward_uses_the_mask_of_its_forward",
)
UNITS = 2  # of each of two hidden layers


@st.composite
def wide_open_lessons(draw):
    """Two examples, and hidden units that are open whatever is dropped before them, so that every mask shows."""
    rng = np.random.default_rng(draw(seeds))
    model, largest = oracle_model([2, UNITS, UNITS, 3], rng, False, neutral=False), 1.0
    for i, (w, _) in enumerate(model["layers"][:-1]):
        reach = largest * np.abs(w).sum(axis=0)
        model["layers"][i] = (w, reach + rng.uniform(0.5, 1, UNITS))
        largest = 3 * (2 * reach + 1).max()  # keep_prob is above 1/3
    w, b = model["layers"][-1]
    model["layers"][-1] = (2 * w / largest, b)  # so that no answer is certain, and no gradient 0
    return Lesson(rng.uniform(-1, 1, (2, 2)), rng.permutation(3)[:2], model)


def ways_to_drop(lesson, keep_prob):
    """One for each pair of masks."""
    found = []
    for bits in product((0.0, 1.0), repeat=4 * UNITS):
        oracle = Oracle(lesson.model, "SGD", PLAIN_AND_SLOW)
        loss, right = oracle.step(lesson.x, lesson.y, np.reshape(bits, (2, 2, UNITS)) / keep_prob)
        found.append(Way((bits,), [oracle.model()], [loss / 2], [right / 2]))
    return found


def mask_taken(trained, ways):
    assert_models(trained, ways[0].models[0], parts=())
    right = ways[0].models[0]["layers"]
    assert_close(trained["layers"], right, what="the trained layers", atol=np.inf)  # types and shapes alone
    distances = [
        max(float(np.abs(a - b).max()) for a, b in zip(flat(way.models[0]), flat(trained), strict=True)) for way in ways
    ]
    check(min(distances) <= 1e-7, f"no mask leads to these weights; the nearest ones are {min(distances):.2g} off")
    return ways[int(np.argmin(distances))]


def flat(model):
    return [array for pair in model["layers"] for array in pair]


@points(0.5, problem="training")
@needs_plain_descent
@drops_first
@settings(max_examples=2)
@given(lesson=wide_open_lessons(), keep_prob=st.floats(0.4, 0.6), seed=seeds)
def test_training_drops_hidden_units(student, lesson, keep_prob, seed):
    """With keep_prob < 1 train drops hidden units, other ones in every step: the weights reached are those of one of
    the possible masks."""
    ways = ways_to_drop(lesson, keep_prob)
    masks = []
    for i in range(12):
        rng = np.random.default_rng([seed, i])
        trained = ask_train(student, lesson, arguments=PLAIN_AND_SLOW, batch_size=2, keep_prob=keep_prob, rng=rng)
        masks.append(mask_taken(trained, ways).cuts[0])
    # Fewer than five in twelve draws come once in 10,000,000 right answers.
    check(len(set(masks)) >= 5, f"in 12 runs there were {len(set(masks))} masks")


@points(0.25, problem="training")
@needs("test_training_drops_hidden_units", "test_log_hears_the_mean_loss_of_an_example")
@settings(max_examples=6)
@given(lesson=wide_open_lessons(), keep_prob=st.floats(0.4, 0.6), seed=seeds)
def test_log_hears_losses_with_their_dropout(student, lesson, keep_prob, seed):
    """What log hears is taken with the dropout of the step."""
    trained, heard = listen(
        student, lesson, 2, 1, arguments=PLAIN_AND_SLOW, keep_prob=keep_prob, rng=np.random.default_rng(seed)
    )
    way = mask_taken(trained, ways_to_drop(lesson, keep_prob))
    assert_close(heard[0][0], way.losses[0], what="the loss", rtol=1e-6)


@points(0.25, problem="training")
@needs("test_an_epoch_is_a_partition_of_the_examples")
@settings(max_examples=6)
@given(case=small_lessons(), dropped=wide_open_lessons(), seed=seeds)
def test_the_same_rng_trains_the_same_model(student, case, dropped, seed):
    """Orders and masks come from rng alone: the same one trains the same model."""
    lesson, batch_size = case
    options = {"epochs": 2, "batch_size": batch_size}
    first, again = (ask_train(student, lesson, rng=np.random.default_rng(seed), **options) for _ in range(2))
    assert_models(again, way_taken(first, ways_to_train(*case, 2)).models[-1], "the model of the same order")
    options = {"batch_size": 2, "keep_prob": 0.5, "arguments": PLAIN_AND_SLOW}
    first, again = (ask_train(student, dropped, rng=np.random.default_rng(seed), **options) for _ in range(2))
    assert_models(again, mask_taken(first, ways_to_drop(dropped, 0.5)).models[-1], "the model of the same mask")


@points(0.25, problem="training")
@needs_plain_descent
@settings(max_examples=6)
@given(lesson=lessons())
def test_train_leaves_its_arguments_alone(student, lesson):
    """train changes neither the data, nor the model that it starts from, nor the settings."""
    arguments = dict(PLAIN)
    before = snapshot(*lesson, arguments)
    options = {"epochs": 1, "batch_size": len(lesson.x), "rng": np.random.default_rng(3)}
    trained = student.train(*lesson, student.SGD, arguments, **options)
    assert_unchanged((*lesson, arguments), before, what="(x, y, model, settings)")
    oracle = Oracle(lesson.model, "SGD", PLAIN)
    oracle.step(lesson.x, lesson.y)
    assert_models(trained, oracle.model())


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


def each_recipe():
    """A case for each, which depends on its own optimizer, and on batch normalization and dropout if it has them.

    The one with more to it has a quarter of a point more; sums of quarters are exact.
    """
    cases = []
    for recipe, (name, _, more) in RECIPES.items():
        laws = [LAWS[name], f"test_training_takes_the_optimizers_steps[{name}]"]
        if more:
            laws += ["test_training_drops_hidden_units", "test_trained_running_statistics_are_returned"]
        cases.append(pytest.param(recipe, marks=[points(1 if more else 0.75, problem="training"), needs(*laws)]))
    return pytest.mark.parametrize("recipe", cases)


@each_recipe()
@limits(seconds=60, test_seconds=180)
@needs("test_each_epoch_is_a_new_order_of_all_examples")
def test_the_network_reads_letters(training, recipe):
    """Trained on 20 letters that nobody has seen before, by SGD, momentum, AdaGrad, Adam, and Adam with batch
    normalization and dropout, 64-32-32-20 reads other pictures of them."""
    inputs = letters(batch_norm="keep_prob" in RECIPES[recipe][2])
    training.run(learning(recipe), inputs, percent_right, title=f"Training by {recipe}")
    training.reaches(BAR, name=f"{recipe}: accuracy on other pictures of the letters")
