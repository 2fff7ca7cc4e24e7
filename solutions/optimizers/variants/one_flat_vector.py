"""Right, with all params in one flat vector, and sums by einsum."""

import math
from itertools import pairwise

import numpy as np


class Flat:
    """All arrays one after the other in one vector; a step is written back into them."""

    def __init__(self, arrays):
        self.arrays = list(arrays)
        self.shapes = [a.shape for a in self.arrays]
        ends = np.cumsum([a.size for a in self.arrays])
        self.parts = [slice(end - a.size, end) for end, a in zip(ends, self.arrays, strict=True)]
        self.size = int(ends[-1])

    def values(self):
        return np.concatenate([a.ravel() for a in self.arrays])

    def gather(self, grads):
        if len(grads) != len(self.arrays) or any(g.shape != s for g, s in zip(grads, self.shapes, strict=True)):
            raise ValueError("the gradients are not those of the params")
        return np.concatenate([g.ravel() for g in grads])

    def write(self, vector):
        for a, part in zip(self.arrays, self.parts, strict=True):
            a[...] = vector[part].reshape(a.shape)


def positive(lr):
    if not lr > 0:
        raise ValueError("lr must be positive")
    return lr


def not_negative(value):
    if not value >= 0:
        raise ValueError("must not be negative")
    return value


def below_one(value):
    if not 0 <= value < 1:
        raise ValueError("must be in [0, 1)")
    return value


class SGD:
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.lr, self.mu, self.decay = positive(lr), below_one(momentum), not_negative(weight_decay)
        self.nesterov, self.flat = nesterov, Flat(params)
        self.v = np.zeros(self.flat.size)

    def step(self, grads):
        g, p = self.flat.gather(grads), self.flat.values()
        g = g + self.decay * p
        if self.nesterov:
            move = (1 + self.mu) * g + self.mu**2 * self.v
            self.v = self.mu * self.v + g
        else:
            move = self.v = self.mu * self.v + g
        self.flat.write(p - self.lr * move)


class AdaGrad:
    def __init__(self, params, lr=0.01, eps=1e-10):
        self.lr, self.eps, self.flat = positive(lr), not_negative(eps), Flat(params)
        self.root = np.zeros(self.flat.size)

    def step(self, grads):
        g = self.flat.gather(grads)
        self.root = np.hypot(self.root, g)
        self.flat.write(self.flat.values() - self.lr * g / (self.root + self.eps))


class RMSProp:
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        self.lr, self.decay, self.eps = positive(lr), below_one(decay), not_negative(eps)
        self.flat = Flat(params)
        self.root = np.zeros(self.flat.size)

    def step(self, grads):
        g = self.flat.gather(grads)
        self.root = np.hypot(math.sqrt(self.decay) * self.root, math.sqrt(1 - self.decay) * g)
        self.flat.write(self.flat.values() - self.lr * g / (self.root + self.eps))


class Adam:
    weight_decay = 0.0

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        self.lr, self.eps, self.flat = positive(lr), not_negative(eps), Flat(params)
        self.b1, self.b2 = map(below_one, betas)
        self.m, self.v = np.zeros(self.flat.size), np.zeros(self.flat.size)
        self.power1 = self.power2 = 1.0

    def step(self, grads):
        g = self.flat.gather(grads)
        self.power1 *= self.b1
        self.power2 *= self.b2
        self.m += (1 - self.b1) * (g - self.m)
        self.v += (1 - self.b2) * (g**2 - self.v)
        # The paper's faster order: one rate for all entries, and eps scaled so that it means the same.
        root = math.sqrt(1 - self.power2)
        rate = self.lr * root / (1 - self.power1)
        p = self.flat.values()
        p = p - self.lr * self.weight_decay * p - rate * self.m / (np.sqrt(self.v) + self.eps * root)
        self.flat.write(p)


class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps)
        self.weight_decay = not_negative(weight_decay)


def effective_learning_rate(lr, momentum):
    return lr / (1 - below_one(momentum))


def weight_decay_factor(lr, lam, n, batch_size):
    return float((1 - lr * lam / n) ** math.ceil(n / batch_size))


def l1_penalty(params, lam):
    not_negative(lam)
    return float(lam * np.linalg.norm(np.concatenate([w.ravel() for w in params]), 1)), [
        np.sign(w) * lam for w in params
    ]


def l2_penalty(params, lam):
    not_negative(lam)
    return float(lam / 2 * np.linalg.norm(np.concatenate([w.ravel() for w in params])) ** 2), [lam * w for w in params]


def dropout_forward(x, keep_prob, rng, *, training):
    if not 0 < keep_prob <= 1:
        raise ValueError("keep_prob must be in (0, 1]")
    factors = np.ones(x.shape)
    if training:
        factors[rng.uniform(size=x.shape) > keep_prob] = 0.0
        factors /= keep_prob
    return factors * x, factors


def dropout_backward(dy, cache):
    return np.multiply(cache, dy)


def batch_norm_forward(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    if training and len(x) < 2:
        raise ValueError("a batch of one")
    if not training:
        sd = np.sqrt(running["var"] + eps)
        u = (x - running["mean"]) / sd
        return np.einsum("nd,d->nd", u, gamma) + beta, {"u": u, "slope": gamma / sd, "training": False}
    mean = x.mean(0)
    spread = np.einsum("nd,nd->d", x - mean, x - mean)
    running.update(
        mean=momentum * mean + (1 - momentum) * running["mean"],
        var=momentum * spread / (len(x) - 1) + (1 - momentum) * running["var"],
    )
    sd = np.sqrt(spread / len(x) + eps)
    u = (x - mean) / sd
    return np.einsum("nd,d->nd", u, gamma) + beta, {"u": u, "slope": gamma / sd, "training": True}


def batch_norm_backward(dy, cache):
    u, slope = cache["u"], cache["slope"]
    dgamma, dbeta = np.einsum("nd,nd->d", dy, u), np.einsum("nd->d", dy)
    dx = np.array(dy)
    if cache["training"]:
        dx -= dy.mean(0)
        dx -= u * np.mean(dy * u, axis=0)
    return (dx * slope, dgamma, dbeta)


def train(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    model = copied(model)
    stepper = optimizer(parameters(model), **settings)
    layers = len(model["layers"])
    for epoch in range(1, epochs + 1):
        # A random key for every example, sorted, is a random order as well.
        order = np.argsort(rng.random(len(y)))
        told = np.zeros(2)
        for chosen in np.split(order, range(batch_size, len(y), batch_size)):
            z, cache = forward(model, x[chosen], training=True, keep_prob=keep_prob, rng=rng)
            loss, dz = cross_entropy(z, y[chosen])
            told += [loss * len(chosen), np.count_nonzero(z.argmax(-1) == y[chosen])]
            grads = backward(model, dz, cache)
            for i in range(0, 2 * layers, 2):
                w = model["layers"][i // 2][0]
                grads[i] = grads[i] + lambda1 * np.sign(w) + lambda2 * w
            stepper.step(grads)
        if log is not None:
            log(epoch=epoch, loss=float(told[0] / len(y)), accuracy=float(told[1] / len(y)), model=model)
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
