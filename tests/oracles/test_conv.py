"""The oracle that grades `conv` agrees with torch, and so does the reference: shapes, strides, paddings, gradients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loading import load

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
F = torch.nn.functional

SOLUTION = Path(__file__).resolve().parents[2] / "solutions" / "conv"
oracle, reference = load(SOLUTION / "test_hidden.py"), load(SOLUTION / "conv.py")
BATCH = st.integers(0, 3)  # torch takes empty batches as well
ANY_CASE = st.one_of(
    oracle.cases(n=BATCH, c=BATCH.map(lambda n: n or 1), k=BATCH.map(lambda n: n or 1)),
    *(
        oracle.cases(n=BATCH, **edge)
        for edge in (oracle.APART, oracle.UNPADDED, oracle.TORN, oracle.ONE_ENTRY, oracle.ONE_PLACE)
    ),
)
ANY_POOL = st.one_of(oracle.OTHER_STRIDES, oracle.POOLS_APART, oracle.ONE_MAP, oracle.ONE_WINDOW, oracle.pools())
ANY_NETWORK = st.one_of(oracle.networks(), oracle.NETWORKS_APART, oracle.SMALL_NETWORKS)


def close(found, wanted: torch.Tensor | None) -> None:
    assert wanted is not None
    np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-10, atol=1e-10, strict=True)


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.tensor(array, requires_grad=True) for array in arrays]


@settings(max_examples=60, deadline=None)
@given(case=ANY_CASE)
def test_convolution_is_that_of_torch(case):
    x, w, b = leaves = tensors(case.x, case.w, case.b)
    out = F.conv2d(x, w, b, stride=case.stride, padding=case.padding)
    out.backward(torch.tensor(case.dout))
    found, cache = reference.conv2d_forward(*case[:5])
    for mine in (found, oracle.oracle_conv(*case[:5])):
        close(mine, out)
    for mine in (
        reference.conv2d_backward(case.dout, cache),
        oracle.oracle_conv_backward(case.dout, case.x, case.w, case.stride, case.padding),
    ):
        for gradient, leaf in zip(mine, leaves, strict=True):
            close(gradient, leaf.grad)


@pytest.mark.parametrize(
    "kind, theirs, name",
    [(np.max, F.max_pool2d, "max"), (np.mean, F.avg_pool2d, "avg")],
    ids=["max", "mean"],
)
@settings(max_examples=60, deadline=None)
@given(pool=ANY_POOL)
def test_pooling_is_that_of_torch(kind, theirs, name, pool):
    (x,) = tensors(pool.x)
    out = theirs(x, pool.window, stride=pool.stride)
    out.backward(torch.tensor(pool.dout))
    found, cache = getattr(reference, f"{name}_pool_forward")(pool.x, pool.window, pool.stride)
    for mine in (found, oracle.oracle_pool(kind, pool.x, pool.window, pool.stride)):
        close(mine, out)
    for mine in (
        getattr(reference, f"{name}_pool_backward")(pool.dout, cache),
        oracle.oracle_pool_backward(kind, pool.dout, pool.x, pool.window, pool.stride),
    ):
        close(mine, x.grad)


def torch_logits(x: torch.Tensor, params: list[torch.Tensor]) -> torch.Tensor:
    for w, b in zip(params[0:4:2], params[1:4:2], strict=True):
        padding = (w.shape[2] // 2, w.shape[3] // 2)
        x = F.max_pool2d(F.relu(F.conv2d(x, w, b, padding=padding)), 2, 2)
    return x.flatten(1) @ params[4] + params[5]


@settings(max_examples=40, deadline=None)
@given(net=ANY_NETWORK)
def test_the_network_is_that_of_torch(net):
    params = tensors(*(part for pair in net.params for part in pair))
    z = torch_logits(torch.tensor(net.x), params)
    z.backward(torch.tensor(net.dz))
    found, cache = reference.forward(net.x, net.params)
    for mine in (found, oracle.oracle_forward(net.x, net.params)[0]):
        close(mine, z)
    for mine in (reference.backward(net.dz, cache), oracle.oracle_backward(net.dz, net.x, net.params)):
        for gradient, leaf in zip((part for pair in mine for part in pair), params, strict=True):
            close(gradient, leaf.grad)


@settings(max_examples=20, deadline=None)
@given(net=ANY_NETWORK, rate=st.floats(0.01, 0.5), seed=st.integers(0, 99))
def test_a_step_is_that_of_torch(net, rate, seed):
    y = np.random.default_rng(seed).integers(0, net.dz.shape[1], len(net.x))
    params = tensors(*(part for pair in net.params for part in pair))
    z = torch_logits(torch.tensor(net.x), params)
    loss = F.cross_entropy(z, torch.tensor(y))
    loss.backward()
    stepped, loss_sum, right = oracle.oracle_step(net.x, y, net.params, rate)
    trained = reference.train(
        net.x, y, net.params, learning_rate=rate, epochs=1, batch_size=len(y), rng=np.random.default_rng(0)
    )
    assert right == int((z.argmax(dim=1) == torch.tensor(y)).sum())
    np.testing.assert_allclose(loss_sum, len(y) * loss.item(), rtol=1e-9, atol=1e-12)  # of a loss near 0
    for mine in (stepped, trained):
        for part, leaf in zip((part for pair in mine for part in pair), params, strict=True):
            close(part, leaf - rate * leaf.grad)
