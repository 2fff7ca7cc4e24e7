"""Blueprints of the API: bodies of requests, and the types of flask-smorest's decorators, which has none.

A body that is no JSON that can be read is the sender's fault, and no line in our log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import flask
import flask_smorest
from marshmallow import Schema
from webargs.flaskparser import FlaskParser

if TYPE_CHECKING:
    from flask import Blueprint as Base  # of which that of flask_smorest is one, without types
else:
    from flask_smorest import Blueprint as Base

View = TypeVar("View", bound=Callable[..., object])

abort: Callable[..., NoReturn] = flask_smorest.abort


class _Parser(FlaskParser):
    def _raw_load_json(self, req: flask.Request) -> Any:
        """Nested without end, or a number of thousands of digits: Python refuses both in errors of other kinds."""
        try:
            return super()._raw_load_json(req)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(type(error).__name__, "the body of the request", 0) from error


class Blueprint(Base):
    ARGUMENTS_PARSER = _Parser()

    if TYPE_CHECKING:

        def __init__(self, name: str, import_name: str, *, description: str) -> None: ...

        def arguments(self, schema: type[Schema], *, location: str = "json") -> Callable[[View], View]:
            """The view is called with what the request says there, as a dict by position."""

        def response(
            self,
            status: int,
            schema: type[Schema] | dict[str, str] | None = None,
            *,
            description: str | None = None,
            content_type: str | None = None,
        ) -> Callable[[Callable[..., object]], Callable[..., flask.Response]]:
            """What the view returns is made a response by the schema."""

        def alt_response(self, status: int, *, schema: type[Schema], description: str) -> Callable[[View], View]: ...

        def doc(self, *, security: list[dict[str, list[str]]]) -> Callable[[View], View]: ...
