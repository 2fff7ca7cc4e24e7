"""Walls and limits around a student's code.

    Sandbox     one zygote behind bubblewrap, for one submission; workers are forked from it, one for each test
    Worker      one test's process: a data socket, an output pipe, and why it died
    gpu         the one GPU that a sandbox may have (gpu.py)
    make        either that, or, in a container without namespaces and only when asked, a dropped uid (uid_fallback.py)

A limit that cannot be set means no grading: `SandboxUnavailable`, with the way to mend it.
"""

from autograder.sandbox.bubblewrap import Sandbox
from autograder.sandbox.process import Worker
from autograder.sandbox.uid_fallback import make

__all__ = ["Sandbox", "Worker", "make"]
