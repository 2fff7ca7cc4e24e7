"""What the value of a setting may be: from the text of a variable to a value, and back.

`read` raises DeepgradeError with a sentence that names the variable. A value that may hold a password is not repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.core.errors import DeepgradeError


@dataclass(frozen=True)
class Text:
    longest: int | None = None  # characters; the rest is cut off

    def read(self, name: str, text: str) -> str:
        return text[: self.longest]

    def write(self, value: Any) -> str:
        return str(value)


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
    least: float = 0.0
    below: float = 1e6
    whole: bool = False

    def read(self, name: str, text: str) -> Any:
        try:
            number = float(text)
        except ValueError:
            number = self.least - 1
        if not self.least <= number < self.below:
            raise DeepgradeError(f"{name} is {text!r}; it must be a number of at least {self.least:g}")
        return int(number) if self.whole else number


@dataclass(frozen=True)
class Address(Text):
    beginnings: tuple[str, ...] = ()

    def read(self, name: str, text: str) -> str:
        if text and not text.startswith(self.beginnings):
            raise DeepgradeError(f"{name} must begin with {' or '.join(self.beginnings)}")
        return text
