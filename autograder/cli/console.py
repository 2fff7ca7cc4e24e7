"""The terminal: results on stdout, progress and complaints on stderr, colours only where somebody looks."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
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

from autograder.core import atomic_files
from autograder.core.errors import DeepgradeError

Event = dict[str, Any]
NARROWEST = 8  # characters of a column, before others are made narrower
UNSAFE = ("Cc", "Cf", "Cs")  # Unicode's control, format and surrogate characters


def out() -> Console:
    return Console(highlight=False, soft_wrap=False)


class _Fitted(Table):
    """A table that breaks no word while there is room for it, and a name at its underscores where there is none."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self._fit(options.max_width - 3 * (len(self.columns) - 1) - 2)  # padding, and the spaces at both edges
        yield from super().__rich_console__(console, options)

    def _fit(self, room: int) -> None:
        free = [column for column in self.columns if not column.no_wrap and column.width is None]
        cells = {
            id(column): [cell.plain if isinstance(cell, Text) else str(cell) for cell in (column.header, *column.cells)]
            for column in self.columns
        }
        whole = {
            id(column): max((cell_len(line) for text in cells[id(column)] for line in text.split("\n")), default=0)
            for column in self.columns
        }
        room -= sum(column.width or whole[id(column)] for column in self.columns if column not in free)
        if sum(whole[id(column)] for column in free) <= room:
            return
        width = {
            id(column): max((cell_len(word) for text in cells[id(column)] for word in text.split()), default=0)
            for column in free
        }
        while free and sum(width.values()) > room:
            widest = max(width, key=lambda key: width[key])
            if width[widest] <= NARROWEST:
                break
            width[widest] -= 1
        while sum(width.values()) < room and (short := [key for key in width if width[key] < whole[key]]):
            width[max(short, key=lambda key: whole[key] - width[key])] += 1
        for column in free:
            column.width = width[id(column)]
            column._cells = [_broken(cell, column.width) for cell in column._cells]


def _broken(cell: Any, width: int) -> Any:
    """Words that are too long for the width, broken behind their underscores and the like."""

    def break_word(word: str) -> str:
        lines = [""]
        for piece in re.findall(r"[^_/.,=-]*[_/.,=-]?", word):
            if lines[-1] and cell_len(lines[-1] + piece) > width:
                lines.append("")
            lines[-1] += piece
        return "\n".join(lines)

    text = cell.plain if isinstance(cell, Text) else cell
    if not isinstance(text, str) or all(cell_len(word) <= width for word in text.split()):
        return cell
    broken = re.sub(r"\S+", lambda word: break_word(word[0]) if cell_len(word[0]) > width else word[0], text)
    return Text(broken, style=cell.style) if isinstance(cell, Text) else broken


def table(*columns: str, numbers: tuple[str, ...] = (), title: str | None = None) -> Table:
    """An aligned table; columns named in `numbers` are aligned to the right."""
    rows = _Fitted(
        box=box.SIMPLE_HEAD,
        title=None if title is None else Text(title),
        title_justify="left",
        pad_edge=False,
        header_style="bold",
    )
    for column in columns:
        right = column in numbers
        rows.add_column(column, justify="right" if right else "left", overflow="fold", no_wrap=right)
    return rows


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


def warn(text: str) -> None:
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
            atomic_files.whole(path, data, mode=atomic_files.SECRET if secret else None)
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

        def print_state(state: str, done: int, total: int) -> None:
            nonlocal last
            if state != last:
                print(state, file=sys.stderr, flush=True)
            last = state

        yield print_state
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
