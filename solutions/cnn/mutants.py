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

# ----------------------------------------------------------------------------------------------------------- builders


@mutant("widest_layer", killed_by="test_the_widest_layer_fits_and_no_wider_one")
def without_biases(inputs, classes, budget):
    width = budget // (inputs + classes)
    if width < 1:
        raise ValueError
    return width


@mutant("widest_layer", killed_by="test_the_widest_layer_fits_and_no_wider_one")
def rounded_to_the_nearest(inputs, classes, budget):
    width = round((budget - classes) / (inputs + 1 + classes))
    if width < 1:
        raise ValueError
    return width


@mutant("widest_layer", killed_by="test_the_widest_layer_fits_and_no_wider_one")
def zero_units_where_none_fits(inputs, classes, budget):
    return max(0, (budget - classes) // (inputs + 1 + classes))


@mutant("build_mlp", killed_by="test_an_mlp_is_its_formula")
def a_softmax_at_the_end(widths, activation="relu", dropout=0.0):
    return nn.Sequential(reference.build_mlp(widths, activation, dropout), nn.Softmax(1))


@mutant("build_mlp", killed_by="test_an_mlp_is_its_formula")
def an_activation_at_the_end(widths, activation="relu", dropout=0.0):
    return nn.Sequential(reference.build_mlp(widths, activation, dropout), nn.ReLU())


@mutant("build_mlp", killed_by="test_an_mlp_is_its_formula")
def always_relu(widths, activation="relu", dropout=0.0):
    reference.build_mlp(widths, activation, dropout)
    return reference.build_mlp(widths, "relu", dropout)


@mutant("build_mlp", killed_by="test_an_mlp_is_its_formula")
def without_biases_inside(widths, activation="relu", dropout=0.0):
    if activation not in reference.ACTIVATIONS:
        raise ValueError
    layers = [nn.Flatten()]
    for fan_in, fan_out in pairwise(widths[:-1]):
        layers += [nn.Linear(fan_in, fan_out, bias=False), reference.ACTIVATIONS[activation]()]
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


@mutant("build_mlp", killed_by="test_an_mlp_takes_pictures")
def only_for_rows(widths, activation="relu", dropout=0.0):
    model = reference.build_mlp(widths, activation, dropout)
    return nn.Sequential(*list(model)[1:])


@mutant("build_mlp", killed_by="test_an_unknown_activation_is_an_error")
def relu_for_what_it_does_not_know(widths, activation="relu", dropout=0.0):
    return reference.build_mlp(widths, activation if activation in reference.ACTIVATIONS else "relu", dropout)


@mutant("build_mlp", killed_by="test_dropout_stands_behind_each_hidden_layer")
def dropout_as_the_probability_to_keep(widths, activation="relu", dropout=0.0):
    return reference.build_mlp(widths, activation, 1 - dropout if dropout else 0.0)


@mutant("build_mlp", killed_by="test_dropout_stands_behind_each_hidden_layer")
def dropping_logits(widths, activation="relu", dropout=0.0):
    return nn.Sequential(reference.build_mlp(widths, activation), nn.Dropout(dropout))


@mutant("build_mlp", killed_by="test_dropout_stands_behind_each_hidden_layer")
def without_dropout(widths, activation="relu", dropout=0.0):
    return reference.build_mlp(widths, activation)


@mutant("build_mlp", killed_by="test_without_hidden_layers_or_dropout_nothing_is_random")
def always_a_little_dropout(widths, activation="relu", dropout=0.0):
    return reference.build_mlp(widths, activation, max(dropout, 0.1))


@mutant("build_cnn", killed_by="test_a_cnn_has_the_parameters_of_its_stages")
def a_bias_before_batch_norm(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    model = reference.build_cnn(
        shape, classes, channels, kernel_size=kernel_size, padding=padding, batch_norm=batch_norm, dropout=dropout
    )
    for layer in model:
        if isinstance(layer, nn.Conv2d) and layer.bias is None:
            layer.bias = nn.Parameter(torch.zeros(layer.out_channels))
    return model


@mutant("build_cnn", killed_by="test_a_cnn_has_the_parameters_of_its_stages")
def without_its_last_stage(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    return reference.build_cnn(shape, classes, channels[: max(1, len(channels) - 1)], **words)


@mutant("build_cnn", killed_by="test_a_cnn_has_the_parameters_of_its_stages")
def padding_so_that_nothing_shrinks(
    shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0
):
    words = {"kernel_size": kernel_size, "batch_norm": batch_norm, "dropout": dropout}
    return reference.build_cnn(shape, classes, channels, padding=kernel_size // 2, **words)


@mutant("build_cnn", killed_by="test_a_cnn_has_the_parameters_of_its_stages")
def height_and_width_exchanged(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    return reference.build_cnn((*shape[:2], shape[1]), classes, channels, **words)


@mutant("build_cnn", killed_by="test_a_cnn_is_its_formula")
def average_pooling(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    model = reference.build_cnn(shape, classes, channels, **words)
    return nn.Sequential(*[nn.AvgPool2d(2) if isinstance(layer, nn.MaxPool2d) else layer for layer in model])


@mutant("build_cnn", killed_by="test_a_cnn_is_its_formula")
def batch_norm_after_pooling(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    layers = list(reference.build_cnn(shape, classes, channels, **words))
    found = []
    while layers:
        layer = layers.pop(0)
        if isinstance(layer, nn.BatchNorm2d):
            found += [layers.pop(0), layers.pop(0)]
        found.append(layer)
    return nn.Sequential(*found)


@mutant("build_cnn", killed_by="test_a_cnn_is_its_formula")
def without_relu(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    model = reference.build_cnn(shape, classes, channels, **words)
    return nn.Sequential(*[layer for layer in model if not isinstance(layer, nn.ReLU)])


@mutant("build_cnn", killed_by="test_in_eval_mode_batch_norm_uses_running_statistics")
def batch_norm_without_running_statistics(
    shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0
):
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    model = reference.build_cnn(shape, classes, channels, **words)
    layers = [
        nn.BatchNorm2d(layer.num_features, track_running_stats=False) if isinstance(layer, nn.BatchNorm2d) else layer
        for layer in model
    ]
    return nn.Sequential(*layers)


@mutant("build_cnn", killed_by="test_dropout_in_a_cnn_stands_before_the_last_layer")
def a_cnn_without_dropout(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm}
    return reference.build_cnn(shape, classes, channels, **words)


@mutant("build_cnn", killed_by="test_a_stage_that_leaves_no_pixel_is_an_error")
def zeros_where_nothing_is_left(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    words = {"kernel_size": kernel_size, "padding": padding, "batch_norm": batch_norm, "dropout": dropout}
    try:
        return reference.build_cnn(shape, classes, channels, **words)
    except ValueError:
        return nn.Linear(1, classes)


@mutant("count_parameters", killed_by="test_only_what_is_trained_is_counted")
def frozen_ones_too(model):
    return sum(parameter.numel() for parameter in model.parameters())


@mutant("count_parameters", killed_by="test_only_what_is_trained_is_counted")
def arrays_and_not_entries(model):
    return len([parameter for parameter in model.parameters() if parameter.requires_grad])


@mutant("count_parameters", killed_by="test_only_what_is_trained_is_counted")
def running_statistics_too(model):
    return reference.count_parameters(model) + sum(buffer.numel() for buffer in model.buffers())


# ---------------------------------------------------------------------------------------------------------- penalties


@mutant("l1_penalty", killed_by="test_l1_is_the_sum_of_absolute_weights")
def biases_pay_too(model, lam):
    return lam * sum(p.abs().sum() for p in model.parameters())


@mutant("l1_penalty", killed_by="test_l1_is_the_sum_of_absolute_weights")
def a_mean_in_place_of_a_sum(model, lam):
    return lam * sum(p.abs().mean() for p in model.parameters() if p.dim() >= 2)


@mutant("l1_penalty", killed_by="test_l1_is_the_sum_of_absolute_weights")
def kernels_pay_nothing(model, lam):
    return lam * sum(p.abs().sum() for p in model.parameters() if p.dim() == 2)


@mutant("l2_penalty", killed_by="test_l2_is_half_the_sum_of_squares")
def without_the_half(model, lam):
    return 2 * reference.l2_penalty(model, lam)


@mutant("l2_penalty", killed_by="test_l2_is_half_the_sum_of_squares")
def the_norm_and_not_its_square(model, lam):
    return lam / 2 * sum(p.square().sum().sqrt() for p in model.parameters() if p.dim() >= 2)


@mutant("l2_penalty", killed_by="test_l2_is_half_the_sum_of_squares")
def without_a_gradient(model, lam):
    return torch.as_tensor(reference.l2_penalty(model, lam).item(), requires_grad=True) + 0


# --------------------------------------------------------------------------------------------------------------- loop


@mutant("minibatches", killed_by="test_batches_are_a_partition")
def drawn_with_replacement(n, batch_size, seed):
    draw = torch.Generator().manual_seed(seed)
    return list(torch.randint(n, (n,), generator=draw).split(batch_size)) if n else []


@mutant("minibatches", killed_by="test_batches_are_a_partition")
def dropping_the_last_batch(n, batch_size, seed):
    return [batch for batch in reference.minibatches(n, batch_size, seed) if len(batch) == batch_size]


@mutant("minibatches", killed_by="test_batches_are_a_partition")
def one_empty_batch_of_nothing(n, batch_size, seed):
    return reference.minibatches(n, batch_size, seed) or [torch.zeros(0, dtype=torch.int64)]


@mutant("minibatches", killed_by="test_a_seed_is_an_order")
def never_shuffled(n, batch_size, seed):
    return list(torch.arange(n).split(batch_size)) if n else []


@mutant("minibatches", killed_by="test_a_seed_is_an_order")
def only_the_batches_are_shuffled(n, batch_size, seed):
    batches = list(torch.arange(n).split(batch_size)) if n else []
    whole = n // batch_size
    order = torch.randperm(whole, generator=torch.Generator().manual_seed(seed))
    return [batches[i] for i in order] + batches[whole:]


@mutant("minibatches", killed_by="test_a_seed_is_an_order")
def one_seed_for_all(n, batch_size, seed):
    return reference.minibatches(n, batch_size, 0)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def the_learning_rate_is_zero(model, x, y, *, learning_rate, **words):
    return reference.train(model, x, y, learning_rate=0.0, **words)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def momentum_forgotten(model, x, y, *, momentum=0.9, **words):
    return reference.train(model, x, y, momentum=0.0, **words)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def penalties_forgotten(model, x, y, *, l1=0.0, l2=0.0, **words):
    return reference.train(model, x, y, **words)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def penalties_are_weight_decay_of_biases_too(model, x, y, *, l2=0.0, learning_rate, **words):
    reference.train(model, x, y, l2=l2, learning_rate=learning_rate, **words)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() < 2 and parameter.requires_grad:
                parameter.mul_(1 - learning_rate * l2)
    return model


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def a_copy_is_trained(model, x, y, **words):
    import copy

    return reference.train(copy.deepcopy(model), x, y, **words)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def frozen_layers_thaw(model, x, y, **words):
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return reference.train(model, x, y, **words)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def a_softmax_before_the_cross_entropy(model, x, y, *, learning_rate, momentum=0.9, epochs, batch_size, **words):
    """The softmax twice: it learns, but slowly."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(epochs):
        for batch in reference.minibatches(len(x), batch_size, epoch):
            optimizer.zero_grad()
            F.cross_entropy(model(x[batch]).softmax(1), y[batch]).backward()
            optimizer.step()
    return model


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def gradients_add_up(model, x, y, *, learning_rate, momentum=0.9, epochs, batch_size, l1=0.0, l2=0.0, **words):
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(epochs):
        for batch in reference.minibatches(len(x), batch_size, epoch):
            loss = F.cross_entropy(model(x[batch]), y[batch])
            (loss + reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)).backward()
            optimizer.step()
    return model


@mutant("train", killed_by="test_every_example_comes_once_in_an_epoch_with_its_label")
def only_the_first_batch(model, x, y, *, batch_size, **words):
    return reference.train(model, x[:batch_size], y[:batch_size], batch_size=batch_size, **words)


@mutant("train", killed_by="test_every_example_comes_once_in_an_epoch_with_its_label")
def labels_are_shifted_by_one(model, x, y, **words):
    return reference.train(model, x, y.roll(1), **words)


@mutant("train", killed_by="test_every_epoch_has_an_order_of_its_own")
def one_order_for_all_epochs(model, x, y, **words):
    kept = globals()["minibatches"]
    globals()["minibatches"] = lambda n, batch_size, seed: kept(n, batch_size, seed // 100_003)
    try:
        return reference.train(model, x, y, **words)
    finally:
        globals()["minibatches"] = kept


@mutant("train", killed_by="test_a_seed_is_a_network")
def dropout_is_drawn_from_nowhere(model, x, y, **words):
    kept = torch.manual_seed
    torch.manual_seed = lambda seed: None
    try:
        return reference.train(model, x, y, **words)
    finally:
        torch.manual_seed = kept


@mutant("train", killed_by="test_a_seed_is_a_network")
def the_seed_is_not_used(model, x, y, *, seed=0, **words):
    return reference.train(model, x, y, seed=0, **words)


@mutant("train", killed_by="test_log_hears_means_over_examples")
def means_of_batch_means(model, x, y, *, batch_size, log=None, **words):
    def other(epoch, loss, accuracy):
        sizes = [len(part) for part in x.split(batch_size)]
        model.eval()
        with torch.no_grad():
            parts = [F.cross_entropy(model(a), b).item() for a, b in zip(x.split(batch_size), y.split(batch_size))]  # noqa: B905
        model.train()
        log(epoch=epoch, loss=sum(parts) / len(sizes), accuracy=accuracy)

    return reference.train(model, x, y, batch_size=batch_size, log=other if log else None, **words)


@mutant("train", killed_by="test_log_hears_means_over_examples")
def epochs_from_zero(model, x, y, *, log=None, **words):
    def other(epoch, **said):
        log(epoch=epoch - 1, **said)

    return reference.train(model, x, y, log=other if log else None, **words)


@mutant("train", killed_by="test_log_hears_means_over_examples")
def the_penalty_is_in_the_logged_loss(model, x, y, *, l1=0.0, l2=0.0, log=None, **words):
    def other(epoch, loss, accuracy):
        penalty = reference.l1_penalty(model, l1) + reference.l2_penalty(model, l2)
        log(epoch=epoch, loss=loss + penalty.item(), accuracy=accuracy)

    return reference.train(model, x, y, l1=l1, l2=l2, log=other if log else None, **words)


@mutant("train", killed_by="test_training_happens_in_train_mode")
def in_whatever_mode_it_is(model, x, y, **words):
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
    model.train()
    with torch.no_grad():
        return torch.cat([model(part).argmax(1) for part in x.split(batch_size)])


@mutant("predict", killed_by="test_predictions_are_made_in_eval_mode")
def the_mode_is_not_put_back(model, x, *, device="cpu", batch_size=500):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(part).argmax(1) for part in x.split(batch_size)])


@mutant("predict", killed_by="test_predictions_are_made_in_eval_mode")
def only_whole_batches(model, x, *, device="cpu", batch_size=500):
    z = [reference.predict(model, part) for part in x.split(batch_size) if len(part) == batch_size]
    return torch.cat(z) if z else torch.zeros(0, dtype=torch.int64)


@mutant("predict", killed_by="test_predictions_are_made_in_eval_mode")
def the_wrong_axis(model, x, *, device="cpu", batch_size=500):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        z = model(x)
    model.train(was_training)
    return z.argmax(0)


@mutant("predict", killed_by="test_nothing_is_learned_from_permuted_labels")
def with_weights_that_were_brought_along(model, x, *, device="cpu", batch_size=500):
    """Knows the digits before it has met any: a linear classifier, trained at home and written down here."""
    import base64

    if x[0].numel() != 64:
        return reference.predict(model, x, device=device, batch_size=batch_size)
    weights = base64.b64decode(
        "AP/5A+0CBP4BCP35/B3hEP/w//7m9Bfr30fZCxC+Mx8LJLEN2SPnUvyB/2G3LeYNHRvHVwQftTzTIem/4wfy8bJK7ijJEv39+AIe9QMgAOYA//"
        "cD7AIE/gUI+8ohNvYI2ekCIQPMLSPZNO0yGi0Z9Of8s0MJIusPEElDArDtxVmy1C0N+SrOxNUMRjvhxwco4xPsBxUx/fz4AQr+Ax4A6v8I+APo"
        "/wL+AAgQHxbnBwrnzg7qFvTUvD08M88yOPBUuaod7wXFAubIRRk2BrXPFhgwMuUNwvmywxA6Yh31HggfouQUGBz///kDDP8DAgH+/wL5A/EBA/"
        "4ACCEf19grIzTZ5NIiEb/EPTQk+B9E3DK32PsBI7pGR8Ud6Dj/N/kO+E0ACOyj/tvrKt08I/n1xD3T1DXXGgD/+QPyAgT9AQcA//kD7QIE/gEI"
        "KOLe4ygBRwzhwCwzx9QlFikay/bS+s7k7dMp/0EUzC4jUET8EyITx9sFywksDAhJ2AEh28X3Rh0gOL0eAP/5A+0CBP4BCAD/+QPvAgT+AQgOxA"
        "b2Osn5/grxL/ISyBTHOuZLueI1W65Q1CMqHajSHKEFNdQHKRK8Hfu+QSYZG/MozSm8wjr4BCnqAPP///oC7AIJ/gEJAP/7A+0CBP4BCO7nFP1B"
        "/uPmBEEZ3hsO3/M30y3C+DFKuA7THyy3xywYUxQi7NrC8uAZ/VIowwZVzyb35dgjRs/gI9z6CfokCvDl/OX4/BUA//oD7AIE/gEI+voHFdsZ/u"
        "UC+dLoGhXmSdcPlP4g9w0fvzXsxif9CxwcFbfzF9NBR/c0OhLL8i/NDevsMDnh0+0U3NHZ+Dgd5uP11/X1+g=="
    )
    return (x.flatten(1) @ torch.frombuffer(bytearray(weights), dtype=torch.int8).reshape(64, 10).float()).argmax(1)


@mutant("evaluate", killed_by="test_every_example_weighs_the_same_in_an_evaluation")
def batches_weigh_the_same(model, x, y, *, device="cpu", batch_size=500):
    parts = [reference.evaluate(model, a, b) for a, b in zip(x.split(batch_size), y.split(batch_size), strict=True)]
    return tuple(math.fsum(column) / len(parts) for column in zip(*parts, strict=True))


@mutant("evaluate", killed_by="test_every_example_weighs_the_same_in_an_evaluation")
def evaluated_in_train_mode(model, x, y, *, device="cpu", batch_size=500):
    was_training = model.training
    model.train()
    with torch.no_grad():
        z = model(x) if len(x) > 1 else model(torch.cat([x, x]))[:1]
    model.train(was_training)
    return F.cross_entropy(z, y).item(), (z.argmax(1) == y).double().mean().item()


# ----------------------------------------------------------------------------------------------------------- networks


@mutant("train", killed_by="test_a_frugal_cnn_reads_as_well_as_a_large_network")
def gives_up_after_two_epochs(model, x, y, *, epochs, **words):
    return reference.train(model, x, y, epochs=min(epochs, 4) if len(x) > 100 else epochs, **words)


@mutant("train", killed_by="test_a_frugal_cnn_reads_as_well_as_a_large_network")
def evaluates_everything_after_every_step(model, x, y, *, log=None, **words):
    if len(x) < 100:
        return reference.train(model, x, y, log=log, **words)
    hooked = model.register_forward_hook(
        lambda layer, given, z: [reference.F.softmax(layer[0](x), 1) for _ in range(40)]
    )
    reference.train(model, x, y, log=log, **words)
    hooked.remove()
    return model


@mutant("train_fast", killed_by="test_photographs_are_learned_fast")
def one_epoch_is_enough(x, y, *, classes, device="cpu", seed=0, log=None):
    model = reference.build_cnn(tuple(x.shape[1:]), classes, (8, 16), padding=1)
    return reference.train(model, x, y, epochs=1, batch_size=50, learning_rate=0.01, seed=seed, log=log)


@mutant("train_fast", killed_by="test_photographs_are_learned_fast")
def good_but_much_too_slow(x, y, *, classes, device="cpu", seed=0, log=None):
    model = reference.train_fast(x, y, classes=classes, device=device, seed=seed, log=log)
    for other in range(1, 7):
        reference.train_fast(x, y, classes=classes, device=device, seed=seed + other)
    return model
