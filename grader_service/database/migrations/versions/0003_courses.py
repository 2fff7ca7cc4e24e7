"""Courses, and people's parts in them; policies; what staff add; the record of it.

All that is there goes into one course, `course`, with everybody's role as it was. Its assignments are added when the
service starts and knows what lies on the disk. A copy of the changes as they were at this version: it does not follow
`models`.
"""

import time

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _courses_and_people()
    _what_staff_add()


def _courses_and_people() -> None:
    op.create_table(
        "course",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("archived_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_course"),
        sa.UniqueConstraint("slug", name="uq_course_slug"),
    )
    op.create_table(
        "course_assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("assignment", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("release_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("hard_end_at", sa.Double(), nullable=True),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("penalty_per_day", sa.Double(), nullable=False),
        sa.Column("attempts_per_day", sa.Integer(), nullable=True),
        sa.Column("attempts_total", sa.Integer(), nullable=True),
        sa.Column("counts", sa.String(length=16), nullable=False),
        sa.Column("hidden_results", sa.String(length=16), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("written_points", sa.Double(), nullable=False),
        sa.Column("leaderboard", sa.Boolean(), nullable=False),
        sa.CheckConstraint("counts IN ('best', 'latest')", name=op.f("ck_course_assignment_counts")),
        sa.CheckConstraint(
            "hidden_results IN ('now', 'after_due', 'never')", name=op.f("ck_course_assignment_hidden_results")
        ),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name="fk_course_assignment_course_id_course"),
        sa.PrimaryKeyConstraint("id", name="pk_course_assignment"),
        sa.UniqueConstraint("course_id", "assignment", name="uq_course_assignment_course_id_assignment"),
    )
    op.create_table(
        "membership",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("joined_at", sa.Double(), nullable=False),
        sa.Column("pseudonym", sa.String(length=40), nullable=True),
        sa.CheckConstraint("role IN ('student', 'staff', 'admin')", name=op.f("ck_membership_role")),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name="fk_membership_course_id_course"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_membership_person_id_person"),
        sa.PrimaryKeyConstraint("person_id", "course_id", name="pk_membership"),
        sa.UniqueConstraint("course_id", "pseudonym", name="uq_membership_course_id_pseudonym"),
    )
    op.create_index("ix_membership_course_id_role", "membership", ["course_id", "role"])
    op.create_table(
        "identity",
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_identity_person_id_person"),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_identity"),
    )
    op.create_index("ix_identity_person_id", "identity", ["person_id"])
    op.create_table(
        "one_time_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.CheckConstraint("purpose IN ('invite', 'reset')", name=op.f("ck_one_time_link_purpose")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_one_time_link_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_link"),
        sa.UniqueConstraint("secret_hash", name="uq_one_time_link_secret_hash"),
    )
    op.create_index("ix_one_time_link_person_id", "one_time_link", ["person_id"])
    op.create_table(
        "token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("last_used_at", sa.Double(), nullable=True),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.CheckConstraint("scope IN ('read', 'submit', 'staff')", name=op.f("ck_token_scope")),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name="fk_token_course_id_course"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_token_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
        sa.UniqueConstraint("secret_hash", name="uq_token_secret_hash"),
    )
    op.create_index("ix_token_person_id", "token", ["person_id"])
    op.create_table(
        "extension",
        sa.Column("course_assignment_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("hard_end_at", sa.Double(), nullable=True),
        sa.Column("attempts_extra", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name="fk_extension_by_id_person"),
        sa.ForeignKeyConstraint(
            ["course_assignment_id"],
            ["course_assignment.id"],
            name="fk_extension_course_assignment_id_course_assignment",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_extension_person_id_person"),
        sa.PrimaryKeyConstraint("course_assignment_id", "person_id", name="pk_extension"),
    )
    op.create_index("ix_extension_person_id", "extension", ["person_id"])

    # The course that everything goes into: there is one from the start, also where there is nothing yet.
    op.execute(
        sa.text(
            "INSERT INTO course (id, slug, title, timezone, created_at) VALUES (1, 'course', 'Course', 'UTC', :now)"
        ).bindparams(now=time.time())
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval(pg_get_serial_sequence('course', 'id'), 1)")
    op.execute(
        "INSERT INTO membership (person_id, course_id, role, joined_at) SELECT id, 1, role, created_at FROM person"
    )

    # Defaults for the rows that are there; they go again at once, since the code gives each value itself.
    op.add_column("person", sa.Column("email", sa.String(length=254), nullable=True))
    op.add_column("person", sa.Column("is_operator", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(sa.text("UPDATE person SET is_operator = :yes WHERE role = 'admin'").bindparams(yes=True))
    with op.batch_alter_table("person") as table:
        table.alter_column("is_operator", server_default=None)
        table.drop_constraint(op.f("ck_person_role"), type_="check")
        table.drop_column("role")

    op.drop_index("ix_submission_person_id_assignment", table_name="submission")
    op.add_column("submission", sa.Column("course_id", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.add_column(
        "submission", sa.Column("kind", sa.String(length=16), nullable=False, server_default=sa.text("'code'"))
    )
    with op.batch_alter_table("submission") as table:
        table.alter_column("course_id", server_default=None)
        table.alter_column("kind", server_default=None)
        table.create_foreign_key("fk_submission_course_id_course", "course", ["course_id"], ["id"])
        table.create_check_constraint(op.f("ck_submission_kind"), "kind IN ('code', 'written')")
        table.drop_constraint("uq_submission_person_id_assignment_form_key_sha256", type_="unique")
        table.create_unique_constraint(
            "uq_submission_course_id_person_id_assignment_form_key_sha256",
            ["course_id", "person_id", "assignment", "form_key", "sha256"],
        )
    op.create_index("ix_submission_person_id_assignment", "submission", ["person_id", "course_id", "assignment"])
    op.create_index("ix_submission_course_id_assignment", "submission", ["course_id", "assignment"])


def _what_staff_add() -> None:
    op.create_table(
        "override",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("course_assignment_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("withdrawn_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name="fk_override_by_id_person"),
        sa.ForeignKeyConstraint(
            ["course_assignment_id"],
            ["course_assignment.id"],
            name="fk_override_course_assignment_id_course_assignment",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_override_person_id_person"),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name="fk_override_submission_id_submission"),
        sa.PrimaryKeyConstraint("id", name="pk_override"),
    )
    op.create_index("ix_override_course_assignment_id", "override", ["course_assignment_id"])
    op.create_index("ix_override_person_id", "override", ["person_id"])
    op.create_index("ix_override_submission_id", "override", ["submission_id"])
    op.create_table(
        "comment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name="fk_comment_by_id_person"),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name="fk_comment_submission_id_submission"),
        sa.PrimaryKeyConstraint("id", name="pk_comment"),
    )
    op.create_index("ix_comment_submission_id", "comment", ["submission_id"])
    op.create_table(
        "rubric_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_assignment_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("points", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["course_assignment_id"],
            ["course_assignment.id"],
            name="fk_rubric_item_course_assignment_id_course_assignment",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_rubric_item"),
    )
    op.create_index("ix_rubric_item_course_assignment_id", "rubric_item", ["course_assignment_id"])
    op.create_table(
        "rubric_score",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Double(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name="fk_rubric_score_by_id_person"),
        sa.ForeignKeyConstraint(["item_id"], ["rubric_item.id"], name="fk_rubric_score_item_id_rubric_item"),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name="fk_rubric_score_submission_id_submission"),
        sa.PrimaryKeyConstraint("submission_id", "item_id", name="pk_rubric_score"),
    )
    op.create_index("ix_rubric_score_item_id", "rubric_score", ["item_id"])
    op.create_table(
        "regrade",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("assignment", sa.String(length=32), nullable=False),
        sa.Column("tests", sa.JSON(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("counted_at", sa.Double(), nullable=True),
        sa.Column("withdrawn_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name="fk_regrade_by_id_person"),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name="fk_regrade_course_id_course"),
        sa.PrimaryKeyConstraint("id", name="pk_regrade"),
        sa.UniqueConstraint("name", name="uq_regrade_name"),
    )
    op.create_index("ix_regrade_course_id", "regrade", ["course_id"])
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name="fk_audit_entry_actor_id_person"),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name="fk_audit_entry_course_id_course"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_audit_entry_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entry"),
    )
    op.create_index("ix_audit_entry_actor_id", "audit_entry", ["actor_id"])
    op.create_index("ix_audit_entry_course_id_id", "audit_entry", ["course_id", "id"])
    op.create_index("ix_audit_entry_person_id", "audit_entry", ["person_id"])
