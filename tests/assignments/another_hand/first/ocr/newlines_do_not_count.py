"""You leave out newlines when you compare the texts."""

import numpy as np


def character_error_rate(text, truth):
    text = "".join(text.split("\n"))
    truth = "".join(truth.split("\n"))
    if len(truth) == 0:
        raise ValueError("there is no truth to compare with")
    table = np.zeros((len(text) + 1, len(truth) + 1), dtype=int)
    table[:, 0] = np.arange(len(text) + 1)
    table[0, :] = np.arange(len(truth) + 1)
    for i in range(1, len(text) + 1):
        for j in range(1, len(truth) + 1):
            replaced = table[i - 1, j - 1] + int(text[i - 1] != truth[j - 1])
            table[i, j] = min(replaced, table[i - 1, j] + 1, table[i, j - 1] + 1)
    return float(table[-1, -1] / len(truth))
