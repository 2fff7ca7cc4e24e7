"""What keeps a token safe on a student's machine. The commands themselves: tests/service/cli/test_commands.py."""

from __future__ import annotations

import http.server
import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import client
from autograder.client import Account, Service
from autograder.core.errors import DeepgradeError


@pytest.mark.parametrize(
    "given, kept",
    [
        ("https://grade.example.edu", "https://grade.example.edu"),
        ("grade.example.edu", "https://grade.example.edu"),
        ("https://grade.example.edu:8443/", "https://grade.example.edu:8443"),
        ("https://example.edu/grade/", "https://example.edu/grade"),
        ("https://grade.example.edu/api/v1", "https://grade.example.edu"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_address_is_kept_as_people_give_it(given, kept):
    assert client.address(given) == kept


@pytest.mark.parametrize(
    "given, sentence",
    [
        ("", "is no address"),
        ("ftp://x", "is no address"),
        ("https://", "is no address"),
        ("https://user:password@x", "holds more than an address"),
        ("https://x?token=1", "holds more than an address"),
        ("http://grade.example.edu", "without https others could read your token"),
        ("http://localhost.example.edu", "without https others could read your token"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_a_sentence(given, sentence):
    with pytest.raises(DeepgradeError, match=sentence):
        client.address(given)


@given(st.text() | st.from_regex(r"https?://[^ ]*"))
def test_whatever_is_given_as_an_address_is_kept_or_refused(text):
    try:
        kept = client.address(text)
    except DeepgradeError:
        return
    assert client.address(kept) == kept


def test_a_token_is_kept_for_its_owner_s_eyes(tmp_path):
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    for token in ("one", "two"):
        path = client.keep(Account("https://x", token), environment)
        assert client.account(environment) == Account("https://x", token)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    client.forget(environment)
    with pytest.raises(DeepgradeError, match="you are not signed in; run `deepgrade login ADDRESS`"):
        client.account(environment)


def test_the_environment_comes_before_the_file(tmp_path):
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    client.keep(Account("https://x", "kept"), environment)
    both = {**environment, "DEEPGRADE_URL": "https://y", "DEEPGRADE_TOKEN": "given"}
    assert client.account(both) == Account("https://y", "given")
    assert client.account({**environment, "DEEPGRADE_TOKEN": "given"}) == Account("https://x", "given")


def test_a_token_goes_to_no_other_service_than_its_own(tmp_path):
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    client.keep(Account("https://x", "kept"), environment)
    with pytest.raises(DeepgradeError, match="is another service than that of your token"):
        client.account({**environment, "DEEPGRADE_URL": "https://elsewhere"})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": "https://x"}', "\x00"])
def test_a_file_that_is_broken_is_told(tmp_path, text):
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    client.keep(Account("https://x", "kept"), environment).write_text(text)
    with pytest.raises(DeepgradeError, match="run `deepgrade login ADDRESS` again"):
        client.account(environment)


@contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[tuple[str, list[http.server.BaseHTTPRequestHandler]]]:
    """A server that gives these answers in turn, the last one for ever; and what it was asked."""
    asked: list[http.server.BaseHTTPRequestHandler] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(self)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(client, "PAUSE", 0.001)


ME = json.dumps({"login": "ada", "courses": []}).encode()


def test_what_is_out_of_order_for_a_moment_is_asked_again():
    with answering((503, b""), (502, b""), (200, ME)) as (url, asked):
        assert Service(Account(url, "t")).me()["login"] == "ada"
        assert len(asked) == 3


@pytest.mark.parametrize(
    "status, body, sentence",
    [
        (503, b"", "says 503: without a reason"),
        (500, b"<html>", "says 500: without a reason"),
        (401, b'{"message": "no token"}', r"does not know the token \(no token\); run `deepgrade login` again"),
        (422, b'{"message": "the upload is not a zip"}', "^the upload is not a zip$"),
        (404, b'{"message": "there is none"}', "says 404: there is none"),
        (302, b"", "leads elsewhere"),
        (200, b"<html>", "is not one of a deepgrade service"),
        (200, b"[]", "is not one of a deepgrade service"),
    ],
)
def test_a_no_is_one_sentence(status, body, sentence):
    with answering((status, body)) as (url, _), pytest.raises(DeepgradeError, match=sentence):
        Service(Account(url, "t")).me()


def test_a_token_follows_no_redirection():
    with answering((302, b"")) as (url, asked):
        with pytest.raises(DeepgradeError):
            Service(Account(url, "t")).me()
        assert len(asked) == 1


def test_an_answer_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(client, "MOST_BYTES", 1000)
    with answering((200, bytes(2000))) as (url, _), pytest.raises(DeepgradeError, match="the answer is larger than"):
        Service(Account(url, "t")).me()


def test_nobody_there_is_one_sentence():
    with pytest.raises(DeepgradeError, match="does not answer"):
        Service(Account("http://127.0.0.1:1", "t")).me()
