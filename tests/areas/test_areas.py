"""The tree over HTTP: codes and levels, who may change it, what scopes follow, which areas lie around a point."""

from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.areas import geo, queries
from app.areas.models import Area
from app.audit.models import AuditEvent
from app.auth import queries as auth_queries
from app.auth.roles import Role, ScopeType

AREAS = "/api/v1/areas"


def admin_of(area: Area) -> tuple[Role, ScopeType, Any]:
    return Role.AREA_ADMIN, ScopeType.AREA, area.id


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}


def body(level: str, code: str, parent: Area | None = None, **more: Any) -> dict[str, Any]:
    return {"parent_id": str(parent.id) if parent else None, "level": level, "code": code, "name": f"新{code}", **more}


async def make(client, headers, *args: Any, **more: Any) -> Any:
    return await client.post(AREAS, json=body(*args, **more), headers=headers)


async def test_a_county_grows_from_its_root(client, session, people) -> None:
    platform = await people.console()
    parent = None
    for level, code in (("county", "370881"), ("street", "370881001"), ("community", "370881001001"), ("grid", "370881001001001")):
        answer = await client.post(AREAS, json=body(level, code) | {"parent_id": parent}, headers=platform.headers)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert (made["level"], made["code"], made["version"], made["allowed"]) == (level, code, 1, ["update"])
        assert made["parent_id"] == parent and made["center"] is None and made["boundary"] is None
        parent = made["id"]
    grid = await queries.get(session, parent)
    assert grid.path == "370881/370881001/370881001001/370881001001001/"
    scope = await auth_queries.scope(session, scope_type=ScopeType.AREA, scope_id=grid.id)
    assert (scope.area_path, scope.name) == (grid.path, grid.name)
    found = await session.exec(sa.select(AuditEvent).where(col(AuditEvent.object_id) == grid.id))
    event = found.scalars().one()
    assert (event.action, event.area_path, event.facts) == ("area.create", grid.path, {"code": grid.code})


async def test_a_province_and_a_city_may_stand_above(client, people) -> None:
    platform = (await people.console()).headers
    province = (await make(client, platform, "province", "410000")).json()
    city = await client.post(AREAS, json=body("city", "410800") | {"parent_id": province["id"]}, headers=platform)
    county = await client.post(AREAS, json=body("county", "410811") | {"parent_id": city.json()["id"]}, headers=platform)
    stranger = await client.post(AREAS, json=body("county", "420811") | {"parent_id": city.json()["id"]}, headers=platform)
    assert (city.status_code, county.status_code, stranger.status_code) == (201, 201, 422)


@pytest.mark.parametrize(
    ("level", "code", "below"),
    [
        ("grid", "370899001009001", "community"),  # not the community's code
        ("grid", "37089900100101", "community"), ("grid", "3708990010010001", "community"),  # 14 and 16 digits
        ("community", "370899002001", "street"),  # not the street's code
        ("street", "370898001", "root"),  # not the county's code
        ("street", "37089900", "root"), ("street", "37089900A", "root"),
        ("community", "370899001009", "root"), ("grid", "370899001009001", "street"),  # a level left out
        ("street", "370899009", "street"), ("county", "370899", "street"),  # not below itself, not upwards
        ("street", "370899009", None), ("grid", "370899001009001", None),  # no tenant
        ("village", "370899009", "root"), ("county", "070811", None),
    ],
)
async def test_codes_and_levels_must_fit(client, people, county, level: str, code: str, below: str | None) -> None:
    platform = await people.console()
    answer = await make(client, platform.headers, level, code, getattr(county, below) if below else None)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error"), answer.text
    assert answer.json()["errors"] and code not in answer.text


@pytest.mark.parametrize(
    "boundary",
    [
        {"type": "Polygon", "coordinates": [[[116.7, 35.5], [116.8, 35.5], [116.8, 35.6], [116.7, 35.6]]]},  # open
        {"type": "Polygon", "coordinates": [[[116.7, 35.5], [116.8, 35.5], [116.7, 35.5]]]},
        {"type": "Polygon", "coordinates": [[[116.7, 35.5], [116.8, 35.5], [116.9, 35.5], [116.7, 35.5]]]},  # a line
        {"type": "Polygon", "coordinates": []}, {"type": "Point", "coordinates": [116.7, 35.5]},
        {"type": "Polygon", "coordinates": [[[35.5, 116.7], [35.5, 116.8], [35.6, 116.8], [35.5, 116.7]]]},  # latitude first
        box(116.7, 35.5, 116.8, 35.6) | {"crs": "x"},
    ],
)
async def test_boundaries_must_enclose_something(client, people, county, boundary: dict[str, Any]) -> None:
    platform = await people.console()
    answer = await make(client, platform.headers, "street", "370899009", county.root, boundary=boundary)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


async def test_a_code_stands_once_and_an_unknown_parent_is_not_found(client, people, county) -> None:
    platform = (await people.console()).headers
    taken = await make(client, platform, "county", county.root.code)
    assert (taken.status_code, taken.json()["code"]) == (409, "already_exists")
    orphan = await client.post(AREAS, json=body("street", "370899009") | {"parent_id": str(uuid4())}, headers=platform)
    assert (orphan.status_code, orphan.json()["code"]) == (404, "not_found")


# Who may add a street below the county, a grid below the community, a root; and rename the county, the street, the community.
MATRIX = {
    "platform": (201, 201, 201, 200, 200, 200),
    "county_admin": (201, 201, 403, 403, 200, 200),
    "street_admin": (403, 201, 403, 403, 403, 200),
    "community_admin": (403, 201, 403, 403, 403, 403),
    "other_admin": (403, 403, 403, 403, 403, 403),
    "reviewer": (403, 403, 403, 403, 403, 403),
    "auditor": (403, 403, 403, 403, 403, 403),
    "rider": (403, 403, 403, 403, 403, 403),
    "nobody": (401, 401, 401, 401, 401, 401),
}


async def person(people, county, who: str) -> dict[str, str]:
    grants = {
        "county_admin": admin_of(county.root), "street_admin": admin_of(county.street), "community_admin": admin_of(county.community),
        "other_admin": admin_of(county.other_community), "reviewer": (Role.REVIEWER, ScopeType.AREA, county.root.id),
        "auditor": (Role.AUDITOR, ScopeType.AREA, county.root.id),
    }
    if who == "nobody":
        return {}
    if who == "platform":
        return (await people.console()).headers
    return (await people.member(grants=[grants[who]] if who in grants else [])).headers


@pytest.mark.parametrize("who", MATRIX)
async def test_who_may_change_the_tree(client, people, county, who: str) -> None:
    headers = await person(people, county, who)
    got = [
        (await make(client, headers, "street", "370899009", county.root)).status_code,
        (await make(client, headers, "grid", "370899001001009", county.community)).status_code,
        (await make(client, headers, "county", "370898")).status_code,
    ]
    for area in (county.root, county.street, county.community):
        got.append((await client.patch(f"{AREAS}/{area.id}", json={"name": "新名"}, headers=headers)).status_code)
    assert tuple(got) == MATRIX[who]


async def test_a_revoked_grant_has_no_power(client, session, people, county) -> None:
    granted = await people.member(grants=[admin_of(county.street)])
    url = f"{AREAS}/{county.community.id}"
    assert (await client.patch(url, json={"name": "甲"}, headers=granted.headers)).status_code == 200
    await session.exec(sa.text("update access_grant set revoked_at = now() where account_id = :id").bindparams(id=granted.id))
    assert (await client.patch(url, json={"name": "乙"}, headers=granted.headers)).status_code == 403


async def test_everybody_reads_the_tree(client, county) -> None:
    roots = (await client.get(AREAS)).json()
    assert county.root.code in {area["code"] for area in roots["items"]} and all(area["parent_id"] is None for area in roots["items"])
    page = (await client.get(AREAS, params={"parent_id": str(county.street.id), "limit": 1})).json()
    assert [area["id"] for area in page["items"]] == [str(county.other_community.id)] and page["items"][0]["allowed"] == []
    rest = (await client.get(AREAS, params={"parent_id": str(county.street.id), "limit": 1, "cursor": page["next_cursor"]})).json()
    assert [area["id"] for area in rest["items"]] == [str(county.community.id)] and rest["next_cursor"] is None
    one = (await client.get(f"{AREAS}/{county.community.id}")).json()
    assert one["name"] == county.community.name and one["boundary"] == county.community.boundary
    assert (await client.get(AREAS, params={"parent_id": str(county.grid.id)})).json() == {"items": [], "next_cursor": None}
    assert (await client.get(AREAS, params={"parent_id": str(uuid4())})).status_code == 404
    assert (await client.get(f"{AREAS}/{uuid4()}")).status_code == 404


async def test_the_version_guards_a_change(client, session, people, county) -> None:
    admin = await people.member(grants=[admin_of(county.root)])
    url = f"{AREAS}/{county.street.id}"
    first = await client.patch(url, json={"name": "古楼街道"}, headers=admin.headers | {"If-Match": '"1"'})
    assert (first.status_code, first.json()["version"], first.json()["name"]) == (200, 2, "古楼街道")
    late = await client.patch(url, json={"name": "鼓楼街道"}, headers=admin.headers | {"If-Match": '"1"'})
    assert (late.status_code, late.json()["code"], late.json()["version"]) == (412, "version_mismatch", 2)
    scope = await auth_queries.scope(session, scope_type=ScopeType.AREA, scope_id=county.street.id)
    assert scope.name == "古楼街道"
    for bad in ({"name": None}, {"code": "370899002"}, {"parent_id": None}, {"level": "grid"}, {"path": "x"}):
        assert (await client.patch(url, json=bad, headers=admin.headers)).status_code == 422


async def test_the_centre_follows_the_boundary_until_somebody_gives_one(client, people, county) -> None:
    headers = (await people.member(grants=[admin_of(county.root)])).headers
    made = (await make(client, headers, "street", "370899009", county.root, boundary=box(116.6, 35.4, 116.7, 35.5))).json()
    url = f"{AREAS}/{made['id']}"

    async def center(change: dict[str, Any]) -> tuple[float, float] | None:
        got = (await client.patch(url, json=change, headers=headers)).json()["center"]
        return (got["lng"], got["lat"]) if got else None

    assert (made["center"]["lng"], made["center"]["lat"]) == pytest.approx((116.65, 35.45))
    assert await center({"boundary": box(116.6, 35.4, 116.8, 35.5)}) == pytest.approx((116.7, 35.45))
    assert await center({"center": {"lng": 116.61, "lat": 35.41, "crs": "wgs84"}}) == pytest.approx(geo.wgs84_to_gcj02(116.61, 35.41))
    assert await center({"boundary": box(116.6, 35.4, 116.7, 35.5)}) == pytest.approx(geo.wgs84_to_gcj02(116.61, 35.41))
    assert await center({"center": None}) == pytest.approx((116.65, 35.45))
    assert await center({"boundary": None}) is None


async def located(client, lng: float, lat: float, crs: str = "gcj02") -> list[str]:
    answer = await client.get(f"{AREAS}/locate", params={"lng": lng, "lat": lat, "crs": crs})
    assert answer.status_code == 200, answer.text
    return [area["code"] for area in answer.json()["items"]]


CHAIN = ["370899", "370899001", "370899001001", "370899001001001"]
OTHER_CHAIN = ["370899", "370899001", "370899001002", "370899001002001"]


async def test_boundaries_place_a_point(client, county) -> None:
    assert await located(client, *county.spot) == CHAIN
    assert await located(client, *county.other_spot) == OTHER_CHAIN
    # 505 m beside it: this WGS-84 point lies west of the border, its GCJ-02 form east of it.
    lng, lat = geo.gcj02_to_wgs84(116.751, 35.52)
    assert await located(client, lng, lat, "wgs84") == OTHER_CHAIN
    assert await located(client, lng, lat, "gcj02") == CHAIN


async def test_outside_every_boundary_the_nearest_centre_counts(client, session, county) -> None:
    assert await located(client, 116.60, 35.52) == CHAIN
    assert await located(client, 116.90, 35.52) == OTHER_CHAIN
    # Inside the community, in no grid's boundary: the nearest grid of this very community, not a nearer one next door.
    county.grid.boundary = county.grid.west = county.grid.south = county.grid.east = county.grid.north = None
    county.grid.center_lng = 116.70
    session.add(county.grid)
    await session.flush()
    assert await located(client, 116.749, 35.52) == CHAIN


async def test_a_hole_belongs_to_whom_it_surrounds(client, session, county) -> None:
    """An enclave: the community has a hole that its neighbour fills."""
    ring, hole = county.community.boundary["coordinates"][0], box(116.71, 35.51, 116.73, 35.53)["coordinates"][0]
    for area in (county.community, county.grid):
        area.boundary = {"type": "Polygon", "coordinates": [ring, hole]}
        session.add(area)
    for area in (county.other_community, county.other_grid):
        area.boundary = {"type": "Polygon", "coordinates": [hole]}
        area.west, area.south, area.east, area.north = geo.bounds(area.boundary)
        session.add(area)
    await session.flush()
    assert await located(client, *county.spot) == OTHER_CHAIN
    assert await located(client, 116.74, 35.52) == CHAIN


@pytest.mark.parametrize(
    "query", [{}, {"lng": 116.7}, {"lng": 181, "lat": 35}, {"lng": "nan", "lat": 35}, {"lng": 116, "lat": 35, "crs": "bd09"}]
)
async def test_a_place_must_be_one(client, query: dict[str, Any]) -> None:
    assert (await client.get(f"{AREAS}/locate", params=query)).status_code == 422


async def test_tenants_are_found_from_below(session, county) -> None:
    assert (await queries.root(session)).id is not None
    assert (await queries.root_of(session, path=county.grid.path)).id == county.root.id
    assert [area.id for area in await queries.ancestors(session, path=county.grid.path)] == [
        county.root.id, county.street.id, county.community.id, county.grid.id,
    ]
