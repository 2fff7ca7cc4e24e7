import sys


class Spy:
    def __rmul__(self, other):
        return self

    __add__ = __radd__ = __mul__ = __len__ = __rmul__


def test_hands_over(student):
    for value in (Spy(), sys, test_hands_over, lambda x: x, [Spy()], {"a": sys}):
        try:
            student.double(value)
        except TypeError:
            continue
        raise AssertionError("an object has crossed")
