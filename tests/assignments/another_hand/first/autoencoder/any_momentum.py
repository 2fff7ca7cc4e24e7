"""You raise no ValueError for a momentum outside [0, 1)."""

def momentum_step(params, velocity, grads, *, learning_rate, momentum):
    def speed_of(m, g):
        return m * momentum - g * learning_rate

    speeds = [(speed_of(m[0], g[0]), speed_of(m[1], g[1])) for m, g in zip(velocity, grads)]
    moved = [(p[0] + m[0], p[1] + m[1]) for p, m in zip(params, speeds)]
    return moved, speeds
