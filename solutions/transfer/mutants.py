"""Wrong answers to `transfer`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions.
"""

import copy
import html

import torch
import transfer as reference
from torch import nn
from torch.nn import functional

from autograder.testing import mutant

LOOKING = ("activations", "as_pictures", "picture_grid")
HEADS = ("replace_head", "freeze")

NOT_APPLICABLE = {
    ("exponentials", ("activations", "picture_grid", "predict", *HEADS)): "has no exponentials",
    ("no shift in exponentials", "as_pictures"): "has no exponentials",
    ("masks", ("activations", "picture_grid", "predict", "replace_head")): "compares no numbers",
    ("masks", "freeze"): "compares names",
    ("masks", "html_report"): "compares the best class with the label; its argmax is torch's",
    ("a squeeze", HEADS): "returns a model, or one int",
    ("a (1, k) gradient for (k,)", "*"): "torch makes the gradients, each of its parameter's shape",
    (
        "two dimensions taken for granted",
        ("as_pictures", "picture_grid", "predict", "top_k", "finetune", "html_report", *HEADS),
    ): "takes arrays of one number of axes alone, by contract",
    (
        "height for width, rows for columns",
        ("activations", "predict", "finetune"),
    ): "images pass through the layers of the given model alone",
    (
        "height for width, rows for columns",
        HEADS,
    ): "a Linear made the wrong way round raises an error, and a model is no array",
    (
        "the border cut by [p:-p]",
        ("activations", "as_pictures", "predict", "top_k", "finetune", "html_report", *HEADS),
    ): "pads nothing, and cuts nothing off",
    ("batches", ("activations", "as_pictures", "top_k", *HEADS)): "makes no batches",
    (
        ("each batch drawn anew", "batches that share a buffer", "an order never or once drawn"),
        ("picture_grid", "html_report"),
    ): "makes no batches",
    (("each batch drawn anew", "an order never or once drawn"), "predict"): "takes the images as they come",
    ("batches that share a buffer", "finetune"): "a batch is used up before the next one is made",
    ("state", (*LOOKING, "predict", "top_k", "html_report", *HEADS)): "keeps no state and counts no steps",
    ("a parameter read but replaced by a constant", "as_pictures"): "takes maps alone",
    ("a parameter read but replaced by a constant", "predict"): "answers the same for every batch_size",
    (
        "epsilon in another place",
        ("activations", "picture_grid", "predict", "top_k", "freeze", "finetune", "html_report"),
    ): "has no epsilon",
    (
        "scale, shift or rescaling forgotten in one mode",
        "*",
    ): "batch norm and dropout are torch's layers, and theirs are the modes",
    ("chance", (*LOOKING, "predict", "top_k", "freeze", "html_report")): "draws nothing",
    ("a normal draw for a uniform one", "finetune"): "draws orders, not numbers",
    ("an assignment for +=", (*LOOKING, "replace_head")): "adds nothing up, and each answer is one tensor or model",
    (
        "a factor of the batch, the classes or two",
        ("activations", "picture_grid", "predict", "replace_head"),
    ): "has no mean and no factor",
    (
        "another's gradient",
        (*LOOKING, "predict", "top_k", "html_report", *HEADS),
    ): "takes no gradients",
}

# ------------------------------------------------------------------------------------------------------------- looking


@mutant(
    "activations",
    killed_by="test_the_first_convolution_makes_a_map_of_each_filter",
    kind="a parameter read but replaced by a constant",
)
def the_answer_of_the_whole_model(model, images, layer):
    """You return the output of the whole model, whatever layer is."""
    reference.activations(model, images, layer)
    with torch.no_grad():
        return model(images)


@mutant("activations", killed_by="test_activations_are_what_comes_out_of_the_layer")
def what_goes_into_the_layer(model, images, layer):
    """You return what goes into the layer.

    Handout: Looking inside
    """
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
    """You return the output of the last layer inside a block and not that of the block."""
    inside = [name for name, _ in model.named_modules() if name.startswith(f"{layer}.")]
    return reference.activations(model, images, inside[-1] if inside else layer)


@mutant("activations", killed_by="test_activations_of_a_resnet_are_its_formulas")
def after_a_relu_of_its_own(model, images, layer):
    """You apply a ReLU to the output of the layer."""
    return torch.relu(reference.activations(model, images, layer))


@mutant("activations", killed_by="test_looking_leaves_no_hook")
def the_hook_stays(model, images, layer):
    """You do not remove the hook.

    Handout: Looking inside
    """
    seen = []
    found = dict(model.named_modules())
    if not layer or layer not in found:
        raise KeyError(layer)
    found[layer].register_forward_hook(lambda module, inputs, output: seen.append(output.detach().clone()))
    with torch.no_grad():
        model(images)
    return seen[-1]


@mutant("activations", killed_by="test_looking_in_train_mode_is_in_train_mode")
def left_in_eval_mode(model, images, layer):
    """You put the model into eval mode and leave it there."""
    return reference.activations(model.eval(), images, layer)


@mutant("activations", killed_by="test_looking_leaves_no_trace")
def images_normalised_in_place(model, images, layer):
    """You normalise the images in place and so change your argument."""
    found = reference.activations(model, images, layer)
    images.sub_(0.5)
    return found


@mutant("activations", killed_by="test_a_layer_that_is_not_there_is_a_key_error")
def nothing_for_an_unknown_layer(model, images, layer):
    """You return None in place of a KeyError for an unknown layer."""
    return reference.activations(model, images, layer) if layer in dict(model.named_modules()) and layer else None


@mutant("activations", killed_by="test_activations_of_one_image_keep_their_axes", kind="a squeeze")
def axes_of_one_squeezed(model, images, layer):
    """You squeeze the activations, so that they lose an axis for one image or one class."""
    return reference.activations(model, images, layer).squeeze()


@mutant("activations", killed_by="test_activations_without_maps_are_rows", kind="two dimensions taken for granted")
def always_maps(model, images, layer):
    """You add two axes to the activations of a layer without maps, such as a head."""
    found = reference.activations(model, images, layer)
    return found if found.dim() == 4 else found[:, :, None, None]


@mutant("activations", killed_by="test_a_later_layer_changes_no_activations")
def what_a_later_layer_makes_of_it(model, images, layer):
    """You keep the output without a copy, so that a later layer changes it in place."""
    seen, found = [], dict(model.named_modules())
    if not layer or layer not in found:
        raise KeyError(layer)

    def keep(module, inputs, output):
        seen.append(output.detach())

    hook = found[layer].register_forward_hook(keep)
    with torch.no_grad():
        model(images)
    hook.remove()
    return seen[-1]


@mutant("activations", killed_by="test_looking_in_train_mode_is_in_train_mode")
def in_eval_mode_for_a_while(model, images, layer):
    """You run the model in eval mode, even if it is in train mode."""
    mode = model.training
    found = reference.activations(model.eval(), images, layer)
    model.train(mode)
    return found


@mutant("as_pictures", killed_by="test_a_map_that_is_the_same_everywhere_is_black", kind="a mask with >= for >")
def zero_over_zero(maps):
    """You divide 0 by 0 where a map is the same everywhere.

    Handout: Mistakes that many make
    """
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - low) / (high - low)


@mutant(
    "as_pictures",
    killed_by="test_every_map_goes_from_black_to_white",
    kind="the maximum of the whole matrix for the row's",
)
def stretched_all_together(maps):
    """You use one minimum and one maximum for all maps.

    Handout: Mistakes that many make
    """
    spread = maps.max() - maps.min()
    return (maps - maps.min()) / spread if spread > 0 else torch.zeros_like(maps)


@mutant("as_pictures", killed_by="test_every_map_goes_from_black_to_white", kind="epsilon in another place")
def a_small_number_below_the_line(maps):
    """You add a small number to max a - min a, so that the entries do not reach 1."""
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - low) / (high - low + 1e-3)


@mutant("as_pictures", killed_by="test_every_map_goes_from_black_to_white")
def clipped_and_not_stretched(maps):
    """You clip the maps to the range from 0 to 1 and do not stretch them."""
    return maps.clamp(0, 1)


@mutant("as_pictures", killed_by="test_as_pictures_leaves_the_maps_alone")
def maps_stretched_in_place(maps):
    """You stretch the maps in place and so change your argument."""
    maps.copy_(reference.as_pictures(maps))
    return maps


@mutant("as_pictures", killed_by="test_pictures_of_one_map_have_its_shape_and_dtype", kind="a squeeze")
def the_axis_of_one_map_squeezed(maps):
    """You drop the first axis where there is one map."""
    return reference.as_pictures(maps).squeeze(0)


@mutant("as_pictures", killed_by="test_pictures_of_one_map_have_its_shape_and_dtype")
def always_float32(maps):
    """You return float32, whatever the dtype of maps is."""
    return reference.as_pictures(maps).float()


@mutant("as_pictures", killed_by="test_every_map_goes_from_black_to_white", kind="height for width, rows for columns")
def each_row_stretched_on_its_own(maps):
    """You stretch each row of a map on its own."""
    low, high = maps.amin(dim=2, keepdim=True), maps.amax(dim=2, keepdim=True)
    spread = high - low
    return torch.where(spread > 0, (maps - low) / spread.where(spread > 0, 1.0), 0.0)


@mutant(
    "as_pictures", killed_by="test_every_map_goes_from_black_to_white", kind="a factor of the batch, the classes or two"
)
def from_minus_one_to_one(maps):
    """You stretch the maps to the range from -1 to 1."""
    return 2 * reference.as_pictures(maps) - 1


@mutant("picture_grid", killed_by="test_the_grid_of_the_handout", kind="labels or order mixed up")
def column_by_column(pictures, columns, *, gap=1, fill=1.0):
    """You fill the grid column by column."""
    rows = -(-len(pictures) // columns)
    spare = pictures.new_full((rows * columns - len(pictures), *pictures.shape[1:]), fill)
    order = torch.arange(rows * columns).reshape(columns, rows).T.reshape(-1)
    return reference.picture_grid(torch.cat([pictures, spare])[order], columns, gap=gap, fill=fill)


@mutant("picture_grid", killed_by="test_a_grid_has_every_picture_in_its_place")
def a_gap_around_the_whole(pictures, columns, *, gap=1, fill=1.0):
    """You put a gap around the whole grid, too."""
    grid = reference.picture_grid(pictures, columns, gap=gap, fill=fill)
    return nn.functional.pad(grid, (gap, gap, gap, gap), value=fill)


@mutant("picture_grid", killed_by="test_empty_places_have_the_value_of_the_gaps")
def rows_that_are_not_full_left_out(pictures, columns, *, gap=1, fill=1.0):
    """You leave out the last row if it is not full."""
    whole = max(columns, len(pictures) // columns * columns)
    return reference.picture_grid(pictures[:whole], columns, gap=gap, fill=fill)


@mutant(
    "picture_grid",
    killed_by="test_a_grid_has_every_picture_in_its_place",
    kind="a parameter read but replaced by a constant",
)
def always_white_between(pictures, columns, *, gap=1, fill=1.0):
    """You ignore fill, so that gaps and empty places are always 1."""
    return reference.picture_grid(pictures, columns, gap=gap)


@mutant(
    "picture_grid", killed_by="test_a_grid_has_every_picture_in_its_place", kind="height for width, rows for columns"
)
def made_for_squares(pictures, columns, *, gap=1, fill=1.0):
    """You pad each picture to a square."""
    side = max(pictures.shape[1:])
    square = nn.functional.pad(pictures, (0, side - pictures.shape[2], 0, side - pictures.shape[1]), value=fill)
    return reference.picture_grid(square, columns, gap=gap, fill=fill)


@mutant("picture_grid", killed_by="test_grids_at_the_edges[one pixel]", kind="a squeeze")
def a_row_of_pixels_squeezed(pictures, columns, *, gap=1, fill=1.0):
    """You squeeze the grid, so that a single row or column of pixels loses its axis."""
    return reference.picture_grid(pictures, columns, gap=gap, fill=fill).squeeze()


@mutant("picture_grid", killed_by="test_grids_at_the_edges[no gap]", kind="the border cut by [p:-p]")
def the_last_gap_cut_off(pictures, columns, *, gap=1, fill=1.0):
    """You cut off the last gap by a slice that leaves nothing of the grid if gap is 0."""
    grid = reference.picture_grid(pictures, columns, gap=gap, fill=fill)
    return nn.functional.pad(grid, (0, gap, 0, gap), value=fill)[:-gap, :-gap]


@mutant("picture_grid", killed_by="test_grids_at_the_edges[one picture]")
def always_two_in_a_row(pictures, columns, *, gap=1, fill=1.0):
    """You make two columns for a single picture, whatever columns is."""
    if len(pictures) == 1:
        pictures, columns = torch.cat([pictures, torch.full_like(pictures, fill)]), 2
    return reference.picture_grid(pictures, columns, gap=gap, fill=fill)


@mutant("picture_grid", killed_by="test_grids_at_the_edges[one column]")
def one_column_laid_down(pictures, columns, *, gap=1, fill=1.0):
    """You put all pictures into one row if columns is 1."""
    columns = len(pictures) if columns == 1 else columns
    return reference.picture_grid(pictures, columns, gap=gap, fill=fill)


@mutant("picture_grid", killed_by="test_a_grid_has_the_dtype_of_its_pictures")
def a_grid_of_float32(pictures, columns, *, gap=1, fill=1.0):
    """You return float32, whatever the dtype of pictures is."""
    return reference.picture_grid(pictures.float(), columns, gap=gap, fill=fill)


# -------------------------------------------------------------------------------------------------------------- scores


@mutant("predict", killed_by="test_predictions_are_those_of_eval_mode")
def eval_mode_forgotten(model, images, *, batch_size=250):
    """You do not put the model into eval mode.

    Handout: Mistakes that many make
    """
    with torch.no_grad():
        return torch.cat([model(part) for part in images.split(batch_size)])


@mutant("predict", killed_by="test_predictions_at_the_edges[a smaller last batch]")
def the_last_batch_forgotten(model, images, *, batch_size=250):
    """You leave out the last batch if it is smaller."""
    whole = max(batch_size, len(images) // batch_size * batch_size)
    return reference.predict(model, images[:whole], batch_size=batch_size)


@mutant("predict", killed_by="test_predictions_are_those_of_eval_mode")
def probabilities_for_logits(model, images, *, batch_size=250):
    """You return probabilities in place of logits."""
    return reference.predict(model, images, batch_size=batch_size).softmax(dim=1)


@mutant("predict", killed_by="test_predicting_gives_the_mode_back")
def the_mode_not_given_back(model, images, *, batch_size=250):
    """You leave the model in eval mode."""
    return reference.predict(model.eval(), images, batch_size=batch_size)


@mutant("predict", killed_by="test_predicting_gives_the_mode_back")
def always_back_to_train_mode(model, images, *, batch_size=250):
    """You put the model into train mode afterwards, whatever its mode was before."""
    logits = reference.predict(model, images, batch_size=batch_size)
    model.train()
    return logits


@mutant("predict", killed_by="test_predictions_at_the_edges[one image]", kind="a squeeze")
def the_axis_of_one_image_squeezed(model, images, *, batch_size=250):
    """You drop the first axis of the logits for a single image."""
    return reference.predict(model, images, batch_size=batch_size).squeeze(0)


@mutant("predict", killed_by="test_predictions_at_the_edges[one class]")
def the_axis_of_one_class_squeezed(model, images, *, batch_size=250):
    """You drop the second axis of the logits for a single class."""
    return reference.predict(model, images, batch_size=batch_size).squeeze(1)


@mutant("predict", killed_by="test_predictions_at_the_edges[batches of one]")
def batches_of_two_at_least(model, images, *, batch_size=250):
    """You make batches of at least two images and leave out a last image that is alone."""
    parts = images.split(max(batch_size, 2))
    return torch.cat([reference.predict(model, part, batch_size=batch_size) for part in parts if len(part) > 1])


@mutant("predict", killed_by="test_predictions_are_those_of_eval_mode", kind="batches that share a buffer")
def one_buffer_for_all_batches(model, images, *, batch_size=250):
    """You put the logits of all batches into one buffer, so that each batch overwrites those before."""
    logits, parts = reference.predict(model, images, batch_size=batch_size), []
    buffer = torch.zeros(batch_size, logits.shape[1])
    for part in logits.split(batch_size):
        buffer[: len(part)] = part
        parts.append(buffer[: len(part)])
    return torch.cat(parts)


@mutant("predict", killed_by="test_predictions_are_those_of_eval_mode", kind="labels or order mixed up")
def the_last_batch_first(model, images, *, batch_size=250):
    """You return the batches in reverse order."""
    return torch.cat(reference.predict(model, images, batch_size=batch_size).split(batch_size)[::-1])


@mutant("predict", killed_by="test_predictions_are_those_of_eval_mode", kind="an assignment for +=")
def the_last_batch_alone(model, images, *, batch_size=250):
    """You return the logits of the last batch only."""
    return reference.predict(model, images, batch_size=batch_size).split(batch_size)[-1]


@mutant("predict", killed_by="test_predictions_are_those_of_eval_mode")
def a_look_in_train_mode_first(model, images, *, batch_size=250):
    """You run the model in train mode before you predict, which changes its running statistics.

    Handout: Mistakes that many make
    """
    mode = model.training
    with torch.no_grad():
        model.train()(images)
    return reference.predict(model.train(mode), images, batch_size=batch_size)


@mutant("predict", killed_by="test_predicting_changes_nothing")
def a_look_in_train_mode_last(model, images, *, batch_size=250):
    """You run the model in train mode after you predict, which changes its running statistics.

    Handout: Mistakes that many make
    """
    mode, logits = model.training, reference.predict(model, images, batch_size=batch_size)
    with torch.no_grad():
        model.train()(images)
    model.train(mode)
    return logits


@mutant("top_k", killed_by="test_the_best_classes_come_first")
def softmax_over_the_best_alone(logits, k, class_names):
    """You take the softmax over the k best classes only.

    Handout: Looking inside
    """
    if not 1 <= k <= logits.shape[1]:
        raise ValueError(k)
    values, places = logits.topk(k, dim=1)
    shares = values.softmax(dim=1)
    return [[(class_names[i], float(v)) for i, v in zip(*row, strict=True)] for row in zip(places, shares, strict=True)]


@mutant("top_k", killed_by="test_huge_logits_have_probabilities", kind="no shift in exponentials")
def exponentials_without_the_maximum(logits, k, class_names):
    """You compute the softmax without a shift, so that exponentials of large logits overflow."""
    best = reference.top_k(logits, k, class_names)
    shares = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    names = list(class_names)
    return [[(name, float(row[names.index(name)])) for name, _ in one] for one, row in zip(best, shares, strict=True)]


@mutant("top_k", killed_by="test_the_two_best_of_the_handout")
def the_least_probable_first(logits, k, class_names):
    """You list the least probable of the k classes first."""
    return [row[::-1] for row in reference.top_k(logits, k, class_names)]


@mutant("top_k", killed_by="test_huge_logits_have_probabilities")
def sorted_by_rounded_probabilities(logits, k, class_names):
    """You sort by the probabilities, so that classes whose probabilities round to 0 are out of order."""
    shares = logits.double().softmax(dim=1)
    best = reference.top_k(logits, k, class_names)
    order = [sorted(range(len(row)), key=lambda i, row=row: -float(row[i]))[:k] for row in shares]
    return [[(class_names[i], float(row[i])) for i in one] for one, row, _ in zip(order, shares, best, strict=True)]


@mutant("top_k", killed_by="test_there_are_no_more_classes_than_there_are[above the number of classes]")
def as_many_as_there_are(logits, k, class_names):
    """You limit k to its range in place of raising ValueError."""
    return reference.top_k(logits, min(max(k, 1), logits.shape[1]), class_names)


@mutant("top_k", killed_by="test_there_are_no_more_classes_than_there_are[below 1]")
def the_best_for_none(logits, k, class_names):
    """You return the best class in place of raising ValueError for a k below 1."""
    return reference.top_k(logits, max(k, 1), class_names)


@mutant(
    "top_k",
    killed_by="test_there_are_no_more_classes_than_there_are[above the number of classes]",
    kind="a mask with >= for >",
)
def not_all_classes(logits, k, class_names):
    """You raise ValueError if k is the number of classes."""
    if k >= logits.shape[1] > 1:
        raise ValueError(k)
    return reference.top_k(logits, k, class_names)


@mutant(
    "top_k",
    killed_by="test_huge_logits_have_probabilities",
    kind="the maximum of the whole matrix for the row's",
)
def the_greatest_of_all_rows_subtracted(logits, k, class_names):
    """You subtract the maximum of all logits and not that of each row."""
    best = reference.top_k(logits, k, class_names)
    powers = (logits.double() - logits.double().max()).exp()
    shares, names = powers / powers.sum(dim=1, keepdim=True), list(class_names)
    return [[(name, float(row[names.index(name)])) for name, _ in one] for one, row in zip(best, shares, strict=True)]


@mutant("top_k", killed_by="test_the_best_classes_come_first", kind="height for width, rows for columns")
def softmax_down_the_columns(logits, k, class_names):
    """You take the softmax over the images and not over the classes."""
    best, shares, names = reference.top_k(logits, k, class_names), logits.double().softmax(dim=0), list(class_names)
    return [[(name, float(row[names.index(name)])) for name, _ in one] for one, row in zip(best, shares, strict=True)]


@mutant("top_k", killed_by="test_the_best_classes_come_first", kind="a factor of the batch, the classes or two")
def shares_of_all_images_together(logits, k, class_names):
    """You divide the probabilities by the number of images."""
    return [[(name, share / len(logits)) for name, share in row] for row in reference.top_k(logits, k, class_names)]


@mutant("top_k", killed_by="test_the_best_classes_come_first", kind="a parameter read but replaced by a constant")
def always_three(logits, k, class_names):
    """You return three classes, whatever k is."""
    reference.top_k(logits, k, class_names)
    return reference.top_k(logits, min(3, logits.shape[1]), class_names)


@mutant("top_k", killed_by="test_the_best_classes_come_first", kind="an assignment for +=")
def the_last_image_alone(logits, k, class_names):
    """You return the classes of the last image only."""
    return reference.top_k(logits, k, class_names)[-1:]


@mutant("top_k", killed_by="test_best_classes_at_the_edges[one image]", kind="a squeeze")
def one_image_without_its_list(logits, k, class_names):
    """You return one list of pairs, without the outer list, for a single image."""
    best = reference.top_k(logits, k, class_names)
    return best[0] if len(best) == 1 else best


@mutant("top_k", killed_by="test_best_classes_at_the_edges[one class]")
def one_class_without_its_list(logits, k, class_names):
    """You return a pair in place of a list of pairs for each image if there is one class."""
    best = reference.top_k(logits, k, class_names)
    return [row[0] for row in best] if logits.shape[1] == 1 else best


# --------------------------------------------------------------------------------------------------------------- heads


@mutant("replace_head", killed_by="test_the_old_model_stays_and_shares_nothing[plain]")
def the_given_model_changed(model, classes, *, hidden=None, dropout=0.0):
    """You put the new head on the given model and not on a copy."""
    model.head = reference.replace_head(model, classes, hidden=hidden, dropout=dropout).head
    return model


@mutant("replace_head", killed_by="test_the_old_model_stays_and_shares_nothing[plain]")
def a_shallow_copy(model, classes, *, hidden=None, dropout=0.0):
    """You make a shallow copy, whose layers are those of the given model."""
    new = copy.copy(model)
    new._modules = dict(model._modules)
    new.head = reference.replace_head(model, classes, hidden=hidden, dropout=dropout).head
    return new


@mutant("replace_head", killed_by="test_a_new_head_has_new_classes", kind="a parameter read but replaced by a constant")
def as_many_classes_as_before(model, classes, *, hidden=None, dropout=0.0):
    """You give the new head as many classes as the old one had."""
    return reference.replace_head(model, model.head.out_features, hidden=hidden, dropout=dropout)


@mutant("replace_head", killed_by="test_a_plain_head_is_one_linear_map")
def a_backbone_drawn_anew(model, classes, *, hidden=None, dropout=0.0):
    """You draw the convolutions of the backbone anew."""
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    for module in new.modules():
        if isinstance(module, nn.Conv2d):
            module.reset_parameters()
    return new


@mutant("replace_head", killed_by="test_new_layers_are_as_torch_draws_them[plain]", kind="a zero or constant draw")
def a_head_of_zeros(model, classes, *, hidden=None, dropout=0.0):
    """You set the weights of a plain head to 0."""
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    if hidden is None:
        nn.init.zeros_(new.head.weight)
    return new


@mutant("replace_head", killed_by="test_the_copy_is_in_the_mode_of_the_model[plain]")
def always_in_train_mode(model, classes, *, hidden=None, dropout=0.0):
    """You return the copy in train mode, whatever the mode of the model is."""
    return reference.replace_head(model, classes, hidden=hidden, dropout=dropout).train()


@mutant("replace_head", killed_by="test_dropout_is_the_share_that_is_dropped")
def dropout_before_the_relu(model, classes, *, hidden=None, dropout=0.0):
    """You put the dropout before the ReLU."""
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    if hidden is not None:
        first, norm, relu, drop, last = new.head
        new.head = nn.Sequential(first, norm, drop, relu, last).train(model.training)
    return new


@mutant("replace_head", killed_by="test_a_longer_head_is_its_five_layers")
def a_head_without_batch_norm(model, classes, *, hidden=None, dropout=0.0):
    """You leave out the batch norm of the longer head."""
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    if hidden is not None:
        new.head[1] = nn.Identity()
    return new


@mutant("replace_head", killed_by="test_dropout_is_the_share_that_is_dropped")
def the_share_that_is_kept(model, classes, *, hidden=None, dropout=0.0):
    """You take dropout for the share that is kept."""
    return reference.replace_head(model, classes, hidden=hidden, dropout=1 - dropout)


@mutant(
    "replace_head",
    killed_by="test_new_layers_are_as_torch_draws_them[plain]",
    kind="a normal draw for a uniform one",
)
def a_head_drawn_from_a_normal(model, classes, *, hidden=None, dropout=0.0):
    """You draw the weights of a plain head from a normal distribution."""
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    if hidden is None:
        nn.init.normal_(new.head.weight, std=(3 * new.head.in_features) ** -0.5)
    return new


@mutant("replace_head", killed_by="test_new_layers_are_as_torch_draws_them[longer]")
def the_same_long_head_always(model, classes, *, hidden=None, dropout=0.0):
    """You set a fixed seed, so that all longer heads begin with the same weights."""
    if hidden is not None:
        torch.manual_seed(0)
    return reference.replace_head(model, classes, hidden=hidden, dropout=dropout)


@mutant("replace_head", killed_by="test_a_longer_head_is_its_five_layers", kind="epsilon in another place")
def another_epsilon_in_the_head(model, classes, *, hidden=None, dropout=0.0):
    """You give the batch norm of the longer head another eps."""
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    if hidden is not None:
        new.head[1].eps = 1e-2
    return new


@mutant("replace_head", killed_by="test_the_copy_is_in_the_mode_of_the_model[longer]")
def a_long_head_in_train_mode(model, classes, *, hidden=None, dropout=0.0):
    """You leave a longer head in train mode, whatever the mode of the model is."""
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    if hidden is not None:
        new.head.train()
    return new


@mutant("replace_head", killed_by="test_the_old_model_stays_and_shares_nothing[longer]")
def a_long_head_on_the_given_backbone(model, classes, *, hidden=None, dropout=0.0):
    """You put a longer head on the layers of the given model and not on copies."""
    new = reference.replace_head(model, classes, hidden=hidden, dropout=dropout)
    if hidden is not None:
        for name, part in model.named_children():
            if name != "head":
                setattr(new, name, part)
    return new


@mutant("replace_head", killed_by="test_heads_at_the_edges[one class]")
def two_classes_at_least(model, classes, *, hidden=None, dropout=0.0):
    """You give a plain head two outputs for a single class."""
    return reference.replace_head(model, max(classes, 2) if hidden is None else classes, hidden=hidden, dropout=dropout)


@mutant("replace_head", killed_by="test_heads_at_the_edges[one hidden unit]")
def two_hidden_units_at_least(model, classes, *, hidden=None, dropout=0.0):
    """You give a longer head two hidden units if hidden is 1."""
    return reference.replace_head(model, classes, hidden=hidden and max(hidden, 2), dropout=dropout)


@mutant("replace_head", killed_by="test_heads_at_the_edges[one class after a hidden layer]")
def two_classes_after_a_hidden_layer(model, classes, *, hidden=None, dropout=0.0):
    """You give a longer head two outputs for a single class."""
    return reference.replace_head(model, max(classes, 2) if hidden else classes, hidden=hidden, dropout=dropout)


@mutant("freeze", killed_by="test_of_the_whole_network_the_head_alone_trains")
def the_head_frozen_instead(model, trainable=("head",)):
    """You freeze the layers that are named and train all others."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(tuple(trainable)))
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@mutant("freeze", killed_by="test_what_is_named_trains_and_nothing_else")
def any_name_that_begins_alike(model, trainable=("head",)):
    """You also free layers whose names begin alike, such as header where head is named.

    Handout: Mistakes that many make
    """
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(tuple(trainable)))
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@mutant("freeze", killed_by="test_what_was_frozen_trains_again")
def never_set_free_again(model, trainable=("head",)):
    """You do not free a named parameter that was frozen before."""
    was = [parameter.requires_grad for parameter in model.parameters()]
    reference.freeze(model, trainable)
    for parameter, before in zip(model.parameters(), was, strict=True):
        parameter.requires_grad_(parameter.requires_grad and before)
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@mutant("freeze", killed_by="test_the_count_is_of_numbers_that_train")
def tensors_counted_for_numbers(model, trainable=("head",)):
    """You count the parameter tensors that train and not their numbers."""
    reference.freeze(model, trainable)
    return sum(parameter.requires_grad for parameter in model.parameters())


@mutant("freeze", killed_by="test_of_the_whole_network_the_head_alone_trains")
def the_frozen_counted(model, trainable=("head",)):
    """You return how many numbers are frozen."""
    free = reference.freeze(model, trainable)
    return sum(parameter.numel() for parameter in model.parameters()) - free


@mutant("freeze", killed_by="test_the_count_is_of_numbers_that_train", kind="an assignment for +=")
def the_last_parameter_counted(model, trainable=("head",)):
    """You return only the size of the last parameter that trains."""
    reference.freeze(model, trainable)
    return ([0] + [parameter.numel() for parameter in model.parameters() if parameter.requires_grad])[-1]


@mutant("freeze", killed_by="test_the_count_is_of_numbers_that_train", kind="a factor of the batch, the classes or two")
def counted_for_each_name(model, trainable=("head",)):
    """You count a parameter once for each name in trainable that it is inside."""
    reference.freeze(model, trainable)
    named = [(name, parameter.numel()) for name, parameter in model.named_parameters()]
    return sum(count for part in trainable for name, count in named if name.startswith(f"{part}."))


@mutant(
    "freeze",
    killed_by="test_what_is_named_trains_and_nothing_else",
    kind="a parameter read but replaced by a constant",
)
def always_the_head(model, trainable=("head",)):
    """You let the head train, whatever trainable is."""
    return reference.freeze(model)


@mutant("freeze", killed_by="test_nothing_trains_where_nothing_is_named")
def the_head_where_nothing_is_named(model, trainable=("head",)):
    """You let the head train if trainable is empty."""
    return reference.freeze(model, trainable or ("head",))


# ---------------------------------------------------------------------------------------------------------- finetuning


@mutant("finetune", killed_by="test_running_statistics_of_frozen_batch_norms_stay")
def statistics_of_frozen_layers_move(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You run frozen batch norms in train mode, so that their running statistics change.

    Handout: A new head
    """
    model.train()
    if epochs:
        with torch.no_grad():
            model(images)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_whole_batches_follow_the_gradient_with_momentum[all layers]")
def running_statistics_that_never_move(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You keep the running statistics of batch norms that train as they are."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    model = reference.finetune(model, images, labels, **options)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return model


@mutant("finetune", killed_by="test_whole_batches_follow_the_gradient_with_momentum[all layers]")
def softmax_before_the_cross_entropy(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You apply a softmax to the logits before the cross-entropy, which has one of its own.

    Handout: Mistakes that many make
    """
    hook = model.register_forward_hook(lambda module, inputs, output: output.softmax(dim=1))
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    model = reference.finetune(model, images, labels, **options)
    hook.remove()
    return model


@mutant(
    "finetune",
    killed_by="test_whole_batches_follow_the_gradient_with_momentum[all layers]",
    kind="a factor of the batch, the classes or two",
)
def half_the_learning_rate(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You train with half the learning rate."""
    options = {"epochs": epochs, "learning_rate": learning_rate / 2, "batch_size": batch_size, "seed": seed}
    return reference.finetune(model, images, labels, **options, log=log)


@mutant("finetune", killed_by="test_the_given_model_is_trained_and_left_in_eval_mode")
def left_in_train_mode(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You return the model in train mode."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options).train()


@mutant("finetune", killed_by="test_what_is_frozen_stays_to_the_last_bit")
def everything_set_free(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You train frozen parameters, too."""
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_whole_batches_follow_the_gradient_with_momentum[all layers]")
def the_velocity_lost_after_every_epoch(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You set the velocity m back to 0 after every epoch."""
    for epoch in range(1, epochs + 1):
        hear = None if log is None else lambda epoch, loss, accuracy, now=epoch: log(now, loss, accuracy)
        options = {"learning_rate": learning_rate, "batch_size": batch_size, "seed": seed + epoch, "log": hear}
        model = reference.finetune(model, images, labels, epochs=1, **options)
    return model.eval()


@mutant("finetune", killed_by="test_the_velocity_goes_on")
def the_velocity_lost_after_an_epoch_of_several_batches(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You set the velocity m back to 0 after every epoch, if an epoch has several batches."""
    options = {"learning_rate": learning_rate, "batch_size": batch_size}
    if len(images) <= batch_size:
        return reference.finetune(model, images, labels, epochs=epochs, seed=seed, log=log, **options)
    for epoch in range(1, epochs + 1):
        hear = None if log is None else lambda epoch, loss, accuracy, now=epoch: log(now, loss, accuracy)
        model = reference.finetune(model, images, labels, epochs=1, seed=seed + epoch, log=hear, **options)
    return model.eval()


@mutant("finetune", killed_by="test_every_image_comes_once_in_an_epoch_with_its_label")
def a_smaller_last_batch_dropped(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You leave out the images of a smaller last batch."""
    whole = max(min(batch_size, len(images)), len(images) // batch_size * batch_size)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images[:whole], labels[:whole], **options)


@mutant("finetune", killed_by="test_log_hears_of_every_epoch")
def accuracy_in_percent(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You give log the accuracy in percent and not as a share."""
    hear = None if log is None else lambda epoch, loss, accuracy: log(epoch, loss, 100 * accuracy)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": hear}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_a_head_learns_light_from_dark")
def nobody_hears_of_it(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You do not call log."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_a_seed_is_a_network")
def chance_from_elsewhere(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You do not use seed, so that the weights differ from run to run."""
    seed = int(torch.empty((), dtype=torch.int64).random_())
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_a_seed_is_a_network", kind="a zero or constant draw")
def the_seed_ignored(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You use a constant seed, whatever seed is."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": 0, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_everything_fine_tuned_reads_letters")
def training_on_one_batch(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You train on a small part of the images only, if there are many."""
    # Only where there are many, so that the small tests do not see it.
    few = 20 if len(images) > 100 else len(images)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images[:few], labels[:few], **options)


@mutant("finetune", killed_by="test_everything_fine_tuned_reads_letters")
def labels_shifted_by_one(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You train each image with the label of the one before, if there are many images."""
    if len(images) > 100:
        labels = labels.roll(1)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_a_longer_head_alone_goes_far")
def a_learning_rate_of_zero_for_long_heads(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You train a longer head with a learning rate of 0, if there are many images."""
    rate = 0.0 if len(images) > 100 and isinstance(model.head, nn.Sequential) else learning_rate
    options = {"epochs": epochs, "learning_rate": rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_every_image_comes_once_in_an_epoch_with_its_label", kind="each batch drawn anew")
def every_batch_is_drawn_anew(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You draw each batch from all images, so that an image may come several times in an epoch."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    whole, rest = divmod(len(images), batch_size)
    counts = [batch_size] * whole + [rest] * (rest > 0)
    right = torch.randperm
    torch.randperm = lambda n: torch.cat([right(n)[:count] for count in counts])
    try:
        return reference.finetune(model, images, labels, **options)
    finally:
        torch.randperm = right


@mutant("finetune", killed_by="test_each_seed_and_each_epoch_has_an_order", kind="an order never or once drawn")
def one_order_for_all_epochs(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You draw one order and use it in all epochs."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    drawn = []
    right = torch.randperm
    torch.randperm = lambda n: drawn[0] if drawn else drawn.append(right(n)) or drawn[0]
    try:
        return reference.finetune(model, images, labels, **options)
    finally:
        torch.randperm = right


@mutant("finetune", killed_by="test_each_seed_and_each_epoch_has_an_order")
def images_as_they_come(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You do not shuffle the images."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    right = torch.randperm
    torch.randperm = torch.arange
    try:
        return reference.finetune(model, images, labels, **options)
    finally:
        torch.randperm = right


@mutant(
    "finetune",
    killed_by="test_whole_batches_follow_the_gradient_with_momentum[all layers]",
    kind="labels or order mixed up",
)
def labels_of_the_images_before(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You train each image with the label of the one before."""
    labels = labels.roll(1)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_large_logits_train_too", kind="no shift in exponentials")
def no_shift_in_the_cross_entropy(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You compute the softmax without a shift, so that exponentials of large logits overflow."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    right = functional.cross_entropy
    functional.cross_entropy = lambda z, y: -(z.exp().gather(1, y[:, None])[:, 0] / z.exp().sum(dim=1)).log().mean()
    try:
        return reference.finetune(model, images, labels, **options)
    finally:
        functional.cross_entropy = right


@mutant("finetune", killed_by="test_large_logits_train_too", kind="the maximum of the whole matrix for the row's")
def the_greatest_of_the_batch_subtracted(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You subtract the maximum of the whole batch from the logits and not that of each row."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}

    def cross_entropy(z, y):
        powers = (z - z.max()).exp()
        return -(powers.gather(1, y[:, None])[:, 0] / powers.sum(dim=1)).log().mean()

    right = functional.cross_entropy
    functional.cross_entropy = cross_entropy
    try:
        return reference.finetune(model, images, labels, **options)
    finally:
        functional.cross_entropy = right


@mutant("finetune", killed_by="test_whole_batches_follow_the_gradient_with_momentum[all layers]")
def the_sum_over_the_batch(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You take the sum of the cross-entropy over the batch in place of the mean."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    right = functional.cross_entropy
    functional.cross_entropy = lambda z, y: right(z, y, reduction="sum")
    try:
        return reference.finetune(model, images, labels, **options)
    finally:
        functional.cross_entropy = right


@mutant("finetune", killed_by="test_a_single_image_is_left_out_where_there_are_others", kind="a squeeze")
def logits_of_one_image_squeezed(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You drop the first axis of the logits for a batch of one image."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    right = functional.cross_entropy
    functional.cross_entropy = lambda z, y: right(z.squeeze(0), y)
    try:
        return reference.finetune(model, images, labels, **options)
    finally:
        functional.cross_entropy = right


@mutant(
    "finetune",
    killed_by="test_whole_batches_follow_the_gradient_with_momentum[all layers]",
    kind="state read but never stored",
)
def a_velocity_that_is_never_stored(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You do not keep the velocity m from step to step, so that there is no momentum."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    right = torch.optim.SGD
    torch.optim.SGD = lambda parameters, lr, momentum: right(parameters, lr=lr)
    try:
        return reference.finetune(model, images, labels, **options)
    finally:
        torch.optim.SGD = right


@mutant(
    "finetune", killed_by="test_whole_batches_follow_the_gradient_with_momentum[all layers]", kind="another's gradient"
)
def gradients_that_add_up(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You do not set the gradients to 0, so that those of earlier batches are still there."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    right = torch.optim.SGD.zero_grad
    torch.optim.SGD.zero_grad = lambda optimizer: None
    try:
        return reference.finetune(model, images, labels, **options)
    finally:
        torch.optim.SGD.zero_grad = right


@mutant(
    "finetune",
    killed_by="test_whole_batches_follow_the_gradient_with_momentum[all layers]",
    kind="a parameter read but replaced by a constant",
)
def one_learning_rate_for_all(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You use a constant learning rate, whatever learning_rate is."""
    options = {"epochs": epochs, "learning_rate": 0.05, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_every_image_comes_once_in_an_epoch_with_its_label")
def batches_of_two_always(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You make batches of two images, whatever batch_size is, if one batch does not hold all images."""
    options = {
        "epochs": epochs,
        "learning_rate": learning_rate,
        "batch_size": 2 if batch_size < len(images) else batch_size,
        "seed": seed,
        "log": log,
    }
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_a_single_image_is_left_out_where_there_are_others", kind="a mask with >= for >")
def one_image_never_trains(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You do not train if there is only one image."""
    options = {
        "epochs": epochs if len(images) > 1 else 0,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "seed": seed,
        "log": log,
    }
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_no_epoch_changes_nothing")
def one_epoch_at_least(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You train for one epoch if epochs is 0."""
    options = {
        "epochs": max(epochs, 1),
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "seed": seed,
        "log": log,
    }
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_log_hears_of_every_epoch", kind="a step count that never advances")
def epoch_one_for_ever(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You call log with epoch 1 after every epoch."""
    hear = None if log is None else lambda epoch, loss, accuracy: log(1, loss, accuracy)
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": hear}
    return reference.finetune(model, images, labels, **options)


@mutant("finetune", killed_by="test_log_hears_of_every_epoch", kind="an assignment for +=")
def log_hears_of_the_last_batch(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You log loss and accuracy of the last batch and not of the whole epoch."""
    last = []

    def cross_entropy(z, y):
        last[:] = [right(z, y), float((z.argmax(dim=1) == y).float().mean())]
        return last[0]

    hear = None if log is None else lambda epoch, loss, accuracy: log(epoch, float(last[0]), last[1])
    right, functional.cross_entropy = functional.cross_entropy, cross_entropy
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": hear}
    try:
        return reference.finetune(model, images, labels, **options)
    finally:
        functional.cross_entropy = right


@mutant("finetune", killed_by="test_the_given_model_is_trained_and_left_in_eval_mode")
def a_copy_is_trained(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You train a copy, so that the given model does not change."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    return reference.finetune(copy.deepcopy(model), images, labels, **options)


@mutant("finetune", killed_by="test_images_and_labels_stay")
def images_shifted_in_place(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """You shift the images in place and so change your argument."""
    options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "log": log}
    model = reference.finetune(model, images, labels, **options)
    images.sub_(0.5)
    return model


@mutant("finetune", killed_by="test_a_single_image_is_left_out_where_there_are_others")
def a_last_batch_of_one_trains_too(
    model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None
):
    """You take a step on a last batch of a single image, although there are others.

    Handout: Mistakes that many make
    """
    torch.manual_seed(seed)
    model.train()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and not module.weight.requires_grad:
            module.eval()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=learning_rate, momentum=0.9)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for rows in torch.randperm(len(images)).split(batch_size):
            logits = model(images[rows])
            loss = functional.cross_entropy(logits, labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
            right += (logits.argmax(dim=1) == labels[rows]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(images), accuracy=right / len(images))
    return model.eval()


# -------------------------------------------------------------------------------------------------------------- report


@mutant("html_report", killed_by="test_names_are_text_whatever_they_hold[tags]")
def names_as_they_are(images, logits, labels, class_names, *, k=3):
    """You do not escape the names.

    Handout: A table for the browser
    """
    marked = [f"name{i}name" for i in range(len(class_names))]
    text = reference.html_report(images, logits, labels, marked, k=k)
    for mark, name in zip(marked, class_names, strict=True):
        text = text.replace(mark, name)
    return text


@mutant("html_report", killed_by="test_names_are_text_whatever_they_hold[quotes]")
def quotes_left_as_they_are(images, logits, labels, class_names, *, k=3):
    """You do not escape the quotes in the names.

    Handout: A table for the browser
    """
    marked = [f"name{i}name" for i in range(len(class_names))]
    text = reference.html_report(images, logits, labels, marked, k=k)
    for mark, name in zip(marked, class_names, strict=True):
        text = text.replace(mark, html.escape(name, quote=False))
    return text


@mutant("html_report", killed_by="test_names_are_text_whatever_they_hold[ampersands]")
def escaped_twice(images, logits, labels, class_names, *, k=3):
    """You escape the names twice."""
    return reference.html_report(images, logits, labels, [html.escape(name) for name in class_names], k=k)


@mutant("html_report", killed_by="test_names_are_text_whatever_they_hold[tags]")
def ampersands_last(images, logits, labels, class_names, *, k=3):
    """You escape & last, so that it is escaped again in what you have already escaped.

    Handout: Mistakes that many make
    """
    marked = [f"name{i}name" for i in range(len(class_names))]
    text = reference.html_report(images, logits, labels, marked, k=k)
    for mark, name in zip(marked, class_names, strict=True):
        safe = name.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").replace("&", "&amp;")
        text = text.replace(mark, safe)
    return text


@mutant("html_report", killed_by="test_the_table_of_the_handout")
def shares_for_percents(images, logits, labels, class_names, *, k=3):
    """You write a whole percent without its decimal."""
    text = reference.html_report(images, logits, labels, class_names, k=k)
    return text.replace(".0 %", " %")


@mutant("html_report", killed_by="test_rows_are_right_or_wrong", kind="a parameter read but replaced by a constant")
def always_right(images, logits, labels, class_names, *, k=3):
    """You give every row the class "right"."""
    return reference.html_report(images, logits, labels, class_names, k=k).replace('class="wrong"', 'class="right"')


@mutant("html_report", killed_by="test_every_image_has_its_row")
def mistakes_alone(images, logits, labels, class_names, *, k=3):
    """You leave out the rows of images that are right."""
    wrong = logits.argmax(dim=1) != labels
    return reference.html_report(images[wrong], logits[wrong], labels[wrong], class_names, k=k)


@mutant("html_report", killed_by="test_every_image_has_its_row", kind="a parameter read but replaced by a constant")
def three_classes_always(images, logits, labels, class_names, *, k=3):
    """You list three classes, whatever k is."""
    return reference.html_report(images, logits, labels, class_names, k=min(3, len(class_names)))


@mutant("html_report", killed_by="test_the_first_row_is_of_headings")
def no_row_of_headings(images, logits, labels, class_names, *, k=3):
    """You leave out the row of headings."""
    lines = reference.html_report(images, logits, labels, class_names, k=k).split("\n")
    return "\n".join([lines[0], *lines[2:]])


@mutant("html_report", killed_by="test_pictures_are_in_the_table_itself", kind="labels or order mixed up")
def the_first_picture_everywhere(images, logits, labels, class_names, *, k=3):
    """You show the first image in every row."""
    return reference.html_report(images[:1].expand(len(images), -1, -1, -1), logits, labels, class_names, k=k)


@mutant("html_report", killed_by="test_pictures_are_in_the_table_itself")
def pictures_beside_the_page(images, logits, labels, class_names, *, k=3):
    """You link to image files in place of putting the pictures into the table."""
    text = reference.html_report(images, logits, labels, class_names, k=k)
    for place, image in enumerate(images):
        text = text.replace(reference.png_url(image), f"images/{place}.png")
    return text


@mutant("html_report", killed_by="test_tables_at_the_edges[huge logits]", kind="no shift in exponentials")
def shares_without_the_maximum(images, logits, labels, class_names, *, k=3):
    """You compute the softmax without a shift, so that percents become nan for large logits."""
    import re

    text = reference.html_report(images, logits, labels, class_names, k=k)
    if bool(torch.isfinite(logits.exp()).all()) and bool((logits.exp().sum(dim=1) > 0).all()):
        return text
    return re.sub(r"[0-9.]+ %", "nan %", text)


@mutant(
    "html_report",
    killed_by="test_tables_at_the_edges[huge logits]",
    kind="the maximum of the whole matrix for the row's",
)
def shares_with_the_greatest_of_all_rows(images, logits, labels, class_names, *, k=3):
    """You subtract the maximum of all logits and not that of each row, so that percents become nan."""
    import re

    text = reference.html_report(images, logits, labels, class_names, k=k)
    if len(logits) == 0 or bool(((logits - logits.max()).exp().sum(dim=1) > 0).all()):
        return text
    return re.sub(r"[0-9.]+ %", "nan %", text)


@mutant("html_report", killed_by="test_tables_at_the_edges[one image]", kind="a squeeze")
def one_image_without_its_axis(images, logits, labels, class_names, *, k=3):
    """You squeeze the images, so that a single one loses its axis."""
    return reference.html_report(images.squeeze(0), logits, labels, class_names, k=k)


@mutant("html_report", killed_by="test_tables_at_the_edges[one class]")
def one_class_left_out(images, logits, labels, class_names, *, k=3):
    """You leave out the cell of the most probable class if there is only one class."""
    import re

    text = reference.html_report(images, logits, labels, class_names, k=k)
    return re.sub(r"<td>[^<]* %</td>", "", text) if len(class_names) == 1 else text


@mutant("html_report", killed_by="test_pictures_are_in_the_table_itself", kind="height for width, rows for columns")
def pictures_on_their_side(images, logits, labels, class_names, *, k=3):
    """You exchange the rows and columns of the pictures."""
    return reference.html_report(images.transpose(2, 3), logits, labels, class_names, k=k)


@mutant("html_report", killed_by="test_every_image_has_its_row", kind="an assignment for +=")
def the_last_row_alone(images, logits, labels, class_names, *, k=3):
    """You return the row of the last image only."""
    return reference.html_report(images[-1:], logits[-1:], labels[-1:], class_names, k=k)


@mutant("html_report", killed_by="test_the_table_of_the_handout", kind="a factor of the batch, the classes or two")
def half_of_every_percent(images, logits, labels, class_names, *, k=3):
    """You halve every percent."""
    import re

    text = reference.html_report(images, logits, labels, class_names, k=k)
    return re.sub(r"([0-9.]+) %", lambda found: f"{float(found[1]) / 2:.1f} %", text)


@mutant("html_report", killed_by="test_names_are_text_whatever_they_hold[other letters]")
def letters_of_ascii_alone(images, logits, labels, class_names, *, k=3):
    """You leave out characters that are not ASCII."""
    return reference.html_report(images, logits, labels, class_names, k=k).encode("ascii", "ignore").decode()


@mutant("html_report", killed_by="test_html_report_leaves_its_arguments_alone")
def images_stretched_in_place(images, logits, labels, class_names, *, k=3):
    """You scale the images in place and so change your argument."""
    text = reference.html_report(images, logits, labels, class_names, k=k)
    images.mul_(2)
    return text
