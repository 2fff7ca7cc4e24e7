"""What is asked of rows on SQLite is asked of them on PostgreSQL: the same tests, on another database."""

from __future__ import annotations

import pytest

from grader_service.core.settings import Settings

from ..conftest import COURSE
from ..queue.test_fairness import *  # noqa: F403
from ..queue.test_hosts import *  # noqa: F403
from ..queue.test_jobs import *  # type: ignore[no-redef]  # noqa: F403
from ..queue.test_metrics import *  # noqa: F403


@pytest.fixture
def settings(tmp_path, new_database) -> Settings:
    return Settings(home=tmp_path / "home", course=COURSE, database=new_database())
