"""One GPU for one job: which one, what of it is mounted, and whether it is well.

    DEEPGRADE_GPU=0    the number of the NVIDIA GPU that this worker may use; unset or empty: none, the cpu profile

In the sandbox are then the device nodes of that one GPU, its driver's control nodes, and the driver's libraries, which
lie among this machine's shared libraries; nothing else of it. A lock file keeps it to one job at a time. Before a
training its memory must be free, and it must answer: what others left there, or a card that fell off the bus, is our
fault (`grader_error`), never a student's.

What is mounted, the lock, and what a failing or full card leads to is tested without a GPU, with stand-ins for
/dev and nvidia-smi. On a real one none of this has run yet.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.core.errors import GraderError, SandboxUnavailable

CONTROL = ("nvidiactl", "nvidia-uvm")  # of the driver, for all GPUs
OPTIONAL = ("nvidia-uvm-tools",)
LEFT_MB = 512  # of the device's memory in use before a training; past it somebody left something
FREE_SECONDS = 5.0  # for the memory of a process that has just ended to be given back
ASK_SECONDS = 20.0  # for nvidia-smi to answer; past it the card is lost
LOCK_FOLDER = "deepgrade-gpu"  # in the folder for temporary files


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU of this machine."""

    number: int
    name: str
    dev: Path = Path("/dev")
    smi: str = "nvidia-smi"

    @property
    def nodes(self) -> list[Path]:
        """The device nodes that the sandbox gets."""
        names = [f"nvidia{self.number}", *CONTROL, *(name for name in OPTIONAL if (self.dev / name).exists())]
        return [self.dev / name for name in names]

    def check(self) -> None:
        """Raises GraderError where it does not answer, or its memory is not free after a while."""
        deadline = time.monotonic() + FREE_SECONDS
        while (megabytes := self._used_mb()) > LEFT_MB:
            if time.monotonic() > deadline:
                raise GraderError(
                    f"GPU {self.number} is not free: {megabytes} MB of its memory are in use before a training begins"
                )
            time.sleep(0.2)

    def _used_mb(self) -> int:
        used = _ask(self.smi, self.number, "memory.used")
        try:
            return int(used.split()[0])
        except (ValueError, IndexError):
            raise GraderError(f"GPU {self.number} does not say how much memory is in use: {used[:200]!r}") from None

    def check_alive(self) -> None:
        """Raises GraderError where it does not answer."""
        _ask(self.smi, self.number, "uuid")

    @contextlib.contextmanager
    def held(self, folder: Path | None = None) -> Iterator[None]:
        """For one job alone; waits while another has it. The lock goes with the process that holds it."""
        place = folder or Path(tempfile.gettempdir()) / LOCK_FOLDER
        place.mkdir(mode=0o700, exist_ok=True)
        with open(place / f"gpu{self.number}.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def assigned(*, dev: Path = Path("/dev"), smi: str = "nvidia-smi") -> Gpu | None:
    """The GPU that DEEPGRADE_GPU names, or None where it names none.

    Raises SandboxUnavailable where it names one that is not here: a worker that was promised a GPU must not quietly
    grade by other settings.
    """
    text = os.environ.get("DEEPGRADE_GPU", "").strip()
    if not text:
        return None
    if not text.isdecimal():
        raise SandboxUnavailable(f"DEEPGRADE_GPU is {text!r}; it must be the number of a GPU, such as 0, or empty")
    gpu = Gpu(int(text), "", dev, smi)
    missing = [str(node) for node in gpu.nodes if not node.exists()]
    if missing:
        raise SandboxUnavailable(f"DEEPGRADE_GPU names GPU {gpu.number}, but there is no {', '.join(missing)}")
    return Gpu(gpu.number, _ask(smi, gpu.number, "name")[:100], dev, smi)


def device_of(gpu: Gpu | None) -> str:
    """The device of a job with this GPU, as a report says it."""
    return f"cuda: {gpu.name}" if gpu is not None else "cpu"


def _ask(smi: str, number: int, what: str) -> str:
    """One answer of nvidia-smi. Raises GraderError where there is none."""
    command = [smi, f"--id={number}", f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GraderError(f"GPU {number} is lost: nvidia-smi does not answer ({error})") from error
    if done.returncode != 0:
        raise GraderError(f"GPU {number} is lost: {(done.stdout + done.stderr).strip()[:300]}")
    return done.stdout.strip()
