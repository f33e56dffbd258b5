"""Employers' months, frozen: the statement and its lines for good, the names of those who agreed beside them."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

APPEND_ONLY = ("enterprise_statement", "enterprise_statement_line")
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _create_statements()
    _create_lines()
    _create_names()
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger tg_{table}_append_only before update or delete or truncate on {table}"
            " for each statement execute function refuse_change()"
        )
        op.execute(f"revoke update, delete on {table} from xinxin_app, xinxin_keeper")


def _create_statements() -> None:
    op.create_table(
        "enterprise_statement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_name", sa.String(120), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("corrections", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise_statement")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_enterprise_statement_enterprise_id_enterprise")),
        sa.UniqueConstraint("enterprise_id", "month", name=op.f("uq_enterprise_statement_enterprise_id_month")),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_enterprise_statement_month")),
        sa.CheckConstraint("members >= 0 and points >= 0 and corrections <= 0", name=op.f("ck_enterprise_statement_figures")),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name=op.f("ck_enterprise_statement_digest")),
    )


def _create_lines() -> None:
    op.create_table(
        "enterprise_statement_line",
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("worked", sa.Boolean(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("corrections", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("statement_id", "member_id", name=op.f("pk_enterprise_statement_line")),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["enterprise_statement.id"], name=op.f("fk_enterprise_statement_line_statement_id_enterprise_statement")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["account.id"], name=op.f("fk_enterprise_statement_line_member_id_account")),
        sa.CheckConstraint(
            "events >= 0 and points >= 0 and corrections <= 0 and (events = 0) = (points = 0)",
            name=op.f("ck_enterprise_statement_line_figures"),
        ),
        sa.CheckConstraint(
            "worked or (not listed and events = 0 and corrections < 0)", name=op.f("ck_enterprise_statement_line_worked")
        ),
    )
    op.create_index(op.f("ix_enterprise_statement_line_member_id"), "enterprise_statement_line", ["member_id"])


def _create_names() -> None:
    op.create_table(
        "enterprise_statement_name",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise_statement_name")),
        sa.ForeignKeyConstraint(
            ["statement_id", "member_id"], ["enterprise_statement_line.statement_id", "enterprise_statement_line.member_id"],
            name=op.f("fk_enterprise_statement_name_line"),
        ),
        sa.UniqueConstraint("statement_id", "member_id", name=op.f("uq_enterprise_statement_name_statement_id_member_id")),
        sa.UniqueConstraint("statement_id", "position", name=op.f("uq_enterprise_statement_name_statement_id_position")),
        sa.CheckConstraint("position >= 0", name=op.f("ck_enterprise_statement_name_position")),
    )
    op.create_index(op.f("ix_enterprise_statement_name_member_id"), "enterprise_statement_name", ["member_id"])


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table in ("enterprise_statement_name", "enterprise_statement_line", "enterprise_statement"):
        op.drop_table(table)
