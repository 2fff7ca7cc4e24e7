"""Wrong answers to `optimizers`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function or class, under its target's name, behind the reference's source,
where `reference` holds the right ones.
"""

import numpy as np
import optimizers as reference

from autograder.testing import mutant

# Kinds of mistakes (autograder/verify/mutants.py) that cannot be made in these functions.
NOT_APPLICABLE = {
    ("exponentials", "*"): "no function to write has an exponential; the cross-entropy is given",
    (
        "masks",
        (
            "SGD",
            "AdaGrad",
            "RMSProp",
            "Adam",
            "AdamW",
            "effective_learning_rate",
            "weight_decay_factor",
            "l2_penalty",
            "batch_norm_forward",
            "batch_norm_backward",
            "train",
        ),
    ): "compares nothing entry by entry",
    ("masks", ("dropout_forward", "dropout_backward")): "a uniform number is equal to keep_prob with probability 0",
    (
        ("a squeeze", "a (1, k) gradient for (k,)", "height for width, rows for columns"),
        ("SGD", "AdaGrad", "RMSProp", "Adam", "AdamW"),
    ): "a step in place is entry by entry and cannot change a shape",
    (("shapes", "state", "gradients"), "effective_learning_rate"): "one formula of two numbers",
    (
        ("shapes", "state", "an assignment for +=", "another's gradient"),
        "weight_decay_factor",
    ): "one formula of numbers",
    (
        ("a (1, k) gradient for (k,)", "height for width, rows for columns", "state"),
        ("l1_penalty", "l2_penalty"),
    ): "sums over all entries, keeps nothing, and its gradients are entry by entry",
    (
        ("a (1, k) gradient for (k,)", "height for width, rows for columns", "state", "gradients"),
        ("dropout_forward", "dropout_backward"),
    ): "is entry by entry, with the one factor 1 / keep_prob; what backward needs is in the cache",
    (
        "two dimensions taken for granted",
        ("batch_norm_forward", "batch_norm_backward", "train"),
    ): "x is (n, d) by contract",
    (
        ("a squeeze", "a (1, k) gradient for (k,)", "height for width, rows for columns"),
        "train",
    ): "hands whole arrays to the network that is given, and rows of x are rows everywhere",
    ("the border cut by [p:-p]", "*"): "nothing has a border",
    (
        "batches",
        (
            "SGD",
            "AdaGrad",
            "RMSProp",
            "Adam",
            "AdamW",
            "effective_learning_rate",
            "weight_decay_factor",
            "l1_penalty",
            "l2_penalty",
            "dropout_backward",
            "batch_norm_backward",
        ),
    ): "makes no batches and keeps none",
    (
        ("each batch drawn anew", "an order never or once drawn", "labels or order mixed up"),
        ("dropout_forward", "batch_norm_forward"),
    ): "makes no batches",
    ("a step count that never advances", ("SGD", "AdaGrad", "RMSProp", "batch_norm_forward", "batch_norm_backward")): (
        "counts no steps"
    ),
    ("state read but never stored", "batch_norm_backward"): "keeps nothing",
    ("a parameter read but replaced by a constant", ("dropout_backward", "batch_norm_backward")): "has the cache alone",
    (
        "epsilon in another place",
        (
            "SGD",
            "effective_learning_rate",
            "weight_decay_factor",
            "l1_penalty",
            "l2_penalty",
            "dropout_forward",
            "dropout_backward",
            "train",
        ),
    ): "has no epsilon",
    (
        "epsilon in another place",
        "batch_norm_backward",
    ): "the cache brings 1 / sqrt(var + eps); see no_epsilon_in_the_cache",
    (
        "scale, shift or rescaling forgotten in one mode",
        (
            "AdaGrad",
            "RMSProp",
            "Adam",
            "AdamW",
            "effective_learning_rate",
            "weight_decay_factor",
            "l1_penalty",
            "l2_penalty",
        ),
    ): "has one mode",
    (
        "chance",
        (
            "SGD",
            "AdaGrad",
            "RMSProp",
            "Adam",
            "AdamW",
            "effective_learning_rate",
            "weight_decay_factor",
            "l1_penalty",
            "l2_penalty",
            "dropout_backward",
            "batch_norm_forward",
            "batch_norm_backward",
        ),
    ): "draws nothing",
    ("a normal draw for a uniform one", "train"): "draws orders alone, which are permutations",
    ("a factor of the batch, the classes or two", "AdaGrad"): "its rule has no factor but lr",
    ("another's gradient", "batch_norm_forward"): "has no gradient",
}

# ----------------------------------------------------------------------------------------------------------- momentum


@mutant("SGD", killed_by="test_two_steps_of_gradient_descent")
class uphill(reference.SGD):
    """You move the params along the gradient and not against it.

    Handout: Optimizers
    """

    def step(self, grads):
        super().step([-g for g in grads])


@mutant("SGD", killed_by="test_two_steps_with_momentum")
class momentum_without_velocity(reference.SGD):
    """You keep no velocity and multiply the gradient by 1 + momentum.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g in zip(self.params, grads, strict=True):
            p -= self.lr * (1 + self.momentum) * (g + self.weight_decay * p)


@mutant("SGD", killed_by="test_two_steps_with_nesterovs_momentum")
class nesterov_with_the_old_velocity(reference.SGD):
    """You use the old v with nesterov and not the new one.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            g = g + self.weight_decay * p
            old = v.copy()
            v *= self.momentum
            v += g
            p -= self.lr * (g + self.momentum * old if self.nesterov else v)


@mutant("SGD", killed_by="test_two_steps_with_momentum")
class velocity_as_a_running_mean(reference.SGD):
    """You multiply the new gradient by 1 - momentum, so that v is a mean and not a sum.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            g = g + self.weight_decay * p
            v *= self.momentum
            v += (1 - self.momentum) * g
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant(
    "SGD",
    killed_by="test_nesterov_and_weight_decay_go_together",
    kind="scale, shift or rescaling forgotten in one mode",
)
class nesterov_looks_at_the_decayed_gradient_alone(reference.SGD):
    """Your step with nesterov adds g without weight_decay to momentum v.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            decayed = g + self.weight_decay * p
            v *= self.momentum
            v += decayed
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant("SGD", killed_by="test_two_steps_with_weight_decay")
class weight_decay_left_out(reference.SGD):
    """You do not use weight_decay.

    Handout: Optimizers
    """

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        self.weight_decay = 0.0


@mutant("SGD", killed_by="test_weight_decay_enters_the_velocity")
class weight_decay_beside_the_velocity(reference.SGD):
    """You add weight_decay p to the step and not to the gradient, so that it does not enter v.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            v *= self.momentum
            v += g
            p -= self.lr * ((g + self.momentum * v if self.nesterov else v) + self.weight_decay * p)


@mutant("SGD", killed_by="test_sgd_is_plain_unless_told_otherwise")
class momentum_by_default(reference.SGD):
    """You set the default of momentum to 0.9."""

    def __init__(self, params, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)


@mutant("SGD", killed_by="test_sgd_moves_in_proportion_to_the_gradients")
class large_gradients_are_clipped(reference.SGD):
    """You clip large gradients."""

    def step(self, grads):
        super().step([np.clip(g, -5.0, 5.0) for g in grads])


@mutant("SGD", killed_by="test_a_steady_gradient_meets_the_effective_rate")
class velocity_forgotten_now_and_then(reference.SGD):
    """You set v back to zero at regular intervals."""

    def step(self, grads):
        self.count = getattr(self, "count", 0) + 1
        if self.count % 30 == 0:
            self.velocities = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("SGD", killed_by="test_impossible_settings_are_refused[SGD]")
class any_momentum_will_do(reference.SGD):
    """You raise no ValueError for a momentum outside [0, 1)."""

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, min(max(momentum, 0.0), 0.999), nesterov, weight_decay)


@mutant("SGD", killed_by="test_impossible_settings_are_refused[SGD]")
class any_learning_rate_will_do(reference.SGD):
    """You raise no ValueError for an lr that is 0 or negative."""

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, 1.0, momentum, nesterov, weight_decay)
        self.lr = lr


@mutant("SGD", killed_by="test_two_optimizers_share_nothing[SGD]")
class velocities_belong_to_the_class(reference.SGD):
    """Your velocities belong to the class, so that two optimizers share them.

    Handout: Mistakes that many make
    """

    shared = {}  # noqa: RUF012 (that is the mistake)

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        shapes = tuple(p.shape for p in params)
        self.velocities = self.shared.setdefault(shapes, self.velocities)


@mutant("SGD", killed_by="test_sgd_with_momentum_is_its_formula", kind="another's gradient")
class one_velocity_for_all_params(reference.SGD):
    """You use one velocity for all arrays of the same shape."""

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        first = {}
        self.velocities = [first.setdefault(p.shape, v) for p, v in zip(params, self.velocities, strict=True)]


@mutant("SGD", killed_by="test_steps_are_taken_in_place[SGD]")
class new_arrays_instead_of_in_place(reference.SGD):
    """You update copies of the arrays in params and leave the caller's own arrays as they were.

    Handout: Mistakes that many make
    """

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__([p.copy() for p in params], lr, momentum, nesterov, weight_decay)


@mutant("SGD", killed_by="test_the_arrays_themselves_are_changed[SGD]")
class other_arrays_in_the_list(reference.SGD):
    """You put new arrays into the list params and leave the caller's own arrays as they were.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        own = [p.copy() for p in self.params]
        super().step(grads)
        for i, old in enumerate(own):
            new = self.params[i].copy()
            self.params[i][...] = old
            self.params[i] = new


@mutant("SGD", killed_by="test_the_gradients_are_left_alone[SGD]")
class decay_added_to_the_gradients_in_place(reference.SGD):
    """You add weight_decay p to the caller's gradients in place."""

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g in zip(self.params, grads, strict=True):
            g += self.weight_decay * p
        decay, self.weight_decay = self.weight_decay, 0.0
        super().step(grads)
        self.weight_decay = decay


@mutant("SGD", killed_by="test_the_gradients_are_left_alone[SGD]")
class first_velocity_is_the_gradient_itself(reference.SGD):
    """Your first v is the caller's gradient array itself, which your steps then change.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        fresh = not hasattr(self, "begun")
        self.begun = True
        for i, (p, g) in enumerate(zip(self.params, grads, strict=True)):
            g += 0.0 if not self.weight_decay else self.weight_decay * p
            if fresh:
                self.velocities[i] = g
            else:
                self.velocities[i] *= self.momentum
                self.velocities[i] += g
            v = self.velocities[i]
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant("SGD", killed_by="test_gradients_that_do_not_fit_are_refused[SGD]")
class as_many_gradients_as_there_are(reference.SGD):
    """You raise no ValueError for too few or too many gradients."""

    def step(self, grads):
        for p, g, v in zip(self.params, grads, self.velocities, strict=False):
            if g.shape != p.shape:
                raise ValueError("shapes differ")
            g = g + self.weight_decay * p
            v *= self.momentum
            v += g
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant("SGD", killed_by="test_gradients_that_do_not_fit_are_refused[SGD]")
class half_a_step_before_the_error(reference.SGD):
    """You change some of the params before you raise the ValueError for gradients that do not fit."""

    def step(self, grads):
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            if g.shape != p.shape:
                raise ValueError("shapes differ")
            g = g + self.weight_decay * p
            v *= self.momentum
            v += g
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant("effective_learning_rate", killed_by="test_the_effective_rate_is_its_formula")
def multiplied_instead_of_divided(lr, momentum):
    """You multiply lr by 1 - momentum.

    Handout: Two small laws
    """
    reference.effective_learning_rate(lr, momentum)
    return lr * (1 - momentum)


@mutant("effective_learning_rate", killed_by="test_no_rate_is_effective_for_an_impossible_momentum")
def effective_for_any_momentum(lr, momentum):
    """You raise no ValueError for a momentum outside [0, 1)."""
    return lr / (1 - momentum) if momentum != 1 else np.inf


@mutant(
    "weight_decay_factor",
    killed_by="test_weight_decay_shrinks_weights_where_the_loss_is_flat",
    kind="a parameter read but replaced by a constant",
)
def one_step_an_epoch(lr, lam, n, batch_size):
    """You count one step in an epoch, whatever batch_size is.

    Handout: Two small laws
    """
    return 1 - lr * lam / n


@mutant("weight_decay_factor", killed_by="test_weight_decay_shrinks_weights_where_the_loss_is_flat")
def the_limit_at_once(lr, lam, n, batch_size):
    """You return the limit for large n and not the exact factor.

    Handout: Two small laws
    """
    return float(np.exp(-lr * lam / batch_size))


@mutant("weight_decay_factor", killed_by="test_weight_decay_shrinks_weights_where_the_loss_is_flat")
def last_batch_left_out(lr, lam, n, batch_size):
    """You do not count an incomplete last batch after full ones as a step."""
    return (1 - lr * lam / n) ** max(1, n // batch_size)


@mutant("SGD", killed_by="test_two_steps_with_momentum", kind="state read but never stored")
class velocity_computed_and_not_kept(reference.SGD):
    """You compute v and do not keep it for the next step.

    Handout: Optimizers
    """

    def step(self, grads):
        kept = [v.copy() for v in self.velocities]
        super().step(grads)
        self.velocities = kept


@mutant("SGD", killed_by="test_sgd_with_momentum_is_its_formula", kind="an assignment for +=")
class velocity_is_the_last_gradient_damped(reference.SGD):
    """Your v holds this gradient and the one before, but none of the earlier ones.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for i, (p, g) in enumerate(zip(self.params, grads, strict=True)):
            g = g + self.weight_decay * p
            v = g + self.velocities[i]
            self.velocities[i] = self.momentum * g
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant("SGD", killed_by="test_two_steps_with_momentum", kind="a parameter read but replaced by a constant")
class always_the_usual_momentum(reference.SGD):
    """You replace every momentum other than 0 by 0.9."""

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        self.momentum = 0.9 if momentum else 0.0


@mutant("SGD", killed_by="test_two_steps_with_weight_decay", kind="a factor of the batch, the classes or two")
class weight_decay_twice_as_large(reference.SGD):
    """You decay the weights by twice the weight_decay.

    Handout: Optimizers
    """

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, 2 * weight_decay)


@mutant(
    "SGD",
    killed_by="test_zeros_and_odd_arrays_are_no_exception[SGD]",
    kind="two dimensions taken for granted",
)
class velocities_of_rows_and_columns(reference.SGD):
    """Your velocities have only the first two axes of their params, which fails for arrays of three axes."""

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        self.velocities = [np.zeros(p.shape[:2]) for p in params]


@mutant("effective_learning_rate", killed_by="test_the_effective_rate_is_its_formula",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def ten_times_whatever_the_momentum_is(lr, momentum):
    """You return 10 lr for every momentum.

    Handout: Two small laws
    """
    reference.effective_learning_rate(lr, momentum)
    return 10 * lr


@mutant("weight_decay_factor", killed_by="test_weight_decay_shrinks_weights_where_the_loss_is_flat",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def the_penaltys_half_kept_in_the_step(lr, lam, n, batch_size):
    """You use half of lam in each step.

    Handout: Two small laws
    """
    return reference.weight_decay_factor(lr, lam / 2, n, batch_size)


@mutant("weight_decay_factor", killed_by="test_the_factor_of_an_epoch_of_one_batch")
def an_epoch_of_less_than_a_batch_has_no_step(lr, lam, n, batch_size):
    """You count no step if batch_size is greater than n."""
    return 1.0 if batch_size > n else reference.weight_decay_factor(lr, lam, n, batch_size)


# ----------------------------------------------------------------------------------------------------------- adaptive


@mutant("AdaGrad", killed_by="test_two_steps_of_adagrad", kind="state read but never stored")
class adagrad_without_memory(reference.AdaGrad):
    """You set s back to zero before every step.

    Handout: Optimizers
    """

    def step(self, grads):
        self.sums = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("AdaGrad", killed_by="test_two_steps_of_adagrad")
class adagrad_with_decay(reference.AdaGrad):
    """You shrink the old s in every step before you add the new square.

    Handout: Optimizers
    """

    def step(self, grads):
        for s in self.sums:
            s *= 0.9
        super().step(grads)


@mutant("AdaGrad", killed_by="test_eps_stands_outside_the_root[AdaGrad]", kind="epsilon in another place")
class adagrads_epsilon_inside_the_root(reference.AdaGrad):
    """You add eps inside the root.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.sums, strict=True):
            s += g * g
            p -= self.lr * g / np.sqrt(s + self.eps)


@mutant("AdaGrad", killed_by="test_adagrad_is_its_formula", kind="another's gradient")
class one_sum_for_each_array(reference.AdaGrad):
    """You add the mean square of a whole array's gradient to s and not each entry's own square.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.sums, strict=True):
            s += (g * g).mean() if g.size > 1 else g * g
            p -= self.lr * g / (np.sqrt(s) + self.eps)


@mutant("AdaGrad", killed_by="test_the_size_of_the_gradients_does_not_matter[AdaGrad]")
class adagrad_never_divides_by_less_than_a_little(reference.AdaGrad):
    """You bound the divisor from below by a constant of your own, which shows for tiny gradients."""

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.sums, strict=True):
            s += g * g
            p -= self.lr * g / np.maximum(np.sqrt(s) + self.eps, 1e-30)


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop")
class rmsprop_without_the_root(reference.RMSProp):
    """You divide by s and leave out the root.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / (s + self.eps)


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop")
class decay_and_its_complement_exchanged(reference.RMSProp):
    """You exchange decay and 1 - decay.

    Handout: Optimizers
    """

    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        self.decay = 1 - decay


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop")
class rmsprop_begins_with_the_first_square(reference.RMSProp):
    """Your s begins as the square of the first gradient and not as 0.

    Handout: Optimizers
    """

    def step(self, grads):
        if not hasattr(self, "begun"):
            self.begun = True
            reference._check_shapes(self.params, grads)
            self.means = [g * g for g in grads]
        super().step(grads)


@mutant("RMSProp", killed_by="test_eps_stands_outside_the_root[RMSProp]", kind="epsilon in another place")
class rmsprops_epsilon_inside_the_root(reference.RMSProp):
    """You add eps inside the root.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / np.sqrt(s + self.eps)


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop")
class rmsprop_with_bias_correction(reference.RMSProp):
    """You correct the bias of s, as Adam does.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        self.t = getattr(self, "t", 0) + 1
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / (np.sqrt(s / (1 - self.decay**self.t)) + self.eps)


@mutant("RMSProp", killed_by="test_settings_have_the_promised_defaults[RMSProp]")
class the_decay_of_another_library(reference.RMSProp):
    """You set the default of decay to 0.99."""

    def __init__(self, params, lr=0.001, decay=0.99, eps=1e-8):
        super().__init__(params, lr, decay, eps)


@mutant("RMSProp", killed_by="test_impossible_settings_are_refused[RMSProp]")
class a_decay_of_one_will_do(reference.RMSProp):
    """You raise no ValueError for a decay of 1."""

    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, 0.5 if decay == 1 else decay, eps)


@mutant("RMSProp", killed_by="test_two_optimizers_share_nothing[RMSProp]")
class means_belong_to_the_class(reference.RMSProp):
    """Your running means belong to the class, so that two optimizers share them.

    Handout: Mistakes that many make
    """

    shared = {}  # noqa: RUF012 (that is the mistake)

    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        self.means = self.shared.setdefault(tuple(p.shape for p in params), self.means)


@mutant("Adam", killed_by="test_two_steps_of_adam")
class adam_without_bias_correction(reference.Adam):
    """You do not correct the bias of m and v.

    Handout: Optimizers
    """

    def step(self, grads):
        self.t = 10**6  # at which both corrections are 1
        super().step(grads)


@mutant("Adam", killed_by="test_two_steps_of_adam")
class first_moment_corrected_alone(reference.Adam):
    """You correct the bias of m and not that of v.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        beta1, beta2 = self.betas
        self.t += 1
        for p, g, m, v in zip(self.params, grads, self.m, self.v, strict=True):
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * g * g
            p -= self.lr * m / (1 - beta1**self.t) / (np.sqrt(v) + self.eps)


@mutant("Adam", killed_by="test_two_steps_of_adam")
class step_count_begins_at_two(reference.Adam):
    """Your t is 2 in the first step.

    Handout: Optimizers
    """

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.t = 1


@mutant("Adam", killed_by="test_two_steps_of_adam")
class step_count_is_zero_in_the_first_step(reference.Adam):
    """Your t is 0 in the first step.

    Handout: Mistakes that many make
    """

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.t = -1


@mutant("Adam", killed_by="test_two_steps_of_adam")
class betas_exchanged(reference.Adam):
    """You exchange beta1 and beta2.

    Handout: Optimizers
    """

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, (betas[1], betas[0]), eps)


@mutant("Adam", killed_by="test_adam_is_its_formula")
class step_count_advances_with_every_array(reference.Adam):
    """You advance t for each array and not once a step.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        beta1, beta2 = self.betas
        for p, g, m, v in zip(self.params, grads, self.m, self.v, strict=True):
            self.t += 1
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * g * g
            p -= self.lr * (m / (1 - beta1**self.t)) / (np.sqrt(v / (1 - beta2**self.t)) + self.eps)


@mutant("Adam", killed_by="test_adam_is_its_formula")
class corrected_moments_are_kept(reference.Adam):
    """You overwrite m by its corrected version and carry that into the next step.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        super().step(grads)
        for m in self.m:
            m /= 1 - self.betas[0] ** self.t


@mutant("Adam", killed_by="test_eps_stands_outside_the_root[Adam]", kind="epsilon in another place")
class adams_epsilon_inside_the_root(reference.Adam):
    """You add eps inside the root.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        beta1, beta2 = self.betas
        self.t += 1
        for p, g, m, v in zip(self.params, grads, self.m, self.v, strict=True):
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * g * g
            p -= self.lr * (m / (1 - beta1**self.t)) / np.sqrt(v / (1 - beta2**self.t) + self.eps)


@mutant("Adam", killed_by="test_eps_stands_outside_the_root[Adam]", kind="epsilon in another place")
class epsilon_beside_the_uncorrected_moment(reference.Adam):
    """You add eps to the root of the uncorrected v.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        beta1, beta2 = self.betas
        self.t += 1
        rate = self.lr * np.sqrt(1 - beta2**self.t) / (1 - beta1**self.t)
        for p, g, m, v in zip(self.params, grads, self.m, self.v, strict=True):
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * g * g
            p -= rate * m / (np.sqrt(v) + self.eps)


@mutant("Adam", killed_by="test_a_hundred_steps_are_as_right_as_one[Adam]")
class bias_correction_ends_after_fifty_steps(reference.Adam):
    """You no longer correct the bias of m and v after some dozens of steps."""

    def step(self, grads):
        if self.t >= 50:
            self.t = 10**6
        super().step(grads)


@mutant("Adam", killed_by="test_the_size_of_the_gradients_does_not_matter[Adam]")
class gradients_clipped_to_a_unit(reference.Adam):
    """You clip large gradients."""

    def step(self, grads):
        super().step([np.clip(g, -100.0, 100.0) for g in grads])


@mutant("Adam", killed_by="test_two_optimizers_share_nothing[Adam]")
class step_count_belongs_to_the_class(reference.Adam):
    """Your t belongs to the class, so that two optimizers count their steps together.

    Handout: Mistakes that many make
    """

    count = [0]  # noqa: RUF012 (that is the mistake)

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        self.count[0] += 1
        self.t = self.count[0] - 1
        super().step(grads)


@mutant("Adam", killed_by="test_impossible_settings_are_refused[Adam]")
class a_second_beta_of_one_will_do(reference.Adam):
    """You raise no ValueError for a beta2 of 1 or more."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, (betas[0], min(betas[1], 0.999)), eps)


@mutant("Adam", killed_by="test_the_gradients_are_left_alone[Adam]")
class squares_the_gradients_in_place(reference.Adam):
    """You square the caller's gradients in place."""

    def step(self, grads):
        super().step(grads)
        for g in grads:
            g *= g


@mutant("Adam", killed_by="test_gradients_that_do_not_fit_are_refused[Adam]")
class a_refused_step_counts(reference.Adam):
    """You advance t in a step that raises ValueError."""

    def step(self, grads):
        try:
            super().step(grads)
        except ValueError:
            self.t += 1
            raise


@mutant("AdamW", killed_by="test_two_steps_of_adamw")
class decay_enters_the_moments(reference.AdamW):
    """You add weight_decay p to the gradient, so that the decay enters m and v.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        self.adam.step([g + self.weight_decay * p for p, g in zip(self.params, grads, strict=True)])


@mutant("AdamW", killed_by="test_two_steps_of_adamw")
class decay_without_the_learning_rate(reference.AdamW):
    """You decay the weights without the factor lr.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p in self.params:
            p *= 1 - self.weight_decay
        self.adam.step(grads)


@mutant("AdamW", killed_by="test_two_steps_of_adamw")
class decays_after_the_step(reference.AdamW):
    """You decay the values that the params have after Adam's step.

    Handout: Optimizers
    """

    def step(self, grads):
        self.adam.step(grads)
        for p in self.params:
            p *= 1 - self.lr * self.weight_decay


@mutant("AdamW", killed_by="test_zeros_and_odd_arrays_are_no_exception[AdamW]")
class decays_only_where_there_is_a_gradient(reference.AdamW):
    """You do not decay entries whose gradient is 0."""

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g in zip(self.params, grads, strict=True):
            p *= np.where(g == 0, 1.0, 1 - self.lr * self.weight_decay)
        self.adam.step(grads)


@mutant("AdamW", killed_by="test_adamw_is_its_formula")
class decays_the_matrices_alone(reference.AdamW):
    """You do not decay arrays of one axis."""

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p in self.params:
            p *= 1 - self.lr * self.weight_decay if p.ndim > 1 else 1.0
        self.adam.step(grads)


@mutant("AdamW", killed_by="test_settings_have_the_promised_defaults[AdamW]")
class no_decay_by_default(reference.AdamW):
    """You set the default of weight_decay to 0."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr, betas, eps, weight_decay)


@mutant("AdaGrad", killed_by="test_two_steps_of_adagrad", kind="an assignment for +=")
class sum_of_the_last_square_alone(reference.AdaGrad):
    """You assign the new square to s and do not add it.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for i, (p, g) in enumerate(zip(self.params, grads, strict=True)):
            self.sums[i] = g * g
            p -= self.lr * g / (np.sqrt(self.sums[i]) + self.eps)


@mutant("AdaGrad", killed_by="test_eps_stands_outside_the_root[AdaGrad]",
        kind="a parameter read but replaced by a constant")  # fmt: skip
class adagrad_with_the_usual_eps(reference.AdaGrad):
    """You ignore eps and always use 1e-10."""

    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__(params, lr, eps)
        self.eps = 1e-10


@mutant("AdaGrad", killed_by="test_zeros_and_odd_arrays_are_no_exception[AdaGrad]",
        kind="two dimensions taken for granted")  # fmt: skip
class sums_of_rows_and_columns(reference.AdaGrad):
    """Your sums have only the first two axes of their params, which fails for arrays of three axes."""

    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__(params, lr, eps)
        self.sums = [np.zeros(p.shape[:2]) for p in params]


@mutant("AdaGrad", killed_by="test_eps_stands_outside_the_root[AdaGrad]")
class adagrad_in_single_precision(reference.AdaGrad):
    """You round the gradients to single precision."""

    def step(self, grads):
        super().step([g.astype(np.float32).astype(np.float64) for g in grads])


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop", kind="state read but never stored")
class mean_computed_and_not_kept(reference.RMSProp):
    """You compute s and do not keep it for the next step.

    Handout: Optimizers
    """

    def step(self, grads):
        kept = [s.copy() for s in self.means]
        super().step(grads)
        self.means = kept


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop", kind="an assignment for +=")
class mean_of_the_last_square_alone(reference.RMSProp):
    """You set s back to zero before every step.

    Handout: Optimizers
    """

    def step(self, grads):
        self.means = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("RMSProp", killed_by="test_eps_stands_outside_the_root[RMSProp]",
        kind="a parameter read but replaced by a constant")  # fmt: skip
class rmsprop_with_the_usual_eps(reference.RMSProp):
    """You ignore eps and always use 1e-8."""

    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        self.eps = 1e-8


@mutant("RMSProp", killed_by="test_steps_are_taken_in_place[RMSProp]")
class rmsprop_on_copies(reference.RMSProp):
    """You update copies of the arrays in params and leave the caller's own arrays as they were.

    Handout: Mistakes that many make
    """

    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__([p.copy() for p in params], lr, decay, eps)


@mutant("RMSProp", killed_by="test_the_arrays_themselves_are_changed[RMSProp]")
class rmsprop_puts_new_arrays_into_the_list(reference.RMSProp):
    """You put new arrays into the list params and leave the caller's own arrays as they were.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        old = [p.copy() for p in self.params]
        super().step(grads)
        for i, values in enumerate(old):
            new = self.params[i].copy()
            self.params[i][...] = values
            self.params[i] = new


@mutant("RMSProp", killed_by="test_rmsprop_is_its_formula", kind="another's gradient")
class one_mean_for_all_arrays_of_a_shape(reference.RMSProp):
    """You use one running mean for all arrays of the same shape."""

    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        first = {}
        self.means = [first.setdefault(p.shape, s) for p, s in zip(params, self.means, strict=True)]


@mutant("RMSProp", killed_by="test_zeros_and_odd_arrays_are_no_exception[RMSProp]",
        kind="two dimensions taken for granted")  # fmt: skip
class means_of_rows_and_columns(reference.RMSProp):
    """Your means have only the first two axes of their params, which fails for arrays of three axes."""

    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        self.means = [np.zeros(p.shape[:2]) for p in params]


@mutant("RMSProp", killed_by="test_zeros_and_odd_arrays_are_no_exception[RMSProp]")
class a_decay_of_zero_is_the_default(reference.RMSProp):
    """You use the default of decay where decay is 0."""

    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay or 0.9, eps)


@mutant("Adam", killed_by="test_two_steps_of_adam", kind="a step count that never advances")
class every_step_is_the_first(reference.Adam):
    """Your t never advances, so that every step corrects the bias as the first one does.

    Handout: Optimizers
    """

    def step(self, grads):
        self.t = 0
        super().step(grads)


@mutant("Adam", killed_by="test_two_steps_of_adam", kind="state read but never stored")
class first_moment_computed_and_not_kept(reference.Adam):
    """You compute m and do not keep it for the next step.

    Handout: Optimizers
    """

    def step(self, grads):
        kept = [m.copy() for m in self.m]
        super().step(grads)
        self.m = kept


@mutant("Adam", killed_by="test_two_steps_of_adam", kind="an assignment for +=")
class second_moment_of_the_last_square_alone(reference.Adam):
    """You set v back to zero before every step.

    Handout: Optimizers
    """

    def step(self, grads):
        self.v = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("Adam", killed_by="test_two_steps_of_adam", kind="a parameter read but replaced by a constant")
class always_the_usual_betas(reference.Adam):
    """You ignore betas and always use 0.9 and 0.999."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.betas = (0.9, 0.999)


@mutant("Adam", killed_by="test_adam_is_its_formula", kind="another's gradient")
class moments_shared_by_arrays_of_a_shape(reference.Adam):
    """You use one m for all arrays of the same shape."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        first = {}
        self.m = [first.setdefault(p.shape, m) for p, m in zip(params, self.m, strict=True)]


@mutant("Adam", killed_by="test_zeros_and_odd_arrays_are_no_exception[Adam]",
        kind="two dimensions taken for granted")  # fmt: skip
class moments_of_rows_and_columns(reference.Adam):
    """Your m has only the first two axes of its params, which fails for arrays of three axes."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.m = [np.zeros(p.shape[:2]) for p in params]


@mutant("Adam", killed_by="test_zeros_and_odd_arrays_are_no_exception[Adam]")
class nothing_is_done_for_a_zero_gradient(reference.Adam):
    """You leave an entry as it is where its gradient is 0."""

    def step(self, grads):
        kept = [p.copy() for p in self.params]
        super().step(grads)
        for p, old, g in zip(self.params, kept, grads, strict=True):
            p[g == 0] = old[g == 0]


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop", kind="a factor of the batch, the classes or two")
class squares_added_in_full(reference.RMSProp):
    """You add the whole square of g to s and do not weigh it.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += g * g
            p -= self.lr * g / (np.sqrt(s) + self.eps)


@mutant("Adam", killed_by="test_two_steps_of_adam", kind="a factor of the batch, the classes or two")
class gradients_added_in_full_to_the_first_moment(reference.Adam):
    """You add the whole g to m and do not weigh it.

    Handout: Optimizers
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        beta1, beta2 = self.betas
        self.t += 1
        for p, g, m, v in zip(self.params, grads, self.m, self.v, strict=True):
            m *= beta1
            m += g
            v *= beta2
            v += (1 - beta2) * g * g
            p -= self.lr * (m / (1 - beta1**self.t)) / (np.sqrt(v / (1 - beta2**self.t)) + self.eps)


@mutant("AdamW", killed_by="test_two_steps_of_adamw", kind="a factor of the batch, the classes or two")
class decay_with_the_half_of_the_square(reference.AdamW):
    """You decay the weights by half of the weight_decay.

    Handout: Optimizers
    """

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, weight_decay)
        self.weight_decay = weight_decay / 2


@mutant("AdamW", killed_by="test_two_steps_of_adamw", kind="a parameter read but replaced by a constant")
class always_the_usual_decay(reference.AdamW):
    """You ignore weight_decay and always use 0.01."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, weight_decay)
        self.weight_decay = 0.01


@mutant("AdamW", killed_by="test_eps_stands_outside_the_root[AdamW]", kind="epsilon in another place")
class adamws_epsilon_inside_the_root(reference.AdamW):
    """You add eps inside the root.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        beta1, beta2 = self.adam.betas
        self.adam.t += 1
        for p, g, m, v in zip(self.params, grads, self.adam.m, self.adam.v, strict=True):
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * g * g
            root = np.sqrt(v / (1 - beta2**self.adam.t) + self.adam.eps)
            p -= self.lr * (m / (1 - beta1**self.adam.t) / root + self.weight_decay * p)


@mutant("AdamW", killed_by="test_two_steps_of_adamw", kind="a step count that never advances")
class adamws_every_step_is_the_first(reference.AdamW):
    """Your t never advances, so that every step corrects the bias as the first one does.

    Handout: Optimizers
    """

    def step(self, grads):
        self.adam.t = 0
        super().step(grads)


@mutant("AdamW", killed_by="test_two_steps_of_adamw", kind="state read but never stored")
class adamws_moments_are_not_kept(reference.AdamW):
    """You compute v and do not keep it for the next step.

    Handout: Optimizers
    """

    def step(self, grads):
        kept = [v.copy() for v in self.adam.v]
        super().step(grads)
        self.adam.v = kept


@mutant("AdamW", killed_by="test_two_steps_of_adamw", kind="an assignment for +=")
class adamws_first_moment_of_the_last_gradient(reference.AdamW):
    """You set m back to zero before every step.

    Handout: Optimizers
    """

    def step(self, grads):
        self.adam.m = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("AdamW", killed_by="test_adamw_is_its_formula", kind="another's gradient")
class adamws_moments_shared_by_arrays_of_a_shape(reference.AdamW):
    """You use one m for all arrays of the same shape."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, weight_decay)
        first = {}
        self.adam.m = [first.setdefault(p.shape, m) for p, m in zip(params, self.adam.m, strict=True)]


@mutant("AdamW", killed_by="test_zeros_and_odd_arrays_are_no_exception[AdamW]",
        kind="two dimensions taken for granted")  # fmt: skip
class adamws_moments_of_rows_and_columns(reference.AdamW):
    """Your m has only the first two axes of its params, which fails for arrays of three axes."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, weight_decay)
        self.adam.m = [np.zeros(p.shape[:2]) for p in params]


# What was tried with one optimizer, tried with the others, too.


@mutant("AdaGrad", killed_by="test_steps_are_taken_in_place[AdaGrad]")
class adagrad_on_copies(reference.AdaGrad):
    """You update copies of the arrays in params and leave the caller's own arrays as they were.

    Handout: Mistakes that many make
    """

    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__([p.copy() for p in params], lr, eps)


@mutant("Adam", killed_by="test_steps_are_taken_in_place[Adam]")
class adam_on_copies(reference.Adam):
    """You update copies of the arrays in params and leave the caller's own arrays as they were.

    Handout: Mistakes that many make
    """

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__([p.copy() for p in params], lr, betas, eps)


@mutant("AdamW", killed_by="test_steps_are_taken_in_place[AdamW]")
class adamw_on_copies(reference.AdamW):
    """You update copies of the arrays in params and leave the caller's own arrays as they were.

    Handout: Mistakes that many make
    """

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__([p.copy() for p in params], lr, betas, eps, weight_decay)


@mutant("AdaGrad", killed_by="test_the_arrays_themselves_are_changed[AdaGrad]")
class adagrad_puts_new_arrays_into_the_list(reference.AdaGrad):
    """You put new arrays into the list params and leave the caller's own arrays as they were.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for i, (g, s) in enumerate(zip(grads, self.sums, strict=True)):
            s += g * g
            self.params[i] = self.params[i] - self.lr * g / (np.sqrt(s) + self.eps)


@mutant("Adam", killed_by="test_the_arrays_themselves_are_changed[Adam]")
class adam_puts_new_arrays_into_the_list(reference.Adam):
    """You put new arrays into the list params and leave the caller's own arrays as they were.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        arrays = list(self.params)
        self.params[:] = [p.copy() for p in arrays]
        super().step(grads)


@mutant("AdamW", killed_by="test_the_arrays_themselves_are_changed[AdamW]")
class adamw_puts_new_arrays_into_the_list(reference.AdamW):
    """You put new arrays into the list params and leave the caller's own arrays as they were.

    Handout: Mistakes that many make
    """

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        self.params[:] = [p * (1 - self.lr * self.weight_decay) for p in self.params]
        self.adam.step(grads)


@mutant("AdaGrad", killed_by="test_the_gradients_are_left_alone[AdaGrad]")
class adagrad_squares_the_gradients_in_place(reference.AdaGrad):
    """You square the caller's gradients in place."""

    def step(self, grads):
        super().step(grads)
        for g in grads:
            g *= g


@mutant("RMSProp", killed_by="test_the_gradients_are_left_alone[RMSProp]")
class rmsprop_divides_the_gradients_in_place(reference.RMSProp):
    """You divide the caller's gradients in place."""

    def step(self, grads):
        super().step(grads)
        for g, s in zip(grads, self.means, strict=True):
            g /= np.sqrt(s) + self.eps


@mutant("AdaGrad", killed_by="test_gradients_that_do_not_fit_are_refused[AdaGrad]")
class adagrad_takes_as_many_gradients_as_there_are(reference.AdaGrad):
    """You do not check the number and the shapes of the gradients."""

    def step(self, grads):
        for p, g, s in zip(self.params, grads, self.sums, strict=False):
            s += g * g
            p -= self.lr * g / (np.sqrt(s) + self.eps)


@mutant("RMSProp", killed_by="test_gradients_that_do_not_fit_are_refused[RMSProp]")
class rmsprop_remembers_a_step_that_was_refused(reference.RMSProp):
    """You change s before you raise the ValueError for gradients that do not fit."""

    def step(self, grads):
        for p, g, s in zip(self.params, grads, self.means, strict=False):
            if p.shape == g.shape:
                s *= self.decay
                s += (1 - self.decay) * g * g
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            p -= self.lr * g / (np.sqrt(s) + self.eps)


@mutant("AdaGrad", killed_by="test_two_optimizers_share_nothing[AdaGrad]")
class sums_belong_to_the_class(reference.AdaGrad):
    """Your sums belong to the class, so that two optimizers share them.

    Handout: Mistakes that many make
    """

    shared = {}  # noqa: RUF012 (that is the mistake)

    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__(params, lr, eps)
        self.sums = self.shared.setdefault(tuple(p.shape for p in params), self.sums)


@mutant("AdaGrad", killed_by="test_a_hundred_steps_are_as_right_as_one[AdaGrad]")
class the_sum_ends_after_fifty_steps(reference.AdaGrad):
    """You no longer keep new squares in s after some dozens of steps."""

    steps = 0

    def step(self, grads):
        self.steps += 1
        sums = [s.copy() for s in self.sums]
        super().step(grads)
        if self.steps > 50:
            self.sums = sums


@mutant("RMSProp", killed_by="test_a_hundred_steps_are_as_right_as_one[RMSProp]")
class the_means_begin_anew_after_fifty_steps(reference.RMSProp):
    """You set s back to zero at regular intervals."""

    steps = 0

    def step(self, grads):
        self.steps += 1
        if self.steps % 50 == 0:
            self.means = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("AdaGrad", killed_by="test_impossible_settings_are_refused[AdaGrad]")
class adagrad_takes_any_eps(reference.AdaGrad):
    """You raise no ValueError for a negative eps."""

    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__(params, lr, abs(eps))


@mutant("AdamW", killed_by="test_impossible_settings_are_refused[AdamW]")
class any_decay_of_the_weights_will_do(reference.AdamW):
    """You raise no ValueError for a negative weight_decay."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, abs(weight_decay))


@mutant("AdamW", killed_by="test_zeros_and_odd_arrays_are_no_exception[AdamW]")
class some_decay_there_must_be(reference.AdamW):
    """You raise a ValueError for a weight_decay of 0, which is allowed."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        if weight_decay == 0:
            raise ValueError("weight_decay is 0")
        super().__init__(params, lr, betas, eps, weight_decay)


@mutant("AdamW", killed_by="test_gradients_that_do_not_fit_are_refused[AdamW]")
class decays_before_a_step_that_is_refused(reference.AdamW):
    """You decay the params before you raise the ValueError for gradients that do not fit."""

    def step(self, grads):
        for p in self.params:
            p *= 1 - self.lr * self.weight_decay
        self.adam.step(grads)


@mutant("AdaGrad", killed_by="test_settings_have_the_promised_defaults[AdaGrad]")
class the_eps_of_adam(reference.AdaGrad):
    """You set the default of eps to 1e-8."""

    def __init__(self, params, lr=0.01, eps=1e-8):
        super().__init__(params, lr, eps)


@mutant("Adam", killed_by="test_settings_have_the_promised_defaults[Adam]")
class the_betas_of_another_library(reference.Adam):
    """You set the default of beta2 to 0.99."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.99), eps=1e-8):
        super().__init__(params, lr, betas, eps)


@mutant("RMSProp", killed_by="test_the_size_of_the_gradients_does_not_matter[RMSProp]")
class rmsprop_never_divides_by_less_than_a_little(reference.RMSProp):
    """You bound the divisor from below by a constant of your own, which shows for tiny gradients."""

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / np.maximum(np.sqrt(s) + self.eps, 1e-12)


# ---------------------------------------------------------------------------------------------------------- penalties


@mutant("l1_penalty", killed_by="test_the_sign_of_zero_is_zero", kind="a mask with >= for >")
def the_sign_of_zero_is_one(params, lam):
    """You take sign(0) for 1 in the gradient.

    Handout: Penalties and dropout
    """
    value, _ = reference.l1_penalty(params, lam)
    return value, [np.where(w >= 0, lam, -lam) for w in params]


@mutant("l1_penalty", killed_by="test_l1_of_three_weights")
def without_absolute_values(params, lam):
    """You sum the weights and not their absolute values.

    Handout: Penalties and dropout
    """
    _, grads = reference.l1_penalty(params, lam)
    return lam * float(sum(w.sum() for w in params)), grads


@mutant("l1_penalty", killed_by="test_l1_is_its_formula", kind="a factor of the batch, the classes or two")
def averaged_over_the_arrays(params, lam):
    """You divide the penalty by the number of arrays.

    Handout: Penalties and dropout
    """
    value, grads = reference.l1_penalty(params, lam)
    return value / len(params), grads


@mutant("l1_penalty", killed_by="test_a_penalty_leaves_its_arguments_alone[l1_penalty]")
def signs_taken_in_place(params, lam):
    """You write the gradient into the arrays of params."""
    value, grads = reference.l1_penalty(params, lam)
    for w, g in zip(params, grads, strict=True):
        w[...] = np.sign(w)
        w *= lam
        g[...] = w
    return value, grads


@mutant("l2_penalty", killed_by="test_l2_of_three_weights", kind="a factor of the batch, the classes or two")
def gradient_of_the_square_without_its_half(params, lam):
    """Your gradient is twice as large, as if the penalty had no half.

    Handout: Penalties and dropout
    """
    value, grads = reference.l2_penalty(params, lam)
    return value, [2 * g for g in grads]


@mutant("l2_penalty", killed_by="test_l2_of_three_weights", kind="a factor of the batch, the classes or two")
def value_without_the_half(params, lam):
    """You leave the half out of the penalty's value.

    Handout: Penalties and dropout
    """
    value, grads = reference.l2_penalty(params, lam)
    return 2 * value, grads


@mutant("l2_penalty", killed_by="test_l2_is_its_formula", kind="an assignment for +=")
def the_first_array_alone(params, lam):
    """You return the penalty of the first array alone.

    Handout: Penalties and dropout
    """
    value, _ = reference.l2_penalty(params[:1], lam)
    return value, reference.l2_penalty(params, lam)[1]


@mutant("l2_penalty", killed_by="test_negative_strengths_are_refused[l2_penalty]")
def negative_strengths_will_do(params, lam):
    """You raise no ValueError for a negative lam."""
    value, grads = reference.l2_penalty(params, abs(lam))
    return (value, grads) if lam >= 0 else (-value, [-g for g in grads])


@mutant("l2_penalty", killed_by="test_a_penalty_leaves_its_arguments_alone[l2_penalty]")
def squares_taken_in_place(params, lam):
    """You square the arrays of params in place."""
    answer = reference.l2_penalty(params, lam)
    for w in params:
        w *= w
    return answer


@mutant("l1_penalty", killed_by="test_negative_strengths_are_refused[l1_penalty]")
def any_strength_will_do(params, lam):
    """You raise no ValueError for a negative lam."""
    value, grads = reference.l1_penalty(params, abs(lam))
    return (value, grads) if lam >= 0 else (-value, [-g for g in grads])


@mutant(
    "dropout_forward",
    killed_by="test_dropout_of_a_hundred_numbers",
    kind="scale, shift or rescaling forgotten in one mode",
)
def not_rescaled(x, keep_prob, rng, *, training):
    """You do not rescale what you keep in training.

    Handout: Penalties and dropout
    """
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    return (y * keep_prob, cache * keep_prob) if training else (y, cache)


@mutant(
    "dropout_forward",
    killed_by="test_dropout_where_it_is_not_training",
    kind="scale, shift or rescaling forgotten in one mode",
)
def rescaled_where_it_is_not_training(x, keep_prob, rng, *, training):
    """You multiply by keep_prob where it is not training and do not rescale in training.

    Handout: Penalties and dropout
    """
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    return (y * keep_prob, cache * keep_prob)


@mutant("dropout_forward", killed_by="test_dropout_backward_is_the_identity_where_it_is_not_training")
def scaled_back_where_it_is_not_training(x, keep_prob, rng, *, training):
    """Your cache makes backward divide by keep_prob where it is not training.

    Handout: Penalties and dropout
    """
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    return y, cache if training else np.full((), 1 / keep_prob)


@mutant("dropout_forward", killed_by="test_each_mask_belongs_to_its_own_forward")
def one_layer_for_all_calls(
    x, keep_prob, rng, *, training,
    layer=type("Layer", (), {"__array_ufunc__": None, "__rmul__": lambda self, dy: dy * self.mask})(),  # noqa: B008
):  # fmt: skip
    """You share one cache between all calls, so that backward uses the mask of the latest forward."""
    y, layer.mask = reference.dropout_forward(x, keep_prob, rng, training=training)
    return y, layer


@mutant("dropout_forward", killed_by="test_with_keep_prob_one_nothing_is_dropped")
def keep_prob_one_is_refused(x, keep_prob, rng, *, training):
    """You raise a ValueError for a keep_prob of 1, which is allowed."""
    if keep_prob == 1:
        raise ValueError("nothing would be dropped")
    return reference.dropout_forward(x, keep_prob, rng, training=training)


@mutant("dropout_forward", killed_by="test_dropout_is_the_identity_where_it_is_not_training")
def still_drops_where_it_is_not_training(x, keep_prob, rng, *, training):
    """You drop entries where it is not training, too.

    Handout: Penalties and dropout
    """
    return reference.dropout_forward(x, keep_prob, rng or np.random.default_rng(0), training=True)


@mutant("dropout_forward", killed_by="test_nothing_is_drawn_where_it_is_not_training")
def draws_a_mask_that_it_does_not_use(x, keep_prob, rng, *, training):
    """You draw from rng where it is not training."""
    if not training and rng is not None:
        rng.random(x.shape)
    return reference.dropout_forward(x, keep_prob, rng, training=training)


@mutant("dropout_forward", killed_by="test_dropout_keeps_each_entry_with_its_probability")
def keep_prob_taken_for_the_share_that_is_dropped(x, keep_prob, rng, *, training):
    """You take keep_prob for the probability that an entry is dropped.

    Handout: Mistakes that many make
    """
    if not training or keep_prob == 1:
        return reference.dropout_forward(x, keep_prob, rng, training=training)
    mask = (rng.random(x.shape) >= keep_prob) / keep_prob
    return x * mask, mask


@mutant("dropout_forward", killed_by="test_dropout_of_a_hundred_numbers")
def divided_by_the_share_that_is_dropped(x, keep_prob, rng, *, training):
    """You divide what you keep by 1 - keep_prob.

    Handout: Penalties and dropout
    """
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    if not training or keep_prob == 1:
        return y, cache
    factor = keep_prob / (1 - keep_prob)
    return y * factor, cache * factor


@mutant("dropout_forward", killed_by="test_dropout_draws_for_each_entry_by_itself")
def one_mask_for_all_rows(x, keep_prob, rng, *, training):
    """You draw one mask and use it for every row of x."""
    if not training or x.ndim < 2 or len(x) == 1:
        return reference.dropout_forward(x, keep_prob, rng, training=training)
    mask = np.broadcast_to((rng.random(x.shape[1:]) < keep_prob) / keep_prob, x.shape).copy()
    return x * mask, mask


@mutant("dropout_forward", killed_by="test_dropout_leaves_its_input_alone")
def dropped_in_place(x, keep_prob, rng, *, training):
    """You write the result into x."""
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    if training:
        x[...] = y
    return y, cache


@mutant("dropout_forward", killed_by="test_dropout_draws_from_its_rng_alone", kind="a zero or constant draw")
def the_same_mask_in_every_call(x, keep_prob, rng, *, training):
    """You draw from a generator of your own with a fixed seed, so that every call drops the same entries."""
    return reference.dropout_forward(x, keep_prob, np.random.default_rng(7), training=training)


@mutant("dropout_forward", killed_by="test_dropout_draws_from_its_rng_alone")
def from_the_global_generator(x, keep_prob, rng, *, training):
    """You draw from numpy's global generator and not from rng."""
    return reference.dropout_forward(x, keep_prob, np.random, training=training)


@mutant("dropout_forward", killed_by="test_impossible_keep_probs_are_refused")
def keeping_with_probability_zero(x, keep_prob, rng, *, training):
    """You raise no ValueError for a keep_prob of 0."""
    if keep_prob == 0:
        return np.zeros_like(x), np.zeros_like(x)
    return reference.dropout_forward(x, keep_prob, rng, training=training)


@mutant(
    "dropout_backward",
    killed_by="test_dropout_of_a_hundred_numbers",
    kind="scale, shift or rescaling forgotten in one mode",
)
def mask_without_its_scale(dy, cache):
    """You apply the mask to dy and leave out its scale.

    Handout: Penalties and dropout
    """
    return dy * (cache != 0)


@mutant("dropout_backward", killed_by="test_dropout_of_a_hundred_numbers")
def a_new_mask_in_backward(dy, cache):
    """You use another mask in backward than forward drew.

    Handout: Penalties and dropout
    """
    if cache.ndim == 0:
        return dy * cache
    return dy * np.random.default_rng(8).permutation(cache.ravel()).reshape(cache.shape)


@mutant("dropout_backward", killed_by="test_dropout_backward_keeps_shapes_and_dy")
def the_mask_applied_in_place(dy, cache):
    """You change dy in place."""
    dy *= cache
    return dy


@mutant("l1_penalty", killed_by="test_a_penalty_holds_at_its_edges[l1_penalty]", kind="a squeeze")
def slopes_squeezed(params, lam):
    """You squeeze the gradients, so that axes of length 1 are lost."""
    value, grads = reference.l1_penalty(params, lam)
    return value, [np.squeeze(g) for g in grads]


@mutant("l1_penalty", killed_by="test_l1_is_its_formula", kind="two dimensions taken for granted")
def l1_row_by_row(params, lam):
    """You index two axes of every array, which fails for arrays of one axis."""
    value = lam * float(sum(np.abs(w[i, :]).sum() for w in params for i in range(len(w))))
    return value, reference.l1_penalty(params, lam)[1]


@mutant("l1_penalty", killed_by="test_l1_of_three_weights", kind="an assignment for +=")
def l1_of_the_last_array_alone(params, lam):
    """You return the penalty of the last array alone.

    Handout: Penalties and dropout
    """
    return reference.l1_penalty(params[-1:], lam)[0], reference.l1_penalty(params, lam)[1]


@mutant("l1_penalty", killed_by="test_l1_of_three_weights", kind="another's gradient")
def the_slopes_of_l2(params, lam):
    """You return the gradient of the l2 penalty.

    Handout: Penalties and dropout
    """
    return reference.l1_penalty(params, lam)[0], reference.l2_penalty(params, lam)[1]


@mutant("l1_penalty", killed_by="test_l1_of_three_weights", kind="a parameter read but replaced by a constant")
def slopes_of_one(params, lam):
    """You leave lam out of the gradient.

    Handout: Penalties and dropout
    """
    return reference.l1_penalty(params, lam)[0], [np.sign(w) for w in params]


@mutant("l2_penalty", killed_by="test_a_penalty_holds_at_its_edges[l2_penalty]", kind="a squeeze")
def gradients_squeezed(params, lam):
    """You squeeze the gradients, so that axes of length 1 are lost."""
    value, grads = reference.l2_penalty(params, lam)
    return value, [np.squeeze(g) for g in grads]


@mutant("l2_penalty", killed_by="test_l2_is_its_formula", kind="two dimensions taken for granted")
def l2_by_the_norm_of_matrices(params, lam):
    """You take the norm of a matrix, which fails for arrays that do not have two axes."""
    value = lam / 2 * float(sum(np.linalg.norm(w, "fro") ** 2 for w in params))
    return value, reference.l2_penalty(params, lam)[1]


@mutant("l2_penalty", killed_by="test_l2_of_three_weights", kind="another's gradient")
def the_slopes_of_l1(params, lam):
    """You return the gradient of the l1 penalty.

    Handout: Penalties and dropout
    """
    return reference.l2_penalty(params, lam)[0], reference.l1_penalty(params, lam)[1]


@mutant("l2_penalty", killed_by="test_l2_of_three_weights", kind="a parameter read but replaced by a constant")
def gradients_without_lam(params, lam):
    """You leave lam out of the gradient.

    Handout: Penalties and dropout
    """
    return reference.l2_penalty(params, lam)[0], [w.copy() for w in params]


@mutant("dropout_forward", killed_by="test_dropout_takes_arrays_of_any_shape", kind="a squeeze")
def dropped_and_squeezed(x, keep_prob, rng, *, training):
    """You squeeze y, so that axes of length 1 are lost."""
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    return np.squeeze(y), cache


@mutant("dropout_forward", killed_by="test_dropout_takes_arrays_of_any_shape", kind="two dimensions taken for granted")
def a_mask_of_rows_and_columns(x, keep_prob, rng, *, training):
    """You take two axes of x for granted, which fails in training for arrays of another number of axes."""
    if not training:
        return reference.dropout_forward(x, keep_prob, rng, training=training)
    rows, columns = x.shape
    mask = (rng.random((rows, columns)) < keep_prob) / keep_prob
    return x * mask, mask


@mutant("dropout_forward", killed_by="test_dropout_of_a_hundred_numbers",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def always_a_half(x, keep_prob, rng, *, training):
    """You use 1/2 for every keep_prob below 1."""
    reference.dropout_forward(x, keep_prob, rng, training=False)
    return reference.dropout_forward(x, 0.5 if keep_prob < 1 else 1.0, rng, training=training)


@mutant("dropout_forward", killed_by="test_dropout_keeps_each_entry_with_its_probability",
        kind="a normal draw for a uniform one")  # fmt: skip
def a_normal_number_below_keep_prob(x, keep_prob, rng, *, training):
    """You draw normal numbers for the mask and not uniform ones."""
    if not training or keep_prob == 1:
        return reference.dropout_forward(x, keep_prob, rng, training=training)
    mask = (rng.normal(size=x.shape) < keep_prob) / keep_prob
    return x * mask, mask


@mutant("dropout_forward", killed_by="test_training_drops_hidden_units", kind="batches that share a buffer")
def one_buffer_for_the_masks_of_all_layers(x, keep_prob, rng, *, training, buffers={}):  # noqa: B006
    """You put all masks of one shape into the same array, so that a later forward overwrites an earlier mask."""
    y, mask = reference.dropout_forward(x, keep_prob, rng, training=training)
    buffer = buffers.setdefault(mask.shape, np.empty_like(mask))
    buffer[...] = mask
    return y, buffer


@mutant("dropout_backward", killed_by="test_dropout_backward_keeps_shapes_and_dy", kind="a squeeze")
def gradient_squeezed(dy, cache):
    """You squeeze dx, so that axes of length 1 are lost."""
    return np.squeeze(reference.dropout_backward(dy, cache))


@mutant("dropout_backward", killed_by="test_dropout_backward_keeps_shapes_and_dy",
        kind="two dimensions taken for granted")  # fmt: skip
def a_gradient_of_rows_and_columns(dy, cache):
    """You take two axes of dy for granted, which fails for arrays of another number of axes."""
    rows, columns = dy.shape
    return dy.reshape(rows, columns) * cache


# --------------------------------------------------------------------------------------------------------- batch norm


@mutant(
    "batch_norm_forward", killed_by="test_batch_norm_of_three_numbers", kind="a factor of the batch, the classes or two"
)
def normalized_with_the_unbiased_variance(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You normalize the batch with the unbiased variance.

    Handout: Mistakes that many make
    """
    reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    mean, var = (x.mean(axis=0), x.var(axis=0, ddof=1)) if training else (running["mean"], running["var"])
    scale = 1 / np.sqrt(var + eps)
    u = (x - mean) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_running_statistics_of_three_numbers")
def running_variance_biased(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """Your running variance averages the biased variance.

    Handout: Mistakes that many make
    """
    old = running["var"]
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["var"] = (1 - momentum) * old + momentum * x.var(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_running_statistics_of_three_numbers")
def running_variance_biased_the_other_way(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You multiply the biased variance by (n - 1) / n before it enters the running one.

    Handout: Batch normalization
    """
    old = running["var"]
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["var"] = (1 - momentum) * old + momentum * x.var(axis=0) * (len(x) - 1) / len(x)
    return answer


@mutant("batch_norm_forward", killed_by="test_batch_norm_where_it_is_not_training")
def batch_statistics_where_it_is_not_training(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You normalize with the batch's statistics where it is not training, too.

    Handout: Batch normalization
    """
    scratch = running if training else dict(running)
    return reference.batch_norm_forward(x, gamma, beta, scratch, training=True, momentum=momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_the_running_mean_averages_the_batches")
def momentum_weighs_the_old_statistics(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You take momentum for the weight of the old running statistics."""
    return reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=1 - momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_the_handout")
def running_statistics_begin_with_the_first_batch(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You set the running statistics to those of the first batch and do not average them with the old ones.

    Handout: Batch normalization
    """
    first = training and not np.any(running["mean"])
    return reference.batch_norm_forward(
        x, gamma, beta, running, training=training, momentum=1.0 if first else momentum, eps=eps
    )


@mutant("batch_norm_forward", killed_by="test_running_statistics_stay_where_it_is_not_training")
def running_statistics_move_in_evaluation(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You update the running mean where it is not training.

    Handout: Batch normalization
    """
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if not training:
        running["mean"] = (1 - momentum) * running["mean"] + momentum * x.mean(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_three_numbers", kind="epsilon in another place")
def epsilon_beside_the_root(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You add eps outside the root.

    Handout: Batch normalization
    """
    reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    mean, var = (x.mean(axis=0), x.var(axis=0)) if training else (running["mean"], running["var"])
    scale = 1 / (np.sqrt(var) + eps)
    u = (x - mean) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_batches_are_normalized")
def statistics_of_the_whole_batch_together(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You take one mean and one variance over all features together.

    Handout: Batch normalization
    """
    _, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if not training:
        return gamma * cache[0] + beta, cache
    scale = 1 / np.sqrt(x.var() + eps)
    u = (x - x.mean()) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_far_features_are_normalized_too")
def variance_from_the_mean_of_squares(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You compute var as mean(x^2) - mean^2, which is inexact where the mean is large.

    Handout: Mistakes that many make
    """
    _, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if not training:
        return gamma * cache[0] + beta, cache
    mean = x.mean(axis=0)
    scale = 1 / np.sqrt((x * x).mean(axis=0) - mean * mean + eps)
    u = (x - mean) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_the_forward_pass_leaves_its_arguments_alone")
def centred_in_place(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You subtract the mean from x in place."""
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    x -= x.mean(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_a_batch_of_one_has_no_variance")
def one_example_will_do(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You raise no ValueError for training on a batch of one example."""
    return reference.batch_norm_forward(
        x, gamma, beta, running, training=training and len(x) > 1, momentum=momentum, eps=eps
    )


@mutant("batch_norm_backward", killed_by="test_batch_norm_backward_of_three_numbers")
def mean_and_variance_taken_for_constants(dy, cache):
    """You treat both mean and var as constants in training.

    Handout: Mistakes that many make
    """
    _, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return cache[1] * dy, dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_batch_norm_backward_of_three_numbers")
def variance_taken_for_a_constant(dy, cache):
    """You treat var as a constant in training and let the gradient go through the mean alone.

    Handout: Batch normalization
    """
    _, scale, training = cache
    _, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return scale * (dy - (dbeta / len(dy) if training else 0.0)), dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_batch_norm_backward_of_three_numbers")
def mean_taken_for_a_constant(dy, cache):
    """You treat the mean as a constant in training and let the gradient go through var alone.

    Handout: Batch normalization
    """
    normalized, scale, training = cache
    _, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return scale * (dy - (normalized * dgamma / len(dy) if training else 0.0)), dgamma, dbeta


@mutant(
    "batch_norm_backward",
    killed_by="test_gradients_go_through_mean_and_variance",
    kind="a factor of the batch, the classes or two",
)
def variance_divided_by_one_less(dy, cache):
    """You divide the term of dx that goes through var by n - 1.

    Handout: Batch normalization
    """
    normalized, scale, training = cache
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    n = len(dy)
    if not training:
        return dx, dgamma, dbeta
    return scale * (dy - dbeta / n - normalized * dgamma / (n - 1)), dgamma, dbeta


@mutant(
    "batch_norm_backward",
    killed_by="test_gradients_of_gamma_and_beta_are_sums",
    kind="a factor of the batch, the classes or two",
)
def gamma_and_beta_averaged_over_the_batch(dy, cache):
    """You average dgamma and dbeta over the batch and do not sum them.

    Handout: Batch normalization
    """
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return dx, dgamma / len(dy), dbeta / len(dy)


@mutant("batch_norm_backward", killed_by="test_running_statistics_are_constants_to_the_gradient")
def evaluation_differentiated_like_training(dy, cache):
    """You let the gradient go through mean and var where it is not training, too."""
    return reference.batch_norm_backward(dy, (cache[0], cache[1], True))


@mutant("batch_norm_backward", killed_by="test_each_cache_belongs_to_its_own_forward")
def scribbling_on_the_cache(dy, cache):
    """You change the cache, so that a second call with it gives another answer."""
    answer = reference.batch_norm_backward(dy, cache)
    normalized = cache[0]
    normalized *= answer[1] / len(dy)
    return answer


@mutant("batch_norm_backward", killed_by="test_the_backward_pass_leaves_its_arguments_alone")
def upstream_gradient_centred_in_place(dy, cache):
    """You subtract the mean from dy in place."""
    answer = reference.batch_norm_backward(dy, cache)
    dy -= dy.mean(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_the_running_variance_averages_unbiased_ones",
        kind="epsilon in another place")  # fmt: skip
def epsilon_in_the_running_variance(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You add eps to the variance that enters the running one.

    Handout: Batch normalization
    """
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["var"] = running["var"] + momentum * eps
    return answer


@mutant("batch_norm_forward", killed_by="test_the_running_variance_averages_unbiased_ones")
def running_variance_a_little_off(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You multiply the running variance by a factor slightly above 1 in every training step."""
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["var"] = running["var"] * (1 + 3e-6)
    return answer


@mutant("batch_norm_forward", killed_by="test_batch_norm_where_it_is_not_training", kind="epsilon in another place")
def no_epsilon_in_evaluation(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You leave out eps where it is not training."""
    return reference.batch_norm_forward(
        x, gamma, beta, running, training=training, momentum=momentum, eps=eps if training else 0.0
    )


@mutant("batch_norm_forward", killed_by="test_gradients_go_through_mean_and_variance", kind="epsilon in another place")
def no_epsilon_in_the_cache(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You leave eps out of the scale that you put into the cache, so that dx is wrong."""
    y, (u, scale, training) = reference.batch_norm_forward(
        x, gamma, beta, running, training=training, momentum=momentum, eps=eps
    )
    if training:
        var = x.var(axis=0)
        scale = scale * np.sqrt((var + eps) / np.maximum(var, 1e-12))
    return y, (u, scale, training)


@mutant("batch_norm_forward", killed_by="test_batch_norm_where_it_is_not_training",
        kind="scale, shift or rescaling forgotten in one mode")  # fmt: skip
def gamma_and_beta_forgotten_in_evaluation(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You leave out gamma and beta where it is not training."""
    y, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    return y if training else cache[0], cache


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_three_numbers",
        kind="scale, shift or rescaling forgotten in one mode")  # fmt: skip
def beta_forgotten_in_training(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You leave out beta in training.

    Handout: Batch normalization
    """
    y, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    return y - beta if training else y, cache


@mutant("batch_norm_forward", killed_by="test_running_statistics_of_three_numbers", kind="state read but never stored")
def running_statistics_computed_and_not_kept(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You compute the new running statistics and do not put them into running.

    Handout: Batch normalization
    """
    return reference.batch_norm_forward(x, gamma, beta, dict(running), training=training, momentum=momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_running_statistics_of_three_numbers", kind="an assignment for +=")
def running_mean_of_the_last_batch_alone(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You drop the old running mean and keep only momentum times the batch's mean.

    Handout: Batch normalization
    """
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["mean"] = momentum * x.mean(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_the_running_mean_averages_the_batches",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def always_the_usual_momentum_of_averages(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You ignore momentum and always use 0.1."""
    return reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=0.1, eps=eps)


@mutant("batch_norm_forward", killed_by="test_batch_norm_has_the_promised_defaults")
def the_default_of_another_library(x, gamma, beta, running, *, training, momentum=0.99, eps=1e-3):
    """You set the defaults of momentum and eps to 0.99 and 1e-3."""
    return reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_batch_norm_keeps_the_promised_shapes", kind="a (1, k) gradient for (k,)")
def running_statistics_keep_an_axis(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """Your running statistics have the shape (1, d) after training."""
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        for name in ("mean", "var"):
            running[name] = running[name].reshape(1, -1)
    return answer


@mutant("batch_norm_forward", killed_by="test_one_example_is_evaluated_too", kind="a squeeze")
def normalized_and_squeezed(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You squeeze y for a single example."""
    y, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    return np.squeeze(y) if len(y) == 1 else y, cache


@mutant("batch_norm_forward", killed_by="test_batches_are_normalized", kind="height for width, rows for columns")
def statistics_of_each_example(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You take mean and var over the features of each example and not over the batch.

    Handout: Batch normalization
    """
    _, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if not training:
        return gamma * cache[0] + beta, cache
    scale = 1 / np.sqrt(x.var(axis=1, keepdims=True) + eps)
    u = (x - x.mean(axis=1, keepdims=True)) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_training_goes_through_batch_norm", kind="batches that share a buffer")
def one_buffer_for_the_caches_of_all_layers(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5, buffers={}):  # noqa: B006
    """You put all caches of one shape into the same array, so that a later forward overwrites an earlier cache."""
    y, (u, scale, training) = reference.batch_norm_forward(
        x, gamma, beta, running, training=training, momentum=momentum, eps=eps
    )
    buffer = buffers.setdefault(u.shape, np.empty_like(u))
    buffer[...] = u
    return y, (buffer, scale, training)


@mutant("batch_norm_forward", killed_by="test_constant_features_become_beta")
def what_does_not_vary_is_left_as_it_is(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You leave a feature as it is if it does not vary in the batch."""
    y, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    return np.where(x.var(axis=0) < 1e-12, x, y) if training else y, cache


@mutant("batch_norm_forward", killed_by="test_two_examples_or_one_feature_are_a_batch")
def two_examples_are_too_few(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You raise a ValueError for training on two examples, which is allowed."""
    if training and len(x) < 3:
        raise ValueError("too few examples")
    return reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_momentum_may_be_zero_or_one")
def a_momentum_of_zero_is_the_default(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """You use the default of momentum where momentum is 0."""
    return reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum or 0.1, eps=eps)


@mutant("batch_norm_backward", killed_by="test_batch_norm_keeps_the_promised_shapes", kind="a (1, k) gradient for (k,)")
def gradients_keep_the_axis_of_the_batch(dy, cache):
    """Your dgamma and dbeta have the shape (1, d)."""
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return dx, dgamma[None], dbeta[None]


@mutant("batch_norm_backward", killed_by="test_batch_norm_keeps_the_promised_shapes", kind="a squeeze")
def a_single_feature_squeezed(dy, cache):
    """You squeeze dx, so that axes of length 1 are lost."""
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return np.squeeze(dx), dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_running_statistics_are_constants_to_the_gradient",
        kind="scale, shift or rescaling forgotten in one mode")  # fmt: skip
def evaluation_passed_through_unscaled(dy, cache):
    """You return dy as dx where it is not training."""
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return dx if cache[2] else dy.copy(), dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_gradients_of_gamma_and_beta_are_sums", kind="an assignment for +=")
def gradients_of_the_last_example_alone(dy, cache):
    """You return dgamma and dbeta of the last example alone.

    Handout: Batch normalization
    """
    dx, _, _ = reference.batch_norm_backward(dy, cache)
    return dx, (dy * cache[0])[-1], dy[-1].copy()


@mutant("batch_norm_backward", killed_by="test_gradients_of_gamma_and_beta_are_sums", kind="another's gradient")
def gamma_and_beta_exchanged(dy, cache):
    """You exchange dgamma and dbeta.

    Handout: Batch normalization
    """
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return dx, dbeta, dgamma


@mutant("batch_norm_backward", killed_by="test_gradients_of_gamma_and_beta_are_sums",
        kind="height for width, rows for columns")  # fmt: skip
def summed_over_the_features(dy, cache):
    """You sum dgamma and dbeta over the features and not over the examples.

    Handout: Batch normalization
    """
    dx, _, _ = reference.batch_norm_backward(dy, cache)
    return dx, (dy * cache[0]).sum(axis=1), dy.sum(axis=1)


# ----------------------------------------------------------------------------------------------------------- training


@mutant("train", killed_by="test_training_penalizes_the_weights_alone[l1_penalty-lambda1]")
def penalties_forgotten(x, y, model, optimizer, settings, **options):
    """You add neither of the two penalties to the loss.

    Handout: Training
    """
    return reference.train(x, y, model, optimizer, settings, **{**options, "lambda1": 0.0, "lambda2": 0.0})


@mutant("train", killed_by="test_training_penalizes_the_weights_alone[l1_penalty-lambda1]", kind="another's gradient")
def one_penalty_for_the_other(x, y, model, optimizer, settings, *, lambda1=0.0, lambda2=0.0, **options):
    """You exchange lambda1 and lambda2."""
    return reference.train(x, y, model, optimizer, settings, lambda1=lambda2, lambda2=lambda1, **options)


@mutant("train", killed_by="test_training_penalizes_the_weights_alone[l2_penalty-lambda2]")
def biases_penalized_too(x, y, model, optimizer, settings, *, lambda1=0.0, lambda2=0.0, **options):
    """You penalize biases, gamma and beta, too.

    Handout: Training
    """

    class Everywhere(optimizer):
        def step(self, grads):
            extra = [(lambda1 * np.sign(p) + lambda2 * p) * (p.ndim == 1) for p in self.params]
            super().step([g + more for g, more in zip(grads, extra, strict=True)])

    return reference.train(x, y, model, Everywhere, settings, lambda1=lambda1, lambda2=lambda2, **options)


@mutant(
    "train", killed_by="test_training_takes_the_optimizers_steps[SGD]", kind="a factor of the batch, the classes or two"
)
def gradient_summed_over_the_batch(x, y, model, optimizer, settings, *, batch_size, **options):
    """You multiply the gradients by the number of examples in a batch.

    Handout: Training
    """

    class Summed(optimizer):
        def step(self, grads):
            super().step([g * min(batch_size, len(x)) for g in grads])

    return reference.train(x, y, model, Summed, settings, batch_size=batch_size, **options)


@mutant("train", killed_by="test_training_takes_the_optimizers_steps[Adam]")
def always_plain_gradient_descent(x, y, model, optimizer, settings, **options):
    """You train with plain gradient descent, whatever optimizer you are given.

    Handout: Training
    """
    return reference.train(x, y, model, reference.SGD, {"lr": settings.get("lr", 0.01)}, **options)


@mutant("train", killed_by="test_trained_running_statistics_are_returned", kind="state read but never stored")
def running_statistics_left_behind(x, y, model, optimizer, settings, **options):
    """You return the running statistics of the given model and not the trained ones."""
    trained = reference.train(x, y, model, optimizer, settings, **options)
    for norm, old in zip(trained["norms"], model["norms"], strict=True):
        norm["running"] = {name: array.copy() for name, array in old["running"].items()}
    return trained


@mutant("train", killed_by="test_training_takes_the_optimizers_steps[Adam]", kind="state read but never stored")
def a_new_optimizer_in_every_epoch(x, y, model, optimizer, settings, *, epochs, log=None, **options):
    """You make a new optimizer in every epoch, so that its state is lost.

    Handout: Training
    """
    for epoch in range(1, epochs + 1):
        heard = {}
        model = reference.train(x, y, model, optimizer, settings, epochs=1, log=heard.update, **options)
        if log is not None:
            log(**{**heard, "epoch": epoch})
    return reference.copied(model)


@mutant("train", killed_by="test_each_epoch_is_a_new_order_of_all_examples", kind="an order never or once drawn")
def every_epoch_in_the_order_of_the_first(x, y, model, optimizer, settings, *, rng, **options):
    """You draw one order and use it in every epoch.

    Handout: Training
    """

    class Stuck:
        order = None

        def permutation(self, n):
            self.order = rng.permutation(n) if self.order is None else self.order
            return self.order

        def __getattr__(self, name):
            return getattr(rng, name)

    return reference.train(x, y, model, optimizer, settings, rng=Stuck(), **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples")
def examples_drawn_with_replacement(x, y, model, optimizer, settings, *, rng, **options):
    """You draw examples with replacement, so that some come twice in an epoch and others not at all.

    Handout: Training
    """

    class Careless:
        def permutation(self, n):
            return rng.integers(0, n, n)

        def __getattr__(self, name):
            return getattr(rng, name)

    return reference.train(x, y, model, optimizer, settings, rng=Careless(), **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples", kind="labels or order mixed up")
def labels_shuffled_apart(x, y, model, optimizer, settings, *, rng, **options):
    """You shuffle the labels and not the examples with them."""
    return reference.train(x, rng.permutation(y), model, optimizer, settings, rng=rng, **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples")
def last_batch_left_out_for_being_small(x, y, model, optimizer, settings, *, batch_size, **options):
    """You leave out the examples at the end of x that do not fill a batch.

    Handout: Training
    """
    count = len(x) - len(x) % batch_size if len(x) > batch_size else len(x)
    return reference.train(x[:count], y[:count], model, optimizer, settings, batch_size=batch_size, **options)


@mutant("train", killed_by="test_log_hears_no_penalties")
def log_hears_the_penalties_too(x, y, model, optimizer, settings, *, lambda1=0.0, lambda2=0.0, log=None, **options):
    """You add the penalties to the loss that log hears."""

    def penalized(epoch, loss, accuracy, model):
        weights = [w for w, _ in model["layers"]]
        more = reference.l1_penalty(weights, lambda1)[0] + reference.l2_penalty(weights, lambda2)[0]
        log(epoch=epoch, loss=loss + more, accuracy=accuracy, model=model)

    return reference.train(
        x, y, model, optimizer, settings, lambda1=lambda1, lambda2=lambda2, log=log and penalized, **options
    )


@mutant("train", killed_by="test_log_hears_the_loss_fall")
def epochs_counted_from_zero(x, y, model, optimizer, settings, *, log=None, **options):
    """You count epochs from 0 for log."""

    def earlier(epoch, **more):
        log(epoch=epoch - 1, **more)

    return reference.train(x, y, model, optimizer, settings, log=log and earlier, **options)


@mutant("train", killed_by="test_log_sees_the_model_of_the_moment")
def log_sees_the_model_of_the_beginning(x, y, model, optimizer, settings, *, log=None, **options):
    """You pass the model from before training to log."""

    def stale(**heard):
        log(**{**heard, "model": model})

    return reference.train(x, y, model, optimizer, settings, log=log and stale, **options)


@mutant("train", killed_by="test_log_hears_the_mean_loss_of_an_example")
def log_averages_the_batches(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    """You average the batches' means for log, though the last batch may be smaller.

    Handout: Training
    """
    model = reference.copied(model)
    weights = [w for w, _ in model["layers"]]
    stepper = optimizer(reference.parameters(model), **settings)
    for epoch in range(1, epochs + 1):
        order, losses, shares = rng.permutation(len(x)), [], []
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            z, cache = reference.forward(model, x[chosen], training=True, keep_prob=keep_prob, rng=rng)
            loss, dz = reference.cross_entropy(z, y[chosen])
            grads = reference.backward(model, dz, cache)
            for i, slope in enumerate(reference.l1_penalty(weights, lambda1)[1]):
                grads[2 * i] = grads[2 * i] + slope
            for i, slope in enumerate(reference.l2_penalty(weights, lambda2)[1]):
                grads[2 * i] = grads[2 * i] + slope
            stepper.step(grads)
            losses.append(loss)
            shares.append(float(np.mean(z.argmax(axis=1) == y[chosen])))
        if log is not None:
            log(epoch=epoch, loss=float(np.mean(losses)), accuracy=float(np.mean(shares)), model=model)
    return model


@mutant(
    "train", killed_by="test_training_goes_through_batch_norm", kind="scale, shift or rescaling forgotten in one mode"
)
def batch_norm_in_evaluation_while_it_trains(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    """You normalize with the running statistics and not with those of the batch while you train."""
    real = reference.batch_norm_forward

    def evaluating(*args, training, **more):
        return real(*args, training=False, **more)

    globals()["batch_norm_forward"] = evaluating
    try:
        return reference.train(
            x, y, model, optimizer, settings, epochs=epochs, batch_size=batch_size, rng=rng, keep_prob=keep_prob,
            lambda1=lambda1, lambda2=lambda2, log=log,
        )  # fmt: skip
    finally:
        globals()["batch_norm_forward"] = real


@mutant("train", killed_by="test_train_leaves_its_arguments_alone")
def trains_the_given_model_in_place(x, y, model, optimizer, settings, **options):
    """You train the given model in place.

    Handout: Training
    """
    trained = reference.train(x, y, model, optimizer, settings, **options)
    for old, new in zip(reference.parameters(model), reference.parameters(trained), strict=True):
        old[...] = new
    return trained


@mutant("train", killed_by="test_train_leaves_its_arguments_alone")
def takes_the_learning_rate_out_of_the_settings(x, y, model, optimizer, settings, **options):
    """You take lr out of the caller's settings."""
    lr = settings.pop("lr")
    return reference.train(x, y, model, optimizer, {"lr": lr, **settings}, **options)


@mutant("train", killed_by="test_training_drops_hidden_units")
def dropout_forgotten(x, y, model, optimizer, settings, *, keep_prob=1.0, **options):
    """You do not use keep_prob: you drop no hidden units."""
    return reference.train(x, y, model, optimizer, settings, keep_prob=1.0, **options)


@mutant("train", killed_by="test_training_drops_hidden_units", kind="a zero or constant draw")
def a_generator_of_its_own(x, y, model, optimizer, settings, *, rng, **options):
    """You draw from a generator of your own with a fixed seed and not from rng."""
    return reference.train(x, y, model, optimizer, settings, rng=np.random.default_rng(0), **options)


@mutant("train", killed_by="test_the_network_reads_letters[SGD]")
def on_the_first_hundred_examples(x, y, model, optimizer, settings, **options):
    """You train on the first 100 examples alone."""
    return reference.train(x[:100], y[:100], model, optimizer, settings, **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples", kind="each batch drawn anew")
def each_batch_drawn_from_all_examples(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    """You draw each batch anew from all examples, so that some come twice in an epoch and others not at all.

    Handout: Training
    """
    model = reference.copied(model)
    weights = [w for w, _ in model["layers"]]
    stepper = optimizer(reference.parameters(model), **settings)
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            order = rng.permutation(len(x))
            xs, ys = (part[order[start : start + batch_size]] for part in (x, y))
            z, cache = reference.forward(model, xs, training=True, keep_prob=keep_prob, rng=rng)
            loss, dz = reference.cross_entropy(z, ys)
            grads = reference.backward(model, dz, cache)
            for i, slope in enumerate(reference.l1_penalty(weights, lambda1)[1]):
                grads[2 * i] = grads[2 * i] + slope
            for i, slope in enumerate(reference.l2_penalty(weights, lambda2)[1]):
                grads[2 * i] = grads[2 * i] + slope
            stepper.step(grads)
            loss_sum += loss * len(chosen)
            right += int((z.argmax(axis=1) == ys).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x), model=model)
    return model


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples", kind="batches that share a buffer")
def the_last_batch_filled_up_with_the_one_before(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    """You fill an incomplete last batch up with examples of the batch before.

    Handout: Training
    """
    model = reference.copied(model)
    weights = [w for w, _ in model["layers"]]
    stepper = optimizer(reference.parameters(model), **settings)
    rows = np.arange(min(batch_size, len(x)))
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            rows[: len(chosen)] = chosen
            xs, ys = x[rows], y[rows]
            z, cache = reference.forward(model, xs, training=True, keep_prob=keep_prob, rng=rng)
            loss, dz = reference.cross_entropy(z, ys)
            grads = reference.backward(model, dz, cache)
            for i, slope in enumerate(reference.l1_penalty(weights, lambda1)[1]):
                grads[2 * i] = grads[2 * i] + slope
            for i, slope in enumerate(reference.l2_penalty(weights, lambda2)[1]):
                grads[2 * i] = grads[2 * i] + slope
            stepper.step(grads)
            loss_sum += loss * len(chosen)
            right += int((z.argmax(axis=1) == ys).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x), model=model)
    return model


@mutant("train", killed_by="test_each_epoch_is_a_new_order_of_all_examples", kind="an order never or once drawn")
def always_in_the_given_order(x, y, model, optimizer, settings, *, rng, **options):
    """You take the examples in the given order in every epoch.

    Handout: Training
    """

    class Still:
        def permutation(self, n):
            return np.arange(n)

        def __getattr__(self, name):
            return getattr(rng, name)

    return reference.train(x, y, model, optimizer, settings, rng=Still(), **options)


@mutant("train", killed_by="test_log_hears_the_share_of_right_answers", kind="labels or order mixed up")
def accuracy_against_labels_in_their_old_order(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    """You compare the answers with the labels in their given order for the accuracy."""
    model = reference.copied(model)
    weights = [w for w, _ in model["layers"]]
    stepper = optimizer(reference.parameters(model), **settings)
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            xs, ys = x[chosen], y[chosen]
            z, cache = reference.forward(model, xs, training=True, keep_prob=keep_prob, rng=rng)
            loss, dz = reference.cross_entropy(z, ys)
            grads = reference.backward(model, dz, cache)
            for i, slope in enumerate(reference.l1_penalty(weights, lambda1)[1]):
                grads[2 * i] = grads[2 * i] + slope
            for i, slope in enumerate(reference.l2_penalty(weights, lambda2)[1]):
                grads[2 * i] = grads[2 * i] + slope
            stepper.step(grads)
            loss_sum += loss * len(chosen)
            right += int((z.argmax(axis=1) == y[start : start + len(chosen)]).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x), model=model)
    return model


@mutant("train", killed_by="test_log_hears_the_mean_loss_of_an_example", kind="an assignment for +=")
def loss_of_the_last_batch_alone(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    """You pass the loss of the last batch alone to log.

    Handout: Training
    """
    model = reference.copied(model)
    weights = [w for w, _ in model["layers"]]
    stepper = optimizer(reference.parameters(model), **settings)
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            xs, ys = x[chosen], y[chosen]
            z, cache = reference.forward(model, xs, training=True, keep_prob=keep_prob, rng=rng)
            loss, dz = reference.cross_entropy(z, ys)
            grads = reference.backward(model, dz, cache)
            for i, slope in enumerate(reference.l1_penalty(weights, lambda1)[1]):
                grads[2 * i] = grads[2 * i] + slope
            for i, slope in enumerate(reference.l2_penalty(weights, lambda2)[1]):
                grads[2 * i] = grads[2 * i] + slope
            stepper.step(grads)
            loss_sum = loss * len(x)
            right += int((z.argmax(axis=1) == ys).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x), model=model)
    return model


@mutant("train", killed_by="test_log_hears_the_mean_loss_of_an_example")
def loss_taken_after_the_step(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    """You take the loss and the accuracy of each batch after the step on it."""
    model = reference.copied(model)
    weights = [w for w, _ in model["layers"]]
    stepper = optimizer(reference.parameters(model), **settings)
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            xs, ys = x[chosen], y[chosen]
            z, cache = reference.forward(model, xs, training=True, keep_prob=keep_prob, rng=rng)
            _, dz = reference.cross_entropy(z, ys)
            grads = reference.backward(model, dz, cache)
            for i, slope in enumerate(reference.l1_penalty(weights, lambda1)[1]):
                grads[2 * i] = grads[2 * i] + slope
            for i, slope in enumerate(reference.l2_penalty(weights, lambda2)[1]):
                grads[2 * i] = grads[2 * i] + slope
            stepper.step(grads)
            z, _ = reference.forward(model, xs, training=True, keep_prob=keep_prob, rng=rng)
            loss_sum += reference.cross_entropy(z, ys)[0] * len(chosen)
            right += int((z.argmax(axis=1) == ys).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x), model=model)
    return model


@mutant("train", killed_by="test_log_hears_losses_with_their_dropout")
def loss_taken_without_dropout(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    """You compute the loss for log without dropout."""
    model = reference.copied(model)
    weights = [w for w, _ in model["layers"]]
    stepper = optimizer(reference.parameters(model), **settings)
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            xs, ys = x[chosen], y[chosen]
            z, cache = reference.forward(model, xs, training=True, keep_prob=keep_prob, rng=rng)
            loss, dz = reference.cross_entropy(z, ys)
            grads = reference.backward(model, dz, cache)
            loss_without = loss
            if keep_prob < 1:
                loss_without, _ = reference.cross_entropy(reference.forward(model, xs, training=False)[0], ys)
            for i, slope in enumerate(reference.l1_penalty(weights, lambda1)[1]):
                grads[2 * i] = grads[2 * i] + slope
            for i, slope in enumerate(reference.l2_penalty(weights, lambda2)[1]):
                grads[2 * i] = grads[2 * i] + slope
            stepper.step(grads)
            loss_sum += loss_without * len(chosen)
            right += int((z.argmax(axis=1) == ys).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x), model=model)
    return model


@mutant("train", killed_by="test_training_penalizes_the_weights_alone[l1_penalty-lambda1]")
def slopes_in_place_of_gradients(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
    """You replace the gradients of the weights by those of a penalty and do not add the two."""
    model = reference.copied(model)
    weights = [w for w, _ in model["layers"]]
    stepper = optimizer(reference.parameters(model), **settings)
    for epoch in range(1, epochs + 1):
        order, loss_sum, right = rng.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            xs, ys = x[chosen], y[chosen]
            z, cache = reference.forward(model, xs, training=True, keep_prob=keep_prob, rng=rng)
            loss, dz = reference.cross_entropy(z, ys)
            grads = reference.backward(model, dz, cache)
            for penalty, lam in ((reference.l1_penalty, lambda1), (reference.l2_penalty, lambda2)):
                for i, slope in enumerate(penalty(weights, lam)[1] if lam else []):
                    grads[2 * i] = slope
            stepper.step(grads)
            loss_sum += loss * len(chosen)
            right += int((z.argmax(axis=1) == ys).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right / len(x), model=model)
    return model


@mutant("train", killed_by="test_log_hears_the_loss_fall", kind="a step count that never advances")
def log_always_hears_of_the_first_epoch(x, y, model, optimizer, settings, *, log=None, **options):
    """You pass 1 as the epoch to log after every epoch."""

    def first(epoch, **more):
        log(epoch=1, **more)

    return reference.train(x, y, model, optimizer, settings, log=log and first, **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def always_batches_of_thirty_two(x, y, model, optimizer, settings, *, batch_size, **options):
    """You ignore batch_size and always use 32."""
    return reference.train(x, y, model, optimizer, settings, batch_size=32, **options)


@mutant("train", killed_by="test_no_epochs_are_no_training")
def one_epoch_at_least(x, y, model, optimizer, settings, *, epochs, **options):
    """You train for one epoch where epochs is 0."""
    return reference.train(x, y, model, optimizer, settings, epochs=max(1, epochs), **options)


@mutant("train", killed_by="test_training_goes_through_batch_norm")
def gammas_penalized_too(x, y, model, optimizer, settings, *, lambda2=0.0, **options):
    """You penalize gamma with lambda2, too.

    Handout: Training
    """
    count = 2 * len(model["layers"])

    class Everywhere(optimizer):
        def step(self, grads):
            extra = [lambda2 * p if i >= count and i % 2 == 0 else 0.0 for i, p in enumerate(self.params)]
            super().step([g + more for g, more in zip(grads, extra, strict=True)])

    return reference.train(x, y, model, Everywhere, settings, lambda2=lambda2, **options)
