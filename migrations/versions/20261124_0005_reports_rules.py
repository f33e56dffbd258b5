"""Rules and reference data of reports: what create-table cannot say."""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The State Council's notices for 2025 and 2026. For 2027 the days of the holiday regulation alone (2024 version), with the days off
# that replace those on a weekend: the notice with that year's exchanged days was not out. A later migration brings such a notice in.
CALENDAR_FROM, CALENDAR_TO = "2025-01-01", "2027-12-31"
DAYS_OFF = (  # first day, last day, occasion
    ("2025-01-01", "2025-01-01", "元旦"), ("2025-01-28", "2025-02-04", "春节"), ("2025-04-04", "2025-04-06", "清明节"),
    ("2025-05-01", "2025-05-05", "劳动节"), ("2025-05-31", "2025-06-02", "端午节"), ("2025-10-01", "2025-10-08", "国庆节、中秋节"),
    ("2026-01-01", "2026-01-03", "元旦"), ("2026-02-15", "2026-02-23", "春节"), ("2026-04-04", "2026-04-06", "清明节"),
    ("2026-05-01", "2026-05-05", "劳动节"), ("2026-06-19", "2026-06-21", "端午节"), ("2026-09-25", "2026-09-27", "中秋节"),
    ("2026-10-01", "2026-10-07", "国庆节"),
    ("2027-01-01", "2027-01-01", "元旦"), ("2027-02-05", "2027-02-10", "春节"), ("2027-04-05", "2027-04-05", "清明节"),
    ("2027-05-01", "2027-05-04", "劳动节"), ("2027-06-09", "2027-06-09", "端午节"), ("2027-09-15", "2027-09-15", "中秋节"),
    ("2027-10-01", "2027-10-05", "国庆节"),
)
MAKE_UP_DAYS = (  # weekend days on which people work
    "2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11", "2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09",
    "2026-09-20", "2026-10-10",
)
CALENDAR = """
insert into calendar_day (day, workday)
select day::date, extract(isodow from day) < 6 from generate_series(cast(:first as date), cast(:last as date), interval '1 day') day
"""


def seed_calendar() -> None:
    """Every day of 2025 to 2027: the weekday's rule, then what the notices change."""
    op.execute(sa.text(CALENDAR).bindparams(first=date.fromisoformat(CALENDAR_FROM), last=date.fromisoformat(CALENDAR_TO)))
    off = sa.text("update calendar_day set workday = false, note = :note where day between :first and :last")
    for first, last, note in DAYS_OFF:
        op.execute(off.bindparams(note=note, first=date.fromisoformat(first), last=date.fromisoformat(last)))
    on = sa.text("update calendar_day set workday = true, note = '调休上班' where day = :day")
    for day in MAKE_UP_DAYS:
        op.execute(on.bindparams(day=date.fromisoformat(day)))


# Limits: minutes or days of each stage, in working time unless the clock is the calendar's (domain.md, "Default time limits").
QUICK = '{"review_minutes": 240, "dispatch_minutes": 120, "handle_days": 1, "clock": "working"}'
FACILITY = '{"review_minutes": 240, "dispatch_minutes": 120, "handle_days": 5, "clock": "working"}'
BUILDING = '{"review_minutes": 240, "dispatch_minutes": 120, "handle_days": 15, "clock": "working"}'
HAZARD = '{"review_minutes": 120, "dispatch_minutes": 60, "handle_days": 1, "clock": "working"}'
URGENT = '{"review_minutes": 15, "dispatch_minutes": 15, "handle_minutes": 120, "clock": "calendar"}'
CATEGORIES = (  # code, name, severity, points, limits, leaves
    ("sanitation", "环境卫生", "normal", 10, QUICK, (
        ("rubbish_exposed", "暴露垃圾", QUICK), ("bin_overflow", "垃圾箱满溢", QUICK), ("rubble", "渣土乱倒", QUICK),
        ("goods_piled", "乱堆物料", QUICK), ("water_dirty", "水面漂浮物", QUICK), ("sanitation_other", "其他环境卫生问题", QUICK),
    )),
    ("facilities", "市政设施", "normal", 10, FACILITY, (
        ("road_hole", "路面坑洞", FACILITY), ("pavement_damage", "人行道破损", FACILITY), ("kerb_damage", "路缘石破损", FACILITY),
        ("bollard", "隔离桩缺损", FACILITY), ("grate", "雨水箅子破损", FACILITY), ("street_light", "路灯不亮", FACILITY),
        ("traffic_sign", "标志牌损坏", FACILITY), ("green_untidy", "绿化脏乱", FACILITY),
        ("facilities_other", "其他市政设施问题", FACILITY),
    )),
    ("order", "街面秩序", "normal", 10, QUICK, (
        ("stall_outside", "占道经营", QUICK), ("vehicle_disorder", "车辆乱停乱放", QUICK), ("bike_piled", "非机动车堆积", QUICK),
        ("poster_illegal", "非法小广告", QUICK), ("building_illegal", "违章搭建", BUILDING), ("order_other", "其他街面秩序问题", QUICK),
    )),
    ("hazard", "安全隐患", "hazard", 50, HAZARD, (
        ("manhole_missing", "井盖缺失", HAZARD), ("hanging_wire", "线缆垂落", HAZARD), ("fire_lane_blocked", "消防通道堵塞", HAZARD),
        ("battery_charging", "电动车违规充电", HAZARD), ("wall_loose", "外墙或广告牌松动", HAZARD),
        ("hazard_other", "其他安全隐患", HAZARD),
    )),
    ("emergency", "突发事件", "emergency", 50, URGENT, (
        ("gas_smell", "燃气异味", URGENT), ("road_collapse", "路面塌陷", URGENT), ("pipe_burst", "水管爆裂", URGENT),
        ("fire_smoke", "明火或浓烟", URGENT),
    )),
)
CATEGORY = """
insert into report_category (code, parent_code, name, severity, points, limits, position, active)
values (:code, :parent, :name, :severity, :points, cast(:limits as jsonb), :position, true)
"""


def seed_categories() -> None:
    """The tree of problems; a leaf has severity and points of its parent."""
    insert = sa.text(CATEGORY)
    for position, (code, name, severity, points, limits, leaves) in enumerate(CATEGORIES):
        shared = {"severity": severity, "points": points}
        op.execute(insert.bindparams(code=code, parent=None, name=name, limits=limits, position=position, **shared))
        for place, (leaf, title, own) in enumerate(leaves):
            op.execute(insert.bindparams(code=leaf, parent=code, name=title, limits=own, position=place, **shared))


# A timeline is history: rows are added, never changed or taken away.
KEEP_EVENTS = """
create function report_event_keep() returns trigger language plpgsql as $$
begin
  raise exception 'a timeline is append-only' using errcode = 'check_violation', constraint = 'report_event_keep';
end $$
"""


def keep_events() -> None:
    op.execute(KEEP_EVENTS)
    op.execute("create trigger report_event_keep before update or delete on report_event for each row execute function report_event_keep()")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    seed_calendar()
    seed_categories()
    keep_events()


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("delete from calendar_day")
    op.execute("drop trigger report_event_keep on report_event")
    op.execute("drop function report_event_keep()")
    op.execute("delete from report_category")
