"""You scale the step of a smaller last batch up to that of a full batch."""

def train(x, y, params, *, activation, learning_rate, epochs, batch_size, rng, log=None):
    weights = [w.copy() for w, _ in params]
    biases = [b.copy() for _, b in params]
    for epoch in range(epochs):
        loss_sum, right = 0.0, 0
        for images, labels in minibatches(x, y, batch_size, rng):
            network = list(zip(weights, biases))
            z, cache = forward(images, network, activation)
            loss, dz = cross_entropy(z, labels)
            grads = backward(dz, network, cache, activation)[0]
            rate = learning_rate * batch_size / len(labels)
            weights = [w - rate * g[0] for w, g in zip(weights, grads)]
            biases = [b - rate * g[1] for b, g in zip(biases, grads)]
            loss_sum += loss
            right += int((z.argmax(axis=1) == labels).sum())
        if log is not None:
            log(epoch=epoch + 1, loss=loss_sum / len(y), accuracy=right / len(y))
    return list(zip(weights, biases))
