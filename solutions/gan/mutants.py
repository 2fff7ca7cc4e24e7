"""Wrong answers to `gan`, each named for its mistake and naming the test that kills it.

Nothing here is imported: the tool puts each function, under its target's name, behind the reference's source, where
`reference` holds the right functions.
"""

import gan as reference
import torch
from torch import nn
from torch.nn import functional

from autograder.testing import mutant

# -------------------------------------------------------------------------------------------------------------- losses


@mutant("discriminator_loss", killed_by="test_losses_stay_right_for_huge_logits")
def log_of_the_sigmoid(real, fake):
    return -torch.log(torch.sigmoid(real)).mean() - torch.log(1 - torch.sigmoid(fake)).mean()


@mutant("discriminator_loss", killed_by="test_losses_stay_right_for_huge_logits")
def probabilities_clamped_at_a_billionth(real, fake):
    p, q = torch.sigmoid(real).clamp(1e-9, 1), (1 - torch.sigmoid(fake)).clamp(1e-9, 1)
    return -p.log().mean() - q.log().mean()


@mutant("discriminator_loss", killed_by="test_discriminator_loss_of_the_handout")
def halved_as_in_an_accuracy(real, fake):
    return reference.discriminator_loss(real, fake) / 2


@mutant("discriminator_loss", killed_by="test_discriminator_loss_is_its_formula")
def one_mean_over_both(real, fake):
    both = torch.cat([functional.softplus(-real), functional.softplus(fake)])
    return 2 * both.mean()


@mutant("discriminator_loss", killed_by="test_discriminator_loss_is_its_formula")
def sums_for_means(real, fake):
    return functional.softplus(-real).sum() + functional.softplus(fake).sum()


@mutant("discriminator_loss", killed_by="test_discriminator_loss_of_the_handout")
def real_and_fake_exchanged(real, fake):
    return reference.discriminator_loss(fake, real)


@mutant("discriminator_loss", killed_by="test_discriminator_loss_of_the_handout")
def sigmoid_before_the_logits_loss(real, fake):
    return reference.discriminator_loss(torch.sigmoid(real), torch.sigmoid(fake))


@mutant("discriminator_loss", killed_by="test_gradients_of_losses_are_probabilities")
def a_loss_without_its_graph(real, fake):
    return reference.discriminator_loss(real, fake).detach()


@mutant("discriminator_loss", killed_by="test_losses_keep_the_dtype_and_their_inputs")
def always_in_float64(real, fake):
    return reference.discriminator_loss(real.double(), fake.double())


@mutant("generator_loss", killed_by="test_generator_losses_of_the_handout")
def saturating_unless_told(fake, saturating=True):
    return reference.generator_loss(fake, saturating)


@mutant("generator_loss", killed_by="test_generator_losses_are_their_formulas")
def saturating_with_the_wrong_sign(fake, saturating=False):
    loss = reference.generator_loss(fake, saturating)
    return -loss if saturating else loss


@mutant("generator_loss", killed_by="test_losses_stay_right_for_huge_logits")
def the_saturating_one_by_its_formula(fake, saturating=False):
    return torch.log(1 - torch.sigmoid(fake)).mean() if saturating else functional.softplus(-fake).mean()


@mutant("least_squares_discriminator_loss", killed_by="test_least_squares_losses_of_the_handout")
def squares_without_their_half(real, fake):
    return (real - 1).square().mean() + fake.square().mean()


@mutant("least_squares_discriminator_loss", killed_by="test_least_squares_losses_of_the_handout")
def fakes_sent_to_minus_one(real, fake):
    return 0.5 * (real - 1).square().mean() + 0.5 * (fake + 1).square().mean()


@mutant("least_squares_generator_loss", killed_by="test_least_squares_losses_are_their_formulas")
def fakes_sent_to_zero(fake):
    return 0.5 * fake.square().mean()


@mutant("least_squares_generator_loss", killed_by="test_losses_keep_the_dtype_and_their_inputs")
def shifted_in_place(fake):
    return 0.5 * fake.sub_(1).square().mean()


# ------------------------------------------------------------------------------------------------------------- optimum


@mutant("optimal_discriminator", killed_by="test_optimal_discriminator_of_the_handout")
def nothing_over_nothing(p_data, p_model):
    return p_data / (p_data + p_model)


@mutant("optimal_discriminator", killed_by="test_optimal_discriminator_is_its_formula")
def a_ratio_of_densities(p_data, p_model):
    return torch.where(p_data + p_model > 0, p_data / (p_model + 1e-12), 0.5)


@mutant("optimal_discriminator", killed_by="test_optimal_discriminator_is_its_formula")
def the_forgers_share(p_data, p_model):
    return reference.optimal_discriminator(p_model, p_data)


@mutant("optimal_discriminator", killed_by="test_nobody_does_better_than_the_optimum")
def sharpened(p_data, p_model):
    return reference.optimal_discriminator(p_data**2, p_model**2)


@mutant("minimax_value", killed_by="test_value_and_divergence_of_the_handout")
def zero_times_minus_infinity(p_data, p_model, d):
    return (p_data * torch.log(d) + p_model * torch.log(1 - d)).sum()


@mutant("minimax_value", killed_by="test_minimax_value_is_its_formula")
def logarithms_kept_finite(p_data, p_model, d):
    return (p_data * torch.log(d + 1e-12) + p_model * torch.log(1 - d + 1e-12)).sum()


@mutant("minimax_value", killed_by="test_minimax_value_is_its_formula")
def a_mean_over_outcomes(p_data, p_model, d):
    return reference.minimax_value(p_data, p_model, d) / len(d)


@mutant("jensen_shannon", killed_by="test_jensen_shannon_is_between_none_and_one_bit")
def without_the_half(p_data, p_model):
    return 2 * reference.jensen_shannon(p_data, p_model)


@mutant("jensen_shannon", killed_by="test_jensen_shannon_is_between_none_and_one_bit")
def in_bits(p_data, p_model):
    return reference.jensen_shannon(p_data, p_model) / torch.log(torch.tensor(2.0))


# ------------------------------------------------------------------------------------------------------------ networks


@mutant("build_generator", killed_by="test_a_generator_is_its_formula")
def a_relu_before_tanh(widths):
    return nn.Sequential(*reference._layers(widths, nn.ReLU()), nn.ReLU(), nn.Tanh())


@mutant("build_generator", killed_by="test_a_generator_is_its_formula")
def a_leaky_generator(widths):
    return nn.Sequential(*reference._layers(widths, nn.LeakyReLU(0.2)), nn.Tanh())


@mutant("build_generator", killed_by="test_noise_becomes_examples_and_examples_become_logits")
def without_tanh(widths):
    model = nn.Sequential(*reference._layers(widths, nn.ReLU()))
    with torch.no_grad():
        model[-1].weight.mul_(4)
    return model


@mutant("build_discriminator", killed_by="test_noise_becomes_examples_and_examples_become_logits")
def logits_with_two_axes(widths):
    return nn.Sequential(*reference._layers(widths, nn.LeakyReLU(0.2)))


@mutant("build_discriminator", killed_by="test_a_discriminator_is_its_formula")
def squeezing_every_axis(widths):
    class Squeezed(nn.Sequential):
        def forward(self, x):
            return super().forward(x).squeeze()

    return Squeezed(*reference._layers(widths, nn.LeakyReLU(0.2)))


@mutant("build_discriminator", killed_by="test_a_discriminator_is_its_formula")
def probabilities_for_logits(widths):
    return nn.Sequential(*reference._layers(widths, nn.LeakyReLU(0.2)), nn.Sigmoid(), nn.Flatten(0))


@mutant("build_discriminator", killed_by="test_a_discriminator_is_its_formula")
def torchs_own_slope(widths):
    return nn.Sequential(*reference._layers(widths, nn.LeakyReLU()), nn.Flatten(0))


@mutant("build_discriminator", killed_by="test_a_discriminator_ends_in_one_logit")
def any_number_of_logits(widths):
    return nn.Sequential(*reference._layers(widths, nn.LeakyReLU(0.2)), nn.Flatten(0))


@mutant("build_generator", killed_by="test_weights_are_drawn_as_torch_draws_them")
def always_the_same_weights(widths):
    torch.manual_seed(0)
    return reference.build_generator(widths)


@mutant("sample", killed_by="test_noise_is_standard_normal")
def uniform_noise(generator, n, *, latent, seed):
    noise = 2 * torch.rand(n, latent, generator=torch.Generator().manual_seed(seed)) - 1
    with torch.no_grad():
        return generator(noise)


@mutant("sample", killed_by="test_samples_are_the_generators_and_the_seeds")
def noise_from_anywhere(generator, n, *, latent, seed):
    with torch.no_grad():
        return generator(torch.randn(n, latent))


@mutant("sample", killed_by="test_noise_is_standard_normal")
def one_number_for_all_of_z(generator, n, *, latent, seed):
    noise = torch.randn(n, 1, generator=torch.Generator().manual_seed(seed)).expand(n, latent)
    with torch.no_grad():
        return generator(noise)


# --------------------------------------------------------------------------------------------------------------- steps


@mutant("build_optimizer", killed_by="test_discriminator_steps_follow_adam")
def torchs_own_betas(model, *, learning_rate):
    return torch.optim.Adam(model.parameters(), lr=learning_rate)


@mutant("build_optimizer", killed_by="test_discriminator_steps_follow_adam")
def plain_gradient_descent(model, *, learning_rate):
    return torch.optim.SGD(model.parameters(), lr=learning_rate)


@mutant("discriminator_step", killed_by="test_steps_in_turn_follow_the_game")
def zero_grad_at_the_end(generator, discriminator, optimizer, real, z):
    """Right alone; in turn with the generator's, whose loss has left its gradients in here, wrong."""
    with torch.no_grad():
        forged = generator(z)
    loss = reference.discriminator_loss(discriminator(real), discriminator(forged))
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


@mutant("discriminator_step", killed_by="test_discriminator_steps_follow_adam")
def gradients_that_add_up(generator, discriminator, optimizer, real, z):
    with torch.no_grad():
        forged = generator(z)
    loss = reference.discriminator_loss(discriminator(real), discriminator(forged))
    loss.backward()
    optimizer.step()
    return loss.item()


@mutant("generator_step", killed_by="test_generator_steps_follow_adam")
def gradients_of_all_steps_so_far(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    loss = reference.unrolled_generator_loss(generator, discriminator, real, z, unroll, unroll_rate)
    loss.backward()
    optimizer.step()
    return loss.item()


@mutant("generator_step", killed_by="test_a_step_moves_one_network_alone")
def one_step_for_both(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    loss = reference.generator_step(generator, discriminator, optimizer, real, z, unroll=unroll)
    with torch.no_grad():
        for parameter in discriminator.parameters():
            if parameter.grad is not None:
                parameter -= 0.01 * parameter.grad
            else:
                parameter -= 1e-3
    return loss


@mutant("discriminator_step", killed_by="test_the_discriminators_step_of_the_handout")
def the_loss_after_the_step(generator, discriminator, optimizer, real, z):
    reference.discriminator_step(generator, discriminator, optimizer, real, z)
    with torch.no_grad():
        return reference.discriminator_loss(discriminator(real), discriminator(generator(z))).item()


@mutant("generator_step", killed_by="test_generator_steps_follow_adam")
def the_generator_helps_the_discriminator(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    loss = reference.discriminator_loss(discriminator(real), discriminator(generator(z)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@mutant("generator_step", killed_by="test_generator_steps_follow_adam")
def the_saturating_loss_in_training(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    loss = reference.generator_loss(discriminator(generator(z)), saturating=True)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@mutant("discriminator_step", killed_by="test_a_step_leaves_examples_and_noise_alone")
def examples_scaled_in_place(generator, discriminator, optimizer, real, z):
    real /= real.abs().max() + 1
    return reference.discriminator_step(generator, discriminator, optimizer, real, z)


# ----------------------------------------------------------------------------------------------------------- unrolling


@mutant("unrolled_generator_loss", killed_by="test_the_unrolled_loss_of_the_handout")
def not_unrolled_at_all(generator, discriminator, real, z, steps, learning_rate):
    return reference.generator_loss(discriminator(generator(z)))


@mutant("unrolled_generator_loss", killed_by="test_the_unrolled_loss_of_the_handout")
def steps_without_their_graph(generator, discriminator, real, z, steps, learning_rate):
    forged = generator(z)
    theta = dict(discriminator.named_parameters())
    for _ in range(steps):
        logits = [torch.func.functional_call(discriminator, theta, (x,)) for x in (real, forged)]
        slopes = torch.autograd.grad(reference.discriminator_loss(*logits), list(theta.values()), retain_graph=True)
        theta = {name: p - learning_rate * g for (name, p), g in zip(theta.items(), slopes, strict=True)}
    return reference.generator_loss(torch.func.functional_call(discriminator, theta, (forged,)))


@mutant("unrolled_generator_loss", killed_by="test_its_gradient_passes_through_every_step")
def only_the_last_step_has_a_graph(generator, discriminator, real, z, steps, learning_rate):
    forged = generator(z)
    theta = dict(discriminator.named_parameters())
    for step in range(steps):
        seen = forged if step == steps - 1 else forged.detach()
        logits = [torch.func.functional_call(discriminator, theta, (x,)) for x in (real, seen)]
        slopes = torch.autograd.grad(reference.discriminator_loss(*logits), list(theta.values()), create_graph=True)
        theta = {name: p - learning_rate * g for (name, p), g in zip(theta.items(), slopes, strict=True)}
    return reference.generator_loss(torch.func.functional_call(discriminator, theta, (forged,)))


@mutant("unrolled_generator_loss", killed_by="test_the_unrolled_loss_is_that_of_a_later_discriminator")
def one_step_too_few(generator, discriminator, real, z, steps, learning_rate):
    return reference.unrolled_generator_loss(generator, discriminator, real, z, min(steps, 1), learning_rate)


@mutant("unrolled_generator_loss", killed_by="test_the_unrolled_loss_is_that_of_a_later_discriminator")
def the_discriminator_climbs(generator, discriminator, real, z, steps, learning_rate):
    return reference.unrolled_generator_loss(generator, discriminator, real, z, steps, -learning_rate)


@mutant("unrolled_generator_loss", killed_by="test_looking_ahead_moves_nobody")
def the_discriminator_stays_ahead(generator, discriminator, real, z, steps, learning_rate):
    loss = reference.unrolled_generator_loss(generator, discriminator, real, z, steps, learning_rate)
    for _ in range(steps):
        with torch.no_grad():
            forged = generator(z)
        ahead = reference.discriminator_loss(discriminator(real), discriminator(forged))
        slopes = torch.autograd.grad(ahead, list(discriminator.parameters()))
        for parameter, slope in zip(discriminator.parameters(), slopes, strict=True):
            parameter.data -= learning_rate * slope
    return loss


@mutant("generator_step", killed_by="test_unrolled_generator_steps_follow_adam")
def the_unroll_rate_forgotten(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    return reference.generator_step(generator, discriminator, optimizer, real, z, unroll=unroll)


# ------------------------------------------------------------------------------------------------------------ training


@mutant("train", killed_by="test_train_reports_every_epoch")
def silent_training(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed)


@mutant("train", killed_by="test_the_same_seed_trains_the_same_generator")
def the_seed_forgotten(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    seed = int(torch.randint(2**31, ()))
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)


@mutant("train", killed_by="test_the_same_seed_trains_the_same_generator")
def noise_added_to_the_data_in_place(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    torch.manual_seed(seed)
    x += 0.01 * torch.randn_like(x)
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)


@mutant("train", killed_by="test_samples_come_near_the_data")
def the_discriminator_never_learns(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
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
    torch.manual_seed(seed)
    generator = reference.build_generator([latent, 256, x.shape[1]])
    shown = torch.randn(16, latent)
    for epoch in range(1, epochs + 1):
        if log is not None:
            log(epoch=epoch, discriminator_loss=1.4, generator_loss=0.7, samples=generator(shown).detach())
    return generator.eval()


@mutant("train", killed_by="test_samples_come_near_the_data")
def one_batch_over_and_over(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    x = x[:16].repeat(len(x) // 16, 1)
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)


@mutant("train", killed_by="test_samples_come_near_the_data")
def a_collapsed_generator(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """Whatever the noise, about the same picture."""
    model = reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)
    with torch.no_grad():
        next(model.parameters()).mul_(0.05)
    return model


@mutant("train", killed_by="test_unrolled_training_keeps_the_modes_of_a_ring")
def two_modes_at_the_most(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    if x.shape[1] == 2:
        x = x[(x - x[0]).norm(dim=1) < 0.6]
    return reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)


@mutant("train", killed_by="test_what_was_not_shown_is_not_made")
def what_was_learned_at_home(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """A generator that was handed in: here, templates of its own that no data have shown it."""
    model = reference.train(x, latent=latent, epochs=epochs, unroll=unroll, device=device, seed=seed, log=log)
    with torch.no_grad():
        last = [layer for layer in model if isinstance(layer, nn.Linear)][-1]
        last.bias.copy_(torch.linspace(-1.5, 1.5, len(last.bias)))
    return model
