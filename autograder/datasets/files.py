"""The folder that DEEPGRADE_DATA names, and files in it that are what they should be.

$DEEPGRADE_DATA/nist36/handchars36_train.npz ...
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np

from autograder.errors import DeepgradeError

VARIABLE = "DEEPGRADE_DATA"


class BadData(DeepgradeError):
    """A data file, or the folder of data files, is not what it should be."""


def find(name: str) -> Path | None:
    """The file of that name below the folder, or None where there is no folder or no such file.

    Raises BadData if the variable names something that is no folder: a typing mistake must not pass for "no data".
    """
    given = os.environ.get(VARIABLE)
    if not given:
        return None
    folder = Path(given)
    if not folder.is_dir():
        raise BadData(f"{VARIABLE}: {given} is no folder; name the folder of the data files, or unset the variable")
    path = folder / name
    return path if path.is_file() else None


def read(path: Path, sha256: str) -> bytes:
    """The bytes of a file. Raises BadData where it cannot be read, and where its checksum is another."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror}); fix it, or unset {VARIABLE}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise BadData(
            f"{path}: has the sha256 {found[:12]}..., expected {sha256[:12]}...; the file is damaged or another one: "
            f"fetch it again, or remove it to work with the embedded set"
        )
    return content


def load_npz(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """The arrays of an `.npz`, after its checksum. Raises BadData where either is wrong."""
    content = read(path, sha256)
    try:
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise BadData(f"{path}: is no .npz of plain arrays ({error}); fetch it again") from error
