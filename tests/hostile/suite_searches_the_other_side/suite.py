import gc
import os
import sys

import numpy as np


def found():
    for folder in ("/", "/tmp", "/proc", "/engine", "/home", "/root"):
        for root, _, names in os.walk(folder):
            if root.startswith(("/site", "/runtime", "/usr", "/lib")):
                continue
            for name in names:
                try:
                    with open(os.path.join(root, name), errors="replace") as file:
                        text = file.read(100_000)
                except OSError:
                    continue
                if "You return 3 x" in text or "tripled" in text and "test_own" not in name:
                    return True
    frame = sys._getframe()
    while frame is not None:
        if "tripled" in repr(frame.f_locals)[:100_000]:
            return True
        frame = frame.f_back
    return any(isinstance(one, bytes) and b"return 3 * x" in one and b"gc" not in one for one in gc.get_objects())


def test_searches(student):
    for name in ("reference", "_types", "__dict__", "__name__", "tripled", "SimpleNamespace"):
        try:
            value = getattr(student, name)(np.ones(1))
        except (AttributeError, TypeError):
            continue
        raise AssertionError(f"reached {name}: {value}")
    assert not found()
    _, cache = student.sums(np.ones(2))
    assert "reference" not in repr(cache), "the cache tells whose it is"
    try:
        student.mean(np.ones(0))
    except ValueError as error:
        assert "nothing" not in str(error), "the text of an error tells whose it is"
