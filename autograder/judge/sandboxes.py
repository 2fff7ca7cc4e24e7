"""The two sandboxes of a job: the student's, and that of the reference. They never share one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from autograder.course.manifest import Limits, Manifest
from autograder.judge.imports import Imports
from autograder.judge.job import Job, Surroundings
from autograder.judge.sandbox_pool import Loan
from autograder.judge.session import Device
from autograder.sandbox import Sandbox, make
from autograder.sandbox import gpu as gpus
from autograder.sandbox.gpu import Gpu
from autograder.student.remote import Compiled, Remote

ENDED = {"died", "timed_out", "out_of_memory", "grader_error"}  # verdicts of tests whose process did not end well


@contextmanager
def sandboxes_for(job: Job, manifest: Manifest, loan: Loan | None = None) -> Iterator[Sandboxes]:
    """Both end, and every process in them, when the context is left. Until then the job's GPU is nobody else's.

    loan : a sandbox for the student, which does not end; `Sandboxes.give_back`.
    """
    with ExitStack() as stack:
        gpu = gpus.assigned() if manifest.device == "gpu" and not job.container else None
        if gpu is not None:
            stack.enter_context(gpu.held())
        yield Sandboxes(job, manifest, gpu, stack, loan)


class Sandboxes:
    """Make a process for each test."""

    def __init__(self, job: Job, manifest: Manifest, gpu: Gpu | None, stack: ExitStack, loan: Loan | None) -> None:
        self._job, self._manifest, self._gpu, self._stack, self._loan = job, manifest, gpu, stack, loan
        self._for_the_student = loan.sandbox if loan else self._make()
        self._for_the_reference: Sandbox | None = None  # made when asked for: most jobs do not need it
        self._compiled, self._compiled_reference = Compiled(), Compiled()
        self._imports = Imports(manifest.module)

    @contextmanager
    def student(self, limits: Limits, *, watch: bool = True) -> Iterator[Remote]:
        self._imports.check(limits)
        with self._for_the_student.worker() as worker:
            with self._imports.watched(limits):
                student = Remote(
                    worker, self._job.files, self._manifest.module, limits, watch=watch, compiled=self._compiled
                )
            yield student

    @contextmanager
    def reference(self, limits: Limits, *, watch: bool = True) -> Iterator[Remote]:
        if self._for_the_reference is None:
            self._for_the_reference = self._make()
        with self._for_the_reference.worker() as worker:
            yield Remote(
                worker,
                self._job.reference,
                self._manifest.module,
                limits,
                watch=watch,
                compiled=self._compiled_reference,
            )

    def give_back(self, verdicts: Iterable[str]) -> None:
        """The lent sandbox, at the end of a job with these verdicts. Where a process of the student's has died or was
        ended, it is not given back: another one takes its place."""
        if self._loan is not None and ENDED.isdisjoint(verdicts):
            self._loan.give_back()

    def device(self) -> Device:
        """Where training checks train."""
        if self._gpu is None:
            return Device(profile=self._job.profile or "cpu")
        return Device("cuda", self._job.profile or "gpu", self._gpu.check, self._gpu.check_alive)

    def surroundings(self, import_failure: str) -> Surroundings:
        return Surroundings(
            gpus.device_of(self._gpu),
            self._for_the_student.walls,
            self._for_the_student.runtime.versions,
            import_failure,
            self._imports.seconds,
        )

    def _make(self) -> Sandbox:
        manifest, container = self._manifest, self._job.container
        sandbox = make(manifest.packages, manifest.limits, manifest.preload, container=container, gpu=self._gpu)
        return self._stack.enter_context(sandbox)
