"""企企联建: which enterprises an organisation covers beside its own, from when to when, and who says so."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area
from app.audit.models import AuditEvent
from app.auth.models import Scope
from app.auth.roles import Role, ScopeType
from app.coverage import queries, service
from app.coverage.models import Cover
from app.db.session import Database
from app.enterprises.models import Enterprise
from app.errors import AlreadyExists
from app.organisations.models import Organisation
from app.settings import Settings
from tests.coverage.conftest import make_firm, make_organisation
from tests.support.county import make_county
from tests.support.people import People

TODAY = clock.today()
ORGANISATION = "organisations"


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


async def test_a_cover_begins_ends_and_begins_again(client, session, people, scene) -> None:
    scene.branch.founded_on = ago(30)
    session.add(scene.branch)
    await session.flush()
    url, headers, firm = scene.url(ORGANISATION, "covers"), scene.admin.headers, str(scene.firm.id)
    answer = await client.post(url, json={"enterprise_id": firm, "since": ago(10).isoformat()}, headers=headers)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made == {
        "id": made["id"], "organisation": {"id": str(scene.branch.id), "name": "联合党支部"}, "enterprise": {"id": firm, "name": "企业1"},
        "since": ago(10).isoformat(), "until": None, "allowed": ["end"],
    }
    rider = await people.member()
    assert (await client.get(url, headers=rider.headers)).json()["items"] == [made | {"allowed": []}]
    again = await client.post(url, json={"enterprise_id": firm}, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")

    end = f"{url}/{made['id']}/end"
    assert (await client.post(end, json={"until": ago(11).isoformat()}, headers=headers)).status_code == 422
    ended = (await client.post(end, json={"until": ago(3).isoformat()}, headers=headers)).json()
    assert (ended["until"], ended["allowed"]) == (ago(3).isoformat(), [])
    over = await client.post(end, json={}, headers=headers)
    assert (over.status_code, over.json()["code"], over.json()["allowed"]) == (409, "invalid_transition", [])
    # The last day still belongs to it: the next one begins the day after, not on it.
    for since, status in ((ago(3), 409), (ago(5), 409), (ago(2), 201)):
        assert (await client.post(url, json={"enterprise_id": firm, "since": since.isoformat()}, headers=headers)).status_code == status
    for on, count in ((ago(11), 0), (ago(10), 1), (ago(3), 1), (ago(2), 1), (TODAY, 1)):
        assert len((await client.get(url, params={"on": on.isoformat()}, headers=rider.headers)).json()["items"]) == count, on
    found = await session.exec(sa.select(col(AuditEvent.action)).where(col(AuditEvent.object_id) == scene.branch.id))
    assert sorted(found.scalars().all()) == ["coverage.cover", "coverage.cover", "coverage.end_cover"]


async def test_an_end_may_be_planned_and_moved(client, scene) -> None:
    url, headers = scene.url(ORGANISATION, "covers"), scene.admin.headers
    made = (await client.post(url, json={"enterprise_id": str(scene.firm.id)}, headers=headers)).json()
    planned = (TODAY + timedelta(days=30)).isoformat()
    first = (await client.post(f"{url}/{made['id']}/end", json={"until": planned}, headers=headers)).json()
    assert (first["until"], first["allowed"]) == (planned, ["end"])
    assert (await client.post(f"{url}/{made['id']}/end", json={}, headers=headers)).json()["until"] == TODAY.isoformat()


async def test_what_cannot_be_covered(client, session, scene) -> None:
    url, headers = scene.url(ORGANISATION, "covers"), scene.admin.headers
    firm = {"enterprise_id": str(scene.firm.id)}
    tomorrow = {"since": (TODAY + timedelta(days=1)).isoformat()}
    for body, status in ((firm | tomorrow, 422), ({}, 422), ({"enterprise_id": str(uuid4())}, 404), (firm | {"since": "1890-01-01"}, 422)):
        assert (await client.post(url, json=body, headers=headers)).status_code == status, body
    assert (await client.post(f"/api/v1/organisations/{uuid4()}/covers", json=firm, headers=headers)).status_code == 404
    before = await client.post(url, json=firm | {"since": ago(1).isoformat()}, headers=headers)
    assert (before.status_code, before.json()["code"]) == (409, "conflict"), "not founded yet"
    own = await make_organisation(session, scene.county.community, enterprise_id=scene.firm.id)
    refused = await client.post(f"/api/v1/organisations/{own.id}/covers", json=firm, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_exists")
    scene.firm.closed_on = TODAY
    session.add(scene.firm)
    await session.flush()
    assert (await client.post(url, json=firm, headers=headers)).status_code == 409
    other = await make_organisation(session, scene.county.community)
    assert (await client.post(f"/api/v1/organisations/{other.id}/covers/{uuid4()}/end", json={}, headers=headers)).status_code == 404


WHO = {
    "county_admin": (201, 200), "community_admin": (201, 200), "other_admin": (403, 403), "reviewer": (403, 403), "auditor": (403, 403),
    "platform": (403, 403), "secretary": (403, 403), "contact": (403, 403), "rider": (403, 403), "nobody": (401, 401),
}


@pytest.mark.parametrize("who", WHO)
async def test_who_says_what_is_covered(client, session, people, scene, who: str) -> None:
    there = Cover(organisation_id=scene.branch.id, enterprise_id=(await firm_of(session, scene)).id, since=TODAY)
    session.add(there)
    await session.flush()
    person = await scene.person(people, who, ORGANISATION)
    headers = person.headers if person else {}
    url = scene.url(ORGANISATION, "covers")
    got = (
        (await client.post(url, json={"enterprise_id": str(scene.firm.id)}, headers=headers)).status_code,
        (await client.post(f"{url}/{there.id}/end", json={}, headers=headers)).status_code,
    )
    assert got == WHO[who]


async def firm_of(session, scene) -> Enterprise:
    return await make_firm(session, scene.county.other_community, scene.county.root, 7)


async def test_nobody_changes_the_figures_of_anothers_area(client, session, people, scene) -> None:
    """The organisation lies in the caller's community, the enterprise does not: an administrator of both is asked for."""
    beyond = {"enterprise_id": str((await firm_of(session, scene)).id)}
    here = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, scene.county.community.id)])
    there = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, scene.county.other_community.id)])
    url = scene.url(ORGANISATION, "covers")
    assert [(await client.post(url, json=beyond, headers=who.headers)).status_code for who in (here, there, scene.admin)] == [403, 403, 201]


@pytest.mark.parametrize("blind", [False, True])
async def test_of_many_at_once_one_counts(committed: Database, settings: Settings, blind: bool, monkeypatch) -> None:
    """Even for code that forgot to look first (`blind`): then the unique index says no."""
    async def nothing(*_: Any, **__: Any) -> bool:
        return False

    if blind:
        monkeypatch.setattr(queries, "covered_meanwhile", nothing)
    async with committed.transaction() as session:
        county = await make_county(session)
        branch = await make_organisation(session, county.community)
        firm = await make_firm(session, county.community, county.root, 1)
        admin = await People(session, settings).member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])

    async def cover() -> UUID | str:
        try:
            async with committed.transaction() as session:
                made = await service.cover(
                    session, principal=admin.principal, organisation_id=branch.id, enterprise_id=firm.id, since=None
                )
                return made.id
        except (AlreadyExists, sa.exc.IntegrityError) as refusal:
            return type(refusal).__name__

    try:
        answers = await asyncio.gather(*(cover() for _ in range(5)))
        assert sum(isinstance(answer, UUID) for answer in answers) == 1, answers
        assert answers.count("IntegrityError" if blind else "AlreadyExists") == 4, answers
    finally:
        await _clear(committed)


async def _clear(committed: Database) -> None:
    """Everything that lies in the committed county: no other test of this worker commits areas of this code."""
    path = "370899/"
    async with committed.transaction() as session:
        mine = sa.select(col(Organisation.id)).where(col(Organisation.area_path).startswith(path))
        await session.exec(sa.delete(Cover).where(col(Cover.organisation_id).in_(mine)))
        for table in (Organisation, Enterprise, Scope):
            await session.exec(sa.delete(table).where(col(table.area_path).startswith(path)))
        for level in ("grid", "community", "street", "county"):
            await session.exec(sa.delete(Area).where(col(Area.path).startswith(path), col(Area.level) == level))
