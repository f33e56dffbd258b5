"""One full value for an official whose duty it is."""

from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.errors import Forbidden
from app.me import queries, reveals, workflow
from app.members import service as members_service
from app.messages import queries as messages_queries
from app.registrations.models import Management, Registration, Status
from tests.support.branches import API, CONSENTS, MEMBERSHIP, make_branch

WHY = {"field": "phone", "reason": "上报现场需要电话核实"}


def path(member_id) -> str:
    return f"/api/v1/members/{member_id}/reveal"


@pytest.fixture
async def branch(session, people, county):
    return await make_branch(session, people, county.community, "东风社区快递党支部")


@pytest.fixture
async def other_branch(session, people, county):
    return await make_branch(session, people, county.other_community, "建设社区骑手党支部")


@pytest.fixture
async def rider(people, session, county):
    person = await people.member(phone="13800138020")
    await members_service.set_profile(session, member_id=person.id, real_name="张三", area=county.grid)
    return person


async def test_the_area_administrator_reveals_and_the_person_is_told(client, people, county, session, rider) -> None:
    admin = await people.console(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)], stepped_up=True)
    shown = await client.post(path(rider.id), json=WHY, headers=admin.headers)
    assert (shown.status_code, shown.json()) == (200, {"field": "phone", "value": "13800138020"})
    name = await client.post(path(rider.id), json=WHY | {"field": "real_name", "purpose": "handle_case"}, headers=admin.headers)
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
    assert [(seen["field"], seen["purpose"], seen["reason"]) for seen in copy["reveals"]] == [
        ("phone", None, WHY["reason"]), ("real_name", "handle_case", WHY["reason"]),
    ]
    await reveals.forget(session, member_id=rider.id)
    assert {seen["reason"] for seen in (await queries.export(session, member_id=rider.id))["reveals"]} == {None}


async def test_it_takes_a_fresh_proof_of_identity(client, people, county, rider) -> None:
    admin = await people.console(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    answer = await client.post(path(rider.id), json=WHY, headers=admin.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")


# Who may reveal what of a Party member who works in the grid, is registered with the branch, and has one of its people as contact:
# 200 duty, 403 within one's scope but not one's duty, 404 outside. Nobody's duty is another value than another's: name and phone alike.
TABLE: dict[str, int] = {
    "area_admin of the county": 200, "area_admin of the street": 200, "area_admin elsewhere": 404,
    "org_secretary of the branch": 200, "org_secretary of another": 404,
    "instructor of the branch": 403, "instructor of another": 404, "instructor of the employer": 404,
    "reviewer of the community": 403, "reviewer elsewhere": 404, "grid_worker of the grid": 403, "grid_worker elsewhere": 404,
    "auditor of the county": 403, "platform_admin": 404, "enterprise_contact of the employer": 404, "store_owner": 404, "store_clerk": 404,
    "the contact person without a role": 404, "another member": 404, "the person": 200,
}


@pytest.fixture
async def case(client, session, people, county, branch, other_branch):
    """The member, and everybody who might ask."""
    area, organisation = ScopeType.AREA, ScopeType.ORGANISATION
    member = await people.member(phone="13800138021", consents=CONSENTS, stepped_up=True)
    chief = await people.member(grants=[(Role.AREA_ADMIN, area, county.root.id)])
    firm = {"name": "迅达配送", "uscc": "91370812MA3C4D5E69", "kind": "depot", "area_id": str(county.root.id)}
    firm_id = UUID((await client.post("/api/v1/enterprises", json=firm, headers=chief.headers)).json()["id"])
    told = {
        "scene": branch.scene, "real_name": "张三", "occupation": "courier", "work_area_id": str(county.grid.id),
        "employers": [{"enterprise_id": str(firm_id)}], **MEMBERSHIP,
    }
    made = await client.post(API, json=told, headers=member.headers)
    assert made.status_code == 201, made.text
    contact = await people.member(stepped_up=True)
    await session.exec(
        sa.update(Registration).where(col(Registration.id) == UUID(made.json()["id"])).values(
            status=Status.APPROVED, management=Management.MOBILE, contact_account_id=contact.id, next_contact_on=clock.today(),
        )
    )
    grants = {
        "area_admin of the county": (Role.AREA_ADMIN, area, county.root.id),
        "area_admin of the street": (Role.AREA_ADMIN, area, county.street.id),
        "area_admin elsewhere": (Role.AREA_ADMIN, area, county.other_community.id),
        "org_secretary of the branch": (Role.ORG_SECRETARY, organisation, branch.id),
        "org_secretary of another": (Role.ORG_SECRETARY, organisation, other_branch.id),
        "instructor of the branch": (Role.INSTRUCTOR, organisation, branch.id),
        "instructor of another": (Role.INSTRUCTOR, organisation, other_branch.id),
        "instructor of the employer": (Role.INSTRUCTOR, ScopeType.ENTERPRISE, firm_id),
        "reviewer of the community": (Role.REVIEWER, area, county.community.id),
        "reviewer elsewhere": (Role.REVIEWER, area, county.other_community.id),
        "grid_worker of the grid": (Role.GRID_WORKER, area, county.grid.id),
        "grid_worker elsewhere": (Role.GRID_WORKER, area, county.other_grid.id),
        "auditor of the county": (Role.AUDITOR, area, county.root.id), "platform_admin": (Role.PLATFORM_ADMIN, ScopeType.PLATFORM, None),
        "enterprise_contact of the employer": (Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, firm_id),
        "store_owner": (Role.STORE_OWNER, ScopeType.STORE, uuid4()), "store_clerk": (Role.STORE_CLERK, ScopeType.STORE, uuid4()),
    }
    asking = {name: await people.member(grants=[grant], stepped_up=True) for name, grant in grants.items()}
    return member, asking | {
        "the contact person without a role": contact, "another member": await people.member(stepped_up=True), "the person": member,
    }


async def outcomes(client, case, field: str) -> dict[str, int]:
    member, asking = case
    got = {}
    for name, who in asking.items():
        answer = await client.post(path(member.id), json=WHY | {"field": field}, headers=who.headers)
        got[name] = answer.status_code
        assert (answer.status_code == 200) == ({"phone": "13800138021", "real_name": "张三"}[field] in answer.text), name
    return got


def test_the_table_names_every_role() -> None:
    assert {name.split(" ")[0] for name in TABLE} >= {role.value for role in Role}


@pytest.mark.parametrize("field", ["phone", "real_name"])
async def test_duty_and_scope_decide(client, case, field: str) -> None:
    assert await outcomes(client, case, field) == TABLE


async def test_a_rule_that_lets_whoever_is_near_reveal_is_caught(client, case, monkeypatch) -> None:
    """Known bad: everybody in whose scope the member lies is taken for somebody whose duty it is."""
    def near(principal, *, area_path, organisation_id) -> None:
        try:
            duty(principal, area_path=area_path, organisation_id=organisation_id)
        except Forbidden:
            return

    duty = workflow.require_duty
    monkeypatch.setattr(workflow, "require_duty", near)
    got = await outcomes(client, case, "phone")
    assert {name for name in TABLE if got[name] != TABLE[name]} == {name for name, status in TABLE.items() if status == 403}


async def test_ones_own_value_takes_a_fresh_proof_and_tells_nobody(client, session, people) -> None:
    signed_in = await people.member(phone="13800138022")
    refused = await client.post(path(signed_in.id), json=WHY, headers=signed_in.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required")
    proved = await people.member(phone="13800138023", stepped_up=True)
    shown = await client.post(path(proved.id), json=WHY, headers=proved.headers)
    assert shown.json() == {"field": "phone", "value": "13800138023"}
    assert not await messages_queries.inbox(session, member_id=proved.id, unread=None, limit=10, after=None)


@pytest.mark.parametrize(
    "told",
    [{"reason": ""}, {"reason": "   "}, {"reason": "核 "}, {"reason": "x" * 501}, {"purpose": "curiosity"}, {"field": "openid"},
     {"reason": None}],
)
async def test_a_reason_and_a_known_purpose(client, people, county, rider, told: dict[str, Any]) -> None:
    admin = await people.console(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)], stepped_up=True)
    answer = await client.post(path(rider.id), json=WHY | told, headers=admin.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    fine = await client.post(path(rider.id), json=WHY | {"reason": "核实", "purpose": "verify_identity"}, headers=admin.headers)
    assert fine.status_code == 200


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
