"""You return crops with entries from 0 to 255."""

import numpy as np


def crop_letters(binary, boxes):
    pictures = np.full((len(boxes), 32, 32), 255.0)
    for index in range(len(boxes)):
        y0, x0, y1, x1 = boxes[index]
        letter = 255.0 * ~binary[y0:y1, x0:x1]
        longest = max(letter.shape)
        rows, columns = (max(1, round(24 * side / longest)) for side in letter.shape)
        small = shares(letter.shape[0], rows) @ letter @ shares(letter.shape[1], columns).T
        top, left = 16 - rows // 2, 16 - columns // 2
        pictures[index, top : top + rows, left : left + columns] = small
    return pictures
