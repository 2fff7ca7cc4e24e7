"""A small network in PyTorch, for tests of training checks: the reference."""

import torch
from torch import nn
from torch.nn import functional as F


def penalty(z):
    """The mean of log(1 + exp(z)), a tensor without axes; stable for |z| <= 1e3.   z : (n,) float tensor."""
    return F.softplus(z).mean()


def freeze(model, names):
    """Parameters whose name begins with one of `names` no longer train. Returns the model itself."""
    for name, parameter in model.named_parameters():
        if name.startswith(tuple(names)):
            parameter.requires_grad_(False)
    return model


def build():
    """A network from (n, 1, 8, 8) pictures to (n, 10) logits."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def train(model, x, y, *, epochs, device, seed, log=None):
    """Train the model in place, and return it.

    x : (n, 1, 8, 8) float32 tensor.   y : (n,) int64 tensor.
    log : called with epoch (from 1), loss (mean of the epoch) and accuracy (a share) after every epoch.
    """
    model.to(device).train()
    x, y = x.to(device), y.to(device)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in torch.randperm(len(x), generator=generator).to(device).split(32):
            optimizer.zero_grad()
            z = model(x[batch])
            loss = F.cross_entropy(z, y[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


def predict(model, x, *, device):
    """The most likely class of every picture, an (n,) int64 tensor on the CPU."""
    model.to(device).eval()
    with torch.no_grad():
        return model(x.to(device)).argmax(1).cpu()
