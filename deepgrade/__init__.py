"""What a student imports in a notebook, or in plain Python: checks of the assignment in the current folder.

    %load_ext deepgrade          then %check, %check log_softmax, %submit
    import deepgrade             then deepgrade.check("log_softmax"), deepgrade.submit()
    from deepgrade import grader then grader.check("q1"), as in otter-grader

The import is light: the tests run in another process, and nothing is imported here before something is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.notebook.results import Checked, Submitted

__all__ = ["check", "grader", "load_ipython_extension", "submit"]


def check(name: str = "", folder: str = ".") -> Checked:
    """Run the public tests on what this notebook has run, or else on the files in the folder.

    name : a problem, a function or a test; a part of its name is enough. Empty: all tests.
    folder : the assignment's folder, with assignment.toml.
    Returns a result that a notebook shows as a table, and that prints the words of `deepgrade check` elsewhere.
    """
    from autograder.notebook import commands

    return commands.check(name, folder)


def submit(folder: str = ".") -> Submitted:
    """Hand in what this notebook has run, or else the files in the folder, and wait for the report."""
    from autograder.notebook import commands

    return commands.submit(folder)


class _Grader:
    """otter-grader's habit: `grader.check("q1")` checks the first problem."""

    def check(self, question: str, folder: str = ".") -> Checked:
        """The tests of a problem. "q2" is the second problem of the assignment; names work too."""
        from autograder.notebook import commands

        return commands.check(commands.problem_of_question(question, folder), folder)

    def check_all(self, folder: str = ".") -> Checked:
        """All public tests."""
        return check("", folder)


grader = _Grader()


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext deepgrade` registers `%check` and `%submit`."""
    from autograder.notebook import magics

    magics.register(shell)
