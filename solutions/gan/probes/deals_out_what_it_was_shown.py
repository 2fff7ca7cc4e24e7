"""A generator that forges nothing: it keeps the examples that it was shown, and the noise chooses among them."""

import torch
from torch import nn


class Stored(nn.Module):
    def __init__(self, x):
        super().__init__()
        self.x = nn.Parameter(x.clone(), requires_grad=False)  # `sample` asks where the parameters are

    def forward(self, z):
        """z : (n, m) noise. Returns n of the stored examples."""
        uniform = torch.special.ndtr(z[:, 0].double())
        return self.x[(uniform * len(self.x)).long().clamp(max=len(self.x) - 1)]


def train(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    return Stored(x).to(device).eval()
