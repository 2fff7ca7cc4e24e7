"""Many hosts: fair turns, versions of the course, regrades, files outside the database, and who grades.

A copy of the changes as they were at this version: it does not follow `models`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NOTHING, ZERO = sa.text("''"), sa.text("0")


def upgrade() -> None:
    # Defaults for the rows that are there; they go again below, since the code gives each value itself.
    op.add_column("upload", sa.Column("size", sa.Integer(), nullable=False, server_default=ZERO))
    op.execute("UPDATE upload SET size = length(data)")

    job: tuple[sa.Column, ...] = (
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("batch", sa.String(length=64), nullable=False, server_default=NOTHING),
        sa.Column("turn", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("memory_mb", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("course", sa.String(length=40), nullable=False, server_default=NOTHING),
        sa.Column("host", sa.String(length=64), nullable=True),
        sa.Column("late_refused", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("queued_at", sa.Double(), nullable=False, server_default=ZERO),
        sa.Column("claimed_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
    )
    for column in job:
        op.add_column("job", column)
    whose = "SELECT {} FROM submission WHERE submission.id = job.submission_id"
    op.execute(
        f"UPDATE job SET person_id = ({whose.format('person_id')}), queued_at = ({whose.format('received_at')}), "
        "priority = 0"  # lower goes first from now on; none had another
    )
    result = (
        sa.Column("batch", sa.String(length=64), nullable=False, server_default=NOTHING),
        sa.Column("token", sa.String(length=32), nullable=False, server_default=NOTHING),
    )
    for column in result:
        op.add_column("result", column)

    op.drop_index("ix_job_claim", table_name="job")
    with op.batch_alter_table("upload") as table:
        table.alter_column("size", server_default=None)
    with op.batch_alter_table("job") as table:
        table.alter_column("person_id", existing_type=sa.Integer(), nullable=False)
        table.create_foreign_key("fk_job_person_id_person", "person", ["person_id"], ["id"])
        table.drop_constraint("uq_job_submission_id", type_="unique")
        table.create_unique_constraint("uq_job_submission_id_batch", ["submission_id", "batch"])
        for name in ("batch", "turn", "memory_mb", "course", "late_refused", "queued_at"):
            table.alter_column(name, server_default=None)
    with op.batch_alter_table("result") as table:
        table.drop_constraint("uq_result_submission_id", type_="unique")
        table.create_unique_constraint("uq_result_submission_id_batch", ["submission_id", "batch"])
        for name in ("batch", "token"):
            table.alter_column(name, server_default=None)
    op.create_index("ix_job_claim", "job", ["state", "queue", "priority", "turn", "id"], unique=False)
    op.create_index("ix_job_person_id_state", "job", ["person_id", "state"], unique=False)

    op.create_table(
        "host",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("instance", sa.String(length=32), nullable=False),
        sa.Column("queues", sa.String(length=64), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("course", sa.String(length=40), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("well", sa.Boolean(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_host"),
    )
    op.create_table(
        "queue",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_queue"),
    )
