"""Cases of the collusion lens, their reasons, and what counts as unlikely."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
CODES = (
    "pair_share", "pair_frequency", "quick", "odd_hours", "shared_device", "store_staff", "typed_codes", "undo_loops", "old_tickets",
    "reviewer_share",
)
PERSONS = ("clerk_id", "member_id", "reviewer_id")
# (code, least number of verifications, bound, least share of them, seconds that are quick, share that makes an hour rare, weight)
THRESHOLDS = (
    ("pair_share", 6, 1e-3, 0.0, None, None, 1),
    ("pair_frequency", 8, 6.0, 0.0, None, None, 1),
    ("quick", 5, 1e-3, 0.5, 20, None, 1),
    ("odd_hours", 6, 1e-5, 0.6, None, 0.02, 1),
    ("shared_device", 3, 1e-6, 0.0, None, None, 2),
    ("store_staff", 5, 1.0, 0.0, None, None, 0),
    ("typed_codes", 8, 1e-5, 0.6, None, None, 1),
    ("undo_loops", 5, 1e-4, 0.2, None, None, 1),
    ("old_tickets", 5, 1e-4, 0.2, None, None, 1),
    ("reviewer_share", 8, 1e-4, 0.5, None, None, 1),
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _create_thresholds()
    _create_texts()
    _create_cases()
    _create_reasons()
    op.execute(
        "create trigger tg_collusion_reason_append_only before update or delete or truncate on collusion_reason"
        " for each statement execute function refuse_change()"
    )
    op.execute("revoke update, delete on collusion_reason from xinxin_app, xinxin_keeper")


def _create_thresholds() -> None:
    made = op.create_table(
        "collusion_threshold",
        sa.Column("code", _enum("code", CODES), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("min_support", sa.Integer(), nullable=False),
        sa.Column("bound", sa.Float(), nullable=False),
        sa.Column("least", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.Column("rare", sa.Float(), nullable=True),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_collusion_threshold")),
        sa.CheckConstraint(
            "min_support > 0 and bound > 0 and least between 0 and 1 and seconds > 0 and rare between 0 and 1",
            name=op.f("ck_collusion_threshold_sane"),
        ),
        sa.CheckConstraint("weight between 0 and 2", name=op.f("ck_collusion_threshold_weight")),
    )
    names = ("code", "min_support", "bound", "least", "seconds", "rare", "weight")
    op.bulk_insert(made, [dict(zip(names, row, strict=True)) | {"active": True} for row in THRESHOLDS])


def _create_texts() -> None:
    op.create_table(
        "collusion_text",
        *_head("collusion_text"),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(500), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["account.id"], name=op.f("fk_collusion_text_author_id_account")),
    )
    op.create_index(op.f("ix_collusion_text_author_id"), "collusion_text", ["author_id"])


def _create_cases() -> None:
    op.create_table(
        "collusion_case",
        *_head("collusion_case"),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=True) for name in PERSONS),
        sa.Column("status", _enum("status", ("open", "dismissed", "noted", "lapsed")), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("note_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_collusion_case_store_id_store")),
        *(
            sa.ForeignKeyConstraint([name], ["account.id"], name=op.f(f"fk_collusion_case_{name}_account"))
            for name in (*PERSONS, "decided_by")
        ),
        sa.ForeignKeyConstraint(["note_id"], ["collusion_text.id"], name=op.f("fk_collusion_case_note_id_collusion_text")),
        sa.CheckConstraint("(status = 'open') = (decided_at is null)", name=op.f("ck_collusion_case_ended")),
        sa.CheckConstraint(
            "num_nulls(decided_by, note_id) = case when status in ('dismissed', 'noted') then 0 else 2 end",
            name=op.f("ck_collusion_case_decided_whole"),
        ),
        sa.CheckConstraint("status <> 'open' or num_nulls(clerk_id, member_id) = 0", name=op.f("ck_collusion_case_open_names_both")),
        sa.CheckConstraint("clerk_id <> member_id", name=op.f("ck_collusion_case_two_persons")),
        sa.CheckConstraint(
            "decided_by is null or (decided_by is distinct from clerk_id and decided_by is distinct from member_id"
            " and decided_by is distinct from reviewer_id)",
            name=op.f("ck_collusion_case_decided_by_another"),
        ),
    )
    op.create_index(
        "uq_collusion_case_open", "collusion_case", ["store_id", "clerk_id", "member_id"], unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(op.f("ix_collusion_case_store_id_id"), "collusion_case", ["store_id", "id"])
    for name in PERSONS:
        op.create_index(
            op.f(f"ix_collusion_case_{name}"), "collusion_case", [name], postgresql_where=sa.text(f"{name} is not null")
        )


def _create_reasons() -> None:
    op.create_table(
        "collusion_reason",
        *_head("collusion_reason"),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("code", _enum("code", CODES), nullable=False),
        sa.Column("observed", sa.Float(), nullable=False),
        sa.Column("expected", sa.Float(), nullable=False),
        sa.Column("support", sa.Integer(), nullable=False),
        sa.Column("window_from", sa.Date(), nullable=False),
        sa.Column("window_to", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["collusion_case.id"], name=op.f("fk_collusion_reason_case_id_collusion_case")),
        sa.CheckConstraint("support > 0 and observed >= 0 and expected >= 0", name=op.f("ck_collusion_reason_figures")),
        sa.CheckConstraint("window_to >= window_from", name=op.f("ck_collusion_reason_order_of_days")),
    )
    op.create_index(op.f("ix_collusion_reason_case_id_id"), "collusion_reason", ["case_id", "id"])


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
    for table in ("collusion_reason", "collusion_case", "collusion_text", "collusion_threshold"):
        op.drop_table(table)
