"""Optimizers that keep one record for each array, batch normalization, dropout and penalties."""

from itertools import pairwise

import numpy as np


def require(condition, words):
    if not condition:
        raise ValueError(words)


def matched(params, grads):
    """The pairs (array, gradient), after a look at all shapes."""
    require(len(params) == len(grads), "there must be one gradient for each array")
    for p, g in zip(params, grads):
        require(p.shape == np.shape(g), "a gradient has another shape than its array")
    return list(zip(params, grads))


class SGD:
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        require(lr > 0, "lr must be positive")
        require(0 <= momentum < 1, "momentum must be in [0, 1)")
        require(weight_decay >= 0, "weight_decay must not be negative")
        self.params, self.lr, self.momentum = params, lr, momentum
        self.nesterov, self.weight_decay = nesterov, weight_decay
        self.velocity = [np.zeros_like(p) for p in params]

    def step(self, grads):
        for index, (p, g) in enumerate(matched(self.params, grads)):
            g = g + self.weight_decay * p
            v = self.momentum * self.velocity[index] + g
            self.velocity[index] = v
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


class AdaGrad:
    def __init__(self, params, lr=0.01, eps=1e-10):
        require(lr > 0, "lr must be positive")
        require(eps >= 0, "eps must not be negative")
        self.params, self.lr, self.eps = params, lr, eps
        self.sums = [np.zeros_like(p) for p in params]

    def step(self, grads):
        for s, (p, g) in zip(self.sums, matched(self.params, grads)):
            s += g * g
            p -= self.lr * g / (np.sqrt(s) + self.eps)


class RMSProp:
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        require(lr > 0, "lr must be positive")
        require(0 <= decay < 1, "decay must be in [0, 1)")
        require(eps >= 0, "eps must not be negative")
        self.params, self.lr, self.decay, self.eps = params, lr, decay, eps
        self.means = [np.zeros_like(p) for p in params]

    def step(self, grads):
        for s, (p, g) in zip(self.means, matched(self.params, grads)):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / (np.sqrt(s) + self.eps)


def check_adam(lr, betas, eps):
    require(lr > 0, "lr must be positive")
    require(all(0 <= beta < 1 for beta in betas), "betas must be in [0, 1)")
    require(eps >= 0, "eps must not be negative")


class Adam:
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        check_adam(lr, betas, eps)
        self.params, self.lr, self.betas, self.eps = params, lr, tuple(betas), eps
        self.t = 0
        self.memory = [[np.zeros_like(p), np.zeros_like(p)] for p in params]

    def step(self, grads):
        work = matched(self.params, grads)
        self.t += 1
        beta1, beta2 = self.betas
        for moments, (p, g) in zip(self.memory, work):
            moments[0] = beta1 * moments[0] + (1 - beta1) * g
            moments[1] = beta2 * moments[1] + (1 - beta2) * g * g
            p -= self.lr * (moments[0] / (1 - beta1**self.t)) / (np.sqrt(moments[1] / (1 - beta2**self.t)) + self.eps)


class AdamW:
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        check_adam(lr, betas, eps)
        require(weight_decay >= 0, "weight_decay must not be negative")
        self.params, self.lr, self.betas, self.eps = params, lr, tuple(betas), eps
        self.weight_decay = weight_decay
        self.t = 0
        self.m = [0.0 * p for p in params]
        self.v = [0.0 * p for p in params]

    def step(self, grads):
        work = matched(self.params, grads)
        self.t += 1
        beta1, beta2 = self.betas
        for i, (p, g) in enumerate(work):
            self.m[i] = beta1 * self.m[i] + (1 - beta1) * g
            self.v[i] = beta2 * self.v[i] + (1 - beta2) * g**2
            m_hat = self.m[i] / (1 - beta1**self.t)
            v_hat = self.v[i] / (1 - beta2**self.t)
            p -= self.lr * (m_hat / (np.sqrt(v_hat) + self.eps) + self.weight_decay * p)


def effective_learning_rate(lr, momentum):
    require(0 <= momentum < 1, "momentum must be in [0, 1)")
    return lr / (1 - momentum)


def weight_decay_factor(lr, lam, n, batch_size):
    steps = (n + batch_size - 1) // batch_size
    return (1 - lr * lam / n) ** steps


def l1_penalty(params, lam):
    require(lam >= 0, "lam must not be negative")
    total, grads = 0.0, []
    for w in params:
        total += float(np.abs(w).sum())
        grads.append(lam * np.sign(w))
    return lam * total, grads


def l2_penalty(params, lam):
    require(lam >= 0, "lam must not be negative")
    total, grads = 0.0, []
    for w in params:
        total += float(np.square(w).sum())
        grads.append(lam * w)
    return lam * total / 2, grads


def dropout_forward(x, keep_prob, rng, *, training):
    require(0 < keep_prob <= 1, "keep_prob must be in (0, 1]")
    if not training:
        return x.copy(), None
    factors = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * factors, factors


def dropout_backward(dy, cache):
    return dy.copy() if cache is None else dy * cache


def batch_norm_forward(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    n = len(x)
    if training:
        require(n >= 2, "a batch needs two examples")
        mean = np.mean(x, axis=0)
        var = np.mean((x - mean) ** 2, axis=0)
        running["mean"] = running["mean"] + momentum * (mean - running["mean"])
        running["var"] = running["var"] + momentum * (var * n / (n - 1) - running["var"])
    else:
        mean, var = running["mean"], running["var"]
    scale = 1 / np.sqrt(var + eps)
    u = (x - mean) * scale
    return gamma * u + beta, {"u": u, "factor": gamma * scale, "training": training}


def batch_norm_backward(dy, cache):
    u, factor = cache["u"], cache["factor"]
    dbeta = dy.sum(axis=0)
    dgamma = (dy * u).sum(axis=0)
    if cache["training"]:
        dx = factor * (dy - dy.mean(axis=0) - u * (dy * u).mean(axis=0))
    else:
        dx = factor * dy
    return dx, dgamma, dbeta


def train(
    x,
    y,
    model,
    optimizer,
    settings,
    *,
    epochs,
    batch_size,
    rng,
    keep_prob=1.0,
    lambda1=0.0,
    lambda2=0.0,
    log=None,
):
    model = copied(model)
    mover = optimizer(parameters(model), **settings)
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(x))
        total, right = 0.0, 0
        for begin in range(0, len(x), batch_size):
            part = order[begin : begin + batch_size]
            z, cache = forward(model, x[part], training=True, keep_prob=keep_prob, rng=rng)
            loss, dz = cross_entropy(z, y[part])
            total += loss * len(part)
            right += int(np.sum(np.argmax(z, axis=1) == y[part]))
            grads = backward(model, dz, cache)
            weights = [w for w, _ in model["layers"]]
            l1_grads, l2_grads = l1_penalty(weights, lambda1)[1], l2_penalty(weights, lambda2)[1]
            for layer in range(len(weights)):
                grads[2 * layer] = grads[2 * layer] + l1_grads[layer] + l2_grads[layer]
            mover.step(grads)
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x), model=model)
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
