"""Public tests of `backprop`: run them with `deepgrade check`. The server runs these, and hidden ones."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.testing import assert_close, assert_equal, check, needs, points, rngs, sizes

# The handout's example: two inputs, two hidden units, two classes; sigmoids; two examples. In the second one, both
# hidden units are at ln 3, where the sigmoid is 3/4.
X = np.array([[0.0, 0.0], [np.log(3.0), 1.0]])
PARAMS = [
    (np.array([[1.0, 2.0], [0.0, -np.log(3.0)]]), np.array([0.0, 0.0])),
    (np.array([[1.0, -1.0], [2.0, 4.0]]), np.array([0.5, 0.0])),
]
Z = np.array([[2.0, 1.5], [2.75, 2.25]])
DZ = np.array([[1.0, 0.0], [2.0, -1.0]])


def copied(params):
    return [(w.copy(), b.copy()) for w, b in params]


# -------------------------------------------------------------------------------------------------------- activations


@points(1, problem="activations")
def test_sigmoid_of_a_small_example(student):
    """sigmoid([0, ln 3, -ln 3]) = [1/2, 3/4, 1/4]."""
    assert_close(student.sigmoid(np.array([0.0, np.log(3.0), -np.log(3.0)])), np.array([0.5, 0.75, 0.25]))


@points(1, problem="activations")
def test_tanh_and_relu_of_a_small_example(student):
    """tanh([0, ln 3, -ln 3]) = [0, 4/5, -4/5] and relu of the same is [0, ln 3, 0]."""
    x = np.array([0.0, np.log(3.0), -np.log(3.0)])
    assert_close(student.tanh(x.copy()), np.array([0.0, 0.8, -0.8]), what="tanh")
    assert_close(student.relu(x.copy()), np.array([0.0, np.log(3.0), 0.0]), what="relu")


@points(2, problem="activations")
def test_derivatives_take_outputs(student):
    """From outputs: sigmoid_derivative([1/2, 3/4]) = [1/4, 3/16], tanh_derivative([0, 4/5]) = [1, 9/25], and
    relu_derivative([0, 3]) = [0, 1]."""
    assert_close(student.sigmoid_derivative(np.array([0.5, 0.75])), np.array([0.25, 0.1875]), what="sigmoid_derivative")
    assert_close(student.tanh_derivative(np.array([0.0, 0.8])), np.array([1.0, 0.36]), what="tanh_derivative")
    assert_close(student.relu_derivative(np.array([0.0, 3.0])), np.array([0.0, 1.0]), what="relu_derivative")


# ----------------------------------------------------------------------------------------------------- initialization


@points(2, problem="initialization")
@given(fan_in=sizes(1, 40), fan_out=sizes(1, 40), rng=rngs())
def test_xavier_stays_within_its_bound(student, fan_in, fan_out, rng):
    """xavier_uniform gives a (fan_in, fan_out) array with no entry beyond c = sqrt(6 / (fan_in + fan_out))."""
    w = student.xavier_uniform(fan_in, fan_out, rng)
    check(np.shape(w) == (fan_in, fan_out), f"the shape is {np.shape(w)}, expected {(fan_in, fan_out)}", "wrong_shape")
    c = np.sqrt(6 / (fan_in + fan_out))
    check(np.abs(w).max() <= c, f"the greatest entry is {np.abs(w).max()}, expected at most {c}")


@points(1, problem="initialization")
def test_initialize_makes_a_pair_for_each_layer(student):
    """initialize([5, 4, 3], rng) gives two pairs: weights (5, 4) and (4, 3), and zero biases (4,) and (3,)."""
    params = student.initialize([5, 4, 3], np.random.default_rng(0))
    shapes = [(np.shape(w), np.shape(b)) for w, b in params]
    check(shapes == [((5, 4), (4,)), ((4, 3), (3,))], f"the shapes are {shapes}", "wrong_shape")
    assert_equal([b for _, b in params], [np.zeros(4), np.zeros(3)], what="the list of biases")


# ------------------------------------------------------------------------------------------------------------ forward


@points(2, problem="forward")
def test_forward_of_the_handout(student):
    """The logits of the handout's example are [[2, 3/2], [11/4, 9/4]]."""
    z, _ = student.forward(X.copy(), copied(PARAMS), "sigmoid")
    assert_close(z, Z, what="z")


@points(1, problem="forward")
@given(n=sizes(1, 5), widths=st.lists(sizes(1, 6), min_size=2, max_size=5))
def test_forward_gives_a_row_of_logits_an_example(student, n, widths):
    """For any number of examples and layers, z has the shape (n, k)."""
    rng = np.random.default_rng(n)
    params = [(rng.normal(size=shape), np.zeros(shape[1])) for shape in pairwise(widths)]
    z, _ = student.forward(rng.normal(size=(n, widths[0])), params, "tanh")
    check(np.shape(z) == (n, widths[-1]), f"z has shape {np.shape(z)}, expected {(n, widths[-1])}", "wrong_shape")


# ----------------------------------------------------------------------------------------------------------- backward


@points(3, problem="backward")
@needs("test_forward_of_the_handout")
def test_backward_of_the_handout(student):
    """The gradients of the handout's example are the ones that it derives by hand."""
    _, cache = student.forward(X.copy(), copied(PARAMS), "sigmoid")
    grads, dx = student.backward(DZ.copy(), copied(PARAMS), cache, "sigmoid")
    log3 = np.log(3.0)
    expected = [
        (np.array([[9 / 16 * log3, 0.0], [9 / 16, 0.0]]), np.array([13 / 16, 1 / 2])),
        (np.array([[2.0, -0.75], [2.0, -0.75]]), np.array([3.0, -1.0])),
    ]
    assert_close(grads, expected, what="grads", atol=1e-12)
    assert_close(dx, np.array([[1.25, -log3 / 2], [9 / 16, 0.0]]), what="dx", atol=1e-12)


@points(1, problem="backward")
@given(
    n=sizes(1, 5), widths=st.lists(sizes(1, 6), min_size=2, max_size=5), activation=st.sampled_from(["tanh", "relu"])
)
def test_gradients_have_the_shapes_of_their_params(student, n, widths, activation):
    """Each dw has the shape of its w, each db that of its b, and dx that of x."""
    rng = np.random.default_rng(n)
    params = [(rng.normal(size=shape), np.zeros(shape[1])) for shape in pairwise(widths)]
    x, dz = rng.normal(size=(n, widths[0])), rng.normal(size=(n, widths[-1]))
    _, cache = student.forward(x, params, activation)
    grads, dx = student.backward(dz, params, cache, activation)
    found, expected = ([(np.shape(w), np.shape(b)) for w, b in pairs] for pairs in (grads, params))
    check(found == expected, f"the shapes of grads are {found}, expected {expected}", "wrong_shape")
    check(np.shape(dx) == x.shape, f"dx has shape {np.shape(dx)}, expected {x.shape}", "wrong_shape")


# ----------------------------------------------------------------------------------------- loss, accuracy, minibatches


@points(1, problem="batches")
def test_cross_entropy_of_a_small_example(student):
    """For z = [[0, ln 3], [0, 0]] and y = [0, 1], the loss is ln 4 + ln 2 and dz is [[-3/4, 3/4], [1/2, -1/2]]."""
    loss, dz = student.cross_entropy(np.array([[0.0, np.log(3.0)], [0.0, 0.0]]), np.array([0, 1]))
    assert_close(loss, np.log(8.0), what="the loss")
    assert_close(dz, np.array([[-0.75, 0.75], [0.5, -0.5]]), what="dz")


@points(1, problem="batches")
def test_accuracy_of_a_small_example(student):
    """With the greatest logits at 1, 0, 2 and 2 and the labels 1, 0, 2 and 0, the accuracy is 3/4."""
    z = np.array([[0.0, 3.0, 1.0], [5.0, 2.0, 4.0], [-3.0, -2.0, -1.0], [0.0, 0.5, 0.6]])
    assert_close(student.accuracy(z, np.array([1, 0, 2, 0])), 0.75)


@points(1, problem="batches")
@given(n=sizes(1, 20), batch_size=sizes(1, 8), rng=rngs())
def test_minibatches_deal_out_every_example(student, n, batch_size, rng):
    """Over one epoch every example is in exactly one batch."""
    batches = list(student.minibatches(np.arange(n)[:, None] / 2, np.arange(n), batch_size, rng))
    seen = np.sort(np.concatenate([y for _, y in batches]))
    check(np.array_equal(seen, np.arange(n)), f"the examples dealt out are {seen.tolist()}, expected 0 to {n - 1}")


# ------------------------------------------------------------------------------------------------------------ training


@points(2, problem="training")
@needs("test_forward_of_the_handout", "test_backward_of_the_handout", "test_cross_entropy_of_a_small_example")
@settings(max_examples=3)
@given(seed=st.integers(0, 99))
def test_train_tells_three_clouds_apart(student, seed):
    """Three clouds of points in the plane are told apart after 30 epochs, and log has heard the loss fall."""
    rng = np.random.default_rng(seed)
    y = np.arange(60) % 3
    x = np.array([[0.0, 3.0], [3.0, -2.0], [-3.0, -2.0]])[y] + rng.normal(0, 0.5, (60, 2))
    params = [(rng.normal(0, 0.5, shape), np.zeros(shape[1])) for shape in ((2, 8), (8, 3))]
    heard = []

    def log(epoch, loss, accuracy):
        heard.append((epoch, loss, accuracy))

    params = student.train(
        x, y, params, activation="tanh", learning_rate=0.02, epochs=30, batch_size=8, rng=rng, log=log
    )
    z, _ = student.forward(x, params, "tanh")
    assert_close(float(np.mean(np.argmax(z, axis=1) == y)), 1.0, what="the share of points told apart")
    check([epoch for epoch, _, _ in heard] == list(range(1, 31)), f"log was called {len(heard)} times in 30 epochs")
    check(heard[-1][1] < heard[0][1] / 4, f"the loss went from {heard[0][1]} to {heard[-1][1]}, expected far lower")


# ---------------------------------------------------------------------------------------------------------------- laws


@points(1, problem="laws")
def test_the_active_interval_is_widest_near_seven(student):
    """active_interval_width is 0 at |w| = 4, and its greatest value, 0.4477, is at |w| = 6.9."""
    assert_close(student.active_interval_width(-4.0), 0.0, atol=1e-9)
    w = np.arange(4.1, 12.0, 0.1)
    widths = [float(student.active_interval_width(float(v))) for v in w]
    best = int(np.argmax(widths))
    check(abs(w[best] - 6.9) < 0.051, f"the greatest width is at |w| = {w[best]:.1f}, expected 6.9")
    assert_close(widths[best], 0.4477, what="the greatest width", atol=1e-4, rtol=0)
