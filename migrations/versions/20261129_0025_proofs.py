"""Proofs of a stop, rules of retention, and what retention has done to a report."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# Each step of a report's getting coarse and short: its column, its index. One that ended anew after a step goes through it again.
STEPS = {
    "place_area_only_at": "ix_report_keep_area", "originals_dropped_at": "ix_report_keep_originals",
    "photos_dropped_at": "ix_report_keep_photos", "text_anonymised_at": "ix_report_keep_text",
    "notes_anonymised_at": "ix_report_keep_notes",
}
# reliability.md 4.9, in days.
RULES = {
    "place_rounded": 90, "place_area_only": 365, "original_photo": 180, "photo_cleaned": 730, "report_text": 1095, "report_note": 1095,
    "signal": 365, "claim": 365, "proof": 180,
}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for column, index in STEPS.items():
        op.add_column("report", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
        op.create_index(
            index, "report", ["ended_at"], postgresql_where=sa.text(f"ended_at is not null and ({column} is null or {column} < ended_at)")
        )
    # An address is an exact place: where the place is coarse by now, it goes too.
    op.execute("update report set address_sealed = null where place_rounded_at is not null and address_sealed is not null")
    _create_rules()
    _create_proofs()


def _create_rules() -> None:
    now = sa.text("clock_timestamp()")
    rules = op.create_table(
        "retention_rule",
        sa.Column("code", sa.String(24), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_retention_rule")),
        sa.ForeignKeyConstraint(["made_by"], ["account.id"], name=op.f("fk_retention_rule_made_by_account")),
        sa.CheckConstraint("days >= 1 and version >= 1", name=op.f("ck_retention_rule_positive")),
    )
    op.bulk_insert(rules, [{"code": code, "days": days, "active": True, "version": 1} for code, days in RULES.items()])


def _create_proofs() -> None:
    now = sa.text("clock_timestamp()")
    op.create_table(
        "report_proof",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("code_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("code_index", sa.LargeBinary(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lng", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_proof")),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_report_proof_report_id_report")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_report_proof_area_id_area")),
        sa.UniqueConstraint("report_id", name=op.f("uq_report_proof_report_id")),
        sa.UniqueConstraint("code_index", name=op.f("uq_report_proof_code_index")),
        sa.CheckConstraint("valid_until > stopped_at", name=op.f("ck_report_proof_span")),
    )
    op.create_index(op.f("ix_report_proof_created_at"), "report_proof", ["created_at"])


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("report_proof")
    op.drop_table("retention_rule")
    for column, index in STEPS.items():
        op.drop_index(index, "report")
        op.drop_column("report", column)
