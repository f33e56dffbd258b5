"""Telling the people: once each, batch by batch, ended by a withdrawal, and without a word of the Party on any phone's lock screen."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.announcements import jobs, queries, service
from app.announcements.models import Announcement, AnnouncementReceipt, AnnouncementTally
from app.auth import service as auth_service
from app.messages.models import Message
from app.registrations.models import Status
from tests.announcements.conftest import API

JOB = "announcement.deliver"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch) -> None:
    monkeypatch.setattr(service, "BATCH", 2)


async def told(session, announcement_id: str) -> dict[UUID, Message]:
    """Who has a message about it; nobody has two."""
    found = (await session.exec(sa.select(Message).where(col(Message.reference_id) == UUID(announcement_id)))).scalars().all()
    people = {message.member_id: message for message in found}
    assert len(people) == len(found), "somebody was told twice"
    return people


async def test_everybody_once_however_often_it_runs(client, people, county, session, admin, rider, published, run_job) -> None:
    """Who has read it already, is elsewhere, has left or agrees to nothing is not told; who comes between two runs is."""
    crowd = [await rider() for _ in range(5)]
    elsewhere, silent = await rider(area=county.other_grid), await rider()
    await auth_service.set_consented(session, account_id=silent.id, purposes=[])
    out = await published(admin, area_id=str(county.community.id))
    assert (await client.get(f"{API}/{out}", headers=crowd[0].headers)).status_code == 200
    half = await service.tell(session, announcement_id=UUID(out), after=None)
    assert half is not None
    assert len(await told(session, out)) == 1, "one of the first two has read it"
    late = await rider()
    for _ in range(3):
        await run_job(JOB, {"announcement_id": out})
    assert set(await told(session, out)) == {one.id for one in [*crowd[1:], late]}
    assert not {elsewhere.id, silent.id} & set(await told(session, out))
    tally = await session.get(AnnouncementTally, UUID(out), populate_existing=True)
    assert (tally.told, tally.reads) == (6, 1)
    [message] = [one for one in (await told(session, out)).values() if one.member_id == late.id]
    assert (message.title, message.body, message.path) == ("新的通知公告", "《领取饮用水》", f"pages/announcements/detail?id={out}")
    assert (await session.get(Announcement, UUID(out), populate_existing=True)).delivered_at is not None
    assert await queries.due(session) == []


async def test_a_withdrawal_stops_it_between_two_batches(client, session, admin, rider, published, run_job, monkeypatch) -> None:
    for _ in range(5):
        await rider()
    out = await published(admin)
    real = service.tell

    async def withdrawn_after_the_first(session, **asked):
        last = await real(session, **asked)
        if asked["after"] is None:
            assert (await client.post(f"{API}/{out}/withdraw", headers=admin.headers)).status_code == 200
        return last

    monkeypatch.setattr(jobs.service, "tell", withdrawn_after_the_first)
    await run_job(JOB, {"announcement_id": out})
    monkeypatch.undo()
    await run_job(JOB, {"announcement_id": out})
    assert len(await told(session, out)) == 2
    assert (await session.get(Announcement, UUID(out), populate_existing=True)).delivered_at is None
    assert await queries.due(session) == []


async def test_what_was_scheduled_goes_out_by_the_clock(client, session, admin, rider, draft, run_job, queued) -> None:
    reader, made = await rider(), await draft(admin)
    at = (clock.now() + timedelta(hours=1)).isoformat()
    await client.post(f"{API}/{made['id']}/publish", json={"publish_at": at}, headers=admin.headers)
    job = (JOB, {"announcement_id": made["id"]})
    await run_job("announcements.due")
    await run_job(*job)
    assert job not in await queued(session) and await told(session, made["id"]) == {}
    await session.exec(sa.text("update announcement set publish_at = clock_timestamp()"))
    for _ in range(2):
        await run_job("announcements.due")
    assert (await queued(session)).count(job) == 1
    await run_job(*job)
    assert set(await told(session, made["id"])) == {reader.id}


async def test_no_message_tells_that_somebody_belongs_to_an_organisation(session, admin, rider, published, run_job, branch, put) -> None:
    member, other = await rider(), await rider()
    await put(member, branch, Status.APPROVED)
    everybodys = await published(admin)
    own = await published(branch.secretary, title="党员学习通知", body="本月主题党日", organisation_ids=[str(branch.id)])
    for out in (everybodys, own):
        await run_job(JOB, {"announcement_id": out})
    theirs = await told(session, own)
    assert set(theirs) == {member.id} and other.id in await told(session, everybodys)
    message, common = theirs[member.id], (await told(session, everybodys))[member.id]
    assert (message.title, message.category) == (common.title, common.category), "what leaves through WeChat is the same for both"
    assert message.body == "请打开查看。" and "党" not in message.title + message.body + (message.path or "")


async def test_after_half_a_year_nobody_knows_who_has_read(client, session, admin, rider, published, run_job) -> None:
    reader = await rider()
    out, young = await published(admin), await published(admin, title="不久前")
    for one in (out, young):
        await run_job(JOB, {"announcement_id": one})
        await client.get(f"{API}/{one}", headers=reader.headers)
    received = sa.select(sa.func.count()).select_from(AnnouncementReceipt)
    await run_job("announcements.sweep")
    assert (await session.exec(received)).scalar_one() == 2
    half_a_year = sa.text("update announcement set publish_at = publish_at - interval '182 days' where id = :id")
    await session.exec(half_a_year, params={"id": UUID(out)})
    await run_job("announcements.sweep")
    kept = await session.exec(sa.select(col(AnnouncementReceipt.announcement_id)))
    assert kept.scalars().all() == [UUID(young)]
    shown = (await client.get(API, headers=reader.headers)).json()["items"]
    assert [one["read"] for one in shown] == [True, True], "what is long past is nobody's unread"
    await client.get(f"{API}/{out}", headers=reader.headers)
    tally = await session.get(AnnouncementTally, UUID(out), populate_existing=True)
    assert tally.reads == 1 and (await session.exec(received)).scalar_one() == 1
