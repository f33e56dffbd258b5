"""Sealed fields and blind indexes that can change their key."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    # No CHECK beside phone_index: the previous release empties the index alone when somebody binds the number.
    op.add_column("access_grant", sa.Column("phone_sealed", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_column("access_grant", "phone_sealed")
