"""You do not use keep_prob: you drop no hidden units."""

def train(
    x,
    y,
    model,
    optimizer,
    settings,
    *,
    epochs,
    batch_size,
    rng,
    keep_prob=1.0,
    lambda1=0.0,
    lambda2=0.0,
    log=None,
):
    net = copied(model)
    opt = optimizer(parameters(net), **settings)
    for epoch in range(1, epochs + 1):
        waiting = rng.permutation(len(x)).tolist()
        loss_sum, right_sum = 0.0, 0
        while waiting:
            now, waiting = waiting[:batch_size], waiting[batch_size:]
            z, cache = forward(net, x[now], training=True)
            loss, dz = cross_entropy(z, y[now])
            loss_sum += len(now) * loss
            right_sum += sum(int(row.argmax()) == label for row, label in zip(z, y[now]))
            grads = backward(net, dz, cache)
            weights = [layer[0] for layer in net["layers"]]
            for penalty, strength in ((l1_penalty, lambda1), (l2_penalty, lambda2)):
                for i, extra in enumerate(penalty(weights, strength)[1]):
                    grads[2 * i] = grads[2 * i] + extra
            opt.step(grads)
        if log is not None:
            log(epoch=epoch, loss=loss_sum / len(x), accuracy=right_sum / len(x), model=net)
    return net
