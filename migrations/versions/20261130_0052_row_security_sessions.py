"""Row security of what every request touches: sessions, keys, messages. Few tables at a time: a step locks them together."""

from alembic import op

from migrations.policies import guard, of, own, unguard

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

ROWS = {
    "idempotency_key": own("account_id"),
    "message": own(),
    "message_grant": own(),
    "auth_session": own("account_id"),
    "refresh_token": of("auth_session", "whole.id = session_id"),
}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    guard(ROWS)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unguard(ROWS)
