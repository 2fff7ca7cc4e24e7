"""The pool of a Celery worker: its slots, each a process that grades one job at a time.

    Celery's loop ── on_apply ──> waiting tickets ── thread `slots` ──> an idle slot ── Reply ──> Celery's callbacks

A slot is started with `subprocess` and not by multiprocessing, because a grading starts processes of its own. The
thread keeps the slots running, hands tickets to them, and kills a slot that is over Celery's time limit. Celery's
callbacks run in Celery's loop, since connections to a broker are not for several threads.

While the loop does not turn, because there is no connection to the broker, idle slots look into the database every
LOOK_SECONDS without a ticket.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from signal import SIGTERM
from typing import Any, ClassVar

from billiard.einfo import ExceptionInfo
from celery.concurrency.base import BasePool
from celery.exceptions import WorkerLostError
from celery.worker import state as celery_state

from grader_service.core.settings import Settings
from grader_service.queue.notify.tickets import Tickets
from grader_service.workers import slot_messages
from grader_service.workers.slot_messages import Reply
from grader_service.workers.slots import MODULE, Node, Plan, slot_child
from grader_service.workers.supervisor import STOP_SECONDS, Supervisor

log = logging.getLogger("deepgrade.pool")

TURN_SECONDS = 0.1  # of the thread
LOOK_SECONDS = 3.0


class GraderFailed(Exception):
    """The grader failed on a submission. The queue page has the reason; a broker is no place for it."""


@dataclass(eq=False)
class Task:
    """A ticket in this pool. `accepted`, `finished` and `timed_out` are Celery's callbacks."""

    queue: str
    accepted: Callable[[int, float], object]
    finished: Callable[[tuple[bool, object, float]], object]
    timed_out: Callable[[bool, float], object]
    seconds: float | None  # the time limit
    started: float = 0.0

    def terminate(self, number: int) -> None:
        """Celery calls this after `terminate_job`, which has done it."""


class PoolSlot:
    """A slot as its pool sees it."""

    def __init__(self, pool: SlotPool, plan: Plan) -> None:
        self.plan = plan
        self.end, self.other_end = slot_messages.pair()
        self.idle = False
        self.gone = False  # ended, and not to be started again
        self.leaving = False  # told to finish
        self.task: Task | None = None
        self.child = slot_child(
            pool.supervisor, pool.settings, pool.host, plan, module=pool.module, pool=self.other_end.fileno()
        )

    def tell(self, word: bytes) -> None:
        self.idle = False
        slot_messages.tell(self.end, word)

    def finish(self) -> None:
        self.leaving = True
        self.tell(slot_messages.FINISH)

    def close(self) -> None:
        self.end.close()
        self.other_end.close()


class SlotPool(BasePool):  # type: ignore[misc]
    """Celery makes one with its own arguments, so `pool_class` sets the rest."""

    settings: ClassVar[Settings]
    host: ClassVar[str]
    node: ClassVar[Node]
    module: ClassVar[str] = MODULE

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.supervisor = Supervisor(self.settings)
        self.last_ticket = time.monotonic()
        self._slots: list[PoolSlot] = []
        self._waiting: collections.deque[Task] = collections.deque()
        self._calls: collections.deque[Callable[[], object]] = collections.deque()
        self._lock = threading.RLock()
        self._wake, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._tickets = Tickets(self.settings)
        self._turned = self._looked = 0.0
        self._over = False

    # --- what Celery calls, in its loop -----------------------------------------------------------------------------

    def on_start(self) -> None:
        for end in (self._wake, self._waker):
            end.setblocking(False)
        self.grow(self.limit)
        self._thread = threading.Thread(target=self._watch, name="slots", daemon=True)
        self._thread.start()

    def register_with_event_loop(self, hub: Any) -> None:
        """After each connection to the broker."""
        hub.add_reader(self._wake, self._run_calls)
        hub.call_repeatedly(LOOK_SECONDS / 3, self._turn)
        self._turn()

    def on_apply(
        self,
        target: object,
        args: Any,
        kwargs: object,
        *,
        callback: Callable[[Any], object],
        accept_callback: Callable[[int, float], object],
        timeout_callback: Callable[[bool, float], object],
        timeout: float | None = None,
        **_: Any,
    ) -> Task:
        """A ticket has come. `target` would run the task in this process; a slot does it instead."""
        (queue,) = args[2]["args"]
        task = Task(queue, accept_callback, callback, timeout_callback, timeout)
        with self._lock:
            self.last_ticket = time.monotonic()
            self._waiting.append(task)
            self._hand_out()
        return task

    def flush(self) -> None:
        """The connection is lost. Celery has forgotten the tickets that no slot has; those of slots go on."""
        with self._lock:
            self._waiting.clear()

    def grow(self, n: int = 1) -> None:
        with self._lock:
            running = {slot.plan for slot in self._staying()}
            free = [plan for plan in self.node.plans if plan not in running]
            if n > len(free):
                raise ValueError(f"{self.node.queue}@{self.host} has {len(self.node.plans)} slots, see --slots")
            for plan in free[:n]:
                slot = PoolSlot(self, plan)
                self._slots.append(slot)
                self._selector.register(slot.end, selectors.EVENT_READ, slot)

    def shrink(self, n: int = 1) -> None:
        """End idle slots. Raises ValueError if fewer than n are idle."""
        with self._lock:
            idle = [slot for slot in self._staying() if slot.idle]
            if len(idle) < n:
                raise ValueError("all slots are busy")
            for slot in idle[len(idle) - n :]:
                slot.finish()

    def terminate_job(self, pid: int, signal: int | None = None) -> None:
        """The slot returns its job to the queue, and is started again."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, SIGTERM)

    def on_close(self) -> None:
        """Warm shutdown: wait until all slots have finished their jobs; if it becomes a cold one, do not."""
        with self._lock:
            self._waiting.clear()
            for slot in self._staying():
                slot.finish()
        while self._slots and celery_state.should_terminate in (None, False):
            self._run_calls()
            time.sleep(TURN_SECONDS)
        self.on_terminate()

    def on_terminate(self) -> None:
        """Cold shutdown: the slots return their jobs to the queue."""
        until = time.monotonic() + STOP_SECONDS
        for slot in list(self._slots):
            slot.leaving = True
            slot.child.process.terminate()
        while self._slots:
            if time.monotonic() > until:
                for slot in list(self._slots):
                    slot.child.process.kill()
            time.sleep(TURN_SECONDS)
        self._run_calls()

    def on_stop(self) -> None:
        self._over = True
        self._thread.join()

    @property
    def num_processes(self) -> int:
        return len(self._staying())

    @property
    def idle(self) -> bool:
        """No slot has a job."""
        with self._lock:
            return all(slot.idle for slot in self._slots)

    def _get_info(self) -> dict[str, Any]:
        with self._lock:
            slots = {slot.plan.name: slot.child.process.pid for slot in self._slots}
        info: dict[str, Any] = super()._get_info()
        return {**info, "max-concurrency": self.num_processes, "processes": list(slots.values()), "slots": slots}

    # --- the thread -------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._over:
            heard = self._selector.select(TURN_SECONDS)
            with self._lock:
                for key, _ in heard:
                    self._hear(key.data)
                for slot in list(self._slots):
                    self._check(slot)
                self._hand_out()
                self._look_without_tickets()

    def _hear(self, slot: PoolSlot) -> None:
        for reply in slot_messages.replies(slot.end):
            task, slot.task = slot.task, None
            slot.idle = not slot.leaving
            if task is not None:
                self._end(task, reply)

    def _end(self, task: Task, reply: Reply) -> None:
        seconds = time.monotonic() - task.started
        if reply.faults:
            self._fail(task, GraderFailed(f"the grader failed on {_names(reply.faults)}; see the queue page"))
        else:
            words = f"graded {_names(reply.graded)}" if reply.graded else "no job was waiting"
            self._call(lambda: task.finished((False, words, seconds)))
        if reply.more and not self._waiting:
            self._tickets.ring(task.queue)

    def _check(self, slot: PoolSlot) -> None:
        """Start what has ended, unless it was told to; end what is over its time."""
        task = slot.task
        if task is not None and task.seconds and time.monotonic() - task.started > task.seconds:
            slot.task = None
            slot.child.process.kill()
            seconds = task.seconds
            self._call(lambda: task.timed_out(False, seconds))
        status = slot.child.process.poll()
        if status is not None and slot.leaving:
            slot.child.ended()
            self._selector.unregister(slot.end)
            self._slots.remove(slot)
            self._lose(slot, status)
            slot.close()
        elif slot.child.look():
            slot.child.ended()
            self._lose(slot, status)

    def _lose(self, slot: PoolSlot, status: int | None) -> None:
        slot.idle = False
        slot_messages.drop_unread(slot.other_end)
        task, slot.task = slot.task, None
        if task is not None:
            self._fail(task, WorkerLostError(f"{slot.plan.name} ended with status {status}; its job is queued again"))

    def _hand_out(self) -> None:
        while self._waiting and (slot := next((one for one in self._slots if one.idle), None)):
            task = self._waiting.popleft()
            slot.task, task.started = task, time.monotonic()
            slot.tell(slot_messages.TICKET)
            pid = slot.child.process.pid
            self._call(lambda task=task, pid=pid: task.accepted(pid, task.started))  # type: ignore[misc]

    def _look_without_tickets(self) -> None:
        now = time.monotonic()
        if now - max(self._turned, self._looked) > LOOK_SECONDS:
            self._looked = now
            for slot in self._slots:
                if slot.idle:
                    slot.tell(slot_messages.LOOK)

    # --- from the thread into Celery's loop -------------------------------------------------------------------------

    def _fail(self, task: Task, error: Exception) -> None:
        try:
            raise error
        except type(error):
            information = ExceptionInfo()
            information.exception = error  # as it arrives from another process: Flower shows its name and words
        seconds = time.monotonic() - task.started
        self._call(lambda: task.finished((True, information, seconds)))

    def _call(self, call: Callable[[], object]) -> None:
        self._calls.append(call)
        with contextlib.suppress(BlockingIOError):
            self._waker.send(b".")

    def _run_calls(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake.recv(4096)
        while self._calls:
            self._calls.popleft()()

    def _turn(self) -> None:
        self._turned = time.monotonic()

    def _staying(self) -> list[PoolSlot]:
        return [slot for slot in self._slots if not slot.leaving]


def pool_class(settings: Settings, host: str, node: Node, module: str = MODULE) -> type[SlotPool]:
    return type("SlotPool", (SlotPool,), {"settings": settings, "host": host, "node": node, "module": module})


def _names(submissions: list[int]) -> str:
    shown = ", ".join(map(str, submissions[:5]))
    more = f" and {len(submissions) - 5} more" if len(submissions) > 5 else ""
    return f"submission {shown}{more}" if len(submissions) == 1 else f"submissions {shown}{more}"
