"""What can be set from outside, each by one environment variable, with its unit and effect.

DEEPGRADE_HOME            folder of the database and the secrets       (~/.local/share/deepgrade)
DEEPGRADE_DATABASE        SQLAlchemy URL                               (sqlite in DEEPGRADE_HOME)
DEEPGRADE_COURSE          folder of the course                         (the installed one)
DEEPGRADE_HTTPS           1: a proxy in front speaks https to browsers; cookies are Secure, and the proxy's
                          X-Forwarded-For and -Proto are believed      (0)
DEEPGRADE_ADMIN_PASSWORD  password of the first admin                  (one made up, shown once)
DEEPGRADE_WORKERS         processes that grade, each one upload at a time   (1)
DEEPGRADE_LEASE_SECONDS   a worker unheard of for so long is lost, and its job goes to another   (45)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder import secrets
from autograder.errors import DeepgradeError


@dataclass(frozen=True)
class Settings:
    home: Path
    database: str = ""  # "" is the SQLite file in `home`
    course: Path | None = None
    https: bool = False
    admin_password: str | None = None
    workers: int = 1
    lease_seconds: float = 45.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises DeepgradeError for a variable whose value is none it can have."""
        course = environment.get("DEEPGRADE_COURSE")
        return cls(
            home=secrets.home(environment),
            database=environment.get("DEEPGRADE_DATABASE", ""),
            course=Path(course).absolute() if course else None,
            https=_switch(environment, "DEEPGRADE_HTTPS"),
            admin_password=environment.get("DEEPGRADE_ADMIN_PASSWORD") or None,
            workers=int(_number(environment, "DEEPGRADE_WORKERS", 1, least=1)),
            lease_seconds=_number(environment, "DEEPGRADE_LEASE_SECONDS", 45, least=1),
        )

    def to_environment(self) -> dict[str, str]:
        """The variables from which another process makes these settings; the admin's password is not among them."""
        variables = {
            "DEEPGRADE_HOME": str(self.home),
            "DEEPGRADE_DATABASE": self.database,
            "DEEPGRADE_COURSE": str(self.course or ""),
            "DEEPGRADE_HTTPS": "1" if self.https else "0",
            "DEEPGRADE_WORKERS": str(self.workers),
            "DEEPGRADE_LEASE_SECONDS": str(self.lease_seconds),
        }
        return {name: value for name, value in variables.items() if value}

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.home / 'deepgrade.sqlite3'}"

    def make_home(self) -> Path:
        """The data folder, made if need be, for nobody else's eyes. Raises DeepgradeError when it cannot be."""
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DeepgradeError(
                f"{self.home}: cannot be made ({error.strerror}); set DEEPGRADE_HOME to a folder you may write to"
            ) from error
        return self.home


def _switch(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "0")
    if value not in ("0", "1"):
        raise DeepgradeError(f"{name} is {value!r}; it can be 0 or 1")
    return value == "1"


def _number(environment: Mapping[str, str], name: str, default: float, *, least: float) -> float:
    value = environment.get(name, str(default))
    try:
        number = float(value)
    except ValueError:
        number = least - 1
    if not least <= number < 1e6:
        raise DeepgradeError(f"{name} is {value!r}; it must be a number of at least {least:g}")
    return number
