# %% [markdown]
# # Autoencoder: what 32 numbers keep of a picture
#
# Not handed in. It trains your autoencoder on 36 classes of characters and draws four figures: the loss curves of three
# learning rates, originals beside their reconstructions, PSNR class by class, and what the numbers of a code mean.
# PCA with 32 components stands beside all of it.
#
#     python experiment.py                 half of the pictures, well under a minute
#     python experiment.py --full          all of them, for the homework's 100 epochs
#     python experiment.py --out DIR       where the figures go (default: the folder figures beside this file)
#     python experiment.py --code FOLDER   take autoencoder.py from there
#
# `DEEPGRADE_DATA` names a folder with the handwritten characters; without it, the characters are rendered from fonts.

# %%
import argparse
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from autograder.datasets import characters

here = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()
parser = argparse.ArgumentParser(description="Train your autoencoder on characters, and draw what it keeps of them.")
parser.add_argument("--full", action="store_true", help="all pictures, 100 epochs")
parser.add_argument("--out", type=Path, default=here / "figures", metavar="DIR", help="where the figures go")
parser.add_argument("--code", type=Path, default=here, metavar="FOLDER", help="take autoencoder.py from there")
# In a notebook the arguments are the notebook's own: there the defaults hold.
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
options.out.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(options.code.resolve()))

import autoencoder as ae  # noqa: E402


def save(figure, name):
    path = options.out / name
    figure.savefig(path, dpi=130)
    print(f"{path}")


# %% [markdown]
# ## The data
# `x` is (n, 1024): one row a picture of 32 x 32, by columns. Ink becomes 1 and paper 0 here: most inputs of the first
# layer are then 0, and its sums stay small. What changes in the curves below if you leave the paper at 1?

# %%
train, valid = characters("train"), characters("valid")
count, epochs = (len(train), 100) if options.full else (1080, 80)
x, x_valid = 1 - train.x[:count], 1 - valid.x
print(f"{valid.source}: {len(x)} training images, {len(x_valid)} for validation, {epochs} epochs")

# %% [markdown]
# ## Three learning rates
# The loss is a sum over pixels and images, so learning rates are small. Ten times as much is too much: steps are so
# wide that many ReLUs shut for every picture and never open again, and a loss that stands still is all that is left.

# %%
rates = (5e-5, 5e-6, 5e-4)
start = ae.initialize([1024, 32, 32, 32, 1024], np.random.default_rng(1))
runs = {}
for rate in rates:
    history, began = [], time.perf_counter()

    def log(epoch, loss, rate=rate, history=history):
        history.append(loss)
        if sys.stdout.isatty():
            print(f"\rlearning rate {rate:g}: epoch {epoch:3} of {epochs}, loss {loss:7.2f}", end="", flush=True)

    params = ae.train(
        x, start, learning_rate=rate, momentum=0.9, epochs=epochs, batch_size=16, rng=np.random.default_rng(2), log=log
    )
    code, r = ae.encode(x_valid, params), ae.reconstruct(x_valid, params)
    words = f"{np.mean(ae.psnr(x_valid, r)):5.2f} dB on validation, {np.count_nonzero(~code.any(axis=0)):2} of 32 code"
    print(f"\rlearning rate {rate:g}: loss {history[-1]:6.2f}, {words} units dead, {time.perf_counter() - began:.1f} s")
    runs[rate] = params, history

# %%
mean, components = ae.pca(x, 32)


def by_pca(images):
    return ae.pca_decode(ae.pca_encode(images, mean, components), mean, components)


figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
for rate, colour in zip(rates, ("tab:blue", "tab:green", "tab:red"), strict=True):
    axes.semilogy(range(1, epochs + 1), runs[rate][1], color=colour, label=f"learning rate {rate:g}")
for words, images, style in (("mean image", mean + 0 * x, ":"), ("PCA, 32 components", by_pca(x), "--")):
    axes.axhline(np.sum((images - x) ** 2) / len(x), color="0.4", linestyle=style, label=words)
axes.set(xlabel="epoch", ylabel="squared error of a training image")
axes.yaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
axes.yaxis.set_major_formatter("{x:g}")
axes.minorticks_off()
axes.grid(alpha=0.3)
axes.legend(fontsize=9)
axes.set_title(f"1024-32-32-32-1024, momentum 0.9, on {train.source}")
save(figure, "loss.png")

# %% [markdown]
# ## Originals and reconstructions
# Ten pictures that training has never seen. What do both lose, and what does the network draw that PCA does not?

# %%
best = min(rates, key=lambda rate: runs[rate][1][-1])
params = runs[best][0]
reconstructions = {"original": x_valid, "autoencoder": ae.reconstruct(x_valid, params), "PCA, 32": by_pca(x_valid)}
decibels = {name: ae.psnr(x_valid, r) for name, r in reconstructions.items() if name != "original"}
chosen = [int(np.flatnonzero(valid.y == label)[0]) for label in (0, 1, 4, 6, 10, 17, 18, 25, 28, 34)]
figure, grid = plt.subplots(3, 10, figsize=(11, 4.1), layout="constrained")
for line, (name, r) in zip(grid, reconstructions.items(), strict=True):
    for axes, index in zip(line, chosen, strict=True):
        axes.imshow(r[index].reshape(32, 32).T, cmap="gray_r", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        if name != "original":
            axes.set_xlabel(f"{decibels[name][index]:.1f} dB", fontsize=9)
    line[0].set_ylabel(name)
figure.suptitle(f"What 32 numbers keep of an image: validation images of {valid.source}, after {epochs} epochs")
save(figure, "reconstructions.png")

# %% [markdown]
# ## Class by class
# Which characters are easy, and why are they easy for both?

# %%
classes = range(len(valid.names))
per_class = {name: np.array([found[valid.y == c].mean() for c in classes]) for name, found in decibels.items()}
order = np.argsort(-per_class["autoencoder"])
figure, axes = plt.subplots(figsize=(11, 4.4), layout="constrained")
for shift, name, colour in ((-0.2, "autoencoder", "tab:blue"), (0.2, "PCA, 32", "0.65")):
    axes.bar(
        np.arange(len(order)) + shift, per_class[name][order], 0.4, color=colour,
        label=f"{name}: {decibels[name].mean():.2f} dB on average",
    )  # fmt: skip
axes.set_xticks(range(len(order)), [valid.names[c] for c in order])
lowest = min(found.min() for found in per_class.values())
axes.set(ylabel="PSNR (dB)", ylim=(np.floor(lowest) - 1, None), xlim=(-0.7, len(order) - 0.3))
axes.grid(axis="y", alpha=0.3)
axes.legend()
axes.set_title(f"Average PSNR of each class, validation images of {valid.source}")
save(figure, "classes.png")

# %% [markdown]
# ## What a number of the code means
# Above: the average code with one unit turned up by two standard deviations, and what that changes in the picture.
# Below: PCA's components, the same for every code. Which of the two rows looks like strokes?

# %%
code = ae.encode(x, params)
spread = code.std(axis=0)
units = np.argsort(-spread)[:10]
middle = code.mean(axis=0, keepdims=True)
changes = [
    (ae.decode(middle + 2 * spread * (np.arange(32) == unit), params) - ae.decode(middle, params))[0] for unit in units
]
figure, grid = plt.subplots(2, 10, figsize=(11, 2.9), layout="constrained")
for line, name, pictures in zip(grid, ("autoencoder", "PCA"), (changes, components[:10]), strict=True):
    for axes, picture in zip(line, pictures, strict=True):
        bound = np.abs(picture).max() or 1.0
        axes.imshow(picture.reshape(32, 32).T, cmap="RdBu", vmin=-bound, vmax=bound)
        axes.set(xticks=[], yticks=[])
    line[0].set_ylabel(name)
figure.suptitle(f"What ten of the 32 numbers draw (blue: more ink, red: less), on {train.source}")
save(figure, "code.png")

# %% [markdown]
# ## The table
# Average PSNR, and how many numbers were learned. The homework's autoencoder reached 13.52 dB, on other pictures.

# %%
learned = {"mean image": 1024, "autoencoder": ae.count_parameters(params), "PCA, 32": mean.size + components.size}
print(f"\n{'on ' + valid.source:24}{'numbers a code':>16}{'numbers learned':>17}{'training':>11}{'validation':>13}")
for name, numbers, answer in (
    ("mean image", 0, lambda images: mean + 0 * images),
    ("autoencoder", 32, lambda images: ae.reconstruct(images, params)),
    ("PCA, 32", 32, by_pca),
):
    seen, unseen = (np.mean(ae.psnr(images, answer(images))) for images in (x, x_valid))
    print(f"{name:24}{numbers:16}{learned[name]:17,}{seen:8.2f} dB{unseen:10.2f} dB")
