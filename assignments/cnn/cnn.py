"""Dense and convolutional networks in PyTorch: built to a budget, regularised, trained, and trained fast."""

import torch  # noqa: F401
from torch import nn  # noqa: F401

# ----------------------------------------------------------------------------------------------------------- builders


def widest_layer(inputs, classes, budget):
    """The greatest d for which a dense network  inputs -> d -> classes  has at most `budget` parameters.

    Weights and biases count:  inputs d + d + d classes + classes <= budget.
    Returns an int >= 0.  Raises ValueError if not even d = 1 fits.
    """
    raise NotImplementedError("widest_layer: see the docstring")


def build_mlp(widths, activation="relu", dropout=0.0):
    """A dense network with the layers  widths[0] -> widths[1] -> .. -> widths[-1],  an nn.Module.

    After each linear layer but the last come the activation and, where dropout > 0, nn.Dropout(dropout): `dropout` is
    the probability to become 0. The last layer's outputs are logits: nothing comes after it.
    Takes (n, ...) tensors with widths[0] numbers an example, whatever their shape, entries up to +-1e3, and returns
    (n, widths[-1]).
    activation : "relu", "tanh" or "sigmoid"; another raises ValueError.   widths : at least two ints.
    Its parameters are the weight (d_out, d_in) and bias (d_out,) of every layer, in order; torch's own initial values.
    """
    raise NotImplementedError("build_mlp: see the docstring")


def build_cnn(shape, classes, channels, *, kernel_size=3, padding=0, batch_norm=False, dropout=0.0):
    """A convolutional network, an nn.Module: a stage for each of `channels`, then one linear layer.

    A stage is  convolution (stride 1, square kernel, zero padding) -> [batch norm] -> ReLU -> max pooling, 2x2 windows,
    stride 2, a last odd row or column left out. After the stages come flattening, where dropout > 0
    nn.Dropout(dropout), and a linear layer to (n, classes) logits. Batch norm is nn.BatchNorm2d with torch's defaults.
    shape : (c, h, w) of one picture; the network takes (n, c, h, w) float tensors.
    Convolutions have a bias, but not where batch norm follows, which has its own.
    Its parameters are, in order, for each stage the kernel (c_out, c_in, k, k), then the bias (c_out,), or gamma and
    beta of the batch norm; then the weight and bias of the linear layer. torch's own initial values.
    Raises ValueError if a stage would leave no pixel.
    """
    raise NotImplementedError("build_cnn: see the docstring")


def count_parameters(model):
    """How many numbers of the model are trained: entries of its parameters with requires_grad. Buffers do not count.

    A parameter that two layers share counts once.  Returns an int.
    """
    raise NotImplementedError("count_parameters: see the docstring")


# ---------------------------------------------------------------------------------------------------------- penalties


def l1_penalty(model, lam):
    """lam sum |w|  over the weights: all parameters with at least two axes, so no biases, and no gamma or beta.

    Returns a float tensor without axes that can be differentiated, 0 where there is no weight.   lam : >= 0.
    """
    raise NotImplementedError("l1_penalty: see the docstring")


def l2_penalty(model, lam):
    """lam / 2 sum w^2  over the weights: all parameters with at least two axes. Returned as by `l1_penalty`."""
    raise NotImplementedError("l2_penalty: see the docstring")


# ----------------------------------------------------------------------------------------------------------- training


def minibatches(n, batch_size, seed):
    """The numbers 0 .. n - 1 in a random order, cut into batches: a list of int64 tensors.

    Each number comes once; all batches but perhaps the last have batch_size entries, the last at least one.
    The same seed gives the same batches, another seed another order.   n : >= 0; 0 gives an empty list.
    """
    raise NotImplementedError("minibatches: see the docstring")


def train(
    model, x, y, *, epochs, batch_size, learning_rate, momentum=0.9, l1=0.0, l2=0.0, device="cpu", seed=0, log=None
):
    """Train the model in place by stochastic gradient descent with momentum, and return it.

        g = d/dp ( mean cross entropy of the batch + l1_penalty(model, l1) + l2_penalty(model, l2) )
        v <- momentum v + g           from v = 0
        p <- p - learning_rate v

    model : the checks of trained networks build it by `build_mlp` or `build_cnn`, and train it by this function.
    x : (n, ...) float tensor, as the model takes it.   y : (n,) int64 labels. Both stay as they are.
    Every epoch goes through all examples once, in `minibatches` of another order in every epoch. The same seed (and
    model, and data) gives the same network, also with dropout; another seed gives another one. The model is in train
    mode meanwhile. Parameters that do not require a gradient stay as they are. Right for logits up to +-1e4.
    device : "cpu" or "cuda"; the model ends there.
    log : called after every epoch as log(epoch=.., loss=.., accuracy=..): the epoch's number from 1, mean cross entropy
        (nats, without penalties) and share of right answers over the examples of the epoch, as they were met.
    """
    raise NotImplementedError("train: see the docstring")


def predict(model, x, *, device="cpu", batch_size=500):
    """The most likely class of every example: an (n,) int64 tensor on the CPU.

    In eval mode, without gradients, batch_size examples at a time; the answer does not depend on batch_size. Afterwards
    the model is in the mode (train or eval) in which it was. Right for logits up to +-1e4.   n : at least 1.
    """
    raise NotImplementedError("predict: see the docstring")


def evaluate(model, x, y, *, device="cpu", batch_size=500):
    """(mean cross entropy in nats, share of right answers) over all examples, two floats. Otherwise as `predict`.

    Every example weighs the same, whatever batch_size is. Right for logits up to +-1e4.
    """
    raise NotImplementedError("evaluate: see the docstring")


# ---------------------------------------------------------------------------------------------------------- the record


def train_fast(x, y, *, classes, device="cpu", seed=0, log=None):
    """A network of your own, trained by any means, as good and as fast as you can.

    x : (n, c, h, w) float pictures, entries 0 to 1; h = w, at least 16.   y : (n,) int64, 0 <= y[i] < classes.
    log : as `train` calls it, after every epoch.
    Returns an nn.Module with which `predict` works on other pictures of the same shape (entries 0 to 1, too).
    """
    raise NotImplementedError("train_fast: see the docstring")
