"""The human queue of content checks."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
WAITING = sa.text("status = 'waiting'")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _create_texts()
    _create_items()


def _create_texts() -> None:
    op.create_table(
        "moderation_text",
        *_head("moderation_text"),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(500), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["account.id"], name=op.f("fk_moderation_text_author_id_account")),
    )
    op.create_index(op.f("ix_moderation_text_author_id"), "moderation_text", ["author_id"])


def _create_items() -> None:
    op.create_table(
        "moderation_item",
        *_head("moderation_item"),
        sa.Column("kind", _enum("kind", ("text", "photo")), nullable=False),
        sa.Column("owner_type", _enum("owner_type", ("report", "store", "reward")), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("edition_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("area_path", sa.String(), nullable=False),
        sa.Column("reason", _enum("reason", ("review", "risky", "unanswered")), nullable=False),
        sa.Column("status", _enum("status", ("waiting", "passed", "blocked", "lapsed")), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("note_id", sa.Uuid(), nullable=True),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("edition_id", name=op.f("uq_moderation_item_edition_id")),
        *(
            sa.ForeignKeyConstraint([name], ["account.id"], name=op.f(f"fk_moderation_item_{name}_account"))
            for name in ("author_id", "decided_by")
        ),
        sa.ForeignKeyConstraint(["note_id"], ["moderation_text.id"], name=op.f("fk_moderation_item_note_id_moderation_text")),
        sa.CheckConstraint("(status = 'waiting') = (decided_at is null)", name=op.f("ck_moderation_item_ended")),
        sa.CheckConstraint("(status in ('passed', 'blocked')) = (decided_by is not null)", name=op.f("ck_moderation_item_decided_whole")),
        sa.CheckConstraint("status <> 'blocked' or note_id is not null", name=op.f("ck_moderation_item_blocked_with_reason")),
        sa.CheckConstraint("status <> 'waiting' or author_id is not null", name=op.f("ck_moderation_item_waiting_has_author")),
        sa.CheckConstraint("decided_by <> author_id", name=op.f("ck_moderation_item_decided_by_another")),
    )
    op.create_index(
        "ix_moderation_item_area_path", "moderation_item", ["area_path", "id"], postgresql_ops={"area_path": "text_pattern_ops"}
    )
    op.create_index("ix_moderation_item_waiting", "moderation_item", ["created_at"], postgresql_where=WAITING)
    op.create_index(op.f("ix_moderation_item_owner_id"), "moderation_item", ["owner_id"])
    op.create_index(
        "ix_moderation_item_author_id", "moderation_item", ["author_id"], postgresql_where=sa.text("author_id is not null")
    )


def _head(table: str) -> tuple[Any, ...]:
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _enum(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("moderation_item")
    op.drop_table("moderation_text")
