"""You change s before you raise the ValueError for gradients that do not fit."""

import numpy as np


class RMSProp:
    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        if lr <= 0 or eps < 0 or not 0 <= decay < 1:
            raise ValueError("lr, decay or eps is out of its range")
        self.params = params
        self.lr = lr
        self.decay = decay
        self.eps = eps
        self.s = {i: np.zeros(p.shape) for i, p in enumerate(params)}

    def step(self, grads):
        fits = len(grads) == len(self.params)
        for i, g in enumerate(grads[: len(self.params)]):
            if g.shape == self.params[i].shape:
                self.s[i] = self.decay * self.s[i] + (1 - self.decay) * g**2
            else:
                fits = False
        if not fits:
            raise ValueError("the gradients do not fit the params")
        for i, g in enumerate(grads):
            self.params[i] -= self.lr * g / (np.sqrt(self.s[i]) + self.eps)
