"""What a secretary decides, who else may see what, and that every reading of Party members is noted."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.messages.models import Message
from app.registrations.models import RegistrationContact
from tests.support.branches import API, CONSENTS, MEMBERSHIP, PARTY, make_branch
from tests.support.registering import approval

SECRETS = ("周口", "full_member", "2012-07-01")


@pytest.fixture
async def rider(people):
    return await people.member(consents=CONSENTS)


@pytest.fixture
async def pending(rider, branch, registered):
    return await registered(rider, scene=branch.scene, **MEMBERSHIP)


async def reads(session) -> list[AuditEvent]:
    found = await session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "registrations.read").order_by(col(AuditEvent.id)))
    return list(found.scalars().all())


async def test_approval_ends_with_a_named_contact_person(client, rider, branch, pending, command, registered, people, session) -> None:
    await registered(branch.instructor, real_name="李指导")
    done = await command(branch.secretary, pending["id"], "approve", approval(branch.instructor), **{"If-Match": '"1"'})
    assert done.status_code == 200, done.text
    told = done.json()
    assert (told["status"], told["management"], told["allowed"]) == ("approved", "mobile", ["contacts", "contact-person"])
    seen = (await client.get(f"{API}/{pending['id']}", headers=rider.headers)).json()
    assert seen["contact"] == {"name": "李指导", "phone": "0537-3412345"}
    assert seen["next_contact_on"] == approval(branch.instructor)["next_contact_on"]
    assert (seen["allowed"], seen["member"], seen["contacts"]) == (["update", "withdraw"], None, [])
    sent = (await session.exec(sa.select(Message).where(col(Message.member_id) == rider.id))).scalars().all()
    assert len(sent) == 2 and not any("李指导" in message.body or "党" in message.title + message.body for message in sent)
    again = await command(branch.secretary, pending["id"], "approve", approval(branch.instructor))
    assert (again.status_code, again.json()["current_status"], again.json()["allowed"]) == (409, "approved", ["contacts", "contact-person"])


async def test_the_contact_person_is_of_the_organisations_staff(people, rider, branch, other_branch, pending, command) -> None:
    for outsider in (other_branch.secretary, rider, await people.member()):
        refused = await command(branch.secretary, pending["id"], "approve", approval(outsider))
        assert refused.status_code == 422, refused.text
    stale = await command(branch.secretary, pending["id"], "approve", approval(branch.instructor), **{"If-Match": '"9"'})
    assert (stale.status_code, stale.json()["version"]) == (412, 1)


async def test_approving_into_another_organisation_only_below_ones_own(
    people, county, branch, other_branch, pending, command, session
) -> None:
    below = await make_branch(session, people, county.grid, "东风社区骑手党小组", parent_id=branch.id)
    aside = approval(other_branch.secretary, organisation_id=str(other_branch.id))
    assert (await command(branch.secretary, pending["id"], "approve", aside)).status_code == 403
    done = await command(branch.secretary, pending["id"], "approve", approval(below.secretary, organisation_id=str(below.id)))
    assert (done.status_code, done.json()["organisation"]["id"], done.json()["party"]) == (200, str(below.id), None)


async def test_only_the_secretary_of_that_organisation_decides(
    client, people, county, rider, branch, other_branch, pending, command
) -> None:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    console = await people.console()
    given = {
        "approve": approval(branch.instructor), "return": {"reason": "请补充"}, "reject": {"reason": "无法联系"},
        "transfer": {"organisation_id": str(other_branch.id), "reason": "片区不同"},
        "contacts": {"note": "已联系", "next_contact_on": "2027-01-01"},
    }
    for name, told in given.items():
        assert (await command(rider, pending["id"], name, told)).status_code == 403
        for outsider in (other_branch.secretary, admin, console, branch.instructor):
            assert (await command(outsider, pending["id"], name, told)).status_code == 404
    assert (await command(branch.secretary, pending["id"], "withdraw")).status_code == 403
    for outsider in (other_branch.secretary, admin, console, branch.instructor):
        assert (await client.get(f"{API}/{pending['id']}", headers=outsider.headers)).status_code == 404
        listed = await client.get(API, headers=outsider.headers)
        assert listed.status_code == 200 and listed.json()["items"] == []


async def test_nobody_decides_about_oneself(people, branch, registered, command, session) -> None:
    both = await people.member(consents=CONSENTS, grants=[(Role.ORG_SECRETARY, ScopeType.ORGANISATION, branch.id)])
    made = await registered(both, scene=branch.scene, **MEMBERSHIP)
    refused = await command(both, made["id"], "approve", approval(branch.secretary))
    assert refused.status_code == 403


async def test_what_a_secretary_reads_is_noted_and_the_list_declares_nothing(
    client, people, rider, branch, pending, registered, session
) -> None:
    plain = await registered(await people.member(), scene=branch.scene)
    listed = await client.get(API, headers=branch.secretary.headers, params={"organisation_id": str(branch.id)})
    assert [row["id"] for row in listed.json()["items"]] == [plain["id"], pending["id"]]
    assert not any(secret in listed.text for secret in SECRETS)
    first = listed.json()["items"][1]
    assert first["member"]["name"] == "王小明" and first["member"]["phone"].count("*") == 4
    assert [event.facts for event in await reads(session)] == [{"ids": [pending["id"]]}]
    waiting = await client.get(API, headers=branch.secretary.headers, params={"status": "pending"})
    assert [row["id"] for row in waiting.json()["items"]] == [pending["id"]]
    seen = (await client.get(f"{API}/{pending['id']}", headers=branch.secretary.headers)).json()
    assert (seen["party"], seen["political_status"]) == (PARTY, "full_member")
    noted = (await reads(session))[-1]
    assert (noted.object_id, noted.actor_id) == (UUID(seen["id"]), branch.secretary.id)
    await client.get(f"{API}/{pending['id']}", headers=rider.headers)
    assert len(await reads(session)) == 3
    events = (await session.exec(sa.select(AuditEvent))).scalars().all()
    assert not any(secret in str(event.facts) for event in events for secret in (*SECRETS, "王小明"))


async def test_an_area_administrator_sees_the_active_and_counts_the_others(client, people, county, branch, pending, registered) -> None:
    plain = await registered(await people.member(), scene=branch.scene, political_status="applicant")
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    listed = (await client.get(API, headers=admin.headers, params={"area_id": str(county.community.id)})).json()["items"]
    assert [(row["id"], row["allowed"]) for row in listed] == [(plain["id"], [])]
    elsewhere = await client.get(API, headers=admin.headers, params={"area_id": str(county.other_community.id)})
    assert elsewhere.json()["items"] == []
    assert (await client.get(API, headers=admin.headers, params={"status": "pending"})).json()["items"] == []
    seen = (await client.get(f"{API}/{plain['id']}", headers=admin.headers)).json()
    assert (seen["real_name"], seen["political_status"], seen["allowed"]) == ("王小明", None, [])
    counted = (await client.get(f"{API}/counts", headers=admin.headers, params={"area_id": str(county.root.id)})).json()
    assert (counted["active"], counted["party"], counted["party_pending"]) == (1, 1, 1)
    small = (await client.get(f"{API}/counts", headers=admin.headers, params={"area_id": str(county.grid.id)})).json()
    assert (small["active"], small["party"], small["party_pending"]) == (1, None, None)
    stranger = await people.member()
    assert (await client.get(f"{API}/counts", headers=stranger.headers, params={"area_id": str(county.root.id)})).status_code == 404


async def test_a_transfer_hands_everything_over(client, branch, other_branch, pending, command, session) -> None:
    told = {"organisation_id": str(other_branch.id), "reason": "本人主要在该片区工作"}
    same = await command(branch.secretary, pending["id"], "transfer", told | {"organisation_id": str(branch.id)})
    assert same.status_code == 422
    gone = await command(branch.secretary, pending["id"], "transfer", told)
    assert (gone.status_code, gone.json()["status"], gone.json()["party"], gone.json()["allowed"]) == (200, "pending", None, [])
    assert (await client.get(f"{API}/{pending['id']}", headers=branch.secretary.headers)).status_code == 404
    seen = (await client.get(f"{API}/{pending['id']}", headers=other_branch.secretary.headers)).json()
    assert (seen["reason"], seen["party"]) == (told["reason"], PARTY)
    inbox = (await session.exec(sa.select(Message).where(col(Message.member_id) == other_branch.secretary.id))).scalars().all()
    assert len(inbox) == 1


async def test_a_rejection_is_final_and_tells_the_person_why(client, rider, branch, pending, command) -> None:
    done = await command(branch.secretary, pending["id"], "reject", {"reason": "多次无法联系"})
    assert (done.json()["status"], done.json()["party"]) == ("rejected", None)
    seen = (await client.get(f"{API}/{pending['id']}", headers=rider.headers)).json()
    assert (seen["status"], seen["reason"], seen["party"], seen["allowed"]) == ("rejected", "多次无法联系", None, [])
    for name in ("withdraw", "approve"):
        who, told = (rider, None) if name == "withdraw" else (branch.secretary, approval(branch.instructor))
        assert (await command(who, pending["id"], name, told)).status_code == 409


async def test_contacts_due_are_listed_until_they_took_place(client, people, branch, other_branch, pending, command, session) -> None:
    await command(branch.secretary, pending["id"], "approve", approval(branch.instructor, days=0))
    due = (await client.get(f"{API}/contacts-due", headers=branch.secretary.headers)).json()["items"]
    assert [row["id"] for row in due] == [pending["id"]]
    assert (await client.get(f"{API}/contacts-due", headers=other_branch.secretary.headers)).json()["items"] == []
    later = (clock.today() + timedelta(days=30)).isoformat()
    noted = await command(branch.secretary, pending["id"], "contacts", {"note": "电话联系，一切正常", "next_contact_on": later})
    assert noted.status_code == 200, noted.text
    assert [contact["note"] for contact in noted.json()["contacts"]] == ["电话联系，一切正常"]
    assert (await client.get(f"{API}/contacts-due", headers=branch.secretary.headers)).json()["items"] == []
    kept = (await session.exec(sa.select(RegistrationContact))).scalars().one()
    assert "电话".encode() not in kept.note_sealed
