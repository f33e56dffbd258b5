"""Erasure: its journal and certificate."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# A certificate is proof: it is written once, and it goes into the journal of restores.
KEEP = """
create function erasure_keep() returns trigger language plpgsql as $$
begin
  raise exception 'the journal of erasures is append-only' using errcode = 'insufficient_privilege';
end $$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "erasure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("counts", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
        sa.UniqueConstraint("subject_id", name=op.f("uq_erasure_subject_id")),
        sa.CheckConstraint("jsonb_typeof(counts) = 'object'", name=op.f("ck_erasure_counts_by_feature")),
    )
    op.execute(KEEP)
    op.execute(
        "create trigger erasure_keep before update or delete or truncate on erasure for each statement execute function erasure_keep()"
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("erasure")
    op.execute("drop function erasure_keep()")
