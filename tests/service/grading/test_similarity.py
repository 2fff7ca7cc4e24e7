"""Code that submissions share is found, what everybody was given is not, and none of it is run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader_service.grading import similarity

from ..conftest import User, zip_of
from ..support.pages_list import RIGHT_REPORT, finish

AT = "/courses/course/staff/similarity/double"

LONG = '''
def double(x):
    """2x."""
    total = 0
    for step in range(int(abs(x)) + 1):
        total += 2 if x > 0 else -2
        if total > 10 ** 6:
            raise ValueError("too much")
    values = [total * factor for factor in (1, 2, 3) if factor % 2]
    return sum(values) / max(1, len(values))


def negate(x):
    result = {"value": x, "sign": -1}
    while result["sign"] > 5:
        result["sign"] -= 1
    return result["value"] * result["sign"]
'''
RENAMED = (
    LONG.replace("total", "summe")
    .replace("values", "werte")
    .replace("result", "ergebnis")
    .replace('"""2x."""', "# mine")
)
OTHER = """
import math


class Doubler:
    factor = 2

    def __call__(self, x):
        return math.ldexp(x, 1)


double = Doubler()
negate = lambda x: 0 - x
"""


def test_renamed_code_is_found_and_other_code_is_not():
    found, total = similarity.compare({1: LONG, 2: RENAMED, 3: OTHER}, [])
    assert total == 1
    assert [(pair.first, pair.second) for pair in found] == [(1, 2)]
    assert found[0].of_first > 0.8
    parts = similarity.marked(LONG, found[0].in_first)
    assert "".join(text for text, _ in parts) == LONG
    assert "result" in "".join(text for text, shared in parts if shared)


def test_starter_code_counts_for_nothing():
    assert similarity.compare({1: LONG + OTHER, 2: LONG}, [LONG]) == ([], 0)


def test_code_that_says_something_twice_is_no_starter_code():
    found, _ = similarity.compare({1: LONG + LONG, 2: RENAMED}, ["x = 1\n"])
    assert found
    assert found[0].most > 0.8


@pytest.mark.parametrize("text", ["", "\x00\x01", "def f(:\n", "é" * 5000, "(" * 2000, "'''", "\ud7ff"])
def test_what_is_no_python_is_compared_all_the_same(text):
    similarity.compare({1: text, 2: LONG, 3: RENAMED}, [text])


@given(
    text=st.text(max_size=60),
    slices=st.lists(st.tuples(st.integers(-5, 80), st.integers(-5, 80)), max_size=6),
)
def test_marking_loses_no_letter(text, slices):
    assert "".join(part for part, _ in similarity.marked(text, slices)) == text


def test_equal_texts_are_a_group_and_one_of_them_stands_for_all():
    crlf = LONG.replace("\n", " \n") + "\n"
    texts = {1: OTHER, 2: LONG, 3: RENAMED, 4: crlf, 5: LONG, 6: OTHER}
    found = similarity.findings_of(texts, [])
    assert found.groups == [[2, 4, 5], [1, 6]]
    assert [(pair.first, pair.second) for pair in found.pairs] == [(2, 3)]
    assert (found.compared, found.total) == (6, 1)
    shared = found.pair(4, 5)
    assert shared is not None
    assert similarity.marked(LONG, shared.in_first) == [(LONG, True)]
    assert found.pair(1, 2) is None


def test_what_everybody_was_given_is_no_group():
    assert similarity.equal({1: LONG, 2: LONG + "\n", 3: OTHER}, [LONG]) == []


def test_the_number_of_pairs_is_that_of_all_pairs(monkeypatch):
    monkeypatch.setattr(similarity, "MOST", 2)
    pairs, total = similarity.compare({number: LONG + f"value_{number} = {number}\n" for number in range(4)}, [])
    assert (len(pairs), total) == (2, 6)


def test_the_page_says_how_many_pairs_it_leaves_out_and_shows_groups(app, user, settings):
    eve: User = user("eve", role="staff")
    for login in ("ada", "bob", "carol"):
        user(login, name=login.capitalize()).handed_in(zip_of(LONG))
    pairs = [similarity.Pair(1, 2, 0.9, 0.8)]
    similarity.save(settings, 1, "double", similarity.Findings(time.time(), 3, pairs, total=7))
    page = eve.get(AT).text
    assert "the 1 most similar of 7 pairs" in page
    assert "7 pairs of similar ones" in page
    similarity.save(settings, 1, "double", similarity.Findings(time.time(), 3, groups=[[1, 2, 3]]))
    page = eve.get(AT).text
    assert "1 group of equal submissions" in page
    assert "most similar" not in page
    assert all(name in page for name in ("Ada", "Bob", "Carol"))
    assert f'href="{AT}/1/3"' in page
    assert "100 % of its code" in eve.get(f"{AT}/1/3").text
    assert eve.get(f"{AT}/3/1").status_code == 404


def test_staff_compare_and_look_at_a_pair(app, user, settings):
    eve: User = user("eve", role="staff")
    for login, source in (("ada", LONG), ("bob", RENAMED), ("carol", OTHER)):
        user(login, name=login.capitalize()).handed_in(zip_of(source))
        finish(app, RIGHT_REPORT)
    assert "Nothing has been compared yet" in eve.get(AT).text
    assert eve.post(AT).status_code == 303
    deadline = time.monotonic() + 120
    while "The comparison is running" in (page := eve.get(AT).text):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert "3 submissions compared" in page, Path(settings.home, "similarity/1-double.log").read_text()
    assert f'<a href="{AT}/1/2">1 and 2</a>' in page
    assert "Carol" not in page
    page = eve.get(f"{AT}/1/2").text
    assert "<mark>" in page
    assert "summe" in page
    assert eve.get(f"{AT}/1/3").status_code == 404
