"""The terminal: results on stdout, progress and complaints on stderr, colours only where somebody looks."""

from __future__ import annotations

import contextlib
import json
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from autograder import written
from autograder.errors import DeepgradeError

Event = dict[str, Any]
UNSAFE = ("Cc", "Cf", "Cs")  # Unicode's control, format and surrogate characters


def out() -> Console:
    return Console(highlight=False, soft_wrap=False)


def table(*columns: str, numbers: tuple[str, ...] = (), title: str | None = None) -> Table:
    """An aligned table; columns named in `numbers` are aligned to the right."""
    made = Table(
        box=box.SIMPLE_HEAD,
        title=None if title is None else Text(title),
        title_justify="left",
        pad_edge=False,
        header_style="bold",
    )
    for column in columns:
        right = column in numbers
        made.add_column(column, justify="right" if right else "left", overflow="fold", no_wrap=right)
    return made


def plain(text: str) -> str:
    """Text as it is safe on a terminal: a student's escape sequences are shown, not obeyed."""
    return "".join(
        character
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
        else ascii(character)[1:-1]
        for character in text
    )


def number(value: float) -> str:
    """`2`, `2.5`: points without a tail of zeros."""
    return f"{value:g}"


def complain(text: str) -> None:
    """One sentence on stderr, as every complaint of ours begins."""
    print(f"deepgrade: {plain(text)}", file=sys.stderr)


def print_json(data: Any) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False))


def write(path: Path, data: bytes, *, secret: bool = False) -> None:
    """A file, whole or not at all. Raises DeepgradeError where it cannot be written.

    secret : for its owner's eyes alone, also where a file of that name was there for all to read.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe, say, or /dev/stdout
            path.write_bytes(data)
        else:
            written.whole(path, data, mode=written.SECRET if secret else None)
    except OSError as error:
        raise DeepgradeError(f"{path}: cannot be written ({error.strerror}); name another file with -o") from error


@contextlib.contextmanager
def progress(title: str) -> Iterator[Callable[[Event], None]]:
    """A bar on stderr that follows the events of a run of tests, and is gone when it ends. Silent off a terminal.

    The events are the judge's: `collected` says how many tests there are, `started` which one runs, `finished` counts.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda event: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)

        def follow(event: Event) -> None:
            match event:
                case {"event": "collected", "tests": tests}:
                    bar.update(task, total=len(tests), completed=0)
                case {"event": "started", "test": test}:
                    bar.update(task, description=f"{title}  {test.rpartition('::')[2]}")
                case {"event": "finished"}:
                    bar.advance(task)

        yield follow


@contextlib.contextmanager
def downloads(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr, in bytes, for one file after the other; gone when they are here. Silent off a terminal.

    What it yields takes a file's name, how many of its bytes came, and how many it has.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda name, done, size: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def follow(name: str, done: int, size: int) -> None:
            if name not in tasks:
                for earlier in tasks.values():
                    bar.update(earlier, visible=False)
                tasks[name] = bar.add_task(f"{title}  {name.rpartition('/')[2]}", total=size)
            bar.update(tasks[name], completed=done)

        yield follow


@contextlib.contextmanager
def waiting() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr for what somebody else works on: its state in words, how much is done, of how much.

    Off a terminal each new state is a line, so that a log tells what was waited for.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        last = ""

        def tell(state: str, done: int, total: int) -> None:
            nonlocal last
            if state != last:
                print(state, file=sys.stderr, flush=True)
            last = state

        yield tell
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("waiting", total=None)
        yield lambda state, done, total: bar.update(task, description=state, completed=done, total=total or None)


@contextlib.contextmanager
def busy(title: str) -> Iterator[None]:
    """A sign of life on stderr for work whose length nobody knows. Silent off a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(title):
        yield
