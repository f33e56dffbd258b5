"""Instructors and liaisons: who assigns them, the grant that goes with an instructor, who reads who it is, and erasure."""

from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.models import AccessGrant
from app.auth.principal import AccountStatus
from app.auth.roles import Role, ScopeType
from app.coverage import queries as coverage_queries
from app.coverage import service as coverage_service
from app.coverage.models import Assignment
from app.members import service as members_service
from tests.coverage.conftest import ENTERPRISE, ORGANISATION, Scene

TODAY = clock.today()
BOTH = [ORGANISATION, ENTERPRISE]


def ahead(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


@pytest.fixture
async def helper(people, session, scene):
    person = await people.member()
    await members_service.set_profile(session, member_id=person.id, real_name="李联络", occupation=None, area=scene.county.root)
    return person


async def grants(session, person, scene: Scene) -> list[Role]:
    mine = {scene.branch.id, scene.firm.id}
    return [one.role for one in await auth_queries.grants_of(session, account_id=person.id) if one.scope_id in mine]


@pytest.mark.parametrize("kind", BOTH)
async def test_an_instructor_gets_the_grant_and_loses_it_at_once(client, session, scene, helper, kind: str) -> None:
    url, headers = scene.url(kind, "assignments"), scene.admin.headers
    answer = await client.post(url, json={"phone": helper.phone, "role": "instructor", "until": ahead(30)}, headers=headers)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made == {
        "id": made["id"], "role": "instructor", "account_id": str(helper.id), "name": "李联络", "waiting": False, "allowed": ["end"],
        "phone": f"{helper.phone[:3]}****{helper.phone[-4:]}", "since": ahead(0), "until": ahead(30),
    }
    assert await grants(session, helper, scene) == [Role.INSTRUCTOR]
    row = await session.get(Assignment, made["id"])
    grant = await session.get(AccessGrant, row.grant_id)
    assert grant.valid_until == clock.day_start(TODAY + timedelta(days=31)), "its power ends with the last day"
    twice = await client.post(url, json={"account_id": str(helper.id), "role": "instructor"}, headers=headers)
    assert (twice.status_code, twice.json()["code"]) == (409, "already_exists")

    end = f"{url}/{made['id']}/end"
    for wrong in (ahead(1), ahead(-1)):
        assert (await client.post(end, json={"until": wrong}, headers=headers)).status_code == 422
    ended = (await client.post(end, json={}, headers=headers)).json()
    assert (ended["until"], ended["allowed"]) == (ahead(0), [])
    assert await grants(session, helper, scene) == []
    over = await client.post(end, json={}, headers=headers)
    assert (over.status_code, over.json()["code"]) == (409, "invalid_transition")
    again = await client.post(url, json={"account_id": str(helper.id), "role": "instructor"}, headers=headers)
    assert (again.status_code, again.json()["until"]) == (201, ahead(364)), "a year, when no end is given"
    assert [len((await client.get(url, params=on, headers=headers)).json()["items"]) for on in ({}, {"on": ahead(300)})] == [2, 1]


@pytest.mark.parametrize("kind", BOTH)
async def test_a_liaison_gets_no_grant_and_needs_an_account(client, session, scene, helper, kind: str) -> None:
    url, headers = scene.url(kind, "assignments"), scene.admin.headers
    made = await client.post(url, json={"phone": helper.phone, "role": "liaison"}, headers=headers)
    assert (made.status_code, made.json()["until"]) == (201, None)
    assert await grants(session, helper, scene) == []
    unknown = await client.post(url, json={"phone": "13700000001", "role": "liaison"}, headers=headers)
    assert (unknown.status_code, unknown.json()["errors"][0]["loc"]) == (422, ["body", "phone"])
    assert (await client.post(url, json={"account_id": str(uuid4()), "role": "liaison"}, headers=headers)).status_code == 404
    assert (await client.post(url, json={"account_id": str(helper.id), "role": "liaison"}, headers=headers)).status_code == 409
    ended = await client.post(f"{url}/{made.json()['id']}/end", json={}, headers=headers)
    assert (ended.status_code, ended.json()["until"]) == (200, ahead(0))


@pytest.mark.parametrize(
    "body",
    [{"role": "instructor"}, {"role": "liaison", "phone": "13700000001", "account_id": str(uuid4())},
     {"role": "boss", "phone": "13700000001"},
     {"role": "instructor", "phone": "13700000001", "since": ahead(1)}, {"role": "instructor", "phone": "13700000001", "until": ahead(366)},
     {"role": "instructor", "phone": "13700000001", "since": ahead(-5), "until": ahead(-6)}, {"role": "instructor", "phone": "110"}],
)
async def test_a_wrong_body_is_refused(client, scene, body) -> None:
    answer = await client.post(scene.url(ORGANISATION, "assignments"), json=body, headers=scene.admin.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


async def test_an_instructor_may_be_awaited_by_phone(client, session, people, scene) -> None:
    url, headers = scene.url(ENTERPRISE, "assignments"), scene.admin.headers
    body = {"phone": "13700000002", "role": "instructor", "until": ahead(10)}
    made = (await client.post(url, json=body, headers=headers)).json()
    assert (made["waiting"], made["account_id"], made["name"], made["phone"]) == (True, None, None, "137****0002")
    assert (await client.post(url, json=body, headers=headers)).status_code == 409
    newcomer = await people.member(phone="13700000002")
    [shown] = (await client.get(url, headers=headers)).json()["items"]
    assert (shown["waiting"], shown["account_id"]) == (False, str(newcomer.id))
    visit = await client.post(scene.url(ENTERPRISE, "visits"), json={"note": "首次走访"}, headers=newcomer.headers)
    assert visit.status_code == 201, visit.text
    assert (await client.post(f"{url}/{made['id']}/end", json={}, headers=headers)).status_code == 200
    assert await grants(session, newcomer, scene) == []


async def test_a_grant_that_was_there_gives_way_to_the_assignment(client, session, people, scene) -> None:
    """Otherwise it would outlive the last day of the assignment."""
    person = await people.member(grants=[(Role.INSTRUCTOR, ScopeType.ORGANISATION, scene.branch.id)])
    body = {"account_id": str(person.id), "role": "instructor", "until": ahead(5)}
    assert (await client.post(scene.url(ORGANISATION, "assignments"), json=body, headers=scene.admin.headers)).status_code == 201
    found = await session.exec(
        sa.select(col(AccessGrant.valid_until)).where(col(AccessGrant.account_id) == person.id, col(AccessGrant.revoked_at).is_(None))
    )
    assert found.scalars().all() == [clock.day_start(TODAY + timedelta(days=6))]


async def test_what_is_over_is_written_down_without_a_grant(client, session, scene, helper) -> None:
    url, headers = scene.url(ORGANISATION, "assignments"), scene.admin.headers
    past = {"account_id": str(helper.id), "role": "instructor", "since": ahead(-400), "until": ahead(-10)}
    made = await client.post(url, json=past, headers=headers)
    assert (made.status_code, made.json()["allowed"], await grants(session, helper, scene)) == (201, [], [])
    assert (await client.post(url, json=past | {"since": ahead(-10), "until": ahead(-9)}, headers=headers)).status_code == 409
    assert (await client.post(url, json=past | {"since": ahead(-9), "until": ahead(-9)}, headers=headers)).status_code == 201


async def test_an_account_that_is_suspended_is_not_assigned(client, session, scene, helper) -> None:
    await auth_service.set_status(session, account_id=helper.id, status=AccountStatus.SUSPENDED)
    for role in ("liaison", "instructor"):
        body = {"account_id": str(helper.id), "role": role}
        answer = await client.post(scene.url(ORGANISATION, "assignments"), json=body, headers=scene.admin.headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


# Who assigns and ends; and who reads the name of the one who is assigned: at the organisation, at the enterprise.
WHO = {
    "county_admin": (201, 200, True, True), "community_admin": (201, 200, True, True), "other_admin": (403, 403, False, False),
    "reviewer": (403, 403, False, False), "auditor": (403, 403, False, False), "platform": (403, 403, False, False),
    "secretary": (403, 403, True, False), "contact": (403, 403, False, False), "rider": (403, 403, False, False),
    "nobody": (401, 401, None, None),
}


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("who", WHO)
async def test_who_assigns_and_who_reads_who_it_is(client, session, people, scene, helper, who: str, kind: str) -> None:
    url = scene.url(kind, "assignments")
    body = {"account_id": str(helper.id), "role": "instructor"}
    there = (await client.post(url, json=body, headers=scene.admin.headers)).json()
    person = await scene.person(people, who, kind)
    headers = person.headers if person else {}
    made, ended, at_organisation, at_enterprise = WHO[who]
    answer = await client.get(url, headers=headers)
    if who == "nobody":
        assert answer.status_code == 401
    else:
        [item] = answer.json()["items"]
        knows = at_organisation if kind == ORGANISATION else at_enterprise
        told = {"account_id": str(helper.id), "name": "李联络", "phone": f"{helper.phone[:3]}****{helper.phone[-4:]}"}
        assert {name: item[name] for name in told} == (told if knows else dict.fromkeys(told)), "others see only that there is one"
        assert (item["role"], item["since"], item["allowed"]) == ("instructor", ahead(0), ["end"] if ended == 200 else [])
    someone = await people.member()
    assert (await client.post(url, json={"account_id": str(someone.id), "role": "liaison"}, headers=headers)).status_code == made
    assert (await client.post(f"{url}/{there['id']}/end", json={}, headers=headers)).status_code == ended


async def test_the_assigned_read_of_one_another(client, people, scene, helper) -> None:
    url = scene.url(ENTERPRISE, "assignments")
    other = await people.member()
    for person in (helper, other):
        await client.post(url, json={"account_id": str(person.id), "role": "liaison"}, headers=scene.admin.headers)
    items = (await client.get(url, headers=other.headers)).json()["items"]
    assert {item["name"] for item in items} == {"李联络", None}
    assert {item["account_id"] for item in items} == {str(helper.id), str(other.id)}


async def test_one_place_knows_nothing_of_anothers(client, scene, helper) -> None:
    body = {"account_id": str(helper.id), "role": "liaison"}
    made = (await client.post(scene.url(ENTERPRISE, "assignments"), json=body, headers=scene.admin.headers)).json()
    assert (await client.get(scene.url(ORGANISATION, "assignments"), headers=scene.admin.headers)).json()["items"] == []
    end = scene.url(ORGANISATION, f"assignments/{made['id']}/end")
    assert (await client.post(end, json={}, headers=scene.admin.headers)).status_code == 404
    for path in (f"/api/v1/organisations/{uuid4()}", f"/api/v1/enterprises/{uuid4()}"):
        assert (await client.get(f"{path}/assignments", headers=scene.admin.headers)).status_code == 404
        assert (await client.post(f"{path}/assignments", json=body, headers=scene.admin.headers)).status_code == 404


async def test_an_erased_person_looks_after_nobody(client, session, scene, helper) -> None:
    """The days stay, so that figures of the past do not change; the grant, the name and the note go."""
    for kind, role in ((ORGANISATION, "instructor"), (ENTERPRISE, "liaison")):
        await client.post(scene.url(kind, "assignments"), json={"account_id": str(helper.id), "role": role}, headers=scene.admin.headers)
    note = "企业负责人愿意联合组建"
    url = scene.url(ENTERPRISE, "visits")
    assert (await client.post(url, json={"note": note, "topics": ["setting_up"]}, headers=helper.headers)).status_code == 201
    copy = await coverage_queries.export(session, member_id=helper.id)
    assert [one["role"] for one in copy["assignments"]] == ["instructor", "liaison"]
    assert copy["visits"] == [
        {"organisation_id": None, "enterprise_id": str(scene.firm.id), "on": ahead(0), "topics": ["setting_up"], "note": note}
    ]
    for forget in (coverage_service.forget, members_service.forget, auth_service.forget):
        await forget(session, member_id=helper.id)
    for kind in BOTH:
        [item] = (await client.get(scene.url(kind, "assignments"), headers=scene.admin.headers)).json()["items"]
        assert (item["name"], item["phone"], item["until"], item["allowed"]) == (None, None, ahead(0), [])
    [visit] = (await client.get(url, headers=scene.admin.headers)).json()["items"]
    assert (visit["on"], visit["topics"], visit["note"], visit["by"]) == (ahead(0), ["setting_up"], None, None)
    assert await grants(session, helper, scene) == []
    assert (await coverage_queries.export(session, member_id=helper.id))["visits"][0]["note"] is None


async def test_the_trail_holds_no_person_but_an_id(client, session, scene, helper) -> None:
    await client.post(
        scene.url(ENTERPRISE, "assignments"), json={"phone": helper.phone, "role": "instructor"}, headers=scene.admin.headers
    )
    await client.post(scene.url(ENTERPRISE, "visits"), json={"note": "请联系 13812345678"}, headers=helper.headers)
    found = await session.exec(sa.select(AuditEvent).where(col(AuditEvent.object_id) == scene.firm.id))
    events = found.scalars().all()
    assert {event.action for event in events} == {"coverage.assign", "coverage.visit"}
    assert not any(word in str(event.facts) for event in events for word in (helper.phone, "李联络", "13812345678"))
