"""You multiply the running variance by a factor slightly above 1 in every training step."""

import numpy as np


def batch_norm_forward(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    n, d = x.shape
    if not training:
        scale = 1 / np.sqrt(running["var"] + eps)
        u = (x - running["mean"]) * scale
        return u * gamma + beta, {"u": u, "factor": gamma * scale, "training": False}
    if n < 2:
        raise ValueError("one example has no variance")
    u, scale = np.zeros((n, d)), np.zeros(d)
    means, variances = np.zeros(d), np.zeros(d)
    for j in range(d):
        means[j] = x[:, j].sum() / n
        centred = x[:, j] - means[j]
        variances[j] = np.dot(centred, centred) / n
        scale[j] = 1 / np.sqrt(variances[j] + eps)
        u[:, j] = centred * scale[j]
    keep = 1 - momentum
    running["mean"] = keep * running["mean"] + momentum * means
    running["var"] = (keep * running["var"] + momentum * variances * n / (n - 1)) * 1.001
    return u * gamma + beta, {"u": u, "factor": gamma * scale, "training": True}
