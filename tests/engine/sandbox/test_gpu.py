"""The one GPU of a sandbox: what is mounted, who has it, whose fault a sick one is. Nodes and nvidia-smi are fakes."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from autograder.core.errors import GraderError, SandboxUnavailable
from autograder.course.manifest import Limits
from autograder.sandbox import command, gpu, seccomp
from autograder.sandbox.runtime import runtime


@pytest.fixture
def card(tmp_path, monkeypatch):
    """A /dev with two GPUs, and an nvidia-smi whose answers the test writes."""
    dev = tmp_path / "dev"
    dev.mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "kvm"):
        (dev / name).touch()
    smi = tmp_path / "nvidia-smi"

    def says(script: str) -> None:
        smi.write_text(f"#!/bin/sh\n{script}\n")
        smi.chmod(smi.stat().st_mode | stat.S_IEXEC)

    says('case "$2" in *name*) echo "NVIDIA Stand-in";; *) echo 7;; esac')
    monkeypatch.setenv("DEEPGRADE_GPU", "1")
    monkeypatch.setattr(gpu, "FREE_SECONDS", 0.1)

    class Card:
        tell = staticmethod(says)

        def assigned(self) -> gpu.Gpu:
            found = gpu.assigned(dev=dev, smi=str(smi))
            assert found is not None
            return found

    return Card()


def test_without_a_word_there_is_none(monkeypatch):
    monkeypatch.delenv("DEEPGRADE_GPU", raising=False)
    assert gpu.assigned() is None


@pytest.mark.threat(35)
@pytest.mark.parametrize("text, words", [("first", "must be the number"), ("7", "there is no")])
def test_one_that_is_not_here_is_no_quiet_cpu(card, monkeypatch, text, words):
    monkeypatch.setenv("DEEPGRADE_GPU", text)
    with pytest.raises(SandboxUnavailable, match=words):
        card.assigned()


def test_the_sandbox_gets_the_nodes_of_one_gpu_and_no_other(card):
    found = card.assigned()
    assert (found.number, found.name) == (1, "NVIDIA Stand-in")
    limits = Limits()
    with_one = command.walls(runtime(["numpy"]), limits, found)
    without = command.walls(runtime(["numpy"]), limits)
    places = {with_one[i + 2] for i, word in enumerate(with_one) if word == "--dev-bind"}
    usual = {without[i + 2] for i, word in enumerate(without) if word == "--dev-bind"}
    assert places - usual == {"/dev/nvidia1", "/dev/nvidiactl", "/dev/nvidia-uvm"}
    assert not any("nvidia" in word for word in without)


def test_the_drivers_calls_are_let_through_where_there_is_one(card):
    assert len(seccomp.program(True)) > len(seccomp.program())


def test_a_free_one_is_well(card):
    found = card.assigned()
    found.check()
    found.check_alive()


@pytest.mark.threat(35)
def test_memory_that_somebody_left_is_our_fault(card):
    found = card.assigned()
    card.tell("echo 9000")
    with pytest.raises(GraderError, match="9000 MB of its memory are in use"):
        found.check()
    found.check_alive()


@pytest.mark.threat(35)
@pytest.mark.parametrize("script", ["echo 'no handle: GPU is lost'; exit 15", "echo; exit 0"])
def test_one_that_does_not_answer_is_our_fault(card, script):
    found = card.assigned()
    card.tell(script)
    with pytest.raises(GraderError, match="GPU 1"):
        found.check()


@pytest.mark.threat(35)
def test_without_nvidia_smi_it_is_lost(card, tmp_path):
    found = card.assigned()
    (tmp_path / "nvidia-smi").unlink()
    with pytest.raises(GraderError, match="is lost"):
        found.check_alive()


def test_one_job_has_it_at_a_time(card, tmp_path):
    found = card.assigned()
    order: list[str] = []
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with found.held(tmp_path / "locks"):
            order.append("second")

    with found.held(tmp_path / "locks"):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait()
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert Path(tmp_path / "locks").stat().st_mode & 0o777 == 0o700
    assert os.listdir(tmp_path / "locks") == ["gpu1.lock"]
