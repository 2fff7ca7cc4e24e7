"""The oracle that grades `softmax` agrees with torch, and so does the reference: losses, gradients, steps, orders."""

from __future__ import annotations

import itertools
from math import factorial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loading import load

torch = pytest.importorskip("torch")
F = torch.nn.functional

SOLUTION = Path(__file__).resolve().parents[2] / "solutions" / "softmax"
oracle, reference = load(SOLUTION / "test_hidden.py"), load(SOLUTION / "softmax.py")
ANY_BATCH = st.one_of(
    oracle.batches(),
    oracle.batches(n=oracle.ONE),
    oracle.batches(k=oracle.ONE),
    oracle.far_batches(),
    oracle.far_batches(one_height=True),
)


@settings(max_examples=60, deadline=None)
@given(batch=ANY_BATCH)
def test_losses_and_gradients_are_those_of_torch(batch):
    z, y = batch
    leaf, labels = torch.tensor(z, requires_grad=True), torch.tensor(y)
    loss = F.cross_entropy(leaf, labels)
    loss.backward()
    room = {"rtol": 1e-9, "atol": oracle.rounding(z)}
    for mine in (oracle.oracle_log_softmax(z).astype(float), reference.log_softmax(z)):
        np.testing.assert_allclose(mine, F.log_softmax(leaf, 1).detach().numpy(), **room)
    for mine in (oracle.oracle_softmax(z), reference.softmax(z)):
        np.testing.assert_allclose(mine, F.softmax(leaf, 1).detach().numpy(), **room)
    for mine in (oracle.oracle_cross_entropy(z, y), reference.cross_entropy(z, y)):
        np.testing.assert_allclose(mine, loss.item(), **room)
    for mine in (oracle.oracle_gradient(z, y), reference.cross_entropy_grad(z, y)):
        np.testing.assert_allclose(mine, leaf.grad.numpy(), **room)


@settings(max_examples=12, deadline=None)
@given(
    data=st.one_of(oracle.training_sets(), oracle.training_sets(d=oracle.ONE)),
    rate=oracle.RATES,
    decay=oracle.DECAYS,
    epochs=st.integers(1, 4),
)
def test_gradient_descent_is_that_of_torch(data, rate, decay, epochs):
    x, y = data
    k = int(y.max()) + 1
    w, b = (torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in ((x.shape[1], k), (k,)))
    descent = torch.optim.SGD([{"params": [w], "weight_decay": decay}, {"params": [b]}], lr=rate)
    expected = oracle.start(x, y)
    for _ in range(epochs):
        descent.zero_grad()
        F.cross_entropy(torch.tensor(x) @ w + b, torch.tensor(y)).backward()
        descent.step()
        expected = oracle.oracle_step(x, y, expected, rate, decay)
    found = reference.softmax_regression(
        x, y, learning_rate=rate, epochs=epochs, batch_size=len(x), weight_decay=decay, rng=np.random.default_rng(0)
    )
    for mine in (expected, found):
        for part, leaf in zip(mine, (w, b), strict=True):
            np.testing.assert_allclose(part, leaf.detach().numpy(), rtol=1e-9, atol=1e-12)
    objective = F.cross_entropy(torch.tensor(x) @ w + b, torch.tensor(y)) + decay / 2 * (w**2).sum()
    np.testing.assert_allclose(oracle.oracle_objective(x, y, expected, decay), objective.item(), rtol=1e-9)


@pytest.mark.parametrize("n, size", [(3, 1), (4, 1), (3, 2), (4, 2), (5, 3), (4, 4), (3, 7)])
def test_every_cut_into_batches_is_taken_once(n, size):
    lengths = [min(size, n - first) for first in range(0, n, size)]
    ways = factorial(n)
    for length in lengths:
        ways //= factorial(length)  # of the orders within a batch, one
    found = oracle.cuts(n, size)
    assert len(found) == len(set(found)) == ways
    assert all(sorted(order) == list(range(n)) for order in found)


def test_ways_to_cut_four_examples_lead_far_apart():
    """So that the weights tell which way was taken, in each of two epochs."""
    ends = [np.append(w.ravel(), b) for (*_, (w, b)), _ in oracle.ways_to_train(*oracle.FOUR, 2, 0.5, 0.0, 2)]
    assert len(ends) == 36
    assert min(np.abs(one - other).max() for one, other in itertools.combinations(ends, 2)) > 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_orders_lead_to_weights_near_each_other(seed):
    """The bar of training on clouds has room for two, and none for a training that ends too early."""
    x, y = oracle.clouds(seed)

    def trained(order, epochs=20):
        rng = np.random.default_rng([seed, order])
        w, b = reference.softmax_regression(
            x, y, learning_rate=0.1, epochs=epochs, batch_size=32, weight_decay=1e-3, rng=rng
        )
        return np.append(w.ravel(), b)

    ours, too_early = trained(0), trained(1, epochs=16)
    far = [np.linalg.norm(trained(order) - ours) / np.linalg.norm(ours) for order in range(1, 6)]
    assert max(far) < oracle.NEAR / 2
    assert np.linalg.norm(too_early - ours) / np.linalg.norm(ours) > oracle.NEAR
