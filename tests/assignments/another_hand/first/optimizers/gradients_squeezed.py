"""You squeeze the gradients, so that axes of length 1 are lost."""

def l2_penalty(params, lam):
    if lam < 0:
        raise ValueError("lam < 0")
    value = sum(float((w**2).sum()) for w in params)
    return 0.5 * lam * value, [(lam * w).squeeze() for w in params]
