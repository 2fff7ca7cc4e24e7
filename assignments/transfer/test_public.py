"""Public tests of `transfer`: the handout's examples. `deepgrade check` runs them.

The hidden tests look into other models, at other layers, and let your functions teach a trained network.
"""

import copy
import math
from collections import OrderedDict
from html.parser import HTMLParser

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from autograder.testing import (
    Heard,
    assert_close,
    assert_equal,
    check,
    describe,
    items_of,
    lend,
    module_of,
    points,
    sizes,
)

SEEDS = st.integers(0, 2**31 - 1)
FEW = settings(max_examples=5)


def random_images(seed, *shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def random_weights(seed=0, classes=10, width=4):
    """Weights of a narrow ResNet-20, as named arrays."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {"conv1": (width, 3, 3, 3)}
    for stage in (1, 2, 3):
        for block in range(3):
            maps = width * 2 ** (stage - 1)
            inputs = maps // 2 if block == 0 and stage > 1 else maps
            shapes[f"stage{stage}.{block}.conv1"] = (maps, inputs, 3, 3)
            shapes[f"stage{stage}.{block}.conv2"] = (maps, maps, 3, 3)
    found = {}
    for name, shape in shapes.items():
        scale = math.sqrt(2 / (9 * shape[1]))
        found[f"{name}.weight"] = (scale * torch.randn(shape, generator=generator)).numpy()
        norm = name.replace("conv", "bn")
        for part, value in (("weight", 1.0), ("bias", 0.1), ("running_mean", 0.0), ("running_var", 1.0)):
            found[f"{norm}.{part}"] = torch.full(shape[:1], value).numpy()
        found[f"{norm}.num_batches_tracked"] = torch.tensor(1).numpy()
    found["head.weight"] = torch.randn((classes, 4 * width), generator=generator).numpy()
    found["head.bias"] = torch.randn((classes,), generator=generator).numpy()
    return found


def small_model(seed=0):
    """A backbone and a head of torch's own layers."""
    torch.manual_seed(seed)
    layers = [("conv1", nn.Conv2d(3, 4, 3)), ("bn1", nn.BatchNorm2d(4)), ("act", nn.Tanh())]
    layers += [("pool", nn.AdaptiveAvgPool2d(1)), ("flat", nn.Flatten()), ("head", nn.Linear(4, 3))]
    return nn.Sequential(OrderedDict(layers)).eval()


# ------------------------------------------------------------------------------------------------------------- looking


@points(2, problem="looking")
@FEW
@given(seed=SEEDS)
def test_the_first_convolution_makes_a_map_of_each_filter(student, seed):
    """Of 2 images of 8 x 10 pixels, conv1 of a ResNet-20 with 4 filters makes (2, 4, 8, 10) activations: the filters
    over (image - 0.5) / 0.25."""
    weights, images = random_weights(seed), random_images(seed, 2, 3, 8, 10)
    maps = student.activations(student.resnet20(weights), images, "conv1")
    expected = functional.conv2d((images - 0.5) / 0.25, torch.tensor(weights["conv1.weight"]), padding=1)
    assert_close(maps, expected, what="the activations", rtol=1e-4, atol=1e-4)


@points(2, problem="looking")
@settings(max_examples=15)
@given(shift=st.integers(-9, 9), stretch=st.sampled_from([0.5, 1.0, 4.0]))
def test_pictures_of_the_handout(student, shift, stretch):
    """The handout's map -1, 0, 3, 1 becomes 0, 1/4, 1, 1/2, and so does the same map shifted and stretched; a map that
    is the same everywhere becomes 0."""
    maps = stretch * torch.tensor([[[-1.0, 0.0], [3.0, 1.0]], [[2.0, 2.0], [2.0, 2.0]]]) + shift
    found = student.as_pictures(maps)
    assert_close(found, torch.tensor([[[0, 0.25], [1, 0.5]], [[0, 0], [0, 0.0]]]), what="the pictures")


@points(2, problem="looking")
@settings(max_examples=15)
@given(values=st.lists(st.integers(0, 10), min_size=3, max_size=3))
def test_the_grid_of_the_handout(student, values):
    """Three pictures of one pixel, in two columns, with a gap of 1, make the handout's 3 x 3 pixels."""
    a, b, c = (value / 10 for value in values)
    found = student.picture_grid(torch.tensor([[[a]], [[b]], [[c]]]), 2)
    assert_close(found, torch.tensor([[a, 1, b], [1, 1, 1], [c, 1, 1]]), what="the grid")


# -------------------------------------------------------------------------------------------------------------- scores


@points(1, problem="scores")
@settings(max_examples=10)
@given(seed=SEEDS, n=sizes(2, 5), batch_size=sizes(2, 6))
def test_every_image_has_its_logits(student, seed, n, batch_size):
    """predict makes (n, 3, h, w) images to the (n, k) logits of the model, whatever the batch size."""
    model, images = small_model(seed), random_images(seed, n, 3, 6, 5)
    logits = student.predict(lend(student, model), images, batch_size=batch_size)
    assert_close(logits, model(images).detach(), what="the logits", rtol=1e-4, atol=1e-5)


def assert_best(best, expected):
    """One image's names and probabilities."""
    check(isinstance(best, (list, tuple)), f"top_k returned {describe(best)}, expected a list", "wrong_type")
    check(len(best) == 1, f"there are {len(best)} lists for one image", "wrong_shape")
    check(isinstance(best[0], (list, tuple)), f"an image has {describe(best[0])}, expected a list", "wrong_type")
    pairs = [items_of(pair, "name", "probability", what="a class") for pair in best[0]]
    assert_equal([name for name, _ in pairs], [name for name, _ in expected], what="the names")
    assert_close([share for _, share in pairs], [share for _, share in expected], what="the probabilities", rtol=1e-5)


@points(2, problem="scores")
@settings(max_examples=15)
@given(shift=st.integers(-9, 9), names=st.permutations(["cat", "dog", "owl"]))
def test_the_two_best_of_the_handout(student, shift, names):
    """For logits ln 1, ln 6, ln 3 of cat, dog and owl, the best two are the dog with 0.6 and the owl with 0.3; for the
    same names in another order, the second with 0.6 and the third with 0.3; with another number added to all logits,
    too."""
    logits = torch.log(torch.tensor([[1.0, 6.0, 3.0]])) + shift
    assert_best(student.top_k(logits, 2, names), [(names[1], 0.6), (names[2], 0.3)])


# --------------------------------------------------------------------------------------------------------------- heads


@points(1, problem="heads")
@FEW
@given(seed=SEEDS, classes=sizes(2, 9))
def test_a_new_head_has_new_classes(student, seed, classes):
    """A ResNet-20 with a head for k classes makes (n, k) logits: the head's affine map of the features."""
    weights, images = random_weights(seed), random_images(seed, 2, 3, 8, 8)
    model = module_of(student.replace_head(student.resnet20(weights), classes), what="the new model")
    identity = {"head.weight": torch.eye(16).numpy(), "head.bias": torch.zeros(16).numpy()}
    features = student.resnet20(weights | identity)(images)
    state = model.state_dict()
    check(tuple(state["head.weight"].shape) == (classes, 16), "head.weight is not (k, f)", "wrong_shape")
    expected = features @ state["head.weight"].T + state["head.bias"]
    assert_close(model(images), expected, what="the logits", rtol=1e-4, atol=1e-4)


@points(2, problem="heads")
@settings(max_examples=3)
@given(classes=sizes(2, 12))
def test_of_the_whole_network_the_head_alone_trains(student, classes):
    """With all but the head frozen, 65 numbers of a ResNet-20 train for each class: 650 of 269,722 for ten classes."""
    weights = random_weights(classes, classes, width=16)
    model = student.resnet20(weights)
    assert_equal(student.freeze(model), 65 * classes, what="how many train")
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert_equal(names, ["head.weight", "head.bias"], what="what trains")
    assert_equal(model.state_dict(), {name: torch.tensor(array) for name, array in weights.items()}, what="the weights")


# ---------------------------------------------------------------------------------------------------------- finetuning


@points(2, problem="finetuning")
@settings(max_examples=2)
@given(seed=SEEDS, bright=st.integers(0, 1))
def test_a_head_learns_light_from_dark(student, seed, bright):
    """Shown bright and dark pictures over and over, the head learns to tell them, and log hears of every epoch."""
    y = torch.arange(24) % 2
    images = (0.1 + 0.7 * (y == bright)[:, None, None, None]) * torch.ones(24, 3, 8, 8)
    model = small_model(seed)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("head."))
    heard = Heard("loss", "accuracy")
    trained = student.finetune(
        lend(student, model), images, y, epochs=20, learning_rate=0.5, batch_size=8, seed=1, log=heard.log
    )
    told = heard.epochs(20)
    check(told[-1][0] < told[0][0] / 2, f"the loss went from {told[0][0]} to {told[-1][0]}, expected far lower")
    ours = copy.deepcopy(model)
    ours.load_state_dict(module_of(trained, what="the trained model").state_dict())
    assert_equal(ours.eval()(images).argmax(dim=1), y, what="the classes")


# -------------------------------------------------------------------------------------------------------------- report


class Cells(HTMLParser):
    """The text of every cell of a table."""

    def __init__(self):
        super().__init__()
        self.cells, self.inside = [], False

    def handle_starttag(self, tag, attributes):
        if tag == "td":
            self.cells.append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "td"

    def handle_data(self, data):
        if self.inside:
            self.cells[-1] += data


@points(2, problem="report")
@settings(max_examples=10)
@given(shift=st.integers(-9, 9), names=st.permutations(["cat", "dog", "owl"]))
def test_the_table_of_the_handout(student, shift, names):
    """The handout's image of a dog has its label, "dog: 60.0 %" and "owl: 30.0 %" in its row; for the same names in
    another order, the second and the third."""
    logits = torch.log(torch.tensor([[1.0, 6.0, 3.0]])) + shift
    text = student.html_report(torch.rand(1, 3, 4, 4), logits, torch.tensor([1]), names, k=2)
    check(type(text) is str, f"html_report returned {describe(text)}, expected a string", "wrong_type")
    parser = Cells()
    parser.feed(text)
    assert_equal(parser.cells, ["", names[1], f"{names[1]}: 60.0 %", f"{names[2]}: 30.0 %"], what="the cells")
