"""The commands that keep the database: backup, restore and upgrade. `cli` adds them to the others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from autograder.cli import console
from autograder.core import own_wheels
from autograder.core.errors import DeepgradeError


def backup(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder to create; nobody else should be able to read it.")
    ],
) -> None:
    """Back up the database, the secrets and the files while the service runs."""
    with installed():
        from grader_service.core.settings import Settings
        from grader_service.database import backup as backups
    with console.busy("copying"):
        contents = backups.back_up(Settings.from_environment(), folder.absolute())
    print(f"{folder}: {len(contents.files)} files ({contents.size / 2**20:,.1f} MB), each with its checksum")
    if contents.missing:
        console.warn(
            f"{len(contents.missing)} uploads are missing or damaged in the file store, so the backup does not "
            f"contain them: {', '.join(contents.missing[:3])}"
        )
        raise typer.Exit(1)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder that `deepgrade backup` wrote.")],
    check: Annotated[bool, typer.Option("--check", help="Only verify the checksum of every file.")] = False,
) -> None:
    """Restore a backup into an empty home and database. Stop the service first."""
    with installed():
        from grader_service.core.settings import Settings
        from grader_service.database import backup as backups
    with console.busy("verifying every file"):
        contents = backups.check(folder)
    if not check:
        settings = Settings.from_environment()
        with console.busy("restoring"):
            backups.restore(settings, folder)
    made = f"the backup of {contents.made_at} ({contents.database}, {contents.size / 2**20:,.1f} MB)"
    print(f"{made} is complete" if check else f"{made} was restored to {settings.home}; start `deepgrade serve`")


def upgrade(
    check: Annotated[bool, typer.Option("--check", help="Only rehearse it on a copy; the service may run.")] = False,
) -> None:
    """Bring the database's tables up to this version. Stop the service and its workers first."""
    with installed():
        from grader_service.core.settings import Settings
        from grader_service.database import rehearsal, revisions
        from grader_service.database.session import Database
    settings = Settings.from_environment()
    if check:
        with console.busy("upgrading a copy"):
            rehearsed = rehearsal.rehearse(settings)
        words = "need no upgrade" if rehearsed.before == rehearsed.after else f"can be upgraded to {rehearsed.after}"
        kept = f"all {rehearsed.rows:,} rows are kept, in {rehearsed.seconds:.1f} s (on a copy)"
        print(f"tables {rehearsed.before} {words}: {kept}")
        return
    with contextlib.closing(Database(settings)) as database:
        before = database.revision()
        database.upgrade()
    print(f"tables {before or 'none'} are now {revisions.newest()}")


@contextlib.contextmanager
def installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise DeepgradeError(
            f"the service needs {error.name}, which is not installed; {own_wheels.how_to_install('service')}"
        ) from error
