"""The tree: what it shows, what can be reported, what must not become a group."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.auth.roles import Role
from app.db.base import new_id
from tests.categories.conftest import Desk
from tests.reports.scene import on


async def _files(desk: Desk, code: str) -> int:
    scene = desk.scene
    body = {"category_code": code, "description": "有问题", "location": scene.county.place()}
    photos = {"upload_ids": [await scene.photo(scene.reporter)]}
    return (await scene.post(scene.reporter, "", body | photos, **{"Idempotency-Key": new_id().hex})).status_code


async def test_a_new_leaf_can_be_reported(desk: Desk) -> None:
    assert await _files(desk, "drain_blocked") == 422
    answer = await desk.add(desk.admin, points=15, photos={"before_min": 1})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["version"], made["points"], made["photos"]) == (1, 15, {"before_min": 1, "after_min": 1})
    assert made["limits"] == {"review_minutes": 60, "dispatch_minutes": 60, "handle_days": 2, "clock": "working"}
    leaf = (await desk.leaves())["drain_blocked"]
    assert (leaf["points"], leaf["children"], leaf["guidance"]) == (15, [], {"mode": "none", "text": None})
    assert await _files(desk, "drain_blocked") == 201
    again = await desk.add(desk.admin)
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")


async def test_what_is_out_of_use_is_hidden_and_open_reports_keep_it(desk: Desk) -> None:
    scene = desk.scene
    made = await scene.file(category_code="road_hole")
    await desk.change("road_hole", active=False)
    assert "road_hole" not in await desk.leaves()
    assert await _files(desk, "road_hole") == 422 and await _files(desk, "bollard") == 201
    shown = await scene.lead(made["id"], "closed")
    assert shown["category"] == {"code": "road_hole", "name": "路面坑洞"}
    await desk.change("facilities", active=False)
    assert "bollard" not in await desk.leaves() and await _files(desk, "bollard") == 422, "the group takes its leaves along"
    await desk.change("facilities", active=True)
    assert "bollard" in await desk.leaves() and await _files(desk, "bollard") == 201


async def test_a_group_appears_with_its_first_leaf(desk: Desk) -> None:
    """Until then it is hidden: one without children could be reported itself."""
    assert (await desk.add(desk.admin, code="water", parent_code=None, name="供水排水", active=False)).status_code == 201
    assert (await desk.add(desk.admin, parent_code="water")).status_code == 201
    assert "drain_blocked" not in await desk.leaves()
    await desk.change("water", active=True)
    assert "drain_blocked" in await desk.leaves()
    await desk.change("drain_blocked", active=False)
    assert "water" not in [node["code"] for node in await desk.scene.get(desk.scene.reporter, "/categories")], "nothing in it is in use"
    assert await _files(desk, "water") == 422


async def test_a_leaf_with_reports_gets_no_children(desk: Desk) -> None:
    for code in ("crossing", "signpost"):
        assert (await desk.add(desk.admin, code=code, parent_code=None, name="路口")).status_code == 201
    assert await _files(desk, "crossing") == 201
    refused = await desk.add(desk.admin, code="crossing_light", parent_code="crossing")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await desk.add(desk.admin, code="signpost_bent", parent_code="signpost")).status_code == 201, "the same without a report"
    assert await _files(desk, "signpost") == 422


@pytest.mark.parametrize("parent", ["road_hole", "nothing_such"])
async def test_the_tree_has_two_levels(desk: Desk, parent: str) -> None:
    assert (await desk.add(desk.admin, parent_code=parent)).status_code == 422
    assert (await desk.add(desk.admin, parent_code="facilities")).status_code == 201


async def test_the_database_refuses_a_report_of_a_group(desk: Desk) -> None:
    made = await desk.scene.file(category_code="road_hole")
    session = desk.scene.session
    change = sa.text("update report set category_code = :code, category_version = 1 where id = :id")
    await session.exec(change, params={"code": "bollard", "id": made["id"]})
    with pytest.raises(IntegrityError, match="only leaves"):
        async with session.begin_nested():
            await session.exec(change, params={"code": "facilities", "id": made["id"]})


async def test_points_are_those_of_the_rule_where_the_caller_works(desk: Desk) -> None:
    scene = desk.scene
    rule = {"points": 13, "per_day": 5, "per_month": 60, "area_id": str(scene.county.root.id)}
    answer = await scene.client.put("/api/v1/points/rules/REPORT_ACCEPTED", json=rule, headers=desk.admin.headers)
    assert answer.status_code == 200
    leaves = await desk.leaves()
    assert (leaves["road_hole"]["points"], leaves["manhole_missing"]["points"]) == (13, 50)


async def test_the_tree_costs_the_same_whatever_its_size(desk: Desk, statements: list[str]) -> None:
    async def cost() -> tuple[int, int]:
        statements.clear()
        return len(await desk.leaves()), len(statements)

    few, one = await cost()
    for number in range(10):
        assert (await desk.add(desk.admin, code=f"more_{number}")).status_code == 201
    many, all_of_them = await cost()
    assert (many, all_of_them) == (few + 10, one), f"{one} statements for {few} leaves, {all_of_them} for {many}"


async def test_strangers_see_a_guarded_place_rounded(desk: Desk) -> None:
    scene = desk.scene
    place = scene.county.place() | {"lng": 116.7212345, "lat": 35.5212345}
    guarded = await scene.file(category_code="battery_charging", location=place)
    shown = await scene.file(category_code="fire_lane_blocked", location=place)
    stranger = await scene.people.member()

    async def nearby() -> dict[str, Any]:
        found = await scene.get(stranger, "/nearby", lng=place["lng"], lat=place["lat"], crs="gcj02")
        return {one["id"]: (one["location"]["lng"], one["location"]["lat"]) for one in found["items"]}

    exact, coarse = (116.7212345, 35.5212345), (116.721, 35.521)
    assert await nearby() == {guarded["id"]: coarse, shown["id"]: exact}
    for made, expected in ((guarded, coarse), (shown, exact)):
        await scene.post(stranger, f"/{made['id']}/join")
        joined = (await scene.get(stranger, f"/{made['id']}"))["location"]
        assert (joined["lng"], joined["lat"]) == expected
        for who in (scene.reporter, scene.reviewer):
            seen = (await scene.get(who, f"/{made['id']}"))["location"]
            assert (seen["lng"], seen["lat"]) == exact


async def test_the_second_look_and_the_radius_are_of_the_version(desk: Desk) -> None:
    """A later version decides for later reports only."""
    made = await desk.change("road_hole", second_look_percent=0, duplicate_radius_m=0, duplicate_days=1)
    assert (made["second_look_percent"], made["duplicate_radius_m"], made["duplicate_days"]) == (0, 0, 1)
    one, two = [await desk.scene.file(category_code="road_hole") for _ in range(2)]
    assert (one["possible_duplicates"], two["possible_duplicates"]) == ([], [])
    await desk.scene.file(category_code="bollard")
    assert [found["id"] for found in (await desk.scene.file(category_code="bollard"))["possible_duplicates"]][:1], "the same with a radius"
    admin = await desk.scene.people.member(grants=[on(Role.AREA_ADMIN, desk.scene.county.root.id)])
    assert (await desk.leaves(admin))["road_hole"]["duplicate_radius_m"] == 0
