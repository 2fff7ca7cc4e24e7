"""Predicts what the files in a folder need and the server lacks: packages, other files, a newer Python.

The code is parsed and never run. A finding is one sentence: the problem, its place and the way out. With `fails` the
problem is certain; without it the problem depends on a branch or a call that was not analysed.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from autograder.core import sources
from autograder.course import own_tests as own
from autograder.course import servers
from autograder.course.manifest import Manifest
from autograder.course.servers import Server

# Modules that cannot work in the sandbox. Pools, queues and locks of `multiprocessing`, threads and temporary files do.
UNAVAILABLE = {
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
KIT_FILES = (
    "README.md", "assignment.toml", "test_public.py", "experiment.py", servers.FILE, own.FILE, own.SUITE, own.WRONG,
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    text: str  # one sentence
    fails: bool  # is it certain that the code fails on the server?


def findings(folder: Path, manifest: Manifest) -> list[Finding]:
    """The findings for the files that would be handed in from that folder; certain ones first."""
    server = servers.read(folder, manifest)
    collected = [*_version_findings(server)]
    for name in _reachable_files(folder, manifest):
        source = (folder / name).read_text(encoding="utf-8", errors="replace")
        collected += _file_findings(folder, manifest, server, name, source)
    return sorted(dict.fromkeys(collected), key=lambda finding: not finding.fails)


def _reachable_files(folder: Path, manifest: Manifest) -> list[str]:
    """The module, and the other files to hand in that it imports, directly or not."""
    pending, reached = [f"{manifest.module}.py"], []
    while pending:
        name = pending.pop()
        if name in reached or name not in manifest.files or not (folder / name).is_file():
            continue
        reached.append(name)
        tree = sources.parsed((folder / name).read_text(encoding="utf-8", errors="replace"))
        pending += [f"{imported.module}.py" for imported in sources.imports(tree)] if tree else []
    return reached


def _file_findings(folder: Path, manifest: Manifest, server: Server, name: str, source: str) -> list[Finding]:
    tree = sources.parsed(source)
    if tree is None:
        return []  # the tests report the syntax error
    collected = []
    if server.python and (newer := sources.newer(source, _minor_version(server.python))):
        line, feature = newer
        text = f"{name}, line {line}: the server has Python {server.python}, which cannot read this ({feature})"
        collected.append(Finding(text, fails=True))
    for imported in sources.imports(tree):
        collected += _import_findings(folder, manifest, server, name, imported)
    for text, line in sources.texts(tree).items():
        if _is_left_behind(folder, manifest, text):
            message = (
                f"{name}, line {line}: {text} is not handed in; this assignment takes {_join_names(manifest.files)}"
            )
            collected.append(Finding(message, fails=False))
    return collected


def _import_findings(
    folder: Path, manifest: Manifest, server: Server, name: str, imported: sources.Import
) -> list[Finding]:
    location = f"{name}, line {imported.line}"
    file = f"{imported.module}.py"
    condition = "" if imported.always else ", if it comes to that"
    if file in manifest.files:
        return []
    if (folder / file).is_file() or (folder / imported.module / "__init__.py").is_file():
        local_name = file if (folder / file).is_file() else f"{imported.module}/"
        text = f"{location}: imports {local_name}, which is not handed in{condition}"
        return [Finding(f"{text}; this assignment takes {_join_names(manifest.files)}", imported.always)]
    if not server.has(imported.module):
        available = f"Python's own library and {_join_names(manifest.packages)}"
        text = f"{location}: imports {imported.module}, which the server does not have{condition}; it has {available}"
        return [Finding(text, imported.always)]
    if imported.module in UNAVAILABLE:
        return [
            Finding(f"{location}: imports {imported.module}; on the server {UNAVAILABLE[imported.module]}", fails=False)
        ]
    return []


def _version_findings(server: Server) -> list[Finding]:
    collected = []
    if server.python and _minor_version(server.python) != _minor_version(platform.python_version()):
        text = f"the server has Python {server.python}, and this is {platform.python_version()}"
        collected.append(Finding(f"{text}; what came in between is missing on one side", fails=False))
    for name, server_version in server.versions.items():
        try:
            local_version = version(name)
        except PackageNotFoundError:
            continue
        if _minor_version(local_version)[0] != _minor_version(server_version)[0]:
            consequence = ", where float32 arrays and Python's floats combine in another way" if name == "numpy" else ""
            text = f"the server has {name} {server_version}{consequence}, and this is {local_version}"
            collected.append(Finding(f"{text}; run: pip install {name}=={server_version}", fails=False))
    return collected


def _is_left_behind(folder: Path, manifest: Manifest, text: str) -> bool:
    """Is the text the name of a file that exists in the folder and is not handed in?"""
    if not 0 < len(text) < 200 or text in manifest.files or text in KIT_FILES or text.endswith(("/", ".")):
        return False
    try:
        return "\0" not in text and (folder / text).is_file() and (folder / text).name not in KIT_FILES
    except (OSError, ValueError):
        return False


def _minor_version(text: str) -> tuple[int, int]:
    first, _, rest = text.partition(".")
    second = rest.partition(".")[0]
    return (int(first) if first.isdecimal() else 0, int(second) if second.isdecimal() else 0)


def _join_names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
