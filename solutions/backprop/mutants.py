"""Wrong answers to `backprop`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions.
"""

from itertools import pairwise

import backprop as reference
import numpy as np

from autograder.testing import mutant

# -------------------------------------------------------------------------------------------------------- activations


@mutant("sigmoid", killed_by="test_sigmoid_of_a_small_example")
def without_the_minus(x):
    return 1 / (1 + np.exp(x))


@mutant("sigmoid", killed_by="test_sigmoid_is_finite_at_large_inputs")
def as_a_ratio_of_exponentials(x):
    return np.exp(x) / (1 + np.exp(x))


@mutant("sigmoid", killed_by="test_sigmoid_is_finite_at_large_inputs")
def clipped_far_too_early(x):
    return reference.sigmoid(np.clip(x, -20, 20))


@mutant("sigmoid", killed_by="test_activations_keep_float32")
def always_in_float64(x):
    return reference.sigmoid(np.asarray(x, dtype=np.float64))


@mutant("sigmoid", killed_by="test_integers_are_taken_as_numbers")
def negating_unsigned_pixels(x):
    return 1 / (1 + np.exp(-x))


@mutant("sigmoid", killed_by="test_sigmoid_is_its_formula")
def of_the_first_axis_only(x):
    return np.array([reference.sigmoid(row) for row in x[:, None]])


@mutant("sigmoid_derivative", killed_by="test_sigmoid_derivative_is_at_most_a_quarter")
def from_the_input(a):
    s = reference.sigmoid(a)
    return s * (1 - s)


@mutant("tanh", killed_by="test_tanh_is_a_stretched_sigmoid")
def sigmoid_without_doubling_its_input(x):
    return 2 * reference.sigmoid(x) - 1


@mutant("tanh", killed_by="test_tanh_is_a_stretched_sigmoid")
def from_exponentials_that_overflow(x):
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


@mutant("tanh", killed_by="test_integers_are_taken_as_numbers")
def doubling_small_integers(x):
    return 2 * reference.sigmoid(2 * x) - 1


@mutant("tanh_derivative", killed_by="test_tanh_derivative_comes_from_the_output")
def tanh_slope_from_the_input(a):
    return 1 - np.tanh(a) ** 2


@mutant("relu", killed_by="test_activations_leave_their_input_alone")
def cutting_off_in_place(x):
    x[x < 0] = 0
    return x


@mutant("relu", killed_by="test_relu_is_the_positive_part")
def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


@mutant("relu_derivative", killed_by="test_relu_derivative_comes_from_the_output")
def open_where_the_output_is_zero(a):
    return (a >= 0).astype(a.dtype)


@mutant("relu_derivative", killed_by="test_relu_derivative_comes_from_the_output")
def as_truth_values(a):
    return a > 0


@mutant("relu_derivative", killed_by="test_activations_keep_float32")
def slopes_in_float64(a):
    return np.where(a > 0, 1.0, 0.0)


# ----------------------------------------------------------------------------------------------------- initialization


@mutant("xavier_uniform", killed_by="test_xavier_stays_within_its_bound")
def outputs_before_inputs(fan_in, fan_out, rng):
    return reference.xavier_uniform(fan_out, fan_in, rng)


@mutant("xavier_uniform", killed_by="test_xavier_fills_its_interval_evenly")
def scaled_by_the_fan_in_alone(fan_in, fan_out, rng):
    c = np.sqrt(3.0 / fan_in)
    return rng.uniform(-c, c, (fan_in, fan_out))


@mutant("xavier_uniform", killed_by="test_xavier_fills_its_interval_evenly")
def normal_with_the_same_variance(fan_in, fan_out, rng):
    return rng.normal(0, np.sqrt(2.0 / (fan_in + fan_out)), (fan_in, fan_out))


@mutant("xavier_uniform", killed_by="test_xavier_fills_its_interval_evenly")
def with_the_variance_as_its_bound(fan_in, fan_out, rng):
    c = min(1, 2.0 / (fan_in + fan_out))
    return rng.uniform(-c, c, (fan_in, fan_out))


@mutant("xavier_uniform", killed_by="test_xavier_fills_its_interval_evenly")
def positive_weights_only(fan_in, fan_out, rng):
    return rng.uniform(0, np.sqrt(6.0 / (fan_in + fan_out)), (fan_in, fan_out))


@mutant("xavier_uniform", killed_by="test_all_chance_comes_from_rng")
def from_the_global_generator(fan_in, fan_out, rng):
    c = np.sqrt(6.0 / (fan_in + fan_out))
    return np.random.uniform(-c, c, (fan_in, fan_out))


@mutant("xavier_uniform", killed_by="test_all_chance_comes_from_rng")
def from_a_seed_of_its_own(fan_in, fan_out, rng):
    return reference.xavier_uniform(fan_in, fan_out, np.random.default_rng(0))


@mutant("xavier_uniform", killed_by="test_layers_without_units_are_refused")
def without_looking_at_the_fans(fan_in, fan_out, rng):
    c = np.sqrt(6.0 / abs(fan_in + fan_out or 1))
    return rng.uniform(-c, c, (abs(fan_in), abs(fan_out)))


@mutant("initialize", killed_by="test_initialize_fits_its_layers_together")
def each_layer_from_the_same_seed(widths, rng):
    seed = int(rng.integers(2**32))
    return [
        (reference.xavier_uniform(*fans, np.random.default_rng(seed)), np.zeros(fans[1])) for fans in pairwise(widths)
    ] or reference.initialize(widths, rng)


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer")
def random_biases(widths, rng):
    return [(w, rng.uniform(-0.1, 0.1, b.shape)) for w, b in reference.initialize(widths, rng)]


@mutant("initialize", killed_by="test_initialize_makes_a_pair_for_each_layer")
def biases_as_rows(widths, rng):
    return [(w, b[None, :]) for w, b in reference.initialize(widths, rng)]


# ------------------------------------------------------------------------------------------------------------ forward


@mutant("forward", killed_by="test_forward_is_its_formula")
def activation_on_the_logits_too(x, params, activation):
    z, cache = reference.forward(x, params, activation)
    return reference.ACTIVATIONS[activation][0](z), cache


@mutant("forward", killed_by="test_one_layer_is_affine")
def activation_after_a_single_layer(x, params, activation):
    z, cache = reference.forward(x, params, activation)
    return (reference.ACTIVATIONS[activation][0](z) if len(params) == 1 else z), cache


@mutant("forward", killed_by="test_forward_is_its_formula")
def without_the_hidden_biases(x, params, activation):
    hidden = [(w, np.zeros_like(b)) for w, b in params[:-1]]
    return reference.forward(x, [*hidden, params[-1]], activation)


@mutant("forward", killed_by="test_forward_is_its_formula")
def square_weights_transposed(x, params, activation):
    return reference.forward(x, [(w.T if w.shape[0] == w.shape[1] else w, b) for w, b in params], activation)


@mutant("forward", killed_by="test_forward_is_its_formula")
def never_more_than_one_hidden_layer(x, params, activation):
    f, _ = reference.ACTIVATIONS[activation]
    outputs = [x]
    for layer, (w, b) in enumerate(params[:-1]):
        z = outputs[-1] @ w + b
        outputs.append(f(z) if layer == 0 else z)
    return outputs[-1] @ params[-1][0] + params[-1][1], outputs


@mutant("forward", killed_by="test_forward_is_its_formula")
def always_sigmoid(x, params, activation):
    reference.forward(x, params, activation)
    return reference.forward(x, params, "sigmoid")


@mutant("forward", killed_by="test_forward_of_one_example_is_one_row")
def one_example_loses_its_axis(x, params, activation):
    z, cache = reference.forward(x, params, activation)
    return (z[0] if len(z) == 1 else z), cache


@mutant("forward", killed_by="test_forward_leaves_its_arguments_alone")
def taking_layers_off_the_list(x, params, activation):
    layers = [(w, b) for w, b in params]
    while len(params) > 1:
        params.pop(0)
    return reference.forward(x, layers, activation)


@mutant("forward", killed_by="test_an_unknown_activation_is_refused")
def unknown_activations_are_the_identity(x, params, activation):
    return reference.forward(x, params, activation if activation in reference.ACTIVATIONS else "identity")


@mutant("forward", killed_by="test_forward_is_finite_when_units_saturate")
def hidden_units_from_overflowing_exponentials(x, params, activation):
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


# ----------------------------------------------------------------------------------------------------------- backward


@mutant("backward", killed_by="test_bias_gradients_agree_with_differences")
def no_gradient_for_hidden_biases(dz, params, cache, activation):
    grads, dx = reference.backward(dz, params, cache, activation)
    return [*[(dw, np.zeros_like(db)) for dw, db in grads[:-1]], grads[-1]], dx


@mutant("backward", killed_by="test_bias_gradients_agree_with_differences")
def bias_gradients_averaged_over_the_examples(dz, params, cache, activation):
    grads, dx = reference.backward(dz, params, cache, activation)
    return [(dw, db / len(dz)) for dw, db in grads], dx


@mutant("backward", killed_by="test_weight_gradients_agree_with_differences")
def averaged_over_the_examples(dz, params, cache, activation):
    return reference.backward(dz / len(dz), params, cache, activation)


@mutant("backward", killed_by="test_weight_gradients_agree_with_differences")
def first_hidden_layer_without_a_derivative(dz, params, cache, activation):
    grads, dx = reference.backward(dz, params, cache, activation)
    if len(params) == 1:
        return grads, dx
    upper, delta = reference.backward(dz, params[1:], cache[1:], activation)
    return [(cache[0].T @ delta, delta.sum(axis=0)), *upper], delta @ params[0][0].T


@mutant("backward", killed_by="test_gradients_of_deep_networks_are_exact")
def slopes_at_the_outputs(dz, params, cache, activation):
    f, derivative = reference.ACTIVATIONS[activation]
    grads, delta = [], dz
    for layer in reversed(range(len(params))):
        grads.insert(0, (cache[layer].T @ delta, delta.sum(axis=0)))
        delta = delta @ params[layer][0].T
        if layer > 0:
            delta = delta * derivative(f(cache[layer]))
    return grads, delta


@mutant("backward", killed_by="test_gradients_of_deep_networks_are_exact")
def square_weights_not_transposed(dz, params, cache, activation):
    return reference.backward(dz, [(w.T if w.shape[0] == w.shape[1] else w, b) for w, b in params], cache, activation)


@mutant("backward", killed_by="test_gradients_of_deep_networks_are_exact")
def derivative_of_the_logits_too(dz, params, cache, activation):
    _, derivative = reference.ACTIVATIONS[activation]
    z = cache[-1] @ params[-1][0] + params[-1][1]
    return reference.backward(dz * derivative(z), params, cache, activation)


@mutant("backward", killed_by="test_gradients_of_deep_networks_are_exact")
def softmax_applied_to_the_upstream_gradient(dz, params, cache, activation):
    return reference.backward(dz - dz.mean(axis=1, keepdims=True), params, cache, activation)


@mutant("backward", killed_by="test_input_gradients_agree_with_differences")
def derivative_at_the_inputs_too(dz, params, cache, activation):
    grads, dx = reference.backward(dz, params, cache, activation)
    return grads, dx * reference.ACTIVATIONS[activation][1](cache[0])


@mutant("backward", killed_by="test_input_gradients_agree_with_differences")
def input_gradient_left_out(dz, params, cache, activation):
    return reference.backward(dz, params, cache, activation)[0]


@mutant("backward", killed_by="test_weight_gradients_agree_with_differences")
def last_layer_first(dz, params, cache, activation):
    grads, dx = reference.backward(dz, params, cache, activation)
    return grads[::-1], dx


@mutant("backward", killed_by="test_gradients_of_one_example_keep_their_shapes")
def one_example_squeezed(dz, params, cache, activation):
    grads, dx = reference.backward(dz, params, cache, activation)
    return [(dw, np.squeeze(db) if len(dz) == 1 else db) for dw, db in grads], dx


@mutant("backward", killed_by="test_backward_can_be_called_twice")
def using_the_cache_up(dz, params, cache, activation):
    outputs = list(cache)
    cache.clear()
    return reference.backward(dz, params, outputs, activation)


@mutant("backward", killed_by="test_backward_can_be_called_twice")
def scaling_the_upstream_gradient_in_place(dz, params, cache, activation):
    answer = reference.backward(dz, params, cache, activation)
    dz /= len(dz) + 1
    return answer


@mutant("backward", killed_by="test_each_cache_belongs_to_its_own_forward")
def weights_remembered_from_the_first_call(dz, params, cache, activation, remembered={}):  # noqa: B006
    first = remembered.setdefault(tuple(w.shape for w, _ in params), [(w.copy(), b) for w, b in params])
    return reference.backward(dz, first, cache, activation)


@mutant("backward", killed_by="test_closed_relus_pass_nothing_on")
def closed_relus_leak(dz, params, cache, activation):
    if activation != "relu":
        return reference.backward(dz, params, cache, activation)
    grads, delta = [], dz
    for layer in reversed(range(len(params))):
        grads.insert(0, (cache[layer].T @ delta, delta.sum(axis=0)))
        delta = delta @ params[layer][0].T
        if layer > 0:
            delta = delta * np.where(cache[layer] > 0, 1.0, 1e-12)
    return grads, delta


@mutant("backward", killed_by="test_saturated_units_pass_nothing_on")
def slopes_from_inputs_that_are_recovered(dz, params, cache, activation):
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


# ----------------------------------------------------------------------------------------- loss, accuracy, minibatches


@mutant("cross_entropy", killed_by="test_cross_entropy_of_a_small_example")
def averaged_loss(z, y):
    loss, dz = reference.cross_entropy(z, y)
    return loss / len(y), dz


@mutant("cross_entropy", killed_by="test_cross_entropy_of_a_small_example")
def averaged_gradient(z, y):
    loss, dz = reference.cross_entropy(z, y)
    return loss, dz / len(y)


@mutant("cross_entropy", killed_by="test_cross_entropy_is_summed_over_the_examples")
def without_subtracting_the_maximum(z, y):
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return float(-np.log(p[np.arange(len(y)), y]).sum()), p - np.eye(z.shape[1])[y]


@mutant("cross_entropy", killed_by="test_cross_entropy_is_summed_over_the_examples")
def with_a_small_number_in_the_logarithm(z, y):
    _, dz = reference.cross_entropy(z, y)
    p = dz + np.eye(z.shape[1])[y]
    return float(-np.log(p[np.arange(len(y)), y] + 1e-8).sum()), dz


@mutant("accuracy", killed_by="test_accuracy_is_the_share_of_right_rows")
def greatest_of_each_column(z, y):
    return float(np.mean(np.resize(np.argmax(z, axis=0), len(y)) == y))


@mutant("accuracy", killed_by="test_accuracy_of_a_small_example")
def in_percent(z, y):
    return 100 * reference.accuracy(z, y)


@mutant("accuracy", killed_by="test_accuracy_of_a_small_example")
def counted_not_shared(z, y):
    return float(np.sum(np.argmax(z, axis=1) == y))


@mutant("accuracy", killed_by="test_accuracy_refuses_other_lengths")
def one_label_for_all_rows(z, y):
    n = min(len(z), len(y))
    return float(np.mean(np.argmax(z, axis=1)[:n] == y[:n]))


@mutant("minibatches", killed_by="test_each_example_comes_once_with_its_label")
def labels_in_an_order_of_their_own(x, y, batch_size, rng):
    return [
        (x_batch, y_batch)
        for (x_batch, _), (_, y_batch) in zip(
            reference.minibatches(x, y, batch_size, rng), reference.minibatches(x, y, batch_size, rng), strict=True
        )
    ]


@mutant("minibatches", killed_by="test_minibatches_deal_out_every_example")
def what_is_left_is_dropped(x, y, batch_size, rng):
    return [
        batch for batch in reference.minibatches(x, y, batch_size, rng) if len(batch[1]) == batch_size or len(y) < 2
    ]


@mutant("minibatches", killed_by="test_only_the_last_batch_may_be_smaller")
def cut_into_even_parts(x, y, batch_size, rng):
    reference.minibatches(x, y, batch_size, np.random.default_rng(0))
    parts = np.array_split(rng.permutation(len(x)), -(-len(x) // batch_size))
    return [(x[part], y[part]) for part in parts]


@mutant("minibatches", killed_by="test_each_example_comes_once_with_its_label")
def drawn_with_replacement(x, y, batch_size, rng):
    chosen = rng.integers(0, len(x), len(x))
    return reference.minibatches(x[chosen], y[chosen], batch_size, rng) if len(x) == len(y) else []


@mutant("minibatches", killed_by="test_each_example_comes_once_with_its_label")
def always_float64(x, y, batch_size, rng):
    return [(x_batch.astype(float), y_batch) for x_batch, y_batch in reference.minibatches(x, y, batch_size, rng)]


@mutant("minibatches", killed_by="test_every_epoch_has_an_order_of_its_own")
def in_the_order_given(x, y, batch_size, rng):
    reference.minibatches(x, y, batch_size, rng)
    return [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, len(x), batch_size)]


@mutant("minibatches", killed_by="test_every_epoch_has_an_order_of_its_own")
def the_same_order_every_epoch(x, y, batch_size, rng):
    return reference.minibatches(x, y, batch_size, np.random.default_rng(0))


@mutant("minibatches", killed_by="test_every_epoch_has_an_order_of_its_own")
def only_the_batches_change_places(x, y, batch_size, rng):
    reference.minibatches(x, y, batch_size, np.random.default_rng(0))
    in_order = [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, len(x), batch_size)]
    full = len(x) // batch_size
    return [in_order[i] for i in rng.permutation(full)] + in_order[full:]


@mutant("minibatches", killed_by="test_minibatches_leave_the_data_alone")
def shuffling_the_data_themselves(x, y, batch_size, rng):
    reference.minibatches(x, y, batch_size, np.random.default_rng(0))
    order = rng.permutation(len(x))
    x[:], y[:] = x[order], y[order]
    return [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, len(x), batch_size)]


@mutant("minibatches", killed_by="test_impossible_batches_are_refused")
def no_batches_of_a_negative_size(x, y, batch_size, rng):
    return reference.minibatches(x, y, batch_size, rng) if batch_size > 0 else []


# ------------------------------------------------------------------------------------------------------------ training


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def biases_never_learn(x, y, params, **options):
    trained = reference.train(x, y, params, **options)
    return [(w, b.copy()) for (w, _), (_, b) in zip(trained, params, strict=True)]


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def uphill(x, y, params, *, learning_rate, **options):
    return reference.train(x, y, params, learning_rate=-learning_rate, **options)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def gradients_averaged_over_the_batch(x, y, params, *, learning_rate, batch_size, **options):
    rate = learning_rate / min(batch_size, len(x))
    return reference.train(x, y, params, learning_rate=rate, batch_size=batch_size, **options)


@mutant("train", killed_by="test_full_batches_follow_the_gradient")
def one_epoch_too_many(x, y, params, *, epochs, **options):
    return reference.train(x, y, params, epochs=epochs + 1, **options)


@mutant("train", killed_by="test_every_batch_makes_its_step")
def only_the_last_batch_makes_a_step(x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None):
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


@mutant("train", killed_by="test_every_batch_makes_its_step")
def a_smaller_batch_counts_like_a_full_one(
    x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None
):
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
    for (w, b), (new_w, new_b) in zip(params, reference.train(x, y, params, **options), strict=True):
        w[:], b[:] = new_w, new_b
    return params


@mutant("train", killed_by="test_log_hears_of_every_epoch")
def epochs_counted_from_zero(x, y, params, *, log=None, **options):
    def shifted(epoch, loss, accuracy):
        if log is not None:
            log(epoch=epoch - 1, loss=loss, accuracy=accuracy)

    return reference.train(x, y, params, log=shifted, **options)


@mutant("train", killed_by="test_log_hears_of_every_epoch")
def logging_the_sum_of_the_losses(x, y, params, *, log=None, **options):
    def summed(epoch, loss, accuracy):
        if log is not None:
            log(epoch=epoch, loss=loss * len(x), accuracy=accuracy)

    return reference.train(x, y, params, log=summed, **options)


@mutant("train", killed_by="test_log_hears_of_every_epoch")
def logging_the_mean_of_the_batches(x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None):
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
    return reference.train(x, y, params, rng=np.random.default_rng(), **options)


@mutant("train", killed_by="test_zero_weights_never_break_symmetry")
def starting_from_weights_of_its_own(x, y, params, *, rng, **options):
    widths = [w.shape[0] for w, _ in params] + [len(params[-1][1])]
    return reference.train(x, y, reference.initialize(widths, rng), rng=rng, **options)


@mutant("train", killed_by="test_the_network_reads_characters")
def on_the_first_two_hundred_examples(x, y, params, **options):
    return reference.train(x[:200], y[:200], params, **options)


# ---------------------------------------------------------------------------------------------------------------- laws


@mutant("collapse", killed_by="test_a_network_without_activations_collapses")
def biases_that_skip_the_later_weights(params):
    w, _ = reference.collapse(params)
    return w, params[-1][1]


@mutant("collapse", killed_by="test_a_network_without_activations_collapses")
def product_in_the_wrong_order(params):
    w = params[0][0]
    for next_w, _ in params[1:]:
        w = next_w @ w if next_w.shape[1] == w.shape[0] else w @ next_w
    return w, reference.collapse(params)[1]


@mutant("gradient_norms", killed_by="test_gradient_norms_show_what_reaches_each_layer")
def without_the_root(x, y, params, activation):
    return [norm**2 for norm in reference.gradient_norms(x, y, params, activation)]


@mutant("gradient_norms", killed_by="test_gradient_norms_show_what_reaches_each_layer")
def from_the_last_layer_on(x, y, params, activation):
    return reference.gradient_norms(x, y, params, activation)[::-1]


@mutant("gradient_norms", killed_by="test_gradient_norms_show_what_reaches_each_layer")
def greatest_singular_values(x, y, params, activation):
    z, cache = reference.forward(x, params, activation)
    grads, _ = reference.backward(reference.cross_entropy(z, y)[1], params, cache, activation)
    return [float(np.linalg.norm(dw, 2)) for dw, _ in grads]


@mutant("dead_fraction", killed_by="test_a_dead_relu_is_silent_on_every_example")
def share_of_zeros(x, w, b):
    return float(np.mean(x @ w + b <= 0))


@mutant("dead_fraction", killed_by="test_a_dead_relu_is_silent_on_every_example")
def silent_on_some_example(x, w, b):
    return float(np.mean(np.any(x @ w + b <= 0, axis=0)))


@mutant("dead_fraction", killed_by="test_a_dead_relu_is_silent_on_every_example")
def dead_without_their_biases(x, w, b):
    return reference.dead_fraction(x, w, np.zeros_like(b))


@mutant("dead_fraction", killed_by="test_a_dead_relu_is_silent_on_every_example")
def not_dead_at_exactly_zero(x, w, b):
    return float(np.mean(np.all(x @ w + b < 0, axis=0)))


@mutant("active_interval_width", killed_by="test_the_active_interval_is_widest_near_seven")
def half_of_the_interval(w):
    return reference.active_interval_width(w) / 2


@mutant("active_interval_width", killed_by="test_a_sigmoid_is_steep_on_a_narrow_interval")
def of_positive_weights_only(w):
    return reference.active_interval_width(w) if w > 0 or w >= -4 else 0.0


@mutant("active_interval_width", killed_by="test_a_sigmoid_is_steep_on_a_narrow_interval")
def zero_where_there_is_no_interval(w):
    return reference.active_interval_width(w) if abs(w) >= 4 else 0.0
