"""Announcements, groups, policy texts."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
OCCUPATIONS = "'courier', 'food_delivery', 'ride_hailing', 'truck_driver', 'streamer', 'domestic_service', 'other'"
VERSION, EFFECTIVE_ON = "2026-11", date(2026, 11, 1)
TEXTS = (
    (
        "019ab2a0-0000-7000-8000-000000000461", "privacy", "隐私政策",
        "本政策适用于新新向党小程序，由区委社会工作部（区委两新工委）主办。参加与否完全自愿，不参加不影响您从业和享受公共服务。\n\n"
        "一、我们处理哪些信息\n"
        "登录：微信身份标识。绑定手机号：您的手机号，加密保存。报到登记：姓名、职业、工作区域、所在单位。随手拍上报：照片、文字描述和问题所在的位置，"
        "位置只在您提交时取一次，不记录行动轨迹，不在后台获取。积分和兑换：积分流水、兑换和核销记录。意见建议：您填写的内容和照片。\n"
        "党员身份信息属于敏感个人信息，是否申报由您决定，需单独同意，加密保存，只有受理您报到的党组织负责人可以查看。\n"
        "我们不收集身份证件照片、通讯录、健康信息和设备中的其他内容。\n\n"
        "二、我们怎样使用\n"
        "用于办理您提交的事项、发放和兑换积分、向您通知办理进度。照片和文字可能交由微信做内容安全检查，不附您的手机号和姓名，党员身份信息不提交检查。"
        "不做积分排名，不用于商业推广，不出售。\n\n"
        "三、谁能看到\n"
        "工作人员只看到与其职责有关的内容，手机号和姓名默认掩码显示，查看完整内容须说明理由、留下记录。商家只看到核销所需的内容。"
        "企业只看到合计，除非您另行同意列出本人积分。公示名单须您另行同意，姓名掩码显示。除法律规定外，不向其他第三方提供。\n\n"
        "四、保存多久\n"
        "账号存续期间保存。上报办结 90 天后位置被模糊处理。注销申请 7 天后删除个人信息；积分流水和上报办理记录依法保留，但不再与您关联。"
        "操作日志至少保存 180 天。\n\n"
        "五、您的权利\n"
        "您可以在“我的”中查看、更正、导出自己的信息，逐项撤回同意，注销账号，也可以通过“意见建议”向我们提出。撤回同意不影响此前已进行的处理。\n\n"
        "六、政策的更新\n"
        "更新会在生效日之前在此公布，历次版本均可查阅。涉及您已同意事项的重大变化，会重新征求您的同意。",
    ),
    (
        "019ab2a0-0000-7000-8000-000000000462", "terms", "用户服务协议",
        "一、服务内容\n"
        "为快递员、外卖骑手、网约车和货车司机、网络主播等新就业群体提供报到登记、随手拍上报、积分兑换、通知公告、意见建议等服务，全部免费。\n\n"
        "二、自愿参加\n"
        "不强制安装和签到，不按积分排名，不考核在线时长。您可以随时停用或注销账号。\n\n"
        "三、您的责任\n"
        "如实提交信息；不上报虚假问题，不上传违法内容和他人隐私；账号由本人使用，兑换码不转卖。\n"
        "违反上述约定的上报不予受理，骗取的积分会按规则扣回；您可以通过“意见建议”提出异议。\n\n"
        "四、积分\n"
        "积分按公开的规则发放，有效期和兑换条件以规则页为准，不能兑换现金，不能转让。规则调整以新版本公布，不影响已得积分。\n\n"
        "五、安全\n"
        "请在停车后使用，不在骑行和驾驶途中拍照上报。遇火灾、交通事故、人身伤害等紧急情况，请先拨打 119、122、120 或 110。\n\n"
        "六、协议的更新\n"
        "更新会在生效日之前在此公布，历次版本均可查阅。",
    ),
    (
        "019ab2a0-0000-7000-8000-000000000463", "children", "儿童个人信息保护说明",
        "本小程序面向年满 16 周岁的从业人员，不面向未满 14 周岁的儿童，也不会有意收集儿童的个人信息。\n\n"
        "上报照片时请避开儿童的面部。如果您是监护人，发现我们处理了儿童的个人信息，请通过“意见建议”告知，我们核实后会删除。",
    ),
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _create_announcements()
    _create_readers()
    _create_groups()
    _create_policies()


def _create_announcements() -> None:
    op.create_table(
        "announcement",
        *_head("announcement"),
        sa.Column("kind", _enum("kind", ("notice", "policy")), nullable=False),
        sa.Column("issuer", _enum("issuer", ("area", "organisation")), nullable=False),
        sa.Column("title", sa.String(60), nullable=False),
        sa.Column("body", sa.String(5000), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("area_path", sa.String(), nullable=False),
        sa.Column("occupations", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("to_organisations", sa.Boolean(), nullable=False),
        sa.Column("publish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("place", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pinned_until", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_announcement_area_id_area")),
        sa.UniqueConstraint("place", name=op.f("uq_announcement_place")),
        sa.CheckConstraint("(publish_at is null) = (place is null)", name=op.f("ck_announcement_placed_when_published")),
        sa.CheckConstraint("delivered_at is null or publish_at is not null", name=op.f("ck_announcement_delivered_after_published")),
        sa.CheckConstraint("issuer <> 'organisation' or to_organisations", name=op.f("ck_announcement_organisations_to_their_own")),
        sa.CheckConstraint(
            f"occupations <@ array[{OCCUPATIONS}]::text[] and cardinality(occupations) > 0", name=op.f("ck_announcement_occupations")
        ),
    )
    op.create_index(
        op.f("ix_announcement_area_path_place"), "announcement", ["area_path", "place"], postgresql_ops={"area_path": "text_pattern_ops"}
    )
    op.create_index(
        "ix_announcement_undelivered", "announcement", ["publish_at"],
        postgresql_where=sa.text("publish_at is not null and withdrawn_at is null and delivered_at is null"),
    )
    op.create_table(
        "announcement_organisation",
        sa.Column("announcement_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("announcement_id", "organisation_id", name=op.f("pk_announcement_organisation")),
        _of_announcement("announcement_organisation"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_announcement_organisation_organisation_id_organisation")
        ),
    )
    op.create_index(op.f("ix_announcement_organisation_organisation_id"), "announcement_organisation", ["organisation_id"])


def _create_readers() -> None:
    op.create_table(
        "announcement_receipt",
        sa.Column("announcement_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("announcement_id", "member_id", name=op.f("pk_announcement_receipt")),
        _of_announcement("announcement_receipt"),
        sa.ForeignKeyConstraint(["member_id"], ["account.id"], name=op.f("fk_announcement_receipt_member_id_account")),
        sa.CheckConstraint("num_nonnulls(told_at, read_at) > 0", name=op.f("ck_announcement_receipt_something")),
    )
    op.create_index(op.f("ix_announcement_receipt_member_id"), "announcement_receipt", ["member_id"])
    op.create_table(
        "announcement_tally",
        sa.Column("announcement_id", sa.Uuid(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("announcement_id", name=op.f("pk_announcement_tally")),
        _of_announcement("announcement_tally"),
        sa.CheckConstraint("told >= 0 and reads >= 0", name=op.f("ck_announcement_tally_counts")),
    )


def _create_groups() -> None:
    op.create_table(
        "group_chat",
        *_head("group_chat"),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("area_path", sa.String(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("how_to_join", sa.String(300), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String(500), nullable=True),
        sa.Column("keeper_id", sa.Uuid(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_group_chat_area_id_area")),
        sa.ForeignKeyConstraint(["keeper_id"], ["account.id"], name=op.f("fk_group_chat_keeper_id_account")),
        sa.CheckConstraint("people between 0 and 500", name=op.f("ck_group_chat_people")),
    )
    op.create_index(
        "uq_group_chat_active_name", "group_chat", ["area_id", "name"], unique=True, postgresql_where=sa.text("active")
    )
    op.create_index(
        op.f("ix_group_chat_area_path_id"), "group_chat", ["area_path", "id"], postgresql_ops={"area_path": "text_pattern_ops"}
    )
    op.create_index(
        op.f("ix_group_chat_keeper_id"), "group_chat", ["keeper_id"], postgresql_where=sa.text("keeper_id is not null")
    )


def _create_policies() -> None:
    made = op.create_table(
        "policy_text",
        *_head("policy_text"),
        sa.Column("code", _enum("code", ("privacy", "terms", "children")), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("text", sa.String(20_000), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.UniqueConstraint("code", "version", name=op.f("uq_policy_text_code_version")),
    )
    op.create_index(op.f("ix_policy_text_code_effective_on_id"), "policy_text", ["code", "effective_on", "id"])
    names = ("id", "code", "title", "text")
    always = {"version": VERSION, "effective_on": EFFECTIVE_ON}
    op.bulk_insert(made, [dict(zip(names, (UUID(row[0]), *row[1:]), strict=True)) | always for row in TEXTS])
    op.execute(
        "create trigger tg_policy_text_append_only before update or delete or truncate on policy_text"
        " for each statement execute function refuse_change()"
    )
    op.execute("revoke update, delete on policy_text from xinxin_app, xinxin_keeper")


def _head(table: str) -> tuple[Any, ...]:
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _of_announcement(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["announcement_id"], ["announcement.id"], name=op.f(f"fk_{table}_announcement_id_announcement"))


def _enum(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table in (
        "policy_text", "group_chat", "announcement_tally", "announcement_receipt", "announcement_organisation", "announcement",
    ):
        op.drop_table(table)
