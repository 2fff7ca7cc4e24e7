"""Mail, where an SMTP server is set: invitations and ways back in. Without one, links are shown to staff.

Addresses in mails begin with DEEPGRADE_PUBLIC_URL, never with what a request says of itself: whoever asks for somebody
else's link must not be able to say where it leads.
"""

from __future__ import annotations

import logging
import queue
import smtplib
import ssl
import threading
from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings

log = logging.getLogger("deepgrade.mail")

SECONDS = 10  # that the server has for each answer

WORDS = {
    "invite": (
        "Your account for {course}",
        "Hello {name},\n\nyou have been added to {course}. Use this link within 14 days to choose your password:\n\n"
        "    {link}\n\nYour login is {login}.\n",
    ),
    "reset": (
        "A new password",
        "Hello {name},\n\nuse this link to choose a new password. It works once and expires after one day:\n\n"
        "    {link}\n\nYour login is {login}. If you did not request a new password, ignore this mail. Your password "
        "stays the same.\n",
    ),
}


class Outbox:
    """What no answer waits for: done one after the other, by a thread of this process."""

    MOST = 1000  # that wait; what comes then is not done, and the log says so

    def __init__(self) -> None:
        self._waiting: queue.Queue[Callable[[], None]] = queue.Queue(self.MOST)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def later(self, work: Callable[[], None]) -> None:
        try:
            self._waiting.put_nowait(work)
        except queue.Full:
            log.error("%d mails are waiting already; one mail was dropped", self.MOST)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mail", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Until all is done that waits now."""
        self._waiting.join()

    def _run(self) -> None:
        while True:
            work = self._waiting.get()
            try:
                work()
            except Exception as error:  # of the database, say; the next one is done
                log.error("mail could not be sent: %s", type(error).__name__)
            finally:
                self._waiting.task_done()


def configured(settings: Settings) -> bool:
    return bool(settings.smtp and settings.public_url)


def link(settings: Settings, secret: str) -> str:
    return f"{settings.public_url.rstrip('/')}/link/{secret}"


def send(settings: Settings, purpose: str, *, to: str, name: str, login: str, secret: str, course: str = "") -> bool:
    """False: it could not be sent; the log says why, without the link."""
    subject, body = WORDS[purpose]
    facts = {
        "name": _line(name),
        "login": login,
        "course": _line(course) or "deepgrade",
        "link": link(settings, secret),
    }
    message = EmailMessage()
    try:
        message["From"] = settings.mail_from or "deepgrade@localhost"
        message["To"] = to
        message["Subject"] = subject.format(**facts)
        message.set_content(body.format(**facts))
        with _server(settings.smtp) as server:
            server.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError, DeepgradeError) as error:
        log.error("mail could not be sent: %s", type(error).__name__)
        return False
    return True


def _server(address: str) -> smtplib.SMTP:
    """smtp://user:password@host:587 (with STARTTLS where the server has it), smtps://host:465."""
    url = urlsplit(address)
    host, safe = url.hostname or "localhost", ssl.create_default_context()
    server: smtplib.SMTP
    if url.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, url.port or 465, timeout=SECONDS, context=safe)
    else:
        server = smtplib.SMTP(host, url.port or 25, timeout=SECONDS)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=safe)
            server.ehlo()
        elif url.username:
            server.close()
            raise DeepgradeError("the mail server offers no STARTTLS; deepgrade does not send a password unencrypted")
    if url.username:
        server.login(unquote(url.username), unquote(url.password or ""))
    return server


def _line(text: str) -> str:
    """A name that somebody wrote, as a part of one line."""
    return " ".join(text.split())[:100]
