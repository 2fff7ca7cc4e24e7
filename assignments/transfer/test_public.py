"""Public tests of `transfer`: the handout's examples. `deepgrade check` runs them.

The hidden tests look into other models, at other layers, and let your functions teach a trained network.
"""

import math
from collections import OrderedDict
from html.parser import HTMLParser

import torch
from hypothesis import given, settings
from torch import nn

from autograder.testing import assert_close, assert_equal, check, lend, needs, points, sizes


def random_weights(classes=10, width=4):
    """Weights of a narrow ResNet-20, as named arrays."""
    generator = torch.Generator().manual_seed(classes)
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


def small_model():
    """A backbone and a head of torch's own layers."""
    torch.manual_seed(0)
    layers = [("conv1", nn.Conv2d(3, 4, 3)), ("bn1", nn.BatchNorm2d(4)), ("act", nn.Tanh())]
    layers += [("pool", nn.AdaptiveAvgPool2d(1)), ("flat", nn.Flatten()), ("head", nn.Linear(4, 3))]
    return nn.Sequential(OrderedDict(layers)).eval()


# ------------------------------------------------------------------------------------------------------------- looking


@points(2, problem="looking")
def test_the_first_convolution_makes_a_map_of_each_filter(student):
    """Of 2 images of 8 x 10 pixels, conv1 of a ResNet-20 with 4 filters makes (2, 4, 8, 10) activations."""
    model = student.resnet20(random_weights())
    maps = student.activations(model, torch.rand(2, 3, 8, 10), "conv1")
    check(tuple(maps.shape) == (2, 4, 8, 10), f"the activations have the shape {tuple(maps.shape)}", "wrong_shape")


@points(2, problem="looking")
def test_pictures_of_the_handout(student):
    """The handout's map -1, 0, 3, 1 becomes 0, 1/4, 1, 1/2; a map of nothing but 2 becomes 0."""
    maps = torch.tensor([[[-1.0, 0.0], [3.0, 1.0]], [[2.0, 2.0], [2.0, 2.0]]])
    assert_close(student.as_pictures(maps), torch.tensor([[[0, 0.25], [1, 0.5]], [[0, 0], [0, 0.0]]]))


@points(2, problem="looking")
def test_the_grid_of_the_handout(student):
    """Three pictures of one pixel, in two columns, with a gap of 1, make the handout's 3 x 3 pixels."""
    found = student.picture_grid(torch.tensor([[[0.1]], [[0.2]], [[0.3]]]), 2)
    assert_close(found, torch.tensor([[0.1, 1, 0.2], [1, 1, 1], [0.3, 1, 1]]))


# -------------------------------------------------------------------------------------------------------------- scores


@points(1, problem="scores")
@settings(max_examples=10)
@given(n=sizes(1, 5), batch_size=sizes(1, 6))
def test_every_image_has_its_logits(student, n, batch_size):
    """predict makes (n, 3, h, w) images to (n, k) logits, whatever the batch size."""
    logits = student.predict(lend(student, small_model()), torch.rand(n, 3, 6, 5), batch_size=batch_size)
    check(tuple(logits.shape) == (n, 3), f"the logits have shape {tuple(logits.shape)}, expected {(n, 3)}")


@points(2, problem="scores")
def test_the_two_best_of_the_handout(student):
    """For logits ln 1, ln 6, ln 3, the best two of cat, dog and owl are the dog with 0.6 and the owl with 0.3."""
    logits = torch.log(torch.tensor([[1.0, 6.0, 3.0]]))
    (best,) = student.top_k(logits, 2, ["cat", "dog", "owl"])
    assert_equal([name for name, _ in best], ["dog", "owl"], what="the names")
    assert_close([share for _, share in best], [0.6, 0.3], what="the probabilities", rtol=1e-5)


# --------------------------------------------------------------------------------------------------------------- heads


@points(1, problem="heads")
def test_a_new_head_has_new_classes(student):
    """With a head for 7 classes, logits are (n, 7)."""
    model = student.replace_head(student.resnet20(random_weights()), 7)
    logits = model(torch.rand(2, 3, 8, 8))
    check(tuple(logits.shape) == (2, 7), f"the logits have the shape {tuple(logits.shape)}, expected (2, 7)")


@points(2, problem="heads")
def test_of_the_whole_network_the_head_alone_trains(student):
    """With all but the head frozen, 650 of the 269,722 numbers of a ResNet-20 train."""
    model = student.resnet20(random_weights(width=16))
    assert_equal(student.freeze(model), 650, what="how many train")
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert_equal(names, ["head.weight", "head.bias"], what="what trains")


# ---------------------------------------------------------------------------------------------------------- finetuning


@points(2, problem="finetuning")
@needs("test_of_the_whole_network_the_head_alone_trains")
def test_a_head_learns_light_from_dark(student):
    """Shown bright and dark pictures over and over, the head learns to tell them, and log hears of every epoch."""
    y = torch.arange(24) % 2
    images = (0.1 + 0.7 * y[:, None, None, None]) * torch.ones(24, 3, 8, 8)
    model = student.replace_head(student.resnet20(random_weights()), 2)
    student.freeze(model)
    heard = []

    def log(epoch, loss, accuracy):
        heard.append((epoch, loss, accuracy))

    student.finetune(model, images, y, epochs=40, learning_rate=0.1, batch_size=8, seed=1, log=log)
    check([epoch for epoch, *_ in heard] == list(range(1, 41)), f"log was called {len(heard)} times in 40 epochs")
    check(heard[-1][1] < heard[0][1] / 2, f"the loss went from {heard[0][1]} to {heard[-1][1]}, expected far lower")


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
@needs("test_the_two_best_of_the_handout")
def test_the_table_of_the_handout(student):
    """The handout's image of a dog has its label, "dog: 60.0 %" and "owl: 30.0 %" in its row."""
    logits = torch.log(torch.tensor([[1.0, 6.0, 3.0]]))
    names = ["cat", "dog", "owl"]
    text = student.html_report(torch.rand(1, 3, 4, 4), logits, torch.tensor([1]), names, k=2)
    check(type(text) is str, "html_report returns no string", "wrong_type")
    parser = Cells()
    parser.feed(text)
    assert_equal(parser.cells, ["", "dog", "dog: 60.0 %", "owl: 30.0 %"], what="the cells")
