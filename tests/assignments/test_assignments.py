"""Every assignment of the course is sound: adding one is adding two folders, and this file then proves it.

That every wrong answer dies and every right one gets full marks is told by the page of its assignment in
docs/kill_matrices, which names the sources it was seen with (`make matrices`). Here the page must be of today's
sources, and of three assignments one wrong answer, one of the variants and a third of the probes are tried again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.core.errors import StudentGone
from autograder.course import submission
from autograder.course.course import Assignment, Course
from autograder.sandbox import Sandbox
from autograder.student import StudentRaised
from autograder.student.remote import Remote
from autograder.verify import answers, kill_matrix
from autograder.verify import verify as verifying

REPOSITORY = Path(__file__).resolve().parent.parent.parent
COURSE = Course(REPOSITORY)
NAMES = [assignment.name for assignment in COURSE]
PAGES = REPOSITORY / "docs" / "kill_matrices"
EVERY = 1000  # wrong answers: one is tried; more would tell of the engine, which has tests of its own


@pytest.fixture(scope="module", params=NAMES)
def soundness(request):
    return verifying.verify(COURSE[request.param], every=EVERY)


@pytest.fixture(params=NAMES)
def assignment(request) -> Assignment:
    return COURSE[request.param]


@pytest.fixture
def page(assignment) -> Path:
    path = PAGES / f"{assignment.name}.md"
    if not path.is_file():
        pytest.skip(f'there is no page yet: write it with `make matrices ARGS="{assignment.name}"`')
    return path


some = pytest.mark.some_cases(3)  # assignments; `make nightly` proves all of them


@some
@pytest.mark.threat(43, 49, 57)
def test_an_assignment_is_sound(soundness):
    assert soundness.problems == []


@some
def test_wrong_answers_die_by_the_tests_they_name(soundness):
    assert len(soundness.kills) == 1
    assert [kill.mutant for kill in soundness.kills if kill.named not in kill.killed_by] == []


@some
def test_another_right_answer_gets_full_marks(soundness):
    assert len(soundness.variants) == 1


def test_there_are_at_least_three_other_right_answers(assignment):
    assert len(answers.right_answers(assignment)) >= 1 + 3


def test_points_add_up_to_a_hundred(assignment):
    assert assignment.manifest.points == 100


def test_the_zip_of_a_reference_is_what_its_folder_is(assignment):
    """So what `verify` says of folders it says of uploads."""
    read = submission.read_zip(submission.zipped(assignment.reference()), assignment.manifest)
    assert read.files == assignment.reference()


def test_the_kill_matrix_in_the_docs_is_of_the_tests_as_they_are(assignment, page):
    stale = f'{page.name} is stale: write it again with `make matrices ARGS="{assignment.name}"`'
    assert kill_matrix.sources_of(page) == answers.sources_sha256(assignment), stale


def test_the_page_has_full_marks_for_every_right_answer(assignment, page):
    told = f"Full marks: the {', '.join(answers.right_answers(assignment))}."
    assert told in page.read_text(encoding="utf-8")


def test_only_the_distributions_of_the_manifest_can_be_imported(assignment):
    """What it names can be; torch, which is not named, cannot, though it may be installed here."""
    manifest = assignment.manifest
    allowed = {"scikit-image": "skimage"}
    assert imports(manifest, [allowed.get(name, name) for name in manifest.packages]) == []
    if "torch" not in manifest.packages:
        assert imports(manifest, ["torch"]) == ["torch: No module named 'torch'"]


def imports(manifest, modules: list[str]) -> list[str]:
    """What goes wrong when student code imports each of these."""
    wrong = []
    with Sandbox(manifest.packages, manifest.limits) as sandbox:
        for module in modules:
            with sandbox.worker() as worker:
                try:
                    files = {"answer.py": f"import {module}\n".encode()}
                    assert Remote(worker, files, "answer", manifest.limits).__dict__
                except (StudentRaised, StudentGone) as error:
                    wrong.append(f"{module}: {error}")
    return wrong
