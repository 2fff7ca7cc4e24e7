"""What can go wrong, and who caused it.

    DeepgradeError                  one clear sentence: the place, the value, the way out; exit code 2
    ├── BadCourse                   an assignment's folders are wrong (author)
    │   └── BadManifest             assignment.toml is wrong (author)
    ├── UnknownAssignment           no such name in this course (whoever typed it)
    ├── BadData                     a data set's file is not what it should be (operator); in datasets/
    ├── NotFetched                  no mirror gave a data set's file (whoever asked for it); in datasets/
    ├── Refused                     an upload is turned away, nothing unpacked (student)
    └── GraderError                 the grader failed: never a zero, no attempt used, retried
        ├── SandboxUnavailable      a wall cannot be built: no grading (operator); exit code 2
        └── SandboxLost             a sandbox ended before student code ran in it

    StudentGone (BaseException)     the student's process answers no more, so the test is over
    ├── NotImplementedYet           it raised NotImplementedError
    ├── TimedOut                    a byte did not come, or go, in time
    ├── OutOfMemory                 the memory limit was reached
    ├── Died                        the process ended by itself
    └── BrokenProtocol              a reply that is not valid

`StudentGone` is not an `Exception`, so that hypothesis, which repeats a test on every `Exception` to find a smaller
input, cannot repeat a three-second timeout a hundred times.
"""

from __future__ import annotations


class DeepgradeError(Exception):
    """Something the person at the keyboard can act on; its text is the whole message."""


class BadCourse(DeepgradeError):
    """An assignment's folders do not fit together."""


class BadManifest(BadCourse):
    """`assignment.toml` has a value that is not allowed, or lacks one that is required."""


class UnknownAssignment(DeepgradeError):
    """No assignment of that name in this course."""


class Refused(DeepgradeError):
    """An upload that is turned away. Uses no attempt; nothing of it is unpacked."""


class GraderError(DeepgradeError):
    """The grader failed. It never scores, never uses up an attempt, and is retried."""


class SandboxUnavailable(GraderError):
    """A wall of the sandbox cannot be built here, so nothing is graded here."""


class SandboxLost(GraderError):
    """A sandbox ended while no student code ran in it."""


class StudentGone(BaseException):
    """The student's process cannot go on, and so the test is over. `verdict` names why."""

    verdict = "died"


class NotImplementedYet(StudentGone):
    """Of an untouched stub there is nothing to learn by a second example."""

    verdict = "not_implemented"

    def __init__(self, message: str, traceback_text: str = "") -> None:
        super().__init__(message)
        self.traceback_text = traceback_text


class TimedOut(StudentGone):
    verdict = "timed_out"


class OutOfMemory(StudentGone):
    verdict = "out_of_memory"


class Died(StudentGone):
    verdict = "died"


class BrokenProtocol(StudentGone):
    """The bytes that came back are not a reply. Only code that meddles with the pipe gets here."""

    verdict = "died"
