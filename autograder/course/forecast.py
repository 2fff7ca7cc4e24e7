"""What the server would make of the files in a folder: what is at hand on a laptop, and will be missing there.

Nothing is run. A finding says what, where and the way out in one sentence; with `fails` the server gives less than
tests at home do, and without it that depends, on a branch or a call that nobody has looked at.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from autograder.core import sources
from autograder.course import servers
from autograder.course.manifest import Manifest
from autograder.course.servers import Server

# What the sandbox has no use for. Pools, queues and locks of `multiprocessing`, threads and temporary files work.
NOT_THERE = {
    "subprocess": "there is no other program to start",
    "socket": "there is no network",
    "urllib": "there is no network",
    "http": "there is no network",
    "ftplib": "there is no network",
    "smtplib": "there is no network",
    "ssl": "there is no network",
    "tkinter": "there is no screen",
    "turtle": "there is no screen",
    "webbrowser": "there is no browser",
    "sqlite3": "files cannot be locked, so a database must be in memory",
    "resource": "what a process has used cannot be asked for",
}
OURS = ("README.md", "assignment.toml", "test_public.py", "experiment.py", servers.FILE)


@dataclass(frozen=True)
class Finding:
    text: str  # one sentence
    fails: bool  # is it certain that the server gives less?


def findings(folder: Path, manifest: Manifest) -> list[Finding]:
    """Of the files that would be handed in from that folder; those that are certain first."""
    server = servers.read(folder, manifest)
    found = [*_of_versions(server)]
    for name in _reached(folder, manifest):
        source = (folder / name).read_text(encoding="utf-8", errors="replace")
        found += _of_file(folder, manifest, server, name, source)
    return sorted(dict.fromkeys(found), key=lambda one: not one.fails)


def _reached(folder: Path, manifest: Manifest) -> list[str]:
    """The module, and what it imports of the other files that are handed in."""
    waiting, reached = [f"{manifest.module}.py"], []
    while waiting:
        name = waiting.pop()
        if name in reached or name not in manifest.files or not (folder / name).is_file():
            continue
        reached.append(name)
        tree = sources.parsed((folder / name).read_text(encoding="utf-8", errors="replace"))
        waiting += [f"{one.module}.py" for one in sources.imports(tree)] if tree else []
    return reached


def _of_file(folder: Path, manifest: Manifest, server: Server, name: str, source: str) -> list[Finding]:
    tree = sources.parsed(source)
    if tree is None:
        return []  # the tests say it
    found = []
    if server.python and (newer := sources.newer(source, _minor(server.python))):
        line, what = newer
        text = f"{name}, line {line}: the server has Python {server.python}, which cannot read this ({what})"
        found.append(Finding(text, fails=True))
    for one in sources.imports(tree):
        found += _of_import(folder, manifest, server, name, one)
    for text, line in sources.texts(tree).items():
        if _is_left_behind(folder, manifest, text):
            said = f"{name}, line {line}: {text} is not handed in; this assignment takes {_listed(manifest.files)}"
            found.append(Finding(said, fails=False))
    return found


def _of_import(folder: Path, manifest: Manifest, server: Server, name: str, one: sources.Import) -> list[Finding]:
    where = f"{name}, line {one.line}"
    file = f"{one.module}.py"
    perhaps = "" if one.always else ", if it comes to that"
    if file in manifest.files:
        return []
    if (folder / file).is_file() or (folder / one.module / "__init__.py").is_file():
        what = file if (folder / file).is_file() else f"{one.module}/"
        text = (
            f"{where}: imports {what}, which is not handed in{perhaps}; this assignment takes {_listed(manifest.files)}"
        )
        return [Finding(text, one.always)]
    if not server.has(one.module):
        has = f"Python's own library and {_listed(manifest.packages)}"
        text = f"{where}: imports {one.module}, which the server does not have{perhaps}; it has {has}"
        return [Finding(text, one.always)]
    if one.module in NOT_THERE:
        return [Finding(f"{where}: imports {one.module}; on the server {NOT_THERE[one.module]}", fails=False)]
    return []


def _of_versions(server: Server) -> list[Finding]:
    found = []
    if server.python and _minor(server.python) != _minor(platform.python_version()):
        text = f"the server has Python {server.python}, and this is {platform.python_version()}"
        found.append(Finding(f"{text}; what came in between is missing on one side", fails=False))
    for name, theirs in server.versions.items():
        try:
            ours = version(name)
        except PackageNotFoundError:
            continue
        if _minor(ours)[0] != _minor(theirs)[0]:
            more = ", where float32 arrays and Python's floats combine in another way" if name == "numpy" else ""
            text = f"the server has {name} {theirs}{more}, and this is {ours}; run: pip install {name}=={theirs}"
            found.append(Finding(text, fails=False))
    return found


def _is_left_behind(folder: Path, manifest: Manifest, text: str) -> bool:
    """Is it the name of a file that lies here and is not handed in?"""
    if not 0 < len(text) < 200 or text in manifest.files or text in OURS or text.endswith(("/", ".")):
        return False
    try:
        return "\0" not in text and (folder / text).is_file() and (folder / text).name not in OURS
    except (OSError, ValueError):
        return False


def _minor(text: str) -> tuple[int, int]:
    first, _, rest = text.partition(".")
    second = rest.partition(".")[0]
    return (int(first) if first.isdecimal() else 0, int(second) if second.isdecimal() else 0)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
