"""What time does: overdue notices, suspensions that end, silence that closes; and the paused clock."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.models import Account
from app.categories.models import Severity
from app.db.session import AsyncSession
from app.reports import queries
from app.reports import service as reports_service
from app.reports.models import Report
from app.reports.service import clocks
from app.reports.words import Status
from app.security import sealing
from app.uploads.models import Checked, Upload
from app.wechat.client import WeChatClient
from tests.reports.scene import Scene
from tests.support.simulator import RunningSimulator

RunJob = Callable[..., Awaitable[None]]


async def change(scene: Scene, report_id: str, **values: Any) -> None:
    await scene.session.exec(sa.update(Report).where(col(Report.id) == report_id).values(**values))
    scene.session.expire_all()


async def test_overdue_is_told_once_and_listed(scene: Scene, run_job: RunJob) -> None:
    report_id = await scene.at("in_progress")
    await change(scene, report_id, due_at=clock.now() - timedelta(minutes=1))
    for _ in range(2):
        await run_job("report.sweep")
    assert (await scene.inbox_of(scene.worker)).count("派单已超时") == 1
    assert (await scene.inbox_of(scene.reviewer)).count("上报已超时") == 1
    assert (await scene.get(scene.worker, f"/{report_id}"))["overdue"]
    assert [one["id"] for one in (await scene.get(scene.reviewer, "/inbox", overdue="true"))["items"]] == [report_id]
    shown = await scene.give(scene.worker, report_id, "resolve", {"note": "迟", "upload_ids": [await scene.photo(scene.worker)]})
    assert not shown["overdue"] and shown["due"]["stage"] == "verify"


async def test_a_suspension_ends_by_itself(scene: Scene, run_job: RunJob) -> None:
    report_id = await scene.at("in_progress")
    until = (clock.now() + timedelta(days=1)).isoformat()
    await scene.give(scene.reviewer, report_id, "suspend", {"reason": "施工", "until": until})
    await run_job("report.sweep")
    assert (await scene.get(scene.worker, f"/{report_id}"))["status"] == "suspended"
    await change(scene, report_id, suspended_until=clock.now() - timedelta(seconds=1))
    await run_job("report.sweep")
    assert (await scene.get(scene.worker, f"/{report_id}"))["status"] == "in_progress"
    assert (await scene.get(scene.worker, f"/{report_id}/timeline"))[-1]["actor_role"] == "system"


async def test_silence_closes_with_the_bonus(scene: Scene, run_job: RunJob) -> None:
    report_id = await scene.at("awaiting_feedback")
    await run_job("report.close_silent")
    assert (await scene.get(scene.reporter, f"/{report_id}"))["status"] == "awaiting_feedback"
    await change(scene, report_id, due_at=clock.now() - timedelta(seconds=1))
    await run_job("report.close_silent")
    assert (await scene.get(scene.reporter, f"/{report_id}"))["status"] == "closed" and await scene.points(scene.reporter) == 20
    await change(scene, report_id, ended_at=clock.now() - timedelta(days=8))
    assert await scene.refused(scene.reporter, report_id, "reopen", {"reason": "晚"}) == (409, "invalid_transition")


async def test_the_clock_of_a_suspended_report_stands_still(session: AsyncSession) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"{text}+08:00").astimezone(clock.UTC)

    def paused(due: str, since: str) -> Report:
        return Report(
            status=Status.SUSPENDED, severity=Severity.NORMAL, due_stage="handle", due_at=at(due), paused_at=at(since)
        )

    report = paused("2026-11-24T16:00", since="2026-11-24T10:00")  # five working hours are left
    await clocks.turn(session, report, to=Status.IN_PROGRESS, now=at("2026-11-28T20:00"))  # a Saturday evening
    assert report.due_at == at("2026-11-30T15:00")
    late = paused("2026-11-24T09:00", since="2026-11-24T10:00")
    await clocks.turn(session, late, to=Status.IN_PROGRESS, now=at("2026-11-28T20:00"))
    assert late.due_at == at("2026-11-24T09:00"), "what was overdue stays overdue"
    longer = paused("2026-11-24T16:00", since="2026-11-24T10:00")
    await clocks.extend(session, longer, by=None, until=at("2026-11-25T12:00"), now=at("2026-11-25T10:00"))
    await clocks.turn(session, longer, to=Status.IN_PROGRESS, now=at("2026-11-26T09:00"))
    assert longer.due_at == at("2026-11-26T11:00")


async def test_limits_of_the_stages(session: AsyncSession) -> None:
    friday = datetime.fromisoformat("2026-11-27T17:00:00+08:00")
    report = Report(status=Status.SUBMITTED, severity=Severity.NORMAL, category_code="rubbish_exposed")
    await clocks.begin(session, report, to=Status.SUBMITTED, now=friday)
    assert report.due_at == datetime.fromisoformat("2026-11-30T12:00:00+08:00"), "four working hours over a weekend"
    await clocks.begin(session, report, to=Status.DISPATCHED, now=friday)
    assert report.due_at == datetime.fromisoformat("2026-11-30T17:00:00+08:00")
    report.status, report.severity = Status.DISPATCHED, Severity.EMERGENCY
    kept = report.due_at
    await clocks.turn(session, report, to=Status.IN_PROGRESS, now=friday + timedelta(hours=1))
    assert report.due_at == kept, "starting does not buy time"


@pytest.mark.parametrize(("text", "verdict"), [("路面有坑", "pass"), ("这里有人赌博", "risky"), ("这里有人上访", "review")])
async def test_the_text_is_checked(
    scene: Scene, run_job: RunJob, queued: Any, wechat: WeChatClient, simulator: RunningSimulator, text: str, verdict: str
) -> None:
    """Joiners do not read what WeChat found risky; its author and officials do."""
    openid = (await wechat.code_to_session(await simulator.code("上报的人"))).openid
    sealed = sealing.seal(scene.session, openid, table="account", column="openid", row=scene.reporter.id)
    await scene.session.exec(sa.update(Account).where(col(Account.id) == scene.reporter.id).values(openid_sealed=sealed))
    report_id = (await scene.file(description=text))["id"]
    assert ("report.check_text", {"report_id": report_id}) in await queued(scene.session)
    scene.session.expire_all()
    await run_job("report.check_text", {"report_id": report_id})
    scene.session.expire_all()
    shown = await scene.get(scene.reviewer, f"/{report_id}")
    assert (shown["text_check"], shown["description"]) == (verdict, text)
    joined = await scene.give(await scene.people.member(), report_id, "join")
    assert joined["description"] == (None if verdict == "risky" else text)


async def test_a_stranger_to_wechat_is_left_to_people(scene: Scene, run_job: RunJob) -> None:
    report_id = (await scene.file())["id"]
    await scene.session.exec(sa.update(Account).where(col(Account.id) == scene.reporter.id).values(openid_sealed=None))
    scene.session.expire_all()
    await run_job("report.check_text", {"report_id": report_id})
    scene.session.expire_all()
    assert (await scene.get(scene.reviewer, f"/{report_id}"))["text_check"] == "review"


async def test_a_risky_photo_is_told_to_the_reviewers(scene: Scene, run_job: RunJob) -> None:
    report_id = (await scene.file())["id"]
    risky = sa.update(Upload).where(col(Upload.owner_id) == report_id).values(checked=Checked.RISKY).returning(col(Upload.id))
    upload_id = (await scene.session.exec(risky)).scalar_one()
    scene.session.expire_all()
    await run_job("upload.judged", {"upload_id": str(upload_id)})
    assert "照片未通过内容检查" in await scene.inbox_of(scene.reviewer)
    assert (await scene.give(await scene.people.member(), report_id, "join"))["photos"] == []
    assert len((await scene.get(scene.reviewer, f"/{report_id}"))["photos"]) == 1


async def test_erasure_and_copy(scene: Scene) -> None:
    report_id = await scene.at("closed")
    copied = await queries.export(scene.session, member_id=scene.reporter.id)
    assert copied["reports"][0]["description"] == "路面有坑"
    await reports_service.forget(scene.session, member_id=scene.reporter.id)
    await reports_service.forget(scene.session, member_id=scene.worker.id)
    scene.session.expire_all()
    shown = await scene.get(scene.reviewer, f"/{report_id}")
    assert (shown["description"], shown["address"]) == (None, None) and shown["status"] == "closed"
    assert all(row["note"] in (None, "现场已看") for row in await scene.get(scene.reviewer, f"/{report_id}/timeline"))
