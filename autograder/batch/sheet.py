"""CSV as other programs write it: its cells, and its shape, so that it can be written again in the same one.

encoding     UTF-8 with or without a mark, UTF-16 with or without one, Windows-1252
separator    comma, semicolon or tab; a first line `sep=;` for Excel is a part of the shape
quotes       around every cell, or where they are needed
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.core.errors import DeepgradeError

MARKS = "\u2018\u2019\u201c\u201d\u2013\u2014\u00a0\u00b4"  # in names and headings: quotes, dashes, a space
NAMES = {"utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows-1252"}
SEPARATOR_LINE = "sep="


@dataclass(frozen=True)
class Shape:
    encoding: str = "utf-8"
    delimiter: str = ","
    line_end: str = "\n"
    quote_all: bool = False
    separator_line: bool = False  # does the file begin with `sep=;`?


def decode(data: bytes, what: str) -> tuple[str, str]:
    """The text of a file, without its mark, and the name of its encoding for Python.

    what : the thing that the file is, for the error
    Raises DeepgradeError if the file is not UTF-8, UTF-16, or Windows-1252 in which all characters beyond ASCII are
    letters or marks of names: nobody could find a name that is stored wrongly.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(data, "utf-16", what), "utf-16"
    if data.count(0) > len(data) // 4:  # UTF-16 without a mark: every other byte of Latin letters is zero
        little = data[1::2].count(0) >= data[::2].count(0)
        encoding = "utf-16-le" if little else "utf-16-be"
        return _decoded(data, encoding, what), encoding
    try:
        return data.decode("utf-8-sig"), "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else "utf-8"
    except UnicodeDecodeError:
        text = _decoded(data, "cp1252", what)
    strange = sorted({one for one in text if ord(one) > 127 and not one.isalpha() and one not in MARKS})
    if strange:
        raise DeepgradeError(f"{_not_read(what)}; read as Windows-1252 it holds {' '.join(strange[:5])}")
    return text, "cp1252"


def read(data: bytes, what: str) -> tuple[list[list[str]], Shape]:
    """All rows, and the shape. A blank line is a row without cells. Raises DeepgradeError if it is not a CSV file."""
    text, encoding = decode(data, what)
    first, _, rest = text.partition("\n")
    separator_line = first.strip().casefold().startswith(SEPARATOR_LINE)
    delimiter = first.strip()[len(SEPARATOR_LINE) :][:1] if separator_line else ""
    body = rest if separator_line else text
    shape = Shape(
        encoding=encoding,
        delimiter=delimiter or delimiter_of(body),
        line_end="\r\n" if "\r\n" in text else "\n",
        quote_all=body.lstrip().startswith('"') and f'"{delimiter or delimiter_of(body)}"' in body.split("\n", 1)[0],
        separator_line=separator_line,
    )
    try:
        rows = list(csv.reader(io.StringIO(body, newline=""), delimiter=shape.delimiter, strict=True))
    except csv.Error as error:
        raise DeepgradeError(f"{what} is not a valid CSV file ({error})") from error
    return rows, shape


def write(rows: Sequence[Sequence[str]], shape: Shape) -> bytes:
    """Raises DeepgradeError for a character that the encoding does not have."""
    buffer = io.StringIO(newline="")
    if shape.separator_line:
        buffer.write(f"{SEPARATOR_LINE}{shape.delimiter}{shape.line_end}")
    writer = csv.writer(
        buffer,
        delimiter=shape.delimiter,
        lineterminator=shape.line_end,
        quoting=csv.QUOTE_ALL if shape.quote_all else csv.QUOTE_MINIMAL,
    )
    writer.writerows(rows)
    try:
        return buffer.getvalue().encode(shape.encoding)
    except UnicodeEncodeError as error:
        raise DeepgradeError(
            f"{NAMES.get(shape.encoding, 'UTF-8')} has no character {error.object[error.start]!r}"
        ) from error


def delimiter_of(text: str) -> str:
    """The separator that the first line has most of."""
    head = text.lstrip("\ufeff\r\n").split("\n", 1)[0]
    return max(",;\t", key=head.count)


def _decoded(data: bytes, encoding: str, what: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise DeepgradeError(_not_read(what)) from None


def _not_read(what: str) -> str:
    return f"{what} is not in UTF-8; export it again as CSV UTF-8"
