"""Answers calls with a student's functions, over one socket, for one test.

    judge -> worker                                     worker -> judge
                                                         READY, once, before any student file is here
    ["load", seq, {file: bytes}, module, cpu seconds]    ["value", seq, tree, changes]
    ["get", seq, name]                                   ["raised", seq, [class names], message, traceback, changes]
    ["attribute", seq, id, name]                         ["callback", seq, number, args, kwargs]
    ["call", seq, target, args, kwargs, watched]
    ["next", seq, id]
    ["build", seq, recipe, state]       a module of torch's own layers, made here: tensors.py
    ["gradients", seq, target, args, weights]
    ["device_memory", seq]
    ["answer", seq, tree]     to a callback; or ["refuse", seq]: it failed over there

`changes` are arguments that the call changed: of this call, and of the call that made the object whose method (or next
item) this is, so that an optimizer's in-place updates are seen over there as they would be on a laptop. Each is
[seq of the call, place of the argument, tree, replaced] (of a call that is not watched there are none: a training
run's data are large, and its time is graded); `replaced` are the paths of arrays in it that are others than
before: `params[0] -= g` changes the judge's own array, `params[0] = params[0] - g` puts another one in its place.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import random
import resource
import socket
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.random  # numpy imports it when it is first used: here, once, and not in every worker

from autograder import wire
from autograder.worker import FOLDER, READY

MAX_TEXT = 4000  # characters of a message or a traceback
MAX_FRAME = 2**34  # what the judge sends is trusted, so this is only a guard against nonsense
KEPT_BYTES = 2**14  # of an argument, kept as they are to see a change; of a larger one a hash


def SEAL() -> None:
    """The last moment before student code runs. Where /tmp is not the worker's own, dropped.py shuts it here."""


@dataclass
class Made:
    """The arguments of a call, and how they were when the judge last saw them."""

    arguments: list[Any]
    seen: list[tuple[Any, list[bytes]]]
    arrays: list[dict[tuple[Any, ...], Any]]  # and tensors, in each argument, by the path to them
    number: int  # the call's seq: the judge finds its own copies by it


class Server:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames = wire.read(connection.makefile("rb", buffering=2**16).readinto, MAX_FRAME)  # type: ignore[attr-defined]
        self._module: Any = None
        self._objects: list[Any] = []
        self._ids: dict[int, int] = {}  # id(object) -> its place in _objects, which keeps it alive
        self._makers: dict[int, Made] = {}  # place in _objects -> the call that made it
        self._seq = 0

    def run(self) -> None:
        self._connection.sendall(READY)
        for header, body in self._frames:
            kind, self._seq, *fields = header
            made: list[Made] = []
            try:
                result = getattr(self, f"_on_{kind}")(fields, wire.Decoder(body, self._resolve), made)
                reply, buffers = self._value_reply(result, made)
            except Exception as error:
                reply, buffers = self._raised_reply(error, made)
            self._send(reply, buffers)

    # requests

    def _on_load(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> None:
        files, module, cpu_seconds = fields
        # The judge's clock decides; this is for what would go on behind its back.
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        # Arithmetic that draws from the global generators still answers alike in every run.
        random.seed(0)
        np.random.seed(0)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(0)
        for name, content in files.items():
            Path(FOLDER, name).write_bytes(content)
        SEAL()
        os.chdir(FOLDER)
        sys.path.insert(0, FOLDER)
        self._module = __import__(module)

    def _on_get(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> Any:
        (name,) = fields
        try:
            return getattr(self._module, name)
        except AttributeError:
            raise AttributeError(f"{self._module.__name__}.py defines no {name!r}") from None

    def _on_attribute(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> Any:
        place, name = fields
        self._recall(place, made)
        return getattr(self._objects[place], name)

    def _on_call(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> Any:
        target, args_tree, kwargs_tree, watched = fields
        args = [decoder.value(tree) for tree in args_tree]
        kwargs = {name: decoder.value(tree) for name, tree in kwargs_tree.items()}
        arguments = [*args, *kwargs.values()]
        # A method's object may hold arguments of the call that made it, so those are looked at too.
        function = self._resolve(target, decoder)
        if not watched:
            return function(*args, **kwargs)
        if target[0] == "r":
            self._recall(target[1], made)
        seen = [self._fingerprint(value) for value in arguments]
        made.append(Made(arguments, seen, [dict(_arrays(value)) for value in arguments], self._seq))
        return function(*args, **kwargs)

    def _on_next(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> Any:
        (place,) = fields
        self._recall(place, made)
        target = self._objects[place]
        if not isinstance(target, Iterator):
            return iter(target)
        try:
            return (next(target),)
        except StopIteration:
            return ()

    def _on_build(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> Any:
        from autograder.worker import tensors

        recipe, state = (decoder.value(tree) for tree in fields)
        return tensors.build(recipe, state)

    def _on_gradients(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> Any:
        from autograder.worker import tensors

        target, args_tree, weights_tree = fields
        args = [decoder.value(tree) for tree in args_tree]
        return tensors.value_and_gradients(self._resolve(target, decoder), args, decoder.value(weights_tree))

    def _on_device_memory(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> Any:
        torch = sys.modules.get("torch")
        return torch.cuda.max_memory_allocated() if torch is not None and torch.cuda.is_initialized() else 0

    # objects that stay here

    def _resolve(self, tree: list[Any], decoder: wire.Decoder) -> Any:
        tag, key = tree[0], tree[1]
        if tag == "r":
            return self._objects[key]
        if tag == "c":
            return Callback(self, key)
        raise wire.WireError(f"the judge sent {tag!r}")

    def _hold(self, value: Any) -> Any:
        """The tree for what is no data: a named tuple's items, or a handle."""
        if isinstance(value, Callback):
            return ["c", value.number]
        place = self._ids.get(id(value))
        if place is None:
            place = len(self._objects)
            self._objects.append(value)
            self._ids[id(value)] = place
        if isinstance(value, tuple):
            return ["T", place, list(value)]
        return ["h", place, type(value).__name__[:100]]

    def _encoder(self) -> wire.Encoder:
        return wire.Encoder(self._special)

    def _special(self, value: Any, encoder: wire.Encoder) -> Any:
        tree = self._hold(value)
        if tree[0] == "T":
            tree[2] = [encoder.value(item, 1) for item in tree[2]]
        return tree

    # replies

    def _value_reply(self, result: Any, made: list[Made]) -> tuple[list[Any], list[wire.Buffer]]:
        before = len(self._objects)
        encoder = self._encoder()
        tree = encoder.value(result)
        for place in range(before, len(self._objects)):
            # An object made by this call may hold on to its arguments; a bound method belongs to its object's maker.
            if made:
                self._makers[place] = made[-1] if made[-1].number == self._seq else made[0]
        return ["value", self._seq, tree, self._changes(made, encoder)], encoder.buffers

    def _raised_reply(self, error: Exception, made: list[Made]) -> tuple[list[Any], list[wire.Buffer]]:
        lineage = [base.__name__ for base in type(error).__mro__][:20]
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            lineage.insert(0, "MemoryError")  # what mmap and fork say at the memory limit
        encoder = self._encoder()
        try:
            message = str(error)[:MAX_TEXT]
        except Exception:
            message = "(its text cannot be had)"
        try:
            changes = self._changes(made, encoder)
        except wire.WireError:
            changes, encoder = [], self._encoder()
        return ["raised", self._seq, lineage, message, self._frames_of(error), changes], encoder.buffers

    def _frames_of(self, error: Exception) -> str:
        """The student's own frames: those in the folder of the files that were handed in."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(FOLDER + "/")]
        for frame in frames:
            frame.filename = frame.filename[len(FOLDER) + 1 :]
        text = "".join(traceback.format_list(frames[-20:]))
        if isinstance(error, SyntaxError):
            text += f"  line {error.lineno}\n"
        return text[-MAX_TEXT:]

    def _recall(self, place: int, made: list[Made]) -> None:
        maker = self._makers.get(place)
        if maker is not None:
            made.append(maker)

    def _fingerprint(self, value: Any) -> tuple[Any, list[bytes]]:
        encoder = self._encoder()
        try:
            tree = encoder.value(value)
        except wire.WireError:
            return None, []
        return tree, [
            bytes(buffer) if len(buffer) <= KEPT_BYTES else hashlib.blake2b(buffer).digest()
            for buffer in encoder.buffers
        ]

    def _changes(self, made: list[Made], encoder: wire.Encoder) -> list[Any]:
        """[[call, place of the argument, tree, replaced]] of all arguments that are not as the judge last saw them."""
        changes = []
        for call in made:
            for place, value in enumerate(call.arguments):
                now = self._fingerprint(value)
                if now != call.seen[place]:
                    tree = encoder.value(value)
                    arrays, before = dict(_arrays(value)), call.arrays[place]
                    replaced = [list(path) for path in arrays if before.get(path, arrays[path]) is not arrays[path]]
                    changes.append([call.number, place, tree, encoder.value(replaced)])
                    call.seen[place], call.arrays[place] = now, arrays
        return changes

    # bytes

    def _send(self, header: list[Any], buffers: list[wire.Buffer]) -> None:
        with contextlib.suppress(Exception):  # a student may have closed or replaced them
            sys.stdout.flush()
        for piece in wire.pack(header, buffers):
            self._connection.sendall(piece)

    def call_back(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        encoder = self._encoder()
        trees = [encoder.value(value) for value in args]
        named = {name: encoder.value(value) for name, value in kwargs.items()}
        self._send(["callback", self._seq, number, trees, named], encoder.buffers)
        header, body = next(self._frames)
        if header[0] == "refuse":
            raise RuntimeError("a function passed in by the caller failed")
        return wire.Decoder(body, self._resolve).value(header[2])


def _arrays(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The arrays and tensors in lists, tuples and dicts, each with the indices and keys that lead to it."""
    if type(value) is np.ndarray or wire.is_tensor(value):
        yield path, value
    elif isinstance(value, (list, tuple, dict)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _arrays(item, (*path, key))


class Callback:
    """A function of the judge's: calling it asks the judge."""

    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self.number = number

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._server.call_back(self.number, args, kwargs)
