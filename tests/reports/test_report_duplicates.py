"""Possible duplicates: who is told which, with which reasons; what is near enough, alike enough, and recent enough."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import col

from app.auth.roles import Role
from app.db.base import new_id
from app.reports import likeness, queries_duplicates
from app.reports.likeness import Other, Reach, ReasonKind, Spot
from app.reports.models import Report
from app.reports.words import Status
from tests.reports.scene import Scene, on
from tests.support.lookalikes import photo

METRE = 1 / 111_195  # of latitude, in degrees
AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
REACH = Reach("road_hole", "facility", 100, 7)
SPOT = Spot(116.72, 35.52, AT, REACH)


def other(metres: float, **changes: Any) -> Other:
    one = Other(new_id(), "R20261122-000001", Status.ACCEPTED, "road_hole", "facility", 116.72, 35.52 + metres * METRE, AT, guarded=False)
    return replace(one, **changes)


@pytest.mark.parametrize(
    ("found", "reach", "near"),
    [
        (other(99), REACH, True), (other(101), REACH, False),
        (other(49, category_code="grate"), REACH, True), (other(51, category_code="grate"), REACH, False),
        (other(49, category_code=None, parent_code=None), REACH, True), (other(51, category_code=None, parent_code=None), REACH, False),
        (other(0, category_code="bin_overflow", parent_code="sanitation"), REACH, False),
        (other(49), Reach(None, None, 100, 7), True), (other(51), Reach(None, None, 100, 7), False),
        (other(0), replace(REACH, radius_m=0), False),
        (other(0, at=AT - timedelta(days=7)), REACH, True), (other(0, at=AT - timedelta(days=7, seconds=1)), REACH, False),
        (other(0, status=Status.CLOSED), REACH, False),
        (other(5_000, photo_bits=31, status=Status.CLOSED, at=AT - timedelta(days=60)), replace(REACH, radius_m=0), True),
    ],
)
def test_what_is_near_enough(found: Other, reach: Reach, near: bool) -> None:
    assert bool(likeness.matches(replace(SPOT, reach=reach), [found], stranger=False)) is near


def test_the_likeliest_comes_first_and_says_why() -> None:
    by_photo, kindred = other(60, photo_bits=0, same_file=True), other(10, category_code="grate", at=AT - timedelta(hours=30))
    near, far = other(10, at=AT - timedelta(minutes=5)), other(90, at=AT - timedelta(days=6))
    found = likeness.matches(SPOT, [far, kindred, near, by_photo], stranger=False)
    assert [match.other for match in found] == [by_photo, near, kindred, far]
    assert [text for _, text, _ in found[0].reasons] == ["相距约 60 米", "类别相同", "提交时间相隔不到 1 分钟", "照片是同一个文件"]
    assert [text for _, text, _ in found[2].reasons] == ["相距约 10 米", "同属一个大类", "提交时间相隔 30 小时"]
    assert found[0].score <= 100 and [kind for kind, _, _ in found[0].reasons] == list(ReasonKind)
    assert len(likeness.matches(SPOT, [other(1) for _ in range(30)], stranger=False)) == likeness.AT_MOST


def test_a_stranger_learns_no_place_that_is_kept_from_strangers() -> None:
    """Three filings around it would find the place otherwise."""
    found = [other(metres, guarded=True) for metres in (3, 44, 99)]
    assert {match.distance_m for match in likeness.matches(SPOT, found, stranger=True)} == {100}
    assert {match.distance_m for match in likeness.matches(SPOT, found, stranger=False)} == {3, 44, 99}


async def test_filing_tells_what_is_open_near_by(scene: Scene) -> None:
    first = await scene.file()
    place = scene.county.place()
    near = await scene.file(location=place | {"lat": place["lat"] + 44 * METRE})
    (told,) = near["possible_duplicates"]
    assert (told["id"], told["number"], told["status"], told["distance_m"]) == (first["id"], first["number"], "submitted", 44)
    assert [reason["kind"] for reason in told["reasons"]] == ["place", "category", "time"] and told["score"] > 40
    assert (await scene.file(location=place | {"lat": place["lat"] + 200 * METRE}))["possible_duplicates"] == []
    assert (await scene.file(category_code="rubbish_exposed"))["possible_duplicates"] == []
    kindred = await scene.file(category_code="bollard", location=place | {"lat": place["lat"] - 40 * METRE})
    assert [one["id"] for one in kindred["possible_duplicates"]] == [first["id"]]


async def test_who_is_told_of_duplicates(scene: Scene) -> None:
    second, joiner = await scene.people.member(), await scene.people.member()
    first, made = await scene.file(), await scene.file(second)
    await scene.give(joiner, made["id"], "join")
    admin = await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.root.id)])
    for who in (second, scene.reviewer, scene.worker, admin):
        assert [one["id"] for one in await scene.get(who, f"/{made['id']}/duplicates")] == [first["id"]]

    async def refusal(who: Any) -> tuple[int, str]:
        answer = await scene.client.get(f"/api/v1/reports/{made['id']}/duplicates", headers=who.headers)
        return answer.status_code, answer.json().get("code", "")

    away = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.other_community.id)])
    assert [await refusal(who) for who in (joiner, scene.reporter, away)] == [(403, "forbidden"), (404, "not_found"), (404, "not_found")]
    await scene.give(scene.reviewer, made["id"], "accept", {})
    assert await refusal(second) == (403, "forbidden"), "once it is accepted, it is for staff"


async def alike(scene: Scene, digest: bytes, **changes: Any) -> dict[str, Any]:
    who = await scene.people.member()
    return await scene.file(who, upload_ids=[await photo(scene.session, who.id, digest=digest)], **changes) | {"by": who}


async def test_photos_count_for_staff_wherever_they_may_look(scene: Scene) -> None:
    """Reports of other kinds and places, ended ones for ninety days; never those of areas that are not theirs."""
    digest = b"\x07" * 32
    far = scene.county.place() | {"lat": 35.54}
    made = await alike(scene, digest)
    ended, long_ago = await alike(scene, digest, location=far), await alike(scene, digest, location=far)
    elsewhere = await alike(scene, digest, location=scene.county.place(other=True))
    for one in (ended, long_ago):
        await scene.give(scene.reviewer, one["id"], "reject", {"reason_code": "abuse", "note": "x"})
    old = sa.func.clock_timestamp() - timedelta(days=91)
    await scene.session.exec(sa.update(Report).where(col(Report.id) == UUID(long_ago["id"])).values(ended_at=old))
    (seen,) = await scene.get(scene.reviewer, f"/{made['id']}/duplicates")
    assert (seen["id"], seen["status"]) == (ended["id"], "rejected")
    assert seen["reasons"][-1] == {"kind": "photo", "text": "照片是同一个文件"}
    above = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.root.id)])
    assert {one["id"] for one in await scene.get(above, f"/{made['id']}/duplicates")} == {ended["id"], elsewhere["id"]}
    assert await scene.get(made["by"], f"/{made['id']}/duplicates") == [], "photos of others are not a reporter's business"


async def test_what_is_one_already_is_no_duplicate(scene: Scene) -> None:
    digest = b"\x08" * 32
    into, other = await alike(scene, digest), await alike(scene, digest)
    assert [one["id"] for one in await scene.get(scene.reviewer, f"/{into['id']}/duplicates")] == [other["id"]]
    await scene.give(scene.reviewer, other["id"], "merge", {"into_id": into["id"]})
    for one in (into, other):
        assert await scene.get(scene.reviewer, f"/{one['id']}/duplicates") == []


async def test_many_duplicates_cost_as_many_statements_as_one(scene: Scene, statements: list[str]) -> None:
    digest = b"\x09" * 32
    made = await alike(scene, digest)
    costs = []
    for more in (1, 6):
        for _ in range(more):
            await alike(scene, digest)
        statements.clear()
        found = await scene.get(scene.reviewer, f"/{made['id']}/duplicates")
        costs.append((len(found), len(statements)))
    (one, cost), (many, cost_of_many) = costs
    assert (one, many) == (1, 7) and cost == cost_of_many


async def test_places_are_found_by_their_index(scene: Scene) -> None:
    asked = queries_duplicates.nearest(of_kind=True).params(queries_duplicates.values(SPOT, [new_id()]))
    written = asked.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    connection = await scene.session.connection()
    await connection.execute(sa.text("set local enable_seqscan = off"))
    plan = "\n".join(row[0] for row in await connection.execute(sa.text(f"explain {written}".replace(":", r"\:"))))
    assert "Index Scan using ix_report_open_point" in plan, plan
