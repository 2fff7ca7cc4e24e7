"""Answers the judge's questions with a student's functions: everything but where the questions come from.

    load                         the student's module, by whoever serves (serve.py in a sandbox, Local on a laptop)
    ["get", name]                                        a value of the module
    ["attribute", id, name]                              of an object that stayed here
    ["call", target, args, kwargs, watched]
    ["next", id]
    ["build", recipe, state]                             a module of torch's own layers, made here: tensors.py
    ["gradients", target, args, weights]
    ["device_memory"]

An answer is ["value", tree, changes] or ["raised", [class names], message, traceback, changes].

`changes` are arguments that the call changed: of this call, and of the call that made the object whose method (or next
item) this is. Each is [seq of the call, place of the argument, tree, replaced] (of a call that is not watched there are
none: a training run's data are large, and its time is graded); `replaced` are the paths of arrays in it that are others
than before: `params[0] -= g` changes the judge's own array, `params[0] = params[0] - g` puts another one in its place.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder import wire

MAX_TEXT = 4000  # characters of a message or a traceback
KEPT_BYTES = 2**14  # of an argument, kept as they are to see a change; of a larger one a hash
TOO_LARGE = ", too large or too deep to be sent"  # behind the class of what would be data


@dataclass
class Made:
    """The arguments of a call, and how they were when the judge last saw them."""

    arguments: list[Any]
    seen: list[tuple[Any, list[bytes]]]
    arrays: list[dict[tuple[Any, ...], Any]]  # and tensors, in each argument, by the path to them
    number: int  # the call's seq: the judge finds its own copies by it


# Calls a function of the judge's: (number, args tree, kwargs tree, buffers) -> (tree of its value, decoder), or raises.
CallBack = Callable[[int, list[Any], dict[str, Any], list[wire.Buffer]], tuple[Any, wire.Decoder]]


class Responder:
    """The student's end of the wire."""

    def __init__(self, call_back: CallBack, folder: str) -> None:
        """folder : where the student's files are; only their frames are shown in a traceback."""
        self.module: Any = None
        self.max_body: int | None = None  # bytes of arrays in one answer; what is more stays here, as an object
        self._call_back, self._folder = call_back, folder
        self._objects: list[Any] = []
        self._ids: dict[int, int] = {}  # id(object) -> its place in _objects, which keeps it alive
        self._makers: dict[int, Made] = {}  # place in _objects -> the call that made it
        self.seq = 0

    def respond(
        self, kind: str, seq: int, fields: list[Any], body: wire.Buffer
    ) -> tuple[list[Any], list[wire.Buffer], Exception | None]:
        """The answer and its arrays, and what the student's code raised, if it did."""
        self.seq = seq
        made: list[Made] = []
        try:
            result = getattr(self, f"_on_{kind}")(fields, wire.Decoder(body, self._resolve), made)
            return *self._value_reply(result, made), None
        except Exception as error:
            return *self._raised_reply(error, made), error

    # requests

    def _on_get(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> Any:
        (name,) = fields
        try:
            return getattr(self.module, name)
        except AttributeError:
            raise AttributeError(f"{self.module.__name__}.py defines no {name!r}") from None

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
        made.append(Made(arguments, seen, [dict(_arrays(value)) for value in arguments], self.seq))
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
        from autograder.student_process import tensors

        recipe, state = (decoder.value(tree) for tree in fields)
        return tensors.build(recipe, state)

    def _on_gradients(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> Any:
        from autograder.student_process import tensors

        target, args_tree, weights_tree = fields
        args = [decoder.value(tree) for tree in args_tree]
        return tensors.value_and_gradients(self._resolve(target, decoder), args, decoder.value(weights_tree))

    def _on_device_memory(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> Any:
        torch = sys.modules.get("torch")
        return torch.cuda.max_memory_allocated() if torch is not None and torch.cuda.is_initialized() else 0

    # objects that stay here

    def _resolve(self, tree: list[Any], decoder: wire.Decoder, depth: int = 0) -> Any:
        tag, key = tree[0], tree[1]
        if tag == "r":
            return self._objects[key]
        if tag == "c":
            return Callback(self, key)
        raise wire.WireError(f"the judge sent {tag!r}")

    def ask_back(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the judge's."""
        encoder = self._encoder()
        trees = [encoder.value(value) for value in args]
        named = {name: encoder.value(value) for name, value in kwargs.items()}
        tree, decoder = self._call_back(number, trees, named, encoder.buffers)
        return decoder.with_special(self._resolve).value(tree)

    def _encoder(self, *, whole: bool = False) -> wire.Encoder:
        """whole : arrays of any size, for a look that is not sent."""
        return wire.Encoder(self._special, hold=self._handle, max_body=None if whole else self.max_body)

    def _special(self, value: Any, encoder: wire.Encoder, depth: int) -> Any:
        """The tree of what is no data: a callback's number; what is in a named tuple and its kin; a handle."""
        if isinstance(value, Callback):
            return ["c", value.number]
        for kind, tag in ((tuple, "T"), (list, "L"), (dict, "D")):
            if isinstance(value, kind):
                return [tag, self._keep(value), encoder.data(value, depth)]
        return ["h", self._keep(value), type(value).__name__[:100]]

    def _handle(self, value: Any) -> Any:
        """The tree of what would be data, but is past a bound."""
        return ["h", self._keep(value), type(value).__name__[:100] + TOO_LARGE]

    def _keep(self, value: Any) -> int:
        place = self._ids.get(id(value))
        if place is None:
            place = len(self._objects)
            self._objects.append(value)
            self._ids[id(value)] = place
        return place

    # replies

    def _value_reply(self, result: Any, made: list[Made]) -> tuple[list[Any], list[wire.Buffer]]:
        before = len(self._objects)
        encoder = self._encoder()
        tree = encoder.value(result)
        for place in range(before, len(self._objects)):
            # An object made by this call may hold on to its arguments; a bound method belongs to its object's maker.
            if made:
                self._makers[place] = made[-1] if made[-1].number == self.seq else made[0]
        return ["value", self.seq, tree, self._changes(made, encoder)], encoder.buffers

    def _raised_reply(self, error: Exception, made: list[Made]) -> tuple[list[Any], list[wire.Buffer]]:
        lineage = [base.__name__ for base in type(error).__mro__][:20]
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            lineage.insert(0, "MemoryError")  # what mmap and fork say at the memory limit
        encoder = self._encoder()
        try:
            message = str(error)[:MAX_TEXT]
        except Exception:
            message = "(its text cannot be had)"
        if isinstance(error, SyntaxError):  # another Python may have read it
            message += f"; read by Python {sys.version_info.major}.{sys.version_info.minor}"
        try:
            changes = self._changes(made, encoder)
        except wire.WireError:
            changes, encoder = [], self._encoder()
        return ["raised", self.seq, lineage, message, self._frames_of(error), changes], encoder.buffers

    def _frames_of(self, error: Exception) -> str:
        """The student's own frames: those in the folder of the files that were handed in."""
        start = self._folder + os.sep
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(start)]
        for frame in frames:
            frame.filename = frame.filename[len(start) :]
        text = "".join(traceback.format_list(frames[-20:]))
        if isinstance(error, SyntaxError):
            text += f"  line {error.lineno}\n"
        return text[-MAX_TEXT:]

    def _recall(self, place: int, made: list[Made]) -> None:
        maker = self._makers.get(place)
        if maker is not None:
            made.append(maker)

    def _fingerprint(self, value: Any) -> tuple[Any, list[bytes]]:
        encoder = self._encoder(whole=True)
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


class Callback:
    """A function of the judge's: calling it asks the judge."""

    def __init__(self, responder: Responder, number: int) -> None:
        self._responder = responder
        self.number = number

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._responder.ask_back(self.number, args, kwargs)


def _arrays(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The arrays and tensors in lists, tuples and dicts, each with the indices and keys that lead to it."""
    if type(value) is np.ndarray or wire.is_tensor(value):
        yield path, value
    elif isinstance(value, (list, tuple, dict)) and len(path) < wire.MAX_DEPTH:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _arrays(item, (*path, key))
