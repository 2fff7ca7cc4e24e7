"""Runs `check` in a child process with a journal, so that results survive student code that ends the process.

    this process ── starts ──> deepgrade check --journal FOLDER ── a line for each test that starts or finishes
         └── if the child ends in a test: records the exit status, and starts another child, which runs the next tests

Both processes receive Ctrl-C. This process waits until the child has printed its results, or kills it.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder.core import environment
from autograder.core.errors import Died, StudentGone, TimedOut

FORWARD_SECONDS = 0.5  # after Ctrl-C; then SIGINT is forwarded, since only a terminal sends it to both processes
KILL_SECONDS = 6.0  # after Ctrl-C; then the child is killed
INTERRUPTED = 130  # as shells have it: 128 + SIGINT
NO_ANSWER = "it could not be stopped, so its process was ended"


class Journal:
    """Lines of JSON in a folder, and the stack of a process that was killed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._path, self.stack = folder, folder / "journal", folder / "stack"

    def write(self, **line: Any) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def lines(self, kind: str) -> list[Any]:
        """The values of all lines of that kind."""
        return [line[kind] for line in self._lines() if kind in line]

    def cut_off(self) -> str | None:
        """The test that was running when the process ended, or None."""
        last = (self._lines() or [{}])[-1]
        return last.get("begun") or last.get("importing")

    def failures(self) -> dict[str, StudentGone]:
        """The reasons why the process ended, by the id of the running test."""
        failures_by_test: dict[str, StudentGone] = {}
        for line in self.lines("ended"):
            failure: StudentGone = (
                TimedOut(NO_ANSWER) if line["late"] else Died(f"its process ended ({line['status']})")
            )
            failure.traceback_text = line["where"]  # type: ignore[attr-defined]
            failures_by_test[line["test"]] = failure
        return failures_by_test

    def end(self, test: str, status: int) -> None:
        """Record how the process ended in that test."""
        text = self.stack.read_text(encoding="utf-8", errors="replace") if self.stack.exists() else ""
        timed_out = re.search("^Timeout", text, re.MULTILINE) is not None
        importing = "importing" in self._lines()[-1]
        ended = {"test": test, "late": timed_out, "status": _in_words(status), "where": text, "importing": importing}
        self.write(ended=ended)
        self.stack.unlink(missing_ok=True)

    def _lines(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]


def run(arguments: Sequence[str]) -> int:
    """Run `deepgrade ARGUMENTS --in-this-process` in a clean environment until student code no longer ends it. Returns
    the exit status."""
    with tempfile.TemporaryDirectory(prefix="deepgrade-", ignore_cleanup_errors=True) as folder:
        return follow(arguments, Journal(Path(folder)))


def prepare(arguments: Sequence[str], journal: Journal) -> subprocess.Popen[bytes]:
    """A process that has imported what it needs, and waits for `follow`."""
    command = [*_command(arguments, journal), "--after-stdin"]
    return subprocess.Popen(command, env=environment.clean(), stdin=subprocess.PIPE)


def follow(arguments: Sequence[str], journal: Journal, prepared: subprocess.Popen[bytes] | None = None) -> int:
    """Run the tests in one process after the other, `prepared` first. Returns the exit status."""
    while True:
        process = prepared or subprocess.Popen(_command(arguments, journal), env=environment.clean())
        status, interrupted = _once(process, is_waiting=prepared is not None)
        prepared = None
        test = journal.cut_off()
        if test is None:
            return status
        journal.end(test, status)
        if interrupted:
            journal.write(stopped=test)


def _command(arguments: Sequence[str], journal: Journal) -> list[str]:
    start = [sys.executable, "-P", "-m", "autograder.cli", *arguments]
    return [*start, "--in-this-process", "--journal", str(journal.folder)]


def _once(process: subprocess.Popen[bytes], *, is_waiting: bool) -> tuple[int, bool]:
    """The exit status, and whether Ctrl-C came.   is_waiting : the process waits for a line on its standard input."""
    interrupts: list[float] = []
    previous_handler = signal.getsignal(signal.SIGINT)
    if previous_handler is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda number, frame: interrupts.append(time.monotonic()))
    if is_waiting and process.stdin is not None:
        with contextlib.suppress(OSError):  # it has ended: its status says why
            process.stdin.write(b"\n")
            process.stdin.close()
    forwarded = sys.platform == "win32"
    try:
        while True:
            try:
                status = process.wait(0.2)
                return (status if status >= 0 else 128 - status), bool(interrupts)
            except subprocess.TimeoutExpired:
                seconds = time.monotonic() - interrupts[0] if interrupts else 0.0
            if seconds > FORWARD_SECONDS and not forwarded:
                forwarded = True
                process.send_signal(signal.SIGINT)
            if seconds > KILL_SECONDS:
                process.kill()
    finally:
        if process.poll() is None:
            process.kill()
        signal.signal(signal.SIGINT, previous_handler)


def _in_words(status: int) -> str:
    if status > 128 and status - 128 in set(signal.Signals):
        return signal.Signals(status - 128).name
    return f"exit status {status}"


def student_lines(stack: str, folder: Path) -> str:
    """The student's lines in a stack that faulthandler wrote, in the format of a traceback."""
    last_stack = re.split(r"^(?:Timeout|Fatal|Stack|Current thread|Thread).*$", stack, flags=re.MULTILINE)[-1]
    frames = []
    for file, number, name in re.findall(r'^  File "(.*)", line (\d+) in (.*)$', last_stack, re.MULTILINE):
        path = folder / re.split(r"[\\/]", file)[-1]
        if path.is_file() and not path.name.startswith("test_"):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            code = lines[int(number) - 1].strip() if int(number) <= len(lines) else ""
            frames.append(f'  File "{path.name}", line {number}, in {name}\n    {code}\n')
    return "".join(reversed(frames))
