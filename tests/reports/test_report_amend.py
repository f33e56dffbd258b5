"""A report is completed or corrected by its reporter until it is accepted."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas import geo
from app.auth import service as auth_service
from app.db.base import new_id
from app.reports import service
from app.reports.models import Report, ReportEvent
from app.uploads.models import Upload
from tests.reports.scene import Scene
from tests.support.people import Person

Queued = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]


async def row(scene: Scene, report_id: str) -> Report:
    found = await scene.session.get(Report, UUID(report_id), populate_existing=True)
    assert found is not None
    return found


async def texts_to_check(scene: Scene, queued: Queued, report_id: str) -> int:
    return (await queued(scene.session)).count(("report.check_text", {"report_id": report_id}))


async def test_only_what_is_given_changes(scene: Scene, queued: Queued) -> None:
    made = await scene.file(address="文化路 12 号")
    before = await scene.get(scene.reporter, f"/{made['id']}")
    answer = await scene.amend(scene.reporter, made["id"], {"description": "坑更大了"}, **{"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    after = answer.json()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"description", "version"} and (after["description"], after["version"]) == ("坑更大了", 2)
    amended = sa.select(ReportEvent).where(col(ReportEvent.report_id) == made["id"], col(ReportEvent.command) == "amend")
    event = (await scene.session.exec(amended)).scalars().one()
    assert event.facts == {"fields": ["description"]} and event.from_status is event.to_status
    assert await texts_to_check(scene, queued, made["id"]) == 2, "the new words are checked as the old ones were"
    cleared = (await scene.amend(scene.reporter, made["id"], {"address": None, "category_code": None})).json()
    assert (cleared["address"], cleared["category"], cleared["description"]) == (None, None, "坑更大了")
    assert await texts_to_check(scene, queued, made["id"]) == 2


async def test_another_place_belongs_to_another_community(scene: Scene) -> None:
    made = await scene.file()
    lng, lat = scene.county.other_spot
    moved = await scene.amend(scene.reporter, made["id"], {"location": {"lng": lng, "lat": lat, "crs": "wgs84", "accuracy_m": 7.5}})
    assert moved.json()["community"]["name"] == "建设社区", moved.text
    report = await row(scene, made["id"])
    assert report.area_path == scene.county.other_grid.path and report.grid_id == scene.county.other_grid.id
    assert (report.source_lng, report.source_lat, report.source_crs, report.accuracy_m) == (lng, lat, "wgs84", 7.5)
    assert (report.lng, report.lat) == geo.wgs84_to_gcj02(lng, lat)
    assert await scene.refused(scene.reviewer, made["id"], "accept", {}) == (404, "not_found"), "it is another community's now"


async def test_what_came_is_kept_as_it_came_in_either_system(scene: Scene) -> None:
    report = await row(scene, (await scene.file())["id"])
    assert (report.source_lng, report.source_lat, report.source_crs) == (*scene.county.spot, "gcj02") and report.accuracy_m == 20


async def test_photos_are_the_whole_new_list(scene: Scene) -> None:
    made = await scene.file()
    (first,) = (await scene.get(scene.reporter, f"/{made['id']}"))["photos"]
    second, third = await scene.photo(scene.reporter), await scene.photo(scene.reporter)
    shown = (await scene.amend(scene.reporter, made["id"], {"upload_ids": [second, first["id"]]})).json()
    assert [photo["id"] for photo in shown["photos"]] == [second, first["id"]]
    shown = (await scene.amend(scene.reporter, made["id"], {"upload_ids": [third, second]})).json()
    assert [photo["id"] for photo in shown["photos"]] == [third, second]
    loose = await scene.session.get(Upload, UUID(first["id"]), populate_existing=True)
    assert loose is not None and (loose.owner_id, loose.kind, loose.position) == (None, None, None), "it is swept like any other"
    assert (await scene.get(scene.reporter, f"/{made['id']}/timeline"))[-1]["photos"]


async def test_an_emergency_starts_its_own_clock(scene: Scene) -> None:
    made = await scene.file()
    kept = (await scene.amend(scene.reporter, made["id"], {"category_code": "bollard"})).json()
    assert kept["due"] == made["due"], "the clock goes on"
    assert await scene.inbox_of(scene.reviewer) == []
    urgent = (await scene.amend(scene.reporter, made["id"], {"category_code": "gas_smell"})).json()
    assert urgent["severity"] == "emergency" and await scene.inbox_of(scene.reviewer) == ["紧急上报"]
    report = await row(scene, made["id"])
    assert report.due_at is not None and report.due_at - clock.now() <= timedelta(minutes=15)
    await scene.amend(scene.reporter, made["id"], {"description": "气味很重"})
    assert await scene.inbox_of(scene.reviewer) == ["紧急上报"], "told once"


async def test_refusals_are_those_of_filing_and_store_nothing(scene: Scene, queued: Queued) -> None:
    made = await scene.file()
    used = (await scene.get(scene.reporter, f"/{(await scene.file())['id']}"))["photo"]["id"]
    photo, foreign = await scene.photo(scene.reporter), await scene.photo(scene.worker)
    before = (await row(scene, made["id"])).model_dump()
    jobs = len(await queued(scene.session))
    later = (clock.now() + timedelta(hours=1)).isoformat()
    refusals: list[tuple[dict[str, Any], int, str]] = [
        ({}, 422, "validation_error"), ({"description": None}, 422, "validation_error"), ({"location": None}, 422, "validation_error"),
        ({"upload_ids": None}, 422, "validation_error"), ({"upload_ids": []}, 422, "validation_error"),
        ({"upload_ids": [photo] * 2}, 422, "validation_error"), ({"upload_ids": [photo, foreign]}, 404, "not_found"),
        ({"upload_ids": [photo, used]}, 409, "upload_already_used"), ({"category_code": "facilities"}, 422, "validation_error"),
        ({"location": {"lng": 100.0, "lat": 30.0, "crs": "gcj02"}}, 422, "validation_error"),
        ({"occurred_at": later}, 422, "validation_error"), ({"severity": "hazard"}, 422, "validation_error"),
    ]
    for change, status, code in refusals:
        answer = await scene.amend(scene.reporter, made["id"], {"description": "另一句"} | change if change else change)
        assert (answer.status_code, answer.json()["code"]) == (status, code), change
    assert (await row(scene, made["id"])).model_dump() == before and len(await queued(scene.session)) == jobs
    assert [one["id"] for one in (await scene.get(scene.reporter, f"/{made['id']}"))["photos"]] != [photo]


async def test_whose_it_is_and_until_when(scene: Scene) -> None:
    made = await scene.file()
    joiner = await scene.people.member()
    await scene.give(joiner, made["id"], "join")

    async def answered(who: Person, **headers: str) -> tuple[int, str]:
        answer = await scene.amend(who, made["id"], {"description": "x"}, **headers)
        return answer.status_code, answer.json().get("code", "")

    for who in (joiner, scene.reviewer, scene.worker):
        assert await answered(who) == (403, "forbidden")
    assert await answered(await scene.people.member()) == (404, "not_found")
    assert await answered(scene.reporter, **{"If-Match": '"7"'}) == (412, "version_mismatch")
    assert await answered(scene.reporter) == (200, "")
    await scene.give(scene.reviewer, made["id"], "accept", {})
    assert await answered(scene.reporter) == (409, "invalid_transition")
    assert "amend" not in (await scene.get(scene.reporter, f"/{made['id']}"))["allowed"]


async def test_a_place_wants_the_consent_to_places(scene: Scene) -> None:
    made = await scene.file()
    where = {"location": scene.county.place()}
    await auth_service.set_consented(scene.session, account_id=scene.reporter.id, purposes=["service"])
    answer = await scene.amend(scene.reporter, made["id"], where)
    assert (answer.status_code, answer.json()["code"]) == (403, "consent_required")
    assert (await scene.amend(scene.reporter, made["id"], {"description": "没有位置的改动"})).status_code == 200


@pytest.mark.parametrize("amended", [False, True])
async def test_a_verdict_is_about_the_words_that_were_asked_about(scene: Scene, queued: Queued, amended: bool) -> None:
    """A verdict that arrives after an amendment is not the new words' verdict; they are asked about again."""
    made = await scene.file()
    asked = (await row(scene, made["id"])).description_sealed
    if amended:
        await scene.amend(scene.reporter, made["id"], {"description": "全新的一句"})
    jobs = await texts_to_check(scene, queued, made["id"])
    await service.judge_text(scene.session, report_id=UUID(made["id"]), verdict="pass", of=asked)
    await scene.session.flush()
    assert (await row(scene, made["id"])).text_check == ("pending" if amended else "pass")
    assert await texts_to_check(scene, queued, made["id"]) - jobs == amended


async def test_the_same_key_is_one_report_for_a_week(scene: Scene, run_job: Callable[..., Awaitable[None]]) -> None:
    """The contract promises seven days; after the sweep of the ninth the key is forgotten, as this test would notice earlier."""
    photo = await scene.photo(scene.reporter)
    body = {"category_code": "road_hole", "description": "坑", "location": scene.county.place(), "upload_ids": [photo]}
    key = {"Idempotency-Key": new_id().hex}
    first = await scene.post(scene.reporter, "", body, **key)
    age = sa.text("update idempotency_key set created_at = created_at - interval '7 days'")
    await scene.session.exec(age)
    await run_job("auth.sweep_answers")
    again = await scene.post(scene.reporter, "", body, **key)
    assert (again.status_code, again.content) == (201, first.content) and again.headers["Idempotency-Replayed"] == "true"
    await scene.session.exec(age)
    await run_job("auth.sweep_answers")
    assert (await scene.post(scene.reporter, "", body, **key)).json()["code"] == "upload_already_used", "asked anew"
