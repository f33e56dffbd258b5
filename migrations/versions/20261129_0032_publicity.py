"""Quarterly lists, frozen, with their objections; yearly shortlists."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
OBJECTION = "points_publicity_objection"
ANSWERED = "num_nulls(answer_id, answered_by, answered_at) = case status when 'received' then 3 else 0 end"
DECIDED = "num_nulls(decided_by, decided_at) = case status when 'decided' then 0 else 2 end"


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _create_lists()
    _extend_objections()
    _create_lines()
    _create_shortlists()


def _create_lists() -> None:
    op.create_table(
        "publicity_list",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("area_path", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("quarter", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("objections_until", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publicity_list")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_publicity_list_area_id_area")),
        sa.UniqueConstraint("area_id", "year", "quarter", name=op.f("uq_publicity_list_area_id_year_quarter")),
        sa.CheckConstraint("quarter between 1 and 4", name=op.f("ck_publicity_list_quarter")),
    )


def _extend_objections() -> None:
    """The previous release goes on writing rows without a list; what it wrote is `received`."""
    op.add_column(OBJECTION, sa.Column("list_id", sa.Uuid(), nullable=True))
    op.add_column(OBJECTION, sa.Column("status", sa.String(32), server_default="received", nullable=False))
    op.add_column(OBJECTION, sa.Column("answer_id", sa.Uuid(), nullable=True))
    op.add_column(OBJECTION, sa.Column("answered_by", sa.Uuid(), nullable=True))
    op.add_column(OBJECTION, sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
    for column, table in (("list_id", "publicity_list"), ("answer_id", "points_text"), ("answered_by", "account")):
        op.create_foreign_key(op.f(f"fk_{OBJECTION}_{column}_{table}"), OBJECTION, table, [column], ["id"])
    op.create_check_constraint(op.f(f"ck_{OBJECTION}_status"), OBJECTION, "status in ('received', 'upheld', 'dismissed')")
    op.create_check_constraint(op.f(f"ck_{OBJECTION}_answered_whole"), OBJECTION, ANSWERED)
    op.create_check_constraint(op.f(f"ck_{OBJECTION}_not_for_oneself"), OBJECTION, "answered_by is distinct from member_id")
    op.create_index(op.f(f"ix_{OBJECTION}_list_id_id"), OBJECTION, ["list_id", "id"])
    op.create_index(op.f(f"ix_{OBJECTION}_member_id"), OBJECTION, ["member_id"])


def _create_lines() -> None:
    op.create_table(
        "publicity_line",
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("struck_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("objection_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("list_id", "member_id", name=op.f("pk_publicity_line")),
        sa.ForeignKeyConstraint(["list_id"], ["publicity_list.id"], name=op.f("fk_publicity_line_list_id_publicity_list")),
        sa.ForeignKeyConstraint(["member_id"], ["account.id"], name=op.f("fk_publicity_line_member_id_account")),
        sa.ForeignKeyConstraint(["objection_id"], [f"{OBJECTION}.id"], name=op.f(f"fk_publicity_line_objection_id_{OBJECTION}")),
        sa.CheckConstraint("points > 0 and events > 0", name=op.f("ck_publicity_line_earned")),
        sa.CheckConstraint("(struck_at is null) = (objection_id is null)", name=op.f("ck_publicity_line_struck_whole")),
    )
    op.create_index(op.f("ix_publicity_line_member_id"), "publicity_line", ["member_id"])
    op.create_index(op.f("ix_publicity_line_objection_id"), "publicity_line", ["objection_id"])


def _create_shortlists() -> None:
    op.create_table(
        "shortlist",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("area_path", sa.String(), nullable=False),
        sa.Column("min_points", sa.Integer(), nullable=False),
        sa.Column("min_active_months", sa.Integer(), nullable=True),
        sa.Column("rules", ARRAY(sa.Text()), nullable=True),
        sa.Column("exclude_false_reports", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shortlist")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_shortlist_area_id_area")),
        sa.ForeignKeyConstraint(["made_by"], ["account.id"], name=op.f("fk_shortlist_made_by_account")),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_shortlist_decided_by_account")),
        sa.CheckConstraint(
            "min_points > 0 and min_active_months between 1 and 12 and cardinality(rules) > 0", name=op.f("ck_shortlist_rule")
        ),
        sa.CheckConstraint("status in ('open', 'decided')", name=op.f("ck_shortlist_status")),
        sa.CheckConstraint(DECIDED, name=op.f("ck_shortlist_decided_whole")),
        sa.CheckConstraint("decided_by is null or decided_by <> made_by", name=op.f("ck_shortlist_two_persons")),
    )
    op.create_index(op.f("ix_shortlist_area_path"), "shortlist", ["area_path"], postgresql_ops={"area_path": "text_pattern_ops"})
    op.create_table(
        "shortlist_candidate",
        sa.Column("shortlist_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("shortlist_id", "member_id", name=op.f("pk_shortlist_candidate")),
        sa.ForeignKeyConstraint(["shortlist_id"], ["shortlist.id"], name=op.f("fk_shortlist_candidate_shortlist_id_shortlist")),
        sa.ForeignKeyConstraint(["member_id"], ["account.id"], name=op.f("fk_shortlist_candidate_member_id_account")),
    )
    op.create_index(op.f("ix_shortlist_candidate_member_id"), "shortlist_candidate", ["member_id"])


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table in ("shortlist_candidate", "shortlist", "publicity_line"):
        op.drop_table(table)
    for column in ("answered_at", "answered_by", "answer_id", "status", "list_id"):
        op.drop_column(OBJECTION, column)
    op.drop_index(op.f(f"ix_{OBJECTION}_member_id"), OBJECTION)
    op.drop_table("publicity_list")
