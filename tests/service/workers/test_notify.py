"""The wire between a host's bell and its slots, and the tickets that ring it."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings
from grader_service.queue.notify import Embedded, engine_of, line

if TYPE_CHECKING:
    from grader_service.queue.notify import bell
else:
    bell = pytest.importorskip("grader_service.queue.notify.bell", reason="celery is not installed")

PATIENCE_SECONDS = 20.0


@pytest.fixture
def ends() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    pairs = [line.pair(), line.pair()]
    yield pairs
    for slot, _ in pairs:
        slot.close()


@pytest.fixture
def board(ends) -> bell.Board:
    return bell.Board([(ends[0][1], ("cpu",)), (ends[1][1], ("cpu", "gpu"))])


def until(found) -> None:
    late = time.monotonic() + PATIENCE_SECONDS
    while not found():
        assert time.monotonic() < late, "waited in vain"
        time.sleep(0.01)


def answer(board, queue: str) -> threading.Thread:
    thread = threading.Thread(target=board.answer, args=(queue,), daemon=True)
    thread.start()
    return thread


def test_a_ticket_wakes_an_idle_slot_of_its_queue_and_lasts_until_that_is_idle_again(board, ends):
    for slot, _ in ends:
        line.say(slot, line.IDLE)
    until(lambda: board.idle_queues() == {"cpu", "gpu"})
    ticket = answer(board, "gpu")
    until(lambda: line.hear(ends[1][0]) == [line.LOOK])
    assert line.hear(ends[0][0]) == [], "the other serves another queue"
    line.say(ends[1][0], line.BUSY)
    assert ticket.is_alive()
    line.say(ends[1][0], line.IDLE)
    ticket.join(PATIENCE_SECONDS)
    assert not ticket.is_alive()


def test_a_ticket_waits_while_all_slots_are_busy(board, ends):
    ticket = answer(board, "cpu")
    line.say(ends[0][0], line.BUSY)
    assert ticket.is_alive()
    line.say(ends[0][0], line.IDLE)
    until(lambda: line.hear(ends[0][0]) == [line.LOOK])


def test_two_tickets_wake_two_slots(board, ends):
    for slot, _ in ends:
        line.say(slot, line.IDLE)
    until(lambda: board.idle_queues() == {"cpu", "gpu"})
    for _ in range(2):
        answer(board, "cpu")
    for slot, _ in ends:
        until(lambda slot=slot: line.hear(slot) == [line.LOOK])


def test_a_slot_rests_until_it_is_rung(ends, monkeypatch):
    monkeypatch.setattr(line, "WAIT_SECONDS", 1000 * PATIENCE_SECONDS)
    slot, other = ends[0]
    rest = threading.Thread(target=line.wait_for_ring, args=(slot,), daemon=True)
    rest.start()
    until(lambda: line.hear(other) == [line.IDLE])
    assert rest.is_alive()
    line.say(other, line.LOOK)
    rest.join(PATIENCE_SECONDS)
    assert not rest.is_alive()
    assert line.hear(slot) == [], "it has heard it"


def test_a_slot_that_nobody_rings_looks_all_the_same(ends, monkeypatch):
    monkeypatch.setattr(line, "WAIT_SECONDS", 0.01)
    line.wait_for_ring(ends[0][0])


def test_what_nobody_reads_blocks_nobody(ends):
    for _ in range(10_000):
        line.say(ends[0][0], line.IDLE)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_never_answers_holds_nobody_up(settings, scheme):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        port = silent.getsockname()[1]
        engine = engine_of(dataclasses.replace(settings, engine="celery", broker=f"{scheme}://127.0.0.1:{port}"))
        for _ in range(1000):
            engine.ring("cpu")
        failed: list[Exception] = []

        def top_up() -> None:
            try:
                engine.top_up({"cpu": 1})
            except Exception as error:  # each broker's library has errors of its own
                failed.append(error)

        topping_up = threading.Thread(target=top_up, daemon=True)
        topping_up.start()
        topping_up.join(PATIENCE_SECONDS)
        assert failed


def test_the_setting_chooses(settings):
    assert isinstance(engine_of(settings), Embedded)
    with pytest.raises(DeepgradeError, match="which needs a broker"):
        Settings.from_environment({"DEEPGRADE_ENGINE": "celery"})
