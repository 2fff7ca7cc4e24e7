"""Whatever is killed, an accepted upload ends in exactly one report."""

from __future__ import annotations

import dataclasses
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from autograder.core.errors import DeepgradeError
from grader_service.core import process
from grader_service.core.environment import passed_on
from grader_service.core.settings import Settings
from grader_service.queue.leases import Slot
from grader_service.serve import serve
from grader_service.workers.worker import Worker

from ..conftest import COURSE, RIGHT, WRONG, zip_of
from ..support import processes
from ..support.processes import SLOW, Client, Service, serving, wait_for


@pytest.fixture
def settings(tmp_path) -> Settings:
    settings = Settings(home=tmp_path / "home", course=COURSE)
    processes.add(settings, "ada")
    return settings


def grading(settings: Settings, number: int) -> bool:
    """Some tests of it are done, and some are not."""
    job = processes.job(settings, number)
    return job.state == "running" and 0 < job.tests_done < job.tests_total


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[Service]:
    """A service for the tests that leave it as it was."""
    settings = Settings(home=tmp_path_factory.mktemp("running") / "home", course=COURSE)
    processes.add(settings, "ada")
    with serving(settings) as service:
        yield service


def test_right_and_wrong_answers_get_what_they_deserve(running):
    ada = Client(running.url, "ada")
    right, wrong = ada.hand_in(zip_of(RIGHT)), ada.hand_in(zip_of(WRONG))
    report = ada.report(right)
    assert (report["points"], report["possible"]) == (5, 5)
    report = ada.report(wrong)
    failed = {test["name"] for test in report["tests"] if test["verdict"] != "passed"}
    assert failed == {"test_double_of_three", "test_double_of_five", "test_double_of_minus_one"}
    page = ada.get(f"/submissions/{wrong}")[1].decode()
    picture = re.search(r'<img src="([^"]+)"', page)
    assert picture is not None
    assert ada.get(picture.group(1))[1].startswith(b"\x89PNG")


@pytest.mark.threat(36)
def test_a_killed_worker_is_replaced_and_its_job_is_graded_once(running):
    ada = Client(running.url, "ada")
    number = ada.hand_in(zip_of(SLOW))
    wait_for(lambda: grading(running.settings, number))
    job = processes.job(running.settings, number)
    (worker,) = running.children(f"grader_service.workers.worker --name {job.worker}")
    os.kill(worker, signal.SIGKILL)
    assert ada.report(number)["points"] == 5
    job = processes.job(running.settings, number)
    assert (job.attempt, job.workers_lost) == (2, 1)
    assert processes.results(running.settings).count(number) == 1


@pytest.mark.threat(36)
def test_a_killed_web_process_comes_back_with_everybody_signed_in(running):
    ada = Client(running.url, "ada")
    for pid in running.children("grader_service.web.process"):
        os.kill(pid, signal.SIGKILL)
    assert ada.get("/")[0] == 200, "the socket stays open meanwhile"


@pytest.mark.threat(36)
def test_everything_killed_in_mid_grading_is_graded_once_after_the_restart(settings):
    settings = dataclasses.replace(settings, workers=1)  # or the other one may be done with what is to wait
    with serving(settings) as service:
        ada = Client(service.url, "ada")
        number, waiting = ada.hand_in(zip_of(SLOW)), ada.hand_in(zip_of(RIGHT))
        wait_for(lambda: grading(settings, number))
        service.kill()
    assert processes.results(settings) == []
    with serving(settings) as service:
        ada = Client(service.url, "ada")
        assert ada.report(number)["points"] == 5
        assert ada.report(waiting)["points"] == 5
        assert "sign in as admin" not in "".join(service.said), "that was said at the first start"
    assert processes.results(settings) == [number, waiting]


@pytest.mark.threat(36, 38)
def test_no_receipt_is_untrue_when_all_is_killed_under_uploads(settings):
    receipts: list[int] = []

    def flood() -> None:
        try:
            ada = Client(service.url, "ada")
            while True:
                receipts.append(ada.hand_in(zip_of(f"{RIGHT}# {len(receipts)} {threading.get_ident()}\n")))
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
            return  # killed

    with serving(settings) as service:
        threads = [threading.Thread(target=flood) for _ in range(2)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(receipts) >= 4)
        service.kill()
        for thread in threads:
            thread.join()
    with serving(settings) as service:
        ada = Client(service.url, "ada")
        for number in receipts:
            assert ada.report(number)["points"] == 5
    graded = processes.results(settings)
    assert set(receipts) <= set(graded)
    assert len(graded) == len(set(graded))


@pytest.mark.threat(41)
def test_a_job_whose_hidden_tests_change_is_graded_by_the_new_ones_from_the_start(tmp_path):
    course = Path(shutil.copytree(COURSE, tmp_path / "course"))
    settings = Settings(home=tmp_path / "home", course=course)
    processes.add(settings, "ada")
    with serving(settings) as service:
        ada = Client(service.url, "ada")
        before = ada.report(ada.hand_in(zip_of(RIGHT)))["versions"]["course"]
        number = ada.hand_in(zip_of(SLOW))
        wait_for(lambda: grading(settings, number))
        hidden = course / "solutions" / "double" / "test_hidden.py"
        hidden.write_text(hidden.read_text() + "\n# mended\n")
        report = ada.report(number)
    job = processes.job(settings, number)
    assert report["versions"]["course"] == job.course != before
    assert (job.attempt, job.faults, job.workers_lost) == (2, 0, 0)


@pytest.mark.threat(36)
def test_a_slot_with_nothing_to_fear_puts_down_its_result_when_the_database_is_back(settings, monkeypatch):
    """Out of reach once, out of reach twice, and then there: nothing is graded again."""
    monkeypatch.setattr("grader_service.workers.worker.FAILED_SECONDS", 0.0)
    worker = Worker(settings, Slot("w", ("cpu",)))
    tries = []

    def write(session: Session) -> str:
        tries.append(session)
        if len(tries) < 3:
            raise OperationalError("", {}, Exception("the server closed the connection"))
        return "stored"

    assert worker._put_down(write) == "stored"
    assert len(tries) == 3
    tries.clear()
    worker.heartbeat.tell_to_stop()
    with pytest.raises(OperationalError):
        worker._put_down(write)
    worker.database.close()


def test_told_to_stop_it_ends_all_and_a_job_in_hand_waits_unharmed(settings):
    with serving(settings) as service:
        number = Client(service.url, "ada").hand_in(zip_of(SLOW))
        wait_for(lambda: grading(settings, number))
        assert service.stop() == 0
    job = processes.job(settings, number)
    assert (job.state, job.workers_lost, job.faults) == ("queued", 0, 0)


def test_the_first_admin_s_password_is_said_and_lets_in(running):
    (said,) = re.findall(r"sign in as admin with the password (\S+)", "".join(running.said))
    assert Client(running.url, "admin", said).get("/password")[0] == 200


def test_a_port_in_use_is_told_before_anything_is_made(tmp_path):
    settings = Settings(home=tmp_path / "home", course=COURSE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DeepgradeError, match=rf"^port {port} on 127.0.0.1 is in use; .* --port$"):
            serve("127.0.0.1", port, settings)
    assert not settings.home.exists()


def run_serve(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        processes.COMMAND,
        env=environment,
        capture_output=True,
        text=True,
        timeout=processes.PATIENCE_SECONDS,
        check=False,
    )


def test_a_data_folder_in_use_is_told(running):
    settings = running.settings
    again = run_serve({**os.environ, **settings.to_environment()})
    assert again.returncode != 0
    assert f"{settings.home}: another `deepgrade serve` uses this folder" in again.stderr


@pytest.mark.threat(45)
def test_where_no_sandbox_stands_nothing_is_served(tmp_path):
    settings = Settings(home=tmp_path / "home", course=COURSE)
    refused = run_serve({**os.environ, **settings.to_environment(), "PATH": str(tmp_path)})  # no bubblewrap there
    assert refused.returncode != 0
    assert "bubblewrap is not installed; run: apt-get install bubblewrap" in refused.stderr


def test_an_address_that_is_not_of_this_machine_is_told(tmp_path):
    with pytest.raises(DeepgradeError, match="choose"):
        serve("192.0.2.1", 0, Settings(home=tmp_path / "home", course=COURSE))


# What a shell may have that would change how Python, pytest, hypothesis or numpy work.
SHELL = {
    "PYTEST_ADDOPTS": "-x -k test_double_of_zero",
    "PYTEST_PLUGINS": "no_such_plugin",
    "PYTHONOPTIMIZE": "2",
    "PYTHONPATH": f"/nowhere:{process.HERE}",  # the second part, so that a copy of this repository tests itself
    "PYTHONHASHSEED": "1",
    "PYTHONWARNINGS": "ignore",
    "HYPOTHESIS_STORAGE_DIRECTORY": "/nowhere",
    "OMP_NUM_THREADS": "7",
    "MKL_NUM_THREADS": "7",
    "LD_LIBRARY_PATH": "/nowhere",
    "CI": "1",
}


@pytest.mark.parametrize("source", [RIGHT, WRONG], ids=["right", "wrong"])
def test_no_variable_of_the_shell_reaches_what_grades(settings, source):
    """Each process below `serve` has what docs/settings.md names; and so the verdict is the same."""
    with serving(settings, **SHELL) as service:
        ada = Client(service.url, "ada")
        report = ada.report(ada.hand_in(zip_of(source)))
        known = passed_on(dict.fromkeys([*os.environ, *settings.to_environment()], ""))
        for pid in service.children("grader_service"):
            found = dict(word.decode().split("=", 1) for word in environment_of(pid).split(b"\0") if word)
            assert found.pop("PYTHONPATH", "") in ("", str(process.HERE)), (
                "where our code lies, and not where a shell says"
            )
            assert not set(found) & set(SHELL), (pid, set(found) & set(SHELL))
            assert set(found) <= {*known, "CUDA_VISIBLE_DEVICES"}
    assert (report["points"], report["possible"], len(report["tests"])) == (5 if source == RIGHT else 2, 5, 5)


def environment_of(pid: int) -> bytes:
    """As it was started."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""  # it has ended meanwhile
