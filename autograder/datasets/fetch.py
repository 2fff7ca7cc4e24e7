"""What `deepgrade data` does: say which files are here, and fetch those that are not. Nothing else ever fetches.

A download is kept beside its place under another name until its checksum is right, so a file is there wholly or not
at all, whatever happens in between. DEEPGRADE_MIRROR names a mirror of one's own, say of a campus: it is asked first,
and has the files laid out as in the folder of DEEPGRADE_DATA.
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
CHUNK = 2**16  # bytes that are written at once
TIMEOUT = (10, 30)  # seconds until a mirror answers at all, and between two pieces of its answer; then comes the next

Follow = Callable[[str, int, int], None]  # the file's name, how many of its bytes came, how many it has


class NotFetched(DeepgradeError):
    """No mirror gave a file, or there is none that could."""


@dataclass(frozen=True)
class Here:
    """What is here of a data set.

    files : those that it is made of here: all of the entry's, or those that serve as well.
    paths : those of them that are here, right or wrong.
    damaged : those that are here with another checksum.
    where : "embedded", "DEEPGRADE_DATA", "cache"; both of these if files lie in both; empty if one is missing.
    """

    files: tuple[File, ...]
    paths: dict[str, Path]
    damaged: tuple[Path, ...]
    where: tuple[str, ...]

    @property
    def size(self) -> int:
        """In bytes, of all its files, here or not."""
        return sum(file.size for file in self.files)


def look(entry: Entry) -> Here:
    """What is here of a data set, every file read and compared. Raises BadData where DEEPGRADE_DATA is no folder."""
    known = next((group for group in (entry.files, entry.or_else) if group and files.find_all(group)), entry.files)
    paths = {file.name: path for file in known if (path := files.find(file.name))}
    damaged = tuple(paths[file.name] for file in known if file.name in paths and not _right(paths[file.name], file))
    if not known:
        return Here(known, paths, damaged, ("embedded",))
    complete = len(paths) == len(known)
    cached = {path.is_relative_to(files.cache_folder()) for path in paths.values()}
    names = [name for name, inside in ((files.VARIABLE, False), ("cache", True)) if inside in cached]
    return Here(known, paths, damaged, tuple(names) if complete else ())


def fetch(entry: Entry, follow: Follow = lambda name, done, size: None) -> list[File]:
    """Bring the files of a data set that are missing, or damaged in the cache, into the cache; which they were.

    Raises NotFetched where no mirror gives one, BadData where the cache cannot be written or DEEPGRADE_DATA, which is
    looked at first, has a damaged file.
    """
    here = look(entry)
    for path in here.damaged:
        if not path.is_relative_to(files.cache_folder()):
            raise BadData(
                f"{path}: is damaged, and what lies in {files.VARIABLE} is used first; remove it or replace it"
            )
    wanted = [file for file in here.files if file.name not in here.paths or here.paths[file.name] in here.damaged]
    for file in wanted:
        _retrieve(entry, file, follow)
    return wanted


def _right(path: Path, file: File) -> bool:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror}); fix it") from error


def _addresses(entry: Entry, file: File) -> Iterator[str]:
    if own := os.environ.get(MIRROR_VARIABLE):
        yield f"{own.rstrip('/')}/{file.name}"
    for mirror in entry.mirrors:
        yield mirror + file.name.rpartition("/")[2]


def _retrieve(entry: Entry, file: File, follow: Follow) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)  # what it would say at each file, `follow` is told
    target = files.cache_folder() / file.name
    failures = []
    for address in _addresses(entry, file):
        downloader = pooch.HTTPDownloader(
            progressbar=_Meter(file, follow),
            chunk_size=CHUNK,
            timeout=TIMEOUT,
            headers={"Accept-Encoding": "identity"},  # the files are gzip already, and must stay it
        )
        try:
            pooch.retrieve(address, f"sha256:{file.sha256}", target.name, target.parent, downloader=downloader)
            return
        except requests.HTTPError as error:
            answer = error.response
            words = str(error) if answer is None else f"{answer.status_code} {answer.reason}"
            failures.append(f"{address}: {words}")
        except requests.Timeout:
            failures.append(f"{address}: no answer in time")
        except requests.RequestException as error:
            broke = isinstance(error, requests.exceptions.ChunkedEncodingError)
            failures.append(f"{address}: {'broke off' if broke else 'no connection'}")
        except TooLong:
            failures.append(f"{address}: sends more than the {file.size:,} bytes of that file")
        except ValueError:  # pooch's for a wrong checksum
            failures.append(f"{address}: has another file (the checksum is wrong)")
        except OSError as error:
            raise BadData(
                f"{target}: cannot be written ({error.strerror or error}); "
                f"name another folder in {files.CACHE_VARIABLE}"
            ) from error
    instead = f"; until then its stand-in serves: {entry.stand_in}"
    if not failures:
        raise NotFetched(
            f"{entry.name}: its files have no public address; put {', '.join(one.name for one in entry.files)} into a "
            f"folder and name that in {files.VARIABLE}, or name a mirror that has them in {MIRROR_VARIABLE}{instead}"
        )
    raise NotFetched(
        f"{file.name}: no mirror gave it ({'; '.join(failures)}); look at the connection and try again, "
        f"or bring the file to {target} yourself{instead}"
    )


class TooLong(ValueError):
    """A mirror sends without end."""


class _Meter:
    """What pooch takes for a progress bar: it counts, and passes the count on."""

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
