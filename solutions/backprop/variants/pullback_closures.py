"""Right, as a functional programmer writes it: every layer returns its pullback, and the cache is a function."""

import numpy as np


def cross_entropy(z, y):
    log_p = z - np.logaddexp.reduce(z, axis=1)[:, None]
    onehot = np.eye(z.shape[1])[y]
    return float(-(onehot * log_p).sum()), np.exp(log_p) - onehot


def sigmoid(x):
    x = np.asarray(x)
    if x.dtype.kind in "iub":
        x = x.astype(float)
    half = x.dtype.type(0.5)
    return half * (1 + np.tanh(half * x))


def sigmoid_derivative(a):
    return a - a * a


def tanh(x):
    x = np.asarray(x)
    if x.dtype.kind in "iub":
        x = x.astype(float)
    return 2 * sigmoid(2 * x) - 1


def tanh_derivative(a):
    return (1 - a) * (1 + a)


def relu(x):
    return x * (x > 0)


def relu_derivative(a):
    return np.sign(a)


def xavier_uniform(fan_in, fan_out, rng):
    if min(fan_in, fan_out) <= 0:
        raise ValueError("a layer needs units")
    return (2 * rng.random((fan_in, fan_out)) - 1) * (6 / (fan_in + fan_out)) ** 0.5


def initialize(widths, rng):
    if len(widths) < 2:
        raise ValueError("a network needs two widths")

    def build(fan_in, rest):
        return (
            [] if not rest else [(xavier_uniform(fan_in, rest[0], rng), np.zeros(rest[0])), *build(rest[0], rest[1:])]
        )

    return build(widths[0], list(widths[1:]))


def activate(name):
    if name == "identity":
        return lambda x: (x, lambda da: da)
    if name not in ("sigmoid", "tanh", "relu"):
        raise ValueError("no such activation")
    f, slope = globals()[name], globals()[name + "_derivative"]

    def layer(x):
        a = f(x)
        return a, lambda da: da * slope(a)

    return layer


def affine(x, w, b):
    return x.dot(w) + b, lambda dz: ((x.T.dot(dz), np.ones(len(dz)).dot(dz)), dz.dot(w.T))


def forward(x, params, activation):
    layer = activate(activation)
    (w, b), *rest = params
    z, pull_affine = affine(x, w, b)
    if not rest:

        def pull_last(dz):
            grad, dx = pull_affine(dz)
            return [grad], dx

        return z, pull_last
    a, pull_activation = layer(z)
    logits, pull_rest = forward(a, rest, activation)

    def pull(dz):
        grads, da = pull_rest(dz)
        grad, dx = pull_affine(pull_activation(da))
        return [grad, *grads], dx

    return logits, pull


def backward(dz, params, cache, activation):
    return cache(dz)


def accuracy(z, y):
    if z.shape[0] != y.shape[0]:
        raise ValueError("rows and labels differ in number")
    return (z.argmax(-1) == y).mean()


def minibatches(x, y, batch_size, rng):
    if batch_size < 1 or len(x) != len(y):
        raise ValueError("no batches of that")
    order = np.arange(len(y))
    rng.shuffle(order)
    while len(order):
        chosen, order = order[:batch_size], order[batch_size:]
        yield x[chosen], y[chosen]


def train(x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None):
    for epoch in range(epochs):
        total = np.zeros(2)
        for xb, yb in minibatches(x, y, batch_size, rng):
            z, pull = forward(xb, params, activation)
            loss, dz = cross_entropy(z, yb)
            total += loss, (z.argmax(1) == yb).sum()
            params = [
                (w - learning_rate * dw, b - learning_rate * db)
                for (w, b), (dw, db) in zip(params, pull(dz)[0], strict=True)
            ]
        if log:
            loss, right = total / len(y)
            log(epoch=epoch + 1, loss=loss, accuracy=right)
    return [(w.copy(), b.copy()) for w, b in params]


def collapse(params):
    (w, b), *rest = params
    if not rest:
        return w, b
    later_w, later_b = collapse(rest)
    return w @ later_w, b @ later_w + later_b


def gradient_norms(x, y, params, activation):
    z, pull = forward(x, params, activation)
    return np.array([np.linalg.norm(dw) for dw, _ in pull(cross_entropy(z, y)[1])[0]])


def dead_fraction(x, w, b):
    return 1 - np.count_nonzero((x @ w + b).max(axis=0) > 0) / len(b)


def active_interval_width(w):
    w = abs(w)
    if not w >= 4:
        raise ValueError("never steep")
    # sigmoid' = s (1 - s) = 1/w at s = (1 + sqrt(1 - 4/w)) / 2, and the inverse of the sigmoid is the log-odds.
    s = (1 + (1 - 4 / w) ** 0.5) / 2
    return 2 * np.log(s / (1 - s)) / w
