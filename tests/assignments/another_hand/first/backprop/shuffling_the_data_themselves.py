"""You shuffle x and y in place, which changes the caller's arrays."""

def minibatches(x, y, batch_size, rng):
    if batch_size < 1:
        raise ValueError("batch_size < 1")
    n = len(x)
    if len(y) != n:
        raise ValueError("x and y do not belong together")
    # Fisher and Yates
    for last in range(n - 1, 0, -1):
        other = int(rng.integers(0, last + 1))
        x[[last, other]] = x[[other, last]]
        y[[last, other]] = y[[other, last]]
    result = []
    for start in range(0, n, batch_size):
        result.append((x[start : start + batch_size].copy(), y[start : start + batch_size].copy()))
    return result
