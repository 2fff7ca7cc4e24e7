"""What can be set is documented one by one, and may stand in a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autograder.core.errors import DeepgradeError
from grader_service.core import environment, settings_page, variables
from grader_service.core.settings import Settings

# Between our own processes; nobody sets them.
INTERNAL = {"DEEPGRADE_CANARY", "DEEPGRADE_DOCTOR"}


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def read(path: Path, **given: str) -> dict[str, str]:
    given["DEEPGRADE_SETTINGS"] = str(path)
    environment.read_file(given)
    return given


def test_the_page_is_of_today_s_variables(repository):
    page = (repository / "docs/settings.md").read_text(encoding="utf-8")
    assert page == settings_page.page(), "run `make settings`"


def test_every_variable_that_the_code_names_is_documented(repository):
    named = set()
    for folder in ("autograder", "grader_service"):
        for path in (repository / folder).rglob("*.py"):
            named |= set(re.findall(r"\bDEEPGRADE_[A-Z_]+[A-Z]\b", path.read_text(encoding="utf-8")))
    assert named - INTERNAL == set(variables.VARIABLES)


def test_every_setting_travels_by_a_documented_variable(settings):
    assert set(settings.to_environment()) <= set(variables.VARIABLES)


def test_a_file_says_what_the_environment_does_not(tmp_path):
    path = write(tmp_path / "deepgrade.toml", 'home = "/srv/x"\nhttps = true\nworkers = 4\nlease_seconds = 7.5\n')
    found = Settings.from_environment(read(path, DEEPGRADE_WORKERS="3"))
    assert (str(found.home), found.https, found.workers, found.lease_seconds) == ("/srv/x", True, 3, 7.5)


@pytest.mark.parametrize(
    "text, mode, sentence",
    [
        ("wokers = 4", 0o600, "'wokers' is not a setting"),
        ("Workers = 4", 0o600, "'Workers' is not a setting"),
        ('settings = "x"', 0o600, "'settings' is not a setting"),
        ("workers = [4]", 0o600, "workers must be text, a number, true or false"),
        ("workers =", 0o600, "is not a valid TOML file"),
        ('secret = "0123456789abcdef"', 0o640, r"other users can read it \(mode 640\); run `chmod 600"),
    ],
)
def test_a_file_that_cannot_be_is_refused_with_a_sentence(tmp_path, text, mode, sentence):
    with pytest.raises(DeepgradeError, match=sentence):
        read(write(tmp_path / "deepgrade.toml", text, mode))


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DeepgradeError, match="DEEPGRADE_SETTINGS must name a TOML file"):
        read(tmp_path / "none.toml")


def test_every_command_reads_the_file(deepgrade, tmp_path):
    path = write(tmp_path / "deepgrade.toml", "workers = 0")
    found = deepgrade("queue", DEEPGRADE_SETTINGS=str(path))
    assert found.returncode == 2
    assert found.stderr == "deepgrade: DEEPGRADE_WORKERS is '0'; it must be a number of at least 1\n"
