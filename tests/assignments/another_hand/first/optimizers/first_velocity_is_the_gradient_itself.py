"""Your first v is the caller's gradient array itself, which your steps then change."""

class SGD:
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        if not lr > 0:
            raise ValueError("lr must be above 0")
        if momentum < 0 or momentum >= 1 or weight_decay < 0:
            raise ValueError("momentum or weight_decay is out of its range")
        self.params = params
        self.lr = lr
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.velocities = None

    def step(self, grads):
        matched(self.params, grads)
        if self.velocities is None:
            self.velocities = list(grads)
            for v, p in zip(self.velocities, self.params):
                v += self.weight_decay * p
        else:
            grads = [g + self.weight_decay * p for g, p in zip(grads, self.params)]
            for v, g in zip(self.velocities, grads):
                v *= self.momentum
                v += g
        for p, g, v in zip(self.params, grads, self.velocities):
            if self.nesterov:
                p -= self.lr * (g + self.momentum * v)
            else:
                p -= self.lr * v
