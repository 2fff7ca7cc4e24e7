"""Nobody comes across what is not his: the whole service is searched for planted words, for every role, at every stage.

    plant ─> hand in ─> queued ─> running ─> graded ─> withheld ─> after the due date ─> regraded ─> what goes wrong
                          every address that GET answers, by everybody, and the log

A real course is graded in the real sandbox by the real worker; `canaries.py` plants and searches.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import dataclasses
import gzip
import hashlib
import io
import itertools
import logging
import os
import re
import shutil
import sys
import time
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from narrowing import not_none
from werkzeug.test import TestResponse

from grader_service.accounts import accounts
from grader_service.core import logs
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.models import Job, OneTimeLink, Person, Picture, Submission, Token
from grader_service.grading import leaderboard, manual, regrades, similarity
from grader_service.lti import keys as lti_keys
from grader_service.queue import enqueue
from grader_service.queue.leases import Slot
from grader_service.queue.recovery import TRIES
from grader_service.web import permissions
from grader_service.web.app import create_app
from grader_service.web.security import limiter
from grader_service.workers.worker import Worker

from ..conftest import COURSE, User, zip_of
from ..support import lti_rows
from ..support.canaries import CUT, Canaries
from ..support.pages_list import WRITTEN
from ..support.roles import READERS, ROLES

# Who may come across what. "Y" may and does: where nobody met it, the search would be blind. "y" may; "s" may and does
# where the course shows hidden results, and not where it withholds them; "." never.
#                        nobody stranger teacher owner student staff admin operator log
TABLE = {
    "tests and solutions": (".",   ".",   ".",   ".",   ".",   ".",  ".",   ".",  "."),
    "secrets":             (".",   ".",   ".",   ".",   ".",   ".",  ".",   ".",  "."),
    "of a hidden failure": (".",   ".",   "Y",   ".",   ".",   "Y",  "Y",   "Y",  "."),
    "of a hidden test":    (".",   "s",   "Y",   "s",   "s",   "Y",  "Y",   "Y",  "."),
    "our fault's words":   (".",   ".",   ".",   ".",   ".",   "Y",  "Y",   "Y",  "Y"),
    "of the stranger":     (".",   "Y",   "Y",   ".",   ".",   ".",  ".",   "Y",  "."),
    "of the owner":        (".",   ".",   ".",   "Y",   ".",   "Y",  "Y",   "Y",  "."),
    "of the student":      (".",   ".",   ".",   ".",   "Y",   "Y",  "Y",   "Y",  "."),
    "said to the owner":   (".",   ".",   ".",   "Y",   ".",   "Y",  "Y",   "Y",  "."),
    "among staff":         (".",   ".",   ".",   ".",   ".",   "Y",  "Y",   "Y",  "."),
    "folders of the disk": (".",   ".",   "y",   ".",   ".",   "y",  "y",   "y",  "Y"),
}  # fmt: skip
DEPENDS = re.compile("submission|report|grades|students|statistics|assignments/<name>$|scores")  # rules, on the stage
EXTENDED = ("owner",)  # whose dates are later: hidden results that are shown after the due date are not shown yet
WITHHELD = {"withheld": READERS, "after the due date": EXTENDED, "regraded": EXTENDED}  # stage -> from whom

HIDDEN = '''
"""Hidden tests."""
# {lines}
import pathlib
import pytest
from autograder.testing import assert_close, points

LABELS = pathlib.Path(__file__).with_name("labels.txt").read_text().split()


@points(1, problem="double")
def test_double_of_five(student, record):
    """double(5) = 10 ({law})."""
    record.curve("Doubles {figure}", "x", [1.0, 2.0], doubled=[2.0, 4.0])
    assert_close(student.double(5.0), 10.0)


@points(1, problem="double")
def test_of_a_word(student):
    """double(w) = w + w, for a word w."""
    print("{printed}")
    word = "{input}"
    assert student.double(word) == word + word, "{message}"  # {line}


@points(1, problem="double")
@pytest.mark.parametrize("number", [2.0, 3.0], ids=["{parameter}", "other"])
def test_of_labels(student, number):
    """The label of an input is the one that was held out."""
    for label in LABELS:
        assert student.negate(number) == label, f"expected {{label}}"
'''
BROKEN = '"""{lines}"""\n\n\nraise RuntimeError("{fault}")\n'
ANSWER = '''
# {source}
print("{at_import}")


def double(x):
    """Tells whatever it is asked for."""
    print("{output}", x)
    if isinstance(x, str):
        raise ValueError("{raised} " + x)
    return 3 * x  # {line}


def negate(x):
    print(x, __file__)
    return "{value}"
'''
SINCE_1970 = 10.0  # a date that is over


@dataclasses.dataclass(frozen=True)
class Leak:
    """Somebody came across what is not his."""

    stage: str
    who: str
    asked: str
    kind: str
    where: str


class World:
    """The service with its words, everybody who asks it, and what they came across."""

    def __init__(self, root: Path, log: Path) -> None:
        self.root, self.log, self._read = root, log, 0
        self.canaries = Canaries()
        self.seen: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))  # kind, who -> stages
        self.leaks: list[Leak] = []
        self.answered: dict[str, set[int]] = defaultdict(set)  # rule -> statuses
        self.states: dict[str, set[str]] = {}  # stage -> states of jobs
        self.stage = ""
        self.requests = 0
        self.settings = self._settings()
        logs.configure(self.settings, "everything", self.environment)
        self.app: Flask = create_app(self.settings)
        self.database = self.app.extensions["services"].database
        self.users: dict[str, User] = {}
        self.programs: dict[str, str] = {}  # who -> the secret of a token
        self._people()
        self._words_of_staff()

    # planting

    def word(self, kind: str, where: str) -> str:
        return self.canaries.word(kind, where)

    def text(self, template: str, kinds: dict[str, str], of: str) -> str:
        """Fill each {name} with a new word of kind `kinds[name]`, or `kinds[""]`."""
        names = set(re.findall(r"(?<!\{)\{([a-z_]+)\}(?!\})", template))
        return template.format(**{name: self.word(kinds.get(name, kinds[""]), f"{of}: {name}") for name in names})

    def _settings(self) -> Settings:
        home = self.root / self.word("folders of the disk", "home") / "home"
        home.mkdir(parents=True, mode=0o700)
        for name in ("course.secret", "session.key"):
            (home / name).write_text(self.word("secrets", name).ljust(32, "x"))
            (home / name).chmod(0o600)
        self.environment = {
            "DEEPGRADE_HOME": str(home),
            "DEEPGRADE_COURSE": str(self._course()),
            "DEEPGRADE_LOG": "json",
            "DEEPGRADE_ADMIN_PASSWORD": self.word("secrets", "password of the first admin"),
            "DEEPGRADE_METRICS_TOKEN": self.word("secrets", "token of the metrics"),
            "DEEPGRADE_BROKER": f"redis://:{self.word('secrets', 'password of the broker')}@127.0.0.1:1/0",
            "DEEPGRADE_PUBLIC_URL": "http://localhost",
            "DEEPGRADE_SMTP": f"smtp://user:{self.word('secrets', 'password of the mail server')}@127.0.0.1:1",
            "DEEPGRADE_OIDC_ISSUER": "http://127.0.0.1:1",
            "DEEPGRADE_OIDC_CLIENT_ID": "deepgrade",
            "DEEPGRADE_OIDC_CLIENT_SECRET": self.word("secrets", "secret of the OpenID Connect client"),
        }
        return Settings.from_environment(self.environment)

    def _course(self) -> Path:
        """The course of the other tests, with words in whatever students are not to see, and one that fails."""
        course = self.root / self.word("folders of the disk", "course") / "course"
        shutil.copytree(COURSE, course)
        for half in ("assignments", "solutions"):
            shutil.copytree(course / half / "double", course / half / "broken")
        (course / "assignments/broken/README.md").write_text("# Broken\n\nIts hidden tests fail.\n")
        kinds = dict.fromkeys(("law", "figure"), "of a hidden test")
        kinds |= dict.fromkeys(("printed", "input", "message", "line", "parameter"), "of a hidden failure")
        solution = course / "solutions/double"
        (solution / "test_hidden.py").write_text(self.text(HIDDEN, {"": "tests and solutions", **kinds}, "hidden test"))
        first = self.word("of a hidden failure", "the first label")
        others = [self.word("tests and solutions", "a label") for _ in range(3)]
        (solution / "labels.txt").write_text("\n".join([first, *others]))
        for name in ("double.py", "mutants.py", "notes.txt", "variants/other.py"):
            path = solution / name
            path.parent.mkdir(exist_ok=True)
            with path.open("a") as file:
                file.write(f"\n# {self.word('tests and solutions', name)}\n")
        fault = {"": "tests and solutions", "fault": "our fault's words"}
        (course / "solutions/broken/test_hidden.py").write_text(self.text(BROKEN, fault, "broken hidden test"))
        return course

    def _people(self) -> None:
        """Everybody with a password, a session and tokens that are planted, too."""
        with self.database.write() as session:
            other = courses.create(session, None, slug="other", title="Other", timezone="UTC")
            courses.add(session, None, other, "double")
            for who in READERS[1:]:
                mine = f"of the {who}" if who in ("stranger", "owner", "student") else ""
                person, _ = accounts.create(
                    session,
                    login=who,
                    name=f"Name {self.word(mine, 'name')}" if mine else who.title(),
                    email=f"{self.word(mine, 'address')}@example.org" if mine else None,
                    role={"stranger": "student", "teacher": "staff"}.get(who) or ROLES.get(who),
                    password=self.word("secrets", f"password of {who}"),
                    course=other if who in ("stranger", "teacher") else None,
                )
                person.is_operator = who == "operator"
                self._plant_secrets(session, person, who)
        for who in READERS:
            self.users[who] = User(self.app.test_client())
            if who != "nobody":
                answer = self.users[who].sign_in(who, self._password(who))
                assert answer.status_code == 303
                self._look(who, "POST /sign-in", answer)

    def _password(self, who: str) -> str:
        (found,) = (word for word, place in self.canaries.places.items() if place[1] == f"password of {who}")
        return found

    def _plant_secrets(self, session: Any, person: Person, who: str) -> None:
        salt = self.word("secrets", f"salt of {who}")
        key = hashlib.scrypt(self._password(who).encode(), salt=salt.encode(), n=2**15, r=8, p=1, maxmem=132 * 2**18)
        person.password_hash = f"scrypt:32768:8:1${salt}${key.hex()}"
        self.canaries.made("secrets", f"password hash of {who}", key.hex())
        person.session_id = self.word(f"cookie of {who}", "session id")
        link, token = (self.word("secrets", f"{what} of {who}").ljust(43, "x") for what in ("link", "token"))
        self.programs[who] = f"dg_{token}"
        hashes = [hashlib.sha256(secret.encode()).hexdigest() for secret in (link, f"dg_{token}")]
        for digest in hashes:
            self.canaries.made("secrets", f"hash of a secret of {who}", digest)
        until, scope = time.time() + 86400, "staff" if person.is_staff else "submit"
        session.add(OneTimeLink(purpose="reset", expires_at=until, secret_hash=hashes[0], person_id=person.id))
        facts = {"name": "program", "scope": scope, "created_at": time.time()}
        session.add(Token(secret_hash=hashes[1], person_id=person.id, **facts))

    def _words_of_staff(self) -> None:
        with self.database.write() as session:
            course, eve = accounts.first_course(session), not_none(accounts.find(session, "staff"))
            owner = not_none(accounts.find(session, "owner"))
            for name in ("double", "broken"):
                chosen = not_none(courses.assignment(session, course, name))
                due = {"due_at": time.time() + 86400, "written_points": 5.0, "leaderboard": True}
                courses.set_policy(session, eve, chosen, due, self.word("among staff", f"reason of a policy of {name}"))
                if name == "double":
                    reason = self.word("among staff", "reason of an extension")
                    dates: dict[str, Any] = {
                        "due_at": time.time() + 2 * 86400,
                        "hard_end_at": None,
                        "attempts_extra": 2,
                    }
                    courses.extend(session, eve, chosen, owner, reason=reason, **dates)
            leaderboard.choose(session, course, owner.id, "Countess")
            operator = not_none(accounts.find(session, "operator"))
            words = [self.word("secrets", "who the owner is on the platform"), self.word("among staff", "a refusal")]
            lti_rows.connect(session, operator, owner, subject=words[0], message=words[1])
        for key in lti_keys.load(self.settings):
            for part in ("d", "p", "q", "dp", "dq", "qi"):
                self.canaries.made("secrets", f"{part} of the private key for platforms", key.private[part])

    # the story

    def hand_in(self, who: str, course: str, name: str) -> int:
        kind = f"of the {who}"
        source = self.text(ANSWER, {"": kind}, f"{who}'s {name}")
        data = zip_of(source, extra_txt=self.word(kind, "a file that is not graded"))
        at = f"/courses/{course}/assignments/{name}"
        upload = (io.BytesIO(data), f"{self.word(kind, 'name of the zip')}.zip")
        answer = self.users[who].post(at, {"zip": upload})
        assert answer.status_code == 303, answer.text
        self._look(who, f"POST {at}", answer)
        return int(answer.location.rsplit("/", 1)[1])

    def grade(self, look_at: int = 0) -> None:
        """All that waits, by the real worker; everybody looks while the submission `look_at` is in its sandbox."""
        worker = Worker(self.settings, Slot("worker", ("cpu",)))
        worker.heartbeat.start()
        heard = worker.heartbeat.on_event

        def hear(event: dict[str, Any]) -> None:
            heard(event)
            if event["event"] == "finished" and "running" not in self.states and self._runs(look_at):
                self.everybody_looks("running")

        if look_at:
            worker.heartbeat.on_event = hear  # type: ignore[method-assign]
        while worker.grade_next():
            with self.database.write() as session:  # a fault is ours in the end, and nobody waits for it here
                session.execute(sa.update(Job).where(Job.faults > 0).values(faults=TRIES - 1, not_before=0.0))
        worker.heartbeat.let_go()
        worker.database.close()

    def _runs(self, number: int) -> bool:
        with self.database.read() as session:
            return session.get_one(Submission, number).job.state == "running"

    def everybody_looks(self, stage: str, *, every: bool = False) -> None:
        """At all addresses whose answers depend on the stage, or at every one that there is."""
        before, self.stage = self.stage, stage
        with self.database.read() as session:
            self.states[stage] = set(session.scalars(sa.select(Job.state)))
            numbers = list(session.scalars(sa.select(Submission.id).order_by(Submission.id)))
            keys = list(dict.fromkeys(session.scalars(sa.select(Picture.key))))
        asked = list(self.addresses(numbers, keys, every=every))
        for who, user in self.users.items():
            for rule, path in asked:
                if rule.startswith("/api/") and not every:
                    continue  # a cookie opens none of them
                answer = user.get(path)
                self.answered[rule].add(answer.status_code)
                self._look(who, f"GET {path}", answer)
        for rule, path in asked:
            if rule.startswith("/api/"):
                for who, secret in self.programs.items():
                    answer = self.users["nobody"].get(path, headers={"Authorization": f"Bearer {secret}"})
                    self.answered[rule].add(answer.status_code)
                    self._look(who, f"GET {path} (token)", answer)
        self._read_log()
        self.stage = before

    def addresses(self, numbers: list[int], keys: list[str], *, every: bool) -> Iterator[tuple[str, str]]:
        """(rule, address) of all that can be asked for, with every value that leads somewhere."""
        values: dict[str, list[Any]] = {
            "slug": ["course", "other"],
            "name": ["double", "broken"],
            "submission_id": numbers,
            "earlier_id": numbers[:1],
            "person_id": [self.person(who) for who in ("owner", "stranger")],
            "regrade_id": [1],
            "first_id": [1],
            "second_id": [2],
            "number": [1],
            "token_id": [1],
            "context_id": [1],
            "key": keys,
            "secret": ["nobodys"],
            "filename": ["deepgrade.css", "..%2fapp.py", "%2e%2e/%2e%2e/home/course.secret"],
        }
        more = {
            "/submissions/<int:submission_id>": ["?view=student", "?view=staff"],
            "/submissions/<int:submission_id>/report.json": ["?view=staff"],
            "/api/v1/submissions/<int:submission_id>/report": ["?view=staff"],
            "/courses/<slug>/staff/grades.csv": ["?form=gradescope", "?form=otter&assignment=double"],
            "/sign-in": ["?next=/submissions/1"],
        }
        for rule in self.app.url_map.iter_rules():
            if "GET" in (rule.methods or ()) and (every or DEPENDS.search(rule.rule)):
                names = sorted(rule.arguments)
                for chosen in itertools.product(*(values[name] for name in names)):
                    path = rule.rule
                    for name, value in zip(names, chosen, strict=True):
                        path = re.sub(rf"<(\w+:)?{name}>", str(value), path)
                    yield rule.rule, path
                    for query in more.get(rule.rule, ()):
                        yield rule.rule, path + query
        yield "(none)", "/no/such/page"
        yield "(none)", "/submissions/999"

    def person(self, who: str) -> int:
        with self.database.read() as session:
            found = accounts.find(session, who)
            assert found is not None
            return found.id

    def _look(self, who: str, asked: str, answer: TestResponse | bytes) -> None:
        self.requests += 1
        if isinstance(answer, bytes):
            data = answer
        else:
            data = f"{answer.status}\n{answer.headers}\n".encode() + answer.data
            answer.close()
        for kind, where in self.canaries.found(data):
            self.seen[kind][who].add(self.stage)
            if not self.allowed(kind, who):
                self.leaks.append(Leak(self.stage, who, asked, kind, where))

    def _read_log(self) -> None:
        """What was said since it was last read."""
        sys.stderr.flush()
        with self.log.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        self._look("log", "", new)

    def allowed(self, kind: str, who: str) -> bool:
        if kind.startswith("cookie of "):
            return kind == f"cookie of {who}"
        cell = dict(zip((*READERS, "log"), TABLE.get(kind, "." * 9), strict=True))[who]
        return cell in "Yy" or (cell == "s" and who not in WITHHELD.get(self.stage, ()))

    def set_policy(self, **policy: Any) -> None:
        with self.database.write() as session:
            actor = not_none(accounts.find(session, "staff"))
            for course in (accounts.first_course(session), not_none(courses.find(session, "other"))):
                courses.set_policy(session, actor, not_none(courses.assignment(session, course, "double")), policy)

    def add_marks(self) -> None:
        """What staff write to one student, and what they write for each other."""
        with self.database.write() as session:
            course, eve = accounts.first_course(session), not_none(accounts.find(session, "staff"))
            owner = not_none(accounts.find(session, "owner"))
            chosen = not_none(courses.assignment(session, course, "double"))
            manual.comment(session, eve, session.get_one(Submission, 1), self.word("said to the owner", "a comment"))
            manual.set_override(session, eve, chosen, owner, 4.5, self.word("said to the owner", "reason of points"))
        pairs = [similarity.Pair(1, 2, 0.93, 0.9, [(0, 20)], [(0, 20)])]
        similarity.save(self.settings, 1, "double", similarity.Findings(time.time(), 2, pairs))

    def regrade(self) -> None:
        with self.database.write() as session:
            chosen = not_none(courses.assignment(session, accounts.first_course(session), "double"))
            eve = not_none(accounts.find(session, "staff"))
            reason = self.word("among staff", "reason of a regrade")
            regrades.create(session, eve, chosen, [1, 2], tests=None, needs=enqueue.Needs(), reason=reason)
        self.grade()
        with self.database.write() as session:
            course, eve = accounts.first_course(session), not_none(accounts.find(session, "staff"))
            regrades.count(session, eve, course, not_none(regrades.find(session, course, 1)))

    def write(self) -> None:
        """The written part of the owner."""
        at, text = "/courses/course/assignments/double", WRITTEN + self.word("of the owner", "written").encode()
        answer = self.users["owner"].post(f"{at}/written", {"text": (io.BytesIO(text), "plots.md")}, form_at=at)
        assert answer.status_code == 303
        self._look("owner", "POST written", answer)
        self.app.extensions["services"].renderer.wait()

    def what_goes_wrong(self) -> None:
        """Forms without their token, and empty ones; too large a body; a mail that cannot be sent; a fault of ours."""
        self.stage = "what goes wrong"
        rules = [rule for rule in self.app.url_map.iter_rules() if "POST" in (rule.methods or ())]
        one = {"slug": "course", "name": "double"}
        paths = [re.sub(r"<(?:\w+:)?(\w+)>", lambda m: one.get(m[1], "1"), rule.rule) for rule in rules]
        students = ("nobody", "stranger", "teacher", "owner", "student")
        for checked in (True, False):
            self.app.config["WTF_CSRF_ENABLED"] = checked
            for who, path in itertools.product(students, paths):
                if path != "/sign-out":
                    self._look(who, f"POST {path}", self.users[who].client.post(path))
        with self.database.read() as session:
            address = session.get_one(Person, self.person("owner")).email
        large = {"zip": (io.BytesIO(bytes(2**20)), "large.zip")}
        bad = {"zip": (io.BytesIO(b"PK\x03\x04"), "bad.zip")}
        for who in students[1:]:
            for data in (large, bad):
                again = {"zip": (io.BytesIO(data["zip"][0].getvalue()), data["zip"][1])}
                at = "/courses/course/assignments/double"
                self._look(who, f"POST {at}", self.users[who].client.post(at, data=again))
        # Whoever holds a link reads whose it is; even its own secret is not on the page.
        (link,) = (word for word, place in self.canaries.places.items() if place[1] == "link of owner")
        answer = self.users["nobody"].get(f"/link/{link.ljust(43, 'x')}")
        assert answer.status_code == 200
        assert {kind for kind, _ in self.canaries.found(answer.data)} == {"of the owner"}
        self._look("nobody", "POST /forgot", self.users["nobody"].client.post("/forgot", data={"login": address}))
        self._look("nobody", "GET /sign-in/elsewhere", self.users["nobody"].get("/sign-in/elsewhere"))
        token = self.environment["DEEPGRADE_METRICS_TOKEN"]
        self._look(
            "nobody", "GET /metrics", self.users["nobody"].get("/metrics", headers={"Authorization": f"Bearer {token}"})
        )
        self._look("nobody", "PUT /", self.users["nobody"].client.put("/"))
        fault = self.word("our fault's words", "an exception of ours")
        kept = self.app.view_functions["health.alive"]

        def fails() -> str:
            raise RuntimeError(fault)

        self.app.view_functions["health.alive"] = permissions.anybody(fails)
        for who, user in self.users.items():
            answer = user.get("/healthz")
            assert answer.status_code == 500
            self._look(who, "GET /healthz", answer)
        self.app.view_functions["health.alive"] = kept
        self._read_log()


@contextlib.contextmanager
def listening(path: Path) -> Iterator[None]:
    """All that this process and its children say on standard error goes to a file."""
    handlers, level, error = logging.root.handlers[:], logging.root.level, os.dup(2)
    with path.open("w") as file:
        before, sys.stderr = sys.stderr, file
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr = before
            os.dup2(error, 2)
            os.close(error)
            logging.root.handlers[:] = handlers
            logging.root.setLevel(level)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("canaries")
    limiter.enabled = False
    try:
        with listening(root / "log.txt"):
            world = World(root, root / "log.txt")
            for who, course, name in (
                ("owner", "course", "double"),
                ("student", "course", "double"),
                ("stranger", "other", "double"),
                ("owner", "course", "broken"),
                ("owner", "course", "double"),
            ):
                world.hand_in(who, course, name)
            world.write()
            world.everybody_looks("queued")
            world.stage = "queued"
            world.grade(look_at=1)
            world.add_marks()
            world.everybody_looks("graded", every=True)
            world.set_policy(hidden_results="never")
            world.everybody_looks("withheld")
            world.set_policy(hidden_results="after_due", due_at=SINCE_1970)
            world.everybody_looks("after the due date")
            world.regrade()
            world.everybody_looks("regraded")
            world.what_goes_wrong()
        yield world
        world.database.close()
    finally:
        limiter.enabled = True


@pytest.mark.threat(19, 20, 46)
def test_nobody_comes_across_what_is_not_his(world):
    leaks = {(leak.kind, leak.where, leak.who): f"{leak.stage}: {leak.asked}" for leak in world.leaks}
    assert leaks == {}, "\n".join(f"{leak}, {example}" for leak, example in leaks.items())


def test_what_the_table_gives_was_seen(world):
    """Else the words were planted where nobody looks, or the search is blind."""
    missed = []
    for kind, cells in TABLE.items():
        for who, cell in zip((*READERS, "log"), cells, strict=True):
            stages = world.seen[kind][who]
            if (cell in "Ys" and "graded" not in stages) or (cell in ".s" and "withheld" in stages):
                missed.append(f"{kind} by {who}: seen when {sorted(stages)}")
    assert missed == []
    assert all(world.seen[f"cookie of {who}"].keys() == {who} for who in READERS[1:])


def test_every_address_was_asked_and_every_stage_was_one(world):
    rules = {rule.rule for rule in world.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert rules == world.answered.keys() - {"(none)"}
    never = {rule for rule, statuses in world.answered.items() if 200 not in statuses}
    assert never == {
        "(none)",
        "/link/<secret>",  # nobody's; the owner's was looked at by itself
        "/metrics",  # with its token, likewise
        "/sign-in/elsewhere",  # on to a provider that is not there
        "/sign-in/elsewhere/back",
        "/lti/continue/<secret>",  # nobody's; the walk through a launch looks at it
        "/courses/<slug>/staff/lti/<int:context_id>/roster",  # of a platform that is silent
        "/submissions/<int:submission_id>/written/<int:number>.png",  # of a PDF
    }
    assert world.states["queued"] == {"queued"}
    assert world.states["running"] == {"queued", "running"}
    assert world.states["graded"] == world.states["regraded"] == {"done", "grader_error"}


# --- the search itself ------------------------------------------------------------------------------------------------


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A picture of one pixel with these chunks; nobody looks at their sums here."""
    header = (b"IHDR", (1).to_bytes(4, "big") * 2 + b"\x08\0\0\0\0")
    parts = [header, *chunks, (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(content).to_bytes(4, "big") + kind + content + bytes(4) for kind, content in parts
    )


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


CLOTHES = {
    "as it is": lambda word: word,
    "in capitals": str.upper,
    "backwards": lambda word: word[::-1],
    "in hex": lambda word: word.encode().hex(),
    "in spaced hex": lambda word: word.encode().hex(" ").upper(),
    "in base64": lambda word: base64.b64encode(word.encode()),
    "in base64 after one byte": lambda word: base64.b64encode(b"x" + word.encode() + b"yz"),
    "in base64 after two, in lines": lambda word: base64.encodebytes(b"x" * 47 + word.encode()),
    "in an address": lambda word: "".join(f"%{ord(letter):02X}" for letter in word),
    "as entities": lambda word: "".join(f"&#{ord(letter)};" for letter in word),
    "as entities in hex": lambda word: "".join(f"&#x{ord(letter):x};" for letter in word),
    "in JSON": lambda word: "".join(f"\\u{ord(letter):04x}" for letter in word),
    "as Python writes bytes": lambda word: "".join(f"\\x{ord(letter):02x}" for letter in word),
    "as numbers": lambda word: str(list(word.encode())),
    "in UTF-16": lambda word: word.encode("utf-16-le"),
    "in rot13": lambda word: codecs.encode(word, "rot13"),
    "cut by markup": lambda word: f"{word[:5]}<wbr>{word[5:9]}<span class='x'>{word[9:]}</span>",
    "cut by lines": lambda word: "\n".join(word),
    "in a zip in a zip": lambda word: zipped("a.zip", zipped("b.txt", word.encode())),
    "in a name in a zip": lambda word: zipped(word, b""),
    "in a text of a picture": lambda word: png((b"tEXt", b"Comment\0" + word.encode())),
    "in a packed text of a picture": lambda word: png((b"zTXt", b"Comment\0\0" + zlib.compress(word.encode()))),
    "in a text in UTF-8 of a picture": lambda word: png(
        (b"iTXt", b"Comment\0\1\0en\0\0" + zlib.compress(word.encode()))
    ),
    "in gzip": lambda word: gzip.compress(word.encode()),
    "in a packed cookie": lambda word: (
        b"." + base64.urlsafe_b64encode(zlib.compress(b'{"x":"' + word.encode() + b'"}')) + b".x.y"
    ),
}


@pytest.mark.parametrize("clothes", CLOTHES)
def test_a_word_is_known_again(clothes):
    canaries = Canaries()
    word, other = canaries.word("a kind", "here"), canaries.word("another", "there")
    dressed = CLOTHES[clothes](word)
    data = dressed.encode() if isinstance(dressed, str) else dressed
    assert ("a kind", "here") in canaries.found(b"<p>before " + data + b" after</p>")
    assert ("another", "there") not in canaries.found(data)
    assert canaries.found(f"<p>nothing of {other[:8]}</p>".encode()) == frozenset()


def test_a_word_that_is_cut_short_is_found_as_well():
    canaries = Canaries()
    word = canaries.word("a kind", "here")
    assert canaries.found(word[:-1].encode()) == {(CUT, "plain")}
