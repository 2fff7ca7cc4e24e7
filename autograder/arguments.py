"""What a test passes to a student's function, and what became of it there.

A call sends copies, on a laptop as in the grader. A student's function may change its copy. Then

    mutable(params)     the test declared it: the test's own object changes too, by this call and by every later method
                        of the object that this call made
    a Generator         the test's own generator advances too, if the change is an advance
    everything else     the test's own object stays as it is; what the copy became is kept here, apart

So a test never computes what it expects from something that a student could write. Only `assert_unchanged` asks what a
copy became, by `as_left`.

Arrays are kept by their memory and not by their object: a change of `x[::2]` is a change of `x`.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder import wire

MAX_DRAWS = 2**48  # by which one call may advance a generator; no call can draw more in its time
MAX_CHILDREN = 10_000  # that one call may spawn from a generator

# PCG64's step, modulo 2**128: state = MULTIPLIER state + increment (O'Neill 2014, and numpy's pcg64.h).
MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
MODULUS = 2**128


class Mutable:
    """An argument that the student's function may change; see `mutable`."""

    def __init__(self, value: Any) -> None:
        self.value = value


def mutable(value: Any) -> Any:
    """`value`, as an argument of one call: what the student's function does to it, the test sees in its own object.

    The declaration holds for this call and for later methods of the object that the call returned:
    `optimizer = student.SGD(mutable(params))`, then `optimizer.step(grads)` updates `params`.
    """
    return Mutable(value)


class _Memory:
    """A copy of the memory that arrays share, with what the student's function wrote into its copy."""

    def __init__(self, array: np.ndarray) -> None:
        self._owner = owner_of(array)  # kept alive, so that its id stands for it
        self._start, end = _bounds(self._owner)
        self._bytes = bytearray((ctypes.c_char * (end - self._start)).from_address(self._start))

    def at(self, array: np.ndarray) -> np.ndarray:
        """The part of the copy that lies where `array` lies in the original."""
        offset = array.__array_interface__["data"][0] - self._start
        return np.ndarray(array.shape, array.dtype, self._bytes, offset, array.strides)


class _Storage:
    """The same for tensors."""

    def __init__(self, tensor: Any) -> None:
        self._owner = tensor  # kept alive, so that its address stands for it
        self._storage = tensor.detach().untyped_storage().clone()

    def at(self, tensor: Any) -> Any:
        empty = sys.modules["torch"].empty(0, dtype=tensor.dtype)
        return empty.set_(self._storage, tensor.storage_offset(), tensor.size(), tensor.stride())


_memories: dict[tuple[str, int], Any] = {}  # what an array or tensor lies in -> its _Memory or _Storage
_objects: dict[int, tuple[Any, Any]] = {}  # id -> the test's own object, and what its copy became


def forget() -> None:
    """Called before each example: what earlier calls did is of no interest any more."""
    _memories.clear()
    _objects.clear()


def keep_apart(own: Any, theirs: Any, replaced: set[int]) -> None:
    """Note what the copy of an argument became.

    own : the test's own object.   theirs : what its copy is now.   replaced : ids of arrays in `theirs` that are other
        arrays than those that were sent; the ones that were sent have not changed.
    """
    if _alike(own, theirs):
        _write(own, theirs)
    elif isinstance(own, np.random.Generator) and isinstance(theirs, np.random.Generator):
        if not advance(own, theirs):
            _objects[id(own)] = own, theirs
    elif isinstance(own, (list, dict, tuple)) and isinstance(theirs, type(own)):
        pairs = list(_pairs(own, theirs))
        for old, new in pairs:
            if id(new) not in replaced:
                keep_apart(old, new, replaced)
        same_items = len(own) == len(theirs) == len(pairs)
        if not same_items or any(id(new) in replaced or _other(old, new) for old, new in pairs):
            _objects[id(own)] = own, theirs
        else:
            _objects.pop(id(own), None)
    elif isinstance(own, np.ndarray) or wire.is_tensor(own):  # of another shape now
        _objects[id(own)] = own, theirs


def as_left(value: Any) -> Any:
    """The value as the student's copy of it is now; `value` itself where nothing of it was changed."""
    if id(value) in _objects:
        return _objects[id(value)][1]
    if isinstance(value, np.ndarray) or wire.is_tensor(value):
        memory = _memories.get(_place(value))
        return value if memory is None else memory.at(value)
    if not _memories and not _objects:
        return value
    if isinstance(value, (list, tuple)):
        items = [as_left(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)  # named tuples take items apart
    if isinstance(value, dict):
        return {key: as_left(item) for key, item in value.items()}
    return value


def owner_of(array: np.ndarray) -> np.ndarray:
    """The array whose memory this one is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def advance(own: np.random.Generator, theirs: np.random.Generator) -> bool:
    """Bring a generator to the state of its copy. False, and nothing is done, where drawing does not lead there.

    Otherwise a student's function could choose what the test draws next.
    """
    mine, state = own.bit_generator.state, theirs.bit_generator.state
    if mine["bit_generator"] != "PCG64" or state["bit_generator"] != "PCG64":
        return False
    before, after = mine["state"], state["state"]
    if before["inc"] != after["inc"] or _draws(before["state"], after["state"], before["inc"]) > MAX_DRAWS:
        return False
    own.bit_generator.state = state
    seeds, spawned = seed_sequence(own), getattr(seed_sequence(theirs), "n_children_spawned", 0)
    if seeds is not None and 0 < (more := spawned - seeds.n_children_spawned) <= MAX_CHILDREN:
        seeds.spawn(more)
    return True


def seed_sequence(rng: np.random.Generator) -> np.random.SeedSequence | None:
    """What `rng.spawn` makes children from; None for a generator without one."""
    found = getattr(rng.bit_generator, "seed_seq", None)
    return found if type(found) is np.random.SeedSequence else None


def _draws(state: int, target: int, increment: int) -> int:
    """How many steps of PCG64 lead from a state to another: one bit of the number after the other (O'Neill 2014)."""
    multiplier, steps, bit = MULTIPLIER, 0, 1
    while state != target:
        if (state ^ target) & bit:
            state = (multiplier * state + increment) % MODULUS
            steps |= bit
        increment = (multiplier + 1) * increment % MODULUS
        multiplier = multiplier * multiplier % MODULUS
        bit <<= 1
        if bit > MAX_DRAWS:
            return MODULUS
    return steps


def _write(own: Any, theirs: Any) -> None:
    _objects.pop(id(own), None)  # it had another shape before
    place = _place(own)
    if place not in _memories and not _same(own, theirs):
        _memories[place] = _Memory(own) if isinstance(own, np.ndarray) else _Storage(own)
    if place in _memories:
        copy = _memories[place].at(own)
        if isinstance(own, np.ndarray):
            copy[...] = theirs
        else:
            copy.copy_(theirs)


def _place(value: Any) -> tuple[str, int]:
    """What the array or tensor lies in."""
    if isinstance(value, np.ndarray):
        return "array", id(owner_of(value))
    return "tensor", value.untyped_storage().data_ptr()


def _bounds(array: np.ndarray) -> tuple[int, int]:
    """The first address of an array's memory, and the one behind its last."""
    module = np.lib.array_utils if hasattr(np.lib, "array_utils") else np  # numpy 2, or 1
    low, high = module.byte_bounds(array)
    return int(low), int(high)


def _alike(own: Any, theirs: Any) -> bool:
    """Two arrays, or two tensors, of one shape and dtype."""
    arrays = isinstance(own, np.ndarray) and isinstance(theirs, np.ndarray)
    if arrays or (wire.is_tensor(own) and wire.is_tensor(theirs)):
        return bool(own.shape == theirs.shape and own.dtype == theirs.dtype)
    return False


def _same(own: Any, theirs: Any) -> bool:
    """Equal to the last bit."""
    if isinstance(own, np.ndarray):
        equal: bool = own.tobytes() == theirs.tobytes()
        return equal
    return bool(((own == theirs) | ((own != own) & (theirs != theirs))).all())


def _pairs(own: Any, theirs: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(own, dict):
        return ((own[key], theirs[key]) for key in own if key in theirs)
    return zip(own, theirs, strict=False)


def _other(old: Any, new: Any) -> bool:
    """Is an item another one now? What can be changed in place has been looked at, item by item."""
    containers = isinstance(old, (list, dict, tuple)) and isinstance(new, type(old))
    generators = isinstance(old, np.random.Generator) and isinstance(new, np.random.Generator)
    if containers or generators or _alike(old, new):
        return False
    if type(old) is not type(new):
        return True
    return bool(old != new) and not bool(old != old and new != new)  # NaN has not changed into NaN
