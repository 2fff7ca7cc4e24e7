"""The model of a deadline night, and the figures that it is fed with."""

from __future__ import annotations

import re
from dataclasses import replace

import deadline_night as night
import pytest
from bench import jobs as bench_jobs

FEW = 200


def simulate(cores: int, rate: float = 2.0, seed: int = 3) -> night.Night:
    return night.simulate("any", rate, students=FEW, cores=cores, seed=seed)


def test_the_same_seed_is_the_same_night_and_another_is_another():
    assert simulate(2) == simulate(2)
    assert simulate(2) != simulate(2, seed=4)


def test_with_a_core_for_everybody_nobody_waits_for_more_than_his_grading():
    alone = simulate(FEW)
    assert alone.median == pytest.approx(30, rel=0.2), "half a minute each, on the average"
    assert alone == replace(simulate(2 * FEW), cores=FEW, load=alone.load)


def test_one_core_that_is_too_slow_makes_everybody_wait():
    slow, fast = simulate(1, rate=1.0), simulate(16, rate=1.0)
    assert slow.load > 1 > fast.load
    assert slow.p95 > 5 * fast.p95
    assert slow.median <= slow.p95 <= slow.p99 <= slow.longest


def test_half_of_the_first_uploads_come_on_the_last_day():
    draw = night.random.Random(0)
    late = sum(night.first_upload(draw) > night.OPEN - night.DAY for _ in range(4000)) / 4000
    expected = night.math.log(1 + night.DAY / night.SOFTEN) / night.math.log(1 + night.OPEN / night.SOFTEN)
    assert late == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(("q", "value"), [(0.5, 2), (0.75, 3), (1.0, 4), (0.01, 1)])
def test_a_quantile_is_a_value_that_so_many_do_not_exceed(q, value):
    assert night.quantile([1, 2, 3, 4], q) == value


def test_the_night_reads_what_the_measurement_writes():
    figures = {"empty": 1000.0, "heard": [0.1], "softmax": 60.0, "backprop": 15.0}
    rows = bench_jobs.table_of({"sqlite": figures, "redis": figures}, ["softmax", "backprop"])
    page = "\n".join(f"| {what} | {value} | {note} |" for what, value, note in rows)
    assert night.rates(page) == {"softmax": 30.0, "backprop": 7.5}
    assert re.search(r"^\| empty jobs: Celery over Redis, PostgreSQL \| 1000 a second \| 1.00 times", page, re.M)
