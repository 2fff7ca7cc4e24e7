"""Deletion beside uploads of the same bytes, on PostgreSQL, where writers run beside each other."""

from __future__ import annotations

import pytest

from grader_service.core.settings import Settings

from ..accounts.test_deletion import *  # noqa: F403
from ..conftest import COURSE


@pytest.fixture
def settings(tmp_path, new_database) -> Settings:
    return Settings(home=tmp_path / "home", course=COURSE, database=new_database())
