"""WeChat's content check: asked for with an address that lives long enough, answered by a push, ended by a timer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.models import Account
from app.db.base import new_id
from app.db.session import AsyncSession
from app.security import sealing
from app.uploads import jobs, service, workflow
from app.uploads.models import Checked, Upload
from app.wechat.client import WeChatClient
from app.wechat.models import WeChatPushEvent
from tests.support.people import People, Person
from tests.support.simulator import RunningSimulator
from tests.uploads import photos

RunJob = Callable[..., Awaitable[None]]
Queued = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.mark.parametrize(
    ("pushed", "expected"),
    [
        ({"result": {"suggest": "pass", "label": 100}, "errcode": 0}, (Checked.PASS, "100")),
        ({"result": {"suggest": "risky", "label": "20002"}}, (Checked.RISKY, "20002")),
        ({"result": {"suggest": "review", "label": "20006"}, "errcode": "0"}, (Checked.REVIEW, "20006")),
        ({"errcode": -1008, "errmsg": "download error", "detail": []}, (Checked.REVIEW, None)),
        ({"errcode": -1008, "result": {"suggest": "pass", "label": "100"}}, (Checked.REVIEW, None)),
        ({"result": {"suggest": "pending", "label": "x" * 99}}, (Checked.REVIEW, "x" * 32)), ({"result": "pass"}, (Checked.REVIEW, None)),
        ({}, (Checked.REVIEW, None)),
    ],
)
def test_what_a_pushed_result_means(pushed: dict[str, Any], expected: tuple[Checked, str | None]) -> None:
    assert workflow.verdict(pushed) == expected


@pytest.fixture
async def member(people: People, session: AsyncSession, simulator: RunningSimulator, wechat: WeChatClient) -> Person:
    """Somebody whom the simulator knows too: WeChat checks nothing for a stranger."""
    member = await people.member()
    openid = (await wechat.code_to_session(await simulator.code("拍照的人"))).openid
    sealed = sealing.seal(session, openid, table="account", column="openid", row=member.id)
    await session.exec(sa.update(Account).where(col(Account.id) == member.id).values(openid_sealed=sealed))
    return member


@pytest.fixture
async def upload_id(client: httpx.AsyncClient, session: AsyncSession, member: Person) -> str:
    return await attached(client, session, member, "report_before")


async def attached(client: httpx.AsyncClient, session: AsyncSession, person: Person, kind: str) -> str:
    """A photo of somebody's on a thing of this kind."""
    answer = await client.post("/api/v1/uploads", files={"file": photos.talkative_jpeg()}, headers=person.headers)
    upload_id = str(answer.json()["id"])
    await service.attach(session, upload_ids=[UUID(upload_id)], member_id=person.id, kind=kind, owner_id=new_id())
    return upload_id


async def fresh(session: AsyncSession, upload_id: str) -> Upload:
    found = await session.get(Upload, UUID(upload_id), populate_existing=True)
    assert found is not None
    return found


async def push(session: AsyncSession, payload: dict[str, Any], *, age: timedelta = timedelta()) -> str:
    """Stores an event as `/wechat/push` does; its id."""
    event = new_id()
    if age:
        milliseconds = int((clock.now() - age).timestamp() * 1000)
        event = UUID(int=milliseconds << 80 | event.int & ((1 << 80) - 1))
    session.add(WeChatPushEvent(id=event, dedupe_key=event.bytes, body_sha256=event.bytes, name="wxa_media_check", payload=payload))
    await session.flush()
    return str(event)


async def test_a_photo_is_checked_and_its_owner_feature_is_told(
    client: httpx.AsyncClient, session: AsyncSession, simulator: RunningSimulator, upload_id: str, run_job: RunJob, queued: Queued
) -> None:
    await run_job("upload.check", {"upload_id": upload_id})
    await run_job("upload.check", {"upload_id": upload_id})
    asked = [
        check for check in (await simulator.http.get("/_simulator/media_checks")).json()["items"] if upload_id in check["media_url"]
    ]
    assert len(asked) == 1
    seen = await client.get(asked[0]["media_url"])
    assert seen.status_code == 200 and int(seen.headers["cache-control"].removeprefix("private, max-age=")) > 30 * 60

    event = await push(session, {"trace_id": asked[0]["trace_id"], "result": {"suggest": "pass", "label": "100"}, "errcode": 0})
    await run_job("wechat.push.wxa_media_check", {"event_id": event})
    upload = await fresh(session, upload_id)
    assert (upload.checked, upload.label) == (Checked.PASS, "100")
    # A second word about the same check changes nothing.
    later = await push(session, {"trace_id": asked[0]["trace_id"], "result": {"suggest": "risky", "label": "20002"}})
    await run_job("wechat.push.wxa_media_check", {"event_id": later})
    assert (await fresh(session, upload_id)).checked is Checked.PASS
    assert [payload for name, payload in await queued(session) if name == "upload.judged"] == [{"upload_id": upload_id}]


async def test_no_result_in_time_is_for_people_and_a_late_one_still_counts(
    session: AsyncSession, upload_id: str, run_job: RunJob, queued: Queued
) -> None:
    await run_job("upload.check", {"upload_id": upload_id})
    await run_job("upload.end_waiting")
    assert (await fresh(session, upload_id)).checked is Checked.PENDING
    late = clock.now() - workflow.VERDICT_WITHIN - timedelta(seconds=5)
    await session.exec(sa.update(Upload).where(col(Upload.id) == UUID(upload_id)).values(created_at=late))
    await run_job("upload.end_waiting")
    assert (await fresh(session, upload_id)).checked is Checked.PENDING, "it is a thing's since just now"
    await session.exec(sa.update(Upload).where(col(Upload.id) == UUID(upload_id)).values(attached_at=late))
    await run_job("upload.end_waiting")
    upload = await fresh(session, upload_id)
    assert upload.checked is Checked.REVIEW and upload.checked_at is None
    event = await push(session, {"trace_id": upload.trace_id, "result": {"suggest": "risky", "label": 20002}})
    await run_job("wechat.push.wxa_media_check", {"event_id": event})
    assert (await fresh(session, upload_id)).checked is Checked.RISKY
    assert [name for name, _ in await queued(session)].count("upload.judged") == 2


async def test_when_wechat_is_away_the_photo_waits_and_is_asked_for_again(
    session: AsyncSession, simulator: RunningSimulator, upload_id: str, run_job: RunJob, queued: Queued
) -> None:
    await simulator.http.post("/_simulator/faults", json={"path": "/wxa/media_check_async", "errcode": -1, "times": 3})
    try:
        await run_job("upload.check", {"upload_id": upload_id})
    finally:
        await simulator.http.delete("/_simulator/faults")
    upload = await fresh(session, upload_id)
    assert (upload.checked, upload.trace_id) == (Checked.PENDING, None)
    assert [payload for name, payload in await queued(session) if name == "upload.check"] == [{"upload_id": upload_id}] * 2
    await run_job("upload.check", {"upload_id": upload_id})
    assert (await fresh(session, upload_id)).trace_id is not None


async def test_staff_without_wechat_and_strangers_of_wechat_leave_it_to_people(
    client: httpx.AsyncClient, people: People, session: AsyncSession, run_job: RunJob
) -> None:
    states = []
    for person in (await people.console(), await people.member()):
        upload_id = await attached(client, session, person, "report_before")
        await run_job("upload.check", {"upload_id": upload_id})
        states.append((await fresh(session, upload_id)).checked)
    assert states == [Checked.REVIEW, Checked.PENDING]
    await run_job("upload.check", {"upload_id": str(new_id())})


async def test_a_verdict_that_overtakes_its_trace_is_tried_again_but_not_for_ever(session: AsyncSession, run_job: RunJob) -> None:
    unknown = {"trace_id": "never-asked-for", "result": {"suggest": "pass", "label": "100"}}
    with pytest.raises(jobs.TraceUnknown):
        await run_job("wechat.push.wxa_media_check", {"event_id": await push(session, unknown)})
    await run_job("wechat.push.wxa_media_check", {"event_id": await push(session, unknown, age=timedelta(minutes=1))})
    await run_job("wechat.push.wxa_media_check", {"event_id": str(new_id())})
