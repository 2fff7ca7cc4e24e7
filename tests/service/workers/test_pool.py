"""The pool of a Celery worker: which slot gets a ticket, and what Celery hears of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader_service.core.settings import Settings
from grader_service.database.session import Database
from grader_service.queue.enqueue import QUEUES
from grader_service.workers import slot_messages
from grader_service.workers.slot_messages import Reply
from grader_service.workers.slots import Node, Plan, nodes, plan

if TYPE_CHECKING:
    from grader_service.workers import pool as pools
else:
    pools = pytest.importorskip("grader_service.workers.pool", reason="celery is not installed")

PATIENCE_SECONDS = 60.0
STUB = "tests.service.support.stub_slot"


class Ticket:
    """A ticket as Celery hands it to a pool, and what the pool says of it."""

    def __init__(self, pool: pools.SlotPool, timeout: float | None = None) -> None:
        self.pid = 0
        self.said: list[Any] = []
        request = {"args": ["cpu"]}
        self.handle = pool.apply_async(
            None,
            args=("deepgrade.ticket", "id", request, b"", "", ""),
            callback=self.said.append,
            accept_callback=self.accept,
            timeout_callback=lambda soft, seconds: self.said.append((soft, seconds)),
            timeout=timeout,
        )

    def accept(self, pid: int, _: float) -> None:
        self.pid = pid


class Loop:
    """A pool with two slots, and the part of Celery's loop that it needs."""

    def __init__(self, settings: Settings) -> None:
        self.home = settings.home
        Database(settings).upgrade()
        node = Node("cpu", (Plan("h:0", ("cpu",)), Plan("h:1", ("cpu",))))
        self.pool = pools.pool_class(settings, "h", node, STUB)(2)
        for name in ("h-0", "h-1"):
            (self.home / name).write_text("")
        self.pool.start()
        self.pool.register_with_event_loop(self)
        self.until(lambda: self.pool.idle)

    def add_reader(self, *_: object) -> None: ...

    def call_repeatedly(self, *_: object) -> None: ...

    def order(self, words: str, slot: int = 0) -> None:
        (self.home / f"h-{slot}").write_text(words)

    def until(self, true: Callable[[], object]) -> None:
        late = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < late, "waited in vain"
            self.pool._turn()
            self.pool._run_calls()
            time.sleep(0.01)

    def said(self, ticket: Ticket) -> Any:
        self.until(lambda: ticket.said)
        (words,) = ticket.said
        return words


@pytest.fixture
def loop(settings: Settings) -> Iterator[Loop]:
    one = Loop(settings)
    yield one
    one.pool.on_terminate()
    one.pool.stop()


def slots(loop: Loop) -> dict[str, int]:
    found: dict[str, int] = loop.pool.info["slots"]
    return found


def test_a_ticket_goes_to_an_idle_slot_and_celery_hears_what_was_graded(loop):
    loop.order("done")
    ticket = Ticket(loop.pool)
    failed, words, seconds = loop.said(ticket)
    assert (failed, words) == (False, "graded submission 7")
    assert seconds >= 0
    assert ticket.pid == slots(loop)["h:0"]


def test_two_tickets_go_to_two_slots_and_a_third_waits(loop):
    loop.order("hang")
    loop.order("hang", slot=1)
    tickets = [Ticket(loop.pool) for _ in range(3)]
    loop.until(lambda: tickets[0].pid and tickets[1].pid)
    assert {tickets[0].pid, tickets[1].pid} == set(slots(loop).values())
    assert tickets[2].pid == 0
    loop.order("done")
    loop.pool.terminate_job(tickets[0].pid)
    assert loop.said(tickets[2])[0] is False


def test_a_failure_of_the_grader_is_a_failed_task_without_its_reason(loop):
    loop.order("fault")
    failed, information, _ = loop.said(Ticket(loop.pool))
    assert failed
    assert repr(information.exception) == "GraderFailed('the grader failed on submission 8; see the queue page')"


def test_a_slot_that_dies_is_a_failed_task_and_is_started_again(loop):
    loop.order("die")
    ticket = Ticket(loop.pool)
    failed, information, _ = loop.said(ticket)
    assert failed
    assert "h:0 ended with status 3" in str(information.exception)
    loop.until(lambda: loop.pool.idle and ticket.pid != slots(loop)["h:0"])


def test_a_slot_over_the_time_limit_is_killed(loop):
    loop.order("hang")
    assert loop.said(Ticket(loop.pool, timeout=0.2)) == (False, 0.2)
    loop.until(lambda: loop.pool.idle)


def test_a_slot_that_knows_of_more_jobs_sends_a_ticket(loop, monkeypatch):
    rung: list[str] = []
    monkeypatch.setattr(loop.pool._tickets, "ring", rung.append)
    loop.order("more done")
    loop.said(Ticket(loop.pool))
    assert rung == ["cpu"]
    loop.said(Ticket(loop.pool))
    assert rung == ["cpu"]


def test_while_there_is_no_connection_idle_slots_look_without_a_ticket(loop, monkeypatch):
    monkeypatch.setattr(pools, "LOOK_SECONDS", 0.01)
    loop.order("done")
    late = time.monotonic() + PATIENCE_SECONDS
    while (loop.home / "h-0").read_text() and time.monotonic() < late:
        time.sleep(0.01)  # the loop does not turn
    assert (loop.home / "h-0").read_text() == ""


def test_idle_slots_end_and_start_again_and_busy_ones_stay(loop):
    loop.pool.shrink(1)
    loop.until(lambda: len(slots(loop)) == 1)
    loop.order("hang", slot=int(next(iter(slots(loop)))[-1]))
    busy = Ticket(loop.pool)
    loop.until(lambda: busy.pid)
    with pytest.raises(ValueError, match="all slots are busy"):
        loop.pool.shrink(1)
    loop.pool.grow(1)
    loop.until(lambda: len(slots(loop)) == 2)
    with pytest.raises(ValueError, match="see --slots"):
        loop.pool.grow(1)
    loop.pool.terminate_job(busy.pid)
    loop.said(busy)


def test_a_warm_shutdown_waits_for_a_busy_slot_and_starts_nothing_again(loop):
    loop.order("done")
    ticket = Ticket(loop.pool)
    loop.pool.close()
    assert loop.said(ticket)[0] is False
    assert slots(loop) == {}


@given(
    queues=st.lists(st.sampled_from(QUEUES), min_size=1, unique=True),
    slots=st.integers(0, 6),
    gpus=st.lists(st.sampled_from("0123"), unique=True),
)
def test_the_slots_of_a_celery_worker_take_the_same_tickets(queues, slots, gpus):
    plans = plan("h", tuple(queues), slots, tuple(gpus))
    found = nodes(plans)
    assert sorted(one.name for node in found for one in node.plans) == sorted(one.name for one in plans)
    for node in found:
        assert all(set(one.queues) == set(node.queues) for one in node.plans)
        assert node == Node.from_json(node.to_json())
    assert len({node.queue for node in found}) == len(found)


@given(st.builds(Reply, st.lists(st.integers(0, 2**62)), st.lists(st.integers(0, 2**62)), st.booleans()))
def test_a_reply_arrives_as_it_was_sent(reply):
    pool, slot = slot_messages.pair()
    slot_messages.answer(slot, reply)
    assert slot_messages.replies(pool) == [reply]
    pool.close()
    slot.close()
