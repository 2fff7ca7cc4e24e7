"""The oracle of `backprop`'s hidden tests agrees with torch: its autograd, its cross-entropy and its SGD.

The judge never needs torch, so that the same submission gets the same verdict everywhere; here the formulas that it
trusts are held against an implementation that is not ours.
"""

from __future__ import annotations

from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pytest
from loading import load

torch = pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]
THEIRS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "identity": lambda x: x}


@pytest.fixture(scope="module")
def hidden():
    """solutions/backprop/test_hidden.py, loaded by path as everything in a course is."""
    return load(ROOT / "solutions/backprop/test_hidden.py")


@pytest.fixture(params=[(widths, n) for widths in ([4, 3], [3, 1, 5], [5, 4, 2, 3, 6]) for n in (1, 6)], ids=str)
def net(request, hidden):
    """A network of the hidden tests; its activation is put in by each test."""
    widths, n = request.param
    rng = np.random.default_rng([n, *widths])
    params = [(rng.normal(0, 0.8, shape), rng.normal(0.2, 0.7, shape[1])) for shape in pairwise(widths)]
    x, dz = rng.normal(0, 1.5, (n, widths[0])), rng.normal(0, 2, (n, widths[-1]))
    return hidden.Network(x, params, "", dz, rng.integers(0, widths[-1], n))


def in_torch(params):
    return [[torch.tensor(part, requires_grad=True) for part in pair] for pair in params]


def torch_forward(x, params, activation):
    for w, b in params[:-1]:
        x = THEIRS[activation](torch.nn.functional.linear(x, w.T, b))
    w, b = params[-1]
    return torch.nn.functional.linear(x, w.T, b)


@pytest.mark.parametrize("activation", THEIRS)
def test_logits_and_gradients_are_those_of_autograd(hidden, net, activation):
    x, params = torch.tensor(net.x, requires_grad=True), in_torch(net.params)
    z = torch_forward(x, params, activation)
    z.backward(torch.tensor(net.dz))
    found, _ = hidden.oracle_forward(net.x, net.params, activation)
    np.testing.assert_allclose(found, z.detach().numpy(), rtol=1e-12, atol=1e-12)
    grads, dx = hidden.oracle_backward(net.dz, net.x, net.params, activation)
    np.testing.assert_allclose(dx, x.grad.numpy(), rtol=1e-10, atol=1e-12)
    for mine, pair in zip(grads, params, strict=True):
        for grad, leaf in zip(mine, pair, strict=True):
            np.testing.assert_allclose(grad, leaf.grad.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 4000.0])
def test_the_loss_is_that_of_torch(hidden, net, scale):
    z = torch.tensor(scale * net.dz, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(z, torch.tensor(net.y), reduction="sum")
    loss.backward()
    found, dz = hidden.oracle_loss(scale * net.dz, net.y)
    assert found == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(dz, z.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_an_epoch_takes_the_steps_of_torchs_sgd(hidden, net):
    batches = [range(start, min(start + 2, len(net.x))) for start in range(0, len(net.x), 2)]
    params = in_torch(net.params)
    optimizer = torch.optim.SGD([leaf for pair in params for leaf in pair], lr=0.02)
    total, right = 0.0, 0
    for rows in map(list, batches):
        optimizer.zero_grad()
        z = torch_forward(torch.tensor(net.x[rows]), params, "tanh")
        loss = torch.nn.functional.cross_entropy(z, torch.tensor(net.y[rows]), reduction="sum")
        loss.backward()
        optimizer.step()
        total, right = total + loss.item(), right + int((z.argmax(dim=1).numpy() == net.y[rows]).sum())
    found, loss, share = hidden.oracle_epoch(net._replace(activation="tanh"), net.params, batches, 0.02)
    assert (loss, share) == (pytest.approx(total / len(net.x), rel=1e-12), right / len(net.x))
    for mine, pair in zip(found, params, strict=True):
        for part, leaf in zip(mine, pair, strict=True):
            np.testing.assert_allclose(part, leaf.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("n", "batch_size", "count"), [(3, 1, 6), (3, 2, 3), (4, 2, 6), (4, 3, 4)])
def test_ways_to_cut_an_epoch_are_all_there_once(hidden, n, batch_size, count):
    ways = hidden.partitions(n, batch_size)
    assert len(ways) == len(set(ways)) == count
    orders = [hidden.cut(order, batch_size) for order in permutations(range(n))]
    assert {tuple(tuple(sorted(batch)) for batch in order) for order in orders} == set(ways)


@pytest.mark.parametrize("w", [4.5, 6.9, 20.0, 300.0])
def test_the_width_by_bisection_is_its_formula(hidden, w):
    formula = 2 / w * np.log(w * (1 + np.sqrt(1 - 4 / w)) / 2 - 1)
    assert hidden.oracle_width(w) == pytest.approx(formula, rel=1e-9)
