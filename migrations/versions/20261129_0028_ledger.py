"""Entries that say what their account came to, spent points by store and month; reminders once, levels by month."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# One statement: the table is long, and its rows are looked at once for all that is new.
WIDEN_ENTRIES = """
alter table points_entry
  add column balance_after integer, add column account_version integer, add column store_id uuid, add column month date,
  add constraint ck_points_entry_balance_after check (balance_after is null or (member_id is not null and account_version is not null
    and case account when 'debt' then balance_after <= 0 else balance_after >= 0 end)),
  add constraint ck_points_entry_redeemed_at check ((store_id is null) = (month is null) and (store_id is null or account = 'redeemed')
    and (month is null or month = date_trunc('month', month))),
  add constraint fk_points_entry_store_id_store foreign key (store_id) references store (id)
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(WIDEN_ENTRIES)
    op.create_index(
        "ix_points_entry_store_id_month", "points_entry", ["store_id", "month"], postgresql_include=["amount"],
        postgresql_where=sa.text("store_id is not null"),
    )
    _create_reminders()
    _create_levels()


def _create_reminders() -> None:
    op.create_table(
        "points_reminder",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("lapses_on", sa.Date(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "lapses_on", "stage", name=op.f("pk_points_reminder")),
        sa.ForeignKeyConstraint(["member_id"], ["account.id"], name=op.f("fk_points_reminder_member_id_account")),
        sa.CheckConstraint("stage in (7, 30, 60)", name=op.f("ck_points_reminder_stage")),
    )


def _create_levels() -> None:
    op.create_table(
        "points_level",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("earned", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "month", name=op.f("pk_points_level")),
        sa.ForeignKeyConstraint(["member_id"], ["account.id"], name=op.f("fk_points_level_member_id_account")),
        sa.CheckConstraint("month = date_trunc('month', month)", name=op.f("ck_points_level_first_of_month")),
        sa.CheckConstraint("level between 1 and 5 and earned >= 0", name=op.f("ck_points_level_sane")),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("points_level")
    op.drop_table("points_reminder")
    op.execute(
        "alter table points_entry drop column month, drop column store_id, drop column account_version, drop column balance_after"
    )
