"""The delegated cgroup of a systemd unit is found, in stand-ins for /sys/fs/cgroup and /proc/self/cgroup."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder.sandbox import delegation

UNIT = "system.slice/deepgrade-web.service"


@pytest.fixture
def tree(tmp_path) -> tuple[Path, Path]:
    """A root of cgroups with this process alone in a unit's cgroup, and the file that names it."""
    root, process = tmp_path / "cgroup", tmp_path / "self"
    make(root, "cpu memory pids", "")
    make(root / UNIT, "cpu memory pids", str(os.getpid()))
    process.write_text(f"0::/{UNIT}\n")
    return root, process


def make(folder: Path, controllers: str, pids: str) -> None:
    folder.mkdir(parents=True)
    for name, text in (("controllers", controllers), ("procs", pids), ("subtree_control", "")):
        (folder / f"cgroup.{name}").write_text(text)


def test_the_process_moves_below_and_the_controllers_are_passed_on(tree):
    root, process = tree
    assert delegation.find(root, process) == root / UNIT
    assert (root / UNIT / "service/cgroup.procs").read_text() == str(os.getpid())
    assert (root / UNIT / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_a_second_call_finds_the_same_and_moves_nothing(tree):
    root, process = tree
    make(root / UNIT / "service", "memory pids", str(os.getpid()))
    (root / UNIT / "cgroup.procs").write_text("")
    (root / UNIT / "cgroup.subtree_control").write_text("memory pids")
    process.write_text(f"0::/{UNIT}/service\n")
    assert delegation.find(root, process) == root / UNIT
    assert not (root / UNIT / "service/service").exists()


def test_a_cgroup_with_other_processes_is_left_as_it_is(tree):
    root, process = tree
    (root / UNIT / "cgroup.procs").write_text(f"1\n{os.getpid()}\n")
    assert delegation.find(root, process) is None
    assert not (root / UNIT / "service").exists()


def test_without_both_controllers_there_is_none(tree):
    root, process = tree
    (root / UNIT / "cgroup.controllers").write_text("cpu memory")
    assert delegation.find(root, process) is None
    assert not (root / UNIT / "service").exists()


def test_what_this_user_may_not_write_is_not_delegated(tree, monkeypatch):
    root, process = tree
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "cgroup.subtree_control")
    assert delegation.find(root, process) is None


@pytest.mark.parametrize("text", ["3:memory:/x\n1:name=systemd:/y\n", "", None])
def test_on_version_1_there_is_none(tree, text):
    root, process = tree
    process.unlink() if text is None else process.write_text(text)
    assert delegation.find(root, process) is None


def test_where_version_1_holds_the_controllers_there_is_none(tree):
    root, process = tree
    (root / "cgroup.controllers").unlink()
    assert delegation.find(root, process) is None


def test_on_this_machine_nothing_fails():
    assert delegation.find() is None or delegation.find() == delegation.find()
