"""Trains the ResNet-20 that `autograder.datasets.pretrained_resnet20` carries, and writes its weights.

    DEEPGRADE_DATA=... OMP_NUM_THREADS=1 python tools/train_resnet20.py        some 20 minutes of one core
    python tools/train_resnet20.py --out FILE --epochs N --seed N

It learns CIFAR-10 from the training split of `cifar10`, 9,000 pictures in the subset that this project has at hand, so
it stays well below what ResNet-20 reaches on all 50,000. Two thirds of the epochs see crops of 24 x 24 pixels, at half
the price, the last third whole pictures; each is mirrored, moved and partly covered at random. The network is the one
that the assignment's stub gives. The log of the run whose weights are kept is tools/train_resnet20.log.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.nn import functional

from autograder.datasets import cifar10, resnet

REPOSITORY = Path(__file__).resolve().parent.parent
STUB = REPOSITORY / "assignments" / "transfer" / "transfer.py"
BATCH = 125
PEAK = 0.25  # learning rate
MARGIN = 4  # pixels that a picture may move


def network():
    """The ResNet20 of the stub: what students get and what these weights fit are one class."""
    spec = importlib.util.spec_from_file_location("transfer", STUB)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ResNet20()


def varied(images: torch.Tensor, side: int, generator: torch.Generator) -> torch.Tensor:
    """Each picture mirrored or not, cut out of itself with a margin of MARGIN, a square of side / 4 made grey."""
    n = len(images)

    def draw(high):
        return torch.randint(high, (n,), generator=generator)

    padded = functional.pad(images, (MARGIN,) * 4, mode="reflect")
    top, left = draw(32 + 2 * MARGIN - side + 1), draw(32 + 2 * MARGIN - side + 1)
    rows = top[:, None] + torch.arange(side)
    columns = left[:, None] + torch.arange(side)
    columns = torch.where(draw(2)[:, None] > 0, columns.flip(1), columns)
    out = padded[torch.arange(n)[:, None, None, None], torch.arange(3)[:, None, None],
                 rows[:, None, :, None], columns[:, None, None, :]]  # fmt: skip
    size = side // 4
    y, x = draw(side - size + 1)[:, None], draw(side - size + 1)[:, None]
    places = torch.arange(side)
    covered = ((places >= y) & (places < y + size))[:, :, None] & ((places >= x) & (places < x + size))[:, None, :]
    return torch.where(covered[:, None], torch.tensor(0.5), out)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the ResNet-20 and write its weights.")
    parser.add_argument("--out", type=Path, default=resnet.WEIGHTS, help="where the weights go")
    parser.add_argument("--epochs", type=int, default=105)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(options.seed)
    train, valid, test = (cifar10(split) for split in ("train", "valid", "test"))
    if not train.source.startswith("CIFAR-10"):
        sys.exit("DEEPGRADE_DATA names no folder with CIFAR-10, and these weights are to be of photographs")
    x, y = tensors(train)
    model = network().to(memory_format=torch.channels_last)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.SGD(
        [{"params": decayed, "weight_decay": 1e-3}, {"params": others}], lr=PEAK, momentum=0.9, nesterov=True
    )
    steps = options.epochs * (len(y) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK, total_steps=steps, pct_start=0.2)
    began, parameters = time.process_time(), sum(p.numel() for p in model.parameters())
    print(f"{train.source}: {len(y)} pictures, {options.epochs} epochs, {parameters:,} parameters", flush=True)
    for epoch in range(1, options.epochs + 1):
        side = 24 if epoch <= 2 * options.epochs // 3 else 32
        model.train()
        total = 0.0
        for batch in torch.randperm(len(y), generator=generator)[: len(y) // BATCH * BATCH].split(BATCH):
            pictures = varied(x[batch], side, generator).contiguous(memory_format=torch.channels_last)
            loss = functional.cross_entropy(model(pictures), y[batch], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        if epoch % 5 == 0 or epoch == options.epochs:
            print(
                f"epoch {epoch:3} of {options.epochs}: side {side}, loss {total / (len(y) // BATCH):.3f}, "
                f"valid {100 * score(model, valid):.2f} %, {time.process_time() - began:.0f} s of CPU",
                flush=True,
            )
    arrays = {name: np.ascontiguousarray(value.numpy()) for name, value in model.state_dict().items()}
    arrays = {name: value.astype(np.float16) if value.dtype == np.float32 else value for name, value in arrays.items()}
    save_file(arrays, options.out)
    model.load_state_dict({name: torch.tensor(value) for name, value in arrays.items()})
    print(f"{test.source} test {100 * score(model, test):.2f} %, with weights rounded to 16 bits")
    print(f"{options.out.name}: {options.out.stat().st_size / 1000:.0f} kB")


def tensors(data) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, 3, 32, 32) float32 pictures, and their labels."""
    return torch.tensor(data.x.reshape(-1, 3, 32, 32), dtype=torch.float32), torch.tensor(data.y)


@torch.no_grad()
def score(model, data) -> float:
    """Share of right answers on whole pictures."""
    model.eval()
    x, y = tensors(data)
    return float(torch.cat([model(part).argmax(1) for part in x.split(250)]).eq(y).float().mean())


if __name__ == "__main__":
    main()
