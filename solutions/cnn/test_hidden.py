"""Hidden tests of `cnn`. Their docstrings are the sentences that students read.

Networks that a student's function builds get parameters of ours before they are asked, so that no law believes what a
student chose; networks that are trained are ours, and lent. What a training may lead to is computed for every order of
the examples that the contract allows: one of them must lead to the student's weights.
"""

import itertools
import math
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from autograder import datasets
from autograder.testing import (
    Heard,
    assert_close,
    assert_equal,
    assert_raises,
    assert_shaped_like,
    assert_unchanged,
    check,
    describe,
    items_of,
    lend,
    limits,
    module_of,
    needs,
    points,
    sizes,
    snapshot,
    value_and_gradients,
    values_of,
)

FEW, SOME = settings(max_examples=8), settings(max_examples=20)
SEEDS = st.integers(0, 2**31 - 1)
NEAR = {"rtol": 1e-4, "atol": 1e-5}  # float32, some dozens of terms, in whatever order they are summed
EXACT = {"rtol": 1e-6, "atol": 1e-9}  # float64
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
FAR = 3e3  # a logit of this size, for which e^z is no float


def numbers(seed, *shape, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def labels_of(seed, n, classes):
    return torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))


def shapes_of(model):
    """The shapes of a student's parameters, in order."""
    return [tuple(parameter.shape) for parameter in model.parameters()]


def filled(model, shapes, seed):
    """Parameters of ours for a student's model, by their order: it computes with these from now on."""
    own = [numbers(seed + place, *shape) / math.sqrt(math.prod(shape[1:])) for place, shape in enumerate(shapes)]
    names = [name for name, _ in module_of(model, what="the network").named_parameters()]
    check(len(names) == len(own), f"the network has {len(names)} parameters, expected {len(own)}", "wrong_shape")
    model.load_state_dict({**dict(model.state_dict()), **dict(zip(names, own, strict=True))})
    return own


def both_axes(z, n, k):
    shape = tuple(z.shape) if type(z) is torch.Tensor else None
    check(shape == (n, k), f"the logits are {describe(z)}, expected shape {(n, k)}", "wrong_shape")


# ----------------------------------------------------------------------------------------------------------- builders


@points(1, problem="builders")
@given(inputs=sizes(1, 900), classes=sizes(1, 40), width=sizes(1, 300), spare=st.floats(0, 0.999))
def test_the_widest_layer_fits_and_no_wider_one(student, inputs, classes, width, spare):
    """widest_layer is the greatest width whose weights and biases fit the budget, also where they fill it."""
    one = inputs + 1 + classes
    for budget in (width * one + classes, width * one + classes + int(spare * one)):
        assert_equal(student.widest_layer(inputs, classes, budget), width, what="the width")


@points(1, problem="builders")
@given(inputs=sizes(1, 900), classes=sizes(1, 40), lacks=sizes(1, 20))
def test_a_budget_too_small_for_one_unit_is_refused(student, inputs, classes, lacks):
    """widest_layer raises ValueError where not even one hidden unit fits, and returns 1 where one just fits."""
    least = inputs + 1 + 2 * classes
    assert_equal(student.widest_layer(inputs, classes, least), 1, what="the width")
    with assert_raises(ValueError, what=f"widest_layer({inputs}, {classes}, {least - lacks})"):
        student.widest_layer(inputs, classes, least - lacks)


WIDTHS = st.lists(sizes(2, 9), min_size=3, max_size=5)


def mlp_shapes(widths):
    return [shape for a, b in itertools.pairwise(widths) for shape in ((b, a), (b,))]


def oracle_mlp(x, own, activation):
    """Logits of (n, ..) inputs."""
    z = x.flatten(1)
    for place in range(0, len(own), 2):
        z = z @ own[place].T + own[place + 1]
        if place + 2 < len(own):
            z = ACTIVATIONS[activation](z)
    return z


@points(2, problem="builders")
@SOME
@given(widths=WIDTHS)
def test_an_mlp_has_the_parameters_of_its_layers(student, widths):
    """build_mlp has a weight (d_out, d_in) and a bias (d_out,) for each layer, in order."""
    model = module_of(student.build_mlp(widths), what="what build_mlp returned")
    assert_equal(shapes_of(model), mlp_shapes(widths), what="the shapes of the parameters")


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@points(1, problem="builders")
@needs("test_an_mlp_has_the_parameters_of_its_layers")
@SOME
@given(seed=SEEDS, widths=WIDTHS, n=sizes(2, 5), scale=st.sampled_from([2.0, 300.0]))
def test_an_mlp_is_its_formula(student, activation, seed, widths, n, scale):
    """build_mlp(widths, "{activation}") computes linear layers with that activation between them, and nothing after the
    last."""
    model = student.build_mlp(widths, activation)
    own, x = filled(model, mlp_shapes(widths), seed), scale * numbers(seed, n, widths[0])
    expected = oracle_mlp(x, own, activation)
    assert_close(values_of(model(x), expected), expected, what="the logits", rtol=1e-4, atol=1e-5 * scale)


@points(1, problem="builders")
@needs("test_an_mlp_has_the_parameters_of_its_layers")
@SOME
@given(
    seed=SEEDS, inputs=sizes(1, 4), hidden=st.lists(sizes(1, 3), max_size=1), one=st.sampled_from(["n", "k", "both"])
)
def test_one_example_or_one_output_keeps_both_axes(student, seed, inputs, hidden, one):
    """An MLP answers (n, k) logits also for one example, for one output, and without a hidden layer."""
    n, k = (1 if one in ("n", "both") else 3), (1 if one in ("k", "both") else 2)
    widths = [inputs, *hidden, k]
    model = student.build_mlp(widths, "tanh")
    own, x = filled(model, mlp_shapes(widths), seed), numbers(seed, n, inputs)
    z = model(x)
    both_axes(z, n, k)
    assert_close(z, oracle_mlp(x, own, "tanh"), what="the logits", **NEAR)


@points(2, problem="builders")
@needs("test_an_mlp_has_the_parameters_of_its_layers")
@FEW
@given(seed=SEEDS, n=sizes(2, 4), c=sizes(1, 3), h=sizes(1, 4), w=sizes(1, 4))
def test_an_mlp_takes_pictures(student, seed, n, c, h, w):
    """An MLP takes (n, c, h, w) pictures, and computes what it does of the same numbers in rows."""
    widths = [c * h * w, 5, 3]
    model = student.build_mlp(widths, "tanh")
    own, x = filled(model, mlp_shapes(widths), seed), numbers(seed, n, c, h, w)
    z = model(x)
    both_axes(z, n, 3)
    assert_close(z, oracle_mlp(x, own, "tanh"), what="the logits", **NEAR)


@points(1, problem="builders")
@needs("test_an_mlp_has_the_parameters_of_its_layers")
@FEW
@given(seed=SEEDS, known=st.sampled_from(sorted(ACTIVATIONS)), other=st.sampled_from(["swish", "", "ReLU", "softmax"]))
def test_an_unknown_activation_is_an_error(student, seed, known, other):
    """An activation that is not one of the three raises ValueError; the three do not."""
    model = student.build_mlp([2, 3, 2], known)
    own, x = filled(model, mlp_shapes([2, 3, 2]), seed), numbers(seed, 3, 2)
    expected = oracle_mlp(x, own, known)
    assert_close(values_of(model(x), expected), expected, what=f"the logits with {known!r}", **NEAR)
    with assert_raises(ValueError, what=f"build_mlp([2, 2, 2], {other!r})"):
        student.build_mlp([2, 2, 2], other)


def assert_dropped(model, x, calm, variance, what):
    """The (n, k) logits of n equal examples: in eval mode `calm` each, in train mode random, with this mean and this
    variance. None is 0, as one that is dropped itself would be.

    Over n examples the mean has the standard deviation sqrt(variance / n), and the variance is right to 6 sqrt(2 / n).
    """
    n = len(x)
    model.eval()
    quiet = model(x[:3])
    assert_close(
        values_of(quiet, calm[None].expand(3, -1)), calm[None].expand(3, -1), what="the logits in eval mode", **NEAR
    )
    model.train()
    noisy = values_of(model(x), calm[None].expand(n, -1))
    check(
        type(noisy) is torch.Tensor and noisy.shape == (n, len(calm)),
        f"the logits are {describe(noisy)}",
        "wrong_shape",
    )
    check(not bool((noisy == 0).any()), f"logits are dropped; {what}")
    off = (noisy.mean(0) - calm).abs() / (variance / n).sqrt()
    check(bool((off <= 6).all()), "in train mode the mean of the logits is not what it is in eval mode")
    ratio = noisy.var(0) / variance
    check(
        bool(((ratio - 1).abs() <= 0.3).all()),
        f"in train mode the logits vary {float(ratio[0]):.2f} times as much as they must",
    )


@points(2, problem="builders")
@needs("test_an_mlp_is_its_formula[relu]")
@FEW
@given(dropout=st.sampled_from([0.2, 0.7]), seed=SEEDS)
def test_dropout_stands_behind_each_hidden_layer(student, dropout, seed):
    """With dropout p, each hidden unit becomes 0 with probability p after the activation, else 1 / (1 - p) times as
    large; logits are never dropped, and in eval mode nothing is."""
    width, classes = 20, 2
    model = student.build_mlp([1, width, width, classes], "relu", dropout)
    shapes = mlp_shapes([1, width, width, classes])
    filled(model, shapes, seed)
    # Without dropout each hidden unit is 1, since the weights that lead to it have the sum 1.
    own = [torch.full(shape, 1 / shape[-1]) if len(shape) == 2 else torch.zeros(shape) for shape in shapes]
    own[-1] = torch.tensor([0.5, -3.0])
    names = [name for name, _ in model.named_parameters()]
    model.load_state_dict({**dict(model.state_dict()), **dict(zip(names, own, strict=True))})
    each = dropout / (1 - dropout) / width  # relative variance of a mean of `width` units
    variance = torch.full((classes,), 2 * each + each**2)
    assert_dropped(model, torch.ones(2000, 1), 1 + own[-1], variance, "dropout stands before the last layer")


@points(1, problem="builders")
@needs("test_an_mlp_has_the_parameters_of_its_layers")
@FEW
@given(seed=SEEDS, dropout=st.sampled_from([0.0, 0.5]), hidden=sizes(1, 3))
def test_without_hidden_layers_or_dropout_nothing_is_random(student, seed, dropout, hidden):
    """With dropout 0, or without a hidden layer, an MLP computes in train mode what it does in eval mode."""
    widths = [4, 3] if dropout else [4, *[5] * hidden, 3]
    model = student.build_mlp(widths, "relu", dropout)
    own, x = filled(model, mlp_shapes(widths), seed), numbers(seed, 6, 4)
    expected = oracle_mlp(x, own, "relu")
    model.train()
    assert_close(values_of(model(x), expected), expected, what="the logits in train mode", **NEAR)


def after(side, words):
    """A side of the maps after one stage."""
    return (side + 2 * words["padding"] - words["kernel_size"] + 1) // 2


@st.composite
def cnns(draw, *, batch_norm=False, padded=True, square=True, odd=False):
    """Arguments of build_cnn for which every stage leaves something.

    padded : with padding of at least 1, else without.   square : pictures are as high as broad, else they are not.
    odd : the first stage leaves out a last row and column; else nothing is left out anywhere.
    """
    kernel_size = draw(st.sampled_from([3, 4, 5]) if padded else st.integers(1, 4))
    words = {"kernel_size": kernel_size, "padding": draw(st.integers(1, kernel_size // 2)) if padded else 0}
    channels = draw(st.lists(st.integers(2, 4), min_size=1, max_size=2))

    def side(least):
        for _ in channels:
            least = 2 * least + kernel_size - 1 - 2 * words["padding"]
        return max(1, least) + odd

    h = draw(st.integers(1, 2))
    w = h if square else draw(st.sampled_from([1, 2, 3]).filter(lambda w: w != h))
    shape = (draw(st.integers(1, 3)), side(h), side(w))
    return shape, draw(st.integers(2, 5)), channels, {**words, "batch_norm": batch_norm}


def cnn_shapes(shape, classes, channels, words):
    c, h, w = shape
    found = []
    for width in channels:
        found += [(width, c, words["kernel_size"], words["kernel_size"]), (width,)]
        if words["batch_norm"]:
            found.append((width,))  # gamma and beta in place of a bias
        c, (h, w) = width, (after(side, words) for side in (h, w))
    return [*found, (classes, c * h * w), (classes,)]


def oracle_cnn(x, own, stages, words, running=None):
    """(logits, what the last layer sees); batch norm by the batch's statistics, or by `running` [(mean, var), ..]."""
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
    seen = z.flatten(1)
    return seen @ own[0].T + own[1], seen


def assert_cnn(student, seed, arguments, n, scale=3.0):
    """The student's network has the parameters of its stages, and computes what its formula says, in train mode."""
    shape, classes, channels, words = arguments
    model = module_of(student.build_cnn(shape, classes, channels, **words), what="what build_cnn returned")
    shapes = cnn_shapes(*arguments)
    assert_equal(shapes_of(model), shapes, what="the shapes of the parameters")
    own, x = filled(model, shapes, seed), scale * numbers(seed, n, *shape)
    model.train()
    expected, _ = oracle_cnn(x, own, len(channels), words)
    z = model(x)
    assert_close(values_of(z, expected), expected, what="the logits in train mode", rtol=1e-3, atol=1e-3)
    return z, expected


@points(1.5, problem="builders")
@SOME
@given(arguments=st.booleans().flatmap(lambda norm: cnns(batch_norm=norm)))
def test_a_cnn_has_the_parameters_of_its_stages(student, arguments):
    """Each stage of build_cnn has a kernel and a bias, or kernel, gamma and beta with batch norm; then comes the linear
    layer."""
    shape, classes, channels, words = arguments
    model = module_of(student.build_cnn(shape, classes, channels, **words), what="what build_cnn returned")
    assert_equal(shapes_of(model), cnn_shapes(*arguments), what="the shapes of the parameters")


@points(2.5, problem="builders")
@needs("test_a_cnn_has_the_parameters_of_its_stages")
@SOME
@given(seed=SEEDS, arguments=cnns(), n=sizes(2, 4))
def test_a_cnn_is_its_formula(student, seed, arguments, n):
    """build_cnn computes convolution, ReLU and 2x2 max pooling, stage by stage; then a linear layer."""
    assert_cnn(student, seed, arguments, n)


@points(2, problem="builders")
@needs("test_a_cnn_is_its_formula")
@SOME
@given(seed=SEEDS, arguments=cnns(batch_norm=True), n=sizes(2, 4), scale=st.sampled_from([3.0, 3e-3]))
def test_batch_norm_stands_before_relu(student, seed, arguments, n, scale):
    """With batch_norm=True, build_cnn normalises what comes out of each convolution, by the statistics of the batch in
    train mode."""
    assert_cnn(student, seed, arguments, n, scale)


@pytest.mark.parametrize(
    "pictures", ["that are not square", "without padding", "of which a row and a column are left out"]
)
@points(0.75, problem="builders")
@needs("test_a_cnn_is_its_formula")
@SOME
@given(seed=SEEDS, data=st.data(), n=sizes(2, 3))
def test_a_cnn_for_other_pictures(student, pictures, seed, data, n):
    """build_cnn has the right layers for pictures {pictures}, and computes its formula."""
    kinds = {
        "that are not square": cnns(square=False),
        "without padding": cnns(padded=False),
        "of which a row and a column are left out": cnns(odd=True),
    }
    assert_cnn(student, seed, data.draw(kinds[pictures]), n)


@points(0.75, problem="builders")
@needs("test_a_cnn_is_its_formula")
@SOME
@given(seed=SEEDS, one=st.sampled_from(["n", "k", "both"]))
def test_one_picture_or_one_class_keeps_both_axes(student, seed, one):
    """A CNN answers (n, k) logits also for one picture, and for one class."""
    n, k = (1 if one in ("n", "both") else 3), (1 if one in ("k", "both") else 2)
    words = {"kernel_size": 3, "padding": 1, "batch_norm": False}
    z, expected = assert_cnn(student, seed, ((1, 4, 4), k, [3], words), n)
    both_axes(z, n, k)
    assert_close(z, expected, what="the logits", rtol=1e-3, atol=1e-3)


def running_statistics(model, count):
    """(names of the running means, names of the running variances) of a student's batch norms, in order."""
    state = dict(model.state_dict())
    names = [[name for name in state if name.endswith(end)] for end in ("running_mean", "running_var")]
    check(
        [len(found) for found in names] == [count, count],
        f"the state dict has {len(names[0])} running_mean and {len(names[1])} running_var, expected {count} of each",
        "wrong_type",
    )
    return names


@points(2, problem="builders")
@needs("test_batch_norm_stands_before_relu")
@FEW
@given(seed=SEEDS, n=sizes(2, 4), spread=st.sampled_from([1.0, 1e-5]))
def test_in_eval_mode_batch_norm_uses_running_statistics(student, seed, n, spread):
    """In eval mode a batch normalised network treats every picture by itself, by the running statistics, with gamma and
    beta; in train mode every batch moves them by a tenth."""
    words = {"kernel_size": 3, "padding": 1, "batch_norm": True}
    arguments = ((2, 6, 4), 3, [3, 2], words)
    model = student.build_cnn(*arguments[:3], **words)
    own = filled(model, cnn_shapes(*arguments), seed)
    means, variances = running_statistics(model, 2)
    running = [(spread * numbers(seed + 7, c), spread * (0.5 + numbers(seed + 8, c).square())) for c in (3, 2)]
    given_ = {
        name: part
        for pair, names in zip(running, zip(means, variances, strict=True), strict=True)
        for part, name in zip(pair, names, strict=True)
    }
    model.load_state_dict({**dict(model.state_dict()), **given_})
    x = spread * (2 + 3 * numbers(seed, n, 2, 6, 4))
    model.eval()
    expected, _ = oracle_cnn(x, own, 2, words, running)
    assert_close(values_of(model(x), expected), expected, what="the logits in eval mode", rtol=1e-3, atol=1e-3)
    assert_close(
        values_of(model(x[:1]), expected[:1]),
        expected[:1],
        what="the logits of one picture alone",
        rtol=1e-3,
        atol=1e-3,
    )
    model.train()
    model(x)
    z = F.conv2d(x, own[0], padding=1)
    mean, var = running[0]
    state = dict(model.state_dict())
    near = {"rtol": 1e-4, "atol": 1e-6}
    assert_close(state[means[0]], 0.9 * mean + 0.1 * z.mean((0, 2, 3)), what="the first running mean", **near)
    assert_close(state[variances[0]], 0.9 * var + 0.1 * z.var((0, 2, 3)), what="the first running variance", **near)


@points(1, problem="builders")
@needs("test_a_cnn_is_its_formula")
@FEW
@given(seed=SEEDS, dropout=st.sampled_from([0.2, 0.6]))
def test_dropout_in_a_cnn_stands_before_the_last_layer(student, seed, dropout):
    """With dropout, what the last layer of build_cnn sees is dropped in train mode; nothing is in eval mode, and no
    logits."""
    words = {"kernel_size": 3, "padding": 1, "batch_norm": False}
    arguments = ((1, 8, 8), 3, [4, 16], words)
    model = student.build_cnn(*arguments[:3], dropout=dropout, kernel_size=3, padding=1)
    own, x = filled(model, cnn_shapes(*arguments), seed), 3 * numbers(seed, 1, 1, 8, 8)
    calm, seen = oracle_cnn(x, own, 2, words)
    variance = dropout / (1 - dropout) * (seen * own[-2]).square().sum(1)  # (classes,)
    assert_dropped(model, x.expand(2000, -1, -1, -1).clone(), calm[0], variance, "dropout stands before the last layer")


@points(1, problem="builders")
@needs("test_a_cnn_is_its_formula")
@FEW
@given(seed=SEEDS, high=st.booleans(), other=sizes(10, 20))
def test_a_stage_that_leaves_no_pixel_is_an_error(student, seed, high, other):
    """build_cnn raises ValueError if a stage would leave no pixel of a side, and only then."""
    shape, least = ((1, 9, other), (1, 10, other)) if high else ((1, other, 9), (1, other, 10))
    words = {"kernel_size": 3, "padding": 0, "batch_norm": False}
    assert_cnn(student, seed, (least, 2, [2, 2], words), 2)
    with assert_raises(ValueError, what=f"build_cnn({shape}, 2, [2, 2])"):
        student.build_cnn(shape, 2, [2, 2])


BUILT = {
    "build_mlp": ([40, 60, 30], {}, mlp_shapes([40, 60, 30])),
    "build_cnn": (
        ((3, 8, 8), 10, [40]),
        {"padding": 1, "batch_norm": False, "kernel_size": 3},
        cnn_shapes((3, 8, 8), 10, [40], {"padding": 1, "batch_norm": False, "kernel_size": 3}),
    ),
}


@pytest.mark.parametrize("builder", ["build_mlp", "build_cnn"])
@points(0.5, problem="builders")
@FEW
@given(times=sizes(1, 3))
def test_first_weights_are_drawn_as_torch_draws_them(student, builder, times):
    """{builder} draws weights and biases as torch does, uniform on +-1/sqrt(fan_in), and draws others every time."""
    arguments, words, shapes = BUILT[builder]
    arguments = (arguments,) if builder == "build_mlp" else arguments
    drawn = []
    for _ in range(times + 1):
        model = module_of(getattr(student, builder)(*arguments, **words), what=f"what {builder} returned")
        found = [parameter.detach() for parameter in model.parameters()]
        assert_equal([tuple(part.shape) for part in found], shapes, what="the shapes of the parameters")
        drawn.append(found)
        for weight, bias in zip(found[::2], found[1::2], strict=True):
            bound = 1 / math.sqrt(math.prod(weight.shape[1:]))
            for part, name in ((weight, "a weight"), (bias, "a bias")):
                check(float(part.abs().max()) <= bound + 1e-6, f"{name} is beyond 1/sqrt(fan_in) = {bound:.3g}")
                check(float(part.abs().max()) >= 0.3 * bound, f"all of {name}'s entries are near 0")
            ratio = float(weight.std()) / (bound / math.sqrt(3))
            check(0.9 <= ratio <= 1.1, f"a weight's entries deviate {ratio:.2f} times as much as uniform ones")
    for one, other in itertools.pairwise(drawn):
        check(not torch.equal(one[0], other[0]), f"{builder} draws the same weights twice")


# ------------------------------------------------------------------------------------------------------------- counting


def is_number(count):
    check(type(count) is int, f"count_parameters returned {describe(count)}, expected an int", "wrong_type")
    return count


@points(2, problem="builders")
@FEW
@given(a=sizes(1, 6), b=sizes(1, 6), frozen=st.sets(st.sampled_from(["0.weight", "0.bias", "1.weight", "3.bias"])))
def test_only_what_is_trained_is_counted(student, a, b, frozen):
    """count_parameters counts what requires a gradient: no frozen parameters, and no running statistics."""
    model = nn.Sequential(nn.Linear(a, b), nn.BatchNorm1d(b), nn.Tanh(), nn.Linear(b, 2))
    expected = 0
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
        expected += 0 if name in frozen else math.prod(parameter.shape)
    found = is_number(student.count_parameters(lend(student, model)))
    assert_equal(found, expected, what="the number of parameters")


@points(1, problem="builders")
@needs("test_only_what_is_trained_is_counted")
@FEW
@given(a=sizes(1, 6), b=sizes(1, 6))
def test_shared_parameters_count_once(student, a, b):
    """count_parameters counts a parameter that two layers share once, and a scalar one as one number."""
    lent = lend(student, nn.Sequential(nn.Linear(a, b), nn.Tanh(), nn.BatchNorm1d(b)))
    lent.add_module("again", lent.get_submodule("0"))
    found = is_number(student.count_parameters(lent))
    assert_equal(found, a * b + 3 * b, what="the number of parameters")


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


def assert_penalty(penalty, model, lent, lam, value, slope):
    """A penalty is lam times `value` of each weight, summed, and its gradient lam times `slope` of the weight."""
    found, (gradients, _) = value_and_gradients(penalty, lent, lam)
    weights = {name: p.detach() for name, p in model.named_parameters() if p.dim() >= 2}
    expected = lam * sum(value(w).sum() for w in weights.values())
    assert_close(values_of(found, expected), expected, what="the penalty", any_float=True, rtol=1e-6)
    for name, parameter in model.named_parameters():
        wanted = lam * slope(weights[name]) if name in weights else torch.zeros_like(parameter)
        assert_close(gradients[name], wanted.detach(), what=f"the gradient of {name}", rtol=1e-6, atol=1e-9)


@points(3, problem="penalties")
@SOME
@given(seed=SEEDS, lam=LAMBDAS)
def test_l1_is_the_sum_of_absolute_weights(student, seed, lam):
    """l1_penalty is lam sum |w| over kernels and weight matrices alone, with the gradient lam sign(w)."""
    model = network(seed)
    assert_penalty(student.l1_penalty, model, lend(student, model), lam, torch.abs, torch.sign)


@points(3, problem="penalties")
@SOME
@given(seed=SEEDS, lam=LAMBDAS)
def test_l2_is_half_the_sum_of_squares(student, seed, lam):
    """l2_penalty is lam / 2 sum w^2 over kernels and weight matrices alone, with the gradient lam w."""
    model = network(seed)
    assert_penalty(student.l2_penalty, model, lend(student, model), lam, lambda w: w.square() / 2, lambda w: w)


@pytest.mark.parametrize("penalty", ["l1_penalty", "l2_penalty"])
@points(1, problem="penalties")
@FEW
@given(seed=SEEDS, lam=st.floats(0.01, 3))
def test_a_penalty_is_a_tensor_without_axes(student, penalty, seed, lam):
    """{penalty} returns a tensor without axes, which is 0 for a model without weights."""
    model = network(seed)
    found, _ = value_and_gradients(getattr(student, penalty), lend(student, model), lam)
    check(found.shape == (), f"the penalty is {describe(found)}, expected a tensor without axes", "wrong_shape")
    values = [
        w.detach().abs() if penalty == "l1_penalty" else w.detach().square() / 2
        for w in model.parameters()
        if w.dim() >= 2
    ]
    assert_close(found, lam * sum(part.sum() for part in values), what="the penalty", any_float=True, rtol=1e-6)
    without = nn.Sequential(nn.BatchNorm1d(3), nn.ReLU()).double()
    found = getattr(student, penalty)(lend(student, without), lam)
    check(
        type(found) is torch.Tensor,
        f"without weights the penalty is {describe(found)}, expected a tensor",
        "wrong_type",
    )
    assert_close(found, torch.zeros(()), what="the penalty without weights", any_float=True)


# --------------------------------------------------------------------------------------------------------------- loop


def batches_of(answer):
    """The batches as a list, if they are int64 tensors."""
    data = answer is None or isinstance(answer, (bool, int, float, str, dict, torch.Tensor))
    check(not data, f"minibatches returned {describe(answer)}, expected a list of tensors", "wrong_type")
    batches = list(answer)
    for batch in batches:
        check(type(batch) is torch.Tensor, f"a batch is {describe(batch)}, expected a tensor", "wrong_type")
        check(batch.dtype == torch.int64, f"a batch has dtype {batch.dtype}, expected int64", "wrong_dtype")
    return batches


def assert_partition(batches, n, batch_size):
    """Each number once, in tensors with one axis: all of batch_size but for a smaller last one."""
    full, rest = divmod(n, batch_size)
    expected = [(batch_size,)] * full + [(rest,)] * (rest > 0)
    assert_equal([tuple(batch.shape) for batch in batches], expected, what="the shapes of the batches")
    together = torch.cat(batches) if batches else torch.zeros(0, dtype=torch.int64)
    assert_equal(together.sort().values, torch.arange(n), what="all batches together, sorted")


@points(1, problem="loop")
@given(full=sizes(1, 8), batch_size=sizes(2, 12), seed=SEEDS)
def test_batches_are_a_partition(student, full, batch_size, seed):
    """minibatches cuts 0 .. n - 1 into int64 tensors of batch_size entries: each number comes once."""
    assert_partition(
        batches_of(student.minibatches(full * batch_size, batch_size, seed)), full * batch_size, batch_size
    )


BATCHES = {
    "a last batch that is smaller": (st.tuples(sizes(0, 5), sizes(2, 9), sizes(1, 8)), 0.5),
    "no examples, which make no batch": (st.tuples(st.just(0), sizes(1, 9), st.just(0)), 0.25),
    "batches of one": (st.tuples(sizes(1, 9), st.just(1), st.just(0)), 0.25),
}


@pytest.mark.parametrize(
    "what", [pytest.param(name, marks=points(value, problem="loop")) for name, (_, value) in BATCHES.items()]
)
@needs("test_batches_are_a_partition")
@SOME
@given(data=st.data(), seed=SEEDS)
def test_batches_at_the_edges(student, what, data, seed):
    """minibatches is right for {what}."""
    full, batch_size, rest = data.draw(BATCHES[what][0])
    n = full * batch_size + rest % batch_size
    assert_partition(batches_of(student.minibatches(n, batch_size, seed)), n, batch_size)


@points(2, problem="loop")
@needs("test_batches_are_a_partition")
@FEW
@given(seed=st.integers(0, 2**30))
def test_a_seed_is_an_order(student, seed):
    """minibatches gives the same batches for the same seed, and another order, well mixed, for another seed."""

    def order(number):
        return torch.cat(batches_of(student.minibatches(210, 7, number)))

    first = batches_of(student.minibatches(210, 7, seed))
    assert_partition(first, 210, 7)
    assert_equal(order(seed), torch.cat(first), what="the order of the same seed")
    check(not torch.equal(order(seed + 1), torch.cat(first)), "another seed gives the same order")
    together = [sorted(batch.tolist()) for batch in first]
    straight = sum(batch == list(range(batch[0], batch[0] + len(batch))) for batch in together)
    check(straight < 5, f"in {straight} of {len(together)} batches the numbers stand as they came")


def oracle_steps(model, batches, learning_rate, momentum, l1=0.0, l2=0.0):
    """SGD with momentum on the model, step by step as the contract says. Returns its state."""
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


def assert_state(lent, expected, what="the weights"):
    assert_close(dict(lent.state_dict()), expected, what=what, **EXACT)


RATE = 0.2
MOMENTA = st.sampled_from([0.0, 0.6, 0.9])


@points(2, problem="loop")
@needs("test_batches_are_a_partition")
@SOME
@given(seed=SEEDS, n=sizes(2, 7), epochs=sizes(1, 4), momentum=MOMENTA, rate=st.floats(0.05, 0.5))
def test_full_batches_follow_the_gradient(student, seed, n, epochs, momentum, rate):
    """With one batch an epoch, train does exactly the steps of the formula, with momentum."""
    model, x, y = small_problem(seed, n)
    lent = lend(student, model)
    student.train(lent, x, y, epochs=epochs, batch_size=n, learning_rate=rate, momentum=momentum)
    assert_state(lent, oracle_steps(model, [(x, y)] * epochs, rate, momentum))


TRAINED = {"one example": 0.25, "pictures": 0.25, "logits of some thousands": 0.5}


@pytest.mark.parametrize("what", [pytest.param(name, marks=points(n, problem="loop")) for name, n in TRAINED.items()])
@needs("test_full_batches_follow_the_gradient")
@FEW
@given(seed=SEEDS, epochs=sizes(1, 2))
def test_training_at_the_edges(student, what, seed, epochs):
    """train does the steps of the formula also for {what}."""
    model, x, y = small_problem(seed, 1 if what == "one example" else 4)
    if what == "pictures":
        model, x = network(seed), numbers(seed, 4, 1, 4, 4, dtype=torch.float64)
        model[1] = nn.Identity()
    if what == "logits of some thousands":
        with torch.no_grad():
            model[2].weight.mul_(FAR)
    lent = lend(student, model)
    student.train(lent, x, y, epochs=epochs, batch_size=len(x), learning_rate=RATE)
    assert_state(lent, oracle_steps(model, [(x, y)] * epochs, RATE, 0.9))


@pytest.mark.parametrize(
    "penalty",
    [
        pytest.param("l1", marks=needs("test_l1_is_the_sum_of_absolute_weights")),
        pytest.param("l2", marks=needs("test_l2_is_half_the_sum_of_squares")),
    ],
)
@points(0.5, problem="loop")
@needs("test_full_batches_follow_the_gradient")
@SOME
@given(seed=SEEDS, n=sizes(2, 5), epochs=sizes(1, 3), lam=st.floats(0.02, 0.3))
def test_a_penalty_is_part_of_the_gradient(student, penalty, seed, n, epochs, lam):
    """With {penalty} above 0, train follows the gradient of the loss plus {penalty}_penalty; biases pay nothing."""
    model, x, y = small_problem(seed, n)
    lent = lend(student, model)
    student.train(lent, x, y, epochs=epochs, batch_size=n, learning_rate=RATE, **{penalty: lam})
    assert_state(lent, oracle_steps(model, [(x, y)] * epochs, RATE, 0.9, **{penalty: lam}))


@points(1, problem="loop")
@needs("test_full_batches_follow_the_gradient")
@SOME
@given(seed=SEEDS, n=sizes(2, 5), frozen=st.sets(st.sampled_from(["0.weight", "0.bias", "2.weight"]), min_size=1))
def test_frozen_parameters_stay(student, seed, n, frozen):
    """train leaves parameters that do not require a gradient as they are, and trains the others."""
    model, x, y = small_problem(seed, n)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    lent = lend(student, model)
    student.train(lent, x, y, epochs=2, batch_size=n, learning_rate=RATE)
    assert_state(lent, oracle_steps(model, [(x, y)] * 2, RATE, 0.9))


@points(0.5, problem="loop")
@needs("test_full_batches_follow_the_gradient")
@FEW
@given(seed=SEEDS, n=sizes(2, 5))
def test_the_trained_model_is_returned(student, seed, n):
    """train returns the model that it has trained in place, and leaves x and y as they are."""
    model, x, y = small_problem(seed, n)
    before, lent = snapshot(x, y), lend(student, model)
    trained = module_of(
        student.train(lent, x, y, epochs=2, batch_size=n, learning_rate=RATE), what="what train returned"
    )
    assert_unchanged((x, y), before, what="(x, y)")
    expected = oracle_steps(model, [(x, y)] * 2, RATE, 0.9)
    assert_state(trained, expected, "the weights of what is returned")
    assert_state(lent, expected, "the weights of the model that was given")


def cuts(left, batch_size):
    """Every way to cut the numbers `left` into batches, one after the other; in a batch, a mean, the order is none."""
    if not left:
        return [()]
    found = []
    for batch in itertools.combinations(left, min(batch_size, len(left))):
        rest = [i for i in left if i not in batch]
        found += [(batch, *others) for others in cuts(rest, batch_size)]
    return found


@dataclass
class Trainings:
    """Trainings by every order that the contract allows, m of them side by side."""

    orders: list  # m times, for each epoch its batches
    state: dict  # from names to (m, ..) tensors
    losses: torch.Tensor  # (m, epochs): mean over the examples, as their batches met the network
    shares: torch.Tensor  # (m, epochs): of right answers

    def like(self, lent):
        """Which of them led to the weights of the student's model."""
        found = dict(lent.state_dict())
        near = torch.ones(len(self.orders), dtype=torch.bool)
        for name, ours in self.state.items():
            theirs = found.get(name)
            same = type(theirs) is torch.Tensor and theirs.shape == ours.shape[1:] and theirs.dtype == ours.dtype
            check(same, f"after the training {name} is {describe(theirs)}", "wrong_type")
            near &= ((ours - theirs).abs() <= 1e-9 + 1e-6 * ours.abs()).flatten(1).all(1)
        return near.nonzero()[:, 0].tolist()


def every_training(model, x, y, batch_size, epochs, rate, momentum, l1=0.0, l2=0.0):
    """model : as `small_problem` makes it; all m trainings run side by side, along a first axis."""
    orders = list(itertools.product(cuts(range(len(x)), batch_size), repeat=epochs))
    p = {name: tensor.detach().expand(len(orders), *tensor.shape).clone() for name, tensor in model.named_parameters()}
    v = {name: torch.zeros_like(tensor) for name, tensor in p.items()}
    losses, shares = torch.zeros(2, len(orders), epochs, dtype=torch.float64)
    for epoch in range(epochs):
        for place in range(len(orders[0][epoch])):
            rows = torch.tensor([order[epoch][place] for order in orders])  # (m, b)
            leaves = [tensor.requires_grad_() for tensor in p.values()]
            w1, b1, w2, b2 = leaves
            hidden = torch.tanh(torch.einsum("mbd,mhd->mbh", x[rows], w1) + b1[:, None])
            z = torch.einsum("mbh,mkh->mbk", hidden, w2) + b2[:, None]
            loss = (z.logsumexp(2) - z.gather(2, y[rows][..., None])[..., 0]).mean(1)  # (m,)
            penalty = sum(l1 * w.abs().sum() + l2 / 2 * w.square().sum() for w in (w1, w2))
            slopes = torch.autograd.grad(loss.sum() + penalty, leaves)
            for name, slope in zip(p, slopes, strict=True):
                v[name] = momentum * v[name] + slope
                p[name] = (p[name] - rate * v[name]).detach()
            losses[:, epoch] += loss.detach() * rows.shape[1] / len(x)
            shares[:, epoch] += (z.argmax(2) == y[rows]).double().mean(1) * rows.shape[1] / len(x)
    return Trainings(orders, p, losses, shares)


def like_one(ours, lent, sentence):
    places = ours.like(lent)
    check(bool(places), f"{sentence} to these weights")
    return places


def cut_into(n, batch_size, value, *needed):
    return pytest.param(n, batch_size, marks=[points(value, problem="loop"), needs(*needed)])


@pytest.mark.parametrize(
    "n, batch_size",
    [
        cut_into(4, 2, 1, "test_batches_are_a_partition"),
        cut_into(5, 3, 0.75, "test_batches_at_the_edges[a last batch that is smaller]"),
        cut_into(3, 1, 0.75, "test_batches_at_the_edges[batches of one]"),
    ],
    ids=["batches of two", "a last batch that is smaller", "batches of one"],
)
@needs("test_full_batches_follow_the_gradient")
@SOME
@given(seed=st.integers(0, 2**30), momentum=MOMENTA)
def test_every_example_comes_once_in_an_epoch_with_its_label(student, n, batch_size, seed, momentum):
    """With {n} examples in batches of {batch_size}, train takes each example of an epoch once, with its own label: some
    order of the examples leads to its weights."""
    model, x, y = small_problem(seed, n, classes=4)
    ours = every_training(model, x, y, batch_size, 1, 0.5, momentum)
    lent = lend(student, model)
    student.train(lent, x, y, epochs=1, batch_size=batch_size, learning_rate=0.5, momentum=momentum, seed=seed)
    like_one(ours, lent, f"no order of {n} examples in batches of {batch_size} leads")


@points(1.5, problem="loop")
@needs("test_every_example_comes_once_in_an_epoch_with_its_label[batches of two]")
@settings(max_examples=2)
@given(seed=st.integers(0, 2**20))
def test_every_epoch_has_an_order_of_its_own(student, seed):
    """Over two epochs, each example comes once in each, the velocity goes on, and the order is drawn anew."""
    differs = False
    for number in range(6):
        model, x, y = small_problem(seed + number, 4, classes=4)
        ours = every_training(model, x, y, 2, 2, 0.5, 0.9)
        lent = lend(student, model)
        student.train(lent, x, y, epochs=2, batch_size=2, learning_rate=0.5, seed=seed + number)
        places = like_one(ours, lent, "no two orders of the examples, one for each epoch, lead")
        differs = differs or all(ours.orders[place][0] != ours.orders[place][1] for place in places)
    check(differs, "in six trainings of two epochs the second order was always the first one")


@pytest.mark.parametrize(
    "kind, penalty",
    [
        pytest.param("without penalties", 0.0, marks=points(1.5, problem="loop")),
        pytest.param(
            "with penalties, which have no part in it",
            0.1,
            marks=[points(0.5, problem="loop"), needs("test_a_penalty_is_part_of_the_gradient")],
        ),
    ],
    ids=["without penalties", "with penalties"],
)
@needs(
    "test_every_example_comes_once_in_an_epoch_with_its_label[batches of two]",
    "test_every_example_comes_once_in_an_epoch_with_its_label[a last batch that is smaller]",
)
@SOME
@given(seed=st.integers(0, 2**30), sizes_=st.sampled_from([(4, 2), (5, 3)]))
def test_log_hears_means_over_examples(student, kind, penalty, seed, sizes_):
    """In a training {kind}, log hears each epoch's number from 1, and the mean cross entropy and the share of right
    answers over its examples, as their batches met the network."""
    n, batch_size = sizes_
    model, x, y = small_problem(seed, n, classes=4)
    ours = every_training(model, x, y, batch_size, 2, 0.5, 0.9, l1=penalty, l2=penalty)
    heard, lent = Heard("loss", "accuracy"), lend(student, model)
    words = {"batch_size": batch_size, "learning_rate": 0.5, "l1": penalty, "l2": penalty, "seed": seed}
    student.train(lent, x, y, epochs=2, log=heard.log, **words)
    told = heard.epochs(2)
    places = like_one(ours, lent, "no two orders of the examples, one for each epoch, lead")
    near = {"rtol": 1e-5, "atol": 1e-6, "any_float": True}
    for number, (loss, share) in enumerate(told):
        assert_close(values_of(loss, 0.0), float(ours.losses[places[0], number]), what="the loss", **near)
        assert_close(values_of(share, 0.0), float(ours.shares[places[0], number]), what="the accuracy", **near)


@points(1.5, problem="loop")
@needs("test_full_batches_follow_the_gradient")
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

    calm, xs, ys = small_problem(seed, 4)
    lent = lend(student, calm)
    student.train(lent, xs, ys, epochs=2, batch_size=4, learning_rate=RATE, seed=seed)
    assert_state(lent, oracle_steps(calm, [(xs, ys)] * 2, RATE, 0.9), "the weights of a network without dropout")
    first = trained(seed, 3)
    assert_close(trained(seed, 3), first, what="the second network", rtol=1e-5, atol=1e-6)
    for batch_size in (3, 12):  # with one batch an epoch dropout alone can differ
        one, other = trained(seed, batch_size), trained(seed + 1, batch_size)
        same = torch.allclose(one["0.weight"], other["0.weight"], rtol=1e-5, atol=1e-6)
        check(not same, f"another seed trains the very same network (batch_size {batch_size} of 12)")


@points(1, problem="loop")
@needs("test_full_batches_follow_the_gradient")
@FEW
@given(seed=SEEDS, in_training=st.booleans(), epochs=sizes(1, 3))
def test_training_happens_in_train_mode(student, seed, in_training, epochs):
    """train puts the model into train mode: batch norm works by the batch's statistics, and keeps running ones."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)).double().train(in_training)
    x, y = 4 + numbers(seed, 8, 3, dtype=torch.float64), torch.arange(8) % 2
    lent = lend(student, model)
    student.train(lent, x, y, epochs=epochs, batch_size=8, learning_rate=0.1)
    assert_state(lent, oracle_steps(model.train(), [(x, y)] * epochs, 0.1, 0.9), "weights and running statistics")


def calm_network(seed, kind="rows"):
    """One that answers otherwise in train mode, with running statistics that are not those of the batch."""
    torch.manual_seed(seed)
    first = [nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8)] if kind == "pictures" else [nn.Linear(3, 8), nn.BatchNorm1d(8)]
    model = nn.Sequential(*first, nn.ReLU(), nn.Dropout(0.6), nn.Flatten(), nn.Linear(8, 4))
    with torch.no_grad():
        model[1].running_mean.copy_(numbers(seed, 8))
        model[1].running_var.copy_(0.5 + numbers(seed + 1, 8).square())
        if kind == "far":
            model[5].weight.mul_(FAR)
    return model


def inputs_of(seed, n, kind):
    return 2 * (numbers(seed, n, 2, 3, 3) if kind == "pictures" else numbers(seed, n, 3))


def in_eval_mode(model, x):
    model.eval()
    with torch.no_grad():
        return model(x)


ROWS = st.sampled_from(["rows", "pictures"])


def ask_classes(student, lent, x, batch_size):
    found = student.predict(lent, x, batch_size=batch_size)
    check(type(found) is torch.Tensor, f"predict returned {describe(found)}, expected a tensor", "wrong_type")
    check(found.dtype == torch.int64, f"the classes are of dtype {found.dtype}, expected int64", "wrong_dtype")
    return found


@points(2, problem="loop")
@SOME
@given(seed=st.integers(0, 2**30), full=sizes(1, 4), batch_size=sizes(2, 5), kind=ROWS, in_training=st.booleans())
def test_predictions_are_made_in_eval_mode(student, seed, full, batch_size, kind, in_training):
    """predict is the argmax of the logits in eval mode, in order, batch_size examples at a time."""
    model, x = calm_network(seed, kind), inputs_of(seed, full * batch_size, kind)
    expected = in_eval_mode(model, x).argmax(1)
    found = ask_classes(student, lend(student, model.train(in_training)), x, batch_size)
    assert_equal(values_of(found, expected), expected, what="the classes")


ASKED = {"one example": 0.25, "a last batch that is smaller": 0.5, "logits of some thousands": 0.25}
AT_THE_EDGES = [pytest.param(name, marks=points(value, problem="loop")) for name, value in ASKED.items()]


def asked(seed, what):
    """(model, examples): six of them, in batches of 4, or one, or with far logits."""
    kind = "far" if what == "logits of some thousands" else "rows"
    n = {"one example": 1, "logits of some thousands": 4}.get(what, 6)
    return calm_network(seed, kind), inputs_of(seed, n, kind)


@pytest.mark.parametrize("what", AT_THE_EDGES)
@needs("test_predictions_are_made_in_eval_mode")
@FEW
@given(seed=st.integers(0, 2**30))
def test_predictions_at_the_edges(student, what, seed):
    """predict answers an (n,) tensor of the right classes also for {what}."""
    model, x = asked(seed, what)
    expected = in_eval_mode(model, x).argmax(1)
    found = ask_classes(student, lend(student, model), x, 4)
    assert_equal(found if what == "one example" else values_of(found, expected), expected, what="the classes")


@points(1, problem="loop")
@needs("test_predictions_are_made_in_eval_mode")
@FEW
@given(seed=st.integers(0, 2**30), in_training=st.booleans())
def test_predicting_leaves_the_model_alone(student, seed, in_training):
    """After predict, the model is in the mode in which it was, with the same weights and running statistics."""
    model, x = calm_network(seed), inputs_of(seed, 4, "rows")
    expected = in_eval_mode(model, x).argmax(1)
    lent = lend(student, model.train(in_training))
    assert_equal(values_of(ask_classes(student, lent, x, 4), expected), expected, what="the classes")
    check(lent.training is in_training, "the model is in another mode than before", "changed_input")
    assert_equal(dict(lent.state_dict()), dict(model.state_dict()), what="the model's state")


def assert_evaluation(student, lent, x, y, z, batch_size):
    answer = student.evaluate(lent, x, y, batch_size=batch_size)
    loss, share = items_of(answer, "loss", "accuracy", what="what evaluate returned")
    assert_close(loss, F.cross_entropy(z, y).item(), what="the loss", rtol=1e-4, atol=1e-5, any_float=True)
    right = (z.argmax(1) == y).double().mean().item()
    assert_close(share, right, what="the accuracy", rtol=1e-6, atol=1e-6, any_float=True)


@points(1.5, problem="loop")
@SOME
@given(seed=st.integers(0, 2**30), full=sizes(1, 4), batch_size=sizes(2, 5), kind=ROWS, in_training=st.booleans())
def test_an_evaluation_is_made_in_eval_mode(student, seed, full, batch_size, kind, in_training):
    """evaluate gives the mean cross entropy and the accuracy over all examples, in eval mode."""
    model, x = calm_network(seed, kind), inputs_of(seed, full * batch_size, kind)
    y, z = labels_of(seed, len(x), 4), in_eval_mode(model, x)
    assert_evaluation(student, lend(student, model.train(in_training)), x, y, z, batch_size)


@points(1, problem="loop")
@needs("test_an_evaluation_is_made_in_eval_mode")
@SOME
@given(seed=st.integers(0, 2**30), rest=sizes(1, 4))
def test_every_example_weighs_the_same_in_an_evaluation(student, seed, rest):
    """evaluate weighs every example the same where the last batch is smaller, too."""
    model, x = calm_network(seed), inputs_of(seed, 5 + rest, "rows")
    y, z = labels_of(seed, len(x), 4), in_eval_mode(model, x)
    assert_evaluation(student, lend(student, model), x, y, z, 5)


@pytest.mark.parametrize("what", ["one example", "logits of some thousands"])
@points(0.25, problem="loop")
@needs("test_an_evaluation_is_made_in_eval_mode")
@FEW
@given(seed=st.integers(0, 2**30))
def test_evaluations_at_the_edges(student, what, seed):
    """evaluate is right also for {what}."""
    model, x = asked(seed, what)
    y, z = labels_of(seed, len(x), 4), in_eval_mode(model, x)
    assert_evaluation(student, lend(student, model), x, y, z, 4)


@points(1, problem="loop")
@needs("test_an_evaluation_is_made_in_eval_mode")
@FEW
@given(seed=st.integers(0, 2**30), in_training=st.booleans())
def test_evaluating_leaves_the_model_alone(student, seed, in_training):
    """After evaluate, the model is in the mode in which it was, with the same weights and running statistics."""
    model, x = calm_network(seed), inputs_of(seed, 4, "rows")
    y, z = labels_of(seed, len(x), 4), in_eval_mode(model, x)
    lent = lend(student, model.train(in_training))
    assert_evaluation(student, lent, x, y, z, 4)
    check(lent.training is in_training, "the model is in another mode than before", "changed_input")
    assert_equal(dict(lent.state_dict()), dict(model.state_dict()), what="the model's state")


# ----------------------------------------------------------------------------------------------------------- networks

# What is graded is read from weights: the judge takes the trained parameters, and passes letters that nobody has seen
# through its own formula. The recipes are the same on a GPU; no card has run them yet.

LOOP = {"seconds": 240, "test_seconds": 600}
PACE = 4.0  # times the reference's seconds
UNLIKE = replace(datasets.STEADY, jitter=0.07, turn=0.3, stretch=0.15, slant=0.15, shift=0.08)
SCATTERED = {"classes": 36, "sizes": (1800, 468), "side": 28, "hand": UNLIKE, "scattered": True}
TWO_INKS = {"hand": datasets.LOOSE, "inks": True}

follows_the_formula = needs("test_every_example_comes_once_in_an_epoch_with_its_label[batches of two]")


@dataclass
class Recipe:
    """One network, the alphabet that it reads, and what it must reach."""

    drawn: dict  # arguments of datasets.alphabet
    build: tuple  # name of the builder, its arguments, its words
    train: dict
    bar: float | None  # percent; measured: see calibration.json. None: it need not learn anything
    contrast: float = 1.0  # from black to white, in what the network sees
    sorted: bool = False  # pictures of one class after the other

    @property
    def shapes(self):
        name, arguments, words = self.build
        return mlp_shapes(*arguments[:1]) if name == "build_mlp" else cnn_shapes(*arguments, CNN | words)

    def logits(self, x, own, running):
        """By the judge's formula, in eval mode."""
        name, arguments, words = self.build
        if name == "build_mlp":
            return oracle_mlp(x, own, arguments[1])
        return oracle_cnn(x, own, len(arguments[2]), CNN | words, running)[0]


CNN = {"kernel_size": 3, "padding": 0, "batch_norm": False}  # where nothing else is said


@dataclass
class Data:
    """What a training gets, and what only the judge keeps: `held_out` and `labels`."""

    x: torch.Tensor
    y: torch.Tensor
    held_out: torch.Tensor
    labels: torch.Tensor
    names: tuple


def pictures(made, contrast):
    """(n, c, h, w) float32, around 0."""
    x = torch.from_numpy(made.images.astype("float32"))
    return contrast * ((x.permute(0, 3, 1, 2) if x.dim() == 4 else x[:, None]).contiguous() - 0.5)


def letters(recipe):
    """From a seed to the data: an alphabet that nobody has seen."""

    def inputs(seed):
        made = datasets.alphabet(seed, **recipe.drawn)
        x, held_out = (pictures(part, recipe.contrast) for part in (made.train, made.held_out))
        y, labels = (torch.from_numpy(part.y.copy()) for part in (made.train, made.held_out))
        if recipe.sorted:
            places = y.argsort(stable=True)
            x, y = x[places], y[places]
        return Data(x, y, held_out, labels, made.train.names)

    return inputs


def noise(channels, side):
    """A few pictures of the right size that show nothing: to begin with."""

    def inputs(seed):
        draw = torch.Generator().manual_seed(seed)
        x = torch.rand(40, channels, side, side, generator=draw) - 0.5
        y = torch.randint(2, (40,), generator=draw)
        return Data(x, y, x, y, ())

    return inputs


def learning(recipe):
    name, arguments, words = recipe.build

    def work(module, data, *, device, seed, log):
        model = module_of(getattr(module, name)(*arguments, **words), what=f"what {name} returned")
        names = [name for name, _ in model.named_parameters()]
        module.train(model, data.x, data.y, **recipe.train, device=device, seed=seed, log=log)
        return names, model.state_dict()

    return work


def predicted(recipe, data, answer):
    """The classes of the held-out letters, by the judge's formula from what the training left in the model."""
    names, state = answer
    check(isinstance(state, dict), f"the model's state is {describe(state)}, expected a dict", "wrong_type")
    wanted = [torch.zeros(shape) for shape in recipe.shapes]
    own = [state[name] for name in names if type(name) is str and name in state]
    assert_shaped_like(own, wanted, what="the trained parameters")
    running = None
    if recipe.build[2].get("batch_norm"):
        channels = recipe.build[1][2]
        ends = [
            [name for name in state if type(name) is str and name.endswith(end)]
            for end in ("running_mean", "running_var")
        ]
        running = [[state[name] for name in found] for found in ends]
        assert_shaped_like(running, [[torch.zeros(c) for c in channels]] * 2, what="the running statistics")
        running = [(mean.float(), var.float()) for mean, var in zip(*running, strict=True)]
    return recipe.logits(data.held_out, [part.float() for part in own], running).argmax(1)


def train_and_read(training, record, recipe, name):
    """One training of a recipe, held to its bar, with curve and confusion matrix in the report. Returns percent."""
    held = []

    def percent_right(data, answer):
        classes = predicted(recipe, data, answer)
        held.append((data, classes))
        return 100 * float((classes == data.labels).double().mean())

    first = noise(3 if recipe.drawn.get("inks") else 1, recipe.drawn["side"])
    title = f"Learning curve of {name}"
    run = training.run(learning(recipe), letters(recipe), percent_right, warm_up=first, title=title)
    data, classes = held[0]
    record.confusion(f"Confusion on {len(classes)} other pictures: {name}", data.labels, classes, list(data.names))
    if recipe.bar is not None:
        training.reaches(recipe.bar, name=f"accuracy of {name}")
    return run.value


SMALL = Recipe(
    SCATTERED,
    ("build_mlp", ([784, 48, 36], "relu"), {}),
    {"epochs": 10, "batch_size": 36, "learning_rate": 0.06},
    bar=78.0,
    sorted=True,
)
WIDE = Recipe(
    SCATTERED,
    ("build_mlp", ([784, 120, 80, 36], "tanh", 0.1), {}),
    {"epochs": 8, "batch_size": 36, "learning_rate": 0.05, "l2": 1e-3},
    bar=80.0,
)
FRUGAL = Recipe(
    {**TWO_INKS, "sizes": (1400, 300), "side": 20},
    ("build_cnn", ((3, 20, 20), 10, (8, 16)), {"kernel_size": 5}),
    {"epochs": 8, "batch_size": 20, "learning_rate": 0.02},
    bar=85.0,
    contrast=4.0,
)
STAGES = Recipe(
    {**TWO_INKS, "classes": 20, "sizes": (1200, 400), "side": 16},
    ("build_cnn", ((3, 16, 16), 20, (12, 24)), {"padding": 1, "dropout": 0.3}),
    {"epochs": 7, "batch_size": 24, "learning_rate": 0.02},
    bar=88.0,
    contrast=4.0,
)
CHARACTERS = Recipe(
    {**TWO_INKS, "classes": 36, "sizes": (1800, 468), "side": 16},
    ("build_cnn", ((3, 16, 16), 36, (8, 16)), {"kernel_size": 5, "padding": 2, "batch_norm": True}),
    {"epochs": 4, "batch_size": 30, "learning_rate": 0.02},
    bar=88.0,
    contrast=4.0,
)
FAINT = Recipe(
    {**TWO_INKS, "sizes": (1000, 300), "side": 16},
    ("build_cnn", ((3, 16, 16), 10, (8, 16, 32)), {"padding": 1}),
    {"epochs": 4, "batch_size": 20, "learning_rate": 0.01},
    bar=None,  # under some seeds it has not begun to learn after four epochs
    contrast=1.5,
)
NORMALISED = replace(FAINT, build=(*FAINT.build[:2], {"padding": 1, "batch_norm": True}), bar=95.0)
GAIN = 3.0  # percentage points


@points(4, problem="networks")
@limits(**LOOP)
@follows_the_formula
@needs("test_an_mlp_is_its_formula[relu]")
def test_a_network_of_40000_parameters_reads_letters(training, record):
    """Trained on 36 letters that nobody has seen before, arriving sorted by class, a dense network of at most 40,000
    parameters reads other pictures of them."""
    train_and_read(training, record, SMALL, "a small dense network")


@points(4, problem="networks")
@limits(**LOOP)
@follows_the_formula
@needs(
    "test_an_mlp_is_its_formula[tanh]",
    "test_dropout_stands_behind_each_hidden_layer",
    "test_a_penalty_is_part_of_the_gradient[l2]",
)
def test_200_hidden_units_read_letters(training, record):
    """200 hidden units in two layers, trained with dropout and an l2 penalty, read 36 letters that nobody has seen
    before."""
    train_and_read(training, record, WIDE, "a dense network of 200 hidden units")


@points(4, problem="networks")
@limits(**LOOP)
@follows_the_formula
@needs("test_a_cnn_for_other_pictures[without padding]")
def test_a_frugal_cnn_reads_letters(training, record):
    """A convolutional network of 4,474 parameters reads ten letters in two inks, and is trained about as fast as by the
    reference."""
    train_and_read(training, record, FRUGAL, "a frugal CNN")
    training.keeps_pace(PACE)


@points(4, problem="networks")
@limits(**LOOP)
@follows_the_formula
@needs("test_a_cnn_is_its_formula", "test_dropout_in_a_cnn_stands_before_the_last_layer")
def test_two_stages_and_dropout_read_letters(training, record):
    """Two stages of convolution and pooling, with dropout, tell 20 letters in two inks apart."""
    train_and_read(training, record, STAGES, "two stages with dropout")


@points(4, problem="networks")
@limits(**LOOP)
@follows_the_formula
@needs("test_a_cnn_is_its_formula", "test_in_eval_mode_batch_norm_uses_running_statistics")
def test_36_classes_of_characters_are_told_apart(training, record):
    """A convolutional network with batch norm tells 36 letters in two inks apart."""
    train_and_read(training, record, CHARACTERS, "two stages with batch norm")


@points(4, problem="networks")
@limits(**LOOP)
@follows_the_formula
@needs("test_a_cnn_is_its_formula", "test_in_eval_mode_batch_norm_uses_running_statistics")
def test_batch_norm_reads_faint_pictures_better(training, record):
    """Three stages read faint pictures better with batch norm than without, after the same four epochs."""
    without = train_and_read(training, record, FAINT, "three stages without batch norm")
    gained = train_and_read(training, record, NORMALISED, "three stages with batch norm") - without
    check(
        gained >= GAIN,
        f"with batch norm {gained:.1f} percentage points more are right than without, expected at least {GAIN:g}",
        "below_bar",
    )


# ------------------------------------------------------------------------------------------------------------- record

QUICK = {"hand": replace(datasets.LOOSE, mirrored=True), "inks": True, "sizes": (500, 400), "side": 16}
RECORD_BAR, RECORD_PACE = 78.0, 2.5


def quick(seed):
    """Pictures with entries from 0 to 1, of letters that are as often seen from behind."""
    made = datasets.alphabet(seed, **QUICK)
    x, held_out = (pictures(part, 1.0) + 0.5 for part in (made.train, made.held_out))
    y, labels = (torch.from_numpy(part.y.copy()) for part in (made.train, made.held_out))
    return Data(x, y, held_out, labels, made.train.names)


@points(6, problem="record")
@limits(**LOOP)
@needs("test_predictions_are_made_in_eval_mode")
def test_letters_are_learned_fast(training, record):
    """train_fast: ten letters in two inks, half of them mirrored, told apart as well as by the reference's recipe, in
    at most 2.5 times its time."""
    held = []

    def work(module, data, *, device, seed, log):
        model = module.train_fast(data.x, data.y, classes=10, device=device, seed=seed, log=log)
        return module.predict(model, data.held_out, device=device)

    def percent_right(data, answer):
        right = type(answer) is torch.Tensor and answer.shape == data.labels.shape and answer.dtype == torch.int64
        check(right, f"predict returned {describe(answer)}, expected {tuple(data.labels.shape)} labels", "wrong_shape")
        held.append((data, answer))
        return 100 * float((answer == data.labels).double().mean())

    training.run(work, quick, percent_right, warm_up=noise(3, QUICK["side"]), title="Learning curve of train_fast")
    data, answer = held[0]
    record.confusion(f"Confusion on {len(answer)} other pictures", data.labels, answer.clamp(0, 9), list(data.names))
    training.reaches(RECORD_BAR, name="accuracy of train_fast")
    training.keeps_pace(RECORD_PACE)
