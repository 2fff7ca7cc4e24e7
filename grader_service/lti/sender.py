"""Sends grades to platforms (AGS) until each column is what it shall be. A thread of the web process runs it.

    step:   plan, if something changed ── claim a batch ── send each ── write the outcomes

A grade is sent once although a platform may be silent, and although this process may be killed:

- A try is written down before it is sent (`unsure`). The next try asks the platform first which result it has, if we
  may ask, and sends nothing if it has this one.
- A second try has the time of the first one. Platforms keep the grade with the latest time and so take it once.

    500, silence   tried again, later each time, at most an hour later, without end
    429            nothing is sent to this platform for as long as it says
    401            once more with a new token
    409            it has this grade or a later one: sent already, or tried again with a later time
    other 4xx      refused: staff see why, and may have it tried again
"""

from __future__ import annotations

import datetime
import logging
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from autograder.core.errors import DeepgradeError
from autograder.course.course import Course as Content
from grader_service.core.settings import Settings
from grader_service.database.models import (
    LtiContext,
    LtiDeployment,
    LtiIdentity,
    LtiLink,
    LtiPlatform,
    LtiScore,
)
from grader_service.database.session import Database, db_now
from grader_service.lti import scores
from grader_service.lti.messages import RESULT_SCOPE, SCORE_SCOPE
from grader_service.lti.platform_requests import PlatformError, Tokens, ask, retry_after

log = logging.getLogger("deepgrade.lti")

BATCH = 50  # grades that are claimed at a time
BATCH_SECONDS = 30.0  # after that the rest of a batch is given back
CLAIM_SECONDS = 120.0  # for which a claimed grade is nobody else's
EVERY_SECONDS = 3.0  # between two steps without work
REPLAN_SECONDS = 600.0  # a due date that passes changes grades without any entry
WAITS = (5.0, 3600.0)  # seconds until the second try, and the most until a later one
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
RESULT_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"


@dataclass(frozen=True)
class Task:
    """A grade to be sent, as it was wanted when it was claimed."""

    link_id: int
    person_id: int
    platform: LtiPlatform
    line_item: str
    may_ask: bool
    subject: str
    points: float | None
    possible: float
    moment: float
    tries: int  # before this one
    unsure: bool  # may the platform have it already?


@dataclass(frozen=True)
class Outcome:
    """sent, waiting (tried again after `seconds`), or refused"""

    task: Task
    state: str
    message: str = ""
    seconds: float = 0.0
    unsure: bool = False
    later: bool = False  # the next try needs a later time


class Sender:
    def __init__(
        self, settings: Settings, database: Database, content: Content, *, waits: tuple[float, float] = WAITS
    ) -> None:
        self._database, self._content, self._waits = database, content, waits
        self._tokens = Tokens(settings)
        self._planned: tuple[object, ...] = ()
        self._plan_at = 0.0
        self._paused: dict[int, float] = {}  # platforms that answer nothing at the moment, until when
        self._failures: dict[int, int] = {}  # of a platform, one after the other

    def start(self) -> None:
        threading.Thread(target=self._run, name="grades", daemon=True).start()

    def step(self) -> int:
        """Plan and send once. Returns how many grades were tried."""
        self._plan()
        tasks = self._claim()
        until = time.monotonic() + BATCH_SECONDS
        outcomes = [self._try(task, until) for task in tasks]
        if outcomes:
            with self._database.write() as session:
                now = session.scalars(sa.select(db_now())).one()
                for outcome in outcomes:
                    _write(session, outcome, now)
        return len(outcomes)

    def _run(self) -> None:
        while True:
            try:
                busy = self.step() > 0
            except (SQLAlchemyError, DeepgradeError) as error:  # of the database, say; the next step tries again
                log.error("grades could not be sent: %s", type(error).__name__)
                busy = False
            time.sleep(0.0 if busy else EVERY_SECONDS)

    def _plan(self) -> None:
        with self._database.read() as session:
            fingerprint = scores.fingerprint(session)
        if fingerprint != self._planned or time.monotonic() > self._plan_at:
            scores.plan(self._database, self._content)
            self._planned, self._plan_at = fingerprint, time.monotonic() + REPLAN_SECONDS

    def _claim(self) -> list[Task]:
        now = time.monotonic()
        self._paused = {number: until for number, until in self._paused.items() if until > now}
        with self._database.read() as session:  # most steps have nothing to send, and then write nothing
            if session.scalar(_due(self._paused).limit(1)) is None:
                return []
        with self._database.write() as session:
            due = _due(self._paused).limit(BATCH).with_for_update(of=LtiScore, skip_locked=True)
            tasks = []
            for row, link, subject in session.execute(due).all():
                tasks.append(_task(row, link, subject))
                row.tries, row.unsure = row.tries + 1, True
                row.not_before = db_now() + CLAIM_SECONDS
            session.flush()
        return tasks

    def _try(self, task: Task, until: float) -> Outcome:
        platform = task.platform.id
        pause = self._paused.get(platform, 0.0) - time.monotonic()
        if pause > 0 or time.monotonic() > until:
            return Outcome(task, "waiting", "", max(pause, 0.0), unsure=task.unsure)
        try:
            has_it = task.unsure and task.may_ask and self._has(task)
            outcome = Outcome(task, "sent") if has_it else self._send(task)
        except PlatformError as error:
            outcome = self._failed(task, error)
        if outcome.state == "sent":
            self._failures.pop(platform, None)
        return outcome

    def _send(self, task: Task) -> Outcome:
        """Raises PlatformError for a failure that another try may cure."""
        for fresh in (False, True):
            if fresh:
                self._tokens.forget(task.platform)
            headers = {**self._tokens.headers(task.platform, _scopes(task)), "Content-Type": SCORE_TYPE}
            answer = ask("POST", _below(task.line_item, "scores"), what="a grade", headers=headers, json=_score(task))
            if answer.status != 401:
                break
        if 200 <= answer.status < 300:
            return Outcome(task, "sent")
        message = f"the platform answered {answer.status}"
        if answer.status == 409:
            # Its own answer to an earlier try was lost, or its clock is ahead of ours.
            if task.unsure and task.tries and not task.may_ask:
                return Outcome(task, "sent")
            return Outcome(task, "waiting", message, self._wait(task), later=True)
        if answer.status in (408, 429) or answer.status >= 500:
            raise PlatformError(message, answer.status, retry_after(answer.headers))
        return Outcome(task, "refused", message, unsure=task.unsure)

    def _has(self, task: Task) -> bool:
        """Has the platform this grade already? Raises PlatformError if it does not say."""
        headers = {**self._tokens.headers(task.platform, _scopes(task)), "Accept": RESULT_TYPE}
        url = _below(task.line_item, "results", user_id=task.subject)
        answer = ask("GET", url, what="a result", headers=headers)
        if answer.status == 429 or answer.status >= 500:
            raise PlatformError(f"the platform answered {answer.status}", answer.status, retry_after(answer.headers))
        if answer.status != 200:
            return False  # it does not let us ask
        given = answer.json("a result")
        results = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
        mine = [one for one in results if str(one.get("userId")) == task.subject]
        result = mine[0] if len(mine) == 1 else {}
        score, most = result.get("resultScore"), result.get("resultMaximum") or task.possible
        if task.points is None:
            return score is None
        if not isinstance(score, int | float) or not isinstance(most, int | float):
            return False
        return abs(score / most - task.points / task.possible) < 1e-6

    def _failed(self, task: Task, error: PlatformError) -> Outcome:
        """A platform that says nothing, or asks us to wait, is left alone for a while; others go on."""
        platform = task.platform.id
        if error.status in (0, 401, 403, 429) or error.retry_after:
            failures = self._failures[platform] = self._failures.get(platform, 0) + 1
            seconds = error.retry_after or min(self._waits[1], self._waits[0] * 2.0 ** min(failures - 1, 20))
            self._paused[platform] = time.monotonic() + seconds
            log.warning("platform %d: %s; the next grade is sent to it in %.0f s", platform, error, seconds)
        answered = error.status == 429  # then it has not taken what was sent
        return Outcome(task, "waiting", str(error), self._wait(task), unsure=task.unsure or not answered)

    def _wait(self, task: Task) -> float:
        least, most = self._waits
        return min(most, least * 2.0 ** min(task.tries, 20))


def _due(paused: dict[int, float]) -> sa.Select[LtiScore, LtiLink, str]:
    return (
        sa.select(LtiScore, LtiLink, LtiIdentity.subject)
        .join(LtiLink, LtiLink.id == LtiScore.link_id)
        .join(LtiContext, LtiContext.id == LtiLink.context_id)
        .join(LtiDeployment, LtiDeployment.id == LtiContext.deployment_id)
        .join(LtiPlatform, LtiPlatform.id == LtiDeployment.platform_id)
        .join(
            LtiIdentity,
            sa.and_(LtiIdentity.platform_id == LtiPlatform.id, LtiIdentity.person_id == LtiScore.person_id),
        )
        .where(
            LtiScore.state == "waiting",
            LtiScore.not_before <= db_now(),
            LtiPlatform.closed_at.is_(None),
            LtiDeployment.closed_at.is_(None),
            LtiPlatform.id.not_in(list(paused)),
        )
        .order_by(LtiScore.not_before, LtiScore.link_id, LtiScore.person_id)
    )


def _task(row: LtiScore, link: LtiLink, subject: str) -> Task:
    return Task(
        link_id=row.link_id,
        person_id=row.person_id,
        platform=link.context.deployment.platform,
        line_item=link.line_item,
        may_ask=RESULT_SCOPE in link.scopes,
        subject=subject,
        points=row.points,
        possible=row.possible,
        moment=row.moment,
        tries=row.tries,
        unsure=row.unsure,
    )


def _write(session: Session, outcome: Outcome, now: float) -> None:
    """The outcome of a try. If something else is wanted meanwhile, the grade goes on waiting for that."""
    task = outcome.task
    row = session.get(LtiScore, (task.link_id, task.person_id))
    if row is None:
        return  # the person, or the column, was removed
    same = row.moment == task.moment
    row.unsure = outcome.unsure
    if outcome.state == "sent":
        row.sent_points, row.sent_possible, row.sent_at = task.points, task.possible, now
    if not same:
        row.state, row.not_before = "waiting", 0.0
        return
    row.state, row.message = outcome.state, outcome.message
    row.not_before = now + outcome.seconds
    if outcome.state == "sent" or not outcome.message:
        row.tries = 0 if outcome.state == "sent" else task.tries
    if outcome.later:
        row.moment = max(now, row.moment + scores.STEP)


def _score(task: Task) -> dict[str, object]:
    moment = datetime.datetime.fromtimestamp(task.moment, datetime.UTC).isoformat(timespec="microseconds")
    score: dict[str, object] = {"userId": task.subject, "timestamp": moment.replace("+00:00", "Z")}
    if task.points is None:
        return score | {"activityProgress": "Initialized", "gradingProgress": "NotReady"}
    grade = {"scoreGiven": task.points, "scoreMaximum": task.possible}
    return score | grade | {"activityProgress": "Completed", "gradingProgress": "FullyGraded"}


def _scopes(task: Task) -> list[str]:
    return [SCORE_SCOPE, RESULT_SCOPE] if task.may_ask else [SCORE_SCOPE]


def _below(line_item: str, name: str, **query: str) -> str:
    """`scores` or `results` of a column, whose address may have a query: Moodle's has one."""
    parts = urlsplit(line_item)
    more = "&".join(filter(None, (parts.query, urlencode(query))))
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}", query=more))
