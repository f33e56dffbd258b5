"""Rules and reference data of messages: what create-table cannot say."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# One subscription template for each kind of message. The ids stand for those that the mini program's console gives out: an installation
# writes its own over them. A value names only the title, the number and the time of a message, never its body.
FIELDS = {"thing1": "{title}", "character_string2": "{number}", "time3": "{at}"}
PLAIN = {"thing1": "{title}", "time3": "{at}"}
TEMPLATES = (
    ("xinxin_report_progress", "report", "上报办理进度", "report_submitted", FIELDS),
    ("xinxin_points_change", "points", "积分变动提醒", "points_opened", PLAIN),
    ("xinxin_redemption_status", "redemption", "兑换结果通知", "redemption_placed", FIELDS),
    ("xinxin_registration_progress", "registration", "登记进度通知", "registration_submitted", FIELDS),
    ("xinxin_complaint_answer", "complaint", "意见建议答复通知", "complaint_submitted", PLAIN),
    ("xinxin_account_notice", "account", "账号安全提醒", "signed_in", PLAIN),
    ("xinxin_system_notice", "system", "系统通知", "messages_opened", PLAIN),
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    seed = sa.text(
        "insert into message_template (template_id, category, title, moment, fields, active)"
        " values (:template_id, :category, :title, :moment, cast(:fields as jsonb), true)"
    )
    for template_id, category, title, moment, fields in TEMPLATES:
        op.execute(
            seed.bindparams(
                template_id=template_id, category=category, title=title, moment=moment, fields=json.dumps(fields, ensure_ascii=False)
            )
        )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("delete from message_grant")
    op.execute("delete from message_template")
