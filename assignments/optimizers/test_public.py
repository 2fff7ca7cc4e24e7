"""Public tests of `optimizers`: run them with `deepgrade check`. The server runs these, and hidden ones.

The handout's examples come with their numbers, for you to follow, and without points. The points are for the same
questions with numbers that are drawn: here the same ones everywhere, on the server others besides.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.testing import (
    Heard,
    assert_close,
    assert_unchanged,
    check,
    describe,
    items_of,
    mutable,
    needs,
    points,
    snapshot,
    values_of,
)

ROOT13, ROOT91 = np.sqrt(13.0), np.sqrt(91.0)


def assert_two_steps(student, name, arguments, w, gradients, expected):
    """One weight, w at first, after each of two steps with these gradients."""
    params = [np.array([w])]
    optimizer = getattr(student, name)(mutable(params), **arguments)
    for gradient, right in zip(gradients, expected, strict=True):
        optimizer.step([np.array([gradient])])
        assert_close(params, [np.array([right])], what=f"params of {name} with {arguments}", rtol=1e-9, atol=1e-9)


def assert_handout(student, name, expected, **arguments):
    """The handout's table: w = 1, lr = 0.1, the gradients 3 and 4."""
    assert_two_steps(student, name, {"lr": 0.1, **arguments}, 1.0, (3.0, 4.0), expected)


quarters = st.integers(2, 16).map(lambda n: n / 4)  # 1/2 to 4
numbers = quarters | quarters.map(lambda q: -q)
rates, shares = st.integers(1, 20).map(lambda n: n / 40), st.integers(1, 9).map(lambda n: n / 10)
few = settings(max_examples=15)


# ----------------------------------------------------------------------------------------------------------- momentum


@points(0, problem="momentum")
def test_gradient_descent_of_the_handout(student):
    """Plain SGD takes w from 1 to 0.7 and to 0.3."""
    assert_handout(student, "SGD", [0.7, 0.3])


@points(0, problem="momentum")
def test_momentum_of_the_handout(student):
    """With momentum 1/2, SGD takes w from 1 to 0.7 and to 0.15; Nesterov's takes it to 0.55 and to -0.125."""
    assert_handout(student, "SGD", [0.7, 0.15], momentum=0.5)
    assert_handout(student, "SGD", [0.55, -0.125], momentum=0.5, nesterov=True)


@points(0, problem="momentum")
def test_weight_decay_of_the_handout(student):
    """With weight_decay 1/2, SGD takes w from 1 to 0.65 and to 0.2175."""
    assert_handout(student, "SGD", [0.65, 0.2175], weight_decay=0.5)


@points(1, problem="momentum")
@few
@given(w=numbers, g=numbers, h=numbers, lr=rates)
def test_two_steps_of_gradient_descent(student, w, g, h, lr):
    """Plain SGD with the gradients g and h takes w to w - lr g and to w - lr g - lr h."""
    assert_two_steps(student, "SGD", {"lr": lr}, w, (g, h), [w - lr * g, w - lr * g - lr * h])


@points(1.5, problem="momentum")
@few
@given(w=numbers, g=numbers, h=numbers, lr=rates, momentum=shares)
def test_two_steps_with_momentum(student, w, g, h, lr, momentum):
    """With momentum, SGD with the gradients g and h takes w to w - lr g, and then lr (momentum g + h) further."""
    first = w - lr * g
    expected = [first, first - lr * (momentum * g + h)]
    assert_two_steps(student, "SGD", {"lr": lr, "momentum": momentum}, w, (g, h), expected)


@points(0.5, problem="momentum")
@few
@given(w=numbers, g=numbers, h=numbers, lr=rates, momentum=shares)
def test_two_steps_with_nesterovs_momentum(student, w, g, h, lr, momentum):
    """With nesterov, g + momentum g in place of g, and then h + momentum (momentum g + h) in place of h."""
    first = w - lr * (1 + momentum) * g
    expected = [first, first - lr * (h + momentum * (momentum * g + h))]
    assert_two_steps(student, "SGD", {"lr": lr, "momentum": momentum, "nesterov": True}, w, (g, h), expected)


@points(0.5, problem="momentum")
@few
@given(w=numbers, g=numbers, h=numbers, lr=rates, weight_decay=shares)
def test_two_steps_with_weight_decay(student, w, g, h, lr, weight_decay):
    """With weight_decay, g + weight_decay w in place of g, and likewise in the second step, with the w of then."""
    first = w - lr * (g + weight_decay * w)
    expected = [first, first - lr * (h + weight_decay * first)]
    assert_two_steps(student, "SGD", {"lr": lr, "weight_decay": weight_decay}, w, (g, h), expected)


# ----------------------------------------------------------------------------------------------------------- adaptive


@points(0, problem="adaptive")
def test_adagrad_of_the_handout(student):
    """AdaGrad with eps = 0 takes w from 1 to 0.9 and to 0.82."""
    assert_handout(student, "AdaGrad", [0.9, 0.82], eps=0.0)


@points(0, problem="adaptive")
def test_rmsprop_of_the_handout(student):
    """RMSProp with decay 3/4 and eps = 0 takes w from 1 to 0.8 and to 0.8 - 1.6 / sqrt(91)."""
    assert_handout(student, "RMSProp", [0.8, 0.8 - 1.6 / ROOT91], decay=0.75, eps=0.0)


@points(0, problem="adaptive")
def test_adam_of_the_handout(student):
    """Adam with betas (1/2, 3/4) and eps = 0 takes w from 1 to 0.9 and to 0.9 - 11 / (30 sqrt(13))."""
    assert_handout(student, "Adam", [0.9, 0.9 - 11 / (30 * ROOT13)], betas=(0.5, 0.75), eps=0.0)


@points(0, problem="adaptive")
def test_adamw_of_the_handout(student):
    """With Adam's settings and weight_decay 1/2, AdamW takes w from 1 to 0.85 and to 0.8075 - 11 / (30 sqrt(13))."""
    expected = [0.85, 0.8075 - 11 / (30 * ROOT13)]
    assert_handout(student, "AdamW", expected, betas=(0.5, 0.75), eps=0.0, weight_decay=0.5)


@points(1.25, problem="adaptive")
@few
@given(w=numbers, g=numbers, h=numbers, lr=rates)
def test_two_steps_of_adagrad(student, w, g, h, lr):
    """AdaGrad with eps = 0 goes lr in the first step, against g, and lr h / sqrt(g^2 + h^2) in the second."""
    first = w - lr * np.sign(g)
    expected = [first, first - lr * h / np.hypot(g, h)]
    assert_two_steps(student, "AdaGrad", {"lr": lr, "eps": 0.0}, w, (g, h), expected)


@points(1.25, problem="adaptive")
@few
@given(w=numbers, g=numbers, h=numbers, lr=rates, decay=shares)
def test_two_steps_of_rmsprop(student, w, g, h, lr, decay):
    """RMSProp with eps = 0 goes lr / sqrt(1 - decay) in the first step, against g, and in the second
    lr h / sqrt((1 - decay) (decay g^2 + h^2))."""
    first = w - lr * np.sign(g) / np.sqrt(1 - decay)
    expected = [first, first - lr * h / np.sqrt((1 - decay) * (decay * g**2 + h**2))]
    assert_two_steps(student, "RMSProp", {"lr": lr, "decay": decay, "eps": 0.0}, w, (g, h), expected)


def adams_second_step(g, h, betas):
    """m' / sqrt(v'), where 1 - beta^2 = (1 - beta) (1 + beta)."""
    return (betas[0] * g + h) / (1 + betas[0]) / np.sqrt((betas[1] * g**2 + h**2) / (1 + betas[1]))


@points(1.25, problem="adaptive")
@few
@given(w=numbers, g=numbers, h=numbers, lr=rates, betas=st.tuples(shares, shares))
def test_two_steps_of_adam(student, w, g, h, lr, betas):
    """Adam with eps = 0 goes lr in the first step, against g, and lr m' / sqrt(v') in the second, with
    m' = (beta1 g + h) / (1 + beta1) and v' = (beta2 g^2 + h^2) / (1 + beta2)."""
    first = w - lr * np.sign(g)
    expected = [first, first - lr * adams_second_step(g, h, betas)]
    assert_two_steps(student, "Adam", {"lr": lr, "betas": betas, "eps": 0.0}, w, (g, h), expected)


@points(1.25, problem="adaptive")
@few
@given(w=numbers, g=numbers, h=numbers, lr=rates, betas=st.tuples(shares, shares), weight_decay=shares)
def test_two_steps_of_adamw(student, w, g, h, lr, betas, weight_decay):
    """AdamW makes Adam's steps, and goes lr weight_decay w besides, in each step with the w before it."""
    first = w - lr * np.sign(g) - lr * weight_decay * w
    expected = [first, first - lr * adams_second_step(g, h, betas) - lr * weight_decay * first]
    arguments = {"lr": lr, "betas": betas, "eps": 0.0, "weight_decay": weight_decay}
    assert_two_steps(student, "AdamW", arguments, w, (g, h), expected)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("SGD", marks=points(0.5, problem="momentum")),
        *[
            pytest.param(name, marks=points(0.25, problem="adaptive"))
            for name in ("AdaGrad", "RMSProp", "Adam", "AdamW")
        ],
    ],
)
@settings(max_examples=4)
@given(seed=st.integers(0, 999))
def test_steps_are_taken_in_place(student, name, seed):
    """{name}.step moves every entry of the arrays themselves against its gradient, and leaves the gradients as they
    were."""
    rng = np.random.default_rng(seed)
    arrays, grads = (
        [rng.choice([-1, 1], shape) * rng.uniform(1, 3, shape) for shape in ((1, 3), (2,))] for _ in range(2)
    )
    given_grads, params = snapshot(grads), list(arrays)
    optimizer = getattr(student, name)(mutable(params), lr=0.1)
    for _ in range(2):
        before = snapshot(arrays)
        optimizer.step(grads)
        for p, old, g in zip(arrays, before, grads, strict=True):
            check(bool(np.all((old - p) * g > 0)), "some entry of the given arrays did not move against its gradient")
    assert_unchanged(grads, given_grads, what="grads")


# ---------------------------------------------------------------------------------------------------------- penalties


@points(0, problem="penalties")
def test_penalties_of_the_handout(student):
    """Of [[1, -2], [0, 3]] and [-4], with lam = 1/2: l1 is 5 and l2 is 7.5."""
    params = [np.array([[1.0, -2.0], [0.0, 3.0]]), np.array([-4.0])]
    expected = (5.0, [np.array([[0.5, -0.5], [0.0, 0.5]]), np.array([-0.5])])
    assert_close(student.l1_penalty(params, 0.5), expected, what="l1_penalty")
    expected = (7.5, [np.array([[0.5, -1.0], [0.0, 1.5]]), np.array([-2.0])])
    assert_close(student.l2_penalty(params, 0.5), expected, what="l2_penalty")


@points(0.75, problem="penalties")
@few
@given(a=numbers, b=numbers, c=numbers, lam=quarters)
def test_l1_of_three_weights(student, a, b, c, lam):
    """Of [[a, b]] and [c], l1 is lam (|a| + |b| + |c|), and its gradient holds lam, with the signs of a, b and c."""
    signs = [np.array([[np.sign(a), np.sign(b)]]), np.array([np.sign(c)])]
    expected = (lam * (abs(a) + abs(b) + abs(c)), [lam * each for each in signs])
    assert_close(student.l1_penalty([np.array([[a, b]]), np.array([c])], lam), expected, what="l1_penalty")


@points(0.75, problem="penalties")
@few
@given(a=numbers, b=numbers, c=numbers, lam=quarters)
def test_l2_of_three_weights(student, a, b, c, lam):
    """Of [[a, b]] and [c], l2 is lam / 2 (a^2 + b^2 + c^2), and its gradient is lam a, lam b and lam c."""
    expected = (lam / 2 * (a * a + b * b + c * c), [np.array([[lam * a, lam * b]]), np.array([lam * c])])
    assert_close(student.l2_penalty([np.array([[a, b]]), np.array([c])], lam), expected, what="l2_penalty")


def ask_dropout(student, x, keep_prob, rng, training):
    answer = student.dropout_forward(x, keep_prob, rng, training=training)
    y, cache = items_of(answer, "y", "cache", what="dropout_forward's answer")
    fits = isinstance(y, np.ndarray) and y.shape == x.shape
    check(fits, f"y is {describe(y)}, expected an array of shape {x.shape}", "wrong_shape")
    return y, cache


@points(0, problem="penalties")
def test_dropout_of_the_handout(student):
    """With keep_prob 1/4 every entry of [1, 2, .., 100] becomes 0 or four times itself; not training, it stays."""
    x = np.arange(1.0, 101.0)
    y, _ = ask_dropout(student, x, 0.25, np.random.default_rng(4), training=True)
    check(0 < (y != 0).sum() < 100, f"{(y != 0).sum()} of 100 entries were kept")
    assert_close(y, np.where(y != 0, 4 * x, 0.0), what="y")
    y, _ = ask_dropout(student, x, 0.25, None, training=False)
    assert_close(y, x, what="y, not training")


@points(1, problem="penalties")
@few
@given(seed=st.integers(0, 999), keep_prob=shares)
def test_dropout_of_a_hundred_numbers(student, seed, keep_prob):
    """Training, each of four times 25 numbers becomes 0 or itself divided by keep_prob, and both occur; backward does
    the same to the same entries of dy."""
    rng = np.random.default_rng(seed)
    x, dy = rng.uniform(1, 2, (2, 4, 25))
    y, cache = ask_dropout(student, x, keep_prob, rng, training=True)
    check(0 < (y != 0).sum() < 100, f"{(y != 0).sum()} of 100 entries were kept")
    assert_close(y, np.where(y != 0, x / keep_prob, 0.0), what="y")
    assert_close(student.dropout_backward(dy, cache), np.where(y != 0, dy / keep_prob, 0.0), what="dx")


@points(0.5, problem="penalties")
@few
@given(seed=st.integers(0, 999), keep_prob=shares)
def test_dropout_where_it_is_not_training(student, seed, keep_prob):
    """Not training, y = x and dx = dy, and rng may be None."""
    x, dy = np.random.default_rng(seed).uniform(1, 2, (2, 3, 5))
    y, cache = ask_dropout(student, x, keep_prob, None, training=False)
    assert_close(y, x, what="y")
    assert_close(student.dropout_backward(dy, cache), dy, what="dx")


# --------------------------------------------------------------------------------------------------------- batch norm


def ask_norm(student, x, gamma, beta, running, *, training, **arguments):
    """(y, cache), of one feature."""
    arrays = np.array(x)[:, None], np.array([gamma]), np.array([beta])
    answer = student.batch_norm_forward(*arrays, running, training=training, **arguments)
    return items_of(answer, "y", "cache", what="batch_norm_forward's answer")


def running_of(mean, var):
    return {"mean": np.array([mean]), "var": np.array([var])}


def column(values):
    return np.array(values)[:, None]


@points(0, problem="batch_norm")
def test_batch_norm_of_the_handout(student):
    """x = [0, 3, 6] with gamma 2, beta 1 and eps 3 becomes [-1, 1, 3]; the running statistics become 1.5 and 5."""
    running = running_of(0.0, 1.0)
    y, _ = ask_norm(student, [0.0, 3.0, 6.0], 2.0, 1.0, mutable(running), training=True, momentum=0.5, eps=3.0)
    assert_close(y, column([-1.0, 1.0, 3.0]), what="y")
    assert_close(running, running_of(1.5, 5.0), what="running")
    y, _ = ask_norm(student, [1.5, 4.5], 2.0, 1.0, running_of(1.5, 5.0), training=False, eps=4.0)
    assert_close(y, column([1.0, 3.0]), what="y, not training")


@points(0, problem="batch_norm")
def test_batch_norm_backward_of_the_handout(student):
    """For dy = [1, 0, 2] there, dx = [2/9, -2/3, 4/9], dgamma = 1 and dbeta = 3."""
    _, cache = ask_norm(student, [0.0, 3.0, 6.0], 2.0, 1.0, mutable(running_of(0.0, 1.0)), training=True, eps=3.0)
    expected = (column([2 / 9, -2 / 3, 4 / 9]), np.array([1.0]), np.array([3.0]))
    assert_close(student.batch_norm_backward(column([1.0, 0.0, 2.0]), cache), expected, what="(dx, dgamma, dbeta)")


@points(1, problem="batch_norm")
@few
@given(middle=numbers, step=quarters, gamma=numbers, beta=numbers, eps=quarters)
def test_batch_norm_of_three_numbers(student, middle, step, gamma, beta, eps):
    """Training, x = [a - s, a, a + s] has the mean a and the variance 2 s^2 / 3, so that y = beta + gamma [-u, 0, u]
    with u = s / sqrt(2 s^2 / 3 + eps)."""
    u = step / np.sqrt(2 * step**2 / 3 + eps)
    x = [middle - step, middle, middle + step]
    y, _ = ask_norm(student, x, gamma, beta, mutable(running_of(0.0, 1.0)), training=True, eps=eps)
    assert_close(y, column([beta - gamma * u, beta, beta + gamma * u]), what="y", rtol=1e-9, atol=1e-9)


@points(1, problem="batch_norm")
@few
@given(middle=numbers, step=quarters, mean=numbers, var=quarters, momentum=shares)
def test_running_statistics_of_three_numbers(student, middle, step, mean, var, momentum):
    """Training, x = [a - s, a, a + s] moves the running statistics towards a and the unbiased variance s^2."""
    running = running_of(mean, var)
    x = [middle - step, middle, middle + step]
    ask_norm(student, x, 1.0, 0.0, mutable(running), training=True, momentum=momentum, eps=1.0)
    expected = running_of(mean + momentum * (middle - mean), var + momentum * (step**2 - var))
    assert_close(values_of(running, expected), expected, what="running", rtol=1e-9, atol=1e-9)


@points(0.5, problem="batch_norm")
@few
@given(
    x=st.lists(numbers, min_size=2, max_size=4), gamma=numbers, beta=numbers, mean=numbers, var=quarters, eps=quarters
)
def test_batch_norm_where_it_is_not_training(student, x, gamma, beta, mean, var, eps):
    """Not training, y = gamma (x - running mean) / sqrt(running var + eps) + beta, and running stays as it is."""
    running = running_of(mean, var)
    y, _ = ask_norm(student, x, gamma, beta, running, training=False, eps=eps)
    assert_unchanged(running, running_of(mean, var), what="running")
    assert_close(
        y, column([gamma * (each - mean) / np.sqrt(var + eps) + beta for each in x]), what="y", rtol=1e-9, atol=1e-9
    )


@points(1.5, problem="batch_norm")
@needs("test_batch_norm_of_three_numbers")
@few
@given(step=quarters, gamma=numbers, eps=quarters, dy=st.tuples(numbers, numbers, numbers))
def test_batch_norm_backward_of_three_numbers(student, step, gamma, eps, dy):
    """Training, for x = [-s, 0, s], with r = sqrt(2 s^2 / 3 + eps) and u = s / r: dbeta = dy_1 + dy_2 + dy_3,
    dgamma = u (dy_3 - dy_1), and dx = gamma / r (dy - dbeta / 3 - [-u, 0, u] dgamma / 3)."""
    root = np.sqrt(2 * step**2 / 3 + eps)
    u, dbeta = step / root, sum(dy)
    dgamma = u * (dy[2] - dy[0])
    dx = [gamma / root * (each - dbeta / 3 - k * u * dgamma / 3) for k, each in zip((-1, 0, 1), dy, strict=True)]
    _, cache = ask_norm(student, [-step, 0.0, step], gamma, 0.5, mutable(running_of(0.0, 1.0)), training=True, eps=eps)
    expected = (column(dx), np.array([dgamma]), np.array([dbeta]))
    answer = values_of(student.batch_norm_backward(column(dy), cache), expected)
    assert_close(answer, expected, what="(dx, dgamma, dbeta)", rtol=1e-9, atol=1e-9)


# ----------------------------------------------------------------------------------------------------------- training

RECIPES = {
    "SGD": {"lr": 0.05, "momentum": 0.5},
    "AdaGrad": {"lr": 0.1},
    "RMSProp": {"lr": 0.01},
    "Adam": {"lr": 0.02},
    "AdamW": {"lr": 0.02},
}


def clouds(seed):
    """(x, y, layers): three clouds of points in the plane, labelled in any order, and a network to tell them apart."""
    rng = np.random.default_rng(seed)
    cloud = np.arange(60) % 3
    x = np.array([[0.0, 3.0], [3.0, -2.0], [-3.0, -2.0]])[cloud] + rng.normal(0, 0.4, (60, 2))
    y = rng.permutation(3)[cloud]
    return x, y, [(rng.normal(0, 0.5, shape), np.zeros(shape[1])) for shape in ((2, 16), (16, 16), (16, 3))]


def assert_layers(model, layers, what):
    """The layers are there, with the right types and shapes; their numbers are not looked at."""
    whole = isinstance(model, dict) and "layers" in model
    check(whole, f'{what} is {describe(model)}, expected a dict with "layers" and "norms"', "wrong_type")
    assert_close(model["layers"], layers, what=f"{what}'s layers", atol=np.inf)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("SGD", marks=needs("test_two_steps_with_momentum", "test_steps_are_taken_in_place[SGD]")),
        pytest.param("AdaGrad", marks=needs("test_two_steps_of_adagrad", "test_steps_are_taken_in_place[AdaGrad]")),
        pytest.param("RMSProp", marks=needs("test_two_steps_of_rmsprop", "test_steps_are_taken_in_place[RMSProp]")),
        pytest.param("Adam", marks=needs("test_two_steps_of_adam", "test_steps_are_taken_in_place[Adam]")),
        pytest.param("AdamW", marks=needs("test_two_steps_of_adamw", "test_steps_are_taken_in_place[AdamW]")),
    ],
)
@points(0.5, problem="training")
@settings(max_examples=2)
@given(seed=st.integers(0, 99))
def test_three_clouds_are_told_apart(student, name, seed):
    """Trained with {name}, a network tells three clouds of points in the plane apart."""
    x, y, layers = clouds(seed)
    model = student.train(
        x, y, {"layers": layers, "norms": []}, getattr(student, name), RECIPES[name],
        epochs=30, batch_size=8, rng=np.random.default_rng(seed),
    )  # fmt: skip
    assert_layers(model, layers, "the trained model")
    a = x
    for w, b in model["layers"][:-1]:
        a = np.maximum(a @ w + b, 0)
    w, b = model["layers"][-1]
    share = float(np.mean((a @ w + b).argmax(axis=1) == y))
    check(share > 0.9, f"the share of points told apart is {share}, expected nearly 1")


@points(0.5, problem="training")
@needs("test_two_steps_of_gradient_descent", "test_steps_are_taken_in_place[SGD]")
@settings(max_examples=3)
@given(seed=st.integers(0, 99), epochs=st.integers(2, 9))
def test_log_hears_the_loss_fall(student, seed, epochs):
    """log is called after every epoch, from 1 on, hears a loss that falls, and sees the model that train returns at
    last."""
    x, y, layers = clouds(seed)
    heard = Heard("loss", "accuracy", objects=("model",))
    model = student.train(
        x, y, {"layers": layers, "norms": []}, student.SGD, {"lr": 0.05},
        epochs=epochs, batch_size=8, rng=np.random.default_rng(seed), log=heard.log,
    )  # fmt: skip
    told = heard.epochs(epochs)
    for loss, _, seen in told:
        assert_close(loss, 0.0, what="the loss", atol=np.inf)  # a number
        assert_layers(seen, layers, "the model that log sees")
    check(told[-1][0] < told[0][0], f"the loss went from {told[0][0]} to {told[-1][0]}")
    assert_layers(model, layers, "the trained model")
    assert_close(told[-1][2]["layers"], model["layers"], what="the layers that log sees at last", rtol=1e-9)
