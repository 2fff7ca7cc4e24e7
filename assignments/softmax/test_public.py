"""Public tests of `softmax`: run them with `deepgrade check`. The server runs these, and hidden ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autograder.testing import assert_close, assert_equal, check, labelled_logits, logits, needs, points, sizes

Z = np.array([[0.0, 0.0, 0.0], [np.log(1.0), np.log(2.0), np.log(5.0)]])  # probabilities 1/3 each, and 1/8, 2/8, 5/8
Y = np.array([2, 1])

# ------------------------------------------------------------------------------------------------------------- softmax


@points(2, problem="softmax")
def test_softmax_of_a_small_example(student):
    """softmax([[0, 0, 0], [ln 1, ln 2, ln 5]]) = [[1/3, 1/3, 1/3], [1/8, 2/8, 5/8]]."""
    assert_close(student.softmax(Z.copy()), np.array([[1 / 3, 1 / 3, 1 / 3], [0.125, 0.25, 0.625]]))


@points(1, problem="softmax")
@given(z=logits())
def test_softmax_rows_are_probabilities(student, z):
    """No probability is negative, and every row sums to 1."""
    p = student.softmax(z.copy())
    assert_close(p.sum(axis=1), np.ones(len(z)), what="the sum of each row")
    check((p >= 0).all(), f"the smallest probability is {p.min()}, expected at least 0")


@points(2, problem="softmax")
def test_softmax_survives_large_logits(student):
    """softmax([[10000, 0], [-10000, -10000]]) = [[1, 0], [1/2, 1/2]]."""
    z = np.array([[1e4, 0.0], [-1e4, -1e4]])
    assert_close(student.softmax(z), np.array([[1.0, 0.0], [0.5, 0.5]]), atol=1e-11)


# --------------------------------------------------------------------------------------------------------- log_softmax


@points(2, problem="log_softmax")
def test_log_softmax_of_a_small_example(student):
    """log_softmax([[0, 0, 0], [ln 1, ln 2, ln 5]]) = [[-ln 3, -ln 3, -ln 3], [-ln 8, ln 2 - ln 8, ln 5 - ln 8]]."""
    assert_close(student.log_softmax(Z.copy()), np.array([[-np.log(3)] * 3, [-np.log(8), -np.log(4), np.log(0.625)]]))


@points(2, problem="log_softmax")
def test_log_softmax_of_far_logits(student):
    """log_softmax([[0, 1000]]) = [[-1000, 0]]: softmax rounds that probability to 0, whose logarithm is lost."""
    assert_close(student.log_softmax(np.array([[0.0, 1000.0]])), np.array([[-1000.0, 0.0]]), atol=1e-11)


# ------------------------------------------------------------------------------------------------------- cross_entropy


@points(2, problem="cross_entropy")
def test_cross_entropy_of_a_small_example(student):
    """With the logits above and the labels [2, 1], the loss is (ln 3 + ln 4) / 2: the probabilities are 1/3 and 1/4."""
    assert_close(student.cross_entropy(Z.copy(), Y.copy()), (np.log(3) + np.log(4)) / 2)


@points(1, problem="cross_entropy")
@given(n=sizes(1, 6), k=sizes(1, 6), c=st.integers(-50, 50))
def test_cross_entropy_of_equal_logits(student, n, k, c):
    """Where all k logits are equal, the loss is ln k nats, whatever the labels are and however many examples."""
    assert_close(student.cross_entropy(np.full((n, k), float(c)), np.arange(n) % k), np.log(k), atol=1e-11)


# -------------------------------------------------------------------------------------------------- cross_entropy_grad


@points(2, problem="cross_entropy_grad")
def test_gradient_of_a_small_example(student):
    """With the same logits and labels, the gradient is [[1/6, 1/6, -1/3], [1/16, -3/8, 5/16]]."""
    expected = np.array([[1 / 6, 1 / 6, -1 / 3], [1 / 16, -3 / 8, 5 / 16]])
    assert_close(student.cross_entropy_grad(Z.copy(), Y.copy()), expected)


@points(1, problem="cross_entropy_grad")
@given(batch=labelled_logits())
def test_gradient_rows_sum_to_zero(student, batch):
    """Every row of the gradient sums to 0: adding a constant to a row of logits leaves the loss as it is."""
    z, y = batch
    g = student.cross_entropy_grad(z.copy(), y.copy())
    assert_close(g.sum(axis=1), np.zeros(len(z)), what="the sum of each row", atol=1e-13)


# ------------------------------------------------------------------------------------------------------------ training


@points(2, problem="training")
@needs("test_softmax_of_a_small_example")
def test_predict_proba_of_a_small_example(student):
    """predict_proba(x, (w, b)) = softmax(x w + b): here x w + b is [[0, 0, 0], [ln 1, ln 2, ln 5]]."""
    x = np.array([[0.0, 1.0], [1.0, 1.0]])
    w = np.array([[0.0, np.log(2.0), np.log(5.0)], [-1.0, -2.0, -3.0]])
    b = np.array([1.0, 2.0, 3.0])
    assert_close(student.predict_proba(x, (w, b)), np.array([[1 / 3, 1 / 3, 1 / 3], [0.125, 0.25, 0.625]]))


@points(2, problem="training")
@needs("test_gradient_of_a_small_example")
def test_one_step_by_hand(student):
    """One full-batch step of 0.5 from w = 0, b = 0 on x = [[1], [3], [5]], y = [0, 1, 1] leads to w = [[-7/12, 7/12]]
    and b = [-1/12, 1/12]."""
    x, y = np.array([[1.0], [3.0], [5.0]]), np.array([0, 1, 1])
    rng = np.random.default_rng(0)
    weights = student.softmax_regression(x, y, learning_rate=0.5, epochs=1, batch_size=3, rng=rng)
    assert_close(weights, (np.array([[-7 / 12, 7 / 12]]), np.array([-1 / 12, 1 / 12])), what="the pair (w, b)")


@points(2, problem="training")
@needs("test_gradient_of_a_small_example")
def test_log_is_called_once_an_epoch(student):
    """log(epoch=e, loss=l, accuracy=a) is called with e = 1, 2, ..., epochs, however many batches an epoch has."""
    heard = []
    student.softmax_regression(
        np.array([[-1.0], [1.0], [2.0], [3.0]]),
        np.array([0, 1, 1, 1]),
        learning_rate=0.1,
        epochs=3,
        batch_size=2,
        rng=np.random.default_rng(0),
        log=lambda *values, **named: heard.append(named),
    )
    check(
        all(set(named) >= {"epoch", "loss", "accuracy"} for named in heard),
        "log was called without the keywords epoch, loss and accuracy",
    )
    assert_equal([named["epoch"] for named in heard], [1, 2, 3], what="the list of epochs that log heard of")


# ---------------------------------------------------------------------------------------------------- decision_regions

WEIGHTS = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]]), np.array([0.0, 2.0, 1.0])  # three classes in the plane


@points(2, problem="decision_regions")
def test_boundary_of_a_small_example(student):
    """With columns [1, 0] and [-1, 0] of w and biases 0 and 2, the log-odds of classes 0 and 1 are 2 x_1 - 2."""
    assert_close(student.decision_boundary(WEIGHTS, 0, 1), (np.array([2.0, 0.0]), -2.0), what="the pair (a, c)")


@points(1, problem="decision_regions")
def test_mirror_image_of_a_small_example(student):
    """The mirror image of [3, 7] in the boundary x_1 = 1 is [-1, 7]."""
    assert_close(student.reflect(np.array([[3.0, 7.0]]), WEIGHTS, 0, 1), np.array([[-1.0, 7.0]]))


@points(1, problem="decision_regions")
def test_meeting_point_of_a_small_example(student):
    """With these weights all three logits are 1 at the point [1, 0], so that the three regions meet there."""
    assert_close(student.meeting_point(WEIGHTS), np.array([1.0, 0.0]), atol=1e-12)
