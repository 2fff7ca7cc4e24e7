"""Wrong answers to `softmax`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions.
"""

import numpy as np
import softmax as reference

from autograder.testing import mutant

# ------------------------------------------------------------------------------------------------------------- softmax


@mutant("softmax", killed_by="test_large_logits_stay_finite", kind="no shift in exponentials")
def without_subtracting_the_maximum(z):
    """You take exponentials of the logits without a shift, so they overflow for large logits.

    Handout: From logits to a loss
    """
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


@mutant("softmax", killed_by="test_large_logits_stay_finite")
def subtracts_the_mean_for_the_maximum(z):
    """You subtract the mean of each row, so the exponential of a logit far above that mean overflows.

    Handout: From logits to a loss
    """
    e = np.exp(z - z.mean(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@mutant("softmax", killed_by="test_large_logits_stay_finite")
def clips_large_logits(z):
    """You clip logits that are far from 0, which changes the probabilities of their rows.

    Handout: From logits to a loss
    """
    e = np.exp(z.clip(-500, 500))
    return e / e.sum(axis=1, keepdims=True)


@mutant("softmax", killed_by="test_softmax_of_rows_far_apart", kind="the maximum of the whole matrix for the row's")
def one_maximum_for_all_rows(z):
    """You subtract the maximum of the whole matrix, so a row far below it becomes 0/0.

    Handout: From logits to a loss
    """
    e = np.exp(z - z.max(initial=-np.inf))
    return e / e.sum(axis=1, keepdims=True)


@mutant("softmax", killed_by="test_softmax_rows_are_probabilities", kind="height for width, rows for columns")
def normalizes_the_columns(z):
    """You normalize each column and not each row.

    Handout: From logits to a loss
    """
    e = np.exp(z - z.max(axis=0, keepdims=True, initial=-1e4))
    return e / e.sum(axis=0, keepdims=True)


@mutant("softmax", killed_by="test_softmax_rows_are_probabilities")
def one_sum_for_all_rows(z):
    """You divide by the sum over the whole matrix and not over each row.

    Handout: From logits to a loss
    """
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum()


@mutant("softmax", killed_by="test_softmax_undoes_the_logarithm")
def powers_of_two(z):
    """You take powers of 2 and not powers of e.

    Handout: From logits to a loss
    """
    e = np.exp2(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@mutant("softmax", killed_by="test_softmax_is_its_formula", kind="epsilon in another place")
def epsilon_in_the_denominator(z):
    """You add a small number to the denominator, so the probabilities are not exact.

    Handout: From logits to a loss
    """
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / (e.sum(axis=1, keepdims=True) + 1e-8)


@mutant("softmax", killed_by="test_softmax_of_one_example", kind="a squeeze")
def squeezes_one_example(z):
    """You drop axes of length 1, so your result for one example or one class has the wrong shape.

    Handout: From logits to a loss
    """
    return np.squeeze(reference.softmax(z))


@mutant("softmax", killed_by="test_softmax_of_no_example")
def fails_without_examples(z):
    """You take the maximum of the whole matrix, which fails for a batch without examples."""
    return reference.softmax(z - z.max())


@mutant("softmax", killed_by="test_softmax_of_float32_is_float32")
def works_in_float64(z):
    """You return float64 probabilities for float32 logits."""
    return reference.softmax(z.astype(np.float64))


@mutant("softmax", killed_by="test_softmax_leaves_its_input")
def shifts_its_input_in_place(z):
    """You subtract the maximum from z in place, which changes the caller's array.

    Handout: What is graded
    """
    z -= z.max(axis=1, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


# --------------------------------------------------------------------------------------------------------- log_softmax


@mutant("log_softmax", killed_by="test_log_softmax_of_large_logits_is_finite")
def logarithm_of_softmax(z):
    """You take the logarithm of softmax(z), which is infinite where the probability rounds to 0.

    Handout: From logits to a loss
    """
    with np.errstate(divide="ignore"):
        return np.log(reference.softmax(z))


@mutant("log_softmax", killed_by="test_log_softmax_where_one_class_is_sure", kind="epsilon in another place")
def logarithm_of_softmax_plus_epsilon(z):
    """You add a tiny number to softmax(z) before the logarithm, which is wrong where the probability rounds to 0.

    Handout: From logits to a loss
    """
    tiny = np.finfo(z.dtype).tiny
    return np.log(reference.softmax(z) + tiny)


@mutant("log_softmax", killed_by="test_log_softmax_of_logarithms")
def forgets_the_normalizer(z):
    """You subtract only the maximum of each row and leave out the logarithm of the sum.

    Handout: From logits to a loss
    """
    return z - z.max(axis=1, keepdims=True)


@mutant("log_softmax", killed_by="test_log_softmax_is_its_formula")
def forgets_to_add_the_maximum_back(z):
    """You shift the logits by the maximum inside the sum and never undo this shift.

    Handout: From logits to a loss
    """
    log_sum = np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))
    return z - log_sum


@mutant("log_softmax", killed_by="test_log_softmax_is_its_formula")
def one_normalizer_for_all_rows(z):
    """You subtract the logarithm of the sum over the whole matrix and not over each row.

    Handout: From logits to a loss
    """
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum())


@mutant("log_softmax", killed_by="test_log_softmax_is_its_formula")
def binary_logarithms(z):
    """You return logarithms to the base 2 and not natural logarithms.

    Handout: From logits to a loss
    """
    return reference.log_softmax(z) / z.dtype.type(np.log(2))


@mutant("log_softmax", killed_by="test_log_softmax_of_one_example", kind="a squeeze")
def squeezes_one_row_of_logarithms(z):
    """You drop axes of length 1, so your result for one example or one class has the wrong shape.

    Handout: From logits to a loss
    """
    return np.squeeze(reference.log_softmax(z))


@mutant("log_softmax", killed_by="test_log_softmax_of_float32_is_float32")
def returns_float64_logarithms(z):
    """You return float64 logarithms for float32 logits."""
    return reference.log_softmax(z.astype(np.float64))


@mutant("log_softmax", killed_by="test_log_softmax_leaves_its_input")
def subtracts_the_normalizer_in_place(z):
    """You compute the result in z itself, which changes the caller's array.

    Handout: What is graded
    """
    z -= z.max(axis=1, keepdims=True)
    z -= np.log(np.exp(z).sum(axis=1, keepdims=True))
    return z


# ------------------------------------------------------------------------------------------------------- cross_entropy


@mutant(
    "cross_entropy",
    killed_by="test_cross_entropy_is_the_mean_surprise",
    kind="a factor of the batch, the classes or two",
)
def sum_for_mean(z, y):
    """You return the sum of the losses and not their mean.

    Handout: From logits to a loss
    """
    return reference.cross_entropy(z, y) * len(y)


@mutant(
    "cross_entropy", killed_by="test_cross_entropy_is_its_formula", kind="a factor of the batch, the classes or two"
)
def mean_over_the_classes_too(z, y):
    """You take the mean over the classes too, which divides the loss by k.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    one_hot = np.eye(z.shape[1], dtype=z.dtype)[y]
    return float(-(one_hot * reference.log_softmax(z)).mean())


@mutant("cross_entropy", killed_by="test_cross_entropy_of_equal_logits")
def bits_for_nats(z, y):
    """You return the loss in bits and not in nats.

    Handout: From logits to a loss
    """
    return reference.cross_entropy(z, y) / np.log(2)


@mutant("cross_entropy", killed_by="test_cross_entropy_is_its_formula", kind="labels or order mixed up")
def labels_counted_from_one(z, y):
    """You count the labels from 1 and not from 0.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    return float(-reference.log_softmax(z)[np.arange(len(y)), y.astype(np.int64) - 1].mean())


@mutant("cross_entropy", killed_by="test_cross_entropy_is_its_formula", kind="height for width, rows for columns")
def every_row_with_every_label(z, y):
    """You pair every row with every label and not only with its own label.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    return float(-reference.log_softmax(z)[:, y].mean())


@mutant("cross_entropy", killed_by="test_cross_entropy_is_the_mean_surprise")
def forgets_the_minus_sign(z, y):
    """You leave out the minus sign of the loss.

    Handout: From logits to a loss
    """
    return -reference.cross_entropy(z, y)


@mutant("cross_entropy", killed_by="test_cross_entropy_is_its_formula")
def takes_the_softmax_of_probabilities(z, y):
    """You apply softmax twice: you use probabilities as logits.

    Handout: From logits to a loss
    """
    return reference.cross_entropy(reference.softmax(z), y)


@mutant("cross_entropy", killed_by="test_cross_entropy_is_its_formula")
def returns_the_loss_of_each_example(z, y):
    """You return the losses of the examples in an array and not their mean.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    return -reference.log_softmax(z)[np.arange(len(y)), y]


@mutant("cross_entropy", killed_by="test_cross_entropy_of_large_logits_is_finite")
def logarithm_of_clipped_probabilities(z, y):
    """You clip the probabilities before the logarithm, so the loss of a very improbable label is too small.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    p = reference.softmax(z)[np.arange(len(y)), y]
    return float(-np.log(p.clip(1e-15, 1)).mean())


@mutant("cross_entropy", killed_by="test_cross_entropy_of_one_example", kind="a squeeze")
def refuses_a_batch_of_one(z, y):
    """You drop axes of length 1 from the logarithms, so your function fails for one example or one class."""
    reference._check_labels(z, y)
    log_p = np.squeeze(reference.log_softmax(z))
    return float(-log_p[np.arange(len(y)), y].mean())


@mutant("cross_entropy", killed_by="test_cross_entropy_of_float32")
def works_in_float16(z, y):
    """You compute the loss of float32 logits in float16."""
    half = np.float16 if z.dtype == np.float32 else z.dtype
    return reference.cross_entropy(z.astype(half), y)


@mutant("cross_entropy", killed_by="test_cross_entropy_takes_any_integer_labels")
def flat_indices_in_the_labels_dtype(z, y):
    """You compute flat indices in the dtype of the labels, and they overflow where n k is beyond its range."""
    reference._check_labels(z, y)
    n, k = z.shape
    starts = (np.arange(n) * k).astype(y.dtype)
    return float(-reference.log_softmax(z).ravel()[starts + y].mean())


@mutant("cross_entropy", killed_by="test_cross_entropy_refuses_wrong_labels")
def counts_negative_labels_from_the_end(z, y):
    """You accept negative labels, which numpy counts from the last class.

    Handout: What is graded
    """
    if len(y) == 0 or y.shape != (len(z),) or y.max() >= z.shape[1]:
        raise ValueError("wrong labels")
    return float(-reference.log_softmax(z)[np.arange(len(y)), y].mean())


@mutant("cross_entropy", killed_by="test_cross_entropy_refuses_wrong_labels")
def broadcasts_a_column_of_labels(z, y):
    """You accept labels of shape (n, 1), which numpy spreads over a table of n x n.

    Handout: What is graded
    """
    reference._check_labels(z, y.ravel())
    return float(-reference.log_softmax(z)[np.arange(len(y)), y].mean())


@mutant("cross_entropy", killed_by="test_cross_entropy_refuses_wrong_labels")
def mean_of_no_example_is_nan(z, y):
    """You return NaN for a batch without examples and raise no ValueError."""
    return float("nan") if len(z) == len(y) == 0 else reference.cross_entropy(z, y)


@mutant("cross_entropy", killed_by="test_cross_entropy_leaves_its_inputs")
def subtracts_the_maximum_from_the_callers_logits(z, y):
    """You subtract the maximum from z in place, which changes the caller's array.

    Handout: What is graded
    """
    reference._check_labels(z, y)
    z -= z.max(axis=1, keepdims=True)
    return reference.cross_entropy(z, y)


# -------------------------------------------------------------------------------------------------- cross_entropy_grad


@mutant(
    "cross_entropy_grad",
    killed_by="test_gradient_is_the_derivative_of_the_loss",
    kind="a factor of the batch, the classes or two",
)
def gradient_of_the_sum(z, y):
    """You return the gradient of the sum of the losses and not of their mean.

    Handout: From logits to a loss
    """
    return reference.cross_entropy_grad(z, y) * len(y)


@mutant(
    "cross_entropy_grad",
    killed_by="test_gradient_is_the_derivative_of_the_loss",
    kind="a factor of the batch, the classes or two",
)
def divides_by_the_classes_too(z, y):
    """You divide the gradient by the number of classes too.

    Handout: From logits to a loss
    """
    return reference.cross_entropy_grad(z, y) / z.shape[1]


@mutant("cross_entropy_grad", killed_by="test_gradient_rows_sum_to_zero")
def forgets_to_subtract_one(z, y):
    """You leave out the labels: your gradient is softmax(z) / n.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    return reference.softmax(z) / len(y)


@mutant("cross_entropy_grad", killed_by="test_gradient_compares_probabilities_with_labels")
def ascends(z, y):
    """Your gradient has the opposite sign.

    Handout: From logits to a loss
    """
    return -reference.cross_entropy_grad(z, y)


@mutant(
    "cross_entropy_grad",
    killed_by="test_gradient_is_the_derivative_of_the_loss",
    kind="height for width, rows for columns",
)
def subtracts_one_from_whole_columns(z, y):
    """You subtract 1 from whole columns and not only at the label of each row.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    g = reference.softmax(z)
    g[:, y] -= 1
    return g / len(y)


@mutant("cross_entropy_grad", killed_by="test_gradient_is_the_derivative_of_the_loss")
def only_the_label_has_a_gradient(z, y):
    """Your gradient is 0 at every class but the label.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    g, rows = np.zeros_like(z), np.arange(len(y))
    g[rows, y] = reference.softmax(z)[rows, y] - 1
    return g / len(y)


@mutant("cross_entropy_grad", killed_by="test_gradient_of_large_logits_is_finite", kind="no shift in exponentials")
def gradient_without_the_shift(z, y):
    """You take exponentials of the logits without a shift, so they overflow for large logits.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    e = np.exp(z)
    return (e / e.sum(axis=1, keepdims=True) - np.eye(z.shape[1], dtype=z.dtype)[y]) / len(y)


@mutant("cross_entropy_grad", killed_by="test_gradient_of_float32_is_float32")
def one_hot_labels_in_float64(z, y):
    """You subtract one-hot labels of dtype float64, so the gradient of float32 logits is float64.

    Handout: What is graded
    """
    reference._check_labels(z, y)
    return (reference.softmax(z) - np.eye(z.shape[1])[y]) / len(y)


@mutant("cross_entropy_grad", killed_by="test_gradient_takes_any_integer_labels")
def negates_a_one_hot_of_the_labels_dtype(z, y):
    """You negate one-hot labels in the dtype of the labels, where -1 of an unsigned integer is large."""
    reference._check_labels(z, y)
    one_hot = np.eye(z.shape[1], dtype=y.dtype)[y]
    return (reference.softmax(z) + -one_hot) / len(y)  # the -1 of an unsigned byte is 255


@mutant("cross_entropy_grad", killed_by="test_gradient_refuses_wrong_labels")
def takes_any_label(z, y):
    """You do not check the labels, so you raise no ValueError for wrong ones."""
    g = reference.softmax(z)
    g[np.arange(len(y)), y] -= 1
    return g / len(y)


@mutant("cross_entropy_grad", killed_by="test_gradient_leaves_its_inputs")
def writes_the_gradient_over_the_logits(z, y):
    """You write the gradient into z, which changes the caller's array.

    Handout: What is graded
    """
    z[...] = reference.cross_entropy_grad(z, y)
    return z


# ------------------------------------------------------------------------------------------------------------ training


@mutant(
    "predict_proba",
    killed_by="test_predict_proba_is_softmax_of_an_affine_map",
    kind="a parameter read but replaced by a constant",
)
def probabilities_without_the_bias(x, weights):
    """You leave out the bias b.

    Handout: Training
    """
    return reference.softmax(x @ weights[0])


@mutant("predict_proba", killed_by="test_predict_proba_is_softmax_of_an_affine_map")
def a_sigmoid_for_each_class(x, weights):
    """You apply a sigmoid to each logit and not softmax to each row.

    Handout: Training
    """
    w, b = weights
    return 1 / (1 + np.exp(-(x @ w + b)))


@mutant("predict_proba", killed_by="test_predict_proba_is_softmax_of_an_affine_map")
def exponentials_that_are_not_normalized(x, weights):
    """You do not divide the exponentials by their sum, so the rows do not sum to 1.

    Handout: Training
    """
    w, b = weights
    z = x @ w + b
    return np.exp(z - z.max(axis=1, keepdims=True))


@mutant("_step", killed_by="test_full_batches_are_gradient_descent", kind="a factor of the batch, the classes or two")
def weight_decay_twice(x, y, weights, learning_rate, weight_decay):
    """You apply the weight decay with an extra factor of 2.

    Handout: Training
    """
    return reference._step(x, y, weights, learning_rate, 2 * weight_decay)


@mutant("_step", killed_by="test_full_batches_are_gradient_descent", kind="a parameter read but replaced by a constant")
def no_weight_decay(x, y, weights, learning_rate, weight_decay):
    """You leave out the weight decay.

    Handout: Training
    """
    return reference._step(x, y, weights, learning_rate, 0.0)


@mutant("_step", killed_by="test_full_batches_are_gradient_descent", kind="another's gradient")
def weight_decay_of_the_bias(x, y, weights, learning_rate, weight_decay):
    """You apply the weight decay to the bias too.

    Handout: Training
    """
    w, b = reference._step(x, y, weights, learning_rate, weight_decay)
    return w, b - learning_rate * weight_decay * weights[1]


@mutant("_step", killed_by="test_full_batches_are_gradient_descent")
def weight_decay_divided_by_the_batch(x, y, weights, learning_rate, weight_decay):
    """You divide the weight decay by the number of examples of the batch.

    Handout: Training
    """
    return reference._step(x, y, weights, learning_rate, weight_decay / len(x))


@mutant("_step", killed_by="test_full_batches_are_gradient_descent")
def weight_decay_without_the_learning_rate(x, y, weights, learning_rate, weight_decay):
    """You do not multiply the weight decay by the learning rate.

    Handout: Training
    """
    w, b = reference._step(x, y, weights, learning_rate, 0.0)
    return w - weight_decay * weights[0], b


@mutant("_step", killed_by="test_the_first_step_starts_from_equal_probabilities", kind="state read but never stored")
def the_bias_is_never_learned(x, y, weights, learning_rate, weight_decay):
    """You never update the bias b.

    Handout: Training
    """
    return reference._step(x, y, weights, learning_rate, weight_decay)[0], weights[1]


@mutant(
    "_step",
    killed_by="test_the_first_step_starts_from_equal_probabilities",
    kind="a factor of the batch, the classes or two",
)
def divides_by_the_batch_a_second_time(x, y, weights, learning_rate, weight_decay):
    """You divide the gradient by the number of examples of the batch a second time.

    Handout: Training
    """
    return reference._step(x, y, weights, learning_rate / len(x), weight_decay * len(x))


@mutant("_batches", killed_by="test_an_epoch_takes_every_example_once[3]")
def drops_a_smaller_last_batch(n, batch_size, rng):
    """You leave out the last batch if it is smaller than the others.

    Handout: Training
    """
    found = reference._batches(n, batch_size, rng)
    return [batch for batch in found if len(batch) == min(n, batch_size)]


@mutant("_batches", killed_by="test_an_epoch_takes_every_example_once[3]")
def fills_the_last_batch_up_again(n, batch_size, rng):
    """You fill a smaller last batch with examples that the epoch has already used.

    Handout: Training
    """
    order = rng.permutation(n)
    return [np.take(order, range(s, s + min(n, batch_size)), mode="wrap") for s in range(0, n, batch_size)]


@mutant("_batches", killed_by="test_an_epoch_takes_every_example_once[2]", kind="each batch drawn anew")
def draws_with_replacement(n, batch_size, rng):
    """You draw examples with replacement, so an epoch repeats some of them and misses others.

    Handout: Training
    """
    return [rng.integers(0, n, min(batch_size, n - start)) for start in range(0, n, batch_size)]


@mutant("_batches", killed_by="test_full_batches_are_gradient_descent")
def fails_on_batches_beyond_the_set(n, batch_size, rng):
    """You round the number of batches down, so batches are too large and a batch_size above n fails.

    Handout: Training
    """
    return np.array_split(rng.permutation(n), n // batch_size)


@mutant("_batches", killed_by="test_orders_are_drawn_from_the_generator", kind="an order never or once drawn")
def never_shuffles(n, batch_size, rng):
    """You take the examples in the given order in every epoch and never shuffle them.

    Handout: Training
    """
    order = np.arange(n)
    return [order[start : start + batch_size] for start in range(0, n, batch_size)]


@mutant("_batches", killed_by="test_orders_are_drawn_from_the_generator", kind="a zero or constant draw")
def seeds_a_generator_of_its_own(n, batch_size, rng):
    """You draw the order from a generator with a fixed seed and not from rng.

    Handout: Training
    """
    return reference._batches(n, batch_size, np.random.default_rng(0))


@mutant("_batches", killed_by="test_orders_are_drawn_from_the_generator", kind="a normal draw for a uniform one")
def rotates_for_shuffling(n, batch_size, rng):
    """You only rotate the order by a random number of places, so most orders never occur.

    Handout: Training
    """
    order = np.roll(np.arange(n), int(rng.integers(n)))
    return [order[start : start + batch_size] for start in range(0, n, batch_size)]


@mutant("_batches", killed_by="test_equal_generators_give_equal_weights")
def draws_from_the_global_generator(n, batch_size, rng):
    """You draw the order from numpy's global generator and not from rng.

    Handout: Training
    """
    order = np.random.permutation(n)
    return [order[start : start + batch_size] for start in range(0, n, batch_size)]


@mutant("softmax_regression", killed_by="test_every_epoch_draws_a_new_order", kind="an order never or once drawn")
def shuffles_once_for_all_epochs(x, y, *, learning_rate, epochs, batch_size, weight_decay=0.0, rng, log=None):
    """You draw one order and use it in all epochs.

    Handout: Training
    """
    order = rng.permutation(len(x))

    class SameOrder:
        def permutation(self, n):
            return order

    return reference.softmax_regression(
        x,
        y,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size,
        weight_decay=weight_decay,
        rng=SameOrder(),
        log=log,
    )


@mutant("softmax_regression", killed_by="test_an_epoch_takes_every_example_once[2]", kind="labels or order mixed up")
def shuffles_examples_without_their_labels(x, y, *, rng, **rest):
    """You shuffle the examples without their labels.

    Handout: Training
    """
    return reference.softmax_regression(rng.permutation(x), y, rng=rng, **rest)


@mutant("softmax_regression", killed_by="test_training_leaves_the_training_set")
def shuffles_the_callers_arrays(x, y, *, rng, **rest):
    """You shuffle x and y in place, which changes the caller's arrays.

    Handout: What is graded
    """
    order = rng.permutation(len(y))
    x[...], y[...] = x[order], y[order]
    return reference.softmax_regression(x, y, rng=rng, **rest)


@mutant("softmax_regression", killed_by="test_full_batches_are_gradient_descent")
def one_epoch_too_many(x, y, *, epochs, **rest):
    """You train for one epoch too many.

    Handout: Training
    """
    return reference.softmax_regression(x, y, epochs=epochs + 1, **rest)


@mutant("softmax_regression", killed_by="test_training_begins_at_zero")
def starts_from_random_weights(x, y, *, learning_rate, weight_decay=0.0, rng, **rest):
    """You add random numbers to w, so w is not 0 before the first step.

    Handout: Training
    """
    w, b = reference.softmax_regression(x, y, learning_rate=learning_rate, weight_decay=weight_decay, rng=rng, **rest)
    return w + 0.01 * rng.standard_normal(w.shape), b


@mutant("softmax_regression", killed_by="test_training_with_a_class_without_examples")
def counts_the_classes_that_occur(x, y, **rest):
    """You count only the classes that occur in y, so a class without examples is missing."""
    if y.shape != (len(x),):
        raise ValueError("one label for each example")
    return reference.softmax_regression(x, np.unique(y, return_inverse=True)[1], **rest)


@mutant("softmax_regression", killed_by="test_log_is_called_once_an_epoch")
def counts_epochs_from_zero(x, y, *, log=None, **rest):
    """You count the epochs from 0 when you call log."""

    def counted(epoch, loss, accuracy):
        log(epoch=epoch - 1, loss=loss, accuracy=accuracy)

    return reference.softmax_regression(x, y, log=log and counted, **rest)


@mutant("softmax_regression", killed_by="test_log_is_called_once_an_epoch")
def calls_log_after_the_last_epoch_alone(x, y, *, epochs, log=None, **rest):
    """You call log only after the last epoch."""

    def last(epoch, loss, accuracy):
        if epoch == epochs:
            log(epoch=epoch, loss=loss, accuracy=accuracy)

    return reference.softmax_regression(x, y, epochs=epochs, log=log and last, **rest)


@mutant("softmax_regression", killed_by="test_log_hears_the_objective_and_the_accuracy")
def logs_the_accuracy_in_percent(x, y, *, log=None, **rest):
    """You give log the accuracy in percent and not as a share."""

    def percent(epoch, loss, accuracy):
        log(epoch=epoch, loss=loss, accuracy=100 * accuracy)

    return reference.softmax_regression(x, y, log=log and percent, **rest)


@mutant("softmax_regression", killed_by="test_log_hears_the_objective_and_the_accuracy")
def logs_the_loss_before_the_epoch(x, y, *, log=None, **rest):
    """You give log the loss before each epoch and not after it."""
    k = int(y.max()) + 1
    losses = [float(np.log(k))]  # at w = 0, b = 0

    def late(epoch, loss, accuracy):
        losses.append(loss)
        log(epoch=epoch, loss=losses[-2], accuracy=accuracy)

    return reference.softmax_regression(x, y, log=log and late, **rest)


@mutant("_objective", killed_by="test_log_hears_the_objective_and_the_accuracy")
def logs_the_loss_without_the_penalty(x, y, weights, weight_decay):
    """You leave the penalty of the weights out of the loss that you give to log."""
    return reference._objective(x, y, weights, 0.0)


@mutant("_objective", killed_by="test_log_hears_of_all_examples")
def logs_the_loss_of_the_first_examples(x, y, weights, weight_decay):
    """You give log the loss of the first few examples and not of all n."""
    return reference._objective(x[:3], y[:3], weights, weight_decay)


@mutant("softmax_regression", killed_by="test_training_refuses_wrong_arguments")
def drops_labels_that_are_too_many(x, y, **rest):
    """You drop labels beyond the n-th and raise no ValueError."""
    return reference.softmax_regression(x, y[: len(x)], **rest)


@mutant("softmax_regression", killed_by="test_training_refuses_wrong_arguments")
def takes_a_batch_size_of_zero_for_all(x, y, *, batch_size, **rest):
    """You treat a batch_size of 0 as one batch of all examples and raise no ValueError."""
    return reference.softmax_regression(x, y, batch_size=batch_size or len(x), **rest)


# ---------------------------------------------------------------------------------------------------- decision_regions


@mutant("predict", killed_by="test_predict_names_the_most_probable_class", kind="height for width, rows for columns")
def the_most_probable_example_of_each_class(x, weights):
    """You take the largest logit of each column and not of each row.

    Handout: Training
    """
    w, b = weights
    return (x @ w + b).argmax(axis=0)


@mutant(
    "predict",
    killed_by="test_predict_names_the_most_probable_class",
    kind="a parameter read but replaced by a constant",
)
def predicts_without_the_bias(x, weights):
    """You leave out the bias b.

    Handout: Training
    """
    return (x @ weights[0]).argmax(axis=1)


@mutant("predict", killed_by="test_predict_names_the_most_probable_class")
def counts_predicted_classes_from_one(x, weights):
    """You count the predicted classes from 1 and not from 0.

    Handout: Training
    """
    return reference.predict(x, weights) + 1


@mutant("decision_boundary", killed_by="test_logits_differ_by_the_log_odds")
def boundary_seen_from_the_other_side(weights, i, j):
    """Your a and c have the opposite sign: a . x + c is positive where class j is the more probable.

    Handout: Where regions meet
    """
    a, c = reference.decision_boundary(weights, i, j)
    return -a, -c


@mutant("decision_boundary", killed_by="test_boundary_is_where_the_log_odds_vanish")
def boundary_with_a_unit_normal(weights, i, j):
    """You divide a and c by the length of a, so a . x + c is not the log-odds.

    Handout: Where regions meet
    """
    a, c = reference.decision_boundary(weights, i, j)
    return a / np.linalg.norm(a), c / np.linalg.norm(a)


@mutant("decision_boundary", killed_by="test_boundary_is_where_the_log_odds_vanish")
def boundary_with_the_offset_on_the_other_side(weights, i, j):
    """Your c has the opposite sign.

    Handout: Where regions meet
    """
    a, c = reference.decision_boundary(weights, i, j)
    return a, -c


@mutant(
    "reflect",
    killed_by="test_an_upright_mirror_turns_one_coordinate_around",
    kind="a factor of the batch, the classes or two",
)
def projects_onto_the_boundary(x, weights, i, j):
    """You project the points onto the boundary and do not reflect them.

    Handout: Where regions meet
    """
    return (x + reference.reflect(x, weights, i, j)) / 2


@mutant("reflect", killed_by="test_reflection_turns_the_log_odds_around")
def divides_by_the_length_and_not_its_square(x, weights, i, j):
    """You divide by the length of a only once, so the image has the wrong distance from the boundary.

    Handout: Where regions meet
    """
    a, _ = reference.decision_boundary(weights, i, j)
    return x + (reference.reflect(x, weights, i, j) - x) * np.linalg.norm(a)


@mutant("reflect", killed_by="test_reflection_turns_the_log_odds_around")
def reflects_in_the_origin(x, weights, i, j):
    """You reflect the points in the origin and not in the boundary.

    Handout: Where regions meet
    """
    return 0.0 - x


@mutant("reflect", killed_by="test_no_mirror_lies_between_equal_columns")
def divides_by_zero_without_a_boundary(x, weights, i, j):
    """You divide by 0 where the columns i and j of w are equal, and raise no ValueError."""
    a, c = reference.decision_boundary(weights, i, j)
    with np.errstate(divide="ignore", invalid="ignore"):
        return x - 2 * np.outer((x @ a + c) / (a @ a), a)


@mutant(
    "meeting_point",
    killed_by="test_all_logits_are_equal_where_regions_meet",
    kind="a parameter read but replaced by a constant",
)
def forgets_the_biases(weights):
    """You leave out the biases b.

    Handout: Where regions meet
    """
    return reference.meeting_point((weights[0], 0 * weights[1]))


@mutant("meeting_point", killed_by="test_classes_are_equal_at_the_meeting_point")
def all_logits_are_zero_for_all_logits_are_equal(weights):
    """You look for a point where all logits are 0 and not where all are equal.

    Handout: Where regions meet
    """
    w, b = weights
    reference.meeting_point(weights)
    return np.linalg.lstsq(w.T, -b, rcond=None)[0]


@mutant("meeting_point", killed_by="test_regions_that_do_not_meet_are_refused")
def the_nearest_point_where_none_is(weights):
    """You return a least-squares solution where there is no single meeting point, and raise no ValueError."""
    w, b = weights
    return np.linalg.lstsq((w[:, 1:] - w[:, :1]).T, b[0] - b[1:], rcond=None)[0]


# --------------------------------------------------------------------------- kinds of mistakes that come back elsewhere


@mutant("softmax", killed_by="test_softmax_is_its_formula", kind="an assignment for +=")
def divides_by_the_last_exponential(z):
    """You divide by the last exponential of each row and not by the sum of all of them.

    Handout: From logits to a loss
    """
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e[:, -1:].clip(np.finfo(z.dtype).tiny)


@mutant("softmax", killed_by="test_softmax_of_one_class")
def refuses_one_class(z):
    """You raise an error for logits of a single class."""
    if z.shape[1] < 2:
        raise ValueError("there is nothing to choose from")
    return reference.softmax(z)


@mutant("log_softmax", killed_by="test_log_softmax_of_large_logits_is_finite", kind="no shift in exponentials")
def logarithm_of_the_sum_of_exponentials_as_they_are(z):
    """You take exponentials of the logits without a shift, so they overflow for large logits.

    Handout: From logits to a loss
    """
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


@mutant(
    "log_softmax",
    killed_by="test_log_softmax_of_large_logits_is_finite",
    kind="the maximum of the whole matrix for the row's",
)
def shifts_all_rows_by_one_maximum(z):
    """You subtract the maximum of the whole matrix, so in a row far below it all exponentials round to 0.

    Handout: From logits to a loss
    """
    shifted = z - z.max(initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@mutant("log_softmax", killed_by="test_log_softmax_of_logarithms", kind="height for width, rows for columns")
def normalizes_the_logarithms_of_the_columns(z):
    """You sum the exponentials of each column and not of each row.

    Handout: From logits to a loss
    """
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=0, keepdims=True))


@mutant("log_softmax", killed_by="test_log_softmax_is_its_formula", kind="an assignment for +=")
def normalizes_by_the_last_exponential(z):
    """You take the logarithm of the last exponential of each row and not of the sum of all of them.

    Handout: From logits to a loss
    """
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - shifted[:, -1:]


@mutant("cross_entropy", killed_by="test_cross_entropy_of_large_logits_is_finite", kind="no shift in exponentials")
def log_sum_of_exponentials_as_they_are(z, y):
    """You take exponentials of the logits without a shift, so they overflow for large logits.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    return float((np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]).mean())


@mutant(
    "cross_entropy",
    killed_by="test_cross_entropy_of_large_logits_is_finite",
    kind="the maximum of the whole matrix for the row's",
)
def one_shift_for_the_whole_batch(z, y):
    """You subtract the maximum of the whole matrix, so in a row far below it all exponentials round to 0.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    shifted = z - z.max()
    return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]).mean())


@mutant("cross_entropy", killed_by="test_cross_entropy_refuses_wrong_labels", kind="a mask with >= for >")
def a_label_of_k_is_clipped(z, y):
    """You accept a label of k and treat it as the last class."""
    reference._check_labels(z, np.where(y == z.shape[1], 0, y) if y.shape == (len(z),) else y)
    return float(-reference.log_softmax(z)[np.arange(len(y)), np.minimum(y, z.shape[1] - 1)].mean())


@mutant("cross_entropy", killed_by="test_cross_entropy_of_equal_logits", kind="a (1, k) gradient for (k,)")
def the_loss_in_an_array(z, y):
    """You return the loss in an array and not as a number."""
    return np.array([reference.cross_entropy(z, y)])


@mutant("cross_entropy", killed_by="test_cross_entropy_of_large_logits_is_finite", kind="epsilon in another place")
def a_tiny_number_in_the_logarithm(z, y):
    """You add a tiny number to the probability of the label, which gives a wrong loss where it rounds to 0.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    p = reference.softmax(z)[np.arange(len(y)), y]
    return float(-np.log(p + np.finfo(z.dtype).tiny).mean())


@mutant("cross_entropy", killed_by="test_cross_entropy_is_its_formula", kind="an assignment for +=")
def the_loss_of_the_last_example(z, y):
    """You divide the loss of the last example by n and leave out the losses of all others.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    return float(-reference.log_softmax(z)[-1, y[-1]]) / len(y)


@mutant("cross_entropy", killed_by="test_cross_entropy_of_one_example")
def one_example_divided_by_its_classes(z, y):
    """You divide the loss by the number of classes if the batch has a single example.

    Handout: From logits to a loss
    """
    return reference.cross_entropy(z, y) / (z.shape[1] if len(y) == 1 else 1)


@mutant(
    "cross_entropy_grad",
    killed_by="test_gradient_of_large_logits_is_finite",
    kind="the maximum of the whole matrix for the row's",
)
def gradient_with_one_shift_for_all_rows(z, y):
    """You subtract the maximum of the whole matrix, so a row far below it becomes 0/0.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    e = np.exp(z - z.max())
    return (e / e.sum(axis=1, keepdims=True) - np.eye(z.shape[1], dtype=z.dtype)[y]) / z.dtype.type(len(y))


@mutant("cross_entropy_grad", killed_by="test_gradient_refuses_wrong_labels", kind="a mask with >= for >")
def a_gradient_for_a_label_of_k(z, y):
    """You accept a label of k and treat it as the last class."""
    reference._check_labels(z, np.where(y == z.shape[1], 0, y) if y.shape == (len(z),) else y)
    return reference.cross_entropy_grad(z, np.minimum(y, z.shape[1] - 1))


@mutant("cross_entropy_grad", killed_by="test_gradient_of_one_example", kind="a squeeze")
def the_gradient_of_one_example_as_a_vector(z, y):
    """You drop axes of length 1, so your result for one example or one class has the wrong shape.

    Handout: From logits to a loss
    """
    return np.squeeze(reference.cross_entropy_grad(z, y))


@mutant("cross_entropy_grad", killed_by="test_gradient_compares_probabilities_with_labels", kind="an assignment for +=")
def minus_one_at_the_labels(z, y):
    """You set the entry of the label to -1 and do not subtract 1 from it.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    g = reference.softmax(z)
    g[np.arange(len(y)), y] = -1
    return g / len(y)


@mutant("cross_entropy_grad", killed_by="test_gradient_is_the_derivative_of_the_loss", kind="epsilon in another place")
def a_small_number_under_the_probabilities(z, y):
    """You add a small number to the denominator of the probabilities, so the gradient is not exact.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / (e.sum(axis=1, keepdims=True) + z.dtype.type(1e-8))
    return (p - np.eye(z.shape[1], dtype=z.dtype)[y]) / z.dtype.type(len(y))


@mutant("cross_entropy_grad", killed_by="test_gradient_is_the_derivative_of_the_loss", kind="another's gradient")
def gradient_of_the_squared_error(z, y):
    """You return the gradient of the squared error and not of the cross-entropy.

    Handout: From logits to a loss
    """
    reference._check_labels(z, y)
    p = reference.softmax(z)
    e = 2 * (p - np.eye(z.shape[1], dtype=z.dtype)[y])
    return p * (e - (p * e).sum(axis=1, keepdims=True)) / len(y)


@mutant("cross_entropy_grad", killed_by="test_gradient_is_the_derivative_of_the_loss", kind="labels or order mixed up")
def compares_with_labels_that_are_sorted(z, y):
    """You sort the labels, so they no longer belong to their rows.

    Handout: From logits to a loss
    """
    return reference.cross_entropy_grad(z, np.sort(y))


@mutant("predict_proba", killed_by="test_predict_proba_far_from_the_origin", kind="no shift in exponentials")
def probabilities_from_exponentials_as_they_are(x, weights):
    """You take exponentials of the logits without a shift, so they overflow for large logits.

    Handout: From logits to a loss
    """
    w, b = weights
    e = np.exp(x @ w + b)
    return e / e.sum(axis=1, keepdims=True)


@mutant(
    "predict_proba",
    killed_by="test_predict_proba_far_from_the_origin",
    kind="the maximum of the whole matrix for the row's",
)
def probabilities_with_one_shift_for_all(x, weights):
    """You subtract the maximum of the whole matrix, so a row far below it becomes 0/0.

    Handout: From logits to a loss
    """
    w, b = weights
    z = x @ w + b
    e = np.exp(z - z.max(initial=-np.inf))
    return e / e.sum(axis=1, keepdims=True)


@mutant("predict_proba", killed_by="test_predict_proba_of_one_example_or_none", kind="a squeeze")
def the_probabilities_of_one_example_as_a_vector(x, weights):
    """You drop axes of length 1, so your result for one example or one class has the wrong shape."""
    return np.squeeze(reference.predict_proba(x, weights))


@mutant("predict_proba", killed_by="test_predict_proba_of_one_feature_each", kind="height for width, rows for columns")
def probabilities_of_the_columns(x, weights):
    """You divide by the sum of each column and not of each row.

    Handout: From logits to a loss
    """
    w, b = weights
    z = x @ w + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


@mutant("predict_proba", killed_by="test_predict_proba_is_softmax_of_an_affine_map", kind="epsilon in another place")
def a_small_number_under_all_probabilities(x, weights):
    """You add a small number to the denominator, so the probabilities are not exact.

    Handout: From logits to a loss
    """
    w, b = weights
    z = x @ w + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / (e.sum(axis=1, keepdims=True) + 1e-8)


@mutant("predict_proba", killed_by="test_predict_proba_is_softmax_of_an_affine_map", kind="an assignment for +=")
def the_last_feature_alone(x, weights):
    """You use only the last feature of x.

    Handout: Training
    """
    w, b = weights
    return reference.softmax(x[:, -1:] @ w[-1:] + b)


@mutant("predict", killed_by="test_predict_names_the_most_probable_class", kind="no shift in exponentials")
def the_greatest_of_exponentials_that_overflow(x, weights):
    """You compare exponentials of the logits without a shift, and they overflow for large logits.

    Handout: From logits to a loss
    """
    w, b = weights
    e = np.exp(x @ w + b)
    return (e / e.sum(axis=1, keepdims=True)).argmax(axis=1)


@mutant(
    "predict",
    killed_by="test_predict_names_the_most_probable_class",
    kind="the maximum of the whole matrix for the row's",
)
def the_greatest_of_exponentials_that_underflow(x, weights):
    """You subtract the maximum of the whole matrix, so in a row far below it all exponentials round to 0.

    Handout: From logits to a loss
    """
    w, b = weights
    z = x @ w + b
    return np.exp(z - z.max(initial=-np.inf)).argmax(axis=1)


@mutant("predict", killed_by="test_predict_of_one_example_or_none", kind="a squeeze")
def the_class_of_one_example_as_a_number(x, weights):
    """You drop axes of length 1, so the class of a single example is not in an array of shape (1,)."""
    return np.squeeze(reference.predict(x, weights))


@mutant("predict", killed_by="test_predict_names_the_most_probable_class", kind="two dimensions taken for granted")
def the_more_probable_of_the_first_two_classes(x, weights):
    """You compare only the first two classes.

    Handout: Training
    """
    w, b = weights
    z = x @ w + b
    return (z[:, 1] > z[:, 0]).astype(np.int64)


@mutant("softmax_regression", killed_by="test_training_with_large_logits", kind="no shift in exponentials")
def steps_by_exponentials_as_they_are(x, y, **rest):
    """You take exponentials of the logits without a shift, so they overflow for large logits.

    Handout: From logits to a loss
    """

    def gradient(z, labels):
        e = np.exp(z)
        return (e / e.sum(axis=1, keepdims=True) - np.eye(z.shape[1])[labels]) / len(z)

    globals()["cross_entropy_grad"] = gradient
    return reference.softmax_regression(x, y, **rest)


@mutant(
    "softmax_regression",
    killed_by="test_training_with_large_logits",
    kind="the maximum of the whole matrix for the row's",
)
def steps_with_one_shift_for_the_batch(x, y, **rest):
    """You subtract the maximum of the whole batch, so a row far below it becomes 0/0.

    Handout: From logits to a loss
    """

    def gradient(z, labels):
        e = np.exp(z - z.max())
        return (e / e.sum(axis=1, keepdims=True) - np.eye(z.shape[1])[labels]) / len(z)

    globals()["cross_entropy_grad"] = gradient
    return reference.softmax_regression(x, y, **rest)


@mutant("softmax_regression", killed_by="test_training_with_large_logits", kind="epsilon in another place")
def logs_a_loss_with_a_small_number_in_it(x, y, **rest):
    """You add a small number to the probabilities in the loss that you give to log.

    Handout: From logits to a loss
    """

    def loss(z, labels):
        return float(-np.log(reference.softmax(z)[np.arange(len(z)), labels] + 1e-12).mean())

    globals()["cross_entropy"] = loss
    return reference.softmax_regression(x, y, **rest)


@mutant("softmax_regression", killed_by="test_an_epoch_takes_every_example_once[1]", kind="a mask with >= for >")
def refuses_batches_of_one(x, y, *, batch_size, **rest):
    """You raise an error for a batch_size of 1."""
    if batch_size <= 1:
        raise ValueError("a batch holds at least one example")
    return reference.softmax_regression(x, y, batch_size=batch_size, **rest)


@mutant("softmax_regression", killed_by="test_training_on_one_feature", kind="a squeeze")
def weights_squeezed(x, y, **rest):
    """You drop axes of length 1 from w and b, so their shapes are wrong for one feature or one class.

    Handout: Training
    """
    w, b = reference.softmax_regression(x, y, **rest)
    return np.squeeze(w), np.squeeze(b)


@mutant("softmax_regression", killed_by="test_training_leaves_the_training_set", kind="a (1, k) gradient for (k,)")
def the_bias_as_a_row(x, y, **rest):
    """You return b with shape (1, k).

    Handout: Training
    """
    w, b = reference.softmax_regression(x, y, **rest)
    return w, b[None, :]


@mutant(
    "softmax_regression", killed_by="test_full_batches_are_gradient_descent", kind="two dimensions taken for granted"
)
def two_classes_taken_for_granted(x, y, **rest):
    """You train only with one or two classes: with more, w and b stay 0.

    Handout: Training
    """
    w, b = reference.softmax_regression(x, y, **rest)
    return (w, b) if len(b) <= 2 else (np.zeros_like(w), np.zeros_like(b))


@mutant("_step", killed_by="test_full_batches_are_gradient_descent", kind="height for width, rows for columns")
def sums_over_the_classes_for_the_examples(x, y, weights, learning_rate, weight_decay):
    """You sum the gradient of b over the classes and not over the examples.

    Handout: Training
    """
    w, _ = reference._step(x, y, weights, learning_rate, weight_decay)
    g = reference.cross_entropy_grad(x @ weights[0] + weights[1], y)
    return w, weights[1] - learning_rate * np.resize(g.sum(axis=1), weights[1].shape)


@mutant("softmax_regression", killed_by="test_an_epoch_takes_every_example_once[3]", kind="batches that share a buffer")
def one_buffer_for_all_batches(x, y, *, batch_size, **rest):
    """You keep all batches in one buffer, so a smaller last batch still holds examples of the batch before.

    Handout: Training
    """
    step, size = reference._step, min(batch_size, len(x))
    x_buffer, y_buffer = np.empty((size, x.shape[1])), np.empty(size, y.dtype)

    def buffered(x_batch, y_batch, *others):
        x_buffer[: len(x_batch)], y_buffer[: len(y_batch)] = x_batch, y_batch  # the rest is of the batch before
        return step(x_buffer, y_buffer, *others)

    globals()["_step"] = buffered
    return reference.softmax_regression(x, y, batch_size=batch_size, **rest)


@mutant("softmax_regression", killed_by="test_log_hears_of_all_examples", kind="labels or order mixed up")
def logs_an_accuracy_against_shuffled_labels(x, y, *, rng, log=None, **rest):
    """You compute the accuracy for log with labels in another order than the examples."""
    labels = y[rng.permutation(len(y))]

    predict = reference.predict

    def predicted(*arguments):
        found = predict(*arguments)
        return np.where(found == labels, y, -1)  # right where it agrees with the shuffled ones

    globals()["predict"] = predicted
    return reference.softmax_regression(x, y, rng=rng, log=log, **rest)


@mutant("softmax_regression", killed_by="test_an_epoch_takes_every_example_once[2]", kind="state read but never stored")
def all_steps_from_where_training_began(x, y, **rest):
    """You take every gradient at w = 0 and b = 0 and not at the present weights.

    Handout: Training
    """
    step = reference._step

    def from_zero(x_batch, y_batch, weights, *others):
        w, b = step(x_batch, y_batch, (np.zeros_like(weights[0]), np.zeros_like(weights[1])), *others)
        return weights[0] + w, weights[1] + b

    globals()["_step"] = from_zero
    return reference.softmax_regression(x, y, **rest)


@mutant("softmax_regression", killed_by="test_log_is_called_once_an_epoch", kind="a step count that never advances")
def always_the_first_epoch(x, y, *, log=None, **rest):
    """You call log with epoch 1 after every epoch."""

    def first(epoch, loss, accuracy):
        log(epoch=1, loss=loss, accuracy=accuracy)

    return reference.softmax_regression(x, y, log=log and first, **rest)


@mutant(
    "softmax_regression",
    killed_by="test_full_batches_are_gradient_descent",
    kind="a parameter read but replaced by a constant",
)
def always_at_one_learning_rate(x, y, *, learning_rate, **rest):
    """You ignore learning_rate and always use the same one.

    Handout: Training
    """
    return reference.softmax_regression(x, y, learning_rate=0.1, **rest)


@mutant(
    "softmax_regression",
    killed_by="test_an_epoch_takes_every_example_once[3]",
    kind="a parameter read but replaced by a constant",
)
def always_batches_of_two(x, y, *, batch_size, **rest):
    """You ignore batch_size and always use batches of two.

    Handout: Training
    """
    if batch_size < 1:
        raise ValueError("a batch holds at least one example")
    return reference.softmax_regression(x, y, batch_size=2, **rest)


@mutant("_step", killed_by="test_full_batches_are_gradient_descent", kind="an assignment for +=")
def a_step_from_zero(x, y, weights, learning_rate, weight_decay):
    """You replace the weights by the step and do not add the step to them.

    Handout: Training
    """
    w, b = reference._step(x, y, weights, learning_rate, weight_decay)
    return w - weights[0], b - weights[1]


@mutant(
    "decision_boundary",
    killed_by="test_boundary_is_where_the_log_odds_vanish",
    kind="height for width, rows for columns",
)
def rows_of_w_for_its_columns(weights, i, j):
    """You use the rows of w as its columns where d = k.

    Handout: Where regions meet
    """
    w, _b = weights
    _, c = reference.decision_boundary(weights, i, j)
    return (w[i] - w[j], c) if w.shape[0] == w.shape[1] else reference.decision_boundary(weights, i, j)


@mutant("decision_boundary", killed_by="test_boundary_is_where_the_log_odds_vanish", kind="a squeeze")
def the_normal_of_one_feature_as_a_number(weights, i, j):
    """You drop the axis of a if there is a single feature."""
    a, c = reference.decision_boundary(weights, i, j)
    return np.squeeze(a), c


@mutant("decision_boundary", killed_by="test_logits_differ_by_the_log_odds", kind="a (1, k) gradient for (k,)")
def the_normal_as_a_row(weights, i, j):
    """You return a with shape (1, d)."""
    a, c = reference.decision_boundary(weights, i, j)
    return a[None, :], c


@mutant("decision_boundary", killed_by="test_logits_differ_by_the_log_odds", kind="two dimensions taken for granted")
def the_first_two_features_alone(weights, i, j):
    """You return only the first two entries of a.

    Handout: Where regions meet
    """
    a, c = reference.decision_boundary(weights, i, j)
    return a[:2], c


@mutant(
    "decision_boundary",
    killed_by="test_logits_differ_by_the_log_odds",
    kind="a parameter read but replaced by a constant",
)
def always_the_first_two_classes(weights, i, j):
    """You ignore i and j and always use the classes 0 and 1.

    Handout: Where regions meet
    """
    reference.decision_boundary(weights, i, j)
    return reference.decision_boundary(weights, 0, 1)


@mutant(
    "decision_boundary",
    killed_by="test_logits_differ_by_the_log_odds",
    kind="a factor of the batch, the classes or two",
)
def half_of_the_log_odds(weights, i, j):
    """Your a and c are half as large as those of the log-odds.

    Handout: Where regions meet
    """
    a, c = reference.decision_boundary(weights, i, j)
    return a / 2, c / 2


@mutant("reflect", killed_by="test_reflection_turns_the_log_odds_around", kind="height for width, rows for columns")
def a_mirror_from_the_rows_of_w(x, weights, i, j):
    """You use the rows of w as its columns where d = k.

    Handout: Where regions meet
    """
    w, b = weights
    right = reference.reflect(x, weights, i, j)
    return reference.reflect(x, (w.T, b), i, j) if w.shape[0] == w.shape[1] else right


@mutant("reflect", killed_by="test_reflection_of_one_point_or_none_and_on_a_line", kind="a squeeze")
def the_image_of_one_point_as_a_vector(x, weights, i, j):
    """You drop axes of length 1, so your result for one point or one feature has the wrong shape."""
    return np.squeeze(reference.reflect(x, weights, i, j))


@mutant("reflect", killed_by="test_reflection_turns_the_log_odds_around", kind="two dimensions taken for granted")
def a_mirror_in_the_plane_alone(x, weights, i, j):
    """You change only the first two features of the points and leave the others as they are.

    Handout: Where regions meet
    """
    image = reference.reflect(x, weights, i, j)
    return np.column_stack([image[:, :2], x[:, 2:]])


@mutant(
    "reflect", killed_by="test_reflection_turns_the_log_odds_around", kind="a parameter read but replaced by a constant"
)
def always_in_the_first_boundary(x, weights, i, j):
    """You ignore i and j and always reflect in the boundary of the classes 0 and 1.

    Handout: Where regions meet
    """
    reference.reflect(x, weights, i, j)
    return reference.reflect(x, weights, 0, 1)


@mutant("reflect", killed_by="test_reflection_turns_the_log_odds_around", kind="epsilon in another place")
def a_small_number_under_the_distance(x, weights, i, j):
    """You add a small number to the denominator, so the image is not exact.

    Handout: Where regions meet
    """
    a, c = reference.decision_boundary(weights, i, j)
    reference.reflect(x, weights, i, j)
    return x - 2 * np.outer((x @ a + c) / (a @ a + 1e-6), a)


@mutant(
    "meeting_point", killed_by="test_classes_are_equal_at_the_meeting_point", kind="height for width, rows for columns"
)
def equations_not_transposed(weights):
    """You do not transpose the matrix of your equations, so your point does not solve them.

    Handout: Where regions meet
    """
    w, b = weights
    reference.meeting_point(weights)
    return np.linalg.solve(w[:, 1:] - w[:, :1], b[0] - b[1:])


@mutant("meeting_point", killed_by="test_two_regions_meet_on_a_line", kind="a squeeze")
def the_point_on_a_line_as_a_number(weights):
    """You drop the axis of the point if there is a single feature."""
    return np.squeeze(reference.meeting_point(weights))


@mutant("meeting_point", killed_by="test_all_logits_are_equal_where_regions_meet", kind="a (1, k) gradient for (k,)")
def the_point_as_a_row(weights):
    """You return the point with shape (1, d)."""
    return reference.meeting_point(weights)[None, :]


@mutant(
    "meeting_point", killed_by="test_classes_are_equal_at_the_meeting_point", kind="two dimensions taken for granted"
)
def three_regions_in_the_plane_alone(weights):
    """You raise an error for more than two features.

    Handout: Where regions meet
    """
    w, _b = weights
    if w.shape[0] > 2:
        raise ValueError("regions meet in the plane")
    return reference.meeting_point(weights)


LOGITS = ("softmax", "log_softmax", "cross_entropy", "cross_entropy_grad", "predict_proba")
REGIONS = ("decision_boundary", "reflect", "meeting_point")

NOT_APPLICABLE = {
    ("exponentials", REGIONS): "takes differences of weights, and no exponential",
    ("a mask with >= for >", ("softmax", "log_softmax", "predict_proba")): "compares nothing",
    ("a mask with >= for >", "predict"): "compares logits with each other, of which any greatest one is right",
    ("a mask with >= for >", REGIONS): "asks for equality alone",
    (
        "a (1, k) gradient for (k,)",
        ("softmax", "log_softmax", "cross_entropy_grad", "predict_proba"),
    ): "answers a matrix",
    ("a (1, k) gradient for (k,)", ("predict", "reflect")): "answers no vector of features or classes",
    (
        "two dimensions taken for granted",
        LOGITS,
    ): "its arrays have two axes by contract; classes are tried as two or more",
    ("the border cut by [p:-p]", "*"): "cuts no border",
    (
        ("each batch drawn anew", "batches that share a buffer", "an order never or once drawn"),
        (*LOGITS, "predict", *REGIONS),
    ): "cuts no batches and draws no order",
    ("labels or order mixed up", ("softmax", "log_softmax", "predict_proba", "predict")): "gets no labels",
    ("labels or order mixed up", REGIONS): "gets no labels",
    ("state", (*LOGITS, "predict", *REGIONS)): "keeps nothing from call to call",
    (
        "a parameter read but replaced by a constant",
        ("softmax", "log_softmax", "cross_entropy", "cross_entropy_grad"),
    ): "has no parameter beside the arrays that it is about",
    ("epsilon in another place", ("predict", "decision_boundary", "meeting_point")): "divides by nothing",
    ("scale, shift or rescaling forgotten in one mode", "*"): "nothing here has modes",
    ("chance", (*LOGITS, "predict", *REGIONS)): "draws nothing",
    ("an assignment for +=", ("predict", *REGIONS)): "adds nothing up",
    ("a factor of the batch, the classes or two", ("softmax", "log_softmax", "predict_proba")): "has no mean",
    ("a factor of the batch, the classes or two", "predict"): "a factor changes no order",
    ("a factor of the batch, the classes or two", "meeting_point"): "a factor of both sides changes no solution",
    ("another's gradient", ("softmax", "log_softmax", "cross_entropy", "predict_proba")): "answers no gradient",
    ("another's gradient", ("predict", *REGIONS)): "answers no gradient",
}
