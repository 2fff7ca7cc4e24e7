"""Settings come from the environment, secrets from files that nobody else reads."""

from __future__ import annotations

import re
import stat

import pytest

from autograder.errors import DeepgradeError
from grader_service import keys
from grader_service.settings import Settings


def test_settings_survive_the_way_to_another_process(tmp_path):
    settings = Settings(home=tmp_path, course=tmp_path / "c", https=True, workers=3, lease_seconds=7.5)
    assert Settings.from_environment(settings.to_environment()) == settings


def test_the_admin_s_password_goes_to_no_other_process(tmp_path):
    assert "secret" not in str(Settings(home=tmp_path, admin_password="secret").to_environment())


@pytest.mark.parametrize(
    "name, value, sentence",
    [
        ("DEEPGRADE_HTTPS", "yes", "DEEPGRADE_HTTPS is 'yes'; it can be 0 or 1"),
        ("DEEPGRADE_WORKERS", "0", "DEEPGRADE_WORKERS is '0'; it must be a number of at least 1"),
        ("DEEPGRADE_LEASE_SECONDS", "soon", "DEEPGRADE_LEASE_SECONDS is 'soon'; it must be a number of at least 1"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_a_sentence(tmp_path, name, value, sentence):
    with pytest.raises(DeepgradeError, match=re.escape(sentence)):
        Settings.from_environment({"DEEPGRADE_HOME": str(tmp_path), name: value})


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DeepgradeError, match="set DEEPGRADE_HOME"):
        Settings(home=tmp_path / "file" / "home").make_home()


def test_the_session_key_is_made_once_for_its_owner_s_eyes(settings):
    assert keys.session_key(settings) == keys.session_key(settings)
    assert stat.S_IMODE((settings.home / "session.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700


def test_a_session_key_that_others_can_read_is_refused(settings):
    keys.session_key(settings)
    (settings.home / "session.key").chmod(0o644)
    with pytest.raises(DeepgradeError, match="can be read by others"):
        keys.session_key(settings)


def test_sessions_and_hidden_tests_have_different_secrets(settings):
    assert keys.session_key(settings) != keys.course_secret(settings)
