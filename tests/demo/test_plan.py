"""The plan of the demo county: the figures that the issue names, and that what it says can be done."""

from collections import Counter

import pytest

from app.areas import geo
from app.demo import lives, names, people, plan
from app.reports.words import Status
from app.wechat.simulator import world


def test_the_county_has_the_size_that_was_asked_for() -> None:
    assert Counter(area.level for area in plan.areas()) == {"county": 1, "street": 3, "community": 12, "grid": 40}
    assert (len(plan.stores()), len(plan.rewards()), len(plan.riders())) == (30, 40, 200)
    assert (len(names.ENTERPRISES), len(names.ORGANISATIONS) + 1) == (5, 6)
    reports = [report for part in range(plan.PARTS) for report in plan.reports_of(part)]
    assert len(reports) == 500
    assert {report.outcome for report in reports} == {status.value for status in Status} == set(lives.STEPS)


def test_every_point_of_the_county_lies_in_exactly_one_grid() -> None:
    grids = [_polygon(area.box) for area in plan.of_level("grid")]
    for lng in (116.70001, 116.7667, 116.78, 116.833333, 116.89999):
        for lat in (35.48001, 35.55, 35.551, 35.61999):
            assert sum(geo.inside(grid, lng, lat) for grid in grids) == 1, (lng, lat)


def test_areas_stand_below_one_that_came_before_and_holds_them() -> None:
    seen: dict[str, plan.AreaPlan] = {}
    for area in plan.areas():
        if area.parent is not None:
            above = seen[area.parent]
            assert area.code.startswith(above.code)
            assert above.box[0] <= area.box[0] < area.box[2] <= above.box[2]
            assert above.box[1] <= area.box[1] < area.box[3] <= above.box[3]
        seen[area.code] = area


@pytest.mark.parametrize("part", range(plan.PARTS))
def test_reports_and_orders_can_be_made_in_their_order(part: int) -> None:
    reports, turns = plan.reports_of(part), Counter[int]()
    for position, report in enumerate(reports):
        assert report.rider in plan.riders_of(part)
        assert report.turn == turns[report.rider]
        turns[report.rider] += 1
        assert (report.outcome == "merged") is (report.into is not None)
        assert not report.doubted or report.outcome == "submitted"
        if report.into is not None:
            other = reports[report.into]
            assert report.into < position and other.rider != report.rider and other.community == report.community
            assert other.outcome in plan.TAKES_MERGED
    assert sum(report.doubted for report in reports) == 1, "something for the human queue"
    orders = plan.orders_of(part)
    assert Counter(order.end for order in orders) == {"verified": 3, "issued": 2, "cancelled": 1}
    assert all(plan.earned(part)[order.rider] >= plan.WATER_POINTS for order in orders)


def test_water_is_sold_at_several_stores_from_a_stock() -> None:
    water = plan.water()
    assert (water.points, len(water.stores)) == (plan.FILED_POINTS + plan.CLOSED_POINTS, 6)
    assert water.stock is not None and water.stock > plan.PARTS * len(plan.ORDER_ENDS)


def test_everybody_has_a_name_an_openid_and_a_number_of_their_own() -> None:
    areas = plan.areas()
    staff = [
        *people.ADMINS, people.AUDITOR, *map(people.reviewer, areas), *map(people.worker, areas), *map(people.owner, plan.stores()),
        *map(people.clerk, plan.stores()), *map(people.contact, range(len(names.ENTERPRISES))), people.INSTRUCTOR,
        *(people.secretary(organisation[0]) for organisation in names.ORGANISATIONS),
    ]
    named = {person for person in staff if "网格员-第" not in person and "审核员-第" not in person}
    everybody = [*named, *(rider.person for rider in plan.riders())]
    assert len(everybody) == len(set(everybody))
    assert len({people.phone(person) for person in everybody}) == len(everybody)
    assert world.openid("wx1", "张三") != world.openid("wx2", "张三")
    assert len({world.openid("wx1", person) for person in everybody}) == len(everybody)


def _polygon(box: plan.Box) -> dict[str, object]:
    west, south, east, north = box
    return {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}
