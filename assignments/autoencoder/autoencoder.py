"""An autoencoder: a network that reproduces its input through a narrow middle; its training, and PCA as the yardstick.

    a_0 = x,   a_l = relu(a_{l-1} w_l + b_l)  for l = 1 .. L-1,   reconstruction = sigmoid(a_{L-1} w_L + b_L)

Letters used below: n images, d pixels, L layers of weights (L is even), m units in the code layer, the middle one.
Rows of x are images: x is (n, d). params is a list of L pairs (w, b), first layer first: w is (fan_in, fan_out), b is
(fan_out,). All arrays are float64 unless a docstring says otherwise. The code is a_{L/2}: the first L/2 layers encode,
the other L/2 decode. No function here changes an argument, except that drawing from `rng` advances it.
"""

import numpy as np  # noqa: F401


def initialize(widths, rng):
    """The params of an autoencoder: Xavier weights, as in the assignment on backpropagation, and zero biases.

        w ~ uniform on [-c, c],   c = sqrt(6 / (fan_in + fan_out))

    widths : list of L + 1 ints, units of each layer, pixels first: [1024, 32, 32, 32, 1024] has L = 4. L is even and at
        least 2, all widths are at least 1, and the last is the first: a reconstruction has the pixels of its image.
        The widths between need not mirror each other.
    rng : numpy.random.Generator; the only source of chance.
    Returns params. Raises ValueError if widths is not as told.
    """
    raise NotImplementedError("initialize: yours to write")


def encode(x, params):
    """The codes of images: what the first L/2 layers make of them.

        a_0 = x,   a_l = relu(a_{l-1} w_l + b_l)  for l = 1 .. L/2,   code = a_{L/2}

    x : (n, d) array, n >= 0; any numbers, not only those from 0 to 1.
    Returns the (n, m) array of codes. The code layer is a hidden layer too: its ReLU is on, so no entry is negative.
    """
    raise NotImplementedError("encode: yours to write")


def decode(code, params):
    """The images that codes stand for: what the last L/2 layers make of them.

        a_{L/2} = code,   a_l = relu(a_{l-1} w_l + b_l)  for l = L/2 + 1 .. L-1,   sigmoid(a_{L-1} w_L + b_L)

    code : (n, m) array, n >= 0; any numbers, negative ones too: the first thing that happens to them is w_{L/2 + 1}.
    Returns an (n, d) array, entries in [0, 1] and never NaN, however large the sigmoid's inputs are.
    """
    raise NotImplementedError("decode: yours to write")


def reconstruct(x, params):
    """decode(encode(x)):  images, as they look after passing through the m numbers of their codes.

    x : (n, d) array, n >= 0.
    Returns an (n, d) array, entries in [0, 1].
    """
    raise NotImplementedError("reconstruct: yours to write")


def loss_and_grads(x, params):
    """The squared error, summed over all pixels of all images, and its gradients.

        L(x) = sum_i sum_j (r[i, j] - x[i, j])^2,   r = reconstruct(x, params)

    x : (n, d) array, n >= 1, the images and the targets.
    Returns (L, grads): a float, and a list of L pairs (dL/dw, dL/db), each of the shape of its w and b. Nothing is
    divided by n or by d. Where the input of a ReLU is exactly 0, its derivative may be 0 or 1.
    """
    raise NotImplementedError("loss_and_grads: yours to write")


def momentum_step(params, velocity, grads, *, learning_rate, momentum):
    """One step of gradient descent with momentum (Polyak, 1964), for every w and every b:

        m <- momentum m - learning_rate g,   p <- p + m

    params, velocity, grads : lists of pairs of arrays, all of the same shapes; velocity holds the m's.
    momentum : float in [0, 1); 0 is plain gradient descent.
    Returns (params, velocity), both after the step, in new arrays. Raises ValueError if momentum is outside [0, 1).
    """
    raise NotImplementedError("momentum_step: yours to write")


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
    raise NotImplementedError("train: yours to write")


def psnr(a, b, *, peak=1.0):
    """Peak signal-to-noise ratio of every image, in decibels:

        psnr[i] = 10 log10( peak^2 / mse[i] ),   mse[i] = mean over j of (a[i, j] - b[i, j])^2

    a, b : (n, d) arrays of floats or of integers (pixels 0 to 255 as uint8, too), n >= 0, d >= 1; rows are images.
    peak : the greatest value that a pixel can have: 1 for pixels from 0 to 1, 255 for bytes.
    Returns an (n,) float64 array: one number an image, +infinity where the two are identical. The "average PSNR" of a
    data set is the mean of these. Raises ValueError if a and b differ in shape; nothing is broadcast.
    """
    raise NotImplementedError("psnr: yours to write")


def count_parameters(params):
    """How many numbers training sets: the entries of all weights and all biases. Returns an int."""
    raise NotImplementedError("count_parameters: yours to write")


def pca(x, k):
    """Principal component analysis: the mean image, and the k directions in which images differ most.

        mean = (1/n) sum_i x[i],   components[c] = eigenvector of the covariance of x with the c-th greatest eigenvalue

    x : (n, d) array, n >= 2, more or fewer images than pixels. Its k greatest variances are distinct and not zero.
    k : int, 1 <= k <= min(n - 1, d).
    Returns (mean, components): a (d,) and a (k, d) array. Rows of components are orthonormal, in the order of falling
    variance, and determined up to their signs, which are free. Raises ValueError if k is out of its range.
    """
    raise NotImplementedError("pca: yours to write")


def pca_encode(x, mean, components):
    """The k numbers that PCA keeps of every image:  code = (x - mean) components^T.

    x : (n, d) array, n >= 0.   mean, components : as from `pca`, of these or of other images.
    Returns an (n, k) array.
    """
    raise NotImplementedError("pca_encode: yours to write")


def pca_decode(code, mean, components):
    """The images that PCA's codes stand for:  mean + code components;  nothing is clipped to 0..1.

    Of all linear ways to pass the images that it was fitted to through k numbers, this has the least squared error.

    code : (n, k) array, n >= 0.   mean, components : as from `pca`.
    Returns an (n, d) array.
    """
    raise NotImplementedError("pca_decode: yours to write")
