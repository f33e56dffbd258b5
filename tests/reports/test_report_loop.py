"""The straight path and its side roads, over HTTP."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.auth.roles import Role
from app.db.base import new_id
from app.reports.models import Report
from tests.reports.scene import STATES, Scene, on


async def test_the_whole_loop(scene: Scene) -> None:
    made = await scene.file(description="路面有坑，骑车危险")
    assert made["status"] == "submitted" and made["version"] == 1 and made["number"].startswith("R")
    assert made["allowed"] == ["withdraw", "amend"]
    assert (made["community"]["name"], made["grid"]["name"], made["due"]["stage"]) == ("东风社区", "第一网格", "review")
    closed = await scene.lead(made["id"], "closed")
    assert closed["due"] is None and closed["rating"] == 5 and closed["points_awarded"] == 20 and closed["reporter"] is None
    assert [photo["kind"] for photo in closed["photos"]] == ["before", "after"]
    rows = await scene.get(scene.reporter, f"/{made['id']}/timeline")
    assert [row["to"] for row in rows] == list(STATES)
    assert [row["from"] for row in rows] == [None, *STATES[:-1]]
    assert [row["actor_role"] for row in rows] == [
        "reporter", "reviewer", "reviewer", "assignee", "assignee", "reviewer", "reporter",
    ]
    assert rows[4]["note"] == "已修复" and [photo["kind"] for photo in rows[4]["photos"]] == ["after"]
    assert await scene.points(scene.reporter) == 20
    audited = await scene.session.exec(
        sa.select(col(AuditEvent.action)).where(col(AuditEvent.object_kind) == "report", col(AuditEvent.object_id) == made["id"])
    )
    assert {"report.submit", "report.accept", "report.verify", "report.feedback"} <= set(audited.scalars().all())


async def test_what_a_report_needs(scene: Scene) -> None:
    photo = await scene.photo(scene.reporter)
    good = {"category_code": "road_hole", "description": "坑", "location": scene.county.place(), "upload_ids": [photo]}
    outside = {"lng": 100.0, "lat": 30.0, "crs": "gcj02"}
    later = (clock.now() + timedelta(hours=1)).isoformat()
    for change in (
        {"upload_ids": []}, {"location": outside}, {"category_code": "facilities"}, {"category_code": "nothing"}, {"occurred_at": later},
        {"upload_ids": [photo, photo]}, {"colour": "red"},
    ):
        answer = await scene.post(scene.reporter, "", good | change, **{"Idempotency-Key": new_id().hex})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error"), change
    assert (await scene.post(scene.reporter, "", good)).json()["code"] == "idempotency_key_missing"
    strangers = good | {"upload_ids": [await scene.photo(scene.worker)]}
    answer = await scene.post(scene.reporter, "", strangers, **{"Idempotency-Key": new_id().hex})
    assert answer.status_code == 404
    nameless = await scene.people.member(phone=None)
    answer = await scene.post(nameless, "", good, **{"Idempotency-Key": new_id().hex})
    assert answer.json()["code"] == "phone_required"
    placeless = await scene.people.member(consents=["service"])
    answer = await scene.post(placeless, "", good, **{"Idempotency-Key": new_id().hex})
    assert answer.json()["code"] == "consent_required"


async def test_the_reviewer_names_what_the_reporter_left_open(scene: Scene) -> None:
    made = await scene.file(category_code=None)
    assert await scene.refused(scene.reviewer, made["id"], "accept", {}) == (422, "validation_error")
    shown = await scene.give(scene.reviewer, made["id"], "accept", {"category_code": "manhole_missing", "note": "属实"})
    assert (shown["severity"], shown["category"]["code"]) == ("hazard", "manhole_missing")
    assert await scene.points(scene.reporter) == 50


async def test_hazards_pay_no_closing_bonus(scene: Scene) -> None:
    made = await scene.file(category_code="hanging_wire")
    await scene.lead(made["id"], "closed")
    assert await scene.points(scene.reporter) == 50


async def test_an_emergency_has_clock_minutes_and_calls_its_reviewers(scene: Scene) -> None:
    made = await scene.file(category_code="gas_smell")
    row = await scene.session.get(Report, made["id"])
    assert row is not None and row.due_at is not None
    assert timedelta(minutes=14) < row.due_at - clock.now() <= timedelta(minutes=15)
    assert await scene.inbox_of(scene.reviewer) == ["紧急上报"]


async def test_caps_count_by_the_day_of_filing(scene: Scene) -> None:
    for index in range(6):
        made = await scene.file()
        shown = await scene.give(scene.reviewer, made["id"], "accept", {})
        assert shown["status"] == "accepted", index
    assert await scene.points(scene.reporter) == 50, "five a day, the sixth is accepted without points"


async def test_rework_dispute_and_reopening(scene: Scene) -> None:
    report_id = await scene.at("resolved")
    shown = await scene.give(scene.reviewer, report_id, "verify", {"passed": False, "note": "没填平"})
    assert (shown["status"], shown["rework_count"]) == ("in_progress", 1)
    after = {"note": "重做", "upload_ids": [await scene.photo(scene.worker)]}
    await scene.give(scene.worker, report_id, "resolve", after)
    await scene.give(scene.reviewer, report_id, "verify", {"passed": True, "note": "好"})
    await scene.give(scene.reporter, report_id, "feedback", {"satisfied": False, "comment": "还是坑"})
    shown = await scene.give(scene.reviewer, report_id, "decide", {"rework": False, "note": "已达标准"})
    assert shown["status"] == "closed" and await scene.points(scene.reporter) == 20
    for _ in range(2):
        again = {"reason": "又坏了", "upload_ids": [await scene.photo(scene.reporter)]}
        shown = await scene.give(scene.reporter, report_id, "reopen", again)
        assert shown["status"] == "reopened"
        await scene.give(scene.reviewer, report_id, "dispatch", {"assignee_account_id": str(scene.worker.id)})
        await scene.give(scene.worker, report_id, "start")
        await scene.give(scene.worker, report_id, "resolve", {"note": "修", "upload_ids": [await scene.photo(scene.worker)]})
        await scene.give(scene.reviewer, report_id, "verify", {"passed": True, "note": "好"})
        await scene.give(scene.reporter, report_id, "feedback", {"satisfied": True})
    assert await scene.refused(scene.reporter, report_id, "reopen", {"reason": "又"}) == (409, "limit_reached")
    assert await scene.points(scene.reporter) == 20, "paid once, whatever came after"


async def test_requests_of_the_assignee(scene: Scene) -> None:
    report_id = await scene.at("in_progress")
    until = (clock.now() + timedelta(days=3)).isoformat()
    past = (clock.now() - timedelta(days=3)).isoformat()
    assert await scene.refused(scene.worker, report_id, "suspend", {"reason": "等配件", "until": past}) == (422, "validation_error")
    shown = await scene.give(scene.worker, report_id, "suspend", {"reason": "等配件", "until": until})
    assert shown["status"] == "in_progress" and shown["request"]["kind"] == "suspend" and shown["request"]["reason"] == "等配件"
    assert await scene.refused(scene.worker, report_id, "extend", {"reason": "雨", "until": until}) == (409, "already_exists")
    assert await scene.refused(scene.worker, report_id, "decide-request", {"approve": True, "note": "行"}) == (403, "forbidden")
    shown = await scene.give(scene.reviewer, report_id, "decide-request", {"approve": True, "note": "同意"})
    assert shown["status"] == "suspended" and shown["request"] is None and shown["suspended_until"]
    shown = await scene.give(scene.worker, report_id, "extend", {"reason": "雨", "until": until})
    shown = await scene.give(scene.reviewer, report_id, "decide-request", {"approve": False, "note": "不行"})
    assert shown["status"] == "suspended" and shown["extension_count"] == 0
    shown = await scene.give(scene.worker, report_id, "resume")
    assert shown["status"] == "in_progress"
    due = (await scene.give(scene.reviewer, report_id, "extend", {"reason": "雨", "until": until}))["due"]
    assert due["stage"] == "handle" and due["at"][:16] == clock.datetime.fromisoformat(until).astimezone(clock.UTC).isoformat()[:16]
    shown = await scene.give(scene.reviewer, report_id, "suspend", {"reason": "施工"})
    assert shown["status"] == "suspended" and shown["extension_count"] == 1
    assert await scene.refused(scene.reviewer, report_id, "decide-request", {"approve": True, "note": "?"}) == (409, "invalid_transition")


async def test_a_request_ends_with_the_work_it_was_about(scene: Scene) -> None:
    report_id = await scene.at("in_progress")
    until = (clock.now() + timedelta(days=3)).isoformat()
    await scene.give(scene.worker, report_id, "extend", {"reason": "雨", "until": until})
    shown = await scene.give(scene.worker, report_id, "send-back", {"reason": "不归我管"})
    assert shown["status"] == "accepted" and shown["request"] is None and shown["assignee"] is None


@pytest.mark.parametrize("state", STATES)
async def test_allowed_is_what_works(scene: Scene, state: str) -> None:
    """A command outside `allowed` is refused and changes nothing; `allowed` repeats in the refusal."""
    report_id = await scene.at(state)
    shown = await scene.get(scene.reviewer, f"/{report_id}")
    bodies = {"accept": {}, "reject": {"reason_code": "abuse", "note": "x"}, "dispatch": {"assignee_account_id": str(scene.worker.id)},
              "verify": {"passed": True, "note": "x"}, "decide": {"rework": True, "note": "x"}}
    for command, body in bodies.items():
        if command not in shown["allowed"]:
            answer = await scene.post(scene.reviewer, f"/{report_id}/{command}", body)
            assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition"), command
            assert answer.json()["allowed"] == shown["allowed"]
    assert (await scene.get(scene.reviewer, f"/{report_id}"))["version"] == shown["version"]


async def test_a_version_that_was_seen_before(scene: Scene) -> None:
    made = await scene.file()
    await scene.give(scene.reviewer, made["id"], "accept", {})
    answer = await scene.post(scene.reviewer, f"/{made['id']}/reject", {"reason_code": "abuse", "note": "x"}, **{"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["version"]) == (412, 2)


async def test_dispatch_goes_to_a_grid_worker_of_the_place(scene: Scene) -> None:
    report_id = await scene.at("accepted")
    elsewhere = await scene.people.member(grants=[on(Role.GRID_WORKER, scene.county.other_grid.id)])
    for nobody in (elsewhere.id, scene.reviewer.id, new_id()):
        assert await scene.refused(scene.reviewer, report_id, "dispatch", {"assignee_account_id": str(nobody)}) == (422, "validation_error")
    second = await scene.people.member(grants=[on(Role.GRID_WORKER, scene.county.community.id)])
    await scene.give(scene.reviewer, report_id, "dispatch", {"assignee_account_id": str(scene.worker.id)})
    shown = await scene.give(scene.reviewer, report_id, "dispatch", {"assignee_account_id": str(second.id)})
    assert shown["assignee"]["id"] == str(second.id)
    assert await scene.refused(scene.worker, report_id, "start") == (403, "forbidden")
    await scene.give(second, report_id, "start")
