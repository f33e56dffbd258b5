"""Codes with an expiry and a limit of uses; links that open the mini program."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

PURPOSES = ("registration", "station", "activity", "store", "enterprise")
CHECKS = {
    "max_uses": "max_uses > 0",
    "uses": "uses >= 0 and uses <= max_uses",
    "typed": "not typed or purpose = 'registration'",
}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("qrcode", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.add_column("qrcode", sa.Column("max_uses", sa.Integer()))
    op.add_column("qrcode", sa.Column("uses", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("qrcode", sa.Column("typed", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_qrcode_{name}"), "qrcode", condition)
    _allow(*PURPOSES, "certificate")
    op.create_table(
        "qrcode_link",
        sa.Column("qrcode_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.Column("url_link", sa.String(1_024)),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("qrcode_id", name=op.f("pk_qrcode_link")),
        sa.ForeignKeyConstraint(["qrcode_id"], ["qrcode.id"], name=op.f("fk_qrcode_link_qrcode_id_qrcode"), ondelete="CASCADE"),
        sa.CheckConstraint("(url_link is null) = (expires_at is null)", name=op.f("ck_qrcode_link_whole")),
    )


def downgrade() -> None:
    """Certificates' codes go: the release before knows no page for them."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("qrcode_link")
    op.execute("delete from qrcode where purpose = 'certificate'")
    _allow(*PURPOSES)
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_qrcode_{name}"), "qrcode")
    for column in ("typed", "uses", "max_uses", "expires_at"):
        op.drop_column("qrcode", column)


def _allow(*purposes: str) -> None:
    listed = ", ".join(f"'{purpose}'" for purpose in purposes)
    op.drop_constraint(op.f("ck_qrcode_purpose"), "qrcode")
    op.create_check_constraint(op.f("ck_qrcode_purpose"), "qrcode", f"purpose in ({listed})")
