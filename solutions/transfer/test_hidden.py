"""Hidden tests of `transfer`: what a layer holds, what trains and what must not, against an oracle's own arithmetic.

Models are lent, of torch's own layers, with tanh inside; the oracle runs and trains copies of them here. A ResNet-20 is
run here as a list of formulas over its named arrays, without a module. What a fine-tuned network is worth is measured
here, too, from the named arrays that come back, on letters of an alphabet that nobody has seen before; the network that
it starts from learned photographs, and knows no letter.
"""

import base64
import copy
import itertools
import math
import struct
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

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
)

SEEDS = st.integers(0, 2**31 - 1)
NEAR = {"rtol": 1e-4, "atol": 1e-5}  # float32, over a few layers
LOOSE = {"rtol": 1e-3, "atol": 1e-4}  # over a few steps, or with the statistics of small batches
FEW = settings(max_examples=8)

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


def state(model, what="the model"):
    """The named tensors of a module, copied."""
    named = module_of(model, what=what).state_dict()
    tensors = isinstance(named, dict) and all(type(value) is torch.Tensor for value in named.values())
    check(tensors, f"the state of {what} is {describe(named)}, expected a dict of tensors", "wrong_type")
    return {name: tensor.detach().clone() for name, tensor in named.items()}


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
    w = {name: torch.as_tensor(array) for name, array in weights.items()}
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
    out["head"] = head_of(w, a.mean(dim=(2, 3)))
    return out


def head_of(w, features):
    """The logits of features (n, f): of one affine map, or of a longer head in eval mode."""
    if "head.weight" in w:
        return features @ w["head.weight"].T + w["head.bias"]
    hidden = features @ w["head.0.weight"].T + w["head.0.bias"]
    hidden = (hidden - w["head.1.running_mean"]) / torch.sqrt(w["head.1.running_var"] + 1e-5)
    hidden = (hidden * w["head.1.weight"] + w["head.1.bias"]).clamp(min=0)
    return hidden @ w["head.4.weight"].T + w["head.4.bias"]


def oracle_train(model, images, labels, epochs, rate):
    """(the trained copy, [(mean loss, share of right answers) of each epoch]): momentum 0.9, written out.

    epochs : for each epoch its batches, each a list of the places of its images.
    """
    model = copy.deepcopy(model).train()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and not module.weight.requires_grad:
            module.eval()
    trained = [p for p in model.parameters() if p.requires_grad]
    velocity, told = [torch.zeros_like(p) for p in trained], []
    for batches in epochs:
        losses, right = 0.0, 0
        for batch in batches:
            y = labels[batch]
            logits = model(images[batch])
            below = logits - logits.max(dim=1, keepdim=True).values.detach()
            each = torch.log(torch.exp(below).sum(dim=1)) - below.gather(1, y[:, None])[:, 0]
            slopes = torch.autograd.grad(each.mean(), trained)
            velocity = [0.9 * m + slope for m, slope in zip(velocity, slopes, strict=True)]
            for parameter, m in zip(trained, velocity, strict=True):
                parameter.data -= rate * m
            losses, right = losses + float(each.detach().sum()), right + int((logits.argmax(dim=1) == y).sum())
        used = sum(map(len, batches))
        told.append((losses / used, right / used))
    return model.eval(), told


def oracle_steps(model, images, labels, *, steps, rate):
    """The copy after so many steps, each on all images."""
    return oracle_train(model, images, labels, [[list(range(len(images)))]] * steps, rate)[0]


def partitions(places, size):
    """All ways to cut some order of the places into batches; in a batch the order does not matter."""
    if not places:
        yield []
        return
    for batch in itertools.combinations(places, min(size, len(places))):
        for rest in partitions([place for place in places if place not in batch], size):
            yield [list(batch), *rest]


def ways_through(n, size, epochs):
    """All batches of so many epochs; a last batch of one image is left out where there are others."""
    one = [[batch for batch in cut if len(batch) > 1 or n == 1] for cut in partitions(list(range(n)), size)]
    return [list(way) for way in itertools.product(one, repeat=epochs)]


# ------------------------------------------------------------------------------------------------------------- looking


def heard_inside(model, images):
    """{layer: what comes out of it} of a model of torch's own layers, in the mode in which it is; a copy is run."""
    model, seen = copy.deepcopy(model), {}

    def keep(place, output):  # what a hook returns would take the output's place
        seen[place] = output.detach().clone()

    for place, module in model.named_modules():
        module.register_forward_hook(lambda _, __, output, place=place: keep(place, output))
    model(images)
    return seen


def assert_seen(student, model, images, layer):
    """The activations are the layer's own output. Returns the model that the student had."""
    theirs = lent(student, model)
    found = student.activations(theirs, images, layer)
    assert_close(found, heard_inside(model, images)[layer], what=f"the activations of {layer}", **LOOSE)
    return theirs


@points(3, problem="looking")
@settings(max_examples=15)
@given(
    seed=SEEDS, n=sizes(2, 3), h=sizes(6, 9), w=sizes(6, 9),
    layer=st.sampled_from(["conv1", "bn1", "act", "stage", "stage.0", "stage.1", "stage.2", "header"]),
)  # fmt: skip
def test_activations_are_what_comes_out_of_the_layer(student, seed, n, h, w, layer):
    """The activations of a layer, at any depth, are its own output: not its input, and not what follows it."""
    assert_seen(student, model_of(seed), images_of(seed, n, 3, h, w), layer)


@points(1, problem="looking")
@FEW
@given(seed=SEEDS, n=sizes(2, 3), layer=st.sampled_from(["flat", "head"]))
def test_activations_without_maps_are_rows(student, seed, n, layer):
    """Of a layer without maps, such as a head, activations are (n, k)."""
    assert_seen(student, model_of(seed), images_of(seed, n, 3, 6, 7), layer)


@points(0.5, problem="looking")
@needs("test_activations_are_what_comes_out_of_the_layer")
@FEW
@given(seed=SEEDS, classes=sizes(1, 3), layer=st.sampled_from(["conv1", "stage.1", "head"]))
def test_activations_of_one_image_keep_their_axes(student, seed, classes, layer):
    """Activations of one image are (1, ..), and those of a head for one class (1, 1)."""
    assert_seen(student, model_of(seed, classes), images_of(seed, 1, 3, 6, 7), layer)


@points(1, problem="looking")
@needs("test_activations_are_what_comes_out_of_the_layer")
@FEW
@given(seed=SEEDS, inplace=st.sampled_from([nn.ReLU(inplace=True), nn.LeakyReLU(0.3, inplace=True)]))
def test_a_later_layer_changes_no_activations(student, seed, inplace):
    """Where the next layer works in place, the activations are still what came out of the layer before it."""
    model = model_of(seed)
    model.act = inplace
    assert_seen(student, model, images_of(seed, 2, 3, 6, 6), "bn1")


LAYERS = ("conv1", "bn1", "stage1", "stage2.0.conv1", "stage2.0.bn2", "stage3.1", "stage3", "head")


@points(3.5, problem="looking")
@settings(max_examples=10)
@given(seed=SEEDS, n=sizes(1, 3), h=sizes(8, 12), w=sizes(8, 12), layer=st.sampled_from(LAYERS))
def test_activations_of_a_resnet_are_its_formulas(student, seed, n, h, w, layer):
    """Of a ResNet-20, too, layers hold what the formulas of its blocks say, for images of any size."""
    weights, images = resnet_weights(seed), images_of(seed, n, 3, h, w)
    found = student.activations(student.resnet20(weights), images, layer)
    assert_close(found, resnet_layers(weights, images)[layer], what=f"the activations of {layer}", rtol=1e-3, atol=1e-4)


@points(1, problem="looking")
@needs("test_activations_are_what_comes_out_of_the_layer")
@FEW
@given(seed=SEEDS, layer=st.sampled_from(["bn1", "stage.1", "head"]))
def test_looking_in_train_mode_is_in_train_mode(student, seed, layer):
    """Of a model in train mode, batch norms take the statistics of the batch; the model stays in train mode."""
    theirs = assert_seen(student, model_of(seed).train(), images_of(seed, 3, 3, 7, 6), layer)
    check(theirs.training is True, f"the model's mode is training={theirs.training}, expected True")
    inner = theirs.get_submodule("bn1").training
    check(inner is True, f"bn1 is left with training={inner}, expected True")


@points(1, problem="looking")
@needs("test_activations_are_what_comes_out_of_the_layer")
@settings(max_examples=10)
@given(seed=SEEDS, mode=st.booleans(), layer=st.sampled_from(["conv1", "stage.1", "head"]))
def test_looking_leaves_no_hook(student, seed, mode, layer):
    """activations answers rightly, and no hook stays behind."""
    theirs = assert_seen(student, model_of(seed).train(mode), images_of(seed, 3, 3, 7, 6), layer)
    for name in ("", "conv1", "stage.1", "head"):
        module = theirs.get_submodule(name) if name else theirs
        hooks = len(module._forward_hooks), len(module._forward_pre_hooks)
        check(hooks == (0, 0), f"a hook stays on {name or 'the model'}")


@points(1, problem="looking")
@needs("test_activations_are_what_comes_out_of_the_layer")
@settings(max_examples=10)
@given(seed=SEEDS, layer=st.sampled_from(["conv1", "stage.1", "head"]))
def test_looking_leaves_no_trace(student, seed, layer):
    """activations answers rightly and leaves a model in eval mode with its mode and its state, and the images alone."""
    model, images = model_of(seed), images_of(seed, 2, 3, 7, 6)
    before = snapshot(images)
    theirs = assert_seen(student, model, images, layer)
    assert_unchanged(images, before, what="images")
    check(theirs.training is False, f"the model's mode is training={theirs.training}, expected False")
    assert_equal(state(theirs), state(model), what="the model's state")


@points(1, problem="looking")
@settings(max_examples=10)
@given(seed=SEEDS, wrong=st.sampled_from(["conv2", "stage.7", "Head", "conv1.weight", ""]))
def test_a_layer_that_is_not_there_is_a_key_error(student, seed, wrong):
    """activations raises KeyError for a name that is no layer's, and not for one that is."""
    model, images = model_of(seed), images_of(seed, 2, 3, 6, 6)
    assert_seen(student, model, images, "conv1")
    with assert_raises(KeyError, what=f"activations of {wrong!r}"):
        student.activations(lent(student, model), images, wrong)


def oracle_pictures(maps):
    expected = torch.zeros_like(maps)
    for place, one in enumerate(maps.double()):
        low, high = float(one.min()), float(one.max())
        if high > low:
            expected[place] = ((one - low) / (high - low)).to(maps.dtype)
    return expected


def maps_of(seed, c, h, w, scale=1.0):
    """Maps of different heights, none of which is the same everywhere."""
    return scale * (drawn(seed, c, h, w) + 3 * drawn(seed + 1, c, 1, 1))


@points(2.5, problem="looking")
@settings(max_examples=30)
@given(seed=SEEDS, c=sizes(2, 5), h=sizes(1, 5), w=sizes(2, 5), scale=st.sampled_from([1e-3, 1.0, 1e4]))
def test_every_map_goes_from_black_to_white(student, seed, c, h, w, scale):
    """p = (a - min)/(max - min), for every map by itself, whatever its heights and its width."""
    maps = maps_of(seed, c, h, w, scale)
    assert_close(student.as_pictures(maps), oracle_pictures(maps), what="the pictures", **NEAR)


@points(0.5, problem="looking")
@FEW
@given(
    seed=SEEDS, c=sizes(1, 4), h=sizes(1, 4), w=sizes(1, 4), flat=sizes(0, 4), height=st.sampled_from([0.0, 3.0, -2.0])
)
def test_a_map_that_is_the_same_everywhere_is_black(student, seed, c, h, w, flat, height):
    """A map that is the same everywhere becomes 0 everywhere, a map of one pixel too; the maps beside it do not."""
    maps = torch.cat([maps_of(seed, c, h, w), maps_of(seed + 2, 1, h, w)])
    maps[flat % c] = height
    assert_close(student.as_pictures(maps), oracle_pictures(maps), what="the pictures", **NEAR)


@points(0.5, problem="looking")
@needs("test_every_map_goes_from_black_to_white")
@FEW
@given(seed=SEEDS, dtype=st.sampled_from([torch.float32, torch.float64]))
def test_pictures_of_one_map_have_its_shape_and_dtype(student, seed, dtype):
    """One map becomes a (1, h, w) tensor, and pictures have the dtype of the maps."""
    maps = maps_of(seed, 1, 3, 4).to(dtype)
    found = student.as_pictures(maps)
    assert_close(found, oracle_pictures(maps), what="the pictures", **NEAR)
    check(found.dtype == dtype, f"the pictures are {found.dtype}, expected {dtype}", "wrong_dtype")


@points(0.5, problem="looking")
@needs("test_every_map_goes_from_black_to_white")
@FEW
@given(seed=SEEDS)
def test_as_pictures_leaves_the_maps_alone(student, seed):
    """as_pictures answers rightly and leaves the maps as they are."""
    maps = maps_of(seed, 3, 4, 3)
    before, expected = snapshot(maps), oracle_pictures(maps)
    assert_close(student.as_pictures(maps), expected, what="the pictures", **NEAR)
    assert_unchanged(maps, before, what="maps")


def oracle_grid(pictures, columns, gap, fill):
    c, h, w = pictures.shape
    rows = math.ceil(c / columns)
    expected = torch.full((rows * h + (rows - 1) * gap, columns * w + (columns - 1) * gap), fill, dtype=pictures.dtype)
    for y in range(expected.shape[0]):
        for x in range(expected.shape[1]):
            (row, i), (column, j) = divmod(y, h + gap), divmod(x, w + gap)
            if i < h and j < w and row * columns + column < c:
                expected[y, x] = pictures[row * columns + column, i, j]
    return expected


EXACT = {"rtol": 0, "atol": 0}
FILLS = st.sampled_from([0.0, 0.5, 1.0])


def assert_grid(student, pictures, columns, gap, fill):
    found = student.picture_grid(pictures, columns, gap=gap, fill=fill)
    assert_close(found, oracle_grid(pictures, columns, gap, fill), what="the grid", **EXACT)
    return found


@points(3, problem="looking")
@settings(max_examples=30)
@given(seed=SEEDS, rows=sizes(1, 3), columns=sizes(2, 4), h=sizes(2, 4), w=sizes(2, 4), gap=sizes(1, 3), fill=FILLS)
def test_a_grid_has_every_picture_in_its_place(student, seed, rows, columns, h, w, gap, fill):
    """Row by row, `columns` in each; `gap` pixels of `fill` between neighbours, none around."""
    assert_grid(student, images_of(seed, rows * columns, h, w), columns, gap, fill)


@points(0.5, problem="looking")
@needs("test_a_grid_has_every_picture_in_its_place")
@settings(max_examples=15)
@given(seed=SEEDS, rows=sizes(0, 2), columns=sizes(2, 4), missing=sizes(1, 3), gap=sizes(1, 2), fill=FILLS)
def test_empty_places_have_the_value_of_the_gaps(student, seed, rows, columns, missing, gap, fill):
    """Where the last row is not full, its empty places are `fill`, too."""
    c = rows * columns + max(1, columns - missing)
    assert_grid(student, images_of(seed, c, 2, 3), columns, gap, fill)


@pytest.mark.parametrize(
    "what, c, h, w, columns, gap",
    [
        pytest.param("no gap", 6, 2, 3, 3, 0, marks=points(0.25, problem="looking")),
        pytest.param("one column", 3, 3, 2, 1, 2, marks=points(0.25, problem="looking")),
        pytest.param("one picture", 1, 3, 2, 1, 2, marks=points(0.25, problem="looking")),
        pytest.param("pictures of one pixel", 3, 1, 1, 3, 1, marks=points(0.25, problem="looking")),
    ],
    ids=["no gap", "one column", "one picture", "one pixel"],
)
@needs("test_a_grid_has_every_picture_in_its_place")
@FEW
@given(seed=SEEDS, fill=FILLS)
def test_grids_at_the_edges(student, what, c, h, w, columns, gap, seed, fill):
    """A grid with {what} has every picture in its place, and nothing around it."""
    assert_grid(student, images_of(seed, c, h, w), columns, gap, fill)


@points(0.5, problem="looking")
@needs("test_a_grid_has_every_picture_in_its_place")
@FEW
@given(seed=SEEDS, dtype=st.sampled_from([torch.float32, torch.float64]))
def test_a_grid_has_the_dtype_of_its_pictures(student, seed, dtype):
    """A grid has the dtype of its pictures, and leaves them as they are."""
    pictures = images_of(seed, 4, 2, 3).to(dtype)
    before = snapshot(pictures)
    found = assert_grid(student, pictures, 2, 1, 0.5)
    check(found.dtype == dtype, f"the grid is {found.dtype}, expected {dtype}", "wrong_dtype")
    assert_unchanged(pictures, before, what="pictures")


# -------------------------------------------------------------------------------------------------------------- scores


def assert_predicted(student, model, images, batch_size, mode=False):
    """predict's logits are those of eval mode. Returns the model that the student had."""
    theirs = lent(student, copy.deepcopy(model).train(mode))
    found = student.predict(theirs, images, batch_size=batch_size)
    assert_close(found, copy.deepcopy(model).eval()(images).detach(), what="the logits", **NEAR)
    check(found.dtype == torch.float32, f"the logits are {found.dtype}, expected torch.float32", "wrong_dtype")
    return theirs


@points(2.5, problem="scores")
@settings(max_examples=15)
@given(seed=SEEDS, batches=sizes(1, 3), batch_size=sizes(2, 4), mode=st.booleans())
def test_predictions_are_those_of_eval_mode(student, seed, batches, batch_size, mode):
    """predict gives the logits of eval mode, in order, whatever the mode that the model is in."""
    assert_predicted(student, model_of(seed), images_of(seed, batches * batch_size, 3, 6, 7), batch_size, mode)


@pytest.mark.parametrize(
    "what, n, batch_size, classes",
    [
        pytest.param("a smaller last batch", 5, 3, 3, marks=points(0.5, problem="scores")),
        pytest.param("batches of one image", 3, 1, 3, marks=points(0.25, problem="scores")),
        pytest.param("one image", 1, 4, 3, marks=points(0.5, problem="scores")),
        pytest.param("one class", 4, 4, 1, marks=points(0.25, problem="scores")),
    ],
    ids=["a smaller last batch", "batches of one", "one image", "one class"],
)
@needs("test_predictions_are_those_of_eval_mode")
@FEW
@given(seed=SEEDS)
def test_predictions_at_the_edges(student, what, n, batch_size, classes, seed):
    """predict gives (n, k) logits of eval mode also for {what}."""
    assert_predicted(student, model_of(seed, classes), images_of(seed, n, 3, 6, 7), batch_size)


@points(1, problem="scores")
@needs("test_predictions_are_those_of_eval_mode")
@FEW
@given(seed=SEEDS, mode=st.booleans())
def test_predicting_gives_the_mode_back(student, seed, mode):
    """After predict, which answers rightly, the model is in the mode in which it was."""
    theirs = assert_predicted(student, model_of(seed), images_of(seed, 4, 3, 6, 6), 2, mode)
    check(theirs.training is mode, f"the model's mode is training={theirs.training}, expected {mode}")
    inner = theirs.get_submodule("bn1").training
    check(inner is mode, f"bn1 is left with training={inner}, expected {mode}")


@points(2, problem="scores")
@needs("test_predictions_are_those_of_eval_mode")
@FEW
@given(seed=SEEDS, mode=st.booleans())
def test_predicting_changes_nothing(student, seed, mode):
    """predict answers rightly, and running statistics, weights and images are as before."""
    model, images = model_of(seed), images_of(seed, 4, 3, 6, 6)
    before = snapshot(images)
    theirs = assert_predicted(student, model, images, 2, mode)
    assert_unchanged(images, before, what="images")
    assert_equal(state(theirs), state(model), what="the model's state")


def logits_apart(seed, n, c, far):
    """(n, c) logits of which no two of a row are near each other."""
    rng = np.random.default_rng(seed)
    values = np.array([rng.permutation(c) for _ in range(n)]).reshape(n, c) + rng.uniform(-0.2, 0.2, (n, c))
    return torch.tensor(far * values, dtype=torch.float32)


def assert_best(best, logits, k, names):
    """The k best of each row with the softmax over all."""
    check(isinstance(best, (list, tuple)), f"top_k returned {describe(best)}, expected a list", "wrong_type")
    check(len(best) == len(logits), f"there are {len(best)} lists for {len(logits)} images", "wrong_shape")
    for row, found in zip(logits.double().numpy(), best, strict=True):
        check(isinstance(found, (list, tuple)), f"an image has {describe(found)}, expected a list", "wrong_type")
        check(len(found) == k, f"there are {len(found)} classes, expected {k}", "wrong_shape")
        pairs = [items_of(pair, "name", "probability", what="a class") for pair in found]
        order = np.argsort(-row)[:k]
        shares = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        assert_equal([name for name, _ in pairs], [names[i] for i in order], what="the names")
        wanted = [float(shares[i]) for i in order]
        assert_close([share for _, share in pairs], wanted, what="the probabilities", rtol=1e-4, atol=1e-7)


@points(2.5, problem="scores")
@settings(max_examples=30)
@given(seed=SEEDS, n=sizes(2, 4), c=sizes(3, 6), k=sizes(2, 6), far=st.sampled_from([1.0, 3.0]))
def test_the_best_classes_come_first(student, seed, n, c, k, far):
    """Of each image the k most probable classes, falling, with the softmax over all classes."""
    logits, names, k = logits_apart(seed, n, c, far), [f"class {i}" for i in range(c)], min(k, c)
    assert_best(student.top_k(logits, k, names), logits, k, names)


@points(1, problem="scores")
@needs("test_the_best_classes_come_first")
@settings(max_examples=15)
@given(seed=SEEDS, c=sizes(3, 6), shift=st.sampled_from([0.0, 5e3, -5e3]))
def test_huge_logits_have_probabilities(student, seed, c, shift):
    """For logits of thousands, and rows thousands apart, names fall with the logits and probabilities are finite."""
    logits, names = logits_apart(seed, 3, c, 1e3), [f"class {i}" for i in range(c)]
    logits[0] += shift
    assert_best(student.top_k(logits, c, names), logits, c, names)


@pytest.mark.parametrize(
    "what, n, c, k",
    [
        pytest.param("one image", 1, 4, 2, marks=points(0.25, problem="scores")),
        pytest.param("one of one class", 2, 1, 1, marks=points(0.25, problem="scores")),
    ],
    ids=["one image", "one class"],
)
@needs("test_the_best_classes_come_first")
@FEW
@given(seed=SEEDS)
def test_best_classes_at_the_edges(student, what, n, c, k, seed):
    """top_k gives a list for each image of pairs also for {what}."""
    logits, names = logits_apart(seed, n, c, 1.0), [f"class {i}" for i in range(c)]
    assert_best(student.top_k(logits, k, names), logits, k, names)


@pytest.mark.parametrize(
    "what",
    [pytest.param(case, marks=points(1, problem="scores")) for case in ("below 1", "above the number of classes")],
)
@settings(max_examples=10)
@given(seed=SEEDS, c=sizes(2, 4), off=sizes(0, 2))
def test_there_are_no_more_classes_than_there_are(student, what, seed, c, off):
    """top_k raises ValueError for k {what}, and not for the least or the greatest k."""
    logits, names = logits_apart(seed, 2, c, 1.0), [f"class {i}" for i in range(c)]
    legal, wrong = (1, -off) if what == "below 1" else (c, c + 1 + off)
    assert_best(student.top_k(logits, legal, names), logits, legal, names)
    with assert_raises(ValueError, what=f"top_k with k = {wrong} of {c} classes"):
        student.top_k(logits, wrong, names)


# --------------------------------------------------------------------------------------------------------------- heads


def backbone(named):
    return {name: tensor for name, tensor in named.items() if not name.startswith("head.")}


def head_like(classes, hidden=None, dropout=0.0):
    """The new head of a model of ours, whose head has 20 inputs."""
    if hidden is None:
        return nn.Linear(20, classes)
    layers = [nn.Linear(20, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, classes)]
    return nn.Sequential(*layers)


def assert_new_head(student, seed, classes, hidden=None, dropout=0.0, mode=False):
    """The copy of a model in this mode has the backbone to the last bit and the layers of its head, and computes just
    that. Returns it, in eval mode, and the modes in which its parts were."""
    model, images = model_of(seed).train(mode), images_of(seed, 3, 3, 6, 6)
    if hidden is None:
        new = student.replace_head(lent(student, model), classes)
    else:
        new = student.replace_head(lent(student, model), classes, hidden=hidden, dropout=dropout)
    named, expected = state(new, "the new model"), copy.deepcopy(model)
    expected.head = head_like(classes, hidden, dropout)
    wanted = {name: tuple(value.shape) for name, value in expected.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in named.items()}
    check(found == wanted, f"the new model's state has the shapes {found}, expected {wanted}", "wrong_shape")
    assert_equal(backbone(named), backbone(state(model)), what="the backbone")
    expected.load_state_dict(named)
    modes = {part: (new.get_submodule(part) if part else new).training for part in ("", "bn1", "head")}
    new.eval()
    assert_close(new(images).detach(), expected.eval()(images).detach(), what="the logits", **NEAR)
    return new, modes


@points(2.5, problem="heads")
@settings(max_examples=12)
@given(seed=SEEDS, classes=sizes(2, 6))
def test_a_plain_head_is_one_linear_map(student, seed, classes):
    """The backbone is the same to the last bit, and the head Linear(f, classes)."""
    assert_new_head(student, seed, classes)


@points(2, problem="heads")
@settings(max_examples=12)
@given(seed=SEEDS, classes=sizes(2, 5), hidden=sizes(2, 6), dropout=st.sampled_from([0.3, 0.7]))
def test_a_longer_head_is_its_five_layers(student, seed, classes, hidden, dropout):
    """Linear(f, m), BatchNorm1d(m), ReLU, Dropout, Linear(m, classes): in this order, and computing just that; the
    backbone is the same to the last bit."""
    assert_new_head(student, seed, classes, hidden, dropout)


@points(0.5, problem="heads")
@needs("test_a_longer_head_is_its_five_layers")
@FEW
@given(seed=SEEDS, dropout=st.sampled_from([0.0, 0.3, 0.7]))
def test_dropout_is_the_share_that_is_dropped(student, seed, dropout):
    """The fourth layer of a longer head drops each number with the probability `dropout`."""
    new, _ = assert_new_head(student, seed, 3, 4, dropout)
    p = new.get_submodule("head.3").p
    assert_close(p, dropout, what="the dropout")


after_plain, after_longer = needs("test_a_plain_head_is_one_linear_map"), needs("test_a_longer_head_is_its_five_layers")


@pytest.mark.parametrize(
    "what, classes, hidden",
    [
        pytest.param("one class", 1, None, marks=[points(0.5, problem="heads"), after_plain]),
        pytest.param("one hidden unit", 2, 1, marks=[points(0.25, problem="heads"), after_longer]),
        pytest.param("one class after a hidden layer", 1, 3, marks=[points(0.25, problem="heads"), after_longer]),
    ],
    ids=["one class", "one hidden unit", "one class after a hidden layer"],
)
@FEW
@given(seed=SEEDS)
def test_heads_at_the_edges(student, what, classes, hidden, seed):
    """replace_head makes the layers of a head also for {what}."""
    assert_new_head(student, seed, classes, hidden)


KINDS_OF_HEADS = [
    pytest.param("plain", None, marks=[points(0.5, problem="heads"), after_plain]),
    pytest.param("longer", 40, marks=[points(0.5, problem="heads"), after_longer]),
]


@pytest.mark.parametrize("kind, hidden", KINDS_OF_HEADS, ids=["plain", "longer"])
@FEW
@given(seed=SEEDS)
def test_new_layers_are_as_torch_draws_them(student, kind, hidden, seed):
    """A {kind} head is drawn as nn.Linear draws it, uniform on +-1/sqrt(fan_in), anew each time; batch norm begins with
    weight 1 and bias 0."""
    first, second = (state(assert_new_head(student, seed, 30, hidden)[0], "the new model") for _ in range(2))
    for name, values in first.items():
        if not name.startswith("head."):
            continue
        if name.startswith("head.1."):
            assert_equal(values, head_like(30, hidden).state_dict()[name.removeprefix("head.")], what=name)
            continue
        bound = 1 / math.sqrt(first[f"{name.rpartition('.')[0]}.weight"].shape[1])
        check(bool((values.abs() <= bound * (1 + 1e-6)).all()), f"{name} is not within +-1/sqrt(fan_in)")
        # Of 30 uniform numbers, the greatest lies below 0.6 with a probability of 2e-7; uniform numbers have a mean
        # square of 1/3, normal ones cut at their bound less.
        check(float(values.abs().max()) > 0.6 * bound, f"{name} is smaller than nn.Linear draws it")
        if values.dim() == 2:
            square = float((values / bound).square().mean())
            check(0.25 < square < 0.42, f"{name} is not uniform on +-1/sqrt(fan_in)")
        check(not torch.equal(values, second[name]), f"{name} is the same in two new heads")


@pytest.mark.parametrize("kind, hidden", KINDS_OF_HEADS, ids=["plain", "longer"])
@FEW
@given(seed=SEEDS, mode=st.booleans())
def test_the_copy_is_in_the_mode_of_the_model(student, kind, hidden, seed, mode):
    """With a {kind} head, all layers of the copy are in the mode in which the model is."""
    _, modes = assert_new_head(student, seed, 5, hidden, mode=mode)
    for part, found in modes.items():
        check(found is mode, f"{part or 'the new model'} has training={found}, expected {mode}")


@pytest.mark.parametrize(
    "kind, hidden",
    [
        pytest.param("plain", None, marks=[points(1.5, problem="heads"), after_plain]),
        pytest.param("longer", 4, marks=[points(1.5, problem="heads"), after_longer]),
    ],
    ids=["plain", "longer"],
)
@FEW
@given(seed=SEEDS)
def test_the_old_model_stays_and_shares_nothing(student, kind, hidden, seed):
    """Given a {kind} head, the copy is another model: the given one has its head, its weights and its mode, and drawing
    the copy's weights anew does not reach it."""
    model = model_of(seed)
    theirs = lent(student, model)
    new = student.replace_head(theirs, 5, hidden=hidden)
    assert_equal(backbone(state(new, "the new model")), backbone(state(model)), what="the copy's backbone")
    assert_equal(state(theirs), state(model), what="the old model's state")
    for layer in ("conv1", "stage.0", "bn1"):
        new.get_submodule(layer).reset_parameters()
    assert_equal(state(theirs), state(model), what="the old model's state, with the copy's weights drawn anew,")


PARTS = ("head", "stage", "stage.0", "conv1", "header", "bn1", "stage.1")


def inside(name, parts):
    return any(f".{name}".startswith(f".{part}.") for part in parts)


def assert_frozen(student, model, parts):
    """What trains is what is named; the weights stay. Returns what freeze returned."""
    theirs = lent(student, model)
    count = student.freeze(theirs, parts)
    found = [name for name, parameter in theirs.named_parameters() if parameter.requires_grad]
    assert_equal(found, [name for name, _ in model.named_parameters() if inside(name, parts)], what="what trains")
    assert_equal(state(theirs), state(model), what="the model's state")
    return count


@points(3, problem="heads")
@settings(max_examples=20)
@given(seed=SEEDS, parts=st.lists(st.sampled_from(PARTS), min_size=1, max_size=3, unique=True))
def test_what_is_named_trains_and_nothing_else(student, seed, parts):
    """A parameter trains if its layer is one of the named or inside one; "head" is no "header"."""
    assert_frozen(student, model_of(seed), parts)


@points(1, problem="heads")
@needs("test_what_is_named_trains_and_nothing_else")
@settings(max_examples=10)
@given(
    seed=SEEDS,
    parts=st.lists(st.sampled_from(PARTS), min_size=1, max_size=2),
    before=st.lists(st.booleans(), min_size=12),
)
def test_what_was_frozen_trains_again(student, seed, parts, before):
    """What is named trains, and all else does not, whatever trained before."""
    model = model_of(seed)
    for parameter, trains in zip(model.parameters(), [False, *before], strict=False):
        parameter.requires_grad_(trains)
    assert_frozen(student, model, parts)


@points(0.5, problem="heads")
@needs("test_what_is_named_trains_and_nothing_else")
@FEW
@given(seed=SEEDS)
def test_nothing_trains_where_nothing_is_named(student, seed):
    """With no name at all, nothing trains, and the count is 0."""
    assert_equal(assert_frozen(student, model_of(seed), []), 0, what="the count")


@points(1.5, problem="heads")
@needs("test_what_is_named_trains_and_nothing_else")
@settings(max_examples=15)
# Enough parts that one lies inside of another in every third example.
@given(seed=SEEDS, parts=st.lists(st.sampled_from(PARTS), min_size=2, max_size=5, unique=True))
def test_the_count_is_of_numbers_that_train(student, seed, parts):
    """freeze returns how many numbers train, each counted once."""
    model = model_of(seed)
    count = assert_frozen(student, model, parts)
    wanted = sum(parameter.numel() for name, parameter in model.named_parameters() if inside(name, parts))
    assert_equal(count, wanted, what="the count")


# ---------------------------------------------------------------------------------------------------------- finetuning

SOME_PARTS = {"all layers": PARTS, "the head": ("head",), "a stage": ("stage",), "a layer": ("header",)}


def free_parts(model, parts):
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(inside(name, parts))
    return model


def lesson(seed, parts, n=5):
    """(model, images, labels): these parts of the model train."""
    rng = np.random.default_rng(seed)
    return free_parts(model_of(seed), parts), images_of(seed, n, 3, 6, 6), torch.tensor(rng.integers(0, 3, n))


def trained_by(student, theirs, images, labels, **settings):
    """(the model that finetune returns, its named tensors)."""
    trained = student.finetune(theirs, images, labels, **settings)
    return trained, state(trained, "the trained model")


@pytest.mark.parametrize(
    "what",
    [pytest.param(what, marks=points(1, problem="finetuning")) for what in ("all layers", "the head", "a stage")],
)
@settings(max_examples=8)
@given(seed=SEEDS, n=sizes(3, 7), epochs=sizes(1, 4), rate=st.floats(0.005, 0.1))
def test_whole_batches_follow_the_gradient_with_momentum(student, what, seed, n, epochs, rate):
    """With {what} free and all images in one batch, each epoch is one step with momentum 0.9 on the mean cross-entropy,
    with those batch norms in train mode that train."""
    model, images, labels = lesson(seed, SOME_PARTS[what], n)
    options = {"epochs": epochs, "learning_rate": rate, "batch_size": n + 3, "seed": 1}
    _, found = trained_by(student, lent(student, model), images, labels, **options)
    expected = oracle_steps(model, images, labels, steps=epochs, rate=rate)
    assert_close(found, state(expected), what="the trained model's state", **LOOSE)


@points(0.5, problem="finetuning")
@needs("test_whole_batches_follow_the_gradient_with_momentum[all layers]")
@FEW
@given(seed=SEEDS, epochs=sizes(1, 3), mode=st.booleans())
def test_the_given_model_is_trained_and_left_in_eval_mode(student, seed, epochs, mode):
    """finetune changes the given model and returns it, all of it in eval mode, whatever mode it was in."""
    model, images, labels = lesson(seed, PARTS)
    theirs = lent(student, model.train(mode))
    options = {"epochs": epochs, "learning_rate": 0.05, "batch_size": 5, "seed": 1}
    trained, found = trained_by(student, theirs, images, labels, **options)
    expected = oracle_steps(model, images, labels, steps=epochs, rate=0.05)
    assert_close(found, state(expected), what="the trained model's state", **LOOSE)
    assert_equal(state(theirs), found, what="the given model's state")
    for part in ("", "bn1", "stage.1"):
        module = trained.get_submodule(part) if part else trained
        check(module.training is False, f"{part or 'the model'} does not come back in eval mode")


@points(0.5, problem="finetuning")
@needs("test_whole_batches_follow_the_gradient_with_momentum[all layers]")
@FEW
@given(seed=SEEDS, rate=st.floats(0.005, 0.1))
def test_no_epoch_changes_nothing(student, seed, rate):
    """After no epoch the model's state is what it was, after one it is not; log is not called for no epoch."""
    model, images, labels = lesson(seed, PARTS)
    for epochs in (0, 1):
        heard = Heard("loss", "accuracy")
        options = {"epochs": epochs, "learning_rate": rate, "batch_size": 5, "seed": 1, "log": heard.log}
        _, found = trained_by(student, lent(student, model), images, labels, **options)
        heard.epochs(epochs)
        expected = oracle_steps(model, images, labels, steps=epochs, rate=rate)
        assert_close(found, state(expected), what=f"the model's state after {epochs} epochs", **LOOSE)


def trained_in_part(student, seed, batch_size):
    """(the model, its state when trained, what trains, what is frozen), after two epochs; what trains has moved."""
    model, images, labels = lesson(seed, ("stage.0", "head"))
    options = {"epochs": 2, "learning_rate": 0.05, "batch_size": batch_size, "seed": 3}
    _, found = trained_by(student, lent(student, model), images, labels, **options)
    assert_shaped_like(found, state(model), what="the trained model's state")
    for name in ("stage.0.weight", "head.weight", "head.bias"):
        check(not torch.equal(found[name], state(model)[name]), f"{name} trains, and has not moved")
    return model, found


@points(1.5, problem="finetuning")
@settings(max_examples=10)
@given(seed=SEEDS, batch_size=sizes(2, 5))
def test_what_is_frozen_stays_to_the_last_bit(student, seed, batch_size):
    """Frozen weights are the same after training, and those that train are not."""
    model, found = trained_in_part(student, seed, batch_size)
    kept = {name: parameter.detach() for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert_equal({name: found[name] for name in kept}, kept, what="what is frozen")


@points(1, problem="finetuning")
@settings(max_examples=10)
@given(seed=SEEDS, batch_size=sizes(2, 5))
def test_running_statistics_of_frozen_batch_norms_stay(student, seed, batch_size):
    """The running statistics of batch norms whose weights are frozen are the same after training, to the last bit."""
    model, found = trained_in_part(student, seed, batch_size)
    kept = {name: value for name, value in model.state_dict().items() if "running" in name or "tracked" in name}
    assert_equal({name: found[name] for name in kept}, kept, what="the running statistics")


@points(0.5, problem="finetuning")
@FEW
@given(seed=SEEDS, batch_size=sizes(2, 5))
def test_images_and_labels_stay(student, seed, batch_size):
    """finetune trains, and leaves images and labels as they are."""
    model, images, labels = lesson(seed, PARTS)
    before, options = snapshot(images, labels), {"epochs": 2, "learning_rate": 0.05, "seed": 3}
    _, found = trained_by(student, lent(student, model), images, labels, batch_size=batch_size, **options)
    assert_unchanged((images, labels), before, what="(images, labels)")
    assert_shaped_like(found, state(model), what="the trained model's state")
    check(not torch.equal(found["head.weight"], state(model)["head.weight"]), "finetune trains nothing")


# ------------------------------------------------------------------------- finetuning: batches, by every order there is

RATE = 0.3
first_the_step = needs("test_whole_batches_follow_the_gradient_with_momentum[all layers]")


def small_lesson(seed, n):
    """(model, images, labels): different images of different colours with different labels; small, as every order is
    tried."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = [
            ("pool", nn.AdaptiveAvgPool2d(2)),
            ("flat", nn.Flatten()),
            ("body", nn.Linear(12, 6)),
            ("act", nn.Tanh()),
        ]
        model = nn.Sequential(OrderedDict([*layers, ("head", nn.Linear(6, 5))])).eval()
    images = 0.6 * images_of(seed, n, 3, 2, 2) + 0.4 * images_of(seed + 1, n, 3, 8, 8).mean(dim=(2, 3), keepdim=True)
    images = functional.interpolate(images, size=(8, 8))
    labels = torch.tensor(np.random.default_rng(seed).permutation(5)[:n])
    return model, images, labels


def ways_to_train(seed, n, size, epochs):
    """[(the trained copy, what log hears, the batches of each epoch)] of all orders."""
    data = small_lesson(seed, n)
    return [(*oracle_train(*data, way, RATE), way) for way in ways_through(n, size, epochs)]


def assert_some_way(student, seed, n, size, epochs, number=2, ways=None):
    """One of all orders leads to the student's weights. Returns (what log heard, what it should have heard, the batches
    of each epoch)."""
    model, images, labels = small_lesson(seed, n)
    heard = Heard("loss", "accuracy")
    options = {"epochs": epochs, "learning_rate": RATE, "batch_size": size, "seed": number, "log": heard.log}
    _, found = trained_by(student, lent(student, model), images, labels, **options)
    assert_shaped_like(found, state(model), what="the trained model's state")

    def distance(way):
        return max(float((found[name] - value).abs().max()) for name, value in way[0].state_dict().items())

    expected, told, taken = min(ways or ways_to_train(seed, n, size, epochs), key=distance)
    assert_close(found, state(expected), what="the trained model's state, held to the nearest order,", **NEAR)
    return heard, told, taken


@points(1.5, problem="finetuning")
@first_the_step
@settings(max_examples=8)
@given(seed=SEEDS, ran=st.sampled_from([(4, 2), (4, 3), (5, 3)]))
def test_every_image_comes_once_in_an_epoch_with_its_label(student, seed, ran):
    """An epoch cuts some order of the images into batches, with a step on the mean of each: every image is used once,
    with its own label, those of a smaller last batch, too."""
    # (4, 3) has a last batch of one image: it is left out.
    assert_some_way(student, seed, *ran, 1)


@points(0.5, problem="finetuning")
@first_the_step
@FEW
@given(seed=SEEDS, n=st.sampled_from([1, 3, 5]))
def test_a_single_image_is_left_out_where_there_are_others(student, seed, n):
    """Of 3 or 5 images in batches of 2, the last one makes no step; an image that is the only one does."""
    assert_some_way(student, seed, n, 2, 1)


@points(1, problem="finetuning")
@first_the_step
@needs("test_every_image_comes_once_in_an_epoch_with_its_label")
@limits(judge_seconds=30)
@settings(max_examples=5)
@given(seed=SEEDS, ran=st.sampled_from([(3, 2), (4, 2)]))
def test_the_velocity_goes_on(student, seed, ran):
    """In two epochs every image comes once in each, and the velocity goes on from batch to batch and epoch to epoch."""
    assert_some_way(student, seed, *ran, 2)


@points(1.5, problem="finetuning")
@first_the_step
@needs("test_every_image_comes_once_in_an_epoch_with_its_label")
@limits(judge_seconds=30)
@settings(max_examples=8)
@given(seed=SEEDS, ran=st.sampled_from([(3, 2, 1), (5, 3, 1), (3, 2, 2), (4, 2, 2)]))
def test_log_hears_of_every_epoch(student, seed, ran):
    """log hears, after every epoch, the mean loss of an image and the share of right ones, over the images that were
    used, both before the step on their batch."""
    heard, told, _ = assert_some_way(student, seed, *ran)
    for epoch, (found, wanted) in enumerate(zip(heard.epochs(ran[2]), told, strict=True), 1):
        assert_close(found[0], wanted[0], what=f"the loss of epoch {epoch}", rtol=1e-4, atol=1e-5)
        assert_close(found[1], wanted[1], what=f"the accuracy of epoch {epoch}", atol=1e-6)


@points(0.5, problem="finetuning")
@first_the_step
@FEW
@given(seed=SEEDS, height=st.sampled_from([300.0, 1000.0]))
def test_large_logits_train_too(student, seed, height):
    """A step, and what log hears of it, are right for logits of thousands, and where those of one image are thousands
    above those of another."""
    model, images, labels = small_lesson(seed, 4)
    model.act = nn.Identity()
    with torch.no_grad():
        features = model[:-1](images).sum(dim=1)
        spread = float(features.max() - features.min())
        assume(spread > 0.1)  # or logits are so large that float32 cannot tell classes apart
        model.head.weight += height / spread  # all logits of an image alike, far from those of another
    heard = Heard("loss", "accuracy")
    free_parts(model, ("head",))
    options = {"epochs": 1, "learning_rate": 0.1, "batch_size": 4, "seed": 1, "log": heard.log}
    _, found = trained_by(student, lent(student, model), images, labels, **options)
    expected, ((loss, right),) = oracle_train(model, images, labels, [[[0, 1, 2, 3]]], 0.1)
    assert_close(found, state(expected), what="the trained model's state", rtol=1e-4, atol=1e-3)
    ((told, accuracy),) = heard.epochs(1)
    assert_close(told, loss, what="the loss", rtol=1e-3, atol=5e-3)
    assert_close(accuracy, right, what="the accuracy", atol=1e-6)


@points(1, problem="finetuning")
@needs("test_whole_batches_follow_the_gradient_with_momentum[the head]")
@settings(max_examples=4)
@given(seed=SEEDS)
def test_a_seed_is_a_network(student, seed):
    """The same seed trains the same weights of a head with dropout, and another seed others; what is frozen stays."""
    model, images = model_of(seed), images_of(seed, 12, 3, 6, 6)
    labels = torch.arange(12) % 3
    model.head = head_like(3, 8, 0.5)
    free_parts(model, ("head",))

    def trained(number):
        options = {"epochs": 2, "learning_rate": 0.1, "batch_size": 4, "seed": number}
        found = trained_by(student, lent(student, model), images, labels, **options)[1]
        assert_shaped_like(found, state(model), what="the trained model's state")
        assert_equal(backbone(found), backbone(state(model)), what="the frozen backbone")
        return found

    first = trained(1)
    assert_close(trained(1), first, what="the second model's state", **NEAR)
    same = torch.allclose(trained(2)["head.4.weight"], first["head.4.weight"], **NEAR)
    check(not same, "another seed trains the very same weights")


@points(1, problem="finetuning")
@first_the_step
@needs("test_every_image_comes_once_in_an_epoch_with_its_label")
@limits(judge_seconds=30)
@settings(max_examples=1)
@given(seed=SEEDS)
def test_each_seed_and_each_epoch_has_an_order(student, seed):
    """Thirty seeds lead three images, in batches of two, through all three pairs, and two epochs do not always take the
    same one."""
    # A right answer misses a pair with a probability of 3 (2/3)^30 = 2e-5 in the first epoch.
    ways = ways_to_train(seed, 3, 2, 2)
    taken = [assert_some_way(student, seed, 3, 2, 2, number, ways)[2] for number in range(30)]
    firsts = {tuple(batches[0]) for batches, _ in taken}
    check(len(firsts) == 3, f"thirty seeds led to {len(firsts)} of the 3 pairs of three images")
    check(any(first != second for first, second in taken), "both epochs take the images in the same order")


# ------------------------------------------------------------------------- finetuning: a network that knows photographs


@dataclass(frozen=True)
class Profile:
    """The settings of one kind of device; bars of the reference, over seeds."""

    count: int  # letters to train on
    side: int
    epochs: int  # of everything; the head gets three times as many
    everything: float  # percent of unseen letters
    head: float
    ratio: float  # times the reference's seconds


PROFILES = {
    "cpu": Profile(600, 16, 4, 75.0, 60.0, 4.0),
    "gpu": Profile(6_000, 28, 4, 75.0, 60.0, 4.0),
}
CLASSES, HELD_OUT = 10, 300


@dataclass(frozen=True)
class Data:
    """What a training gets, and what only the judge keeps: `held_out` and `labels`."""

    weights: dict  # of photographs' network, with a head drawn anew
    x: torch.Tensor
    y: torch.Tensor
    held_out: torch.Tensor
    labels: torch.Tensor
    epochs: int


def in_colour(data):
    """(n, 3, h, w) float32 pictures; grey ones are the same in each channel."""
    pictures = torch.tensor(data.images, dtype=torch.float32)
    if pictures.dim() == 3:
        return pictures[:, None].repeat(1, 3, 1, 1)
    return pictures.permute(0, 3, 1, 2).contiguous()


def photographs_and(head_seed):
    """The weights of the network that knows photographs, with a head for ten other classes."""
    head = drawn(head_seed, CLASSES, 65) / 8
    weights = {name: torch.tensor(array) for name, array in datasets.pretrained_resnet20().items()}
    weights |= {name: count.reshape(()) for name, count in weights.items() if name.endswith("num_batches_tracked")}
    return {**weights, "head.weight": head[:, :64].contiguous(), "head.bias": head[:, 64].contiguous()}


def letters(profile, *, inks):
    """From a seed to ten letters that nobody has seen: in one ink, or in two, of which one counts."""

    def inputs(seed):
        made = datasets.alphabet(
            seed, classes=CLASSES, sizes=(profile.count, HELD_OUT), side=profile.side, hand=datasets.LOOSE, inks=inks
        )
        x, held_out = in_colour(made.train), in_colour(made.held_out)
        y, labels = torch.tensor(made.train.y), torch.tensor(made.held_out.y)
        return Data(photographs_and(seed), x, y, held_out, labels, profile.epochs)

    return inputs


def warm_up(seed):
    """Noise, and one epoch."""
    x = images_of(seed, 60, 3, 16, 16)
    return Data(photographs_and(seed), x, torch.arange(60) % CLASSES, x, torch.arange(60) % CLASSES, 1)


def as_arrays(weights):
    return {name: value.numpy() for name, value in weights.items()}


def everything_trained(module, data, *, device, seed, log):
    model = module.resnet20(as_arrays(data.weights))
    options = {"learning_rate": 0.03, "batch_size": 50, "device": device, "seed": seed, "log": log}
    return state(module.finetune(model, data.x, data.y, epochs=data.epochs, **options), "the trained model")


def head_trained(module, data, *, device, seed, log):
    model = module.replace_head(module.resnet20(as_arrays(data.weights)), CLASSES, hidden=64, dropout=0.2)
    module.freeze(model, ("head",))
    options = {"learning_rate": 0.1, "batch_size": 50, "device": device, "seed": seed, "log": log}
    return state(module.finetune(model, data.x, data.y, epochs=3 * data.epochs, **options), "the trained model")


def read_by(named, data):
    """The classes of the held-out letters: the judge passes them through the trained weights by itself."""
    with torch.no_grad():
        logits = [resnet_layers(named, part)["head"] for part in data.held_out.split(50)]
    return torch.cat(logits).argmax(dim=1)


def percent(found, labels):
    return 100 * float((found == labels).double().mean())


@points(5, problem="finetuning")
@first_the_step
@limits(seconds=60, test_seconds=180, judge_seconds=30)
def test_everything_fine_tuned_reads_letters(training, record):
    """A network that knows photographs, trained with everything free on a few hundred pictures of ten letters that
    nobody has seen before, two in each picture, reads those of the first ink in others, in at most four times the
    reference's time."""
    profile = training.profile(**PROFILES)
    kept = []

    def measure(data, named):
        assert_shaped_like(named, data.weights, what="the trained model's state")
        kept[:] = [data.labels, read_by(named, data)]
        return percent(kept[1], data.labels)

    training.run(everything_trained, letters(profile, inks=True), measure, warm_up=warm_up, title="Everything trained")
    labels, found = kept
    record.confusion("Letters that were not shown", labels, found, [str(number) for number in range(CLASSES)])
    training.reaches(profile.everything, name="accuracy on other letters, everything trained")
    training.keeps_pace(profile.ratio)


@points(3, problem="finetuning")
@needs(
    "test_whole_batches_follow_the_gradient_with_momentum[the head]",
    "test_what_is_named_trains_and_nothing_else",
    "test_a_longer_head_is_its_five_layers",
)
@limits(seconds=60, test_seconds=180, judge_seconds=30)
def test_a_longer_head_alone_goes_far(training):
    """With the backbone frozen, a head with a hidden layer, batch norm and dropout learns most of ten letters that
    nobody has seen before; the backbone stays as it was to the last bit."""
    profile = training.profile(**PROFILES)

    def measure(data, named):
        head = {f"head.{name}": value for name, value in nn.Sequential(
            nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(), nn.Linear(64, CLASSES)
        ).state_dict().items()}  # fmt: skip
        assert_shaped_like(named, {**backbone(data.weights), **head}, what="the trained model's state")
        assert_equal(backbone(named), backbone(data.weights), what="the backbone")
        return percent(read_by(named, data), data.labels)

    training.run(
        head_trained, letters(profile, inks=False), measure, warm_up=warm_up, title="Training the head alone"
    )  # fmt: skip
    training.reaches(profile.head, name="accuracy on other letters, the head trained")


# -------------------------------------------------------------------------------------------------------------- report


class Table(HTMLParser):
    """The rows of a table: [(class, [(tag, text, attributes of the picture)]), ..]; whatever else there is, by name."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.rows, self.others, self.tables = [], [], 0
        self.open = False
        self.feed(text)
        self.close()

    @property
    def images(self):
        """The rows that are not of headings."""
        return [row for row in self.rows if any(tag == "td" for tag, *_ in row[1])]

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self.tables += 1
        elif tag == "tr":
            self.rows.append((dict(attributes).get("class"), []))
            self.open = False
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


def pixels_in(url):
    """The (h, w, 3) pixels of a "data:image/png;base64,..." URL without filters; None for anything else."""
    start = "data:image/png;base64,"
    if not (isinstance(url, str) and url.startswith(start)):
        return None
    try:
        png = base64.b64decode(url[len(start) :], validate=True)
        kinds, place = {}, 8
        while place < len(png):
            (length,) = struct.unpack_from(">I", png, place)
            kinds[png[place + 4 : place + 8]] = png[place + 8 : place + 8 + length]
            place += 12 + length
        w, h = struct.unpack_from(">II", kinds[b"IHDR"])
        rows = zlib.decompressobj().decompress(kinds[b"IDAT"], 10_000)
        return np.frombuffer(rows, np.uint8).reshape(h, 1 + 3 * w)[:, 1:].reshape(h, w, 3)
    except (ValueError, KeyError, struct.error, zlib.error):
        return None


def ask_table(student, *arguments, k):
    text = student.html_report(*arguments, k=k)
    check(type(text) is str, f"html_report returned {describe(text)}, expected a string", "wrong_type")
    table = Table(text)
    check(table.tables == 1, f"there are {table.tables} tables, expected one", "wrong_shape")
    rows = len(arguments[2])
    check(len(table.images) == rows, f"there are {len(table.images)} rows of images, expected {rows}", "wrong_shape")
    for _, cells in table.images:
        check(len(cells) == 2 + k, f"a row has {len(cells)} cells, expected {2 + k}", "wrong_shape")
    return table


def answers(seed, n, c):
    """(logits, labels): logits apart from each other, the label the best of about half."""
    logits = logits_apart(seed, n, c, 1.0)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, c, n)
    right = rng.random(n) < 0.5
    labels[right] = logits.argmax(dim=1).numpy()[right] if n else labels[right]
    return logits, torch.tensor(labels, dtype=torch.int64)


def expected_cells(logits, label, names, k):
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    order = np.argsort(-logits)[:k]
    return ["", names[label], *(f"{names[i]}: {100 * shares[i]:.1f} %" for i in order)]


def assert_cells(table, logits, labels, names, k):
    for (_, cells), z, label in zip(table.images, logits.double().numpy(), labels.tolist(), strict=True):
        found, wanted = [text for _, text, _ in cells], expected_cells(z, label, names, k)
        # A percent that lies between two decimals may be rounded to either.
        same = [a == b or _next_to(a, b) for a, b in zip(found, wanted, strict=True)]
        check(all(same), f"a row says {found}, expected {wanted}")


def _next_to(a, b):
    (name, _, share), (other, _, wanted) = a.rpartition(": "), b.rpartition(": ")
    try:
        near = abs(float(share[:-2]) - float(wanted[:-2])) < 0.11
        return name == other and share.endswith(" %") and len(share.partition(".")[2]) == 3 and near
    except ValueError:
        return False


@points(1.5, problem="report")
@settings(max_examples=15)
@given(seed=SEEDS, n=sizes(2, 4), c=sizes(2, 5), k=sizes(1, 5))
def test_every_image_has_its_row(student, seed, n, c, k):
    """A row for each image, in order: a picture, its label and its k best classes with percents of one decimal."""
    k, names = min(k, c), [f"class {i}" for i in range(c)]
    logits, labels = answers(seed, n, c)
    table = ask_table(student, images_of(seed, n, 3, 5, 4), logits, labels, names, k=k)
    assert_cells(table, logits, labels, names, k)


@pytest.mark.parametrize(
    "what, n, c, far",
    [
        pytest.param("one image", 1, 4, 1.0, marks=points(0.125, problem="report")),
        pytest.param("one class", 2, 1, 1.0, marks=points(0.125, problem="report")),
        pytest.param("huge logits", 3, 4, 1e3, marks=points(0.25, problem="report")),
    ],
    ids=["one image", "one class", "huge logits"],
)
@needs("test_every_image_has_its_row")
@FEW
@given(seed=SEEDS)
def test_tables_at_the_edges(student, what, n, c, far, seed):
    """The table of {what} has the label and the best classes in each row."""
    names, (logits, labels) = [f"class {i}" for i in range(c)], answers(seed, n, c)
    logits = far * logits
    logits[0] -= 5 * (far - 1)  # far below the others, if those are huge
    table = ask_table(student, images_of(seed, n, 3, 5, 4), logits, labels, names, k=c)
    assert_cells(table, logits, labels, names, c)


@points(0.5, problem="report")
@needs("test_every_image_has_its_row")
@FEW
@given(seed=SEEDS, n=sizes(0, 2), k=sizes(1, 4))
def test_the_first_row_is_of_headings(student, seed, n, k):
    """The first row has a <th> for each column, and all others have <td>; without images it is the only one."""
    names, (logits, labels) = ["a", "b", "c", "d"], answers(seed, n, 4)
    table = ask_table(student, images_of(seed, n, 3, 5, 4), logits, labels, names, k=k)
    check(len(table.rows) == n + 1, f"the table has {len(table.rows)} rows, expected {n + 1}", "wrong_shape")
    check(
        len(table.rows[0][1]) == 2 + k, f"there are {len(table.rows[0][1])} headings, expected {2 + k}", "wrong_shape"
    )
    for number, (_, cells) in enumerate(table.rows):
        found = {tag for tag, *_ in cells}
        check(found == {"td" if number else "th"}, f"row {number} is of {sorted(found)}")
    assert_cells(table, logits, labels, names, k)


@points(1.5, problem="report")
@needs("test_every_image_has_its_row")
@settings(max_examples=15)
@given(seed=SEEDS, n=sizes(3, 5), c=sizes(2, 4))
def test_rows_are_right_or_wrong(student, seed, n, c):
    """A row's class is "right" where the most probable class is the label, else "wrong"."""
    names, (logits, labels) = [f"class {i}" for i in range(c)], answers(seed, n, c)
    labels[0], labels[1] = logits[0].argmax(), logits[1].argmin()
    table = ask_table(student, images_of(seed, n, 3, 5, 4), logits, labels, names, k=1)
    expected = ["right" if int(row.argmax()) == label else "wrong" for row, label in zip(logits, labels, strict=True)]
    assert_equal([kind for kind, _ in table.images], expected, what="the classes of the rows")


NASTY = {
    "tags": ["<script>alert(1)</script>", "<td>", "</table>", "x > y", "a < b", "<!-- a", "</td>b"],
    "ampersands": ["R&D", "a &lt; b", "&amp;", "&#65;", "R&amp;D", "&copy"],
    "quotes": ['a"b', "it's", '"><img src=x>', "' onload='x", 'a" onload="x'],
    "other letters": ["é", "日本", "a\u00a0b", "Ω", "ß"],
}


@pytest.mark.parametrize(
    "what",
    [
        pytest.param("tags", marks=points(1.5, problem="report")),
        pytest.param("ampersands", marks=points(1, problem="report")),
        pytest.param("quotes", marks=points(1, problem="report")),
        pytest.param("other letters", marks=points(0.5, problem="report")),
    ],
)
@needs("test_every_image_has_its_row")
@settings(max_examples=12)
@given(seed=SEEDS, data=st.data())
def test_names_are_text_whatever_they_hold(student, what, seed, data):
    """Names of classes with {what} are shown as they are: none ends a cell, begins a tag or becomes an attribute."""
    names = data.draw(st.permutations(NASTY[what]))[:3]
    logits, labels = answers(seed, 3, 3)
    labels = torch.arange(3)  # each of them is a label
    table = ask_table(student, images_of(seed, 3, 3, 4, 4), logits, labels, names, k=3)
    check(not table.others, f"a name became a tag: {table.others}")
    assert_cells(table, logits, labels, names, 3)
    for _, cells in table.images:
        picture = cells[0][2] or {}
        strange = set(picture) - {"src", "alt", "title", "width", "height", "class", "style", "loading"}
        check(not strange, f"a name became an attribute: {sorted(strange)}")


@points(1.5, problem="report")
@needs("test_every_image_has_its_row")
@FEW
@given(seed=SEEDS, n=sizes(2, 3), h=sizes(1, 4), w=sizes(5, 7))
def test_pictures_are_in_the_table_itself(student, seed, n, h, w):
    """The first cell of a row holds the image of that row, as png_url makes it."""
    images, (logits, labels) = images_of(seed, n, 3, h, w), answers(seed, n, 3)
    table = ask_table(student, images, logits, labels, ["a", "b", "c"], k=1)
    for image, (_, cells) in zip(images, table.images, strict=True):
        found = pixels_in((cells[0][2] or {}).get("src"))
        check(found is not None, "a row's picture is no data:image/png;base64, URL as png_url makes it", "wrong_type")
        expected = (255 * image).round().byte().permute(1, 2, 0).numpy()
        assert_equal(found, expected, what="a row's picture")


@points(0.5, problem="report")
@needs("test_every_image_has_its_row")
@FEW
@given(seed=SEEDS)
def test_html_report_leaves_its_arguments_alone(student, seed):
    """html_report answers rightly, and leaves images, logits, labels and names as they are."""
    images, (logits, labels), names = images_of(seed, 2, 3, 4, 4), answers(seed, 2, 3), ["a", "b", "c"]
    before = snapshot(images, logits, labels, names)
    table = ask_table(student, images, logits, labels, names, k=2)
    assert_unchanged((images, logits, labels, names), before, what="(images, logits, labels, names)")
    assert_cells(table, before[1], before[2], before[3], 2)
