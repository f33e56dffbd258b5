"""Member discounts and the totals of visits."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

OCCUPATIONS = "'courier', 'food_delivery', 'ride_hailing', 'truck_driver', 'streamer', 'domestic_service', 'other'"


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "discount",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(60), nullable=False),
        sa.Column("terms", sa.String(300), nullable=False),
        sa.Column("occupations", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("min_level", sa.Integer(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("per_member_per_day", sa.Integer(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discount")),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_discount_store_id_store")),
        sa.UniqueConstraint("store_id", "id", name=op.f("uq_discount_store_id_id")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_discount_order")),
        sa.CheckConstraint("min_level between 1 and 5", name=op.f("ck_discount_min_level")),
        sa.CheckConstraint("per_member_per_day between 1 and 10", name=op.f("ck_discount_per_member_per_day")),
        sa.CheckConstraint(
            f"occupations <@ array[{OCCUPATIONS}]::text[] and cardinality(occupations) > 0", name=op.f("ck_discount_occupations")
        ),
    )
    op.create_table(
        "store_visit_day",
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("discount_id", sa.Uuid(), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "day", "discount_id", name=op.f("pk_store_visit_day")),
        sa.ForeignKeyConstraint(
            ["store_id", "discount_id"], ["discount.store_id", "discount.id"], name=op.f("fk_store_visit_day_store_id_discount_id_discount")
        ),
        sa.CheckConstraint("visits > 0", name=op.f("ck_store_visit_day_visits")),
    )
    op.create_table(
        "store_visit_mark",
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_store_visit_mark")),
        sa.CheckConstraint("octet_length(mark) = 32", name=op.f("ck_store_visit_mark_size")),
    )
    op.create_index(op.f("ix_store_visit_mark_expires_on"), "store_visit_mark", ["expires_on"])


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("store_visit_mark")
    op.drop_table("store_visit_day")
    op.drop_table("discount")
