"""`make chaos`: kill -9 of everything, at random moments, while students hand in; then the books must balance.

    students ── HTTP, until each has a receipt ──> the service on each engine
    chance ──── kill -9 ──> a slot, a host, the web process, all of serve, a Celery worker, the broker, the database

A student who gets no answer sends the same form again, as a browser does when one presses reload. Afterwards:

    lost     receipts that have not come to a report
    twice    results that were written more than once, by the word of triggers in the database and not of our tables
    extra    submissions that nobody has a receipt for
    wrong    reports whose verdicts differ from those of a calm run before the storm

All four must be 0, and the exit code says so. Where one job lost three workers it is given up for staff, as it should
be; it is then queued again by hand, counted, and must come to its report like the others.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import http.client
import io
import random
import signal
import sys
import threading
import time
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from demo import Browser
from installation import BROKERS, PASSWORD, WAYS, Installation
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from servers import Server
from sqlalchemy.exc import SQLAlchemyError

from autograder.cli.console import table
from autograder.report import schema as reports
from autograder.report.schema import Report
from grader_service.database.models import Job, Result
from grader_service.queue import recovery

REPOSITORY = Path(__file__).resolve().parents[2]
COURSE = REPOSITORY / "tests" / "service_course"  # one assignment, a second to grade
ASSIGNMENT = "double"
RIGHT = (COURSE / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.py").read_text(encoding="utf-8")
KINDS = {
    "right": RIGHT,
    "wrong": RIGHT.replace("2 * x", "3 * x"),
    "half": RIGHT.replace("-x", "x"),
    "slow": "import time\n" + RIGHT.replace("return 2", "time.sleep(0.3)\n    return 2"),
}
LEASE_SECONDS = 3.0
PATIENCE_SECONDS = 300.0  # for the last report after the storm
CROWD = 12  # uploads that wait or are being graded; past it the students pause: kills are to meet work, not a queue
RECEIPT_SECONDS = 60.0  # without a receipt, then kills go on all the same
RESTART_SECONDS = (0.0, 1.5)  # until what was killed is started again
UNHEARD = (OSError, http.client.HTTPException)  # of urllib, when the answer does not come

AUDIT = {
    "sqlite": [
        "CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT, submission INTEGER)",
        *(
            f"CREATE TRIGGER audit_{what} AFTER {what} ON result BEGIN INSERT INTO audit (what, submission) "
            f"VALUES ('{what}', {row}.submission_id); END"
            for what, row in (("insert", "NEW"), ("update", "NEW"), ("delete", "OLD"))
        ),
    ],
    "postgresql": [
        "CREATE TABLE audit (id BIGSERIAL PRIMARY KEY, what TEXT, submission BIGINT)",
        """CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO audit (what, submission)
            VALUES (lower(TG_OP), CASE TG_OP WHEN 'DELETE' THEN OLD.submission_id ELSE NEW.submission_id END);
            RETURN NULL; END $$""",
        "CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON result FOR EACH ROW EXECUTE FUNCTION audit()",
    ],
}

Verdicts = tuple[float, dict[str, str]]


@dataclass
class Outcome:
    """What came of a storm on one way of working."""

    way: str
    uploads: int = 0
    kills: dict[str, int] = field(default_factory=collections.Counter)
    unanswered: int = 0  # requests of students that were not answered, or with 503, and were sent again
    ended: list[str] = field(default_factory=list)  # last words of supervisors that ended though nobody killed them
    lost: list[int] = field(default_factory=list)
    twice: list[int] = field(default_factory=list)
    extra: list[int] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    again: int = 0  # attempts beyond the first
    late: int = 0  # results that came too late and were refused
    given_up: int = 0
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return self.uploads > 0 and not (self.lost or self.twice or self.extra or self.wrong)


class Student(Browser):
    """Hands in until there is a receipt."""

    unanswered = 0

    def sign_in_for_sure(self, login: str) -> None:
        self._insist(lambda: self.sign_in(login, PASSWORD))

    def receipt_for(self, data: bytes) -> int:
        """The number of the submission. The form is fetched once, and sent until it is answered."""
        path = f"/courses/course/assignments/{ASSIGNMENT}"
        fields = self._insist(lambda: self._form(path))
        boundary = "deepgrade-chaos-7d1f4c"
        head = f"--{boundary}\r\nContent-Disposition: form-data; name="
        parts = [f'{head}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
        parts.append(f'{head}"zip"; filename="{ASSIGNMENT}.zip"\r\nContent-Type: application/zip\r\n\r\n'.encode())
        body = b"".join([*parts, data, f"\r\n--{boundary}--\r\n".encode()])
        kind = f"multipart/form-data; boundary={boundary}"
        return self._insist(lambda: self._receipt(path, body, kind))

    def report(self, number: int) -> Report | None:
        status, _, body = self.get(f"/submissions/{number}/report.json")
        return reports.from_json(body) if status == 200 else None

    def _form(self, path: str) -> dict[str, str]:
        fields = self._fields(path)
        if "form_key" not in fields:
            raise OSError("no form")
        return fields

    def _receipt(self, path: str, body: bytes, kind: str) -> int:
        """The redirect to the submission's page is the receipt; what that page answers is another matter."""
        request = urllib.request.Request(self.address + path, data=body, headers={"Content-Type": kind})
        _, address, _ = self._open(request)
        found = urllib.parse.urlsplit(address).path
        if not found.startswith("/submissions/"):
            raise OSError("no receipt")
        return int(found.rsplit("/", 1)[1])

    def _insist(self, ask):
        while True:
            try:
                return ask()
            except (*UNHEARD, SystemExit):  # SystemExit: Browser's word for an answer that is none
                self.unanswered += 1
                time.sleep(0.2)


class Uploader(threading.Thread):
    def __init__(self, address: str, login: str, draw: random.Random, storm: Storm) -> None:
        super().__init__(name=login, daemon=True)
        self._student = Student(address)
        self._draw = draw
        self._storm = storm

    def run(self) -> None:
        self._student.sign_in_for_sure(self.name)
        while self._storm.wants_more():
            kind = self._draw.choice(list(KINDS))
            number = self._student.receipt_for(zipped(KINDS[kind], salt=f"{self.name} {self._draw.random()}"))
            self._storm.receipts[number] = kind
            time.sleep(self._draw.uniform(0, 0.3))
            if self._storm.waiting() > CROWD:
                while self._storm.waiting() > CROWD / 2:
                    time.sleep(0.3)

    @property
    def unanswered(self) -> int:
        return self._student.unanswered


class Storm:
    """One way of working under kills: for so many uploads and so many minutes, and until each target was hit once."""

    def __init__(
        self,
        installed: Installation,
        *,
        seed: int,
        uploads: int = 0,
        minutes: float = 0.0,
        students: int = 3,
        every: tuple[float, float] = (0.5, 3.0),
    ) -> None:
        self.installed = installed
        self.receipts: dict[int, str] = {}  # number -> kind
        self._seed = seed
        self._draw = random.Random(seed)
        self._uploads = uploads
        self._seconds = 60 * minutes
        self._students = students
        self._every = every
        self._began = time.monotonic()
        self._next: list[str] = []  # to be killed, in an order by chance; then all again in another
        self._looked, self._waiting = 0.0, 0
        self._outcome = Outcome(installed.way)

    def wants_more(self) -> bool:
        if time.monotonic() - self._began < self._seconds or len(self.receipts) < self._uploads:
            return True
        return not set(self.targets) <= set(self._outcome.kills)  # nothing has been spared

    def waiting(self) -> int:
        """How many uploads wait or are being graded, as it was within the last half second."""
        if time.monotonic() - self._looked > 0.5:
            self._looked = time.monotonic()
            with contextlib.suppress(SQLAlchemyError), self.installed.database.read() as session:
                query = sa.select(sa.func.count()).where(Job.state.in_(("queued", "running")))
                self._waiting = session.scalar(query) or 0
        return self._waiting

    @property
    def targets(self) -> list[str]:
        installed = self.installed
        found = ["slot", "web", "serve", *installed.hosts[:1], *(name for name in installed.servers)]
        return [*found, "celery"] if installed.way in BROKERS else found

    def run(self, say=lambda words: None) -> Outcome:
        installed, outcome = self.installed, self._outcome
        logins = [f"student{number}" for number in range(self._students)]
        installed.make_accounts([*logins, "calm"])
        with installed.database.write() as session:
            for words in AUDIT[installed.database.engine.dialect.name]:
                session.execute(sa.text(words))
        say(f"{installed.way}: a calm run")
        expected = self._calm()
        calm = set(self.receipts)
        self.receipts.clear()
        self._began = time.monotonic()
        uploaders = [
            Uploader(installed.address, login, random.Random(f"{self._seed} {login}"), self) for login in logins
        ]
        for uploader in uploaders:
            uploader.start()
        while self.wants_more():
            say(f"{installed.way}: {len(self.receipts)} receipts, {sum(outcome.kills.values())} kills")
            self._wait_for_a_receipt()
            time.sleep(self._draw.uniform(*self._every))
            self._strike()
        while any(uploader.is_alive() for uploader in uploaders):  # each wants the receipt that it has asked for
            self._restart_what_ended()
            time.sleep(0.1)
        self._settle(say)
        outcome.seconds = time.monotonic() - self._began
        outcome.uploads = len(self.receipts)
        outcome.unanswered = sum(uploader.unanswered for uploader in uploaders)
        self._audit(expected, calm)
        return outcome

    def _calm(self) -> dict[str, Verdicts]:
        """What each kind of submission deserves."""
        student = Student(self.installed.address)
        student.sign_in_for_sure("calm")
        for kind, source in KINDS.items():
            self.receipts[student.receipt_for(zipped(source))] = kind
        self._until_final(self.receipts)
        found = {}
        for number, kind in self.receipts.items():
            report = student.report(number)
            assert report is not None
            found[kind] = verdicts(report)
        return found

    def _wait_for_a_receipt(self) -> None:
        """Kills that came faster than a slow machine starts would meet nothing that works. One in five may."""
        until = time.monotonic() + (RECEIPT_SECONDS if self._draw.random() < 0.8 else 0.0)
        count = len(self.receipts)
        while len(self.receipts) == count and time.monotonic() < until and self.wants_more():
            self._restart_what_ended()
            time.sleep(0.05)

    def _strike(self) -> None:
        installed, draw = self.installed, self._draw
        if not self._next:
            self._next = draw.sample(self.targets, len(self.targets))
        target = self._next.pop()
        if installed.kill(target, draw):
            self._outcome.kills[target] += 1
        if target in (*installed.servers, "serve", *installed.hosts):
            time.sleep(draw.uniform(*RESTART_SECONDS))
            installed.start(target, wait=False)
        self._restart_what_ended()

    def _restart_what_ended(self) -> None:
        """What a supervisor of the system's does for `deepgrade serve` and `deepgrade worker`."""
        for name, process in list(self.installed.processes.items()):
            if process.poll() is not None:
                words = self.installed.log(name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
                self._outcome.ended.append(f"{name}: {words[-1] if words else ''}")
                self.installed.start(name, wait=False)

    def _settle(self, say) -> None:
        """The storm is over: wait for the last report, and queue what was given up once more."""
        say(f"{self.installed.way}: waiting for the last of {len(self.receipts)} reports")
        while given_up := self._until_final(self.receipts):
            self._outcome.given_up += len(given_up)
            with self.installed.database.write() as session:
                for number in given_up:
                    recovery.requeue(session, number)

    def _until_final(self, numbers: Mapping[int, str]) -> list[int]:
        """Wait until each is graded or given up: those that are given up. Past the patience they count as lost."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            self._restart_what_ended()
            with self.installed.database.read() as session:
                states = dict(session.execute(sa.select(Job.submission_id, Job.state)).all())
            mine = {number: states.get(number, "") for number in numbers}
            if time.monotonic() > until:
                return []
            if set(mine.values()) <= {"done", "grader_error"}:
                return [number for number, state in mine.items() if state == "grader_error"]
            time.sleep(0.2)

    def _audit(self, expected: Mapping[str, Verdicts], calm: set[int]) -> None:
        outcome = self._outcome
        with self.installed.database.read() as session:
            states = dict(session.execute(sa.select(Job.submission_id, Job.state)).all())
            found = session.execute(sa.select(Result.submission_id, Result.report)).all()
            written = session.execute(sa.text("SELECT submission, what FROM audit")).all()
            rows = session.execute(sa.select(Job.attempt, Job.late_refused).where(Job.submission_id.in_(self.receipts)))
            attempts = rows.all()
        results = {number: verdicts(reports.from_json(data)) for number, data in found}
        times = collections.Counter(number for number, _ in written)
        outcome.lost = sorted(n for n in self.receipts if states.get(n) != "done" or n not in results)
        outcome.twice = sorted(number for number, count in times.items() if count > 1)
        outcome.extra = sorted(set(states) - set(self.receipts) - calm)
        outcome.wrong = sorted(n for n, kind in self.receipts.items() if n in results and results[n] != expected[kind])
        outcome.again = sum(max(0, attempt - 1) for attempt, _ in attempts)
        outcome.late = sum(late for _, late in attempts)


def verdicts(report: Report) -> Verdicts:
    return report.points, {test.id: test.verdict for test in report.tests}


def zipped(source: str, salt: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{ASSIGNMENT}.py", source + (f"\n# {salt}\n" if salt else ""))
    return buffer.getvalue()


def storm(way: str, *, servers: Mapping[str, Server] | None = None, say=lambda words: None, **options) -> Outcome:
    """A storm on a new installation."""
    with Installation(
        way, COURSE, lease_seconds=LEASE_SECONDS, slots=1 if way in BROKERS else 2, servers=servers
    ) as one:
        return Storm(one, **options).run(say)


def show(console: Console, outcomes: Sequence[Outcome]) -> None:
    numbers = ("Uploads", "Kills", "Lost", "Twice", "Extra", "Wrong", "Resent", "Retried", "Late", "Given up")
    rows = table("Way", *numbers, "Minutes", numbers=(*numbers, "Minutes"))
    for one in outcomes:
        counts = (one.uploads, sum(one.kills.values()), *map(len, (one.lost, one.twice, one.extra, one.wrong)))
        rest = (one.unanswered, one.again, one.late, one.given_up)
        rows.add_row(one.way, *map(str, (*counts, *rest)), f"{one.seconds / 60:.1f}")
    console.print(rows)
    for one in outcomes:
        console.print(
            f"{one.way}: killed " + ", ".join(f"{name} {count} times" for name, count in sorted(one.kills.items()))
        )
        for words in one.ended:
            console.print(f"  ended by itself, and was started again: {words}")


def main() -> int:
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="of storm on each way (5)")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of who is killed when")
    parser.add_argument("--way", action="append", choices=WAYS, help="again for more; all of them")
    parser.add_argument("--students", type=int, default=4, help="who hand in at once (4)")
    parser.add_argument("--kills", type=float, default=12.0, help="a minute, on the average (12)")
    options = parser.parse_args()
    if options.minutes <= 0 or options.students < 1 or options.kills <= 0:
        parser.error("--minutes, --students and --kills must be above zero")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: all that was started is ended in order
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)
    console.print(f"seed {options.seed}")
    middle = 60 / options.kills
    outcomes = []
    columns = (TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("")
        for way in options.way or WAYS:
            outcomes.append(
                storm(
                    way,
                    seed=options.seed,
                    minutes=options.minutes,
                    students=options.students,
                    every=(0.1 * middle, 1.9 * middle),
                    say=lambda words: bar.update(task, description=words),
                )
            )
    show(console, outcomes)
    broken = [one for one in outcomes if not one.holds]
    for one in broken:
        console.print(f"{one.way}: lost {one.lost}, twice {one.twice}, extra {one.extra}, wrong {one.wrong}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
