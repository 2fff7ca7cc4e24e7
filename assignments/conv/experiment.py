# %% [markdown]
# # Convolution and pooling: what your network sees
#
# Not handed in. It trains your network on digits and draws five figures: learning curves, the first layer's kernels
# before and after, the feature maps of one digit, what is misread, and your convolution's speed against a plain loop.
#
#     python experiment.py                 8x8 digits, well under a minute
#     python experiment.py --full          MNIST, 28x28, some minutes
#     python experiment.py --out DIR       where the figures go (default: the folder figures beside this file)
#     python experiment.py --code FOLDER   take conv.py from there
#
# `DEEPGRADE_DATA` names a folder with MNIST's files; without it, `--full` uses the small digits, enlarged to 28x28.

# %%
import argparse
import os
import sys
import time
from pathlib import Path

# One thread, as in the grader: threads that wait for each other cost more than they bring where matrices are small.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

from autograder.datasets import digits, mnist  # noqa: E402

here = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()
parser = argparse.ArgumentParser(description="Train your network on digits, and draw what it learned.")
parser.add_argument("--full", action="store_true", help="MNIST instead of the 8x8 digits")
parser.add_argument("--out", type=Path, default=here / "figures", metavar="DIR", help="where the figures go")
parser.add_argument("--code", type=Path, default=here, metavar="FOLDER", help="take conv.py from there")
# In a notebook the arguments are the notebook's own: there the defaults hold.
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
options.out.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(options.code.resolve()))

import conv as net  # noqa: E402


def save(figure, name):
    path = options.out / name
    figure.savefig(path, dpi=130)
    if "ipykernel" not in sys.modules:  # a notebook shows what is still open when its cell ends
        plt.close(figure)
    print(f"{path}")


# %% [markdown]
# ## The data
# Pictures become (n, 1, rows, columns); subtracting the training set's mean brightness puts them around zero.

# %%
kernels = (8, 16)
load, size, epochs, batch_size = (mnist, 5, 3, 32) if options.full else (digits, 3, 15, 16)
train, valid = load("train"), load("valid")
mean = train.images.mean()
x, y = train.images[:, None] - mean, train.y
x_valid, y_valid = valid.images[:, None] - mean, valid.y
print(f"{valid.source}: {len(x)} training pictures, {len(x_valid)} for validation, {epochs} epochs")


def logits_of(pictures, params):
    """In parts, so that a large set needs no large memory."""
    parts = [net.forward(pictures[start : start + 500], params)[0] for start in range(0, len(pictures), 500)]
    return np.concatenate(parts)


def loss_of(z, labels):
    top = z.max(axis=1)
    log_sum = top + np.log(np.exp(z - top[:, None]).sum(axis=1))
    return float(np.mean(log_sum - z[np.arange(len(z)), labels]))


# %% [markdown]
# ## Two learning rates
# One dash of each curve is an epoch. Where do training and validation part, and what does that tell?

# %%
start = net.initialize(x.shape[1:], kernels, size, 10, np.random.default_rng(1))
rates = (0.1, 0.02)
runs = {}
for rate in rates:
    rng, params, history = np.random.default_rng(2), start, []
    began = time.perf_counter()
    for epoch in range(1, epochs + 1):
        heard = {}
        params = net.train(
            x, y, params, learning_rate=rate, epochs=1, batch_size=batch_size, rng=rng, log=heard.update
        )  # fmt: skip
        z = logits_of(x_valid, params)
        right = float(np.mean(z.argmax(axis=1) == y_valid))
        history.append((heard["loss"], heard["accuracy"], loss_of(z, y_valid), right))
        words = f"learning rate {rate:g}: epoch {epoch:2} of {epochs}, validation accuracy {100 * right:5.2f} %"
        if sys.stdout.isatty():
            print(f"\r{words}", end="", flush=True)
        elif options.full:
            print(words, flush=True)
    print(f"\r{words}, {time.perf_counter() - began:.1f} s")
    runs[rate] = params, np.array(history)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
for rate, colour in zip(rates, ("tab:blue", "tab:green"), strict=True):
    history = runs[rate][1]
    ticks = np.arange(1, len(history) + 1)
    left.semilogy(ticks, history[:, 0], color=colour, label=f"{rate:g}, training")
    left.semilogy(ticks, history[:, 2], "--", color=colour, label=f"{rate:g}, validation")
    right.plot(ticks, 100 * history[:, 1], color=colour)
    right.plot(ticks, 100 * history[:, 3], "--", color=colour)
left.set(xlabel="epoch", ylabel="cross-entropy (nats a picture)")
right.set(xlabel="epoch", ylabel="accuracy (%)", ylim=(min(80, 100 * runs[rates[0]][1][0, 1]), 100.5))
figure.legend(loc="outside lower center", ncols=2, fontsize=8, title="learning rate")
for axes in (left, right):
    axes.grid(alpha=0.3)
    axes.xaxis.get_major_locator().set_params(integer=True)
figure.suptitle(f"{kernels[0]} and {kernels[1]} kernels of {size}x{size}, on {valid.source}")
save(figure, "learning_curves.png")

# %% [markdown]
# ## What the first layer looks for
# Its kernels before and after training, each on its own scale: red is positive, blue negative, white zero.

# %%
best = max(rates, key=lambda rate: runs[rate][1][-1, 3])
params = runs[best][0]
figure, panels = plt.subplots(2, kernels[0], figsize=(1.2 * kernels[0], 3.2), layout="constrained")
for row, (words, weights) in zip(panels, (("before", start[0][0]), ("after", params[0][0])), strict=True):
    for axes, kernel in zip(row, weights[:, 0], strict=True):
        bound = np.abs(kernel).max()
        axes.imshow(kernel, cmap="RdBu_r", vmin=-bound, vmax=bound)
        axes.set(xticks=[], yticks=[])
    row[0].set_ylabel(words)
figure.suptitle(f"Kernels of the first layer, on {valid.source}")
save(figure, "kernels.png")

# %% [markdown]
# ## One digit on its way through
# Each kernel gives one map. Which parts of the digit does each answer to? Pooling leaves a quarter of the pixels.

# %%
chosen = int(np.flatnonzero(y_valid == 8)[0])
a = x_valid[chosen : chosen + 1]
stages = [("picture", a[0])]
for number, (w, b) in enumerate(params[:2], 1):
    a, _ = net.conv2d_forward(a, w, b, 1, w.shape[2] // 2)
    a = np.maximum(a, 0)
    stages.append((f"ReLU {number}", a[0]))
    a, _ = net.max_pool_forward(a, 2, 2)
    stages.append((f"pool {number}", a[0]))
columns = kernels[1]
figure, panels = plt.subplots(len(stages), columns, figsize=(0.75 * columns, 4.6), layout="constrained")
for row, (words, maps) in zip(panels, stages, strict=True):
    for axes in row:
        axes.set(xticks=[], yticks=[])
        axes.set_visible(False)
    for axes, one in zip(row, maps, strict=False):
        axes.set_visible(True)
        axes.imshow(one, cmap="gray" if words == "picture" else "viridis", vmax=maps.max())
    row[0].set_ylabel(words, rotation=0, ha="right", va="center")
figure.suptitle(f"Feature maps of a digit {y_valid[chosen]} (each row on one scale), on {valid.source}")
save(figure, "feature_maps.png")

# %% [markdown]
# ## What it misreads
# The truth in black, your network's reading in red. Would you have known?

# %%
predicted = logits_of(x_valid, params).argmax(axis=1)
wrong = np.flatnonzero(predicted != y_valid)
print(f"{len(wrong)} of {len(y_valid)} misread")
figure, panels = plt.subplots(2, 8, figsize=(9, 3), layout="constrained")
for axes in panels.ravel():
    axes.axis("off")
for axes, index in zip(panels.ravel(), wrong, strict=False):
    axes.imshow(valid.images[index], cmap="gray")
    axes.set_title(f"{y_valid[index]}", loc="left", fontsize=10)
    axes.set_title(f"{predicted[index]}", loc="right", fontsize=10, color="tab:red")
figure.suptitle(
    f"Misread digits ({min(len(wrong), 16)} of {len(wrong)}); "
    f"{100 - 100 * len(wrong) / len(y_valid):.2f} % right, on {valid.source}"
)
save(figure, "misread.png")

# %% [markdown]
# ## How much a loop costs
# Forward passes of a 3x3 convolution on ever larger maps: your function, and a plain loop over places of the output.
# Only the ratio matters; the seconds are those of this machine.


# %%
def loop(x, w, b):
    p, q = w.shape[2:]
    out = np.zeros((len(x), len(w), x.shape[2] - p + 1, x.shape[3] - q + 1))
    for i, r, s in np.ndindex(len(x), *out.shape[2:]):
        out[i, :, r, s] = (w * x[i, :, r : r + p, s : s + q]).sum(axis=(1, 2, 3)) + b
    return out


def seconds(function, *arrays):
    """The shortest of at least three calls, and of as many as a quarter of a second holds: noise only ever adds."""
    times = []
    while len(times) < 3 or sum(times) < 0.25:
        began = time.perf_counter()
        function(*arrays)
        times.append(time.perf_counter() - began)
    return min(times)


rng = np.random.default_rng(3)
w, b = rng.normal(size=(8, 3, 3, 3)), rng.normal(size=8)
sides, yours, loops = (4, 8, 16, 32, 64, 128), [], []
for side in sides:
    x_timed = rng.normal(size=(2, 3, side, side))
    assert np.allclose(net.conv2d_forward(x_timed, w, b, 1, 0)[0], loop(x_timed, w, b)), "yours and the loop disagree"
    yours.append(seconds(net.conv2d_forward, x_timed, w, b, 1, 0))
    loops.append(seconds(loop, x_timed, w, b))
ratios = np.array(loops) / np.array(yours)
print("times as long as yours a plain loop takes: ", end="")
print(", ".join(f"{ratio:.0f} ({side}x{side})" for side, ratio in zip(sides, ratios, strict=True)))
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.loglog(sides, 1e3 * np.array(loops), "o-", color="tab:red", label="plain loop")
left.loglog(sides, 1e3 * np.array(yours), "o-", color="tab:blue", label="your convolution")
left.set(xlabel="rows and columns of the maps", ylabel="one forward pass (ms)")
left.legend()
right.loglog(sides, ratios, "o-", color="black")
right.set(xlabel="rows and columns of the maps", ylabel="loop's time / your time")
for axes in (left, right):
    axes.grid(alpha=0.3)
    axes.set_xticks(sides, [str(side) for side in sides])
    axes.minorticks_off()
figure.suptitle("A 3x3 convolution from 3 to 8 channels, two pictures")
save(figure, "speed.png")
