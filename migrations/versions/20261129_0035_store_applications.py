"""Applications of stores, and invitations of their staff."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

PURPOSES = ("registration", "station", "activity", "store", "enterprise", "certificate")
STAFF = "store_staff"
DETAILS = "name, address, phone_sealed, uscc, lng, lat, given_lng, given_lat, given_crs, hours"
WORDS = {
    "status": ("submitted", "returned", "approved", "rejected", "withdrawn"),
    "given_crs": ("gcj02", "wgs84"),
    "category": ("supermarket", "restaurant", "repair", "parking", "health", "clothing", "convenience", "venue", "other"),
    "role": (
        "reviewer", "grid_worker", "store_owner", "store_clerk", "enterprise_contact", "org_secretary", "instructor", "area_admin",
        "auditor", "platform_admin",
    ),
}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "store_text",
        *_own(),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.String(500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_text")),
        sa.ForeignKeyConstraint(["author_id"], ["account.id"], name=op.f("fk_store_text_author_id_account")),
        sa.ForeignKeyConstraint(["member_id"], ["account.id"], name=op.f("fk_store_text_member_id_account")),
    )
    op.create_index(op.f("ix_store_text_author_id"), "store_text", ["author_id"])
    op.create_index(op.f("ix_store_text_member_id"), "store_text", ["member_id"])
    _applications()
    _invitations()


def _own() -> tuple[sa.Column[object], ...]:
    """What every row has."""
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
    )


def _word(table: str, name: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in WORDS[name])
    return sa.CheckConstraint(f"{name} in ({listed})", name=op.f(f"ck_{table}_{name}"))


def _applications() -> None:
    op.create_table(
        "store_application",
        *_own(),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("applicant_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("area_path", sa.String(), nullable=False),
        sa.Column("category", sa.String(32), nullable=False),
        sa.Column("name", sa.String(120), nullable=True),
        sa.Column("address", sa.String(120), nullable=True),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("uscc", sa.String(18), nullable=True),
        sa.Column("uscc_confirmed", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Float(), nullable=True) for name in ("lng", "lat", "given_lng", "given_lat")),
        sa.Column("given_crs", sa.String(32), nullable=True),
        sa.Column("hours", JSONB(), nullable=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason_id", sa.Uuid(), nullable=True),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_application")),
        sa.UniqueConstraint("number", name=op.f("uq_store_application_number")),
        sa.UniqueConstraint("store_id", name=op.f("uq_store_application_store_id")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_store_application_{column}_{table}"))
            for column, table in (
                ("applicant_id", "account"), ("area_id", "area"), ("decided_by", "account"), ("reason_id", "store_text"),
                ("store_id", "store"),
            )
        ),
        *(_word("store_application", name) for name in ("status", "given_crs", "category")),
        sa.CheckConstraint(f"num_nulls({DETAILS}) in (0, 10)", name=op.f("ck_store_application_details_whole")),
        sa.CheckConstraint(
            "name is not null or status not in ('submitted', 'returned')", name=op.f("ck_store_application_open_has_details")
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at) in (0, 2) and (decided_at is not null or status in ('submitted', 'withdrawn'))",
            name=op.f("ck_store_application_decided"),
        ),
        sa.CheckConstraint("(status = 'approved') = (store_id is not null)", name=op.f("ck_store_application_approved_has_store")),
    )
    op.create_index(op.f("ix_store_application_applicant_id_id"), "store_application", ["applicant_id", "id"])
    op.create_index(
        op.f("ix_store_application_area_path"), "store_application", ["area_path"], postgresql_ops={"area_path": "text_pattern_ops"}
    )
    op.create_index(
        "uq_store_application_open", "store_application", ["applicant_id"], unique=True,
        postgresql_where=sa.text("status in ('submitted', 'returned')"),
    )


def _invitations() -> None:
    op.create_table(
        "store_invitation",
        *_own(),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("qrcode_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_invitation")),
        sa.UniqueConstraint("qrcode_id", name=op.f("uq_store_invitation_qrcode_id")),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_store_invitation_store_id_store")),
        sa.ForeignKeyConstraint(["qrcode_id"], ["qrcode.id"], name=op.f("fk_store_invitation_qrcode_id_qrcode")),
        _word("store_invitation", "role"),
        sa.CheckConstraint("role in ('store_owner', 'store_clerk')", name=op.f("ck_store_invitation_staff")),
    )
    op.create_index(op.f("ix_store_invitation_store_id_id"), "store_invitation", ["store_id", "id"])
    _allow(*PURPOSES, STAFF)
    _typed(f"not typed or purpose in ('registration', '{STAFF}')")


def downgrade() -> None:
    """The codes of invitations go: the release before knows no page for them."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("store_invitation")
    op.execute(f"delete from qrcode where purpose = '{STAFF}'")
    _typed("not typed or purpose = 'registration'")
    _allow(*PURPOSES)
    op.drop_table("store_application")
    op.drop_table("store_text")


def _allow(*purposes: str) -> None:
    listed = ", ".join(f"'{purpose}'" for purpose in purposes)
    op.drop_constraint(op.f("ck_qrcode_purpose"), "qrcode")
    op.create_check_constraint(op.f("ck_qrcode_purpose"), "qrcode", f"purpose in ({listed})")


def _typed(condition: str) -> None:
    op.drop_constraint(op.f("ck_qrcode_typed"), "qrcode")
    op.create_check_constraint(op.f("ck_qrcode_typed"), "qrcode", condition)
