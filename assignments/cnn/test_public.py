"""Public tests of `cnn`: run them with `deepgrade check`. The server runs these, and hidden ones."""

import torch
from torch import nn

from autograder.testing import assert_close, assert_equal, check, lend, points


@points(1, problem="builders")
def test_widths_of_the_handout(student):
    """784 inputs, 10 classes and 40,000 parameters leave room for 50 hidden units."""
    assert_equal(student.widest_layer(784, 10, 40_000), 50, what="the width")


@points(2, problem="builders")
def test_parameters_of_the_handout(student):
    """The networks of the handout have 178,110, 39,760, 5,994 and 5,996 parameters."""
    for expected, model in (
        (178_110, student.build_mlp([784, 200, 100, 10])),
        (39_760, student.build_mlp([784, 50, 10], "tanh", 0.5)),
        (5_994, student.build_cnn((1, 28, 28), 10, [8, 16], kernel_size=5)),
        (6_018, student.build_cnn((1, 28, 28), 10, [8, 16], kernel_size=5, batch_norm=True)),
    ):
        assert_equal(student.count_parameters(model), expected, what="the number of parameters")


@points(1, problem="loop")
def test_batches_of_the_handout(student):
    """10 examples in batches of 4: sizes 4, 4 and 2, and together the numbers 0 to 9."""
    batches = list(student.minibatches(10, 4, 1))
    assert_equal([len(batch) for batch in batches], [4, 4, 2], what="the sizes")
    assert_equal(torch.cat(batches).sort().values, torch.arange(10), what="all of them, sorted")


@points(1, problem="loop")
def test_a_step_of_the_handout(student):
    """One example x = 1 of class 0, two classes, weights 0: with learning rate 1 they become 1/2 and -1/2."""
    model = nn.Sequential(nn.Linear(1, 2, bias=False)).double()
    nn.init.zeros_(model[0].weight)
    lent = lend(student, model)
    x, y = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, dtype=torch.int64)
    student.train(lent, x, y, epochs=1, batch_size=1, learning_rate=1.0)
    assert_close(lent.state_dict()["0.weight"], torch.tensor([[0.5], [-0.5]], dtype=torch.float64), what="the weights")


@points(1, problem="loop")
def test_two_clouds_are_told_apart(student):
    """A dense network learns two clouds of points, and log hears the loss fall."""
    draw = torch.Generator().manual_seed(3)
    y = torch.arange(40) % 2
    x = torch.where(y[:, None] == 0, -1.0, 1.0) + 0.3 * torch.randn(40, 2, generator=draw)
    losses = []

    def log(epoch, loss, accuracy):
        losses.append(float(loss))

    model = student.build_mlp([2, 8, 2])
    student.train(model, x, y, epochs=20, batch_size=8, learning_rate=0.1, log=log)
    check(len(losses) == 20 and losses[-1] < losses[0], f"the losses are {losses}, expected 20 that fall")
    assert_equal(student.predict(model, x), y, what="the classes")
    assert_close(student.evaluate(model, x, y)[1], 1.0, what="the accuracy", any_float=True)
