"""Optimizers, batch normalization, dropout and penalties, in numpy, and a network that is trained with them.

Letters used below: n examples, d features, k classes; t counts the steps of an optimizer, from 1 on.
Arrays are float64. `rng` is a numpy.random.Generator; drawing from it advances it, and it is the only source of chance.

The first half is yours to write. The network at the end, whose gradients you know from an earlier assignment, is given;
it calls your batch normalization and your dropout. Of the given functions only the behaviour described there counts.
"""

from itertools import pairwise

import numpy as np

# ---------------------------------------------------------------------------------------------------------- optimizers
#
# All five classes work alike. The optimizer is made once, for a list of arrays `params`; each call of `step(grads)` is
# given the list of their gradients and changes the arrays themselves, in place.
#
#     params : list of float64 arrays of any shapes with at least one axis. After a step the caller finds the new values
#              in the very same arrays; the list keeps holding them.
#     grads  : list of float64 arrays, one for each array of params, in its order and of its shape; they are left as
#              they were. |g| is 0 or between 1e-100 and 1e100; with eps = 0 no entry is 0.
#
# Arithmetic is entry by entry: an entry's update depends on that entry's own gradients alone. State (velocities,
# moments, the step count) starts at zero, one array for each array of params; two optimizers share nothing.


class SGD:
    """Gradient descent with momentum and weight decay (Polyak, 1964; Nesterov's: Sutskever et al., 2013).

        g <- g + weight_decay p
        v <- momentum v + g                                  v = 0 before the first step
        p <- p - lr v                                        with nesterov:  p <- p - lr (g + momentum v)

    `nesterov` uses the new v. p on the right is the value before the step. Written like this, as torch.optim.SGD does,
    v is a sum of gradients, not of steps. With momentum = 0 both kinds are plain gradient descent.
    """

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        """lr > 0, 0 <= momentum < 1, weight_decay >= 0; otherwise ValueError."""
        raise NotImplementedError("SGD: yours to write")

    def step(self, grads):
        """One update of all params, in place.

        Raises ValueError, before anything is changed, if grads has another length than params or an array of another
        shape.
        """
        raise NotImplementedError("SGD.step: yours to write")


class AdaGrad:
    """A step size for each entry, which shrinks with the gradients seen so far (Duchi, Hazan and Singer, 2011).

        s <- s + g^2                                         s = 0 before the first step
        p <- p - lr g / (sqrt(s) + eps)                      eps stands outside the root

    The paper leaves lr to the user and has no zero gradients; the defaults are those of torch.optim.Adagrad.
    """

    def __init__(self, params, lr=0.01, eps=1e-10):
        """lr > 0, eps >= 0; otherwise ValueError."""
        raise NotImplementedError("AdaGrad: yours to write")

    def step(self, grads):
        """One update of all params, in place.

        Raises ValueError, before anything is changed, if grads has another length than params or an array of another
        shape.
        """
        raise NotImplementedError("AdaGrad.step: yours to write")


class RMSProp:
    """AdaGrad that forgets: a running mean instead of a sum (Tieleman and Hinton, 2012, lecture 6.5).

        s <- decay s + (1 - decay) g^2                       s = 0 before the first step
        p <- p - lr g / (sqrt(s) + eps)                      eps stands outside the root

    There is no bias correction: the first step is about lr / sqrt(1 - decay) long where eps is small beside g. The
    lecture's slides are all that was published of it: they name decay = 0.9 and no eps.
    """

    def __init__(self, params, lr=0.001, decay=0.9, eps=1e-8):
        """lr > 0, 0 <= decay < 1, eps >= 0; otherwise ValueError."""
        raise NotImplementedError("RMSProp: yours to write")

    def step(self, grads):
        """One update of all params, in place.

        Raises ValueError, before anything is changed, if grads has another length than params or an array of another
        shape.
        """
        raise NotImplementedError("RMSProp.step: yours to write")


class Adam:
    """Adaptive moment estimation (Kingma and Ba, 2015, algorithm 1).

        t <- t + 1                                           t = 0 before the first step, so that it is 1 in it
        m <- beta1 m + (1 - beta1) g                         m = v = 0 before the first step
        v <- beta2 v + (1 - beta2) g^2
        p <- p - lr m' / (sqrt(v') + eps)                    m' = m / (1 - beta1^t),  v' = v / (1 - beta2^t)

    m' and v' correct the bias towards the zeros that m and v begin with; they are not kept. eps stands outside the
    root, and beside the corrected v'. t counts steps, not params: it is the same for all arrays of one step. The
    defaults are the paper's.
    """

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        """betas is the pair (beta1, beta2). lr > 0, both betas in [0, 1), eps >= 0; otherwise ValueError."""
        raise NotImplementedError("Adam: yours to write")

    def step(self, grads):
        """One update of all params, in place.

        Raises ValueError, before anything is changed, if grads has another length than params or an array of another
        shape.
        """
        raise NotImplementedError("Adam.step: yours to write")


class AdamW:
    """Adam with weight decay that is decoupled from the gradient (Loshchilov and Hutter, 2019, algorithm 2).

        p <- p - lr (m' / (sqrt(v') + eps) + weight_decay p)

    with m' and v' of `Adam`, which see the gradient g alone: the decay enters neither moment, and is not divided by
    anything. p on the right is the value before the step. In the paper the decay is multiplied with a schedule alone;
    here, as in torch.optim.AdamW, whose defaults these are, lr is that schedule.
    """

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        """As in Adam; and weight_decay >= 0, otherwise ValueError."""
        raise NotImplementedError("AdamW: yours to write")

    def step(self, grads):
        """One update of all params, in place.

        Raises ValueError, before anything is changed, if grads has another length than params or an array of another
        shape.
        """
        raise NotImplementedError("AdamW.step: yours to write")


def effective_learning_rate(lr, momentum):
    """How far momentum goes in the end, for a gradient that stays the same:  the step tends to  lr / (1 - momentum) g.

    lr : float > 0.   momentum : float.
    Returns a float. Raises ValueError if momentum is not in [0, 1).
    """
    raise NotImplementedError("effective_learning_rate: yours to write")


def weight_decay_factor(lr, lam, n, batch_size):
    """What weight decay makes of a weight in one epoch of SGD, where the loss is flat: by which factor it shrinks.

    The penalty is lam / (2n) sum w^2 with n training examples, so every step on a batch makes w <- (1 - lr lam / n) w,
    and an epoch has n / batch_size steps, rounded up:

        factor = (1 - lr lam / n)^ceil(n / batch_size)       which tends to exp(-lr lam / batch_size) for large n

    lr : float > 0.   lam : float >= 0, lr lam < n.   n, batch_size : int, at least 1.
    Returns a float, the exact factor, in (0, 1].
    """
    raise NotImplementedError("weight_decay_factor: yours to write")


# ----------------------------------------------------------------------------------------------------- regularization


def l1_penalty(params, lam):
    """The l1 penalty of all entries of all arrays, and its gradient.

        P = lam sum |w|,   dP/dw = lam sign(w)               with sign(0) = 0

    params : list of float64 arrays of any shapes with at least one axis.   lam : float.
    Returns (P, grads): a float, and a list of new arrays of the shapes of params. params are left as they were.
    Raises ValueError if lam < 0.
    """
    raise NotImplementedError("l1_penalty: yours to write")


def l2_penalty(params, lam):
    """The l2 penalty of all entries of all arrays, and its gradient.

        P = lam / 2 sum w^2,   dP/dw = lam w

    params : list of float64 arrays of any shapes with at least one axis.   lam : float.
    Returns (P, grads): a float, and a list of new arrays of the shapes of params. params are left as they were.
    Raises ValueError if lam < 0.
    """
    raise NotImplementedError("l2_penalty: yours to write")


def dropout_forward(x, keep_prob, rng, *, training):
    """Inverted dropout: each entry is kept with probability keep_prob and divided by it, or else becomes 0.

        training:       y = x * mask / keep_prob,   the entries of mask 1 with probability keep_prob, else 0,
                        each drawn independently of all others
        not training:   y = x, and nothing is drawn

    The division makes the mean of y over all masks equal to x, so that nothing has to be done where it is not training.

    x : float64 array of any shape; it is left as it was.   keep_prob : float in (0, 1].
    rng : numpy.random.Generator. The same one draws the same mask, and the next call another. May be None where it is
        not training.
    Returns (y, cache): an array of x's shape, and anything you like for `dropout_backward`.
    Raises ValueError if keep_prob is not in (0, 1], training or not.
    """
    raise NotImplementedError("dropout_forward: yours to write")


def dropout_backward(dy, cache):
    """The gradient of a scalar L through `dropout_forward`, with the mask that it drew.

        training:       dx = dy * mask / keep_prob
        not training:   dx = dy

    dy : float64 array of y's shape, dL/dy; it is left as it was.   cache : as returned by the forward that made y.
    Returns dx = dL/dx, an array of dy's shape. A second call with the same cache gives the same answer.
    """
    raise NotImplementedError("dropout_backward: yours to write")


# ------------------------------------------------------------------------------------------------- batch normalization


def batch_norm_forward(x, gamma, beta, running, *, training, momentum=0.1, eps=1e-5):
    """Batch normalization of every feature (Ioffe and Szegedy, 2015).

        training:       mean[j] = (1/n) sum_i x[i, j],   var[j] = (1/n) sum_i (x[i, j] - mean[j])^2
                        y = gamma (x - mean) / sqrt(var + eps) + beta
                        running["mean"] <- (1 - momentum) running["mean"] + momentum mean
                        running["var"]  <- (1 - momentum) running["var"] + momentum n / (n - 1) var
        not training:   y = gamma (x - running["mean"]) / sqrt(running["var"] + eps) + beta,   running stays as it is

    Two variances: the batch is normalized with the biased one (1/n), the running one averages the unbiased one
    (1/(n - 1)), as in torch. `momentum` is the weight of the new batch; it has nothing to do with that of SGD.

    x : (n, d) float64 array; training n >= 2, otherwise n >= 1. |mean| may be 1e6 times as large as sqrt(var), and var
        may be 0; y is then right, and finite.
    gamma, beta : (d,) float64 arrays.   momentum : float in [0, 1].   eps : float > 0.
    running : dict with "mean" and "var", (d,) float64 arrays. Training puts the new values into it: into the same
        arrays or, in their place, new ones.
    Returns (y, cache): an (n, d) array, and anything you like for `batch_norm_backward`. x, gamma and beta are left as
    they were. Raises ValueError if training with n < 2, and leaves running as it was.
    """
    raise NotImplementedError("batch_norm_forward: yours to write")


def batch_norm_backward(dy, cache):
    """The gradients of a scalar L through `batch_norm_forward`.

        dgamma[j] = sum_i dy[i, j] u[i, j],   dbeta[j] = sum_i dy[i, j],   u = (x - mean) / sqrt(var + eps)
        training:       mean and var depend on every x[i, j], and the gradient goes through both:
                        dx = gamma / sqrt(var + eps) (dy - dbeta / n - u dgamma / n)
        not training:   running["mean"] and running["var"] are constants:   dx = gamma / sqrt(var + eps) dy

    dy : (n, d) float64 array, dL/dy; any numbers; it is left as it was.
    cache : as returned by the forward that made y, whatever other forwards came since.
    Returns (dx, dgamma, dbeta): arrays of the shapes (n, d), (d,) and (d,). A second call with the same cache gives the
    same answer.
    """
    raise NotImplementedError("batch_norm_backward: yours to write")


# ------------------------------------------------------------------------------------------------------------ training


def train(
    x,
    y,
    model,
    optimizer,
    settings,
    *,
    epochs,
    batch_size,
    rng,
    keep_prob=1.0,
    lambda1=0.0,
    lambda2=0.0,
    log=None,
):
    """Trains a model on minibatches, with any of the optimizers.

        L = cross_entropy of the batch + l1_penalty(weights, lambda1) + l2_penalty(weights, lambda2)
        before the first epoch:   optimizer(the parameters, **settings), once
        for every batch:          one step with the gradients of L

    Penalized are the weights w of the layers alone: no bias, no gamma, no beta.

    x : (n, d) float64 array.   y : (n,) int array of labels.
    model : where to start, as `initialize` makes it. A copy is trained; the given one stays as it is.
    optimizer : a class, one of those above.   settings : dict of its arguments besides params: {"lr": 0.1}.
    epochs : int, at least 0. In each, all examples come once, in a new random order, in batches of batch_size; the last
        batch holds what is left, and is used too. (With batch normalization n and batch_size are such that it holds two
        or more.) The optimizer's state lasts from epoch to epoch.
    rng : draws orders and dropout masks: the same one gives the same model.
    keep_prob : of the dropout on every hidden layer; 1 is no dropout.
    log : None, or a function, called after every epoch as log(epoch=1.., loss=.., accuracy=.., model=..): two floats,
        the mean cross-entropy of an example, in nats and without penalties, and the share of right answers, both over
        the epoch's batches as they came (with their dropout), each taken before the step on it; and the model as it
        is by now, for the caller to look at (or a copy of it).
    Returns the trained model, running statistics included.
    """
    raise NotImplementedError("train: yours to write")


# ----------------------------------------------------------------------------------------------------- given: a network
#
# A hidden layer is  affine map -> batch normalization, if the model has it -> ReLU -> dropout, if keep_prob < 1.
# The last layer is an affine map alone: z are logits. All of this is right; leave it as it is.


def initialize(widths, rng, batch_norm=False):
    """Given. A model: normal weights of variance 2 / fan_in (He et al., 2015), zero biases.

    widths : list of ints, inputs first: [784, 100, 50, 10] has two hidden layers.
    Returns {"layers": [(w, b), ..], "norms": [..]}: w is (fan_in, fan_out), b is (fan_out,); norms is empty without
    batch normalization, else it holds for each hidden layer a dict of "gamma", "beta" and "running".
    """
    layers = []
    for fan_in, fan_out in pairwise(widths):
        layers.append((rng.normal(0, np.sqrt(2 / fan_in), (fan_in, fan_out)), np.zeros(fan_out)))
    norms = []
    for width in widths[1:-1] if batch_norm else []:
        running = {"mean": np.zeros(width), "var": np.ones(width)}
        norms.append({"gamma": np.ones(width), "beta": np.zeros(width), "running": running})
    return {"layers": layers, "norms": norms}


def parameters(model):
    """Given. The arrays that an optimizer moves, in order: w, b of every layer, then gamma, beta of every norm.

    They are the model's own arrays, so that a step in place is seen by the next forward pass.
    """
    arrays = [array for pair in model["layers"] for array in pair]
    return arrays + [norm[name] for norm in model["norms"] for name in ("gamma", "beta")]


def copied(model):
    """Given. A copy that shares no array with the model."""
    return {
        "layers": [(w.copy(), b.copy()) for w, b in model["layers"]],
        "norms": [
            {
                "gamma": norm["gamma"].copy(),
                "beta": norm["beta"].copy(),
                "running": {name: array.copy() for name, array in norm["running"].items()},
            }
            for norm in model["norms"]
        ],
    }


def forward(model, x, *, training, keep_prob=1.0, rng=None):
    """Given. (z, cache): the (n, k) logits of x, and what `backward` wants to remember."""
    a, cache = x, []
    for i, (w, b) in enumerate(model["layers"][:-1]):
        z, norm_cache, drop_cache = a @ w + b, None, None
        if model["norms"]:
            norm = model["norms"][i]
            z, norm_cache = batch_norm_forward(z, norm["gamma"], norm["beta"], norm["running"], training=training)
        out = np.maximum(z, 0)
        if training and keep_prob < 1:
            out, drop_cache = dropout_forward(out, keep_prob, rng, training=training)
        cache.append((a, norm_cache, z > 0, drop_cache))
        a = out
    w, b = model["layers"][-1]
    cache.append((a, None, None, None))
    return a @ w + b, cache


def backward(model, dz, cache):
    """Given. The gradients of a scalar L from dz = dL/dz: new arrays, in the order of `parameters`."""
    layer_grads, norm_grads = [], []
    for i in reversed(range(len(model["layers"]))):
        a, norm_cache, is_open, drop_cache = cache[i]
        if is_open is not None:
            if drop_cache is not None:
                dz = dropout_backward(dz, drop_cache)
            dz = dz * is_open
            if norm_cache is not None:
                dz, dgamma, dbeta = batch_norm_backward(dz, norm_cache)
                norm_grads = [dgamma, dbeta, *norm_grads]
        layer_grads = [a.T @ dz, dz.sum(axis=0), *layer_grads]
        dz = dz @ model["layers"][i][0].T
    return layer_grads + norm_grads


def cross_entropy(z, y):
    """Given. Mean cross-entropy of (n, k) logits z with labels y, in nats, and its gradient dz."""
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(y))
    dz = np.exp(log_p)
    dz[rows, y] -= 1
    return -float(log_p[rows, y].mean()), dz / len(y)
