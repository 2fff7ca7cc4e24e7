"""The terminal: results on stdout, progress and warnings on stderr, colours only on a terminal."""

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
NARROWEST = 8  # characters; a column is not made narrower than this
UNSAFE = ("Cc", "Cf", "Cs")  # Unicode's control, format and surrogate characters


def out() -> Console:
    return Console(highlight=False, soft_wrap=False)


class _Fitted(Table):
    """A table that breaks no word while the terminal is wide enough. Otherwise it breaks names at their underscores."""

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
    """The cell, with words longer than the width broken after underscores and similar characters."""

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
    """Text that is safe on a terminal: escape sequences of students are printed and not executed."""
    return "".join(
        character
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
        else ascii(character)[1:-1]
        for character in text
    )


def number(value: float) -> str:
    """Points without trailing zeros: `2`, `2.5`."""
    return f"{value:g}"


def warn(text: str) -> None:
    """Print one sentence on stderr, with the program's name."""
    print(f"deepgrade: {plain(text)}", file=sys.stderr)


def print_json(data: Any) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False))


def write(path: Path, data: bytes, *, secret: bool = False) -> None:
    """Write a file, whole or not at all. Raises DeepgradeError if it cannot be written.

    secret : readable by its owner only, even if a file of that name was readable by all.
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
    """A progress bar on stderr for a run of tests, removed at its end. Without a terminal it prints nothing.

    The events are the judge's: `collected` has all tests, `started` the running one, `finished` advances the bar.
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
    """A progress bar on stderr, in bytes, for one file after the other. Without a terminal it prints nothing.

    Yields a function of a file's name, the bytes received and its size.
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
    """A progress bar on stderr for work of another machine. Yields a function of its state, work done and total work.

    Without a terminal it prints a line for each new state, for logs.
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
    """A spinner on stderr for work of unknown length. Without a terminal it prints nothing."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(title):
        yield
