"""You move x down and to the right by the padding a second time before you compute dw."""

import numpy as np


def conv2d_backward(dout, cache):
    x, w, stride, padding = cache["x"], cache["w"], cache["stride"], cache["padding"]
    p, q = w.shape[2:]
    h, v = x.shape[2:]
    size = dout.shape[2:]
    twice = with_zeros(with_zeros(x, padding), padding)
    dmaps = np.zeros_like(with_zeros(x, padding))
    dw = np.zeros_like(w)
    for u, t in np.ndindex(p, q):
        dw[:, :, u, t] = np.einsum("nkrs,ncrs->kc", dout, seen_at(twice, u, t, stride, size), optimize=True)
        target = seen_at(dmaps, u, t, stride, size)
        target += np.einsum("nkrs,kc->ncrs", dout, w[:, :, u, t], optimize=True)
    dx = dmaps[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + v].copy()
    return dx, dw, np.einsum("nkrs->k", dout)
