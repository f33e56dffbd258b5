"""Versions of categories: made by those who may, never changed, kept by the reports that were filed under them."""

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from app.audit.models import AuditEvent
from app.auth.roles import Role
from app.db.base import new_id
from app.reports.models import Report
from tests.categories.conftest import TREE, Desk
from tests.reports.scene import on
from tests.support.owner import as_owner
from tests.support.queue import queued

QUICK = {"review_minutes": 30, "dispatch_minutes": 30, "handle_minutes": 60, "clock": "calendar"}


async def _kept(desk: Desk, report_id: str) -> int | None:
    found = await desk.scene.session.exec(sa.select(col(Report.category_version)).where(col(Report.id) == report_id))
    kept: int | None = found.scalar_one()
    return kept


async def _minutes_to_review(desk: Desk, made: dict[str, Any]) -> float:
    found = await desk.scene.session.exec(sa.select(col(Report.created_at)).where(col(Report.id) == made["id"]))
    return (datetime.fromisoformat(made["due"]["at"]) - found.scalar_one()).total_seconds() / 60


async def test_the_seeded_tree_is_well_formed(desk: Desk) -> None:
    """Every category has the version that it shows, every shown figure is that version's, and the tree has two levels."""
    session = desk.scene.session
    wrong = await session.exec(sa.text("""
        select c.code from report_category c left join report_category_version v on v.category_code = c.code and v.version = c.version
          left join report_category p on p.code = c.parent_code
         where v.version is null or p.parent_code is not null or c.parent_code is distinct from v.parent_code
            or (c.name, c.severity, c.limits, c.position, c.active) is distinct from (v.name, v.severity, v.limits, v.position, v.active)
            or c.points <> coalesce(v.points, case c.severity when 'normal' then 10 else 50 end)"""))
    assert wrong.scalars().all() == []
    leaves = await desk.leaves()
    assert {leaf["version"] for leaf in leaves.values()} == {1}
    assert {leaves[code]["kind"] for code in ("road_hole", "street_light")} == {"part"}
    assert {leaves[code]["kind"] for code in ("rubbish_exposed", "stall_outside")} == {"event"}
    assert {leaves[code]["kind"] for code in ("manhole_missing", "gas_smell")} == {"hazard"}
    modes = {leaf["severity"]: leaf["guidance"]["mode"] for code, leaf in leaves.items() if code != "life_in_danger"}
    assert modes == {"normal": "none", "hazard": "notice", "emergency": "confirm"}
    assert leaves["life_in_danger"]["guidance"]["mode"] == "stop" and "110" in leaves["gas_smell"]["guidance"]["text"]
    assert [code for code, leaf in leaves.items() if leaf["exact_place"] == "handlers"] == ["battery_charging"]


@pytest.mark.parametrize("change", ["update report_category_version set points = 1", "delete from report_category_version"])
async def test_a_version_cannot_be_changed(desk: Desk, change: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        async with desk.scene.session.begin_nested(), as_owner(desk.scene.session):
            await desk.scene.session.exec(sa.text(change))


async def test_a_category_needs_the_version_that_it_shows(desk: Desk) -> None:
    session = desk.scene.session
    for version, refused in ((1, False), (99, True)):
        try:
            async with session.begin_nested():
                change = sa.text("update report_category set version = :version where code = 'road_hole'")
                await session.exec(change, params={"version": version})
                await session.exec(sa.text("set constraints all immediate"))
        except DBAPIError as error:
            assert refused and "fk_report_category_version" in str(error.orig)
        else:
            assert not refused


async def test_a_change_is_a_new_version_and_is_audited(desk: Desk) -> None:
    made = await desk.change("road_hole", points=15, limits=QUICK, seen=1)
    assert (made["version"], made["points"], made["limits"], made["name"]) == (2, 15, QUICK, "路面坑洞")
    assert (await desk.leaves())["road_hole"]["points"] == 15
    shown = await desk.scene.get(desk.scene.reviewer, "/categories/road_hole/versions")
    assert [(one["version"], one["points"]) for one in shown] == [(2, 15), (1, None)]
    found = await desk.scene.session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "category.change"))
    (event,) = found.scalars().all()
    assert event.actor_id == desk.admin.id and event.facts == {"code": "road_hole", "version": 2, "fields": ["limits", "points"]}
    late = await desk.patch(desk.admin, "road_hole", points=20, seen=1)
    assert (late.status_code, late.json()["version"]) == (412, 2)
    back = await desk.change("road_hole", points=None)
    assert (back["version"], back["points"], (await desk.leaves())["road_hole"]["points"]) == (3, None, 10)


async def test_a_report_keeps_its_limits(desk: Desk) -> None:
    before = await desk.scene.file(category_code="road_hole")
    await desk.change("road_hole", limits=QUICK)
    after = await desk.scene.file(category_code="road_hole")
    assert [await _kept(desk, one["id"]) for one in (before, after)] == [1, 2]
    assert await _minutes_to_review(desk, after) == pytest.approx(30, abs=1)
    assert await _minutes_to_review(desk, before) >= 239
    due = {}
    for made in (before, after):
        shown = await desk.scene.give(desk.scene.reviewer, made["id"], "accept", {"category_code": "road_hole"})
        due[made["id"]] = datetime.fromisoformat(shown["due"]["at"]) - datetime.fromisoformat(shown["accepted_at"])
    assert due[after["id"]].total_seconds() == pytest.approx(30 * 60, abs=60), "dispatch by the version of its filing"
    assert due[before["id"]].total_seconds() >= 119 * 60, "the first knows the first version only, though its category was named again"
    assert [await _kept(desk, one["id"]) for one in (before, after)] == [1, 2]


async def test_a_report_pays_by_the_version_that_it_keeps(desk: Desk) -> None:
    scene = desk.scene
    riders = [await scene.people.member() for _ in range(4)]
    first = await scene.file(riders[0], category_code="road_hole")
    await desk.change("road_hole", points=17)
    second, rated = [await scene.file(rider, category_code="road_hole") for rider in riders[1:3]]
    for made in (first, second):
        await scene.give(scene.reviewer, made["id"], "accept")
    await scene.give(scene.reviewer, rated["id"], "accept", {"severity": "hazard"})
    await desk.change("road_hole", points=0)
    unpaid = await scene.file(riders[3], category_code="road_hole")
    await scene.give(scene.reviewer, unpaid["id"], "accept")
    assert [await scene.points(rider) for rider in riders] == [10, 17, 50, 0]


async def test_another_category_at_acceptance_counts_as_it_is_now(desk: Desk) -> None:
    made = await desk.scene.file(category_code="road_hole")
    await desk.change("bollard", points=12)
    await desk.scene.give(desk.scene.reviewer, made["id"], "accept", {"category_code": "bollard"})
    assert await _kept(desk, made["id"]) == 2 and await desk.scene.points(desk.scene.reporter) == 12


async def test_the_photo_rule(desk: Desk) -> None:
    scene = desk.scene
    old = await scene.file(category_code="road_hole")
    await desk.change("road_hole", photos={"before_min": 2, "after_min": 2})
    photos = [await scene.photo(scene.reporter) for _ in range(2)]
    body = {"category_code": "road_hole", "description": "路面有坑", "location": scene.county.place(), "upload_ids": photos[:1]}
    short = await scene.post(scene.reporter, "", body, **{"Idempotency-Key": new_id().hex})
    assert (short.status_code, short.json()["errors"][0]["loc"]) == (422, ["body", "upload_ids"])
    new = await scene.file(category_code="road_hole", upload_ids=photos)
    for made, least in ((old, 1), (new, 2)):
        await scene.lead(made["id"], "in_progress")
        done = [await scene.photo(scene.worker) for _ in range(least)]
        if least == 2:
            refused = await scene.refused(scene.worker, made["id"], "resolve", {"note": "好了", "upload_ids": done[:1]})
            assert refused == (422, "validation_error")
        await scene.give(scene.worker, made["id"], "resolve", {"note": "好了", "upload_ids": done})


async def test_a_correction_keeps_the_photo_rule(desk: Desk) -> None:
    scene = desk.scene
    made = await scene.file(category_code="rubble")
    await desk.change("road_hole", photos={"before_min": 2, "after_min": 1})

    async def amend(**body: Any) -> int:
        answer = await scene.client.patch(f"/api/v1/reports/{made['id']}", json=body, headers=scene.reporter.headers)
        return answer.status_code

    assert await amend(category_code="road_hole") == 422
    assert await _kept(desk, made["id"]) == 1
    assert await amend(category_code="road_hole", upload_ids=[await scene.photo(scene.reporter) for _ in range(2)]) == 200
    assert await _kept(desk, made["id"]) == 2


async def test_a_form_that_stops_files_nothing(desk: Desk) -> None:
    scene = desk.scene
    photo = await scene.photo(scene.reporter)
    body = {"description": "有人受伤", "location": scene.county.place(), "upload_ids": [photo]}
    count = sa.text("select (select count(*) from report), (select count(*) from upload where owner_id is not null)")
    before, jobs = (await scene.session.exec(count)).one(), await queued(scene.session)
    answer = await scene.post(scene.reporter, "", body | {"category_code": "life_in_danger"}, **{"Idempotency-Key": new_id().hex})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["loc"] == ["body", "category_code"] and "120" in error["msg"]
    assert ((await scene.session.exec(count)).one(), await queued(scene.session)) == (before, jobs)
    made = await scene.post(scene.reporter, "", body | {"category_code": "gas_smell"}, **{"Idempotency-Key": new_id().hex})
    assert made.status_code == 201, "the same under a category that only asks"
    refused = await scene.refused(scene.reviewer, made.json()["id"], "accept", {"category_code": "life_in_danger"})
    assert refused == (422, "validation_error")


async def test_who_may_change_the_tree(desk: Desk) -> None:
    scene = desk.scene
    auditor = await scene.people.member(grants=[on(Role.AUDITOR, scene.county.root.id)])
    for who in (scene.reporter, scene.reviewer, scene.worker, desk.street_admin, auditor):
        assert (await desk.patch(who, "road_hole", points=15)).status_code == 403
        assert (await desk.add(who)).status_code == 403
        readers = scene.client.get(f"{TREE}/road_hole/versions", headers=who.headers)
        assert (await readers).status_code == (403 if who is scene.reporter else 200)
    assert (await desk.leaves())["road_hole"]["version"] == 1
    for number, who in enumerate((desk.admin, desk.platform)):
        assert (await desk.patch(who, "road_hole", points=15 + number)).status_code == 200
        assert (await desk.add(who, code=f"drain_blocked_{number}")).status_code == 201
    assert (await desk.patch(desk.admin, "nothing_such", points=1)).status_code == 404
    unknown = await scene.client.get(f"{TREE}/nothing_such/versions", headers=scene.reviewer.headers)
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"points": -1}, {"points": 1001}, {"name": None}, {"kind": "thing"}, {"photos": {"before_min": 0}}, {"photos": {"after_min": 10}},
        {"guidance": {"mode": "stop"}}, {"guidance": {"mode": "none", "text": "字"}}, {"second_look_percent": 101},
        {"duplicate_radius_m": -1},
        {"limits": {"review_minutes": 1, "dispatch_minutes": 1, "clock": "working"}}, {"limits": QUICK | {"handle_days": 1}},
        {"parent_code": "order"}, {"severity": "bad"},
    ],
)
async def test_what_no_version_may_hold(desk: Desk, body: dict[str, Any]) -> None:
    assert (await desk.patch(desk.admin, "road_hole", **body)).status_code == 422
    assert (await desk.leaves())["road_hole"]["version"] == 1
