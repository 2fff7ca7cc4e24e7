"""Behind a proxy with https: the real nginx, with the file of deploy/proxy, in front of the real service."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient

from grader_service.core.settings import Settings
from grader_service.database.models import CourseAssignment
from grader_service.submissions import written
from grader_service.web.app import create_app

from ..conftest import COURSE, PASSWORD, RIGHT, hidden_fields, zip_of
from ..support import processes
from ..support.pdfs import pdf
from ..support.processes import opened, serving, wait_for

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
FILE = Path(__file__).parents[3] / "deploy/proxy/nginx.conf"
with_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: `apt-get install nginx`")


def documented() -> str:
    """The file that operators copy."""
    return FILE.read_text(encoding="utf-8")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@dataclasses.dataclass
class Site:
    """`behind` a proxy: a browser's address of it, and the certificate to trust."""

    url: str
    plain: str
    certificate: str

    def browser(self) -> Browser:
        session = requests.Session()
        session.verify, session.trust_env = self.certificate, False
        return Browser(self, session)


@dataclasses.dataclass
class Browser:
    site: Site
    session: requests.Session

    def post(self, path: str, data: dict[str, str], *, form_at: str = "", files: dict | None = None, url: str = ""):
        """A form as a browser sends it, with `Origin` and `Referer`."""
        base = url or self.site.url
        page = f"{base}{form_at or path}"
        hidden = hidden_fields(self.session.get(page).text)
        headers = {"Origin": base, "Referer": page}
        return self.session.post(
            f"{base}{path}", data={**hidden, **data}, files=files, headers=headers, allow_redirects=False
        )

    def sign_in(self, url: str = "") -> requests.Response:
        return self.post("/sign-in", {"login": "ada", "password": PASSWORD}, url=url)


@contextlib.contextmanager
def behind(folder: Path, backend: str, configuration: str) -> Iterator[Site]:
    """nginx with this file, on ports and with a certificate of the test's own."""
    folder.mkdir()
    certificate, key = folder / "one.crt", folder / "one.key"
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost "
        f"-keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    https, http = free_port(), free_port()
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{https} ssl"),
        ("listen 80", f"listen 127.0.0.1:{http}"),
        ("deepgrade.example.edu", "localhost"),
        ("/etc/ssl/deepgrade.crt", str(certificate)),
        ("/etc/ssl/deepgrade.key", str(key)),
        ("http://127.0.0.1:8000", backend),
    ):
        assert old in configuration, f"the file has no {old!r}"
        configuration = configuration.replace(old, new)
    temporary = "".join(
        f"{one}_temp_path {folder / one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; pid {folder / 'pid'}; error_log {folder / 'log'}; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{configuration}\n}}\n"
    )
    assert NGINX is not None
    command = [NGINX, "-p", str(folder), "-e", str(folder / "log"), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:

        def answers() -> bool:
            assert process.poll() is None, (folder / "log").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", https), timeout=1):
                return True
            return False

        wait_for(answers)
        yield Site(f"https://localhost:{https}", f"http://localhost:{http}", str(certificate))
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def backend(tmp_path_factory) -> Iterator[str]:
    settings = Settings(home=tmp_path_factory.mktemp("proxy") / "home", course=COURSE, https=True)
    processes.add(settings, "ada")
    with serving(settings) as running:
        with opened(settings) as database, database.write() as session:
            for chosen in session.query(CourseAssignment):
                chosen.written_points = 5.0
        yield running.url


@with_nginx
def test_with_the_file_of_the_documentation_one_signs_in_and_hands_in_the_largest_file(backend, tmp_path):
    with behind(tmp_path / "nginx", backend, documented()) as site:
        ada = site.browser()
        assert ada.sign_in().status_code == 303
        at = "/courses/course/assignments/double"
        answer = ada.post(at, {}, files={"zip": ("double.zip", zip_of(RIGHT))})
        assert answer.status_code == 303, answer.text
        assert answer.headers["Location"].startswith("/submissions/"), "a relative address stays behind the proxy"
        largest = pdf()
        largest += b"\n%" + b"x" * (written.MOST_KB * 1024 - len(largest) - 2)
        answer = ada.post(f"{at}/written", {}, form_at=at, files={"text": ("mine.pdf", largest)})
        assert answer.headers.get("Location", "").startswith("/submissions/"), answer.text
        answer = ada.post(f"{at}/written", {}, form_at=at, files={"text": ("mine.pdf", largest + b"x" * 200_000)})
        assert answer.status_code == 413
        assert "The upload is larger than any assignment allows" in answer.text, "in our words, not in nginx's"
        redirected = ada.session.get(f"{site.plain}/sign-in", allow_redirects=False)
        assert (redirected.status_code, redirected.headers["Location"]) == (301, "https://localhost/sign-in")


@with_nginx
@pytest.mark.parametrize(
    "line, instead, sentence",
    [
        ("proxy_set_header Host $http_host;", "", "the proxy must forward the header Host unchanged"),
        ("proxy_set_header Host $http_host;", "proxy_set_header Host $host;", "the proxy must forward the header Host"),
        (
            "proxy_http_version 1.1;",
            'proxy_set_header Origin ""; proxy_set_header Referer "";',
            "sent neither Origin nor Referer",
        ),
    ],
    ids=["Host", "its port", "Origin and Referer"],
)
def test_what_a_proxy_leaves_out_is_named(backend, tmp_path, line, instead, sentence):
    configuration = documented()
    assert line in configuration
    with behind(tmp_path / "nginx", backend, configuration.replace(line, instead)) as site:
        answer = site.browser().sign_in()
        assert answer.status_code == 400
        assert sentence in answer.text
        assert "This form has expired" not in answer.text


@with_nginx
def test_a_body_that_comes_slowly_is_handed_in_whole(backend, tmp_path):
    with behind(tmp_path / "nginx", backend, documented()) as site:
        ada = site.browser()
        ada.sign_in()
        at = "/courses/course/assignments/double"
        page = f"{site.url}{at}"
        fields = hidden_fields(ada.session.get(page).text)
        request = requests.Request("POST", page, data=fields, files={"zip": ("double.zip", zip_of(RIGHT, more="slow"))})
        prepared = ada.session.prepare_request(request)
        body = prepared.body
        assert isinstance(body, bytes)

        def slowly() -> Iterator[bytes]:
            for start in range(0, len(body), 200):
                time.sleep(0.1)
                yield body[start : start + 200]

        prepared.body = slowly()
        prepared.headers.update({"Origin": site.url, "Referer": page})
        answer = ada.session.send(prepared, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        assert answer.headers["Location"].startswith("/submissions/")


CADDY = shutil.which("caddy")


@pytest.mark.skipif(CADDY is None, reason="caddy is not installed: `apt-get install caddy`")
def test_caddy_s_file_forwards_what_the_service_needs(backend, tmp_path):
    assert CADDY is not None
    port = free_port()
    variables = {
        "DEEPGRADE_NAME": f"https://localhost:{port}",
        "DEEPGRADE_UPSTREAM": backend.removeprefix("http://"),
        "XDG_DATA_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    options = "{\n admin off\n auto_https disable_redirects\n local_certs\n skip_install_trust\n}\n"
    (tmp_path / "Caddyfile").write_text(options + FILE.with_name("Caddyfile").read_text(encoding="utf-8"))
    command = [CADDY, "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile"]
    process = subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL)
    certificate = tmp_path / "caddy/pki/authorities/local/root.crt"
    try:
        site = Site(f"https://localhost:{port}", "", str(certificate))

        def answers() -> bool:
            assert process.poll() is None
            with contextlib.suppress(OSError):
                return certificate.exists() and site.browser().session.get(f"{site.url}/healthz").ok
            return False

        wait_for(answers)
        ada = site.browser()
        assert ada.sign_in().status_code == 303
        at = "/courses/course/assignments/double"
        answer = ada.post(at, {}, files={"zip": ("double.zip", zip_of(RIGHT, more="caddy"))})
        assert answer.status_code == 303, answer.text
    finally:
        process.terminate()
        process.wait(30)


@with_nginx
def test_http_through_the_proxy_is_named(backend, tmp_path):
    passing_on = "location / { proxy_pass http://127.0.0.1:8000; proxy_set_header Host $http_host; }"
    configuration = documented().replace("return 301 https://$host$request_uri;", passing_on)
    with behind(tmp_path / "nginx", backend, configuration) as site:
        answer = site.browser().sign_in(site.plain)
        assert answer.status_code == 400
        assert "This form came over http, but the service is set to https (DEEPGRADE_HTTPS=1)" in answer.text


@pytest.fixture
def secure(settings) -> Iterator[FlaskClient]:
    app = create_app(dataclasses.replace(settings, https=True))
    app.testing = True
    yield app.test_client()
    app.extensions["services"].database.close()


def form(client: FlaskClient, base: str, headers: dict[str, str]):
    hidden = hidden_fields(client.get("/sign-in", base_url=base).text)
    return client.post("/sign-in", base_url=base, data={**hidden, "login": "x", "password": "y"}, headers=headers)


@pytest.mark.parametrize(
    "headers, status, sentence",
    [
        ({"Origin": "https://x.edu"}, 401, ""),
        ({"Origin": "https://x.edu:443"}, 401, ""),
        ({"Referer": "https://x.edu/sign-in"}, 401, ""),
        ({"Origin": "null", "Referer": "https://x.edu/sign-in"}, 401, ""),
        ({}, 400, "sent neither Origin nor Referer"),
        ({"Origin": "null"}, 400, "sent neither Origin nor Referer"),
        ({"Origin": "https://evil.edu", "Referer": "https://x.edu/"}, 400, "sent from https://evil.edu, but"),
        ({"Origin": "http://x.edu"}, 400, "sent from http://x.edu, but the request is for x.edu"),
        ({"Referer": "https://x.edu.evil.edu/"}, 400, "sent from https://x.edu.evil.edu, but"),
        ({"Referer": "https://[x/"}, 400, "sent from an unknown address, but"),
    ],
)
def test_over_https_a_form_comes_from_a_page_of_ours(secure, headers, status, sentence):
    answer = form(secure, "https://x.edu", headers)
    assert answer.status_code == status, answer.text
    assert sentence in answer.text


@pytest.mark.parametrize(
    "token, cookie, sentence",
    [
        ("", True, "came without its token"),
        ("made up", True, "This form has expired. Go back"),
        (None, False, "Your browser sent this form without the service&#39;s cookie. Allow cookies for localhost"),
    ],
)
def test_each_cause_of_a_refused_form_has_its_sentence(app, token, cookie, sentence):
    client = app.test_client()
    hidden = hidden_fields(client.get("/sign-in").text)
    if token is not None:
        hidden["csrf_token"] = token
    if not cookie:
        client.delete_cookie("deepgrade")
    answer = client.post("/sign-in", data={**hidden, "login": "x", "password": "y"})
    assert answer.status_code == 400
    assert sentence in answer.text


def test_https_that_is_set_and_not_used_is_named(secure):
    hidden = hidden_fields(secure.get("/sign-in").text)
    secure.delete_cookie("deepgrade")  # as a browser keeps a `Secure` one to itself
    answer = secure.post("/sign-in", data={**hidden, "login": "x", "password": "y"})
    assert answer.status_code == 400
    assert "This form came over http, but the service is set to https (DEEPGRADE_HTTPS=1)" in answer.text
