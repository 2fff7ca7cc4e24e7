"""Commands that other packages add to the command line: entry points of the group `deepgrade.commands`.

The engine imports no package that depends on it. Such a package names one of its modules in its metadata:

    [project.entry-points."deepgrade.commands"]
    service = "grader_service.cli"

The module is imported at each start of the command line, so its commands import their own modules when they run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from autograder.batch.import_results import Import, Score

GROUP = "deepgrade.commands"


class Extension(Protocol):
    """The interface of such a module."""

    PANEL: str  # the heading above its commands in `deepgrade --help`
    COMMANDS: Sequence[Callable[..., None]]

    def read_settings(self) -> None:
        """Called before every command, including the engine's."""

    def findings(self, course: Path | None) -> list[tuple[str, bool, str]]:
        """For `deepgrade doctor`: a name, whether the check passed, and the details."""

    def import_scores(self, name: str, scores: list[Score], request: Import, *, json: bool) -> None:
        """For `deepgrade import-results --into`: show or apply the changes in a course's grade book."""


@cache
def installed() -> tuple[Extension, ...]:
    points = sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name)
    return tuple(point.load() for point in points)
