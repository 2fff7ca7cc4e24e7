"""Right, by Fourier transforms, in which a convolution is a product; pooling one axis after the other; dicts of arrays
for caches."""

import numpy as np


def output_size(size, window, stride=1, padding=0):
    count, rest = divmod(size + 2 * padding - window, max(stride, 1))
    if window < 1 or stride < 1 or padding < 0 or count < 0:
        raise ValueError(f"no window of {window} fits")
    del rest
    return count + 1


def receptive_field(layers):
    first = last = 0  # the inputs that output 0 depends on
    for window, stride in list(layers)[::-1]:
        first, last = first * stride, last * stride + window - 1
    return last - first + 1


def pairs(*values):
    return [tuple(int(v) for v in np.broadcast_to(np.asarray(value), (2,))) for value in values]


def transform(x, shape):
    return np.fft.rfft2(x.astype(np.float64), shape)


def spread(dout, shape, stride):
    """dout, with zeros between its entries where the stride left some out."""
    out = np.zeros((*dout.shape[:2], *shape))
    rows, columns = ((side - 1) * step + 1 for side, step in zip(dout.shape[2:], stride, strict=True))
    out[:, :, : rows : stride[0], : columns : stride[1]] = dout
    return out


def conv2d_forward(x, w, b, stride=1, padding=0):
    stride, padding = pairs(stride, padding)
    if x.shape[1] != w.shape[1]:
        raise ValueError("the channels differ")
    rows = output_size(x.shape[2], w.shape[2], stride[0], padding[0])
    columns = output_size(x.shape[3], w.shape[3], stride[1], padding[1])
    padded = np.pad(x, ((0, 0), (0, 0), (padding[0], padding[0]), (padding[1], padding[1])))
    shape = padded.shape[2:]
    product = np.einsum("ncfg,kcfg->nkfg", transform(padded, shape), transform(w, shape).conj())
    full = np.fft.irfft2(product, shape)
    out = full[:, :, :: stride[0], :: stride[1]][:, :, :rows, :columns]
    cache = {"padded": padded, "w": w, "stride": stride, "padding": padding}
    return (out + b.reshape(len(b), 1, 1)).astype(x.dtype), cache


def conv2d_backward(dout, cache):
    padded, w, padding = cache["padded"], cache["w"], cache["padding"]
    shape = padded.shape[2:]
    d = transform(spread(dout, shape, cache["stride"]), shape)
    dpadded = np.fft.irfft2(np.einsum("nkfg,kcfg->ncfg", d, transform(w, shape)), shape)
    dw = np.fft.irfft2(np.einsum("ncfg,nkfg->kcfg", transform(padded, shape), d.conj()), shape)
    rows, columns = (slice(side, length - side) for side, length in zip(padding, shape, strict=True))
    db = dout.sum(axis=3).sum(axis=2).sum(axis=0)
    return dpadded[:, :, rows, columns].astype(dout.dtype), dw[:, :, : w.shape[2], : w.shape[3]].astype(dout.dtype), db


def along(axis, start, count, stride):
    return (*[slice(None)] * axis, slice(start, start + (count - 1) * stride + 1, stride))


def max_pool_forward(x, window, stride):
    window, stride = pairs(window, stride)
    cache = {"shapes": [], "winners": [], "stride": stride}
    for axis in (3, 2):  # the greatest of each row of a window first, then the greatest of those
        p, step = window[axis - 2], stride[axis - 2]
        count = output_size(x.shape[axis], p, step)
        entries = np.stack([x[along(axis, u, count, step)] for u in range(p)])
        cache["shapes"].append(x.shape)
        cache["winners"].append(entries.argmax(axis=0))
        x = entries.max(axis=0)
    output_size(cache["shapes"][0][2], window[0], stride[0])
    return x, cache


def max_pool_backward(dout, cache):
    for axis, shape, winner in zip((2, 3), cache["shapes"][::-1], cache["winners"][::-1], strict=True):
        dx, step = np.zeros(shape, dout.dtype), cache["stride"][axis - 2]
        for u in range(int(winner.max(initial=0)) + 1):
            dx[along(axis, u, winner.shape[axis], step)] += np.where(winner == u, dout, 0).astype(dout.dtype)
        dout = dx
    return dout


def avg_pool_forward(x, window, stride):
    window, stride = pairs(window, stride)
    shape = x.shape
    for axis in (2, 3):
        p, step = window[axis - 2], stride[axis - 2]
        count = output_size(x.shape[axis], p, step)
        x = sum(x[along(axis, u, count, step)] for u in range(p)) / x.dtype.type(p)
    return x, {"shape": shape, "window": window, "stride": stride}


def avg_pool_backward(dout, cache):
    for axis in (3, 2):
        p, step, count = cache["window"][axis - 2], cache["stride"][axis - 2], dout.shape[axis]
        dx = np.zeros((*dout.shape[:axis], cache["shape"][axis], *dout.shape[axis + 1 :]), dout.dtype)
        for u in range(p):
            dx[along(axis, u, count, step)] += dout / dout.dtype.type(p)
        dout = dx
    return dout


def initialize(image_shape, kernels, size, classes, rng):
    if size // 2 * 2 == size or image_shape[1] < 4 or image_shape[2] < 4:
        raise ValueError("no such network")

    def layer(*shape):
        fan_in = shape[0] if len(shape) == 2 else shape[1] * shape[2] * shape[3]
        return np.sqrt(2 / fan_in) * rng.standard_normal(shape), np.zeros(shape[-1] if len(shape) == 2 else shape[0])

    last = kernels[1] * (image_shape[1] // 4) * (image_shape[2] // 4)
    return [
        layer(kernels[0], image_shape[0], size, size),
        layer(kernels[1], kernels[0], size, size),
        layer(last, classes),
    ]


def forward(x, params):
    cache = {"layers": []}
    for w, b in params[:2]:
        before, layer = conv2d_forward(x, w, b, 1, (w.shape[2] // 2, w.shape[3] // 2))
        x, pool = max_pool_forward((before + abs(before)) / 2, 2, 2)
        cache["layers"].append((layer, np.sign(before), pool))
    cache["top"], cache["w"] = x, params[2][0]
    return x.reshape(len(x), len(params[2][0])) @ params[2][0] + params[2][1], cache


def backward(dz, cache):
    top = cache["top"]
    grads = [(top.reshape(len(top), top[0].size).T @ dz, dz.sum(axis=0))]
    d = (dz @ cache["w"].T).reshape(top.shape)
    for layer, sign, pool in reversed(cache["layers"]):
        d, dw, db = conv2d_backward(max_pool_backward(d, pool) * (sign > 0), layer)
        grads = [(dw, db), *grads]
    return tuple(grads)


def train(x, y, params, *, learning_rate, epochs, batch_size, rng, log=None):
    for epoch in range(1, epochs + 1):
        order, loss, right = list(rng.permutation(len(x))), 0.0, 0
        while order:
            batch, order = order[:batch_size], order[batch_size:]
            z, cache = forward(x[batch], params)
            z = z - z.max(axis=1, keepdims=True)
            total = np.exp(z).sum(axis=1, keepdims=True)
            truth = np.arange(z.shape[1])[None, :] == y[batch][:, None]
            loss += float((np.log(total)[:, 0] - z[truth]).sum())
            right += int((z.argmax(axis=1) == y[batch]).sum())
            grads = backward((np.exp(z) / total - truth) / len(batch), cache)
            params = [
                tuple(p - learning_rate * g for p, g in zip(pair, gradients, strict=True))
                for pair, gradients in zip(params, grads, strict=True)
            ]
        if log is not None:
            log(epoch=epoch, loss=loss / len(x), accuracy=right / len(x))
    return [(np.array(w), np.array(b)) for w, b in params]
