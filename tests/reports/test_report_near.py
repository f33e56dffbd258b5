"""Nearby through the index of points: what it answers is what a look at every report would."""

import math
import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.areas import geo
from app.db.lines import listening
from app.reports import eyes, queries_places
from app.reports.models import Report
from tests.reports.scene import Scene
from tests.support.owner import as_owner

GUARDED, OPEN = "battery_charging", "road_hole"
COUNT = 300
DRAW = random.Random(20261129)


@pytest.fixture
async def strewn(scene: Scene) -> list[Report]:
    """Reports thick around the spot and thin further out; of every third the place is shown coarse, every tenth has ended."""
    lng, lat = scene.county.spot
    made = [
        Report(
            number=f"R20200101-{number:06d}", member_id=scene.reporter.id, community_id=scene.county.community.id,
            area_path=scene.county.community.path, category_code=GUARDED if number % 3 == 0 else OPEN, category_version=1,
            lng=lng + DRAW.gauss(0, 0.004), lat=lat + DRAW.gauss(0, 0.004),
        )
        for number in range(COUNT)
    ]
    scene.session.add_all(made)
    await scene.session.flush()
    ended = [one.id for one in made[::10]]
    await scene.session.exec(
        sa.update(Report).where(col(Report.id).in_(ended)).values(status="withdrawn", ended_at=sa.func.clock_timestamp())
    )
    return [one for number, one in enumerate(made) if number % 10]


def looked_through(reports: list[Report], lng: float, lat: float, radius_m: int, category: str | None, limit: int) -> Iterator[UUID]:
    """Every report by the place that is shown; of one place the newest first."""

    def away(report: Report) -> float:
        east, north = eyes.point(report.lng, report.lat, exact=report.category_code != GUARDED)
        return math.hypot((east - lng) * math.cos(math.radians(lat)), north - lat)

    of_it = sorted((away(one), -one.id.int, one) for one in reports if category in (None, one.category_code))
    for _, _, report in of_it[:limit]:
        if round(geo.distance_m(lng, lat, *eyes.point(report.lng, report.lat, exact=report.category_code != GUARDED))) <= radius_m:
            yield report.id


@pytest.mark.parametrize("category", [None, GUARDED, OPEN])
@pytest.mark.parametrize("radius_m", [60, 400, 5_000])
@pytest.mark.parametrize("bare", [False, True], ids=["rounding counts", "known bad"])
async def test_the_nearest_are_the_nearest(
    scene: Scene, strewn: list[Report], radius_m: int, category: str | None, bare: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bare:  # guarded places are looked for where they are, not where they are shown
        monkeypatch.setattr(queries_places, "ROUNDED_BY_M", 0)
    wrong = 0
    for limit in (1, 2, 5, 20, 100):
        for _ in range(4):
            lng, lat = (own + DRAW.gauss(0, 0.004) for own in scene.county.spot)
            found = await queries_places.nearby(
                scene.session, lng=lng, lat=lat, radius_m=radius_m, category_code=category, limit=limit
            )
            expected = list(looked_through(strewn, lng, lat, radius_m, category, limit))
            wrong += {one.id for one in found} != set(expected)
    assert bare or wrong == 0
    if bare and category == GUARDED and radius_m == 5_000:
        assert wrong, "the judge must see a place that is left out"


async def test_the_index_of_points_gives_them(scene: Scene, strewn: list[Report], connection: AsyncConnection) -> None:
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        sent.append((statement, parameters))

    async with as_owner(scene.session):
        await scene.session.exec(sa.text("analyze report"))
    assert connection.sync_connection is not None
    with listening(connection.sync_connection, "before_cursor_execute", note):
        await queries_places.nearby(scene.session, lng=116.72, lat=35.52, radius_m=5_000, category_code=None, limit=20)
    ((statement, parameters),) = sent
    await connection.execute(sa.text("set local enable_seqscan = off"))
    plan = "\n".join((await connection.exec_driver_sql(f"explain {statement}", parameters)).scalars().all())
    assert plan.count("ix_report_open_point") == 2 and "ix_report_open_place" not in plan, plan
