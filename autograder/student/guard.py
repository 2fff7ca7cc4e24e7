"""Limits on a laptop, and Ctrl-C: how student code that does not return is stopped in the process of `check`.

    a call takes too long ──> a thread sends the main thread a signal ──> TimedOut, raised in the student's own line
    Ctrl-C ─────────────────────────────────────────────────────────────> KeyboardInterrupt, there as well
    code that swallows both, or is stuck in C ──> after GRACE the stack is written, and the process is ended;
                                                  `supervised` notices, and another process continues

A signal's handler runs in the main thread between two of its instructions, so nothing is raised outside of a call.
Where a debugger has stopped the code, nothing is limited.
"""

from __future__ import annotations

import _thread
import faulthandler
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO, Any, TypeVar

from autograder.core.errors import TimedOut
from autograder.course.manifest import Limits

SLACK = 2.0  # times the server's limits: a laptop may be slower
GRACE = 3.0  # seconds for code to end after it was told to; past it the process is ended
TICK = 0.2  # seconds between two looks at the clock
WAKE = getattr(signal, "SIGALRM", None) or signal.SIGBREAK  # type: ignore[attr-defined]  # Windows has the second
LATE = "Timeout: the code did not end\n"  # the first line above a stack, as faulthandler's own begins, too
NEVER = float("inf")

Value = TypeVar("Value")


class Guard:
    """Around all tests of one run: `with Guard(folder) as guard`, then `guard.call` for each call."""

    def __init__(self, folder: Path, stack: Path | None = None) -> None:
        """folder : with the student's files.   stack : where the stack is written before the process is ended; without
        it the process is never ended."""
        self._folder = folder
        self._stack: IO[str] | None = stack.open("w", encoding="utf-8") if stack else None
        self.interrupted = False  # by Ctrl-C
        self.where = ""  # of the student's code, when it was
        self._limits = Limits()
        self._left = NEVER  # seconds, of the calls of this test
        self._what, self._limit = "", NEVER
        self._deadline = NEVER  # on the monotonic clock; NEVER: nothing is called
        self._late: TimedOut | None = None  # raised in this call
        self._told = 0.0  # since when code has been told to end
        self._done = threading.Event()
        self._before: dict[int, Any] = {}
        self._is_on = threading.current_thread() is threading.main_thread() and sys.gettrace() is None

    def __enter__(self) -> Guard:
        if self._is_on:
            self._before[WAKE] = signal.signal(WAKE, self._on_wake)
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
                self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._on_interrupt)
            if self._stack:
                faulthandler.enable(self._stack)
                if hasattr(faulthandler, "register"):  # not on Windows: says where, also from within C
                    faulthandler.register(signal.SIGINT, self._stack, all_threads=False, chain=True)
            self._put_off_the_end()  # before the thread's first look: code stuck in C would let it have none
            threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        if self._stack:
            faulthandler.cancel_dump_traceback_later()
            if hasattr(faulthandler, "unregister"):
                faulthandler.unregister(signal.SIGINT)
            faulthandler.disable()
        for number, handler in self._before.items():
            # Who pressed Ctrl-C once waits for the results; a second one would take them away.
            again = number == signal.SIGINT and self.interrupted
            signal.signal(number, signal.SIG_IGN if again else handler)

    def begin(self, limits: Limits) -> None:
        """A test begins."""
        self._limits, self._left = limits, SLACK * limits.test_seconds

    def call(self, what: str, function: Callable[[], Value]) -> Value:
        """The value of `function`, which calls student code. Raises TimedOut where it takes too long."""
        if not self._is_on:
            return function()
        began = time.monotonic()
        limit = min(SLACK * self._limits.seconds, self._left)
        self._what, self._limit, self._late = what, limit, None
        try:
            try:
                self._deadline = began + limit
                value = function()
            finally:
                self._deadline, self._told = NEVER, 0.0
                self._left -= time.monotonic() - began
        except TimedOut:
            self._deadline, self._told = NEVER, 0.0
            raise
        if self._late is not None:  # it was swallowed
            raise self._late
        return value

    def lines(self, frame: FrameType | None) -> str:
        """The student's own lines in a stack, as a traceback has them."""
        summary = traceback.StackSummary.extract(reversed(list(traceback.walk_stack(frame))))
        return "".join(traceback.format_list(self._own(summary)))

    def lines_of(self, error: BaseException) -> str:
        return "".join(traceback.format_list(self._own(traceback.extract_tb(error.__traceback__))))

    def _own(self, summary: traceback.StackSummary) -> list[traceback.FrameSummary]:
        own = [
            frame
            for frame in summary
            if Path(frame.filename).parent == self._folder and not Path(frame.filename).name.startswith("test_")
        ]
        for frame in own:
            frame.filename = Path(frame.filename).name
        return own

    # in the main thread

    def _on_wake(self, number: int, frame: FrameType | None) -> None:
        if _is_debugged(frame):
            self._is_on, self._deadline = False, NEVER
            faulthandler.cancel_dump_traceback_later()
        elif self._deadline == NEVER:
            return
        elif self.interrupted:
            raise KeyboardInterrupt
        elif time.monotonic() > self._deadline:
            where, allowed = self.lines(frame), f"{self._limit / SLACK:.3g} s"
            text = f"{self._what} took longer than {self._limit:.3g} s{place(where)}; the server allows {allowed}"
            self._late = TimedOut(text)
            self._late.traceback_text = where  # type: ignore[attr-defined]
            raise self._late

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self.interrupted:
            self.interrupted, self.where = True, self.lines(frame)
            raise KeyboardInterrupt

    def _put_off_the_end(self) -> None:
        """For as long as the thread runs. It does not where C code keeps the interpreter's lock."""
        if self._stack and self._is_on:
            longest = SLACK * self._limits.seconds + 2 * GRACE
            faulthandler.dump_traceback_later(longest, exit=True, file=self._stack)

    # in a thread of its own

    def _look(self) -> None:
        ticks = 0
        while not self._done.wait(TICK):
            now = time.monotonic()
            if ticks % 5 == 0:
                self._put_off_the_end()
            ticks += 1
            if self._deadline != NEVER and (self.interrupted or now > self._deadline):
                self._told = self._told or now
                if now > self._told + GRACE and self._stack:
                    self._stack.write(LATE)
                    self._stack.flush()
                    faulthandler.dump_traceback(self._stack)
                    os._exit(1)
                _wake()


def place(lines: str) -> str:
    """`, at tiny.py, line 2`: the last of the student's lines in a traceback; nothing without one."""
    found = re.findall(r'^  File "(.*)", line (\d+)', lines, re.MULTILINE)
    return f", at {found[-1][0]}, line {found[-1][1]}" if found else ""


def _wake() -> None:
    if sys.platform != "win32":
        ident = threading.main_thread().ident
        assert ident is not None
        signal.pthread_kill(ident, WAKE)
    else:
        _thread.interrupt_main(WAKE)


def _is_debugged(frame: FrameType | None) -> bool:
    return any(f.f_globals.get("__name__") in ("bdb", "pdb") for f, _ in traceback.walk_stack(frame))
