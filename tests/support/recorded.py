"""The examples of an assignment's tests, as the reference records them: for benchmarks and mechanical mutants."""

from __future__ import annotations

from autograder.course.course import Assignment
from autograder.judge.job import Job
from autograder.judge.recorder_process import RecorderProcess
from autograder.judge.recording import Recording
from autograder.judge.run import Collection


def job_of(assignment: Assignment, secret: bytes) -> Job:
    """All tests against the reference."""
    assert assignment.solution is not None
    return Job(
        manifest=str(assignment.folder / "assignment.toml"),
        tests=[str(path) for path in assignment.test_files],
        files=assignment.reference(),
        secret=secret,
        reference=assignment.reference(),
        reference_folder=str(assignment.solution),
    )


def recording_of(collection: Collection, job: Job) -> Recording:
    """Of the collected tests of the job."""
    recording = Recording()
    recorder = RecorderProcess(collection, job, collection.recordable([], True))
    while recorder.receive(recording):
        pass
    return recording
