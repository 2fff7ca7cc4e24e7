"""Right, with torch's own data loader, hooks for penalties, and layers in named lists."""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

KINDS = {"relu": nn.ReLU(), "tanh": nn.Tanh(), "sigmoid": nn.Sigmoid()}


def widest_layer(inputs, classes, budget):
    if budget < inputs + 1 + 2 * classes:
        raise ValueError("too small")
    return int((budget - classes) / (inputs + classes + 1))


def build_mlp(widths, activation="relu", dropout=0.0):
    try:
        between = KINDS[activation]
    except KeyError:
        raise ValueError(f"no activation {activation}") from None
    named = OrderedDict(flatten=nn.Flatten())
    for number in range(1, len(widths)):
        named[f"linear{number}"] = nn.Linear(widths[number - 1], widths[number])
        if number + 1 < len(widths):
            named[f"activation{number}"] = between
            named[f"dropout{number}"] = nn.Dropout(dropout)
    return nn.Sequential(named)


def build_cnn(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    named = OrderedDict()
    c = shape[0]
    for number, width in enumerate(channels):
        named[f"conv{number}"] = nn.Conv2d(c, width, kernel_size, 1, padding, bias=not batch_norm)
        if batch_norm:
            named[f"norm{number}"] = nn.BatchNorm2d(width)
        named[f"relu{number}"] = nn.ReLU(inplace=True)
        named[f"pool{number}"] = nn.MaxPool2d((2, 2), (2, 2))
        c = width
    stages = nn.Sequential(named).eval()
    try:
        with torch.no_grad():
            features = stages(torch.zeros(1, *shape)).numel()
    except RuntimeError as error:
        raise ValueError("a stage leaves nothing") from error
    return nn.Sequential(
        OrderedDict(stages=stages, flat=nn.Flatten(), drop=nn.Dropout(dropout), last=nn.Linear(features, classes))
    ).train()


def count_parameters(model):
    return sum([p.nelement() * int(p.requires_grad) for p in model.parameters()])


def _flat(model):
    found = [p.flatten() for p in model.parameters() if len(p.shape) >= 2]
    return torch.cat(found) if found else torch.zeros(1)


def l1_penalty(model, lam):
    return lam * _flat(model).abs().sum()


def l2_penalty(model, lam):
    w = _flat(model)
    return lam * (w @ w) / 2


def minibatches(n, batch_size, seed):
    if n == 0:
        return iter(())
    draw = torch.Generator()
    draw.manual_seed(seed)
    loader = DataLoader(TensorDataset(torch.arange(n)), batch_size, shuffle=True, generator=draw)
    return (batch for (batch,) in loader)


def train(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    torch.manual_seed(seed)
    draw = torch.Generator()
    draw.manual_seed(seed + 1)
    loader = DataLoader(TensorDataset(x, y), batch_size, shuffle=True, generator=draw)
    model.to(device)
    model.train()
    heavy = [p for p in model.parameters() if p.dim() >= 2 and p.requires_grad]
    light = [p for p in model.parameters() if p.dim() < 2 and p.requires_grad]
    groups = [{"params": heavy, "weight_decay": l2}, {"params": light, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD([group for group in groups if group["params"]], lr=learning_rate, momentum=momentum)
    for epoch in range(epochs):
        seen = hits = 0
        total = 0.0
        for xs, ys in loader:
            xs, ys = xs.to(device), ys.to(device)
            z = model(xs)
            loss = cross_entropy(z, ys)
            model.zero_grad()
            (loss + l1_penalty(model, l1) if l1 else loss).backward()
            optimizer.step()
            seen += len(ys)
            total += float(loss) * len(ys)
            hits += int((z.argmax(dim=-1) == ys).sum())
        if log:
            log(epoch=epoch + 1, loss=total / seen, accuracy=hits / seen)
    return model


@torch.no_grad()
def _scores(model, x, device, batch_size):
    mode, scores = model.training, []
    model.eval()
    for (part,) in DataLoader(TensorDataset(x), batch_size):
        scores.append(model.to(device)(part.to(device)).cpu())
    model.train(mode)
    return torch.cat(scores)


def predict(model, x, *, device="cpu", batch_size=500):
    return _scores(model, x, device, batch_size).max(dim=1).indices


def evaluate(model, x, y, *, device="cpu", batch_size=500):
    scores = _scores(model, x, device, batch_size)
    return float(cross_entropy(scores, y)), float((scores.argmax(1) == y).float().mean())


def train_fast(x, y, *, classes, device="cpu", seed=0, log=None):
    torch.manual_seed(seed)
    layers, c = [], x.shape[1]
    for width in (16, 32, 64):
        layers += [nn.Conv2d(c, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        c = width
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(4 * c, classes))
    model.to(device)
    x, y = x.to(device), y.to(device)
    epochs, batch_size = 12, 50
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 6e-3, epochs=epochs, steps_per_epoch=-(-len(x) // batch_size)
    )
    for epoch in range(epochs):
        seen = torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, x, x.flip(3))
        losses = []
        for batch in minibatches(len(x), batch_size, seed + epoch):
            loss = cross_entropy(model(seen[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        if log:
            log(epoch=epoch + 1, loss=sum(losses) / len(losses))
    return model
