"""Judges a suite: it meets each function under test once, and some of them again, in processes of their own.

    judge ── data ──> suite worker       a sandbox with pytest, hypothesis and the vocabulary; holds no answer
       └──── data ──> answer's worker    another sandbox; holds one answer, and no test

- The order is HMAC(course secret, hash of the suite, place), so that no run tells of the next one, and no upload of
  another order. Each right answer stands in two places of it.
- A wrong answer that was refused is met again. A suite that says otherwise this time has guessed: nothing counts.
- Each run has fresh processes on both sides and fixed seeds. A run that ends without a word refuses nobody; after
  PATIENCE of them, or past the budget of all runs, the suite is stopped, and nothing counts.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

import msgspec

from autograder.core.errors import GraderError, StudentGone
from autograder.course import own_tests as own
from autograder.course.manifest import Limits, Manifest
from autograder.own_tests.answers import SuiteJob, UnderTest
from autograder.own_tests.relay import Relay
from autograder.sandbox import Sandbox, make
from autograder.student.exceptions import BUILTIN, StudentRaised, printable
from autograder.student.link import printed
from autograder.student.remote import Compiled, Remote

PATIENCE = 3  # runs that end without a word, after which the suite is stopped
RIGHT_TWICE = 2  # places of each right answer in the order
RUNNER = "run_own_tests"
RUNNER_FILES = {f"{RUNNER}.py": b"from autograder.own_tests.suite import look, run\n"}
PACKAGES = ("pytest", "hypothesis")  # beside those of the manifest
PRELOAD = ("hypothesis.extra.numpy", "autograder.testing", "autograder.own_tests.suite")
KINDS = {"wrong_value", "wrong_shape", "wrong_dtype", "wrong_type", "not_finite", "changed_input", "no_error"} | {
    "unstable", "too_slow", "too_costly", "below_bar", "above_chance", "ended", *BUILTIN,
}  # fmt: skip


class Run(msgspec.Struct, frozen=True):
    """What a suite said of one answer."""

    answer: str  # its name
    is_right: bool
    refused_by: str = ""  # the name of a test; "" where the answer was accepted, or the run ended without a word
    kind: str = ""  # of the failure, one of KINDS
    text: str = ""  # the suite's own words; for staff
    silent: str = ""  # why the run ended without a word


class Judged(msgspec.Struct, frozen=True):
    """All that is known of a suite."""

    runs: list[Run] = []
    tests: list[str] = []  # names of its tests
    problems: list[str] = []  # tests that were left out, and why
    broken: str = ""  # why it cannot be imported
    stopped: str = ""  # why it did not meet all answers
    unstable: bool = False  # it said two different things of one answer
    output: str = ""  # what the suite printed in its first run


def judge(
    job: SuiteJob,
    manifest: Manifest,
    secret: bytes,
    *,
    container: bool = False,
    on_run: Callable[[int, int], None] = lambda done, count: None,
) -> Judged:
    """Raises GraderError and its kinds for a fault of ours.   on_run : told of runs that are done, and of how many."""
    packages = [*manifest.packages, *(name for name in PACKAGES if name not in manifest.packages)]
    preload = [*manifest.preload, *PRELOAD]
    limits = manifest.limits
    with (
        make(packages, limits, preload, container=container, vocabulary=True) as for_the_suite,
        make(manifest.packages, limits, manifest.preload, container=container) as for_the_answer,
    ):
        return _Judging(job, limits, secret, for_the_suite, for_the_answer, on_run).judged()


class _Judging:
    def __init__(
        self,
        job: SuiteJob,
        limits: Limits,
        secret: bytes,
        for_the_suite: Sandbox,
        for_the_answer: Sandbox,
        on_run: Callable[[int, int], None],
    ) -> None:
        self._job, self._limits, self._on_run = job, limits, on_run
        self._key = hmac.new(secret, hashlib.sha256(job.suite).digest(), hashlib.sha256).digest()
        self._for_the_suite, self._for_the_answer = for_the_suite, for_the_answer
        seconds = job.declared.seconds
        changed = {"seconds": seconds, "test_seconds": seconds}
        self._suite_limits = msgspec.structs.replace(limits, **changed)
        self._compiled: dict[str, Compiled] = {}
        self._runs: list[Run] = []
        self._output = ""
        self._began = time.monotonic()

    def judged(self) -> Judged:
        try:
            tests, problems = self._look()
        except StudentRaised as error:
            return Judged(broken=f"{error.kind}: {error}"[:1000], output=self._output)
        except StudentGone as gone:
            return Judged(broken=str(gone)[:1000], output=self._output)
        if not tests:
            return Judged(problems=problems, output=self._output)
        answers = self._job.answers
        right = [answer for answer in answers if answer.is_right]
        stopped = self._meet(self._ordered([*answers, *right * (RIGHT_TWICE - 1)], b"first"), len(answers) + len(right))
        if not stopped:
            refused = {run.answer for run in self._runs if run.refused_by}
            again = [answer for answer in answers if answer.name in refused and not answer.is_right]
            stopped = self._meet(self._ordered(again, b"again"), len(self._runs) + len(again))
        says: dict[str, set[bool]] = {}
        for run in self._runs:
            says.setdefault(run.answer, set()).add(bool(run.refused_by))
        unstable = any(len(words) > 1 for words in says.values())
        return Judged(self._runs, tests, problems, "", stopped, unstable, self._output)

    def _ordered(self, answers: list[UnderTest], purpose: bytes) -> list[UnderTest]:
        places = range(len(answers))
        rank = {n: hmac.new(self._key, purpose + n.to_bytes(4, "big"), hashlib.sha256).digest() for n in places}
        return [answers[place] for place in sorted(places, key=rank.__getitem__)]

    def _meet(self, answers: list[UnderTest], count: int) -> str:
        """One run for each; why the suite was stopped, or ""."""
        for answer in answers:
            self._on_run(len(self._runs), count)
            if time.monotonic() - self._began > self._job.declared.total_seconds:
                return f"took longer than {self._job.declared.total_seconds:g} s for all functions under test"
            self._runs.append(self._run(answer))
            if sum(bool(run.silent) for run in self._runs) >= PATIENCE:
                return f"ended {PATIENCE} times without a result, the last time because it {self._runs[-1].silent}"
        return ""

    def _look(self) -> tuple[list[str], list[str]]:
        """The names of the suite's tests, and what is left out. No answer is anywhere near yet."""
        with self._for_the_suite.worker() as worker:
            suite = self._suite(worker)
            try:
                found = suite.look()
            finally:
                self._output = printed(suite)
        try:
            tests = [str(name)[:100] for name in found["tests"]][:1000]
            problems = [printable(str(text))[:300] for text in found["problems"]][:20]
        except (TypeError, KeyError):
            tests, problems = [], []
        return [name for name in tests if name.isidentifier()], problems

    def _run(self, answer: UnderTest) -> Run:
        with self._for_the_answer.worker() as theirs:
            compiled = self._compiled.setdefault(answer.name, Compiled())
            try:
                under_test = Remote(theirs, answer.files, self._job.module, self._limits, compiled=compiled)
            except (StudentRaised, StudentGone) as error:
                raise GraderError(f"{answer.name}, a function under test, cannot be imported: {error}") from error
            relay = Relay(under_test, self._job.declared)
            with self._for_the_suite.worker() as worker:
                return self._said(answer, worker, relay)

    def _said(self, answer: UnderTest, worker: Any, relay: Relay) -> Run:
        try:
            said = self._suite(worker).run(relay.ask)
        except StudentGone as gone:
            return Run(answer.name, answer.is_right, silent=_silence(gone.verdict))
        except StudentRaised as error:
            return Run(answer.name, answer.is_right, silent=f"raised {error.kind} outside of a test")
        try:
            name, kind, text = (said[key] for key in ("refused_by", "kind", "text"))
        except (TypeError, KeyError):
            name = kind = text = None
        if type(name) is not str or type(kind) is not str or type(text) is not str:
            return Run(answer.name, answer.is_right, silent="answered with something that is no result")
        if not name:
            return Run(answer.name, answer.is_right)
        name = name[:100] if name.isidentifier() else "a test"
        return Run(answer.name, answer.is_right, name, kind if kind in KINDS else "Exception", printable(text[:500]))

    def _suite(self, worker: Any) -> Remote:
        compiled = self._compiled.setdefault("", Compiled())
        files = {**RUNNER_FILES, own.SUITE: self._job.suite}
        return Remote(worker, files, RUNNER, self._suite_limits, watch=False, compiled=compiled)


def _silence(verdict: str) -> str:
    return {
        "timed_out": "took longer than the time limit",
        "out_of_memory": "used more memory than the limit",
        "not_implemented": "raised NotImplementedError outside of a test",
    }.get(verdict, "ended its process, or answered with something that is no answer")
