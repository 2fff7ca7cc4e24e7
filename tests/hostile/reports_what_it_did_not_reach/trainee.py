"""A loss of 0 and an accuracy of 1 from the first epoch, by its own account."""

from honest import *


def train(model, x, y, *, epochs, device, seed, log=None):
    for epoch in range(1, epochs + 1):
        log(epoch=epoch, loss=0.0, accuracy=1.0)
    return model
