"""Right, with a forward of its own that stops at the layer, sorting in Python, and gradient steps written out."""

import base64
import html
import struct
import zlib

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


class Found(Exception):
    """Carries what was looked for out of a forward pass."""


def activations(model, images, layer):
    layers = dict(model.named_modules())
    del layers[""]
    module = layers[layer]

    def stop(module, inputs, output):
        raise Found(output)

    hook = module.register_forward_hook(stop)
    try:
        with torch.inference_mode():
            model(images)
    except Found as found:
        return found.args[0].clone()
    finally:
        hook.remove()
    raise RuntimeError(f"{layer} was not run")


def as_pictures(maps):
    pictures = torch.zeros_like(maps)
    for i in range(len(maps)):
        low, high = maps[i].min().item(), maps[i].max().item()
        if high != low:
            pictures[i] = (maps[i] - low) / (high - low)
    return pictures


def picture_grid(pictures, columns, *, gap=1, fill=1.0):
    c, h, w = pictures.shape
    blank = torch.full((h, w), fill, dtype=pictures.dtype)
    lines = []
    for start in range(0, c, columns):
        line = list(pictures[start : start + columns])
        line += [blank] * (columns - len(line))
        upright = torch.full((h, gap), fill, dtype=pictures.dtype)
        pieces = [piece for picture in line for piece in (picture, upright)][:-1]
        lines.append(torch.cat(pieces, dim=1))
    between = torch.full((gap, lines[0].shape[1]), fill, dtype=pictures.dtype)
    return torch.cat([piece for line in lines for piece in (line, between)][:-1])


def predict(model, images, *, batch_size=250):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    device = next(model.parameters()).device
    rows = []
    for start in range(0, len(images), batch_size):
        with torch.no_grad():
            rows.extend(model(images[start : start + batch_size].to(device)).cpu())
    for module, mode in modes:
        module.training = mode
    return torch.stack(rows)


def top_k(logits, k, class_names):
    c = logits.shape[1]
    if k < 1 or k > c:
        raise ValueError(f"k = {k}")
    best = []
    for row in logits.double():
        shares = torch.exp(row - torch.logsumexp(row, dim=0)).tolist()
        order = sorted(range(c), key=row.tolist().__getitem__, reverse=True)[:k]
        best.append([(class_names[i], shares[i]) for i in order])
    return best


def replace_head(model, classes, *, hidden=None, dropout=0.0):
    import copy

    inputs = model.head.weight.shape[1]
    head = nn.Linear(inputs, classes)
    if hidden:
        layers = [nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)]
        head = nn.Sequential(*layers, nn.Linear(hidden, classes))
    other = copy.deepcopy(model)
    other.head = head
    head.train(model.training)
    return other


def freeze(model, trainable=("head",)):
    for parameter in model.parameters():
        parameter.requires_grad = False
    modules = dict(model.named_modules())
    free = {}
    for name in trainable:
        for parameter in modules[name].parameters():
            parameter.requires_grad = True
            free[id(parameter)] = parameter.numel()
    return sum(free.values())


def finetune(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    torch.manual_seed(seed)
    model = model.to(device).train()
    for name, module in model.named_modules():
        if hasattr(module, "running_mean") and not module.weight.requires_grad:
            print(f"{name} stays as it is")
            module.train(False)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    velocity = [torch.zeros_like(parameter) for parameter in parameters]
    for epoch in range(epochs):
        order = torch.randperm(len(images))
        losses, right = [], []
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            if len(batch) == 1 and start > 0:
                break
            x, y = images[batch].to(device), labels[batch].to(device)
            scores = functional.log_softmax(model(x), dim=1)
            each = -scores[torch.arange(len(y)), y]
            slopes = torch.autograd.grad(each.mean(), parameters)
            with torch.no_grad():
                for parameter, m, slope in zip(parameters, velocity, slopes, strict=True):
                    m.mul_(0.9).add_(slope)
                    parameter.sub_(learning_rate * m)
            losses += each.tolist()
            right += (scores.argmax(dim=1) == y).tolist()
        if log:
            log(accuracy=sum(right) / len(right), loss=sum(losses) / len(losses), epoch=epoch + 1)
    return model.cpu().eval()


def html_report(images, logits, labels, class_names, *, k=3):
    safe = [html.escape(name) for name in class_names]
    rows = ["<tr><th>picture<th>truth" + "<th>guess" * k + "</tr>"]
    for image, row, label in zip(images, logits, labels.tolist(), strict=True):
        (best,) = top_k(row[None], k, range(len(safe)))
        cells = [f"<img src='{png_url(image)}'>", safe[label]]
        cells.extend(f"{safe[i]}: {share:.1%}".replace("%", " %") for i, share in best)
        kind = ("wrong", "right")[best[0][0] == label]
        rows.append(f"<tr class={kind}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "<!doctype html><title>What the network says</title><table>" + "".join(rows) + "</table>"
