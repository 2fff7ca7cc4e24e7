"""Reads a submission from the folder where otter or Gradescope has unpacked it.

The files are found by the rules for zips, with the same messages as on the web page. Afterwards the folder is emptied,
so that neither otter nor its kernel can import or unpickle a student's file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from autograder.course import submission
from autograder.course.manifest import Manifest
from autograder.course.submission import WALKED, Submission

DRIVER = "deepgrade.ipynb"  # the notebook that keeps otter from looking for a student's


def read(folder: Path, manifest: Manifest, *, zips: bool = False) -> Submission:
    """Raises Refused.

    zips : otter has unpacked the only zip into the same folder (`otter grade --ext zip`).
    """
    paths = dict(_walk(folder))
    archives = [name for name in paths if "/" not in name and name.lower().endswith(".zip")]
    if len(archives) == 1 and (zips or len(paths) == 1):
        return submission.read(paths[archives[0]], manifest)
    return submission.read_paths(paths, manifest)


def clear(folder: Path) -> None:
    """Remove everything except the driver and zips at the top, which `otter grade` copies back.

    Raises OSError if something cannot be removed. Then nothing may be graded.
    """
    for entry in list(os.scandir(folder)):
        if entry.name == DRIVER or (entry.name.lower().endswith(".zip") and entry.is_file(follow_symlinks=False)):
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Plain files by their path below the folder, without the files that otter adds."""
    count = 0
    for root, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        subfolder = Path(root).relative_to(folder)
        if subfolder == Path("."):
            folders[:] = [name for name in folders if name != "tests"]  # otter's copy, never the student's
        for name in sorted(names):
            path = Path(root) / name
            count += 1
            if count > WALKED:
                return
            empty_init = subfolder == Path(".") and name == "__init__.py" and path.lstat().st_size == 0
            if path.is_symlink() or not path.is_file() or empty_init or (subfolder == Path(".") and name == DRIVER):
                continue
            yield (subfolder / name).as_posix(), path
