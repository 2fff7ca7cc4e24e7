"""Backpropagation: a fully connected network, its gradients and its training, in numpy.

    a_0 = x,   a_l = f(a_{l-1} w_l + b_l)  for l = 1 .. L-1,   z = a_{L-1} w_L + b_L

Letters used below: n examples, d features, k classes, L layers of weights (L >= 1).
params is a list of L pairs (w, b), first layer first: w is (fan_in, fan_out), b is (fan_out,), all float64.
activation names the f of all hidden layers: "sigmoid", "tanh", "relu" or "identity". The last layer has none: z are
logits. No function here changes an argument, except that drawing from `rng` advances it.
"""

from itertools import pairwise

import numpy as np


def cross_entropy(z, y):
    """Cross-entropy, summed over the examples, and its gradient; you derived both in the assignment on softmax.

        L(z, y) = -sum_i log softmax(z)[i, y[i]],   dL/dz[i, j] = softmax(z)[i, j] - [j = y[i]]

    z : (n, k) float64 array of logits, n >= 1, |z| <= 1e4.   y : (n,) int array of labels, 0 <= y[i] < k.
    Returns (L, dz): a float, in nats, and an (n, k) array; both are finite, however far apart the logits are.
    """
    shifted = z - z.max(axis=1, keepdims=True)  # (n, k), at most 0
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(y))
    dz = np.exp(log_p)
    dz[rows, y] -= 1.0
    return float(-log_p[rows, y].sum()), dz


def sigmoid(x):
    """sigmoid(x) = 1 / (1 + exp(-x)), entry by entry.

    x : float or integer array of any shape, |x| <= 1e4.
    Returns an array of x's shape, entries in [0, 1] and never NaN. float32 stays float32; integers of every kind are
    taken as float64.
    """
    x = _as_float(x)
    e = np.exp(-np.abs(x))  # in (0, 1]: no overflow on either side
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def sigmoid_derivative(a):
    """The sigmoid's derivative from its output:  sigmoid'(x) = a (1 - a)  where a = sigmoid(x).

    a : float array of any shape, entries in [0, 1].
    Returns an array of a's shape and dtype.
    """
    return a * (1 - a)


def tanh(x):
    """tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)) = 2 sigmoid(2x) - 1, entry by entry.

    x : float or integer array of any shape, |x| <= 1e4.
    Returns an array of x's shape, entries in [-1, 1] and never NaN. float32 stays float32; integers of every kind are
    taken as float64.
    """
    return np.tanh(_as_float(x))


def tanh_derivative(a):
    """The derivative of tanh from its output:  tanh'(x) = 1 - a^2  where a = tanh(x).

    a : float array of any shape, entries in [-1, 1].
    Returns an array of a's shape and dtype.
    """
    return 1 - a * a


def relu(x):
    """relu(x) = max(x, 0), entry by entry.

    x : float array of any shape.
    Returns an array of x's shape and dtype.
    """
    return np.maximum(x, 0)


def relu_derivative(a):
    """The derivative of ReLU from its output:  1 where a > 0, and 0 where a = 0.

    (At x = 0 there is no derivative. An output of 0 nearly always comes from x < 0, so it counts as that.)

    a : float array of any shape, entries >= 0.
    Returns an array of a's shape and dtype, entries 0 and 1.
    """
    return (a > 0).astype(a.dtype)


def xavier_uniform(fan_in, fan_out, rng):
    """Weights drawn uniformly from [-c, c],  c = sqrt(6 / (fan_in + fan_out))  (Glorot and Bengio, 2010).

    fan_in, fan_out : int, at least 1: how many units come before and after.
    rng : numpy.random.Generator; the only source of chance.
    Returns a (fan_in, fan_out) float64 array. Raises ValueError if a fan is less than 1.
    """
    if fan_in < 1 or fan_out < 1:
        raise ValueError(f"a layer from {fan_in} to {fan_out} units has no weights; both must be at least 1")
    c = np.sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-c, c, size=(fan_in, fan_out))


def initialize(widths, rng):
    """The params of a network: xavier_uniform weights and zero biases.

    widths : list of L + 1 ints, at least 2 of them: units of each layer, inputs first. [1024, 64, 36] has two layers.
    rng : numpy.random.Generator.
    Returns params. Raises ValueError if there are fewer than two widths.
    """
    if len(widths) < 2:
        raise ValueError(f"{len(widths)} widths make no layer; name at least the inputs and the outputs")
    return [(xavier_uniform(fan_in, fan_out, rng), np.zeros(fan_out)) for fan_in, fan_out in pairwise(widths)]


def forward(x, params, activation):
    """The logits of a network, and what the backward pass wants to remember.

        a_0 = x,   a_l = f(a_{l-1} w_l + b_l),   z = a_{L-1} w_L + b_L

    x : (n, d) float64 array, n >= 1.
    Returns (z, cache): the (n, k) float64 logits, and anything you like; it is handed to `backward` as it is.
    Raises ValueError if activation is none of the four names.
    """
    f, _ = _activation(activation)
    outputs = [x]  # a_0 .. a_{L-1}, the inputs of the layers
    for w, b in params[:-1]:
        outputs.append(f(outputs[-1] @ w + b))
    w, b = params[-1]
    return outputs[-1] @ w + b, outputs


def backward(dz, params, cache, activation):
    """The gradients of a scalar L by the chain rule, from its gradient with respect to the logits.

        delta_L = dz,   dw_l = a_{l-1}^T delta_l,   db_l = sum_i delta_l[i],
        da_{l-1} = delta_l w_l^T,   delta_{l-1} = da_{l-1} * f'(a_{l-1}),   dx = da_0

    dz : (n, k) float64 array, dL/dz; any numbers, not only those of cross-entropy.
    params, cache, activation : as given to, and returned by, the `forward` that made z.
    Returns (grads, dx): a list of L pairs (dw, db), each of the shape of its w and b and summed over the examples, and
    the (n, d) array dL/dx. A second call with the same cache gives the same answer.
    """
    _, derivative = _activation(activation)
    grads = []
    delta = dz  # (n, fan_out)
    for layer in reversed(range(len(params))):
        w, _ = params[layer]
        a = cache[layer]  # (n, fan_in), this layer's input
        grads.append((a.T @ delta, delta.sum(axis=0)))
        delta = delta @ w.T
        if layer > 0:
            delta = delta * derivative(a)
    return grads[::-1], delta


def accuracy(z, y):
    """Share of the examples whose greatest logit is that of their label.

    z : (n, k) float array of logits, n >= 1, with no ties for the greatest.
    y : (n,) int array of labels.
    Returns a float in [0, 1]. Raises ValueError if z and y differ in length.
    """
    if len(z) != len(y):
        raise ValueError(f"{len(z)} rows of logits, but {len(y)} labels")
    return float(np.mean(np.argmax(z, axis=1) == y))


def minibatches(x, y, batch_size, rng):
    """One epoch: all examples in a new random order, cut into batches.

    x : (n, d) array.   y : (n,) array; y[i] belongs to x[i], and stays with it.
    batch_size : int, at least 1.
    rng : numpy.random.Generator; every order is equally likely, and the next call gives another one.
    Returns an iterable (a list, or a generator) of pairs (x_batch, y_batch), dtypes kept. Each example is in exactly
    one batch; all batches hold batch_size examples, but the last holds what is left.
    Raises ValueError (a generator: when it is first asked for a batch) if batch_size < 1 or x and y differ in length.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, but a batch holds at least one example")
    if len(x) != len(y):
        raise ValueError(f"{len(x)} examples, but {len(y)} labels")
    order = rng.permutation(len(x))
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [(x[chosen], y[chosen]) for chosen in batches]


def train(x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None):
    """Minibatch gradient descent on the cross-entropy, summed over each batch.

        for every batch of `minibatches`:   w <- w - learning_rate dL/dw,   b <- b - learning_rate dL/db

    x : (n, d) float64 array.   y : (n,) int array of labels.   params : where to start.
    epochs : int, at least 0: how often all examples are seen.
    rng : numpy.random.Generator: the same one gives the same network.
    log : None, or a function, called after every epoch as log(epoch=1.., loss=.., accuracy=..) with two floats: the
        mean loss of an example, in nats, and the share of right answers, over the epoch's batches as they came, each
        taken before the step on it.
    Returns the trained params, in new arrays; the given ones stay as they are.
    """
    params = [(w.copy(), b.copy()) for w, b in params]
    for epoch in range(1, epochs + 1):
        loss_sum, right = 0.0, 0.0
        for x_batch, y_batch in minibatches(x, y, batch_size, rng):
            z, cache = forward(x_batch, params, activation)
            loss, dz = cross_entropy(z, y_batch)
            grads, _ = backward(dz, params, cache, activation)
            params = [
                (w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads, strict=True)
            ]
            loss_sum += loss
            right += accuracy(z, y_batch) * len(y_batch)
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x))
    return params


def collapse(params):
    """The one affine map that a network without activations is:  forward(x, params, "identity") = x w + b.

        w = w_1 w_2 ... w_L,   b = (..(b_1 w_2 + b_2) w_3 + ..) w_L + b_L

    Returns (w, b): arrays of shapes (d, k) and (k,).
    """
    w, b = params[0]
    for next_w, next_b in params[1:]:
        w, b = w @ next_w, b @ next_w + next_b
    return w, b


def gradient_norms(x, y, params, activation):
    """How much of the gradient reaches each layer:  g_l = ||dL/dw_l||_F = sqrt(sum of the squares of its entries).

    L is the cross-entropy summed over x : (n, d) and y : (n,).
    Returns a list of L floats, first layer first. Under sigmoids they shrink towards the first: sigmoid' <= 1/4.
    """
    z, cache = forward(x, params, activation)
    _, dz = cross_entropy(z, y)
    grads, _ = backward(dz, params, cache, activation)
    return [float(np.sqrt(np.sum(dw**2))) for dw, _ in grads]


def dead_fraction(x, w, b):
    """Share of the units of the layer relu(x w + b) that are dead: whose output is 0 for every example of x.

    x : (n, d) float array, n >= 1.   w : (d, m) float array.   b : (m,) float array.
    Returns a float in [0, 1].
    """
    a = relu(x @ w + b)  # (n, m)
    return float(np.mean(np.all(a == 0, axis=0)))


def active_interval_width(w):
    """Width of the interval of x on which |d sigmoid(w x + b) / dx| >= 1, where the gradient does not shrink.

        width = 2/|w| ln( |w| (1 + sqrt(1 - 4/|w|)) / 2 - 1 )

    w : number with |w| >= 4 (for smaller ones there is no such x). The bias moves the interval and leaves its width.
    Returns a float; it is greatest, about 0.45, at |w| of about 6.9. Raises ValueError if |w| < 4.
    """
    steepness = abs(w)
    if steepness < 4:
        raise ValueError(f"|w| is {steepness}, but below 4 the sigmoid's slope never reaches 1")
    return float(2 / steepness * np.log(steepness * (1 + np.sqrt(1 - 4 / steepness)) / 2 - 1))


def _activation(name):
    """The function of that name and its derivative from the output."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation {name!r} is none of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def _as_float(x):
    """x as floats: float32 stays, integers become float64."""
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


ACTIVATIONS = {
    "sigmoid": (sigmoid, sigmoid_derivative),
    "tanh": (tanh, tanh_derivative),
    "relu": (relu, relu_derivative),
    "identity": (lambda x: x, np.ones_like),
}
