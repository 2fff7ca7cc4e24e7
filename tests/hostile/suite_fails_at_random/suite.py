import os


def test_random(student):
    assert os.urandom(1)[0] > 240
