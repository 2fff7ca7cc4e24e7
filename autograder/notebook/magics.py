"""`%check` and `%submit` in IPython."""

from __future__ import annotations

from typing import Any

from autograder.core.errors import DeepgradeError


def register(shell: Any) -> None:
    """Give the shell the magics. Loading the extension twice is harmless."""
    shell.register_magic_function(_check, "line", "check")
    shell.register_magic_function(_submit, "line", "submit")


def _check(line: str) -> Any:
    """Check a function, a problem or a test: `%check log_softmax`. `%check` alone checks all."""
    from autograder.notebook import commands

    return _answer(lambda: commands.check(line.strip().strip("\"'"), "."))


def _submit(line: str) -> Any:
    """Hand in the functions that ran in this notebook, and wait for the report."""
    from autograder.notebook import commands

    return _answer(lambda: commands.submit("."))


def _answer(command: Any) -> Any:
    """Its result. A mistake of the student's is one sentence and not a traceback."""
    try:
        return command()
    except DeepgradeError as error:
        print(f"deepgrade: {error}")
        return None
