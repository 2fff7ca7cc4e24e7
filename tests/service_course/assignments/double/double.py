def double(x):
    """2x, for a float x."""
    raise NotImplementedError("double")


def negate(x):
    """-x, for a float x."""
    raise NotImplementedError("negate")
