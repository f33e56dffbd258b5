"""The shop of the till's tests, with discounts."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app import clock
from tests.redemptions.conftest import Shop, code_of, shop
from tests.support.people import Person

__all__ = ["Counter", "code_of", "counter", "shop"]


@dataclass
class Counter:
    """Discounts at the shop, and its members' codes."""

    shop: Shop

    async def discount(self, who: Person | None = None, **more: Any) -> dict[str, Any]:
        body = {"title": "早餐 9 折", "terms": "凭码，全部早餐 9 折", "starts_on": clock.today().isoformat()} | more
        made = await self.shop.post(who or self.shop.owner, f"/stores/{self.shop.id}/discounts", body)
        assert made.status_code == 201, made.text
        answer: dict[str, Any] = made.json()
        return answer

    async def code(self, who: Person | None = None) -> str:
        shown = await self.shop.get(who or self.shop.rider, "/members/me/identity-code")
        assert shown.status_code == 200, shown.text
        return str(shown.json()["token"])

    async def scan(
        self, token: str | None = None, discount: dict[str, Any] | None = None, *, who: Person | None = None, store: str | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        body = {"token": token or await self.code()} | ({"discount_id": discount["id"]} if discount else {})
        return await self.shop.post(who or self.shop.clerk, f"/stores/{store or self.shop.id}/visits", body, key=key or uuid4().hex)

    async def totals(self, who: Person | None = None, **params: Any) -> httpx.Response:
        return await self.shop.get(who or self.shop.owner, f"/stores/{self.shop.id}/visits", **params)


@pytest.fixture
def counter(shop: Shop) -> Counter:
    return Counter(shop)
