"""`student` on a laptop: the module itself, loaded afresh for every test, behind the wire of the grader.

    test ── Link ── InProcess ── Responder ── the student's module

Values cross as bytes here too, so that a test sees at home what it sees on the server: copies of its arguments, exact
types, handles for what is no data. An exception stays the student's own, for a debugger to walk through.

Loading afresh costs a millisecond and keeps the promise that the server makes: no test sees what another left behind.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from autograder import wire
from autograder.core.errors import Died, NotImplementedYet, OutOfMemory, StudentGone
from autograder.student.exceptions import HandleInCallback, StudentRaised
from autograder.student.guard import Guard, place
from autograder.student.link import Link, Student
from autograder.student_process.responder import Made, Responder


class Local(Student):
    def __init__(self, folder: Path, module: str, *, watch: bool = True, guard: Guard | None = None) -> None:
        """watch : as of `Remote`.   guard : stops calls that take too long; without one none is stopped."""
        super().__init__(Link(InProcess(folder.resolve(), guard), watch))
        self._link.ask("load", [module], f"importing {module}.py")


class InProcess:
    """The channel to a module in this process."""

    def __init__(self, folder: Path, guard: Guard | None = None) -> None:
        self.seq = 0
        self._guard = guard or Guard(folder)
        self._responder = _Module(folder, self._call_back)
        self._folder = folder
        self._answer: Any = None
        self._failure: Exception | None = None
        self._busy = False

    def request(
        self, kind: str, fields: list[Any], buffers: list[wire.Buffer], *, read: Any, answer: Any, what: str
    ) -> Any:
        """Ask the module. Raises what the student's code raised."""
        if self._busy:
            raise HandleInCallback(what)
        self.seq += 1
        self._busy, self._answer, self._failure = True, answer, None
        try:
            (kind, _, *fields), body = _crossed([kind, self.seq, *fields], buffers)
            reply, back, error = self._guard.call(what, lambda: self._respond(kind, fields, body, what))
            if self._failure is not None:
                raise self._failure
            (kind, _, *fields), body = _crossed(reply, back)
            try:
                return read([kind, *fields], wire.Decoder(body))
            except OutOfMemory as gone:
                gone.traceback_text = self._guard.lines_of(error) if error else ""  # type: ignore[attr-defined]
                raise
            except (StudentRaised, NotImplementedYet):
                if error is None or not self._is_theirs(error):
                    raise
                raise error from error.__cause__
        finally:
            self._busy = False

    def _respond(self, kind: str, fields: list[Any], body: bytes, what: str) -> Any:
        """Raises Died where the code would end its process: what hypothesis and pytest would take for their own end."""
        try:
            return self._responder.respond(kind, self.seq, fields, body)
        except (StudentGone, Exception):
            raise
        except BaseException as end:
            if isinstance(end, KeyboardInterrupt) and self._guard.interrupted:
                raise
            where = self._guard.lines_of(end)
            call = "sys.exit" if isinstance(end, SystemExit) else type(end).__name__
            died = Died(f"{what} ended its process by {call}({str(end)[:80]}){place(where)}")
            died.traceback_text = where  # type: ignore[attr-defined]
            raise died from end

    def output(self) -> str:
        return ""  # it went to the terminal

    def peak_memory(self) -> int | None:
        return None

    def _call_back(
        self, number: int, args: list[Any], kwargs: dict[str, Any], buffers: list[wire.Buffer]
    ) -> tuple[Any, wire.Decoder]:
        (args, kwargs), body = _crossed([args, kwargs], buffers)
        try:
            tree, back = self._answer(number, args, kwargs, wire.Decoder(body))
        except Exception as failure:  # of the test's own function: raised when the student's has returned
            self._failure = failure
            raise RuntimeError("a function passed in by the caller failed") from failure
        (tree,), body = _crossed([tree], back)
        return tree, wire.Decoder(body)

    def _is_theirs(self, error: BaseException) -> bool:
        """Does it come from a line of the student's?"""
        if isinstance(error, SyntaxError):
            return True
        trace = error.__traceback__
        while trace is not None:
            if Path(trace.tb_frame.f_code.co_filename).parent == self._folder:
                return True
            trace = trace.tb_next
        return False


class _Module(Responder):
    def __init__(self, folder: Path, call_back: Any) -> None:
        super().__init__(call_back, str(folder))
        self._path = folder

    def _on_load(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> None:
        (module,) = fields
        path, folder = self._path / f"{module}.py", str(self._path)
        for name, loaded in list(sys.modules.items()):
            file = getattr(loaded, "__file__", None)
            if not file:
                continue
            # Strings, not paths: a thousand modules are looked at for every test.
            parent, base = os.path.split(file)
            if parent == folder and not base.startswith(("test_", "conftest")):
                del sys.modules[name]
        spec = importlib.util.spec_from_file_location(module, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file")
        self.module = importlib.util.module_from_spec(spec)
        # Another file that is handed in may import this one, and dataclasses look their module up.
        sys.modules[module] = self.module
        if folder not in sys.path:
            sys.path.insert(0, folder)
        spec.loader.exec_module(self.module)


def _crossed(header: list[Any], buffers: list[wire.Buffer]) -> tuple[list[Any], bytes]:
    """A frame's header and body as they arrive. Raises WireError past the limit of a header."""
    pieces = b"".join(wire.pack(header, buffers))
    size, _ = wire.lengths(pieces[: wire.PREFIX.size], len(pieces), len(pieces))
    start = wire.PREFIX.size
    return wire.unpack(pieces[start : start + size]), pieces[start + size :]
