"""One full value for an official whose duty it is."""

from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.me import queries, reveals
from app.members import service as members_service
from app.messages import queries as messages_queries

WHY = {"field": "phone", "reason": "上报现场需要电话核实"}


def path(member_id) -> str:
    return f"/api/v1/members/{member_id}/reveal"


@pytest.fixture
async def rider(people, session, county):
    person = await people.member(phone="13800138020")
    await members_service.set_profile(session, member_id=person.id, real_name="张三", area=county.grid)
    return person


async def test_the_area_administrator_reveals_and_the_person_is_told(client, people, county, session, rider) -> None:
    admin = await people.console(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)], stepped_up=True)
    shown = await client.post(path(rider.id), json=WHY, headers=admin.headers)
    assert (shown.status_code, shown.json()) == (200, {"field": "phone", "value": "13800138020"})
    name = await client.post(path(rider.id), json=WHY | {"field": "real_name"}, headers=admin.headers)
    assert name.json() == {"field": "real_name", "value": "张三"}
    inbox = await messages_queries.inbox(session, member_id=rider.id, unread=None, limit=10, after=None)
    assert [message.category.value for message in inbox] == ["account", "account"]
    found = await session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "members.reveal").order_by(col(AuditEvent.id)))
    events = found.scalars().all()
    assert [(event.actor_id, event.object_id, event.facts["field"]) for event in events] == [
        (admin.id, rider.id, "phone"), (admin.id, rider.id, "real_name"),
    ]
    assert not any("核实" in str(event.facts) or "1380" in str(event.facts) for event in events)
    copy = await queries.export(session, member_id=rider.id)
    assert [(seen["field"], seen["reason"]) for seen in copy["reveals"]] == [("phone", WHY["reason"]), ("real_name", WHY["reason"])]
    await reveals.forget(session, member_id=rider.id)
    assert {seen["reason"] for seen in (await queries.export(session, member_id=rider.id))["reveals"]} == {None}


async def test_it_takes_a_fresh_proof_of_identity(client, people, county, rider) -> None:
    admin = await people.console(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    answer = await client.post(path(rider.id), json=WHY, headers=admin.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")


@pytest.mark.parametrize(
    ("role", "place", "status"),
    [(Role.AREA_ADMIN, "street", 200), (Role.AREA_ADMIN, "other_community", 404), (Role.AUDITOR, "root", 403),
     (Role.REVIEWER, "community", 403), (Role.REVIEWER, "other_community", 404)],
)
async def test_duty_and_scope_decide(client, people, county, rider, role: Role, place: str, status: int) -> None:
    official = await people.console(grants=[(role, ScopeType.AREA, getattr(county, place).id)], stepped_up=True)
    answer = await client.post(path(rider.id), json=WHY, headers=official.headers)
    assert answer.status_code == status
    assert status == 200 or "1380013" not in answer.text


async def test_unknown_people_and_missing_values_look_alike(client, people, county, rider) -> None:
    admin = await people.console(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)], stepped_up=True)
    bare = await people.member(phone=None)
    answers = [await client.post(path(one), json=WHY, headers=admin.headers) for one in (uuid4(), bare.id, admin.id)]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_twenty_an_hour(client, people, county, rider) -> None:
    admin = await people.console(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)], stepped_up=True)
    answers = [await client.post(path(rider.id), json=WHY, headers=admin.headers) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert answers[-1].json()["code"] == "rate_limited" and int(answers[-1].headers["Retry-After"]) > 3_000
