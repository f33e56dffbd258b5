"""A changed rule tried on what was really judged: the figures of the very same rules, of nobody in particular, and nothing written."""

import random
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.db.base import new_id
from app.db.session import AsyncSession
from app.members import service as members_service
from app.points import queries_trial, service, trial, workflow
from app.points.models import PointsAward, PointsRule
from app.points.models_rules import CapCode, PointsCap
from app.points.replay import Book, Event, Other, Reach, Trial
from app.points.workflow import Caps, Ceiling
from tests.points.conftest import Cast
from tests.support.county import County
from tests.support.owner import as_owner
from tests.support.people import People, Person

API = "/api/v1/points"
DAY = timedelta(days=1)
TABLES = ("points_award", "points_rule", "points_cap", "points_balance", "points_transaction", "points_entry", "audit_event")
SPAN = {"from": (clock.today() - 30 * DAY).isoformat(), "to": clock.today().isoformat()}


@pytest.fixture
async def platform(people: People) -> Person:
    return await people.console()


async def run(client: httpx.AsyncClient, who: Person, code: str = "REPORT_ACCEPTED", **told: Any) -> httpx.Response:
    body = {"points": 10, "per_day": 5, "per_month": 60} | SPAN | told
    return await client.post(f"{API}/rules/{code}/dry-run", json=body, headers=who.headers)


async def tried(client: httpx.AsyncClient, who: Person, code: str = "REPORT_ACCEPTED", **told: Any) -> dict[str, Any]:
    answer = await run(client, who, code, **told)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def give(session: AsyncSession, member_id: UUID, county: County, rule: str, *, days: int = 0, times: int = 1, **told: Any) -> None:
    facts: dict[str, Any] = {"area_path": county.community.path} | told
    for _ in range(times):
        await service.award(
            session, member_id=member_id, rule=rule, source_type="report", source_id=new_id(), source_number=None,
            filed_at=clock.now() - days * DAY, **facts,
        )


async def contents(session: AsyncSession) -> list[str]:
    return [
        (await session.exec(sa.text(f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {table} t"))).scalar_one()
        for table in TABLES
    ]


async def test_figures_of_a_change(client, session, cast: Cast, county: County, people: People, platform: Person) -> None:
    """Seven in a day, of which five were paid; two of another day; a hazard takes its room of the day first."""
    await give(session, cast.rider.id, county, "REPORT_ACCEPTED", times=7)
    await give(session, cast.rider.id, county, "HAZARD_ACCEPTED", times=2)
    await give(session, cast.second.id, county, "REPORT_ACCEPTED", days=2, times=2)
    before = await contents(session)
    same = await tried(client, platform)
    assert same == {
        "code": "REPORT_ACCEPTED", **SPAN, "events": 9, "members": 2, "unchanged": 0, "unplaced": 0, "credited_now": 70,
        "credited_then": 70, "withheld_now": 20, "withheld_then": 20, "by_reason": [{"code": "day_cap", "events": 2, "points": 20}],
    }
    more = await tried(client, platform, points=30, per_day=6)
    assert (more["credited_then"], more["credited_now"], more["withheld_now"]) == (70, 100 + 60, 110)
    assert more["by_reason"] == [{"code": "global_day_cap", "events": 4, "points": 110}]
    less = await tried(client, platform, points=10, per_day=1)
    assert (less["credited_now"], less["by_reason"]) == (20, [{"code": "day_cap", "events": 7, "points": 70}])
    assert await contents(session) == before, "nothing is written"
    everybody = [str(person.id) for person in (cast.rider, cast.second)]
    assert not any(one in str([same, more, less]) for one in everybody)
    today = clock.today().isoformat()
    of_today = await tried(client, platform, **{"from": today, "to": today})
    assert (of_today["events"], of_today["members"]) == (7, 1)


async def test_an_area_and_the_areas_that_go_before_it(client, session, cast: Cast, county: County, platform: Person) -> None:
    await give(session, cast.rider.id, county, "REPORT_ACCEPTED", times=2)
    await give(session, cast.rider.id, county, "REPORT_ACCEPTED", times=2, area_path=county.other_community.path)
    await give(session, cast.second.id, county, "REPORT_ACCEPTED", area_path=county.root.path)
    street = await tried(client, cast.admin, points=20, area_id=str(county.street.id))
    assert (street["events"], street["members"], street["credited_then"], street["credited_now"]) == (4, 1, 40, 80)
    own = {"points": 15, "area_id": str(county.other_community.id)}
    assert (await client.put(f"{API}/rules/REPORT_ACCEPTED", json=own, headers=cast.stranger.headers)).status_code == 200
    nearer = await tried(client, cast.admin, points=20, area_id=str(county.street.id))
    assert (nearer["events"], nearer["unchanged"], nearer["credited_now"]) == (4, 2, 60), "an area's own rule goes before"
    whole = await tried(client, platform, points=20)
    assert (whole["events"], whole["unchanged"], whole["credited_now"]) == (5, 2, 80)
    async with as_owner(session):
        await session.exec(sa.text("set local session_replication_role = replica"))
        await session.exec(sa.update(PointsAward).where(col(PointsAward.member_id) == cast.second.id).values(area_path=None))
        await session.exec(sa.text("set local session_replication_role = origin"))
    assert ((await tried(client, platform))["unplaced"], (await tried(client, platform))["events"]) == (0, 5)
    assert (await tried(client, cast.admin, area_id=str(county.street.id)))["unplaced"] == 1


async def test_what_no_cap_kept_back_stays(client, session, cast: Cast, county: County, platform: Person) -> None:
    """A category's own figure is not the rule's; what was held back for another reason is not given by a change of figures."""
    await give(session, cast.rider.id, county, "REPORT_ACCEPTED", points=3)
    await give(session, cast.rider.id, county, "REPORT_ACCEPTED", points=0)
    assert (await tried(client, platform, points=40))["credited_now"] == 3
    subject = new_id()
    await give(session, cast.rider.id, county, "LESSON_PASSED", times=2, subject=subject)
    lessons = await tried(client, platform, "LESSON_PASSED", points=9, per_day=9)
    assert (lessons["credited_now"], lessons["withheld_now"], lessons["unchanged"]) == (9, 5, 1)
    assert lessons["by_reason"] == [{"code": "once_per_lesson", "events": 1, "points": 5}]


async def test_who_may_try_and_what(client, session, cast: Cast, county: County, platform: Person, monkeypatch) -> None:
    street = {"area_id": str(county.street.id)}
    for who, told in ((cast.rider, street), (cast.stranger, street), (cast.admin, {})):
        refused = await run(client, who, **told)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await run(client, platform, "NO_SUCH_RULE")).status_code == 404
    assert (await run(client, platform, "FALSE_REPORT", points=-10)).json()["code"] == "conflict"
    for told in ({"from": None}, {"to": None}, {"from": "2020-01-01"}, {"to": "2020-01-01"}, {"valid_from": "2020-01-01"}):
        assert (await run(client, platform, **told)).status_code == 422, told
    await give(session, cast.rider.id, county, "REPORT_ACCEPTED", times=2)
    monkeypatch.setattr(trial, "MOST_EVENTS", 1)
    refused = await run(client, platform)
    assert (refused.status_code, refused.json()["code"], refused.json()["events"], refused.json()["most"]) == (409, "conflict", 2, 1)


async def test_by_itself_it_takes_the_last_quarter(client, platform: Person) -> None:
    shown = await tried(client, platform, **{"from": None, "to": None})
    assert (shown["from"], shown["to"]) == tuple(day.isoformat() for day in trial.last_quarter(clock.today()))
    assert trial.last_quarter(date(2026, 11, 29)) == (date(2026, 7, 1), date(2026, 9, 30))
    assert trial.last_quarter(date(2027, 1, 1)) == (date(2026, 10, 1), date(2026, 12, 31))
    assert trial.last_quarter(date(2027, 4, 30)) == (date(2027, 1, 1), date(2027, 3, 31))


async def test_members_are_read_in_lots(client, session, cast: Cast, county: County, people: People, platform: Person, monkeypatch) -> None:
    """Whatever the size of a lot, everybody has one turn, and the same comes out."""
    riders = [await people.member() for _ in range(5)]
    for number, rider in enumerate(riders):
        await members_service.ensure(session, member_id=rider.id)
        await give(session, rider.id, county, "REPORT_ACCEPTED", days=number, times=3)
        await give(session, rider.id, county, "HAZARD_ACCEPTED", days=number)
    whole = await tried(client, platform, points=60)
    monkeypatch.setattr(queries_trial, "AT_ONCE", 4)
    assert await tried(client, platform, points=60) == whole
    assert (whole["members"], whole["events"], whole["credited_now"]) == (5, 15, 5 * 150)
    span = queries_trial.Span("REPORT_ACCEPTED", clock.today() - 30 * DAY, clock.today(), county.street.path)
    lots = list(queries_trial.batches(await queries_trial.members(session, span)))
    assert [len(lot) for lot in lots] == [2, 2, 1] and {one for lot in lots for one in lot} == {rider.id for rider in riders}


async def test_what_lies_farther_off_counts_in_its_month_and_year(session, cast: Cast, county: County) -> None:
    """A trial of three days in the middle of a week: awards of that week, of the rest of the month, of the rest of the year."""
    today = clock.today()
    wednesday = date(today.year, 3, 1) + next(n for n in range(10, 20) if (date(today.year, 3, 1) + n * DAY).weekday() == 2) * DAY
    rule = "REPORT_ACCEPTED"
    for day, code in (
        (wednesday, rule), (wednesday, "MAJOR_LEAD"), (wednesday - DAY, rule), (wednesday + 4 * DAY, rule),
        (date(today.year, 3, 1), "MAJOR_LEAD"), (date(today.year, 3, 31), rule), (date(today.year, 1, 5), rule),
        (date(today.year, 12, 30), "MAJOR_LEAD"), (date(today.year - 1, 12, 20), rule),
    ):
        await give(session, cast.rider.id, county, code, days=(today - day).days)
    span = queries_trial.Span(rule, wednesday, wednesday + 2 * DAY, None)
    ((others, events),) = await queries_trial.turns(session, span, [cast.rider.id], {1: 10})
    assert [event.filed_on for event in events] == [wednesday]
    assert sorted((one.reach, one.filed_on, one.points, one.units) for one in others) == [
        (Reach.DAY, wednesday - DAY, 10, 1), (Reach.DAY, wednesday, 100, 0), (Reach.DAY, wednesday + 4 * DAY, 10, 1),
        (Reach.MONTH, date(today.year, 3, 1), 110, 1), (Reach.YEAR, date(today.year, 1, 1), 110, 1),
    ]
    book = Book()
    for one in others:
        book.enter(one.filed_on, one.points, one.units, one.reach)
    assert book.usage(wednesday) == workflow.Usage(0, 2, 3, 4, 100, 230, 340)


def a_rule(**told: Any) -> PointsRule:
    return PointsRule(code="T", version=1, title="试", points=10, **told)


def ceiling(*most: int | None) -> list[PointsCap]:
    day, month, year = most
    return [PointsCap(code=CapCode.GLOBAL, version=1, per_day=day, per_month=month, per_year=year)]


@pytest.mark.parametrize("seed", range(25))
def test_the_rule_as_it_was_gives_what_was_given(seed: int) -> None:
    """A year of awards by two rules, filed in any order and capped in every way that lies within each other; then one of them again.

    Every ceiling holds whole units: what is credited in part depends on the order.
    """
    chance = random.Random(seed)
    rule = a_rule(per_day=chance.randint(1, 4), per_month=chance.randint(5, 20), per_year=chance.randint(20, 60))
    caps, most = Caps(rule.per_day, None, rule.per_month, rule.per_year), (chance.randint(2, 6) * 10, chance.randint(10, 30) * 10, 1_500)
    had, others, events = _Had(), [], []
    for _ in range(400):
        filed_on, units, ours = date(2026, 1, 1) + chance.randint(0, 364) * DAY, chance.choice((1, 1, 1, 2)), chance.random() < 0.6
        usage = had.usage(filed_on)
        got = workflow.creditable(10, units, caps if ours else Caps(None, None, None, None), Ceiling(*most), usage)
        had.enter(filed_on, got.credited, got.units if ours else 0)
        if ours:
            events.append(Event(filed_on, "1/", units, got.units, None, got.credited, 10 * units - got.credited, got.reason))
        elif got.credited:
            others.append(Other(filed_on, got.credited, 0))
    book = Trial(rule, ceiling(*most), [])
    book.member(others, sorted(events, key=lambda one: one.filed_on))
    tally = book.tally
    assert (tally.credited_now, tally.withheld_now) == (tally.credited_then, tally.withheld_then)
    assert tally.withheld_then > 0 and tally.events == len(events)


class _Had:
    """What was used, as the database would count it: a sum over everything for each question."""

    def __init__(self) -> None:
        self._rows: list[tuple[date, int, int]] = []

    def enter(self, filed_on: date, points: int, units: int) -> None:
        self._rows.append((filed_on, points, units))

    def usage(self, on: date) -> workflow.Usage:
        day = [row for row in self._rows if row[0] == on]
        week = [row for row in self._rows if row[0].isocalendar()[:2] == on.isocalendar()[:2]]
        month = [row for row in self._rows if (row[0].year, row[0].month) == (on.year, on.month)]
        year = [row for row in self._rows if row[0].year == on.year]
        units = [sum(row[2] for row in rows) for rows in (day, week, month, year)]
        return workflow.Usage(*units, *(sum(row[1] for row in rows) for rows in (day, month, year)))


def test_an_earlier_release_kept_no_figure_of_its_own() -> None:
    """What a category had set shows in what was asked for."""

    asked = (date(2026, 1, 1), 0, 0, 14, None, 2)
    assert queries_trial._event({2: 10}, *asked, None, 2, None).each == 7
    assert queries_trial._event({2: 7}, *asked, None, 2, None).each is None
    assert queries_trial._event({}, *asked, None, 2, None).each is None
    assert queries_trial._event({2: 7}, *asked, 7, 2, None).each == 7
