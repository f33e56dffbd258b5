"""What the ledger has of a store's month is what the till verified there, less what it took back."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from app import clock
from app.points import queries as points_queries
from app.redemptions import workflow
from tests.redemptions.conftest import Shop

MONTH = clock.month_start(clock.today())


async def redeemed(shop: Shop, store: str | None = None, month: date = MONTH) -> int:
    return await points_queries.redeemed(shop.session, store_id=UUID(store or shop.id), month=month)


async def test_verified_and_undone(shop: Shop) -> None:
    reward = await shop.reward(store_ids=[shop.id, shop.other_id])
    first, second = await shop.order(reward, 2), await shop.order(reward)
    assert (await shop.verify(first["code"])).status_code == 200
    assert (await shop.verify(second["code"], store=shop.other_id, who=shop.other_clerk)).status_code == 200
    assert (await redeemed(shop), await redeemed(shop, shop.other_id)) == (20, 10)
    undone = await shop.post(shop.clerk, f"/redemptions/{first['id']}/undo", {"reason": "拿错了"})
    assert undone.status_code == 200, undone.text
    assert await redeemed(shop) == 0
    assert (await shop.verify(first["code"], store=shop.other_id, who=shop.other_clerk)).status_code == 200
    assert (await redeemed(shop), await redeemed(shop, shop.other_id)) == (0, 30)


async def test_an_undo_after_the_months_end_is_of_the_month_before(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the verification had been in another month than the present: the undo takes it out of that one."""
    order, earlier = await shop.order(await shop.reward()), date(2026, 10, 1)
    monkeypatch.setattr(workflow, "month_of", lambda verified_at: earlier)
    assert (await shop.verify(order["code"])).status_code == 200
    assert (await redeemed(shop, month=earlier), await redeemed(shop)) == (10, 0)
    assert (await shop.post(shop.clerk, f"/redemptions/{order['id']}/undo", {"reason": "拿错了"})).status_code == 200
    assert (await redeemed(shop, month=earlier), await redeemed(shop)) == (0, 0)


@pytest.mark.parametrize(("at", "month"), [
    (datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC), date(2026, 10, 1)), (datetime(2026, 10, 31, 16, tzinfo=UTC), date(2026, 11, 1)),
])
def test_the_month_is_shanghais(at: datetime, month: date) -> None:
    assert workflow.month_of(at) == month
