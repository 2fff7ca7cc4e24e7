"""An autoencoder: a network that reproduces its input through a narrow middle; its training, and PCA as the yardstick.

    a_0 = x,   a_l = relu(a_{l-1} w_l + b_l)  for l = 1 .. L-1,   reconstruction = sigmoid(a_{L-1} w_L + b_L)

Letters used below: n images, d pixels, L layers of weights (L is even), m units in the code layer, the middle one.
Rows of x are images: x is (n, d). params is a list of L pairs (w, b), first layer first: w is (fan_in, fan_out), b is
(fan_out,). All arrays are float64 unless a docstring says otherwise. The code is a_{L/2}: the first L/2 layers encode,
the other L/2 decode. No function here changes an argument, except that drawing from `rng` advances it.
"""

from itertools import pairwise

import numpy as np


def initialize(widths, rng):
    """The params of an autoencoder: Xavier weights, as in the assignment on backpropagation, and zero biases.

        w ~ uniform on [-c, c],   c = sqrt(6 / (fan_in + fan_out))

    widths : list of L + 1 ints, units of each layer, pixels first: [1024, 32, 32, 32, 1024] has L = 4. L is even and at
        least 2, all widths are at least 1, and the last is the first: a reconstruction has the pixels of its image.
        The widths between need not mirror each other.
    rng : numpy.random.Generator; the only source of chance.
    Returns params. Raises ValueError if widths is not as told.
    """
    if len(widths) < 3 or len(widths) % 2 == 0:
        raise ValueError(f"{len(widths)} widths have no middle; an autoencoder has 3, 5, 7, .. of them")
    if min(widths) < 1:
        raise ValueError(f"widths {widths} have a layer without units")
    if widths[0] != widths[-1]:
        raise ValueError(f"images of {widths[0]} pixels cannot be compared with reconstructions of {widths[-1]}")
    params = []
    for fan_in, fan_out in pairwise(widths):
        c = np.sqrt(6.0 / (fan_in + fan_out))
        params.append((rng.uniform(-c, c, size=(fan_in, fan_out)), np.zeros(fan_out)))
    return params


def encode(x, params):
    """The codes of images: what the first L/2 layers make of them.

        a_0 = x,   a_l = relu(a_{l-1} w_l + b_l)  for l = 1 .. L/2,   code = a_{L/2}

    x : (n, d) array, n >= 0; any numbers, not only those from 0 to 1.
    Returns the (n, m) array of codes. The code layer is a hidden layer too: its ReLU is on, so no entry is negative.
    """
    a = x
    for w, b in params[: len(params) // 2]:
        a = _relu(a @ w + b)
    return a


def decode(code, params):
    """The images that codes stand for: what the last L/2 layers make of them.

        a_{L/2} = code,   a_l = relu(a_{l-1} w_l + b_l)  for l = L/2 + 1 .. L-1,   sigmoid(a_{L-1} w_L + b_L)

    code : (n, m) array, n >= 0; any numbers, negative ones too: the first thing that happens to them is w_{L/2 + 1}.
    Returns an (n, d) array, entries in [0, 1] and never NaN, however large the sigmoid's inputs are.
    """
    a = code
    for w, b in params[len(params) // 2 : -1]:
        a = _relu(a @ w + b)
    w, b = params[-1]
    return _sigmoid(a @ w + b)


def reconstruct(x, params):
    """decode(encode(x)):  images, as they look after passing through the m numbers of their codes.

    x : (n, d) array, n >= 0.
    Returns an (n, d) array, entries in [0, 1].
    """
    return decode(encode(x, params), params)


def loss_and_grads(x, params):
    """The squared error, summed over all pixels of all images, and its gradients.

        L(x) = sum_i sum_j (r[i, j] - x[i, j])^2,   r = reconstruct(x, params)

    x : (n, d) array, n >= 1, the images and the targets.
    Returns (L, grads): a float, and a list of L pairs (dL/dw, dL/db), each of the shape of its w and b. Nothing is
    divided by n or by d. Where the input of a ReLU is exactly 0, its derivative may be 0 or 1.
    """
    inputs = [x]  # a_0 .. a_{L-1}, the inputs of the layers
    for w, b in params[:-1]:
        inputs.append(_relu(inputs[-1] @ w + b))
    w, b = params[-1]
    r = _sigmoid(inputs[-1] @ w + b)
    error = r - x
    delta = 2.0 * error * r * (1.0 - r)  # (n, d), at the sigmoid's inputs
    grads = []
    for layer in reversed(range(len(params))):
        a = inputs[layer]  # (n, fan_in)
        grads.append((a.T @ delta, delta.sum(axis=0)))
        if layer > 0:
            delta = (delta @ params[layer][0].T) * (a > 0)
    return float(np.sum(error**2)), grads[::-1]


def momentum_step(params, velocity, grads, *, learning_rate, momentum):
    """One step of gradient descent with momentum (Polyak, 1964), for every w and every b:

        m <- momentum m - learning_rate g,   p <- p + m

    params, velocity, grads : lists of pairs of arrays, all of the same shapes; velocity holds the m's.
    momentum : float in [0, 1); 0 is plain gradient descent.
    Returns (params, velocity), both after the step, in new arrays. Raises ValueError if momentum is outside [0, 1).
    """
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum is {momentum}, but it must be at least 0 and less than 1")
    moved, kept = [], []
    for pair, m_pair, g_pair in zip(params, velocity, grads, strict=True):
        m_pair = tuple(momentum * m - learning_rate * g for m, g in zip(m_pair, g_pair, strict=True))
        kept.append(m_pair)
        moved.append(tuple(p + m for p, m in zip(pair, m_pair, strict=True)))
    return moved, kept


def train(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    """Minibatch gradient descent with momentum on the squared error, summed over each batch.

        m = 0 before the first step;   for every batch:   m <- momentum m - learning_rate dL/dp,   p <- p + m

    The velocity m lives as long as the call: it is carried from batch to batch and from epoch to epoch, and the next
    call begins at rest. Each epoch takes the images in a new random order, every order being equally likely, and
    cuts it into batches of batch_size images; the last batch holds what is left, and is used too.

    x : (n, d) array, n >= 1.   params : where to start.
    epochs : int, at least 0: how often all images are seen.
    batch_size : int, at least 1; more than n is one batch of all.
    rng : numpy.random.Generator: the same one gives the same network.
    log : None, or a function, called after every epoch as log(epoch=1.., loss=..) with a float: the mean over the
        images of their squared errors, each summed over its pixels and taken before the step on its batch.
    Returns the trained params, in new arrays; the given ones stay as they are.
    Raises ValueError if batch_size < 1, or (once a step is due) if momentum is outside [0, 1).
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, but a batch holds at least one image")
    params = [(w.copy(), b.copy()) for w, b in params]
    velocity = [(np.zeros_like(w), np.zeros_like(b)) for w, b in params]
    for epoch in range(1, epochs + 1):
        order, loss_sum = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            loss, grads = loss_and_grads(x[order[start : start + batch_size]], params)
            params, velocity = momentum_step(params, velocity, grads, learning_rate=learning_rate, momentum=momentum)
            loss_sum += loss
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x))
    return params


def psnr(a, b, *, peak=1.0):
    """Peak signal-to-noise ratio of every image, in decibels:

        psnr[i] = 10 log10( peak^2 / mse[i] ),   mse[i] = mean over j of (a[i, j] - b[i, j])^2

    a, b : (n, d) arrays of floats or of integers (pixels 0 to 255 as uint8, too), n >= 0, d >= 1; rows are images.
    peak : the greatest value that a pixel can have: 1 for pixels from 0 to 1, 255 for bytes.
    Returns an (n,) float64 array: one number an image, +infinity where the two are identical. The "average PSNR" of a
    data set is the mean of these. Raises ValueError if a and b differ in shape; nothing is broadcast.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"images of shape {a.shape} cannot be compared with images of shape {b.shape}")
    mse = np.mean((a - b) ** 2, axis=1)
    with np.errstate(divide="ignore"):  # peak^2 / 0 is the infinity that is meant
        return 10.0 * np.log10(peak**2 / mse)


def count_parameters(params):
    """How many numbers training sets: the entries of all weights and all biases. Returns an int."""
    return sum(w.size + b.size for w, b in params)


def pca(x, k):
    """Principal component analysis: the mean image, and the k directions in which images differ most.

        mean = (1/n) sum_i x[i],   components[c] = eigenvector of the covariance of x with the c-th greatest eigenvalue

    x : (n, d) array, n >= 2, more or fewer images than pixels. Its k greatest variances are distinct and not zero.
    k : int, 1 <= k <= min(n - 1, d).
    Returns (mean, components): a (d,) and a (k, d) array. Rows of components are orthonormal, in the order of falling
    variance, and determined up to their signs, which are free. Raises ValueError if k is out of its range.
    """
    n, d = x.shape
    if not 1 <= k <= min(n - 1, d):
        raise ValueError(f"{n} images of {d} pixels have {min(n - 1, d)} components at most, so k cannot be {k}")
    mean = x.mean(axis=0)
    # The right singular vectors of x - mean are the eigenvectors, already in the order of falling variance.
    _, _, vt = np.linalg.svd(x - mean, full_matrices=False)
    return mean, vt[:k]


def pca_encode(x, mean, components):
    """The k numbers that PCA keeps of every image:  code = (x - mean) components^T.

    x : (n, d) array, n >= 0.   mean, components : as from `pca`, of these or of other images.
    Returns an (n, k) array.
    """
    return (x - mean) @ components.T


def pca_decode(code, mean, components):
    """The images that PCA's codes stand for:  mean + code components;  nothing is clipped to 0..1.

    Of all linear ways to pass the images that it was fitted to through k numbers, this has the least squared error.

    code : (n, k) array, n >= 0.   mean, components : as from `pca`.
    Returns an (n, d) array.
    """
    return mean + code @ components


def _relu(z):
    return np.maximum(z, 0.0)


def _sigmoid(z):
    e = np.exp(-np.abs(z))  # in (0, 1]: no overflow on either side
    return np.where(z >= 0, 1.0, e) / (1.0 + e)
