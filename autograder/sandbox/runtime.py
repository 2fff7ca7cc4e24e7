"""What is mounted, read-only: the interpreter, its C libraries, the allowed distributions, and the worker.

    /runtime        the interpreter and its standard library, without site-packages
    /site           the manifest's distributions and what they need
    /engine         autograder/__init__.py, autograder/wire/ and autograder/student_process/: the untrusted end
    /lib* /usr/lib* shared libraries of this machine; no programs, no shell

`import torch` in a numpy assignment fails because torch is not there, not because somebody forbids it.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from autograder.core import distributions
from autograder.core.errors import SandboxUnavailable

PACKAGE = Path(__file__).resolve().parent.parent
ENGINE_FILES = (
    "__init__.py",
    "student_process/__init__.py",
    "student_process/responder.py",
    "student_process/restrictions.py",
    "student_process/serve.py",
    "student_process/substitutes.py",
    "student_process/tensors.py",
    "student_process/zygote.py",
    "wire/__init__.py",
    "wire/bounds.py",
    "wire/decoder.py",
    "wire/encoder.py",
    "wire/frames.py",
    "wire/leaves.py",
)
# What a suite of a student's own tests has besides: the words that tests are written in, and what runs it. No test, no
# answer and nothing of the judge's is among it.
VOCABULARY_FILES = (
    "arguments.py",
    "own_tests/__init__.py",
    "own_tests/suite.py",
    "testing/__init__.py",
    "testing/answers.py",
    "testing/comparable.py",
    "testing/compare.py",
    "testing/drawing.py",
    "testing/gradients.py",
    "testing/marks.py",
    "testing/mismatch.py",
    "testing/observation.py",
    "testing/strategies.py",
    "testing/torch.py",
)
# What torch reads to choose its kernels; without them it complains in every worker. Copies, without the lines that
# change with what the machine has to do.
PROCESSOR = ("/proc/cpuinfo", "/sys/devices/system/cpu/possible", "/sys/devices/system/cpu/present")
CHANGING = "cpu MHz"
WORKER_NEEDS = ("msgspec", "numpy")  # of the wire itself


@dataclass(frozen=True)
class Runtime:
    """Pairs (path here, path in the sandbox), and names."""

    mounts: list[tuple[Path, str]]
    links: list[tuple[str, str]]  # (target, link)
    hidden: list[str]  # folders inside mounts to be covered with emptiness
    imports: list[str]  # modules for the zygote to import once
    texts: dict[str, str] = field(default_factory=dict)  # path in the sandbox -> what is written there
    versions: dict[str, str] = field(default_factory=dict)
    preload: list[str] = field(default_factory=list)  # more modules, with all that they load when first asked for it
    engine: tuple[str, ...] = ENGINE_FILES  # of our own package


def runtime(packages: list[str], preload: Sequence[str] = (), *, vocabulary: bool = False) -> Runtime:
    """The runtime with these distributions, and modules of theirs that are to be imported before any test.

    vocabulary : with the words that tests are written in, for a suite of a student's own.
    Raises SandboxUnavailable for a distribution that is not installed here.
    """
    found = replace(_runtime(tuple(packages)), preload=list(preload))
    if not vocabulary:
        return found
    words = [(PACKAGE / name, f"/engine/autograder/{name}") for name in VOCABULARY_FILES]
    return replace(found, mounts=[*found.mounts, *words], engine=(*ENGINE_FILES, *VOCABULARY_FILES))


@cache
def _runtime(packages: tuple[str, ...]) -> Runtime:
    mounts, links, hidden = _interpreter()
    libraries, library_links = _shared_libraries()
    mounts += libraries
    links += library_links
    for name in ENGINE_FILES:
        mounts.append((PACKAGE / name, f"/engine/autograder/{name}"))
    names = closure([*packages, *WORKER_NEEDS])
    for name in names:
        mounts += _files_of(name)
    texts = {path: _steady(path) for path in PROCESSOR if "torch" in names and Path(path).is_file()}
    imports = [module for name in packages for module in _modules(name)]
    versions = {name: importlib.metadata.version(name) for name in packages}
    return Runtime(mounts, links, hidden, imports, texts, versions)


def _steady(path: str) -> str:
    lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(CHANGING))


def closure(packages: list[str]) -> list[str]:
    """The distributions and all that they require here. Raises SandboxUnavailable for one that is not here."""
    for name in packages:
        name = distributions.normal(name)
        try:
            distributions.distribution(name)
        except PackageNotFoundError:
            raise SandboxUnavailable(
                f"the assignment allows {name}, which is not installed here; run: pip install {name}"
            ) from None
    return distributions.closure(packages)


def _files_of(name: str) -> list[tuple[Path, str]]:
    found = distributions.distribution(name)
    pairs = [(Path(str(found.locate_file(top))), f"/site/{top}") for top in distributions.top_level(name)]
    return [(path.resolve(), place) for path, place in pairs if path.exists()]


def _modules(name: str) -> list[str]:
    """Importable names of a distribution: folders with an `__init__.py`, and single files."""
    found = []
    for path, place in _files_of(name):
        top = place.removeprefix("/site/")
        if path.is_dir() and (path / "__init__.py").is_file() and top.isidentifier():
            found.append(top)
        elif path.suffix == ".py":
            found.append(path.stem)
    return found


def _interpreter() -> tuple[list[tuple[Path, str]], list[tuple[str, str]], list[str]]:
    program = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib")).resolve()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    place = f"/runtime/lib/{version}"
    mounts = [(program, "/runtime/bin/python3"), (library, place)]
    shared = sysconfig.get_config_var("INSTSONAME") or ""
    library_folder = sysconfig.get_config_var("LIBDIR")
    if ".so" in shared and library_folder and (Path(library_folder) / shared).is_file():
        mounts.append(((Path(library_folder) / shared).resolve(), f"/runtime/lib/{shared}"))
    hidden = [f"{place}/{name}" for name in ("site-packages", "dist-packages") if (library / name).is_dir()]
    return mounts, [], hidden


def _shared_libraries() -> tuple[list[tuple[Path, str]], list[tuple[str, str]]]:
    """The folders of this machine's C libraries, where this family of systems keeps them."""
    triplet = f"{platform.machine()}-linux-gnu"
    mounts: list[tuple[Path, str]] = []
    links: list[tuple[str, str]] = []
    for name in ("/lib", "/lib64"):
        if Path(name).is_symlink():
            links.append((str(Path(name).readlink()).lstrip("/"), name))
    for name in (f"/usr/lib/{triplet}", "/usr/lib64", f"/lib/{triplet}", "/lib64"):
        path = Path(name)
        if path.is_dir() and not any(name == link or name.startswith(f"{link}/") for _, link in links):
            mounts.append((path.resolve(), name))
    return mounts, links
