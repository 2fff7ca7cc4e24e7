"""Everything that can be set from outside, one by one: the table of which Settings, docs/settings.md and the names in a
file are made.

A variable of the environment wins over the same one in the file that DEEPGRADE_SETTINGS names. There a name is written
small and without its prefix:

    https = true                                    # DEEPGRADE_HTTPS=1
    database = "postgresql+psycopg://host/name"     # DEEPGRADE_DATABASE
"""

from __future__ import annotations

from dataclasses import dataclass

from grader_service.core.setting_kinds import (
    Address,
    ExistingFolder,
    Folder,
    NoFile,
    Number,
    OneOf,
    Pattern,
    Switch,
    Text,
)

PREFIX = "DEEPGRADE_"
FILE = "DEEPGRADE_SETTINGS"
TEXT = Text()


@dataclass(frozen=True)
class Variable:
    name: str
    effect: str
    default: str  # in words; empty for what Settings says
    unit: str = ""  # or the values that it can have
    secret: bool = False  # never shown, never logged; a file that holds it is for nobody else's eyes
    field: str = ""  # of Settings; none for what the engine and the students' commands read by themselves
    kind: Text = TEXT


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
            field="database",
        ),
        Variable(
            "DEEPGRADE_COURSE",
            "Folder with `assignments/` and `solutions/`.",
            "the course that is installed with deepgrade",
            "a path",
            field="course",
            kind=Folder(),
        ),
        Variable(
            "DEEPGRADE_FILES",
            "Store for uploads larger than `DEEPGRADE_INLINE_KB`. Every host must reach it under this address.",
            "none: all uploads are in the database",
            "`file:///folder`, `s3://bucket/prefix` or another address that fsspec knows",
            secret=True,
            field="files",
        ),
        Variable(
            "DEEPGRADE_INLINE_KB",
            "Uploads up to this size stay in the database even if there is a file store.",
            "",
            "kB (1024 bytes)",
            field="inline_kb",
            kind=Number(least=0, whole=True),
        ),
    ),
    "The web process": (
        Variable(
            "DEEPGRADE_HTTPS",
            "1: a proxy in front of the service speaks https to browsers. Cookies are `Secure`, browsers must use "
            "https, and the service trusts the proxy's `X-Forwarded-For` and `X-Forwarded-Proto`.",
            "",
            "0 or 1",
            field="https",
            kind=Switch(),
        ),
        Variable(
            "DEEPGRADE_ADMIN_PASSWORD",
            "Password of the first admin, who is created at the first start. Later it has no effect.",
            "a random password, shown once",
            "10 to 200 characters",
            secret=True,
            field="admin_password",
            kind=Text(least=10, longest=200),
        ),
        Variable(
            "DEEPGRADE_METRICS_TOKEN",
            "A client that sends this token as `Authorization: Bearer ...` can read `/metrics`.",
            "none: only this machine can read it, and not through a proxy",
            "text",
            secret=True,
            field="metrics_token",
        ),
        Variable(
            "DEEPGRADE_CLIENT_SECONDS",
            "How long a client may transfer no byte, and how long the header of a request may take. After that the "
            "connection is closed.",
            "",
            "seconds",
            field="client_seconds",
            kind=Number(least=1),
        ),
        Variable(
            "DEEPGRADE_CLIENT_KB",
            "Lowest average speed of an upload or a download, measured after `DEEPGRADE_CLIENT_SECONDS`. A slower "
            "connection is closed. An upload of 8 MB can take half an hour.",
            "",
            "kB (1024 bytes) a second",
            field="client_kb",
            kind=Number(least=0.1),
        ),
        Variable(
            "DEEPGRADE_CONNECTIONS",
            "Limit of open connections. When nine tenths are open, new connections replace the slowest ones. Each "
            "connection may need three files (`ulimit -n`).",
            "",
            "a number of at least 20",
            field="connections",
            kind=Number(least=20, below=1e5, whole=True),
        ),
        Variable(
            "DEEPGRADE_LOG",
            "Format of the logs on standard error: lines for people, or a JSON object in each line. Logs contain no "
            "password, token or secret.",
            "",
            "`text` or `json`",
            field="log",
            kind=OneOf(values=("text", "json")),
        ),
    ),
    "Mail and sign-in through a provider": (
        Variable(
            "DEEPGRADE_PUBLIC_URL",
            "Public address of the service. Links in mails begin with it. An OpenID Connect provider redirects to "
            "`/sign-in/elsewhere/back` below it.",
            "none: no mail and no sign-in through a provider",
            "an address such as `https://deepgrade.example.edu`",
            field="public_url",
            kind=Address(beginnings=("https://", "http://")),
        ),
        Variable(
            "DEEPGRADE_SMTP",
            "Mail server for invitations and password links. STARTTLS is used if the server offers it. A password is "
            "never sent unencrypted.",
            "none: staff see the links and pass them on",
            "`smtp://user:password@host:587` or `smtps://user:password@host`",
            secret=True,
            field="smtp",
            kind=Address(beginnings=("smtp://", "smtps://")),
        ),
        Variable(
            "DEEPGRADE_MAIL_FROM",
            "Sender of the mails.",
            "`deepgrade@localhost`",
            "an e-mail address",
            field="mail_from",
            kind=Pattern(pattern=r"[^@\s<>,]+@[^@\s<>,]+", words="an e-mail address, such as deepgrade@example.edu"),
        ),
        Variable(
            "DEEPGRADE_OIDC_ISSUER",
            "OpenID Connect provider for sign-in, in addition to passwords.",
            "none",
            "an address that serves `/.well-known/openid-configuration`",
            field="oidc_issuer",
            kind=Address(beginnings=("https://", "http://localhost", "http://127.0.0.1")),
        ),
        Variable(
            "DEEPGRADE_OIDC_CLIENT_ID",
            "Client id of this service at the provider.",
            "none",
            "text",
            field="oidc_client_id",
        ),
        Variable(
            "DEEPGRADE_OIDC_CLIENT_SECRET",
            "Client secret of this service at the provider.",
            "none",
            "text",
            secret=True,
            field="oidc_client_secret",
        ),
        Variable(
            "DEEPGRADE_OIDC_NAME",
            "Name of the provider on the button `Sign in with ...`.",
            "`your institution`",
            "text",
            field="oidc_name",
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
            "`embedded`: idle slots poll the database; `celery`: Celery workers get tickets from a broker.",
            "",
            "`embedded` or `celery`",
            field="engine",
            kind=OneOf(values=("embedded", "celery")),
        ),
        Variable(
            "DEEPGRADE_BROKER",
            "The broker for `celery`.",
            "none",
            "`redis://...`, `rediss://...`, `amqp://...` or `amqps://...`",
            secret=True,
            field="broker",
            kind=Address(beginnings=("redis://", "rediss://", "amqp://", "amqps://")),
        ),
        Variable(
            "DEEPGRADE_WORKERS",
            "Number of uploads that `deepgrade serve` grades at a time. With two or more, the first slot takes only "
            "short jobs.",
            "2; with `celery` 0",
            "a number up to the number of cores",
            field="workers",
            kind=Number(least=0, below=1025, whole=True),
        ),
        Variable(
            "DEEPGRADE_HOST",
            "Name of this host. It must be unique.",
            "the hostname",
            "up to 60 letters, digits and . _ @ -",
            field="host",
            kind=Pattern(pattern=r"[A-Za-z0-9][A-Za-z0-9._@-]{0,59}", words="up to 60 letters, digits and . _ @ -"),
        ),
        Variable(
            "DEEPGRADE_MEMORY_MB",
            "Memory limit of all gradings of this host together. The next grading waits.",
            "all memory of the host",
            "MB (2^20 bytes)",
            field="memory_mb",
            kind=Number(least=0, below=2**30, whole=True),
        ),
        Variable(
            "DEEPGRADE_STUDENT_JOBS",
            "Number of uploads of one student that are graded at a time in each queue. The next upload waits.",
            "",
            "a number",
            field="student_jobs",
            kind=Number(least=1, whole=True),
        ),
        Variable(
            "DEEPGRADE_LONG_SECONDS",
            "An assignment uses the queue `cpu-long` if its manifest expects a longer time.",
            "",
            "seconds",
            field="long_seconds",
            kind=Number(least=0),
        ),
        Variable(
            "DEEPGRADE_LEASE_SECONDS",
            "A worker that does not report for this time is lost. Another worker takes its job.",
            "",
            "seconds",
            field="lease_seconds",
            kind=Number(least=1),
        ),
        Variable(
            "DEEPGRADE_CGROUP",
            "A delegated cgroup (v2) that limits sandboxes if the service runs as an ordinary user.",
            "the cgroup that systemd has delegated to the unit (`Delegate=yes`); otherwise none: root uses cgroups of "
            "version 1 if they exist, else rlimits and a watchdog apply",
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
            kind=Address(beginnings=("https://", "http://")),
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
            kind=ExistingFolder(),
        ),
        Variable(
            "DEEPGRADE_CACHE",
            "Folder that `deepgrade data` fills. It is searched second. `deepgrade verify` keeps proofs in `.proofs`.",
            "the platform's folder for caches, such as `~/.cache/deepgrade`",
            "a path",
            kind=NoFile(),
        ),
        Variable(
            "DEEPGRADE_MIRROR",
            "Your own mirror. It is used before the public mirrors.",
            "none",
            "a URL; the folder and file of a set are appended",
            kind=Address(beginnings=("https://", "http://")),
        ),
    ),
}

# Between our own processes; nobody sets them.
INTERNAL = frozenset({"DEEPGRADE_CANARY", "DEEPGRADE_DOCTOR"})

VARIABLES = {one.name: one for section in SECTIONS.values() for one in section}
SECRETS = frozenset(name for name, one in VARIABLES.items() if one.secret)
