"""`/api/v1`: what the pages do, for programs; described by OpenAPI at /api/v1/openapi.json.

A program sends `Authorization: Bearer TOKEN`, a token that its person made on the page of tokens. It may do what the
person may, as far as the token's scope and course reach. Cookies are not looked at, so no form of a stranger can use
them. Every no is JSON as well: {"code", "status", "message", "errors"}.
"""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Flask
from flask_smorest import Api

import autograder
from autograder.report.schema import Report
from grader_service.web import permissions
from grader_service.web.api import limits, people, staff, work
from grader_service.web.security import csrf

PREFIX = "/api/v1"
BLUEPRINTS = (people.blueprint, work.blueprint, staff.blueprint)
for _blueprint in BLUEPRINTS:  # once a process, however many apps it makes: a limit set twice counts a request twice
    csrf.exempt(_blueprint)  # it looks at no cookie
    limits.often(_blueprint)


class _Api(Api):
    def _register_error_handlers(self) -> None:
        """Errors are answered by `pages.errors`, for pages and programs."""


def install(app: Flask) -> None:
    app.config.update(
        API_TITLE="deepgrade",
        API_VERSION=autograder.__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
    )
    options: dict[str, Any] = {
        "info": {"description": __doc__},
        "security": [{"token": []}],
        "servers": [{"url": "/", "description": "this service"}],
    }
    api = _Api(app, spec_kwargs=options)
    api.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    _, parts = msgspec.json.schema_components([Report], ref_template="#/components/schemas/{name}")
    for name, schema in parts.items():
        api.spec.components.schema(name, schema)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint, url_prefix=PREFIX)
    described = app.view_functions["api-docs.openapi_json"]

    @permissions.anybody
    def openapi_json() -> Any:
        return described()

    app.view_functions["api-docs.openapi_json"] = openapi_json
