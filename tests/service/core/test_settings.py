"""Settings come from the environment, secrets from files that nobody else reads."""

from __future__ import annotations

import re
import stat
from dataclasses import fields

import pytest

from autograder.core.errors import DeepgradeError
from grader_service.core import secrets
from grader_service.core.settings import Settings
from grader_service.database.session import Database


def test_settings_survive_the_way_to_another_process(tmp_path):
    settings = Settings(
        home=tmp_path,
        database="postgresql+psycopg://u:p@h/d",
        course=tmp_path / "c",
        files="s3://bucket/prefix",
        inline_kb=0,
        https=True,
        metrics_token="t",
        client_seconds=9.5,
        client_kb=1.5,
        connections=50,
        log="json",
        public_url="https://d.example.edu",
        smtp="smtps://u:p@h",
        mail_from="d@example.edu",
        oidc_issuer="https://i.example.edu",
        oidc_client_id="d",
        oidc_client_secret="s",
        oidc_name="Example",
        engine="celery",
        broker="redis://h",
        workers=3,
        host="h",
        memory_mb=1000,
        student_jobs=2,
        long_seconds=9.5,
        lease_seconds=7.5,
    )
    defaults = Settings(home=tmp_path / "other")
    untold = [
        field.name for field in fields(Settings) if getattr(settings, field.name) == getattr(defaults, field.name)
    ]
    assert untold == ["admin_password"], "else a field could get lost and nobody would see it"
    assert Settings.from_environment(settings.to_environment()) == settings


def test_the_admin_s_password_goes_to_no_other_process(tmp_path):
    assert "secret" not in str(Settings(home=tmp_path, admin_password="secret").to_environment())


@pytest.mark.parametrize(
    "name, value, sentence",
    [
        ("DEEPGRADE_HTTPS", "yes", "DEEPGRADE_HTTPS is 'yes'; it can be 0 or 1"),
        ("DEEPGRADE_ENGINE", "threads", "DEEPGRADE_ENGINE is 'threads'; it can be embedded or celery"),
        ("DEEPGRADE_ENGINE", "celery", "DEEPGRADE_ENGINE is 'celery', which needs a broker: set DEEPGRADE_BROKER"),
        ("DEEPGRADE_BROKER", "http://u:secret@h", "DEEPGRADE_BROKER must begin with redis:// or rediss:// or "),
        ("DEEPGRADE_STUDENT_JOBS", "nan", "DEEPGRADE_STUDENT_JOBS is 'nan'; it must be a number of at least 1"),
        ("DEEPGRADE_WORKERS", "0", "DEEPGRADE_WORKERS is '0'; it must be a number of at least 1"),
        ("DEEPGRADE_LEASE_SECONDS", "soon", "DEEPGRADE_LEASE_SECONDS is 'soon'; it must be a number of at least 1"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_a_sentence(tmp_path, name, value, sentence):
    with pytest.raises(DeepgradeError, match=re.escape(sentence)):
        Settings.from_environment({"DEEPGRADE_HOME": str(tmp_path), name: value})


@pytest.mark.parametrize(
    "url, sentence",
    [
        ("mysql://h/d", "DEEPGRADE_DATABASE: 'mysql' is not supported; use sqlite or postgresql"),
        ("no address", "DEEPGRADE_DATABASE is not a valid database URL"),
    ],
)
def test_a_database_that_cannot_be_is_told(tmp_path, url, sentence):
    with pytest.raises(DeepgradeError, match=sentence):
        Database(Settings(home=tmp_path, database=url))


def test_with_celery_the_web_process_is_alone_unless_workers_are_asked_for(tmp_path):
    celery = {"DEEPGRADE_HOME": str(tmp_path), "DEEPGRADE_ENGINE": "celery", "DEEPGRADE_BROKER": "amqp://h"}
    assert Settings.from_environment(celery).workers == 0
    assert Settings.from_environment({**celery, "DEEPGRADE_WORKERS": "2"}).workers == 2
    assert Settings.from_environment({"DEEPGRADE_HOME": str(tmp_path)}).workers == 2


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DeepgradeError, match="set DEEPGRADE_HOME"):
        Settings(home=tmp_path / "file" / "home").make_home()


def test_the_session_key_is_made_once_for_its_owner_s_eyes(settings):
    assert secrets.session_key(settings) == secrets.session_key(settings)
    assert stat.S_IMODE((settings.home / "session.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700


def test_a_session_key_that_others_can_read_is_refused(settings):
    secrets.session_key(settings)
    (settings.home / "session.key").chmod(0o644)
    with pytest.raises(DeepgradeError, match="can be read by others"):
        secrets.session_key(settings)


def test_sessions_and_hidden_tests_have_different_secrets(settings):
    assert secrets.session_key(settings) != secrets.course_secret(settings)
