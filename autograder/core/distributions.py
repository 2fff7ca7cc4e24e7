"""Installed distributions: what one needs, and which modules it has."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import Distribution, PackageNotFoundError

from packaging.requirements import Requirement


def closure(names: list[str]) -> list[str]:
    """The distributions and all that they require here, sorted. Raises PackageNotFoundError for one of `names`."""
    found: set[str] = set()
    waiting = [normal(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for text in distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                try:
                    distribution(requirement.name)
                except PackageNotFoundError:
                    continue  # torch names CUDA wheels that a CPU build comes without
                waiting.append(normal(requirement.name))
    return sorted(found)


def normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def distribution(name: str) -> Distribution:
    return importlib.metadata.distribution(name)


def top_level(name: str) -> list[str]:
    """First parts of the paths of a distribution's files, below site-packages."""
    files = distribution(name).files or []
    tops = {path.parts[0] for path in files if path.parts and path.parts[0] not in ("..", "__pycache__", "/")}
    return sorted(top for top in tops if not top.endswith(".pth"))


def modules(name: str) -> list[str]:
    """What can be imported of a distribution: its folders and files below site-packages, as `import` names them."""
    found = set()
    for top in top_level(name):
        stem, _, suffix = top.partition(".")
        if stem.isidentifier() and (not suffix or suffix in ("py", "pyd", "so") or suffix.endswith((".so", ".pyd"))):
            found.add(stem)
    return sorted(found)
