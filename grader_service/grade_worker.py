"""`deepgrade worker`: a machine that grades for a service that runs elsewhere.

    worker ── supervisor; its thread speaks for the host
      ├── slots            grade; as many as were asked for, and one for each GPU
      └── Celery workers   with DEEPGRADE_ENGINE=celery: one for each queue; they start the slots

It shares with `deepgrade serve` the database, the store of files, the course (`--bundle`) and DEEPGRADE_SECRET.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from autograder import doctor
from autograder.core.errors import DeepgradeError
from autograder.course import bundle as bundles
from autograder.course.course import find_course
from grader_service.core import logs, machine, secrets
from grader_service.core.course_version import Version
from grader_service.core.settings import Settings
from grader_service.database.files import Files
from grader_service.database.session import Database, must_be_ours
from grader_service.queue import enqueue
from grader_service.queue.notify import check_broker, check_installed
from grader_service.workers.agent import HostAgent, named
from grader_service.workers.slots import Plan, add_slots, plan
from grader_service.workers.supervisor import Supervisor

HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,59}")


def work(
    queues: Sequence[str] = (),
    slots: int | None = None,
    gpus: Sequence[str] | None = None,
    *,
    min_slots: int | None = None,
    name: str | None = None,
    bundle: Path | None = None,
    course: str | os.PathLike[str] | None = None,
    settings: Settings | None = None,
    say: Callable[[str], None] = lambda line: print(line, flush=True),
) -> None:
    """Grade until SIGTERM, SIGINT or SIGHUP. Must be called from the main thread.

    With Celery the first signal is a warm shutdown: running jobs finish. After a second one they return to the queue.

    queues : that this host serves; none named: all, `gpu` only where there is a GPU.
    slots : jobs without a GPU that it grades at a time; None: one for each core.
    gpus : a slot each; None: those of CUDA_VISIBLE_DEVICES, else those that the machine has.
    min_slots : with Celery: each Celery worker ends idle slots down to this number, and starts them again for tickets.
    Raises DeepgradeError, before anything is started, where one of these or the settings cannot be.
    """
    settings = settings or Settings.from_environment()
    must_be_ours(settings)
    settings = _settings(settings, name, bundle, course)
    if min_slots is not None and settings.engine != "celery":
        raise DeepgradeError("--min-slots needs Celery; set DEEPGRADE_ENGINE=celery, or leave --min-slots out")
    served, plans = _plans(settings.host, queues, slots, machine.gpus_here() if gpus is None else tuple(gpus))
    machine.use_delegated_cgroup(os.environ)
    machine.check(os.environ, [one.gpu for one in plans if one.gpu is not None])
    doctor.check_that_it_starts()
    logs.configure(settings, settings.host, os.environ)
    os.umask(0o077)
    secrets.must_be_given(settings)
    content = find_course(settings.course)
    version = Version(settings, content).now()
    for note in machine.notes(os.environ, content, check_broker(settings)):
        say(f"note: {note}")
    Files(settings)
    with closing(Database(settings)) as database:
        database.check_version()
        with named(settings, database, settings.host) as instance:
            agent = HostAgent(settings, settings.host, instance, plans, leads=False)
            supervisor = Supervisor(settings)

            def begin() -> None:
                agent.begin()
                add_slots(supervisor, settings, settings.host, plans, minimum=min_slots)
                say(
                    f"deepgrade worker {settings.host}: {len(plans)} slots for {', '.join(served)}, course {version}; "
                    "press Ctrl-C to stop"
                )

            try:
                supervisor.run(begin)
            finally:
                agent.leave()


def _plans(
    host: str, queues: Sequence[str], slots: int | None, gpus: tuple[str, ...]
) -> tuple[tuple[str, ...], list[Plan]]:
    """The queues that this host serves, and its slots."""
    served = _queues(queues, gpus)
    plans = plan(host, served, _cores() if slots is None else slots, gpus)
    if not plans:
        raise DeepgradeError(f"this host would grade nothing: no slot serves {', '.join(served)}; see --slots")
    return served, plans


def _settings(
    settings: Settings, name: str | None, bundle: Path | None, course: str | os.PathLike[str] | None
) -> Settings:
    """Those given, with the host's name and the course of the command line."""
    if bundle is not None:
        settings = _unpacked(settings, bundle)
    elif course is not None:
        settings = dataclasses.replace(settings, course=Path(course).absolute())
    settings = dataclasses.replace(settings, host=name or settings.host_name)
    if not HOST_NAME.fullmatch(settings.host):
        raise DeepgradeError(f"{settings.host!r} is not a valid host name; use up to 60 letters, digits and . _ @ -")
    if settings.engine == "celery":
        check_installed()
    return settings


def _queues(queues: Sequence[str], gpus: Sequence[str]) -> tuple[str, ...]:
    for queue in queues:
        if queue not in enqueue.QUEUES:
            raise DeepgradeError(f"{queue!r} is not a queue; choose one of {', '.join(enqueue.QUEUES)}")
    if not queues:
        return tuple(queue for queue in enqueue.QUEUES if queue != "gpu" or gpus)
    if "gpu" in queues and not gpus:
        raise DeepgradeError("this machine has no visible GPU, so it cannot serve the queue gpu; name GPUs with --gpus")
    return tuple(queue for queue in enqueue.QUEUES if queue in queues)


def _unpacked(settings: Settings, bundle: Path) -> Settings:
    course = bundles.unpack(bundle, settings.make_home() / "bundles")
    for variable in bundles.DATA_VARIABLES:  # what the bundle is without, gradings are without
        os.environ.pop(variable, None)
    if (data := course / bundles.DATA).is_dir():
        os.environ["DEEPGRADE_DATA"] = str(data)
    os.environ["DEEPGRADE_CACHE"] = str(data)
    return dataclasses.replace(settings, course=course)


def _cores() -> int:
    return len(os.sched_getaffinity(0))
