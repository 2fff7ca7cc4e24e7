"""Wrong answers to `optimizers`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function or class, under its target's name, behind the reference's source,
where `reference` holds the right ones.
"""

import numpy as np
import optimizers as reference

from autograder.testing import mutant

# ----------------------------------------------------------------------------------------------------------- momentum


@mutant("SGD", killed_by="test_gradient_descent_of_the_handout")
class uphill(reference.SGD):
    def step(self, grads):
        super().step([-g for g in grads])


@mutant("SGD", killed_by="test_momentum_of_the_handout")
class momentum_without_velocity(reference.SGD):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g in zip(self.params, grads, strict=True):
            p -= self.lr * (1 + self.momentum) * (g + self.weight_decay * p)


@mutant("SGD", killed_by="test_momentum_of_the_handout")
class nesterov_with_the_old_velocity(reference.SGD):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            g = g + self.weight_decay * p
            old = v.copy()
            v *= self.momentum
            v += g
            p -= self.lr * (g + self.momentum * old if self.nesterov else v)


@mutant("SGD", killed_by="test_momentum_of_the_handout")
class velocity_as_a_running_mean(reference.SGD):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            g = g + self.weight_decay * p
            v *= self.momentum
            v += (1 - self.momentum) * g
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant("SGD", killed_by="test_sgd_is_its_formula")
class nesterov_looks_at_the_decayed_gradient_alone(reference.SGD):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            decayed = g + self.weight_decay * p
            v *= self.momentum
            v += decayed
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant("SGD", killed_by="test_weight_decay_of_the_handout")
class weight_decay_left_out(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        self.weight_decay = 0.0


@mutant("SGD", killed_by="test_sgd_is_its_formula")
class weight_decay_beside_the_velocity(reference.SGD):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            v *= self.momentum
            v += g
            p -= self.lr * ((g + self.momentum * v if self.nesterov else v) + self.weight_decay * p)


@mutant("SGD", killed_by="test_sgd_without_momentum_is_plain")
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


@mutant("SGD", killed_by="test_impossible_settings_of_sgd_are_refused")
class any_momentum_will_do(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, min(max(momentum, 0.0), 0.999), nesterov, weight_decay)


@mutant("SGD", killed_by="test_impossible_settings_of_sgd_are_refused")
class any_learning_rate_will_do(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, 1.0, momentum, nesterov, weight_decay)
        self.lr = lr


@mutant("SGD", killed_by="test_two_sgds_share_nothing")
class velocities_belong_to_the_class(reference.SGD):
    shared = {}  # noqa: RUF012 (that is the mistake)

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        shapes = tuple(p.shape for p in params)
        self.velocities = self.shared.setdefault(shapes, self.velocities)


@mutant("SGD", killed_by="test_sgd_is_its_formula")
class one_velocity_for_all_params(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(params, lr, momentum, nesterov, weight_decay)
        first = {}
        self.velocities = [first.setdefault(p.shape, v) for p, v in zip(params, self.velocities, strict=True)]


@mutant("SGD", killed_by="test_steps_are_taken_in_place")
class new_arrays_instead_of_in_place(reference.SGD):
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__([p.copy() for p in params], lr, momentum, nesterov, weight_decay)


@mutant("SGD", killed_by="test_the_arrays_themselves_are_changed")
class other_arrays_in_the_list(reference.SGD):
    def step(self, grads):
        own = [p.copy() for p in self.params]
        super().step(grads)
        for i, old in enumerate(own):
            new = self.params[i].copy()
            self.params[i][...] = old
            self.params[i] = new


@mutant("SGD", killed_by="test_sgd_leaves_the_gradients_alone")
class decay_added_to_the_gradients_in_place(reference.SGD):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g in zip(self.params, grads, strict=True):
            g += self.weight_decay * p
        decay, self.weight_decay = self.weight_decay, 0.0
        super().step(grads)
        self.weight_decay = decay


@mutant("SGD", killed_by="test_sgd_leaves_the_gradients_alone")
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


@mutant("SGD", killed_by="test_sgd_refuses_gradients_that_do_not_fit")
class as_many_gradients_as_there_are(reference.SGD):
    def step(self, grads):
        for p, g, v in zip(self.params, grads, self.velocities, strict=False):
            if g.shape != p.shape:
                raise ValueError("shapes differ")
            g = g + self.weight_decay * p
            v *= self.momentum
            v += g
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant("SGD", killed_by="test_sgd_refuses_gradients_that_do_not_fit")
class half_a_step_before_the_error(reference.SGD):
    def step(self, grads):
        for p, g, v in zip(self.params, grads, self.velocities, strict=True):
            if g.shape != p.shape:
                raise ValueError("shapes differ")
            g = g + self.weight_decay * p
            v *= self.momentum
            v += g
            p -= self.lr * (g + self.momentum * v if self.nesterov else v)


@mutant("effective_learning_rate", killed_by="test_a_steady_gradient_meets_the_effective_rate")
def multiplied_instead_of_divided(lr, momentum):
    reference.effective_learning_rate(lr, momentum)
    return lr * (1 - momentum)


@mutant("effective_learning_rate", killed_by="test_impossible_settings_of_sgd_are_refused")
def effective_for_any_momentum(lr, momentum):
    return lr / (1 - momentum) if momentum != 1 else np.inf


@mutant("weight_decay_factor", killed_by="test_weight_decay_shrinks_weights_where_the_loss_is_flat")
def one_step_an_epoch(lr, lam, n, batch_size):
    return 1 - lr * lam / n


@mutant("weight_decay_factor", killed_by="test_weight_decay_shrinks_weights_where_the_loss_is_flat")
def the_limit_at_once(lr, lam, n, batch_size):
    return float(np.exp(-lr * lam / batch_size))


@mutant("weight_decay_factor", killed_by="test_weight_decay_shrinks_weights_where_the_loss_is_flat")
def last_batch_left_out(lr, lam, n, batch_size):
    return (1 - lr * lam / n) ** max(1, n // batch_size)


# ----------------------------------------------------------------------------------------------------------- adaptive


@mutant("AdaGrad", killed_by="test_adagrad_of_the_handout")
class adagrad_without_memory(reference.AdaGrad):
    def step(self, grads):
        self.sums = [np.zeros_like(p) for p in self.params]
        super().step(grads)


@mutant("AdaGrad", killed_by="test_adagrad_of_the_handout")
class adagrad_with_decay(reference.AdaGrad):
    def step(self, grads):
        for s in self.sums:
            s *= 0.9
        super().step(grads)


@mutant("AdaGrad", killed_by="test_adagrad_is_its_formula")
class adagrads_epsilon_inside_the_root(reference.AdaGrad):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.sums, strict=True):
            s += g * g
            p -= self.lr * g / np.sqrt(s + self.eps)


@mutant("AdaGrad", killed_by="test_adagrad_is_its_formula")
class one_sum_for_each_array(reference.AdaGrad):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.sums, strict=True):
            s += (g * g).mean() if g.size > 1 else g * g
            p -= self.lr * g / (np.sqrt(s) + self.eps)


@mutant("AdaGrad", killed_by="test_the_size_of_the_gradients_does_not_matter")
class adagrad_never_divides_by_less_than_a_little(reference.AdaGrad):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.sums, strict=True):
            s += g * g
            p -= self.lr * g / np.maximum(np.sqrt(s) + self.eps, 1e-30)


@mutant("RMSProp", killed_by="test_rmsprop_of_the_handout")
class rmsprop_without_the_root(reference.RMSProp):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / (s + self.eps)


@mutant("RMSProp", killed_by="test_rmsprop_of_the_handout")
class decay_and_its_complement_exchanged(reference.RMSProp):
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        self.decay = 1 - decay


@mutant("RMSProp", killed_by="test_rmsprop_of_the_handout")
class rmsprop_begins_with_the_first_square(reference.RMSProp):
    def step(self, grads):
        if not hasattr(self, "begun"):
            self.begun = True
            reference._check_shapes(self.params, grads)
            self.means = [g * g for g in grads]
        super().step(grads)


@mutant("RMSProp", killed_by="test_rmsprop_is_its_formula")
class rmsprops_epsilon_inside_the_root(reference.RMSProp):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / np.sqrt(s + self.eps)


@mutant("RMSProp", killed_by="test_the_first_step_shows_the_bias_correction")
class rmsprop_with_bias_correction(reference.RMSProp):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        self.t = getattr(self, "t", 0) + 1
        for p, g, s in zip(self.params, grads, self.means, strict=True):
            s *= self.decay
            s += (1 - self.decay) * g * g
            p -= self.lr * g / (np.sqrt(s / (1 - self.decay**self.t)) + self.eps)


@mutant("RMSProp", killed_by="test_settings_have_the_promised_defaults")
class the_decay_of_another_library(reference.RMSProp):
    def __init__(self, params, lr=0.001, decay=0.99, eps=1e-8):
        super().__init__(params, lr, decay, eps)


@mutant("RMSProp", killed_by="test_impossible_settings_are_refused")
class a_decay_of_one_will_do(reference.RMSProp):
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, 0.5 if decay == 1 else decay, eps)


@mutant("RMSProp", killed_by="test_two_adaptive_optimizers_share_nothing")
class means_belong_to_the_class(reference.RMSProp):
    shared = {}  # noqa: RUF012 (that is the mistake)

    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        super().__init__(params, lr, decay, eps)
        self.means = self.shared.setdefault(tuple(p.shape for p in params), self.means)


@mutant("Adam", killed_by="test_adam_of_the_handout")
class adam_without_bias_correction(reference.Adam):
    def step(self, grads):
        self.t = 10**6  # at which both corrections are 1
        super().step(grads)


@mutant("Adam", killed_by="test_adam_of_the_handout")
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


@mutant("Adam", killed_by="test_adam_of_the_handout")
class step_count_begins_at_two(reference.Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.t = 1


@mutant("Adam", killed_by="test_adam_of_the_handout")
class step_count_is_zero_in_the_first_step(reference.Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.t = -1


@mutant("Adam", killed_by="test_adam_of_the_handout")
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


@mutant("Adam", killed_by="test_adam_is_its_formula")
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


@mutant("Adam", killed_by="test_the_first_step_shows_the_bias_correction")
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


@mutant("Adam", killed_by="test_a_hundred_steps_are_as_right_as_one")
class bias_correction_ends_after_fifty_steps(reference.Adam):
    def step(self, grads):
        if self.t >= 50:
            self.t = 10**6
        super().step(grads)


@mutant("Adam", killed_by="test_the_size_of_the_gradients_does_not_matter")
class gradients_clipped_to_a_unit(reference.Adam):
    def step(self, grads):
        super().step([np.clip(g, -100.0, 100.0) for g in grads])


@mutant("Adam", killed_by="test_two_adaptive_optimizers_share_nothing")
class step_count_belongs_to_the_class(reference.Adam):
    count = [0]  # noqa: RUF012 (that is the mistake)

    def step(self, grads):
        reference._check_shapes(self.params, grads)
        self.count[0] += 1
        self.t = self.count[0] - 1
        super().step(grads)


@mutant("Adam", killed_by="test_impossible_settings_are_refused")
class a_second_beta_of_one_will_do(reference.Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, (betas[0], min(betas[1], 0.999)), eps)


@mutant("Adam", killed_by="test_adaptive_optimizers_are_careful_with_gradients")
class squares_the_gradients_in_place(reference.Adam):
    def step(self, grads):
        super().step(grads)
        for g in grads:
            g *= g


@mutant("Adam", killed_by="test_adaptive_optimizers_are_careful_with_gradients")
class a_refused_step_counts(reference.Adam):
    def step(self, grads):
        try:
            super().step(grads)
        except ValueError:
            self.t += 1
            raise


@mutant("AdamW", killed_by="test_adamw_of_the_handout")
class decay_enters_the_moments(reference.AdamW):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        self.adam.step([g + self.weight_decay * p for p, g in zip(self.params, grads, strict=True)])


@mutant("AdamW", killed_by="test_adamw_of_the_handout")
class decay_without_the_learning_rate(reference.AdamW):
    def step(self, grads):
        reference._check_shapes(self.params, grads)
        for p in self.params:
            p *= 1 - self.weight_decay
        self.adam.step(grads)


@mutant("AdamW", killed_by="test_adamw_of_the_handout")
class decays_after_the_step(reference.AdamW):
    def step(self, grads):
        self.adam.step(grads)
        for p in self.params:
            p *= 1 - self.lr * self.weight_decay


@mutant("AdamW", killed_by="test_decay_of_adamw_is_decoupled")
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


@mutant("AdamW", killed_by="test_settings_have_the_promised_defaults")
class no_decay_by_default(reference.AdamW):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr, betas, eps, weight_decay)


# ---------------------------------------------------------------------------------------------------------- penalties


@mutant("l1_penalty", killed_by="test_penalties_of_the_handout")
def the_sign_of_zero_is_one(params, lam):
    value, _ = reference.l1_penalty(params, lam)
    return value, [np.where(w >= 0, lam, -lam) for w in params]


@mutant("l1_penalty", killed_by="test_penalties_of_the_handout")
def without_absolute_values(params, lam):
    _, grads = reference.l1_penalty(params, lam)
    return lam * float(sum(w.sum() for w in params)), grads


@mutant("l1_penalty", killed_by="test_l1_is_its_formula")
def averaged_over_the_arrays(params, lam):
    value, grads = reference.l1_penalty(params, lam)
    return value / len(params), grads


@mutant("l1_penalty", killed_by="test_l1_is_its_formula")
def signs_taken_in_place(params, lam):
    value, grads = reference.l1_penalty(params, lam)
    for w, g in zip(params, grads, strict=True):
        w[...] = np.sign(w)
        w *= lam
        g[...] = w
    return value, grads


@mutant("l2_penalty", killed_by="test_penalties_of_the_handout")
def gradient_of_the_square_without_its_half(params, lam):
    value, grads = reference.l2_penalty(params, lam)
    return value, [2 * g for g in grads]


@mutant("l2_penalty", killed_by="test_penalties_of_the_handout")
def value_without_the_half(params, lam):
    value, grads = reference.l2_penalty(params, lam)
    return 2 * value, grads


@mutant("l2_penalty", killed_by="test_l2_is_its_formula")
def the_first_array_alone(params, lam):
    value, _ = reference.l2_penalty(params[:1], lam)
    return value, reference.l2_penalty(params, lam)[1]


@mutant("l2_penalty", killed_by="test_impossible_strengths_are_refused")
def negative_strengths_will_do(params, lam):
    value, grads = reference.l2_penalty(params, abs(lam))
    return (value, grads) if lam >= 0 else (-value, [-g for g in grads])


@mutant("dropout_forward", killed_by="test_dropout_of_the_handout")
def not_rescaled(x, keep_prob, rng, *, training):
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    return (y * keep_prob, cache * keep_prob) if training else (y, cache)


@mutant("dropout_forward", killed_by="test_dropout_of_the_handout")
def rescaled_where_it_is_not_training(x, keep_prob, rng, *, training):
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    return (y * keep_prob, cache * keep_prob)


@mutant("dropout_forward", killed_by="test_dropout_is_the_identity_where_it_is_not_training")
def still_drops_where_it_is_not_training(x, keep_prob, rng, *, training):
    return reference.dropout_forward(x, keep_prob, rng or np.random.default_rng(0), training=True)


@mutant("dropout_forward", killed_by="test_dropout_is_the_identity_where_it_is_not_training")
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


@mutant("dropout_forward", killed_by="test_dropout_of_the_handout")
def divided_by_the_share_that_is_dropped(x, keep_prob, rng, *, training):
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    if not training or keep_prob == 1:
        return y, cache
    factor = keep_prob / (1 - keep_prob)
    return y * factor, cache * factor


@mutant("dropout_forward", killed_by="test_dropout_keeps_each_entry_with_its_probability")
def one_mask_for_all_rows(x, keep_prob, rng, *, training):
    if not training or x.ndim < 2 or len(x) == 1:
        return reference.dropout_forward(x, keep_prob, rng, training=training)
    mask = np.broadcast_to((rng.random(x.shape[1:]) < keep_prob) / keep_prob, x.shape).copy()
    return x * mask, mask


@mutant("dropout_forward", killed_by="test_dropout_divides_what_it_keeps")
def dropped_in_place(x, keep_prob, rng, *, training):
    y, cache = reference.dropout_forward(x, keep_prob, rng, training=training)
    if training:
        x[...] = y
    return y, cache


@mutant("dropout_forward", killed_by="test_dropout_draws_from_its_rng_alone")
def the_same_mask_in_every_call(x, keep_prob, rng, *, training):
    return reference.dropout_forward(x, keep_prob, np.random.default_rng(7), training=training)


@mutant("dropout_forward", killed_by="test_dropout_draws_from_its_rng_alone")
def from_the_global_generator(x, keep_prob, rng, *, training):
    return reference.dropout_forward(x, keep_prob, np.random, training=training)


@mutant("dropout_forward", killed_by="test_impossible_strengths_are_refused")
def keeping_with_probability_zero(x, keep_prob, rng, *, training):
    if keep_prob == 0:
        return np.zeros_like(x), np.zeros_like(x)
    return reference.dropout_forward(x, keep_prob, rng, training=training)


@mutant("dropout_backward", killed_by="test_dropout_of_the_handout")
def mask_without_its_scale(dy, cache):
    return dy * (cache != 0)


@mutant("dropout_backward", killed_by="test_dropout_of_the_handout")
def a_new_mask_in_backward(dy, cache):
    if cache.ndim == 0:
        return dy * cache
    return dy * np.random.default_rng(8).permutation(cache.ravel()).reshape(cache.shape)


@mutant("dropout_backward", killed_by="test_dropout_backward_uses_the_mask_of_its_forward")
def the_mask_applied_in_place(dy, cache):
    dy *= cache
    return dy


# --------------------------------------------------------------------------------------------------------- batch norm


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_the_handout")
def normalized_with_the_unbiased_variance(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    mean, var = (x.mean(axis=0), x.var(axis=0, ddof=1)) if training else (running["mean"], running["var"])
    scale = 1 / np.sqrt(var + eps)
    u = (x - mean) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_the_handout")
def running_variance_biased(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    old = running["var"]
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["var"] = (1 - momentum) * old + momentum * x.var(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_the_handout")
def running_variance_biased_the_other_way(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    old = running["var"]
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if training:
        running["var"] = (1 - momentum) * old + momentum * x.var(axis=0) * (len(x) - 1) / len(x)
    return answer


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_the_handout")
def batch_statistics_where_it_is_not_training(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    scratch = running if training else dict(running)
    return reference.batch_norm_forward(x, gamma, beta, scratch, training=True, momentum=momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_running_statistics_average_the_batches")
def momentum_weighs_the_old_statistics(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    return reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=1 - momentum, eps=eps)


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_the_handout")
def running_statistics_begin_with_the_first_batch(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    first = training and not np.any(running["mean"])
    return reference.batch_norm_forward(
        x, gamma, beta, running, training=training, momentum=1.0 if first else momentum, eps=eps
    )


@mutant("batch_norm_forward", killed_by="test_running_statistics_are_used_where_it_is_not_training")
def running_statistics_move_in_evaluation(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if not training:
        running["mean"] = (1 - momentum) * running["mean"] + momentum * x.mean(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_batch_norm_of_the_handout")
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


@mutant("batch_norm_forward", killed_by="test_far_and_constant_features_are_normalized_too")
def variance_from_the_mean_of_squares(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    _, cache = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    if not training:
        return gamma * cache[0] + beta, cache
    mean = x.mean(axis=0)
    scale = 1 / np.sqrt((x * x).mean(axis=0) - mean * mean + eps)
    u = (x - mean) * scale
    return gamma * u + beta, (u, gamma * scale, training)


@mutant("batch_norm_forward", killed_by="test_batch_norm_leaves_its_arguments_alone")
def centred_in_place(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    answer = reference.batch_norm_forward(x, gamma, beta, running, training=training, momentum=momentum, eps=eps)
    x -= x.mean(axis=0)
    return answer


@mutant("batch_norm_forward", killed_by="test_a_batch_of_one_has_no_variance")
def one_example_will_do(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    return reference.batch_norm_forward(
        x, gamma, beta, running, training=training and len(x) > 1, momentum=momentum, eps=eps
    )


@mutant("batch_norm_backward", killed_by="test_batch_norm_backward_of_the_handout")
def mean_and_variance_taken_for_constants(dy, cache):
    _, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return cache[1] * dy, dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_batch_norm_backward_of_the_handout")
def variance_taken_for_a_constant(dy, cache):
    _, scale, training = cache
    _, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return scale * (dy - (dbeta / len(dy) if training else 0.0)), dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_batch_norm_backward_of_the_handout")
def mean_taken_for_a_constant(dy, cache):
    normalized, scale, training = cache
    _, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    return scale * (dy - (normalized * dgamma / len(dy) if training else 0.0)), dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_gradients_go_through_mean_and_variance")
def variance_divided_by_one_less(dy, cache):
    normalized, scale, training = cache
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    n = len(dy)
    if not training:
        return dx, dgamma, dbeta
    return scale * (dy - dbeta / n - normalized * dgamma / (n - 1)), dgamma, dbeta


@mutant("batch_norm_backward", killed_by="test_batch_norm_backward_of_the_handout")
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


@mutant("batch_norm_backward", killed_by="test_batch_norm_leaves_its_arguments_alone")
def upstream_gradient_centred_in_place(dy, cache):
    answer = reference.batch_norm_backward(dy, cache)
    dy -= dy.mean(axis=0)
    return answer


# ----------------------------------------------------------------------------------------------------------- training


@mutant("train", killed_by="test_training_takes_the_optimizers_steps")
def penalties_forgotten(x, y, model, optimizer, settings, **options):
    return reference.train(x, y, model, optimizer, settings, **{**options, "lambda1": 0.0, "lambda2": 0.0})


@mutant("train", killed_by="test_training_takes_the_optimizers_steps")
def one_penalty_for_the_other(x, y, model, optimizer, settings, *, lambda1=0.0, lambda2=0.0, **options):
    return reference.train(x, y, model, optimizer, settings, lambda1=lambda2, lambda2=lambda1, **options)


@mutant("train", killed_by="test_training_takes_the_optimizers_steps")
def biases_penalized_too(x, y, model, optimizer, settings, *, lambda1=0.0, lambda2=0.0, **options):
    class Everywhere(optimizer):
        def step(self, grads):
            extra = [(lambda1 * np.sign(p) + lambda2 * p) * (p.ndim == 1) for p in self.params]
            super().step([g + more for g, more in zip(grads, extra, strict=True)])

    return reference.train(x, y, model, Everywhere, settings, lambda1=lambda1, lambda2=lambda2, **options)


@mutant("train", killed_by="test_training_takes_the_optimizers_steps")
def gradient_summed_over_the_batch(x, y, model, optimizer, settings, *, batch_size, **options):
    class Summed(optimizer):
        def step(self, grads):
            super().step([g * min(batch_size, len(x)) for g in grads])

    return reference.train(x, y, model, Summed, settings, batch_size=batch_size, **options)


@mutant("train", killed_by="test_training_takes_the_optimizers_steps")
def always_plain_gradient_descent(x, y, model, optimizer, settings, **options):
    return reference.train(x, y, model, reference.SGD, {"lr": settings.get("lr", 0.01)}, **options)


@mutant("train", killed_by="test_training_takes_the_optimizers_steps")
def running_statistics_left_behind(x, y, model, optimizer, settings, **options):
    trained = reference.train(x, y, model, optimizer, settings, **options)
    for norm, old in zip(trained["norms"], model["norms"], strict=True):
        norm["running"] = {name: array.copy() for name, array in old["running"].items()}
    return trained


@mutant("train", killed_by="test_each_epoch_is_a_new_order_of_all_examples")
def a_new_optimizer_in_every_epoch(x, y, model, optimizer, settings, *, epochs, log=None, **options):
    for epoch in range(1, epochs + 1):
        heard = {}
        model = reference.train(x, y, model, optimizer, settings, epochs=1, log=heard.update, **options)
        if log is not None:
            log(**{**heard, "epoch": epoch})
    return reference.copied(model)


@mutant("train", killed_by="test_each_epoch_is_a_new_order_of_all_examples")
def every_epoch_in_the_order_of_the_first(x, y, model, optimizer, settings, *, rng, **options):
    class Stuck:
        order = None

        def permutation(self, n):
            self.order = rng.permutation(n) if self.order is None else self.order
            return self.order

        def __getattr__(self, name):
            return getattr(rng, name)

    return reference.train(x, y, model, optimizer, settings, rng=Stuck(), **options)


@mutant("train", killed_by="test_each_epoch_is_a_new_order_of_all_examples")
def examples_drawn_with_replacement(x, y, model, optimizer, settings, *, rng, **options):
    class Careless:
        def permutation(self, n):
            return rng.integers(0, n, n)

        def __getattr__(self, name):
            return getattr(rng, name)

    return reference.train(x, y, model, optimizer, settings, rng=Careless(), **options)


@mutant("train", killed_by="test_training_takes_the_optimizers_steps")
def labels_shuffled_apart(x, y, model, optimizer, settings, *, rng, **options):
    return reference.train(x, rng.permutation(y), model, optimizer, settings, rng=rng, **options)


@mutant("train", killed_by="test_log_hears_means_over_all_examples")
def last_batch_left_out_for_being_small(x, y, model, optimizer, settings, *, batch_size, **options):
    count = len(x) - len(x) % batch_size if len(x) > batch_size else len(x)
    return reference.train(x[:count], y[:count], model, optimizer, settings, batch_size=batch_size, **options)


@mutant("train", killed_by="test_log_hears_means_over_all_examples")
def log_hears_the_penalties_too(x, y, model, optimizer, settings, *, lambda1=0.0, lambda2=0.0, log=None, **options):
    def penalized(epoch, loss, accuracy, model):
        weights = [w for w, _ in model["layers"]]
        more = reference.l1_penalty(weights, lambda1)[0] + reference.l2_penalty(weights, lambda2)[0]
        log(epoch=epoch, loss=loss + more, accuracy=accuracy, model=model)

    return reference.train(
        x, y, model, optimizer, settings, lambda1=lambda1, lambda2=lambda2, log=log and penalized, **options
    )


@mutant("train", killed_by="test_three_clouds_are_told_apart")
def epochs_counted_from_zero(x, y, model, optimizer, settings, *, log=None, **options):
    def earlier(epoch, **more):
        log(epoch=epoch - 1, **more)

    return reference.train(x, y, model, optimizer, settings, log=log and earlier, **options)


@mutant("train", killed_by="test_log_hears_means_over_all_examples")
def log_sees_the_model_of_the_beginning(x, y, model, optimizer, settings, *, log=None, **options):
    def stale(**heard):
        log(**{**heard, "model": model})

    return reference.train(x, y, model, optimizer, settings, log=log and stale, **options)


@mutant("train", killed_by="test_log_hears_means_over_all_examples")
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


@mutant("train", killed_by="test_training_takes_the_optimizers_steps")
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


@mutant("train", killed_by="test_dropout_and_order_come_from_rng")
def dropout_forgotten(x, y, model, optimizer, settings, *, keep_prob=1.0, **options):
    return reference.train(x, y, model, optimizer, settings, keep_prob=1.0, **options)


@mutant("train", killed_by="test_dropout_and_order_come_from_rng")
def a_generator_of_its_own(x, y, model, optimizer, settings, *, rng, **options):
    return reference.train(x, y, model, optimizer, settings, rng=np.random.default_rng(0), **options)


@mutant("train", killed_by="test_the_network_reads_letters")
def on_the_first_hundred_examples(x, y, model, optimizer, settings, **options):
    return reference.train(x[:100], y[:100], model, optimizer, settings, **options)
