"""Complaints and suggestions: written by members, answered by the administrators of their area, erased with their writer."""

import io
from datetime import datetime

import sqlalchemy as sa
from PIL import Image
from sqlmodel import col

from app.auth.roles import Role, ScopeType
from app.complaints import queries, service
from app.complaints.models import Complaint
from app.members import service as members_service
from app.messages.models import Message
from app.workdays import queries as workdays_queries

API = "/api/v1/complaints"
TEXT = "驿站的门常常锁着，希望有人管"


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (9, 99, 199)).save(out, "JPEG")
    return out.getvalue()


async def submit(client, who, **more):
    answer = await client.post(API, json={"kind": "complaint", "text": TEXT} | more, headers=who.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def working(people, session, area):
    member = await people.member(phone=None)
    await members_service.set_profile(session, member_id=member.id, real_name="王小明", area=area)
    return member


async def test_a_complaint_is_answered_and_its_writer_told(client, people, county, session) -> None:
    rider = await working(people, session, county.grid)
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.street.id)])
    upload = await client.post("/api/v1/uploads", files={"file": ("photo.jpg", photo(), "image/jpeg")}, headers=rider.headers)
    made = await submit(client, rider, upload_ids=[upload.json()["id"]])
    assert (made["status"], made["member"], made["allowed"], len(made["photos"])) == ("open", None, [], 1)
    kept = (await session.exec(sa.select(Complaint))).scalars().one()
    assert TEXT.encode() not in kept.text_sealed
    listed = await client.get(API, headers=admin.headers, params={"status": "open"})
    [row] = listed.json()["items"]
    assert (row["text"], row["allowed"]) == (TEXT, ["answer"])
    assert row["member"].startswith("小哥") and "王小明" not in listed.text
    assert (await client.get(f"/api/v1/uploads/{row['photos'][0]['id']}", headers=admin.headers)).status_code == 200
    stale = await client.post(f"{API}/{made['id']}/answer", json={"answer": "好"}, headers=admin.headers | {"If-Match": '"4"'})
    assert stale.status_code == 412
    done = await client.post(f"{API}/{made['id']}/answer", json={"answer": "已安排专人开门"}, headers=admin.headers)
    assert (done.status_code, done.json()["status"], done.json()["allowed"]) == (200, "answered", [])
    again = await client.post(f"{API}/{made['id']}/answer", json={"answer": "再答"}, headers=admin.headers)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    [mine] = (await client.get(f"{API}/mine", headers=rider.headers)).json()["items"]
    assert mine["answer"] == "已安排专人开门" and mine["answered_at"] is not None
    told = (await session.exec(sa.select(Message).where(col(Message.member_id) == rider.id))).scalars().one()
    assert told.category == "complaint" and "开门" not in told.body and told.reference_id == kept.id


async def test_the_limit_and_who_hears_that_it_has_passed(client, people, county, session, run_job) -> None:
    rider = await working(people, session, county.grid)
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.street.id)])
    made = [await submit(client, rider, kind=kind) for kind in ("complaint", "suggestion")]
    for one, days in zip(made, (5, 10), strict=True):
        by = await workdays_queries.add_days(session, start=datetime.fromisoformat(one["at"]), days=days)
        assert abs((datetime.fromisoformat(one["due_at"]) - by).total_seconds()) < 5
    await run_job("complaints.remind")
    overdue = {"overdue": True}
    assert (await client.get(API, headers=admin.headers, params=overdue)).json()["items"] == []
    late, told = made[0]["id"], sa.select(Message).where(col(Message.member_id) == admin.id)
    await session.exec(sa.text("update complaint set due_at = now() - interval '1 minute' where kind = 'complaint'"))
    for _ in range(2):
        await run_job("complaints.remind")
    assert [(one["id"], one["overdue"]) for one in (await client.get(API, headers=admin.headers, params=overdue)).json()["items"]] == [
        (late, True)
    ]
    assert len((await session.exec(told)).scalars().all()) == 1, "once a day, however often the job runs"
    await client.post(f"{API}/{late}/answer", json={"answer": "已办"}, headers=admin.headers)
    assert (await client.get(API, headers=admin.headers, params=overdue)).json()["items"] == []


async def test_only_the_administrators_of_that_area_and_never_the_writer(client, people, county, session) -> None:
    rider = await working(people, session, county.grid)
    made = await submit(client, rider)
    neighbour = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)])
    reviewer = await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.root.id)])
    for outsider in (neighbour, reviewer, await people.member(), await people.console()):
        assert (await client.get(API, headers=outsider.headers)).json()["items"] == []
        refused = await client.post(f"{API}/{made['id']}/answer", json={"answer": "好"}, headers=outsider.headers)
        assert refused.status_code == 404
    assert (await client.post(f"{API}/{made['id']}/answer", json={"answer": "好"}, headers=rider.headers)).status_code == 403
    own = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    await members_service.set_profile(session, member_id=own.id, area=county.grid)
    theirs = await submit(client, own)
    assert theirs["allowed"] == []
    assert (await client.post(f"{API}/{theirs['id']}/answer", json={"answer": "好"}, headers=own.headers)).status_code == 403


async def test_what_must_be_given(client, people) -> None:
    silent = await people.member(consents=())
    refused = await client.post(API, json={"kind": "complaint", "text": TEXT}, headers=silent.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "consent_required")
    rider = await people.member(phone=None)
    for wrong in ({"kind": "rumour"}, {"text": " "}, {"status": "open"}, {"upload_ids": ["x"]}):
        assert (await client.post(API, json={"kind": "complaint", "text": TEXT} | wrong, headers=rider.headers)).status_code == 422
    console = await people.console()
    assert (await client.post(API, json={"kind": "complaint", "text": TEXT}, headers=console.headers)).status_code == 403


async def test_forgetting_empties_both_texts(client, people, county, session) -> None:
    rider = await working(people, session, county.grid)
    await submit(client, rider)
    assert TEXT in str(await queries.export(session, member_id=rider.id))
    await service.forget(session, member_id=rider.id)
    kept = (await session.exec(sa.select(Complaint).execution_options(populate_existing=True))).scalars().one()
    assert (kept.text_sealed, kept.answer_sealed) == (None, None)
