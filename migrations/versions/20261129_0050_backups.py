"""What went well with backups, and when."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

KINDS = ("backup", "restore_drill", "restore")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "backup_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("kind", sa.Enum(*KINDS, name="kind", native_enum=False, create_constraint=True, length=32), nullable=False),
        sa.Column("base_finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_backup_run"),
        sa.CheckConstraint("seconds >= 0 and bytes >= 0", name=op.f("ck_backup_run_figures")),
    )
    op.create_index("ix_backup_run_kind_created_at", "backup_run", ["kind", "created_at"])


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("backup_run")
