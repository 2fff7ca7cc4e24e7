"""A module that answers everything with one hostile value; `tests/test_hostile_answers.py` hands it in.

Whatever is asked of it is there: a function, a class, a method. Each answers with a value drawn from SEED and the name,
the same at every call, after it has handed odd values to whatever functions it was given.
"""

import random
import sys

import numpy as np

SEED = 0


class Odd:
    """An object whose every attribute is a function that answers like the others."""

    def __init__(self, draw):
        self._draw = draw

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return answering(f"{self._draw}.{name}")

    def __call__(self, *arguments, **words):
        return answering(f"{self._draw}()")(*arguments, **words)

    def __iter__(self):
        return iter([self, 1.0, None])


class Cache(dict):
    pass


KINDS = [
    ValueError, TypeError, KeyError, IndexError, AttributeError, ZeroDivisionError, AssertionError, StopIteration,
    RuntimeError, StopAsyncIteration, OSError, BlockingIOError, TimeoutError, EOFError, LookupError,
    ArithmeticError, BufferError, RecursionError, MemoryError, ImportError, NameError, UnicodeError, Warning,
    UserWarning, ConnectionError, BrokenPipeError, ConnectionResetError, InterruptedError, PermissionError,
    FileNotFoundError, SyntaxError, SystemError, ReferenceError, FloatingPointError, OverflowError,
    UnboundLocalError, NotImplementedError, ExceptionGroup, KeyboardInterrupt, SystemExit, GeneratorExit,
]  # fmt: skip
DTYPES = ["?", "i1", "u8", "f2", "f4", "f8", "c8", "c16"]


def array(rng):
    shape = [(), (0,), (1,), (3,), (1, 1), (2, 3), (3, 1), (0, 4), (2, 1, 3), (1, 2, 3, 4), (20_000,), (300, 300)]
    found = np.full(rng.choice(shape), rng.choice([0.0, 1.0, -1.0, 1e300, 5e-324, float("nan"), float("inf"), 0.3]))
    with np.errstate(all="ignore"):
        return found.astype(rng.choice(DTYPES))


def nested(rng):
    value = number(rng)
    for _ in range(rng.choice([3, 40])):
        value = rng.choice([lambda v: [v], lambda v: (v, v)[:1], lambda v: {"a": v}, lambda v: {1: v}])(value)
    return value


def number(rng):
    return rng.choice(
        [0, 1, -1, 2**31, 2**63, -(2**70), 10**400, 0.0, -0.0, 1e308, 5e-324, float("nan"), float("inf"), 1j, True, 7.5]
    )


def text(rng):
    return rng.choice(
        ["", "x", "\x00", "\u202e", "<b>", "a" * 100_000, "(" * 5000, "\n" * 999, "1.0", "nan", b"", b"\xff"]
    )


def container(rng):
    return rng.choice(
        [
            lambda: [], lambda: (), lambda: {}, lambda: [None] * 3, lambda: (array(rng), array(rng)), lambda:
            [array(rng)] * 2, lambda: {"w": array(rng)}, lambda: Cache(w=array(rng)), lambda: [(array(rng),
            array(rng))], lambda: {i: i for i in range(3000)}, lambda: list(range(5000)), lambda: [Odd("in a list")]
            * 2, lambda: (array(rng), Odd("cache")), lambda: [[]] * 50, lambda: {(1, 2): [array(rng)]},
        ]
    )()  # fmt: skip


def thing(rng):
    """What is no data."""
    made = [
        lambda: Odd("object"), lambda: (i for i in range(3)), lambda: iter([array(rng)]), lambda: Odd, lambda:
        print, lambda: np, lambda: np.random.default_rng(3), lambda: np.matrix([[1.0]]), lambda: np.ma.array([1.0],
        mask=[True]), lambda: np.array([None, "a"]), lambda: np.array("text"), lambda: np.datetime64("2020-01-01"),
        lambda: slice(1, 2), lambda: Ellipsis, lambda: NotImplemented, lambda: range(5), lambda: {1, 2}, lambda:
        memoryview(b"abc"), lambda: np.random.RandomState(0), lambda: np.rec.array([(1, 2.0)], dtype="i8,f8"), lambda:
        np.broadcast_to(1.0, (3, 3)),
    ]  # fmt: skip
    torch = sys.modules.get("torch")
    if torch is not None:
        made += [
            lambda: torch.zeros(3), lambda: torch.zeros(2, 3, requires_grad=True) * 2, lambda: torch.nn.Linear(2,
            2), lambda: torch.nn.Parameter(torch.ones(2)), lambda: torch.eye(3).to_sparse(), lambda:
            torch.tensor(float("nan")), lambda: torch.zeros(3, dtype=torch.bfloat16), lambda: torch.zeros(0, 4),
            lambda: torch.optim.SGD, lambda: torch, lambda: torch.zeros(2, dtype=torch.complex64), lambda:
            torch.ones(2, 2, dtype=torch.int8),
        ] * 2  # fmt: skip
    return rng.choice(made)()


def value(rng):
    return rng.choice([array, array, number, text, container, container, nested, thing, thing, lambda rng: None])(rng)


def answering(name):
    def answer(*arguments, **words):
        rng = random.Random(f"{SEED} {name}")
        for function in [*arguments, *words.values()]:
            if callable(function) and not isinstance(function, type):
                for _ in range(2):
                    try:
                        function(*[value(rng) for _ in range(rng.choice([0, 1, 2, 4]))], loss=value(rng))
                        function(epoch=value(rng), loss=Odd("loss"), accuracy=value(rng))
                    except Exception:
                        pass
        if rng.random() < 0.15:
            kind = rng.choice(KINDS)
            raise kind("of all", [ValueError("no")]) if kind is ExceptionGroup else kind("\x1b[31m no")
        return value(rng)

    answer.__name__ = "answer"
    return answer


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return answering(name)
