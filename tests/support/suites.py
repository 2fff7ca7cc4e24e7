"""A small course in which students hand in tests of their own, and what such tests are worth there."""

from __future__ import annotations

import textwrap
from pathlib import Path

from autograder.course.course import Assignment, Course
from autograder.own_tests import answers, judging, scoring
from autograder.own_tests.answers import SuiteJob
from autograder.own_tests.judging import Judged
from autograder.own_tests.scoring import Score

SECRET = b"the secret of the course of suites"

FILES = {
    "assignments/scale/assignment.toml": """
        title = "Scales"
        order = 1
        module = "scale"
        files = ["scale.py"]
        packages = ["numpy"]

        [[problems]]
        name = "scale"
        title = "Twice"
        points = 4

        [limits]
        seconds = 5.0
        memory_mb = 512
        """,
    "assignments/scale/own_tests.toml": """
        title = "Tests of your own"
        points = 10
        functions = ["double", "mean", "sums"]
        keeps = ["sums"]
        seconds = 20.0
        """,
    "assignments/scale/scale.py": '''
        def double(x):
            """2 x."""
            raise NotImplementedError("double")


        def mean(x):
            """The mean of x; ValueError where it is empty."""
            raise NotImplementedError("mean")


        def sums(x):
            """(the sum of x, a cache)."""
            raise NotImplementedError("sums")
        ''',
    "assignments/scale/test_public.py": '''
        import numpy as np
        from autograder.testing import assert_close, points


        @points(1, problem="scale")
        def test_double(student):
            """double([1]) = [2]."""
            assert_close(student.double(np.ones(1)), 2 * np.ones(1))
        ''',
    "assignments/scale/test_own.py": "",
    "assignments/scale/wrong_answers.py": '''
        @mutant("double", killed_by="your tests")
        def doubled_twice(x):
            """You double twice."""
            return reference.double(reference.double(x))


        @mutant("mean", killed_by="your tests")
        def greatest(x):
            """You return the greatest entry."""
            return x.max()
        ''',
    "assignments/scale/README.md": "# Scales\n",
    "assignments/scale/experiment.py": "",
    "solutions/scale/scale.py": '''
        def double(x):
            """2 x."""
            return 2 * x


        def mean(x):
            """The mean of x; ValueError where it is empty."""
            if len(x) == 0:
                raise ValueError("nothing")
            return x.sum() / len(x)


        def sums(x):
            """(the sum of x, a cache)."""
            return x.sum(), {"the reference": x}
        ''',
    "solutions/scale/variants/added.py": """
        def double(x):
            return x + x


        def mean(x):
            if not x.size:
                raise ValueError("there is no mean of nothing")
            return x.mean()


        def sums(x):
            return sum(x.tolist()), object()
        """,
    "solutions/scale/test_hidden.py": '''
        import numpy as np
        from autograder.testing import assert_close, points


        @points(3, problem="scale")
        def test_double_of_many(student):
            """double([1, 2, 3]) = [2, 4, 6]."""
            assert_close(student.double(np.arange(1.0, 4.0)), np.array([2.0, 4.0, 6.0]))
        ''',
    "solutions/scale/mutants.py": '''
        @mutant("double", killed_by="test_double")
        def tripled(x):
            """You return 3 x."""
            return 3 * x


        @mutant("double", killed_by="test_double")
        def doubled_in_place(x):
            """You double x in place."""
            x *= 2
            return x


        @mutant("mean", killed_by="test_double")
        def sum_for_mean(x):
            """You return the sum."""
            if len(x) == 0:
                raise ValueError
            return x.sum()


        @mutant("mean", killed_by="test_double")
        def mean_of_nothing(x):
            """You return 0 for the mean of nothing."""
            return reference.mean(x) if len(x) else 0.0


        @mutant("sums", killed_by="test_double")
        def the_last_entry(x):
            """You return the last entry."""
            return x[-1], None
        ''',
}


def course(folder: Path) -> Assignment:
    """The course in that folder: five wrong answers, two right ones."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
    return Course(folder)["scale"]


def judged(assignment: Assignment, suite: str | bytes) -> tuple[SuiteJob, Judged]:
    content = suite if isinstance(suite, bytes) else textwrap.dedent(suite).encode()
    job = answers.job(assignment, content)
    return job, judging.judge(job, assignment.manifest, SECRET)


def scored(assignment: Assignment, suite: str | bytes) -> Score:
    return scoring.score(*judged(assignment, suite))
