"""The share of points that a submission keeps: from its time of receipt, the policy, and the student's extension.

The functions are pure: the caller passes rows and times. All pages, tables, exports and API answers use them.

    terms(assignment, zone, extension) ─> Terms      what holds for one student
    receipt(terms, at)                 ─> Receipt    is it accepted, how late is it, which share of its points counts
    counting_attempt(terms, attempts)  ─> Attempt    the submission that counts
    score(...)                         ─> Score      with the written part and what staff set by hand

**Days.** A submission within the due minute is on time; one instant later it is late (`minutes`). The first late day
ends with the same minute of the clock on the next day in the course's time zone, so where clocks are put back it has 25
hours. A receipt k days late has the share

    max(0, 1 - penalty_per_day * max(0, k - grace_days))

and no share after the hard end. It never grows with k, and k never falls with time: a later receipt never scores more.

**Extensions** take nothing away: they move the due date of one student to a later time, and the hard end, if there is
one, to a later time of its own, else as far as the due date.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from grader_service.core import minutes

DAY = 86400.0  # seconds
NOT_YET = "it is not released yet"
TOO_LATE = "it is past the end"
NO_ATTEMPTS = "no attempts are left"
NO_ATTEMPTS_TODAY = "no attempts are left today"


class Assignment(Protocol):
    """The columns of `models.CourseAssignment` that count here."""

    draft: bool
    release_at: float
    due_at: float | None
    hard_end_at: float | None
    grace_days: int
    penalty_per_day: float
    attempts_per_day: int | None
    attempts_total: int | None
    counts: str
    hidden_results: str
    written_points: float


class Extended(Protocol):
    """The columns of `models.Extension` that count here."""

    due_at: float
    hard_end_at: float | None
    attempts_extra: int


@dataclass(frozen=True)
class Terms:
    """The dates and the policy for one student in one assignment. Times are in seconds since 1970."""

    zone: ZoneInfo
    draft: bool = False
    release_at: float = 0.0
    due_at: float | None = None
    hard_end_at: float | None = None
    grace_days: int = 0
    penalty_per_day: float = 0.0
    attempts_per_day: int | None = None
    attempts_total: int | None = None
    counts: str = "best"
    hidden_results: str = "now"
    written_points: float = 0.0
    extended: bool = False  # the due date is later than that of the assignment


@dataclass(frozen=True)
class Receipt:
    accepted: bool
    days_late: int
    factor: float  # share of the points that counts, 0 to 1
    reason: str = ""  # why it is not accepted


@dataclass(frozen=True)
class Attempt:
    """The facts of a submission that its score needs."""

    id: int
    received_at: float
    points: float | None = None  # None: it has no report yet, or no report that counts
    grader_error: bool = False  # the grader failed: it uses up no attempt


@dataclass(frozen=True)
class Attempts:
    """The attempts that are left. None means no limit."""

    total: int | None
    today: int | None

    @property
    def left(self) -> int | None:
        return min((one for one in (self.total, self.today) if one is not None), default=None)


@dataclass(frozen=True)
class Score:
    """The score of one student in one assignment; `points` is None before the first result."""

    points: float | None
    code: Attempt | None = None  # the submission that counts
    receipt: Receipt | None = None  # of that submission
    written: float | None = None  # points of the written part, after its own lateness
    written_receipt: Receipt | None = None
    overridden: bool = False


def terms(assignment: Assignment, zone: ZoneInfo | str, extension: Extended | None = None) -> Terms:
    due, end, extra, moved = assignment.due_at, assignment.hard_end_at, 0, 0.0
    if extension is not None:
        extra = extension.attempts_extra
        if due is not None:
            moved = max(due, extension.due_at) - due
            due += moved
            if end is not None:
                end = max(end + moved if extension.hard_end_at is None else extension.hard_end_at, end, due)
    return Terms(
        zone=ZoneInfo(zone) if isinstance(zone, str) else zone,
        draft=assignment.draft,
        release_at=assignment.release_at,
        due_at=due,
        hard_end_at=end,
        grace_days=assignment.grace_days,
        penalty_per_day=assignment.penalty_per_day,
        attempts_per_day=None if assignment.attempts_per_day is None else assignment.attempts_per_day + extra,
        attempts_total=None if assignment.attempts_total is None else assignment.attempts_total + extra,
        counts=assignment.counts,
        hidden_results=assignment.hidden_results,
        written_points=assignment.written_points,
        extended=moved > 0,
    )


def receipt(terms: Terms, at: float) -> Receipt:
    """How late a submission at this time is, and which share of its points counts."""
    late = days_late(terms, at)
    factor = max(0.0, 1.0 - terms.penalty_per_day * max(0, late - terms.grace_days))
    if not released(terms, at):
        return Receipt(False, late, factor, NOT_YET)
    if terms.hard_end_at is not None and minutes.over(terms.hard_end_at, at):
        return Receipt(False, late, 0.0, TOO_LATE)
    return Receipt(True, late, factor)


def released(terms: Terms | Assignment, at: float) -> bool:
    """Do students see the assignment at this time? Students never see a draft."""
    return not terms.draft and minutes.begun(terms.release_at, at)


def days_late(terms: Terms, at: float) -> int:
    """The least k >= 0 for which the minute `due + k days` is not over, by the clock of the course."""
    if terms.due_at is None or not past_due(terms, at):
        return 0
    # A day has 23 to 25 hours, or 0 or 48 hours where a zone has crossed the date line.
    days = max(1, int((at - terms.due_at) / DAY) - 2)
    while minutes.over(day_end(terms, days), at):
        days += 1
    return days


def past_due(terms: Terms, at: float) -> bool:
    """Is the due date over, so that no submission can be on time? False without a due date."""
    return terms.due_at is not None and minutes.over(terms.due_at, at)


def day_end(terms: Terms, days: int) -> float:
    """The minute in which the last of that many late days ends."""
    if terms.due_at is None:
        raise ValueError("an assignment without a due date has no late days")
    whole = int(terms.due_at // 1)
    due = datetime.datetime.fromtimestamp(whole, terms.zone)
    # Wall-clock arithmetic. A time that is skipped when clocks go forward counts as the same distance from midnight.
    return (due + datetime.timedelta(days=days)).timestamp() + (terms.due_at - whole)


def attempts(terms: Terms, attempts: Iterable[Attempt], now: float) -> Attempts:
    """The attempts that are left at this time. A day is a date in the course's time zone."""
    used = [attempt.received_at for attempt in attempts if not attempt.grader_error]
    today = _date(terms, now)
    used_today = sum(_date(terms, at) == today for at in used)
    return Attempts(
        None if terms.attempts_total is None else max(0, terms.attempts_total - len(used)),
        None if terms.attempts_per_day is None else max(0, terms.attempts_per_day - used_today),
    )


def may_hand_in(terms: Terms, made: Iterable[Attempt], now: float) -> Receipt:
    """Is another submission accepted now? If not, `reason` says why."""
    seen = receipt(terms, now)
    if not seen.accepted:
        return seen
    left = attempts(terms, made, now)
    if left.total == 0:
        return Receipt(False, seen.days_late, seen.factor, NO_ATTEMPTS)
    if left.today == 0:
        return Receipt(False, seen.days_late, seen.factor, NO_ATTEMPTS_TODAY)
    return seen


def hidden_shown(terms: Terms, now: float) -> bool:
    """May the student see the results of hidden tests? After the due date: when no submission can be on time."""
    if terms.hidden_results == "after_due":
        return terms.due_at is None or past_due(terms, now)
    return terms.hidden_results == "now"


def points_shown(terms: Terms, now: float) -> bool:
    """May the student see points that include hidden tests? If their results are not shown at once, only after the due
    date: earlier, the points of each attempt would reveal the results."""
    return terms.hidden_results == "now" or terms.due_at is None or past_due(terms, now)


def counting_attempt(terms: Terms, attempts: Iterable[Attempt]) -> Attempt | None:
    """The submission that counts. Only submissions with points can count.

    `best`: the most points after lateness; if two are equal, the earlier one. `latest`: the last one received.
    """
    graded = [one for one in attempts if one.points is not None]
    if terms.counts == "latest":
        return max(graded, key=lambda one: (one.received_at, one.id), default=None)
    return max(graded, key=lambda one: (_worth(terms, one), -one.received_at, -one.id), default=None)


def score(
    terms: Terms,
    attempts: Iterable[Attempt],
    *,
    written: Attempt | None = None,
    override: float | None = None,
) -> Score:
    """The score of one student in one assignment.

    written : the last written submission, with the points of the rubric; None until all lines have points
    override : points that staff set; they replace the others
    """
    code = counting_attempt(terms, attempts)
    seen = None if code is None else receipt(terms, code.received_at)
    seen_written = None if written is None else receipt(terms, written.received_at)
    of_written = None if written is None or written.points is None else _worth(terms, written)
    parts = [value for value in (None if code is None else _worth(terms, code), of_written) if value is not None]
    points = sum(parts) if parts else None
    if override is not None:
        points = override
    return Score(points, code, seen, of_written, seen_written, override is not None)


def _worth(terms: Terms, attempt: Attempt) -> float:
    """Points after lateness, by the current dates: a change of dates changes the points."""
    return (attempt.points or 0.0) * receipt(terms, attempt.received_at).factor


def _date(terms: Terms, at: float) -> datetime.date:
    return datetime.datetime.fromtimestamp(at, terms.zone).date()
