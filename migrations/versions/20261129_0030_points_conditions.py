"""A second reviewer, awards by two persons, stops of earning."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

# Who may ask for an award, who may grant it, and from which level up; data of the rule, added to what its conditions say already.
BY_PEOPLE = {
    "MAJOR_LEAD": {
        "about": "report", "report_was": "accepted", "made_by": ["reviewer", "area_admin"], "decided_by": ["area_admin"],
        "decided_at_level": "street",
    },
    "RESCUE": {"about": "member", "made_by": ["area_admin"], "decided_by": ["area_admin"], "decided_at_level": "street"},
    "SUGGESTION_ADOPTED": {"about": "member", "made_by": ["area_admin"], "decided_by": ["area_admin"], "decided_at_level": "street"},
    "PARTY_ACTIVITY": {"about": "organisation", "made_by": ["org_secretary"], "decided_by": ["org_secretary", "instructor"]},
    "FALSE_REPORT": {"about": "report", "report_was": "judged", "made_by": ["reviewer", "area_admin"], "decided_by": ["area_admin"]},
}
KEYS = ("about", "report_was", "made_by", "decided_by", "decided_at_level")
CHECKS = {
    "type": "type in ('adjustment', 'clawback', 'award')",
    "amount": "amount <> 0 and (type <> 'clawback' or amount < 0)",
    "award_has_rule": "(type = 'award') = (rule_code is not null) and (type = 'award') = (occurred_on is not null)",
    "award_is_about":
        "num_nulls(report_id, report_number) in (0, 2) and (type = 'award' or num_nonnulls(report_id, organisation_id) = 0)",
}
CHECKS_BEFORE = {
    "type": "type in ('adjustment', 'clawback')", "amount": "amount <> 0 and (type = 'adjustment' or amount < 0)",
}
COLUMNS: dict[str, sa.types.TypeEngine[object]] = {
    "rule_code": sa.String(32), "occurred_on": sa.Date(), "report_id": sa.Uuid(), "report_number": sa.String(20),
    "organisation_id": sa.Uuid(),
}
PATTERN = {"area_path": "text_pattern_ops"}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("points_award", sa.Column("source_number", sa.String(20), nullable=True))
    _let_proposals_award()
    _create_confirmations()
    _create_stops()
    for code, more in BY_PEOPLE.items():
        op.get_bind().execute(
            sa.text("update points_rule set conditions = conditions || cast(:more as jsonb) where code = :code"),
            {"code": code, "more": json.dumps(more)},
        )


def _let_proposals_award() -> None:
    for column, kind in COLUMNS.items():
        op.add_column("points_proposal", sa.Column(column, kind, nullable=True))
    op.create_foreign_key(
        "fk_points_proposal_organisation_id_organisation", "points_proposal", "organisation", ["organisation_id"], ["id"]
    )
    for name in CHECKS_BEFORE:
        op.drop_constraint(op.f(f"ck_points_proposal_{name}"), "points_proposal", type_="check")
    for name, said in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_points_proposal_{name}"), "points_proposal", said)
    op.create_index(
        "uq_points_proposal_report", "points_proposal", ["rule_code", "report_id"], unique=True,
        postgresql_where=sa.text("report_id is not null and status <> 'rejected'"),
    )
    op.create_index(
        "ix_points_proposal_member_id_rule_code", "points_proposal", ["member_id", "rule_code"],
        postgresql_where=sa.text("type = 'award' and status = 'approved'"),
    )


def _own() -> tuple[sa.Column[object], ...]:
    """What each table here begins with."""
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("area_path", sa.String(), nullable=False),
    )


def _refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"))


def _create_confirmations() -> None:
    table, statuses = "points_confirmation", "'pending', 'confirmed', 'refused'"
    op.create_table(
        table, *_own(),
        sa.Column("rule_code", sa.String(32), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("source_type", sa.String(32), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("source_number", sa.String(20), nullable=True),
        sa.Column("filed_on", sa.Date(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("points_each", sa.Integer(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("first_actor_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *(_refers(table, column, "account") for column in ("member_id", "first_actor_id", "decided_by")),
        _refers(table, "reason_id", "points_text"),
        sa.UniqueConstraint(
            "rule_code", "source_type", "source_id", "member_id", name=op.f(f"uq_{table}_rule_code_source_type_source_id_member_id")
        ),
        sa.CheckConstraint(f"status in ({statuses})", name=op.f(f"ck_{table}_status")),
        sa.CheckConstraint("points > 0 and units > 0", name=op.f(f"ck_{table}_positive")),
        sa.CheckConstraint("decided_by <> first_actor_id", name=op.f(f"ck_{table}_two_persons")),
        sa.CheckConstraint("decided_by <> member_id", name=op.f(f"ck_{table}_not_for_oneself")),
        sa.CheckConstraint(
            "(status = 'pending') = (decided_by is null) and (decided_by is null) = (decided_at is null)", name=op.f(f"ck_{table}_decided")
        ),
        sa.CheckConstraint("(status = 'refused') = (reason_id is not null)", name=op.f(f"ck_{table}_refused_has_reason")),
    )
    op.create_index(f"ix_{table}_member_id_filed_on", table, ["member_id", "filed_on"])
    op.create_index(f"ix_{table}_area_path_id", table, ["area_path", "id"], postgresql_ops=PATTERN)


def _create_stops() -> None:
    table = "points_earning_stop"
    op.create_table(
        table, *_own(),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("cause_id", sa.Uuid(), nullable=False),
        sa.Column("lifted_by", sa.Uuid(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lift_reason_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *(_refers(table, column, "account") for column in ("member_id", "lifted_by")),
        _refers(table, "cause_id", "points_proposal"), _refers(table, "lift_reason_id", "points_text"),
        sa.UniqueConstraint("cause_id", name=op.f(f"uq_{table}_cause_id")),
        sa.CheckConstraint("until >= starts_on", name=op.f(f"ck_{table}_span")),
        sa.CheckConstraint("num_nulls(lifted_by, lifted_at, lift_reason_id) in (0, 3)", name=op.f(f"ck_{table}_lifted_whole")),
        sa.CheckConstraint("lifted_by <> member_id", name=op.f(f"ck_{table}_not_for_oneself")),
    )
    op.create_index(f"ix_{table}_member_id_until", table, ["member_id", "until"])
    op.create_index(f"ix_{table}_area_path_id", table, ["area_path", "id"], postgresql_ops=PATTERN)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for key in KEYS:
        op.execute(f"update points_rule set conditions = conditions - '{key}' where conditions ? '{key}'")
    op.drop_table("points_earning_stop")
    op.drop_table("points_confirmation")
    # The release before knows no awards by people; what they moved stands in the ledger.
    op.execute("delete from points_proposal where type = 'award'")
    for index in ("uq_points_proposal_report", "ix_points_proposal_member_id_rule_code"):
        op.drop_index(index, "points_proposal")
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_points_proposal_{name}"), "points_proposal", type_="check")
    for name, said in CHECKS_BEFORE.items():
        op.create_check_constraint(op.f(f"ck_points_proposal_{name}"), "points_proposal", said)
    for column in reversed(COLUMNS):
        op.drop_column("points_proposal", column)
    op.drop_column("points_award", "source_number")
