"""What a receipt is worth: the clock is an argument, so nothing here waits for one."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from narrowing import not_none

from grader_service.core import minutes
from grader_service.courses import late_policy
from grader_service.courses.late_policy import Attempt, Terms
from grader_service.database.models import CourseAssignment, Extension
from grader_service.web import formatting

DAY = 86400.0


def at(text: str, zone: str = "UTC") -> float:
    """`2026-12-06 23:59:00` on the wall of that zone, in seconds since 1970."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def due(text: str, zone: str = "UTC", **more: Any) -> Terms:
    return Terms(zone=ZoneInfo(zone), due_at=at(text, zone), **{"penalty_per_day": 0.1, **more})


# due (on the wall of the zone), received (in UTC), days late
LATENESS = {
    "long before": ("2026-12-06 23:59", "Europe/Warsaw", "2026-12-01 00:00", 0),
    "at the very minute": ("2026-12-06 23:59", "Europe/Warsaw", "2026-12-06 22:59", 0),
    "the last millisecond of it": ("2026-12-06 23:59", "Europe/Warsaw", "2026-12-06 22:59:59.999", 0),
    "the next minute": ("2026-12-06 23:59", "Europe/Warsaw", "2026-12-06 23:00", 1),
    "the last millisecond of the first day": ("2026-12-06 23:59", "Europe/Warsaw", "2026-12-07 22:59:59.999", 1),
    "the first minute of the second": ("2026-12-06 23:59", "Europe/Warsaw", "2026-12-07 23:00", 2),
    "typed with seconds, and shown without": ("2026-12-06 23:59:20", "Europe/Warsaw", "2026-12-06 22:59:50", 0),
    "the same wall in New York": ("2026-12-06 23:59", "America/New_York", "2026-12-07 04:59:59.999", 0),
    "and the next minute": ("2026-12-06 23:59", "America/New_York", "2026-12-07 05:00", 1),
    "a zone of 45 minutes": ("2026-12-06 23:59", "Asia/Kathmandu", "2026-12-06 18:14:59", 0),
    # Clocks go back in Warsaw on 25 October 2026 at 3:00, from UTC+2 to UTC+1: that day has 25 hours.
    "the long day, after 24 hours": ("2026-10-24 12:00", "Europe/Warsaw", "2026-10-25 10:00", 1),
    "the long day, after 24.5 hours": ("2026-10-24 12:00", "Europe/Warsaw", "2026-10-25 10:30", 1),
    "the long day, at its end": ("2026-10-24 12:00", "Europe/Warsaw", "2026-10-25 11:00:59", 1),
    "after the long day": ("2026-10-24 12:00", "Europe/Warsaw", "2026-10-25 11:01", 2),
    # They go forward on 28 March 2027 at 2:00, from UTC+1 to UTC+2: 23 hours.
    "the short day, at its end": ("2027-03-27 12:00", "Europe/Warsaw", "2027-03-28 10:00:59", 1),
    "after the short day": ("2027-03-27 12:00", "Europe/Warsaw", "2027-03-28 10:01", 2),
    # Due at a time of the clock that the next day does not have.
    "a day that ends in the gap": ("2027-03-27 02:30", "Europe/Warsaw", "2027-03-28 01:30:59", 1),
    "just after the gap": ("2027-03-27 02:30", "Europe/Warsaw", "2027-03-28 01:31", 2),
    # Samoa had no 30 December 2011.
    "across the date line": ("2011-12-29 10:00", "Pacific/Apia", "2011-12-30 20:00:59", 1),
    "the day after the missing one": ("2011-12-29 10:00", "Pacific/Apia", "2011-12-30 20:01", 3),
    "a year later": ("2026-12-06 23:59", "UTC", "2027-12-06 23:59:59", 365),
}


@pytest.mark.parametrize("case", LATENESS)
@pytest.mark.threat(40)
def test_days_late_are_counted_by_the_clock_on_the_course_s_wall(case):
    when, zone, received, days = LATENESS[case]
    assert late_policy.days_late(due(when, zone), at(received)) == days


@pytest.mark.parametrize(
    "changes, days, factor",
    [
        ({}, 0, 1.0),
        ({}, 1, 0.9),
        ({}, 10, 0.0),
        ({}, 11, 0.0),
        ({"grace_days": 2}, 2, 1.0),
        ({"grace_days": 2}, 3, 0.9),
        ({"penalty_per_day": 0.0}, 100, 1.0),
        ({"penalty_per_day": 1.0}, 1, 0.0),
    ],
)
def test_the_share_that_counts_falls_by_the_day_after_the_grace_days(changes, days, factor):
    terms = due("2026-12-06 12:00", **changes)
    receipt = late_policy.receipt(terms, terms.due_at + days * DAY)
    assert (receipt.accepted, receipt.days_late) == (True, days)
    assert receipt.factor == pytest.approx(factor)


@pytest.mark.threat(40)
def test_nothing_comes_in_before_the_release_or_after_the_end():
    terms = due("2026-12-06 12:00", release_at=at("2026-12-01 12:00"), hard_end_at=at("2026-12-08 12:00"))
    assert terms.hard_end_at is not None
    moments = (terms.release_at - 1, terms.release_at, terms.hard_end_at + 59)
    seen = [late_policy.receipt(terms, moment) for moment in moments]
    assert [one.accepted for one in seen] == [False, True, True]
    assert seen[0].reason == "it is not released yet"
    late = late_policy.receipt(terms, terms.hard_end_at + 60)
    assert (late.accepted, late.factor, late.reason) == (False, 0.0, "it is past the end")


def test_without_a_due_date_nothing_is_late():
    receipt = late_policy.receipt(Terms(zone=ZoneInfo("UTC"), penalty_per_day=1.0), 1e10)
    assert (receipt.accepted, receipt.days_late, receipt.factor) == (True, 0, 1.0)


def assignment(**more: object) -> CourseAssignment:
    plain = {
        "draft": False,
        "release_at": 0.0,
        "due_at": 10 * DAY,
        "hard_end_at": 12 * DAY,
        "grace_days": 0,
        "penalty_per_day": 0.5,
        "counts": "best",
        "hidden_results": "now",
        "written_points": 0.0,
    }
    return CourseAssignment(**plain | more)


@pytest.mark.parametrize(
    "extension, due_at, hard_end_at",
    [
        ({"due_at": 15 * DAY}, 15, 17),  # the end moves as far
        ({"due_at": 15 * DAY, "hard_end_at": 16 * DAY}, 15, 16),
        ({"due_at": 15 * DAY, "hard_end_at": 11 * DAY}, 15, 15),  # never before it is due
        ({"due_at": 5 * DAY}, 10, 12),  # takes nothing away
        ({"due_at": 5 * DAY, "hard_end_at": 20 * DAY}, 10, 20),
    ],
)
@pytest.mark.threat(40)
def test_an_extension_moves_dates_and_takes_nothing_away(extension, due_at, hard_end_at):
    terms = late_policy.terms(assignment(), "UTC", Extension(attempts_extra=0, **extension))
    assert (terms.due_at, terms.hard_end_at) == (due_at * DAY, hard_end_at * DAY)


def test_an_extension_lasts_through_its_minute_as_well():
    terms = late_policy.terms(assignment(), "Europe/Warsaw", Extension(due_at=15 * DAY, attempts_extra=0))
    assert late_policy.receipt(terms, 15 * DAY + 59.999).factor == 1.0
    assert late_policy.receipt(terms, 15 * DAY + 60).factor == 0.5


@pytest.mark.threat(21)
def test_attempts_are_counted_by_the_date_on_the_course_s_wall():
    zone = "America/New_York"
    terms = Terms(zone=ZoneInfo(zone), attempts_per_day=2, attempts_total=4)
    made = [Attempt(n, at(text, zone)) for n, text in enumerate(("2026-12-06 00:00", "2026-12-06 23:59:59"))]
    assert late_policy.attempts(terms, made, at("2026-12-06 23:59:59", zone)).left == 0
    assert late_policy.may_hand_in(terms, made, at("2026-12-06 23:59:59", zone)).reason == "no attempts are left today"
    tomorrow = late_policy.attempts(terms, made, at("2026-12-07 00:00", zone))
    assert (tomorrow.total, tomorrow.today, tomorrow.left) == (2, 2, 2)
    assert late_policy.may_hand_in(terms, made * 2, at("2026-12-07 00:00", zone)).reason == "no attempts are left"


def test_a_grader_error_uses_up_no_attempt():
    terms = Terms(zone=ZoneInfo("UTC"), attempts_total=1)
    assert late_policy.may_hand_in(terms, [Attempt(1, 5.0, grader_error=True)], 6.0).accepted
    assert not late_policy.may_hand_in(terms, [Attempt(1, 5.0)], 6.0).accepted


def test_an_extension_may_give_attempts():
    extended = late_policy.terms(assignment(attempts_total=1), "UTC", Extension(due_at=0.0, attempts_extra=2))
    assert late_policy.attempts(extended, [Attempt(1, 5.0)], 6.0).total == 2


@pytest.mark.parametrize("counts, number", [("best", 2), ("latest", 4)])
def test_the_best_or_the_latest_counts(counts, number):
    terms = due("2026-12-06 12:00", counts=counts, penalty_per_day=0.5)
    assert terms.due_at is not None
    on_time, late = terms.due_at - 10, terms.due_at + 70
    made = [
        Attempt(1, on_time - 3, 3.0),
        Attempt(2, on_time - 2, 6.0),  # the first of the best
        Attempt(3, on_time - 1, 6.0),
        Attempt(4, late, 10.0),  # worth 5
        Attempt(5, late + 1, None),  # not graded
    ]
    assert not_none(late_policy.counting_attempt(terms, made)).id == number


def test_a_score_is_code_and_written_part_each_with_its_own_lateness_or_what_staff_set():
    terms = due("2026-12-06 12:00", penalty_per_day=0.5)
    assert terms.due_at is not None
    code = [Attempt(1, terms.due_at, 8.0)]
    written = Attempt(2, terms.due_at + 60, 4.0)
    assert late_policy.score(terms, code, written=written).points == 8.0 + 2.0
    assert late_policy.score(terms, [], written=None).points is None
    assert late_policy.score(terms, code, written=written, override=0.0).points == 0.0


@pytest.mark.parametrize(
    "hidden_results, before, after", [("now", True, True), ("after_due", False, True), ("never", False, False)]
)
def test_hidden_results_are_shown_when_the_course_says(hidden_results, before, after):
    terms = due("2026-12-06 12:00", hidden_results=hidden_results)
    assert terms.due_at is not None
    assert late_policy.hidden_shown(terms, terms.due_at + 59.999) is before
    assert late_policy.hidden_shown(terms, terms.due_at + 60) is after
    assert late_policy.points_shown(terms, terms.due_at + 59.999) is (hidden_results == "now")
    assert late_policy.points_shown(terms, terms.due_at + 60)


ZONES = ("UTC", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu")
moments = st.floats(min_value=at("2009-01-01"), max_value=at("2029-01-01"))
policies = st.builds(
    Terms,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    release_at=st.just(0.0),
    due_at=st.none() | moments,
    hard_end_at=st.none() | moments,
    grace_days=st.integers(0, 10),
    penalty_per_day=st.floats(0, 1),
    counts=st.sampled_from(["best", "latest"]),
)


@given(terms=policies, received=moments, later=st.floats(0, 400 * DAY), points=st.floats(0, 100))
@pytest.mark.threat(40)
def test_a_later_receipt_never_scores_more(terms, received, later, points):
    scores = (late_policy.score(terms, [Attempt(1, when, points)]) for when in (received, received + later))
    early, late = (not_none(score.points) for score in scores)
    assert late <= early


@given(terms=policies, received=moments)
def test_days_late_are_the_least_that_reach(terms, received):
    days = late_policy.days_late(terms, received)
    if terms.due_at is not None and days:
        assert not minutes.over(late_policy.day_end(terms, days), received)
        assert minutes.over(late_policy.day_end(terms, days - 1), received)


@given(terms=policies, received=moments)
@pytest.mark.threat(40)
def test_two_receipts_that_are_shown_alike_are_judged_alike(terms, received):
    """Kind: nothing is judged by more than the page says, which is minutes."""
    first = minutes.start(received)
    alike = [late_policy.receipt(terms, first + seconds) for seconds in (0.0, received - first, 59.999)]
    assert alike == alike[:1] * 3
    for date in (terms.due_at, terms.hard_end_at):
        if date is not None and formatting.moment(date) == formatting.moment(received):
            assert late_policy.days_late(terms, received) == 0 or date != terms.due_at
            assert late_policy.receipt(terms, received).reason != late_policy.TOO_LATE or date != terms.hard_end_at


@given(moment=moments, seconds=st.floats(0, 59.999))
def test_a_moment_is_the_minute_that_is_shown(moment, seconds):
    first = minutes.start(moment)
    assert formatting.moment(first + seconds) == formatting.moment(moment)
    assert formatting.moment(minutes.end(moment)) != formatting.moment(moment)
    assert minutes.begun(moment, first)
    assert not minutes.begun(moment, first - 0.001)
    assert not minutes.over(moment, first + seconds)
    assert minutes.over(moment, first + 60)
