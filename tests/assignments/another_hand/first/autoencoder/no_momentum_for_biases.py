"""You use no momentum for the biases."""

def momentum_step(params, velocity, grads, *, learning_rate, momentum):
    if not (0 <= momentum < 1):
        raise ValueError(f"momentum is {momentum}")
    result, memory = [], []
    for i in range(len(params)):
        w, b = params[i]
        dw, db = grads[i]
        change_w = momentum * velocity[i][0] - learning_rate * dw
        change_b = -learning_rate * db
        memory.append((change_w, change_b))
        result.append((w + change_w, b + change_b))
    return result, memory
