"""WeChat is away, and nobody who is signed in notices: the same calls on a real service, answered before and meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.newcomer import API, Caller, World, sign_in, wechat_code

pytestmark = pytest.mark.check("S14", part=True)
LOOKS = ("/members/me", "/points/me", "/points/me/entries", "/reports/mine", "/redemptions", "/rewards", "/messages/unread-count")
WAYS: list[dict[str, Any]] = [{"status": 503}, {"errcode": -1}]


@asynccontextmanager
async def away(world: World, wish: dict[str, Any]) -> AsyncIterator[None]:
    faults = f"{world.service.simulator_url}/_simulator/faults"
    assert (await world.http.post(faults, json={"path": "*", "times": None} | wish)).status_code == 204
    try:
        yield
    finally:
        await world.http.delete(faults)


def shape(told: Any) -> Any:
    """The names in what was answered, and in the first of its items."""
    if isinstance(told, list):
        return [shape(one) for one in told[:1]]
    return {name: shape(value) if name == "items" else None for name, value in told.items()} if isinstance(told, dict) else None


class Day:
    """What people do with the mini program in a day, and how they were answered."""

    def __init__(self, world: World, reward: dict[str, Any], rider: Caller) -> None:
        self.world, self.reward, self.rider = world, reward, rider
        self.answers: dict[str, tuple[int, Any]] = {}

    async def does(self, caller: Caller, method: str, path: str, body: Any = None) -> Any:
        answer: httpx.Response = await (
            caller.post(path, body) if method == "POST" else caller.send(method, path, body)
        )
        place = path.split("?")[0].split("/")
        told = answer.json() if answer.content else None
        self.answers[f"{method} {'/'.join(part for part in place if len(part) < 30)}"] = (answer.status_code, shape(told))
        return told

    async def passes(self) -> dict[str, tuple[int, Any]]:
        world, rider = self.world, self.rider
        turned = await world.http.post(f"{API}/auth/refresh", json={"refresh_token": rider.tokens["refresh_token"]})
        self.answers["refresh"] = (turned.status_code, shape(turned.json()))
        rider.tokens = turned.json() if turned.is_success else rider.tokens
        report = await self.does(rider, "POST", "/reports", rider.filing(await rider.photo()))
        await self.does(world.reviewers[0], "POST", f"/reports/{report['id']}/accept", {"note": "属实"})
        order = await self.does(rider, "POST", "/redemptions", {"reward_id": self.reward["id"]})
        till = {"store_id": world.store_id, "code": order["code"]}
        await self.does(world.clerks[0], "POST", "/redemptions/verify", till)
        await self.does(rider, "POST", "/complaints", {"kind": "suggestion", "text": "希望驿站增加换电柜"})
        for path in LOOKS:
            await self.does(rider, "GET", path)
        await self.does(world.reviewers[0], "GET", "/reports/inbox")
        listed = await self.does(rider, "GET", "/messages")
        await self.does(rider, "POST", f"/messages/{listed['items'][0]['id']}/read")
        return self.answers


async def test_who_is_signed_in_does_not_notice_that_wechat_is_away(world: World) -> None:
    reward, rider = await world.reward(), await world.rider(points=30)
    usual = await Day(world, reward, rider).passes()
    assert len(usual) == 16 and {name: status for name, (status, _) in usual.items() if status >= 300} == {}
    async with away(world, WAYS[0]):
        assert await Day(world, reward, rider).passes() == usual


async def test_what_needs_wechat_says_so_and_nothing_is_half_done(world: World) -> None:
    """The known-bad side of the test above: these are the calls that do notice, with the contract's own word for it."""
    name = f"新来的人-{uuid4().hex[:6]}"
    code, phone_code = await wechat_code(world.service, world.http, name), await wechat_code(world.service, world.http, name, "13712340000")
    newcomer = Caller(world.http, name, tokens=await sign_in(world.service, world.http, f"{name}-2"))
    async with away(world, WAYS[1]):
        refused = [
            await world.http.post(f"{API}/auth/wechat", json={"code": code}),
            await newcomer.post("/members/me/phone", {"code": phone_code}),
        ]
        assert [(one.status_code, one.json()["code"]) for one in refused] == [(502, "wechat_unavailable")] * 2
    signed = await world.http.post(f"{API}/auth/wechat", json={"code": code})
    assert signed.status_code == 200 and signed.json()["account"]["created"], "the code was not spent, and nobody had been made"
