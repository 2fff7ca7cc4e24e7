"""Right, with module classes of its own, torch's losses for logits, and a training without an average of weights."""

import torch
import torch.nn.functional as F
from torch import nn


def discriminator_loss(real, fake):
    return F.binary_cross_entropy_with_logits(real, torch.ones_like(real)) + F.binary_cross_entropy_with_logits(
        fake, torch.zeros_like(fake)
    )


def generator_loss(fake, saturating=False):
    if saturating:
        return F.logsigmoid(-fake).mean()
    return -F.logsigmoid(fake).mean()


def least_squares_discriminator_loss(real, fake):
    return (F.mse_loss(real, torch.ones_like(real)) + F.mse_loss(fake, torch.zeros_like(fake))) / 2


def least_squares_generator_loss(fake):
    return F.mse_loss(fake, torch.ones_like(fake)) / 2


def optimal_discriminator(p_data, p_model):
    best = torch.full_like(p_data, 0.5)
    known = (p_data + p_model) > 0
    best[known] = p_data[known] / (p_data[known] + p_model[known])
    return best


def minimax_value(p_data, p_model, d):
    value = torch.zeros((), dtype=p_data.dtype)
    for p, q, v in zip(p_data, p_model, d, strict=True):
        if p > 0:
            value = value + p * torch.log(v)
        if q > 0:
            value = value + q * torch.log1p(-v)
    return value


def jensen_shannon(p_data, p_model):
    middle = (p_data + p_model) / 2
    total = torch.zeros((), dtype=p_data.dtype)
    for p in (p_data, p_model):
        seen = p > 0
        total = total + (p[seen] * (p[seen] / middle[seen]).log()).sum() / 2
    return total


class Layers(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(widths[i], widths[i + 1]) for i in range(len(widths) - 1))

    def hidden(self, a):
        return a.clamp(min=0)

    def forward(self, a):
        for layer in self.maps[:-1]:
            a = self.hidden(layer(a))
        return self.maps[-1](a)


class Generator(Layers):
    def forward(self, z):
        return super().forward(z).tanh()


class Discriminator(Layers):
    def hidden(self, a):
        return torch.where(a > 0, a, a / 5)

    def forward(self, x):
        return super().forward(x)[:, 0]


def build_generator(widths):
    return Generator(widths)


def build_discriminator(widths):
    if widths[-1] > 1:
        raise ValueError("one logit, please")
    return Discriminator(widths)


def build_optimizer(model, *, learning_rate):
    return torch.optim.Adam([{"params": list(model.parameters())}], learning_rate, (0.5, 0.99))


def discriminator_step(generator, discriminator, optimizer, real, z):
    optimizer.zero_grad(set_to_none=False)
    loss = discriminator_loss(discriminator(real), discriminator(generator(z).detach()))
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def generator_step(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    loss = unrolled_generator_loss(generator, discriminator, real, z, unroll, unroll_rate)
    optimizer.zero_grad()
    # Into the generator alone: nothing is left behind in the discriminator.
    loss.backward(inputs=list(generator.parameters()))
    optimizer.step()
    return float(loss.detach())


def unrolled_generator_loss(generator, discriminator, real, z, steps, learning_rate):
    fake = generator(z)
    names, values = zip(*discriminator.named_parameters(), strict=True)
    for _ in range(steps):
        named = dict(zip(names, values, strict=True))
        on_real = torch.func.functional_call(discriminator, named, (real,))
        on_fake = torch.func.functional_call(discriminator, named, (fake,))
        slopes = torch.autograd.grad(discriminator_loss(on_real, on_fake), values, create_graph=True)
        values = tuple(
            torch.sub(value, slope, alpha=learning_rate) for value, slope in zip(values, slopes, strict=True)
        )
    return generator_loss(torch.func.functional_call(discriminator, dict(zip(names, values, strict=True)), (fake,)))


@torch.no_grad()
def sample(generator, n, *, latent, seed):
    noise = torch.Generator()
    noise.manual_seed(seed)
    where = next(p.device for p in generator.parameters())
    return generator(torch.empty(n, latent).normal_(generator=noise).to(where)).to("cpu", torch.float32)


def train(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    torch.manual_seed(seed)
    x = x.clone().to(device)
    size = max(2, min(256, len(x) // 16))
    g, d = Generator([latent, 256, x.shape[1]]).to(device), Discriminator([x.shape[1], 256, 1]).to(device)
    d.maps[0].weight.data *= 3
    optimizers = [build_optimizer(g, learning_rate=4e-3), build_optimizer(d, learning_rate=4e-3)]
    falling = [
        torch.optim.lr_scheduler.LambdaLR(o, lambda epoch: min(1.0, 2 * (1 - epoch / epochs))) for o in optimizers
    ]
    fixed = torch.randn(16, latent, device=device)
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(x), device=device)
        d_loss = g_loss = 0.0
        for start in range(0, len(x), size):
            real = x[order[start : start + size]]
            d_loss += discriminator_step(g, d, optimizers[1], real, torch.randn(len(real), latent, device=device))
            z = torch.randn(size, latent, device=device)
            g_loss += generator_step(g, d, optimizers[0], real, z, unroll=unroll)
        for schedule in falling:
            schedule.step()
        batches = -(-len(x) // size)
        if log:
            with torch.no_grad():
                log(epoch=epoch, discriminator_loss=d_loss / batches, generator_loss=g_loss / batches,
                    samples=g(fixed).cpu())  # fmt: skip
    return g.eval()
