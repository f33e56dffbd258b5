"""How many work for an enterprise, day by day: who writes it down, which figure counts, who reads it."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.enterprises import queries, service
from app.enterprises.models import EnterpriseHeadcount

URL = "/api/v1/enterprises"
TODAY = clock.today()


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


@pytest.fixture
async def admin(people, county):
    return await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])


@pytest.fixture
async def firm(client, county, admin) -> dict[str, Any]:
    told = {"name": "迅达配送", "uscc": "91370812MA3C4D5E69", "kind": "depot", "area_id": str(county.community.id), "headcount": 80}
    made: dict[str, Any] = (await client.post(URL, json=told, headers=admin.headers)).json()
    return made


@pytest.fixture
async def contact(people, firm):
    return await people.member(grants=[(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, UUID(firm["id"]))])


async def figures(client, who, firm) -> list[tuple[str, int | None]]:
    answer = await client.get(f"{URL}/{firm['id']}/headcounts", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return [(item["on"], item["headcount"]) for item in answer.json()["items"]]


async def tell(client, who, firm, on: str, headcount: int, **headers: str) -> Any:
    told = {"on": on, "headcount": headcount}
    return await client.post(f"{URL}/{firm['id']}/headcounts", json=told, headers=who.headers | headers)


async def test_the_newest_day_is_the_enterprises_figure(client, admin, contact, firm) -> None:
    assert await figures(client, admin, firm) == [(ago(0), 80)]
    made = await tell(client, contact, firm, ago(40), 60)
    assert (made.status_code, made.json()) == (201, {"on": ago(40), "headcount": 60})
    url = f"{URL}/{firm['id']}"
    shown = (await client.get(url, headers=contact.headers)).json()
    assert (shown["headcount"], shown["version"]) == (80, 1)  # an old day changes nothing about today
    assert (await tell(client, contact, firm, ago(0), 85)).status_code == 201
    shown = (await client.get(url, headers=contact.headers)).json()
    assert (shown["headcount"], shown["version"]) == (85, 2)
    assert await figures(client, contact, firm) == [(ago(0), 85), (ago(40), 60)]
    late = await tell(client, contact, firm, ago(1), 3, **{"If-Match": '"1"'})
    assert (late.status_code, late.json()["code"]) == (412, "version_mismatch")


async def test_a_change_of_the_enterprise_is_todays_figure_and_the_last_one_counts(client, session, admin, firm) -> None:
    url = f"{URL}/{firm['id']}"
    for headcount in (90, 95):
        assert (await client.patch(url, json={"headcount": headcount}, headers=admin.headers)).status_code == 200
    assert await figures(client, admin, firm) == [(ago(0), 95)]
    assert (await client.patch(url, json={"name": "迅达"}, headers=admin.headers)).json()["headcount"] == 95
    assert (await client.patch(url, json={"headcount": None}, headers=admin.headers)).json()["headcount"] is None
    await tell(client, admin, firm, ago(5), 70)
    assert (await client.get(url, headers=admin.headers)).json()["headcount"] is None  # unknown since today, whatever was before
    assert await figures(client, admin, firm) == [(ago(0), None), (ago(5), 70)]
    trail = sa.select(col(AuditEvent.facts)).where(
        col(AuditEvent.action) == "enterprise.headcount", col(AuditEvent.object_id) == UUID(firm["id"])
    )
    facts = (await session.exec(trail.order_by(col(AuditEvent.id)))).scalars().all()
    assert [(one["on"], one["headcount"]) for one in facts] == [(ago(0), 80), (ago(0), 90), (ago(0), 95), (ago(0), None), (ago(5), 70)]


async def test_figures_of_a_day_in_the_past(client, session, admin, firm) -> None:
    await tell(client, admin, firm, ago(40), 60)
    firm_id = UUID(firm["id"])
    seen = {
        days: await queries.headcounts_on(session, enterprise_ids=[firm_id], day=TODAY - timedelta(days=days)) for days in (0, 1, 40, 41)
    }
    assert seen == {0: {firm_id: 80}, 1: {firm_id: 60}, 40: {firm_id: 60}, 41: {}}


async def test_the_list_is_paged_by_day(client, admin, firm) -> None:
    for days in (3, 9, 6):
        await tell(client, admin, firm, ago(days), days)
    first = (await client.get(f"{URL}/{firm['id']}/headcounts?limit=3", headers=admin.headers)).json()
    assert [item["on"] for item in first["items"]] == [ago(0), ago(3), ago(6)]
    rest = await client.get(f"{URL}/{firm['id']}/headcounts?limit=3&cursor={first['next_cursor']}", headers=admin.headers)
    assert ([item["on"] for item in rest.json()["items"]], rest.json()["next_cursor"]) == ([ago(9)], None)


@pytest.mark.parametrize("told", [{"on": ago(-1), "headcount": 3}, {"on": ago(1), "headcount": -1}, {"on": ago(1)}, {"headcount": 3}])
async def test_what_cannot_be_is_refused(client, contact, firm, told: dict[str, Any]) -> None:
    answer = await client.post(f"{URL}/{firm['id']}/headcounts", json=told, headers=contact.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert await figures(client, contact, firm) == [(ago(0), 80)]


async def test_only_its_contact_and_its_administrators(client, people, county, admin, contact, firm) -> None:
    other = {"name": "别家", "uscc": "91370812MA3C4D5E70", "kind": "depot", "area_id": str(county.community.id), "uscc_confirmed": True}
    other_id = UUID((await client.post(URL, json=other, headers=admin.headers)).json()["id"])
    seen = {
        "contact": (contact, 201), "admin": (admin, 201), "rider": (await people.member(), 404), "platform": (await people.console(), 404),
        "elsewhere": (await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)]), 404),
        "reviewer": (await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.root.id)]), 404),
        "other contact": (await people.member(grants=[(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, other_id)]), 404),
    }
    got = {
        name: (
            (await tell(client, who, firm, ago(2), 5)).status_code,
            (await client.get(f"{URL}/{firm['id']}/headcounts", headers=who.headers)).status_code,
        )
        for name, (who, _) in seen.items()
    }
    assert got == {name: (status, 200 if status == 201 else 404) for name, (_, status) in seen.items()}
    assert (await tell(client, admin, {"id": str(uuid4())}, ago(2), 5)).status_code == 404


async def test_who_wrote_a_figure_is_copied_and_forgotten(client, session, contact, firm) -> None:
    await tell(client, contact, firm, ago(2), 5)
    copy = await queries.export(session, member_id=contact.id)
    assert copy == {"headcounts": [{"enterprise": firm["name"], "on": ago(2), "headcount": 5}]}
    await service.forget(session, member_id=contact.id)
    assert await queries.export(session, member_id=contact.id) == {"headcounts": []}
    kept = await session.exec(sa.select(sa.func.count()).where(col(EnterpriseHeadcount.enterprise_id) == UUID(firm["id"])))
    assert kept.scalar_one() == 2
