"""You divide all gradients by the number of examples."""

def backward(dz, cache):
    first, second, flat, shape, w3 = cache
    n = dz.shape[0]
    grads = [(flat.T @ dz, dz.sum(axis=0))]
    da = (dz @ w3.T).reshape(shape)
    for stage_cache in (second, first):
        da, dw, db = stage_back(da, stage_cache)
        grads.insert(0, (dw, db))
    return [(dw / n, db / n) for dw, db in grads]
