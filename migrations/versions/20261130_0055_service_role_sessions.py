"""The service's policy on what every request touches. Few tables at a time: a step locks them together."""

from alembic import op

from migrations.policies import serve, unserve

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

TABLES = ("idempotency_key", "message", "message_grant", "auth_session", "refresh_token")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    serve(*TABLES)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unserve(*TABLES)
