"""The written part of an assignment: Markdown or a PDF, as a student wrote it. `rendering` says how it is shown."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from autograder.core.errors import Refused

Kind = Literal["pdf", "markdown"]

MOST_KB = 8192  # of one upload
TEXT_MOST = 512 * 1024  # bytes of Markdown
OTHER_FORMATS = (".tex", ".html", ".htm", ".xml", ".svg", ".rtf", ".ps", ".eps", ".ipynb", ".docx", ".doc", ".odt")


def kind_of(data: bytes) -> Kind:
    """Raises Refused for what is neither, with what to do about it."""
    if not data:
        raise Refused("the file is empty")
    if len(data) > MOST_KB * 1024:
        raise Refused(f"the file has {kilobytes(data)} kB, the limit is {MOST_KB} kB")
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return "pdf"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("the file is neither a PDF nor Markdown in UTF-8; export it as PDF") from None
    if "\0" in text:
        raise Refused("the file is neither a PDF nor Markdown in UTF-8; export it as PDF")
    if not text.strip():
        raise Refused("the file holds nothing but spaces")
    if len(data) > TEXT_MOST:
        raise Refused(f"the text has {kilobytes(data)} kB, the limit for Markdown is {TEXT_MOST // 1024} kB")
    return "markdown"


def fits_name(kind: Kind, filename: str) -> None:
    """Raises Refused where the name promises another format than the file has: a page that was saved as report.pdf,
    the LaTeX source in place of what it makes."""
    ending = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    if kind == "markdown" and ending == ".pdf":
        raise Refused("the file is named .pdf but is not a PDF; export it again as PDF")
    if kind == "markdown" and ending in OTHER_FORMATS:
        raise Refused(f"a {ending} file is neither a PDF nor Markdown; export it as PDF")


def kilobytes(data: bytes) -> int:
    """Rounded up, so that what is one byte too large is said to be larger than the limit."""
    return -(-len(data) // 1024)
