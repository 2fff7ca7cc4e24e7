"""Trains the character reader that `autograder.datasets.character_reader` carries, and writes its weights.

    DEEPGRADE_DATA=... python tools/train_ocr_classifier.py            some minutes of one core
    python tools/train_ocr_classifier.py --out FILE --epochs N --seed N

It learns from handwritten characters (handchars36, the training split) and from glyphs of matplotlib's fonts, each
example stretched, slanted, turned, scaled, thickened and blurred anew in every epoch. Needs PyTorch, which reading does
not. The photographs of handwritten pages that the reader is later judged on are never looked at here.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from autograder.datasets import characters, glyphs, reader36

GLYPHS_PER_CLASS = 120
# Letters are commoner than digits in any text, and a handwritten O or I is a 0 or a 1 to the pixel.
DIGIT_WEIGHT = 0.3
SIDE = 32


def network() -> nn.Sequential:
    """The layers whose weights `reader36` applies in numpy; names and order are its contract."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 48, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.4), nn.Linear(48 * 4 * 4, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 36)),
    )


def ink_and_frames(images: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Ink (n, 1, 32, 32), 0 to 1 without the paper's grain, and each letter's frame (n, 3): centre and half side,
    in grid_sample's coordinates."""
    ink = np.clip((1 - images - 0.2) / 0.6, 0, 1).astype(np.float32)
    frames = []
    for picture in ink:
        rows, columns = (np.flatnonzero((picture > 0.4).any(axis=axis)) for axis in (1, 0))
        ends = np.array([[columns[0], columns[-1] + 1], [rows[0], rows[-1] + 1]]) / SIDE * 2 - 1
        frames.append([*ends.mean(axis=1), np.ptp(ends, axis=1).max() / 2])
    return torch.from_numpy(ink)[:, None], torch.tensor(np.array(frames), dtype=torch.float32)


def crops(ink: torch.Tensor, frames: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    """Each letter fitted into its crop, its longer side 20 to 26 of 32 pixels; with a generator, no two alike."""
    n = len(ink)

    def uniform(low: float, high: float) -> torch.Tensor:
        if generator is None:
            return torch.full((n,), (low + high) / 2)
        return low + (high - low) * torch.rand(n, generator=generator)

    angle, slant = uniform(-0.14, 0.14), uniform(-0.25, 0.25)
    size = uniform(19, 27) / SIDE
    stretch = uniform(-0.14, 0.14)
    scale_x, scale_y = frames[:, 2] / size * torch.exp(stretch), frames[:, 2] / size * torch.exp(-stretch)
    cos, sin = torch.cos(angle), torch.sin(angle)
    place = torch.stack(
        [
            torch.stack([scale_x * cos, scale_x * (slant - sin), frames[:, 0] + uniform(-0.05, 0.05)], 1),
            torch.stack([scale_y * sin, scale_y * cos, frames[:, 1] + uniform(-0.05, 0.05)], 1),
        ],
        1,
    )
    out = functional.grid_sample(
        ink, functional.affine_grid(place, [n, 1, SIDE, SIDE], align_corners=False), align_corners=False
    )
    if generator is None:
        return out
    thick = functional.max_pool2d(out, 3, 1, 1)
    thin = -functional.max_pool2d(-out, 3, 1, 1)
    blurred = functional.avg_pool2d(out, 3, 1, 1, count_include_pad=False)
    change = uniform(-0.6, 0.9)[:, None, None, None]
    out = torch.where(change > 0, out + change * (thick - out), out - change * (thin - out))
    blur = (0.8 * uniform(0, 1))[:, None, None, None]
    out = (1 - blur) * out + blur * torch.where(change > 0, out, blurred)
    # Binary pages come out crisper than photographs of single letters do.
    gain = uniform(1, 2.5)[:, None, None, None]
    return ((out - 0.5) * gain + 0.5).clamp(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the character reader and write its weights.")
    parser.add_argument("--out", type=Path, default=reader36.WEIGHTS, help="where the weights go")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(options.seed)
    train, valid, test = (characters(split) for split in ("train", "valid", "test"))
    if train.source != "handchars36":
        print(
            "DEEPGRADE_DATA names no folder with handchars36: this learns from rendered glyphs alone", file=sys.stderr
        )
    drawn, drawn_y = glyphs.render(GLYPHS_PER_CLASS, seed=1000)
    ink, frames = ink_and_frames(np.concatenate([train.images, drawn / 255.0]))
    y = torch.from_numpy(np.concatenate([train.y, drawn_y]))
    weight = torch.ones(36)
    weight[26:] = DIGIT_WEIGHT
    net = network()
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
    batches = -(-len(y) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=options.epochs * batches)
    began = time.perf_counter()
    for epoch in range(1, options.epochs + 1):
        net.train()
        total = 0.0
        for batch in torch.randperm(len(y), generator=generator).split(64):
            x = crops(ink[batch], frames[batch], generator)
            loss = functional.cross_entropy(net(x), y[batch], weight=weight, label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        if epoch % 5 == 0 or epoch == options.epochs:
            print(
                f"epoch {epoch:3} of {options.epochs}: loss {total / len(y):.3f}, "
                f"{valid.source} valid {100 * score(net, valid):.2f} %, {time.perf_counter() - began:.0f} s",
                flush=True,
            )
    print(f"{test.source} test {100 * score(net, test):.2f} %")
    arrays = {
        f"{name}{place}": value.detach().numpy()
        for place, layer in enumerate(layer for layer in net if isinstance(layer, (nn.Conv2d, nn.Linear)))
        for name, value in (("w", layer.weight), ("b", layer.bias))
    }
    np.savez_compressed(options.out, **{name: value.astype(np.float16) for name, value in arrays.items()})
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


@torch.no_grad()
def score(net: nn.Module, data) -> float:
    """Share of right answers on crops that nothing was done to."""
    net.eval()
    z = net(crops(*ink_and_frames(data.images), None))
    return float((z.argmax(1) == torch.from_numpy(data.y)).float().mean())


if __name__ == "__main__":
    main()
