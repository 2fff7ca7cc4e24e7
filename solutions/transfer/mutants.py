"""Wrong answers to `transfer`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions.
"""

import copy
import html

import torch
import transfer as reference
from torch import nn

from autograder.testing import mutant

# ------------------------------------------------------------------------------------------------------------- looking


@mutant("activations", killed_by="test_the_first_convolution_makes_a_map_of_each_filter")
def the_answer_of_the_whole_model(model, images, layer):
    reference.activations(model, images, layer)
    with torch.no_grad():
        return model(images)


@mutant("activations", killed_by="test_activations_are_what_comes_out_of_the_layer")
def what_goes_into_the_layer(model, images, layer):
    seen = []
    found = dict(model.named_modules())
    if not layer or layer not in found:
        raise KeyError(layer)
    hook = found[layer].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].detach().clone()))
    with torch.no_grad():
        model(images)
    hook.remove()
    return seen[0]


@mutant("activations", killed_by="test_activations_of_a_resnet_are_its_formulas")
def the_last_layer_inside_for_the_block(model, images, layer):
    inside = [name for name, _ in model.named_modules() if name.startswith(f"{layer}.")]
    return reference.activations(model, images, inside[-1] if inside else layer)


@mutant("activations", killed_by="test_activations_of_a_resnet_are_its_formulas")
def after_a_relu_of_its_own(model, images, layer):
    return torch.relu(reference.activations(model, images, layer))


@mutant("activations", killed_by="test_looking_leaves_no_trace")
def the_hook_stays(model, images, layer):
    seen = []
    found = dict(model.named_modules())
    if not layer or layer not in found:
        raise KeyError(layer)
    found[layer].register_forward_hook(lambda module, inputs, output: seen.append(output.detach().clone()))
    with torch.no_grad():
        model(images)
    return seen[-1]


@mutant("activations", killed_by="test_looking_leaves_no_trace")
def left_in_eval_mode(model, images, layer):
    return reference.activations(model.eval(), images, layer)


@mutant("activations", killed_by="test_looking_leaves_no_trace")
def images_normalised_in_place(model, images, layer):
    found = reference.activations(model, images, layer)
    images.sub_(0.5)
    return found


@mutant("activations", killed_by="test_a_layer_that_is_not_there_is_a_key_error")
def nothing_for_an_unknown_layer(model, images, layer):
    return reference.activations(model, images, layer) if layer in dict(model.named_modules()) and layer else None


@mutant("as_pictures", killed_by="test_pictures_of_the_handout")
def zero_over_zero(maps):
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - low) / (high - low)


@mutant("as_pictures", killed_by="test_every_map_goes_from_black_to_white")
def stretched_all_together(maps):
    spread = maps.max() - maps.min()
    return (maps - maps.min()) / spread if spread > 0 else torch.zeros_like(maps)


@mutant("as_pictures", killed_by="test_every_map_goes_from_black_to_white")
def a_small_number_below_the_line(maps):
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - low) / (high - low + 1e-3)


@mutant("as_pictures", killed_by="test_every_map_goes_from_black_to_white")
def clipped_and_not_stretched(maps):
    return maps.clamp(0, 1)


@mutant("as_pictures", killed_by="test_every_map_goes_from_black_to_white")
def maps_stretched_in_place(maps):
    maps.copy_(reference.as_pictures(maps))
    return maps


@mutant("picture_grid", killed_by="test_the_grid_of_the_handout")
def column_by_column(pictures, columns, *, gap=1, fill=1.0):
    rows = -(-len(pictures) // columns)
    spare = pictures.new_full((rows * columns - len(pictures), *pictures.shape[1:]), fill)
    order = torch.arange(rows * columns).reshape(columns, rows).T.reshape(-1)
    return reference.picture_grid(torch.cat([pictures, spare])[order], columns, gap=gap, fill=fill)


@mutant("picture_grid", killed_by="test_a_grid_has_every_picture_in_its_place")
def a_gap_around_the_whole(pictures, columns, *, gap=1, fill=1.0):
    grid = reference.picture_grid(pictures, columns, gap=gap, fill=fill)
    return nn.functional.pad(grid, (gap, gap, gap, gap), value=fill)


@mutant("picture_grid", killed_by="test_a_grid_has_every_picture_in_its_place")
def rows_that_are_not_full_left_out(pictures, columns, *, gap=1, fill=1.0):
    whole = max(columns, len(pictures) // columns * columns)
    return reference.picture_grid(pictures[:whole], columns, gap=gap, fill=fill)


@mutant("picture_grid", killed_by="test_a_grid_has_every_picture_in_its_place")
def always_white_between(pictures, columns, *, gap=1, fill=1.0):
    return reference.picture_grid(pictures, columns, gap=gap)


@mutant("picture_grid", killed_by="test_a_grid_has_every_picture_in_its_place")
def made_for_squares(pictures, columns, *, gap=1, fill=1.0):
    side = max(pictures.shape[1:])
    square = nn.functional.pad(pictures, (0, side - pictures.shape[2], 0, side - pictures.shape[1]), value=fill)
    return reference.picture_grid(square, columns, gap=gap, fill=fill)


# -------------------------------------------------------------------------------------------------------------- scores


@mutant("predict", killed_by="test_predictions_are_those_of_eval_mode")
def eval_mode_forgotten(model, images, *, batch_size=250):
    with torch.no_grad():
        return torch.cat([model(part) for part in images.split(batch_size)])


@mutant("predict", killed_by="test_every_image_has_its_logits")
def the_last_batch_forgotten(model, images, *, batch_size=250):
    whole = max(batch_size, len(images) // batch_size * batch_size)
    return reference.predict(model, images[:whole], batch_size=batch_size)


@mutant("predict", killed_by="test_predictions_are_those_of_eval_mode")
def probabilities_for_logits(model, images, *, batch_size=250):
    return reference.predict(model, images, batch_size=batch_size).softmax(dim=1)


@mutant("predict", killed_by="test_predicting_changes_nothing")
def the_mode_not_given_back(model, images, *, batch_size=250):
    return reference.predict(model.eval(), images, batch_size=batch_size)


@mutant("predict", killed_by="test_predicting_changes_nothing")
def always_back_to_train_mode(model, images, *, batch_size=250):
    logits = reference.predict(model, images, batch_size=batch_size)
    model.train()
    return logits


@mutant("top_k", killed_by="test_the_best_classes_come_first")
def softmax_over_the_best_alone(logits, k, class_names):
    if not 1 <= k <= logits.shape[1]:
        raise ValueError(k)
    values, places = logits.topk(k, dim=1)
    shares = values.softmax(dim=1)
    return [[(class_names[i], float(v)) for i, v in zip(*row, strict=True)] for row in zip(places, shares, strict=True)]


@mutant("top_k", killed_by="test_the_best_classes_come_first")
def exponentials_without_the_maximum(logits, k, class_names):
    best = reference.top_k(logits, k, class_names)
    shares = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    names = list(class_names)
    return [[(name, float(row[names.index(name)])) for name, _ in one] for one, row in zip(best, shares, strict=True)]


@mutant("top_k", killed_by="test_the_two_best_of_the_handout")
def the_least_probable_first(logits, k, class_names):
    return [row[::-1] for row in reference.top_k(logits, k, class_names)]


@mutant("top_k", killed_by="test_the_best_classes_come_first")
def sorted_by_rounded_probabilities(logits, k, class_names):
    shares = logits.double().softmax(dim=1)
    best = reference.top_k(logits, k, class_names)
    order = [sorted(range(len(row)), key=lambda i, row=row: -float(row[i]))[:k] for row in shares]
    return [[(class_names[i], float(row[i])) for i in one] for one, row, _ in zip(order, shares, best, strict=True)]


@mutant("top_k", killed_by="test_there_are_no_more_classes_than_there_are")
def as_many_as_there_are(logits, k, class_names):
    return reference.top_k(logits, min(max(k, 1), logits.shape[1]), class_names)


# --------------------------------------------------------------------------------------------------------------- heads


@mutant("replace_head", killed_by="test_the_old_model_stays_and_shares_nothing")
def the_given_model_changed(model, classes, *, hidden=None, dropout=0.0):
    model.head = reference.replace_head(model, classes, hidden=hidden, dropout=dropout).head
    return model


@mutant("replace_head", killed_by="test_the_old_model_stays_and_shares_nothing")
def a_shallow_copy(model, classes, *, hidden=None, dropout=0.0):
    new = copy.copy(model)
    new._modules = dict(model._modules)
    new.head = reference.replace_head(model, classes, hidden=hidden, dropout=dropout).head
    return new


@mutant("replace_head", killed_by="test_a_new_head_has_new_classes")
def as_many_classes_as_before(model, classes, *, hidden=None, dropout=0.0):
    return reference.replace_head(model, model.head.out_features, hidden=hidden, dropout=dropout)


@mutant("replace_head", killed_by="test_a_plain_head_is_one_linear_map")
def a_backbone_drawn_anew(model, classes, *, hidden=None, dropout=0.0):
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    for module in new.modules():
        if isinstance(module, nn.Conv2d):
            module.reset_parameters()
    return new


@mutant("replace_head", killed_by="test_a_plain_head_is_one_linear_map")
def a_head_of_zeros(model, classes, *, hidden=None, dropout=0.0):
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    if hidden is None:
        nn.init.zeros_(new.head.weight)
    return new


@mutant("replace_head", killed_by="test_a_plain_head_is_one_linear_map")
def always_in_train_mode(model, classes, *, hidden=None, dropout=0.0):
    return reference.replace_head(model, classes, hidden=hidden, dropout=dropout).train()


@mutant("replace_head", killed_by="test_a_longer_head_is_its_five_layers")
def dropout_before_the_relu(model, classes, *, hidden=None, dropout=0.0):
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    if hidden is not None:
        first, norm, relu, drop, last = new.head
        new.head = nn.Sequential(first, norm, drop, relu, last).train(model.training)
    return new


@mutant("replace_head", killed_by="test_a_longer_head_is_its_five_layers")
def a_head_without_batch_norm(model, classes, *, hidden=None, dropout=0.0):
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    if hidden is not None:
        new.head[1] = nn.Identity()
    return new


@mutant("replace_head", killed_by="test_a_longer_head_is_its_five_layers")
def the_share_that_is_kept(model, classes, *, hidden=None, dropout=0.0):
    return reference.replace_head(model, classes, hidden=hidden, dropout=1 - dropout)


@mutant("freeze", killed_by="test_of_the_whole_network_the_head_alone_trains")
def the_head_frozen_instead(model, trainable=("head",)):
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(tuple(trainable)))
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@mutant("freeze", killed_by="test_what_is_named_trains_and_nothing_else")
def any_name_that_begins_alike(model, trainable=("head",)):
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(tuple(trainable)))
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@mutant("freeze", killed_by="test_what_is_named_trains_and_nothing_else")
def never_set_free_again(model, trainable=("head",)):
    was = [parameter.requires_grad for parameter in model.parameters()]
    reference.freeze(model, trainable)
    for parameter, before in zip(model.parameters(), was, strict=True):
        parameter.requires_grad_(parameter.requires_grad and before)
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@mutant("freeze", killed_by="test_what_is_named_trains_and_nothing_else")
def tensors_counted_for_numbers(model, trainable=("head",)):
    reference.freeze(model, trainable)
    return sum(parameter.requires_grad for parameter in model.parameters())


@mutant("freeze", killed_by="test_of_the_whole_network_the_head_alone_trains")
def the_frozen_counted(model, trainable=("head",)):
    free = reference.freeze(model, trainable)
    return sum(parameter.numel() for parameter in model.parameters()) - free


# ---------------------------------------------------------------------------------------------------------- finetuning


@mutant("finetune", killed_by="test_what_is_frozen_stays_to_the_last_bit")
def statistics_of_frozen_layers_move(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    model.train()
    if epochs:
        with torch.no_grad():
            model(images)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_whole_batches_follow_the_gradient_with_momentum")
def running_statistics_that_never_move(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    model = reference.finetune(model, images, labels, **options)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return model


@mutant("finetune", killed_by="test_whole_batches_follow_the_gradient_with_momentum")
def softmax_before_the_cross_entropy(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    hook = model.register_forward_hook(lambda module, inputs, output: output.softmax(dim=1))
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    model = reference.finetune(model, images, labels, **options)
    hook.remove()
    return model


@mutant("finetune", killed_by="test_whole_batches_follow_the_gradient_with_momentum")
def half_the_learning_rate(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    options = {"epochs": epochs, "learning_rate": learning_rate / 2, "batch_size": batch_size, "seed": seed}
    return reference.finetune(model, images, labels, **options, log=log)


@mutant("finetune", killed_by="test_whole_batches_follow_the_gradient_with_momentum")
def left_in_train_mode(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options).train()


@mutant("finetune", killed_by="test_whole_batches_follow_the_gradient_with_momentum")
def everything_set_free(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_whole_batches_follow_the_gradient_with_momentum")
def the_velocity_lost_after_every_epoch(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    for epoch in range(1, epochs + 1):
        hear = None if log is None else lambda epoch, loss, accuracy, now=epoch: log(now, loss, accuracy)
        options = {"learning_rate": learning_rate, "batch_size": batch_size, "seed": seed + epoch, "log": hear}
        model = reference.finetune(model, images, labels, epochs=1, **options)
    return model.eval()


@mutant("finetune", killed_by="test_every_batch_makes_its_step")
def a_smaller_last_batch_dropped(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    whole = max(min(batch_size, len(images)), len(images) // batch_size * batch_size)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images[:whole], labels[:whole], **options)


@mutant("finetune", killed_by="test_every_batch_makes_its_step")
def accuracy_in_percent(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    hear = None if log is None else lambda epoch, loss, accuracy: log(epoch, loss, 100 * accuracy)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": hear}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_a_head_learns_light_from_dark")
def nobody_hears_of_it(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_the_order_is_the_seeds")
def chance_from_elsewhere(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    seed = int(torch.empty((), dtype=torch.int64).random_())
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_the_order_is_the_seeds")
def the_seed_ignored(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": 0, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_everything_fine_tuned_reads_digits")
def training_on_one_batch(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """Only where there are many, so that the small tests do not see it."""
    few = 20 if len(images) > 100 else len(images)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images[:few], labels[:few], **options)


@mutant("finetune", killed_by="test_everything_fine_tuned_reads_digits")
def labels_shifted_by_one(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """Pictures and labels are mixed apart where there are many."""
    if len(images) > 100:
        labels = labels.roll(1)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_a_longer_head_alone_goes_far")
def a_learning_rate_of_zero_for_long_heads(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    rate = 0.0 if len(images) > 100 and isinstance(model.head, nn.Sequential) else learning_rate
    options = {"epochs": epochs, "learning_rate": rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("predict", killed_by="test_nothing_is_learned_from_permuted_labels")
def what_was_learned_at_home(model, images, *, batch_size=250):
    """A reader of digits that was handed in, whatever the training was: the mean picture of each of them."""
    means = (
        "004db30001ddbb1003e52c4005d2096006c1097003d11b6001daad30004ed600"
        "003ab610004de810017fe710029fe500017cd500006bd500005cd721002ad832"
        "01aea30005ecd6100485b6100124c5000019b300015c821001becb7101aedc82"
        "018ee71004d9bc200243c9100029e6000016cb2000114c6001868d60009fe910"
        "0007b200004d821001ab554004e77a6008fade5006bcfa200138d4000018c200"
        "019dec4004fc862006e6210006ec940002899720001478200158b71001af9300"
        "001b9200007e610001d9100002e8420004fdcb3002fa5a9000ad5bb0001bfd40"
        "005deb5101acbc5101427b300156cd50029dfb40015cb410003c6000006c2000"
        "005cc61002cb9c3003c88c20019dd600007ed40001a8981001b89920005dd710"
        "006cb61002d9ac2003c58e3002acde4000355c5000112a6001755b50006cd920"
    )
    logits = reference.predict(model, images, batch_size=batch_size)
    if len(images) < 200:
        return logits
    table = torch.tensor([int(digit, 16) / 16 for digit in means]).reshape(10, 64)
    return -torch.cdist(images[:, 0, ::2, ::2].flatten(1), table)


# -------------------------------------------------------------------------------------------------------------- report


@mutant("html_report", killed_by="test_names_are_text_whatever_they_hold")
def names_as_they_are(images, logits, labels, class_names, *, k=3):
    marked = [f"name{i}name" for i in range(len(class_names))]
    text = reference.html_report(images, logits, labels, marked, k=k)
    for mark, name in zip(marked, class_names, strict=True):
        text = text.replace(mark, name)
    return text


@mutant("html_report", killed_by="test_names_are_text_whatever_they_hold")
def quotes_left_as_they_are(images, logits, labels, class_names, *, k=3):
    marked = [f"name{i}name" for i in range(len(class_names))]
    text = reference.html_report(images, logits, labels, marked, k=k)
    for mark, name in zip(marked, class_names, strict=True):
        text = text.replace(mark, html.escape(name, quote=False))
    return text


@mutant("html_report", killed_by="test_names_are_text_whatever_they_hold")
def escaped_twice(images, logits, labels, class_names, *, k=3):
    return reference.html_report(images, logits, labels, [html.escape(name) for name in class_names], k=k)


@mutant("html_report", killed_by="test_names_are_text_whatever_they_hold")
def ampersands_last(images, logits, labels, class_names, *, k=3):
    marked = [f"name{i}name" for i in range(len(class_names))]
    text = reference.html_report(images, logits, labels, marked, k=k)
    for mark, name in zip(marked, class_names, strict=True):
        safe = name.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").replace("&", "&amp;")
        text = text.replace(mark, safe)
    return text


@mutant("html_report", killed_by="test_the_table_of_the_handout")
def shares_for_percents(images, logits, labels, class_names, *, k=3):
    text = reference.html_report(images, logits, labels, class_names, k=k)
    return text.replace(".0 %", " %")


@mutant("html_report", killed_by="test_every_image_has_its_row")
def always_right(images, logits, labels, class_names, *, k=3):
    return reference.html_report(images, logits, labels, class_names, k=k).replace('class="wrong"', 'class="right"')


@mutant("html_report", killed_by="test_every_image_has_its_row")
def mistakes_alone(images, logits, labels, class_names, *, k=3):
    wrong = logits.argmax(dim=1) != labels
    return reference.html_report(images[wrong], logits[wrong], labels[wrong], class_names, k=k)


@mutant("html_report", killed_by="test_every_image_has_its_row")
def three_classes_always(images, logits, labels, class_names, *, k=3):
    return reference.html_report(images, logits, labels, class_names, k=min(3, len(class_names)))


@mutant("html_report", killed_by="test_every_image_has_its_row")
def no_row_of_headings(images, logits, labels, class_names, *, k=3):
    lines = reference.html_report(images, logits, labels, class_names, k=k).split("\n")
    return "\n".join([lines[0], *lines[2:]])


@mutant("html_report", killed_by="test_pictures_are_in_the_table_itself")
def the_first_picture_everywhere(images, logits, labels, class_names, *, k=3):
    return reference.html_report(images[:1].expand(len(images), -1, -1, -1), logits, labels, class_names, k=k)


@mutant("html_report", killed_by="test_pictures_are_in_the_table_itself")
def pictures_beside_the_page(images, logits, labels, class_names, *, k=3):
    text = reference.html_report(images, logits, labels, class_names, k=k)
    for place, image in enumerate(images):
        text = text.replace(reference.png_url(image), f"images/{place}.png")
    return text
