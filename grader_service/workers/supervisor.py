"""A process that starts others and keeps them running until it is told to stop. What ends is started again."""

from __future__ import annotations

import logging
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import NoReturn

from grader_service.core.process import PYTHON, environment_of_ours
from grader_service.core.settings import Settings

log = logging.getLogger("deepgrade.serve")

LOOK_SECONDS = 0.1
STOP_SECONDS = 15.0  # children that have not ended by then are killed
CALM_SECONDS = 10.0  # a child that lived so long is started again at once
MOST_PAUSE = 30.0  # seconds between two starts of a child that keeps ending


class Stop(Exception):
    """Told to end."""


class Child:
    """A process to be kept running."""

    def __init__(
        self,
        name: str,
        start: Callable[[], subprocess.Popen[bytes]],
        *,
        ended: Callable[[], None] = lambda: None,
        stop_signal: int = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.ended = ended  # called each time it is found to have ended
        self.stop_signal = stop_signal
        self._start = start
        self._pause = 0.0
        self.ends = 0  # how often it has ended
        self.start()

    def start(self) -> None:
        self.process = self._start()
        self._started = time.monotonic()
        self._again_at: float | None = None

    def look(self) -> bool:
        """Start it again when it is time. True: it is found to have ended just now."""
        if self._again_at is not None:
            if time.monotonic() >= self._again_at:
                self.start()
            return False
        if self.process.poll() is None:
            return False
        self.ends += 1
        calm = time.monotonic() - self._started >= CALM_SECONDS
        self._pause = 0.0 if calm else min(MOST_PAUSE, max(0.5, 2 * self._pause))
        self._again_at = time.monotonic() + self._pause
        log.warning("%s ended with status %s and is started again", self.name, self.process.returncode)
        return True


class Supervisor:
    def __init__(self, settings: Settings) -> None:
        self._environment = {**environment_of_ours(), **settings.to_environment()}
        self._children: list[Child] = []

    def add(self, child: Child) -> None:
        self._children.append(child)

    def run(self, begin: Callable[[], None]) -> None:
        """Call `begin`, which adds children, then keep them running until told to stop, then stop them."""
        before = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            begin()
            while True:
                self.look()
                time.sleep(LOOK_SECONDS)
        except Stop:
            pass
        finally:
            for number in before:
                signal.signal(number, signal.SIG_IGN)
            self._stop_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def look(self) -> None:
        for child in self._children:
            if child.look():
                child.ended()

    def start_python(
        self,
        module: str,
        *arguments: str,
        descriptors: Iterable[int] = (),
        environment: dict[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C reaches this process alone, which then tells its children in order.
        return subprocess.Popen(
            [*PYTHON, "-m", module, *arguments],
            env={**self._environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            pass_fds=tuple(descriptors),
            start_new_session=True,
        )

    def _stop_all(self) -> None:
        running = [child for child in self._children if child.process.poll() is None]
        for child in running:
            child.process.send_signal(child.stop_signal)
        until = time.monotonic() + STOP_SECONDS
        for child in running:
            try:
                child.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()


def _stop(*_: object) -> NoReturn:
    raise Stop
