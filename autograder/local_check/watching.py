"""`check --watch`: runs again whenever a file in the folder was saved, until Ctrl-C.

A process that has imported numpy, pytest and the tests' vocabulary waits for the next save, so the tests start at once.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from autograder.local_check import supervised

TICK = 0.1  # seconds between two looks at the files
SETTLED = 0.05  # seconds that a file must be unchanged: an editor may write it in pieces
SUFFIXES = (".py", ".ipynb", ".toml")
CLEAR = "\033[2J\033[3J\033[H"


def run(arguments: Sequence[str], folder: Path) -> int:
    """Run `deepgrade ARGUMENTS` without `--watch` again and again. Returns the exit status after Ctrl-C."""
    arguments = [argument for argument in arguments if argument != "--watch"]
    seen: dict[str, tuple[int, int]] = {}
    while True:
        with tempfile.TemporaryDirectory(prefix="deepgrade-", ignore_cleanup_errors=True) as name:
            journal = supervised.Journal(Path(name))
            prepared = supervised.prepare(arguments, journal)
            try:
                if not _wait_for_change(folder, seen):
                    return supervised.INTERRUPTED
                seen = times(folder)
                if sys.stdout.isatty():
                    print(CLEAR, end="", flush=True)
                if (status := supervised.follow(arguments, journal, prepared)) == supervised.INTERRUPTED:
                    return status
                print(f"watching {folder}: save a file to check again; press Ctrl-C to stop", flush=True)
            finally:
                prepared.kill()
                prepared.wait()


def times(folder: Path) -> dict[str, tuple[int, int]]:
    """The time of the last change and the size of each file that matters."""
    found = {}
    for path in folder.iterdir():
        if path.suffix in SUFFIXES:
            try:
                status = path.stat()
            except OSError:  # an editor replaces it
                continue
            found[path.name] = (status.st_mtime_ns, status.st_size)
    return found


def _wait_for_change(folder: Path, seen: dict[str, tuple[int, int]]) -> bool:
    """Wait until a file has changed and is whole. False after Ctrl-C."""
    try:
        while (now := times(folder)) == seen or not now:
            time.sleep(TICK)
        while True:
            time.sleep(SETTLED)
            if (later := times(folder)) == now:
                return True
            now = later
    except KeyboardInterrupt:
        return False
