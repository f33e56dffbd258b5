"""The service's policy on points and orders."""

from alembic import op

from migrations.policies import serve, unserve

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

TABLES = (
    "points_balance", "points_entry", "points_level", "points_lot", "points_reminder", "points_transaction", "points_award", "redemption",
    "verification", "verification_undo",
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    serve(*TABLES)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unserve(*TABLES)
