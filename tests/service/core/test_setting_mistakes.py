"""Every mistake with a setting is one sentence at the start: a misspelt name, a wrong type, out of range, unreachable.

`MISTAKES` has a row for each setting of the table, and a test fails where one is missing.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from autograder.core.errors import DeepgradeError
from grader_service import serve
from grader_service.core import environment, machine, settings_page
from grader_service.core.variables import VARIABLES

from ..conftest import COURSE

DEAD = "127.0.0.1:9"  # the port of `discard`, where nobody listens
OIDC = {
    "DEEPGRADE_OIDC_CLIENT_ID": "d",
    "DEEPGRADE_OIDC_CLIENT_SECRET": "secret-of-the-client",
    "DEEPGRADE_PUBLIC_URL": "https://deepgrade.example.edu",
}
CELERY = {"DEEPGRADE_ENGINE": "celery", "DEEPGRADE_WORKERS": "0"}
ANY = "any text is valid"

# For each setting: values that are refused or noted at the start, with words of the sentence. `+` are other settings.
MISTAKES: dict[str, list[tuple[str, str]] | str] = {
    "DEEPGRADE_SETTINGS": [("/no/such.toml", "must name a TOML file"), ("/", "cannot be read")],
    "DEEPGRADE_HOME": [("/proc/nobody", "set DEEPGRADE_HOME to a folder you may write to")],
    "DEEPGRADE_DATABASE": [
        ("no address", "is not a valid database URL"),
        ("mysql://h/d", "'mysql' is not supported"),
        (f"postgresql+psycopg://u:hidden-word@{DEAD}/d", "cannot be used"),
    ],
    "DEEPGRADE_COURSE": [("/no/such", "/no/such")],
    "DEEPGRADE_FILES": [
        ("folder", "write it like file:///folder"),
        ("nothing://x", "DEEPGRADE_FILES is 'nothing://x'"),
        ("file:///proc/nobody", "the file store of DEEPGRADE_FILES cannot be used"),
    ],
    "DEEPGRADE_INLINE_KB": [("big", "at least 0"), ("-1", "at least 0"), ("1.5", "whole number"), ("1e9", "below")],
    "DEEPGRADE_HTTPS": [("yes", "it can be 0 or 1"), ("2", "it can be 0 or 1")],
    "DEEPGRADE_ADMIN_PASSWORD": [("short", "it must have 10 to 200 characters"), ("x" * 201, "10 to 200 characters")],
    "DEEPGRADE_METRICS_TOKEN": ANY,
    "DEEPGRADE_CLIENT_SECONDS": [("soon", "at least 1"), ("0", "at least 1"), ("1e7", "below 1000000")],
    "DEEPGRADE_CLIENT_KB": [("fast", "at least 0.1"), ("0", "at least 0.1"), ("nan", "at least 0.1")],
    "DEEPGRADE_CONNECTIONS": [("many", "at least 20"), ("19", "at least 20"), ("100000", "below 100000")],
    "DEEPGRADE_LOG": [("xml", "it can be text or json")],
    "DEEPGRADE_PUBLIC_URL": [("deepgrade.example.edu", "must begin with https://"), ("https://", "names no host")],
    "DEEPGRADE_SMTP": [
        ("mail.example.edu", "must begin with smtp://"),
        ("smtp://mail:99999", "a port that cannot be"),
        (f"smtp://{DEAD}", f"the mail server {DEAD} of DEEPGRADE_SMTP does not answer"),
    ],
    "DEEPGRADE_MAIL_FROM": [("deepgrade", "must be an e-mail address"), ("a@b, c@d", "must be an e-mail address")],
    "DEEPGRADE_OIDC_ISSUER": [
        ("login.example.edu", "must begin with https://"),
        ("https://login.example.edu", "DEEPGRADE_OIDC_CLIENT_ID must be set too"),
        (f"http://{DEAD}", "of DEEPGRADE_OIDC_ISSUER does not answer"),
    ],
    "DEEPGRADE_OIDC_CLIENT_ID": ANY,
    "DEEPGRADE_OIDC_CLIENT_SECRET": ANY,
    "DEEPGRADE_OIDC_NAME": ANY,
    "DEEPGRADE_SECRET": [("short", "fewer than 16"), ("a" * 64, "different characters, which can be guessed")],
    "DEEPGRADE_ENGINE": [("threads", "it can be embedded or celery"), ("celery", "which needs a broker")],
    "DEEPGRADE_BROKER": [
        ("broker:6379", "must begin with redis://"),
        ("redis://", "names no host"),
        (f"redis://{DEAD}/0", "does not answer"),
    ],
    "DEEPGRADE_WORKERS": [
        *[("three", "at least 0"), ("-1", "at least 0"), ("0", "at least 1"), ("2.5", "whole"), ("9999", "below 1025")]
    ],
    "DEEPGRADE_HOST": [("a b", "up to 60 letters"), ("h" * 61, "up to 60 letters")],
    "DEEPGRADE_MEMORY_MB": [("much", "at least 0"), ("-1", "at least 0"), ("1e12", "below")],
    "DEEPGRADE_STUDENT_JOBS": [("few", "at least 1"), ("0", "at least 1"), ("1.5", "whole number")],
    "DEEPGRADE_LONG_SECONDS": [("long", "at least 0"), ("-1", "at least 0"), ("inf", "below")],
    "DEEPGRADE_LEASE_SECONDS": [("long", "at least 1"), ("0.5", "at least 1")],
    "DEEPGRADE_CGROUP": [("/no/such", "which is not a cgroup of version 2"), ("/tmp", "which is not a cgroup")],
    "DEEPGRADE_GPU": [("first", "must be the number of a GPU"), ("77", "there is no /dev/nvidia77")],
    "DEEPGRADE_URL": [("deepgrade.example.edu", "must begin with https://")],
    "DEEPGRADE_TOKEN": ANY,
    "DEEPGRADE_DATA": [("/no/such", "which is not a folder")],
    "DEEPGRADE_CACHE": [("/etc/passwd", "which is a file; name a folder")],
    "DEEPGRADE_MIRROR": [("files.example.edu", "must begin with https://"), ("https://", "names no host")],
}
NEEDED = {"DEEPGRADE_BROKER": CELERY}  # other settings without which a value has no effect
CASES = [(name, *one) for name, rows in MISTAKES.items() if isinstance(rows, list) for one in rows]


@pytest.fixture
def start(tmp_path, monkeypatch) -> Callable[..., list[str]]:
    """What `deepgrade serve` says until it would begin to serve; the sandbox is attacked elsewhere."""
    for name in [name for name in os.environ if name.startswith("DEEPGRADE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(serve, "_check_up", lambda: None)
    monkeypatch.setattr(serve, "_run", lambda settings, listener, ready: None)
    monkeypatch.setattr("grader_service.serve.logs.configure", lambda *arguments: None)
    monkeypatch.setattr("autograder.doctor.run", lambda: [])
    umask = os.umask(0o022)
    os.umask(umask)

    def run(**variables: str) -> list[str]:
        given = {"DEEPGRADE_HOME": str(tmp_path / "home"), "DEEPGRADE_COURSE": str(COURSE), **variables}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        said: list[str] = []
        try:
            environment.read_file(os.environ)
            serve.serve(port=0, say=said.append)
        finally:
            os.umask(umask)
        return said

    return run


def test_every_setting_has_its_mistakes():
    assert set(MISTAKES) == set(VARIABLES)


def test_without_a_mistake_it_would_serve(start):
    assert [line for line in start() if line.startswith("note")] == []


@pytest.mark.parametrize("name, value, words", CASES, ids=[f"{name}={value[:20]}" for name, value, _ in CASES])
def test_a_value_that_cannot_be_is_one_sentence_at_the_start(start, name, value, words):
    more = OIDC if name == "DEEPGRADE_OIDC_ISSUER" and DEAD in value else NEEDED.get(name, {})
    try:
        said = [line for line in start(**more, **{name: value}) if line.startswith("note")]
    except DeepgradeError as error:
        said = [str(error)]
    (sentence,) = [line for line in said if "no host is grading" not in line]
    assert words in sentence
    assert "\n" not in sentence
    assert "hidden-word" not in sentence
    assert "Traceback" not in sentence
    if VARIABLES[name].secret and name != "DEEPGRADE_FILES" and not value.endswith("://"):
        assert value not in sentence, "a secret is not repeated"


@pytest.mark.parametrize("name", VARIABLES)
def test_a_misspelt_name_is_refused_with_the_right_one(start, name):
    short = name.removeprefix("DEEPGRADE_")
    slip = f"DEEPGRADE_{short[:-2]}{short[-1]}{short[-2]}"
    with pytest.raises(DeepgradeError) as refused:
        start(**{slip: "1"})
    assert str(refused.value) == f"{slip} is not a setting; use {name}. docs/settings.md lists all settings"


@pytest.mark.parametrize("name", VARIABLES)
def test_a_misspelt_name_in_a_file_is_refused(tmp_path, name):
    path = tmp_path / "deepgrade.toml"
    path.write_text(f'{name.removeprefix("DEEPGRADE_").lower()}s_ = "1"\n')
    with pytest.raises(DeepgradeError, match=r"is not a setting; docs/settings\.md lists all settings"):
        environment.read_file({"DEEPGRADE_SETTINGS": str(path)})


def test_the_doctor_says_the_same_of_values_that_the_engine_reads(monkeypatch):
    with pytest.raises(DeepgradeError, match="DEEPGRADE_DATA is '/no/such'"):
        machine.check({"DEEPGRADE_DATA": "/no/such"})
    assert settings_page.page()
