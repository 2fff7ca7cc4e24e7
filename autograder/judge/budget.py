"""What a test's own work may cost the grader: drawing examples, oracles, comparisons of what came back.

    processor time    the caller watches the judge's process (`Watch`) and ends it, even if it is stuck in C
    memory            the judge's own limit (`Meter`): past it a MemoryError, or the judge is ended by the kernel

A test whose judge is ended has failed, and another judge goes on with the tests behind it: what a student returns can
make one test costly, and costs nobody anything else. Right answers take at most a tenth of each budget; `verify` says
where they do not.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

# The n-th costly test of a submission ends after an n-th of its budget, but not before a tenth, which is enough for
# right answers: fifty costly tests of ten seconds each hold a grader for little more than a minute.
LEAST_SHARE = 10
CLOCK_OF_A_PROCESS = 2  # CPUCLOCK_SCHED, in the kernel's numbers of clocks


def processor_seconds(pid: int) -> float:
    """Of all threads of another process, without its children. Raises OSError where it is gone."""
    return time.clock_gettime((~pid << 3) | CLOCK_OF_A_PROCESS)


@dataclass
class Watch:
    """The test that a judge is at, as its caller sees it."""

    pid: int
    test: str
    seconds: float  # of processor time that it may take
    began: float  # the judge's processor time then

    @classmethod
    def over(cls, pid: int, test: str, seconds: float, costly: int) -> Watch:
        """seconds : the test's whole budget.   costly : how many tests of the submission were too costly before."""
        return cls(pid, test, seconds / min(1 + costly, LEAST_SHARE), _seconds_or_zero(pid))

    def is_over_budget(self) -> bool:
        return _seconds_or_zero(self.pid) - self.began > self.seconds


def _seconds_or_zero(pid: int) -> float:
    try:
        return processor_seconds(pid)
    except OSError:  # it has just ended, which its socket will say
        return 0.0


class Meter:
    """What the tests of this process cost it, one after the other."""

    def __init__(self, *, limited: bool = False) -> None:
        """limited : memory is limited as well; only a process that does nothing but judge does that to itself."""
        self._limited = limited
        self._seconds = self._held_mb = 0.0

    def start(self, memory_mb: int) -> None:
        """A test begins, which may hold so much more than is held now."""
        self._seconds = time.process_time()
        if not self._limited:
            return
        import resource  # not on a student's Windows, where nothing is limited

        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")  # VmHWM begins anew
        status = _status()
        self._held_mb = status["VmRSS"]
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        size = int(status["VmData"] + memory_mb) * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))

    def read(self) -> tuple[float, float]:
        """(processor seconds, megabytes) since the test began."""
        seconds = time.process_time() - self._seconds
        return seconds, max(0.0, _status()["VmHWM"] - self._held_mb) if self._limited else 0.0


def _status() -> dict[str, float]:
    """Megabytes, by the names of /proc/self/status."""
    with open("/proc/self/status", encoding="ascii") as file:
        rows = [line.split() for line in file]
    return {row[0].rstrip(":"): int(row[1]) / 1024 for row in rows if row[0].startswith("Vm")}
