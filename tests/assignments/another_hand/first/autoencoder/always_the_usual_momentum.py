"""You ignore momentum and always use 0.9."""

def momentum_step(params, velocity, grads, *, learning_rate, momentum):
    if momentum < 0 or momentum >= 1:
        raise ValueError("momentum must be in [0, 1)")
    after, speeds = [], []
    for layer in range(len(params)):
        speed = [0.9 * m - learning_rate * g for m, g in zip(velocity[layer], grads[layer])]
        speeds.append(tuple(speed))
        after.append(tuple(p + m for p, m in zip(params[layer], speed)))
    return after, speeds
