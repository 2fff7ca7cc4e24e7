"""Trains the network by whose features the assignment on GANs judges samples, and writes its weights.

    OMP_NUM_THREADS=1 python tools/train_gan_judge.py       a minute of one core
    python tools/train_gan_judge.py --out FILE --seed N

It learns to tell the 8x8 digits that every installation has, and so to see strokes. What solutions/gan applies to
letters are two convolutions (3x3, ReLU, the second followed by 2x2 max pooling) and a dense layer whose ReLU gives the
features; the layer that names the digit is left out of the file. Names and shapes in the file are its contract.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional

from autograder.datasets import digits

WEIGHTS = Path(__file__).resolve().parent.parent / "solutions" / "gan" / "judge.safetensors"
FEATURES = 32


def network(side: int, maps: int) -> nn.Sequential:
    """(n, 1, side, side) pictures, -1 to 1, to (n, 10) logits."""
    return nn.Sequential(
        *(nn.Conv2d(1, maps, 3, 1, 1), nn.ReLU()),
        *(nn.Conv2d(maps, 2 * maps, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.3), nn.Linear(2 * maps * (side // 2) ** 2, FEATURES), nn.ReLU()),
        nn.Linear(FEATURES, 10),
    )


def trained(data, test, *, maps: int, epochs: int, seed: int) -> dict[str, np.ndarray]:
    """The weights of all layers but the last."""
    torch.manual_seed(seed)
    x, y = tensors(data)
    side = x.shape[-1]
    net = network(side, maps)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    steps = epochs * -(-len(y) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    began = time.process_time()
    for _ in range(epochs):
        net.train()
        for batch in torch.randperm(len(y)).split(64):
            # Moved by at most a pixel: forgeries need not sit where the data do.
            moved = functional.pad(x[batch], (1, 1, 1, 1), value=-1.0)
            top, left = (int(v) for v in torch.randint(3, (2,)))
            pictures = moved[:, :, top : top + side, left : left + side]
            loss = functional.cross_entropy(net(pictures), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    x, y = tensors(test)
    with torch.no_grad():
        right = float(net(x).argmax(1).eq(y).float().mean())
    print(f"{test.source} test {100 * right:.2f} %, {time.process_time() - began:.0f} s of CPU", flush=True)
    layers = [layer for layer in net if isinstance(layer, (nn.Conv2d, nn.Linear))]
    return {
        f"{name}{place}": value.detach().numpy().astype(np.float16)
        for place, layer in enumerate(layers[:-1])
        for name, value in (("w", layer.weight), ("b", layer.bias))
    }


def tensors(data) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(2 * data.images - 1, dtype=torch.float32)[:, None], torch.tensor(data.y)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the judge's network and write its weights.")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go")
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    save_file(trained(digits("train"), digits("test"), maps=16, epochs=60, seed=options.seed), options.out)
    print(f"{options.out.name}: {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
