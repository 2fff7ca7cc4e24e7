"""`deepgrade login`, `submit`, `status`, `report`: as a student types them, against a service that runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from narrowing import not_none
from notebook_files import of_module

from autograder.report import schema as reports
from grader_service.accounts import accounts, tokens
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.grading import regrades
from grader_service.queue import enqueue, leases

from ..conftest import COURSE, PASSWORD, RIGHT, WRONG
from ..support import processes
from ..support.pages_list import RIGHT_REPORT
from ..support.processes import Service, serving

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    settings = Settings(home=tmp_path_factory.mktemp("commands") / "home", course=COURSE)
    processes.add(settings, "ada")
    with serving(settings) as running:
        yield running


@pytest.fixture(scope="module")
def token(service) -> str:
    with processes.opened(service.settings) as database, database.write() as session:
        ada = accounts.find(session, "ada")
        assert ada is not None
        return tokens.make(session, ada, name="laptop", scope="submit")[1]


@pytest.fixture
def folder(tmp_path) -> Path:
    """The kit, as it lies on a student's laptop."""
    made = tmp_path / "double"
    made.mkdir()
    for path in (COURSE / "assignments/double").iterdir():
        if path.is_file():
            (made / path.name).write_bytes(path.read_bytes())
    (made / "double.py").write_text(RIGHT)
    return made


@pytest.fixture
def run(tmp_path, folder) -> Run:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DEEPGRADE_")}
    environment = {**inherited, "XDG_CONFIG_HOME": str(tmp_path / "config"), "COLUMNS": "120"}

    def deepgrade(*words: object, said: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "autograder.cli", *map(str, words)],
            cwd=folder,
            env=environment | variables,
            input=said,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return deepgrade


def test_a_student_signs_in_submits_waits_and_reads_the_report(run, service, token, tmp_path):
    signed_in = run("login", service.url, said=f"{token}\n")
    assert (signed_in.returncode, signed_in.stderr) == (0, "")
    assert signed_in.stdout.startswith("signed in as ada (course); the token is kept in ")
    assert token not in signed_in.stdout
    submitted = run("submit")
    assert submitted.returncode == 0, submitted.stderr
    assert "5 of 5 points" in submitted.stdout
    number = re.search(r"submission (\d+) is stored: received ", submitted.stderr)
    assert number is not None
    shown = run("status", number[1])
    assert "graded" in shown.stdout
    assert "5 / 5" in shown.stdout
    listed = json.loads(run("status", "--json").stdout)
    assert [str(one["id"]) for one in listed] == [number[1]]
    report = reports.from_json(run("report", number[1], "--json").stdout)
    assert (report.points, report.possible) == (5, 5)
    assert run("login", "--forget").returncode == 0
    assert (
        run("status").stderr
        == "deepgrade: you are not signed in; run `deepgrade login ADDRESS`, with that of your course\n"
    )


def test_a_password_will_do_and_is_kept_nowhere(run, service, tmp_path):
    signed_in = run("login", service.url, "--login", "ada", said=f"{PASSWORD}\n")
    assert signed_in.returncode == 0, signed_in.stderr
    assert json.loads(run("status", "--json").stdout) is not None
    assert all(PASSWORD not in path.read_text() for path in (tmp_path / "config").rglob("*.json"))
    wrong = run("login", service.url, "--login", "ada", said="wrong\n")
    assert wrong.returncode == 2
    assert wrong.stderr == f"deepgrade: {service.url} says: The login or the password is wrong.\n"


def test_a_wrong_answer_exits_with_1_and_says_what_failed(run, service, token, folder):
    (folder / "double.py").write_text(WRONG)
    account = {"DEEPGRADE_URL": service.url, "DEEPGRADE_TOKEN": token}
    receipt = run("submit", "--no-wait", "--json", **account)
    assert receipt.returncode == 0
    number = json.loads(receipt.stdout)["id"]
    report = run("report", number, "--wait", **account)
    assert report.returncode == 1
    assert "expected 6" in report.stdout, "of a public test all is shown"
    assert "expected 10" not in report.stdout, "and nothing of a hidden one"


def test_status_and_report_tell_the_regrade_that_counts(run, service, token, folder):
    (folder / "double.py").write_text(WRONG)
    account = {"DEEPGRADE_URL": service.url, "DEEPGRADE_TOKEN": token}
    number = json.loads(run("submit", "--no-wait", "--json", **account).stdout)["id"]
    run("report", number, "--wait", **account)
    assert re.search(rf"^ *{number} .* graded +2 / 5", run("status", number, **account).stdout, re.M)
    with processes.opened(service.settings) as database, database.write() as session:
        course, ada = accounts.first_course(session), not_none(accounts.find(session, "ada"))
        chosen = not_none(courses.assignment(session, course, "double"))
        made = regrades.create(
            session, ada, chosen, [number], tests=None, needs=enqueue.Needs("gpu"), reason="a test was wrong"
        )
        claim = leases.claim(session, leases.Slot("test", ("gpu",)), lease_seconds=60)
        assert claim is not None
        leases.finish(session, claim, RIGHT_REPORT, {})
        session.flush()
        regrades.count(session, ada, course, made)
    assert re.search(rf"^ *{number} .* graded +2 / 2", run("status", **account).stdout, re.M)
    assert "2 of 2 points" in run("report", number, **account).stdout


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("report", "999"), "says 404: This resource does not exist, or you are not allowed to see it."),
        (("submit", "--course", "none"), "says 404: This resource does not exist, or you are not allowed to see it."),
        (
            ("submit", "--assignment", "none"),
            "says 404: This resource does not exist, or you are not allowed to see it.",
        ),
    ],
)
def test_a_no_of_the_service_is_one_sentence(run, service, token, words, sentence):
    answer = run(*words, DEEPGRADE_URL=service.url, DEEPGRADE_TOKEN=token)
    assert answer.returncode == 2
    assert answer.stderr == f"deepgrade: {service.url} {sentence}\n"


def test_a_token_that_is_none_is_not_kept(run, service, tmp_path):
    answer = run("login", service.url, said="dg_" + "A" * 43 + "\n")
    assert answer.returncode == 2
    assert "does not know the token" in answer.stderr
    assert list((tmp_path / "config").rglob("*")) == []


def test_a_notebook_is_submitted_as_its_module(run, service, token, folder):
    """From the command line, and as `%submit` does it from what ran in the kernel; the stub beside it stays."""
    (folder / "double.py").write_text("def double(x):\n    raise NotImplementedError\n")
    (folder / "double.ipynb").write_bytes(of_module(RIGHT, "%matplotlib inline", "print(double(2))"))
    account = {"DEEPGRADE_URL": service.url, "DEEPGRADE_TOKEN": token}
    submitted = run("submit", "double.ipynb", **account)
    assert submitted.returncode == 0, submitted.stderr
    assert "5 of 5 points" in submitted.stdout
    assert "left out of double.ipynb, because it is not handed in:" in submitted.stderr
    lines = "import deepgrade; found = deepgrade.submit(); print(found.source, found.passed, found.points)"
    from_python = subprocess.run(
        [sys.executable, "-c", lines],
        cwd=folder,
        env=os.environ | account,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert from_python.stdout == "double.py from double.ipynb True 5.0\n", from_python.stderr
