"""You sum db over the first example only."""

import numpy as np


def conv2d_backward(dout, cache):
    x, w = cache["x"], cache["w"]
    (down, right), (above, left) = cache["stride"], cache["padding"]
    padded = np.pad(x, ((0, 0), (0, 0), (above, above), (left, left)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    rows, columns = dout.shape[2:]
    for u in range(w.shape[2]):
        for t in range(w.shape[3]):
            where = (..., slice(u, u + down * rows, down), slice(t, t + right * columns, right))
            seen = padded[where][:, :, :rows, :columns]
            dw[:, :, u, t] = np.tensordot(dout, seen, axes=([0, 2, 3], [0, 2, 3]))
            spread = np.tensordot(dout, w[:, :, u, t], axes=(1, 0)).transpose(0, 3, 1, 2)
            dpadded[where][:, :, :rows, :columns] += spread
    dx = dpadded[:, :, above : above + x.shape[2], left : left + x.shape[3]]
    return dx, dw, dout[:1].sum(axis=(0, 2, 3))
