"""Signals from filing to the reviewer's eyes: made by the job, replaced by it, told to few, punishing nobody."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.reports import service as reports_service
from app.signals import queries as signals_queries
from app.signals import service as signals_service
from app.signals.models import ReportSignal
from app.uploads.taken import Taken
from tests.reports.scene import Scene, on
from tests.support.lookalikes import photo, turned
from tests.support.people import Person
from tests.support.queue import queued

Run = Callable[..., Awaitable[None]]
LOOK = 0x5A5A_1234_9876_FEDC_0F1E_2D3C_4B5A_6978 << 64


@pytest.fixture
def compute(session: AsyncSession, run_job: Run) -> Callable[[], Awaitable[None]]:
    """Runs the jobs that filing and amending have put into the queue."""

    async def run() -> None:
        for name, payload in await queued(session):
            if name == "report.signals":
                await run_job(name, payload)

    return run


async def told(scene: Scene, report: dict[str, Any], who: Person | None = None) -> dict[str, dict[str, Any]]:
    found = await scene.get(who or scene.reviewer, f"/{report['id']}/signals")
    return {one["kind"]: one["facts"] for one in found}


async def with_photo(scene: Scene, who: Person, location: dict[str, Any] | None = None, **shown: Any) -> dict[str, Any]:
    upload = await photo(scene.session, who.id, **shown)
    return await scene.file(who, upload_ids=[upload], location=location or scene.county.place())


async def test_the_same_photo_and_one_that_looks_the_same(scene: Scene, compute) -> None:
    first, second, third = [await scene.people.member() for _ in range(3)]
    original = await with_photo(scene, first, digest=b"\x01" * 32, print_=LOOK)
    same = await with_photo(scene, second, digest=b"\x01" * 32)
    mirrored = await with_photo(scene, third, digest=b"\x02" * 32, print_=turned(LOOK, 4) ^ 0b111)
    await compute()
    assert (await told(scene, same))["same_photo"] == {"report": original["number"], "photos": 1}
    near = (await told(scene, mirrored))["near_photo"]
    assert (near["report"], near["distance"], near["mirrored"], near["turned"]) == (original["number"], 3, True, False)
    (line,) = [one for one in await scene.get(scene.reviewer, f"/{same['id']}/signals") if one["kind"] == "same_photo"]
    assert line["text"] == f"照片与上报 {original['number']} 的照片是同一个文件。"


async def test_a_photo_of_another_time_and_place(scene: Scene, compute) -> None:
    lng, lat = scene.county.spot
    old = Taken(clock.now() - timedelta(days=2), (lng, lat + 0.01))
    fresh = Taken(clock.now() - timedelta(minutes=2), (lng, lat))
    made, good = await with_photo(scene, scene.reporter, told=old), await with_photo(scene, scene.reporter, told=fresh)
    await compute()
    found = await told(scene, made)
    assert found["old_photo"]["minutes"] == 2 * 24 * 60 and 1_100 < found["far_from_photo"]["metres"] < 1_120
    assert await told(scene, good) == {}


async def test_one_person_everywhere_and_always_there(scene: Scene, compute) -> None:
    place = scene.county.place()
    first, second, far = await scene.file(), await scene.file(), await scene.file(location=place | {"lat": 35.54})
    third = await scene.file()
    await compute()
    assert await told(scene, first) == {} == await told(scene, second)
    assert 2_200 < (await told(scene, far))["impossible_speed"]["metres"] < 2_250
    assert (await told(scene, third))["many_of_one_spot"] == {"reports": 3}


async def test_three_people_on_one_very_point(scene: Scene, compute) -> None:
    places = [scene.county.place() | {"lat": lat} for lat in (35.5200001, 35.5199999, 35.5200002, 35.520002)]
    made = [await scene.file(await scene.people.member(), location=place) for place in places]
    await compute()
    found = [(await told(scene, one)).get("same_point_many_people") for one in made]
    assert found == [None, None, {"people": 3}, None]


async def test_who_may_read_signals(scene: Scene, compute) -> None:
    made = await with_photo(scene, scene.reporter, told=Taken(clock.now() - timedelta(days=2)))
    joiner = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.community.id)])
    await scene.give(joiner, made["id"], "join")
    await compute()
    admin = await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.street.id)])
    assert set(await told(scene, made)) == set(await told(scene, made, admin)) == {"old_photo"}
    away = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.other_community.id)])
    expected = {403: (scene.reporter, joiner, scene.worker), 404: (away, await scene.people.member(), await scene.people.console())}
    for status, callers in expected.items():
        for caller in callers:
            answer = await scene.client.get(f"/api/v1/reports/{made['id']}/signals", headers=caller.headers)
            assert answer.status_code == status and "old_photo" not in answer.text


@pytest.mark.check("S34", part=True)
async def test_signals_block_nothing_and_cost_nobody_anything(scene: Scene, compute) -> None:
    suspicious, honest = await scene.people.member(), await scene.people.member()
    old = Taken(clock.now() - timedelta(days=2), (116.9, 35.9))
    made, plain = await with_photo(scene, suspicious, digest=b"\x03" * 32, told=old), await with_photo(scene, honest)
    await with_photo(scene, await scene.people.member(), digest=b"\x03" * 32)
    await compute()
    assert await told(scene, made) and not await told(scene, plain)
    for one in (made, plain):
        shown = await scene.give(scene.reviewer, one["id"], "accept", {})
        assert shown["status"] == "accepted"
    assert await scene.points(suspicious) == await scene.points(honest) == 10


async def test_an_amended_report_is_looked_at_anew(scene: Scene, compute) -> None:
    made = await with_photo(scene, scene.reporter, told=Taken(clock.now() - timedelta(days=2)))
    await compute()
    assert set(await told(scene, made)) == {"old_photo"}
    other = await photo(scene.session, scene.reporter.id, told=Taken(clock.now()))
    answer = await scene.client.patch(f"/api/v1/reports/{made['id']}", json={"upload_ids": [other]}, headers=scene.reporter.headers)
    assert answer.status_code == 200, answer.text
    await compute()
    assert await told(scene, made) == {}


async def test_another_countys_number_is_not_told(scene: Scene, compute) -> None:
    elsewhere = await with_photo(scene, await scene.people.member(), digest=b"\x04" * 32)
    await scene.session.exec(sa.text("update report set area_path = '370898/' || area_path where id = :id"), params={"id": elsewhere["id"]})
    made = await with_photo(scene, await scene.people.member(), digest=b"\x04" * 32)
    await compute()
    assert (await told(scene, made))["same_photo"] == {"report": None, "photos": 1}


async def test_signals_cost_a_constant_number_of_statements(scene: Scene, statements: list[str], run_job: Run) -> None:
    costs = []
    for others in (2, 8):
        digest = bytes([10 + others]) * 32
        for _ in range(others):
            made = await with_photo(scene, scene.reporter, digest=digest)
        statements.clear()
        await run_job("report.signals", {"report_id": made["id"]})
        costs.append(len(statements))
    assert costs[0] == costs[1], costs


async def test_signals_go_with_the_person(scene: Scene, compute, run_job: Run) -> None:
    made = await with_photo(scene, scene.reporter, told=Taken(clock.now() - timedelta(days=2)))
    await compute()
    (line,) = (await signals_queries.export(scene.session, member_id=scene.reporter.id))["report_signals"]
    assert (line["number"], line["kind"]) == (made["number"], "old_photo")
    await signals_service.forget(scene.session, member_id=scene.reporter.id)
    await reports_service.forget(scene.session, member_id=scene.reporter.id)
    await run_job("report.signals", {"report_id": made["id"]})
    left = await scene.session.exec(sa.select(sa.func.count()).select_from(ReportSignal).where(col(ReportSignal.report_id) == made["id"]))
    assert left.scalar_one() == 0, "nor do they come back"
