"""Files are whole or not at all, and what holds the secret or hidden tests is for its owner's eyes alone."""

from __future__ import annotations

import os
import stat

import pytest

from autograder.core import atomic_files
from autograder.course import bundle
from autograder.course.course import Course
from autograder.course.submission import zipped


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_secret_is_so_even_where_all_could_read_it_before(tmp_path):
    path = tmp_path / "autograder.zip"
    path.write_bytes(b"old")
    path.chmod(0o644)
    atomic_files.whole(path, b"new", mode=atomic_files.SECRET)
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)


def test_what_is_not_keeps_the_permissions_that_it_had(tmp_path):
    path = tmp_path / "kit.zip"
    os.umask(0o027)
    atomic_files.whole(path, b"one")
    assert mode(path) == 0o640
    path.chmod(0o664)
    atomic_files.whole(path, b"two")
    assert (path.read_bytes(), mode(path)) == (b"two", 0o664)


def test_a_file_that_could_not_be_finished_leaves_what_was_there(tmp_path):
    path = tmp_path / "course.zip"
    path.write_bytes(b"old")

    def write_half() -> None:
        with atomic_files.draft(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["course.zip"]


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    atomic_files.whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_bundle_is_its_owners_alone_and_whole(course_folder, tmp_path, monkeypatch):
    target = tmp_path / "course.zip"
    target.write_bytes(b"old")
    target.chmod(0o644)
    contents = bundle.Contents(Course(course_folder))

    def stop(name: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contents.write(target, on_file=stop)
    assert target.read_bytes() == b"old"
    contents.write(target)
    assert mode(target) == 0o600


def test_a_report_for_staff_and_those_of_a_batch_are_their_owners_alone(deepgrade, tiny, tmp_path):
    """They hold what hidden tests asked."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "ada.zip").write_bytes(zipped(tiny.stub()))
    old = tmp_path / "report.json"
    old.touch(0o644)
    assert deepgrade("grade", "tiny", inbox / "ada.zip", "--json", old).returncode == 0
    assert mode(old) == 0o600
    for _ in range(2):
        assert deepgrade("batch", "tiny", inbox, "-o", tmp_path / "out", "--regrade").returncode == 0
    for folder in ("reports", "before"):
        assert mode(tmp_path / "out" / folder) == 0o700
    reports = list((tmp_path / "out" / "reports").glob("*.json"))
    assert reports
    assert {mode(path) for path in reports} == {0o600}


@pytest.mark.parametrize("command", [("otter", "tiny"), ("bundle",)])
def test_what_holds_the_hidden_tests_is_written_for_its_owner_alone(command, deepgrade, tmp_path):
    if command[0] == "otter":
        pytest.importorskip("otter")
    path = tmp_path / "made.zip"
    path.touch(0o644)
    done = deepgrade(*command, "-o", path)
    assert done.returncode == 0, done.stderr
    assert path.stat().st_size > 1000
    assert mode(path) == 0o600
