"""One job: all tests of an assignment against one submission, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from autograder.course import manifest as manifests
from autograder.course import own_tests as own
from autograder.judge import own_tests
from autograder.judge.budget import Meter
from autograder.judge.examples import PUBLIC_SECRET, SHRINK_RUNS
from autograder.judge.job import FINISHED, PLAYED, SURROUNDINGS, Finished, Job, Judged, Played, Surroundings
from autograder.judge.playing import failed_tests
from autograder.judge.recording import Recording
from autograder.judge.run import Collection, collect
from autograder.judge.sandbox_pool import Loan
from autograder.judge.sandboxes import sandboxes_for
from autograder.judge.session import Event, Judging
from autograder.report.schema import Visibility
from autograder.student.link import memory, printed


def judge(
    job: Job,
    on_event: Callable[[Event], None],
    collection: Collection,
    recording: Recording,
    loan: Loan | None = None,
) -> None:
    """Run the collected tests of a job against a student in a sandbox. Raises GraderError subclasses: our faults.

    The event `judged` tells that all results are there. What is played afterwards cannot change them.

    recording : of these tests, this reference and this secret.   loan : a sandbox; without it one is started.
    """
    manifest = manifests.load(Path(job.manifest))
    with sandboxes_for(job, manifest, loan) as sandboxes:

        def on_event_with_result(event: Event) -> None:
            if event["event"] == "finished":
                event = {**event, "finished": msgspec.to_builtins(judging.finished[-1])}
            on_event(own_tests.announced(event, job))

        judging = Judging(
            make_student=sandboxes.student,
            make_reference=sandboxes.reference if job.reference else None,
            limits=manifest.limits,
            visibility=visibility,
            secret=lambda path: secret_for(path, job.secret),
            course_secret=job.secret,
            printed=printed,
            memory=memory,
            device=sandboxes.device(),
            calibrating=job.calibrating,
            on_event=on_event_with_result,
            shrink_runs=SHRINK_RUNS if job.shrink else 0,
            meter=Meter(limited=True),
            too_costly=job.too_costly,
            finished=list(job.finished),
            recording=recording,
        )
        collection.run(judging, only=job.only, with_needs=job.with_needs)
        finished = own_tests.judge(job, manifest, judging.meter, judging.on_event)
        if finished is not None:
            judging.finished.append(finished)
            judging.on_event({"event": "finished", "test": own.ID, "verdict": finished.result.verdict})
        surroundings = sandboxes.surroundings(judging.import_failure)
        on_event({"event": "judged", "surroundings": msgspec.to_builtins(surroundings)})
        if job.play and not judging.import_failure:
            collection.play(judging, failed_tests(judging.results))
        gone = {record.outcome.removeprefix("gone ") for played in judging.played for record in played.records}
        sandboxes.give_back([*(result.verdict for result in judging.results), *gone])


def judge_here(job: Job, on_event: Callable[[Event], None] = lambda event: None) -> Judged:
    """The same for a caller in this process, whose memory is limited from then on; nothing ends a costly test."""
    finished: list[Finished] = []
    surroundings: list[Surroundings] = []
    played: list[Played] = []

    def hear(event: Event) -> None:
        if event["event"] == "finished":
            finished.append(FINISHED.value(event["finished"]))
        elif event["event"] == "judged":
            surroundings.append(SURROUNDINGS.value(event["surroundings"]))
        elif event["event"] == "played":
            played.append(PLAYED.value(event["played"]))
        on_event(event)

    def run(collection: Collection) -> None:
        judge(job, hear, collection, Recording())

    collect([Path(path) for path in job.tests], run)
    return Judged(finished, surroundings[0], played)


def visibility(path: Path) -> Visibility:
    return "public" if path.name == "test_public.py" else "hidden"


def secret_for(path: Path, course_secret: bytes) -> bytes:
    """The secret under which the examples of a file of tests are drawn."""
    return PUBLIC_SECRET if visibility(path) == "public" else course_secret
