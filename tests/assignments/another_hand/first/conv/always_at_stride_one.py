"""You ignore the stride and count the windows at stride 1."""

def output_size(size, window, stride=1, padding=0):
    if stride < 1 or window < 1 or padding < 0:
        raise ValueError("stride and window must be positive, padding must not be negative")
    last_start = size + 2 * padding - window
    if last_start < 0:
        raise ValueError("the window is larger than the axis")
    count = 0
    while count <= last_start:
        count += 1
    return count
