"""Public tests of `autoencoder`: run them with `deepgrade check`. The server runs these, and hidden ones.

The handout's examples come with their numbers, for you to follow, and without points. The points are for the same
questions with numbers that are drawn: here the same ones everywhere, on the server others besides.
"""

from itertools import pairwise

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autograder.testing import (
    Heard,
    assert_close,
    assert_equal,
    assert_gradient,
    check,
    items_of,
    needs,
    points,
    rngs,
    sizes,
    values_of,
)

# The handout's example: images of two pixels, a code of one number. The first image is coded by 1; for the second one
# the only hidden unit is shut, so its code is 0.
LN3 = float(np.log(3.0))
X = np.array([[1.0, 0.5], [0.0, 1.0]])
PARAMS = [
    (np.array([[2.0], [-1.0]]), np.array([-0.5])),
    (np.array([[LN3, -2 * LN3]]), np.array([0.0, LN3])),
]
CODE = np.array([[1.0], [0.0]])
R = np.array([[0.75, 0.25], [0.5, 0.75]])

# Four points around (2, 1): far out along (3/5, 4/5), and half as far along (4/5, -3/5).
CROSS = np.array([[8.0, 9.0], [-4.0, -7.0], [6.0, -2.0], [-2.0, 4.0]])

few = settings(max_examples=15)


@st.composite
def networks(draw):
    """(x, params): some images of two or three pixels, and params with one hidden layer, whose units are the code."""
    d, m, n = draw(sizes(2, 3)), draw(sizes(2, 3)), draw(sizes(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    params = [(rng.normal(0, 1, shape), rng.normal(0.3, 0.5, shape[1])) for shape in ((d, m), (m, d))]
    x = rng.random((n, d))
    into_the_code = x @ params[0][0] + params[0][1]
    assume((np.abs(into_the_code) > 0.01).all() and (into_the_code > 0).any())  # no ReLU at its kink, not all shut
    return x, params


def code_of(x, params):
    (w, b), _ = params
    return np.clip(x @ w + b, 0, None)


def image_of(code, params):
    _, (w, b) = params
    return 1 / (1 + np.exp(-(code @ w + b)))


def loss_of(x, params):
    return float(np.sum((image_of(code_of(x, params), params) - x) ** 2))


# ------------------------------------------------------------------------------------------------------------- weights


@points(2, problem="initialization")
@few
@given(widths=st.lists(sizes(2, 6), min_size=2, max_size=4).filter(lambda w: len(w) % 2 == 0), rng=rngs())
def test_initialize_makes_a_pair_for_each_layer(student, widths, rng):
    """initialize gives weights (fan_in, fan_out) for each layer, within their bounds and not all alike, and zero
    biases."""
    widths = [*widths, widths[0]]
    params = student.initialize(widths, rng)
    fans = list(pairwise(widths))
    assert_close(
        params, [(np.zeros(fan), np.zeros(fan[1])) for fan in fans], what="params", atol=np.inf
    )  # shapes alone
    for (w, b), fan in zip(params, fans, strict=True):
        bound = np.sqrt(6 / sum(fan))
        check(float(np.abs(w).max()) <= bound, f"a weight is {np.abs(w).max()}, expected at most {bound}")
        check(float(w.std()) > 0, f"all weights of a layer are {w[0, 0]}")
        assert_equal(b, np.zeros(fan[1]), what="the biases")


@points(0, problem="initialization")
def test_the_homeworks_network_has_68704_parameters(student):
    """1024-32-32-32-1024 has 68,704 weights and biases."""
    params = [(np.zeros(shape), np.zeros(shape[1])) for shape in pairwise([1024, 32, 32, 32, 1024])]
    assert_equal(student.count_parameters(params), 68704, what="the count")


@points(1, problem="initialization")
@few
@given(d=sizes(2, 9), m=sizes(1, 9))
def test_one_hidden_layer_has_so_many_parameters(student, d, m):
    """d-m-d has (d + 1) m weights and biases into the code, and (m + 1) d out of it."""
    params = [(np.zeros(shape), np.zeros(shape[1])) for shape in ((d, m), (m, d))]
    assert_equal(student.count_parameters(params), (d + 1) * m + (m + 1) * d, what="the count")


# ------------------------------------------------------------------------------------------------------------- network


@points(0, problem="network")
def test_codes_of_the_handout(student):
    """The codes of the handout's two images are 1 and 0."""
    assert_close(student.encode(X, PARAMS), CODE, what="the codes")


@points(0, problem="network")
def test_reconstructions_of_the_handout(student):
    """The handout's codes 1 and 0 stand for the images [3/4, 1/4] and [1/2, 3/4]."""
    assert_close(student.decode(CODE, PARAMS), R, what="the reconstructions")


@points(2.5, problem="network")
@few
@given(case=networks())
def test_codes_of_one_layer(student, case):
    """With one hidden layer, the code is x w_1 + b_1, and 0 where that is negative."""
    code = code_of(*case)
    assert_close(values_of(student.encode(*case), code), code, what="the codes", rtol=1e-9, atol=1e-9)


@points(2.5, problem="network")
@few
@given(case=networks())
def test_images_of_one_layer(student, case):
    """With one hidden layer, a code stands for the image sigmoid(code w_2 + b_2)."""
    x, params = case
    code = code_of(x, params)
    found = values_of(student.decode(code, params), x)
    assert_close(found, image_of(code, params), what="the images", rtol=1e-9, atol=1e-9)


# ----------------------------------------------------------------------------------------------------------- gradients


def ask_loss(student, x, params):
    return items_of(student.loss_and_grads(x, params), "loss", "grads", what="loss_and_grads's answer")


@points(0, problem="gradients")
def test_loss_of_the_handout(student):
    """The squared error of the handout's example, summed over its four pixels, is 7/16."""
    assert_close(ask_loss(student, X, PARAMS)[0], 7 / 16, what="the loss")


@points(0, problem="gradients")
def test_gradients_of_the_handout(student):
    """The gradients of the handout's example are the ones that it derives by hand."""
    expected = [
        (np.array([[3 / 32 * LN3], [3 / 64 * LN3]]), np.array([3 / 32 * LN3])),
        (np.array([[-3 / 32, -3 / 32]]), np.array([5 / 32, -3 / 16])),
    ]
    assert_close(ask_loss(student, X, PARAMS)[1], expected, what="grads", atol=1e-12)


@points(1, problem="gradients")
@few
@given(case=networks())
def test_loss_of_one_layer(student, case):
    """The loss is the squared error between images and reconstructions, summed over all pixels of all images."""
    assert_close(ask_loss(student, *case)[0], loss_of(*case), what="the loss", rtol=1e-9)


@points(3, problem="gradients")
@few
@given(case=networks())
def test_gradients_of_one_layer_agree_with_differences(student, case):
    """With one hidden layer, every dL/dw and dL/db agrees with central differences of the loss."""
    x, params = case
    grads = items_of(ask_loss(student, x, params)[1], "(dw_1, db_1)", "(dw_2, db_2)", what="grads")
    for layer, pair in enumerate(grads):
        parts = items_of(pair, "dw", "db", what=f"grads[{layer}]")
        for part, name in enumerate(("dw", "db")):

            def loss(array, layer=layer, part=part):
                other = [list(pair) for pair in params]
                other[layer][part] = array
                return loss_of(x, other)

            found = values_of(parts[part], params[layer][part])
            assert_gradient(loss, params[layer][part], found, what=f"{name}_{layer + 1}")


# ------------------------------------------------------------------------------------------------------------ training


def one_of_each(w, b):
    return [(np.full((1, 1), w), np.full(1, b))]


def ask_step(student, params, velocity, grads, **options):
    answer = student.momentum_step(params, velocity, grads, **options)
    return items_of(answer, "params", "velocity", what="momentum_step's answer")


@points(0, problem="training")
def test_momentum_of_the_handout(student):
    """With gradient 1, learning rate and momentum 1/2, m goes 0, -1/2, -3/4 and p goes 1, 1/2, -1/4."""
    params, velocity = one_of_each(1.0, 1.0), one_of_each(0.0, 0.0)
    for m, p in ((-0.5, 0.5), (-0.75, -0.25)):
        found = ask_step(student, params, velocity, one_of_each(1.0, 1.0), learning_rate=0.5, momentum=0.5)
        params, velocity = one_of_each(p, p), one_of_each(m, m)
        assert_close(found[1], velocity, what="velocity")
        assert_close(found[0], params, what="params")


numbers = st.integers(-16, 16).map(lambda n: n / 4)
rates, momenta = st.integers(1, 20).map(lambda n: n / 20), st.integers(0, 9).map(lambda n: n / 10)


@points(2, problem="training")
@few
@given(p=numbers, q=numbers, m=numbers, n=numbers, g=numbers, h=numbers, rate=rates, momentum=momenta)
def test_one_step_with_momentum(student, p, q, m, n, g, h, rate, momentum):
    """A weight p with velocity m and gradient g gets the velocity momentum m - rate g, and goes as far; a bias too."""
    expected = momentum * m - rate * g, momentum * n - rate * h
    given_ones = (one_of_each(p, q), one_of_each(m, n), one_of_each(g, h))
    params, velocity = ask_step(student, *given_ones, learning_rate=rate, momentum=momentum)
    assert_close(velocity, one_of_each(*expected), what="velocity", rtol=1e-9, atol=1e-9)
    assert_close(params, one_of_each(p + expected[0], q + expected[1]), what="params", rtol=1e-9, atol=1e-9)


@points(2, problem="training")
@needs("test_gradients_of_one_layer_agree_with_differences", "test_loss_of_one_layer", "test_one_step_with_momentum")
@settings(max_examples=3)
@given(seed=st.integers(0, 99))
def test_train_learns_three_stripes(student, seed):
    """Three pictures of stripes, seen over and over, are reproduced ever better, and log has heard the loss fall."""
    rng = np.random.default_rng(seed)
    stripes = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]], float)
    x = stripes[np.arange(30) % 3]
    params = [(rng.uniform(0.1, 0.6, (6, 5)), np.full(5, 0.1)), (rng.normal(0, 0.5, (5, 6)), np.zeros(6))]
    heard = Heard("loss")
    trained = student.train(
        x, params, learning_rate=0.02, momentum=0.8, epochs=30, batch_size=8, rng=rng, log=heard.log
    )  # fmt: skip
    losses = [loss for (loss,) in heard.epochs(30)]
    for loss in losses:
        assert_close(loss, 0.0, what="a loss", atol=np.inf)  # a number
    check(losses[-1] < losses[0] / 2, f"log heard the loss go from {losses[0]} to {losses[-1]}, expected far lower")
    assert_close(trained, params, what="the trained params", atol=np.inf)  # types and shapes alone
    before, after = loss_of(x, params), loss_of(x, trained)
    check(after < before / 2, f"the loss went from {before} to {after}, expected far lower")


# ---------------------------------------------------------------------------------------------------------------- psnr


@points(0, problem="psnr")
def test_psnr_of_the_handout(student):
    """The handout's reconstructions have 10 log10(16) = 12.04 dB and 10 log10(6.4) = 8.06 dB."""
    assert_close(student.psnr(X, R), 10 * np.log10(np.array([16.0, 6.4])))


@points(0, problem="psnr")
def test_identical_images_have_no_noise(student):
    """The psnr of an image and itself is infinite; beside it, 0 and 1 in half of the pixels make 10 log10(2) dB."""
    a = np.array([[0.25, 0.5], [1.0, 0.0]])
    b = np.array([[0.25, 0.5], [1.0, 1.0]])
    assert_close(student.psnr(a, b), np.array([np.inf, 10 * np.log10(2.0)]))


errors = st.integers(1, 8).map(lambda n: n / 8) | st.integers(-8, -1).map(lambda n: n / 8)


@points(2, problem="psnr")
@few
@given(a=errors, b=errors, peak=st.sampled_from([1.0, 2.0, 255.0]))
def test_psnr_of_even_errors(student, a, b, peak):
    """Where every pixel of an image is e off, its psnr is 20 log10(peak / |e|): 0 dB for e = peak, and 20 more for each
    tenth."""
    images = np.array([[0.0, 0.5, 1.0], [0.25, 0.75, 0.5]])
    off = images + np.array([[a], [b]])
    expected = 20 * np.log10(peak / np.abs([a, b]))
    found = values_of(student.psnr(images, off, peak=peak), expected)
    assert_close(found, expected, what="psnr", rtol=1e-9, atol=1e-9)


# ----------------------------------------------------------------------------------------------------------------- pca


def assert_pca(student, points_of_cross, mean, directions):
    answer = items_of(student.pca(points_of_cross, 2), "mean", "components", what="pca's answer")
    assert_close(answer[0], mean, what="the mean", rtol=1e-9, atol=1e-9)
    assert_close(answer[1], directions, what="components", atol=np.inf)  # type and shape alone
    signs = np.sign(np.sum(answer[1] * directions, axis=1, keepdims=True))
    assert_close(answer[1], signs * directions, what="components", rtol=1e-9, atol=1e-9)


@points(0, problem="pca")
def test_components_of_the_handout(student):
    """The handout's four points have the mean [2, 1] and the components +-[3/5, 4/5] and +-[4/5, -3/5]."""
    assert_pca(student, CROSS, np.array([2.0, 1.0]), np.array([[0.6, 0.8], [0.8, -0.6]]))


@points(0, problem="pca")
def test_projections_of_the_handout(student):
    """With the component [3/5, 4/5] alone, [8, 9] has the code 10 and stays, and [6, -2] has 0 and becomes the mean."""
    mean, components = np.array([2.0, 1.0]), np.array([[0.6, 0.8]])
    code = student.pca_encode(np.array([[8.0, 9.0], [6.0, -2.0]]), mean, components)
    assert_close(code, np.array([[10.0], [0.0]]), what="the codes", atol=1e-12)
    decoded = student.pca_decode(np.array([[10.0], [0.0]]), mean, components)
    assert_close(decoded, np.array([[8.0, 9.0], [2.0, 1.0]]), what="the images", atol=1e-12)


turns = st.integers(1, 60).map(lambda n: n / 10)  # radians


@points(2, problem="pca")
@few
@given(x=numbers, y=numbers, turn=turns, far=sizes(4, 9), near=sizes(1, 3))
def test_components_of_a_cross(student, x, y, turn, far, near):
    """Four points around [x, y], far out along a direction on both sides and near by at right angles to it, have the
    mean [x, y], and these directions are their components, the far one first."""
    mean = np.array([x, y])
    directions = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    cross = mean + np.array([[far, 0], [-far, 0], [0, near], [0, -near]]) @ directions
    assert_pca(student, cross, mean, directions)


@points(1, problem="pca")
@few
@given(x=numbers, y=numbers, turn=turns, far=numbers, aside=numbers)
def test_projections_onto_a_direction(student, x, y, turn, far, aside):
    """With one component alone, what lies f along it from the mean, and anywhere aside, has the code f; and f stands
    for what lies f along it, and not aside."""
    mean = np.array([x, y])
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    code = np.array([[far], [-far]])
    images = mean + code * along + aside * across
    found = values_of(student.pca_encode(images, mean, along[None]), code)
    assert_close(found, code, what="the codes", rtol=1e-9, atol=1e-9)
    found = values_of(student.pca_decode(code, mean, along[None]), images)
    assert_close(found, mean + code * along, what="the images", rtol=1e-9, atol=1e-9)
