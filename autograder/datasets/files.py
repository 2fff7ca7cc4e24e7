"""Finds the files of data sets, and verifies their checksums.

    $DEEPGRADE_DATA/mnist/train-images-idx3-ubyte.gz ...    searched first
    <cache>/mnist/train-images-idx3-ubyte.gz ...            files that `deepgrade data` fetched

The cache is the folder that DEEPGRADE_CACHE names, or the platform's cache folder. `verify` keeps proofs below it, too.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from autograder.core.errors import DeepgradeError

VARIABLE = "DEEPGRADE_DATA"
CACHE_VARIABLE = "DEEPGRADE_CACHE"
WAY_OUT = "fetch it again, or remove it to work with the stand-in"


class BadData(DeepgradeError):
    """A data file is damaged, or the folder of data files is not valid."""


@dataclass(frozen=True)
class File:
    """A file of a data set. name : its path below a folder of data; size : in bytes."""

    name: str
    size: int
    sha256: str


def cache_folder() -> Path:
    """The folder of fetched files. It may not exist yet."""
    configured = os.environ.get(CACHE_VARIABLE)
    if configured:
        return Path(configured)
    import pooch  # slow; not needed if DEEPGRADE_CACHE is set

    return Path(pooch.os_cache("deepgrade"))


def data_folder() -> Path | None:
    """The folder that DEEPGRADE_DATA names, or None.

    Raises BadData if the variable does not name a folder: a typing mistake must not mean "no data".
    """
    configured = os.environ.get(VARIABLE)
    if not configured:
        return None
    folder = Path(configured)
    if not folder.is_dir():
        raise BadData(
            f"{VARIABLE}: {configured} is not a folder; name the folder of the data files, or unset the variable"
        )
    return folder


def find(name: str) -> Path | None:
    """The file of that name below the first folder that has it, or None. Raises BadData as `data_folder` does."""
    folder = data_folder()
    if folder and (folder / name).is_file():
        return folder / name
    path = cache_folder() / name
    return path if path.is_file() else None


def find_all(files: Iterable[File]) -> tuple[Path, ...] | None:
    """Where these files are, or None if any is missing: parts of a data set must not come from two data sets."""
    paths = [find(file.name) for file in files]
    return None if None in paths else tuple(path for path in paths if path)


def read(path: Path, sha256: str, way_out: str = WAY_OUT) -> bytes:
    """The bytes of a file. Raises BadData if it cannot be read, or if its checksum is wrong."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror}); fix it, or unset {VARIABLE}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise BadData(
            f"{path}: has the sha256 {digest[:12]}..., expected {sha256[:12]}...; "
            f"the file is damaged or another one: {way_out}"
        )
    return content


def load_npz(path: Path, sha256: str, way_out: str = WAY_OUT) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file. Raises BadData if its checksum or its format is wrong."""
    content = BytesIO(read(path, sha256, way_out))
    try:
        if not zipfile.is_zipfile(content):
            raise ValueError("not a zip")
        content.seek(0)
        with np.load(content, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BadData(f"{path}: is not an .npz file of plain arrays ({error}); fetch it again") from error
