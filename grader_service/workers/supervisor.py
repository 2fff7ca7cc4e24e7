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
        warm: bool = False,
    ) -> None:
        self.name = name
        self.ended = ended  # called each time it is found to have ended
        self.warm = warm  # a Celery worker: SIGTERM lets its jobs finish, SIGQUIT does not, and status 0 is meant
        self._start = start
        self._pause = 0.0
        self.ends = 0  # how often it has ended
        self.over = False  # ended by remote control, and not started again
        self.start()

    def start(self) -> None:
        self.process = self._start()
        self._started = time.monotonic()
        self._again_at: float | None = None

    def look(self) -> bool:
        """Start it again when it is time. True: it is found to have ended just now."""
        if self.over:
            return False
        if self._again_at is not None:
            if time.monotonic() >= self._again_at:
                self.start()
            return False
        if self.process.poll() is None:
            return False
        self.ends += 1
        if self.warm and self.process.returncode == 0:
            self.over = True
            log.warning("%s was shut down by remote control", self.name)
            return True
        calm = time.monotonic() - self._started >= CALM_SECONDS
        self._pause = 0.0 if calm else min(MOST_PAUSE, max(0.5, 2 * self._pause))
        self._again_at = time.monotonic() + self._pause
        log.warning("%s ended with status %s and is started again", self.name, self.process.returncode)
        return True


class Supervisor:
    def __init__(self, settings: Settings) -> None:
        self._environment = {**environment_of_ours(), **settings.to_environment()}
        self._children: list[Child] = []
        self._hurry = False

    def add(self, child: Child) -> None:
        self._children.append(child)

    def run(self, begin: Callable[[], None]) -> None:
        """Call `begin`, which adds children, then keep them running until told to stop, then stop them."""
        before = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            begin()
            while not self._all_over():
                self.look()
                time.sleep(LOOK_SECONDS)
        except Stop:
            pass
        finally:
            for number in before:
                signal.signal(number, self._told_again)
            self._stop_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _all_over(self) -> bool:
        """Every Celery worker of this host was shut down by remote control, and there is nothing else."""
        return bool(self._children) and all(child.over for child in self._children)

    def _told_again(self, *_: object) -> None:
        self._hurry = True

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
        """Children have STOP_SECONDS to end; Celery workers as long as their jobs last, or until the second signal."""
        running = [child for child in self._children if child.process.poll() is None]
        for child in running:
            child.process.send_signal(signal.SIGTERM)
        began, hurried = time.monotonic(), None
        while running:
            now = time.monotonic()
            if self._hurry and hurried is None:
                hurried = now
                for child in running:
                    if child.warm:
                        child.process.send_signal(signal.SIGQUIT)
            for child in running:
                since = hurried if child.warm else began
                if since is not None and now - since > STOP_SECONDS:
                    child.process.kill()
                    child.process.wait()
            running = [child for child in running if child.process.poll() is None]
            time.sleep(LOOK_SECONDS if running else 0)


def _stop(*_: object) -> NoReturn:
    raise Stop
