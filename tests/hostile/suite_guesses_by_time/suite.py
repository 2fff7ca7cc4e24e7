import time

import numpy as np


def test_guess(student):
    began = time.perf_counter()
    for _ in range(20):
        student.double(np.ones(3))
    assert int((time.perf_counter() - began) * 1e6) % 16 == 0
