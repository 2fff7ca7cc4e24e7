"""Some cases of a long test are left out, other ones with each commit."""

from __future__ import annotations

from cases import chosen
from hypothesis import given
from hypothesis import strategies as st

IDS = st.sets(st.text(min_size=1, max_size=5), min_size=1, max_size=12)


@given(ids=IDS, count=st.integers(1, 12), seed=st.text())
def test_as_many_as_wanted_are_chosen_whatever_their_order(ids, count, seed):
    found = chosen(sorted(ids), count, seed)
    assert found <= ids
    assert len(found) == min(count, len(ids))
    assert chosen(sorted(ids, reverse=True), count, seed) == found


def test_all_cases_are_tried_as_a_branch_grows():
    ids = {f"assignment {number}" for number in range(9)}
    assert set().union(*(chosen(ids, 3, f"commit {number}") for number in range(30))) == ids
