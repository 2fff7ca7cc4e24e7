"""The oracle of `autoencoder`'s hidden tests agrees with torch: its autograd, its sigmoid, its SGD and its SVD.

The judge never needs torch, so that the same submission gets the same verdict everywhere; here the formulas that it
trusts are held against an implementation that is not ours.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from loading import load

torch = pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]
SHAPES = [[6, 3, 6], [5, 4, 2, 3, 5], [1, 1, 1], [4, 6, 5, 2, 3, 7, 4]]


@pytest.fixture(scope="module")
def hidden():
    """solutions/autoencoder/test_hidden.py, loaded by path as everything in a course is."""
    return load(ROOT / "solutions/autoencoder/test_hidden.py")


@pytest.fixture(params=[(widths, n) for widths in SHAPES for n in (1, 7)], ids=str)
def case(request):
    """(x, params) in numpy."""
    widths, n = request.param
    rng = np.random.default_rng([n, *widths])
    params = [(rng.normal(0, 0.8, shape), rng.normal(0.3, 0.7, shape[1])) for shape in pairwise(widths)]
    return rng.normal(0.5, 0.7, (n, widths[0])), params


def in_torch(params):
    return [[torch.tensor(part, requires_grad=True) for part in pair] for pair in params]


def torch_halves(x, params):
    """(code, reconstruction)."""
    a = torch.as_tensor(x)
    code = None
    for layer, (w, b) in enumerate(params, 1):
        z = torch.nn.functional.linear(a, w.T, b)
        a = torch.sigmoid(z) if layer == len(params) else torch.relu(z)
        if layer == len(params) // 2:
            code = a
    return code, a


def torch_loss(x, params):
    return torch.nn.functional.mse_loss(torch_halves(x, params)[1], torch.as_tensor(x), reduction="sum")


def test_codes_and_reconstructions_are_those_of_torch(hidden, case):
    x, params = case
    code, r = torch_halves(x, in_torch(params))
    np.testing.assert_allclose(hidden.oracle_encode(x, params)[0], code.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(hidden.oracle_reconstruct(x, params), r.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_loss_and_gradients_are_those_of_autograd(hidden, case):
    x, params = case
    theirs = in_torch(params)
    loss = torch_loss(x, theirs)
    loss.backward()
    assert hidden.oracle_loss(x, params) == pytest.approx(loss.item(), rel=1e-12)
    for mine, pair in zip(hidden.oracle_grads(x, params), theirs, strict=True):
        for grad, leaf in zip(mine, pair, strict=True):
            np.testing.assert_allclose(grad, leaf.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_momentum_takes_the_steps_of_torchs_sgd(hidden, case):
    """torch keeps m / -learning_rate; with one learning rate the params are the same."""
    x, params = case
    theirs = in_torch(params)
    optimizer = torch.optim.SGD([leaf for pair in theirs for leaf in pair], lr=0.01, momentum=0.8)
    velocity = hidden.at_rest(params)
    for _ in range(6):
        optimizer.zero_grad()
        torch_loss(x, theirs).backward()
        optimizer.step()
        params, velocity = hidden.oracle_momentum(params, velocity, hidden.oracle_grads(x, params), 0.01, 0.8)
    for pair, leaves in zip(params, theirs, strict=True):
        for mine, leaf in zip(pair, leaves, strict=True):
            np.testing.assert_allclose(mine, leaf.detach().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("peak", [1.0, 255.0])
def test_psnr_comes_from_torchs_mean_squared_error(hidden, peak):
    a, b = np.random.default_rng(3).random((2, 5, 11))
    mse = torch.nn.functional.mse_loss(torch.tensor(a), torch.tensor(b), reduction="none").mean(dim=1)
    expected = 10 * torch.log10(peak**2 / mse)
    np.testing.assert_allclose(hidden.oracle_psnr(a, b, peak), expected.numpy(), rtol=1e-12)


@pytest.mark.parametrize("shape", [(12, 5), (5, 12), (2, 1)], ids=str)
def test_components_are_torchs_singular_vectors(hidden, shape):
    x = np.random.default_rng(4).normal(2, 1, shape) * np.arange(1, shape[1] + 1)
    k = min(shape[0] - 1, shape[1])
    mean, components = hidden.oracle_pca(x, k)
    _, _, vt = torch.linalg.svd(torch.tensor(x - x.mean(axis=0)), full_matrices=False)
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(np.abs(components @ vt[:k].numpy().T), np.eye(k), atol=1e-8)
