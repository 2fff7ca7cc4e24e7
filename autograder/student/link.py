"""`student`: every attribute is a question to the code that was handed in, wherever that runs.

A reply is rebuilt from bytes into exact types before any test sees it. What is no data stays over there, and a
`RemoteObject` stands for it here. Of arguments that a call changed, those change here that the test declared to be
`mutable`; all others stay, and `autograder.arguments` keeps what became of their copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from autograder import wire
from autograder.arguments import Mutable, advance, keep_apart
from autograder.core.errors import NotImplementedYet, OutOfMemory
from autograder.student.exceptions import printable, student_raised

MAX_TEXT = 4000


class Student:
    """A student's module behind a link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._known: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._known:
            value = self._link.ask("get", [name], name)
            if isinstance(value, RemoteObject):
                value._label = name
                self._known[name] = value
            return value
        return self._known[name]

    def __lend__(self, module: Any) -> RemoteObject:
        """A module of torch's own layers, made anew over there: `testing.lend`."""
        from autograder.student_process import tensors

        encoder = wire.Encoder()
        fields = [encoder.value(tensors.recipe_of(module)), encoder.value(tensors.state_of(module))]
        module_there: RemoteObject = self._link.ask("build", fields, "a module of the test's", encoder.buffers)
        return module_there


class RemoteObject:
    """A function, class or object of the student's. Its attributes are questions, its methods calls."""

    def __init__(self, link: Link, place: int, kind: str) -> None:
        self._link, self._place, self._remote_type, self._label = link, place, kind, kind
        self._methods: dict[str, RemoteObject] = {}

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._link.call(self._place, args, kwargs, self._label)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._methods:
            value = self._link.ask("attribute", [self._place, name], f"{self._label}.{name}")
            if not isinstance(value, RemoteObject):
                return value
            value._label = f"{self._label}.{name}"
            # An object in an attribute may be another one after the next call.
            if value._remote_type not in ("method", "function", "type"):
                return value
            self._methods[name] = value
        return self._methods[name]

    def __iter__(self) -> Iterator[Any]:
        source = self
        step = self._link.ask("next", [self._place], f"iterating over {self._label}")
        if isinstance(step, RemoteObject):
            source = step
            step = self._link.ask("next", [source._place], f"iterating over {self._label}")
        while type(step) is tuple and len(step) == 1:
            yield step[0]
            step = self._link.ask("next", [source._place], f"iterating over {self._label}")

    def __gradients__(self, args: tuple[Any, ...], weights: Any) -> Any:
        """(value, gradients), differentiated over there, where the graph is: `testing.value_and_gradients`."""
        return self._link.gradients(self._place, args, weights, f"differentiating {self._label}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteObject) and (self._link, self._place) == (other._link, other._place)

    def __hash__(self) -> int:
        return hash((id(self._link), self._place))

    def __copy__(self) -> RemoteObject:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> RemoteObject:
        """What it stands for is over there, and cannot be copied from here."""
        return self

    def __repr__(self) -> str:
        return f"<the student's {self._remote_type!r}>"


def printed(student: Student) -> str:
    """What the student's code has printed. No method of Student's: a student may define any name."""
    return student._link.channel.output()


def questions(student: Student) -> int:
    """How many questions the student's code has been asked so far."""
    return student._link.channel.seq


def memory(student: Student) -> tuple[int | None, int]:
    """(most bytes that its sandbox has held since this process began, or None where nothing counts them;
    most bytes of the device that its process says it has held)."""
    used = student._link.channel.peak_memory()
    said = student._link.ask("device_memory", [], "the device's memory")
    return used, said if type(said) is int and 0 <= said < 2**50 else 0


class RemoteTuple(tuple[Any, ...]):
    """An instance of a subclass of tuple: what is in it is here, and the object itself can be handed back."""

    _place: int
    _sent: tuple[Any, list[bytes]]  # what was in it when it came


class RemoteList(list[Any]):
    """The same of a subclass of list."""

    _place: int
    _sent: tuple[Any, list[bytes]]


class RemoteDict(dict[Any, Any]):
    """The same of a subclass of dict."""

    _place: int
    _sent: tuple[Any, list[bytes]]


class RequestChannel(Protocol):
    """What a link needs of a channel."""

    seq: int  # number of the last request

    def request(
        self, kind: str, fields: list[Any], buffers: list[wire.Buffer], *, read: Any, answer: Any, what: str
    ) -> Any: ...

    def output(self) -> str: ...

    def peak_memory(self) -> int | None: ...


class Link:
    """Encodes requests, reads replies, and keeps the arguments that later calls may change."""

    def __init__(self, channel: RequestChannel, watch: bool) -> None:
        self.channel = channel
        self._watch = watch
        self._calls: dict[int, list[Any]] = {}  # number of a request -> its arguments
        self._functions: list[Any] = []

    def ask(self, kind: str, fields: list[Any], what: str, buffers: list[wire.Buffer] | None = None) -> Any:
        return self.channel.request(kind, fields, buffers or [], read=self._read, answer=self._answer, what=what)

    def call(self, place: int, args: tuple[Any, ...], kwargs: dict[str, Any], what: str) -> Any:
        encoder = wire.Encoder(self._outward)
        given = [*args, *kwargs.values()]
        trees = [encoder.value(_undeclared(value)) for value in args]
        named = {name: encoder.value(_undeclared(value)) for name, value in kwargs.items()}
        if self._watch:
            self._calls[self.channel.seq + 1] = given
        return self.ask("call", [["r", place], trees, named, self._watch], what, encoder.buffers)

    def gradients(self, place: int, args: tuple[Any, ...], weights: Any, what: str) -> Any:
        encoder = wire.Encoder(self._outward)
        trees = [encoder.value(value) for value in args]
        return self.ask("gradients", [["r", place], trees, encoder.value(weights)], what, encoder.buffers)

    def _read(self, reply: list[Any], decoder: wire.Decoder) -> Any:
        """The value of a reply, or the student's exception; everything in it may be a lie."""
        decoder = decoder.with_special(self._inward)
        try:
            kind, *fields = reply
            if kind == "value":
                tree, changes = fields
                value = decoder.value(tree)
                self._apply(changes, decoder)
                return value
            if kind == "raised":
                lineage, message, traceback_text, changes = fields
                names = [_text(name) for name in lineage[:20]]
                error = student_raised(names, printable(_text(message)), printable(_text(traceback_text)))
                self._apply(changes, decoder)
            else:
                raise wire.WireError("neither a value nor an exception")
        except (ValueError, TypeError, IndexError, KeyError) as wrong:
            raise wire.WireError(f"not a reply: {type(wrong).__name__}") from None
        if isinstance(error, MemoryError):
            raise OutOfMemory("used more memory than the limit")
        if isinstance(error, NotImplementedError):
            raise NotImplementedYet(str(error), error.traceback_text)
        raise error

    def _apply(self, changes: Any, decoder: wire.Decoder) -> None:
        for number, place, tree, replaced in changes:
            arguments = self._calls[number]
            if type(place) is not int or not 0 <= place < len(arguments):
                raise wire.WireError("no such argument")
            own, theirs = arguments[place], decoder.value(tree)
            others = {id(_found(theirs, path)) for path in decoder.value(replaced)}
            if isinstance(own, Mutable):
                _make_equal(own.value, theirs, others)
            else:
                keep_apart(own, theirs, others)

    def _answer(self, number: Any, args: Any, kwargs: Any, decoder: wire.Decoder) -> tuple[Any, list[wire.Buffer]]:
        decoder = decoder.with_special(self._inward)
        if type(number) is not int or not 0 <= number < len(self._functions):
            raise wire.WireError("no such function")
        if type(args) is not list or type(kwargs) is not dict:
            raise wire.WireError("no arguments")
        values = [decoder.value(tree) for tree in args]
        named = {_text(name): decoder.value(tree) for name, tree in kwargs.items()}
        encoder = wire.Encoder(self._outward)
        return encoder.value(self._functions[number](*values, **named)), encoder.buffers

    def _outward(self, value: Any, encoder: wire.Encoder, depth: int) -> Any:
        if isinstance(value, RemoteObject):
            return ["r", value._place]
        if isinstance(value, (RemoteTuple, RemoteList, RemoteDict)):
            # The object itself, unless the test has changed what is in it: then plain data.
            plain = _plain(value)
            return ["r", value._place] if value._sent == self._fingerprint(plain) else encoder.value(plain, depth)
        if isinstance(value, (list, dict)):
            return encoder.value(_plain(value), depth)
        if hasattr(value, "state_dict"):
            raise TypeError("a test passed a module of torch's; `lend(student, module)` makes it over there")
        if callable(value):
            if value not in self._functions:
                self._functions.append(value)
            return ["c", self._functions.index(value)]
        if isinstance(value, tuple):
            return encoder.value(tuple(value), depth)
        raise TypeError(f"a test passed a {type(value).__name__}, which cannot cross to the student's process")

    def _inward(self, tree: list[Any], decoder: wire.Decoder, depth: int) -> Any:
        tag, place = tree[0], tree[1]
        if type(place) is not int or not 0 <= place < 2**31:
            raise wire.WireError("no such object")
        if tag == "h":
            return RemoteObject(self, place, _text(tree[2])[:100])
        if tag == "c":
            return self._functions[place]
        if tag not in ("T", "L", "D"):
            raise wire.WireError("an object of nobody's")
        held: RemoteTuple | RemoteList | RemoteDict
        if tag == "D":
            held = RemoteDict(decoder.dict_of(tree[2], depth))
        else:
            kind = RemoteTuple if tag == "T" else RemoteList
            held = kind(decoder.value(item, depth + 1) for item in tree[2])
        held._place, held._sent = place, self._fingerprint(_plain(held))
        return held

    def _fingerprint(self, value: Any) -> tuple[Any, list[bytes]]:
        encoder = wire.Encoder(self._outward)
        return encoder.value(value), [bytes(buffer) for buffer in encoder.buffers]


def _undeclared(value: Any) -> Any:
    return value.value if isinstance(value, Mutable) else value


def _plain(value: Any) -> Any:
    """A tuple, list or dict of exactly that class, of an instance of a subclass of it."""
    return next(kind for kind in (tuple, list, dict) if isinstance(value, kind))(value)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise wire.WireError("not a text")
    return value[:MAX_TEXT]


def _found(value: Any, path: list[Any]) -> Any:
    """What indices and keys lead to."""
    for key in path:
        if not isinstance(value, (list, tuple, dict)):
            raise wire.WireError("a path to nowhere")
        value = value[key]
    return value


def _make_equal(mine: Any, theirs: Any, others: set[int]) -> None:
    """Make an argument of ours what it became over there, in place where that is possible.

    others : ids of arrays in `theirs` that are no longer those that were sent: they take the place of ours, which stay.
    """
    if isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray):
        # A read-only one stays: over there it was a copy, which could be written.
        if mine.shape == theirs.shape and mine.dtype == theirs.dtype and mine.flags.writeable:
            mine[...] = theirs
    elif wire.is_tensor(mine) and wire.is_tensor(theirs):
        if mine.shape == theirs.shape and mine.dtype == theirs.dtype:
            mine.data.copy_(theirs)
    elif isinstance(mine, list) and type(theirs) is list:
        mine[:] = [_merged(old, new, others) for old, new in zip(mine, theirs, strict=False)] + theirs[len(mine) :]
    elif isinstance(mine, dict) and type(theirs) is dict:
        merged = {key: _merged(mine.get(key), value, others) for key, value in theirs.items()}
        mine.clear()
        mine.update(merged)
    elif isinstance(mine, tuple) and isinstance(theirs, tuple):
        for old, new in zip(mine, theirs, strict=False):
            if id(new) not in others:
                _make_equal(old, new, others)
    elif isinstance(mine, np.random.Generator) and isinstance(theirs, np.random.Generator):
        advance(mine, theirs)


def _merged(old: Any, new: Any, others: set[int]) -> Any:
    """An item of a changed container: our own array, list, dict or generator made equal, so that whoever else holds it
    sees the change; anything else is the new value."""
    if id(new) in others:
        return new
    same_array = (
        ((isinstance(old, np.ndarray) and isinstance(new, np.ndarray)) or (wire.is_tensor(old) and wire.is_tensor(new)))
        and old.shape == new.shape
        and old.dtype == new.dtype
    )
    if same_array or (type(old) is type(new) and isinstance(old, (list, dict, np.random.Generator))):
        _make_equal(old, new, others)
        return old
    if type(old) is tuple and type(new) is tuple and len(old) == len(new):
        return tuple(_merged(one, other, others) for one, other in zip(old, new, strict=True))
    return new
