"""By place and in figures: nearby, the map, statistics; and the categories."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area, Level
from app.auth.roles import Role
from app.db.base import new_id
from app.errors import ValidationFailed
from app.reports.models import Report
from app.reports.service import filing
from app.uploads.models import Checked, Upload
from tests.reports.scene import Scene, on

BOX = "116.70,35.50,116.80,35.55"


async def test_categories(scene: Scene) -> None:
    tree = await scene.get(scene.reporter, "/categories")
    leaves = {leaf["code"]: leaf for node in tree for leaf in node["children"]}
    assert {"rubbish_exposed", "bin_overflow", "road_hole", "pavement_damage", "bollard", "grate"} <= set(leaves)
    assert {code: leaves[code]["severity"] for code in ("manhole_missing", "hanging_wire", "fire_lane_blocked", "gas_smell")} == {
        "manhole_missing": "hazard", "hanging_wire": "hazard", "fire_lane_blocked": "hazard", "gas_smell": "emergency",
    }
    assert all(leaf["points"] == (10 if leaf["severity"] == "normal" else 50) for leaf in leaves.values())
    assert leaves["gas_smell"]["limits"]["review_minutes"] == 15 and leaves["road_hole"]["limits"]["handle_days"] == 5


async def test_nearby_shows_only_what_was_accepted_and_passed(scene: Scene) -> None:
    made = await scene.file(description="路面有坑")
    stranger = await scene.people.member()
    lng, lat = scene.county.spot

    async def nearby(**params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await scene.get(stranger, "/nearby", lng=lng, lat=lat, crs="gcj02", **params))["items"]
        return found

    async def passed() -> None:
        await scene.session.exec(sa.update(Report).where(col(Report.id) == made["id"]).values(text_check="pass"))
        await scene.session.exec(sa.update(Upload).where(col(Upload.owner_id) == made["id"]).values(checked=Checked.PASS))
        scene.session.expire_all()

    (seen,) = await nearby(radius_m=100)
    assert (seen["id"], seen["description"], seen["photos"], seen["distance_m"]) == (made["id"], None, [], 0)
    await passed()
    (seen,) = await nearby()
    assert (seen["description"], seen["photos"]) == (None, []), "checked, not accepted"
    await scene.give(scene.reviewer, made["id"], "accept", {})
    (seen,) = await nearby(category_code="road_hole")
    assert seen["description"] == "路面有坑" and len(seen["photos"]) == 1 and "reporter" not in seen and "number" not in seen
    assert await nearby(category_code="bollard") == []
    answer = await scene.client.get(
        "/api/v1/reports/nearby", params={"lng": lng, "lat": lat, "crs": "gcj02", "radius_m": 5_001}, headers=stranger.headers
    )
    assert answer.status_code == 422
    await scene.lead(made["id"], "closed", since="accepted")
    assert await nearby() == [], "closed"


async def test_the_sum_of_the_map_is_the_same_at_every_zoom(scene: Scene) -> None:
    for step in range(6):
        place = scene.county.place() | {"lng": 116.705 + 0.015 * step}
        made = await scene.file(location=place)
        if step in (0, 1):
            await scene.give(scene.reviewer, made["id"], "accept", {})

    async def total(person: Any, zoom: int, bbox: str = BOX) -> int:
        shown = await scene.get(person, "/map", bbox=bbox, zoom=zoom)
        assert shown["type"] == "FeatureCollection"
        assert all(set(feature["properties"]) == {"count"} for feature in shown["features"])
        return sum(feature["properties"]["count"] for feature in shown["features"])

    assert {await total(scene.reporter, zoom) for zoom in (0, 5, 12, 18, 22)} == {2}, "members: accepted and later"
    assert {await total(scene.reviewer, zoom) for zoom in (0, 12, 22)} == {3}, "staff: every state in their areas"
    assert len((await scene.get(scene.reviewer, "/map", bbox=BOX, zoom=22))["features"]) == 3
    assert await total(scene.reporter, 12, "116.00,35.00,116.10,35.10") == 0


@pytest.mark.parametrize("bbox", ["1,2,3", "a,b,c,d", "nan,1,2,3", "116.8,35.5,116.7,35.6", "-200,0,200,1"])
async def test_a_bad_box(scene: Scene, bbox: str) -> None:
    answer = await scene.client.get("/api/v1/reports/map", params={"bbox": bbox, "zoom": 3}, headers=scene.reporter.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


async def test_figures_add_up(scene: Scene) -> None:
    closed = await scene.at("closed")
    await scene.at("accepted")
    await scene.file(category_code="rubbish_exposed", location=scene.county.place(other=True))
    await scene.file(category_code=None)
    county, today = scene.county, clock.today().isoformat()
    head = await scene.people.member(grants=[on(Role.AREA_ADMIN, county.root.id)])
    shown = await scene.get(head, "/stats", area_id=str(county.street.id), **{"from": today, "to": today})
    assert (shown["received"], shown["filed"], shown["closed"], shown["closed_in_time"], shown["satisfaction"]) == (4, 2, 1, 1, 1.0)
    assert shown["median_hours"] is not None and closed
    for part in ("by_category", "by_area"):
        for name in ("received", "filed", "closed", "closed_in_time", "rework", "extension"):
            assert sum(row[name] for row in shown[part]) == shown[name], (part, name)
    assert {row["name"]: row["received"] for row in shown["by_area"]} == {"东风社区": 3, "建设社区": 1}
    assert {row["code"] for row in shown["by_category"]} == {"road_hole", "rubbish_exposed", "uncategorised"}
    empty = await scene.get(head, "/stats", area_id=str(county.street.id), **{"from": "2025-01-01", "to": "2025-01-02"})
    assert (empty["received"], empty["by_area"], empty["median_hours"]) == (0, [], None)
    params = {"area_id": str(county.street.id), "from": today, "to": today}
    answers = [
        await scene.client.get("/api/v1/reports/stats", params=params, headers=one.headers) for one in (scene.reporter, scene.reviewer)
    ]
    assert [answer.status_code for answer in answers] == [403, 404]


@pytest.mark.parametrize("drawn_to", [Level.GRID, Level.COMMUNITY, Level.STREET, None])
@pytest.mark.parametrize("spot", [(116.72, 35.52), (116.76, 35.53), (116.95, 35.52)])
async def test_a_report_lies_where_the_areas_say(scene: Scene, drawn_to: Level | None, spot: tuple[float, float]) -> None:
    """Whatever is drawn: what is read at once, by a filing, agrees with what is read step by step."""
    for level in list(Level)[list(Level).index(drawn_to) + 1 if drawn_to else 0 :]:
        undrawn = dict.fromkeys(("boundary", "west", "south", "east", "north"))
        await scene.session.exec(sa.update(Area).where(col(Area.level) == level).values(undrawn))
    scene.session.expire_all()
    try:
        community, grid = await filing.placed(scene.session, *spot)
    except ValidationFailed:
        body = {"description": "有坑", "location": {"lng": spot[0], "lat": spot[1], "crs": "gcj02"}, "upload_ids": [str(new_id())]}
        answer = await scene.post(scene.reporter, "", body, **{"Idempotency-Key": new_id().hex})
        assert answer.status_code == 422 and "位置不在服务区域内" in answer.text, answer.text
        return
    made = await scene.file(location={"lng": spot[0], "lat": spot[1], "crs": "gcj02"})
    assert (made["community"]["id"], made["grid"] and made["grid"]["id"]) == (str(community.id), str(grid.id) if grid else None)
