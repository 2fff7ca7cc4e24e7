"""`make walls` takes hours; that each wall can be taken away, and that its tests exist, is looked at here."""

from __future__ import annotations

import re

import pytest
from architecture import REPOSITORY
from walls import WALLS


@pytest.mark.parametrize("wall", WALLS, ids=lambda wall: wall.name)
def test_what_is_taken_away_is_in_the_code_once(wall):
    for file, here, _ in wall.changes:
        assert (REPOSITORY / file).read_text(encoding="utf-8").count(here) == 1, f"{file}: {here}"


@pytest.mark.parametrize("wall", WALLS, ids=lambda wall: wall.name)
def test_what_must_notice_it_is_a_test(wall):
    for test in wall.tests:
        file, _, name = test.partition("::")
        function = re.match(r"\w+", name)
        source = (REPOSITORY / file).read_text(encoding="utf-8")
        assert not name or (function and f"def {function[0]}(" in source), test
