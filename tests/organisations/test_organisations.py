"""Organisations over HTTP: what they are, who may change and move them; the root committee."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area
from app.auth import queries as auth_queries
from app.auth.models import Scope
from app.auth.roles import Role, ScopeType
from app.errors import Forbidden, NotFound
from app.organisations import queries, service
from app.organisations.models import Formation, Organisation, OrganisationKind
from tests.support.county import make_county

URL = "/api/v1/organisations"


def body(area: Area, **more: Any) -> dict[str, Any]:
    return {"name": "快递党支部", "kind": "branch", "formation": "independent", "area_id": str(area.id), **more}


def admin_of(area: Area) -> tuple[Role, ScopeType, Any]:
    return Role.AREA_ADMIN, ScopeType.AREA, area.id


@pytest.fixture
async def admin(people, county):
    return await people.member(grants=[admin_of(county.root)])


@pytest.fixture
async def enterprise_id(client, admin, county) -> str:
    answer = await client.post(
        "/api/v1/enterprises", headers=admin.headers,
        json={"name": "迅达配送有限公司", "uscc": "91370812MA3C4D5E69", "kind": "franchise", "area_id": str(county.root.id)},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_an_organisation_is_made_shown_and_listed(client, session, people, county, admin, enterprise_id) -> None:
    above = (await client.post(URL, json=body(county.root, kind="trade_committee", name="快递行业党委"), headers=admin.headers)).json()
    answer = await client.post(
        URL, headers=admin.headers,
        json=body(county.community, parent_id=above["id"], enterprise_id=enterprise_id, phone="0537-3412345", formation="joint"),
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made == {
        "id": made["id"], "name": "快递党支部", "kind": "branch", "formation": "joint", "phone": "0537-3412345", "version": 1,
        "kind_name": "支部", "formation_name": "企企联建", "trades": [], "founded_on": clock.today().isoformat(), "dissolved_on": None,
        "ancestors": [{"id": above["id"], "name": "快递行业党委"}],
        "area": {"id": str(county.community.id), "name": county.community.name}, "parent": {"id": above["id"], "name": "快递行业党委"},
        "enterprise": {"id": enterprise_id, "name": "迅达配送有限公司"}, "allowed": ["update"],
    }
    rider = await people.member()
    assert (await client.get(f"{URL}/{made['id']}", headers=rider.headers)).json() == made | {"allowed": []}
    scope = await auth_queries.scope(session, scope_type=ScopeType.ORGANISATION, scope_id=made["id"])
    assert (scope.area_path, scope.name) == (county.community.path, "快递党支部")

    async def listed(**query: Any) -> list[str]:
        return [item["id"] for item in (await client.get(URL, params=query, headers=rider.headers)).json()["items"]]

    assert await listed(area_id=str(county.root.id)) == [made["id"], above["id"]]
    assert await listed(area_id=str(county.street.id)) == [made["id"]]
    assert await listed(area_id=str(county.other_community.id)) == []
    assert await listed(area_id=str(county.root.id), kind="trade_committee") == [above["id"]]
    assert await listed(area_id=str(county.root.id), limit=1) == [made["id"]]
    assert (await client.get(URL, params={"area_id": str(uuid4())}, headers=rider.headers)).status_code == 404
    assert (await client.get(URL, params={"kind": "club"}, headers=rider.headers)).status_code == 422
    assert (await client.get(URL)).status_code == 401


@pytest.mark.parametrize(
    "wrong", [{"kind": "club"}, {"formation": "x"}, {"name": " "}, {"phone": "call me"}, {"id": str(uuid4())}, {"root_committee": True},
              {"trades": ["pilot"]}, {"trades": None}, {"founded_on": "soon"}, {"founded_on": "2026-02-02", "dissolved_on": "2026-02-01"}]
)
async def test_a_wrong_body_is_refused(client, county, admin, wrong: dict[str, Any]) -> None:
    answer = await client.post(URL, json=body(county.root, **wrong), headers=admin.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


@pytest.mark.parametrize("unknown", ["area_id", "parent_id", "enterprise_id"])
async def test_what_it_refers_to_must_exist(client, county, admin, unknown: str) -> None:
    answer = await client.post(URL, json=body(county.root) | {unknown: str(uuid4())}, headers=admin.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


# Who may make one in the county, in the community; and rename one of the community.
MATRIX = {
    "county_admin": (201, 201, 200), "street_admin": (403, 201, 200), "community_admin": (403, 201, 200),
    "other_admin": (403, 403, 403), "platform": (403, 403, 403), "reviewer": (403, 403, 403), "auditor": (403, 403, 403),
    "secretary": (403, 403, 403), "rider": (403, 403, 403), "nobody": (401, 401, 401),
}


@pytest.mark.parametrize("who", MATRIX)
async def test_who_may_change_organisations(client, people, county, admin, who: str) -> None:
    made = (await client.post(URL, json=body(county.community), headers=admin.headers)).json()
    grants = {
        "county_admin": admin_of(county.root), "street_admin": admin_of(county.street), "community_admin": admin_of(county.community),
        "other_admin": admin_of(county.other_community), "reviewer": (Role.REVIEWER, ScopeType.AREA, county.root.id),
        "auditor": (Role.AUDITOR, ScopeType.AREA, county.root.id),
        "secretary": (Role.ORG_SECRETARY, ScopeType.ORGANISATION, made["id"]),
    }
    headers: dict[str, str] = {}
    if who == "platform":
        headers = (await people.console()).headers
    elif who != "nobody":
        headers = (await people.member(grants=[grants[who]] if who in grants else [])).headers
    got = (
        (await client.post(URL, json=body(county.root), headers=headers)).status_code,
        (await client.post(URL, json=body(county.community), headers=headers)).status_code,
        (await client.patch(f"{URL}/{made['id']}", json={"name": "新名"}, headers=headers)).status_code,
    )
    assert got == MATRIX[who]


async def test_a_move_takes_every_grant_on_it_along(client, session, people, county, admin) -> None:
    made = (await client.post(URL, json=body(county.community), headers=admin.headers)).json()
    url = f"{URL}/{made['id']}"
    secretary = await people.member(grants=[(Role.ORG_SECRETARY, ScopeType.ORGANISATION, made["id"])])
    here = await people.member(grants=[admin_of(county.community)])
    there = await people.member(grants=[admin_of(county.other_community)])
    move = {"area_id": str(county.other_community.id)}
    # Neither administrator alone may push it out or pull it in.
    assert (await client.patch(url, json=move, headers=here.headers)).status_code == 403
    assert (await client.patch(url, json=move, headers=there.headers)).status_code == 403
    assert secretary.principal.grants[0].area_path == county.community.path
    moved = await client.patch(url, json=move, headers=admin.headers | {"If-Match": '"1"'})
    assert (moved.status_code, moved.json()["area"]["name"], moved.json()["version"]) == (200, county.other_community.name, 2)
    [grant] = await auth_queries.grants_of(session, account_id=secretary.id)
    assert grant.area_path == county.other_community.path
    assert (await client.patch(url, json={"name": "甲"}, headers=here.headers)).status_code == 403
    assert (await client.patch(url, json={"name": "乙"}, headers=there.headers)).status_code == 200
    assert (await client.patch(url, json={"name": "丙"}, headers=admin.headers | {"If-Match": '"2"'})).status_code == 412


async def test_a_parent_may_not_stand_below(client, county, admin) -> None:
    top, middle, low = [(await client.post(URL, json=body(county.root), headers=admin.headers)).json()["id"] for _ in range(3)]

    async def put_below(one: str, above: str | None) -> int:
        return (await client.patch(f"{URL}/{one}", json={"parent_id": above}, headers=admin.headers)).status_code

    assert [await put_below(middle, top), await put_below(low, middle)] == [200, 200]
    assert [await put_below(top, low), await put_below(top, top), await put_below(top, middle)] == [422, 422, 422]
    assert await put_below(top, str(uuid4())) == 404
    assert [await put_below(middle, None), await put_below(top, low)] == [200, 200]
    assert (await client.patch(f"{URL}/{top}", json={"kind": None}, headers=admin.headers)).status_code == 422


async def add(session, area: Area, kind: str = "branch", enterprise_id: Any = None) -> Organisation:
    made = Organisation(
        name="组织", kind=OrganisationKind(kind), formation=Formation.JOINT, area_id=area.id, area_path=area.path,
        enterprise_id=enterprise_id,
    )
    session.add(made)
    await session.flush()
    return made


async def test_the_root_committee_is_made_once_and_stays(client, session, county, admin) -> None:
    first = await service.ensure_root_committee(session, area=county.root)
    again = await service.ensure_root_committee(session, area=county.root)
    assert first.id == again.id and first.name == "测试县社会工作部综合党委"
    assert (first.kind, first.area_path) == (OrganisationKind.COMPREHENSIVE_COMMITTEE, county.root.path)
    scope = await auth_queries.scope(session, scope_type=ScopeType.ORGANISATION, scope_id=first.id)
    assert scope.area_path == county.root.path
    url = f"{URL}/{first.id}"
    for change in ({"area_id": str(county.street.id)}, {"kind": "branch"}, {"dissolved_on": clock.today().isoformat()}):
        refused = await client.patch(url, json=change, headers=admin.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    renamed = await client.patch(url, json={"name": "县综合党委", "area_id": str(county.root.id)}, headers=admin.headers)
    assert (renamed.status_code, renamed.json()["name"]) == (200, "县综合党委")
    assert (await service.ensure_root_committee(session, area=county.root)).id == first.id


async def test_many_who_need_the_root_committee_at_once_get_one(committed) -> None:
    async with committed.transaction() as session:
        county = await make_county(session)

    async def need() -> Any:
        async with committed.transaction() as session:
            return (await service.ensure_root_committee(session, area=county.root)).id

    try:
        assert len(set(await asyncio.gather(*(need() for _ in range(6))))) == 1
    finally:
        await _clear(committed)


async def _clear(committed) -> None:
    """Everything that `make_county` committed: no other test of this worker commits areas of this code."""
    async with committed.transaction() as session:
        path = "370899/"
        await session.exec(sa.delete(Organisation).where(col(Organisation.area_path).startswith(path)))
        await session.exec(sa.delete(Scope).where(col(Scope.area_path).startswith(path)))
        for level in ("grid", "community", "street", "county"):
            await session.exec(sa.delete(Area).where(col(Area.path).startswith(path), col(Area.level) == level))


async def test_who_prints_the_code_and_what_it_shows(session, people, county, admin) -> None:
    made = await add(session, county.community)
    secretary = await people.member(grants=[(Role.ORG_SECRETARY, ScopeType.ORGANISATION, made.id)])
    rider = await people.member()
    for who, may in ((secretary, True), (admin, True), (rider, False)):
        assert await queries.may_issue_qrcode(session, who.principal, made.id) is may
    assert await queries.describe(session, made.id) == {"id": str(made.id), "name": "组织", "kind": "branch", "phone": None}
    with pytest.raises(NotFound):
        await queries.describe(session, uuid4())
    with pytest.raises(Forbidden):
        await queries.access_administered(session, principal=rider.principal, organisation_id=made.id)
