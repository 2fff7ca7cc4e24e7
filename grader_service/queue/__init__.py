"""Work to be done, as rows: none lost, none done twice, whatever dies.

    enqueue ─> queued ── claim ──> running ── finish ──> done
                 ^  ^                │  │
                 │  └─ sweep: the lease ran out (a lost worker) ─ the third ─> grader_error
                 └──── fault: the grader failed; a pause ──────── the third ─> grader_error ── requeue (staff) ─> queued

    enqueue     enqueue, enqueue_many, retarget: whose turn it is, and what is needed to grade it
    leases      claim, renew, progress, finish, fault, release: what the one worker may do that has the job
    recovery    sweep, expire, requeue: what others may do
    job_log     the lines of the log about a job's life, written after the commit
    monitor     place, lines, totals, times, waiting_for: what is seen of it
    hosts       the machines that grade, and what of them and of the queues is paused
    notify      how an idle worker learns that there is work: by looking, or by a ticket through Celery

A claim is a lease with a fencing token. Whoever holds a job writes only where the token is still its own, so the late
result of a worker that was given up changes nothing. Every function here that changes a job runs inside the caller's
transaction, and all times are the database's.
"""
