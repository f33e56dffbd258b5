"""A statement that meets an order as it is verified waits, finds it used, and live again when it looks: it was undone meanwhile."""

from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import pytest

from app.redemptions import till
from app.redemptions.service import ending
from tests.redemptions.conftest import Shop, code_of

Acts = Callable[[Shop, dict[str, Any]], Awaitable[Any]]


async def cancel(shop: Shop, order: dict[str, Any]) -> Any:
    return await shop.post(shop.rider, f"/redemptions/{order['id']}/cancel")


async def verify(shop: Shop, order: dict[str, Any]) -> Any:
    return await shop.verify(order["code"])


CASES = pytest.mark.parametrize(
    ("acts", "module", "name", "status", "left"),
    [(cancel, ending, "_end", "cancelled", (100, 0)), (verify, till, "_use", "verified", (90, 0))],
)


@CASES
async def test_it_is_done_after_all(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, acts: Acts, module: ModuleType, name: str, status: str, left: tuple[int, int]
) -> None:
    order = await shop.order(await shop.reward())
    real, met = getattr(module, name), []

    async def meets_a_verification_once(*told: Any) -> Any:
        met.append(told)
        return None if len(met) == 1 else await real(*told)

    monkeypatch.setattr(module, name, meets_a_verification_once)
    done = await acts(shop, order)
    assert (done.status_code, len(met)) == (200, 2), done.text
    assert (await shop.get(shop.rider, f"/redemptions/{order['id']}")).json()["status"] == status
    assert await shop.balance() == left
    assert code_of(await acts(shop, order))[0] == 409
