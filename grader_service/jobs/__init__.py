"""Work to be done, as rows: none lost, none done twice, whatever dies.

    enqueue ─> queued ── claim ──> running ── finish ──> done
                 ^  ^                │  │
                 │  └─ sweep: the lease ran out (a lost worker) ─ the third ─> grader_error
                 └──── fault: an error of ours, after a pause ─── the third ─> grader_error ── requeue (staff) ─> queued

    entering    enqueue, enqueue_many, retarget: whose turn it is, and what is needed to grade it
    claims      claim, renew, progress, finish, fault, release: what the one worker may do that has the job
    recovery    sweep, expire, requeue: what others may do
    watching    place, lines, totals, waiting_for: what is seen of it

A claim is a lease with a fencing token. Whoever holds a job writes only where the token is still its own, so the late
result of a worker that was given up changes nothing. Every function here runs inside the caller's transaction, and all
times are the database's.
"""

from grader_service.jobs.claims import Claim, Slot, claim, fault, finish, progress, release, renew, turn_away, waiting
from grader_service.jobs.entering import BATCH, INTERACTIVE, QUEUES, Needs, enqueue, enqueue_many, needs, retarget
from grader_service.jobs.recovery import RETRY_SECONDS, TRIES, expire, requeue, sweep
from grader_service.jobs.watching import Line, Totals, lines, place, queued, running, totals, waiting_for

__all__ = [
    "BATCH",
    "INTERACTIVE",
    "QUEUES",
    "RETRY_SECONDS",
    "TRIES",
    "Claim",
    "Line",
    "Needs",
    "Slot",
    "Totals",
    "claim",
    "enqueue",
    "enqueue_many",
    "expire",
    "fault",
    "finish",
    "lines",
    "needs",
    "place",
    "progress",
    "queued",
    "release",
    "renew",
    "requeue",
    "retarget",
    "running",
    "sweep",
    "totals",
    "turn_away",
    "waiting",
    "waiting_for",
]
