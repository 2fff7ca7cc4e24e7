"""You return the crops upside down."""

import numpy as np


def crop_letters(binary, boxes):
    crops = []
    for y0, x0, y1, x1 in np.asarray(boxes):
        part = np.where(binary[y0:y1, x0:x1], 0.0, 1.0)
        part = part[::-1]
        scale = 22 / max(part.shape)
        rows = max(1, int(round(part.shape[0] * scale)))
        columns = max(1, int(round(part.shape[1] * scale)))
        part = shares(part.shape[0], rows) @ part @ shares(part.shape[1], columns).T
        above, left = (32 - rows) // 2, (32 - columns) // 2
        frame = ((above, 32 - rows - above), (left, 32 - columns - left))
        crops.append(np.pad(part, frame, constant_values=1.0))
    return np.array(crops).reshape(-1, 32, 32)
