"""A small network in PyTorch, for tests of training checks: the stub."""


def penalty(z):
    """The mean of log(1 + exp(z)), a tensor without axes; stable for |z| <= 1e3.   z : (n,) float tensor."""
    raise NotImplementedError("penalty: see the formula above")


def freeze(model, names):
    """Parameters whose name begins with one of `names` no longer train. Returns the model itself."""
    raise NotImplementedError("freeze: see the sentence above")


def build():
    """A network from (n, 1, 8, 8) pictures to (n, 10) logits."""
    raise NotImplementedError("build: see the sentence above")


def train(model, x, y, *, epochs, device, seed, log=None):
    """Train the model in place, and return it.

    x : (n, 1, 8, 8) float32 tensor.   y : (n,) int64 tensor.
    log : called with epoch (from 1), loss (mean of the epoch) and accuracy (a share) after every epoch.
    """
    raise NotImplementedError("train: see the sentence above")


def predict(model, x, *, device):
    """The most likely class of every picture, an (n,) int64 tensor on the CPU."""
    raise NotImplementedError("predict: see the sentence above")
