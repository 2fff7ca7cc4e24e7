# %% [markdown]
# # Networks to a budget: your own tables
#
# Not handed in. It trains your networks and draws four figures: accuracy against width, with parameter counts; against
# lambda; ReLU beside tanh; with and without batch norm.
#
#     python experiment.py                 8x8 digits, a minute or two
#     python experiment.py --full          MNIST, 28x28, many minutes
#     python experiment.py --bars          instead: the homework's networks beside their bars: long without a GPU
#     python experiment.py --out DIR       where the figures go (default: the folder figures beside this file)
#     python experiment.py --code FOLDER   take cnn.py from there
#
# `DEEPGRADE_DATA` names a folder with MNIST's files; without it, `--full` uses the small digits, enlarged to 28x28.

# %%
import argparse
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from autograder.datasets import characters, cifar10, digits, mnist

here = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()
parser = argparse.ArgumentParser(description="Train your networks, and draw what their sizes and penalties do.")
parser.add_argument("--full", action="store_true", help="MNIST instead of the 8x8 digits")
parser.add_argument("--bars", action="store_true", help="the homework's networks beside their bars, and no figures")
parser.add_argument("--out", type=Path, default=here / "figures", metavar="DIR", help="where the figures go")
parser.add_argument("--code", type=Path, default=here, metavar="FOLDER", help="take cnn.py from there")
# In a notebook the arguments are the notebook's own: there the defaults hold.
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
options.out.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(options.code.resolve()))

import cnn  # noqa: E402

device = "cuda" if torch.cuda.is_available() else "cpu"


def save(figure, name):
    path = options.out / name
    figure.savefig(path, dpi=130)
    if "ipykernel" not in sys.modules:  # a notebook shows what is still open when its cell ends
        plt.close(figure)
    print(f"{path}")


# %% [markdown]
# ## The homework's bars, with `--bars`
#
# On public pictures, so nothing of them is graded. Without the files of a set, its stand-in is used, and named.


# %%
def pictures(part):
    x = torch.tensor(part.images, dtype=torch.float32) - 0.5
    return x.permute(0, 3, 1, 2).contiguous() if x.dim() == 4 else x[:, None]


def show_bars():
    """Train each network of the homework once, and print its accuracy beside its bar."""
    quick = {"batch_size": 256, "learning_rate": 0.05}
    letters = {"batch_size": 36, "learning_rate": 0.02, "epochs": 15}
    photographs = {"batch_size": 50, "learning_rate": 0.02, "epochs": 15, "l2": 1e-3}
    stages = {"kernel_size": 5, "padding": 2, "dropout": 0.4}
    norm = {"kernel_size": 5, "batch_norm": True}
    rows = [
        (mnist, 97.0, cnn.build_mlp([784, 50, 10]), {**quick, "epochs": 20}),
        (mnist, 97.84, cnn.build_mlp([784, 120, 80, 10], "relu", 0.1), {**quick, "epochs": 20, "l2": 1e-5}),
        (mnist, 98.0, cnn.build_cnn((1, 28, 28), 10, (8, 16), kernel_size=5), {**quick, "epochs": 8}),
        (mnist, 99.15, cnn.build_cnn((1, 28, 28), 10, (32, 64), **stages), {**quick, "epochs": 12, "l2": 1e-4}),
        (characters, 80.0, cnn.build_cnn((1, 32, 32), 36, (8, 16), **norm), letters),
        (cifar10, 66.0, cnn.build_cnn((3, 32, 32), 10, (32, 64, 64), padding=1), photographs),
        (cifar10, 69.7, cnn.build_cnn((3, 32, 32), 10, (32, 64, 64), padding=1, batch_norm=True), photographs),
    ]
    for load, bar, model, words in rows:
        train, valid = load("train"), load("valid")
        cnn.train(model, pictures(train), torch.tensor(train.y), device=device, seed=1, **words)
        _, share = cnn.evaluate(model, pictures(valid), torch.tensor(valid.y), device=device)
        count = cnn.count_parameters(model)
        print(f"{count:9,} parameters  {100 * share:6.2f} %  bar {bar:5.2f} %  {train.source}", flush=True)


if options.bars:
    torch.manual_seed(0)
    show_bars()
    sys.exit()

# %% [markdown]
# ## The data

# %%
load, epochs, rate = (mnist, 6, 0.01) if options.full else (digits, 12, 0.05)
train, valid = load("train"), load("valid")
x, x_valid = (torch.tensor(part.images[:, None], dtype=torch.float32) - 0.5 for part in (train, valid))
y, y_valid = (torch.tensor(part.y) for part in (train, valid))
shape = tuple(x.shape[1:])
inputs = x[0].numel()


def learn(model, **words):
    """(accuracy in percent on the validation set, its loss, curve of training losses) of a network."""
    losses = []
    words = {"epochs": epochs, "batch_size": 64, "learning_rate": rate, "device": device, "seed": 1, **words}
    began = time.perf_counter()
    cnn.train(model, x, y, log=lambda epoch, loss, accuracy: losses.append(float(loss)), **words)
    loss, share = cnn.evaluate(model, x_valid, y_valid, device=device)
    count = cnn.count_parameters(model)
    print(
        f"{count:9,} parameters  {100 * share:6.2f} %  loss {loss:.3f}  {time.perf_counter() - began:5.1f} s",
        flush=True,
    )
    return 100 * share, loss, losses


# %% [markdown]
# ## Width: two hidden layers d1, d2

# %%
torch.manual_seed(0)
widths = (5, 10, 20, 50, 100, 200)
rows = []
for d1 in widths:
    for d2 in (10, 50):
        model = cnn.build_mlp([inputs, d1, d2, 10])
        rows.append((d1, d2, cnn.count_parameters(model), *learn(model)[:2]))
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for d2 in (10, 50):
    chosen = [row for row in rows if row[1] == d2]
    for axis, column in zip(axes, (3, 4), strict=True):
        axis.plot([row[2] for row in chosen], [row[column] for row in chosen], "o-", label=f"d2 = {d2}")
        for row in chosen:
            axis.annotate(f"{row[0]}", (row[2], row[column]), textcoords="offset points", xytext=(4, 4), fontsize=7)
axes[0].set(xscale="log", xlabel="parameters (d1 beside each point)", ylabel="accuracy (%)")
axes[1].set(xscale="log", xlabel="parameters", ylabel="cross entropy (nats)")
axes[0].legend(frameon=False)
figure.suptitle(f"Width of two hidden layers, {train.source}")
save(figure, "width.png")

# %% [markdown]
# ## Penalties: lambda from 0 to 1

# %%
lambdas = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
for name in ("l1", "l2"):
    torch.manual_seed(0)
    found = [learn(cnn.build_mlp([inputs, 100, 10]), **{name: lam})[0] for lam in lambdas]
    axis.plot(range(len(lambdas)), found, "o-", label=name)
axis.set_xticks(range(len(lambdas)), [f"{lam:g}" for lam in lambdas])
axis.set(xlabel="lambda", ylabel="accuracy (%)", title=f"Penalties, {train.source}")
axis.legend(frameon=False)
save(figure, "penalties.png")

# %% [markdown]
# ## ReLU beside tanh, a CNN with and without batch norm

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for activation in ("relu", "tanh"):
    torch.manual_seed(0)
    percent, _, losses = learn(cnn.build_mlp([inputs, 100, 50, 10], activation))
    axes[0].plot(range(1, epochs + 1), losses, "o-", label=f"{activation}: {percent:.1f} %")
padding, size = (1, 3) if shape[1] == 8 else (2, 5)
for batch_norm in (False, True):
    torch.manual_seed(0)
    words = {"kernel_size": size, "padding": padding, "batch_norm": batch_norm}
    percent, _, losses = learn(cnn.build_cnn(shape, 10, (8, 16), **words))
    name = "with batch norm" if batch_norm else "without"
    axes[1].plot(range(1, epochs + 1), losses, "o-", label=f"{name}: {percent:.1f} %")
for axis, title in zip(axes, ("a dense network", "two stages of convolution"), strict=True):
    axis.set(xlabel="epoch", ylabel="training loss (nats)", title=f"{title}, {train.source}", yscale="log")
    axis.legend(frameon=False)
save(figure, "activation_and_norm.png")
