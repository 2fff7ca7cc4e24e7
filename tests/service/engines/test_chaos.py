"""kill -9 of everything once, in an order by chance, while students hand in. `make chaos` does it for longer."""

from __future__ import annotations

import pytest
from chaos import storm
from installation import BROKERS
from servers import Server

SEED = 36  # the row of the threats that this is about


@pytest.fixture(params=["sqlite", "redis", "rabbitmq"])
def way(request: pytest.FixtureRequest):
    servers: dict[str, Server] = {}
    if request.param in BROKERS:
        servers = {name: request.getfixturevalue(name) for name in ("postgresql", request.param)}
    yield request.param, servers
    for server in servers.values():
        if server.process is None:  # the storm was broken off between a kill and the new start
            server.start()


@pytest.mark.some_cases(1)
@pytest.mark.threat(36)
def test_nothing_is_lost_or_written_twice_whatever_is_killed(way):
    name, servers = way
    outcome = storm(name, servers=servers, seed=SEED, uploads=12, every=(0.3, 1.2))
    assert {"slot", "web", "serve", *servers} <= set(outcome.kills)
    assert outcome.uploads >= 12
    assert (outcome.lost, outcome.twice, outcome.extra, outcome.wrong) == ([], [], [], [])
