"""Usefulness and quiet hours of copies, SMS."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

CATEGORIES = ("report", "points", "redemption", "registration", "complaint", "account", "system")
# The more useful one may take the last permission of its template. One row named as the category stands for everything without a word
# of its own. Urgent: what loses its use by the morning.
MOMENTS = (
    ("report", "report", "上报：给工作人员的任务", 2, False),
    ("report_progress", "report", "上报：办理中的进展", 1, False),
    ("report_result", "report", "上报：结果与请评价", 2, False),
    ("report_emergency", "report", "上报：紧急情况", 2, True),
    ("points", "points", "积分变动", 1, False),
    ("points_expiring", "points", "积分即将到期", 2, False),
    ("redemption", "redemption", "兑换结果", 1, False),
    ("registration", "registration", "登记进展", 1, False),
    ("complaint", "complaint", "意见建议的答复", 1, False),
    ("account", "account", "账号与个人信息", 1, True),
    ("system", "system", "系统通知", 2, False),
    ("system_alarm", "system", "账目与审计报警", 2, True),
    ("announcement", "system", "公告与政策", 1, False),
)
SMS_STATES = ("waiting", "sending", "sent", "refused", "failed")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("message_template", sa.Column("quiet_from", sa.Time(), server_default="22:00", nullable=False))
    op.add_column("message_template", sa.Column("quiet_until", sa.Time(), server_default="07:00", nullable=False))
    op.add_column("message_template", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("message_template", sa.Column("made_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_message_template_made_by_account"), "message_template", "account", ["made_by"], ["id"])
    op.add_column("message", sa.Column("moment", sa.String(32), nullable=True))
    op.add_column("message", sa.Column("copy_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("copy_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("unanswered", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("message", sa.Column("kept_back", sa.String(16), nullable=True))
    op.create_index("ix_message_sending", "message", ["member_id"], postgresql_where=sa.text("push = 'sending'"))
    _moments()
    _sms()


def _moments() -> None:
    table = op.create_table(
        "message_moment",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("category", sa.String(32), nullable=False),
        sa.Column("title", sa.String(60), nullable=False),
        sa.Column("usefulness", sa.SmallInteger(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("bulk", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_message_moment")),
        sa.CheckConstraint(sa.column("category").in_(CATEGORIES), name=op.f("ck_message_moment_category")),
        sa.CheckConstraint("usefulness between 1 and 5", name=op.f("ck_message_moment_usefulness")),
    )
    names = ("code", "category", "title", "usefulness", "urgent")
    op.bulk_insert(table, [dict(zip(names, row, strict=True)) | {"bulk": row[0] == "announcement"} for row in MOMENTS])


def _sms() -> None:
    op.create_table(
        "sms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("template", sa.String(32), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("params", JSONB(), nullable=False),
        sa.Column("about_kind", sa.String(32), nullable=False),
        sa.Column("about_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("unanswered", sa.SmallInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("serial", sa.String(64), nullable=True),
        sa.Column("reason", sa.String(64), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms")),
        sa.CheckConstraint(sa.column("template").in_(("invitation", "staff")), name=op.f("ck_sms_template")),
        sa.CheckConstraint(sa.column("status").in_(SMS_STATES), name=op.f("ck_sms_status")),
        sa.CheckConstraint("(ended_at is null) = (status in ('waiting', 'sending'))", name=op.f("ck_sms_ended")),
        sa.CheckConstraint("(ended_at is null) = (phone_sealed is not null)", name=op.f("ck_sms_phone_goes")),
        sa.CheckConstraint("unanswered between 0 and 2", name=op.f("ck_sms_unanswered")),
    )
    op.create_index(op.f("ix_sms_ended_at"), "sms", ["ended_at"])


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("sms")
    op.drop_table("message_moment")
    op.drop_index("ix_message_sending", table_name="message")
    for column in ("kept_back", "unanswered", "copy_until", "copy_asked_at", "moment"):
        op.drop_column("message", column)
    op.drop_constraint(op.f("fk_message_template_made_by_account"), "message_template", type_="foreignkey")
    for column in ("made_by", "version", "quiet_until", "quiet_from"):
        op.drop_column("message_template", column)
