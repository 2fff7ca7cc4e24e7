"""The settings of a process, as the table of `variables` reads them from its environment."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from autograder.core.errors import DeepgradeError
from autograder.course import secrets
from grader_service.core.setting_kinds import Number
from grader_service.core.variables import VARIABLES, Variable

EMBEDDED_WORKERS = 2  # one of them is kept for short jobs
MB = 2**20


@dataclass(frozen=True)
class Settings:
    home: Path
    database: str = ""  # "" is the SQLite file in `home`
    course: Path | None = None
    files: str = ""  # "" is the database
    inline_kb: int = 64
    https: bool = False
    admin_password: str | None = None
    metrics_token: str = ""
    client_seconds: float = 30.0
    client_kb: float = 4.0
    connections: int = 1000
    log: str = "text"
    public_url: str = ""  # where people find the service; mails and sign-in elsewhere need it
    smtp: str = ""
    mail_from: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_name: str = ""
    engine: str = "embedded"
    broker: str = ""
    workers: int = EMBEDDED_WORKERS
    host: str = ""  # "" is the system's name
    memory_mb: int = 0  # 0 is what the machine has
    student_jobs: int = 4
    long_seconds: float = 60.0
    lease_seconds: float = 45.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises DeepgradeError for a variable with a value that is not valid, or without one that it needs."""
        values: dict[str, Any] = {
            one.field: one.kind.read(one.name, environment[one.name])
            for one in VARIABLES.values()
            if one.field and one.name in environment
        }
        settings = cls(home=secrets.home(environment), **values)
        if settings.engine == "celery" and not settings.broker:
            raise DeepgradeError(
                "DEEPGRADE_ENGINE is 'celery', which needs a broker: set DEEPGRADE_BROKER to its address"
            )
        for field in ("oidc_client_id", "oidc_client_secret", "public_url") if settings.oidc_issuer else ():
            if not getattr(settings, field):
                raise DeepgradeError(
                    f"DEEPGRADE_OIDC_ISSUER is set, so {_variable(field).name} must be set too; see docs/settings.md"
                )
        if "workers" not in values:
            return replace(settings, workers=EMBEDDED_WORKERS if settings.engine == "embedded" else 0)
        if settings.engine == "embedded":
            Number(least=1).read("DEEPGRADE_WORKERS", environment["DEEPGRADE_WORKERS"])
        return settings

    def to_environment(self) -> dict[str, str]:
        """The variables from which another process makes these settings; the admin's password is not among them."""
        variables = {one.name: one.kind.write(getattr(self, one.field)) for one in VARIABLES.values() if one.field}
        del variables["DEEPGRADE_ADMIN_PASSWORD"]
        variables["DEEPGRADE_HOME"] = str(self.home)
        return {name: value for name, value in variables.items() if value}

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.home / 'deepgrade.sqlite3'}"

    @property
    def host_name(self) -> str:
        return self.host or socket.gethostname()[:60]

    @property
    def host_memory_mb(self) -> int:
        return self.memory_mb or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MB

    def make_home(self) -> Path:
        """The data folder, made if need be, for nobody else's eyes. Raises DeepgradeError when it cannot be."""
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DeepgradeError(
                f"{self.home}: cannot be made ({error.strerror}); set DEEPGRADE_HOME to a folder you may write to"
            ) from error
        return self.home


def _variable(field: str) -> Variable:
    return next(one for one in VARIABLES.values() if one.field == field)


def default(variable: Variable) -> str:
    """Of the field that it sets, as the variable would say it."""
    defaults = {field.name: field.default for field in fields(Settings)}
    value = defaults[variable.field]
    return f"{value:g}" if isinstance(value, float) else variable.kind.write(value)
