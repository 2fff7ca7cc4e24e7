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
    "Locations": (
        Variable(FILE, "A file that contains other settings.", "none", "a path to a TOML file"),
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
            "Store for uploads larger than `DEEPGRADE_INLINE_KB`. Every host must reach it under this address.",
            "none: all uploads are in the database",
            "`file:///folder`, `s3://bucket/prefix` or another address that fsspec knows",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_INLINE_KB",
            "Uploads up to this size stay in the database even if there is a file store.",
            "64",
            "kB (1024 bytes)",
        ),
    ),
    "The web process": (
        Variable(
            "DEEPGRADE_HTTPS",
            "1: a proxy in front of the service speaks https to browsers. Cookies are `Secure`, browsers must use "
            "https, and the service trusts the proxy's `X-Forwarded-For` and `X-Forwarded-Proto`.",
            "0",
            "0 or 1",
        ),
        Variable(
            "DEEPGRADE_ADMIN_PASSWORD",
            "Password of the first admin, who is created at the first start. Later it has no effect.",
            "a random password, shown once",
            "10 to 200 characters",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_METRICS_TOKEN",
            "A client that sends this token as `Authorization: Bearer ...` can read `/metrics`.",
            "none: only this machine can read it, and not through a proxy",
            "text",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_CLIENT_SECONDS",
            "How long a client may transfer no byte, and how long the header of a request may take. After that the "
            "connection is closed.",
            "30",
            "seconds",
        ),
        Variable(
            "DEEPGRADE_CLIENT_KB",
            "Lowest average speed of an upload or a download, measured after `DEEPGRADE_CLIENT_SECONDS`. A slower "
            "connection is closed. An upload of 8 MB can take half an hour.",
            "4",
            "kB (1024 bytes) a second",
        ),
        Variable(
            "DEEPGRADE_CONNECTIONS",
            "Limit of open connections. When nine tenths are open, new connections replace the slowest ones. Each "
            "connection may need three files (`ulimit -n`).",
            "1000",
            "a number of at least 20",
        ),
        Variable(
            "DEEPGRADE_LOG",
            "Format of the logs on standard error: lines for people, or a JSON object in each line. Logs contain no "
            "password, token or secret.",
            "text",
            "`text` or `json`",
        ),
    ),
    "Mail and sign-in through a provider": (
        Variable(
            "DEEPGRADE_PUBLIC_URL",
            "Public address of the service. Links in mails begin with it. An OpenID Connect provider redirects to "
            "`/sign-in/elsewhere/back` below it.",
            "none: no mail and no sign-in through a provider",
            "an address such as `https://deepgrade.example.edu`",
        ),
        Variable(
            "DEEPGRADE_SMTP",
            "Mail server for invitations and password links. STARTTLS is used if the server offers it. A password is "
            "never sent unencrypted.",
            "none: staff see the links and pass them on",
            "`smtp://user:password@host:587` or `smtps://user:password@host`",
            secret=True,
        ),
        Variable("DEEPGRADE_MAIL_FROM", "Sender of the mails.", "`deepgrade@localhost`", "an e-mail address"),
        Variable(
            "DEEPGRADE_OIDC_ISSUER",
            "OpenID Connect provider for sign-in, in addition to passwords.",
            "none",
            "an address that serves `/.well-known/openid-configuration`",
        ),
        Variable("DEEPGRADE_OIDC_CLIENT_ID", "Client id of this service at the provider.", "none", "text"),
        Variable(
            "DEEPGRADE_OIDC_CLIENT_SECRET",
            "Client secret of this service at the provider.",
            "none",
            "text",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_OIDC_NAME",
            "Name of the provider on the button `Sign in with ...`.",
            "`your institution`",
            "text",
        ),
    ),
    "Grading": (
        Variable(
            "DEEPGRADE_SECRET",
            "The course's secret. The examples of hidden tests are drawn from it. All hosts must have the same secret.",
            "the file `course.secret` in `DEEPGRADE_HOME`, made at the first start",
            "at least 16 characters, such as `openssl rand -hex 32` prints",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_ENGINE",
            "`embedded`: idle workers poll the database; `celery`: a broker wakes them as well.",
            "embedded",
            "`embedded` or `celery`",
        ),
        Variable(
            "DEEPGRADE_BROKER",
            "The broker for `celery`.",
            "none",
            "`redis://...`, `rediss://...`, `amqp://...` or `amqps://...`",
            secret=True,
        ),
        Variable(
            "DEEPGRADE_WORKERS",
            "Number of uploads that `deepgrade serve` grades at a time. With two or more, the first slot takes only "
            "short jobs.",
            "2; with `celery` 0",
            "a number up to the number of cores",
        ),
        Variable(
            "DEEPGRADE_HOST",
            "Name of this host. It must be unique.",
            "the hostname",
            "up to 60 letters, digits and . _ @ -",
        ),
        Variable(
            "DEEPGRADE_MEMORY_MB",
            "Memory limit of all gradings of this host together. The next grading waits.",
            "all memory of the host",
            "MB (2^20 bytes)",
        ),
        Variable(
            "DEEPGRADE_STUDENT_JOBS",
            "Number of uploads of one student that are graded at a time in each queue. The next upload waits.",
            "4",
            "a number",
        ),
        Variable(
            "DEEPGRADE_LONG_SECONDS",
            "An assignment uses the queue `cpu-long` if its manifest expects a longer time.",
            "60",
            "seconds",
        ),
        Variable(
            "DEEPGRADE_LEASE_SECONDS",
            "A worker that does not report for this time is lost. Another worker takes its job.",
            "45",
            "seconds",
        ),
        Variable(
            "DEEPGRADE_CGROUP",
            "A delegated cgroup (v2) that limits sandboxes if the service runs as an ordinary user.",
            "none: root uses cgroups of version 1 if they exist; otherwise rlimits and a watchdog apply",
            "a path below `/sys/fs/cgroup`, empty, with the controllers memory and pids",
        ),
        Variable(
            "DEEPGRADE_GPU",
            "NVIDIA GPU for the training checks of this worker.",
            "none: training checks use their CPU settings",
            "its number, such as 0",
        ),
    ),
    "Students' commands": (
        Variable(
            "DEEPGRADE_URL",
            "Address of the service for `deepgrade submit`, `status` and `report`.",
            "the address given to `deepgrade login`",
            "an address such as `https://deepgrade.example.edu`",
        ),
        Variable(
            "DEEPGRADE_TOKEN",
            "Token for these commands, for scripts that cannot type one.",
            "the token given to `deepgrade login`",
            "a token from your account page",
            secret=True,
        ),
    ),
    "Data sets": (
        Variable(
            "DEEPGRADE_DATA",
            "Folder of existing files. It is searched first.",
            "none",
            "a path",
        ),
        Variable(
            "DEEPGRADE_CACHE",
            "Folder that `deepgrade data` fills. It is searched second.",
            "the platform's folder for caches, such as `~/.cache/deepgrade`",
            "a path",
        ),
        Variable(
            "DEEPGRADE_MIRROR",
            "Your own mirror. It is used before the public mirrors.",
            "none",
            "a URL; the folder and file of a set are appended",
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
        raise DeepgradeError(f"{path}: is not a valid TOML file ({error})") from error
    for key, value in settings.items():
        name = PREFIX + key.upper()
        if key != key.lower() or name not in VARIABLES or name == FILE:
            raise DeepgradeError(f"{path}: {key!r} is not a setting; docs/settings.md lists all settings")
        if VARIABLES[name].secret and mode & 0o077:
            raise DeepgradeError(
                f"{path}: contains {key}, but other users can read it (mode {mode:o}); run `chmod 600 {path}`"
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
    yield "Each setting is a variable of the environment. Settings can also stand in a TOML file that"
    yield f"`{FILE}` names. The environment overrides the file. The file writes names in lower case and without"
    yield f"`{PREFIX}`. If it contains a secret, nobody else may be able to read it (mode 600):"
    yield ""
    yield "    # /etc/deepgrade.toml"
    yield '    home = "/srv/deepgrade"'
    yield "    https = true"
    yield "    workers = 4"
    yield ""
    yield "A process with an invalid setting does not start, and says why."
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
    yield "## Other environment variables that have an effect"
    yield ""
    yield "The processes that `deepgrade serve` and `deepgrade worker` start get the settings above and these."
    yield "No other variable of the shell reaches them. `PYTEST_ADDOPTS`, `PYTHONPATH`, `OMP_NUM_THREADS` and"
    yield "similar variables do not affect grading."
    yield ""
    for title, names in PASSED_ON.items():
        yield f"- {title}: {', '.join(f'`{name}`' for name in names)}"
    yield ""
