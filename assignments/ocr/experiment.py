# %% [markdown]
# # Reading a page: what your code sees
#
# Not handed in. It reads four pages with your functions and draws what they found: boxes and text, the crops that the
# classifier gets, what was confused with what, and a table of error rates.
#
#     python experiment.py                 the four pages, half a minute at most
#     python experiment.py --full          and 200 drawn pages, harder and harder: where does it begin to fail?
#     python experiment.py --out DIR       where the figures go (default: the folder figures beside this file)
#     python experiment.py --code FOLDER   take ocr.py from there
#
# `DEEPGRADE_DATA` names a folder with the photographs; without it, the four pages are drawn.

# %%
import argparse
import sys
import time
from difflib import SequenceMatcher
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from autograder.datasets import character_reader, draw_page, pages

here = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()
parser = argparse.ArgumentParser(description="Read four pages with your code, and draw what it found.")
parser.add_argument("--full", action="store_true", help="200 drawn pages as well")
parser.add_argument("--out", type=Path, default=here / "figures", metavar="DIR", help="where the figures go")
parser.add_argument("--code", type=Path, default=here, metavar="FOLDER", help="take ocr.py from there")
# In a notebook the arguments are the notebook's own: there the defaults hold.
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
options.out.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(options.code.resolve()))

import ocr  # noqa: E402

classify = character_reader()


def save(figure, name):
    path = options.out / name
    figure.savefig(path, dpi=130)
    if "ipykernel" not in sys.modules:  # a notebook shows what is still open when its cell ends
        plt.close(figure)
    print(f"{path}")


# %% [markdown]
# ## Four pages
# The boxes that were found, and the text beside them. A red letter in the text is one that was read wrongly.

# %%
results = []
for page in pages():
    began = time.perf_counter()
    boxes, binary = ocr.find_letters(page.image)
    lines = ocr.group_lines(boxes)
    text = ocr.read_text(page.image, classify)
    rate = ocr.character_error_rate(text, page.text)
    results.append((page, boxes, binary, lines, text, rate))
    print(
        f"{page.name:12} {len(boxes):3} of {page.count:3} letters in {len(lines)} of {len(page.lines)} lines, "
        f"character error rate {100 * rate:5.2f} %, {time.perf_counter() - began:.1f} s"
    )


def same_places(text, truth):
    """For every character of text, whether it has its place in the truth."""
    right = np.zeros(len(text), bool)
    for block in SequenceMatcher(None, text, truth, autojunk=False).get_matching_blocks():
        right[block.a : block.a + block.size] = True
    return right


for page, boxes, _, lines, text, rate in results:
    h, w = page.image.shape
    figure, (left, side) = plt.subplots(
        1, 2, figsize=(12, 0.4 + 7.6 * min(h / w, 0.8)), width_ratios=[8, 4], layout="constrained"
    )
    left.imshow(page.image, cmap="gray", vmin=0, vmax=1)
    for number, line in enumerate(lines):
        for y0, x0, y1, x1 in line:
            left.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=f"C{number % 10}"))
    left.axis("off")
    side.axis("off")
    side.set(xlim=(0, 32), ylim=(max(10, len(lines) + 1), 0))
    right = same_places(text, page.text)
    row = column = 0
    for character, fine in zip(text, right, strict=True):
        if character == "\n":
            row, column = row + 1, 0
            continue
        side.text(column, row + 0.7, character, family="monospace", color="black" if fine else "red", fontsize=9)
        column += 1
    figure.suptitle(f"{page.name} ({page.source}): {len(boxes)} letters, {100 * rate:.1f} % of the characters wrong")
    save(figure, f"page_{page.name}.png")

# %% [markdown]
# ## What the classifier gets
# Crops in reading order, a row for each line. Would you read them without the line around them?

# %%
for page, _, binary, lines, _, _ in results:
    columns = max([1, *map(len, lines)])
    sheet = np.full((34 * max(1, len(lines)), 34 * columns), 0.8)
    for row, line in enumerate(lines):
        for column, crop in enumerate(ocr.crop_letters(binary, line)):
            sheet[34 * row + 1 : 34 * row + 33, 34 * column + 1 : 34 * column + 33] = crop
    height = max(1.6, 12 * sheet.shape[0] / sheet.shape[1] + 0.5)
    figure, axes = plt.subplots(figsize=(12, min(height, 14)), layout="constrained")
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.axis("off")
    axes.set_title(f"Crops of {page.name} ({page.source})")
    save(figure, f"crops_{page.name}.png")

# %% [markdown]
# ## What was confused with what
# Over all four pages, where text and truth have lines of the same length. Rows are the truth.

# %%
names = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
confusion = np.zeros((36, 36), int)
for page, _, _, _, text, _ in results:
    for read, true in zip(text.split("\n"), page.lines, strict=False):
        if len(read) == len(true):
            for a, b in zip(read, true, strict=True):
                if a in names:
                    confusion[names.index(b), names.index(a)] += 1
figure, axes = plt.subplots(figsize=(8.6, 8), layout="constrained")
axes.imshow(confusion, cmap="Blues", vmax=max(1, confusion.max() * 1.1))
for i, j in np.argwhere(confusion):
    colour = "white" if confusion[i, j] > confusion.max() / 2 else ("tab:red" if i != j else "black")
    axes.text(j, i, confusion[i, j], ha="center", va="center", fontsize=7, color=colour)
axes.set_xticks(range(36), names)
axes.set_yticks(range(36), names)
axes.set(xlabel="read", ylabel="truth")
axes.set_title(f"Characters of the four pages ({results[0][0].source})")
save(figure, "confusion.png")

# %% [markdown]
# ## The table

# %%
header = ("page", "letters", "found", "lines", "CER (%)")
rows = [
    (page.name, page.count, len(boxes), f"{len(lines)} of {len(page.lines)}", f"{100 * rate:.2f}")
    for page, boxes, _, lines, _, rate in results
]
characters = sum(len(page.text) for page, *_ in results)
wrong = sum(rate * len(page.text) for page, *_, rate in results)
rows.append(
    ("all four", sum(row[1] for row in rows), sum(row[2] for row in rows), "", f"{100 * wrong / characters:.2f}")
)
for row in (header, *rows):
    print(f"{row[0]:12} {row[1]!s:>8} {row[2]!s:>6} {row[3]:>8} {row[4]:>8}")
figure, axes = plt.subplots(figsize=(7, 2.2), layout="constrained")
axes.axis("off")
axes.table(cellText=rows, colLabels=header, loc="center", cellLoc="center").scale(1, 1.4)
axes.set_title(f"Reading four pages ({results[0][0].source})")
save(figure, "table.png")

# %% [markdown]
# ## Harder and harder
# Drawn pages, one difficulty at a time. Where the contract ends, a dotted line says so.

# %%
if options.full:
    ladders = {
        "noise (standard deviation)": ("noise", (0.0, 0.02, 0.04, 0.06, 0.1, 0.15), 0.03),
        "ink (share of the paper's brightness)": ("ink", (0.1, 0.3, 0.5, 0.6, 0.7, 0.8), 0.6),
        "slant": ("slant", (0.0, 0.2, 0.4, 0.6, 0.8), None),
        "height (pixels)": ("height", (8, 10, 12, 16, 32, 64), 16),
    }
    figure, panels = plt.subplots(1, 4, figsize=(14, 3.4), sharey=True, layout="constrained")
    for axes, (label, (option, values, end)) in zip(panels, ladders.items(), strict=True):
        rates = []
        for value in values:
            wrong = count = 0
            for seed in range(10):
                settings = {"height": 32, "thicken": 2.0, "noise": 0.01, option: value}
                page = draw_page(["SPHINX", "OF BLACK", "QUARTZ"], seed=seed, **settings)
                text = ocr.read_text(page.image, classify)
                wrong += ocr.character_error_rate(text, page.text) * len(page.text)
                count += len(page.text)
            rates.append(100 * wrong / count)
            if sys.stdout.isatty():
                print(f"\r{label} {value:g}: {rates[-1]:.1f} % wrong     ", end="", flush=True)
        print(f"\r{label}: {', '.join(f'{v:g}: {rate:.1f} %' for v, rate in zip(values, rates, strict=True))}")
        axes.plot(values, rates, "o-")
        if end is not None:
            axes.axvline(end, color="gray", linestyle=":")
        axes.set(xlabel=label, ylim=(0, 105))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("character error rate (%)")
    figure.suptitle("Drawn pages, harder and harder (dotted: where the contract ends)")
    save(figure, "harder.png")
