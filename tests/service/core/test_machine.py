"""What is set and is not there is said at the start, in one sentence; what can wait for another host waits."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from narrowing import not_none

from autograder.core.errors import DeepgradeError, GraderError
from autograder.course.course import find_course
from grader_service.accounts import accounts
from grader_service.core import machine
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database import revisions
from grader_service.database.models import Submission
from grader_service.database.session import Database
from grader_service.grade_worker import work
from grader_service.queue import hosts, leases
from grader_service.queue.leases import Slot
from grader_service.queue.notify import check_broker
from grader_service.queue.notify.texts import NO_ANSWER
from grader_service.serve import serve

from ..conftest import COURSE, zip_of
from ..support import processes
from ..support.processes import serving
from ..support.rows import FACTS

BARE = {name: value for name, value in os.environ.items() if not name.startswith("DEEPGRADE_")}


def deepgrade(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autograder.cli", *words],
        env=BARE | variables,
        capture_output=True,
        text=True,
        timeout=processes.PATIENCE_SECONDS,
        check=False,
    )


# A variable and its value, and what is said of it at the start.
REFUSED = {
    "a slip": ("DEEPGRADE_WORKRES", "3", "DEEPGRADE_WORKRES is not a setting; use DEEPGRADE_WORKERS."),
    "another": ("DEEPGRADE_SECRETS", "x" * 20, "DEEPGRADE_SECRETS is not a setting; use DEEPGRADE_SECRET."),
    "a GPU that is not here": ("DEEPGRADE_GPU", "77", "DEEPGRADE_GPU names GPU 77, but there is no /dev/nvidia77"),
    "a GPU that is none": ("DEEPGRADE_GPU", "first", "DEEPGRADE_GPU is 'first'; it must be the number of a GPU"),
    "one for a slot": ("CUDA_VISIBLE_DEVICES", "77", "this machine has no GPU 77 (/dev/nvidia77 does not exist)"),
    "a cgroup that is not here": (
        "DEEPGRADE_CGROUP",
        "/no/such",
        "DEEPGRADE_CGROUP is '/no/such', which is not a cgroup",
    ),
    "a folder that is none": ("DEEPGRADE_CGROUP", "/tmp", "DEEPGRADE_CGROUP is '/tmp', which is not a cgroup"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_what_cannot_be_meant_is_one_sentence_and_exit_2(tmp_path, command, case):
    name, value, sentence = REFUSED[case]
    variables = {"DEEPGRADE_HOME": str(tmp_path / "home"), "DEEPGRADE_SECRET": "s" * 20, name: value}
    found = deepgrade(command, *(["--port", "0"] if command == "serve" else []), **variables)
    assert found.returncode == 2
    assert found.stderr.startswith(f"deepgrade: {sentence}"), found.stderr
    assert found.stderr.count("\n") == 1
    assert not (tmp_path / "home" / "deepgrade.sqlite3").exists(), "nothing is made"


def test_a_variable_that_is_like_none_of_ours_has_no_effect_and_that_is_said(monkeypatch):
    assert machine.notes({"DEEPGRADE_SOMETHING_ELSE": "1", "PATH": "/bin"}, None) == [
        "DEEPGRADE_SOMETHING_ELSE is not a setting and has no effect"
    ]
    machine.check({"DEEPGRADE_SOMETHING_ELSE": "1", "DEEPGRADE_WORKERS": "3", "DEEPGRADE_CANARY": "x"})


def test_a_cgroup_needs_its_controllers(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    with pytest.raises(DeepgradeError, match="lacks the controller pids"):
        machine.check({"DEEPGRADE_CGROUP": str(tmp_path)})
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    machine.check({"DEEPGRADE_CGROUP": str(tmp_path)})


@pytest.mark.parametrize("start", ["serve", "work", "upgrade"])
def test_an_older_program_leaves_newer_tables_alone(settings, monkeypatch, start):
    database = Database(settings)
    database.upgrade()
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    monkeypatch.setattr("grader_service.serve._check_up", lambda: None)
    monkeypatch.setenv("DEEPGRADE_SECRET", "0123456789abcdef0123456789abcdef")
    begin = {
        "serve": lambda: serve(port=0, settings=settings),
        "work": lambda: work(settings=dataclasses.replace(settings, host="other"), slots=1, gpus=()),
        "upgrade": database.upgrade,
    }
    with pytest.raises(DeepgradeError) as refused:
        begin[start]()
    assert not isinstance(refused.value, GraderError), "exit 2"
    assert "was made by an unreleased or a newer version of deepgrade (tables 9999;" in str(refused.value)
    assert str(revisions.newest()) in str(refused.value)
    database.close()


def test_a_broker_that_is_dead_is_said_and_keeps_nobody_from_serving(tmp_path):
    pytest.importorskip("celery")
    with socket.create_server(("127.0.0.1", 0)) as free:
        broker = f"redis://:a-password@127.0.0.1:{free.getsockname()[1]}/0"
    settings = Settings(home=tmp_path / "home", course=COURSE, engine="celery", broker=broker, workers=0)
    assert re.fullmatch(NO_ANSWER.format(why=r"\w+").replace("(", r"\(").replace(")", r"\)"), check_broker(settings))
    assert check_broker(Settings(home=tmp_path)) == ""
    processes.add(settings, "eve", role="staff")
    with serving(settings) as service:
        said = "".join(service.said)
        assert "note: the broker of DEEPGRADE_BROKER does not answer" in said
        assert "note: no host is grading, so submissions will wait; start `deepgrade worker`" in said
        assert "a-password" not in said
        assert processes.Client(service.url, "eve").get("/staff/queue")[0] == 200


@pytest.fixture
def course(tmp_path) -> Path:
    """`double`, and `deep`, which needs a distribution that is not here."""
    root = Path(shutil.copytree(COURSE, tmp_path / "course"))
    for half in ("assignments", "solutions"):
        shutil.copytree(root / half / "double", root / half / "deep")
    manifest = root / "assignments/deep/assignment.toml"
    manifest.write_text(
        re.sub(r"packages = \[.*?\]", 'packages = ["numpy", "not-installed-here"]', manifest.read_text())
    )
    return root


def test_what_needs_a_distribution_that_is_not_here_waits_for_another_host(course, settings):
    assert machine.lacking(find_course(course)) == {"deep": ["not-installed-here"]}
    (note,) = machine.notes({}, find_course(course))
    assert note.startswith(
        "deep cannot be graded on this host, since not-installed-here is not installed; uploads to it"
    )


def test_its_jobs_are_left_to_others_and_staff_are_told(database, user, app):
    ada, eve = user("ada"), user("eve", role="staff")
    first, second = ada.handed_in(), ada.handed_in(zip_of("other"))
    with database.write() as session:
        deep = courses.add(session, None, accounts.first_course(session), "deep")
        session.get_one(Submission, first).course_assignment = deep
        hosts.beat(session, dataclasses.replace(FACTS, lacks={"deep": ["torch"]}))
    page = eve.get("/staff/queue").text
    assert "No open host can grade deep: torch is not installed there. 1 upload waiting." in page
    assert "one cannot grade deep" in page
    with database.write() as session:
        unable = Slot("one:0", ("cpu",), host="one", lacks=("deep",))
        assert not_none(leases.claim(session, unable, lease_seconds=45)).submission_id == second
        assert leases.claim(session, unable, lease_seconds=45) is None
        assert not leases.waiting(session, unable)
        able = dataclasses.replace(FACTS, name="two", instance="j")
        hosts.beat(session, able)
        able_slot = Slot("two:0", ("cpu",), host="two")
        assert not_none(leases.claim(session, able_slot, lease_seconds=45)).submission_id == first
    assert "No open host can grade" not in eve.get("/staff/queue").text


def test_staff_are_told_that_no_host_takes_jobs_and_that_the_broker_is_dead(app, user, database, monkeypatch):
    eve = user("eve", role="staff")
    assert "No host takes jobs at the moment, so submissions wait." in eve.get("/staff/queue").text
    with database.write() as session:
        hosts.beat(session, FACTS)
    page = eve.get("/staff/queue").text
    assert "No host takes jobs" not in page
    assert "broker" not in page
    monkeypatch.setattr(
        app.extensions["services"].notifier, "trouble", NO_ANSWER.format(why="TimeoutError"), raising=False
    )
    assert "The broker of DEEPGRADE_BROKER does not answer (TimeoutError)" in eve.get("/staff/queue").text


def test_the_doctor_says_what_a_start_says_of_settings_database_broker_and_hosts(tmp_path):
    """`findings` alone: the attacks on the sandbox, which come before them, have tests of their own."""
    code = "from grader_service.cli import _of_the_service as look; import json; print(json.dumps(list(look())))"

    def told(**variables: str) -> dict[str, tuple[bool, str]]:
        environment = BARE | {"DEEPGRADE_HOME": str(tmp_path / "home")} | variables
        result = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        return {name: (ok, detail) for name, ok, detail in json.loads(result.stdout)}

    assert told()["database"] == (True, "none yet; `deepgrade serve` creates it")
    ok, words = told(DEEPGRADE_WORKERS="many")["values of the settings"]
    assert not ok
    assert "DEEPGRADE_WORKERS" in words
    dead = told(DEEPGRADE_ENGINE="celery", DEEPGRADE_BROKER="redis://127.0.0.1:1/0")["broker"]
    assert not dead[0]
    assert "does not answer" in dead[1]
    with closing(Database(Settings(home=tmp_path / "home"))) as database:
        database.upgrade()
    assert told()["hosts that grade"] == (True, "no host is grading, so submissions will wait")
    with sqlite3.connect(tmp_path / "home" / "deepgrade.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    ok, words = told()["database"]
    assert not ok
    assert "newer" in words


def test_the_doctor_says_the_same(course):
    told = {
        name: (ok, detail) for name, ok, detail in machine.findings({"DEEPGRADE_WORKRES": "3"}, find_course(course))
    }
    assert told["settings"] == (False, "DEEPGRADE_WORKRES is not a setting; use DEEPGRADE_WORKERS")
    assert told["GPU"] == told["cgroup"] == (True, "not set")
    assert told["packages of the course"][0]
    assert "not-installed-here is not installed: deep" in told["packages of the course"][1]
    well = {name: ok for name, ok, _ in machine.findings({"DEEPGRADE_CGROUP": "/no/such"}, find_course(course))}
    assert well == {"settings": True, "GPU": True, "cgroup": False, "packages of the course": True}
