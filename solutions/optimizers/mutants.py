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
    def step(self, grads):
        super().step([-g for g in grads])


@mutant("SGD", killed_by="test_two_steps_with_momentum")
class momentum_without_velocity(reference.SGD):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g in zip(self.params, grads, strict=True):
            p -= self.lr * (1 + self.momentum) * (g + self.weight_decay * p)


@mutant("SGD", killed_by="test_two_steps_with_nesterovs_momentum")
class nesterov_with_the_old_velocity(reference.SGD):
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
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            decayed = g + self.weight_decay * p
            v *= self.momentum
            v += decayed
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant("SGD", killed_by="test_two_steps_with_weight_decay")
class weight_decay_left_out(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        self.weight_decay = 0.0


@mutant("SGD", killed_by="test_weight_decay_enters_the_velocity")
class weight_decay_beside_the_velocity(reference.SGD):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            v *= self.momentum
            v += g
            p -= self.lr * ((g + self.momentum * v if self.nesterov else v) + self.weight_decay * p)


@mutant("SGD", killed_by="test_sgd_is_plain_unless_told_otherwise")
class momentum_by_default(reference.SGD):
    def __init__(self, params, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)


@mutant("SGD", killed_by="test_sgd_moves_in_proportion_to_the_gradients")
class large_gradients_are_clipped(reference.SGD):
    def step(self, grads):
        super().step([np.clip(g, -5.0, 5.0) for g in grads])


@mutant("SGD", killed_by="test_a_steady_gradient_meets_the_effective_rate")
class velocity_forgotten_now_and_then(reference.SGD):
    def step(self, grads):
        self.count = getattr(self, "count", 0) + 1
        if self.count % 30 == 0:
            self.velocities = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("SGD", killed_by="test_impossible_settings_are_refused[SGD]")
class any_momentum_will_do(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, min(max(momentum, 0.0), 0.999), nesterov, weight_decay)


@mutant("SGD", killed_by="test_impossible_settings_are_refused[SGD]")
class any_learning_rate_will_do(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, 1.0, momentum, nesterov, weight_decay)
        self.lr = lr


@mutant("SGD", killed_by="test_two_optimizers_share_nothing[SGD]")
class velocities_belong_to_the_class(reference.SGD):
    shared = {}  # noqa: RUF012 (that is the mistake)

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        shapes = tuple(p.shape for p in params)
        self.velocities = self.shared.setdefault(shapes, self.velocities)


@mutant("SGD", killed_by="test_sgd_with_momentum_is_its_formula", kind="another's gradient")
class one_velocity_for_all_params(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        first = {}
        self.velocities = [first.setdefault(p.shape, v) for p, v in zip(params, self.velocities, strict=True)]


@mutant("SGD", killed_by="test_steps_are_taken_in_place[SGD]")
class new_arrays_instead_of_in_place(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__([p.copy() for p in params], lr, momentum, nesterov, weight_decay)


@mutant("SGD", killed_by="test_the_arrays_themselves_are_changed[SGD]")
class other_arrays_in_the_list(reference.SGD):
    def step(self, grads):
        own = [p.copy() for p in self.params]
        super().step(grads)
        for i, old in enumerate(own):
            new = self.params[i].copy()
            self.params[i][...] = old
            self.params[i] = new


@mutant("SGD", killed_by="test_the_gradients_are_left_alone[SGD]")
class decay_added_to_the_gradients_in_place(reference.SGD):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g in zip(self.params, grads, strict=True):
            g += self.weight_decay * p
        decay, self.weight_decay = self.weight_decay, 0.0
        super().step(grads)
        self.weight_decay = decay


@mutant("SGD", killed_by="test_the_gradients_are_left_alone[SGD]")
class first_velocity_is_the_gradient_itself(reference.SGD):
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
    reference.effective_learning_rate(lr, momentum)
    return lr * (1 - momentum)


@mutant("effective_learning_rate", killed_by="test_no_rate_is_effective_for_an_impossible_momentum")
def effective_for_any_momentum(lr, momentum):
    return lr / (1 - momentum) if momentum != 1 else np.inf


@mutant(
    "weight_decay_factor",
    killed_by="test_weight_decay_shrinks_weights_where_the_loss_is_flat",
    kind="a parameter read but replaced by a constant",
)
def one_step_an_epoch(lr, lam, n, batch_size):
    return 1 - lr * lam / n


@mutant("weight_decay_factor", killed_by="test_weight_decay_shrinks_weights_where_the_loss_is_flat")
def the_limit_at_once(lr, lam, n, batch_size):
    return float(np.exp(-lr * lam / batch_size))


@mutant("weight_decay_factor", killed_by="test_weight_decay_shrinks_weights_where_the_loss_is_flat")
def last_batch_left_out(lr, lam, n, batch_size):
    return (1 - lr * lam / n) ** max(1, n // batch_size)


@mutant("SGD", killed_by="test_two_steps_with_momentum", kind="state read but never stored")
class velocity_computed_and_not_kept(reference.SGD):
    def step(self, grads):
        kept = [v.copy() for v in self.velocities]
        super().step(grads)
        self.velocities = kept


@mutant("SGD", killed_by="test_sgd_with_momentum_is_its_formula", kind="an assignment for +=")
class velocity_is_the_last_gradient_damped(reference.SGD):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for i, (p, g) in enumerate(zip(self.params, grads, strict=True)):
            g = g + self.weight_decay * p
            v = g + self.velocities[i]
            self.velocities[i] = self.momentum * g
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant("SGD", killed_by="test_two_steps_with_momentum", kind="a parameter read but replaced by a constant")
class always_the_usual_momentum(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        self.momentum = 0.9 if momentum else 0.0


@mutant("SGD", killed_by="test_two_steps_with_weight_decay", kind="a factor of the batch, the classes or two")
class weight_decay_twice_as_large(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, 2 * weight_decay)


@mutant(
    "SGD",
    killed_by="test_zeros_and_odd_arrays_are_no_exception[SGD]",
    kind="two dimensions taken for granted",
)
class velocities_of_rows_and_columns(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        self.velocities = [np.zeros(p.shape[:2]) for p in params]


@mutant("effective_learning_rate", killed_by="test_the_effective_rate_is_its_formula",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def ten_times_whatever_the_momentum_is(lr, momentum):
    reference.effective_learning_rate(lr, momentum)
    return 10 * lr


@mutant("weight_decay_factor", killed_by="test_weight_decay_shrinks_weights_where_the_loss_is_flat",
        kind="a factor of the batch, the classes or two")  # fmt: skip
def the_penaltys_half_kept_in_the_step(lr, lam, n, batch_size):
    return reference.weight_decay_factor(lr, lam / 2, n, batch_size)


@mutant("weight_decay_factor", killed_by="test_the_factor_of_an_epoch_of_one_batch")
def an_epoch_of_less_than_a_batch_has_no_step(lr, lam, n, batch_size):
    return 1.0 if batch_size > n else reference.weight_decay_factor(lr, lam, n, batch_size)


# ----------------------------------------------------------------------------------------------------------- adaptive


@mutant("AdaGrad", killed_by="test_two_steps_of_adagrad", kind="state read but never stored")
class adagrad_without_memory(reference.AdaGrad):
    def step(self, grads):
        self.sums = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("AdaGrad", killed_by="test_two_steps_of_adagrad")
class adagrad_with_decay(reference.AdaGrad):
    def step(self, grads):
        for s in self.sums:
            s *= 0.9
        super().step(grads)


@mutant("AdaGrad", killed_by="test_eps_stands_outside_the_root[AdaGrad]", kind="epsilon in another place")
class adagrads_epsilon_inside_the_root(reference.AdaGrad):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.sums, strict=True):
            s += g * g
            p -= self.lr * g / np.sqrt(s + self.eps)


@mutant("AdaGrad", killed_by="test_adagrad_is_its_formula", kind="another's gradient")
class one_sum_for_each_array(reference.AdaGrad):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.sums, strict=True):
            s += (g * g).mean() if g.size > 1 else g * g
            p -= self.lr * g / (np.sqrt(s) + self.eps)


@mutant("AdaGrad", killed_by="test_the_size_of_the_gradients_does_not_matter[AdaGrad]")
class adagrad_never_divides_by_less_than_a_little(reference.AdaGrad):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.sums, strict=True):
            s += g * g
            p -= self.lr * g / np.maximum(np.sqrt(s) + self.eps, 1e-30)


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop")
class rmsprop_without_the_root(reference.RMSProp):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / (s + self.eps)


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop")
class decay_and_its_complement_exchanged(reference.RMSProp):
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        self.decay = 1 - decay


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop")
class rmsprop_begins_with_the_first_square(reference.RMSProp):
    def step(self, grads):
        if not hasattr(self, "begun"):
            self.begun = True
            reference._check_shapes(self.params, grads)
            self.means = [g * g for g in grads]
        super().step(grads)


@mutant("RMSProp", killed_by="test_eps_stands_outside_the_root[RMSProp]", kind="epsilon in another place")
class rmsprops_epsilon_inside_the_root(reference.RMSProp):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / np.sqrt(s + self.eps)


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop")
class rmsprop_with_bias_correction(reference.RMSProp):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        self.t = getattr(self, "t", 0) + 1
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / (np.sqrt(s / (1 - self.decay**self.t)) + self.eps)


@mutant("RMSProp", killed_by="test_settings_have_the_promised_defaults[RMSProp]")
class the_decay_of_another_library(reference.RMSProp):
    def __init__(self, params, lr=0.001, decay=0.99, eps=1e-8):
        super().__init__(params, lr, decay, eps)


@mutant("RMSProp", killed_by="test_impossible_settings_are_refused[RMSProp]")
class a_decay_of_one_will_do(reference.RMSProp):
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, 0.5 if decay == 1 else decay, eps)


@mutant("RMSProp", killed_by="test_two_optimizers_share_nothing[RMSProp]")
class means_belong_to_the_class(reference.RMSProp):
    shared = {}  # noqa: RUF012 (that is the mistake)

    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        self.means = self.shared.setdefault(tuple(p.shape for p in params), self.means)


@mutant("Adam", killed_by="test_two_steps_of_adam")
class adam_without_bias_correction(reference.Adam):
    def step(self, grads):
        self.t = 10**6  # at which both corrections are 1
        super().step(grads)


@mutant("Adam", killed_by="test_two_steps_of_adam")
class first_moment_corrected_alone(reference.Adam):
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
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.t = 1


@mutant("Adam", killed_by="test_two_steps_of_adam")
class step_count_is_zero_in_the_first_step(reference.Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.t = -1


@mutant("Adam", killed_by="test_two_steps_of_adam")
class betas_exchanged(reference.Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, (betas[1], betas[0]), eps)


@mutant("Adam", killed_by="test_adam_is_its_formula")
class step_count_advances_with_every_array(reference.Adam):
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
    def step(self, grads):
        super().step(grads)
        for m in self.m:
            m /= 1 - self.betas[0] ** self.t


@mutant("Adam", killed_by="test_eps_stands_outside_the_root[Adam]", kind="epsilon in another place")
class adams_epsilon_inside_the_root(reference.Adam):
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
    def step(self, grads):
        if self.t >= 50:
            self.t = 10**6
        super().step(grads)


@mutant("Adam", killed_by="test_the_size_of_the_gradients_does_not_matter[Adam]")
class gradients_clipped_to_a_unit(reference.Adam):
    def step(self, grads):
        super().step([np.clip(g, -100.0, 100.0) for g in grads])


@mutant("Adam", killed_by="test_two_optimizers_share_nothing[Adam]")
class step_count_belongs_to_the_class(reference.Adam):
    count = [0]  # noqa: RUF012 (that is the mistake)

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        self.count[0] += 1
        self.t = self.count[0] - 1
        super().step(grads)


@mutant("Adam", killed_by="test_impossible_settings_are_refused[Adam]")
class a_second_beta_of_one_will_do(reference.Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, (betas[0], min(betas[1], 0.999)), eps)


@mutant("Adam", killed_by="test_the_gradients_are_left_alone[Adam]")
class squares_the_gradients_in_place(reference.Adam):
    def step(self, grads):
        super().step(grads)
        for g in grads:
            g *= g


@mutant("Adam", killed_by="test_gradients_that_do_not_fit_are_refused[Adam]")
class a_refused_step_counts(reference.Adam):
    def step(self, grads):
        try:
            super().step(grads)
        except ValueError:
            self.t += 1
            raise


@mutant("AdamW", killed_by="test_two_steps_of_adamw")
class decay_enters_the_moments(reference.AdamW):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        self.adam.step([g + self.weight_decay * p for p, g in zip(self.params, grads, strict=True)])


@mutant("AdamW", killed_by="test_two_steps_of_adamw")
class decay_without_the_learning_rate(reference.AdamW):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p in self.params:
            p *= 1 - self.weight_decay
        self.adam.step(grads)


@mutant("AdamW", killed_by="test_two_steps_of_adamw")
class decays_after_the_step(reference.AdamW):
    def step(self, grads):
        self.adam.step(grads)
        for p in self.params:
            p *= 1 - self.lr * self.weight_decay


@mutant("AdamW", killed_by="test_zeros_and_odd_arrays_are_no_exception[AdamW]")
class decays_only_where_there_is_a_gradient(reference.AdamW):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g in zip(self.params, grads, strict=True):
            p *= np.where(g == 0, 1.0, 1 - self.lr * self.weight_decay)
        self.adam.step(grads)


@mutant("AdamW", killed_by="test_adamw_is_its_formula")
class decays_the_matrices_alone(reference.AdamW):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p in self.params:
            p *= 1 - self.lr * self.weight_decay if p.ndim > 1 else 1.0
        self.adam.step(grads)


@mutant("AdamW", killed_by="test_settings_have_the_promised_defaults[AdamW]")
class no_decay_by_default(reference.AdamW):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr, betas, eps, weight_decay)


@mutant("AdaGrad", killed_by="test_two_steps_of_adagrad", kind="an assignment for +=")
class sum_of_the_last_square_alone(reference.AdaGrad):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for i, (p, g) in enumerate(zip(self.params, grads, strict=True)):
            self.sums[i] = g * g
            p -= self.lr * g / (np.sqrt(self.sums[i]) + self.eps)


@mutant("AdaGrad", killed_by="test_eps_stands_outside_the_root[AdaGrad]",
        kind="a parameter read but replaced by a constant")  # fmt: skip
class adagrad_with_the_usual_eps(reference.AdaGrad):
    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__(params, lr, eps)
        self.eps = 1e-10


@mutant("AdaGrad", killed_by="test_zeros_and_odd_arrays_are_no_exception[AdaGrad]",
        kind="two dimensions taken for granted")  # fmt: skip
class sums_of_rows_and_columns(reference.AdaGrad):
    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__(params, lr, eps)
        self.sums = [np.zeros(p.shape[:2]) for p in params]


@mutant("AdaGrad", killed_by="test_eps_stands_outside_the_root[AdaGrad]")
class adagrad_in_single_precision(reference.AdaGrad):
    def step(self, grads):
        super().step([g.astype(np.float32).astype(np.float64) for g in grads])


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop", kind="state read but never stored")
class mean_computed_and_not_kept(reference.RMSProp):
    def step(self, grads):
        kept = [s.copy() for s in self.means]
        super().step(grads)
        self.means = kept


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop", kind="an assignment for +=")
class mean_of_the_last_square_alone(reference.RMSProp):
    def step(self, grads):
        self.means = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("RMSProp", killed_by="test_eps_stands_outside_the_root[RMSProp]",
        kind="a parameter read but replaced by a constant")  # fmt: skip
class rmsprop_with_the_usual_eps(reference.RMSProp):
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        self.eps = 1e-8


@mutant("RMSProp", killed_by="test_steps_are_taken_in_place[RMSProp]")
class rmsprop_on_copies(reference.RMSProp):
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__([p.copy() for p in params], lr, decay, eps)


@mutant("RMSProp", killed_by="test_the_arrays_themselves_are_changed[RMSProp]")
class rmsprop_puts_new_arrays_into_the_list(reference.RMSProp):
    def step(self, grads):
        old = [p.copy() for p in self.params]
        super().step(grads)
        for i, values in enumerate(old):
            new = self.params[i].copy()
            self.params[i][...] = values
            self.params[i] = new


@mutant("RMSProp", killed_by="test_rmsprop_is_its_formula", kind="another's gradient")
class one_mean_for_all_arrays_of_a_shape(reference.RMSProp):
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        first = {}
        self.means = [first.setdefault(p.shape, s) for p, s in zip(params, self.means, strict=True)]


@mutant("RMSProp", killed_by="test_zeros_and_odd_arrays_are_no_exception[RMSProp]",
        kind="two dimensions taken for granted")  # fmt: skip
class means_of_rows_and_columns(reference.RMSProp):
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        self.means = [np.zeros(p.shape[:2]) for p in params]


@mutant("RMSProp", killed_by="test_zeros_and_odd_arrays_are_no_exception[RMSProp]")
class a_decay_of_zero_is_the_default(reference.RMSProp):
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay or 0.9, eps)


@mutant("Adam", killed_by="test_two_steps_of_adam", kind="a step count that never advances")
class every_step_is_the_first(reference.Adam):
    def step(self, grads):
        self.t = 0
        super().step(grads)


@mutant("Adam", killed_by="test_two_steps_of_adam", kind="state read but never stored")
class first_moment_computed_and_not_kept(reference.Adam):
    def step(self, grads):
        kept = [m.copy() for m in self.m]
        super().step(grads)
        self.m = kept


@mutant("Adam", killed_by="test_two_steps_of_adam", kind="an assignment for +=")
class second_moment_of_the_last_square_alone(reference.Adam):
    def step(self, grads):
        self.v = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("Adam", killed_by="test_two_steps_of_adam", kind="a parameter read but replaced by a constant")
class always_the_usual_betas(reference.Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.betas = (0.9, 0.999)


@mutant("Adam", killed_by="test_adam_is_its_formula", kind="another's gradient")
class moments_shared_by_arrays_of_a_shape(reference.Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        first = {}
        self.m = [first.setdefault(p.shape, m) for p, m in zip(params, self.m, strict=True)]


@mutant("Adam", killed_by="test_zeros_and_odd_arrays_are_no_exception[Adam]",
        kind="two dimensions taken for granted")  # fmt: skip
class moments_of_rows_and_columns(reference.Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.m = [np.zeros(p.shape[:2]) for p in params]


@mutant("Adam", killed_by="test_zeros_and_odd_arrays_are_no_exception[Adam]")
class nothing_is_done_for_a_zero_gradient(reference.Adam):
    def step(self, grads):
        kept = [p.copy() for p in self.params]
        super().step(grads)
        for p, old, g in zip(self.params, kept, grads, strict=True):
            p[g == 0] = old[g == 0]


@mutant("RMSProp", killed_by="test_two_steps_of_rmsprop", kind="a factor of the batch, the classes or two")
class squares_added_in_full(reference.RMSProp):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += g * g
            p -= self.lr * g / (np.sqrt(s) + self.eps)


@mutant("Adam", killed_by="test_two_steps_of_adam", kind="a factor of the batch, the classes or two")
class gradients_added_in_full_to_the_first_moment(reference.Adam):
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
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, weight_decay)
        self.weight_decay = weight_decay / 2


@mutant("AdamW", killed_by="test_two_steps_of_adamw", kind="a parameter read but replaced by a constant")
class always_the_usual_decay(reference.AdamW):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, weight_decay)
        self.weight_decay = 0.01


@mutant("AdamW", killed_by="test_eps_stands_outside_the_root[AdamW]", kind="epsilon in another place")
class adamws_epsilon_inside_the_root(reference.AdamW):
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
    def step(self, grads):
        self.adam.t = 0
        super().step(grads)


@mutant("AdamW", killed_by="test_two_steps_of_adamw", kind="state read but never stored")
class adamws_moments_are_not_kept(reference.AdamW):
    def step(self, grads):
        kept = [v.copy() for v in self.adam.v]
        super().step(grads)
        self.adam.v = kept


@mutant("AdamW", killed_by="test_two_steps_of_adamw", kind="an assignment for +=")
class adamws_first_moment_of_the_last_gradient(reference.AdamW):
    def step(self, grads):
        self.adam.m = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("AdamW", killed_by="test_adamw_is_its_formula", kind="another's gradient")
class adamws_moments_shared_by_arrays_of_a_shape(reference.AdamW):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, weight_decay)
        first = {}
        self.adam.m = [first.setdefault(p.shape, m) for p, m in zip(params, self.adam.m, strict=True)]


@mutant("AdamW", killed_by="test_zeros_and_odd_arrays_are_no_exception[AdamW]",
        kind="two dimensions taken for granted")  # fmt: skip
class adamws_moments_of_rows_and_columns(reference.AdamW):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, weight_decay)
        self.adam.m = [np.zeros(p.shape[:2]) for p in params]


# What was tried with one optimizer, tried with the others, too.


@mutant("AdaGrad", killed_by="test_steps_are_taken_in_place[AdaGrad]")
class adagrad_on_copies(reference.AdaGrad):
    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__([p.copy() for p in params], lr, eps)


@mutant("Adam", killed_by="test_steps_are_taken_in_place[Adam]")
class adam_on_copies(reference.Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__([p.copy() for p in params], lr, betas, eps)


@mutant("AdamW", killed_by="test_steps_are_taken_in_place[AdamW]")
class adamw_on_copies(reference.AdamW):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__([p.copy() for p in params], lr, betas, eps, weight_decay)


@mutant("AdaGrad", killed_by="test_the_arrays_themselves_are_changed[AdaGrad]")
class adagrad_puts_new_arrays_into_the_list(reference.AdaGrad):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for i, (g, s) in enumerate(zip(grads, self.sums, strict=True)):
            s += g * g
            self.params[i] = self.params[i] - self.lr * g / (np.sqrt(s) + self.eps)


@mutant("Adam", killed_by="test_the_arrays_themselves_are_changed[Adam]")
class adam_puts_new_arrays_into_the_list(reference.Adam):
    def step(self, grads):
        arrays = list(self.params)
        self.params[:] = [p.copy() for p in arrays]
        super().step(grads)


@mutant("AdamW", killed_by="test_the_arrays_themselves_are_changed[AdamW]")
class adamw_puts_new_arrays_into_the_list(reference.AdamW):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        self.params[:] = [p * (1 - self.lr * self.weight_decay) for p in self.params]
        self.adam.step(grads)


@mutant("AdaGrad", killed_by="test_the_gradients_are_left_alone[AdaGrad]")
class adagrad_squares_the_gradients_in_place(reference.AdaGrad):
    def step(self, grads):
        super().step(grads)
        for g in grads:
            g *= g


@mutant("RMSProp", killed_by="test_the_gradients_are_left_alone[RMSProp]")
class rmsprop_divides_the_gradients_in_place(reference.RMSProp):
    def step(self, grads):
        super().step(grads)
        for g, s in zip(grads, self.means, strict=True):
            g /= np.sqrt(s) + self.eps


@mutant("AdaGrad", killed_by="test_gradients_that_do_not_fit_are_refused[AdaGrad]")
class adagrad_takes_as_many_gradients_as_there_are(reference.AdaGrad):
    def step(self, grads):
        for p, g, s in zip(self.params, grads, self.sums, strict=False):
            s += g * g
            p -= self.lr * g / (np.sqrt(s) + self.eps)


@mutant("RMSProp", killed_by="test_gradients_that_do_not_fit_are_refused[RMSProp]")
class rmsprop_remembers_a_step_that_was_refused(reference.RMSProp):
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
    shared = {}  # noqa: RUF012 (that is the mistake)

    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__(params, lr, eps)
        self.sums = self.shared.setdefault(tuple(p.shape for p in params), self.sums)


@mutant("AdaGrad", killed_by="test_a_hundred_steps_are_as_right_as_one[AdaGrad]")
class the_sum_ends_after_fifty_steps(reference.AdaGrad):
    steps = 0

    def step(self, grads):
        self.steps += 1
        sums = [s.copy() for s in self.sums]
        super().step(grads)
        if self.steps > 50:
            self.sums = sums


@mutant("RMSProp", killed_by="test_a_hundred_steps_are_as_right_as_one[RMSProp]")
class the_means_begin_anew_after_fifty_steps(reference.RMSProp):
    steps = 0

    def step(self, grads):
        self.steps += 1
        if self.steps % 50 == 0:
            self.means = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("AdaGrad", killed_by="test_impossible_settings_are_refused[AdaGrad]")
class adagrad_takes_any_eps(reference.AdaGrad):
    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__(params, lr, abs(eps))


@mutant("AdamW", killed_by="test_impossible_settings_are_refused[AdamW]")
class any_decay_of_the_weights_will_do(reference.AdamW):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, abs(weight_decay))


@mutant("AdamW", killed_by="test_zeros_and_odd_arrays_are_no_exception[AdamW]")
class some_decay_there_must_be(reference.AdamW):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        if weight_decay == 0:
            raise ValueError("weight_decay is 0")
        super().__init__(params, lr, betas, eps, weight_decay)


@mutant("AdamW", killed_by="test_gradients_that_do_not_fit_are_refused[AdamW]")
class decays_before_a_step_that_is_refused(reference.AdamW):
    def step(self, grads):
        for p in self.params:
            p *= 1 - self.lr * self.weight_decay
        self.adam.step(grads)


@mutant("AdaGrad", killed_by="test_settings_have_the_promised_defaults[AdaGrad]")
class the_eps_of_adam(reference.AdaGrad):
    def __init__(self, params, lr=0.01, eps=1e-8):
        super().__init__(params, lr, eps)


@mutant("Adam", killed_by="test_settings_have_the_promised_defaults[Adam]")
class the_betas_of_another_library(reference.Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.99), eps=1e-8):
        super().__init__(params, lr, betas, eps)


@mutant("RMSProp", killed_by="test_the_size_of_the_gradients_does_not_matter[RMSProp]")
class rmsprop_never_divides_by_less_than_a_little(reference.RMSProp):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / np.maximum(np.sqrt(s) + self.eps, 1e-12)


# ---------------------------------------------------------------------------------------------------------- penalties


@mutant("l1_penalty", killed_by="test_the_sign_of_zero_is_zero", kind="a mask with >= for >")
def the_sign_of_zero_is_one(params, lam):
    value, _ = reference.l1_penalty(params, lam)
    return value, [np.where(w >= 0, lam, -lam) for w in params]


@mutant("l1_penalty", killed_by="test_l1_of_three_weights")
def without_absolute_values(params, lam):
    _, grads = reference.l1_penalty(params, lam)
    return lam * float(sum(w.sum() for w in params)), grads


@mutant("l1_penalty", killed_by="test_l1_is_its_formula", kind="a factor of the batch, the classes or two")
def averaged_over_the_arrays(params, lam):
    value, grads = reference.l1_penalty(params, lam)
    return value / len(params), grads


@mutant("l1_penalty", killed_by="test_a_penalty_leaves_its_arguments_alone[l1_penalty]")
def signs_taken_in_place(params, lam):
    value, grads = reference.l1_penalty(params, lam)
    for w, g in zip(params, grads, strict=True):
        w[...] = np.sign(w)
        w *= lam
        g[...] = w
    return value, grads


@mutant("l2_penalty", killed_by="test_l2_of_three_weights", kind="a factor of the batch, the classes or two")
def gradient_of_the_square_without_its_half(params, lam):
    value, grads = reference.l2_penalty(params, lam)
    return value, [2 * g for g in grads]


@mutant("l2_penalty", killed_by="test_l2_of_three_weights", kind="a factor of the batch, the classes or two")
def value_without_the_half(params, lam):
    value, grads = reference.l2_penalty(params, lam)
    return 2 * value, grads


@mutant("l2_penalty", killed_by="test_l2_is_its_formula", kind="an assignment for +=")
def the_first_array_alone(params, lam):
    value, _ = reference.l2_penalty(params[:1], lam)
    return value, reference.l2_penalty(params, lam)[1]


@mutant("l2_penalty", killed_by="test_negative_strengths_are_refused[l2_penalty]")
def negative_strengths_will_do(params, lam):
    value, grads = reference.l2_penalty(params, abs(lam))
    return (value, grads) if lam >= 0 else (-value, [-g for g in grads])


@mutant("l2_penalty", killed_by="test_a_penalty_leaves_its_arguments_alone[l2_penalty]")
def squares_taken_in_place(params, lam):
    answer = reference.l2_penalty(params, lam)
    for w in params:
        w *= w
    return answer


@mutant("l1_penalty", killed_by="test_negative_strengths_are_refused[l1_penalty]")
def any_strength_will_do(params, lam):
    value, grads = reference.l1_penalty(params, abs(lam))
    return (value, grads) if lam >= 0 else (-value, [-g for g in grads])


@mutant(
    "dropout_forward",
    killed_by="test_dropout_of_a_hundred_numbers",
    kind="scale, shift or rescaling forgotten in one mode",
)
def not_rescaled(x, keep_prob, rng, *, training):
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    return (y * keep_prob, cache * keep_prob) if training else (y, cache)


@mutant(
    "dropout_forward",
    killed_by="test_dropout_where_it_is_not_training",
    kind="scale, shift or rescaling forgotten in one mode",
)
def rescaled_where_it_is_not_training(x, keep_prob, rng, *, training):
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    return (y * keep_prob, cache * keep_prob)


@mutant("dropout_forward", killed_by="test_dropout_backward_is_the_identity_where_it_is_not_training")
def scaled_back_where_it_is_not_training(x, keep_prob, rng, *, training):
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    return y, cache if training else np.full((), 1 / keep_prob)


@mutant("dropout_forward", killed_by="test_each_mask_belongs_to_its_own_forward")
def one_layer_for_all_calls(
    x, keep_prob, rng, *, training,
    layer=type("Layer", (), {"__array_ufunc__": None, "__rmul__": lambda self, dy: dy * self.mask})(),  # noqa: B008
):  # fmt: skip
    y, layer.mask = reference.dropout_forward(x, keep_prob, rng, training=training)
    return y, layer


@mutant("dropout_forward", killed_by="test_with_keep_prob_one_nothing_is_dropped")
def keep_prob_one_is_refused(x, keep_prob, rng, *, training):
    if keep_prob == 1:
        raise ValueError("nothing would be dropped")
    return reference.dropout_forward(x, keep_prob, rng, training=training)


@mutant("dropout_forward", killed_by="test_dropout_is_the_identity_where_it_is_not_training")
def still_drops_where_it_is_not_training(x, keep_prob, rng, *, training):
    return reference.dropout_forward(x, keep_prob, rng or np.random.default_rng(0), training=True)


@mutant("dropout_forward", killed_by="test_nothing_is_drawn_where_it_is_not_training")
def draws_a_mask_that_it_does_not_use(x, keep_prob, rng, *, training):
    if not training and rng is not None:
        rng.random(x.shape)
    return reference.dropout_forward(x, keep_prob, rng, training=training)


@mutant("dropout_forward", killed_by="test_dropout_keeps_each_entry_with_its_probability")
def keep_prob_taken_for_the_share_that_is_dropped(x, keep_prob, rng, *, training):
    if not training or keep_prob == 1:
        return reference.dropout_forward(x, keep_prob, rng, training=training)
    mask = (rng.random(x.shape) >= keep_prob) / keep_prob
    return x * mask, mask


@mutant("dropout_forward", killed_by="test_dropout_of_a_hundred_numbers")
def divided_by_the_share_that_is_dropped(x, keep_prob, rng, *, training):
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    if not training or keep_prob == 1:
        return y, cache
    factor = keep_prob / (1 - keep_prob)
    return y * factor, cache * factor


@mutant("dropout_forward", killed_by="test_dropout_draws_for_each_entry_by_itself")
def one_mask_for_all_rows(x, keep_prob, rng, *, training):
    if not training or x.ndim < 2 or len(x) == 1:
        return reference.dropout_forward(x, keep_prob, rng, training=training)
    mask = np.broadcast_to((rng.random(x.shape[1:]) < keep_prob) / keep_prob, x.shape).copy()
    return x * mask, mask


@mutant("dropout_forward", killed_by="test_dropout_leaves_its_input_alone")
def dropped_in_place(x, keep_prob, rng, *, training):
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    if training:
        x[...] = y
    return y, cache


@mutant("dropout_forward", killed_by="test_dropout_draws_from_its_rng_alone", kind="a zero or constant draw")
def the_same_mask_in_every_call(x, keep_prob, rng, *, training):
    return reference.dropout_forward(x, keep_prob, np.random.default_rng(7), training=training)


@mutant("dropout_forward", killed_by="test_dropout_draws_from_its_rng_alone")
def from_the_global_generator(x, keep_prob, rng, *, training):
    return reference.dropout_forward(x, keep_prob, np.random, training=training)


@mutant("dropout_forward", killed_by="test_impossible_keep_probs_are_refused")
def keeping_with_probability_zero(x, keep_prob, rng, *, training):
    if keep_prob == 0:
        return np.zeros_like(x), np.zeros_like(x)
    return reference.dropout_forward(x, keep_prob, rng, training=training)


@mutant(
    "dropout_backward",
    killed_by="test_dropout_of_a_hundred_numbers",
    kind="scale, shift or rescaling forgotten in one mode",
)
def mask_without_its_scale(dy, cache):
    return dy * (cache != 0)


@mutant("dropout_backward", killed_by="test_dropout_of_a_hundred_numbers")
def a_new_mask_in_backward(dy, cache):
    if cache.ndim == 0:
        return dy * cache
    return dy * np.random.default_rng(8).permutation(cache.ravel()).reshape(cache.shape)


@mutant("dropout_backward", killed_by="test_dropout_backward_keeps_shapes_and_dy")
def the_mask_applied_in_place(dy, cache):
    dy *= cache
    return dy


@mutant("l1_penalty", killed_by="test_a_penalty_holds_at_its_edges[l1_penalty]", kind="a squeeze")
def slopes_squeezed(params, lam):
    value, grads = reference.l1_penalty(params, lam)
    return value, [np.squeeze(g) for g in grads]


@mutant("l1_penalty", killed_by="test_l1_is_its_formula", kind="two dimensions taken for granted")
def l1_row_by_row(params, lam):
    value = lam * float(sum(np.abs(w[i, :]).sum() for w in params for i in range(len(w))))
    return value, reference.l1_penalty(params, lam)[1]


@mutant("l1_penalty", killed_by="test_l1_of_three_weights", kind="an assignment for +=")
def l1_of_the_last_array_alone(params, lam):
    return reference.l1_penalty(params[-1:], lam)[0], reference.l1_penalty(params, lam)[1]


@mutant("l1_penalty", killed_by="test_l1_of_three_weights", kind="another's gradient")
def the_slopes_of_l2(params, lam):
    return reference.l1_penalty(params, lam)[0], reference.l2_penalty(params, lam)[1]


@mutant("l1_penalty", killed_by="test_l1_of_three_weights", kind="a parameter read but replaced by a constant")
def slopes_of_one(params, lam):
    return reference.l1_penalty(params, lam)[0], [np.sign(w) for w in params]


@mutant("l2_penalty", killed_by="test_a_penalty_holds_at_its_edges[l2_penalty]", kind="a squeeze")
def gradients_squeezed(params, lam):
    value, grads = reference.l2_penalty(params, lam)
    return value, [np.squeeze(g) for g in grads]


@mutant("l2_penalty", killed_by="test_l2_is_its_formula", kind="two dimensions taken for granted")
def l2_by_the_norm_of_matrices(params, lam):
    value = lam / 2 * float(sum(np.linalg.norm(w, "fro") ** 2 for w in params))
    return value, reference.l2_penalty(params, lam)[1]


@mutant("l2_penalty", killed_by="test_l2_of_three_weights", kind="another's gradient")
def the_slopes_of_l1(params, lam):
    return reference.l2_penalty(params, lam)[0], reference.l1_penalty(params, lam)[1]


@mutant("l2_penalty", killed_by="test_l2_of_three_weights", kind="a parameter read but replaced by a constant")
def gradients_without_lam(params, lam):
    return reference.l2_penalty(params, lam)[0], [w.copy() for w in params]


@mutant("dropout_forward", killed_by="test_dropout_takes_arrays_of_any_shape", kind="a squeeze")
def dropped_and_squeezed(x, keep_prob, rng, *, training):
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    return np.squeeze(y), cache


@mutant("dropout_forward", killed_by="test_dropout_takes_arrays_of_any_shape", kind="two dimensions taken for granted")
def a_mask_of_rows_and_columns(x, keep_prob, rng, *, training):
    if not training:
        return reference.dropout_forward(x, keep_prob, rng, training=training)
    rows, columns = x.shape
    mask = (rng.random((rows, columns)) < keep_prob) / keep_prob
    return x * mask, mask


@mutant("dropout_forward", killed_by="test_dropout_of_a_hundred_numbers",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def always_a_half(x, keep_prob, rng, *, training):
    reference.dropout_forward(x, keep_prob, rng, training=False)
    return reference.dropout_forward(x, 0.5 if keep_prob < 1 else 1.0, rng, training=training)


@mutant("dropout_forward", killed_by="test_dropout_keeps_each_entry_with_its_probability",
        kind="a normal draw for a uniform one")  # fmt: skip
def a_normal_number_below_keep_prob(x, keep_prob, rng, *, training):
    if not training or keep_prob == 1:
        return reference.dropout_forward(x, keep_prob, rng, training=training)
    mask = (rng.normal(size=x.shape) < keep_prob) / keep_prob
    return x * mask, mask


@mutant("dropout_forward", killed_by="test_training_drops_hidden_units", kind="batches that share a buffer")
def one_buffer_for_the_masks_of_all_layers(x, keep_prob, rng, *, training, buffers={}):  # noqa: B006
    y, mask = reference.dropout_forward(x, keep_prob, rng, training=training)
    buffer = buffers.setdefault(mask.shape, np.empty_like(mask))
    buffer[...] = mask
    return y, buffer


@mutant("dropout_backward", killed_by="test_dropout_backward_keeps_shapes_and_dy", kind="a squeeze")
def gradient_squeezed(dy, cache):
    return np.squeeze(reference.dropout_backward(dy, cache))


@mutant("dropout_backward", killed_by="test_dropout_backward_keeps_shapes_and_dy",
        kind="two dimensions taken for granted")  # fmt: skip
def a_gradient_of_rows_and_columns(dy, cache):
    rows, columns = dy.shape
    return dy.reshape(rows, columns) * cache


# --------------------------------------------------------------------------------------------------------- batch norm


@mutant(
    "batch_norm_forward", killed_by="test_batch_norm_of_three_numbers", kind="a factor of the batch, the classes or two"
)
def normalized_with_the_unbiased_variance(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    mean, var = (x.mean(axis=0), x.var(axis=0, ddof=1)) if training else (running["mean"], running["var"])
    scale = 1 / np.sqrt(var + eps)
    u = (x - mean) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_running_statistics_of_three_numbers")
def running_variance_biased(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    old = running["var"]
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["var"] = (1 - momentum) * old + momentum * x.var(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_running_statistics_of_three_numbers")
def running_variance_biased_the_other_way(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    old = running["var"]
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["var"] = (1 - momentum) * old + momentum * x.var(axis=0) * (len(x) - 1) / len(x)
    return answer


@mutant("batch_norm_forward", killed_by="test_batch_norm_where_it_is_not_training")
def batch_statistics_where_it_is_not_training(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    scratch = running if training else dict(running)
    return reference.batch_norm_forward(x, gamma, beta, scratch, training=True, momentum=momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_the_running_mean_averages_the_batches")
def momentum_weighs_the_old_statistics(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    return reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=1 - momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_the_handout")
def running_statistics_begin_with_the_first_batch(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    first = training and not np.any(running["mean"])
    return reference.batch_norm_forward(
        x, gamma, beta, running, training=training, momentum=1.0 if first else momentum, eps=eps
    )


@mutant("batch_norm_forward", killed_by="test_running_statistics_stay_where_it_is_not_training")
def running_statistics_move_in_evaluation(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if not training:
        running["mean"] = (1 - momentum) * running["mean"] + momentum * x.mean(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_three_numbers", kind="epsilon in another place")
def epsilon_beside_the_root(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    mean, var = (x.mean(axis=0), x.var(axis=0)) if training else (running["mean"], running["var"])
    scale = 1 / (np.sqrt(var) + eps)
    u = (x - mean) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_batches_are_normalized")
def statistics_of_the_whole_batch_together(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    _, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if not training:
        return gamma * cache[0] + beta, cache
    scale = 1 / np.sqrt(x.var() + eps)
    u = (x - x.mean()) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_far_features_are_normalized_too")
def variance_from_the_mean_of_squares(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    _, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if not training:
        return gamma * cache[0] + beta, cache
    mean = x.mean(axis=0)
    scale = 1 / np.sqrt((x * x).mean(axis=0) - mean * mean + eps)
    u = (x - mean) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_the_forward_pass_leaves_its_arguments_alone")
def centred_in_place(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    x -= x.mean(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_a_batch_of_one_has_no_variance")
def one_example_will_do(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    return reference.batch_norm_forward(
        x, gamma, beta, running, training=training and len(x) > 1, momentum=momentum, eps=eps
    )


@mutant("batch_norm_backward", killed_by="test_batch_norm_backward_of_three_numbers")
def mean_and_variance_taken_for_constants(dy, cache):
    _, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return cache[1] * dy, dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_batch_norm_backward_of_three_numbers")
def variance_taken_for_a_constant(dy, cache):
    _, scale, training = cache
    _, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return scale * (dy - (dbeta / len(dy) if training else 0.0)), dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_batch_norm_backward_of_three_numbers")
def mean_taken_for_a_constant(dy, cache):
    normalized, scale, training = cache
    _, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return scale * (dy - (normalized * dgamma / len(dy) if training else 0.0)), dgamma, dbeta


@mutant(
    "batch_norm_backward",
    killed_by="test_gradients_go_through_mean_and_variance",
    kind="a factor of the batch, the classes or two",
)
def variance_divided_by_one_less(dy, cache):
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
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return dx, dgamma / len(dy), dbeta / len(dy)


@mutant("batch_norm_backward", killed_by="test_running_statistics_are_constants_to_the_gradient")
def evaluation_differentiated_like_training(dy, cache):
    return reference.batch_norm_backward(dy, (cache[0], cache[1], True))


@mutant("batch_norm_backward", killed_by="test_each_cache_belongs_to_its_own_forward")
def scribbling_on_the_cache(dy, cache):
    answer = reference.batch_norm_backward(dy, cache)
    normalized = cache[0]
    normalized *= answer[1] / len(dy)
    return answer


@mutant("batch_norm_backward", killed_by="test_the_backward_pass_leaves_its_arguments_alone")
def upstream_gradient_centred_in_place(dy, cache):
    answer = reference.batch_norm_backward(dy, cache)
    dy -= dy.mean(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_the_running_variance_averages_unbiased_ones",
        kind="epsilon in another place")  # fmt: skip
def epsilon_in_the_running_variance(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["var"] = running["var"] + momentum * eps
    return answer


@mutant("batch_norm_forward", killed_by="test_the_running_variance_averages_unbiased_ones")
def running_variance_a_little_off(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["var"] = running["var"] * (1 + 3e-6)
    return answer


@mutant("batch_norm_forward", killed_by="test_batch_norm_where_it_is_not_training", kind="epsilon in another place")
def no_epsilon_in_evaluation(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    return reference.batch_norm_forward(
        x, gamma, beta, running, training=training, momentum=momentum, eps=eps if training else 0.0
    )


@mutant("batch_norm_forward", killed_by="test_gradients_go_through_mean_and_variance", kind="epsilon in another place")
def no_epsilon_in_the_cache(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
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
    y, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    return y if training else cache[0], cache


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_three_numbers",
        kind="scale, shift or rescaling forgotten in one mode")  # fmt: skip
def beta_forgotten_in_training(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    y, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    return y - beta if training else y, cache


@mutant("batch_norm_forward", killed_by="test_running_statistics_of_three_numbers", kind="state read but never stored")
def running_statistics_computed_and_not_kept(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    return reference.batch_norm_forward(x, gamma, beta, dict(running), training=training, momentum=momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_running_statistics_of_three_numbers", kind="an assignment for +=")
def running_mean_of_the_last_batch_alone(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["mean"] = momentum * x.mean(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_the_running_mean_averages_the_batches",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def always_the_usual_momentum_of_averages(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    return reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=0.1, eps=eps)


@mutant("batch_norm_forward", killed_by="test_batch_norm_has_the_promised_defaults")
def the_default_of_another_library(x, gamma, beta, running, *, training, momentum=0.99, eps=1e-3):
    return reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_batch_norm_keeps_the_promised_shapes", kind="a (1, k) gradient for (k,)")
def running_statistics_keep_an_axis(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        for name in ("mean", "var"):
            running[name] = running[name].reshape(1, -1)
    return answer


@mutant("batch_norm_forward", killed_by="test_one_example_is_evaluated_too", kind="a squeeze")
def normalized_and_squeezed(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    y, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    return np.squeeze(y) if len(y) == 1 else y, cache


@mutant("batch_norm_forward", killed_by="test_batches_are_normalized", kind="height for width, rows for columns")
def statistics_of_each_example(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    _, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if not training:
        return gamma * cache[0] + beta, cache
    scale = 1 / np.sqrt(x.var(axis=1, keepdims=True) + eps)
    u = (x - x.mean(axis=1, keepdims=True)) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_training_goes_through_batch_norm", kind="batches that share a buffer")
def one_buffer_for_the_caches_of_all_layers(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5, buffers={}):  # noqa: B006
    y, (u, scale, training) = reference.batch_norm_forward(
        x, gamma, beta, running, training=training, momentum=momentum, eps=eps
    )
    buffer = buffers.setdefault(u.shape, np.empty_like(u))
    buffer[...] = u
    return y, (buffer, scale, training)


@mutant("batch_norm_forward", killed_by="test_constant_features_become_beta")
def what_does_not_vary_is_left_as_it_is(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    y, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    return np.where(x.var(axis=0) < 1e-12, x, y) if training else y, cache


@mutant("batch_norm_forward", killed_by="test_two_examples_or_one_feature_are_a_batch")
def two_examples_are_too_few(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    if training and len(x) < 3:
        raise ValueError("too few examples")
    return reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_momentum_may_be_zero_or_one")
def a_momentum_of_zero_is_the_default(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    return reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum or 0.1, eps=eps)


@mutant("batch_norm_backward", killed_by="test_batch_norm_keeps_the_promised_shapes", kind="a (1, k) gradient for (k,)")
def gradients_keep_the_axis_of_the_batch(dy, cache):
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return dx, dgamma[None], dbeta[None]


@mutant("batch_norm_backward", killed_by="test_batch_norm_keeps_the_promised_shapes", kind="a squeeze")
def a_single_feature_squeezed(dy, cache):
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return np.squeeze(dx), dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_running_statistics_are_constants_to_the_gradient",
        kind="scale, shift or rescaling forgotten in one mode")  # fmt: skip
def evaluation_passed_through_unscaled(dy, cache):
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return dx if cache[2] else dy.copy(), dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_gradients_of_gamma_and_beta_are_sums", kind="an assignment for +=")
def gradients_of_the_last_example_alone(dy, cache):
    dx, _, _ = reference.batch_norm_backward(dy, cache)
    return dx, (dy * cache[0])[-1], dy[-1].copy()


@mutant("batch_norm_backward", killed_by="test_gradients_of_gamma_and_beta_are_sums", kind="another's gradient")
def gamma_and_beta_exchanged(dy, cache):
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return dx, dbeta, dgamma


@mutant("batch_norm_backward", killed_by="test_gradients_of_gamma_and_beta_are_sums",
        kind="height for width, rows for columns")  # fmt: skip
def summed_over_the_features(dy, cache):
    dx, _, _ = reference.batch_norm_backward(dy, cache)
    return dx, (dy * cache[0]).sum(axis=1), dy.sum(axis=1)


# ----------------------------------------------------------------------------------------------------------- training


@mutant("train", killed_by="test_training_penalizes_the_weights_alone[l1_penalty-lambda1]")
def penalties_forgotten(x, y, model, optimizer, settings, **options):
    return reference.train(x, y, model, optimizer, settings, **{**options, "lambda1": 0.0, "lambda2": 0.0})


@mutant("train", killed_by="test_training_penalizes_the_weights_alone[l1_penalty-lambda1]", kind="another's gradient")
def one_penalty_for_the_other(x, y, model, optimizer, settings, *, lambda1=0.0, lambda2=0.0, **options):
    return reference.train(x, y, model, optimizer, settings, lambda1=lambda2, lambda2=lambda1, **options)


@mutant("train", killed_by="test_training_penalizes_the_weights_alone[l2_penalty-lambda2]")
def biases_penalized_too(x, y, model, optimizer, settings, *, lambda1=0.0, lambda2=0.0, **options):
    class Everywhere(optimizer):
        def step(self, grads):
            extra = [(lambda1 * np.sign(p) + lambda2 * p) * (p.ndim == 1) for p in self.params]
            super().step([g + more for g, more in zip(grads, extra, strict=True)])

    return reference.train(x, y, model, Everywhere, settings, lambda1=lambda1, lambda2=lambda2, **options)


@mutant(
    "train", killed_by="test_training_takes_the_optimizers_steps[SGD]", kind="a factor of the batch, the classes or two"
)
def gradient_summed_over_the_batch(x, y, model, optimizer, settings, *, batch_size, **options):
    class Summed(optimizer):
        def step(self, grads):
            super().step([g * min(batch_size, len(x)) for g in grads])

    return reference.train(x, y, model, Summed, settings, batch_size=batch_size, **options)


@mutant("train", killed_by="test_training_takes_the_optimizers_steps[Adam]")
def always_plain_gradient_descent(x, y, model, optimizer, settings, **options):
    return reference.train(x, y, model, reference.SGD, {"lr": settings.get("lr", 0.01)}, **options)


@mutant("train", killed_by="test_trained_running_statistics_are_returned", kind="state read but never stored")
def running_statistics_left_behind(x, y, model, optimizer, settings, **options):
    trained = reference.train(x, y, model, optimizer, settings, **options)
    for norm, old in zip(trained["norms"], model["norms"], strict=True):
        norm["running"] = {name: array.copy() for name, array in old["running"].items()}
    return trained


@mutant("train", killed_by="test_training_takes_the_optimizers_steps[Adam]", kind="state read but never stored")
def a_new_optimizer_in_every_epoch(x, y, model, optimizer, settings, *, epochs, log=None, **options):
    for epoch in range(1, epochs + 1):
        heard = {}
        model = reference.train(x, y, model, optimizer, settings, epochs=1, log=heard.update, **options)
        if log is not None:
            log(**{**heard, "epoch": epoch})
    return reference.copied(model)


@mutant("train", killed_by="test_each_epoch_is_a_new_order_of_all_examples", kind="an order never or once drawn")
def every_epoch_in_the_order_of_the_first(x, y, model, optimizer, settings, *, rng, **options):
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
    class Careless:
        def permutation(self, n):
            return rng.integers(0, n, n)

        def __getattr__(self, name):
            return getattr(rng, name)

    return reference.train(x, y, model, optimizer, settings, rng=Careless(), **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples", kind="labels or order mixed up")
def labels_shuffled_apart(x, y, model, optimizer, settings, *, rng, **options):
    return reference.train(x, rng.permutation(y), model, optimizer, settings, rng=rng, **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples")
def last_batch_left_out_for_being_small(x, y, model, optimizer, settings, *, batch_size, **options):
    count = len(x) - len(x) % batch_size if len(x) > batch_size else len(x)
    return reference.train(x[:count], y[:count], model, optimizer, settings, batch_size=batch_size, **options)


@mutant("train", killed_by="test_log_hears_no_penalties")
def log_hears_the_penalties_too(x, y, model, optimizer, settings, *, lambda1=0.0, lambda2=0.0, log=None, **options):
    def penalized(epoch, loss, accuracy, model):
        weights = [w for w, _ in model["layers"]]
        more = reference.l1_penalty(weights, lambda1)[0] + reference.l2_penalty(weights, lambda2)[0]
        log(epoch=epoch, loss=loss + more, accuracy=accuracy, model=model)

    return reference.train(
        x, y, model, optimizer, settings, lambda1=lambda1, lambda2=lambda2, log=log and penalized, **options
    )


@mutant("train", killed_by="test_log_hears_the_loss_fall")
def epochs_counted_from_zero(x, y, model, optimizer, settings, *, log=None, **options):
    def earlier(epoch, **more):
        log(epoch=epoch - 1, **more)

    return reference.train(x, y, model, optimizer, settings, log=log and earlier, **options)


@mutant("train", killed_by="test_log_sees_the_model_of_the_moment")
def log_sees_the_model_of_the_beginning(x, y, model, optimizer, settings, *, log=None, **options):
    def stale(**heard):
        log(**{**heard, "model": model})

    return reference.train(x, y, model, optimizer, settings, log=log and stale, **options)


@mutant("train", killed_by="test_log_hears_the_mean_loss_of_an_example")
def log_averages_the_batches(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
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
    trained = reference.train(x, y, model, optimizer, settings, **options)
    for old, new in zip(reference.parameters(model), reference.parameters(trained), strict=True):
        old[...] = new
    return trained


@mutant("train", killed_by="test_train_leaves_its_arguments_alone")
def takes_the_learning_rate_out_of_the_settings(x, y, model, optimizer, settings, **options):
    lr = settings.pop("lr")
    return reference.train(x, y, model, optimizer, {"lr": lr, **settings}, **options)


@mutant("train", killed_by="test_training_drops_hidden_units")
def dropout_forgotten(x, y, model, optimizer, settings, *, keep_prob=1.0, **options):
    return reference.train(x, y, model, optimizer, settings, keep_prob=1.0, **options)


@mutant("train", killed_by="test_training_drops_hidden_units", kind="a zero or constant draw")
def a_generator_of_its_own(x, y, model, optimizer, settings, *, rng, **options):
    return reference.train(x, y, model, optimizer, settings, rng=np.random.default_rng(0), **options)


@mutant("train", killed_by="test_the_network_reads_letters[SGD]")
def on_the_first_hundred_examples(x, y, model, optimizer, settings, **options):
    return reference.train(x[:100], y[:100], model, optimizer, settings, **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples", kind="each batch drawn anew")
def each_batch_drawn_from_all_examples(
    x, y, model, optimizer, settings, *, epochs, batch_size, rng, keep_prob=1.0, lambda1=0.0, lambda2=0.0, log=None
):
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
    def first(epoch, **more):
        log(epoch=1, **more)

    return reference.train(x, y, model, optimizer, settings, log=log and first, **options)


@mutant("train", killed_by="test_an_epoch_is_a_partition_of_the_examples",
        kind="a parameter read but replaced by a constant")  # fmt: skip
def always_batches_of_thirty_two(x, y, model, optimizer, settings, *, batch_size, **options):
    return reference.train(x, y, model, optimizer, settings, batch_size=32, **options)


@mutant("train", killed_by="test_no_epochs_are_no_training")
def one_epoch_at_least(x, y, model, optimizer, settings, *, epochs, **options):
    return reference.train(x, y, model, optimizer, settings, epochs=max(1, epochs), **options)


@mutant("train", killed_by="test_training_goes_through_batch_norm")
def gammas_penalized_too(x, y, model, optimizer, settings, *, lambda2=0.0, **options):
    count = 2 * len(model["layers"])

    class Everywhere(optimizer):
        def step(self, grads):
            extra = [lambda2 * p if i >= count and i % 2 == 0 else 0.0 for i, p in enumerate(self.params)]
            super().step([g + more for g, more in zip(grads, extra, strict=True)])

    return reference.train(x, y, model, Everywhere, settings, lambda2=lambda2, **options)
