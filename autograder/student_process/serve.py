"""Answers calls with a student's functions, over one socket, for one test.

    judge -> worker                                     worker -> judge
                                                         READY, once, before any student file is here
    ["compile", seq, {file: bytes}]                      ["value", seq, tree, changes]
    ["load", seq, {file: bytes}, module, limits, compiled]
    [other question, seq, ...]: responder.py             ["raised", seq, [class names], message, traceback, changes]
                                                         ["callback", seq, number, args, kwargs]
    ["answer", seq, tree]     to a callback; or ["refuse", seq]: it failed over there

`limits` are [processor seconds, bytes of an answer's arrays]; `compiled` is what an earlier worker has answered to
"compile".
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import py_compile
import random
import resource
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from autograder import wire
from autograder.student_process import FOLDER, READY, substitutes
from autograder.student_process.responder import Made, Responder

MAX_FRAME = 2**34  # what the judge sends is trusted, so this is only a guard against nonsense


class Server(Responder):
    def __init__(self, connection: socket.socket, folder: str, seal: Callable[[], None] | None) -> None:
        super().__init__(self._over_the_socket, folder)
        self._seal = seal
        self._connection = connection
        self._frames = wire.read(connection.makefile("rb", buffering=2**16).readinto, MAX_FRAME)  # type: ignore[attr-defined]

    def run(self) -> None:
        self._connection.sendall(READY)
        for (kind, seq, *fields), body in self._frames:
            reply, buffers, _ = self.respond(kind, seq, fields, body)
            self._send(reply, buffers)

    def _on_load(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> None:
        files, module, (cpu_seconds, self.max_body), compiled = fields
        # The judge's clock decides; this is for what would go on behind its back.
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        random.seed(0)  # as the zygote did with numpy's and torch's generators; Python seeds its own one at a fork
        for name, content in files.items():
            Path(self._folder, name).write_bytes(content)
        for name, content in compiled.items():
            path = Path(importlib.util.cache_from_source(str(Path(self._folder, name))))
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        if self._seal is not None:
            self._seal()
        os.chdir(self._folder)
        sys.path.insert(0, self._folder)
        self.module = __import__(module)

    def _on_compile(self, fields: list[Any], decoder: wire.Decoder, made: list[Made]) -> dict[str, bytes]:
        """The files that compile without a warning, as `.pyc` files that Python does not compare with the source.

        Nothing of the student's is run: what comes back is read in other workers of the same submission.
        """
        (files,) = fields
        compiled = {}
        for name, content in files.items():
            path = Path(self._folder, name)
            path.write_bytes(content)
            with warnings.catch_warnings(record=True) as warned, contextlib.suppress(Exception):
                warnings.simplefilter("always")
                cached = py_compile.compile(
                    str(path), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
                )
                assert cached is not None
                if warned:
                    os.unlink(cached)  # every worker compiles the file itself, and so prints the warning
                else:
                    compiled[name] = Path(cached).read_bytes()
        return compiled

    def _send(self, header: list[Any], buffers: list[wire.Buffer]) -> None:
        with contextlib.suppress(Exception):  # a student may have closed or replaced them
            sys.stdout.flush()
        for piece in wire.pack(header, buffers):
            self._connection.sendall(piece)

    def _over_the_socket(
        self, number: int, args: list[Any], kwargs: dict[str, Any], buffers: list[wire.Buffer]
    ) -> tuple[Any, wire.Decoder]:
        self._send(["callback", self.seq, number, args, kwargs], buffers)
        header, body = next(self._frames)
        if header[0] == "refuse":
            raise RuntimeError("a function passed in by the caller failed")
        return header[2], wire.Decoder(body)


def serve(data: int, folder: str = FOLDER, seal: Callable[[], None] | None = None) -> NoReturn:
    """In the worker: serve until the judge hangs up. Never returns.

    folder : where the student's files are written.
    seal : called once they are there, the last moment before student code runs. Where /tmp is not the worker's own,
        uid_fallback.py forbids all writing here.
    """
    # What a student prints just before a crash is what staff want to read.
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    substitutes.keep()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(name, signal.SIG_DFL)
    try:
        Server(socket.socket(fileno=data), folder, seal).run()
    except SystemExit as error:
        os._exit(error.code if isinstance(error.code, int) and 0 <= error.code < 126 else 1)
    except BaseException:
        os._exit(1)
    os._exit(0)
