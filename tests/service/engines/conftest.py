"""Real servers, started when the first test asks for one and ended with the session."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from servers import PostgreSQL, RabbitMQ, Redis


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    with RabbitMQ() as server:
        yield server


@pytest.fixture(scope="session")
def new_database(postgresql: PostgreSQL) -> Callable[[], str]:
    """`new_database()`: the URL of an empty one."""
    numbers = itertools.count()
    return lambda: postgresql.create(f"course{next(numbers)}")
