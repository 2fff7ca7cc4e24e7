import numpy as np


def test_asks(student):
    x = np.ones(2**21)
    while True:
        student.double(x)
