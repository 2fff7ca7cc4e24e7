"""What a recording saves: processor seconds of one grading of each reference, sandbox included.

"draw" is the number of tests that draw examples, "recorded" that of those whose examples are recorded. The tests are
collected first, and the reference's process records them. Then a judge draws the examples, and another
one replays them, in turn; both are run in processes forked from the one that has collected the tests. Processor seconds
are those of a cgroup around all of it, so that the sandbox's count as well; it takes root and a `cpuacct` hierarchy.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from autograder.course.course import Course
from autograder.judge.job import Job, of_reference
from autograder.judge.judge import judge
from autograder.judge.recorder_process import recording_of
from autograder.judge.recording import Recording
from autograder.judge.run import Collection, collect
from bench.page import REPOSITORY, Section

HIERARCHY = Path("/sys/fs/cgroup/cpuacct")
SECRET = b"deepgrade bench"


class Clock:
    """Processor seconds of this process and all that it starts."""

    def __init__(self) -> None:
        self._folder = HIERARCHY / f"deepgrade-bench-{os.getpid()}"
        try:
            self._folder.mkdir()
            (self._folder / "cgroup.procs").write_text(str(os.getpid()))
        except OSError as error:
            raise SystemExit(f"bench: no cgroup below {HIERARCHY} ({error}); run it as root") from None

    def read(self) -> float:
        return int((self._folder / "cpuacct.usage").read_text()) / 1e9


def judged(job: Job, collection: Collection, recording: Recording, clock: Clock) -> float:
    """Processor seconds of a judge, in a process of its own."""
    began = clock.read()
    child = os.fork()
    if child == 0:
        failed: list[str] = []

        def hear(event: dict[str, Any]) -> None:
            if event["event"] == "finished" and event["verdict"] != "passed":
                failed.append(event["test"])

        judge(job, hear, collection, recording)
        os._exit(len(failed) > 0)
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit("bench: a reference fails one of its tests, so nothing was measured")
    time.sleep(0.2)  # the kernel takes the sandbox away
    return clock.read() - began


def costs(name: str, rounds: int) -> None:
    """In a process of its own: prints the figures of one assignment as JSON."""
    assignment, clock = Course(REPOSITORY)[name], Clock()
    if "torch" in assignment.manifest.packages:
        import torch  # noqa: F401 - as the server of the judges does
    job = of_reference(assignment, SECRET)

    def measure(collection: Collection) -> None:
        began = clock.read()
        recording = recording_of(collection, job)
        seconds, names = clock.read() - began, collection.recordable([], True)
        took = [[judged(job, collection, each, clock) for each in (Recording(), recording)] for _ in range(rounds)]
        print(json.dumps({"recorder": seconds, "took": took, "tests": len(names), "recorded": len(recording)}))

    collect([Path(path) for path in job.tests], measure)


def measure(rounds: int) -> Section:
    columns = ("assignment", "draw", "recorded", "to record", "drawn", "replayed", "ratio")
    section = Section("make bench ARGS=recording", columns, note="processor seconds, sandbox included")
    for assignment in Course(REPOSITORY):
        command = [sys.executable, "-m", "bench.recording", assignment.name, str(rounds or 3)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        drawn, replayed = (statistics.median(column) for column in zip(*found["took"], strict=True))
        section.rows.append(
            (
                assignment.name,
                str(found["tests"]),
                str(found["recorded"]),
                f"{found['recorder']:.2f} s",
                f"{drawn:.2f} s",
                f"{replayed:.2f} s",
                f"{replayed / drawn:.2f}",
            )
        )
    return section


if __name__ == "__main__":
    costs(sys.argv[1], int(sys.argv[2]))
