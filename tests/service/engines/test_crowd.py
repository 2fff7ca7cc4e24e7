"""Many processes write at once: nobody hears of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from grader_service.core.settings import Settings
from grader_service.database.models import Job, Result

from ..conftest import COURSE
from ..support import processes

UPLOADERS, GRADERS, COUNT = 8, 4, 15
TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path: Path) -> Settings:
    database = ""
    if request.param == "postgresql":
        new_database: Callable[[], str] = request.getfixturevalue("new_database")
        database = new_database()
    settings = Settings(home=tmp_path / "home", course=COURSE, database=database)
    for number in range(UPLOADERS):
        processes.add(settings, f"s{number}")
    return settings


@pytest.mark.threat(38, 39)
def test_eight_hand_in_and_four_grade_and_no_lock_reaches_anybody(settings: Settings):
    done = subprocess.run(
        [sys.executable, "-m", "service.engines.crowd", *map(str, (UPLOADERS, GRADERS, COUNT))],
        env={**os.environ, **settings.to_environment()},
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    total = UPLOADERS * COUNT
    assert json.loads(done.stdout) == {"sign in 303": UPLOADERS, "hand in 303": total, "finished": total}
    with processes.opened(settings) as database, database.read() as session:
        states = session.scalars(sa.select(Job.state)).all()
        assert states == ["done"] * total
        assert session.scalar(sa.select(sa.func.count()).select_from(Result)) == total
