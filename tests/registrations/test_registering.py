"""Registering over HTTP: who is in at once, who waits where, what must be given, what may be corrected."""

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.auth.models import Account
from app.members import queries as members_queries
from app.messages.models import Message
from app.registrations import queries, service
from app.registrations.models import Declaration, Registration
from tests.support.branches import API, CONSENTS, MEMBERSHIP, PARTY

VERSION = "2026-11"


async def test_who_is_no_party_member_is_active_at_once(client, people, county, branch, registered, session) -> None:
    rider = await people.member()
    made = await registered(rider, scene=branch.scene)
    assert (made["status"], made["direction"]) == ("active", "org_seeks_member")
    assert made["organisation"] == {"id": str(branch.id), "name": branch.name}
    assert made["number"].startswith("S") and made["party"] is None and made["political_status"] == "masses"
    assert made["allowed"] == ["update", "withdraw"]
    assert await members_queries.real_name(session, member_id=rider.id) == "王小明"
    assert await members_queries.area_of(session, member_id=rider.id) == (county.grid.id, county.grid.path)
    profile = (await client.get("/api/v1/members/me", headers=rider.headers)).json()
    assert (profile["registration"]["id"], profile["registration"]["status"]) == (made["id"], "active")
    assert [row["id"] for row in (await client.get(f"{API}/mine", headers=rider.headers)).json()["items"]] == [made["id"]]


async def test_a_party_member_waits_at_the_nearest_branch_and_nothing_tells_why(people, branch, registered, session) -> None:
    rider = await people.member(consents=CONSENTS)
    made = await registered(rider, **MEMBERSHIP)
    assert (made["status"], made["direction"]) == ("pending", "member_seeks_org")
    assert made["organisation"]["id"] == str(branch.id)
    assert (made["political_status"], made["party"]) == ("full_member", PARTY)
    kept = (await session.exec(sa.select(Declaration))).scalars().one()
    assert "周口".encode() not in kept.sealed and b"full_member" not in kept.sealed
    sent = (await session.exec(sa.select(Message))).scalars().all()
    assert {message.member_id for message in sent} == {rider.id, branch.secretary.id}
    assert not any(word in message.title + message.body for message in sent for word in ("党员", "王小明", "周口"))


async def test_without_a_branch_that_fits_it_goes_to_the_root_committee_and_administrators_hear_of_it(
    people, county, registered, session, client
) -> None:
    admin = await people.member(grants=[("area_admin", "area", county.root.id)])
    rider = await people.member(consents=CONSENTS)
    made = await registered(rider, **MEMBERSHIP)
    assert made["organisation"] is not None and made["status"] == "pending"
    told = (await session.exec(sa.select(Message).where(col(Message.member_id) == admin.id))).scalars().all()
    assert len(told) == 1 and made["number"] not in told[0].body
    alone = await registered(await people.member())
    assert alone["organisation"] is None and alone["status"] == "active"


async def test_sign_in_register_done(client, people, simulator, branch, body, session) -> None:
    """Phone and consents come in the very call; what is missing is said in the contract's order and can be mended under the same key."""
    login = await client.post("/api/v1/auth/wechat", json={"code": await simulator.code("登记新人")})
    headers = {"Authorization": f"Bearer {login.json()['access_token']}", "Idempotency-Key": "register-newcomer"}
    nowhere = await client.post(API, json=body(scene="nosuchscene"), headers=headers | {"Idempotency-Key": "another-key"})
    assert nowhere.status_code == 404
    refused = await client.post(API, json=body(scene=branch.scene), headers=headers)
    assert (refused.status_code, refused.json()["code"], refused.json()["purpose"]) == (403, "consent_required", "service")
    consents = [{"purpose": purpose, "version": VERSION} for purpose in ("service", "party_identity")]
    refused = await client.post(API, json=body(scene=branch.scene, consents=consents[:1], **MEMBERSHIP), headers=headers)
    assert (refused.json()["code"], refused.json()["purpose"]) == ("consent_required", "party_identity")
    refused = await client.post(API, json=body(scene=branch.scene, consents=consents, **MEMBERSHIP), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "phone_required")
    told = body(scene=branch.scene, consents=consents, phone_code="not-a-code-of-wechat", **MEMBERSHIP)
    assert (await client.post(API, json=told, headers=headers)).json()["code"] == "wechat_code_invalid"
    told |= {"phone_code": await simulator.phone_code("登记新人", "13800138555")}
    made = await client.post(API, json=told, headers=headers)
    assert (made.status_code, made.json()["status"]) == (201, "pending")
    again = await client.post(API, json=told, headers=headers)
    assert again.json() == made.json() and again.headers["Idempotency-Replayed"] == "true"
    profile = (await client.get("/api/v1/members/me", headers=headers)).json()
    assert profile["phone"] == "138****8555"
    assert {said["purpose"] for said in profile["consents"] if said["granted"]} == {"service", "party_identity"}


async def test_a_number_of_someone_else_leaves_nothing_behind(client, people, simulator, body, session) -> None:
    await people.member(phone="13800138556")
    login = await client.post("/api/v1/auth/wechat", json={"code": await simulator.code("借号的人")})
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    told = body(
        consents=[{"purpose": "service", "version": VERSION}], phone_code=await simulator.phone_code("借号的人", "13800138556"),
    )
    refused = await client.post(API, json=told, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_exists")
    assert (await session.exec(sa.select(Registration))).first() is None
    found = await session.exec(sa.select(col(Account.consented)).order_by(col(Account.id).desc()).limit(1))
    assert found.scalar_one() == []


async def test_one_open_registration_each(client, people, registered, body, command) -> None:
    rider = await people.member()
    first = await registered(rider)
    again = await client.post(API, json=body(), headers=rider.headers)
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    assert (await command(rider, first["id"], "withdraw")).json()["status"] == "withdrawn"
    second = await registered(rider)
    assert second["id"] != first["id"] and second["number"] != first["number"]
    late = await command(rider, first["id"], "withdraw")
    assert (late.status_code, late.json()["current_status"], late.json()["allowed"]) == (409, "withdrawn", [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"political_status": "masses", "party": PARTY}, {"real_name": ""}, {"occupation": "pilot"}, {"employers": [{}]}, {"surplus": 1},
        {"employers": [{"enterprise_id": "01933c5e-7a00-7000-8000-00000000dead"}]},
        {"consents": [{"purpose": "service", "version": "1999"}]},
    ],
)
async def test_what_does_not_fit_is_refused(client, people, body, wrong) -> None:
    rider = await people.member()
    assert (await client.post(API, json=body(**wrong), headers=rider.headers)).status_code == 422


async def test_a_console_account_registers_nobody(client, people, body) -> None:
    console = await people.console()
    assert (await client.post(API, json=body(), headers=console.headers)).status_code == 403


async def test_a_returned_registration_is_corrected_and_comes_back(client, people, county, branch, registered, command) -> None:
    rider = await people.member(consents=CONSENTS)
    made = await registered(rider, scene=branch.scene, **MEMBERSHIP)
    early = await client.patch(f"{API}/{made['id']}", json={"real_name": "王大明"}, headers=rider.headers)
    assert (early.status_code, early.json()["code"]) == (409, "invalid_transition")
    returned = await command(branch.secretary, made["id"], "return", {"reason": "请填写支部全称"})
    assert returned.json()["status"] == "returned"
    seen = (await client.get(f"{API}/{made['id']}", headers=rider.headers)).json()
    assert (seen["reason"], seen["allowed"]) == ("请填写支部全称", ["update", "withdraw"])
    stale = await client.patch(f"{API}/{made['id']}", json={"real_name": "王大明"}, headers=rider.headers | {"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["version"]) == (412, 2)
    lapsed = await client.patch(f"{API}/{made['id']}", json={"political_status": "masses", "party": None}, headers=rider.headers)
    assert lapsed.status_code == 422
    fresh = {"real_name": "王大明", "party": PARTY | {"home_branch": "周口市某某镇某村党支部"}, "work_area_id": str(county.other_grid.id)}
    again = await client.patch(f"{API}/{made['id']}", json=fresh, headers=rider.headers | {"If-Match": '"2"'})
    assert again.status_code == 200, again.text
    told = again.json()
    assert (told["status"], told["reason"], told["real_name"]) == ("pending", None, "王大明")
    assert (told["party"]["home_branch"], told["work_area"]["id"]) == (fresh["party"]["home_branch"], fresh["work_area_id"])


async def test_work_area_employers_and_occupation_can_always_be_changed(client, people, county, registered) -> None:
    rider = await people.member()
    made = await registered(rider)
    told = {"work_area_id": str(county.other_grid.id), "employers": [{"name": "顺丰"}, {"name": "闪送站点"}], "occupation": "courier"}
    edited = (await client.patch(f"{API}/{made['id']}", json=told, headers=rider.headers)).json()
    assert (edited["status"], edited["occupation"], edited["work_area"]["id"]) == ("active", "courier", told["work_area_id"])
    assert {employer["name"] for employer in edited["employers"]} == {"顺丰", "闪送站点"}
    assert (await client.patch(f"{API}/{made['id']}", json={}, headers=rider.headers)).status_code == 422
    assert (await client.patch(f"{API}/{made['id']}", json={"occupation": None}, headers=rider.headers)).status_code == 422
    stranger = await people.member()
    assert (await client.patch(f"{API}/{made['id']}", json=told, headers=stranger.headers)).status_code == 404


async def test_an_ended_registration_keeps_nothing_of_the_party(people, branch, registered, command, session) -> None:
    rider = await people.member(consents=CONSENTS)
    made = await registered(rider, scene=branch.scene, **MEMBERSHIP)
    gone = (await command(rider, made["id"], "withdraw")).json()
    assert (gone["status"], gone["political_status"], gone["party"]) == ("withdrawn", None, None)
    assert (await session.exec(sa.select(Declaration))).first() is None


async def test_forgetting_erases_what_was_said_and_keeps_the_number(people, branch, registered, command, session) -> None:
    rider = await people.member(consents=CONSENTS)
    made = await registered(rider, scene=branch.scene, **MEMBERSHIP)
    await command(branch.secretary, made["id"], "return", {"reason": "请填写支部全称"})
    assert "周口" in str(await queries.export(session, member_id=rider.id))
    await service.forget(session, member_id=rider.id)
    kept = (await session.exec(sa.select(Registration).execution_options(populate_existing=True))).scalars().one()
    assert (kept.number, kept.status, kept.reason_sealed) == (made["number"], "withdrawn", None)
    assert (await session.exec(sa.select(Declaration))).first() is None
