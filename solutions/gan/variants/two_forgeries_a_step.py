"""Right, with a discriminator that makes two steps for each of the generator's, and losses from their definitions."""

import itertools

import torch
from torch import nn
from torch.nn.functional import logsigmoid


def discriminator_loss(real, fake):
    return -(logsigmoid(real).sum() / real.numel() + logsigmoid(-fake).sum() / fake.numel())


def generator_loss(fake, saturating=False):
    return logsigmoid(-fake).mean() if saturating else logsigmoid(fake).mean().neg()


def least_squares_discriminator_loss(real, fake):
    return (real - 1).pow(2).mean().div(2) + fake.pow(2).mean().div(2)


def least_squares_generator_loss(fake):
    return (fake - 1).pow(2).mean().div(2)


def optimal_discriminator(p_data, p_model):
    answers = [float(p / (p + q)) if p + q > 0 else 0.5 for p, q in zip(p_data, p_model, strict=True)]
    return torch.tensor(answers, dtype=p_data.dtype)


def minimax_value(p_data, p_model, d):
    return torch.xlogy(p_data, d).sum() + torch.xlogy(p_model, 1 - d).sum()


def jensen_shannon(p_data, p_model):
    middle = 0.5 * (p_data + p_model)

    def divergence(p):
        return (torch.xlogy(p, p) - torch.xlogy(p, middle)).sum()

    return 0.5 * divergence(p_data) + 0.5 * divergence(p_model)


def affine_maps(widths, between):
    maps = [nn.Linear(*pair) for pair in itertools.pairwise(widths)]
    woven = [module for layer in maps for module in (layer, between())]
    return woven[:-1]


def build_generator(widths):
    return nn.Sequential(*affine_maps(widths, nn.ReLU), nn.Tanh())


class Critic(nn.Sequential):
    def forward(self, x):
        return super().forward(x).squeeze(-1)


def build_discriminator(widths):
    if widths[-1] != 1:
        raise ValueError("the last width must be 1")
    return Critic(*affine_maps(widths, lambda: nn.LeakyReLU(negative_slope=0.2)))


def build_optimizer(model, *, learning_rate):
    return torch.optim.Adam(model.parameters(), lr=torch.tensor(learning_rate).item(), betas=(0.5, 0.99))


def discriminator_step(generator, discriminator, optimizer, real, z):
    fake = generator(z).detach()
    loss = discriminator_loss(discriminator(real), discriminator(fake))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def generator_step(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    for parameter in discriminator.parameters():
        parameter.grad = None
    if unroll == 0:
        loss = generator_loss(discriminator(generator(z)))
    else:
        loss = unrolled_generator_loss(generator, discriminator, real, z, unroll, unroll_rate)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def unrolled_generator_loss(generator, discriminator, real, z, steps, learning_rate):
    """By recursion: the discriminator of `steps` steps is that of one step, `steps - 1` steps on."""
    forged = generator(z)

    def judged(theta, x):
        return torch.func.functional_call(discriminator, theta, x)

    def ahead(theta, left):
        if left == 0:
            return generator_loss(judged(theta, forged))
        loss = discriminator_loss(judged(theta, real), judged(theta, forged))
        slopes = torch.autograd.grad(loss, tuple(theta.values()), create_graph=True)
        moved = {name: theta[name] - learning_rate * slope for name, slope in zip(theta, slopes, strict=True)}
        return ahead(moved, left - 1)

    return ahead(dict(discriminator.named_parameters()), steps)


def sample(generator, n, *, latent, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        z = torch.randn(n, latent)
    for parameter in generator.parameters():
        z = z.to(parameter.device)
        break
    with torch.inference_mode():
        made = generator(z)
    return made.cpu().clone()


def train(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    torch.manual_seed(seed)
    count = max(4, min(256, len(x) // 16))
    generator = build_generator([latent, 192, x.shape[1]]).to(device)
    discriminator = build_discriminator([x.shape[1], 192, 1]).to(device)
    discriminator[0].weight.data.mul_(3)
    for_g = build_optimizer(generator, learning_rate=4e-3)
    for_d = build_optimizer(discriminator, learning_rate=4e-3)
    loader = torch.utils.data.DataLoader(x, batch_size=count, shuffle=True)
    shown = torch.randn(16, latent).to(device)
    for epoch in range(1, epochs + 1):
        rate = 4e-3 * min(1.0, 2 * (epochs - epoch + 1) / epochs)
        for_g.param_groups[0]["lr"] = for_d.param_groups[0]["lr"] = rate
        for real in loader:
            real = real.to(device)
            for _ in range(2):
                z = torch.randn(count, latent, device=device)
                d_loss = discriminator_step(generator, discriminator, for_d, real, z)
            z = torch.randn(count, latent, device=device)
            g_loss = generator_step(generator, discriminator, for_g, real, z, unroll=unroll)
        if log is not None:
            log(epoch=epoch, discriminator_loss=d_loss, generator_loss=g_loss, samples=generator(shown).detach().cpu())
    generator.eval()
    return generator
