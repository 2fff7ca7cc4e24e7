"""Right, with each bias as one more row of its weights, answered by one more input that is always 1."""

import numpy as np


def cross_entropy(z, y):
    z = z - np.max(z, axis=1)[:, np.newaxis]
    log_p = z - np.log(np.sum(np.exp(z), axis=1))[:, np.newaxis]
    truth = np.zeros(z.shape)
    truth[np.arange(len(y)), y] = 1
    return float(-np.sum(truth * log_p)), np.exp(log_p) - truth


def sigmoid(x):
    x = np.array(x, dtype=np.result_type(x.dtype, np.float32) if x.dtype == np.float32 else np.float64)
    return np.exp(-np.logaddexp(0, -x))


def sigmoid_derivative(a):
    return a * (1.0 - a)


def tanh(x):
    return np.tanh(x, dtype=np.float32 if x.dtype == np.float32 else np.float64)


def tanh_derivative(a):
    return 1.0 - np.square(a)


def relu(x):
    return (x + np.abs(x)) / 2


def relu_derivative(a):
    return np.where(a > 0, np.ones_like(a), np.zeros_like(a))


def identity(x):
    return x


def identity_derivative(a):
    return np.ones_like(a)


def functions(activation):
    known = {
        "sigmoid": (sigmoid, sigmoid_derivative),
        "tanh": (tanh, tanh_derivative),
        "relu": (relu, relu_derivative),
        "identity": (identity, identity_derivative),
    }
    try:
        return known[activation]
    except KeyError:
        raise ValueError(activation) from None


def with_ones(a):
    return np.hstack([a, np.ones((len(a), 1))])


def stacked(params):
    return [np.vstack([w, b]) for w, b in params]


def xavier_uniform(fan_in, fan_out, rng):
    if fan_in < 1:
        raise ValueError("fan_in")
    if fan_out < 1:
        raise ValueError("fan_out")
    c = np.sqrt(6) / np.sqrt(fan_in + fan_out)
    return c * rng.uniform(-1, 1, (fan_in, fan_out))


def initialize(widths, rng):
    params = []
    if len(widths) <= 1:
        raise ValueError("widths")
    for i in range(1, len(widths)):
        params += [[xavier_uniform(widths[i - 1], widths[i], rng), np.zeros(widths[i])]]
    return params


def forward(x, params, activation):
    f, _ = functions(activation)
    a = with_ones(x)
    cache = {"with ones": [a]}
    matrices = stacked(params)
    for matrix in matrices[:-1]:
        a = with_ones(f(a @ matrix))
        cache["with ones"].append(a)
    return a @ matrices[-1], cache


def backward(dz, params, cache, activation):
    _, derivative = functions(activation)
    grads = []
    for (w, _), a in zip(reversed(params), reversed(cache["with ones"]), strict=True):
        both = a.T @ dz
        grads.append([both[:-1], both[-1]])
        da = dz @ w.T
        dz = da * derivative(a[:, :-1])
    grads.reverse()
    return grads, da


def accuracy(z, y):
    if len(z) != len(y):
        raise ValueError("accuracy of what?")
    return np.float64(1 - np.count_nonzero(np.argmax(z, 1) - y.astype(np.int64)) / len(y))


def minibatches(x, y, batch_size, rng):
    if batch_size < 1:
        raise ValueError("batch_size")
    if len(y) - len(x):
        raise ValueError("lengths")
    order = rng.permutation(np.arange(len(x)))
    cuts = np.arange(batch_size, len(x), batch_size)
    return zip(np.split(x[order], cuts), np.split(y[order], cuts), strict=True)


def train(x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None):
    params = [[np.array(w), np.array(b)] for w, b in params]
    for epoch in range(1, epochs + 1):
        loss, right = 0, 0
        for x_batch, y_batch in minibatches(x, y, batch_size, rng):
            z, cache = forward(x_batch, params, activation)
            batch_loss, dz = cross_entropy(z, y_batch)
            grads, _ = backward(dz, params, cache, activation)
            for pair, grad in zip(params, grads, strict=True):
                for part in (0, 1):
                    pair[part] = pair[part] - learning_rate * grad[part]
            loss, right = loss + batch_loss, right + int(np.sum(np.argmax(z, 1) == y_batch))
        if log is not None:
            log(epoch=epoch, loss=loss / len(y), accuracy=right / len(y))
    return params


def collapse(params):
    product = None
    for matrix in stacked(params):
        corner = np.zeros((len(matrix), 1))
        corner[-1] = 1
        square = np.hstack([matrix, corner])  # homogeneous coordinates: affine maps multiply as matrices
        product = square if product is None else product @ square
    return product[:-1, :-1], product[-1, :-1]


def gradient_norms(x, y, params, activation):
    z, cache = forward(x, params, activation)
    _, dz = cross_entropy(z, y)
    return [float(np.linalg.norm(dw.ravel())) for dw, _ in backward(dz, params, cache, activation)[0]]


def dead_fraction(x, w, b):
    return np.mean(relu(with_ones(x) @ np.vstack([w, b])).sum(axis=0) == 0)


def active_interval_width(w):
    w = np.abs(w)
    if w < 4:
        raise ValueError("w")
    return np.log(w * (1 + np.sqrt(1 - 4 / w)) / 2 - 1) * 2 / w
