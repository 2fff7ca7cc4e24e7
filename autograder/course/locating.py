"""Locates the files of a submission, by one rule for zips and folders, and explains a missing file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from autograder.core.errors import Refused

NAME_CHARACTERS = 512  # of one member's name, folders included; past it the upload is refused
# Files that operating systems add to folders and zips: ignored without a note.
LITTER = re.compile(r"__MACOSX/.*|(.*/)?(\.DS_Store|\._[^/]*|Thumbs\.db|desktop\.ini)", re.DOTALL)
HIDDEN = re.compile(r"/(\.|__MACOSX|__pycache__)")  # folders that contain no files to hand in
HELP = "`deepgrade pack` makes a right one"


def root_of(paths: Collection[str], names: list[str], all_names: list[str]) -> str:
    """The folder nearest to the top that contains all named files: "", or `hw1/src/`.

    The same rule holds for zips, for folders, and for zips that other systems have unpacked. Raises Refused if there is
    no such folder, or if two are at the same depth.
    """
    ends = [path.removesuffix(names[0]) for path in paths if path.rpartition("/")[2] == names[0]]
    roots = [root for root in ends if all(root + name in paths for name in names) and not HIDDEN.search(f"/{root}")]
    if not roots:
        raise Refused(_why_missing(names, list(paths), all_names))
    depth = min(root.count("/") for root in roots)
    nearest = [root for root in roots if root.count("/") == depth]
    if len(nearest) > 1:
        places = " and in ".join(printable_name(root.rstrip("/")) for root in sorted(nearest)[:2])
        raise Refused(f"{join_names(names)} can be found twice, in {places}; keep one of them; {HELP}")
    return nearest[0]


def _why_missing(names: list[str], paths: list[str], all_names: list[str]) -> str:
    missing = [name for name in names if not any(path.rpartition("/")[2] == name for path in paths)]
    for name in missing:
        for full_name in all_names:
            base_name = (parts_of(full_name) or [""])[-1]
            if base_name == name:
                return f"the zip holds a name that {why_odd(full_name)}: {printable_name(full_name)}; {HELP}"
            if base_name.casefold() == name.casefold():
                return (
                    f"the zip holds {printable_name(full_name)}, which must be named {name} exactly; rename it; {HELP}"
                )
    if missing:
        return f"the zip holds no {join_names(missing)}; put {'it' if len(missing) == 1 else 'them'} in; {HELP}"
    visible = [path for path in paths if not HIDDEN.search(f"/{path}")]
    if not all(any(path.rpartition("/")[2] == name for path in visible) for name in names):
        verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
        return f"{join_names(names)} {verb} in a hidden folder; put {them} at the top; {HELP}"
    return f"{join_names(names)} are in different folders; put them into one; {HELP}"


def key_of(name: str) -> str:
    """A key that is equal for two names which some file system treats as the same."""
    return unicodedata.normalize("NFKC", path_of(name) or name).casefold()


def path_of(name: str) -> str | None:
    """A member's name as a path inside of the zip; None if it points elsewhere.

    PowerShell 5 writes backslashes between folders, and some tools begin paths with `./`.
    """
    return None if why_odd(name) else "/".join(parts_of(name))


def parts_of(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def why_odd(name: str) -> str:
    if len(name) > NAME_CHARACTERS:
        return f"is longer than {NAME_CHARACTERS} characters"
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in name):
        return "holds a control character"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if ".." in parts_of(name):
        return "points out of its folder"
    return ""


def join_names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def printable_name(name: str) -> str:
    """A name as one safe line: escaped if it is not printable, cut if it is long."""
    text = name if len(name) <= 60 else f"{name[:60]}..."
    return text if re.fullmatch(r"[\w./ +-]+", text, re.ASCII) else repr(text)
