"""Right, with the gradients of the penalties added by hand, lazily built layers, and a learning rate in two steps."""

import copy
import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn


def widest_layer(inputs, classes, budget):
    widest = math.floor((budget - classes) / (inputs + classes + 1))
    if widest <= 0:
        raise ValueError(f"budget {budget}")
    return widest


def build_mlp(widths, activation="relu", dropout=0.0):
    nonlinear = getattr(torch, activation) if activation in ("relu", "tanh", "sigmoid") else None
    if nonlinear is None:
        raise ValueError("relu, tanh or sigmoid")

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
            self.drop = nn.Dropout(dropout)

        def forward(self, x):
            *inner, last = self.layers
            h = torch.flatten(x, 1)
            for layer in inner:
                h = self.drop(nonlinear(layer(h)))
            return last(h)

    return Network()


def build_cnn(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    side = min(shape[1:])
    for _ in channels:
        side = (side + 2 * padding - kernel_size + 1) // 2
        if side < 1:
            raise ValueError("too many stages for so small a picture")
    parts = []
    for width in channels:
        parts.append(nn.LazyConv2d(width, kernel_size, padding=padding, bias=not batch_norm))
        parts.extend([nn.LazyBatchNorm2d()] if batch_norm else [])
        parts.extend([nn.ReLU(), nn.MaxPool2d(2)])
    model = nn.Sequential(*parts, nn.Flatten(), nn.Dropout(dropout), nn.LazyLinear(classes))
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, *shape))  # now the layers know their sizes
    return model.train()


def count_parameters(model):
    return sum(math.prod(p.shape) for p in filter(lambda p: p.requires_grad, model.parameters()))


def l1_penalty(model, lam):
    terms = [p.abs().sum() for p in model.parameters() if p.dim() > 1]
    return lam * torch.stack(terms).sum() if terms else torch.tensor(0.0)


def l2_penalty(model, lam):
    terms = [(p**2).sum() for p in model.parameters() if p.dim() > 1]
    return 0.5 * lam * torch.stack(terms).sum() if terms else torch.tensor(0.0)


def minibatches(n, batch_size, seed):
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed + 1))
    return tuple(order[i : i + batch_size].clone() for i in range(0, n, batch_size))


def train(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    torch.manual_seed(seed)
    model.to(device)
    model.train(True)
    memory = {}
    for epoch in range(1, epochs + 1):
        loss_sum = torch.zeros((), device=device)
        hits = torch.zeros((), device=device)
        for batch in minibatches(len(x), batch_size, 1000 * seed + epoch):
            a, b = x[batch].to(device), y[batch].to(device)
            z = model(a)
            loss = F.nll_loss(F.log_softmax(z, 1), b)
            model.zero_grad(set_to_none=True)
            loss.backward()
            with torch.no_grad():
                for p in model.parameters():
                    if not p.requires_grad:
                        continue
                    g = torch.zeros_like(p) if p.grad is None else p.grad
                    if p.dim() > 1:
                        g = g + l1 * torch.sign(p) + l2 * p
                    memory[p] = g if p not in memory else momentum * memory[p] + g
                    p -= learning_rate * memory[p]
            loss_sum += loss.detach() * len(b)
            hits += (z.argmax(1) == b).sum()
        if log is not None:
            log(epoch=epoch, loss=loss_sum.item() / len(x), accuracy=hits.item() / len(x))
    return model


def scores(model, x, device, batch_size):
    calm = copy.deepcopy(model).to(device).eval()
    with torch.no_grad():
        return torch.cat([calm(part.to(device)).cpu() for part in torch.split(x, batch_size)])


def predict(model, x, *, device="cpu", batch_size=500):
    return scores(model, x, device, batch_size).argsort(1, descending=True)[:, 0].contiguous()


def evaluate(model, x, y, *, device="cpu", batch_size=500):
    z = scores(model, x, device, batch_size).double()
    loss = (z.logsumexp(1) - z.gather(1, y[:, None])[:, 0]).mean()
    return loss.item(), torch.eq(z.argmax(1), y).sum().item() / len(y)


def train_fast(x, y, *, classes, device="cpu", seed=0, log=None):
    model = build_cnn(tuple(x.shape[1:]), classes, (16, 32, 32), padding=1, batch_norm=True)
    words = {"batch_size": 25, "l2": 1e-3, "device": device, "log": log}
    train(model, x, y, epochs=7, learning_rate=0.03, seed=seed, **words)
    return train(model, x, y, epochs=4, learning_rate=0.005, seed=seed + 1, **words)
