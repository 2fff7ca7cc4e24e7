import gc
import os
import sys

import numpy as np


NAME = "".join(("trip", "led"))
WORDS = (NAME, "".join(("You return 3", " x")), "".join(("return 3", " * x")), "".join(("the ref", "erence")))


def found():
    """Where something of an answer was seen; "" where nothing was."""
    for folder in ("/", "/tmp", "/proc", "/engine", "/home", "/root", "/dev/shm"):
        for root, _, names in os.walk(folder):
            if root.startswith(("/site", "/runtime", "/usr", "/lib")):
                continue
            for name in names:
                if "test_own" in name or name in ("full", "random", "urandom"):
                    continue
                try:
                    with open(os.path.join(root, name), errors="replace") as file:
                        text = file.read(100_000)
                except OSError:
                    continue
                if any(word in text for word in WORDS[:3]):
                    return os.path.join(root, name)
    frame = sys._getframe(1)
    while frame is not None:
        if any(word in repr(frame.f_locals)[:100_000] for word in WORDS[1:3]):
            return f"in the frame of {frame.f_code.co_name}"
        frame = frame.f_back
    for one in gc.get_objects():
        if isinstance(one, dict) and one is not globals() and NAME in one:
            return "in a dict"
    return ""


def test_searches(student):
    for name in ("reference", "_types", "__dict__", "__name__", NAME, "SimpleNamespace"):
        try:
            value = getattr(student, name)(np.ones(1))
        except (AttributeError, TypeError):
            continue
        raise AssertionError(f"reached {name}: {value}")
    assert found() == ""
    _, cache = student.sums(np.ones(2))
    assert "reference" not in repr(cache), "the cache tells whose it is"
    try:
        student.mean(np.ones(0))
    except ValueError as error:
        assert "nothing" not in str(error), "the text of an error tells whose it is"
