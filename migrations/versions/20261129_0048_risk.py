"""A limit for the answer to a complaint; what WeChat says of the risk of an account, for who agrees to be asked about."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

PURPOSES = ("service", "location", "party_identity", "employer_statement", "publicity")
SIGNALS = (
    "same_photo", "near_photo", "old_photo", "far_from_photo", "impossible_speed", "many_of_one_spot", "same_point_many_people",
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table complaint add column due_at timestamptz, add column reminded_on date")
    op.create_index("ix_complaint_open", "complaint", ["due_at"], postgresql_where=sa.text("status = 'open'"))
    for table in ("consent_text", "consent"):
        _allow(table, "purpose", (*PURPOSES, "risk_check"))
    _allow("report_signal", "kind", (*SIGNALS, "wechat_risk"))
    op.create_table(
        "risk_rank",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_risk_rank")),
        sa.ForeignKeyConstraint(["member_id"], ["account.id"], name=op.f("fk_risk_rank_member_id_account")),
        sa.CheckConstraint("rank between 0 and 4", name=op.f("ck_risk_rank_rank")),
        sa.CheckConstraint("keep_until > asked_at", name=op.f("ck_risk_rank_kept")),
    )
    op.create_index(op.f("ix_risk_rank_keep_until"), "risk_rank", ["keep_until"])


def _allow(table: str, column: str, values: tuple[str, ...]) -> None:
    words = ", ".join(f"'{value}'" for value in values)
    op.drop_constraint(op.f(f"ck_{table}_{column}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{column}"), table, f"{column} in ({words})")


def downgrade() -> None:
    """What was agreed to under the purpose goes with it, and the accounts no longer name it."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("risk_rank")
    op.execute("delete from report_signal where kind = 'wechat_risk'")
    _allow("report_signal", "kind", SIGNALS)
    op.execute("update account set consented = array_remove(consented, 'risk_check') where 'risk_check' = any(consented)")
    for table in ("consent", "consent_text"):
        op.execute(f"alter table {table} disable trigger user")
        op.execute(f"delete from {table} where purpose = 'risk_check'")
        op.execute(f"alter table {table} enable trigger user")
        _allow(table, "purpose", PURPOSES)
    op.drop_index("ix_complaint_open", "complaint")
    op.execute("alter table complaint drop column due_at, drop column reminded_on")
