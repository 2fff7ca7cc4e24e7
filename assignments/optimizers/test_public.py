"""Public tests of `optimizers`: run them with `deepgrade check`. The server runs these, and hidden ones."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.testing import assert_close, assert_unchanged, check, mutable, needs, points, snapshot

ROOT13, ROOT91 = np.sqrt(13.0), np.sqrt(91.0)


def two_steps(student, name, **arguments):
    """w after each of two steps with lr = 0.1 and the gradients 3 and 4, from w = 1: the handout's table."""
    params = [np.array([1.0])]
    optimizer = getattr(student, name)(mutable(params), lr=0.1, **arguments)
    values = []
    for gradient in (3.0, 4.0):
        optimizer.step([np.array([gradient])])
        values.append(float(params[0][0]))
    return values


# ----------------------------------------------------------------------------------------------------------- momentum


@points(1, problem="momentum")
def test_gradient_descent_of_the_handout(student):
    """Plain SGD takes w from 1 to 0.7 and to 0.3."""
    assert_close(two_steps(student, "SGD"), [0.7, 0.3], what="w")


@points(2, problem="momentum")
def test_momentum_of_the_handout(student):
    """With momentum 1/2, SGD takes w from 1 to 0.7 and to 0.15; Nesterov's takes it to 0.55 and to -0.125."""
    assert_close(two_steps(student, "SGD", momentum=0.5), [0.7, 0.15], what="w")
    assert_close(two_steps(student, "SGD", momentum=0.5, nesterov=True), [0.55, -0.125], what="w with nesterov")


@points(1, problem="momentum")
def test_weight_decay_of_the_handout(student):
    """With weight_decay 1/2, SGD takes w from 1 to 0.65 and to 0.2175."""
    assert_close(two_steps(student, "SGD", weight_decay=0.5), [0.65, 0.2175], what="w")


# ----------------------------------------------------------------------------------------------------------- adaptive


@points(1, problem="adaptive")
def test_adagrad_of_the_handout(student):
    """AdaGrad with eps = 0 takes w from 1 to 0.9 and to 0.82."""
    assert_close(two_steps(student, "AdaGrad", eps=0.0), [0.9, 0.82], what="w")


@points(1, problem="adaptive")
def test_rmsprop_of_the_handout(student):
    """RMSProp with decay 3/4 and eps = 0 takes w from 1 to 0.8 and to 0.8 - 1.6 / sqrt(91)."""
    assert_close(two_steps(student, "RMSProp", decay=0.75, eps=0.0), [0.8, 0.8 - 1.6 / ROOT91], what="w")


@points(2, problem="adaptive")
def test_adam_of_the_handout(student):
    """Adam with betas (1/2, 3/4) and eps = 0 takes w from 1 to 0.9 and to 0.9 - 11 / (30 sqrt(13))."""
    values = two_steps(student, "Adam", betas=(0.5, 0.75), eps=0.0)
    assert_close(values, [0.9, 0.9 - 11 / (30 * ROOT13)], what="w")


@points(1, problem="adaptive")
def test_adamw_of_the_handout(student):
    """With Adam's settings and weight_decay 1/2, AdamW takes w from 1 to 0.85 and to 0.8075 - 11 / (30 sqrt(13))."""
    values = two_steps(student, "AdamW", betas=(0.5, 0.75), eps=0.0, weight_decay=0.5)
    assert_close(values, [0.85, 0.8075 - 11 / (30 * ROOT13)], what="w")


@points(1, problem="adaptive")
def test_steps_are_taken_in_place(student):
    """step changes the arrays of params, each in its own shape, and leaves the gradients as they were."""
    for name in ("SGD", "AdaGrad", "RMSProp", "Adam", "AdamW"):
        params = [np.array([[1.0, 2.0, 3.0]]), np.array([4.0, 5.0])]
        grads = [np.array([[0.5, -1.0, 2.0]]), np.array([-3.0, 0.25])]
        before, given_grads = snapshot(params), snapshot(grads)
        optimizer = getattr(student, name)(mutable(params), lr=0.1)
        for _ in range(2):
            optimizer.step(grads)
        for p, old, g in zip(params, before, grads, strict=True):
            check(p.shape == old.shape, f"{name} changes a shape from {old.shape} to {p.shape}", "wrong_shape")
            check(bool(np.all((old - p) * g > 0)), f"{name}: some entry did not move against its gradient")
        assert_unchanged(grads, given_grads, what="grads")


# ---------------------------------------------------------------------------------------------------------- penalties


@points(1, problem="penalties")
def test_penalties_of_the_handout(student):
    """Of [[1, -2], [0, 3]] and [-4], with lam = 1/2: l1 is 5 and l2 is 7.5."""
    params = [np.array([[1.0, -2.0], [0.0, 3.0]]), np.array([-4.0])]
    value, grads = student.l1_penalty(params, 0.5)
    assert_close(value, 5.0, what="the l1 penalty")
    assert_close(grads, [np.array([[0.5, -0.5], [0.0, 0.5]]), np.array([-0.5])], what="the gradients of l1")
    value, grads = student.l2_penalty(params, 0.5)
    assert_close(value, 7.5, what="the l2 penalty")
    assert_close(grads, [np.array([[0.5, -1.0], [0.0, 1.5]]), np.array([-2.0])], what="the gradients of l2")


@points(2, problem="penalties")
def test_dropout_of_the_handout(student):
    """With keep_prob 1/4 every entry of [1, 2, .., 100] becomes 0 or four times itself; not training, it stays."""
    x = np.arange(1.0, 101.0)
    y, cache = student.dropout_forward(x, 0.25, np.random.default_rng(4), training=True)
    check(type(y) is np.ndarray and y.shape == x.shape, "y is no array of x's shape", "wrong_shape")
    kept = y != 0
    check(0 < kept.sum() < 100, f"{kept.sum()} of 100 entries were kept")
    assert_close(y, np.where(kept, 4 * x, 0.0), what="y")
    dy = np.linspace(1.0, 2.0, 100)
    assert_close(student.dropout_backward(dy, cache), np.where(kept, 4 * dy, 0.0), what="dx")
    y, cache = student.dropout_forward(x, 0.25, None, training=False)
    assert_close(y, x, what="y, not training")
    assert_close(student.dropout_backward(dy, cache), dy, what="dx, not training")


# --------------------------------------------------------------------------------------------------------- batch norm

X = np.array([[0.0], [3.0], [6.0]])
GAMMA, BETA = np.array([2.0]), np.array([1.0])


@points(2, problem="batch_norm")
def test_batch_norm_of_the_handout(student):
    """x = [0, 3, 6] with gamma 2, beta 1 and eps 3 becomes [-1, 1, 3]; the running statistics become 1.5 and 5."""
    running = {"mean": np.array([0.0]), "var": np.array([1.0])}
    arguments = {"momentum": 0.5, "eps": 3.0}
    y, _ = student.batch_norm_forward(X, GAMMA, BETA, mutable(running), training=True, **arguments)
    assert_close(y, np.array([[-1.0], [1.0], [3.0]]), what="y")
    assert_close(running, {"mean": np.array([1.5]), "var": np.array([5.0])}, what="running")
    y, _ = student.batch_norm_forward(np.array([[1.5], [4.5]]), GAMMA, BETA, running, training=False, eps=4.0)
    assert_close(y, np.array([[1.0], [3.0]]), what="y, not training")
    assert_unchanged(running, {"mean": np.array([1.5]), "var": np.array([5.0])}, what="running")


@points(2, problem="batch_norm")
@needs("test_batch_norm_of_the_handout")
def test_batch_norm_backward_of_the_handout(student):
    """For dy = [1, 0, 2] there, dx = [2/9, -2/3, 4/9], dgamma = 1 and dbeta = 3."""
    running = {"mean": np.array([0.0]), "var": np.array([1.0])}
    _, cache = student.batch_norm_forward(X, GAMMA, BETA, mutable(running), training=True, eps=3.0)
    dx, dgamma, dbeta = student.batch_norm_backward(np.array([[1.0], [0.0], [2.0]]), cache)
    assert_close(dx, np.array([[2 / 9], [-2 / 3], [4 / 9]]), what="dx")
    assert_close(dgamma, np.array([1.0]), what="dgamma")
    assert_close(dbeta, np.array([3.0]), what="dbeta")


# ----------------------------------------------------------------------------------------------------------- training

RECIPES = {
    "SGD": {"lr": 0.05, "momentum": 0.5},
    "AdaGrad": {"lr": 0.1},
    "RMSProp": {"lr": 0.01},
    "Adam": {"lr": 0.02},
    "AdamW": {"lr": 0.02},
}


@points(3, problem="training")
@needs("test_steps_are_taken_in_place")
@settings(max_examples=2)
@given(seed=st.integers(0, 99))
def test_three_clouds_are_told_apart(student, seed):
    """With every optimizer, three clouds of points in the plane are told apart, and log has heard the loss fall."""
    rng = np.random.default_rng(seed)
    y = np.arange(60) % 3
    x = np.array([[0.0, 3.0], [3.0, -2.0], [-3.0, -2.0]])[y] + rng.normal(0, 0.4, (60, 2))
    layers = [(rng.normal(0, 0.5, shape), np.zeros(shape[1])) for shape in ((2, 16), (16, 16), (16, 3))]
    for name, arguments in RECIPES.items():
        heard = []

        def log(epoch, loss, accuracy, model, heard=heard):
            heard.append((epoch, loss, accuracy))

        model = student.train(
            x, y, {"layers": layers, "norms": []}, getattr(student, name), arguments,
            epochs=30, batch_size=8, rng=np.random.default_rng(seed), log=log,
        )  # fmt: skip
        check([epoch for epoch, _, _ in heard] == list(range(1, 31)), f"log was called {len(heard)} times, not 30")
        check(heard[-1][1] < heard[0][1] / 2, f"{name}: the loss went from {heard[0][1]} to {heard[-1][1]}")
        a = x
        for w, b in model["layers"][:-1]:
            a = np.maximum(a @ w + b, 0)
        w, b = model["layers"][-1]
        share = float(np.mean((a @ w + b).argmax(axis=1) == y))
        check(share > 0.9, f"{name}: the share of points told apart is {share}, expected nearly 1")
