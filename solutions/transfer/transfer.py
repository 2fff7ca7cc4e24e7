"""Transfer learning: look inside a trained network, give it a new head, and teach it something else.

Letters used below: n images, k classes, c channels, h x w pixels. Images are (n, 3, h, w) float32 tensors, entries 0 to
1, of any size from 8 x 8 on. Logits are (n, k) float tensors. Labels are (n,) int64 tensors, 0 <= label < k.

A layer's name is the one that `model.named_modules()` gives: "conv1", "stage2.0.conv1", "head". The *backbone* is
everything but the head. Functions change no argument, unless their docstring says so.
"""

import base64
import copy
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


def activations(model, images, layer):
    """What comes out of one layer of a model when it is shown images.

    layer : the layer's name, as `model.named_modules()` gives it.
    Returns a tensor, whatever the layer's shape: (n, c, h, w) of a convolution, (n, k) of a head; without a gradient,
    and not to change any more when the model goes on. The model runs in the mode in which it is, train or eval, and
    is afterwards as before: no hook stays. Raises KeyError if there is no such layer.
    """
    seen = []
    found = dict(model.named_modules())
    if not layer or layer not in found:
        raise KeyError(f"the model has no layer {layer!r}")
    hook = found[layer].register_forward_hook(lambda module, inputs, output: seen.append(output.detach().clone()))
    try:
        with torch.no_grad():
            model(images)
    finally:
        hook.remove()
    return seen[-1]


def as_pictures(maps):
    """Maps stretched to black and white, each on its own:  p = (a - min a) / (max a - min a).

    maps : (c, h, w) float tensor.
    Returns a (c, h, w) tensor of its dtype, entries 0 to 1; a map that is the same everywhere becomes 0 everywhere.
    """
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    spread = high - low
    return torch.where(spread > 0, (maps - low) / spread.where(spread > 0, 1.0), 0.0)


def picture_grid(pictures, columns, *, gap=1, fill=1.0):
    """Pictures side by side, row by row, as one picture: as many rows as are needed, `columns` pictures in each.

    pictures : (c, h, w) tensor, c >= 1.   columns : int, at least 1.
    gap : pixels between neighbours, both ways, none around the whole.   fill : their value, and that of empty places.
    Returns a (rows h + (rows - 1) gap, columns w + (columns - 1) gap) tensor of the dtype of pictures.
    """
    c, h, w = pictures.shape
    rows = -(-c // columns)
    grid = pictures.new_full((rows * (h + gap) - gap, columns * (w + gap) - gap), fill)
    for place, picture in enumerate(pictures):
        y, x = (place // columns) * (h + gap), (place % columns) * (w + gap)
        grid[y : y + h, x : x + w] = picture
    return grid


def predict(model, images, *, batch_size=250):
    """The logits of images: (n, 3, h, w) to (n, k) float32 on the CPU, without a gradient; n >= 1.

    The model runs in eval mode, at most batch_size images at a time, on the device where it is, and is afterwards in
    the mode in which it was.
    """
    before, device = model.training, next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(part.to(device)).cpu() for part in images.split(batch_size)])
    model.train(before)
    return logits


def top_k(logits, k, class_names):
    """The k most probable classes of every image.

    logits : (n, c) float tensor, finite; no two of a row are equal.   k : int, 1 <= k <= c.   class_names : c strings.
    Returns a list of n lists of k pairs (name, probability), greatest logit first, also where probabilities round to 0;
    they are floats, the softmax over all c classes. Raises ValueError if k is out of its range.
    """
    if not 1 <= k <= logits.shape[1]:
        raise ValueError(f"there is no top {k} of {logits.shape[1]} classes")
    places = logits.topk(k, dim=1).indices
    values = logits.double().softmax(dim=1).gather(1, places)
    return [
        [(class_names[place], value) for place, value in zip(*pair, strict=True)]
        for pair in zip(places.tolist(), values.tolist(), strict=True)
    ]


def replace_head(model, classes, *, hidden=None, dropout=0.0):
    """A copy of a model with another head, for other classes.

        hidden is None    head = Linear(f, classes)
        hidden = m        head = Linear(f, m), BatchNorm1d(m), ReLU, Dropout(dropout), Linear(m, classes)

    model : with a head that is one nn.Linear; f are its inputs.   classes : int.
    Returns a new model, its backbone a copy to the last bit, in the mode in which the model is; the new layers are as
    PyTorch draws them, and the longer head is an nn.Sequential of those five. The given model stays as it is, and
    shares nothing with the copy.
    """
    features = model.head.in_features
    new = copy.deepcopy(model)
    if hidden is None:
        new.head = nn.Linear(features, classes)
    else:
        new.head = nn.Sequential(
            nn.Linear(features, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )
    return new.train(model.training)


def freeze(model, trainable=("head",)):
    """Let only some parts of a model train: changes `requires_grad` of its parameters, in place.

    trainable : names of layers. A parameter trains if its name is one of these, or begins with one and a dot: "head"
        means "head.weight", not "header.weight". All others do not, whatever they did before.
    Returns how many numbers train, an int: ("head",) of a ResNet-20 for 10 classes, 650.
    """
    count = 0
    for name, parameter in model.named_parameters():
        trains = any(name == part or name.startswith(f"{part}.") for part in trainable)
        parameter.requires_grad_(trains)
        count += parameter.numel() if trains else 0
    return count


def finetune(model, images, labels, *, epochs, learning_rate, batch_size, device="cpu", seed, log=None):
    """Train what is not frozen, in place: gradient descent with momentum on the mean cross-entropy of each batch.

        m <- 0.9 m + dL/dp,   p <- p - learning_rate m      m = 0 before the first step; torch.optim.SGD

    Meanwhile the model is in train mode, but for batch norms whose weights are frozen: those are in eval mode, so that
    their running statistics stay as they are, to the last bit. Each epoch takes the images in a new random order, cut
    into batches of batch_size; the last, smaller one is used too, except a single image where there are others.

    images : (n, 3, h, w), labels : (n,), on the CPU; they are never changed.   epochs : int, at least 0.
    batch_size : int, at least 2.
    device : "cpu" or "cuda": where it is trained; the model comes back to the CPU.
    seed : int; the only source of chance, dropout's too: on the CPU, the same seed gives the same weights.
    log : None, or a function, called after every epoch as log(epoch=1.., loss=.., accuracy=..) with floats: the mean
        loss of an image, and the share of images that were right, both as their batch came, before the step on it.
    Returns the model, in eval mode.
    """
    torch.manual_seed(seed)
    model.to(device)
    model.train()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and not module.weight.requires_grad:
            module.eval()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=learning_rate, momentum=0.9)
    n = len(images)
    for epoch in range(1, epochs + 1):
        total, right, seen = 0.0, 0, 0
        for rows in torch.randperm(n).split(batch_size):
            if len(rows) == 1 and n > 1:
                continue
            x, y = images[rows].to(device), labels[rows].to(device)
            logits = model(x)
            loss = functional.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
            right += (logits.argmax(dim=1) == y).sum().item()
            seen += len(rows)
        if log is not None:
            log(epoch=epoch, loss=total / seen, accuracy=right / seen)
    return model.to("cpu").eval()


def html_report(images, logits, labels, class_names, *, k=3):
    """A table of images and of what a model says of them, as HTML.

    images : (n, 3, h, w), n >= 0.   logits : (n, c), as for top_k.   labels : (n,).   class_names : c strings.
    Returns a string with one <table>: a row of <th>, then a row for every image, in order, with 2 + k <td>:

        <img src=png_url(image)>   |   the name of its label   |   "name: 97.3 %", the most probable   |   the next ..

    Percents have one decimal. The row's class is "right" where the most probable class is the label, else "wrong".
    Names are text, whatever they hold: <, >, & and quotes are escaped, and no name can end a cell or begin a script.
    """
    first = ["image", "label", *(f"{place}." for place in range(1, k + 1))]
    lines = ["<table>", "<tr>" + "".join(f"<th>{name}</th>" for name in first) + "</tr>"]
    right = (logits.argmax(dim=1) == labels).tolist()
    for place, (label, best) in enumerate(zip(labels.tolist(), top_k(logits, k, class_names), strict=True)):
        kind = "right" if right[place] else "wrong"
        name = html.escape(class_names[label])
        cells = [f'<img src="{png_url(images[place])}" alt="{name}">', name]
        cells += [f"{html.escape(other)}: {100 * share:.1f} %" for other, share in best]
        lines.append(f'<tr class="{kind}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "\n".join([*lines, "</table>"])
