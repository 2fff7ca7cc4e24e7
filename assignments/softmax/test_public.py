"""Public tests of `softmax`: run them with `deepgrade check`. The server runs these, and hidden ones."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.testing import (
    Heard,
    assert_close,
    check,
    items_of,
    labelled_logits,
    logits,
    needs,
    points,
    probabilities,
    sizes,
    values_of,
)

Z = np.array([[0.0, 0.0, 0.0], [np.log(1.0), np.log(2.0), np.log(5.0)]])  # probabilities 1/3 each, and 1/8, 2/8, 5/8
Y = np.array([2, 1])
SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=15)

# ------------------------------------------------------------------------------------------------------------- softmax


@points(0, problem="softmax")
def test_softmax_of_a_small_example(student):
    """softmax([[0, 0, 0], [ln 1, ln 2, ln 5]]) = [[1/3, 1/3, 1/3], [1/8, 2/8, 5/8]]."""
    assert_close(student.softmax(Z.copy()), np.array([[1 / 3, 1 / 3, 1 / 3], [0.125, 0.25, 0.625]]))


@points(1, problem="softmax")
@FEW
@given(z=logits(n=sizes(2, 5)))
def test_softmax_rows_are_probabilities(student, z):
    """No probability is negative, and every row sums to 1."""
    p = student.softmax(z.copy())
    assert_close(p, z, what="the result", rtol=0, atol=np.inf)  # its type, shape and dtype; no NaN
    assert_close(p.sum(axis=1), np.ones(len(z)), what="the sum of each row")
    check((p >= 0).all(), f"the smallest probability is {p.min()}, expected at least 0")


@points(2, problem="softmax")
@FEW
@given(p=probabilities(n=sizes(2, 5)))
def test_softmax_undoes_the_logarithm(student, p):
    """softmax(log p) = p for rows p of probabilities."""
    assert_close(student.softmax(np.log(p)), p, atol=1e-14)


@points(0, problem="softmax")
def test_softmax_survives_large_logits(student):
    """softmax([[10000, 0], [-10000, -10000]]) = [[1, 0], [1/2, 1/2]]."""
    z = np.array([[1e4, 0.0], [-1e4, -1e4]])
    assert_close(student.softmax(z), np.array([[1.0, 0.0], [0.5, 0.5]]), atol=1e-11)


@points(2, problem="softmax")
@FEW
@given(p=probabilities(n=sizes(2, 5)), c=st.integers(800, 9000), sign=st.sampled_from([-1, 1]))
def test_softmax_is_the_same_far_from_zero(student, p, c, sign):
    """softmax(log p + c) = p for constants c from 800 to 9000, positive and negative ones."""
    assert_close(student.softmax(np.log(p) + sign * c), p, rtol=1e-10)


# --------------------------------------------------------------------------------------------------------- log_softmax


@points(0, problem="log_softmax")
def test_log_softmax_of_a_small_example(student):
    """log_softmax([[0, 0, 0], [ln 1, ln 2, ln 5]]) = [[-ln 3, -ln 3, -ln 3], [-ln 8, ln 2 - ln 8, ln 5 - ln 8]]."""
    assert_close(student.log_softmax(Z.copy()), np.array([[-np.log(3)] * 3, [-np.log(8), -np.log(4), np.log(0.625)]]))


@points(2, problem="log_softmax")
@FEW
@given(p=probabilities(n=sizes(2, 5)), c=st.integers(-9, 9))
def test_log_softmax_of_logarithms(student, p, c):
    """log_softmax(log p + c) = log p for rows p of probabilities and constants c."""
    assert_close(student.log_softmax(np.log(p) + c), np.log(p), atol=1e-12)


@points(0, problem="log_softmax")
def test_log_softmax_of_far_logits(student):
    """log_softmax([[0, 1000]]) = [[-1000, 0]]: softmax rounds that probability to 0, whose logarithm is lost."""
    assert_close(student.log_softmax(np.array([[0.0, 1000.0]])), np.array([[-1000.0, 0.0]]), atol=1e-11)


@points(2, problem="log_softmax")
@FEW
@given(z=logits(n=sizes(2, 5)), column=sizes(0, 1), height=st.integers(800, 9000))
def test_log_softmax_where_one_class_is_sure(student, z, column, height):
    """Where one logit of a row is larger than all others by 700 and more, log_softmax is the row less that logit."""
    z[:, column] = height
    assert_close(student.log_softmax(z.copy()), z - height, atol=1e-9)


# ------------------------------------------------------------------------------------------------------- cross_entropy


@points(0, problem="cross_entropy")
def test_cross_entropy_of_a_small_example(student):
    """With the logits above and the labels [2, 1], the loss is (ln 3 + ln 4) / 2: the probabilities are 1/3 and 1/4."""
    assert_close(student.cross_entropy(Z.copy(), Y.copy()), (np.log(3) + np.log(4)) / 2)


@points(1, problem="cross_entropy")
@FEW
@given(n=sizes(2, 6), k=sizes(2, 6), c=st.integers(-50, 50))
def test_cross_entropy_of_equal_logits(student, n, k, c):
    """Where all k logits are equal, the loss is the number ln k, in nats, whatever the labels are and however many
    examples."""
    assert_close(student.cross_entropy(np.full((n, k), float(c)), np.arange(n) % k), np.log(k), atol=1e-11)


@st.composite
def labelled_probabilities(draw):
    """(p, y): rows of probabilities and a label for each."""
    p = draw(probabilities(n=sizes(2, 5)))
    return p, np.random.default_rng(draw(SEEDS)).integers(0, p.shape[1], len(p))


@points(2, problem="cross_entropy")
@FEW
@given(drawn=labelled_probabilities())
def test_cross_entropy_is_the_mean_surprise(student, drawn):
    """cross_entropy(log p, y) is the mean of -ln of the probabilities of the labels."""
    p, y = drawn
    expected = -float(np.mean([np.log(row[label]) for row, label in zip(p, y, strict=True)]))
    assert_close(values_of(student.cross_entropy(np.log(p), y), expected), expected, atol=1e-12)


# -------------------------------------------------------------------------------------------------- cross_entropy_grad


@points(0, problem="cross_entropy_grad")
def test_gradient_of_a_small_example(student):
    """With the same logits and labels, the gradient is [[1/6, 1/6, -1/3], [1/16, -3/8, 5/16]]."""
    expected = np.array([[1 / 6, 1 / 6, -1 / 3], [1 / 16, -3 / 8, 5 / 16]])
    assert_close(student.cross_entropy_grad(Z.copy(), Y.copy()), expected)


@points(1, problem="cross_entropy_grad")
@FEW
@given(batch=labelled_logits(n=sizes(2, 5), bound=5.0))
def test_gradient_rows_sum_to_zero(student, batch):
    """Every row of the gradient sums to 0: adding a constant to a row of logits leaves the loss as it is. It is
    negative at the label, and positive elsewhere."""
    z, y = batch
    g = student.cross_entropy_grad(z.copy(), y.copy())
    assert_close(g, z, what="the gradient", rtol=0, atol=np.inf)  # its type, shape and dtype; no NaN
    assert_close(g.sum(axis=1), np.zeros(len(z)), what="the sum of each row", atol=1e-13)
    negative = np.arange(z.shape[1]) == y[:, None]
    check(((g < 0) == negative).all(), "the gradient is not negative at the labels, and positive elsewhere")


@points(2, problem="cross_entropy_grad")
@FEW
@given(drawn=labelled_probabilities())
def test_gradient_compares_probabilities_with_labels(student, drawn):
    """cross_entropy_grad(log p, y) is p, less 1 at the labels, divided by the number of examples."""
    p, y = drawn
    expected = (p - np.eye(p.shape[1])[y]) / len(y)
    assert_close(student.cross_entropy_grad(np.log(p), y), expected, atol=1e-14)


# ------------------------------------------------------------------------------------------------------------ training


@points(0, problem="training")
@needs("test_softmax_of_a_small_example")
def test_predict_proba_of_a_small_example(student):
    """predict_proba(x, (w, b)) = softmax(x w + b): here x w + b is [[0, 0, 0], [ln 1, ln 2, ln 5]]."""
    x = np.array([[0.0, 1.0], [1.0, 1.0]])
    w = np.array([[0.0, np.log(2.0), np.log(5.0)], [-1.0, -2.0, -3.0]])
    b = np.array([1.0, 2.0, 3.0])
    assert_close(student.predict_proba(x, (w, b)), np.array([[1 / 3, 1 / 3, 1 / 3], [0.125, 0.25, 0.625]]))


@points(1, problem="training")
@needs("test_softmax_undoes_the_logarithm")
@FEW
@given(p=probabilities(n=sizes(2, 5)), seed=SEEDS)
def test_predict_proba_of_one_feature_each(student, p, seed):
    """Where example i has feature i alone, with the value 1, and row i of w is log p[i] - b, the result is p."""
    b = np.random.default_rng(seed).normal(size=p.shape[1])
    assert_close(student.predict_proba(np.eye(len(p)), (np.log(p) - b, b)), p, atol=1e-12)


@points(0, problem="training")
@needs("test_gradient_of_a_small_example")
def test_one_step_by_hand(student):
    """One full-batch step of 0.5 from w = 0, b = 0 on x = [[1], [3], [5]], y = [0, 1, 1] leads to w = [[-7/12, 7/12]]
    and b = [-1/12, 1/12]."""
    x, y = np.array([[1.0], [3.0], [5.0]]), np.array([0, 1, 1])
    rng = np.random.default_rng(0)
    weights = student.softmax_regression(x, y, learning_rate=0.5, epochs=1, batch_size=3, rng=rng)
    assert_close(weights, (np.array([[-7 / 12, 7 / 12]]), np.array([-1 / 12, 1 / 12])), what="the pair (w, b)")


@points(3, problem="training")
@needs("test_gradient_compares_probabilities_with_labels")
@FEW
@given(n=sizes(3, 6), d=sizes(2, 3), rate=st.sampled_from([0.1, 0.5]), seed=SEEDS)
def test_the_first_step_starts_from_equal_probabilities(student, n, d, rate, seed):
    """At w = 0 and b = 0 all three classes have the probability 1/3. So with all examples in one batch the first step
    adds learning_rate / n times what follows to w and b: the sum of x, and of 1, over the examples of each class, less
    a third of the sum over all examples."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), np.append(rng.permutation(3), rng.integers(0, 3, n - 3))
    surplus = np.eye(3)[y] - 1 / 3  # (n, 3)
    expected = rate / n * x.T @ surplus, rate / n * surplus.sum(axis=0)
    found = student.softmax_regression(x, y, learning_rate=rate, epochs=1, batch_size=n, rng=rng)
    assert_close(values_of(found, expected), expected, what="the pair (w, b)", atol=1e-13)


@points(2, problem="training")
@needs("test_gradient_compares_probabilities_with_labels")
@FEW
@given(epochs=sizes(1, 4), batch_size=st.sampled_from([2, 3, 6]), seed=SEEDS)
def test_log_is_called_once_an_epoch(student, epochs, batch_size, seed):
    """log(epoch=e, loss=l, accuracy=a) is called with e = 1, 2, ..., epochs, however many batches an epoch has; the
    loss stays at ln 3 where three classes are learned at a learning rate of nearly 0."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(6, 2)), np.append(np.arange(3), rng.integers(0, 3, 3))
    heard = Heard("loss", "accuracy")
    student.softmax_regression(
        x, y, learning_rate=1e-9, epochs=epochs, batch_size=batch_size, rng=rng, log=heard.log
    )  # fmt: skip
    for epoch, (loss, _) in enumerate(heard.epochs(epochs), 1):
        assert_close(loss, np.log(3), what=f"the loss of epoch {epoch}", atol=1e-6)


# ---------------------------------------------------------------------------------------------------- decision_regions

WEIGHTS = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]]), np.array([0.0, 2.0, 1.0])  # three classes in the plane


@points(0, problem="decision_regions")
def test_boundary_of_a_small_example(student):
    """With columns [1, 0] and [-1, 0] of w and biases 0 and 2, the log-odds of classes 0 and 1 are 2 x_1 - 2."""
    assert_close(student.decision_boundary(WEIGHTS, 0, 1), (np.array([2.0, 0.0]), -2.0), what="the pair (a, c)")


@points(2, problem="decision_regions")
@FEW
@given(k=sizes(2, 4), d=sizes(2, 3), seed=SEEDS)
def test_logits_differ_by_the_log_odds(student, k, d, seed):
    """a . x + c is the difference of the logits of classes i and j at every x."""
    rng = np.random.default_rng(seed)
    w, b, x = rng.normal(size=(d, k)), rng.normal(size=k), rng.normal(size=(5, d))
    i, j = (int(label) for label in rng.permutation(k)[:2])
    a, c = items_of(student.decision_boundary((w.copy(), b.copy()), i, j), "a", "c", what="the boundary")
    assert_close(a, np.zeros(d), what="a", rtol=0, atol=np.inf)  # its type, shape and dtype; no NaN
    assert_close(c, 0.0, what="c", rtol=0, atol=np.inf)
    z = x @ w + b
    assert_close(x @ a + float(c), z[:, i] - z[:, j], what="a . x + c", atol=1e-12)


@points(0, problem="decision_regions")
def test_mirror_image_of_a_small_example(student):
    """The mirror image of [3, 7] in the boundary x_1 = 1 is [-1, 7]."""
    assert_close(student.reflect(np.array([[3.0, 7.0]]), WEIGHTS, 0, 1), np.array([[-1.0, 7.0]]))


@points(1, problem="decision_regions")
@FEW
@given(n=sizes(2, 5), axis=sizes(0, 2), slope=st.sampled_from([-2.0, 0.5, 4.0]), seed=SEEDS)
def test_an_upright_mirror_turns_one_coordinate_around(student, n, axis, slope, seed):
    """Where the columns of two classes differ in one feature alone, their boundary is at one value of that feature; the
    image has the same distance from it on the other side, and all other features are the same."""
    rng = np.random.default_rng(seed)
    w, b, x = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(n, 3))
    w[:, 1] = w[:, 0]
    w[axis, 1] -= slope
    expected = x.copy()
    expected[:, axis] = 2 * (b[1] - b[0]) / slope - x[:, axis]
    assert_close(student.reflect(x.copy(), (w, b), 0, 1), expected, what="the mirror image", rtol=1e-9, atol=1e-9)


@points(0, problem="decision_regions")
def test_meeting_point_of_a_small_example(student):
    """With these weights all three logits are 1 at the point [1, 0], so that the three regions meet there."""
    assert_close(student.meeting_point(WEIGHTS), np.array([1.0, 0.0]), atol=1e-12)


@points(1, problem="decision_regions")
@FEW
@given(height=st.integers(-3, 3), seed=SEEDS)
def test_all_logits_are_equal_where_regions_meet(student, height, seed):
    """Three regions in the plane meet at the point that all three logits were made equal at."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, 1) + np.array([0, 2, 4]) + rng.uniform(0, 0.5, 3)  # no two columns are close
    w, point = 2 * np.array([np.cos(angles), np.sin(angles)]), rng.normal(0, 2, 2)
    found = student.meeting_point((w, height - point @ w))
    assert_close(found, point, what="the meeting point", rtol=1e-9, atol=1e-9)
