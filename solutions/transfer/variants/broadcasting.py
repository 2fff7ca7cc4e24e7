"""Right, without loops where an axis will do, a head that is built from a list, and an ElementTree for the table."""

import base64
import copy
import struct
import xml.etree.ElementTree as ET
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


def activations(model, images, layer):
    if layer == "":
        raise KeyError("the model itself is no layer of it")
    module = dict(model.named_modules())[layer]
    kept = {}

    def keep(module, inputs, output):
        kept["output"] = output.clone()

    with torch.no_grad():
        handle = module.register_forward_hook(keep)
        model(images)
        handle.remove()
    return kept["output"]


def as_pictures(maps):
    flat = maps.flatten(1)
    low, high = flat.min(dim=1).values[:, None, None], flat.max(dim=1).values[:, None, None]
    return torch.nan_to_num((maps - low) / (high - low), nan=0.0)


def picture_grid(pictures, columns, *, gap=1, fill=1.0):
    c, h, w = pictures.shape
    rows = (c + columns - 1) // columns
    padded = functional.pad(pictures, (0, gap, 0, gap), value=fill)
    spare = padded.new_full((rows * columns - c, h + gap, w + gap), fill)
    cells = torch.cat([padded, spare]).reshape(rows, columns, h + gap, w + gap)
    grid = cells.permute(0, 2, 1, 3).reshape(rows * (h + gap), columns * (w + gap))
    return grid[: grid.shape[0] - gap, : grid.shape[1] - gap].clone()


@torch.inference_mode()
def predict(model, images, *, batch_size=250):
    training = model.training
    modes = {name: module.training for name, module in model.named_modules()}
    try:
        model.eval()
        device = next(iter(model.state_dict().values())).device
        return torch.vstack([model(x.to(device)) for x in torch.split(images, batch_size)]).cpu().clone()
    finally:
        model.training = training
        for name, module in model.named_modules():
            module.training = modes[name]


def top_k(logits, k, class_names):
    if k not in range(1, logits.shape[1] + 1):
        raise ValueError("no such k")
    shares = torch.softmax(logits.to(torch.float64), dim=-1)
    order = torch.argsort(logits, dim=-1, descending=True)[:, :k]
    return [[(class_names[int(i)], float(row[i])) for i in places] for row, places in zip(shares, order, strict=True)]


def replace_head(model, classes, *, hidden=None, dropout=0.0):
    twin = copy.deepcopy(model)
    widths = [twin.head.in_features, classes] if hidden is None else [twin.head.in_features, hidden, classes]
    maps = [nn.Linear(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)]  # noqa: RUF007
    if len(maps) == 2:
        maps[1:1] = [nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(p=dropout)]
    twin.head = nn.Sequential(*maps) if len(maps) > 1 else maps[0]
    if not model.training:
        twin.head.eval()
    return twin


def freeze(model, trainable=("head",)):
    wanted = {tuple(part.split(".")) for part in trainable}

    def trains(name):
        path = tuple(name.split("."))
        return any(path[: len(part)] == part for part in wanted)

    for name, parameter in model.named_parameters():
        parameter.requires_grad = trains(name)
    return sum(p.numel() for p in filter(lambda p: p.requires_grad, model.parameters()))


def finetune(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed + 1)
    model.to(device)
    optimizer = torch.optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), learning_rate, 0.9)
    pairs = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(pairs, batch_size, shuffle=True, generator=generator)
    for epoch in range(epochs):
        model.train()
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.train(module.weight.requires_grad)
        sums = torch.zeros(3)
        for x, y in loader:
            if len(y) == 1 and len(labels) > 1:
                continue
            x, y = x.to(device), y.to(device)
            optimizer.zero_grad(set_to_none=True)
            logits = model(x)
            each = functional.cross_entropy(logits, y, reduction="none")
            each.mean().backward()
            optimizer.step()
            sums += torch.stack(
                [each.sum().detach(), (logits.argmax(1) == y).sum(), y.numel() * each.new_ones(())]
            ).cpu()
        if log is not None:
            log(epoch=epoch + 1, loss=float(sums[0] / sums[2]), accuracy=float(sums[1] / sums[2]))
    return model.cpu().eval()


def html_report(images, logits, labels, class_names, *, k=3):
    table = ET.Element("table")
    head = ET.SubElement(ET.SubElement(table, "thead"), "tr")
    for number in range(k + 2):
        ET.SubElement(head, "th").text = str(number)
    body = ET.SubElement(table, "tbody")
    for image, z, label, best in zip(images, logits, labels, top_k(logits, k, class_names), strict=True):
        row = ET.SubElement(body, "tr", {"class": "right" if z.argmax() == label else "wrong"})
        ET.SubElement(ET.SubElement(row, "td"), "img", src=png_url(image), alt="", width="64")
        ET.SubElement(row, "td").text = class_names[int(label)]
        for name, share in best:
            ET.SubElement(row, "td").text = f"{name}: {share * 100:.1f} %"
    return ET.tostring(table, encoding="unicode", method="html")
