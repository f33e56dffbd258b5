"""Calls to WeChat that wait for midnight."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "wechat_quota_stop",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("appid", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=128), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("until > stopped_at", name=op.f("ck_wechat_quota_stop_until")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_quota_stop")),
        sa.UniqueConstraint("appid", "path", name=op.f("uq_wechat_quota_stop_appid_path")),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("wechat_quota_stop")
