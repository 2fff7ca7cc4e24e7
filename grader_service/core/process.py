"""How the service starts its processes, and how they end with their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from grader_service.core.environment import passed_on

PYTHON = (sys.executable, "-P")  # with `-m`: imports must not use the current folder
HERE = Path(__file__).resolve().parent.parent.parent  # the folder of the packages
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def environment_of_ours(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a service process: the variables of `environment.PASSED_ON`, and the path of this code."""
    variables = passed_on(environment)
    if HERE.name not in ("site-packages", "dist-packages"):  # Python finds packages there anyhow
        variables["PYTHONPATH"] = str(HERE)
    return variables


def die_with_parent(parent: int) -> None:
    """Make the kernel end this process at once when its parent ends for any reason.

    `parent` is the expected process id of the parent: it may have ended before this call.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
