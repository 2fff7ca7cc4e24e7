"""You put the labels in another order than the examples."""

def minibatches(x, y, batch_size, rng):
    if len(y) != len(x) or batch_size < 1:
        raise ValueError("the lengths differ, or batch_size is below 1")
    examples = x[rng.permutation(len(x))]
    labels = y[rng.permutation(len(y))]
    starts = range(0, len(x), batch_size)
    return [(examples[i : i + batch_size], labels[i : i + batch_size]) for i in starts]
