"""The contact person: sees whom they look after and nothing declared, makes contacts, says which number is shown, may be replaced."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.models import AccessGrant
from app.auth.roles import Role, ScopeType
from app.messages.models import Message
from app.registrations import queries, service
from app.registrations.models import ContactCard, Status
from tests.support.branches import API, CONSENTS, MEMBERSHIP
from tests.support.registering import approval

SECRETS = ("周口", "full_member", "2012-07-01", "2024-03-01", "请补充全称")
CARD = f"{API}/contact-card"


@pytest.fixture
async def rider(people):
    return await people.member(consents=CONSENTS)


@pytest.fixture
async def approved(client, rider, branch, registered, command) -> str:
    """Returned once, taken in by the instructor's care; the next contact was due two days ago."""
    await registered(branch.instructor, real_name="李指导")
    made = await registered(rider, scene=branch.scene, **MEMBERSHIP)
    await command(branch.secretary, made["id"], "return", {"reason": "请补充全称"})
    await client.patch(f"{API}/{made['id']}", json={"real_name": "王小明"}, headers=rider.headers)
    done = await command(branch.secretary, made["id"], "approve", approval(branch.instructor, days=-2))
    assert done.status_code == 200, done.text
    return str(made["id"])


async def revoke(session, account_id) -> None:
    await session.exec(
        sa.update(AccessGrant).where(col(AccessGrant.account_id) == account_id).values(revoked_at=sa.func.clock_timestamp())
    )


async def test_an_instructor_who_was_named_follows_up(client, rider, branch, approved, command, session) -> None:
    who = branch.instructor
    for path in (API, f"{API}/contacts-due", f"{API}?status=approved"):
        listed = await client.get(path, headers=who.headers)
        line = next(row for row in listed.json()["items"] if row["id"] == approved)
        assert (line["member"]["name"], line["member"]["phone"].count("*"), line["allowed"]) == ("王小明", 4, ["contacts"])
        assert line["six_months"] is None and not any(secret in listed.text for secret in SECRETS)
    seen = await client.get(f"{API}/{approved}", headers=who.headers)
    told = seen.json()
    assert (told["political_status"], told["party"], told["reason"], told["history"]) == (None, None, None, [])
    assert (told["management"], told["six_months"], told["allowed"]) == (None, None, ["contacts"])
    assert not any(secret in seen.text for secret in SECRETS)
    later = (clock.today() + timedelta(days=30)).isoformat()
    noted = await command(who, approved, "contacts", {"note": "已见面，一切正常", "next_contact_on": later}, **{"If-Match": '"4"'})
    assert noted.status_code == 200, noted.text
    again = await command(branch.secretary, approved, "contacts", {"note": "又通了电话", "next_contact_on": later})
    log = [(one["note"], one["by"], one["made_by_you"]) for one in again.json()["contacts"]]
    assert log == [
        ("又通了电话", {"role": "secretary", "name": None}, True), ("已见面，一切正常", {"role": "contact", "name": "李指导"}, False),
    ]
    mine = (await client.get(f"{API}/{approved}", headers=who.headers)).json()["contacts"]
    assert [one["made_by_you"] for one in mine] == [False, True]
    assert "李指导" not in str(await queries.export(session, member_id=rider.id))
    told_once = (await session.exec(sa.select(Message).where(col(Message.member_id) == who.id))).scalars().all()
    assert [one.title for one in told_once if one.title != "您的登记已收到"] == ["有新的联系安排"]


async def test_without_the_office_a_contact_person_sees_nothing(client, branch, approved, command, session) -> None:
    await revoke(session, branch.instructor.id)
    told = {"note": "已联系", "next_contact_on": "2027-01-01"}
    assert (await client.get(f"{API}/{approved}", headers=branch.instructor.headers)).status_code == 404
    assert (await command(branch.instructor, approved, "contacts", told)).status_code == 404
    for path in (API, f"{API}/contacts-due"):
        assert (await client.get(path, headers=branch.instructor.headers)).json()["items"] == []


async def test_another_contact_person_can_be_named(client, people, rider, branch, other_branch, approved, command, session) -> None:
    fresh = await people.member(grants=[(Role.INSTRUCTOR, ScopeType.ORGANISATION, branch.id)])
    refused = await command(branch.secretary, approved, "contact-person", {"contact_account_id": str(other_branch.instructor.id)})
    assert refused.status_code == 422
    due = (await client.get(f"{API}/{approved}", headers=branch.secretary.headers)).json()["next_contact_on"]
    done = await command(branch.secretary, approved, "contact-person", {"contact_account_id": str(fresh.id)}, **{"If-Match": '"4"'})
    assert (done.status_code, done.json()["status"], done.json()["next_contact_on"]) == (200, "approved", due)
    assert done.json()["history"][-1]["command"] == "contact-person"
    assert (await client.get(f"{API}/{approved}", headers=branch.instructor.headers)).status_code == 404
    assert (await client.get(f"{API}/{approved}", headers=fresh.headers)).status_code == 200
    seen = (await client.get(f"{API}/{approved}", headers=rider.headers)).json()
    assert seen["contact"] == {"name": f"{branch.name}联系人", "phone": "0537-3412345"}
    assert seen["history"][-1]["reason"] is None
    on = (clock.today() + timedelta(days=5)).isoformat()
    dated = await command(branch.secretary, approved, "contact-person", {"contact_account_id": str(fresh.id), "next_contact_on": on})
    assert dated.json()["next_contact_on"] == on


async def test_the_phone_is_the_one_the_contact_person_agreed_to(client, people, rider, branch, approved, session) -> None:
    who = branch.instructor

    async def shown(reader) -> dict:
        return (await client.get(f"{API}/{approved}", headers=reader.headers)).json()["contact"]

    assert (await client.get(CARD, headers=who.headers)).json() == {"phone": "office", "real_name": "李指导"}
    assert await shown(rider) == {"name": "李指导", "phone": "0537-3412345"}
    for phone, seen in (("own", who.phone), ("none", None), ("office", "0537-3412345"), ("own", who.phone)):
        assert (await client.put(CARD, json={"phone": phone}, headers=who.headers)).json() == {"phone": phone, "real_name": "李指导"}
        assert await shown(rider) == {"name": "李指导", "phone": seen}
        mine = (await client.get(f"{API}/mine", headers=rider.headers)).json()["items"]
        assert mine[0]["contact"]["phone"] == seen
    for other in (branch.secretary, who):
        assert who.phone not in str(await shown(other)), "the own number is for the member alone"
    assert "'contact_card': 'own'" in str(await queries.export(session, member_id=who.id))
    await revoke(session, who.id)
    assert await shown(rider) == {"name": f"{branch.name}联系人", "phone": "0537-3412345"}
    await service.forget(session, member_id=who.id)
    assert (await session.exec(sa.select(ContactCard))).first() is None


async def test_cards_are_for_those_who_may_be_contact_persons(client, people, county, branch) -> None:
    enterprise = await people.member(grants=[(Role.INSTRUCTOR, ScopeType.ENTERPRISE, county.root.id)])
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    for outsider in (enterprise, admin, await people.member()):
        assert (await client.get(CARD, headers=outsider.headers)).status_code == 403
        assert (await client.put(CARD, json={"phone": "none"}, headers=outsider.headers)).status_code == 403
    console = await people.console(grants=[(Role.ORG_SECRETARY, ScopeType.ORGANISATION, branch.id)])
    refused = await client.put(CARD, json={"phone": "own"}, headers=console.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "phone_required")
    assert (await client.put(CARD, json={"phone": "mobile"}, headers=console.headers)).status_code == 422


async def test_an_official_who_never_registered_gets_a_name(client, branch, other_branch, rider, registered, command) -> None:
    who = branch.secretary
    made = await registered(rider, scene=branch.scene, **MEMBERSHIP)
    assert (await command(who, made["id"], "approve", approval(who))).status_code == 200

    async def contact() -> str:
        name: str = (await client.get(f"{API}/mine", headers=rider.headers)).json()["items"][0]["contact"]["name"]
        return name

    assert await contact() == f"{branch.name}联系人"
    named = {"phone": "office", "real_name": "李书明"}
    assert (await client.put(CARD, json=named, headers=who.headers)).json() == named
    assert await contact() == "李书明"
    await registered(branch.instructor, real_name="王指导")
    refused = await client.put(CARD, json=named, headers=branch.instructor.headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict"), "a registered name is corrected in the registration"


async def test_contacts_due_tell_how_late_they_are(client, people, branch, other_branch, put, session) -> None:
    days = {}
    for late in (-1, 0, 1, 12):
        row = await put(await people.member(), branch, Status.APPROVED, next_contact_on=clock.today() - timedelta(days=late))
        days[str(row.id)] = late
    async def due(who, **params) -> dict:
        listed = (await client.get(f"{API}/contacts-due", headers=who.headers, params=params)).json()["items"]
        return {row["id"]: row["overdue_days"] for row in listed}

    wanted = {one: late for one, late in days.items() if late >= 0}
    for who in (branch.secretary, branch.instructor):
        assert await due(who) == wanted
        assert await due(who, overdue="true") == {one: late for one, late in wanted.items() if late > 0}
        assert await due(who, overdue="false") == {one: late for one, late in wanted.items() if late == 0}
    assert await due(other_branch.secretary) == {}
    plain = (await client.get(API, headers=branch.secretary.headers)).json()["items"]
    assert len(plain) == 4 and all(row["overdue_days"] is None for row in plain)
