import time

time.sleep(600)


def test_never(student):
    assert False
