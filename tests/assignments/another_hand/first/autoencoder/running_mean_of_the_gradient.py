"""You multiply the gradient by 1 - momentum in the velocity."""

def momentum_step(params, velocity, grads, *, learning_rate, momentum):
    if momentum < 0 or not momentum < 1:
        raise ValueError("momentum is not in [0, 1)")
    fresh = 1 - momentum
    velocity = [
        tuple(momentum * old - learning_rate * fresh * new for old, new in zip(*pairs))
        for pairs in zip(velocity, grads)
    ]
    params = [tuple(p + v for p, v in zip(*pairs)) for pairs in zip(params, velocity)]
    return params, velocity
