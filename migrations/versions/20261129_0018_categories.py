"""Versions of categories; a report keeps the one that it was filed under."""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

EMERGENCY = "如有人员伤亡、火情或犯罪正在发生，请先拨打 110、119、120；非紧急事项可拨 12345。"
HAZARD = "请在安全的地方拍照，不要靠近或触碰隐患；有人受伤或险情扩大时，先拨打 110、119、120。"
LIFE = "请立即拨打 110（报警）、119（火警）或 120（急救）。这里不能代替紧急电话，请不要在此等待处理。"
URGENT = {"review_minutes": 15, "dispatch_minutes": 15, "handle_minutes": 120, "clock": "calendar"}
STOPPING = """
insert into report_category (code, parent_code, name, severity, points, limits, position, active)
select 'life_in_danger', code, '人员伤亡、火情或犯罪正在发生', 'emergency', 50, cast(:limits as jsonb), 0, true
from report_category where code = 'emergency'
"""
# Version 1 of what is there: the rule's points (an amount of its own where somebody set one), and what the tree says of kind and guidance.
FIRST = """
insert into report_category_version (category_code, version, parent_code, name, severity, kind, points, limits, position, active,
  guidance_mode, guidance_text, exact_place)
select code, 1, parent_code, name, severity,
  case when severity <> 'normal' then 'hazard' when 'facilities' in (code, parent_code) then 'part' else 'event' end,
  nullif(points, case when severity = 'normal' then 10 else 50 end), limits, position, active,
  case when code = 'life_in_danger' then 'stop' when severity = 'emergency' then 'confirm' when severity = 'hazard' then 'notice'
    else 'none' end,
  case when code = 'life_in_danger' then :life when severity = 'emergency' then :emergency when severity = 'hazard' then :hazard end,
  case when code = 'battery_charging' then 'handlers' else 'everyone' end
from report_category
"""
# Only leaves are reported, from both sides. Each looks once it holds the row of the category: a report by its foreign key, whose check
# comes first, a new child here; so of two at once the later one sees the other.
PARENT = """
create function report_category_parent() returns trigger language plpgsql as $$
begin
  perform 1 from report_category where code = new.parent_code for update;
  if exists (select 1 from report where category_code = new.parent_code) then
    raise exception 'a category with reports gets no children' using errcode = 'check_violation', constraint = 'report_category_parent';
  end if;
  return new;
end $$
"""
LEAF = """
create function report_category_leaf() returns trigger language plpgsql as $$
begin
  if exists (select 1 from report_category where parent_code = new.category_code) then
    raise exception 'only leaves can be reported' using errcode = 'check_violation', constraint = 'report_category_leaf';
  end if;
  return null;
end $$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("report_category", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    _versions()
    _seed()
    op.create_foreign_key(
        "fk_report_category_version", "report_category", "report_category_version", ["code", "version"], ["category_code", "version"],
        deferrable=True, initially="DEFERRED",
    )
    op.execute(
        "create trigger tg_report_category_version_append_only before update or delete or truncate on report_category_version"
        " for each statement execute function refuse_change()"
    )
    _reports()


def _versions() -> None:
    table = "report_category_version"
    op.create_table(
        table,
        sa.Column("category_code", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("parent_code", sa.String(40)),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("severity", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("national_code", sa.String(8)),
        sa.Column("points", sa.Integer()),
        sa.Column("limits", JSONB(), nullable=False),
        sa.Column("before_min", sa.SmallInteger(), nullable=False, server_default="1"),
        sa.Column("after_min", sa.SmallInteger(), nullable=False, server_default="1"),
        sa.Column("guidance_mode", sa.String(32), nullable=False),
        sa.Column("guidance_text", sa.String(200)),
        sa.Column("duplicate_radius_m", sa.Integer(), nullable=False, server_default="100"),
        sa.Column("duplicate_days", sa.SmallInteger(), nullable=False, server_default="7"),
        sa.Column("exact_place", sa.String(32), nullable=False),
        sa.Column("second_look_percent", sa.SmallInteger(), nullable=False, server_default="10"),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("made_by", sa.Uuid()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("category_code", "version", name=op.f("pk_report_category_version")),
        *(
            sa.ForeignKeyConstraint([column], ["report_category.code"], name=op.f(f"fk_{table}_{column}_report_category"))
            for column in ("category_code", "parent_code")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["account.id"], name=op.f(f"fk_{table}_made_by_account")),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in CHECKS.items()),
    )


CHECKS = {
    "version": "version > 0",
    "points": "points between 0 and 1000",
    "photos": "before_min between 1 and 9 and after_min between 1 and 9",
    "guidance": "(guidance_mode = 'none') = (guidance_text is null)",
    "duplicates": "duplicate_radius_m between 0 and 1000 and duplicate_days between 1 and 90",
    "second_look_percent": "second_look_percent between 0 and 100",
    "severity": "severity in ('normal', 'hazard', 'emergency')",
    "kind": "kind in ('part', 'event', 'hazard')",
    "guidance_mode": "guidance_mode in ('none', 'notice', 'confirm', 'stop')",
    "exact_place": "exact_place in ('everyone', 'handlers')",
}


def _seed() -> None:
    """The leaf that sends to the emergency numbers comes first below its group; then version 1 of everything."""
    op.execute("update report_category set position = position + 1 where parent_code = 'emergency'")
    op.execute(sa.text(STOPPING).bindparams(limits=json.dumps(URGENT)))
    op.execute(sa.text(FIRST).bindparams(life=LIFE, emergency=EMERGENCY, hazard=HAZARD))


def _reports() -> None:
    """Null beside a category: filed before versions were kept, or by the previous release; that is version 1."""
    op.add_column("report", sa.Column("category_version", sa.Integer(), nullable=True))
    op.create_foreign_key(
        "fk_report_category_version_kept", "report", "report_category_version", ["category_code", "category_version"],
        ["category_code", "version"],
    )
    op.execute(PARENT)
    op.execute(LEAF)
    op.execute(
        "create trigger tg_report_category_parent before insert or update of parent_code on report_category"
        " for each row when (new.parent_code is not null) execute function report_category_parent()"
    )
    op.execute(
        "create trigger tg_report_leaf after insert or update of category_code on report"
        " for each row when (new.category_code is not null) execute function report_category_leaf()"
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop trigger tg_report_leaf on report")
    op.execute("drop trigger tg_report_category_parent on report_category")
    op.execute("drop function report_category_leaf()")
    op.execute("drop function report_category_parent()")
    op.drop_constraint("fk_report_category_version_kept", "report", type_="foreignkey")
    op.drop_column("report", "category_version")
    op.drop_constraint("fk_report_category_version", "report_category", type_="foreignkey")
    op.drop_table("report_category_version")
    op.drop_column("report_category", "version")
    # The previous release knows no form that stops: it must not offer this leaf, which a report may name all the same.
    op.execute("update report_category set active = false where code = 'life_in_danger'")
    op.execute(
        "delete from report_category c where code = 'life_in_danger'"
        " and not exists (select 1 from report where category_code = c.code)"
    )
    op.execute("update report_category set position = position - 1 where parent_code = 'emergency' and position > 0")
