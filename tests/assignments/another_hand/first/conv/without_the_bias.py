"""You leave out the bias."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def conv2d_forward(x, w, b, stride=1, padding=0):
    if x.shape[1] != w.shape[1]:
        raise ValueError("as many channels in w as in x, please")
    (sr, sc), (pr, pc) = pair(stride), pair(padding)
    output_size(x.shape[2], w.shape[2], sr, pr)
    output_size(x.shape[3], w.shape[3], sc, pc)
    padded = np.pad(x, [(0, 0), (0, 0), (pr, pr), (pc, pc)])
    windows = sliding_window_view(padded, w.shape[2:], axis=(2, 3))[:, :, ::sr, ::sc]
    out = np.tensordot(windows, w, axes=([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2)
    return out, {"x": x, "w": w, "stride": (sr, sc), "padding": (pr, pc)}
