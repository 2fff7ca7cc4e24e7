"""Public tests of `autoencoder`: run them with `deepgrade check`. The server runs these, and hidden ones."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.testing import assert_close, assert_equal, check, needs, points, sizes

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


def copied(params):
    return [(w.copy(), b.copy()) for w, b in params]


def drawn(widths, seed):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=shape), rng.normal(size=shape[1])) for shape in pairwise(widths)]


# ------------------------------------------------------------------------------------------------------------- weights


@points(2, problem="initialization")
def test_initialize_makes_a_pair_for_each_layer(student):
    """initialize([6, 4, 3, 5, 6], rng) gives weights (6, 4), (4, 3), (3, 5) and (5, 6), and zero biases."""
    params = student.initialize([6, 4, 3, 5, 6], np.random.default_rng(0))
    shapes = [(np.shape(w), np.shape(b)) for w, b in params]
    expected = [((6, 4), (4,)), ((4, 3), (3,)), ((3, 5), (5,)), ((5, 6), (6,))]
    check(shapes == expected, f"the shapes are {shapes}, expected {expected}", "wrong_shape")
    assert_equal([b for _, b in params], [np.zeros(m) for m in (4, 3, 5, 6)], what="the list of biases")


@points(1, problem="initialization")
def test_the_homeworks_network_has_68704_parameters(student):
    """1024-32-32-32-1024 has 68,704 weights and biases."""
    params = [(np.zeros(shape), np.zeros(shape[1])) for shape in pairwise([1024, 32, 32, 32, 1024])]
    assert_equal(student.count_parameters(params), 68704, what="the count")


# ------------------------------------------------------------------------------------------------------------- network


@points(2, problem="network")
def test_codes_of_the_handout(student):
    """The codes of the handout's two images are 1 and 0."""
    assert_close(student.encode(X.copy(), copied(PARAMS)), CODE, what="the codes")


@points(2, problem="network")
def test_reconstructions_of_the_handout(student):
    """The handout's codes 1 and 0 stand for the images [3/4, 1/4] and [1/2, 3/4]."""
    assert_close(student.decode(CODE.copy(), copied(PARAMS)), R, what="the reconstructions")


@points(1, problem="network")
@given(n=sizes(1, 5), half=st.lists(sizes(1, 6), min_size=1, max_size=3), m=sizes(1, 4))
def test_an_image_becomes_a_code_and_an_image_again(student, n, half, m):
    """encode makes (n, d) to (n, m), m units being in the middle layer; decode and reconstruct make (n, d) again."""
    widths = [*half, m, *half[:0:-1], half[0]]
    params = drawn(widths, n)
    x = np.random.default_rng(n).random((n, half[0]))
    code = student.encode(x, params)
    check(np.shape(code) == (n, m), f"the code has shape {np.shape(code)}, expected {(n, m)}", "wrong_shape")
    for what, r in (("decode", student.decode(code, params)), ("reconstruct", student.reconstruct(x, params))):
        check(np.shape(r) == x.shape, f"{what} gives the shape {np.shape(r)}, expected {x.shape}", "wrong_shape")


# ----------------------------------------------------------------------------------------------------------- gradients


@points(1, problem="gradients")
def test_loss_of_the_handout(student):
    """The squared error of the handout's example, summed over its four pixels, is 7/16."""
    loss, _ = student.loss_and_grads(X.copy(), copied(PARAMS))
    assert_close(loss, 7 / 16, what="the loss")


@points(3, problem="gradients")
def test_gradients_of_the_handout(student):
    """The gradients of the handout's example are the ones that it derives by hand."""
    _, grads = student.loss_and_grads(X.copy(), copied(PARAMS))
    expected = [
        (np.array([[3 / 32 * LN3], [3 / 64 * LN3]]), np.array([3 / 32 * LN3])),
        (np.array([[-3 / 32, -3 / 32]]), np.array([5 / 32, -3 / 16])),
    ]
    assert_close(grads, expected, what="grads", atol=1e-12)


# ------------------------------------------------------------------------------------------------------------ training


@points(2, problem="training")
def test_momentum_of_the_handout(student):
    """With gradient 1, learning rate and momentum 1/2, m goes 0, -1/2, -3/4 and p goes 1, 1/2, -1/4."""
    params, velocity = [(np.ones((1, 1)), np.ones(1))], [(np.zeros((1, 1)), np.zeros(1))]
    grads = [(np.ones((1, 1)), np.ones(1))]
    for m, p in ((-0.5, 0.5), (-0.75, -0.25)):
        params, velocity = student.momentum_step(params, velocity, grads, learning_rate=0.5, momentum=0.5)
        assert_close(velocity, [(np.full((1, 1), m), np.full(1, m))], what="velocity")
        assert_close(params, [(np.full((1, 1), p), np.full(1, p))], what="params")


@points(2, problem="training")
@needs("test_codes_of_the_handout", "test_reconstructions_of_the_handout", "test_gradients_of_the_handout")
@settings(max_examples=3)
@given(seed=st.integers(0, 99))
def test_train_learns_three_stripes(student, seed):
    """Three pictures of stripes, seen over and over, are reproduced ever better, and log has heard the loss fall."""
    rng = np.random.default_rng(seed)
    stripes = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]], float)
    x = stripes[np.arange(30) % 3]
    params = [(rng.uniform(0.1, 0.6, (6, 5)), np.full(5, 0.1)), (rng.normal(0, 0.5, (5, 6)), np.zeros(6))]
    heard = []

    def log(epoch, loss):
        heard.append((epoch, loss))

    student.train(x, params, learning_rate=0.02, momentum=0.8, epochs=30, batch_size=8, rng=rng, log=log)
    check([epoch for epoch, _ in heard] == list(range(1, 31)), f"log was called {len(heard)} times in 30 epochs")
    check(heard[-1][1] < heard[0][1] / 2, f"the loss went from {heard[0][1]} to {heard[-1][1]}, expected far lower")


# ---------------------------------------------------------------------------------------------------------------- psnr


@points(1, problem="psnr")
def test_psnr_of_the_handout(student):
    """The handout's reconstructions have 10 log10(16) = 12.04 dB and 10 log10(6.4) = 8.06 dB."""
    assert_close(student.psnr(X.copy(), R.copy()), 10 * np.log10(np.array([16.0, 6.4])))


@points(1, problem="psnr")
def test_identical_images_have_no_noise(student):
    """The psnr of an image and itself is infinite; beside it, 0 and 1 in half of the pixels make 10 log10(2) dB."""
    a = np.array([[0.25, 0.5], [1.0, 0.0]])
    b = np.array([[0.25, 0.5], [1.0, 1.0]])
    assert_close(student.psnr(a, b), np.array([np.inf, 10 * np.log10(2.0)]))


# ----------------------------------------------------------------------------------------------------------------- pca


@points(2, problem="pca")
def test_components_of_the_handout(student):
    """The handout's four points have the mean [2, 1] and the components +-[3/5, 4/5] and +-[4/5, -3/5]."""
    mean, components = student.pca(CROSS.copy(), 2)
    assert_close(mean, np.array([2.0, 1.0]), what="the mean")
    expected = np.array([[0.6, 0.8], [0.8, -0.6]])
    check(
        np.shape(components) == (2, 2), f"components has shape {np.shape(components)}, expected (2, 2)", "wrong_shape"
    )
    signs = np.sign(np.sum(components * expected, axis=1, keepdims=True))
    assert_close(components, signs * expected, what="components", atol=1e-12)


@points(1, problem="pca")
def test_projections_of_the_handout(student):
    """With the component [3/5, 4/5] alone, [8, 9] has the code 10 and stays, and [6, -2] has 0 and becomes the mean."""
    mean, components = np.array([2.0, 1.0]), np.array([[0.6, 0.8]])
    code = student.pca_encode(np.array([[8.0, 9.0], [6.0, -2.0]]), mean, components)
    assert_close(code, np.array([[10.0], [0.0]]), what="the codes", atol=1e-12)
    decoded = student.pca_decode(np.array([[10.0], [0.0]]), mean, components)
    assert_close(decoded, np.array([[8.0, 9.0], [2.0, 1.0]]), what="the images", atol=1e-12)
