"""Calls of the API as hypothesis draws them from its own description: some that fit it, and some that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from grader_service.accounts import accounts, tokens
from grader_service.core.settings import Settings
from grader_service.web.app import create_app
from grader_service.web.security import limiter

from ..conftest import COURSE
from . import pages_list

MODES = ("positive", "negative")  # calls that fit the description, and calls that do not
RULES = ["status_code_conformance", "content_type_conformance", "response_schema_conformance"]

# Tries calls under some settings, and adds an item for each to a list.
Ask = Callable[[settings, list[None]], None]


@contextmanager
def described(home: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    """The schemathesis of a service with something in it; secrets of a student's token and of staff's."""
    import schemathesis

    app = create_app(Settings(home=home, course=COURSE))
    pages_list.populate(app)
    secrets = {}
    with app.extensions["services"].database.write() as session:
        for login, scope in (("ada", "submit"), ("eve", "staff")):
            person = accounts.find(session, login)
            assert person is not None
            _, secrets[login] = tokens.make(session, person, name="test", scope=scope)
    limiter.enabled = False
    try:
        yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app), secrets
    finally:
        limiter.enabled = True
        app.extensions["services"].database.close()


def calls(schema: Any, secrets: dict[str, str], mode: str) -> Iterator[tuple[str, Ask]]:
    """("GET /path", ask) for each operation: no answer may be a 500, or unlike its description."""
    import schemathesis
    from schemathesis import checks

    rules = [checks.not_a_server_error, *checks.CHECKS.get_by_names(RULES)]
    for found in schema.get_all_operations():
        operation = found.ok()
        there = {"slug": "course", "name": "double", "submission_id": 2}
        parts = {name: there[name] for name in there if f"{{{name}}}" in operation.path}
        kind = schemathesis.GenerationMode(mode)
        cases = operation.as_strategy(kind)
        if parts:
            cases |= operation.as_strategy(kind, path_parameters=parts)
        if "submission_id" in parts:
            cases |= operation.as_strategy(kind, path_parameters={"submission_id": 4})  # that one waits
        yield f"{operation.method.upper()} {operation.path}", _asking(cases, secrets, rules)


def _asking(cases: Any, secrets: dict[str, str], rules: list[Any]) -> Ask:
    def ask(how: settings, tried: list[None]) -> None:
        @how
        @given(case=cases, who=st.sampled_from(sorted(secrets)))
        def call(case: Any, who: str) -> None:
            tried.append(None)
            answer = case.call(headers={"Authorization": f"Bearer {secrets[who]}"})
            case.validate_response(answer, checks=rules)

        call()

    return ask
