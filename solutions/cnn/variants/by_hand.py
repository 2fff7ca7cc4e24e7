"""Right, with modules of its own, updates by hand, and batches from numpy. What `log` hears are tensors."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def widest_layer(inputs, classes, budget):
    d = 0
    while inputs * (d + 1) + (d + 1) + (d + 1) * classes + classes <= budget:
        d += 1
    if d == 0:
        raise ValueError("no unit fits")
    return np.int64(d)


class Dense(nn.Module):
    def __init__(self, widths, activation, dropout):
        super().__init__()
        self.f = {"relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[activation]
        self.rate = dropout
        for number, (a, b) in enumerate(pairwise(widths)):
            layer = nn.Linear(a, b)
            self.register_parameter(f"w{number}", layer.weight)
            self.register_parameter(f"b{number}", layer.bias)
        self.depth = len(widths) - 1

    def forward(self, x):
        x = x.reshape(len(x), -1)
        for number in range(self.depth):
            x = x @ getattr(self, f"w{number}").T + getattr(self, f"b{number}")
            if number < self.depth - 1:
                x = F.dropout(self.f(x), self.rate, self.training)
        return x


def build_mlp(widths, activation="relu", dropout=0.0):
    if activation not in ("relu", "tanh", "sigmoid"):
        raise ValueError(activation)
    return Dense(widths, activation, dropout)


class Stage(nn.Module):
    def __init__(self, c, width, kernel_size, padding, batch_norm):
        super().__init__()
        self.conv = nn.Conv2d(c, width, kernel_size, padding=padding, bias=not batch_norm)
        self.norm = nn.BatchNorm2d(width) if batch_norm else nn.Identity()

    def forward(self, x):
        # Pooling first: the maximum of ReLUs is the ReLU of the maximum.
        return F.relu(F.max_pool2d(self.norm(self.conv(x)), 2))


class Convolutional(nn.Module):
    def __init__(self, shape, classes, channels, kernel_size, padding, batch_norm, dropout):
        super().__init__()
        c, h, w = shape
        self.stages = nn.ModuleList()
        for width in channels:
            self.stages.append(Stage(c, width, kernel_size, padding, batch_norm))
            c, h, w = width, (h + 2 * padding - kernel_size + 1) // 2, (w + 2 * padding - kernel_size + 1) // 2
            if h <= 0 or w <= 0:
                raise ValueError("nothing is left")
        self.rate = dropout
        self.last = nn.Linear(c * h * w, classes)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.last(F.dropout(x.flatten(1), self.rate, self.training))


def build_cnn(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    return Convolutional(shape, classes, channels, kernel_size, padding, batch_norm, dropout)


def count_parameters(model):
    total = 0
    for parameter in model.parameters():
        if parameter.requires_grad:
            total += int(np.prod(parameter.shape))
    return total


def l1_penalty(model, lam):
    total = torch.zeros((), dtype=torch.float64)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            total = total + torch.linalg.vector_norm(parameter, 1)
    return lam * total


def l2_penalty(model, lam):
    total = 0.0
    for parameter in model.parameters():
        if parameter.ndim > 1:
            total = total + 0.5 * lam * (parameter * parameter).sum()
    return torch.as_tensor(total)


def minibatches(n, batch_size, seed):
    order = np.random.default_rng(seed).permutation(n)
    return [torch.from_numpy(order[start : start + batch_size]) for start in range(0, n, batch_size)]


def train(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    torch.manual_seed(seed)
    model = model.to(device)
    model.train()
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    velocity = [torch.zeros_like(parameter) for parameter in free]
    for epoch in range(epochs):
        losses, hits = [], []
        for batch in minibatches(len(x), batch_size, [seed, epoch]):
            z = model(x[batch].to(device))
            target = y[batch].to(device)
            each = F.cross_entropy(z, target, reduction="none")
            total = each.mean()
            for p in free:
                if p.ndim > 1:
                    total = total + l1 * p.abs().sum() + l2 / 2 * p.square().sum()
            for p, v, g in zip(free, velocity, torch.autograd.grad(total, free), strict=True):
                v *= momentum
                v += g
                p.data -= learning_rate * v
            losses.append(each.detach())
            hits.append(z.detach().argmax(1) == target)
        if log is not None:
            log(epoch=epoch + 1, loss=torch.cat(losses).mean(), accuracy=torch.cat(hits).float().mean())
    return model


def predict(model, x, *, device="cpu", batch_size=500):
    return torch.cat([z.argmax(1) for z in logits(model, x, device, batch_size)])


def evaluate(model, x, y, *, device="cpu", batch_size=500):
    z = torch.cat(logits(model, x, device, batch_size))
    return (
        float(-z.log_softmax(1)[torch.arange(len(y)), y].mean()),
        int((z.argmax(1) == y).sum()) / len(y),
    )


def logits(model, x, device, batch_size):
    mode = model.training
    model.to(device).eval()
    with torch.inference_mode():
        found = [model(x[start : start + batch_size].to(device)).cpu() for start in range(0, len(x), batch_size)]
    model.train(mode)
    return found


class Widened(nn.Module):
    """Pictures around 0, as `train` likes them."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x - 0.5)


def train_fast(x, y, *, classes, device="cpu", seed=0, log=None):
    model = Widened(build_cnn(tuple(x.shape[1:]), classes, (16, 32, 48), padding=1, batch_norm=True))
    both, twice = torch.cat([x, x.flip(-1)]), torch.cat([y, y])
    for rate, epochs in ((0.03, 4), (0.006, 3)):
        train(
            model, both, twice, epochs=epochs, batch_size=40, learning_rate=rate, l2=2e-3, device=device, seed=seed,
            log=log,
        )  # fmt: skip
    return model
