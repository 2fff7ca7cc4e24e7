# %% [markdown]
# # Generative adversarial networks: forgeries at three stages, and a ring of eight
#
# Not handed in. It trains your generator and draws three figures: samples at the beginning, half way and at the end;
# both losses against time; and eight narrow normal distributions on a ring, with and without unrolling.
#
#     python experiment.py                 8x8 digits and the ring, about a minute
#     python experiment.py --full          Fashion-MNIST for the digits; on a GPU if there is one
#     python experiment.py --out DIR       where the figures go (default: the folder figures beside this file)
#     python experiment.py --code FOLDER   take gan.py from there
#
# `DEEPGRADE_DATA` names a folder with Fashion-MNIST; without it, smaller pictures stand in.

# %%
import argparse
import math
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from autograder.datasets import digits, fashion_mnist

here = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()
parser = argparse.ArgumentParser(description="Train your generator, and draw what it makes.")
parser.add_argument("--full", action="store_true", help="Fashion-MNIST")
parser.add_argument("--out", type=Path, default=here / "figures", metavar="DIR", help="where the figures go")
parser.add_argument("--code", type=Path, default=here, metavar="FOLDER", help="take gan.py from there")
# In a notebook the arguments are the notebook's own: there the defaults hold.
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
options.out.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(options.code.resolve()))

import gan  # noqa: E402

device = "cuda" if torch.cuda.is_available() else "cpu"


def save(figure, name):
    path = options.out / name
    figure.savefig(path, dpi=130)
    print(f"{path}")


# %% [markdown]
# ## Samples at three stages
# The same sixteen noises, as the generator sees them after the first epoch, half way and at the end.

# %%
data, epochs = (fashion_mnist("train"), 20) if options.full else (digits("train"), 80)
x = torch.tensor(2 * data.x - 1, dtype=torch.float32)
side = math.isqrt(x.shape[1])
history, stages = [], []


def log(epoch, discriminator_loss, generator_loss, samples):
    history.append((discriminator_loss, generator_loss))
    stages.append(samples.reshape(-1, side, side).numpy())
    if sys.stdout.isatty():
        print(f"\repoch {epoch:3} of {epochs}: {discriminator_loss:.3f} {generator_loss:.3f}", end="", flush=True)


print(f"{data.source}: {len(x)} pictures, {epochs} epochs on {device}")
began = time.perf_counter()
generator = gan.train(x, latent=16, epochs=epochs, device=device, seed=1, log=log)
last = " and ".join(f"{loss:.3f}" for loss in history[-1])
print(f"\rtrained in {time.perf_counter() - began:.1f} s; the last losses are {last}")

# %%
rows = {
    "first epoch": stages[0],
    "half way": stages[len(stages) // 2],
    "last epoch": stages[-1],
    "real ones": x[:16].reshape(-1, side, side).numpy(),
}
figure, grid = plt.subplots(4, 12, figsize=(11, 4.2), layout="constrained")
for line, (name, pictures) in zip(grid, rows.items(), strict=True):
    for axes, picture in zip(line, pictures, strict=False):
        axes.imshow(picture, cmap="gray", vmin=-1, vmax=1)
        axes.set(xticks=[], yticks=[])
    line[0].set_ylabel(name)
figure.suptitle(f"What the generator makes of twelve noises, on {data.source}")
save(figure, "samples.png")

# %% [markdown]
# ## Both losses
# Neither falls for long. At the perfect forgery, L_D is log 4 and L_G is log 2: the dashed lines.

# %%
d_losses, g_losses = np.array(history).T
figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
for values, colour, name, end in (
    (d_losses, "tab:blue", "discriminator", math.log(4)),
    (g_losses, "tab:red", "generator", math.log(2)),
):
    axes.plot(range(1, epochs + 1), values, color=colour, label=name)
    axes.axhline(end, color=colour, linestyle="--", linewidth=0.8)
axes.set(xlabel="epoch", ylabel="loss (nats)", ylim=(0, None))
axes.grid(alpha=0.3)
axes.legend()
axes.set_title(f"Both losses against time, on {data.source}")
save(figure, "losses.png")

# %% [markdown]
# ## A ring of eight
# Eight narrow normal distributions. A discriminator that is slower than the generator lets it hop from one to the next;
# a generator that looks five steps ahead sees that coming. Both use your steps and the same settings.

# %%
rng = np.random.default_rng(0)
angles = np.arange(8) * np.pi / 4
centres = 0.7 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
ring = torch.tensor(centres[rng.integers(8, size=2048)] + rng.normal(0, 0.02, (2048, 2)), dtype=torch.float32)
steps, batch, latent = (1800 if options.full else 600), 128, 8
shown_at = [0, steps // 3, 2 * steps // 3, steps]


def played(unroll):
    torch.manual_seed(2)
    generator = gan.build_generator([latent, 64, 64, 2])
    discriminator = gan.build_discriminator([2, 64, 64, 1])
    with torch.no_grad():
        next(discriminator.parameters()).mul_(5)  # so that it can tell points that are near each other
    for_g = gan.build_optimizer(generator, learning_rate=1e-3)
    for_d = gan.build_optimizer(discriminator, learning_rate=3e-4)
    clouds = []
    for step in range(steps + 1):
        if step in shown_at:
            clouds.append(gan.sample(generator, 800, latent=latent, seed=1).numpy())
        real, z = ring[torch.randint(len(ring), (batch,))], torch.randn(2, batch, latent)
        gan.discriminator_step(generator, discriminator, for_d, real, z[0])
        gan.generator_step(generator, discriminator, for_g, real, z[1], unroll=unroll, unroll_rate=0.05)
        if step % 100 == 0 and sys.stdout.isatty():
            print(f"\runrolled {unroll} steps: {step} of {steps}", end="", flush=True)
    return clouds


def modes(cloud):
    far = np.linalg.norm(cloud[:, None] - centres, axis=2)
    return int(((far < 0.15).mean(axis=0) >= 0.01).sum())


figure, grid = plt.subplots(2, 5, figsize=(11, 4.8), layout="constrained")
for line, unroll in zip(grid, (0, 5), strict=True):
    began = time.perf_counter()
    clouds = played(unroll)
    print(f"\runrolled {unroll} steps: {modes(clouds[-1])} of 8 modes kept, {time.perf_counter() - began:.1f} s")
    titles = [f"step {step}: {modes(cloud)} of 8 modes" for step, cloud in zip(shown_at, clouds, strict=True)]
    for axes, cloud, title in zip(line, [*clouds, ring.numpy()[:800]], [*titles, "data"], strict=True):
        axes.scatter(*cloud.T, s=3, alpha=0.4, color="tab:blue" if title != "data" else "0.4", linewidths=0)
        axes.scatter(*centres.T, s=60, facecolors="none", edgecolors="tab:red", linewidths=0.6)
        axes.set(xticks=[], yticks=[], xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal")
        axes.set_title(title, fontsize=9)
    line[0].set_ylabel("plain" if unroll == 0 else f"unrolled, {unroll} steps")
figure.suptitle("A ring of eight narrow normal distributions, and what the generator keeps of it")
save(figure, "ring.png")
