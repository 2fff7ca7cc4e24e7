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
    return [(rng.normal(0, np.sqrt(2 / w.shape[0]), w.shape), b) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_initialize_fills_each_layers_interval_evenly")
def scaled_by_the_fan_in_alone(widths, rng):
    params = reference.initialize(widths, rng)
    return [(w * np.sqrt(sum(w.shape) / (2 * w.shape[0])), b) for w, b in params]


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer")
def random_biases(widths, rng):
    return [(w, rng.uniform(-0.1, 0.1, b.shape)) for w, b in reference.initialize(widths, rng)]


@mutant(
    "initialize", killed_by="test_impossible_widths_are_refused", kind="a parameter read but replaced by a constant"
)
def mirrored_widths_only(widths, rng):
    half = widths[: len(widths) // 2 + 1]
    return reference.initialize([*half, *half[-2::-1]], rng)


@mutant("initialize", killed_by="test_all_chance_comes_from_rng")
def from_the_global_generator(widths, rng):
    params = reference.initialize(widths, np.random.default_rng(np.random.randint(2**31)))
    return params


@mutant("initialize", killed_by="test_each_layer_has_weights_of_its_own")
def decoder_tied_to_the_encoder(widths, rng):
    params = reference.initialize(widths, rng)
    half = len(params) // 2
    for layer in range(half):
        if params[layer][0].T.shape == params[-1 - layer][0].shape:
            params[-1 - layer] = (params[layer][0].T.copy(), params[-1 - layer][1])
    return params


@mutant("initialize", killed_by="test_impossible_widths_are_refused")
def without_looking_at_the_widths(widths, rng):
    params = []
    for fan_in, fan_out in pairwise(max(1, width) for width in widths):
        c = np.sqrt(6 / (fan_in + fan_out))
        params.append((rng.uniform(-c, c, (fan_in, fan_out)), np.zeros(fan_out)))
    return params


@mutant("count_parameters", killed_by="test_one_hidden_layer_has_so_many_parameters")
def weights_without_biases(params):
    return sum(w.size for w, _ in params)


@mutant("count_parameters", killed_by="test_one_hidden_layer_has_so_many_parameters")
def one_bias_a_layer(params):
    return sum(w.size + 1 for w, _ in params)


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer", kind="a zero or constant draw")
def zero_weights(widths, rng):
    return [(np.zeros_like(w), b) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer", kind="a (1, k) gradient for (k,)")
def biases_of_one_row(widths, rng):
    return [(w, b[None]) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer",
        kind="height for width, rows for columns")  # fmt: skip
def weights_from_right_to_left(widths, rng):
    return [(np.ascontiguousarray(w.T), b) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_layers_of_one_unit_have_weights_too", kind="a squeeze")
def weights_of_one_unit_squeezed(widths, rng):
    return [(np.squeeze(w), b) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_initialize_fills_each_layers_interval_evenly",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def half_of_the_variance(widths, rng):
    return [(w / np.sqrt(2), b) for w, b in reference.initialize(widths, rng)]


@mutant("count_parameters", killed_by="test_one_hidden_layer_has_so_many_parameters", kind="an assignment for +=")
def the_last_layer_alone(params):
    return reference.count_parameters(params[-1:])


@mutant("count_parameters", killed_by="test_one_hidden_layer_has_so_many_parameters",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def always_the_homeworks_network(params):
    return 68704


# ------------------------------------------------------------------------------------------------------------- network


@mutant("encode", killed_by="test_codes_of_one_layer")
def no_relu_on_the_code(x, params):
    half = len(params) // 2
    w, b = params[half - 1]
    a = x
    for other_w, other_b in params[: half - 1]:
        a = np.maximum(a @ other_w + other_b, 0)
    return a @ w + b


@mutant("encode", killed_by="test_codes_are_their_formula")
def one_layer_too_early(x, params):
    a = x
    for w, b in params[: max(1, len(params) // 2 - 1)]:
        a = np.maximum(a @ w + b, 0)
    return a


@mutant("encode", killed_by="test_codes_of_one_layer")
def the_image_is_its_own_code(x, params):
    return x.copy()


@mutant("encode", killed_by="test_codes_are_their_formula", kind="a parameter read but replaced by a constant")
def always_two_layers(x, params):
    a = np.maximum(x @ params[0][0] + params[0][1], 0)
    if len(params) == 2:
        return a
    a = np.maximum(a @ params[1][0] + params[1][1], 0)
    return a if len(params) == 4 else a @ params[2][0] + params[2][1]


@mutant("encode", killed_by="test_codes_are_their_formula")
def encoder_without_biases(x, params):
    return reference.encode(x, [(w, b if layer == 0 else 0 * b) for layer, (w, b) in enumerate(params)])


@mutant("encode", killed_by="test_codes_are_their_formula")
def sigmoid_in_the_hidden_layers(x, params):
    a = reference.encode(x, params)
    return a if len(params) == 2 else 1 / (1 + np.exp(-a))


@mutant("encode", killed_by="test_pixels_may_be_any_numbers")
def clipping_images_to_one(x, params):
    return reference.encode(np.clip(x, 0, 1), params)


@mutant("encode", killed_by="test_one_image_or_none_keeps_both_axes[encode]", kind="a squeeze")
def squeezing_a_single_code(x, params):
    return np.squeeze(reference.encode(x, params))


@mutant("reconstruct", killed_by="test_the_network_leaves_its_arguments_alone[reconstruct]")
def clipping_images_in_place(x, params):
    np.clip(x, 0, 1, out=x)
    return reference.reconstruct(x, params)


@mutant("encode", killed_by="test_the_network_leaves_its_arguments_alone[encode]")
def pixels_clipped_in_place(x, params):
    code = reference.encode(x, params)
    np.clip(x, 0, 1, out=x)
    return code


@mutant("decode", killed_by="test_the_network_leaves_its_arguments_alone[decode]")
def the_relu_of_the_code_in_place(code, params):
    images = reference.decode(code, params)
    np.maximum(code, 0, out=code)
    return images


@mutant("decode", killed_by="test_images_of_one_layer")
def relu_on_the_output(code, params):
    a = code
    for w, b in params[len(params) // 2 :]:
        a = np.maximum(a @ w + b, 0)
    return a


@mutant("decode", killed_by="test_codes_may_be_any_numbers")
def relu_on_the_code_again(code, params):
    return reference.decode(np.maximum(code, 0), params)


@mutant("decode", killed_by="test_decoded_images_are_their_formula")
def decoder_without_relus(code, params):
    for w, b in params[len(params) // 2 : -1]:
        code = code @ w + b
    return reference.decode(code, [params[-1]] * 2)


@mutant("decode", killed_by="test_decoded_images_are_their_formula")
def sigmoid_in_every_layer(code, params):
    for w, b in params[len(params) // 2 : -1]:
        code = 1 / (1 + np.exp(-(code @ w + b)))
    return reference.decode(code, [params[-1]] * 2)


@mutant("decode", killed_by="test_decoded_images_are_their_formula")
def through_the_encoders_weights_transposed(code, params):
    tied = []
    for (w, b), (mirror, _) in zip(params, reversed(params), strict=True):
        tied.append((mirror.T, b) if mirror.T.shape == w.shape else (w, b))
    return reference.decode(code, tied)


@mutant("decode", killed_by="test_huge_codes_become_black_and_white[decode]", kind="no shift in exponentials")
def sigmoid_as_a_ratio_of_exponentials(code, params):
    for w, b in params[len(params) // 2 : -1]:
        code = np.maximum(code @ w + b, 0)
    z = code @ params[-1][0] + params[-1][1]
    return np.exp(z) / (1 + np.exp(z))


@mutant("reconstruct", killed_by="test_reconstruct_is_decode_of_encode")
def past_the_bottleneck(x, params):
    return (reference.reconstruct(x, params) + np.clip(x, 0, 1)) / 2


@mutant("reconstruct", killed_by="test_reconstruct_is_decode_of_encode")
def rounded_to_black_and_white(x, params):
    return np.round(reference.reconstruct(x, params))


@mutant("decode", killed_by="test_one_image_or_none_keeps_both_axes[decode]", kind="a squeeze")
def squeezing_a_single_image(code, params):
    return np.squeeze(reference.decode(code, params))


@mutant("decode", killed_by="test_decoded_images_are_their_formula", kind="a parameter read but replaced by a constant")
def always_the_last_two_layers(code, params):
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
    return np.squeeze(reference.reconstruct(x, params))


@mutant("reconstruct", killed_by="test_huge_codes_become_black_and_white[reconstruct]", kind="no shift in exponentials")
def reconstructed_by_a_ratio_of_exponentials(x, params):
    a = x
    for w, b in params[:-1]:
        a = np.maximum(a @ w + b, 0)
    z = a @ params[-1][0] + params[-1][1]
    return np.exp(z) / (1 + np.exp(z))


@mutant("reconstruct", killed_by="test_layers_of_one_unit_keep_both_axes[reconstruct]")
def a_code_of_one_number_is_a_row(x, params):
    code = reference.encode(x, params)
    if code.shape[1] == 1 and len(code):
        code = code.reshape(1, -1).mean(axis=1, keepdims=True)
    return reference.decode(code, params)


# ----------------------------------------------------------------------------------------------------------- gradients


@mutant("loss_and_grads", killed_by="test_loss_of_one_layer", kind="a factor of the batch, the classes or two")
def mean_over_the_pixels(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return loss / x.size, [(dw / x.size, db / x.size) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_loss_of_one_layer")
def half_of_the_squared_error(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return loss / 2, [(dw / 2, db / 2) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_one_layer_agree_with_differences")
def factor_two_forgotten(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(dw / 2, db / 2) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_loss_of_one_layer")
def root_of_the_squared_error(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return np.sqrt(loss), grads


@mutant("loss_and_grads", killed_by="test_targets_may_be_any_numbers")
def against_a_target_clipped_to_one(x, params):
    error = reference.reconstruct(x, params) - np.clip(x, 0, 1)
    return float(np.sum(error**2)), reference.loss_and_grads(x, params)[1]


@mutant("loss_and_grads", killed_by="test_gradients_of_one_layer_agree_with_differences")
def mean_gradients_of_a_summed_loss(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(dw / len(x), db / len(x)) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_weights_are_right")
def without_the_sigmoids_derivative(x, params):
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
    loss, grads = reference.loss_and_grads(x, params)
    half = len(params) // 2
    first = [(dw, db) if len(params) == 2 else (0 * dw, 0 * db) for dw, db in grads[: half - 1]]
    return loss, [*first, *grads[half - 1 :]]


@mutant("loss_and_grads", killed_by="test_gradients_of_biases_are_right")
def bias_gradients_averaged(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(dw, db / len(x)) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_one_layer_agree_with_differences")
def the_sign_of_the_error_turned(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(-dw, -db) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_one_image_has_a_loss_and_gradients", kind="a squeeze")
def outer_product_squeezed(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(np.squeeze(dw), db) if len(x) == 1 else (dw, db) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_weights_are_right", kind="another's gradient")
def weights_tied(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    grads = [list(pair) for pair in grads]
    for layer in range(len(params) // 2):
        both = grads[layer][0].T + grads[-1 - layer][0] if grads[layer][0].T.shape == grads[-1 - layer][0].shape else 0
        if np.ndim(both):
            grads[layer][0], grads[-1 - layer][0] = both.T, both
    return loss, grads


@mutant("loss_and_grads", killed_by="test_saturated_pixels_pass_nothing_on", kind="no shift in exponentials")
def derivative_from_the_inputs_exponential(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    code, half = reference.encode(x, params), len(params) // 2
    for w, b in params[half:-1]:
        code = np.maximum(code @ w + b, 0)
    e = np.exp(-(code @ params[-1][0] + params[-1][1]))
    delta = 2 * (1 / (1 + e) - x) * e / (1 + e) ** 2
    return loss, [*grads[:-1], (code.T @ delta, delta.sum(axis=0))]


@mutant("loss_and_grads", killed_by="test_an_image_that_opens_no_unit_teaches_only_the_bias")
def nothing_is_learned_from_a_code_of_zeros(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    if reference.encode(x, params).any():
        return loss, grads
    return loss, [(0 * dw, 0 * db) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_weights_are_right")
def leaky_backwards(x, params):
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
    answer = reference.loss_and_grads(x, params)
    x -= reference.reconstruct(x, params)
    return answer


@mutant("loss_and_grads", killed_by="test_gradients_have_the_shapes_of_their_params", kind="a (1, k) gradient for (k,)")
def bias_gradients_keep_an_axis(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(dw, db[None]) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_one_layer_agree_with_differences",
        kind="height for width, rows for columns")  # fmt: skip
def weight_gradients_transposed(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(np.ascontiguousarray(dw.T), db) for dw, db in grads]


@mutant("loss_and_grads", killed_by="test_gradients_of_biases_are_right", kind="an assignment for +=")
def bias_gradients_of_the_last_image(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return loss, [(dw, db) for (dw, _), (_, db) in zip(grads, reference.loss_and_grads(x[-1:], params)[1], strict=True)]


@mutant("loss_and_grads", killed_by="test_one_image_has_a_loss_and_gradients")
def one_image_is_averaged_over_its_pixels(x, params):
    loss, grads = reference.loss_and_grads(x, params)
    return (loss / x.shape[1] if len(x) == 1 else loss), grads


# ------------------------------------------------------------------------------------------------------------ training


@mutant("momentum_step", killed_by="test_one_step_with_momentum")
def velocity_uphill(params, velocity, grads, *, learning_rate, momentum):
    return reference.momentum_step(params, velocity, grads, learning_rate=-learning_rate, momentum=momentum)


@mutant("momentum_step", killed_by="test_one_step_with_momentum")
def velocity_subtracted(params, velocity, grads, *, learning_rate, momentum):
    _, velocity = reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    return [(w - mw, b - mb) for (w, b), (mw, mb) in zip(params, velocity, strict=True)], velocity


@mutant("momentum_step", killed_by="test_one_step_with_momentum", kind="a factor of the batch, the classes or two")
def running_mean_of_the_gradient(params, velocity, grads, *, learning_rate, momentum):
    return reference.momentum_step(
        params, velocity, grads, learning_rate=(1 - momentum) * learning_rate, momentum=momentum
    )


@mutant("momentum_step", killed_by="test_one_step_with_momentum")
def with_the_velocity_before_the_step(params, velocity, grads, *, learning_rate, momentum):
    _, after = reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    return [(w + mw, b + mb) for (w, b), (mw, mb) in zip(params, velocity, strict=True)], after


@mutant("momentum_step", killed_by="test_momentum_is_its_formula")
def nesterovs_step(params, velocity, grads, *, learning_rate, momentum):
    options = {"learning_rate": learning_rate, "momentum": momentum}
    _, after = reference.momentum_step(params, velocity, grads, **options)
    looking_ahead, _ = reference.momentum_step(params, after, grads, **options)
    return looking_ahead, after


@mutant("momentum_step", killed_by="test_momentum_is_its_formula")
def no_momentum_for_biases(params, velocity, grads, *, learning_rate, momentum):
    still = [(mw, 0 * mb) for mw, mb in velocity]
    return reference.momentum_step(params, still, grads, learning_rate=learning_rate, momentum=momentum)


@mutant("momentum_step", killed_by="test_momentum_is_its_formula")
def learning_rate_applied_to_the_velocity(params, velocity, grads, *, learning_rate, momentum):
    # m <- momentum m - g, p <- p + learning_rate m: another m, though from rest it makes the same steps.
    after = [(momentum * mw - gw, momentum * mb - gb) for (mw, mb), (gw, gb) in zip(velocity, grads, strict=True)]
    moved = [(w + learning_rate * mw, b + learning_rate * mb) for (w, b), (mw, mb) in zip(params, after, strict=True)]
    return moved, after


@mutant("momentum_step", killed_by="test_a_step_leaves_its_arguments_alone")
def velocity_updated_in_place(params, velocity, grads, *, learning_rate, momentum):
    for (mw, mb), (gw, gb) in zip(velocity, grads, strict=True):
        mw *= momentum
        mw -= learning_rate * gw
        mb *= momentum
        mb -= learning_rate * gb
    return [(w + mw, b + mb) for (w, b), (mw, mb) in zip(params, velocity, strict=True)], velocity


@mutant("momentum_step", killed_by="test_no_step_has_an_impossible_momentum")
def any_momentum(params, velocity, grads, *, learning_rate, momentum):
    after = [
        (momentum * mw - learning_rate * gw, momentum * mb - learning_rate * gb)
        for (mw, mb), (gw, gb) in zip(velocity, grads, strict=True)
    ]
    return [(w + mw, b + mb) for (w, b), (mw, mb) in zip(params, after, strict=True)], after


@mutant("train", killed_by="test_impossible_training_is_refused")
def any_batch_size(x, params, *, batch_size, **options):
    return reference.train(x, params, batch_size=max(1, abs(batch_size)), **options)


@mutant(
    "train",
    killed_by="test_full_batches_follow_the_gradient_with_momentum",
    kind="a parameter read but replaced by a constant",
)
def without_momentum(x, params, *, momentum, **options):
    if not 0 <= momentum < 1:
        raise ValueError(momentum)
    return reference.train(x, params, momentum=0.0, **options)


@mutant("train", killed_by="test_full_batches_follow_the_gradient_with_momentum", kind="state read but never stored")
def at_rest_again_in_every_epoch(x, params, *, epochs, log=None, **options):
    for epoch in range(1, epochs + 1):
        heard = {}
        params = reference.train(x, params, epochs=1, log=lambda epoch, loss, heard=heard: heard.update(loss=loss),
                                 **options)  # fmt: skip
        if log is not None:
            log(epoch=epoch, loss=heard["loss"])
    return params


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_images")
def at_rest_again_in_every_batch(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
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
    heard = None if log is None else lambda epoch, loss: log(epoch=epoch, loss=loss * len(x))
    return reference.train(x, params, log=heard, **options)


@mutant("train", killed_by="test_log_hears_the_mean_loss_of_an_image")
def log_of_the_mean_over_pixels(x, params, *, log=None, **options):
    heard = None if log is None else lambda epoch, loss: log(epoch=epoch, loss=loss / x.shape[1])
    return reference.train(x, params, log=heard, **options)


@mutant("train", killed_by="test_train_learns_three_stripes")
def log_counted_from_zero(x, params, *, log=None, **options):
    heard = None if log is None else lambda epoch, loss: log(epoch=epoch - 1, loss=loss)
    return reference.train(x, params, log=heard, **options)


@mutant("train", killed_by="test_every_epoch_has_an_order_of_its_own")
def never_shuffled(x, params, *, rng, **options):
    class Still:
        def permutation(self, n):
            return np.arange(n)

    return reference.train(x, params, rng=Still(), **options)


@mutant("train", killed_by="test_every_epoch_has_an_order_of_its_own", kind="an order never or once drawn")
def one_order_for_all_epochs(x, params, *, rng, **options):
    order = rng.permutation(len(x))

    class Fixed:
        def permutation(self, n):
            return order

    return reference.train(x, params, rng=Fixed(), **options)


@mutant("train", killed_by="test_every_epoch_has_an_order_of_its_own")
def batches_shuffled_and_not_images(x, params, *, rng, batch_size, **options):
    class Blocks:
        def permutation(self, n):
            full = [np.arange(start, start + batch_size) for start in range(0, n - batch_size + 1, batch_size)]
            return np.concatenate([*[full[i] for i in rng.permutation(len(full))], np.arange(n - n % batch_size, n)])

    shuffled = Blocks() if batch_size <= len(x) else rng
    return reference.train(x, params, rng=shuffled, batch_size=batch_size, **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_images")
def images_drawn_with_replacement(x, params, *, rng, **options):
    class Drawn:
        def permutation(self, n):
            return rng.integers(0, n, n)

    return reference.train(x, params, rng=Drawn(), **options)


@mutant("train", killed_by="test_the_same_rng_trains_the_same_network", kind="a zero or constant draw")
def shuffled_by_a_generator_of_its_own(x, params, *, rng, **options):
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
    trained = reference.train(x, params, **options)
    for (w, b), (new_w, new_b) in zip(params, trained, strict=True):
        w[:], b[:] = new_w, new_b
    return params


@mutant("train", killed_by="test_train_leaves_its_arguments_alone")
def images_shuffled_in_place(x, params, *, rng, **options):
    rng.shuffle(x)
    return reference.train(x, params, rng=rng, **options)


@mutant("train", killed_by="test_the_network_draws_characters_again")
def on_the_first_two_hundred_images(x, params, **options):
    return reference.train(x[:200], params, **options)


@mutant("train", killed_by="test_the_network_draws_characters_again")
def given_up_after_ten_epochs(x, params, *, epochs, log=None, **options):
    params = reference.train(x, params, epochs=min(epochs, 10), log=log, **options)
    for epoch in range(11, epochs + 1):
        if log is not None:
            log(epoch=epoch, loss=0.0)
    return params


@mutant("train", killed_by="test_the_network_draws_characters_again")
def always_the_mean_image(x, params, **options):
    if len(x) < 1000:
        return reference.train(x, params, **options)
    mean = np.clip(x.mean(axis=0), 1e-6, 1 - 1e-6)
    return [*params[:-1], (0 * params[-1][0], np.log(mean / (1 - mean)))]


@mutant("train", killed_by="test_the_network_draws_characters_again")
def with_a_wider_middle_for_large_images(x, params, *, rng, **options):
    if x.shape[1] == 256:
        params = reference.initialize([256, 32, 256, 32, 256], rng)
        options["epochs"] = 1
    return reference.train(x, params, rng=rng, **options)


@mutant("momentum_step", killed_by="test_one_step_with_momentum", kind="state read but never stored")
def velocity_given_back_as_it_came(params, velocity, grads, *, learning_rate, momentum):
    moved, _ = reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    return moved, [(mw.copy(), mb.copy()) for mw, mb in velocity]


@mutant("momentum_step", killed_by="test_one_step_with_momentum", kind="an assignment for +=")
def velocity_of_this_gradient_alone(params, velocity, grads, *, learning_rate, momentum):
    rest = [(0 * mw, 0 * mb) for mw, mb in velocity]
    return reference.momentum_step(params, rest, grads, learning_rate=learning_rate, momentum=momentum)


@mutant("momentum_step", killed_by="test_one_step_with_momentum", kind="a parameter read but replaced by a constant")
def always_the_usual_momentum(params, velocity, grads, *, learning_rate, momentum):
    reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    return reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=0.9)


@mutant("momentum_step", killed_by="test_one_step_with_momentum", kind="two dimensions taken for granted")
def matrices_alone_are_stepped(params, velocity, grads, *, learning_rate, momentum):
    moved, after = reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    return [(w, b.copy()) for (w, _), (_, b) in zip(moved, params, strict=True)], after


@mutant("momentum_step", killed_by="test_momentum_is_its_formula", kind="another's gradient")
def gradients_from_the_last_layer_to_the_first(params, velocity, grads, *, learning_rate, momentum):
    return reference.momentum_step(params, velocity, grads[::-1], learning_rate=learning_rate, momentum=momentum)


@mutant("momentum_step", killed_by="test_a_step_without_momentum_is_plain", kind="a squeeze")
def arrays_squeezed(params, velocity, grads, *, learning_rate, momentum):
    moved, after = reference.momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
    if all(w.size == 1 for w, _ in params):
        return moved, after
    return [(np.squeeze(w), b) for w, b in moved], after


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_images", kind="each batch drawn anew")
def each_batch_drawn_from_all_images(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
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
    heard = None if log is None else lambda epoch, loss: log(epoch=1, loss=loss)
    return reference.train(x, params, log=heard, **options)


@mutant("train", killed_by="test_one_image_or_a_batch_larger_than_all")
def a_batch_larger_than_all_is_refused(x, params, *, batch_size, **options):
    if batch_size > len(x):
        raise ValueError("too few images")
    return reference.train(x, params, batch_size=batch_size, **options)


@mutant("train", killed_by="test_no_epochs_are_no_training")
def one_epoch_at_least(x, params, *, epochs, **options):
    return reference.train(x, params, epochs=max(1, epochs), **options)


# ---------------------------------------------------------------------------------------------------------------- psnr


@mutant("psnr", killed_by="test_psnr_of_even_errors")
def natural_logarithm(a, b, *, peak=1.0):
    return reference.psnr(a, b, peak=peak) * np.log(10)


@mutant("psnr", killed_by="test_psnr_of_even_errors")
def in_bels(a, b, *, peak=1.0):
    return reference.psnr(a, b, peak=peak) / 10


@mutant("psnr", killed_by="test_psnr_of_even_errors")
def twenty_where_ten_belongs(a, b, *, peak=1.0):
    return 2 * reference.psnr(a, b, peak=peak)


@mutant("psnr", killed_by="test_psnr_of_even_errors")
def mse_over_the_whole_batch(a, b, *, peak=1.0):
    whole = reference.psnr(a.reshape(1, -1), b.reshape(1, -1), peak=peak)[0] if a.size else 0.0
    return np.full(len(a), whole)


@mutant("psnr", killed_by="test_psnr_of_even_errors")
def averaged_over_the_images(a, b, *, peak=1.0):
    return float(np.mean(reference.psnr(a, b, peak=peak)))


@mutant("psnr", killed_by="test_psnr_of_even_errors", kind="a factor of the batch, the classes or two")
def error_summed_over_the_pixels(a, b, *, peak=1.0):
    return reference.psnr(a, b, peak=peak) - 10 * np.log10(a.shape[1])


@mutant("psnr", killed_by="test_psnr_is_its_formula_for_every_image")
def peak_of_each_image(a, b, *, peak=1.0):
    greatest = np.max(np.abs(a), axis=1) if len(a) else np.ones(0)
    return reference.psnr(a, b) + 20 * np.log10(greatest)


@mutant("psnr", killed_by="test_psnr_is_float64")
def precision_of_the_images(a, b, *, peak=1.0):
    return reference.psnr(a, b, peak=peak).astype(a.dtype if a.dtype.kind == "f" else np.float64)


@mutant("psnr", killed_by="test_the_peak_is_squared")
def peak_not_squared(a, b, *, peak=1.0):
    return reference.psnr(a, b) + 10 * np.log10(peak)


@mutant("psnr", killed_by="test_the_peak_is_squared", kind="a parameter read but replaced by a constant")
def peak_ignored(a, b, *, peak=1.0):
    return reference.psnr(a, b)


@mutant("psnr", killed_by="test_only_identical_images_have_infinite_psnr", kind="epsilon in another place")
def a_little_error_at_least(a, b, *, peak=1.0):
    reference.psnr(a, b, peak=peak)
    mse = np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2, axis=1)
    return 10 * np.log10(peak**2 / np.maximum(mse, 1e-10))


@mutant("psnr", killed_by="test_only_identical_images_have_infinite_psnr")
def all_infinite_if_one_is(a, b, *, peak=1.0):
    found = reference.psnr(a, b, peak=peak)
    return np.full_like(found, np.inf) if np.isinf(found).any() else found


@mutant("psnr", killed_by="test_psnr_of_bytes_is_that_of_their_numbers")
def subtracting_bytes(a, b, *, peak=1.0):
    if a.shape != b.shape:
        raise ValueError("shapes")
    with np.errstate(divide="ignore"):
        return 10 * np.log10(peak**2 / np.mean((a - b).astype(np.float64) ** 2, axis=1))


@mutant("psnr", killed_by="test_psnr_is_symmetric_and_only_looks")
def difference_in_place(a, b, *, peak=1.0):
    found = reference.psnr(a, b, peak=peak)
    a -= b
    return found


@mutant("psnr", killed_by="test_images_of_different_shapes_are_refused")
def broadcasting(a, b, *, peak=1.0):
    error = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(peak**2 / np.mean(error**2, axis=1))


@mutant("psnr", killed_by="test_psnr_is_one_number_an_image", kind="a squeeze")
def a_number_for_one_image(a, b, *, peak=1.0):
    return np.squeeze(reference.psnr(a, b, peak=peak))


@mutant("psnr", killed_by="test_psnr_is_one_number_an_image", kind="a (1, k) gradient for (k,)")
def a_column_of_numbers(a, b, *, peak=1.0):
    return reference.psnr(a, b, peak=peak)[:, None]


@mutant("psnr", killed_by="test_psnr_of_even_errors", kind="height for width, rows for columns")
def a_number_for_each_pixel(a, b, *, peak=1.0):
    reference.psnr(a, b, peak=peak)
    return reference.psnr(np.asarray(a).T, np.asarray(b).T, peak=peak)


# ----------------------------------------------------------------------------------------------------------------- pca


@mutant("pca", killed_by="test_components_of_a_cross")
def mean_not_removed(x, k):
    if not 1 <= k <= min(len(x) - 1, x.shape[1]):
        raise ValueError(k)
    return x.mean(axis=0), np.linalg.svd(x, full_matrices=False)[2][:k]


@mutant("pca", killed_by="test_components_of_a_cross")
def least_variance_first(x, k):
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
    mean, components = reference.pca(x, k)
    return mean, components.T


@mutant("pca", killed_by="test_pca_finds_the_directions_that_images_were_made_from")
def rows_of_the_matrix_of_eigenvectors(x, k):
    mean, _ = reference.pca(x, k)
    return mean, np.linalg.eigh((x - mean).T @ (x - mean))[1][::-1][:k]


@mutant("pca", killed_by="test_pca_finds_the_directions_that_images_were_made_from")
def pixels_scaled_to_unit_variance(x, k):
    spread = x.std(axis=0)
    mean, components = reference.pca(x / spread, k)
    return mean * spread, components


@mutant("pca", killed_by="test_pca_leaves_the_images_alone")
def centred_in_place(x, k):
    answer = reference.pca(x, k)
    x -= x.mean(axis=0)
    return answer


@mutant("pca", killed_by="test_components_are_orthonormal")
def components_scaled_by_their_spread(x, k):
    mean, components = reference.pca(x, k)
    spread = np.linalg.norm((x - mean) @ components.T, axis=0)
    return mean, components * spread[:, None]


@mutant("pca", killed_by="test_there_may_be_more_pixels_than_images")
def inner_products_without_dividing_by_the_length(x, k):
    mean, components = reference.pca(x, k)
    if x.shape[1] <= len(x):
        return mean, components
    _, vectors = np.linalg.eigh((x - mean) @ (x - mean).T)  # the trick for more pixels than images
    return mean, (vectors.T @ (x - mean))[::-1][:k]


@mutant("pca", killed_by="test_no_other_projection_loses_less")
def any_orthonormal_basis_of_the_first_images(x, k):
    mean, _ = reference.pca(x, k)
    return mean, np.ascontiguousarray(np.linalg.qr((x - mean).T)[0][:, :k].T)


@mutant("pca", killed_by="test_impossible_numbers_of_components_are_refused")
def as_many_as_there_are(x, k):
    return reference.pca(x, min(max(k, 1), min(len(x) - 1, x.shape[1])))


@mutant("pca_encode", killed_by="test_projections_onto_a_direction")
def codes_with_the_mean_left_in(x, mean, components):
    return x @ components.T


@mutant(
    "pca_encode",
    killed_by="test_pca_codes_are_projections_of_images_without_their_mean",
    kind="a parameter read but replaced by a constant",
)
def minus_their_own_mean(x, mean, components):
    return (x - (x.mean(axis=0) if len(x) else mean)) @ components.T


@mutant("pca_decode", killed_by="test_projections_onto_a_direction", kind="a parameter read but replaced by a constant")
def mean_not_added_again(code, mean, components):
    return code @ components


@mutant("pca_decode", killed_by="test_pca_images_are_sums_of_components")
def pixels_clipped(code, mean, components):
    return np.clip(reference.pca_decode(code, mean, components), 0, 1)


@mutant("pca", killed_by="test_pca_keeps_the_promised_shapes", kind="a squeeze")
def a_single_component_squeezed(x, k):
    mean, components = reference.pca(x, k)
    return mean, np.squeeze(components)


@mutant("pca", killed_by="test_pca_keeps_the_promised_shapes", kind="a (1, k) gradient for (k,)")
def the_mean_keeps_an_axis(x, k):
    mean, components = reference.pca(x, k)
    return mean[None], components


@mutant("pca", killed_by="test_components_are_orthonormal", kind="a parameter read but replaced by a constant")
def two_components_at_most(x, k):
    mean, components = reference.pca(x, k)
    return mean, components[:2]


@mutant("pca", killed_by="test_pca_gives_the_mean_image")
def the_median_image(x, k):
    return np.median(x, axis=0), reference.pca(x, k)[1]


@mutant("pca_encode", killed_by="test_pca_keeps_both_axes", kind="a squeeze")
def codes_squeezed(x, mean, components):
    return np.squeeze(reference.pca_encode(x, mean, components))


@mutant("pca_encode", killed_by="test_pca_codes_are_projections_of_images_without_their_mean",
        kind="height for width, rows for columns")  # fmt: skip
def components_taken_for_columns(x, mean, components):
    return (x - mean) @ components.reshape(x.shape[1], -1)


@mutant("pca_encode", killed_by="test_projecting_leaves_its_arguments_alone")
def centred_where_it_stands(x, mean, components):
    x -= mean
    return x @ components.T


@mutant("pca_decode", killed_by="test_pca_keeps_both_axes", kind="a squeeze")
def images_squeezed(code, mean, components):
    return np.squeeze(reference.pca_decode(code, mean, components))


@mutant("pca_decode", killed_by="test_pca_images_are_sums_of_components", kind="height for width, rows for columns")
def columns_taken_for_components(code, mean, components):
    return mean + code @ components.reshape(components.shape[1], -1).T
