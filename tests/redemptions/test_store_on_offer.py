"""A store that pauses, or whose contract is over, takes no new orders; what was sold before is still verified there."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.stores.models import Store
from tests.redemptions.conftest import Shop, code_of

TODAY, DAY = clock.today(), timedelta(days=1)


async def test_a_pause_and_the_end_of_a_contract_stop_new_orders_only(shop: Shop) -> None:
    await shop.give(shop.rider, 100)
    reward = await shop.reward()
    sold = [await shop.order(reward) for _ in range(2)]

    async def ordering() -> tuple[int, str]:
        return code_of(await shop.post(shop.rider, "/redemptions", {"reward_id": reward["id"]}))

    store = f"/stores/{shop.id}"
    await shop.patch(shop.owner, store, {"paused": True, "paused_until": str(TODAY)})
    assert await ordering() == (409, "reward_not_available")
    assert (await shop.verify(sold[0]["code"])).status_code == 200
    earlier = sa.update(Store).where(col(Store.id) == UUID(shop.id)).values(paused_until=TODAY - DAY)
    await shop.session.exec(earlier)
    assert (await ordering())[0] == 201, "the pause has ended by itself"
    terms = {
        "number": "XX-1", "signed_on": str(TODAY), "starts_on": str(TODAY - 9 * DAY), "ends_on": str(TODAY), "payee_name": "店",
        "bank_name": "农业银行", "bank_account": "6228480402564890018",
    }
    assert (await shop.post(shop.admin, f"{store}/contracts", terms | {"ends_on": str(TODAY - DAY)})).status_code == 201
    assert await ordering() == (409, "reward_not_available")
    assert (await shop.verify(sold[1]["code"])).status_code == 200
    assert (await shop.post(shop.admin, f"{store}/contracts", terms | {"number": "XX-2", "starts_on": str(TODAY)})).status_code == 201
    assert (await ordering())[0] == 201
