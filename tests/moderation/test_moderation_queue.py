"""From a verdict to what strangers see: the queue of texts and photos, who decides, and what follows from it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.auth.roles import Role
from app.db.base import new_id
from app.errors import NotFound, WeChatUnavailable
from app.moderation import queries, service
from app.moderation.models import ItemStatus, ModerationItem, ModerationText
from app.reports import service as reports_service
from app.reports.models import Report
from app.uploads import queries as uploads_queries
from app.uploads import service as uploads_service
from app.uploads import workflow as uploads_workflow
from app.uploads.models import Checked, Upload
from tests.reports.scene import Scene, on
from tests.support.people import Person

TEXT = "路面有坑，党员先锋岗前"
NOTE = "含有他人姓名"


async def judged(scene: Scene, run_job: Any, report_id: str, verdict: str) -> None:
    """WeChat says this of the description."""
    report = await scene.session.get(Report, UUID(report_id), populate_existing=True)
    assert report is not None
    await reports_service.judge_text(scene.session, report_id=report.id, verdict=verdict, of=report.description_sealed)
    await run_job("moderation.wanted", {"report_id": report_id})


async def queue(scene: Scene, who: Person, **asked: str) -> list[dict[str, Any]]:
    answer = await scene.client.get("/api/v1/moderation/items", params=asked, headers=who.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def say(scene: Scene, who: Person, item: dict[str, Any], command: str, *, version: int | None = None) -> tuple[int, Any]:
    head = {} if version is None else {"If-Match": f'"{version}"'}
    answer = await scene.client.post(
        f"/api/v1/moderation/items/{item['id']}/{command}", json={"note": NOTE}, headers=who.headers | head
    )
    return answer.status_code, answer.json()


async def nearby(scene: Scene, who: Person) -> Any:
    lng, lat = scene.county.spot
    (found,) = (await scene.get(who, "/nearby", lng=lng, lat=lat, crs="gcj02"))["items"]
    return found


async def test_a_text_is_passed_by_a_person_and_shown_at_once(scene: Scene, run_job: Any, queued: Any) -> None:
    report_id = (await scene.file(description=TEXT))["id"]
    await scene.give(scene.reviewer, report_id, "accept", {})
    await judged(scene, run_job, report_id, "review")
    assert ("moderation.wanted", {"report_id": report_id}) in await queued(scene.session)
    await run_job("moderation.wanted", {"report_id": report_id})
    stranger, county = await scene.people.member(), scene.county
    (item,) = await queue(scene, scene.reviewer, kind="text", status="waiting")
    assert (item["text"], item["reason"], item["owner"]["type"], item["allowed"]) == (TEXT, "review", "report", ["pass", "block"])
    assert (await nearby(scene, stranger))["description"] is None

    other = await scene.people.member(grants=[on(Role.REVIEWER, county.other_community.id)])
    for outsider in (other, scene.reporter, scene.worker, stranger):
        assert await queue(scene, outsider) == []
        assert (await say(scene, outsider, item, "pass"))[0] == 404
    for command in ("pass", "block"):
        assert (await say(scene, scene.reviewer, item, command, version=item["version"] + 1))[1]["code"] == "version_mismatch"
    status, shown = await say(scene, scene.reviewer, item, "pass", version=item["version"])
    assert (status, shown["status"], shown["allowed"], shown["note"]) == (200, "passed", [], NOTE)
    assert (await nearby(scene, stranger))["description"] == TEXT
    again = await say(scene, await scene.people.member(grants=[on(Role.AREA_ADMIN, county.street.id)]), item, "block")
    assert (again[0], again[1]["code"]) == (409, "invalid_transition")
    await run_job("moderation.wanted", {"report_id": report_id})
    assert await queue(scene, scene.reviewer, status="waiting") == []


async def test_a_blocked_text_is_hidden_and_its_author_told_without_its_words(scene: Scene, run_job: Any) -> None:
    report_id = (await scene.file(description=TEXT))["id"]
    await judged(scene, run_job, report_id, "review")
    joiner = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.community.id)])
    (item,) = await queue(scene, joiner)
    assert (await scene.give(joiner, report_id, "join"))["description"] == TEXT
    assert (await say(scene, joiner, item, "pass"))[0] == 404, "who joined has a part in it"
    assert (await say(scene, scene.reviewer, item, "block"))[0] == 200
    assert (await scene.get(joiner, f"/{report_id}"))["description"] is None
    assert (await scene.get(scene.reporter, f"/{report_id}"))["description"] == TEXT
    answer = await scene.client.get("/api/v1/messages", headers=scene.reporter.headers)
    (told,) = [one for one in answer.json()["items"] if one["title"] == "有内容未通过审核"]
    assert TEXT not in str(told) and NOTE not in str(told) and told["reference"]["id"] == report_id

    kept = await queries.export(scene.session, member_id=scene.reporter.id)
    assert [(one["kind"], one["outcome"]) for one in kept["moderated"]] == [("text", "blocked")]
    assert (await queries.export(scene.session, member_id=scene.reviewer.id))["moderation_notes"][0]["text"] == NOTE
    await service.forget(scene.session, member_id=scene.reporter.id)
    row = (await scene.session.exec(sa.select(ModerationItem).execution_options(populate_existing=True))).scalars().one()
    assert (row.author_id, row.status) == (None, ItemStatus.BLOCKED)
    assert (await scene.session.exec(sa.select(col(ModerationText.text)))).scalars().all() == [None]


async def test_a_rewritten_text_is_another_item(scene: Scene, run_job: Any) -> None:
    report_id = (await scene.file(description=TEXT))["id"]
    await judged(scene, run_job, report_id, "review")
    (first,) = await queue(scene, scene.reviewer)
    assert (await scene.amend(scene.reporter, report_id, {"description": "另一段话"})).status_code == 200
    assert (await say(scene, scene.reviewer, first, "pass"))[0] == 409, "nobody has looked at what stands there now"
    await judged(scene, run_job, report_id, "risky")
    second, old = await queue(scene, scene.reviewer)
    assert (second["text"], second["reason"], old["id"], old["status"], old["text"]) == ("另一段话", "risky", first["id"], "lapsed", None)
    # A report that moves takes its items along; until they have followed nobody sees them.
    manager = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.other_community.id)])
    body = {"area_id": str(scene.county.other_community.id), "reason": "属于邻社区"}
    assert (await scene.post(scene.reviewer, f"/{report_id}/transfer", body)).status_code == 200
    assert await queue(scene, scene.reviewer) == await queue(scene, manager) == []
    await run_job("moderation.moved", {"report_id": report_id})
    assert await queue(scene, scene.reviewer) == [] and len(await queue(scene, manager)) == 2


async def test_no_answer_on_a_text_in_35_minutes_is_for_people(scene: Scene, run_job: Any, queued: Any, monkeypatch: Any) -> None:
    async def away(*_: Any) -> None:
        raise WeChatUnavailable

    async def openid(*_: Any, **__: Any) -> str:
        return "openid"

    monkeypatch.setattr("app.wechat.client.WeChatClient.check_text", away)
    monkeypatch.setattr("app.auth.queries.openid_of", openid)
    report_id = (await scene.file())["id"]
    await run_job("report.check_text", {"report_id": report_id})
    (again,) = [payload for name, payload in await queued(scene.session) if name == "report.check_text" and "since" in payload]
    report = await scene.session.get(Report, UUID(report_id), populate_existing=True)
    assert report is not None and report.text_check == "pending"
    again["since"] -= uploads_workflow.VERDICT_WITHIN.total_seconds()
    await run_job("report.check_text", again)
    await scene.session.refresh(report)
    assert report.text_check == "review" and ("moderation.wanted", {"report_id": report_id}) in await queued(scene.session)


async def test_photos_wait_for_their_verdict_out_of_strangers_sight(scene: Scene, run_job: Any) -> None:
    """Pending: owner and handlers. Risky: its sender and those who decide. A person's word is the last one."""
    made = await scene.file()
    report_id = made["id"]
    (upload,) = (await uploads_queries.photos(scene.session, [UUID(report_id)]))[UUID(report_id)]
    joiner = await scene.people.member()
    await scene.give(joiner, report_id, "join")
    everybody = {"reporter": scene.reporter, "reviewer": scene.reviewer, "worker": scene.worker, "joiner": joiner}

    async def seen_by() -> set[str]:
        """Who is shown it, which must be who may fetch it."""
        found = set()
        for name, who in everybody.items():
            shown = await scene.get(who, f"/{report_id}")
            assert len(shown["photos"]) + shown["photos_withheld"] == 1
            try:
                await uploads_queries.access(scene.session, principal=who.principal, upload_id=upload.id)
            except NotFound:
                assert shown["photos"] == [], name
            else:
                assert len(shown["photos"]) == 1, name
                found.add(name)
        return found

    assert await seen_by() == {"reporter", "reviewer", "worker"}
    await scene.session.exec(
        sa.update(Upload).where(col(Upload.id) == upload.id).values(
            trace_id="trace", created_at=sa.func.now() - timedelta(hours=1), attached_at=sa.func.now() - timedelta(hours=1)
        )
    )
    await run_job("upload.end_waiting")
    await run_job("moderation.wanted", {"upload_id": str(upload.id)})
    (item,) = await queue(scene, scene.reviewer, kind="photo")
    assert (item["reason"], item["photo"]["id"]) == ("unanswered", str(upload.id))
    assert await seen_by() == {"reporter", "reviewer", "worker"}
    await uploads_service.judge(scene.session, trace_id="trace", verdict=Checked.RISKY, label="20002")
    await run_job("moderation.wanted", {"upload_id": str(upload.id)})
    (late,) = await queue(scene, scene.reviewer)
    assert (late["id"], late["reason"], late["label"], late["version"]) == (item["id"], "risky", "20002", item["version"] + 1)
    assert await seen_by() == {"reporter", "reviewer"}
    assert (await scene.get(scene.reviewer, f"/{report_id}"))["photos"][0]["checked"] == "risky"
    assert (await say(scene, scene.reviewer, late, "pass"))[0] == 200
    assert await seen_by() == everybody.keys()
    await uploads_service.judge(scene.session, trace_id="trace", verdict=Checked.RISKY, label="20002")
    await run_job("moderation.wanted", {"upload_id": str(upload.id)})
    assert await seen_by() == everybody.keys() and (await queue(scene, scene.reviewer))[0]["status"] == "passed"


async def test_what_wechat_passes_late_is_no_question_any_more(scene: Scene, run_job: Any) -> None:
    upload_id = UUID(await scene.photo(scene.reporter))
    await uploads_service.leave_to_people(scene.session, upload_id=upload_id)
    await run_job("moderation.wanted", {"upload_id": str(upload_id)})
    assert await queue(scene, scene.reviewer) == [], "it belongs to nothing yet"
    await scene.file(upload_ids=[str(upload_id)])
    await run_job("moderation.wanted", {"upload_id": str(upload_id)})
    (item,) = await queue(scene, scene.reviewer, status="waiting")
    await uploads_service.note_check(scene.session, upload_id=upload_id, trace_id="late")
    await uploads_service.judge(scene.session, trace_id="late", verdict=Checked.PASS, label="100")
    await run_job("moderation.wanted", {"upload_id": str(upload_id)})
    assert (await queue(scene, scene.reviewer))[0]["status"] == "lapsed"
    assert (await say(scene, scene.reviewer, item, "block"))[1]["code"] == "invalid_transition"


async def test_what_waits_for_a_day_is_told_once_a_day_and_measured(scene: Scene, run_job: Any) -> None:
    for verdict in ("review", "risky"):
        await judged(scene, run_job, (await scene.file())["id"], verdict)
    await run_job("moderation.remind")
    assert "有内容待审核" not in await scene.inbox_of(scene.reviewer)
    await scene.session.exec(sa.update(ModerationItem).values(created_at=sa.func.now() - timedelta(hours=25)))
    for _ in range(2):
        await run_job("moderation.remind")
    assert (await scene.inbox_of(scene.reviewer)).count("有内容待审核") == 1
    figures = await queries.measured(scene.session)
    assert figures["xinxin_moderation_waiting"] == 2 and 90_000 <= figures["xinxin_moderation_oldest_seconds"] < 91_000
    await scene.session.exec(sa.delete(ModerationItem))
    await run_job("moderation.collect")
    assert len(await queue(scene, scene.reviewer, status="waiting")) == 2, "what no job has listed is found by night"


@pytest.mark.parametrize("kind", ["complaint", "store_application", "adjustment", "clawback"])
async def test_papers_and_demands_are_never_sent(scene: Scene, run_job: Any, queued: Any, monkeypatch: Any, kind: str) -> None:
    """Neither by the queue nor by a job that somebody put there by hand; the same photo on a report is."""
    asked: list[str] = []

    async def check_image(_: Any, openid: str, url: str, scene: int = 2) -> str:
        asked.append(url)
        return new_id().hex

    monkeypatch.setattr("app.wechat.client.WeChatClient.check_image", check_image)
    for attached, sent in ((kind, 0), ("report_before", 1)):
        upload_id = await scene.photo(scene.reporter)
        await uploads_service.attach(
            scene.session, upload_ids=[UUID(upload_id)], member_id=scene.reporter.id, kind=attached, owner_id=new_id()
        )
        assert (await queued(scene.session)).count(("upload.check", {"upload_id": upload_id})) == sent
        await run_job("upload.check", {"upload_id": upload_id})
        assert len(asked) == sent
