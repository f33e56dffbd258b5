"""Stock per day, levels, pictures and flash slots of rewards."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

# The previous release leaves the new columns alone: no limit, no slots. One look at the rows for all of them.
WIDEN_REWARD = """
alter table reward
  add column stock_per_day integer, add column levels smallint[], add column flash boolean not null default false,
  add constraint ck_reward_stock_per_day check (stock_per_day > 0),
  add constraint ck_reward_levels check (cardinality(levels) > 0 and levels <@ array[1, 2, 3, 4, 5]::smallint[]),
  add constraint ck_reward_flash check (not flash or stock_per_day is null)
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(WIDEN_REWARD)
    op.add_column("redemption", sa.Column("stock_day", sa.Date(), nullable=True))
    op.execute(
        "alter table reward_stock_entry add column actor_id uuid,"
        " add constraint fk_reward_stock_entry_actor_id_account foreign key (actor_id) references account (id)"
    )
    op.create_index("ix_reward_stock_entry_actor_id", "reward_stock_entry", ["actor_id"])
    op.create_table(
        "reward_stock_day",
        sa.Column("reward_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sold", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reward_id", "day", name=op.f("pk_reward_stock_day")),
        sa.ForeignKeyConstraint(["reward_id"], ["reward.id"], name=op.f("fk_reward_stock_day_reward_id_reward")),
        sa.CheckConstraint("sold >= 0", name=op.f("ck_reward_stock_day_not_negative")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_table(
        "reward_slot",
        sa.Column("reward_id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("redemption_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("reward_id", "slot", name=op.f("pk_reward_slot")),
        sa.ForeignKeyConstraint(["reward_id"], ["reward.id"], name=op.f("fk_reward_slot_reward_id_reward")),
        sa.ForeignKeyConstraint(["redemption_id"], ["redemption.id"], name=op.f("fk_reward_slot_redemption_id_redemption")),
        sa.CheckConstraint("slot > 0", name=op.f("ck_reward_slot_numbered")),
    )
    op.create_index("ix_reward_slot_free", "reward_slot", ["reward_id", "slot"], postgresql_where=sa.text("redemption_id is null"))
    op.create_index(
        "ix_reward_slot_redemption_id", "reward_slot", ["redemption_id"], postgresql_where=sa.text("redemption_id is not null")
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("reward_slot")
    op.drop_table("reward_stock_day")
    op.drop_index("ix_reward_stock_entry_actor_id", "reward_stock_entry")
    op.drop_column("reward_stock_entry", "actor_id")
    op.drop_column("redemption", "stock_day")
    op.execute("alter table reward drop column flash, drop column levels, drop column stock_per_day")
