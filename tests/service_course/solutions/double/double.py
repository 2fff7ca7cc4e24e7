def double(x):
    """2x, for a float x."""
    return 2 * x


def negate(x):
    """-x, for a float x."""
    return -x
