"""You group the boxes into columns in place of lines."""

import numpy as np


def group_lines(boxes):
    rest = sorted((list(box) for box in np.asarray(boxes)), key=lambda box: box[1])
    columns = []
    while rest:
        column, right = [rest.pop(0)], 0
        right = column[0][3]
        while rest and rest[0][1] < right:
            right = max(right, rest[0][3])
            column.append(rest.pop(0))
        columns.append(np.array(sorted(column)))
    return columns
