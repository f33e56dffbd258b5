"""Stores: who opens one, what everybody sees, who works there."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.auth.roles import Role, ScopeType
from tests.support.county import County
from tests.support.people import People, Person

API = "/api/v1/stores"


def body(county: County, **more: Any) -> dict[str, Any]:
    return {
        "name": "东风便利店", "area_id": str(county.community.id), "location": county.place(), "address": "文化路 1 号",
        "phone": "0537-3412345", "hours": "08:00-22:00",
    } | more


@pytest.fixture
async def admin(people: People, county: County) -> Person:
    return await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])


async def test_an_administrator_of_the_area_opens_a_store(client: httpx.AsyncClient, people: People, county: County, admin: Person) -> None:
    hours = [{"days": [1, 2, 3], "opens": "08:00", "closes": "24:00"}, {"days": [7], "opens": "20:00", "closes": "02:00"}]
    made = await client.post(API, headers=admin.headers, json=body(county, hours=hours))
    assert made.status_code == 201, made.text
    assert made.json()["hours"] == hours and made.json()["area"]["name"] == "东风社区"
    assert made.json()["allowed"] == ["update", "staff", "contract"]
    elsewhere = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)])
    for who in (elsewhere, await people.member(), await people.console()):
        refused = await client.post(API, headers=who.headers, json=body(county))
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    unknown = await client.post(API, headers=admin.headers, json=body(county, area_id=str(uuid4())))
    assert unknown.status_code == 404
    assert (await client.post(API, json=body(county))).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": "8-22"}, {"hours": "25:00-26:00"}, {"hours": []}, {"hours": [{"days": [8], "opens": "08:00", "closes": "09:00"}]},
        {"hours": [{"days": [1, 1], "opens": "08:00", "closes": "09:00"}]}, {"hours": {"mon": "08:00-09:00"}}, {"phone": "x"},
        {"location": {"lng": 200, "lat": 0, "crs": "gcj02"}}, {"owner": "me"}, {"name": "a\nb"},
    ],
)
async def test_a_store_has_a_shape(client: httpx.AsyncClient, county: County, admin: Person, wrong: dict[str, Any]) -> None:
    refused = await client.post(API, headers=admin.headers, json=body(county, **wrong))
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_error")


async def test_stores_are_found_by_area_and_by_place(client: httpx.AsyncClient, people: People, county: County, admin: Person) -> None:
    here = (await client.post(API, headers=admin.headers, json=body(county))).json()
    there = body(county, name="建设便利店", area_id=str(county.other_community.id), location=county.place(other=True))
    far = (await client.post(API, headers=admin.headers, json=there)).json()
    rider = await people.member()

    async def ids(path: str = "", who: Person = rider, **params: Any) -> list[str]:
        found = await client.get(API + path, headers=who.headers, params=params)
        assert found.status_code == 200, found.text
        return [item["id"] for item in found.json()["items"]]

    assert await ids(area_id=str(county.root.id)) == [far["id"], here["id"]]
    assert await ids(area_id=str(county.community.id)) == [here["id"]]
    lng, lat = county.spot
    assert await ids("/nearby", lng=lng, lat=lat, crs="gcj02", radius_m=2000) == [here["id"]]
    assert await ids("/nearby", lng=lng, lat=lat, radius_m=20_000) == [here["id"], far["id"]]
    near = await client.get(f"{API}/nearby", headers=rider.headers, params={"lng": lng, "lat": lat})
    assert near.json()["items"][0]["distance_m"] == 0
    paused = await client.patch(f"{API}/{here['id']}", headers=admin.headers, json={"paused": True})
    assert paused.json()["paused"] is True
    assert await ids("/nearby", lng=lng, lat=lat) == [] and await ids(area_id=str(county.community.id)) == []
    assert await ids(area_id=str(county.community.id), who=admin) == [here["id"]]
    assert (await client.get(f"{API}/{here['id']}", headers=rider.headers)).json()["allowed"] == []


async def test_changing_a_store_needs_the_right_and_the_version_seen(
    client: httpx.AsyncClient, people: People, county: County, admin: Person
) -> None:
    store = (await client.post(API, headers=admin.headers, json=body(county, confirm_above_points=50))).json()
    path, owner = f"{API}/{store['id']}", await people.member(grants=[(Role.STORE_OWNER, ScopeType.STORE, UUID(store["id"]))])
    assert store["confirm_above_points"] == 50
    assert (await client.get(path, headers=owner.headers)).json()["confirm_above_points"] is None
    assert (await client.patch(path, headers=owner.headers, json={"name": "我的店"})).status_code == 403
    assert (await client.patch(f"{API}/{uuid4()}", headers=admin.headers, json={"name": "无"})).status_code == 404
    changed = await client.patch(path, headers=admin.headers | {"If-Match": '"1"'}, json={"name": "新名", "confirm_above_points": None})
    assert (changed.json()["name"], changed.json()["confirm_above_points"], changed.json()["version"]) == ("新名", None, 2)
    stale = await client.patch(path, headers=admin.headers | {"If-Match": '"1"'}, json={"name": "旧名"})
    assert (stale.status_code, stale.json()["code"], stale.json()["version"]) == (412, "version_mismatch", 2)
    assert (await client.patch(path, headers=admin.headers, json={"name": None})).status_code == 422


async def test_staff_come_and_go_at_once(client: httpx.AsyncClient, people: People, county: County, admin: Person) -> None:
    store = (await client.post(API, headers=admin.headers, json=body(county))).json()
    staff = f"{API}/{store['id']}/staff"
    owner = await people.member(phone="13800138001")
    made = await client.post(staff, headers=admin.headers, json={"phone": "13800138001", "role": "store_owner"})
    assert made.status_code == 201 and made.json()["account_id"] == str(owner.id), made.text
    clerk = await people.member(phone="13800138002")
    hired = await client.post(staff, headers=owner.headers, json={"phone": "13800138002", "role": "store_clerk"})
    assert hired.status_code == 201 and hired.json()["scope_id"] == store["id"]
    partner = await client.post(staff, headers=owner.headers, json={"phone": "13800138003", "role": "store_owner"})
    assert (partner.status_code, partner.json()["code"]) == (403, "forbidden")
    reviewer = await client.post(staff, headers=owner.headers, json={"phone": "13800138003", "role": "reviewer"})
    assert reviewer.status_code == 422
    for who in (owner, admin):
        listed = (await client.get(staff, headers=who.headers)).json()["items"]
        assert {item["role"] for item in listed} == {"store_owner", "store_clerk"} and "13800138002" not in str(listed)
    assert (await client.get(staff, headers=clerk.headers)).status_code == 403
    stranger = await people.member()
    for asked in (client.get(staff, headers=stranger.headers), client.delete(f"{staff}/{hired.json()['id']}", headers=stranger.headers)):
        assert (await asked).status_code == 404
    assert (await client.delete(f"{staff}/{uuid4()}", headers=owner.headers)).status_code == 404
    assert (await client.delete(f"{staff}/{hired.json()['id']}", headers=owner.headers)).status_code == 204
    assert (await client.get(f"{API}/{store['id']}/staff", headers=clerk.headers)).status_code == 404
