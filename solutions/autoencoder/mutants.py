"""Wrong answers to `autoencoder`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions.
"""

from itertools import pairwise

import autoencoder as reference
import numpy as np

from autograder.testing import mutant

# Kinds of mistakes (autograder/verify/mutants.py) that cannot be made in these functions.
NOT_APPLICABLE = {
    (
        "exponentials",
        (
            "initialize",
            "encode",
            "momentum_step",
            "train",
            "psnr",
            "count_parameters",
            "pca",
            "pca_encode",
            "pca_decode",
        ),
    ): "has no exponential of its own",
    (
        "the maximum of the whole matrix for the row's",
        ("decode", "reconstruct", "loss_and_grads"),
    ): "the sigmoid is entry by entry and needs no maximum",
    (
        "masks",
        ("initialize", "momentum_step", "train", "psnr", "count_parameters", "pca", "pca_encode", "pca_decode"),
    ): "compares nothing entry by entry",
    ("masks", ("encode", "decode", "reconstruct")): "relu(0) is 0 either way",
    ("masks", "loss_and_grads"): "where the input of a ReLU is 0 its derivative may be 0 or 1, by contract",
    (
        ("a squeeze", "a (1, k) gradient for (k,)", "a factor of the batch, the classes or two"),
        "count_parameters",
    ): "is one number, without a factor",
    (
        "a (1, k) gradient for (k,)",
        ("encode", "decode", "reconstruct", "momentum_step", "train", "pca_encode", "pca_decode"),
    ): "has no sum over an axis of its own",
    (
        "two dimensions taken for granted",
        (
            "initialize",
            "encode",
            "decode",
            "reconstruct",
            "loss_and_grads",
            "train",
            "psnr",
            "count_parameters",
            "pca",
            "pca_encode",
            "pca_decode",
        ),
    ): "images and weights have two axes by contract",
    (
        "height for width, rows for columns",
        ("encode", "decode", "reconstruct", "momentum_step", "train"),
    ): "a product from the wrong side raises an error wherever a layer is not square",
    (
        "height for width, rows for columns",
        "count_parameters",
    ): "the first width is the last, so both have the same sum",
    ("the border cut by [p:-p]", "*"): "images are rows of pixels, without a border",
    (
        "batches",
        (
            "initialize",
            "encode",
            "decode",
            "reconstruct",
            "loss_and_grads",
            "momentum_step",
            "psnr",
            "count_parameters",
            "pca",
            "pca_encode",
            "pca_decode",
        ),
    ): "makes no batches",
    ("labels or order mixed up", "train"): "has no labels: each image is its own target",
    (
        "state",
        (
            "initialize",
            "encode",
            "decode",
            "reconstruct",
            "loss_and_grads",
            "psnr",
            "count_parameters",
            "pca",
            "pca_encode",
            "pca_decode",
        ),
    ): "keeps nothing",
    ("a step count that never advances", "momentum_step"): "counts no steps",
    ("a parameter read but replaced by a constant", ("reconstruct", "loss_and_grads")): "has images and params alone",
    (
        "epsilon in another place",
        (
            "initialize",
            "encode",
            "decode",
            "reconstruct",
            "loss_and_grads",
            "momentum_step",
            "train",
            "count_parameters",
            "pca",
            "pca_encode",
            "pca_decode",
        ),
    ): "has no epsilon",
    ("scale, shift or rescaling forgotten in one mode", "*"): "no function here has modes",
    (
        "chance",
        (
            "encode",
            "decode",
            "reconstruct",
            "loss_and_grads",
            "momentum_step",
            "psnr",
            "count_parameters",
            "pca",
            "pca_encode",
            "pca_decode",
        ),
    ): "draws nothing",
    ("a normal draw for a uniform one", "train"): "draws orders alone, which are permutations",
    (
        "an assignment for +=",
        ("initialize", "encode", "decode", "reconstruct", "psnr", "pca", "pca_encode", "pca_decode"),
    ): "adds nothing up in a loop",
    (
        "a factor of the batch, the classes or two",
        ("encode", "decode", "reconstruct", "pca", "pca_encode", "pca_decode"),
    ): "its formula has no factor",
    (
        "another's gradient",
        (
            "initialize",
            "encode",
            "decode",
            "reconstruct",
            "train",
            "psnr",
            "count_parameters",
            "pca",
            "pca_encode",
            "pca_decode",
        ),
    ): "has no gradient of its own",
}

# ------------------------------------------------------------------------------------------------------------- weights


@mutant(
    "initialize", killed_by="test_initialize_fills_each_layers_interval_evenly", kind="a normal draw for a uniform one"
)
def he_normal_weights(widths, rng):
    """You draw normal weights of variance 2 / fan_in and not uniform ones."""
    return [(rng.normal(0, np.sqrt(2 / w.shape[0]), w.shape), b) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_initialize_fills_each_layers_interval_evenly")
def scaled_by_the_fan_in_alone(widths, rng):
    """You compute the bound c from fan_in alone."""
    params = reference.initialize(widths, rng)
    return [(w * np.sqrt(sum(w.shape) / (2 * w.shape[0])), b) for w, b in params]


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer")
def random_biases(widths, rng):
    """You draw random biases.

    Handout: The network
    """
    return [(w, rng.uniform(-0.1, 0.1, b.shape)) for w, b in reference.initialize(widths, rng)]


@mutant(
    "initialize", killed_by="test_impossible_widths_are_refused", kind="a parameter read but replaced by a constant"
)
def mirrored_widths_only(widths, rng):
    """You mirror the first half of widths and ignore the second half."""
    half = widths[: len(widths) // 2 + 1]
    return reference.initialize([*half, *half[-2::-1]], rng)


@mutant("initialize", killed_by="test_all_chance_comes_from_rng")
def from_the_global_generator(widths, rng):
    """You draw from numpy's global generator and not from rng."""
    params = reference.initialize(widths, np.random.default_rng(np.random.randint(2**31)))
    return params


@mutant("initialize", killed_by="test_each_layer_has_weights_of_its_own")
def decoder_tied_to_the_encoder(widths, rng):
    """You copy the encoder's weights, transposed, into the decoder.

    Handout: Mistakes that many make
    """
    params = reference.initialize(widths, rng)
    half = len(params) // 2
    for layer in range(half):
        if params[layer][0].T.shape == params[-1 - layer][0].shape:
            params[-1 - layer] = (params[layer][0].T.copy(), params[-1 - layer][1])
    return params


@mutant("initialize", killed_by="test_impossible_widths_are_refused")
def without_looking_at_the_widths(widths, rng):
    """You raise no ValueError for impossible widths."""
    params = []
    for fan_in, fan_out in pairwise(max(1, width) for width in widths):
        c = np.sqrt(6 / (fan_in + fan_out))
        params.append((rng.uniform(-c, c, (fan_in, fan_out)), np.zeros(fan_out)))
    return params


@mutant("count_parameters", killed_by="test_one_hidden_layer_has_so_many_parameters")
def weights_without_biases(params):
    """You do not count the biases.

    Handout: The network
    """
    return sum(w.size for w, _ in params)


@mutant("count_parameters", killed_by="test_one_hidden_layer_has_so_many_parameters")
def one_bias_a_layer(params):
    """You count one bias for each layer and not one for each unit.

    Handout: The network
    """
    return sum(w.size + 1 for w, _ in params)


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer", kind="a zero or constant draw")
def zero_weights(widths, rng):
    """You return weights that are all zero."""
    return [(np.zeros_like(w), b) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer", kind="a (1, k) gradient for (k,)")
def biases_of_one_row(widths, rng):
    """Your biases have the shape (1, fan_out)."""
    return [(w, b[None]) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer",
        kind="height for width, rows for columns")  # fmt: skip
def weights_from_right_to_left(widths, rng):
    """Your weights have the shape (fan_out, fan_in)."""
    return [(np.ascontiguousarray(w.T), b) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_layers_of_one_unit_have_weights_too", kind="a squeeze")
def weights_of_one_unit_squeezed(widths, rng):
    """You squeeze the weights, so that axes of length 1 are lost."""
    return [(np.squeeze(w), b) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_initialize_fills_each_layers_interval_evenly",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def half_of_the_variance(widths, rng):
    """Your weights have only half of the variance of Xavier weights."""
    return [(w / np.sqrt(2), b) for w, b in reference.initialize(widths, rng)]


@mutant("count_parameters", killed_by="test_one_hidden_layer_has_so_many_parameters", kind="an assignment for +=")
def the_last_layer_alone(params):
    """You count the last layer alone.

    Handout: The network
    """
    return reference.count_parameters(params[-1:])


@mutant("count_parameters", killed_by="test_one_hidden_layer_has_so_many_parameters",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def always_the_homeworks_network(params):
    """You return the number of parameters of the homework's network for any params.

    Handout: The network
    """
    return 68704


# ------------------------------------------------------------------------------------------------------------- network


@mutant("encode", killed_by="test_codes_of_one_layer")
def no_relu_on_the_code(x, params):
    """You leave out the ReLU on the code.

    Handout: Mistakes that many make
    """
    half = len(params) // 2
    w, b = params[half - 1]
    a = x
    for other_w, other_b in params[: half - 1]:
        a = np.maximum(a @ other_w + other_b, 0)
    return a @ w + b


@mutant("encode", killed_by="test_codes_are_their_formula")
def one_layer_too_early(x, params):
    """You return the layer before the code, except where the encoder has a single layer.

    Handout: The network
    """
    a = x
    for w, b in params[: max(1, len(params) // 2 - 1)]:
        a = np.maximum(a @ w + b, 0)
    return a


@mutant("encode", killed_by="test_codes_of_one_layer")
def the_image_is_its_own_code(x, params):
    """You return the images themselves as their codes.

    Handout: The network
    """
    return x.copy()


@mutant("encode", killed_by="test_codes_are_their_formula", kind="a parameter read but replaced by a constant")
def always_two_layers(x, params):
    """You leave out the ReLU on the code of an encoder with more than two layers."""
    a = np.maximum(x @ params[0][0] + params[0][1], 0)
    if len(params) == 2:
        return a
    a = np.maximum(a @ params[1][0] + params[1][1], 0)
    return a if len(params) == 4 else a @ params[2][0] + params[2][1]


@mutant("encode", killed_by="test_codes_are_their_formula")
def encoder_without_biases(x, params):
    """You leave out the biases of all layers but the first.

    Handout: The network
    """
    return reference.encode(x, [(w, b if layer == 0 else 0 * b) for layer, (w, b) in enumerate(params)])


@mutant("encode", killed_by="test_codes_are_their_formula")
def sigmoid_in_the_hidden_layers(x, params):
    """You apply a sigmoid to the code after its ReLU if the encoder has more than one layer.

    Handout: The network
    """
    a = reference.encode(x, params)
    return a if len(params) == 2 else 1 / (1 + np.exp(-a))


@mutant("encode", killed_by="test_pixels_may_be_any_numbers")
def clipping_images_to_one(x, params):
    """You encode images whose pixels you have clipped to 0..1."""
    return reference.encode(np.clip(x, 0, 1), params)


@mutant("encode", killed_by="test_one_image_or_none_keeps_both_axes[encode]", kind="a squeeze")
def squeezing_a_single_code(x, params):
    """You squeeze the codes, so that axes of length 1 are lost."""
    return np.squeeze(reference.encode(x, params))


@mutant("reconstruct", killed_by="test_the_network_leaves_its_arguments_alone[reconstruct]")
def clipping_images_in_place(x, params):
    """You clip the pixels of x to 0..1 in place.

    Handout: Mistakes that many make
    """
    np.clip(x, 0, 1, out=x)
    return reference.reconstruct(x, params)


@mutant("encode", killed_by="test_the_network_leaves_its_arguments_alone[encode]")
def pixels_clipped_in_place(x, params):
    """You clip the pixels of x to 0..1 in place.

    Handout: Mistakes that many make
    """
    code = reference.encode(x, params)
    np.clip(x, 0, 1, out=x)
    return code


@mutant("decode", killed_by="test_the_network_leaves_its_arguments_alone[decode]")
def the_relu_of_the_code_in_place(code, params):
    """You set the negative entries of code to 0 in place."""
    images = reference.decode(code, params)
    np.maximum(code, 0, out=code)
    return images


@mutant("decode", killed_by="test_images_of_one_layer")
def relu_on_the_output(code, params):
    """You apply a ReLU to the output and not the sigmoid.

    Handout: Mistakes that many make
    """
    a = code
    for w, b in params[len(params) // 2 :]:
        a = np.maximum(a @ w + b, 0)
    return a


@mutant("decode", killed_by="test_codes_may_be_any_numbers")
def relu_on_the_code_again(code, params):
    """You apply a ReLU to the code before the first layer of the decoder.

    Handout: Mistakes that many make
    """
    return reference.decode(np.maximum(code, 0), params)


@mutant("decode", killed_by="test_decoded_images_are_their_formula")
def decoder_without_relus(code, params):
    """You leave out all ReLUs of the decoder.

    Handout: The network
    """
    for w, b in params[len(params) // 2 : -1]:
        code = code @ w + b
    return reference.decode(code, [params[-1]] * 2)


@mutant("decode", killed_by="test_decoded_images_are_their_formula")
def sigmoid_in_every_layer(code, params):
    """You apply a sigmoid in every layer of the decoder.

    Handout: The network
    """
    for w, b in params[len(params) // 2 : -1]:
        code = 1 / (1 + np.exp(-(code @ w + b)))
    return reference.decode(code, [params[-1]] * 2)


@mutant("decode", killed_by="test_decoded_images_are_their_formula")
def through_the_encoders_weights_transposed(code, params):
    """You decode with the encoder's weights, transposed.

    Handout: Mistakes that many make
    """
    tied = []
    for (w, b), (mirror, _) in zip(params, reversed(params), strict=True):
        tied.append((mirror.T, b) if mirror.T.shape == w.shape else (w, b))
    return reference.decode(code, tied)


@mutant("decode", killed_by="test_huge_codes_become_black_and_white[decode]", kind="no shift in exponentials")
def sigmoid_as_a_ratio_of_exponentials(code, params):
    """Your sigmoid overflows for large inputs and returns NaN.

    Handout: The network
    """
    for w, b in params[len(params) // 2 : -1]:
        code = np.maximum(code @ w + b, 0)
    z = code @ params[-1][0] + params[-1][1]
    return np.exp(z) / (1 + np.exp(z))


@mutant("reconstruct", killed_by="test_reconstruct_is_decode_of_encode")
def past_the_bottleneck(x, params):
    """You mix the image itself into its reconstruction."""
    return (reference.reconstruct(x, params) + np.clip(x, 0, 1)) / 2


@mutant("reconstruct", killed_by="test_reconstruct_is_decode_of_encode")
def rounded_to_black_and_white(x, params):
    """You round the pixels of the reconstruction to 0 and 1."""
    return np.round(reference.reconstruct(x, params))


@mutant("decode", killed_by="test_one_image_or_none_keeps_both_axes[decode]", kind="a squeeze")
def squeezing_a_single_image(code, params):
    """You squeeze the images, so that axes of length 1 are lost."""
    return np.squeeze(reference.decode(code, params))


@mutant("decode", killed_by="test_decoded_images_are_their_formula", kind="a parameter read but replaced by a constant")
def always_the_last_two_layers(code, params):
    """You leave out the ReLU of the decoder's first layer if the decoder has more than two layers."""
    half = len(params) // 2
    if half <= 2:
        return reference.decode(code, params)
    w, b = params[half]
    a = code @ w + b
    for w, b in params[half + 1 : -1]:
        a = np.maximum(a @ w + b, 0)
    return reference.decode(a, [params[-1]] * 2)


@mutant("reconstruct", killed_by="test_one_image_or_none_keeps_both_axes[reconstruct]", kind="a squeeze")
def squeezing_a_single_reconstruction(x, params):
    """You squeeze the reconstructions, so that axes of length 1 are lost."""
    return np.squeeze(reference.reconstruct(x, params))


@mutant("reconstruct", killed_by="test_huge_codes_become_black_and_white[reconstruct]", kind="no shift in exponentials")
def reconstructed_by_a_ratio_of_exponentials(x, params):
    """Your sigmoid overflows for large inputs and returns NaN.

    Handout: The network
    """
    a = x
    for w, b in params[:-1]:
        a = np.maximum(a @ w + b, 0)
    z = a @ params[-1][0] + params[-1][1]
    return np.exp(z) / (1 + np.exp(z))


@mutant("reconstruct", killed_by="test_layers_of_one_unit_keep_both_axes[reconstruct]")
def a_code_of_one_number_is_a_row(x, params):
    """You average the codes of all images into one if a code is a single number."""
    code = reference.encode(x, params)
    if code.shape[1] == 1 and len(code):
        code = code.reshape(1, -1).mean(axis=1, keepdims=True)
    return reference.decode(code, params)


# ----------------------------------------------------------------------------------------------------------- gradients


@mutant("loss_and_grads", killed_by="test_loss_of_one_layer", kind="a factor of the batch, the classes or two")
def mean_over_the_pixels(x, params):
    """You divide the loss and its gradients by the number of pixels of all images.

    Handout: The loss and its gradients
    """
    loss, grads = reference.loss_and_grads(x, params)
    return loss / x.size, [(dw / x.size, db / x.size) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_loss_of_one_layer")
def half_of_the_squared_error(x, params):
    """You halve the loss and its gradients.

    Handout: The loss and its gradients
    """
    loss, grads = reference.loss_and_grads(x, params)
    return loss / 2, [(dw / 2, db / 2) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_one_layer_agree_with_differences")
def factor_two_forgotten(x, params):
    """You leave the factor 2 of the square out of the gradients.

    Handout: Mistakes that many make
    """
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(dw / 2, db / 2) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_loss_of_one_layer")
def root_of_the_squared_error(x, params):
    """You return the root of the squared error as the loss.

    Handout: The loss and its gradients
    """
    loss, grads = reference.loss_and_grads(x, params)
    return np.sqrt(loss), grads


@mutant("loss_and_grads", killed_by="test_targets_may_be_any_numbers")
def against_a_target_clipped_to_one(x, params):
    """You compare the reconstructions with images clipped to 0..1 in the loss."""
    error = reference.reconstruct(x, params) - np.clip(x, 0, 1)
    return float(np.sum(error**2)), reference.loss_and_grads(x, params)[1]


@mutant("loss_and_grads", killed_by="test_gradients_of_one_layer_agree_with_differences")
def mean_gradients_of_a_summed_loss(x, params):
    """You average the gradients over the images, though you sum the loss.

    Handout: Mistakes that many make
    """
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(dw / len(x), db / len(x)) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_weights_are_right")
def without_the_sigmoids_derivative(x, params):
    """You leave out the derivative of the sigmoid.

    Handout: Mistakes that many make
    """
    a = [x]
    for w, b in params[:-1]:
        a.append(np.maximum(a[-1] @ w + b, 0))
    r = reference.reconstruct(x, params)
    delta, grads = 2 * (r - x), []
    for layer in reversed(range(len(params))):
        grads.insert(0, (a[layer].T @ delta, delta.sum(axis=0)))
        delta = (delta @ params[layer][0].T) * (a[layer] > 0)
    return float(np.sum((r - x) ** 2)), grads


@mutant("loss_and_grads", killed_by="test_gradients_of_weights_are_right")
def without_the_relus_derivatives(x, params):
    """You leave out the derivatives of the ReLUs.

    Handout: The loss and its gradients
    """
    a = [x]
    for w, b in params[:-1]:
        a.append(np.maximum(a[-1] @ w + b, 0))
    r = reference.reconstruct(x, params)
    delta, grads = 2 * (r - x) * r * (1 - r), []
    for layer in reversed(range(len(params))):
        grads.insert(0, (a[layer].T @ delta, delta.sum(axis=0)))
        delta = delta @ params[layer][0].T
    return float(np.sum((r - x) ** 2)), grads


@mutant("loss_and_grads", killed_by="test_gradients_of_deep_networks_are_exact")
def sigmoids_derivative_in_every_layer(x, params):
    """You use the derivative of the sigmoid in the hidden layers, too.

    Handout: The loss and its gradients
    """
    a = [x]
    for w, b in params[:-1]:
        a.append(np.maximum(a[-1] @ w + b, 0))
    r = reference.reconstruct(x, params)
    delta, grads = 2 * (r - x) * r * (1 - r), []
    for layer in reversed(range(len(params))):
        grads.insert(0, (a[layer].T @ delta, delta.sum(axis=0)))
        delta = (delta @ params[layer][0].T) * a[layer] * (1 - a[layer])
    return float(np.sum((r - x) ** 2)), grads


@mutant("loss_and_grads", killed_by="test_gradients_of_deep_networks_are_exact")
def stopping_at_the_code(x, params):
    """You return zero gradients for all layers before the one that makes the code.

    Handout: The loss and its gradients
    """
    loss, grads = reference.loss_and_grads(x, params)
    half = len(params) // 2
    first = [(dw, db) if len(params) == 2 else (0 * dw, 0 * db) for dw, db in grads[: half - 1]]
    return loss, [*first, *grads[half - 1 :]]


@mutant("loss_and_grads", killed_by="test_gradients_of_biases_are_right")
def bias_gradients_averaged(x, params):
    """You average the gradients of the biases over the images and do not sum them.

    Handout: The loss and its gradients
    """
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(dw, db / len(x)) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_one_layer_agree_with_differences")
def the_sign_of_the_error_turned(x, params):
    """Your gradients all have the wrong sign.

    Handout: The loss and its gradients
    """
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(-dw, -db) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_one_image_has_a_loss_and_gradients", kind="a squeeze")
def outer_product_squeezed(x, params):
    """You squeeze the gradients of the weights for a single image."""
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(np.squeeze(dw), db) if len(x) == 1 else (dw, db) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_weights_are_right", kind="another's gradient")
def weights_tied(x, params):
    """You add the gradients of the encoder's and the decoder's weights, as if they were tied.

    Handout: Mistakes that many make
    """
    loss, grads = reference.loss_and_grads(x, params)
    grads = [list(pair) for pair in grads]
    for layer in range(len(params) // 2):
        both = grads[layer][0].T + grads[-1 - layer][0] if grads[layer][0].T.shape == grads[-1 - layer][0].shape else 0
        if np.ndim(both):
            grads[layer][0], grads[-1 - layer][0] = both.T, both
    return loss, grads


@mutant("loss_and_grads", killed_by="test_saturated_pixels_pass_nothing_on", kind="no shift in exponentials")
def derivative_from_the_inputs_exponential(x, params):
    """You compute the derivative of the sigmoid with an exponential that overflows for saturated pixels."""
    loss, grads = reference.loss_and_grads(x, params)
    code, half = reference.encode(x, params), len(params) // 2
    for w, b in params[half:-1]:
        code = np.maximum(code @ w + b, 0)
    e = np.exp(-(code @ params[-1][0] + params[-1][1]))
    delta = 2 * (1 / (1 + e) - x) * e / (1 + e) ** 2
    return loss, [*grads[:-1], (code.T @ delta, delta.sum(axis=0))]


@mutant("loss_and_grads", killed_by="test_an_image_that_opens_no_unit_teaches_only_the_bias")
def nothing_is_learned_from_a_code_of_zeros(x, params):
    """You return zero for all gradients if the codes of all images are zero."""
    loss, grads = reference.loss_and_grads(x, params)
    if reference.encode(x, params).any():
        return loss, grads
    return loss, [(0 * dw, 0 * db) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_weights_are_right")
def leaky_backwards(x, params):
    """You let a small part of the gradient pass through a shut ReLU.

    Handout: The loss and its gradients
    """
    a = [x]
    for w, b in params[:-1]:
        a.append(np.maximum(a[-1] @ w + b, 0))
    r = reference.reconstruct(x, params)
    delta, grads = 2 * (r - x) * r * (1 - r), []
    for layer in reversed(range(len(params))):
        grads.insert(0, (a[layer].T @ delta, delta.sum(axis=0)))
        delta = (delta @ params[layer][0].T) * np.where(a[layer] > 0, 1, 0.01)
    return float(np.sum((r - x) ** 2)), grads


@mutant("loss_and_grads", killed_by="test_loss_and_grads_leaves_its_arguments_alone")
def subtracting_in_place(x, params):
    """You subtract the reconstruction from x in place.

    Handout: Mistakes that many make
    """
    answer = reference.loss_and_grads(x, params)
    x -= reference.reconstruct(x, params)
    return answer


@mutant("loss_and_grads", killed_by="test_gradients_have_the_shapes_of_their_params", kind="a (1, k) gradient for (k,)")
def bias_gradients_keep_an_axis(x, params):
    """Your gradients of the biases have the shape (1, fan_out)."""
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(dw, db[None]) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_one_layer_agree_with_differences",
        kind="height for width, rows for columns")  # fmt: skip
def weight_gradients_transposed(x, params):
    """You return the gradients of the weights transposed.

    Handout: The loss and its gradients
    """
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(np.ascontiguousarray(dw.T), db) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_biases_are_right", kind="an assignment for +=")
def bias_gradients_of_the_last_image(x, params):
    """You return the gradients of the biases for the last image alone.

    Handout: The loss and its gradients
    """
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(dw, db) for (dw, _), (_, db) in zip(grads, reference.loss_and_grads(x[-1:], params)[1], strict=True)]


@mutant("loss_and_grads", killed_by="test_one_image_has_a_loss_and_gradients")
def one_image_is_averaged_over_its_pixels(x, params):
    """You average the loss over the pixels for a single image."""
    loss, grads = reference.loss_and_grads(x, params)
    return (loss / x.shape[1] if len(x) == 1 else loss), grads


# ------------------------------------------------------------------------------------------------------------ training


@mutant("momentum_step", killed_by="test_one_step_with_momentum")
def velocity_uphill(params, velocity, grads, *, learning_rate, momentum):
    """You add the gradient to the velocity and do not subtract it.

    Handout: Training with momentum
    """
    return reference.momentum_step(params, velocity, grads, learning_rate=-learning_rate, momentum=momentum)


@mutant("momentum_step", killed_by="test_one_step_with_momentum")
def velocity_subtracted(params, velocity, grads, *, learning_rate, momentum):
    """You subtract the velocity from the params.

    Handout: Training with momentum
    """
    _, velocity = reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    return [(w - mw, b - mb) for (w, b), (mw, mb) in zip(params, velocity, strict=True)], velocity


@mutant("momentum_step", killed_by="test_one_step_with_momentum", kind="a factor of the batch, the classes or two")
def running_mean_of_the_gradient(params, velocity, grads, *, learning_rate, momentum):
    """You multiply the gradient by 1 - momentum in the velocity.

    Handout: Training with momentum
    """
    return reference.momentum_step(
        params, velocity, grads, learning_rate=(1 - momentum) * learning_rate, momentum=momentum
    )


@mutant("momentum_step", killed_by="test_one_step_with_momentum")
def with_the_velocity_before_the_step(params, velocity, grads, *, learning_rate, momentum):
    """You move the params by the m from before the step.

    Handout: Mistakes that many make
    """
    _, after = reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    return [(w + mw, b + mb) for (w, b), (mw, mb) in zip(params, velocity, strict=True)], after


@mutant("momentum_step", killed_by="test_momentum_is_its_formula")
def nesterovs_step(params, velocity, grads, *, learning_rate, momentum):
    """You take Nesterov's step and not Polyak's."""
    options = {"learning_rate": learning_rate, "momentum": momentum}
    _, after = reference.momentum_step(params, velocity, grads, **options)
    looking_ahead, _ = reference.momentum_step(params, after, grads, **options)
    return looking_ahead, after


@mutant("momentum_step", killed_by="test_momentum_is_its_formula")
def no_momentum_for_biases(params, velocity, grads, *, learning_rate, momentum):
    """You use no momentum for the biases.

    Handout: Training with momentum
    """
    still = [(mw, 0 * mb) for mw, mb in velocity]
    return reference.momentum_step(params, still, grads, learning_rate=learning_rate, momentum=momentum)


@mutant("momentum_step", killed_by="test_momentum_is_its_formula")
def learning_rate_applied_to_the_velocity(params, velocity, grads, *, learning_rate, momentum):
    """You leave learning_rate out of m and multiply m by it when you move the params.

    Handout: Training with momentum
    """
    # m <- momentum m - g, p <- p + learning_rate m: another m, though from rest it makes the same steps.
    after = [(momentum * mw - gw, momentum * mb - gb) for (mw, mb), (gw, gb) in zip(velocity, grads, strict=True)]
    moved = [(w + learning_rate * mw, b + learning_rate * mb) for (w, b), (mw, mb) in zip(params, after, strict=True)]
    return moved, after


@mutant("momentum_step", killed_by="test_a_step_leaves_its_arguments_alone")
def velocity_updated_in_place(params, velocity, grads, *, learning_rate, momentum):
    """You change the given velocity in place.

    Handout: Mistakes that many make
    """
    for (mw, mb), (gw, gb) in zip(velocity, grads, strict=True):
        mw *= momentum
        mw -= learning_rate * gw
        mb *= momentum
        mb -= learning_rate * gb
    return [(w + mw, b + mb) for (w, b), (mw, mb) in zip(params, velocity, strict=True)], velocity


@mutant("momentum_step", killed_by="test_no_step_has_an_impossible_momentum")
def any_momentum(params, velocity, grads, *, learning_rate, momentum):
    """You raise no ValueError for a momentum outside [0, 1)."""
    after = [
        (momentum * mw - learning_rate * gw, momentum * mb - learning_rate * gb)
        for (mw, mb), (gw, gb) in zip(velocity, grads, strict=True)
    ]
    return [(w + mw, b + mb) for (w, b), (mw, mb) in zip(params, after, strict=True)], after


@mutant("train", killed_by="test_impossible_training_is_refused")
def any_batch_size(x, params, *, batch_size, **options):
    """You raise no ValueError for a batch_size below 1."""
    return reference.train(x, params, batch_size=max(1, abs(batch_size)), **options)


@mutant(
    "train",
    killed_by="test_full_batches_follow_the_gradient_with_momentum",
    kind="a parameter read but replaced by a constant",
)
def without_momentum(x, params, *, momentum, **options):
    """You train without momentum.

    Handout: Training with momentum
    """
    if not 0 <= momentum < 1:
        raise ValueError(momentum)
    return reference.train(x, params, momentum=0.0, **options)


@mutant("train", killed_by="test_full_batches_follow_the_gradient_with_momentum", kind="state read but never stored")
def at_rest_again_in_every_epoch(x, params, *, epochs, log=None, **options):
    """You set the velocity back to zero in every epoch.

    Handout: Mistakes that many make
    """
    for epoch in range(1, epochs + 1):
        heard = {}
        params = reference.train(x, params, epochs=1, log=lambda epoch, loss, heard=heard: heard.update(loss=loss),
                                 **options)  # fmt: skip
        if log is not None:
            log(epoch=epoch, loss=heard["loss"])
    return params


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_images")
def at_rest_again_in_every_batch(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    """You set the velocity back to zero for every batch.

    Handout: Mistakes that many make
    """
    for epoch in range(1, epochs + 1):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            loss, grads = reference.loss_and_grads(x[order[start : start + batch_size]], params)
            zeros = [(0 * w, 0 * b) for w, b in params]
            params, _ = reference.momentum_step(params, zeros, grads, learning_rate=learning_rate, momentum=momentum)
            total += loss
        if log is not None:
            log(epoch=epoch, loss=total / len(x))
    return params


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_images")
def last_batch_dropped(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    """You leave out the last batch if it is incomplete.

    Handout: Training with momentum
    """
    velocity = [(0 * w, 0 * b) for w, b in params]
    batch_size = min(batch_size, len(x))
    for epoch in range(1, epochs + 1):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x) - batch_size + 1, batch_size):
            loss, grads = reference.loss_and_grads(x[order[start : start + batch_size]], params)
            params, velocity = reference.momentum_step(
                params, velocity, grads, learning_rate=learning_rate, momentum=momentum
            )
            total += loss
        if log is not None:
            log(epoch=epoch, loss=total / len(x))
    return params


@mutant(
    "train",
    killed_by="test_full_batches_follow_the_gradient_with_momentum",
    kind="a factor of the batch, the classes or two",
)
def gradient_divided_by_the_batch(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    """You divide the gradient by the number of images in the batch."""
    velocity = [(0 * w, 0 * b) for w, b in params]
    for epoch in range(1, epochs + 1):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            batch = x[order[start : start + batch_size]]
            loss, grads = reference.loss_and_grads(batch, params)
            params, velocity = reference.momentum_step(
                params, velocity, grads, learning_rate=learning_rate / len(batch), momentum=momentum
            )
            total += loss
        if log is not None:
            log(epoch=epoch, loss=total / len(x))
    return params


@mutant("train", killed_by="test_log_hears_the_mean_loss_of_an_image", kind="an assignment for +=")
def log_of_the_last_batch(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    """You pass the loss of the last batch alone to log.

    Handout: Training with momentum
    """
    velocity = [(0 * w, 0 * b) for w, b in params]
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = x[order[start : start + batch_size]]
            loss, grads = reference.loss_and_grads(batch, params)
            params, velocity = reference.momentum_step(
                params, velocity, grads, learning_rate=learning_rate, momentum=momentum
            )
        if log is not None:
            log(epoch=epoch, loss=loss / len(batch))
    return params


@mutant("train", killed_by="test_log_hears_the_mean_loss_of_an_image")
def log_of_the_mean_of_the_batches_means(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    """You average the batches' means for log, though the last batch may be smaller.

    Handout: Training with momentum
    """
    velocity = [(0 * w, 0 * b) for w, b in params]
    for epoch in range(1, epochs + 1):
        order, means = rng.permutation(len(x)), []
        for start in range(0, len(x), batch_size):
            batch = x[order[start : start + batch_size]]
            loss, grads = reference.loss_and_grads(batch, params)
            params, velocity = reference.momentum_step(
                params, velocity, grads, learning_rate=learning_rate, momentum=momentum
            )
            means.append(loss / len(batch))
        if log is not None:
            log(epoch=epoch, loss=float(np.mean(means)))
    return params


@mutant("train", killed_by="test_log_hears_the_mean_loss_of_an_image")
def log_of_the_summed_loss(x, params, *, log=None, **options):
    """You pass the sum of the images' losses to log and not their mean.

    Handout: Training with momentum
    """
    heard = None if log is None else lambda epoch, loss: log(epoch=epoch, loss=loss * len(x))
    return reference.train(x, params, log=heard, **options)


@mutant("train", killed_by="test_log_hears_the_mean_loss_of_an_image")
def log_of_the_mean_over_pixels(x, params, *, log=None, **options):
    """You average the loss that log hears over the pixels, too.

    Handout: Training with momentum
    """
    heard = None if log is None else lambda epoch, loss: log(epoch=epoch, loss=loss / x.shape[1])
    return reference.train(x, params, log=heard, **options)


@mutant("train", killed_by="test_train_learns_three_stripes")
def log_counted_from_zero(x, params, *, log=None, **options):
    """You count epochs from 0 for log."""
    heard = None if log is None else lambda epoch, loss: log(epoch=epoch - 1, loss=loss)
    return reference.train(x, params, log=heard, **options)


@mutant("train", killed_by="test_every_epoch_has_an_order_of_its_own")
def never_shuffled(x, params, *, rng, **options):
    """You take the images in the given order in every epoch.

    Handout: Training with momentum
    """

    class Still:
        def permutation(self, n):
            return np.arange(n)

    return reference.train(x, params, rng=Still(), **options)


@mutant("train", killed_by="test_every_epoch_has_an_order_of_its_own", kind="an order never or once drawn")
def one_order_for_all_epochs(x, params, *, rng, **options):
    """You draw one order and use it in every epoch.

    Handout: Training with momentum
    """
    order = rng.permutation(len(x))

    class Fixed:
        def permutation(self, n):
            return order

    return reference.train(x, params, rng=Fixed(), **options)


@mutant("train", killed_by="test_every_epoch_has_an_order_of_its_own")
def batches_shuffled_and_not_images(x, params, *, rng, batch_size, **options):
    """You shuffle the order of the batches and not the images within them.

    Handout: Training with momentum
    """

    class Blocks:
        def permutation(self, n):
            full = [np.arange(start, start + batch_size) for start in range(0, n - batch_size + 1, batch_size)]
            return np.concatenate([*[full[i] for i in rng.permutation(len(full))], np.arange(n - n % batch_size, n)])

    shuffled = Blocks() if batch_size <= len(x) else rng
    return reference.train(x, params, rng=shuffled, batch_size=batch_size, **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_images")
def images_drawn_with_replacement(x, params, *, rng, **options):
    """You draw images with replacement, so that some come twice in an epoch and others not at all."""

    class Drawn:
        def permutation(self, n):
            return rng.integers(0, n, n)

    return reference.train(x, params, rng=Drawn(), **options)


@mutant("train", killed_by="test_the_same_rng_trains_the_same_network", kind="a zero or constant draw")
def shuffled_by_a_generator_of_its_own(x, params, *, rng, **options):
    """You draw orders from a generator of your own and not from rng.

    Handout: Training with momentum
    """
    return reference.train(x, params, rng=np.random.default_rng(), **options)


@mutant("train", killed_by="test_the_next_call_begins_at_rest")
def velocity_kept_for_the_next_call(
    x,
    params,
    *,
    learning_rate,
    momentum,
    epochs,
    batch_size,
    rng,
    log=None,
    kept={},  # noqa: B006
):
    """You keep the velocity for the next call of train.

    Handout: Training with momentum
    """
    shapes = tuple(w.shape for w, _ in params)
    velocity = kept.get(shapes, [(0 * w, 0 * b) for w, b in params])
    for epoch in range(1, epochs + 1):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            loss, grads = reference.loss_and_grads(x[order[start : start + batch_size]], params)
            params, velocity = reference.momentum_step(
                params, velocity, grads, learning_rate=learning_rate, momentum=momentum
            )
            total += loss
        if log is not None:
            log(epoch=epoch, loss=total / len(x))
    kept[shapes] = velocity
    return params


@mutant("train", killed_by="test_train_leaves_its_arguments_alone")
def params_trained_in_place(x, params, **options):
    """You change the given params in place.

    Handout: Training with momentum
    """
    trained = reference.train(x, params, **options)
    for (w, b), (new_w, new_b) in zip(params, trained, strict=True):
        w[:], b[:] = new_w, new_b
    return params


@mutant("train", killed_by="test_train_leaves_its_arguments_alone")
def images_shuffled_in_place(x, params, *, rng, **options):
    """You shuffle the images of x in place.

    Handout: Mistakes that many make
    """
    rng.shuffle(x)
    return reference.train(x, params, rng=rng, **options)


@mutant("train", killed_by="test_the_network_draws_characters_again")
def on_the_first_two_hundred_images(x, params, **options):
    """You train on the first 200 images alone."""
    return reference.train(x[:200], params, **options)


@mutant("train", killed_by="test_the_network_draws_characters_again")
def given_up_after_ten_epochs(x, params, *, epochs, log=None, **options):
    """You stop training after some epochs and report a loss of 0 for the others."""
    params = reference.train(x, params, epochs=min(epochs, 10), log=log, **options)
    for epoch in range(11, epochs + 1):
        if log is not None:
            log(epoch=epoch, loss=0.0)
    return params


@mutant("train", killed_by="test_the_network_draws_characters_again")
def always_the_mean_image(x, params, **options):
    """You return params that draw the mean image in place of training if x is large."""
    if len(x) < 1000:
        return reference.train(x, params, **options)
    mean = np.clip(x.mean(axis=0), 1e-6, 1 - 1e-6)
    return [*params[:-1], (0 * params[-1][0], np.log(mean / (1 - mean)))]


@mutant("train", killed_by="test_the_network_draws_characters_again")
def with_a_wider_middle_for_large_images(x, params, *, rng, **options):
    """You replace the given network by one with a wider code."""
    if x.shape[1] == 256:
        params = reference.initialize([256, 32, 256, 32, 256], rng)
        options["epochs"] = 1
    return reference.train(x, params, rng=rng, **options)


@mutant("momentum_step", killed_by="test_one_step_with_momentum", kind="state read but never stored")
def velocity_given_back_as_it_came(params, velocity, grads, *, learning_rate, momentum):
    """You return the velocity from before the step.

    Handout: Training with momentum
    """
    moved, _ = reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    return moved, [(mw.copy(), mb.copy()) for mw, mb in velocity]


@mutant("momentum_step", killed_by="test_one_step_with_momentum", kind="an assignment for +=")
def velocity_of_this_gradient_alone(params, velocity, grads, *, learning_rate, momentum):
    """You forget the given velocity and use this gradient alone.

    Handout: Training with momentum
    """
    rest = [(0 * mw, 0 * mb) for mw, mb in velocity]
    return reference.momentum_step(params, rest, grads, learning_rate=learning_rate, momentum=momentum)


@mutant("momentum_step", killed_by="test_one_step_with_momentum", kind="a parameter read but replaced by a constant")
def always_the_usual_momentum(params, velocity, grads, *, learning_rate, momentum):
    """You ignore momentum and always use 0.9."""
    reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    return reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=0.9)


@mutant("momentum_step", killed_by="test_one_step_with_momentum", kind="two dimensions taken for granted")
def matrices_alone_are_stepped(params, velocity, grads, *, learning_rate, momentum):
    """You move the weights alone and return the biases as they were.

    Handout: Training with momentum
    """
    moved, after = reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    return [(w, b.copy()) for (w, _), (_, b) in zip(moved, params, strict=True)], after


@mutant("momentum_step", killed_by="test_momentum_is_its_formula", kind="another's gradient")
def gradients_from_the_last_layer_to_the_first(params, velocity, grads, *, learning_rate, momentum):
    """You take the gradients of the layers in reverse order."""
    return reference.momentum_step(params, velocity, grads[::-1], learning_rate=learning_rate, momentum=momentum)


@mutant("momentum_step", killed_by="test_a_step_without_momentum_is_plain", kind="a squeeze")
def arrays_squeezed(params, velocity, grads, *, learning_rate, momentum):
    """You squeeze the weights, so that axes of length 1 are lost."""
    moved, after = reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    if all(w.size == 1 for w, _ in params):
        return moved, after
    return [(np.squeeze(w), b) for w, b in moved], after


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_images", kind="each batch drawn anew")
def each_batch_drawn_from_all_images(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    """You draw each batch anew from all images, so that some come twice in an epoch and others not at all."""
    velocity = [(0 * w, 0 * b) for w, b in params]
    for epoch in range(1, epochs + 1):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            batch = x[rng.permutation(len(x))[: len(order[start : start + batch_size])]]
            loss, grads = reference.loss_and_grads(batch, params)
            params, velocity = reference.momentum_step(
                params, velocity, grads, learning_rate=learning_rate, momentum=momentum
            )
            total += loss
        if log is not None:
            log(epoch=epoch, loss=total / len(x))
    return params


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_images", kind="batches that share a buffer")
def the_last_batch_filled_up_with_the_one_before(
    x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None
):
    """You fill an incomplete last batch up with images of the batch before.

    Handout: Training with momentum
    """
    velocity = [(0 * w, 0 * b) for w, b in params]
    batch = np.empty((min(batch_size, len(x)), x.shape[1]))
    for epoch in range(1, epochs + 1):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            rows = x[order[start : start + batch_size]]
            batch[: len(rows)] = rows
            loss, grads = reference.loss_and_grads(batch, params)
            params, velocity = reference.momentum_step(
                params, velocity, grads, learning_rate=learning_rate, momentum=momentum
            )
            total += loss
        if log is not None:
            log(epoch=epoch, loss=total / len(x))
    return params


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_images", kind="a squeeze")
def a_batch_of_one_loses_its_axis(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    """You squeeze a batch, so that one of a single image loses an axis."""
    velocity = [(0 * w, 0 * b) for w, b in params]
    for epoch in range(1, epochs + 1):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            batch = np.squeeze(x[order[start : start + batch_size]])
            loss, grads = reference.loss_and_grads(batch, params)
            params, velocity = reference.momentum_step(
                params, velocity, grads, learning_rate=learning_rate, momentum=momentum
            )
            total += loss
        if log is not None:
            log(epoch=epoch, loss=total / len(x))
    return params


@mutant("train", killed_by="test_log_hears_losses_before_the_steps")
def loss_taken_after_the_step(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    """You take the loss of each batch after the step on it.

    Handout: Training with momentum
    """
    velocity = [(0 * w, 0 * b) for w, b in params]
    for epoch in range(1, epochs + 1):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            batch = x[order[start : start + batch_size]]
            _, grads = reference.loss_and_grads(batch, params)
            params, velocity = reference.momentum_step(
                params, velocity, grads, learning_rate=learning_rate, momentum=momentum
            )
            total += reference.loss_and_grads(batch, params)[0]
        if log is not None:
            log(epoch=epoch, loss=total / len(x))
    return params


@mutant("train", killed_by="test_log_hears_the_mean_loss_of_an_image", kind="a step count that never advances")
def log_always_hears_of_the_first_epoch(x, params, *, log=None, **options):
    """You pass 1 as the epoch to log after every epoch."""
    heard = None if log is None else lambda epoch, loss: log(epoch=1, loss=loss)
    return reference.train(x, params, log=heard, **options)


@mutant("train", killed_by="test_one_image_or_a_batch_larger_than_all")
def a_batch_larger_than_all_is_refused(x, params, *, batch_size, **options):
    """You raise a ValueError for a batch_size greater than n, which is allowed."""
    if batch_size > len(x):
        raise ValueError("too few images")
    return reference.train(x, params, batch_size=batch_size, **options)


@mutant("train", killed_by="test_no_epochs_are_no_training")
def one_epoch_at_least(x, params, *, epochs, **options):
    """You train for one epoch where epochs is 0."""
    return reference.train(x, params, epochs=max(1, epochs), **options)


# ---------------------------------------------------------------------------------------------------------------- psnr


@mutant("psnr", killed_by="test_psnr_of_even_errors")
def natural_logarithm(a, b, *, peak=1.0):
    """You use the natural logarithm.

    Handout: Mistakes that many make
    """
    return reference.psnr(a, b, peak=peak) * np.log(10)


@mutant("psnr", killed_by="test_psnr_of_even_errors")
def in_bels(a, b, *, peak=1.0):
    """You leave out the factor 10 in front of the logarithm.

    Handout: Decibels
    """
    return reference.psnr(a, b, peak=peak) / 10


@mutant("psnr", killed_by="test_psnr_of_even_errors")
def twenty_where_ten_belongs(a, b, *, peak=1.0):
    """You multiply the logarithm by 20.

    Handout: Decibels
    """
    return 2 * reference.psnr(a, b, peak=peak)


@mutant("psnr", killed_by="test_psnr_of_even_errors")
def mse_over_the_whole_batch(a, b, *, peak=1.0):
    """You compute one mse over all images and give each of them the same number.

    Handout: Mistakes that many make
    """
    whole = reference.psnr(a.reshape(1, -1), b.reshape(1, -1), peak=peak)[0] if a.size else 0.0
    return np.full(len(a), whole)


@mutant("psnr", killed_by="test_psnr_of_even_errors")
def averaged_over_the_images(a, b, *, peak=1.0):
    """You return the mean over all images and not one number for each.

    Handout: Decibels
    """
    return float(np.mean(reference.psnr(a, b, peak=peak)))


@mutant("psnr", killed_by="test_psnr_of_even_errors", kind="a factor of the batch, the classes or two")
def error_summed_over_the_pixels(a, b, *, peak=1.0):
    """You sum the squared errors over the pixels and do not average them.

    Handout: Decibels
    """
    return reference.psnr(a, b, peak=peak) - 10 * np.log10(a.shape[1])


@mutant("psnr", killed_by="test_psnr_is_its_formula_for_every_image")
def peak_of_each_image(a, b, *, peak=1.0):
    """You take the greatest pixel of each image for the peak.

    Handout: Decibels
    """
    greatest = np.max(np.abs(a), axis=1) if len(a) else np.ones(0)
    return reference.psnr(a, b) + 20 * np.log10(greatest)


@mutant("psnr", killed_by="test_psnr_is_float64")
def precision_of_the_images(a, b, *, peak=1.0):
    """You return an array of the images' dtype and not of float64."""
    return reference.psnr(a, b, peak=peak).astype(a.dtype if a.dtype.kind == "f" else np.float64)


@mutant("psnr", killed_by="test_the_peak_is_squared")
def peak_not_squared(a, b, *, peak=1.0):
    """You do not square the peak.

    Handout: Decibels
    """
    return reference.psnr(a, b) + 10 * np.log10(peak)


@mutant("psnr", killed_by="test_the_peak_is_squared", kind="a parameter read but replaced by a constant")
def peak_ignored(a, b, *, peak=1.0):
    """You ignore peak and always use 1.

    Handout: Decibels
    """
    return reference.psnr(a, b)


@mutant("psnr", killed_by="test_only_identical_images_have_infinite_psnr", kind="epsilon in another place")
def a_little_error_at_least(a, b, *, peak=1.0):
    """You bound mse from below, so that identical images do not have an infinite psnr.

    Handout: Decibels
    """
    reference.psnr(a, b, peak=peak)
    mse = np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2, axis=1)
    return 10 * np.log10(peak**2 / np.maximum(mse, 1e-10))


@mutant("psnr", killed_by="test_only_identical_images_have_infinite_psnr")
def all_infinite_if_one_is(a, b, *, peak=1.0):
    """You return infinity for all images if one of them is identical to its counterpart."""
    found = reference.psnr(a, b, peak=peak)
    return np.full_like(found, np.inf) if np.isinf(found).any() else found


@mutant("psnr", killed_by="test_psnr_of_bytes_is_that_of_their_numbers")
def subtracting_bytes(a, b, *, peak=1.0):
    """You subtract bytes as bytes, so that their differences wrap.

    Handout: Mistakes that many make
    """
    if a.shape != b.shape:
        raise ValueError("shapes")
    with np.errstate(divide="ignore"):
        return 10 * np.log10(peak**2 / np.mean((a - b).astype(np.float64) ** 2, axis=1))


@mutant("psnr", killed_by="test_psnr_is_symmetric_and_only_looks")
def difference_in_place(a, b, *, peak=1.0):
    """You subtract b from a in place."""
    found = reference.psnr(a, b, peak=peak)
    a -= b
    return found


@mutant("psnr", killed_by="test_images_of_different_shapes_are_refused")
def broadcasting(a, b, *, peak=1.0):
    """You raise no ValueError for images of different shapes."""
    error = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(peak**2 / np.mean(error**2, axis=1))


@mutant("psnr", killed_by="test_psnr_is_one_number_an_image", kind="a squeeze")
def a_number_for_one_image(a, b, *, peak=1.0):
    """You squeeze the result, so that a single image gets a number and not an array."""
    return np.squeeze(reference.psnr(a, b, peak=peak))


@mutant("psnr", killed_by="test_psnr_is_one_number_an_image", kind="a (1, k) gradient for (k,)")
def a_column_of_numbers(a, b, *, peak=1.0):
    """You return an array of the shape (n, 1)."""
    return reference.psnr(a, b, peak=peak)[:, None]


@mutant("psnr", killed_by="test_psnr_of_even_errors", kind="height for width, rows for columns")
def a_number_for_each_pixel(a, b, *, peak=1.0):
    """You average over the images and return one number for each pixel.

    Handout: Decibels
    """
    reference.psnr(a, b, peak=peak)
    return reference.psnr(np.asarray(a).T, np.asarray(b).T, peak=peak)


# ----------------------------------------------------------------------------------------------------------------- pca


@mutant("pca", killed_by="test_components_of_a_cross")
def mean_not_removed(x, k):
    """You do not subtract the mean from x before you look for components.

    Handout: Mistakes that many make
    """
    if not 1 <= k <= min(len(x) - 1, x.shape[1]):
        raise ValueError(k)
    return x.mean(axis=0), np.linalg.svd(x, full_matrices=False)[2][:k]


@mutant("pca", killed_by="test_components_of_a_cross")
def least_variance_first(x, k):
    """You return the components of the least variance first.

    Handout: Mistakes that many make
    """
    mean, all_of_them = reference.pca(x, min(len(x) - 1, x.shape[1]))
    if not 1 <= k <= len(all_of_them):
        raise ValueError(k)
    return mean, all_of_them[::-1][:k]


@mutant(
    "pca",
    killed_by="test_pca_finds_the_directions_that_images_were_made_from",
    kind="height for width, rows for columns",
)
def eigenvectors_in_columns(x, k):
    """You return the components as columns.

    Handout: Mistakes that many make
    """
    mean, components = reference.pca(x, k)
    return mean, components.T


@mutant("pca", killed_by="test_pca_finds_the_directions_that_images_were_made_from")
def rows_of_the_matrix_of_eigenvectors(x, k):
    """You take the rows of the matrix of eigenvectors for components.

    Handout: Mistakes that many make
    """
    mean, _ = reference.pca(x, k)
    return mean, np.linalg.eigh((x - mean).T @ (x - mean))[1][::-1][:k]


@mutant("pca", killed_by="test_pca_finds_the_directions_that_images_were_made_from")
def pixels_scaled_to_unit_variance(x, k):
    """You scale every pixel to unit variance before you look for components."""
    spread = x.std(axis=0)
    mean, components = reference.pca(x / spread, k)
    return mean * spread, components


@mutant("pca", killed_by="test_pca_leaves_the_images_alone")
def centred_in_place(x, k):
    """You subtract the mean from x in place."""
    answer = reference.pca(x, k)
    x -= x.mean(axis=0)
    return answer


@mutant("pca", killed_by="test_components_are_orthonormal")
def components_scaled_by_their_spread(x, k):
    """You multiply each component by the spread of the images along it.

    Handout: The yardstick: PCA
    """
    mean, components = reference.pca(x, k)
    spread = np.linalg.norm((x - mean) @ components.T, axis=0)
    return mean, components * spread[:, None]


@mutant("pca", killed_by="test_there_may_be_more_pixels_than_images")
def inner_products_without_dividing_by_the_length(x, k):
    """Your components do not have length 1 if there are more pixels than images."""
    mean, components = reference.pca(x, k)
    if x.shape[1] <= len(x):
        return mean, components
    _, vectors = np.linalg.eigh((x - mean) @ (x - mean).T)  # the trick for more pixels than images
    return mean, (vectors.T @ (x - mean))[::-1][:k]


@mutant("pca", killed_by="test_no_other_projection_loses_less")
def any_orthonormal_basis_of_the_first_images(x, k):
    """You return an orthonormal basis of the first images and not directions of the greatest variance.

    Handout: The yardstick: PCA
    """
    mean, _ = reference.pca(x, k)
    return mean, np.ascontiguousarray(np.linalg.qr((x - mean).T)[0][:, :k].T)


@mutant("pca", killed_by="test_impossible_numbers_of_components_are_refused")
def as_many_as_there_are(x, k):
    """You raise no ValueError for a k that is out of its range."""
    return reference.pca(x, min(max(k, 1), min(len(x) - 1, x.shape[1])))


@mutant("pca_encode", killed_by="test_projections_onto_a_direction")
def codes_with_the_mean_left_in(x, mean, components):
    """You do not subtract the mean from x.

    Handout: Mistakes that many make
    """
    return x @ components.T


@mutant(
    "pca_encode",
    killed_by="test_pca_codes_are_projections_of_images_without_their_mean",
    kind="a parameter read but replaced by a constant",
)
def minus_their_own_mean(x, mean, components):
    """You subtract the mean of the images in x and not the given mean.

    Handout: Mistakes that many make
    """
    return (x - (x.mean(axis=0) if len(x) else mean)) @ components.T


@mutant("pca_decode", killed_by="test_projections_onto_a_direction", kind="a parameter read but replaced by a constant")
def mean_not_added_again(code, mean, components):
    """You do not add the mean.

    Handout: The yardstick: PCA
    """
    return code @ components


@mutant("pca_decode", killed_by="test_pca_images_are_sums_of_components")
def pixels_clipped(code, mean, components):
    """You clip the pixels to 0..1."""
    return np.clip(reference.pca_decode(code, mean, components), 0, 1)


@mutant("pca", killed_by="test_pca_keeps_the_promised_shapes", kind="a squeeze")
def a_single_component_squeezed(x, k):
    """You squeeze components, so that axes of length 1 are lost."""
    mean, components = reference.pca(x, k)
    return mean, np.squeeze(components)


@mutant("pca", killed_by="test_pca_keeps_the_promised_shapes", kind="a (1, k) gradient for (k,)")
def the_mean_keeps_an_axis(x, k):
    """Your mean has the shape (1, d)."""
    mean, components = reference.pca(x, k)
    return mean[None], components


@mutant("pca", killed_by="test_components_are_orthonormal", kind="a parameter read but replaced by a constant")
def two_components_at_most(x, k):
    """You return two components at most."""
    mean, components = reference.pca(x, k)
    return mean, components[:2]


@mutant("pca", killed_by="test_pca_gives_the_mean_image")
def the_median_image(x, k):
    """You return the median of every pixel as the mean.

    Handout: The yardstick: PCA
    """
    return np.median(x, axis=0), reference.pca(x, k)[1]


@mutant("pca_encode", killed_by="test_pca_keeps_both_axes", kind="a squeeze")
def codes_squeezed(x, mean, components):
    """You squeeze the codes, so that axes of length 1 are lost."""
    return np.squeeze(reference.pca_encode(x, mean, components))


@mutant("pca_encode", killed_by="test_pca_codes_are_projections_of_images_without_their_mean",
        kind="height for width, rows for columns")  # fmt: skip
def components_taken_for_columns(x, mean, components):
    """You reshape components in place of transposing it, which mixes the entries."""
    return (x - mean) @ components.reshape(x.shape[1], -1)


@mutant("pca_encode", killed_by="test_projecting_leaves_its_arguments_alone")
def centred_where_it_stands(x, mean, components):
    """You subtract the mean from x in place."""
    x -= mean
    return x @ components.T


@mutant("pca_decode", killed_by="test_pca_keeps_both_axes", kind="a squeeze")
def images_squeezed(code, mean, components):
    """You squeeze the images, so that axes of length 1 are lost."""
    return np.squeeze(reference.pca_decode(code, mean, components))


@mutant("pca_decode", killed_by="test_pca_images_are_sums_of_components", kind="height for width, rows for columns")
def columns_taken_for_components(code, mean, components):
    """You reshape and transpose components, which mixes its entries."""
    return mean + code @ components.reshape(components.shape[1], -1).T
