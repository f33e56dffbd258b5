"""How a due time came about, against examples worked by hand on the calendar of 2026, and the shares of a limit."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import clock
from app.reports import explaining, reckoning
from app.reports.models_clocks import ReportClock
from app.reports.reckoning import Ruler
from app.reports.words import Stage, Status
from app.reports.workflow import Clock
from app.workdays.workflow import Calendar

SPRING = {date(2026, 2, day): (False, "春节") for day in range(15, 24)}
CALENDAR = Calendar({**SPRING, date(2026, 2, 14): (True, "调休上班"), date(2026, 2, 28): (True, "调休上班")})
WORKING, ALWAYS = Ruler(Clock.WORKING, CALENDAR), Ruler(Clock.CALENDAR, CALENDAR)


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=clock.SHANGHAI)


def run(stage: Stage, state: Status, start: str, rule: Ruler = WORKING, **facts: Any) -> ReportClock:
    """A run whose due time is what its own steps say."""
    limit = {"clock": rule.clock.value, "minutes": 0, "days": 0, "severity": "normal", "category": "road_hole"}
    limit |= {name: facts.pop(name) for name in ("minutes", "days") if name in facts}
    made = ReportClock(stage=stage, state=state, started_at=at(start), limit=limit, pauses=[], extensions=[], **facts)
    made.due_at = reckoning.steps(made, rule)[-1].due
    return made


def pause(start: str, end: str | None, request: str | None = None) -> dict[str, Any]:
    return {"from": at(start).isoformat(), "to": at(end).isoformat() if end else None, "by": None, "request_id": request}


def extension(on: str, until: str, request: str | None = None) -> dict[str, Any]:
    return {"at": at(on).isoformat(), "until": at(until).isoformat(), "by": None, "request_id": request}


def again(made: ReportClock, rule: Ruler = WORKING, **facts: Any) -> ReportClock:
    for name, value in facts.items():
        setattr(made, name, value)
    made.due_at = reckoning.steps(made, rule)[-1].due
    return made


def test_a_weekend() -> None:
    made = run(Stage.DISPATCH, Status.ACCEPTED, "2026-11-27 16:40", minutes=240)
    assert explaining.explain(made, WORKING) == [
        "2026-11-27 16:40 受理，按 4 个工作小时计算；11-28、11-29 为周末不计；应于 2026-11-30 11:40 前派单",
    ]
    assert explaining.explain(made, WORKING, after=Stage.HANDLE)[0].startswith("2026-11-27 16:40 退单，")


def test_three_weekends_are_told_together() -> None:
    made = run(Stage.HANDLE, Status.DISPATCHED, "2026-11-27 17:00", days=15)
    assert explaining.explain(made, WORKING) == [
        "2026-11-27 17:00 派单，按 15 个工作日（每日 8 小时）计算；11-28、11-29、12-05、12-06、12-12、12-13 为周末不计；"
        "应于 2026-12-18 17:00 前完成处置",
    ]


def test_spring_festival_and_a_saturday_that_is_made_up() -> None:
    """Three hours on the Friday, eight on the Saturday, nine days off, three days, five hours of the last."""
    made = run(Stage.HANDLE, Status.DISPATCHED, "2026-02-13 15:00", days=5)
    assert explaining.explain(made, WORKING) == [
        "2026-02-13 15:00 派单，按 5 个工作日（每日 8 小时）计算；02-14 调休上班，照常计时；02-15 至 02-23 为春节不计；"
        "应于 2026-02-27 15:00 前完成处置",
    ]


def test_a_suspension() -> None:
    made = again(
        run(Stage.HANDLE, Status.DISPATCHED, "2026-11-24 10:00", days=1), pauses=[pause("2026-11-24 16:00", "2026-11-28 20:00", "r")],
    )
    assert explaining.explain(made, WORKING) == [
        "2026-11-24 10:00 派单，按 1 个工作日（每日 8 小时）计算；应于 2026-11-25 10:00 前完成处置",
        "2026-11-24 16:00 同意申请，挂账，停止计时，尚余 3 个工作小时",
        "2026-11-28 20:00 恢复计时，余下 3 个工作小时接着算；11-28、11-29 为周末不计；应于 2026-11-30 12:00 前完成处置",
    ]


def test_a_suspension_does_not_mend_what_was_late() -> None:
    made = again(
        run(Stage.HANDLE, Status.DISPATCHED, "2026-11-24 10:00", days=1), pauses=[pause("2026-11-25 11:00", "2026-11-26 09:00")],
    )
    assert explaining.explain(made, WORKING)[1:] == [
        "2026-11-25 11:00 挂账，停止计时，此时已超过时限",
        "2026-11-26 09:00 恢复，挂账前已超过时限，时限不变：应于 2026-11-25 10:00 前完成处置",
    ]
    assert reckoning.use(made, WORKING, at("2026-11-25 12:00")).percent == 112, "nine hours of eight; the pause does not count"


def test_an_extension_and_the_end() -> None:
    made = again(
        run(Stage.HANDLE, Status.DISPATCHED, "2026-11-24 10:00", days=1),
        extensions=[extension("2026-11-25 09:00", "2026-11-26 18:00", "r")], ended_at=at("2026-11-27 10:30"), in_time=False,
    )
    assert explaining.explain(made, WORKING)[1:] == [
        "2026-11-25 09:00 同意申请，延期，应于 2026-11-26 18:00 前完成处置",
        "2026-11-27 10:30 该环节结束，超过时限 90 个工作分钟",
    ]


def test_an_extension_while_suspended_is_counted_from_then() -> None:
    made = again(
        run(Stage.HANDLE, Status.DISPATCHED, "2026-11-24 10:00", days=1), pauses=[pause("2026-11-24 11:00", "2026-11-26 09:00")],
        extensions=[extension("2026-11-25 10:00", "2026-11-25 12:00")],
    )
    assert explaining.explain(made, WORKING)[2:] == [
        "2026-11-25 10:00 延期，应于 2026-11-25 12:00 前完成处置（挂账期间仍不计时）",
        "2026-11-26 09:00 恢复计时，余下 2 个工作小时接着算；应于 2026-11-26 11:00 前完成处置",
    ]


def test_an_emergency_runs_by_night_and_on_holidays() -> None:
    made = run(Stage.HANDLE, Status.DISPATCHED, "2026-02-17 23:30", ALWAYS, minutes=120)
    assert explaining.explain(made, ALWAYS) == [
        "2026-02-17 23:30 派单，按 2 小时（昼夜连续）计算；应于 2026-02-18 01:30 前完成处置",
    ]


def test_another_calendar_than_the_runs_own_is_said() -> None:
    made = run(Stage.DISPATCH, Status.ACCEPTED, "2026-11-27 16:40", minutes=240, ended_at=at("2026-11-27 17:00"), in_time=True)
    other = Ruler(Clock.WORKING, Calendar({date(2026, 11, 28): (True, "调休上班")}))
    assert explaining.explain(made, other)[1:] == [
        "按当时有效的日历，应于 2026-11-30 11:40 前派单", "2026-11-27 17:00 该环节结束，在时限内",
    ]


def test_a_run_from_before_runs_were_kept() -> None:
    made = run(Stage.HANDLE, Status.IN_PROGRESS, "2026-11-24 10:00")
    made = again(made, limit={**made.limit, "adopted": at("2026-11-26 10:00").isoformat()})
    assert explaining.explain(made, WORKING) == [
        "2026-11-24 10:00 起计，早于逐段计时的启用，沿用原定时限：应于 2026-11-26 10:00 前完成处置",
    ]
    assert reckoning.use(made, WORKING, at("2026-11-25 10:00")).percent == 50


@pytest.mark.parametrize(
    ("now", "percent", "reached", "next_warning"),
    [("2026-11-24 13:59", 37, 0, "2026-11-24 15:00"), ("2026-11-24 15:00", 50, 50, "2026-11-24 15:00"),
     ("2026-11-24 17:24", 80, 80, "2026-11-24 15:00"), ("2026-11-25 10:00", 100, 100, "2026-11-24 15:00")],
)
def test_shares_of_working_time(now: str, percent: int, reached: int, next_warning: str) -> None:
    made = run(Stage.HANDLE, Status.DISPATCHED, "2026-11-24 10:00", days=1, warned=0)
    assert reckoning.use(made, WORKING, at(now)).percent == percent
    assert reckoning.reached(made, WORKING, at(now)) == reached
    assert reckoning.warn_at(made, WORKING, at(now)) == at(next_warning)
    made.warned = 50
    assert reckoning.warn_at(made, WORKING, at(now)) == at("2026-11-24 17:24")
    made.warned = 80
    assert reckoning.warn_at(made, WORKING, at(now)) is None, "the limit itself is told by its own look-up"


def test_nobody_is_warned_while_it_is_suspended() -> None:
    made = run(Stage.HANDLE, Status.DISPATCHED, "2026-11-24 10:00", days=1, warned=0)
    made.pauses = [pause("2026-11-24 11:00", None)]
    assert reckoning.warn_at(made, WORKING, at("2026-11-26 11:00")) is None
    assert reckoning.use(made, WORKING, at("2026-11-26 11:00")).percent == 12
    made = again(made, pauses=[pause("2026-11-24 11:00", "2026-11-26 11:00")])
    assert reckoning.warn_at(made, WORKING, at("2026-11-26 11:00")) == at("2026-11-26 15:00"), "half of eight hours, one is gone"


INSTANTS = st.integers(0, 30 * 24 * 60).map(lambda minute: at("2026-02-01 00:00") + timedelta(minutes=minute))


@settings(max_examples=150, deadline=None)
@given(
    start=INSTANTS, minutes=st.integers(1, 3_000), cuts=st.lists(INSTANTS, max_size=4, unique=True),
    rule=st.sampled_from([WORKING, ALWAYS]),
)
def test_pauses_take_nothing_and_give_nothing(start: datetime, minutes: int, cuts: list[datetime], rule: Ruler) -> None:
    """However often it stood still before it was late, a run has exactly its limit."""
    made = run(Stage.HANDLE, Status.DISPATCHED, "2026-02-01 00:00", rule, minutes=minutes)
    later = sorted(cut for cut in cuts if cut > start)
    made.pauses = [
        {"from": begin.isoformat(), "to": end.isoformat(), "by": None, "request_id": None}
        for begin, end in zip(later[::2], later[1::2], strict=False)
    ]
    made = again(made, rule, started_at=start)
    first_pause = reckoning.instant(made.pauses[0]["from"]) if made.pauses else None
    assert reckoning.active(made, rule, made.due_at) == timedelta(minutes=minutes)
    if first_pause is None or made.due_at > first_pause:
        assert reckoning.use(made, rule, made.due_at).percent == 100
    assert explaining.explain(made, rule)
