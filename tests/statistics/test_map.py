"""The map: which reports are counted depends on the box and the caller alone, never on the zoom or on what was counted before."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from app.auth.roles import Role
from app.reports import service as reports_service
from app.statistics import queries_map, rebuilding, workflow
from tests.reports.scene import Scene, on
from tests.statistics.lives import PUBLIC, Life, Lives
from tests.support.people import Person

BOX = (116.7031, 35.5042, 116.7812, 35.5333)
ZOOMS = (3, 7, 10, 12, 14, 16, 18, 20)


async def shown(scene: Scene, person: Person, box: tuple[float, ...], zoom: int) -> list[dict[str, Any]]:
    found: dict[str, Any] = await scene.get(person, "/map", bbox=",".join(map(str, box)), zoom=zoom)
    assert found["type"] == "FeatureCollection"
    features: list[dict[str, Any]] = found["features"]
    return features


async def sums(scene: Scene, person: Person, box: tuple[float, ...] = BOX) -> set[int]:
    """The sum of the counts at each zoom."""
    return {sum(one["properties"]["count"] for one in await shown(scene, person, box, zoom)) for zoom in ZOOMS}


def inside(lives: list[Life], box: tuple[float, ...]) -> list[Life]:
    west, south, east, north = box
    return [one for one in lives if west <= one.report.lng <= east and south <= one.report.lat <= north]


def widened(box: tuple[float, float, float, float]) -> tuple[float, ...]:
    """The box with the whole of every cell that it touches, as the description of the route says."""
    cells = workflow.cells(box)
    width = 2**cells.level / workflow.FINEST
    return cells.west * width, cells.south * width, (cells.east + 1) * width, (cells.north + 1) * width


def public(lives: list[Life]) -> list[Life]:
    return [one for one in lives if one.status in PUBLIC]


async def agree(scene: Scene, lives: Lives, head: Person, box: tuple[float, ...]) -> None:
    grid = lives.within(scene.county.other_grid.path)
    worker = await scene.people.member(grants=[on(Role.GRID_WORKER, scene.county.other_grid.id)])
    assert await sums(scene, head) == {len(inside(lives.all, box))}, "staff: every state"
    assert await sums(scene, worker) == {len(inside(grid, box))}, "staff: their own area"
    assert await sums(scene, scene.reporter) == {len(inside(public(lives.all), box))}, "members: accepted and later"


async def test_few_reports_are_counted_in_the_box_itself(
    scene: Scene, lives: Lives, head: Person, run_job: Callable[..., Any]
) -> None:
    assert 0 < len(inside(lives.all, BOX)) < len(inside(lives.all, widened(BOX))), "the edge decides about some"
    await agree(scene, lives, head, BOX)
    await lives.roll(run_job)
    await lives.go_on()
    await agree(scene, lives, head, BOX)


async def test_many_are_counted_in_whole_cells(
    scene: Scene, lives: Lives, head: Person, run_job: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries_map, "EXACT_PLACES", 0)
    await agree(scene, lives, head, widened(BOX))
    await lives.roll(run_job)
    await agree(scene, lives, head, widened(BOX))
    await lives.go_on()
    await agree(scene, lives, head, widened(BOX))


async def test_clusters_are_groups_of_cells(
    scene: Scene, lives: Lives, head: Person, run_job: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few far out, many close by; each in the middle of its reports."""
    exactly = await shown(scene, head, (116.0, 35.0, 117.0, 36.0), 0)
    monkeypatch.setattr(queries_map, "EXACT_PLACES", 0)
    await lives.roll(run_job)
    counts = [len(await shown(scene, head, BOX, zoom)) for zoom in ZOOMS]
    assert counts == sorted(counts) and counts[0] == 1 and counts[-1] > 20
    (one,) = await shown(scene, head, (116.0, 35.0, 117.0, 36.0), 0)
    lng, lat = one["geometry"]["coordinates"]
    middle = sum(life.report.lng for life in lives.all) / len(lives.all), sum(life.report.lat for life in lives.all) / len(lives.all)
    assert (lng, lat) == pytest.approx(middle, abs=2e-6) and exactly == [one]


async def test_an_empty_map(scene: Scene) -> None:
    found = await scene.get(scene.reporter, "/map", bbox="100,20,101,21", zoom=9)
    assert found == {"type": "FeatureCollection", "features": []}
    assert await sums(scene, scene.reporter, (-180, -90, 180, 90)) == {0}


async def test_a_place_made_coarse_moves_on_the_map(scene: Scene, head: Person, run_job: Callable[..., Any]) -> None:
    """An erasure rounds the places of a person: the summaries forget the exact ones."""
    await scene.file(location=scene.county.place() | {"lng": 116.71234, "lat": 35.51234})
    await run_job("statistics.roll_up")
    before, box = await _cells(scene), (116.71, 35.51, 116.7145, 35.5145)
    await reports_service.forget(scene.session, member_id=scene.reporter.id)
    (seen,) = await shown(scene, head, box, 20)
    assert seen["geometry"]["coordinates"] == [116.712, 35.512], "at once"
    await run_job("statistics.roll_up")
    assert [one["geometry"]["coordinates"] for one in await shown(scene, head, box, 20)] == [[116.712, 35.512]]
    assert not before & await _cells(scene) and await rebuilding.differences(scene.session) == []


async def _cells(scene: Scene) -> set[str]:
    found = await scene.session.exec(sa.text("select format('%s %s %s', level, lng, lat) from report_cell"))
    return set(found.scalars().all())


async def test_statements_do_not_grow(scene: Scene, head: Person, statements: list[str]) -> None:
    made = Lives(scene.session, scene.county, scene.reporter.id)
    cost = []
    for count in (2, 60):
        for number in range(len(made.all), count):
            made._file(number)
        await made._write(life.report for life in made.all)
        statements.clear()
        await shown(scene, head, (116, 35, 117, 36), 20)
        cost.append(len(statements))
    assert cost[0] == cost[1]
