"""How our processes are started, and that they do not outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from grader_service.core.environment import passed_on

PYTHON = (sys.executable, "-P")  # with `-m`: the folder in which somebody starts us is no place to import from
HERE = Path(__file__).resolve().parent.parent.parent  # where our packages lie
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def environment_of_ours(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For a process of the service: of this environment what `environment.PASSED_ON` names, and this code."""
    variables = passed_on(environment)
    if HERE.name not in ("site-packages", "dist-packages"):  # there it is found anyhow
        variables["PYTHONPATH"] = str(HERE)
    return variables


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process, at once, when its parent ends, whatever ended that.

    `parent` is the process id that it must have: the parent may have died before this was called.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
