"""The oracle of the hidden tests of `optimizers` agrees with torch, where torch is installed.

Grading itself never needs torch: the same submission must get the same verdict on every machine.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from loading import load

torch = pytest.importorskip("torch")

PATH = Path(__file__).resolve().parents[2] / "solutions" / "optimizers" / "test_hidden.py"


@pytest.fixture(scope="module")
def oracle():
    return load(PATH)


CASES = [
    ("SGD", {"lr": 0.1}, "SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.8}, "SGD", {"lr": 0.1, "momentum": 0.8}),
    (
        "SGD",
        {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.3},
        "SGD",
        {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.3},
    ),
    ("AdaGrad", {}, "Adagrad", {}),
    ("AdaGrad", {"lr": 0.2, "eps": 0.3}, "Adagrad", {"lr": 0.2, "eps": 0.3}),
    (
        "RMSProp",
        {"lr": 0.2, "decay": 0.7, "eps": 0.3},
        "RMSprop",
        {"lr": 0.2, "alpha": 0.7, "eps": 0.3},
    ),
    ("Adam", {}, "Adam", {}),
    (
        "Adam",
        {"lr": 0.2, "betas": (0.6, 0.7), "eps": 0.3},
        "Adam",
        {"lr": 0.2, "betas": (0.6, 0.7), "eps": 0.3},
    ),
    ("AdamW", {}, "AdamW", {}),
    (
        "AdamW",
        {"lr": 0.2, "betas": (0.6, 0.7), "eps": 0.3, "weight_decay": 0.4},
        "AdamW",
        {"lr": 0.2, "betas": (0.6, 0.7), "eps": 0.3, "weight_decay": 0.4},
    ),
]


@pytest.mark.parametrize(("name", "ours", "twin", "theirs"), CASES)
def test_paths_are_those_of_torch_optim(oracle, name, ours, twin, theirs):
    rng = np.random.default_rng(1)
    start = [rng.normal(size=shape) for shape in ((3, 4), (5,), (2, 1, 2))]
    steps = [[rng.normal(size=p.shape) for p in start] for _ in range(25)]
    params = [torch.tensor(p) for p in start]
    optimizer = getattr(torch.optim, twin)(params, **theirs)
    for grads, expected in zip(steps, oracle.oracle_path(name, ours, start, steps), strict=True):
        for p, g in zip(params, grads, strict=True):
            p.grad = torch.tensor(g)
        optimizer.step()
        for p, right in zip(params, expected, strict=True):
            np.testing.assert_allclose(right, p.numpy(), rtol=1e-10, atol=1e-12)


def test_batch_norm_is_torchs(oracle):
    rng = np.random.default_rng(2)
    x, dy = rng.normal(1, 3, (7, 4)), rng.normal(size=(7, 4))
    gamma, beta = rng.normal(size=4), rng.normal(size=4)
    mean, var = torch.tensor(rng.normal(size=4)), torch.tensor(rng.uniform(1, 2, 4))
    expected_mean = 0.7 * mean.numpy() + 0.3 * x.mean(axis=0)
    expected_var = 0.7 * var.numpy() + 0.3 * x.var(axis=0, ddof=1)
    t, g, b = (torch.tensor(a, requires_grad=True) for a in (x, gamma, beta))
    y = torch.nn.functional.batch_norm(t, mean, var, g, b, training=True, momentum=0.3, eps=0.2)
    y.backward(torch.tensor(dy))
    found = oracle.oracle_batch_norm(x, gamma, beta, 0.2, *oracle.oracle_statistics(x))
    np.testing.assert_allclose(found, y.detach().numpy(), rtol=1e-10)
    for ours, theirs in zip(oracle.oracle_batch_norm_backward(dy, x, gamma, 0.2), (t, g, b), strict=True):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-9, atol=1e-12)
    # What the docstring promises of running statistics is what torch does.
    np.testing.assert_allclose(mean.numpy(), expected_mean, rtol=1e-12)
    np.testing.assert_allclose(var.numpy(), expected_var, rtol=1e-12)
    y = torch.nn.functional.batch_norm(t, mean, var, g, b, training=False, eps=0.2)
    found = oracle.oracle_batch_norm(x, gamma, beta, 0.2, expected_mean, expected_var)
    np.testing.assert_allclose(found, y.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_training_steps_are_those_of_autograd(oracle, batch_norm):
    """Two steps of a network with two hidden layers, with both penalties on the weights alone."""
    rng = np.random.default_rng(3)
    model = oracle.oracle_model([3, 5, 4, 3], rng, batch_norm, neutral=False)
    x, y = rng.normal(size=(8, 3)), rng.integers(0, 3, 8)
    arguments = {"lr": 0.1, "betas": (0.6, 0.7), "eps": 0.3, "weight_decay": 0.4}
    trained = oracle.Oracle(model, "AdamW", arguments, 0.02, 0.03)
    layers = [[torch.tensor(a, requires_grad=True) for a in pair] for pair in model["layers"]]
    norms = [
        {name: torch.tensor(n[name], requires_grad=True) for name in ("gamma", "beta")}
        | {name: torch.tensor(n["running"][name]) for name in ("mean", "var")}
        for n in model["norms"]
    ]
    params = [p for pair in layers for p in pair] + [n[name] for n in norms for name in ("gamma", "beta")]
    optimizer = torch.optim.AdamW(params, **arguments)
    for _ in range(2):
        z = torch.tensor(x)
        for i, (w, b) in enumerate(layers):
            z = z @ w + b
            if i < len(layers) - 1:
                if norms:
                    n = norms[i]
                    z = torch.nn.functional.batch_norm(z, n["mean"], n["var"], n["gamma"], n["beta"], training=True)
                z = torch.relu(z)
        loss = torch.nn.functional.cross_entropy(z, torch.tensor(y))
        total = loss + sum(0.02 * w.abs().sum() + 0.015 * (w**2).sum() for w, _ in layers)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        told, right = trained.step(x, y)
        assert told / len(x) == pytest.approx(loss.item(), rel=1e-10)
        assert right == int((z.argmax(dim=1) == torch.tensor(y)).sum())
    found = trained.model()
    for pair, expected in zip(found["layers"], layers, strict=True):
        for ours, theirs in zip(pair, expected, strict=True):
            np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9, atol=1e-11)
    for ours, theirs in zip(found["norms"], norms, strict=True):
        for name in ("gamma", "beta"):
            np.testing.assert_allclose(ours[name], theirs[name].detach().numpy(), rtol=1e-9, atol=1e-11)
        for name in ("mean", "var"):
            np.testing.assert_allclose(ours["running"][name], theirs[name].numpy(), rtol=1e-9)
