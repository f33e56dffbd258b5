"""Where redemption stands still because the books do not balance; the trail of lapses from before they left one."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# An invariant asks for an audit event of every line of the ledger. Until this release a lapse left none.
LAPSES = """
insert into audit_event (id, created_at, actor_kind, action, object_kind, object_id, outcome, facts)
select gen_random_uuid(), t.created_at, 'job', 'points.lapse', 'lapse', t.reference_id, 'ok',
       jsonb_build_object('member_id', t.member_id::text, 'points', -t.amount, 'recorded_by', 'migration 0033')
  from points_transaction t
 where t.kind = 'expire'
   and not exists (select from audit_event e where e.object_kind = 'lapse' and e.object_id = t.reference_id and e.action = 'points.lapse')
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "points_freeze",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("area_path", sa.String(), nullable=False),
        sa.Column("invariant", sa.String(8), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("sample", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Uuid(), nullable=True),
        sa.Column("note_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_freeze")),
        sa.ForeignKeyConstraint(["lifted_by"], ["account.id"], name=op.f("fk_points_freeze_lifted_by_account")),
        sa.ForeignKeyConstraint(["note_id"], ["points_text.id"], name=op.f("fk_points_freeze_note_id_points_text")),
        sa.CheckConstraint("num_nulls(lifted_at, lifted_by, note_id) in (0, 3)", name=op.f("ck_points_freeze_lifted_whole")),
        sa.CheckConstraint("count >= 0", name=op.f("ck_points_freeze_count")),
    )
    # One that is open for an area and an invariant; and what every order asks: almost always, there is nothing in it.
    op.create_index(
        "uq_points_freeze_open", "points_freeze", ["area_path", "invariant"], unique=True, postgresql_where=sa.text("lifted_at is null")
    )
    op.create_index(op.f("ix_points_freeze_lifted_by"), "points_freeze", ["lifted_by"])
    op.execute(LAPSES)


def downgrade() -> None:
    """Events stay: they are history, and what they tell has happened."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("points_freeze")
