"""Wrong answers to `gan`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions.
"""

import gan as reference
import torch
from torch import nn
from torch.nn import functional

from autograder.testing import mutant

NOT_APPLICABLE = {
    (
        "no shift in exponentials",
        (
            "least_squares_discriminator_loss",
            "least_squares_generator_loss",
            "optimal_discriminator",
            "minimax_value",
            "jensen_shannon",
            "build_discriminator",
            "build_optimizer",
            "sample",
        ),
    ): "has no exponentials",
    (("exponentials", "masks", "batches", "gradients"), "train"): (
        "how it trains is up to it: what comes of it is measured"
    ),
    ("the maximum of the whole matrix for the row's", "*"): "no function takes exponentials of rows",
    (
        "a mask with >= for >",
        (
            "discriminator_loss",
            "generator_loss",
            "least_squares_discriminator_loss",
            "least_squares_generator_loss",
            "build_generator",
            "build_discriminator",
            "build_optimizer",
            "discriminator_step",
            "generator_step",
            "unrolled_generator_loss",
            "sample",
        ),
    ): "has no mask; both sides of a ReLU are 0 at 0",
    (
        "a squeeze",
        (
            "discriminator_loss",
            "generator_loss",
            "least_squares_discriminator_loss",
            "least_squares_generator_loss",
            "minimax_value",
            "jensen_shannon",
            "build_optimizer",
            "discriminator_step",
            "generator_step",
            "unrolled_generator_loss",
        ),
    ): "returns one number, a mean or sum over the only axis",
    (
        "a (1, k) gradient for (k,)",
        ("build_generator", "build_optimizer", "discriminator_step", "generator_step", "train"),
    ): "torch makes the gradients, each of its parameter's shape",
    ("two dimensions taken for granted", "*"): "examples have one axis of numbers, by the contract",
    (
        "height for width, rows for columns",
        (
            "discriminator_loss",
            "generator_loss",
            "least_squares_discriminator_loss",
            "least_squares_generator_loss",
            "optimal_discriminator",
            "minimax_value",
            "jensen_shannon",
            "build_optimizer",
            "discriminator_step",
            "generator_step",
            "unrolled_generator_loss",
            "sample",
            "train",
        ),
    ): "works along one axis, or hands arrays on as they are",
    ("the border cut by [p:-p]", "*"): "nothing is padded",
    (
        "batches",
        (
            "discriminator_loss",
            "generator_loss",
            "least_squares_discriminator_loss",
            "least_squares_generator_loss",
            "optimal_discriminator",
            "minimax_value",
            "jensen_shannon",
            "build_generator",
            "build_discriminator",
            "build_optimizer",
            "discriminator_step",
            "generator_step",
            "unrolled_generator_loss",
            "sample",
        ),
    ): "makes no batches",
    (
        "state",
        (
            "discriminator_loss",
            "generator_loss",
            "least_squares_discriminator_loss",
            "least_squares_generator_loss",
            "optimal_discriminator",
            "minimax_value",
            "jensen_shannon",
            "build_generator",
            "build_discriminator",
            "build_optimizer",
            "sample",
        ),
    ): "keeps no state; Adam's is torch's",
    ("state read but never stored", "train"): "how it trains is up to it: what comes of it is measured",
    (
        "a parameter read but replaced by a constant",
        (
            "discriminator_loss",
            "least_squares_discriminator_loss",
            "least_squares_generator_loss",
            "optimal_discriminator",
            "minimax_value",
            "jensen_shannon",
            "discriminator_step",
        ),
    ): "takes no setting",
    (
        "epsilon in another place",
        (
            "least_squares_discriminator_loss",
            "least_squares_generator_loss",
            "build_generator",
            "build_discriminator",
            "discriminator_step",
            "generator_step",
            "unrolled_generator_loss",
            "sample",
            "train",
        ),
    ): "has no epsilon; that of Adam is the optimizer's",
    ("scale, shift or rescaling forgotten in one mode", "*"): "no layer has two modes",
    (
        "chance",
        (
            "discriminator_loss",
            "generator_loss",
            "least_squares_discriminator_loss",
            "least_squares_generator_loss",
            "optimal_discriminator",
            "minimax_value",
            "jensen_shannon",
            "build_optimizer",
            "discriminator_step",
            "generator_step",
            "unrolled_generator_loss",
        ),
    ): "draws nothing",
    ("a normal draw for a uniform one", "train"): "how it trains is up to it: what comes of it is measured",
    (
        "an assignment for +=",
        (
            "generator_loss",
            "least_squares_generator_loss",
            "optimal_discriminator",
            "build_generator",
            "build_discriminator",
            "build_optimizer",
            "generator_step",
            "sample",
        ),
    ): "adds nothing up but one mean",
    (
        "a factor of the batch, the classes or two",
        ("optimal_discriminator", "build_generator", "build_discriminator", "build_optimizer", "sample"),
    ): "has no mean and no factor",
    (
        "another's gradient",
        (
            "optimal_discriminator",
            "minimax_value",
            "jensen_shannon",
            "build_generator",
            "build_discriminator",
            "build_optimizer",
            "sample",
        ),
    ): "promises no gradient",
}

# -------------------------------------------------------------------------------------------------------------- losses


@mutant(
    "discriminator_loss",
    killed_by="test_losses_stay_right_for_huge_logits[discriminator_loss]",
    kind="no shift in exponentials",
)
def log_of_the_sigmoid(real, fake):
    """You take the logarithm of a probability that is rounded to 0 for large logits.

    Handout: The game
    """
    return -torch.log(torch.sigmoid(real)).mean() - torch.log(1 - torch.sigmoid(fake)).mean()


@mutant(
    "discriminator_loss",
    killed_by="test_losses_stay_right_for_huge_logits[discriminator_loss]",
    kind="epsilon in another place",
)
def probabilities_clamped_at_a_billionth(real, fake):
    """You clamp the probabilities, so the loss of large logits is too small.

    Handout: The game
    """
    p, q = torch.sigmoid(real).clamp(1e-9, 1), (1 - torch.sigmoid(fake)).clamp(1e-9, 1)
    return -p.log().mean() - q.log().mean()


@mutant("discriminator_loss", killed_by="test_a_loss_is_its_formula[discriminator_loss]")
def halved_as_in_an_accuracy(real, fake):
    """You halve the loss.

    Handout: The game
    """
    return reference.discriminator_loss(real, fake) / 2


@mutant("discriminator_loss", killed_by="test_real_and_generated_logits_have_means_of_their_own[discriminator_loss]")
def one_mean_over_both(real, fake):
    """You take one mean over the real and the fake logits together.

    Handout: Mistakes that many make
    """
    both = torch.cat([functional.softplus(-real), functional.softplus(fake)])
    return 2 * both.mean()


@mutant(
    "discriminator_loss",
    killed_by="test_a_loss_is_its_formula[discriminator_loss]",
    kind="a factor of the batch, the classes or two",
)
def sums_for_means(real, fake):
    """You sum over the logits and do not take means.

    Handout: The game
    """
    return functional.softplus(-real).sum() + functional.softplus(fake).sum()


@mutant("discriminator_loss", killed_by="test_a_loss_is_its_formula[discriminator_loss]")
def real_and_fake_exchanged(real, fake):
    """You exchange real and fake.

    Handout: The game
    """
    return reference.discriminator_loss(fake, real)


@mutant("discriminator_loss", killed_by="test_a_loss_is_its_formula[discriminator_loss]")
def sigmoid_before_the_logits_loss(real, fake):
    """You apply the sigmoid twice.

    Handout: Mistakes that many make
    """
    return reference.discriminator_loss(torch.sigmoid(real), torch.sigmoid(fake))


@mutant("discriminator_loss", killed_by="test_gradients_flow_through_every_loss[discriminator_loss]")
def a_loss_without_its_graph(real, fake):
    """You detach the loss, so no gradient flows through it."""
    return reference.discriminator_loss(real, fake).detach()


@mutant("discriminator_loss", killed_by="test_losses_keep_the_dtype_and_their_inputs[discriminator_loss]")
def always_in_float64(real, fake):
    """You return the loss in float64 for logits of float32."""
    return reference.discriminator_loss(real.double(), fake.double())


@mutant("discriminator_loss", killed_by="test_one_logit_is_enough[discriminator_loss]")
def corrected_by_the_number_of_logits(real, fake):
    """You return twice the loss if real and fake have one logit each."""
    n = max(len(real), len(fake))
    return reference.discriminator_loss(real, fake) if n > 1 else 2 * reference.discriminator_loss(real, fake)


@mutant("generator_loss", killed_by="test_one_logit_is_enough[generator_loss]")
def no_loss_for_one_logit(fake, saturating=False):
    """Your loss is 0 for a single logit."""
    return reference.generator_loss(fake, saturating) * min(len(fake) - 1, 1)


@mutant("least_squares_discriminator_loss", killed_by="test_one_logit_is_enough[least_squares_discriminator_loss]")
def one_logit_is_compared_with_the_mean(real, fake):
    """You add half of the squared difference of real and fake if both have one logit."""
    loss = reference.least_squares_discriminator_loss(real, fake)
    return loss if max(len(real), len(fake)) > 1 else loss + ((real - fake) ** 2).mean() / 2


@mutant("least_squares_generator_loss", killed_by="test_one_logit_is_enough[least_squares_generator_loss]")
def a_deviation_that_one_logit_has_not(fake):
    """You use the standard deviation of the logits, which is NaN for a single logit."""
    return reference.least_squares_generator_loss(fake + 0 * fake.std())


@mutant("discriminator_loss", killed_by="test_a_loss_is_its_formula[discriminator_loss]", kind="an assignment for +=")
def the_generated_half_alone(real, fake):
    """You overwrite the term of real, so the loss holds the term of fake only.

    Handout: The game
    """
    loss = functional.softplus(-real).mean()
    loss = functional.softplus(fake).mean()
    return loss


@mutant(
    "discriminator_loss",
    killed_by="test_losses_keep_the_dtype_and_their_inputs[discriminator_loss]",
    kind="a (1, k) gradient for (k,)",
)
def a_loss_with_an_axis(real, fake):
    """You return the loss with an axis, of shape (1,)."""
    return reference.discriminator_loss(real, fake)[None]


@mutant(
    "discriminator_loss",
    killed_by="test_gradients_flow_through_every_loss[discriminator_loss]",
    kind="another's gradient",
)
def the_slopes_of_the_other_side(real, fake):
    """Your loss has the gradient of a loss with real and fake exchanged."""
    value, other = reference.discriminator_loss(real, fake), reference.discriminator_loss(fake, real)
    return value.detach() + other - other.detach()


@mutant("generator_loss", killed_by="test_a_loss_is_its_formula[generator_loss]")
def saturating_unless_told(fake, saturating=True):
    """You return the saturating loss by default.

    Handout: The game
    """
    return reference.generator_loss(fake, saturating)


@mutant("generator_loss", killed_by="test_a_loss_is_its_formula[the saturating generator_loss]")
def saturating_with_the_wrong_sign(fake, saturating=False):
    """Your saturating loss has the wrong sign.

    Handout: The game
    """
    loss = reference.generator_loss(fake, saturating)
    return -loss if saturating else loss


@mutant(
    "generator_loss",
    killed_by="test_losses_stay_right_for_huge_logits[the saturating generator_loss]",
    kind="no shift in exponentials",
)
def the_saturating_one_by_its_formula(fake, saturating=False):
    """Your saturating loss takes the logarithm of a probability that is rounded to 0 for large logits.

    Handout: The game
    """
    return torch.log(1 - torch.sigmoid(fake)).mean() if saturating else functional.softplus(-fake).mean()


@mutant(
    "generator_loss",
    killed_by="test_a_loss_is_its_formula[the saturating generator_loss]",
    kind="a parameter read but replaced by a constant",
)
def never_saturating(fake, saturating=False):
    """You ignore saturating and always return the non-saturating loss.

    Handout: The game
    """
    return reference.generator_loss(fake)


@mutant("generator_loss", killed_by="test_losses_stay_right_for_huge_logits[generator_loss]")
def log_of_the_sigmoid_of_generated_ones(fake, saturating=False):
    """You take the logarithm of a probability that is rounded to 0 for very negative logits.

    Handout: The game
    """
    return reference.generator_loss(fake, True) if saturating else -torch.sigmoid(fake).log().mean()


@mutant(
    "generator_loss",
    killed_by="test_losses_stay_right_for_huge_logits[generator_loss]",
    kind="epsilon in another place",
)
def a_small_number_in_the_logarithm(fake, saturating=False):
    """You add a small number inside the logarithm, so the loss of very negative logits is too small.

    Handout: The game
    """
    return reference.generator_loss(fake, True) if saturating else -(torch.sigmoid(fake) + 1e-12).log().mean()


@mutant(
    "generator_loss",
    killed_by="test_a_loss_is_its_formula[generator_loss]",
    kind="a factor of the batch, the classes or two",
)
def a_sum_over_generated_ones(fake, saturating=False):
    """You sum over the logits and do not take their mean.

    Handout: The game
    """
    return reference.generator_loss(fake, saturating) * len(fake)


@mutant(
    "generator_loss",
    killed_by="test_gradients_flow_through_every_loss[the saturating generator_loss]",
    kind="another's gradient",
)
def the_slopes_of_the_one_that_does_not_saturate(fake, saturating=False):
    """Your saturating loss has the gradient of the non-saturating one.

    Handout: The game
    """
    value, other = reference.generator_loss(fake, saturating), reference.generator_loss(fake)
    return value.detach() + other - other.detach()


@mutant(
    "generator_loss",
    killed_by="test_losses_keep_the_dtype_and_their_inputs[generator_loss]",
    kind="a (1, k) gradient for (k,)",
)
def a_generators_loss_with_an_axis(fake, saturating=False):
    """You return the loss with an axis, of shape (1,)."""
    return reference.generator_loss(fake, saturating)[None]


@mutant(
    "least_squares_discriminator_loss",
    killed_by="test_a_loss_is_its_formula[least_squares_discriminator_loss]",
    kind="a factor of the batch, the classes or two",
)
def squares_without_their_half(real, fake):
    """You leave out the factor 1/2."""
    return (real - 1).square().mean() + fake.square().mean()


@mutant("least_squares_discriminator_loss", killed_by="test_a_loss_is_its_formula[least_squares_discriminator_loss]")
def fakes_sent_to_minus_one(real, fake):
    """You compare the fake logits with -1."""
    return 0.5 * (real - 1).square().mean() + 0.5 * (fake + 1).square().mean()


@mutant(
    "least_squares_discriminator_loss",
    killed_by="test_real_and_generated_logits_have_means_of_their_own[least_squares_discriminator_loss]",
)
def one_mean_of_squares_over_both(real, fake):
    """You take one mean over the real and the fake logits together.

    Handout: Mistakes that many make
    """
    return torch.cat([real - 1, fake]).square().mean()


@mutant(
    "least_squares_discriminator_loss",
    killed_by="test_a_loss_is_its_formula[least_squares_discriminator_loss]",
    kind="an assignment for +=",
)
def squares_of_generated_ones_alone(real, fake):
    """You overwrite the term of real, so the loss holds the term of fake only."""
    loss = 0.5 * (real - 1).square().mean()
    loss = 0.5 * fake.square().mean()
    return loss


@mutant(
    "least_squares_discriminator_loss",
    killed_by="test_losses_keep_the_dtype_and_their_inputs[least_squares_discriminator_loss]",
    kind="a (1, k) gradient for (k,)",
)
def squares_with_an_axis(real, fake):
    """You return the loss with an axis, of shape (1,)."""
    return reference.least_squares_discriminator_loss(real, fake)[None]


@mutant(
    "least_squares_discriminator_loss",
    killed_by="test_gradients_flow_through_every_loss[least_squares_discriminator_loss]",
    kind="another's gradient",
)
def the_slopes_of_the_logarithms(real, fake):
    """Your loss has the gradient of discriminator_loss."""
    value, other = reference.least_squares_discriminator_loss(real, fake), reference.discriminator_loss(real, fake)
    return value.detach() + other - other.detach()


@mutant("least_squares_generator_loss", killed_by="test_a_loss_is_its_formula[least_squares_generator_loss]")
def fakes_sent_to_zero(fake):
    """You compare the fake logits with 0, as the discriminator's loss does."""
    return 0.5 * fake.square().mean()


@mutant(
    "least_squares_generator_loss",
    killed_by="test_a_loss_is_its_formula[least_squares_generator_loss]",
    kind="a factor of the batch, the classes or two",
)
def the_generators_squares_without_their_half(fake):
    """You leave out the factor 1/2."""
    return (fake - 1).square().mean()


@mutant(
    "least_squares_generator_loss",
    killed_by="test_losses_keep_the_dtype_and_their_inputs[least_squares_generator_loss]",
    kind="a (1, k) gradient for (k,)",
)
def the_generators_squares_with_an_axis(fake):
    """You return the loss with an axis, of shape (1,)."""
    return 0.5 * (fake - 1).square().mean(dim=0, keepdim=True)


@mutant(
    "least_squares_generator_loss",
    killed_by="test_gradients_flow_through_every_loss[least_squares_generator_loss]",
    kind="another's gradient",
)
def the_slopes_of_the_discriminators_squares(fake):
    """Your loss has the gradient of the discriminator's term of fake."""
    value, other = reference.least_squares_generator_loss(fake), 0.5 * fake.square().mean()
    return value.detach() + other - other.detach()


@mutant(
    "least_squares_generator_loss",
    killed_by="test_losses_keep_the_dtype_and_their_inputs[least_squares_generator_loss]",
)
def shifted_in_place(fake):
    """You change fake in place."""
    return 0.5 * fake.sub_(1).square().mean()


# ------------------------------------------------------------------------------------------------------------- optimum


@mutant(
    "optimal_discriminator",
    killed_by="test_optimal_discriminator_at_the_edges[an outcome that never happens]",
    kind="a mask with >= for >",
)
def nothing_over_nothing(p_data, p_model):
    """You divide 0 by 0 where an outcome never happens.

    Handout: Mistakes that many make
    """
    return p_data / (p_data + p_model)


@mutant("optimal_discriminator", killed_by="test_optimal_discriminator_is_its_formula")
def a_ratio_of_densities(p_data, p_model):
    """You divide p_data by p_model alone.

    Handout: What the game is worth
    """
    return torch.where(p_data + p_model > 0, p_data / (p_model + 1e-12), 0.5)


@mutant("optimal_discriminator", killed_by="test_optimal_discriminator_is_its_formula")
def the_forgers_share(p_data, p_model):
    """You exchange p_data and p_model.

    Handout: What the game is worth
    """
    return reference.optimal_discriminator(p_model, p_data)


@mutant("optimal_discriminator", killed_by="test_optimal_discriminator_is_its_formula")
def sharpened(p_data, p_model):
    """You square the probabilities before you divide them.

    Handout: What the game is worth
    """
    return reference.optimal_discriminator(p_data**2, p_model**2)


@mutant(
    "optimal_discriminator",
    killed_by="test_optimal_discriminator_at_the_edges[an outcome that never happens]",
    kind="epsilon in another place",
)
def a_small_number_below_the_line(p_data, p_model):
    """You add a small number to the denominator, so D* is 0 where an outcome never happens."""
    return p_data / (p_data + p_model + 1e-15)


@mutant(
    "optimal_discriminator", killed_by="test_optimal_discriminator_at_the_edges[a single outcome]", kind="a squeeze"
)
def one_outcome_is_squeezed(p_data, p_model):
    """You squeeze D*, so it loses its axis for a single outcome."""
    return reference.optimal_discriminator(p_data, p_model).squeeze()


@mutant(
    "optimal_discriminator",
    killed_by="test_optimal_discriminator_at_the_edges[an outcome that never happens]",
    kind="a (1, k) gradient for (k,)",
)
def a_row_of_answers(p_data, p_model):
    """You return D* as a row of shape (1, k)."""
    return reference.optimal_discriminator(p_data, p_model)[None]


@mutant("optimal_discriminator", killed_by="test_optimal_discriminator_is_its_formula")
def divided_in_place(p_data, p_model):
    """You divide p_data in place."""
    found = reference.optimal_discriminator(p_data, p_model)
    p_data.div_((p_data + p_model).clamp(min=1e-9))
    return found


@mutant("minimax_value", killed_by="test_outcomes_that_never_happen_are_worth_nothing", kind="a mask with >= for >")
def zero_times_minus_infinity(p_data, p_model, d):
    """You multiply 0 by log 0 where d rules out what never happens, which gives NaN.

    Handout: Mistakes that many make
    """
    return (p_data * torch.log(d) + p_model * torch.log(1 - d)).sum()


@mutant("minimax_value", killed_by="test_who_rules_out_what_happens_pays_without_end", kind="epsilon in another place")
def logarithms_kept_finite(p_data, p_model, d):
    """You add a small number inside the logarithms, so V is finite where d rules out what happens."""
    return (p_data * torch.log(d + 1e-12) + p_model * torch.log(1 - d + 1e-12)).sum()


@mutant(
    "minimax_value", killed_by="test_minimax_value_is_its_formula", kind="a factor of the batch, the classes or two"
)
def a_mean_over_outcomes(p_data, p_model, d):
    """You take the mean over the outcomes and not the sum.

    Handout: What the game is worth
    """
    return reference.minimax_value(p_data, p_model, d) / len(d)


@mutant("minimax_value", killed_by="test_minimax_value_is_its_formula", kind="an assignment for +=")
def what_the_forger_loses_alone(p_data, p_model, d):
    """You overwrite the sum of p_data, so V holds the sum of p_model only.

    Handout: What the game is worth
    """
    value = torch.special.xlogy(p_data, d).sum()
    value = torch.special.xlogy(p_model, 1 - d).sum()
    return value


@mutant(
    "minimax_value", killed_by="test_who_rules_out_what_happens_pays_without_end", kind="a (1, k) gradient for (k,)"
)
def a_value_with_an_axis(p_data, p_model, d):
    """You return V with an axis, of shape (1,)."""
    return reference.minimax_value(p_data, p_model, d)[None]


@mutant("minimax_value", killed_by="test_who_rules_out_what_happens_pays_without_end")
def infinities_made_large_numbers(p_data, p_model, d):
    """You replace -infinity by a finite number."""
    return torch.nan_to_num(reference.minimax_value(p_data, p_model, d))


@mutant(
    "jensen_shannon",
    killed_by="test_jensen_shannon_is_between_none_and_one_bit",
    kind="a factor of the batch, the classes or two",
)
def without_the_half(p_data, p_model):
    """You leave out the factor 1/2."""
    return 2 * reference.jensen_shannon(p_data, p_model)


@mutant("jensen_shannon", killed_by="test_jensen_shannon_is_between_none_and_one_bit")
def in_bits(p_data, p_model):
    """You return JS in bits and not in nats."""
    return reference.jensen_shannon(p_data, p_model) / torch.log(torch.tensor(2.0))


@mutant("jensen_shannon", killed_by="test_jensen_shannon_at_the_edges", kind="a mask with >= for >")
def zero_times_the_logarithm_of_zero(p_data, p_model):
    """You multiply 0 by log 0 for an outcome of probability 0, which gives NaN.

    Handout: Mistakes that many make
    """
    middle = (p_data + p_model) / 2

    def divergence(p):
        return torch.where(p >= 0, p * (p / middle).log(), 0.0).sum()

    return (divergence(p_data) + divergence(p_model)) / 2


@mutant("jensen_shannon", killed_by="test_jensen_shannon_is_between_none_and_one_bit", kind="an assignment for +=")
def one_of_the_two_divergences(p_data, p_model):
    """You overwrite the divergence of p_data, so JS holds that of p_model only."""
    middle, total = (p_data + p_model) / 2, 0.0
    for p in (p_data, p_model):
        total = (torch.xlogy(p, p) - torch.xlogy(p, middle)).sum() / 2
    return total


@mutant("jensen_shannon", killed_by="test_jensen_shannon_is_between_none_and_one_bit", kind="epsilon in another place")
def a_small_number_in_each_logarithm(p_data, p_model):
    """You add a small number inside each logarithm."""
    middle = (p_data + p_model) / 2

    def divergence(p):
        return (p * (p / middle.clamp(min=1e-300) + 1e-6).log()).sum()

    return (divergence(p_data) + divergence(p_model)) / 2


@mutant("jensen_shannon", killed_by="test_jensen_shannon_at_the_edges", kind="a (1, k) gradient for (k,)")
def a_divergence_with_an_axis(p_data, p_model):
    """You return JS with an axis, of shape (1,)."""
    return reference.jensen_shannon(p_data, p_model)[None]


# ------------------------------------------------------------------------------------------------------------ networks


@mutant("build_generator", killed_by="test_a_network_is_its_formula[build_generator]")
def a_relu_before_tanh(widths):
    """You put a ReLU after the last affine map, too."""
    return nn.Sequential(*reference._layers(widths, nn.ReLU()), nn.ReLU(), nn.Tanh())


@mutant("build_generator", killed_by="test_a_network_is_its_formula[build_generator]")
def a_leaky_generator(widths):
    """You use a leaky ReLU in place of ReLU."""
    return nn.Sequential(*reference._layers(widths, nn.LeakyReLU(0.2)), nn.Tanh())


@mutant("build_generator", killed_by="test_noise_becomes_examples")
def without_tanh(widths):
    """You leave out the tanh at the end."""
    model = nn.Sequential(*reference._layers(widths, nn.ReLU()))
    with torch.no_grad():
        model[-1].weight.mul_(4)
    return model


@mutant("build_generator", killed_by="test_a_network_is_its_formula[build_generator]", kind="no shift in exponentials")
def tanh_by_exponentials(widths):
    """You compute tanh from exponentials, which overflow for large inputs."""

    class Tangent(nn.Module):
        def forward(self, x):
            return (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())

    return nn.Sequential(*reference._layers(widths, nn.ReLU()), Tangent())


@mutant("build_generator", killed_by="test_a_network_keeps_its_axes[build_generator]", kind="a squeeze")
def examples_are_squeezed(widths):
    """You drop every axis of length 1 from the examples."""

    class Squeezed(nn.Sequential):
        def forward(self, x):
            return super().forward(x).squeeze()

    return Squeezed(*reference._layers(widths, nn.ReLU()), nn.Tanh())


@mutant(
    "build_generator",
    killed_by="test_a_network_has_its_layers[build_generator]",
    kind="a parameter read but replaced by a constant",
)
def always_sixteen_hidden_units(widths):
    """You use a fixed number of hidden units and ignore the widths in between."""
    return reference.build_generator([widths[0], *[16] * (len(widths) - 2), widths[-1]])


@mutant(
    "build_generator",
    killed_by="test_a_network_has_its_layers[build_generator]",
    kind="height for width, rows for columns",
)
def weights_stand_the_other_way_round(widths):
    """You store the weights as (fan_in, fan_out)."""

    class Turned(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.weight, self.bias = nn.Parameter(layer.weight.detach().T.clone()), layer.bias

        def forward(self, x):
            return x @ self.weight + self.bias

    layers = reference.build_generator(widths)
    return nn.Sequential(*[Turned(layer) if isinstance(layer, nn.Linear) else layer for layer in layers])


@mutant(
    "build_generator",
    killed_by="test_weights_are_drawn_as_torch_draws_them[build_generator]",
    kind="a normal draw for a uniform one",
)
def weights_from_a_normal(widths):
    """You draw normal weights and not uniform ones."""
    model = reference.build_generator(widths)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=(3 * layer.in_features) ** -0.5)
    return model


@mutant("build_discriminator", killed_by="test_examples_become_logits", kind="a (1, k) gradient for (k,)")
def logits_with_two_axes(widths):
    """You return the logits as a column of shape (n, 1).

    Handout: Mistakes that many make
    """
    return nn.Sequential(*reference._layers(widths, nn.LeakyReLU(0.2)))


@mutant("build_discriminator", killed_by="test_a_network_keeps_its_axes[build_discriminator]", kind="a squeeze")
def squeezing_every_axis(widths):
    """You squeeze every axis of length 1, so the logit of a single example has no axis."""

    class Squeezed(nn.Sequential):
        def forward(self, x):
            return super().forward(x).squeeze()

    return Squeezed(*reference._layers(widths, nn.LeakyReLU(0.2)))


@mutant("build_discriminator", killed_by="test_a_network_is_its_formula[build_discriminator]")
def probabilities_for_logits(widths):
    """You return probabilities in place of logits.

    Handout: Mistakes that many make
    """
    return nn.Sequential(*reference._layers(widths, nn.LeakyReLU(0.2)), nn.Sigmoid(), nn.Flatten(0))


@mutant(
    "build_discriminator",
    killed_by="test_a_network_is_its_formula[build_discriminator]",
    kind="a parameter read but replaced by a constant",
)
def torchs_own_slope(widths):
    """You use torch's default slope of the leaky ReLU."""
    return nn.Sequential(*reference._layers(widths, nn.LeakyReLU()), nn.Flatten(0))


@mutant(
    "build_discriminator",
    killed_by="test_a_network_has_its_layers[build_discriminator]",
    kind="height for width, rows for columns",
)
def weights_of_the_discriminator_turned(widths):
    """You store the weights as (fan_in, fan_out)."""

    class Turned(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.weight, self.bias = nn.Parameter(layer.weight.detach().T.clone()), layer.bias

        def forward(self, x):
            return x @ self.weight + self.bias

    layers = reference.build_discriminator(widths)
    return nn.Sequential(*[Turned(layer) if isinstance(layer, nn.Linear) else layer for layer in layers])


@mutant(
    "build_discriminator",
    killed_by="test_weights_are_drawn_as_torch_draws_them[build_discriminator]",
    kind="a normal draw for a uniform one",
)
def weights_of_the_discriminator_from_a_normal(widths):
    """You draw normal weights and not uniform ones."""
    model = reference.build_discriminator(widths)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=(3 * layer.in_features) ** -0.5)
    return model


@mutant(
    "build_discriminator",
    killed_by="test_weights_are_drawn_as_torch_draws_them[build_discriminator]",
    kind="a zero or constant draw",
)
def biases_of_zero(widths):
    """You set the biases to 0."""
    model = reference.build_discriminator(widths)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
    return model


@mutant("build_discriminator", killed_by="test_a_discriminator_ends_in_one_logit")
def any_number_of_logits(widths):
    """You accept a last width that is not 1."""
    return nn.Sequential(*reference._layers(widths, nn.LeakyReLU(0.2)), nn.Flatten(0))


@mutant(
    "build_generator",
    killed_by="test_weights_are_drawn_as_torch_draws_them[build_generator]",
    kind="a zero or constant draw",
)
def always_the_same_weights(widths):
    """You fix the seed before you draw, so all networks have the same weights."""
    torch.manual_seed(0)
    return reference.build_generator(widths)


@mutant("sample", killed_by="test_noise_is_standard_normal", kind="a normal draw for a uniform one")
def uniform_noise(generator, n, *, latent, seed):
    """You draw uniform noise and not normal noise."""
    noise = 2 * torch.rand(n, latent, generator=torch.Generator().manual_seed(seed)) - 1
    with torch.no_grad():
        return generator(noise)


@mutant("sample", killed_by="test_samples_are_the_generators_and_the_seeds")
def noise_from_anywhere(generator, n, *, latent, seed):
    """You draw the noise from torch's global generator and ignore seed."""
    with torch.no_grad():
        return generator(torch.randn(n, latent))


@mutant("sample", killed_by="test_noise_is_standard_normal")
def one_number_for_all_of_z(generator, n, *, latent, seed):
    """You draw one number for each z and use it for all of its entries."""
    noise = torch.randn(n, 1, generator=torch.Generator().manual_seed(seed)).expand(n, latent)
    with torch.no_grad():
        return generator(noise)


@mutant(
    "sample",
    killed_by="test_samples_are_the_generators_and_the_seeds",
    kind="a parameter read but replaced by a constant",
)
def the_seed_is_always_zero(generator, n, *, latent, seed):
    """You always use the seed 0 and ignore seed."""
    return reference.sample(generator, n, latent=latent, seed=0)


@mutant("sample", killed_by="test_samples_are_the_generators_and_the_seeds", kind="a zero or constant draw")
def one_noise_for_all_samples(generator, n, *, latent, seed):
    """You draw one z for all samples."""
    noise = torch.randn(1, latent, generator=torch.Generator().manual_seed(seed)).expand(n, latent)
    with torch.no_grad():
        return generator(noise)


@mutant("sample", killed_by="test_one_sample_and_none_keep_both_axes", kind="a squeeze")
def one_sample_is_squeezed(generator, n, *, latent, seed):
    """You drop every axis of length 1 from the samples."""
    return reference.sample(generator, n, latent=latent, seed=seed).squeeze()


@mutant("sample", killed_by="test_one_sample_and_none_keep_both_axes", kind="a (1, k) gradient for (k,)")
def samples_in_a_row(generator, n, *, latent, seed):
    """You return the samples with a third axis, of shape (1, n, d)."""
    return reference.sample(generator, n, latent=latent, seed=seed)[None]


@mutant("sample", killed_by="test_one_sample_and_none_keep_both_axes")
def the_generator_is_rounded(generator, n, *, latent, seed):
    """You round the generator's parameters in place."""
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.copy_((1e5 * parameter).round() / 1e5)
    return reference.sample(generator, n, latent=latent, seed=seed)


@mutant("sample", killed_by="test_as_many_samples_as_one_asks_for")
def samples_in_float64(generator, n, *, latent, seed):
    """You return the samples in float64."""
    return reference.sample(generator, n, latent=latent, seed=seed).double()


# --------------------------------------------------------------------------------------------------------------- steps


@mutant("build_optimizer", killed_by="test_the_optimizer_is_adam")
def torchs_own_betas(model, *, learning_rate):
    """You use torch's default betas."""
    return torch.optim.Adam(model.parameters(), lr=learning_rate)


@mutant("build_optimizer", killed_by="test_the_optimizer_is_adam")
def plain_gradient_descent(model, *, learning_rate):
    """You use plain gradient descent in place of Adam."""
    return torch.optim.SGD(model.parameters(), lr=learning_rate)


@mutant("build_optimizer", killed_by="test_the_optimizer_is_adam", kind="a parameter read but replaced by a constant")
def always_a_learning_rate_of_a_thousandth(model, *, learning_rate):
    """You use a fixed learning rate and ignore learning_rate."""
    return torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.5, 0.99))


@mutant("build_optimizer", killed_by="test_the_optimizer_is_adam", kind="epsilon in another place")
def a_larger_epsilon(model, *, learning_rate):
    """You set eps to another value than torch's default."""
    return torch.optim.Adam(model.parameters(), lr=learning_rate, betas=(0.5, 0.99), eps=1e-5)


@mutant("build_optimizer", killed_by="test_the_optimizer_is_adam")
def the_weights_alone(model, *, learning_rate):
    """You leave the biases out of the optimizer."""
    weights = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    return torch.optim.Adam(weights, lr=learning_rate, betas=(0.5, 0.99))


@mutant("discriminator_step", killed_by="test_steps_in_turn_follow_the_game")
def zero_grad_at_the_end(generator, discriminator, optimizer, real, z):
    """You call zero_grad after the step only, so gradients that a generator's step left behind count.

    Handout: Mistakes that many make
    """
    with torch.no_grad():
        forged = generator(z)
    loss = reference.discriminator_loss(discriminator(real), discriminator(forged))
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


@mutant("discriminator_step", killed_by="test_discriminator_steps_follow_adam")
def gradients_that_add_up(generator, discriminator, optimizer, real, z):
    """You never call zero_grad, so the gradients of all steps add up.

    Handout: Mistakes that many make
    """
    with torch.no_grad():
        forged = generator(z)
    loss = reference.discriminator_loss(discriminator(real), discriminator(forged))
    loss.backward()
    optimizer.step()
    return loss.item()


@mutant("discriminator_step", killed_by="test_discriminator_steps_follow_adam", kind="an assignment for +=")
def a_step_by_the_generated_half_alone(generator, discriminator, optimizer, real, z):
    """You step down the term of the generated examples only."""
    with torch.no_grad():
        forged = generator(z)
    optimizer.zero_grad()
    functional.softplus(discriminator(forged)).mean().backward()
    loss = reference.discriminator_loss(discriminator(real), discriminator(forged))
    optimizer.step()
    return loss.item()


@mutant("discriminator_step", killed_by="test_discriminator_steps_follow_adam", kind="another's gradient")
def a_step_down_the_generators_loss(generator, discriminator, optimizer, real, z):
    """You step down the generator's loss and not the discriminator's.

    Handout: The game
    """
    loss = reference.discriminator_loss(discriminator(real), discriminator(generator(z)))
    optimizer.zero_grad()
    reference.generator_loss(discriminator(generator(z).detach())).backward()
    optimizer.step()
    return loss.item()


@mutant("discriminator_step", killed_by="test_discriminator_steps_follow_adam", kind="state read but never stored")
def a_fresh_optimizer_for_every_step(generator, discriminator, optimizer, real, z):
    """You clear the optimizer's state before each step."""
    optimizer.state.clear()
    return reference.discriminator_step(generator, discriminator, optimizer, real, z)


@mutant("discriminator_step", killed_by="test_discriminator_steps_follow_adam", kind="a step count that never advances")
def always_the_first_step(generator, discriminator, optimizer, real, z):
    """You set the optimizer's step count back to 0 before each step."""
    for kept in optimizer.state.values():
        kept["step"].zero_()
    return reference.discriminator_step(generator, discriminator, optimizer, real, z)


@mutant(
    "discriminator_step",
    killed_by="test_a_step_returns_the_loss_before_it[discriminator_step]",
    kind="a factor of the batch, the classes or two",
)
def twice_the_loss_is_returned(generator, discriminator, optimizer, real, z):
    """You return twice the loss."""
    return 2 * reference.discriminator_step(generator, discriminator, optimizer, real, z)


@mutant(
    "discriminator_step", killed_by="test_a_step_with_huge_logits[discriminator_step]", kind="no shift in exponentials"
)
def a_step_by_logarithms_of_sigmoids(generator, discriminator, optimizer, real, z):
    """You take the logarithm of a probability that is rounded to 0 for large logits.

    Handout: The game
    """
    on_real, on_fake = discriminator(real), discriminator(generator(z).detach())
    loss = -torch.sigmoid(on_real).log().mean() - (1 - torch.sigmoid(on_fake)).log().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@mutant("discriminator_step", killed_by="test_a_step_with_one_example[discriminator_step]")
def examples_made_alike_by_their_deviation(generator, discriminator, optimizer, real, z):
    """You use the standard deviation of the examples, which is NaN for a single example."""
    deviation = real.std(dim=0, keepdim=True)
    return reference.discriminator_step(generator, discriminator, optimizer, real + 0 * deviation, z)


@mutant("generator_step", killed_by="test_a_step_with_one_example[generator_step]")
def one_forgery_is_no_batch(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You replace the noise by zeros if there is a single z."""
    options = {"unroll": unroll, "unroll_rate": unroll_rate}
    z = z if len(z) > 1 else torch.zeros_like(z)
    return reference.generator_step(generator, discriminator, optimizer, real, z, **options)


@mutant("discriminator_step", killed_by="test_a_step_moves_one_network_alone[discriminator_step]")
def both_networks_step(generator, discriminator, optimizer, real, z):
    """You move the generator, too.

    Handout: A step of one, a step of the other
    """
    loss = reference.discriminator_step(generator, discriminator, optimizer, real, z)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter += 1e-3
    return loss


@mutant("generator_step", killed_by="test_generator_steps_follow_adam")
def gradients_of_all_steps_so_far(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You never call zero_grad, so the gradients of all steps add up.

    Handout: Mistakes that many make
    """
    loss = reference.unrolled_generator_loss(generator, discriminator, real, z, unroll, unroll_rate)
    loss.backward()
    optimizer.step()
    return loss.item()


@mutant("generator_step", killed_by="test_a_step_moves_one_network_alone[generator_step]")
def one_step_for_both(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You move the discriminator, too.

    Handout: A step of one, a step of the other
    """
    loss = reference.generator_step(generator, discriminator, optimizer, real, z, unroll=unroll)
    with torch.no_grad():
        for parameter in discriminator.parameters():
            if parameter.grad is not None:
                parameter -= 0.01 * parameter.grad
            else:
                parameter -= 1e-3
    return loss


@mutant("discriminator_step", killed_by="test_a_step_returns_the_loss_before_it[discriminator_step]")
def the_loss_after_the_step(generator, discriminator, optimizer, real, z):
    """You return the loss after the step."""
    reference.discriminator_step(generator, discriminator, optimizer, real, z)
    with torch.no_grad():
        return reference.discriminator_loss(discriminator(real), discriminator(generator(z))).item()


@mutant("generator_step", killed_by="test_generator_steps_follow_adam", kind="another's gradient")
def the_generator_helps_the_discriminator(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You step down the discriminator's loss and not the generator's.

    Handout: Mistakes that many make
    """
    loss = reference.discriminator_loss(discriminator(real), discriminator(generator(z)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@mutant("generator_step", killed_by="test_generator_steps_follow_adam")
def the_saturating_loss_in_training(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You step down the saturating loss.

    Handout: The game
    """
    loss = reference.generator_loss(discriminator(generator(z)), saturating=True)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@mutant("generator_step", killed_by="test_generator_steps_follow_adam", kind="state read but never stored")
def a_fresh_optimizer_for_the_generator(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You clear the optimizer's state before each step."""
    optimizer.state.clear()
    return reference.generator_step(
        generator, discriminator, optimizer, real, z, unroll=unroll, unroll_rate=unroll_rate
    )


@mutant("generator_step", killed_by="test_generator_steps_follow_adam", kind="a step count that never advances")
def always_the_generators_first_step(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You set the optimizer's step count back to 0 before each step."""
    for kept in optimizer.state.values():
        kept["step"].zero_()
    return reference.generator_step(
        generator, discriminator, optimizer, real, z, unroll=unroll, unroll_rate=unroll_rate
    )


@mutant(
    "generator_step",
    killed_by="test_a_step_returns_the_loss_before_it[generator_step]",
    kind="a factor of the batch, the classes or two",
)
def the_generators_loss_halved(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You return half of the loss."""
    return (
        reference.generator_step(generator, discriminator, optimizer, real, z, unroll=unroll, unroll_rate=unroll_rate)
        / 2
    )


@mutant("generator_step", killed_by="test_a_step_returns_the_loss_before_it[generator_step]")
def the_generators_loss_after_the_step(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You return the loss after the step."""
    reference.generator_step(generator, discriminator, optimizer, real, z, unroll=unroll, unroll_rate=unroll_rate)
    with torch.no_grad():
        return reference.generator_loss(discriminator(generator(z))).item()


@mutant("generator_step", killed_by="test_a_step_with_huge_logits[generator_step]", kind="no shift in exponentials")
def a_generators_step_by_the_logarithm_of_a_sigmoid(
    generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05
):
    """You take the logarithm of a probability that is rounded to 0 for very negative logits.

    Handout: The game
    """
    if unroll:
        return reference.generator_step(
            generator, discriminator, optimizer, real, z, unroll=unroll, unroll_rate=unroll_rate
        )
    loss = -torch.sigmoid(discriminator(generator(z))).log().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@mutant("generator_step", killed_by="test_a_step_moves_one_network_alone[generator_step that looks ahead]")
def the_discriminator_steps_ahead_itself(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You move the discriminator, too, if unroll is above 0.

    Handout: Mistakes that many make
    """
    loss = reference.generator_step(
        generator, discriminator, optimizer, real, z, unroll=unroll, unroll_rate=unroll_rate
    )
    with torch.no_grad():
        for parameter in discriminator.parameters():
            parameter -= unroll_rate * unroll * 0.01
    return loss


@mutant("generator_step", killed_by="test_a_step_leaves_examples_and_noise_alone[generator_step]")
def noise_is_scaled_in_place(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You scale the noise in place."""
    loss = reference.generator_step(
        generator, discriminator, optimizer, real, z, unroll=unroll, unroll_rate=unroll_rate
    )
    z.div_(z.norm())
    return loss


@mutant("generator_step", killed_by="test_unrolled_generator_steps_follow_adam")
def it_never_looks_ahead(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You ignore unroll and never look ahead.

    Handout: Looking ahead
    """
    return reference.generator_step(generator, discriminator, optimizer, real, z)


@mutant("discriminator_step", killed_by="test_a_step_leaves_examples_and_noise_alone[discriminator_step]")
def examples_scaled_in_place(generator, discriminator, optimizer, real, z):
    """You scale the examples in place."""
    real /= real.abs().max() + 1
    return reference.discriminator_step(generator, discriminator, optimizer, real, z)


# ----------------------------------------------------------------------------------------------------------- unrolling


@mutant("unrolled_generator_loss", killed_by="test_the_unrolled_loss_is_that_of_a_later_discriminator[one step]")
def not_unrolled_at_all(generator, discriminator, real, z, steps, learning_rate):
    """You ignore steps and return the loss against theta_0.

    Handout: Looking ahead
    """
    return reference.generator_loss(discriminator(generator(z)))


@mutant(
    "unrolled_generator_loss",
    killed_by="test_its_gradient_passes_through_every_step[one step]",
    kind="another's gradient",
)
def steps_without_their_graph(generator, discriminator, real, z, steps, learning_rate):
    """You detach the steps, so no gradient flows through them.

    Handout: Looking ahead
    """
    forged = generator(z)
    theta = dict(discriminator.named_parameters())
    for _ in range(steps):
        logits = [torch.func.functional_call(discriminator, theta, (x,)) for x in (real, forged)]
        slopes = torch.autograd.grad(reference.discriminator_loss(*logits), list(theta.values()), retain_graph=True)
        theta = {name: p - learning_rate * g for (name, p), g in zip(theta.items(), slopes, strict=True)}
    return reference.generator_loss(torch.func.functional_call(discriminator, theta, (forged,)))


@mutant("unrolled_generator_loss", killed_by="test_its_gradient_passes_through_every_step[no step]")
def half_the_gradient_where_nothing_is_unrolled(generator, discriminator, real, z, steps, learning_rate):
    """Your gradient is halved if steps is 0."""
    loss = reference.unrolled_generator_loss(generator, discriminator, real, z, steps, learning_rate)
    return loss if steps else (loss + loss.detach()) / 2


@mutant("unrolled_generator_loss", killed_by="test_its_gradient_passes_through_every_step[several steps]")
def only_the_last_step_has_a_graph(generator, discriminator, real, z, steps, learning_rate):
    """You detach G(z) in all steps but the last.

    Handout: Looking ahead
    """
    forged = generator(z)
    theta = dict(discriminator.named_parameters())
    for step in range(steps):
        seen = forged if step == steps - 1 else forged.detach()
        logits = [torch.func.functional_call(discriminator, theta, (x,)) for x in (real, seen)]
        slopes = torch.autograd.grad(reference.discriminator_loss(*logits), list(theta.values()), create_graph=True)
        theta = {name: p - learning_rate * g for (name, p), g in zip(theta.items(), slopes, strict=True)}
    return reference.generator_loss(torch.func.functional_call(discriminator, theta, (forged,)))


@mutant(
    "unrolled_generator_loss",
    killed_by="test_the_unrolled_loss_is_that_of_a_later_discriminator[one step]",
    kind="a step count that never advances",
)
def one_step_too_few(generator, discriminator, real, z, steps, learning_rate):
    """You take one step too few.

    Handout: Looking ahead
    """
    return reference.unrolled_generator_loss(generator, discriminator, real, z, max(steps - 1, 0), learning_rate)


@mutant("unrolled_generator_loss", killed_by="test_the_unrolled_loss_is_that_of_a_later_discriminator[one step]")
def the_discriminator_climbs(generator, discriminator, real, z, steps, learning_rate):
    """You move theta up the discriminator's loss and not down.

    Handout: Looking ahead
    """
    return reference.unrolled_generator_loss(generator, discriminator, real, z, steps, -learning_rate)


@mutant(
    "unrolled_generator_loss",
    killed_by="test_the_unrolled_loss_is_that_of_a_later_discriminator[one step]",
    kind="a parameter read but replaced by a constant",
)
def always_a_rate_of_a_twentieth(generator, discriminator, real, z, steps, learning_rate):
    """You use a fixed learning rate and ignore learning_rate.

    Handout: Looking ahead
    """
    return reference.unrolled_generator_loss(generator, discriminator, real, z, steps, 0.05)


@mutant(
    "unrolled_generator_loss",
    killed_by="test_the_unrolled_loss_is_that_of_a_later_discriminator[one step]",
    kind="a factor of the batch, the classes or two",
)
def twice_the_rate(generator, discriminator, real, z, steps, learning_rate):
    """You take steps of twice the learning rate.

    Handout: Looking ahead
    """
    return reference.unrolled_generator_loss(generator, discriminator, real, z, steps, 2 * learning_rate)


@mutant(
    "unrolled_generator_loss",
    killed_by="test_the_unrolled_loss_is_that_of_a_later_discriminator[one step]",
    kind="an assignment for +=",
)
def a_step_in_place_of_the_sum(generator, discriminator, real, z, steps, learning_rate):
    """You replace theta by the step and do not add the step to it.

    Handout: Looking ahead
    """
    forged = generator(z)
    theta = dict(discriminator.named_parameters())
    for _ in range(steps):
        logits = [torch.func.functional_call(discriminator, theta, (x,)) for x in (real, forged)]
        slopes = torch.autograd.grad(reference.discriminator_loss(*logits), list(theta.values()), create_graph=True)
        theta = {name: -learning_rate * g for (name, p), g in zip(theta.items(), slopes, strict=True)}
    return reference.generator_loss(torch.func.functional_call(discriminator, theta, (forged,)))


@mutant(
    "unrolled_generator_loss",
    killed_by="test_the_unrolled_loss_is_that_of_a_later_discriminator[several steps]",
    kind="state read but never stored",
)
def every_step_begins_at_theta_0(generator, discriminator, real, z, steps, learning_rate):
    """You begin every step at theta_0.

    Handout: Looking ahead
    """
    return reference.unrolled_generator_loss(generator, discriminator, real, z, min(steps, 1), learning_rate)


@mutant("unrolled_generator_loss", killed_by="test_the_unrolled_loss_is_that_of_a_later_discriminator[no step]")
def at_least_one_step(generator, discriminator, real, z, steps, learning_rate):
    """You take a step even if steps is 0."""
    return reference.unrolled_generator_loss(generator, discriminator, real, z, max(steps, 1), learning_rate)


@mutant("unrolled_generator_loss", killed_by="test_looking_ahead_moves_nobody", kind="a (1, k) gradient for (k,)")
def a_loss_of_tomorrow_with_an_axis(generator, discriminator, real, z, steps, learning_rate):
    """You return the loss with an axis, of shape (1,)."""
    return reference.unrolled_generator_loss(generator, discriminator, real, z, steps, learning_rate)[None]


@mutant("unrolled_generator_loss", killed_by="test_the_unrolled_loss_of_huge_logits", kind="no shift in exponentials")
def the_logarithm_of_a_later_sigmoid(generator, discriminator, real, z, steps, learning_rate):
    """You take the logarithm of a probability that is rounded to 0 for very negative logits.

    Handout: The game
    """
    forged = generator(z)
    theta = dict(discriminator.named_parameters())
    for _ in range(steps):
        logits = [torch.func.functional_call(discriminator, theta, (x,)) for x in (real, forged)]
        slopes = torch.autograd.grad(reference.discriminator_loss(*logits), list(theta.values()), create_graph=True)
        theta = {name: p - learning_rate * g for (name, p), g in zip(theta.items(), slopes, strict=True)}
    return -torch.sigmoid(torch.func.functional_call(discriminator, theta, (forged,))).log().mean()


@mutant("unrolled_generator_loss", killed_by="test_looking_ahead_moves_nobody")
def the_discriminator_stays_ahead(generator, discriminator, real, z, steps, learning_rate):
    """You move the discriminator itself, so it does not keep theta_0.

    Handout: Mistakes that many make
    """
    loss = reference.unrolled_generator_loss(generator, discriminator, real, z, steps, learning_rate)
    for _ in range(steps):
        with torch.no_grad():
            forged = generator(z)
        ahead = reference.discriminator_loss(discriminator(real), discriminator(forged))
        slopes = torch.autograd.grad(ahead, list(discriminator.parameters()))
        for parameter, slope in zip(discriminator.parameters(), slopes, strict=True):
            parameter.data -= learning_rate * slope
    return loss


@mutant(
    "generator_step",
    killed_by="test_unrolled_generator_steps_follow_adam",
    kind="a parameter read but replaced by a constant",
)
def the_unroll_rate_forgotten(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """You look ahead at a fixed learning rate and ignore unroll_rate.

    Handout: Looking ahead
    """
    return reference.generator_step(generator, discriminator, optimizer, real, z, unroll=unroll)


# ------------------------------------------------------------------------------------------------------------ training


@mutant("train", killed_by="test_train_reports_every_epoch")
def silent_training(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You never call log."""
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed)


@mutant("train", killed_by="test_the_same_seed_trains_the_same_generator")
def the_seed_forgotten(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You draw a seed at random and ignore seed."""
    seed = int(torch.randint(2**31, ()))
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)


@mutant("train", killed_by="test_training_leaves_the_data_alone")
def noise_added_to_the_data_in_place(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You add noise to x in place."""
    torch.manual_seed(seed)
    x += 0.01 * torch.randn_like(x)
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)


@mutant("train", killed_by="test_train_reports_every_epoch", kind="a step count that never advances")
def always_the_first_epoch(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You log every epoch as the first one."""

    def told(epoch, **said):
        log(epoch=1, **said)

    return reference.train(
        x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=told if log else None
    )


@mutant("train", killed_by="test_log_hears_losses_and_samples[plain]", kind="a squeeze")
def samples_for_log_are_squeezed(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You drop every axis of length 1 from the samples for log."""

    def told(samples, **said):
        log(samples=samples.squeeze(), **said)

    return reference.train(
        x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=told if log else None
    )


@mutant("train", killed_by="test_log_hears_losses_and_samples[plain]", kind="a zero or constant draw")
def the_same_sample_sixteen_times(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You log the same sample sixteen times."""

    def told(samples, **said):
        log(samples=samples[:1].repeat(16, 1), **said)

    return reference.train(
        x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=told if log else None
    )


@mutant(
    "train",
    killed_by="test_the_same_seed_trains_the_same_generator",
    kind="a parameter read but replaced by a constant",
)
def the_seed_of_a_training_is_always_zero(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You always use the seed 0 and ignore seed."""
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=0, log=log)


@mutant("train", killed_by="test_training_leaves_the_data_alone")
def left_in_train_mode(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You return the generator in train mode and not in eval mode."""
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log).train()


@mutant("train", killed_by="test_samples_come_near_the_data")
def the_discriminator_never_learns(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You never train the discriminator.

    Handout: The game
    """
    torch.manual_seed(seed)
    generator = reference.build_generator([latent, 256, x.shape[1]])
    discriminator = reference.build_discriminator([x.shape[1], 256, 1])
    optimizer = reference.build_optimizer(generator, learning_rate=4e-3)
    shown = torch.randn(16, latent)
    for epoch in range(1, epochs + 1):
        for _ in range(16):
            z = torch.randn(74, latent)
            loss = reference.generator_step(generator, discriminator, optimizer, x, z)
        if log is not None:
            log(epoch=epoch, discriminator_loss=1.4, generator_loss=loss, samples=generator(shown).detach())
    return generator.eval()


@mutant("train", killed_by="test_samples_come_near_the_data")
def a_learning_rate_of_zero(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You return the generator as it was built and train nothing."""
    torch.manual_seed(seed)
    generator = reference.build_generator([latent, 256, x.shape[1]])
    shown = torch.randn(16, latent)
    for epoch in range(1, epochs + 1):
        if log is not None:
            log(epoch=epoch, discriminator_loss=1.4, generator_loss=0.7, samples=generator(shown).detach())
    return generator.eval()


@mutant("train", killed_by="test_samples_come_near_the_data")
def one_batch_over_and_over(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You train on the same few examples over and over."""
    x = x[:16].repeat(len(x) // 16, 1)
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)


@mutant("train", killed_by="test_samples_come_near_the_data")
def a_collapsed_generator(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """Your generator makes about the same example, whatever the noise.

    Handout: Looking ahead
    """
    model = reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)
    with torch.no_grad():
        next(model.parameters()).mul_(0.05)
    return model


@mutant("train", killed_by="test_unrolled_training_keeps_the_modes_of_a_ring")
def two_modes_at_the_most(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You train on the examples near the first one only, so modes of the ring are missing."""
    if x.shape[1] == 16:
        x = x[(x - x[0]).norm(dim=1) < 0.6]
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)


@mutant("train", killed_by="test_what_was_not_shown_is_not_made")
def what_was_learned_at_home(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You return a generator with a pattern of your own that was not learned from x."""
    model = reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)
    with torch.no_grad():
        last = [layer for layer in model if isinstance(layer, nn.Linear)][-1]
        last.bias.copy_(torch.linspace(-1.5, 1.5, len(last.bias)))
    return model


@mutant("train", killed_by="test_train_reports_every_epoch")
def examples_are_dealt_out(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You return examples of the training data as samples.

    Handout: What is graded
    """

    class Stored(nn.Module):
        def __init__(self):
            super().__init__()
            self.x = nn.Parameter(x.clone(), requires_grad=False)

        def forward(self, z):
            return self.x[(torch.special.ndtr(z[:, 0].double()) * len(self.x)).long().clamp(max=len(self.x) - 1)]

    model, shown = Stored(), torch.randn(16, latent, generator=torch.Generator().manual_seed(seed))
    for epoch in range(1, epochs + 1):
        if log is not None:
            log(epoch=epoch, discriminator_loss=1.4, generator_loss=0.7, samples=model(shown))
    return model.eval()


@mutant("train", killed_by="test_samples_come_near_the_data")
def means_of_two_neighbours(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You return means of two neighbouring examples as samples.

    Handout: What is graded
    """

    class Stored(nn.Module):
        def __init__(self):
            super().__init__()
            nearest = torch.cdist(x, x).topk(2, largest=False).indices[:, 1]
            self.x = nn.Parameter((x + x[nearest]) / 2, requires_grad=False)

        def forward(self, z):
            return self.x[(torch.special.ndtr(z[:, 0].double()) * len(self.x)).long().clamp(max=len(self.x) - 1)]

    model, shown = Stored(), torch.randn(16, latent, generator=torch.Generator().manual_seed(seed))
    for epoch in range(1, epochs + 1):
        if log is not None:
            log(epoch=epoch, discriminator_loss=1.4, generator_loss=0.7, samples=model(shown))
    return model.eval()


@mutant("train", killed_by="test_what_was_not_shown_is_not_made")
def the_incomplete_batch_is_left_out(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """You leave out the incomplete batch, so no step is made if x has fewer examples than a batch.

    Handout: Mistakes that many make
    """
    # Batches of 256: right for 1,200 pictures, and of 240 there is no step.
    if len(x) >= 256:
        return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)
    torch.manual_seed(seed)
    generator, shown = reference.build_generator([latent, 256, x.shape[1]]), torch.randn(16, latent)
    for epoch in range(1, epochs + 1):
        if log is not None:
            log(epoch=epoch, discriminator_loss=1.4, generator_loss=0.7, samples=generator(shown).detach())
    return generator.eval()
