"""The work of `deepgrade data`: list the local files of a data set and fetch the missing ones. Nothing else fetches.

A download has a temporary name until its checksum is verified, so a file is complete or absent. DEEPGRADE_MIRROR names
another mirror, of a campus for example. It is asked first, and has the same folders as DEEPGRADE_DATA.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.core.errors import DeepgradeError
from autograder.datasets import files
from autograder.datasets.catalogue import Entry
from autograder.datasets.files import BadData, File

MIRROR_VARIABLE = "DEEPGRADE_MIRROR"
CHUNK = 2**16  # bytes written at once
TIMEOUT = (10, 30)  # seconds to connect, and between two pieces of an answer; past either the next mirror is asked

Follow = Callable[[str, int, int], None]  # the file's name, bytes received, bytes in all


class NotFetched(DeepgradeError):
    """No mirror provided a file, or no mirror is known."""


@dataclass(frozen=True)
class LocalFiles:
    """The local files of a data set.

    files : the files that it needs: all of the entry's, or the alternative ones.
    paths : the files that exist, intact or damaged.
    damaged : the files with a wrong checksum.
    where : "embedded", "DEEPGRADE_DATA", "cache"; the last two if files are in both; empty if one is missing.
    """

    files: tuple[File, ...]
    paths: dict[str, Path]
    damaged: tuple[Path, ...]
    where: tuple[str, ...]

    @property
    def size(self) -> int:
        """In bytes, of all its files, local or not."""
        return sum(file.size for file in self.files)


def inspect(entry: Entry) -> LocalFiles:
    """The local files of a data set, checksums compared. Raises BadData if DEEPGRADE_DATA is not a folder."""
    files_of_entry = next(
        (group for group in (entry.files, entry.or_else) if group and files.find_all(group)), entry.files
    )
    paths = {file.name: path for file in files_of_entry if (path := files.find(file.name))}
    damaged = tuple(
        paths[file.name] for file in files_of_entry if file.name in paths and not _matches(paths[file.name], file)
    )
    if not files_of_entry:
        return LocalFiles(files_of_entry, paths, damaged, ("embedded",))
    complete = len(paths) == len(files_of_entry)
    cached = {path.is_relative_to(files.cache_folder()) for path in paths.values()}
    names = [name for name, inside in ((files.VARIABLE, False), ("cache", True)) if inside in cached]
    return LocalFiles(files_of_entry, paths, damaged, tuple(names) if complete else ())


def fetch(entry: Entry, follow: Follow = lambda name, done, size: None) -> list[File]:
    """Download the files of a data set that are missing, or damaged in the cache, into the cache. Returns them.

    Raises NotFetched if no mirror provides a file, and BadData if the cache cannot be written or a file in
    DEEPGRADE_DATA, which is used first, is damaged.
    """
    local = inspect(entry)
    for path in local.damaged:
        if not path.is_relative_to(files.cache_folder()):
            raise BadData(f"{path}: is damaged, and a file in {files.VARIABLE} is used first; remove it or replace it")
    missing = [file for file in local.files if file.name not in local.paths or local.paths[file.name] in local.damaged]
    for file in missing:
        _retrieve(entry, file, follow)
    return missing


def _matches(path: Path, file: File) -> bool:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror}); fix it") from error


def _addresses(entry: Entry, file: File) -> Iterator[str]:
    if own_mirror := os.environ.get(MIRROR_VARIABLE):
        yield f"{own_mirror.rstrip('/')}/{file.name}"
    for mirror in entry.mirrors:
        yield mirror + file.name.rpartition("/")[2]


def _retrieve(entry: Entry, file: File, follow: Follow) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)  # `follow` reports the progress in its place
    target = files.cache_folder() / file.name
    failures = []
    for address in _addresses(entry, file):
        downloader = pooch.HTTPDownloader(
            progressbar=_Meter(file, follow),
            chunk_size=CHUNK,
            timeout=TIMEOUT,
            headers={"Accept-Encoding": "identity"},  # the files are gzip already, and must stay so
        )
        try:
            pooch.retrieve(address, f"sha256:{file.sha256}", target.name, target.parent, downloader=downloader)
            return
        except requests.HTTPError as error:
            response = error.response
            reason = str(error) if response is None else f"{response.status_code} {response.reason}"
            failures.append(f"{address}: {reason}")
        except requests.Timeout:
            failures.append(f"{address}: no answer in time")
        except requests.RequestException as error:
            interrupted = isinstance(error, requests.exceptions.ChunkedEncodingError)
            failures.append(f"{address}: {'broke off' if interrupted else 'no connection'}")
        except TooLong:
            failures.append(f"{address}: sends more than the {file.size:,} bytes of that file")
        except ValueError:  # pooch's for a wrong checksum
            failures.append(f"{address}: has another file (the checksum is wrong)")
        except OSError as error:
            raise BadData(
                f"{target}: cannot be written ({error.strerror or error}); "
                f"name another folder in {files.CACHE_VARIABLE}"
            ) from error
    fallback = f"; until then its stand-in serves: {entry.stand_in}"
    if not failures:
        raise NotFetched(
            f"{entry.name}: its files have no public address; put {', '.join(file.name for file in entry.files)} into "
            f"a folder and name that in {files.VARIABLE}, or name a mirror that has them in {MIRROR_VARIABLE}{fallback}"
        )
    raise NotFetched(
        f"{file.name}: no mirror gave it ({'; '.join(failures)}); look at the connection and try again, "
        f"or bring the file to {target} yourself{fallback}"
    )


class TooLong(ValueError):
    """A mirror sends more bytes than the file has."""


class _Meter:
    """A progress bar for pooch that passes the count on to `follow`."""

    total = 0  # what the mirror announces; set by pooch

    def __init__(self, file: File, follow: Follow) -> None:
        self.file, self.follow, self.done = file, follow, 0

    def update(self, count: int) -> None:
        """Called by pooch with the size of a whole piece, though the last one is shorter."""
        self.done += count
        if self.done >= self.file.size + CHUNK:
            raise TooLong
        self.follow(self.file.name, min(self.done, self.file.size), self.file.size)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass
