"""The course as one zip: the same contents have the same version, other contents another."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from autograder.core.errors import BadCourse
from autograder.course.bundle import Contents, unpack
from autograder.course.course import Course

COURSE = Path(__file__).resolve().parents[2] / "service_course"


@pytest.fixture
def course(tmp_path) -> Path:
    return Path(shutil.copytree(COURSE, tmp_path / "course"))


def version(course: Path, *data: Path) -> str:
    return Contents(Course(course), data).version


def test_what_was_unpacked_has_the_version_that_was_packed(course, tmp_path):
    data = tmp_path / "files"
    (data / "set").mkdir(parents=True)
    (data / "set" / "a.bin").write_bytes(b"\0" * 9)
    contents = Contents(Course(course), [data])
    count = contents.write(tmp_path / "course.zip")
    there = unpack(tmp_path / "course.zip", tmp_path / "bundles")
    assert version(there, there / "data") == contents.version
    assert count == len(list(contents.files()))
    assert unpack(tmp_path / "course.zip", tmp_path / "bundles") == there, "once is enough"
    assert len(list((tmp_path / "bundles").iterdir())) == 1, "no draft stays"


def test_the_same_contents_give_the_same_bytes_for_their_owner_s_eyes(course, tmp_path):
    Contents(Course(course)).write(tmp_path / "one.zip")
    for path in course.rglob("*.py"):
        os.utime(path, (1, 1))
    Contents(Course(course)).write(tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert stat.S_IMODE((tmp_path / "one.zip").stat().st_mode) == 0o600


def change(course: Path) -> None:
    path = next(course.glob("solutions/*/test_hidden.py"))
    path.write_text(path.read_text() + "\n")


def rename(course: Path) -> None:
    path = next(course.glob("assignments/*/test_public.py"))
    path.rename(path.with_name("test_other.py"))


def add(course: Path) -> None:
    (course / "solutions" / "new.txt").touch()


@pytest.mark.parametrize("meddle", [change, rename, add])
def test_other_contents_have_another_version(course, meddle):
    contents = Contents(Course(course))
    before = contents.version
    meddle(course)
    assert contents.version != before
    assert contents.version == version(course), "what it remembers does not mislead it"


def test_data_counts(course, tmp_path):
    before = version(course)
    (tmp_path / "data").mkdir()
    assert version(course, tmp_path / "data") == before, "an empty folder is no data"
    (tmp_path / "data" / "a").touch()
    alone = version(course, tmp_path / "data")
    assert alone != before
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a").write_text("hidden by the other")
    assert version(course, tmp_path / "data", tmp_path / "cache") == alone
    (tmp_path / "cache" / "b").touch()
    assert version(course, tmp_path / "data", tmp_path / "cache") != alone


def test_what_python_and_tools_leave_behind_does_not(course):
    before = version(course)
    for name in ("__pycache__/x.cpython-311.pyc", ".hypothesis/y", ".git/z"):
        path = course / "solutions" / name
        path.parent.mkdir()
        path.touch()
    assert version(course) == before


@pytest.mark.parametrize("name", ["../evil.py", "elsewhere/x.py", "/assignments/x.py"])
def test_a_zip_that_is_no_bundle_is_not_unpacked(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(BadCourse, match="is not a part of a course"):
        unpack(tmp_path / "bad.zip", tmp_path / "bundles")
    assert list(tmp_path.rglob("*.py")) == []


def test_what_is_no_zip_is_told(tmp_path):
    (tmp_path / "bad.zip").write_text("no zip")
    with pytest.raises(BadCourse, match="make bundles with `deepgrade bundle`"):
        unpack(tmp_path / "bad.zip", tmp_path / "bundles")
