"""Right, with generators that hold the state of an array, and caches that keep the inputs and compute again."""

import copy
import functools
from itertools import pairwise

import numpy as np


def check(**values):
    for name, value in values.items():
        upper = 1 if name in ("momentum", "decay", "beta1", "beta2") else float("inf")
        if not 0 <= value < upper or (name == "lr" and value == 0):
            raise ValueError(f"{name} = {value}")


def sgd(p, lr, momentum, nesterov, weight_decay):
    velocity = np.zeros(p.shape)
    g = yield
    while True:
        g = g + weight_decay * p
        velocity = momentum * velocity + g
        p -= lr * (g + momentum * velocity) if nesterov else lr * velocity
        g = yield


def scaled_by_roots(p, lr, eps, keep, take):
    """AdaGrad with keep = take = 1; RMSProp with decay and its complement."""
    s = np.zeros(p.shape)
    g = yield
    while True:
        s = keep * s + take * np.abs(g) ** 2
        np.subtract(p, lr * g / (np.sqrt(s) + eps), out=p)
        g = yield


def adam(p, lr, betas, eps, weight_decay):
    """Moments that are corrected as they are kept: weighted means from the first step on."""
    m = v = np.zeros(p.shape)
    mass1 = mass2 = 0.0
    g = yield
    while True:
        mass1, mass2 = betas[0] * mass1 + 1, betas[1] * mass2 + 1
        m = m + (g - m) / mass1
        v = v + (g * g - v) / mass2
        p -= lr * (m / (np.sqrt(v) + eps) + weight_decay * p)
        g = yield


class Stepper:
    def start(self, params, rule):
        self.shapes = [p.shape for p in params]
        self.rules = [rule(p) for p in params]
        for one in self.rules:
            next(one)

    def step(self, grads):
        if [g.shape for g in grads] != self.shapes:
            raise ValueError("other gradients than params")
        for rule, g in zip(self.rules, grads, strict=True):
            rule.send(g)


class SGD(Stepper):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        check(lr=lr, momentum=momentum, weight_decay=weight_decay)
        self.start(params, lambda p: sgd(p, lr, momentum, nesterov, weight_decay))


class AdaGrad(Stepper):
    def __init__(self, params, lr=0.01, eps=1e-10):
        check(lr=lr, eps=eps)
        self.start(params, lambda p: scaled_by_roots(p, lr, eps, 1.0, 1.0))


class RMSProp(Stepper):
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        check(lr=lr, decay=decay, eps=eps)
        self.start(params, lambda p: scaled_by_roots(p, lr, eps, decay, 1 - decay))


class Adam(Stepper):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        check(lr=lr, beta1=betas[0], beta2=betas[1], eps=eps)
        self.start(params, lambda p: adam(p, lr, betas, eps, 0.0))


class AdamW(Stepper):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        check(lr=lr, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=weight_decay)
        self.start(params, lambda p: adam(p, lr, betas, eps, weight_decay))


def effective_learning_rate(lr, momentum):
    check(momentum=momentum)
    return np.array(lr / (1 - momentum))


def weight_decay_factor(lr, lam, n, batch_size):
    steps, rest = divmod(n, batch_size)
    return np.power(1 - lr * lam / n, steps + (rest > 0))


def penalty(value, slope, params, lam):
    if lam < 0:
        raise ValueError("lam is negative")
    total = functools.reduce(lambda sum_so_far, w: sum_so_far + value(w).sum(), params, 0.0)
    return lam * total, [lam * slope(w) for w in params]


def l1_penalty(params, lam):
    return penalty(np.abs, lambda w: (w > 0).astype(float) - (w < 0), params, lam)


def l2_penalty(params, lam):
    return penalty(lambda w: w**2 / 2, np.copy, params, lam)


def dropout_forward(x, keep_prob, rng, *, training):
    if not keep_prob > 0 or keep_prob > 1:
        raise ValueError("keep_prob")
    dropped = rng.random(x.shape) >= keep_prob if training else np.zeros(x.shape, bool)
    scale = 1 / keep_prob if training else 1.0
    return np.where(dropped, 0.0, scale * x), (dropped, scale)


def dropout_backward(dy, cache):
    dropped, scale = cache
    dx = scale * dy
    dx[dropped] = 0
    return dx


def batch_norm_forward(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    n = len(x)
    mean, var = running["mean"].copy(), running["var"].copy()
    if training:
        if n < 2:
            raise ValueError("too few examples")
        running["mean"] = mean + momentum * (x.mean(axis=0) - mean)
        running["var"] = var + momentum * (np.var(x, axis=0, ddof=1) - var)
        mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    y = beta + gamma * (x - mean) / np.sqrt(var + eps)
    return y, (x.copy(), gamma.copy(), mean, np.sqrt(var + eps), training)


def batch_norm_backward(dy, cache):
    x, gamma, mean, sd, training = cache
    n = dy.shape[0]
    u = (x - mean) / sd
    dbeta, dgamma = np.ones(n) @ dy, np.diag(u.T @ dy).copy()
    if training:
        return gamma / (n * sd) * (n * dy - dbeta - u * dgamma), dgamma, dbeta
    return gamma / sd * dy, dgamma, dbeta


def train(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    print("training", len(x), "examples")
    model = copy.deepcopy(model)
    stepper = optimizer(parameters(model), **settings)

    def one_batch(chosen):
        z, cache = forward(model, x[chosen], training=True, keep_prob=keep_prob, rng=rng)
        loss, dz = cross_entropy(z, y[chosen])
        grads = backward(model, dz, cache)
        weights = [w for w, _ in model["layers"]]
        for penalty_of, lam in ((l1_penalty, lambda1), (l2_penalty, lambda2)):
            slopes = penalty_of(weights, lam)[1]
            grads = [g + slopes[i // 2] if i % 2 == 0 and i < 2 * len(slopes) else g for i, g in enumerate(grads)]
        stepper.step(grads)
        return loss * len(chosen), int(np.sum(np.argmax(z, axis=1) == y[chosen]))

    for epoch in range(1, epochs + 1):
        order = rng.permutation(np.arange(len(x)))
        told = [one_batch(order[at : at + batch_size]) for at in range(0, len(x), batch_size)]
        if log is not None:
            losses, right = zip(*told, strict=True)
            log(model=copied(model), epoch=epoch, loss=sum(losses) / len(x), accuracy=sum(right) / len(x))
    return model


# ----------------------------------------------------------------------------------------------------- given: a network
#
# A hidden layer is  affine map -> batch normalization, if the model has it -> ReLU -> dropout, if keep_prob < 1.
# The last layer is an affine map alone: z are logits. All of this is right; leave it as it is.


def initialize(widths, rng, batch_norm=False):
    """Given. A model: normal weights of variance 2 / fan_in (He et al., 2015), zero biases.

    widths : list of ints, inputs first: [784, 100, 50, 10] has two hidden layers.
    Returns {"layers": [(w, b), ..], "norms": [..]}: w is (fan_in, fan_out), b is (fan_out,); norms is empty without
    batch normalization, else it holds for each hidden layer a dict of "gamma", "beta" and "running".
    """
    layers = []
    for fan_in, fan_out in pairwise(widths):
        layers.append((rng.normal(0, np.sqrt(2 / fan_in), (fan_in, fan_out)), np.zeros(fan_out)))
    norms = []
    for width in widths[1:-1] if batch_norm else []:
        running = {"mean": np.zeros(width), "var": np.ones(width)}
        norms.append({"gamma": np.ones(width), "beta": np.zeros(width), "running": running})
    return {"layers": layers, "norms": norms}


def parameters(model):
    """Given. The arrays that an optimizer moves, in order: w, b of every layer, then gamma, beta of every norm.

    They are the model's own arrays, so that a step in place is seen by the next forward pass.
    """
    arrays = [array for pair in model["layers"] for array in pair]
    return arrays + [norm[name] for norm in model["norms"] for name in ("gamma", "beta")]


def copied(model):
    """Given. A copy that shares no array with the model."""
    return {
        "layers": [(w.copy(), b.copy()) for w, b in model["layers"]],
        "norms": [
            {
                "gamma": norm["gamma"].copy(),
                "beta": norm["beta"].copy(),
                "running": {name: array.copy() for name, array in norm["running"].items()},
            }
            for norm in model["norms"]
        ],
    }


def forward(model, x, *, training, keep_prob=1.0, rng=None):
    """Given. (z, cache): the (n, k) logits of x, and what `backward` wants to remember."""
    a, cache = x, []
    for i, (w, b) in enumerate(model["layers"][:-1]):
        z, norm_cache, drop_cache = a @ w + b, None, None
        if model["norms"]:
            norm = model["norms"][i]
            z, norm_cache = batch_norm_forward(z, norm["gamma"], norm["beta"], norm["running"], training=training)
        out = np.maximum(z, 0)
        if training and keep_prob < 1:
            out, drop_cache = dropout_forward(out, keep_prob, rng, training=training)
        cache.append((a, norm_cache, z > 0, drop_cache))
        a = out
    w, b = model["layers"][-1]
    cache.append((a, None, None, None))
    return a @ w + b, cache


def backward(model, dz, cache):
    """Given. The gradients of a scalar L from dz = dL/dz: new arrays, in the order of `parameters`."""
    layer_grads, norm_grads = [], []
    for i in reversed(range(len(model["layers"]))):
        a, norm_cache, is_open, drop_cache = cache[i]
        if is_open is not None:
            if drop_cache is not None:
                dz = dropout_backward(dz, drop_cache)
            dz = dz * is_open
            if norm_cache is not None:
                dz, dgamma, dbeta = batch_norm_backward(dz, norm_cache)
                norm_grads = [dgamma, dbeta, *norm_grads]
        layer_grads = [a.T @ dz, dz.sum(axis=0), *layer_grads]
        dz = dz @ model["layers"][i][0].T
    return layer_grads + norm_grads


def cross_entropy(z, y):
    """Given. Mean cross-entropy of (n, k) logits z with labels y, in nats, and its gradient dz."""
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(y))
    dz = np.exp(log_p)
    dz[rows, y] -= 1
    return -float(log_p[rows, y].mean()), dz / len(y)
