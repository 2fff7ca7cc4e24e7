"""The university's systems: platforms, their courses and people, links, and the grades that they have."""

import sqlalchemy as sa
from alembic import op

revision = "0003_lti"
down_revision = "0002_earlier_results"


def upgrade() -> None:
    _platforms()
    _grades()


def _platforms() -> None:
    op.create_table(
        "lti_platform",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("auth_url", sa.String(length=500), nullable=False),
        sa.Column("token_url", sa.String(length=500), nullable=False),
        sa.Column("jwks_url", sa.String(length=500), nullable=False),
        sa.Column("audience", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_platform")),
        sa.UniqueConstraint("issuer", "client_id", name=op.f("uq_lti_platform_issuer_client_id")),
    )
    op.create_table(
        "lti_deployment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.Integer(), nullable=False),
        sa.Column("deployment", sa.String(length=255), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["lti_platform.id"], name=op.f("fk_lti_deployment_platform_id_lti_platform")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_deployment")),
        sa.UniqueConstraint("platform_id", "deployment", name=op.f("uq_lti_deployment_platform_id_deployment")),
    )
    op.create_table(
        "lti_context",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("context", sa.String(length=255), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("memberships_url", sa.String(length=1000), nullable=False),
        sa.Column("connected_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["lti_deployment.id"], name=op.f("fk_lti_context_deployment_id_lti_deployment")
        ),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_lti_context_course_id_course")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_context")),
        sa.UniqueConstraint("deployment_id", "context", name=op.f("uq_lti_context_deployment_id_context")),
    )
    op.create_index(op.f("ix_lti_context_course_id"), "lti_context", ["course_id"], unique=False)
    op.create_table(
        "lti_identity",
        sa.Column("platform_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["lti_platform.id"], name=op.f("fk_lti_identity_platform_id_lti_platform")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_lti_identity_person_id_person")),
        sa.PrimaryKeyConstraint("platform_id", "subject", name=op.f("pk_lti_identity")),
        sa.UniqueConstraint("platform_id", "person_id", name=op.f("uq_lti_identity_platform_id_person_id")),
    )
    op.create_index(op.f("ix_lti_identity_person_id"), "lti_identity", ["person_id"], unique=False)
    op.create_table(
        "lti_member",
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["context_id"], ["lti_context.id"], name=op.f("fk_lti_member_context_id_lti_context")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_lti_member_person_id_person")),
        sa.PrimaryKeyConstraint("context_id", "person_id", name=op.f("pk_lti_member")),
    )
    op.create_index(op.f("ix_lti_member_person_id"), "lti_member", ["person_id"], unique=False)


def _grades() -> None:
    op.create_table(
        "lti_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("link", sa.String(length=255), nullable=False),
        sa.Column("course_assignment_id", sa.Integer(), nullable=False),
        sa.Column("line_item", sa.String(length=1000), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["context_id"], ["lti_context.id"], name=op.f("fk_lti_link_context_id_lti_context")),
        sa.ForeignKeyConstraint(
            ["course_assignment_id"],
            ["course_assignment.id"],
            name=op.f("fk_lti_link_course_assignment_id_course_assignment"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_link")),
        sa.UniqueConstraint("context_id", "link", name=op.f("uq_lti_link_context_id_link")),
    )
    op.create_index(op.f("ix_lti_link_course_assignment_id"), "lti_link", ["course_assignment_id"], unique=False)
    op.create_table(
        "lti_score",
        sa.Column("link_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Double(), nullable=True),
        sa.Column("possible", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("moment", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("unsure", sa.Boolean(), nullable=False),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("sent_points", sa.Double(), nullable=True),
        sa.Column("sent_possible", sa.Double(), nullable=True),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["link_id"], ["lti_link.id"], name=op.f("fk_lti_score_link_id_lti_link")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_lti_score_person_id_person")),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'refused')", name=op.f("ck_lti_score_state")),
        sa.PrimaryKeyConstraint("link_id", "person_id", name=op.f("pk_lti_score")),
    )
    op.create_index(op.f("ix_lti_score_person_id"), "lti_score", ["person_id"], unique=False)
    op.create_index(op.f("ix_lti_score_state_not_before"), "lti_score", ["state", "not_before"], unique=False)
    op.create_table(
        "lti_launch",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("platform_id", sa.Integer(), nullable=False),
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["lti_platform.id"], name=op.f("fk_lti_launch_platform_id_lti_platform")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_lti_launch_person_id_person")),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_lti_launch")),
    )
    op.create_index(op.f("ix_lti_launch_person_id"), "lti_launch", ["person_id"], unique=False)
    op.create_table(
        "lti_used",
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("value", name=op.f("pk_lti_used")),
    )
    op.create_index(op.f("ix_lti_used_expires_at"), "lti_used", ["expires_at"], unique=False)
