"""Dense and convolutional networks in PyTorch: built to a budget, regularised, trained, and trained fast."""

import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


# ----------------------------------------------------------------------------------------------------------- builders


def widest_layer(inputs, classes, budget):
    """The greatest d for which a dense network  inputs -> d -> classes  has at most `budget` parameters.

    Weights and biases count:  inputs d + d + d classes + classes <= budget.
    Returns an int >= 0.  Raises ValueError if not even d = 1 fits.
    """
    width = (budget - classes) // (inputs + 1 + classes)
    if width < 1:
        raise ValueError(f"{budget} parameters are too few for {inputs} inputs and {classes} classes")
    return width


def build_mlp(widths, activation="relu", dropout=0.0):
    """A dense network with the layers  widths[0] -> widths[1] -> .. -> widths[-1],  an nn.Module.

    After each linear layer but the last come the activation and, where dropout > 0, nn.Dropout(dropout): `dropout` is
    the probability to become 0. The last layer's outputs are logits: nothing comes after it.
    Takes (n, ...) tensors with widths[0] numbers an example, whatever their shape, entries up to +-1e3, and returns
    (n, widths[-1]).
    activation : "relu", "tanh" or "sigmoid"; another raises ValueError.   widths : at least two ints.
    Its parameters are the weight (d_out, d_in) and bias (d_out,) of every layer, in order; torch's own initial values.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation {activation!r} is none of {', '.join(ACTIVATIONS)}")
    layers = [nn.Flatten()]
    for fan_in, fan_out in pairwise(widths[:-1]):
        layers += [nn.Linear(fan_in, fan_out), ACTIVATIONS[activation]()]
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


def build_cnn(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """A convolutional network, an nn.Module: a stage for each of `channels`, then one linear layer.

    A stage is  convolution (stride 1, square kernel, zero padding) -> [batch norm] -> ReLU -> max pooling, 2x2 windows,
    stride 2, a last odd row or column left out. After the stages come flattening, where dropout > 0
    nn.Dropout(dropout), and a linear layer to (n, classes) logits. Batch norm is nn.BatchNorm2d with torch's defaults.
    shape : (c, h, w) of one picture; the network takes (n, c, h, w) float tensors.
    Convolutions have a bias, but not where batch norm follows, which has its own.
    Its parameters are, in order, for each stage the kernel (c_out, c_in, k, k), then the bias (c_out,), or gamma and
    beta of the batch norm; then the weight and bias of the linear layer. torch's own initial values.
    Raises ValueError if a stage would leave no pixel.
    """
    c, h, w = shape
    layers = []
    for width in channels:
        layers.append(nn.Conv2d(c, width, kernel_size, padding=padding, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(width))
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        c = width
        h, w = ((side + 2 * padding - kernel_size + 1) // 2 for side in (h, w))
        if min(h, w) < 1:
            raise ValueError(f"pictures of {shape[1]}x{shape[2]} are too small for {len(channels)} stages")
    layers.append(nn.Flatten())
    if dropout > 0:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(c * h * w, classes))


def count_parameters(model):
    """How many numbers of the model are trained: entries of its parameters with requires_grad. Buffers do not count.

    A parameter that two layers share counts once.  Returns an int.
    """
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


# ---------------------------------------------------------------------------------------------------------- penalties


def l1_penalty(model, lam):
    """lam sum |w|  over the weights: all parameters with at least two axes, so no biases, and no gamma or beta.

    Returns a float tensor without axes that can be differentiated, 0 where there is no weight.   lam : >= 0.
    """
    return lam * sum((w.abs().sum() for w in _weights(model)), torch.zeros(()))


def l2_penalty(model, lam):
    """lam / 2 sum w^2  over the weights: all parameters with at least two axes. Returned as by `l1_penalty`."""
    return lam / 2 * sum((w.square().sum() for w in _weights(model)), torch.zeros(()))


# ----------------------------------------------------------------------------------------------------------- training


def minibatches(n, batch_size, seed):
    """The numbers 0 .. n - 1 in a random order, cut into batches: a list of int64 tensors.

    Each number comes once; all batches but perhaps the last have batch_size entries, the last at least one.
    The same seed gives the same batches, another seed another order.   n : >= 0; 0 gives an empty list.
    """
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    return list(order.split(batch_size)) if n else []


def train(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """Train the model in place by stochastic gradient descent with momentum, and return it.

        g = d/dp ( mean cross entropy of the batch + l1_penalty(model, l1) + l2_penalty(model, l2) )
        v <- momentum v + g           from v = 0
        p <- p - learning_rate v

    model : the checks of trained networks build it by `build_mlp` or `build_cnn`, and train it by this function.
    x : (n, ...) float tensor, as the model takes it.   y : (n,) int64 labels. Both stay as they are.
    Every epoch goes through all examples once, in `minibatches` of another order in every epoch. The same seed (and
    model, and data) gives the same network, also with dropout; another seed gives another one. The model is in train
    mode meanwhile. Parameters that do not require a gradient stay as they are. Right for logits up to +-1e4.
    device : "cpu" or "cuda"; the model ends there.
    log : called after every epoch as log(epoch=.., loss=.., accuracy=..): the epoch's number from 1, mean cross entropy
        (nats, without penalties) and share of right answers over the examples of the epoch, as they were met.
    """
    torch.manual_seed(seed)
    model.to(device).train()
    x, y = x.to(device), y.to(device)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum)
    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        for batch in minibatches(len(x), batch_size, seed * 100_003 + epoch):
            batch = batch.to(device)
            optimizer.zero_grad()
            z = model(x[batch])  # (b, k)
            loss = F.cross_entropy(z, y[batch])
            objective = loss
            if l1:
                objective = objective + l1_penalty(model, l1)
            if l2:
                objective = objective + l2_penalty(model, l2)
            objective.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (z.argmax(1) == y[batch]).sum().item()
        if log is not None:
            log(epoch=epoch, loss=total / len(x), accuracy=right / len(x))
    return model


def predict(model, x, *, device="cpu", batch_size=500):
    """The most likely class of every example: an (n,) int64 tensor on the CPU.

    In eval mode, without gradients, batch_size examples at a time; the answer does not depend on batch_size. Afterwards
    the model is in the mode (train or eval) in which it was. Right for logits up to +-1e4.   n : at least 1.
    """
    return _logits(model, x, device, batch_size).argmax(1)


def evaluate(model, x, y, *, device="cpu", batch_size=500):
    """(mean cross entropy in nats, share of right answers) over all examples, two floats. Otherwise as `predict`.

    Every example weighs the same, whatever batch_size is. Right for logits up to +-1e4.
    """
    z = _logits(model, x, device, batch_size)
    return F.cross_entropy(z, y.cpu()).item(), (z.argmax(1) == y.cpu()).double().mean().item()


# ---------------------------------------------------------------------------------------------------------- the record


def train_fast(x, y, *, classes, device="cpu", seed=0, log=None):
    """A network of your own, trained by any means, as good and as fast as you can.

    x : (n, c, h, w) float pictures, entries 0 to 1; h = w, at least 16.   y : (n,) int64, 0 <= y[i] < classes.
    log : as `train` calls it, after every epoch.
    Returns an nn.Module with which `predict` works on other pictures of the same shape (entries 0 to 1, too).
    """
    torch.manual_seed(seed)
    fast = device == "cuda"
    x, y = x.to(device), y.to(device)
    many = len(x) >= 10_000  # as in CIFAR-10
    widths, epochs, batch_size, peak = ((64, 256, 256), 12, 512, 0.4) if many else ((16, 48, 64), 10, 50, 0.2)
    model = _Fast(x, widths, classes).to(device, memory_format=torch.channels_last)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=peak, momentum=0.85, nesterov=True, weight_decay=5e-4)
    steps = epochs * math.ceil(len(x) / batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _triangle(step / steps))
    for epoch in range(1, epochs + 1):
        model.train()
        seen = _moved(_mirrored(x, epoch), 2)
        total, right = 0.0, 0
        for batch in minibatches(len(x), batch_size, seed * 100_003 + epoch):
            batch = batch.to(device)
            optimizer.zero_grad()
            with torch.autocast(device, dtype=torch.float16 if fast else torch.bfloat16, enabled=fast):
                z = model(seen[batch].contiguous(memory_format=torch.channels_last))
            loss = F.cross_entropy(z.float(), y[batch], label_smoothing=0.1)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach() * len(batch)
            right += (z.argmax(1) == y[batch]).sum()
        if log is not None:
            log(epoch=epoch, loss=float(total) / len(x), accuracy=float(right) / len(x))
    return model


# ------------------------------------------------------------------------------------------------------------- helpers


def _weights(model):
    return [parameter for parameter in model.parameters() if parameter.dim() >= 2]


def _logits(model, x, device, batch_size):
    was_training = model.training
    model.to(device).eval()
    with torch.no_grad():
        z = [model(part.to(device)).float().cpu() for part in x.split(batch_size)]
    model.train(was_training)
    return torch.cat(z)


class _Fast(nn.Module):
    """A small network after the speed records on CIFAR-10 (D. Page, 2018; K. Jordan, arXiv:2404.00498).

    A frozen first convolution that whitens 2x2 patches, three blocks of two convolutions with batch norm, and logits
    that are scaled down; in eval mode the mean over a picture and its mirror image.
    """

    def __init__(self, x, widths, classes):
        super().__init__()
        kernels = _whitening(x[:2000])  # (4c, c, 2, 2)
        self.first = nn.Conv2d(x.shape[1], 2 * len(kernels), 2)
        with torch.no_grad():
            self.first.weight.copy_(torch.cat([kernels, -kernels]))
        self.first.weight.requires_grad_(False)
        blocks, c = [], 2 * len(kernels)
        for width in widths:
            blocks += [nn.Conv2d(c, width, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(width), nn.GELU()]
            blocks += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.GELU()]
            c = width
        self.blocks = nn.Sequential(*blocks, nn.AdaptiveMaxPool2d(1), nn.Flatten())
        self.last = nn.Linear(c, classes, bias=False)

    def forward(self, x):
        if self.training:
            return self._once(x)
        return (self._once(x) + self._once(x.flip(-1))) / 2

    def _once(self, x):
        return self.last(self.blocks(F.gelu(self.first(x)))) / 4


def _whitening(x):
    """Kernels that make 2x2 patches uncorrelated, with variance 1: the patches' principal directions."""
    c = x.shape[1]
    patches = F.unfold(x.float().cpu(), 2).transpose(1, 2).reshape(-1, 4 * c)  # (n, 4c)
    patches = patches - patches.mean(0)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    return (vectors / (values + 1e-2).sqrt()).T.reshape(4 * c, c, 2, 2).to(x.device)


def _mirrored(x, epoch):
    """Half of the pictures mirrored; those that are not in one epoch are in the next."""
    flip = (torch.arange(len(x), device=x.device) + epoch) % 2 == 0
    return torch.where(flip[:, None, None, None], x.flip(-1), x)


def _moved(x, most):
    """Every picture moved by up to `most` pixels each way, edges reflected."""
    n, _, h, w = x.shape
    padded = F.pad(x, (most,) * 4, mode="reflect")
    out = torch.empty_like(x)
    dy, dx = torch.randint(2 * most + 1, (2, n), device=x.device)
    for i in range(2 * most + 1):
        for j in range(2 * most + 1):
            chosen = (dy == i) & (dx == j)
            out[chosen] = padded[chosen, :, i : i + h, j : j + w]
    return out


def _triangle(t):
    """The learning rate's share of its peak: from 0.2 up to 1 in the first fifth, then down to 0."""
    return 0.2 + 4 * t if t < 0.2 else max(0.0, (1 - t) / 0.8)
