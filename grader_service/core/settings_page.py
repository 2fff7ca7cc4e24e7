"""docs/settings.md, as `make settings` writes it from the table of variables."""

from __future__ import annotations

from collections.abc import Iterator

from grader_service.core.environment import PASSED_ON
from grader_service.core.settings import default
from grader_service.core.variables import FILE, PREFIX, SECTIONS


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
            yield f"- Default: {one.default or default(one)}"
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
