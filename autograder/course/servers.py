"""What the machine that grades has for one assignment: `server.json` in a kit, so that a laptop can tell beforehand.

    {"python": "3.11.7", "library": [modules of Python's own], "modules": [modules of the mounted distributions],
     "versions": {"numpy": "2.4.6", ...}}

Written where the kit is made, which is where submissions are graded. Without it, in a course's folder, it is what the
manifest allows, as far as that is installed here; then nothing is known of versions.
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
ALWAYS = ("msgspec", "numpy")  # the wire is made of them


class Server(msgspec.Struct, frozen=True):
    python: str  # "3.11.7"; empty where it is not known
    library: list[str]
    modules: list[str]
    versions: dict[str, str]  # of the mounted distributions

    def has(self, module: str) -> bool:
        return module in self.library or module in self.modules


_SERVERS: TypedDecoder[Server] = TypedDecoder(Server)


def this_machine(manifest: Manifest) -> Server:
    """This machine, as one that grades. Raises PackageNotFoundError where a distribution is missing."""
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
    """What the kit in that folder says; without a word there, what the manifest allows."""
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
