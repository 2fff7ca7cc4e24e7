"""assignment.toml and the folders around it: what is wrong is named in one sentence, with file and value."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.core.errors import BadCourse, BadManifest, UnknownAssignment
from autograder.course import manifest as manifests
from autograder.course.course import Course, find_course
from autograder.course.manifest import Manifest

GOOD = """\
title = "Softmax"
order = 1
module = "softmax"
files = ["softmax.py", "weights.npz"]
packages = ["numpy"]

[[problems]]
name = "softmax"
title = "A softmax"
points = 2.5

[[problems]]
name = "loss"
title = "A loss"
points = 1

[limits]
seconds = 2.0
"""


def load(tmp_path, text: str | bytes) -> Manifest:
    path = tmp_path / "assignment.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return manifests.load(path)


def test_a_good_manifest_is_read_with_defaults(tmp_path):
    manifest = load(tmp_path, GOOD)
    assert (manifest.points, manifest.device, manifest.limits.seconds, manifest.limits.memory_mb) == (
        3.5,
        "cpu",
        2,
        1024,
    )


BROKEN = {
    "no-toml": ("title =", "", "not valid TOML"),
    "twice": ("order = 1", "order = 1\norder = 2", "not valid TOML"),
    "digits": ("order = 1", "order = " + "9" * 5000, "not valid TOML"),
    "deep": ("order = 1", "order = " + "[" * 5000, "not valid TOML"),
    "missing": ('title = "Softmax"\n', "", "`title`"),
    "unknown": ("order = 1", "order = 1\ncolour = 3", "colour"),
    "unknown-limit": ("seconds = 2.0", "secondz = 2.0", "secondz"),
    "unknown-problem-field": ("points = 1\n", "points = 1\nweight = 2\n", "weight"),
    "type": ("order = 1", 'order = "first"', "order"),
    "no-files": ('files = ["softmax.py", "weights.npz"]', "files = []", "files"),
    "path": ("weights.npz", "../weights.npz", "'../weights.npz'"),
    "absolute": ("weights.npz", "/etc/passwd.txt", "'/etc/passwd.txt'"),
    "pickle": ("weights.npz", "weights.pkl", "'weights.pkl'"),
    "newline": ("weights.npz", "weights.npz\\n", "is not a plain file name"),
    "hidden": ("weights.npz", ".npz", "'.npz'"),
    "same-file": ("weights.npz", "Softmax.py", "occurs twice"),
    "module": ('module = "softmax"', 'module = "sofmax"', "'sofmax'"),
    "problem-name": ('name = "loss"', 'name = "The loss"', "'The loss'"),
    "same-problem": ('name = "loss"', 'name = "softmax"', "'softmax' occurs twice"),
    "negative-points": ("points = 1\n", "points = -1\n", "points"),
    "nan-points": ("points = 1\n", "points = nan\n", "points"),
    "endless-points": ("points = 1\n", "points = inf\n", "points"),
    "device": ("order = 1", 'order = 1\ndevice = "tpu"', "tpu"),
    "zero-limit": ("seconds = 2.0", "seconds = 0", "seconds"),
    "nan-limit": ("seconds = 2.0", "seconds = nan", "seconds"),
    "endless-limit": ("seconds = 2.0", "seconds = inf", "seconds"),
    "huge-limit": ("seconds = 2.0", "memory_mb = 1000000000000000000000000000000", "memory_mb"),
    "package": ('"numpy"', '"../numpy"', "'../numpy'"),
    "empty-package": ('"numpy"', '""', "packages: ''"),
    "preload": ("order = 1", 'order = 1\npreload = ["numpy; import os"]', "'numpy; import os'"),
    "preload-relative": ("order = 1", 'order = 1\npreload = [".numpy"]', "'.numpy'"),
    "requirement": ('"numpy"', '"numpy>=2"', "'numpy>=2'"),
}


@pytest.mark.parametrize("old, new, named", BROKEN.values(), ids=BROKEN)
def test_a_broken_manifest_is_named_with_file_and_value(tmp_path, old, new, named):
    assert old in GOOD
    with pytest.raises(BadManifest) as found:
        load(tmp_path, GOOD.replace(old, new))
    text = str(found.value)
    assert text.startswith(f"{tmp_path / 'assignment.toml'}: ")
    assert named in text
    assert "\n" not in text


def test_a_manifest_that_is_not_there_or_no_text_is_named(tmp_path):
    with pytest.raises(BadManifest, match="cannot be read"):
        manifests.load(tmp_path / "assignment.toml")
    with pytest.raises(BadManifest, match="not UTF-8 text"):
        load(tmp_path, b"title = '\xff'")


a_folder_is_shared = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@a_folder_is_shared
@given(data=st.binary(max_size=60))
def test_any_bytes_give_a_manifest_or_a_bad_manifest(tmp_path, data):
    with pytest.raises(BadManifest):
        load(tmp_path, data)


ODD = ["inf", "nan", "-0.0", "true", "1979-05-27", "07:32:00", '""', '"softmax"', '"softmax.py"', "[]", "{}"]
words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=6)
toml = st.recursive(
    st.integers(-(10**30), 10**30).map(str) | st.sampled_from(ODD) | words.map(json.dumps),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=4,
)
fields = st.sampled_from([line for line in GOOD.splitlines() if " = " in line])


@a_folder_is_shared
@given(line=fields, value=toml)
def test_any_value_in_any_place_gives_a_manifest_or_a_bad_manifest(tmp_path, line, value):
    try:
        manifest = load(tmp_path, GOOD.replace(line, f"{line.split(' = ')[0]} = {value}"))
    except BadManifest:
        return
    assert f"{manifest.module}.py" in manifest.files
    assert 0 <= manifest.points < float("inf")


def test_a_course_lists_its_assignments_by_order(course_folder):
    from autograder.course import scaffold

    scaffold.create(Course(course_folder), "another")
    path = course_folder / "assignments" / "another" / "assignment.toml"
    path.write_text(path.read_text().replace("order = 100", "order = 1"))
    assert [assignment.name for assignment in Course(course_folder)] == ["another", "tiny"]


def test_an_assignment_of_another_name_is_told_with_those_there_are(course_folder):
    for name in ("tini", "../tiny", "", "Tiny"):
        with pytest.raises(UnknownAssignment, match=r"choose one of: tiny"):
            Course(course_folder)[name]


def test_a_folder_without_assignments_is_no_course(tmp_path):
    with pytest.raises(BadCourse, match="--course DIR"):
        Course(tmp_path)


def test_a_course_is_found_where_it_is_named(course_folder, monkeypatch):
    monkeypatch.setenv("DEEPGRADE_COURSE", str(course_folder))
    assert find_course().root == course_folder
    monkeypatch.delenv("DEEPGRADE_COURSE")
    assert find_course(course_folder).root == course_folder


def test_a_kit_has_no_solution_and_says_so(tiny, course_folder):
    import shutil

    shutil.rmtree(course_folder / "solutions")
    kit = Course(course_folder)["tiny"]
    assert kit.hidden_tests is None
    assert kit.test_files == [kit.public_tests]
    with pytest.raises(BadCourse, match="no reference here"):
        kit.reference()


def test_a_file_that_the_manifest_names_must_be_there(tiny):
    (tiny.solution / "tiny.py").unlink()
    with pytest.raises(BadCourse, match=r"tiny\.py: cannot be read"):
        tiny.reference()


def test_the_hash_of_the_tests_changes_with_each_of_their_files(tiny):
    found = {tiny.tests_sha256()}
    for path in (tiny.public_tests, tiny.hidden_tests, tiny.folder / "assignment.toml"):
        path.write_text(path.read_text() + "\n# changed\n")
        found.add(tiny.tests_sha256())
    assert len(found) == 4
