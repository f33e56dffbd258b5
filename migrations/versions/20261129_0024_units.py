"""Units, their members, routing rules; who is at work on a report's review."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

KINDS = "'grid_team', 'street_office', 'department', 'company'"


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _units()
    _members()
    _rules()
    _claims()
    _reports()


def _row() -> list[sa.Column]:
    """The columns of every table with an id of its own."""
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
    ]


def _area() -> list[sa.Column]:
    return [sa.Column("area_id", sa.Uuid(), sa.ForeignKey("area.id"), nullable=False), sa.Column("area_path", sa.String, nullable=False)]


def _life() -> list[sa.Column]:
    return [
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    ]


def _units() -> None:
    op.create_table(
        "unit", *_row(), *_area(),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("phone", sa.String(20)),
        *_life(),
        sa.CheckConstraint(f"kind in ({KINDS})", name="kind"),
    )
    op.create_index("uq_unit_live_name", "unit", ["area_id", "name"], unique=True, postgresql_where=sa.text("active"))
    op.create_index("ix_unit_area_path", "unit", ["area_path", "id"], postgresql_ops={"area_path": "text_pattern_ops"})


def _members() -> None:
    op.create_table(
        "unit_member", *_row(),
        sa.Column("unit_id", sa.Uuid(), sa.ForeignKey("unit.id"), nullable=False),
        sa.Column("account_id", sa.Uuid(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.CheckConstraint("until >= created_at", name="order"),
    )
    op.create_index("uq_unit_member_now", "unit_member", ["account_id"], unique=True, postgresql_where=sa.text("until is null"))
    op.create_index("ix_unit_member_unit_id_id", "unit_member", ["unit_id", "id"])
    op.create_index("ix_unit_member_account_id_id", "unit_member", ["account_id", "id"])


def _rules() -> None:
    op.create_table(
        "routing_rule", *_row(),
        sa.Column("category_code", sa.String(40), sa.ForeignKey("report_category.code")),
        *_area(),
        sa.Column("unit_id", sa.Uuid(), sa.ForeignKey("unit.id"), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_until", sa.Date),
        *_life(),
        sa.CheckConstraint("valid_until >= valid_from", name="order"),
        sa.CheckConstraint("priority between 0 and 1000", name="priority"),
    )
    op.create_index(
        "uq_routing_rule_live", "routing_rule", ["area_id", "category_code", "priority", "valid_from"], unique=True,
        postgresql_where=sa.text("active"), postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_routing_rule_area_path", "routing_rule", ["area_path", "id"], postgresql_ops={"area_path": "text_pattern_ops"})
    op.create_index("ix_routing_rule_unit_id", "routing_rule", ["unit_id"])


def _claims() -> None:
    op.create_table(
        "report_claim",
        sa.Column("report_id", sa.Uuid(), sa.ForeignKey("report.id"), primary_key=True),
        sa.Column("account_id", sa.Uuid(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_report_claim_account_id", "report_claim", ["account_id"])


def _reports() -> None:
    """One statement: for a column that is born empty, PostgreSQL knows that no row needs to be looked at for the foreign key."""
    op.execute("alter table report add column unit_id uuid constraint fk_report_unit_id_unit references unit (id)")
    # Inbox counts read nothing but this: in place of the index over the area alone.
    op.create_index(
        "ix_report_open_desk", "report", ["area_path", "status", "assignee_id"], postgresql_ops={"area_path": "text_pattern_ops"},
        postgresql_include=["id", "due_at", "severity"], postgresql_where=sa.text("ended_at is null"),
    )
    op.drop_index("ix_report_open_area", "report")
    op.create_index(
        "ix_report_open_unit", "report", ["unit_id", "id"], postgresql_where=sa.text("ended_at is null and unit_id is not null")
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index("ix_report_open_unit", "report")
    op.create_index(
        "ix_report_open_area", "report", ["area_path"], postgresql_ops={"area_path": "text_pattern_ops"},
        postgresql_where=sa.text("ended_at is null"),
    )
    op.drop_index("ix_report_open_desk", "report")
    op.drop_column("report", "unit_id")
    for table in ("report_claim", "routing_rule", "unit_member", "unit"):
        op.drop_table(table)
