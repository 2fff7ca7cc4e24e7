"""You pass 1 as the epoch to log after every epoch."""

def train(x, params, *, learning_rate, momentum, epochs, batch_size, rng, log=None):
    if batch_size < 1:
        raise ValueError("batch_size is too small")
    params = [(w.copy(), b.copy()) for w, b in params]
    velocity = [(0 * w, 0 * b) for w, b in params]
    options = {"learning_rate": learning_rate, "momentum": momentum}
    for _ in range(epochs):
        loss_sum = 0
        remaining = list(rng.permutation(len(x)))
        while remaining:
            now, remaining = remaining[:batch_size], remaining[batch_size:]
            loss, grads = loss_and_grads(x[now], params)
            loss_sum = loss_sum + loss
            params, velocity = momentum_step(params, velocity, grads, **options)
        if log is not None:
            log(epoch=1, loss=loss_sum / len(x))
    return params
