"""Right, with a base class, state in dicts, velocities that are steps, and backward passes node by node."""

from itertools import pairwise

import numpy as np


class Optimizer:
    def __init__(self, params, **options):
        self.params = params
        self.options = options
        self.state = {}
        for name, value in options.items():
            low, high = {"lr": (0, None), "momentum": (0, 1), "decay": (0, 1), "beta1": (0, 1), "beta2": (0, 1)}.get(
                name, (0, None)
            )
            if value < low or (high is not None and value >= high) or (name == "lr" and value == 0):
                raise ValueError(f"bad {name}: {value}")

    def step(self, grads):
        if [np.shape(g) for g in grads] != [p.shape for p in self.params]:
            raise ValueError("the gradients do not fit")
        for i in range(len(self.params)):
            memory = self.state.setdefault(i, {"t": 0})
            memory["t"] += 1
            self.params[i] += self.update(self.params[i], grads[i], memory)
        return self.params


class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)
        self.nesterov = nesterov

    def update(self, p, g, memory):
        lr, mu = self.options["lr"], self.options["momentum"]
        if self.options["weight_decay"] != 0:
            g = g + self.options["weight_decay"] * p
        if mu == 0:
            return -lr * g
        old = memory.get("v", 0.0)
        memory["v"] = mu * old - lr * g
        # Nesterov in terms of steps: v + (v - v_old) mu, with v_new = mu v_old - lr g
        return mu * memory["v"] - lr * g if self.nesterov else memory["v"]


class AdaGrad(Optimizer):
    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__(params, lr=lr, eps=eps)

    def update(self, p, g, memory):
        memory["s"] = memory.get("s", 0) + np.square(g)
        return -self.options["lr"] / (memory["s"] ** 0.5 + self.options["eps"]) * g


class RMSProp(Optimizer):
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr=lr, decay=decay, eps=eps)

    def update(self, p, g, memory):
        old = memory.get("s", 0.0)
        memory["s"] = old + (1 - self.options["decay"]) * (g**2 - old)
        return -self.options["lr"] * (g / (np.sqrt(memory["s"]) + self.options["eps"]))


class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr=lr, beta1=betas[0], beta2=betas[1], eps=eps)

    def update(self, p, g, memory):
        b1, b2, t = self.options["beta1"], self.options["beta2"], memory["t"]
        memory["m"] = b1 * memory.get("m", 0.0) + (1 - b1) * g
        memory["v"] = b2 * memory.get("v", 0.0) + (1 - b2) * g**2
        m, v = memory["m"] / (1 - b1**t), memory["v"] / (1 - b2**t)
        return -self.options["lr"] * m / (np.sqrt(v) + self.options["eps"])


class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        Optimizer.__init__(
            self, params, lr=lr, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=weight_decay
        )  # fmt: skip

    def update(self, p, g, memory):
        return super().update(p, g, memory) - self.options["lr"] * self.options["weight_decay"] * p


def effective_learning_rate(lr, momentum):
    if momentum < 0 or momentum >= 1:
        raise ValueError("momentum must be in [0, 1)")
    return np.float64(lr / (1 - momentum))


def weight_decay_factor(lr, lam, n, batch_size):
    steps = len(range(0, n, batch_size))
    return np.exp(steps * np.log1p(-lr * lam / n))


def l1_penalty(params, lam):
    if lam < 0:
        raise ValueError("negative lam")
    total, grads = 0.0, []
    for w in params:
        total += lam * np.sum(np.abs(w))
        grads.append(np.where(w > 0, lam, np.where(w < 0, -lam, 0.0)))
    return total, grads


def l2_penalty(params, lam):
    if lam < 0:
        raise ValueError("negative lam")
    return 0.5 * lam * np.sum([np.vdot(w, w) for w in params]), tuple(w * lam for w in params)


def dropout_forward(x, keep_prob, rng, *, training):
    if keep_prob <= 0 or keep_prob > 1:
        raise ValueError("bad keep_prob")
    if not training:
        return x, None
    mask = rng.binomial(1, keep_prob, size=x.shape)
    return x * mask / keep_prob, (mask, keep_prob)


def dropout_backward(dy, cache):
    if cache is None:
        return dy
    mask, keep_prob = cache
    return dy * mask / keep_prob


def batch_norm_forward(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    if not training:
        centred = x - running["mean"]
        inverse = 1.0 / np.sqrt(running["var"] + eps)
        return centred * inverse * gamma + beta, ("eval", centred * inverse, inverse * gamma)
    n = x.shape[0]
    if n == 1:
        raise ValueError("one example has no variance")
    mean = np.sum(x, axis=0) / n
    centred = x - mean
    var = np.sum(centred**2, axis=0) / n
    root = np.sqrt(var + eps)
    inverse = 1.0 / root
    running["mean"] *= 1 - momentum
    running["mean"] += momentum * mean
    running["var"] *= 1 - momentum
    running["var"] += momentum * (np.sum(centred**2, axis=0) / (n - 1))
    return gamma * (centred * inverse) + beta, ("train", centred, inverse, root, gamma.copy())


def batch_norm_backward(dy, cache):
    """Node by node, from y back to x."""
    if cache[0] == "eval":
        return dy * cache[2], (dy * cache[1]).sum(0), dy.sum(0)
    _, centred, inverse, root, gamma = cache
    n = len(dy)
    dbeta = dy.sum(axis=0)
    dgamma = (dy * centred * inverse).sum(axis=0)
    du = dy * gamma
    dinverse = (du * centred).sum(axis=0)
    dcentred = du * inverse
    dvar = 0.5 / root * (-1.0 / root**2) * dinverse
    dcentred = dcentred + 2.0 * centred * dvar / n
    dmean = -dcentred.sum(axis=0)
    return dcentred + dmean / n, dgamma, dbeta


def batches(x, y, size, rng):
    indices = np.arange(len(x))
    rng.shuffle(indices)
    while len(indices):
        yield x[indices[:size]], y[indices[:size]]
        indices = indices[size:]


def train(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    model = copied(model)
    stepper = optimizer(parameters(model), **settings)
    for epoch in range(epochs):
        total = hits = seen = 0
        for x_batch, y_batch in batches(x, y, batch_size, rng):
            z, cache = forward(model, x_batch, training=True, keep_prob=keep_prob, rng=rng)
            loss, dz = cross_entropy(z, y_batch)
            grads = backward(model, dz, cache)
            weights = [w for w, _ in model["layers"]]
            for i, (one, two) in enumerate(
                zip(l1_penalty(weights, lambda1)[1], l2_penalty(weights, lambda2)[1], strict=True)
            ):
                grads[2 * i] += one + two
            stepper.step(grads)
            total += loss * len(x_batch)
            hits += np.sum(np.argmax(z, axis=1) == y_batch)
            seen += len(x_batch)
        if log:
            log(epoch=epoch + 1, loss=total / seen, accuracy=hits / seen, model=model)
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
