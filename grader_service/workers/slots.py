"""The slots of a host: what each serves, and which process starts it.

    embedded    supervisor ── slot, slot, ...
    celery      supervisor ── a Celery worker for each queue ── its pool: slot, slot, ...

With two slots or more the first takes only short jobs, so that these never wait behind long ones, and the last
looks at long ones first, so that these are not starved by short ones. So there are up to three Celery workers:

    cpu@HOST         the slot that takes only short jobs
    cpu-long@HOST    the other slots, which take long jobs and short ones
    gpu@HOST         a slot for each GPU
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from grader_service.core.settings import Settings
from grader_service.database.session import Database
from grader_service.queue import recovery
from grader_service.workers.supervisor import Child, Supervisor

log = logging.getLogger("deepgrade.host")

MODULE = "grader_service.workers.worker"


@dataclass(frozen=True)
class Plan:
    """One slot: its name, what it serves, and the GPU that it has for itself."""

    name: str
    queues: tuple[str, ...]
    gpu: str | None = None


@dataclass(frozen=True)
class Node:
    """One Celery worker: the queue that it is named for, and its slots."""

    queue: str
    plans: tuple[Plan, ...]

    @property
    def queues(self) -> tuple[str, ...]:
        return tuple(sorted({queue for plan in self.plans for queue in plan.queues}))

    def to_json(self) -> str:
        return json.dumps([self.queue, [[plan.name, plan.queues, plan.gpu] for plan in self.plans]])

    @classmethod
    def from_json(cls, text: str) -> Node:
        queue, plans = json.loads(text)
        return cls(queue, tuple(Plan(name, tuple(queues), gpu) for name, queues, gpu in plans))


def plan(host: str, queues: tuple[str, ...], slots: int, gpus: tuple[str, ...]) -> list[Plan]:
    """Who serves what. Jobs that want a GPU where there is none are long ones."""
    short = [queue for queue in queues if queue == "cpu"]
    long = [queue for queue in queues if queue == "cpu-long" or (queue == "gpu" and not gpus)]
    plans = []
    for number in range(slots if short or long else 0):
        served = [*short, *long]
        if short and long and slots > 1 and number == 0:
            served = short
        elif short and long and slots > 1 and number == slots - 1:
            served = [*long, *short]
        plans.append(Plan(f"{host}:{number}", tuple(served)))
    if "gpu" in queues:
        plans += [Plan(f"{host}:gpu{gpu}", ("gpu",), gpu) for gpu in gpus]
    return plans


def nodes(plans: list[Plan]) -> list[Node]:
    """The Celery workers of a host. All slots of one take the same tickets."""
    groups: dict[str, list[Plan]] = {}
    for one in plans:
        name = "gpu" if one.gpu is not None else "cpu" if one.queues == ("cpu",) else "cpu-long"
        groups.setdefault(name, []).append(one)
    return [Node(name, tuple(group)) for name, group in groups.items()]


def add_slots(
    supervisor: Supervisor, settings: Settings, host: str, plans: list[Plan], *, minimum: int | None = None
) -> None:
    """Start the slots of a host; with Celery through Celery workers, each of which keeps at least `minimum` slots."""
    if settings.engine != "celery":
        for one in plans:
            supervisor.add(slot_child(supervisor, settings, host, one))
        return
    for node in nodes(plans):
        supervisor.add(
            Child(
                f"{node.queue}@{host}",
                _celery_worker(supervisor, host, node, minimum),
                ended=lambda node=node: take_back(settings, *(one.name for one in node.plans)),  # type: ignore[misc]
                warm=True,
            )
        )


def slot_child(
    supervisor: Supervisor, settings: Settings, host: str, one: Plan, *, module: str = MODULE, **options: Any
) -> Child:
    return Child(
        one.name,
        slot_starter(supervisor, host, one, module=module, **options),
        ended=lambda: take_back(settings, one.name),
    )


def slot_starter(
    supervisor: Supervisor, host: str, one: Plan, *, module: str = MODULE, pool: int | None = None
) -> Callable[[], subprocess.Popen[bytes]]:
    """A function that starts the process of a slot. `pool`: descriptor of the slot's end of the pair with its pool."""

    def start() -> subprocess.Popen[bytes]:
        options = ["--name", one.name, "--host", host, "--queues", ",".join(one.queues), "--parent", str(os.getpid())]
        if pool is not None:
            options += ["--pool", str(pool)]
        # A slot without a GPU of its own sees none.
        gpu = {"CUDA_VISIBLE_DEVICES": one.gpu or ""}
        return supervisor.start_python(module, *options, descriptors=[] if pool is None else [pool], environment=gpu)

    return start


def _celery_worker(
    supervisor: Supervisor, host: str, node: Node, minimum: int | None
) -> Callable[[], subprocess.Popen[bytes]]:
    def start() -> subprocess.Popen[bytes]:
        options = ["--host", host, "--node", node.to_json(), "--parent", str(os.getpid())]
        if minimum is not None:
            options += ["--min-slots", str(minimum)]
        return supervisor.start_python("grader_service.workers.celery_worker", *options)

    return start


def take_back(settings: Settings, *workers: str) -> None:
    """These slots have ended: their jobs need not wait for the lease."""
    database = Database(settings)
    try:
        with database.write() as session:
            for worker in workers:
                recovery.expire(session, worker=worker)
            recovery.sweep(session)
    except SQLAlchemyError as error:
        log.warning("the jobs of %s return to the queue when their leases expire: %s", ", ".join(workers), error)
    finally:
        database.close()
