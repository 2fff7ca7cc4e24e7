"""Where the files of a submission are: one rule for zips and folders, and the words for a file that is not there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from autograder.core.errors import Refused

NAME_CHARACTERS = 512  # of one member's name, folders included; past it the upload is refused
# What operating systems put beside a student's files without being asked: passed over in silence.
LITTER = re.compile(r"__MACOSX/.*|(.*/)?(\.DS_Store|\._[^/]*|Thumbs\.db|desktop\.ini)", re.DOTALL)
HIDDEN = re.compile(r"/(\.|__MACOSX|__pycache__)")  # folders in which nobody has put what they hand in
HELP = "`deepgrade pack` makes a right one"


def root_of(paths: Collection[str], names: list[str], all_names: list[str]) -> str:
    """The folder that holds all named files, nearest to the top: "", or `hw1/src/`.

    Zips, folders and what other systems have unpacked are all looked through by this rule, so that a submission is
    found by all of them or by none. Raises Refused where there is none, or where there are two as near.
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
        verb, them = ("lies", "it") if len(names) == 1 else ("lie", "them")
        return f"{join_names(names)} {verb} in a hidden folder; put {them} at the top; {HELP}"
    return f"{join_names(names)} lie in different folders; put them into one; {HELP}"


def key_of(name: str) -> str:
    """Equal for two names that some file system takes for one."""
    return unicodedata.normalize("NFKC", path_of(name) or name).casefold()


def path_of(name: str) -> str | None:
    """A member's name as a path below the zip's top; None where it names no place there.

    PowerShell 5 writes backslashes between folders, and some tools a `./` before them.
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
    """A name as one harmless line: escaped where it is not printable, cut where it is long."""
    text = name if len(name) <= 60 else f"{name[:60]}..."
    return text if re.fullmatch(r"[\w./ +-]+", text, re.ASCII) else repr(text)
