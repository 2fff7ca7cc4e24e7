"""A result says what it depends on, and from which earlier result it was answered; a regrade can grade everything."""

import sqlalchemy as sa
from alembic import op

revision = "0002_earlier_results"
down_revision = "0001_first"


def upgrade() -> None:
    # Earlier results have no basis, so nothing is answered from them.
    with op.batch_alter_table("result") as result:
        result.add_column(sa.Column("answer", sa.String(length=64), nullable=False, server_default=""))
        result.add_column(sa.Column("basis", sa.LargeBinary(), nullable=False, server_default=sa.text("''")))
        result.add_column(sa.Column("answered_from_id", sa.Integer(), nullable=True))
        result.add_column(sa.Column("tests_answered", sa.Integer(), nullable=False, server_default="0"))
        result.create_foreign_key(op.f("fk_result_answered_from_id_result"), "result", ["answered_from_id"], ["id"])
        result.create_index(op.f("ix_result_answered_from_id"), ["answered_from_id"], unique=False)
    with op.batch_alter_table("regrade") as regrade:
        regrade.add_column(sa.Column("anew", sa.Boolean(), nullable=False, server_default=sa.false()))
