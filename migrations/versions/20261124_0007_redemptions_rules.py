"""Rules and reference data of redemptions: what create-table cannot say."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

HISTORY = ("verification", "verification_undo", "settlement_line", "reward_stock_entry")


def upgrade() -> None:
    """History is appended, never edited: the triggers refuse the rest, whoever asks."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("""
        create function redemption_history_is_append_only() returns trigger language plpgsql as $$
        begin
          raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
        end $$
    """)
    for table in HISTORY:
        op.execute(
            f"create trigger {table}_append_only before update or delete on {table}"
            " for each row execute function redemption_history_is_append_only()"
        )
        op.execute(
            f"create trigger {table}_not_emptied before truncate on {table}"
            " for each statement execute function redemption_history_is_append_only()"
        )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table in HISTORY:
        op.execute(f"drop trigger {table}_not_emptied on {table}")
        op.execute(f"drop trigger {table}_append_only on {table}")
    op.execute("drop function redemption_history_is_append_only()")
