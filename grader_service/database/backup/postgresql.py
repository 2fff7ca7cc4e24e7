"""PostgreSQL's own programs `pg_dump` and `pg_restore`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import sqlalchemy as sa

from autograder.core.errors import DeepgradeError


def run(program: str, url: sa.URL, *arguments: str) -> None:
    """One of PostgreSQL's own programs, which is told the password by its environment: others can read arguments."""
    without = sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    address = without.render_as_string()
    environment = {**os.environ, "PGPASSWORD": str(url.password or os.environ.get("PGPASSWORD", ""))}
    try:
        done = subprocess.run(
            [_program(program), "--no-password", f"--dbname={address}", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise DeepgradeError(
            f"{program} cannot be run ({error.strerror}); install PostgreSQL's client programs of the "
            "server's version or newer"
        ) from error
    if done.returncode:
        raise DeepgradeError(f"{program} failed: {' '.join(done.stderr.split())[:500]}")


def _program(name: str) -> str:
    """The one in PATH, else the newest that Debian has put aside: an older one refuses a newer server."""
    put_aside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(put_aside[-1]) if put_aside else name
