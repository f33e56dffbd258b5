"""Clients that go on writing while the service is killed, and keep what they were told."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.support.newcomer import API, Caller, World

BACK_SECONDS = 60.0


@dataclass
class Wish:
    """One write with its key; `answer` once somebody has heard it."""

    caller: Caller
    path: str
    body: dict[str, Any]
    key: str = field(default_factory=lambda: uuid4().hex)
    answer: httpx.Response | None = None
    unknown: int = 0  # tries whose answer never came


@dataclass
class Writers:
    """Fires wishes one after the other, a few at once; a wish whose answer was lost is asked for again under the same key."""

    world: World
    wishes: list[Wish]
    heard: int = 0

    async def run(self, at_once: int = 6) -> None:
        queue = list(reversed(self.wishes))

        async def work() -> None:
            async with httpx.AsyncClient(base_url=self.world.service.url, timeout=20) as http:
                while queue:
                    await self._grant(http, queue.pop())

        await asyncio.gather(*(work() for _ in range(at_once)))

    async def _grant(self, http: httpx.AsyncClient, wish: Wish) -> None:
        async with asyncio.timeout(BACK_SECONDS):
            while wish.answer is None:
                try:
                    answer = await http.post(API + wish.path, json=wish.body, headers=wish.caller.headers | {"Idempotency-Key": wish.key})
                except httpx.TransportError:
                    wish.unknown += 1
                    await asyncio.sleep(0.05)
                    continue
                if answer.status_code == 503 or (answer.status_code == 409 and answer.json()["code"] == "request_in_progress"):
                    await asyncio.sleep(0.05)
                    continue
                wish.answer = answer
                self.heard += 1

    async def until_heard(self, count: int) -> None:
        async with asyncio.timeout(BACK_SECONDS):
            while self.heard < count:  # noqa: ASYNC110 - a short look at a counter, with a deadline around it
                await asyncio.sleep(0.005)


async def mixed_wishes(world: World, count: int) -> list[Wish]:
    """Reports and verifications in turn, prepared up to the last step."""
    riders = [await world.rider(points=count * 10) for _ in range(2)]
    reward = await world.reward()
    wishes: list[Wish] = []
    for number in range(count):
        rider = riders[number % 2]
        if number % 2:
            code = (await rider.orders(reward["id"]))["code"]
            wishes.append(Wish(world.clerks[number % 3], "/redemptions/verify", {"store_id": world.store_id, "code": code}))
        else:
            wishes.append(Wish(rider, "/reports", rider.filing(await rider.photo())))
    return wishes


async def all_there(world: World, wishes: list[Wish]) -> None:
    """Each acknowledged write is found once (by its key too, if its answer was lost); each answer is given again byte for byte."""
    month_lines = await _all(world.owner, f"/stores/{world.store_id}/verifications")
    verified = [line["redemption_id"] for line in month_lines]
    for wish in wishes:
        assert wish.answer is not None and wish.answer.is_success, wish.answer and wish.answer.text
        told = wish.answer.json()
        if wish.path == "/reports":
            assert (await wish.caller.sees(f"/reports/{told['id']}"))["number"] == told["number"]
        else:
            assert verified.count(told["redemption_id"]) == 1
            if wish.unknown:  # a clerk whose answer was lost can ask what became of the call
                found = await wish.caller.sees(f"/stores/{world.store_id}/verifications", key=wish.key)
                assert [line["verification_id"] for line in found["items"]] == [told["verification_id"]]
        again = await wish.caller.post(wish.path, wish.body, key=wish.key)
        assert (again.status_code, again.content, again.headers["idempotency-replayed"]) == (
            wish.answer.status_code, wish.answer.content, "true",
        )
    for rider in {wish.caller.id: wish.caller for wish in wishes if wish.path == "/reports"}.values():
        filed = [line["id"] for line in await _all(rider, "/reports/mine")]
        told_ids = [wish.answer.json()["id"] for wish in wishes if wish.path == "/reports" and wish.caller is rider and wish.answer]
        assert sorted(filed) == sorted(told_ids)


async def _all(caller: Caller, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    for _ in range(50):
        page = await caller.sees(path, limit=100, **({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
    raise AssertionError("a list without an end")
