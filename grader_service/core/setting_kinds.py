"""What the value of a setting may be: from the text of a variable to a value, and back.

`read` raises DeepgradeError with a sentence that names the variable. A value that may hold a password is not repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autograder.core.errors import DeepgradeError


@dataclass(frozen=True)
class Text:
    least: int = 0  # characters
    longest: int = 10**6

    def read(self, name: str, text: str) -> Any:
        if text and not self.least <= len(text) <= self.longest:
            raise DeepgradeError(
                f"{name} has {len(text)} characters; it must have {self.least or 1} to {self.longest} characters"
            )
        return text

    def write(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True)
class Pattern(Text):
    pattern: str = ""  # a regular expression for the whole value
    words: str = ""  # what it can be

    def read(self, name: str, text: str) -> Any:
        if text and not re.fullmatch(self.pattern, text):
            raise DeepgradeError(f"{name} is {text[:100]!r}; it must be {self.words}")
        return text


@dataclass(frozen=True)
class ExistingFolder(Text):
    def read(self, name: str, text: str) -> Any:
        if text and not Path(text).expanduser().is_dir():
            raise DeepgradeError(f"{name} is {text!r}, which is not a folder; name an existing folder, or unset {name}")
        return text


@dataclass(frozen=True)
class NoFile(Text):
    """A folder that is made when it is needed."""

    def read(self, name: str, text: str) -> Any:
        if text and Path(text).expanduser().is_file():
            raise DeepgradeError(f"{name} is {text!r}, which is a file; name a folder")
        return text


@dataclass(frozen=True)
class Folder(Text):
    def read(self, name: str, text: str) -> Any:
        return Path(text).absolute() if text else None

    def write(self, value: Any) -> str:
        return str(value or "")


@dataclass(frozen=True)
class OneOf(Text):
    values: tuple[str, ...] = ()  # an empty text means the first

    def read(self, name: str, text: str) -> Any:
        value = text or self.values[0]
        if value not in self.values:
            raise DeepgradeError(f"{name} is {value!r}; it can be {' or '.join(self.values)}")
        return value


@dataclass(frozen=True)
class Switch(OneOf):
    values: tuple[str, ...] = ("0", "1")

    def read(self, name: str, text: str) -> Any:
        return super().read(name, text) == "1"

    def write(self, value: Any) -> str:
        return "1" if value else "0"


@dataclass(frozen=True)
class Number(Text):
    least: float = 0.0  # type: ignore[assignment]  # of the value
    below: float = 1e6
    whole: bool = False

    def read(self, name: str, text: str) -> Any:
        try:
            number = float(text)
        except ValueError:
            number = self.least - 1
        if not self.least <= number < self.below:
            above = f" and below {self.below:.0f}" if number >= self.below else ""
            raise DeepgradeError(f"{name} is {text!r}; it must be a number of at least {self.least:g}{above}")
        if self.whole and number != int(number):
            raise DeepgradeError(f"{name} is {text!r}; it must be a whole number")
        return int(number) if self.whole else number


@dataclass(frozen=True)
class Address(Text):
    beginnings: tuple[str, ...] = ()

    def read(self, name: str, text: str) -> str:
        if text and not text.startswith(self.beginnings):
            raise DeepgradeError(f"{name} must begin with {' or '.join(self.beginnings)}")
        try:
            parts = urlsplit(text)
            complete = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            complete = False
        if text and not complete:
            raise DeepgradeError(f"{name} names no host after {text.partition('://')[0]}://, or a port that cannot be")
        return text
