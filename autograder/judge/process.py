"""The server of the judges: from a process that has everything imported to a judge for each job.

    caller ── control socket ──> server: `python -m autograder.judge.process FD`: pytest, hypothesis, numpy, no data
                                   │ fork, one for each assignment's tests, reference and secret
                                   └─> prepared.py: has collected the tests
                                         │ fork, one for each job
       job socket, error file            └─> judge: answers a line of JSON for each event: first {"event": "begun",
                                             "pid": ..}; with each "finished" all that is known of the test; last
                                             {"event": "judged", ..} or {"event": "fault", ..}

An order is a JSON object, {"key": .., "packages": [..], "tests": [..]}, with two descriptors: the job socket, from
which the prepared process reads a Job up to the end of what the caller writes, and the file for what the judge prints.

A process for each submission keeps pytest's and hypothesis's global state apart, and lets the caller end it; forking it
saves the imports and the collection. When the caller goes, the server ends, and with it every judge and every sandbox.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys

from autograder.judge import prepared
from autograder.judge.job import ORDERS, SLOW_IMPORTS, Order
from autograder.sandbox.runtime import runtime

MOST_PREPARED = 16  # processes that have collected tests; past it the one that was asked longest ago ends


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a process ended: its last line says that
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's to act on
    server = _Server(control)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 65536, 2)
        if not message:
            return
        server.hand_on(message, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


class _Server:
    """Hands each order to the process that is prepared for it."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._prepared: dict[str, socket.socket] = {}  # by key; the one that was asked last comes last

    def hand_on(self, message: bytes, descriptors: list[int]) -> None:
        order = ORDERS.json(message)
        connection = self._prepared.pop(order.key, None)
        if connection is not None:
            try:
                socket.send_fds(connection, [message], descriptors)
                self._prepared[order.key] = connection
                return
            except OSError:  # it has ended, since its tests are broken, or was killed
                connection.close()
        while len(self._prepared) >= MOST_PREPARED:
            self._prepared.pop(next(iter(self._prepared))).close()
        self._prepared[order.key] = self._start(order, descriptors)

    def _start(self, order: Order, descriptors: list[int]) -> socket.socket:
        """A process for orders like this one, which begins with it."""
        _get_ready(order.packages)
        gc.freeze()  # or every judge's collections would look at all of this, torch included: half a second
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server = os.getpid()
        if os.fork() == 0:
            for connection in (self._control, ours, *self._prepared.values()):
                connection.close()  # or it would not learn that the server has hung up
            prepared.serve(theirs, order, descriptors, server)
        theirs.close()
        return ours


def _get_ready(packages: list[str]) -> None:
    """What the judges of jobs with these packages would each do again; what goes wrong here goes wrong there, too,
    and is said there."""
    for name in SLOW_IMPORTS:
        if name in packages:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    with contextlib.suppress(Exception):
        runtime(packages)  # which files of theirs are mounted: a quarter of a second for torch


if __name__ == "__main__":
    main()
