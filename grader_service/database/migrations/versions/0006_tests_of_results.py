"""With which tests a result was made: so far only its report said so."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ROWS = 200  # reports in memory at once


def upgrade() -> None:
    op.add_column("result", sa.Column("tests_sha256", sa.String(length=64), nullable=False, server_default=""))
    with op.batch_alter_table("result") as table:
        table.alter_column("tests_sha256", server_default=None)
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    result = sa.table("result", sa.column("id"), sa.column("report"), sa.column("tests_sha256"))
    query = sa.select(result.c.id, result.c.report).order_by(result.c.id).limit(ROWS)
    last = 0
    while rows := connection.execute(query.where(result.c.id > last)).all():
        for number, report in rows:
            digest = json.loads(bytes(report)).get("tests_sha256", "")
            connection.execute(sa.update(result).where(result.c.id == number).values(tests_sha256=digest))
        last = rows[-1][0]
