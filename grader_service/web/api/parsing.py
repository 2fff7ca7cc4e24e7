"""Bodies of requests: what is no JSON that can be read is the sender's fault, and no line in our log."""

from __future__ import annotations

import json
from typing import Any

import flask
import flask_smorest
from webargs.flaskparser import FlaskParser


class _Parser(FlaskParser):
    def _raw_load_json(self, req: flask.Request) -> Any:
        """Nested without end, or a number of thousands of digits: Python refuses both in errors of other kinds."""
        try:
            return super()._raw_load_json(req)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(type(error).__name__, "the body of the request", 0) from error


class Blueprint(flask_smorest.Blueprint):
    ARGUMENTS_PARSER = _Parser()
