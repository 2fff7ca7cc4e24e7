"""Wrong answers to `backprop`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions.
"""

from itertools import pairwise

import backprop as reference
import numpy as np

from autograder.testing import mutant

# -------------------------------------------------------------------------------------------------------- activations


@mutant("sigmoid", killed_by="test_sigmoid_of_logarithms")
def without_the_minus(x):
    """You leave out the minus sign in the exponent.

    Handout: The network
    """
    return 1 / (1 + np.exp(x))


@mutant("sigmoid", killed_by="test_sigmoid_is_finite_at_large_inputs", kind="no shift in exponentials")
def as_a_ratio_of_exponentials(x):
    """You take the exponential of x, which overflows for large x, so your result is NaN there.

    Handout: The network
    """
    return np.exp(x) / (1 + np.exp(x))


@mutant("sigmoid", killed_by="test_sigmoid_is_finite_at_large_inputs")
def clipped_far_too_early(x):
    """You clip x to a short interval, so your result is not exact for large |x|."""
    return reference.sigmoid(np.clip(x, -20, 20))


@mutant("sigmoid", killed_by="test_activations_keep_float32[sigmoid]")
def always_in_float64(x):
    """You return float64 for a float32 array."""
    return reference.sigmoid(np.asarray(x, dtype=np.float64))


@mutant("sigmoid", killed_by="test_integers_are_taken_as_numbers[sigmoid]")
def negating_unsigned_pixels(x):
    """You negate integers without a conversion to floats, which is wrong for unsigned ones."""
    return 1 / (1 + np.exp(-x))


@mutant("sigmoid", killed_by="test_activations_keep_every_shape[sigmoid]")
def of_the_first_axis_only(x):
    """You return the result with one axis of length 1 too many."""
    return np.array([reference.sigmoid(row) for row in x[:, None]])


@mutant("sigmoid_derivative", killed_by="test_a_derivative_comes_from_the_output[sigmoid]")
def from_the_input(a):
    """You apply sigmoid to a, which is the output of sigmoid already.

    Handout: Mistakes that many make
    """
    s = reference.sigmoid(a)
    return s * (1 - s)


@mutant("sigmoid", killed_by="test_activations_keep_every_shape[sigmoid]", kind="a squeeze")
def sigmoid_without_axes_of_one(x):
    """You drop axes of length 1 from the result."""
    return np.squeeze(reference.sigmoid(x))


@mutant("sigmoid", killed_by="test_activations_keep_every_shape[sigmoid]", kind="two dimensions taken for granted")
def sigmoid_row_by_row(x):
    """Your function works only for arrays of one or two axes."""
    rows, columns = x.shape if x.ndim > 1 else (1, len(x))
    return reference.sigmoid(x.reshape(rows, columns)).reshape(x.shape)


@mutant("sigmoid_derivative", killed_by="test_activations_keep_every_shape[sigmoid_derivative]", kind="a squeeze")
def sigmoid_slope_without_axes_of_one(a):
    """You drop axes of length 1 from the result."""
    return np.squeeze(reference.sigmoid_derivative(a))


@mutant(
    "sigmoid_derivative",
    killed_by="test_activations_keep_every_shape[sigmoid_derivative]",
    kind="two dimensions taken for granted",
)
def sigmoid_slope_row_by_row(a):
    """Your function works only for arrays of one or two axes."""
    rows, columns = a.shape if a.ndim > 1 else (1, len(a))
    return reference.sigmoid_derivative(a.reshape(rows, columns)).reshape(a.shape)


@mutant("sigmoid_derivative", killed_by="test_a_derivative_comes_from_the_output[sigmoid]",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def sigmoid_slope_that_is_one_in_the_middle(a):
    """Your derivative is too large by a factor of 4.

    Handout: The network
    """
    return 4 * a * (1 - a)


@mutant("sigmoid_derivative", killed_by="test_a_derivative_comes_from_the_output[sigmoid]", kind="another's gradient")
def the_slope_of_tanh(a):
    """You return the derivative of tanh and not that of the sigmoid.

    Handout: The network
    """
    return 1 - a * a


@mutant("sigmoid_derivative", killed_by="test_activations_keep_float32[sigmoid_derivative]")
def sigmoid_slope_in_float64(a):
    """You return float64 for a float32 array."""
    return reference.sigmoid_derivative(a.astype(np.float64))


@mutant("sigmoid_derivative", killed_by="test_activations_leave_their_input_alone[sigmoid_derivative]")
def sigmoid_slope_in_place(a):
    """You compute the result in a itself, which changes the caller's array.

    Handout: Mistakes that many make
    """
    a *= 1 - a
    return a


@mutant("tanh", killed_by="test_tanh_of_logarithms", kind="a factor of the batch, the classes or two")
def sigmoid_without_doubling_its_input(x):
    """You do not double the input of the sigmoid.

    Handout: The network
    """
    return 2 * reference.sigmoid(x) - 1


@mutant("tanh", killed_by="test_tanh_is_finite_at_large_inputs", kind="no shift in exponentials")
def from_exponentials_that_overflow(x):
    """You take exponentials of x and -x, which overflow for large |x|, so your result is NaN there.

    Handout: The network
    """
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


@mutant("tanh", killed_by="test_integers_are_taken_as_numbers[tanh]")
def doubling_small_integers(x):
    """You double integers without a conversion to floats, which is wrong for integers of 8 bits."""
    return 2 * reference.sigmoid(2 * x) - 1


@mutant("tanh", killed_by="test_activations_keep_every_shape[tanh]", kind="a squeeze")
def tanh_without_axes_of_one(x):
    """You drop axes of length 1 from the result."""
    return np.squeeze(reference.tanh(x))


@mutant("tanh", killed_by="test_activations_keep_every_shape[tanh]", kind="two dimensions taken for granted")
def tanh_row_by_row(x):
    """Your function works only for arrays of one or two axes."""
    rows, columns = x.shape if x.ndim > 1 else (1, len(x))
    return reference.tanh(x.reshape(rows, columns)).reshape(x.shape)


@mutant("tanh", killed_by="test_activations_keep_float32[tanh]")
def tanh_in_float64(x):
    """You return float64 for a float32 array."""
    return np.tanh(np.asarray(x, dtype=np.float64))


@mutant("tanh", killed_by="test_activations_leave_their_input_alone[tanh]")
def tanh_in_place(x):
    """You compute the result in x itself, which changes the caller's array.

    Handout: Mistakes that many make
    """
    return np.tanh(x, out=x) if x.dtype.kind == "f" else reference.tanh(x)


@mutant("sigmoid", killed_by="test_activations_leave_their_input_alone[sigmoid]")
def sigmoid_in_place(x):
    """You compute the result in x itself, which changes the caller's array.

    Handout: Mistakes that many make
    """
    if x.dtype.kind != "f":
        return reference.sigmoid(x)
    x[...] = reference.sigmoid(x)
    return x


@mutant("sigmoid", killed_by="test_sigmoid_is_its_formula")
def a_straight_line_cut_off(x):
    """You replace the sigmoid by a straight line that is clipped at 0 and 1.

    Handout: The network
    """
    return np.clip(0.5 + reference._as_float(x) / 4, 0, 1)


@mutant("tanh", killed_by="test_tanh_is_a_stretched_sigmoid")
def tanh_by_three_terms(x):
    """You replace tanh by three terms of its series for small |x|, which is not exact.

    Handout: The network
    """
    x = reference._as_float(x)
    return np.where(abs(x) < 0.5, x - x**3 / 3 + 2 * x**5 / 15, np.tanh(x))


@mutant("tanh_derivative", killed_by="test_a_derivative_comes_from_the_output[tanh]")
def tanh_slope_from_the_input(a):
    """You apply tanh to a, which is the output of tanh already.

    Handout: Mistakes that many make
    """
    return 1 - np.tanh(a) ** 2


@mutant("tanh_derivative", killed_by="test_activations_keep_every_shape[tanh_derivative]", kind="a squeeze")
def tanh_slope_without_axes_of_one(a):
    """You drop axes of length 1 from the result."""
    return np.squeeze(reference.tanh_derivative(a))


@mutant(
    "tanh_derivative",
    killed_by="test_activations_keep_every_shape[tanh_derivative]",
    kind="two dimensions taken for granted",
)
def tanh_slope_row_by_row(a):
    """Your function works only for arrays of one or two axes."""
    rows, columns = a.shape if a.ndim > 1 else (1, len(a))
    return reference.tanh_derivative(a.reshape(rows, columns)).reshape(a.shape)


@mutant("tanh_derivative", killed_by="test_a_derivative_comes_from_the_output[tanh]",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def twice_the_slope_of_tanh(a):
    """Your derivative is too large by a factor of 2.

    Handout: The network
    """
    return 2 * (1 - a * a)


@mutant("tanh_derivative", killed_by="test_a_derivative_comes_from_the_output[tanh]", kind="another's gradient")
def the_slope_of_the_sigmoid(a):
    """You return the derivative of the sigmoid and not that of tanh.

    Handout: The network
    """
    return a * (1 - a)


@mutant("tanh_derivative", killed_by="test_tanh_derivative_comes_from_the_output")
def of_positive_outputs_only(a):
    """Your derivative is wrong for negative outputs: it is greater than 1 there.

    Handout: The network
    """
    return 1 - a * np.abs(a)


@mutant("sigmoid_derivative", killed_by="test_sigmoid_derivative_is_at_most_a_quarter")
def at_least_a_tenth(a):
    """You keep the derivative above a small positive number, so it is wrong for outputs near 0 and 1.

    Handout: The network
    """
    return np.maximum(a * (1 - a), 0.06)


@mutant("tanh_derivative", killed_by="test_activations_keep_float32[tanh_derivative]")
def tanh_slope_in_float64(a):
    """You return float64 for a float32 array."""
    return 1 - a.astype(np.float64) ** 2


@mutant("tanh_derivative", killed_by="test_activations_leave_their_input_alone[tanh_derivative]")
def tanh_slope_in_place(a):
    """You compute the result in a itself, which changes the caller's array.

    Handout: Mistakes that many make
    """
    np.square(a, out=a)
    np.subtract(1, a, out=a)
    return a


@mutant("relu", killed_by="test_activations_leave_their_input_alone[relu]")
def cutting_off_in_place(x):
    """You set negative entries of x to 0 in place, which changes the caller's array.

    Handout: Mistakes that many make
    """
    x[x < 0] = 0
    return x


@mutant("relu", killed_by="test_relu_of_positive_and_negative_numbers")
def leaky(x):
    """You compute a leaky ReLU, which scales negative inputs and does not make them 0.

    Handout: The network
    """
    return np.where(x > 0, x, 0.01 * x)


@mutant("relu", killed_by="test_activations_keep_every_shape[relu]", kind="a squeeze")
def relu_without_axes_of_one(x):
    """You drop axes of length 1 from the result."""
    return np.squeeze(reference.relu(x))


@mutant("relu", killed_by="test_activations_keep_every_shape[relu]", kind="two dimensions taken for granted")
def relu_entry_by_entry(x):
    """Your function works only for arrays of one or two axes."""
    rows, columns = x.shape if x.ndim > 1 else (1, len(x))
    flat = x.reshape(rows, columns)
    return np.array([[max(flat[i, j], 0.0) for j in range(columns)] for i in range(rows)], x.dtype).reshape(x.shape)


@mutant("relu", killed_by="test_relu_is_the_positive_part")
def not_above_six(x):
    """You clip large outputs at an upper bound.

    Handout: The network
    """
    return np.clip(x, 0, 6)


@mutant("relu", killed_by="test_activations_keep_float32[relu]")
def relu_in_float64(x):
    """You return float64 for a float32 array."""
    return np.maximum(x, np.float64(0)).astype(np.float64)


@mutant("relu_derivative", killed_by="test_closed_relus_have_no_slope", kind="a mask with >= for >")
def open_where_the_output_is_zero(a):
    """Your derivative is 1 where the output is 0.

    Handout: The network
    """
    return (a >= 0).astype(a.dtype)


@mutant("relu_derivative", killed_by="test_a_derivative_comes_from_the_output[relu]")
def as_truth_values(a):
    """You return truth values and not numbers of a's dtype."""
    return a > 0


@mutant("relu_derivative", killed_by="test_activations_keep_float32[relu_derivative]")
def slopes_in_float64(a):
    """You return float64 for a float32 array."""
    return np.where(a > 0, 1.0, 0.0)


@mutant("relu_derivative", killed_by="test_activations_keep_every_shape[relu_derivative]", kind="a squeeze")
def relu_slope_without_axes_of_one(a):
    """You drop axes of length 1 from the result."""
    return np.squeeze(reference.relu_derivative(a))


@mutant(
    "relu_derivative",
    killed_by="test_activations_keep_every_shape[relu_derivative]",
    kind="two dimensions taken for granted",
)
def relu_slope_row_by_row(a):
    """Your function works only for arrays of one or two axes."""
    rows, columns = a.shape if a.ndim > 1 else (1, len(a))
    return reference.relu_derivative(a.reshape(rows, columns)).reshape(a.shape)


@mutant("relu_derivative", killed_by="test_a_derivative_comes_from_the_output[relu]",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def half_a_slope(a):
    """Your derivative is 1/2 where the output is positive.

    Handout: The network
    """
    return reference.relu_derivative(a) / 2


@mutant("relu_derivative", killed_by="test_a_derivative_comes_from_the_output[relu]", kind="another's gradient")
def the_slope_of_the_identity(a):
    """You return the derivative of the identity: it is 1 everywhere.

    Handout: The network
    """
    return np.ones_like(a)


@mutant("relu_derivative", killed_by="test_relu_derivative_comes_from_the_output")
def small_outputs_count_as_zero(a):
    """You treat small positive outputs as 0.

    Handout: The network
    """
    return (a > 1e-4).astype(a.dtype)


@mutant("relu_derivative", killed_by="test_activations_leave_their_input_alone[relu_derivative]")
def relu_slope_in_place(a):
    """You write the derivative into a, which changes the caller's array.

    Handout: Mistakes that many make
    """
    a[a > 0] = 1
    return a


# ----------------------------------------------------------------------------------------------------- initialization


@mutant("xavier_uniform", killed_by="test_xavier_stays_within_its_bound", kind="height for width, rows for columns")
def outputs_before_inputs(fan_in, fan_out, rng):
    """You return weights of shape (fan_out, fan_in)."""
    return reference.xavier_uniform(fan_out, fan_in, rng)


@mutant(
    "xavier_uniform",
    killed_by="test_xavier_fills_its_interval_evenly",
    kind="a parameter read but replaced by a constant",
)
def scaled_by_the_fan_in_alone(fan_in, fan_out, rng):
    """You compute the bound c from fan_in alone.

    Handout: Training
    """
    c = np.sqrt(3.0 / fan_in)
    return rng.uniform(-c, c, (fan_in, fan_out))


@mutant("xavier_uniform", killed_by="test_xavier_fills_its_interval_evenly", kind="a normal draw for a uniform one")
def normal_with_the_same_variance(fan_in, fan_out, rng):
    """You draw from a normal distribution and not from a uniform one.

    Handout: Training
    """
    return rng.normal(0, np.sqrt(2.0 / (fan_in + fan_out)), (fan_in, fan_out))


@mutant("xavier_uniform", killed_by="test_xavier_fills_its_interval_evenly")
def with_the_variance_as_its_bound(fan_in, fan_out, rng):
    """You use the variance of the weights as the bound c.

    Handout: Training
    """
    c = min(1, 2.0 / (fan_in + fan_out))
    return rng.uniform(-c, c, (fan_in, fan_out))


@mutant("xavier_uniform", killed_by="test_xavier_fills_its_interval_evenly")
def positive_weights_only(fan_in, fan_out, rng):
    """You draw from [0, c], so no weight is negative.

    Handout: Training
    """
    return rng.uniform(0, np.sqrt(6.0 / (fan_in + fan_out)), (fan_in, fan_out))


@mutant("xavier_uniform", killed_by="test_all_chance_comes_from_rng")
def from_the_global_generator(fan_in, fan_out, rng):
    """You draw from numpy's global generator and not from rng."""
    c = np.sqrt(6.0 / (fan_in + fan_out))
    return np.random.uniform(-c, c, (fan_in, fan_out))


@mutant("xavier_uniform", killed_by="test_all_chance_comes_from_rng", kind="a zero or constant draw")
def from_a_seed_of_its_own(fan_in, fan_out, rng):
    """You draw from a generator with a fixed seed and not from rng.

    Handout: Mistakes that many make
    """
    return reference.xavier_uniform(fan_in, fan_out, np.random.default_rng(0))


@mutant("xavier_uniform", killed_by="test_layers_without_units_are_refused")
def without_looking_at_the_fans(fan_in, fan_out, rng):
    """You raise no ValueError for a fan below 1."""
    c = np.sqrt(6.0 / abs(fan_in + fan_out or 1))
    return rng.uniform(-c, c, (abs(fan_in), abs(fan_out)))


@mutant("xavier_uniform", killed_by="test_layers_of_one_unit_have_weights_too", kind="a squeeze")
def weights_without_axes_of_one(fan_in, fan_out, rng):
    """You drop axes of length 1, so weights have the wrong shape if a fan is 1."""
    return np.squeeze(reference.xavier_uniform(fan_in, fan_out, rng))


@mutant("xavier_uniform", killed_by="test_layers_of_one_unit_have_weights_too", kind="a mask with >= for >")
def no_layers_of_one_unit(fan_in, fan_out, rng):
    """You raise ValueError for a fan of 1."""
    if fan_in <= 1 or fan_out <= 1:
        raise ValueError("a layer needs units")
    return reference.xavier_uniform(fan_in, fan_out, rng)


@mutant("xavier_uniform", killed_by="test_xavier_fills_its_interval_evenly",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def half_of_the_bound(fan_in, fan_out, rng):
    """You draw from an interval that is half as wide as [-c, c].

    Handout: Training
    """
    return reference.xavier_uniform(fan_in, fan_out, rng) / 2


@mutant("initialize", killed_by="test_every_layer_is_drawn_evenly", kind="a normal draw for a uniform one")
def normal_weights_cut_at_the_bound(widths, rng):
    """You draw from a normal distribution that is clipped at the bound and not from a uniform one.

    Handout: Training
    """
    reference.initialize(widths, np.random.default_rng(0))
    return [
        (np.clip(rng.normal(0, np.sqrt(2 / sum(fans)), fans), -np.sqrt(6 / sum(fans)), np.sqrt(6 / sum(fans))),
         np.zeros(fans[1]))
        for fans in pairwise(widths)
    ]  # fmt: skip


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer", kind="a zero or constant draw")
def all_weights_zero(widths, rng):
    """You set all weights to 0."""
    return [(0 * w, b) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_initialize_fits_its_layers_together", kind="a squeeze")
def params_without_axes_of_one(widths, rng):
    """You drop axes of length 1, so weights have the wrong shape next to a layer of one unit."""
    return [(np.squeeze(w), b) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_a_network_of_one_width_is_refused")
def one_width_makes_no_layer(widths, rng):
    """You return no layers for fewer than two widths and raise no ValueError."""
    return reference.initialize(widths, rng) if len(widths) > 1 else []


@mutant("initialize", killed_by="test_initialize_fits_its_layers_together", kind="a mask with >= for >")
def hidden_layers_are_demanded(widths, rng):
    """You raise ValueError for a network without hidden layers."""
    if len(widths) <= 2:
        raise ValueError("where is the hidden layer?")
    return reference.initialize(widths, rng)


@mutant(
    "initialize", killed_by="test_initialize_makes_a_pair_for_each_layer", kind="height for width, rows for columns"
)
def outputs_before_inputs_in_every_layer(widths, rng):
    """You exchange fan_in and fan_out in every layer.

    Handout: The network
    """
    return [(w.T, np.zeros(len(w))) for w, _ in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_every_layer_is_drawn_evenly",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def each_layer_as_narrow_as_the_widest(widths, rng):
    """You compute one bound from the greatest width and use it for all layers.

    Handout: Training
    """
    params, least = reference.initialize(widths, rng), np.sqrt(3 / max(widths))
    return [(w * min(1, least / np.sqrt(6 / sum(w.shape))), b) for w, b in params]


@mutant("initialize", killed_by="test_every_layer_has_a_draw_of_its_own")
def each_layer_from_the_same_seed(widths, rng):
    """You draw every layer from a generator with the same seed, so the layers are not drawn apart."""
    seed = int(rng.integers(2**32))
    return [
        (reference.xavier_uniform(*fans, np.random.default_rng(seed)), np.zeros(fans[1])) for fans in pairwise(widths)
    ] or reference.initialize(widths, rng)


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer")
def random_biases(widths, rng):
    """You draw random biases and do not begin with zeros."""
    return [(w, rng.uniform(-0.1, 0.1, b.shape)) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer", kind="a (1, k) gradient for (k,)")
def biases_as_rows(widths, rng):
    """You return biases of shape (1, fan_out).

    Handout: The network
    """
    return [(w, b[None, :]) for w, b in reference.initialize(widths, rng)]


# ------------------------------------------------------------------------------------------------------------ forward


@mutant("forward", killed_by="test_forward_of_one_hidden_layer")
def activation_on_the_logits_too(x, params, activation):
    """You apply the activation to the logits too.

    Handout: Mistakes that many make
    """
    z, cache = reference.forward(x, params, activation)
    return reference.ACTIVATIONS[activation][0](z), cache


@mutant("forward", killed_by="test_one_layer_is_affine")
def activation_after_a_single_layer(x, params, activation):
    """You apply the activation to the logits if the network has one layer.

    Handout: Mistakes that many make
    """
    z, cache = reference.forward(x, params, activation)
    return (reference.ACTIVATIONS[activation][0](z) if len(params) == 1 else z), cache


@mutant("forward", killed_by="test_forward_of_one_hidden_layer")
def without_the_hidden_biases(x, params, activation):
    """You leave out the biases of the hidden layers.

    Handout: The network
    """
    hidden = [(w, np.zeros_like(b)) for w, b in params[:-1]]
    return reference.forward(x, [*hidden, params[-1]], activation)


@mutant("forward", killed_by="test_forward_of_one_hidden_layer", kind="height for width, rows for columns")
def square_weights_transposed(x, params, activation):
    """You multiply by the transpose of w where a layer has as many outputs as inputs.

    Handout: The network
    """
    return reference.forward(x, [(w.T if w.shape[0] == w.shape[1] else w, b) for w, b in params], activation)


@mutant("forward", killed_by="test_forward_is_its_formula[tanh]")
def never_more_than_one_hidden_layer(x, params, activation):
    """You apply the activation in the first hidden layer only.

    Handout: The network
    """
    f, _ = reference.ACTIVATIONS[activation]
    outputs = [x]
    for layer, (w, b) in enumerate(params[:-1]):
        z = outputs[-1] @ w + b
        outputs.append(f(z) if layer == 0 else z)
    return outputs[-1] @ params[-1][0] + params[-1][1], outputs


@mutant("forward", killed_by="test_forward_is_its_formula[relu]", kind="a parameter read but replaced by a constant")
def always_sigmoid(x, params, activation):
    """You ignore the name of the activation and always use the sigmoid.

    Handout: The network
    """
    reference.forward(x, params, activation)
    return reference.forward(x, params, "sigmoid")


@mutant("forward", killed_by="test_forward_of_one_example_is_one_row", kind="a squeeze")
def one_example_loses_its_axis(x, params, activation):
    """You drop the axis of the examples if there is only one example.

    Handout: Mistakes that many make
    """
    z, cache = reference.forward(x, params, activation)
    return (z[0] if len(z) == 1 else z), cache


@mutant("forward", killed_by="test_forward_leaves_its_arguments_alone")
def taking_layers_off_the_list(x, params, activation):
    """You remove layers from params, which changes the caller's list."""
    layers = [(w, b) for w, b in params]
    while len(params) > 1:
        params.pop(0)
    return reference.forward(x, layers, activation)


@mutant("forward", killed_by="test_an_unknown_activation_is_refused")
def unknown_activations_are_the_identity(x, params, activation):
    """You treat an unknown activation as the identity and raise no ValueError."""
    return reference.forward(x, params, activation if activation in reference.ACTIVATIONS else "identity")


@mutant("forward", killed_by="test_forward_is_finite_when_units_saturate[sigmoid]", kind="no shift in exponentials")
def hidden_units_from_overflowing_exponentials(x, params, activation):
    """You compute hidden sigmoids and tanhs with exponentials that overflow for large inputs.

    Handout: The network
    """
    overflowing = {
        "sigmoid": lambda z: np.exp(z) / (1 + np.exp(z)),
        "tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    }
    if activation not in overflowing:
        return reference.forward(x, params, activation)
    outputs = [x]
    for w, b in params[:-1]:
        outputs.append(overflowing[activation](outputs[-1] @ w + b))
    return outputs[-1] @ params[-1][0] + params[-1][1], outputs


@mutant("forward", killed_by="test_forward_is_finite_when_units_saturate[tanh]")
def hidden_tanhs_from_a_clipped_input(x, params, activation):
    """You clip the inputs of hidden tanhs, so your logits are not exact where these inputs are large.

    Handout: The network
    """
    outputs = [x]
    f, _ = reference.ACTIVATIONS[activation] if activation in reference.ACTIVATIONS else reference._activation("")
    for w, b in params[:-1]:
        z = outputs[-1] @ w + b
        outputs.append(f(np.clip(z, -9.5, 9.5)) if activation == "tanh" else f(z))
    return outputs[-1] @ params[-1][0] + params[-1][1], outputs


@mutant("forward", killed_by="test_layers_of_one_unit_keep_both_axes")
def a_single_logit_loses_its_axis(x, params, activation):
    """You drop the axis of the classes if there is only one class."""
    z, cache = reference.forward(x, params, activation)
    return (z[:, 0] if z.shape[1] == 1 else z), cache


@mutant("forward", killed_by="test_forward_gives_a_row_of_logits_an_example")
def the_first_layer_alone(x, params, activation):
    """You compute the first layer alone if there are more than two layers.

    Handout: The network
    """
    return reference.forward(x, [params[0]] if len(params) != 2 else params, activation)


@mutant("forward", killed_by="test_forward_is_its_formula[identity]")
def hyperbolic_where_nothing_is_asked(x, params, activation):
    """You use tanh in the hidden layers where the activation is the identity.

    Handout: The network
    """
    return reference.forward(x, params, "tanh" if activation == "identity" and len(params) > 1 else activation)


@mutant("forward", killed_by="test_forward_is_its_formula[sigmoid]")
def sigmoids_around_zero(x, params, activation):
    """You subtract 1/2 from the outputs of hidden sigmoids.

    Handout: The network
    """
    if activation != "sigmoid":
        return reference.forward(x, params, activation)
    outputs = [x]
    for w, b in params[:-1]:
        outputs.append(reference.sigmoid(outputs[-1] @ w + b) - 0.5)
    return outputs[-1] @ params[-1][0] + params[-1][1], outputs


# ----------------------------------------------------------------------------------------------------------- backward


@mutant("backward", killed_by="test_gradients_of_biases_are_exact[tanh]")
def no_gradient_for_hidden_biases(dz, params, cache, activation):
    """You return gradients of 0 for the biases of the hidden layers.

    Handout: Mistakes that many make
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    return [*[(dw, np.zeros_like(db)) for dw, db in grads[:-1]], grads[-1]], dx


@mutant("backward", killed_by="test_gradients_of_one_layer_are_exact")
def bias_gradients_averaged_over_the_examples(dz, params, cache, activation):
    """You average the gradients of the biases over the examples and do not sum them.

    Handout: Mistakes that many make
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    return [(dw, db / len(dz)) for dw, db in grads], dx


@mutant("backward", killed_by="test_gradients_of_one_layer_are_exact", kind="a factor of the batch, the classes or two")
def averaged_over_the_examples(dz, params, cache, activation):
    """You divide all gradients by the number of examples.

    Handout: The backward pass
    """
    return reference.backward(dz / len(dz), params, cache, activation)


@mutant("backward", killed_by="test_gradients_of_weights_are_exact[tanh]")
def first_hidden_layer_without_a_derivative(dz, params, cache, activation):
    """You leave out the derivative of the activation of the first hidden layer.

    Handout: The backward pass
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    if len(params) == 1:
        return grads, dx
    upper, delta = reference.backward(dz, params[1:], cache[1:], activation)
    return [(cache[0].T @ delta, delta.sum(axis=0)), *upper], delta @ params[0][0].T


@mutant("backward", killed_by="test_gradients_of_weights_are_exact[sigmoid]")
def slopes_at_the_outputs(dz, params, cache, activation):
    """You apply the activation to a again before you take its derivative.

    Handout: Mistakes that many make
    """
    f, derivative = reference.ACTIVATIONS[activation]
    grads, delta = [], dz
    for layer in reversed(range(len(params))):
        grads.insert(0, (cache[layer].T @ delta, delta.sum(axis=0)))
        delta = delta @ params[layer][0].T
        if layer > 0:
            delta = delta * derivative(f(cache[layer]))
    return grads, delta


@mutant("backward", killed_by="test_gradients_of_one_layer_are_exact", kind="height for width, rows for columns")
def square_weights_not_transposed(dz, params, cache, activation):
    """You multiply delta by w and not by its transpose where a layer has as many outputs as inputs.

    Handout: Mistakes that many make
    """
    return reference.backward(dz, [(w.T if w.shape[0] == w.shape[1] else w, b) for w, b in params], cache, activation)


@mutant("backward", killed_by="test_gradients_of_one_layer_are_exact")
def derivative_of_the_logits_too(dz, params, cache, activation):
    """You multiply dz by the derivative of the activation.

    Handout: Mistakes that many make
    """
    _, derivative = reference.ACTIVATIONS[activation]
    z = cache[-1] @ params[-1][0] + params[-1][1]
    return reference.backward(dz * derivative(z), params, cache, activation)


@mutant("backward", killed_by="test_gradients_of_one_layer_are_exact")
def softmax_applied_to_the_upstream_gradient(dz, params, cache, activation):
    """You subtract the mean of each row from dz.

    Handout: The backward pass
    """
    return reference.backward(dz - dz.mean(axis=1, keepdims=True), params, cache, activation)


@mutant("backward", killed_by="test_gradients_of_one_layer_are_exact")
def derivative_at_the_inputs_too(dz, params, cache, activation):
    """You multiply dx by the derivative of the activation, whatever the number of layers.

    Handout: Mistakes that many make
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    return grads, dx * reference.ACTIVATIONS[activation][1](cache[0])


@mutant("backward", killed_by="test_gradients_of_one_layer_are_exact")
def input_gradient_left_out(dz, params, cache, activation):
    """You return grads alone and leave out dx.

    Handout: The backward pass
    """
    return reference.backward(dz, params, cache, activation)[0]


@mutant("backward", killed_by="test_gradients_of_weights_are_exact[identity]", kind="another's gradient")
def last_layer_first(dz, params, cache, activation):
    """You return the gradients with the last layer first."""
    grads, dx = reference.backward(dz, params, cache, activation)
    return grads[::-1], dx


@mutant("backward", killed_by="test_gradients_of_one_unit_keep_their_shapes", kind="a squeeze")
def one_example_squeezed(dz, params, cache, activation):
    """You drop axes of length 1 from dw and db, so their shapes are wrong for one unit, feature or class."""
    grads, dx = reference.backward(dz, params, cache, activation)
    return [(np.squeeze(dw), np.squeeze(db)) for dw, db in grads], dx


@mutant("backward", killed_by="test_backward_can_be_called_twice[identity]")
def using_the_cache_up(dz, params, cache, activation):
    """You empty the cache, so a second call with it fails."""
    outputs = list(cache)
    cache.clear()
    return reference.backward(dz, params, outputs, activation)


@mutant("backward", killed_by="test_backward_can_be_called_twice[tanh]")
def scaling_the_upstream_gradient_in_place(dz, params, cache, activation):
    """You divide dz in place, which changes the caller's array.

    Handout: Mistakes that many make
    """
    answer = reference.backward(dz, params, cache, activation)
    dz /= len(dz) + 1
    return answer


@mutant("backward", killed_by="test_each_cache_belongs_to_its_own_forward")
def weights_remembered_from_the_first_call(dz, params, cache, activation, remembered={}):  # noqa: B006
    """You keep the weights of the first network of a shape and use them for all others of this shape."""
    if len(params) == 1:
        return reference.backward(dz, params, cache, activation)
    first = remembered.setdefault(tuple(w.shape for w, _ in params), [(w.copy(), b) for w, b in params])
    return reference.backward(dz, first, cache, activation)


@mutant("backward", killed_by="test_closed_relus_pass_nothing_on")
def closed_relus_leak(dz, params, cache, activation):
    """You pass a tiny gradient on through closed ReLUs.

    Handout: The backward pass
    """
    if activation != "relu":
        return reference.backward(dz, params, cache, activation)
    grads, delta = [], dz
    for layer in reversed(range(len(params))):
        grads.insert(0, (cache[layer].T @ delta, delta.sum(axis=0)))
        delta = delta @ params[layer][0].T
        if layer > 0:
            delta = delta * np.where(cache[layer] > 0, 1.0, 1e-12)
    return grads, delta


@mutant("backward", killed_by="test_saturated_units_pass_nothing_on[sigmoid]")
def slopes_from_inputs_that_are_recovered(dz, params, cache, activation):
    """You compute exp(-x) from the output of a sigmoid, which divides by 0 where the output is 0.

    Handout: The backward pass
    """
    if activation != "sigmoid":
        return reference.backward(dz, params, cache, activation)
    grads, delta = [], dz
    for layer in reversed(range(len(params))):
        a = cache[layer]
        grads.insert(0, (a.T @ delta, delta.sum(axis=0)))
        delta = delta @ params[layer][0].T
        if layer > 0:
            e = (1 - a) / a  # exp(-x), since a = 1 / (1 + exp(-x))
            delta = delta * e / (1 + e) ** 2
    return grads, delta


@mutant("backward", killed_by="test_saturated_units_pass_nothing_on[tanh]", kind="no shift in exponentials")
def slopes_from_overflowing_exponentials(dz, params, cache, activation):
    """You compute the derivative of tanh with exponentials of its inputs, which overflow for large inputs.

    Handout: The backward pass
    """
    if activation != "tanh":
        return reference.backward(dz, params, cache, activation)
    grads, delta = [], dz
    for layer in reversed(range(len(params))):
        grads.insert(0, (cache[layer].T @ delta, delta.sum(axis=0)))
        delta = delta @ params[layer][0].T
        if layer > 0:
            e = np.exp(2 * (cache[layer - 1] @ params[layer - 1][0] + params[layer - 1][1]))
            delta = delta * 4 * e / (1 + e) ** 2
    return grads, delta


@mutant("backward", killed_by="test_gradients_of_weights_are_exact[relu]", kind="a mask with >= for >")
def every_relu_counts_as_open(dz, params, cache, activation):
    """You use 1 as the derivative of every ReLU.

    Handout: The backward pass
    """
    return reference.backward(dz, params, cache, "identity" if activation == "relu" else activation)


@mutant("backward", killed_by="test_gradients_have_the_shapes_of_their_params", kind="a (1, k) gradient for (k,)")
def bias_gradients_as_rows(dz, params, cache, activation):
    """You return gradients of the biases with shape (1, fan_out).

    Handout: The backward pass
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    return [(dw, db[None, :]) for dw, db in grads], dx


@mutant("backward", killed_by="test_gradients_of_one_example_keep_their_shapes")
def bias_gradients_of_one_example_as_rows(dz, params, cache, activation):
    """You return gradients of the biases with shape (1, fan_out) if there is a single example.

    Handout: The backward pass
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    return [(dw, db[None, :] if len(dz) == 1 else db) for dw, db in grads], dx


@mutant("backward", killed_by="test_gradients_of_weights_are_exact[sigmoid]",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def always_with_the_slope_of_tanh(dz, params, cache, activation):
    """You use the derivative of tanh for the sigmoid.

    Handout: The backward pass
    """
    return reference.backward(dz, params, cache, "tanh" if activation == "sigmoid" else activation)


@mutant("backward", killed_by="test_gradients_of_one_layer_are_exact", kind="an assignment for +=")
def bias_gradients_of_the_last_example(dz, params, cache, activation):
    """You take the gradient of the last layer's bias from the last example alone.

    Handout: The backward pass
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    *_, (dw, _) = grads
    return [*grads[:-1], (dw, dz[-1].copy())], dx


@mutant("backward", killed_by="test_gradients_of_inputs_are_exact[sigmoid]")
def input_gradients_times_a_slope(dz, params, cache, activation):
    """You multiply dx by the derivative of the sigmoid if the hidden layers are sigmoids.

    Handout: Mistakes that many make
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    return grads, dx * reference.sigmoid_derivative(cache[0]) if activation == "sigmoid" and len(params) > 1 else dx


@mutant("backward", killed_by="test_gradients_of_biases_are_exact[identity]")
def hidden_bias_gradients_averaged(dz, params, cache, activation):
    """You average the gradients of the hidden layers' biases over the examples and do not sum them.

    Handout: Mistakes that many make
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    return [*[(dw, db / len(dz)) for dw, db in grads[:-1]], grads[-1]], dx


@mutant("backward", killed_by="test_backward_can_be_called_twice[relu]")
def slopes_of_relu_written_into_the_cache(dz, params, cache, activation):
    """You write the derivatives of ReLU into the cache, so a second call gives other gradients."""
    answer = reference.backward(dz, params, cache, activation)
    for a in cache[1:] if activation == "relu" else []:
        a[a > 0] = 1
    return answer


@mutant("backward", killed_by="test_backward_can_be_called_twice[sigmoid]")
def slopes_of_sigmoids_written_into_the_cache(dz, params, cache, activation):
    """You write the derivatives of sigmoids into the cache, so a second call gives other gradients."""
    answer = reference.backward(dz, params, cache, activation)
    for a in cache[1:] if activation == "sigmoid" else []:
        a *= 1 - a
    return answer


@mutant("backward", killed_by="test_gradients_of_four_layers_are_exact[relu]")
def relu_networks_of_three_layers_at_most(dz, params, cache, activation):
    """Your dw is 0 for all layers before the last three if the activation is ReLU.

    Handout: The backward pass
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    return [(dw * (activation != "relu" or layer >= len(grads) - 3), db) for layer, (dw, db) in enumerate(grads)], dx


@mutant("backward", killed_by="test_gradients_of_four_layers_are_exact[sigmoid]")
def sigmoid_networks_of_three_layers_at_most(dz, params, cache, activation):
    """Your dw is 0 for all layers before the last three if the activation is the sigmoid.

    Handout: The backward pass
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    return [(dw * (activation != "sigmoid" or layer >= len(grads) - 3), db) for layer, (dw, db) in enumerate(grads)], dx


@mutant("backward", killed_by="test_gradients_of_four_layers_are_exact[tanh]")
def tanh_networks_of_three_layers_at_most(dz, params, cache, activation):
    """Your dw is 0 for all layers before the last three if the activation is tanh.

    Handout: The backward pass
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    return [(dw * (activation != "tanh" or layer >= len(grads) - 3), db) for layer, (dw, db) in enumerate(grads)], dx


@mutant("backward", killed_by="test_gradients_of_four_layers_are_exact[identity]")
def identity_networks_of_three_layers_at_most(dz, params, cache, activation):
    """Your dw is 0 for all layers before the last three if the activation is the identity.

    Handout: The backward pass
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    return [
        (dw * (activation != "identity" or layer >= len(grads) - 3), db) for layer, (dw, db) in enumerate(grads)
    ], dx


@mutant("backward", killed_by="test_gradients_of_inputs_are_exact[identity]")
def input_gradients_of_the_second_layer(dz, params, cache, activation):
    """You compute dx from the sum of delta_1 over the examples if the activation is the identity.

    Handout: The backward pass
    """
    grads, dx = reference.backward(dz, params, cache, activation)
    if len(params) == 1 or activation != "identity":
        return grads, dx
    return grads, grads[0][1] @ params[0][0].T + np.zeros_like(dx)


# ----------------------------------------------------------------------------------------- loss, accuracy, minibatches


@mutant("cross_entropy", killed_by="test_cross_entropy_of_logarithms", kind="a factor of the batch, the classes or two")
def averaged_loss(z, y):
    """You average the loss over the examples and do not sum it.

    Handout: Training
    """
    loss, dz = reference.cross_entropy(z, y)
    return loss / len(y), dz


@mutant("cross_entropy", killed_by="test_cross_entropy_of_logarithms")
def averaged_gradient(z, y):
    """You average the gradient over the examples, although the loss is a sum.

    Handout: Mistakes that many make
    """
    loss, dz = reference.cross_entropy(z, y)
    return loss, dz / len(y)


@mutant("cross_entropy", killed_by="test_cross_entropy_of_large_logits_is_finite", kind="no shift in exponentials")
def without_subtracting_the_maximum(z, y):
    """You take exponentials of the logits without a shift, so they overflow for large logits."""
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return float(-np.log(p[np.arange(len(y)), y]).sum()), p - np.eye(z.shape[1])[y]


@mutant("cross_entropy", killed_by="test_cross_entropy_of_large_logits_is_finite", kind="epsilon in another place")
def with_a_small_number_in_the_logarithm(z, y):
    """You add a small number to the probabilities before the logarithm, so the loss is not exact."""
    _, dz = reference.cross_entropy(z, y)
    p = dz + np.eye(z.shape[1])[y]
    return float(-np.log(p[np.arange(len(y)), y] + 1e-8).sum()), dz


@mutant("cross_entropy", killed_by="test_cross_entropy_of_large_logits_is_finite",
        kind="the maximum of the whole matrix for the row's")  # fmt: skip
def subtracting_the_maximum_of_all(z, y):
    """You subtract the maximum of the whole matrix, so a row far below it becomes 0/0."""
    p = np.exp(z - z.max())
    p /= p.sum(axis=1, keepdims=True)
    return float(-np.log(p[np.arange(len(y)), y]).sum()), p - np.eye(z.shape[1])[y]


@mutant("cross_entropy", killed_by="test_cross_entropy_of_one_example_or_class", kind="a squeeze")
def gradient_without_axes_of_one(z, y):
    """You drop axes of length 1, so dz has the wrong shape for one example or one class.

    Handout: Mistakes that many make
    """
    loss, dz = reference.cross_entropy(z, y)
    return loss, np.squeeze(dz)


@mutant("cross_entropy", killed_by="test_cross_entropy_of_one_example_or_class")
def one_example_has_no_loss(z, y):
    """You return a loss of 0 for a single example."""
    loss, dz = reference.cross_entropy(z, y)
    return (loss if len(z) > 1 else 0.0), dz


@mutant("cross_entropy", killed_by="test_cross_entropy_of_logarithms", kind="height for width, rows for columns")
def softmax_down_the_columns(z, y):
    """You compute the softmax of each column and not of each row."""
    p = np.exp(z - z.max(axis=0))
    p /= p.sum(axis=0)
    return float(-np.log(p[np.arange(len(y)), y]).sum()), p - np.eye(z.shape[1])[y]


@mutant("cross_entropy", killed_by="test_cross_entropy_is_summed_over_the_examples", kind="an assignment for +=")
def loss_of_the_last_example(z, y):
    """You return the loss of the last example alone.

    Handout: Training
    """
    _, dz = reference.cross_entropy(z, y)
    return reference.cross_entropy(z[-1:], y[-1:])[0], dz


@mutant("cross_entropy", killed_by="test_the_gradient_of_the_loss_is_its_formula", kind="another's gradient")
def gradient_at_the_neighbours_label(z, y):
    """You take the gradient of each example with the label of another example.

    Handout: Training
    """
    loss, _ = reference.cross_entropy(z, y)
    return loss, reference.cross_entropy(z, np.roll(y, 1))[1]


@mutant("cross_entropy", killed_by="test_cross_entropy_leaves_its_arguments_alone")
def softmax_in_place(z, y):
    """You subtract the maximum from z in place, which changes the caller's array.

    Handout: Mistakes that many make
    """
    answer = reference.cross_entropy(z, y)
    z -= z.max(axis=1, keepdims=True)
    return answer


@mutant("accuracy", killed_by="test_accuracy_is_the_share_of_right_rows", kind="height for width, rows for columns")
def greatest_of_each_column(z, y):
    """You take the greatest logit of each column and not of each row."""
    return float(np.mean(np.resize(np.argmax(z, axis=0), len(y)) == y))


@mutant("accuracy", killed_by="test_accuracy_counts_the_right_rows", kind="a factor of the batch, the classes or two")
def in_percent(z, y):
    """You return the accuracy in percent and not as a share."""
    return 100 * reference.accuracy(z, y)


@mutant("accuracy", killed_by="test_accuracy_counts_the_right_rows")
def counted_not_shared(z, y):
    """You return the number of right rows and not their share."""
    return float(np.sum(np.argmax(z, axis=1) == y))


@mutant("accuracy", killed_by="test_accuracy_of_one_row_or_class", kind="a squeeze")
def rows_without_axes_of_one(z, y):
    """You drop axes of length 1 from z, so your function fails for one row or one class."""
    reference.accuracy(z, y)
    return float(np.mean(np.argmax(np.squeeze(z), axis=1) == y))


@mutant("accuracy", killed_by="test_accuracy_counts_the_right_rows", kind="an assignment for +=")
def the_last_row_alone(z, y):
    """You compare only the last row with its label."""
    reference.accuracy(z, y)
    return float(np.argmax(z[-1]) == y[-1])


@mutant("accuracy", killed_by="test_accuracy_is_the_share_of_right_rows")
def right_within_a_third(z, y):
    """You count a row as right if the logit of its label is close to the greatest one."""
    reference.accuracy(z, y)
    return float(np.mean(np.isclose(z[np.arange(len(y)), y], z.max(axis=1), rtol=0.3, atol=0)))


@mutant("accuracy", killed_by="test_accuracy_is_the_share_of_right_rows", kind="labels or order mixed up")
def labels_in_the_order_of_their_size(z, y):
    """You sort the labels, so they no longer belong to their rows."""
    return reference.accuracy(z, np.sort(y))


@mutant("accuracy", killed_by="test_accuracy_refuses_other_lengths")
def one_label_for_all_rows(z, y):
    """You cut z and y to the same length and raise no ValueError."""
    n = min(len(z), len(y))
    return float(np.mean(np.argmax(z, axis=1)[:n] == y[:n]))


@mutant("minibatches", killed_by="test_minibatches_deal_out_every_example", kind="labels or order mixed up")
def labels_in_an_order_of_their_own(x, y, batch_size, rng):
    """You put the labels in another order than the examples.

    Handout: Training
    """
    return [
        (x_batch, y_batch)
        for (x_batch, _), (_, y_batch) in zip(
            reference.minibatches(x, y, batch_size, rng), reference.minibatches(x, y, batch_size, rng), strict=True
        )
    ]


@mutant("minibatches", killed_by="test_minibatches_deal_out_every_example")
def what_is_left_is_dropped(x, y, batch_size, rng):
    """You leave out the last batch if it is smaller than batch_size.

    Handout: Mistakes that many make
    """
    return [
        batch for batch in reference.minibatches(x, y, batch_size, rng) if len(batch[1]) == batch_size or len(y) < 2
    ]


@mutant("minibatches", killed_by="test_only_the_last_batch_may_be_smaller")
def cut_into_even_parts(x, y, batch_size, rng):
    """You cut the order into parts of almost equal size, so several batches are smaller than batch_size."""
    reference.minibatches(x, y, batch_size, np.random.default_rng(0))
    parts = np.array_split(rng.permutation(len(x)), -(-len(x) // batch_size))
    return [(x[part], y[part]) for part in parts]


@mutant("minibatches", killed_by="test_minibatches_deal_out_every_example", kind="each batch drawn anew")
def drawn_with_replacement(x, y, batch_size, rng):
    """You draw examples with replacement, so an epoch repeats some of them and misses others.

    Handout: Training
    """
    chosen = rng.integers(0, len(x), len(x))
    return reference.minibatches(x[chosen], y[chosen], batch_size, rng) if len(x) == len(y) else []


@mutant("minibatches", killed_by="test_each_example_comes_once_with_its_label")
def always_float64(x, y, batch_size, rng):
    """You convert the examples to float64 and do not keep their dtype."""
    return [(x_batch.astype(float), y_batch) for x_batch, y_batch in reference.minibatches(x, y, batch_size, rng)]


@mutant("minibatches", killed_by="test_every_epoch_has_an_order_of_its_own", kind="an order never or once drawn")
def in_the_order_given(x, y, batch_size, rng):
    """You take the examples in the given order and never shuffle them.

    Handout: Training
    """
    reference.minibatches(x, y, batch_size, rng)
    return [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, len(x), batch_size)]


@mutant("minibatches", killed_by="test_every_epoch_has_an_order_of_its_own", kind="an order never or once drawn")
def the_same_order_every_epoch(x, y, batch_size, rng):
    """You draw the order with a fixed seed, so every epoch has the same order.

    Handout: Mistakes that many make
    """
    return reference.minibatches(x, y, batch_size, np.random.default_rng(0))


@mutant("minibatches", killed_by="test_every_epoch_has_an_order_of_its_own")
def only_the_batches_change_places(x, y, batch_size, rng):
    """You shuffle the batches, but every batch always holds the same examples.

    Handout: Training
    """
    reference.minibatches(x, y, batch_size, np.random.default_rng(0))
    in_order = [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, len(x), batch_size)]
    full = len(x) // batch_size
    return [in_order[i] for i in rng.permutation(full)] + in_order[full:]


@mutant("minibatches", killed_by="test_minibatches_leave_the_data_alone")
def shuffling_the_data_themselves(x, y, batch_size, rng):
    """You shuffle x and y in place, which changes the caller's arrays.

    Handout: Mistakes that many make
    """
    reference.minibatches(x, y, batch_size, np.random.default_rng(0))
    order = rng.permutation(len(x))
    x[:], y[:] = x[order], y[order]
    return [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, len(x), batch_size)]


@mutant("minibatches", killed_by="test_impossible_batches_are_refused")
def no_batches_of_a_negative_size(x, y, batch_size, rng):
    """You return no batches for a batch_size below 1 and raise no ValueError."""
    return reference.minibatches(x, y, batch_size, rng) if batch_size > 0 else []


@mutant("minibatches", killed_by="test_minibatches_deal_out_every_example", kind="each batch drawn anew")
def each_batch_drawn_from_all(x, y, batch_size, rng):
    """You draw each batch from all examples, so an epoch repeats some of them and misses others.

    Handout: Training
    """
    sizes = [len(y_batch) for _, y_batch in reference.minibatches(x, y, batch_size, rng)]
    drawn = [rng.choice(len(x), size, replace=False) for size in sizes]
    return [(x[chosen], y[chosen]) for chosen in drawn]


@mutant("minibatches", killed_by="test_minibatches_deal_out_every_example", kind="batches that share a buffer")
def all_batches_in_one_buffer(x, y, batch_size, rng):
    """You keep all batches in one buffer, so a later batch overwrites the examples of the earlier ones."""
    buffer, batches = np.empty((batch_size, *x.shape[1:]), x.dtype) if batch_size > 0 else None, []
    for x_batch, y_batch in reference.minibatches(x, y, batch_size, rng):
        buffer[: len(x_batch)] = x_batch
        batches.append((buffer[: len(x_batch)], y_batch))
    return batches


@mutant("minibatches", killed_by="test_batches_of_one_and_of_all", kind="a squeeze")
def batches_without_axes_of_one(x, y, batch_size, rng):
    """You drop the axis of the examples if batch_size is 1."""
    batches = reference.minibatches(x, y, batch_size, rng)
    return [(x_batch[0] if batch_size == 1 else x_batch, y_batch) for x_batch, y_batch in batches]


@mutant("minibatches", killed_by="test_batches_of_one_and_of_all", kind="a mask with >= for >")
def no_batches_of_one_example(x, y, batch_size, rng):
    """You raise ValueError for a batch_size of 1."""
    if batch_size <= 1:
        raise ValueError("a batch needs examples")
    return reference.minibatches(x, y, batch_size, rng)


@mutant("minibatches", killed_by="test_only_the_last_batch_may_be_smaller",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def always_batches_of_32(x, y, batch_size, rng):
    """You ignore batch_size and always cut batches of 32."""
    reference.minibatches(x, y, batch_size, rng)
    return reference.minibatches(x, y, 32, rng)


# ------------------------------------------------------------------------------------------------------------ training


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def biases_never_learn(x, y, params, **options):
    """You never update the biases.

    Handout: Training
    """
    trained = reference.train(x, y, params, **options)
    return [(w, b.copy()) for (w, _), (_, b) in zip(trained, params, strict=True)]


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def uphill(x, y, params, *, learning_rate, **options):
    """You add the gradient to the params and do not subtract it.

    Handout: Training
    """
    return reference.train(x, y, params, learning_rate=-learning_rate, **options)


@mutant("train", killed_by="test_full_batches_follow_the_gradient", kind="a factor of the batch, the classes or two")
def gradients_averaged_over_the_batch(x, y, params, *, learning_rate, batch_size, **options):
    """You divide the gradients by the batch size, although the loss is a sum.

    Handout: Training
    """
    rate = learning_rate / min(batch_size, len(x))
    return reference.train(x, y, params, learning_rate=rate, batch_size=batch_size, **options)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def one_epoch_too_many(x, y, params, *, epochs, **options):
    """You train for one epoch too many."""
    return reference.train(x, y, params, epochs=epochs + 1, **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples")
def only_the_last_batch_makes_a_step(x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None):
    """You make a step for the last batch of each epoch alone.

    Handout: Training
    """
    for _ in range(epochs):
        *_, (x_batch, y_batch) = reference.minibatches(x, y, batch_size, rng)
        params = reference.train(
            x_batch,
            y_batch,
            params,
            activation=activation,
            learning_rate=learning_rate,
            epochs=1,
            batch_size=batch_size,
            rng=rng,
        )
    return params


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples")
def a_smaller_batch_counts_like_a_full_one(
    x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None
):
    """You scale the step of a smaller last batch up to that of a full batch.

    Handout: Training
    """
    params = [(w.copy(), b.copy()) for w, b in params]
    for epoch in range(1, epochs + 1):
        for x_batch, y_batch in reference.minibatches(x, y, batch_size, rng):
            z, cache = reference.forward(x_batch, params, activation)
            _, dz = reference.cross_entropy(z, y_batch)
            grads, _ = reference.backward(dz, params, cache, activation)
            rate = learning_rate * min(batch_size, len(x)) / len(y_batch)
            params = [(w - rate * dw, b - rate * db) for (w, b), (dw, db) in zip(params, grads, strict=True)]
        if log is not None:
            log(epoch=epoch, loss=0.0, accuracy=0.0)
    return params


@mutant("train", killed_by="test_train_leaves_its_arguments_alone")
def learning_into_the_given_params(x, y, params, **options):
    """You write the trained weights into the given params.

    Handout: Training
    """
    for (w, b), (new_w, new_b) in zip(params, reference.train(x, y, params, **options), strict=True):
        w[:], b[:] = new_w, new_b
    return params


@mutant("train", killed_by="test_log_hears_of_every_epoch")
def epochs_counted_from_zero(x, y, params, *, log=None, **options):
    """You count the epochs from 0 when you call log."""

    def shifted(epoch, loss, accuracy):
        if log is not None:
            log(epoch=epoch - 1, loss=loss, accuracy=accuracy)

    return reference.train(x, y, params, log=shifted, **options)


@mutant("train", killed_by="test_log_hears_of_every_epoch")
def logging_the_sum_of_the_losses(x, y, params, *, log=None, **options):
    """You give log the sum of the losses and not the mean loss of an example.

    Handout: Training
    """

    def summed(epoch, loss, accuracy):
        if log is not None:
            log(epoch=epoch, loss=loss * len(x), accuracy=accuracy)

    return reference.train(x, y, params, log=summed, **options)


@mutant("train", killed_by="test_log_hears_of_every_epoch")
def logging_the_mean_of_the_batches(x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None):
    """You give log the average of the batches' means, which is wrong if the last batch is smaller.

    Handout: Mistakes that many make
    """
    params = [(w.copy(), b.copy()) for w, b in params]
    for epoch in range(1, epochs + 1):
        losses, shares = [], []
        for x_batch, y_batch in reference.minibatches(x, y, batch_size, rng):
            z, cache = reference.forward(x_batch, params, activation)
            loss, dz = reference.cross_entropy(z, y_batch)
            losses.append(loss / len(y_batch))
            shares.append(reference.accuracy(z, y_batch))
            grads, _ = reference.backward(dz, params, cache, activation)
            params = [
                (w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads, strict=True)
            ]
        if log is not None:
            log(epoch=epoch, loss=float(np.mean(losses)), accuracy=float(np.mean(shares)))
    return params


@mutant("train", killed_by="test_the_same_rng_trains_the_same_network")
def shuffled_by_a_generator_of_its_own(x, y, params, *, rng, **options):
    """You draw the order from a new generator without a seed and not from rng.

    Handout: Training
    """
    return reference.train(x, y, params, rng=np.random.default_rng(), **options)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def starting_from_weights_of_its_own(x, y, params, *, rng, **options):
    """You draw new weights to start from and ignore the given params."""
    widths = [w.shape[0] for w, _ in params] + [len(params[-1][1])]
    return reference.train(x, y, reference.initialize(widths, rng), rng=rng, **options)


@mutant("train", killed_by="test_the_network_reads_characters")
def on_the_first_two_hundred_examples(x, y, params, **options):
    """You train on the first examples only and leave out all others."""
    return reference.train(x[:200], y[:200], params, **options)


@mutant("train", killed_by="test_train_tells_three_clouds_apart")
def nothing_is_learned_after_ten_epochs(x, y, params, *, epochs, log=None, **options):
    """You stop after a fixed number of epochs, even if epochs is greater."""
    trained = reference.train(x, y, params, epochs=min(epochs, 10), log=log, **options)
    return trained


@mutant("train", killed_by="test_no_epochs_are_no_training")
def at_least_one_epoch(x, y, params, *, epochs, **options):
    """You train for one epoch if epochs is 0."""
    return reference.train(x, y, params, epochs=max(epochs, 1), **options)


@mutant("train", killed_by="test_every_layer_follows_its_gradient[relu]")
def only_the_last_relu_layer_learns(x, y, params, *, activation, **options):
    """You update the last layer alone if the activation is ReLU.

    Handout: Training
    """
    trained = reference.train(x, y, params, activation=activation, **options)
    if activation != "relu":
        return trained
    return [*[(w.copy(), b.copy()) for w, b in params[:-1]], trained[-1]]


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples", kind="each batch drawn anew")
def each_batch_drawn_from_all_examples(x, y, params, *, epochs, batch_size, rng, log=None, **options):
    """You draw each batch from all examples, so an epoch repeats some of them and misses others.

    Handout: Training
    """
    told = []
    for epoch in range(1, epochs + 1):
        told.clear()
        for start in range(0, len(x), batch_size):
            chosen = rng.choice(len(x), min(batch_size, len(x) - start), replace=False)
            size = len(chosen)
            params = reference.train(
                x[chosen], y[chosen], params, epochs=1, batch_size=batch_size, rng=rng,
                log=lambda epoch, loss, accuracy, n=size: told.append((n * loss, n * accuracy)), **options,
            )  # fmt: skip
        if log is not None:
            loss, right = np.sum(told, axis=0) / len(x)
            log(epoch=epoch, loss=float(loss), accuracy=float(right))
    return params


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples", kind="batches that share a buffer")
def batches_collected_in_one_buffer(x, y, params, *, epochs, batch_size, rng, log=None, **options):
    """You keep all batches in one buffer, so a later batch overwrites the examples of the earlier ones."""
    told = []
    for epoch in range(1, epochs + 1):
        told.clear()
        buffer, batches = np.empty((batch_size, x.shape[1])), []
        for x_batch, y_batch in reference.minibatches(x, y, batch_size, rng):
            buffer[: len(x_batch)] = x_batch
            batches.append((buffer[: len(x_batch)], y_batch))
        for x_batch, y_batch in batches:
            size = len(y_batch)
            params = reference.train(
                x_batch, y_batch, params, epochs=1, batch_size=batch_size, rng=rng,
                log=lambda epoch, loss, accuracy, n=size: told.append((n * loss, n * accuracy)), **options,
            )  # fmt: skip
        if log is not None:
            loss, right = np.sum(told, axis=0) / len(x)
            log(epoch=epoch, loss=float(loss), accuracy=float(right))
    return params


@mutant("train", killed_by="test_epochs_take_all_orders", kind="an order never or once drawn")
def one_order_for_all_epochs(x, y, params, *, epochs, batch_size, rng, log=None, **options):
    """You draw one order and use it in all epochs.

    Handout: Training
    """
    batches = list(reference.minibatches(x, y, batch_size, rng))
    told = []
    for epoch in range(1, epochs + 1):
        told.clear()
        for x_batch, y_batch in batches:
            size = len(y_batch)
            params = reference.train(
                x_batch, y_batch, params, epochs=1, batch_size=batch_size, rng=rng,
                log=lambda epoch, loss, accuracy, n=size: told.append((n * loss, n * accuracy)), **options,
            )  # fmt: skip
        if log is not None:
            loss, right = np.sum(told, axis=0) / len(x)
            log(epoch=epoch, loss=float(loss), accuracy=float(right))
    return params


@mutant("train", killed_by="test_epochs_take_all_orders", kind="an order never or once drawn")
def in_the_order_of_a_fixed_seed(x, y, params, *, rng, **options):
    """You draw the order from a generator with a fixed seed and not from rng.

    Handout: Mistakes that many make
    """
    return reference.train(x, y, params, rng=np.random.default_rng(0), **options)


@mutant("train", killed_by="test_full_batches_follow_the_gradient", kind="labels or order mixed up")
def labels_of_the_neighbours(x, y, params, **options):
    """You train each example with the label of another example.

    Handout: Training
    """
    return reference.train(x, np.roll(y, 1), params, **options)


@mutant("train", killed_by="test_log_hears_of_every_epoch", kind="labels or order mixed up")
def accuracy_against_labels_in_another_order(x, y, params, *, activation, log=None, **options):
    """You compute the accuracy for log with labels in another order than the examples."""

    def told(epoch, loss, accuracy):
        if log is not None:
            z, _ = reference.forward(x, params, activation)
            log(epoch=epoch, loss=loss, accuracy=reference.accuracy(z, np.roll(y, 1)))

    return reference.train(x, y, params, activation=activation, log=told, **options)


@mutant("train", killed_by="test_training_with_large_logits", kind="no shift in exponentials")
def loss_from_overflowing_exponentials(
    x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None
):  # fmt: skip
    """You take exponentials of the logits without a shift, so they overflow for large logits."""
    for epoch in range(1, epochs + 1):
        loss, right = 0.0, 0
        for x_batch, y_batch in reference.minibatches(x, y, batch_size, rng):
            z, cache = reference.forward(x_batch, params, activation)
            p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
            loss -= np.log(p[np.arange(len(p)), y_batch]).sum()
            right += (z.argmax(axis=1) == y_batch).sum()
            grads, _ = reference.backward(p - np.eye(z.shape[1])[y_batch], params, cache, activation)
            params = [
                (w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads, strict=True)
            ]
        if log is not None:
            log(epoch=epoch, loss=float(loss) / len(x), accuracy=float(right) / len(x))
    return params


@mutant("train", killed_by="test_training_with_large_logits", kind="the maximum of the whole matrix for the row's")
def loss_less_the_maximum_of_the_batch(
    x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None
):  # fmt: skip
    """You subtract the maximum of the whole batch, so a row far below it becomes 0/0."""
    for epoch in range(1, epochs + 1):
        loss, right = 0.0, 0
        for x_batch, y_batch in reference.minibatches(x, y, batch_size, rng):
            z, cache = reference.forward(x_batch, params, activation)
            p = np.exp(z - z.max())
            p /= p.sum(axis=1, keepdims=True)
            loss -= np.log(p[np.arange(len(p)), y_batch]).sum()
            right += (z.argmax(axis=1) == y_batch).sum()
            grads, _ = reference.backward(p - np.eye(z.shape[1])[y_batch], params, cache, activation)
            params = [
                (w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads, strict=True)
            ]
        if log is not None:
            log(epoch=epoch, loss=float(loss) / len(x), accuracy=float(right) / len(x))
    return params


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples", kind="another's gradient")
def all_gradients_at_the_params_of_the_epochs_start(
    x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None
):  # fmt: skip
    """You take all gradients of an epoch at the params with which the epoch began.

    Handout: Training
    """
    for epoch in range(1, epochs + 1):
        start, loss_sum, right = params, 0.0, 0.0
        for x_batch, y_batch in reference.minibatches(x, y, batch_size, rng):
            z, cache = reference.forward(x_batch, start, activation)
            loss, dz = reference.cross_entropy(z, y_batch)
            grads, _ = reference.backward(dz, start, cache, activation)
            params = [
                (w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads, strict=True)
            ]
            loss_sum, right = loss_sum + loss, right + reference.accuracy(z, y_batch) * len(y_batch)
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x))
    return params


@mutant("train", killed_by="test_log_hears_of_batches_before_their_steps")
def logging_the_loss_after_each_step(
    x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None
):  # fmt: skip
    """You take the loss and the accuracy of each batch after the step on it and not before.

    Handout: Training
    """
    for epoch in range(1, epochs + 1):
        loss_sum, right = 0.0, 0.0
        for x_batch, y_batch in reference.minibatches(x, y, batch_size, rng):
            z, cache = reference.forward(x_batch, params, activation)
            _, dz = reference.cross_entropy(z, y_batch)
            grads, _ = reference.backward(dz, params, cache, activation)
            params = [
                (w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, grads, strict=True)
            ]
            z, _ = reference.forward(x_batch, params, activation)
            loss_sum += reference.cross_entropy(z, y_batch)[0]
            right += reference.accuracy(z, y_batch) * len(y_batch)
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x))
    return params


@mutant("train", killed_by="test_log_hears_of_every_epoch", kind="an assignment for +=")
def logging_the_last_batch(x, y, params, *, epochs, batch_size, rng, log=None, **options):
    """You give log the loss and the accuracy of the last batch alone.

    Handout: Training
    """
    told = []
    for epoch in range(1, epochs + 1):
        told.clear()
        for x_batch, y_batch in reference.minibatches(x, y, batch_size, rng):
            params = reference.train(
                x_batch, y_batch, params, epochs=1, batch_size=batch_size, rng=rng,
                log=lambda epoch, loss, accuracy: told.append((loss, accuracy)), **options,
            )  # fmt: skip
        if log is not None:
            log(epoch=epoch, loss=told[-1][0], accuracy=told[-1][1])
    return params


@mutant("train", killed_by="test_one_example_or_a_batch_larger_than_all", kind="a squeeze")
def trained_params_without_axes_of_one(x, y, params, **options):
    """You drop axes of length 1 from the trained params, so their shapes are wrong for one unit, feature or class."""
    return [(np.squeeze(w), np.squeeze(b)) for w, b in reference.train(x, y, params, **options)]


@mutant("train", killed_by="test_one_example_or_a_batch_larger_than_all", kind="a (1, k) gradient for (k,)")
def trained_biases_as_rows(x, y, params, **options):
    """You return biases of shape (1, fan_out)."""
    return [(w, b[None, :]) for w, b in reference.train(x, y, params, **options)]


@mutant("train", killed_by="test_full_batches_follow_the_gradient", kind="state read but never stored")
def each_epoch_from_the_start(x, y, params, *, epochs, log=None, **options):
    """You begin every epoch with the given params, so only the last epoch has an effect.

    Handout: Training
    """
    trained = [(w.copy(), b.copy()) for w, b in params]
    for epoch in range(1, epochs + 1):
        trained = reference.train(
            x, y, params, epochs=1,
            log=log and (lambda epoch, loss, accuracy, now=epoch: log(epoch=now, loss=loss, accuracy=accuracy)),
            **options,
        )  # fmt: skip
    return trained


@mutant("train", killed_by="test_log_hears_of_every_epoch", kind="a step count that never advances")
def every_epoch_is_the_first(x, y, params, *, log=None, **options):
    """You call log with epoch 1 after every epoch."""

    def told(epoch, loss, accuracy):
        if log is not None:
            log(epoch=1, loss=loss, accuracy=accuracy)

    return reference.train(x, y, params, log=told, **options)


@mutant("train", killed_by="test_full_batches_follow_the_gradient", kind="a parameter read but replaced by a constant")
def always_the_homeworks_learning_rate(x, y, params, *, learning_rate, **options):
    """You ignore learning_rate and always use the same one.

    Handout: Training
    """
    return reference.train(x, y, params, learning_rate=0.003, **options)


@mutant("train", killed_by="test_every_layer_follows_its_gradient[sigmoid]")
def only_the_last_sigmoid_layer_learns(x, y, params, *, activation, **options):
    """You update the last layer alone if the activation is the sigmoid.

    Handout: Training
    """
    trained = reference.train(x, y, params, activation=activation, **options)
    if activation != "sigmoid":
        return trained
    return [*[(w.copy(), b.copy()) for w, b in params[:-1]], trained[-1]]


# ---------------------------------------------------------------------------------------------------------------- laws


@mutant("collapse", killed_by="test_a_network_without_activations_collapses", kind="an assignment for +=")
def biases_that_skip_the_later_weights(params):
    """You return the bias of the last layer and leave out those of all earlier layers.

    Handout: What depth does
    """
    w, _ = reference.collapse(params)
    return w, params[-1][1]


@mutant("collapse", killed_by="test_a_network_without_activations_collapses", kind="height for width, rows for columns")
def product_in_the_wrong_order(params):
    """You multiply the weights in the wrong order where their shapes allow it.

    Handout: What depth does
    """
    w = params[0][0]
    for next_w, _ in params[1:]:
        w = next_w @ w if next_w.shape[1] == w.shape[0] else w @ next_w
    return w, reference.collapse(params)[1]


@mutant("collapse", killed_by="test_one_layer_is_its_own_collapse", kind="a squeeze")
def map_without_axes_of_one(params):
    """You drop axes of length 1 from w and b, so their shapes are wrong for one feature or one class."""
    return tuple(np.squeeze(part) for part in reference.collapse(params))


@mutant("collapse", killed_by="test_one_layer_is_its_own_collapse", kind="a (1, k) gradient for (k,)")
def bias_of_the_map_as_a_row(params):
    """You return b with shape (1, k)."""
    w, b = reference.collapse(params)
    return w, b[None, :]


@mutant("collapse", killed_by="test_collapse_leaves_its_arguments_alone")
def taking_layers_off_while_collapsing(params):
    """You remove layers from params, which changes the caller's list."""
    answer = reference.collapse(params)
    while len(params) > 1:
        params.pop()
    return answer


@mutant("gradient_norms", killed_by="test_gradient_norms_of_one_layer_or_example")
def without_the_root(x, y, params, activation):
    """You return the squares of the norms.

    Handout: What depth does
    """
    return [norm**2 for norm in reference.gradient_norms(x, y, params, activation)]


@mutant(
    "gradient_norms", killed_by="test_gradient_norms_show_what_reaches_each_layer[identity]", kind="another's gradient"
)
def from_the_last_layer_on(x, y, params, activation):
    """You return the norms with the last layer first."""
    return reference.gradient_norms(x, y, params, activation)[::-1]


@mutant("gradient_norms", killed_by="test_gradient_norms_of_one_layer_or_example")
def greatest_singular_values(x, y, params, activation):
    """You return the greatest singular value of each dw and not its Frobenius norm.

    Handout: What depth does
    """
    z, cache = reference.forward(x, params, activation)
    grads, _ = reference.backward(reference.cross_entropy(z, y)[1], params, cache, activation)
    return [float(np.linalg.norm(dw, 2)) for dw, _ in grads]


@mutant("gradient_norms", killed_by="test_gradient_norms_of_large_logits", kind="no shift in exponentials")
def norms_from_overflowing_exponentials(x, y, params, activation):
    """You take exponentials of the logits without a shift, so they overflow for large logits."""
    z, cache = reference.forward(x, params, activation)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    grads, _ = reference.backward(p - np.eye(z.shape[1])[y], params, cache, activation)
    return [float(np.linalg.norm(dw)) for dw, _ in grads]


@mutant("gradient_norms", killed_by="test_gradient_norms_of_large_logits",
        kind="the maximum of the whole matrix for the row's")  # fmt: skip
def norms_less_the_maximum_of_all(x, y, params, activation):
    """You subtract the maximum of the whole matrix, so a row far below it becomes 0/0."""
    z, cache = reference.forward(x, params, activation)
    p = np.exp(z - z.max())
    p /= p.sum(axis=1, keepdims=True)
    grads, _ = reference.backward(p - np.eye(z.shape[1])[y], params, cache, activation)
    return [float(np.linalg.norm(dw)) for dw, _ in grads]


@mutant("gradient_norms", killed_by="test_gradient_norms_of_one_layer_or_example", kind="a squeeze")
def norms_of_squeezed_gradients(x, y, params, activation):
    """You drop axes of length 1 from dz, so your function fails for one example or one class.

    Handout: Mistakes that many make
    """
    z, cache = reference.forward(x, params, activation)
    grads, _ = reference.backward(np.squeeze(reference.cross_entropy(z, y)[1]), params, cache, activation)
    return [float(np.linalg.norm(dw)) for dw, _ in grads]


@mutant("gradient_norms", killed_by="test_gradient_norms_of_one_layer_or_example",
        kind="height for width, rows for columns")  # fmt: skip
def greatest_sums_of_columns(x, y, params, activation):
    """You return the greatest sum of a column of |dw| and not the Frobenius norm.

    Handout: What depth does
    """
    z, cache = reference.forward(x, params, activation)
    grads, _ = reference.backward(reference.cross_entropy(z, y)[1], params, cache, activation)
    return [float(np.linalg.norm(dw, 1)) for dw, _ in grads]


@mutant("gradient_norms", killed_by="test_gradient_norms_show_what_reaches_each_layer[relu]",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def always_with_tanh(x, y, params, activation):
    """You ignore the name of the activation and always use tanh.

    Handout: What depth does
    """
    return reference.gradient_norms(x, y, params, "tanh")


@mutant("gradient_norms", killed_by="test_gradient_norms_of_one_layer_or_example", kind="an assignment for +=")
def squares_of_the_last_row(x, y, params, activation):
    """You return the norm of the last row of each dw alone.

    Handout: What depth does
    """
    z, cache = reference.forward(x, params, activation)
    grads, _ = reference.backward(reference.cross_entropy(z, y)[1], params, cache, activation)
    return [float(np.linalg.norm(dw[-1])) for dw, _ in grads]


@mutant("gradient_norms", killed_by="test_gradient_norms_of_one_layer_or_example",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def norms_of_the_mean_loss(x, y, params, activation):
    """You return the norms for the mean of the losses and not for their sum.

    Handout: What depth does
    """
    return [norm / len(y) for norm in reference.gradient_norms(x, y, params, activation)]


@mutant("dead_fraction", killed_by="test_a_dead_relu_is_silent_on_every_example")
def share_of_zeros(x, w, b):
    """You return the share of all outputs that are 0 and not the share of dead units.

    Handout: What depth does
    """
    return float(np.mean(x @ w + b <= 0))


@mutant("dead_fraction", killed_by="test_a_dead_relu_is_silent_on_every_example")
def silent_on_some_example(x, w, b):
    """You count a unit as dead if its output is 0 for at least one example.

    Handout: What depth does
    """
    return float(np.mean(np.any(x @ w + b <= 0, axis=0)))


@mutant(
    "dead_fraction",
    killed_by="test_a_dead_relu_is_silent_on_every_example",
    kind="a parameter read but replaced by a constant",
)
def dead_without_their_biases(x, w, b):
    """You leave out the biases b.

    Handout: What depth does
    """
    return reference.dead_fraction(x, w, np.zeros_like(b))


@mutant("dead_fraction", killed_by="test_a_relu_at_zero_is_dead", kind="a mask with >= for >")
def not_dead_at_exactly_zero(x, w, b):
    """You do not count a unit as dead if x w + b is exactly 0 for an example.

    Handout: What depth does
    """
    return float(np.mean(np.all(x @ w + b < 0, axis=0)))


@mutant("dead_fraction", killed_by="test_a_relu_at_zero_is_dead", kind="a squeeze")
def outputs_without_axes_of_one(x, w, b):
    """You drop axes of length 1 from the outputs, so your result is wrong for a single example.

    Handout: Mistakes that many make
    """
    return float(np.mean(np.all(np.squeeze(reference.relu(x @ w + b)) == 0, axis=0)))


@mutant("dead_fraction", killed_by="test_a_dead_relu_is_silent_on_every_example",
        kind="height for width, rows for columns")  # fmt: skip
def examples_that_no_unit_answers(x, w, b):
    """You return the share of the examples for which all outputs are 0.

    Handout: What depth does
    """
    return float(np.mean(np.all(x @ w + b <= 0, axis=1)))


@mutant("dead_fraction", killed_by="test_a_dead_relu_is_silent_on_every_example", kind="an assignment for +=")
def silent_on_the_last_example(x, w, b):
    """You use the last example alone.

    Handout: What depth does
    """
    return float(np.mean(x[-1] @ w + b <= 0))


@mutant("dead_fraction", killed_by="test_a_dead_relu_is_silent_on_every_example",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def dead_units_counted(x, w, b):
    """You return the number of dead units and not their share.

    Handout: What depth does
    """
    return float(np.sum(np.all(x @ w + b <= 0, axis=0)))


@mutant("dead_fraction", killed_by="test_dead_fraction_leaves_its_arguments_alone")
def biases_put_into_the_weights(x, w, b):
    """You add b to w in place, which changes the caller's array.

    Handout: Mistakes that many make
    """
    answer = reference.dead_fraction(x, w, b)
    w += b
    return answer


@mutant(
    "active_interval_width",
    killed_by="test_a_sigmoid_is_steep_on_a_narrow_interval",
    kind="a factor of the batch, the classes or two",
)
def half_of_the_interval(w):
    """You return half of the width of the interval.

    Handout: What depth does
    """
    return reference.active_interval_width(w) / 2


@mutant("active_interval_width", killed_by="test_the_sign_of_the_weight_does_not_matter")
def of_positive_weights_only(w):
    """You return 0 for negative weights.

    Handout: What depth does
    """
    return reference.active_interval_width(w) if w > 0 or w > -4 else 0.0


@mutant("active_interval_width", killed_by="test_flat_sigmoids_are_refused")
def zero_where_there_is_no_interval(w):
    """You return 0 for |w| < 4 and raise no ValueError.

    Handout: What depth does
    """
    return reference.active_interval_width(w) if abs(w) >= 4 else 0.0


@mutant("active_interval_width", killed_by="test_the_sign_of_the_weight_does_not_matter", kind="a mask with >= for >")
def nothing_at_exactly_four(w):
    """You raise ValueError for |w| = 4.

    Handout: What depth does
    """
    if abs(w) <= 4:
        raise ValueError("never steep")
    return reference.active_interval_width(w)


ENTRYWISE = ("sigmoid", "sigmoid_derivative", "tanh", "tanh_derivative", "relu", "relu_derivative")
SLOPES = ("sigmoid_derivative", "tanh_derivative", "relu_derivative")
DRAWN = ("xavier_uniform", "initialize")
COUNTED = ("accuracy", "dead_fraction")
AFTER_THE_LOSS = (*ENTRYWISE, *DRAWN, "forward", "backward", *COUNTED, "collapse", "gradient_norms")
ALONE = ("cross_entropy", *AFTER_THE_LOSS)

NOT_APPLICABLE = {
    ("exponentials", (*SLOPES, "relu", *DRAWN, *COUNTED, "minibatches", "collapse", "active_interval_width")): (
        "takes no exponential"
    ),
    ("the maximum of the whole matrix for the row's", ("sigmoid", "tanh", "forward", "backward")): (
        "its exponentials are taken entry by entry"
    ),
    ("a mask with >= for >", "sigmoid"): "at 0 the formulas for either sign agree",
    ("a mask with >= for >", ("sigmoid_derivative", "tanh", "tanh_derivative", "cross_entropy")): "compares nothing",
    ("a mask with >= for >", ("relu", "forward")): "relu(0) is 0 either way",
    ("a mask with >= for >", "accuracy"): "compares predictions with labels alone",
    ("a mask with >= for >", ("train", "collapse", "gradient_norms")): "compares nothing of its own",
    ("a squeeze", "active_interval_width"): "takes and answers one number",
    ("a (1, k) gradient for (k,)", ("cross_entropy", *ENTRYWISE)): "answers arrays of its argument's shape",
    ("a (1, k) gradient for (k,)", ("xavier_uniform", "forward", "minibatches")): "answers no sum over an axis",
    ("a (1, k) gradient for (k,)", (*COUNTED, "gradient_norms", "active_interval_width")): "answers numbers",
    (
        "two dimensions taken for granted",
        ("cross_entropy", *DRAWN, "forward", "backward", *COUNTED, "minibatches", "train", "collapse"),
    ): "its arrays have the one number of axes that the docstring names",
    ("two dimensions taken for granted", ("gradient_norms", "active_interval_width")): (
        "its arrays have the one number of axes that the docstring names"
    ),
    ("height for width, rows for columns", ENTRYWISE): "works entry by entry",
    ("height for width, rows for columns", ("minibatches", "train")): "hands arrays on as they are",
    ("height for width, rows for columns", "active_interval_width"): "takes one number",
    ("the border cut by [p:-p]", "*"): "nothing here has a border",
    (
        ("each batch drawn anew", "batches that share a buffer", "an order never or once drawn"),
        (*ALONE, "active_interval_width"),
    ): "cuts no batches",
    (
        "labels or order mixed up",
        (*ENTRYWISE, *DRAWN, "forward", "backward", "collapse", "dead_fraction", "active_interval_width"),
    ): "knows no labels",
    ("labels or order mixed up", ("cross_entropy", "gradient_norms")): "has its labels beside its rows, and no order",
    ("state", (*ALONE, "minibatches", "active_interval_width")): "keeps nothing from call to call",
    (
        "a parameter read but replaced by a constant",
        ("cross_entropy", *ENTRYWISE, "accuracy", "collapse", "active_interval_width"),
    ): "has no parameter beside what it computes with",
    ("epsilon in another place", (*AFTER_THE_LOSS, "minibatches", "train", "active_interval_width")): (
        "its formula has no epsilon, and none is of use"
    ),
    ("scale, shift or rescaling forgotten in one mode", "*"): "nothing here has modes",
    (
        "chance",
        ("cross_entropy", *ENTRYWISE, "forward", "backward", *COUNTED, "collapse", "gradient_norms"),
    ): "draws nothing",
    ("chance", "active_interval_width"): "draws nothing",
    ("chance", ("minibatches", "train")): "draws orders alone; these are held under 'batches'",
    ("an assignment for +=", (*ENTRYWISE, *DRAWN, "forward", "minibatches", "active_interval_width")): (
        "adds nothing up in a loop"
    ),
    ("a factor of the batch, the classes or two", ("sigmoid", "relu")): "its formula has no factor",
    ("a factor of the batch, the classes or two", ("initialize", "forward", "minibatches", "collapse")): (
        "its formula has no factor of its own"
    ),
    (
        "another's gradient",
        ("sigmoid", "tanh", "relu", *DRAWN, "forward", *COUNTED, "minibatches", "collapse", "active_interval_width"),
    ): "answers no gradient",
}
