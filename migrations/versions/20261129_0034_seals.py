"""The chain of hashes over history."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

KINDS = {"points_transaction": 1, "points_entry": 2, "points_award": 3, "audit_event": 4}
CHAIN = ("seal_block", "seal_link")
BOTH = "xinxin_app, xinxin_keeper"

# In the transaction of the rows themselves and once a statement, so that nothing that commits is missed, COPY and the previous release's
# statements included, and nobody waits for anybody. Who adds rows with the triggers turned off leaves rows that nothing accounts for.
NOTE = """
create function seal_note() returns trigger language plpgsql as $$
begin
  insert into seal_pending (kind, row_id) select tg_argv[0]::smallint, id from added;
  return null;
end $$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "seal_pending",
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
    )
    # A queue: what was taken out is cleared away by its number, not by its share of a table that is empty most of the time.
    op.execute("alter table seal_pending set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)")
    op.create_table(
        "seal_block",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("format", sa.SmallInteger(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("kid", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_seal_block")),
        sa.CheckConstraint("number > 0 and rows > 0 and format > 0", name=op.f("ck_seal_block_positive")),
        sa.CheckConstraint(
            "octet_length(previous) = 32 and octet_length(hash) = 32 and octet_length(signature) = 32", name=op.f("ck_seal_block_digests")
        ),
        sa.CheckConstraint("kid <> ''", name=op.f("ck_seal_block_kid")),
    )
    # A link's block is written after it, once its hash is known: what a foreign key would hold, audit-verify proves.
    op.create_table(
        "seal_link",
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "row_id", name=op.f("pk_seal_link")),
        sa.CheckConstraint("position >= 0 and octet_length(digest) = 32", name=op.f("ck_seal_link_sane")),
    )
    op.create_index("ix_seal_link_block", "seal_link", ["block"])
    op.create_table(
        "seal_backlog",
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("after", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_seal_backlog")),
    )
    for table in CHAIN:
        op.execute(
            f"create trigger tg_{table}_append_only before update or delete or truncate on {table}"
            " for each statement execute function refuse_change()"
        )
        op.execute(f"revoke update, delete on {table} from {BOTH}")
    _note_from_now_on()


def _note_from_now_on() -> None:
    """A trigger is made under a lock that waits for every writer, so the rows of before are those that are there then."""
    op.execute(NOTE)
    for table, kind in KINDS.items():
        op.execute(
            f"create trigger tg_{table}_seal after insert on {table} referencing new table as added"
            f" for each statement execute function seal_note('{kind}')"
        )
        op.execute(f"insert into seal_backlog (kind) select {kind} where exists (select from {table})")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table in KINDS:
        op.execute(f"drop trigger tg_{table}_seal on {table}")
    op.execute("drop function seal_note()")
    for table in ("seal_backlog", "seal_link", "seal_block", "seal_pending"):
        op.drop_table(table)
