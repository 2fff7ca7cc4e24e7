"""The pages of errors: one clear sentence each."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from grader_service.accounts.failed_attempts import TooMany
from grader_service.database.files import StoreError
from grader_service.web import form_checks, formatting

log = logging.getLogger("deepgrade.web")

SENTENCES = {
    400: "The request cannot be understood.",
    403: "This page is for staff.",
    404: "This page does not exist, or you are not allowed to see it.",
    405: "This address does not support this request.",
    413: "The upload is larger than any assignment allows; hand in only the files that the assignment names.",
    429: "You sent too many requests. Wait one minute, then try again.",
    500: "An error occurred in the service. The service's log has the details.",
    503: "The service cannot read or write its data at the moment. Nothing was stored. Try again in a minute.",
}
FOR_PROGRAMS = SENTENCES | {
    401: "This request needs a valid token. Create one on your account page and send it as `Authorization: Bearer`.",
    403: "Your role or the scope of your token does not permit this.",
    404: "This resource does not exist, or you are not allowed to see it.",
    415: "The request has the wrong content type. See /api/v1/openapi.json.",
    422: "The request does not match the schema at /api/v1/openapi.json. `errors` names the wrong fields.",
}


def install(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, lambda error: page(400, form_checks.sentence(error)))
    app.register_error_handler(OperationalError, _out_of_reach)
    app.register_error_handler(StoreError, _out_of_reach)
    app.register_error_handler(TooMany, _too_many)


def page(status: int, sentence: str | None = None, errors: object = None) -> tuple[str | Response, int]:
    if request.path.startswith("/api/"):
        return _for_a_program(status, sentence or FOR_PROGRAMS[status], errors), status
    return render_template("error.html", status=status, sentence=sentence or SENTENCES[status]), status


def _for_a_program(status: int, sentence: str, errors: object) -> Response:
    """The error as the API's description defines it."""
    answer = {"code": status, "status": HTTPStatus(status).phrase, "message": sentence}
    return jsonify(answer | ({"errors": errors} if errors else {}))


def _http(error: HTTPException) -> tuple[str | Response, int] | Response:
    data = getattr(error, "data", {})  # the details of the API's views and forms
    if isinstance(error, RateLimitExceeded):
        data = {"message": error.description}
    known = FOR_PROGRAMS if request.path.startswith("/api/") else SENTENCES
    if error.code is None or error.code not in known:
        return error.get_response()  # type: ignore[return-value]
    return page(error.code, data.get("message"), data.get("messages"))


def _too_many(error: TooMany) -> Response:
    """Too many wrong passwords for one account from one network."""
    which = "Too many wrong passwords"
    if request.endpoint != "auth.password":
        which += " for this login came from your network"
    answer, status = page(429, f"{which}. Try again in {formatting.span(60 * math.ceil(error.seconds / 60))}.")
    response = make_response(answer, status)
    response.headers["Retry-After"] = str(error.seconds)
    return response


def _out_of_reach(error: OperationalError | StoreError) -> tuple[str | Response, int]:
    log.error("the request is answered 503: %s", error)
    return page(503)
