"""Hidden tests of `cnn`. Their docstrings are the sentences that students read."""

import itertools
import math
from dataclasses import dataclass

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from autograder import datasets
from autograder.testing import (
    assert_close,
    assert_equal,
    assert_raises,
    assert_unchanged,
    check,
    lend,
    limits,
    needs,
    points,
    sizes,
    snapshot,
    value_and_gradients,
)

FEW, SOME = settings(max_examples=8), settings(max_examples=20)
SEEDS = st.integers(0, 2**31 - 1)
NEAR = {"rtol": 1e-4, "atol": 1e-5}  # float32, some dozens of terms, in whatever order they are summed
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


def numbers(seed, *shape, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def parameters(model):
    """The student's parameters as tensors, in their order."""
    return [parameter.detach() for parameter in model.parameters()]


def shapes(tensors):
    return [tuple(tensor.shape) for tensor in tensors]


# ----------------------------------------------------------------------------------------------------------- builders


@points(2, problem="builders")
@given(inputs=sizes(1, 900), classes=sizes(1, 40), width=sizes(1, 300), spare=st.floats(0, 0.999))
def test_the_widest_layer_fits_and_no_wider_one(student, inputs, classes, width, spare):
    """widest_layer is the greatest width whose weights and biases fit the budget; ValueError where none fits."""
    one = inputs + 1 + classes
    budget = width * one + classes + int(spare * one)
    assert_equal(student.widest_layer(inputs, classes, budget), width, what="the width")
    with assert_raises(ValueError, what="a budget too small for one unit"):
        student.widest_layer(inputs, classes, classes + one - 1)


@points(5, problem="builders")
@SOME
@given(
    seed=SEEDS,
    widths=st.lists(sizes(1, 9), min_size=2, max_size=5),
    n=sizes(1, 5),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
)
def test_an_mlp_is_its_formula(student, seed, widths, n, activation):
    """Linear layers of the given widths with the activation between them, and nothing after the last; weights, then
    bias, layer by layer."""
    model = student.build_mlp(widths, activation)
    own = parameters(model)
    expected = [shape for a, b in itertools.pairwise(widths) for shape in ((b, a), (b,))]
    assert_equal(shapes(own), expected, what="the shapes of the parameters")
    x = 2 * numbers(seed, n, widths[0])
    z = x
    for place in range(0, len(own), 2):
        z = z @ own[place].T + own[place + 1]
        if place + 2 < len(own):
            z = ACTIVATIONS[activation](z)
    assert_close(model(x), z, what="the logits", **NEAR)


@points(2, problem="builders")
@FEW
@given(seed=SEEDS, n=sizes(1, 4), c=sizes(1, 3), h=sizes(1, 4), w=sizes(1, 4))
def test_an_mlp_takes_pictures(student, seed, n, c, h, w):
    """An MLP takes (n, c, h, w) pictures, and computes what it does of the same numbers in rows."""
    model = student.build_mlp([c * h * w, 5, 3], "tanh")
    x = numbers(seed, n, c, h, w)
    z = model(x)
    check(tuple(z.shape) == (n, 3), f"the logits have shape {tuple(z.shape)}, expected {(n, 3)}", "wrong_shape")
    assert_close(z, model(x.reshape(n, -1)), what="the logits", **NEAR)


@points(1, problem="builders")
def test_an_unknown_activation_is_an_error(student):
    """An activation that is not one of the three raises ValueError."""
    with assert_raises(ValueError, what="build_mlp([2, 2, 2], 'swish')"):
        student.build_mlp([2, 2, 2], "swish")


def assert_drops(model, x, own_logits, dropout):
    """In train mode the logits are random with the right mean; in eval mode they are those without dropout."""
    model.eval()
    calm = model(x)
    assert_close(calm, own_logits, what="the logits in eval mode", **NEAR)
    model.train()
    noisy = model(x)
    check(not torch.allclose(noisy, calm, rtol=1e-3, atol=1e-3), "in train mode nothing is dropped")
    check(not bool((noisy == 0).any()), "logits are dropped; dropout belongs before the last layer")


@points(2, problem="builders")
@needs("test_an_mlp_is_its_formula")
@FEW
@given(seed=SEEDS, dropout=st.sampled_from([0.2, 0.7]))
def test_dropout_stands_behind_each_hidden_layer(student, seed, dropout):
    """With dropout p, each hidden unit becomes 0 with probability p after the activation, else 1 / (1 - p) times as
    large; logits are never dropped, and in eval mode nothing is."""
    widths = [3, 4000, 2]
    model = student.build_mlp(widths, "sigmoid", dropout)
    w1, b1, w2, b2 = parameters(model)
    x = numbers(seed, 1, 3).repeat(2, 1)
    hidden = torch.sigmoid(x @ w1.T + b1)
    assert_drops(model, x, hidden @ w2.T + b2, dropout)
    # The second layer's weights are made 1, so that a logit is the sum of what is left of 4,000 units.
    state = dict(model.state_dict())
    name = [key for key, value in state.items() if tuple(value.shape) == (2, 4000)]
    check(len(name) == 1, "the last weight is not in the state dict", "wrong_type")
    state[name[0]] = torch.ones(2, 4000)
    model.load_state_dict(state)
    left = (model(x)[0, 0] - b2[0]) / hidden[0].sum()
    deviation = math.sqrt(dropout / (1 - dropout)) * float(hidden[0].square().sum().sqrt() / hidden[0].sum())
    check(
        abs(float(left) - 1) <= 6 * deviation,
        f"on average {float(left):.3f} of the units' sum is left, expected 1 within {6 * deviation:.3f}",
    )


@points(2, problem="builders")
@FEW
@given(dropout=st.sampled_from([0.0, 0.5]), hidden=sizes(1, 3))
def test_without_hidden_layers_or_dropout_nothing_is_random(student, dropout, hidden):
    """With dropout 0, or without a hidden layer, two passes in train mode are equal."""
    widths = [4, 3] if dropout else [4, *[5] * hidden, 3]
    model = student.build_mlp(widths, "relu", dropout)
    model.train()
    x = numbers(hidden, 6, 4)
    assert_close(model(x), model(x), what="the second pass", **NEAR)


@st.composite
def cnns(draw):
    """Arguments of build_cnn for which every stage leaves something."""
    kernel_size = draw(st.integers(1, 4))
    padding = draw(st.integers(0, kernel_size // 2))
    channels = draw(st.lists(st.integers(1, 4), min_size=1, max_size=2))
    least = 1
    for _ in channels:
        least = 2 * least + kernel_size - 1 - 2 * padding
    least = max(1, least)
    shape = (draw(st.integers(1, 3)), draw(st.integers(least, least + 4)), draw(st.integers(least, least + 4)))
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": draw(st.booleans())}
    return shape, draw(st.integers(2, 5)), channels, words


def expected_shapes(shape, classes, channels, words):
    c, h, w = shape
    found = []
    for width in channels:
        found += [(width, c, words["kernel_size"], words["kernel_size"]), (width,)]
        if words["batch_norm"]:
            found.append((width,))  # gamma and beta in place of a bias
        c, (h, w) = width, ((side + 2 * words["padding"] - words["kernel_size"] + 1) // 2 for side in (h, w))
    return [*found, (classes, c * h * w), (classes,)]


def oracle_cnn(x, own, stages, words, running=None):
    """The logits; batch norm by the batch's statistics, or by the running ones."""
    own, z = list(own), x
    for stage in range(stages):
        kernel = own.pop(0)
        if words["batch_norm"]:
            z = F.conv2d(z, kernel, padding=words["padding"])
            mean, var = (z.mean((0, 2, 3)), z.var((0, 2, 3), correction=0)) if running is None else running[stage]
            gamma, beta = own.pop(0), own.pop(0)
            z = (z - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()
            z = gamma[:, None, None] * z + beta[:, None, None]
        else:
            z = F.conv2d(z, kernel, own.pop(0), padding=words["padding"])
        z = F.max_pool2d(torch.relu(z), 2)
    return z.flatten(1) @ own[0].T + own[1]


@points(3, problem="builders")
@SOME
@given(arguments=cnns())
def test_a_cnn_has_the_parameters_of_its_stages(student, arguments):
    """Each stage has a kernel and a bias, or kernel, gamma and beta with batch norm; then comes the linear layer."""
    shape, classes, channels, words = arguments
    model = student.build_cnn(shape, classes, channels, **words)
    assert_equal(shapes(parameters(model)), expected_shapes(*arguments), what="the shapes of the parameters")


@points(5, problem="builders")
@needs("test_a_cnn_has_the_parameters_of_its_stages")
@SOME
@given(seed=SEEDS, arguments=cnns(), n=sizes(2, 4))
def test_a_cnn_is_its_formula(student, seed, arguments, n):
    """Convolution, batch norm where asked for, ReLU, 2x2 max pooling, stage by stage; then a linear layer."""
    shape, classes, channels, words = arguments
    model = student.build_cnn(shape, classes, channels, **words)
    model.train()
    x = 3 * numbers(seed, n, *shape)
    expected = oracle_cnn(x, parameters(model), len(channels), words)
    assert_close(model(x), expected, what="the logits in train mode", rtol=1e-3, atol=1e-3)


@points(2, problem="builders")
@needs("test_a_cnn_is_its_formula")
@FEW
@given(seed=SEEDS, n=sizes(2, 4))
def test_in_eval_mode_batch_norm_uses_running_statistics(student, seed, n):
    """In eval mode a batch normalised network treats every picture by itself, by statistics kept while it trained."""
    words = {"kernel_size": 3, "padding": 1, "batch_norm": True}
    model = student.build_cnn((2, 6, 5), 3, [3, 2], **words)
    x = 2 + 3 * numbers(seed, n, 2, 6, 5)
    model.train()
    for _ in range(3):
        model(x)
    model.eval()
    state = dict(model.state_dict())
    means = [value for key, value in state.items() if key.endswith("running_mean")]
    variances = [value for key, value in state.items() if key.endswith("running_var")]
    check(len(means) == len(variances) == 2, "there are no running statistics of two batch norms", "wrong_type")
    running = list(zip(means, variances, strict=True))
    expected = oracle_cnn(x, parameters(model), 2, words, running)
    assert_close(model(x), expected, what="the logits in eval mode", rtol=1e-3, atol=1e-3)
    assert_close(model(x[:1]), expected[:1], what="the logits of one picture alone", rtol=1e-3, atol=1e-3)


@points(2, problem="builders")
@needs("test_a_cnn_is_its_formula")
@FEW
@given(seed=SEEDS)
def test_dropout_in_a_cnn_stands_before_the_last_layer(student, seed):
    """With dropout, what the last layer sees is dropped in train mode; nothing is in eval mode, and no logits."""
    words = {"kernel_size": 3, "padding": 1, "batch_norm": False}
    model = student.build_cnn((1, 8, 8), 3, [4, 16], dropout=0.5, kernel_size=3, padding=1)
    x = 3 * numbers(seed, 2, 1, 8, 8)
    assert_drops(model, x, oracle_cnn(x, parameters(model), 2, words), 0.5)


@points(1, problem="builders")
def test_a_stage_that_leaves_no_pixel_is_an_error(student):
    """build_cnn raises ValueError if a stage would leave no pixel of a side, and only then."""
    for shape in ((1, 9, 20), (1, 20, 9)):
        with assert_raises(ValueError, what=f"build_cnn({shape}, 2, [2, 2])"):
            student.build_cnn(shape, 2, [2, 2])
    z = student.build_cnn((1, 10, 11), 2, [2, 2])(torch.zeros(1, 1, 10, 11))
    check(tuple(z.shape) == (1, 2), "a picture of 10x11 leaves one pixel after two stages", "wrong_shape")


@points(3, problem="builders")
@FEW
@given(a=sizes(1, 6), b=sizes(1, 6), frozen=st.sets(st.sampled_from(["0.weight", "0.bias", "1.weight", "3.bias"])))
def test_only_what_is_trained_is_counted(student, a, b, frozen):
    """count_parameters counts what requires a gradient: no frozen parameters, and no running statistics."""
    model = nn.Sequential(nn.Linear(a, b), nn.BatchNorm1d(b), nn.Tanh(), nn.Linear(b, 2))
    expected = 0
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
        expected += 0 if name in frozen else math.prod(parameter.shape)
    found = student.count_parameters(lend(student, model))
    check(type(found) is int, f"count_parameters returned a {type(found).__name__}, expected an int", "wrong_type")
    assert_equal(found, expected, what="the number of parameters")


# ---------------------------------------------------------------------------------------------------------- penalties


def network(seed, dtype=torch.float64):
    torch.manual_seed(seed)
    layers = [nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)]
    model = nn.Sequential(*layers).to(dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3)  # no gamma is 1, no beta 0
    return model


LAMBDAS = st.just(0.0) | st.floats(1e-6, 3)  # a subnormal penalty has no digits to compare


@points(4, problem="penalties")
@SOME
@given(seed=SEEDS, lam=LAMBDAS)
def test_l1_is_the_sum_of_absolute_weights(student, seed, lam):
    """l1_penalty is lam sum |w| over kernels and weight matrices alone, with the gradient lam sign(w)."""
    model = network(seed)
    value, (gradients, _) = value_and_gradients(student.l1_penalty, lend(student, model), lam)
    weights = {name: p.detach() for name, p in model.named_parameters() if p.dim() >= 2}
    assert_close(
        value, lam * sum(w.abs().sum() for w in weights.values()), what="the penalty", any_float=True, rtol=1e-6
    )
    for name, parameter in model.named_parameters():
        wanted = lam * weights[name].sign() if name in weights else torch.zeros_like(parameter)
        assert_close(gradients[name], wanted.detach(), what=f"the gradient of {name}", rtol=1e-6, atol=1e-9)


@points(4, problem="penalties")
@SOME
@given(seed=SEEDS, lam=LAMBDAS)
def test_l2_is_half_the_sum_of_squares(student, seed, lam):
    """l2_penalty is lam / 2 sum w^2 over kernels and weight matrices alone, with the gradient lam w."""
    model = network(seed)
    value, (gradients, _) = value_and_gradients(student.l2_penalty, lend(student, model), lam)
    weights = {name: p.detach() for name, p in model.named_parameters() if p.dim() >= 2}
    expected = lam / 2 * sum(w.square().sum() for w in weights.values())
    assert_close(value, expected, what="the penalty", any_float=True, rtol=1e-6)
    for name, parameter in model.named_parameters():
        wanted = lam * weights[name] if name in weights else torch.zeros_like(parameter)
        assert_close(gradients[name], wanted.detach(), what=f"the gradient of {name}", rtol=1e-6, atol=1e-9)


# --------------------------------------------------------------------------------------------------------------- loop


@points(2, problem="loop")
@given(n=sizes(0, 40), batch_size=sizes(1, 12), seed=SEEDS)
def test_batches_are_a_partition(student, n, batch_size, seed):
    """minibatches cuts 0 .. n - 1 into int64 tensors: each number once, all but the last of batch_size, none empty."""
    batches = list(student.minibatches(n, batch_size, seed))
    full, rest = divmod(n, batch_size)
    assert_equal([len(batch) for batch in batches], [batch_size] * full + [rest] * (rest > 0), what="the sizes")
    for batch in batches:
        check(type(batch) is torch.Tensor and batch.dtype == torch.int64, "a batch is no int64 tensor", "wrong_type")
    together = torch.cat(batches) if batches else torch.zeros(0, dtype=torch.int64)
    assert_equal(together.sort().values, torch.arange(n), what="all batches together, sorted")


@points(2, problem="loop")
@needs("test_batches_are_a_partition")
@FEW
@given(seed=st.integers(0, 2**30))
def test_a_seed_is_an_order(student, seed):
    """The same seed gives the same batches, and another seed another order."""

    def order(number):
        return torch.cat(list(student.minibatches(200, 7, number)))

    assert_equal(order(seed), order(seed), what="the order of the same seed")
    check(not torch.equal(order(seed), order(seed + 1)), "another seed gives the same order")
    check(not torch.equal(order(seed), torch.arange(200)), "the order is 0, 1, 2, ..")
    together = [sorted(batch.tolist()) for batch in student.minibatches(200, 7, seed)]
    straight = sum(batch == list(range(batch[0], batch[0] + len(batch))) for batch in together)
    check(straight < 5, f"in {straight} of {len(together)} batches the numbers stand as they came")


def oracle_steps(model, batches, learning_rate, momentum, l1=0.0, l2=0.0):
    """SGD with momentum on a copy of the model, step by step as the contract says. Returns its state."""
    velocities = [torch.zeros_like(p) for p in model.parameters()]
    for x, y in batches:
        loss = F.cross_entropy(model(x), y)
        for p in model.parameters():
            if p.dim() >= 2:
                loss = loss + l1 * p.abs().sum() + l2 / 2 * p.square().sum()
        wanted = [p for p in model.parameters() if p.requires_grad]
        gradients = iter(torch.autograd.grad(loss, wanted))
        with torch.no_grad():
            for p, v in zip(model.parameters(), velocities, strict=True):
                if p.requires_grad:
                    v.mul_(momentum).add_(next(gradients))
                    p.sub_(learning_rate * v)
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def small_problem(seed, n, d=3, classes=3):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(d, 4), nn.Tanh(), nn.Linear(4, classes)).double()
    return model, numbers(seed, n, d, dtype=torch.float64), torch.arange(n) % classes


@points(5, problem="loop")
@SOME
@given(
    seed=SEEDS,
    n=sizes(1, 7),
    epochs=sizes(1, 4),
    momentum=st.sampled_from([0.0, 0.6, 0.9]),
    l1=st.sampled_from([0.0, 0.05]),
    l2=st.sampled_from([0.0, 0.2]),
    frozen=st.booleans(),
)
def test_full_batches_follow_the_gradient(student, seed, n, epochs, momentum, l1, l2, frozen):
    """With one batch an epoch, train does exactly the steps of the formula: momentum, penalties, frozen parameters."""
    model, x, y = small_problem(seed, n)
    model[0].weight.requires_grad_(not frozen)
    before = snapshot(x, y)
    lent = lend(student, model)
    arguments = {"epochs": epochs, "batch_size": n, "learning_rate": 0.2, "momentum": momentum, "l1": l1, "l2": l2}
    trained = student.train(lent, x, y, **arguments)
    assert_unchanged((x, y), before, what="(x, y)")
    expected = oracle_steps(model, [(x, y)] * epochs, 0.2, momentum, l1, l2)
    assert_close(dict(lent.state_dict()), expected, what="the state", rtol=1e-6, atol=1e-9)
    assert_close(dict(trained.state_dict()), expected, what="the state of what is returned", rtol=1e-6, atol=1e-9)


@points(3, problem="loop")
@SOME
@given(n=sizes(1, 9), batch_size=sizes(1, 4), epochs=sizes(1, 3), seed=SEEDS)
def test_every_example_comes_once_in_an_epoch_with_its_label(student, n, batch_size, epochs, seed):
    """Each example takes part in one step of every epoch, with its own label."""
    n = n * batch_size  # so that all batches have one size
    model = nn.Sequential(nn.Linear(n, 3, bias=False)).double()
    with torch.no_grad():
        model[0].weight.copy_(numbers(seed, 3, n, dtype=torch.float64))
    # One-hot examples of a network without bias do not disturb each other: each column goes its own way.
    w, y = model[0].weight.detach().clone(), torch.randint(3, (n,), generator=torch.Generator().manual_seed(seed))
    for _ in range(epochs):
        w -= 0.7 / batch_size * (w.softmax(0) - F.one_hot(y, 3).T)
    lent = lend(student, model)
    words = {"epochs": epochs, "batch_size": batch_size, "learning_rate": 0.7, "momentum": 0.0, "seed": seed}
    student.train(lent, torch.eye(n, dtype=torch.float64), y, **words)
    assert_close(lent.state_dict()["0.weight"], w, what="the weight", rtol=1e-6, atol=1e-9)


@points(1, problem="loop")
@needs("test_full_batches_follow_the_gradient")
@settings(max_examples=2)
@given(seed=st.integers(0, 2**20))
def test_every_epoch_has_an_order_of_its_own(student, seed):
    """The order of the examples is drawn anew for every epoch."""
    differs = False
    for number in range(8):
        model, x, y = small_problem(seed + number, 3)
        lent = lend(student, model)
        student.train(lent, x, y, epochs=2, batch_size=1, learning_rate=0.9, momentum=0.0, seed=seed + number)
        found = lent.state_dict()["2.weight"]
        twice = []
        for order in itertools.permutations(range(3)):
            again, _, _ = small_problem(seed + number, 3)
            steps = [(x[[i]], y[[i]]) for i in (*order, *order)]
            twice.append(oracle_steps(again, steps, 0.9, 0.0)["2.weight"])
        differs = differs or not any(torch.allclose(found, one, rtol=1e-7, atol=1e-9) for one in twice)
    check(differs, "in eight trainings of two epochs the second order was always the first one")


@points(2, problem="loop")
@FEW
@given(seed=st.integers(0, 2**30))
def test_a_seed_is_a_network(student, seed):
    """The same seed trains the same network, dropout and all, whatever was drawn before; another one another."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 2))
    x, y = numbers(seed, 12, 3), torch.arange(12) % 2

    def trained(number, batch_size):
        lent = lend(student, model)
        student.train(lent, x, y, epochs=2, batch_size=batch_size, learning_rate=0.3, seed=number)
        return dict(lent.state_dict())

    first = trained(seed, 3)
    assert_close(trained(seed, 3), first, what="the second network", rtol=1e-5, atol=1e-6)
    for batch_size in (3, 12):  # with one batch an epoch dropout alone can differ
        one, other = trained(seed, batch_size), trained(seed + 1, batch_size)
        same = torch.allclose(one["0.weight"], other["0.weight"], rtol=1e-5, atol=1e-6)
        check(not same, f"another seed trains the very same network (batch_size {batch_size} of 12)")


@points(2, problem="loop")
@SOME
@given(seed=SEEDS, n=sizes(1, 9), batch_size=sizes(1, 5), epochs=sizes(1, 3))
def test_log_hears_means_over_examples(student, seed, n, batch_size, epochs):
    """log hears each epoch's number from 1, and cross entropy and accuracy as means over all of its examples."""
    model, x, y = small_problem(seed, n)
    heard = []

    def log(epoch, loss, accuracy):
        heard.append((epoch, loss, accuracy))

    # With steps of length 0 every epoch meets the network as it was.
    arguments = {"epochs": epochs, "batch_size": batch_size, "learning_rate": 0.0, "l1": 0.3, "l2": 0.7, "log": log}
    student.train(lend(student, model), x, y, **arguments)
    with torch.no_grad():
        z = model(x)
    loss, share = F.cross_entropy(z, y).item(), (z.argmax(1) == y).double().mean().item()
    assert_equal([epoch for epoch, _, _ in heard], list(range(1, epochs + 1)), what="the epochs")
    for _, found, right in heard:
        assert_close(found, loss, what="the loss", rtol=1e-5, atol=1e-6, any_float=True)
        assert_close(right, share, what="the accuracy", rtol=1e-5, atol=1e-6, any_float=True)


@points(1, problem="loop")
@needs("test_full_batches_follow_the_gradient")
def test_training_happens_in_train_mode(student):
    """train puts the model into train mode: a lent network in eval mode updates its running statistics all the same."""
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)).eval()
    lent = lend(student, model)
    student.train(lent, 4 + numbers(5, 8, 3), torch.arange(8) % 2, epochs=2, batch_size=4, learning_rate=0.1)
    moved = (lent.state_dict()["1.running_mean"] - model.state_dict()["1.running_mean"]).abs().max()
    check(float(moved) > 1e-3, "the running statistics are those from before the training")


def calm_network(seed):
    """One that answers otherwise in train mode, with running statistics that are not those of the batch."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.6), nn.Linear(8, 4))
    with torch.no_grad():
        model[1].running_mean.copy_(numbers(seed, 8))
        model[1].running_var.copy_(0.5 + numbers(seed + 1, 8).square())
    return model


@points(4, problem="loop")
@SOME
@given(seed=st.integers(0, 2**30), n=sizes(1, 12), batch_size=sizes(1, 5), in_training=st.booleans())
def test_predictions_are_made_in_eval_mode(student, seed, n, batch_size, in_training):
    """predict is the argmax of the logits in eval mode, for any batch_size, and leaves the model and its mode alone."""
    model, x = calm_network(seed), 2 * numbers(seed, n, 3)
    model.eval()
    with torch.no_grad():
        expected = model(x).argmax(1)
    model.train(in_training)
    lent = lend(student, model)
    found = student.predict(lent, x, batch_size=batch_size)
    assert_equal(found, expected, what="the classes")
    check(found.dtype == torch.int64, f"the classes are of dtype {found.dtype}, expected int64", "wrong_dtype")
    check(lent.training is in_training, "the model is in another mode than before", "changed_input")
    assert_close(dict(lent.state_dict()), dict(model.state_dict()), what="the model's state")


@points(4, problem="loop")
@SOME
@given(seed=st.integers(0, 2**30), n=sizes(1, 12), batch_size=sizes(1, 5), in_training=st.booleans())
def test_every_example_weighs_the_same_in_an_evaluation(student, seed, n, batch_size, in_training):
    """evaluate gives the mean cross entropy and the accuracy over all examples, in eval mode, for any batch_size."""
    model, x = calm_network(seed), 2 * numbers(seed, n, 3)
    y = torch.randint(4, (n,), generator=torch.Generator().manual_seed(seed))
    model.eval()
    with torch.no_grad():
        z = model(x)
    model.train(in_training)
    answer = student.evaluate(lend(student, model), x, y, batch_size=batch_size)
    check(type(answer) is tuple and len(answer) == 2, "evaluate does not return a pair", "wrong_type")
    assert_close(answer[0], F.cross_entropy(z, y).item(), what="the loss", rtol=1e-4, atol=1e-5, any_float=True)
    share = (z.argmax(1) == y).double().mean().item()
    assert_close(answer[1], share, what="the accuracy", rtol=1e-6, atol=1e-6, any_float=True)


# ----------------------------------------------------------------------------------------------------------- networks

first_the_loop = needs(
    "test_an_mlp_is_its_formula",
    "test_a_cnn_is_its_formula",
    "test_full_batches_follow_the_gradient",
    "test_predictions_are_made_in_eval_mode",
)
LOOP = {"seconds": 900, "test_seconds": 1800}
PACE = 4.0  # times the reference's seconds


@dataclass
class Recipe:
    """One network, the data it meets, and what it must reach, by the data's source."""

    load: object  # of autograder.datasets
    sizes: tuple  # training pictures, others
    build: tuple  # name of the builder, its arguments
    train: dict
    bars: dict  # percent; measured: see calibration.json


@dataclass
class Data:
    """What a training gets, and what only the judge keeps: `labels`."""

    x: torch.Tensor
    y: torch.Tensor
    held_out: torch.Tensor
    labels: torch.Tensor
    names: tuple
    source: str


def pictures(data, center):
    """(n, c, h, w) float32."""
    x = torch.from_numpy(data.images.astype("float32"))
    return (x.permute(0, 3, 1, 2) if x.dim() == 4 else x[:, None]).contiguous() - center


def loaded(recipe, *, order="shuffled", labels="true", center=0.5):
    """From a seed to the data: training pictures in random order, or sorted by class, with true or permuted labels."""
    train, other = (recipe.load(split).first(n) for split, n in zip(("train", "valid"), recipe.sizes, strict=True))

    def inputs(seed):
        draw = torch.Generator().manual_seed(seed)
        y = torch.from_numpy(train.y.copy())
        places = torch.randperm(len(y), generator=draw)
        if order == "sorted":
            places = places[y[places].argsort(stable=True)]
        y = y[places]
        if labels == "permuted":
            y = y[torch.randperm(len(y), generator=draw)]
        asked = torch.randperm(len(other), generator=draw)
        x, held_out = pictures(train, center)[places], pictures(other, center)[asked]
        return Data(x, y, held_out, torch.from_numpy(other.y.copy())[asked], train.names, train.source)

    return inputs, train.source


def noise(recipe):
    """A few pictures of the right size that show nothing: to begin with."""
    shape = pictures(recipe.load("train").first(1), 0.0).shape[1:]

    def inputs(seed):
        draw = torch.Generator().manual_seed(seed)
        x = torch.rand(40, *shape, generator=draw) - 0.5
        y = torch.randint(2, (40,), generator=draw)
        return Data(x, y, x, y, (), "noise")

    return inputs


def learning(recipe):
    name, arguments, words = recipe.build

    def work(module, data, *, device, seed, log):
        model = getattr(module, name)(*arguments, **words)
        module.train(model, data.x, data.y, **recipe.train, device=device, seed=seed, log=log)
        return module.predict(model, data.held_out, device=device)

    return work


def percent_right(data, answer):
    right = type(answer) is torch.Tensor and answer.shape == data.labels.shape and answer.dtype == torch.int64
    check(right, f"predict does not return {tuple(data.labels.shape)} labels", "wrong_shape")
    return 100 * float((answer == data.labels).double().mean())


def train_and_read(training, record, recipe, name, *, order="shuffled", bar=None):
    """One training of a recipe, held to its bar, with curve and confusion matrix in the report."""
    inputs, source = loaded(recipe, order=order)
    held = []

    def measure(data, answer):
        value = percent_right(data, answer)
        held.append((data, answer))
        return value

    training.run(learning(recipe), inputs, measure, warm_up=noise(recipe), title=f"Learning curve, {source}")
    data, answer = held[0]
    known = answer.clamp(0, len(data.names) - 1)
    record.confusion(f"Confusion on {len(known)} others, {source}", data.labels, known, list(data.names))
    training.reaches(recipe.bars[source] if bar is None else bar, name=f"{name}, {source}")


DIGITS, MNIST, INSTEAD = "8x8 digits", "MNIST", "8x8 digits enlarged, for want of MNIST"
HANDWRITTEN, RENDERED = "handchars36", "rendered glyphs"
CIFAR, PART, COLOURED = "CIFAR-10", "CIFAR-10, 10,000 + 2,000 of it", "rendered digits in colour, for want of CIFAR-10"


def of_digits(build, bar, epochs=15, **train):
    train = {"batch_size": 64, "learning_rate": 0.05, "epochs": epochs, **train}
    return Recipe(datasets.digits, (1197, 300), build, train, {DIGITS: bar})


def of_mnist(build, bar, instead, **train):
    train = {"batch_size": 256, "learning_rate": 0.05, **train}
    return Recipe(datasets.mnist, (60_000, 10_000), build, train, {MNIST: bar, INSTEAD: instead})


SMALL = {
    "cpu": of_digits(("build_mlp", ([64, 50, 10], "relu"), {}), 91.0),
    "gpu": of_mnist(("build_mlp", ([784, 50, 10], "relu"), {}), 97.0, 88.0, epochs=20),
}
WIDE = {
    "cpu": of_digits(("build_mlp", ([64, 120, 80, 10], "tanh", 0.1), {}), 90.0, l2=1e-3),
    "gpu": of_mnist(("build_mlp", ([784, 120, 80, 10], "relu", 0.1), {}), 97.84, 88.0, epochs=20, l2=1e-5),
}
FRUGAL = {
    "cpu": of_digits(("build_cnn", ((1, 8, 8), 10, (8, 16)), {"padding": 1}), 88.0, epochs=12),
    "gpu": of_mnist(("build_cnn", ((1, 28, 28), 10, (8, 16)), {"kernel_size": 5}), 98.0, 88.0, epochs=8),
}
STAGES = {"padding": 2, "kernel_size": 5, "dropout": 0.4}
BEST = {
    "cpu": of_digits(("build_cnn", ((1, 8, 8), 10, (16, 32)), {"padding": 1, "dropout": 0.3}), 92.0, epochs=12),
    "gpu": of_mnist(("build_cnn", ((1, 28, 28), 10, (32, 64)), STAGES), 99.15, 88.0, epochs=12, l2=1e-4),
}


def of_characters(build, bars, number, **train):
    train = {"batch_size": 36, "learning_rate": 0.02, **train}
    return Recipe(
        datasets.characters, (number, 468), build, train, dict(zip((HANDWRITTEN, RENDERED), bars, strict=True))
    )


LETTERS = ("build_cnn", ((1, 32, 32), 36, (8, 16)), {"kernel_size": 5, "batch_norm": True})
CHARACTERS = {
    "cpu": of_characters(LETTERS, (68.0, 68.0), 1080, epochs=4),
    "gpu": of_characters(LETTERS, (80.0, 80.0), 2160, epochs=15),
}


def of_photographs(batch_norm, bars, sizes, channels, **train):
    build = ("build_cnn", ((3, 32, 32), 10, channels), {"padding": 1, "batch_norm": batch_norm})
    train = {"batch_size": 50, "learning_rate": 0.02, **train}
    bars = dict(zip((CIFAR, PART, COLOURED), bars, strict=True))
    return Recipe(datasets.cifar10, sizes, build, train, bars)


FULL = {"channels": (32, 64, 64), "epochs": 15, "l2": 1e-3}
PHOTOGRAPHS = {
    "cpu": of_photographs(True, (22.0, 22.0, 45.0), (1000, 500), (8, 16, 16), epochs=6),
    "gpu": of_photographs(False, (66.0, 50.0, 60.0), (50_000, 10_000), **FULL),
}
NORMALISED = {
    "cpu": PHOTOGRAPHS["cpu"],
    "gpu": of_photographs(True, (69.7, 50.0, 60.0), (50_000, 10_000), **FULL),
}


@points(3, problem="networks")
@limits(**LOOP)
@first_the_loop
def test_a_network_of_40000_parameters_reads_digits(training, record):
    """Pictures that arrive sorted by class, a dense network of at most 40,000 parameters: it reads others well."""
    recipe = training.profile(**SMALL)
    train_and_read(training, record, recipe, "accuracy of a small dense network", order="sorted")


@points(3, problem="networks")
@limits(**LOOP)
@first_the_loop
@needs("test_dropout_stands_behind_each_hidden_layer", "test_l2_is_half_the_sum_of_squares")
def test_200_hidden_units_read_digits_better(training, record):
    """200 hidden units, in two layers, with dropout and an l2 penalty."""
    train_and_read(training, record, training.profile(**WIDE), "accuracy with 200 hidden units")


@points(4, problem="networks")
@limits(**LOOP)
@first_the_loop
def test_a_frugal_cnn_reads_as_well_as_a_large_network(training, record):
    """A convolutional network of at most 7,240 parameters reads as well as a dense one of 178,110; about as fast as the
    reference trains it."""
    recipe = training.profile(**FRUGAL)
    train_and_read(training, record, recipe, "accuracy of a frugal CNN")
    training.keeps_pace(PACE)


@points(4, problem="networks")
@limits(**LOOP)
@first_the_loop
@needs("test_dropout_in_a_cnn_stands_before_the_last_layer")
def test_two_stages_and_dropout_read_best(training, record):
    """Two stages of convolution and pooling, with dropout, read digits better than any dense network here."""
    train_and_read(training, record, training.profile(**BEST), "accuracy of two stages")


@points(3, problem="networks")
@limits(**LOOP)
@first_the_loop
@needs("test_in_eval_mode_batch_norm_uses_running_statistics")
def test_36_classes_of_characters_are_told_apart(training, record):
    """A convolutional network with batch norm tells 36 classes of letters and digits apart."""
    train_and_read(training, record, training.profile(**CHARACTERS), "accuracy on 36 classes")


@points(4, problem="networks")
@limits(**LOOP)
@first_the_loop
@needs("test_in_eval_mode_batch_norm_uses_running_statistics")
def test_photographs_are_told_apart(training, record):
    """Three stages tell ten kinds of photographs apart, with batch norm better than without."""
    if training.profile(cpu=False, gpu=True):
        train_and_read(training, record, PHOTOGRAPHS["gpu"], "accuracy on photographs")
    train_and_read(training, record, training.profile(**NORMALISED), "accuracy on photographs, with batch norm")


@points(3, problem="networks")
@limits(**LOOP)
@first_the_loop
def test_nothing_is_learned_from_permuted_labels(training):
    """Trained on labels that were dealt out anew, a network reads no better than by chance."""
    recipe = FRUGAL["cpu"]
    inputs, source = loaded(recipe, labels="permuted")
    training.run(learning(recipe), inputs, percent_right, warm_up=noise(recipe), title=f"Permuted labels, {source}")
    training.stays_below(35.0, name=f"accuracy on true labels, {source}")


# ------------------------------------------------------------------------------------------------------------- record


@dataclass
class Record:
    sizes: tuple
    bars: dict
    ratio: float


RECORD = {
    "cpu": Record((500, 1000), {CIFAR: 33.0, PART: 33.0, COLOURED: 30.0}, 2.5),
    "gpu": Record((50_000, 10_000), {CIFAR: 90.0, PART: 70.0, COLOURED: 90.0}, 2.5),
}


@points(6, problem="record")
@limits(**LOOP)
@needs("test_predictions_are_made_in_eval_mode")
def test_photographs_are_learned_fast(training, record):
    """train_fast: photographs told apart as well as by the reference's recipe, in at most 2.5 times its time."""
    settings_ = training.profile(**RECORD)
    recipe = Recipe(datasets.cifar10, settings_.sizes, (), {}, settings_.bars)
    inputs, source = loaded(recipe, center=0.0)
    held = []

    def work(module, data, *, device, seed, log):
        model = module.train_fast(data.x, data.y, classes=10, device=device, seed=seed, log=log)
        return module.predict(model, data.held_out, device=device)

    def measure(data, answer):
        held.append((data, answer))
        return percent_right(data, answer)

    training.run(work, inputs, measure, warm_up=noise(recipe), title=f"Learning curve, {source}")
    data, answer = held[0]
    record.confusion(f"Confusion on {len(answer)} others, {source}", data.labels, answer.clamp(0, 9), list(data.names))
    training.reaches(settings_.bars[source], name=f"accuracy of train_fast, {source}")
    training.keeps_pace(settings_.ratio)
