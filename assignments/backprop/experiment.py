# %% [markdown]
# # Backpropagation: what your network learns
#
# Not handed in. It trains your network on 36 classes of characters and draws four figures: learning curves for three
# learning rates, the first layer's weights before and after, the confusion matrix, and what depth does to gradients.
#
#     python experiment.py                 a third of the data, half a minute at most
#     python experiment.py --full          all of it, for the homework's 100 epochs
#     python experiment.py --out DIR       where the figures go (default: the folder figures beside this file)
#     python experiment.py --code FOLDER   take backprop.py from there
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
parser = argparse.ArgumentParser(description="Train your network on characters, and draw what it learned.")
parser.add_argument("--full", action="store_true", help="all data, 100 epochs")
parser.add_argument("--out", type=Path, default=here / "figures", metavar="DIR", help="where the figures go")
parser.add_argument("--code", type=Path, default=here, metavar="FOLDER", help="take backprop.py from there")
# In a notebook the arguments are the notebook's own: there the defaults hold.
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
options.out.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(options.code.resolve()))

import backprop as net  # noqa: E402


def save(figure, name):
    path = options.out / name
    figure.savefig(path, dpi=130)
    print(f"{path}")


# %% [markdown]
# ## The data
# `x` is (n, 1024): one row a picture of 32 x 32, by columns. Subtracting the training set's mean (the very same mean
# from the validation set, too) puts the inputs around zero, where learning is faster.

# %%
train, valid = characters("train"), characters("valid")
count, epochs = (len(train), 100) if options.full else (720, 30)
mean = train.x[:count].mean(axis=0)
x, y = train.x[:count] - mean, train.y[:count]
x_valid, y_valid = valid.x - mean, valid.y
print(f"{valid.source}: {len(x)} training examples, {len(x_valid)} for validation, {epochs} epochs")

# %% [markdown]
# ## Three learning rates
# The homework's 0.003, ten times as much, and a tenth of it. Which one is too large, and how does the curve show it?

# %%
rates = (0.003, 0.03, 0.0003)
start = net.initialize([1024, 64, 36], np.random.default_rng(1))
runs = {}
for rate in rates:
    rng, params, history = np.random.default_rng(2), start, []
    began = time.perf_counter()
    for epoch in range(1, epochs + 1):
        heard = {}
        params = net.train(
            x, y, params, activation="sigmoid", learning_rate=rate, epochs=1, batch_size=32, rng=rng, log=heard.update
        )
        z, _ = net.forward(x_valid, params, "sigmoid")
        loss, _ = net.cross_entropy(z, y_valid)
        history.append((heard["loss"], heard["accuracy"], loss / len(y_valid), net.accuracy(z, y_valid)))
        words = (
            f"learning rate {rate:g}: epoch {epoch:3} of {epochs}, validation accuracy {100 * history[-1][3]:5.2f} %"
        )
        if sys.stdout.isatty():
            print(f"\r{words}", end="", flush=True)
    print(f"\r{words}, {time.perf_counter() - began:.1f} s")
    runs[rate] = params, np.array(history)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
for rate, colour in zip(rates, ("tab:blue", "tab:red", "tab:green"), strict=True):
    history = runs[rate][1]
    ticks = np.arange(1, len(history) + 1)
    left.plot(ticks, history[:, 0], color=colour, label=f"{rate:g}, training")
    left.plot(ticks, history[:, 2], "--", color=colour, label=f"{rate:g}, validation")
    right.plot(ticks, 100 * history[:, 1], color=colour)
    right.plot(ticks, 100 * history[:, 3], "--", color=colour)
left.set(xlabel="epoch", ylabel="cross-entropy (nats an example)", ylim=(0, 4.5))
right.set(xlabel="epoch", ylabel="accuracy (%)", ylim=(0, 100))
figure.legend(loc="outside lower center", ncols=3, fontsize=8, title="learning rate")
for axes in (left, right):
    axes.grid(alpha=0.3)
figure.suptitle(f"Three learning rates, 1024-64-36, sigmoid, on {valid.source}")
save(figure, "learning_rates.png")

# %% [markdown]
# ## What the first layer looks for
# Each hidden unit's 1024 weights as a picture. Before training they are noise. Can you see strokes afterwards?

# %%
best = max(rates, key=lambda rate: runs[rate][1][-1, 3])
params = runs[best][0]
figure, panels = plt.subplots(1, 2, figsize=(10, 5.2), layout="constrained")
for axes, (w, _), words in zip(panels, (start[0], params[0]), ("before training", "after training"), strict=True):
    tiles = np.full((8 * 33, 8 * 33), np.nan)
    for unit in range(64):
        row, column = 33 * (unit // 8), 33 * (unit % 8)
        tiles[row : row + 32, column : column + 32] = w[:, unit].reshape(32, 32).T
    bound = np.nanquantile(np.abs(tiles), 0.995)
    picture = axes.imshow(tiles, cmap="RdBu_r", vmin=-bound, vmax=bound, interpolation="nearest")
    figure.colorbar(picture, ax=axes, shrink=0.7)
    axes.set_title(words)
    axes.axis("off")
figure.suptitle(f"Weights of the 64 hidden units, learning rate {best:g}, on {valid.source}")
save(figure, "first_layer.png")

# %% [markdown]
# ## What it confuses
# Rows are the truth. Look at O and 0, at S and 5, at I and 1: would you know, without the word around them?

# %%
z, _ = net.forward(x_valid, params, "sigmoid")
predicted = np.argmax(z, axis=1)
confusion = np.zeros((36, 36), int)
np.add.at(confusion, (y_valid, predicted), 1)
figure, axes = plt.subplots(figsize=(8.6, 8), layout="constrained")
axes.imshow(confusion, cmap="Blues", vmax=confusion.max() * 1.1)
for i, j in np.argwhere(confusion):
    colour = "white" if confusion[i, j] > confusion.max() / 2 else ("tab:red" if i != j else "black")
    axes.text(j, i, confusion[i, j], ha="center", va="center", fontsize=7, color=colour)
axes.set_xticks(range(36), valid.names)
axes.set_yticks(range(36), valid.names)
axes.set(xlabel="predicted", ylabel="truth")
axes.set_title(f"{valid.source}: {100 * net.accuracy(z, y_valid):.2f} % of the validation set")
save(figure, "confusion.png")
pairs = confusion + confusion.T
np.fill_diagonal(pairs, 0)
print("most confused:", end=" ")
for index in np.argsort(-np.triu(pairs), axis=None, kind="stable")[:6]:
    i, j = divmod(int(index), 36)
    print(f"{valid.names[i]}/{valid.names[j]} {pairs[i, j]}", end="  ")
print()

# %% [markdown]
# ## What depth does to gradients
# Ten layers of 64 units at Xavier's weights, before any training. The sigmoid's derivative is at most 1/4, so under
# sigmoids every layer further down gets less. On the right: the share of ReLUs that never fire, as their bias sinks.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
deep = net.initialize([1024] + [64] * 9 + [36], np.random.default_rng(3))
for activation in ("sigmoid", "tanh", "relu"):
    norms = net.gradient_norms(x[:360], y[:360], deep, activation)
    left.semilogy(range(1, len(norms) + 1), norms, "o-", label=activation)
    print(f"{activation:8} the first layer's gradient is {norms[0] / norms[-1]:.2g} of the last one's")
left.set(xlabel="layer", ylabel="norm of dL/dw")
left.legend()
biases = np.linspace(-3, 1, 81)
w, b = deep[0]
dead = [100 * net.dead_fraction(x[:360], w, b + bias) for bias in biases]
right.plot(biases, dead)
right.set(xlabel="bias of the first layer", ylabel="dead ReLUs (%)")
for axes in (left, right):
    axes.grid(alpha=0.3)
figure.suptitle(f"Ten layers before training, on {valid.source}")
save(figure, "depth.png")
