"""Which version of a rule judges what was filed when and where, who changes it, and what a change must say."""

import asyncio
import itertools
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area
from app.auth.roles import Role
from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.errors import ValidationFailed
from app.points import queries_rules, service, workflow_rules
from app.points.models import PointsAward, PointsRule
from app.points.service import Award
from tests.points.conftest import Cast
from tests.reports.scene import Scene, on
from tests.support.county import County
from tests.support.people import People, Person

API = "/api/v1/points"
DAY = timedelta(days=1)


@pytest.fixture
async def platform(people: People) -> Person:
    return await people.console()


async def put(client: httpx.AsyncClient, who: Person, code: str = "REPORT_ACCEPTED", **told: Any) -> httpx.Response:
    return await client.put(f"{API}/rules/{code}", json={"points": 10} | told, headers=who.headers)


async def made(client: httpx.AsyncClient, who: Person, code: str = "REPORT_ACCEPTED", **told: Any) -> dict[str, Any]:
    answer = await put(client, who, code, **told)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def give(session: AsyncSession, cast: Cast, county: County, *, day: int = 0, rule: str = "REPORT_ACCEPTED", **told: Any) -> Award:
    """An award for something filed so many days from today."""
    facts: dict[str, Any] = {"area_path": county.community.path, "source_type": "report", "source_number": None, "source_id": new_id()}
    return await service.award(
        session, member_id=cast.rider.id, rule=rule, filed_at=clock.now() + day * DAY, **(facts | told)
    )


async def own_rule(session: AsyncSession, *versions: dict[str, Any]) -> str:
    code = f"TEST_{new_id().hex[-12:].upper()}"
    for number, told in enumerate(versions, start=1):
        session.add(PointsRule(**({"code": code, "version": number, "title": "试", "points": 10} | told)))
    await session.flush()
    return code


async def test_the_day_of_filing_decides(client, session, cast: Cast, county: County, platform: Person) -> None:
    """A change holds for what is filed from its first day on: what was filed before is judged as it was, whenever that happens."""
    today = clock.today()
    later = await made(client, platform, points=30, valid_from=(today + 2 * DAY).isoformat(), valid_until=(today + 3 * DAY).isoformat())
    assert (later["version"], later["valid_from"], later["area"]) == (2, (today + 2 * DAY).isoformat(), None)
    now = await made(client, platform, points=20)
    assert (now["version"], now["valid_from"], now["valid_until"]) == (3, today.isoformat(), None)
    judged = [(await give(session, cast, county, day=day)).credited for day in (-1, 0, 1, 2, 3, 4)]
    assert judged == [10, 20, 20, 20, 20, 20], "the newest version that holds decides, and the one of today is newer than the campaign"
    campaign = await made(client, platform, points=50, valid_from=(today + 2 * DAY).isoformat(), valid_until=(today + 3 * DAY).isoformat())
    judged = [(await give(session, cast, county, day=day)).credited for day in (1, 2, 3, 4)]
    assert judged == [20, 50, 50, 20], "a campaign ends by itself, and what was before it goes on"
    shown = (await client.get(f"{API}/rules", headers=cast.rider.headers)).json()["items"]
    assert next(one["version"] for one in shown if one["code"] == "REPORT_ACCEPTED") == 3 < campaign["version"]


@pytest.mark.parametrize(("told", "field"), [
    ({"valid_from": (clock.today() - DAY).isoformat()}, "valid_from"),
    ({"valid_from": (clock.today() + 2 * DAY).isoformat(), "valid_until": (clock.today() + DAY).isoformat()}, "valid_until"),
    ({"valid_until": (clock.today() - DAY).isoformat()}, "valid_until"),
    ({"points": -10}, "points"),
    ({"points_max": 20}, "points_max"),
    ({"conditions": {"stop_days": 3}}, "conditions"),
    ({"conditions": {"anything": 3}}, "anything"),
    ({"conditions": {"made_by": ["reviewer"]}}, "made_by"),
    ({"conditions": {"once_per": "minute"}}, "once_per"),
])
async def test_a_change_without_sense_is_refused(client, session, platform: Person, told: dict[str, Any], field: str) -> None:
    refused = await put(client, platform, **told)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_error")
    assert refused.json()["errors"][0]["loc"][-1] == field
    assert len(await queries_rules.versions(session, code="REPORT_ACCEPTED")) == 1


async def test_the_nearest_area_decides(client, session, cast: Cast, county: County, platform: Person) -> None:
    street = {"area_id": str(county.street.id)}
    for who, told in ((cast.admin, {}), (cast.stranger, street), (cast.rider, street), (platform, street)):
        refused = await put(client, who, **told)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await put(client, cast.admin, area_id=str(new_id()))).status_code == 404
    assert (await put(client, platform, "NO_SUCH_RULE")).status_code == 404
    today = clock.today()
    campaign = await made(client, cast.admin, points=20, valid_until=(today + DAY).isoformat(), **street)
    assert campaign["area"] == {"id": str(county.street.id), "name": "测试街道"}
    await made(client, platform, points=15)
    assert [(await give(session, cast, county, day=day)).credited for day in (0, 1, 2)] == [20, 20, 15]
    assert (await give(session, cast, county, area_path=county.root.path)).credited == 15
    own = await made(client, cast.stranger, points=12, area_id=str(county.other_community.id), per_day=1)
    assert [(await give(session, cast, county, day=9, area_path=county.other_community.path)).credited for _ in range(2)] == [12, 0]
    assert own["conditions"] == {"needs": ["photo", "place", "category"]}


async def test_without_a_rule_nothing_is_given_and_nothing_breaks(
    client, session, cast: Cast, county: County, people: People, platform: Person
) -> None:
    """A report is accepted all the same, and its reporter reads why it brought nothing."""
    over = {"valid_until": clock.today() - DAY}
    await session.exec(sa.update(PointsRule).where(col(PointsRule.code) == "REPORT_ACCEPTED").values(over))
    scene = await loop(client, session, county, people)
    shown = await scene.lead((await scene.file())["id"], "accepted")
    told = {"credited": 0, "withheld": 0, "reason": "当日没有生效的积分规则", "code": "no_rule"}
    assert (shown["status"], shown["award"]) == ("accepted", told)
    mine = await scene.get(scene.reporter, f"/{shown['id']}")
    assert (mine["points_awarded"], mine["award"]) == (0, told)
    kept = (await session.exec(sa.select(PointsAward).where(col(PointsAward.member_id) == scene.reporter.id))).scalars().one()
    assert (kept.rule_version, kept.credited, kept.withheld) == (0, 0, 0)
    again = await give(session, cast, county, day=-1)
    assert again.credited == 10, "what was filed while the rule held is paid"
    code = await own_rule(session, {"area_path": county.other_community.path})
    assert await give(session, cast, county, rule=code) == Award(0, 0, "no_rule")


async def loop(client: httpx.AsyncClient, session: AsyncSession, county: County, people: People) -> Scene:
    return Scene(
        client, session, county, people, reporter=await people.member(),
        reviewer=await people.member(grants=[on(Role.REVIEWER, county.community.id)]),
        worker=await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)]),
    )


async def test_the_versions_of_a_rule(client, cast: Cast, county: County, platform: Person) -> None:
    await made(client, cast.admin, points=20, area_id=str(county.street.id))
    await made(client, platform, points=15, valid_from=(clock.today() + DAY).isoformat())

    async def seen(who: Person) -> list[tuple[int, str | None, str | None]]:
        answer = await client.get(f"{API}/rules/REPORT_ACCEPTED/versions", headers=who.headers)
        assert answer.status_code == 200, answer.text
        return [(one["version"], one["area"] and one["area"]["name"], one["made_by"]) for one in answer.json()["items"]]

    street, whole = str(cast.admin.id), str(platform.id)
    assert await seen(platform) == [(3, None, whole), (2, "测试街道", street), (1, None, None)]
    assert await seen(cast.admin) == [(3, None, whole), (2, "测试街道", street), (1, None, None)]
    assert await seen(cast.rider) == [(3, None, None), (2, "测试街道", None), (1, None, None)]
    assert await seen(cast.stranger) == [(3, None, whole), (2, "测试街道", None), (1, None, None)], "of the street they administer nothing"
    unknown = await client.get(f"{API}/rules/NO_SUCH_RULE/versions", headers=cast.rider.headers)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def test_conditions_change_by_key(client, platform: Person) -> None:
    first = await made(client, platform, "HAZARD_ACCEPTED", points=50)
    assert first["conditions"] == {"second_reviewer_above_per_week": 3}
    changed = await made(client, platform, "HAZARD_ACCEPTED", points=50, conditions={"second_reviewer_above_per_week": 5, "geofence": True})
    assert changed["conditions"] == {"second_reviewer_above_per_week": 5, "geofence": True}
    taken = await made(client, platform, "HAZARD_ACCEPTED", points=50, conditions={"second_reviewer_above_per_week": None})
    assert taken["conditions"] == {"geofence": True}
    stop = await made(client, platform, "FALSE_REPORT", points=-50, conditions={"stop_days": 60})
    assert {key: stop["conditions"][key] for key in ("stop_days", "after", "within_days")} == {
        "stop_days": 60, "after": 3, "within_days": 90
    }


async def test_an_official_gives_within_the_range(client, session, cast: Cast, county: County, platform: Person) -> None:
    for points, credited in ((200, 200), (None, 200)):
        assert (await give(session, cast, county, day=points or 0, rule="RESCUE", points=points)).credited == credited
    for points in (199, 501):
        with pytest.raises(ValidationFailed):
            await give(session, cast, county, rule="RESCUE", points=points)
    narrow = await put(client, platform, "RESCUE", points=600)
    assert narrow.json()["errors"][0]["loc"][-1] == "points_max", "the most that is left as it was would be below the least"
    assert (await made(client, platform, "RESCUE", points=600, points_max=800))["points_max"] == 800


async def test_the_database_and_the_pure_function_agree(session, county: County) -> None:
    """On every combination of area and validity, for every place and day."""
    day, spans = clock.today(), ((None, None), (0, None), (None, 0), (1, 2))
    areas = (None, county.street.path, county.community.path)

    def later(offset: int | None) -> date | None:
        return None if offset is None else day + offset * DAY

    told = [
        {"area_path": area, "valid_from": later(first), "valid_until": later(last)} for first, last in spans for area in areas
    ]
    for chosen in itertools.islice(itertools.combinations(told, 3), 0, None, 7):
        code = await own_rule(session, *chosen)
        versions = await queries_rules.versions(session, code=code)
        for area, offset in itertools.product((county.root.path, county.community.path, county.other_community.path), (-1, 0, 1, 3)):
            asked = await queries_rules.rule_in_force(session, code=code, area_path=area, on=day + offset * DAY)
            assert asked is workflow_rules.in_force(versions, area, day + offset * DAY)


async def test_a_list_costs_as_much_with_many_versions(client, people: People, county: County, statements: list[str]) -> None:
    admin, platform = await people.member(grants=[on(Role.AREA_ADMIN, county.root.id)]), await people.console()

    async def cost(path: str) -> tuple[int, int]:
        statements.clear()
        answer = await client.get(f"{API}/{path}", headers=platform.headers)
        assert answer.status_code == 200, answer.text
        return len(statements), len(answer.json()["items"])

    paths = ("rules", "rules/REPORT_ACCEPTED/versions", "caps")

    async def change(area: Area) -> None:
        await made(client, admin, area_id=str(area.id))
        cap = {"per_day": 1, "per_month": None, "per_year": None, "area_id": str(area.id)}
        assert (await client.put(f"{API}/caps/GLOBAL", json=cap, headers=admin.headers)).status_code == 200

    await change(county.root)
    before = [await cost(path) for path in paths]
    for area in (county.community, county.other_community, county.grid, county.street, county.root):
        await change(area)
    after = [await cost(path) for path in paths]
    assert [one for one, _ in after] == [one for one, _ in before]
    assert [rows for _, rows in after] == [before[0][1], before[1][1] + 5, before[2][1] + 4]


def test_the_paths_of_an_area() -> None:
    assert workflow_rules.lineage("370000/370800/370882/") == ["370000/", "370000/370800/", "370000/370800/370882/"]
    assert workflow_rules.lineage("") == []


async def test_two_changes_at_once_get_two_numbers(committed: Database) -> None:
    async with committed.transaction() as session:
        code = await own_rule(session, {})
    try:
        barrier = asyncio.Barrier(2)

        async def change() -> int:
            async with committed.transaction() as session:
                await session.exec(sa.select(1))
                await barrier.wait()
                number = await queries_rules.lock_rule(session, code=code) + 1
                session.add(PointsRule(code=code, version=number, title="试", points=20))
                return number

        async with asyncio.timeout(20):
            assert sorted(await asyncio.gather(change(), change())) == [2, 3]
    finally:
        async with committed.transaction() as session:
            await session.exec(sa.delete(PointsRule).where(col(PointsRule.code) == code))
