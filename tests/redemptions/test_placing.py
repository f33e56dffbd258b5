"""Placing in few statements, and what it keeps: the day's stock, the level, the pieces of a flash reward."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import ValidationError

from app import clock
from app.db.base import new_id
from app.rewards.schemas import RewardIn
from tests.redemptions.conftest import Shop, code_of

# What every command costs: the unit of work, who is calling, the key.
AROUND = re.compile(r"(SAVEPOINT|ROLLBACK|RELEASE|select \* from signed_in|select pg_try_advisory|INSERT INTO idempotency_key)")


def own(statements: list[str]) -> list[str]:
    return [statement for statement in statements if not AROUND.match(statement.strip())]


async def place(shop: Shop, reward: dict[str, Any], quantity: int = 1) -> httpx.Response:
    return await shop.post(shop.rider, "/redemptions", {"reward_id": reward["id"], "quantity": quantity})


async def seen(shop: Shop, reward: dict[str, Any], *names: str) -> tuple[Any, ...]:
    shown = (await shop.get(shop.rider, f"/rewards/{reward['id']}")).json()
    return tuple(shown[name] for name in names)


async def left(shop: Shop, reward: dict[str, Any]) -> tuple[Any, ...]:
    return await seen(shop, reward, "stock_left", "stock_left_today")


async def test_placing_is_seven_statements_and_cancelling_too(shop: Shop, statements: list[str]) -> None:
    """Offer, order, the three of a hold, trail, stock; a member's limit takes one more: the row at which two orders meet."""
    wide = {"stock": 50, "stock_per_day": 20, "levels": [1, 2]}
    for more, ceiling in (({}, 6), ({"stock": 50}, 7), ({"stock": 50, "flash": True}, 7), (wide, 7),
                          (wide | {"per_member": {"count": 2, "period": "month"}}, 8)):
        reward = await shop.reward(**more)
        statements.clear()
        order = await shop.order(reward)
        placed = own(statements)
        assert len(placed) == ceiling, placed
        assert not re.search("stock|slot", placed[-2]) and (ceiling == 6 or re.search("stock|slot", placed[-1])), "the hottest row is last"
        statements.clear()
        assert (await shop.post(shop.rider, f"/redemptions/{order['id']}/cancel")).status_code == 200
        assert len(own(statements)) == 7, own(statements)


async def test_a_day_has_its_own_stock(shop: Shop, run_job: Callable[..., Awaitable[None]]) -> None:
    reward = await shop.reward(stock=9, stock_per_day=3)
    first = await shop.order(reward, 2)
    assert await left(shop, reward) == (7, 1)
    refused = await place(shop, reward, 2)
    assert code_of(refused) == (409, "out_of_stock") and (refused.json()["stock_left"], refused.json()["period"]) == (1, "day")
    assert (await shop.verify((await shop.order(reward))["code"])).status_code == 200
    assert code_of(await place(shop, reward)) == (409, "out_of_stock") and await left(shop, reward) == (6, 0)
    # What was ordered yesterday comes back to yesterday.
    await shop.sql(
        "insert into reward_stock_day select reward_id, day - 1, 2 from reward_stock_day where reward_id = :id", id=UUID(reward["id"])
    )
    await shop.sql("update redemption set stock_day = stock_day - 1 where id = :id", id=UUID(first["id"]))
    await shop.sql("update redemption set expires_at = clock_timestamp() where id = :id", id=UUID(first["id"]))
    await run_job("redemption.expire")
    days = await shop.sql("select day, sold from reward_stock_day where reward_id = :id order by day", id=UUID(reward["id"]))
    assert [sold for _, sold in days] == [0, 3] and days[1][0] == clock.today() and await left(shop, reward) == (8, 0)
    path = f"/rewards/{reward['id']}"
    lifted = (await shop.patch(shop.admin, path, {"stock_per_day": None})).json()
    assert (lifted["stock_per_day"], lifted["stock_left_today"]) == (None, None)
    beyond = await shop.order(reward, 4)
    # Set on again, it counts what is ordered from then on; what was ordered without it comes back to no day.
    assert (await shop.patch(shop.admin, path, {"stock_per_day": 4})).json()["stock_left_today"] == 1
    assert (await shop.post(shop.rider, f"/redemptions/{beyond['id']}/cancel")).status_code == 200
    assert await left(shop, reward) == (8, 1) and (await place(shop, reward)).status_code == 201
    # The whole has the first word, and a daily stock of what is unlimited otherwise holds too.
    scarce, unlimited = await shop.reward(stock=1, stock_per_day=5), await shop.reward(stock_per_day=1)
    assert "period" not in (await place(shop, scarce, 2)).json() and await left(shop, scarce) == (1, 1)
    order = await shop.order(unlimited)
    assert code_of(await place(shop, unlimited)) == (409, "out_of_stock") and await left(shop, unlimited) == (None, 0)
    await shop.post(shop.rider, f"/redemptions/{order['id']}/cancel")
    assert await left(shop, unlimited) == (None, 1)


async def test_a_reward_for_some_levels(shop: Shop) -> None:
    reward = await shop.reward(levels=[3, 2], stock=0)
    assert reward["levels"] == [2, 3] and await seen(shop, reward, "eligible") == (False,)
    refused = await place(shop, reward)
    assert code_of(refused) == (409, "reward_not_available") and (refused.json()["level"], refused.json()["levels"]) == (1, [2, 3])
    await shop.sql(
        "insert into points_level (member_id, month, level, earned) values (:id, :month, 3, 700)",
        id=shop.rider.id, month=clock.month_start(clock.today()),
    )
    assert await seen(shop, reward, "eligible") == (True,)
    assert code_of(await place(shop, reward)) == (409, "out_of_stock")
    assert (await shop.patch(shop.admin, f"/rewards/{reward['id']}", {"levels": [1]})).json()["eligible"] is True  # a console of level 1
    assert code_of(await place(shop, reward)) == (409, "reward_not_available")
    assert (await shop.patch(shop.admin, f"/rewards/{reward['id']}", {"levels": None, "stock_change": 1})).json()["levels"] is None
    await shop.order(reward)


async def slots(shop: Shop, reward: dict[str, Any]) -> tuple[int, int]:
    """Free, taken."""
    return tuple((await shop.sql(
        "select count(*) filter (where redemption_id is null), count(redemption_id) from reward_slot where reward_id = :id",
        id=UUID(reward["id"]),
    ))[0])


async def test_a_flash_reward_is_counted_piece_by_piece(shop: Shop) -> None:
    reward = await shop.reward(stock=4, flash=True)
    assert reward["flash"] is True and await slots(shop, reward) == (4, 0)
    first = await shop.order(reward, 3)
    assert await left(shop, reward) == (1, None) and await slots(shop, reward) == (1, 3)
    refused = await place(shop, reward, 2)
    assert code_of(refused) == (409, "out_of_stock") and refused.json()["stock_left"] == 1
    second = await shop.order(reward)
    assert code_of(await place(shop, reward)) == (409, "out_of_stock")
    assert (await shop.verify(second["code"])).status_code == 200
    assert (await shop.post(shop.rider, f"/redemptions/{first['id']}/cancel")).status_code == 200
    assert await slots(shop, reward) == (3, 1)
    path = f"/rewards/{reward['id']}"
    assert code_of(await shop.patch(shop.admin, path, {"stock_change": -4})) == (409, "out_of_stock")
    assert (await shop.patch(shop.admin, path, {"stock_change": -2})).json()["stock_left"] == 1
    assert (await shop.patch(shop.admin, path, {"stock_change": 4})).json()["stock_left"] == 5
    put = await shop.sql("select sum(change) from reward_stock_entry where reward_id = :id", id=UUID(reward["id"]))
    assert put[0][0] == sum(await slots(shop, reward)) == 6
    # The release before knows no pieces: what it looks at says that nothing is left.
    assert await shop.sql("select stock_left from reward_stock where reward_id = :id", id=UUID(reward["id"])) == [(0,)]
    for change in ({"stock_per_day": 3}, {"stock_change": 50_001}, {"flash": False}):
        assert (await shop.patch(shop.admin, path, change)).status_code == 422, change


@pytest.mark.parametrize("wrong", [
    {"flash": True}, {"flash": True, "stock": 50_001}, {"flash": True, "stock": 5, "stock_per_day": 2}, {"stock_per_day": 0},
    {"levels": []}, {"levels": [0]}, {"levels": [6]}, {"levels": [2, 2]},
])
def test_limits_that_make_no_sense(wrong: dict[str, Any]) -> None:
    body = {"name": "矿泉水", "kind": "goods", "points": 10, "store_ids": [str(new_id())], "valid_days": 30, "settlement_cents": 100}
    RewardIn.model_validate(body | {"flash": True, "stock": 50_000, "levels": [1]})
    with pytest.raises(ValidationError):
        RewardIn.model_validate(body | wrong)
