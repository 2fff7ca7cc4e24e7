"""Right, with a context manager for hooks, a state dict for the copy, and a head of a class of its own in two cases."""

import base64
import copy
import math
import struct
import zlib
from contextlib import contextmanager
from html import escape

import torch
from torch import nn
from torch.nn import functional

# ------------------------------------------------------------------------------------- given: leave this part as it is


class Block(nn.Module):
    """Two convolutions and the way around them:  relu(x + bn2(conv2(relu(bn1(conv1(x)))))).

    Where the block makes maps smaller or more of them, x is thinned out and filled up with zero maps to fit.
    """

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.more = stride, outputs - inputs

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        around = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return functional.relu(around + y)


class ResNet20(nn.Module):
    """The ResNet-20 of He et al. (2015), section 4.2: (n, 3, h, w) images to (n, classes) logits.

    conv1, bn1, ReLU; three stages of three blocks with width, 2 width and 4 width maps; the mean of each map; head.
    """

    def __init__(self, classes=10, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.stage1 = nn.Sequential(*[Block(width, width, 1) for _ in range(3)])
        self.stage2 = nn.Sequential(*[Block(width * min(i + 1, 2), 2 * width, 2 - min(i, 1)) for i in range(3)])
        self.stage3 = nn.Sequential(*[Block(width * min(2 * i + 2, 4), 4 * width, 2 - min(i, 1)) for i in range(3)])
        self.head = nn.Linear(4 * width, classes)

    def forward(self, x):
        x = functional.relu(self.bn1(self.conv1((x - 0.5) / 0.25)))
        x = self.stage3(self.stage2(self.stage1(x)))
        return self.head(x.mean(dim=(2, 3)))


def resnet20(weights):
    """The network with these weights, in eval mode.

    weights : dict from the names of its state_dict to arrays, as `autograder.datasets.pretrained_resnet20()` gives it.
    """
    classes, features = weights["head.weight"].shape
    model = ResNet20(classes, features // 4)
    model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    return model.eval()


def png_url(image):
    """A (3, h, w) image, entries 0 to 1, as a "data:image/png;base64,..." URL, for the src of an <img>."""
    pixels = (image.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    h, w, _ = pixels.shape

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode()


# ------------------------------------------------------------------------------------------------------ yours to write


@contextmanager
def listening(model, layer):
    heard = []
    if layer not in {name for name, _ in model.named_modules() if name}:
        raise KeyError(layer)
    handle = model.get_submodule(layer).register_forward_hook(lambda *call: heard.append(call[-1].detach().clone()))
    try:
        yield heard
    finally:
        handle.remove()


@contextmanager
def in_eval_mode(model):
    before = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in before.items():
            module.training = mode


def activations(model, images, layer):
    with listening(model, layer) as heard, torch.no_grad():
        model(images)
    return heard[0]


def as_pictures(maps):
    low = maps.amin((1, 2))[:, None, None]
    spread = maps.amax((1, 2))[:, None, None] - low
    return (maps - low) / torch.where(spread == 0, torch.ones_like(spread), spread)


def picture_grid(pictures, columns, *, gap=1, fill=1.0):
    c, h, w = pictures.shape
    rows = math.ceil(c / columns)
    grid = torch.empty(rows * h + (rows - 1) * gap, columns * w + (columns - 1) * gap, dtype=pictures.dtype).fill_(fill)
    where = grid.as_strided((rows, columns, h, w), ((h + gap) * grid.shape[1], w + gap, grid.shape[1], 1))
    for i in range(c):
        where[i // columns, i % columns] = pictures[i]
    return grid


def predict(model, images, *, batch_size=250):
    device = next(model.parameters()).device
    logits = []
    with in_eval_mode(model):
        for start in range(0, len(images), batch_size):
            logits.append(model(images[start : start + batch_size].to(device)).detach().cpu())
    return torch.cat(logits)


def top_k(logits, k, class_names):
    if k <= 0 or k > len(class_names):
        raise ValueError("k is out of its range")
    best = []
    for row in logits:
        wide = row.double() - row.double().max()
        shares = wide.exp() / wide.exp().sum()
        found, rest = [], row.clone()
        for _ in range(k):
            place = int(rest.argmax())
            found.append((class_names[place], shares[place].item()))
            rest[place] = -math.inf
        best.append(found)
    return best


def replace_head(model, classes, *, hidden=None, dropout=0.0):
    body, head = copy.deepcopy(model), None
    features = model.head.weight.size(1)
    if hidden is None:
        head = nn.Linear(features, classes, bias=True)
    else:
        head = nn.Sequential()
        for layer in (nn.Linear(features, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout)):
            head.append(layer)
        head.append(nn.Linear(hidden, classes))
    setattr(body, "head", head.train(model.training))  # noqa: B010
    return body


def freeze(model, trainable=("head",)):
    count = 0
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(False)
        for part in trainable:
            if name == part or name[: len(part) + 1] == part + ".":
                parameter.requires_grad_(True)
                count += parameter.numel()
                break
    return count


def finetune(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    torch.manual_seed(seed)
    rng = torch.Generator()
    rng.manual_seed(seed)
    model.train().to(device)
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and not any(p.requires_grad for p in own):
            module.eval()
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(free, lr=learning_rate, momentum=0.9, foreach=False)
    x, y = images.to(device), labels.to(device)
    for epoch in range(1, epochs + 1):
        batches = list(torch.randperm(len(x), generator=rng).split(batch_size))
        if len(batches) > 1 and len(batches[-1]) < 2:
            batches.pop()
        used, loss_sum, hits = sum(map(len, batches)), 0.0, 0
        for rows in batches:
            optimizer.zero_grad()
            z = model(x[rows])
            loss = functional.nll_loss(z.log_softmax(1), y[rows])
            loss.backward()
            optimizer.step()
            loss_sum, hits = loss_sum + float(loss) * len(rows), hits + int((z.argmax(1) == y[rows]).sum())
        if log is not None:
            log(epoch=epoch, loss=loss_sum / used, accuracy=hits / used)
    model.eval()
    return model.cpu()


def html_report(images, logits, labels, class_names, *, k=3):
    text = "<table><tr>" + "".join(f"<th>{escape(name)}</th>" for name in ("", "is", *("says",) * k)) + "</tr>"
    for i in range(len(images)):
        best = top_k(logits[i : i + 1], k, class_names)[0]
        kind = "right" if logits[i].argmax() == labels[i] else "wrong"
        text += f'<tr class="{kind}"><td><img src="{png_url(images[i])}"></td><td>{escape(class_names[labels[i]])}</td>'
        text += "".join(f"<td>{escape(name)}: {100 * share:.1f} %</td>" for name, share in best) + "</tr>"
    return text + "</table>"
