"""The learning curve of a job that is being graded, for the page that waits for it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("job", sa.Column("curve", sa.Text(), nullable=False, server_default=sa.text("''")))
    with op.batch_alter_table("job") as table:
        table.alter_column("curve", server_default=None)
