"""Announcements: who publishes, who reads, what is told of the readers."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.announcements import queries, service, workflow
from app.announcements.models import Announcement, AnnouncementReceipt, AnnouncementTally
from app.auth.roles import Role, ScopeType
from app.messages.models import Message
from app.registrations.models import Status
from app.uploads import service as uploads_service
from app.uploads.models import Checked
from tests.announcements.conftest import API
from tests.complaints.test_complaints import photo
from tests.support.queue import queued


async def listed(client, who, **asked) -> list[str]:
    page = await client.get(API, headers=who.headers, params=asked)
    assert page.status_code == 200, page.text
    return [one["title"] for one in page.json()["items"]]


async def test_each_sees_what_is_for_them(client, people, county, session, admin, rider, published, draft, branch, put) -> None:
    """By area, trade and organisation; a list is the places of publication, not of drafting; staff see what they look after."""
    early = await draft(admin, title="起草最早")
    await published(admin, title="全街道")
    await published(admin, title="本社区", area_id=str(county.community.id))
    await published(admin, title="邻社区", area_id=str(county.other_community.id))
    await published(admin, title="快递员", occupations=["courier"], kind="policy", pinned_until=clock.today().isoformat())
    await published(branch.secretary, title="支部", organisation_ids=[str(branch.id)], area_id=str(county.root.id))
    await draft(admin, title="草稿")
    await client.post(f"{API}/{early['id']}/publish", json={}, headers=admin.headers)
    here, there, courier, member = await rider(), await rider(area=county.other_grid), await rider(occupation="courier"), await rider()
    pending = await rider()
    await put(member, branch, Status.APPROVED)
    await put(pending, branch, Status.PENDING)
    assert await listed(client, here) == ["起草最早", "本社区", "全街道"]
    assert await listed(client, there) == ["起草最早", "邻社区", "全街道"]
    assert await listed(client, courier) == ["起草最早", "快递员", "本社区", "全街道"]
    assert await listed(client, courier, kind="policy") == await listed(client, courier, pinned=True) == ["快递员"]
    assert await listed(client, member) == ["起草最早", "支部", "本社区", "全街道"]
    assert await listed(client, pending) == ["起草最早", "本社区", "全街道"], "whose registration is not decided belongs to nobody"
    nowhere = await people.member()
    assert await listed(client, nowhere) == [] and await listed(client, await people.console()) == []
    first = (await client.get(API, headers=here.headers, params={"limit": 2})).json()
    assert [one["title"] for one in first["items"]] == ["起草最早", "本社区"]
    assert await listed(client, here, limit=2, cursor=first["next_cursor"]) == ["全街道"]
    managed = (await client.get(f"{API}/managed", headers=admin.headers)).json()["items"]
    assert [one["title"] for one in managed] == ["草稿", "快递员", "邻社区", "本社区", "全街道", "起草最早"], "not the branch's own"
    own = (await client.get(f"{API}/managed", headers=branch.secretary.headers)).json()["items"]
    assert [(one["title"], one["organisations"]) for one in own] == [("支部", [{"id": str(branch.id), "name": branch.name}])]
    drafts = (await client.get(f"{API}/managed", headers=admin.headers, params={"status": "draft"})).json()["items"]
    assert [one["title"] for one in drafts] == ["草稿"]


async def test_who_may_address_whom(client, people, county, admin, rider, draft, published, branch, other_branch) -> None:
    told = {"kind": "notice", "title": "通知", "body": "内容"}
    street, root = str(county.street.id), str(county.root.id)
    neighbour = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)])
    reviewer = await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.root.id)])
    theirs = [str(branch.id), str(other_branch.id)]
    for who, aim, status in (
        (neighbour, {"area_id": street}, 403), (reviewer, {"area_id": street}, 403), (admin, {"area_id": root}, 403),
        (branch.secretary, {"area_id": street}, 403), (branch.secretary, {"area_id": root, "organisation_ids": theirs}, 403),
        (branch.secretary, {"area_id": root, "organisation_ids": theirs[:1]}, 201),
        (admin, {"area_id": street, "organisation_ids": theirs}, 201),
        (neighbour, {"area_id": str(county.other_community.id), "organisation_ids": theirs[:1]}, 403),
        (admin, {"area_id": street, "organisation_ids": [str(county.root.id)]}, 404), (admin, {"area_id": str(branch.id)}, 404),
        (admin, {"area_id": street, "occupations": []}, 422), (admin, {"area_id": street, "occupations": ["courier", "courier"]}, 422),
        (admin, {"area_id": street, "title": "字" * 61}, 422), (admin, {"area_id": street, "body": "字" * 5001}, 422),
    ):
        answer = await client.post(API, json=told | aim, headers=who.headers)
        assert answer.status_code == status, (aim, answer.text)
    made, out = await draft(admin), await published(admin)
    reader = await rider()
    for stranger in (neighbour, reviewer, reader):
        assert (await client.get(f"{API}/{made['id']}", headers=stranger.headers)).status_code == 404
        for command, body in (("publish", {}), ("withdraw", None)):
            assert (await client.post(f"{API}/{made['id']}/{command}", json=body, headers=stranger.headers)).status_code == 404
    assert (await client.post(f"{API}/{out}/withdraw", headers=reader.headers)).status_code == 403, "who reads it hears no"
    console = await people.console(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    seen = await client.get(f"{API}/{out}", headers=console.headers)
    assert (seen.status_code, seen.json()["read"], seen.json()["allowed"]) == (200, False, ["pin", "withdraw"])
    widened = await client.patch(f"{API}/{made['id']}", json={"area_id": root}, headers=admin.headers)
    assert widened.status_code == 403
    own = (await draft(branch.secretary, organisation_ids=theirs[:1]))["id"]
    bare = await client.patch(f"{API}/{own}", json={"organisation_ids": []}, headers=branch.secretary.headers)
    assert bare.status_code == 403, "a secretary addresses nobody but the organisation's people"


async def test_the_life_of_one(client, county, admin, rider, draft, session) -> None:
    """Drafted, changed, scheduled, scheduled anew, out, pinned, withdrawn."""
    made = await draft(admin)
    path, reader = f"{API}/{made['id']}", await rider()
    assert (made["status"], made["allowed"], made["at"]) == ("draft", ["update", "publish", "withdraw"], None)
    stale = await client.patch(path, json={"title": "新题"}, headers=admin.headers | {"If-Match": '"9"'})
    assert (stale.status_code, stale.json()["version"]) == (412, 1)
    changed = (await client.patch(path, json={"title": "新题", "occupations": ["food_delivery"]}, headers=admin.headers)).json()
    assert (changed["title"], changed["occupations"], changed["version"]) == ("新题", ["food_delivery"], 2)
    past = await client.post(f"{path}/publish", json={"publish_at": "2026-01-01T00:00:00Z"}, headers=admin.headers)
    assert past.status_code == 422
    for days in (2, 1):
        at = (clock.now() + timedelta(days=days)).isoformat()
        scheduled = await client.post(f"{path}/publish", json={"publish_at": at}, headers=admin.headers)
        assert (scheduled.status_code, scheduled.json()["status"]) == (200, "scheduled")
    assert (await client.get(path, headers=reader.headers)).status_code == 404 and await listed(client, reader) == []
    out = (await client.post(f"{path}/publish", json={}, headers=admin.headers)).json()
    assert (out["status"], out["allowed"]) == ("published", ["pin", "withdraw"])
    late = await client.patch(path, json={"title": "改"}, headers=admin.headers)
    assert (late.status_code, late.json()["current_status"]) == (409, "published")
    pinned = await client.patch(path, json={"pinned_until": clock.today().isoformat()}, headers=admin.headers)
    assert (pinned.status_code, pinned.json()["pinned"]) == (200, True)
    seen = (await client.get(path, headers=reader.headers)).json()
    assert (seen["read"], seen["body"], seen["occupations"], seen["organisations"], seen["totals"], seen["allowed"]) == (
        True, made["body"], None, None, None, [],
    )
    back = await client.post(f"{path}/withdraw", headers=admin.headers)
    assert (back.json()["status"], back.json()["allowed"]) == ("withdrawn", [])
    assert (await client.get(path, headers=reader.headers)).status_code == 404
    for command, body in (("publish", {}), ("withdraw", None)):
        assert (await client.post(f"{path}/{command}", json=body, headers=admin.headers)).status_code == 409
    for bad in ("issuer = 'organisation'", "place = null", "occupations = '{juggler}'"):
        with pytest.raises(sa.exc.IntegrityError):
            async with session.begin_nested():
                await session.exec(sa.text(f"update announcement set {bad}"))


async def test_readers_are_counted_and_never_told(client, county, session, admin, rider, published, run_job, queued) -> None:
    """Nine people show no total; ten do; an erasure lowers none; a second look counts nothing."""
    crowd = [await rider() for _ in range(workflow.FEW - 1)]
    out = await published(admin)
    assert ("announcement.deliver", {"announcement_id": out}) in await queued(session)
    await run_job("announcement.deliver", {"announcement_id": out})
    for one in crowd[:2] * 2:
        assert (await client.get(f"{API}/{out}", headers=one.headers)).status_code == 200
    assert [one["read"] for one in (await client.get(API, headers=crowd[0].headers)).json()["items"]] == [True]
    assert [one["read"] for one in (await client.get(API, headers=crowd[5].headers)).json()["items"]] == [False]
    few = (await client.get(f"{API}/{out}", headers=admin.headers)).json()
    assert few["totals"] is None and few["read"] is False
    crowd.append(await rider())
    again = await published(admin)
    await run_job("announcement.deliver", {"announcement_id": again})
    for one in crowd[:3]:
        await client.get(f"{API}/{again}", headers=one.headers)
    shown = await client.get(f"{API}/{again}", headers=admin.headers)
    assert shown.json()["totals"] == {"told": workflow.FEW, "reads": 3}
    managed = await client.get(f"{API}/managed", headers=admin.headers)
    assert not [one for one in crowd if str(one.id) in shown.text + managed.text]
    trail = (await session.exec(sa.text("select distinct action, actor_id from audit_event where object_kind = 'announcement'"))).all()
    assert set(trail) == {("announcement.create", admin.id), ("announcement.publish", admin.id)}, "no trail says who looked"
    copy = await queries.export(session, member_id=crowd[0].id)
    assert [one["read_at"] is not None for one in copy["announcements"]] == [True, True]
    await service.forget(session, member_id=crowd[0].id)
    assert (await queries.export(session, member_id=crowd[0].id)) == {"announcements": []}
    assert (await client.get(f"{API}/{again}", headers=admin.headers)).json()["totals"]["reads"] == 3


async def test_photos_are_for_those_whom_it_is_for(client, county, session, admin, rider, published) -> None:
    sent = await client.post("/api/v1/uploads", files={"file": ("photo.jpg", photo(), "image/jpeg")}, headers=admin.headers)
    out = await published(admin, upload_ids=[sent.json()["id"]], area_id=str(county.community.id))
    reader, neighbour = await rider(), await rider(area=county.other_grid)
    assert len((await client.get(f"{API}/{out}", headers=admin.headers)).json()["photos"]) == 1
    assert (await client.get(f"{API}/{out}", headers=reader.headers)).json()["photos"] == [], "until the content check has passed it"
    assert (await client.get(f"/api/v1/uploads/{sent.json()['id']}", headers=reader.headers)).status_code == 404
    assert ("upload.check", {"upload_id": sent.json()["id"]}) in await queued(session), "strangers see it: it is checked"
    await session.exec(sa.text("update upload set checked = 'pass'"))
    assert len((await client.get(f"{API}/{out}", headers=reader.headers)).json()["photos"]) == 1
    assert (await client.get(f"/api/v1/uploads/{sent.json()['id']}", headers=reader.headers)).status_code == 200
    assert (await client.get(f"/api/v1/uploads/{sent.json()['id']}", headers=neighbour.headers)).status_code == 404


async def test_staff_answer_for_their_photos_and_hear_of_a_risky_one(client, session, admin, rider, published, run_job) -> None:
    """What WeChat leaves to people is passed by who published it; the risky stay hidden from the readers."""
    ids = []
    for _ in range(3):
        sent = await client.post("/api/v1/uploads", files={"file": ("photo.jpg", photo(), "image/jpeg")}, headers=admin.headers)
        ids.append(sent.json()["id"])
    out, reader = await published(admin, upload_ids=ids), await rider()
    for number, verdict in enumerate((Checked.REVIEW, Checked.RISKY)):
        await uploads_service.note_check(session, upload_id=UUID(ids[number]), trace_id=f"trace-{number}")
        assert await uploads_service.judge(session, trace_id=f"trace-{number}", verdict=verdict, label=None)
    await uploads_service.leave_to_people(session, upload_id=UUID(ids[2]))
    for name, payload in await queued(session):
        if name == "moderation.wanted":
            for _ in range(2):
                await run_job(name, payload)
    shown = (await client.get(f"{API}/{out}", headers=reader.headers)).json()["photos"]
    assert [one["id"] for one in shown] == [ids[0], ids[2]]
    assert len((await client.get(f"{API}/{out}", headers=admin.headers)).json()["photos"]) == 3
    assert [(await client.get(f"/api/v1/uploads/{ids[1]}", headers=who.headers)).status_code for who in (admin, reader)] == [200, 404]
    told = await session.exec(sa.select(col(Message.title)).where(col(Message.member_id) == admin.id))
    assert told.scalars().all() == ["有照片未通过审核"]


async def test_a_withdrawn_consent_leaves_no_sign_of_the_organisation(session, admin, rider, published, run_job, branch, put) -> None:
    member = await rider()
    await put(member, branch, Status.APPROVED)
    for who, more in ((admin, {}), (branch.secretary, {"organisation_ids": [str(branch.id)]})):
        await run_job("announcement.deliver", {"announcement_id": await published(who, **more)})
    kept = sa.select(sa.func.count()).where(col(AnnouncementReceipt.member_id) == member.id)
    assert (await session.exec(kept)).scalar_one() == 2
    await service.forget_party(session, member_id=member.id)
    assert (await session.exec(kept)).scalar_one() == 1


async def test_a_tally_and_a_place_for_each(session, admin, published) -> None:
    out = UUID(await published(admin))
    row = await session.get(Announcement, out)
    assert row.place.version == 7 and abs(row.place.int >> 80) == int(row.publish_at.timestamp() * 1000)
    assert (await session.get(AnnouncementTally, out)).told == 0
    assert (await session.exec(sa.select(Message))).scalars().all() == []
