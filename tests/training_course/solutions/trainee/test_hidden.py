"""Hidden tests of trainee: every verb of training checks, and of tensors across the wire, at work."""

from dataclasses import dataclass

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autograder import datasets
from autograder.testing import (
    assert_close,
    assert_unchanged,
    check,
    lend,
    limits,
    points,
    snapshot,
    value_and_gradients,
)


@points(2, problem="functions")
@settings(max_examples=5)
@given(z=st.lists(st.sampled_from([-1e3, -2.0, 0.5, 3.0, 1e3]), min_size=1, max_size=6))
def test_penalty_has_the_gradient_of_a_sigmoid(student, z):
    """d penalty / dz = sigmoid(z) / n, also where exp(z) overflows; z stays as it is."""
    z = torch.tensor(z, dtype=torch.float64)
    before = snapshot(z)
    value, (gradient,) = value_and_gradients(student.penalty, z)
    assert_unchanged(z, before, what="z")
    assert_close(value, nn.functional.softplus(z).mean(), what="the penalty")
    assert_close(gradient, torch.sigmoid(z) / len(z), what="its gradient")


@points(1, problem="functions")
def test_frozen_layers_get_no_gradient(student):
    """freeze takes the named layers out of training, and only those; the model computes what it did."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.BatchNorm1d(4)), nn.Linear(4, 2)).eval()
    x = torch.randn(5, 3)
    lent = lend(student, model)
    expected = model(x)
    frozen = student.freeze(lent, ["0"])
    trains = [name for name, parameter in frozen.named_parameters() if parameter.requires_grad]
    check(trains == ["1.1.weight", "1.1.bias", "2.weight", "2.bias"], f"what trains is {trains}")
    assert_close(frozen(x), expected, what="the model's answer", rtol=1e-5)
    assert_close(dict(frozen.state_dict()), dict(model.state_dict()), what="its state")


@dataclass
class Profile:
    """The settings of one kind of device."""

    epochs: int
    bar: float  # percent; of the reference, over seeds: see `deepgrade calibrate`
    ratio: float  # times the reference's seconds


PROFILES = {"cpu": Profile(8, 85.0, 3.0), "gpu": Profile(40, 90.0, 3.0)}


@dataclass
class Data:
    """What a training gets, and what only the judge keeps: `labels`."""

    x: torch.Tensor
    y: torch.Tensor
    held_out: torch.Tensor
    labels: torch.Tensor


def pictures(data):
    return torch.from_numpy(data.x).float().reshape(-1, 1, 8, 8)


def digits(seed, permuted=False):
    train, valid = datasets.digits("train"), datasets.digits("valid")
    generator = torch.Generator().manual_seed(seed)
    order, other = torch.randperm(len(train), generator=generator), torch.randperm(len(valid), generator=generator)
    y, labels = torch.from_numpy(train.y)[order], torch.from_numpy(valid.y)[other]
    if permuted:
        y = y[torch.randperm(len(y), generator=generator)]
    return Data(pictures(train)[order], y, pictures(valid)[other], labels)


def noise(seed):
    """As digits are, but nothing can be learned from it."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(64, 1, 8, 8, generator=generator)
    return Data(x, torch.randint(10, (64,), generator=generator), x, torch.zeros(64))


def reading(epochs):
    def work(module, data, *, device, seed, log):
        model = module.train(module.build(), data.x, data.y, epochs=epochs, device=device, seed=seed, log=log)
        return module.predict(model, data.held_out, device=device)

    return work


def percent_right(data, answer):
    check(
        type(answer) is torch.Tensor and answer.shape == data.labels.shape, "predict has another shape", "wrong_shape"
    )
    return 100 * float((answer == data.labels).double().mean())


@points(4, problem="training")
@limits(seconds=20, test_seconds=60)
def test_the_network_reads_digits(training):
    """Trained on 1,197 digits, the network reads 300 others, about as fast as the reference does."""
    profile = training.profile(**PROFILES)
    training.run(reading(profile.epochs), digits, percent_right, warm_up=noise, title="Learning curve, 8x8 digits")
    training.reaches(profile.bar, name="accuracy on 300 held-out digits")
    training.keeps_pace(profile.ratio)


@points(2, problem="training")
@limits(seconds=20, test_seconds=60)
def test_nothing_is_learned_from_permuted_labels(training):
    """Trained on labels that were dealt out anew, the network reads no better than by chance."""
    profile = training.profile(**PROFILES)
    training.run(reading(profile.epochs), lambda seed: digits(seed, permuted=True), percent_right, warm_up=noise)
    training.stays_below(30.0, name="accuracy on true labels")
