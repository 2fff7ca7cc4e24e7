"""Tickets: which engine there is, and a broker that never answers."""

from __future__ import annotations

import dataclasses
import socket
import threading

import pytest

from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings
from grader_service.queue.notify import Embedded, engine_of

pytest.importorskip("celery", reason="celery is not installed")

PATIENCE_SECONDS = 20.0


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
