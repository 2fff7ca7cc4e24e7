"""You compare each letter with the first one of its line, so that a line that rises or falls is split."""

import numpy as np


def group_lines(boxes):
    lines = []
    for box in sorted(np.asarray(boxes).tolist(), key=lambda box: box[1] + box[3]):
        middle = (box[0] + box[2]) / 2
        for line in lines:
            first = line[0]
            if abs(middle - (first[0] + first[2]) / 2) <= (first[2] - first[0]) / 2:
                line.append(box)
                break
        else:
            lines.append([box])
    lines.sort(key=lambda line: line[0][0])
    return [np.array(line) for line in lines]
