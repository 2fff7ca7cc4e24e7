"""Checks at the start whether this machine has what its settings name, so that not each grading fails.

check       raises DeepgradeError for a setting that is not valid or names something that does not exist
notes       sentences about problems that do not stop the service
lacking     the assignments that cannot be graded here, and the missing distributions
findings    the same for `deepgrade doctor`
use_delegated_cgroup   sets DEEPGRADE_CGROUP under a service manager that has delegated a cgroup
gpus_here   the GPUs of this machine
"""

from __future__ import annotations

import difflib
import importlib.metadata
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from functools import cache
from pathlib import Path

from autograder.core.errors import DeepgradeError, GraderError
from autograder.course.course import Course
from autograder.sandbox import delegation, gpu
from grader_service.core.variables import INTERNAL, PREFIX, VARIABLES

ALIKE = 0.75  # least similarity of an unknown variable to a known one that makes it a typing error, 0 to 1
DEV = Path("/dev")
CONTROLLERS = ("memory", "pids")


def check(environment: Mapping[str, str], gpus: Sequence[str] = ()) -> None:
    """`gpus`: the GPUs of the slots to start, as CUDA counts them."""
    for name, meant in _unknown(environment).items():
        if meant:
            raise DeepgradeError(f"{name} is not a setting; use {meant}. docs/settings.md lists all settings")
    _check_values(environment)
    _check_gpu(gpus)
    _check_cgroup(environment)


def use_delegated_cgroup(environment: MutableMapping[str, str]) -> None:
    """Call it before other processes start. What DEEPGRADE_CGROUP names wins, also if it is empty."""
    if "DEEPGRADE_CGROUP" not in environment and (folder := delegation.find()) is not None:
        environment["DEEPGRADE_CGROUP"] = str(folder)


def notes(environment: Mapping[str, str], course: Course | None, broker: str = "") -> list[str]:
    """`course`: the course to grade here, if any; `broker`: the problem of the broker, if any."""
    sentences = [
        f"{name} is not a setting and has no effect" for name, meant in _unknown(environment).items() if not meant
    ]
    for package, names in by_package(lacking(course) if course is not None else {}).items():
        them = "it" if len(names) == 1 else "them"
        words = f"{_and(names)} cannot be graded on this host, since {package} is not installed"
        sentences.append(f"{words}; uploads to {them} wait for a host that has it")
    return [*sentences, broker] if broker else sentences


def lacking(course: Course) -> dict[str, list[str]]:
    """By assignment, the distributions of its manifest that are not installed here."""
    by_assignment = {}
    for assignment in course:
        try:
            packages = assignment.manifest.packages
        except DeepgradeError:
            continue  # the grading reports the error
        if missing := [package for package in packages if not _installed(package)]:
            by_assignment[assignment.name] = missing
    return by_assignment


def by_package(lacking: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """By distribution, the assignments that need it."""
    assignments: dict[str, list[str]] = {}
    for name, packages in lacking.items():
        for package in packages:
            assignments.setdefault(package, []).append(name)
    return assignments


def findings(environment: Mapping[str, str], course: Course) -> Iterator[tuple[str, bool, str]]:
    """Name, whether it is well, and a sentence."""
    unknown = _unknown(environment)
    words = [f"{name} is not a setting{f'; use {meant}' if meant else ''}" for name, meant in unknown.items()]
    yield "settings", not unknown, "; ".join(words) or "each variable is known"
    looks: dict[str, Callable[[], None]] = {
        "GPU": lambda: _check_gpu(()),
        "cgroup": lambda: _check_cgroup(environment),
    }
    for name, look in looks.items():
        try:
            look()
        except DeepgradeError as error:
            yield name, False, str(error)
        else:
            set_to = environment.get(f"{PREFIX}{name.upper()}")
            yield name, True, f"{set_to} exists" if set_to else "not set"
    missing = by_package(lacking(course))
    words = [f"{package} is not installed: {_and(names)} wait for another host" for package, names in missing.items()]
    yield "packages of the course", True, "; ".join(words) or "all are installed"  # the others can be graded


def _unknown(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables with the service's prefix that are not settings, each with the most similar setting, or ""."""
    meant = {}
    names = {name.removeprefix(PREFIX): name for name in VARIABLES}
    for name in environment:
        if name.startswith(PREFIX) and name not in VARIABLES and name not in INTERNAL:
            short = name.removeprefix(PREFIX)
            alike = difflib.get_close_matches(short, names, n=1, cutoff=ALIKE)
            alike = alike or [known for known in names if sorted(known) == sorted(short)]  # GUP for GPU
            meant[name] = names[alike[0]] if alike else ""
    return meant


def _check_values(environment: Mapping[str, str]) -> None:
    """Of settings that `Settings` does not read."""
    for one in VARIABLES.values():
        if not one.field and one.name in environment:
            one.kind.read(one.name, environment[one.name])


def _check_gpu(gpus: Sequence[str]) -> None:
    try:
        gpu.assigned(dev=DEV)
    except GraderError as error:
        raise DeepgradeError(f"{error}; unset DEEPGRADE_GPU, or repair the driver") from error
    for number in gpus:
        node = DEV / f"nvidia{number}"
        if number.isdecimal() and not node.exists():
            raise DeepgradeError(
                f"this machine has no GPU {number} ({node} does not exist); choose other GPUs with --gpus or "
                "CUDA_VISIBLE_DEVICES, or use none"
            )


def _check_cgroup(environment: Mapping[str, str]) -> None:
    given = environment.get("DEEPGRADE_CGROUP", "")
    if not given:
        return
    folder = Path(given)
    try:
        controllers = (folder / "cgroup.controllers").read_text().split()
    except OSError as error:
        raise DeepgradeError(
            f"DEEPGRADE_CGROUP is {given!r}, which is not a cgroup of version 2 ({error.strerror}); set it to a "
            "delegated, empty cgroup, or unset it"
        ) from error
    if missing := [name for name in CONTROLLERS if name not in controllers]:
        raise DeepgradeError(f"DEEPGRADE_CGROUP is {given!r}, which lacks the controller {_and(missing)}; delegate it")
    if not os.access(folder / "cgroup.subtree_control", os.W_OK):
        raise DeepgradeError(f"DEEPGRADE_CGROUP is {given!r}, which this user cannot write to; delegate it")


@cache
def _installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def gpus_here() -> tuple[str, ...]:
    """The GPUs in CUDA_VISIBLE_DEVICES, otherwise all GPUs of the machine."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(one.strip() for one in named.split(",") if one.strip() not in ("", "-1"))  # -1 means no GPU
    return tuple(sorted((path.name[6:] for path in Path("/dev").glob("nvidia[0-9]*")), key=int))
