"""The tables of the first migration with rows in each, brought up to date by every later one.

What a row held then it must hold afterwards, in the columns that are still there: whoever drops a column, a table or a
row on purpose says so in `GONE`.
"""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from grader_service.database import revisions
from grader_service.database.session import Database

FIRST = "0001_first"
ZIP, TEXT = (hashlib.sha256(data).hexdigest() for data in (b"zip", b"text"))
GONE: set[str] = set()  # tables, and columns as in "result.tests_sha256", that a later migration drops on purpose

Row = dict[str, Any]
ROWS: dict[str, list[Row]] = {
    "person": [
        {"id": 3, "login": "ada", "name": "Ada", "email": "ada@example.edu", "is_operator": False,
         "password_hash": "h",
         "must_change_password": False, "session_id": "s", "created_at": 1.0},
        {"id": 4, "login": "eve", "name": "Eve", "email": None, "is_operator": True, "password_hash": "",
         "must_change_password": True, "session_id": "t", "created_at": 1.5},
    ],
    "course": [
        {"id": 2, "slug": "next", "title": "Next", "timezone": "Europe/Warsaw", "created_at": 2.0,
         "archived_at": 9.5},
    ],
    "membership": [
        {"person_id": 3, "course_id": 2, "role": "student", "joined_at": 2.5, "pseudonym": "owl"},
        {"person_id": 4, "course_id": 1, "role": "staff", "joined_at": 2.5, "pseudonym": None},
    ],
    "identity": [{"issuer": "https://id.example.edu", "subject": "x", "person_id": 3}],
    "one_time_link": [
        {"id": 5, "secret_hash": "a", "purpose": "invite", "person_id": 3, "expires_at": 3.0, "used_at": 2.75},
    ],
    "token": [
        {"id": 6, "person_id": 3, "name": "laptop", "secret_hash": "b", "scope": "submit", "course_id": 2,
         "created_at": 3.0, "expires_at": None, "last_used_at": 3.5, "revoked_at": None},
    ],
    "course_assignment": [
        {"id": 7, "course_id": 2, "assignment": "double", "position": 1, "draft": False, "release_at": 4.0,
         "due_at": 5.0, "hard_end_at": 6.0, "grace_days": 1, "penalty_per_day": 0.25, "attempts_per_day": 3,
         "attempts_total": 9,
         "counts": "latest", "hidden_results": "after_due", "weight": 2.0, "written_points": 5.0,
         "leaderboard": True},
        {"id": 8, "course_id": 2, "assignment": "halve", "position": 2, "draft": True, "release_at": 0.0,
         "due_at": None, "hard_end_at": None, "grace_days": 0, "penalty_per_day": 0.0, "attempts_per_day": None,
         "attempts_total": None, "counts": "best", "hidden_results": "now", "weight": 1.0, "written_points": 0.0,
         "leaderboard": False},
    ],
    "extension": [
        {"course_assignment_id": 7, "person_id": 3, "due_at": 5.5, "hard_end_at": None, "attempts_extra": 1,
         "reason": "ill", "by_id": 4, "at": 4.5},
    ],
    "upload": [
        {"sha256": ZIP, "data": b"zip", "size": 3},
        {"sha256": TEXT, "data": b"", "size": 4},
    ],
    "submission": [
        {"id": 9, "course_assignment_id": 7, "person_id": 3, "kind": "code", "filename": "d.zip", "sha256": ZIP,
         "notes": ["left out: a.txt"], "form_key": "key", "received_at": 5.25},
        {"id": 10, "course_assignment_id": 7, "person_id": 3, "kind": "written", "filename": "d.md", "sha256": TEXT,
         "notes": [], "form_key": "yek", "received_at": 5.375},
    ],
    "job": [
        {"id": 11, "submission_id": 9, "person_id": 3, "batch": "", "state": "done", "queue": "cpu", "priority": 0,
         "turn": 4, "not_before": 0.0, "memory_mb": 512, "course": "v", "attempt": 1, "token": None, "worker": "w",
         "host": "one", "lease_until": None, "workers_lost": 0, "faults": 1, "late_refused": 0, "message": "m",
         "tests_total": 5,
         "tests_done": 5, "curve": "[]", "queued_at": 5.25, "claimed_at": 5.5, "finished_at": 6.0},
        {"id": 12, "submission_id": 9, "person_id": 3, "batch": "regrade-1", "state": "queued", "queue": "cpu",
         "priority": 10, "turn": 5, "not_before": 1.0, "memory_mb": 512, "course": "", "attempt": 0, "token": "t",
         "worker": None, "host": None, "lease_until": 7.0, "workers_lost": 1, "faults": 0, "late_refused": 1,
         "message": "", "tests_total": 0, "tests_done": 0, "curve": "", "queued_at": 6.25, "claimed_at": None,
         "finished_at": None},
    ],
    "result": [
        {"id": 13, "submission_id": 9, "batch": "", "token": "c", "report": b'{"tests_sha256": "ab"}',
         "state": "graded", "points": 1.0, "possible": 2.0, "graded_at": 6.0, "tests_sha256": "ab"},
        {"id": 14, "submission_id": 9, "batch": "regrade-1", "token": "d", "report": b"{}", "state": "graded",
         "points": 1.5, "possible": 2.0, "graded_at": 6.5, "tests_sha256": ""},
    ],
    "picture": [{"result_id": 13, "key": "k", "png": b"png"}],
    "rendering": [
        {"sha256": TEXT, "kind": "pdf", "html": "", "pages": 2, "shown": 1, "message": "too many", "at": 5.5},
    ],
    "sheet": [{"sha256": TEXT, "number": 1, "png": b"page"}],
    "host": [
        {"name": "one", "instance": "i", "queues": "cpu,gpu", "slots": 2, "memory_mb": 1024, "course": "v",
         "started_at": 1.0, "seen_at": 2.0, "well": None, "trouble": "none", "paused": True,
         "lacks": {"deep": ["torch"]}},
    ],
    "queue": [{"name": "cpu", "paused": True}],
    "override": [
        {"id": 15, "submission_id": 9, "person_id": 3, "course_assignment_id": 7, "points": 3.5, "reason": "oral",
         "by_id": 4, "at": 7.0, "withdrawn_at": 8.0},
        {"id": 16, "submission_id": None, "person_id": 3, "course_assignment_id": 8, "points": 4.5, "reason": "oral",
         "by_id": None, "at": 7.0, "withdrawn_at": None},
    ],
    "comment": [{"id": 17, "submission_id": 10, "by_id": 4, "text": "Which axis?", "at": 7.25}],
    "rubric_item": [{"id": 18, "course_assignment_id": 7, "position": 1, "text": "plots", "points": 5.0}],
    "rubric_score": [{"submission_id": 10, "item_id": 18, "points": 2.5, "by_id": 4, "at": 7.5}],
    "regrade": [
        {"id": 19, "name": "regrade-1", "course_assignment_id": 7, "tests": ["test_a"], "by_id": 4,
         "reason": "strict",
         "created_at": 6.25, "counted_at": 6.75, "withdrawn_at": None},
    ],
    "audit_entry": [
        {"id": 20, "course_id": 2, "at": 7.0, "actor_id": 4, "actor_name": "Eve", "action": "override set",
         "subject": "assignment double", "person_id": 3, "before": None, "after": {"points": 3.5}, "reason": "oral"},
    ],
}  # fmt: skip


def _tables(connection: sa.Connection) -> dict[str, sa.Table]:
    """As they are in the database, whatever the models say."""
    found = sa.MetaData()
    found.reflect(connection)
    return {name: table for name, table in found.tables.items() if name != "alembic_version"}


def fill(database: Database) -> None:
    """The tables of the first migration, with rows in each of them."""
    database.upgrade(FIRST)
    with database.engine.begin() as connection:
        tables = _tables(connection)
        assert set(tables) == set(ROWS), "each table of the first migration has a row"
        for name, rows in ROWS.items():
            for row in rows:
                assert set(row) == set(tables[name].columns.keys()), name
                connection.execute(tables[name].insert().values({key: _value(value) for key, value in row.items()}))


def _value(value: Any) -> Any:
    return sa.null() if value is None else value  # and not JSON's null


def later() -> list[str]:
    """Of all later migrations, in their order."""
    script = ScriptDirectory.from_config(revisions.configuration())
    return [one.revision for one in reversed(list(script.walk_revisions())) if one.revision != FIRST]


def ways() -> list[list[str]]:
    """From the first migration to the newest: at once, and by way of each between, where there are some."""
    return [["head"], *([[*later(), "head"]] if later() else [])]


def lost(database: Database) -> list[str]:
    """What of the rows is not as it was."""
    found = []
    with database.engine.connect() as connection:
        tables = _tables(connection)
        for name, rows in ROWS.items():
            if name in GONE:
                continue
            if name not in tables:
                found.append(name)
                continue
            kept = [column for column in rows[0] if f"{name}.{column}" not in GONE]
            found += [f"{name}.{column}" for column in kept if column not in tables[name].columns]
            kept = [column for column in kept if column in tables[name].columns]
            now = [dict(row._mapping) for row in connection.execute(sa.select(*(tables[name].c[one] for one in kept)))]
            found += [f"{name}: {row}" for row in rows if {key: row[key] for key in kept} not in now]
    return found
