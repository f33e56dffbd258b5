"""Rules and reference data of members: what create-table cannot say."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

VERSION = "2026-11"
TEXTS = (
    (
        "019ab2a0-0000-7000-8000-000000000301", "service", "用户服务协议与个人信息处理说明",
        "新新向党由区委社会工作部（区委两新工委）主办，为快递员、外卖骑手、网约车和货车司机、网络主播等新就业群体提供报到登记、随手拍上报、积分兑换等服务。"
        "为提供这些服务，我们处理您的微信身份标识、手机号、职业、工作区域，以及您提交的上报、兑换和意见。"
        "手机号加密保存，工作人员默认只看到 138****8000 这样的掩码，"
        "查看完整内容须说明理由、留下记录并通知您。参加与否完全自愿，不签到打卡、不按积分排名。您可以随时查看、更正、导出自己的信息，撤回同意，或注销账号："
        "注销申请 7 天后，个人信息会被删除，积分流水和上报办理记录保留，但不再与您关联。"
        "撤回本项同意后不能再提交新的内容，已有数据不会因此删除。",
    ),
    (
        "019ab2a0-0000-7000-8000-000000000302", "location", "位置信息使用说明",
        "上报问题时需要您提供问题所在的位置，用于派给对应的社区和网格处理。我们只保存每次上报的那一个点，不记录您的行动轨迹，不在后台获取位置。"
        "上报办结 90 天后，位置会被模糊处理。不同意或撤回同意不影响其他功能，但无法提交上报。",
    ),
    (
        "019ab2a0-0000-7000-8000-000000000303", "party_identity", "党员身份信息处理说明",
        "党员报到时，我们处理您申报的政治面貌、组织关系所在党支部、入党时间和外出时间，用于党组织与您取得联系、安排组织生活。"
        "这些内容属于敏感信息，加密保存，只有受理您报到的党组织负责人可以查看，每次查看都有记录，不会出现在消息推送中，也不提供给平台企业或其他第三方。"
        "是否申报由您决定；撤回同意后，我们会删除您申报的党员身份信息。",
    ),
    (
        "019ab2a0-0000-7000-8000-000000000304", "employer_statement", "向所在企业提供积分明细的说明",
        "同意后，您所在企业的月度积分报表会列出您本人的姓名和当月积分，便于企业给予表彰或奖励。不同意时，您的积分只计入企业合计，不会单独列出。"
        "企业看不到您的上报内容、位置和手机号。您可以随时撤回，自下一份报表起生效。",
    ),
    (
        "019ab2a0-0000-7000-8000-000000000305", "publicity", "公示说明",
        "同意后，您的姓氏（如“张*”）、职业和所在街道可能出现在季度公示名单和推荐名单中，名单不按积分排序，公示期内任何人都可以提出异议。"
        "不同意不影响您获得和使用积分。您可以随时撤回，撤回后不再出现在之后的名单中。",
    ),
)
APPEND_ONLY = """
create function consent_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'consent is append-only' using errcode = 'restrict_violation';
end $$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(APPEND_ONLY)
    op.execute(
        "create trigger consent_append_only before update or delete on consent for each row execute function consent_is_append_only()"
    )
    seed = sa.text(
        "insert into consent_text (id, purpose, version, title, text, in_force) values (:id, :purpose, :version, :title, :text, true)"
    )
    for row_id, purpose, title, text in TEXTS:
        identity = sa.bindparam("id", row_id, type_=sa.Uuid(as_uuid=False))
        op.execute(seed.bindparams(identity, purpose=purpose, version=VERSION, title=title, text=text))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop trigger consent_append_only on consent")
    op.execute("drop function consent_is_append_only")
    op.execute("delete from consent")
    op.execute("delete from consent_text")
