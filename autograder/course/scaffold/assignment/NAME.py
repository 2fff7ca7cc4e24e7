"""The mean squared error and its gradient.  n examples."""


def mean_squared_error(p, y):
    """L(p, y) = (1/n) sum_i (p[i] - y[i])^2.

    p : (n,) float array of predictions, n >= 1.
    y : (n,) float array of targets.
    Returns a float. Leaves p and y as they are.
    """
    raise NotImplementedError("mean_squared_error")


def mean_squared_error_grad(p, y):
    """dL/dp[i] = 2 (p[i] - y[i]) / n.

    p, y : as above.
    Returns an (n,) array of p's dtype. Leaves p and y as they are.
    """
    raise NotImplementedError("mean_squared_error_grad")
