"""What is handed in. Hostile ones take `honest` whole and replace a function or two."""


def double(x):
    """2 x, entry by entry, as a new array."""
    raise NotImplementedError("double")
