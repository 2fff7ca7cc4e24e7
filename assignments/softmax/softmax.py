"""Softmax regression: from logits to probabilities, to a loss and its gradient, to a trained classifier.

Letters, everywhere: n examples, k classes, d features; z are logits, y labels, p probabilities.
Arrays are float64 unless a docstring says otherwise. No function changes an argument, except that `rng` moves on.
"Right to rounding" leaves room for a few rounding errors of the dtype in numbers as large as max |z|.
"""

import numpy as np  # noqa: F401


def softmax(z):
    """Probabilities of each row:  softmax(z)[i, j] = exp(z[i, j]) / sum_m exp(z[i, m]).

    z : (n, k) float64 or float32 array of logits, n >= 0, k >= 1, |z| <= 1e4.
    Returns an (n, k) array of z's dtype. Every entry is finite and right to rounding, however far apart the logits of
    a row are, and however far apart the rows (an entry too small for the dtype is 0).
    """
    raise NotImplementedError("softmax: yours to write")


def log_softmax(z):
    """Logarithms of the probabilities:  log_softmax(z)[i, j] = z[i, j] - log sum_m exp(z[i, m]).

    z : (n, k) float64 or float32 array of logits, n >= 0, k >= 1, |z| <= 1e4.
    Returns an (n, k) array of z's dtype, natural logarithms. Every entry is finite and right to rounding, also where
    softmax(z) is too small for the dtype: log_softmax([[0, 1000]]) = [[-1000, 0]].
    """
    raise NotImplementedError("log_softmax: yours to write")


def cross_entropy(z, y):
    """Mean negative log-likelihood:  L(z, y) = -(1/n) sum_i log softmax(z)[i, y[i]].

    z : (n, k) float64 or float32 array of logits, n >= 1, k >= 1, |z| <= 1e4.
    y : (n,) array of labels of any integer dtype, signed or unsigned, 0 <= y[i] < k.
    Returns a number, in nats; finite and right to rounding in z's dtype.
    Raises ValueError if n = 0, if y is not of shape (n,), or if a label is negative or not below k.
    """
    raise NotImplementedError("cross_entropy: yours to write")


def cross_entropy_grad(z, y):
    """Gradient of cross_entropy by the logits:  dL/dz[i, j] = (softmax(z)[i, j] - [j = y[i]]) / n.

    z, y : as for cross_entropy; [j = y[i]] is 1 where j is the label of example i, else 0.
    Returns an (n, k) array of z's dtype; finite and right to rounding.
    Raises ValueError if n = 0, if y is not of shape (n,), or if a label is negative or not below k.
    """
    raise NotImplementedError("cross_entropy_grad: yours to write")


def predict_proba(x, weights):
    """Probabilities of the classes:  softmax(x w + b).

    x : (n, d) array, n >= 0, such that |x w + b| <= 1e4.
    weights : (w, b) with w a (d, k) and b a (k,) array, as softmax_regression returns them.
    Returns an (n, k) array.
    """
    raise NotImplementedError("predict_proba: yours to write")


def predict(x, weights):
    """The most probable class of each example; of classes that are equally probable, any.

    x, weights : as for predict_proba.
    Returns an (n,) array of ints.
    """
    raise NotImplementedError("predict: yours to write")


def softmax_regression(x, y, *, learning_rate, epochs, batch_size, weight_decay=0.0, rng, log=None):
    """Train w and b by (stochastic) gradient descent on cross-entropy with an L2 penalty of the weights.

    Of a batch B of m examples, and of the whole training set, the objective is the mean over its own examples
        L_B(w, b) = cross_entropy(x_B w + b, y_B) + (weight_decay / 2) sum_ij w[i, j]^2,
    and a step is taken after every batch, with the gradients of both taken before either is changed:
        w <- w - learning_rate dL_B/dw,   dL_B/dw = x_B^T G + weight_decay w,
        b <- b - learning_rate dL_B/db,   dL_B/db = sum_i G[i],    G = cross_entropy_grad(x_B w + b, y_B).
    The bias is not penalised. Training starts at w = 0, b = 0.

    x : (n, d) array, n >= 1, d >= 1.   y : (n,) array of labels of any integer dtype, y >= 0; k = max(y) + 1 classes.
    learning_rate > 0;  epochs >= 0;  weight_decay >= 0.
    batch_size : at least 1. Each epoch puts the examples, each with its own label, in a new order drawn from `rng`, all
        orders alike, and cuts that order into batches of batch_size; the last one may be smaller and is used too. With
        batch_size >= n an epoch is one step over all examples, which is gradient descent.
    rng : numpy.random.Generator, the only source of chance: equal generators give equal weights.
    log : after every epoch, log(epoch=e, loss=l, accuracy=a) is called with e = 1, 2, ..., epochs, with the objective
        l of all n examples and the share a, 0 to 1, of them that are predicted right, both at the weights after that
        epoch. None: nothing is called.
    Returns (w, b), arrays of shapes (d, k) and (k,).
    Raises ValueError if y is not of shape (n,) or if batch_size < 1.
    """
    raise NotImplementedError("softmax_regression: yours to write")


def decision_boundary(weights, i, j):
    """The hyperplane on which classes i and j are equally probable, as the log-odds:  log(p_i / p_j) = a . x + c.

    weights : (w, b), shapes (d, k) and (k,).   i, j : different classes, 0 <= i, j < k.
    Returns (a, c): a (d,) array and a number, such that a . x + c is 0 on the boundary, is positive where class i is
    the more probable of the two, and is the log-odds everywhere.
    Raises ValueError if i = j.
    """
    raise NotImplementedError("decision_boundary: yours to write")


def reflect(x, weights, i, j):
    """Mirror images of points in the boundary of classes i and j, which turn the log-odds around.

    The straight line from a point to its image meets the boundary at a right angle and is halved by it.
    x : (n, d) array, n >= 0.   weights, i, j : as for decision_boundary.
    Returns an (n, d) array.
    Raises ValueError if i = j, or if the columns i and j of w are equal, so that there is no boundary.
    """
    raise NotImplementedError("reflect: yours to write")


def meeting_point(weights):
    """The point at which all regions meet: every class has the probability 1/k there.

    weights : (w, b), shapes (d, k) and (k,), with k = d + 1: three classes in the plane, two on a line.
    Returns a (d,) array.
    Raises ValueError if k is not d + 1, or if all columns of w are equal, so that there is no single such point.
    """
    raise NotImplementedError("meeting_point: yours to write")
