"""What a page says when there is none to show: one clear sentence."""

from __future__ import annotations

import logging

from flask import Flask, Response, render_template
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from grader_service.files import StoreError

log = logging.getLogger("deepgrade.web")

SENTENCES = {
    400: "The request cannot be understood.",
    403: "This page is for staff.",
    404: "There is no such page, or it is not yours to see.",
    405: "That cannot be done at this address.",
    413: "The upload is larger than any assignment allows; hand in only the files that the assignment names.",
    429: "Too many failed tries to sign in; wait a minute and try again.",
    500: "Something went wrong on our side; it is written in the service's log.",
    503: "The database or the files cannot be written or read just now, and nothing was stored; try again in a minute.",
}
FORM_EXPIRED = "This form has expired; go back, reload the page and send it again."


def install(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, lambda error: page(400, FORM_EXPIRED))
    app.register_error_handler(OperationalError, _out_of_reach)
    app.register_error_handler(StoreError, _out_of_reach)


def page(status: int, sentence: str | None = None) -> tuple[str, int]:
    return render_template("error.html", status=status, sentence=sentence or SENTENCES[status]), status


def _http(error: HTTPException) -> tuple[str, int] | Response:
    if error.code is None or error.code not in SENTENCES:
        return error.get_response()  # type: ignore[return-value]
    return page(error.code)


def _out_of_reach(error: OperationalError | StoreError) -> tuple[str, int]:
    log.error("the request is answered 503: %s", error)
    return page(503)
