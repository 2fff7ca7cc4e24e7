"""Written parts as they are shown, laid out once; what a host lacks to grade some assignments."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("host", sa.Column("lacks", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
    with op.batch_alter_table("host") as table:
        table.alter_column("lacks", server_default=None)
    op.create_table(
        "rendering",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["upload.sha256"], name=op.f("fk_rendering_sha256_upload"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_rendering")),
    )
    op.create_table(
        "sheet",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["rendering.sha256"], name=op.f("fk_sheet_sha256_rendering"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", "number", name=op.f("pk_sheet")),
    )
