"""The environment: what of it reaches the service's processes, and the file whose settings are added to it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from autograder.core.errors import DeepgradeError
from grader_service.core.variables import FILE, PREFIX, VARIABLES

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
