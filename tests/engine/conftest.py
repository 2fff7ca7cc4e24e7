"""What tests of the engine share: students from a text, here and in a sandbox, and a run of tests from a text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from autograder.course.manifest import Limits
from autograder.judge.run import run_tests
from autograder.judge.session import Event, Judging
from autograder.report.schema import TestResult
from autograder.sandbox import Sandbox
from autograder.student.local import Local
from autograder.student.remote import Remote

MODULE = "answer"

# A student from the text of answer.py: `with ask(text) as answer: answer.f(1)`.
Ask = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(["numpy"], Limits(memory_mb=512)) as sandbox:
        yield sandbox


@pytest.fixture
def ask_remote(sandbox: Sandbox) -> Ask:
    @contextmanager
    def ask(text: str, **limits: Any) -> Iterator[Remote]:
        with sandbox.worker() as worker:
            yield Remote(worker, {f"{MODULE}.py": textwrap.dedent(text).encode()}, MODULE, Limits(**limits))

    return ask


@pytest.fixture
def ask_local(tmp_path: Path) -> Ask:
    @contextmanager
    def ask(text: str, **limits: Any) -> Iterator[Local]:
        folder = tmp_path / "local"
        folder.mkdir(exist_ok=True)
        (folder / f"{MODULE}.py").write_text(textwrap.dedent(text))
        yield Local(folder, MODULE)

    return ask


@pytest.fixture(params=["local", "remote"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Both ends, one after the other: what holds on a laptop holds in the grader."""
    return request.getfixturevalue(f"ask_{request.param}")


class Run:
    """What a run of tests told."""

    def __init__(self, results: list[TestResult], events: list[Event]) -> None:
        self.results, self.events = results, events

    def __getitem__(self, name: str) -> TestResult:
        (found,) = [result for result in self.results if result.name == name]
        return found


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """`run(tests, student)`: a test file's text against an object that stands for the student."""

    def run(
        text: str,
        answer: Any = None,
        *,
        name: str = "test_hidden.py",
        secret: bytes = b"secret",
        only: str | None = None,
        **settings: Any,
    ) -> Run:
        folder = tmp_path / "tests"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(HEAD + textwrap.dedent(text))
        events: list[Event] = []

        @contextmanager
        def make_student(limits: Limits) -> Iterator[Any]:
            yield answer(limits) if isinstance(answer, type) else answer

        judging = Judging(
            make_student=make_student,
            limits=Limits(),
            visibility=lambda path: "public" if path.name == "test_public.py" else "hidden",
            secret=lambda path: secret,
            on_event=events.append,
            **settings,
        )
        run_tests([path], judging, only=only)
        return Run(judging.results, events)

    return run


HEAD = """\
import numpy as np, pytest, hypothesis
from hypothesis import given, settings, strategies as st
from autograder.testing import *

"""
