"""Is no Python."""

def double(x:
    return 2 * x
