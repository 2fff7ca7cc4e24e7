"""You leave the half out of the penalty's value."""

import numpy as np


def l2_penalty(params, lam):
    if lam < 0:
        raise ValueError(f"lam is {lam}")
    flat = [w.reshape(-1) for w in params]
    total = 0.0
    for w in flat:
        total += np.dot(w, w)
    return float(lam * total), [np.multiply(w, lam) for w in params]
