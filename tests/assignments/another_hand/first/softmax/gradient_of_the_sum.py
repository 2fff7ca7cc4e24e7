"""You return the gradient of the sum of the losses and not of their mean."""

import numpy as np


def cross_entropy_grad(z, y):
    labels = check_labels(z, y)
    hot = np.zeros_like(z)
    hot[np.arange(len(labels)), labels] = 1
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True) - hot
