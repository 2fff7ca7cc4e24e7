"""Right, with gradients by torch.func, losses by log(e^0 + e^z), noise from numpy, and prints while it is graded."""

import copy
import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad


def softplus(z):
    return torch.logaddexp(z, z.new_zeros(()))


def discriminator_loss(real, fake):
    return torch.mean(softplus(-real)) + torch.mean(softplus(fake))


def generator_loss(fake, saturating=False):
    return torch.mean(-softplus(fake) if saturating else softplus(-fake))


def least_squares_discriminator_loss(real, fake):
    return torch.mean((1 - real) ** 2) / 2 + torch.mean(fake**2) / 2


def least_squares_generator_loss(fake):
    return torch.mean((1 - fake) ** 2) / 2


def optimal_discriminator(p_data, p_model):
    return torch.nan_to_num(p_data / (p_data + p_model), nan=0.5)


def minimax_value(p_data, p_model, d):
    wins = torch.where(p_data > 0, p_data * torch.log(d), 0.0)
    losses = torch.where(p_model > 0, p_model * torch.log(1 - d), 0.0)
    return torch.sum(wins + losses)


def jensen_shannon(p_data, p_model):
    def entropy(p):
        return torch.special.entr(p).sum()

    return entropy((p_data + p_model) / 2) - (entropy(p_data) + entropy(p_model)) / 2


def build_generator(widths):
    model = nn.Sequential()
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(widths)):
        model.add_module(f"map{i}", nn.Linear(fan_in, fan_out))
        model.add_module(f"bend{i}", nn.Tanh() if i == len(widths) - 2 else nn.ReLU())
    return model


def build_discriminator(widths):
    *_, last = widths
    if last != 1:
        raise ValueError(f"{last} logits")
    model = nn.Sequential()
    for i in range(len(widths) - 1):
        model.add_module(f"map{i}", nn.Linear(widths[i], widths[i + 1]))
        model.add_module(f"bend{i}", nn.LeakyReLU(0.2) if i < len(widths) - 2 else nn.Flatten(0, 1))
    return model


def build_optimizer(model, *, learning_rate):
    return torch.optim.Adam(list(model.parameters()), lr=learning_rate, betas=[0.5, 0.99], eps=1e-8)


def descend(model, optimizer, loss):
    slopes = torch.autograd.grad(loss, list(model.parameters()))
    for parameter, slope in zip(model.parameters(), slopes, strict=True):
        parameter.grad = slope
    optimizer.step()
    for parameter in model.parameters():
        parameter.grad = None
    return loss.item()


def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = discriminator_loss(discriminator(real), discriminator(generator(z)))
    return descend(discriminator, optimizer, loss)


def generator_step(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    loss = unrolled_generator_loss(generator, discriminator, real, z, unroll, unroll_rate)
    return descend(generator, optimizer, loss)


def unrolled_generator_loss(generator, discriminator, real, z, steps, learning_rate):
    forged = generator(z)

    def loss(theta):
        return discriminator_loss(
            functional_call(discriminator, theta, (real,)), functional_call(discriminator, theta, (forged,))
        )

    theta = dict(discriminator.named_parameters())
    for _ in range(steps):
        slopes = grad(loss)(theta)
        theta = {name: theta[name] - learning_rate * slopes[name] for name in theta}
    return generator_loss(functional_call(discriminator, theta, (forged,)))


def sample(generator, n, *, latent, seed):
    noise = np.random.default_rng(seed).standard_normal((n, latent)).astype(np.float32)
    device = next(iter(generator.state_dict().values())).device
    return generator(torch.from_numpy(noise).to(device)).detach().cpu()


def train(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    n, d = x.shape
    size = max(1, min(256, n // 16))
    generator = build_generator([latent, 256, d]).to(device)
    discriminator = build_discriminator([d, 256, 1]).to(device)
    discriminator.map0.weight.data.mul_(3.0)
    steady = copy.deepcopy(generator)
    for_g = build_optimizer(generator, learning_rate=4e-3)
    for_d = build_optimizer(discriminator, learning_rate=4e-3)
    data = x.to(device)

    def noise(count):
        return torch.from_numpy(rng.standard_normal((count, latent)).astype(np.float32)).to(device)

    fixed, done = noise(16), 0
    for epoch in range(epochs):
        rate = 4e-3 * min(1.0, 2 * (1 - epoch / epochs))
        for group in (*for_g.param_groups, *for_d.param_groups):
            group["lr"] = rate
        history = []
        order = rng.permutation(n)
        for batch in np.array_split(order, math.ceil(n / size)):
            real = data[torch.from_numpy(batch).to(device)]
            d_loss = discriminator_step(generator, discriminator, for_d, real, noise(size))
            history.append((d_loss, generator_step(generator, discriminator, for_g, real, noise(size), unroll=unroll)))
            done += 1
            share = max(0.02, 10 / (done + 10))
            with torch.no_grad():
                for mean, value in zip(steady.parameters(), generator.parameters(), strict=True):
                    mean.add_(share * (value - mean))
        d_loss, g_loss = np.mean(history, axis=0)
        print(f"epoch {epoch + 1}: {d_loss:.3f} {g_loss:.3f}")
        if log is not None:
            samples = steady(fixed).detach().cpu()
            log(generator_loss=g_loss, discriminator_loss=d_loss, epoch=epoch + 1, samples=samples)
    return steady.eval()
