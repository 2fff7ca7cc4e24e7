"""A generative adversarial network: two networks that learn from each other, one to forge and one to tell.

    D(x)   a logit: how far the discriminator takes x for real; sigmoid(D(x)) is its probability of that
    G(z)   what the generator makes of noise z

Letters used below: n examples of d numbers, m latent numbers, k outcomes. Examples are (n, d), noise is (n, m), and
logits are (n,). All of these are torch tensors, float32 or float64; what comes back has the dtype of what came in.
Means are over the examples. No function changes a tensor that it is given; the two steps change one of the two
networks, as their docstrings say.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional


def discriminator_loss(real, fake):
    """What the discriminator brings down (Goodfellow et al., 2014), in nats:

        L_D = -mean_i log sigmoid(real[i])  -  mean_j log(1 - sigmoid(fake[j]))

    real : (n,) logits of real examples.   fake : (m,) logits of generated ones; n and m need not be equal.
    Returns a tensor without axes, through which gradients flow. Finite and right for logits up to +-1e3 and beyond.
    """
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def generator_loss(fake, saturating=False):
    """What the generator brings down, in nats:

        saturating:       L_G =  mean_j log(1 - sigmoid(fake[j]))      the other side of the discriminator's game
        non-saturating:   L_G = -mean_j log sigmoid(fake[j])           the same aim, steep where the forgery is bad

    fake : (m,) logits of generated examples.
    Returns a tensor without axes, through which gradients flow. Finite and right for logits up to +-1e3 and beyond.
    """
    return -functional.softplus(fake).mean() if saturating else functional.softplus(-fake).mean()


def least_squares_discriminator_loss(real, fake):
    """The loss of Mao et al. (2017), on the logits themselves:  1/2 mean_i (real[i] - 1)^2 + 1/2 mean_j fake[j]^2.

    real : (n,).   fake : (m,).   Returns a tensor without axes, through which gradients flow.
    """
    return 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean()


def least_squares_generator_loss(fake):
    """Its other half:  1/2 mean_j (fake[j] - 1)^2.

    fake : (m,).   Returns a tensor without axes, through which gradients flow.
    """
    return 0.5 * (fake - 1).square().mean()


def optimal_discriminator(p_data, p_model):
    """The best that any discriminator can answer, as a probability:  D*[i] = p_data[i] / (p_data[i] + p_model[i]).

    p_data, p_model : (k,) tensors, entries at least 0: how likely each outcome is, by the data and by the generator.
    Returns a (k,) tensor; 1/2 where neither ever happens.
    """
    total = p_data + p_model
    return torch.where(total > 0, p_data / total.where(total > 0, 1.0), 0.5)


def minimax_value(p_data, p_model, d):
    """What the discriminator wins and the generator loses:  V = sum_i p_data[i] log d[i] + p_model[i] log(1 - d[i]).

    p_data, p_model : (k,) tensors, entries at least 0.   d : (k,) probabilities, 0 <= d[i] <= 1. 0 log 0 is 0.
    Returns a tensor without axes, in nats; -infinity where d rules out what happens.
    """
    return (torch.special.xlogy(p_data, d) + torch.special.xlog1py(p_model, -d)).sum()


def jensen_shannon(p_data, p_model):
    """The Jensen-Shannon divergence, in nats:  JS = 1/2 KL(p_data || q) + 1/2 KL(p_model || q),  q = their mean.

    It is (V + log 4) / 2 for the optimal discriminator's V: 0 where the two agree, log 2 where they never meet.

    p_data, p_model : (k,) tensors, entries at least 0, each with the sum 1.
    Returns a tensor without axes.
    """
    best = minimax_value(p_data, p_model, optimal_discriminator(p_data, p_model))
    return (best + torch.log(torch.tensor(4.0, dtype=best.dtype))) / 2


def build_generator(widths):
    """A network from noise to examples: affine maps with a ReLU after each but the last, and tanh at the end.

    widths : list of at least two ints: [m, .., d].
    Returns an nn.Module that makes (n, m), entries up to +-1e3, to (n, d), n >= 0, entries in [-1, 1]. Its state_dict
    holds a weight (fan_out, fan_in) and a bias (fan_out,) for every affine map, in the order of the layers, as
    nn.Linear names and draws them, and nothing else.
    """
    return nn.Sequential(*_layers(widths, nn.ReLU()), nn.Tanh())


def build_discriminator(widths):
    """A network from examples to logits: affine maps with a leaky ReLU (slope 0.2 below 0) after each but the last.

    widths : list of at least two ints: [d, .., 1].
    Returns an nn.Module that makes (n, d) to the logits (n,), n >= 0: one axis, no sigmoid. Its state_dict is as that
    of a generator. Raises ValueError if the last width is not 1.
    """
    if widths[-1] != 1:
        raise ValueError(f"a discriminator ends in one logit, not in {widths[-1]}")
    return nn.Sequential(*_layers(widths, nn.LeakyReLU(0.2)), nn.Flatten(0))


def build_optimizer(model, *, learning_rate):
    """torch.optim.Adam on all parameters of a module, with betas (0.5, 0.99): a shorter memory than usual, since the
    aim moves.

    Returns the optimizer; its param_groups hold the learning rate, the betas and otherwise torch's defaults.
    """
    return torch.optim.Adam(model.parameters(), lr=learning_rate, betas=(0.5, 0.99))


def discriminator_step(generator, discriminator, optimizer, real, z):
    """One step of the optimizer on discriminator_loss(D(real), D(G(z))), for the discriminator alone.

    generator, discriminator : modules.   optimizer : of `build_optimizer`, over the discriminator's parameters.
    real : (n, d) examples.   z : (n, m) noise.
    The generator's parameters stay as they are, and gradients that an earlier step left behind have no part in it.
    Returns the loss before the step, a float.
    """
    with torch.no_grad():
        forged = generator(z)
    loss = discriminator_loss(discriminator(real), discriminator(forged))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def generator_step(generator, discriminator, optimizer, real, z, *, unroll=0, unroll_rate=0.05):
    """One step of the optimizer on unrolled_generator_loss, for the generator alone; unroll = 0 is the plain GAN.

    optimizer : of `build_optimizer`, over the generator's parameters.   unroll, unroll_rate : its steps and
    learning_rate.
    The discriminator's parameters stay as they are, and gradients that an earlier step left behind have no part in it.
    Returns the loss before the step, a float.
    """
    loss = unrolled_generator_loss(generator, discriminator, real, z, unroll, unroll_rate)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def unrolled_generator_loss(generator, discriminator, real, z, steps, learning_rate):
    """The generator's loss against the discriminator of tomorrow (Metz et al., 2017). With theta_0 its parameters:

        theta_{i+1} = theta_i - learning_rate dL_D/dtheta(theta_i),   L_D = discriminator_loss(D(real), D(G(z)))
        L = generator_loss(D_{theta_steps}(G(z))),  the non-saturating one

    Gradients of L flow back to the generator in two ways: through G(z) in the last line, and through every step, since
    theta_{i+1} depends on G(z) too. The discriminator itself keeps theta_0.

    real : (n, d) examples.   z : (n, m) noise.   steps : int, at least 0; 0 is generator_loss(D(G(z))).
    Returns a tensor without axes.
    """
    forged = generator(z)
    theta = dict(discriminator.named_parameters())

    def logits(x):
        return torch.func.functional_call(discriminator, theta, (x,))

    for _ in range(steps):
        loss = discriminator_loss(logits(real), logits(forged))
        slopes = torch.autograd.grad(loss, list(theta.values()), create_graph=True)
        theta = {name: p - learning_rate * g for (name, p), g in zip(theta.items(), slopes, strict=True)}
    return generator_loss(logits(forged))


def sample(generator, n, *, latent, seed):
    """n examples of the generator's: G(z), z standard normal.

    latent : m.   seed : int; the only source of chance: the same seed gives the same examples.
    Returns an (n, d) float32 tensor on the CPU that carries no gradient.
    """
    noise = torch.randn(n, latent, generator=torch.Generator().manual_seed(seed))
    device = next(generator.parameters()).device
    with torch.no_grad():
        return generator(noise.to(device)).cpu()


def train(x, *, latent, epochs, unroll=0, device="cpu", seed, log=None):
    """Train a generator whose samples look like x. How is up to you: its layers, learning rates, batch size, loss.
    A training that calls the functions above is as right as they are.

    It makes examples of its own: samples that are examples of x again, or means of a few of them, are wrong.

    x : (n, d) float32 tensor on the CPU, entries in [-1, 1], n >= 64.
    latent : m.   epochs : int, at least 1: how often all examples are seen.
    unroll : int: how many steps of the discriminator each step of the generator looks ahead.
    device : "cpu" or "cuda": where it is trained.
    seed : int; the only source of chance: on the CPU, the same seed gives the same generator.
    log : None, or a function, to be called after every epoch as
        log(epoch=1.., discriminator_loss=.., generator_loss=.., samples=..) with floats, and with 16 samples (16, d),
        a float32 tensor on the CPU, always of the same noise.
    Returns the trained generator, an nn.Module in eval mode that `sample` can draw from.
    """
    torch.manual_seed(seed)
    n, d = x.shape
    batch = max(1, min(256, n // 16))
    generator = build_generator([latent, HIDDEN, d]).to(device)
    discriminator = build_discriminator([d, HIDDEN, 1]).to(device)
    with torch.no_grad():
        next(discriminator.parameters()).mul_(SHARPNESS)
    for_g, for_d = (build_optimizer(model, learning_rate=RATE) for model in (generator, discriminator))
    average = {name: value.clone() for name, value in generator.state_dict().items()}
    data, shown = x.to(device), torch.randn(16, latent, device=device)
    steps, step = epochs * -(-n // batch), 0
    for epoch in range(1, epochs + 1):
        d_losses, g_losses = [], []
        for rows in torch.randperm(n, device=device).split(batch):
            for optimizer in (for_g, for_d):
                optimizer.param_groups[0]["lr"] = RATE * min(1.0, 2 * (1 - step / steps))
            step += 1
            real, noise = data[rows], torch.randn(2, batch, latent, device=device)
            d_losses.append(discriminator_step(generator, discriminator, for_d, real, noise[0]))
            g_losses.append(generator_step(generator, discriminator, for_g, real, noise[1], unroll=unroll))
            # The two circle around each other: the mean of where the generator was is steadier than where it is.
            memory = min(0.99, step / (step + 10))
            for name, value in generator.state_dict().items():
                average[name].lerp_(value, 1 - memory)
        if log is not None:
            with torch.no_grad():
                samples = torch.func.functional_call(generator, average, (shown,)).cpu()
            d_loss, g_loss = sum(d_losses) / len(d_losses), sum(g_losses) / len(g_losses)
            log(epoch=epoch, discriminator_loss=d_loss, generator_loss=g_loss, samples=samples)
    generator.load_state_dict(average)
    return generator.eval()


HIDDEN = 256  # units of the one hidden layer of either network
RATE = 4e-3  # learning rate of both; it falls to 0 over the second half
SHARPNESS = 3.0  # times as steep as PyTorch draws them: the first weights of a discriminator that sees fine structure


def _layers(widths, activation):
    layers = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), activation]
    return layers[:-1]
