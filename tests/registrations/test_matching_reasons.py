"""Which organisation takes somebody in and why; codes with a limit; the one screen of somebody who is no Party member."""

from datetime import date

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.enterprises import service as enterprises_service
from app.enterprises.models import EnterpriseKind
from app.members import queries as members_queries
from app.messages.models import Message
from app.organisations.models import Organisation
from app.qrcodes.models import QrCode
from app.registrations.models import MatchedBy, Registration
from app.registrations.workflow import MATCH_TEXTS
from tests.support.branches import API, CONSENTS, MEMBERSHIP, make_branch

CHINESE = range(0x4E00, 0x9FFF)


def test_every_reason_has_its_sentence() -> None:
    assert MATCH_TEXTS.keys() == set(MatchedBy)
    assert all(any(ord(char) in CHINESE for char in text) and "党" not in text for text in MATCH_TEXTS.values())


async def test_the_reason_is_kept_and_shown(client, people, county, branch, registered, command, session) -> None:
    rider = await people.member(consents=CONSENTS)
    made = await registered(rider, **MEMBERSHIP)
    assert made["match"] == {"reason": "work_area", "text": "按工作区域匹配到最近的组织"}
    for path in (f"{API}/{made['id']}", f"{API}/mine"):
        told = (await client.get(path, headers=rider.headers)).json()
        assert (told["items"][0] if "items" in told else told)["match"] == made["match"]
    line = (await client.get(API, headers=branch.secretary.headers)).json()["items"][0]
    assert line["match"] == made["match"]
    scanned = await registered(await people.member(), scene=branch.scene)
    assert scanned["match"]["reason"] == "scanned"
    below = await make_branch(session, people, county.grid, "东风社区骑手党小组", parent_id=branch.id)
    told = {
        "management": "direct", "contact_account_id": str(below.secretary.id), "next_contact_on": "2027-01-01",
        "organisation_id": str(below.id),
    }
    assert (await command(branch.secretary, made["id"], "approve", told)).json()["match"] is None, "the reason was for another organisation"


async def test_known_employers_count_without_being_told_again(client, people, county, branch, body, registered, command, session) -> None:
    fields = {"name": "顺风速递", "uscc": "91370882MA3C00000X", "kind": EnterpriseKind.DEPOT, "headcount": None, "uscc_confirmed": True}
    admin = await people.member(grants=[("area_admin", "area", county.root.id)])
    firm = await enterprises_service.create(session, principal=admin.principal, area_id=county.other_community.id, fields=fields)
    own = await make_branch(session, people, county.other_community, "顺风速递党支部", enterprise_id=firm.id)
    rider = await people.member()
    elsewhere = {"work_area_id": str(county.other_grid.id)}
    first = await registered(rider, employers=[{"enterprise_id": str(firm.id)}], **elsewhere)
    assert (first["organisation"]["id"], first["match"]["reason"]) == (str(own.id), "enterprise")
    await command(rider, first["id"], "withdraw")
    told = body(**elsewhere)
    del told["employers"]
    again = (await client.post(API, json=told, headers=rider.headers)).json()
    assert (again["organisation"]["id"], again["match"]["reason"]) == (str(own.id), "enterprise")
    assert [one["enterprise_id"] for one in again["employers"]] == [str(firm.id)]


async def test_nobody_is_sent_to_a_dissolved_organisation(people, branch, other_branch, registered, command, session) -> None:
    rider = await people.member(consents=CONSENTS)
    await session.exec(
        sa.update(Organisation).where(col(Organisation.id) == other_branch.id)
        .values(founded_on=date(2020, 1, 1), dissolved_on=date(2026, 1, 1))
    )
    made = await registered(rider, scene=other_branch.scene, **MEMBERSHIP)
    assert (made["direction"], made["organisation"]["id"], made["match"]["reason"]) == ("org_seeks_member", str(branch.id), "work_area")
    told = {"organisation_id": str(other_branch.id), "reason": "片区不同"}
    assert (await command(branch.secretary, made["id"], "transfer", told)).status_code == 422


async def test_a_code_is_good_for_as_many_as_it_says(client, people, branch, registered, body, command, session) -> None:
    await session.exec(sa.update(QrCode).where(col(QrCode.scene) == branch.scene).values(max_uses=1))
    first = await registered(await people.member(), scene=branch.scene)
    late = await people.member()
    refused = await client.post(API, json=body(scene=branch.scene), headers=late.headers)
    assert (refused.status_code, refused.json()["code"]) == (410, "qrcode_inactive")
    assert (await session.exec(sa.select(col(Registration.member_id)))).scalars().all() != [late.id]
    assert await members_queries.real_name(session, member_id=late.id) is None
    uses = (await session.exec(sa.select(col(QrCode.uses)).where(col(QrCode.scene) == branch.scene))).scalar_one()
    assert (uses, first["status"]) == (1, "active")


@pytest.mark.parametrize("area", ["locate", "list"])
async def test_one_screen_and_one_call_after_signing_in(client, county, simulator, branch, area: str) -> None:
    """Name, trade, area and consent; the area comes from one public call that needs no sign-in."""
    if area == "locate":
        lng, lat = county.spot
        chain = (await client.get("/api/v1/areas/locate", params={"lng": lng, "lat": lat, "crs": "gcj02"})).json()
        work_area = next(one for one in chain["items"] if one["level"] == "grid")
    else:
        listed = (await client.get("/api/v1/areas", params={"parent_id": str(county.community.id)})).json()
        work_area = listed["items"][0]
    assert work_area["id"] == str(county.grid.id)
    login = await client.post("/api/v1/auth/wechat", json={"code": await simulator.code(f"一屏登记-{area}")})
    phone = "13800138701" if area == "locate" else "13800138702"
    told = {
        "real_name": "王小明", "occupation": "food_delivery", "work_area_id": work_area["id"], "political_status": "masses",
        "consents": [{"purpose": "service", "version": "2026-11"}], "phone_code": await simulator.phone_code(f"一屏登记-{area}", phone),
    }
    made = await client.post(API, json=told, headers={"Authorization": f"Bearer {login.json()['access_token']}"})
    assert (made.status_code, made.json()["status"], made.json()["employers"]) == (201, "active", [])
    assert made.json()["match"]["reason"] == "work_area" and made.json()["organisation"]["id"] == str(branch.id)


async def test_a_secretary_who_is_the_member_leaves_it_to_others(client, people, county, branch, registered, session) -> None:
    """Where nobody but the person could decide, the administrators hear that somebody is missing."""
    admin = await people.member(grants=[("area_admin", "area", county.root.id)])
    both = await people.member(consents=CONSENTS, grants=[("org_secretary", "organisation", branch.id)])
    alone = await make_branch(session, people, county.other_community, "一人支部")
    await session.exec(sa.text("update access_grant set account_id = :me where account_id = :other").bindparams(
        me=both.id, other=alone.secretary.id
    ))
    made = await registered(both, scene=alone.scene, **MEMBERSHIP)
    sent = (await session.exec(sa.select(Message).where(col(Message.member_id).in_([admin.id, both.id])))).scalars().all()
    assert {one.member_id: one.title for one in sent} == {admin.id: "有组织尚未指定负责人", both.id: "您的登记已收到"}
    seen = (await client.get(f"{API}/{made['id']}", headers=both.headers)).json()
    assert (seen["allowed"], seen["member"], seen["contacts"]) == (["update", "withdraw"], None, [])
