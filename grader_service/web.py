"""The process that answers browsers: `python -m grader_service.web FD PARENT`, on a socket that is open already.

One gunicorn worker with threads: requests mostly wait for the disk, and the counts that slow down sign-in are exact.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from autograder.errors import DeepgradeError
from grader_service import logs
from grader_service.app import THREADS, create_app
from grader_service.process import die_with_parent
from grader_service.settings import Settings

SECONDS = 60  # a web process that does not answer gunicorn for so long is replaced


class Words(Logger):
    """gunicorn's own go where all others go."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Web(BaseApplication):
    def __init__(self, descriptor: int, settings: Settings) -> None:
        self._descriptor = descriptor
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": f"fd://{self._descriptor}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "timeout": SECONDS,
            "graceful_timeout": 5,
            "loglevel": "warning",
            "logger_class": Words,
            "control_socket_disable": True,
            "proc_name": "deepgrade-web",
            "post_fork": lambda arbiter, worker: die_with_parent(arbiter.pid),
        }
        for name, value in options.items():
            if name in self.cfg.settings:  # older gunicorns have no control socket to disable
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._settings)


def main(descriptor: int, parent: int) -> None:
    die_with_parent(parent)
    try:
        settings = Settings.from_environment()
        logs.configure(settings, "web", os.environ)
        Web(descriptor, settings).run()
    except DeepgradeError as error:
        sys.exit(f"deepgrade: {error}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
