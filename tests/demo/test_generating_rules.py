"""What the generator makes up keeps to the rules of the report loop, without a database."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from app import clock
from app.demo.generating import lives
from app.demo.generating.clocks import WorkingRuler
from app.demo.generating.lives import ROLES, Life
from app.demo.generating.plan import LANES, REPORTS_A_MEMBER, YEAR, Plan
from app.reports.reckoning import Ruler
from app.reports.words import Status
from app.reports.workflow import FINAL, OPEN, TABLE, Clock
from app.workdays.workflow import Calendar

UNTIL = datetime(2026, 11, 29, 13, tzinfo=UTC)
REPORTS = 3_000
HOLIDAYS = {date(2026, 10, day): (False, "国庆节") for day in range(1, 8)} | {date(2026, 10, 10): (True, "调休")}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(1, REPORTS // REPORTS_A_MEMBER, REPORTS, UNTIL, {date(2026, 11, 1): 12})


@pytest.fixture(scope="module")
def told(plan: Plan) -> list[Life]:
    return [lives.life_of(plan, report) for report in range(REPORTS)]


def test_every_step_is_one_that_the_table_allows(told: list[Life]) -> None:
    assert [life.report for life in told if not _allowed(life)] == []
    wrong = told[next(at for at, life in enumerate(told) if life.status is Status.CLOSED)]
    assert not _allowed(Life(wrong.report, wrong.filed_at, wrong.steps[1:], False)), "a life without its acceptance is noticed"


def _allowed(life: Life) -> bool:
    state = Status.SUBMITTED
    for step in life.steps:
        rule = TABLE[step.command]
        if state not in rule.by.get(ROLES[step.by], ()) or step.to not in (rule.to or {state}):
            return False
        state = step.to
    return True


def test_all_states_come_up_and_a_twentieth_is_open(told: list[Life]) -> None:
    assert {life.status for life in told} == set(Status) - {Status.REOPENED}
    assert 0.04 < sum(life.status in OPEN for life in told) / REPORTS < 0.07


def test_time_goes_on_and_a_life_that_ends_is_over_before_the_members_next_report(plan: Plan, told: list[Life]) -> None:
    for life in told:
        times = [life.filed_at, *(step.at for step in life.steps)]
        assert all(before < after for before, after in pairwise(times)) and times[-1] <= UNTIL
        if life.status in FINAL:
            assert times[-1] - life.filed_at < YEAR / REPORTS_A_MEMBER


def test_lanes_share_the_reports_and_numbers_are_those_of_the_day(plan: Plan) -> None:
    assert sorted(report for lane in range(LANES) for report in plan.reports_of(lane)) == list(range(REPORTS))
    assert {plan.member_of(report) % LANES for report in plan.reports_of(1)} == {1}
    numbers = [plan.number(report) for report in range(REPORTS)]
    assert len(set(numbers)) == REPORTS and numbers == sorted(numbers)
    assert all(f"{clock.local_day(plan.filed_at(report)):%Y%m%d}" == number[1:9] for report, number in enumerate(numbers))
    assert next(number for number in numbers if "20261101" in number) == "R20261101-000013", "the day had given away twelve"
    assert sum(count for _, count in plan.filed_on()) == REPORTS


def test_working_time_is_looked_up_as_it_is_reckoned() -> None:
    calendar, chance = Calendar(HOLIDAYS), random.Random("working time")
    slow, quick = Ruler(Clock.WORKING, calendar), WorkingRuler.over(UNTIL - YEAR, UNTIL, calendar)
    for _ in range(300):
        start = UNTIL - timedelta(minutes=chance.randrange(500_000))
        end, length = start + timedelta(minutes=chance.randrange(20_000)), timedelta(minutes=chance.randrange(4_000))
        assert quick.after(start, length) == slow.after(start, length)
        assert quick.between(start, end) == slow.between(start, end)
