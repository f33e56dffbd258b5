"""Rewards: who offers them, what is left, who sees what the store is paid."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.rewards import stock
from app.rewards.errors import OutOfStock
from app.rewards.models import Reward, RewardStock
from tests.support.county import County
from tests.support.people import People, Person

API = "/api/v1/rewards"


@pytest.fixture
async def admin(people: People, county: County) -> Person:
    return await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])


@pytest.fixture
async def stores(client: httpx.AsyncClient, county: County, admin: Person) -> list[str]:
    """One store in each community."""
    made = []
    for area, place in ((county.community, county.place()), (county.other_community, county.place(other=True))):
        body = {
            "name": area.name + "便利店", "area_id": str(area.id), "location": place, "address": "文化路 1 号", "phone": "0537-3412345",
            "hours": "08:00-22:00",
        }
        made.append((await client.post("/api/v1/stores", headers=admin.headers, json=body)).json()["id"])
    return made


def body(stores: list[str], **more: Any) -> dict[str, Any]:
    return {
        "name": "矿泉水一瓶", "kind": "goods", "points": 10, "store_ids": stores, "valid_days": 30, "settlement_cents": 100, "stock": 5,
        "per_member": {"count": 3, "period": "month"}, "per_store_per_day": 50,
    } | more


async def test_only_administrators_see_what_stores_are_paid(
    client: httpx.AsyncClient, people: People, county: County, admin: Person, stores: list[str]
) -> None:
    made = await client.post(API, headers=admin.headers, json=body(stores))
    assert made.status_code == 201, made.text
    reward = made.json()
    assert (reward["settlement_cents"], reward["stock_left"], reward["per_member"]) == (100, 5, {"count": 3, "period": "month"})
    rider = await people.member()
    half = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.community.id)])
    for who in (rider, half):
        seen = (await client.get(API, headers=who.headers, params={"store_id": stores[0]})).json()["items"]
        assert [item["id"] for item in seen] == [reward["id"]] and seen[0]["settlement_cents"] is None and seen[0]["stock_left"] == 5
        assert [store["name"] for store in seen[0]["stores"]] == ["东风社区便利店", "建设社区便利店"]
        assert (await client.get(f"{API}/{reward['id']}", headers=who.headers)).json()["settlement_cents"] is None
        refused = await client.patch(f"{API}/{reward['id']}", headers=who.headers, json={"paused": True})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await client.get(f"{API}/{uuid4()}", headers=rider.headers)).status_code == 404


async def test_a_reward_is_offered_only_within_ones_own_areas(
    client: httpx.AsyncClient, people: People, county: County, admin: Person, stores: list[str]
) -> None:
    half = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.community.id)])
    assert (await client.post(API, headers=half.headers, json=body(stores[:1]))).status_code == 201
    assert (await client.post(API, headers=half.headers, json=body(stores))).status_code == 404
    assert (await client.post(API, headers=admin.headers, json=body([str(uuid4())]))).status_code == 404
    assert (await client.post(API, headers=(await people.member()).headers, json=body(stores))).status_code == 403
    for wrong in ({"store_ids": []}, {"points": 0}, {"valid_days": 0}, {"settlement_cents": -1}, {"kind": "car"}, {"stock": -1},
                  {"store_ids": stores[:1] * 2}, {"per_member": {"count": 0, "period": "day"}},
                  {"opens_at": "2026-12-01T00:00:00Z", "closes_at": "2026-11-01T00:00:00Z"}):
        assert (await client.post(API, headers=admin.headers, json=body(stores) | wrong)).status_code == 422, wrong


async def test_stock_moves_relative_to_itself_and_never_below_zero(
    client: httpx.AsyncClient, admin: Person, stores: list[str], session: AsyncSession
) -> None:
    reward = (await client.post(API, headers=admin.headers, json=body(stores))).json()
    path = f"{API}/{reward['id']}"
    more = await client.patch(path, headers=admin.headers | {"If-Match": '"1"'}, json={"stock_change": 3, "reason": "补货"})
    assert (more.status_code, more.json()["stock_left"], more.json()["version"]) == (200, 8, 2)
    assert (await client.patch(path, headers=admin.headers | {"If-Match": '"1"'}, json={"stock_change": 3})).status_code == 412
    refused = await client.patch(path, headers=admin.headers, json={"stock_change": -9})
    assert (refused.status_code, refused.json()["code"], refused.json()["stock_left"]) == (409, "out_of_stock", 8)
    row = await session.get_one(Reward, UUID(reward["id"]))
    await stock.take(session, reward=row, counted=True, redemption_id=uuid4(), quantity=8, day=None)
    with pytest.raises(OutOfStock):
        await stock.take(session, reward=row, counted=True, redemption_id=uuid4(), quantity=1, day=None)
    await stock.give_back(session, reward_id=row.id, flash=False, redemption_id=uuid4(), quantity=2, day=None)
    assert (await client.get(path, headers=admin.headers)).json()["stock_left"] == 2
    unlimited = (await client.post(API, headers=admin.headers, json=body(stores, stock=None))).json()
    assert unlimited["stock_left"] is None
    assert (await client.patch(f"{API}/{unlimited['id']}", headers=admin.headers, json={"stock_change": 1})).status_code == 409
    session.add(RewardStock(reward_id=unlimited["id"], stock_left=-1))
    with pytest.raises(IntegrityError):
        await session.flush()


async def test_what_is_paused_or_over_is_not_listed(
    client: httpx.AsyncClient, people: People, admin: Person, stores: list[str]
) -> None:
    rider = await people.member()
    reward = (await client.post(API, headers=admin.headers, json=body(stores))).json()
    path = f"{API}/{reward['id']}"

    async def listed(who: Person) -> bool:
        found = await client.get(API, headers=who.headers, params={"store_id": stores[0], "kind": "goods"})
        return reward["id"] in [item["id"] for item in found.json()["items"]]

    assert await listed(rider)
    assert (await client.patch(path, headers=admin.headers, json={"paused": True})).json()["paused"] is True
    assert not await listed(rider) and await listed(admin)
    await client.patch(path, headers=admin.headers, json={"paused": False, "closes_at": "2026-01-01T00:00:00Z"})
    assert not await listed(rider)
    opened = await client.patch(path, headers=admin.headers, json={"closes_at": None, "per_member": None, "store_ids": stores[1:]})
    assert (opened.json()["closes_at"], opened.json()["per_member"], len(opened.json()["stores"])) == (None, None, 1)
    assert not await listed(rider)  # this store hands it out no more
    assert (await client.patch(path, headers=admin.headers, json={"points": None})).status_code == 422
