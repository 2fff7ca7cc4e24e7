"""The packages of the grading machine for one assignment: `server.json` in a kit, so that `check` can predict failures.

    {"python": "3.11.7", "library": [modules of Python's own], "modules": [modules of the mounted distributions],
     "versions": {"numpy": "2.4.6", ...}}

The machine that makes the kit writes it, and that machine grades. In a course's folder, without the file, the modules
are those that the manifest allows and this machine has, and versions are unknown.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import msgspec

from autograder.core import distributions
from autograder.core.decoding import TypedDecoder
from autograder.core.errors import DeepgradeError
from autograder.course.manifest import Manifest

FILE = "server.json"
ALWAYS = ("msgspec", "numpy")  # the wire protocol needs them


class Server(msgspec.Struct, frozen=True):
    python: str  # "3.11.7"; empty if unknown
    library: list[str]
    modules: list[str]
    versions: dict[str, str]  # of the mounted distributions

    def has(self, module: str) -> bool:
        return module in self.library or module in self.modules


_SERVERS: TypedDecoder[Server] = TypedDecoder(Server)


def this_machine(manifest: Manifest) -> Server:
    """The packages of this machine. Raises PackageNotFoundError if a distribution is missing."""
    names = distributions.closure([*manifest.packages, *ALWAYS])
    return Server(
        platform.python_version(),
        sorted(sys.stdlib_module_names),
        sorted({module for name in names for module in distributions.modules(name)}),
        {name: importlib.metadata.version(name) for name in names},
    )


def to_json(server: Server) -> bytes:
    return msgspec.json.format(msgspec.json.encode(server), indent=1) + b"\n"


def read(folder: Path, manifest: Manifest) -> Server:
    """The server of the kit in that folder; without a kit, the modules that the manifest allows."""
    path = folder / FILE
    try:
        return _SERVERS.json(path.read_bytes())
    except FileNotFoundError:
        return _allowed(manifest)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DeepgradeError(f"{path}: cannot be read ({error}); get the kit of the assignment again") from error


def _allowed(manifest: Manifest) -> Server:
    modules: set[str] = set()
    for name in [*manifest.packages, *ALWAYS]:
        try:
            names = distributions.closure([name])
        except PackageNotFoundError:
            continue
        modules |= {module for distribution in names for module in distributions.modules(distribution)}
    return Server("", sorted(sys.stdlib_module_names), sorted(modules), {})
