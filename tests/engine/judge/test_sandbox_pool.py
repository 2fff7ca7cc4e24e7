"""A sandbox outlives a submission, and nothing of the submission does."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

import msgspec
import pytest

from autograder.course.manifest import Limits, Manifest
from autograder.judge import sandbox_pool
from autograder.judge.sandbox_pool import Loan, SandboxPool
from autograder.sandbox.cgroups import Cgroup
from autograder.student.remote import Remote

SOURCE = b"""
import os, socket, tempfile

def leave():
    with open("/tmp/canary", "w") as file:
        file.write("canary")
    os.environ["CANARY"] = "canary"
    held = bytearray(100 * 2**20)
    held[::4096] = bytes(len(held[::4096]))
    if os.fork() == 0:
        while True:
            pass
    return os.getuid()

def look():
    return os.getuid(), sorted(os.listdir("/tmp")), sorted(os.environ)
"""


@pytest.fixture
def manifest(tiny) -> Manifest:
    return msgspec.structs.replace(tiny.manifest, limits=Limits(memory_mb=300, processes=8))


@pytest.fixture
def pool() -> Iterator[SandboxPool]:
    pool = SandboxPool()
    yield pool
    pool.close()


def wait(pool: SandboxPool) -> None:
    """Until something has happened, and has been attended to."""
    ready, _, _ = select.select(pool.descriptors(), [], [], 60)
    assert ready
    pool.attend(ready)


def lent(pool: SandboxPool, manifest: Manifest) -> Loan:
    """A sandbox; one is started where none is idle."""
    loan = pool.lend(manifest)
    while loan is None:
        wait(pool)
        loan = pool.lend(manifest)
    return loan


def ask(loan: Loan, function: str) -> object:
    with loan.sandbox.worker() as worker:
        return getattr(Remote(worker, {"m.py": SOURCE}, "m", loan.sandbox.limits), function)()


def give_back(pool: SandboxPool, loan: Loan) -> None:
    loan.give_back()
    loan.hand_over()
    wait(pool)


def pid_of(loan: Loan) -> int:
    assert loan.sandbox._process is not None
    return loan.sandbox._process.pid


def cgroup_of(loan: Loan) -> Cgroup:
    if loan.sandbox._cgroup is None:
        pytest.skip("no cgroup can be written here, and such sandboxes are not lent")
    return loan.sandbox._cgroup


def test_the_first_job_starts_one_and_later_ones_are_lent_it(pool, manifest):
    assert pool.lend(manifest) is None
    wait(pool)
    loan = pool.lend(manifest)
    assert loan is not None
    first = pid_of(loan)
    assert ask(loan, "look")
    give_back(pool, loan)
    assert pid_of(lent(pool, manifest)) == first


def test_nothing_of_a_submission_is_there_for_the_next_one(pool, manifest):
    """Its files, its processes, its uids, and what the kernel counts for it."""
    before = lent(pool, manifest)
    seen = ask(before, "look")
    used, folders = ask(before, "leave"), set(cgroup_of(before)._folders.values())
    give_back(pool, before)
    after = lent(pool, manifest)
    assert pid_of(after) == pid_of(before)
    assert not folders & set(cgroup_of(after)._folders.values())
    assert not any(folder.exists() for folder in folders)
    assert (after.sandbox.peak_memory() or 0) < 50 * 2**20
    found = ask(after, "look")
    assert isinstance(found, tuple)
    assert isinstance(seen, tuple)
    assert found[1:] == seen[1:]
    if os.geteuid() == 0:
        assert found[0] not in (used, seen[0])


def test_two_judges_have_two_sandboxes(pool, manifest):
    one, other = lent(pool, manifest), lent(pool, manifest)
    assert pid_of(one) != pid_of(other)


@pytest.mark.parametrize("how", ["the judge says nothing", "the sandbox has ended", "it has served often enough"])
def test_one_that_may_not_be_lent_again_is_closed(pool, manifest, monkeypatch, how):
    if how == "it has served often enough":
        monkeypatch.setattr(sandbox_pool, "GRADINGS", 1)
    loan = lent(pool, manifest)
    first = pid_of(loan)
    if how == "the sandbox has ended":
        os.kill(first, 9)
        select.select([loan.sandbox._pidfd], [], [])
    if how == "the judge says nothing":
        loan.hand_over()
        wait(pool)
    else:
        give_back(pool, loan)
    assert pid_of(lent(pool, manifest)) != first


def test_other_limits_or_packages_have_sandboxes_of_their_own(pool, manifest):
    first = pid_of(lent(pool, manifest))
    other = msgspec.structs.replace(manifest, limits=Limits(memory_mb=200))
    loan = lent(pool, other)
    assert pid_of(loan) != first
    assert loan.sandbox.limits == other.limits


def test_a_manifest_that_changes_takes_no_sandbox_from_a_judge(pool, manifest):
    loan = lent(pool, manifest)
    first = pid_of(loan)
    lent(pool, msgspec.structs.replace(manifest, limits=Limits(memory_mb=200)))
    assert ask(loan, "look")
    assert pid_of(loan) == first


def test_one_that_ends_while_it_is_idle_is_replaced(pool, manifest):
    loan = lent(pool, manifest)
    first = pid_of(loan)
    give_back(pool, loan)
    os.kill(first, 9)
    select.select([loan.sandbox._pidfd], [], [])
    assert pid_of(lent(pool, manifest)) != first


def test_one_that_does_not_start_is_replaced(pool, manifest):
    pool.lend(manifest)
    (entry,) = pool._entries
    assert entry.sandbox._process is not None
    first = entry.sandbox._process.pid
    os.kill(first, 9)
    select.select([entry.sandbox._pidfd], [], [])
    wait(pool)
    assert pid_of(lent(pool, manifest)) != first
