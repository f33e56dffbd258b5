"""What caps leave of an award, who changes them, and that an answer says what was credited and why the rest was not."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.points import queries_awarding, service, workflow
from app.points.models import PointsAward
from app.points.queries_awarding import Periods
from app.points.service import Award
from app.points.views import withheld_sentence
from app.points.workflow import Caps, Ceiling, Credit, Usage
from app.reports.workflow import TOLD
from tests.points.conftest import Cast
from tests.reports.scene import Scene, on
from tests.support.county import County
from tests.support.owner import as_owner
from tests.support.people import People, Person

API = "/api/v1/points"
FREE, OPEN, UNUSED = Caps(None, None, None, None), Ceiling(None, None, None), Usage(0, 0, 0, 0, 0, 0, 0)


@pytest.fixture
async def platform(people: People) -> Person:
    return await people.console()


async def give(session: AsyncSession, cast: Cast, county: County, *, rule: str, days: int = 0, **told: Any) -> Award:
    facts: dict[str, Any] = {
        "area_path": county.community.path, "source_type": "report", "source_number": None, "source_id": new_id(),
        "filed_at": clock.now() + timedelta(days=days),
    }
    return await service.award(session, member_id=cast.rider.id, rule=rule, **(facts | told))


@pytest.mark.parametrize(("each", "units", "caps", "ceiling", "usage", "left"), [
    (10, 1, FREE, OPEN, UNUSED, Credit(10, 1, None, None)),
    (10, 1, Caps(5, None, 60, None), OPEN, Usage(5, 5, 5, 5, 50, 50, 50), Credit(0, 0, "day_cap", 5)),
    (10, 1, Caps(5, None, 60, None), OPEN, Usage(4, 60, 60, 60, 40, 600, 600), Credit(0, 0, "month_cap", 60)),
    (10, 1, Caps(5, None, 60, None), OPEN, Usage(7, 0, 61, 0, 0, 0, 0), Credit(0, 0, "day_cap", 5)),
    (20, 3, Caps(4, None, None, None), OPEN, Usage(3, 3, 3, 3, 60, 60, 60), Credit(20, 1, "day_cap", 4)),
    (20, 4, Caps(4, 3, None, 2), OPEN, UNUSED, Credit(40, 2, "year_cap", 2)),
    (50, 1, FREE, Ceiling(200, 2_000, 12_000), Usage(0, 0, 0, 0, 180, 180, 180), Credit(20, 1, "global_day_cap", 200)),
    (20, 4, FREE, Ceiling(200, None, None), Usage(0, 0, 0, 0, 150, 0, 0), Credit(50, 3, "global_day_cap", 200)),
    (50, 1, FREE, Ceiling(200, 2_000, 12_000), Usage(0, 0, 0, 0, 0, 1_990, 11_995), Credit(5, 1, "global_year_cap", 12_000)),
    (50, 1, FREE, Ceiling(200, None, None), Usage(0, 0, 0, 0, 250, 250, 250), Credit(0, 0, "global_day_cap", 200)),
    (20, 4, Caps(4, None, None, None), Ceiling(30, None, None), UNUSED, Credit(30, 2, "global_day_cap", 30)),
])
def test_what_caps_leave(each: int, units: int, caps: Caps, ceiling: Ceiling, usage: Usage, left: Credit) -> None:
    assert workflow.creditable(each, units, caps, ceiling, usage) == left


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 4)), max_size=40), st.integers(1, 8), st.integers(1, 100))
def test_a_day_is_filled_and_never_overfilled(claims: list[tuple[int, int]], cap: int, ceiling: int) -> None:
    units, points, asked = 0, 0, 0
    for each, wanted in claims:
        usage = Usage(units, units, units, units, points, points, points)
        got = workflow.creditable(each, wanted, Caps(cap, None, None, None), Ceiling(ceiling, None, None), usage)
        assert (got.reason is None) == (got.cap is None) == (got.credited == each * wanted)
        assert 0 <= got.units <= wanted and each * (got.units - 1) < got.credited <= each * got.units
        units, points, asked = units + got.units, points + got.credited, asked + each * wanted
        assert units <= cap and points <= ceiling
        assert got.credited == each * wanted or units == cap or points == ceiling, "what is withheld found no room"


async def test_hours_count_as_hours(session, cast: Cast, county: County) -> None:
    first = await give(session, cast, county, rule="VOLUNTEER_HOUR", units=3)
    second = await give(session, cast, county, rule="VOLUNTEER_HOUR", units=3)
    third = await give(session, cast, county, rule="VOLUNTEER_HOUR")
    assert [(one.credited, one.withheld, one.reason, one.cap) for one in (first, second, third)] == [
        (60, 0, None, None), (20, 40, "day_cap", 4), (0, 20, "day_cap", 4)
    ]
    assert withheld_sentence("day_cap", 4, "VOLUNTEER_HOUR") == "当日同类积分已达 4 小时上限"
    rows = await session.exec(
        sa.select(col(PointsAward.units), col(PointsAward.units_credited)).where(col(PointsAward.member_id) == cast.rider.id)
        .order_by(col(PointsAward.id))
    )
    assert [tuple(row) for row in rows.all()] == [(3, 3), (3, 1), (1, 0)]
    assert (await give(session, cast, county, rule="VOLUNTEER_HOUR", units=4, days=-1)).credited == 80, "another day has its own room"


async def change(client: httpx.AsyncClient, who: Person, code: str = "GLOBAL", **told: Any) -> httpx.Response:
    body = {"per_day": 200, "per_month": 2_000, "per_year": 12_000} | told
    return await client.put(f"{API}/caps/{code}", json=body, headers=who.headers)


async def test_the_ceiling_is_data(client, session, cast: Cast, county: County, platform: Person) -> None:
    made = await change(client, cast.admin, per_day=40, per_month=None, area_id=str(county.street.id))
    assert (made.status_code, made.json()["version"], made.json()["per_month"]) == (200, 2, None)
    assert made.json()["area"] == {"id": str(county.street.id), "name": "测试街道"}
    trail = (await session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "points.change_cap"))).scalars().one()
    assert (trail.actor_id, trail.area_path, trail.facts) == (cast.admin.id, county.street.path, {"code": "GLOBAL", "version": 2})
    got = await give(session, cast, county, rule="HAZARD_ACCEPTED")
    assert (got.credited, got.withheld, got.reason, got.cap) == (40, 10, "global_day_cap", 40)
    elsewhere = await give(session, cast, county, rule="HAZARD_ACCEPTED", area_path=county.root.path)
    assert elsewhere.credited == 50, "counted on: 40 of the 200 that hold above"
    assert (await give(session, cast, county, rule="HAZARD_ACCEPTED", days=-1)).credited == 50, "filed before the change"
    today = clock.today()
    assert (await change(client, platform, per_day=None, valid_from=(today + timedelta(days=3)).isoformat())).status_code == 200
    for code in ("MAJOR_LEAD", "SUGGESTION_ADOPTED", "MAJOR_LEAD"):
        assert (await give(session, cast, county, rule=code, days=4, area_path=county.root.path)).credited == 100
    before = await give(session, cast, county, rule="RESCUE", days=2, points=300, area_path=county.root.path)
    assert (before.credited, before.cap) == (200, 200)


async def test_who_reads_and_changes_caps(client, cast: Cast, county: County, people: People, platform: Person) -> None:
    auditor = await people.console(grants=[(Role.AUDITOR, ScopeType.AREA, county.other_community.id)])
    for who, told in ((cast.rider, {}), (cast.admin, {}), (auditor, {}), (cast.stranger, {"area_id": str(county.street.id)})):
        refused = await change(client, who, **told)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await change(client, platform, "NOTHING")).status_code == 422
    half = await client.put(f"{API}/caps/GLOBAL", json={"per_day": 1}, headers=platform.headers)
    assert half.status_code == 422, "no cap must be said"
    for told in ({"per_day": 0}, {"valid_from": "2026-01-01"}):
        assert (await change(client, platform, **told)).status_code == 422
    assert (await change(client, cast.admin, per_day=150, area_id=str(county.street.id))).status_code == 200
    assert (await change(client, platform, per_day=300, valid_from=(clock.today() + timedelta(days=1)).isoformat())).status_code == 200
    other = [(Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)]

    async def seen(who: Person) -> list[tuple[str, str | None, int | None]]:
        answer = await client.get(f"{API}/caps", headers=who.headers)
        assert answer.status_code == 200, answer.text
        return [(one["code"], one["area"] and one["area"]["name"], one["per_day"]) for one in answer.json()["items"]]

    whole = [("ADJUSTMENT_PER_MAKER", None, None), ("ADJUSTMENT_PER_MEMBER", None, None), ("GLOBAL", None, 200)]
    street = [("GLOBAL", "测试街道", 150)]
    for who in (platform, cast.admin, cast.stranger, auditor, await people.member(grants=other)):
        assert await seen(who) == whole + street
    county_of_others = [(Role.AREA_ADMIN, ScopeType.AREA, county.grid.id)]
    assert await seen(await people.member(grants=county_of_others)) == whole + street, "a level above holds below"
    refused = await client.get(f"{API}/caps", headers=cast.rider.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("statement", ["update points_cap set per_day = 1", "delete from points_cap"])
async def test_a_cap_that_stood_is_not_rewritten(session, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        async with session.begin_nested(), as_owner(session):
            await (await session.connection()).execute(sa.text(statement))
    with pytest.raises(DBAPIError, match="permission denied"):
        async with session.begin_nested():
            await (await session.connection()).execute(sa.text(statement))


async def test_once_per_is_the_rules_word(client, session, cast: Cast, county: County, platform: Person) -> None:
    """A lesson is paid once for good; a community once a year of filing; a rule that says nothing pays for every source."""
    lesson, community = new_id(), new_id()

    async def got(rule: str, subject: Any, **told: Any) -> tuple[int, str | None]:
        award = await give(session, cast, county, rule=rule, subject=subject, **told)
        return award.credited, award.reason

    edge = clock.day_start(date(clock.today().year, 1, 1))
    assert await got("LESSON_PASSED", lesson) == (5, None)
    assert await got("LESSON_PASSED", lesson, filed_at=edge - timedelta(seconds=1)) == (0, "once_per_lesson")
    assert await got("LESSON_PASSED", new_id()) == (5, None)
    assert await got("COMMUNITY_CHECKIN", community, filed_at=edge) == (50, None)
    assert await got("COMMUNITY_CHECKIN", community) == (0, "once_per_community_year")
    assert await got("COMMUNITY_CHECKIN", community, filed_at=edge - timedelta(seconds=1)) == (50, None)
    assert await got("COMMUNITY_CHECKIN", new_id(), filed_at=edge) == (50, None)
    free = {"points": 50, "conditions": {"once_per": None}}
    assert (await client.put(f"{API}/rules/COMMUNITY_CHECKIN", json=free, headers=platform.headers)).status_code == 200
    assert await got("COMMUNITY_CHECKIN", community) == (50, None), "from today on every one is paid"
    with pytest.raises(IntegrityError, match="uq_points_award_once"):
        async with session.begin_nested():
            await session.exec(sa.text("""
                insert into points_award (id, member_id, rule_code, rule_version, source_type, source_id, filed_on, credited, withheld,
                                          transaction_id, once_key)
                select gen_random_uuid(), member_id, rule_code, rule_version, source_type, gen_random_uuid(), filed_on, credited, withheld,
                       transaction_id, once_key from points_award where once_key like 'lesson:%' limit 1"""))


@pytest.fixture
async def scene(client: httpx.AsyncClient, session: AsyncSession, county: County, people: People) -> Scene:
    return Scene(
        client, session, county, people, reporter=await people.member(),
        reviewer=await people.member(grants=[on(Role.REVIEWER, county.community.id)]),
        worker=await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)]),
    )


async def test_reporter_and_reviewer_hear_the_truth(scene: Scene) -> None:
    """The sixth report of a day is accepted and brings nothing: both read that, and no message promises points."""
    shown = {}
    for number in range(6):
        shown = await scene.lead((await scene.file())["id"], "accepted")
        full = {"credited": 10, "withheld": 0, "reason": None, "code": None}
        assert number == 5 or shown["award"] == full
    capped = {"credited": 0, "withheld": 10, "reason": "当日同类积分已达 5 次上限", "code": "day_cap"}
    assert (shown["award"], shown["points_awarded"], shown["reporter"]) == (capped, None, shown["reporter"])
    assert str(scene.reporter.id) not in str(shown)
    mine = await scene.get(scene.reporter, f"/{shown['id']}")
    assert (mine["award"], mine["points_awarded"]) == (capped, 0)
    assert await scene.points(scene.reporter) == 50
    assert (await scene.get(scene.worker, f"/{shown['id']}"))["award"] is None, "of no concern to who handles it"
    assert not any("积分" in words for told in TOLD.values() for words in told)


async def test_a_closed_report_tells_both_awards(scene: Scene) -> None:
    other_id = await scene.at("accepted")
    report_id = await scene.at("closed")
    other = await scene.get(scene.reporter, f"/{other_id}")
    assert (other["award"]["credited"], other["points_awarded"]) == (10, 10), "of another report is told there"
    mine = await scene.get(scene.reporter, f"/{report_id}")
    assert mine["award"] == {"credited": 20, "withheld": 0, "reason": None, "code": None}
    before = await scene.get(scene.reporter, f"/{(await scene.file())['id']}")
    assert (before["award"], before["points_awarded"]) == (None, 0)


async def test_usage_is_quick_for_a_member_with_ten_thousand_awards(session, cast: Cast, county: County) -> None:
    """One statement, by the index alone, whoever else has awards."""
    everybody = [cast.rider.id, cast.admin.id, cast.second.id, cast.stranger.id]
    await session.exec(
        sa.text("""
            insert into points_award (id, member_id, rule_code, rule_version, source_type, source_id, filed_on, credited, withheld)
            select gen_random_uuid(), m, 'REPORT_JOINED', 1, 'report', gen_random_uuid(), current_date - (n % 300), 0, 2
              from generate_series(1, 10000) n, unnest(cast(:everybody as uuid[])) m"""),
        params={"everybody": everybody},
    )
    query = queries_awarding.had(cast.rider.id, "REPORT_JOINED", Periods.of(clock.today()))
    told = str(query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
    plan = "\n".join(row[0] for row in (await session.exec(sa.text(f"explain {told}"))).all())
    assert "ix_points_award_member_id_filed_on" in plan and "Seq Scan" not in plan, plan
