# %% [markdown]
# # Optimizers: four ways downhill, and what batch normalization adds
#
# Not handed in. It trains a network with two hidden layers with each of your optimizers and draws the training cost and
# the validation accuracy of all of them against epochs, in two plots, and a table. A second figure shows the paths of
# the optimizers in a narrow valley.
#
#     python experiment.py                 real 8x8 digits, a few seconds
#     python experiment.py --full          all of MNIST, 20 epochs: ten to twenty minutes on one core
#     python experiment.py --out DIR       where the figures go (default: the folder figures beside this file)
#     python experiment.py --code FOLDER   take optimizers.py from there
#
# `DEEPGRADE_DATA` names a folder with MNIST; `deepgrade data mnist` fetches it.

# %%
import os

# The matrices are small: threads would wait for each other longer than they compute. numpy reads this when it starts.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import copy
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from autograder.datasets import digits, mnist

here = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()
parser = argparse.ArgumentParser(description="Train a network with each of your optimizers, and compare them.")
parser.add_argument("--full", action="store_true", help="all of MNIST, 20 epochs")
parser.add_argument("--out", type=Path, default=here / "figures", metavar="DIR", help="where the figures go")
parser.add_argument("--code", type=Path, default=here, metavar="FOLDER", help="take optimizers.py from there")
# In a notebook the arguments are the notebook's own: there the defaults hold.
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
options.out.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(options.code.resolve()))

import optimizers as mine  # noqa: E402


def save(figure, name):
    path = options.out / name
    figure.savefig(path, dpi=130)
    print(f"{path}")


# %% [markdown]
# ## The data
# In single precision, which is twice as fast and as good here. Learning rates fit the data, the network and the batch
# size; try others.

# %%
load = mnist if options.full else digits
train, valid, test = (load(split) for split in ("train", "valid", "test"))
x, x_valid, x_test = (part.x.astype(np.float32) for part in (train, valid, test))
hidden, epochs, batch_size = ([256, 128], 20, 64) if options.full else ([64, 32], 20, 32)
print(f"{train.source}: {len(x):,} training examples, {len(x_valid):,} for validation, {len(x_test):,} for the test")

rates = {"SGD": 0.2, "momentum": 0.02, "AdaGrad": 0.02, "Adam": 0.001}
if not options.full:
    rates = {"SGD": 0.1, "momentum": 0.02, "AdaGrad": 0.05, "Adam": 0.003}
recipes = {
    "SGD": (mine.SGD, {"lr": rates["SGD"]}, {}),
    "momentum": (mine.SGD, {"lr": rates["momentum"], "momentum": 0.9}, {}),
    "AdaGrad": (mine.AdaGrad, {"lr": rates["AdaGrad"]}, {}),
    "Adam": (mine.Adam, {"lr": rates["Adam"]}, {}),
    "Adam, batch norm": (mine.Adam, {"lr": rates["Adam"]}, {"batch_norm": True}),
    "Adam, batch norm, dropout": (mine.Adam, {"lr": rates["Adam"]}, {"batch_norm": True, "keep_prob": 0.8}),
}
colours = dict(zip(recipes, ("tab:blue", "tab:red", "tab:green", "black", "tab:purple", "tab:orange"), strict=True))


# %%
def as_float32(value):
    """The model, in single precision."""
    if isinstance(value, dict):
        return {name: as_float32(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_float32(item) for item in value]
    return value.astype(np.float32)


def accuracy(model, x, y):
    z, _ = mine.forward(model, x, training=False)
    return 100 * float(np.mean(z.argmax(axis=1) == y))


runs = {}
for name, (optimizer, settings, extras) in recipes.items():
    rng = np.random.default_rng(1)
    widths = [x.shape[1], *hidden, len(train.names)]
    model = as_float32(mine.initialize(widths, rng, batch_norm=extras.get("batch_norm", False)))
    run = {"cost": [], "valid": [], "best": -1.0}
    began = time.perf_counter()

    def log(epoch, loss, accuracy, model, run=run, name=name, began=began):
        z, _ = mine.forward(model, x_valid, training=False)
        percent = 100 * float(np.mean(z.argmax(axis=1) == valid.y))
        run["cost"].append(loss)
        run["valid"].append(percent)
        if percent > run["best"]:
            run["best"], run["model"], run["epoch"] = percent, copy.deepcopy(model), epoch
        words = f"{name:26} epoch {epoch:2} of {epochs}: cost {loss:.4f}, validation {percent:.2f} %"
        if sys.stdout.isatty() or epoch == epochs:
            print(f"\r{words}, {time.perf_counter() - began:.1f} s", end="", flush=True)

    mine.train(
        x, train.y, model, optimizer, settings, epochs=epochs, batch_size=batch_size, rng=rng, log=log,
        keep_prob=extras.get("keep_prob", 1.0),
    )  # fmt: skip
    print()
    runs[name] = run

# %% [markdown]
# ## Cost and accuracy against epochs

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
ticks = np.arange(1, epochs + 1)
for name, run in runs.items():
    style = "--" if "batch norm" in name else "-"
    left.semilogy(ticks, np.maximum(run["cost"], 1e-6), style, color=colours[name], label=name)
    right.plot(ticks, run["valid"], style, color=colours[name])
lowest = min(run["valid"][min(2, epochs - 1)] for run in runs.values())
right.set(xlabel="epoch", ylabel="validation accuracy (%)", ylim=(lowest - 1, 100))
left.set(xlabel="epoch", ylabel="training cost (nats an example)")
for axes in (left, right):
    axes.set_xticks(np.arange(0, epochs + 1, 5))
    axes.grid(alpha=0.3)
figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
figure.suptitle(f"{'-'.join(map(str, widths))}, batches of {batch_size}, on {train.source}")
save(figure, "optimizers.png")

# %% [markdown]
# ## The table
# The test set is looked at once, with the network of the epoch that was best on the validation set.

# %%
print(f"\n{'':28}{'cost':>9}{'validation':>12}{'epoch':>7}{'test':>9}")
for name, run in runs.items():
    percent = accuracy(run["model"], x_test, test.y)
    print(f"{name:28}{run['cost'][-1]:9.4f}{run['best']:10.2f} %{run['epoch']:7}{percent:7.2f} %")
print()

# %% [markdown]
# ## Paths in a valley
# f(a, b) = a^2 / 40 + b^2 is forty times as steep one way as the other. SGD crosses the valley again and again,
# momentum gathers speed along it, and the adaptive ones walk as if both ways were alike.

# %%
figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
across, along = np.meshgrid(np.linspace(-2.4, 2.4, 200), np.linspace(-10.5, 3.5, 200))
axes.contour(along, across, along**2 / 40 + across**2, levels=14, colors="0.8", linewidths=0.8)
paths = {
    "SGD": (mine.SGD, {"lr": 0.9}),
    "momentum": (mine.SGD, {"lr": 0.4, "momentum": 0.7}),
    "AdaGrad": (mine.AdaGrad, {"lr": 1.5}),
    "Adam": (mine.Adam, {"lr": 0.4}),
}
for name, (optimizer, settings) in paths.items():
    point = np.array([-9.0, 2.0])
    stepper, path = optimizer([point], **settings), [point.copy()]
    for _ in range(30):
        stepper.step([point * np.array([1 / 20, 2.0])])
        path.append(point.copy())
    path = np.array(path)
    axes.plot(*path.T, ".-", color=colours[name], label=name, linewidth=1.2, markersize=5)
    print(f"{name:9} after 30 steps f = {point[0] ** 2 / 40 + point[1] ** 2:.2e}")
axes.plot(0, 0, "k*", markersize=11)
axes.set(xlabel="a", ylabel="b", xlim=(-10.5, 3.5), ylim=(-2.4, 2.4), title="Thirty steps on f(a, b) = a²/40 + b²")
axes.legend(loc="upper right")
save(figure, "valley.png")
