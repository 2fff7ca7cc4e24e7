"""Everything that can be set from outside, one by one: what docs/settings.md is made of, and what a file may hold.

A variable of the environment wins over the same one in the file that DEEPGRADE_SETTINGS names. There a name is written
small and without its prefix:

    https = true                                    # DEEPGRADE_HTTPS=1
    database = "postgresql+psycopg://host/name"     # DEEPGRADE_DATABASE
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import DeepgradeError

PREFIX = "DEEPGRADE_"
FILE = "DEEPGRADE_SETTINGS"


@dataclass(frozen=True)
class Variable:
    name: str
    effect: str
    default: str  # in words
    unit: str = ""  # or the values that it can have
    secret: bool = False  # never shown, never logged; a file that holds it is for nobody else's eyes


SECTIONS: dict[str, tuple[Variable, ...]] = {
    "Where things are": (
        Variable(FILE, "The file that holds the others.", "none", "a path to a TOML file"),
        Variable("DEEPGRADE_HOME", "Folder of the database and the secrets.", "`~/.local/share/deepgrade`", "a path"),
        Variable(
            "DEEPGRADE_DATABASE",
            "The database: SQLite for one machine, PostgreSQL for several.",
            "SQLite in `DEEPGRADE_HOME`",
            "a URL of SQLAlchemy, such as `postgresql+psycopg://user:password@host/name`",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_COURSE",
            "Folder with `assignments/` and `solutions/`.",
            "the course that is installed with deepgrade",
            "a path",
        ),
        Variable(
            "DEEPGRADE_FILES",
            "Where uploads larger than `DEEPGRADE_INLINE_KB` lie; every host must reach it under this address.",
            "in the database, all of them",
            "`file:///folder`, `s3://bucket/prefix` or another address that fsspec knows",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_INLINE_KB",
            "Uploads up to this size stay in the database even where there is a store for files.",
            "64",
            "kB (1024 bytes)",
        ),
    ),
    "The web process": (
        Variable(
            "DEEPGRADE_HTTPS",
            "1: a proxy in front speaks https to browsers. Cookies are `Secure`, browsers are told to come back by "
            "https alone, and the proxy's `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
            "0",
            "0 or 1",
        ),
        Variable(
            "DEEPGRADE_ADMIN_PASSWORD",
            "Password of the first admin, made at the first start; later it has no effect.",
            "one made up, shown once",
            "10 to 200 characters",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_METRICS_TOKEN",
            "Who sends it as `Authorization: Bearer ...` may read `/metrics`.",
            "none: this machine alone may, and nobody through a proxy",
            "text",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_CLIENT_SECONDS",
            "How long a client may send or take no byte, or need for the header of a request. Past it the connection "
            "is closed.",
            "30",
            "seconds",
        ),
        Variable(
            "DEEPGRADE_CLIENT_KB",
            "How fast a client must send an upload or take an answer, on the whole and after "
            "`DEEPGRADE_CLIENT_SECONDS`. A slower connection is closed; an upload of 8 MB has half an hour.",
            "4",
            "kB (1024 bytes) a second",
        ),
        Variable(
            "DEEPGRADE_CONNECTIONS",
            "Connections at a time. Where nine tenths of them are open, those that move least make room for who comes "
            "next. Each may need three files (`ulimit -n`).",
            "1000",
            "a number from 20 on",
        ),
        Variable(
            "DEEPGRADE_LOG",
            "How the service's processes write their logs, to standard error: lines for people, or an object of JSON "
            "in each line. Neither holds a password, a token or a secret.",
            "text",
            "`text` or `json`",
        ),
    ),
    "Mail, and sign-in elsewhere": (
        Variable(
            "DEEPGRADE_PUBLIC_URL",
            "Where people find the service: what links in mails begin with, and where an OpenID Connect provider sends "
            "people back to, at `/sign-in/elsewhere/back`.",
            "none: no mail, and no sign-in elsewhere",
            "an address such as `https://deepgrade.example.edu`",
        ),
        Variable(
            "DEEPGRADE_SMTP",
            "The server that takes mail: invitations, and links for those who forgot their passwords. STARTTLS is used "
            "where the server has it, and a password is never sent without.",
            "none: links are shown to staff, who pass them on",
            "`smtp://user:password@host:587` or `smtps://user:password@host`",
            secret=True,
        ),
        Variable("DEEPGRADE_MAIL_FROM", "Whom mails are from.", "`deepgrade@localhost`", "an address for mail"),
        Variable(
            "DEEPGRADE_OIDC_ISSUER",
            "An OpenID Connect provider through which people may sign in, beside their passwords here.",
            "none",
            "an address, below which `/.well-known/openid-configuration` is",
        ),
        Variable("DEEPGRADE_OIDC_CLIENT_ID", "What the provider calls this service.", "none", "text"),
        Variable(
            "DEEPGRADE_OIDC_CLIENT_SECRET", "What this service shows to the provider.", "none", "text", secret=True
        ),
        Variable("DEEPGRADE_OIDC_NAME", "What the button says: Sign in with ...", "`your institution`", "text"),
    ),
    "Grading": (
        Variable(
            "DEEPGRADE_SECRET",
            "The course's secret, from which the examples of hidden tests are drawn. Several hosts must share it.",
            "the file `course.secret` in `DEEPGRADE_HOME`, made at the first start",
            "at least 16 characters, such as `openssl rand -hex 32` prints",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_ENGINE",
            "`embedded`: idle workers look for work in the database; `celery`: they are rung through a broker too.",
            "embedded",
            "`embedded` or `celery`",
        ),
        Variable(
            "DEEPGRADE_BROKER",
            "The broker that rings, for `celery`.",
            "none",
            "`redis://...`, `rediss://...`, `amqp://...` or `amqps://...`",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_WORKERS",
            "Slots of `deepgrade serve`: uploads that it grades at a time. With two or more the first takes nothing "
            "but short jobs.",
            "2; with `celery` 0",
            "a number, not more than cores",
        ),
        Variable(
            "DEEPGRADE_HOST",
            "Name of this host, unlike that of any other.",
            "what the system calls it",
            "up to 60 letters, digits and . _ @ -",
        ),
        Variable(
            "DEEPGRADE_MEMORY_MB",
            "What all gradings of this host may use together; the next one waits.",
            "all that the host has",
            "MB (2^20 bytes)",
        ),
        Variable(
            "DEEPGRADE_STUDENT_JOBS",
            "Uploads of one student that are graded at a time, in each queue; the next one waits.",
            "4",
            "a number",
        ),
        Variable(
            "DEEPGRADE_LONG_SECONDS",
            "An assignment whose manifest expects to take longer has the queue `cpu-long`.",
            "60",
            "seconds",
        ),
        Variable(
            "DEEPGRADE_LEASE_SECONDS",
            "A worker that is not heard of for so long is lost, and its job goes to another.",
            "45",
            "seconds",
        ),
        Variable(
            "DEEPGRADE_CGROUP",
            "A delegated cgroup (v2) below which sandboxes are limited, for an ordinary user.",
            "none: as root version 1's, where there is one; else rlimits and a watchdog",
            "a path below `/sys/fs/cgroup`, empty, with the controllers memory and pids",
        ),
        Variable(
            "DEEPGRADE_GPU",
            "The NVIDIA GPU that training checks of this worker may use.",
            "none: training checks use their setting for a CPU",
            "its number, such as 0",
        ),
    ),
    "Students' commands": (
        Variable(
            "DEEPGRADE_URL",
            "The service that `deepgrade submit`, `status` and `report` talk to.",
            "the one that `deepgrade login` was told",
            "an address such as `https://deepgrade.example.edu`",
        ),
        Variable(
            "DEEPGRADE_TOKEN",
            "The token that they send, where nobody can type one.",
            "the one that `deepgrade login` was given",
            "as the service's page of tokens shows it once",
            secret=True,
        ),
    ),
    "Data sets": (
        Variable(
            "DEEPGRADE_DATA",
            "Folder of files that are here already; looked at first.",
            "none",
            "a path",
        ),
        Variable(
            "DEEPGRADE_CACHE",
            "Folder that `deepgrade data` fills; looked at second.",
            "the platform's folder for caches, such as `~/.cache/deepgrade`",
            "a path",
        ),
        Variable(
            "DEEPGRADE_MIRROR",
            "A mirror of your own, asked before the public ones.",
            "none",
            "a URL, to which a set's folder and file are added",
        ),
    ),
}

# Between our own processes; nobody sets them.
INTERNAL = frozenset({"DEEPGRADE_CANARY", "DEEPGRADE_DOCTOR"})

# What of the caller's environment reaches the processes that `serve` and `worker` start, beside the settings. A name
# that ends with * stands for all that begin so. Whatever else is set in a shell changes nothing of what is graded.
PASSED_ON = {
    "Where programs and people are": ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"),
    "Language and time": ("LANG", "LANGUAGE", "LC_*", "TZ"),
    "GPUs": ("CUDA_VISIBLE_DEVICES",),
    "Certificates and proxies": (
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        *(name for one in ("http_proxy", "https_proxy", "no_proxy") for name in (one, one.upper())),
    ),
    "PostgreSQL, and the store of files": ("PG*", "AWS_*", "AZURE_*", "GOOGLE_*", "FSSPEC_*"),
}

VARIABLES = {one.name: one for section in SECTIONS.values() for one in section}
SECRETS = frozenset(name for name, one in VARIABLES.items() if one.secret)


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """What of this environment a process of the service gets: the settings, and what `PASSED_ON` names.

    The first admin's password is not among it.
    """
    known = [pattern for patterns in PASSED_ON.values() for pattern in patterns]
    exact = {*VARIABLES, *known} - {"DEEPGRADE_ADMIN_PASSWORD"}
    beginnings = tuple(pattern[:-1] for pattern in known if pattern.endswith("*"))
    return {name: value for name, value in environment.items() if name in exact or name.startswith(beginnings)}


def read_file(environment: MutableMapping[str, str]) -> None:
    """Add to the environment what DEEPGRADE_SETTINGS says and the environment does not.

    Raises DeepgradeError where the file cannot be read, holds a name or a value that is none, or holds a secret and is
    readable by others.
    """
    given = environment.get(FILE)
    if not given:
        return
    path = Path(given).expanduser()
    try:
        text, mode = path.read_bytes().decode(), path.stat().st_mode & 0o777
        settings = tomllib.loads(text)
    except OSError as error:
        raise DeepgradeError(f"{path}: cannot be read ({error.strerror}); {FILE} must name a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeepgradeError(f"{path}: is no TOML file ({error})") from error
    for key, value in settings.items():
        name = PREFIX + key.upper()
        if key != key.lower() or name not in VARIABLES or name == FILE:
            raise DeepgradeError(f"{path}: {key!r} is no setting; docs/settings.md names all of them")
        if VARIABLES[name].secret and mode & 0o077:
            raise DeepgradeError(
                f"{path}: holds {key} and can be read by others (mode {mode:o}); run `chmod 600 {path}`"
            )
        if isinstance(value, bool):
            value = int(value)
        if not isinstance(value, (str, int, float)):
            raise DeepgradeError(f"{path}: {key} must be text, a number, true or false")
        environment.setdefault(name, str(value))


def page() -> str:
    """docs/settings.md."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield "Made by `make settings` from `grader_service/core/variables.py`: change that file, not this page."
    yield ""
    yield "Each setting is a variable of the environment. Those that nobody set may stand in a TOML file, which"
    yield f"`{FILE}` names; there they are written small and without `{PREFIX}`, and a file that holds a secret"
    yield "must be readable by nobody else (mode 600):"
    yield ""
    yield "    # /etc/deepgrade.toml"
    yield '    home = "/srv/deepgrade"'
    yield "    https = true"
    yield "    workers = 4"
    yield ""
    yield "A value that cannot be is refused at the start, with a sentence."
    for title, section in SECTIONS.items():
        yield ""
        yield f"## {title}"
        for one in section:
            yield ""
            yield f"### {one.name}"
            yield ""
            yield one.effect
            yield ""
            if one.unit:
                yield f"- Values: {one.unit}"
            yield f"- Default: {one.default}"
            if one.secret:
                yield "- Secret: it is never shown and never logged"
    yield ""
    yield "## What else of the environment has an effect"
    yield ""
    yield "The processes that `deepgrade serve` and `deepgrade worker` start get the settings above and these."
    yield "No other variable of the shell reaches them: `PYTEST_ADDOPTS`, `PYTHONPATH`, `OMP_NUM_THREADS` and"
    yield "their like change nothing of what is graded."
    yield ""
    for title, names in PASSED_ON.items():
        yield f"- {title}: {', '.join(f'`{name}`' for name in names)}"
    yield ""
