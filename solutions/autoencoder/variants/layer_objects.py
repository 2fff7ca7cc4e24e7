"""Right, with an object for every layer that keeps its input, updates in place on copies, and PCA by inner products."""

import math

import numpy as np


class Dense:
    """w and b, and what the backward pass needs: derivatives from the inputs of the activation."""

    def __init__(self, pair, last):
        self.w, self.b = pair
        self.last = last

    def forward(self, a):
        self.a = a
        self.z = a @ self.w + self.b
        if self.last:
            out = np.empty_like(self.z)
            positive = self.z > 0
            out[positive] = 1 / (1 + np.exp(-self.z[positive]))
            e = np.exp(self.z[~positive])
            out[~positive] = e / (1 + e)
            self.out = out
        else:
            self.out = self.z.clip(min=0)
        return self.out

    def backward(self, upstream):
        """At the kink of ReLU the derivative is 1, which is as good as 0."""
        slope = self.out * (1 - self.out) if self.last else (self.z >= 0) * 1.0
        delta = upstream * slope
        self.grads = (np.dot(self.a.T, delta), np.ones(len(delta)) @ delta)
        return np.dot(delta, self.w.T)


def network(params):
    return [Dense(pair, last=pair is params[-1]) for pair in params]


def initialize(widths, rng):
    widths = list(widths)
    depth = len(widths) - 1
    if depth < 2 or depth % 2 == 1:
        raise ValueError("there is no middle layer")
    if widths[0] != widths[depth] or not all(width >= 1 for width in widths):
        raise ValueError("widths do not make an autoencoder")
    params = []
    for i in range(depth):
        c = math.sqrt(6 / (widths[i] + widths[i + 1]))
        params.append((rng.random((widths[i], widths[i + 1])) * 2 * c - c, np.zeros((widths[i + 1],))))
    return params


def encode(x, params):
    for layer in network(params)[: len(params) // 2]:
        x = layer.forward(x)
    return x


def decode(code, params):
    for layer in network(params)[len(params) // 2 :]:
        code = layer.forward(code)
    return code


def reconstruct(x, params):
    for layer in network(params):
        x = layer.forward(x)
    return x


def loss_and_grads(x, params):
    layers = network(params)
    r = x
    for layer in layers:
        r = layer.forward(r)
    upstream = 2 * (r - x)
    for layer in layers[::-1]:
        upstream = layer.backward(upstream)
    return float(np.linalg.norm(r - x) ** 2), [layer.grads for layer in layers]


def checked(momentum):
    if not 0.0 <= momentum < 1.0:
        raise ValueError(f"momentum {momentum}")
    return momentum


def step_in_place(params, velocity, grads, learning_rate, momentum):
    for pair, m_pair, g_pair in zip(params, velocity, grads, strict=True):
        for p, m, g in zip(pair, m_pair, g_pair, strict=True):
            m *= checked(momentum)
            m -= learning_rate * g
            p += m


def copied(pairs):
    return [(w.copy(), b.copy()) for w, b in pairs]


def momentum_step(params, velocity, grads, *, learning_rate, momentum):
    params, velocity = copied(params), copied(velocity)
    step_in_place(params, velocity, grads, learning_rate, momentum)
    return params, velocity


def train(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    if batch_size < 1:
        raise ValueError("batches hold an image at least")
    params = copied(params)
    velocity = [(np.zeros_like(w), np.zeros_like(b)) for w, b in params]
    order = np.arange(len(x))
    for epoch in range(1, epochs + 1):
        rng.shuffle(order)
        seen, mean = 0, 0.0
        while seen < len(x):
            batch = x[order[seen : seen + batch_size]]
            loss, grads = loss_and_grads(batch, params)
            step_in_place(params, velocity, grads, learning_rate, momentum)
            seen += len(batch)
            mean += (loss - len(batch) * mean) / seen
        print(f"epoch {epoch}: {mean}")
        if log:
            log(loss=mean, epoch=epoch)
    return params


def psnr(a, b, *, peak=1.0):
    if a.shape != b.shape:
        raise ValueError("these cannot be compared")
    result = np.zeros(len(a))
    for i in range(len(a)):
        mse = sum((float(p) - float(q)) ** 2 for p, q in zip(a[i], b[i], strict=True)) / a.shape[1]
        result[i] = 10 * math.log10(peak * peak / mse) if mse > 0 else math.inf
    return result


def count_parameters(params):
    count = 0
    for w, _ in params:
        count += (w.shape[0] + 1) * w.shape[1]
    return count


def pca(x, k):
    """Eigenvectors of the n x n table of inner products, carried over to pixels; for few images the smaller problem."""
    n, d = x.shape
    if k not in range(1, min(n - 1, d) + 1):
        raise ValueError(f"k = {k}")
    mean = x.sum(axis=0) / n
    centred = x - mean
    _, vectors = np.linalg.eigh(centred @ centred.T)
    q, _ = np.linalg.qr(centred.T @ vectors[:, ::-1][:, :k])
    return mean, q.T.copy()


def pca_encode(x, mean, components):
    return x @ components.T - components @ mean


def pca_decode(code, mean, components):
    r = np.tile(mean, (len(code), 1))
    r += code @ components
    return r
