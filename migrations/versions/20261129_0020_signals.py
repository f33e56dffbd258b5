"""Signals about reports; open reports by their point."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KINDS = (
    "'same_photo', 'near_photo', 'old_photo', 'far_from_photo', 'impossible_speed', 'many_of_one_spot', 'same_point_many_people'"
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_index(
        "ix_report_open_point", "report", [sa.text("point(lng, lat)")], postgresql_using="gist",
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "report_signal",
        sa.Column("report_id", sa.Uuid(), sa.ForeignKey("report.id", name=op.f("fk_report_signal_report_id_report")), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("report_id", "kind", name=op.f("pk_report_signal")),
        sa.CheckConstraint(f"kind in ({KINDS})", name=op.f("ck_report_signal_kind")),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("report_signal")
    op.drop_index("ix_report_open_point", table_name="report")
