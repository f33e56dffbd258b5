"""Rules and reference data of points: the county's default rules, append-only history, entries that sum to zero."""

import json
import uuid

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# code, title, points, points_max, per day, per week, per month, per year, conditions (domain.md, "Default points rules")
RULES = (
    ("REPORT_ACCEPTED", "上报已受理", 10, None, 5, None, 60, None, {"needs": ["photo", "place", "category"]}),
    ("REPORT_CLOSED", "上报已办结", 10, None, 5, None, 60, None, {}),
    ("HAZARD_ACCEPTED", "安全隐患已受理", 50, None, 3, None, None, None, {"second_reviewer_above_per_week": 3}),
    ("MAJOR_LEAD", "重大线索经核实", 100, None, None, None, None, None, {"two_persons": True}),
    ("REPORT_JOINED", "关联已有上报", 2, None, 5, None, None, None, {}),
    ("VOLUNTEER_HOUR", "志愿服务（每小时）", 20, None, 4, None, None, None, {"geofence": True}),
    ("LESSON_PASSED", "学习并通过测验", 5, None, 2, None, 40, None, {"once_per": "lesson"}),
    ("COMMUNITY_CHECKIN", "双报到已确认", 50, None, None, None, None, None, {"once_per": "community_year"}),
    ("PARTY_ACTIVITY", "参加组织生活", 20, None, None, None, 4, None, {}),
    ("RESCUE", "见义勇为经核实", 200, 500, None, None, None, None, {}),
    ("SUGGESTION_ADOPTED", "建议被采纳", 100, None, None, None, 2, None, {}),
    ("FALSE_REPORT", "虚假上报", -50, None, None, None, None, None, {"stop_days": 30, "after": 3, "within_days": 90}),
)
APPEND_ONLY = ("points_transaction", "points_entry", "points_award")

REFUSE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'append-only: % on % is refused', tg_op, tg_table_name using errcode = '42501';
end $$
"""

# Deferred to the commit: a transaction's entries come in one statement, yet its row stands before them.
BALANCED = """
create function points_entries_balance() returns trigger language plpgsql as $$
begin
  if (select coalesce(sum(amount), 0) from points_entry where transaction_id = new.transaction_id) <> 0 then
    raise exception 'entries of transaction % do not sum to 0', new.transaction_id
      using errcode = '23514', constraint = 'points_entry_balanced';
  end if;
  return null;
end $$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(REFUSE)
    op.execute(BALANCED)
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger tg_{table}_append_only before update or delete or truncate on {table}"
            " for each statement execute function refuse_change()"
        )
    op.execute(
        "create constraint trigger tg_points_entry_balanced after insert on points_entry deferrable initially deferred"
        " for each row execute function points_entries_balance()"
    )
    insert = sa.text(
        "insert into points_rule (id, code, version, title, points, points_max, per_day, per_week, per_month, per_year, conditions)"
        " values (:id, :code, 1, :title, :points, :points_max, :per_day, :per_week, :per_month, :per_year, cast(:conditions as jsonb))"
    )
    names = ("code", "title", "points", "points_max", "per_day", "per_week", "per_month", "per_year")
    for *values, conditions in RULES:
        row = dict(zip(names, values, strict=True))
        row |= {"id": uuid.uuid5(uuid.NAMESPACE_URL, f"xinxin:points-rule:{row['code']}"), "conditions": json.dumps(conditions)}
        op.get_bind().execute(insert, row)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop trigger tg_points_entry_balanced on points_entry")
    for table in APPEND_ONLY:
        op.execute(f"drop trigger tg_{table}_append_only on {table}")
    op.execute("drop function points_entries_balance()")
    op.execute("drop function refuse_change()")
    op.execute("delete from points_rule where version = 1")
