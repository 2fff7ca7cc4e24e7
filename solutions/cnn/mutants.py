"""Wrong answers to `cnn`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions. What the reference calls, calls the mutant.
"""

import math
from itertools import pairwise

import cnn as reference
import torch
from torch import nn
from torch.nn import functional as F

from autograder.testing import mutant

NOT_APPLICABLE = {
    (("exponentials", "masks", "shapes", "batches", "state", "parameters", "chance", "gradients"), "train_fast"): (
        "any recipe is right: it is held to a bar, on pictures that nobody has"
    ),
    (
        "exponentials",
        ("build_cnn", "widest_layer", "count_parameters", "l1_penalty", "l2_penalty", "minibatches"),
    ): "has no exponentials",
    ("the maximum of the whole matrix for the row's", "build_mlp"): "its activations are taken number by number",
    (
        "masks",
        ("build_mlp", "build_cnn", "count_parameters"),
    ): "compares nothing but a dropout with 0, which drops nothing",
    ("masks", ("minibatches", "train", "predict", "evaluate")): "compares nothing; argmax is torch's",
    ("a squeeze", ("widest_layer", "count_parameters", "l1_penalty", "l2_penalty")): "returns one number",
    (
        "a (1, k) gradient for (k,)",
        ("build_mlp", "build_cnn", "widest_layer", "count_parameters", "minibatches", "train", "evaluate"),
    ): ("torch makes the gradients, each of its parameter's shape"),
    ("two dimensions taken for granted", ("widest_layer", "count_parameters", "minibatches")): "takes no arrays",
    ("two dimensions taken for granted", "build_cnn"): "takes pictures alone",
    (
        "height for width, rows for columns",
        ("count_parameters", "l1_penalty", "l2_penalty", "minibatches"),
    ): "sums over all axes, or has one",
    ("the border cut by [p:-p]", "*"): "torch pads, and nothing is cut off again",
    (
        "batches",
        ("widest_layer", "count_parameters", "build_mlp", "build_cnn", "l1_penalty", "l2_penalty"),
    ): "makes no batches",
    ("labels or order mixed up", "minibatches"): "has no labels, and each order is right",
    (
        ("each batch drawn anew", "an order never or once drawn"),
        ("predict", "evaluate"),
    ): "takes the examples as they come",
    (
        "state",
        ("widest_layer", "count_parameters", "l1_penalty", "l2_penalty", "minibatches", "build_mlp"),
    ): "keeps no state",
    ("a step count that never advances", ("build_cnn", "predict", "evaluate")): "counts no steps",
    ("a parameter read but replaced by a constant", "count_parameters"): "takes a model alone",
    ("a parameter read but replaced by a constant", ("predict", "evaluate")): "answers the same for every batch_size",
    (
        "epsilon in another place",
        (
            "widest_layer",
            "count_parameters",
            "build_mlp",
            "l1_penalty",
            "l2_penalty",
            "minibatches",
            "train",
            "predict",
            "evaluate",
        ),
    ): "has no epsilon",
    (
        "scale, shift or rescaling forgotten in one mode",
        ("widest_layer", "count_parameters", "l1_penalty", "l2_penalty", "minibatches", "train", "predict", "evaluate"),
    ): ("neither scales nor shifts: the modes are the model's"),
    (
        "chance",
        ("widest_layer", "count_parameters", "l1_penalty", "l2_penalty", "predict", "evaluate"),
    ): "draws nothing",
    ("a normal draw for a uniform one", ("minibatches", "train")): "draws orders, not numbers",
    ("gradients", ("build_mlp", "build_cnn")): "sums nothing, and torch takes the gradients",
    ("an assignment for +=", ("widest_layer", "minibatches")): "sums nothing",
    (
        "a factor of the batch, the classes or two",
        ("count_parameters", "minibatches", "predict"),
    ): "has no mean and no factor",
    (
        "another's gradient",
        ("widest_layer", "count_parameters", "minibatches", "predict", "evaluate"),
    ): "has no gradient",
}

# ----------------------------------------------------------------------------------------------------------- builders


@mutant("widest_layer", killed_by="test_the_widest_layer_fits_and_no_wider_one")
def without_biases(inputs, classes, budget):
    """You count the weights and leave out the biases.

    Handout: Builders
    """
    width = budget // (inputs + classes)
    if width < 1:
        raise ValueError
    return width


@mutant("widest_layer", killed_by="test_the_widest_layer_fits_and_no_wider_one")
def rounded_to_the_nearest(inputs, classes, budget):
    """You round the width to the nearest integer, so that the network may exceed the budget."""
    width = round((budget - classes) / (inputs + 1 + classes))
    if width < 1:
        raise ValueError
    return width


@mutant("widest_layer", killed_by="test_a_budget_too_small_for_one_unit_is_refused")
def zero_units_where_none_fits(inputs, classes, budget):
    """You return 0 in place of a ValueError where not even one unit fits."""
    return max(0, (budget - classes) // (inputs + 1 + classes))


@mutant("widest_layer", killed_by="test_the_widest_layer_fits_and_no_wider_one", kind="a mask with >= for >")
def a_budget_must_not_be_filled(inputs, classes, budget):
    """You do not allow a network that fills the budget exactly."""
    return reference.widest_layer(inputs, classes, budget - 1)


@mutant(
    "widest_layer",
    killed_by="test_the_widest_layer_fits_and_no_wider_one",
    kind="a parameter read but replaced by a constant",
)
def always_ten_classes(inputs, classes, budget):
    """You compute with ten classes, whatever classes is."""
    return reference.widest_layer(inputs, 10, budget)


@mutant(
    "widest_layer", killed_by="test_the_widest_layer_fits_and_no_wider_one", kind="height for width, rows for columns"
)
def inputs_and_classes_exchanged(inputs, classes, budget):
    """You exchange inputs and classes."""
    return reference.widest_layer(classes, inputs, budget)


@mutant(
    "widest_layer",
    killed_by="test_the_widest_layer_fits_and_no_wider_one",
    kind="a factor of the batch, the classes or two",
)
def two_biases_a_unit(inputs, classes, budget):
    """You count two biases for each hidden unit."""
    width = (budget - classes) // (inputs + 2 + classes)
    if width < 1:
        raise ValueError
    return width


@mutant("build_mlp", killed_by="test_an_mlp_is_its_formula[relu]")
def a_softmax_at_the_end(widths, activation="relu", dropout=0.0):
    """You put a softmax at the end of the network.

    Handout: Builders
    """
    return nn.Sequential(reference.build_mlp(widths, activation, dropout), nn.Softmax(1))


@mutant("build_mlp", killed_by="test_an_mlp_is_its_formula[tanh]")
def an_activation_at_the_end(widths, activation="relu", dropout=0.0):
    """You put a ReLU behind the last layer."""
    return nn.Sequential(reference.build_mlp(widths, activation, dropout), nn.ReLU())


@mutant("build_mlp", killed_by="test_an_mlp_is_its_formula[tanh]")
def always_relu(widths, activation="relu", dropout=0.0):
    """You use ReLU, whatever activation is."""
    reference.build_mlp(widths, activation, dropout)
    return reference.build_mlp(widths, "relu", dropout)


@mutant("build_mlp", killed_by="test_an_mlp_has_the_parameters_of_its_layers")
def without_biases_inside(widths, activation="relu", dropout=0.0):
    """You leave out the biases of the hidden layers.

    Handout: Builders
    """
    if activation not in reference.ACTIVATIONS:
        raise ValueError
    layers = [nn.Flatten()]
    for fan_in, fan_out in pairwise(widths[:-1]):
        layers += [nn.Linear(fan_in, fan_out, bias=False), reference.ACTIVATIONS[activation]()]
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


@mutant(
    "build_mlp",
    killed_by="test_an_mlp_has_the_parameters_of_its_layers",
    kind="height for width, rows for columns",
)
def weights_stand_the_other_way_round(widths, activation="relu", dropout=0.0):
    """Your weights have the shape (d_in, d_out)."""

    class Turned(nn.Module):
        def __init__(self, fan_in, fan_out):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(fan_in, fan_out) / math.sqrt(fan_in))
            self.bias = nn.Parameter(torch.zeros(fan_out))

        def forward(self, x):
            return x @ self.weight + self.bias

    layers = list(reference.build_mlp(widths, activation, dropout))
    return nn.Sequential(*[Turned(a.in_features, a.out_features) if isinstance(a, nn.Linear) else a for a in layers])


@mutant("build_mlp", killed_by="test_an_mlp_is_its_formula[tanh]", kind="no shift in exponentials")
def tanh_by_exponentials(widths, activation="relu", dropout=0.0):
    """You compute tanh as a quotient of exponentials, which overflow for large inputs."""

    class Tangent(nn.Module):
        def forward(self, x):
            return (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())

    layers = list(reference.build_mlp(widths, activation, dropout))
    return nn.Sequential(*[Tangent() if isinstance(layer, nn.Tanh) else layer for layer in layers])


@mutant("build_mlp", killed_by="test_an_mlp_takes_pictures", kind="two dimensions taken for granted")
def only_for_rows(widths, activation="relu", dropout=0.0):
    """Your network does not flatten its inputs and so takes no pictures."""
    model = reference.build_mlp(widths, activation, dropout)
    return nn.Sequential(*list(model)[1:])


@mutant("build_mlp", killed_by="test_one_example_or_one_output_keeps_both_axes", kind="a squeeze")
def squeezing_every_axis(widths, activation="relu", dropout=0.0):
    """You squeeze the logits, so that they lose an axis for one example or one output."""

    class Squeezed(nn.Sequential):
        def forward(self, x):
            return super().forward(x).squeeze()

    return Squeezed(*reference.build_mlp(widths, activation, dropout))


@mutant("build_mlp", killed_by="test_an_unknown_activation_is_an_error")
def relu_for_what_it_does_not_know(widths, activation="relu", dropout=0.0):
    """You use ReLU in place of a ValueError for an unknown activation."""
    return reference.build_mlp(widths, activation if activation in reference.ACTIVATIONS else "relu", dropout)


@mutant("build_mlp", killed_by="test_dropout_stands_behind_each_hidden_layer")
def dropout_as_the_probability_to_keep(widths, activation="relu", dropout=0.0):
    """You take dropout for the probability to keep a unit."""
    return reference.build_mlp(widths, activation, 1 - dropout if dropout else 0.0)


@mutant("build_mlp", killed_by="test_dropout_stands_behind_each_hidden_layer")
def dropping_logits(widths, activation="relu", dropout=0.0):
    """You put the dropout behind the last layer and not behind the hidden ones."""
    return nn.Sequential(reference.build_mlp(widths, activation), nn.Dropout(dropout))


@mutant("build_mlp", killed_by="test_dropout_stands_behind_each_hidden_layer")
def without_dropout(widths, activation="relu", dropout=0.0):
    """You ignore dropout."""
    return reference.build_mlp(widths, activation)


@mutant("build_mlp", killed_by="test_dropout_stands_behind_each_hidden_layer")
def dropout_behind_the_first_layer_alone(widths, activation="relu", dropout=0.0):
    """You put dropout behind the first hidden layer only."""
    layers = list(reference.build_mlp(widths, activation, dropout))
    drops = [layer for layer in layers if isinstance(layer, nn.Dropout)]
    return nn.Sequential(*[layer for layer in layers if layer not in drops[1:]])


@mutant(
    "build_mlp",
    killed_by="test_dropout_stands_behind_each_hidden_layer",
    kind="a parameter read but replaced by a constant",
)
def dropout_is_always_a_half(widths, activation="relu", dropout=0.0):
    """You drop units with the probability 1/2, whatever dropout is, if it is above 0."""
    return reference.build_mlp(widths, activation, 0.5 if dropout > 0 else 0.0)


@mutant(
    "build_mlp",
    killed_by="test_dropout_stands_behind_each_hidden_layer",
    kind="scale, shift or rescaling forgotten in one mode",
)
def what_is_left_is_not_scaled_up(widths, activation="relu", dropout=0.0):
    """You do not scale up the units that dropout keeps."""

    class Unscaled(nn.Dropout):
        def forward(self, x):
            return super().forward(x) * (1 - self.p if self.training else 1)

    layers = list(reference.build_mlp(widths, activation, dropout))
    return nn.Sequential(*[Unscaled(dropout) if isinstance(layer, nn.Dropout) else layer for layer in layers])


@mutant("build_mlp", killed_by="test_without_hidden_layers_or_dropout_nothing_is_random")
def always_a_little_dropout(widths, activation="relu", dropout=0.0):
    """You drop units even where dropout is 0."""
    return reference.build_mlp(widths, activation, max(dropout, 0.1))


@mutant(
    "build_mlp",
    killed_by="test_first_weights_are_drawn_as_torch_draws_them[build_mlp]",
    kind="a normal draw for a uniform one",
)
def weights_drawn_from_a_normal(widths, activation="relu", dropout=0.0):
    """You draw the weights from a normal distribution."""
    model = reference.build_mlp(widths, activation, dropout)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.normal_(std=1 / math.sqrt(3 * parameter.shape[1]))
    return model


@mutant(
    "build_mlp",
    killed_by="test_first_weights_are_drawn_as_torch_draws_them[build_mlp]",
    kind="a zero or constant draw",
)
def biases_of_zero(widths, activation="relu", dropout=0.0):
    """You begin with biases of 0."""
    model = reference.build_mlp(widths, activation, dropout)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            nn.init.zeros_(parameter)
    return model


@mutant("build_mlp", killed_by="test_first_weights_are_drawn_as_torch_draws_them[build_mlp]")
def the_same_weights_every_time(widths, activation="relu", dropout=0.0):
    """You set a fixed seed, so that all networks begin with the same weights."""
    torch.manual_seed(0)
    return reference.build_mlp(widths, activation, dropout)


@mutant("build_cnn", killed_by="test_a_cnn_has_the_parameters_of_its_stages")
def a_bias_before_batch_norm(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You give convolutions a bias where batch norm follows.

    Handout: Builders
    """
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    model = reference.build_cnn(shape, classes, channels, **words)
    for layer in model:
        if isinstance(layer, nn.Conv2d) and layer.bias is None:
            layer.bias = nn.Parameter(torch.zeros(layer.out_channels))
    return model


@mutant("build_cnn", killed_by="test_a_cnn_has_the_parameters_of_its_stages")
def without_its_last_stage(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You leave out the last stage, if there are several."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    return reference.build_cnn(shape, classes, channels[: max(1, len(channels) - 1)], **words)


@mutant("build_cnn", killed_by="test_a_cnn_has_the_parameters_of_its_stages")
def padding_so_that_nothing_shrinks(
    shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0
):
    """You pad by half the kernel size, whatever padding is."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    return reference.build_cnn(shape, classes, channels, **{**words, "padding": kernel_size // 2})


@mutant(
    "build_cnn",
    killed_by="test_a_cnn_has_the_parameters_of_its_stages",
    kind="a parameter read but replaced by a constant",
)
def always_kernels_of_three(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You use kernels of size 3, whatever kernel_size is."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    return reference.build_cnn(shape, classes, channels, **{**words, "kernel_size": 3})


@mutant(
    "build_cnn",
    killed_by="test_a_cnn_for_other_pictures[that are not square]",
    kind="height for width, rows for columns",
)
def height_and_width_exchanged(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You use the height of the pictures for their width, too."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    return reference.build_cnn((*shape[:2], shape[1]), classes, channels, **words)


@mutant("build_cnn", killed_by="test_a_cnn_for_other_pictures[without padding]")
def no_padding_is_taken_for_none_given(
    shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0
):
    """You take a padding of 0 for one that is not given, and pad by half the kernel size."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    return reference.build_cnn(shape, classes, channels, **{**words, "padding": padding or kernel_size // 2})


@mutant("build_cnn", killed_by="test_a_cnn_for_other_pictures[of which a row and a column are left out]")
def a_last_odd_row_is_kept(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You keep a last odd row or column in the pooling."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    model = reference.build_cnn(shape, classes, channels, **words)
    layers = [nn.MaxPool2d(2, ceil_mode=True) if isinstance(layer, nn.MaxPool2d) else layer for layer in model]
    with torch.no_grad():
        features = nn.Sequential(*layers[:-1]).eval()(torch.zeros(1, *shape)).shape[1]
    return nn.Sequential(*layers[:-1], nn.Linear(features, classes))


@mutant("build_cnn", killed_by="test_a_cnn_is_its_formula")
def average_pooling(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You use average pooling in place of max pooling."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    model = reference.build_cnn(shape, classes, channels, **words)
    return nn.Sequential(*[nn.AvgPool2d(2) if isinstance(layer, nn.MaxPool2d) else layer for layer in model])


@mutant("build_cnn", killed_by="test_a_cnn_is_its_formula")
def without_relu(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You leave out the ReLU of each stage."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    model = reference.build_cnn(shape, classes, channels, **words)
    return nn.Sequential(*[layer for layer in model if not isinstance(layer, nn.ReLU)])


@mutant("build_cnn", killed_by="test_one_picture_or_one_class_keeps_both_axes", kind="a squeeze")
def squeezing_every_axis_of_the_logits(
    shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0
):
    """You squeeze the logits, so that they lose an axis for one picture or one class."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}

    class Squeezed(nn.Sequential):
        def forward(self, x):
            return super().forward(x).squeeze()

    return Squeezed(*reference.build_cnn(shape, classes, channels, **words))


@mutant("build_cnn", killed_by="test_batch_norm_stands_before_relu")
def batch_norm_after_pooling(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You put batch norm behind the pooling."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    layers = list(reference.build_cnn(shape, classes, channels, **words))
    found = []
    while layers:
        layer = layers.pop(0)
        if isinstance(layer, nn.BatchNorm2d):
            found += [layers.pop(0), layers.pop(0)]
        found.append(layer)
    return nn.Sequential(*found)


@mutant("build_cnn", killed_by="test_batch_norm_stands_before_relu", kind="epsilon in another place")
def epsilon_beside_the_root(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You add eps in train mode to the standard deviation and not to the variance."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}

    class Beside(nn.BatchNorm2d):
        def forward(self, x):
            mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
            z = (x - mean) / (var.sqrt() + self.eps)
            return z * self.weight[:, None, None] + self.bias[:, None, None] if self.training else super().forward(x)

    model = reference.build_cnn(shape, classes, channels, **words)
    return nn.Sequential(
        *[Beside(layer.num_features) if isinstance(layer, nn.BatchNorm2d) else layer for layer in model]
    )


@mutant("build_cnn", killed_by="test_in_eval_mode_batch_norm_uses_running_statistics")
def batch_norm_without_running_statistics(
    shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0
):
    """You use the statistics of the batch in eval mode, too."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    model = reference.build_cnn(shape, classes, channels, **words)
    layers = [
        nn.BatchNorm2d(layer.num_features, track_running_stats=False) if isinstance(layer, nn.BatchNorm2d) else layer
        for layer in model
    ]
    return nn.Sequential(*layers)


@mutant(
    "build_cnn", killed_by="test_in_eval_mode_batch_norm_uses_running_statistics", kind="state read but never stored"
)
def running_statistics_are_never_stored(
    shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0
):
    """Your batch norm never updates its running statistics."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    model = reference.build_cnn(shape, classes, channels, **words)
    for layer in model:
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.0
    return model


@mutant("build_cnn", killed_by="test_in_eval_mode_batch_norm_uses_running_statistics")
def epsilon_beside_the_root_in_eval_mode(
    shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0
):
    """You add eps in eval mode to the standard deviation and not to the variance."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}

    class Beside(nn.BatchNorm2d):
        def forward(self, x):
            z = (x - self.running_mean[:, None, None]) / (self.running_var.sqrt() + self.eps)[:, None, None]
            return super().forward(x) if self.training else z * self.weight[:, None, None] + self.bias[:, None, None]

    model = reference.build_cnn(shape, classes, channels, **words)
    return nn.Sequential(
        *[Beside(layer.num_features) if isinstance(layer, nn.BatchNorm2d) else layer for layer in model]
    )


@mutant(
    "build_cnn",
    killed_by="test_in_eval_mode_batch_norm_uses_running_statistics",
    kind="scale, shift or rescaling forgotten in one mode",
)
def gamma_and_beta_forgotten_in_eval_mode(
    shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0
):
    """You leave out gamma and beta of the batch norm in eval mode."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}

    class Forgetful(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x) if self.training else F.batch_norm(x, self.running_mean, self.running_var)

    model = reference.build_cnn(shape, classes, channels, **words)
    return nn.Sequential(
        *[Forgetful(layer.num_features) if isinstance(layer, nn.BatchNorm2d) else layer for layer in model]
    )


@mutant("build_cnn", killed_by="test_in_eval_mode_batch_norm_uses_running_statistics")
def a_running_variance_without_its_correction(
    shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0
):
    """You update the running variance with the biased variance of the batch."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}

    class Biased(nn.BatchNorm2d):
        def forward(self, x):
            before = self.running_var.clone()
            z = super().forward(x)
            if self.training:
                with torch.no_grad():
                    self.running_var.copy_(0.9 * before + 0.1 * x.var((0, 2, 3), correction=0))
            return z

    model = reference.build_cnn(shape, classes, channels, **words)
    return nn.Sequential(
        *[Biased(layer.num_features) if isinstance(layer, nn.BatchNorm2d) else layer for layer in model]
    )


@mutant("build_cnn", killed_by="test_dropout_in_a_cnn_stands_before_the_last_layer")
def a_cnn_without_dropout(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You ignore dropout."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    return reference.build_cnn(shape, classes, channels, **{**words, "dropout": 0.0})


@mutant("build_cnn", killed_by="test_dropout_in_a_cnn_stands_before_the_last_layer")
def dropout_behind_every_stage(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You put dropout behind every stage."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    layers = []
    for layer in reference.build_cnn(shape, classes, channels, **{**words, "dropout": 0.0}):
        layers += [layer, nn.Dropout(dropout)] if isinstance(layer, nn.MaxPool2d) else [layer]
    return nn.Sequential(*layers)


@mutant("build_cnn", killed_by="test_a_stage_that_leaves_no_pixel_is_an_error")
def zeros_where_nothing_is_left(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You return a network in place of a ValueError where a stage leaves no pixel."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    try:
        return reference.build_cnn(shape, classes, channels, **words)
    except ValueError:
        return nn.Linear(1, classes)


@mutant("build_cnn", killed_by="test_a_cnn_has_the_parameters_of_its_stages")
def refused_where_one_pixel_is_left(
    shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0
):
    """You raise ValueError for pictures that are just large enough for the stages."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    reference.build_cnn((shape[0], shape[1] - 1, shape[2] - 1), classes, channels, **words)
    return reference.build_cnn(shape, classes, channels, **words)


@mutant(
    "build_cnn",
    killed_by="test_first_weights_are_drawn_as_torch_draws_them[build_cnn]",
    kind="a normal draw for a uniform one",
)
def kernels_drawn_from_a_normal(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You draw the kernels from a normal distribution."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    model = reference.build_cnn(shape, classes, channels, **words)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 4:
                parameter.normal_(std=1 / math.sqrt(3 * parameter[0].numel()))
    return model


@mutant(
    "build_cnn", killed_by="test_first_weights_are_drawn_as_torch_draws_them[build_cnn]", kind="a zero or constant draw"
)
def kernels_that_are_all_alike(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """You set all weights of the first convolution to one constant."""
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    model = reference.build_cnn(shape, classes, channels, **words)
    nn.init.constant_(model[0].weight, 0.1)
    return model


@mutant("count_parameters", killed_by="test_only_what_is_trained_is_counted")
def frozen_ones_too(model):
    """You count parameters that do not require a gradient, too."""
    return sum(parameter.numel() for parameter in model.parameters())


@mutant("count_parameters", killed_by="test_only_what_is_trained_is_counted")
def arrays_and_not_entries(model):
    """You count the parameter tensors and not their entries."""
    return len([parameter for parameter in model.parameters() if parameter.requires_grad])


@mutant("count_parameters", killed_by="test_only_what_is_trained_is_counted")
def running_statistics_too(model):
    """You count buffers, too, such as the running statistics of batch norm."""
    return reference.count_parameters(model) + sum(buffer.numel() for buffer in model.buffers())


@mutant("count_parameters", killed_by="test_only_what_is_trained_is_counted", kind="an assignment for +=")
def the_last_array_alone(model):
    """You return only the size of the last parameter that requires a gradient."""
    total = 0
    for parameter in model.parameters():
        if parameter.requires_grad:
            total = parameter.numel()
    return total


@mutant("count_parameters", killed_by="test_shared_parameters_count_once")
def shared_ones_twice(model):
    """You count a parameter once for each layer that shares it."""

    def own(layer):
        return sum(parameter.numel() for parameter in layer.parameters(recurse=False) if parameter.requires_grad)

    def total(layer):
        return own(layer) + sum(total(child) for child in layer._modules.values())

    return total(model)


# ---------------------------------------------------------------------------------------------------------- penalties


@mutant("l1_penalty", killed_by="test_l1_is_the_sum_of_absolute_weights")
def biases_pay_too(model, lam):
    """You penalise biases, gamma and beta, too.

    Handout: Penalties
    """
    return lam * sum(p.abs().sum() for p in model.parameters())


@mutant("l1_penalty", killed_by="test_l1_is_the_sum_of_absolute_weights")
def a_mean_in_place_of_a_sum(model, lam):
    """You take the mean of |w| over each parameter in place of the sum.

    Handout: Penalties
    """
    return lam * sum(p.abs().mean() for p in model.parameters() if p.dim() >= 2)


@mutant("l1_penalty", killed_by="test_l1_is_the_sum_of_absolute_weights", kind="two dimensions taken for granted")
def kernels_pay_nothing(model, lam):
    """You penalise weight matrices only and leave out the kernels.

    Handout: Penalties
    """
    return lam * sum(p.abs().sum() for p in model.parameters() if p.dim() == 2)


@mutant("l1_penalty", killed_by="test_l1_is_the_sum_of_absolute_weights", kind="a mask with >= for >")
def kernels_alone_pay(model, lam):
    """You penalise kernels only and leave out the weight matrices.

    Handout: Penalties
    """
    return lam * sum(p.abs().sum() for p in model.parameters() if p.dim() > 2)


@mutant("l1_penalty", killed_by="test_l1_is_the_sum_of_absolute_weights", kind="an assignment for +=")
def the_last_weight_alone(model, lam):
    """You penalise the last weight tensor only.

    Handout: Penalties
    """
    total = torch.zeros(())
    for p in model.parameters():
        if p.dim() >= 2:
            total = p.abs().sum()
    return lam * total


@mutant(
    "l1_penalty",
    killed_by="test_l1_is_the_sum_of_absolute_weights",
    kind="a parameter read but replaced by a constant",
)
def lambda_is_always_a_thousandth(model, lam):
    """You use a constant in place of lam."""
    return reference.l1_penalty(model, 1e-3)


@mutant(
    "l1_penalty",
    killed_by="test_l1_is_the_sum_of_absolute_weights",
    kind="a factor of the batch, the classes or two",
)
def half_of_it(model, lam):
    """You halve the l1 penalty.

    Handout: Penalties
    """
    return reference.l1_penalty(model, lam) / 2


@mutant("l1_penalty", killed_by="test_l1_is_the_sum_of_absolute_weights", kind="another's gradient")
def with_the_gradient_of_l2(model, lam):
    """Your l1 penalty has the gradient of the l2 penalty."""
    other = reference.l2_penalty(model, lam)
    return reference.l1_penalty(model, lam).detach() + other - other.detach()


@mutant(
    "l1_penalty",
    killed_by="test_a_penalty_is_a_tensor_without_axes[l1_penalty]",
    kind="a (1, k) gradient for (k,)",
)
def a_penalty_with_an_axis(model, lam):
    """You return a tensor of the shape (1,)."""
    return reference.l1_penalty(model, lam)[None]


@mutant("l1_penalty", killed_by="test_a_penalty_is_a_tensor_without_axes[l1_penalty]")
def only_where_there_are_weights(model, lam):
    """Your penalty raises an error for a model without weights."""
    return lam * torch.cat([p.flatten() for p in model.parameters() if p.dim() >= 2]).abs().sum()


@mutant("l2_penalty", killed_by="test_l2_is_half_the_sum_of_squares", kind="a factor of the batch, the classes or two")
def without_the_half(model, lam):
    """You leave out the factor 1/2 of the l2 penalty.

    Handout: Penalties
    """
    return 2 * reference.l2_penalty(model, lam)


@mutant("l2_penalty", killed_by="test_l2_is_half_the_sum_of_squares")
def the_norm_and_not_its_square(model, lam):
    """You add up the norms of the weights and not their squares.

    Handout: Penalties
    """
    return lam / 2 * sum(p.square().sum().sqrt() for p in model.parameters() if p.dim() >= 2)


@mutant("l2_penalty", killed_by="test_l2_is_half_the_sum_of_squares")
def without_a_gradient(model, lam):
    """You make a new tensor of the penalty's value, so that no gradient reaches the weights.

    Handout: Penalties
    """
    return torch.as_tensor(reference.l2_penalty(model, lam).item(), requires_grad=True) + 0


@mutant("l2_penalty", killed_by="test_l2_is_half_the_sum_of_squares", kind="two dimensions taken for granted")
def squares_of_matrices_alone(model, lam):
    """You penalise weight matrices only and leave out the kernels.

    Handout: Penalties
    """
    return lam / 2 * sum(p.square().sum() for p in model.parameters() if p.dim() == 2)


@mutant("l2_penalty", killed_by="test_l2_is_half_the_sum_of_squares", kind="a mask with >= for >")
def squares_of_kernels_alone(model, lam):
    """You penalise kernels only and leave out the weight matrices.

    Handout: Penalties
    """
    return lam / 2 * sum(p.square().sum() for p in model.parameters() if p.dim() > 2)


@mutant("l2_penalty", killed_by="test_l2_is_half_the_sum_of_squares", kind="an assignment for +=")
def squares_of_the_last_weight_alone(model, lam):
    """You penalise the last weight tensor only.

    Handout: Penalties
    """
    total = torch.zeros(())
    for p in model.parameters():
        if p.dim() >= 2:
            total = p.square().sum()
    return lam / 2 * total


@mutant(
    "l2_penalty",
    killed_by="test_l2_is_half_the_sum_of_squares",
    kind="a parameter read but replaced by a constant",
)
def always_a_thousandth_of_the_squares(model, lam):
    """You use a constant in place of lam."""
    return reference.l2_penalty(model, 1e-3)


@mutant("l2_penalty", killed_by="test_l2_is_half_the_sum_of_squares", kind="another's gradient")
def with_the_gradient_of_l1(model, lam):
    """Your l2 penalty has the gradient of the l1 penalty."""
    other = reference.l1_penalty(model, lam)
    return reference.l2_penalty(model, lam).detach() + other - other.detach()


@mutant(
    "l2_penalty",
    killed_by="test_a_penalty_is_a_tensor_without_axes[l2_penalty]",
    kind="a (1, k) gradient for (k,)",
)
def squares_with_an_axis(model, lam):
    """You return a tensor of the shape (1,)."""
    return reference.l2_penalty(model, lam)[None]


# --------------------------------------------------------------------------------------------------------------- loop


@mutant("minibatches", killed_by="test_batches_are_a_partition")
def drawn_with_replacement(n, batch_size, seed):
    """You draw the numbers with replacement, so that some come twice and others never."""
    draw = torch.Generator().manual_seed(seed)
    return list(torch.randint(n, (n,), generator=draw).split(batch_size)) if n else []


@mutant("minibatches", killed_by="test_batches_are_a_partition", kind="each batch drawn anew")
def each_batch_is_drawn_from_all(n, batch_size, seed):
    """You draw each batch from all numbers, so that a number may come in several batches."""
    draw = torch.Generator().manual_seed(seed)
    sizes = [len(batch) for batch in reference.minibatches(n, batch_size, seed)]
    return [torch.randperm(n, generator=draw)[:size] for size in sizes]


@mutant("minibatches", killed_by="test_batches_are_a_partition", kind="batches that share a buffer")
def one_buffer_for_all_batches(n, batch_size, seed):
    """Your batches share one buffer, so that each batch overwrites those before."""
    buffer, found = torch.zeros(batch_size, dtype=torch.int64), []
    for batch in reference.minibatches(n, batch_size, seed):
        buffer[: len(batch)] = batch
        found.append(buffer[: len(batch)])
    return found


@mutant("minibatches", killed_by="test_batches_at_the_edges[a last batch that is smaller]")
def dropping_the_last_batch(n, batch_size, seed):
    """You leave out the last batch if it is smaller."""
    return [batch for batch in reference.minibatches(n, batch_size, seed) if len(batch) == batch_size]


@mutant("minibatches", killed_by="test_batches_at_the_edges[no examples, which make no batch]")
def one_empty_batch_of_nothing(n, batch_size, seed):
    """You return one empty batch where n is 0."""
    return reference.minibatches(n, batch_size, seed) or [torch.zeros(0, dtype=torch.int64)]


@mutant("minibatches", killed_by="test_batches_at_the_edges[batches of one]", kind="a squeeze")
def batches_of_one_are_squeezed(n, batch_size, seed):
    """You squeeze the batches, so that a batch of one number has no axis."""
    return [batch.squeeze() for batch in reference.minibatches(n, batch_size, seed)]


@mutant("minibatches", killed_by="test_a_seed_is_an_order", kind="an order never or once drawn")
def never_shuffled(n, batch_size, seed):
    """You do not shuffle the numbers."""
    return list(torch.arange(n).split(batch_size)) if n else []


@mutant("minibatches", killed_by="test_a_seed_is_an_order")
def only_the_batches_are_shuffled(n, batch_size, seed):
    """You shuffle the batches and keep the numbers inside them in order."""
    batches = list(torch.arange(n).split(batch_size)) if n else []
    whole = n // batch_size
    order = torch.randperm(whole, generator=torch.Generator().manual_seed(seed))
    return [batches[i] for i in order] + batches[whole:]


@mutant("minibatches", killed_by="test_a_seed_is_an_order", kind="a zero or constant draw")
def turned_by_the_seed(n, batch_size, seed):
    """You rotate the numbers by seed in place of shuffling them."""
    return list(torch.arange(n).roll(seed % max(n, 1)).split(batch_size)) if n else []


@mutant("minibatches", killed_by="test_a_seed_is_an_order", kind="a parameter read but replaced by a constant")
def one_seed_for_all(n, batch_size, seed):
    """You ignore seed, so that all seeds give the same order."""
    return reference.minibatches(n, batch_size, 0)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def the_learning_rate_is_zero(model, x, y, *, learning_rate, **words):
    """You train with a learning rate of 0, so that no weight changes."""
    return reference.train(model, x, y, learning_rate=0.0, **words)


@mutant("train", killed_by="test_full_batches_follow_the_gradient", kind="a parameter read but replaced by a constant")
def momentum_is_always_nine_tenths(model, x, y, *, momentum=0.9, **words):
    """You use a momentum of 0.9, whatever momentum is."""
    return reference.train(model, x, y, momentum=0.9, **words)


@mutant("train", killed_by="test_full_batches_follow_the_gradient", kind="state read but never stored")
def the_velocity_is_never_stored(model, x, y, *, momentum=0.9, **words):
    """You do not keep the velocity from step to step, so that momentum has no effect."""
    return reference.train(model, x, y, momentum=0.0, **words)


@mutant("train", killed_by="test_a_penalty_is_part_of_the_gradient[l1]")
def penalties_forgotten(model, x, y, *, l1=0.0, l2=0.0, **words):
    """You leave out both penalties."""
    return reference.train(model, x, y, **words)


@mutant("train", killed_by="test_a_penalty_is_part_of_the_gradient[l1]", kind="another's gradient")
def l1_and_l2_exchanged(model, x, y, *, l1=0.0, l2=0.0, **words):
    """You exchange l1 and l2."""
    return reference.train(model, x, y, l1=l2, l2=l1, **words)


@mutant("train", killed_by="test_a_penalty_is_part_of_the_gradient[l2]")
def penalties_are_weight_decay_of_biases_too(model, x, y, *, l2=0.0, learning_rate, **words):
    """You let the l2 penalty shrink the biases, too.

    Handout: Penalties
    """
    reference.train(model, x, y, l2=l2, learning_rate=learning_rate, **words)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() < 2 and parameter.requires_grad:
                parameter.mul_(1 - learning_rate * l2)
    return model


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def a_copy_is_trained(model, x, y, **words):
    """You train a copy, so that the given model does not change."""
    import copy

    return reference.train(copy.deepcopy(model), x, y, **words)


@mutant("train", killed_by="test_the_trained_model_is_returned")
def nothing_is_returned(model, x, y, **words):
    """You return None in place of the model."""
    reference.train(model, x, y, **words)


@mutant("train", killed_by="test_the_trained_model_is_returned")
def examples_are_scaled_in_place(model, x, y, **words):
    """You scale x in place and so change your argument."""
    reference.train(model, x, y, **words)
    x.div_(x.abs().max())
    return model


@mutant("train", killed_by="test_frozen_parameters_stay")
def frozen_layers_thaw(model, x, y, **words):
    """You train parameters that do not require a gradient, too."""
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return reference.train(model, x, y, **words)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def a_softmax_before_the_cross_entropy(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You apply a softmax to the logits before the cross entropy, which has its own.

    Handout: Builders
    """
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in reference.minibatches(len(x), batch_size, seed * 1009 + epoch):
            z = model(x[batch])
            loss = F.cross_entropy(z.softmax(1), y[batch])
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant("train", killed_by="test_full_batches_follow_the_gradient", kind="a factor of the batch, the classes or two")
def sums_for_means(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You take the sum of the cross entropy over the batch in place of the mean."""
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in reference.minibatches(len(x), batch_size, seed * 1009 + epoch):
            z = model(x[batch])
            loss = F.cross_entropy(z, y[batch], reduction="sum")
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def gradients_add_up(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You do not set the gradients to 0, so that those of earlier batches are still there.

    Handout: The loop
    """
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in reference.minibatches(len(x), batch_size, seed * 1009 + epoch):
            z = model(x[batch])
            loss = F.cross_entropy(z, y[batch])
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant("train", killed_by="test_training_at_the_edges[logits of some thousands]", kind="no shift in exponentials")
def logarithms_of_exponentials(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You compute the softmax without a shift, so that exponentials of large logits overflow."""
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in reference.minibatches(len(x), batch_size, seed * 1009 + epoch):
            z = model(x[batch])
            p = z.exp() / z.exp().sum(1, keepdim=True)
            loss = -p.gather(1, y[batch][:, None]).log().mean()
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant(
    "train",
    killed_by="test_training_at_the_edges[logits of some thousands]",
    kind="the maximum of the whole matrix for the row's",
)
def the_maximum_of_the_whole_batch(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You subtract the maximum of the whole batch from the logits and not that of each row."""
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in reference.minibatches(len(x), batch_size, seed * 1009 + epoch):
            z = model(x[batch])
            shifted = z - z.max()
            loss = (shifted.exp().sum(1).log() - shifted.gather(1, y[batch][:, None])[:, 0]).mean()
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant("train", killed_by="test_training_at_the_edges[one example]", kind="a squeeze")
def logits_are_squeezed(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You squeeze the logits, so that those of a single example lose an axis."""
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in reference.minibatches(len(x), batch_size, seed * 1009 + epoch):
            z = model(x[batch]).squeeze()
            loss = F.cross_entropy(z, y[batch])
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant("train", killed_by="test_training_at_the_edges[pictures]", kind="two dimensions taken for granted")
def pictures_are_made_rows(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You flatten pictures before you give them to the model."""
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in reference.minibatches(len(x), batch_size, seed * 1009 + epoch):
            z = model(x[batch].flatten(1))
            loss = F.cross_entropy(z, y[batch])
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant(
    "train",
    killed_by="test_every_example_comes_once_in_an_epoch_with_its_label[batches of two]",
    kind="each batch drawn anew",
)
def every_batch_is_drawn_anew(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You draw each batch from all examples, so that an example may come several times in an epoch."""
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in [torch.randperm(len(x))[:batch_size] for _ in range(math.ceil(len(x) / batch_size))]:
            z = model(x[batch])
            loss = F.cross_entropy(z, y[batch])
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def drawn_with_replacement_in_training(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You draw the examples of an epoch with replacement."""
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in torch.randint(len(x), (len(x),)).split(batch_size):
            z = model(x[batch])
            loss = F.cross_entropy(z, y[batch])
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant(
    "train",
    killed_by="test_every_example_comes_once_in_an_epoch_with_its_label[a last batch that is smaller]",
    kind="batches that share a buffer",
)
def a_buffer_keeps_rows_of_the_batch_before(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You reuse one buffer, so that a smaller last batch contains examples of the batch before."""
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    kept_x, kept_y = x[:batch_size].clone(), y[:batch_size].clone()
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in reference.minibatches(len(x), batch_size, seed * 1009 + epoch):
            kept_x[: len(batch)], kept_y[: len(batch)] = x[batch], y[batch]
            z = model(kept_x)
            loss = F.cross_entropy(z, kept_y)
            z = z[: len(batch)]
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant("train", killed_by="test_every_epoch_has_an_order_of_its_own")
def never_shuffled_in_training(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You do not shuffle the examples."""
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in torch.arange(len(x)).split(batch_size):
            z = model(x[batch])
            loss = F.cross_entropy(z, y[batch])
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant("train", killed_by="test_every_epoch_has_an_order_of_its_own", kind="an order never or once drawn")
def one_order_for_all_epochs(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """You draw one order and use it in all epochs."""
    torch.manual_seed(seed)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in reference.minibatches(len(x), batch_size, seed):
            z = model(x[batch])
            loss = F.cross_entropy(z, y[batch])
            objective = loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


@mutant("train", killed_by="test_every_epoch_has_an_order_of_its_own")
def the_velocity_is_lost_after_every_epoch(model, x, y, *, epochs, seed=0, log=None, **words):
    """You set the velocity back to 0 after every epoch."""
    for number in range(1, epochs + 1):

        def told(loss, accuracy, epoch, number=number):
            log(epoch=number, loss=loss, accuracy=accuracy)

        reference.train(model, x, y, epochs=1, seed=1000 * seed + number, log=told if log else None, **words)
    return model


@mutant("train", killed_by="test_every_example_comes_once_in_an_epoch_with_its_label[batches of two]")
def only_the_first_batch(model, x, y, *, batch_size, **words):
    """You train on the first batch_size examples only."""
    return reference.train(model, x[:batch_size], y[:batch_size], batch_size=batch_size, **words)


@mutant(
    "train",
    killed_by="test_full_batches_follow_the_gradient",
    kind="labels or order mixed up",
)
def labels_are_shifted_by_one(model, x, y, **words):
    """You train each example with the label of the one before.

    Handout: The loop
    """
    return reference.train(model, x, y.roll(1), **words)


@mutant("train", killed_by="test_every_example_comes_once_in_an_epoch_with_its_label[a last batch that is smaller]")
def a_smaller_batch_is_left_out(model, x, y, *, batch_size, **words):
    """You leave out the last batch of an epoch if it is smaller."""
    kept = globals()["minibatches"]
    globals()["minibatches"] = lambda n, size, seed: [batch for batch in kept(n, size, seed) if len(batch) == size]
    try:
        return reference.train(model, x, y, batch_size=batch_size, **words)
    finally:
        globals()["minibatches"] = kept


@mutant("train", killed_by="test_a_seed_is_a_network")
def dropout_is_drawn_from_nowhere(model, x, y, **words):
    """You do not seed torch, so that dropout differs from run to run."""
    kept = torch.manual_seed
    torch.manual_seed = lambda seed: None
    try:
        return reference.train(model, x, y, **words)
    finally:
        torch.manual_seed = kept


@mutant("train", killed_by="test_a_seed_is_a_network", kind="a zero or constant draw")
def the_seed_is_not_used(model, x, y, *, seed=0, **words):
    """You ignore seed, so that all seeds give the same network."""
    return reference.train(model, x, y, seed=0, **words)


@mutant("train", killed_by="test_log_hears_means_over_examples[without penalties]")
def means_of_batch_means(model, x, y, *, batch_size, epochs, log=None, **words):
    """You log the mean of the batches' means, which is wrong if the last batch is smaller."""
    kept, losses = F.cross_entropy, []

    def listening(z, labels):
        losses.append(kept(z, labels))
        return losses[-1]

    def told(loss, **said):
        count = math.ceil(len(x) / batch_size)
        log(loss=sum(losses[-count:]).item() / count, **said)

    F.cross_entropy = listening
    try:
        return reference.train(model, x, y, batch_size=batch_size, epochs=epochs, log=told if log else None, **words)
    finally:
        F.cross_entropy = kept


@mutant("train", killed_by="test_log_hears_means_over_examples[without penalties]", kind="an assignment for +=")
def the_loss_of_the_last_batch(model, x, y, *, batch_size, log=None, **words):
    """You log the loss of the last batch and not the mean over the epoch."""
    kept, losses = F.cross_entropy, []

    def listening(z, labels):
        losses.append(kept(z, labels))
        return losses[-1]

    def told(loss, **said):
        log(loss=losses[-1].item(), **said)

    F.cross_entropy = listening
    try:
        return reference.train(model, x, y, batch_size=batch_size, log=told if log else None, **words)
    finally:
        F.cross_entropy = kept


@mutant("train", killed_by="test_log_hears_means_over_examples[without penalties]")
def the_loss_after_the_epoch(model, x, y, *, log=None, **words):
    """You log loss and accuracy of the model after the epoch, not as the examples were met."""

    def told(epoch, loss, accuracy):
        with torch.no_grad():
            z = model(x)
        log(epoch=epoch, loss=F.cross_entropy(z, y).item(), accuracy=(z.argmax(1) == y).double().mean().item())

    return reference.train(model, x, y, log=told if log else None, **words)


@mutant(
    "train",
    killed_by="test_log_hears_means_over_examples[without penalties]",
    kind="height for width, rows for columns",
)
def the_best_example_of_each_class(model, x, y, *, log=None, **words):
    """You compute the logged accuracy by the argmax over the examples and not over the classes."""

    def told(epoch, loss, accuracy):
        with torch.no_grad():
            best = model(x).argmax(0)
        log(epoch=epoch, loss=loss, accuracy=(best == torch.arange(len(best))).double().mean().item())

    return reference.train(model, x, y, log=told if log else None, **words)


@mutant("train", killed_by="test_log_hears_means_over_examples[without penalties]")
def epochs_from_zero(model, x, y, *, log=None, **words):
    """You count the epochs from 0 when you call log."""

    def other(epoch, **said):
        log(epoch=epoch - 1, **said)

    return reference.train(model, x, y, log=other if log else None, **words)


@mutant(
    "train", killed_by="test_log_hears_means_over_examples[without penalties]", kind="a step count that never advances"
)
def always_the_first_epoch(model, x, y, *, log=None, **words):
    """You call log with epoch 1 after every epoch."""

    def other(epoch, **said):
        log(epoch=1, **said)

    return reference.train(model, x, y, log=other if log else None, **words)


@mutant("train", killed_by="test_log_hears_means_over_examples[with penalties]")
def the_penalty_is_in_the_logged_loss(model, x, y, *, l1=0.0, l2=0.0, log=None, **words):
    """You add the penalties to the logged loss."""

    def other(epoch, loss, accuracy):
        penalty = reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
        log(epoch=epoch, loss=loss + penalty.item(), accuracy=accuracy)

    return reference.train(model, x, y, l1=l1, l2=l2, log=other if log else None, **words)


@mutant("train", killed_by="test_training_happens_in_train_mode")
def in_whatever_mode_it_is(model, x, y, **words):
    """You do not put the model into train mode."""
    if model.training:
        return reference.train(model, x, y, **words)
    kept = nn.Module.train
    nn.Module.train = lambda self, mode=True: self
    try:
        return reference.train(model, x, y, **words)
    finally:
        nn.Module.train = kept


@mutant("predict", killed_by="test_predictions_are_made_in_eval_mode")
def in_train_mode(model, x, *, device="cpu", batch_size=500):
    """You predict in train mode.

    Handout: The loop
    """
    model.train()
    with torch.no_grad():
        return torch.cat([model(part).argmax(1) for part in x.split(batch_size)])


@mutant("predict", killed_by="test_predicting_leaves_the_model_alone", kind="state read but never stored")
def the_mode_is_not_put_back(model, x, *, device="cpu", batch_size=500):
    """You leave the model in eval mode."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(part).argmax(1) for part in x.split(batch_size)])


@mutant("predict", killed_by="test_predictions_at_the_edges[a last batch that is smaller]")
def only_whole_batches(model, x, *, device="cpu", batch_size=500):
    """You leave out the last batch if it is smaller."""
    z = [reference.predict(model, part) for part in x.split(batch_size) if len(part) == batch_size]
    return torch.cat(z) if z else torch.zeros(0, dtype=torch.int64)


@mutant("predict", killed_by="test_predictions_are_made_in_eval_mode", kind="height for width, rows for columns")
def the_wrong_axis(model, x, *, device="cpu", batch_size=500):
    """You take the argmax over the examples and not over the classes."""
    was_training = model.training
    model.eval()
    with torch.no_grad():
        z = model(x)
    model.train(was_training)
    return z.argmax(0)


@mutant("predict", killed_by="test_predictions_are_made_in_eval_mode", kind="two dimensions taken for granted")
def rows_alone_are_asked(model, x, *, device="cpu", batch_size=500):
    """You flatten pictures before you give them to the model."""
    return reference.predict(model, x.flatten(1), batch_size=batch_size)


@mutant("predict", killed_by="test_predictions_are_made_in_eval_mode", kind="labels or order mixed up")
def the_last_batch_first(model, x, *, device="cpu", batch_size=500):
    """You return the batches in reverse order."""
    return torch.cat([reference.predict(model, part) for part in reversed(x.split(batch_size))])


@mutant("predict", killed_by="test_predictions_are_made_in_eval_mode", kind="an assignment for +=")
def the_last_batch_alone(model, x, *, device="cpu", batch_size=500):
    """You write the classes of every batch to the beginning of the answer, over those of earlier batches."""
    found = torch.zeros(len(x), dtype=torch.int64)
    for part in x.split(batch_size):
        found[: len(part)] = reference.predict(model, part)
    return found


@mutant("predict", killed_by="test_predictions_are_made_in_eval_mode", kind="batches that share a buffer")
def one_buffer_for_all_answers(model, x, *, device="cpu", batch_size=500):
    """You put the classes of all batches into one buffer, so that each batch overwrites those before."""
    buffer, found = torch.zeros(min(batch_size, len(x)), dtype=torch.int64), []
    for part in x.split(batch_size):
        buffer[: len(part)] = reference.predict(model, part)
        found.append(buffer[: len(part)])
    return torch.cat(found)


@mutant("predict", killed_by="test_predictions_at_the_edges[one example]", kind="a squeeze")
def classes_are_squeezed(model, x, *, device="cpu", batch_size=500):
    """You squeeze the answer, so that it has no axis for a single example."""
    return reference.predict(model, x, batch_size=batch_size).squeeze()


@mutant("predict", killed_by="test_predictions_at_the_edges[one example]", kind="a (1, k) gradient for (k,)")
def a_column_of_classes(model, x, *, device="cpu", batch_size=500):
    """You return a column of the shape (n, 1)."""
    return reference.predict(model, x, batch_size=batch_size)[:, None]


@mutant("predict", killed_by="test_predictions_at_the_edges[logits of some thousands]", kind="no shift in exponentials")
def the_greatest_exponential(model, x, *, device="cpu", batch_size=500):
    """You compute the softmax without a shift, so that exponentials of large logits overflow."""
    z = reference._logits(model, x, device, batch_size)
    return (z.exp() / z.exp().sum(1, keepdim=True)).argmax(1)


@mutant(
    "predict",
    killed_by="test_predictions_at_the_edges[logits of some thousands]",
    kind="the maximum of the whole matrix for the row's",
)
def the_greatest_exponential_below_the_maximum(model, x, *, device="cpu", batch_size=500):
    """You subtract the maximum of all logits and not that of each row, so that exponentials become 0."""
    z = reference._logits(model, x, device, batch_size)
    return (z - z.max()).exp().argmax(1)


@mutant("evaluate", killed_by="test_every_example_weighs_the_same_in_an_evaluation")
def batches_weigh_the_same(model, x, y, *, device="cpu", batch_size=500):
    """You take the mean of the batches' means, which is wrong if the last batch is smaller."""
    parts = [reference.evaluate(model, a, b) for a, b in zip(x.split(batch_size), y.split(batch_size), strict=True)]
    return tuple(math.fsum(column) / len(parts) for column in zip(*parts, strict=True))


@mutant("evaluate", killed_by="test_an_evaluation_is_made_in_eval_mode")
def evaluated_in_train_mode(model, x, y, *, device="cpu", batch_size=500):
    """You evaluate in train mode.

    Handout: The loop
    """
    was_training = model.training
    model.train()
    with torch.no_grad():
        z = model(x) if len(x) > 1 else model(torch.cat([x, x]))[:1]
    model.train(was_training)
    return F.cross_entropy(z, y).item(), (z.argmax(1) == y).double().mean().item()


@mutant("evaluate", killed_by="test_evaluating_leaves_the_model_alone", kind="state read but never stored")
def left_in_eval_mode(model, x, y, *, device="cpu", batch_size=500):
    """You leave the model in eval mode."""
    return reference.evaluate(model.eval(), x, y, batch_size=batch_size)


@mutant(
    "evaluate", killed_by="test_an_evaluation_is_made_in_eval_mode", kind="a factor of the batch, the classes or two"
)
def a_sum_of_losses(model, x, y, *, device="cpu", batch_size=500):
    """You return the sum of the cross entropy over the examples in place of the mean."""
    loss, share = reference.evaluate(model, x, y, batch_size=batch_size)
    return loss * len(x), share


@mutant("evaluate", killed_by="test_an_evaluation_is_made_in_eval_mode", kind="an assignment for +=")
def evaluated_on_the_last_batch(model, x, y, *, device="cpu", batch_size=500):
    """You evaluate the last batch only."""
    return reference.evaluate(model, x.split(batch_size)[-1], y.split(batch_size)[-1])


@mutant("evaluate", killed_by="test_an_evaluation_is_made_in_eval_mode", kind="labels or order mixed up")
def labels_of_the_first_batch(model, x, y, *, device="cpu", batch_size=500):
    """You compare every batch with the labels of the first one."""
    labels = torch.cat([y[: len(part)] for part in x.split(batch_size)])
    return reference.evaluate(model, x, labels, batch_size=batch_size)


@mutant("evaluate", killed_by="test_an_evaluation_is_made_in_eval_mode", kind="batches that share a buffer")
def one_buffer_for_all_logits(model, x, y, *, device="cpu", batch_size=500):
    """You put the logits of all batches into one buffer, so that each batch overwrites those before."""
    buffer, found = None, []
    for part in x.split(batch_size):
        z = reference._logits(model, part, device, batch_size)
        buffer = z if buffer is None else buffer
        buffer[: len(z)] = z
        found.append(buffer[: len(z)])
    z = torch.cat(found)
    return F.cross_entropy(z, y).item(), (z.argmax(1) == y).double().mean().item()


@mutant("evaluate", killed_by="test_an_evaluation_is_made_in_eval_mode", kind="two dimensions taken for granted")
def rows_alone_are_evaluated(model, x, y, *, device="cpu", batch_size=500):
    """You flatten pictures before you give them to the model."""
    return reference.evaluate(model, x.flatten(1), y, batch_size=batch_size)


@mutant("evaluate", killed_by="test_an_evaluation_is_made_in_eval_mode", kind="height for width, rows for columns")
def right_where_an_example_is_best(model, x, y, *, device="cpu", batch_size=500):
    """You compute the accuracy by the argmax over the examples and not over the classes."""
    z = reference._logits(model, x, device, batch_size)
    best = z.argmax(0)[y]
    return F.cross_entropy(z, y).item(), (best == torch.arange(len(y))).double().mean().item()


@mutant("evaluate", killed_by="test_evaluations_at_the_edges[one example]", kind="a squeeze")
def evaluated_squeezed(model, x, y, *, device="cpu", batch_size=500):
    """You squeeze the logits, so that those of a single example lose an axis."""
    z = reference._logits(model, x, device, batch_size).squeeze()
    return -z.log_softmax(-1)[torch.arange(len(y)), y].mean().item(), (z.argmax(-1) == y).double().mean().item()


@mutant(
    "evaluate", killed_by="test_evaluations_at_the_edges[logits of some thousands]", kind="no shift in exponentials"
)
def the_logarithm_of_exponentials(model, x, y, *, device="cpu", batch_size=500):
    """You compute the softmax without a shift, so that exponentials of large logits overflow."""
    z = reference._logits(model, x, device, batch_size)
    p = z.exp() / z.exp().sum(1, keepdim=True)
    return -p.gather(1, y[:, None]).log().mean().item(), (z.argmax(1) == y).double().mean().item()


@mutant(
    "evaluate",
    killed_by="test_evaluations_at_the_edges[logits of some thousands]",
    kind="the maximum of the whole matrix for the row's",
)
def shifted_by_the_greatest_of_all(model, x, y, *, device="cpu", batch_size=500):
    """You subtract the maximum of all logits and not that of each row, so that exponentials become 0."""
    z = reference._logits(model, x, device, batch_size)
    shifted = z - z.max()
    loss = (shifted.exp().sum(1).log() - shifted.gather(1, y[:, None])[:, 0]).mean().item()
    return loss, (z.argmax(1) == y).double().mean().item()


# ----------------------------------------------------------------------------------------------------------- networks


@mutant("train", killed_by="test_a_frugal_cnn_reads_letters")
def the_first_tenth_of_many_examples(model, x, y, **words):
    """You train on the first tenth of the examples only, if there are many."""
    few = len(x) // 10 if len(x) > 100 else len(x)
    return reference.train(model, x[:few], y[:few], **words)


@mutant("train", killed_by="test_a_frugal_cnn_reads_letters")
def evaluates_everything_after_every_step(model, x, y, *, log=None, **words):
    """You evaluate all examples in every step, so that the training takes too long."""
    if len(x) < 100:
        return reference.train(model, x, y, log=log, **words)

    def everything(layer, inputs, z):
        with torch.no_grad():
            for part in layer.children():
                if isinstance(part, nn.Conv2d):
                    for _ in range(2):
                        part(x)
                    return

    hooked = model.register_forward_hook(everything)
    reference.train(model, x, y, log=log, **words)
    hooked.remove()
    return model


@mutant("train_fast", killed_by="test_letters_are_learned_fast")
def one_epoch_is_enough(x, y, *, classes, device="cpu", seed=0, log=None):
    """You train a small network for one epoch only, which is too little.

    Handout: The record
    """
    model = reference.build_cnn(tuple(x.shape[1:]), classes, (8, 16), padding=1)
    return reference.train(model, x, y, epochs=1, batch_size=50, learning_rate=0.01, seed=seed, log=log)


@mutant("train_fast", killed_by="test_letters_are_learned_fast")
def good_but_much_too_slow(x, y, *, classes, device="cpu", seed=0, log=None):
    """You train several networks and return one of them, which takes too long.

    Handout: The record
    """
    model = reference.train_fast(x, y, classes=classes, device=device, seed=seed, log=log)
    for other in range(1, 7):
        reference.train_fast(x, y, classes=classes, device=device, seed=seed + other)
    return model
