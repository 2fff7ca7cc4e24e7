"""What can be set from outside. `variables` documents each one; docs/settings.md is made from it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder import secrets
from autograder.errors import DeepgradeError

ENGINES = ("embedded", "celery")
LOGS = ("text", "json")
BROKERS = ("redis://", "rediss://", "amqp://", "amqps://")
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
        """Raises DeepgradeError for a variable whose value is none it can have."""
        course = environment.get("DEEPGRADE_COURSE")
        engine = _one_of(environment, "DEEPGRADE_ENGINE", ENGINES)
        return cls(
            home=secrets.home(environment),
            database=environment.get("DEEPGRADE_DATABASE", ""),
            course=Path(course).absolute() if course else None,
            files=environment.get("DEEPGRADE_FILES", ""),
            inline_kb=int(_number(environment, "DEEPGRADE_INLINE_KB", 64, least=0)),
            https=_switch(environment, "DEEPGRADE_HTTPS"),
            admin_password=environment.get("DEEPGRADE_ADMIN_PASSWORD") or None,
            metrics_token=environment.get("DEEPGRADE_METRICS_TOKEN", ""),
            client_seconds=_number(environment, "DEEPGRADE_CLIENT_SECONDS", 30, least=1),
            client_kb=_number(environment, "DEEPGRADE_CLIENT_KB", 4, least=0.1),
            connections=int(_number(environment, "DEEPGRADE_CONNECTIONS", 1000, least=20, most=1e5)),
            log=_one_of(environment, "DEEPGRADE_LOG", LOGS),
            public_url=_address(environment, "DEEPGRADE_PUBLIC_URL", ("https://", "http://")),
            smtp=_address(environment, "DEEPGRADE_SMTP", ("smtp://", "smtps://")),
            mail_from=environment.get("DEEPGRADE_MAIL_FROM", ""),
            **_oidc(environment),
            engine=engine,
            broker=_broker(environment, engine),
            workers=_workers(environment, engine),
            host=environment.get("DEEPGRADE_HOST", "")[:60],
            memory_mb=int(_number(environment, "DEEPGRADE_MEMORY_MB", 0, least=0, most=2**30)),
            student_jobs=int(_number(environment, "DEEPGRADE_STUDENT_JOBS", 4, least=1)),
            long_seconds=_number(environment, "DEEPGRADE_LONG_SECONDS", 60, least=0),
            lease_seconds=_number(environment, "DEEPGRADE_LEASE_SECONDS", 45, least=1),
        )

    def to_environment(self) -> dict[str, str]:
        """The variables from which another process makes these settings; the admin's password is not among them."""
        variables = {
            "DEEPGRADE_HOME": str(self.home),
            "DEEPGRADE_DATABASE": self.database,
            "DEEPGRADE_COURSE": str(self.course or ""),
            "DEEPGRADE_FILES": self.files,
            "DEEPGRADE_INLINE_KB": str(self.inline_kb),
            "DEEPGRADE_HTTPS": "1" if self.https else "0",
            "DEEPGRADE_METRICS_TOKEN": self.metrics_token,
            "DEEPGRADE_CLIENT_SECONDS": str(self.client_seconds),
            "DEEPGRADE_CLIENT_KB": str(self.client_kb),
            "DEEPGRADE_CONNECTIONS": str(self.connections),
            "DEEPGRADE_LOG": self.log,
            "DEEPGRADE_PUBLIC_URL": self.public_url,
            "DEEPGRADE_SMTP": self.smtp,
            "DEEPGRADE_MAIL_FROM": self.mail_from,
            "DEEPGRADE_OIDC_ISSUER": self.oidc_issuer,
            "DEEPGRADE_OIDC_CLIENT_ID": self.oidc_client_id,
            "DEEPGRADE_OIDC_CLIENT_SECRET": self.oidc_client_secret,
            "DEEPGRADE_OIDC_NAME": self.oidc_name,
            "DEEPGRADE_ENGINE": self.engine,
            "DEEPGRADE_BROKER": self.broker,
            "DEEPGRADE_WORKERS": str(self.workers),
            "DEEPGRADE_HOST": self.host,
            "DEEPGRADE_MEMORY_MB": str(self.memory_mb),
            "DEEPGRADE_STUDENT_JOBS": str(self.student_jobs),
            "DEEPGRADE_LONG_SECONDS": str(self.long_seconds),
            "DEEPGRADE_LEASE_SECONDS": str(self.lease_seconds),
        }
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


def _switch(environment: Mapping[str, str], name: str) -> bool:
    return _one_of(environment, name, ("0", "1")) == "1"


def _one_of(environment: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    """The first of the values is meant where nothing is said."""
    value = environment.get(name) or values[0]
    if value not in values:
        raise DeepgradeError(f"{name} is {value!r}; it can be {' or '.join(values)}")
    return value


def _address(environment: Mapping[str, str], name: str, kinds: tuple[str, ...]) -> str:
    address = environment.get(name, "")
    if address and not address.startswith(kinds):
        # The address is not repeated: there may be a password in it.
        raise DeepgradeError(f"{name} must begin with {' or '.join(kinds)}")
    return address


def _oidc(environment: Mapping[str, str]) -> dict[str, str]:
    """Sign-in elsewhere: all that it needs, or nothing."""
    issuer = _address(environment, "DEEPGRADE_OIDC_ISSUER", ("https://", "http://localhost", "http://127.0.0.1"))
    if not issuer:
        return {}
    for name in ("DEEPGRADE_OIDC_CLIENT_ID", "DEEPGRADE_OIDC_CLIENT_SECRET", "DEEPGRADE_PUBLIC_URL"):
        if not environment.get(name):
            raise DeepgradeError(f"DEEPGRADE_OIDC_ISSUER is set, so {name} must be set too; see docs/settings.md")
    return {
        "oidc_issuer": issuer,
        "oidc_client_id": environment["DEEPGRADE_OIDC_CLIENT_ID"],
        "oidc_client_secret": environment["DEEPGRADE_OIDC_CLIENT_SECRET"],
        "oidc_name": environment.get("DEEPGRADE_OIDC_NAME", ""),
    }


def _broker(environment: Mapping[str, str], engine: str) -> str:
    broker = environment.get("DEEPGRADE_BROKER", "")
    if engine == "celery" and not broker:
        raise DeepgradeError("DEEPGRADE_ENGINE is 'celery', which needs a broker: set DEEPGRADE_BROKER to its address")
    if broker and not broker.startswith(BROKERS):
        # The address is not repeated: there may be a password in it.
        raise DeepgradeError(f"DEEPGRADE_BROKER must begin with one of {', '.join(BROKERS)}")
    return broker


def _workers(environment: Mapping[str, str], engine: str) -> int:
    embedded = engine == "embedded"
    default = EMBEDDED_WORKERS if embedded else 0
    return int(_number(environment, "DEEPGRADE_WORKERS", default, least=1 if embedded else 0))


def _number(environment: Mapping[str, str], name: str, default: float, *, least: float, most: float = 1e6) -> float:
    value = environment.get(name, str(default))
    try:
        number = float(value)
    except ValueError:
        number = least - 1
    if not least <= number < most:
        raise DeepgradeError(f"{name} is {value!r}; it must be a number of at least {least:g}")
    return number
