"""Hidden tests of `transfer`: what a layer holds, what trains and what must not, against an oracle's own arithmetic.

Models are lent, of torch's own layers, with tanh inside; the oracle runs and trains copies of them here. A ResNet-20 is
run here as a list of formulas over its named arrays, without a module. What a fine-tuned network is worth is measured
on digits that stay with the judge; the network that it starts from learned photographs, and knows no digit.
"""

import copy
import math
from collections import OrderedDict
from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

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
)

SEEDS = st.integers(0, 2**31 - 1)
NEAR = {"rtol": 1e-4, "atol": 1e-5}  # float32, over a few layers

# ---------------------------------------------------------------------------------------------------- what tests draw


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed % 2**31))


def images_of(seed, *shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed % 2**31))


def model_of(seed, classes=3, *, norm=True):
    """A backbone and a head, in eval mode, with running statistics that are not those of any batch."""
    with torch.random.fork_rng():
        torch.manual_seed(seed % 2**31)
        layers = [("conv1", nn.Conv2d(3, 4, 3, padding=1)), ("bn1", nn.BatchNorm2d(4)), ("act", nn.Tanh())]
        inner = [nn.Conv2d(4, 5, 3, stride=2), nn.BatchNorm2d(5), nn.Tanh()]
        layers += [("stage", nn.Sequential(*inner)), ("header", nn.Conv2d(5, 5, 1)), ("pool", nn.AdaptiveAvgPool2d(2))]
        layers += [("flat", nn.Flatten()), ("head", nn.Linear(20, classes))]
        model = nn.Sequential(OrderedDict(layers))
        if not norm:
            model.bn1, model.stage[1] = nn.Identity(), nn.Identity()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias)
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
    return model.eval()


def lent(student, model):
    return lend(student, copy.deepcopy(model))


def state(model):
    """The named tensors of a module, copied."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def resnet_weights(seed, classes=3, width=4):
    """Named arrays of a narrow ResNet-20, none of them neutral."""
    rng = np.random.default_rng(seed)
    found = {}

    def convolution(name, outputs, inputs):
        found[f"{name}.weight"] = rng.normal(0, math.sqrt(2 / (9 * inputs)), (outputs, inputs, 3, 3))
        norm = name.replace("conv", "bn")
        found[f"{norm}.weight"], found[f"{norm}.bias"] = rng.uniform(0.5, 1.5, outputs), rng.normal(0, 0.3, outputs)
        found[f"{norm}.running_mean"] = rng.normal(0, 0.3, outputs)
        found[f"{norm}.running_var"] = rng.uniform(0.5, 2, outputs)

    convolution("conv1", width, 3)
    inputs = width
    for stage in (1, 2, 3):
        for block in range(3):
            outputs = width * 2 ** (stage - 1)
            convolution(f"stage{stage}.{block}.conv1", outputs, inputs)
            convolution(f"stage{stage}.{block}.conv2", outputs, outputs)
            inputs = outputs
    found["head.weight"], found["head.bias"] = rng.normal(0, 0.3, (classes, inputs)), rng.normal(0, 0.3, classes)
    arrays = {name: array.astype(np.float32) for name, array in found.items()}
    norms = [name.removesuffix("running_var") for name in found if name.endswith("running_var")]
    return arrays | {f"{norm}num_batches_tracked": np.array(5) for norm in norms}


# ---------------------------------------------------------------------------------------------------------- the oracle


def resnet_layers(weights, images):
    """{layer: what comes out of it}, in eval mode, by formulas."""
    w = {name: torch.tensor(array) for name, array in weights.items()}
    out = {}

    def convolved(name, x, stride=1):
        out[name] = functional.conv2d(x, w[f"{name}.weight"], stride=stride, padding=1)
        norm = name.replace("conv", "bn")
        scale = w[f"{norm}.weight"] / torch.sqrt(w[f"{norm}.running_var"] + 1e-5)
        shift = w[f"{norm}.bias"] - scale * w[f"{norm}.running_mean"]
        out[norm] = out[name] * scale[:, None, None] + shift[:, None, None]
        return out[norm]

    a = convolved("conv1", (images - 0.5) / 0.25).clamp(min=0)
    for stage in (1, 2, 3):
        for block in range(3):
            name = f"stage{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = convolved(f"{name}.conv2", convolved(f"{name}.conv1", a, stride).clamp(min=0))
            around = torch.zeros_like(y)
            around[:, : a.shape[1]] = a[:, :, ::stride, ::stride]
            a = out[name] = (around + y).clamp(min=0)
        out[f"stage{stage}"] = a
    out["head"] = torch.einsum("nf,kf->nk", a.flatten(2).mean(dim=2), w["head.weight"]) + w["head.bias"]
    return out


def oracle_steps(model, images, labels, *, steps, rate):
    """(the trained copy, the logits before each step): whole batches, momentum 0.9, written out."""
    model = copy.deepcopy(model).train()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and not module.weight.requires_grad:
            module.eval()
    trained = [p for p in model.parameters() if p.requires_grad]
    velocity, seen = [torch.zeros_like(p) for p in trained], []
    for _ in range(steps):
        logits = model(images)
        seen.append(logits.detach())
        picked = logits.gather(1, labels[:, None])[:, 0]
        loss = torch.mean(torch.logsumexp(logits, dim=1) - picked)
        slopes = torch.autograd.grad(loss, trained)
        velocity = [0.9 * m + slope for m, slope in zip(velocity, slopes, strict=True)]
        for parameter, m in zip(trained, velocity, strict=True):
            parameter.data -= rate * m
    return model, seen


# ------------------------------------------------------------------------------------------------------------- looking


@points(5, problem="looking")
@settings(max_examples=15)
@given(seed=SEEDS, n=sizes(1, 3), h=sizes(6, 9), w=sizes(6, 9), layer=st.integers(0, 10))
def test_activations_are_what_comes_out_of_the_layer(student, seed, n, h, w, layer):
    """The activations of a layer, at any depth, are its own output: not its input, and not what follows it."""
    model, images = model_of(seed), images_of(seed, n, 3, h, w)
    names = [name for name, _ in model.named_modules() if name]
    name, seen = names[layer % len(names)], {}
    for place, module in model.named_modules():
        module.register_forward_hook(lambda _, __, output, place=place: seen.setdefault(place, output.detach().clone()))
    model(images)
    found = student.activations(lent(student, model_of(seed)), images, name)
    assert_close(found, seen[name], what=f"the activations of {name}", **NEAR)


LAYERS = ("conv1", "bn1", "stage1", "stage2.0.conv1", "stage2.0.bn2", "stage3.1", "stage3", "head")


@points(4, problem="looking")
@settings(max_examples=10)
@given(seed=SEEDS, n=sizes(1, 3), h=sizes(8, 12), w=sizes(8, 12), layer=st.sampled_from(LAYERS))
def test_activations_of_a_resnet_are_its_formulas(student, seed, n, h, w, layer):
    """Of a ResNet-20, too, layers hold what the formulas of its blocks say, for images of any size."""
    weights, images = resnet_weights(seed), images_of(seed, n, 3, h, w)
    found = student.activations(student.resnet20(weights), images, layer)
    assert_close(found, resnet_layers(weights, images)[layer], what=f"the activations of {layer}", rtol=1e-3, atol=1e-4)


@points(3, problem="looking")
@settings(max_examples=10)
@given(seed=SEEDS, mode=st.booleans(), layer=st.sampled_from(["conv1", "stage.1", "head"]))
def test_looking_leaves_no_trace(student, seed, mode, layer):
    """No hook stays behind, the mode is what it was, no weight has changed, and the images are the same."""
    model, images = model_of(seed).train(mode), images_of(seed, 3, 3, 7, 6)
    theirs, before = lent(student, model), snapshot(images)
    student.activations(theirs, images, layer)
    assert_unchanged(images, before, what="images")
    check(len(theirs.get_submodule(layer)._forward_hooks) == 0, f"a hook stays on {layer}")
    check(theirs.training is mode, f"the model's mode is training={theirs.training}, expected {mode}")
    inner = theirs.get_submodule("bn1").training
    check(inner is mode, f"bn1 is left with training={inner}, expected {mode}")
    if not mode:
        assert_equal(state(theirs), state(model), what="the model's state")


@points(1, problem="looking")
@settings(max_examples=10)
@given(wrong=st.sampled_from(["conv2", "stage.7", "Head", "conv1.weight", ""]))
def test_a_layer_that_is_not_there_is_a_key_error(student, wrong):
    """activations raises KeyError for a name that is no layer's."""
    with assert_raises(KeyError, what=f"activations of {wrong!r}"):
        student.activations(lent(student, model_of(1)), images_of(1, 1, 3, 6, 6), wrong)


@points(4, problem="looking")
@settings(max_examples=30)
@given(
    seed=SEEDS, c=sizes(1, 5), h=sizes(1, 5), w=sizes(1, 5), scale=st.sampled_from([1e-3, 1.0, 1e4]), flat=sizes(0, 4)
)
def test_every_map_goes_from_black_to_white(student, seed, c, h, w, scale, flat):
    """p = (a - min)/(max - min), for every map by itself; a map that is the same everywhere is black; maps stay."""
    maps = scale * (drawn(seed, c, h, w) + 3 * drawn(seed + 1, c, 1, 1))
    maps[flat % c] = maps[flat % c, 0, 0].item()
    expected = torch.zeros_like(maps)
    for place, one in enumerate(maps.double()):
        low, high = float(one.min()), float(one.max())
        if high > low:
            expected[place] = ((one - low) / (high - low)).float()
    before = snapshot(maps)
    assert_close(student.as_pictures(maps), expected, what="the pictures", rtol=1e-4, atol=1e-5)
    assert_unchanged(maps, before, what="maps")


@points(5, problem="looking")
@settings(max_examples=30)
@given(seed=SEEDS, c=sizes(1, 9), h=sizes(1, 4), w=sizes(1, 4), columns=sizes(1, 5), gap=sizes(0, 3),
       fill=st.sampled_from([0.0, 0.5, 1.0]))  # fmt: skip
def test_a_grid_has_every_picture_in_its_place(student, seed, c, h, w, columns, gap, fill):
    """Row by row, `columns` in each; `gap` pixels of `fill` between neighbours, none around; empty places, too."""
    pictures = images_of(seed, c, h, w)
    rows = math.ceil(c / columns)
    expected = torch.full((rows * h + (rows - 1) * gap, columns * w + (columns - 1) * gap), fill)
    for y in range(expected.shape[0]):
        for x in range(expected.shape[1]):
            (row, i), (column, j) = divmod(y, h + gap), divmod(x, w + gap)
            if i < h and j < w and row * columns + column < c:
                expected[y, x] = pictures[row * columns + column, i, j]
    assert_close(student.picture_grid(pictures, columns, gap=gap, fill=fill), expected, what="the grid", atol=0, rtol=0)


# -------------------------------------------------------------------------------------------------------------- scores


@points(4, problem="scores")
@settings(max_examples=15)
@given(seed=SEEDS, n=sizes(1, 7), batch_size=sizes(1, 8), mode=st.booleans())
def test_predictions_are_those_of_eval_mode(student, seed, n, batch_size, mode):
    """predict gives the logits of eval mode, in order, whatever the batch size and the mode that the model is in."""
    model, images = model_of(seed), images_of(seed, n, 3, 6, 7)
    found = student.predict(lent(student, copy.deepcopy(model).train(mode)), images, batch_size=batch_size)
    assert_close(found, model(images).detach(), what="the logits", **NEAR)


@points(3, problem="scores")
@settings(max_examples=10)
@given(seed=SEEDS, mode=st.booleans())
def test_predicting_changes_nothing(student, seed, mode):
    """The mode is what it was, running statistics and weights have not changed, and the images are the same."""
    model, images = model_of(seed).train(mode), images_of(seed, 4, 3, 6, 6)
    theirs, before = lent(student, model), snapshot(images)
    student.predict(theirs, images, batch_size=3)
    assert_unchanged(images, before, what="images")
    check(theirs.training is mode, f"the model's mode is training={theirs.training}, expected {mode}")
    assert_equal(state(theirs), state(model), what="the model's state")


@points(4, problem="scores")
@settings(max_examples=30)
@given(seed=SEEDS, n=sizes(1, 4), c=sizes(1, 6), k=sizes(1, 6), far=st.sampled_from([1.0, 3.0, 1e3]))
def test_the_best_classes_come_first(student, seed, n, c, k, far):
    """Of each image the k most probable classes, falling, with the softmax over all classes; for huge logits, too."""
    rng = np.random.default_rng(seed)
    values = np.stack([rng.permutation(c) for _ in range(n)]) + rng.uniform(-0.2, 0.2, (n, c))
    logits, names, k = torch.tensor(far * values, dtype=torch.float32), [f"class {i}" for i in range(c)], min(k, c)
    best = student.top_k(logits, k, names)
    check(type(best) in (list, tuple) and len(best) == n, f"top_k of {n} images is no list of as many", "wrong_shape")
    for row, found in zip(logits.double().numpy(), best, strict=True):
        order = np.argsort(-row)[:k]
        shares = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        check(len(found) == k, f"there are {len(found)} classes, expected {k}", "wrong_shape")
        assert_equal([name for name, _ in found], [names[i] for i in order], what="the names")
        given = [share for _, share in found]
        assert_close(given, [float(shares[i]) for i in order], what="the probabilities", rtol=1e-3, atol=1e-6)


@points(2, problem="scores")
@settings(max_examples=10)
@given(c=sizes(1, 4), bad=st.integers(-2, 0), more=sizes(1, 3))
def test_there_are_no_more_classes_than_there_are(student, c, bad, more):
    """top_k raises ValueError for k below 1 or above the number of classes."""
    for k in (bad, c + more):
        with assert_raises(ValueError, what=f"top_k with k = {k} of {c} classes"):
            student.top_k(drawn(c, 2, c), k, ["a"] * c)


# --------------------------------------------------------------------------------------------------------------- heads


def backbone(model):
    return {name: tensor for name, tensor in state(model).items() if not name.startswith("head.")}


@points(4, problem="heads")
@settings(max_examples=12)
@given(seed=SEEDS, classes=sizes(1, 6), mode=st.booleans())
def test_a_plain_head_is_one_linear_map(student, seed, classes, mode):
    """The backbone is the same to the last bit, the head Linear(f, classes), drawn anew; the mode is the model's."""
    model = model_of(seed).train(mode)
    new = student.replace_head(lent(student, model), classes)
    assert_equal(backbone(new), backbone(model), what="the backbone")
    check(new.training is mode, f"the new model has training={new.training}, expected {mode}")
    w, b = (state(new).get(f"head.{part}") for part in ("weight", "bias"))
    check(w is not None and b is not None and len(state(new)) == len(state(model)), "the head is no Linear")
    shapes = tuple(w.shape), tuple(b.shape)
    check(shapes == ((classes, 20), (classes,)), f"the head has the shapes {shapes}", "wrong_shape")
    bound = 1 / math.sqrt(20) + 1e-6
    check(bool((w.abs() <= bound).all()) and float(w.abs().max()) > 0, "the head is not drawn as nn.Linear draws it")
    if classes == 3:
        check(not torch.equal(w, state(model)["head.weight"]), "the head is the old one")


@points(4, problem="heads")
@settings(max_examples=12)
@given(seed=SEEDS, classes=sizes(1, 5), hidden=sizes(1, 6), dropout=st.sampled_from([0.0, 0.3, 0.7]))
def test_a_longer_head_is_its_five_layers(student, seed, classes, hidden, dropout):
    """Linear(f, m), BatchNorm1d(m), ReLU, Dropout, Linear(m, classes): in this order, and computing just that."""
    model = model_of(seed)
    new = student.replace_head(lent(student, model), classes, hidden=hidden, dropout=dropout)
    head = nn.Sequential(
        nn.Linear(20, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, classes)
    )
    found = {name.removeprefix("head."): value for name, value in state(new).items() if name.startswith("head.")}
    shapes = [tuple(value.shape) for value in found.values()]
    expected = [tuple(value.shape) for value in head.state_dict().values()]
    check(shapes == expected, f"the head's state has the shapes {shapes}, expected {expected}", "wrong_shape")
    check(list(found) == list(head.state_dict()), f"the head's state has the names {list(found)}", "wrong_shape")
    p = new.get_submodule("head.3").p
    check(p == dropout, f"the dropout is {p}, expected {dropout}")
    head.load_state_dict(found)
    images = images_of(seed, 3, 3, 6, 6)
    model.head = head
    assert_close(student.predict(new, images), model.eval()(images).detach(), what="the logits", **NEAR)


@points(3, problem="heads")
@settings(max_examples=8)
@given(seed=SEEDS, hidden=st.sampled_from([None, 4]))
def test_the_old_model_stays_and_shares_nothing(student, seed, hidden):
    """The given model has its head, its weights and its mode; drawing the copy's weights anew does not reach it."""
    model = model_of(seed)
    theirs = lent(student, model)
    new = student.replace_head(theirs, 5, hidden=hidden)
    assert_equal(state(theirs), state(model), what="the old model's state")
    for layer in ("conv1", "stage.0", "bn1"):
        new.get_submodule(layer).reset_parameters()
    assert_equal(state(theirs), state(model), what="the old model's state, with the copy's weights drawn anew,")


PARTS = ("head", "stage", "stage.0", "conv1", "header", "bn1", "stage.1")


@points(6, problem="heads")
@settings(max_examples=20)
@given(
    seed=SEEDS,
    parts=st.lists(st.sampled_from(PARTS), max_size=3, unique=True),
    before=st.lists(st.booleans(), min_size=12),
)
def test_what_is_named_trains_and_nothing_else(student, seed, parts, before):
    """A parameter trains if its layer is one of the named or inside one, whatever it did before; "head" is no "header".
    The count is of the numbers that train."""
    model = model_of(seed)
    for parameter, trains in zip(model.parameters(), before, strict=False):
        parameter.requires_grad_(trains)
    theirs = lent(student, model)
    count = student.freeze(theirs, parts)
    expected = [
        name for name, _ in model.named_parameters() if any(f".{name}".startswith(f".{part}.") for part in parts)
    ]
    found = [name for name, parameter in theirs.named_parameters() if parameter.requires_grad]
    assert_equal(found, expected, what="what trains")
    sizes_of = {name: parameter.numel() for name, parameter in model.named_parameters()}
    assert_equal(count, sum(sizes_of[name] for name in expected), what="the count")
    assert_equal(state(theirs), state(model), what="the model's state")


# ---------------------------------------------------------------------------------------------------------- finetuning


@st.composite
def lessons(draw):
    """(model, images, labels): some parts of the model train."""
    seed, n = draw(SEEDS), draw(sizes(3, 7))
    parts = draw(st.sampled_from([("head",), ("header", "head"), ("stage", "head"), ("stage.0",), PARTS]))
    model = model_of(seed)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(tuple(f"{part}." for part in parts)))
    rng = np.random.default_rng(seed)
    return model, images_of(seed, n, 3, 6, 6), torch.tensor(rng.integers(0, 3, n))


@points(4, problem="finetuning")
@settings(max_examples=15)
@given(lesson=lessons(), epochs=st.integers(0, 4), rate=st.floats(0.005, 0.1))
def test_whole_batches_follow_the_gradient_with_momentum(student, lesson, epochs, rate):
    """With all images in one batch, each epoch is one step with momentum 0.9 on the mean cross-entropy, with those
    batch norms in train mode that train; the model comes back in eval mode."""
    model, images, labels = lesson
    expected, _ = oracle_steps(model, images, labels, steps=epochs, rate=rate)
    options = {"epochs": epochs, "learning_rate": rate, "batch_size": len(images) + 3, "seed": 1}
    trained = student.finetune(lent(student, model), images, labels, **options)
    assert_close(state(trained), state(expected), what="the model's state", rtol=1e-3, atol=1e-4)
    check(trained.training is False, "the model does not come back in eval mode")


@points(3, problem="finetuning")
@settings(max_examples=12)
@given(lesson=lessons(), batch_size=sizes(2, 4))
def test_what_is_frozen_stays_to_the_last_bit(student, lesson, batch_size):
    """Frozen weights, and the running statistics of frozen batch norms, are the same after training; data, too."""
    model, images, labels = lesson
    before, theirs = snapshot(images, labels), lent(student, model)
    options = {"epochs": 2, "learning_rate": 0.05, "batch_size": batch_size, "seed": 3}
    trained = state(student.finetune(theirs, images, labels, **options))
    assert_unchanged((images, labels), before, what="(images, labels)")
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad:
            frozen |= {f"{name}.{part}" for part in ("running_mean", "running_var", "num_batches_tracked")}
    kept = {name: value for name, value in state(model).items() if name in frozen}
    assert_equal({name: value for name, value in trained.items() if name in frozen}, kept, what="what is frozen")


@points(3, problem="finetuning")
@needs("test_whole_batches_follow_the_gradient_with_momentum")
@settings(max_examples=10)
@given(seed=SEEDS, n=sizes(2, 7), batch_size=sizes(2, 4), epochs=sizes(1, 3))
def test_every_batch_makes_its_step(student, seed, n, batch_size, epochs):
    """Each batch makes one step, the smaller last one too, but no single image where there are others; the velocity
    goes on through batches and epochs, and log hears the mean over the images that were used."""
    model, image = model_of(seed, norm=False), images_of(seed, 1, 3, 6, 6)
    images, labels = image.repeat(n, 1, 1, 1), torch.ones(n, dtype=torch.int64)
    cut = [min(batch_size, n - start) for start in range(0, n, batch_size)]
    if cut[-1] == 1 and len(cut) > 1:
        cut.pop()
    expected, seen = oracle_steps(model, images, labels, steps=epochs * len(cut), rate=0.05)
    heard = []

    def log(epoch, loss, accuracy):
        heard.append((epoch, loss, accuracy))

    trained = student.finetune(
        lent(student, model), images, labels, epochs=epochs, learning_rate=0.05, batch_size=batch_size, seed=2, log=log
    )
    assert_close(state(trained), state(expected), what="the model's state", rtol=1e-3, atol=1e-4)
    check(len(heard) == epochs, f"log was called {len(heard)} times in {epochs} epochs", "wrong_shape")
    for number, (epoch, loss, accuracy) in enumerate(heard):
        steps = seen[number * len(cut) : (number + 1) * len(cut)]
        losses = [float(functional.cross_entropy(logits[:1], labels[:1])) for logits in steps]
        right = [float(logits[0].argmax() == 1) for logits in steps]
        assert_equal(epoch, number + 1, what="epoch")
        mean = sum(k * v for k, v in zip(cut, losses, strict=True)) / sum(cut)
        assert_close(loss, mean, what="the loss", rtol=1e-3, atol=1e-4, any_float=True)
        share = sum(k * v for k, v in zip(cut, right, strict=True)) / sum(cut)
        assert_close(accuracy, share, what="the accuracy", atol=1e-6, any_float=True)


@points(2, problem="finetuning")
@needs("test_whole_batches_follow_the_gradient_with_momentum")
@settings(max_examples=6)
@given(seed=SEEDS)
def test_the_order_is_the_seeds(student, seed):
    """The same seed trains the same weights, with dropout in the head as well, and another seed others."""
    model, images = model_of(seed), images_of(seed, 12, 3, 6, 6)
    labels = torch.arange(12) % 3
    model.head = nn.Sequential(nn.Linear(20, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))

    def trained(number):
        options = {"epochs": 2, "learning_rate": 0.1, "batch_size": 4, "seed": number}
        return state(student.finetune(lent(student, model), images, labels, **options))

    first = trained(1)
    assert_close(trained(1), first, what="the second model's state", rtol=1e-4, atol=1e-5)
    same = torch.allclose(trained(2)["head.4.weight"], first["head.4.weight"], rtol=1e-4, atol=1e-5)
    check(not same, "another seed trains the very same weights")


# ------------------------------------------------------------------------- finetuning: a network that knows photographs

learns = needs(
    "test_what_is_named_trains_and_nothing_else",
    "test_whole_batches_follow_the_gradient_with_momentum",
    "test_predictions_are_those_of_eval_mode",
)


@dataclass(frozen=True)
class Profile:
    """The settings of one kind of device; bars of the reference, over seeds."""

    name: str
    count: int  # images to train on
    epochs: int  # of everything; the head gets three times as many
    everything: float  # percent of unseen images
    head: float
    chance: float
    ratio: float  # times the reference's seconds


PROFILES = {
    "cpu": Profile("digits", 600, 4, 85.0, 50.0, 30.0, 4.0),
    "gpu": Profile("fashion", 10_000, 5, 84.0, 60.0, 25.0, 4.0),
}


@dataclass(frozen=True)
class Data:
    weights: dict
    x: torch.Tensor
    y: torch.Tensor
    held_out: torch.Tensor
    labels: torch.Tensor
    epochs: int


def in_colour(data, count, order, factor):
    """(n, 3, h, w) float32: grey pictures, each pixel `factor` times as large both ways."""
    pictures = torch.tensor(data.images[order][:count], dtype=torch.float32)
    return (
        pictures.repeat_interleave(factor, 1).repeat_interleave(factor, 2)[:, None].expand(-1, 3, -1, -1).contiguous()
    )


def lesson_of(profile, *, permuted=False):
    load, factor = {"digits": (datasets.digits, 2), "fashion": (datasets.fashion_mnist, 1)}[profile.name]

    def inputs(seed):
        rng = np.random.default_rng(seed)
        train, test = load("train"), load("test")
        order, other = rng.permutation(len(train)), rng.permutation(len(test))[:2000]
        y = train.y[order][: profile.count]
        x, held_out = in_colour(train, profile.count, order, factor), in_colour(test, 2000, other, factor)
        y, labels = torch.tensor(rng.permutation(y) if permuted else y), torch.tensor(test.y[other])
        return Data(datasets.pretrained_resnet20(), x, y, held_out, labels, profile.epochs)

    return inputs


def warm_up(seed):
    x = images_of(seed, 60, 3, 16, 16)
    return Data(resnet_weights(seed, 10), x, torch.arange(60) % 10, x, torch.arange(60) % 10, 1)


def teaching(parts, *, hidden=None, times=1):
    def work(module, data, *, device, seed, log):
        model = module.replace_head(module.resnet20(data.weights), 10, hidden=hidden, dropout=0.2 if hidden else 0.0)
        module.freeze(model, parts)
        options = {"learning_rate": 0.03 if "conv1" in parts else 0.1, "batch_size": 50, "device": device, "seed": seed}
        model = module.finetune(model, data.x, data.y, epochs=times * data.epochs, log=log, **options)
        return module.predict(model, data.held_out)

    return work


EVERYTHING = ("conv1", "bn1", "stage1", "stage2", "stage3", "head")


def percent_right(data, answer):
    shape = (len(data.labels), 10)
    check(
        type(answer) is torch.Tensor and tuple(answer.shape) == shape, "predict gives no (n, 10) tensor", "wrong_shape"
    )
    return 100 * float((answer.argmax(dim=1) == data.labels).double().mean())


@points(5, problem="finetuning")
@learns
@limits(seconds=60, test_seconds=180)
def test_everything_fine_tuned_reads_digits(training, record):
    """A network that knows photographs, trained on a few hundred grey pictures with everything free, tells ten new
    classes, in at most four times the reference's time."""
    profile = training.profile(**PROFILES)
    kept = []

    def measure(data, answer):
        kept.append(data.labels)
        return percent_right(data, answer)

    run = training.run(teaching(EVERYTHING), lesson_of(profile), measure, warm_up=warm_up, title="Everything trained")
    training.reaches(profile.everything, name="accuracy on unseen pictures, everything trained")
    training.keeps_pace(profile.ratio)
    record.confusion("Unseen pictures", kept[0], run.answer.argmax(dim=1), list("0123456789"))


@points(3, problem="finetuning")
@learns
@needs("test_a_longer_head_is_its_five_layers")
@limits(seconds=60, test_seconds=180)
def test_a_longer_head_alone_goes_far(training):
    """With the backbone frozen, a head with a hidden layer, batch norm and dropout learns most of the ten classes."""
    profile = training.profile(**PROFILES)
    training.run(
        teaching(("head",), hidden=64, times=3), lesson_of(profile), percent_right, warm_up=warm_up,
        title="Training the head alone",
    )  # fmt: skip
    training.reaches(profile.head, name="accuracy on unseen pictures, the head trained")


@points(2, problem="finetuning")
@learns
@limits(seconds=60, test_seconds=180)
def test_nothing_is_learned_from_permuted_labels(training):
    """Fine-tuned on labels that were dealt out anew, the network knows no class better than by chance."""
    profile = training.profile(**PROFILES)
    training.run(teaching(EVERYTHING), lesson_of(profile, permuted=True), percent_right, warm_up=warm_up)
    training.stays_below(profile.chance, name="accuracy on true labels")


# -------------------------------------------------------------------------------------------------------------- report


class Table(HTMLParser):
    """The rows of a table: [(class, [(tag, text, attributes of the picture)]), ..]; whatever else there is, by name."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.rows, self.others, self.tables = [], [], 0
        self.open = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self.tables += 1
        elif tag == "tr":
            self.rows.append((dict(attributes).get("class"), []))
        elif tag in ("td", "th") and self.rows:
            self.rows[-1][1].append([tag, "", None])
            self.open = True
        elif tag == "img" and self.open:
            self.rows[-1][1][-1][2] = dict(attributes)
        elif tag not in ("thead", "tbody", "html", "head", "body", "meta", "title", "style", "caption"):
            self.others.append(tag)

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data):
        if self.open:
            self.rows[-1][1][-1][1] += data


def ask_table(student, *arguments, k):
    text = student.html_report(*arguments, k=k)
    check(type(text) is str, "html_report returns no string", "wrong_type")
    table = Table(text)
    check(table.tables == 1, f"there are {table.tables} tables, expected one", "wrong_shape")
    return table


def answers(seed, n, c):
    """(logits, labels): logits apart from each other, the label the best of about half."""
    rng = np.random.default_rng(seed)
    values = (
        np.stack([rng.permutation(c) for _ in range(n)]) + rng.uniform(-0.2, 0.2, (n, c)) if n else np.zeros((0, c))
    )
    labels = np.where(rng.random(n) < 0.5, values.argmax(axis=1), rng.integers(0, c, n))
    return torch.tensor(values, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64)


def expected_cells(logits, label, names, k):
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    order = np.argsort(-logits)[:k]
    return ["", names[label], *(f"{names[i]}: {100 * shares[i]:.1f} %" for i in order)]


reads_scores = needs("test_the_best_classes_come_first")


def assert_cells(table, logits, labels, names, k):
    rows = table.rows[1:]
    check(len(rows) == len(labels), f"there are {len(rows)} rows of images, expected {len(labels)}", "wrong_shape")
    for (kind, cells), z, label in zip(rows, logits.double().numpy(), labels.tolist(), strict=True):
        found = [text for tag, text, _ in cells if tag == "td"]
        wanted = expected_cells(z, label, names, k)
        check(len(found) == len(wanted), f"a row has {len(found)} cells, expected {len(wanted)}", "wrong_shape")
        # A percent that lies between two decimals may be rounded to either.
        same = [a == b or _next_to(a, b) for a, b in zip(found, wanted, strict=True)]
        check(all(same), f"a row says {found}, expected {wanted}")
        expected = "right" if int(z.argmax()) == label else "wrong"
        check(kind == expected, f"a row has the class {kind!r}, expected {expected!r}")


def _next_to(a, b):
    (name, _, share), (other, _, wanted) = a.rpartition(": "), b.rpartition(": ")
    try:
        return name == other and share.endswith(" %") and abs(float(share[:-2]) - float(wanted[:-2])) < 0.11
    except ValueError:
        return False


@points(4, problem="report")
@reads_scores
@settings(max_examples=15)
@given(seed=SEEDS, n=sizes(0, 4), c=sizes(1, 5), k=sizes(1, 5))
def test_every_image_has_its_row(student, seed, n, c, k):
    """A row of <th>, then a row for each image, in order: its picture, its label and its k best classes with percents;
    the row's class says whether the best one is right."""
    k, names = min(k, c), [f"class {i}" for i in range(c)]
    logits, labels = answers(seed, n, c)
    table = ask_table(student, images_of(seed, n, 3, 5, 4), logits, labels, names, k=k)
    check(len(table.rows) == n + 1, f"the table has {len(table.rows)} rows, expected {n + 1}", "wrong_shape")
    tags = {tag for tag, *_ in table.rows[0][1]}
    check(tags == {"th"} and len(table.rows[0][1]) == 2 + k, "the first row is not one <th> for each column")
    assert_cells(table, logits, labels, names, k)


NASTY = (
    "<script>alert(1)</script>",
    'a"b',
    "it's",
    "R&D",
    "<td>",
    "a &lt; b",
    "</table>",
    "x > y",
    '"><img src=x>',
    "é",
)


@points(4, problem="report")
@needs("test_every_image_has_its_row")
@settings(max_examples=15)
@given(seed=SEEDS, names=st.permutations(NASTY))
def test_names_are_text_whatever_they_hold(student, seed, names):
    """Names of classes with <, >, & and quotes are shown as they are: none ends a cell or begins a tag."""
    names = list(names)[:5]
    logits, labels = answers(seed, 3, 5)
    table = ask_table(student, images_of(seed, 3, 3, 4, 4), logits, labels, names, k=5)
    check(not table.others, f"a name became a tag: {table.others}")
    assert_cells(table, logits, labels, names, 5)
    for _, cells in table.rows[1:]:
        picture = cells[0][2] or {}
        strange = set(picture) - {"src", "alt", "title", "width", "height", "class", "style", "loading"}
        check(not strange, f"a name became an attribute: {sorted(strange)}")


@points(2, problem="report")
@needs("test_every_image_has_its_row")
@settings(max_examples=8)
@given(seed=SEEDS, n=sizes(1, 3))
def test_pictures_are_in_the_table_itself(student, seed, n):
    """The first cell of a row holds the image of that row, as png_url makes it."""
    images, (logits, labels) = images_of(seed, n, 3, 4, 6), answers(seed, n, 3)
    table = ask_table(student, images, logits, labels, ["a", "b", "c"], k=1)
    for image, (_, cells) in zip(images, table.rows[1:], strict=True):
        source = (cells[0][2] or {}).get("src")
        check(source == student.png_url(image), "a row's picture is not that of its image")
