"""In the kernels of otter's own engine (see otter.py beside this): all tests in one run of pytest.

It imports no more than that takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autograder.course.course import Course
from autograder.judge.judge import secret_for, visibility
from autograder.judge.run import run_tests
from autograder.judge.session import Judging

ASSIGNMENT = "softmax"
SECRET = "deepgrade bench: otter, long enough"

_verdicts: dict[str, str] = {}  # of the one submission that a kernel ever sees


def verdict(environment: dict[str, Any], name: str) -> str:
    """What became of that test."""
    if not _verdicts:
        assignment = Course(Path(__file__).resolve().parent.parent.parent)[ASSIGNMENT]

        @contextmanager
        def student(limits: Any) -> Iterator[SimpleNamespace]:
            yield SimpleNamespace(**{key: value for key, value in environment.items() if not key.startswith("_")})

        judging = Judging(
            make_student=student,
            limits=assignment.manifest.limits,
            visibility=visibility,
            secret=lambda path: secret_for(path, SECRET.encode()),
        )
        run_tests(assignment.test_files, judging)
        _verdicts.update({result.name: result.verdict for result in judging.results})
    return _verdicts[name]
