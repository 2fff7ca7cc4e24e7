"""You leave out boxes with few pixels of ink, so that small letters are lost."""

import numpy as np
from scipy import ndimage

FEWEST = 150  # pixels of ink


def find_letters(image):
    ink = ink_of(image)
    labels, count = ndimage.label(ink, EIGHT)
    ink = ink & (ndimage.sum_labels(ink, labels, np.arange(count + 1)) >= 12)[labels]
    parts = without_threads(ink)
    labels, count = ndimage.label(ink if parts is None else parts, EIGHT)
    pieces = []
    for number in range(1, count + 1):
        points = np.argwhere(labels == number)
        if len(points) >= 12:
            pieces.append(points)
    nothing = np.zeros((0, 4), dtype=int)
    if not pieces:
        return nothing, ink
    height = usual_height([box_around(points) for points in pieces])
    for _ in range(2):
        boxes = boxes_of(pieces, 0.14 * height + 1)
        height = usual_height(boxes)
    kept, mask = [], np.zeros_like(ink)
    for top, left, bottom, right in boxes:
        if bottom - top > 0.42 * height:
            mask[top:bottom, left:right] = True
            if np.count_nonzero(ink[top:bottom, left:right]) >= FEWEST:
                kept.append([top, left, bottom, right])
    return np.array(kept, dtype=int) if kept else nothing, ink & mask
