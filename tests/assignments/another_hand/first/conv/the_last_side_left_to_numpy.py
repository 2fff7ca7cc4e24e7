"""You reshape with a side of -1, which fails for an empty batch."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def conv2d_forward(x, w, b, stride=1, padding=0):
    if x.shape[1] != w.shape[1]:
        raise ValueError(f"x has {x.shape[1]} channels and w has {w.shape[1]}")
    stride, padding = pair(stride), pair(padding)
    n, (k, c, p, q) = len(x), w.shape
    high = output_size(x.shape[2], p, stride[0], padding[0])
    output_size(x.shape[3], q, stride[1], padding[1])
    windows = sliding_window_view(with_zeros(x, padding), (p, q), axis=(2, 3))
    windows = windows[:, :, :: stride[0], :: stride[1]]
    columns = windows.transpose(1, 4, 5, 0, 2, 3).reshape(c * p * q, n * high * windows.shape[3])
    product = w.reshape(k, c * p * q) @ columns + b[:, None]
    out = product.reshape(k, n, high, -1).transpose(1, 0, 2, 3)
    return np.ascontiguousarray(out), {"x": x, "w": w, "stride": stride, "padding": padding}
