"""Sandboxes that outlive a submission: a prepared process starts them, and lends them to its judges.

    starting ── says that it is ready ──> idle ── lent to a judge ──> lent ── the judge gives it back ──> idle
                                                                       └── the judge ends without a word ──> closed

Starting a sandbox takes as long as importing its packages: a quarter of a second for numpy, seconds for torch. Its
zygote never sees a student's file, and each test has a fresh worker. Each submission has a fresh cgroup and fresh uids
(`Sandbox.renew`). A sandbox in which a worker has died, or was too slow, is not given back, nor is one after GRADINGS.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from autograder.core.errors import GraderError
from autograder.course.manifest import Manifest
from autograder.sandbox import Sandbox

GRADINGS = 50  # of one sandbox
MOST = max(2, os.cpu_count() or 1)  # sandboxes of one pool

USABLE = b"1"  # what a judge writes when it gives a sandbox back


@dataclass
class Loan:
    """A judge's end of a lent sandbox."""

    sandbox: Sandbox
    _writable: int

    def give_back(self) -> None:
        """Nothing has died in it, and no worker is left."""
        if self.sandbox.settle():
            os.write(self._writable, USABLE)

    def hand_over(self) -> None:
        """In the process that forks the judge: from here on only the judge can give it back."""
        os.close(self._writable)


@dataclass
class _Entry:
    """One sandbox of the pool."""

    sandbox: Sandbox
    manifest: Manifest
    gradings: int = 0
    is_ready: bool = False
    lent: int | None = None  # a descriptor, at whose end the judge has ended


class SandboxPool:
    """The sandboxes of one assignment, for submissions that its manifest lets into such a sandbox."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    def __bool__(self) -> bool:
        return bool(self._entries)

    def lend(self, manifest: Manifest) -> Loan | None:
        """A sandbox that is ready, renewed. None where there is none: one is started for later jobs, and this judge
        starts its own."""
        for entry in [entry for entry in self._entries if entry.is_ready and entry.lent is None]:
            if entry.manifest != manifest:  # the author has changed it
                self._drop(entry)
                continue
            try:
                entry.sandbox.renew()
            except GraderError:
                self._drop(entry)
                continue
            readable, writable = os.pipe()
            entry.lent, entry.gradings = readable, entry.gradings + 1
            return Loan(entry.sandbox, writable)
        self._start(manifest)
        return None

    def descriptors(self) -> list[int]:
        """Something can be read from one of them when `attend` has something to do."""
        starting = [entry.sandbox.control.fileno() for entry in self._entries if not entry.is_ready]
        return starting + [entry.lent for entry in self._entries if entry.lent is not None]

    def attend(self, ready: list[int]) -> None:
        """To sandboxes that have started, and to those that judges have given back."""
        for entry in list(self._entries):
            if entry.lent is not None and entry.lent in ready:
                usable = os.read(entry.lent, 1) == USABLE
                os.close(entry.lent)
                entry.lent = None
                if not usable or entry.gradings >= GRADINGS:
                    self._drop(entry)
            elif not entry.is_ready and entry.sandbox.control.fileno() in ready:
                try:
                    entry.sandbox.wait_until_ready()
                    entry.is_ready = True
                except GraderError:  # a judge that starts one of its own says why
                    self._drop(entry)

    def close(self, *, lent: bool = True) -> None:
        """All of them, or (not lent) those that no judge has."""
        for entry in [entry for entry in self._entries if lent or entry.lent is None]:
            if entry.lent is not None:
                os.close(entry.lent)
            self._drop(entry)

    def _start(self, manifest: Manifest) -> None:
        if len(self._entries) >= MOST:
            return
        try:
            sandbox = Sandbox(manifest.packages, manifest.limits, manifest.preload)
        except GraderError:
            return
        if not sandbox.can_be_lent:
            sandbox.close()
            return
        self._entries.append(_Entry(sandbox, manifest))

    def _drop(self, entry: _Entry) -> None:
        self._entries.remove(entry)
        entry.sandbox.close()
