"""From which day an enterprise counts, what its closing ends, and how a rider finds it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col
from stdnum.cn import uscc as gb32100

from app import clock
from app.auth.roles import Role, ScopeType
from app.enterprises import queries
from app.enterprises.models import Enterprise
from app.errors import ValidationFailed
from app.members import service as members_service
from app.members.schemas import EmployerIn

URL = "/api/v1/enterprises"
TODAY = clock.today()


def day(offset: int) -> str:
    return (TODAY + timedelta(days=offset)).isoformat()


@pytest.fixture
async def admin(people, county):
    return await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])


@pytest.fixture
def made(client, county, admin):
    """Makes an enterprise; codes are counted up."""
    numbers = iter(range(100))

    async def make(name: str, **more: Any) -> dict[str, Any]:
        code = f"91370812{next(numbers):09d}"
        told = {"name": name, "uscc": code + gb32100.calc_check_digit(code), "kind": "depot", "area_id": str(county.community.id)}
        answer = await client.post(URL, json=told | more, headers=admin.headers)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    return make


async def listed(client, who, county, **query: Any) -> list[str]:
    answer = await client.get(URL, params={"area_id": str(county.root.id)} | query, headers=who.headers)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def test_a_closed_enterprise_is_not_offered_and_takes_nobody_new(client, session, people, county, admin, made) -> None:
    firm, open_one = await made("关门站点"), await made("开门站点")
    wish = {"purpose": "enterprise", "target_id": firm["id"]}
    printed = (await client.post("/api/v1/qrcodes", json=wish, headers=admin.headers)).json()
    stays, comes = await people.member(), await people.member()
    employer = EmployerIn(enterprise_id=UUID(firm["id"]))
    await members_service.set_employers(session, member_id=stays.id, employers=[employer])
    await members_service.set_employers(session, member_id=comes.id, employers=[EmployerIn(enterprise_id=UUID(open_one["id"]))])
    closed = await client.patch(f"{URL}/{firm['id']}", json={"closed_on": day(0)}, headers=admin.headers)
    assert (closed.status_code, closed.json()["closed_on"]) == (200, day(0))
    rider = await people.member()
    assert await listed(client, rider, county) == ["开门站点"]
    assert await listed(client, rider, county, closed=True) == ["开门站点", "关门站点"]
    await members_service.set_employers(session, member_id=stays.id, employers=[employer, EmployerIn(name="闪送")])  # who is there stays
    with pytest.raises(ValidationFailed):
        await members_service.set_employers(session, member_id=comes.id, employers=[employer])
    told = {"enterprise_id": firm["id"]}
    refused = await client.post("/api/v1/members/me/work-relations", json=told, headers=rider.headers)
    assert (refused.status_code, refused.json()["errors"][0]["loc"]) == (422, ["body", "enterprise_id"])
    assert (await client.post("/api/v1/qrcodes", json=wish, headers=admin.headers)).status_code == 409
    codes = (await client.get("/api/v1/qrcodes", headers=admin.headers)).json()["items"]
    assert [(code["id"], code["allowed"]) for code in codes] == [(printed["id"], ["deactivate"])]  # what it has can still be put out of use
    wish["target_id"] = open_one["id"]
    assert (await client.post("/api/v1/qrcodes", json=wish, headers=admin.headers)).status_code == 201
    again = await client.patch(f"{URL}/{firm['id']}", json={"closed_on": None}, headers=admin.headers)
    assert again.json()["closed_on"] is None
    assert (await client.post("/api/v1/members/me/work-relations", json=told, headers=rider.headers)).status_code == 201


async def test_it_counts_from_its_listing_until_its_closing(client, session, admin, made) -> None:
    firm = await made("有始有终", listed_on=day(-30))
    await client.patch(f"{URL}/{firm['id']}", json={"closed_on": day(-10)}, headers=admin.headers)

    async def counts(offset: int) -> bool:
        asked = sa.select(col(Enterprise.id)).where(
            col(Enterprise.id) == UUID(firm["id"]), queries.counted_on(TODAY + timedelta(days=offset))
        )
        return (await session.exec(asked)).first() is not None

    assert [await counts(offset) for offset in (-31, -30, -11, -10, 0)] == [False, True, True, False, False]
    url = f"{URL}/{firm['id']}/headcounts"
    for offset, status in ((-11, 201), (-10, 422)):
        answer = await client.post(url, json={"on": day(offset), "headcount": 3}, headers=admin.headers)
        assert answer.status_code == status


async def test_days_that_cannot_be_are_refused(client, admin, made) -> None:
    firm = await made("日期", listed_on=day(-3))
    url = f"{URL}/{firm['id']}"
    for bad in ({"closed_on": day(-4)}, {"listed_on": None}, {"listed_on": day(0), "closed_on": day(-1)}, {"closed_on": "2026-13-01"}):
        answer = await client.patch(url, json=bad, headers=admin.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    same = await client.patch(url, json={"closed_on": day(-3)}, headers=admin.headers)
    assert (same.status_code, same.json()["version"]) == (200, 2)
    assert (await client.patch(url, json={"listed_on": day(-2)}, headers=admin.headers)).status_code == 422


async def test_a_rider_finds_it_by_any_part_of_its_name(client, people, county, made) -> None:
    for name in ("美团外卖兖州站", "饿了么兖州站", "JD物流_100%", "团美食品", "JD100物流"):
        await made(name)
    rider = await people.member()
    found = {q: await listed(client, rider, county, q=q) for q in ("美团", "兖州站", "jd", "_", "100%", "站 ", "没有这家")}
    assert found == {
        "美团": ["美团外卖兖州站"], "兖州站": ["饿了么兖州站", "美团外卖兖州站"], "jd": ["JD100物流", "JD物流_100%"], "_": ["JD物流_100%"],
        "100%": ["JD物流_100%"], "站 ": ["饿了么兖州站", "美团外卖兖州站"], "没有这家": [],
    }
    for bad in ("", "长" * 41, "a\nb"):
        assert (await client.get(URL, params={"q": bad}, headers=rider.headers)).status_code == 422


async def test_the_search_has_an_index(session, made) -> None:
    await made("美团外卖兖州站")
    await session.exec(sa.text("set local enable_seqscan = off"))
    plan = await session.exec(
        sa.text("explain select id from enterprise where string_to_array(lower(name), NULL) @> string_to_array(lower('美团'), NULL)")
    )
    assert "ix_enterprise_name_symbols" in "\n".join(plan.scalars().all())
