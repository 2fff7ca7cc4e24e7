"""Launches and grades of platforms on PostgreSQL: the same tests as on SQLite."""

from __future__ import annotations

import pytest

from grader_service.core.settings import Settings

from ..conftest import COURSE
from ..lti.conftest import new_platform, platform
from ..lti.test_grades import *  # noqa: F403
from ..lti.test_launches import *  # noqa: F403

__all__ = ["new_platform", "platform"]  # fixtures


@pytest.fixture
def settings(tmp_path, new_database) -> Settings:
    return Settings(home=tmp_path / "home", course=COURSE, database=new_database())
