# %% [markdown]
# # Transfer learning: what a trained network sees, and what it is good for
#
# Not handed in. It draws a photograph's activations in three layers, and the curves of four ways to teach a network
# another data set; it prints a table of them, and writes a page of test images and scores.
#
#     python experiment.py                 about a minute
#     python experiment.py --full          Fashion-MNIST, more pictures and epochs; on a GPU if there is one
#     python experiment.py --out DIR       where the figures go (default: the folder figures beside this file)
#     python experiment.py --code FOLDER   take transfer.py from there
#
# `DEEPGRADE_DATA` names a folder with CIFAR-10 and Fashion-MNIST; without it, other pictures stand in.

# %%
import argparse
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from autograder.datasets import cifar10, digits, fashion_mnist, pretrained_resnet20

here = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()
parser = argparse.ArgumentParser(description="Look inside a trained network, and teach it something else.")
parser.add_argument("--full", action="store_true", help="Fashion-MNIST, more pictures and epochs")
parser.add_argument("--out", type=Path, default=here / "figures", metavar="DIR", help="where the figures go")
parser.add_argument("--code", type=Path, default=here, metavar="FOLDER", help="take transfer.py from there")
# In a notebook the arguments are the notebook's own: there the defaults hold.
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
options.out.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(options.code.resolve()))

import transfer  # noqa: E402

device = "cuda" if torch.cuda.is_available() else "cpu"


def save(figure, name):
    path = options.out / name
    figure.savefig(path, dpi=130)
    print(f"{path}")


# %% [markdown]
# ## What the network sees
# A picture, and the first sixteen maps of three layers. What do they have in common with the picture, and where does
# that end?

# %%
photographs = cifar10("test")
model = transfer.resnet20(pretrained_resnet20())
shown = torch.tensor(photographs.images[:40], dtype=torch.float32).permute(0, 3, 1, 2).contiguous()
logits = transfer.predict(model, shown)
figure, grid = plt.subplots(3, 4, figsize=(11, 8.6), layout="constrained")
for line, index in zip(grid, (6, 8, 1), strict=True):
    ((name, share),) = transfer.top_k(logits[index : index + 1], 1, photographs.names)[0:1][0]
    line[0].imshow(photographs.images[index])
    line[0].set_title(f"{photographs.names[photographs.y[index]]}: {name}, {100 * share:.0f} %", fontsize=9)
    for axes, layer in zip(line[1:], ("conv1", "stage2.0.conv1", "stage3"), strict=True):
        maps = transfer.activations(model, shown[index : index + 1], layer)[0]
        axes.imshow(transfer.picture_grid(transfer.as_pictures(maps)[:16], 4, fill=0.5), cmap="gray", vmin=0, vmax=1)
        axes.set_title(f"{layer}: 16 of {len(maps)} maps of {maps.shape[1]} x {maps.shape[2]}", fontsize=9)
for axes in grid.flat:
    axes.set(xticks=[], yticks=[])
figure.suptitle(f"Pictures of {photographs.source}, and activations of ResNet-20")
save(figure, "activations.png")

# %% [markdown]
# ## The page of test images and scores
# Open it in a browser. Which mistakes would you forgive?

# %%
page = options.out / "report.html"
labels = torch.tensor(photographs.y[:40])
page.write_text(
    "<!doctype html><meta charset='utf-8'><title>Test images and scores</title>"
    "<style>body{font-family:sans-serif} img{width:64px} td{padding:0 1em} .wrong{background:#fdd}</style>"
    + transfer.html_report(shown, logits, labels, photographs.names),
    encoding="utf-8",
)
right = float((logits.argmax(dim=1) == labels).float().mean())
print(f"{page}: 40 pictures of {photographs.source}, {100 * right:.0f} % right")

# %% [markdown]
# ## Four ways to learn something else
# The head alone, a longer head, everything, and everything from scratch: the same network, pictures and epochs.

# %%
load, factor, count, epochs = (fashion_mnist, 1, 10_000, 10) if options.full else (digits, 2, 600, 10)
train, test = load("train"), load("test")


def in_colour(data, count):
    pictures = torch.tensor(data.images[:count], dtype=torch.float32)
    pictures = pictures.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
    return pictures[:, None].repeat(1, 3, 1, 1), torch.tensor(data.y[:count])


(x, y), (x_test, y_test) = in_colour(train, count), in_colour(test, 2000)
everything = ("conv1", "bn1", "stage1", "stage2", "stage3", "head")
print(f"\n{train.source}: {len(x)} pictures to learn from, {len(x_test)} to be tested on, {epochs} epochs on {device}")
print(f"{'what trains':26}{'numbers':>10}{'after 1':>10}{f'after {epochs}':>11}{'seconds':>9}")
figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
for name, parts, hidden, rate in (
    ("the head", ("head",), None, 0.1),
    ("a longer head", ("head",), 64, 0.1),
    ("everything", everything, None, 0.03),
    ("everything, from scratch", everything, None, 0.03),
):
    torch.manual_seed(1)
    start = transfer.ResNet20() if "scratch" in name else transfer.resnet20(pretrained_resnet20())
    model = transfer.replace_head(start, 10, hidden=hidden, dropout=0.2 if hidden else 0.0)
    numbers = transfer.freeze(model, parts)
    curve, began = [], time.perf_counter()
    for epoch in range(1, epochs + 1):
        # Epoch by epoch, to look at unseen pictures in between; the velocity begins anew each time.
        model = transfer.finetune(model, x, y, epochs=1, learning_rate=rate, batch_size=50, device=device, seed=epoch)
        answer = transfer.predict(model, x_test).argmax(dim=1)
        curve.append(100 * float((answer == y_test).float().mean()))
    seconds = time.perf_counter() - began
    print(f"{name:26}{numbers:10,}{curve[0]:8.1f} %{curve[-1]:9.1f} %{seconds:9.1f}")
    axes.plot(np.arange(1, epochs + 1), curve, marker="o", markersize=3, label=f"{name}: {numbers:,} numbers")
axes.set(xlabel="epoch", ylabel="accuracy on unseen pictures (%)", ylim=(0, 100))
axes.grid(alpha=0.3)
axes.legend(fontsize=9, loc="lower right")
axes.set_title(f"ResNet-20, taught {len(x)} pictures of {train.source}")
save(figure, "curves.png")
