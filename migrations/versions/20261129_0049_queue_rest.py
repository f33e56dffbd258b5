"""Jobs that failed and rest, found at once: each success of one that had failed looks for them."""

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("create index pgqueuer_resting_idx on jobs.pgqueuer (entrypoint, execute_after) where status = 'queued' and attempts > 0")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop index jobs.pgqueuer_resting_idx")
