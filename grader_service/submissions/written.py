"""The written part of an assignment: Markdown or a PDF. `rendering` makes it visible."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from autograder.core.errors import Refused

Kind = Literal["pdf", "markdown"]

MOST_KB = 8192  # of one upload
TEXT_MOST = 512 * 1024  # bytes of Markdown
OTHER_FORMATS = (".tex", ".html", ".htm", ".xml", ".svg", ".rtf", ".ps", ".eps", ".ipynb", ".docx", ".doc", ".odt")


def kind_of(data: bytes) -> Kind:
    """The format of the file. Raises Refused with the way out for other files."""
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
    """Raises Refused if the name has the ending of another format: a web page saved as report.pdf, or LaTeX source."""
    ending = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    if kind == "markdown" and ending == ".pdf":
        raise Refused("the file is named .pdf but is not a PDF; export it again as PDF")
    if kind == "markdown" and ending in OTHER_FORMATS:
        raise Refused(f"a {ending} file is neither a PDF nor Markdown; export it as PDF")


def kilobytes(data: bytes) -> int:
    """Rounded up, so that a file one byte above the limit has a number above the limit."""
    return -(-len(data) // 1024)
