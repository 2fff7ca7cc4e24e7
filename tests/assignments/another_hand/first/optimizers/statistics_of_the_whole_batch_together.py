"""You take one mean and one variance over all features together."""

import numpy as np


def batch_norm_forward(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    if training:
        n = len(x)
        if n < 2:
            raise ValueError("training needs at least two examples")
        mean = x.mean()
        var = ((x - mean) ** 2).mean()
        for name, value in (("mean", mean), ("var", n / (n - 1) * var)):
            running[name] = (1 - momentum) * running[name] + momentum * value
    else:
        mean, var = running["mean"], running["var"]
    deviation = np.sqrt(var + eps)
    u = (x - mean) / deviation
    return gamma * u + beta, {"u": u, "factor": gamma / deviation, "training": training}
