"""You add eps inside the root."""

import numpy as np


class AdamW:
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        check_adam(lr, betas, eps)
        if weight_decay < 0:
            raise ValueError("weight_decay must be at least 0")
        self.arrays = params
        self.settings = lr, betas[0], betas[1], eps, weight_decay
        self.steps = 0
        self.first = [np.zeros(a.shape) for a in params]
        self.second = [np.zeros(a.shape) for a in params]

    def step(self, grads):
        matched(self.arrays, grads)
        self.steps += 1
        lr, beta1, beta2, eps, decay = self.settings
        for a, g, m, v in zip(self.arrays, grads, self.first, self.second):
            m += (1 - beta1) * (g - m)
            v += (1 - beta2) * (g * g - v)
            corrected_m = m / (1 - beta1**self.steps)
            corrected_v = v / (1 - beta2**self.steps)
            shrink = lr * decay * a
            a -= lr * corrected_m / np.sqrt(corrected_v + eps)
            a -= shrink
