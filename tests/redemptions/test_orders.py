"""One's own orders: what they cost, in which order they are refused, what a cancellation and an expiry give back."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.redemptions import codes, queries, service
from tests.redemptions.conftest import Shop, code_of


async def test_an_order_holds_points_takes_stock_and_shows_a_code(shop: Shop) -> None:
    reward = await shop.reward(stock=5)
    order = await shop.order(reward, 3)
    assert order["number"].startswith("D") and order["status"] == "issued" and order["points"] == 30 and order["quantity"] == 3
    assert codes.grouped(codes.normalised(order["code"])) == order["code"]
    assert [store["id"] for store in order["stores"]] == [shop.id] and order["allowed"] == ["cancel", "confirm"]
    assert await shop.balance() == (70, 30)
    assert (await shop.get(shop.rider, f"/rewards/{reward['id']}")).json()["stock_left"] == 2
    listed = (await shop.get(shop.rider, "/redemptions", status="issued")).json()["items"]
    assert listed == [order] and (await shop.get(shop.rider, f"/redemptions/{order['id']}")).json() == order
    assert (await shop.get(shop.rider, "/redemptions", status="verified")).json()["items"] == []
    for who in (shop.clerk, shop.admin):
        for path in (f"/redemptions/{order['id']}", f"/redemptions/{order['id']}/ticket"):
            assert code_of(await shop.get(who, path)) == (404, "not_found")
        assert code_of(await shop.post(who, f"/redemptions/{order['id']}/cancel")) == (404, "not_found")
    stored = await shop.sql("select r::text from redemption r where id = :id", id=UUID(order["id"]))
    assert order["code"].replace("-", "") not in stored[0][0]


async def test_a_key_is_required_and_orders_once(shop: Shop) -> None:
    body = {"reward_id": (await shop.reward())["id"]}
    bare = await shop.client.post("/api/v1/redemptions", headers=shop.rider.headers, json=body)
    assert code_of(bare) == (400, "idempotency_key_missing")
    key = uuid4().hex
    first, again = await shop.post(shop.rider, "/redemptions", body, key=key), await shop.post(shop.rider, "/redemptions", body, key=key)
    assert first.content == again.content and again.headers["Idempotency-Replayed"] == "true"
    assert await shop.balance() == (90, 10)
    changed = await shop.post(shop.rider, "/redemptions", body | {"quantity": 2}, key=key)
    assert code_of(changed) == (422, "idempotency_key_reused")


async def test_who_has_no_phone_or_no_consent_orders_nothing(shop: Shop) -> None:
    body = {"reward_id": (await shop.reward())["id"]}
    assert code_of(await shop.post(await shop.people.member(phone=None), "/redemptions", body)) == (403, "phone_required")
    assert code_of(await shop.post(await shop.people.member(consents=()), "/redemptions", body)) == (403, "consent_required")
    assert code_of(await shop.post(shop.rider, "/redemptions", {"reward_id": str(uuid4())})) == (404, "not_found")
    for quantity in (0, 11, 1.5, "x"):
        assert code_of(await shop.post(shop.rider, "/redemptions", body | {"quantity": quantity})) == (422, "validation_error")


async def test_refusals_come_in_a_fixed_order_and_leave_nothing(shop: Shop) -> None:
    """A reward with every obstacle at once; each that is taken away uncovers the next."""
    reward = await shop.reward(points=1000, stock=0, per_member={"count": 1, "period": "ever"})
    await shop.sql(
        "insert into redemption (id, number, member_id, reward_id, reward_name, quantity, points, settlement_cents, status, code_sealed,"
        " code_index, expires_at, version) values (:id, 'D1', :member, :reward, 'x', 1, 1, 1, 'issued', 'x', 'x',"
        " clock_timestamp() + interval '1 day', 1)",
        id=uuid4(), member=shop.rider.id, reward=UUID(reward["id"]),
    )

    async def refused() -> str:
        answer = await shop.post(shop.rider, "/redemptions", {"reward_id": reward["id"]})
        assert answer.status_code == 409
        return str(answer.json()["code"])

    path = f"/rewards/{reward['id']}"
    await shop.patch(shop.admin, path, {"paused": True})
    assert await refused() == "reward_not_available"
    await shop.patch(shop.admin, path, {"paused": False, "opens_at": "2199-01-01T00:00:00Z"})
    assert await refused() == "reward_not_available"
    await shop.patch(shop.admin, path, {"opens_at": None})
    assert await refused() == "out_of_stock"
    await shop.patch(shop.admin, path, {"stock_change": 1})
    assert await refused() == "limit_reached"
    await shop.patch(shop.admin, path, {"per_member": None})
    assert await refused() == "insufficient_points"
    assert await shop.balance() == (100, 0)
    assert (await shop.get(shop.rider, path)).json()["stock_left"] == 1


@pytest.mark.parametrize("period", ["day", "month", "year", "ever"])
async def test_the_limit_counts_live_and_verified_orders(shop: Shop, period: str) -> None:
    reward = await shop.reward(per_member={"count": 2, "period": period})
    first, second = await shop.order(reward, 5), await shop.order(reward)
    body = {"reward_id": reward["id"]}
    refused = await shop.post(shop.rider, "/redemptions", body)
    assert code_of(refused) == (409, "limit_reached") and (refused.json()["limit"], refused.json()["period"]) == (2, period)
    assert (await shop.verify(first["code"])).status_code == 200
    assert code_of(await shop.post(shop.rider, "/redemptions", body)) == (409, "limit_reached")
    assert (await shop.post(shop.rider, f"/redemptions/{second['id']}/cancel")).status_code == 200
    await shop.order(reward)
    await shop.sql("update redemption set created_at = created_at - interval '400 days' where reward_id = :id", id=UUID(reward["id"]))
    again = await shop.post(shop.rider, "/redemptions", body)
    assert code_of(again)[0] == (409 if period == "ever" else 201)


async def test_a_cancellation_gives_everything_back_once(shop: Shop) -> None:
    reward = await shop.reward(stock=1)
    order = await shop.order(reward)
    stale = await shop.post(shop.rider, f"/redemptions/{order['id']}/cancel", **{"If-Match": '"7"'})
    assert code_of(stale) == (412, "version_mismatch")
    done = await shop.post(shop.rider, f"/redemptions/{order['id']}/cancel", **{"If-Match": '"1"'})
    assert (done.json()["status"], done.json()["code"], done.json()["allowed"]) == ("cancelled", None, [])
    assert await shop.balance() == (100, 0) and (await shop.get(shop.rider, f"/rewards/{reward['id']}")).json()["stock_left"] == 1
    again = await shop.post(shop.rider, f"/redemptions/{order['id']}/cancel")
    assert code_of(again) == (409, "invalid_transition") and await shop.balance() == (100, 0)
    assert code_of(await shop.verify(order["code"])) == (409, "redemption_cancelled")
    assert code_of(await shop.get(shop.rider, f"/redemptions/{order['id']}/ticket")) == (409, "invalid_transition")


async def test_what_is_over_is_refused_at_once_and_swept_once(shop: Shop, run_job: Callable[..., Awaitable[None]]) -> None:
    reward = await shop.reward(stock=5)
    over, live, used = [await shop.order(reward) for _ in range(3)]
    assert (await shop.verify(used["code"])).status_code == 200
    for order in (over, used):
        await shop.sql("update redemption set expires_at = clock_timestamp() where id = :id", id=UUID(order["id"]))
    assert code_of(await shop.verify(over["code"])) == (410, "redemption_expired")
    assert code_of(await shop.get(shop.rider, f"/redemptions/{over['id']}/ticket")) == (410, "redemption_expired")
    for _ in range(2):
        await run_job("redemption.expire")
    shown = {order["id"]: order["status"] for order in (await shop.get(shop.rider, "/redemptions")).json()["items"]}
    assert shown == {over["id"]: "expired", live["id"]: "issued", used["id"]: "verified"}
    assert await shop.balance() == (80, 10) and (await shop.get(shop.rider, f"/rewards/{reward['id']}")).json()["stock_left"] == 3
    told = await shop.sql("select title from message where member_id = :id and category = 'redemption'", id=shop.rider.id)
    assert [row[0] for row in told].count("兑换单已过期，积分已退回") == 1
    assert code_of(await shop.verify(over["code"])) == (410, "redemption_expired")


async def test_leaving_cancels_what_is_live_and_erasure_keeps_the_figures(shop: Shop) -> None:
    reward = await shop.reward(stock=5)
    live, used = await shop.order(reward), await shop.order(reward)
    done = (await shop.verify(used["code"])).json()
    copy: dict[str, Any] = await queries.export(shop.session, member_id=shop.rider.id)
    assert {row["number"] for row in copy["redemptions"]} == {live["number"], used["number"]} and live["code"] not in str(copy)
    assert await service.cancel_live(shop.session, member_id=shop.rider.id) == 1
    assert await service.cancel_live(shop.session, member_id=shop.rider.id) == 0
    assert await shop.balance() == (90, 0)
    await service.forget(shop.session, member_id=shop.rider.id)
    left = await shop.sql("select count(*) from redemption where member_id = :id and code_index is not null", id=shop.rider.id)
    assert left[0][0] == 0
    assert await shop.sql("select 1 from verification where id = :id", id=UUID(done["verification_id"]))
    refused = await shop.post(shop.clerk, f"/redemptions/{used['id']}/undo", {"reason": "拿错商品"})
    assert code_of(refused) == (409, "undo_too_late")  # with its code gone, it cannot come back to life
