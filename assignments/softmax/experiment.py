# %% [markdown]
# # Softmax regression: learning rates, batch sizes, regions
#
# Not handed in. It trains your softmax regression and draws three figures: error against epochs for four learning
# rates, gradient descent beside stochastic gradient descent, and the decision regions of three classes in the plane.
#
#     python experiment.py                 600 small pictures of digits, a few seconds
#     python experiment.py --full          MNIST, all 60,000 digits, several minutes
#     python experiment.py --out DIR       where the figures go (default: the folder figures beside this file)
#     python experiment.py --code FOLDER   take softmax.py from there
#
# `--full` needs MNIST: `deepgrade data mnist` fetches it into a cache, or `DEEPGRADE_DATA` names a folder with it.
# Without `--full` nothing is needed: where there are no files, the digits are rendered from fonts.

# %%
import argparse
import sys
from pathlib import Path

import matplotlib

if "ipykernel" not in sys.modules:
    matplotlib.use("Agg")  # figures go to files, also where there is no screen
import matplotlib.pyplot as plt
import numpy as np

from autograder.datasets import characters, mnist

here = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()
parser = argparse.ArgumentParser(description="Train your softmax regression, and draw what it learned.")
parser.add_argument("--full", action="store_true", help="MNIST, as `deepgrade data mnist` fetches it")
parser.add_argument("--out", type=Path, default=here / "figures", metavar="DIR", help="where the figures go")
parser.add_argument("--code", type=Path, default=here, metavar="FOLDER", help="take softmax.py from there")
# In a notebook the arguments are the notebook's own: there the defaults hold.
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
options.out.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(options.code.resolve()))

from softmax import (  # noqa: E402
    decision_boundary,
    meeting_point,
    predict,
    predict_proba,
    reflect,
    softmax_regression,
)

plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 10, "legend.frameon": False})


def save(figure, name):
    path = options.out / name
    figure.savefig(path, dpi=130)
    if "ipykernel" not in sys.modules:  # a notebook shows what is still open when its cell ends
        plt.close(figure)
    print(path)


def train(title, x, y, **settings):
    """The weights, and the error and the loss after every epoch; a line on the terminal follows."""
    errors, losses = [], []

    def log(epoch, loss, accuracy):
        errors.append(1 - float(accuracy))
        losses.append(float(loss))
        print(f"\r{title}: epoch {epoch} of {settings['epochs']}, error {errors[-1]:6.1%}", end="", flush=True)

    weights = softmax_regression(x, y, rng=np.random.default_rng(0), log=log, **settings)
    print()
    return weights, np.array(errors), np.array(losses)


# %% [markdown]
# ## The data
# `x` is (n, d): one row a picture, ink 1 on paper 0. `y` is (n,): which digit it is.


# %%
def small_digits(split):
    """The digits among the course's characters: 32 x 32 pixels, 60 of each to train and 13 to validate with."""
    data = characters(split)
    first = data.names.index("0")
    digits = data.y >= first
    return 1 - data.x[digits], data.y[digits] - first, f"digits, {data.source}"


def all_digits(*splits):
    """MNIST, from the folder of DEEPGRADE_DATA or from the cache that `deepgrade data mnist` fills."""
    parts = [mnist(split) for split in splits]
    if parts[0].source != "MNIST":
        sys.exit("MNIST is not here; fetch it with `deepgrade data mnist`, or run without --full")
    return np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]), "MNIST"


if options.full:
    (x, y, source), (x_valid, y_valid, _) = all_digits("train", "valid"), all_digits("test")
else:
    (x, y, source), (x_valid, y_valid, _) = small_digits("train"), small_digits("valid")
n, epochs = len(x), 25
print(f"{source}: {n} pictures of {x.shape[1]} pixels to train with, {len(x_valid)} to validate with")

# %% [markdown]
# ## Four learning rates
# Full batches: an epoch is one step. Which rate is too small, which too large, and how does each curve show it? Train
# four times as long: does the order of the rates stay? (In the homework behind this course, 0.5 was best.)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for rate, colour in zip((0.02, 0.1, 0.5, 2.0), plt.cm.viridis(np.linspace(0.85, 0.05, 4)), strict=True):
    weights, errors, losses = train(
        f"learning rate {rate:<4g}", x, y, learning_rate=rate, epochs=epochs, batch_size=n, weight_decay=0.0
    )
    invalid = np.mean(predict(x_valid, weights) != y_valid)
    label = f"{rate:g}   (validation error {invalid:.1%})"
    left.plot(range(1, epochs + 1), 100 * errors, color=colour, label=label)
    right.plot(range(1, epochs + 1), losses, color=colour)
left.set(xlabel="epoch", ylabel="training error, %", ylim=(0, 100))
right.set(xlabel="epoch", ylabel="training loss, nats", yscale="log")
left.legend(title="learning rate")
figure.suptitle(f"Gradient descent with four learning rates ({source})")
save(figure, "learning_rates.png")

# %% [markdown]
# ## Gradient descent and stochastic gradient descent
# One learning rate, three batch sizes. On the left an epoch costs all of them the same: every example is looked at
# once. On the right the same runs, against the number of steps. Who wins where, and why?

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
for size, colour in zip((n, n // 10, 10), ("tab:blue", "tab:orange", "tab:red"), strict=True):
    label = f"all {n}" if size == n else f"{size}"
    _, _, losses = train(
        f"batches of {label}", x, y, learning_rate=0.1, epochs=epochs, batch_size=size, weight_decay=0.0
    )
    steps = np.arange(1, epochs + 1) * -(-n // size)  # rounded up: a smaller last batch is a step too
    left.plot(range(1, epochs + 1), losses, color=colour, label=label)
    right.plot(steps, losses, color=colour, marker=".")
left.set(xlabel="epoch", ylabel="training loss, nats", yscale="log", title="for the same number of examples")
right.set(xlabel="step", xscale="log", title="for the same number of steps")
left.legend(title="batch size")
figure.suptitle(f"Gradient descent and SGD, learning rate 0.1 ({source})")
save(figure, "batch_sizes.png")

# %% [markdown]
# ## Decision regions
# Three clouds in the plane. Regions end at straight lines (why?), and all three lines meet in one point, where every
# class has the probability 1/3. A point and its mirror image in the line between two classes have opposite log-odds:
# among these two, what the one is to the point, the other is to its image.

# %%
rng = np.random.default_rng(1)
centres = np.array([[-1.6, -1.0], [1.8, -0.7], [0.2, 1.9]])
labels = rng.integers(0, 3, 240)
points = centres[labels] + rng.normal(0, 0.85, (240, 2))
weights, errors, _ = train(
    "three clouds", points, labels, learning_rate=0.5, epochs=100, batch_size=20, weight_decay=0.01
)
names, colours = ("red", "green", "blue"), np.array([[0.80, 0.25, 0.20], [0.20, 0.55, 0.25], [0.15, 0.35, 0.75]])

reach = 4.6
ticks = np.linspace(-reach, reach, 400)
grid = np.stack(np.meshgrid(ticks, ticks), axis=-1)  # (400, 400, 2)
p = predict_proba(grid.reshape(-1, 2), weights)  # (160000, 3)
meeting = meeting_point(weights)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
left.imshow(1 - 0.55 * (1 - p @ colours).reshape(400, 400, 3), origin="lower", extent=(-reach, reach, -reach, reach))
region = predict(grid.reshape(-1, 2), weights).reshape(400, 400)
for i, j in ((0, 1), (1, 2), (2, 0)):
    a, c = decision_boundary(weights, i, j)
    rival = 3 - i - j
    odds = np.where(region == rival, np.nan, grid @ a + c)  # drawn where the third class does not win
    left.contour(ticks, ticks, odds, levels=[0], colors="black", linewidths=1.2)
left.scatter(*points.T, c=colours[labels], s=14, edgecolors="white", linewidths=0.4)
some = points[labels == 0]
some = some[some[:, 1].argsort()][5::18]  # from low to high
for point, image in zip(some, reflect(some, weights, 0, 1), strict=True):
    left.plot(*np.stack([point, image]).T, color="black", linewidth=0.8, linestyle=":", marker="o", markersize=4)
left.plot(*meeting, marker="*", markersize=14, color="white", markeredgecolor="black")
shown = ", ".join(f"{value:.3f}" for value in predict_proba(meeting[None], weights)[0])
left.annotate(
    f"here all regions meet:\nprobabilities {shown}",
    meeting,
    (-reach + 0.2, reach - 0.2),
    va="top",
    fontsize=9,
    arrowprops={"arrowstyle": "-", "linewidth": 0.8, "shrinkB": 8},
)

# A straight line across the boundary of red and green, close to where blue begins. The point halfway between any
# point and its mirror image lies on the boundary.
near = meeting + 0.3 * (meeting - centres[2]) / np.linalg.norm(meeting - centres[2])
foot = (near + reflect(near[None], weights, 0, 1)[0]) / 2
a, c = decision_boundary(weights, 0, 1)
t = np.linspace(-2.5, 2.5, 301)
across = foot + t[:, None] * a / np.linalg.norm(a)  # (301, 2)
q = predict_proba(across, weights)  # (301, 3)
left.plot(*across.T, color="black", linewidth=1.2, linestyle="--")
for k in range(3):
    right.plot(t, q[:, k], color=colours[k], label=names[k])
for k in range(2):
    share = q[:, k] / (q[:, 0] + q[:, 1])
    right.plot(t, share, color=colours[k], linestyle=":", label=f"{names[k]} / (red + green)")
right.axvline(0, color="black", linewidth=0.8)
right.set(xlabel="distance from the boundary of red and green", ylabel="probability", title="Along the dashed line")
right.legend()
left.set(xlim=(-reach, reach), ylim=(-reach, reach), title="Regions, boundaries, and points with their mirror images")
figure.suptitle(f"Three classes in the plane, training error {errors[-1]:.1%}")
save(figure, "regions.png")
