"""Your dgamma and dbeta have the shape (1, d)."""

import numpy as np


def batch_norm_backward(dy, cache):
    u, factor = cache["u"], cache["factor"]
    n = dy.shape[0]
    dbeta = np.sum(dy, axis=0, keepdims=True)
    dgamma = np.sum(dy * u, axis=0, keepdims=True)
    inner = dy - dbeta / n - u * dgamma / n if cache["training"] else dy
    return factor * inner, dgamma, dbeta
