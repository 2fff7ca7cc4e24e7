"""Chooses the files to grade among the paths of a zip or a folder, and makes the module of a notebook where one counts.

    no softmax.py                          softmax.ipynb counts, or the only notebook under any name
    softmax.py, with all functions         softmax.py counts
    softmax.py, with unwritten functions   softmax.ipynb counts if it has all that softmax.py has, and more

A kit holds both, and a student writes in one of them: the other one is left as it was. A notebook that does not count
is never a reason to refuse a submission.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from autograder.core.errors import Refused
from autograder.course import notebooks
from autograder.course.cells import Extraction, unwritten
from autograder.course.locating import HELP, HIDDEN, join_names, printable_name, root_of
from autograder.course.manifest import Manifest

NOTED = 6  # of what was left out of a notebook; more is counted

Read = Callable[[dict[str, str]], dict[str, bytes]]


@dataclass(frozen=True)
class Chosen:
    """The files to grade, by the manifest's names."""

    files: dict[str, bytes]
    paths: set[str]  # where they were
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # of a notebook, all of it
    places: list[tuple[int, int]] = field(default_factory=list)  # `Extraction.places`


def choose(paths: Collection[str], manifest: Manifest, all_names: list[str], read: Read) -> Chosen:
    """The files that count.

    all_names : the names as they stood, for messages.
    read : the contents of files that are given as {name of the manifest: path}. Raises Refused.
    """
    module = f"{manifest.module}.py"
    has_module = any(path.rpartition("/")[2] == module for path in paths)
    notebook = _notebook_in(paths, manifest, is_needed=not has_module and module in manifest.files)
    if notebook and not has_module:
        return _with_notebook(notebook, paths, manifest, all_names, read)
    root = root_of(paths, manifest.files, all_names)
    selected = {name: root + name for name in manifest.files} | _optional(paths, manifest, root)
    files = read(selected)
    if notebooks.looks_like_one(files.get(module, b"")):
        raise Refused(f"{module} holds a notebook; name it {manifest.module}{notebooks.SUFFIX}; {HELP}")
    plain = Chosen(files, set(selected.values()))
    if not notebook:
        return plain
    written, missing = unwritten(files[module].decode("utf-8", "replace"))
    if not missing:
        return plain
    try:
        other = _with_notebook(notebook, paths, manifest, all_names, read)
    except Refused:
        if not written:
            raise
        return plain
    of_notebook, _ = unwritten(other.files[module].decode())
    return other if written <= of_notebook and missing & of_notebook else plain


def of_notebook(data: bytes, manifest: Manifest, name: str) -> Chosen:
    """The files in the bytes of one notebook. Raises Refused if the assignment takes other files too."""
    if manifest.files != [f"{manifest.module}.py"]:
        raise Refused(f"this assignment takes {join_names(manifest.files)}; hand in a zip with them; {HELP}")
    return with_module({}, {name}, notebooks.extract(data, name), manifest, name)


def _with_notebook(path: str, paths: Collection[str], manifest: Manifest, all_names: list[str], read: Read) -> Chosen:
    module = f"{manifest.module}.py"
    others = [name for name in manifest.files if name != module]
    root = root_of(paths, others, all_names) if others else ""
    selected = {module: path} | {name: root + name for name in others}
    folder, slash, _ = path.rpartition("/")
    selected = {name: selected[name] for name in manifest.files} | _optional(paths, manifest, folder + slash)
    files = read(selected)
    own = [name.removesuffix(".py") for name in others]
    extraction = notebooks.extract(files[module], path.rpartition("/")[2], own)
    return with_module(files, set(selected.values()), extraction, manifest, path.rpartition("/")[2])


def with_module(
    files: dict[str, bytes], paths: set[str], extraction: Extraction, manifest: Manifest, name: str
) -> Chosen:
    """The files with a module that was made of a notebook."""
    files = files | {f"{manifest.module}.py": extraction.source.encode()}
    ordered = {name: files[name] for name in [*manifest.files, *manifest.optional] if name in files}
    return Chosen(ordered, paths, [_note(name, extraction.left_out)], extraction.left_out, extraction.places)


def _optional(paths: Collection[str], manifest: Manifest, folder: str) -> dict[str, str]:
    """The optional files that lie in the folder."""
    return {name: folder + name for name in manifest.optional if folder + name in paths}


def _note(name: str, left_out: list[str]) -> str:
    text = f"the imports, functions, classes and literals of {printable_name(name)} are graded"
    if not left_out:
        return text
    more = f"; and {len(left_out) - NOTED} more" if len(left_out) > NOTED else ""
    return f"{text}; left out: {'; '.join(left_out[:NOTED])}{more}"


def _notebook_in(paths: Collection[str], manifest: Manifest, *, is_needed: bool) -> str | None:
    """The notebook with the module's name nearest to the top, or the only notebook. None if there is none, or if more
    than one could be meant; if one is needed, that is Refused."""
    all_notebooks = [
        path for path in paths if path.lower().endswith(notebooks.SUFFIX) and not HIDDEN.search(f"/{path}")
    ]
    expected = f"{manifest.module}{notebooks.SUFFIX}"
    named = [path for path in all_notebooks if path.rpartition("/")[2] == expected]
    if named:
        depth = min(path.count("/") for path in named)
        candidates = [path for path in named if path.count("/") == depth]
    else:
        candidates = all_notebooks if is_needed else []
    if len(candidates) > 1 and is_needed:
        places = " and ".join(printable_name(path) for path in sorted(candidates)[:2])
        raise Refused(f"more than one notebook could be meant: {places}; keep one, named {expected}; {HELP}")
    return candidates[0] if len(candidates) == 1 else None
